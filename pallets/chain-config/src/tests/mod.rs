//! Tests by topic.
#![allow(clippy::unwrap_used)]

mod clock;
mod genesis;
mod set_parameter;
mod money;
