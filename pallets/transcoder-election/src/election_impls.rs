//! The active set, and who of it takes work.

use alloc::{collections::BTreeMap, vec::Vec};
use frame_support::{weights::Weight, BoundedVec};
use livepeer_primitives::{
	traits::{AcceptsStake, Candidate, OnNewRound, Stake, TranscoderDirectory},
	AccountId, Balance, RoundIndex,
};

use crate::{
	choice::{elect, Contender},
	ActiveSet, ActiveTranscoders, Available, Config, Event, Jailed, Pallet, Seat, Transcoders,
	WeightInfo, MAX_DROPPED, MAX_SEATS,
};

impl<T: Config> Pallet<T> {
	/// Elects the active set of `round` and copies stake and terms into it. Whose own bond is below
	/// the minimum is passed over and leaves the candidate list, a bounded number at a time. Returns
	/// how many registered transcoders were looked at, and how many of them were dropped.
	///
	/// At genesis nobody knows any chance, so its stakes weigh at once.
	pub(crate) fn elect(round: RoundIndex, at_genesis: bool) -> (u32, u32) {
		let parameters = Self::parameters();
		let before: BTreeMap<_, _> = ActiveSet::<T>::get()
			.seats
			.into_iter()
			.map(|seat| (seat.account, seat.stake))
			.collect();
		let mut looked_at = 0u32;
		let mut contenders = Vec::new();
		let mut unbonded = Vec::new();
		for (account, registration) in Transcoders::<T>::iter() {
			looked_at = looked_at.saturating_add(1);
			if T::Stake::self_bond(&account) < parameters.min_self_bond {
				unbonded.push(account);
			} else if !Jailed::<T>::contains_key(&account) {
				contenders.push(Contender {
					stake: T::Stake::active_stake(&account),
					account,
					order: registration.order,
					terms: registration.terms,
				});
			}
		}
		unbonded.truncate(MAX_DROPPED as usize);
		for account in &unbonded {
			Self::drop_registration(account);
		}
		let seats: Vec<_> = elect(contenders, parameters.active_size.min(MAX_SEATS))
			.into_iter()
			.map(|elected| Seat {
				stake_before: if at_genesis {
					elected.stake
				} else {
					before.get(&elected.account).copied().unwrap_or(0)
				},
				account: elected.account,
				stake: elected.stake,
				price: elected.terms.price,
				reward_cut: elected.terms.reward_cut,
				fee_share: elected.terms.fee_share,
				jailed: false,
			})
			.collect();
		let stake = seats.iter().fold(0, |sum: Balance, seat| sum.saturating_add(seat.stake));
		let seats = BoundedVec::truncate_from(seats);
		Self::deposit_event(Event::ActiveSetElected {
			round,
			transcoders: seats.len() as u32,
			stake,
		});
		ActiveSet::<T>::put(ActiveTranscoders { round, since: Self::now(), seats });
		Self::forget_chilled(round);
		(looked_at, unbonded.len() as u32)
	}

	/// Whether `account` is in this round's active set.
	pub fn is_active(account: &AccountId) -> bool {
		ActiveSet::<T>::get().seat(account).is_some()
	}
}

impl<T: Config> OnNewRound for Pallet<T> {
	fn on_new_round(_finished: RoundIndex, new: RoundIndex) -> Weight {
		let (looked_at, dropped) = Self::elect(new, false);
		T::WeightInfo::elect(looked_at)
			.saturating_add(T::WeightInfo::drop_registration().saturating_mul(dropped.into()))
	}
}

impl<T: Config> AcceptsStake for Pallet<T> {
	fn accepts_stake(transcoder: &AccountId, _from: &AccountId) -> bool {
		Transcoders::<T>::contains_key(transcoder) && !Jailed::<T>::contains_key(transcoder)
	}
}

impl<T: Config> TranscoderDirectory for Pallet<T> {
	fn candidates() -> Vec<Candidate> {
		let now = Self::now();
		let interval = Self::parameters().heartbeat_interval;
		let active = ActiveSet::<T>::get();
		let weighs = active.weighs(now);
		active
			.seats
			.into_iter()
			.filter(|seat| !seat.jailed)
			.filter_map(|seat| {
				let availability = Available::<T>::get(&seat.account)?;
				let takes_work = availability.capacity > 0 && availability.is_fresh(now, interval);
				takes_work.then_some(Candidate {
					account: seat.account,
					// Without a seat before: no weight yet.
					stake: if weighs { seat.stake } else { seat.stake_before },
					price: seat.price,
					fee_share: seat.fee_share,
					capacity: availability.capacity,
					profiles: availability.profiles,
				})
			})
			.collect()
	}

	fn is_jailed(transcoder: &AccountId) -> bool {
		Jailed::<T>::contains_key(transcoder)
	}

	fn is_available(transcoder: &AccountId) -> bool {
		Available::<T>::get(transcoder).is_some_and(|availability| {
			availability.is_fresh(Self::now(), Self::parameters().heartbeat_interval)
		})
	}

	fn note_not_accepted(transcoder: &AccountId) {
		Self::deposit_event(Event::AssignmentNotAccepted { transcoder: transcoder.clone() });
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn make_candidate(transcoder: &AccountId, price: Balance, capacity: u64) {
		let terms = crate::Terms { price, ..Default::default() };
		crate::Services::<T>::insert(
			transcoder,
			livepeer_primitives::service::ServiceRecord::default(),
		);
		Self::insert_registration(transcoder, terms);
		Self::put_capacity(transcoder, capacity, Self::canonical_profile());
		let stake = T::Stake::active_stake(transcoder).max(livepeer_primitives::UNIT);
		ActiveSet::<T>::mutate(|active| {
			active.seats.retain(|seat| seat.account != *transcoder);
			let seat = Seat {
				account: transcoder.clone(),
				stake,
				stake_before: stake,
				price,
				reward_cut: terms.reward_cut,
				fee_share: terms.fee_share,
				jailed: false,
			};
			// In a full set the last one gives way.
			active.seats.truncate(MAX_SEATS.saturating_sub(1) as usize);
			let position = active.seats.partition_point(|other| other.stake >= stake);
			if active.seats.try_insert(position, seat).is_err() {
				log::error!(target: crate::LOG_TARGET, "the active set is full");
			}
		});
	}
}
