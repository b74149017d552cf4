//! The leaves of a claim: one per segment, index `i` standing for seq `first + i`.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::H256;

use crate::receipt::Outputs;

/// Why a segment cannot be transcoded: on-chain limits only, so that everybody who decodes it
/// finds the same reason.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum RejectReason {
	/// Not an MPEG transport stream with one H.264 video and at most one AAC audio track.
	NotTransportStream,
	/// The video codec, profile or pixel format is outside the profile.
	UnsupportedVideo,
	/// The audio codec is outside the profile.
	UnsupportedAudio,
	/// More bytes than the largest segment.
	TooManyBytes,
	/// A picture larger than the job declares.
	TooManyPixels,
	/// More frames than the longest segment holds at the declared rate.
	TooManyFrames,
	/// Longer than the longest segment.
	TooLong,
	/// No frame, or the first one is no keyframe.
	NoKeyframe,
	/// The decoder reports an error.
	Corrupt,
}

/// What a transcoder claims about one segment.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Leaf {
	/// Nothing is claimed for this seq; also pads the tree. Work 0, so it is never drawn.
	Empty,
	/// The segment was transcoded into the job's ladder.
	Transcoded {
		/// SHA-256 of the source segment.
		in_hash: H256,
		/// Length of the source segment in bytes.
		in_len: u32,
		/// Duration in ticks of 1/90,000 s.
		duration: u32,
		/// The outputs in rendition order.
		outputs: Outputs,
		/// Work units: see [`crate::work`].
		work: u64,
	},
	/// The segment is beyond the limits; counts as delivered with a small fixed work.
	Rejected {
		/// SHA-256 of the source segment.
		in_hash: H256,
		/// The limit that it breaks.
		reason: RejectReason,
		/// The fixed work of a rejected segment.
		work: u64,
	},
}

impl Leaf {
	/// The work that this leaf adds to the claim.
	pub fn work(&self) -> u64 {
		match self {
			Leaf::Empty => 0,
			Leaf::Transcoded { work, .. } | Leaf::Rejected { work, .. } => *work,
		}
	}
}
