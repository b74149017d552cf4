//! Tests by topic.
#![allow(clippy::unwrap_used)]

mod availability;
mod choice;
mod election;
mod genesis;
mod jail;
mod lock_period;
mod random;
mod registration;
mod session;
mod views;
