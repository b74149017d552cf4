//! Profile 2: the target is kept, variants and probes are what they should be.

mod common;

use common::*;
use livepeer_primitives::{video::Rendition, Hash};
use livepeer_worker_core::rules::playlist::master;
use livepeer_worker_media::{
	profile::{variant_start, CAPPED_QUALITY, STARTS},
	EvidenceSeed, MediaPool, Priority, SegmentOptions, TranscodeJob, Transcoded, Variant, Wishes,
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

/// What the headers say of each coded picture, in decoding order: every element by its name, those that only
/// fill up bytes left out. Parameter sets stand before the first.
fn headers(output: &[u8]) -> Vec<Vec<(String, String)>> {
	let directory = tempfile::tempdir().expect("a temporary directory");
	std::fs::write(directory.path().join("in.ts"), output).expect("disk");
	let traced = std::process::Command::new("ffmpeg")
		.args(["-nostdin", "-nostats", "-hide_banner", "-i"])
		.arg(directory.path().join("in.ts"))
		.args(["-map", "0:v", "-c", "copy", "-bsf:v", "trace_headers", "-f", "null", "-"])
		.output()
		.expect("ffmpeg is installed");
	let mut pictures: Vec<Vec<(String, String)>> = Vec::new();
	for line in String::from_utf8_lossy(&traced.stderr).lines() {
		let Some((_, told)) =
			line.strip_prefix("[trace_headers @ ").and_then(|line| line.split_once("] "))
		else {
			continue;
		};
		if told.starts_with("Packet:") {
			pictures.push(Vec::new());
		}
		// Place, name, bits, "=" and value.
		let words: Vec<&str> = told.split_whitespace().collect();
		if let ([_, name, .., "=", value], Some(picture)) = (&words[..], pictures.last_mut()) {
			if !name.contains("alignment") {
				picture.push((name.to_string(), value.to_string()));
			}
		}
	}
	pictures
}

/// The value of a header's last element of this name.
fn element<'a>(header: &'a [(String, String)], name: &str) -> &'a str {
	let found = header.iter().rev().find(|(other, _)| other == name);
	&found.expect("every picture has one").1
}

#[tokio::test]
async fn variant_should_show_in_p_pictures_and_in_no_header() {
	let (pool, source) = (pool(), hard());
	for rendition in [two(426, 240, 700), two(160, 90, 60), rendition(426, 240, 700)] {
		let plain = wished(&pool, &source, &[rendition], Wishes::default()).await.outputs;
		let (plain_headers, plain_pictures) = (headers(&plain[0]), pictures(&plain[0]));
		assert_eq!(plain_headers.len(), plain_pictures.len());
		// Sequence and picture parameters are among what is compared.
		let first = &plain_headers[0];
		for name in ["max_num_ref_frames", "pic_init_qp_minus26", "slice_type"] {
			assert!(first.iter().any(|(other, _)| other == name), "{name}");
		}
		for start in 0..STARTS.len() as u8 {
			let variant = Some(Variant { rendition: 0, start });
			let wishes = Wishes { variant, ..Default::default() };
			let made = wished(&pool, &source, &[rendition], wishes).await.outputs;
			let said = headers(&made[0]);
			assert_eq!(said.len(), plain_headers.len());
			for (place, (ours, theirs)) in said.iter().zip(&plain_headers).enumerate() {
				// The quantiser answers to what was spent, as that of any picture does.
				let rest = |header: &[(String, String)]| {
					let told = header.iter().filter(|(name, _)| name != "slice_qp_delta");
					told.cloned().collect::<Vec<_>>()
				};
				assert_eq!(rest(ours), rest(theirs), "start {start}, picture {place}");
			}
			let found = pictures(&made[0]);
			let differs: Vec<bool> =
				found.iter().zip(&plain_pictures).map(|(a, b)| a != b).collect();
			let first = differs.iter().position(|differs| *differs).expect("a variant differs");
			// 0 and 5: P.
			let is_p = |place: &usize| matches!(element(&said[*place], "slice_type"), "0" | "5");
			let p: Vec<usize> = (first..said.len()).filter(is_p).collect();
			assert!(!p.is_empty() && p.iter().all(|place| differs[*place]), "start {start}: {p:?}");
		}
	}
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
	let mut more = Vec::new();
	for ladder in [
		[two(426, 240, 700), two(256, 144, 200)],
		[rendition(426, 240, 700), rendition(256, 144, 200)],
		// So few bits that the length of the encoder's settings counts.
		[two(160, 90, 60), two(256, 144, 200)],
		[rendition(160, 90, 60), rendition(256, 144, 200)],
	] {
		more.extend(differs_from_its_start_on(&pool, &source, ladder).await);
	}
	// A single one may be off by some percent, either way; what many cost does not tell them.
	let mean = more.iter().sum::<f64>() / more.len() as f64;
	assert!(mean.abs() <= 0.005, "{mean} in the mean of {more:?}");
	assert!(more.iter().all(|more| more.abs() <= 0.03), "{more:?}");
}

/// By which share of the plain encode's video bytes each variant is longer.
async fn differs_from_its_start_on(
	pool: &MediaPool,
	source: &[u8],
	ladder: [Rendition; 2],
) -> Vec<f64> {
	let mut more = Vec::new();
	let plain = wished(pool, source, &ladder, Wishes::default()).await;
	let plain_pictures = pictures(&plain.outputs[0]);
	let mut seen = vec![plain.outputs[0].clone()];
	for start in 0..STARTS.len() as u8 {
		let variant = Some(Variant { rendition: 0, start });
		let wishes = Wishes { variant, ..Default::default() };
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
		more.push(ours as f64 / theirs as f64 - 1.0);
		seen.push(made.outputs[0].clone());
	}
	more
}

/// A player chooses by what the master playlist announces: ten seconds of sound, pictures and container stay
/// below it, and where the content needs it they come to what was ordered.
#[tokio::test]
async fn ten_seconds_should_stay_within_what_is_announced() {
	const SECONDS: u64 = 10;
	let directory = tempfile::tempdir().expect("a temporary directory");
	made(
		directory.path(),
		"hard.ts",
		"-f lavfi -i testsrc2=s=426x240:r=25,noise=alls=30:allf=t:all_seed=3 \
		 -f lavfi -i anoisesrc=r=48000:seed=5 -t 10 -pix_fmt yuv420p -c:v libx264 -preset ultrafast \
		 -g 50 -keyint_min 50 -sc_threshold 0 -crf 18 -c:a aac -b:a 128k -f mpegts",
	);
	let pool = pool();
	let file = std::fs::File::open(directory.path().join("hard.ts")).expect("disk");
	let mut cut = pool.segment_file(file, SegmentOptions::default()).expect("a segmenter");
	let ladder = [two(426, 240, 700), two(256, 144, 200)];
	let (mut muxed, mut heaviest, mut segments) = ([0; 2], [0; 2], 0);
	while let Some(segment) = cut.next().await {
		let segment = segment.expect("a good source");
		let made = wished(&pool, &segment.data, &ladder, Wishes::default()).await;
		for (place, output) in made.outputs.iter().enumerate() {
			let bits = output.len() as u64 * 8;
			muxed[place] += bits;
			heaviest[place] = bits.max(heaviest[place]);
		}
		segments += 1;
	}
	assert_eq!(segments, SECONDS / 2);
	// Nothing has been looked at yet: both are announced by what was ordered.
	let announced = master(&ladder, &[], &[], "");
	let values = |name: &str| -> Vec<u64> {
		let of = |line: &str| {
			let (_, rest) = line.split_once(name)?;
			rest.split(',').next()?.parse().ok()
		};
		announced.lines().filter_map(of).collect()
	};
	let (peaks, averages) = (values("INF:BANDWIDTH="), values("AVERAGE-BANDWIDTH="));
	for (place, rendition) in ladder.iter().enumerate() {
		let bits = muxed[place] / SECONDS;
		assert!(bits <= averages[place] && bits <= peaks[place], "{bits} of {announced}");
		assert!(heaviest[place] / 2 <= peaks[place], "{} of {announced}", heaviest[place]);
		assert!(bits >= u64::from(rendition.kbps) * 950, "{bits} of {rendition:?}");
	}
}

#[tokio::test]
async fn probe_should_depend_on_the_seed_and_on_the_encoder() {
	let (pool, source) = (pool(), source());
	let evidence = |seed, index| Wishes {
		evidence: Some(EvidenceSeed { seed: Hash::repeat_byte(seed), index }),
		..Default::default()
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
