//! The invariants that hold after every block.

use crate::{Checkpoint, Config, CurrentCommittee, Finalized, Followed, NextCommittee, Pallet};
use frame_support::ensure;
use sp_runtime::TryRuntimeError;

impl<T: Config> Pallet<T> {
	/// Checks every invariant of the crate's documentation.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		let blocks = Finalized::<T>::get();
		let ascending = blocks.windows(2).all(|pair| match pair {
			[before, after] => before.slot < after.slot,
			_ => true,
		});
		ensure!(ascending, "finalised blocks ascend");
		ensure!(
			CurrentCommittee::<T>::exists() != blocks.is_empty(),
			"there is a committee if and only if a block is final"
		);
		ensure!(
			!NextCommittee::<T>::exists() || CurrentCommittee::<T>::exists(),
			"there is a next committee only with one before it"
		);
		ensure!(
			!Checkpoint::<T>::exists() || blocks.is_empty(),
			"a client that has started waits for no checkpoint"
		);
		match Followed::<T>::get() {
			Some(network) => ensure!(network.is_valid(), "the network is valid"),
			None => ensure!(blocks.is_empty(), "nothing is final of no network"),
		}
		Ok(())
	}
}
