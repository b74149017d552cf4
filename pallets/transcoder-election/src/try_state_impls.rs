//! The invariants that hold after every block.

use alloc::{collections::BTreeSet, vec::Vec};
use frame_support::{ensure, traits::Get};
use livepeer_primitives::{traits::Rounds, RoundIndex};
use sp_runtime::TryRuntimeError;

use crate::{
	ActiveSet, ActiveTranscoders, Available, Chilled, Config, Departed, Jailed, Meters, NewestSet,
	NextOrder, Offline, Pallet, Present, Services, Sets, Transcoders, WaitList, MAX_SETS,
};

impl<T: Config> Pallet<T> {
	/// Checks every invariant of the crate's documentation.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		Self::check_registrations()?;
		let active = ActiveSet::<T>::get();
		Self::check_active(&active)?;
		Self::check_presence(active.round)?;
		Self::check_sets(active.round)
	}

	/// Registered transcoders, and what each announces.
	fn check_registrations() -> Result<(), TryRuntimeError> {
		let mut orders = BTreeSet::new();
		let mut registered = 0u32;
		for (account, registration) in Transcoders::<T>::iter() {
			registered += 1;
			ensure!(
				registration.order < NextOrder::<T>::get() && orders.insert(registration.order),
				"orders of registration are unique and given in turn"
			);
			ensure!(registration.since <= Self::height(), "nobody registered in the future");
			ensure!(
				Services::<T>::contains_key(&account),
				"a registered transcoder has a service record"
			);
		}
		ensure!(registered == Transcoders::<T>::count(), "the counter counts registrations");
		ensure!(registered <= T::MaxCandidates::get(), "the candidate list is bounded");
		let mut departed = 0usize;
		for account in Departed::<T>::iter_keys() {
			departed += 1;
			ensure!(
				!Transcoders::<T>::contains_key(&account),
				"who is registered has not departed"
			);
			ensure!(Services::<T>::contains_key(&account), "who has departed is still found");
		}
		ensure!(
			Services::<T>::iter_keys().count() == registered as usize + departed,
			"only registered and departed transcoders have a service record"
		);
		for (account, availability) in Available::<T>::iter() {
			ensure!(
				Transcoders::<T>::contains_key(&account),
				"only registered transcoders are available"
			);
			ensure!(!Jailed::<T>::contains_key(&account), "no jailed transcoder is available");
			ensure!(
				availability.at <= Self::height() && availability.last_seen <= Self::now(),
				"nobody was seen in the future"
			);
			ensure!(Self::ascend(&availability.profiles), "announced profiles ascend");
		}
		for (account, open_verdicts) in Jailed::<T>::iter() {
			ensure!(
				open_verdicts > 0 || Transcoders::<T>::contains_key(&account),
				"nobody without a registration stays jailed when nothing is open"
			);
		}
		Ok(())
	}

	/// Who was elected for this round, and who was not.
	fn check_active(active: &ActiveTranscoders) -> Result<(), TryRuntimeError> {
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
				!seat.random || active.seats.last() == Some(seat),
				"one seat at most is drawn, and it is the last"
			);
			ensure!(
				Transcoders::<T>::contains_key(&seat.account),
				"an active transcoder is registered"
			);
			ensure!(
				seat.jailed == Jailed::<T>::contains_key(&seat.account),
				"seats know who is jailed"
			);
		}
		ensure!(
			active.seats.iter().fold(0u128, |sum, seat| sum.saturating_add(seat.stake))
				<= active.stake,
			"seats have no more stake than was elected"
		);
		if let Some(list) = WaitList::<T>::get() {
			ensure!(list.round == active.round, "who waits is of this round");
			ensure!(!list.members.is_empty(), "an empty waiting list is not kept");
			ensure!(list.members.iter().all(|(_, stake)| *stake > 0), "who waits has stake");
		}
		Ok(())
	}

	/// Who makes blocks, who counts as offline, and who is chilled.
	fn check_presence(round: RoundIndex) -> Result<(), TryRuntimeError> {
		let meter = Meters::<T>::get();
		let stored: BTreeSet<_> =
			Sets::<T>::iter_values().flat_map(|set| set.members).map(|one| one.account).collect();
		for (account, presence) in Present::<T>::iter() {
			ensure!(stored.contains(&account), "only validators of stored sets are watched");
			ensure!(
				presence.since <= presence.seen && presence.seen <= meter.value,
				"nobody made a block in the future"
			);
		}
		for (account, until) in Offline::<T>::iter() {
			ensure!(Transcoders::<T>::contains_key(&account), "who is offline is registered");
			ensure!(until > round, "an absence that is over is forgotten");
		}
		let chilled = Chilled::<T>::get();
		let accounts: BTreeSet<_> = chilled.iter().map(|(account, _)| account).collect();
		ensure!(accounts.len() == chilled.len(), "nobody is chilled twice");
		ensure!(
			chilled.iter().all(|(_, until)| *until > round),
			"a chill that is over is forgotten"
		);
		Ok(())
	}

	/// The sets of validators that are stored.
	fn check_sets(round: RoundIndex) -> Result<(), TryRuntimeError> {
		let mut sessions: Vec<_> = Sets::<T>::iter_keys().collect();
		sessions.sort_unstable();
		ensure!(sessions.len() as u32 <= MAX_SETS, "sets of past sessions are forgotten");
		ensure!(
			sessions.windows(2).all(|pair| pair[1].saturating_sub(pair[0]) == 1)
				&& sessions.last().copied() == NewestSet::<T>::get(),
			"the stored sets are those of successive sessions, up to the newest"
		);
		for set in Sets::<T>::iter_values() {
			let members: BTreeSet<_> =
				set.members.iter().map(|validator| &validator.account).collect();
			ensure!(members.len() == set.members.len(), "no validator is in a set twice");
			ensure!(set.snapshot <= round, "no set is chosen from a coming snapshot");
		}
		Ok(())
	}
}
