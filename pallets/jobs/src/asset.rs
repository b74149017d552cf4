//! Every movement of ETH.
//!
//! All of a broadcaster's money stays on its own account as holds until a settlement pays it out. A
//! hold leaves `min_balance` of free ETH behind, so the account exists as long as anything is held,
//! and returning money can never fail for want of an account.

use frame_support::{
	ensure,
	traits::{
		fungibles::{Inspect as _, InspectHold as _, MutateHold as _, UnbalancedHold as _},
		tokens::{Fortitude, Precision, Restriction},
		Get,
	},
};
use livepeer_primitives::{AccountId, Balance, ETH};
use sp_runtime::DispatchResult;

use crate::{Config, Error, HoldReason, Pallet};

impl<T: Config> Pallet<T> {
	/// The smallest fee that can be claimed. A fee below ETH's minimum balance could not be moved
	/// into a pot that does not exist yet, and costs more to verify than it is worth.
	pub(crate) fn smallest_fee() -> Balance {
		T::Assets::minimum_balance(ETH).max(1)
	}

	/// Puts free ETH of `who` on hold.
	pub(crate) fn hold(reason: HoldReason, who: &AccountId, amount: Balance) -> DispatchResult {
		if amount == 0 {
			return Ok(());
		}
		let reason = reason.into();
		ensure!(T::Assets::can_hold(ETH, &reason, who, amount), Error::<T>::InsufficientEth);
		T::Assets::hold(ETH, &reason, who, amount)
	}

	/// Gives held ETH back to `who`.
	pub(crate) fn release(reason: HoldReason, who: &AccountId, amount: Balance) -> DispatchResult {
		if amount == 0 {
			return Ok(());
		}
		T::Assets::release(ETH, &reason.into(), who, amount, Precision::Exact).map(|_| ())
	}

	/// Moves a fee from the budget into escrow. It is never free in between, so nothing that binds
	/// the free balance can stop it.
	pub(crate) fn escrow(broadcaster: &AccountId, fee: Balance) -> DispatchResult {
		let (budget, escrow) = (HoldReason::Budget.into(), HoldReason::Escrow.into());
		T::Assets::decrease_balance_on_hold(ETH, &budget, broadcaster, fee, Precision::Exact)?;
		T::Assets::increase_balance_on_hold(ETH, &escrow, broadcaster, fee, Precision::Exact)?;
		T::Assets::done_release(ETH, &budget, broadcaster, fee);
		T::Assets::done_hold(ETH, &escrow, broadcaster, fee);
		Ok(())
	}

	/// Moves ETH from one account's escrow into another's; it is held all the time.
	pub(crate) fn move_escrow(from: &AccountId, to: &AccountId, amount: Balance) -> DispatchResult {
		T::Assets::transfer_on_hold(
			ETH,
			&HoldReason::Escrow.into(),
			from,
			to,
			amount,
			Precision::Exact,
			Restriction::OnHold,
			Fortitude::Force,
		)
		.map(|_| ())
	}

	/// Pays ETH out of a broadcaster's escrow.
	pub(crate) fn pay(broadcaster: &AccountId, to: &AccountId, amount: Balance) -> DispatchResult {
		Self::take(HoldReason::Escrow, broadcaster, to, amount)
	}

	/// Moves held ETH of `who` into the common pool.
	pub(crate) fn forfeit(reason: HoldReason, who: &AccountId, amount: Balance) -> DispatchResult {
		Self::take(reason, who, &T::CommonPool::get(), amount)
	}

	fn take(
		reason: HoldReason,
		from: &AccountId,
		to: &AccountId,
		amount: Balance,
	) -> DispatchResult {
		T::Assets::transfer_on_hold(
			ETH,
			&reason.into(),
			from,
			to,
			amount,
			Precision::Exact,
			Restriction::Free,
			Fortitude::Force,
		)
		.map(|_| ())
	}
}
