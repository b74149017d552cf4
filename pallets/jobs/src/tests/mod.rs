//! Tests by topic.
#![allow(clippy::unwrap_used)]

mod accept;
mod agenda;
mod assignment;
mod attacks;
mod claims;
mod create;
mod decide;
mod differs;
mod end;
mod handover;
mod origin;
mod properties;
mod settlement;
mod views;
