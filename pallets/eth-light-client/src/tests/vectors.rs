//! Data from outside this project: beacon chains of other software, with real signatures.

use crate::{
	mock::*,
	recorded::*,
	ssz::{chunk, merkle, number, pair},
	types::Fork,
	verify, Error, Layout,
};
use frame_support::assert_ok;
use serde_json::Value;
use sp_core::H256;

/// Starts the client from the data of a file, `now` seconds after slot 0.
fn start(file: &Value, version: [u8; 4], layout: Layout, now: u64) {
	Seconds::set(now);
	let message = bootstrap(file);
	let network = network(file, version, layout);
	assert_ok!(EthLightClient::set_network(RuntimeOrigin::root(), network));
	assert_ok!(EthLightClient::set_checkpoint(RuntimeOrigin::root(), message.header.root()));
	assert_ok!(EthLightClient::bootstrap(RuntimeOrigin::signed(1), Box::new(message)));
}

#[test]
fn electra_chain_should_be_followed_over_a_period() {
	let file = read(ELECTRA);
	build_and_execute(|| {
		start(&file, [5, 0, 0, 0], Layout::ELECTRA, 12 * 9_000);
		for (place, expected) in [64, 800, 832, 8_192].into_iter().enumerate() {
			let update = update(&file["updates"][place]);
			let mut wrong = update.clone();
			wrong.attested.proposer_index += 1;
			assert_eq!(submit(wrong), Err(Error::<Test>::WrongSignature.into()));
			let mut wrong = update.clone();
			wrong.aggregate.signature[95] ^= 1;
			assert_eq!(submit(wrong), Err(Error::<Test>::WrongSignature.into()));
			assert_eq!(submit(update), Ok(true));
			assert_eq!(EthLightClient::status().latest.unwrap().slot, expected);
		}
		assert!(EthLightClient::status().knows_next_committee);
	});
}

#[test]
fn sepolia_should_be_followed_in_deneb() {
	let file = read(SEPOLIA);
	build_and_execute(|| {
		start(&file, [0x90, 0, 0, 0x73], Layout::DENEB, 12 * 4_570_900);
		let signed = update(&file["updates"][0]);
		// The same signature is invalid under another fork's version.
		let mut network = crate::Followed::<Test>::get().unwrap();
		network.forks[0].version = [0x90, 0, 0, 0x74];
		assert_ok!(EthLightClient::set_network(RuntimeOrigin::root(), network.clone()));
		assert_eq!(submit(signed.clone()), Err(Error::<Test>::WrongSignature.into()));
		network.forks[0].version = [0x90, 0, 0, 0x73];
		assert_ok!(EthLightClient::set_network(RuntimeOrigin::root(), network));
		assert!(submit(signed).is_ok());
		assert!(EthLightClient::status().knows_next_committee);
	});
}

/// The roots of an execution payload's fields, as the consensus specification has them.
fn fields(payload: &Value) -> Vec<H256> {
	let uint = |name: &str| number(payload[name].as_u64().unwrap());
	let root = |name: &str| hash(&payload[name]);
	let extra = bytes(&payload["extra_data"]);
	let mut fee = [0; 32];
	let base = payload["base_fee_per_gas"].as_u64().unwrap();
	fee[..8].copy_from_slice(&base.to_le_bytes());
	vec![
		root("parent_hash"),
		chunk(&bytes(&payload["fee_recipient"])),
		root("state_root"),
		root("receipts_root"),
		merkle(bytes(&payload["logs_bloom"]).chunks(32).map(chunk).collect()),
		root("prev_randao"),
		uint("block_number"),
		uint("gas_limit"),
		uint("gas_used"),
		uint("timestamp"),
		pair(&chunk(&extra), &number(extra.len() as u64)),
		fee.into(),
		root("block_hash"),
		root("transactions_root"),
		root("withdrawals_root"),
		uint("blob_gas_used"),
		uint("excess_blob_gas"),
	]
}

#[test]
fn execution_hash_should_be_found_in_the_body_of_a_real_block() {
	let file = read(ELECTRA);
	let execution = &file["execution"];
	let payload = &execution["payload"]["Deneb"];
	let mut row = fields(payload);
	row.resize(32, H256::zero());
	let mut siblings = Vec::new();
	for height in 0..5 {
		siblings.push(row[(12 >> height) ^ 1]);
		row = row.chunks(2).map(|two| pair(&two[0], &two[1])).collect();
	}
	siblings.extend(branch(&execution["branch"]));
	let (leaf, body) = (hash(&payload["block_hash"]), header(&execution["header"]).body_root);
	let at = |index: &u16| verify::is_at(leaf, &siblings, *index, body);
	assert!(at(&Layout::ELECTRA.execution_hash));
	// At no other index of the same depth.
	assert!((512..1_024).filter(at).eq([812]));
}

#[test]
fn fork_to_gloas_should_be_followed_as_another_implementation_makes_it() {
	let file = read(GLOAS);
	build_and_execute(|| {
		start(&file, [6, 0, 0, 0], Layout::ELECTRA, 12 * 100);
		let mut network = crate::Followed::<Test>::get().unwrap();
		let forks =
			file["versions"].as_array().unwrap().iter().zip([Layout::ELECTRA, Layout::GLOAS]);
		network.forks = forks
			.map(|(fork, layout)| Fork {
				version: bytes(&fork[0]).try_into().unwrap(),
				epoch: fork[1].as_u64().unwrap(),
				layout: Some(layout),
			})
			.collect::<Vec<_>>()
			.try_into()
			.unwrap();
		assert_ok!(EthLightClient::set_network(RuntimeOrigin::root(), network));
		for value in file["updates"].as_array().unwrap() {
			assert_ok!(submit(update(value)));
		}
		assert!(EthLightClient::status().knows_next_committee);
	});
	for execution in file["executions"].as_array().unwrap() {
		assert!(verify::is_at(
			hash(&execution["hash"]),
			&branch(&execution["branch"]),
			Layout::GLOAS.execution_hash,
			hash(&execution["body_root"]),
		));
	}
}

#[test]
fn checkpoint_of_a_network_in_gloas_should_be_taken() {
	let file = read(GLOAS_CHECKPOINT);
	build_and_execute(|| {
		start(&file, [7, 0, 0, 0], Layout::GLOAS, 12 * 116_800);
		assert_eq!(EthLightClient::status().latest.unwrap().slot, 116_768);
		assert!(!EthLightClient::status().knows_next_committee);
	});
	// At no other index of the same depth.
	let from = &file["bootstrap"];
	let (committee, siblings) = (committee(&from["committee"]).root(), branch(&from["branch"]));
	let state = header(&from["header"]).state_root;
	let at = |index: &u16| verify::is_at(committee, &siblings, *index, state);
	assert!(at(&Layout::GLOAS.current_committee));
	assert!((2_048..4_096).filter(at).eq([2_945]));
}
