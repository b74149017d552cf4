//! Undoing what a forgery of Ethereum has left here.

use crate::{
	types::{Direction, ForgedDeposit},
	Books, Config, Error, EthereumSupply, Event, Pallet, Roots, Synced, Undone, Waiting,
};
use frame_support::ensure;
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
	/// Deletes what was proven of the gateway, and undoes the deposits that governance has found
	/// forged.
	pub(crate) fn do_undo_forgery(forged: &[ForgedDeposit]) -> DispatchResult {
		let stands = [Direction::Inbound, Direction::Outbound]
			.map(Self::stopped_until)
			.iter()
			.all(Option::is_some);
		ensure!(stands, Error::<T>::BridgeGoesOn);
		for ForgedDeposit { index, asset, amount } in forged {
			ensure!(Self::is_taken(*index), Error::<T>::NotTaken);
			let waiting = Waiting::<T>::get(index);
			let is_it = waiting
				.as_ref()
				.is_none_or(|waiting| (waiting.asset, waiting.amount) == (*asset, *amount));
			ensure!(is_it, Error::<T>::OtherDeposit);
			Books::<T>::try_mutate(asset, |book| {
				let credited = book.credited.checked_sub(*amount);
				book.credited = credited.ok_or(Error::<T>::OtherDeposit)?;
				if waiting.is_some() {
					book.waiting = book.waiting.saturating_sub(*amount);
				}
				Ok::<_, DispatchError>(())
			})?;
			match waiting {
				Some(_) => Waiting::<T>::remove(index),
				// It was minted and may be anywhere, without backing.
				None => Undone::<T>::mutate(asset, |sum| *sum = sum.saturating_add(*amount)),
			}
			Self::give_back(*index);
		}
		Synced::<T>::kill();
		Roots::<T>::kill();
		EthereumSupply::<T>::kill();
		Self::deposit_event(Event::ForgeryUndone { deposits: forged.len() as u32 });
		Ok(())
	}
}
