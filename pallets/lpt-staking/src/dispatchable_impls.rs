//! The implementations of the calls.

use crate::{
	asset, position_impls::Position, Bonds, Config, Error, Event, ExitPools, Fees, Liabilities,
	Lock, Locks, Pallet, Purpose,
};
use frame_support::{ensure, traits::Get};
use livepeer_primitives::{
	traits::{AcceptsStake, StakeRefused},
	AccountId, Balance,
};
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_bond(who: AccountId, amount: Balance, to: AccountId) -> DispatchResult {
		ensure!(amount >= T::Parameters::get().min_bond, Error::<T>::BelowMinimum);
		let mut position = Self::position_to(&who, &to)?;
		asset::collect_stake::<T>(&who, amount).map_err(|_| Error::<T>::NotEnoughFree)?;
		position.join(amount);
		Self::put_position(position);
		Self::deposit_event(Event::Bonded { who, transcoder: to, amount });
		Ok(())
	}

	/// The bond of `who` to `to`, or an empty one if there is none, for stake to join. Fails if no
	/// stake may join.
	fn position_to(who: &AccountId, to: &AccountId) -> Result<Position, DispatchError> {
		Self::ensure_accepted(who, to)?;
		// A bond that slashes have made worthless does not bind its owner.
		if let Some(position) = Self::position(who) {
			if position.value() == 0 {
				Self::put_position(position);
			}
		}
		let position = match Self::position(who) {
			Some(position) => {
				ensure!(position.bond.pool.transcoder == *to, Error::<T>::BondedElsewhere);
				position
			}
			None => Self::open_position(who, to)?,
		};
		ensure!(position.folded.pool.may_be_joined(), Error::<T>::PoolNearlyWiped);
		Ok(position)
	}

	/// Fails if `to` cannot receive stake of `who`.
	fn ensure_accepted(who: &AccountId, to: &AccountId) -> Result<(), Error<T>> {
		// Own stake needs nobody's consent, because it must be bonded before registration.
		if who == to {
			return Ok(());
		}
		T::AcceptsStake::accepts_stake(to, who).map_err(|refused| match refused {
			StakeRefused::NotRegistered => Error::<T>::StakeNotAccepted,
			StakeRefused::Jailed => Error::<T>::TranscoderJailed,
		})
	}

	pub(crate) fn do_unbond(who: AccountId, amount: Balance) -> DispatchResult {
		Self::leave(&who, Self::less_advance(amount), Purpose::Unbonding)?;
		Ok(())
	}

	pub(crate) fn do_move_bond(who: AccountId, to: AccountId) -> DispatchResult {
		// A bond that slashes have made worthless has nothing to move.
		let position = Self::position(&who)
			.filter(|position| position.value() > 0)
			.ok_or(Error::<T>::NotBonded)?;
		ensure!(position.bond.pool.transcoder != to, Error::<T>::AlreadyThere);
		Self::ensure_accepted(&who, &to)?;
		let lock = Self::leave(&who, position.value(), Purpose::Redelegation(to.clone()))?;
		Self::deposit_event(Event::BondMoving {
			who,
			to,
			lock: lock.id,
			liable_until: lock.liable_until,
		});
		Ok(())
	}

	pub(crate) fn do_transfer_bond(
		who: AccountId,
		amount: Balance,
		to: AccountId,
	) -> DispatchResult {
		ensure!(who != to, Error::<T>::AlreadyThere);
		ensure!(amount >= T::Parameters::get().min_bond, Error::<T>::BelowMinimum);
		let position = Self::position(&who).ok_or(Error::<T>::NotBonded)?;
		Self::ensure_not_elsewhere(&to, &position.bond.pool.transcoder)?;
		// Nobody could accept it, and its owner could not take it back.
		let pool = &position.folded.pool;
		ensure!(pool.is_wiped() || pool.may_be_joined(), Error::<T>::PoolNearlyWiped);
		let lock = Self::leave(&who, amount, Purpose::Transfer(to.clone()))?;
		Self::deposit_event(Event::BondOffered { who, to, lock: lock.id });
		Ok(())
	}

	/// Fails if `who` is bonded to another transcoder than `transcoder`.
	fn ensure_not_elsewhere(who: &AccountId, transcoder: &AccountId) -> DispatchResult {
		let elsewhere = Self::position(who).is_some_and(|position| {
			position.bond.pool.transcoder != *transcoder && position.value() > 0
		});
		ensure!(!elsewhere, Error::<T>::BondedElsewhere);
		Ok(())
	}

	/// Moves `amount` of the bond of `who` into the exit pool of this round.
	fn leave(who: &AccountId, amount: Balance, purpose: Purpose) -> Result<Lock, DispatchError> {
		ensure!(amount > 0, Error::<T>::NothingToDo);
		let mut position = Self::position(who).ok_or(Error::<T>::NotBonded)?;
		let rest = position.value().checked_sub(amount).ok_or(Error::<T>::InsufficientStake)?;
		let parameters = T::Parameters::get();
		ensure!(rest == 0 || rest >= parameters.min_bond, Error::<T>::RestBelowMinimum);

		let round = Self::round();
		let pool = position.bond.pool.clone();
		let stored = ExitPools::<T>::get(&pool, round);
		let is_first = stored.is_none();
		let mut exit = stored.unwrap_or_default();
		ensure!(!exit.is_wiped(), Error::<T>::ExitPoolWiped);
		let lock = Locks::<T>::try_mutate(who, |locks| {
			let lock = Lock {
				id: locks.next,
				pool: pool.clone(),
				round,
				amount,
				sf: exit.sf,
				liable_until: round.saturating_add(parameters.liability_window),
				unbonded: round.saturating_add(parameters.unbonding_period),
				purpose,
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
			who: who.clone(),
			transcoder: pool.transcoder,
			amount,
			lock: lock.id,
			release: lock.release(),
		});
		Ok(lock)
	}

	/// A lock of `who`.
	fn lock_of(who: &AccountId, id: u32) -> Result<Lock, Error<T>> {
		let mut locks = Locks::<T>::get(who).locks.into_iter();
		locks.find(|lock| lock.id == id).ok_or(Error::<T>::UnknownLock)
	}

	/// Takes a lock off the list of `who`.
	fn remove_lock(who: &AccountId, id: u32) {
		Locks::<T>::mutate_exists(who, |entry| {
			*entry = entry.take().and_then(|mut locks| {
				locks.locks.retain(|lock| lock.id != id);
				(!locks.locks.is_empty()).then_some(locks)
			});
		});
	}

	/// Takes a lock out of its exit pool and returns its worth. `released`: it is no longer liable.
	fn leave_exit_pool(lock: &Lock, released: bool) -> Result<Balance, Error<T>> {
		let mut exit =
			ExitPools::<T>::get(&lock.pool, lock.round).ok_or(Error::<T>::UnknownLock)?;
		let amount = exit.withdraw(lock, released);
		if exit.locks == 0 {
			asset::write_off_stake::<T>(exit.total);
			ExitPools::<T>::remove(&lock.pool, lock.round);
			Self::forget_exit_pool(&lock.pool);
		} else {
			ExitPools::<T>::insert(&lock.pool, lock.round, exit);
		}
		Ok(amount)
	}

	/// Fails if a liability of the transcoder that `lock` left holds it back.
	fn ensure_free(lock: &Lock) -> Result<(), Error<T>> {
		ensure!(
			!Liabilities::<T>::get(&lock.pool.transcoder).holds(lock.round),
			Error::<T>::LiabilityOpen
		);
		Ok(())
	}

	/// Bonds `lock` of `holder` to `to` in the name of `owner`. With the transcoder that it left
	/// this is possible at once, because there its stake stays liable for everything it was liable
	/// for before; elsewhere when it is no longer liable. Returns what it was worth.
	fn bond_lock(
		holder: &AccountId,
		lock: &Lock,
		owner: &AccountId,
		to: &AccountId,
	) -> Result<Balance, DispatchError> {
		let returns = lock.pool.transcoder == *to;
		if !returns {
			ensure!(Self::round() >= lock.liable_until, Error::<T>::StillLiable);
			Self::ensure_free(lock)?;
		}
		let worth = Self::lock_value(lock);
		ensure!(worth > 0, Error::<T>::WorthlessLock);
		let mut position = Self::position_to(owner, to)?;
		let all = position.value().saturating_add(worth);
		ensure!(all >= T::Parameters::get().min_bond, Error::<T>::BelowMinimum);
		Self::remove_lock(holder, lock.id);
		let amount = Self::leave_exit_pool(lock, !returns)?;
		position.join(amount);
		Self::put_position(position);
		Ok(amount)
	}

	pub(crate) fn do_rebond(who: AccountId, id: u32, to: AccountId) -> DispatchResult {
		let lock = Self::lock_of(&who, id)?;
		let amount = Self::bond_lock(&who, &lock, &who, &to)?;
		Self::deposit_event(Event::Rebonded { who, transcoder: to, lock: id, amount });
		Ok(())
	}

	pub(crate) fn do_accept_bond(
		who: AccountId,
		from: AccountId,
		id: u32,
		transcoder: AccountId,
		least: Balance,
	) -> DispatchResult {
		let lock = Self::lock_of(&from, id)?;
		ensure!(lock.purpose == Purpose::Transfer(who.clone()), Error::<T>::NotOffered);
		ensure!(
			lock.pool.transcoder == transcoder && Self::lock_value(&lock) >= least,
			Error::<T>::OfferChanged
		);
		let amount = Self::bond_lock(&from, &lock, &who, &transcoder)?;
		Self::deposit_event(Event::BondTransferred { from, to: who, lock: id, transcoder, amount });
		Ok(())
	}

	/// Fails if it is too early for a lock to be paid out.
	pub(crate) fn ensure_withdrawable(lock: &Lock) -> Result<(), Error<T>> {
		ensure!(Self::round() >= lock.release(), Error::<T>::StillUnbonding);
		Self::ensure_free(lock)
	}

	/// What a lock is worth.
	pub(crate) fn lock_value(lock: &Lock) -> Balance {
		ExitPools::<T>::get(&lock.pool, lock.round).map_or(0, |exit| exit.value(lock))
	}

	pub(crate) fn do_withdraw_stake(who: AccountId, id: u32) -> DispatchResult {
		if Self::is_advanced(id) {
			return Ok(());
		}
		let lock = Self::lock_of(&who, id)?;
		Self::ensure_withdrawable(&lock)?;
		let amount = Self::leave_exit_pool(&lock, true)?;
		Self::remove_lock(&who, id);
		asset::pay_stake::<T>(&who, amount).map_err(|_| Error::<T>::TooSmallToPay)?;
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
		ensure!(amount > 0, Error::<T>::NoFees);
		asset::pay_fees::<T>(&who, amount).map_err(|_| Error::<T>::TooSmallToPay)?;
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

	/// Bonds out of `who`'s balance so that it counts at once, for genesis and benchmarks.
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
