//! The file from which the worker's types are generated, held against the runtime; and the runtime's API
//! against the pallets' view functions.
//!
//! `make metadata` writes the file, from the runtime's source alone: with `WRITE_DOCS=1` the test stores
//! what it would otherwise compare.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../../../offchain-worker/chain/src/metadata/trim.rs"]
mod trim;

use std::collections::BTreeSet;

use codec::Decode;
use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed};
use livepeer_runtime::Runtime;

const FILE: &str =
	concat!(env!("CARGO_MANIFEST_DIR"), "/../../offchain-worker/chain/metadata.scale");

#[test]
fn workers_metadata_should_be_the_runtimes() {
	// Constants that are read from state have the values of a state without genesis.
	let metadata = sp_io::TestExternalities::default()
		.execute_with(|| Runtime::metadata_at_version(15))
		.unwrap();
	let used = trim::trim(&metadata).unwrap();
	if std::env::var_os("WRITE_DOCS").is_some() {
		std::fs::write(FILE, &used).unwrap();
	}
	assert!(
		std::fs::read(FILE).unwrap() == used,
		"a call or a read of the worker's has another form now: run `make metadata`, then see to \
		 the worker's types (offchain-worker/chain/src/runtime.rs)"
	);
}

const OUR_PALLETS: [&str; 11] = [
	"Beacon",
	"ChainConfig",
	"ChallengeLottery",
	"EthBridge",
	"EthLightClient",
	"Inflation",
	"Jobs",
	"LptStaking",
	"OperatorKeys",
	"Rounds",
	"TranscoderElection",
];

/// View functions whose answer is part of what a method of another name answers.
const ANSWERED_BY: [(&str, &str, &str); 15] = [
	("Beacon", "window", "clock"),
	("Inflation", "offers_of", "yield_of"),
	("LptStaking", "fees", "stake"),
	("LptStaking", "locks", "stake"),
	("LptStaking", "pending_stake", "stake"),
	("LptStaking", "stake_of", "stake"),
	("LptStaking", "transcoder_stake", "backing"),
	("OperatorKeys", "current_of", "operator_keys"),
	("OperatorKeys", "keys_of", "operator_keys"),
	("Rounds", "terms_are_locked", "round"),
	("TranscoderElection", "active_set", "transcoders"),
	("TranscoderElection", "chosen_set", "validators"),
	("TranscoderElection", "service_of", "service"),
	("TranscoderElection", "transcoder_of", "transcoder"),
	("TranscoderElection", "validator_views", "validators"),
];

/// What only relayers ask, which read the state itself.
const OF_RELAYERS: [(&str, &str); 2] =
	[("EthLightClient", "network"), ("EthLightClient", "status")];

/// polkadot.js Apps cannot call view functions, so each read is one of the runtime's API too.
#[test]
fn every_view_function_should_be_answered_by_the_api() {
	let metadata = sp_io::TestExternalities::default()
		.execute_with(|| Runtime::metadata_at_version(16))
		.unwrap();
	let RuntimeMetadataPrefixed(_, metadata) =
		RuntimeMetadataPrefixed::decode(&mut &metadata[..]).unwrap();
	let RuntimeMetadata::V16(metadata) = metadata else { panic!("not of version 16") };
	let methods: BTreeSet<&str> = metadata
		.apis
		.iter()
		.filter(|api| ["LivepeerApi", "BridgeApi"].contains(&api.name.as_str()))
		.flat_map(|api| &api.methods)
		.map(|method| method.name.as_str())
		.collect();
	let mut views = BTreeSet::new();
	for pallet in metadata.pallets.iter().filter(|p| OUR_PALLETS.contains(&p.name.as_str())) {
		assert!(!pallet.view_functions.is_empty(), "{}", pallet.name);
		views.extend(pallet.view_functions.iter().map(|view| (&pallet.name[..], &view.name[..])));
	}
	for (pallet, view, method) in ANSWERED_BY {
		assert!(views.remove(&(pallet, view)), "{pallet} has no view function {view}");
		assert!(methods.contains(method), "the API has no method {method}");
	}
	for (pallet, view) in OF_RELAYERS {
		assert!(views.remove(&(pallet, view)), "{pallet} has no view function {view}");
	}
	let missing: Vec<_> = views.into_iter().filter(|(_, view)| !methods.contains(view)).collect();
	assert!(missing.is_empty(), "the API does not answer {missing:?}");
}
