//! # Whole stories on the real runtime
//!
//! [`World`] is a local network of five validators in one process: it makes real blocks, with the
//! VRF of their authors, and passes every call as a signed or authorised transaction through all
//! extensions. [`Story`] plays a broadcaster, a transcoder and verifiers upon it.
#![allow(clippy::expect_used)]

mod story;
mod world;

pub use story::{keyring, Answers, Claim, Story, HONEST};
pub use world::World;
