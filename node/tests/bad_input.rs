//! Every wrong argument gives one clear line and a failing exit code.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use codec::Encode;
use common::{free_port, reason_of_failure, run, session_keys, text, Node};
use serde_json::{json, Value};
use std::{fs, net::TcpListener, time::Duration};
use tempfile::TempDir;

/// The development chain's specification as JSON.
fn dev_spec() -> Value {
	let output = run(&["export-chain-spec", "--chain", "dev"], Duration::from_secs(60));
	assert!(output.status.success());
	serde_json::from_slice(&output.stdout).unwrap()
}

fn reason_with_spec(spec: &[u8]) -> String {
	let dir = TempDir::new().unwrap();
	let path = dir.path().join("spec.json");
	fs::write(&path, spec).unwrap();
	reason_of_failure(&["--chain", text(&path), "--tmp"])
}

#[test]
fn node_should_say_so_when_the_chain_is_unknown() {
	let reason = reason_of_failure(&["--chain", "livepeer-on-mars", "--tmp"]);
	assert!(reason.contains("unknown chain livepeer-on-mars"), "{reason}");
}

#[test]
fn node_should_say_so_when_no_chain_is_named() {
	let reason = reason_of_failure(&["--tmp"]);
	assert!(reason.contains("no chain was named"), "{reason}");
}

#[test]
fn node_should_say_what_to_run_when_production_has_no_specification() {
	let reason = reason_of_failure(&["--chain", "production", "--tmp"]);
	assert!(reason.contains("--genesis-file"), "{reason}");
}

#[test]
fn node_should_say_so_when_the_specification_is_corrupt() {
	let reason = reason_with_spec(b"{\"name\": \"half a fi");
	assert!(reason.contains("is not JSON"), "{reason}");
	let reason = reason_with_spec(b"{}");
	assert!(reason.contains("holds no runtime"), "{reason}");
	let mut spec = dev_spec();
	spec["genesis"]["runtimeGenesis"]["code"] = json!("0x00112233");
	let reason = reason_with_spec(spec.to_string().as_bytes());
	assert!(reason.contains("is not Wasm"), "{reason}");
}

#[test]
fn node_should_say_which_genesis_bond_is_not_covered_and_by_how_much() {
	let mut spec = dev_spec();
	let patch = &mut spec["genesis"]["runtimeGenesis"]["patch"];
	let bond = &mut patch["lptStaking"]["bonds"][0];
	let who = bond[0].as_str().unwrap().to_string();
	// Ten million LPT, where the account has one million.
	bond[2] = serde_json::from_str("10000000000000000000000000").unwrap();
	let reason = reason_with_spec(spec.to_string().as_bytes());
	assert!(reason.contains(&format!("the genesis bond of {who} is not covered")), "{reason}");
	assert!(reason.contains("LPT are missing"), "{reason}");
	assert!(!reason.contains("unreachable"), "{reason}");
}

/// A Wasm module without code whose version says that it is `spec_name`.
fn runtime_of(spec_name: &'static str) -> Vec<u8> {
	let section = |name: &str, payload: &[u8]| {
		let mut body = vec![name.len() as u8];
		body.extend(name.as_bytes());
		body.extend(payload);
		let mut bytes = vec![0];
		// LEB128 of a length below 2^14.
		bytes.extend([(body.len() & 0x7f) as u8 | 0x80, (body.len() >> 7) as u8]);
		bytes.extend(body);
		bytes
	};
	let mut version = livepeer_runtime::VERSION;
	version.spec_name = spec_name.into();
	let mut module = b"\0asm\x01\0\0\0".to_vec();
	module.extend(section("runtime_version", &version.encode()));
	module
}

#[test]
fn node_should_say_so_when_the_specification_is_of_another_chain() {
	let mut spec = dev_spec();
	spec["genesis"]["runtimeGenesis"]["code"] =
		json!(format!("0x{}", hex::encode(runtime_of("polkadot"))));
	let reason = reason_with_spec(spec.to_string().as_bytes());
	assert!(reason.contains("of another chain") && reason.contains("polkadot"), "{reason}");

	let mut spec = dev_spec();
	spec["properties"]["tokenSymbol"] = json!("DOT");
	let reason = reason_with_spec(spec.to_string().as_bytes());
	assert!(reason.contains("tokenSymbol") && reason.contains("DOT"), "{reason}");
}

#[test]
fn node_should_say_so_when_the_database_is_of_another_chain() {
	let dir = TempDir::new().unwrap();
	let mut node = Node::start_in(dir.path().join("base"), None, &["--dev"]);
	node.wait_finalized(1, Duration::from_secs(60));
	node.kill();
	// The same id, another beginning.
	let mut spec = dev_spec();
	let balances = spec.pointer_mut("/genesis/runtimeGenesis/patch/balances/balances").unwrap();
	let nobody = "5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM";
	balances.as_array_mut().unwrap().push(json!([nobody, 1_000_000_000_000_000_000u64]));
	let path = dir.path().join("spec.json");
	fs::write(&path, spec.to_string()).unwrap();
	let (rpc, p2p) = (free_port().to_string(), free_port().to_string());
	let reason = reason_of_failure(&[
		"--chain",
		text(&path),
		"--base-path",
		text(&node.base),
		"--rpc-port",
		&rpc,
		"--port",
		&p2p,
		"--no-prometheus",
	]);
	assert!(reason.contains("belongs to another chain"), "{reason}");
}

#[test]
fn node_should_say_so_when_a_port_is_taken() {
	let taken = TcpListener::bind("127.0.0.1:0").unwrap();
	let taken = taken.local_addr().unwrap().port().to_string();
	let held = TcpListener::bind("0.0.0.0:0").unwrap();
	let held = held.local_addr().unwrap().port().to_string();
	let (one, two) = (free_port().to_string(), free_port().to_string());
	let listening = TcpListener::bind(("127.0.0.1", taken.parse().unwrap()));
	let reason =
		reason_of_failure(&["--dev", "--rpc-port", &taken, "--port", &one, "--no-prometheus"]);
	assert!(reason.contains("RPC") && reason.contains("--rpc-port"), "{reason}");
	let listening_too = TcpListener::bind(("0.0.0.0", held.parse().unwrap()));
	let reason =
		reason_of_failure(&["--dev", "--rpc-port", &two, "--port", &held, "--no-prometheus"]);
	assert!(reason.contains("peers") && reason.contains("--port"), "{reason}");
	drop((listening, listening_too));
}

#[test]
fn node_should_say_so_when_the_base_path_cannot_be_written() {
	let dir = TempDir::new().unwrap();
	let file = dir.path().join("file");
	fs::write(&file, b"").unwrap();
	let base = file.join("base");
	let reason = reason_of_failure(&["--dev", "--base-path", text(&base)]);
	assert!(reason.contains("cannot write to the base path"), "{reason}");
}

#[test]
fn validator_should_say_so_when_it_cannot_read_its_session_keys() {
	let dir = TempDir::new().unwrap();
	let keystore = dir.path().join("keystore");
	fs::create_dir(&keystore).unwrap();
	// In place of somebody else's key: root, who may run the tests, reads those.
	let key = format!("62616265{}", "00".repeat(32));
	std::os::unix::fs::symlink("/nowhere", keystore.join(key)).unwrap();
	let base = dir.path().join("base");
	let args = ["--dev", "--base-path", text(&base), "--keystore-path", text(&keystore)];
	let reason = reason_of_failure(&args);
	assert!(reason.contains("cannot read the session keys at"), "{reason}");
}

#[test]
fn chain_should_not_be_shown_where_there_is_no_database() {
	let dir = TempDir::new().unwrap();
	let reason =
		reason_of_failure(&["chain-info", "--chain", "dev", "--base-path", text(dir.path())]);
	assert!(reason.contains("there is no database at"), "{reason}");
	// Nor is one made by looking.
	let again =
		reason_of_failure(&["chain-info", "--chain", "dev", "--base-path", text(dir.path())]);
	assert_eq!(again, reason);
}

#[test]
fn help_should_name_the_chains_that_there_are() {
	for command in [&["--help"][..], &["key", "session", "--help"], &["chain-info", "--help"]] {
		let output = run(command, Duration::from_secs(30));
		let help = String::from_utf8(output.stdout).unwrap();
		assert!(help.contains("dev, local, or the path of a specification"), "{help}");
		assert!(!help.contains("staging"), "{command:?}");
	}
}

#[test]
fn validator_should_not_begin_by_warp_as_it_would_not_see_what_its_keys_signed() {
	let (rpc, p2p) = (free_port().to_string(), free_port().to_string());
	let ports = ["--rpc-port", &rpc, "--port", &p2p, "--no-prometheus"];
	let reason = reason_of_failure(&[&["--dev", "--sync", "warp"][..], &ports].concat());
	assert!(reason.contains("leave out --sync"), "{reason}");
}

#[test]
fn validator_should_be_told_what_to_run_when_it_has_no_node_key() {
	let dir = TempDir::new().unwrap();
	let args = ["--chain", "local", "--alice", "--base-path", text(dir.path())];
	let reason = reason_of_failure(&args);
	let command = reason.split('`').nth(1).unwrap_or_default().to_owned();
	assert!(command.contains("livepeer-node key generate-node-key --file"), "{reason}");
	// Doing what it says helps.
	let (mkdir, generate) = command.split_once(" && ").unwrap();
	fs::create_dir_all(mkdir.trim_start_matches("mkdir -p ")).unwrap();
	let args: Vec<_> = generate.split(' ').skip(1).collect();
	assert!(run(&args, Duration::from_secs(30)).status.success());
	let mut node = Node::start_in(dir.path().to_path_buf(), None, &["--chain", "local", "--alice"]);
	node.wait(Duration::from_secs(60), |node| node.call("system_health", json!([])));
	node.kill();
}

#[test]
fn node_should_say_so_when_the_verify_service_is_named_wrongly() {
	let dir = TempDir::new().unwrap();
	let token = dir.path().join("token");
	let reason = reason_of_failure(&[
		"--dev",
		"--verify-url",
		"http://127.0.0.1:1",
		"--verify-token-file",
		text(&token),
	]);
	assert!(reason.contains("cannot read the token file"), "{reason}");
	fs::write(&token, "secret\n").unwrap();
	let reason = reason_of_failure(&[
		"--dev",
		"--verify-url",
		"ftp://127.0.0.1:1",
		"--verify-token-file",
		text(&token),
	]);
	assert!(reason.contains("not an http://"), "{reason}");
}

#[test]
fn production_specification_should_be_refused_when_its_genesis_file_is_wrong() {
	let dir = TempDir::new().unwrap();
	let path = dir.path().join("genesis.json");
	let reason = |content: &Value| {
		fs::write(&path, content.to_string()).unwrap();
		reason_of_failure(&[
			"export-chain-spec",
			"--chain",
			"production",
			"--genesis-file",
			text(&path),
		])
	};
	let base = json!({
		"name": "Livepeer", "id": "livepeer", "validators": [], "lpt": [],
		"sudo": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
	});
	assert!(reason(&base).contains("names no validator"));
	let mut wrong = base.clone();
	wrong["lpt"] = json!([["5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", "much"]]);
	wrong["validators"] = json!([{
		"account": "nobody", "keys": "0x", "proof": "0x", "stake": "1000", "price": "1",
	}]);
	assert!(reason(&wrong).contains("not an account: nobody"));
}

#[test]
fn specification_should_be_refused_when_session_keys_are_not_those_of_its_validators() {
	let dir = TempDir::new().unwrap();
	let path = dir.path().join("keys.json");
	let reason = |chain: &str| {
		reason_of_failure(&["export-chain-spec", "--chain", chain, "--session-keys", text(&path)])
	};
	fs::write(&path, b"half a fi").unwrap();
	assert!(reason("dev").contains("session keys"));
	// Bob validates on the local chain, not on this one.
	let made = session_keys(dir.path(), "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty");
	fs::write(&path, &made).unwrap();
	assert!(reason("dev").contains("is no validator of this chain"));
	assert!(reason("production").contains("--session-keys goes with"));
	// Nobody's keys are another's.
	let mut keys: Value = serde_json::from_slice(&made).unwrap();
	keys["owner"] = json!("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY");
	fs::write(&path, keys.to_string()).unwrap();
	assert!(reason("dev").contains("proof"));
}
