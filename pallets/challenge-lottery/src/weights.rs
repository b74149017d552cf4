//! Weights of `pallet_challenge_lottery`: estimates until the bencher writes this file.

#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{
	traits::Get,
	weights::{constants::RocksDbWeight, Weight},
};

/// Weight functions needed for `pallet_challenge_lottery`.
pub trait WeightInfo {
	fn draw(v: u32) -> Weight;
	fn reveal_leaf(d: u32) -> Weight;
	fn report_missed() -> Weight;
	fn commit_verdict() -> Weight;
	fn authorize_commit_verdict() -> Weight;
	fn reveal_verdict() -> Weight;
	fn authorize_reveal_verdict() -> Weight;
	fn cancel() -> Weight;
	fn accept_toolchain() -> Weight;
	fn retire_toolchain() -> Weight;
	fn agenda_idle() -> Weight;
	fn agenda_step() -> Weight;
	fn agenda_decide(m: u32) -> Weight;
	fn agenda_open_dispute(v: u32) -> Weight;
	fn agenda_penalise(n: u32) -> Weight;
	fn agenda_execute() -> Weight;
}

/// Weights for `pallet_challenge_lottery` using the Substrate node and recommended hardware.
pub struct SubstrateWeight<T>(PhantomData<T>);
impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	fn draw(v: u32) -> Weight {
		Weight::from_parts(60_000_000, 4_000)
			.saturating_add(Weight::from_parts(1_200_000, 100).saturating_mul(v.into()))
			.saturating_add(T::DbWeight::get().reads(6_u64))
			.saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(v.into())))
			.saturating_add(T::DbWeight::get().writes(8_u64))
	}
	fn reveal_leaf(d: u32) -> Weight {
		Weight::from_parts(140_000_000, 700)
			.saturating_add(Weight::from_parts(3_000_000, 0).saturating_mul(d.into()))
			.saturating_add(T::DbWeight::get().reads(4_u64))
			.saturating_add(T::DbWeight::get().writes(6_u64))
	}
	fn report_missed() -> Weight {
		Weight::from_parts(60_000_000, 8_000)
			.saturating_add(T::DbWeight::get().reads(4_u64))
			.saturating_add(T::DbWeight::get().writes(9_u64))
	}
	fn commit_verdict() -> Weight {
		Weight::from_parts(40_000_000, 4_000)
			.saturating_add(T::DbWeight::get().reads(4_u64))
			.saturating_add(T::DbWeight::get().writes(5_u64))
	}
	fn authorize_commit_verdict() -> Weight {
		Weight::from_parts(70_000_000, 4_000).saturating_add(T::DbWeight::get().reads(3_u64))
	}
	fn reveal_verdict() -> Weight {
		Weight::from_parts(45_000_000, 4_000)
			.saturating_add(T::DbWeight::get().reads(4_u64))
			.saturating_add(T::DbWeight::get().writes(5_u64))
	}
	fn authorize_reveal_verdict() -> Weight {
		Weight::from_parts(75_000_000, 4_000).saturating_add(T::DbWeight::get().reads(3_u64))
	}
	fn cancel() -> Weight {
		Weight::from_parts(80_000_000, 8_000)
			.saturating_add(T::DbWeight::get().reads(8_u64))
			.saturating_add(T::DbWeight::get().writes(10_u64))
	}
	fn accept_toolchain() -> Weight {
		Weight::from_parts(12_000_000, 2_000)
			.saturating_add(T::DbWeight::get().reads(1_u64))
			.saturating_add(T::DbWeight::get().writes(1_u64))
	}
	fn retire_toolchain() -> Weight {
		Weight::from_parts(12_000_000, 2_000)
			.saturating_add(T::DbWeight::get().reads(1_u64))
			.saturating_add(T::DbWeight::get().writes(1_u64))
	}
	fn agenda_idle() -> Weight {
		Weight::from_parts(5_000_000, 2_000).saturating_add(T::DbWeight::get().reads(2_u64))
	}
	fn agenda_step() -> Weight {
		Weight::from_parts(30_000_000, 5_000)
			.saturating_add(T::DbWeight::get().reads(4_u64))
			.saturating_add(T::DbWeight::get().writes(5_u64))
	}
	fn agenda_decide(m: u32) -> Weight {
		Weight::from_parts(60_000_000, 5_000)
			.saturating_add(Weight::from_parts(6_000_000, 300).saturating_mul(m.into()))
			.saturating_add(T::DbWeight::get().reads(6_u64))
			.saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(m.into())))
			.saturating_add(T::DbWeight::get().writes(8_u64))
			.saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(m.into())))
	}
	fn agenda_open_dispute(v: u32) -> Weight {
		Weight::from_parts(50_000_000, 30_000)
			.saturating_add(Weight::from_parts(8_000_000, 200).saturating_mul(v.into()))
			.saturating_add(T::DbWeight::get().reads(4_u64))
			.saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(v.into())))
			.saturating_add(T::DbWeight::get().writes(5_u64))
			.saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(v.into())))
	}
	fn agenda_penalise(n: u32) -> Weight {
		Weight::from_parts(15_000_000, 12_000)
			.saturating_add(Weight::from_parts(40_000_000, 3_000).saturating_mul(n.into()))
			.saturating_add(T::DbWeight::get().reads(1_u64))
			.saturating_add(T::DbWeight::get().reads((6_u64).saturating_mul(n.into())))
			.saturating_add(T::DbWeight::get().writes(1_u64))
			.saturating_add(T::DbWeight::get().writes((5_u64).saturating_mul(n.into())))
	}
	fn agenda_execute() -> Weight {
		Weight::from_parts(120_000_000, 10_000)
			.saturating_add(T::DbWeight::get().reads(10_u64))
			.saturating_add(T::DbWeight::get().writes(12_u64))
	}
}

// For backwards compatibility and tests.
impl WeightInfo for () {
	fn draw(v: u32) -> Weight {
		Weight::from_parts(60_000_000, 4_000)
			.saturating_add(Weight::from_parts(1_200_000, 100).saturating_mul(v.into()))
			.saturating_add(RocksDbWeight::get().reads(6_u64))
			.saturating_add(RocksDbWeight::get().reads((1_u64).saturating_mul(v.into())))
			.saturating_add(RocksDbWeight::get().writes(8_u64))
	}
	fn reveal_leaf(d: u32) -> Weight {
		Weight::from_parts(140_000_000, 700)
			.saturating_add(Weight::from_parts(3_000_000, 0).saturating_mul(d.into()))
			.saturating_add(RocksDbWeight::get().reads(4_u64))
			.saturating_add(RocksDbWeight::get().writes(6_u64))
	}
	fn report_missed() -> Weight {
		Weight::from_parts(60_000_000, 8_000)
			.saturating_add(RocksDbWeight::get().reads(4_u64))
			.saturating_add(RocksDbWeight::get().writes(9_u64))
	}
	fn commit_verdict() -> Weight {
		Weight::from_parts(40_000_000, 4_000)
			.saturating_add(RocksDbWeight::get().reads(4_u64))
			.saturating_add(RocksDbWeight::get().writes(5_u64))
	}
	fn authorize_commit_verdict() -> Weight {
		Weight::from_parts(70_000_000, 4_000).saturating_add(RocksDbWeight::get().reads(3_u64))
	}
	fn reveal_verdict() -> Weight {
		Weight::from_parts(45_000_000, 4_000)
			.saturating_add(RocksDbWeight::get().reads(4_u64))
			.saturating_add(RocksDbWeight::get().writes(5_u64))
	}
	fn authorize_reveal_verdict() -> Weight {
		Weight::from_parts(75_000_000, 4_000).saturating_add(RocksDbWeight::get().reads(3_u64))
	}
	fn cancel() -> Weight {
		Weight::from_parts(80_000_000, 8_000)
			.saturating_add(RocksDbWeight::get().reads(8_u64))
			.saturating_add(RocksDbWeight::get().writes(10_u64))
	}
	fn accept_toolchain() -> Weight {
		Weight::from_parts(12_000_000, 2_000)
			.saturating_add(RocksDbWeight::get().reads(1_u64))
			.saturating_add(RocksDbWeight::get().writes(1_u64))
	}
	fn retire_toolchain() -> Weight {
		Weight::from_parts(12_000_000, 2_000)
			.saturating_add(RocksDbWeight::get().reads(1_u64))
			.saturating_add(RocksDbWeight::get().writes(1_u64))
	}
	fn agenda_idle() -> Weight {
		Weight::from_parts(5_000_000, 2_000).saturating_add(RocksDbWeight::get().reads(2_u64))
	}
	fn agenda_step() -> Weight {
		Weight::from_parts(30_000_000, 5_000)
			.saturating_add(RocksDbWeight::get().reads(4_u64))
			.saturating_add(RocksDbWeight::get().writes(5_u64))
	}
	fn agenda_decide(m: u32) -> Weight {
		Weight::from_parts(60_000_000, 5_000)
			.saturating_add(Weight::from_parts(6_000_000, 300).saturating_mul(m.into()))
			.saturating_add(RocksDbWeight::get().reads(6_u64))
			.saturating_add(RocksDbWeight::get().reads((1_u64).saturating_mul(m.into())))
			.saturating_add(RocksDbWeight::get().writes(8_u64))
			.saturating_add(RocksDbWeight::get().writes((1_u64).saturating_mul(m.into())))
	}
	fn agenda_open_dispute(v: u32) -> Weight {
		Weight::from_parts(50_000_000, 30_000)
			.saturating_add(Weight::from_parts(8_000_000, 200).saturating_mul(v.into()))
			.saturating_add(RocksDbWeight::get().reads(4_u64))
			.saturating_add(RocksDbWeight::get().reads((1_u64).saturating_mul(v.into())))
			.saturating_add(RocksDbWeight::get().writes(5_u64))
			.saturating_add(RocksDbWeight::get().writes((1_u64).saturating_mul(v.into())))
	}
	fn agenda_penalise(n: u32) -> Weight {
		Weight::from_parts(15_000_000, 12_000)
			.saturating_add(Weight::from_parts(40_000_000, 3_000).saturating_mul(n.into()))
			.saturating_add(RocksDbWeight::get().reads(1_u64))
			.saturating_add(RocksDbWeight::get().reads((6_u64).saturating_mul(n.into())))
			.saturating_add(RocksDbWeight::get().writes(1_u64))
			.saturating_add(RocksDbWeight::get().writes((5_u64).saturating_mul(n.into())))
	}
	fn agenda_execute() -> Weight {
		Weight::from_parts(120_000_000, 10_000)
			.saturating_add(RocksDbWeight::get().reads(10_u64))
			.saturating_add(RocksDbWeight::get().writes(12_u64))
	}
}
