//! Evidence recipe 1: proof that a verifier decoded and scaled the frames itself.
//!
//! `frame = SHA-256(seed ‖ picture)`, over the planes without padding, for every decoded frame and
//! every scaled one. A leaf's digest folds them in order, and the evidence folds the leaves in
//! ascending order of index. The seed does not exist before the draw, and no frame hash can be
//! derived from public data, so evidence can be neither prepared nor copied. It must be equal
//! within a tranche.

use sp_core::H256;
use sp_io::hashing::sha2_256;

use crate::{
	domain::{tagged_hash, EVIDENCE, EVIDENCE_FRAME},
	verdict::Evidence,
	Hash,
};

/// The recipe described in this module.
pub const RECIPE: u8 = 1;

/// The stream of the probe of rendition `i` is `PROBES + i`, above the streams of frames.
pub const PROBES: u8 = 128;

/// Folds the frames of one leaf. `stream` is 0 for the decoded source and `1 + i` for the scaled
/// frames of rendition `i`. Frames are added in presentation order, stream by stream. The probe
/// comes last, as frame 0 of a stream of its own, if the rendition that the seed chooses has one.
#[derive(Clone, Debug)]
pub struct LeafEvidence {
	state: Hash,
}

impl LeafEvidence {
	/// Starts the evidence of the leaf at `index`.
	pub fn new(seed: Hash, index: u32) -> Self {
		Self { state: tagged_hash(EVIDENCE, &(RECIPE, seed, index)) }
	}

	/// Adds the hash of one frame, made by [`frame_hash`] or by an incremental SHA-256 over the
	/// same bytes.
	pub fn add(&mut self, stream: u8, frame: u32, hash: H256) {
		self.state = tagged_hash(EVIDENCE_FRAME, &(self.state, stream, frame, hash));
	}

	/// The leaf's digest.
	pub fn digest(&self) -> Hash {
		self.state
	}
}

/// `SHA-256(seed ‖ picture)`.
pub fn frame_hash(seed: Hash, picture: &[u8]) -> H256 {
	let mut bytes = alloc::vec::Vec::with_capacity(32 + picture.len());
	bytes.extend_from_slice(seed.as_bytes());
	bytes.extend_from_slice(picture);
	H256(sha2_256(&bytes))
}

/// Folds the digests of the leaves that could be decoded, in ascending order of index.
pub fn fold(seed: Hash, leaves: &[(u32, Hash)]) -> Evidence {
	Evidence { recipe: RECIPE, hash: tagged_hash(EVIDENCE, &(RECIPE, seed, leaves)) }
}
