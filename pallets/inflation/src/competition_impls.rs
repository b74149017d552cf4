//! `CompetitivenessTolerance`: who serves too few of the jobs that it is offered earns nothing.

use crate::{Config, Offers, OffersOf, Pallet, TOLERANCE_ROUNDS};
use frame_support::{traits::Get, weights::Weight};
use livepeer_primitives::{
	traits::{Competition, Rounds},
	AccountId, RoundIndex,
};

impl<T: Config> Pallet<T> {
	/// The rounds that count when `round` is the newest.
	fn rounds_that_count(round: RoundIndex) -> core::ops::RangeInclusive<RoundIndex> {
		round.saturating_sub(TOLERANCE_ROUNDS - 1)..=round
	}

	/// What one transcoder was offered in the rounds that count.
	pub(crate) fn offers_so_far(transcoder: &AccountId, round: RoundIndex) -> Offers {
		Self::rounds_that_count(round)
			.map(|round| OffersOf::<T>::get(round, transcoder))
			.fold(Offers::default(), Offers::and)
	}

	/// Whether these offers were served well enough.
	pub(crate) fn is_competitive(offers: &Offers) -> bool {
		let parameters = T::Parameters::get();
		offers.are_served(parameters.competitiveness_tolerance, parameters.min_offers)
	}

	/// Forgets the offers of rounds that count no longer when `finished` is over. What is told in a
	/// round is of jobs that were offered in several: should one round's be too many for one step,
	/// the next step has the rest.
	pub(crate) fn forget_offers(finished: RoundIndex) {
		let oldest = *Self::rounds_that_count(finished.saturating_add(1)).start();
		for over in oldest.saturating_sub(2)..oldest {
			let _ = OffersOf::<T>::clear_prefix(over, T::MaxSeats::get().saturating_mul(2), None);
		}
	}
}

impl<T: Config> Competition for Pallet<T> {
	fn note_offer(transcoder: &AccountId, served: bool) {
		OffersOf::<T>::mutate(T::Rounds::current(), transcoder, |offers| {
			*offers = offers.and(Offers { offered: 1, served: served.into() });
		});
	}

	fn note_offer_weight() -> Weight {
		T::DbWeight::get().reads_writes(2, 1)
	}
}
