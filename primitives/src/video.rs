//! The demands of a job: the ladder of renditions, and the limits of the source.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_core::ConstU32;
use sp_runtime::BoundedVec;

use crate::MAX_RENDITIONS;

/// Identifies how a rendition is encoded: codec, settings, container. 0 identifies none.
pub type ProfileId = u16;
/// The canonical profile: H.264 by libx264, in MPEG-TS.
pub const CANONICAL_PROFILE: ProfileId = 1;
/// The same codec and container, at constant quality if the target rate allows it, otherwise at the
/// target rate, planned over the segment. It has a variant and a probe.
pub const CAPPED_QUALITY: ProfileId = 2;

/// One output of the ladder. The frame rate is the source's.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
pub struct Rendition {
	/// Width in pixels, even.
	pub width: u16,
	/// Height in pixels, even.
	pub height: u16,
	/// How it is encoded.
	pub profile: ProfileId,
	/// The bit rate that the encoder aims at, in kbit/s.
	pub kbps: u32,
	/// The bit rate that the encoder does not exceed, over its buffer, in kbit/s; at least the
	/// target.
	pub cap_kbps: u32,
}

/// The ladder of a job, in the order in which outputs appear in receipts and leaves.
pub type Ladder = BoundedVec<Rendition, ConstU32<MAX_RENDITIONS>>;

/// The limits of a source segment, declared in the job. A segment beyond them is invalid input,
/// whoever decodes it.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
pub struct SourceLimits {
	/// Width in pixels.
	pub width: u16,
	/// Height in pixels.
	pub height: u16,
	/// Frames per second, rounded up.
	pub fps: u16,
	/// The longest segment in ticks of 1/90,000 s.
	pub longest: u32,
	/// The shortest segment in ticks of 1/90,000 s. The last one of an epoch can be shorter.
	pub shortest: u32,
}

impl SourceLimits {
	/// Limits of this picture size and frame rate, with the segment lengths that a live encoder
	/// makes by default.
	pub const fn new(width: u16, height: u16, fps: u16) -> Self {
		Self { width, height, fps, longest: USUAL_LONGEST, shortest: USUAL_SHORTEST }
	}
}

/// Ticks per second of every duration and time stamp of the protocol.
pub const TICKS_PER_SECOND: u32 = 90_000;
/// The longest segment that a job can declare: 10 s.
pub const LONGEST_SEGMENT: u32 = 10 * TICKS_PER_SECOND;
/// The shortest segment that a job can declare as its shortest: 0.5 s.
pub const SHORTEST_SEGMENT: u32 = TICKS_PER_SECOND / 2;
/// The longest segment of a job that declares no other: 2.5 s.
pub const USUAL_LONGEST: u32 = 5 * TICKS_PER_SECOND / 2;
/// The shortest segment of a job that declares no other: 1 s.
pub const USUAL_SHORTEST: u32 = TICKS_PER_SECOND;
/// The target length of a segment: 2 s.
pub const TARGET_SEGMENT: u32 = 2 * TICKS_PER_SECOND;
/// The largest source segment in bytes.
pub const MAX_SEGMENT_BYTES: u32 = 16 * 1024 * 1024;
/// The highest bit rate of a rendition, in kbit/s. With long segments it is less, so that they fit
/// into [`MAX_SEGMENT_BYTES`]; nobody fetches more.
pub const MAX_KBPS: u32 = 16_000;
/// The largest side of a picture, in pixels.
pub const MAX_SIDE: u16 = 4096;
/// The highest frame rate.
pub const MAX_FPS: u16 = 120;
