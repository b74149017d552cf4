//! The clock: one comparison per block, one write per round.

use crate::{Config, Current, Event, Pallet, WeightInfo};
use frame_support::{traits::Get, weights::Weight};
use livepeer_primitives::{
	traits::{OnNewRound, ProtocolClock, Rounds},
	BlockNumber, RoundIndex,
};

impl<T: Config> Pallet<T> {
	/// This block on the protocol's clock.
	pub(crate) fn now() -> BlockNumber {
		T::Clock::now()
	}

	/// Begins the next round when the current one is over.
	pub(crate) fn tick() -> Weight {
		let now = Self::now();
		let finished = Current::<T>::get();
		if !finished.is_over(now) {
			return T::WeightInfo::on_initialize_within_round();
		}
		let new = finished.next(now, &T::Parameters::get());
		Current::<T>::put(new);
		Self::deposit_event(Event::NewRound {
			round: new.index,
			length: new.length,
			locked_from: new.locked_from(),
		});
		T::OnNewRound::on_new_round(finished.index, new.index)
			.saturating_add(T::WeightInfo::on_initialize_new_round())
	}

	pub(crate) fn is_locked() -> bool {
		Current::<T>::get().is_locked(Self::now())
	}
}

impl<T: Config> Rounds for Pallet<T> {
	fn current() -> RoundIndex {
		Current::<T>::get().index
	}

	fn in_lock_period() -> bool {
		Self::is_locked()
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn set_current(round: RoundIndex) {
		Current::<T>::mutate(|current| current.index = round);
	}
}
