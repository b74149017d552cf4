//! The invariants that hold after every block.

use crate::{
	types::Direction, Books, Config, CountedSupply, EthereumSupply, MessageCount, Messages, Nodes,
	Open, OpenLeaves, Pallet, Synced, Undone, Waiting,
};
use alloc::vec::Vec;
use frame_support::ensure;
use livepeer_primitives::bridge::{node, zeros, BridgedAsset, DEPTH};
use sp_core::H256;
use sp_runtime::TryRuntimeError;

impl<T: Config> Pallet<T> {
	/// Checks every invariant of the crate's documentation.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		let open = Open::<T>::get();
		ensure!(
			OpenLeaves::<T>::decode_len().unwrap_or_default() as u32
				== open.map_or(0, |open| open.count),
			"the open round has a leaf for each earning"
		);
		let messages = MessageCount::<T>::get();
		ensure!(Messages::<T>::iter_keys().count() as u32 == messages, "all messages are kept");
		for asset in BridgedAsset::ALL {
			let book = Books::<T>::get(asset);
			let waiting: u128 = Waiting::<T>::iter_values()
				.filter(|waiting| waiting.asset == asset)
				.map(|waiting| waiting.amount)
				.sum();
			ensure!(waiting == book.waiting, "what waits is in the books");
			let in_messages: u128 =
				Messages::<T>::iter_values().map(|message| message.amount(asset)).sum();
			let in_open = open.map_or(0, |open| match asset {
				BridgedAsset::Lpt => open.lpt,
				BridgedAsset::Eth => open.eth,
			});
			ensure!(in_messages + in_open == book.sent, "what was sent is in the books");
			ensure!(
				book.waiting + book.sent <= book.credited + Undone::<T>::get(asset),
				"nothing is sent that did not come over"
			);
		}
		let domain = Self::domain().unwrap_or_default();
		let mut row: Vec<H256> = (0..messages)
			.map(|index| Some(Messages::<T>::get(index)?.leaf(&domain, index)))
			.collect::<Option<_>>()
			.ok_or("every message is kept")?;
		let mut nodes = 0;
		for (height, zero) in zeros().iter().take(DEPTH).enumerate() {
			// The stored subtrees are those that no later leaf changes.
			let complete = messages >> height;
			for (place, root) in (0..complete).zip(&row) {
				let stored = Nodes::<T>::get((height as u8, place));
				ensure!(stored == Some(*root), "every complete subtree is kept as it is");
			}
			nodes += complete;
			if row.len() % 2 == 1 {
				row.push(*zero);
			}
			row =
				row.chunks(2).filter_map(|pair| Some(node(pair.first()?, pair.get(1)?))).collect();
		}
		let root = row.first().copied().unwrap_or_else(livepeer_primitives::bridge::empty_root);
		ensure!(root == Self::outbound_root(), "the root is that of all messages");
		ensure!(Nodes::<T>::iter_keys().count() as u32 == nodes, "no other subtrees are kept");
		let stands = [Direction::Inbound, Direction::Outbound]
			.map(Self::stopped_until)
			.iter()
			.all(Option::is_some);
		if let Some(synced) = Synced::<T>::get().filter(|_| !stands) {
			ensure!(
				Self::contradiction(None, &synced).is_none(),
				"a bridge whose figures contradict each other stands"
			);
		}
		ensure!(!Self::is_too_much_issued(), "there is no more ETH than stands behind it");
		ensure!(
			CountedSupply::<T>::exists() || !EthereumSupply::<T>::exists(),
			"a supply that is not counted is not kept"
		);
		Ok(())
	}
}
