//! The file from which the worker's types are generated, held against the runtime; and the runtime's API
//! against the pallets' view functions.
//!
//! `make metadata` writes the file, from the runtime's source alone: with `WRITE_DOCS=1` the test stores
//! what it would otherwise compare.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../../../offchain-worker/chain/src/metadata/trim.rs"]
mod trim;

use std::collections::BTreeSet;

use codec::{Decode, Encode};
use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed};
use livepeer_integration_tests::World;
use livepeer_runtime::{api, Runtime};
use scale_info::TypeDef;

const FILE: &str = "../../offchain-worker/chain/metadata.scale";

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

/// The worker reads an account's jobs by their keys (offchain-worker/chain/src/reads.rs), which metadata does not show.
#[test]
fn keys_of_a_broadcasters_jobs_should_be_where_running_workers_look_for_them() {
	let alice = sp_keyring::Sr25519Keyring::Alice.to_account_id();
	assert_eq!(
		hex::encode(pallet_jobs::JobsOf::<Runtime>::hashed_key_for(alice, 7u64)),
		"1c88f06ceab6c17559377f12624f77d84e4fd032a8bfd285556a4786297ef076\
		 de1e86a9a8c739864cf3cc5ec2bea59fd43593c715fdd31c61141abd04a99fd6\
		 822c8558854ccde39a5684e7a56da27d55e4fd6a40cd76080700000000000000"
	);
}

/// A running worker is answered in the bytes of the version that it asks for, whatever there is besides:
/// it fails when a parameter more goes into a version that workers have, and when one is served no more.
#[test]
fn worker_limits_should_have_the_bytes_that_running_workers_read() {
	let mut world = World::development();
	let (parameters, timing) = world.parameters();
	let mut answer = |version: u8| {
		let answer = world.run(|| api::dispatch("LivepeerApi_worker_limits", &version.encode()));
		answer.expect("it is served")
	};
	// That there is one, its version, its values.
	let first = (
		(1u8, 1u8),
		timing.slot_duration,
		parameters.election.heartbeat_interval,
		parameters.jobs.max_open_claims,
		parameters.jobs.claim_grace,
	);
	assert_eq!(answer(1), first.encode());
	assert_eq!(answer(1).len(), 2 + 8 + 3 * 4);
	let second = (
		(1u8, 2u8),
		timing.slot_duration,
		parameters.rounds.length,
		parameters.staking.unbonding_period,
		parameters.staking.liability_window,
		parameters.staking.min_bond,
		parameters.election.min_self_bond,
	);
	assert_eq!(answer(2), second.encode());
	assert_eq!(answer(2).len(), 2 + 8 + 3 * 4 + 2 * 16);
	// What this runtime does not know is no error.
	for unknown in [0, 3, u8::MAX] {
		assert_eq!(answer(unknown), vec![0u8]);
	}
}

/// A runtime with one parameter more in each concern, and with one version more of what is stored of each,
/// is the same to a worker: it fails as soon as a worker reads parameters by anything but `worker_limits`.
#[test]
fn workers_metadata_should_be_the_same_when_parameters_are_added() {
	let metadata = sp_io::TestExternalities::default()
		.execute_with(|| Runtime::metadata_at_version(15))
		.unwrap();
	let used = trim::trim(&metadata).unwrap();
	let RuntimeMetadataPrefixed(reserved, metadata) =
		RuntimeMetadataPrefixed::decode(&mut &metadata[..]).unwrap();
	let RuntimeMetadata::V15(mut metadata) = metadata else { panic!("not of version 15") };
	let (mut concerns, mut stored) = (0, 0);
	for ty in &mut metadata.types.types {
		let path = ty.ty.path.segments.join("::");
		let Some(name) = path.strip_prefix("livepeer_primitives::params::") else { continue };
		match &mut ty.ty.type_def {
			TypeDef::Composite(concern) if name.ends_with("Parameters") => {
				let mut more = concern.fields[0].clone();
				more.name = Some("added".into());
				concern.fields.push(more);
				concerns += 1;
			}
			TypeDef::Variant(versions) if name.ends_with("Stored") => {
				let mut later = versions.variants[0].clone();
				later.name = "Later".into();
				later.index = 200;
				versions.variants.push(later);
				stored += 1;
			}
			_ => {}
		}
	}
	// Each of seven, and the struct that holds them all.
	assert_eq!((concerns, stored), (8, 7));
	let later = RuntimeMetadataPrefixed(reserved, RuntimeMetadata::V15(metadata)).encode();
	assert!(trim::trim(&later).unwrap() == used, "a worker would notice a parameter more");
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
const ANSWERED_BY: [(&str, &str, &str); 16] = [
	("Beacon", "window", "clock"),
	("ChallengeLottery", "record_of", "performance"),
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
