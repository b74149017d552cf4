//! Randomly changed segments and outputs with fitting hashes: their examination neither crashes nor hangs,
//! every processor accepts and rejects the same, and no child is left. `MUTATIONS=10000` tries more, and does
//! not stop at a failure.

mod common;

use std::{sync::Arc, time::Duration};

use common::*;
use livepeer_primitives::{
	video::{Ladder, Rendition, CAPPED_QUALITY},
	Hash,
};
use livepeer_worker_core::ports::engine::{Finding, Format, MediaEngine, MediaError};
use livepeer_worker_media::{profile::PROCESSOR, Engine};
use tokio::{sync::Semaphore, task::JoinSet};

const SMALL: Rendition = Rendition { profile: CAPPED_QUALITY, ..rendition(96, 54, 60) };
const PACKET: usize = 188;

/// xorshift64*: the same on every machine.
struct Dice(u64);

impl Dice {
	fn roll(&mut self, sides: usize) -> usize {
		self.0 ^= self.0 >> 12;
		self.0 ^= self.0 << 25;
		self.0 ^= self.0 >> 27;
		let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
		high as usize % sides.max(1)
	}
}

/// Changes bytes in one of many ways.
fn mutate(bytes: &mut Vec<u8>, dice: &mut Dice) {
	let packets = bytes.len() / PACKET;
	let packet = dice.roll(packets) * PACKET;
	match dice.roll(10) {
		// A few bits anywhere.
		0 | 1 => {
			for _ in 0..=dice.roll(8) {
				let at = dice.roll(bytes.len());
				bytes[at] ^= 1 << dice.roll(8);
			}
		}
		// A few bytes in the headers of one packet, or of the tables.
		2 => (0..=dice.roll(4)).for_each(|_| bytes[packet + dice.roll(16)] = dice.roll(256) as u8),
		3 => {
			let table = dice.roll(3) * PACKET;
			bytes[table + 4 + dice.roll(40)] = dice.roll(256) as u8;
		}
		// The payload of a packet.
		4 => bytes[packet + 20..packet + PACKET].iter_mut().for_each(|b| *b = dice.roll(256) as u8),
		// A packet gone, twice, or in another place.
		5 => drop(bytes.drain(packet..packet + PACKET)),
		6 => {
			let copy: Vec<u8> = bytes[packet..packet + PACKET].to_vec();
			let at = dice.roll(packets) * PACKET;
			bytes.splice(at..at, copy);
		}
		7 => {
			let other = dice.roll(packets) * PACKET;
			(0..PACKET).for_each(|i| bytes.swap(packet + i, other + i));
		}
		// Cut anywhere, or a hole that shifts what follows.
		8 => bytes.truncate(dice.roll(bytes.len())),
		_ => {
			let from = dice.roll(bytes.len());
			let to = (from + 1 + dice.roll(400)).min(bytes.len());
			bytes.drain(from..to);
		}
	}
}

/// An engine's result for a segment, reduced to what must be the same everywhere; or the failure.
async fn judged(
	engine: &Engine,
	format: &Format,
	input: &[u8],
	outputs: &[Vec<u8>],
) -> Result<Option<(Hash, bool)>, String> {
	let accepted = engine.accept(format, input).await;
	let outputs: Vec<_> = outputs.iter().cloned().map(Some).collect();
	let examined = engine.examine(format, input, &outputs, Hash::repeat_byte(9), 0).await;
	match (&accepted, examined) {
		(Ok(()), Ok(examined)) => {
			let is_exact = examined.findings.iter().all(|finding| *finding == Finding::Exact);
			Ok(Some((examined.digest, is_exact)))
		}
		(Err(MediaError::Invalid(one)), Err(MediaError::Invalid(other))) if *one == other => {
			Ok(None)
		}
		(accepted, examined) => Err(format!("{accepted:?}, then {examined:?}")),
	}
}

/// The processes that these have started and that are there still.
fn children(of: &[u32]) -> Vec<u32> {
	let entries = std::fs::read_dir("/proc").expect("processes are listed");
	let all = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
	all.filter(|process| {
		// It may have ended meanwhile. Its name, which may hold anything, is in brackets.
		let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
		let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1));
		parent.and_then(|parent| parent.parse().ok()).is_some_and(|parent| of.contains(&parent))
	})
	.collect()
}

/// What is mutated, and who looks at it.
struct Trial {
	format: Format,
	source: Vec<u8>,
	/// What is right.
	right: Vec<Vec<u8>>,
	plain: Engine,
	/// On lesser processors.
	lesser: Vec<Engine>,
}

impl Trial {
	/// Of a good segment, of which these renditions are made.
	async fn new(
		source: Vec<u8>,
		ladder: &[Rendition],
		plain: Engine,
		lesser: Vec<Engine>,
	) -> Self {
		let ladder = Ladder::try_from(ladder.to_vec()).expect("short");
		let format = Format { ladder, limits: LIMITS, variants: true, stated: None };
		let made = plain.transcode(&format, &source, None).await.expect("a good source");
		Self { format, source, right: made.outputs, plain, lesser }
	}

	/// Whether all accept the segment with this number; or what went wrong.
	async fn run(&self, index: usize) -> Result<bool, String> {
		let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (index as u64 + 1));
		for _ in 0..8 {
			dice.roll(2);
		}
		let (mut input, mut outputs) = (self.source.clone(), self.right.clone());
		let place = dice.roll(outputs.len());
		let changed = if index % 3 == 2 { &mut outputs[place] } else { &mut input };
		for _ in 0..=dice.roll(3) {
			if changed.len() > 4 * PACKET {
				mutate(changed, &mut dice);
			}
		}
		let found = judged(&self.plain, &self.format, &input, &outputs).await?;
		// Segments and outputs of both kinds come to each.
		let chosen = index / 6 % self.lesser.len();
		for (level, engine) in self.lesser.iter().enumerate() {
			// One in turn makes everything again, the others say whether they accept it.
			let is_same = if level == chosen {
				judged(engine, &self.format, &input, &outputs).await? == found
			} else {
				match engine.accept(&self.format, &input).await {
					Ok(()) => found.is_some(),
					Err(MediaError::Invalid(_)) => found.is_none(),
					Err(error) => return Err(format!("{error} on level {level}")),
				}
			};
			if !is_same {
				return Err(format!("{found:?}, and something else on level {level}"));
			}
		}
		match found {
			Some((_, true)) if outputs != self.right => Err("other bytes are found exact".into()),
			found => Ok(found.is_some()),
		}
	}
}

#[tokio::test]
async fn mutated_segments_should_neither_crash_nor_hang_nor_divide_judges() {
	let count = std::env::var("MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(240);
	let directory = tempfile::tempdir().expect("a temporary directory");
	let plain = Engine::unattested(pool());
	let lesser: Vec<_> = ["none", "sse2", "avx2"]
		.iter()
		.map(|name| {
			let environment = [(PROCESSOR, *name), ("MALLOC_PERTURB_", "85")];
			Engine::unattested(with_environment(&environment))
		})
		.collect();
	// Two kinds: pictures between others and arithmetic coding, with sound, into one rendition; neither, upright and
	// in slices, into one of each profile.
	let between = made(
		directory.path(),
		"between.ts",
		"-f lavfi -i testsrc2=s=160x90:r=12:d=1 -f lavfi -i sine=r=48000:d=1 -pix_fmt yuv420p \
		 -c:v libx264 -preset veryfast -g 300 -bf 2 -crf 26 -c:a aac -b:a 32k -f mpegts",
	);
	let plain_coded = made(
		directory.path(),
		"plain.ts",
		"-f lavfi -i testsrc2=s=90x122:r=10:d=1 -pix_fmt yuv420p -c:v libx264 -preset veryfast \
		 -profile:v baseline -slices 3 -g 300 -crf 26 -f mpegts",
	);
	let both = [SMALL, rendition(64, 86, 40)];
	let trials = [
		Arc::new(Trial::new(between, &[SMALL], plain.clone(), lesser.clone()).await),
		Arc::new(Trial::new(plain_coded, &both, plain, lesser.clone()).await),
	];
	let places = Arc::new(Semaphore::new(2));
	let mut jobs = JoinSet::new();
	for index in 0..count {
		let (trial, places) = (trials[index % 2].clone(), places.clone());
		jobs.spawn(async move {
			let _place = places.acquire().await.expect("open");
			(index, trial.run(index).await)
		});
	}
	let (mut accepted, mut rejected, mut wrong) = (0, 0, Vec::new());
	while let Some(done) = jobs.join_next().await {
		match done.expect("no panic") {
			(_, Ok(true)) => accepted += 1,
			(_, Ok(false)) => rejected += 1,
			(index, Err(what)) => wrong.push(format!("segment {index}: {what}")),
		}
	}
	// Each engine keeps the process that starts its children, and nothing of what that has started.
	let starters = children(&[std::process::id()]);
	assert_eq!(starters.len(), 1 + lesser.len());
	let mut left = children(&starters);
	for _ in 0..50 {
		if left.is_empty() {
			break;
		}
		tokio::time::sleep(Duration::from_millis(100)).await;
		left = children(&starters);
	}
	println!("{accepted} accepted, {rejected} rejected, {} wrong", wrong.len());
	assert!(left.is_empty(), "children that nobody has ended: {left:?}");
	assert!(wrong.is_empty(), "{}", wrong.join("\n"));
	assert!(accepted > count / 10 && rejected > count / 10, "{accepted} and {rejected}");
}
