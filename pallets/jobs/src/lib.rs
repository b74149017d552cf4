#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub use pallet::*;
pub use weights::WeightInfo;

mod agenda_impls;
mod asset;
mod assignment_impls;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod claim_impls;
mod clock_impls;
mod competition_impls;
mod debt_impls;
pub mod decision;
mod duty_impls;
mod equivocation_impls;
mod handover_impls;
mod idle_impls;
mod job_impls;
#[cfg(test)]
mod mock;
mod origin_impls;
mod payout_impls;
mod revocation_impls;
mod spending_impls;
#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "try-runtime"))]
mod try_state_impls;
pub mod types;
mod view_impls;
pub mod weights;

#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use crate::types::{
		Assignment, Class, EndReason, Job, Lapse, LeafEvidence, Load, OpenClaim, Origin,
		PayoutList, PriorityList, Scope, SpendingKey, StreamName, Task, Unsuited, Walk,
	};
	use alloc::{boxed::Box, vec::Vec};
	use frame_support::{pallet_prelude::*, traits::fungibles};
	use frame_system::pallet_prelude::*;
	use livepeer_primitives::{
		api::{AssignmentView, ClaimTerms, DutyView, JobView, SpendingView},
		claim::{ClaimInfo, PayoutReason, WorkClaim},
		duty::Acceptance,
		keys::{Generation, OperatorSignature, Purpose},
		params::{JobsParameters, LotteryParameters, MoneyParameters, VerificationTerms},
		receipt::Receipt,
		segment::SegmentHeader,
		service::ServiceRecord,
		traits::{
			Beacon, ChargeFee, Competition, FeeSink, Liability, OnClaim, OperatorKeysOf,
			ProtocolClock, Rounds, Settlement, Slash, Stake, Toolchains, TranscoderDirectory,
		},
		video::{Ladder, SourceLimits},
		AccountId, AssetId, AssignmentIndex, Balance, BlockNumber, ClaimId, JobId, RoundIndex, Seq,
		StreamId, ToolchainId,
	};

	/// The version of what is stored.
	pub const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	#[pallet::config]
	pub trait Config:
		frame_system::Config<AccountId = AccountId, RuntimeEvent: From<Event<Self>>>
	{
		/// Why ETH is held.
		type RuntimeHoldReason: From<HoldReason>;
		/// ETH, under its asset id, with holds.
		type Assets: fungibles::MutateHold<
			AccountId,
			AssetId = AssetId,
			Balance = Balance,
			Reason = Self::RuntimeHoldReason,
		>;
		/// The parameters of jobs.
		type Parameters: Get<JobsParameters>;
		/// Counts the blocks by which deadlines are set.
		type Clock: ProtocolClock;
		/// The parameters of the lottery: how long a signature can be punished, and by how much.
		type Lottery: Get<LotteryParameters>;
		/// Gives the round of a claim.
		type Rounds: Rounds;
		/// Randomness for assignments, and the window of a claim.
		type Beacon: Beacon;
		/// Who can take jobs.
		type Directory: TranscoderDirectory;
		/// Is told how transcoders answer the offers that they get.
		type Competition: Competition;
		/// The keys that sign for both parties.
		type Keys: OperatorKeysOf;
		/// The toolchains with which work can be done.
		type Toolchains: Toolchains;
		/// Where paid fees go.
		type FeeSink: FeeSink;
		/// Takes the fee of a claim's call from its transcoder.
		type ChargeFee: ChargeFee;
		/// Keeps stake from leaving while a claim is open.
		type Liability: Liability;
		/// The stake that transcoders have bonded to themselves. It backs their claims.
		type Stake: Stake;
		/// The rate of LPT and ETH.
		type Money: Get<MoneyParameters>;
		/// Punishes transcoders that contradict themselves.
		type Slash: Slash;
		/// The account that receives a broadcaster's forfeited bond.
		type CommonPool: Get<AccountId>;
		/// The lottery: bounds claims and is told of each.
		type OnClaim: OnClaim;
		/// The longest time from a claim to its outcome, in blocks.
		type ClaimLife: Get<BlockNumber>;
		/// A draw offers a job only if at least this many validators can judge it, not counting
		/// either party. It must not exceed the number of validators that the set keeps whatever
		/// becomes of its members: otherwise an attacker could stop all jobs by keeping a few
		/// validators from validating.
		type LeastJudges: Get<u32>;
		/// Length of a slot in milliseconds.
		type SlotDuration: Get<u64>;
		/// The priority of authorized calls in the pool.
		type DutyPriority: Get<TransactionPriority>;
		/// Blocks between two checks whether a transcoder with assignments still sends heartbeats.
		#[pallet::constant]
		type CheckInterval: Get<BlockNumber>;
		/// The weight that a block reserves for the agenda: three quarters for urgent tasks, the
		/// remainder for the others. Each of the two queues takes at least one step, which may
		/// exceed its part.
		#[pallet::constant]
		type AgendaWeight: Get<Weight>;
		/// Weights of calls and hooks.
		type WeightInfo: WeightInfo;
	}

	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// Why the pallet holds a broadcaster's ETH.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// The budgets of its jobs: unreserved amounts and allowances.
		Budget,
		/// The fees of claims that are not settled.
		Escrow,
		/// The bond of its jobs.
		Bond,
		/// The deposits of its streams' origin records.
		Origin,
		/// The deposits of its spending keys.
		SpendingKey,
	}

	/// The number of the next job.
	#[pallet::storage]
	pub type NextJob<T: Config> = StorageValue<_, JobId, ValueQuery>;

	/// Jobs until they are closed.
	#[pallet::storage]
	pub type Jobs<T: Config> = StorageMap<_, Twox64Concat, JobId, Job>;

	/// The newest job of a stream that is not closed. At most one of a stream's jobs has not ended.
	#[pallet::storage]
	pub type JobOfStream<T: Config> = StorageMap<_, Blake2_128Concat, StreamId, JobId>;

	/// The jobs of a broadcaster that are not closed.
	#[pallet::storage]
	pub type JobsOf<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, AccountId, Twox64Concat, JobId, ()>;

	/// The transcoders that come after the current assignment, in order; absent when there are
	/// none.
	#[pallet::storage]
	pub type PriorityLists<T: Config> =
		StorageMap<_, Twox64Concat, JobId, PriorityList, ValueQuery>;

	/// A job's assignments: the current one, those in grace, and those for which something signed
	/// can still be reported.
	#[pallet::storage]
	pub type Assignments<T: Config> =
		StorageDoubleMap<_, Twox64Concat, JobId, Twox64Concat, AssignmentIndex, Assignment>;

	/// The current assignments of a transcoder, by job.
	#[pallet::storage]
	pub type AssignmentsOf<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, AccountId, Twox64Concat, JobId, AssignmentIndex>;

	/// What transcoders have taken on; absent when they have taken on nothing.
	#[pallet::storage]
	pub type Loads<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Load>;

	/// How many of a transcoder's open-claim places are taken. Each of its assignments takes the
	/// places kept for it or one for each of its undecided claims, whichever is more. Absent when
	/// none are taken.
	#[pallet::storage]
	pub type Places<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, u32, ValueQuery>;

	/// The number of the next claim.
	#[pallet::storage]
	pub type NextClaim<T: Config> = StorageValue<_, ClaimId, ValueQuery>;

	/// Claims that are not settled.
	#[pallet::storage]
	pub type OpenClaims<T: Config> = StorageMap<_, Twox64Concat, ClaimId, OpenClaim>;

	/// The open claims of a transcoder.
	#[pallet::storage]
	pub type ClaimsOf<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, AccountId, Twox64Concat, ClaimId, ()>;

	/// The remaining payments out of the escrow of a claim whose settlement takes more than one
	/// step.
	#[pallet::storage]
	pub type Payouts<T: Config> = StorageMap<_, Twox64Concat, ClaimId, PayoutList>;

	/// The turns of transcoders in a job for which they are still liable, and the turns of
	/// transcoders that were punished.
	#[pallet::storage]
	pub type Turns<T: Config> =
		StorageDoubleMap<_, Twox64Concat, JobId, Blake2_128Concat, AccountId, types::Turns>;

	/// Running assignments by generation of keys: the running assignment of each job, under the
	/// keys of both parties. Accounts that sign themselves are not listed.
	#[pallet::storage]
	pub type RunningBy<T: Config> = StorageNMap<
		_,
		(
			NMapKey<Blake2_128Concat, AccountId>,
			NMapKey<Twox64Concat, Purpose>,
			NMapKey<Twox64Concat, Generation>,
			NMapKey<Twox64Concat, JobId>,
		),
		AssignmentIndex,
	>;

	/// What transcoders owe for verification that they caused in vain, in ETH; absent when they owe
	/// nothing.
	#[pallet::storage]
	pub type Debts<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Balance>;

	/// How transcoders answered a job's offers, until the job is closed.
	#[pallet::storage]
	pub type Answers<T: Config> = StorageMap<_, Twox64Concat, JobId, types::Answers>;

	/// The worth of a transcoder's claims without outcome, in ETH; absent when there are none.
	#[pallet::storage]
	pub type Exposed<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Balance, ValueQuery>;

	/// Offers that transcoders let pass since they last accepted one. Deleted when they accept one,
	/// or leave.
	#[pallet::storage]
	pub type Lapses<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Lapse>;

	/// Jobs that wait longer than for their first draw.
	#[pallet::storage]
	pub type Waiting<T: Config> = StorageMap<_, Twox64Concat, JobId, ()>;

	/// The walk over these jobs.
	#[pallet::storage]
	pub type NextWalk<T: Config> = StorageValue<_, Walk>;

	/// Where streams come from.
	#[pallet::storage]
	pub type Origins<T: Config> = StorageMap<_, Blake2_128Concat, StreamId, Origin>;

	/// The accounts that may spend a broadcaster's ETH on jobs.
	#[pallet::storage]
	pub type SpendingKeys<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, AccountId, Blake2_128Concat, AccountId, SpendingKey>;

	/// The serial number of the next spending key.
	#[pallet::storage]
	pub type NextSpendingKey<T: Config> = StorageValue<_, u64, ValueQuery>;

	/// The tasks that are due, by queue and block.
	#[pallet::storage]
	pub type Agenda<T: Config> = StorageNMap<
		_,
		(
			NMapKey<Twox64Concat, Class>,
			NMapKey<Twox64Concat, BlockNumber>,
			NMapKey<Blake2_128Concat, Task>,
		),
		(),
	>;

	/// The first block of a queue that is not finished; absent when nothing is overdue.
	#[pallet::storage]
	pub type Backlog<T: Config> = StorageMap<_, Twox64Concat, Class, BlockNumber>;

	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A job was created. Its transcoders are drawn two blocks later.
		JobCreated {
			/// Its number.
			job: JobId,
			/// Its owner.
			broadcaster: AccountId,
			/// Its stream.
			stream: StreamId,
			/// The stream's name within the broadcaster, in UTF-8.
			name: StreamName,
			/// The highest price of a standard segment, in ETH.
			max_price: Balance,
			/// The block at which it expires.
			end: BlockNumber,
			/// The budget, in ETH.
			budget: Balance,
		},
		/// A job's budget was raised.
		ToppedUp {
			/// The job.
			job: JobId,
			/// By how much, in ETH.
			amount: Balance,
		},
		/// A job ended: it is assigned to nobody any more. It is closed when its last assignment is
		/// gone.
		JobEnded {
			/// The job.
			job: JobId,
			/// Why.
			reason: EndReason,
		},
		/// The last grace of an ended job has passed: the rest of its budget is free again.
		BudgetReleased {
			/// The job.
			job: JobId,
			/// How much, in ETH.
			amount: Balance,
		},
		/// A job is over and gone; its bond is free again.
		JobClosed {
			/// The job.
			job: JobId,
		},
		/// No transcoder was eligible. The draw will be repeated.
		NobodyEligible {
			/// The job.
			job: JobId,
			/// The block of the next draw.
			next_draw: BlockNumber,
		},
		/// A job was offered to a transcoder.
		Offered {
			/// The job.
			job: JobId,
			/// The number of the assignment within the job.
			assignment: AssignmentIndex,
			/// The transcoder.
			transcoder: AccountId,
			/// The price of a standard segment in this assignment, in ETH.
			price: Balance,
			/// What is reserved for it, in ETH.
			allowance: Balance,
			/// The last block in which it can be accepted.
			until: BlockNumber,
		},
		/// A transcoder accepted an assignment.
		Accepted {
			/// The job.
			job: JobId,
			/// The assignment.
			assignment: AssignmentIndex,
			/// Its transcoder.
			transcoder: AccountId,
			/// The toolchain with which it works.
			toolchain: ToolchainId,
		},
		/// A transcoder let an offer pass.
		NotAccepted {
			/// The job.
			job: JobId,
			/// The assignment.
			assignment: AssignmentIndex,
			/// Its transcoder.
			transcoder: AccountId,
		},
		/// An assignment is no longer the job's current one.
		AssignmentEnded {
			/// The job.
			job: JobId,
			/// The assignment.
			assignment: AssignmentIndex,
			/// Its transcoder.
			transcoder: AccountId,
			/// The last block in which it can still be claimed for; `None` if it was never
			/// accepted.
			claimable_until: Option<BlockNumber>,
		},
		/// Nothing can be claimed for an assignment any more. What it did not claim went back to
		/// the job's unreserved budget.
		AssignmentClosed {
			/// The job.
			job: JobId,
			/// The assignment.
			assignment: AssignmentIndex,
			/// What went back, in ETH.
			released: Balance,
		},
		/// A job paid the common pool: for the time that an assignment took and did not use, or for
		/// the call that ended the assignment as idle.
		ReservationPaid {
			/// The job.
			job: JobId,
			/// The assignment.
			assignment: AssignmentIndex,
			/// How much, in ETH.
			amount: Balance,
		},
		/// A transcoder claimed a fee. It stays in escrow until the claim is settled.
		Claimed {
			/// The claim's number.
			claim: ClaimId,
			/// The job.
			job: JobId,
			/// The assignment.
			assignment: AssignmentIndex,
			/// The claimant.
			transcoder: AccountId,
			/// The first segment.
			first: Seq,
			/// The last segment.
			last: Seq,
			/// The work claimed.
			total_work: u64,
			/// The fee, in ETH.
			fee: Balance,
		},
		/// A claim is over: its escrow was paid, or the first of several payment steps was made.
		ClaimSettled {
			/// The claim.
			claim: ClaimId,
			/// Whether the fee was paid or returned.
			settlement: Settlement,
			/// The claimant.
			transcoder: AccountId,
			/// The owner of the escrow.
			broadcaster: AccountId,
			/// The fee, in ETH.
			fee: Balance,
		},
		/// A broadcaster set where a stream comes from.
		OriginSet {
			/// The stream.
			stream: StreamId,
			/// The broadcaster.
			broadcaster: AccountId,
			/// The stream's name within the broadcaster, in UTF-8.
			name: StreamName,
			/// How it is reached.
			record: ServiceRecord,
		},
		/// A stream's record was deleted, and its deposit is free again.
		OriginCleared {
			/// The stream.
			stream: StreamId,
			/// The stream's owner.
			broadcaster: AccountId,
		},
		/// A broadcaster allowed an account to spend its ETH on jobs.
		SpendingKeySet {
			/// The broadcaster.
			broadcaster: AccountId,
			/// The account.
			key: AccountId,
			/// The most that may be spent, in ETH.
			cap: Balance,
			/// The block from which the account can no longer do anything.
			expiry: BlockNumber,
			/// What it may do.
			scope: Scope,
		},
		/// An account can no longer spend a broadcaster's ETH.
		SpendingKeyRemoved {
			/// The broadcaster.
			broadcaster: AccountId,
			/// The account.
			key: AccountId,
		},
		/// A transcoder signed two different results for one segment and was slashed.
		TranscoderEquivocated {
			/// The job.
			job: JobId,
			/// The transcoder.
			transcoder: AccountId,
			/// The round as of which it is punished.
			offence: RoundIndex,
			/// Who reported it.
			reporter: AccountId,
			/// What its stake lost, in LPT.
			slashed: Balance,
			/// The part of it that the reporter got, in LPT.
			finders_fee: Balance,
		},
		/// A broadcaster signed two different segments in one place and lost the job's bond.
		BroadcasterEquivocated {
			/// The job.
			job: JobId,
			/// The broadcaster.
			broadcaster: AccountId,
			/// The bond, in ETH.
			forfeited: Balance,
		},
		/// A transcoder was charged for verification that it caused in vain.
		VerificationCharged {
			/// The transcoder.
			transcoder: AccountId,
			/// How much, in ETH.
			amount: Balance,
			/// The part of it that was taken at once, in ETH. The transcoder owes the rest, less
			/// what its stake paid.
			paid: Balance,
			/// What its stake lost for it, in LPT.
			slashed: Balance,
		},
		/// Part or all of a transcoder's debt was paid, out of its fees or by somebody.
		DebtPaid {
			/// The transcoder.
			transcoder: AccountId,
			/// How much, in ETH.
			paid: Balance,
			/// What it still owes, in ETH.
			left: Balance,
		},
		/// The cost of a claim's verification was put into escrow, as far as it was paid.
		VerificationPrepaid {
			/// The claim.
			claim: ClaimId,
			/// The most that the verification can cost, in ETH.
			prepayment: Balance,
			/// The part that the transcoder paid, in ETH.
			prepaid: Balance,
			/// The part that the broadcaster paid out of the assignment's reserve, in ETH.
			shortfall: Balance,
		},
		/// A payment out of a claim's escrow was made.
		EscrowPaid {
			/// The claim.
			claim: ClaimId,
			/// The account that received it.
			account: AccountId,
			/// Why.
			reason: PayoutReason,
			/// How much, in ETH.
			amount: Balance,
		},
		/// A draw of a job found nobody.
		NobodySuits {
			/// The job.
			job: JobId,
			/// What the nearest candidate lacks.
			why: Unsuited,
		},
		/// A transcoder let too many offers in a row pass. It is offered nothing for a while.
		Suspended {
			/// The transcoder.
			transcoder: AccountId,
			/// The first round in which it gets offers again.
			until: RoundIndex,
		},
	}

	/// Why a call is refused. An authorized call, which no account signs, is refused before it
	/// enters a block; the number in the answer's `Custom`, invalid or unknown, is then that of the
	/// error.
	#[pallet::error]
	pub enum Error<T> {
		/// The stream's name is empty or not UTF-8: give a name of 1 to 64 bytes.
		BadStreamName,
		/// The ladder has no rendition: name at least one.
		NoRendition,
		/// Two renditions of the ladder are equal: leave one out.
		DuplicateRendition,
		/// A rendition's side is below 16, odd or above 4096, or a side of the source is zero or
		/// above 4096: give other sizes.
		BadSize,
		/// A bit rate of the ladder is zero or above its cap, or the cap is too high for the
		/// longest segment: give other bit rates, or shorter segments.
		BadBitrate,
		/// A rendition's profile has no work factor on this chain: choose another profile.
		UnknownProfile,
		/// The longest segment is above 10 s, or the shortest is above the longest or below 0.5 s:
		/// give lengths within these bounds.
		BadSegmentLength,
		/// The frame rate of the source is zero or too high: give another.
		BadFrameRate,
		/// The work of one segment of this job does not fit into 64 bits: lower sizes, frame rate
		/// or segment length.
		WorkOverflow,
		/// A verifier could not redo the job's largest segment in the time that it is given. Lower
		/// the picture size or frame rate, shorten `longest`, or ask for fewer or smaller
		/// renditions.
		CannotBeJudged,
		/// This job would need more open claims at once than a transcoder may have. Lengthen
		/// `shortest`, or lower the work of a segment, so that a claim can hold more segments.
		TooManyPlaces,
		/// The job would end before it can be assigned, or last longer than jobs may: give another
		/// end.
		BadEnd,
		/// The stream already has a job that has not ended: end that one, or use another name.
		StreamHasJob,
		/// The budget does not pay for one segment at the highest price: raise the budget or lower
		/// `max_price`.
		BudgetTooSmall,
		/// The free ETH does not cover the amount plus the minimum balance that must stay free:
		/// send the broadcaster more ETH, or give less.
		InsufficientEth,
		/// The amount to add is zero.
		NothingToAdd,
		/// There is no such job, or it is closed: check its number.
		NoJob,
		/// The job has ended, or its end block has passed: create another one.
		JobEnded,
		/// Only the job's broadcaster, or a spending key of it, may do this.
		NotBroadcaster,
		/// Only the job's broadcaster, one of its spending keys, or the transcoder of its running
		/// assignment can end it.
		NotParty,
		/// There is no such spending key: its broadcaster can set it with `set_spending_key`.
		NoSpendingKey,
		/// The spending key has expired: its broadcaster can set it anew.
		KeyExpired,
		/// The spending key has not expired yet; only its broadcaster can remove it.
		KeyNotExpired,
		/// The spending key may not do this: its broadcaster can set it anew with another scope.
		OutOfScope,
		/// The spending key would spend more than its cap: give less, or have its broadcaster raise
		/// the cap.
		CapExceeded,
		/// The broadcaster has the maximum number of spending keys: remove one first.
		TooManySpendingKeys,
		/// An account needs no key to spend its own ETH.
		OwnKey,
		/// The object was signed for another chain.
		WrongChain,
		/// This assignment is not on offer: it was passed on or accepted already.
		NotOffered,
		/// There is no such assignment, or it is closed.
		NoAssignment,
		/// Only the assignment's transcoder may do this.
		NotTranscoder,
		/// The time for this has passed.
		TooLate,
		/// The transcoder is jailed: it can call `unjail` when every verdict has been executed or
		/// cancelled.
		Jailed,
		/// A generation of keys is not the one required: an acceptance must name the current ones,
		/// and whatever is signed for an assignment must name the assignment's.
		WrongGeneration,
		/// The key was revoked: sign with another one.
		KeyRevoked,
		/// The toolchain is not accepted: governance decides which toolchains are.
		UnknownToolchain,
		/// The transcoder works with too many toolchains at once: let the assignments of one end
		/// first.
		TooManyToolchains,
		/// The claim names another toolchain than the assignment's: name the assignment's.
		WrongToolchain,
		/// The signature was not made by the key that it names.
		BadSignature,
		/// The assignment was not accepted.
		NotAccepted,
		/// The claim begins before the assignment's cursor, or ends before it begins: begin at the
		/// cursor.
		ClaimNotAscending,
		/// The claim has more leaves than a claim of this assignment may have: claim fewer at once.
		TooManyLeaves,
		/// The claim is for no work.
		NoWork,
		/// The claim's largest leaf is above the most work that a segment of this job can hold.
		LeafTooLarge,
		/// The claim has more work than its leaves can hold.
		WorkTooLarge,
		/// The fee is below ETH's minimum balance: claim more at once.
		FeeTooSmall,
		/// The fee is more than what is left of the assignment's allowance: claim fewer segments,
		/// or wait for a top-up.
		AllowanceExceeded,
		/// The transcoder has the maximum number of claims without outcome: wait until some are
		/// decided.
		TooManyOpenClaims,
		/// The transcoder cannot pay the fee of the claim's call: send it LPT or ETH.
		CannotPayFee,
		/// The assignment is not idle: a claim for it may still be on its way. Try again later.
		NotIdle,
		/// There is no such open claim.
		NoClaim,
		/// The payments do not match the escrow: there are too many, or their sum differs.
		BadPayouts,
		/// The stream has no origin record.
		NoOrigin,
		/// The two objects do not contradict each other.
		NotEquivocation,
		/// This contradiction has been punished already.
		AlreadyReported,
		/// All numbers are used up: use another job.
		NoMoreNumbers,
		/// The transcoder owes nothing.
		NoDebt,
		/// The fee does not cover the cost of the claim's verification: claim more at once.
		FeeBelowVerification,
		/// At this price no claim could cover the cost of its verification: raise `max_price`.
		PriceBelowVerification,
		/// The transcoder's own bond does not back any more claims without outcome: wait until some
		/// are decided, or bond more.
		NotBacked,
		/// The transcoder owes for verification that it caused in vain: pay with `pay_debt` first.
		InDebt,
		/// Even the largest claim of this job is worth less than ETH's minimum balance, the
		/// smallest fee that can be claimed, so nobody could be paid for it. Raise `max_price`,
		/// lengthen `longest`, or ask for more or larger renditions.
		FullClaimTooSmall,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_initialize(_: BlockNumberFor<T>) -> Weight {
			if !T::Clock::is_open() {
				return Weight::zero();
			}
			Self::run_agenda(Self::now())
		}

		fn integrity_test() {
			assert!(T::CheckInterval::get() > 0, "transcoders are checked at an interval");
			assert!(T::SlotDuration::get() > 0, "time passes");
			let least = T::WeightInfo::agenda_block().saturating_mul(2);
			assert!(T::AgendaWeight::get().all_gt(least), "the agenda has weight for its steps");
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Creates a job for a stream. Budget and bond are held from the broadcaster's ETH, and
		/// ETH's minimum balance must stay free. The job is offered two blocks later.
		///
		/// Who: the broadcaster, or a spending key of it that may create jobs.
		///
		/// - `broadcaster`: who pays; `None` for the caller itself.
		/// - `name`: the stream's name within the broadcaster, UTF-8, at most 64 bytes.
		/// - `ladder`: the renditions to make, each with profile and bit rates in kbit/s.
		/// - `limits`: the largest picture in pixels, the highest frame rate, and the longest and
		///   shortest segment in 1/90,000 s of the source.
		/// - `max_price`: the highest price of a standard segment (2 s of 1280×720 at 30 frames per
		///   second), in units of 10^-18 ETH.
		/// - `end`: the block at which it expires.
		/// - `budget`: in units of 10^-18 ETH; it must pay for at least one segment at `max_price`.
		///
		/// Emits `JobCreated`. Costs the transaction's fee, which covers the job's draw and closing
		/// too.
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::create_job().saturating_add(Pallet::<T>::future_of_job()))]
		#[allow(clippy::too_many_arguments)]
		pub fn create_job(
			origin: OriginFor<T>,
			broadcaster: Option<AccountId>,
			name: StreamName,
			ladder: Ladder,
			limits: SourceLimits,
			max_price: Balance,
			end: BlockNumber,
			budget: Balance,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			let broadcaster = broadcaster.unwrap_or_else(|| who.clone());
			Self::do_create_job(who, broadcaster, name, ladder, limits, max_price, end, budget)
		}

		/// Raises the budget of a job and refills the allowance of its current assignment. If
		/// nobody was eligible, the job is drawn again two blocks later.
		///
		/// Who: the job's broadcaster, or a spending key of it that may top up jobs.
		///
		/// - `job`: the job's number.
		/// - `amount`: by how much, in units of 10^-18 ETH; held from the broadcaster's ETH.
		///
		/// Emits `ToppedUp`. Costs the transaction's fee, which covers that draw too.
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::top_up().saturating_add(Pallet::<T>::draw_weight()))]
		pub fn top_up(
			origin: OriginFor<T>,
			job: JobId,
			amount: Balance,
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			Self::do_top_up(who, job, amount)
		}

		/// Ends a job. Work that was done can be claimed during the grace; then the rest of the
		/// budget is free again. If the transcoder of the running assignment calls it, only that
		/// assignment ends, and the job is offered to the next transcoder on its list at once.
		///
		/// Who: the job's broadcaster, a spending key of it that may end jobs, or the transcoder of
		/// its running assignment.
		///
		/// - `job`: the job's number.
		///
		/// Emits `AssignmentEnded` if the job was assigned, and `JobEnded` unless the transcoder
		/// sent the call. Costs the transaction's fee. A transcoder's fee also covers handing the
		/// job on, and a draw if nobody is left on the list.
		#[pallet::call_index(2)]
		#[pallet::weight(Pallet::<T>::quitting_weight(true))]
		pub fn end_job(origin: OriginFor<T>, job: JobId) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			Self::do_end_job(who, job)
		}

		/// Accepts the assignment that is offered to a transcoder.
		///
		/// Who: anyone, without an account; signed by a duties key of the transcoder.
		///
		/// - `acceptance`: the assignment, the current generations of both parties' keys, and the
		///   toolchain.
		/// - `signature`: over the acceptance.
		///
		/// Emits `Accepted`. Costs nothing.
		#[pallet::call_index(3)]
		#[pallet::weight((T::WeightInfo::accept_job(), DispatchClass::Operational, Pays::No))]
		#[pallet::weight_of_authorize(T::WeightInfo::authorize_accept_job())]
		#[pallet::authorize(Self::authorize_accept_job)]
		pub fn accept_job(
			origin: OriginFor<T>,
			acceptance: Acceptance,
			signature: OperatorSignature,
		) -> DispatchResult {
			ensure_authorized(origin)?;
			Self::do_accept_job(&acceptance, &signature.signer)
		}

		/// Claims the fee for segments of an assignment. Claims of an assignment must ascend;
		/// segments in gaps can never be claimed. The fee for the segments moves from the budget
		/// into escrow and stays there until the lottery has decided.
		///
		/// Who: anyone, without an account; signed by a duties key of the assignment's transcoder.
		///
		/// - `claim`: the range of segments, the root of its Merkle-sum tree with one leaf for each
		///   segment, the work of all leaves and of the largest one, and the assignment's
		///   toolchain.
		/// - `signature`: over the claim.
		///
		/// Emits `Claimed`. Costs the transaction's fee, which is taken from the transcoder. It
		/// also covers what the claim causes later if nobody errs: draw, decision and settlement.
		#[pallet::call_index(4)]
		#[pallet::weight((
			Pallet::<T>::claim_weight(T::Lottery::get().committee_size),
			DispatchClass::Normal,
			Pays::No,
		))]
		#[pallet::weight_of_authorize(T::WeightInfo::authorize_claim_work())]
		#[pallet::authorize(Self::authorize_claim_work)]
		pub fn claim_work(
			origin: OriginFor<T>,
			claim: WorkClaim,
			signature: OperatorSignature,
		) -> DispatchResult {
			ensure_authorized(origin)?;
			Self::do_claim_work(&claim, &signature)
		}

		/// Sets where a stream of the caller comes from, so that anyone who knows the stream finds
		/// its origin. Replaces an earlier record.
		///
		/// Who: the broadcaster.
		///
		/// - `name`: the stream's name, UTF-8, at most 64 bytes.
		/// - `record`: how the origin is reached.
		///
		/// Emits `OriginSet`. Costs the transaction's fee, and for the first record of a stream a
		/// deposit of ETH.
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::set_origin())]
		pub fn set_origin(
			origin: OriginFor<T>,
			name: StreamName,
			record: ServiceRecord,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_set_origin(who, name, record)
		}

		/// Deletes the origin record of a stream of the caller and returns its deposit.
		///
		/// Who: the broadcaster.
		///
		/// - `name`: the stream's name, UTF-8.
		///
		/// Emits `OriginCleared`. Costs the transaction's fee.
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::clear_origin())]
		pub fn clear_origin(origin: OriginFor<T>, name: StreamName) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_clear_origin(who, name)
		}

		/// Allows an account to spend the caller's ETH on jobs, or changes what it may do. What it
		/// has spent stays counted. A broadcaster has at most eight spending keys at once.
		///
		/// Who: the broadcaster.
		///
		/// - `key`: the account; it pays its own transaction fees.
		/// - `cap`: the most that it may spend, in units of 10^-18 ETH. What a job that it created
		///   gives back no longer counts.
		/// - `expiry`: the block from which it can no longer do anything.
		/// - `scope`: what it may do.
		///
		/// Emits `SpendingKeySet`. Costs the transaction's fee, and for each new key a deposit of
		/// ETH.
		#[pallet::call_index(7)]
		#[pallet::weight(T::WeightInfo::set_spending_key())]
		pub fn set_spending_key(
			origin: OriginFor<T>,
			key: AccountId,
			cap: Balance,
			expiry: BlockNumber,
			scope: Scope,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_set_spending_key(who, key, cap, expiry, scope)
		}

		/// Removes a spending key and returns its deposit to its broadcaster. Jobs that it created
		/// go on.
		///
		/// Who: the broadcaster; anyone once the key has expired.
		///
		/// - `broadcaster`: the owner of the key.
		/// - `key`: the account.
		///
		/// Emits `SpendingKeyRemoved`. Costs the transaction's fee.
		#[pallet::call_index(8)]
		#[pallet::weight(T::WeightInfo::remove_spending_key())]
		pub fn remove_spending_key(
			origin: OriginFor<T>,
			broadcaster: AccountId,
			key: AccountId,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_remove_spending_key(who, broadcaster, key)
		}

		/// Ends an assignment for which nothing is claimed; the job is drawn anew. Work that was
		/// done can be claimed during the grace.
		///
		/// Who: anyone, if nothing was claimed for more than twice the time that the assignment's
		/// largest claim takes at the job's longest segments, counted from its last claim or its
		/// acceptance. Its transcoder after half of that time, or a sixteenth if nothing was ever
		/// claimed. Anyone at any time once the assignment owes its whole allowance for its
		/// reservation.
		///
		/// - `job`: the job's number.
		/// - `assignment`: the number of its running assignment.
		///
		/// Emits `AssignmentEnded`, and `ReservationPaid` if the job pays. Costs nothing if nothing
		/// was ever claimed for the assignment and the job's budget covers the price of the call;
		/// the job then pays that price to the common pool. Otherwise it costs the transaction's
		/// fee, which also covers the draw and the closing of one more assignment.
		#[pallet::call_index(9)]
		#[pallet::weight(Pallet::<T>::end_idle_weight())]
		pub fn end_idle(
			origin: OriginFor<T>,
			job: JobId,
			assignment: AssignmentIndex,
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let pays = Self::do_end_idle(who, job, assignment)?;
			Ok(pays.into())
		}

		/// Reports that a transcoder signed two different results for one segment. The transcoder
		/// is slashed, once in a job, as of the round in which it first accepted the job. Accepted
		/// until `slashing_period` after the assignment's grace and its last decision.
		///
		/// Who: anyone. The reporter gets the finder's fee, unless it is the transcoder itself.
		///
		/// - `header`: the segment's header.
		/// - `header_signature`: the broadcaster's signature over it, by the assignment's
		///   generation of its keys.
		/// - `receipts`: two receipts for it that differ in outputs, kind or toolchain.
		/// - `signatures`: the transcoder's over each, by the assignment's generation of its keys.
		///
		/// Emits `TranscoderEquivocated`. Costs nothing if the report is right and not sent by the
		/// transcoder itself; otherwise the transaction's fee.
		#[pallet::call_index(10)]
		#[pallet::weight(
			T::WeightInfo::report_equivocation().saturating_add(T::Slash::slash_weight(0, 1))
		)]
		pub fn report_equivocation(
			origin: OriginFor<T>,
			header: SegmentHeader,
			header_signature: OperatorSignature,
			receipts: [Receipt; 2],
			signatures: [OperatorSignature; 2],
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let signed = &header_signature;
			let pays = Self::do_report_equivocation(who, &header, signed, &receipts, &signatures)?;
			Ok(pays.into())
		}

		/// Reports that a broadcaster signed two different segments in one place. The broadcaster
		/// loses the job's bond. Accepted as long as the assignment is stored.
		///
		/// Who: anyone.
		///
		/// - `headers`: two headers of one job, assignment, track and seq that differ.
		/// - `signatures`: the broadcaster's over each, by the assignment's generation of its keys.
		///
		/// Emits `BroadcasterEquivocated`. Costs nothing if the report is right, otherwise the
		/// transaction's fee.
		#[pallet::call_index(11)]
		#[pallet::weight(T::WeightInfo::report_broadcaster())]
		pub fn report_broadcaster(
			origin: OriginFor<T>,
			headers: [SegmentHeader; 2],
			signatures: [OperatorSignature; 2],
		) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			Self::do_report_broadcaster(&headers, &signatures)?;
			Ok(Pays::No.into())
		}

		/// Reports that a transcoder claims another result for a segment than it has signed. It is
		/// slashed as by `report_equivocation`. Accepted as long as the claim is open.
		///
		/// Who: anyone. The reporter gets the finder's fee, unless it is the transcoder itself.
		///
		/// - `claim`: the claim's number.
		/// - `evidence`: a leaf of the claim with its path, the broadcaster's signature over the
		///   segment, and the transcoder's receipt for it that differs in outputs, kind or
		///   toolchain.
		///
		/// Emits `TranscoderEquivocated`. Costs nothing if the report is right and not sent by the
		/// transcoder itself; otherwise the transaction's fee.
		#[pallet::call_index(12)]
		#[pallet::weight(T::WeightInfo::report_leaf().saturating_add(T::Slash::slash_weight(0, 1)))]
		pub fn report_leaf(
			origin: OriginFor<T>,
			claim: ClaimId,
			evidence: Box<LeafEvidence>,
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let pays = Self::do_report_leaf(who, claim, &evidence)?;
			Ok(pays.into())
		}

		/// Pays what a transcoder owes for verification that it caused in vain, as far as the
		/// caller's free ETH goes. While a transcoder has a debt, it is offered no job and can
		/// claim nothing.
		///
		/// Who: anyone.
		///
		/// - `transcoder`: the debtor.
		///
		/// Emits `DebtPaid`. Costs the transaction's fee.
		#[pallet::call_index(13)]
		#[pallet::weight(T::WeightInfo::pay_debt())]
		pub fn pay_debt(origin: OriginFor<T>, transcoder: AccountId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_pay_debt(&who, transcoder)
		}

		/// Hands a job on: its running assignment ends, and the job is offered to the next
		/// transcoder on its list at once. If nobody is left on the list, a new one is drawn two
		/// blocks later. Work that was done can be claimed during the grace. The transcoder is not
		/// treated as having let an offer pass.
		///
		/// Who: the job's broadcaster, or a spending key of it that may end jobs.
		///
		/// - `job`: the job's number.
		/// - `assignment`: the number of its running assignment.
		///
		/// Emits `AssignmentEnded`, and `Offered` if there is a next transcoder. Costs the
		/// transaction's fee, which also covers the closing of the next assignment, and the draw if
		/// there is one.
		#[pallet::call_index(14)]
		#[pallet::weight(Pallet::<T>::next_transcoder_weight(true))]
		pub fn next_transcoder(
			origin: OriginFor<T>,
			job: JobId,
			assignment: AssignmentIndex,
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			Self::do_next_transcoder(who, job, assignment)
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// A job that is not closed.
		pub fn job(id: JobId) -> Option<JobView> {
			Self::view_job(id)
		}

		/// The newest job of a stream that is not closed.
		pub fn job_of_stream(stream: StreamId) -> Option<JobId> {
			JobOfStream::<T>::get(stream)
		}

		/// An assignment that is current, in grace, or can still be reported.
		pub fn assignment(job: JobId, index: AssignmentIndex) -> Option<AssignmentView> {
			Self::view_assignment(job, index)
		}

		/// What the claims of an assignment must be worth, and how much of them is backed.
		pub fn claim_terms(job: JobId, index: AssignmentIndex) -> Option<ClaimTerms> {
			Self::view_claim_terms(job, index)
		}

		/// What the price and the budget of a new job must cover.
		pub fn job_terms() -> VerificationTerms {
			T::Lottery::get().terms(false)
		}

		/// The transcoders that will be asked after the current assignment, in order.
		pub fn successors(job: JobId) -> Vec<AccountId> {
			PriorityLists::<T>::get(job).into_inner()
		}

		/// The jobs whose current assignment, offered or running, is this transcoder's.
		pub fn assignments(transcoder: AccountId) -> Vec<JobId> {
			Self::jobs_of(&transcoder)
		}

		/// An open claim.
		pub fn claim(id: ClaimId) -> Option<ClaimInfo> {
			OpenClaims::<T>::get(id).map(|claim| claim.info)
		}

		/// The open claims of a transcoder, oldest first.
		pub fn claims_of(transcoder: AccountId) -> Vec<ClaimId> {
			Self::open_claims_of(&transcoder)
		}

		/// Where a stream comes from.
		pub fn origin(stream: StreamId) -> Option<ServiceRecord> {
			Origins::<T>::get(stream).map(|origin| origin.record)
		}

		/// The streams that have an origin record.
		pub fn origins() -> Vec<StreamId> {
			Self::view_origins()
		}

		/// What a transcoder owes for verification that it caused in vain, in ETH.
		pub fn debt_of(transcoder: AccountId) -> Balance {
			Debts::<T>::get(transcoder).unwrap_or_default()
		}

		/// The offers that a transcoder has to accept, the most urgent first.
		pub fn duties(account: AccountId) -> Vec<DutyView> {
			Self::view_duties(&account)
		}

		/// The accounts that can spend a broadcaster's ETH.
		pub fn spending_keys(broadcaster: AccountId) -> Vec<SpendingView> {
			Self::view_spending_keys(broadcaster)
		}
	}

	impl<T: Config> Pallet<T> {
		/// Cheap checks first, the signature last; what passes cannot fail in dispatch.
		fn authorize_accept_job(
			_source: TransactionSource,
			acceptance: &Acceptance,
			signature: &OperatorSignature,
		) -> TransactionValidityWithRefund {
			Self::validate_accept_job(acceptance, signature)
		}

		/// Cheap checks first, the signature last; what passes cannot fail in dispatch.
		fn authorize_claim_work(
			_source: TransactionSource,
			claim: &WorkClaim,
			signature: &OperatorSignature,
		) -> TransactionValidityWithRefund {
			Self::validate_claim_work(claim, signature)
		}
	}
}
