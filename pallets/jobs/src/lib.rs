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
		/// The parameters of the lottery: how long what was signed can be punished, and by how much.
		type Lottery: Get<LotteryParameters>;
		/// Tells the round of a claim.
		type Rounds: Rounds;
		/// Chance for assignments, and the window of a claim.
		type Beacon: Beacon;
		/// Who can take jobs.
		type Directory: TranscoderDirectory;
		/// Told how transcoders answer what they are offered.
		type Competition: Competition;
		/// The keys that sign for both parties.
		type Keys: OperatorKeysOf;
		/// The toolchains with which work may be done.
		type Toolchains: Toolchains;
		/// Where paid fees go.
		type FeeSink: FeeSink;
		/// Takes the fee of a claim's call from its transcoder.
		type ChargeFee: ChargeFee;
		/// Keeps stake from leaving while a claim is open.
		type Liability: Liability;
		/// What transcoders have bonded to themselves, which backs their claims.
		type Stake: Stake;
		/// What joins LPT and ETH.
		type Money: Get<MoneyParameters>;
		/// Punishes transcoders that contradict themselves.
		type Slash: Slash;
		/// Where a broadcaster's bond goes that is forfeited.
		type CommonPool: Get<AccountId>;
		/// The lottery: bounds claims and is told of each.
		type OnClaim: OnClaim;
		/// The longest time from a claim to its outcome, in blocks.
		type ClaimLife: Get<BlockNumber>;
		/// So many validators, neither party among them, must be able to judge before a draw offers a job.
		/// No more than the set of validators has at the least whatever becomes of its members, or whoever
		/// had a few of them kept from validating could stop all jobs.
		type LeastJudges: Get<u32>;
		/// Length of a slot in milliseconds.
		type SlotDuration: Get<u64>;
		/// The priority of authorized calls in the pool.
		type DutyPriority: Get<TransactionPriority>;
		/// Blocks between two looks at whether a transcoder with assignments still sends
		/// heartbeats.
		#[pallet::constant]
		type CheckInterval: Get<BlockNumber>;
		/// The weight that a block sets aside for the agenda: three quarters for what is urgent, and
		/// what that leaves for the rest. Each of the two takes one step at least, which may exceed
		/// its part.
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
		/// The budget of its jobs: unreserved and allowances.
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

	/// The newest job of a stream that is not closed; at most one of a stream's jobs has not ended.
	#[pallet::storage]
	pub type JobOfStream<T: Config> = StorageMap<_, Blake2_128Concat, StreamId, JobId>;

	/// The jobs of a broadcaster that are not closed.
	#[pallet::storage]
	pub type JobsOf<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, AccountId, Twox64Concat, JobId, ()>;

	/// Who comes after the current assignment, in order; absent when nobody does.
	#[pallet::storage]
	pub type PriorityLists<T: Config> =
		StorageMap<_, Twox64Concat, JobId, PriorityList, ValueQuery>;

	/// A job's assignments: the current one, those in grace, and those for which something that was
	/// signed can still be reported.
	#[pallet::storage]
	pub type Assignments<T: Config> =
		StorageDoubleMap<_, Twox64Concat, JobId, Twox64Concat, AssignmentIndex, Assignment>;

	/// The current assignments of a transcoder, by job.
	#[pallet::storage]
	pub type AssignmentsOf<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, AccountId, Twox64Concat, JobId, AssignmentIndex>;

	/// What transcoders have taken on; absent when nothing.
	#[pallet::storage]
	pub type Loads<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Load>;

	/// Open-claim places of a transcoder that are taken: for each of its assignments as many as are
	/// kept for it, or as it has claims that are not decided, whichever is more. Absent when none.
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

	/// What is left to pay of the escrow of a claim whose settlement takes more than one step.
	#[pallet::storage]
	pub type Payouts<T: Config> = StorageMap<_, Twox64Concat, ClaimId, PayoutList>;

	/// The turns of transcoders in a job for which they still answer, and of those that were punished.
	#[pallet::storage]
	pub type Turns<T: Config> =
		StorageDoubleMap<_, Twox64Concat, JobId, Blake2_128Concat, AccountId, types::Turns>;

	/// What runs by which generation of keys: the running assignment of each job, by the keys of both
	/// parties. Not where an account signs itself.
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

	/// What transcoders owe for verification that they caused in vain, in ETH; absent when nothing.
	#[pallet::storage]
	pub type Debts<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Balance>;

	/// What transcoders made of a job's offers, until it is closed.
	#[pallet::storage]
	pub type Answers<T: Config> = StorageMap<_, Twox64Concat, JobId, types::Answers>;

	/// What the claims without outcome of a transcoder are worth, in ETH; absent when nothing.
	#[pallet::storage]
	pub type Exposed<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Balance, ValueQuery>;

	/// Offers that transcoders let pass since they last accepted one; goes when they do, or leave.
	#[pallet::storage]
	pub type Lapses<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Lapse>;

	/// Jobs that wait longer than for their first draw.
	#[pallet::storage]
	pub type Waiting<T: Config> = StorageMap<_, Twox64Concat, JobId, ()>;

	/// The walk over them.
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

	/// What is to be done, by queue and block.
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

	/// The first block of a queue that is not worked off; absent when none is overdue.
	#[pallet::storage]
	pub type Backlog<T: Config> = StorageMap<_, Twox64Concat, Class, BlockNumber>;

	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A job was created; its transcoders are drawn two blocks later.
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
		/// A job ended: nothing is assigned any more. It is closed when its last assignment is gone.
		JobEnded {
			/// The job.
			job: JobId,
			/// Why.
			reason: EndReason,
		},
		/// The last grace of an ended job has passed: what was left of its budget is free again.
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
		/// No transcoder was eligible; the draw is repeated.
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
			/// To whom.
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
		/// Nothing can be claimed for an assignment any more; what it did not claim went back to the
		/// job's unreserved budget.
		AssignmentClosed {
			/// The job.
			job: JobId,
			/// The assignment.
			assignment: AssignmentIndex,
			/// What went back, in ETH.
			released: Balance,
		},
		/// An assignment paid the common pool for the time that it took and did not use, or for the call
		/// that ended it as idle.
		ReservationPaid {
			/// The job.
			job: JobId,
			/// The assignment.
			assignment: AssignmentIndex,
			/// How much, in ETH.
			amount: Balance,
		},
		/// A transcoder claimed a fee; it lies in escrow until the claim is settled.
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
		/// A claim is over: its escrow is paid, or, where that takes several steps, begins to be.
		ClaimSettled {
			/// The claim.
			claim: ClaimId,
			/// Whether the fee was paid or given back.
			settlement: Settlement,
			/// The claimant.
			transcoder: AccountId,
			/// Whose fee it was.
			broadcaster: AccountId,
			/// The fee, in ETH.
			fee: Balance,
		},
		/// A broadcaster said where a stream comes from.
		OriginSet {
			/// The stream.
			stream: StreamId,
			/// Who.
			broadcaster: AccountId,
			/// The stream's name within the broadcaster, in UTF-8.
			name: StreamName,
			/// How it is reached.
			record: ServiceRecord,
		},
		/// A stream's record is gone and its deposit free again.
		OriginCleared {
			/// The stream.
			stream: StreamId,
			/// Whose it was.
			broadcaster: AccountId,
		},
		/// A broadcaster lets an account spend its ETH on jobs.
		SpendingKeySet {
			/// Who.
			broadcaster: AccountId,
			/// The account.
			key: AccountId,
			/// The most that may be spent, in ETH.
			cap: Balance,
			/// The block from which on it may do nothing.
			expiry: BlockNumber,
			/// What it may do.
			scope: Scope,
		},
		/// An account may no longer spend a broadcaster's ETH.
		SpendingKeyRemoved {
			/// The broadcaster.
			broadcaster: AccountId,
			/// The account.
			key: AccountId,
		},
		/// A transcoder signed two results for one segment, and was slashed.
		TranscoderEquivocated {
			/// The job.
			job: JobId,
			/// The transcoder.
			transcoder: AccountId,
			/// The round as of which it is punished.
			offence: RoundIndex,
			/// Who showed it.
			reporter: AccountId,
			/// What its stake lost, in LPT.
			slashed: Balance,
			/// What of it the reporter got, in LPT.
			finders_fee: Balance,
		},
		/// A broadcaster signed two segments in one place, and lost the job's bond.
		BroadcasterEquivocated {
			/// The job.
			job: JobId,
			/// The broadcaster.
			broadcaster: AccountId,
			/// The bond, in ETH.
			forfeited: Balance,
		},
		/// A transcoder has to pay for verification that it caused in vain.
		VerificationCharged {
			/// The transcoder.
			transcoder: AccountId,
			/// How much, in ETH.
			amount: Balance,
			/// What of it was taken at once. Of the rest its debt is what its stake did not pay.
			paid: Balance,
			/// What its stake lost for it, in LPT.
			slashed: Balance,
		},
		/// A transcoder's debt was paid, out of its fees or by somebody.
		DebtPaid {
			/// The transcoder.
			transcoder: AccountId,
			/// How much, in ETH.
			paid: Balance,
			/// What it still owes.
			left: Balance,
		},
		/// What the verification of a claim may cost lies in its escrow, as far as it was paid.
		VerificationPrepaid {
			/// The claim.
			claim: ClaimId,
			/// The most that it may cost, in ETH.
			prepayment: Balance,
			/// What of it the transcoder paid.
			prepaid: Balance,
			/// What of it the broadcaster paid, out of the assignment's reserve.
			shortfall: Balance,
		},
		/// A payment out of a claim's escrow.
		EscrowPaid {
			/// The claim.
			claim: ClaimId,
			/// To whom.
			account: AccountId,
			/// Why.
			reason: PayoutReason,
			/// How much, in ETH.
			amount: Balance,
		},
		/// A job was drawn for nothing.
		NobodySuits {
			/// The job.
			job: JobId,
			/// What the candidate that comes nearest lacks.
			why: Unsuited,
		},
		/// A transcoder let too many offers in a row pass.
		Suspended {
			/// The transcoder.
			transcoder: AccountId,
			/// The first round in which it is offered something again.
			until: RoundIndex,
		},
	}

	/// Why a call is refused. An authorized call, which no account signs, is refused before it
	/// enters a block: the number of the error is then that of `InvalidTransaction::Custom`.
	#[pallet::error]
	pub enum Error<T> {
		/// The stream's name is empty or not UTF-8: give one of 1 to 64 bytes.
		BadStreamName,
		/// The ladder has no rendition: name at least one.
		NoRendition,
		/// Two renditions of the ladder are equal: leave one out.
		DuplicateRendition,
		/// A rendition's side is below 16, odd or above 4096, or a source side is zero or above it:
		/// give other sizes.
		BadSize,
		/// A bit rate of the ladder is zero, above its cap, or its cap is too high for the longest
		/// segment: give other bit rates, or shorter segments.
		BadBitrate,
		/// A rendition's profile has no work factor on this chain: ask for another one.
		UnknownProfile,
		/// The longest segment is above 10 s, or the shortest is above it or below 0.5 s: give
		/// lengths within these.
		BadSegmentLength,
		/// The frame rate of the source is zero or too high: give another.
		BadFrameRate,
		/// The work of one segment of this job does not fit 64 bits: lower sizes, frame rate or
		/// length.
		WorkOverflow,
		/// The job's largest segment is more work than a verifier can do again in the time it is
		/// given. Lower the picture size or frame rate, shorten `longest`, or ask for fewer or
		/// smaller renditions.
		CannotBeJudged,
		/// Claims of this job would be open in greater number than a transcoder may have. Lengthen
		/// `shortest`, or lower the work of a segment so that a claim may hold more of them.
		TooManyPlaces,
		/// The job would end before it can be assigned, or last longer than jobs may: give another
		/// end.
		BadEnd,
		/// The stream already has a job that has not ended: end that one, or use another name.
		StreamHasJob,
		/// The budget does not pay for one segment at the highest price: raise the budget or lower
		/// `max_price`.
		BudgetTooSmall,
		/// The free ETH does not cover the amount and the minimum balance that must stay free: send
		/// the broadcaster more, or give less.
		InsufficientEth,
		/// The amount to add is zero.
		NothingToAdd,
		/// There is no such job, or it is closed: look at its number.
		NoJob,
		/// The job has ended, or its end block has come: create another one.
		JobEnded,
		/// Only the job's broadcaster, or a spending key of it, may do this.
		NotBroadcaster,
		/// Only the job's broadcaster or a spending key of it, or the transcoder of its running
		/// assignment, may end it.
		NotParty,
		/// There is no such spending key: its broadcaster sets it with `set_spending_key`.
		NoSpendingKey,
		/// The spending key has expired: its broadcaster sets it anew.
		KeyExpired,
		/// The spending key has not expired yet; only its broadcaster may remove it.
		KeyNotExpired,
		/// The spending key may not do this: its broadcaster sets it anew with another scope.
		OutOfScope,
		/// The spending key would spend more than its cap: give less, or have its broadcaster raise
		/// the cap.
		CapExceeded,
		/// The broadcaster has as many spending keys as it may have: remove one first.
		TooManySpendingKeys,
		/// An account needs no key to spend its own ETH.
		OwnKey,
		/// The object is not for this chain.
		WrongChain,
		/// This assignment is not on offer: it was passed on, or is accepted.
		NotOffered,
		/// There is no such assignment, or it is closed.
		NoAssignment,
		/// Only the assignment's transcoder may do this.
		NotTranscoder,
		/// The time for this has passed.
		TooLate,
		/// The transcoder is jailed: it leaves jail with `unjail` when every verdict is executed or
		/// cancelled.
		Jailed,
		/// A generation of keys is not the one in use: name the current one in an acceptance, and
		/// the assignment's in whatever is signed for it.
		WrongGeneration,
		/// The key was revoked: sign with another one.
		KeyRevoked,
		/// The toolchain is not accepted: governance accepts toolchains.
		UnknownToolchain,
		/// The transcoder works with too many toolchains at once: let assignments of some end
		/// first.
		TooManyToolchains,
		/// The claim was made with another toolchain than the assignment's: name that one.
		WrongToolchain,
		/// The signature is not by the key that it names.
		BadSignature,
		/// The assignment was not accepted.
		NotAccepted,
		/// The claim begins with a segment before the assignment's cursor, or ends before it
		/// begins: begin at the cursor.
		ClaimNotAscending,
		/// The claim has more leaves than a claim of this assignment may have: claim fewer at once.
		TooManyLeaves,
		/// The claim is for no work.
		NoWork,
		/// The claim's largest leaf is above what a segment of this job can hold.
		LeafTooLarge,
		/// The claim has more work than its leaves can hold.
		WorkTooLarge,
		/// The fee is below ETH's minimum balance: claim more at once.
		FeeTooSmall,
		/// The fee is more than what is left of the assignment's allowance: claim fewer segments,
		/// or wait for a top-up.
		AllowanceExceeded,
		/// The transcoder has as many claims without outcome as it may have: wait until some are
		/// decided.
		TooManyOpenClaims,
		/// The transcoder cannot pay the fee of the claim's call: send it LPT or ETH.
		CannotPayFee,
		/// The assignment is not idle: a claim of it may still be on its way. Try again later.
		NotIdle,
		/// There is no such open claim.
		NoClaim,
		/// The payments are not those of the escrow: too many, or not its sum.
		BadPayouts,
		/// The stream has no origin record.
		NoOrigin,
		/// What is shown is no contradiction.
		NotEquivocation,
		/// It is punished already.
		AlreadyReported,
		/// All numbers are used up: use another job.
		NoMoreNumbers,
		/// The transcoder owes nothing.
		NoDebt,
		/// The fee does not cover what the claim's verification costs: claim more at once.
		FeeBelowVerification,
		/// At this price no claim could cover what its verification costs: raise `max_price`.
		PriceBelowVerification,
		/// The transcoder's own bond backs no more in claims without outcome: wait until some are decided, or
		/// bond more.
		NotBacked,
		/// The transcoder owes for verification that it caused in vain: pay that with `pay_debt` first.
		InDebt,
		/// Even the largest claim of this job is worth less than the smallest fee that can be claimed,
		/// ETH's minimum balance, so nobody could be paid for it. Raise `max_price`, lengthen `longest`, or
		/// ask for more or larger renditions.
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
		/// Creates a job for a stream. Budget and bond are held on the broadcaster's ETH;
		/// `min_balance` of it stays free. Two blocks later the job is offered.
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
		/// - `budget`: in units of 10^-18 ETH; must pay for one segment at `max_price`.
		///
		/// Emits `JobCreated`. Costs the transaction's fee, in which its draw and its closing are
		/// counted.
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

		/// Raises the budget of a job and fills the allowance of its current assignment. A job for
		/// which nobody was eligible is drawn again two blocks later.
		///
		/// Who: the job's broadcaster, or a spending key of it that may top up jobs.
		///
		/// - `job`: the job's number.
		/// - `amount`: by how much, in units of 10^-18 ETH; held on the broadcaster's.
		///
		/// Emits `ToppedUp`. Costs the transaction's fee, in which that draw is counted.
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

		/// Ends a job. What was done can be claimed for during the grace; then the rest of the
		/// budget is free again. Its running transcoder ends its own assignment, and only that: the
		/// job goes to the next on its list at once.
		///
		/// Who: the job's broadcaster, a spending key of it that may end jobs, or the transcoder of
		/// its running assignment.
		///
		/// - `job`: the job's number.
		///
		/// Emits `JobEnded`, unless by its transcoder, and `AssignmentEnded` where it was assigned.
		/// Costs the transaction's fee; a transcoder's covers the handing on too, and a draw where
		/// nobody is left on the list.
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

		/// Claims the fee of segments of an assignment. Claims of an assignment ascend; gaps are
		/// allowed and lost. The fee of the segments moves from the budget into escrow and stays
		/// there until the lottery has decided.
		///
		/// Who: anyone, without an account; signed by a duties key of the assignment's transcoder.
		///
		/// - `claim`: the range of segments, the root of its Merkle-sum tree with one leaf for
		///   each, the work of all leaves and of the largest, and the assignment's toolchain.
		/// - `signature`: over the claim.
		///
		/// Emits `Claimed`. Costs the transaction's fee, which is taken from the transcoder and
		/// covers what the claim causes later where nobody errs: draw, decision and settlement.
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

		/// Says where a stream of the caller comes from, so that anyone who knows the stream finds
		/// its origin. Replaces an earlier record.
		///
		/// Who: the broadcaster.
		///
		/// - `name`: the stream's name, UTF-8, at most 64 bytes.
		/// - `record`: how the origin is reached.
		///
		/// Emits `OriginSet`. Costs the transaction's fee, and with the first record of a stream a
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

		/// Deletes the origin record of a stream of the caller and gives its deposit back.
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

		/// Lets an account spend the caller's ETH on jobs, or changes what it may do; what it has
		/// spent stays counted. There are at most eight at once.
		///
		/// Who: the broadcaster.
		///
		/// - `key`: the account; it pays its own transaction fees.
		/// - `cap`: the most that it may spend, in units of 10^-18 ETH; what a job gives back that
		///   it created counts no more.
		/// - `expiry`: the block from which on it may do nothing.
		/// - `scope`: what it may do.
		///
		/// Emits `SpendingKeySet`. Costs the transaction's fee, and with each new key a deposit of
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

		/// Removes a spending key and gives its deposit back to its broadcaster. Jobs that it
		/// created go on.
		///
		/// Who: the broadcaster; anyone when the key has expired.
		///
		/// - `broadcaster`: whose key it is.
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

		/// Ends an assignment for which nothing is claimed; the job is drawn anew. What was done
		/// can be claimed for during the grace.
		///
		/// Who: anyone, after twice the time that its largest claim takes at the job's longest
		/// segments, counted from its last claim or its acceptance; its transcoder after half of
		/// that, or a sixteenth where nothing was ever claimed. Anyone at any time, once what the
		/// assignment owes for its reservation comes to its whole allowance.
		///
		/// - `job`: the job's number.
		/// - `assignment`: the number of its running assignment.
		///
		/// Emits `AssignmentEnded`, and `ReservationPaid` where the job pays. Costs nothing when nothing
		/// was ever claimed for the assignment and the job's budget covers the price of the call, which
		/// it then pays to the common pool; else the transaction's fee. That covers the draw and the
		/// closing of one assignment more.
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

		/// Shows that a transcoder signed two results for one segment. It is slashed, once in a
		/// job, as of the round in which it first accepted the job. Taken until `slashing_period`
		/// after the assignment's grace and its last decision.
		///
		/// Who: anyone. The reporter gets the finder's fee; the transcoder itself gets nothing for
		/// it.
		///
		/// - `header`: the segment's header.
		/// - `header_signature`: the broadcaster's over it, by the assignment's generation of its
		///   keys.
		/// - `receipts`: two receipts for it that differ in outputs, kind or toolchain.
		/// - `signatures`: the transcoder's over each, by the assignment's generation of its keys.
		///
		/// Emits `TranscoderEquivocated`. Costs nothing when it is right and not sent by the
		/// transcoder itself; else the transaction's fee.
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

		/// Shows that a broadcaster signed two segments in one place. It loses the job's bond.
		/// Taken as long as the assignment is stored.
		///
		/// Who: anyone.
		///
		/// - `headers`: two headers of one job, assignment, track and seq that differ.
		/// - `signatures`: the broadcaster's over each, by the assignment's generation of its keys.
		///
		/// Emits `BroadcasterEquivocated`. Costs nothing when it is right, else the transaction's
		/// fee.
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

		/// Shows that a transcoder claims another result for a segment than it has signed. It is
		/// slashed as by `report_equivocation`. Taken as long as the claim is open.
		///
		/// Who: anyone. The reporter gets the finder's fee; the transcoder itself gets nothing for
		/// it.
		///
		/// - `claim`: the claim's number.
		/// - `evidence`: a leaf of the claim with its path, the broadcaster's signature over the
		///   segment, and the transcoder's receipt for it that differs in outputs, kind or
		///   toolchain.
		///
		/// Emits `TranscoderEquivocated`. Costs nothing when it is right and not sent by the
		/// transcoder itself; else the transaction's fee.
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
		/// caller's free ETH goes. With a debt it is offered no job and claims nothing.
		///
		/// Who: anyone.
		///
		/// - `transcoder`: whose debt it is.
		///
		/// Emits `DebtPaid`. Costs the transaction's fee.
		#[pallet::call_index(13)]
		#[pallet::weight(T::WeightInfo::pay_debt())]
		pub fn pay_debt(origin: OriginFor<T>, transcoder: AccountId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_pay_debt(&who, transcoder)
		}

		/// Hands a job on: its running assignment ends, and the job is offered to the next on its
		/// list at once; with nobody left on it, a new one is drawn two blocks later. What was done
		/// can be claimed for during the grace. To the transcoder it is no offer that it let pass.
		///
		/// Who: the job's broadcaster, or a spending key of it that may end jobs.
		///
		/// - `job`: the job's number.
		/// - `assignment`: the number of its running assignment.
		///
		/// Emits `AssignmentEnded`, and `Offered` where somebody comes next. Costs the
		/// transaction's fee, which covers the closing of the next assignment, and the draw where
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

		/// An assignment: the job's current one, one in grace, or one that can still be reported.
		pub fn assignment(job: JobId, index: AssignmentIndex) -> Option<AssignmentView> {
			Self::view_assignment(job, index)
		}

		/// What the claims of an assignment have to be worth, and how much of them is backed.
		pub fn claim_terms(job: JobId, index: AssignmentIndex) -> Option<ClaimTerms> {
			Self::view_claim_terms(job, index)
		}

		/// What the price and the budget of a new job have to cover.
		pub fn job_terms() -> VerificationTerms {
			T::Lottery::get().terms(false)
		}

		/// Who is asked after the current assignment, in order.
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

		/// The streams that have said where they come from.
		pub fn origins() -> Vec<StreamId> {
			Self::view_origins()
		}

		/// What a transcoder owes for verification that it caused in vain, in ETH.
		pub fn debt_of(transcoder: AccountId) -> Balance {
			Debts::<T>::get(transcoder).unwrap_or_default()
		}

		/// The offers that a transcoder has to accept, what is due first at the top.
		pub fn duties(account: AccountId) -> Vec<DutyView> {
			Self::view_duties(&account)
		}

		/// The accounts that may spend for a broadcaster.
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
