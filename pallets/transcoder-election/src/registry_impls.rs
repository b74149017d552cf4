//! Registration, terms, and what an account announces itself.

use alloc::{collections::BTreeSet, vec::Vec};
use core::cmp::Reverse;
use frame_support::{
	ensure,
	traits::{Contains, Get},
	weights::Weight,
};
use livepeer_primitives::{
	duty::Profiles,
	params::ElectionParameters,
	service::ServiceRecord,
	traits::{OnAvailable, OnTranscoderLost, Rounds, Stake},
	AccountId, Balance,
};
use sp_runtime::{DispatchError, DispatchResult, PerThing, Perbill};

use crate::{
	choice::is_allowed_in_lock_period, ActiveSet, Availability, Available, Config, Departed, Error,
	Event, Jailed, NextOrder, Offline, Pallet, Registration, Services, Terms, Transcoders,
	WeightInfo,
};

impl<T: Config> Pallet<T> {
	/// The parameters in force.
	pub(crate) fn parameters() -> ElectionParameters {
		T::Parameters::get()
	}

	/// Registers `who` or changes its terms and record. Returns the weight of looking up other
	/// registrations, for the lowest price or for the weakest.
	pub(crate) fn do_transcoder(
		who: &AccountId,
		terms: Terms,
		service: ServiceRecord,
	) -> Result<Weight, DispatchError> {
		ensure!(
			T::Stake::self_bond(who) >= Self::parameters().min_self_bond,
			Error::<T>::NotEnoughSelfBond
		);
		let weight = match Transcoders::<T>::get(who) {
			None => {
				ensure!(!Jailed::<T>::contains_key(who), Error::<T>::Jailed);
				ensure!(!T::Rounds::in_lock_period(), Error::<T>::TermsLocked);
				let weight = Self::make_room(who)?;
				Self::insert_registration(who, terms);
				Self::deposit_event(Event::TranscoderRegistered { transcoder: who.clone(), terms });
				weight
			}
			Some(registration) if registration.terms != terms => {
				let looked_up = Self::ensure_terms_may_change(&registration.terms, &terms)?;
				Transcoders::<T>::insert(who, Registration { terms, ..registration });
				Self::deposit_event(Event::TermsChanged { transcoder: who.clone(), terms });
				T::WeightInfo::lowest_price(looked_up)
			}
			Some(_) => T::WeightInfo::lowest_price(0),
		};
		Self::put_service(who, service);
		Ok(weight)
	}

	/// Makes room for `who` in a full candidate list. A transcoder on it without the minimum own
	/// bond is removed, or else the one with the least stake, if that is less than the stake of
	/// `who`. Among equals the newest is removed, and a transcoder with a seat stays for the round.
	/// Returns the weight.
	fn make_room(who: &AccountId) -> Result<Weight, DispatchError> {
		if Transcoders::<T>::count() < T::MaxCandidates::get() {
			return Ok(T::WeightInfo::lowest_price(0));
		}
		let (weakest, looked_up) = Self::weakest();
		let (stake, weakest) = weakest.ok_or(Error::<T>::TooManyCandidates)?;
		ensure!(T::Stake::next_stake(who) > stake, Error::<T>::TooManyCandidates);
		Self::remove_registration(&weakest);
		Self::deposit_event(Event::TranscoderEvicted {
			transcoder: weakest.clone(),
			by: who.clone(),
		});
		Self::forget_resolved(&weakest);
		Ok(T::WeightInfo::weakest(looked_up).saturating_add(T::WeightInfo::drop_registration()))
	}

	/// The registered transcoder without a seat that has the least stake in the next round; own
	/// bonds below the minimum count as no stake. Among equals, the newest. Also returns how many
	/// registrations were looked up.
	pub(crate) fn weakest() -> (Option<(Balance, AccountId)>, u32) {
		let minimum = Self::parameters().min_self_bond;
		let active = ActiveSet::<T>::get();
		let seated: BTreeSet<_> = active.seats.iter().map(|seat| &seat.account).collect();
		let mut looked_up = 0u32;
		let mut weakest: Option<(Balance, Reverse<u64>, AccountId)> = None;
		for (account, registration) in Transcoders::<T>::iter() {
			looked_up = looked_up.saturating_add(1);
			if seated.contains(&account) {
				continue;
			}
			let stake = if T::Stake::self_bond(&account) < minimum {
				0
			} else {
				T::Stake::next_stake(&account)
			};
			let key = (stake, Reverse(registration.order), account);
			if weakest.as_ref().is_none_or(|least| key < *least) {
				weakest = Some(key);
			}
		}
		(weakest.map(|(stake, _, account)| (stake, account)), looked_up)
	}

	/// Checks that terms can change now. Returns how many registrations were looked up.
	fn ensure_terms_may_change(old: &Terms, new: &Terms) -> Result<u32, DispatchError> {
		if !T::Rounds::in_lock_period() {
			return Ok(0);
		}
		// A change that no lowest price would allow needs no look-up.
		ensure!(is_allowed_in_lock_period(old, new, 0), Error::<T>::TermsLocked);
		let (lowest, looked_up) = Self::lowest_price();
		ensure!(is_allowed_in_lock_period(old, new, lowest), Error::<T>::PriceBelowLowest);
		Ok(looked_up)
	}

	/// The lowest registered price (0 if nobody is registered), and how many registrations were
	/// looked up.
	pub(crate) fn lowest_price() -> (Balance, u32) {
		let (lowest, looked_up) = Transcoders::<T>::iter_values().fold(
			(Balance::MAX, 0u32),
			|(lowest, looked_up), registration| {
				(lowest.min(registration.terms.price), looked_up.saturating_add(1))
			},
		);
		(if looked_up == 0 { 0 } else { lowest }, looked_up)
	}

	/// Adds `who` to the candidate list.
	pub(crate) fn insert_registration(who: &AccountId, terms: Terms) {
		let order = NextOrder::<T>::get();
		NextOrder::<T>::put(order.saturating_add(1));
		Transcoders::<T>::insert(who, Registration { terms, order, since: Self::height() });
		Departed::<T>::remove(who);
	}

	/// Stores where `who` is reached, and emits an event if that changes for a registered
	/// transcoder.
	fn put_service(who: &AccountId, service: ServiceRecord) {
		let old = Services::<T>::get(who);
		if old.as_ref() == Some(&service) {
			return;
		}
		Services::<T>::insert(who, service);
		if old.is_some() {
			Self::deposit_event(Event::ServiceChanged { transcoder: who.clone() });
		}
	}

	/// Changes where a registered or departed transcoder is reached.
	pub(crate) fn do_set_service(who: &AccountId, service: ServiceRecord) -> DispatchResult {
		ensure!(Services::<T>::contains_key(who), Error::<T>::NotRegistered);
		Self::put_service(who, service);
		Ok(())
	}

	/// Removes `who` at its own request.
	pub(crate) fn do_resign(who: &AccountId) -> DispatchResult {
		ensure!(Transcoders::<T>::contains_key(who), Error::<T>::NotRegistered);
		Self::remove_registration(who);
		Self::deposit_event(Event::TranscoderResigned { transcoder: who.clone() });
		Self::forget_resolved(who);
		Ok(())
	}

	/// Takes `who`, whose own bond is below the minimum, off the candidate list.
	pub(crate) fn drop_registration(who: &AccountId) {
		Self::remove_registration(who);
		Self::deposit_event(Event::TranscoderDropped { transcoder: who.clone() });
		Self::forget_resolved(who);
	}

	/// Removes `who` from everything except jail. The service record stays while judges need it:
	/// otherwise anybody who can make `who` leave, by more stake or a small slash, could make its
	/// claims fail, because no judge would find the bytes.
	fn remove_registration(who: &AccountId) {
		Transcoders::<T>::remove(who);
		if T::StillServes::contains(who) {
			Departed::<T>::insert(who, ());
		} else {
			Services::<T>::remove(who);
		}
		Available::<T>::remove(who);
		Offline::<T>::remove(who);
		ActiveSet::<T>::mutate(|active| active.seats.retain(|seat| seat.account != *who));
		T::OnTranscoderLost::on_transcoder_lost(who);
	}

	/// Deletes the service records of departed transcoders of which nothing is judged any more.
	/// Returns the weight.
	pub(crate) fn forget_departed() -> Weight {
		let db = T::DbWeight::get();
		let departed: Vec<_> = Departed::<T>::iter_keys().collect();
		departed.into_iter().fold(db.reads(1), |weight, who| {
			// Its key, its places and its claims are read.
			let weight = weight.saturating_add(db.reads(3));
			if T::StillServes::contains(&who) {
				return weight;
			}
			Departed::<T>::remove(&who);
			Services::<T>::remove(&who);
			weight.saturating_add(db.writes(2))
		})
	}

	/// Announces a capacity, by the account's own call.
	pub(crate) fn do_set_available(
		who: &AccountId,
		capacity: u64,
		profiles: Profiles,
	) -> DispatchResult {
		ensure!(Transcoders::<T>::contains_key(who), Error::<T>::NotRegistered);
		ensure!(!Jailed::<T>::contains_key(who), Error::<T>::Jailed);
		ensure!(Self::ascend(&profiles), Error::<T>::ProfilesNotAscending);
		Self::put_capacity(who, capacity, profiles);
		Self::forget_offline_of(who);
		Self::deposit_event(Event::AvailabilityChanged { transcoder: who.clone(), capacity });
		Ok(())
	}

	/// Whether profiles ascend, so that none occurs twice.
	pub(crate) fn ascend(profiles: &Profiles) -> bool {
		profiles.windows(2).all(|pair| pair[0] < pair[1])
	}

	/// Stores a capacity. With 0 too, because a transcoder that takes nothing new still shows by
	/// heartbeats that it serves what it has. Whatever its keys signed before is void.
	pub(crate) fn put_capacity(who: &AccountId, capacity: u64, profiles: Profiles) {
		let last_seen = Self::now();
		let before = Available::<T>::get(who);
		let announced = before.as_ref().and_then(|before| before.announced);
		let availability =
			Availability { capacity, profiles, last_seen, at: Self::height(), announced };
		match &before {
			Some(before) => Self::tell_available(who, Some(&availability), before),
			None if capacity > 0 => T::OnAvailable::on_available(who),
			None => (),
		}
		Available::<T>::insert(who, availability);
	}

	/// The canonical profile alone.
	#[cfg(feature = "runtime-benchmarks")]
	pub(crate) fn canonical_profile() -> Profiles {
		Profiles::truncate_from(alloc::vec![livepeer_primitives::video::CANONICAL_PROFILE])
	}

	/// Registers a transcoder of the chain's genesis.
	///
	/// Panics if the chain must not start: on an account that is listed twice or lacks its bond, on
	/// too many accounts, or on shares above one.
	pub(crate) fn register_at_genesis(
		who: &AccountId,
		terms: Terms,
		service: ServiceRecord,
		capacity: u64,
		profiles: Profiles,
	) {
		assert!(
			Self::ascend(&profiles),
			"the profiles of the genesis transcoder {who:?} do not ascend"
		);
		assert!(
			!Transcoders::<T>::contains_key(who),
			"genesis lists the transcoder {who:?} more than once"
		);
		assert!(
			Transcoders::<T>::count() < T::MaxCandidates::get(),
			"genesis lists too many transcoders"
		);
		assert!(
			T::Stake::self_bond(who) >= Self::parameters().min_self_bond,
			"the genesis transcoder {who:?} has less than the minimum bonded to itself"
		);
		assert!(
			[terms.reward_cut, terms.fee_share]
				.into_iter()
				.all(|share| share.deconstruct() <= <Perbill as PerThing>::ACCURACY),
			"the genesis transcoder {who:?} has a share above one"
		);
		Self::insert_registration(who, terms);
		Services::<T>::insert(who, service);
		// With 0 it has announced nothing, and serves nothing yet.
		if capacity > 0 {
			Self::put_capacity(who, capacity, profiles);
		}
	}
}
