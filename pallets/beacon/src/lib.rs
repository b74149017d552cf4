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

/// In a row of invalid windows, the one with this number is used as it is.
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
		/// Counts the blocks of a window. In a closed block it stands still, and so do windows.
		type Clock: ProtocolClock;
		/// Blocks of a window. Must never change.
		type WindowLength: Get<BlockNumber>;
		/// The VRF output of the parent of the current block, if the parent has one.
		type ParentVrf: Get<Option<Hash>>;
		/// Finds the author of the block with these digests. Asked when the block ends, because the
		/// first block of a session names an author of the set that this very block puts in force.
		type FindAuthor: FindAuthor<AccountId>;
		/// The validators that are stored with each seed.
		type Validators: ValidatorsInForce;
		/// For how many windows after a window's end its seed is kept even if nobody retains it.
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

	/// The author of the parent of the current block.
	#[pallet::storage]
	pub type ParentAuthor<T: Config> = StorageValue<_, AccountId, OptionQuery>;

	/// The authors that have contributed to the running window.
	#[pallet::storage]
	pub type CurrentParticipation<T: Config> = StorageValue<_, Participation, ValueQuery>;

	/// How many windows directly before the running one still wait for a later seed.
	#[pallet::storage]
	pub type InvalidWindows<T: Config> = StorageValue<_, u32, ValueQuery>;

	/// Validators that were jailed when the running window began, ascending. Those of them that are
	/// stored with its seed judge nothing.
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
		/// A window ended, and its seed was stored.
		SeedStored {
			/// The window.
			window: WindowIndex,
			/// The first window that the seed answers for: this one, or the first of up to two
			/// invalid windows before it.
			first: WindowIndex,
			/// The seed.
			seed: Hash,
			/// How many validators are stored with it.
			validators: u32,
		},
		/// A window ended to which too few authors contributed: a later seed will answer for it.
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

		/// The seed that answers for a window, with the validators stored with it: the window's own
		/// or a later one. `None` before it is stored and after it was removed.
		pub fn seed_of(window: WindowIndex) -> Option<Seed> {
			Self::answer(window).map(|(_, stored)| stored.seed)
		}
	}
}
