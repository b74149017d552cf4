//! Messages to Ethereum: a tree that only grows, sealed with each block.

use crate::{
	types::Direction, Books, Config, Error, Event, Gateway, MessageCount, Messages, Nodes,
	OutboundRoot, Pallet, Sealed,
};
use alloc::vec::Vec;
use frame_support::{
	ensure,
	traits::{tokens::Preservation, Time},
};
use livepeer_primitives::{
	bridge::{empty_root, node, zeros, BridgedAsset, Message, Seal, DEPTH},
	AccountId, Balance,
};
use sp_core::{H160, H256};
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
	/// The root of the messages' tree.
	pub(crate) fn outbound_root() -> H256 {
		OutboundRoot::<T>::get().unwrap_or_else(empty_root)
	}

	pub(crate) fn seal() {
		Sealed::<T>::put(Seal { outbound_root: Self::outbound_root(), time: T::Time::now() });
	}

	/// The node at a height and place of the tree of the first `count` leaves. At most one path has
	/// nodes that are neither complete nor empty.
	pub(crate) fn node_at(height: usize, place: u32, count: u32, zeros: &[H256]) -> H256 {
		let zero = || zeros.get(height).copied().unwrap_or_default();
		let (place, count) = (u64::from(place), u64::from(count));
		let first = place << height;
		if first >= count {
			return zero();
		}
		let below = height.checked_sub(1).filter(|_| first + (1 << height) > count);
		match below {
			None => Nodes::<T>::get((height as u8, place as u32)).unwrap_or_default(),
			Some(below) => node(
				&Self::node_at(below, (place * 2) as u32, count as u32, zeros),
				&Self::node_at(below, (place * 2 + 1) as u32, count as u32, zeros),
			),
		}
	}

	/// The siblings of a leaf, from it up, in the tree of the first `count` leaves.
	fn path(index: u32, count: u32) -> Vec<H256> {
		let zeros = zeros();
		(0..DEPTH)
			.map(|height| Self::node_at(height, (index >> height) ^ 1, count, &zeros))
			.collect()
	}

	pub(crate) fn message_with_path(index: u32, count: u32) -> Option<(Message, Vec<H256>)> {
		if index >= count || count > MessageCount::<T>::get() {
			return None;
		}
		Some((Messages::<T>::get(index)?, Self::path(index, count)))
	}

	/// Appends a message to the tree.
	pub(crate) fn send(sender: Option<AccountId>, message: Message) -> DispatchResult {
		let domain = Self::domain().ok_or(Error::<T>::NoGateway)?;
		let index = MessageCount::<T>::get();
		let count = index.checked_add(1).ok_or(Error::<T>::TreeFull)?;
		let leaf = message.leaf(&domain, index);
		let mut current = leaf;
		let mut height = 0;
		Nodes::<T>::insert((height, index), current);
		// Stores every subtree that this leaf completes.
		while u32::from(height) < DEPTH as u32 - 1 && (index >> height) & 1 == 1 {
			let left = Nodes::<T>::get((height, (index >> height) ^ 1)).unwrap_or_default();
			current = node(&left, &current);
			height = height.saturating_add(1);
			Nodes::<T>::insert((height, index >> height), current);
		}
		OutboundRoot::<T>::put(Self::node_at(DEPTH, 0, count, &zeros()));
		MessageCount::<T>::put(count);
		Messages::<T>::insert(index, &message);
		Self::deposit_event(Event::MessageSent { index, leaf, sender, message });
		Ok(())
	}

	/// Whether money sent to an address on Ethereum can be paid.
	pub(crate) fn ensure_payable(recipient: &H160) -> DispatchResult {
		let place = Gateway::<T>::get().ok_or(Error::<T>::NoGateway)?;
		let bad = recipient.is_zero() || [place.address, place.token].contains(recipient);
		ensure!(!bad, Error::<T>::InvalidRecipient);
		Ok(())
	}

	/// Books an outbound amount, if it is backed and the limit lets it pass.
	pub(crate) fn book_out(asset: BridgedAsset, amount: Balance) -> DispatchResult {
		Books::<T>::try_mutate(asset, |book| {
			ensure!(amount <= book.backing(), Error::<T>::NotBacked);
			book.sent = book.sent.saturating_add(amount);
			Ok::<_, DispatchError>(())
		})?;
		Self::pass(asset, Direction::Outbound, amount)
	}

	pub(crate) fn do_withdraw(
		who: AccountId,
		asset: BridgedAsset,
		recipient: H160,
		amount: Balance,
		fee: Balance,
	) -> DispatchResult {
		Self::ensure_open(Direction::Outbound)?;
		Self::ensure_payable(&recipient)?;
		// This also refuses an amount of zero, because no fee is below it.
		ensure!(fee < amount, Error::<T>::FeeTooHigh);
		Self::book_out(asset, amount)?;
		Self::charge_message(&who)?;
		Self::burn(asset, &who, amount, Preservation::Expendable)?;
		Self::send(Some(who), Message::Withdrawal { asset, recipient, amount, fee })
	}
}
