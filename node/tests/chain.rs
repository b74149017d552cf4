//! The node runs a chain: alone, in a network, after a crash, and offline.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use codec::DecodeAll;
use common::{run, session_keys, text, Node};
use livepeer_primitives::offchain::{Finalized, VerifyEndpoint, FINALIZED, VERIFY_ENDPOINT};
use serde_json::{json, Value};
use std::{fs, time::Duration};
use tempfile::TempDir;

#[test]
fn dev_chain_should_finalise_block_3_when_started() {
	let mut node = Node::start(&["--dev"]);
	node.wait_finalized(3, Duration::from_secs(60));
	let properties = node.call("system_properties", json!([])).unwrap();
	assert_eq!(properties["tokenSymbol"], "LPT");
	assert_eq!(properties["tokenDecimals"], 18);
	assert_eq!(properties["ss58Format"], 42);
}

#[test]
fn dev_chain_should_give_a_justification_for_ethereum() {
	use sp_consensus_beefy::{
		ecdsa_crypto::Signature, known_payloads::MMR_ROOT_ID, SignedCommitment,
		VersionedFinalityProof,
	};
	let mut node = Node::start(&["--dev"]);
	node.wait_finalized(2, Duration::from_secs(60));
	let (head, block, number) = node.wait(Duration::from_secs(120), |node| {
		let head = node.call("beefy_getFinalizedHead", json!([]))?;
		let block = node.call("chain_getBlock", json!([head]))?;
		let number = block["block"]["header"]["number"].as_str()?.trim_start_matches("0x");
		let number = u32::from_str_radix(number, 16).ok()?;
		// Of a range of one leaf, which block 1 has, the stateless check of the SDK takes no proof.
		(number >= 2).then_some((head, block, number))
	});
	let justifications: Vec<(Vec<u8>, Vec<u8>)> =
		serde_json::from_value(block["justifications"].clone()).unwrap();
	let (_, proof) = justifications.iter().find(|(engine, _)| engine == b"BEEF").unwrap();
	type Proof = VersionedFinalityProof<u32, Signature>;
	let VersionedFinalityProof::V1(SignedCommitment { commitment, signatures }) =
		Proof::decode_all(&mut &proof[..]).unwrap();
	assert_eq!(commitment.block_number, number);
	assert_eq!(signatures.iter().filter(|signature| signature.is_some()).count(), 1);
	// What is signed is the root of the mountain range, and a leaf is proven under it.
	let root = commitment.payload.get_decoded::<[u8; 32]>(&MMR_ROOT_ID).unwrap();
	let stored = node.call("mmr_root", json!([head])).unwrap();
	assert_eq!(stored, format!("0x{}", hex::encode(root)));
	let leaf = node.call("mmr_generateProof", json!([[number], number, head])).unwrap();
	assert!(leaf["leaves"].as_str().is_some_and(|leaf| leaf.len() > 2 * 113), "{leaf}");
	assert_eq!(
		node.call("mmr_verifyProofStateless", json!([stored, leaf])),
		Some(Value::Bool(true)),
	);
}

#[test]
fn rotate_keys_should_prove_ownership_when_an_owner_is_named() {
	let mut node = Node::start(&["--dev"]);
	node.wait_finalized(1, Duration::from_secs(60));
	let owner = format!("0x{}", "d4".repeat(32));
	let generated = node.call("author_rotateKeysWithOwner", json!([owner])).unwrap();
	let keys = generated["keys"].as_str().unwrap();
	assert!(keys.len() > 2 + 5 * 64, "{generated}");
	let has = node.call("author_hasSessionKeys", json!([keys])).unwrap();
	assert_eq!(has, true);
}

#[test]
fn offchain_workers_should_be_told_where_to_verify_and_what_is_final() {
	let dir = TempDir::new().unwrap();
	let token = dir.path().join("token");
	fs::write(&token, "secret\n").unwrap();
	let mut node = Node::start(&[
		"--dev",
		"--verify-url",
		"http://127.0.0.1:1/",
		"--verify-token-file",
		text(&token),
	]);
	node.wait_finalized(1, Duration::from_secs(60));
	let stored = |node: &Node, key: &[u8]| {
		let key = format!("0x{}", hex::encode(key));
		let value = node.call("offchain_localStorageGet", json!(["PERSISTENT", key]))?;
		hex::decode(value.as_str()?.trim_start_matches("0x")).ok()
	};
	let endpoint = stored(&node, VERIFY_ENDPOINT).unwrap();
	let endpoint = VerifyEndpoint::decode_all(&mut &endpoint[..]).unwrap();
	assert_eq!(endpoint.url, b"http://127.0.0.1:1");
	assert_eq!(endpoint.token, b"secret");
	// It is told a moment after a block is final.
	let finalized = node.wait(Duration::from_secs(60), |node| {
		let told = Finalized::decode_all(&mut &stored(node, FINALIZED)?[..]).unwrap();
		(told.number >= 1).then_some(told)
	});
	let hash = node.call("chain_getBlockHash", json!([finalized.number])).unwrap();
	assert_eq!(json!(finalized.hash), hash);
	// A run without the service takes it back.
	node.kill();
	let mut node = Node::start_in(node.base.clone(), None, &["--dev"]);
	node.wait_finalized(u64::from(finalized.number) + 1, Duration::from_secs(60));
	assert_eq!(stored(&node, VERIFY_ENDPOINT), None);
	node.kill();
}

#[test]
fn chain_should_keep_what_is_final_when_the_node_is_killed() {
	let mut node = Node::start(&["--dev"]);
	node.wait_finalized(3, Duration::from_secs(60));
	let before = node.finalized();
	let hash = node.call("chain_getBlockHash", json!([before])).unwrap();
	node.kill();
	node.restart();
	node.wait_finalized(before + 2, Duration::from_secs(60));
	assert_eq!(node.call("chain_getBlockHash", json!([before])).unwrap(), hash);
}

#[test]
fn five_validators_should_go_on_when_one_is_killed() {
	let names = ["--alice", "--bob", "--charlie", "--dave", "--eve"];
	// Node keys 1 to 5; Alice's peer id lets the others find her.
	let key = |index: usize| format!("{:064x}", index + 1);
	let first = key(0);
	let args = |name: &'static str, key: &str, boot: Option<&str>| {
		let mut args = vec![
			"--chain".to_string(),
			"local".into(),
			name.into(),
			"--node-key".into(),
			key.to_string(),
			"--allow-private-ip".into(),
		];
		if let Some(boot) = boot {
			args.extend(["--bootnodes".into(), boot.to_string()]);
		}
		args
	};
	let start = |args: &[String]| Node::start(&args.iter().map(String::as_str).collect::<Vec<_>>());
	let alice = start(&args(names[0], &first, None));
	let peer_id = alice.wait(Duration::from_secs(60), |alice| {
		Some(alice.call("system_localPeerId", json!([]))?.as_str()?.to_owned())
	});
	let boot = format!("/ip4/127.0.0.1/tcp/{}/p2p/{peer_id}", alice.p2p);
	let mut nodes = vec![alice];
	for (index, name) in names.iter().enumerate().skip(1) {
		nodes.push(start(&args(name, &key(index), Some(&boot))));
	}
	for node in &mut nodes {
		node.wait_finalized(3, Duration::from_secs(120));
	}
	let mut killed = nodes.pop().unwrap();
	killed.kill();
	let height = nodes[0].finalized();
	for node in &mut nodes {
		node.wait_finalized(height + 5, Duration::from_secs(120));
	}
	// So does what Ethereum is told: four of five are a quorum.
	nodes[0].wait(Duration::from_secs(120), |node| {
		let head = node.call("beefy_getFinalizedHead", json!([]))?;
		let header = node.call("chain_getHeader", json!([head]))?;
		let number = header["number"].as_str()?.trim_start_matches("0x");
		u64::from_str_radix(number, 16).ok().filter(|number| *number > height)
	});
	// It finds its way back.
	killed.restart();
	killed.wait_finalized(height + 5, Duration::from_secs(120));
}

#[test]
fn session_keys_should_be_printed_with_a_call_when_made_offline() {
	let dir = TempDir::new().unwrap();
	let owner = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
	let printed: Value = serde_json::from_slice(&session_keys(dir.path(), owner)).unwrap();
	assert_eq!(printed["each"].as_object().unwrap().len(), 5);
	let (call, proof) = (printed["call"].as_str().unwrap(), printed["proof"].as_str().unwrap());
	assert!(call.contains(proof.trim_start_matches("0x")));
	let keystore = dir.path().join("chains/livepeer_dev/keystore");
	assert_eq!(fs::read_dir(keystore).unwrap().count(), 5);
}

#[test]
fn node_should_need_no_well_known_key_when_the_chain_begins_with_session_keys_of_its_own() {
	let dir = TempDir::new().unwrap();
	let (base, limit) = (dir.path().join("base"), Duration::from_secs(60));
	let owner = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
	let (keys, spec) = (dir.path().join("keys.json"), dir.path().join("spec.json"));
	fs::write(&keys, session_keys(&base, owner)).unwrap();
	let exported = run(
		&["export-chain-spec", "--chain", "dev", "--raw", "--session-keys", text(&keys)],
		limit,
	);
	assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
	fs::write(&spec, exported.stdout).unwrap();
	let node_key = format!("{:064x}", 1);
	let args = [
		"--chain",
		text(&spec),
		"--validator",
		"--force-authoring",
		"--node-key",
		node_key.as_str(),
	];
	let mut node = Node::start_in(base.clone(), None, &args);
	node.wait_finalized(3, limit);
	// It makes Alice's blocks and has not her secret.
	let alice = "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";
	assert_eq!(node.call("author_hasKey", json!([alice, "babe"])), Some(json!(false)));
	node.kill();
}

#[test]
fn production_chain_should_have_a_specification_when_its_file_is_right() {
	let dir = TempDir::new().unwrap();
	let account = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
	let keys: Value = serde_json::from_slice(&session_keys(dir.path(), account)).unwrap();
	let file = dir.path().join("genesis.json");
	let genesis = json!({
		"name": "Livepeer", "id": "livepeer", "sudo": account,
		"validators": [{
			"account": account, "keys": keys["keys"], "proof": keys["proof"],
			"stake": "2000", "price": "0.00001",
		}],
		"lpt": [[account, "1000000.5"]],
	});
	fs::write(&file, genesis.to_string()).unwrap();
	let output = run(
		&["export-chain-spec", "--chain", "production", "--raw", "--genesis-file", text(&file)],
		Duration::from_secs(60),
	);
	assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
	let spec: Value = serde_json::from_slice(&output.stdout).unwrap();
	assert_eq!(spec["chainType"], "Live");
	assert_eq!(spec["properties"]["tokenSymbol"], "LPT");
	// And a node takes it.
	let spec_file = dir.path().join("spec.json");
	fs::write(&spec_file, output.stdout).unwrap();
	let node = Node::start(&["--chain", text(&spec_file)]);
	let name = node.wait(Duration::from_secs(60), |node| node.call("system_chain", json!([])));
	assert_eq!(name, "Livepeer");
}

#[test]
fn blocks_should_come_back_when_exported_and_imported() {
	let mut node = Node::start(&["--dev"]);
	node.wait_finalized(3, Duration::from_secs(60));
	let hash = node.call("chain_getBlockHash", json!([3])).unwrap();
	node.kill();
	let dir = TempDir::new().unwrap();
	let (file, base) = (dir.path().join("blocks"), text(&node.base).to_owned());
	let limit = Duration::from_secs(60);
	let exported = run(
		&["export-blocks", "--dev", "--base-path", &base, "--to", "3", "--binary", text(&file)],
		limit,
	);
	assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
	let checked = run(&["check-block", "--dev", "--base-path", &base, "2"], limit);
	assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
	let fresh = dir.path().join("fresh");
	let imported = run(
		&["import-blocks", "--dev", "--base-path", text(&fresh), "--binary", text(&file)],
		limit,
	);
	assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
	let info = run(&["chain-info", "--dev", "--base-path", text(&fresh)], limit);
	let info: Value = serde_json::from_slice(&info.stdout).unwrap();
	assert_eq!(info["best_hash"], hash);
	let purged = run(&["purge-chain", "--dev", "-y", "--base-path", text(&fresh)], limit);
	assert!(purged.status.success());
}
