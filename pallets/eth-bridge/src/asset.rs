//! Moving money: everything that is minted and burnt.

use crate::{Config, Error, Pallet};
use frame_support::{
	ensure,
	traits::{
		fungible::{Inspect as _, Mutate as _},
		fungibles::{Inspect as _, Mutate as _},
		tokens::{Fortitude, Precision, Preservation, Provenance},
		Get,
	},
};
use livepeer_primitives::{bridge::BridgedAsset, AccountId, Balance, ETH};
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
	/// The issuance of an asset on this chain.
	pub(crate) fn issuance(asset: BridgedAsset) -> Balance {
		match asset {
			BridgedAsset::Lpt => T::Currency::total_issuance(),
			BridgedAsset::Eth => T::Assets::total_issuance(ETH),
		}
	}

	/// Whether it is the account of 32 zero bytes. Money that was meant for somebody must not end
	/// there, and the account must not speak for anybody: as a key these bytes are the neutral
	/// point of the curve, for which anybody can sign.
	pub(crate) fn is_nobody(who: &AccountId) -> bool {
		*who == AccountId::new([0; 32])
	}

	/// Mints into an account that can receive it.
	pub(crate) fn mint(asset: BridgedAsset, who: &AccountId, amount: Balance) -> DispatchResult {
		let refused = |_: DispatchError| Error::<T>::CannotCredit.into();
		if Self::is_nobody(who) {
			return Err(Error::<T>::CannotCredit.into());
		}
		match asset {
			BridgedAsset::Lpt => {
				T::Currency::can_deposit(who, amount, Provenance::Minted)
					.into_result()
					.map_err(refused)?;
				T::Currency::mint_into(who, amount).map(|_| ()).map_err(refused)
			}
			BridgedAsset::Eth => {
				T::Assets::can_deposit(ETH, who, amount, Provenance::Minted)
					.into_result()
					.map_err(refused)?;
				T::Assets::mint_into(ETH, who, amount).map(|_| ()).map_err(refused)
			}
		}
	}

	/// Burns exactly this amount of an account.
	pub(crate) fn burn(
		asset: BridgedAsset,
		who: &AccountId,
		amount: Balance,
		preservation: Preservation,
	) -> DispatchResult {
		let (exact, polite) = (Precision::Exact, Fortitude::Polite);
		let burnt = match asset {
			BridgedAsset::Lpt => T::Currency::burn_from(who, amount, preservation, exact, polite),
			BridgedAsset::Eth => {
				T::Assets::burn_from(ETH, who, amount, preservation, exact, polite)
			}
		}?;
		// Assets also burn a remainder that is too small to stay.
		ensure!(burnt == amount, Error::<T>::LeavesDust);
		Ok(())
	}

	/// What an account can spend and still exist.
	pub(crate) fn spendable(asset: BridgedAsset, who: &AccountId) -> Balance {
		let (preserve, polite) = (Preservation::Preserve, Fortitude::Polite);
		match asset {
			BridgedAsset::Lpt => T::Currency::reducible_balance(who, preserve, polite),
			BridgedAsset::Eth => T::Assets::reducible_balance(ETH, who, preserve, polite),
		}
	}

	/// Charges the price of something that stays in the state for ever, or until its owner removes
	/// it.
	pub(crate) fn charge_message(who: &AccountId) -> DispatchResult {
		let price = T::MessagePrice::get();
		T::Currency::transfer(who, &T::CommonPool::get(), price, Preservation::Preserve).map(|_| ())
	}
}
