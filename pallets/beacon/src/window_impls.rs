//! The hooks: fold, and close windows.

use crate::{
	types::{close, Closing},
	*,
};
use frame_support::{
	traits::{FindAuthor, Get},
	weights::Weight,
};
use livepeer_primitives::{
	domain::{tagged_hash, BEACON},
	traits::{ProtocolClock, Seed, ValidatorSet, ValidatorsInForce},
	BlockNumber, Hash, WindowIndex,
};

impl<T: Config> Pallet<T> {
	/// Length of a window. Genesis refuses zero; in a state without genesis, a division by it must
	/// still not happen.
	pub(crate) fn window_length() -> BlockNumber {
		T::WindowLength::get().max(1)
	}

	pub(crate) fn window_of(block: BlockNumber) -> WindowIndex {
		block.checked_div(Self::window_length()).unwrap_or_default()
	}

	/// Folds the parent, and closes the window that ended with it. A closed block is folded like
	/// any other but ends no window: the last open block did so, or the next one will.
	pub(crate) fn begin_block() -> Weight {
		Self::fold_parent(T::ParentVrf::get());
		// Reads through the configuration: the VRF output, and when the block ends its digest and
		// the list of validators.
		let weight = T::WeightInfo::fold_block().saturating_add(T::DbWeight::get().reads(3));

		let current = Self::window_of(Self::now());
		let Some(ended) = current.checked_sub(1).filter(|_| T::Clock::is_open()) else {
			return weight;
		};
		if Self::window_of(Self::now().saturating_sub(1)) == current {
			return weight;
		}
		let set = T::Validators::validators_in_force();
		let count = set.members.len() as u32;
		Self::close_window(ended, set);
		Self::open_window();
		// Reads for the set in force: its list and the keys. Reads for the jailed: the active set
		// and at most three sets, and at most one entry for each of their members.
		let reads = u64::from(count).saturating_mul(3).saturating_add(6);
		weight
			.saturating_add(T::DbWeight::get().reads(reads))
			.saturating_add(T::WeightInfo::close_window(count))
	}

	/// Records who is jailed as the window begins. What happens to a validator while the window's
	/// randomness forms can then neither exclude it from the window's judges nor bring it back.
	pub(crate) fn open_window() {
		let jailed = T::Validators::jailed();
		if jailed.is_empty() {
			JailedAtStart::<T>::kill();
		} else {
			JailedAtStart::<T>::put(jailed);
		}
	}

	/// Records the author of the block that ends.
	pub(crate) fn note_author() {
		let digest = frame_system::Pallet::<T>::digest();
		let author =
			T::FindAuthor::find_author(digest.logs.iter().filter_map(|log| log.as_pre_runtime()));
		ParentAuthor::<T>::set(author);
	}

	pub(crate) fn fold_parent(vrf: Option<Hash>) {
		let author = ParentAuthor::<T>::take();
		let Some(vrf) = vrf else { return };
		Accumulator::<T>::mutate(|sum| *sum = tagged_hash(BEACON, &(*sum, vrf)));
		if let Some(author) = author {
			CurrentParticipation::<T>::mutate(|who| *who = core::mem::take(who).with(author));
		}
	}

	/// Ends `window`: stores its seed with `set`, with jail as of the window's beginning, or leaves
	/// the window to a later seed. Then removes the seed that is no longer recent.
	pub(crate) fn close_window(window: WindowIndex, mut set: ValidatorSet) {
		let valid = CurrentParticipation::<T>::take().is_valid(set.members.len());
		match close(window, valid, InvalidWindows::<T>::get()) {
			Closing::Store { first } => {
				InvalidWindows::<T>::kill();
				let hash = Accumulator::<T>::get();
				let jailed = JailedAtStart::<T>::get();
				for member in set.members.iter_mut() {
					member.jailed = jailed.binary_search(&member.account).is_ok();
				}
				Self::deposit_event(Event::SeedStored {
					window,
					first,
					seed: hash,
					validators: set.members.len() as u32,
				});
				Seeds::<T>::insert(window, StoredSeed { first, seed: Seed { hash, set } });
			}
			Closing::Wait => {
				InvalidWindows::<T>::mutate(|count| *count = count.saturating_add(1));
				Self::deposit_event(Event::WindowInvalid { window });
			}
		}
		if let Some(aged) = window.checked_sub(T::RecentWindows::get()) {
			if let Some(stored) = Seeds::<T>::get(aged) {
				Self::prune(aged, &stored);
			}
		}
	}
}
