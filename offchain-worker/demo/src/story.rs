//! One run: brings up the network, streams, watches until everything is settled, checks, reports.

use std::{
	fs,
	path::Path,
	time::{Duration, Instant},
};

use anyhow::{bail, Context, Result};
use tokio::time::sleep;

use crate::{
	bridge::Bridge,
	chain::Chain,
	cheat::Cheat,
	drill::Drill,
	judging::{judge, judge_again},
	live::{self, Live},
	losses::sentence,
	machine::Load,
	network::Network,
	probe::{count_events, play, probe, read_segments, Probe, Told},
	report::{Report, SCHEMA},
	source,
	watch::Watch,
	words::brief,
	Args,
};

/// How long the chain may take to finalise its first block.
const FINALITY_PATIENCE: Duration = Duration::from_secs(120);
/// The check of the bridge's command.
const BRIDGED: &str = "ETH and LPT come over the bridge, and earnings go back";

/// Runs the demo; `Ok(false)` if a check failed.
pub async fn run(args: &Args) -> Result<bool> {
	if let Some(protocol) = args.live.filter(|_| args.once) {
		live::ensure_publisher(protocol)?;
	}
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

	if let Some(cheat) = args.cheat {
		say(&format!("the cheat of this story: {}", cheat.deed()));
	}
	if let Some(load) = Load::now().filter(Load::is_taken) {
		say(&load.warning());
	}
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
	say(&format!(
		"first final block after {:.1} s; starting the workers",
		report.seconds_to_finality
	));
	let mut bridge = None;
	if let Some(command) = &args.bridge {
		say("nobody has ETH yet; some comes over a bridge from a simulated Ethereum");
		let mut begun = Bridge::begin(command, &network.rpc(), &network.logs())?;
		begun.fund(&mut network).await?;
		bridge = Some(begun);
	}
	say("the owners' wallets authorise the workers' keys");
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
	conclude(args, &chain, &mut network, &mut watch, &mut report, bridge, finished.is_ok()).await?;
	report.figure("streams", Some(args.streams.into()));
	report.figure("load_permille", Load::now().map(|load| (load.story * 1_000.0) as u64));
	report.segments = read_segments(&network);
	let told = Told::read(&network);
	report
		.probed("no process or file holds the secret key of a wallet", network.look_for_secrets());
	report.processes = network.stop();
	if args.live.is_none() {
		count_processors(&mut report, args.segments);
	}
	report.seconds = started.elapsed().as_secs_f64();
	judge(&mut report, &watch, &told, args);
	report.passed = report.checks.iter().all(|check| check.passed);
	tell(&report, args.report.as_deref())?;
	Ok(report.passed)
}

/// What is checked when the stream is over, or has failed, while the network still runs.
async fn conclude(
	args: &Args,
	chain: &Chain,
	network: &mut Network,
	watch: &mut Watch,
	report: &mut Report,
	bridge: Option<Bridge>,
	is_over: bool,
) -> Result<()> {
	if let Some(command) = args.chain_test.as_deref().filter(|_| is_over) {
		probe(report, "an independent client reads the chain", command, &network.rpc()).await;
		watch.catch_up(chain).await?;
	}
	watch.finish(chain, report).await?;
	if let Some((claim, writer)) = watch.case.take() {
		let judged = judge_again(network, claim, writer);
		report
			.probed("a claim judged again from its case file alone gets the same verdict", judged);
	}
	for (check, output) in watch.probes.drain(..).map(Probe::end) {
		report.probed(check, output);
	}
	if args.upgrade.is_some() {
		let running = network.running();
		report.check(
			"no process restarts for the upgrade",
			!running.is_empty() && running == watch.running,
			format!("{} processes", running.len()),
		);
	}
	if let Some(drill) = &mut watch.drill {
		drill.check(report).await;
	}
	if let Some(live) = &mut watch.live {
		live.check(network, report);
	}
	if is_over {
		let skipped = count_events(network, "broadcast", "segment_skipped") as u32;
		let published = args.segments.saturating_sub(skipped);
		let expected = args.live.is_none().then_some(published * source::PICTURES_PER_SEGMENT);
		play(report, &network.playlist(), expected);
	}
	if let Some(bridge) = bridge.filter(|_| is_over) {
		say("earnings go back over the bridge");
		report.probed(BRIDGED, bridge.settle(network).await);
	}
	for role in network.broadcasters().iter().skip(1) {
		let back = count_events(network, role, "segment_returned");
		report.check(
			"every segment of a further stream came back",
			back >= args.segments as usize,
			format!("{role}: {back} of {}", args.segments),
		);
	}
	Ok(())
}

/// The processor time of the judges' and the transcoders' processes for a second of the stream.
fn count_processors(report: &mut Report, segments: u32) {
	// It includes each one's start: golden vectors, tables.
	for (figure, role) in
		[("judges_processor_permille", "verify-"), ("transcoders_processor_permille", "transcode-")]
	{
		let of_role = report.processes.iter().filter(|process| process.name.starts_with(role));
		let spent: f64 = of_role.map(|process| process.cpu_seconds).sum();
		let permille = spent * 1_000.0 / f64::from(segments * 2);
		report.figure(figure, Some(permille as u64));
	}
}

/// Prints how the story went, and writes the report if a file is named.
fn tell(report: &Report, path: Option<&Path>) -> Result<()> {
	println!();
	for check in &report.checks {
		// Of what does not hold everything is told.
		let (mark, detail) = match check.passed {
			true => ("ok", brief(&check.detail)),
			false => ("FAIL", check.detail.clone()),
		};
		let detail = if detail.is_empty() { detail } else { format!(" ({detail})") };
		println!("{mark:<4}  {}{detail}", check.name);
	}
	println!();
	for loss in &report.losses {
		println!("{}", sentence(loss, report.most_blocks));
	}
	println!("{} lost anything", if report.losses.is_empty() { "Nobody" } else { "Nobody else" });
	if let Some(path) = path {
		fs::write(path, serde_json::to_vec_pretty(report)?)
			.with_context(|| format!("cannot write {}", path.display()))?;
	}
	for remark in &report.remarks {
		println!("\n{remark}");
	}
	println!(
		"\n{} in {:.0} s",
		if report.passed { "The story holds" } else { "The story does not hold" },
		report.seconds
	);
	Ok(())
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
