//! Assignments in which little or nothing is done: when they can be ended, and what they cost.
//!
//! An assignment takes capacity and places from everybody else. For every block in which it runs it
//! therefore costs a small part of what its work would cost if the stream were as large as its job
//! allows, or of the smallest fees for which its places have room. A job in which that much is
//! transcoded pays nothing beyond its fees. A job in which nothing is done pays it to the common
//! pool out of its allowance, and anyone can end it when the allowance does not suffice for more.
//! The transcoder gets nothing of it: it earns by working, and ends assignments that keep it from
//! working.
//!
//! If nothing was ever claimed for an assignment, ending it costs the caller nothing, as far as the
//! job's budget suffices: the job pays the common pool what the call costs. The reason is that a
//! job comes back again and again, but its creation was paid for once.

use frame_support::{
	dispatch::Pays, ensure, storage::with_storage_layer, traits::Get, weights::Weight,
};
use livepeer_primitives::{
	traits::{ChargeFee as _, TranscoderDirectory as _},
	AccountId, AssignmentIndex, Balance, BlockNumber, JobId,
};
use sp_runtime::DispatchError;

use crate::{
	decision::{self, Kept},
	types::{Assignment, Job, Phase},
	Assignments, Config, Error, Event, HoldReason, Jobs, Pallet, PriorityLists, WeightInfo,
};

/// Encoded length of a signed transaction that ends an assignment as idle.
pub(crate) const END_IDLE_LENGTH: u32 = 130;

impl<T: Config> Pallet<T> {
	/// See [`Pallet::end_idle`]. Returns whether the caller pays for the call.
	pub(crate) fn do_end_idle(
		who: AccountId,
		id: JobId,
		index: AssignmentIndex,
	) -> Result<Pays, DispatchError> {
		let mut job = Self::live_job(id)?;
		ensure!(job.phase == (Phase::Running { assignment: index }), Error::<T>::NoAssignment);
		let assignment = Assignments::<T>::get(id, index).ok_or(Error::<T>::NoAssignment)?;
		let now = Self::now();
		let leaves = assignment.terms.leaves_of(job.max_samples);
		let claim = decision::claim_length(T::SlotDuration::get(), leaves, &job.limits);
		let is_own = who == assignment.transcoder;
		let patience = decision::patience(claim, assignment.claimed > 0, is_own);
		let idle = now.saturating_sub(assignment.last_claim);
		let owed = Self::owed_for_reservation(&job, &assignment, now);
		// An assignment that has claimed all of its allowance owes nothing.
		let is_spent = owed > 0 && owed >= assignment.allowance;
		let is_idle = idle > patience && !Self::waits_for_backing(&job, &assignment);
		ensure!(is_idle || is_spent, Error::<T>::NotIdle);
		let pays = if assignment.claimed == 0 {
			Self::pay_for_end(id, &mut job, index, assignment)
		} else {
			Pays::Yes
		};
		Self::end_assignment(id, &mut job, index, false);
		PriorityLists::<T>::remove(id);
		Self::wait(&mut job, now);
		Self::save_job(id, job)?;
		Ok(pays)
	}

	/// Makes a job pay the common pool what the call that ends its assignment costs, out of the
	/// unreserved budget first. Returns whether the caller still pays for the call, because the
	/// budget did not cover it. Paying the caller instead would be selling LPT at the chain's rate.
	fn pay_for_end(
		id: JobId,
		job: &mut Job,
		index: AssignmentIndex,
		mut assignment: Assignment,
	) -> Pays {
		let price = T::ChargeFee::price_in_eth(Self::end_idle_weight(), END_IDLE_LENGTH);
		let of_unreserved = price.min(job.unreserved);
		let of_allowance = price.saturating_sub(of_unreserved).min(assignment.allowance);
		let amount = of_unreserved.saturating_add(of_allowance);
		if !Self::pay_pool(id, job, index, amount) {
			return Pays::Yes;
		}
		job.unreserved = job.unreserved.saturating_sub(of_unreserved);
		assignment.allowance = assignment.allowance.saturating_sub(of_allowance);
		Assignments::<T>::insert(id, index, assignment);
		if amount < price {
			Pays::Yes
		} else {
			Pays::No
		}
	}

	/// Moves `amount` out of a job's budget into the common pool, however little it is; the caller
	/// updates the budget. Returns whether it could be moved. It cannot only if it is less than
	/// ETH's minimum balance and the pool does not exist yet; then it is forgiven.
	fn pay_pool(id: JobId, job: &Job, index: AssignmentIndex, amount: Balance) -> bool {
		let paid = amount > 0
			&& with_storage_layer(|| Self::forfeit(HoldReason::Budget, &job.broadcaster, amount))
				.is_ok();
		if paid {
			Self::deposit_event(Event::ReservationPaid { job: id, assignment: index, amount });
		}
		paid
	}

	/// Whether claims of an assignment may be refused for want of backing until its open claims are
	/// decided.
	fn waits_for_backing(job: &Job, assignment: &Assignment) -> bool {
		let Assignment { terms, transcoder, price, .. } = assignment;
		let smallest =
			decision::smallest_claim(terms, job.max_leaf_work, *price, Self::smallest_fee());
		assignment.undecided > 0 && !Self::is_backed(transcoder, smallest)
	}

	/// Ends only the transcoder's own assignment; its job is handed on. Returns whether the job is
	/// drawn anew, because nobody was left.
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

	/// The weight of ending one's own assignment in a job. Ending the job weighs less.
	pub(crate) fn quitting_weight(is_drawn: bool) -> Weight {
		T::WeightInfo::end_job().saturating_add(Self::handing_on_weight(is_drawn))
	}

	/// The weight of ending an idle assignment, whose job is drawn anew.
	pub(crate) fn end_idle_weight() -> Weight {
		T::WeightInfo::end_idle()
			.saturating_add(Self::draw_weight())
			.saturating_add(Self::closing_weight())
	}

	/// What an assignment that runs until block `until` owes beyond what was claimed for it.
	fn owed_for_reservation(job: &Job, assignment: &Assignment, until: BlockNumber) -> Balance {
		let blocks = until.saturating_sub(assignment.accepted_at);
		let kept = Kept {
			load: job.load,
			price: assignment.price,
			places: Self::places_of(job, &assignment.terms),
			claim_life: T::ClaimLife::get(),
			smallest_fee: Self::smallest_fee(),
		};
		decision::reservation(&kept, blocks, T::SlotDuration::get())
			.saturating_sub(assignment.claimed)
	}

	/// Makes an ended assignment pay for the time that it took and did not use.
	pub(crate) fn pay_reservation(
		id: JobId,
		job: &Job,
		index: AssignmentIndex,
		assignment: &mut Assignment,
	) {
		let Some(until) = assignment.claimable_until else { return };
		let ended = until.saturating_sub(T::Parameters::get().claim_grace);
		let amount = Self::owed_for_reservation(job, assignment, ended).min(assignment.allowance);
		if Self::pay_pool(id, job, index, amount) {
			assignment.allowance = assignment.allowance.saturating_sub(amount);
		}
	}

	/// A fee of the job was paid, so work is done in it: its next draw comes soon.
	pub(crate) fn note_fruit(id: JobId) {
		if let Some(mut job) = Jobs::<T>::get(id).filter(|job| job.fruitless > 0) {
			// Only draws in a row for nothing stay counted.
			let in_vain = job.draws_in_vain();
			match &mut job.phase {
				// If it waited longer than others, it stays behind them until its next step.
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
