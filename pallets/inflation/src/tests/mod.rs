//! Tests by topic.
#![allow(clippy::unwrap_used)]

mod attacks;
mod competition;
mod livepeer;
mod rounds;
