//! The same bytes whatever the machine does, and the same pictures as the ffmpeg command line.

mod common;

use common::*;
use std::time::Duration;

use livepeer_primitives::{
	evidence::{frame_hash, LeafEvidence},
	video::{Rendition, SourceLimits, CAPPED_QUALITY},
	work::WorkFactors,
	Hash,
};
use livepeer_worker_media::{EvidenceSeed, MediaPool, PoolConfig, Priority, TranscodeJob, Wishes};

#[tokio::test]
async fn outputs_should_be_equal_when_memory_and_mathematics_differ() {
	let source = source();
	let once = transcode(&pool(), &source).await.expect("a good source");
	assert_eq!(once.outputs.len(), 2);
	for environment in [
		&[][..],
		&[("MALLOC_PERTURB_", "85")][..],
		&[("MALLOC_PERTURB_", "170"), ("MALLOC_TOP_PAD_", "1000000")][..],
		&[("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-SSE4_2,-ERMS")][..],
	] {
		let again = transcode(&with_environment(environment), &source).await;
		assert!(again.expect("the same source") == once, "differs under {environment:?}");
	}
}

/// A ladder that idle processors share is made of the same bytes, in the same order.
#[tokio::test]
async fn outputs_should_be_equal_when_the_ladder_is_divided() {
	let source = source();
	let ladder = [
		rendition(256, 144, 150),
		rendition(640, 360, 800),
		Rendition { profile: CAPPED_QUALITY, ..rendition(640, 360, 400) },
		rendition(426, 240, 400),
	];
	let limits = SourceLimits { width: 640, height: 360, ..LIMITS };
	let job = || TranscodeJob {
		input: &source,
		ladder: &ladder,
		limits: &limits,
		wishes: Wishes::default(),
	};
	let whole = pool().transcode(job(), Priority::Live).await.expect("a good source");
	let pool = MediaPool::new(PoolConfig { live: 8, divide: 3, ..config() });
	let mut least = 8;
	let divided = {
		let made = pool.transcode(job(), Priority::Live);
		tokio::pin!(made);
		loop {
			tokio::select! {
				made = &mut made => break made.expect("a good source"),
				() = tokio::time::sleep(Duration::from_millis(2)) => {
					least = least.min(pool.free(Priority::Live));
				}
			}
		}
	};
	// The two large ones by a child each, the small ones by a third; and all have gone.
	assert_eq!((least, pool.free(Priority::Live)), (5, 8));
	assert!(divided == whole);
	// And when two have to share the processors.
	let both =
		tokio::join!(pool.transcode(job(), Priority::Live), pool.transcode(job(), Priority::Live));
	assert!(both.0.expect("a good source") == whole && both.1.expect("a good source") == whole);
}

#[tokio::test]
async fn facts_and_work_should_count_what_was_decoded() {
	let made = transcode(&pool(), &source()).await.expect("a good source");
	let facts = &made.facts;
	assert_eq!((facts.width, facts.height, facts.fps, facts.frames), (640, 360, (30, 1), 30));
	assert_eq!((facts.duration, facts.has_audio), (90_000, true));
	assert_eq!(facts.pixels(), 640 * 360 * 30);
	let factors = WorkFactors::canonical(1000, 100, 1);
	let expected = (426 * 240 + 256 * 144) * 30 + 640 * 360 * 3;
	assert_eq!(facts.work(&factors, &LADDER), Some(expected));
}

/// Evidence over pictures that the command line made must be ours.
#[tokio::test]
async fn pictures_should_equal_the_command_lines_when_decoded_and_scaled() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	let at = directory.path().display();
	let clips = [
		("b", "testsrc2=s=640x360:r=30:d=0.5", "-bf 3 -pix_fmt yuv420p"),
		("full", "testsrc2=s=640x360:r=25:d=0.4", "-pix_fmt yuvj420p -color_range pc"),
		("odd", "testsrc2=s=638x358:r=25:d=0.4", "-pix_fmt yuv420p"),
		("anamorphic", "testsrc2=s=720x576:r=25:d=0.4,setsar=64/45", "-pix_fmt yuv420p"),
	];
	for (name, filter, options) in clips {
		let source = made(
			directory.path(),
			&format!("{name}.ts"),
			&format!("-f lavfi -i {filter} {options} -c:v libx264 -g 100 -b:v 900k -f mpegts"),
		);
		let seed = Hash::repeat_byte(7);
		let evidence = Some(EvidenceSeed { seed, index: 3 });
		let ours = transcode_into(&pool(), &source, &LADDER, evidence).await;
		let ours = ours.expect("a good source");

		let mut expected = LeafEvidence::new(seed, 3);
		let raw = "-threads 1 -fps_mode passthrough -f rawvideo";
		let sizes = std::iter::once((ours.facts.width, ours.facts.height))
			.chain(LADDER.iter().map(|r| (r.width.into(), r.height.into())));
		for (stream, (width, height)) in sizes.enumerate() {
			let filter = match stream {
				0 => String::new(),
				_ => format!(
					"-vf scale={width}:{height}:flags=bicubic+accurate_rnd+bitexact,format=yuv420p"
				),
			};
			let bytes = made(directory.path(), "raw", &format!("-i {at}/{name}.ts {filter} {raw}"));
			let size = (width * height * 3 / 2) as usize;
			assert_eq!(bytes.len(), size * ours.facts.frames as usize, "{name} {width}x{height}");
			for (frame, picture) in bytes.chunks(size).enumerate() {
				expected.add(stream as u8, frame as u32, frame_hash(seed, picture));
			}
		}
		assert_eq!(ours.evidence, Some(expected.digest()), "{name}");
	}
}

/// The command line's libx264 makes the same bytes with the profile's options, apart from SEI.
#[tokio::test]
async fn encoded_pictures_should_equal_the_command_lines() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	let at = directory.path().display();
	let source = made(directory.path(), "source.ts", SOURCE);
	let Rendition { width, height, kbps, .. } = LADDER[0];
	let ours = transcode(&pool(), &source).await.expect("a good source");
	std::fs::write(directory.path().join("ours.ts"), &ours.outputs[0]).expect("disk");
	// Access unit delimiters are the muxer's.
	let strip = "filter_units=remove_types=6|9";
	let ours = made(
		directory.path(),
		"ours.h264",
		&format!("-i {at}/ours.ts -map 0:v -c copy -bsf:v {strip} -f h264"),
	);
	let theirs = made(
		directory.path(),
		"theirs.h264",
		&format!(
			"-i {at}/source.ts -map 0:v -vf \
			 scale={width}:{height}:flags=bicubic+accurate_rnd+bitexact,format=yuv420p \
			 -c:v libx264 -preset veryfast -threads 1 \
			 -x264-params cpu-independent=1:zones=26,65535,me=hex \
			 -b:v {kbps}k -maxrate {kbps}k -bufsize {kbps}k -g 30 -sc_threshold 0 -a53cc 0 \
			 -flags:v +bitexact+cgop -bsf:v {strip} -f h264"
		),
	);
	assert!(ours == theirs, "{} and {} bytes", ours.len(), theirs.len());
}

#[tokio::test]
async fn times_and_sound_should_be_kept_when_transcoded() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	let source = made(directory.path(), "source.ts", SOURCE);
	let ours = transcode(&pool(), &source).await.expect("a good source");
	std::fs::write(directory.path().join("ours.ts"), &ours.outputs[1]).expect("disk");
	// One line per packet: the values asked for.
	let listing = |name: &str, track: &str, entries: &str| {
		let output = std::process::Command::new("ffprobe")
			.args(["-v", "error", "-select_streams", track, "-show_entries", entries])
			.args(["-show_data_hash", "sha256", "-of", "flat"])
			.arg(directory.path().join(name))
			.output()
			.expect("ffprobe is installed");
		let mut packets = std::collections::BTreeMap::<String, String>::new();
		for line in String::from_utf8_lossy(&output.stdout).lines() {
			let (key, value) = line.split_once('=').expect("key=value");
			if let (4, Some((packet, _))) = (key.split('.').count(), key.rsplit_once('.')) {
				packets.entry(packet.into()).or_default().push_str(value);
			}
		}
		let mut lines: Vec<String> = packets.into_values().collect();
		lines.sort();
		assert!(!lines.is_empty());
		lines
	};
	let times = "packet=pts";
	assert_eq!(listing("ours.ts", "v", times), listing("source.ts", "v", times));
	let sound = "packet=pts,data_hash";
	assert_eq!(listing("ours.ts", "a", sound), listing("source.ts", "a", sound));
	// One keyframe, at the start, and the profile's tables first.
	let keys = listing("ours.ts", "v", "packet=flags");
	assert_eq!(keys.iter().filter(|flags| flags.contains('K')).count(), 1);
	assert_eq!(&ours.outputs[1][..3], [0x47, 0x40, 0x11]);
}
