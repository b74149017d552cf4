//! The active set, and which of its members take work.

use alloc::{
	collections::{BTreeMap, BTreeSet},
	vec::Vec,
};
use frame_support::{ensure, weights::Weight, BoundedVec};
use livepeer_primitives::{
	domain::SEAT,
	draw::weighted_order,
	traits::{
		AcceptsStake, Beacon, Candidate, OnNewRound, Stake, StakeRefused, TranscoderDirectory,
	},
	AccountId, Balance, BlockNumber, Hash, RoundIndex, MAX_VALIDATORS,
};

use crate::{
	choice::{elect, Contender},
	ActiveSet, ActiveTranscoders, Available, Config, Event, Jailed, Meters, Pallet, Seat,
	Transcoders, WaitList, WaitingList, WeightInfo, MAX_DROPPED,
};

/// How many windows back to look for randomness for the drawn seat.
const MAX_SEED_AGE: u32 = 8;

impl<T: Config> Pallet<T> {
	/// Elects the active set of `round` and copies stake and terms into it. A transcoder whose own
	/// bond is below the minimum is passed over and leaves the candidate list, a bounded number at
	/// a time. Returns how many registered transcoders were read, how many are jailed, and how many
	/// registrations were dropped.
	///
	/// At genesis there is no earlier randomness to know, so its stakes have weight at once.
	pub(crate) fn elect(round: RoundIndex, at_genesis: bool) -> (u32, u32, u32) {
		let parameters = Self::parameters();
		let before: BTreeMap<_, _> = ActiveSet::<T>::get()
			.seats
			.into_iter()
			.map(|seat| (seat.account, seat.stake))
			.collect();
		// There are few, and they are read once.
		let jailed: BTreeSet<_> = Jailed::<T>::iter_keys().collect();
		let mut looked_at = 0u32;
		let mut contenders = Vec::new();
		let mut unbonded = Vec::new();
		for (account, registration) in Transcoders::<T>::iter() {
			looked_at = looked_at.saturating_add(1);
			let (own, stake) = T::Stake::own_and_active(&account);
			if own < parameters.min_self_bond {
				unbonded.push(account);
			} else if !jailed.contains(&account) {
				contenders.push(Contender {
					stake,
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
		let (elected, waiting) = elect(contenders, parameters.active_size.min(MAX_VALIDATORS));
		let drawn = Self::draw_seat(round, &elected, &waiting);
		Self::put_waiting_list(round, &waiting);
		let seats: Vec<_> = elected
			.into_iter()
			.map(|elected| (elected, false))
			// It has no more stake than the last elected one.
			.chain(drawn.into_iter().map(|drawn| (drawn, true)))
			.map(|(elected, random)| Seat {
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
				random,
			})
			.collect();
		let stake = seats.iter().fold(0, |sum: Balance, seat| sum.saturating_add(seat.stake));
		let seats = BoundedVec::truncate_from(seats);
		Self::deposit_event(Event::ActiveSetElected {
			round,
			transcoders: seats.len() as u32,
			stake,
		});
		if let Some(seat) = seats.iter().find(|seat| seat.random) {
			Self::deposit_event(Event::SeatDrawn { round, transcoder: seat.account.clone() });
		}
		ActiveSet::<T>::put(ActiveTranscoders { round, since: Self::now(), seats, stake });
		Self::forget_chilled(round);
		Self::forget_offline(round);
		Meters::<T>::mutate(|meter| meter.round_start = meter.value);
		(looked_at, jailed.len() as u32, unbonded.len() as u32)
	}

	/// Draws one of the waiting transcoders, by the stake that they had when the previous round
	/// began and with randomness from after that: nobody that bonds later, or knew the randomness,
	/// can steer it. The order is computed first; then those that cannot be seated are removed. If
	/// the first remaining one was elected, nobody is drawn: otherwise the next one could have
	/// lifted it over the last seat by stake.
	fn draw_seat(
		round: RoundIndex,
		elected: &[Contender],
		waiting: &[Contender],
	) -> Option<Contender> {
		let list = WaitList::<T>::get().filter(|list| list.round.saturating_add(1) == round)?;
		let seed = Self::newest_seed(list.since)?;
		let candidates = list.members.iter().map(|(account, stake)| (account, *stake));
		let order = weighted_order(SEAT, seed, &round, candidates);
		let contenders: BTreeMap<_, _> = elected
			.iter()
			.map(|seated| (&seated.account, None::<&Contender>))
			.chain(waiting.iter().map(|waits| (&waits.account, Some(waits))))
			.collect();
		order
			.into_iter()
			.filter_map(|index| list.members.get(index as usize))
			.find_map(|(account, _)| contenders.get(account).copied())
			.flatten()
			.cloned()
	}

	/// The newest stored seed of a window that began in the block `not_before` or later.
	fn newest_seed(not_before: BlockNumber) -> Option<Hash> {
		let window = T::Beacon::current_window();
		(0..MAX_SEED_AGE)
			.map_while(|back| window.checked_sub(back))
			.take_while(|window| T::Beacon::window_start(*window) >= not_before)
			.find_map(T::Beacon::seed)
			.map(|seed| seed.hash)
	}

	/// Stores who waits in `round`.
	fn put_waiting_list(round: RoundIndex, waiting: &[Contender]) {
		let members: Vec<_> =
			waiting.iter().map(|waits| (waits.account.clone(), waits.stake)).collect();
		if members.is_empty() {
			WaitList::<T>::kill();
		} else {
			let members = BoundedVec::truncate_from(members);
			WaitList::<T>::put(WaitingList { round, since: Self::now(), members });
		}
	}
}

impl<T: Config> OnNewRound for Pallet<T> {
	fn on_new_round(_finished: RoundIndex, new: RoundIndex) -> Weight {
		let (looked_at, jailed, dropped) = Self::elect(new, false);
		T::WeightInfo::elect(looked_at, jailed)
			.saturating_add(T::WeightInfo::drop_registration().saturating_mul(dropped.into()))
			.saturating_add(Self::forget_departed())
	}
}

impl<T: Config> AcceptsStake for Pallet<T> {
	fn accepts_stake(transcoder: &AccountId, _from: &AccountId) -> Result<(), StakeRefused> {
		ensure!(Transcoders::<T>::contains_key(transcoder), StakeRefused::NotRegistered);
		ensure!(!Jailed::<T>::contains_key(transcoder), StakeRefused::Jailed);
		Ok(())
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
					// It had no seat before, so it has no weight yet.
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
				random: false,
			};
			// In a full set the last member gives way.
			active.seats.truncate(crate::MAX_SEATS.saturating_sub(1) as usize);
			active.stake = active.stake.saturating_add(stake);
			let position = active.seats.partition_point(|other| other.stake >= stake);
			if active.seats.try_insert(position, seat).is_err() {
				log::error!(target: crate::LOG_TARGET, "the active set is full");
			}
		});
	}
}
