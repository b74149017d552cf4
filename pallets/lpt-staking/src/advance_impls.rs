//! Leaving pays for itself: where an account has no free LPT for the fee of `unbond` or
//! `withdraw_stake`, the fee comes out of what the call frees.
//!
//! Who charges fees asks before the call runs. What is taken out of a bond so answers for nothing any
//! longer, but it is no more than a fee, all of it is spent at once, and only who has nothing else
//! can have it.

use crate::{
	asset,
	types::{Advance, Frees},
	Advanced, Config, Error, Locks, Pallet,
};
use frame_support::ensure;
use livepeer_primitives::{AccountId, Balance};
use sp_runtime::DispatchResult;

impl<T: Config> Pallet<T> {
	/// Whether a call that frees this could bring `amount` before it runs. Changes nothing.
	pub fn can_advance(who: &AccountId, frees: Frees, amount: Balance) -> bool {
		match frees {
			Frees::Unbonded(unbonded) => Self::position(who)
				.is_some_and(|position| unbonded <= position.value() && unbonded > amount),
			Frees::Lock(id) => {
				Locks::<T>::get(who).locks.iter().find(|lock| lock.id == id).is_some_and(|lock| {
					Self::ensure_withdrawable(lock).is_ok() && Self::lock_value(lock) >= amount
				})
			}
		}
	}

	/// Pays `amount` at least of what the call frees to `who`, before it runs. The call takes it into
	/// account, or [`Self::settle_advance`] forgets it.
	pub fn advance(who: &AccountId, frees: Frees, amount: Balance) -> DispatchResult {
		ensure!(Self::can_advance(who, frees, amount), Error::<T>::InsufficientStake);
		let advance = match frees {
			Frees::Unbonded(_) => {
				let mut position = Self::position(who).ok_or(Error::<T>::NotBonded)?;
				position.leave(amount);
				Self::put_position(position);
				asset::pay_stake::<T>(who, amount)?;
				Advance::Unbonded(amount)
			}
			Frees::Lock(id) => {
				Self::do_withdraw_stake(who.clone(), id)?;
				Advance::Lock(id)
			}
		};
		Advanced::<T>::put(advance);
		Ok(())
	}

	/// Forgets an advance when its call is over.
	pub fn settle_advance() {
		Advanced::<T>::kill();
	}

	/// What of `amount` is left to unbond.
	pub(crate) fn less_advance(amount: Balance) -> Balance {
		match Advanced::<T>::get() {
			Some(Advance::Unbonded(advanced)) => {
				Self::settle_advance();
				amount.saturating_sub(advanced)
			}
			_ => amount,
		}
	}

	/// Whether a lock was paid out already so that its own call could be paid.
	pub(crate) fn is_advanced(id: u32) -> bool {
		let is = Advanced::<T>::get() == Some(Advance::Lock(id));
		if is {
			Self::settle_advance();
		}
		is
	}
}
