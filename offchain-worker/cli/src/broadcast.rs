//! `broadcast SOURCE`.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{ensure, Context, Result};
use clap::{Args, ValueEnum};
use livepeer_primitives::{
	segment::stream_id,
	video::{
		Ladder, Rendition, SourceLimits, LONGEST_SEGMENT, MAX_FPS, MAX_SIDE, TICKS_PER_SECOND,
	},
	AccountId, Balance, BlockNumber, JobId, Seq, MAX_RENDITIONS,
};
use livepeer_worker_chain::SubxtChain;
use livepeer_worker_core::{
	key::Key,
	ports::{
		chain::{At, Chain},
		clock::SystemClock,
		events::Event,
		store::Streams,
		transport::Transport,
	},
	roles::broadcast::{check_stream, Broadcaster, OpenStream, Origin, SourceSegment, StreamSpec},
	rules::ts::describe,
};
use livepeer_worker_media::{Engine, MediaPool, PoolConfig, Priority, SegmentOptions, Shape};
use livepeer_worker_net::{record_at, Multiaddr, NetLimits};
use tokio::{
	sync::{mpsc, watch},
	time::Instant,
};

use crate::{
	setup::{
		read_key, stop_signal, stopped, unless_stopped, DialArgs, Home, HomeArgs, NetArgs,
		NodeArgs, OperatorArgs,
	},
	source::{Rest, Source, SourceArgs},
	units::{amount, multiaddr, rendition, ticks},
};

/// How fast a file is streamed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Rate {
	/// As a camera would send it.
	Realtime,
	/// As fast as segments come back.
	Max,
}

/// Arguments of `broadcast`.
#[derive(Args, Debug)]
pub struct BroadcastArgs {
	/// What is streamed.
	#[command(flatten)]
	pub source: SourceArgs,
	/// The stream's name, part of its URL.
	#[arg(long)]
	pub name: String,
	/// Rendition of the ladder, as WIDTHxHEIGHT@KBITSk; append :CAPk for a higher peak and /1 for profile 1.
	/// May be given several times.
	#[arg(
		long = "rendition",
		value_name = "RENDITION",
		value_parser = rendition,
		default_values = ["640x360@800k", "426x240@400k"]
	)]
	pub ladder: Vec<Rendition>,
	/// The highest price of a standard segment (2 s of 720p30), in ETH.
	#[arg(long, value_name = "ETH", value_parser = amount, default_value = "0.001")]
	pub max_price: Balance,
	/// Budget of the job, in ETH; the rest comes back.
	#[arg(long, value_name = "ETH", value_parser = amount, default_value = "1")]
	pub budget: Balance,
	/// Blocks until the job expires.
	#[arg(
		long,
		value_name = "BLOCKS",
		default_value_t = 3_600,
		value_parser = clap::value_parser!(BlockNumber).range(1..)
	)]
	pub lasts: BlockNumber,
	/// Repeat the file until the job ends (`--lasts`).
	#[arg(long = "loop", conflicts_with = "plays")]
	pub endless: bool,
	/// How many times the file is played.
	#[arg(long, default_value_t = 1)]
	pub plays: u32,
	/// How fast the file is streamed.
	#[arg(long, value_enum, default_value = "realtime")]
	pub rate: Rate,
	/// How many of the newest segments are kept for gateways.
	#[arg(long, value_name = "SEGMENTS", default_value_t = 1_800)]
	pub keep: u64,
	/// Seconds for which a finished stream is still served to gateways.
	#[arg(long, value_name = "SECONDS", default_value_t = 3_600)]
	pub linger: u64,
	/// Folder and logs.
	#[command(flatten)]
	pub home: HomeArgs,
	/// The node.
	#[command(flatten)]
	pub node: NodeArgs,
	/// The longest segment, in seconds, at most 10; files with keyframes further apart need more.
	#[arg(long, value_name = "SECONDS", default_value = "2.5", value_parser = ticks)]
	pub longest: u32,
	/// Sign no segment below this number. Needed if the stream ran before, nothing of it is stored here, and
	/// no peer knows how far it came.
	#[arg(long, value_name = "SEQ")]
	pub above: Option<Seq>,
	/// Gateway to ask how far the stream came if nothing of it is stored here, as a multiaddress that ends in
	/// /p2p/PEER; may be given several times.
	#[arg(long, value_name = "MULTIADDR", value_parser = multiaddr)]
	pub ask: Vec<Multiaddr>,
	/// Take up this job, which the account's wallet opened for the stream and for which nothing is signed
	/// yet. No spending key is needed then. A run that continues the job may give it too.
	#[arg(long, value_name = "JOB")]
	pub job: Option<JobId>,
	/// Whose stream it is, and what signs its segments.
	#[command(flatten)]
	pub operator: OperatorArgs,
	/// File with the secret of a spending key, which opens and ends the job if the account's own key is
	/// elsewhere.
	#[arg(long, value_name = "FILE")]
	pub spending_key_file: Option<PathBuf>,
	/// The network.
	#[command(flatten)]
	pub net: NetArgs,
	/// Where peers are called.
	#[command(flatten)]
	pub dial: DialArgs,
}

/// How long a stopped stream may take to end. Segments under way are waited for that long. If the node is
/// away meanwhile, the next run ends the job.
const LAST: Duration = Duration::from_secs(15);

/// Changes each segment between its cut and its signature.
pub type Change = Box<dyn FnMut(SourceSegment) -> SourceSegment + Send>;

/// A stream that can run.
struct Ready {
	broadcaster: Broadcaster,
	open: OpenStream,
	source: Source,
}

/// Streams a source. With `change`, an embedding program may have something else signed than was cut.
pub async fn run(args: BroadcastArgs, change: Change) -> Result<()> {
	let mut stop = stop_signal()?;
	let home = args.home.open().await?;
	if let Some(ready) = unless_stopped(&mut stop, start(&args, &home)).await? {
		stream(&args, ready, change, stop).await?;
	}
	home.events.emit(Event::Stopped);
	Ok(())
}

/// Everything up to the open job.
async fn start(args: &BroadcastArgs, home: &Home) -> Result<Ready> {
	let keys = args.operator.keyring()?;
	let account = keys.account().clone();
	let spends = match &args.spending_key_file {
		Some(path) => Some(read_key(path)?),
		None => args.operator.own()?,
	};
	ensure!(
		spends.is_some() || args.job.is_some(),
		"a key that spends is needed: give --spending-key-file, or --job with a job that a wallet opened"
	);
	// Checked before waiting for a node or a publisher; the ladder is checked again when the source is known.
	let smallest = SourceLimits { longest: args.longest, ..SourceLimits::new(1, 1, 1) };
	check_stream(&args.name, &bought(&args.ladder, &[], 0)?, &smallest)?;
	let ask = args.ask.iter().map(record_at).collect::<Result<Vec<_>, _>>()?;
	// Nobody judges the segments that are cut.
	let pool = MediaPool::new(PoolConfig { attested: false, ..Default::default() });
	// A live source that continues keeps to the limits that its job was opened with.
	let (early, job) = match args.source.is_live() && args.source.limits.is_none() {
		true => earlier(args, home, &account, spends.clone()).await?,
		false => (None, None),
	};
	let options = SegmentOptions {
		fit: job.map(|job| Shape { width: job.width, height: job.height, fps: job.fps }),
		plays: if args.endless { None } else { Some(args.plays.max(1)) },
		longest: job.map_or(args.longest, |job| args.longest.min(job.longest)),
		..Default::default()
	};
	let source = args.source.begin(&pool, options, &home.dir).await?;
	// A live source is made to fit the given limits, or its job's, whatever its publisher sends first.
	let told = args.source.limits.or(options.fit).filter(|_| source.is_live);
	let limits = limits_of(&pool, &source, told, options.longest).await?;
	let own = own_sizes(&source);

	let chain = match early {
		Some(chain) => chain,
		None => args.node.connect_home(home, spends).await?,
	};
	let origin = Arc::new(Origin::new(home.store.clone()));
	let net =
		Arc::new(args.net.start(home, &*chain, origin, NetLimits::default(), args.dial).await?);
	home.events.emit(Event::Started {
		account: Some(account.to_string()),
		peer_id: Some(net.peer_id().to_string()),
		listen: net.listening().iter().map(ToString::to_string).collect(),
	});
	let broadcaster = Broadcaster::new(
		keys,
		chain,
		home.store.clone(),
		net as Arc<dyn Transport>,
		// Examines segments that a transcoder rejects.
		Arc::new(Engine::unattested(pool)),
		home.events.clone(),
		Arc::new(SystemClock::default()),
	);
	let spec = StreamSpec {
		name: args.name.clone(),
		// A job that is open already keeps the ladder that it was opened with.
		ladder: bought(&args.ladder, if args.job.is_none() { &own[..] } else { &[] }, own.len())?,
		limits,
		max_price: args.max_price,
		budget: args.budget,
		lasts: args.lasts,
		keep: args.keep,
		live: source.is_live,
		above: args.above,
		ask,
		job: args.job,
	};
	let open = broadcaster.open(&spec).await?;
	tracing::info!(job = open.job, stream = ?open.stream, "the stream is open");
	Ok(Ready { broadcaster, open, source })
}

/// The chain, and the limits of the job that this folder continues, if it ran the stream before.
async fn earlier(
	args: &BroadcastArgs,
	home: &Home,
	account: &AccountId,
	spends: Option<Key>,
) -> Result<(Option<Arc<SubxtChain>>, Option<SourceLimits>)> {
	let Some(state) = home.store.stream(stream_id(account, &args.name))? else {
		return Ok((None, None));
	};
	let chain = args.node.connect_home(home, spends).await?;
	let view = chain.job(At::Best, state.job).await?;
	let limits = view.filter(|view| !view.ended && !state.ended).map(|view| view.limits);
	Ok((Some(chain), limits))
}

/// Runs the stream, and serves it for a while after its end.
async fn stream(
	args: &BroadcastArgs,
	ready: Ready,
	change: Change,
	mut stop: watch::Receiver<bool>,
) -> Result<()> {
	let Ready { broadcaster, open, source } = ready;
	let (sender, receiver) = mpsc::channel(4);
	let had = open.complete.saturating_sub(open.first);
	let rate = if source.is_live { Rate::Max } else { args.rate };
	let cutting =
		tokio::spawn(cut(source.first, source.rest, change, had, rate, sender, stop.clone()));
	let mut told = stop.clone();
	let late = async {
		stopped(&mut told).await;
		tokio::time::sleep(LAST).await;
	};
	let summary = tokio::select! {
		summary = broadcaster.run(&open, receiver, stop.clone()) => summary?,
		() = late => {
			tracing::warn!("the stream could not be brought to an end in time; the next run goes on");
			return Ok(());
		},
	};
	cutting.await?;
	let (returned, skipped) = (summary.returned, summary.skipped);
	if summary.complete {
		tracing::info!(returned, skipped, "the stream is over");
		let _ = tokio::time::timeout(Duration::from_secs(args.linger), stopped(&mut stop)).await;
	} else {
		tracing::info!(returned, skipped, "stopped; the job stays open for the next run");
	}
	Ok(())
}

/// The sizes of the publisher's own renditions in the source's first segment.
fn own_sizes(source: &Source) -> Vec<(u32, u32)> {
	let own = source.first.iter().flat_map(|first| &first.own);
	own.filter_map(|own| describe(&own.bytes)).map(|described| described.size).collect()
}

/// The part of a ladder that is bought: the renditions that no rendition of the publisher's own, with these
/// sizes, replaces. A job needs at least one, so at least the smallest is bought. Of the `beside` own
/// renditions the stream takes as many as it has room for, so no publisher can prevent a stream by sending
/// too many.
fn bought(ladder: &[Rendition], own: &[(u32, u32)], beside: usize) -> Result<Ladder> {
	let most = MAX_RENDITIONS as usize;
	ensure!(
		ladder.len() <= most,
		"a job has at most {most} renditions: give --rendition fewer times"
	);
	// An own rendition without room replaces nothing.
	let mut own = own;
	let (bought, room) = loop {
		let bought = without(ladder, own);
		let room = most.saturating_sub(bought.len());
		match own.get(..room) {
			Some(fitting) if fitting.len() < own.len() => own = fitting,
			_ => break (bought, room),
		}
	};
	if beside > room {
		tracing::warn!(
			"the publisher sends {beside} renditions of its own, and beside those that are bought there is room for \
			 {room}: the others are left out; give --rendition fewer times"
		);
	}
	if !own.is_empty() {
		tracing::info!(
			?own,
			bought = ?bought.iter().map(|r| (r.width, r.height)).collect::<Vec<_>>(),
			"the publisher sends renditions of its own"
		);
	}
	bought.try_into().map_err(|_| anyhow::anyhow!("a job has at most {most} renditions"))
}

/// The renditions whose height is none of these sizes'; the smallest one if no other is left.
fn without(ladder: &[Rendition], own: &[(u32, u32)]) -> Vec<Rendition> {
	let has = |rendition: &Rendition| {
		own.iter().any(|(_, height)| *height == u32::from(rendition.height))
	};
	let (sent, mut bought): (Vec<_>, Vec<_>) = ladder.iter().copied().partition(has);
	if bought.is_empty() {
		bought.extend(sent.iter().min_by_key(|r| u32::from(r.width) * u32::from(r.height)));
	}
	bought
}

/// The limits that were given for the source; otherwise exactly what it is, because a job's largest fee
/// follows from them.
async fn limits_of(
	pool: &MediaPool,
	source: &Source,
	told: Option<Shape>,
	longest: u32,
) -> Result<SourceLimits> {
	let widest = SourceLimits {
		longest: LONGEST_SEGMENT,
		shortest: 0,
		..SourceLimits::new(MAX_SIDE, MAX_SIDE, MAX_FPS)
	};
	let mut shape = told.or(source.shape).unwrap_or(Shape { width: 1, height: 1, fps: 1 });
	if let (None, Some(first)) = (told, &source.first) {
		let facts = pool
			.probe(&first.bytes, &widest, Priority::Live)
			.await
			.context("the first segment of the source cannot be used")?;
		let (numerator, denominator) = facts.fps;
		let fps = numerator.div_ceil(denominator.max(1)).clamp(1, u32::from(MAX_FPS));
		let side = |pixels: u32| u16::try_from(pixels).unwrap_or(MAX_SIDE);
		shape.width = shape.width.max(side(facts.width));
		shape.height = shape.height.max(side(facts.height));
		shape.fps = shape.fps.max(fps as u16);
	}
	Ok(SourceLimits { longest, ..SourceLimits::new(shape.width, shape.height, shape.fps) })
}

/// Hands each segment on when a camera would have finished it. The first `had`, which came back in an earlier
/// run, go at once.
async fn cut(
	first: Option<SourceSegment>,
	mut segments: Rest,
	mut change: Change,
	mut had: u64,
	rate: Rate,
	sender: mpsc::Sender<Result<SourceSegment, String>>,
	mut stop: watch::Receiver<bool>,
) {
	let mut start = Instant::now();
	let mut ticks = 0u64;
	let mut next = match first {
		Some(first) => Some(Ok(first)),
		None => tokio::select! {
			next = segments.next() => next,
			() = stopped(&mut stop) => return,
		},
	};
	while let Some(segment) = next {
		let segment = match segment {
			Ok(segment) => change(segment),
			Err(error) => {
				let _ = sender.send(Err(error)).await;
				return;
			}
		};
		if had > 0 {
			had -= 1;
			start = Instant::now();
		} else if rate == Rate::Realtime {
			ticks += u64::from(segment.duration);
			let due =
				start + Duration::from_micros(ticks * 1_000_000 / u64::from(TICKS_PER_SECOND));
			tokio::select! {
				() = tokio::time::sleep_until(due) => {},
				() = stopped(&mut stop) => return,
			}
		}
		// The receiver is gone if the stream was stopped.
		if sender.send(Ok(segment)).await.is_err() {
			return;
		}
		next = tokio::select! {
			next = segments.next() => next,
			() = stopped(&mut stop) => return,
		};
	}
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;

	#[test]
	fn what_the_publisher_sends_should_not_be_bought() {
		let ladder = ["1280x720@3000k", "854x480@1200k", "640x360@800k"]
			.map(|text| rendition(text).unwrap());
		let heights = |own: &[(u32, u32)]| -> Vec<u16> {
			bought(&ladder, own, own.len()).unwrap().iter().map(|r| r.height).collect()
		};
		assert_eq!(heights(&[]), [720, 480, 360]);
		// It is the height by which players choose.
		assert_eq!(heights(&[(852, 480), (256, 144)]), [720, 360]);
		assert_eq!(heights(&[(1280, 720), (854, 480), (640, 360)]), [360], "a job needs one");
		let none = bought(&[ladder[0]; 9], &[], 0).unwrap_err().to_string();
		assert!(none.contains("give --rendition fewer times"), "{none}");
	}

	/// With `--own-rungs` the start waits for the first segment even if limits are given. A publisher that
	/// sends pictures too fast must neither cause a dearer job nor end one that could continue.
	#[tokio::test]
	async fn attack_first_segment_beyond_the_limits_that_are_told() {
		let (_sender, rest) = mpsc::channel(1);
		let first = SourceSegment {
			// Nobody looks at it.
			bytes: Vec::new(),
			duration: 180_000,
			time: 0,
			captured: 0,
			last: false,
			fresh: false,
			own: Vec::new(),
		};
		let shape = |fps| Shape { width: 640, height: 360, fps };
		let source = Source {
			first: Some(first),
			shape: Some(shape(60)),
			is_live: true,
			rest: Rest::Live(rest),
		};
		let pool = MediaPool::new(PoolConfig::default());
		let limits = limits_of(&pool, &source, Some(shape(30)), 540_000).await.unwrap();
		assert_eq!(
			(limits.width, limits.height, limits.fps, limits.longest),
			(640, 360, 30, 540_000)
		);
	}

	/// A publisher sends more renditions than there is room for, when the worker starts anew in the middle of
	/// its stream: there is a stream all the same, and what has no room is bought.
	#[test]
	fn attack_more_own_renditions_than_there_is_room_for() {
		let heights: Vec<u32> = (1..=8).map(|step| 90 * step).collect();
		let ladder: Vec<Rendition> = heights
			.iter()
			.map(|height| rendition(&format!("640x{height}@800k")).unwrap())
			.collect();
		assert_eq!(bought(&ladder[..5], &[], 4).unwrap().len(), 5);
		let other = (640, 100);
		let count = |own: &[(u32, u32)]| bought(&ladder, own, own.len()).unwrap().len();
		assert_eq!(count(&[other; 4]), 8);
		assert_eq!(count(&[(640, 90), other, other, other]), 7);
		assert_eq!(count(&[other, other, other, (640, 90)]), 8, "there is no room for it");
	}
}
