//! Assignments in which little or nothing is done: when they can be ended, and what they cost.
//!
//! An assignment takes a transcoder's room and places from everybody else. So each costs, for every
//! block in which it runs, a small part of what its work would cost if the stream were as large as its
//! job allows. A job in which that much is transcoded pays nothing beside its fees; one in which
//! nothing is done pays it to the common pool out of its allowance, and can be ended by anyone when the
//! allowance does not suffice for more. The transcoder gets nothing of it: it earns by working, and
//! ends what keeps it from that.

use frame_support::{
	dispatch::DispatchResult, ensure, storage::with_storage_layer, traits::Get, weights::Weight,
};
use livepeer_primitives::{
	traits::TranscoderDirectory as _, AccountId, AssignmentIndex, Balance, BlockNumber, JobId,
};
use sp_runtime::DispatchError;

use crate::{
	decide,
	types::{Assignment, Job, Phase},
	Assignments, Config, Error, Event, HoldReason, Jobs, Pallet, PriorityLists, WeightInfo,
};

impl<T: Config> Pallet<T> {
	/// See [`Pallet::end_idle`].
	pub(crate) fn do_end_idle(who: AccountId, id: JobId, index: AssignmentIndex) -> DispatchResult {
		let mut job = Self::live_job(id)?;
		ensure!(job.phase == (Phase::Running { assignment: index }), Error::<T>::NoAssignment);
		let assignment = Assignments::<T>::get(id, index).ok_or(Error::<T>::NoAssignment)?;
		let now = Self::now();
		let leaves = assignment.terms.leaves_of(job.max_samples);
		let claim = decide::claim_length(T::SlotDuration::get(), leaves, &job.limits);
		let is_own = who == assignment.transcoder;
		let patience = decide::patience(claim, assignment.claimed > 0, is_own);
		let idle = now.saturating_sub(assignment.last_claim);
		let owed = Self::owed_for_reservation(&job, &assignment, now);
		// One that has claimed all of its allowance owes nothing.
		let is_spent = owed > 0 && owed >= assignment.allowance;
		let is_idle = idle > patience && !Self::waits_for_backing(&job, &assignment);
		ensure!(is_idle || is_spent, Error::<T>::NotIdle);
		Self::end_assignment(id, &mut job, index, false);
		PriorityLists::<T>::remove(id);
		Self::wait(&mut job, now);
		Self::save_job(id, job)
	}

	/// Whether an assignment's claims may be refused for want of backing until those are decided that it
	/// has open.
	fn waits_for_backing(job: &Job, assignment: &Assignment) -> bool {
		let Assignment { terms, transcoder, price, .. } = assignment;
		let smallest =
			decide::smallest_claim(terms, job.max_leaf_work, *price, Self::smallest_fee());
		assignment.undecided > 0 && !Self::is_backed(transcoder, smallest)
	}

	/// A transcoder ends its own assignment, and only that: its job is handed on. Says whether it is drawn
	/// anew, since nobody was left.
	pub(crate) fn quit(id: JobId, mut job: Job) -> Result<bool, DispatchError> {
		if let Some(index) = job.phase.current() {
			Self::note_unserved(id, index);
			job.lost_by = Assignments::<T>::get(id, index).map(|assignment| assignment.transcoder);
			Self::end_assignment(id, &mut job, index, true);
		}
		Self::offer_next(id, &mut job, Self::now(), &T::Directory::candidates());
		let is_drawn = matches!(job.phase, Phase::Waiting { .. });
		Self::save_job(id, job)?;
		Ok(is_drawn)
	}

	/// What it weighs to end one's own assignment in a job; to end the job weighs less.
	pub(crate) fn quitting_weight(is_drawn: bool) -> Weight {
		T::WeightInfo::end_job().saturating_add(Self::handing_on_weight(is_drawn))
	}

	/// What it weighs to end an idle assignment, whose job is drawn anew.
	pub(crate) fn end_idle_weight() -> Weight {
		T::WeightInfo::end_idle()
			.saturating_add(Self::draw_weight())
			.saturating_add(Self::closing_weight())
	}

	/// What an assignment that runs until block `until` costs beyond what was claimed for it.
	fn owed_for_reservation(job: &Job, assignment: &Assignment, until: BlockNumber) -> Balance {
		let blocks = until.saturating_sub(assignment.accepted_at);
		decide::reservation(job.load, blocks, T::SlotDuration::get(), assignment.price)
			.saturating_sub(assignment.claimed)
	}

	/// Has an ended assignment pay for the time that it took and did not use. What is too little to be
	/// moved is forgiven.
	pub(crate) fn pay_reservation(
		id: JobId,
		job: &Job,
		index: AssignmentIndex,
		assignment: &mut Assignment,
	) {
		let Some(until) = assignment.claimable_until else { return };
		let ended = until.saturating_sub(T::Parameters::get().claim_grace);
		let amount = Self::owed_for_reservation(job, assignment, ended).min(assignment.allowance);
		if amount < Self::smallest_fee() {
			return;
		}
		let forfeit = || Self::forfeit(HoldReason::Budget, &job.broadcaster, amount);
		if with_storage_layer(forfeit).is_ok() {
			assignment.allowance = assignment.allowance.saturating_sub(amount);
			Self::deposit_event(Event::ReservationPaid { job: id, assignment: index, amount });
		}
	}

	/// A fee of the job was paid: it is one in which work is done, and its next draw is soon.
	pub(crate) fn note_fruit(id: JobId) {
		if let Some(mut job) = Jobs::<T>::get(id).filter(|job| job.fruitless > 0) {
			// Draws in a row for nothing stay counted, and only they.
			let in_vain = job.draws_in_vain();
			match &mut job.phase {
				// Where it waited longer than others, it stays behind them until its next step.
				Phase::Waiting { retries, .. } | Phase::Offered { retries, .. } => {
					*retries = in_vain.max((*retries).min(1));
				}
				Phase::Running { .. } | Phase::Ended => (),
			}
			job.fruitless = 0;
			Jobs::<T>::insert(id, job);
		}
	}
}
