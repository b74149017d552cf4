//! What the calls do.

use crate::{
	asset, Bonds, Config, Error, Event, ExitPools, Fees, Liabilities, Lock, Locks, Pallet, Purpose,
};
use frame_support::{ensure, traits::Get};
use livepeer_primitives::{traits::AcceptsStake, AccountId, Balance};
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_bond(who: AccountId, amount: Balance, to: AccountId) -> DispatchResult {
		ensure!(amount >= T::Parameters::get().min_bond, Error::<T>::BelowMinimum);
		// Own stake needs nobody's consent; it must come before one registers.
		ensure!(
			who == to || T::AcceptsStake::accepts_stake(&to, &who),
			Error::<T>::StakeNotAccepted
		);
		// A bond that slashes left without any worth does not bind.
		if let Some(position) = Self::position(&who) {
			if position.value() == 0 {
				Self::put_position(position);
			}
		}
		let mut position = match Self::position(&who) {
			Some(position) => {
				ensure!(position.bond.pool.transcoder == to, Error::<T>::BondedElsewhere);
				position
			}
			None => Self::open_position(&who, &to)?,
		};
		asset::collect_stake::<T>(&who, amount)?;
		position.join(amount);
		Self::put_position(position);
		Self::deposit_event(Event::Bonded { who, transcoder: to, amount });
		Ok(())
	}

	pub(crate) fn do_unbond(who: AccountId, amount: Balance) -> DispatchResult {
		ensure!(amount > 0, Error::<T>::NothingToDo);
		let mut position = Self::position(&who).ok_or(Error::<T>::NotBonded)?;
		let rest = position.value().checked_sub(amount).ok_or(Error::<T>::InsufficientStake)?;
		let parameters = T::Parameters::get();
		ensure!(rest == 0 || rest >= parameters.min_bond, Error::<T>::BelowMinimum);

		let round = Self::round();
		let pool = position.bond.pool.clone();
		let stored = ExitPools::<T>::get(&pool, round);
		let is_first = stored.is_none();
		let mut exit = stored.unwrap_or_default();
		ensure!(!exit.is_wiped(), Error::<T>::PoolWiped);
		let lock = Locks::<T>::try_mutate(&who, |locks| {
			let lock = Lock {
				id: locks.next,
				pool: pool.clone(),
				round,
				amount,
				sf: exit.sf,
				liable_until: round.saturating_add(parameters.liability_window),
				unbonded: round.saturating_add(parameters.unbonding_period),
				purpose: Purpose::Unbonding,
			};
			locks.locks.try_push(lock.clone()).map_err(|_| Error::<T>::TooManyLocks)?;
			locks.next = locks.next.saturating_add(1);
			Ok::<_, DispatchError>(lock)
		})?;
		exit.enter(amount);
		ExitPools::<T>::insert(&pool, round, exit);
		if is_first {
			Self::note_exit_pool(&pool);
		}
		position.leave(amount);
		Self::put_position(position);
		Self::deposit_event(Event::Unbonded {
			who,
			transcoder: pool.transcoder,
			amount,
			lock: lock.id,
			release: lock.release(),
		});
		Ok(())
	}

	pub(crate) fn do_withdraw_stake(who: AccountId, id: u32) -> DispatchResult {
		let mut locks = Locks::<T>::get(&who);
		let at = locks.locks.iter().position(|l| l.id == id).ok_or(Error::<T>::UnknownLock)?;
		let lock = locks.locks.remove(at);
		ensure!(Self::round() >= lock.release(), Error::<T>::StillUnbonding);
		ensure!(
			!Liabilities::<T>::get(&lock.pool.transcoder).holds(lock.round),
			Error::<T>::LiabilityOpen
		);
		let mut exit =
			ExitPools::<T>::get(&lock.pool, lock.round).ok_or(Error::<T>::UnknownLock)?;
		let amount = exit.withdraw(&lock);
		if exit.locks == 0 {
			asset::write_off_stake::<T>(exit.total);
			ExitPools::<T>::remove(&lock.pool, lock.round);
			Self::forget_exit_pool(&lock.pool);
		} else {
			ExitPools::<T>::insert(&lock.pool, lock.round, exit);
		}
		if locks.locks.is_empty() {
			Locks::<T>::remove(&who);
		} else {
			Locks::<T>::insert(&who, locks);
		}
		asset::pay_stake::<T>(&who, amount)?;
		Self::deposit_event(Event::StakeWithdrawn {
			who,
			transcoder: lock.pool.transcoder,
			lock: id,
			amount,
		});
		Ok(())
	}

	pub(crate) fn do_withdraw_fees(who: AccountId) -> DispatchResult {
		if let Some(position) = Self::position(&who) {
			Self::put_position(position);
		}
		let amount = Fees::<T>::take(&who);
		ensure!(amount > 0, Error::<T>::NothingToDo);
		asset::pay_fees::<T>(&who, amount)?;
		Self::deposit_event(Event::FeesWithdrawn { who, amount });
		Ok(())
	}

	pub(crate) fn do_settle(who: AccountId) -> DispatchResult {
		let position = Self::position(&who).ok_or(Error::<T>::NotBonded)?;
		let transcoder = position.bond.pool.transcoder.clone();
		let stake = position.value();
		Self::put_position(position);
		Self::deposit_event(Event::Settled { who, transcoder, stake });
		Ok(())
	}

	/// Bonds at once, out of `who`'s balance, for genesis and benchmarks.
	pub(crate) fn bond_at_once(who: &AccountId, to: &AccountId, amount: Balance) -> DispatchResult {
		let mut position = match Bonds::<T>::get(who) {
			Some(_) => Self::position(who).ok_or(Error::<T>::NotBonded)?,
			None => Self::open_position(who, to)?,
		};
		ensure!(position.bond.pool.transcoder == *to, Error::<T>::BondedElsewhere);
		asset::collect_stake::<T>(who, amount)?;
		position.join_at_once(amount);
		Self::put_position(position);
		Ok(())
	}
}
