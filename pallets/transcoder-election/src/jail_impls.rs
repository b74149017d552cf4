//! Jail, and chill.

use alloc::collections::BTreeSet;
use frame_support::ensure;
use livepeer_primitives::{
	traits::{Chill, DisableValidator, Jail, OnTranscoderLost, Rounds},
	AccountId, RoundIndex,
};
use sp_runtime::DispatchResult;

use crate::{
	ActiveSet, Available, Chilled, Config, Error, Event, Jailed, Pallet, Transcoders, LOG_TARGET,
};

impl<T: Config> Pallet<T> {
	/// Lets `who` leave jail if nothing is open against it.
	pub(crate) fn do_unjail(who: &AccountId) -> DispatchResult {
		let open_verdicts = Jailed::<T>::get(who).ok_or(Error::<T>::NotJailed)?;
		ensure!(open_verdicts == 0, Error::<T>::VerdictOpen);
		Self::release(who);
		Ok(())
	}

	/// Ends jail. What the keys of `who` signed before that is void: it must announce its capacity
	/// anew.
	pub(crate) fn release(who: &AccountId) {
		Jailed::<T>::remove(who);
		Self::mark_seat(who, false);
		Transcoders::<T>::mutate_exists(who, |registration| {
			if let Some(registration) = registration {
				registration.since = Self::height();
			}
		});
		Self::deposit_event(Event::TranscoderUnjailed { transcoder: who.clone() });
	}

	/// Ends the jail of a transcoder that has left the candidate list and against which nothing is
	/// open. It has no place to return to, and its entry would stay for ever.
	pub(crate) fn forget_resolved(who: &AccountId) {
		if Jailed::<T>::get(who) == Some(0) && !Transcoders::<T>::contains_key(who) {
			Self::release(who);
		}
	}

	/// The accounts that are not chosen as validators in this round.
	pub(crate) fn chilled_now() -> BTreeSet<AccountId> {
		let round = T::Rounds::current();
		let chilled = Chilled::<T>::get().into_iter();
		chilled.filter(|(_, until)| *until > round).map(|(account, _)| account).collect()
	}

	/// Deletes every chill that is over in `round`.
	pub(crate) fn forget_chilled(round: RoundIndex) {
		Chilled::<T>::mutate_exists(|chilled| {
			if let Some(accounts) = chilled {
				accounts.retain(|(_, until)| *until > round);
				if accounts.is_empty() {
					*chilled = None;
				}
			}
		});
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
		Self::forget_resolved(transcoder);
	}
}

impl<T: Config> Chill for Pallet<T> {
	fn chill(account: &AccountId, until: RoundIndex) {
		let before = Self::chilled_until(account.clone());
		if until <= before.unwrap_or_else(T::Rounds::current) {
			return;
		}
		Chilled::<T>::mutate(|chilled| {
			chilled.retain(|(chilled, _)| chilled != account);
			if chilled.is_full() {
				// The chill that ends first.
				let ends = chilled.iter().enumerate().min_by_key(|(_, (_, until))| *until);
				if let Some(first) = ends.map(|(index, _)| index) {
					chilled.swap_remove(first);
				}
			}
			if chilled.try_push((account.clone(), until)).is_err() {
				log::error!(target: LOG_TARGET, "nobody more can be chilled");
			}
		});
		Self::deposit_event(Event::ValidatorChilled { validator: account.clone(), until });
	}

	fn thaw(account: &AccountId, until: RoundIndex) {
		if Self::chilled_until(account.clone()).is_none() {
			return;
		}
		let until = until.max(T::Rounds::current());
		Chilled::<T>::mutate(|chilled| {
			for (_, end) in chilled.iter_mut().filter(|(chilled, _)| chilled == account) {
				*end = until;
			}
		});
		Self::forget_chilled(T::Rounds::current());
		Self::deposit_event(Event::ValidatorChilled { validator: account.clone(), until });
	}
}
