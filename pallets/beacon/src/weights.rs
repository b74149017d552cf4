//! Weights of `pallet_beacon`, estimated by hand until the bencher writes this file.

#![cfg_attr(rustfmt, rustfmt_skip)]
#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::{constants::RocksDbWeight, Weight}};

/// Weight functions needed for `pallet_beacon`.
pub trait WeightInfo {
	fn fold_block() -> Weight;
	fn close_window(v: u32, ) -> Weight;
}

/// Weights for `pallet_beacon` on the database of the node.
pub struct SubstrateWeight<T>(PhantomData<T>);
impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	/// Storage: `Beacon::ParentAuthor` (r:1 w:1)
	/// Storage: `Beacon::Accumulator` (r:1 w:1)
	/// Storage: `Beacon::CurrentParticipation` (r:1 w:1)
	fn fold_block() -> Weight {
		Weight::from_parts(12_000_000, 1518)
			.saturating_add(T::DbWeight::get().reads(3_u64))
			.saturating_add(T::DbWeight::get().writes(3_u64))
	}
	/// Storage: `Beacon::CurrentParticipation` (r:1 w:1)
	/// Storage: `Beacon::InvalidWindows` (r:1 w:1)
	/// Storage: `Beacon::Accumulator` (r:1 w:0)
	/// Storage: `Beacon::Seeds` (r:1 w:2)
	/// Storage: `Beacon::Retained` (r:3 w:0)
	/// The range of component `v` is `[0, 256]`.
	fn close_window(v: u32, ) -> Weight {
		Weight::from_parts(30_000_000, 24000)
			.saturating_add(Weight::from_parts(60_000, 0).saturating_mul(v.into()))
			.saturating_add(T::DbWeight::get().reads(7_u64))
			.saturating_add(T::DbWeight::get().writes(4_u64))
	}
}

// For tests.
impl WeightInfo for () {
	fn fold_block() -> Weight {
		Weight::from_parts(12_000_000, 1518)
			.saturating_add(RocksDbWeight::get().reads(3_u64))
			.saturating_add(RocksDbWeight::get().writes(3_u64))
	}
	fn close_window(v: u32, ) -> Weight {
		Weight::from_parts(30_000_000, 24000)
			.saturating_add(Weight::from_parts(60_000, 0).saturating_mul(v.into()))
			.saturating_add(RocksDbWeight::get().reads(7_u64))
			.saturating_add(RocksDbWeight::get().writes(4_u64))
	}
}
