//! The tasks that are due in each block.
//!
//! A task is stored under its queue and the block in which it is due. A block takes the due tasks,
//! oldest block first, until the reserved weight is used up; the rest waits for the next block.
//! There are two queues, so that nothing that somebody waits for stands behind any number of
//! closings: the urgent queue has three quarters of the weight, the lazy one what that leaves. Each
//! takes at least one step in a block, which may exceed its part, so no queue stands still.
//!
//! A task is removed before its step is taken, and whatever a step adds to the agenda is due in a
//! later block. One pass over a block's tasks therefore sees each task once. Whoever stores a task
//! records its place, so that it can be removed in O(1).

use alloc::vec::Vec;
use core::marker::PhantomData;
use frame_support::{defensive, storage::with_storage_layer, traits::Get, weights::Weight};
use livepeer_primitives::{
	agenda::{self, Meter},
	keys::{Generation, Purpose},
	traits::{Candidate, Toolchains as _, TranscoderDirectory as _},
	AccountId, AssignmentIndex, BlockNumber, JobId,
};
use sp_runtime::{traits::SaturatedConversion, DispatchResult};

use crate::{
	decision::{self, Step, FAILURE_DELAY, WALK_INTERVAL, WALK_JOBS},
	types::{Agreement, Class, EndReason, Phase, Task, Walk},
	Agenda, Assignments, AssignmentsOf, Backlog, Config, Jobs, Loads, NextWalk, Pallet, RunningBy,
	Waiting, WeightInfo,
};

/// This block's candidates, read and charged when they are first needed.
pub(crate) struct Candidates<T>(Option<Vec<Candidate>>, PhantomData<T>);

impl<T: Config> Candidates<T> {
	pub(crate) fn new() -> Self {
		Self(None, PhantomData)
	}

	fn get(&mut self, meter: &mut Meter) -> &[Candidate] {
		self.0.get_or_insert_with(|| {
			let candidates = T::Directory::candidates();
			meter.charge(T::WeightInfo::read_candidates(candidates.len().saturated_into()));
			candidates
		})
	}
}

/// The job after which a walk over a transcoder's assignments stopped for want of weight.
type Unfinished = Option<Option<JobId>>;

impl<T: Config> Pallet<T> {
	/// Puts `task` on the agenda, in the next block at the earliest, and returns the block.
	pub(crate) fn schedule(class: Class, task: Task, at: BlockNumber) -> BlockNumber {
		let at = at.max(Self::now().saturating_add(1));
		Agenda::<T>::insert((class, at, task), ());
		at
	}

	/// Takes `task` off the agenda.
	pub(crate) fn unschedule(class: Class, task: Task, at: BlockNumber) {
		Agenda::<T>::remove((class, at, task));
	}

	/// Takes the tasks that are due at `now`, within the reserved weight.
	pub(crate) fn run_agenda(now: BlockNumber) -> Weight {
		let mut candidates = Candidates::new();
		agenda::run_classes(T::AgendaWeight::get(), |class, limit| {
			Self::run_class(class, limit, now, &mut candidates)
		})
	}

	fn run_class(
		class: Class,
		limit: Weight,
		now: BlockNumber,
		candidates: &mut Candidates<T>,
	) -> Weight {
		let mut meter = Meter::new(limit);
		let backlog = Backlog::<T>::get(class);
		let left = Self::run_blocks(class, backlog.unwrap_or(now), now, &mut meter, candidates);
		if left != backlog {
			Backlog::<T>::set(class, left);
		}
		meter.used()
	}

	/// Takes the tasks of the blocks from `first` to `now`, and returns the block with which to
	/// continue.
	fn run_blocks(
		class: Class,
		first: BlockNumber,
		now: BlockNumber,
		meter: &mut Meter,
		candidates: &mut Candidates<T>,
	) -> Option<BlockNumber> {
		for block in first..=now {
			if block > first && !meter.has_room() {
				return Some(block);
			}
			meter.charge(T::WeightInfo::agenda_block());
			for task in Agenda::<T>::iter_key_prefix((class, block)) {
				if !meter.has_room() {
					return Some(block);
				}
				Agenda::<T>::remove((class, block, &task));
				Self::run_task(class, task, now, meter, candidates);
			}
		}
		None
	}

	fn run_task(
		class: Class,
		task: Task,
		now: BlockNumber,
		meter: &mut Meter,
		candidates: &mut Candidates<T>,
	) {
		match task {
			Task::Job(id) => Self::run_job(class, id, now, meter, candidates),
			Task::Assignment(id, index) => Self::run_assignment(id, index, meter),
			Task::Transcoder(who) => Self::run_transcoder(who, now, meter, candidates),
			Task::Toolchains(who, after) => {
				Self::run_toolchains(who, after, now, meter, candidates)
			}
			Task::Keys(who, purpose, generation) => {
				Self::run_keys(who, purpose, generation, now, meter, candidates)
			}
			Task::Waiting(after) => Self::run_waiting(after, now, meter),
			Task::Payouts(id) => {
				meter.step(T::WeightInfo::task_payouts());
				Self::run_payouts(id);
			}
		}
	}

	/// Takes a job's next step.
	fn run_job(
		class: Class,
		id: JobId,
		now: BlockNumber,
		meter: &mut Meter,
		candidates: &mut Candidates<T>,
	) {
		let Some(mut job) = Jobs::<T>::get(id) else {
			defensive!("a job takes its task with it; qed");
			meter.step(T::WeightInfo::task_look());
			return;
		};
		job.wake = None;
		let step = decision::step(&job.phase, job.end, now);
		// If the job's end came before this step was taken, the step goes to the queue of ends.
		if step == Step::Expire && class == Class::Urgent {
			meter.step(T::WeightInfo::task_look());
			job.wake = Self::schedule_job(id, &job, now);
			Jobs::<T>::insert(id, job);
			return;
		}
		let candidates = match step {
			Step::Draw | Step::HandOn => candidates.get(meter),
			Step::Expire | Step::Wait(_) | Step::Rest => &[],
		};
		meter.step(match step {
			Step::Draw => Self::weight_of_draw(&job, candidates),
			Step::HandOn => T::WeightInfo::task_hand_on(),
			Step::Expire | Step::Wait(_) | Step::Rest => T::WeightInfo::task_expire(),
		});
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
			// This happens only if the owner of ETH has blocked the account, so that it cannot get
			// its money back.
			log::error!(target: "runtime::jobs", "job {id} cannot go on, tried again: {error:?}");
			let at = now.saturating_add(FAILURE_DELAY);
			let at = Self::schedule(Class::Lazy, Task::Job(id), at);
			job.wake = Some(crate::types::Wake { class: Class::Lazy, at });
			Jobs::<T>::insert(id, job);
		}
	}

	/// Takes an ended assignment's next step.
	fn run_assignment(id: JobId, index: AssignmentIndex, meter: &mut Meter) {
		meter.step(T::WeightInfo::task_close_assignment());
		if let Err(error) = with_storage_layer(|| Self::close_assignment(id, index)) {
			log::error!(
				target: "runtime::jobs",
				"assignment {index} of job {id} cannot be closed, tried again: {error:?}",
			);
			Assignments::<T>::mutate(id, index, |assignment| {
				if let Some(assignment) = assignment {
					let at = Self::now().saturating_add(FAILURE_DELAY);
					let task = Task::Assignment(id, index);
					assignment.close_at = Some(Self::schedule(Class::Lazy, task, at));
				}
			});
		}
	}

	/// Hands on the assignments of a lost transcoder one after the other, or checks the transcoder
	/// again later.
	fn run_transcoder(
		who: AccountId,
		now: BlockNumber,
		meter: &mut Meter,
		candidates: &mut Candidates<T>,
	) {
		let Some(mut load) = Loads::<T>::get(&who) else {
			defensive!("a load takes its task with it; qed");
			meter.step(T::WeightInfo::task_check());
			return;
		};
		if !load.lost && T::Directory::is_available(&who) && !T::Directory::is_jailed(&who) {
			meter.step(T::WeightInfo::task_check());
			let runs =
				|chain: &crate::types::ToolchainLoad| T::Toolchains::is_running(&chain.toolchain);
			let all_run = load.toolchains.iter().all(runs);
			let at = now.saturating_add(T::CheckInterval::get());
			load.check_at = Self::schedule(Class::Urgent, Task::Transcoder(who.clone()), at);
			Loads::<T>::insert(&who, load);
			if !all_run {
				Self::run_toolchains(who, None, now, meter, candidates);
			}
			return;
		}
		meter.charge(T::WeightInfo::task_check());
		if !load.lost {
			// The mark stays even if the transcoder returns before the last of its assignments is
			// handed on.
			load.lost = true;
			Loads::<T>::insert(&who, load);
		}
		// The load is deleted with the last assignment.
		for (id, index) in AssignmentsOf::<T>::iter_prefix(&who) {
			if !meter.has_room() {
				let at = Self::schedule(Class::Urgent, Task::Transcoder(who.clone()), 0);
				Loads::<T>::mutate(&who, |load| {
					if let Some(load) = load {
						load.check_at = at;
					}
				});
				return;
			}
			let candidates = candidates.get(meter);
			meter.step(T::WeightInfo::task_hand_on());
			// A transcoder is not blamed for what jail takes.
			if !T::Directory::is_jailed(&who) {
				Self::note_unserved(id, index);
			}
			Jobs::<T>::mutate(id, |job| {
				if let Some(job) = job {
					job.lost_by = Some(who.clone());
				}
			});
			Self::lose(id, index, now, candidates);
		}
	}

	/// Puts the walk's next step on the agenda, which begins after this job.
	pub(crate) fn go_on_walking(after: Option<JobId>, at: BlockNumber, again: bool) {
		let at = Self::schedule(Class::Lazy, Task::Waiting(after), at);
		NextWalk::<T>::put(Walk { at, is_going: true, again });
	}

	/// Brings forward the draws of some waiting jobs after `after`. Earlier draws for nothing stay
	/// counted, because this is an additional look and not a new beginning. The draw itself does
	/// not count: otherwise somebody that announces more again and again could end others' jobs.
	///
	/// Few jobs are drawn at a time, however many wait. Otherwise everything else in the queue
	/// would wait for all of them, again and again and at nobody's cost.
	fn run_waiting(after: Option<JobId>, now: BlockNumber, meter: &mut Meter) {
		// A walk that begins now also covers those that have announced until now.
		let is_called = NextWalk::<T>::get().is_some_and(|walk| walk.again);
		let again = is_called && after.is_some();
		let mut last = after;
		let mut looks = 0u32;
		let rows = match after {
			Some(job) => Waiting::<T>::iter_keys_from(Waiting::<T>::hashed_key_for(job)),
			None => Waiting::<T>::iter_keys(),
		};
		for id in rows {
			if looks >= WALK_JOBS {
				return Self::go_on_walking(last, now.saturating_add(WALK_INTERVAL), again);
			}
			if !meter.has_room() {
				return Self::go_on_walking(last, 0, again);
			}
			meter.step(T::WeightInfo::task_look());
			looks = looks.saturating_add(1);
			last = Some(id);
			let Some(mut job) = Jobs::<T>::get(id) else {
				defensive!("a job leaves the list of those that wait when it goes; qed");
				continue;
			};
			let soon = now.saturating_add(1);
			if let Phase::Waiting { draw_at, retries } = &mut job.phase {
				if *draw_at > soon {
					*draw_at = soon;
					*retries = retries.saturating_sub(1).max(1);
				}
			}
			job.wake = Self::schedule_job(id, &job, now);
			Jobs::<T>::insert(id, job);
		}
		// Finding nothing is a step too.
		meter.step(T::WeightInfo::task_look());
		if again {
			Self::go_on_walking(None, now.saturating_add(WALK_INTERVAL), false);
		} else {
			NextWalk::<T>::put(Walk { at: now, is_going: false, again: false });
		}
	}

	/// Hands on a transcoder's assignments whose toolchain no longer runs.
	fn run_toolchains(
		who: AccountId,
		after: Option<JobId>,
		now: BlockNumber,
		meter: &mut Meter,
		candidates: &mut Candidates<T>,
	) {
		let ends = |agreement: &Agreement| !T::Toolchains::is_running(&agreement.toolchain);
		if let Some(after) = Self::walk_assignments(&who, after, ends, now, meter, candidates) {
			Self::schedule(Class::Urgent, Task::Toolchains(who, after), 0);
		}
	}

	/// Hands on those running assignments of a transcoder, after the one of job `after`, for which
	/// `ends` returns true. Returns where it stopped if the weight did not suffice.
	fn walk_assignments(
		who: &AccountId,
		after: Option<JobId>,
		ends: impl Fn(&Agreement) -> bool,
		now: BlockNumber,
		meter: &mut Meter,
		candidates: &mut Candidates<T>,
	) -> Unfinished {
		let mut last = after;
		let rows = match after {
			Some(job) => AssignmentsOf::<T>::iter_prefix_from(
				who,
				AssignmentsOf::<T>::hashed_key_for(who, job),
			),
			None => AssignmentsOf::<T>::iter_prefix(who),
		};
		for (id, index) in rows {
			if !meter.has_room() {
				return Some(last);
			}
			last = Some(id);
			let agreement = Assignments::<T>::get(id, index).and_then(|a| a.agreement);
			if agreement.as_ref().is_some_and(&ends) {
				let candidates = candidates.get(meter);
				meter.step(T::WeightInfo::task_hand_on());
				Self::lose(id, index, now, candidates);
			} else {
				meter.step(T::WeightInfo::task_look());
			}
		}
		None
	}

	/// Hands on the assignments that run by a generation of an account's keys. Each of them leaves
	/// the index when it is handed on, so the next block finds those for which the weight did not
	/// suffice.
	fn run_keys(
		who: AccountId,
		purpose: Purpose,
		generation: Generation,
		now: BlockNumber,
		meter: &mut Meter,
		candidates: &mut Candidates<T>,
	) {
		meter.charge(T::WeightInfo::task_look());
		let mut finds_nothing = true;
		for (id, index) in RunningBy::<T>::iter_prefix((&who, purpose, generation)) {
			if !meter.has_room() {
				Self::schedule(Class::Lazy, Task::Keys(who, purpose, generation), 0);
				return;
			}
			let candidates = candidates.get(meter);
			meter.step(T::WeightInfo::task_hand_on());
			if purpose == Purpose::Segments {
				// This counts as ended by the broadcaster.
				Self::note_ended_by_broadcaster(id, index);
			}
			Self::lose(id, index, now, candidates);
			finds_nothing = false;
		}
		if finds_nothing {
			// Finding nothing is a step too.
			meter.step(Weight::zero());
		}
	}

	/// Moves a transcoder's next check to the next block and makes it hand all assignments on.
	pub(crate) fn mark_lost(who: &AccountId) {
		Loads::<T>::mutate(who, |load| {
			if let Some(load) = load.as_mut().filter(|load| !load.lost) {
				let task = Task::Transcoder(who.clone());
				Self::unschedule(Class::Urgent, task.clone(), load.check_at);
				load.check_at = Self::schedule(Class::Urgent, task, 0);
				load.lost = true;
			}
		});
	}

	/// Ends a current assignment and offers its job to the next on the list.
	fn lose(id: JobId, index: AssignmentIndex, now: BlockNumber, candidates: &[Candidate]) {
		let Some(mut job) = Jobs::<T>::get(id).filter(|job| job.phase.current() == Some(index))
		else {
			defensive!("a transcoder is listed for the current assignment of each job; qed");
			return;
		};
		Self::end_assignment(id, &mut job, index, true);
		if now >= job.end {
			// Nobody is asked any more: the late expiry continues from here.
			job.phase = Phase::Waiting { draw_at: job.end, retries: 0 };
			crate::PriorityLists::<T>::remove(id);
		} else {
			Self::offer_next(id, &mut job, now, candidates);
		}
		// A job that continues moves no money, so this cannot fail.
		if Self::save_job(id, job).is_err() {
			defensive!("a job that goes on moves no money; qed");
		}
	}

	/// The weight of a draw among the largest number of candidates, which are read for it if it is
	/// the block's only draw.
	pub(crate) fn draw_weight() -> Weight {
		let most = Self::most_candidates();
		T::WeightInfo::read_candidates(most).saturating_add(T::WeightInfo::task_draw(most))
	}

	/// The weight of both steps of closing an assignment.
	pub(crate) fn closing_weight() -> Weight {
		T::WeightInfo::task_close_assignment().saturating_mul(2)
	}

	/// The weight of handing a job on in a call: reading all candidates, the offer, and the closing
	/// of one more assignment; plus the following draw if nobody was left to offer it to.
	pub(crate) fn handing_on_weight(is_drawn: bool) -> Weight {
		let draw = if is_drawn { Self::draw_weight() } else { Weight::zero() };
		T::WeightInfo::read_candidates(Self::most_candidates())
			.saturating_add(T::WeightInfo::task_hand_on())
			.saturating_add(Self::closing_weight())
			.saturating_add(draw)
	}

	/// The weight of what a new job will cause: its draw, its expiry, and both steps of closing an
	/// assignment. Its creator pays for it.
	pub(crate) fn future_of_job() -> Weight {
		Self::draw_weight()
			.saturating_add(T::WeightInfo::task_expire())
			.saturating_add(Self::closing_weight())
	}
}
