//! Tests by topic.
#![allow(clippy::unwrap_used)]

mod attacks;
mod jail;
mod properties;
mod retention;
mod seeds;
mod validity;
