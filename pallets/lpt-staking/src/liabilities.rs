//! Open liabilities of one transcoder, counted per round.
//!
//! One question matters: is a liability open of a round at or before that of an exit pool? If the
//! list is full, a further round is therefore counted under an earlier one: stake is then held back
//! longer than needed, but never released too early.

use codec::{Decode, Encode, MaxEncodedLen};
use frame_support::{traits::Get, BoundedVec, CloneNoBound, DebugNoBound, DefaultNoBound};
use livepeer_primitives::RoundIndex;
use scale_info::TypeInfo;

/// Rounds with open liabilities, ascending, each with their number.
///
/// For every round, the number counted up to it is at least the number open up to it.
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
pub struct Liabilities<Max: Get<u32>>(pub BoundedVec<(RoundIndex, u32), Max>);

impl<Max: Get<u32>> Liabilities<Max> {
	/// Counts a liability of `round`.
	pub fn open(&mut self, round: RoundIndex) {
		match self.0.binary_search_by_key(&round, |(r, _)| *r) {
			Ok(at) => self.add(at),
			Err(at) => {
				if self.0.try_insert(at, (round, 1)).is_err() {
					match at.checked_sub(1) {
						Some(earlier) => self.add(earlier),
						None => {
							if let Some((first, count)) = self.0.get_mut(0) {
								*first = round;
								*count = count.saturating_add(1);
							}
						}
					}
				}
			}
		}
	}

	/// Ends a liability of `round`, counted down at the latest listed round up to it. Returns
	/// whether there was one.
	pub fn close(&mut self, round: RoundIndex) -> bool {
		let at = match self.0.binary_search_by_key(&round, |(r, _)| *r) {
			Ok(at) => Some(at),
			Err(at) => at.checked_sub(1),
		};
		let Some(at) = at else { return false };
		let Some((_, count)) = self.0.get_mut(at) else { return false };
		*count = count.saturating_sub(1);
		if *count == 0 {
			self.0.remove(at);
		}
		true
	}

	/// Whether a liability of a round at or before `round` is open.
	pub fn holds(&self, round: RoundIndex) -> bool {
		self.0.first().is_some_and(|(first, _)| *first <= round)
	}

	fn add(&mut self, at: usize) {
		if let Some((_, count)) = self.0.get_mut(at) {
			*count = count.saturating_add(1);
		}
	}
}
