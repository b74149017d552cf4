//! `bench`: how much work this machine does in a second, and the price that pays for it.
//!
//! It measures processor time, including that of the children that a transcoder starts, so other load on the
//! machine hardly matters. All processors are at work meanwhile, as they are where the measured work is offered: two
//! that share a core do less in a second then than one of them alone.

use anyhow::{Context, Result};
use clap::Args;
use livepeer_primitives::{
	params::{ProtocolParameters, Timing},
	video::{Rendition, SourceLimits, CAPPED_QUALITY, LONGEST_SEGMENT},
	work::STANDARD_SEGMENT_WORK,
	Balance,
};
use livepeer_worker_core::decimal;
use livepeer_worker_media::{
	descendants_seconds, vectors::VECTORS, MediaPool, PoolConfig, Priority, TranscodeJob, Wishes,
};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::units::amount;

/// Arguments of `bench`.
#[derive(Args, Debug)]
pub struct BenchArgs {
	/// What this machine costs in an hour, in ETH; prints the price below which it would lose money.
	#[arg(long, value_name = "ETH", value_parser = amount)]
	pub cost_per_hour: Option<Balance>,
	/// Print JSON.
	#[arg(long)]
	pub json: bool,
}

/// Work of a stream of standard segments, which play 2 s, per second.
pub const WORK_PER_SECOND: u64 = STANDARD_SEGMENT_WORK / 2;
/// How much of the measured work stays free, in percent: for verification, for the network, and for video
/// that is harder than the clip.
const SPARE: u64 = 20;
/// The most that judging a segment may take, in percent of transcoding it.
const JUDGING: u64 = 120;
/// How many times it is measured; the best result counts.
const ROUNDS: u32 = 2;
/// How often the clip is made each time, at least.
const SEGMENTS: usize = 2;
/// Limits that the clip fits, so that there is memory for it on each processor.
const LIMITS: SourceLimits =
	SourceLimits { longest: LONGEST_SEGMENT, shortest: 0, ..SourceLimits::new(1280, 720, 30) };
/// An ordinary ladder.
const LADDER: [Rendition; 3] =
	[rendition(854, 480, 1_200), rendition(640, 360, 700), rendition(426, 240, 400)];

const fn rendition(width: u16, height: u16, kbps: u32) -> Rendition {
	Rendition { width, height, profile: CAPPED_QUALITY, kbps, cap_kbps: kbps }
}

/// What was measured.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Speed {
	/// Processors.
	pub processors: u64,
	/// Work that one processor does in a second.
	pub work_per_processor: u64,
	/// Work per second that can be announced.
	pub capacity: u64,
}

impl Speed {
	/// From the work done in so many seconds of processor time.
	fn of(work: u64, seconds: f64, processors: u64) -> Self {
		let work_per_processor = (work as f64 / seconds.max(0.001)) as u64;
		let all = work_per_processor.saturating_mul(processors);
		Self { processors, work_per_processor, capacity: all / 100 * (100 - SPARE) }
	}

	/// The price of a standard segment at which a machine that is always at work earns this cost.
	pub fn price_floor(&self, cost_per_hour: Balance) -> Balance {
		let work_per_hour = u128::from(self.capacity.max(1)).saturating_mul(3_600);
		cost_per_hour.saturating_mul(STANDARD_SEGMENT_WORK.into()).div_ceil(work_per_hour)
	}

	/// How much of what production asks of a judge this machine does, in percent, with all processors but
	/// one, as `verify` uses by default.
	fn judging(&self) -> u64 {
		let places = self.processors.saturating_sub(1).max(1);
		let judged = self.work_per_processor.saturating_mul(places).saturating_mul(100) / JUDGING;
		let asked_in_a_block = ProtocolParameters::production().lottery.verify_rate;
		let block = Timing::production().slot_duration;
		let in_a_block = judged.saturating_mul(block) / 1_000;
		in_a_block.saturating_mul(100) / asked_in_a_block.max(1)
	}

	/// Streams of 720p30 that are transcoded at a time, in tenths.
	fn streams(&self) -> u64 {
		self.capacity.saturating_mul(10) / WORK_PER_SECOND
	}
}

/// How often the clip is made at once: on every processor.
fn at_once(processors: usize) -> usize {
	// Several, so that starting the pool is the smaller part.
	processors.max(SEGMENTS)
}

/// Measures how fast this machine is.
pub async fn measure() -> Result<Speed> {
	let processors = std::thread::available_parallelism().map_or(1, usize::from);
	let clip = &VECTORS[0];
	let factors = ProtocolParameters::production().jobs.factors;
	let (mut work, mut seconds) = (0, f64::MAX);
	// A pool of its own: dropping it waits for the children that it started. Their start counts too, so the
	// result is rather too low than too high.
	for _ in 0..ROUNDS {
		let before = descendants_seconds();
		let pool = MediaPool::new(PoolConfig { live: processors, ..PoolConfig::default() });
		let mut segments = JoinSet::new();
		for _ in 0..at_once(processors) {
			let pool = pool.clone();
			segments.spawn(async move {
				let job = TranscodeJob {
					input: clip.source,
					ladder: &LADDER,
					limits: &LIMITS,
					wishes: Wishes::default(),
				};
				pool.transcode(job, Priority::Live).await
			});
		}
		work = 0;
		while let Some(made) = segments.join_next().await {
			let made = made??;
			work += made.facts.work(&factors, &LADDER).context("more work than there can be")?;
		}
		drop(pool);
		seconds = f64::min(seconds, descendants_seconds() - before);
	}
	Ok(Speed::of(work, seconds, processors as u64))
}

/// Measures and says it.
pub async fn run(args: BenchArgs) -> Result<()> {
	let speed = measure().await?;
	let floor = args.cost_per_hour.map(|cost| speed.price_floor(cost));
	if args.json {
		let said = serde_json::json!({
			"processors": speed.processors,
			"work_per_processor": speed.work_per_processor,
			"capacity": speed.capacity,
			"streams_of_720p30": speed.streams() as f64 / 10.0,
			"of_verify_rate": speed.judging() as f64 / 100.0,
			"price_floor": floor.map(|floor| floor.to_string()),
		});
		println!("{said:#}");
		return Ok(());
	}
	let streams = speed.streams();
	println!("{} processors, {} work per second each", speed.processors, speed.work_per_processor);
	println!(
		"capacity {} work per second: {}.{} streams of 720p30, made in 0.8 of the time that they play",
		speed.capacity,
		streams / 10,
		streams % 10
	);
	let judging = speed.judging();
	println!(
		"as a judge {}.{:02} of what a chain with production's parameters asks of each judge{}",
		judging / 100,
		judging % 100,
		if judging < 100 { ": too slow, it would be late where much is to be judged" } else { "" }
	);
	if let Some(floor) = floor {
		println!("a standard segment must bring {} ETH at least (--price)", decimal(floor));
	}
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;

	/// Two processors of one core do less than twice the work of one that has it alone, and capacity counts both.
	#[test]
	fn every_processor_should_be_at_work_while_it_is_measured() {
		assert_eq!([1, 2, 16].map(at_once), [2, 2, 16]);
	}

	#[test]
	fn capacity_should_be_what_all_processors_do_less_a_fifth() {
		let speed = Speed::of(100_000_000, 2.0, 4);
		assert_eq!((speed.work_per_processor, speed.capacity), (50_000_000, 160_000_000));
		assert_eq!(speed.streams(), 57);
	}

	#[test]
	fn judge_should_be_told_how_much_of_what_is_asked_it_does() {
		let rules = ProtocolParameters::production().lottery;
		assert_eq!((rules.verify_rate, Timing::production().slot_duration), (400_000_000, 6_000));
		// 150 million a second, less a fifth more that judging takes: 125, of 66.7.
		assert_eq!(Speed::of(100_000_000, 2.0, 4).judging(), 187);
		assert_eq!(Speed::of(100_000_000, 2.0, 2).judging(), 62);
		assert_eq!(Speed::of(100_000_000, 2.0, 1).judging(), 62);
	}

	#[test]
	fn price_floor_should_earn_what_the_machine_costs() {
		let speed = Speed::of(100_000_000, 2.0, 4);
		let cost = 3 * livepeer_primitives::UNIT / 100_000;
		let floor = speed.price_floor(cost);
		let segments = u128::from(speed.capacity) * 3_600 / u128::from(STANDARD_SEGMENT_WORK);
		assert!(floor * (segments + 1) >= cost && (floor - 1) * segments < cost);
		assert_eq!(Speed { capacity: 0, ..speed }.price_floor(0), 0);
	}
}
