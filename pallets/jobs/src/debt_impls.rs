//! What transcoders owe for verification that they have caused in vain.

use frame_support::{
	dispatch::DispatchResult,
	ensure,
	storage::with_storage_layer,
	traits::{
		fungibles::Inspect as _,
		tokens::{Fortitude, Preservation},
	},
};
use livepeer_primitives::{AccountId, Balance, ETH};

use crate::{Config, Debts, Error, Event, HoldReason, Pallet};

impl<T: Config> Pallet<T> {
	/// See [`livepeer_primitives::traits::Claims::charge`].
	pub(crate) fn do_charge(who: &AccountId, amount: Balance) {
		// So much at least that the pool's account can begin with it.
		let amount = amount.max(Self::smallest_fee());
		let paid = Self::collect(who, amount);
		let owed = amount.saturating_sub(paid);
		if owed > 0 {
			Debts::<T>::mutate(who, |debt| *debt = Some(debt.unwrap_or(0).saturating_add(owed)));
		}
		Self::deposit_event(Event::VerificationCharged { transcoder: who.clone(), amount, paid });
	}

	/// See [`Pallet::pay_debt`].
	pub(crate) fn do_pay_debt(from: &AccountId, who: AccountId) -> DispatchResult {
		let debt = Debts::<T>::get(&who).ok_or(Error::<T>::NoDebt)?;
		let paid = Self::collect(from, debt);
		ensure!(paid > 0, Error::<T>::InsufficientEth);
		Self::lower_debt(&who, paid);
		Ok(())
	}

	/// Takes up to `amount` of the free ETH of `who` into the common pool; says how much it was.
	fn collect(who: &AccountId, amount: Balance) -> Balance {
		let free = T::Assets::reducible_balance(ETH, who, Preservation::Protect, Fortitude::Polite);
		let part = free.min(amount);
		let taken = with_storage_layer(|| {
			Self::hold(HoldReason::Escrow, who, part)?;
			Self::forfeit(HoldReason::Escrow, who, part)
		});
		// An account that may not pay, or a pool that so little could not begin.
		if taken.is_ok() {
			part
		} else {
			0
		}
	}

	/// Takes up to `amount` of a transcoder's free ETH into the escrow of `broadcaster`, for the
	/// verification of its claim; says how much it was.
	pub(crate) fn prepay(who: &AccountId, broadcaster: &AccountId, amount: Balance) -> Balance {
		let free = T::Assets::reducible_balance(ETH, who, Preservation::Protect, Fortitude::Polite);
		let part = free.min(amount);
		if part == 0 || who == broadcaster {
			return 0;
		}
		let taken = with_storage_layer(|| {
			Self::hold(HoldReason::Escrow, who, part)?;
			Self::move_escrow(who, broadcaster, part)
		});
		if taken.is_ok() {
			part
		} else {
			0
		}
	}

	/// Pays a transcoder's debt out of its own part `own` of a fee in the escrow of `broadcaster`;
	/// says how much that took. At least `rest` of the fee is left.
	pub(crate) fn pay_debt_from_fee(
		broadcaster: &AccountId,
		who: &AccountId,
		own: Balance,
		rest: Balance,
	) -> Balance {
		let Some(debt) = Debts::<T>::get(who) else { return 0 };
		let part = debt.min(own).min(rest);
		let paid = part > 0
			&& with_storage_layer(|| Self::forfeit(HoldReason::Escrow, broadcaster, part)).is_ok();
		if !paid {
			return 0;
		}
		Self::lower_debt(who, part);
		part
	}

	fn lower_debt(who: &AccountId, paid: Balance) {
		let left = Debts::<T>::mutate_exists(who, |debt| {
			*debt = debt.map(|debt| debt.saturating_sub(paid)).filter(|debt| *debt > 0);
			debt.unwrap_or(0)
		});
		Self::deposit_event(Event::DebtPaid { transcoder: who.clone(), paid, left });
	}
}
