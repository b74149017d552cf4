//! Changes of keys: new generations, and revocation.

use alloc::collections::BTreeSet;
use frame_support::{
	ensure,
	traits::{
		fungible::{InspectHold as _, MutateHold as _},
		tokens::Precision,
		Get,
	},
	BoundedVec,
};
use livepeer_primitives::{
	keys::{Generation, OperatorKeys, Purpose, VrfKey},
	traits::OnKeyRevoked,
	AccountId,
};
use sp_runtime::{ArithmeticError, DispatchError, DispatchResult};

use crate::{
	Config, Error, Event, Generations, HoldReason, Numbers, Pallet, Stored, StoredKeys,
	MAX_OLD_GENERATIONS,
};

impl<T: Config> Pallet<T> {
	/// Creates a new generation. Returns how many old ones were read.
	pub(crate) fn do_set_keys(
		who: &AccountId,
		purpose: Purpose,
		keys: OperatorKeys,
		vrf: Option<VrfKey>,
	) -> Result<u32, DispatchError> {
		ensure!(!keys.is_empty(), Error::<T>::NoKeys);
		let different: BTreeSet<_> = keys.iter().collect();
		ensure!(different.len() == keys.len(), Error::<T>::DuplicateKey);
		match purpose {
			Purpose::Duties => ensure!(vrf.is_some(), Error::<T>::VrfKeyMissing),
			Purpose::Segments => ensure!(vrf.is_none(), Error::<T>::VrfKeyNotUsed),
		}
		let stored = Stored::<T>::get(who, purpose);
		let looked_at = stored.len().saturating_sub(1) as u32;
		let generation =
			stored.last().copied().unwrap_or(0).checked_add(1).ok_or(ArithmeticError::Overflow)?;
		let mut left = Self::remove_unreferenced(who, purpose, stored)?;
		// All that are left are old from now on.
		ensure!((left.len() as u32) <= MAX_OLD_GENERATIONS, Error::<T>::TooManyGenerations);
		left.try_push(generation).map_err(|_| Error::<T>::TooManyGenerations)?;

		let deposit = T::Deposit::get();
		let reason = HoldReason::Generations.into();
		ensure!(T::Currency::can_hold(&reason, who, deposit), Error::<T>::DepositNotPayable);
		T::Currency::hold(&reason, who, deposit)?;

		let revoked = BoundedVec::truncate_from(alloc::vec![false; keys.len()]);
		Generations::<T>::insert(
			(who, purpose, generation),
			StoredKeys { keys, revoked, vrf, deposit, references: 0 },
		);
		Stored::<T>::insert(who, purpose, left);
		Self::deposit_event(Event::KeysSet { account: who.clone(), purpose, generation });
		Ok(looked_at)
	}

	/// Deletes those of `stored` that are already old and that nothing needs. Returns the others.
	/// The current generation is kept even if nothing references it, because what it has just
	/// signed may still be on its way.
	fn remove_unreferenced(
		who: &AccountId,
		purpose: Purpose,
		stored: Numbers,
	) -> Result<Numbers, DispatchError> {
		let current = stored.last().copied();
		let mut left = Numbers::new();
		for generation in stored {
			let needed = Some(generation) == current
				|| Generations::<T>::get((who, purpose, generation))
					.is_some_and(|keys| keys.references > 0);
			if needed {
				left.try_push(generation).map_err(|_| Error::<T>::TooManyGenerations)?;
			} else {
				Self::remove(who, purpose, generation)?;
			}
		}
		Ok(left)
	}

	/// Deletes a generation and releases its deposit.
	fn remove(who: &AccountId, purpose: Purpose, generation: Generation) -> DispatchResult {
		let Some(keys) = Generations::<T>::take((who, purpose, generation)) else {
			return Ok(());
		};
		T::Currency::release(
			&HoldReason::Generations.into(),
			who,
			keys.deposit,
			Precision::BestEffort,
		)?;
		Self::deposit_event(Event::GenerationRemoved { account: who.clone(), purpose, generation });
		Ok(())
	}

	/// Flags a key in place.
	pub(crate) fn do_revoke_key(
		who: &AccountId,
		purpose: Purpose,
		generation: Generation,
		key: u8,
	) -> DispatchResult {
		let key_of = (who, purpose, generation);
		let references = Generations::<T>::try_mutate(key_of, |stored| {
			let stored = stored.as_mut().ok_or(Error::<T>::UnknownGeneration)?;
			let revoked = stored.revoked.get_mut(usize::from(key)).ok_or(Error::<T>::UnknownKey)?;
			ensure!(!*revoked, Error::<T>::AlreadyRevoked);
			*revoked = true;
			Ok::<_, Error<T>>(stored.references)
		})?;
		// If nothing depends on the generation, there is nothing to end, and nobody should be able
		// to cause a search at the chain's cost.
		if references > 0 {
			T::OnKeyRevoked::on_key_revoked(who, purpose, generation, references);
		}
		Self::deposit_event(Event::KeyRevoked { account: who.clone(), purpose, generation, key });
		Ok(())
	}
}
