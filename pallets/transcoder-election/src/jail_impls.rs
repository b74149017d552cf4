//! Jail.

use frame_support::ensure;
use livepeer_primitives::{
	traits::{DisableValidator, Jail, OnTranscoderLost},
	AccountId,
};
use sp_runtime::DispatchResult;

use crate::{ActiveSet, Available, Config, Error, Event, Jailed, Pallet, LOG_TARGET};

impl<T: Config> Pallet<T> {
	/// Lets `who` out if nothing is open against it.
	pub(crate) fn do_unjail(who: &AccountId) -> DispatchResult {
		let open_verdicts = Jailed::<T>::get(who).ok_or(Error::<T>::NotJailed)?;
		ensure!(open_verdicts == 0, Error::<T>::VerdictOpen);
		Jailed::<T>::remove(who);
		Self::mark_seat(who, false);
		Self::deposit_event(Event::TranscoderUnjailed { transcoder: who.clone() });
		Ok(())
	}

	/// Marks the seat of `who` in this round's active set, if it has one.
	fn mark_seat(who: &AccountId, jailed: bool) {
		ActiveSet::<T>::mutate(|active| {
			if let Some(seat) = active.seats.iter_mut().find(|seat| seat.account == *who) {
				seat.jailed = jailed;
			}
		});
	}
}

impl<T: Config> Jail for Pallet<T> {
	fn detain(transcoder: &AccountId) {
		let before = Jailed::<T>::get(transcoder);
		let open_verdicts = before.unwrap_or(0).saturating_add(1);
		Jailed::<T>::insert(transcoder, open_verdicts);
		if before.is_none() {
			Available::<T>::remove(transcoder);
			Self::mark_seat(transcoder, true);
			T::OnTranscoderLost::on_transcoder_lost(transcoder);
			T::DisableValidator::disable(transcoder);
		}
		Self::deposit_event(Event::TranscoderJailed {
			transcoder: transcoder.clone(),
			open_verdicts,
		});
	}

	fn resolve(transcoder: &AccountId) {
		let Some(open_verdicts) =
			Jailed::<T>::get(transcoder).and_then(|open_verdicts| open_verdicts.checked_sub(1))
		else {
			log::error!(
				target: LOG_TARGET,
				"a verdict against {transcoder:?} was resolved without having been opened",
			);
			return;
		};
		Jailed::<T>::insert(transcoder, open_verdicts);
		Self::deposit_event(Event::VerdictResolved {
			transcoder: transcoder.clone(),
			open_verdicts,
		});
	}
}
