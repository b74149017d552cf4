//! Weights of `pallet_jobs`, estimated by hand until the bencher writes this file.

#![cfg_attr(rustfmt, rustfmt_skip)]
#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::{constants::RocksDbWeight, Weight}};

/// Weight functions needed for `pallet_jobs`.
pub trait WeightInfo {
	fn create_job() -> Weight;
	fn top_up() -> Weight;
	fn end_job() -> Weight;
	fn accept_job() -> Weight;
	fn claim_work() -> Weight;
	fn set_origin() -> Weight;
	fn clear_origin() -> Weight;
	fn agenda_block() -> Weight;
	fn read_candidates(c: u32, ) -> Weight;
	fn task_draw(c: u32, ) -> Weight;
	fn task_hand_on() -> Weight;
	fn task_expire() -> Weight;
	fn task_close_assignment() -> Weight;
	fn task_check() -> Weight;
}

/// Weights for `pallet_jobs` on the database of the node.
pub struct SubstrateWeight<T>(PhantomData<T>);
impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	fn create_job() -> Weight {
		Weight::from_parts(90_000_000, 20500)
			.saturating_add(T::DbWeight::get().reads(11_u64))
			.saturating_add(T::DbWeight::get().writes(10_u64))
	}
	fn top_up() -> Weight {
		Weight::from_parts(70_000_000, 16000)
			.saturating_add(T::DbWeight::get().reads(8_u64))
			.saturating_add(T::DbWeight::get().writes(6_u64))
	}
	fn end_job() -> Weight {
		Weight::from_parts(90_000_000, 19000)
			.saturating_add(T::DbWeight::get().reads(10_u64))
			.saturating_add(T::DbWeight::get().writes(12_u64))
	}
	fn accept_job() -> Weight {
		Weight::from_parts(35_000_000, 13000)
			.saturating_add(T::DbWeight::get().reads(6_u64))
			.saturating_add(T::DbWeight::get().writes(4_u64))
	}
	fn claim_work() -> Weight {
		Weight::from_parts(150_000_000, 40000)
			.saturating_add(T::DbWeight::get().reads(24_u64))
			.saturating_add(T::DbWeight::get().writes(18_u64))
	}
	fn set_origin() -> Weight {
		Weight::from_parts(45_000_000, 11500)
			.saturating_add(T::DbWeight::get().reads(5_u64))
			.saturating_add(T::DbWeight::get().writes(5_u64))
	}
	fn clear_origin() -> Weight {
		Weight::from_parts(40_000_000, 10000)
			.saturating_add(T::DbWeight::get().reads(4_u64))
			.saturating_add(T::DbWeight::get().writes(5_u64))
	}
	fn agenda_block() -> Weight {
		Weight::from_parts(5_000_000, 7000)
			.saturating_add(T::DbWeight::get().reads(2_u64))
			.saturating_add(T::DbWeight::get().writes(1_u64))
	}
	/// The range of component `c` is `[1, 257]`.
	fn read_candidates(c: u32, ) -> Weight {
		Weight::from_parts(10_000_000, 7000)
			.saturating_add(Weight::from_parts(8_000_000, 8100).saturating_mul(c.into()))
			.saturating_add(T::DbWeight::get().reads(2_u64))
			.saturating_add(T::DbWeight::get().reads((3_u64).saturating_mul(c.into())))
	}
	/// The range of component `c` is `[1, 257]`.
	fn task_draw(c: u32, ) -> Weight {
		Weight::from_parts(60_000_000, 19000)
			.saturating_add(Weight::from_parts(1_000_000, 2700).saturating_mul(c.into()))
			.saturating_add(T::DbWeight::get().reads(10_u64))
			.saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(c.into())))
			.saturating_add(T::DbWeight::get().writes(9_u64))
	}
	fn task_hand_on() -> Weight {
		Weight::from_parts(90_000_000, 49000)
			.saturating_add(T::DbWeight::get().reads(30_u64))
			.saturating_add(T::DbWeight::get().writes(14_u64))
	}
	fn task_expire() -> Weight {
		Weight::from_parts(80_000_000, 22000)
			.saturating_add(T::DbWeight::get().reads(12_u64))
			.saturating_add(T::DbWeight::get().writes(14_u64))
	}
	fn task_close_assignment() -> Weight {
		Weight::from_parts(60_000_000, 17500)
			.saturating_add(T::DbWeight::get().reads(9_u64))
			.saturating_add(T::DbWeight::get().writes(9_u64))
	}
	fn task_check() -> Weight {
		Weight::from_parts(25_000_000, 11500)
			.saturating_add(T::DbWeight::get().reads(5_u64))
			.saturating_add(T::DbWeight::get().writes(3_u64))
	}
}

// For tests.
impl WeightInfo for () {
	fn create_job() -> Weight {
		Weight::from_parts(90_000_000, 20500)
			.saturating_add(RocksDbWeight::get().reads(11_u64))
			.saturating_add(RocksDbWeight::get().writes(10_u64))
	}
	fn top_up() -> Weight {
		Weight::from_parts(70_000_000, 16000)
			.saturating_add(RocksDbWeight::get().reads(8_u64))
			.saturating_add(RocksDbWeight::get().writes(6_u64))
	}
	fn end_job() -> Weight {
		Weight::from_parts(90_000_000, 19000)
			.saturating_add(RocksDbWeight::get().reads(10_u64))
			.saturating_add(RocksDbWeight::get().writes(12_u64))
	}
	fn accept_job() -> Weight {
		Weight::from_parts(35_000_000, 13000)
			.saturating_add(RocksDbWeight::get().reads(6_u64))
			.saturating_add(RocksDbWeight::get().writes(4_u64))
	}
	fn claim_work() -> Weight {
		Weight::from_parts(150_000_000, 40000)
			.saturating_add(RocksDbWeight::get().reads(24_u64))
			.saturating_add(RocksDbWeight::get().writes(18_u64))
	}
	fn set_origin() -> Weight {
		Weight::from_parts(45_000_000, 11500)
			.saturating_add(RocksDbWeight::get().reads(5_u64))
			.saturating_add(RocksDbWeight::get().writes(5_u64))
	}
	fn clear_origin() -> Weight {
		Weight::from_parts(40_000_000, 10000)
			.saturating_add(RocksDbWeight::get().reads(4_u64))
			.saturating_add(RocksDbWeight::get().writes(5_u64))
	}
	fn agenda_block() -> Weight {
		Weight::from_parts(5_000_000, 7000)
			.saturating_add(RocksDbWeight::get().reads(2_u64))
			.saturating_add(RocksDbWeight::get().writes(1_u64))
	}
	/// The range of component `c` is `[1, 257]`.
	fn read_candidates(c: u32, ) -> Weight {
		Weight::from_parts(10_000_000, 7000)
			.saturating_add(Weight::from_parts(8_000_000, 8100).saturating_mul(c.into()))
			.saturating_add(RocksDbWeight::get().reads(2_u64))
			.saturating_add(RocksDbWeight::get().reads((3_u64).saturating_mul(c.into())))
	}
	/// The range of component `c` is `[1, 257]`.
	fn task_draw(c: u32, ) -> Weight {
		Weight::from_parts(60_000_000, 19000)
			.saturating_add(Weight::from_parts(1_000_000, 2700).saturating_mul(c.into()))
			.saturating_add(RocksDbWeight::get().reads(10_u64))
			.saturating_add(RocksDbWeight::get().reads((1_u64).saturating_mul(c.into())))
			.saturating_add(RocksDbWeight::get().writes(9_u64))
	}
	fn task_hand_on() -> Weight {
		Weight::from_parts(90_000_000, 49000)
			.saturating_add(RocksDbWeight::get().reads(30_u64))
			.saturating_add(RocksDbWeight::get().writes(14_u64))
	}
	fn task_expire() -> Weight {
		Weight::from_parts(80_000_000, 22000)
			.saturating_add(RocksDbWeight::get().reads(12_u64))
			.saturating_add(RocksDbWeight::get().writes(14_u64))
	}
	fn task_close_assignment() -> Weight {
		Weight::from_parts(60_000_000, 17500)
			.saturating_add(RocksDbWeight::get().reads(9_u64))
			.saturating_add(RocksDbWeight::get().writes(9_u64))
	}
	fn task_check() -> Weight {
		Weight::from_parts(25_000_000, 11500)
			.saturating_add(RocksDbWeight::get().reads(5_u64))
			.saturating_add(RocksDbWeight::get().writes(3_u64))
	}
}
