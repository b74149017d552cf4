//! Which validators make the blocks that are expected of them, and which are offline.

use alloc::{collections::BTreeSet, vec::Vec};
use frame_support::traits::Contains;
use livepeer_primitives::{
	traits::{RewardedSeat, RewardedSeats, Rounds},
	AccountId, Balance, RoundIndex,
};
use sp_staking::SessionIndex;

use crate::{
	ActiveSet, Available, ChosenSet, Config, Event, Meters, Offline, Pallet, Presence, Present,
	Sets, Transcoders, OFFLINE_ROUNDS, ONE_BLOCK,
};

impl<T: Config> Pallet<T> {
	/// The set of the session in force: the oldest that is stored.
	pub(crate) fn set_in_force() -> ChosenSet {
		Sets::<T>::iter_keys().min().map(Self::set_of).unwrap_or_default()
	}

	/// Starts counting for the members of a session, and deletes those that are in no set any more.
	pub(crate) fn count_members(session: SessionIndex) {
		let members = Self::set_of(session).members;
		let count = (members.len() as u64).max(1);
		let meter = Meters::<T>::mutate(|meter| {
			meter.step = ONE_BLOCK / count;
			*meter
		});
		for member in &members {
			Present::<T>::mutate(&member.account, |presence| {
				presence.get_or_insert_with(|| Presence::new(meter.value));
			});
		}
		let stored: BTreeSet<_> = Sets::<T>::iter_values()
			.flat_map(|set| set.members)
			.map(|member| member.account)
			.collect();
		let gone: Vec<_> =
			Present::<T>::iter_keys().filter(|account| !stored.contains(account)).collect();
		for account in gone {
			Present::<T>::remove(account);
		}
	}

	/// Marks the members of the set in force that make no blocks and send no heartbeats.
	pub(crate) fn mark_offline() {
		let meter = Meters::<T>::get();
		let until = T::Rounds::current().saturating_add(OFFLINE_ROUNDS);
		for member in Self::set_in_force().members {
			let account = member.account;
			let silent = Present::<T>::get(&account).is_some_and(|seen| seen.is_silent(&meter));
			if silent
				&& Transcoders::<T>::contains_key(&account)
				&& !Self::is_heard_of(&account)
				&& !Offline::<T>::contains_key(&account)
			{
				Offline::<T>::insert(&account, until);
				Self::deposit_event(Event::ValidatorOffline { validator: account, until });
			}
		}
	}

	/// Whether heartbeats of `account` arrive in time.
	fn is_heard_of(account: &AccountId) -> bool {
		let interval = Self::parameters().heartbeat_interval;
		Available::<T>::get(account).is_some_and(|seen| seen.is_fresh(Self::now(), interval))
	}

	/// `who` has shown that it is present.
	pub(crate) fn forget_offline_of(who: &AccountId) {
		if Offline::<T>::take(who).is_some() {
			Self::deposit_event(Event::ValidatorBack { validator: who.clone() });
		}
	}

	/// Lets validators whose time is over try again in `round`.
	pub(crate) fn forget_offline(round: RoundIndex) {
		let over: Vec<_> = Offline::<T>::iter()
			.filter(|(_, until)| *until <= round)
			.map(|(account, _)| account)
			.collect();
		for account in over {
			Self::forget_offline_of(&account);
		}
	}
}

impl<T: Config>
	pallet_authorship::EventHandler<AccountId, frame_system::pallet_prelude::BlockNumberFor<T>>
	for Pallet<T>
{
	fn note_author(author: AccountId) {
		let meter = Meters::<T>::mutate(|meter| {
			meter.value = meter.value.saturating_add(meter.step);
			*meter
		});
		let round = T::Rounds::current();
		Present::<T>::mutate_extant(&author, |presence| presence.note_block(meter.value, round));
		// A validator that was silent for a while, or whose blocks others left out, is still in the
		// session.
		Self::forget_offline_of(&author);
	}
}

impl<T: Config> RewardedSeats for Pallet<T> {
	fn rewarded_seats() -> (RoundIndex, Balance, Vec<RewardedSeat>) {
		let active = ActiveSet::<T>::get();
		let meter = Meters::<T>::get();
		let round = active.round;
		let chilled: BTreeSet<_> = crate::Chilled::<T>::get()
			.into_iter()
			.filter(|(_, until)| *until > round)
			.map(|(account, _)| account)
			.collect();
		let validating: BTreeSet<_> =
			Self::set_in_force().members.into_iter().map(|member| member.account).collect();
		let now = Self::now();
		let interval = Self::parameters().heartbeat_interval;
		// Announcing capacity is not work if the transcoder may be offered nothing.
		// The next round has already begun when this one is paid.
		let works = |account: &AccountId| {
			Available::<T>::get(account)
				.is_some_and(|seen| seen.capacity > 0 && seen.is_fresh(now, interval))
				&& T::MayBeOffered::contains(&(account.clone(), round))
		};
		let does_its_part = |account: &AccountId| {
			!Offline::<T>::contains_key(account)
				&& Present::<T>::get(account)
					.is_none_or(|presence| presence.did_its_part(&meter, round))
		};
		let seats = active
			.seats
			.into_iter()
			.map(|seat| {
				let account = &seat.account;
				let earns = !seat.jailed
					&& !chilled.contains(account)
					&& if validating.contains(account) {
						does_its_part(account)
					} else {
						works(account)
					};
				RewardedSeat {
					transcoder: seat.account,
					stake: seat.stake,
					reward_cut: seat.reward_cut,
					earns,
				}
			})
			.collect();
		(round, active.stake, seats)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn make_seat(transcoder: &AccountId, stake: Balance) {
		use livepeer_primitives::traits::{Stake, TranscoderDirectory};
		T::Stake::make_stake(transcoder, stake);
		Self::make_candidate(transcoder, 1, 1);
		ActiveSet::<T>::mutate(|active| active.round = T::Rounds::current());
	}
}
