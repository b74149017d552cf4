//! Tests by topic.
#![allow(clippy::unwrap_used)]

mod properties;
mod retention;
mod seeds;
mod validity;
