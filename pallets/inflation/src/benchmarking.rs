//! Benchmarks of the hooks.

use super::*;
use frame_benchmarking::v2::*;
use frame_support::traits::Get;
use livepeer_primitives::{
	traits::{Competition, OnNewRound, RewardedSeats, Rounds},
	AccountId, UNIT,
};

#[benchmarks]
mod benchmarks {
	use super::*;

	/// A full active set whose members all earn, with offers in every round that counts: these lie in
	/// two spans.
	#[benchmark]
	fn pay_round(s: Linear<1, { T::MaxSeats::get() }>) {
		for round in 0..TOLERANCE_ROUNDS.saturating_mul(2).saturating_sub(1) {
			T::Rounds::set_current(round);
			for index in 0..s {
				let who: AccountId = account("transcoder", index, 0);
				Pallet::<T>::note_offer(&who, true);
			}
		}
		for index in 0..s {
			let who: AccountId = account("transcoder", index, 0);
			T::Seats::make_seat(&who, UNIT.saturating_mul(1_000));
		}
		let (round, _, _) = T::Seats::rewarded_seats();
		let new = round.saturating_add(1);

		#[block]
		{
			Pallet::<T>::on_new_round(round, new);
		}

		assert!(Current::<T>::get().is_some_and(|mint| mint.minted > 0));
	}

	#[benchmark]
	fn begin_round() {
		T::Seats::make_seat(&account("transcoder", 0, 0), UNIT);
		let (round, _, _) = T::Seats::rewarded_seats();

		#[block]
		{
			BeginRound::<T>::on_new_round(round, round);
		}

		assert!(Current::<T>::get().is_some_and(|mint| mint.mintable > 0));
	}

	/// Offers of a span of which no round counts any more.
	#[benchmark]
	fn forget_offers(n: Linear<0, { crate::competition_impls::MOST_FORGOTTEN }>) {
		T::Rounds::set_current(0);
		for index in 0..n {
			Pallet::<T>::note_offer(&account("transcoder", index, 0), true);
		}
		T::Rounds::set_current(TOLERANCE_ROUNDS.saturating_mul(2).saturating_sub(1));

		#[block]
		{
			Pallet::<T>::forget_offers();
		}

		assert!(OffersOf::<T>::iter_keys().next().is_none());
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
