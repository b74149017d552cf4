#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub use begin_impls::BeginRound;
pub use pallet::*;
pub use types::{Offers, RoundMint, SpanOffers, TOLERANCE_ROUNDS};
pub use weights::WeightInfo;

mod begin_impls;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod competition_impls;
pub mod maths;
#[cfg(test)]
mod mock;
mod reward_impls;
#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "try-runtime"))]
mod try_state_impls;
mod types;
mod view_impls;
pub mod weights;

#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use frame_support::{pallet_prelude::*, traits::fungible};
	use frame_system::pallet_prelude::*;
	use livepeer_primitives::{
		api::{InflationView, YieldView},
		params::InflationParameters,
		traits::{RewardSink, RewardedSeats, Rounds, Supply},
		AccountId, Balance, RoundIndex,
	};
	use sp_runtime::Perbill;

	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	#[pallet::config]
	pub trait Config:
		frame_system::Config<AccountId = AccountId, RuntimeEvent: From<Event<Self>>>
	{
		/// LPT, for the common pool's part.
		type Currency: fungible::Mutate<AccountId, Balance = Balance>;
		/// The total amount of LPT.
		type Supply: Supply;
		/// The round clock. It must tell the pallet of each new round before the election, and
		/// [`BeginRound`] after it.
		type Rounds: Rounds;
		/// The seats that are paid, with their stakes.
		type Seats: RewardedSeats;
		/// Receives rewards.
		type Rewards: RewardSink;
		/// The common pool.
		type CommonPool: Get<AccountId>;
		/// Rates, cuts and the tolerance.
		type Parameters: Get<InflationParameters>;
		/// The largest number of seats.
		#[pallet::constant]
		type MaxSeats: Get<u32>;
		/// Weights of the hooks.
		type WeightInfo: WeightInfo;
	}

	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// The rate of the newest round that has begun. Genesis writes the first one.
	#[pallet::storage]
	pub type Rate<T: Config> = StorageValue<_, Perbill>;

	/// What the running round can mint, and, when it is over, what it has minted. Absent for the
	/// round of genesis until that round is over.
	#[pallet::storage]
	pub type Current<T: Config> = StorageValue<_, RoundMint>;

	/// Jobs that a transcoder was offered in each round of a span, and how many it served. A span
	/// has as many rounds as the tolerance looks back, so the rounds that count lie in at most two
	/// spans. A span is kept as long as one of its rounds counts.
	#[pallet::storage]
	pub type OffersOf<T: Config> = StorageDoubleMap<
		_,
		Twox64Concat,
		RoundIndex,
		Blake2_128Concat,
		AccountId,
		SpanOffers,
		ValueQuery,
	>;

	/// The oldest span for which offers may be stored.
	#[pallet::storage]
	pub type OldestSpan<T: Config> = StorageValue<_, RoundIndex, ValueQuery>;

	/// Writes the first rate.
	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// Nothing is configured here: the rate is a parameter of genesis.
		#[serde(skip)]
		pub _marker: core::marker::PhantomData<T>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			Rate::<T>::put(T::Parameters::get().initial_rate);
		}
	}

	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A round began; this is what it can mint.
		RateSet {
			/// The round.
			round: RoundIndex,
			/// LPT that it can mint, as a share of all LPT.
			rate: Perbill,
			/// The same amount, in units of 10^-18 LPT.
			mintable: Balance,
			/// Whether the active set's stake was below its target, so that the rate rose.
			is_below_target: bool,
		},
		/// A round ended and was paid.
		RoundPaid {
			/// The round.
			round: RoundIndex,
			/// LPT that was minted, in units of 10^-18.
			minted: Balance,
			/// The part of it that the common pool got, in units of 10^-18 LPT.
			to_pool: Balance,
			/// How many transcoders were paid.
			transcoders: u32,
		},
		/// A member of the active set was not paid for a round, because it did not do its duty.
		RewardForfeited {
			/// The transcoder.
			transcoder: AccountId,
			/// The round.
			round: RoundIndex,
			/// Whether the reason was that it served too few of the jobs that it was offered.
			uncompetitive: bool,
		},
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_initialize(_: BlockNumberFor<T>) -> Weight {
			Self::forget_offers()
		}

		fn integrity_test() {
			let block = <T as frame_system::Config>::BlockWeights::get().max_block;
			let most = Self::weight_of_reward(T::MaxSeats::get());
			assert!(
				most.ref_time() <= block.ref_time() / 4,
				"paying a full active set takes at most a quarter of a block",
			);
			let most = T::WeightInfo::forget_offers(crate::competition_impls::MOST_FORGOTTEN);
			assert!(
				most.ref_time() <= block.ref_time() / 50,
				"forgetting offers takes at most a fiftieth of a block",
			);
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// What the running round can mint, and what the next one could mint if it began now.
		pub fn inflation() -> InflationView {
			Self::view_inflation()
		}

		/// What a transcoder's seat earns in this round.
		pub fn yield_of(transcoder: AccountId) -> YieldView {
			Self::view_yield(&transcoder)
		}

		/// Jobs that a transcoder was offered in the rounds that count, and how many it served.
		pub fn offers_of(transcoder: AccountId) -> Offers {
			Self::offers_so_far(&transcoder, T::Rounds::current())
		}
	}
}
