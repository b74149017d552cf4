//! Profile 2: the target is kept, variants and probes are what they should be.

mod common;

use common::*;
use livepeer_primitives::{video::Rendition, Hash};
use livepeer_worker_media::{
	profile::{variant_start, CAPPED_QUALITY, STARTS},
	EvidenceSeed, MediaPool, Priority, TranscodeJob, Transcoded, Variant, Wishes,
};

const fn two(width: u16, height: u16, kbps: u32) -> Rendition {
	Rendition { profile: CAPPED_QUALITY, ..rendition(width, height, kbps) }
}

/// Two seconds of noise that moves: needs more than any of these rates.
fn hard() -> Vec<u8> {
	let directory = tempfile::tempdir().expect("a temporary directory");
	made(
		directory.path(),
		"hard.ts",
		"-f lavfi -i testsrc2=s=426x240:r=25,noise=alls=30:allf=t:all_seed=3 -t 2 \
		 -pix_fmt yuv420p -c:v libx264 -preset ultrafast -g 300 -crf 18 -f mpegts",
	)
}

async fn wished(
	pool: &MediaPool,
	input: &[u8],
	ladder: &[Rendition],
	wishes: Wishes,
) -> Transcoded {
	let job = TranscodeJob { input, ladder, limits: &LIMITS, wishes };
	pool.transcode(job, Priority::Live).await.expect("a good source")
}

/// Bytes of the video alone, picture by picture, in decoding order.
fn pictures(output: &[u8]) -> Vec<Vec<u8>> {
	let directory = tempfile::tempdir().expect("a temporary directory");
	std::fs::write(directory.path().join("in.ts"), output).expect("disk");
	let at = directory.path().display();
	let listing = std::process::Command::new("ffprobe")
		.args(["-v", "error", "-select_streams", "v", "-show_entries", "packet=size"])
		.args(["-of", "csv=p=0", &format!("{at}/in.ts")])
		.output()
		.expect("ffprobe is installed");
	let sizes: Vec<usize> = String::from_utf8_lossy(&listing.stdout)
		.lines()
		.filter_map(|line| line.trim_end_matches(',').parse().ok())
		.collect();
	let raw =
		made(directory.path(), "raw.h264", &format!("-i {at}/in.ts -map 0:v -c copy -f h264"));
	let mut rest = &raw[..];
	sizes
		.iter()
		.map(|size| {
			let (picture, after) = rest.split_at((*size).min(rest.len()));
			rest = after;
			picture.to_vec()
		})
		.collect()
}

#[tokio::test]
async fn target_should_be_kept_when_the_content_needs_it() {
	let source = hard();
	let ladder = [two(426, 240, 700), two(426, 240, 350)];
	let made = wished(&pool(), &source, &ladder, Wishes::default()).await;
	for (rendition, bytes) in ladder.iter().zip(&made.outputs) {
		let video: usize = pictures(bytes).iter().map(Vec::len).sum();
		let kbps = video as f64 * 8.0 / 1000.0 / 2.0;
		let share = kbps / f64::from(rendition.kbps);
		assert!((0.90..1.05).contains(&share), "{kbps} of {}", rendition.kbps);
	}
}

#[tokio::test]
async fn less_should_be_spent_when_the_content_needs_less() {
	let made = wished(&pool(), &source(), &[two(256, 144, 4_000)], Wishes::default()).await;
	assert!(made.outputs[0].len() < 4_000 * 1000 / 8 / 2, "{} bytes", made.outputs[0].len());
}

#[tokio::test]
async fn variant_should_differ_from_its_start_on_and_nowhere_else() {
	let (pool, source) = (pool(), hard());
	for ladder in [
		[two(426, 240, 700), two(256, 144, 200)],
		[rendition(426, 240, 700), rendition(256, 144, 200)],
		// So few bits that the length of the encoder's settings counts.
		[two(160, 90, 60), two(256, 144, 200)],
		[rendition(160, 90, 60), rendition(256, 144, 200)],
	] {
		differs_from_its_start_on(&pool, &source, ladder).await;
	}
}

async fn differs_from_its_start_on(pool: &MediaPool, source: &[u8], ladder: [Rendition; 2]) {
	let plain = wished(pool, source, &ladder, Wishes::default()).await;
	let plain_pictures = pictures(&plain.outputs[0]);
	let mut seen = vec![plain.outputs[0].clone()];
	for start in 0..STARTS.len() as u8 {
		let variant = Some(Variant { rendition: 0, start });
		let wishes = Wishes { evidence: None, variant };
		let made = wished(pool, source, &ladder, wishes).await;
		assert!(made == wished(pool, source, &ladder, wishes).await);
		assert!(made.outputs[1] == plain.outputs[1], "the other rendition is untouched");
		assert!(!seen.contains(&made.outputs[0]), "start {start} makes a variant of its own");
		let found = pictures(&made.outputs[0]);
		assert_eq!(found.len(), plain_pictures.len());
		// Decoding order runs ahead of display order by the encoder's B pictures.
		let first = found.iter().zip(&plain_pictures).position(|(a, b)| a != b);
		let begins = variant_start(plain_pictures.len() as u32, start) as usize;
		let first = first.expect("a variant differs");
		assert!(first <= begins + 4 && first + 4 >= begins, "{first} for {begins}");
		let [ours, theirs] =
			[&found, &plain_pictures].map(|p| p.iter().map(Vec::len).sum::<usize>());
		assert!(ours.abs_diff(theirs) * 100 <= theirs, "{ours} and {theirs} bytes");
		seen.push(made.outputs[0].clone());
	}
}

#[tokio::test]
async fn probe_should_depend_on_the_seed_and_on_the_encoder() {
	let (pool, source) = (pool(), source());
	let evidence = |seed, index| Wishes {
		evidence: Some(EvidenceSeed { seed: Hash::repeat_byte(seed), index }),
		variant: None,
	};
	let one = wished(&pool, &source, &[two(256, 144, 150)], evidence(1, 0)).await;
	let again = wished(&pool, &source, &[two(256, 144, 150)], evidence(1, 0)).await;
	assert_eq!(one, again);
	let other = wished(&pool, &source, &[two(256, 144, 150)], evidence(2, 0)).await;
	assert_ne!(one.evidence, other.evidence);
	assert_eq!(one.outputs, other.outputs);
	// The frames are the same at another rate: what differs is the probe.
	let rate = wished(&pool, &source, &[two(256, 144, 90)], evidence(1, 0)).await;
	assert_ne!(one.evidence, rate.evidence);
	// A variant is judged with the same evidence.
	let variant = Some(Variant { rendition: 0, start: 2 });
	let varied = Wishes { variant, ..evidence(1, 0) };
	assert_eq!(wished(&pool, &source, &[two(256, 144, 150)], varied).await.evidence, one.evidence);
}

#[tokio::test]
async fn job_should_fail_when_its_profile_is_not_known() {
	let source = source();
	let ladder = [Rendition { profile: 7, ..rendition(256, 144, 150) }];
	let job = TranscodeJob {
		input: &source,
		ladder: &ladder,
		limits: &LIMITS,
		wishes: Wishes::default(),
	};
	assert!(pool().transcode(job, Priority::Live).await.is_err());
}
