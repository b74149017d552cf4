//! When generations of pools begin, and when their numbers are reset.

use crate::{Config, Event, Generations, Pallet, PoolId};
use livepeer_primitives::AccountId;

impl<T: Config> Pallet<T> {
	/// Begins the next generation of `transcoder`, whose pool has just been wiped. It takes stake
	/// from the next round on.
	pub(crate) fn begin_generation(transcoder: &AccountId) {
		let from = Self::round().saturating_add(1);
		// The first generation is counted when it ends. The wiped pool is its only entry, because
		// its exit pools name rounds that are never used again.
		let mut generations = Generations::<T>::get(transcoder).unwrap_or_default();
		generations.refs = generations.refs.max(1);
		generations.begin(from);
		let generation = generations.current;
		Generations::<T>::insert(transcoder, generations);
		Self::deposit_event(Event::PoolWiped { transcoder: transcoder.clone(), generation, from });
	}

	/// Counts a new exit pool of stake that left `pool`.
	pub(crate) fn note_exit_pool(pool: &PoolId) {
		if pool.generation > 0 {
			Self::change_refs(&pool.transcoder, |refs| refs.saturating_add(1));
		}
	}

	/// Counts one exit pool less.
	pub(crate) fn forget_exit_pool(pool: &PoolId) {
		if pool.generation > 0 {
			Self::change_refs(&pool.transcoder, |refs| refs.saturating_sub(1));
		}
	}

	/// Counts the entries that name a generation of `transcoder`, if it is beyond its first one.
	/// With the last entry the numbers begin anew.
	pub(crate) fn change_refs(transcoder: &AccountId, change: impl FnOnce(u32) -> u32) {
		Generations::<T>::mutate_exists(transcoder, |entry| {
			*entry = entry.take().and_then(|mut generations| {
				generations.refs = change(generations.refs);
				(generations.refs > 0).then_some(generations)
			});
		});
	}
}
