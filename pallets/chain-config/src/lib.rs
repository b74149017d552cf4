#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

pub use pallet::*;
pub use types::{
	BeaconWindow, ClosedBlocks, MinimumPeriod, ParameterStore, SessionLength, SlotDuration,
};
pub use weights::WeightInfo;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod clock_impls;
#[cfg(test)]
mod mock;
mod parameter_impls;
#[cfg(test)]
mod tests;
mod types;
pub mod weights;

#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use frame_support::pallet_prelude::*;
	use frame_system::pallet_prelude::*;
	use livepeer_primitives::{
		params::{ProtocolParameters, Timing},
		BlockNumber,
	};

	#[pallet::config]
	pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
		/// A new value of one concern.
		type Update: Parameter;
		/// Where parameters are kept.
		type Store: ParameterStore<Self::Update>;
		/// Whether the block at work admits nothing but inherents. Asked once in each, before the
		/// hooks of the protocol's pallets.
		type IsClosed: Get<bool>;
		/// Weights of the hook and the call.
		type WeightInfo: WeightInfo;
	}

	#[pallet::pallet]
	pub struct Pallet<T>(_);

	/// What a state without genesis answers; no chain is ever in it.
	#[pallet::type_value]
	pub fn TimingWithoutGenesis() -> Timing {
		Timing::development()
	}

	/// The timing. Written at genesis and never again.
	#[pallet::storage]
	pub type FixedTiming<T: Config> = StorageValue<_, Timing, ValueQuery, TimingWithoutGenesis>;

	/// How many blocks the protocol's clock has left out.
	#[pallet::storage]
	#[pallet::whitelist_storage]
	pub type Closed<T: Config> = StorageValue<_, ClosedBlocks, ValueQuery>;

	/// What a chain starts with.
	#[pallet::genesis_config]
	pub struct GenesisConfig<T: Config> {
		/// Length of slots, sessions and beacon windows, for ever.
		pub timing: Timing,
		/// The parameters, until governance changes them.
		pub parameters: ProtocolParameters,
		/// Binds the configuration to its runtime.
		#[serde(skip)]
		pub _marker: core::marker::PhantomData<T>,
	}

	impl<T: Config> Default for GenesisConfig<T> {
		fn default() -> Self {
			Self {
				timing: Timing::development(),
				parameters: ProtocolParameters::development(),
				_marker: Default::default(),
			}
		}
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		/// Panics where a rule is broken, so that no such chain comes to be.
		fn build(&self) {
			Pallet::<T>::build_genesis(&self.timing, &self.parameters);
		}
	}

	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// Governance set a parameter. It is in force from now on; rounds and claims that have
		/// begun keep what they began with.
		ParameterSet {
			/// Which one, and its new value.
			update: T::Update,
		},
	}

	/// The rule that the parameters would break. Nothing was stored.
	#[pallet::error]
	pub enum Error<T> {
		/// The update deletes a value instead of setting one.
		ValueMissing,
		/// A slot, a session, a window or a round has no length or is too long, or a window is
		/// longer than a round.
		Timing,
		/// The lock period is not shorter than the round.
		LockAmount,
		/// The unbonding period is shorter than the liability window.
		UnbondingPeriod,
		/// Stake could leave before the longest claim of its last round is executed, or the
		/// liability window is longer than a slash reaches back.
		LiabilityWindow,
		/// A set size is zero or above what storage holds, or `min_validators` is above
		/// `active_size`.
		SetSize,
		/// A bond or a minimum is zero, `min_self_bond` is below `min_bond`, or the finder's fee is
		/// above one half.
		Bond,
		/// A deadline or a period is zero.
		Deadline,
		/// The number of samples, the rate or the committee is zero or too large.
		Sampling,
		/// A failed or missed slash is zero, any slash is above one half, or a missed verification
		/// costs less than a failed one.
		Slash,
		/// A factor of the work formula is zero or above 1000.
		Factors,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_initialize(_: BlockNumberFor<T>) -> Weight {
			Self::set_clock()
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Sets one parameter, if all parameters together then keep every rule.
		///
		/// Origin: root. The errors name the rule that would be broken. Values that a round, a job
		/// or a claim copied when it began stay as they are there.
		#[pallet::call_index(0)]
		#[pallet::weight((T::WeightInfo::set_parameter(), DispatchClass::Operational))]
		pub fn set_parameter(origin: OriginFor<T>, update: T::Update) -> DispatchResult {
			ensure_root(origin)?;
			Self::do_set_parameter(update)
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// The timing that was fixed at genesis.
		pub fn timing() -> Timing {
			FixedTiming::<T>::get()
		}

		/// The parameters in force.
		pub fn parameters() -> ProtocolParameters {
			T::Store::current()
		}

		/// The number of this block on the protocol's clock, by which deadlines are set: its height
		/// less the blocks that admitted nothing but inherents.
		pub fn clock() -> BlockNumber {
			<Self as livepeer_primitives::traits::ProtocolClock>::now()
		}
	}
}
