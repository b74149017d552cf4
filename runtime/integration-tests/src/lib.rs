//! # Whole stories on the real runtime
//!
//! [`World`] is a local network of five validators in one process: it makes real blocks, with the
//! VRF of their authors, passes every call as a signed or authorised transaction through all
//! extensions, and after each block checks every invariant and the sums of all balances. [`acts`]
//! is what each party says and signs, and [`Story`] plays a broadcaster, a transcoder and verifiers
//! from end to end. [`seeds`] makes stories of chance, and smaller ones of those that fail.
#![allow(clippy::expect_used)]

pub mod acts;
pub mod seeds;
mod story;
mod world;

pub use acts::{
	attestation, changed_session_key, keyring, operator_key, output, sign_by, Ballot, Turn, Work,
	LEAF_WORK,
};
pub use story::{canonical, create_job, job, Answers, Claim, Story, CAPACITY, HONEST, RENDITION};
pub use world::{heartbeat, refused, Applied, World};
