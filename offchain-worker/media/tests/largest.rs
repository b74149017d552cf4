//! The largest legal job beside streams of viewers, in the children of one machine.

mod common;

use std::{
	collections::BTreeMap,
	fs,
	time::{Duration, Instant},
};

use common::*;
use livepeer_primitives::video::{Rendition, SourceLimits};
use livepeer_worker_media::{
	MediaError, MediaPool, PoolConfig, Priority, TranscodeJob, Transcoded, Wishes,
};

const MIB: u64 = 1024 * 1024;
/// What all children may occupy.
const MEMORY: u64 = 4 * 1024 * MIB;

/// Bytes that the children of this process occupy, what they share counted once for each.
fn resident() -> u64 {
	let mut parents = BTreeMap::new();
	for entry in fs::read_dir("/proc").expect("a /proc").flatten() {
		// A process that ends meanwhile occupies nothing.
		let Ok(status) = fs::read_to_string(entry.path().join("status")) else { continue };
		let number = |name: &str| -> Option<u64> {
			let line = status.lines().find_map(|line| line.strip_prefix(name))?;
			line.split_whitespace().next()?.parse().ok()
		};
		if let (Some(id), Some(parent)) = (number("Pid:"), number("PPid:")) {
			parents.insert(id, (parent, number("VmRSS:").unwrap_or(0) * 1024));
		}
	}
	let own = u64::from(std::process::id());
	let is_ours = |mut id: u64| loop {
		match parents.get(&id) {
			Some((parent, _)) if *parent == own => break true,
			Some((parent, _)) if *parent != id => id = *parent,
			_ => break false,
		}
	};
	parents.iter().filter(|(id, _)| is_ours(**id)).map(|(_, (_, bytes))| bytes).sum()
}

async fn made(
	pool: &MediaPool,
	input: &[u8],
	ladder: &[Rendition],
	limits: &SourceLimits,
) -> Result<Transcoded, MediaError> {
	let job = TranscodeJob { input, ladder, limits, wishes: Wishes::default() };
	pool.transcode(job, Priority::Live).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_should_stay_in_time_and_memory_bounded_beside_the_largest_pictures() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	let encoded = "-pix_fmt yuv420p -c:v libx264 -preset ultrafast -g 300 -f mpegts";
	let large = common::made(
		directory.path(),
		"large.ts",
		&format!("-f lavfi -i testsrc2=s=4096x4096:r=6:d=2 {encoded}"),
	);
	let small = common::made(
		directory.path(),
		"small.ts",
		&format!("-f lavfi -i testsrc2=s=320x180:r=25:d=2 {encoded}"),
	);
	// As a transcoder of two processors has it.
	let pool =
		MediaPool::new(PoolConfig { live: 2 + 8, divide: 2, total_memory: MEMORY, ..config() });
	let limits = SourceLimits { longest: 540_000, shortest: 0, ..SourceLimits::new(4096, 4096, 6) };
	let mut ladder = vec![rendition(4096, 4096, 8_000); 8];
	(0u32..).zip(&mut ladder).for_each(|(place, rendition)| {
		rendition.kbps -= place;
		rendition.cap_kbps -= place;
	});
	// More than there is: refused in words, before anything is started.
	let refused = made(&pool, &large, &ladder, &limits).await.expect_err("too large");
	assert!(matches!(refused, MediaError::TooLarge { needed, total: 4_096 } if needed > 4_096));
	assert!(refused.to_string().contains("this machine has 4096 MiB"), "{refused}");

	// Two of them fit, and are served in their share.
	let begun = Instant::now();
	let served = {
		let (pool, ladder) = (pool.clone(), ladder[..2].to_vec());
		tokio::spawn(async move { made(&pool, &large, &ladder, &limits).await })
	};
	let stream = || async {
		let (mut slowest, mut segments) = (Duration::ZERO, 0);
		while !served.is_finished() {
			let started = Instant::now();
			made(&pool, &small, &LADDER[1..], &LIMITS).await.expect("a good source");
			slowest = slowest.max(started.elapsed());
			segments += 1;
		}
		(slowest, segments)
	};
	let watched = async {
		let mut most = 0;
		while !served.is_finished() {
			most = most.max(resident());
			tokio::time::sleep(Duration::from_millis(50)).await;
		}
		most
	};
	let (one, two, most) = tokio::join!(stream(), stream(), watched);
	let whole = begun.elapsed();
	for (slowest, segments) in [one, two] {
		// Who waits for the large one to end waits for nearly all of it.
		assert!(3 * slowest < whole, "a segment took {slowest:?} of {whole:?}, one of {segments}");
		// And each plays two seconds.
		assert!(slowest < Duration::from_secs(2), "a segment took {slowest:?}");
	}
	assert!((200 * MIB..=MEMORY).contains(&most), "{} MiB", most / MIB);
	let served = served.await.expect("it ran").expect("a legal job");
	assert_eq!((served.facts.frames, served.outputs.len()), (12, 2));
}
