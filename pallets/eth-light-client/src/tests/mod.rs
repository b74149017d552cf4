//! Tests by topic.
#![allow(clippy::unwrap_used)]

mod attacks;
mod following;
mod network;
mod proofs;
mod vectors;
