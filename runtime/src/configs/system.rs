//! The basis: blocks, accounts, time and upgrades.

use crate::{
	constants::block, Balance, Block, BlockNumber, Hash, Migrations, PalletInfo, Runtime,
	RuntimeCall, RuntimeEvent, RuntimeOrigin, RuntimeTask, SafeMode, TxPause, SS58_PREFIX, VERSION,
};
use frame_support::{
	derive_impl, parameter_types,
	traits::{ConstU16, Contains, InsideBoth},
	weights::constants::ParityDbWeight,
};
use livepeer_primitives::{AccountId, Nonce};
use sp_runtime::traits::AccountIdLookup;
use sp_version::RuntimeVersion;

parameter_types! {
	/// How many block hashes the state keeps, which bounds the age of a mortal transaction.
	pub const BlockHashCount: BlockNumber = 4_096;
	/// The version of this runtime.
	pub const Version: RuntimeVersion = VERSION;
}

/// Refuses a call by which validators could vanish. Without its keys a validator cannot be in the
/// next set, and if enough of them purged theirs at once, BABE would find nobody and stop for ever.
/// Keys are replaced instead; a transcoder that resigns leaves the set with its keys.
pub struct KeepsValidators;

impl Contains<RuntimeCall> for KeepsValidators {
	fn contains(call: &RuntimeCall) -> bool {
		!matches!(call, RuntimeCall::Session(pallet_session::Call::purge_keys { .. }))
	}
}

#[derive_impl(frame_system::config_preludes::SolochainDefaultConfig)]
impl frame_system::Config for Runtime {
	type AccountData = pallet_balances::AccountData<Balance>;
	type AccountId = AccountId;
	/// Governance can always leave both brakes again: their own calls stay open, and those of Sudo
	/// and of a multisig that holds Sudo.
	type BaseCallFilter = InsideBoth<KeepsValidators, InsideBoth<SafeMode, TxPause>>;
	type Block = Block;
	type BlockHashCount = BlockHashCount;
	type BlockLength = block::Length;
	type BlockWeights = block::Weights;
	type DbWeight = ParityDbWeight;
	type Hash = Hash;
	type Lookup = AccountIdLookup<AccountId, ()>;
	type MultiBlockMigrator = Migrations;
	type Nonce = Nonce;
	type SS58Prefix = ConstU16<{ SS58_PREFIX as u16 }>;
	type SingleBlockMigrations = migrations::Unreleased;
	type SystemWeightInfo = frame_system::weights::SubstrateWeight<Runtime>;
	type ExtensionsWeightInfo = frame_system::SubstrateExtensionsWeight<Runtime>;
	type Version = Version;
}

/// Migrations of the state's layout.
pub mod migrations {
	/// Those that run in the block that enacts the next release.
	pub type Unreleased = crate::configs::parameters::GiveVersions;
}

parameter_types! {
	/// The part of a block that steps of a long migration can fill.
	pub MigrationWeight: frame_support::weights::Weight =
		sp_runtime::Perbill::from_percent(50) * block::MAXIMUM_WEIGHT;
}

impl pallet_migrations::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	#[cfg(not(feature = "runtime-benchmarks"))]
	type Migrations = ();
	#[cfg(feature = "runtime-benchmarks")]
	type Migrations = pallet_migrations::mock_helpers::MockedMigrations;
	type CursorMaxLen = frame_support::traits::ConstU32<65_536>;
	type IdentifierMaxLen = frame_support::traits::ConstU32<256>;
	type MigrationStatusHandler = ();
	type FailedMigrationHandler = super::governance::SafeModeUntilMended;
	type MaxServiceWeight = MigrationWeight;
	type WeightInfo = pallet_migrations::weights::SubstrateWeight<Runtime>;
}

impl pallet_utility::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeCall = RuntimeCall;
	type PalletsOrigin = crate::OriginCaller;
	type WeightInfo = pallet_utility::weights::SubstrateWeight<Runtime>;
}
