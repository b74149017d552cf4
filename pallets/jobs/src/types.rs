//! What the pallet stores.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use livepeer_primitives::{
	service::ServiceRecord,
	traits::ClaimInfo,
	video::{Ladder, SourceLimits},
	work::WorkFactors,
	AccountId, AssignmentIndex, Balance, BlockNumber, JobId, Seq, StreamId,
};
use scale_info::TypeInfo;
use sp_runtime::Perbill;

/// Longest priority list; [`livepeer_primitives::params::ProtocolParameters::check`] keeps the
/// parameter within it.
pub const MAX_PRIORITY_LIST: u32 = 16;

/// Longest name of a stream in bytes.
pub const MAX_STREAM_NAME: u32 = 64;

/// A stream's name within its broadcaster: UTF-8, not empty.
pub type StreamName = BoundedVec<u8, ConstU32<MAX_STREAM_NAME>>;

/// Transcoders in the order in which a job is offered to them.
pub type PriorityList = BoundedVec<AccountId, ConstU32<MAX_PRIORITY_LIST>>;

/// Where a job stands.
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
pub enum Phase {
	/// Waits for its priority list to be drawn.
	Waiting {
		/// The block of the draw.
		draw_at: BlockNumber,
		/// Draws in a row that found nobody, since the newest top-up.
		retries: u8,
	},
	/// Offered to a transcoder that has not accepted yet.
	Offered {
		/// The assignment offered.
		assignment: AssignmentIndex,
		/// The last block in which it can be accepted.
		until: BlockNumber,
	},
	/// Accepted.
	Running {
		/// The assignment accepted.
		assignment: AssignmentIndex,
	},
	/// Over; stays until the last grace has passed and the last claim is settled.
	Ended,
}

impl Phase {
	/// The assignment that is offered or runs.
	pub fn current(&self) -> Option<AssignmentIndex> {
		match self {
			Phase::Offered { assignment, .. } | Phase::Running { assignment } => Some(*assignment),
			Phase::Waiting { .. } | Phase::Ended => None,
		}
	}
}

/// A job.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Job {
	/// Its owner, who pays.
	pub broadcaster: AccountId,
	/// Its stream.
	pub stream: StreamId,
	/// The ladder.
	pub ladder: Ladder,
	/// The limits of the source.
	pub limits: SourceLimits,
	/// Factors of the work formula when it was created.
	pub factors: WorkFactors,
	/// The most work that one segment may hold under these factors.
	pub max_leaf_work: u64,
	/// The highest price of a standard segment that it takes, in ETH.
	pub max_price: Balance,
	/// The block at which it expires.
	pub end: BlockNumber,
	/// ETH of the budget that is neither in escrow nor reserved for an assignment.
	pub unreserved: Balance,
	/// ETH held until the job is closed.
	pub bond: Balance,
	/// Where it stands.
	pub phase: Phase,
	/// The number of the next assignment.
	pub next_assignment: AssignmentIndex,
	/// Assignments that are stored: the current one and those in grace.
	pub assignments: u32,
	/// Claims that are not settled.
	pub open_claims: u32,
	/// The agenda's block under which the job's next step stands; `None` once it has ended.
	pub wake: Option<BlockNumber>,
}

/// A transcoder's turn in a job.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Assignment {
	/// The transcoder.
	pub transcoder: AccountId,
	/// Its price of a standard segment when it was offered, in ETH.
	pub price: Balance,
	/// Its delegators' share of fees when it was offered.
	pub fee_share: Perbill,
	/// Whether it has accepted.
	pub accepted: bool,
	/// The first seq that a claim may begin with.
	pub next_seq: Seq,
	/// ETH that it can still claim.
	pub allowance: Balance,
	/// The last block in which it can claim; `None` while it is the current one.
	pub claimable_until: Option<BlockNumber>,
}

/// A claim between claiming and settlement.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct OpenClaim {
	/// All that the lottery needs, whatever becomes of the job.
	pub info: ClaimInfo,
	/// The delegators' share of the assignment.
	pub fee_share: Perbill,
}

/// What a transcoder has taken on.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Load {
	/// Assignments that are offered to it or run.
	pub assignments: u32,
	/// The agenda's block under which its next check stands.
	pub check_at: BlockNumber,
	/// Whether it is known to be lost, so that the check hands everything on.
	pub lost: bool,
}

/// Where a broadcaster's streams come from.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Origin {
	/// How it is reached.
	pub record: ServiceRecord,
	/// ETH held for the record.
	pub deposit: Balance,
}

/// Something to do in a later block.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Task {
	/// Take the job's next step: draw, hand on or expire.
	Job(JobId),
	/// Close an assignment whose grace has passed.
	Assignment(JobId, AssignmentIndex),
	/// See whether a transcoder with assignments is still there; else hand them on.
	Transcoder(AccountId),
}

/// Why a job ended.
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
pub enum EndReason {
	/// Its broadcaster ended it.
	Broadcaster,
	/// The transcoder of its running assignment ended it.
	Transcoder,
	/// Its end block came.
	Expired,
}
