//! What a transcoder signs for each segment that it returns.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::{ConstU32, H256};
use sp_runtime::BoundedVec;

use crate::{
	domain::{tagged_hash, RECEIPT},
	extension::Extensions,
	Hash, ToolchainId, MAX_RENDITIONS,
};

/// One transcoded output.
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
)]
pub struct Output {
	/// SHA-256 of the output's bytes.
	pub hash: H256,
	/// Length of the output in bytes.
	pub len: u32,
	/// Root of the output's [`crate::chunks`].
	pub chunk_root: H256,
}

/// The outputs of one segment in rendition order; an absent one has no work.
pub type Outputs = BoundedVec<Option<Output>, ConstU32<MAX_RENDITIONS>>;

/// Why a segment cannot be transcoded. These are counted limits only, so that everybody who decodes
/// it finds the same. Checked in this order.
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
	/// More bytes than the largest segment.
	TooManyBytes,
	/// It is not an MPEG transport stream with one H.264 video and at most one AAC audio track.
	NotTransportStream,
	/// More packets than the largest segment holds.
	TooManyPackets,
	/// The video codec, profile or pixel format is outside the profile.
	UnsupportedVideo,
	/// The audio codec is outside the profile.
	UnsupportedAudio,
	/// A picture with more macroblocks than the job declares.
	TooManyPixels,
	/// More frames than the job's longest segment holds at the declared rate.
	TooManyFrames,
	/// It is longer than the job's longest segment.
	TooLong,
	/// It is shorter than the job's shortest segment, and not the last one of its epoch.
	TooShort,
	/// It has no frame, or the first one is not a keyframe.
	NoKeyframe,
	/// The canonical decoder reports an error.
	Undecodable {
		/// The error, by the toolchain's own numbers.
		reason: u16,
		/// The packet at which it was found, from 0.
		packet: u32,
	},
}

/// A transcoder's statement that the toolchain makes these outputs of that segment.
///
/// Two receipts of one transcoder for one header that differ in toolchain or outputs prove an
/// equivocation.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Receipt {
	/// Hash of the header that the broadcaster signed, which names chain, job, assignment,
	/// transcoder and seq: [`crate::segment::SegmentHeader::hash`].
	pub header: Hash,
	/// The toolchain that made the outputs.
	pub toolchain: ToolchainId,
	/// The result.
	pub result: TranscodeResult,
	/// Extensions of later versions.
	pub extensions: Extensions,
}

/// The result for a segment.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum TranscodeResult {
	/// These outputs, in rendition order.
	Transcoded(Outputs),
	/// The segment exceeds a limit, or the canonical decoder finds an error in it.
	Rejected(RejectReason),
}

impl Receipt {
	/// The hash that the transcoder signs.
	pub fn hash(&self) -> Hash {
		tagged_hash(RECEIPT, self)
	}

	/// Whether this receipt and `other`, of one signer, prove that the signer gave two results for
	/// one segment. The reason of a rejection is for information only, so two reasons are no
	/// contradiction.
	pub fn equivocates(&self, other: &Receipt) -> bool {
		let results_differ = match (&self.result, &other.result) {
			(TranscodeResult::Rejected(_), TranscodeResult::Rejected(_)) => false,
			(one, two) => one != two,
		};
		self.header == other.header && (results_differ || self.toolchain != other.toolchain)
	}
}
