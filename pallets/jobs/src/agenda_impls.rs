//! What is to be done in which block.
//!
//! A task stands under the block at which it is due. A block works off what is due, oldest block
//! first, until the weight set aside for it is used up; the rest waits for the next block.
//! Whoever stores a task remembers its block, so it can be taken away in O(1).
//!
//! Its words are not those of the lottery's agenda: `AgendaWeight` is a limit that no task exceeds,
//! while the lottery's `AgendaBudget` is overdrawn by its last step; `Backlog` is the block to go
//! on with, as `Overdue` is there.

use alloc::vec::Vec;
use core::marker::PhantomData;
use frame_support::{
	defensive,
	storage::with_storage_layer,
	traits::Get,
	weights::{Weight, WeightMeter},
};
use livepeer_primitives::{
	traits::{Candidate, ProtocolClock as _, TranscoderDirectory as _},
	AccountId, AssignmentIndex, BlockNumber, JobId,
};
use sp_runtime::{traits::SaturatedConversion, DispatchResult};

use crate::{
	decide::{self, Step, FAILURE_DELAY},
	types::{EndReason, Phase, Task},
	Agenda, AssignmentsOf, Backlog, Config, Jobs, Loads, Pallet, WeightInfo,
};

/// This block's candidates, read and charged when they are first needed.
struct Candidates<T>(Option<Vec<Candidate>>, PhantomData<T>);

impl<T: Config> Candidates<T> {
	/// The candidates; `None` when the block has no weight left to read them.
	fn get(&mut self, meter: &mut WeightMeter) -> Option<&[Candidate]> {
		if self.0.is_none() {
			// What they weigh is known only when they are read: asks for the most first.
			if !meter.can_consume(T::WeightInfo::read_candidates(Pallet::<T>::most_candidates())) {
				return None;
			}
			let candidates = T::Directory::candidates();
			meter.consume(T::WeightInfo::read_candidates(candidates.len().saturated_into()));
			self.0 = Some(candidates);
		}
		self.0.as_deref()
	}
}

/// Whether a block has weight left for more tasks.
#[derive(PartialEq, Eq)]
enum Progress {
	Done,
	Full,
}

impl<T: Config> Pallet<T> {
	/// This block on the protocol's clock.
	pub(crate) fn now() -> BlockNumber {
		T::Clock::now()
	}

	/// Puts `task` on the agenda, not before the next block, and says under which block.
	pub(crate) fn schedule(task: Task, at: BlockNumber) -> BlockNumber {
		let at = at.max(Self::now().saturating_add(1));
		Agenda::<T>::insert(at, task, ());
		at
	}

	/// Takes `task` off the agenda.
	pub(crate) fn unschedule(task: Task, at: BlockNumber) {
		Agenda::<T>::remove(at, task);
	}

	/// Works off what is due at `now` within the weight set aside.
	pub(crate) fn run_agenda(now: BlockNumber) -> Weight {
		let mut meter = WeightMeter::with_limit(T::AgendaWeight::get());
		let mut candidates = Candidates(None, PhantomData);
		let backlog = Backlog::<T>::get();
		let mut left = None;
		for block in backlog.unwrap_or(now)..=now {
			if meter.try_consume(T::WeightInfo::agenda_block()).is_err()
				|| Self::run_block(block, now, &mut meter, &mut candidates) == Progress::Full
			{
				left = Some(block);
				break;
			}
		}
		if left != backlog {
			Backlog::<T>::set(left);
		}
		meter.consumed()
	}

	/// Works off what is due under `block`. The next task is looked up afresh each time, since a
	/// task may take others away.
	fn run_block(
		block: BlockNumber,
		now: BlockNumber,
		meter: &mut WeightMeter,
		candidates: &mut Candidates<T>,
	) -> Progress {
		while let Some(task) = Agenda::<T>::iter_key_prefix(block).next() {
			let progress = match task {
				Task::Job(id) => Self::run_job(id, block, now, meter, candidates),
				Task::Assignment(id, index) => Self::run_assignment(id, index, block, meter),
				Task::Transcoder(who) => Self::run_transcoder(who, block, now, meter, candidates),
			};
			if progress == Progress::Full {
				return Progress::Full;
			}
		}
		Progress::Done
	}

	/// Takes a job's next step.
	fn run_job(
		id: JobId,
		block: BlockNumber,
		now: BlockNumber,
		meter: &mut WeightMeter,
		candidates: &mut Candidates<T>,
	) -> Progress {
		let Some(mut job) = Jobs::<T>::get(id) else {
			defensive!("a job takes its task with it; qed");
			Agenda::<T>::remove(block, Task::Job(id));
			return Progress::Done;
		};
		let step = decide::step(&job.phase, job.end, now);
		let candidates = match step {
			Step::Draw | Step::HandOn => match candidates.get(meter) {
				Some(candidates) => candidates,
				None => return Progress::Full,
			},
			Step::Expire | Step::Wait(_) | Step::Rest => &[],
		};
		let weight = match step {
			Step::Draw if Self::suits_anybody(&job, candidates) => {
				T::WeightInfo::task_draw(candidates.len().saturated_into())
			}
			Step::Draw => T::WeightInfo::task_draw_nobody(candidates.len().saturated_into()),
			Step::HandOn => T::WeightInfo::task_hand_on(),
			Step::Expire | Step::Wait(_) | Step::Rest => T::WeightInfo::task_expire(),
		};
		if meter.try_consume(weight).is_err() {
			return Progress::Full;
		}
		Agenda::<T>::remove(block, Task::Job(id));
		job.wake = None;
		let result = with_storage_layer(|| -> DispatchResult {
			let mut job = job.clone();
			match step {
				Step::Draw => Self::draw(id, &mut job, now, candidates),
				Step::HandOn => Self::not_accepted(id, &mut job, now, candidates),
				Step::Expire => Self::end(id, &mut job, EndReason::Expired),
				Step::Wait(_) | Step::Rest => {}
			}
			Self::save_job(id, job)
		});
		if let Err(error) = result {
			// Only an account that the owner of ETH has blocked cannot take its money back.
			log::error!(target: "runtime::jobs", "job {id} cannot go on, tried again: {error:?}");
			job.wake = Some(Self::schedule(Task::Job(id), now.saturating_add(FAILURE_DELAY)));
			Jobs::<T>::insert(id, job);
		}
		Progress::Done
	}

	/// Closes an assignment whose grace has passed.
	fn run_assignment(
		id: JobId,
		index: AssignmentIndex,
		block: BlockNumber,
		meter: &mut WeightMeter,
	) -> Progress {
		if meter.try_consume(T::WeightInfo::task_close_assignment()).is_err() {
			return Progress::Full;
		}
		let task = Task::Assignment(id, index);
		Agenda::<T>::remove(block, &task);
		if let Err(error) = with_storage_layer(|| Self::close_assignment(id, index)) {
			log::error!(
				target: "runtime::jobs",
				"assignment {index} of job {id} cannot be closed, tried again: {error:?}",
			);
			Self::schedule(task, Self::now().saturating_add(FAILURE_DELAY));
		}
		Progress::Done
	}

	/// Hands on the assignments of a transcoder that is lost, one after the other, or looks at it
	/// again later.
	fn run_transcoder(
		who: AccountId,
		block: BlockNumber,
		now: BlockNumber,
		meter: &mut WeightMeter,
		candidates: &mut Candidates<T>,
	) -> Progress {
		if meter.try_consume(T::WeightInfo::task_check()).is_err() {
			return Progress::Full;
		}
		let task = Task::Transcoder(who.clone());
		let Some(mut load) = Loads::<T>::get(&who) else {
			defensive!("a load takes its task with it; qed");
			Agenda::<T>::remove(block, task);
			return Progress::Done;
		};
		if !load.lost && T::Directory::is_available(&who) && !T::Directory::is_jailed(&who) {
			Agenda::<T>::remove(block, &task);
			load.check_at = Self::schedule(task, now.saturating_add(T::CheckInterval::get()));
			Loads::<T>::insert(&who, load);
			return Progress::Done;
		}
		if !load.lost {
			// Stays so even if it comes back before the last of its assignments is handed on.
			load.lost = true;
			Loads::<T>::insert(&who, load);
		}
		// The last one takes the load and this task away.
		while let Some((id, index)) = AssignmentsOf::<T>::iter_prefix(&who).next() {
			let Some(candidates) = candidates.get(meter) else { return Progress::Full };
			if meter.try_consume(T::WeightInfo::task_hand_on()).is_err() {
				return Progress::Full;
			}
			if !Self::lose(id, index, now, candidates) {
				defensive!("a transcoder is listed for the current assignment of each job; qed");
				AssignmentsOf::<T>::remove(&who, id);
				Self::unload(&who);
			}
		}
		Progress::Done
	}

	/// Moves a transcoder's next check to the next block and makes it hand everything on.
	pub(crate) fn mark_lost(who: &AccountId) {
		Loads::<T>::mutate(who, |load| {
			if let Some(load) = load.as_mut().filter(|load| !load.lost) {
				let task = Task::Transcoder(who.clone());
				Self::unschedule(task.clone(), load.check_at);
				load.check_at = Self::schedule(task, 0);
				load.lost = true;
			}
		});
	}

	/// Hands on one assignment of a transcoder that is lost; `false` if it is not current.
	fn lose(id: JobId, index: AssignmentIndex, now: BlockNumber, candidates: &[Candidate]) -> bool {
		let Some(mut job) = Jobs::<T>::get(id).filter(|job| job.phase.current() == Some(index))
		else {
			return false;
		};
		Self::end_assignment(id, &mut job, index);
		job.phase = Phase::Waiting { draw_at: now, retries: 0 };
		Self::offer_next(id, &mut job, now, candidates);
		// A job that goes on moves no money, so this cannot fail.
		Self::save_job(id, job).is_ok()
	}
}
