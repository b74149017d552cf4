//! The invariants that hold after every block.

use crate::{Config, Current, OffersOf, OldestSpan, Pallet, Rate, TOLERANCE_ROUNDS};
use frame_support::ensure;
use livepeer_primitives::traits::Rounds;
use sp_runtime::TryRuntimeError;

impl<T: Config> Pallet<T> {
	/// Checks every invariant of the crate's documentation.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		let round = T::Rounds::current();
		if let Some(mint) = Current::<T>::get() {
			ensure!(mint.round <= round, "a round to come has been paid");
			ensure!(mint.minted <= mint.mintable, "more was minted than the round could");
			ensure!(
				Rate::<T>::get() == Some(mint.rate),
				"the rate is not that of the newest round"
			);
		}
		let oldest = OldestSpan::<T>::get();
		let first = Self::first_span(round);
		ensure!(oldest <= first, "a span that counts is forgotten");
		for (span, _, rounds) in OffersOf::<T>::iter() {
			ensure!(span >= oldest, "offers of a span that is forgotten");
			// There are seven rounds to delete it.
			ensure!(span.saturating_add(1) >= first, "offers that count no longer are left behind");
			let begins = span.saturating_mul(TOLERANCE_ROUNDS);
			for (offers, place) in rounds.iter().zip(0..TOLERANCE_ROUNDS) {
				let is_over = begins.saturating_add(place) <= round;
				ensure!(is_over || offers.offered == 0, "an offer of a round to come");
				ensure!(offers.served <= offers.offered, "more was served than offered");
			}
			ensure!(rounds.iter().any(|offers| offers.offered > 0), "offers of nothing are stored");
		}
		Ok(())
	}
}
