//! The reads for applications.

use crate::{maths, Config, Current, Pallet, RoundMint};
use frame_support::traits::Get;
use livepeer_primitives::{
	api::{InflationView, YieldView},
	traits::{RewardedSeats, Rounds, Supply},
	AccountId, Balance, RoundIndex, UNIT,
};

impl<T: Config> Pallet<T> {
	/// What the running round can mint if `stake` is active in it.
	fn mint_of(round: RoundIndex, stake: Balance) -> RoundMint {
		Current::<T>::get()
			.filter(|mint| mint.round == round)
			.unwrap_or_else(|| Self::round_mint(round, stake, Self::pool_cut()))
	}

	/// What a transcoder's seat earns in this round.
	pub(crate) fn view_yield(transcoder: &AccountId) -> YieldView {
		let round = T::Rounds::current();
		let (_, active, seats) = T::Seats::rewarded_seats();
		let offers = Self::offers_so_far(transcoder, round);
		let mut view = YieldView {
			round,
			stake: 0,
			reward: 0,
			per_lpt: 0,
			earns: false,
			offered: offers.offered,
			served: offers.served,
			competitive: Self::is_competitive(&offers),
		};
		if let Some(seat) = seats.into_iter().find(|seat| seat.transcoder == *transcoder) {
			let mint = Self::mint_of(round, active);
			let share = maths::perc_of(mint.mintable, seat.stake, mint.stake);
			view.stake = seat.stake;
			view.reward = share.saturating_sub(maths::share_of(share, mint.pool_cut));
			let cut = maths::share_of(view.reward, seat.reward_cut);
			view.per_lpt = maths::part_of(view.reward.saturating_sub(cut), UNIT, seat.stake);
			view.earns = seat.earns;
		}
		view
	}

	/// What this round can mint, and what the next one could.
	pub(crate) fn view_inflation() -> InflationView {
		let round = T::Rounds::current();
		let (_, stake, _) = T::Seats::rewarded_seats();
		let now = Self::mint_of(round, stake);
		let parameters = T::Parameters::get();
		// With the most that this round can mint, and the stake that is active now.
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
