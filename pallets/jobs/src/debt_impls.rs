//! What transcoders owe for verification that they caused in vain.

use frame_support::{
	dispatch::DispatchResult,
	ensure,
	storage::with_storage_layer,
	traits::{
		fungibles::Inspect as _,
		tokens::{Fortitude, Preservation},
		Get as _,
	},
};
use livepeer_primitives::{
	traits::{Slash as _, Stake as _},
	AccountId, Balance, RoundIndex, ETH,
};
use sp_runtime::{PerThing as _, Perbill, Rounding};

use crate::{Config, Debts, Error, Event, HoldReason, Pallet};

impl<T: Config> Pallet<T> {
	/// See [`livepeer_primitives::traits::Claims::charge`].
	pub(crate) fn do_charge(who: &AccountId, offence: RoundIndex, amount: Balance) {
		// At least enough for the pool's account to come into existence.
		let amount = amount.max(Self::smallest_fee());
		let paid = Self::collect(who, amount);
		let (slashed, covered) = Self::slash_for(who, offence, amount.saturating_sub(paid));
		// An amount that is too small to be moved is forgiven.
		let owed = amount.saturating_sub(paid).saturating_sub(covered);
		if owed >= Self::smallest_fee() {
			Debts::<T>::mutate(who, |debt| *debt = Some(debt.unwrap_or(0).saturating_add(owed)));
		}
		let transcoder = who.clone();
		Self::deposit_event(Event::VerificationCharged { transcoder, amount, paid, slashed });
	}

	/// Slashes for `missing` ETH, at most what a false dissent costs. Returns what that took in
	/// LPT, and how much of the ETH it covers.
	fn slash_for(who: &AccountId, offence: RoundIndex, missing: Balance) -> (Balance, Balance) {
		let money = T::Money::get();
		let wanted = money.in_lpt(missing);
		if wanted == 0 {
			return (0, 0);
		}
		let stake = T::Stake::active_stake(who).max(T::Stake::next_stake(who)).max(1);
		let share = Perbill::from_rational_with_rounding(wanted, stake, Rounding::Up)
			.unwrap_or(Perbill::one())
			.min(T::Lottery::get().false_dissent_slash);
		let slashed = T::Slash::slash(who, offence, share, &[]).total;
		let covered = if slashed >= wanted { missing } else { money.in_eth(slashed) };
		(slashed, covered.min(missing))
	}

	/// See [`Pallet::pay_debt`].
	pub(crate) fn do_pay_debt(from: &AccountId, who: AccountId) -> DispatchResult {
		let debt = Debts::<T>::get(&who).ok_or(Error::<T>::NoDebt)?;
		let paid = Self::collect(from, debt);
		ensure!(paid > 0, Error::<T>::InsufficientEth);
		Self::lower_debt(&who, paid);
		Ok(())
	}

	/// Moves up to `amount` of the free ETH of `who` into the common pool; returns how much it was.
	fn collect(who: &AccountId, amount: Balance) -> Balance {
		let free = T::Assets::reducible_balance(ETH, who, Preservation::Protect, Fortitude::Polite);
		let part = free.min(amount);
		let taken = with_storage_layer(|| {
			Self::hold(HoldReason::Escrow, who, part)?;
			Self::forfeit(HoldReason::Escrow, who, part)
		});
		// It fails if the account may not pay, or if the amount is too small for the pool to come
		// into existence.
		if taken.is_ok() {
			part
		} else {
			0
		}
	}

	/// Moves up to `amount` of a transcoder's free ETH into the escrow of `broadcaster`, for the
	/// verification of the transcoder's claim; returns how much it was.
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

	/// Pays a transcoder's debt out of its fee in the escrow of `broadcaster`, at most `most`;
	/// returns how much that was.
	pub(crate) fn pay_debt_from_fee(
		broadcaster: &AccountId,
		who: &AccountId,
		most: Balance,
	) -> Balance {
		let Some(debt) = Debts::<T>::get(who) else { return 0 };
		let part = debt.min(most);
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
