//! Stake and its earnings.

use crate::{asset, position_impls::Folded, Bonds, Config, Event, Fees, Pallet};
use frame_support::{traits::Get, weights::Weight};
use livepeer_primitives::{
	traits::{FeeSink, RewardSink, Stake},
	AccountId, Balance, RoundIndex,
};
use sp_runtime::Perbill;

impl<T: Config> Pallet<T> {
	/// Books a reward of `amount` LPT, already in the pot, to the stake of `transcoder` that counts
	/// in the round of its pool. `cut` of it is the transcoder's commission, if the transcoder has
	/// own stake. Returns what was booked: nothing if no stake counts, and never more than what the
	/// pot does not owe yet. The rest stays in the pot as surplus.
	///
	/// To reward a finished round, this must be called with `round` the finished one, before
	/// anything else touches the pool in the new round.
	pub fn reward(
		transcoder: &AccountId,
		round: RoundIndex,
		amount: Balance,
		cut: Perbill,
	) -> Balance {
		let Some(folded) = Self::pool_at(transcoder, round) else { return 0 };
		Self::book(transcoder, folded, amount, cut)
	}

	/// Books a reward to a pool of `transcoder`.
	fn book(transcoder: &AccountId, mut folded: Folded, amount: Balance, cut: Perbill) -> Balance {
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
		let pool = Self::pool_at(transcoder, round).filter(|folded| folded.pool.earns());
		let Some(folded) = pool else { return 0 };
		if amount == 0 || asset::mint_stake::<T>(amount).is_err() {
			return 0;
		}
		Self::book(transcoder, folded, amount, cut)
	}

	fn more_reward_weight() -> Weight {
		// The checkpoint of a round in which stake joined, and a later generation with its number.
		Weight::from_parts(15_000_000, 0).saturating_add(T::DbWeight::get().reads_writes(2, 1))
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

	fn own_and_active(transcoder: &AccountId) -> (Balance, Balance) {
		let bond = Bonds::<T>::get(transcoder).filter(|bond| bond.pool.transcoder == *transcoder);
		let own = bond.and_then(|bond| {
			let folded = Self::folded(bond.pool.clone(), Self::round())?;
			Some((bond, folded))
		});
		let Some((bond, folded)) = own else { return (0, Self::active_stake(transcoder)) };
		// Usually its own bond is in the pool that takes stake, which is then not read twice.
		let active = if folded.id.generation == 0 && !folded.pool.is_wiped() {
			folded.pool.active
		} else {
			Self::active_stake(transcoder)
		};
		(Self::settled(transcoder, bond, folded).value(), active)
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
