//! Accounts that spend a broadcaster's ETH on jobs, so that its own secret can stay offline.

use frame_support::{dispatch::DispatchResult, ensure, traits::Get};
use livepeer_primitives::{AccountId, Balance, BlockNumber};
use sp_runtime::{helpers_128bit::multiply_by_rational_with_rounding, DispatchError, Rounding};

use crate::{
	types::{Job, Scope, Spender, SpendingKey, MAX_SPENDING_KEYS},
	Config, Error, Event, HoldReason, NextSpendingKey, Pallet, SpendingKeys,
};

impl<T: Config> Pallet<T> {
	/// See [`Pallet::set_spending_key`].
	pub(crate) fn do_set_spending_key(
		broadcaster: AccountId,
		key: AccountId,
		cap: Balance,
		expiry: BlockNumber,
		scope: Scope,
	) -> DispatchResult {
		ensure!(key != broadcaster, Error::<T>::OwnKey);
		ensure!(expiry > Self::now(), Error::<T>::KeyExpired);
		let (spent, serial, deposit) = match SpendingKeys::<T>::get(&broadcaster, &key) {
			Some(old) => (old.spent, old.serial, old.deposit),
			None => {
				let count = SpendingKeys::<T>::iter_key_prefix(&broadcaster).count();
				ensure!(count < MAX_SPENDING_KEYS as usize, Error::<T>::TooManySpendingKeys);
				let serial = NextSpendingKey::<T>::get();
				let next = serial.checked_add(1).ok_or(Error::<T>::NoMoreNumbers)?;
				NextSpendingKey::<T>::put(next);
				let deposit = T::Parameters::get().broadcaster_bond;
				Self::hold(HoldReason::SpendingKey, &broadcaster, deposit)?;
				(0, serial, deposit)
			}
		};
		let row = SpendingKey { cap, spent, expiry, scope, serial, deposit };
		SpendingKeys::<T>::insert(&broadcaster, &key, row);
		Self::deposit_event(Event::SpendingKeySet { broadcaster, key, cap, expiry, scope });
		Ok(())
	}

	/// See [`Pallet::remove_spending_key`].
	pub(crate) fn do_remove_spending_key(
		who: AccountId,
		broadcaster: AccountId,
		key: AccountId,
	) -> DispatchResult {
		let row = SpendingKeys::<T>::get(&broadcaster, &key).ok_or(Error::<T>::NoSpendingKey)?;
		ensure!(who == broadcaster || row.expiry <= Self::now(), Error::<T>::KeyNotExpired);
		SpendingKeys::<T>::remove(&broadcaster, &key);
		Self::release(HoldReason::SpendingKey, &broadcaster, row.deposit)?;
		Self::deposit_event(Event::SpendingKeyRemoved { broadcaster, key });
		Ok(())
	}

	/// Whether `who` may do what `allows` asks with `broadcaster`'s ETH, spending `amount` of it:
	/// always if it is its own, otherwise as its key allows, which records what was spent.
	/// `stranger` is the error for an account without a key.
	pub(crate) fn spend(
		who: &AccountId,
		broadcaster: &AccountId,
		allows: impl Fn(&Scope) -> bool,
		amount: Balance,
		stranger: Error<T>,
	) -> Result<Option<Spender>, DispatchError> {
		if who == broadcaster {
			return Ok(None);
		}
		let mut row = SpendingKeys::<T>::get(broadcaster, who).ok_or(stranger)?;
		ensure!(Self::now() < row.expiry, Error::<T>::KeyExpired);
		ensure!(allows(&row.scope), Error::<T>::OutOfScope);
		if amount > 0 {
			row.spent = row
				.spent
				.checked_add(amount)
				.filter(|spent| *spent <= row.cap)
				.ok_or(Error::<T>::CapExceeded)?;
			SpendingKeys::<T>::insert(broadcaster, who, &row);
		}
		Ok(Some(Spender { key: who.clone(), serial: row.serial, amount }))
	}

	/// When a job gives ETH back, the creating key's share of it, rounded down, no longer counts
	/// against that key's cap: what comes back belongs to the others in the same proportion as what
	/// was put in.
	pub(crate) fn restore_cap(job: &mut Job, returned: Balance) {
		let funded = job.funded;
		job.funded = funded.saturating_sub(returned);
		let Some(spender) = &mut job.spender else { return };
		let back = multiply_by_rational_with_rounding(
			spender.amount,
			returned.min(funded),
			funded.max(1),
			Rounding::Down,
		)
		.unwrap_or_default()
		.min(spender.amount);
		spender.amount = spender.amount.saturating_sub(back);
		SpendingKeys::<T>::mutate(&job.broadcaster, &spender.key, |row| {
			if let Some(row) = row.as_mut().filter(|row| row.serial == spender.serial) {
				row.spent = row.spent.saturating_sub(back);
			}
		});
	}
}
