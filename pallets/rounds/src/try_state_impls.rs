//! What holds after every block.

use crate::*;
use frame_support::ensure;

impl<T: Config> Pallet<T> {
	/// Checks the pallet's invariants.
	pub fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
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
