//! What holds after every block.

use alloc::collections::BTreeSet;
use frame_support::{ensure, traits::Get};
use livepeer_primitives::traits::Rounds;
use sp_runtime::TryRuntimeError;

use crate::{
	ActiveSet, Available, Config, Jailed, NextOrder, Pallet, Planned, Services, Transcoders,
};

impl<T: Config> Pallet<T> {
	/// Checks the invariants of this pallet's storage.
	pub(crate) fn do_try_state() -> Result<(), TryRuntimeError> {
		let mut orders = BTreeSet::new();
		let mut registered = 0u32;
		for (account, registration) in Transcoders::<T>::iter() {
			registered += 1;
			ensure!(
				registration.order < NextOrder::<T>::get() && orders.insert(registration.order),
				"orders of registration are unique and given in turn"
			);
			ensure!(
				Services::<T>::contains_key(&account),
				"a registered transcoder has a service record"
			);
		}
		ensure!(registered == Transcoders::<T>::count(), "the counter counts registrations");
		ensure!(registered <= T::MaxCandidates::get(), "the candidate list is bounded");
		ensure!(
			Services::<T>::iter_keys().count() == registered as usize,
			"only registered transcoders have a service record"
		);
		for (account, availability) in Available::<T>::iter() {
			ensure!(
				Transcoders::<T>::contains_key(&account),
				"only registered transcoders are available"
			);
			ensure!(!Jailed::<T>::contains_key(&account), "no jailed transcoder is available");
			ensure!(availability.last_seen <= Self::now(), "nobody was seen in the future");
		}
		let active = ActiveSet::<T>::get();
		ensure!(active.round <= T::Rounds::current(), "the active set is not of a coming round");
		ensure!(
			active.seats.windows(2).all(|pair| pair[0].stake >= pair[1].stake),
			"the active set is ordered by stake"
		);
		let mut accounts = BTreeSet::new();
		for seat in &active.seats {
			ensure!(accounts.insert(seat.account.clone()), "each active transcoder has one seat");
			ensure!(seat.stake > 0, "an active transcoder has stake");
			ensure!(
				Transcoders::<T>::contains_key(&seat.account),
				"an active transcoder is registered"
			);
			ensure!(
				seat.jailed == Jailed::<T>::contains_key(&seat.account),
				"seats know who is jailed"
			);
		}
		let planned = Planned::<T>::get();
		let validators: BTreeSet<_> = planned.iter().map(|validator| &validator.account).collect();
		ensure!(validators.len() == planned.len(), "no validator is planned twice");
		Ok(())
	}
}
