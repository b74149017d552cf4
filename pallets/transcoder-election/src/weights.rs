//! Weights of `pallet_transcoder_election`.
//!
//! Estimated by hand from the storage that each call touches; the generated file replaces this
//! one and keeps its layout.

#![cfg_attr(rustfmt, rustfmt_skip)]
#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use frame_support::{traits::Get, weights::{Weight, constants::RocksDbWeight}};
use core::marker::PhantomData;

/// Weight functions needed for `pallet_transcoder_election`.
pub trait WeightInfo {
	fn transcoder() -> Weight;
	fn lowest_price(c: u32, ) -> Weight;
	fn set_service() -> Weight;
	fn resign() -> Weight;
	fn set_available() -> Weight;
	fn heartbeat() -> Weight;
	fn unjail() -> Weight;
	fn elect(c: u32, ) -> Weight;
}

/// Weights for `pallet_transcoder_election` using the Substrate node and recommended hardware.
pub struct SubstrateWeight<T>(PhantomData<T>);
impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	/// Storage: parameters, own bond, round, `Transcoders` and its counter, `Jailed`, `NextOrder`,
	/// `Services`.
	fn transcoder() -> Weight {
		Weight::from_parts(45_000_000, 6_000)
			.saturating_add(T::DbWeight::get().reads(12_u64))
			.saturating_add(T::DbWeight::get().writes(4_u64))
	}
	/// Storage: `Transcoders`. The range of component `c` is `[0, 1000]`.
	fn lowest_price(c: u32, ) -> Weight {
		Weight::from_parts(2_000_000, 0)
			.saturating_add(Weight::from_parts(2_500_000, 2_600).saturating_mul(c.into()))
			.saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(c.into())))
	}
	/// Storage: `Transcoders`, `Services`.
	fn set_service() -> Weight {
		Weight::from_parts(20_000_000, 4_500)
			.saturating_add(T::DbWeight::get().reads(2_u64))
			.saturating_add(T::DbWeight::get().writes(1_u64))
	}
	/// Storage: `Transcoders` and its counter, `Services`, `Available`, `ActiveSet`, and what is
	/// told of the loss.
	fn resign() -> Weight {
		Weight::from_parts(60_000_000, 24_000)
			.saturating_add(T::DbWeight::get().reads(6_u64))
			.saturating_add(T::DbWeight::get().writes(7_u64))
	}
	/// Storage: `Transcoders`, `Jailed`, `Available`.
	fn set_available() -> Weight {
		Weight::from_parts(20_000_000, 3_600)
			.saturating_add(T::DbWeight::get().reads(2_u64))
			.saturating_add(T::DbWeight::get().writes(1_u64))
	}
	/// Storage: `Available`, parameters.
	fn heartbeat() -> Weight {
		Weight::from_parts(18_000_000, 3_600)
			.saturating_add(T::DbWeight::get().reads(2_u64))
			.saturating_add(T::DbWeight::get().writes(1_u64))
	}
	/// Storage: `Jailed`, `ActiveSet`.
	fn unjail() -> Weight {
		Weight::from_parts(40_000_000, 24_000)
			.saturating_add(T::DbWeight::get().reads(2_u64))
			.saturating_add(T::DbWeight::get().writes(2_u64))
	}
	/// Storage: parameters, `ActiveSet`; per registered transcoder `Transcoders`, `Jailed`, own bond
	/// and active stake. The range of component `c` is `[0, 1000]`.
	fn elect(c: u32, ) -> Weight {
		Weight::from_parts(60_000_000, 24_000)
			.saturating_add(Weight::from_parts(12_000_000, 8_000).saturating_mul(c.into()))
			.saturating_add(T::DbWeight::get().reads(2_u64))
			.saturating_add(T::DbWeight::get().reads((8_u64).saturating_mul(c.into())))
			.saturating_add(T::DbWeight::get().writes(1_u64))
	}
}

// For backwards compatibility and tests.
impl WeightInfo for () {
	fn transcoder() -> Weight {
		Weight::from_parts(45_000_000, 6_000)
			.saturating_add(RocksDbWeight::get().reads(12_u64))
			.saturating_add(RocksDbWeight::get().writes(4_u64))
	}
	fn lowest_price(c: u32, ) -> Weight {
		Weight::from_parts(2_000_000, 0)
			.saturating_add(Weight::from_parts(2_500_000, 2_600).saturating_mul(c.into()))
			.saturating_add(RocksDbWeight::get().reads((1_u64).saturating_mul(c.into())))
	}
	fn set_service() -> Weight {
		Weight::from_parts(20_000_000, 4_500)
			.saturating_add(RocksDbWeight::get().reads(2_u64))
			.saturating_add(RocksDbWeight::get().writes(1_u64))
	}
	fn resign() -> Weight {
		Weight::from_parts(60_000_000, 24_000)
			.saturating_add(RocksDbWeight::get().reads(6_u64))
			.saturating_add(RocksDbWeight::get().writes(7_u64))
	}
	fn set_available() -> Weight {
		Weight::from_parts(20_000_000, 3_600)
			.saturating_add(RocksDbWeight::get().reads(2_u64))
			.saturating_add(RocksDbWeight::get().writes(1_u64))
	}
	fn heartbeat() -> Weight {
		Weight::from_parts(18_000_000, 3_600)
			.saturating_add(RocksDbWeight::get().reads(2_u64))
			.saturating_add(RocksDbWeight::get().writes(1_u64))
	}
	fn unjail() -> Weight {
		Weight::from_parts(40_000_000, 24_000)
			.saturating_add(RocksDbWeight::get().reads(2_u64))
			.saturating_add(RocksDbWeight::get().writes(2_u64))
	}
	fn elect(c: u32, ) -> Weight {
		Weight::from_parts(60_000_000, 24_000)
			.saturating_add(Weight::from_parts(12_000_000, 8_000).saturating_mul(c.into()))
			.saturating_add(RocksDbWeight::get().reads(2_u64))
			.saturating_add(RocksDbWeight::get().reads((8_u64).saturating_mul(c.into())))
			.saturating_add(RocksDbWeight::get().writes(1_u64))
	}
}
