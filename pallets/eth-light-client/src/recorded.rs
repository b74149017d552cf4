//! Messages of beacon chains of other software, as the files of `tests/data` have them.

use crate::types::{
	BeaconHeader, Bootstrap, BroughtCommittee, Fork, Layout, Network, SyncAggregate, SyncCommittee,
	Update,
};
use alloc::{vec, vec::Vec};
use frame_support::BoundedVec;
use livepeer_primitives::ethereum::Branch;
use serde_json::Value;
use sp_core::H256;

/// A local chain of Lighthouse and Geth: a bootstrap and four updates, over a period.
pub const ELECTRA: &str = include_str!("../tests/data/electra.json");
/// A chain that forks from Fulu to Gloas, made with Lodestar's types.
pub const GLOAS: &str = include_str!("../tests/data/gloas.json");
/// A checkpoint of a test network in Gloas.
pub const GLOAS_CHECKPOINT: &str = include_str!("../tests/data/gloas-checkpoint.json");
/// Sepolia in Deneb: a bootstrap and an update.
pub const SEPOLIA: &str = include_str!("../tests/data/sepolia-deneb.json");

/// What a file has.
pub fn read(file: &str) -> Value {
	serde_json::from_str(file).expect("the file is JSON")
}

/// The items of a list.
pub fn list(value: &Value) -> &[Value] {
	value.as_array().expect("a list")
}

/// A number.
pub fn uint(value: &Value) -> u64 {
	value.as_u64().expect("a number")
}

/// Bytes in hexadecimal digits.
pub fn bytes(value: &Value) -> Vec<u8> {
	let digits = value.as_str().expect("digits");
	hex::decode(digits.trim_start_matches("0x")).expect("hexadecimal digits")
}

/// A hash.
pub fn hash(value: &Value) -> H256 {
	H256::from_slice(&bytes(value))
}

/// The siblings of a proof.
pub fn branch(value: &Value) -> Branch {
	list(value).iter().map(hash).collect::<Vec<_>>().try_into().expect("it is short")
}

/// A beacon block's header.
pub fn header(value: &Value) -> BeaconHeader {
	BeaconHeader {
		slot: uint(&value["slot"]),
		proposer_index: uint(&value["proposer_index"]),
		parent_root: hash(&value["parent_root"]),
		state_root: hash(&value["state_root"]),
		body_root: hash(&value["body_root"]),
	}
}

/// A sync committee: its different keys, and which of them each member has.
pub fn committee(value: &Value) -> SyncCommittee {
	let key = |value: &Value| <[u8; 48]>::try_from(bytes(value)).expect("a key");
	let keys: Vec<[u8; 48]> = list(&value["keys"]).iter().map(key).collect();
	let members = list(&value["members"]).iter();
	let all: Vec<[u8; 48]> = members.map(|place| keys[uint(place) as usize]).collect();
	SyncCommittee { keys: all.try_into().expect("512 members"), sum: key(&value["sum"]) }
}

/// What a file's client starts with.
pub fn bootstrap(file: &Value) -> Bootstrap {
	let from = &file["bootstrap"];
	Bootstrap {
		header: header(&from["header"]),
		committee: committee(&from["committee"]),
		committee_branch: branch(&from["branch"]),
	}
}

/// One of a file's updates.
pub fn update(value: &Value) -> Update {
	let next = &value["next"];
	Update {
		attested: header(&value["attested"]),
		next: next.is_object().then(|| BroughtCommittee {
			committee: committee(&next["committee"]),
			branch: branch(&next["branch"]),
		}),
		finalized: header(&value["finalized"]),
		finality_branch: branch(&value["finality_branch"]),
		aggregate: SyncAggregate {
			bits: bytes(&value["bits"]).try_into().expect("512 bits"),
			signature: bytes(&value["signature"]).try_into().expect("a signature"),
		},
		signature_slot: uint(&value["signature_slot"]),
	}
}

/// The network of a file, in one fork from its beginning on.
pub fn network(file: &Value, version: [u8; 4], layout: Layout) -> Network {
	Network {
		genesis_validators_root: hash(&file["validators_root"]),
		genesis_time: 0,
		seconds_per_slot: 12,
		forks: BoundedVec::truncate_from(vec![Fork { version, epoch: 0, layout: Some(layout) }]),
	}
}
