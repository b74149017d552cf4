//! The pallet's invariants, checked by going through all of its state.

use crate::{
	asset, maths, Bonds, Checkpoints, Config, ExitPools, Fees, Liabilities, Locks, OwedFees,
	OwedStake, Pallet, Pools,
};
use alloc::collections::BTreeMap;
use frame_support::{
	ensure,
	traits::{fungible::Inspect, fungibles::Inspect as InspectAsset, Get},
};
use livepeer_primitives::{traits::Rounds, AccountId, Balance, RoundIndex, ETH};
use sp_runtime::TryRuntimeError;

/// What all bonds of a pool come to.
#[derive(Default)]
struct Sum {
	value: Balance,
	fees: Balance,
	members: u32,
	counting: u32,
	joined: u32,
	own: bool,
}

impl<T: Config> Pallet<T> {
	/// Checks the pallet's invariants; see its documentation.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		let now = T::Rounds::current();
		let mut sums: BTreeMap<AccountId, Sum> = BTreeMap::new();
		let mut refs: BTreeMap<(AccountId, RoundIndex), u32> = BTreeMap::new();
		for (who, bond) in Bonds::<T>::iter() {
			let pool = Pools::<T>::get(&bond.delegate).ok_or("a bond without a pool")?;
			let position = Self::position(&who).ok_or("a bond without a pool")?;
			let sum = sums.entry(bond.delegate.clone()).or_default();
			sum.value = sum.value.saturating_add(position.value());
			sum.fees = sum.fees.saturating_add(position.fees);
			sum.members = sum.members.saturating_add(1);
			sum.own |= position.own;
			if pool.counts(&bond, position.own) {
				sum.counting = sum.counting.saturating_add(1);
			}
			if let Some(joining) = bond.joining {
				ensure!(joining.round <= pool.round, "stake joined after its pool's round");
				if joining.round == pool.round {
					sum.joined = sum.joined.saturating_add(1);
				} else {
					let count = refs.entry((bond.delegate, joining.round)).or_default();
					*count = count.saturating_add(1);
				}
			}
		}

		let mut stake: Balance = 0;
		let mut fees: Balance = 0;
		for (transcoder, pool) in Pools::<T>::iter() {
			let sum = sums.remove(&transcoder).unwrap_or_default();
			ensure!(pool.members > 0, "an empty pool was kept");
			ensure!(pool.members == sum.members, "a pool's bonds are miscounted");
			ensure!(pool.joined == sum.joined, "a pool's joining bonds are miscounted");
			// A commission that a slash rounded off is counted until the next round.
			ensure!(
				pool.counting >= sum.counting && pool.counting <= pool.members,
				"a pool's counting bonds are miscounted"
			);
			ensure!(pool.counting > 0 || pool.active == 0, "stake of nobody counts");
			ensure!(pool.own == sum.own, "a transcoder's own bond is misnoted");
			ensure!(pool.round <= now, "a pool is ahead of the clock");
			ensure!(pool.active <= pool.total, "more stake counts than there is");
			ensure!(pool.now.crf >= pool.crf_start, "the reward factor fell");
			ensure!(pool.crf_start >= maths::FACTOR_ONE, "a reward factor below one");
			ensure!(
				pool.now.sf == 0
					|| (pool.now.sf >= maths::SLASH_FLOOR && pool.now.sf <= maths::SLASH_ONE),
				"a slash factor out of range"
			);
			ensure!(!pool.is_wiped() || pool.total == 0, "stake in a pool that was wiped");
			ensure!(sum.value <= pool.total, "bonds are worth more than their pool");
			ensure!(sum.fees <= pool.fees, "bonds have earned more than their pool holds");
			stake = stake.saturating_add(pool.total);
			fees = fees.saturating_add(pool.fees);
		}
		ensure!(sums.is_empty(), "a bond without a pool");

		for (transcoder, round, checkpoint) in Checkpoints::<T>::iter() {
			let count = refs.remove(&(transcoder, round)).unwrap_or(0);
			ensure!(checkpoint.refs > 0, "a checkpoint that nobody needs");
			ensure!(checkpoint.refs == count, "a checkpoint's bonds are miscounted");
		}
		ensure!(refs.is_empty(), "stake that joined has no checkpoint");

		let mut locked: BTreeMap<(AccountId, RoundIndex), (Balance, u32)> = BTreeMap::new();
		for (_, locks) in Locks::<T>::iter() {
			ensure!(!locks.locks.is_empty(), "an empty list of locks was kept");
			for lock in locks.locks {
				ensure!(lock.id < locks.next, "a lock number that was not given yet");
				let exit = ExitPools::<T>::get(&lock.transcoder, lock.round)
					.ok_or("a lock without an exit pool")?;
				let value = exit.value(&lock);
				let (sum, count) = locked.entry((lock.transcoder, lock.round)).or_default();
				*sum = sum.saturating_add(value);
				*count = count.saturating_add(1);
			}
		}
		for (transcoder, round, exit) in ExitPools::<T>::iter() {
			let (sum, count) = locked.remove(&(transcoder, round)).unwrap_or_default();
			ensure!(exit.locks > 0 && exit.locks == count, "an exit pool's locks are miscounted");
			ensure!(sum <= exit.total, "locks are worth more than their exit pool");
			ensure!(!exit.is_wiped() || exit.total == 0, "stake in an exit pool that was wiped");
			stake = stake.saturating_add(exit.total);
		}

		for (_, amount) in Fees::<T>::iter() {
			fees = fees.saturating_add(amount);
		}
		ensure!(OwedStake::<T>::get() == stake, "owed stake is not the sum of the pools");
		ensure!(OwedFees::<T>::get() == fees, "owed fees are not the sum of the accounts");
		ensure!(
			asset::stake_in_pot::<T>() >= stake.saturating_add(T::Currency::minimum_balance()),
			"the pot holds less LPT than it owes"
		);
		ensure!(
			asset::fees_in_pot::<T>() >= fees.saturating_add(T::Assets::minimum_balance(ETH)),
			"the pot holds less ETH than it owes"
		);

		for (_, open) in Liabilities::<T>::iter() {
			ensure!(!open.0.is_empty(), "an empty list of liabilities was kept");
			ensure!(open.0.iter().all(|(_, count)| *count > 0), "a round without liabilities");
			ensure!(
				open.0.windows(2).all(|pair| matches!(pair, [(a, _), (b, _)] if a < b)),
				"liabilities out of order"
			);
			ensure!(
				open.0.len() as u32 <= T::MaxLiabilityRounds::get(),
				"too many rounds with liabilities"
			);
		}
		Ok(())
	}
}
