//! Runs the node's binary: each run has its own ports, its own base path and a hard limit.
#![allow(dead_code, clippy::unwrap_used, missing_docs)]

use serde_json::{json, Value};
use std::{
	fs,
	io::{Read, Write},
	net::{TcpListener, TcpStream},
	path::{Path, PathBuf},
	process::{Child, Command, Output, Stdio},
	time::{Duration, Instant},
};
use tempfile::TempDir;

/// The binary.
pub const NODE: &str = env!("CARGO_BIN_EXE_livepeer-node");

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
	TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
	path.to_str().unwrap()
}

/// Makes session keys for `owner`'s validator of the development chain in `base`; returns the output.
pub fn session_keys(base: &Path, owner: &str) -> Vec<u8> {
	let chain = ["key", "session", "--chain", "dev", "--base-path", text(base)];
	let made = run(&[&chain[..], &["--json", "--owner", owner]].concat(), Duration::from_secs(60));
	assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
	made.stdout
}

/// Runs `livepeer-node` with `args` to its end, which must come within `limit`.
pub fn run(args: &[&str], limit: Duration) -> Output {
	let mut child = Command::new(NODE)
		.args(args)
		.stdin(Stdio::null())
		.stdout(Stdio::piped())
		.stderr(Stdio::piped())
		.spawn()
		.unwrap();
	let mut stdout = child.stdout.take().unwrap();
	let mut stderr = child.stderr.take().unwrap();
	let out = std::thread::spawn(move || {
		let mut bytes = Vec::new();
		stdout.read_to_end(&mut bytes).unwrap();
		bytes
	});
	let err = std::thread::spawn(move || {
		let mut bytes = Vec::new();
		stderr.read_to_end(&mut bytes).unwrap();
		bytes
	});
	let start = Instant::now();
	let status = loop {
		if let Some(status) = child.try_wait().unwrap() {
			break status;
		}
		if start.elapsed() > limit {
			child.kill().unwrap();
			child.wait().unwrap();
			panic!("`livepeer-node {}` did not end within {limit:?}", args.join(" "));
		}
		std::thread::sleep(Duration::from_millis(50));
	};
	Output { status, stdout: out.join().unwrap(), stderr: err.join().unwrap() }
}

/// Runs `livepeer-node` with `args`, which must fail, and returns its one line of reason.
pub fn reason_of_failure(args: &[&str]) -> String {
	let output = run(args, Duration::from_secs(60));
	assert!(!output.status.success(), "`livepeer-node {}` succeeded", args.join(" "));
	let stderr = String::from_utf8(output.stderr).unwrap();
	let reasons: Vec<_> = stderr.lines().filter(|line| line.starts_with("error: ")).collect();
	assert_eq!(reasons.len(), 1, "not one reason in: {stderr}");
	assert_eq!(stderr.lines().last(), Some(reasons[0]), "the reason is not the last line");
	reasons[0].trim_start_matches("error: ").to_string()
}

/// A running node.
pub struct Node {
	child: Child,
	pub rpc: u16,
	pub p2p: u16,
	pub base: PathBuf,
	args: Vec<String>,
	log: PathBuf,
	_dir: Option<TempDir>,
}

impl Node {
	/// Starts a node with `args` in a base path of its own.
	pub fn start(args: &[&str]) -> Self {
		let dir = TempDir::new().unwrap();
		let base = dir.path().to_path_buf();
		Self::start_in(base, Some(dir), args)
	}

	/// Starts a node with `args` in `base`.
	pub fn start_in(base: PathBuf, dir: Option<TempDir>, args: &[&str]) -> Self {
		let (rpc, p2p) = (free_port(), free_port());
		let mut all: Vec<String> = args.iter().map(|arg| arg.to_string()).collect();
		all.extend([
			"--base-path".into(),
			base.display().to_string(),
			"--rpc-port".into(),
			rpc.to_string(),
			"--no-prometheus".into(),
			"--no-mdns".into(),
			"--listen-addr".into(),
			format!("/ip4/127.0.0.1/tcp/{p2p}"),
		]);
		let log = base.join("log");
		let child = Self::spawn(&all, &log);
		Self { child, rpc, p2p, base, args: all, log, _dir: dir }
	}

	fn spawn(args: &[String], log: &Path) -> Child {
		fs::create_dir_all(log.parent().unwrap()).unwrap();
		let log = fs::File::options().create(true).append(true).open(log).unwrap();
		Command::new(NODE)
			.args(args)
			.stdin(Stdio::null())
			.stdout(Stdio::null())
			.stderr(log)
			.spawn()
			.unwrap()
	}

	/// Stops the node as a crash would.
	pub fn kill(&mut self) {
		self.child.kill().unwrap();
		self.child.wait().unwrap();
	}

	/// Starts it again with the same arguments.
	pub fn restart(&mut self) {
		self.child = Self::spawn(&self.args, &self.log);
	}

	/// What the node logged.
	pub fn log(&self) -> String {
		fs::read_to_string(&self.log).unwrap_or_default()
	}

	/// The answer to an RPC call, once the node answers at all.
	pub fn call(&self, method: &str, params: Value) -> Option<Value> {
		rpc(self.rpc, method, params)
	}

	/// The height of the newest finalised block; 0 while the node does not answer.
	pub fn finalized(&self) -> u64 {
		self.call("chain_getFinalizedHead", json!([]))
			.and_then(|hash| self.call("chain_getHeader", json!([hash])))
			.and_then(|header| header.get("number")?.as_str().map(str::to_owned))
			.and_then(|number| u64::from_str_radix(number.trim_start_matches("0x"), 16).ok())
			.unwrap_or(0)
	}

	/// What `found` gives, once it gives something, which must come within `limit`.
	pub fn wait<T>(&self, limit: Duration, found: impl Fn(&Self) -> Option<T>) -> T {
		let start = Instant::now();
		loop {
			if let Some(found) = found(self) {
				return found;
			}
			assert!(start.elapsed() < limit, "nothing came within {limit:?}:\n{}", self.log());
			std::thread::sleep(Duration::from_millis(250));
		}
	}

	/// Waits until block `height` is final.
	pub fn wait_finalized(&mut self, height: u64, limit: Duration) {
		let start = Instant::now();
		loop {
			let finalized = self.finalized();
			if finalized >= height {
				return;
			}
			if let Some(status) = self.child.try_wait().unwrap() {
				panic!("the node ended with {status}:\n{}", self.log());
			}
			assert!(
				start.elapsed() < limit,
				"block {height} was not final within {limit:?}, only {finalized}:\n{}",
				self.log(),
			);
			std::thread::sleep(Duration::from_millis(250));
		}
	}
}

impl Drop for Node {
	fn drop(&mut self) {
		let _ = self.child.kill();
		let _ = self.child.wait();
	}
}

/// One JSON-RPC call over HTTP; `None` when nobody answers.
pub fn rpc(port: u16, method: &str, params: Value) -> Option<Value> {
	let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
	let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
	stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
	write!(
		stream,
		"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
		 Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
		body.len(),
	)
	.ok()?;
	let mut answer = String::new();
	stream.read_to_string(&mut answer).ok()?;
	let (_, body) = answer.split_once("\r\n\r\n")?;
	let mut value: Value = serde_json::from_str(body).ok()?;
	Some(value.get_mut("result")?.take())
}
