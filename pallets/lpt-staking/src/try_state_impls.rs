//! The invariants that hold after every block.

use crate::{
	asset, maths, Bonds, Checkpoints, Config, ExitPools, Fees, Generations, Liabilities, Locks,
	OwedFees, OwedStake, Pallet, PoolId, Pools,
};
use alloc::collections::BTreeMap;
use frame_support::{
	ensure,
	traits::{fungible::Inspect, fungibles::Inspect as InspectAsset, Get},
};
use livepeer_primitives::{AccountId, Balance, RoundIndex, ETH};
use sp_runtime::TryRuntimeError;

/// The totals of all bonds of a pool.
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
	/// Checks every invariant of the crate's documentation.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		let (bonded, unsettled) = Self::check_pools()?;
		let locked = Self::check_exit_pools()?;
		Self::check_generations()?;
		Self::check_liabilities()?;
		Self::check_money(bonded.saturating_add(locked), unsettled)
	}

	/// Bonds and checkpoints agree with the pools. Returns all stake and all fees in pools.
	fn check_pools() -> Result<(Balance, Balance), TryRuntimeError> {
		let mut sums: BTreeMap<PoolId, Sum> = BTreeMap::new();
		let mut refs: BTreeMap<(PoolId, RoundIndex), u32> = BTreeMap::new();
		for (who, bond) in Bonds::<T>::iter() {
			let pool = Pools::<T>::get(&bond.pool).ok_or("a bond without a pool")?;
			let position = Self::position(&who).ok_or("a bond without a pool")?;
			let sum = sums.entry(bond.pool.clone()).or_default();
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
					let count = refs.entry((bond.pool, joining.round)).or_default();
					*count = count.saturating_add(1);
				}
			}
		}

		let mut stake: Balance = 0;
		let mut fees: Balance = 0;
		for (id, pool) in Pools::<T>::iter() {
			let sum = sums.remove(&id).unwrap_or_default();
			ensure!(pool.members > 0, "an empty pool was kept");
			ensure!(pool.members == sum.members, "a pool's bonds are miscounted");
			ensure!(pool.joined == sum.joined, "a pool's joining bonds are miscounted");
			// A commission that a slash has rounded to zero is still counted until the next round.
			ensure!(
				pool.counting >= sum.counting && pool.counting <= pool.members,
				"a pool's counting bonds are miscounted"
			);
			ensure!(pool.counting > 0 || pool.active == 0, "stake of nobody counts");
			ensure!(pool.own == sum.own, "a transcoder's own bond is misnoted");
			ensure!(pool.round <= Self::round(), "a pool is ahead of the clock");
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

		for (id, round, checkpoint) in Checkpoints::<T>::iter() {
			let count = refs.remove(&(id, round)).unwrap_or(0);
			ensure!(checkpoint.refs > 0, "a checkpoint that nobody needs");
			ensure!(checkpoint.refs == count, "a checkpoint's bonds are miscounted");
		}
		ensure!(refs.is_empty(), "stake that joined has no checkpoint");
		Ok((stake, fees))
	}

	/// Locks agree with the exit pools. Returns all stake in exit pools.
	fn check_exit_pools() -> Result<Balance, TryRuntimeError> {
		let mut stake: Balance = 0;
		let mut locked: BTreeMap<(PoolId, RoundIndex), (Balance, u32)> = BTreeMap::new();
		for (_, locks) in Locks::<T>::iter() {
			ensure!(!locks.locks.is_empty(), "an empty list of locks was kept");
			for lock in locks.locks {
				ensure!(lock.id < locks.next, "a lock number that was not given yet");
				let exit = ExitPools::<T>::get(&lock.pool, lock.round)
					.ok_or("a lock without an exit pool")?;
				let value = exit.value(&lock);
				let (sum, count) = locked.entry((lock.pool, lock.round)).or_default();
				*sum = sum.saturating_add(value);
				*count = count.saturating_add(1);
			}
		}
		for (id, round, exit) in ExitPools::<T>::iter() {
			ensure!(round <= Self::round(), "stake left in a round that is still to come");
			let (sum, count) = locked.remove(&(id, round)).unwrap_or_default();
			ensure!(exit.locks > 0 && exit.locks == count, "an exit pool's locks are miscounted");
			ensure!(sum <= exit.total, "locks are worth more than their exit pool");
			ensure!(!exit.is_wiped() || exit.total == 0, "stake in an exit pool that was wiped");
			stake = stake.saturating_add(exit.total);
		}
		Ok(stake)
	}

	/// Generations name existing entries, and exist as long as these.
	fn check_generations() -> Result<(), TryRuntimeError> {
		let now = Self::round();
		let mut refs: BTreeMap<AccountId, u32> = BTreeMap::new();
		for (id, pool) in Pools::<T>::iter() {
			let current = Generations::<T>::get(&id.transcoder).map_or(0, |known| known.current);
			ensure!(
				if pool.is_wiped() { id.generation < current } else { id.generation == current },
				"a pool is over without being wiped, or wiped without being over"
			);
			let count = refs.entry(id.transcoder).or_default();
			*count = count.saturating_add(1);
		}
		let reach = T::MaxSlashedRounds::get().saturating_sub(1);
		for (id, round, _) in ExitPools::<T>::iter() {
			let generations = Generations::<T>::get(&id.transcoder).unwrap_or_default();
			ensure!(
				round < now.saturating_sub(reach) || id.generation == generations.of_round(round),
				"a slash would not find an exit pool"
			);
			if id.generation > 0 {
				let count = refs.entry(id.transcoder).or_default();
				*count = count.saturating_add(1);
			}
		}
		for (transcoder, generations) in Generations::<T>::iter() {
			ensure!(
				generations.refs > 0 && refs.get(&transcoder) == Some(&generations.refs),
				"what names generations is miscounted"
			);
			ensure!(
				generations.since.len() as u32
					== generations.current.min(T::MaxSlashedRounds::get()),
				"a generation without its beginning"
			);
			ensure!(
				generations.since.windows(2).all(|pair| matches!(pair, [a, b] if a < b)),
				"generations out of order"
			);
			ensure!(
				generations.takes_stake(now.saturating_add(1)),
				"a generation begins later than in the next round"
			);
		}
		Ok(())
	}

	/// Liabilities are in order, and no exit pool was paid out of while a liability held it back.
	fn check_liabilities() -> Result<(), TryRuntimeError> {
		for (_, open) in Liabilities::<T>::iter() {
			ensure!(!open.0.is_empty(), "an empty list of liabilities was kept");
			ensure!(open.0.iter().all(|(_, count)| *count > 0), "a round without liabilities");
			ensure!(
				open.0.windows(2).all(|pair| matches!(pair, [(a, _), (b, _)] if a < b)),
				"liabilities out of order"
			);
			ensure!(
				open.0.last().is_none_or(|(round, _)| *round <= Self::round()),
				"a liability of a round that is still to come"
			);
		}
		for (id, round, exit) in ExitPools::<T>::iter() {
			let open = Liabilities::<T>::get(&id.transcoder);
			// A full list counts some liabilities under an earlier round than theirs.
			ensure!(
				!exit.released || open.0.is_full() || !open.holds(round),
				"stake was released that is liable"
			);
		}
		Ok(())
	}

	/// The pot holds what it owes: `stake` in pools and exit pools, `fees` in pools.
	fn check_money(stake: Balance, mut fees: Balance) -> Result<(), TryRuntimeError> {
		for (_, amount) in Fees::<T>::iter() {
			ensure!(amount > 0, "an empty account of fees was kept");
			fees = fees.saturating_add(amount);
		}
		ensure!(OwedStake::<T>::get() == stake, "owed stake is not the sum of the pools");
		ensure!(OwedFees::<T>::get() == fees, "owed fees are not the sum of the accounts");
		ensure!(OwedStake::<T>::exists() == (stake > 0), "a sum of zero was kept");
		ensure!(OwedFees::<T>::exists() == (fees > 0), "a sum of zero was kept");
		ensure!(
			asset::stake_in_pot::<T>() >= stake.saturating_add(T::Currency::minimum_balance()),
			"the pot holds less LPT than it owes"
		);
		ensure!(
			asset::fees_in_pot::<T>() >= fees.saturating_add(T::Assets::minimum_balance(ETH)),
			"the pot holds less ETH than it owes"
		);
		Ok(())
	}
}
