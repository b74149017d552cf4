//! Following Ethereum: network, checkpoint, updates.

use crate::{
	types::{period, Bootstrap, FinalizedBlock, Network, Update},
	verify, BeaconHeader, Checkpoint, Config, CurrentCommittee, Error, Event, Finalized, Followed,
	NextCommittee, Pallet, PreparedCommittee, SyncCommittee,
};
use frame_support::{
	dispatch::Pays,
	ensure,
	traits::{Get, UnixTime},
};
use sp_core::H256;
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
	/// The current slot by the chain's time.
	pub(crate) fn current_slot(network: &Network) -> Option<u64> {
		network.slot_at(T::Time::now().as_secs())
	}

	/// The newest finalised block.
	pub(crate) fn latest() -> Option<FinalizedBlock> {
		Finalized::<T>::get().last().copied()
	}

	fn forget() {
		Checkpoint::<T>::kill();
		CurrentCommittee::<T>::kill();
		NextCommittee::<T>::kill();
		Finalized::<T>::kill();
	}

	pub(crate) fn do_set_network(network: Network) -> DispatchResult {
		ensure!(network.is_valid(), Error::<T>::InvalidNetwork);
		let kept = Followed::<T>::get()
			.is_some_and(|before| Network { forks: network.forks.clone(), ..before } == network);
		if !kept {
			Self::forget();
		}
		let newest_fork = network.forks.last().map_or(0, |fork| fork.epoch);
		Followed::<T>::put(network);
		Self::deposit_event(Event::NetworkSet { newest_fork, kept });
		Ok(())
	}

	pub(crate) fn do_set_checkpoint(root: H256) -> DispatchResult {
		ensure!(Followed::<T>::exists(), Error::<T>::NoNetwork);
		Self::forget();
		Checkpoint::<T>::put(root);
		Self::deposit_event(Event::CheckpointSet { root });
		Ok(())
	}

	fn prepare(committee: &SyncCommittee) -> Result<PreparedCommittee, DispatchError> {
		committee.prepare().ok_or_else(|| Error::<T>::InvalidKey.into())
	}

	/// Fails if a slot is in the future, or so old that nobody is liable for it any more.
	fn ensure_recent(network: &Network, slot: u64) -> DispatchResult {
		let now = Self::current_slot(network).ok_or(Error::<T>::FromTheFuture)?;
		let age = now.checked_sub(slot).ok_or(Error::<T>::FromTheFuture)?;
		ensure!(age <= T::WeakSubjectivity::get(), Error::<T>::TooOld);
		Ok(())
	}

	pub(crate) fn do_bootstrap(bootstrap: &Bootstrap) -> DispatchResult {
		let network = Followed::<T>::get().ok_or(Error::<T>::NoNetwork)?;
		let trusted = Checkpoint::<T>::get().ok_or(Error::<T>::NoCheckpoint)?;
		let header = &bootstrap.header;
		let root = header.root();
		ensure!(root == trusted, Error::<T>::NotTheCheckpoint);
		Self::ensure_recent(&network, header.slot)?;
		let layout = network.layout_at(header.slot).ok_or(Error::<T>::UnknownFork)?;
		let committee = bootstrap.committee.root();
		let at = layout.current_committee;
		ensure!(
			verify::is_at(committee, &bootstrap.committee_branch, at, header.state_root),
			Error::<T>::WrongCommitteeBranch
		);
		let prepared = Self::prepare(&bootstrap.committee)?;
		Self::forget();
		CurrentCommittee::<T>::put(prepared);
		Self::finalize(root, header);
		Self::deposit_event(Event::Bootstrapped { slot: header.slot });
		Ok(())
	}

	fn finalize(root: H256, header: &BeaconHeader) {
		let block = FinalizedBlock { root, slot: header.slot, body_root: header.body_root };
		Finalized::<T>::mutate(|blocks| {
			if blocks.is_full() {
				blocks.remove(0);
			}
			// There is room now.
			let _ = blocks.try_push(block);
		});
	}

	/// Checks the next committee in an update, if there is one, and prepares it if it is `missing` here. It
	/// is at `at` in the attested state. `ours` is the client's period, which the update ends if it
	/// `crosses`.
	fn missing_committee(
		update: &Update,
		at: u16,
		ours: u64,
		crosses: bool,
		missing: bool,
	) -> Result<Option<PreparedCommittee>, DispatchError> {
		let Update { attested, finalized, next, .. } = update;
		let Some(brought) = next else { return Ok(None) };
		let committee = brought.committee.root();
		ensure!(
			verify::is_at(committee, &brought.branch, at, attested.state_root),
			Error::<T>::WrongCommitteeBranch
		);
		if missing {
			// It is the committee after the attested block's period. For it to be final, both
			// blocks must be of one period: the client's, or the one that is entered.
			ensure!(
				period(attested.slot) == period(finalized.slot)
					&& (crosses || period(finalized.slot) == ours),
				Error::<T>::CommitteeOfOtherPeriod
			);
			return Self::prepare(&brought.committee).map(Some);
		}
		if period(attested.slot) == ours {
			let known = NextCommittee::<T>::get().map(|known| known.root);
			ensure!(known == Some(committee), Error::<T>::OtherCommittee);
		}
		Ok(None)
	}

	/// Processes an update and returns whether it costs a fee.
	pub(crate) fn do_submit(update: &Update) -> Result<Pays, DispatchError> {
		let network = Followed::<T>::get().ok_or(Error::<T>::NoNetwork)?;
		let latest = Self::latest().ok_or(Error::<T>::NotBootstrapped)?;
		let Update { attested, finalized, aggregate, signature_slot, .. } = update;

		// Cheap checks come first.
		ensure!(verify::is_supermajority(aggregate), Error::<T>::NoSupermajority);
		ensure!(
			*signature_slot > attested.slot && attested.slot >= finalized.slot,
			Error::<T>::SlotsOutOfOrder
		);
		Self::ensure_recent(&network, *signature_slot)?;
		Self::ensure_recent(&network, latest.slot)?;
		let layout = network.layout_at(attested.slot).ok_or(Error::<T>::UnknownFork)?;
		let signing_fork = network.layout_at(signature_slot.saturating_sub(1));
		ensure!(signing_fork.is_some(), Error::<T>::UnknownFork);

		let ours = period(latest.slot);
		let next_known = NextCommittee::<T>::exists();
		let signed_by_next = match period(*signature_slot).checked_sub(ours) {
			Some(0) => false,
			Some(1) if next_known => true,
			_ => return Err(Error::<T>::UnknownCommittee.into()),
		};
		let advances = finalized.slot > latest.slot;
		let crosses = period(finalized.slot) > ours;
		// The next committee of the client's period or, when a new period is entered, of that one.
		let missing = crosses || !next_known;
		ensure!(advances || (missing && update.next.is_some()), Error::<T>::NothingNew);

		let root = finalized.root();
		ensure!(
			verify::is_at(root, &update.finality_branch, layout.finality, attested.state_root),
			Error::<T>::WrongFinalityBranch
		);
		let next = Self::missing_committee(update, layout.next_committee, ours, crosses, missing)?;

		let committee = match signed_by_next {
			true => NextCommittee::<T>::get(),
			false => CurrentCommittee::<T>::get(),
		}
		.ok_or(Error::<T>::UnknownCommittee)?;
		let signed = verify::signing_root(&network, attested.root(), *signature_slot)
			.ok_or(Error::<T>::UnknownFork)?;
		ensure!(verify::is_signed(&committee, aggregate, signed), Error::<T>::WrongSignature);

		// Nothing fails below: what enters a period is signed by the next committee, which is known then.
		if crosses {
			// Without the next committee, nothing is known of the following period until somebody
			// brings it.
			match NextCommittee::<T>::take() {
				Some(entered) => CurrentCommittee::<T>::put(entered),
				None => return Err(Error::<T>::UnknownCommittee.into()),
			}
		}
		let brings = next.is_some();
		if let Some(next) = next {
			NextCommittee::<T>::put(next);
			let period = period(finalized.slot).saturating_add(1);
			Self::deposit_event(Event::CommitteeKnown { period });
		}
		if advances {
			Self::finalize(root, finalized);
			Self::deposit_event(Event::HeaderFinalized { root, slot: finalized.slot });
		}
		let far = finalized.slot >= latest.slot.saturating_add(T::FreeInterval::get());
		Ok(if brings || far { Pays::No } else { Pays::Yes })
	}
}
