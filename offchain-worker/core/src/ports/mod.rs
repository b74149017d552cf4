//! Where the core meets the outside: traits, and the types that cross them.

pub mod advice;
pub mod before;
pub mod chain;
pub mod clock;
pub mod contradiction;
pub mod engine;
pub mod events;
pub mod judgements;
pub mod stake_call;
pub mod stakes;
pub mod store;
pub mod transport;
