//! Weights of `pallet_operator_keys`, estimated: not measured yet.

#![cfg_attr(rustfmt, rustfmt_skip)]
#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::{constants::RocksDbWeight, Weight}};

/// Weight functions needed for `pallet_operator_keys`.
pub trait WeightInfo {
	fn set_keys(g: u32, ) -> Weight;
	fn revoke_key() -> Weight;
}

/// Weights for `pallet_operator_keys` on the database of the node.
pub struct SubstrateWeight<T>(PhantomData<T>);
impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	/// The range of component `g` is `[0, 16]`.
	fn set_keys(g: u32, ) -> Weight {
		Weight::from_parts(70_000_000, 3800)
			.saturating_add(Weight::from_parts(25_000_000, 2900).saturating_mul(g.into()))
			.saturating_add(T::DbWeight::get().reads(3_u64))
			.saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(g.into())))
			.saturating_add(T::DbWeight::get().writes(4_u64))
			.saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(g.into())))
	}
	fn revoke_key() -> Weight {
		Weight::from_parts(40_000_000, 3800)
			.saturating_add(T::DbWeight::get().reads(2_u64))
			.saturating_add(T::DbWeight::get().writes(2_u64))
	}
}

// For tests.
impl WeightInfo for () {
	fn set_keys(g: u32, ) -> Weight {
		Weight::from_parts(70_000_000, 3800)
			.saturating_add(Weight::from_parts(25_000_000, 2900).saturating_mul(g.into()))
			.saturating_add(RocksDbWeight::get().reads(3_u64))
			.saturating_add(RocksDbWeight::get().reads((1_u64).saturating_mul(g.into())))
			.saturating_add(RocksDbWeight::get().writes(4_u64))
			.saturating_add(RocksDbWeight::get().writes((1_u64).saturating_mul(g.into())))
	}
	fn revoke_key() -> Weight {
		Weight::from_parts(40_000_000, 3800)
			.saturating_add(RocksDbWeight::get().reads(2_u64))
			.saturating_add(RocksDbWeight::get().writes(2_u64))
	}
}
