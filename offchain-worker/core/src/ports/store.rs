//! What survives a restart.
//!
//! Bytes are kept under their SHA-256 as long as something pins them: a source segment that waits
//! for its receipt, a transcoded segment until its claim is closed, a record of a playlist, a
//! verification task. A method that returns `Ok` has made its change durable, and blocks for the
//! time of a disk write.
//!
//! One trait for each kind of thing, and one for each role that joins what the role uses.

use std::ops::Range;

use codec::{Decode, Encode};
use livepeer_primitives::{
	claim::WorkClaim,
	extension::Extensions,
	keys::{Generation, OperatorSignature},
	leaf::Leaf,
	receipt::{Output, Receipt, TranscodeResult},
	segment::SegmentHeader,
	sum_tree::Commitment,
	video::Ladder,
	AccountId, AssignmentIndex, ClaimId, Epoch, Hash, JobId, Seq, StreamId, ToolchainId,
};
use sp_core::H256;
use thiserror::Error;

use crate::ports::transport::{SegmentRecord, SignedHead, SignedHeader};

/// Why something is not stored or cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum StoreError {
	/// No space is left; nothing that was stored before is lost.
	#[error("disk full at {0}: free some space, everything stored so far is kept")]
	DiskFull(String),
	/// The folder cannot be used.
	#[error("cannot use {path}: {reason}")]
	Unusable {
		/// The folder or file.
		path: String,
		/// Why.
		reason: String,
	},
	/// The folder may not grow any more; nothing that was stored before is lost.
	#[error("the store at {path} has reached its quota of {quota} bytes: give it more, everything stored so far is kept")]
	Quota {
		/// The folder.
		path: String,
		/// Its quota.
		quota: u64,
	},
	/// A file's content no longer has its hash; it was removed.
	#[error("stored bytes {0:?} are damaged and were removed")]
	Damaged(H256),
	/// A record cannot be read.
	#[error("the index is damaged: {0}")]
	Index(String),
	/// Another receipt exists under the key, or the seq is covered by a claim.
	#[error("another receipt exists under this key, or a claim covers it")]
	Conflict,
}

/// Names a segment within an assignment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
pub struct SegmentKey {
	/// The job.
	pub job: JobId,
	/// The assignment within it.
	pub assignment: AssignmentIndex,
	/// The segment.
	pub seq: Seq,
}

impl SegmentKey {
	/// The key of the segment that a header describes.
	pub fn of(header: &SegmentHeader) -> Self {
		Self { job: header.job, assignment: header.assignment, seq: header.seq }
	}
}

/// A segment that was transcoded or rejected: its receipt and what a claim needs.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct TranscodedSegment {
	/// The header that the broadcaster signed.
	pub signed: SignedHeader,
	/// The receipt.
	pub receipt: Receipt,
	/// This transcoder's signature over it.
	pub signature: OperatorSignature,
	/// The most leaves that a claim of the assignment could have then.
	pub max_leaves: u32,
	/// The leaf that stands for it in a claim.
	pub leaf: Leaf,
	/// When it was stored, in milliseconds since 1970.
	pub stored_ms: u64,
}

impl TranscodedSegment {
	/// Its key.
	pub fn key(&self) -> SegmentKey {
		SegmentKey::of(self.header())
	}

	/// The header that the broadcaster signed.
	pub fn header(&self) -> &SegmentHeader {
		&self.signed.header
	}

	/// What it was made under: the chain may have been reorganised since, and its assignment accepted
	/// anew.
	pub fn made_under(&self) -> MadeUnder {
		MadeUnder {
			transcoder_keys: self.signature.signer.generation,
			broadcaster_keys: self.signed.signature.signer.generation,
			toolchain: self.receipt.toolchain,
		}
	}

	/// The outputs that there are.
	pub fn outputs(&self) -> Vec<Output> {
		match &self.receipt.result {
			TranscodeResult::Transcoded(outputs) => outputs.iter().flatten().copied().collect(),
			TranscodeResult::Rejected(_) => Vec::new(),
		}
	}

	/// The hashes of its bytes: the source and the outputs.
	pub fn hashes(&self) -> Vec<H256> {
		core::iter::once(self.header().segment.in_hash)
			.chain(self.outputs().iter().map(|output| output.hash))
			.collect()
	}
}

/// What an assignment is accepted with, by which all that is signed and made for it is judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MadeUnder {
	/// The generation of the transcoder's keys, whose VRF draws the forced variants.
	pub transcoder_keys: Generation,
	/// The generation of the broadcaster's keys.
	pub broadcaster_keys: Generation,
	/// The toolchain.
	pub toolchain: ToolchainId,
}

/// A claim from the moment its leaves are fixed until it is closed on chain.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct ClaimRecord {
	/// The job.
	pub job: JobId,
	/// The assignment within it.
	pub assignment: AssignmentIndex,
	/// Seq of leaf 0.
	pub first: Seq,
	/// The leaves.
	pub leaves: Vec<Leaf>,
	/// Root, total work and leaf count.
	pub commitment: Commitment,
	/// The toolchain that made the outputs.
	pub toolchain: ToolchainId,
	/// The generation of this transcoder's keys in the assignment.
	pub keys: Generation,
	/// The claim's number once it is seen on chain.
	pub id: Option<ClaimId>,
}

impl ClaimRecord {
	/// Seq of the last leaf.
	pub fn last(&self) -> Seq {
		self.first.saturating_add(u64::from(self.commitment.leaf_count)).saturating_sub(1)
	}

	/// What is signed to be paid.
	pub fn work_claim(&self, genesis: Hash) -> WorkClaim {
		WorkClaim {
			genesis,
			job: self.job,
			assignment: self.assignment,
			first: self.first,
			last: self.last(),
			root: self.commitment.root,
			total_work: self.commitment.total_work,
			largest_leaf: self.leaves.iter().map(Leaf::work).max().unwrap_or(0),
			toolchain: self.toolchain,
			extensions: Extensions::default(),
		}
	}

	/// Its key: the segment of leaf 0.
	pub fn key(&self) -> SegmentKey {
		SegmentKey { job: self.job, assignment: self.assignment, seq: self.first }
	}
}

/// A stream as its origin or a follower knows it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct StreamState {
	/// Its owner.
	pub broadcaster: AccountId,
	/// Its name.
	pub name: String,
	/// Its newest job.
	pub job: JobId,
	/// That job's ladder.
	pub ladder: Ladder,
	/// The first seq of that job.
	pub first: Seq,
	/// The epoch of that seq.
	pub epoch: Epoch,
	/// The newest epoch that was ever signed or seen.
	pub newest_epoch: Epoch,
	/// The seq after the last one that was ever signed or seen.
	pub next: Seq,
	/// The seq before which every segment came back or never will. Followers are told of no record
	/// from here on: they read in order, and would miss what comes back late.
	pub complete: Seq,
	/// Whether nothing follows.
	pub ended: bool,
	/// The newest head that its broadcaster signed.
	pub head: Option<SignedHead>,
}

/// Bytes by their hash.
pub trait Blobs: Send + Sync {
	/// Stores bytes and returns their hash. They stay as long as something pins them; bytes that
	/// nothing pins go after a while.
	fn put(&self, bytes: &[u8]) -> Result<H256, StoreError>;
	/// How many bytes have this hash, without reading them.
	fn size(&self, hash: H256) -> Result<Option<u64>, StoreError>;
	/// The bytes with this hash, checked.
	fn get(&self, hash: H256) -> Result<Option<Vec<u8>>, StoreError>;
	/// Part of the bytes with this hash, unchecked: fewer than were asked for where bytes are missing.
	fn part(&self, hash: H256, range: Range<usize>) -> Result<Option<Vec<u8>>, StoreError> {
		let bytes = self.get(hash)?;
		Ok(bytes.map(|bytes| bytes.get(range).unwrap_or_default().to_vec()))
	}
	/// Pins bytes for `owner`, a name chosen by the caller; replaces its earlier pins. Bytes that
	/// are not there are [`StoreError::Damaged`].
	fn pin(&self, owner: &str, hashes: &[H256]) -> Result<(), StoreError>;
	/// Ends the pins of an owner, and of every owner whose name continues it behind a `/`, and
	/// removes the bytes that nobody else pins.
	fn unpin(&self, owner: &str) -> Result<(), StoreError>;
}

/// Small values by name.
pub trait Values: Send + Sync {
	/// Stores a small value under a name.
	fn put_value(&self, name: &str, value: &[u8]) -> Result<(), StoreError>;
	/// A small value.
	fn value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;
	/// Forgets a small value.
	fn drop_value(&self, name: &str) -> Result<(), StoreError>;
}

/// What a broadcaster has signed and not had back.
pub trait Headers: Send + Sync {
	/// Stores a signed header and pins its source. When one is stored under its key already, that
	/// one stays and is returned: a broadcaster signs one header per key.
	fn put_header(&self, signed: &SignedHeader) -> Result<SignedHeader, StoreError>;
	/// Puts another signature over a stored header in the place of its own. A header other than the
	/// one that is stored is [`StoreError::Conflict`].
	fn resign_header(&self, signed: &SignedHeader) -> Result<(), StoreError>;
	/// Drops the header of a key and its pin.
	fn drop_header(&self, key: SegmentKey) -> Result<(), StoreError>;
}

/// What a transcoder has signed and not claimed, by assignment.
pub trait Receipts: Send + Sync {
	/// Stores a receipt before it is sent, and pins its bytes. When one is stored under its key
	/// already, that one stays and is returned if it is for the same header; else, and when a
	/// claim covers the seq, the answer is [`StoreError::Conflict`].
	fn put_receipt(&self, segment: &TranscodedSegment) -> Result<TranscodedSegment, StoreError>;
	/// The newest header of a stream for which a receipt was ever stored, claimed or not: what is
	/// known of the streams that last had one, found without a search.
	fn newest(&self, stream: StreamId) -> Result<Option<SignedHeader>, StoreError>;
	/// The receipt stored under a key.
	fn receipt(&self, key: SegmentKey) -> Result<Option<TranscodedSegment>, StoreError>;
	/// The receipts of an assignment from `from` on, in ascending order of seq.
	fn receipts(
		&self,
		job: JobId,
		assignment: AssignmentIndex,
		from: Seq,
		limit: usize,
	) -> Result<Vec<TranscodedSegment>, StoreError>;
	/// The assignments that have receipts or claims.
	fn assignments(&self) -> Result<Vec<(JobId, AssignmentIndex)>, StoreError>;
	/// The first seq of an assignment that no claim covers.
	fn cursor(&self, job: JobId, assignment: AssignmentIndex) -> Result<Seq, StoreError>;
	/// Forgets an assignment for which nothing can be claimed any more: its receipts and their
	/// pins. The cursor and open claims stay.
	fn drop_assignment(&self, job: JobId, assignment: AssignmentIndex) -> Result<(), StoreError>;
}

/// What a transcoder has claimed, until it is closed.
pub trait Claims: Send + Sync {
	/// Fixes the leaves of a claim and moves the assignment's cursor behind it, in one step:
	/// no receipt for a covered seq is stored afterwards.
	fn put_claim(&self, claim: &ClaimRecord) -> Result<(), StoreError>;
	/// Notes a claim's number.
	fn set_claim_id(&self, key: SegmentKey, id: ClaimId) -> Result<(), StoreError>;
	/// Every claim that is not closed.
	fn claims(&self) -> Result<Vec<ClaimRecord>, StoreError>;
	/// Forgets a claim with its receipts and pins. The cursor stays.
	fn close_claim(&self, key: SegmentKey) -> Result<(), StoreError>;
}

/// Streams with their records, as their origin or a follower has them.
pub trait Streams: Send + Sync {
	/// Stores what is known about a stream.
	fn put_stream(&self, stream: StreamId, state: &StreamState) -> Result<(), StoreError>;
	/// What is known about a stream.
	fn stream(&self, stream: StreamId) -> Result<Option<StreamState>, StoreError>;
	/// Every known stream.
	fn streams(&self) -> Result<Vec<(StreamId, StreamState)>, StoreError>;
	/// Stores a record of a stream and pins its outputs.
	fn put_record(&self, record: &SegmentRecord) -> Result<(), StoreError> {
		self.put_record_with(record, &[])
	}
	/// The same, pinning these bytes too: they go with the record.
	fn put_record_with(&self, record: &SegmentRecord, more: &[H256]) -> Result<(), StoreError>;
	/// A stream's records from `from` on, in ascending order of seq.
	fn records(
		&self,
		stream: StreamId,
		from: Seq,
		limit: usize,
	) -> Result<Vec<SegmentRecord>, StoreError>;
	/// A stream's newest record.
	fn last_record(&self, stream: StreamId) -> Result<Option<SegmentRecord>, StoreError>;
	/// Forgets the records of a stream before `before` with their pins.
	fn trim_records(&self, stream: StreamId, before: Seq) -> Result<(), StoreError>;
}

/// What a broadcaster keeps.
pub trait BroadcastStore: Blobs + Values + Headers + Streams {}

impl<S: Blobs + Values + Headers + Streams> BroadcastStore for S {}

/// What an origin serves from.
pub trait OriginStore: Blobs + Streams {}

impl<S: Blobs + Streams> OriginStore for S {}

/// What a transcoder keeps.
pub trait TranscodeStore: Blobs + Values + Receipts + Claims {}

impl<S: Blobs + Values + Receipts + Claims> TranscodeStore for S {}

/// What a verifier keeps.
pub trait VerifyStore: Blobs + Values {}

impl<S: Blobs + Values> VerifyStore for S {}

/// What a follower keeps.
pub trait FollowStore: Blobs + Values + Streams {}

impl<S: Blobs + Values + Streams> FollowStore for S {}
