//! Generations of the pool of one transcoder.
//!
//! A slash that takes everything ends a generation; the next one takes stake from the following
//! round on. In any round only one generation therefore has stake that can leave, and a slash finds
//! the exit pool of a round without a search.

use codec::{Decode, Encode, MaxEncodedLen};
use frame_support::{traits::Get, BoundedVec, CloneNoBound, DebugNoBound, DefaultNoBound};
use livepeer_primitives::RoundIndex;
use scale_info::TypeInfo;

/// The number of a pool's generation.
pub type Generation = u32;

/// The data of a transcoder that is beyond its first generation. `Max` is the number of rounds that
/// a slash looks back.
#[derive(
	CloneNoBound,
	DebugNoBound,
	DefaultNoBound,
	PartialEq,
	Eq,
	Encode,
	Decode,
	MaxEncodedLen,
	TypeInfo,
)]
#[scale_info(skip_type_params(Max))]
pub struct Generations<Max: Get<u32>> {
	/// The generation that takes stake.
	pub current: Generation,
	/// The rounds from which the newest generations take stake, ascending; the last is the current
	/// one's.
	pub since: BoundedVec<RoundIndex, Max>,
	/// How many entries name a generation: pools, and exit pools of generations after the first.
	/// Without any, numbers begin anew.
	pub refs: u32,
}

impl<Max: Get<u32>> Generations<Max> {
	/// Begins the next generation, which takes stake from `round` on.
	pub fn begin(&mut self, round: RoundIndex) {
		self.current = self.current.saturating_add(1);
		if self.since.is_full() {
			// It began before every round that a slash still reaches.
			self.since.remove(0);
		}
		// There is room for one.
		let _ = self.since.try_push(round);
	}

	/// Whether the current generation takes stake in `round`.
	pub fn takes_stake(&self, round: RoundIndex) -> bool {
		self.since.last().is_none_or(|since| *since <= round)
	}

	/// The generation whose stake can leave in `round`.
	pub fn of_round(&self, round: RoundIndex) -> Generation {
		let later = self.since.iter().filter(|since| **since > round).count();
		self.current.saturating_sub(later as Generation)
	}
}
