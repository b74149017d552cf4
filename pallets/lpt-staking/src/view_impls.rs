//! The reads for applications.

use crate::{
	asset, maths,
	types::{LockView, Purpose, Surplus, TranscoderStake},
	Config, Fees, Generations, Liabilities, Locks, OwedFees, OwedStake, Pallet,
};
use alloc::vec::Vec;
use livepeer_primitives::{
	api::{DelegatorView, LockInfo, StakeView},
	traits::Stake,
	AccountId, Balance,
};
use sp_runtime::Perbill;

/// A lock as the runtime API shows it.
fn info(lock: LockView) -> LockInfo {
	let (moves_to, offered_to) = match lock.purpose {
		Purpose::Unbonding => (None, None),
		Purpose::Redelegation(to) => (Some(to), None),
		Purpose::Transfer(to) => (None, Some(to)),
	};
	LockInfo {
		id: lock.id,
		transcoder: lock.transcoder,
		round: lock.round,
		value: lock.value,
		liable_until: lock.liable_until,
		release: lock.release,
		release_block: 0,
		held_back: lock.held_back,
		moves_to,
		offered_to,
	}
}

impl<T: Config> Pallet<T> {
	pub(crate) fn view_delegator(who: &AccountId) -> Option<DelegatorView> {
		let position = Self::position(who)?;
		Some(DelegatorView {
			stake: position.value(),
			fees: Fees::<T>::get(who).saturating_add(position.fees),
			delegate: position.bond.pool.transcoder,
		})
	}

	pub(crate) fn view_fees(who: &AccountId) -> Balance {
		let unsettled = Self::position(who).map_or(0, |position| position.fees);
		Fees::<T>::get(who).saturating_add(unsettled)
	}

	pub(crate) fn view_pending(who: &AccountId) -> Balance {
		Self::position(who)
			.map_or(0, |position| position.value().saturating_sub(position.bond.amount))
	}

	pub(crate) fn view_locks(who: &AccountId) -> Vec<LockView> {
		Locks::<T>::get(who)
			.locks
			.iter()
			.map(|lock| LockView {
				id: lock.id,
				transcoder: lock.pool.transcoder.clone(),
				round: lock.round,
				value: Self::lock_value(lock),
				liable_until: lock.liable_until,
				release: lock.release(),
				held_back: Liabilities::<T>::get(&lock.pool.transcoder).holds(lock.round),
				purpose: lock.purpose.clone(),
			})
			.collect()
	}

	pub(crate) fn view_stake(who: &AccountId) -> StakeView {
		let position = Self::position(who);
		let next_round = position.as_ref().map_or(0, |position| position.value());
		StakeView {
			counting: next_round.saturating_sub(Self::view_pending(who)),
			next_round,
			fees: Self::view_fees(who),
			delegate: position.map(|position| position.bond.pool.transcoder),
			locks: Self::view_locks(who).into_iter().map(info).collect(),
		}
	}

	pub(crate) fn view_transcoder(transcoder: &AccountId) -> TranscoderStake {
		let open_liabilities = Liabilities::<T>::get(transcoder).0.into_inner();
		match Self::pool(transcoder) {
			Some(folded) => TranscoderStake {
				generation: folded.id.generation,
				active: folded.pool.active,
				total: folded.pool.total,
				self_bond: Self::self_bond(transcoder),
				members: folded.pool.members,
				slashed: Perbill::from_rational(
					maths::SLASH_ONE.saturating_sub(folded.pool.now.sf),
					maths::SLASH_ONE,
				),
				open_liabilities,
			},
			None => TranscoderStake {
				generation: Generations::<T>::get(transcoder).map_or(0, |known| known.current),
				open_liabilities,
				..Default::default()
			},
		}
	}

	pub(crate) fn view_surplus() -> Surplus {
		Surplus {
			stake: asset::stake_in_pot::<T>().saturating_sub(OwedStake::<T>::get()),
			fees: asset::fees_in_pot::<T>().saturating_sub(OwedFees::<T>::get()),
		}
	}
}
