//! Slashes and open liabilities.

use crate::{
	asset, maths, types::PoolId, Config, Event, ExitPool, ExitPools, Generations, Liabilities,
	Locks, Pallet, WeightInfo,
};
use frame_support::{defensive, traits::Get, weights::Weight};
use livepeer_primitives::{
	traits::{Liability, Slash, Slashed, Stake},
	AccountId, Balance, RoundIndex,
};
use sp_runtime::Perbill;

/// What a slash took.
#[derive(Default)]
struct Taken {
	/// The total.
	total: Balance,
	/// The part that was the offender's own: of its bond and its locks.
	own: Balance,
}

impl Taken {
	/// Adds `total`; the offender's own part fell from `before` to `after`.
	fn add(&mut self, total: Balance, before: Balance, after: Balance) {
		self.total = self.total.saturating_add(total);
		self.own = self.own.saturating_add(before.saturating_sub(after));
	}

	/// The finders' part. The offender may be its own finder, or share with the finder. However
	/// little of the pool is its own, it must lose more than this.
	fn finders_fee(&self, share: Perbill) -> Balance {
		maths::share_of(share, self.total).min(self.own / 2)
	}
}

impl<T: Config> Pallet<T> {
	/// Cuts the bonded stake of `transcoder`. If nothing is left of it, the pool ends.
	fn slash_pool(transcoder: &AccountId, fraction: Perbill, taken: &mut Taken) {
		let Some(mut folded) = Self::pool(transcoder) else { return };
		let before = Self::self_bond(transcoder);
		let cut = folded.pool.slash(fraction);
		let is_wiped = folded.pool.is_wiped();
		Self::put_pool(folded);
		taken.add(cut, before, Self::self_bond(transcoder));
		if is_wiped {
			Self::begin_generation(transcoder);
		}
	}

	/// Cuts the stake that left `transcoder` in the round of the offence or later.
	fn slash_exit_pools(
		transcoder: &AccountId,
		offence: RoundIndex,
		fraction: Perbill,
		taken: &mut Taken,
	) {
		let reach = T::MaxSlashedRounds::get().saturating_sub(1);
		let first = offence.max(Self::round().saturating_sub(reach));
		let generations = Generations::<T>::get(transcoder).unwrap_or_default();
		let own_locks = Locks::<T>::get(transcoder).locks;
		for round in first..=Self::round() {
			let generation = generations.of_round(round);
			let id = PoolId { transcoder: transcoder.clone(), generation };
			let Some(mut exit) = ExitPools::<T>::get(&id, round) else { continue };
			let own = |exit: &ExitPool| {
				own_locks
					.iter()
					.filter(|lock| lock.round == round && lock.pool == id)
					.fold(0, |sum: Balance, lock| sum.saturating_add(exit.value(lock)))
			};
			let before = own(&exit);
			let cut = exit.slash(fraction);
			taken.add(cut, before, own(&exit));
			ExitPools::<T>::insert(&id, round, exit);
		}
	}
}

impl<T: Config> Pallet<T> {
	/// Pays out what a slash took, and emits the event.
	fn forfeit(
		transcoder: &AccountId,
		offence: RoundIndex,
		fraction: Perbill,
		finders: &[AccountId],
		taken: Taken,
	) -> Slashed {
		let fee = taken.finders_fee(T::Parameters::get().finder_fee);
		let slashed = asset::forfeit::<T>(taken.total, fee, finders);
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
}

impl<T: Config> Slash for Pallet<T> {
	fn slash(
		transcoder: &AccountId,
		offence: RoundIndex,
		fraction: Perbill,
		finders: &[AccountId],
	) -> Slashed {
		let mut taken = Taken::default();
		Self::slash_pool(transcoder, fraction, &mut taken);
		Self::slash_exit_pools(transcoder, offence, fraction, &mut taken);
		Self::forfeit(transcoder, offence, fraction, finders, taken)
	}

	fn slash_weight(offence: RoundIndex, finders: u32) -> Weight {
		let rounds = Self::round().saturating_sub(offence).saturating_add(1);
		T::WeightInfo::slash(rounds.min(T::MaxSlashedRounds::get()), finders)
	}
}

impl<T: Config> Liability for Pallet<T> {
	fn open(who: &AccountId, round: RoundIndex) {
		Liabilities::<T>::mutate(who, |open| open.open(round));
	}

	fn close(who: &AccountId, round: RoundIndex) {
		Liabilities::<T>::mutate_exists(who, |entry| {
			let mut open = entry.take().unwrap_or_default();
			if !open.close(round) {
				defensive!("a liability was closed that was not open");
			}
			*entry = (!open.0.is_empty()).then_some(open);
		});
	}
}
