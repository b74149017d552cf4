//! Where streams come from.

use frame_support::{dispatch::DispatchResult, traits::Get};
use livepeer_primitives::{service::ServiceRecord, AccountId};

use crate::{
	types::{Origin, StreamName},
	Config, Error, Event, HoldReason, Origins, Pallet,
};

impl<T: Config> Pallet<T> {
	/// See [`Pallet::set_origin`].
	pub(crate) fn do_set_origin(
		who: AccountId,
		name: StreamName,
		record: ServiceRecord,
	) -> DispatchResult {
		let stream = Self::stream_of(&who, &name)?;
		let deposit = match Origins::<T>::get(stream) {
			Some(old) => old.deposit,
			None => {
				let deposit = T::Parameters::get().broadcaster_bond;
				Self::hold(HoldReason::Origin, &who, deposit)?;
				deposit
			}
		};
		let broadcaster = who.clone();
		Origins::<T>::insert(stream, Origin { broadcaster, record: record.clone(), deposit });
		Self::deposit_event(Event::OriginSet { stream, broadcaster: who, name, record });
		Ok(())
	}

	/// See [`Pallet::clear_origin`].
	pub(crate) fn do_clear_origin(who: AccountId, name: StreamName) -> DispatchResult {
		// The stream's id binds the caller, so it is the caller's record.
		let stream = Self::stream_of(&who, &name)?;
		let origin = Origins::<T>::take(stream).ok_or(Error::<T>::NoOrigin)?;
		Self::release(HoldReason::Origin, &who, origin.deposit)?;
		Self::deposit_event(Event::OriginCleared { stream, broadcaster: who });
		Ok(())
	}
}
