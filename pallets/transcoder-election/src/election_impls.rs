//! The active set, and who of it takes work.

use alloc::vec::Vec;
use frame_support::{weights::Weight, BoundedVec};
use livepeer_primitives::{
	traits::{AcceptsStake, Candidate, OnNewRound, Stake, TranscoderDirectory},
	AccountId, Balance, RoundIndex,
};

use crate::{
	choice::{elect, Contender},
	ActiveSet, ActiveTranscoders, Available, Config, Event, Jailed, Pallet, Seat, Transcoders,
	WeightInfo, MAX_SEATS,
};

impl<T: Config> Pallet<T> {
	/// Elects the active set of `round` and copies stake and terms into it. Returns how many
	/// registered transcoders were looked at.
	pub(crate) fn elect(round: RoundIndex) -> u32 {
		let parameters = Self::parameters();
		let mut looked_at = 0u32;
		let contenders: Vec<_> = Transcoders::<T>::iter()
			.inspect(|_| looked_at = looked_at.saturating_add(1))
			.filter(|(account, _)| {
				!Jailed::<T>::contains_key(account)
					&& T::Stake::self_bond(account) >= parameters.min_self_bond
			})
			.map(|(account, registration)| Contender {
				stake: T::Stake::active_stake(&account),
				account,
				order: registration.order,
				terms: registration.terms,
			})
			.collect();
		let seats: Vec<_> = elect(contenders, parameters.active_size.min(MAX_SEATS))
			.into_iter()
			.map(|elected| Seat {
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
		ActiveSet::<T>::put(ActiveTranscoders { round, seats });
		looked_at
	}

	/// Whether `account` is in this round's active set.
	pub fn is_active(account: &AccountId) -> bool {
		ActiveSet::<T>::get().seat(account).is_some()
	}
}

impl<T: Config> OnNewRound for Pallet<T> {
	fn on_new_round(_finished: RoundIndex, new: RoundIndex) -> Weight {
		T::WeightInfo::elect(Self::elect(new))
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
		ActiveSet::<T>::get()
			.seats
			.into_iter()
			.filter(|seat| !seat.jailed)
			.filter_map(|seat| {
				let availability = Available::<T>::get(&seat.account)?;
				let takes_work = availability.capacity > 0 && availability.is_fresh(now, interval);
				takes_work.then_some(Candidate {
					account: seat.account,
					stake: seat.stake,
					price: seat.price,
					fee_share: seat.fee_share,
					capacity: availability.capacity,
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
	fn make_candidate(transcoder: &AccountId, price: Balance, capacity: u32) {
		let terms = crate::Terms { price, ..Default::default() };
		crate::Services::<T>::insert(
			transcoder,
			livepeer_primitives::service::ServiceRecord::default(),
		);
		Self::insert_registration(transcoder, terms);
		Self::put_capacity(transcoder, capacity);
		let stake = T::Stake::active_stake(transcoder).max(livepeer_primitives::UNIT);
		ActiveSet::<T>::mutate(|active| {
			active.seats.retain(|seat| seat.account != *transcoder);
			let seat = Seat {
				account: transcoder.clone(),
				stake,
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
