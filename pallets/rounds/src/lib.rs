#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

pub use pallet::*;
pub use types::RoundInfo;
pub use weights::WeightInfo;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod clock_impls;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "try-runtime"))]
mod try_state_impls;
mod types;
pub mod weights;

#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use frame_support::pallet_prelude::*;
	use frame_system::pallet_prelude::*;
	use livepeer_primitives::{
		params::RoundsParameters,
		traits::{OnNewRound, ProtocolClock},
		BlockNumber, RoundIndex,
	};

	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	#[pallet::config]
	pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
		/// Length of a round and of its lock period. Read at genesis and when a round begins.
		type Parameters: Get<RoundsParameters>;
		/// Counts the blocks of a round. In a closed block it stands still, and so do rounds.
		type Clock: ProtocolClock;
		/// Is told of each new round.
		type OnNewRound: OnNewRound;
		/// Weights of the hook.
		type WeightInfo: WeightInfo;
	}

	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// The running round.
	#[pallet::storage]
	pub type Current<T: Config> = StorageValue<_, RoundInfo, ValueQuery>;

	/// Starts round 0 with the parameters of genesis.
	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// Nothing is configured here: the parameters are those of genesis.
		#[serde(skip)]
		pub _marker: core::marker::PhantomData<T>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			Current::<T>::put(RoundInfo::new(0, 0, &T::Parameters::get()));
		}
	}

	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A round began with this block.
		NewRound {
			/// Its number.
			round: RoundIndex,
			/// Its length in blocks.
			length: BlockNumber,
			/// The first block of its lock period; the block after its last one if it has none.
			locked_from: BlockNumber,
		},
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_initialize(_: BlockNumberFor<T>) -> Weight {
			Self::tick()
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// The running round: number, first block, length and lock period.
		pub fn round() -> RoundInfo {
			Current::<T>::get()
		}

		/// Whether the terms of transcoders are frozen at this block.
		pub fn terms_are_locked() -> bool {
			Self::is_locked()
		}
	}
}
