//! Weights of `pallet_eth_light_client`, estimated: not measured yet. Pairings and unpacking 512 keys
//! in Wasm are what counts.

#![cfg_attr(rustfmt, rustfmt_skip)]
#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::{constants::RocksDbWeight, Weight}};

/// Weight functions needed for `pallet_eth_light_client`.
pub trait WeightInfo {
	fn set_network() -> Weight;
	fn set_checkpoint() -> Weight;
	fn bootstrap() -> Weight;
	fn submit() -> Weight;
	fn submit_with_committee() -> Weight;
	fn execution_block() -> Weight;
}

/// Weights for `pallet_eth_light_client` on the database of the node.
pub struct SubstrateWeight<T>(PhantomData<T>);
impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	fn set_network() -> Weight {
		Weight::from_parts(30_000_000, 2000)
			.saturating_add(T::DbWeight::get().reads(1_u64))
			.saturating_add(T::DbWeight::get().writes(5_u64))
	}
	fn set_checkpoint() -> Weight {
		Weight::from_parts(30_000_000, 2000)
			.saturating_add(T::DbWeight::get().reads(1_u64))
			.saturating_add(T::DbWeight::get().writes(4_u64))
	}
	fn bootstrap() -> Weight {
		Weight::from_parts(80_000_000_000, 200_000)
			.saturating_add(T::DbWeight::get().reads(4_u64))
			.saturating_add(T::DbWeight::get().writes(4_u64))
	}
	fn submit() -> Weight {
		Weight::from_parts(40_000_000_000, 200_000)
			.saturating_add(T::DbWeight::get().reads(4_u64))
			.saturating_add(T::DbWeight::get().writes(3_u64))
	}
	fn submit_with_committee() -> Weight {
		Weight::from_parts(120_000_000_000, 200_000)
			.saturating_add(T::DbWeight::get().reads(4_u64))
			.saturating_add(T::DbWeight::get().writes(3_u64))
	}
	fn execution_block() -> Weight {
		Weight::from_parts(100_000_000, 5000)
			.saturating_add(T::DbWeight::get().reads(2_u64))
	}
}

// For tests.
impl WeightInfo for () {
	fn set_network() -> Weight { Weight::from_parts(30_000_000, 2000) }
	fn set_checkpoint() -> Weight { Weight::from_parts(30_000_000, 2000) }
	fn bootstrap() -> Weight { Weight::from_parts(80_000_000_000, 200_000) }
	fn submit() -> Weight { Weight::from_parts(40_000_000_000, 200_000) }
	fn submit_with_committee() -> Weight { Weight::from_parts(120_000_000_000, 200_000) }
	fn execution_block() -> Weight { Weight::from_parts(100_000_000, 5000) }
}
