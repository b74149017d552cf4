//! Proving execution blocks, and the client's health.

use crate::{verify, Config, Error, Finalized, Followed, Pallet, WeightInfo};
use frame_support::{ensure, traits::Get, weights::Weight};
use livepeer_primitives::ethereum::{ClientHealth, EthereumChain, ExecutionBlock, HeaderProof};
use sp_runtime::DispatchError;

impl<T: Config> Pallet<T> {
	pub(crate) fn current_health() -> ClientHealth {
		let Some((network, latest)) = Followed::<T>::get().zip(Self::latest()) else {
			return ClientHealth::NotBootstrapped;
		};
		// There is no final block before slot 0, so there is a slot.
		let now = Self::current_slot(&network).unwrap_or_default();
		let age = now.saturating_sub(latest.slot);
		if age > T::WeakSubjectivity::get() {
			return ClientHealth::Expired { age };
		}
		if let Some(fork) = network.fork_at(now).filter(|fork| fork.layout.is_none()) {
			return ClientHealth::UnknownFork { epoch: fork.epoch };
		}
		if age > T::MaxAge::get() {
			return ClientHealth::Stale { age };
		}
		ClientHealth::Following
	}
}

impl<T: Config> EthereumChain for Pallet<T> {
	fn execution_block(proof: &HeaderProof) -> Result<ExecutionBlock, DispatchError> {
		let network = Followed::<T>::get().ok_or(Error::<T>::NoNetwork)?;
		match Self::current_health() {
			ClientHealth::Following => {}
			ClientHealth::NotBootstrapped => return Err(Error::<T>::NotBootstrapped.into()),
			ClientHealth::UnknownFork { .. } => return Err(Error::<T>::UnknownFork.into()),
			ClientHealth::Stale { .. } => return Err(Error::<T>::Stale.into()),
			ClientHealth::Expired { .. } => return Err(Error::<T>::TooOld.into()),
		}
		let finalized = Finalized::<T>::get();
		let beacon = finalized
			.iter()
			.find(|block| block.root == proof.finalized_root)
			.ok_or(Error::<T>::NotFinalized)?;
		let layout = network.layout_at(beacon.slot).ok_or(Error::<T>::UnknownFork)?;
		let block =
			verify::execution_block(&proof.header).ok_or(Error::<T>::InvalidExecutionHeader)?;
		ensure!(
			verify::is_at(block.hash, &proof.hash_branch, layout.execution_hash, beacon.body_root),
			Error::<T>::WrongHashBranch
		);
		Ok(block)
	}

	fn health() -> ClientHealth {
		Self::current_health()
	}

	fn weight() -> Weight {
		T::WeightInfo::execution_block()
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn make_block(number: u64, state_root: sp_core::H256) -> HeaderProof {
		crate::simulator::make_block::<T>(number, state_root)
	}
}
