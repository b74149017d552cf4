//! Tests by topic.
#![allow(clippy::unwrap_used)]

mod clock;
mod genesis;
mod money;
mod set_parameter;
