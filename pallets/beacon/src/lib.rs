#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub use pallet::*;
pub use types::{Participation, StoredSeed};
pub use weights::WeightInfo;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod clock_impls;
#[cfg(test)]
mod mock;
mod seed_impls;
#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "try-runtime"))]
mod try_state_impls;
mod types;
pub mod weights;
mod window_impls;

/// The third invalid window in a row is used as it is.
pub const MAX_INVALID_WINDOWS: u32 = 3;

#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use frame_support::{pallet_prelude::*, traits::FindAuthor};
	use frame_system::pallet_prelude::*;
	use livepeer_primitives::{
		traits::{ProtocolClock, Seed, ValidatorsInForce},
		AccountId, BlockNumber, Hash, WindowIndex, MAX_VALIDATORS,
	};

	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	#[pallet::config]
	pub trait Config:
		frame_system::Config<AccountId = AccountId, RuntimeEvent: From<Event<Self>>>
	{
		/// Counts the blocks of a window. In a closed block it stands, and so do windows.
		type Clock: ProtocolClock;
		/// Blocks of a window. Must never change.
		type WindowLength: Get<BlockNumber>;
		/// The VRF output of the parent of the block at work; none where the parent has none.
		type ParentVrf: Get<Option<Hash>>;
		/// Who made the block with these digests. Asked when the block ends: the first block of a
		/// session names an author of the set that this very block puts in force.
		type FindAuthor: FindAuthor<AccountId>;
		/// The validators that are stored with each seed.
		type Validators: ValidatorsInForce;
		/// Windows after a window's end for which its seed is kept though nobody retains it.
		#[pallet::constant]
		type RecentWindows: Get<WindowIndex>;
		/// Weights of the hooks.
		type WeightInfo: WeightInfo;
	}

	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// The VRF outputs of all blocks before this one, folded.
	#[pallet::storage]
	pub type Accumulator<T: Config> = StorageValue<_, Hash, ValueQuery>;

	/// The author of the parent of the block at work.
	#[pallet::storage]
	pub type ParentAuthor<T: Config> = StorageValue<_, AccountId, OptionQuery>;

	/// Who took part in the window that is running.
	#[pallet::storage]
	pub type CurrentParticipation<T: Config> = StorageValue<_, Participation, ValueQuery>;

	/// How many windows just before the running one wait for a seed to stand in.
	#[pallet::storage]
	pub type InvalidWindows<T: Config> = StorageValue<_, u32, ValueQuery>;

	/// Who was jailed when the running window began, ascending: whoever is stored with its seed and is
	/// among them judges nothing.
	#[pallet::storage]
	pub type JailedAtStart<T: Config> =
		StorageValue<_, BoundedVec<AccountId, ConstU32<MAX_VALIDATORS>>, ValueQuery>;

	/// The seeds that are kept, by the window at whose end they were stored.
	#[pallet::storage]
	pub type Seeds<T: Config> = StorageMap<_, Twox64Concat, WindowIndex, StoredSeed, OptionQuery>;

	/// How often a window is retained. No entry is zero.
	#[pallet::storage]
	pub type Retained<T: Config> = StorageMap<_, Twox64Concat, WindowIndex, u32, ValueQuery>;

	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A window ended and its seed was stored.
		SeedStored {
			/// The window.
			window: WindowIndex,
			/// The first window that the seed answers for: the same one, or one of up to two
			/// invalid windows before it.
			first: WindowIndex,
			/// The seed.
			seed: Hash,
			/// How many validators are stored with it.
			validators: u32,
		},
		/// A window ended in which too few authors took part: a later seed stands in.
		WindowInvalid {
			/// The window.
			window: WindowIndex,
		},
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_initialize(_: BlockNumberFor<T>) -> Weight {
			Self::begin_block()
		}

		fn on_finalize(_: BlockNumberFor<T>) {
			Self::note_author();
		}

		fn integrity_test() {
			assert!(
				T::RecentWindows::get() >= MAX_INVALID_WINDOWS,
				"a seed that stands in must outlive the windows that it answers for"
			);
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// The window of this block.
		pub fn window() -> WindowIndex {
			Self::window_of(Self::now())
		}

		/// The seed that answers for a window, with the validators stored with it: its own, or
		/// the one that stands in. None before it is stored and after it was removed.
		pub fn seed_of(window: WindowIndex) -> Option<Seed> {
			Self::answer(window).map(|(_, stored)| stored.seed)
		}
	}
}
