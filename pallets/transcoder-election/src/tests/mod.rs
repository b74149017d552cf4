//! Tests by topic.
#![allow(clippy::unwrap_used)]

mod availability;
mod choice;
mod election;
mod genesis;
mod jail;
mod lock_period;
mod presence;
mod random;
mod registration;
mod seat;
mod session;
mod views;
