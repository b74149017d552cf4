//! The validator set of each session.

use alloc::{collections::BTreeMap, vec::Vec};
use codec::Encode;
use core::marker::PhantomData;
use frame_support::BoundedVec;
use livepeer_primitives::{
	params::ElectionParameters,
	traits::{DisableValidator, HasKeys},
	AccountId, Hash, MAX_VALIDATORS,
};
use sp_runtime::traits::{BlakeTwo256, Hash as _};
use sp_staking::SessionIndex;

use crate::{
	choice::{choose_validators, Incumbent},
	ActiveSet, ActiveTranscoders, Config, Event, Jailed, Pallet, Planned, PlannedHash,
	PlannedValidator, LOG_TARGET,
};

/// Hashes of session keys, each read once.
struct Keys<T>(BTreeMap<AccountId, Option<Hash>>, PhantomData<T>);

impl<T> Default for Keys<T> {
	fn default() -> Self {
		Self(BTreeMap::new(), PhantomData)
	}
}

impl<T: Config> Keys<T> {
	/// A hash of the keys of `account`, if it has any.
	fn hash_of(&mut self, account: &AccountId) -> Option<Hash> {
		match self.0.get(account) {
			Some(hash) => *hash,
			None => {
				let hash = T::SessionKeys::keys_hash(account);
				self.0.insert(account.clone(), hash);
				hash
			}
		}
	}
}

impl<T: Config> Pallet<T> {
	/// Plans `session`: the new set, or `None` if it would be the one that was planned last with
	/// nothing changed about it, or empty. At genesis the same set is given for both sessions.
	fn plan_session(session: SessionIndex, at_genesis: bool) -> Option<Vec<AccountId>> {
		let active = ActiveSet::<T>::get();
		let mut keys = Keys::<T>::default();
		let chosen = Self::choose(&active, &mut keys, &Self::parameters());
		if chosen.is_empty() {
			log::error!(
				target: LOG_TARGET,
				"nobody can validate session {session}: the session keeps what it has",
			);
			return None;
		}
		let standing: Vec<_> = chosen
			.iter()
			.map(|validator| {
				let account = &validator.account;
				(account, keys.hash_of(account), Self::is_jailed_with(&active, account))
			})
			.collect();
		let hash: Hash = BlakeTwo256::hash(&(active.round, standing).encode());
		if !at_genesis && PlannedHash::<T>::get() == Some(hash) {
			return None;
		}
		PlannedHash::<T>::put(hash);
		let chosen = BoundedVec::truncate_from(chosen);
		let accounts: Vec<_> = chosen.iter().map(|validator| validator.account.clone()).collect();
		Planned::<T>::put(chosen);
		Self::deposit_event(Event::ValidatorsChosen { session, validators: accounts.len() as u32 });
		Some(accounts)
	}

	/// The validators that follow from the active set and from the set that was planned last. Only
	/// accounts with session keys, each once.
	fn choose(
		active: &ActiveTranscoders,
		keys: &mut Keys<T>,
		parameters: &ElectionParameters,
	) -> Vec<PlannedValidator> {
		let eligible: Vec<_> = active
			.seats
			.iter()
			.filter(|seat| {
				!seat.jailed
					&& seat.stake >= parameters.min_validator_stake
					&& keys.hash_of(&seat.account).is_some()
			})
			.take(MAX_VALIDATORS as usize)
			.map(|seat| PlannedValidator { account: seat.account.clone(), stake: seat.stake })
			.collect();
		let minimum = parameters.min_validators.clamp(1, MAX_VALIDATORS);
		if eligible.len() as u32 >= minimum {
			return eligible;
		}
		let previous = Planned::<T>::get()
			.into_iter()
			.filter(|validator| keys.hash_of(&validator.account).is_some())
			.map(|validator| Incumbent {
				jailed: Self::is_jailed_with(active, &validator.account),
				validator: PlannedValidator {
					stake: active
						.seat(&validator.account)
						.map_or(validator.stake, |seat| seat.stake),
					..validator
				},
			})
			.collect();
		choose_validators(eligible, previous, minimum)
	}

	/// Whether `account` is jailed: from its seat if it has one, else from storage.
	fn is_jailed_with(active: &ActiveTranscoders, account: &AccountId) -> bool {
		active.seat(account).map_or_else(|| Jailed::<T>::contains_key(account), |seat| seat.jailed)
	}

	/// Disables the jailed members of the session that starts: the session has forgotten who was
	/// disabled if the set changed.
	fn disable_jailed() {
		// The session that starts was planned last: its successor is planned after this.
		for validator in Planned::<T>::get() {
			if Jailed::<T>::contains_key(&validator.account) {
				T::DisableValidator::disable(&validator.account);
			}
		}
	}
}

impl<T: Config> pallet_session::SessionManager<AccountId> for Pallet<T> {
	fn new_session(new_index: SessionIndex) -> Option<Vec<AccountId>> {
		Self::plan_session(new_index, false)
	}

	fn new_session_genesis(new_index: SessionIndex) -> Option<Vec<AccountId>> {
		Self::plan_session(new_index, true)
	}

	fn start_session(_: SessionIndex) {
		Self::disable_jailed();
	}

	fn end_session(_: SessionIndex) {}
}

impl<T: Config> pallet_session::historical::SessionManager<AccountId, ()> for Pallet<T> {
	fn new_session(new_index: SessionIndex) -> Option<Vec<(AccountId, ())>> {
		Self::plan_session(new_index, false).map(with_unit)
	}

	fn new_session_genesis(new_index: SessionIndex) -> Option<Vec<(AccountId, ())>> {
		Self::plan_session(new_index, true).map(with_unit)
	}

	fn start_session(start_index: SessionIndex) {
		<Self as pallet_session::SessionManager<_>>::start_session(start_index)
	}

	fn end_session(end_index: SessionIndex) {
		<Self as pallet_session::SessionManager<_>>::end_session(end_index)
	}
}

/// Adds the full identification, which is nothing.
fn with_unit(accounts: Vec<AccountId>) -> Vec<(AccountId, ())> {
	accounts.into_iter().map(|account| (account, ())).collect()
}
