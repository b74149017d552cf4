//! The agenda: the block in which each challenge moves on by itself, so that every claim ends,
//! whatever anyone does.
//!
//! A task is stored under its queue and the block in which it is due. A block takes the due tasks,
//! oldest block first, until the reserved weight is used up; the rest waits for the next block.
//! There are two queues, so that nothing that somebody waits for stands behind any number of
//! executions: the urgent queue has three quarters of the weight, the lazy one what that leaves.
//! Each takes at least one step in a block, which may exceed its part, so no queue stands still.
//!
//! A task is removed before its step is taken, and whatever a step adds to the agenda is due in a
//! later block. One pass over a block's tasks therefore sees each task once, at the same cost
//! however many there are.

use frame_support::{defensive, traits::Get, weights::Weight};
use livepeer_primitives::{
	agenda::{self, Meter},
	traits::Beacon,
	verdict::Phase,
	BlockNumber, ClaimId,
};

use crate::{
	types::{Challenge, Class, Stage, Task, LAST_WINDOW, SEED_RETRY},
	Agenda, Backlog, Ballots, Challenges, Config, Crowded, Pallet, WeightInfo,
};

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

	/// Replaces the challenge's entry by one at `at`, in the queue of its stage.
	pub(crate) fn enter(id: ClaimId, challenge: &mut Challenge, at: BlockNumber) {
		let task = Task::Challenge(id);
		Self::unschedule(challenge.class, task, challenge.due);
		challenge.class = match challenge.stage {
			Stage::Decided(_) => Class::Lazy,
			_ => Class::Urgent,
		};
		challenge.due = Self::schedule(challenge.class, task, at);
	}

	/// Takes the tasks that are due at `now`, within the reserved weight.
	pub(crate) fn run_agenda(now: BlockNumber) -> Weight {
		agenda::run_classes(T::AgendaWeight::get(), |class, limit| {
			Self::run_class(class, limit, now)
		})
	}

	/// Takes tasks of one queue until `limit` is used; returns what it used.
	fn run_class(class: Class, limit: Weight, now: BlockNumber) -> Weight {
		let mut meter = Meter::new(limit);
		let backlog = Backlog::<T>::get(class);
		let left = Self::run_blocks(class, backlog.unwrap_or(now), now, &mut meter);
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
	) -> Option<BlockNumber> {
		for block in first..=now {
			if !meter.has_room() {
				return Some(block);
			}
			meter.charge(T::WeightInfo::agenda_block());
			for task in Agenda::<T>::iter_key_prefix((class, block)) {
				if !meter.has_room() {
					return Some(block);
				}
				Agenda::<T>::remove((class, block, task));
				meter.step(Self::step(now, task));
			}
		}
		None
	}

	/// Does the task of an entry that was taken from the agenda.
	fn step(now: BlockNumber, task: Task) -> Weight {
		let id = match task {
			Task::Challenge(id) => id,
			Task::Toolchain(toolchain) => {
				Self::forget_toolchain(&toolchain);
				return T::WeightInfo::agenda_forget_toolchain();
			}
		};
		let Some(challenge) = Challenges::<T>::get(id) else {
			defensive!("an agenda entry has a challenge");
			return T::DbWeight::get().reads(1);
		};
		match challenge.stage {
			Stage::AwaitingSeed => Self::draw_or_wait(now, id, challenge),
			Stage::LeafReveal { deadline, members, crowded, .. } => {
				let parameters = &challenge.parameters;
				let until = Self::prolonged(parameters, deadline, crowded)
					.saturating_add(parameters.missed_grace);
				if now < until {
					let mut challenge = challenge;
					Self::enter(id, &mut challenge, until);
					Challenges::<T>::insert(id, challenge);
					return T::WeightInfo::agenda_step();
				}
				Self::missed(id, challenge, None);
				T::WeightInfo::agenda_decide(members.into())
			}
			Stage::Voting => Self::close_phase(now, id, challenge),
			Stage::AwaitingDispute => Self::open_dispute(id, challenge),
			Stage::AwaitingTranche(tranche) => Self::open_tranche(id, challenge, tranche),
			Stage::Decided(_) => Self::execute_decision(now, id, challenge),
		}
	}

	/// Draws, or checks again if the seed is late: at each window's start, when seeds are stored,
	/// and every few blocks in between. A claim without a seed at the start of the fifth window
	/// after its own is void.
	fn draw_or_wait(now: BlockNumber, id: ClaimId, mut challenge: Challenge) -> Weight {
		if let Ok(weight) = Self::do_draw(id) {
			return weight;
		}
		let window = T::Beacon::current_window();
		if window >= challenge.window.saturating_add(LAST_WINDOW) {
			return T::WeightInfo::agenda_decide(0).saturating_add(Self::void(id, challenge));
		}
		let next_window = T::Beacon::window_start(window.saturating_add(1));
		Self::enter(id, &mut challenge, now.saturating_add(SEED_RETRY).min(next_window));
		Challenges::<T>::insert(id, challenge);
		T::WeightInfo::agenda_step()
	}

	/// Ends a phase of the ballot, because everybody has answered or its time is over. A phase that
	/// crowded blocks have extended is checked again at its new end.
	fn close_phase(now: BlockNumber, id: ClaimId, challenge: Challenge) -> Weight {
		let Some(stored) = Ballots::<T>::get(id) else {
			defensive!("a challenge that is voted on has a ballot");
			return T::WeightInfo::agenda_decide(0).saturating_add(Self::void(id, challenge));
		};
		let ballot = stored.clone().at(now, Crowded::<T>::get());
		let is_answered = match ballot.phase {
			Phase::Reveal => ballot.revealed >= ballot.committed,
			Phase::Open => !ballot.awaits_opening,
			// The reveal phase begins when all have committed.
			Phase::Commit | Phase::Ask => false,
		};
		if !is_answered && now < ballot.deadline {
			Self::note_phase(id, challenge, &stored, ballot);
			return T::WeightInfo::agenda_step();
		}
		Self::count_votes(id, challenge, ballot)
	}
}
