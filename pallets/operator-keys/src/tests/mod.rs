//! Tests by topic.
#![allow(clippy::unwrap_used)]

mod attacks;
mod generations;
mod random;
mod revocation;
mod signatures;
