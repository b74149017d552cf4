//! What stake is and what it earns.

use crate::{asset, Bonds, Config, Event, Fees, Pallet, WeightInfo};
use frame_support::weights::Weight;
use livepeer_primitives::{
	traits::{FeeSink, RewardSink, Stake},
	AccountId, Balance, RoundIndex,
};
use sp_runtime::Perbill;

impl<T: Config> Pallet<T> {
	/// Books a reward of `amount` LPT, already in the pot, to the stake of `transcoder` that counts
	/// in the round of its pool; `cut` of it is the transcoder's commission if it has own stake.
	/// Returns what was booked: nothing when no stake counts, never more than what the pot does
	/// not owe yet. What is not booked stays in the pot as surplus.
	///
	/// To reward a finished round, it must be called before anything else touches the pool in the
	/// new one, with `round` the finished one.
	pub fn reward(
		transcoder: &AccountId,
		round: RoundIndex,
		amount: Balance,
		cut: Perbill,
	) -> Balance {
		let Some(mut folded) = Self::pool_at(transcoder, round) else { return 0 };
		let booked = folded.pool.reward(amount.min(asset::unowed_stake::<T>()), cut);
		asset::owe_stake::<T>(booked);
		Self::put_pool(folded);
		if booked > 0 {
			Self::deposit_event(Event::Rewarded {
				transcoder: transcoder.clone(),
				amount: booked,
				cut,
			});
		}
		booked
	}
}

impl<T: Config> RewardSink for Pallet<T> {
	fn mint_reward(
		transcoder: &AccountId,
		round: RoundIndex,
		amount: Balance,
		cut: Perbill,
	) -> Balance {
		let earns = Self::pool_at(transcoder, round).is_some_and(|folded| folded.pool.earns());
		if amount == 0 || !earns || asset::mint_stake::<T>(amount).is_err() {
			return 0;
		}
		Self::reward(transcoder, round, amount, cut)
	}

	fn mint_reward_weight() -> Weight {
		// What `reward` takes, and the account of the pot.
		T::WeightInfo::reward().saturating_add(T::WeightInfo::reward())
	}
}

impl<T: Config> Stake for Pallet<T> {
	fn active_stake(transcoder: &AccountId) -> Balance {
		Self::pool(transcoder).map_or(0, |folded| folded.pool.active)
	}

	fn next_stake(transcoder: &AccountId) -> Balance {
		Self::pool(transcoder).map_or(0, |folded| folded.pool.total)
	}

	fn self_bond(transcoder: &AccountId) -> Balance {
		Self::position(transcoder)
			.filter(|position| position.own)
			.map_or(0, |position| position.value())
	}

	fn delegate_of(who: &AccountId) -> Option<AccountId> {
		Bonds::<T>::get(who).map(|bond| bond.pool.transcoder)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn make_stake(transcoder: &AccountId, amount: Balance) {
		use frame_support::traits::fungible::{Inspect, Mutate};
		let funds = amount.saturating_add(T::Currency::minimum_balance());
		T::Currency::mint_into(transcoder, funds).expect("LPT can be minted");
		Self::bond_at_once(transcoder, transcoder, amount).expect("bonded to nobody else");
	}
}

impl<T: Config> FeeSink for Pallet<T> {
	fn pot() -> AccountId {
		asset::pot::<T>()
	}

	fn deposit_fee(transcoder: &AccountId, fee: Balance, fee_share: Perbill) {
		let fee = fee.min(asset::unowed_fees::<T>());
		if fee == 0 {
			return;
		}
		let mut to_transcoder = fee;
		if let Some(mut folded) = Self::pool(transcoder) {
			to_transcoder = folded.pool.deposit_fee(fee, fee_share).transcoder;
			Self::put_pool(folded);
		}
		asset::owe_fees::<T>(fee);
		if to_transcoder > 0 {
			Fees::<T>::mutate(transcoder, |owed| *owed = owed.saturating_add(to_transcoder));
		}
		Self::deposit_event(Event::FeeBooked {
			transcoder: transcoder.clone(),
			to_transcoder,
			to_delegators: fee.saturating_sub(to_transcoder),
		});
	}
}
