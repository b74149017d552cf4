//! The gateway's place and its figures.

use crate::{
	trie::{self, Figures},
	types::{GatewayPlace, GatewayProof, Reason, SyncedGateway},
	Books, Config, Error, EthereumSupply, Event, Gateway, MessageCount, Pallet, Roots, Synced,
	Unbacked, Undone,
};
use frame_support::ensure;
use frame_system::pallet_prelude::BlockNumberFor;
use livepeer_primitives::{
	bridge::{self, BridgedAsset},
	ethereum::{EthereumChain, HeaderProof},
};
use sp_core::H256;
use sp_runtime::{traits::Zero, DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
	/// The hash that binds all leaves to the gateway and to this chain.
	pub(crate) fn domain() -> Option<H256> {
		Gateway::<T>::get().map(|place| Self::domain_of(&place))
	}

	fn domain_of(place: &GatewayPlace) -> H256 {
		let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
		bridge::domain(&genesis, place.chain_id, &place.address)
	}

	pub(crate) fn do_set_gateway(place: GatewayPlace) -> DispatchResult {
		// Leaves of another gateway would be worthless, and its figures would contradict these
		// books. But mere proofs of a mistyped gateway's figures, which anybody can submit, are no
		// reason to keep it.
		let passed = BridgedAsset::ALL.into_iter().map(Books::<T>::get);
		let in_use = MessageCount::<T>::get() > 0
			|| passed.into_iter().any(|book| book.credited > 0 || book.sent > 0);
		ensure!(!in_use, Error::<T>::GatewayInUse);
		if Gateway::<T>::get() != Some(place) {
			Synced::<T>::kill();
			Roots::<T>::kill();
			EthereumSupply::<T>::kill();
		}
		Gateway::<T>::put(place);
		Self::deposit_event(Event::GatewaySet { place, domain: Self::domain_of(&place) });
		Ok(())
	}

	/// Stores the gateway's figures, and returns whether there are new deposits.
	pub(crate) fn do_sync(
		header: &HeaderProof,
		gateway: &GatewayProof,
	) -> Result<bool, DispatchError> {
		let place = Gateway::<T>::get().ok_or(Error::<T>::NoGateway)?;
		let block = T::Ethereum::execution_block(header)?;
		let before = Synced::<T>::get();
		ensure!(before.is_none_or(|before| block.number > before.block), Error::<T>::NotNewer);
		let Figures { lpt, eth, deposits, deposit_root } =
			trie::figures(block.state_root, &place, gateway).ok_or(Error::<T>::WrongProof)?;
		let synced =
			SyncedGateway { block: block.number, time: block.timestamp, deposits, lpt, eth };
		Synced::<T>::put(synced);
		if deposits > 0 {
			Roots::<T>::mutate(|roots| {
				if roots.last() != Some(&deposit_root) {
					if roots.is_full() {
						roots.remove(0);
					}
					// There is room now.
					let _ = roots.try_push(deposit_root);
				}
			});
		}
		Self::deposit_event(Event::GatewaySynced { block: block.number, deposits });
		if let Some(reason) = Self::contradiction(before, &synced) {
			Self::stop_for(reason);
		}
		Ok(deposits > before.map_or(0, |before| before.deposits))
	}

	/// The contradiction in the gateway's figures, if there is one.
	pub(crate) fn contradiction(
		before: Option<SyncedGateway>,
		now: &SyncedGateway,
	) -> Option<Reason> {
		if before.is_some_and(|before| before.deposits > now.deposits) {
			return Some(Reason::WentBack);
		}
		for asset in BridgedAsset::ALL {
			let (escrow, book) = (now.of(asset), Books::<T>::get(asset));
			if before.map(|before| before.of(asset)).is_some_and(|before| {
				before.deposited > escrow.deposited || before.released > escrow.released
			}) {
				return Some(Reason::WentBack);
			}
			if escrow.released > book.sent {
				return Some(Reason::ReleasedTooMuch);
			}
			if escrow.balance < escrow.deposited.saturating_sub(escrow.released) {
				return Some(Reason::EscrowShort);
			}
			if book.credited > escrow.deposited {
				return Some(Reason::CreditedTooMuch);
			}
		}
		Self::is_too_much_issued().then_some(Reason::IssuedTooMuch)
	}

	/// Whether there is more ETH here than came over or existed at genesis. LPT is also minted
	/// here; of it only what came over can leave.
	pub(crate) fn is_too_much_issued() -> bool {
		let Some(unbacked) = Unbacked::<T>::get() else { return false };
		let asset = BridgedAsset::Eth;
		let book = Books::<T>::get(asset);
		let owned = book
			.credited
			.saturating_add(Undone::<T>::get(asset))
			.saturating_sub(book.waiting)
			.saturating_sub(book.sent);
		Self::issuance(asset) > unbacked.saturating_add(owned)
	}
}
