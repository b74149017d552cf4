//! The leaves of a claim: one per segment; index `i` stands for seq `first + i`.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{
	extension::Extensions,
	receipt::{Outputs, Receipt, RejectReason, TranscodeResult},
	segment::{SegmentHeader, SegmentInfo, SOURCE_TRACK},
	AccountId, AssignmentIndex, Hash, JobId, Seq, StreamId, ToolchainId,
};

/// What a transcoder claims about one segment.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Leaf {
	/// Nothing is claimed for this seq; also pads the tree. Its work is 0, so it is never drawn.
	Empty,
	/// The segment was transcoded into the job's ladder.
	Transcoded {
		/// The signed data of the segment.
		segment: SegmentInfo,
		/// The outputs in rendition order.
		outputs: Outputs,
		/// Work units: see [`crate::work`].
		work: u64,
		/// Extensions of later versions.
		extensions: Extensions,
	},
	/// The segment cannot be transcoded; it counts as delivered, with the work of decoding.
	Rejected {
		/// The signed data of the segment.
		segment: SegmentInfo,
		/// The reason, for information only: what is judged is whether the segment can be
		/// transcoded.
		reason: RejectReason,
		/// The work of a rejected segment, which is fixed for a job.
		work: u64,
		/// Extensions of later versions.
		extensions: Extensions,
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

	/// What the broadcaster signed of the segment; `None` if nothing is claimed.
	pub fn segment(&self) -> Option<&SegmentInfo> {
		match self {
			Leaf::Empty => None,
			Leaf::Transcoded { segment, .. } | Leaf::Rejected { segment, .. } => Some(segment),
		}
	}

	/// Hash of the header that the broadcaster signed, as this leaf of a claim at `place` describes
	/// it. `None` if nothing is claimed, or if the network does not transcode the segment's track:
	/// nobody is paid for the publisher's own renditions.
	pub fn header_hash(&self, place: Place) -> Option<Hash> {
		self.header(place).map(|header| header.hash())
	}

	/// The header itself.
	pub fn header(&self, place: Place) -> Option<SegmentHeader> {
		let segment = self.segment().filter(|segment| segment.track == SOURCE_TRACK)?.clone();
		let Place { genesis, stream, job, assignment, transcoder, seq } = place;
		Some(SegmentHeader { genesis, stream, job, assignment, transcoder, seq, segment })
	}

	/// The receipt that states the same about the segment as this leaf of a claim at `place` under
	/// `toolchain`; `None` if [`Self::header_hash`] is. A receipt of the claimant that
	/// [equivocates](Receipt::equivocates) with it proves that the claimant gave two results.
	pub fn receipt(&self, place: Place, toolchain: ToolchainId) -> Option<Receipt> {
		let result = match self {
			Leaf::Empty => return None,
			Leaf::Transcoded { outputs, .. } => TranscodeResult::Transcoded(outputs.clone()),
			Leaf::Rejected { reason, .. } => TranscodeResult::Rejected(*reason),
		};
		let header = self.header_hash(place)?;
		Some(Receipt { header, toolchain, result, extensions: Extensions::default() })
	}
}

/// What a claim implies about one of its leaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
	/// Hash of the chain's genesis block.
	pub genesis: Hash,
	/// The stream.
	pub stream: StreamId,
	/// The job.
	pub job: JobId,
	/// The assignment within the job.
	pub assignment: AssignmentIndex,
	/// The claimant.
	pub transcoder: AccountId,
	/// The leaf's segment.
	pub seq: Seq,
}
