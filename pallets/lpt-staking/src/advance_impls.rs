//! Leaving pays for itself: if an account has no free LPT for the fee of `unbond` or
//! `withdraw_stake`, the fee comes out of what the call frees.
//!
//! The component that charges fees asks before the call runs. What is taken from a bond this way is
//! no longer liable. But it is only a fee, all of it is spent at once, and only an account that has
//! nothing else can use it.

use crate::{
	asset,
	types::{Advance, Frees},
	Advanced, Config, Error, Locks, Pallet,
};
use frame_support::ensure;
use livepeer_primitives::{AccountId, Balance};
use sp_runtime::DispatchResult;

impl<T: Config> Pallet<T> {
	/// Whether a call that frees this could provide `amount` before it runs. Changes nothing.
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

	/// Pays at least `amount` of what the call frees to `who`, before the call runs. The call takes
	/// this into account, or [`Self::settle_advance`] deletes the record.
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

	/// Deletes the record of an advance when its call is over.
	pub fn settle_advance() {
		Advanced::<T>::kill();
	}

	/// What is left of `amount` to unbond.
	pub(crate) fn less_advance(amount: Balance) -> Balance {
		match Advanced::<T>::get() {
			Some(Advance::Unbonded(advanced)) => {
				Self::settle_advance();
				amount.saturating_sub(advanced)
			}
			_ => amount,
		}
	}

	/// Whether a lock has already been paid out to pay for its own call.
	pub(crate) fn is_advanced(id: u32) -> bool {
		let is = Advanced::<T>::get() == Some(Advance::Lock(id));
		if is {
			Self::settle_advance();
		}
		is
	}
}
