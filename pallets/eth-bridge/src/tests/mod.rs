//! Tests by topic.
#![allow(clippy::unwrap_used)]

mod attacks;
mod inbound;
mod limits;
mod outbound;
mod payouts;
mod random;
mod supply;
mod sync;
mod vectors;
