//! # The bridge's formats and rules
//!
//! The relayer encodes and checks with the same code as the chain: the files below are those of the
//! primitives and the pallets, compiled again without the SDK. The first lines of this crate provide what
//! these files need of the SDK (hashes, bounded lists, fixed-size bytes), under the SDK's names.

// The pallets have features that this crate does not have.
#![allow(unexpected_cfgs)]

extern crate alloc;
extern crate self as frame_support;
extern crate self as livepeer_primitives;
extern crate self as sp_api;
extern crate self as sp_core;
extern crate self as sp_io;
extern crate self as sp_runtime;
extern crate self as sp_weights;

pub use bounded_collections::{BoundedVec, ConstU32};
pub use primitive_types::{H160, H256};

/// Hash functions.
pub mod hashing {
	pub use sp_crypto_hashing::{blake2_128, keccak_256, sha2_256, twox_128, twox_64};
}

/// A 256-bit hash.
pub type Hash = H256;
/// An account of the chain.
pub type AccountId = H256;
/// An amount in smallest units.
pub type Balance = u128;
/// A block's height.
pub type BlockNumber = u32;
/// A round's number.
pub type RoundIndex = u32;

/// Why the chain refuses something; the relayer never makes this value itself.
#[derive(Debug)]
pub struct DispatchError;
/// The weight of something on the chain; the relayer never counts it.
#[derive(Debug)]
pub struct Weight;

/// The relayer calls runtime APIs by their names.
#[macro_export]
#[doc(hidden)]
macro_rules! decl_runtime_apis {
	($($api:tt)*) => {};
}

#[path = "../../../../primitives/src/bridge.rs"]
pub mod bridge;
#[path = "../../../../primitives/src/ethereum.rs"]
pub mod ethereum;
#[path = "../../../../pallets/eth-light-client/src/ssz.rs"]
pub mod ssz;
#[path = "../../../../pallets/eth-bridge/src/trie.rs"]
pub mod trie;
#[path = "../../../../pallets/eth-light-client/src/verify.rs"]
pub mod verify;

#[cfg(feature = "simulator")]
#[path = "../../../../pallets/eth-light-client/src/recorded.rs"]
pub mod recorded;
#[cfg(feature = "simulator")]
#[path = "../../../../pallets/eth-light-client/src/simulator.rs"]
pub mod simulator;

#[path = "../../../../pallets/eth-bridge/src/types.rs"]
mod bridge_types;
#[path = "../../../../pallets/eth-light-client/src/types.rs"]
mod light_client_types;

/// What the two pallets are told and what they store.
pub mod types {
	pub use crate::{bridge_types::*, light_client_types::*};
}
#[cfg(feature = "simulator")]
use types::COMMITTEE;

#[cfg(test)]
mod tests {
	use super::*;
	use serde_json::Value;

	fn hash(value: &Value) -> H256 {
		value.as_str().unwrap_or_default().parse().expect("a hash")
	}

	fn amount(value: &Value) -> u128 {
		value.as_str().unwrap_or_default().parse().expect("an amount")
	}

	/// The same vectors as the contracts and the pallets compute.
	#[test]
	fn vectors_should_be_those_of_the_contracts() {
		let file = include_str!("../../../../tests/bridge/vectors.json");
		let vectors: Value = serde_json::from_str(file).expect("JSON");
		let domain = hash(&vectors["trees"]["domain"]["domain"]);
		let deposits = vectors["trees"]["deposits"]["list"].as_array().expect("deposits");
		assert!(!deposits.is_empty());
		for leaf in deposits {
			let deposit = bridge::Deposit {
				index: leaf["index"].as_u64().expect("an index") as u32,
				asset: bridge::BridgedAsset::ALL
					[leaf["asset"].as_u64().expect("an asset") as usize],
				recipient: hash(&leaf["recipient"]),
				amount: amount(&leaf["amount"]),
			};
			assert_eq!(deposit.leaf(&domain), hash(&leaf["leaf"]));
		}
	}
}
