//! `CompetitivenessTolerance`: a transcoder that serves too few of its offers earns nothing.

use crate::{Config, Offers, OffersOf, OldestSpan, Pallet, WeightInfo, TOLERANCE_ROUNDS};
use frame_support::{traits::Get, weights::Weight};
use livepeer_primitives::{
	traits::{Competition, Rounds},
	AccountId, RoundIndex,
};

/// The most entries of offers that a block deletes. If the active set changes completely in each
/// round, a span leaves those of seven full sets. 28 blocks delete as many, which is less than a
/// round of the shortest preset.
pub(crate) const MOST_FORGOTTEN: u32 = 65;

impl<T: Config> Pallet<T> {
	/// The span of a round, and the round's place in it.
	pub(crate) fn place(round: RoundIndex) -> (RoundIndex, usize) {
		(round / TOLERANCE_ROUNDS, (round % TOLERANCE_ROUNDS) as usize)
	}

	/// The rounds that count when `round` is the newest.
	fn rounds_that_count(round: RoundIndex) -> core::ops::RangeInclusive<RoundIndex> {
		round.saturating_sub(TOLERANCE_ROUNDS - 1)..=round
	}

	/// One transcoder's offers in the rounds that count.
	pub(crate) fn offers_so_far(transcoder: &AccountId, round: RoundIndex) -> Offers {
		let counts = Self::rounds_that_count(round);
		let (last, _) = Self::place(round);
		(Self::first_span(round)..=last)
			.flat_map(|span| {
				let begins = span.saturating_mul(TOLERANCE_ROUNDS);
				OffersOf::<T>::get(span, transcoder)
					.into_iter()
					.zip(0..TOLERANCE_ROUNDS)
					.map(move |(offers, place)| (begins.saturating_add(place), offers))
			})
			.filter(|(of, _)| counts.contains(of))
			.map(|(_, offers)| offers)
			.fold(Offers::default(), Offers::and)
	}

	/// Whether these offers were served well enough.
	pub(crate) fn is_competitive(offers: &Offers) -> bool {
		let parameters = T::Parameters::get();
		offers.are_served(parameters.competitiveness_tolerance, parameters.min_offers)
	}

	/// The first span with a round that counts, if `round` is the newest.
	pub(crate) fn first_span(round: RoundIndex) -> RoundIndex {
		let (first, _) = Self::place(*Self::rounds_that_count(round).start());
		first
	}

	/// Deletes offers of the oldest span, if none of its rounds counts any more: a bounded number
	/// in each block. The next block deletes the rest.
	pub(crate) fn forget_offers() -> Weight {
		let oldest = OldestSpan::<T>::get();
		if oldest >= Self::first_span(T::Rounds::current()) {
			return T::DbWeight::get().reads(2);
		}
		let forgotten = OffersOf::<T>::clear_prefix(oldest, MOST_FORGOTTEN, None);
		if forgotten.maybe_cursor.is_none() {
			OldestSpan::<T>::put(oldest.saturating_add(1));
		}
		T::WeightInfo::forget_offers(forgotten.loops)
	}
}

impl<T: Config> Competition for Pallet<T> {
	fn note_offer(transcoder: &AccountId, served: bool) {
		let (span, place) = Self::place(T::Rounds::current());
		OffersOf::<T>::mutate(span, transcoder, |rounds| {
			if let Some(offers) = rounds.get_mut(place) {
				*offers = offers.and(Offers { offered: 1, served: served.into() });
			}
		});
	}

	fn note_offer_weight() -> Weight {
		T::DbWeight::get().reads_writes(2, 1)
	}
}
