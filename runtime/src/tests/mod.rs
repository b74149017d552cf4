//! Tests of how the pallets are put together.
#![allow(clippy::unwrap_used)]

mod agendas;
mod bridge;
mod capacity;
mod claim_life;
mod composition;
mod fees;
mod presets;
mod session;
#[cfg(feature = "try-runtime")]
mod worked_examples;
