//! Segments and outputs that were changed at random, with hashes that fit: whoever examines them neither
//! crashes nor hangs, and every processor accepts and rejects the same. `MUTATIONS=10000` for more.

mod common;

use std::sync::Arc;

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

/// What an engine makes of a segment, as far as it must be the same everywhere.
async fn judged(
	engine: &Engine,
	format: &Format,
	input: &[u8],
	output: &[u8],
) -> (bool, Option<(Hash, bool)>) {
	let accepted = engine.accept(format, input).await;
	let outputs = [Some(output.to_vec())];
	let examined = engine.examine(format, input, &outputs, Hash::repeat_byte(9), 0).await;
	match (&accepted, examined) {
		(Ok(()), Ok(examined)) => {
			(true, Some((examined.digest, examined.findings[0] == Finding::Exact)))
		}
		(Err(MediaError::Invalid(one)), Err(MediaError::Invalid(other))) => {
			assert_eq!(*one, other);
			(false, None)
		}
		(accepted, examined) => panic!("{accepted:?}, then {examined:?}"),
	}
}

#[tokio::test]
async fn mutated_segments_should_neither_crash_nor_hang_nor_divide_judges() {
	let count = std::env::var("MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(240);
	let directory = tempfile::tempdir().expect("a temporary directory");
	let source = made(
		directory.path(),
		"source.ts",
		"-f lavfi -i testsrc2=s=160x90:r=12:d=1 -f lavfi -i sine=r=48000:d=1 -pix_fmt yuv420p \
		 -c:v libx264 -preset veryfast -g 300 -bf 2 -crf 26 -c:a aac -b:a 32k -f mpegts",
	);
	let ladder = Ladder::try_from(vec![SMALL]).expect("one");
	let format = Arc::new(Format { ladder, limits: LIMITS, variants: true });
	let plain = Engine::unattested(pool());
	let lesser: Vec<Engine> = ["none", "sse2", "avx2"]
		.iter()
		.map(|name| {
			let environment = [(PROCESSOR, *name), ("MALLOC_PERTURB_", "85")];
			Engine::unattested(with_environment(&environment))
		})
		.collect();
	let right = plain.transcode(&format, &source, None).await.expect("a good source").outputs;
	let (source, right) = (Arc::new(source), Arc::new(right));
	let places = Arc::new(Semaphore::new(2));
	let mut jobs = JoinSet::new();
	for index in 0..count {
		let (plain, lesser) = (plain.clone(), lesser[index % lesser.len()].clone());
		let (format, places) = (format.clone(), places.clone());
		let (source, right) = (source.clone(), right.clone());
		jobs.spawn(async move {
			let _place = places.acquire().await.expect("open");
			let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (index as u64 + 1));
			for _ in 0..8 {
				dice.roll(2);
			}
			let (mut input, mut output) = (source.to_vec(), right[0].clone());
			let changed = if index % 3 == 2 { &mut output } else { &mut input };
			for _ in 0..=dice.roll(3) {
				if changed.len() > 4 * PACKET {
					mutate(changed, &mut dice);
				}
			}
			let was_changed = output != right[0];
			let found = judged(&plain, &format, &input, &output).await;
			assert_eq!(found, judged(&lesser, &format, &input, &output).await, "segment {index}");
			if let (true, Some((_, is_exact))) = (was_changed, found.1) {
				assert!(!is_exact, "segment {index}: other bytes are not the same");
			}
			found.0
		});
	}
	let (mut accepted, mut rejected) = (0, 0);
	while let Some(done) = jobs.join_next().await {
		match done.expect("no panic") {
			true => accepted += 1,
			false => rejected += 1,
		}
	}
	println!("{accepted} accepted, {rejected} rejected");
	assert!(accepted > count / 10 && rejected > count / 10, "{accepted} and {rejected}");
}
