//! The life of a job: creation, top-up, end, closing.

use frame_support::{dispatch::DispatchResult, ensure, traits::Get};
use livepeer_primitives::{
	segment::stream_id,
	service::ServiceRecord,
	video::{check_format, FormatError, Ladder, SourceLimits},
	work, AccountId, Balance, BlockNumber, JobId,
};
use sp_runtime::DispatchError;

use crate::{
	decide::{self, DRAW_DELAY},
	types::{EndReason, Job, Origin, Phase, StreamName, Task},
	Assignments, Config, Error, Event, HoldReason, JobOfStream, Jobs, NextJob, Origins, Pallet,
	PriorityLists,
};

impl<T: Config> Pallet<T> {
	/// See [`Pallet::create_job`].
	pub(crate) fn do_create_job(
		broadcaster: AccountId,
		name: StreamName,
		ladder: Ladder,
		limits: SourceLimits,
		max_price: Balance,
		end: BlockNumber,
		budget: Balance,
	) -> DispatchResult {
		let parameters = T::Parameters::get();
		let text = core::str::from_utf8(&name).map_err(|_| Error::<T>::BadStreamName)?;
		ensure!(!text.is_empty(), Error::<T>::BadStreamName);
		check_format(&ladder, &limits).map_err(Self::format_error)?;

		let now = Self::now();
		ensure!(
			end > now.saturating_add(DRAW_DELAY)
				&& end <= now.saturating_add(parameters.longest_job),
			Error::<T>::BadEnd
		);

		let stream = stream_id(&broadcaster, text);
		let taken = JobOfStream::<T>::get(stream)
			.and_then(Jobs::<T>::get)
			.is_some_and(|job| job.phase != Phase::Ended);
		ensure!(!taken, Error::<T>::StreamHasJob);

		let factors = parameters.factors;
		let max_leaf_work =
			work::max_leaf_work(&factors, &ladder, &limits).ok_or(Error::<T>::WorkOverflow)?;
		ensure!(
			budget >= decide::least_allowance(max_leaf_work, max_price, Self::smallest_fee()),
			Error::<T>::BudgetTooSmall
		);

		let id = NextJob::<T>::get();
		NextJob::<T>::put(id.checked_add(1).ok_or(Error::<T>::NoMoreNumbers)?);
		Self::hold(HoldReason::Bond, &broadcaster, parameters.broadcaster_bond)?;
		Self::hold(HoldReason::Budget, &broadcaster, budget)?;
		JobOfStream::<T>::insert(stream, id);
		Self::deposit_event(Event::JobCreated {
			job: id,
			broadcaster: broadcaster.clone(),
			stream,
			name,
			max_price,
			end,
			budget,
		});
		Self::save_job(
			id,
			Job {
				broadcaster,
				stream,
				ladder,
				limits,
				factors,
				max_leaf_work,
				max_price,
				end,
				unreserved: budget,
				bond: parameters.broadcaster_bond,
				phase: Phase::Waiting { draw_at: now.saturating_add(DRAW_DELAY), retries: 0 },
				next_assignment: 0,
				assignments: 0,
				open_claims: 0,
				wake: None,
			},
		)
	}

	/// See [`Pallet::top_up`].
	pub(crate) fn do_top_up(who: AccountId, id: JobId, amount: Balance) -> DispatchResult {
		let mut job = Self::live_job(id)?;
		ensure!(job.broadcaster == who, Error::<T>::NotBroadcaster);
		ensure!(amount > 0, Error::<T>::NothingToAdd);
		Self::hold(HoldReason::Budget, &who, amount)?;
		job.unreserved = job.unreserved.checked_add(amount).ok_or(Error::<T>::InsufficientEth)?;
		let now = Self::now();
		match &mut job.phase {
			// Perhaps nobody was eligible for want of money: asks again soon, and often at first.
			Phase::Waiting { draw_at, retries } if *retries > 0 => {
				*draw_at = (*draw_at).min(now.saturating_add(DRAW_DELAY));
				*retries = 0;
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
		Self::save_job(id, job)
	}

	/// See [`Pallet::end_job`].
	pub(crate) fn do_end_job(who: AccountId, id: JobId) -> DispatchResult {
		let mut job = Self::live_job(id)?;
		let reason = if who == job.broadcaster {
			EndReason::Broadcaster
		} else if Self::runs(id, &job, &who) {
			EndReason::Transcoder
		} else {
			return Err(Error::<T>::NotParty.into());
		};
		Self::end(id, &mut job, reason);
		Self::save_job(id, job)
	}

	/// See [`Pallet::set_origin`].
	pub(crate) fn do_set_origin(who: AccountId, record: ServiceRecord) -> DispatchResult {
		let deposit = match Origins::<T>::get(&who) {
			Some(old) => old.deposit,
			None => {
				let deposit = T::Parameters::get().broadcaster_bond;
				Self::hold(HoldReason::Origin, &who, deposit)?;
				deposit
			}
		};
		Origins::<T>::insert(&who, Origin { record: record.clone(), deposit });
		Self::deposit_event(Event::OriginSet { broadcaster: who, record });
		Ok(())
	}

	/// See [`Pallet::clear_origin`].
	pub(crate) fn do_clear_origin(who: AccountId) -> DispatchResult {
		let origin = Origins::<T>::take(&who).ok_or(Error::<T>::NoOrigin)?;
		Self::release(HoldReason::Origin, &who, origin.deposit)?;
		Self::deposit_event(Event::OriginCleared { broadcaster: who });
		Ok(())
	}

	/// Ends a job: its assignment goes into grace, nothing is assigned any more.
	pub(crate) fn end(id: JobId, job: &mut Job, reason: EndReason) {
		if let Some(index) = job.phase.current() {
			Self::end_assignment(id, job, index);
		}
		job.phase = Phase::Ended;
		PriorityLists::<T>::remove(id);
		Self::deposit_event(Event::JobEnded { job: id, reason });
	}

	/// Stores a job with its next step on the agenda; or, when nothing of it is left to wait for,
	/// gives back what it still holds and deletes it. Every change of a job ends here.
	pub(crate) fn save_job(id: JobId, mut job: Job) -> DispatchResult {
		let wake = decide::wake(&job.phase, job.end, Self::now());
		if wake != job.wake {
			if let Some(at) = job.wake {
				Self::unschedule(Task::Job(id), at);
			}
			job.wake = wake.map(|at| Self::schedule(Task::Job(id), at));
		}

		if job.phase == Phase::Ended && job.assignments == 0 {
			let rest = core::mem::take(&mut job.unreserved);
			if rest > 0 {
				Self::release(HoldReason::Budget, &job.broadcaster, rest)?;
				Self::deposit_event(Event::BudgetReleased { job: id, amount: rest });
			}
			if job.open_claims == 0 {
				Self::release(HoldReason::Bond, &job.broadcaster, job.bond)?;
				if JobOfStream::<T>::get(job.stream) == Some(id) {
					JobOfStream::<T>::remove(job.stream);
				}
				Jobs::<T>::remove(id);
				Self::deposit_event(Event::JobClosed { job: id });
				return Ok(());
			}
		}
		Jobs::<T>::insert(id, job);
		Ok(())
	}

	/// A job that has not ended.
	pub(crate) fn live_job(id: JobId) -> Result<Job, DispatchError> {
		let job = Jobs::<T>::get(id).ok_or(Error::<T>::NoJob)?;
		ensure!(job.phase != Phase::Ended, Error::<T>::JobEnded);
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
			FormatError::BadFrameRate => Error::BadFrameRate,
		}
	}
}
