//! The reads for applications.

use crate::{types::Direction, Books, Config, MessageCount, Pallet, Synced};
use livepeer_primitives::{
	bridge::{BridgeView, BridgedAsset, BridgedView},
	ethereum::EthereumChain,
};

impl<T: Config> Pallet<T> {
	/// What has passed of an asset, and what can pass.
	fn view_asset(asset: BridgedAsset) -> BridgedView {
		let book = Books::<T>::get(asset);
		BridgedView {
			issued: Self::issuance(asset),
			credited: book.credited,
			waiting: book.waiting,
			sent: book.sent,
			backing: book.backing(),
			escrow: Synced::<T>::get().map(|synced| synced.of(asset)),
			limits: [Direction::Inbound, Direction::Outbound]
				.map(|direction| Self::left(asset, direction)),
		}
	}

	/// The state of the bridge.
	pub(crate) fn view_bridge() -> BridgeView {
		let synced = Synced::<T>::get();
		BridgeView {
			domain: Self::domain(),
			client: T::Ethereum::health(),
			synced: synced.map(|synced| (synced.block, synced.time)),
			deposits: synced.map_or(0, |synced| synced.deposits),
			messages: MessageCount::<T>::get(),
			stopped: [Direction::Inbound, Direction::Outbound].map(Self::stopped_until),
			lpt: Self::view_asset(BridgedAsset::Lpt),
			eth: Self::view_asset(BridgedAsset::Eth),
		}
	}
}
