//! Stored seeds: who answers for a window, how long, and the contract with other pallets.

use crate::*;
use frame_support::{defensive, traits::Get};
use livepeer_primitives::{
	traits::{Beacon, Seed},
	BlockNumber, Hash, WindowIndex,
};

impl<T: Config> Pallet<T> {
	/// The seed that answers for `window`, and the window under which it is stored.
	///
	/// It is the first one stored at or after it. Where that one does not reach back to `window`,
	/// the right one has been removed.
	pub(crate) fn answer(window: WindowIndex) -> Option<(WindowIndex, StoredSeed)> {
		(0..MAX_INVALID_WINDOWS)
			.filter_map(|later| window.checked_add(later))
			.find_map(|at| Seeds::<T>::get(at).map(|stored| (at, stored)))
			.filter(|(_, stored)| stored.first <= window)
	}

	/// Whether a seed stored at `window` is kept though nobody retains it.
	fn is_recent(window: WindowIndex) -> bool {
		window.saturating_add(T::RecentWindows::get()) >= Self::window_of(Self::now())
	}

	/// Removes the seed stored at `window` unless one of its windows is retained.
	pub(crate) fn prune(window: WindowIndex, stored: &StoredSeed) {
		let retained = (stored.first..=window).any(Retained::<T>::contains_key);
		if !retained {
			Seeds::<T>::remove(window);
		}
	}

	/// Checks the pallet's invariants.
	#[cfg(any(test, feature = "try-runtime"))]
	pub fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
		use frame_support::ensure;

		let current = Self::window_of(Self::now());
		let invalid = InvalidWindows::<T>::get();
		ensure!(invalid < MAX_INVALID_WINDOWS, "too many windows wait for a seed");
		for (window, stored) in Seeds::<T>::iter() {
			ensure!(window < current, "a seed of a window that has not ended");
			ensure!(
				stored.first <= window && window - stored.first < MAX_INVALID_WINDOWS,
				"a seed answers for windows that are not its own"
			);
			let mut waited = stored.first..window;
			ensure!(!waited.any(Seeds::<T>::contains_key), "two seeds answer for the same window");
			ensure!(
				Self::is_recent(window) || (stored.first..=window).any(Retained::<T>::contains_key),
				"a seed is kept that nobody needs"
			);
		}
		ensure!(
			Retained::<T>::iter_values().all(|count| count > 0),
			"a window is retained zero times"
		);
		let waiting_from = current.saturating_sub(invalid);
		let recent_from = current.saturating_sub(T::RecentWindows::get());
		ensure!(
			(recent_from..waiting_from).all(|window| Self::answer(window).is_some()),
			"a recent window has no seed"
		);
		Ok(())
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
