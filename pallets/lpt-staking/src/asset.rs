//! Every movement of money, and the account of what the pot owes.
//!
//! Bonded and leaving LPT, and ETH that is owed as fees, lie in one account, the pot. What the pot
//! owes is kept as two sums, so that its surplus is known without a loop. Anyone can send to the
//! pot; that is surplus.

use crate::{Config, OwedFees, OwedStake};
use frame_support::{
	traits::{
		fungible::{Inspect, Mutate},
		fungibles::{Inspect as InspectAsset, Mutate as MutateAsset},
		tokens::Preservation,
		Get,
	},
	PalletId,
};
use livepeer_primitives::{traits::Slashed, AccountId, Balance, ETH};
use sp_runtime::{traits::AccountIdConversion, DispatchResult};

const LOG_TARGET: &str = "runtime::lpt-staking";

/// The account that holds bonded LPT and owed ETH.
pub fn pot<T: Config>() -> AccountId {
	let id: PalletId = T::PalletId::get();
	id.into_account_truncating()
}

/// Mints the minimum balance to the pot, and in LPT also to the common pool. Without it the pot
/// could not pay out the last unit that it owes, or take in a fee below the minimum. Genesis only.
///
/// # Panics
/// If it cannot be minted: such a chain could not pay later.
pub fn endow<T: Config>() {
	let pot = pot::<T>();
	let minimum = T::Currency::minimum_balance();
	for account in [pot.clone(), T::CommonPool::get()] {
		if T::Currency::balance(&account) < minimum {
			T::Currency::mint_into(&account, minimum).expect("the minimum balance can be minted");
		}
	}
	let minimum = T::Assets::minimum_balance(ETH);
	if T::Assets::balance(ETH, &pot) < minimum {
		T::Assets::mint_into(ETH, &pot, minimum).expect("ETH is created before staking");
	}
}

/// Moves stake of `who` into the pot. The account of `who` is kept alive.
pub fn collect_stake<T: Config>(who: &AccountId, amount: Balance) -> DispatchResult {
	T::Currency::transfer(who, &pot::<T>(), amount, Preservation::Preserve)?;
	owe_stake::<T>(amount);
	Ok(())
}

/// Mints LPT into the pot. It is not owed to anybody yet.
pub fn mint_stake<T: Config>(amount: Balance) -> DispatchResult {
	T::Currency::mint_into(&pot::<T>(), amount)?;
	Ok(())
}

/// Pays stake out to `who`.
pub fn pay_stake<T: Config>(who: &AccountId, amount: Balance) -> DispatchResult {
	if amount > 0 {
		T::Currency::transfer(&pot::<T>(), who, amount, Preservation::Preserve)?;
		write_off_stake::<T>(amount);
	}
	Ok(())
}

/// Pays fees out to `who`.
pub fn pay_fees<T: Config>(who: &AccountId, amount: Balance) -> DispatchResult {
	T::Assets::transfer(ETH, &pot::<T>(), who, amount, Preservation::Preserve)?;
	write_off_fees::<T>(amount);
	Ok(())
}

/// Moves slashed stake out of the pot. `fee` of it goes to `finders` in equal parts; the rest,
/// including rounding and what a finder cannot receive, goes to the common pool.
pub fn forfeit<T: Config>(amount: Balance, fee: Balance, finders: &[AccountId]) -> Slashed {
	let mut slashed = Slashed { total: amount, ..Default::default() };
	if amount == 0 {
		return slashed;
	}
	write_off_stake::<T>(amount);
	let pot = pot::<T>();
	let fee = fee.min(amount);
	let part = fee.checked_div(finders.len() as Balance).unwrap_or(0);
	if part > 0 {
		for finder in finders {
			if T::Currency::transfer(&pot, finder, part, Preservation::Preserve).is_ok() {
				slashed.finders_fee = slashed.finders_fee.saturating_add(part);
			}
		}
	}
	let rest = amount.saturating_sub(slashed.finders_fee);
	match T::Currency::transfer(&pot, &T::CommonPool::get(), rest, Preservation::Preserve) {
		Ok(_) => slashed.common_pool = rest,
		// It stays in the pot as surplus.
		Err(error) => log::error!(
			target: LOG_TARGET,
			"{rest} of slashed stake did not reach the common pool: {error:?}",
		),
	}
	slashed
}

/// Increases the stake that is owed.
pub fn owe_stake<T: Config>(amount: Balance) {
	OwedStake::<T>::mutate_exists(|owed| *owed = changed(*owed, |sum| sum.saturating_add(amount)));
}

/// Decreases the stake that is owed.
pub fn write_off_stake<T: Config>(amount: Balance) {
	OwedStake::<T>::mutate_exists(|owed| *owed = changed(*owed, |sum| sum.saturating_sub(amount)));
}

/// Increases the fees that are owed.
pub fn owe_fees<T: Config>(amount: Balance) {
	OwedFees::<T>::mutate_exists(|owed| *owed = changed(*owed, |sum| sum.saturating_add(amount)));
}

/// Decreases the fees that are owed.
pub fn write_off_fees<T: Config>(amount: Balance) {
	OwedFees::<T>::mutate_exists(|owed| *owed = changed(*owed, |sum| sum.saturating_sub(amount)));
}

/// A sum after `change`; zero is not stored.
fn changed(sum: Option<Balance>, change: impl FnOnce(Balance) -> Balance) -> Option<Balance> {
	Some(change(sum.unwrap_or_default())).filter(|sum| *sum > 0)
}

/// LPT in the pot.
pub fn stake_in_pot<T: Config>() -> Balance {
	T::Currency::balance(&pot::<T>())
}

/// ETH in the pot.
pub fn fees_in_pot<T: Config>() -> Balance {
	T::Assets::balance(ETH, &pot::<T>())
}

/// LPT that could be owed in addition.
pub fn unowed_stake<T: Config>() -> Balance {
	stake_in_pot::<T>()
		.saturating_sub(T::Currency::minimum_balance())
		.saturating_sub(OwedStake::<T>::get())
}

/// ETH that could be owed in addition.
pub fn unowed_fees<T: Config>() -> Balance {
	fees_in_pot::<T>()
		.saturating_sub(T::Assets::minimum_balance(ETH))
		.saturating_sub(OwedFees::<T>::get())
}
