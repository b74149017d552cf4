//! What the pallet stores.

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

/// Most toolchains with which a transcoder works at once: one, and another while it changes over.
pub const MAX_TOOLCHAINS_AT_WORK: u32 = 4;

/// Transcoders of a job whose answers to its offers are told; what comes after them says nothing.
pub const MAX_ANSWERS: u32 = 8;

/// Most payments out of one escrow: to a committee's members of all tranches, and what else there is.
pub const MAX_PAYOUTS: u32 = livepeer_primitives::MAX_COMMITTEE + 4;

/// Payments of one step.
pub const PAYOUTS_PER_STEP: u32 = 8;

/// A stream's name within its broadcaster: UTF-8, not empty.
pub type StreamName = BoundedVec<u8, ConstU32<MAX_STREAM_NAME>>;

/// Transcoders in the order in which a job is offered to them.
pub type PriorityList = BoundedVec<AccountId, ConstU32<MAX_PRIORITY_LIST>>;

/// What is left to pay of an escrow.
pub type PayoutList = BoundedVec<Payout, ConstU32<MAX_PAYOUTS>>;

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
		/// Draws in a row that came to nothing, since a top-up brought one forward: they found nobody, or
		/// nobody accepted.
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
	/// Factors of the work formula when it was created, with the work of a rejected segment of this job.
	pub factors: WorkFactors,
	/// The most work that one segment may hold under these factors.
	pub max_leaf_work: u64,
	/// The most leaves of a claim that are drawn: what judges can do of this job.
	pub max_samples: u32,
	/// Work per second that it takes of a transcoder's capacity.
	pub load: u64,
	/// The highest price of a standard segment that it takes, in ETH.
	pub max_price: Balance,
	/// The block at which it expires.
	pub end: BlockNumber,
	/// ETH of the budget that is neither in escrow nor reserved for an assignment.
	pub unreserved: Balance,
	/// ETH held until the job is closed; 0 once it is forfeited.
	pub bond: Balance,
	/// ETH that was put into it, budget and bond, and not given back yet.
	pub funded: Balance,
	/// The key that created it; `None` when its owner did.
	pub spender: Option<Spender>,
	/// Where it stands.
	pub phase: Phase,
	/// Acceptances since a fee of it was paid, or a top-up brought its draw forward, and the draws in a
	/// row that came to nothing before them.
	pub fruitless: u8,
	/// The number of the next assignment.
	pub next_assignment: AssignmentIndex,
	/// Assignments that are stored.
	pub assignments: u32,
	/// Those of them that can still be claimed for: the current one and those in grace.
	pub claimable: u32,
	/// Where the job's next step stands on the agenda; `None` once it has ended.
	pub wake: Option<Wake>,
	/// The transcoder that lost it last, which is not chosen again at once.
	pub lost_by: Option<AccountId>,
	/// Whether it is among those that wait longer than for their first draw.
	pub waits: bool,
}

impl Job {
	/// Its draws in a row that came to nothing: those for which it waits, less what it waits longer for
	/// acceptances without a fee.
	pub fn draws_in_vain(&self) -> u8 {
		self.phase.retries().saturating_sub(self.fruitless.saturating_sub(1))
	}
}

/// How far it is with the walk over the jobs that wait for somebody. There is one at a time.
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
	/// The block of its next step, or that of the last one of the newest walk.
	pub at: BlockNumber,
	/// Whether it stands on the agenda.
	pub is_going: bool,
	/// Whether somebody takes more since it began, so that another follows.
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
	/// The first round in which it is offered something again, if it was suspended.
	pub suspended_until: RoundIndex,
}

/// Why nobody can be offered a job: what the candidate that comes nearest lacks.
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
	/// Nobody's machine does as much work in a second.
	Capacity,
	/// Everybody who could asks more than its `max_price`.
	Price,
	/// Who could, asks less than verification costs, or so little that even the largest claim is below the
	/// smallest fee.
	BelowVerification,
	/// Its budget does not pay for one segment and the verification of it.
	Budget,
	/// Who could has no room for it now, is suspended, in debt, or not backed by enough of its own bond.
	Busy,
	/// One of its broadcaster's current keys is revoked, so that nobody could accept it.
	Keys,
	/// Fewer validators could judge what is claimed of it than a committee has, whoever transcoded it.
	Judges,
}

/// What the key that created a job has put into it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Spender {
	/// The key.
	pub key: AccountId,
	/// [`SpendingKey::serial`] when it did: a key that was removed and set again is another one.
	pub serial: u64,
	/// ETH that counts against its cap until the job gives it back.
	pub amount: Balance,
}

/// What a transcoder accepted: by this all that is signed for an assignment is judged until it is
/// gone.
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
	/// What makes the outputs.
	pub toolchain: ToolchainId,
}

/// A transcoder's turns in a job, of which something that was signed can still be reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Turns {
	/// The round in which it accepted the first of them: as of that its contradictions in the job are
	/// punished, whatever is reported first.
	pub since: RoundIndex,
	/// How many of its accepted assignments are stored.
	pub assignments: u32,
	/// Whether a contradiction was punished: once in a job is enough.
	pub punished: bool,
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
	/// What it accepted; `None` while it has not.
	pub agreement: Option<Agreement>,
	/// The first seq that a claim may begin with.
	pub next_seq: Seq,
	/// What verifying its claims comes to, as of the offer.
	pub terms: VerificationTerms,
	/// ETH of the budget set aside for the verification of a last claim that is too small for its own,
	/// should the broadcaster end it.
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
	/// The last block in which it can claim; `None` while it is the current one.
	pub claimable_until: Option<BlockNumber>,
	/// Whether its grace has passed and its allowance was given back.
	pub over: bool,
	/// The last block in which what was signed for it can be reported.
	pub kept_until: BlockNumber,
	/// The agenda's block under which its next step stands.
	pub close_at: Option<BlockNumber>,
	/// The generation of its transcoder's duties keys when it was offered: by that, and no other, it can
	/// be accepted.
	pub offered_to: Generation,
}

impl Assignment {
	/// Open-claim places that it holds.
	pub fn places(&self) -> u32 {
		self.reserved.max(self.undecided)
	}
}

/// What the transcoders of a job have made of its offers, for `CompetitivenessTolerance`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Answers {
	/// The generation of the broadcaster's segment keys when the newest offer was made.
	pub offered_under: Generation,
	/// Whether a claim of the job was paid.
	pub paid: bool,
	/// Who was told of already, served or not: each once.
	pub told: BoundedVec<AccountId, ConstU32<MAX_ANSWERS>>,
	/// Who did not serve it, and is told of when claims of the job are paid.
	pub failed: BoundedVec<AccountId, ConstU32<MAX_ANSWERS>>,
}

/// A claim between claiming and settlement.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct OpenClaim {
	/// All that the lottery needs, whatever becomes of the job.
	pub info: ClaimInfo,
	/// The delegators' share of the assignment.
	pub fee_share: Perbill,
	/// Whether it has its outcome, so that it holds no place.
	pub decided: bool,
	/// What its verification may cost, in ETH.
	pub prepayment: Balance,
	/// What of that the transcoder paid when it claimed, in escrow.
	pub prepaid: Balance,
	/// What of that is the broadcaster's, out of the assignment's reserve, in escrow.
	pub shortfall: Balance,
	/// Blocks since the claim of the assignment before it, or since that was accepted.
	pub took: BlockNumber,
}

impl OpenClaim {
	/// What its transcoder's own bond backs of it until it has its outcome.
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
	/// What of it is the transcoder's, in escrow.
	pub prepaid: Balance,
	/// What of it is the broadcaster's, in escrow.
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
	/// The toolchains with which the running ones run.
	pub toolchains: BoundedVec<ToolchainLoad, ConstU32<MAX_TOOLCHAINS_AT_WORK>>,
	/// The agenda's block under which its next check stands.
	pub check_at: BlockNumber,
	/// Whether it is known to be lost, so that the check hands everything on.
	pub lost: bool,
}

/// Where a stream comes from.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Origin {
	/// Whose stream it is.
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
	/// What is spent: put into jobs and not given back by them, in ETH.
	pub spent: Balance,
	/// The block from which on it may do nothing.
	pub expiry: BlockNumber,
	/// What it may do.
	pub scope: Scope,
	/// Tells it from a key of the same account that was removed before.
	pub serial: u64,
	/// ETH held from the broadcaster as long as it is stored.
	pub deposit: Balance,
}

/// Where a task stands on the agenda.
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

/// Something to do in a later block.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Task {
	/// Take the job's next step: draw, hand on or expire.
	Job(JobId),
	/// Take an ended assignment's next step: give its allowance back, or delete it.
	Assignment(JobId, AssignmentIndex),
	/// See whether a transcoder with assignments is still there; else hand them on.
	Transcoder(AccountId),
	/// Hand on a transcoder's assignments whose toolchain no longer runs, after this job.
	Toolchains(AccountId, Option<JobId>),
	/// Hand on the assignments that run by a generation of an account's keys.
	Keys(AccountId, Purpose, Generation),
	/// Go on paying a claim's escrow.
	Payouts(ClaimId),
	/// Bring the draws of jobs that wait, after this one, forward: somebody takes more than before.
	Waiting(Option<JobId>),
}

/// A leaf that a claim commits to, and a receipt of its claimant's that says something else.
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
	/// Its broadcaster ended it, or one of its spending keys.
	Broadcaster,
	/// Its end block came.
	#[codec(index = 2)]
	Expired,
	/// Nobody could be offered it, or accepted it, for so long that it was drawn
	/// [`crate::decision::MAX_DRAWS`] times in a row for nothing.
	#[codec(index = 3)]
	NobodySuits,
}
