//! What a round can mint: fixed when it begins, with the active set that was elected for it.

use crate::{maths, Config, Current, Event, Pallet, Rate, RoundMint, WeightInfo};
use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};
use livepeer_primitives::{
	traits::{OnNewRound, RewardedSeats, Supply},
	Balance, RoundIndex,
};
use sp_runtime::Perbill;

/// Is told of a new round after the election; the pallet itself is told before it.
pub struct BeginRound<T>(PhantomData<T>);

impl<T: Config> OnNewRound for BeginRound<T> {
	fn on_new_round(_finished: RoundIndex, new: RoundIndex) -> Weight {
		let (round, stake, _) = T::Seats::rewarded_seats();
		if round == new {
			let before = Current::<T>::get();
			let cut = before.map_or_else(Pallet::<T>::pool_cut, |mint| mint.next_pool_cut);
			Current::<T>::put(Pallet::<T>::begin(new, stake, cut));
		}
		T::WeightInfo::begin_round()
	}
}

impl<T: Config> Pallet<T> {
	/// The rate in force.
	pub(crate) fn rate() -> Perbill {
		Rate::<T>::get().unwrap_or_else(|| T::Parameters::get().initial_rate)
	}

	/// The common pool's share, by its current balance.
	pub(crate) fn pool_cut() -> Perbill {
		let parameters = T::Parameters::get();
		if Self::in_pool() >= parameters.pool_ceiling {
			Perbill::zero()
		} else {
			parameters.pool_cut
		}
	}

	/// What a round in which `stake` is active can mint.
	pub(crate) fn round_mint(round: RoundIndex, stake: Balance, pool_cut: Perbill) -> RoundMint {
		let parameters = T::Parameters::get();
		let supply = T::Supply::total();
		let rate = maths::next_rate(
			Self::rate(),
			parameters.rate_change,
			stake,
			supply,
			parameters.participation_rate,
		);
		RoundMint {
			round,
			supply,
			stake,
			rate,
			mintable: maths::share_of(supply, rate),
			pool_cut,
			minted: 0,
			next_pool_cut: pool_cut,
		}
	}

	/// Begins a round in which `stake` is active, and changes the rate.
	pub(crate) fn begin(round: RoundIndex, stake: Balance, pool_cut: Perbill) -> RoundMint {
		let mint = Self::round_mint(round, stake, pool_cut);
		Rate::<T>::put(mint.rate);
		let target = T::Parameters::get().participation_rate;
		Self::deposit_event(Event::RateSet {
			round,
			rate: mint.rate,
			mintable: mint.mintable,
			is_below_target: maths::bonding(stake, mint.supply, target).is_lt(),
		});
		mint
	}
}
