//! Sources that are not what the job declares, or not video at all: a typed reason, never a crash.

mod common;

use std::time::Duration;

use common::*;
use livepeer_primitives::{
	receipt::RejectReason,
	video::{SourceLimits, MAX_SEGMENT_BYTES},
	Hash,
};
use livepeer_worker_core::ports::engine::{Finding, Format, MediaEngine};
use livepeer_worker_media::{
	limits::most_sound, Engine, MediaError, MediaPool, PoolConfig, Priority,
};

#[tokio::test]
async fn source_should_be_invalid_when_it_is_not_a_transport_stream() {
	let noise: Vec<u8> =
		(0..5_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
	let playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile:///etc/hostname\n";
	for input in [&[][..], &noise, playlist, b"ffconcat version 1.0\nfile /etc/hostname\n"] {
		assert_eq!(reason(input).await, (RejectReason::NotTransportStream, 0));
	}
	// The frame of a transport stream with nothing in it.
	let mut empty = vec![0xff; 188 * 20];
	for packet in empty.chunks_mut(188) {
		packet[..4].copy_from_slice(&[0x47, 0x1f, 0xff, 0x10]);
	}
	assert_eq!(reason(&empty).await.0, RejectReason::NotTransportStream);
	let mut cut = source();
	cut.truncate(188 * 30 + 100);
	assert_eq!(reason(&cut).await, (RejectReason::NotTransportStream, 188 * 30));
}

#[tokio::test]
async fn source_should_be_invalid_when_its_tracks_are_outside_the_profile() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	let picture = "-f lavfi -i testsrc2=s=320x180:r=30:d=0.5";
	let sound = "-f lavfi -i sine=d=0.5";
	let h264 = "-c:v libx264 -pix_fmt yuv420p";
	let cases = [
		("sound only", format!("{sound} -c:a aac"), RejectReason::NotTransportStream),
		("two videos", format!("{picture} -map 0 -map 0 {h264}"), RejectReason::NotTransportStream),
		(
			"hevc",
			format!("{picture} -c:v libx265 -x265-params log-level=0"),
			RejectReason::UnsupportedVideo,
		),
		("mpeg2", format!("{picture} -c:v mpeg2video"), RejectReason::UnsupportedVideo),
		(
			"10 bit",
			format!("{picture} -c:v libx264 -pix_fmt yuv420p10le"),
			RejectReason::UnsupportedVideo,
		),
		(
			"4:2:2",
			format!("{picture} -c:v libx264 -pix_fmt yuv422p"),
			RejectReason::UnsupportedVideo,
		),
		("mp2", format!("{picture} {sound} {h264} -c:a mp2"), RejectReason::UnsupportedAudio),
	];
	for (name, arguments, expected) in cases {
		let input = made(directory.path(), "case.ts", &format!("{arguments} -f mpegts"));
		assert_eq!(reason(&input).await.0, expected, "{name}");
	}
}

#[tokio::test]
async fn source_should_be_invalid_when_it_is_beyond_the_jobs_limits() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	let encode = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 1000 -f mpegts";
	let make =
		|filter: &str| made(directory.path(), "case.ts", &format!("-f lavfi -i {filter} {encode}"));
	let bomb = make("color=s=8192x8192:r=30:d=0.07");
	assert_eq!(reason(&bomb).await.0, RejectReason::TooManyPixels);
	let portrait = make("testsrc2=s=720x1280:r=30:d=0.2");
	assert_eq!(reason(&portrait).await.0, RejectReason::TooManyPixels);
	let long = make("testsrc2=s=320x180:r=10:d=6.5");
	assert_eq!(reason(&long).await.0, RejectReason::TooLong);
	let many = make("testsrc2=s=64x64:r=100:d=4");
	assert_eq!(reason(&many).await.0, RejectReason::TooManyFrames);
	let heavy = vec![0x47; MAX_SEGMENT_BYTES as usize + 188];
	assert_eq!(reason(&heavy).await, (RejectReason::TooManyBytes, MAX_SEGMENT_BYTES));
}

#[tokio::test]
async fn source_should_be_invalid_when_it_is_damaged() {
	let good = source();
	let pictures = transcode(&pool(), &good).await.expect("a good source").facts.frames;
	assert_eq!(pictures, 30);

	// One packet of a transport stream lost: its counter jumps.
	let mut lost = good.clone();
	let start = lost.len() / 188 / 2 * 188;
	lost.drain(start..start + 188);
	let (reason_lost, offset) = reason(&lost).await;
	let RejectReason::Undecodable { packet, .. } = reason_lost else { panic!("{reason_lost:?}") };
	assert!(offset > 0 && (offset as usize) < lost.len());
	assert_eq!(packet, offset / 188);

	// Bits flipped within pictures: found by the decoder, or harmless, but the same every time.
	let mut corrupt = 0;
	for seed in 0..8usize {
		let mut flipped = good.clone();
		for n in 0..20 {
			let packet = 10 + (seed * 37 + n * 13) % (good.len() / 188 - 10);
			flipped[packet * 188 + 60 + seed] ^= 0x55;
		}
		let first = transcode(&pool(), &flipped).await;
		let second = transcode(&pool(), &flipped).await;
		assert!(first == second, "differs for {seed}");
		match first {
			Ok(_) => {}
			Err(MediaError::InputInvalid { .. }) => corrupt += 1,
			Err(other) => panic!("{other}"),
		}
	}
	assert!(corrupt > 0);

	// Tables that announce a video of which nothing comes.
	assert_eq!(reason(&good[..188 * 3]).await, (RejectReason::NoKeyframe, 188 * 3));

	// The start is missing: no picture can be decoded.
	let headless: Vec<u8> = good[..188 * 3].iter().chain(&good[188 * 60..]).copied().collect();
	assert!(matches!(
		reason(&headless).await.0,
		RejectReason::NoKeyframe | RejectReason::Undecodable { .. }
	));
}

#[tokio::test]
async fn source_should_be_invalid_when_its_size_changes_midway() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	let make = |name: &str, size: &str| {
		let encode = "-c:v libx264 -bf 0 -pix_fmt yuv420p -f h264";
		let filter = format!("testsrc2=s={size}:r=30:d=0.5");
		made(directory.path(), name, &format!("-f lavfi -i {filter} {encode}"))
	};
	let mut joined = make("a.h264", "320x180");
	joined.extend(make("b.h264", "640x360"));
	std::fs::write(directory.path().join("joined.h264"), joined).expect("disk");
	let at = directory.path().display();
	let stamp = "setts=pts=N*3000:dts=N*3000";
	let changing = made(
		directory.path(),
		"changing.ts",
		&format!("-r 30 -i {at}/joined.h264 -c copy -bsf:v {stamp} -f mpegts"),
	);
	assert!(matches!(reason(&changing).await.0, RejectReason::Undecodable { .. }));
}

/// A picture may show only a corner of its coded size, and work is counted by what it shows.
#[tokio::test]
async fn attack_pictures_of_which_most_is_decoded_and_cut_away() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	let make = |name: &str, crop: &str| {
		let encode = "-pix_fmt yuv420p -c:v libx264 -preset fast";
		let filter = "testsrc2=s=640x360:r=30:d=0.5";
		let cut = format!("-bsf:v h264_metadata={crop} -f mpegts");
		made(directory.path(), name, &format!("-f lavfi -i {filter} {encode} {cut}"))
	};
	let corner = make("corner.ts", "crop_right=560:crop_bottom=280");
	assert_eq!(reason(&corner).await.0, RejectReason::TooManyPixels);
	// As much as macroblocks are larger than what they show, and some more.
	let edge = make("edge.ts", "crop_right=48:crop_bottom=40");
	let facts = pool().probe(&edge, &LIMITS, Priority::Live).await.expect("a good source");
	assert_eq!((facts.width, facts.height), (592, 328));
}

/// Writes H.264 bit by bit.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
	fn u(mut self, bits: u32, value: u32) -> Self {
		self.0.extend((0..bits).rev().map(|bit| value >> bit & 1 == 1));
		self
	}

	/// These, each as an Exp-Golomb code.
	fn ue(self, values: &[u32]) -> Self {
		values.iter().fold(self, |bits, value| {
			let length = (value + 1).ilog2();
			bits.u(length, 0).u(length + 1, value + 1)
		})
	}

	/// The unit with this first byte, behind a start code.
	fn nal(self, first: u8) -> Vec<u8> {
		let mut unit = vec![0, 0, 0, 1, first];
		let bits = self.u(1, 1).0;
		let mut zeros = 0;
		for bits in bits.chunks(8) {
			let byte = bits
				.iter()
				.zip((0..8).rev())
				.fold(0u8, |sum, (bit, at)| sum | u8::from(*bit) << at);
			if zeros == 2 && byte <= 3 {
				unit.push(3);
				zeros = 0;
			}
			unit.push(byte);
			zeros = if byte == 0 { zeros + 1 } else { 0 };
		}
		unit
	}
}

/// Macroblocks of a row of [`fields`], and its rows.
const MACROBLOCKS: (u32, u32) = (40, 24);

/// Parameter sets of 640×384 in fields, and a picture that starts afresh: its first field, in which nothing is, and
/// a second one that is the first.
fn fields() -> Vec<u8> {
	let (columns, rows) = MACROBLOCKS;
	let size = [columns - 1, rows / 2 - 1];
	// Frame numbers of eight bits, the order of decoding, one reference; fields, direct prediction of 8×8.
	let sps = Bits::default().u(24, 77 << 16 | 51).ue(&[0, 4, 2, 1]).u(1, 0).ue(&size);
	let sps = sps.u(2, 0).u(1, 1).u(2, 0).nal(0x67);
	// CAVLC, one slice group, a reference, no weights, and a word about the loop filter in each slice.
	let pps = Bits::default().ue(&[0, 0]).u(2, 0).ue(&[0, 0, 0]).u(3, 0).ue(&[0, 0, 0]);
	let pps = pps.u(3, 4).nal(0x68);
	let first = Bits::default().ue(&[0, 7, 0]).u(8, 0).u(2, 2).ue(&[0]).u(2, 0).ue(&[0, 1]);
	// Each macroblock: predicted as a whole, by its mean, and nothing left.
	let first = (0..columns * rows / 2).fold(first, |bits, _| bits.u(8, 0x27)).nal(0x65);
	[sps, pps, first, repeated(0, true, 0, columns * rows / 2)].concat()
}

/// A slice of a field that is as the one before, from a macroblock on and for so many.
fn repeated(number: u32, is_bottom: bool, from: u32, macroblocks: u32) -> Vec<u8> {
	let slice = Bits::default().ue(&[from, 5, 0]).u(8, number).u(1, 1).u(1, is_bottom.into());
	slice.u(3, 0).ue(&[0, 1, macroblocks]).nal(0x61)
}

/// A source of these pictures.
fn stamped(directory: &std::path::Path, pictures: &[u8]) -> Vec<u8> {
	std::fs::write(directory.join("case.h264"), pictures).expect("disk");
	let input = directory.join("case.h264");
	let stamp = "setts=pts=N*3000:dts=N*3000";
	let copy = format!("-r 30 -i {} -c copy -bsf:v {stamp} -f mpegts", input.display());
	made(directory, "case.ts", &copy)
}

/// One field can be decoded any number of times over, and no decoder minds.
#[tokio::test]
async fn attack_slices_that_overlap() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	let (columns, rows) = MACROBLOCKS;
	let all = columns * rows / 2;
	// Three pictures of two fields, each in so many slices: all of them from the second on go up to the end or, if they
	// do not overlap, the last one does.
	let make = |slices: u32, overlap: bool| {
		let field = |number: u32, is_bottom: bool| -> Vec<u8> {
			let slice = |from: u32| {
				let is_long = from + 1 == slices || (overlap && from > 0);
				repeated(number, is_bottom, from, if is_long { all - from } else { 1 })
			};
			(0..slices).flat_map(slice).collect()
		};
		let pictures = (1..4).flat_map(|number| [field(number, false), field(number, true)]);
		stamped(directory.path(), &[fields(), pictures.collect::<Vec<_>>().concat()].concat())
	};
	for good in [make(1, false), make(12, false), make(45, false)] {
		let facts = pool().probe(&good, &LIMITS, Priority::Live).await.expect("a good source");
		assert_eq!((facts.width, facts.height, facts.frames), (640, 384, 4));
	}
	assert!(matches!(reason(&make(40, true)).await.0, RejectReason::Undecodable { .. }));
	// How often a packet decodes the same rows shows only when it is decoded, so it may have at most as many
	// slices as rows.
	assert!(matches!(reason(&make(46, false)).await.0, RejectReason::Undecodable { .. }));
}

/// Nor where each macroblock is of a field or of a frame: two rows of those are decoded at once.
#[tokio::test]
async fn attack_slices_that_overlap_in_frames_of_two_fields() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	let (columns, rows) = MACROBLOCKS;
	let pairs = columns * rows / 2;
	// As in `fields`, but for the pictures' kind.
	let size = [columns - 1, rows / 2 - 1];
	let sps = Bits::default().u(24, 77 << 16 | 51).ue(&[0, 4, 2, 1]).u(1, 0).ue(&size);
	let sps = sps.u(2, 1).u(1, 1).u(2, 0).nal(0x67);
	let pps = Bits::default().ue(&[0, 0]).u(2, 0).ue(&[0, 0, 0]).u(3, 0).ue(&[0, 0, 0]);
	let pps = pps.u(3, 4).nal(0x68);
	// It does not start afresh: pictures would be shown from the fifteenth behind it on.
	let recovery = Bits::default().u(8, 6).u(8, 2).ue(&[15]).u(4, 8).u(3, 4).nal(0x06);
	let entry = Bits::default().ue(&[0, 7, 0]).u(8, 0).u(2, 0).ue(&[0, 1]);
	let entry = (0..pairs).fold(entry, |bits, _| bits.u(1, 0).u(16, 0x2727)).nal(0x61);
	// A slice of one pair, and this many that reach the end, each one pair shorter.
	let picture = |number: u32, slices: u32| -> Vec<u8> {
		let slice = |from: u32, pairs: u32| {
			let slice = Bits::default().ue(&[from, 5, 0]).u(8, number).u(1, 0);
			slice.u(3, 0).ue(&[0, 1, 2 * pairs]).nal(0x61)
		};
		let long = (1..=slices).flat_map(|from| slice(from, pairs - from));
		slice(0, 1).into_iter().chain(long).collect()
	};
	let fresh = Bits::default().ue(&[0, 7, 0]).u(8, 0).u(1, 0).ue(&[0]).u(2, 0).ue(&[0, 1]);
	let fresh = (0..pairs).fold(fresh, |bits, _| bits.u(1, 0).u(16, 0x2727)).nal(0x65);
	let make = |slices: u32| {
		let hidden: Vec<u8> = (1..15).flat_map(|number| picture(number, slices)).collect();
		let all = [&sps[..], &pps, &recovery, &entry, &hidden, &fresh].concat();
		stamped(directory.path(), &all)
	};
	// Fifteen pictures in front of the one that is shown, and as many as fifty-eight.
	let facts = pool().probe(&make(1), &LIMITS, Priority::Live).await.expect("a good source");
	assert_eq!((facts.width, facts.height, facts.frames), (640, 384, 1));
	assert!(matches!(reason(&make(4)).await.0, RejectReason::Undecodable { .. }));
}

/// Each parameter set takes a decoder twenty microseconds and more, and there is room for two million.
#[tokio::test]
async fn attack_parameter_sets_without_end() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	let pps = Bits::default().ue(&[1, 0]).u(2, 0).ue(&[0, 0, 0]).u(3, 0).ue(&[0, 0, 0]);
	let pps = pps.u(3, 4).nal(0x68);
	let all = MACROBLOCKS.0 * MACROBLOCKS.1 / 2;
	let make = |sets: usize| {
		let next = [repeated(1, false, 0, all), repeated(1, true, 0, all)].concat();
		stamped(directory.path(), &[fields(), pps.repeat(sets), next].concat())
	};
	assert!(pool().probe(&make(100), &LIMITS, Priority::Live).await.is_ok());
	assert_eq!(reason(&make(5_000)).await.0, RejectReason::TooManyPackets);
}

/// A frame of sound that is a header and nothing else.
const HEADER: [u8; 7] = [0xff, 0xf1, 0x4c, 0x80, 0, 0xff, 0xfc];

/// The packet with the `number`th piece of sound behind those of a source, at a time in ticks. It states its length or
/// none.
fn sound(source: &[u8], number: u64, time: u64, frames: &[u8], states_length: bool) -> Vec<u8> {
	let is_sound = |packet: &&[u8]| packet[1] & 0x1f == 1 && packet[2] == 1;
	let last = source.chunks(188).rfind(is_sound).expect("it has sound");
	let counter = (u64::from(last[3]) + number) as u8 & 0x0f;
	let time = [time >> 29 & 0x0e | 0x21, time >> 22, time >> 14 | 1, time >> 7, time << 1 | 1];
	let time = time.map(|bits| bits as u8);
	let length = if states_length { frames.len() as u8 + 8 } else { 0 };
	let begins = [0, 0, 1, 0xc0, 0, length, 0x80, 0x80, 5];
	let filling = vec![0xff_u8; 182 - begins.len() - time.len() - frames.len()];
	let head = [0x47, 0x41, 0x01, 0x30 | counter, 1 + filling.len() as u8, 0];
	[&head[..], &filling, &begins, &time, frames].concat()
}

/// A demuxer keeps room for the longest piece for each piece of sound that states no length. A child that has no more
/// memory leaves pictures out, and who had a little more would convict it.
#[tokio::test]
async fn attack_sound_without_length_that_fills_a_demuxers_memory() {
	let source = source();
	let make = |pieces: u64| -> Vec<u8> {
		let piece = |number| sound(&source, number, 900_000 + 100 * number, &HEADER, false);
		[source.clone(), (1..=pieces).flat_map(piece).collect()].concat()
	};
	let good = pool().probe(&make(3_000), &LIMITS, Priority::Live).await.expect("a good source");
	assert_eq!(good.frames, 30);
	assert_eq!(reason(&make(8_000)).await.0, RejectReason::TooManyPackets);
}

/// Frames of sound that are headers alone take next to nothing in a source, and each takes a packet of its own in every
/// output: 150 kB became 5 MB and more in each of eight, for which no work is stated and no memory was counted.
#[tokio::test]
async fn attack_sound_of_nothing_but_headers() {
	let source = source();
	// As many as a packet has room for.
	let frames = HEADER.repeat(24);
	let make = |pieces: u64| -> Vec<u8> {
		let piece = |number| sound(&source, number, 900_000 + 50_000 * number, &frames, true);
		[source.clone(), (1..=pieces).flat_map(piece).collect()].concat()
	};
	let made = transcode(&pool(), &make(100)).await.expect("a good source");
	for output in &made.outputs {
		assert!((100 * 24 * 188..most_sound(&LIMITS)).contains(&(output.len() as u64)));
	}
	assert_eq!(reason(&make(300)).await.0, RejectReason::UnsupportedAudio);
}

/// The right outputs of such a source are beyond the limits of a source themselves. A judge that called the source
/// invalid for that would excuse wrong outputs from the slash.
#[tokio::test]
async fn attack_sound_with_pauses_that_excuses_wrong_outputs() {
	let source = source();
	let piece = |number| sound(&source, number, 900_000 + 90_000 * number, &HEADER, true);
	let input = [source.clone(), (1..=1_100).flat_map(piece).collect()].concat();
	let engine = Engine::unattested(pool());
	let ladder = LADDER.to_vec().try_into().expect("two renditions");
	let format = Format { ladder, limits: LIMITS, variants: true, stated: None };
	let right = engine.transcode(&format, &input, None).await.expect("a good source").outputs;
	let beyond = pool().inspect(&right[0], &LIMITS, Priority::Verify).await;
	assert!(matches!(beyond, Err(MediaError::InputInvalid { .. })), "{beyond:?}");
	// That of the source without these pauses.
	let wrong = transcode(&pool(), &source).await.expect("a good source").outputs;
	let outputs = [Some(wrong[0].clone()), Some(right[1].clone())];
	let examined = engine.examine(&format, &input, &outputs, Hash::zero(), 0).await;
	let findings = examined.expect("a good source").findings;
	assert!(findings[0].fault().is_some() && findings[1] == Finding::Exact, "{findings:?}");
}

/// What sound is, its programme says. A demuxer that also compares a megabyte of it with all formats that it knows takes a
/// minute, for which no work is stated.
#[tokio::test]
async fn attack_sound_that_looks_like_another_format() {
	let source = source();
	// Behind the tables, and before all other sound.
	let (tables, rest) = source.split_at(3 * 188);
	// Each of these could be the first of a page of subtitles that goes on to the end.
	let subtitles = [0x0fu8, 0x80, 0, 0, 0, 0].repeat(147_200);
	let sound = [&[0u8, 0, 1, 0xc0, 0, 0, 0x80, 0, 0][..], &subtitles].concat();
	let packets = sound.chunks_exact(184).enumerate().flat_map(|(place, bytes)| {
		let begins = if place == 0 { 0x40 } else { 0 };
		let head = [0x47, begins | 0x01, 0x01, 0x10 | (place % 16) as u8];
		[&head[..], bytes].concat()
	});
	let bait = [tables, &packets.collect::<Vec<u8>>(), rest].concat();
	let pool = MediaPool::new(PoolConfig { live_timeout: Duration::from_secs(20), ..config() });
	let found = pool.probe(&bait, &LIMITS, Priority::Live).await;
	assert!(matches!(found, Err(MediaError::InputInvalid { .. })), "{found:?}");
}

/// A decoder keeps four kibibytes for each unit, in whatever it has: there is room for three million.
#[tokio::test]
async fn attack_units_that_fill_a_decoders_memory() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	let all = MACROBLOCKS.0 * MACROBLOCKS.1 / 2;
	let make = |units: usize| {
		let filler = [0u8, 0, 1, 12, 128].repeat(units);
		let next = [repeated(1, false, 0, all), filler, repeated(1, true, 0, all)].concat();
		stamped(directory.path(), &[fields(), next].concat())
	};
	assert!(pool().probe(&make(2_000), &LIMITS, Priority::Live).await.is_ok());
	assert_eq!(reason(&make(2_100)).await.0, RejectReason::TooManyPackets);
}

#[tokio::test]
async fn probe_should_tell_what_a_segment_is() {
	let facts = pool().probe(&source(), &LIMITS, Priority::Live).await.expect("a good source");
	assert_eq!((facts.width, facts.height, facts.frames), (640, 360, 30));
	let small = SourceLimits { width: 320, height: 180, ..LIMITS };
	let refused = pool().probe(&source(), &small, Priority::Verify).await;
	assert!(matches!(
		refused,
		Err(MediaError::InputInvalid { reason: RejectReason::TooManyPixels, .. })
	));
}

#[tokio::test]
async fn source_should_be_good_when_it_is_exactly_at_the_limits() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	for (width, height) in [(426, 240), (854, 480), (270, 480), (130, 98)] {
		let filter = format!("testsrc2=s={width}x{height}:r=30:d=0.2");
		let encode = "-c:v libx264 -pix_fmt yuv420p -f mpegts";
		let input = made(directory.path(), "case.ts", &format!("-f lavfi -i {filter} {encode}"));
		let limits = SourceLimits { width, height, fps: 30, ..LIMITS };
		let facts = pool().probe(&input, &limits, Priority::Live).await.expect("at the limits");
		assert_eq!((facts.width, facts.height), (width.into(), height.into()));
	}
}

#[tokio::test]
async fn format_should_be_refused_when_it_cannot_be_a_jobs() {
	let odd = [rendition(427, 240, 400)];
	let refused = transcode_into(&pool(), &source(), &odd, None).await;
	assert!(matches!(refused, Err(MediaError::Format(_))));
}

#[tokio::test]
async fn source_should_be_invalid_when_it_is_shorter_than_the_job_takes() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	let make = |seconds: &str| {
		let filter = format!("testsrc2=s=320x180:r=30:d={seconds}");
		let encode = "-c:v libx264 -pix_fmt yuv420p -f mpegts";
		made(directory.path(), "case.ts", &format!("-f lavfi -i {filter} {encode}"))
	};
	let limits = SourceLimits { shortest: 90_000, ..LIMITS };
	let (enough, short) = (make("1"), make("0.9"));
	assert!(pool().probe(&enough, &limits, Priority::Live).await.is_ok());
	let refused = pool().probe(&short, &limits, Priority::Live).await;
	assert!(matches!(
		refused,
		Err(MediaError::InputInvalid { reason: RejectReason::TooShort, .. })
	));
	assert!(pool().probe(&short, &LIMITS, Priority::Live).await.is_ok(), "the last of its epoch");
}
