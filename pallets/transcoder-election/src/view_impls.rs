//! Reads for applications.

use alloc::vec::Vec;
use livepeer_primitives::{api::TranscoderView, traits::Stake, AccountId};

use crate::{
	ActiveSet, ActiveTranscoders, Available, Config, Jailed, Pallet, Registration, Services,
	Transcoders,
};

impl<T: Config> Pallet<T> {
	/// Every registered transcoder.
	pub(crate) fn all_views() -> Vec<TranscoderView> {
		let active = ActiveSet::<T>::get();
		Transcoders::<T>::iter()
			.map(|(account, registration)| Self::view(&active, account, registration))
			.collect()
	}

	/// One registered transcoder.
	pub(crate) fn view_of(account: &AccountId) -> Option<TranscoderView> {
		let registration = Transcoders::<T>::get(account)?;
		Some(Self::view(&ActiveSet::<T>::get(), account.clone(), registration))
	}

	/// A transcoder with the terms in force: those of its seat, or those that it will have.
	fn view(
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
