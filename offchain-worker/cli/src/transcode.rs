//! `transcode`.

use std::{sync::Arc, time::Duration};

use anyhow::{ensure, Result};
use clap::Args;
use livepeer_primitives::Balance;
use livepeer_worker_core::{
	ports::{
		chain::Chain,
		clock::SystemClock,
		engine::MediaEngine,
		events::{Event, Warning},
		transport::{Service, Transport},
	},
	roles::transcode::{TranscodeConfig, TranscodeRole},
};
use livepeer_worker_media::PoolConfig;
use livepeer_worker_net::{peer_at, reach_of, Multiaddr, Net, NetLimits, Reach};

use crate::{
	bench::{self, WORK_PER_SECOND},
	keys::share,
	reach::{self, Reached},
	setup::{
		engine, stop_signal, unless_stopped, DialArgs, Home, HomeArgs, NetArgs, NodeArgs,
		OperatorArgs,
	},
	units::amount,
};

/// Arguments of `transcode`.
#[derive(Args, Debug)]
pub struct TranscodeArgs {
	/// Price of a standard segment (2 s of 720p30), in ETH [default: as registered, or 0.0001].
	#[arg(long, value_name = "ETH", value_parser = amount)]
	pub price: Option<Balance>,
	/// Own share of rewards, in percent [default: as registered, or 10].
	#[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(0..=100))]
	pub reward_cut: Option<u32>,
	/// Delegators' share of fees, in percent [default: as registered, or 50].
	#[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(0..=100))]
	pub fee_share: Option<u32>,
	/// Capacity to announce: how many standard segments (720p30) this machine encodes while one plays
	/// [default: measured at the start; `bench` prints it].
	#[arg(long, value_name = "STREAMS")]
	pub capacity: Option<u32>,
	/// Segments transcoded at a time [default: one per processor].
	#[arg(long)]
	pub parallel: Option<usize>,
	/// Memory that all segments in work may take together, in MiB [default: seven tenths of what the machine
	/// has, or the container or service may use]. Several roles on one machine do not know of each other:
	/// give each its part.
	#[arg(long, value_name = "MIB")]
	pub memory_mib: Option<u64>,
	/// Claim when this many segments are ready and the claim is worth it (--claim-worth).
	#[arg(long, value_name = "SEGMENTS", default_value_t = 8)]
	pub claim_leaves: u32,
	/// Claim when the oldest unclaimed segment has waited this long and the claim is worth it
	/// (--claim-worth).
	#[arg(long, value_name = "SECONDS", default_value_t = 60)]
	pub claim_wait: u64,
	/// Claim only when your own share of the fee is this many times the cost of the call, and verification
	/// takes at most 12 % of all work (if claims can be that long), or when as many segments wait as may. At
	/// a job's end, a claim that does not pay for its call is given up. With 0, no claim waits and none is
	/// given up.
	#[arg(long, value_name = "TIMES", default_value_t = 20)]
	pub claim_worth: u32,
	/// Folder and logs.
	#[command(flatten)]
	pub home: HomeArgs,
	/// The node.
	#[command(flatten)]
	pub node: NodeArgs,
	/// Whose role it is.
	#[command(flatten)]
	pub operator: OperatorArgs,
	/// The network.
	#[command(flatten)]
	pub net: NetArgs,
	/// Where peers are called.
	#[command(flatten)]
	pub dial: DialArgs,
}

/// Segments that may wait for each one in work.
const QUEUE_PER_PLACE: usize = 4;
/// Jobs of which a segment is in work at a time.
const MOST_JOBS: usize = 256;
/// How often others are asked again whether they reach this worker: a firewall or an address may have changed.
const LOOK_AGAIN: Duration = Duration::from_secs(3_600);
/// How long a missing seq may still arrive before a claim leaves it out.
const GAP_WAIT_MS: u64 = 10_000;

/// Replaces a part of the role.
pub type Swap<T> = Box<dyn FnOnce(Arc<T>) -> Arc<T> + Send>;

/// Parts of the role that an embedding program replaces; none by default.
pub struct Swaps {
	/// Instead of the engine.
	pub engine: Swap<dyn MediaEngine>,
	/// Instead of what answers peers.
	pub service: Swap<dyn Service>,
	/// Instead of the chain.
	pub chain: Swap<dyn Chain>,
}

impl Default for Swaps {
	fn default() -> Self {
		Self {
			engine: Box::new(|engine| engine),
			service: Box::new(|service| service),
			chain: Box::new(|chain| chain),
		}
	}
}

/// Transcodes until it is stopped.
pub async fn run(args: TranscodeArgs, swaps: Swaps) -> Result<()> {
	let mut stop = stop_signal()?;
	let home = args.home.open().await?;
	home.ready.waits_for_registration();
	// The swarm must live as long as the role runs.
	let started = unless_stopped(&mut stop, start(&args, &home, swaps)).await?;
	if let Some((role, net, chain)) = started {
		let record = net.service_record();
		tokio::select! {
			served = role.serve(&record, stop) => served?,
			() = look_again(&args, &home, &*chain, &net) => {}
		}
	}
	home.events.emit(Event::Stopped);
	Ok(())
}

/// Has peers try the published addresses. An address that no peer reaches is not registered; if it is
/// registered already, the operator is warned.
async fn look_from_outside(
	args: &TranscodeArgs,
	home: &Home,
	chain: &dyn Chain,
	net: &Net,
	is_new: bool,
) -> Result<()> {
	if chain.is_for_tests() || args.net.announce_anything {
		return Ok(());
	}
	let peer = net.peer_id();
	let helpers = reach::helpers(chain, &peer).await;
	let addresses =
		if args.net.announce.is_empty() { net.listening() } else { &args.net.announce[..] };
	// The address of the account's judge is not this worker's.
	let is_own = |address: &&Multiaddr| peer_at(address).is_none_or(|at| at == peer);
	let addresses = addresses.iter().filter(is_own);
	for address in addresses.filter(|address| reach_of(address) == Reach::Others) {
		match reach::ask(net, &helpers, &peer, address).await {
			Reached::By(who) => tracing::info!(%address, who, "others reach this worker"),
			Reached::Unknown(why) => {
				tracing::warn!(%address, ?why, "no peer says whether it reaches this worker");
			}
			Reached::NotBy(who) => {
				let text = format!(
					"{address} is not reached by {}: open its port to the world, or give the right address by --announce; judges that do not reach it have the stake slashed",
					who.join(" and ")
				);
				ensure!(!is_new, "{text} (or --announce-anything to publish it all the same)");
				tracing::error!("{text}");
				home.events.emit(Event::Warned { what: Warning::Unreachable, text });
			}
		}
	}
	Ok(())
}

/// Has peers try the addresses again and again, and never ends.
async fn look_again(args: &TranscodeArgs, home: &Home, chain: &dyn Chain, net: &Net) {
	loop {
		tokio::time::sleep(LOOK_AGAIN).await;
		if let Err(error) = look_from_outside(args, home, chain, net, false).await {
			tracing::warn!(%error, "nobody could be asked whether this worker is reached");
		}
	}
}

/// Everything up to the registration.
async fn start(
	args: &TranscodeArgs,
	home: &Home,
	swaps: Swaps,
) -> Result<(Arc<TranscodeRole>, Net, Arc<dyn Chain>)> {
	let (keys, own) = (args.operator.keyring()?, args.operator.own()?);
	let account = keys.account().clone();
	let mut pool = PoolConfig::default().within(args.memory_mib);
	let parallel = args.parallel.unwrap_or(pool.live).max(1);
	// The role shares the places among jobs, and each job has one more; memory bounds all of them.
	pool.live = parallel.saturating_add(MOST_JOBS);
	// Viewers wait for each segment: an idle machine makes it sooner with several children.
	pool.divide = parallel;
	let engine = (swaps.engine)(Arc::new(engine(pool).await?));
	let chain = (swaps.chain)(args.node.connect_home(home, own).await?);

	let capacity = match args.capacity {
		Some(streams) => u64::from(streams).saturating_mul(WORK_PER_SECOND),
		None => {
			let speed = bench::measure().await?;
			let (capacity, processors) = (speed.capacity, speed.processors);
			tracing::info!(capacity, processors, "work per second, as measured");
			capacity
		}
	};
	let registered = chain.transcoder(&account).await?;
	let config = TranscodeConfig {
		price: args
			.price
			.or(registered.as_ref().map(|view| view.price))
			.unwrap_or(livepeer_primitives::UNIT / 10_000),
		reward_cut: share(args.reward_cut, registered.as_ref().map(|view| view.reward_cut), 10),
		fee_share: share(args.fee_share, registered.as_ref().map(|view| view.fee_share), 50),
		capacity,
		parallel,
		queue: parallel * QUEUE_PER_PLACE,
		claim_leaves: args.claim_leaves.max(1),
		claim_wait_ms: args.claim_wait.saturating_mul(1_000),
		claim_worth: args.claim_worth,
		gap_wait_ms: GAP_WAIT_MS,
	};
	// One peer may have half of these requests, which is one more than the role takes, including one of each
	// job. So the role itself refuses the excess, by each job's queue, and tells its operator. Bytes are
	// bounded separately.
	let queued = config.parallel.saturating_add(config.queue);
	let more = queued.saturating_add(MOST_JOBS).saturating_add(1);
	let limits = NetLimits { pushes: more.saturating_mul(2), ..Default::default() };
	let role = Arc::new(TranscodeRole::new(
		keys,
		chain.clone(),
		home.store.clone(),
		engine,
		home.events.clone(),
		Arc::new(SystemClock::default()),
		config,
	));
	let net =
		args.net.start(home, &*chain, (swaps.service)(role.clone()), limits, args.dial).await?;
	let published = net.service_record();
	let is_new = registered.as_ref().is_none_or(|view| view.service != published);
	look_from_outside(args, home, &*chain, &net, is_new).await?;
	home.events.emit(Event::Started {
		account: Some(account.to_string()),
		peer_id: Some(net.peer_id().to_string()),
		listen: net.listening().iter().map(ToString::to_string).collect(),
	});
	Ok((role, net, chain))
}
