//! The local network: five validators with their verify workers, two transcoders, a gateway and a
//! broadcaster. Every process has its own folder.

use std::{
	fs,
	io::Write,
	net::{TcpListener, UdpSocket},
	os::unix::fs::OpenOptionsExt,
	path::{Path, PathBuf},
	process::{Child, Command, Stdio},
};

use anyhow::{ensure, Context, Result};
use serde_json::Value as Json;
use sp_core::{crypto::Ss58Codec, sr25519, Pair};
use sp_keyring::Sr25519Keyring;

use crate::{cheat::Cheat, process::Process, report::ProcessUse, secrets::Secrets, Args};
use livepeer_primitives::AccountId;

/// The validators of `--chain local`.
pub const VALIDATORS: [&str; 5] = ["alice", "bob", "charlie", "dave", "eve"];
/// The validators that also transcode.
pub const TRANSCODERS: [&str; 2] = ["bob", "charlie"];
/// The stream's owner.
pub const BROADCASTER: &str = "ferdie";
/// The key that spends the owner's ETH on jobs.
const SPENDER: &str = "ferdie//stash";
/// The stream's name.
pub const STREAM: &str = "demo";
/// The delegators of the transcoders.
pub const DELEGATORS: [&str; 2] = ["bob//stash", "charlie//stash"];
/// Every account of the story: validators, broadcaster, delegators.
pub const ACCOUNTS: [&str; 8] =
	["alice", "bob", "charlie", "dave", "eve", "ferdie", "bob//stash", "charlie//stash"];

/// How a live source is published.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Live {
	/// As OBS does.
	Rtmp,
	/// Enhanced RTMP with HEVC, as OBS does if set so.
	Hevc,
	/// As encoders for unreliable networks do.
	Srt,
	/// WebRTC, as browsers do.
	Whip,
	/// Segment by segment.
	Push,
}

impl Live {
	/// The broadcaster's port.
	pub fn port(self) -> u16 {
		match self {
			Self::Rtmp | Self::Hevc => 1_935,
			Self::Srt => 9_710,
			Self::Push => 8_936,
			Self::Whip => 8_937,
		}
	}
}

/// One percent in the chain's shares, which are billionths.
const PERCENT: u32 = 10_000_000;

const RPC_PORT: u16 = 9944;
const P2P_PORT: u16 = 30_400;
/// The first node's port for browsers: light clients connect only by WebSocket.
const WS_PORT: u16 = 30_450;
const VERIFY_PORT: u16 = 7_936;
const WORKER_PORT: u16 = 4_100;
const BROADCASTER_PORT: u16 = WORKER_PORT + 10;
const GATEWAY_PORT: u16 = 8_935;

/// The secret URI of a well-known account, for its wallet.
fn suri(name: &str) -> String {
	let mut chars = name.chars();
	let first = chars.next().map(|c| c.to_ascii_uppercase());
	format!("//{}{}", first.map(String::from).unwrap_or_default(), chars.as_str())
}

/// The account of a well-known name, without its secret.
pub fn account(name: &str) -> Result<AccountId> {
	let known = name.parse::<Sr25519Keyring>().ok();
	Ok(known.with_context(|| format!("{name} is no well-known account"))?.to_account_id())
}

/// Its SS58 address.
pub fn address(name: &str) -> Result<String> {
	Ok(account(name)?.to_ss58check())
}

/// An account's name in the story; the account itself if it has none.
pub fn name_of(account: &str) -> String {
	ACCOUNTS
		.into_iter()
		.find(|name| {
			self::account(name)
				.is_ok_and(|a| format!("0x{}", hex::encode::<[u8; 32]>(a.into())) == account)
		})
		.unwrap_or(account)
		.to_owned()
}

/// The file of the key that signs segments.
const SEGMENTS_KEY: &str = "segments";

/// The file of a transcoder's duties key of a generation.
fn duties_key(name: &str, generation: u32) -> String {
	format!("duties-{name}-{generation}")
}

fn transcoder_at(place: usize) -> String {
	format!("/ip4/127.0.0.1/tcp/{}", WORKER_PORT + place as u16)
}

fn broadcaster_at(stream: u16) -> String {
	format!("/ip4/127.0.0.1/tcp/{}", BROADCASTER_PORT + stream)
}

/// The name of a stream and of its publishing process.
fn stream(number: u16) -> (String, String) {
	match number {
		0 => (STREAM.to_owned(), "broadcast".to_owned()),
		_ => (format!("{STREAM}-{number}"), format!("broadcast-{number}")),
	}
}

/// The ports of this machine at which the network listens, and what for.
fn ports(live: Option<Live>, streams: u16) -> Vec<(u16, String)> {
	let mut ports = Vec::new();
	for (i, name) in (0_u16..).zip(VALIDATORS) {
		ports.push((RPC_PORT + i, format!("RPC of {name}'s node")));
		ports.push((P2P_PORT + i, format!("peers of {name}'s node")));
		ports.push((VERIFY_PORT + i, format!("{name}'s verify worker")));
	}
	for (i, name) in (0_u16..).zip(TRANSCODERS) {
		ports.push((WORKER_PORT + i, format!("{name}'s transcoder")));
	}
	ports.push((WS_PORT, "light clients in browsers".to_owned()));
	for i in 0..streams {
		ports.push((BROADCASTER_PORT + i, "the broadcaster".to_owned()));
	}
	ports.push((GATEWAY_PORT, "the gateway".to_owned()));
	if let Some(live) = live {
		ports.push((live.port(), "who publishes".to_owned()));
	}
	ports
}

/// Fails if ports are taken, naming all of them, before anything is started.
fn ensure_free(ports: &[(u16, String)]) -> Result<()> {
	let taken: Vec<String> = ports
		.iter()
		.filter(|(port, _)| {
			let at = ("127.0.0.1", *port);
			match *port == Live::Srt.port() {
				// The only one of UDP.
				true => UdpSocket::bind(at).is_err(),
				false => TcpListener::bind(at).is_err(),
			}
		})
		.map(|(port, what)| format!("{port} ({what})"))
		.collect();
	ensure!(
		taken.is_empty(),
		"nothing was started: another program has port {} of 127.0.0.1. Stop it (another demo? `ss -tulpn` \
		 names it) and try again",
		taken.join(", ")
	);
	Ok(())
}

fn words(words: &[&str]) -> Vec<String> {
	words.iter().map(|word| (*word).to_owned()).collect()
}

/// The running network.
pub struct Network {
	bin: PathBuf,
	/// The stream owner's address.
	broadcaster: String,
	data: PathBuf,
	cheat: Option<Cheat>,
	/// How many streams are published at a time.
	streams: u16,
	/// Percentage of segments in which the new chain asks for a variant.
	variants: u32,
	/// Whether nobody has ETH when the chain begins.
	is_bridged: bool,
	processes: Vec<Process>,
	ended: Vec<ProcessUse>,
}

impl Network {
	/// A network that keeps its files under `data`; nothing runs yet.
	pub fn new(args: &Args, data: &Path) -> Result<Self> {
		for binary in ["livepeer-node", "livepeer-worker", "livepeer-cheat"] {
			ensure!(
				args.bin_dir.join(binary).is_file(),
				"{binary} is not in {}; run `make build`",
				args.bin_dir.display()
			);
		}
		let streams = u16::try_from(args.streams)?;
		ensure_free(&ports(args.live, streams))?;
		Ok(Self {
			bin: args.bin_dir.clone(),
			broadcaster: address(BROADCASTER)?,
			data: data.to_owned(),
			cheat: args.cheat,
			streams,
			variants: args.variants,
			is_bridged: args.bridge.is_some(),
			processes: Vec::new(),
			ended: Vec::new(),
		})
	}

	/// URL of the first node's RPC.
	pub fn rpc(&self) -> String {
		rpc(0)
	}

	/// URL of the player's page.
	pub fn player(&self) -> String {
		format!("http://127.0.0.1:{GATEWAY_PORT}/stream/{}/{STREAM}", self.broadcaster)
	}

	/// URL of the master playlist.
	pub fn playlist(&self) -> String {
		format!("{}/index.m3u8", self.player())
	}

	/// URL of a media playlist.
	pub fn media_playlist(&self) -> String {
		format!("{}/0.m3u8", self.player())
	}

	/// The folder of the logs.
	pub fn logs(&self) -> PathBuf {
		self.data.join("logs")
	}

	/// The file with a role's events.
	pub fn events_file(&self, name: &str) -> PathBuf {
		self.data.join(name).join("events.jsonl")
	}

	fn home(&self, name: &str) -> Result<PathBuf> {
		let home = self.data.join(name);
		fs::create_dir_all(&home)?;
		Ok(home)
	}

	/// Starts the five nodes; the first is the others' boot node. Each has only the keys of its keystore:
	/// `--alice` and the like would give it the account's own secret.
	pub fn start_nodes(&mut self) -> Result<()> {
		self.begin_chain()?;
		let mut boot_node: Option<String> = None;
		for (i, name) in VALIDATORS.into_iter().enumerate() {
			let home = self.home(&format!("node-{name}"))?;
			let key = home.join("node-key");
			if !key.is_file() {
				self.generate_node_key(&key)?;
			}
			let peer = self.peer_id(&key)?;
			let token = self.token(name)?;
			let mut command = Command::new(self.bin.join("livepeer-node"));
			command
				.arg("--chain")
				.arg(self.chain())
				.args(["--validator", "--name", name, "--base-path"])
				.arg(home.join("chain"))
				.arg("--node-key-file")
				.arg(&key)
				.args(["--rpc-port", &(RPC_PORT + i as u16).to_string()])
				.args(["--listen-addr", &format!("/ip4/127.0.0.1/tcp/{}", P2P_PORT + i as u16)])
				.args(["--no-prometheus", "--rpc-methods", "unsafe"])
				.args(["--allow-private-ip", "--no-mdns"])
				.args(["--state-pruning", "archive", "--blocks-pruning", "archive"])
				.args(["--verify-url", &format!("http://127.0.0.1:{}", VERIFY_PORT + i as u16)])
				.arg("--verify-token-file")
				.arg(token)
				.args(["--verify-peer-id", &self.verifier_peer(name)?]);
			if let Some(boot_node) = &boot_node {
				command.args(["--bootnodes", boot_node]);
			} else {
				command.args(["--listen-addr", &format!("/ip4/127.0.0.1/tcp/{WS_PORT}/ws")]);
				self.write_chain_spec(&peer)?;
				boot_node = Some(format!("/ip4/127.0.0.1/tcp/{P2P_PORT}/p2p/{peer}"));
			}
			self.spawn(&format!("node-{name}"), command)?;
		}
		Ok(())
	}

	/// Writes the nodes' specification: that of `--chain local`, with session keys that are made here, the
	/// requested rate of forced variants, and no ETH if a bridge brings it.
	fn begin_chain(&self) -> Result<()> {
		if self.chain().is_file() {
			ensure!(
				self.variants == 0,
				"a chain that has begun keeps the variants that it asks for: give a new folder with DATA"
			);
			ensure!(
				!self.is_bridged,
				"a chain that has begun follows an Ethereum that is gone: give a new folder with DATA"
			);
			return Ok(());
		}
		let mut command = Command::new(self.bin.join("livepeer-node"));
		command.args(["export-chain-spec", "--chain", "local"]);
		for name in VALIDATORS {
			command.arg("--session-keys").arg(self.session_keys(name)?);
		}
		if self.variants == 0 && !self.is_bridged {
			return Ok(fs::write(self.chain(), exported(command.arg("--raw"))?)?);
		}
		let mut spec: Json = serde_json::from_slice(&exported(&mut command)?)?;
		if self.variants > 0 {
			force(&mut spec, self.variants)?;
		}
		if self.is_bridged {
			without_eth(&mut spec)?;
		}
		let readable = self.data.join("chain-readable.json");
		fs::write(&readable, spec.to_string())?;
		let mut command = Command::new(self.bin.join("livepeer-node"));
		command.args(["export-chain-spec", "--raw", "--chain"]).arg(&readable);
		let raw = exported(&mut command)?;
		fs::remove_file(&readable)?;
		Ok(fs::write(self.chain(), raw)?)
	}

	/// The file with the public halves of a validator's session keys, which are made in its node's keystore
	/// if there are none.
	fn session_keys(&self, name: &str) -> Result<PathBuf> {
		let path = self.home("session")?.join(format!("{name}.json"));
		if !path.is_file() {
			let out = Command::new(self.bin.join("livepeer-node"))
				.args(["key", "session", "--json", "--chain", "local", "--base-path"])
				.arg(self.home(&format!("node-{name}"))?.join("chain"))
				.args(["--owner", &address(name)?])
				.output()?;
			let said = String::from_utf8_lossy(&out.stderr);
			ensure!(out.status.success(), "no session keys: {said}");
			fs::write(&path, out.stdout)?;
		}
		Ok(path)
	}

	fn chain(&self) -> PathBuf {
		self.data.join("chain.json")
	}

	/// Writes the chain's specification for light clients, with the first node, `peer`, as boot node.
	fn write_chain_spec(&self, peer: &str) -> Result<()> {
		let mut spec: Json = serde_json::from_slice(&fs::read(self.chain())?)?;
		spec["bootNodes"] = vec![format!("/ip4/127.0.0.1/tcp/{WS_PORT}/ws/p2p/{peer}")].into();
		Ok(fs::write(self.chain_spec(), spec.to_string())?)
	}

	fn chain_spec(&self) -> PathBuf {
		self.data.join("chain-spec.json")
	}

	/// Signs with the owners' wallets before anything streams, each in a separate process that then ends: the
	/// transcoders' operator keys and registration, the broadcaster's segment key, its spending key and its
	/// stream's origin. No process that keeps running has the secret of such an account, which
	/// [`Network::look_for_secrets`] checks.
	pub fn sign_offline(&self) -> Result<()> {
		let mut wallets = Vec::new();
		for (i, name) in TRANSCODERS.into_iter().enumerate() {
			let operator = self.key(&duties_key(name, 0))?;
			self.key(&duties_key(name, 1))?;
			let home = self.home(&format!("transcode-{name}"))?;
			wallets.push((
				name,
				vec![
					words(&["announce", "--purpose", "duties", "--operator", &operator]),
					words(&[
						"register",
						"--peer-id",
						&self.peer_in(&home)?,
						"--listen",
						&transcoder_at(i),
					]),
				],
			));
		}
		let segments = self.key(SEGMENTS_KEY)?;
		let mut calls = vec![
			words(&["announce", "--purpose", "segments", "--operator", &segments]),
			words(&["spend", "--to", &address(SPENDER)?, "--cap", "100"]),
		];
		for number in 0..self.streams {
			let (name, process) = stream(number);
			let peer = self.peer_in(&self.home(&process)?)?;
			let at = broadcaster_at(number);
			let origin: [&str; 7] =
				["origin", "--name", &name, "--peer-id", &peer, "--listen", &at];
			calls.push(words(&origin));
		}
		wallets.push((BROADCASTER, calls));
		// Accounts in parallel, because every call waits until it is final.
		std::thread::scope(|scope| {
			let signing: Vec<_> = wallets
				.iter()
				.map(|(name, calls)| {
					scope.spawn(move || calls.iter().try_for_each(|call| self.wallet(name, call)))
				})
				.collect();
			signing.into_iter().try_for_each(|one| {
				one.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a wallet's thread died")))
			})
		})
	}

	/// The transcoders' owners announce other duties keys, in the middle of claiming.
	pub fn rotate_keys(&self) -> Result<()> {
		for name in TRANSCODERS {
			let next = self.key(&duties_key(name, 1))?;
			self.wallet(name, &words(&["announce", "--purpose", "duties", "--operator", &next]))?;
		}
		Ok(())
	}

	/// Signs a command with an account's own key, and waits until it is final.
	fn wallet(&self, name: &str, call: &[String]) -> Result<()> {
		let out = Command::new(self.bin.join("livepeer-worker"))
			.arg("keys")
			.args(call)
			.args(["--suri", &suri(name), "--node", &rpc(0)])
			.output()?;
		let said = String::from_utf8_lossy(&out.stderr);
		ensure!(out.status.success(), "{name}'s wallet: {}", said.trim());
		Ok(())
	}

	/// Writes the case of a claim that was decided in a block, as anybody can.
	pub fn write_case(&self, claim: u64, decided: u32) -> Result<Child> {
		let child = Command::new(self.bin.join("livepeer-worker"))
			.args(["audit", &claim.to_string(), "--node", &rpc(4), "--at", &decided.to_string()])
			.arg("--out")
			.arg(self.case_file(claim)?)
			.stdin(Stdio::null())
			.stdout(Stdio::null())
			.stderr(Stdio::piped())
			.spawn()?;
		Ok(child)
	}

	/// Judges a case again in another process, and asks another node whether the chain held what it says.
	pub fn judge_case(&self, claim: u64) -> Result<Json> {
		let judged = Command::new(self.bin.join("livepeer-worker"))
			.arg("audit")
			.arg(self.case_file(claim)?)
			.args(["--json", "--node", &rpc(2)])
			.output()?;
		let said = String::from_utf8_lossy(&judged.stderr);
		serde_json::from_slice(&judged.stdout).with_context(|| said.trim().to_owned())
	}

	fn case_file(&self, claim: u64) -> Result<PathBuf> {
		Ok(self.home("audit")?.join(format!("claim-{claim}.case")))
	}

	/// The address of an operator key, which is made if there is none.
	fn key(&self, name: &str) -> Result<String> {
		let path = self.key_file(name)?;
		let new = if path.is_file() { "inspect" } else { "new" };
		let out = Command::new(self.bin.join("livepeer-worker"))
			.args(["keys", new])
			.arg(&path)
			.output()?;
		ensure!(out.status.success(), "no key: {}", String::from_utf8_lossy(&out.stderr));
		Ok(String::from_utf8(out.stdout)?.trim().to_owned())
	}

	fn key_file(&self, name: &str) -> Result<PathBuf> {
		Ok(self.home("keys")?.join(name))
	}

	/// Starts the workers of the operators: verify, transcode, gateway.
	pub fn start_operators(&mut self) -> Result<()> {
		for (i, name) in VALIDATORS.into_iter().enumerate() {
			let role = format!("verify-{name}");
			let cheat = self.cheat.filter(|cheat| cheat.judge() == Some(name));
			let mut command = self.role("verify", cheat, &role)?;
			command
				.args(["--listen", &format!("127.0.0.1:{}", VERIFY_PORT + i as u16)])
				.args(["--node", &rpc(i), "--parallel", "1"])
				.arg("--token-file")
				.arg(self.token(name)?);
			self.spawn(&role, command)?;
		}
		for (i, name) in TRANSCODERS.into_iter().enumerate() {
			let role = format!("transcode-{name}");
			// With a cheat every transcoder cheats, so that the story does not depend on the draw.
			let cheat = self.cheat.filter(|cheat| cheat.is_transcoders());
			let mut command = self.role("transcode", cheat, &role)?;
			command.args(["--node", &rpc(1 + i), "--account", &address(name)?]).args([
				"--listen",
				&transcoder_at(i),
				"--capacity",
				"2",
				// Small pictures at a low price, with a spectator: claim without waiting.
				"--claim-worth",
				"0",
			]);
			for generation in 0..2 {
				command.arg("--key-file").arg(self.key_file(&duties_key(name, generation))?);
			}
			self.spawn(&role, command)?;
		}
		let mut command = self.worker("livepeer-worker", "gateway", "gateway")?;
		command
			.args(["--node", &rpc(0), "--broadcaster", &address(BROADCASTER)?])
			.args(["--http", &format!("127.0.0.1:{GATEWAY_PORT}")])
			.arg("--chain-spec")
			.arg(self.chain_spec());
		self.spawn("gateway", command)
	}

	/// Starts the broadcaster on `source`, once for each stream; `endless` streams until it is stopped.
	pub fn start_broadcaster(&mut self, source: &Path, endless: bool) -> Result<()> {
		let cheat = self.cheat.filter(|cheat| *cheat == Cheat::Spoil);
		for number in 0..self.streams {
			let mut command = self.role("broadcast", cheat, &stream(number).1)?;
			command.arg(source);
			if endless {
				command.arg("--loop");
			}
			self.broadcast(number, command)?;
		}
		Ok(())
	}

	/// The processes that publish, the story's first.
	pub fn broadcasters(&self) -> Vec<String> {
		(0..self.streams).map(|number| stream(number).1).collect()
	}

	/// Starts the broadcaster on a publication; `endless` waits for an absent publisher.
	pub fn start_live(&mut self, protocol: Live, endless: bool) -> Result<()> {
		let mut command = self.worker("livepeer-worker", "broadcast", "broadcast")?;
		let address = format!("127.0.0.1:{}", protocol.port());
		let option = match protocol {
			Live::Rtmp | Live::Hevc => "--rtmp",
			Live::Srt => "--srt",
			Live::Whip => "--whip",
			Live::Push => "--push",
		};
		command.args([option, &address]);
		if endless {
			command.args(["--limits", "1920x1080@30", "--idle", "86400"]);
		} else {
			command.args(["--limits", "1280x720@30", "--idle", "20"]);
		}
		self.broadcast(0, command)
	}

	/// The stream key; made when the broadcaster starts.
	pub fn stream_key(&self) -> Result<String> {
		let path = self.data.join("broadcast").join("stream-key");
		let text = fs::read_to_string(&path)
			.with_context(|| format!("no stream key in {}", path.display()))?;
		Ok(text.trim().to_owned())
	}

	/// The process of the transcoder to which the job was assigned last.
	pub fn working_transcoder(&self) -> Option<String> {
		let text = fs::read_to_string(self.events_file("broadcast")).ok()?;
		let assigned = text
			.lines()
			.filter_map(|line| serde_json::from_str::<Json>(line).ok())
			.rfind(|event| event["event"] == "assigned")?;
		let who = assigned["transcoder"].as_str()?;
		let name = TRANSCODERS
			.into_iter()
			.find(|name| address(name).is_ok_and(|address| address == who))?;
		Some(format!("transcode-{name}"))
	}

	fn broadcast(&mut self, number: u16, mut command: Command) -> Result<()> {
		let (name, process) = stream(number);
		command
			.args(["--name", &name, "--node", &rpc(3), "--account", &address(BROADCASTER)?])
			.arg("--key-file")
			.arg(self.key_file(SEGMENTS_KEY)?)
			.arg("--spending-key-file")
			.arg(self.spending_key()?)
			.args(["--listen", &broadcaster_at(number)]);
		self.spawn(&process, command)
	}

	/// Fails if a process that should run has stopped.
	pub fn ensure_running(&mut self) -> Result<()> {
		for process in &mut self.processes {
			process.measure();
			process.ensure_running()?;
		}
		Ok(())
	}

	/// Every process with its id, which changes when it is started again.
	pub fn running(&self) -> Vec<(String, Option<u32>)> {
		self.processes.iter().map(|process| (process.name.clone(), process.id())).collect()
	}

	/// Kills a process as a power cut would, and starts it again.
	pub fn kill_and_restart(&mut self, name: &str) -> Result<()> {
		self.process(name)?.kill_and_restart()
	}

	/// Kills a process, which then stays away.
	pub fn kill(&mut self, name: &str) -> Result<()> {
		self.process(name)?.kill_for_now();
		Ok(())
	}

	/// Starts one again that was killed.
	pub fn restart(&mut self, name: &str) -> Result<()> {
		self.process(name)?.restart()
	}

	fn process(&mut self, name: &str) -> Result<&mut Process> {
		let process = self.processes.iter_mut().find(|process| process.name == name);
		process.with_context(|| format!("{name} does not run"))
	}

	/// Stops everything, workers first, and returns what each process used.
	pub fn stop(&mut self) -> Vec<ProcessUse> {
		for process in &mut self.processes {
			process.measure();
		}
		while let Some(mut process) = self.processes.pop() {
			process.stop();
			self.ended.push(process.measure().clone());
		}
		self.ended.sort_by(|a, b| a.name.cmp(&b.name));
		self.ended.clone()
	}

	/// The honest role, or its cheat.
	fn role(&self, role: &str, cheat: Option<Cheat>, name: &str) -> Result<Command> {
		match cheat {
			None => self.worker("livepeer-worker", role, name),
			Some(cheat) => self.worker("livepeer-cheat", &cheat.name(), name),
		}
	}

	fn worker(&self, binary: &str, role: &str, name: &str) -> Result<Command> {
		let home = self.home(name)?;
		let mut command = Command::new(self.bin.join(binary));
		command.arg(role).arg("--data-dir").arg(&home);
		command.arg("--events").arg(self.events_file(name));
		Ok(command)
	}

	fn spawn(&mut self, name: &str, command: Command) -> Result<()> {
		self.processes.push(Process::spawn(name, &self.logs(), command)?);
		Ok(())
	}

	/// The peer id of a verify worker, for which its node signs passes.
	fn verifier_peer(&self, name: &str) -> Result<String> {
		self.peer_in(&self.home(&format!("verify-{name}"))?)
	}

	/// The peer id of the role with this folder.
	fn peer_in(&self, home: &Path) -> Result<String> {
		let out = Command::new(self.bin.join("livepeer-worker"))
			.args(["keys", "peer", "--data-dir"])
			.arg(home)
			.output()?;
		ensure!(out.status.success(), "no peer id: {}", String::from_utf8_lossy(&out.stderr));
		Ok(String::from_utf8(out.stdout)?.trim().to_owned())
	}

	/// The spending key: an account with LPT for its transactions. It is given as a seed, because its
	/// derivation contains the secret of the account whose ETH it spends.
	fn spending_key(&self) -> Result<PathBuf> {
		let path = self.key_file("spending")?;
		if !path.is_file() {
			let out = Command::new(self.bin.join("livepeer-node"))
				.args(["key", "inspect", "--output-type", "json", &suri(SPENDER)])
				.output()?;
			let said = String::from_utf8_lossy(&out.stderr);
			ensure!(out.status.success(), "no spending key: {said}");
			let key: Json = serde_json::from_slice(&out.stdout)?;
			secret(&path, key["secretSeed"].as_str().context("a key without a seed")?)?;
		}
		Ok(path)
	}

	/// Whether a running process has the secret of an account of the story, as far as that is visible from
	/// outside: in its arguments, in its environment or this process's, or in a file below the demo's folder.
	/// The spending key must be found there, which shows that the search works.
	pub fn look_for_secrets(&self) -> Result<(bool, String)> {
		let mut secrets = Secrets::default();
		secrets.read_environment();
		for (name, id) in self.processes.iter().filter_map(|it| Some((&it.name, it.id()?))) {
			secrets.read_process(name, id)?;
		}
		secrets.read_folder(&self.data)?;
		let mut found = Vec::new();
		for name in ACCOUNTS {
			found.extend(secrets.place_of(&account(name)?).map(|at| format!("{name}'s in {at}")));
		}
		let looked = secrets.place_of(&account(SPENDER)?).is_some();
		let detail = match (found.is_empty(), looked) {
			(_, false) => "the search is broken: it does not find the spending key".to_owned(),
			(true, _) => format!("{} other keys found", secrets.count()),
			(false, _) => found.join(", "),
		};
		Ok((found.is_empty() && looked, detail))
	}

	/// The secret between a node and its verify worker.
	fn token(&self, name: &str) -> Result<PathBuf> {
		let path = self.home(&format!("verify-{name}"))?.join("token");
		if !path.is_file() {
			let secret: [u8; 32] = sr25519::Pair::generate().0.public().0;
			self::secret(&path, &hex::encode(secret))?;
		}
		Ok(path)
	}

	fn generate_node_key(&self, path: &Path) -> Result<()> {
		let out = Command::new(self.bin.join("livepeer-node"))
			.args(["key", "generate-node-key", "--file"])
			.arg(path)
			.output()?;
		ensure!(out.status.success(), "no node key: {}", String::from_utf8_lossy(&out.stderr));
		Ok(())
	}

	fn peer_id(&self, key: &Path) -> Result<String> {
		let out = Command::new(self.bin.join("livepeer-node"))
			.args(["key", "inspect-node-key", "--file"])
			.arg(key)
			.output()?;
		ensure!(out.status.success(), "no peer id: {}", String::from_utf8_lossy(&out.stderr));
		Ok(String::from_utf8(out.stdout)?.trim().to_owned())
	}
}

/// Runs a command that exports a specification; returns its output.
fn exported(command: &mut Command) -> Result<Vec<u8>> {
	let out = command.output()?;
	ensure!(out.status.success(), "no chain spec: {}", String::from_utf8_lossy(&out.stderr));
	Ok(out.stdout)
}

/// Sets the percentage of segments in which a chain with this specification asks for variants.
fn force(spec: &mut Json, percent: u32) -> Result<()> {
	let rate = "/genesis/runtimeGenesis/patch/chainConfig/parameters/lottery/variant_rate";
	let rate = spec.pointer_mut(rate).context("a specification without a rate of variants")?;
	*rate = (percent * PERCENT).into();
	Ok(())
}

/// Removes all ETH from this specification.
fn without_eth(spec: &mut Json) -> Result<()> {
	let owned = "/genesis/runtimeGenesis/patch/assets/accounts";
	let owned = spec.pointer_mut(owned).context("a specification without owners of ETH")?;
	*owned = Json::Array(Vec::new());
	Ok(())
}

/// Makes a file that only its owner can read.
fn secret(path: &Path, text: &str) -> Result<()> {
	let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
	Ok(file.write_all(text.as_bytes())?)
}

/// URL of a node's RPC.
pub fn rpc(node: usize) -> String {
	format!("ws://127.0.0.1:{}", RPC_PORT + node as u16)
}

#[cfg(test)]
mod tests {
	use super::*;
	use serde_json::json;
	use std::{thread, time::Duration};

	#[test]
	fn port_should_be_named_with_what_it_is_for_when_something_else_has_it() -> Result<()> {
		let (first, second) =
			(TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
		let (a, b) = (first.local_addr()?.port(), second.local_addr()?.port());
		let ports = [(a, "the gateway".to_owned()), (b, "peers".to_owned())];
		let told = ensure_free(&ports).map_err(|error| error.to_string());
		let named = format!("port {a} (the gateway), {b} (peers) of");
		assert!(told.as_ref().is_err_and(|told| told.contains(&named)), "{told:?}");
		drop((first, second));
		// A process that another test is starting holds what it inherited until its program begins.
		for _ in 0..100 {
			if ensure_free(&ports).is_ok() {
				return Ok(());
			}
			thread::sleep(Duration::from_millis(20));
		}
		ensure_free(&ports)
	}

	#[test]
	fn ports_should_be_those_of_the_documentation() {
		let page = include_str!("../../../docs/operating.md").replace('\n', " ");
		for protocol in [Live::Rtmp, Live::Hevc, Live::Srt, Live::Whip, Live::Push] {
			let mut ports: Vec<u16> =
				ports(Some(protocol), 3).into_iter().map(|(port, _)| port).collect();
			for port in &ports {
				// Of a row its first and last are named.
				let in_a_row: [(u16, u16); 3] = [(9944, 9948), (30400, 30404), (7936, 7940)];
				let is_within = in_a_row.into_iter().any(|(first, last)| {
					(first..=last).contains(port) && page.contains(&format!("{first} to {last}"))
				});
				assert!(is_within || page.contains(&port.to_string()), "{port}");
			}
			let all = ports.len();
			ports.sort_unstable();
			ports.dedup();
			assert_eq!(ports.len(), all, "each is used once");
		}
	}

	#[test]
	fn chain_should_ask_for_variants_and_be_the_same_but_for_that() -> Result<()> {
		let amount = "1000000000000000000000000";
		let spec = |rate: u32| -> Result<Json> {
			let text = format!(
				r#"{{"genesis":{{"runtimeGenesis":{{"patch":{{
					"chainConfig":{{"parameters":{{"lottery":{{"tranches":2,"variant_rate":{rate}}}}}}},
					"lptStaking":{{"bonds":{amount}}}
				}}}}}}}}"#
			);
			Ok(serde_json::from_str(&text)?)
		};
		let mut forced = spec(0)?;
		force(&mut forced, 50)?;
		assert_eq!(forced, spec(500_000_000)?);
		assert!(forced.to_string().contains(amount), "{forced}");
		assert!(force(&mut json!({}), 50).is_err());
		Ok(())
	}

	#[test]
	fn chain_should_begin_without_eth_and_be_the_same_but_for_that() -> Result<()> {
		let spec = |accounts: Json| {
			let assets = json!({ "assets": [[1, "owner", true, 1]], "accounts": accounts });
			json!({ "genesis": { "runtimeGenesis": { "patch": { "assets": assets, "x": 1 } } } })
		};
		let mut poor = spec(json!([[1, "alice", 5], [1, "bob", 5]]));
		without_eth(&mut poor)?;
		assert_eq!(poor, spec(json!([])));
		assert!(without_eth(&mut json!({})).is_err());
		Ok(())
	}
}
