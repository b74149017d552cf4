//! Duties: what a transcoder's duties keys sign, without an account that pays.

use frame_support::{ensure, traits::Get, weights::Weight};
use frame_system::pallet_prelude::BlockNumberFor;
use livepeer_primitives::{
	duty::{self, DUTY_LIFE},
	keys::{OperatorSignature, Purpose},
	refusal::{Refusal, NOT_YET},
	traits::{OnAvailable, OperatorKeysOf, ProtocolClock},
	AccountId, BlockNumber, Hash,
};
use sp_runtime::{
	traits::Zero,
	transaction_validity::{InvalidTransaction, TransactionValidityWithRefund, ValidTransaction},
	DispatchResult,
};

use crate::{Availability, Available, Config, Duty, Error, Event, Jailed, Pallet, Transcoders};

impl<T: Config> Pallet<T> {
	/// Hash of the genesis block, which every signature of the protocol names.
	pub(crate) fn genesis_hash() -> Hash {
		frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero())
	}

	/// Decides whether a heartbeat may enter a block.
	pub(crate) fn validate_heartbeat(
		heartbeat: &duty::Heartbeat,
		signature: &OperatorSignature,
	) -> TransactionValidityWithRefund {
		Self::check(Duty::Heartbeat, heartbeat.genesis, heartbeat.at, signature, || {
			heartbeat.hash()
		})
	}

	/// Decides whether an announcement may enter a block.
	pub(crate) fn validate_announce(
		availability: &duty::Availability,
		signature: &OperatorSignature,
	) -> TransactionValidityWithRefund {
		ensure!(Self::ascend(&availability.profiles), Error::<T>::ProfilesNotAscending.refusal());
		Self::check(Duty::Announcement, availability.genesis, availability.at, signature, || {
			availability.hash()
		})
	}

	/// Decides whether a duty may enter a block. Cheap checks first, the signature last. `NOT_YET`
	/// means that the height, the registration or the next turn may still come. A newer generation
	/// of keys, of which a node that is behind does not know, is not told from an old one.
	fn check(
		duty: Duty,
		genesis: Hash,
		at: BlockNumber,
		signature: &OperatorSignature,
		hash: impl FnOnce() -> Hash,
	) -> TransactionValidityWithRefund {
		T::Clock::ensure_open()?;
		let signer = &signature.signer;
		let account = &signer.account;
		ensure!(genesis == Self::genesis_hash(), InvalidTransaction::BadProof);
		let height = Self::height();
		ensure!(at <= height, NOT_YET);
		let last = at.saturating_add(DUTY_LIFE);
		ensure!(height <= last, InvalidTransaction::Stale);

		let registration = Transcoders::<T>::get(account).ok_or(NOT_YET)?;
		ensure!(!Jailed::<T>::contains_key(account), Error::<T>::Jailed.refusal());
		ensure!(at >= registration.since, InvalidTransaction::Stale);
		match (Available::<T>::get(account), duty) {
			(Some(availability), _) => {
				ensure!(at > availability.at, InvalidTransaction::Stale);
				let interval = Self::parameters().heartbeat_interval;
				ensure!(Self::now() >= availability.next(duty, interval), NOT_YET);
			}
			(None, Duty::Heartbeat) => return Err(Error::<T>::NotAvailable.refusal()),
			(None, Duty::Announcement) => (),
		}

		ensure!(
			signer.generation == T::OperatorKeys::current(account, Purpose::Duties)
				&& !T::OperatorKeys::is_revoked(signer, Purpose::Duties),
			InvalidTransaction::BadSigner
		);
		ensure!(
			T::OperatorKeys::is_signed(signature, Purpose::Duties, &hash()),
			InvalidTransaction::BadProof
		);
		// The pool holds one of each kind per account, until it is too old.
		ValidTransaction::with_tag_prefix("LivepeerElection")
			.priority(T::DutyPriority::get())
			.and_provides((account, duty))
			.longevity(last.saturating_sub(height).max(1).into())
			.propagate(true)
			.build()
			.map(|valid| (valid, Weight::zero()))
	}

	/// Keeps an announcement alive. A lapsed announcement is revived: the transcoder is back with
	/// the capacity that it announced.
	pub(crate) fn do_heartbeat(who: &AccountId, at: BlockNumber) -> DispatchResult {
		Available::<T>::try_mutate(who, |availability| {
			let availability = availability.as_mut().ok_or(Error::<T>::NotAvailable)?;
			Self::tell_available(who, None, availability);
			availability.last_seen = Self::now();
			availability.at = at;
			Self::forget_offline_of(who);
			Self::deposit_event(Event::HeartbeatReceived { transcoder: who.clone() });
			Ok(())
		})
	}

	/// Tells of a transcoder that takes more work than `before`: it was away, or `after` has more
	/// capacity or other profiles.
	pub(crate) fn tell_available(
		who: &AccountId,
		after: Option<&Availability>,
		before: &Availability,
	) {
		let was_away = !before.is_fresh(Self::now(), Self::parameters().heartbeat_interval);
		let takes = after.unwrap_or(before).capacity > 0;
		let takes_more = after.is_some_and(|after| {
			after.capacity > before.capacity || after.profiles != before.profiles
		});
		if takes && (was_away || takes_more) {
			T::OnAvailable::on_available(who);
		}
	}

	/// Stores what a duties key announces.
	pub(crate) fn do_announce(who: &AccountId, announced: duty::Availability) {
		let now = Self::now();
		let duty::Availability { at, capacity, profiles, .. } = announced;
		let availability =
			Availability { capacity, profiles, last_seen: now, at, announced: Some(now) };
		if let Some(before) = Available::<T>::get(who) {
			Self::tell_available(who, Some(&availability), &before);
		} else if capacity > 0 {
			T::OnAvailable::on_available(who);
		}
		Available::<T>::insert(who, availability);
		Self::forget_offline_of(who);
		Self::deposit_event(Event::AvailabilityChanged { transcoder: who.clone(), capacity });
	}
}

/// Heartbeats and announcements are refused for these errors, and by the pool's own names.
impl<T: Config> Refusal for Error<T> {
	/// A transcoder may have just left jail, or just announced what a heartbeat keeps alive.
	fn is_early(&self) -> bool {
		matches!(self, Self::Jailed | Self::NotAvailable)
	}
}
