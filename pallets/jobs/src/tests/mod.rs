//! Tests by topic.
#![allow(clippy::unwrap_used)]

mod accept;
mod agenda;
mod assignment;
mod attacks;
mod claims;
mod clock;
mod competition;
mod create;
mod debts;
mod decision;
mod differs;
mod end;
mod equivocation;
mod handover;
mod idle;
mod next_transcoder;
mod origin;
mod payouts;
mod places;
mod properties;
mod refusals;
mod revocation;
mod settlement;
mod spending;
mod verification;
mod views;
mod waiting;
