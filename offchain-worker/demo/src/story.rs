//! One run: bring the network up, stream, watch until everything is settled, check, report.

use std::{
	collections::{BTreeMap, BTreeSet},
	fs,
	path::Path,
	process::{Child, Command, Stdio},
	time::{Duration, Instant},
};

use anyhow::{bail, ensure, Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{json, Value as Json};
use tokio::{
	io::{AsyncReadExt, AsyncWriteExt},
	net::TcpStream,
	time::sleep,
};

use crate::{
	bridge::Bridge,
	chain::{amount, Chain},
	cheat::Cheat,
	drill::Drill,
	events::Event,
	live::Live,
	losses::{losses, sentence},
	network::{self, Network},
	report::{Account, Claim, Report, SCHEMA},
	source, Args,
};

/// How long the chain may take to finalise its first block.
const FINALITY_PATIENCE: Duration = Duration::from_secs(120);
/// Segments after which the transcoders' keys are exchanged: within a claim.
const ROTATE_AFTER: usize = 10;
/// Segments after which a viewer opens the page.
const PLAY_AFTER: usize = 6;
/// Segments after which the network is attacked.
const ATTACK_AFTER: usize = 2;
/// Segments after which the upgrade of the runtime begins: its command then waits for a claim's draw.
const UPGRADE_AFTER: usize = 4;
/// What its command shows.
const UPGRADED: &str = "the runtime is upgraded while a claim is judged, which is paid after it";
/// What the bridge's command shows.
const BRIDGED: &str = "ETH and LPT came over the bridge, and what they earned went back";
/// How long a story may take beyond the length of its clip.
const STORY_PATIENCE: Duration = Duration::from_secs(480);
/// How long it may take besides until ETH has come over the bridge.
const FUNDING_PATIENCE: Duration = Duration::from_secs(300);

/// Runs the demo; `Ok(false)` when a check failed.
pub async fn run(args: &Args) -> Result<bool> {
	let temporary;
	let data = match &args.data {
		Some(path) => {
			fs::create_dir_all(path)
				.with_context(|| format!("cannot write to {}", path.display()))?;
			fs::canonicalize(path)?
		}
		None => {
			temporary = tempfile::Builder::new().prefix("livepeer-demo-").tempdir()?;
			temporary.path().to_owned()
		}
	};
	let mut network = Network::new(args, &data)?;
	let (clip, label) = match args.live {
		Some(protocol) => (None, format!("live, by {}", protocol.name())),
		None => {
			say("preparing the clip");
			let dir = data.join("source");
			let (clip, label) = source::prepare(&dir, args.input.as_deref(), args.segments * 2)?;
			(Some(clip), label)
		}
	};

	let started = Instant::now();
	say("starting five nodes");
	network.start_nodes()?;
	let chain = first_finality(&mut network).await?;
	let mut report = Report {
		schema: SCHEMA,
		input: label,
		cheat: args.cheat.map(Cheat::name),
		seconds_to_finality: started.elapsed().as_secs_f64(),
		..Default::default()
	};
	say(&format!("finality after {:.1} s; starting the workers", report.seconds_to_finality));
	let mut bridge = None;
	if let Some(command) = &args.bridge {
		say("nobody has ETH: some comes over a bridge from a simulated Ethereum");
		let mut begun = Bridge::begin(command, &network.rpc(), &network.logs())?;
		begun.fund(&mut network).await?;
		bridge = Some(begun);
	}
	say("the owners' wallets sign what their workers may do");
	network.sign_offline()?;
	let mut watch = Watch::begin(&chain, &mut report).await?;
	watch.drill = (args.kill && args.live.is_none()).then(Drill::default);
	watch.live = args.live.filter(|_| args.once).map(|protocol| Live::new(protocol, args.kill));
	network.start_operators()?;
	match (&clip, args.live) {
		(Some(clip), _) => network.start_broadcaster(clip, !args.once)?,
		(None, Some(protocol)) => network.start_live(protocol, !args.once)?,
		(None, None) => {}
	}
	println!(
		"\n  player   {}\n  chain    https://polkadot.js.org/apps/?rpc={}\n  logs     {}\n",
		network.player(),
		network.rpc().replace(':', "%3A").replace('/', "%2F"),
		data.join("logs").display()
	);
	if let Some(protocol) = args.live.filter(|_| !args.once) {
		let key = stream_key(&mut network).await?;
		println!("  publish  {}\n", protocol.address(&key));
	}

	let finished = watch.follow(args, &chain, &mut network, started).await;
	if let Err(error) = &finished {
		report.check("the story comes to its end", false, format!("{error:#}"));
	}
	if let Some(command) = args.chain_test.as_deref().filter(|_| finished.is_ok()) {
		probe(&mut report, "an independent client reads the chain", command, &network.rpc()).await;
		watch.catch_up(&chain).await?;
	}
	watch.finish(&chain, &mut report).await?;
	if let Some((claim, writer)) = watch.case.take() {
		let judged = judge_again(&network, claim, writer);
		report.probed(
			"a process that knows nothing but a file judges a claim as it was judged",
			judged,
		);
	}
	for (check, output) in watch.probes.drain(..).map(Probe::end) {
		report.probed(check, output);
	}
	if args.upgrade.is_some() {
		let running = network.running();
		report.check(
			"no process was started again for the upgrade",
			!running.is_empty() && running == watch.running,
			format!("{} processes", running.len()),
		);
	}
	if let Some(drill) = &mut watch.drill {
		drill.check(&mut report).await;
	}
	if let Some(live) = &mut watch.live {
		live.check(&network, &mut report);
	}
	if finished.is_ok() {
		let expected = args.live.is_none().then(|| args.segments * source::PICTURES_PER_SEGMENT);
		play(&mut report, &network.playlist(), expected);
	}
	if let Some(bridge) = bridge.filter(|_| finished.is_ok()) {
		say("earnings go back over the bridge");
		report.probed(BRIDGED, bridge.settle(&mut network).await);
	}
	let cut = count_events(&network, "broadcast", "segment_cut");
	report.segments = read_segments(&network);
	let fetched = read_fetches(&network);
	report.probed(
		"no argument, variable or file has the secret of an account that a wallet keeps",
		network.look_for_secrets(),
	);
	report.processes = network.stop();
	if args.live.is_none() {
		// Of which a part is each one's start: golden vectors, tables.
		for (figure, role) in [
			("judges_processor_permille", "verify-"),
			("transcoders_processor_permille", "transcode-"),
		] {
			let of_role = report.processes.iter().filter(|process| process.name.starts_with(role));
			let spent: f64 = of_role.map(|process| process.cpu_seconds).sum();
			let permille = spent * 1_000.0 / f64::from(args.segments * 2);
			report.figure(figure, Some(permille as u64));
		}
	}
	report.seconds = started.elapsed().as_secs_f64();
	judge(&mut report, &watch, &fetched, args, cut as u64);
	report.passed = report.checks.iter().all(|check| check.passed);

	for check in &report.checks {
		println!(
			"{} {} ({})",
			if check.passed { "ok  " } else { "FAIL" },
			check.name,
			check.detail
		);
	}
	println!();
	for loss in &report.losses {
		println!("{}", sentence(loss));
	}
	println!("{} lost anything", if report.losses.is_empty() { "Nobody" } else { "Nobody else" });
	if let Some(path) = &args.report {
		fs::write(path, serde_json::to_vec_pretty(&report)?)
			.with_context(|| format!("cannot write {}", path.display()))?;
	}
	println!(
		"\n{} in {:.0} s",
		if report.passed { "The story holds" } else { "The story does not hold" },
		report.seconds
	);
	Ok(report.passed)
}

fn say(text: &str) {
	println!("· {text}");
}

/// The stream key, as soon as there is one.
async fn stream_key(network: &mut Network) -> Result<String> {
	loop {
		network.ensure_running()?;
		if let Ok(key) = network.stream_key() {
			return Ok(key);
		}
		sleep(Duration::from_millis(200)).await;
	}
}

async fn first_finality(network: &mut Network) -> Result<Chain> {
	let deadline = Instant::now() + FINALITY_PATIENCE;
	loop {
		network.ensure_running()?;
		if let Ok(chain) = Chain::connect(&network.rpc()).await {
			if chain.finalized().await.is_ok_and(|number| number >= 1) {
				return Ok(chain);
			}
		}
		if Instant::now() > deadline {
			bail!("no block was finalised in {} s", FINALITY_PATIENCE.as_secs());
		}
		sleep(Duration::from_millis(500)).await;
	}
}

/// How many blocks a claim can take at most, whatever anyone does, as the chain's parameters have it.
#[derive(Clone, Copy)]
struct Longest {
	/// Until it is decided.
	judgement: u32,
	/// Until it is settled and executed.
	life: u32,
}

impl Longest {
	/// Whether every claim kept to that; and how long decisions took.
	fn check(self, report: &mut Report, claims: &[Claim]) {
		let took = |step: &str| -> Vec<u32> {
			let blocks = |claim: &Claim| {
				Some(claim.blocks.get(step)?.saturating_sub(*claim.blocks.get("Claimed")?))
			};
			claims.iter().filter_map(blocks).collect()
		};
		let within = |blocks: &[u32], most: u32| {
			blocks.len() == claims.len() && blocks.iter().all(|blocks| *blocks <= most)
		};
		let (decided, settled) = (took("Decided"), took("ClaimSettled"));
		let most = |blocks: &[u32]| blocks.iter().max().copied().unwrap_or_default();
		report.check(
			"every claim is decided and settled within its computed number of blocks",
			within(&decided, self.judgement) && within(&settled, self.life),
			format!(
				"decided after {} of {} at most, settled after {} of {}",
				most(&decided),
				self.judgement,
				most(&settled),
				self.life
			),
		);
		let mut waits: Vec<u32> =
			claims.iter().filter_map(|claim| claim.draw_to_decision_blocks).collect();
		waits.sort_unstable();
		let at = |part: usize| {
			let place = (waits.len() * part).div_ceil(100).saturating_sub(1);
			waits.get(place).map(|blocks| u64::from(*blocks))
		};
		report.figure("draw_to_decision_blocks_median", at(50));
		report.figure("draw_to_decision_blocks_95", at(95));
	}
}

/// What was seen of the chain so far.
struct Watch {
	next: u32,
	first: u32,
	slot_milliseconds: u64,
	longest: Longest,
	claims: BTreeMap<u64, Claim>,
	others: BTreeMap<String, Vec<Event>>,
	accounts: Vec<Account>,
	issuance: (u128, u128),
	/// The commands that run beside the story.
	probes: Vec<Probe>,
	/// Who is killed meanwhile.
	drill: Option<Drill>,
	/// Who publishes, and who watches.
	live: Option<Live>,
	/// Whether the transcoders' keys were exchanged.
	rotated: bool,
	/// The claim that is judged again, and who writes its case.
	case: Option<(u64, Child)>,
	/// What ran when the upgrade of the runtime began.
	running: Vec<(String, Option<u32>)>,
}

impl Watch {
	async fn begin(chain: &Chain, report: &mut Report) -> Result<Self> {
		let first = chain.finalized().await?;
		let (parameters, timing) = chain.rules(first).await?;
		let slot_milliseconds = timing.slot_duration;
		let mut accounts = Vec::new();
		for name in network::ACCOUNTS {
			let before = chain.balances(first, &network::account(name)?).await?;
			let address = network::address(name)?;
			accounts.push(Account { name: name.to_owned(), address, before, ..Default::default() });
		}
		report.chain.genesis = chain.genesis();
		report.chain.nodes = network::VALIDATORS.len();
		report.chain.slot_milliseconds = slot_milliseconds;
		Ok(Self {
			next: first + 1,
			first,
			slot_milliseconds,
			longest: Longest {
				judgement: parameters.lottery.longest_judgement(&timing),
				life: parameters.lottery.longest_claim_life(&timing),
			},
			claims: BTreeMap::new(),
			others: BTreeMap::new(),
			accounts,
			issuance: chain.issuance(first).await?,
			probes: Vec::new(),
			drill: None,
			live: None,
			rotated: false,
			case: None,
			running: Vec::new(),
		})
	}

	/// Reads every finalised block that was not read yet.
	async fn catch_up(&mut self, chain: &Chain) -> Result<Vec<Event>> {
		let head = chain.finalized().await?;
		let mut news = Vec::new();
		while self.next <= head {
			for event in chain.events(self.next).await? {
				self.take(&event);
				news.push(event);
			}
			self.next += 1;
		}
		Ok(news)
	}

	fn take(&mut self, event: &Event) {
		let claim = event
			.number("claim")
			.filter(|_| ["Jobs", "ChallengeLottery"].contains(&event.pallet.as_str()));
		let Some(id) = claim else {
			let key = format!("{}.{}", event.pallet, event.name);
			self.others.entry(key).or_default().push(event.clone());
			return;
		};
		let claim = self.claims.entry(id).or_insert_with(|| Claim { id, ..Default::default() });
		let at_block = |fields: &Json| {
			let mut fields = fields.clone();
			fields["block"] = json!(event.block);
			fields
		};
		claim.blocks.entry(event.name.clone()).or_insert(event.block);
		match event.name.as_str() {
			"Claimed" => claim.claimed = event.fields.clone(),
			"Drawn" => claim.draw = event.fields.clone(),
			"LeafRevealed" => claim.revealed_leaves.push(at_block(&event.fields)),
			"Committed" => claim.commits.push(at_block(&event.fields)),
			"VerdictRevealed" => claim.verdicts.push(at_block(&event.fields)),
			_ => claim.events.push(json!({
				"pallet": event.pallet, "name": event.name, "block": event.block,
				"fields": event.fields,
			})),
		}
		if event.name == "Decided" {
			claim.outcome = event.fields["outcome"].as_str().map(str::to_owned);
			claim.draw_to_decision_blocks =
				claim.blocks.get("Drawn").map(|drawn| event.block - drawn);
		}
	}

	fn settled(&self) -> usize {
		self.claims.values().filter(|c| c.blocks.contains_key("ClaimSettled")).count()
	}

	fn count(&self, name: &str) -> usize {
		self.others.get(name).map_or(0, Vec::len)
	}

	/// Follows the chain until the stream is over and every claim is settled.
	async fn follow(
		&mut self,
		args: &Args,
		chain: &Chain,
		network: &mut Network,
		started: Instant,
	) -> Result<()> {
		let bar = ProgressBar::new_spinner();
		bar.set_style(ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}")?);
		bar.enable_steady_tick(Duration::from_millis(200));
		// A bar shows nothing where there is no terminal.
		let tell_line = |line: String| {
			if bar.is_hidden() {
				println!("{line}");
			} else {
				bar.println(line);
			}
		};
		let mut patience = STORY_PATIENCE + Duration::from_secs(u64::from(args.segments) * 2);
		if args.bridge.is_some() {
			patience += FUNDING_PATIENCE;
		}
		let mut streaming = true;
		let mut viewed = false;
		loop {
			network.ensure_running()?;
			if streaming && count_events(network, "broadcast", "stream_ended") > 0 {
				streaming = false;
				tell_line("· the stream is over; its claims are being settled".to_owned());
			}
			for event in self.catch_up(chain).await? {
				if let Some(line) = tell(&event) {
					tell_line(format!("  #{:<4} {line}", event.block));
				}
				// Soon after its decision, as long as whoever made its bytes has them.
				let outcome = match args.cheat.filter(|cheat| cheat.judge().is_none()) {
					Some(_) => "Failed",
					None => "Accepted",
				};
				if self.case.is_none()
					&& event.name == "Decided"
					&& event.fields["outcome"] == outcome
				{
					if let Some(claim) = event.number("claim") {
						self.case = Some((claim, network.write_case(claim, event.block)?));
					}
				}
			}
			let returned = count_events(network, "broadcast", "segment_returned");
			bar.set_message(format!(
				"block {}, {returned} segments back, {} claims, {} settled",
				self.next - 1,
				self.claims.len(),
				self.settled(),
			));
			if let Some(drill) = &mut self.drill {
				if let Some(victim) = drill.step(network, returned).await? {
					tell_line(format!("· {victim} was killed and started again"));
				}
			}
			if let Some(live) = self.live.as_mut().filter(|_| streaming) {
				if let Some(what) = live.step(network)? {
					tell_line(format!("· {what}"));
				}
			}
			if returned >= ROTATE_AFTER && !self.rotated {
				self.rotated = true;
				network.rotate_keys()?;
				tell_line("· the transcoders' owners announced other keys".to_owned());
			}
			if returned > 0 && !viewed {
				// As a viewer does: a gateway follows a stream from the first request on.
				viewed = request(&network.playlist()).await.is_ok();
			}
			for (check, after, command, url) in [
				(
					"a browser plays the page",
					if self.live.is_some() { 1 } else { PLAY_AFTER },
					&args.player_test,
					network.player(),
				),
				("viewers are served under attack", ATTACK_AFTER, &args.attack, network.player()),
				(UPGRADED, UPGRADE_AFTER, &args.upgrade, network.rpc()),
			] {
				let Some(command) = command.as_deref().filter(|_| returned >= after) else {
					continue;
				};
				if self.probes.iter().all(|probe| probe.check != check) {
					self.probes.push(Probe::begin(check, command, &url)?);
					if check == UPGRADED {
						self.running = network.running();
					}
				}
			}
			if !args.once {
				sleep(Duration::from_millis(500)).await;
				continue;
			}
			let closed = self.count("Jobs.JobClosed") >= self.count("Jobs.JobCreated");
			if !streaming
				&& closed && !self.claims.is_empty()
				&& self.settled() == self.claims.len()
			{
				break;
			}
			if started.elapsed() > patience {
				bail!("it is not settled after {} s", patience.as_secs());
			}
			sleep(Duration::from_millis(500)).await;
		}
		bar.finish_and_clear();
		Ok(())
	}

	async fn finish(&mut self, chain: &Chain, report: &mut Report) -> Result<()> {
		self.catch_up(chain).await?;
		let last = self.next - 1;
		for account in &mut self.accounts {
			account.after = chain.balances(last, &network::account(&account.name)?).await?;
		}
		let slots = chain.slot(last, self.slot_milliseconds).await?
			- chain.slot(self.first, self.slot_milliseconds).await?;
		report.chain.finalized = last;
		report.chain.missed_slots = slots.saturating_sub(u64::from(last - self.first));
		let after = chain.issuance(last).await?;
		report.chain.lpt_issuance = (self.issuance.0.to_string(), after.0.to_string());
		report.chain.eth_issuance = (self.issuance.1.to_string(), after.1.to_string());
		report.accounts = self.accounts.clone();
		report.claims = std::mem::take(&mut self.claims).into_values().collect();
		Ok(())
	}
}

/// A process that has nothing but a claim's file judges it again.
fn judge_again(network: &Network, claim: u64, writer: Child) -> Result<(bool, String)> {
	let written = writer.wait_with_output()?;
	let said = String::from_utf8_lossy(&written.stderr);
	ensure!(written.status.success(), "no case of claim {claim}: {}", said.trim());
	let said = network.judge_case(claim)?;
	let is_so = said["is_right"] == true && said["of_chain"] == true;
	let leaves = said["leaves"].as_array().map_or(0, Vec::len);
	Ok((is_so, format!("claim {claim}, {leaves} leaves: {}", said["conclusion"])))
}

/// How many of a claim's drawn segments had to have a variant, and of how many, by its event.
fn count_due(opened: &Json) -> (usize, usize) {
	let due = match &opened["due"] {
		Json::Array(all) => all.as_slice(),
		// A list of one element is written as the element.
		one => std::slice::from_ref(one),
	};
	(due.iter().filter(|rendition| !rendition.is_null()).count(), due.len())
}

/// How many of a claim's drawn segments had to have a variant, once they are opened.
fn due_variants(claim: &Claim) -> usize {
	let opened = claim.events.iter().filter(|event| event["name"] == "VariantsOpened");
	opened.map(|event| count_due(&event["fields"]).0).sum()
}

/// One line for the screen; `None` for what would only be noise.
fn tell(event: &Event) -> Option<String> {
	let claim = event.number("claim").unwrap_or_default();
	let eth = |field: &str| {
		event.amount(field).map_or_else(String::new, |v| format!("{:.9} ETH", v as f64 / 1e18))
	};
	let lpt = |field: &str| {
		event.amount(field).map_or_else(String::new, |v| format!("{:.4} LPT", v as f64 / 1e18))
	};
	let who = |field: &str| name_of(event.fields[field].as_str().unwrap_or_default());
	Some(match (event.pallet.as_str(), event.name.as_str()) {
		("Jobs", "JobCreated") => {
			format!("job {} created, budget {}", event.fields["job"], eth("budget"))
		}
		("Jobs", "Offered") => format!("job offered to {}", who("transcoder")),
		("Jobs", "Accepted") => format!("{} accepted the job", who("transcoder")),
		("Jobs", "Claimed") => format!(
			"claim {claim}: {} claims segments {} to {} for {}",
			who("transcoder"),
			event.fields["first"],
			event.fields["last"],
			eth("fee")
		),
		("Jobs", "ClaimSettled") => {
			format!("claim {claim}: {} of {}", event.fields["settlement"], eth("fee"))
		}
		("Jobs", "JobClosed") => "job closed".to_owned(),
		("ChallengeLottery", "Drawn") => format!("claim {claim}: segments and committee drawn"),
		("ChallengeLottery", "LeafRevealed") => {
			format!("claim {claim}: leaf {} revealed", event.fields["index"])
		}
		("ChallengeLottery", "VariantsOpened") => {
			let (forced, drawn) = count_due(&event.fields);
			format!("claim {claim}: {forced} of {drawn} drawn segments had to have a variant")
		}
		("ChallengeLottery", "VerdictRevealed") => {
			format!("claim {claim}: {} says {}", who("verifier"), event.fields["verdicts"])
		}
		("ChallengeLottery", "Decided") => format!("claim {claim}: {}", event.fields["outcome"]),
		("LptStaking", "Slashed") => format!("{} loses {}", who("transcoder"), lpt("total")),
		_ => return None,
	})
}

/// What the story calls an account; the account itself where it has no name for it.
pub fn name_of(account: &str) -> String {
	network::ACCOUNTS
		.into_iter()
		.find(|name| {
			network::account(name)
				.is_ok_and(|a| format!("0x{}", hex::encode::<[u8; 32]>(a.into())) == account)
		})
		.unwrap_or(account)
		.to_owned()
}

/// Asks for a page and fails unless it comes.
async fn request(url: &str) -> Result<()> {
	get(url).await.map(drop)
}

/// Asks for something and fails unless it comes.
pub async fn get(url: &str) -> Result<Vec<u8>> {
	let (host, path) = url
		.strip_prefix("http://")
		.and_then(|rest| rest.split_once('/'))
		.context("a URL without a path")?;
	let mut stream = TcpStream::connect(host).await?;
	let request = format!("GET /{path} HTTP/1.0\r\nHost: {host}\r\n\r\n");
	stream.write_all(request.as_bytes()).await?;
	let mut answer = Vec::new();
	stream.read_to_end(&mut answer).await?;
	let head = answer.windows(4).position(|window| window == b"\r\n\r\n").context("no answer")?;
	let first = String::from_utf8_lossy(&answer[..head]);
	ensure!(first.contains(" 200 "), "{}", first.lines().next().unwrap_or("no answer"));
	Ok(answer.split_off(head + 4))
}

/// A command that runs beside the story and is judged at its end.
struct Probe {
	check: &'static str,
	child: Child,
}

impl Probe {
	/// Starts `command` with `argument` at its end.
	fn begin(check: &'static str, command: &str, argument: &str) -> Result<Self> {
		let child = Command::new("sh")
			.arg("-c")
			.arg(format!("{command} {argument}"))
			.stdin(Stdio::null())
			.stdout(Stdio::piped())
			.stderr(Stdio::piped())
			.spawn()
			.with_context(|| format!("cannot run {command}"))?;
		Ok(Self { check, child })
	}

	/// Waits until it ends; its check, and whether it succeeded with what it said.
	fn end(self) -> (&'static str, Result<(bool, String)>) {
		let output = self.child.wait_with_output().map(|output| {
			let text = String::from_utf8_lossy(&output.stdout).trim().to_owned()
				+ String::from_utf8_lossy(&output.stderr).trim();
			(output.status.success(), text)
		});
		(self.check, output.map_err(Into::into))
	}
}

async fn probe(report: &mut Report, name: &'static str, command: &str, argument: &str) {
	let begun = Probe::begin(name, command, argument);
	let ended = tokio::task::spawn_blocking(|| begun.and_then(|probe| probe.end().1)).await;
	report.probed(name, ended.unwrap_or_else(|error| Err(error.into())));
}

/// Reads the whole stream as a player would, every rendition by its own playlist.
fn play(report: &mut Report, playlist: &str, expected: Option<u32>) {
	let output = Command::new("ffprobe")
		.args(["-v", "error", "-live_start_index", "0", "-count_packets", "-of", "json"])
		.args([
			"-show_entries",
			"program=program_id:stream=codec_name,width,height,nb_read_packets",
		])
		.arg(playlist)
		.stdin(Stdio::null())
		.output();
	let output = match output {
		Ok(output) => output,
		Err(error) => return report.check("every rendition plays", false, error.to_string()),
	};
	let parsed: Json = serde_json::from_slice(&output.stdout).unwrap_or_default();
	report.playback = parsed["streams"].as_array().cloned().unwrap_or_default();
	let pictures: Vec<u64> = report
		.playback
		.iter()
		.filter(|s| s["codec_name"] == "h264")
		.filter_map(|s| s["nb_read_packets"].as_str()?.parse().ok())
		.collect();
	// What is published live has as many as were sent: the same in each rendition.
	let expected = expected.map_or(pictures.first().copied().unwrap_or(0), u64::from);
	let whole = expected > 0 && pictures.iter().all(|n| *n == expected);
	report.check(
		"every rendition plays",
		output.status.success() && whole,
		format!("{pictures:?} of {expected} pictures per rendition"),
	);
}

pub fn read_events(path: &Path) -> Vec<Json> {
	fs::read_to_string(path)
		.unwrap_or_default()
		.lines()
		.filter_map(|line| serde_json::from_str(line).ok())
		.collect()
}

pub fn count_events(network: &Network, role: &str, event: &str) -> usize {
	let needle = format!("\"event\":\"{event}\"");
	let text = fs::read_to_string(network.events_file(role)).unwrap_or_default();
	text.lines().filter(|line| line.contains(&needle)).count()
}

fn read_segments(network: &Network) -> Vec<Json> {
	let mut segments: Vec<Json> = read_events(&network.events_file("broadcast"))
		.into_iter()
		.filter(|event| event["event"] == "segment_returned")
		.collect();
	segments.sort_by_key(|segment| segment["seq"].as_u64());
	segments
}

/// How many bytes each verify worker fetched over the network.
fn read_fetches(network: &Network) -> BTreeMap<String, (usize, u64)> {
	network::VALIDATORS
		.into_iter()
		.map(|name| {
			let role = format!("verify-{name}");
			let events = read_events(&network.events_file(&role));
			let fetched = events.iter().filter(|event| event["event"] == "fetched");
			let bytes = fetched.clone().filter_map(|event| event["len"].as_u64()).sum();
			(role, (fetched.count(), bytes))
		})
		.collect()
}

fn judge(
	report: &mut Report,
	watch: &Watch,
	fetched: &BTreeMap<String, (usize, u64)>,
	args: &Args,
	cut: u64,
) {
	let claims = std::mem::take(&mut report.claims);
	let count = |outcome: &str| {
		claims.iter().filter(|claim| claim.outcome.as_deref() == Some(outcome)).count()
	};
	let voters: BTreeSet<String> = claims
		.iter()
		.flat_map(|claim| claim.verdicts.iter())
		.filter_map(|verdict| verdict["verifier"].as_str().map(name_of))
		.collect();
	let account =
		|name: &str| watch.accounts.iter().find(|a| a.name == name).cloned().unwrap_or_default();
	let parse = |text: &str| text.parse::<u128>().unwrap_or(0);
	let slashes = watch.others.get("LptStaking.Slashed").cloned().unwrap_or_default();
	let gained = |name: &str| {
		let a = account(name);
		parse(&a.after.fees).saturating_sub(parse(&a.before.fees))
	};
	// What of the claims' escrow was paid for this, to one account or to all.
	let escrowed = |reason: &str, to: Option<&str>| -> u128 {
		let events = claims.iter().flat_map(|claim| &claim.events);
		let paid = events.filter(|e| e["name"] == "EscrowPaid" && e["fields"]["reason"] == reason);
		let account = |e: &Json| name_of(e["fields"]["account"].as_str().unwrap_or_default());
		let wanted = paid.filter(|e| to.is_none_or(|to| account(e) == to));
		wanted.map(|e| amount(&e["fields"]["amount"])).sum()
	};
	let transcoders = || network::TRANSCODERS.into_iter();
	let returned: BTreeSet<u64> =
		report.segments.iter().filter_map(|segment| segment["seq"].as_u64()).collect();
	let segments = if args.live.is_some() { cut } else { args.segments.into() };
	report.check(
		"every segment came back",
		returned.len() as u64 == segments,
		format!("{} of {segments}", returned.len()),
	);
	let slashed: BTreeSet<String> = slashes
		.iter()
		.map(|e| name_of(e.fields["transcoder"].as_str().unwrap_or_default()))
		.collect();
	let guilty: BTreeSet<String> =
		args.cheat.and_then(Cheat::judge).into_iter().map(str::to_owned).collect();
	report.losses = losses(&claims);
	let penalised: BTreeSet<String> = report
		.losses
		.iter()
		.filter(|loss| !loss.penalties.is_empty())
		.map(|loss| loss.name.clone())
		.collect();
	report.check(
		"no honest judge is penalised",
		penalised.is_subset(&guilty),
		format!("{penalised:?} of {voters:?}"),
	);
	let cheat = args.cheat.filter(|cheat| cheat.judge().is_none());
	if cheat.is_none() {
		report.check(
			"at least two claims accepted",
			count("Accepted") >= 2,
			format!("{} of {}", count("Accepted"), claims.len()),
		);
		report.check(
			"no claim failed or missed",
			count("Failed") + count("Missed") + count("Void") == 0,
			String::new(),
		);
		let claimed: u64 = claims
			.iter()
			.filter_map(|claim| {
				let seq = |field: &str| claim.claimed[field].as_u64();
				Some(seq("last")? + 1 - seq("first")?)
			})
			.sum();
		report.check(
			"every segment was claimed",
			// Two transcoders may have worked at one when the job was handed on.
			claimed == segments || args.kill && claimed > segments,
			format!("{claimed} of {segments}"),
		);
		if args.variants > 0 {
			let is_opened = |claim: &&Claim| claim.blocks.contains_key("VariantsOpened");
			let opened = claims.iter().filter(is_opened).count();
			report.check(
				"the variants of every claim were opened",
				opened == claims.len(),
				format!("{} were due", claims.iter().map(due_variants).sum::<usize>()),
			);
		}
		report.check(
			"fees reach a transcoder",
			transcoders().any(|t| gained(t) > 0),
			format!("{:?}", transcoders().map(gained).collect::<Vec<_>>()),
		);
		report.check(
			"fees reach a delegator",
			network::DELEGATORS.into_iter().any(|d| gained(d) > 0),
			format!("{:?}", network::DELEGATORS.map(gained)),
		);
		let check = match guilty.is_empty() {
			true => "nobody is slashed",
			false => "the judge that misbehaves is slashed, and nobody else",
		};
		report.check(check, slashed == guilty, format!("{slashed:?}"));
	}
	let verdict = args.cheat.and_then(Cheat::verdict);
	if let Some(verdict) = verdict {
		let named = claims.iter().flat_map(|c| &c.verdicts);
		let named = named.filter(|v| v.to_string().contains(verdict)).count();
		report.check("what is wrong is named", named > 0, format!("{named} verdicts of {verdict}"));
	}
	if let Some(cheat) = cheat {
		let outcome = cheat.outcome();
		let refunded = claims.iter().filter(|c| c.outcome.as_deref() == Some(outcome)).all(|c| {
			c.events
				.iter()
				.any(|e| e["name"] == "ClaimSettled" && e["fields"]["settlement"] == "Refund")
		});
		report.check(
			"at least one claim ends as it must",
			count(outcome) >= 1,
			format!("{outcome}: {} of {}", count(outcome), claims.len()),
		);
		let accepted = claims.iter().filter(|claim| claim.outcome.as_deref() == Some("Accepted"));
		let spoilt = accepted.filter(|claim| cheat.is_everywhere() || due_variants(claim) > 0);
		let spoilt = spoilt.count();
		report.check("no claim that is spoilt was accepted", spoilt == 0, format!("{spoilt}"));
		report.check("the escrow went back to the broadcaster", refunded, String::new());
		let lost: u128 = slashes.iter().filter_map(|e| e.amount("total")).sum();
		report.check("stake was slashed after the deferral", lost > 0, format!("{lost}"));
		let claimants: BTreeSet<String> = claims
			.iter()
			.filter_map(|claim| claim.claimed["transcoder"].as_str().map(name_of))
			.collect();
		report.check(
			"who cheated is slashed, and nobody else",
			!slashed.is_empty() && slashed.is_subset(&claimants),
			format!("{slashed:?} of {claimants:?}"),
		);
		report.check(
			"the cheat earned nothing",
			// But what it is paid for judging what others did. What it could not spoil is work like any.
			!cheat.is_everywhere()
				|| transcoders().all(|t| gained(t) <= escrowed("Verification", Some(t))),
			format!("{:?}", transcoders().map(gained).collect::<Vec<_>>()),
		);
	}
	watch.longest.check(report, &claims);
	let announced = watch.others.get("OperatorKeys.KeysSet").map_or(0, Vec::len);
	report.check(
		"the transcoders' keys were exchanged while they were claiming",
		announced >= network::TRANSCODERS.len(),
		format!("{announced} generations announced during the stream"),
	);
	let is_judged = args.cheat != Some(Cheat::Unrevealed);
	report.check(
		"validators' verdicts come from at least three verify workers",
		voters.len() >= 3 || !is_judged,
		format!("{voters:?}"),
	);
	let is_looked_at = args.cheat.is_none_or(Cheat::is_looked_at);
	let all_fetched = voters
		.iter()
		.all(|name| fetched.get(&format!("verify-{name}")).is_some_and(|(n, _)| *n > 0));
	report.check(
		"every verdict rests on bytes that came over libp2p",
		(!voters.is_empty() && all_fetched) || !is_looked_at,
		format!("{fetched:?}"),
	);
	// Without a bridge LPT comes by inflation alone, and ETH neither comes nor goes.
	let same = |pair: &(String, String)| pair.0 == pair.1;
	let rounds = watch.others.get("Inflation.RoundPaid").cloned().unwrap_or_default();
	let minted: u128 = rounds.iter().filter_map(|e| e.amount("minted")).sum();
	let (before, after) = report.chain.lpt_issuance.clone();
	report.check(
		"no LPT came or went but by inflation",
		parse(&after) == parse(&before) + minted,
		format!("{before} before, {after} after, {minted} minted"),
	);
	report.check(
		"no ETH came or went",
		same(&report.chain.eth_issuance),
		format!("{:?}", report.chain.eth_issuance),
	);
	let paid: u128 = claims
		.iter()
		.flat_map(|c| &c.events)
		.filter(|e| e["name"] == "ClaimSettled" && e["fields"]["settlement"] == "Pay")
		.map(|e| amount(&e["fields"]["fee"]))
		.sum();
	let ferdie = account(network::BROADCASTER);
	let spent = parse(&ferdie.before.eth).saturating_sub(parse(&ferdie.after.eth));
	let expected = paid + sent_by_broadcaster(watch);
	report.check(
		"the broadcaster spent exactly the accepted fees",
		spent == expected,
		format!("{spent} spent, {paid} in fees"),
	);
	let earned: u128 = network::ACCOUNTS.into_iter().map(gained).sum();
	// What a transcoder could not prepay of the verification was taken out of its fee.
	let (fees, verified) = (escrowed("Fee", None), escrowed("Verification", None));
	let owed = fees + verified;
	// Each distribution may leave a unit or two of dust in the pot: rounding is against claimants.
	report.check(
		"every fee arrived",
		owed >= earned && owed - earned <= 1_000,
		format!("{fees} paid and {verified} for verification, {earned} owed to accounts"),
	);
	report.claims = claims;
}

/// ETH that the chain test sent away from the broadcaster.
fn sent_by_broadcaster(watch: &Watch) -> u128 {
	let broadcaster = network::account(network::BROADCASTER)
		.map(|a| format!("0x{}", hex::encode::<[u8; 32]>(a.into())))
		.unwrap_or_default();
	watch
		.others
		.get("Assets.Transferred")
		.into_iter()
		.flatten()
		.filter(|event| event.fields["from"].as_str() == Some(&broadcaster))
		.filter(|event| {
			network::ACCOUNTS
				.contains(&name_of(event.fields["to"].as_str().unwrap_or_default()).as_str())
		})
		.filter_map(|event| event.amount("amount"))
		.sum()
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn claims_should_be_held_to_the_blocks_that_they_can_take() {
		let longest = Longest { judgement: 30, life: 40 };
		let claim = |decided: u32, settled: u32| Claim {
			blocks: [("Claimed", 100), ("Drawn", 110), ("Decided", decided)]
				.into_iter()
				.chain((settled > 0).then_some(("ClaimSettled", settled)))
				.map(|(step, block)| (step.to_owned(), block))
				.collect(),
			draw_to_decision_blocks: Some(decided - 110),
			..Default::default()
		};
		for (claims, passed) in [
			(vec![claim(120, 140), claim(130, 140)], true),
			(vec![claim(131, 140)], false),
			(vec![claim(120, 141)], false),
			(vec![claim(120, 140), claim(120, 0)], false),
		] {
			let mut report = Report::default();
			longest.check(&mut report, &claims);
			assert_eq!(report.checks[0].passed, passed, "{}", report.checks[0].detail);
			let most = claims.iter().filter_map(|claim| claim.draw_to_decision_blocks).max();
			assert_eq!(
				report.figures.get("draw_to_decision_blocks_95").copied(),
				most.map(u64::from)
			);
		}
	}

	#[test]
	fn variants_that_were_due_should_be_counted_however_many_segments_were_drawn() {
		for (due, counted) in [
			(json!([null, 0, null, 1]), (2, 4)),
			(json!([null, null]), (0, 2)),
			// Of one drawn segment.
			(json!(0), (1, 1)),
			(json!(null), (0, 1)),
		] {
			assert_eq!(count_due(&json!({ "due": due })), counted, "{due}");
		}
	}
}
