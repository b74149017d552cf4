//! The invariants that hold after every block.

use crate::*;
use frame_support::{ensure, traits::Get};
use sp_runtime::TryRuntimeError;

impl<T: Config> Pallet<T> {
	/// Checks every invariant of the crate's documentation.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
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
		let jailed = JailedAtStart::<T>::get();
		ensure!(
			jailed.windows(2).all(|pair| pair[0] < pair[1]),
			"who was jailed when the window began is listed in ascending order"
		);
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
