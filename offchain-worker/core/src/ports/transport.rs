//! Peers: their requests and answers, and what each side checks.
//!
//! Each stream carries one request and one answer: a SCALE frame of at most [`MAX_FRAME`] bytes after its
//! length, then at most [`MAX_PAYLOAD`] raw bytes, whose number follows from the frame. The protocol's name
//! contains the chain's genesis, so that peers of two chains do not talk.

use std::ops::Range;

use async_trait::async_trait;
use codec::{Decode, Encode};
use livepeer_primitives::{
	chunks::{chunk_count, chunk_nodes, range_proof, range_root, CHUNK},
	keys::{OperatorSignature, VerifierSignature},
	receipt::{Output, Receipt, TranscodeResult},
	segment::{SegmentHeader, SegmentInfo, StreamHead, SOURCE_TRACK},
	service::ServiceRecord,
	verdict::Pass,
	video::{Ladder, MAX_SEGMENT_BYTES},
	Hash, JobId, Seq, StreamId, Track, MAX_RENDITIONS,
};
use sp_core::{ConstU32, H256};
use sp_runtime::BoundedVec;
use thiserror::Error;

use crate::{aside, sha256};

/// The longest SCALE frame.
pub const MAX_FRAME: u32 = 64 * 1024;
/// The longest payload, and the most bytes that are fetched under one hash.
pub const MAX_PAYLOAD: u32 = MAX_SEGMENT_BYTES;
/// Most chunks in one answer: 1 MiB, which bounds what a lying peer can make others receive in vain.
pub const MAX_CHUNKS: u32 = 16;
/// Most records in one answer, so that it fits a frame.
pub const MAX_RECORDS: u32 = 32;
/// Most own renditions of a publisher in a segment, for the same reason; together with the bought ones at
/// most [`MAX_RENDITIONS`].
pub const MAX_OWN: u32 = 4;

/// The protocol's name on the wire: the first 8 bytes of the genesis hash in hex, and a version.
pub fn protocol_name(genesis: &Hash) -> String {
	format!("/livepeer/{}/4", hex::encode(&genesis.as_bytes()[..8]))
}

/// A segment header with its broadcaster's signature.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct SignedHeader {
	/// The header.
	pub header: SegmentHeader,
	/// The broadcaster's signature over its hash.
	pub signature: OperatorSignature,
}

/// A stream's head with its broadcaster's signature.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct SignedHead {
	/// The head.
	pub head: StreamHead,
	/// The broadcaster's signature over its hash.
	pub signature: OperatorSignature,
}

/// A verifier's pass with its signature, for a reserved place.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct SignedPass {
	/// The pass.
	pub pass: Pass,
	/// The verifier key's signature over its payload.
	pub signature: VerifierSignature,
}

/// A returned segment with both signatures, from which anybody can check everything about it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct SegmentRecord {
	/// The header that the broadcaster signed.
	pub signed: SignedHeader,
	/// The transcoder's receipt for it.
	pub receipt: Receipt,
	/// The transcoder's signature over the receipt's hash.
	pub signature: OperatorSignature,
	/// The same stretch in the publisher's own renditions, in ascending order of their tracks; together at
	/// most as many bytes as a segment may have.
	pub own: BoundedVec<OwnRendition, ConstU32<MAX_OWN>>,
}

/// A segment in one of the publisher's own renditions, signed by the broadcaster. Nobody transcodes or judges
/// it: the broadcaster alone answers for it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct OwnRendition {
	/// Its track, which is not [`SOURCE_TRACK`].
	pub track: Track,
	/// Its bytes.
	pub output: Output,
	/// The broadcaster's signature over its header's hash: see [`header_of_track`].
	pub signature: OperatorSignature,
}

/// Why a record is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum RecordError {
	/// It belongs to another chain or stream.
	#[error("the record is of another chain or stream")]
	Foreign,
	/// The header is not signed by the stream's owner.
	#[error("the segment header is not signed by the broadcaster")]
	BroadcasterSignature,
	/// The receipt is for another header, or not signed by the transcoder that the header names.
	#[error("the receipt is not signed by the transcoder that the header names")]
	TranscoderSignature,
	/// The receipt has another number of outputs than the job.
	#[error("the receipt has another number of outputs than the ladder")]
	Outputs,
	/// The publisher's own renditions are not signed by the stream's owner, out of order, too many beside the
	/// others, or larger than a segment.
	#[error("the publisher's own renditions are not signed by the broadcaster, out of order or too many")]
	Own,
}

/// A source segment, as its broadcaster signed it.
pub fn source_of(segment: &SegmentInfo) -> Output {
	Output { hash: segment.in_hash, len: segment.in_len, chunk_root: segment.chunk_root }
}

/// The header of the same stretch in one of the publisher's own renditions: the segment's header with the
/// rendition's track and bytes, and without extensions, which are about the source.
pub fn header_of_track(header: &SegmentHeader, track: Track, output: &Output) -> SegmentHeader {
	SegmentHeader {
		segment: SegmentInfo {
			track,
			in_hash: output.hash,
			in_len: output.len,
			chunk_root: output.chunk_root,
			extensions: Default::default(),
			..header.segment.clone()
		},
		..header.clone()
	}
}

impl SegmentRecord {
	/// The segment's header.
	pub fn header(&self) -> &SegmentHeader {
		&self.signed.header
	}

	/// The outputs in rendition order; none for a rejected segment.
	pub fn outputs(&self) -> &[Option<Output>] {
		match &self.receipt.result {
			TranscodeResult::Transcoded(outputs) => outputs,
			TranscodeResult::Rejected(_) => &[],
		}
	}

	/// The source segment, as its broadcaster signed it.
	pub fn source(&self) -> Output {
		source_of(&self.header().segment)
	}

	/// The outputs that there are.
	pub fn present(&self) -> impl Iterator<Item = &Output> {
		self.outputs().iter().flatten()
	}

	/// The broadcaster's signed blob of a track; `None` if there is no such track.
	pub fn track(&self, track: Track) -> Option<Output> {
		if track == SOURCE_TRACK {
			return Some(self.source());
		}
		self.own.iter().find(|own| own.track == track).map(|own| own.output)
	}

	/// The publisher's own renditions.
	pub fn own_headers(&self) -> impl Iterator<Item = SignedHeader> + '_ {
		self.own.iter().map(|own| SignedHeader {
			header: header_of_track(self.header(), own.track, &own.output),
			signature: own.signature.clone(),
		})
	}

	/// Whether the publisher's own renditions are in order, and within the limits of number and total bytes,
	/// which neither judges nor rates bound.
	pub fn is_own_in_order(&self) -> bool {
		let tracks = self.own.iter().map(|own| own.track);
		let all = self.outputs().len().saturating_add(self.own.len());
		let bytes: u64 = self.own.iter().map(|own| u64::from(own.output.len)).sum();
		core::iter::once(SOURCE_TRACK).chain(tracks).is_sorted_by(|one, next| one < next)
			&& all <= MAX_RENDITIONS as usize
			&& bytes <= u64::from(MAX_SEGMENT_BYTES)
	}
}

/// Part of a stream.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Playlist {
	/// The stream's newest job.
	pub job: JobId,
	/// Its ladder.
	pub ladder: Ladder,
	/// The stream's head as its broadcaster signed it; `None` before it has begun.
	pub head: Option<SignedHead>,
	/// Records in ascending order of seq, at most [`MAX_RECORDS`].
	pub records: Vec<SegmentRecord>,
}

/// A range of chunks of some bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct ChunkRange {
	/// The first chunk.
	pub first: u32,
	/// How many, at most [`MAX_CHUNKS`]; there may be fewer at the end.
	pub count: u32,
}

impl ChunkRange {
	/// As many chunks as one answer holds, from the chunk at this byte offset.
	pub fn behind(bytes: usize) -> Self {
		let first = u32::try_from(bytes / CHUNK).unwrap_or(u32::MAX);
		Self { first, count: MAX_CHUNKS }
	}

	/// The byte range in data of this length; `None` if it is outside, empty or too long.
	pub fn within(self, len: u64) -> Option<Range<usize>> {
		let is_asked = (1..=MAX_CHUNKS).contains(&self.count);
		if !is_asked || u64::from(self.first) >= chunk_count(len) {
			return None;
		}
		let chunk = CHUNK as u64;
		let start = u64::from(self.first).saturating_mul(chunk);
		let end = start.saturating_add(u64::from(self.count).saturating_mul(chunk)).min(len);
		Some(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
	}
}

/// Chunks of some bytes, with the proof from them to the root over all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chunks {
	/// How many bytes there are in all.
	pub len: u32,
	/// The chunks' bytes.
	pub bytes: Vec<u8>,
	/// The rest of the tree: see [`range_proof`].
	pub proof: Vec<H256>,
}

impl Chunks {
	/// These chunks of `bytes`, if they exist.
	pub fn of(bytes: &[u8], range: ChunkRange) -> Option<Self> {
		let part = bytes.get(range.within(bytes.len() as u64)?)?.to_vec();
		Self::under(&chunk_nodes(bytes), bytes.len() as u64, range, part)
	}

	/// The same, given the chunks' bytes `part`, the total length `len` and the nodes of all chunks.
	pub fn under(nodes: &[H256], len: u64, range: ChunkRange, part: Vec<u8>) -> Option<Self> {
		let (first, count) = (range.first as usize, range.count as usize);
		let proof = range_proof(nodes, first, first.saturating_add(count).min(nodes.len()))?;
		Some(Self { len: u32::try_from(len).ok()?, bytes: part, proof })
	}

	/// The root over all bytes, if these are exactly the chunks of `range`.
	pub fn root(&self, range: ChunkRange) -> Option<H256> {
		let within = range.within(self.len.into())?;
		let is_range = self.bytes.len() == within.len();
		let len = u64::from(self.len);
		is_range.then(|| range_root(len, range.first.into(), &self.bytes, &self.proof)).flatten()
	}
}

/// A request to a peer.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Request {
	/// Chunks of the bytes with this SHA-256.
	Fetch {
		/// Their hash.
		hash: H256,
		/// Which of their chunks.
		chunks: ChunkRange,
		/// A verifier's pass.
		pass: Option<Box<SignedPass>>,
	},
	/// A segment to transcode; its bytes follow.
	Push(Box<SignedHeader>),
	/// A stream's records.
	Playlist {
		/// The stream.
		stream: StreamId,
		/// The first seq of interest.
		from: Seq,
	},
	/// The newest signed segment of a stream that the peer knows: for a broadcaster that lost its state.
	Newest {
		/// The stream.
		stream: StreamId,
	},
	/// Whether the peer reaches another peer at an address. The address must be at the asker's host, so that
	/// nobody can be made to call strangers.
	Reach {
		/// The peer id to expect there, in binary form.
		peer_id: BoundedVec<u8, ConstU32<64>>,
		/// The multiaddress in its binary form.
		address: BoundedVec<u8, ConstU32<128>>,
	},
}

impl Request {
	/// How many raw bytes follow the frame.
	pub fn payload_len(&self) -> u32 {
		match self {
			Request::Push(signed) => signed.header.segment.in_len,
			Request::Fetch { .. }
			| Request::Playlist { .. }
			| Request::Newest { .. }
			| Request::Reach { .. } => 0,
		}
	}
}

/// Why a transcoder does not take a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, Error)]
pub enum Refusal {
	/// The header is of another chain.
	#[error("the header is of another chain")]
	WrongChain,
	/// This transcoder has no such assignment, or it has ended.
	#[error("not assigned to this transcoder")]
	NotAssigned,
	/// The header is not signed by the job's owner.
	#[error("the header is not signed by the job's owner")]
	BadSignature,
	/// The bytes are not those that the header names.
	#[error("the bytes do not match the header")]
	BadBytes,
	/// Another segment was signed under this seq.
	#[error("another segment was signed under this seq")]
	Conflict,
	/// The seq is covered by a claim already.
	#[error("the seq is already covered by a claim")]
	TooLate,
	/// The job's allowance does not cover another segment yet.
	#[error("the allowance is used up")]
	Allowance,
	/// This peer is no transcoder.
	#[error("the peer does not transcode")]
	NotServed,
	/// Something failed at the transcoder.
	#[error("the transcoder failed")]
	Internal,
	/// The renditions would exceed the job's work or the largest payload.
	#[error("the renditions would be too large")]
	TooLarge,
	/// The seq is beyond what one claim can hold together with those before it, which are worth no
	/// claim of their own; or it is the last that there is, with which no claim can end.
	#[error(
		"the seq is too far from those before it, which are not yet worth a claim of their own, or \
		 the last that there is"
	)]
	TooFar,
}

/// A transcoder's answer to a segment.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum PushReply {
	/// Transcoded or rejected; the outputs are fetched by their hashes.
	Done {
		/// What the transcoder made.
		receipt: Box<Receipt>,
		/// Its signature over the receipt's hash.
		signature: OperatorSignature,
	},
	/// Too much at once: the same segment is welcome later.
	Busy {
		/// When to try again, in milliseconds from now.
		retry_ms: u32,
	},
	/// Not taken.
	Refused(Refusal),
}

/// A peer's answer.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Reply {
	/// To a push whose header is welcome: send the bytes.
	Continue,
	/// The chunks that were asked for follow.
	Chunks {
		/// How many bytes there are in all.
		len: u32,
		/// The proof from the chunks to the root over all.
		proof: Vec<H256>,
	},
	/// The peer does not have them.
	NotFound,
	/// To a push.
	Pushed(PushReply),
	/// To a playlist request.
	Playlist(Box<Playlist>),
	/// To a request for the newest segment.
	Newest(Box<SignedHeader>),
	/// The peer serves too many requests.
	Busy,
	/// The request cannot be read.
	BadRequest,
	/// To a question whether a peer is reached.
	Reached(bool),
}

/// Why a peer gave no usable answer.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum NetError {
	/// The service record names no peer or no address that can be dialled.
	#[error("the service record cannot be dialled: {0}")]
	BadRecord(String),
	/// No connection, or it broke.
	#[error("peer not reachable: {0}")]
	Unreachable(String),
	/// No progress for too long.
	#[error("the peer gave no answer in time")]
	Timeout,
	/// The peer does not have what it was asked for.
	#[error("the peer does not have it")]
	NotFound,
	/// The bytes are not those that were asked for.
	#[error("the peer sent bytes that do not match their hash")]
	WrongBytes,
	/// The peer broke the protocol.
	#[error("the peer broke the protocol: {0}")]
	Protocol(String),
	/// The peer is busy.
	#[error("the peer is busy")]
	Busy,
	/// Nothing could be set up here.
	#[error("{0}")]
	Local(String),
}

impl NetError {
	/// Whether the peer is away, or does not answer.
	pub fn is_silence(&self) -> bool {
		matches!(self, NetError::Unreachable(_) | NetError::Timeout)
	}
}

/// Asks peers.
#[async_trait]
pub trait Transport: Send + Sync {
	/// This worker's service record, in which peers find it on the chain.
	fn service_record(&self) -> ServiceRecord;

	/// A peer's name as people write it.
	fn peer_name(&self, peer: &ServiceRecord) -> String {
		hex::encode(&peer.peer_id)
	}

	/// This worker's peer id in binary form, which a verifier's pass must name.
	fn peer_id(&self) -> Vec<u8> {
		self.service_record().peer_id.into_inner()
	}

	/// The record of the judge of this record's account: another peer, if the record names one; otherwise the
	/// record itself, as for an account that only validates.
	fn judge_of(&self, record: &ServiceRecord) -> ServiceRecord;

	/// Chunks of the bytes with this hash; with a pass, in a place reserved for verifiers. The caller checks
	/// them: see [`Chunks::root`].
	async fn chunks(
		&self,
		peer: &ServiceRecord,
		hash: H256,
		range: ChunkRange,
		pass: Option<&SignedPass>,
	) -> Result<Chunks, NetError>;

	/// The bytes with this hash, at most `max_len`, from a single peer. Its word about length and root is
	/// believed until all bytes are there and are checked against the hash. For signed bytes see
	/// [`crate::fetching`].
	async fn fetch(
		&self,
		peer: &ServiceRecord,
		hash: H256,
		max_len: u32,
		pass: Option<&SignedPass>,
	) -> Result<Vec<u8>, NetError> {
		let mut said = None;
		let mut bytes = Vec::new();
		loop {
			let range = ChunkRange::behind(bytes.len());
			let chunks = self.chunks(peer, hash, range, pass).await?;
			let len = chunks.len;
			let (root, mut part) = aside(move || (chunks.root(range), chunks.bytes)).await;
			let root = root.ok_or(NetError::WrongBytes)?;
			if len > max_len.min(MAX_PAYLOAD) || *said.get_or_insert((len, root)) != (len, root) {
				return Err(NetError::WrongBytes);
			}
			bytes.append(&mut part);
			if bytes.len() as u64 == u64::from(len) {
				let hashed = aside(move || (sha256(&bytes) == hash).then_some(bytes));
				return hashed.await.ok_or(NetError::WrongBytes);
			}
		}
	}

	/// Sends a segment and waits for the receipt. The caller checks the receipt.
	async fn push(
		&self,
		peer: &ServiceRecord,
		signed: &SignedHeader,
		bytes: &[u8],
	) -> Result<PushReply, NetError>;

	/// A stream's records from `from` on. The caller checks the records.
	async fn playlist(
		&self,
		peer: &ServiceRecord,
		stream: StreamId,
		from: Seq,
	) -> Result<Playlist, NetError>;

	/// The newest segment of a stream that the peer knows. The caller checks the signature.
	async fn newest(
		&self,
		peer: &ServiceRecord,
		stream: StreamId,
	) -> Result<SignedHeader, NetError>;
}

/// Answers peers. Requests run concurrently; the transport limits their number.
#[async_trait]
pub trait Service: Send + Sync {
	/// The number of bytes with this hash, if this worker has them. Called before they are read, so that
	/// requests cannot fill the memory.
	async fn size(&self, hash: H256) -> Option<u64>;

	/// Chunks of the bytes with this hash, if this worker has them.
	async fn chunks(&self, hash: H256, range: ChunkRange) -> Option<Chunks>;

	/// Whether this pass, shown by the peer that it names, belongs to a judge of a claim whose bytes this
	/// worker holds. Its holder is served in addition to the places of strangers. `false` while that is
	/// unknown, as when the node is away: the peer is told to come again.
	async fn is_judge(&self, _pass: &SignedPass) -> bool {
		false
	}

	/// Whether a segment with this header would be taken. Called before its bytes are received, so that
	/// strangers cannot make this worker receive them.
	async fn admit(&self, signed: &SignedHeader) -> Result<(), Refusal>;

	/// Takes a segment. The transport has checked only that `bytes` has the header's length.
	async fn push(&self, signed: SignedHeader, bytes: Vec<u8>) -> PushReply;

	/// A stream's records, if this worker is its origin.
	async fn playlist(&self, stream: StreamId, from: Seq) -> Option<Playlist>;

	/// The newest segment of a stream that this worker knows.
	async fn newest(&self, _stream: StreamId) -> Option<SignedHeader> {
		None
	}
}
