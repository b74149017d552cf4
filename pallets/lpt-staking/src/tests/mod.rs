//! Tests by topic.
#![allow(clippy::unwrap_used)]

mod advance;
mod attacks;
mod bonding;
mod coalition;
mod earnings;
mod exits;
mod gains;
mod genesis;
mod liabilities;
mod livepeer;
mod maths;
mod properties;
mod regressions;
mod returns;
mod slashing;
mod views;
