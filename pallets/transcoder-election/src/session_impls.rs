//! The validator set of each session.

use alloc::{
	collections::{BTreeMap, BTreeSet},
	vec::Vec,
};
use codec::Encode;
use core::marker::PhantomData;
use frame_support::{ensure, traits::ConstU32, BoundedVec};
use livepeer_primitives::{
	keys::VerifierId,
	params::ElectionParameters,
	traits::{
		DisableValidator, HasKeys, PurgeKeys, SeatedValidator, SeatedValidators, Stake,
		ValidatorSet,
	},
	AccountId, Hash, MAX_VALIDATORS,
};
use sp_runtime::{
	traits::{BlakeTwo256, Hash as _},
	DispatchResult,
};
use sp_staking::SessionIndex;

use crate::{
	choice::{choose_validators, within_leverage, Incumbent},
	ActiveSet, ActiveTranscoders, ChosenSet, ChosenValidator, Config, Error, Event, Jailed,
	NewestSet, Offline, Pallet, PlannedHash, Sets, LOG_TARGET,
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
	/// Plans `session`. Returns the new set, or `None` if it is empty or nothing about it has
	/// changed since the last planned one. At genesis the same set is returned for both sessions.
	fn plan_session(session: SessionIndex, at_genesis: bool) -> Option<Vec<AccountId>> {
		Self::mark_offline();
		let active = ActiveSet::<T>::get();
		let previous = NewestSet::<T>::get().map(Self::set_of).unwrap_or_default();
		let chilled = Self::chilled_now();
		let mut keys = Keys::<T>::default();
		let chosen = Self::choose(&active, &previous, &chilled, &mut keys, &Self::parameters());
		let standing: Vec<_> = chosen
			.iter()
			.map(|validator| {
				let account = &validator.account;
				(account, keys.hash_of(account), Self::is_barred(&active, &chilled, account))
			})
			.collect();
		let hash: Hash = BlakeTwo256::hash(&(active.round, standing).encode());
		if chosen.is_empty() {
			log::error!(
				target: LOG_TARGET,
				"nobody can validate session {session}: the session keeps what it has",
			);
		}
		if chosen.is_empty() || (!at_genesis && PlannedHash::<T>::get() == Some(hash)) {
			// The session continues with the set that it has, and so does the stored set.
			Self::put_set(session, previous);
			return None;
		}
		PlannedHash::<T>::put(hash);
		let accounts: Vec<_> = chosen.iter().map(|validator| validator.account.clone()).collect();
		let members = BoundedVec::truncate_from(chosen);
		Self::put_set(session, ChosenSet { snapshot: active.round, members });
		Self::deposit_event(Event::ValidatorsChosen { session, validators: accounts.len() as u32 });
		Some(accounts)
	}

	/// Stores the set of a session, which is the newest planned one.
	fn put_set(session: SessionIndex, set: ChosenSet) {
		Sets::<T>::insert(session, set);
		NewestSet::<T>::put(session);
	}

	/// The validators that follow from the active set and the last planned set. It contains only
	/// accounts with session keys, each once, all with their stake in the round's snapshot. An
	/// incumbent that is kept without a seat has the stake that counts for it now, so that nobody
	/// judges with stake that has left.
	fn choose(
		active: &ActiveTranscoders,
		previous: &ChosenSet,
		chilled: &BTreeSet<AccountId>,
		keys: &mut Keys<T>,
		parameters: &ElectionParameters,
	) -> Vec<ChosenValidator> {
		let eligible: Vec<_> = active
			.seats
			.iter()
			.filter(|seat| {
				!seat.jailed
					&& !seat.random && !Offline::<T>::contains_key(&seat.account)
					&& seat.stake >= parameters.min_validator_stake
					&& !chilled.contains(&seat.account)
					&& keys.hash_of(&seat.account).is_some()
			})
			.take(MAX_VALIDATORS as usize)
			.map(|seat| ChosenValidator { account: seat.account.clone(), stake: seat.stake })
			.collect();
		let minimum = parameters.min_validators.clamp(1, MAX_VALIDATORS);
		let eligible = within_leverage(eligible, minimum, parameters.validator_leverage);
		if eligible.len() as u32 >= minimum {
			return eligible;
		}
		let previous = previous
			.members
			.iter()
			.filter(|validator| keys.hash_of(&validator.account).is_some())
			.map(|validator| Incumbent {
				barred: Self::is_barred(active, chilled, &validator.account),
				validator: ChosenValidator {
					stake: active.seat(&validator.account).map_or_else(
						|| T::Stake::active_stake(&validator.account),
						|seat| seat.stake,
					),
					account: validator.account.clone(),
				},
			})
			.collect();
		choose_validators(eligible, previous, minimum)
	}

	/// The validators that would be chosen if a session were planned now.
	pub(crate) fn choose_now(
		active: &ActiveTranscoders,
		previous: &ChosenSet,
		chilled: &BTreeSet<AccountId>,
	) -> Vec<ChosenValidator> {
		Self::choose(active, previous, chilled, &mut Keys::default(), &Self::parameters())
	}

	/// Whether `account` is jailed, chilled or offline.
	pub(crate) fn is_barred(
		active: &ActiveTranscoders,
		chilled: &BTreeSet<AccountId>,
		account: &AccountId,
	) -> bool {
		Self::is_jailed_with(active, account)
			|| chilled.contains(account)
			|| Offline::<T>::contains_key(account)
	}

	/// Whether `account` is jailed: from its seat if it has one, else from storage.
	fn is_jailed_with(active: &ActiveTranscoders, account: &AccountId) -> bool {
		active.seat(account).map_or_else(|| Jailed::<T>::contains_key(account), |seat| seat.jailed)
	}

	/// Begins a session: deletes the sets of earlier ones, and disables the session's jailed
	/// members, because the session has forgotten who was disabled if the set changed.
	fn begin_session(session: SessionIndex) {
		let over: Vec<_> = Sets::<T>::iter_keys().filter(|stored| *stored < session).collect();
		for stored in over {
			Sets::<T>::remove(stored);
		}
		Self::count_members(session);
		for validator in Self::set_of(session).members {
			if Jailed::<T>::contains_key(&validator.account) {
				T::DisableValidator::disable(&validator.account);
			}
		}
	}

	/// The validators of a session that is in force, queued or planned, with their stakes in the
	/// snapshot from which they were chosen. Empty for any other session. Reads no live state: a
	/// chosen set never changes.
	pub fn set_of(session: SessionIndex) -> ChosenSet {
		Sets::<T>::get(session)
	}

	/// The same set in the form stored with a seed. `key_of` gives verifier keys; a validator
	/// without one is left out. Jail is as of this block.
	pub fn validator_set(
		session: SessionIndex,
		mut key_of: impl FnMut(&AccountId) -> Option<VerifierId>,
	) -> ValidatorSet {
		let active = ActiveSet::<T>::get();
		let set = Self::set_of(session);
		let members: Vec<_> = set
			.members
			.into_iter()
			.filter_map(|validator| {
				Some(SeatedValidator {
					key: key_of(&validator.account)?,
					jailed: Self::is_jailed_with(&active, &validator.account),
					account: validator.account,
					stake: validator.stake,
				})
			})
			.collect();
		ValidatorSet { snapshot: set.snapshot, members: SeatedValidators::truncate_from(members) }
	}

	/// The jailed members of the sets that are in force, queued or planned, and of the active set,
	/// from which the next ones are chosen. If there are more than can be returned, those of the
	/// sets take precedence, the oldest set first. Ascending.
	pub fn jailed_validators() -> BoundedVec<AccountId, ConstU32<MAX_VALIDATORS>> {
		let active = ActiveSet::<T>::get();
		let mut sets: Vec<_> = Sets::<T>::iter().collect();
		sets.sort_unstable_by_key(|(session, _)| *session);
		let mut seen = BTreeSet::new();
		let mut jailed: Vec<AccountId> = Vec::new();
		let members = sets
			.into_iter()
			.flat_map(|(_, set)| set.members)
			.map(|validator| validator.account)
			.chain(active.seats.iter().map(|seat| seat.account.clone()));
		for account in members {
			if seen.insert(account.clone()) && Self::is_jailed_with(&active, &account) {
				jailed.push(account);
			}
		}
		jailed.truncate(MAX_VALIDATORS as usize);
		jailed.sort_unstable();
		BoundedVec::truncate_from(jailed)
	}

	/// Withdraws the session keys of `who` unless it validates.
	pub(crate) fn do_purge_keys(who: &AccountId) -> DispatchResult {
		ensure!(!Self::is_validating(who), Error::<T>::Validating);
		T::PurgeKeys::purge_keys(who)?;
		Self::deposit_event(Event::SessionKeysPurged { account: who.clone() });
		Ok(())
	}

	/// Whether `account` is in a set that is in force, queued or planned. Such an account must keep
	/// its session keys, or BABE could not find it.
	pub fn is_validating(account: &AccountId) -> bool {
		Sets::<T>::iter_values()
			.any(|set| set.members.iter().any(|validator| validator.account == *account))
	}
}

impl<T: Config> pallet_session::SessionManager<AccountId> for Pallet<T> {
	fn new_session(new_index: SessionIndex) -> Option<Vec<AccountId>> {
		Self::plan_session(new_index, false)
	}

	fn new_session_genesis(new_index: SessionIndex) -> Option<Vec<AccountId>> {
		Self::plan_session(new_index, true)
	}

	fn start_session(session: SessionIndex) {
		Self::begin_session(session);
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

/// Adds the full identification, which is empty.
fn with_unit(accounts: Vec<AccountId>) -> Vec<(AccountId, ())> {
	accounts.into_iter().map(|account| (account, ())).collect()
}
