//! Files into segments.

mod common;

use std::{fs::File, path::Path};

use common::*;
use livepeer_worker_core::rules::{playlist::first_pts, ts::describe};
use livepeer_worker_media::{MediaError, Segment, SegmentOptions};

async fn cut(path: &Path, options: SegmentOptions) -> Result<Vec<Segment>, MediaError> {
	let file = File::open(path).expect("the file is there");
	let mut stream = pool().segment_file(file, options).expect("a child starts");
	let mut segments = Vec::new();
	while let Some(segment) = stream.next().await {
		segments.push(segment?);
	}
	Ok(segments)
}

/// Refuses what would have to be encoded.
const STRICT: SegmentOptions = SegmentOptions {
	target: 180_000,
	longest: 540_000,
	plays: Some(1),
	fit: None,
	normalise: false,
	live: false,
	own: false,
};

/// Eight seconds with a keyframe each second and sound.
const FILM: &str = "-f lavfi -i testsrc2=s=320x180:r=25:d=8 -f lavfi -i sine=r=48000:d=8 \
	-pix_fmt yuv420p -c:v libx264 -preset fast -g 25 -c:a aac";

#[tokio::test]
async fn file_should_be_cut_at_keyframes_when_it_is_mp4_matroska_or_ts() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	for name in ["film.mp4", "film.mkv", "film.ts", "film.mov", "film.flv"] {
		made(directory.path(), name, FILM);
		let segments = cut(&directory.path().join(name), SegmentOptions::default()).await;
		let segments = segments.unwrap_or_else(|e| panic!("{name}: {e}"));
		let frames: Vec<u32> = segments.iter().map(|s| s.frames).collect();
		assert_eq!(frames, [50, 50, 50, 50], "{name}");
		assert_eq!(segments[0].first_time, 126_000);
		for pair in segments.windows(2) {
			let end = pair[0].first_time + i64::from(pair[0].duration);
			assert_eq!(end, pair[1].first_time, "{name}");
		}
		let mut pictures = 0;
		for segment in &segments {
			assert_eq!(&segment.data[..3], [0x47, 0x40, 0x11], "tables come first");
			let made = transcode(&pool(), &segment.data).await;
			let facts = made.unwrap_or_else(|e| panic!("{name}: {e}")).facts;
			assert_eq!((facts.frames, facts.first_time), (segment.frames, segment.first_time));
			assert_eq!(facts.fps, (25, 1), "{name}");
			assert!(facts.has_audio);
			pictures += facts.frames;
		}
		assert_eq!(pictures, 200);
	}
}

#[tokio::test]
async fn time_should_go_on_when_the_file_is_repeated() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	made(directory.path(), "film.mp4", FILM);
	let options = SegmentOptions { plays: Some(3), ..SegmentOptions::default() };
	let segments = cut(&directory.path().join("film.mp4"), options).await.expect("a good film");
	assert_eq!(segments.iter().map(|s| s.frames).sum::<u32>(), 3 * 200);
	for pair in segments.windows(2) {
		assert_eq!(pair[0].first_time + i64::from(pair[0].duration), pair[1].first_time);
	}
	let mut all = Vec::new();
	for segment in &segments {
		transcode(&pool(), &segment.data).await.expect("each can be decoded alone");
		all.extend_from_slice(&segment.data);
	}
	// Joined they are one stream without errors or gaps in the sound.
	std::fs::write(directory.path().join("joined.ts"), all).expect("disk");
	let joined = directory.path().join("joined.ts");
	let listed = std::process::Command::new("ffprobe")
		.args(["-v", "error", "-select_streams", "a", "-show_entries", "packet=pts"])
		.args(["-of", "csv=p=0"])
		.arg(joined)
		.output()
		.expect("ffprobe is installed");
	let times: Vec<i64> = String::from_utf8_lossy(&listed.stdout)
		.lines()
		.filter_map(|line| line.trim_end_matches(',').parse().ok())
		.collect();
	// 1,024 samples at 48 kHz are 1,920 ticks; at a repetition less than two of them may be missing.
	assert!(times.len() > 3 * 370);
	for pair in times.windows(2) {
		let step = pair[1] - pair[0];
		assert!((1..2 * 1920).contains(&step), "{step} at {}", pair[0]);
	}
}

/// Changes the times of the sound in a transport stream as ffmpeg writes it, and nothing of its order.
fn retimed(film: &mut [u8], change: impl Fn(u64) -> u64) {
	for packet in film.chunks_exact_mut(188) {
		let number = u16::from_be_bytes([packet[1], packet[2]]) & 0x1fff;
		if number != 0x101 || packet[1] & 0x40 == 0 {
			continue;
		}
		let start = if packet[3] & 0x20 != 0 { 5 + usize::from(packet[4]) } else { 4 };
		let pts = &mut packet[start + 9..start + 14];
		let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(|index: usize| u64::from(pts[index]));
		let time = (a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1;
		let time = change(time);
		let high = 0x21 | (time >> 29 & 0x0e) as u8;
		let middle = [(time >> 22) as u8, (time >> 14) as u8 | 1];
		pts.copy_from_slice(&[
			high,
			middle[0],
			middle[1],
			(time >> 7) as u8,
			(time << 1) as u8 | 1,
		]);
	}
}

/// A link that loses datagrams: what is left of the frames of sound around each used to make transcoders reject
/// its whole segment, and the segmenter ended at a piece of one byte, which no muxer takes.
#[tokio::test]
async fn sound_of_which_packets_are_lost_should_cost_no_segment() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	let film = made(directory.path(), "film.ts", FILM);
	let path = directory.path().join("lossy.ts");
	for first in [3, 4] {
		let mut sound = 0;
		let is_kept = |packet: &&[u8]| {
			let is_sound = u16::from_be_bytes([packet[1], packet[2]]) & 0x1fff == 0x101;
			sound += usize::from(is_sound);
			!is_sound || sound % 25 != first
		};
		let lossy: Vec<u8> = film.chunks_exact(188).filter(is_kept).flatten().copied().collect();
		assert!(lossy.len() < film.len());
		std::fs::write(&path, lossy).expect("disk");
		let segments = cut(&path, SegmentOptions::default()).await.expect("a good film");
		assert_eq!(segments.iter().map(|s| s.frames).collect::<Vec<_>>(), [50, 50, 50, 50]);
		for segment in &segments {
			let made = transcode(&pool(), &segment.data).await.expect("its sound is whole");
			assert!(made.facts.has_audio);
		}
	}
}

/// One frame of sound says that it is stereo: what a lossy link leaves may say anything. All sound was encoded from
/// there on, and its publisher was told that it had changed.
#[tokio::test]
async fn sound_should_still_be_copied_when_a_single_header_is_of_another_form() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	let mut film = made(directory.path(), "film.ts", FILM);
	// The channels of an ADTS header: one.
	let is_header = |bytes: &[u8]| bytes[..3] == [0xff, 0xf1, 0x4c] && bytes[3] & 0xc0 == 0x40;
	let is_sound = |at: usize| {
		let packet = &film[at - at % 188..];
		at % 188 <= 184 && u16::from_be_bytes([packet[1], packet[2]]) & 0x1fff == 0x101
	};
	let mut headers = (0..film.len() - 3).filter(|at| is_header(&film[*at..]) && is_sound(*at));
	let at = headers.nth(100).expect("there are 47 frames in a second");
	film[at + 3] ^= 0xc0;
	let path = directory.path().join("other.ts");
	std::fs::write(&path, film).expect("disk");
	let file = File::open(&path).expect("the file is there");
	let mut stream = pool().segment_file(file, SegmentOptions::default()).expect("a child starts");
	let mut frames = Vec::new();
	while let Some(segment) = stream.next().await {
		let segment = segment.expect("a good film");
		transcode(&pool(), &segment.data).await.expect("its sound is whole");
		frames.push(segment.frames);
	}
	assert_eq!(frames, [50, 50, 50, 50]);
	assert!(stream.notices().is_empty(), "{:?}", stream.notices());
}

/// Sound is a minute ahead of the pictures that come beside it, or its clock runs twice as fast: the picture used to be
/// taken for one that stands still, was repeated until there, and none that came was shown any more.
#[tokio::test]
async fn picture_should_go_on_whatever_the_time_of_the_sound() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	let film = FILM.replace("-preset fast", "-preset ultrafast -tune zerolatency");
	made(directory.path(), "film.ts", &film);
	let film = std::fs::read(directory.path().join("film.ts")).expect("just made");
	let path = directory.path().join("apart.ts");
	let mut apart = film.clone();
	retimed(&mut apart, |time| time + 60 * 90_000);
	std::fs::write(&path, apart).expect("disk");
	let segments = cut(&path, SegmentOptions::default()).await.expect("a good film");
	assert_eq!(segments.iter().map(|s| s.frames).collect::<Vec<_>>(), [50, 50, 50, 50]);
	for segment in &segments {
		let made = transcode(&pool(), &segment.data).await.expect("each can be decoded alone");
		assert!(made.facts.has_audio, "silence");
	}
	let mut fast = film;
	retimed(&mut fast, |time| 2 * time);
	std::fs::write(&path, fast).expect("disk");
	let segments = cut(&path, SegmentOptions::default()).await.expect("a good film");
	let pictures: u32 = segments.iter().map(|s| s.frames).sum();
	// The last one stays for as long as the sound continues.
	assert!((200..=260).contains(&pictures), "{pictures}");
}

#[tokio::test]
async fn stream_should_go_on_for_ever_when_asked_and_stop_when_dropped() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	made(directory.path(), "film.mp4", FILM);
	let file = File::open(directory.path().join("film.mp4")).expect("just made");
	let options = SegmentOptions { plays: None, ..SegmentOptions::default() };
	let mut stream = pool().segment_file(file, options).expect("a child starts");
	let mut last = 0;
	for _ in 0..40 {
		let segment = stream.next().await.expect("no end").expect("no error");
		assert!(segment.first_time > last);
		last = segment.first_time;
	}
	assert!(last > 39 * 90_000);
}

#[tokio::test]
async fn cut_should_be_early_when_the_next_keyframe_is_too_far() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	let film = |name: &str, keys: &str| {
		let options = format!(
			"-f lavfi -i testsrc2=s=320x180:r=25:d=9 -pix_fmt yuv420p -c:v libx264 \
			 -preset ultrafast -g 1000 -sc_threshold 0 -force_key_frames {keys}"
		);
		made(directory.path(), name, &options);
		directory.path().join(name)
	};
	// 1.6 s is before the target, but the next one after it would make more than six seconds.
	let path = film("early.mp4", "0,1.6,7");
	let segments = cut(&path, SegmentOptions::default()).await.expect("it can be cut");
	let frames: Vec<u32> = segments.iter().map(|s| s.frames).collect();
	assert_eq!(frames, [40, 135, 50]);

	let path = film("never.mp4", "0,8");
	let segments = cut(&path, SegmentOptions::default()).await.expect("it is encoded again");
	assert_eq!(segments.iter().map(|s| s.frames).sum::<u32>(), 225);
	match cut(&path, STRICT).await {
		Err(MediaError::Unsupported(text)) => {
			assert!(text.contains("keyframe") && text.contains("ffmpeg -i INPUT"), "{text}")
		}
		other => panic!("{:?}", other.map(|segments| segments.len())),
	}
}

#[tokio::test]
async fn short_rest_should_join_the_last_segment() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	let options = "-f lavfi -i testsrc2=s=320x180:r=25:d=4.4 -pix_fmt yuv420p -c:v libx264 -g 50";
	made(directory.path(), "film.mp4", options);
	let segments = cut(&directory.path().join("film.mp4"), SegmentOptions::default()).await;
	let frames: Vec<u32> = segments.expect("a good film").iter().map(|s| s.frames).collect();
	assert_eq!(frames, [50, 60]);
}

#[tokio::test]
async fn error_should_say_what_to_do_when_the_file_does_not_fit() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	let picture = "-f lavfi -i testsrc2=s=320x180:r=25:d=1";
	let cases = [
		(
			"hevc.mp4",
			format!("{picture} -c:v libx265 -x265-params log-level=0"),
			"the video is hevc",
		),
		("deep.mp4", format!("{picture} -c:v libx264 -pix_fmt yuv420p10le"), "not 8-bit 4:2:0"),
		(
			"mp3.mkv",
			format!("{picture} -f lavfi -i sine=d=1 -c:v libx264 -pix_fmt yuv420p -c:a libmp3lame"),
			"the sound is mp3",
		),
		("sound.mp4", "-f lavfi -i sine=d=1 -c:a aac".to_string(), "no video track"),
	];
	for (name, options, expected) in cases {
		made(directory.path(), name, &options);
		match cut(&directory.path().join(name), STRICT).await {
			Err(MediaError::Unsupported(text)) => {
				assert!(text.contains(expected), "{name}: {text}");
				assert!(!text.contains('\n'), "{name}: {text}");
			}
			other => panic!("{name}: {:?}", other.map(|segments| segments.len())),
		}
	}
	for (name, bytes) in [
		("text.mp4", &b"this is not a video\n"[..]),
		("list.m3u8", b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile:///etc/hostname\n"),
		("empty.mp4", b""),
	] {
		let path = directory.path().join(name);
		std::fs::write(&path, bytes).expect("disk");
		match cut(&path, SegmentOptions::default()).await {
			Err(MediaError::Unsupported(text)) => assert!(text.contains("not a video"), "{text}"),
			other => panic!("{name}: {:?}", other.map(|segments| segments.len())),
		}
	}
}

#[tokio::test]
async fn live_source_should_be_cut_as_it_comes_and_end_when_it_breaks_off() {
	use tokio::io::AsyncWriteExt;
	let directory = tempfile::tempdir().expect("a temporary directory");
	let film = made(directory.path(), "film.ts", FILM);
	let (mut input, mut stream) =
		pool().segment_live(SegmentOptions::default()).expect("a child starts");
	// Nothing of the rest is there before the first segment came.
	let (came, wait) = tokio::sync::oneshot::channel::<()>();
	tokio::spawn(async move {
		let (now, later) = film.split_at(film.len() / 2);
		input.write_all(now).await.expect("the child reads");
		wait.await.expect("it came");
		input.write_all(&later[..later.len() / 2]).await.expect("the child reads");
	});
	let first = stream.next().await.expect("no end").expect("no error");
	assert_eq!((first.frames, first.last), (50, false));
	let shape = stream.shape().expect("it is said first");
	assert_eq!((shape.width, shape.height, shape.fps), (320, 180, 25));
	came.send(()).expect("it waits");
	let mut last = first;
	while let Some(segment) = stream.next().await {
		let segment = segment.expect("no error");
		assert_eq!(last.first_time + i64::from(last.duration), segment.first_time);
		last = segment;
	}
	assert!(last.last, "what comes next is another epoch");
}

/// A camera that sends each unit of a picture by itself, with the picture's time: what holds no picture used to
/// count as one, and transcoders rejected its segment.
#[tokio::test]
async fn units_that_come_without_a_picture_should_belong_to_the_next() {
	const SEI: [u8; 24] = *b"\0\0\0\x14\x06\x05\x10sixteen letters.\x80";
	let directory = tempfile::tempdir().expect("a temporary directory");
	let film = made(directory.path(), "film.flv", FILM);
	let (mut loose, mut rest) = (film[..13].to_vec(), &film[13..]);
	while rest.len() >= 11 {
		let size = u32::from_be_bytes([0, rest[1], rest[2], rest[3]]) as usize;
		let (tag, after) = rest.split_at(11 + size + 4);
		// A picture in H.264.
		if tag[0] == 9 && tag[11] & 0x0f == 7 && tag[12] == 1 {
			let body = [&[0x27, 1, 0, 0, 0][..], &SEI].concat();
			loose.extend([9, 0, 0, body.len() as u8]);
			loose.extend_from_slice(&tag[4..11]);
			loose.extend_from_slice(&body);
			loose.extend((11 + body.len() as u32).to_be_bytes());
		}
		loose.extend_from_slice(tag);
		rest = after;
	}
	assert!(loose.len() > film.len());
	let path = directory.path().join("loose.flv");
	std::fs::write(&path, loose).expect("disk");
	let segments = cut(&path, SegmentOptions::default()).await.expect("a good film");
	assert_eq!(segments.iter().map(|s| s.frames).collect::<Vec<_>>(), [50, 50, 50, 50]);
	for segment in &segments {
		transcode(&pool(), &segment.data).await.expect("each can be decoded alone");
	}
}

/// An encoder announces sound, and none comes for six seconds. It used to be left out then for as long as the
/// publisher stayed.
#[tokio::test]
async fn sound_that_is_announced_and_comes_late_should_be_taken() {
	use tokio::io::AsyncWriteExt;
	let directory = tempfile::tempdir().expect("a temporary directory");
	let film =
		"-f lavfi -i testsrc2=s=320x180:r=25:d=12 -itsoffset 6 -f lavfi -i sine=r=48000:d=6 \
		-pix_fmt yuv420p -c:v libx264 -preset fast -g 25 -c:a aac";
	let film = made(directory.path(), "film.ts", film);
	let (mut input, mut stream) =
		pool().segment_live(SegmentOptions::default()).expect("a child starts");
	tokio::spawn(async move { input.write_all(&film).await });
	let (mut with_sound, mut late) = (Vec::new(), Vec::new());
	while let Some(segment) = stream.next().await {
		let segment = segment.expect("no error");
		let made = transcode(&pool(), &segment.data).await.expect("each can be decoded alone");
		with_sound.push(made.facts.has_audio);
		if made.facts.has_audio {
			late.extend_from_slice(&segment.data);
		}
	}
	assert!(with_sound.is_sorted() && with_sound[0] != with_sound[with_sound.len() - 1]);
	let path = directory.path().join("late.ts");
	std::fs::write(&path, late).expect("disk");
	let listed = std::process::Command::new("ffprobe")
		.args(["-v", "error", "-select_streams", "a", "-show_entries", "packet=pts"])
		.args(["-of", "csv=p=0"])
		.arg(path)
		.output()
		.expect("ffprobe is installed");
	// There are 47 frames in a second, several with one time, and the next keyframe is at most two seconds away.
	let frames = String::from_utf8_lossy(&listed.stdout).lines().count();
	assert!(frames > 150, "{frames}");
}

/// The encoder behind a relay is exchanged while the connection stays. The new one's tracks used to be left out,
/// and the stream stood still without a word for as long as the connection was there.
#[tokio::test]
async fn live_source_should_end_when_other_tracks_take_the_place_of_its_own() {
	use tokio::io::AsyncWriteExt;
	let directory = tempfile::tempdir().expect("a temporary directory");
	let one = made(directory.path(), "one.ts", FILM);
	let other = format!("{FILM} -output_ts_offset 8 -mpegts_start_pid 512");
	let other = made(directory.path(), "other.ts", &other);
	let (mut input, mut stream) =
		pool().segment_live(SegmentOptions::default()).expect("a child starts");
	let writing = tokio::spawn(async move {
		input.write_all(&one).await.expect("the child reads");
		// It may have ended before all is written.
		let _ = input.write_all(&other).await;
		input
	});
	let cutting = async {
		let (mut pictures, mut is_last) = (0, false);
		while let Some(segment) = stream.next().await {
			let segment = segment.expect("no error");
			(pictures, is_last) = (pictures + segment.frames, segment.last);
		}
		(pictures, is_last)
	};
	let cut = tokio::time::timeout(std::time::Duration::from_secs(60), cutting).await;
	let (pictures, is_last) = cut.expect("it ends, although its input does not");
	// The last ones may wait in the demuxer for what follows them.
	assert!((190..=200).contains(&pictures) && is_last, "{pictures}");
	drop(writing.await);
}

/// Eight seconds in three sizes, as a publisher sends renditions of its own; the smallest has its keyframes
/// elsewhere.
const SIZES: &str = "-f lavfi -i testsrc2=s=640x360:r=25:d=8 -f lavfi -i sine=r=48000:d=8 -filter_complex \
	[0:v]split=3[a][b][c];[b]scale=320:180[d];[c]scale=160:90[e] -map [a] -map [d] -map [e] -map 1:a \
	-pix_fmt yuv420p -c:v libx264 -preset ultrafast -bf 2 -sc_threshold 0 -g 50 -g:v:2 33 -c:a aac -f matroska";

#[tokio::test]
async fn further_tracks_should_be_cut_with_the_first_where_they_are_wanted_or_left_out_with_words()
{
	use tokio::io::AsyncWriteExt;
	let directory = tempfile::tempdir().expect("a temporary directory");
	let film = made(directory.path(), "film.mkv", SIZES);
	for own in [true, false] {
		let options = SegmentOptions { own, ..SegmentOptions::default() };
		let (mut input, mut stream) = pool().segment_live(options).expect("a child starts");
		let film = film.clone();
		tokio::spawn(async move { input.write_all(&film).await });
		let mut tracks = Vec::new();
		while let Some(segment) = stream.next().await {
			let segment = segment.expect("no error");
			assert_eq!(segment.frames, 50);
			tracks.push(segment.own.0.iter().map(|rung| rung.track).collect::<Vec<_>>());
			let first = describe(&segment.data).expect("it is a transport stream");
			for rung in &segment.own.0 {
				let described = describe(&rung.data).expect("it is a transport stream");
				assert_eq!((described.size, described.pictures), ((320, 180), 50));
				assert_eq!(described.codecs.split(',').nth(1), first.codecs.split(',').nth(1));
				assert!(described.codecs.contains("mp4a"), "{}", described.codecs);
				assert_eq!(first_pts(&rung.data), first_pts(&segment.data));
			}
		}
		let expected = if own { vec![1] } else { vec![] };
		assert_eq!(tracks, vec![expected; 4]);
		let said = stream.notices().iter().any(|text| text.contains("rendition 2 is left out"));
		assert_eq!(said, own, "{:?}", stream.notices());
	}
}

#[tokio::test]
async fn child_should_survive_changed_transport_streams() {
	let directory = tempfile::tempdir().expect("a temporary directory");
	let film = made(directory.path(), "film.ts", FILM);
	let mut state = 0x9e37_79b9_7f4a_7c15u64;
	let mut random = |below: usize| {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		state as usize % below
	};
	for round in 0..24 {
		let mut changed = film.clone();
		for _ in 0..1 + random(200) {
			let at = random(changed.len());
			changed[at] = random(256) as u8;
		}
		changed.truncate(1 + random(changed.len()));
		let path = directory.path().join("changed.ts");
		std::fs::write(&path, changed).expect("disk");
		match cut(&path, SegmentOptions::default()).await {
			Ok(_) | Err(MediaError::Unsupported(_)) => {}
			Err(other) => panic!("{round}: {other}"),
		}
	}
}
