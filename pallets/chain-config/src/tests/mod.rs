//! Tests by topic.
#![allow(clippy::unwrap_used)]

mod genesis;
mod set_parameter;
