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
pub mod decide;
mod job_impls;
#[cfg(test)]
mod mock;
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
	use crate::{
		claim_impls::Claimed,
		types::{
			Assignment, EndReason, Job, Load, OpenClaim, Origin, PriorityList, StreamName, Task,
		},
	};
	use alloc::vec::Vec;
	use frame_support::{pallet_prelude::*, traits::fungibles};
	use frame_system::pallet_prelude::*;
	use livepeer_primitives::{
		api::{AssignmentView, JobView},
		params::JobsParameters,
		service::ServiceRecord,
		traits::{
			Beacon, ClaimInfo, FeeSink, Liability, OnClaim, ProtocolClock, Rounds, Settlement,
			TranscoderDirectory,
		},
		video::{Ladder, SourceLimits},
		AccountId, AssetId, AssignmentIndex, Balance, BlockNumber, ClaimId, Hash, JobId, Seq,
		StreamId, ToolchainId,
	};

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
		/// Tells the round of a claim.
		type Rounds: Rounds;
		/// Chance for assignments, and the window of a claim.
		type Beacon: Beacon;
		/// Who can take jobs.
		type Directory: TranscoderDirectory;
		/// Where paid fees go.
		type FeeSink: FeeSink;
		/// Keeps stake from leaving while a claim is open.
		type Liability: Liability;
		/// The lottery: bounds claims and is told of each.
		type OnClaim: OnClaim;
		/// Blocks between two looks at whether a transcoder with assignments still sends
		/// heartbeats.
		#[pallet::constant]
		type CheckInterval: Get<BlockNumber>;
		/// The weight that a block sets aside for the agenda.
		#[pallet::constant]
		type AgendaWeight: Get<Weight>;
		/// Weights of calls and hooks.
		type WeightInfo: WeightInfo;
	}

	#[pallet::pallet]
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
		/// The deposit of its origin record.
		Origin,
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

	/// Who comes after the current assignment, in order; absent when nobody does.
	#[pallet::storage]
	pub type PriorityLists<T: Config> =
		StorageMap<_, Twox64Concat, JobId, PriorityList, ValueQuery>;

	/// A job's current assignment and those in grace.
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

	/// How many open claims a transcoder has; absent when none.
	#[pallet::storage]
	pub type ClaimCounts<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, u32, ValueQuery>;

	/// Where broadcasters are reached.
	#[pallet::storage]
	pub type Origins<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Origin>;

	/// What is to be done, by block.
	#[pallet::storage]
	pub type Agenda<T: Config> =
		StorageDoubleMap<_, Twox64Concat, BlockNumber, Blake2_128Concat, Task, ()>;

	/// The oldest block of the agenda that is not worked off; absent when none is overdue.
	#[pallet::storage]
	pub type Backlog<T: Config> = StorageValue<_, BlockNumber>;

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
		/// A job ended: nothing is assigned any more. It is closed when its last grace has passed
		/// and its last claim is settled.
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
		/// An assignment is gone; what it did not claim went back to the job's unreserved budget.
		AssignmentClosed {
			/// The job.
			job: JobId,
			/// The assignment.
			assignment: AssignmentIndex,
			/// What went back, in ETH.
			released: Balance,
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
		/// A claim is over and gone.
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
		/// A broadcaster said where it is reached.
		OriginSet {
			/// Who.
			broadcaster: AccountId,
			/// How.
			record: ServiceRecord,
		},
		/// A broadcaster's record is gone and its deposit free again.
		OriginCleared {
			/// Who.
			broadcaster: AccountId,
		},
	}

	#[pallet::error]
	pub enum Error<T> {
		/// The stream's name is empty or not UTF-8.
		BadStreamName,
		/// The ladder has no rendition.
		NoRendition,
		/// Two renditions of the ladder are equal.
		DuplicateRendition,
		/// A rendition's side is below 16, odd or above 4096, or a source side is zero or above it.
		BadSize,
		/// A bit rate of the ladder is zero or too high.
		BadBitrate,
		/// The frame rate of the source is zero or too high.
		BadFrameRate,
		/// The work of one segment of this job does not fit 64 bits.
		WorkOverflow,
		/// The job would end before it can be assigned, or last longer than jobs may.
		BadEnd,
		/// The stream already has a job that has not ended.
		StreamHasJob,
		/// The budget does not pay for one segment at the highest price.
		BudgetTooSmall,
		/// The free ETH does not cover the amount and the minimum balance that must stay free.
		InsufficientEth,
		/// The amount to add is zero.
		NothingToAdd,
		/// There is no such job, or it is closed.
		NoJob,
		/// The job has ended.
		JobEnded,
		/// Only the job's broadcaster may do this.
		NotBroadcaster,
		/// Only the job's broadcaster, or the transcoder of its running assignment, may end it.
		NotParty,
		/// This assignment is not on offer.
		NotOffered,
		/// There is no such assignment, or its grace has passed.
		NoAssignment,
		/// Only the assignment's transcoder may do this.
		NotTranscoder,
		/// The time for this has passed.
		TooLate,
		/// The transcoder is jailed.
		Jailed,
		/// The assignment was not accepted.
		NotAccepted,
		/// The claim begins with a segment before the assignment's cursor, or ends before it
		/// begins.
		ClaimNotAscending,
		/// The claim has more leaves than this transcoder's claims may have.
		TooManyLeaves,
		/// The claim is for no work.
		NoWork,
		/// The claim has more work than its leaves can hold in this job.
		WorkTooLarge,
		/// The fee is below ETH's minimum balance: claim more at once.
		FeeTooSmall,
		/// The fee is more than what is left of the assignment's allowance.
		AllowanceExceeded,
		/// The transcoder has as many open claims as it may have.
		TooManyOpenClaims,
		/// The toolchain is not accepted.
		UnknownToolchain,
		/// There is no such open claim.
		NoClaim,
		/// The account has no origin record.
		NoOrigin,
		/// All numbers are used up.
		NoMoreNumbers,
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
			let most = Self::most_candidates();
			let step = T::WeightInfo::agenda_block()
				.saturating_add(T::WeightInfo::task_check())
				.saturating_add(T::WeightInfo::read_candidates(most));
			for task in [
				T::WeightInfo::task_draw(most),
				T::WeightInfo::task_draw_nobody(most),
				T::WeightInfo::task_hand_on(),
				T::WeightInfo::task_expire(),
				T::WeightInfo::task_close_assignment(),
			] {
				assert!(
					step.saturating_add(task).all_lte(T::AgendaWeight::get()),
					"every task fits into a block, or the agenda stands still"
				);
			}
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Creates a job for a stream of the caller.
		///
		/// The stream's id is the hash of the caller and `name`, so nobody can take another's. The
		/// budget and a bond are held on the caller's ETH; `min_balance` of ETH stays free. Two
		/// blocks later the job is offered to a transcoder that is drawn by stake among those who
		/// ask no more than `max_price` for a standard segment and have room.
		///
		/// - `name`: the stream's name, UTF-8, at most 64 bytes.
		/// - `ladder`: the renditions to make.
		/// - `limits`: the largest picture and the highest frame rate of the source.
		/// - `max_price`: in ETH of a standard segment (2 s of 1280×720 at 30 frames per second).
		/// - `end`: the block at which the job expires.
		/// - `budget`: in ETH; must pay for one segment at `max_price`.
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::create_job())]
		#[allow(clippy::too_many_arguments)]
		pub fn create_job(
			origin: OriginFor<T>,
			name: StreamName,
			ladder: Ladder,
			limits: SourceLimits,
			max_price: Balance,
			end: BlockNumber,
			budget: Balance,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_create_job(who, name, ladder, limits, max_price, end, budget)
		}

		/// Raises the budget of the caller's job by `amount` of ETH, and fills the allowance of its
		/// current assignment. A job for which nobody was eligible is drawn again two blocks later.
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::top_up())]
		pub fn top_up(origin: OriginFor<T>, job: JobId, amount: Balance) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_top_up(who, job, amount)
		}

		/// Ends a job, by its broadcaster or by the transcoder of its running assignment. What was
		/// done can be claimed for during the grace; then the rest of the budget is free again.
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::end_job())]
		pub fn end_job(origin: OriginFor<T>, job: JobId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_end_job(who, job)
		}

		/// Accepts the assignment that is offered to the caller.
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::accept_job())]
		pub fn accept_job(
			origin: OriginFor<T>,
			job: JobId,
			assignment: AssignmentIndex,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_accept_job(who, job, assignment)
		}

		/// Claims the fee of the segments `first..=last` of an assignment of the caller.
		///
		/// Claims of an assignment ascend; gaps are allowed and lost. The fee moves from the budget
		/// into escrow and stays there until the lottery has decided.
		///
		/// - `root`: the root of the claim's Merkle-sum tree, one leaf per segment.
		/// - `total_work`: the work of all leaves.
		/// - `toolchain`: what made the outputs.
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::claim_work())]
		#[allow(clippy::too_many_arguments)]
		pub fn claim_work(
			origin: OriginFor<T>,
			job: JobId,
			assignment: AssignmentIndex,
			first: Seq,
			last: Seq,
			root: Hash,
			total_work: u64,
			toolchain: ToolchainId,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			let claimed = Claimed { job, assignment, first, last, root, total_work, toolchain };
			Self::do_claim_work(who, claimed)
		}

		/// Says where the caller's streams come from, so that anyone who knows a stream finds its
		/// origin. Replaces an earlier record; the first one takes a deposit of ETH.
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::set_origin())]
		pub fn set_origin(origin: OriginFor<T>, record: ServiceRecord) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_set_origin(who, record)
		}

		/// Deletes the caller's origin record and gives its deposit back.
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::clear_origin())]
		pub fn clear_origin(origin: OriginFor<T>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_clear_origin(who)
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

		/// An assignment: the job's current one or one in grace.
		pub fn assignment(job: JobId, index: AssignmentIndex) -> Option<AssignmentView> {
			Self::view_assignment(job, index)
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

		/// Where a broadcaster is reached.
		pub fn origin(broadcaster: AccountId) -> Option<ServiceRecord> {
			Origins::<T>::get(broadcaster).map(|origin| origin.record)
		}
	}
}
