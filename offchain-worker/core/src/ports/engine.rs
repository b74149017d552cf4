//! What the roles ask of a media engine.

use async_trait::async_trait;
use livepeer_primitives::{
	leaf::RejectReason,
	segment::{SegmentInfo, LAST_OF_EPOCH},
	verdict::{MismatchKind, NonConformingKind},
	video::{Ladder, SourceLimits},
	work::{segment_work, WorkFactors},
	Hash, ToolchainId,
};
use thiserror::Error;

/// What a job asks for: its ladder, and the limits beyond which a segment is invalid input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Format {
	/// The renditions in order.
	pub ladder: Ladder,
	/// The limits of the source.
	pub limits: SourceLimits,
}

impl Format {
	/// What is asked of one segment of a job: the last one of its epoch may be shorter.
	pub fn of(ladder: &Ladder, limits: &SourceLimits, segment: &SegmentInfo) -> Self {
		let is_last = segment.flags & LAST_OF_EPOCH != 0;
		let shortest = if is_last { 0 } else { limits.shortest };
		Self { ladder: ladder.clone(), limits: SourceLimits { shortest, ..*limits } }
	}
}

/// Pixels that went through the engine: what work is computed from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pixels {
	/// Decoded pixels of the source.
	pub input: u64,
	/// Encoded pixels of each rendition, in rendition order.
	pub outputs: Vec<u64>,
}

impl Pixels {
	/// The work of the segment with those outputs that are there; `None` when it does not fit 64
	/// bits, or for a profile that has no factor.
	pub fn work(
		&self,
		factors: &WorkFactors,
		ladder: &Ladder,
		is_there: impl Fn(usize) -> bool,
	) -> Option<u64> {
		let outputs = ladder.iter().zip(&self.outputs).enumerate();
		let there = outputs.filter(|(place, _)| is_there(*place));
		segment_work(factors, self.input, there.map(|(_, (r, pixels))| (r.profile, *pixels)))
	}
}

/// A transcoded segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transcoded {
	/// The outputs' bytes in rendition order.
	pub outputs: Vec<Vec<u8>>,
	/// What went through the engine.
	pub pixels: Pixels,
}

/// What is wrong with one output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
	/// It is well formed and differs from what the toolchain makes.
	Mismatch(MismatchKind),
	/// It breaks the profile.
	NonConforming(NonConformingKind),
}

/// A segment that was transcoded again and compared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Examined {
	/// Per rendition: `None` when its output is byte for byte what the toolchain makes, or absent.
	pub faults: Vec<Option<Fault>>,
	/// What went through the engine.
	pub pixels: Pixels,
	/// The leaf's evidence digest: see `livepeer_primitives::evidence`.
	pub digest: Hash,
}

/// Why the engine made nothing.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum MediaError {
	/// The input is beyond the limits or cannot be decoded: everybody finds the same.
	#[error("invalid input: {0:?}")]
	Invalid(RejectReason),
	/// The engine gave no answer in time or died; says nothing about the input.
	#[error("the media engine failed: {0}")]
	Failed(String),
}

/// A media engine. The same input and format give the same outputs on every machine with the same
/// toolchain id; an engine for which that does not hold has another id.
#[async_trait]
pub trait MediaEngine: Send + Sync {
	/// The id of what this engine makes.
	fn toolchain(&self) -> ToolchainId;

	/// Makes the renditions of `input`.
	async fn transcode(&self, format: &Format, input: &[u8]) -> Result<Transcoded, MediaError>;

	/// Makes them again, compares them with `outputs` (one per rendition, absent ones too) and
	/// gathers the evidence of the leaf at `index` under the tranche's `seed`.
	async fn examine(
		&self,
		format: &Format,
		input: &[u8],
		outputs: &[Option<Vec<u8>>],
		seed: Hash,
		index: u32,
	) -> Result<Examined, MediaError>;
}
