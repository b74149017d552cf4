//! The invariants that hold after every block.

use crate::*;
use frame_support::ensure;
use sp_runtime::TryRuntimeError;

impl<T: Config> Pallet<T> {
	/// Checks every invariant of the crate's documentation.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		let round = Current::<T>::get();
		let now = Self::now();
		ensure!(
			round.start <= now && !round.is_over(now),
			"the block at work is not in the current round"
		);
		ensure!(round.lock < round.length, "the lock period is not shorter than the round");
		Ok(())
	}
}
