//! What applications read.

use crate::{maths, Config, Current, Pallet};
use frame_support::traits::Get;
use livepeer_primitives::{
	api::InflationView,
	traits::{RewardedSeats, Rounds, Supply},
};

impl<T: Config> Pallet<T> {
	pub(crate) fn view() -> InflationView {
		let round = T::Rounds::current();
		let (_, stake, _) = T::Seats::rewarded_seats();
		let now = Current::<T>::get()
			.filter(|mint| mint.round == round)
			.unwrap_or_else(|| Self::round_mint(round, stake, Self::pool_cut()));
		let parameters = T::Parameters::get();
		// With what is minted for this round at most, and the stake that is active now.
		let supply = T::Supply::total().saturating_add(now.mintable);
		let next_rate = maths::next_rate(
			now.rate,
			parameters.rate_change,
			now.stake,
			supply,
			parameters.participation_rate,
		);
		InflationView {
			round,
			supply: now.supply,
			stake: now.stake,
			rate: now.rate,
			mintable: now.mintable,
			pool_cut: now.pool_cut,
			next_rate,
			next_mintable: maths::share_of(supply, next_rate),
		}
	}
}
