//! Amounts, weights and sizes used by the configuration.

/// Amounts of LPT.
pub mod money {
	use livepeer_primitives::{Balance, UNIT};

	/// One LPT.
	pub const LPT: Balance = UNIT;
	/// A thousandth of one LPT.
	pub const MILLI_LPT: Balance = LPT / 1_000;
	/// A millionth of one LPT.
	pub const MICRO_LPT: Balance = MILLI_LPT / 1_000;

	/// The smallest balance that an account can have.
	pub const EXISTENTIAL_DEPOSIT: Balance = MILLI_LPT;

	/// The deposit for keeping `items` entries with a total of `bytes` bytes in the state, held
	/// while they are kept.
	pub const fn deposit(items: u32, bytes: u32) -> Balance {
		items as Balance * 10 * MILLI_LPT + bytes as Balance * 100 * MICRO_LPT
	}
}

/// The price of a transaction.
pub mod fee {
	use super::money::MICRO_LPT;
	use livepeer_primitives::Balance;

	/// Smallest units of LPT for a picosecond of a validator's time: 0.5 LPT for a second.
	///
	/// Filling a block costs more than a third of an LPT. Each full block raises the price, whether
	/// transactions or hooks and duties fill it. A higher price would take too much of what a claim
	/// earns, because the claim pays here for everything that it causes.
	pub const PER_PICOSECOND: Balance = 500_000;
	/// Smallest units of LPT for a byte that every node stores.
	pub const PER_BYTE: Balance = 2 * MICRO_LPT;
	/// The code of `InvalidTransaction::Custom` that refuses a fee in any asset but LPT and ETH.
	pub const FEE_ASSET_REFUSED: u8 = 1;
}

/// What fits in a block.
pub mod block {
	use frame_support::dispatch::DispatchClass;
	use frame_support::{
		parameter_types,
		weights::{
			constants::{BlockExecutionWeight, ExtrinsicBaseWeight, WEIGHT_REF_TIME_PER_MILLIS},
			Weight,
		},
	};
	use frame_system::limits::{BlockLength, BlockWeights};
	use sp_runtime::Perbill;

	/// The part of a block that transactions of the `Normal` class can fill. The rest is for
	/// operator duties and for hooks.
	pub const NORMAL_RATIO: Perbill = Perbill::from_percent(75);
	/// The average share of hooks that fee and weight limits assume. Agendas that are behind take
	/// up to 95 %, an election up to 50 %.
	pub const ON_INITIALIZE_RATIO: Perbill = Perbill::from_percent(10);
	/// The execution time of a full block: half of the development chain's slot and a sixth of the
	/// production chain's, because one Wasm serves both.
	pub const MAXIMUM_WEIGHT: Weight =
		Weight::from_parts(1_000 * WEIGHT_REF_TIME_PER_MILLIS, u64::MAX);
	/// The largest block in bytes.
	pub const MAXIMUM_LENGTH: u32 = 5 * 1024 * 1024;

	parameter_types! {
		/// The length limits of blocks.
		pub Length: BlockLength = BlockLength::builder()
			.max_length(MAXIMUM_LENGTH)
			.modify_max_length_for_class(DispatchClass::Normal, |max| *max = NORMAL_RATIO * MAXIMUM_LENGTH)
			.build();
		/// The weight limits of blocks.
		///
		/// `Operational` has a reserve of its own, so that operator duties still get into a
		/// session-change block, whose hook claims all available weight.
		pub Weights: BlockWeights = BlockWeights::builder()
			.base_block(BlockExecutionWeight::get())
			.for_class(DispatchClass::all(), |weights| {
				weights.base_extrinsic = ExtrinsicBaseWeight::get();
			})
			.for_class(DispatchClass::Normal, |weights| {
				weights.max_total = Some(NORMAL_RATIO * MAXIMUM_WEIGHT);
			})
			.for_class(DispatchClass::Operational, |weights| {
				weights.max_total = Some(MAXIMUM_WEIGHT);
				weights.reserved = Some(MAXIMUM_WEIGHT - NORMAL_RATIO * MAXIMUM_WEIGHT);
			})
			.avg_block_initialization(ON_INITIALIZE_RATIO)
			.build_or_panic();
	}
}

/// Constants of consensus, which hold on every chain whatever the preset.
pub mod consensus {
	/// The most validators at a time, which determines the storage size of consensus pallets.
	pub const MAX_AUTHORITIES: u32 = livepeer_primitives::MAX_VALIDATORS;
	/// The most that signing two blocks or two votes costs of a validator's stake.
	pub const EQUIVOCATION_SLASH: sp_runtime::Perbill = sp_runtime::Perbill::from_percent(30);
	/// BABE: in this share of all slots somebody draws a primary slot.
	pub const PRIMARY_PROBABILITY: (u64, u64) = (1, 4);
	/// How BABE assigns slots. Every block carries a VRF output, which the beacon needs.
	pub const BABE_CONFIG: sp_consensus_babe::BabeEpochConfiguration =
		sp_consensus_babe::BabeEpochConfiguration {
			c: PRIMARY_PROBABILITY,
			allowed_slots: sp_consensus_babe::AllowedSlots::PrimaryAndSecondaryVRFSlots,
		};
}

/// The chain's ss58 address prefix: the generic one.
pub const SS58_PREFIX: u8 = 42;
