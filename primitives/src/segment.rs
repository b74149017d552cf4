//! The signed units of a stream: a header for each source segment, and a head that states how far
//! the stream has come.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::H256;

use crate::{
	domain::{tagged_hash, SEGMENT_HEADER, STREAM, STREAM_HEAD},
	extension::Extensions,
	AccountId, AssignmentIndex, Epoch, Hash, JobId, Seq, StreamId, Track,
};

/// The track that the network transcodes.
pub const SOURCE_TRACK: Track = 0;

/// The segment is the last one of its epoch, so it may be shorter than the job's shortest.
pub const LAST_OF_EPOCH: u16 = 1;

/// The parts of a segment's header that a claim does not imply. A leaf repeats them, so that the
/// chain can check the broadcaster's signature.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct SegmentInfo {
	/// The track: [`SOURCE_TRACK`] is transcoded; others are the publisher's own renditions.
	pub track: Track,
	/// Increases with each restart or discontinuity of the source. Time stamps are comparable only
	/// within one epoch.
	pub epoch: Epoch,
	/// Presentation time of the first picture in ticks of 1/90,000 s.
	pub time: u64,
	/// When the segment was captured, in milliseconds of Unix time; 0 if unknown.
	pub captured: u64,
	/// Duration in ticks of 1/90,000 s.
	pub duration: u32,
	/// Bits: [`LAST_OF_EPOCH`]; the others are 0.
	pub flags: u16,
	/// SHA-256 of the segment's bytes.
	pub in_hash: H256,
	/// Length of the segment in bytes.
	pub in_len: u32,
	/// Root of the segment's [`crate::chunks`].
	pub chunk_root: H256,
	/// Extensions of later versions.
	pub extensions: Extensions,
}

/// What the broadcaster signs for each segment that it sends to a transcoder.
///
/// It names the assignment and its transcoder, so that nobody else can claim it, and the chain, so
/// that it is void anywhere else.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct SegmentHeader {
	/// Hash of the chain's genesis block.
	pub genesis: Hash,
	/// The stream.
	pub stream: StreamId,
	/// The job.
	pub job: JobId,
	/// The assignment within the job.
	pub assignment: AssignmentIndex,
	/// The transcoder of that assignment.
	pub transcoder: AccountId,
	/// The segment's number within the stream and track. It ascends over all epochs and never
	/// restarts.
	pub seq: Seq,
	/// The segment itself.
	pub segment: SegmentInfo,
}

impl SegmentHeader {
	/// The hash that the broadcaster signs, and that receipts name.
	pub fn hash(&self) -> Hash {
		tagged_hash(SEGMENT_HEADER, self)
	}

	/// Whether this and `other` prove that the broadcaster signed two segments in one place.
	pub fn equivocates(&self, other: &SegmentHeader) -> bool {
		let place = |header: &SegmentHeader| {
			(header.genesis, header.job, header.assignment, header.segment.track, header.seq)
		};
		place(self) == place(other) && self != other
	}
}

/// How far a stream has come. The newest head determines the stream's freshness and its end.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct StreamHead {
	/// Hash of the chain's genesis block.
	pub genesis: Hash,
	/// The stream.
	pub stream: StreamId,
	/// The newest epoch.
	pub epoch: Epoch,
	/// The seq that the next segment of [`SOURCE_TRACK`] will have.
	pub next_seq: Seq,
	/// Whether the stream is over.
	pub ended: bool,
	/// When the head was made, in milliseconds of Unix time.
	pub time: u64,
	/// Extensions of later versions.
	pub extensions: Extensions,
}

impl StreamHead {
	/// The hash that the broadcaster signs.
	pub fn hash(&self) -> Hash {
		tagged_hash(STREAM_HEAD, self)
	}
}

/// The name of a broadcaster's stream. It is bound to the account, so that the stream's origin is
/// found through the stream's own service record and nobody can take another's name.
pub fn stream_id(broadcaster: &AccountId, name: &str) -> StreamId {
	tagged_hash(STREAM, &(broadcaster, name))
}
