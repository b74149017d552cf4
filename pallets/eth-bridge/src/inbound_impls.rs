//! Deposits: each is taken once, and is credited or waits.

use crate::{
	types::{Direction, Reason, WaitingDeposit},
	Books, Config, Error, Event, Limited, Pallet, Roots, Synced, Taken, Waiting,
};
use frame_support::ensure;
use livepeer_primitives::{
	bridge::{root_of_path, Deposit},
	AccountId,
};
use sp_core::H256;
use sp_runtime::DispatchResult;

/// Where a deposit's bit is.
fn place(index: u32) -> (u32, usize, u8) {
	(index / 256, (index % 256 / 8) as usize, 1 << (index % 8))
}

impl<T: Config> Pallet<T> {
	/// Whether a deposit has been taken.
	pub(crate) fn is_taken(index: u32) -> bool {
		let (entry, byte, bit) = place(index);
		Taken::<T>::get(entry).get(byte).is_some_and(|bits| bits & bit != 0)
	}

	fn take(index: u32) {
		let (entry, byte, bit) = place(index);
		Taken::<T>::mutate(entry, |bits| {
			if let Some(bits) = bits.get_mut(byte) {
				*bits |= bit;
			}
		});
	}

	/// Frees the place for the deposit that was really made there.
	pub(crate) fn give_back(index: u32) {
		let (entry, byte, bit) = place(index);
		Taken::<T>::mutate(entry, |bits| {
			if let Some(bits) = bits.get_mut(byte) {
				*bits &= !bit;
			}
		});
	}

	pub(crate) fn do_deposit(deposit: Deposit, path: &[H256]) -> DispatchResult {
		Self::ensure_open(Direction::Inbound)?;
		let domain = Self::domain().ok_or(Error::<T>::NoGateway)?;
		let synced = Synced::<T>::get().ok_or(Error::<T>::WrongPath)?;
		ensure!(!Self::is_taken(deposit.index), Error::<T>::AlreadyTaken);
		let root = root_of_path(deposit.leaf(&domain), deposit.index, path);
		ensure!(Roots::<T>::get().contains(&root), Error::<T>::WrongPath);
		let Deposit { index, asset, recipient, amount } = deposit;
		ensure!(amount > 0, Error::<T>::NothingDeposited);

		let book = Books::<T>::get(asset);
		let credited = book.credited.saturating_add(amount);
		if credited > synced.of(asset).deposited {
			// The tree shows more deposits than the gateway's figures. This is not an error, so
			// that the stop is stored.
			Self::stop_for(Reason::CreditedTooMuch);
			return Ok(());
		}
		let limits = Limited::<T>::get(asset);
		// Without a limit nothing comes in, however long it would wait.
		ensure!(limits.inbound.capacity > 0, Error::<T>::LimitReached);
		let waits = amount >= limits.large;
		if !waits {
			Self::pass(asset, Direction::Inbound, amount)?;
		}
		Self::take(index);
		Books::<T>::mutate(asset, |book| book.credited = credited);
		let trapped = !waits && Self::mint(asset, &recipient, amount).is_err();
		if waits || trapped {
			let delay = if trapped { 0 } else { limits.delay };
			let ready_at = Self::now().saturating_add(delay);
			Books::<T>::mutate(asset, |book| book.waiting = book.waiting.saturating_add(amount));
			let waiting = WaitingDeposit { asset, recipient, amount, ready_at };
			Waiting::<T>::insert(index, waiting);
			Self::deposit_event(Event::DepositWaits { index, ready_at, trapped });
		} else {
			Self::deposit_event(Event::DepositCredited { index, asset, recipient, amount });
		}
		Ok(())
	}

	pub(crate) fn do_release(index: u32) -> DispatchResult {
		Self::ensure_open(Direction::Inbound)?;
		let WaitingDeposit { asset, recipient, amount, ready_at } =
			Waiting::<T>::get(index).ok_or(Error::<T>::NotWaiting)?;
		ensure!(Self::now() >= ready_at, Error::<T>::NotReady);
		// It waited instead of counting against the limit. But if nothing can come in, it cannot
		// either.
		ensure!(Limited::<T>::get(asset).inbound.capacity > 0, Error::<T>::LimitReached);
		Self::mint(asset, &recipient, amount)?;
		Waiting::<T>::remove(index);
		Books::<T>::mutate(asset, |book| book.waiting = book.waiting.saturating_sub(amount));
		Self::deposit_event(Event::DepositCredited { index, asset, recipient, amount });
		Ok(())
	}

	/// `who` is `None` for governance.
	pub(crate) fn do_redirect(
		who: Option<AccountId>,
		index: u32,
		recipient: AccountId,
	) -> DispatchResult {
		Waiting::<T>::try_mutate(index, |waiting| {
			let waiting = waiting.as_mut().ok_or(Error::<T>::NotWaiting)?;
			let is_its =
				|who: AccountId| who == waiting.recipient && !Self::is_nobody(&waiting.recipient);
			ensure!(who.is_none_or(is_its), Error::<T>::NotRecipient);
			waiting.recipient = recipient.clone();
			Self::deposit_event(Event::DepositRedirected { index, recipient });
			Ok(())
		})
	}
}
