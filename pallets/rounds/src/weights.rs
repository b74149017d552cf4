//! Weights of `pallet_rounds`, estimated by hand until the bencher writes this file.

#![cfg_attr(rustfmt, rustfmt_skip)]
#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::{constants::RocksDbWeight, Weight}};

/// Weight functions needed for `pallet_rounds`.
pub trait WeightInfo {
	fn on_initialize_within_round() -> Weight;
	fn on_initialize_new_round() -> Weight;
}

/// Weights for `pallet_rounds` on the database of the node.
pub struct SubstrateWeight<T>(PhantomData<T>);
impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	/// Storage: `Rounds::Current` (r:1 w:0)
	fn on_initialize_within_round() -> Weight {
		Weight::from_parts(3_000_000, 1501)
			.saturating_add(T::DbWeight::get().reads(1_u64))
	}
	/// Storage: `Rounds::Current` (r:1 w:1)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	fn on_initialize_new_round() -> Weight {
		Weight::from_parts(12_000_000, 14787)
			.saturating_add(T::DbWeight::get().reads(2_u64))
			.saturating_add(T::DbWeight::get().writes(1_u64))
	}
}

// For tests.
impl WeightInfo for () {
	fn on_initialize_within_round() -> Weight {
		Weight::from_parts(3_000_000, 1501)
			.saturating_add(RocksDbWeight::get().reads(1_u64))
	}
	fn on_initialize_new_round() -> Weight {
		Weight::from_parts(12_000_000, 14787)
			.saturating_add(RocksDbWeight::get().reads(2_u64))
			.saturating_add(RocksDbWeight::get().writes(1_u64))
	}
}
