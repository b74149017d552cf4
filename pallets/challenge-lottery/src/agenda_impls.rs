//! The agenda: the block in which each challenge moves on by itself, so that every claim comes to
//! an end whatever anyone does.
//!
//! Its words are not those of the agenda of jobs: `AgendaBudget` may be exceeded by the last step,
//! which is always taken whole, while jobs' `AgendaWeight` is a limit; `Overdue` is the block to go
//! on with, as `Backlog` is there.

use frame_support::{defensive, traits::Get, weights::Weight};
use livepeer_primitives::{traits::Beacon, verdict::Phase, BlockNumber, ClaimId};

use crate::{
	types::{Challenge, Stage, LAST_WINDOW, SEED_RETRY},
	Agenda, Ballots, Challenges, Config, Overdue, Pallet, WeightInfo,
};

impl<T: Config> Pallet<T> {
	/// Replaces the challenge's entry by one at `at`, or at the next block if that has passed.
	pub(crate) fn enter(id: ClaimId, challenge: &mut Challenge, at: BlockNumber) {
		Agenda::<T>::remove(challenge.due, id);
		challenge.due = at.max(Self::now().saturating_add(1));
		Agenda::<T>::insert(challenge.due, id, ());
	}

	/// Takes what is due up to `now`, until the budget of a block is used; what is left is taken
	/// first in the next block. At least one entry is taken, so nothing waits for ever.
	pub(crate) fn run_agenda(now: BlockNumber) -> Weight {
		let budget = T::AgendaBudget::get();
		let overdue = Overdue::<T>::get();
		let mut used = T::WeightInfo::agenda_idle();
		let mut block = overdue.unwrap_or(now);
		let mut taken = 0u32;
		while block <= now {
			while let Some(id) = Agenda::<T>::iter_key_prefix(block).next() {
				if taken > 0 && used.any_gte(budget) {
					Overdue::<T>::put(block);
					return used;
				}
				Agenda::<T>::remove(block, id);
				used = used.saturating_add(Self::step(now, id));
				taken = taken.saturating_add(1);
			}
			used = used.saturating_add(T::DbWeight::get().reads(1));
			block = block.saturating_add(1);
		}
		if overdue.is_some() {
			Overdue::<T>::kill();
		}
		used
	}

	/// Moves one challenge on; its entry has been taken from the agenda.
	fn step(now: BlockNumber, id: ClaimId) -> Weight {
		let Some(challenge) = Challenges::<T>::get(id) else {
			defensive!("an agenda entry has a challenge");
			return T::DbWeight::get().reads(1);
		};
		match challenge.stage {
			Stage::AwaitingSeed => Self::draw_or_wait(now, id, challenge),
			Stage::LeafReveal { .. } => {
				Self::missed(id, challenge, Default::default());
				T::WeightInfo::agenda_decide(0)
			}
			Stage::Voting => Self::close_phase(id, challenge),
			Stage::AwaitingDispute => Self::open_dispute(id, challenge),
			Stage::Decided(_) => Self::execute_decision(now, id, challenge),
		}
	}

	/// Draws, or looks again when the seed is late: at each window's start, at which seeds are
	/// stored, and every few blocks between. A claim without a seed at the start of the fifth
	/// window after its own is void.
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

	/// Ends a phase of the ballot: everybody has answered, or its time is over.
	fn close_phase(id: ClaimId, challenge: Challenge) -> Weight {
		let Some(ballot) = Ballots::<T>::get(id) else {
			defensive!("a challenge that is voted on has a ballot");
			return T::WeightInfo::agenda_decide(0).saturating_add(Self::void(id, challenge));
		};
		if ballot.phase == Phase::Commit && ballot.committed > 0 {
			Self::open_reveal(id, challenge, ballot);
			return T::WeightInfo::agenda_step();
		}
		Self::count_votes(id, challenge, ballot)
	}
}
