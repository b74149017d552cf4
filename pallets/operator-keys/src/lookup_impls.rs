//! Look-ups for other pallets.

use frame_support::defensive;
use livepeer_primitives::{
	keys::{Generation, OperatorSignature, Purpose, Signer, VrfKey},
	traits::OperatorKeysOf,
	AccountId, Hash,
};

use crate::{Config, Generations, Pallet, Stored, StoredKeys};

impl<T: Config> Pallet<T> {
	/// The generation that `account` uses now; 0 if it has never named keys.
	pub(crate) fn current_generation(account: &AccountId, purpose: Purpose) -> Generation {
		Stored::<T>::get(account, purpose).last().copied().unwrap_or(0)
	}

	/// The stored keys of the signer.
	fn stored_keys(signer: &Signer, purpose: Purpose) -> Option<StoredKeys> {
		Generations::<T>::get((&signer.account, purpose, signer.generation))
	}

	/// The VRF key of generation 0.
	pub(crate) fn account_vrf_key(account: &AccountId) -> VrfKey {
		let bytes: [u8; 32] = account.clone().into();
		VrfKey::from_raw(bytes)
	}
}

impl<T: Config> OperatorKeysOf for Pallet<T> {
	fn current(account: &AccountId, purpose: Purpose) -> Generation {
		Self::current_generation(account, purpose)
	}

	fn is_signed(signature: &OperatorSignature, purpose: Purpose, object: &Hash) -> bool {
		let signer = &signature.signer;
		if signer.generation == 0 {
			return signature.verifies(object, None);
		}
		Self::stored_keys(signer, purpose)
			.and_then(|stored| stored.key(signer.key).copied())
			.is_some_and(|key| signature.verifies(object, Some(&key)))
	}

	fn is_revoked(signer: &Signer, purpose: Purpose) -> bool {
		signer.generation != 0
			&& Self::stored_keys(signer, purpose)
				.is_some_and(|stored| stored.is_revoked(signer.key))
	}

	fn vrf_key(account: &AccountId, generation: Generation) -> Option<VrfKey> {
		if generation == 0 {
			return Some(Self::account_vrf_key(account));
		}
		Generations::<T>::get((account, Purpose::Duties, generation)).and_then(|keys| keys.vrf)
	}

	fn retain(account: &AccountId, purpose: Purpose, generation: Generation) {
		if generation == 0 {
			return;
		}
		Generations::<T>::mutate((account, purpose, generation), |stored| match stored {
			Some(keys) => keys.references = keys.references.saturating_add(1),
			None => {
				defensive!("retained a generation that is not stored");
			}
		});
	}

	fn release(account: &AccountId, purpose: Purpose, generation: Generation) {
		if generation == 0 {
			return;
		}
		Generations::<T>::mutate((account, purpose, generation), |stored| {
			match stored.as_mut().and_then(|keys| {
				keys.references = keys.references.checked_sub(1)?;
				Some(())
			}) {
				Some(()) => (),
				None => {
					defensive!("released a generation that is not retained");
				}
			}
		});
	}
}
