//! What survives a restart.
//!
//! Bytes are stored under their SHA-256 as long as something pins them: a source segment that waits for its
//! receipt, a transcoded segment until its claim is closed, a record in a playlist, a verification task. A
//! method that returns `Ok` has made its change durable, and blocks for the time of a disk write.
//!
//! There is one trait for each kind of data, and one for each role, which joins the traits that the role
//! uses.

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
	/// A file's content did not match its hash, and was removed.
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

/// A transcoded or rejected segment: its receipt, and the data for a claim.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct TranscodedSegment {
	/// The header that the broadcaster signed.
	pub signed: SignedHeader,
	/// The receipt.
	pub receipt: Receipt,
	/// This transcoder's signature over it.
	pub signature: OperatorSignature,
	/// The most leaves that a claim of the assignment could have at that time.
	pub max_leaves: u32,
	/// Its leaf in a claim.
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

	/// The terms under which it was made: after a reorganisation the assignment may be accepted under others.
	pub fn made_under(&self) -> MadeUnder {
		MadeUnder {
			transcoder_keys: self.signature.signer.generation,
			broadcaster_keys: self.signed.signature.signer.generation,
			toolchain: self.receipt.toolchain,
		}
	}

	/// The outputs that are not absent.
	pub fn outputs(&self) -> Vec<Output> {
		match &self.receipt.result {
			TranscodeResult::Transcoded(outputs) => outputs.iter().flatten().copied().collect(),
			TranscodeResult::Rejected(_) => Vec::new(),
		}
	}

	/// The hashes of its source and outputs.
	pub fn hashes(&self) -> Vec<H256> {
		core::iter::once(self.header().segment.in_hash)
			.chain(self.outputs().iter().map(|output| output.hash))
			.collect()
	}
}

/// The terms with which an assignment is accepted, by which everything signed and made for it is judged.
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

	/// The claim to sign.
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

/// A stream's state at its origin or a follower.
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
	/// The newest epoch ever signed or seen.
	pub newest_epoch: Epoch,
	/// The seq after the last one ever signed or seen.
	pub next: Seq,
	/// The seq before which every segment came back or never will. Followers get no records from here on:
	/// they read in order, and would miss a segment that comes back late.
	pub complete: Seq,
	/// Whether nothing follows.
	pub ended: bool,
	/// The newest head that its broadcaster signed.
	pub head: Option<SignedHead>,
}

/// Bytes by their hash.
pub trait Blobs: Send + Sync {
	/// Stores bytes and returns their hash. They stay as long as something pins them; unpinned bytes are
	/// removed after a while.
	fn put(&self, bytes: &[u8]) -> Result<H256, StoreError>;
	/// The number of bytes with this hash, without reading them.
	fn size(&self, hash: H256) -> Result<Option<u64>, StoreError>;
	/// The bytes with this hash, checked.
	fn get(&self, hash: H256) -> Result<Option<Vec<u8>>, StoreError>;
	/// A part of the bytes with this hash, unchecked: shorter than requested if bytes are missing.
	fn part(&self, hash: H256, range: Range<usize>) -> Result<Option<Vec<u8>>, StoreError> {
		let bytes = self.get(hash)?;
		Ok(bytes.map(|bytes| bytes.get(range).unwrap_or_default().to_vec()))
	}
	/// Pins bytes for `owner`, a name chosen by the caller, and replaces the owner's earlier pins. Missing
	/// bytes are [`StoreError::Damaged`].
	fn pin(&self, owner: &str, hashes: &[H256]) -> Result<(), StoreError>;
	/// Removes the pins of an owner, and of every owner whose name continues it after a `/`; then removes the
	/// bytes that nobody else pins.
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

/// Segments that a broadcaster signed and that have not come back.
pub trait Headers: Send + Sync {
	/// Stores a signed header and pins its source. If one is stored under its key already, that one stays and
	/// is returned: a broadcaster signs one header per key.
	fn put_header(&self, signed: &SignedHeader) -> Result<SignedHeader, StoreError>;
	/// Replaces the signature of a stored header. A header other than the stored one is
	/// [`StoreError::Conflict`].
	fn resign_header(&self, signed: &SignedHeader) -> Result<(), StoreError>;
	/// Drops the header of a key and its pin.
	fn drop_header(&self, key: SegmentKey) -> Result<(), StoreError>;
}

/// Receipts that a transcoder signed and has not claimed, by assignment.
pub trait Receipts: Send + Sync {
	/// Stores a receipt before it is sent, and pins its bytes. If one is stored under its key already, it
	/// stays, and is returned if it is for the same header. If it is for another header, or a claim covers
	/// the seq, the result is [`StoreError::Conflict`].
	fn put_receipt(&self, segment: &TranscodedSegment) -> Result<TranscodedSegment, StoreError>;
	/// The newest header of a stream for which a receipt was ever stored, claimed or not. Kept for the
	/// streams that last had one, and found without a search.
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
	/// Forgets the receipts and pins of an assignment for which nothing can be claimed any more. The cursor
	/// and open claims stay.
	fn drop_assignment(&self, job: JobId, assignment: AssignmentIndex) -> Result<(), StoreError>;
}

/// A transcoder's claims, until they are closed.
pub trait Claims: Send + Sync {
	/// Fixes the leaves of a claim and moves the assignment's cursor behind it, atomically: no receipt for a
	/// covered seq is stored afterwards.
	fn put_claim(&self, claim: &ClaimRecord) -> Result<(), StoreError>;
	/// Notes a claim's number.
	fn set_claim_id(&self, key: SegmentKey, id: ClaimId) -> Result<(), StoreError>;
	/// Every claim that is not closed.
	fn claims(&self) -> Result<Vec<ClaimRecord>, StoreError>;
	/// Forgets a claim with its receipts and pins. The cursor stays.
	fn close_claim(&self, key: SegmentKey) -> Result<(), StoreError>;
}

/// Streams with their records, at their origin or a follower.
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
	/// The same, also pinning these bytes, which are removed with the record.
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

/// A broadcaster's store.
pub trait BroadcastStore: Blobs + Values + Headers + Streams {}

impl<S: Blobs + Values + Headers + Streams> BroadcastStore for S {}

/// An origin's store.
pub trait OriginStore: Blobs + Streams {}

impl<S: Blobs + Streams> OriginStore for S {}

/// A transcoder's store.
pub trait TranscodeStore: Blobs + Values + Receipts + Claims {}

impl<S: Blobs + Values + Receipts + Claims> TranscodeStore for S {}

/// A verifier's store.
pub trait VerifyStore: Blobs + Values {}

impl<S: Blobs + Values> VerifyStore for S {}

/// A follower's store.
pub trait FollowStore: Blobs + Values + Streams {}

impl<S: Blobs + Values + Streams> FollowStore for S {}
