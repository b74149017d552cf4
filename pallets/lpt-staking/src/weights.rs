//! Weights of `pallet_lpt_staking`, estimated by hand until the bencher writes this file.

#![cfg_attr(rustfmt, rustfmt_skip)]
#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::{constants::RocksDbWeight, Weight}};

/// Weight functions needed for `pallet_lpt_staking`.
pub trait WeightInfo {
	fn bond() -> Weight;
	fn unbond() -> Weight;
	fn withdraw_stake() -> Weight;
	fn withdraw_fees() -> Weight;
	fn settle() -> Weight;
	fn slash(p: u32, f: u32, ) -> Weight;
	fn deposit_fee() -> Weight;
	fn reward() -> Weight;
}

/// Weights for `pallet_lpt_staking` on the database of the node.
pub struct SubstrateWeight<T>(PhantomData<T>);
impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	/// Storage: `LptStaking::Bonds` (r:1 w:1), `LptStaking::Pools` (r:1 w:1),
	/// `LptStaking::Checkpoints` (r:2 w:2), `LptStaking::Fees` (r:1 w:1),
	/// `LptStaking::OwedStake` (r:1 w:1), `System::Account` (r:2 w:2), clock, parameters, election
	fn bond() -> Weight {
		Weight::from_parts(90_000_000, 8000)
			.saturating_add(T::DbWeight::get().reads(12_u64))
			.saturating_add(T::DbWeight::get().writes(8_u64))
	}
	/// Storage: `LptStaking::Bonds` (r:1 w:1), `LptStaking::Pools` (r:1 w:1),
	/// `LptStaking::Checkpoints` (r:2 w:2), `LptStaking::Fees` (r:1 w:1),
	/// `LptStaking::ExitPools` (r:1 w:1), `LptStaking::Locks` (r:1 w:1), clock, parameters
	fn unbond() -> Weight {
		Weight::from_parts(80_000_000, 8000)
			.saturating_add(T::DbWeight::get().reads(9_u64))
			.saturating_add(T::DbWeight::get().writes(8_u64))
	}
	/// Storage: `LptStaking::Locks` (r:1 w:1), `LptStaking::ExitPools` (r:1 w:1),
	/// `LptStaking::Liabilities` (r:1 w:0), `LptStaking::OwedStake` (r:1 w:1),
	/// `System::Account` (r:2 w:2), clock
	fn withdraw_stake() -> Weight {
		Weight::from_parts(70_000_000, 8000)
			.saturating_add(T::DbWeight::get().reads(7_u64))
			.saturating_add(T::DbWeight::get().writes(5_u64))
	}
	/// Storage: `LptStaking::Bonds` (r:1 w:1), `LptStaking::Pools` (r:1 w:1),
	/// `LptStaking::Checkpoints` (r:2 w:2), `LptStaking::Fees` (r:1 w:1),
	/// `LptStaking::OwedFees` (r:1 w:1), `Assets::Asset` (r:1 w:1), `Assets::Account` (r:2 w:2),
	/// `System::Account` (r:1 w:1), clock
	fn withdraw_fees() -> Weight {
		Weight::from_parts(90_000_000, 8000)
			.saturating_add(T::DbWeight::get().reads(11_u64))
			.saturating_add(T::DbWeight::get().writes(10_u64))
	}
	/// Storage: `LptStaking::Bonds` (r:1 w:1), `LptStaking::Pools` (r:1 w:1),
	/// `LptStaking::Checkpoints` (r:2 w:2), `LptStaking::Fees` (r:1 w:1), clock
	fn settle() -> Weight {
		Weight::from_parts(50_000_000, 8000)
			.saturating_add(T::DbWeight::get().reads(6_u64))
			.saturating_add(T::DbWeight::get().writes(5_u64))
	}
	/// Storage: `LptStaking::Pools` (r:1 w:1), `LptStaking::Checkpoints` (r:0 w:1),
	/// `LptStaking::ExitPools` (r:p w:p), `LptStaking::OwedStake` (r:1 w:1),
	/// `System::Account` (r:2+f w:2+f), clock, parameters
	/// The range of component `p` is `[1, 256]`, of `f` `[0, 16]`.
	fn slash(p: u32, f: u32, ) -> Weight {
		Weight::from_parts(80_000_000, 8000)
			.saturating_add(Weight::from_parts(4_000_000, 2600).saturating_mul(p.into()))
			.saturating_add(Weight::from_parts(30_000_000, 2600).saturating_mul(f.into()))
			.saturating_add(T::DbWeight::get().reads(6_u64))
			.saturating_add(T::DbWeight::get().reads_writes(1, 1).saturating_mul(p.into()))
			.saturating_add(T::DbWeight::get().reads_writes(1, 1).saturating_mul(f.into()))
			.saturating_add(T::DbWeight::get().writes(5_u64))
	}
	/// Storage: `LptStaking::Pools` (r:1 w:1), `LptStaking::Checkpoints` (r:0 w:1),
	/// `LptStaking::Fees` (r:1 w:1), `LptStaking::OwedFees` (r:1 w:1), `Assets::Asset` (r:1 w:0),
	/// `Assets::Account` (r:1 w:0), clock
	fn deposit_fee() -> Weight {
		Weight::from_parts(40_000_000, 8000)
			.saturating_add(T::DbWeight::get().reads(6_u64))
			.saturating_add(T::DbWeight::get().writes(4_u64))
	}
	/// Storage: `LptStaking::Pools` (r:1 w:1), `LptStaking::Checkpoints` (r:0 w:1),
	/// `LptStaking::OwedStake` (r:1 w:1), `System::Account` (r:1 w:0)
	fn reward() -> Weight {
		Weight::from_parts(35_000_000, 8000)
			.saturating_add(T::DbWeight::get().reads(3_u64))
			.saturating_add(T::DbWeight::get().writes(3_u64))
	}
}

// For tests.
impl WeightInfo for () {
	fn bond() -> Weight {
		Weight::from_parts(90_000_000, 8000)
			.saturating_add(RocksDbWeight::get().reads(12_u64))
			.saturating_add(RocksDbWeight::get().writes(8_u64))
	}
	fn unbond() -> Weight {
		Weight::from_parts(80_000_000, 8000)
			.saturating_add(RocksDbWeight::get().reads(9_u64))
			.saturating_add(RocksDbWeight::get().writes(8_u64))
	}
	fn withdraw_stake() -> Weight {
		Weight::from_parts(70_000_000, 8000)
			.saturating_add(RocksDbWeight::get().reads(7_u64))
			.saturating_add(RocksDbWeight::get().writes(5_u64))
	}
	fn withdraw_fees() -> Weight {
		Weight::from_parts(90_000_000, 8000)
			.saturating_add(RocksDbWeight::get().reads(11_u64))
			.saturating_add(RocksDbWeight::get().writes(10_u64))
	}
	fn settle() -> Weight {
		Weight::from_parts(50_000_000, 8000)
			.saturating_add(RocksDbWeight::get().reads(6_u64))
			.saturating_add(RocksDbWeight::get().writes(5_u64))
	}
	fn slash(p: u32, f: u32, ) -> Weight {
		Weight::from_parts(80_000_000, 8000)
			.saturating_add(Weight::from_parts(4_000_000, 2600).saturating_mul(p.into()))
			.saturating_add(Weight::from_parts(30_000_000, 2600).saturating_mul(f.into()))
			.saturating_add(RocksDbWeight::get().reads(6_u64))
			.saturating_add(RocksDbWeight::get().reads_writes(1, 1).saturating_mul(p.into()))
			.saturating_add(RocksDbWeight::get().reads_writes(1, 1).saturating_mul(f.into()))
			.saturating_add(RocksDbWeight::get().writes(5_u64))
	}
	fn deposit_fee() -> Weight {
		Weight::from_parts(40_000_000, 8000)
			.saturating_add(RocksDbWeight::get().reads(6_u64))
			.saturating_add(RocksDbWeight::get().writes(4_u64))
	}
	fn reward() -> Weight {
		Weight::from_parts(35_000_000, 8000)
			.saturating_add(RocksDbWeight::get().reads(3_u64))
			.saturating_add(RocksDbWeight::get().writes(3_u64))
	}
}
