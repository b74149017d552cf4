//! Sources that are not what the job declares, or not video at all: a typed reason, never a crash.

mod common;

use common::*;
use livepeer_primitives::{
	receipt::RejectReason,
	video::{SourceLimits, MAX_SEGMENT_BYTES},
};
use livepeer_worker_media::{MediaError, Priority};

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

/// What a picture shows may be a corner of what is decoded, and its work is counted by what it shows.
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
