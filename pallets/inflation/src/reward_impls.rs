//! Pays the active set of a round that is over.

use crate::{maths, Config, Current, Event, Pallet, RoundMint, WeightInfo};
use alloc::vec::Vec;
use frame_support::{
	traits::{
		fungible::{Inspect, Mutate},
		Get,
	},
	weights::Weight,
};
use livepeer_primitives::{
	traits::{OnNewRound, RewardSink, RewardedSeat, RewardedSeats},
	Balance, RoundIndex,
};

const LOG_TARGET: &str = "runtime::inflation";

impl<T: Config> OnNewRound for Pallet<T> {
	fn on_new_round(finished: RoundIndex, _new: RoundIndex) -> Weight {
		let (round, stake, seats) = T::Seats::rewarded_seats();
		let paid = seats.len() as u32;
		if round == finished {
			Self::pay(finished, stake, seats);
		}
		Self::weight_of_reward(paid)
	}
}

impl<T: Config> Pallet<T> {
	/// The most weight that paying this many seats takes.
	pub(crate) fn weight_of_reward(seats: u32) -> Weight {
		T::WeightInfo::pay_round(seats)
			.saturating_add(T::Rewards::more_reward_weight().saturating_mul(seats.into()))
	}

	/// LPT in the common pool.
	pub(crate) fn in_pool() -> Balance {
		T::Currency::balance(&T::CommonPool::get())
	}

	/// Pays each seat that did its duty its share of what the round can mint. The shares come from
	/// one snapshot, so their sum never exceeds it. What is not earned is never minted.
	fn pay(round: RoundIndex, stake: Balance, seats: Vec<RewardedSeat>) {
		let mut mint = Current::<T>::get()
			.filter(|mint| mint.round == round)
			.unwrap_or_else(|| Self::begin(round, stake, Self::pool_cut()));
		// As with Livepeer's treasury: if it is full before a reward, that reward still pays it.
		mint.next_pool_cut = Self::pool_cut();
		let (mut to_pool, mut transcoders) = (0 as Balance, 0u32);
		for seat in seats {
			let served = Self::is_competitive(&Self::offers_so_far(&seat.transcoder, round));
			if !seat.earns || !served {
				Self::deposit_event(Event::RewardForfeited {
					transcoder: seat.transcoder,
					round,
					uncompetitive: !served,
				});
				continue;
			}
			if let Some(part) = Self::pay_seat(&mut mint, &seat) {
				to_pool = to_pool.saturating_add(part);
				transcoders = transcoders.saturating_add(1);
			}
		}
		if to_pool > 0 {
			match T::Currency::mint_into(&T::CommonPool::get(), to_pool) {
				Ok(_) => mint.minted = mint.minted.saturating_add(to_pool),
				Err(error) => {
					log::error!(target: LOG_TARGET, "the common pool takes no LPT: {error:?}");
					to_pool = 0;
				}
			}
		}
		Current::<T>::put(mint);
		Self::deposit_event(Event::RoundPaid { round, minted: mint.minted, to_pool, transcoders });
	}

	/// Pays one seat, and returns the common pool's part of its share; `None` if none of its stake
	/// counts any more.
	fn pay_seat(mint: &mut RoundMint, seat: &RewardedSeat) -> Option<Balance> {
		let share = maths::perc_of(mint.mintable, seat.stake, mint.stake)
			.min(mint.mintable.saturating_sub(mint.minted));
		let part = maths::share_of(share, mint.pool_cut);
		let reward = share.saturating_sub(part);
		let minted = T::Rewards::mint_reward(&seat.transcoder, mint.round, reward, seat.reward_cut);
		mint.minted = mint.minted.saturating_add(minted);
		(minted > 0).then_some(part)
	}
}
