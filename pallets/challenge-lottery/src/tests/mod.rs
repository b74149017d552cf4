//! Tests by topic.

#![allow(clippy::unwrap_used)]

mod agenda;
mod attacks;
mod decision;
mod dispute;
mod draw;
mod leaves;
mod life;
mod outcome;
mod toolchains;
mod tranches;
mod verdicts;
mod volume;
mod worker;
