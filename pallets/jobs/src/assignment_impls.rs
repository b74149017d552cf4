//! Who transcodes: draw, offer, acceptance, handing on, grace.

use alloc::vec::Vec;
use frame_support::{dispatch::DispatchResult, ensure, traits::Get};
use livepeer_primitives::{
	traits::{Beacon as _, Candidate, OnTranscoderLost, TranscoderDirectory as _},
	AccountId, AssignmentIndex, BlockNumber, JobId,
};
use sp_runtime::traits::SaturatedConversion;

use crate::{
	decide::{self, Demand, DRAW_DELAY},
	types::{Assignment, Job, Load, Phase, PriorityList, Task},
	Assignments, AssignmentsOf, Config, Error, Event, Jobs, Loads, Pallet, PriorityLists,
};

impl<T: Config> Pallet<T> {
	/// See [`Pallet::accept_job`].
	pub(crate) fn do_accept_job(
		who: AccountId,
		id: JobId,
		index: AssignmentIndex,
	) -> DispatchResult {
		let mut job = Self::live_job(id)?;
		let Phase::Offered { assignment: offered, until } = job.phase else {
			return Err(Error::<T>::NotOffered.into());
		};
		ensure!(offered == index, Error::<T>::NotOffered);
		let mut assignment = Assignments::<T>::get(id, index).ok_or(Error::<T>::NoAssignment)?;
		ensure!(assignment.transcoder == who, Error::<T>::NotTranscoder);
		let now = Self::now();
		ensure!(now <= until && now < job.end, Error::<T>::TooLate);
		ensure!(!T::Directory::is_jailed(&who), Error::<T>::Jailed);

		assignment.accepted = true;
		Assignments::<T>::insert(id, index, assignment);
		job.phase = Phase::Running { assignment: index };
		Self::deposit_event(Event::Accepted { job: id, assignment: index, transcoder: who });
		Self::save_job(id, job)
	}

	/// Draws a waiting job's priority list and offers the job to the first on it; with nobody
	/// eligible it is tried again later.
	pub(crate) fn draw(id: JobId, job: &mut Job, now: BlockNumber, candidates: &[Candidate]) {
		let demand = Self::demand(job);
		let eligible: Vec<&Candidate> =
			candidates.iter().filter(|candidate| Self::is_eligible(&demand, candidate)).collect();
		let length = T::Parameters::get().priority_list;
		let drawn = decide::draw_list(T::Beacon::accumulator(), id, &eligible, length);
		if drawn.is_empty() {
			let retries = match job.phase {
				Phase::Waiting { retries, .. } => retries.saturating_add(1),
				_ => 1,
			};
			let draw_at = now.saturating_add(decide::retry_delay(retries));
			job.phase = Phase::Waiting { draw_at, retries };
			Self::deposit_event(Event::NobodyEligible { job: id, next_draw: draw_at });
			return;
		}
		PriorityLists::<T>::insert(id, PriorityList::truncate_from(drawn));
		Self::offer_next(id, job, now, candidates);
	}

	/// The offer was not accepted in time: to the next on the list.
	pub(crate) fn not_accepted(
		id: JobId,
		job: &mut Job,
		now: BlockNumber,
		candidates: &[Candidate],
	) {
		if let Some(index) = job.phase.current() {
			if let Some(assignment) = Assignments::<T>::get(id, index) {
				T::Directory::note_not_accepted(&assignment.transcoder);
				Self::deposit_event(Event::NotAccepted {
					job: id,
					assignment: index,
					transcoder: assignment.transcoder,
				});
			}
			Self::end_assignment(id, job, index);
		}
		Self::offer_next(id, job, now, candidates);
	}

	/// Offers a job without an assignment to the first on its list who is still eligible. With the
	/// list exhausted a new one is drawn.
	pub(crate) fn offer_next(id: JobId, job: &mut Job, now: BlockNumber, candidates: &[Candidate]) {
		let demand = Self::demand(job);
		let list = PriorityLists::<T>::take(id);
		let next = list.iter().enumerate().find_map(|(position, account)| {
			let candidate = candidates.iter().find(|candidate| candidate.account == *account)?;
			Self::is_eligible(&demand, candidate).then_some((position, candidate))
		});
		let Some((position, candidate)) = next else {
			let draw_at = now.saturating_add(DRAW_DELAY);
			job.phase = Phase::Waiting { draw_at, retries: 0 };
			return;
		};
		let rest: Vec<AccountId> = list.iter().skip(position.saturating_add(1)).cloned().collect();
		if !rest.is_empty() {
			PriorityLists::<T>::insert(id, PriorityList::truncate_from(rest));
		}
		Self::offer(id, job, now, candidate);
	}

	fn offer(id: JobId, job: &mut Job, now: BlockNumber, candidate: &Candidate) {
		let index = job.next_assignment;
		let until = now.saturating_add(T::Parameters::get().accept_timeout);
		let mut assignment = Assignment {
			transcoder: candidate.account.clone(),
			price: candidate.price,
			fee_share: candidate.fee_share,
			accepted: false,
			next_seq: 0,
			allowance: 0,
			claimable_until: None,
		};
		Self::refill(job, &mut assignment);
		// An offer takes at least a block, so numbers last longer than blocks do.
		job.next_assignment = index.saturating_add(1);
		job.assignments = job.assignments.saturating_add(1);
		job.phase = Phase::Offered { assignment: index, until };
		Self::load(&candidate.account, now);
		AssignmentsOf::<T>::insert(&candidate.account, id, index);
		Self::deposit_event(Event::Offered {
			job: id,
			assignment: index,
			transcoder: candidate.account.clone(),
			price: candidate.price,
			allowance: assignment.allowance,
			until,
		});
		Assignments::<T>::insert(id, index, assignment);
	}

	/// Ends the current assignment. What was accepted can still be claimed for during the grace;
	/// what was not is closed at once.
	pub(crate) fn end_assignment(id: JobId, job: &mut Job, index: AssignmentIndex) {
		let Some(mut assignment) = Assignments::<T>::get(id, index) else { return };
		AssignmentsOf::<T>::remove(&assignment.transcoder, id);
		Self::unload(&assignment.transcoder);
		let claimable_until = assignment
			.accepted
			.then(|| Self::now().saturating_add(T::Parameters::get().claim_grace));
		Self::deposit_event(Event::AssignmentEnded {
			job: id,
			assignment: index,
			transcoder: assignment.transcoder.clone(),
			claimable_until,
		});
		match claimable_until {
			Some(until) => {
				assignment.claimable_until = Some(until);
				Assignments::<T>::insert(id, index, assignment);
				Self::schedule(Task::Assignment(id, index), until.saturating_add(1));
			}
			None => Self::drop_assignment(id, job, index, &assignment),
		}
	}

	/// Closes an assignment whose grace has passed.
	pub(crate) fn close_assignment(id: JobId, index: AssignmentIndex) -> DispatchResult {
		let mut job = Jobs::<T>::get(id).ok_or(Error::<T>::NoJob)?;
		let assignment = Assignments::<T>::get(id, index).ok_or(Error::<T>::NoAssignment)?;
		Self::drop_assignment(id, &mut job, index, &assignment);
		Self::save_job(id, job)
	}

	fn drop_assignment(id: JobId, job: &mut Job, index: AssignmentIndex, assignment: &Assignment) {
		Assignments::<T>::remove(id, index);
		job.assignments = job.assignments.saturating_sub(1);
		job.unreserved = job.unreserved.saturating_add(assignment.allowance);
		Self::deposit_event(Event::AssignmentClosed {
			job: id,
			assignment: index,
			released: assignment.allowance,
		});
	}

	/// Fills an allowance from the unreserved budget up to its target.
	pub(crate) fn refill(job: &mut Job, assignment: &mut Assignment) {
		let target = decide::target_allowance(
			job.max_leaf_work,
			T::Parameters::get().allowance_leaves,
			assignment.price,
			Self::smallest_fee(),
		);
		let amount = decide::refill(target, assignment.allowance, job.unreserved);
		job.unreserved = job.unreserved.saturating_sub(amount);
		assignment.allowance = assignment.allowance.saturating_add(amount);
	}

	fn demand(job: &Job) -> Demand {
		Demand {
			max_price: job.max_price,
			max_leaf_work: job.max_leaf_work,
			unreserved: job.unreserved,
			smallest_fee: Self::smallest_fee(),
		}
	}

	/// Whether the price of any candidate suits the job: else its draw reads no load.
	pub(crate) fn suits_anybody(job: &Job, candidates: &[Candidate]) -> bool {
		let demand = Self::demand(job);
		candidates.iter().any(|candidate| decide::suits(&demand, candidate))
	}

	/// Whether a job can be offered to `candidate`. Its load is read only where its price suits.
	fn is_eligible(demand: &Demand, candidate: &Candidate) -> bool {
		if !decide::suits(demand, candidate) {
			return false;
		}
		let load = match Loads::<T>::get(&candidate.account) {
			Some(load) if load.lost => return false,
			Some(load) => load.assignments,
			None => 0,
		};
		decide::is_eligible(demand, candidate, load)
	}

	/// Counts one more assignment; the first one starts the checks.
	fn load(who: &AccountId, now: BlockNumber) {
		Loads::<T>::mutate(who, |load| match load {
			Some(load) => load.assignments = load.assignments.saturating_add(1),
			None => {
				let at = now.saturating_add(T::CheckInterval::get());
				*load = Some(Load {
					assignments: 1,
					check_at: Self::schedule(Task::Transcoder(who.clone()), at),
					lost: false,
				});
			}
		});
	}

	/// Counts one assignment less; the last one stops the checks.
	pub(crate) fn unload(who: &AccountId) {
		Loads::<T>::mutate_exists(who, |slot| {
			if let Some(load) = slot {
				load.assignments = load.assignments.saturating_sub(1);
				if load.assignments == 0 {
					Self::unschedule(Task::Transcoder(who.clone()), load.check_at);
					*slot = None;
				}
			}
		});
	}

	/// The jobs whose current assignment is `who`'s.
	pub(crate) fn jobs_of(who: &AccountId) -> Vec<JobId> {
		let mut jobs: Vec<JobId> = AssignmentsOf::<T>::iter_key_prefix(who).collect();
		jobs.sort_unstable();
		jobs
	}

	/// How many transcoders can be candidates at most: what draws are weighed by.
	pub(crate) fn most_candidates() -> u32 {
		livepeer_primitives::MAX_VALIDATORS.saturating_add(1).saturated_into()
	}
}

impl<T: Config> OnTranscoderLost for Pallet<T> {
	fn on_transcoder_lost(transcoder: &AccountId) {
		Self::mark_lost(transcoder);
	}
}
