//! The media engine, from the view of the roles.

use async_trait::async_trait;
use livepeer_primitives::{
	receipt::RejectReason,
	segment::{SegmentInfo, LAST_OF_EPOCH},
	verdict::{MismatchKind, NonConformingKind},
	video::{Ladder, ProfileId, SourceLimits},
	work::{segment_work, StatedWork, WorkFactors},
	Hash, ToolchainId,
};
use thiserror::Error;

/// A job's format: its ladder, and the limits beyond which a segment is invalid input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Format {
	/// The renditions in order.
	pub ladder: Ladder,
	/// The limits of the source.
	pub limits: SourceLimits,
	/// Whether an output can be a variant; if not, a judge makes none for comparison.
	pub variants: bool,
	/// The work that the leaf states for a segment: a judge does no more. `None` if nobody states any.
	pub stated: Option<StatedWork>,
}

impl Format {
	/// The format of one segment of a job; the last one of its epoch may be shorter. Its outputs can be
	/// variants, and no work is stated for it.
	pub fn of(ladder: &Ladder, limits: &SourceLimits, segment: &SegmentInfo) -> Self {
		let is_last = segment.flags & LAST_OF_EPOCH != 0;
		let shortest = if is_last { 0 } else { limits.shortest };
		let limits = SourceLimits { shortest, ..*limits };
		Self { ladder: ladder.clone(), limits, variants: true, stated: None }
	}
}

/// Pixels that went through the engine, from which work is computed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pixels {
	/// Decoded pixels of the source.
	pub input: u64,
	/// Encoded pixels of each rendition, in rendition order.
	pub outputs: Vec<u64>,
}

impl Pixels {
	/// The work of the segment with its existing outputs; `None` if it does not fit 64 bits, or for a profile
	/// without a factor. Without any output nothing shows that the source was decoded, and the work is 0.
	pub fn work(
		&self,
		factors: &WorkFactors,
		ladder: &Ladder,
		is_there: impl Fn(usize) -> bool,
	) -> Option<u64> {
		let outputs = ladder.iter().zip(&self.outputs).enumerate();
		let mut there = outputs.filter(|(place, _)| is_there(*place)).peekable();
		let input = if there.peek().is_some() { self.input } else { 0 };
		segment_work(factors, input, there.map(|(_, (r, pixels))| (r.profile, *pixels)))
	}
}

/// The profile's variant in one rendition: public, of the same rate and quality, and recognisable only by
/// encoding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Variant {
	/// The rendition's place in the ladder.
	pub rendition: u8,
	/// The starting picture, one of the profile's [`VARIANT_STARTS`].
	pub start: u8,
}

/// Starting pictures that a variant can have.
pub const VARIANT_STARTS: u8 = 4;

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

/// The comparison of an output with what the toolchain makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Finding {
	/// Byte for byte the same, or absent.
	Exact,
	/// Byte for byte the profile's variant.
	Variant {
		/// The starting picture.
		start: u8,
	},
	/// Something else.
	Fault {
		/// What is wrong.
		fault: Fault,
		/// The first picture that differs, in the order of display, if that is meaningful.
		picture: Option<u32>,
	},
}

impl Finding {
	/// What is wrong, if anything is.
	pub fn fault(&self) -> Option<Fault> {
		match self {
			Self::Fault { fault, .. } => Some(*fault),
			Self::Exact | Self::Variant { .. } => None,
		}
	}

	/// The first picture that differs, if that is meaningful.
	pub fn picture(&self) -> Option<u32> {
		match self {
			Self::Fault { picture, .. } => *picture,
			Self::Exact | Self::Variant { .. } => None,
		}
	}
}

impl core::fmt::Display for Finding {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		match self {
			Self::Exact => write!(f, "exact"),
			Self::Variant { start } => write!(f, "variant from start {start}"),
			Self::Fault { fault, picture: None } => write!(f, "{fault:?}"),
			Self::Fault { fault, picture: Some(picture) } => {
				write!(f, "{fault:?} from picture {picture} on")
			}
		}
	}
}

/// A segment that was transcoded again and compared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Examined {
	/// Per rendition, in the ladder's order.
	pub findings: Vec<Finding>,
	/// What went through the engine.
	pub pixels: Pixels,
	/// The leaf's evidence digest: see `livepeer_primitives::evidence`.
	pub digest: Hash,
}

/// Why the engine made nothing.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum MediaError {
	/// The input is beyond the limits or cannot be decoded: every engine finds the same.
	#[error("invalid input: {0:?}")]
	Invalid(RejectReason),
	/// The segment takes more work than is stated: every engine finds the same.
	#[error("the segment takes more work than is stated")]
	MoreWork,
	/// The engine gave no answer in time or died, which shows nothing about the input.
	#[error("the media engine failed: {0}")]
	Failed(String),
	/// This machine had no memory or no process left to look at the input, which is not to blame.
	#[error("this machine has no room: {0}")]
	Unable(String),
}

/// A media engine. The same input and format give the same outputs on every machine with the same toolchain
/// id; an engine with other outputs has another id.
#[async_trait]
pub trait MediaEngine: Send + Sync {
	/// The id of this engine's toolchain.
	fn toolchain(&self) -> ToolchainId;

	/// Makes the golden vectors anew, ignoring the cache, and returns the id of the toolchain that they
	/// identify.
	async fn attest(&self) -> Result<ToolchainId, MediaError>;

	/// Whether something that this engine consists of was replaced since it began, as a library is by an upgrade:
	/// it goes on as it was, but only an engine of another process can make the golden vectors anew.
	fn is_replaced(&self) -> bool {
		false
	}

	/// Whether it can make nothing any more, because it would have to start again what was replaced: only an engine of
	/// another process goes on.
	fn is_over(&self) -> bool {
		false
	}

	/// The profiles that it makes, ascending.
	fn profiles(&self) -> Vec<ProfileId>;

	/// Makes the renditions of `input`, one of them as its profile's variant if `variant` is given.
	async fn transcode(
		&self,
		format: &Format,
		input: &[u8],
		variant: Option<Variant>,
	) -> Result<Transcoded, MediaError>;

	/// Whether `input` is valid: decodes it without making outputs, for a judge, at the lowest priority.
	async fn accept(&self, format: &Format, input: &[u8]) -> Result<(), MediaError>;

	/// Makes the renditions again, compares them with `outputs` (one per rendition; absent ones are not made)
	/// and gathers the evidence of the leaf at `index` under the tranche's `seed`. If only one output
	/// differs, and it can be a variant, it is compared with the possible variants of its profile.
	/// [`MediaError::MoreWork`] as soon as decoding shows that the segment takes more work than is stated.
	async fn examine(
		&self,
		format: &Format,
		input: &[u8],
		outputs: &[Option<Vec<u8>>],
		seed: Hash,
		index: u32,
	) -> Result<Examined, MediaError>;
}
