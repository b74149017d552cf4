//! Tests by topic.
#![allow(clippy::unwrap_used)]

mod attacks;
mod bonding;
mod coalition;
mod earnings;
mod exits;
mod genesis;
mod liabilities;
mod livepeer;
mod maths;
mod properties;
mod returns;
mod slashing;
mod views;
