//! LPT, the chain's own coin, and ETH, an asset that enters and leaves only through the bridge.

use super::parameters::Money;
use crate::{
	constants::money::{deposit, EXISTENTIAL_DEPOSIT},
	Balance, Balances, EthBridge, Runtime, RuntimeEvent, RuntimeFreezeReason, RuntimeHoldReason,
	System,
};
use frame_support::{
	parameter_types,
	traits::{
		fungible::Mutate,
		tokens::{imbalance::ResolveTo, Preservation},
		AsEnsureOriginWithArg, ConstU128, ConstU32, Get, VariantCountOf,
	},
	PalletId,
};
use frame_system::{EnsureNever, EnsureRoot};
use livepeer_primitives::{
	traits::{JudgesPool, Supply},
	AccountId, AssetId,
};
use sp_runtime::traits::AccountIdConversion;

impl pallet_balances::Config for Runtime {
	type AccountStore = System;
	type Balance = Balance;
	type DoneSlashHandler = ();
	type DustRemoval = ResolveTo<CommonPool, Balances>;
	type ExistentialDeposit = ConstU128<EXISTENTIAL_DEPOSIT>;
	type FreezeIdentifier = RuntimeFreezeReason;
	type MaxFreezes = VariantCountOf<RuntimeFreezeReason>;
	type MaxLocks = ConstU32<50>;
	type MaxReserves = ConstU32<50>;
	type ReserveIdentifier = [u8; 8];
	type RuntimeEvent = RuntimeEvent;
	type RuntimeFreezeReason = RuntimeFreezeReason;
	type RuntimeHoldReason = RuntimeHoldReason;
	type WeightInfo = pallet_balances::weights::SubstrateWeight<Runtime>;
}

/// Determines the account that owns the ETH asset. Nobody has a key to it, so nobody can mint,
/// freeze or rename ETH by an account's call.
pub const ETH_OWNER: PalletId = PalletId(*b"lpt/ethr");

/// The account that owns the ETH asset.
pub fn eth_owner() -> AccountId {
	ETH_OWNER.into_account_truncating()
}

/// All LPT: on this chain, plus what is proven of Ethereum if governance has enabled counting it.
pub struct AllLpt;

impl Supply for AllLpt {
	fn total() -> Balance {
		Balances::total_issuance().saturating_add(EthBridge::lpt_elsewhere())
	}
}

/// Pays judges out of the common pool, which never falls below the balance that keeps its account
/// alive.
pub struct PaysJudges;

impl JudgesPool for PaysJudges {
	fn in_lpt(eth: Balance) -> Balance {
		Money::get().in_lpt(eth)
	}

	fn in_eth(lpt: Balance) -> Balance {
		Money::get().in_eth(lpt)
	}

	fn pay(judge: &AccountId, amount: Balance) -> Balance {
		let pool = CommonPool::get();
		let preserve = Preservation::Preserve;
		<Balances as Mutate<_>>::transfer(&pool, judge, amount, preserve).unwrap_or(0)
	}
}

/// Determines the common pool, which receives slashed stake, fees and dust. Governance spends it.
pub const COMMON_POOL: PalletId = PalletId(*b"lpt/pool");

parameter_types! {
	/// The account of the common pool. Nobody has a key to it.
	pub CommonPool: AccountId = COMMON_POOL.into_account_truncating();
	/// The deposit while an account has an entry of a non-sufficient asset.
	pub const AssetAccountDeposit: Balance = deposit(1, 64);
	/// The deposit for creating an asset, which nobody can do.
	pub const AssetDeposit: Balance = deposit(1, 200);
	/// The deposit while an approval exists.
	pub const ApprovalDeposit: Balance = deposit(1, 128);
	/// The deposit for an asset's name.
	pub const MetadataDepositBase: Balance = deposit(1, 68);
	/// The deposit for each byte of an asset's name.
	pub const MetadataDepositPerByte: Balance = deposit(0, 1);
}

impl pallet_assets::Config for Runtime {
	type ApprovalDeposit = ApprovalDeposit;
	type AssetAccountDeposit = AssetAccountDeposit;
	type AssetDeposit = AssetDeposit;
	type AssetId = AssetId;
	type AssetIdAllocator = ();
	type AssetIdParameter = codec::Compact<AssetId>;
	type Balance = Balance;
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = ();
	type CallbackHandle = ();
	type CreateOrigin = AsEnsureOriginWithArg<EnsureNever<AccountId>>;
	type Currency = Balances;
	type Extra = ();
	type ForceOrigin = EnsureRoot<AccountId>;
	type Freezer = ();
	type Holder = crate::AssetsHolder;
	type MetadataDepositBase = MetadataDepositBase;
	type MetadataDepositPerByte = MetadataDepositPerByte;
	type RemoveItemsLimit = ConstU32<1_000>;
	type ReserveData = ();
	type RuntimeEvent = RuntimeEvent;
	type StringLimit = ConstU32<50>;
	type WeightInfo = pallet_assets::weights::SubstrateWeight<Runtime>;
}

impl pallet_assets_holder::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeHoldReason = RuntimeHoldReason;
}
