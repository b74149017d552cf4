//! Stored seeds: which one answers for a window, how long it is kept, and the contract with other
//! pallets.

use crate::*;
use frame_support::{defensive, traits::Get};
use livepeer_primitives::{
	traits::{Beacon, Seed},
	BlockNumber, Hash, WindowIndex,
};

impl<T: Config> Pallet<T> {
	/// The seed that answers for `window`, and the window under which it is stored.
	///
	/// It is the first one stored at or after `window`. If that one does not reach back to
	/// `window`, the right one has been removed.
	pub(crate) fn answer(window: WindowIndex) -> Option<(WindowIndex, StoredSeed)> {
		(0..MAX_INVALID_WINDOWS)
			.filter_map(|later| window.checked_add(later))
			.find_map(|at| Seeds::<T>::get(at).map(|stored| (at, stored)))
			.filter(|(_, stored)| stored.first <= window)
	}

	/// Whether a seed stored at `window` is kept even if nobody retains it.
	pub(crate) fn is_recent(window: WindowIndex) -> bool {
		window.saturating_add(T::RecentWindows::get()) >= Self::window_of(Self::now())
	}

	/// Removes the seed stored at `window` unless one of its windows is retained.
	pub(crate) fn prune(window: WindowIndex, stored: &StoredSeed) {
		let retained = (stored.first..=window).any(Retained::<T>::contains_key);
		if !retained {
			Seeds::<T>::remove(window);
		}
	}
}

impl<T: Config> Beacon for Pallet<T> {
	fn current_window() -> WindowIndex {
		Self::window_of(Self::now())
	}

	fn window_start(window: WindowIndex) -> BlockNumber {
		window.saturating_mul(Self::window_length())
	}

	fn seed(window: WindowIndex) -> Option<Seed> {
		Self::answer(window).map(|(_, stored)| stored.seed)
	}

	fn retain(window: WindowIndex) {
		Retained::<T>::mutate(window, |count| *count = count.saturating_add(1));
	}

	fn release(window: WindowIndex) {
		match Retained::<T>::get(window).checked_sub(1) {
			None => {
				defensive!("released a window that is not retained");
			}
			Some(0) => {
				Retained::<T>::remove(window);
				if let Some((at, stored)) = Self::answer(window) {
					if !Self::is_recent(at) {
						Self::prune(at, &stored);
					}
				}
			}
			Some(left) => Retained::<T>::insert(window, left),
		}
	}

	fn accumulator() -> Hash {
		Accumulator::<T>::get()
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn make_seed(window: WindowIndex, seed: Seed) {
		Seeds::<T>::insert(window, StoredSeed { first: window, seed });
	}
}
