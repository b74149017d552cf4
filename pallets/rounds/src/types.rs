//! A round and what follows from it.

use codec::{Decode, Encode, MaxEncodedLen};
use livepeer_primitives::{params::RoundsParameters, BlockNumber, RoundIndex};
use scale_info::TypeInfo;

/// A round. Length and lock period are those in force when it began.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct RoundInfo {
	/// Its number.
	pub index: RoundIndex,
	/// Its first block.
	pub start: BlockNumber,
	/// Its length in blocks.
	pub length: BlockNumber,
	/// Length of the lock period at its end, in blocks.
	pub lock: BlockNumber,
}

impl RoundInfo {
	/// The round that begins at `start` under `parameters`. The lock period is rounded down, and
	/// the chain's parameters keep it below the length.
	pub fn new(index: RoundIndex, start: BlockNumber, parameters: &RoundsParameters) -> Self {
		let length = parameters.length.max(1);
		Self { index, start, length, lock: parameters.lock_amount.mul_floor(length) }
	}

	/// The first block after it.
	pub fn end(&self) -> BlockNumber {
		self.start.saturating_add(self.length)
	}

	/// The first block of its lock period.
	pub fn locked_from(&self) -> BlockNumber {
		self.end().saturating_sub(self.lock)
	}

	/// Whether it is over at block `now`.
	pub fn is_over(&self, now: BlockNumber) -> bool {
		now >= self.end()
	}

	/// Whether block `now` is in its lock period.
	pub fn is_locked(&self, now: BlockNumber) -> bool {
		now >= self.locked_from() && !self.is_over(now)
	}

	/// The round that follows at block `now`.
	pub fn next(&self, now: BlockNumber, parameters: &RoundsParameters) -> Self {
		Self::new(self.index.saturating_add(1), now, parameters)
	}
}
