//! What holds after every block.

use crate::{Config, Current, OffersOf, Pallet, Rate, TOLERANCE_ROUNDS};
use frame_support::ensure;
use livepeer_primitives::traits::Rounds;
use sp_runtime::TryRuntimeError;

impl<T: Config> Pallet<T> {
	/// Checks the invariants of this pallet's storage.
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
		for (of, _, offers) in OffersOf::<T>::iter() {
			ensure!(of <= round, "an offer of a round to come");
			ensure!(
				of.saturating_add(TOLERANCE_ROUNDS) >= round,
				"offers of rounds that count no longer are forgotten"
			);
			ensure!(
				offers.offered > 0 && offers.served <= offers.offered,
				"more was served than offered"
			);
		}
		Ok(())
	}
}
