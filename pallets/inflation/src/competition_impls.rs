//! `CompetitivenessTolerance`: who serves too few of the jobs that it is offered earns nothing.

use crate::{Config, Offers, OffersOf, Pallet, TOLERANCE_ROUNDS};
use alloc::collections::BTreeMap;
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

	/// What each transcoder was offered in the rounds that count.
	pub(crate) fn offers_in_force(round: RoundIndex) -> BTreeMap<AccountId, Offers> {
		let mut all = BTreeMap::<AccountId, Offers>::new();
		for round in Self::rounds_that_count(round) {
			for (transcoder, offers) in OffersOf::<T>::iter_prefix(round) {
				let sum = all.entry(transcoder).or_default();
				*sum = sum.and(offers);
			}
		}
		all
	}

	/// What one transcoder was offered in the rounds that count.
	pub(crate) fn offers_so_far(transcoder: &AccountId, round: RoundIndex) -> Offers {
		Self::rounds_that_count(round)
			.map(|round| OffersOf::<T>::get(round, transcoder))
			.fold(Offers::default(), Offers::and)
	}

	/// Whether these offers were served well enough.
	pub(crate) fn is_competitive(offers: Option<&Offers>) -> bool {
		let parameters = T::Parameters::get();
		offers.is_none_or(|offers| {
			offers.are_served(parameters.competitiveness_tolerance, parameters.min_offers)
		})
	}

	/// Forgets the offers of the round that counts no longer when `finished` is over.
	pub(crate) fn forget_offers(finished: RoundIndex) {
		let oldest = *Self::rounds_that_count(finished.saturating_add(1)).start();
		if let Some(over) = oldest.checked_sub(1) {
			// Only members of one active set are offered jobs in a round.
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
