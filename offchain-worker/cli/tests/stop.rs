//! SIGTERM ends a role in order, whatever it is doing.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
	net::TcpListener,
	path::Path,
	process::{Child, Command, Stdio},
	time::{Duration, Instant},
};

use common::film;

/// Something that listens where a node is expected and never says a word.
fn silent_node() -> (TcpListener, String) {
	let listener = TcpListener::bind("127.0.0.1:0").unwrap();
	let url = format!("ws://{}", listener.local_addr().unwrap());
	(listener, url)
}

fn start(arguments: &[&str]) -> Child {
	Command::new(env!("CARGO_BIN_EXE_livepeer-worker"))
		.args(arguments)
		.env_remove("LIVEPEER_SURI")
		.env("RUST_LOG", "off")
		.stderr(Stdio::piped())
		.spawn()
		.unwrap()
}

/// Sends SIGTERM and expects an orderly end.
fn stop(mut role: Child, events: &Path) {
	let asked = Instant::now();
	let id = role.id().to_string();
	assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
	while role.try_wait().unwrap().is_none() {
		assert!(asked.elapsed() < Duration::from_secs(15), "it does not end");
		std::thread::sleep(Duration::from_millis(50));
	}
	let output = role.wait_with_output().unwrap();
	let complaint = String::from_utf8_lossy(&output.stderr);
	assert!(output.status.success(), "{}: {complaint}", output.status);
	let events = std::fs::read_to_string(events).unwrap();
	assert!(events.lines().last().unwrap().contains("\"event\":\"stopped\""), "{events}");
}

#[test]
fn role_should_end_in_order_when_it_is_stopped_while_it_starts() {
	let dir = tempfile::tempdir().unwrap();
	let (_node, url) = silent_node();
	let file = dir.path().join("film.mp4");
	film(&file, 2);
	let file = file.to_str().unwrap();
	let token = dir.path().join("token");
	livepeer_worker::secrets::write(&token, "secret").unwrap();
	let roles: [(&str, Vec<&str>); 4] = [
		("broadcast", vec![file, "--name", "x", "--suri", "//Alice"]),
		("transcode", vec!["--suri", "//Alice", "--listen", "/ip4/127.0.0.1/tcp/0"]),
		("verify", vec!["--listen", "127.0.0.1:0", "--token-file", token.to_str().unwrap()]),
		("gateway", vec!["--http", "127.0.0.1:0"]),
	];
	for (role, own) in roles {
		let data = dir.path().join(role);
		let events = dir.path().join(format!("{role}.jsonl"));
		let shared = ["--node", &url, "--data-dir", data.to_str().unwrap(), "--events"];
		let arguments = [&[role][..], &own, &shared, &[events.to_str().unwrap()]].concat();
		let child = start(&arguments);
		// Made when the folder is open, which is after the role listens to signals.
		let deadline = Instant::now() + Duration::from_secs(60);
		while !events.exists() {
			assert!(Instant::now() < deadline, "{role} never started");
			std::thread::sleep(Duration::from_millis(20));
		}
		stop(child, &events);
	}
}
