//! The life of a job: creation, top-up, end, closing.

use alloc::vec::Vec;
use frame_support::{
	dispatch::{DispatchResult, DispatchResultWithPostInfo},
	ensure,
	traits::Get,
};
use livepeer_primitives::{
	job_format::{check_format, FormatError},
	segment::stream_id,
	traits::OnClaim as _,
	video::{Ladder, SourceLimits},
	work, AccountId, AssignmentIndex, Balance, BlockNumber, JobId, StreamId,
};
use sp_runtime::DispatchError;

use crate::{
	decision::{self, DRAW_DELAY},
	types::{EndReason, Job, Phase, StreamName, Task, Wake},
	Answers, Assignments, Config, Error, Event, HoldReason, JobOfStream, Jobs, JobsOf, NextJob,
	Pallet, PriorityLists, Turns, Waiting, WeightInfo,
};

impl<T: Config> Pallet<T> {
	/// The id of `broadcaster`'s stream of this name.
	pub(crate) fn stream_of(
		broadcaster: &AccountId,
		name: &StreamName,
	) -> Result<StreamId, Error<T>> {
		let text = core::str::from_utf8(name).map_err(|_| Error::<T>::BadStreamName)?;
		ensure!(!text.is_empty(), Error::<T>::BadStreamName);
		Ok(stream_id(broadcaster, text))
	}

	/// See [`Pallet::create_job`].
	#[allow(clippy::too_many_arguments)]
	pub(crate) fn do_create_job(
		who: AccountId,
		broadcaster: AccountId,
		name: StreamName,
		ladder: Ladder,
		limits: SourceLimits,
		max_price: Balance,
		end: BlockNumber,
		budget: Balance,
	) -> DispatchResult {
		let parameters = T::Parameters::get();
		let stream = Self::stream_of(&broadcaster, &name)?;
		let factors = parameters.factors;
		check_format(&ladder, &limits, &factors).map_err(Self::format_error)?;
		let factors = factors.of_job(&limits).ok_or(Error::<T>::WorkOverflow)?;

		let now = Self::now();
		ensure!(
			end > now.saturating_add(DRAW_DELAY)
				&& end <= now.saturating_add(parameters.longest_job),
			Error::<T>::BadEnd
		);
		let taken = JobOfStream::<T>::get(stream)
			.and_then(Jobs::<T>::get)
			.is_some_and(|job| job.phase != Phase::Ended);
		ensure!(!taken, Error::<T>::StreamHasJob);

		let max_leaf_work =
			work::max_leaf_work(&factors, &ladder, &limits).ok_or(Error::<T>::WorkOverflow)?;
		let max_samples = T::OnClaim::max_samples(max_leaf_work);
		ensure!(max_samples > 0, Error::<T>::CannotBeJudged);
		let terms = T::Lottery::get().terms(false);
		ensure!(max_price >= terms.least_price(), Error::<T>::PriceBelowVerification);
		let least = decision::least_allowance(max_leaf_work, max_price, Self::smallest_fee())
			.saturating_add(terms.prepayment(1, max_leaf_work));
		ensure!(budget >= least, Error::<T>::BudgetTooSmall);
		let bond = parameters.broadcaster_bond;
		let cost = budget.checked_add(bond).ok_or(Error::<T>::InsufficientEth)?;
		let full = decision::full_claim(&terms, max_samples, max_leaf_work);
		ensure!(
			decision::is_claimable(full, max_price, Self::smallest_fee()),
			Error::<T>::FullClaimTooSmall
		);
		let spender =
			Self::spend(&who, &broadcaster, |scope| scope.create, cost, Error::<T>::NoSpendingKey)?;
		let load = decision::load(max_leaf_work, &limits);
		let job = Job {
			broadcaster: broadcaster.clone(),
			stream,
			ladder,
			limits,
			factors,
			max_leaf_work,
			max_samples,
			load,
			max_price,
			end,
			unreserved: budget,
			bond,
			funded: cost,
			spender,
			phase: Phase::Waiting { draw_at: now.saturating_add(DRAW_DELAY), retries: 0 },
			fruitless: 0,
			next_assignment: 0,
			assignments: 0,
			claimable: 0,
			wake: None,
			lost_by: None,
			waits: false,
		};
		ensure!(Self::most_places(&job) <= parameters.max_open_claims, Error::<T>::TooManyPlaces);

		let id = NextJob::<T>::get();
		NextJob::<T>::put(id.checked_add(1).ok_or(Error::<T>::NoMoreNumbers)?);
		Self::hold(HoldReason::Bond, &broadcaster, bond)?;
		Self::hold(HoldReason::Budget, &broadcaster, budget)?;
		JobOfStream::<T>::insert(stream, id);
		JobsOf::<T>::insert(&broadcaster, id, ());
		Self::deposit_event(Event::JobCreated {
			job: id,
			broadcaster,
			stream,
			name,
			max_price,
			end,
			budget,
		});
		Self::save_job(id, job)
	}

	/// See [`Pallet::top_up`].
	pub(crate) fn do_top_up(
		who: AccountId,
		id: JobId,
		amount: Balance,
	) -> DispatchResultWithPostInfo {
		let mut job = Self::live_job(id)?;
		ensure!(amount > 0, Error::<T>::NothingToAdd);
		let spender = Self::spend(
			&who,
			&job.broadcaster,
			|scope| scope.top_up,
			amount,
			Error::<T>::NotBroadcaster,
		)?;
		// Only the key that created the job gets its share of the cap back.
		if let (Some(by), Some(creator)) = (spender, &mut job.spender) {
			if (&by.key, by.serial) == (&creator.key, creator.serial) {
				creator.amount = creator.amount.saturating_add(amount);
			}
		}
		Self::hold(HoldReason::Budget, &job.broadcaster, amount)?;
		job.unreserved = job.unreserved.checked_add(amount).ok_or(Error::<T>::InsufficientEth)?;
		job.funded = job.funded.saturating_add(amount);
		let now = Self::now();
		let mut weight = T::WeightInfo::top_up();
		match &mut job.phase {
			// Perhaps nobody was eligible for want of money: it is drawn again soon, and often at
			// first. In the other phases a top-up does not start the wait anew. Here it pays for
			// the draw that it brings forward; otherwise a unit of ETH now and then would keep a
			// job in which nothing is done from backing off.
			Phase::Waiting { draw_at, retries } if *retries > 0 => {
				*draw_at = (*draw_at).min(now.saturating_add(DRAW_DELAY));
				*retries = 0;
				job.fruitless = 0;
				weight = weight.saturating_add(Self::draw_weight());
			}
			Phase::Running { assignment } | Phase::Offered { assignment, .. } => {
				let index = *assignment;
				Assignments::<T>::mutate(id, index, |assignment| {
					if let Some(assignment) = assignment {
						Self::refill(&mut job, assignment);
					}
				});
			}
			Phase::Waiting { .. } | Phase::Ended => {}
		}
		Self::deposit_event(Event::ToppedUp { job: id, amount });
		Self::save_job(id, job)?;
		Ok(Some(weight).into())
	}

	/// See [`Pallet::end_job`].
	pub(crate) fn do_end_job(who: AccountId, id: JobId) -> DispatchResultWithPostInfo {
		let mut job = Self::live_job(id)?;
		if Self::runs(id, &job, &who) && who != job.broadcaster {
			let is_drawn = Self::quit(id, job)?;
			return Ok(Some(Self::quitting_weight(is_drawn)).into());
		}
		let stranger = Error::<T>::NotParty;
		Self::spend(&who, &job.broadcaster, |scope| scope.end, 0, stranger)?;
		Self::end(id, &mut job, EndReason::Broadcaster);
		Self::save_job(id, job)?;
		// Its closing was paid for when it was created, and with each handing on.
		Ok(Some(T::WeightInfo::end_job()).into())
	}

	/// Ends a job: its assignment goes into grace, and the job is assigned to nobody any more.
	pub(crate) fn end(id: JobId, job: &mut Job, reason: EndReason) {
		if let Some(index) = job.phase.current() {
			if reason == EndReason::Broadcaster {
				Self::note_ended_by_broadcaster(id, index);
			}
			Self::end_assignment(id, job, index, true);
		}
		job.phase = Phase::Ended;
		PriorityLists::<T>::remove(id);
		Self::deposit_event(Event::JobEnded { job: id, reason });
	}

	/// Records that the broadcaster ended this assignment: the assignment's reserve covers what a
	/// last, small claim lacks for its verification.
	pub(crate) fn note_ended_by_broadcaster(id: JobId, index: AssignmentIndex) {
		Assignments::<T>::mutate(id, index, |assignment| {
			if let Some(assignment) = assignment {
				assignment.ended_by_broadcaster = true;
			}
		});
	}

	/// Stores a job with its next step on the agenda. If nothing of it is left to wait for, returns
	/// what it still holds and deletes it.
	pub(crate) fn save_job(id: JobId, mut job: Job) -> DispatchResult {
		job.wake = Self::schedule_job(id, &job, Self::now());
		let waits = matches!(job.phase, Phase::Waiting { retries, .. } if retries > 0);
		if waits != job.waits {
			if waits {
				Waiting::<T>::insert(id, ());
			} else {
				Waiting::<T>::remove(id);
			}
			job.waits = waits;
		}
		if job.phase == Phase::Ended && job.claimable == 0 {
			let rest = core::mem::take(&mut job.unreserved);
			if rest > 0 {
				Self::release(HoldReason::Budget, &job.broadcaster, rest)?;
				Self::restore_cap(&mut job, rest);
				Self::deposit_event(Event::BudgetReleased { job: id, amount: rest });
			}
			if job.assignments == 0 {
				return Self::close_job(id, job);
			}
		}
		Jobs::<T>::insert(id, job);
		Ok(())
	}

	/// Deletes a job that nothing waits for.
	fn close_job(id: JobId, mut job: Job) -> DispatchResult {
		let bond = core::mem::take(&mut job.bond);
		Self::release(HoldReason::Bond, &job.broadcaster, bond)?;
		Self::restore_cap(&mut job, bond);
		if JobOfStream::<T>::get(job.stream) == Some(id) {
			JobOfStream::<T>::remove(job.stream);
		}
		JobsOf::<T>::remove(&job.broadcaster, id);
		// There are as many as there were slashes.
		let slashed: Vec<AccountId> = Turns::<T>::iter_key_prefix(id).collect();
		for transcoder in slashed {
			Turns::<T>::remove(id, transcoder);
		}
		Answers::<T>::remove(id);
		Jobs::<T>::remove(id);
		Self::deposit_event(Event::JobClosed { job: id });
		Ok(())
	}

	/// Puts a job's next step on the agenda, replacing the one that is there.
	pub(crate) fn schedule_job(id: JobId, job: &Job, now: BlockNumber) -> Option<Wake> {
		let wake = decision::wake(&job.phase, job.end, now);
		if wake != job.wake {
			if let Some(Wake { class, at }) = job.wake {
				Self::unschedule(class, Task::Job(id), at);
			}
			if let Some(Wake { class, at }) = wake {
				Self::schedule(class, Task::Job(id), at);
			}
		}
		wake
	}

	/// A job that has not ended, even if the agenda is late.
	pub(crate) fn live_job(id: JobId) -> Result<Job, DispatchError> {
		let job = Jobs::<T>::get(id).ok_or(Error::<T>::NoJob)?;
		let ended = job.phase == Phase::Ended || Self::now() >= job.end;
		ensure!(!ended, Error::<T>::JobEnded);
		Ok(job)
	}

	/// Whether `who` is the transcoder of the job's running assignment.
	fn runs(id: JobId, job: &Job, who: &AccountId) -> bool {
		matches!(
			job.phase,
			Phase::Running { assignment }
				if Assignments::<T>::get(id, assignment).is_some_and(|a| a.transcoder == *who)
		)
	}

	fn format_error(error: FormatError) -> Error<T> {
		match error {
			FormatError::NoRendition => Error::NoRendition,
			FormatError::DuplicateRendition => Error::DuplicateRendition,
			FormatError::BadSize => Error::BadSize,
			FormatError::BadBitrate => Error::BadBitrate,
			FormatError::UnknownProfile => Error::UnknownProfile,
			FormatError::BadSegmentLength => Error::BadSegmentLength,
			FormatError::BadFrameRate => Error::BadFrameRate,
		}
	}
}
