//! The signed unit of a stream: a header over one source segment.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::H256;
use sp_runtime::traits::Verify;

use crate::{
	domain::{tagged_hash, SEGMENT_HEADER, STREAM},
	AccountId, AssignmentIndex, Hash, JobId, Seq, Signature, StreamId,
};

/// What the broadcaster signs for each segment that it sends to a transcoder.
///
/// It names the assignment and its transcoder, so that nobody else can claim it, and the chain,
/// so that it is void anywhere else.
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
	/// The segment's number within the stream.
	pub seq: Seq,
	/// SHA-256 of the segment's bytes.
	pub in_hash: H256,
	/// Length of the segment in bytes.
	pub in_len: u32,
	/// Duration in ticks of 1/90,000 s.
	pub duration: u32,
}

impl SegmentHeader {
	/// The 32 bytes that the broadcaster signs.
	pub fn signing_payload(&self) -> Hash {
		tagged_hash(SEGMENT_HEADER, self)
	}

	/// Whether `signature` is the broadcaster's over this header.
	pub fn is_signed_by(&self, broadcaster: &AccountId, signature: &Signature) -> bool {
		signature.verify(self.signing_payload().as_bytes(), broadcaster)
	}
}

/// The name of a broadcaster's stream: bound to the account, so that its origin is found through
/// the broadcaster's service record and nobody can take another's name.
pub fn stream_id(broadcaster: &AccountId, name: &str) -> StreamId {
	tagged_hash(STREAM, &(broadcaster, name))
}
