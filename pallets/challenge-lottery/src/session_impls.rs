//! Verifier session keys: the validators in force, and the keys with which they answer.

use frame_support::{traits::OneSessionHandler, BoundedVec};
use livepeer_primitives::{keys::VerifierId, AccountId};
use sp_runtime::BoundToRuntimeAppPublic;

use crate::{Config, Pallet, Verifiers};

impl<T: Config> Pallet<T> {
	fn store_verifiers<'a>(validators: impl Iterator<Item = (&'a AccountId, VerifierId)>) {
		let verifiers = validators.map(|(account, key)| (account.clone(), key)).collect();
		Verifiers::<T>::put(BoundedVec::truncate_from(verifiers));
	}
}

impl<T: Config> BoundToRuntimeAppPublic for Pallet<T> {
	type Public = VerifierId;
}

impl<T: Config> OneSessionHandler<T::AccountId> for Pallet<T> {
	type Key = VerifierId;

	fn on_genesis_session<'a, I>(validators: I)
	where
		I: Iterator<Item = (&'a T::AccountId, VerifierId)>,
	{
		Self::store_verifiers(validators);
	}

	fn on_new_session<'a, I>(_changed: bool, validators: I, _queued_validators: I)
	where
		I: Iterator<Item = (&'a T::AccountId, VerifierId)>,
	{
		Self::store_verifiers(validators);
	}

	fn on_disabled(_validator_index: u32) {
		// Jailed validators are stored with the seeds.
	}
}
