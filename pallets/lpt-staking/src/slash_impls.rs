//! Slashes and open liabilities.

use crate::{asset, Config, Event, ExitPools, Liabilities, Pallet, WeightInfo};
use frame_support::{defensive, traits::Get, weights::Weight};
use livepeer_primitives::{
	traits::{Liability, Rounds, Slash, Slashed},
	AccountId, Balance, RoundIndex,
};
use sp_runtime::Perbill;

impl<T: Config> Slash for Pallet<T> {
	fn slash(
		transcoder: &AccountId,
		offence: RoundIndex,
		fraction: Perbill,
		finders: &[AccountId],
	) -> Slashed {
		let mut cut: Balance = 0;
		if let Some(mut folded) = Self::pool(transcoder) {
			cut = folded.pool.slash(fraction);
			Self::put_pool(transcoder, folded);
		}
		let now = T::Rounds::current();
		let reach = T::MaxSlashedRounds::get().saturating_sub(1);
		for round in offence.max(now.saturating_sub(reach))..=now {
			if let Some(mut exit) = ExitPools::<T>::get(transcoder, round) {
				cut = cut.saturating_add(exit.slash(fraction));
				ExitPools::<T>::insert(transcoder, round, exit);
			}
		}
		let slashed = asset::forfeit::<T>(cut, finders, &T::Parameters::get());
		Self::deposit_event(Event::Slashed {
			transcoder: transcoder.clone(),
			offence,
			fraction,
			total: slashed.total,
			finders_fee: slashed.finders_fee,
			common_pool: slashed.common_pool,
		});
		slashed
	}

	fn slash_weight(offence: RoundIndex, finders: u32) -> Weight {
		let rounds = T::Rounds::current().saturating_sub(offence).saturating_add(1);
		T::WeightInfo::slash(rounds.min(T::MaxSlashedRounds::get()), finders)
	}
}

impl<T: Config> Liability for Pallet<T> {
	fn open(transcoder: &AccountId, round: RoundIndex) {
		Liabilities::<T>::mutate(transcoder, |open| open.open(round));
	}

	fn close(transcoder: &AccountId, round: RoundIndex) {
		Liabilities::<T>::mutate_exists(transcoder, |entry| {
			let mut open = entry.take().unwrap_or_default();
			if !open.close(round) {
				defensive!("a liability was closed that was not open");
			}
			*entry = (!open.0.is_empty()).then_some(open);
		});
	}
}
