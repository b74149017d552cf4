//! Weights of `pallet_chain_config`, estimated by hand until the bencher writes this file.

#![cfg_attr(rustfmt, rustfmt_skip)]
#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::{constants::RocksDbWeight, Weight}};

/// Weight functions needed for `pallet_chain_config`.
pub trait WeightInfo {
	fn set_parameter() -> Weight;
}

/// Weights for `pallet_chain_config` on the database of the node.
pub struct SubstrateWeight<T>(PhantomData<T>);
impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	/// Storage: `Parameters::Parameters` (r:5 w:1)
	/// Storage: `ChainConfig::FixedTiming` (r:1 w:0)
	fn set_parameter() -> Weight {
		Weight::from_parts(25_000_000, 69975)
			.saturating_add(T::DbWeight::get().reads(6_u64))
			.saturating_add(T::DbWeight::get().writes(1_u64))
	}
}

// For tests.
impl WeightInfo for () {
	fn set_parameter() -> Weight {
		Weight::from_parts(25_000_000, 69975)
			.saturating_add(RocksDbWeight::get().reads(6_u64))
			.saturating_add(RocksDbWeight::get().writes(1_u64))
	}
}
