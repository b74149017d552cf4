//! Tests of how the pallets are put together.
#![allow(clippy::unwrap_used)]

mod composition;
mod fees;
mod presets;
