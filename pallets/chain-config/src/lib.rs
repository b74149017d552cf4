#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

pub use pallet::*;
pub use types::{
	preset, BeaconWindow, ClosedBlocks, MinimumPeriod, ParameterStore, SessionLength, SlotDuration,
	UpdateError,
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
		params::{ParameterError, ProtocolParameters, Timing},
		Balance, BlockNumber,
	};

	#[pallet::config]
	pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
		/// A new value of one concern.
		type Update: Parameter;
		/// Stores the parameters.
		type Store: ParameterStore<Self::Update>;
		/// Whether the current block admits only inherents. Asked once in each block, before the
		/// hooks of the protocol's pallets.
		type IsClosed: Get<bool>;
		/// Weights of the hook and the call.
		type WeightInfo: WeightInfo;
	}

	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// The timing of a state without genesis; no chain is ever in it.
	#[pallet::type_value]
	pub fn TimingWithoutGenesis() -> Timing {
		Timing::development()
	}

	/// The timing. Written at genesis and never again.
	#[pallet::storage]
	pub type FixedTiming<T: Config> = StorageValue<_, Timing, ValueQuery, TimingWithoutGenesis>;

	/// The blocks that the protocol's clock has left out.
	#[pallet::storage]
	#[pallet::whitelist_storage]
	pub type Closed<T: Config> = StorageValue<_, ClosedBlocks, ValueQuery>;

	/// The block in which `money.lpt_per_eth` last changed, and the rate against which changes are
	/// measured: the one before the first of several changes that each followed the previous one
	/// within a round's length.
	#[pallet::storage]
	pub type RateBase<T: Config> = StorageValue<_, (BlockNumber, Balance)>;

	/// The pallet's genesis.
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
		/// Panics if a rule is broken, so that no such chain is built.
		fn build(&self) {
			Pallet::<T>::build_genesis(&self.timing, &self.parameters);
		}
	}

	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// Governance set a parameter. It is in force from now on; rounds and claims that have
		/// begun keep the values that they began with.
		ParameterSet {
			/// The concern, with its new value.
			update: T::Update,
		},
	}

	/// The rule that the parameters would break, by the name of the parameter or relation. Nothing
	/// was stored.
	#[pallet::error]
	pub enum Error<T> {
		/// The update deletes a value instead of setting one.
		ValueMissing,
		/// A stored value of another concern cannot be read, so nothing can be checked against it.
		/// Set that concern first.
		Unreadable,
		/// `timing.slot_duration`: 1,000 to 60,000 ms.
		SlotDuration,
		/// `timing.session_length`: 1 to 100,000 slots.
		SessionLength,
		/// `timing.beacon_window`: 1 to 14,400 blocks.
		BeaconWindow,
		/// `rounds.length`: 1 to 403,200 blocks.
		RoundLength,
		/// `rounds.lock_amount`: 0 to 50 %.
		LockAmount,
		/// `staking.unbonding_period`: 1 to 180 rounds.
		UnbondingPeriod,
		/// `staking.liability_window`: 1 to 63 rounds.
		LiabilityWindow,
		/// `staking.min_bond`: 10^-18 to 1,000 LPT.
		MinBond,
		/// `staking.finder_fee`: 0 to 50 %.
		FinderFee,
		/// `election.active_size`: 1 to 256.
		ActiveSize,
		/// `election.min_validators`: 1 to 256.
		MinValidators,
		/// `election.min_self_bond`: 10^-18 to 100,000 LPT.
		MinSelfBond,
		/// `election.min_validator_stake`: 10^-18 to 1,000,000 LPT.
		MinValidatorStake,
		/// `election.heartbeat_interval`: 1 to 2,400 blocks.
		HeartbeatInterval,
		/// `jobs.accept_timeout`: 1 to 100 blocks.
		AcceptTimeout,
		/// `jobs.claim_grace`: 1 to 14,400 blocks.
		ClaimGrace,
		/// `jobs.longest_job`: 1 to 5,256,000 blocks.
		LongestJob,
		/// `jobs.priority_list`: 1 to 16.
		PriorityList,
		/// `jobs.allowance_leaves`: 1 to 100,000.
		AllowanceLeaves,
		/// `jobs.broadcaster_bond`: 10^-18 to 10 ETH.
		BroadcasterBond,
		/// `jobs.max_open_claims`: 1 to 1,024.
		MaxOpenClaims,
		/// `jobs.factors.profiles`: 1 to 100,000 thousandths.
		EncodeFactor,
		/// `jobs.factors.decode`: 1 to 1,000 thousandths.
		DecodeFactor,
		/// `jobs.factors.rejected`: 1 to 55,296,000 units of work.
		RejectedWork,
		/// `lottery.verification_rate`: 0.1 to 100 %.
		VerificationRate,
		/// `lottery.max_samples`: 1 to 16.
		MaxSamples,
		/// `lottery.committee_size`: 1 to 64.
		CommitteeSize,
		/// `lottery.tranches`: 1 to 8.
		Tranches,
		/// `lottery.reveal_window`: 1 to 2,400 blocks.
		RevealWindow,
		/// `lottery.missed_grace`: 1 to 2,400 blocks.
		MissedGrace,
		/// `lottery.commit_base`: 1 to 2,400 blocks.
		CommitBase,
		/// `lottery.verdict_reveal`: 1 to 2,400 blocks.
		VerdictReveal,
		/// `lottery.verify_rate`: 1,000,000 to 1,000,000,000,000,000 units of work in a block.
		VerifyRate,
		/// `lottery.max_work_blocks`: 1 to 2,400 blocks.
		MaxWorkBlocks,
		/// `lottery.dispute_commit_base`: 1 to 14,400 blocks.
		DisputeCommitBase,
		/// `lottery.dispute_reveal`: 1 to 2,400 blocks.
		DisputeReveal,
		/// `lottery.slashing_period`: 1 to 100,800 blocks.
		SlashingPeriod,
		/// `lottery.slash_deferral`: 1 to 403,200 blocks.
		SlashDeferral,
		/// `lottery.failed_slash`: 0.0000001 to 50 %.
		FailedSlash,
		/// `lottery.missed_slash`: 0.0000001 to 50 %.
		MissedSlash,
		/// `lottery.equivocation_slash`: 0.0000001 to 50 %.
		EquivocationSlash,
		/// `lottery.false_dissent_slash`: 0 to 50 %.
		FalseDissentSlash,
		/// `lottery.no_show_slash`: 0 to 50 %.
		NoShowSlash,
		/// `lottery.chill`: 0 to 30 rounds.
		Chill,
		/// `lottery.verify_price`: 0 to 0.001 ETH.
		VerifyPrice,
		/// `timing.beacon_window` ≤ `rounds.length`.
		WindowWithinRound,
		/// A round lasts at most four weeks, by the slot's length, so that governance can undo in
		/// the next round what it has set.
		RoundEnds,
		/// Unbonding takes at most 180 days, by the slot's length.
		UnbondingEnds,
		/// `staking.unbonding_period` ≥ `staking.liability_window`.
		UnbondingWithinLiability,
		/// (`staking.liability_window` − 1) × `rounds.length` is more than the longest life of a
		/// claim with its tranches, its dispute and the deferral of its slash: otherwise stake
		/// could leave before it is slashed.
		LiabilityOutlivesClaims,
		/// `election.min_validators` ≤ `election.active_size`.
		ValidatorsWithinActiveSet,
		/// `election.min_self_bond` ≥ `staking.min_bond`.
		SelfBondIsBond,
		/// `lottery.missed_slash` ≥ `lottery.failed_slash`: hiding a wrong segment costs at least
		/// as much as showing it.
		MissedCostsFailed,
		/// `lottery.committee_size` × `lottery.tranches` ≤ 64: no more members can be penalised.
		TranchesWithinCommittee,
		/// `lottery.verify_rate` × `lottery.max_work_blocks` is at least a standard segment's work:
		/// otherwise hardly any job could be judged.
		JudgesKeepUp,
		/// `jobs.factors.profiles` contains the canonical profile, no profile twice, and nothing in
		/// unused places.
		ProfilesKnown,
		/// `inflation.initial_rate`: 0 to 1 %.
		InitialRate,
		/// `inflation.rate_change`: 0 to 0.01 %.
		RateChange,
		/// `inflation.participation_rate`: 0 to 100 %.
		ParticipationRate,
		/// `inflation.pool_cut`: 0 to 50 %.
		PoolCut,
		/// `inflation.pool_ceiling`: 0 to 100,000,000 LPT.
		PoolCeiling,
		/// `inflation.competitiveness_tolerance`: 0 to 100 %.
		CompetitivenessTolerance,
		/// `inflation.min_offers`: 1 to 10,000.
		MinOffers,
		/// `jobs.exposure`: 0.1 to 100 %.
		Exposure,
		/// `lottery.fee_ratio`: 0 to 16.
		FeeRatio,
		/// `lottery.new_verification_rate`: 0.1 to 100 %.
		NewVerificationRate,
		/// `lottery.new_claims`: 0 to 1,000.
		NewClaims,
		/// `lottery.variant_rate`: 0 to 50 %.
		VariantRate,
		/// `lottery.variant_slash`: 0 to 50 %.
		VariantSlash,
		/// `money.lpt_per_eth`: 0.001 to 10,000,000 LPT.
		LptPerEth,
		/// `money.pool_rewards`: 0 to 1,000,000 LPT.
		PoolRewards,
		/// `lottery.new_verification_rate` ≥ `lottery.verification_rate`: at least as much is drawn
		/// of new transcoders.
		NewcomersAreVerified,
		/// `money.lpt_per_eth` moves at most 10 % within a round's length.
		RateStep,
		/// `jobs.lapses`: 1 to 100.
		Lapses,
		/// `lottery.variant_slash` ≥ `lottery.false_dissent_slash`: saying Valid where a forced
		/// variant is due outweighs a false dissent, so it costs at least the same share of the
		/// stake.
		VariantCostsDissent,
		/// `election.validator_leverage`: 1 to 256.
		ValidatorLeverage,
		/// `lottery.long_deferral`: 1 to 403,200 blocks.
		LongDeferral,
		/// 63 × `rounds.length` is at least the longest life of a claim whose slash is deferred
		/// longer: a slash reaches no stake that left before that.
		SlashReachesDeferral,
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
		/// Sets the parameters of one concern, if all parameters together then keep every rule.
		/// Rounds, jobs and claims keep the values that they copied when they began.
		///
		/// Who: governance.
		///
		/// - `update`: the concern with all of its parameters, each in the unit that its
		///   documentation names.
		///
		/// Emits `ParameterSet`. Costs nothing. Its errors name the parameter that is out of its
		/// bounds, or the relation between parameters that would be broken.
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
		/// minus the blocks that admitted only inherents.
		pub fn clock() -> BlockNumber {
			<Self as livepeer_primitives::traits::ProtocolClock>::now()
		}

		/// What `set_parameter` would answer for these parameters, with the bound that is broken.
		pub fn check(parameters: ProtocolParameters) -> Result<(), ParameterError> {
			parameters.check(&FixedTiming::<T>::get())
		}
	}
}
