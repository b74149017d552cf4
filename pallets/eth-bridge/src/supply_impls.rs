//! The LPT on Ethereum, which inflation counts too.

use crate::{
	trie,
	types::{ProvenSupply, SupplyProof, SupplyRule},
	Books, Config, CountedSupply, Error, EthereumSupply, Event, Gateway, Pallet,
};
use frame_support::ensure;
use livepeer_primitives::{
	bridge::BridgedAsset,
	ethereum::{EthereumChain, HeaderProof},
	Balance,
};
use sp_runtime::DispatchError;

/// Seconds after which a newer proof is free. A newer figure changes little, and nobody should be
/// able to fill blocks with it for free.
const FREE_AFTER: u64 = 86_400;

impl<T: Config> Pallet<T> {
	pub(crate) fn do_set_supply_rule(rule: Option<SupplyRule>) {
		// The value of another slot is no supply.
		let slot = |rule: Option<SupplyRule>| rule.map(|rule| rule.slot);
		if slot(CountedSupply::<T>::get()) != slot(rule) {
			EthereumSupply::<T>::kill();
		}
		CountedSupply::<T>::set(rule);
		Self::deposit_event(Event::SupplyRuleSet { rule });
	}

	/// Stores the token's total supply, and returns whether the proof is free.
	pub(crate) fn do_prove_supply(
		header: &HeaderProof,
		proof: &SupplyProof,
	) -> Result<bool, DispatchError> {
		let place = Gateway::<T>::get().ok_or(Error::<T>::NoGateway)?;
		let rule = CountedSupply::<T>::get().ok_or(Error::<T>::NoSupplyRule)?;
		let block = T::Ethereum::execution_block(header)?;
		let before = EthereumSupply::<T>::get();
		ensure!(before.is_none_or(|before| block.number > before.block), Error::<T>::NotNewer);
		let amount = trie::supply(block.state_root, &place, rule.slot, proof)
			.ok_or(Error::<T>::WrongProof)?;
		let (number, time) = (block.number, block.timestamp);
		EthereumSupply::<T>::put(ProvenSupply { block: number, time, amount });
		Self::deposit_event(Event::SupplyProven { block: number, amount });
		Ok(before.is_none_or(|before| time >= before.time.saturating_add(FREE_AFTER)))
	}

	/// The LPT that exists beyond what this chain has issued: what was proven on Ethereum, up to
	/// the ceiling, minus what came over from there. What waits or was sent is on Ethereum alone.
	pub fn lpt_elsewhere() -> Balance {
		let (Some(rule), Some(proven)) = (CountedSupply::<T>::get(), EthereumSupply::<T>::get())
		else {
			return 0;
		};
		let here = Books::<T>::get(BridgedAsset::Lpt).backing();
		proven.amount.min(rule.ceiling).saturating_sub(here)
	}
}
