//! # Core of the worker
//!
//! Segments, receipts, claims and the logic of every role, without I/O: the outside is reached
//! through four traits, at which the worker's other crates meet.
//!
//! - [`chain::Chain`]: the chain's reads and calls (crate `livepeer-worker-chain`).
//! - [`store::SegmentStore`]: bytes by hash and durable records (`livepeer-worker-store`).
//! - [`transport::Transport`] and [`transport::Service`]: peers (`livepeer-worker-net`).
//! - [`transcoder::Transcoder`]: the media engine (`livepeer-worker-media`).
//!
//! The roles: [`broadcast`], [`transcode`], [`verify`], [`follow`] (what a gateway does). The
//! rules that they apply are plain functions of their arguments, time included: [`window`],
//! [`claims`], [`playlist`]. Time comes from a [`clock::Clock`], which tests simulate.

pub mod broadcast;
pub mod chain;
pub mod claims;
pub mod clock;
pub mod events;
#[cfg(any(test, feature = "fakes"))]
pub mod fakes;
pub mod follow;
pub mod key;
pub mod playlist;
pub mod store;
pub mod transcode;
pub mod transcoder;
pub mod transport;
pub mod verify;
pub mod window;

use sha2::{Digest, Sha256};
use sp_core::H256;

/// SHA-256 of `bytes`: how every segment and output is named.
pub fn sha256(bytes: &[u8]) -> H256 {
	H256(Sha256::digest(bytes).into())
}
