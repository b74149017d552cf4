//! The reads for applications.

use alloc::{
	collections::{BTreeMap, BTreeSet},
	vec::Vec,
};
use core::cmp::Reverse;
use livepeer_primitives::{
	api::{Duty, DutyView, LeaveReason, PoolSeat, SeatReason, TranscoderView, ValidatorView},
	traits::{HasKeys, Rounds, Stake},
	AccountId, RoundIndex,
};

use crate::{
	ActiveSet, ActiveTranscoders, Available, Chilled, ChosenValidator, Config, Jailed, NewestSet,
	Offline, Pallet, Registration, Services, Transcoders,
};

impl<T: Config> Pallet<T> {
	/// The heartbeat of an available transcoder, from the first block in which it is accepted.
	pub(crate) fn heartbeat_due(account: &AccountId) -> Option<DutyView> {
		let availability = Available::<T>::get(account)?;
		let interval = Self::parameters().heartbeat_interval;
		let now = Self::now();
		if now < availability.next(crate::types::Duty::Heartbeat, interval)
			|| !availability.is_fresh(now, interval)
		{
			return None;
		}
		let until =
			availability.last_seen.saturating_add(interval.saturating_mul(2)).saturating_add(1);
		Some(DutyView { duty: Duty::Heartbeat, until })
	}

	/// Every registered transcoder.
	pub(crate) fn view_transcoders() -> Vec<TranscoderView> {
		let active = ActiveSet::<T>::get();
		Transcoders::<T>::iter()
			.map(|(account, registration)| Self::view_registration(&active, account, registration))
			.collect()
	}

	/// One registered transcoder.
	pub(crate) fn view_transcoder(account: &AccountId) -> Option<TranscoderView> {
		let registration = Transcoders::<T>::get(account)?;
		Some(Self::view_registration(&ActiveSet::<T>::get(), account.clone(), registration))
	}

	/// The round from which an account can be chosen as a validator again, if it cannot be now.
	pub(crate) fn view_chilled_until(account: &AccountId) -> Option<RoundIndex> {
		let round = T::Rounds::current();
		Chilled::<T>::get()
			.into_iter()
			.find(|(chilled, until)| chilled == account && *until > round)
			.map(|(_, until)| until)
	}

	/// Every candidate, in the order of the next election.
	pub(crate) fn view_pool() -> Vec<PoolSeat> {
		let active = ActiveSet::<T>::get();
		let chilled = Self::chilled_now();
		let minimum = Self::parameters().min_self_bond;
		let waiting: BTreeMap<_, _> = Self::waiting().into_iter().collect();
		let validating: BTreeSet<_> =
			Self::set_in_force().members.into_iter().map(|member| member.account).collect();
		let mut pool: Vec<_> = Transcoders::<T>::iter()
			.map(|(account, registration)| {
				let seat = active.seat(&account);
				let jailed = Jailed::<T>::contains_key(&account);
				let reason = match seat {
					_ if jailed => SeatReason::Jailed,
					Some(seat) if seat.random => SeatReason::Drawn,
					Some(_) => SeatReason::Stake,
					None if T::Stake::self_bond(&account) < minimum => SeatReason::OwnBond,
					None if waiting.contains_key(&account) => SeatReason::Waits,
					None => SeatReason::New,
				};
				let before = waiting.get(&account).copied().unwrap_or(0);
				let candidate = PoolSeat {
					stake: seat.map_or(before, |seat| seat.stake),
					next_stake: T::Stake::next_stake(&account),
					reason,
					validates: validating.contains(&account),
					barred: Self::is_barred(&active, &chilled, &account),
					account,
				};
				(candidate, registration.order)
			})
			.collect();
		pool.sort_by_key(|(candidate, order)| (Reverse(candidate.next_stake), *order));
		pool.into_iter().map(|(candidate, _)| candidate).collect()
	}

	/// The validators of the session in force and of the newest planned one, and those that would
	/// be chosen now; highest stake first.
	pub(crate) fn view_validators() -> Vec<ValidatorView> {
		let active = ActiveSet::<T>::get();
		let chilled = Self::chilled_now();
		let in_force = Self::set_in_force();
		let planned = NewestSet::<T>::get().map(Self::set_of).unwrap_or_default();
		let next = Self::choose_now(&active, &planned, &chilled);
		let names = |members: &[ChosenValidator], account: &AccountId| {
			members.iter().any(|member| member.account == *account)
		};
		let mut seen = BTreeSet::new();
		let mut views: Vec<_> = in_force
			.members
			.iter()
			.chain(planned.members.iter())
			.chain(next.iter())
			.filter(|member| seen.insert(member.account.clone()))
			.map(|member| ValidatorView {
				account: member.account.clone(),
				stake: member.stake,
				in_force: names(&in_force.members, &member.account),
				planned: names(&planned.members, &member.account),
				next: names(&next, &member.account),
				leaves: Self::why_leaves(&active, &chilled, &next, &member.account),
			})
			.collect();
		views.sort_by(|a, b| b.stake.cmp(&a.stake).then_with(|| a.account.cmp(&b.account)));
		views
	}

	/// Why an account is not eligible as a validator now.
	fn why_leaves(
		active: &ActiveTranscoders,
		chilled: &BTreeSet<AccountId>,
		next: &[ChosenValidator],
		account: &AccountId,
	) -> Option<LeaveReason> {
		let seat = active.seat(account).filter(|seat| !seat.random);
		let stake = seat.map_or(0, |seat| seat.stake);
		if Jailed::<T>::contains_key(account) {
			Some(LeaveReason::Jailed)
		} else if chilled.contains(account) {
			Some(LeaveReason::Chilled)
		} else if Offline::<T>::contains_key(account) {
			Some(LeaveReason::Offline)
		} else if seat.is_none() {
			Some(LeaveReason::NoSeat)
		} else if stake < Self::parameters().min_validator_stake {
			Some(LeaveReason::LittleStake)
		} else if !T::SessionKeys::has_keys(account) {
			Some(LeaveReason::NoKeys)
		} else if next.iter().all(|member| member.account != *account) {
			Some(LeaveReason::SmallPart)
		} else {
			None
		}
	}

	/// A transcoder with the terms in force: those of its seat, or those that it will have.
	fn view_registration(
		active: &ActiveTranscoders,
		account: AccountId,
		registration: Registration,
	) -> TranscoderView {
		let seat = active.seat(&account);
		let terms = registration.terms;
		let (capacity, profiles) = Available::<T>::get(&account)
			.map(|availability| (availability.capacity, availability.profiles))
			.unwrap_or_default();
		TranscoderView {
			stake: T::Stake::active_stake(&account),
			price: seat.map_or(terms.price, |seat| seat.price),
			reward_cut: seat.map_or(terms.reward_cut, |seat| seat.reward_cut),
			fee_share: seat.map_or(terms.fee_share, |seat| seat.fee_share),
			capacity,
			profiles,
			active: seat.is_some(),
			jailed: Jailed::<T>::contains_key(&account),
			service: Services::<T>::get(&account).unwrap_or_default(),
			account,
		}
	}
}
