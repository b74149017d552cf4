//! Tests of how the pallets are put together.
#![allow(clippy::unwrap_used)]

mod bridge;
mod claim_life;
mod composition;
mod fees;
mod presets;
mod session;
mod worked_examples;
