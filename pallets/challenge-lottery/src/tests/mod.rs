//! Tests by topic.

#![allow(clippy::unwrap_used)]

mod agenda;
mod attacks;
mod attestations;
mod correlation;
mod decision;
mod dispute;
mod draw;
mod late;
mod leaves;
mod life;
mod outcome;
mod refusals;
mod rewards;
mod toolchains;
mod tranches;
mod variants;
mod verdicts;
mod volume;
mod worker;
