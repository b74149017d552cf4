//! Reading pools and bonds brought up to date, and writing them back.
//!
//! Reading changes nothing, so that calls and views share one path.

use crate::{
	asset, Bond, Bonds, Checkpoint, Checkpoints, Config, Error, Event, Fees, Generations, Pallet,
	Pool, PoolId, Pools,
};
use frame_support::ensure;
use livepeer_primitives::{traits::Rounds, AccountId, Balance, RoundIndex};

/// A pool brought up to the current round.
pub(crate) struct Folded {
	pub(crate) id: PoolId,
	pub(crate) pool: Pool,
	/// Whether it is already stored.
	is_stored: bool,
	/// The checkpoint that the update created, with its round.
	checkpoint: Option<(RoundIndex, Checkpoint)>,
}

/// A bond settled in its pool.
pub(crate) struct Position {
	pub(crate) who: AccountId,
	pub(crate) folded: Folded,
	pub(crate) bond: Bond,
	/// Whether it is the transcoder's own.
	pub(crate) own: bool,
	/// Fees that this settlement moved out of the pool.
	pub(crate) fees: Balance,
	/// The round whose checkpoint it no longer needs.
	left_checkpoint: Option<RoundIndex>,
}

impl Position {
	/// The worth of the bond.
	pub(crate) fn value(&self) -> Balance {
		self.folded.pool.value(&self.bond, self.own)
	}

	/// Adds stake that counts from the next round.
	pub(crate) fn join(&mut self, amount: Balance) {
		self.folded.pool.join(&mut self.bond, amount);
	}

	/// Adds stake that counts at once.
	pub(crate) fn join_at_once(&mut self, amount: Balance) {
		self.folded.pool.join_at_once(&mut self.bond, amount);
	}

	/// Takes stake out.
	pub(crate) fn leave(&mut self, amount: Balance) {
		self.folded.pool.leave(&mut self.bond, self.own, amount);
	}
}

impl<T: Config> Pallet<T> {
	/// The round of this block.
	pub(crate) fn round() -> RoundIndex {
		T::Rounds::current()
	}

	/// The pool of `transcoder` that takes stake, as of this round.
	pub(crate) fn pool(transcoder: &AccountId) -> Option<Folded> {
		Self::pool_at(transcoder, Self::round())
	}

	/// The pool of `transcoder` that takes stake, as of `round`, or of a later round up to which it
	/// has already been updated.
	pub(crate) fn pool_at(transcoder: &AccountId, round: RoundIndex) -> Option<Folded> {
		// Few transcoders ever have a second generation. As long as the first pool is not wiped it
		// is the current one, and nothing else must be read.
		let first = PoolId { transcoder: transcoder.clone(), generation: 0 };
		if let Some(folded) = Self::folded(first, round).filter(|folded| !folded.pool.is_wiped()) {
			return Some(folded);
		}
		let generation = Generations::<T>::get(transcoder)?.current;
		Self::folded(PoolId { transcoder: transcoder.clone(), generation }, round)
	}

	/// A pool as of `round`.
	pub(crate) fn folded(id: PoolId, round: RoundIndex) -> Option<Folded> {
		let mut pool = Pools::<T>::get(&id)?;
		let finished = pool.round;
		let checkpoint = pool.fold(round).map(|checkpoint| (finished, checkpoint));
		Some(Folded { id, pool, is_stored: true, checkpoint })
	}

	/// The bond of `who` as of now.
	pub(crate) fn position(who: &AccountId) -> Option<Position> {
		let bond = Bonds::<T>::get(who)?;
		let folded = Self::folded(bond.pool.clone(), Self::round())?;
		Some(Self::settled(who, bond, folded))
	}

	/// The bond of `who`, settled in its pool.
	pub(crate) fn settled(who: &AccountId, mut bond: Bond, mut folded: Folded) -> Position {
		let own = bond.pool.transcoder == *who;
		let left_checkpoint =
			bond.joining.map(|joining| joining.round).filter(|round| *round < folded.pool.round);
		let checkpoint = left_checkpoint.and_then(|round| match folded.checkpoint {
			Some((made, checkpoint)) if made == round => Some(checkpoint),
			_ => Checkpoints::<T>::get(&bond.pool, round),
		});
		let fees = folded.pool.settle(&mut bond, own, checkpoint.as_ref());
		Position { who: who.clone(), folded, bond, own, fees, left_checkpoint }
	}

	/// A new, empty bond of `who` to `transcoder`. Fails in the round in which the transcoder's pool
	/// was wiped.
	pub(crate) fn open_position(
		who: &AccountId,
		transcoder: &AccountId,
	) -> Result<Position, Error<T>> {
		let mut folded = match Self::pool(transcoder) {
			Some(folded) => folded,
			None => {
				let generations = Generations::<T>::get(transcoder).unwrap_or_default();
				ensure!(generations.takes_stake(Self::round()), Error::<T>::PoolWiped);
				let generation = generations.current;
				Folded {
					id: PoolId { transcoder: transcoder.clone(), generation },
					pool: Pool::new(Self::round()),
					is_stored: false,
					checkpoint: None,
				}
			}
		};
		let own = who == transcoder;
		let bond = Bond::new(folded.id.clone(), &folded.pool);
		folded.pool.members = folded.pool.members.saturating_add(1);
		folded.pool.own |= own;
		Ok(Position { who: who.clone(), folded, bond, own, fees: 0, left_checkpoint: None })
	}

	/// Writes a pool. An empty one is deleted; its rounding remainder becomes surplus.
	pub(crate) fn put_pool(folded: Folded) {
		let Folded { id, pool, is_stored, checkpoint } = folded;
		if let Some((round, checkpoint)) = checkpoint {
			Checkpoints::<T>::insert(&id, round, checkpoint);
		}
		if pool.members == 0 {
			asset::write_off_stake::<T>(pool.total);
			asset::write_off_fees::<T>(pool.fees);
			Pools::<T>::remove(&id);
			if is_stored {
				Self::change_refs(&id.transcoder, |refs| refs.saturating_sub(1));
			}
		} else {
			Pools::<T>::insert(&id, pool);
			if !is_stored {
				Self::change_refs(&id.transcoder, |refs| refs.saturating_add(1));
			}
		}
	}

	/// Writes a bond and its pool, and books the fees of its settlement. A worthless bond is
	/// deleted. Returns whether the bond still exists.
	pub(crate) fn put_position(position: Position) -> bool {
		let Position { who, mut folded, bond, own, fees, left_checkpoint } = position;
		let id = bond.pool.clone();
		let lasts =
			bond.amount > 0 || bond.joining.is_some() || (own && folded.pool.commission.fresh > 0);
		if lasts {
			Bonds::<T>::insert(&who, bond);
		} else {
			Bonds::<T>::remove(&who);
			folded.pool.members = folded.pool.members.saturating_sub(1);
			folded.pool.counting = folded.pool.counting.min(folded.pool.members);
			folded.pool.own &= !own;
		}
		Self::put_pool(folded);
		if let Some(round) = left_checkpoint {
			Checkpoints::<T>::mutate_exists(&id, round, |entry| {
				*entry = entry.take().and_then(|mut checkpoint| {
					checkpoint.refs = checkpoint.refs.saturating_sub(1);
					(checkpoint.refs > 0).then_some(checkpoint)
				});
			});
		}
		if fees > 0 {
			Fees::<T>::mutate(&who, |owed| *owed = owed.saturating_add(fees));
			Self::deposit_event(Event::FeesEarned { who, transcoder: id.transcoder, amount: fees });
		}
		lasts
	}
}
