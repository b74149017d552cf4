//! The types that the pallet stores.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
pub use livepeer_primitives::agenda::Class;
use livepeer_primitives::{
	claim::{ClaimInfo, Payout},
	keys::{Generation, OperatorSignature, Purpose},
	leaf::Leaf,
	params::VerificationTerms,
	receipt::Receipt,
	service::ServiceRecord,
	sum_tree::SumProof,
	video::{Ladder, SourceLimits},
	work::WorkFactors,
	AccountId, AssignmentIndex, Balance, BlockNumber, ClaimId, JobId, RoundIndex, Seq, StreamId,
	ToolchainId,
};
use scale_info::TypeInfo;
use sp_runtime::Perbill;

/// Longest priority list; [`livepeer_primitives::params::ProtocolParameters::check`] keeps the
/// parameter within it.
pub const MAX_PRIORITY_LIST: u32 = 16;

/// Longest name of a stream in bytes.
pub const MAX_STREAM_NAME: u32 = 64;

/// Most spending keys of a broadcaster.
pub const MAX_SPENDING_KEYS: u32 = 8;

/// Most toolchains with which a transcoder works at once, so that it can run two while it changes
/// over.
pub const MAX_TOOLCHAINS_AT_WORK: u32 = 4;

/// How many transcoders per job are told of; what later ones answer is not counted.
pub const MAX_ANSWERS: u32 = 8;

/// Most payments out of one escrow: one per member of all tranches of a committee, and the others.
pub const MAX_PAYOUTS: u32 = livepeer_primitives::MAX_COMMITTEE + 4;

/// Payments made in one step.
pub const PAYOUTS_PER_STEP: u32 = 8;

/// A stream's name within its broadcaster: UTF-8, not empty.
pub type StreamName = BoundedVec<u8, ConstU32<MAX_STREAM_NAME>>;

/// Transcoders in the order in which a job is offered to them.
pub type PriorityList = BoundedVec<AccountId, ConstU32<MAX_PRIORITY_LIST>>;

/// The remaining payments of an escrow.
pub type PayoutList = BoundedVec<Payout, ConstU32<MAX_PAYOUTS>>;

/// The state of a job.
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
		/// Draws in a row that came to nothing since a top-up brought one forward: nobody was
		/// found, or nobody accepted.
		retries: u8,
	},
	/// Offered to a transcoder that has not accepted yet.
	Offered {
		/// The assignment offered.
		assignment: AssignmentIndex,
		/// The last block in which it can be accepted.
		until: BlockNumber,
		/// Draws in a row that came to nothing before this one.
		retries: u8,
	},
	/// Accepted.
	Running {
		/// The assignment accepted.
		assignment: AssignmentIndex,
	},
	/// Over; stays until its last assignment is gone.
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

	/// Draws in a row that came to nothing since a top-up brought one forward, or an acceptance.
	pub fn retries(&self) -> u8 {
		match self {
			Phase::Waiting { retries, .. } | Phase::Offered { retries, .. } => *retries,
			Phase::Running { .. } | Phase::Ended => 0,
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
	/// Factors of the work formula at the job's creation, with the work of a rejected segment of
	/// this job.
	pub factors: WorkFactors,
	/// The most work that one segment may hold under these factors.
	pub max_leaf_work: u64,
	/// The most leaves of a claim that are drawn, which is what judges can do for this job.
	pub max_samples: u32,
	/// Work per second that it takes from a transcoder's capacity.
	pub load: u64,
	/// The highest price of a standard segment that it takes, in ETH.
	pub max_price: Balance,
	/// The block at which it expires.
	pub end: BlockNumber,
	/// ETH of the budget that is neither in escrow nor reserved for an assignment.
	pub unreserved: Balance,
	/// ETH held until the job is closed; 0 once it is forfeited.
	pub bond: Balance,
	/// ETH that was put into it, budget and bond, and has not been given back.
	pub funded: Balance,
	/// The key that created it; `None` when its owner did.
	pub spender: Option<Spender>,
	/// Where it stands.
	pub phase: Phase,
	/// Acceptances since a fee of it was paid or a top-up brought its draw forward, plus the draws
	/// in a row that came to nothing before them.
	pub fruitless: u8,
	/// The number of the next assignment.
	pub next_assignment: AssignmentIndex,
	/// Assignments that are stored.
	pub assignments: u32,
	/// Those of them that can still be claimed for: the current one and those in grace.
	pub claimable: u32,
	/// The place of the job's next step on the agenda; `None` once it has ended.
	pub wake: Option<Wake>,
	/// The transcoder that lost it last. It is not chosen again at once.
	pub lost_by: Option<AccountId>,
	/// Whether it waits longer than for its first draw.
	pub waits: bool,
}

impl Job {
	/// Its draws in a row that came to nothing: those for which it waits, minus those by which it
	/// waits longer because of acceptances without a fee.
	pub fn draws_in_vain(&self) -> u8 {
		self.phase.retries().saturating_sub(self.fruitless.saturating_sub(1))
	}
}

/// The progress of the walk over the waiting jobs. There is one walk at a time.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Default,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Walk {
	/// The block of its next step, or of the last step of the newest walk.
	pub at: BlockNumber,
	/// Whether it is on the agenda.
	pub is_going: bool,
	/// Whether somebody takes more work since it began, so that another walk follows.
	pub again: bool,
}

/// Offers that a transcoder let pass.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Default,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Lapse {
	/// How many in a row.
	pub count: u32,
	/// The first round in which it gets offers again, if it was suspended.
	pub suspended_until: RoundIndex,
}

/// Why nobody can be offered a job: what the nearest candidate lacks.
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
pub enum Unsuited {
	/// Nobody takes work now.
	Nobody,
	/// Nobody serves all of its profiles.
	Profile,
	/// Nobody's machine does enough work per second.
	Capacity,
	/// Everybody that passes the checks above asks more than its `max_price`.
	Price,
	/// Everybody that passes the checks above asks less than verification costs, or so little that
	/// even the largest claim is below the smallest fee.
	BelowVerification,
	/// Its budget does not pay for one segment and that segment's verification.
	Budget,
	/// Everybody that passes the checks above has no capacity for it now, is suspended or in debt,
	/// or lacks own bond to back claims.
	Busy,
	/// One of its broadcaster's current keys is revoked, so nobody could accept the job.
	Keys,
	/// Fewer validators could judge its claims than a committee has, whoever transcoded it.
	Judges,
}

/// What a key has put into the job that it created.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Spender {
	/// The key.
	pub key: AccountId,
	/// [`SpendingKey::serial`] at that time: a key that was removed and set again has another one.
	pub serial: u64,
	/// ETH that counts against its cap until the job gives it back.
	pub amount: Balance,
}

/// What a transcoder accepted. Everything that is signed for an assignment is judged by this until
/// the assignment is deleted.
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
pub struct Agreement {
	/// The generation of the broadcaster's segment keys.
	pub broadcaster_keys: Generation,
	/// The generation of the transcoder's duties keys.
	pub transcoder_keys: Generation,
	/// The toolchain that makes the outputs.
	pub toolchain: ToolchainId,
}

/// A transcoder's turns in a job for which something signed can still be reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Turns {
	/// The round in which it accepted the first of them. Its contradictions in the job are punished
	/// as of that round, whatever is reported first.
	pub since: RoundIndex,
	/// How many of its accepted assignments are stored.
	pub assignments: u32,
	/// Whether a contradiction was punished; this happens once in a job.
	pub punished: bool,
}

/// A transcoder's turn in a job.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Assignment {
	/// The transcoder.
	pub transcoder: AccountId,
	/// Its price of a standard segment at the time of the offer, in ETH.
	pub price: Balance,
	/// Its delegators' share of fees at the time of the offer.
	pub fee_share: Perbill,
	/// What it accepted; `None` before that.
	pub agreement: Option<Agreement>,
	/// The first seq with which a claim can begin.
	pub next_seq: Seq,
	/// The terms of its claims' verification at the time of the offer.
	pub terms: VerificationTerms,
	/// ETH of the budget that is reserved for the verification of a last claim that is too small to
	/// pay for it, in case the broadcaster ends the assignment.
	pub reserve: Balance,
	/// Whether the broadcaster ended it.
	pub ended_by_broadcaster: bool,
	/// ETH that it can still claim.
	pub allowance: Balance,
	/// The block of its acceptance, or of its offer.
	pub accepted_at: BlockNumber,
	/// ETH that was claimed for it.
	pub claimed: Balance,
	/// The block of its last claim, or of its acceptance.
	pub last_claim: BlockNumber,
	/// Open-claim places kept for it.
	pub reserved: u32,
	/// Its claims that are not decided.
	pub undecided: u32,
	/// Its claims that are not settled.
	pub open_claims: u32,
	/// The last block in which it can claim; `None` while it is current.
	pub claimable_until: Option<BlockNumber>,
	/// Whether its grace has passed and its allowance was given back.
	pub over: bool,
	/// The last block in which what was signed for it can be reported.
	pub kept_until: BlockNumber,
	/// The agenda's block of its next step.
	pub close_at: Option<BlockNumber>,
	/// The generation of its transcoder's duties keys at the time of the offer. It can be accepted
	/// with no other.
	pub offered_to: Generation,
}

impl Assignment {
	/// Open-claim places that it takes.
	pub fn places(&self) -> u32 {
		self.reserved.max(self.undecided)
	}
}

/// How the transcoders of a job have answered its offers, for `CompetitivenessTolerance`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Answers {
	/// The generation of the broadcaster's segment keys when the newest offer was made.
	pub offered_under: Generation,
	/// Whether a claim of the job was paid.
	pub paid: bool,
	/// Transcoders that inflation was told of, whether they served or not, each once.
	pub told: BoundedVec<AccountId, ConstU32<MAX_ANSWERS>>,
	/// Transcoders that did not serve it. Inflation is told of them when claims of the job are
	/// paid.
	pub failed: BoundedVec<AccountId, ConstU32<MAX_ANSWERS>>,
}

/// A claim between claiming and settlement.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct OpenClaim {
	/// All that the lottery needs, even after the job is gone.
	pub info: ClaimInfo,
	/// The delegators' share of the assignment.
	pub fee_share: Perbill,
	/// Whether it has its outcome; then it takes no place.
	pub decided: bool,
	/// What its verification may cost, in ETH.
	pub prepayment: Balance,
	/// The part of that which the transcoder paid when it claimed, in escrow.
	pub prepaid: Balance,
	/// The part of that which the broadcaster pays, out of the assignment's reserve, in escrow.
	pub shortfall: Balance,
	/// Blocks since the assignment's previous claim, or since its acceptance.
	pub took: BlockNumber,
}

impl OpenClaim {
	/// How much of its transcoder's own bond it needs as backing until it has its outcome.
	pub fn worth(&self) -> Balance {
		self.info.fee.max(self.prepayment)
	}

	/// All that is in its escrow.
	pub fn escrow(&self) -> Balance {
		self.info.fee.saturating_add(self.prepaid).saturating_add(self.shortfall)
	}
}

/// What a claim's verification may cost, and who has paid for it so far.
#[derive(Clone, Copy, Default)]
pub(crate) struct Prepayment {
	/// The most that it costs.
	pub whole: Balance,
	/// The part that is the transcoder's, in escrow.
	pub prepaid: Balance,
	/// The part that is the broadcaster's, in escrow.
	pub shortfall: Balance,
}

/// How many assignments of a transcoder run with a toolchain.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct ToolchainLoad {
	/// The toolchain.
	pub toolchain: ToolchainId,
	/// Assignments.
	pub assignments: u32,
}

/// What a transcoder has taken on.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Load {
	/// Assignments that are offered to it or run.
	pub assignments: u32,
	/// Work per second that they take of its capacity.
	pub work: u64,
	/// The toolchains of the running assignments.
	pub toolchains: BoundedVec<ToolchainLoad, ConstU32<MAX_TOOLCHAINS_AT_WORK>>,
	/// The agenda's block of its next check.
	pub check_at: BlockNumber,
	/// Whether it is known to be lost, so that the check hands all its assignments on.
	pub lost: bool,
}

/// Where a stream comes from.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Origin {
	/// The stream's owner.
	pub broadcaster: AccountId,
	/// How it is reached.
	pub record: ServiceRecord,
	/// ETH held for the record.
	pub deposit: Balance,
}

/// What a spending key may do.
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
pub struct Scope {
	/// Create jobs.
	pub create: bool,
	/// Top jobs up.
	pub top_up: bool,
	/// End jobs.
	pub end: bool,
}

#[cfg(test)]
impl Scope {
	/// Nothing.
	pub fn none() -> Self {
		Self { create: false, top_up: false, end: false }
	}
}

/// An account that may spend a broadcaster's ETH on jobs.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct SpendingKey {
	/// The most that may be spent, in ETH.
	pub cap: Balance,
	/// What was put into jobs and not given back by them, in ETH.
	pub spent: Balance,
	/// The block from which it can no longer do anything.
	pub expiry: BlockNumber,
	/// What it may do.
	pub scope: Scope,
	/// Distinguishes it from a key of the same account that was removed before.
	pub serial: u64,
	/// ETH held from the broadcaster as long as it is stored.
	pub deposit: Balance,
}

/// The place of a task on the agenda.
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
pub struct Wake {
	/// The queue.
	pub class: Class,
	/// The block.
	pub at: BlockNumber,
}

/// A task for a later block.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Task {
	/// Take the job's next step: draw, hand on or expire.
	Job(JobId),
	/// Take an ended assignment's next step: give its allowance back, or delete it.
	Assignment(JobId, AssignmentIndex),
	/// Check whether a transcoder with assignments is still there; if not, hand them on.
	Transcoder(AccountId),
	/// Hand on a transcoder's assignments whose toolchain no longer runs, beginning after this job.
	Toolchains(AccountId, Option<JobId>),
	/// Hand on the assignments that run by a generation of an account's keys.
	Keys(AccountId, Purpose, Generation),
	/// Continue paying a claim's escrow.
	Payouts(ClaimId),
	/// Bring the draws of waiting jobs after this one forward, because somebody takes more work
	/// than before.
	Waiting(Option<JobId>),
}

/// A leaf that a claim commits to, and a receipt of the claimant that contradicts it.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct LeafEvidence {
	/// The leaf's index in the claim.
	pub index: u32,
	/// The leaf.
	pub leaf: Leaf,
	/// Its path to the claim's root.
	pub proof: SumProof,
	/// The broadcaster's signature over the segment's header, by the assignment's generation.
	pub header_signature: OperatorSignature,
	/// The receipt for the same segment.
	pub receipt: Receipt,
	/// The transcoder's signature over it, by the assignment's generation.
	pub signature: OperatorSignature,
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
	/// Its broadcaster or one of its spending keys ended it.
	Broadcaster,
	/// Its end block came.
	#[codec(index = 2)]
	Expired,
	/// It was drawn [`crate::decision::MAX_DRAWS`] times in a row for nothing: nobody could be
	/// offered it, or nobody accepted.
	#[codec(index = 3)]
	NobodySuits,
}
