//! Streamers' inputs: films that are each odd in one way, and the result. Each is made here, cut, and every
//! segment is transcoded as on the network.
//!
//! Every third one runs in everyday tests; `make test-inputs` runs all, and those of `INPUTS=DIR`. The
//! table in `docs/inputs.md` is written from here. `KEEP_INPUTS=DIR` keeps what is made.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
	fs::File,
	path::{Path, PathBuf},
};

use common::*;
use livepeer_primitives::video::SourceLimits;
use livepeer_worker_media::{MediaError, Priority, SegmentOptions, TranscodeJob};

/// What becomes of an input.
enum Becomes {
	/// A stream of so many pictures (0: not counted, for some are repeated or left out) in so many
	/// epochs, with or without sound, of which this is encoded at the source.
	Stream { pictures: u32, epochs: u32, sound: bool, encoded: &'static str },
	/// A stream with a damaged segment that transcoders reject.
	Damaged,
	/// Nothing: it is refused in these words.
	Refused(&'static str),
}

use Becomes::{Damaged, Refused, Stream};

struct Case {
	name: &'static str,
	odd: &'static str,
	/// ffmpeg's arguments, one line for each run; `+ A B` joins files as bytes, `< N FILE` cuts one
	/// off, `~ A B FILE` puts the bytes B in the place of A, both in hexadecimal and as long.
	make: &'static str,
	becomes: Becomes,
}

/// Replaced in the lines: eight seconds of picture and of sound, and the usual encoders.
const WORDS: [(&str, &str); 6] = [
	("V8", "-f lavfi -i testsrc2=s=320x180:r=25:d=8"),
	("V4", "-f lavfi -i testsrc2=s=320x180:r=25:d=4"),
	("A8", "-f lavfi -i sine=f=440:r=48000:d=8"),
	("A4", "-f lavfi -i sine=f=440:r=48000:d=4"),
	(
		"X264",
		"-pix_fmt yuv420p -c:v libx264 -preset ultrafast -g 50 -keyint_min 50 -sc_threshold 0",
	),
	("AAC", "-c:a aac"),
];

const fn plays(pictures: u32, sound: bool) -> Becomes {
	Stream { pictures, epochs: 1, sound, encoded: "" }
}

const fn encoded(pictures: u32, sound: bool, encoded: &'static str) -> Becomes {
	Stream { pictures, epochs: 1, sound, encoded }
}

const fn case(name: &'static str, odd: &'static str, make: &'static str, becomes: Becomes) -> Case {
	Case { name, odd, make, becomes }
}

const CASES: &[Case] = &[
	case("plain.mp4", "nothing", "V4 A4 X264 AAC {}", plays(100, true)),
	case(
		"hevc.mp4",
		"HEVC",
		"V4 A4 -c:v libx265 -preset ultrafast -x265-params log-level=0 AAC {}",
		encoded(100, true, "pictures"),
	),
	case("silent.mp4", "no sound", "V4 X264 {}", plays(100, false)),
	case(
		"vp9.webm",
		"VP9 and Opus",
		"V4 A4 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 300k -c:a libopus {}",
		encoded(100, true, "pictures, sound"),
	),
	case(
		"av1.mkv",
		"AV1",
		"V4 A4 -c:v libsvtav1 -preset 12 AAC {}",
		encoded(100, true, "pictures"),
	),
	case("vp8.webm", "VP8", "V4 -c:v libvpx -b:v 500k {}", encoded(100, false, "pictures")),
	case(
		"mpeg4.avi",
		"MPEG-4 ASP and MP3 in AVI",
		"V4 A4 -c:v mpeg4 -g 50 -c:a libmp3lame {}",
		encoded(100, true, "pictures, sound"),
	),
	case(
		"mpeg2.ts",
		"MPEG-2 and MP2",
		"V4 A4 -c:v mpeg2video -g 25 -bf 2 -c:a mp2 {}",
		encoded(100, true, "pictures, sound"),
	),
	case("mjpeg.avi", "Motion JPEG", "V4 -c:v mjpeg {}", encoded(100, false, "pictures")),
	case(
		"tenbit.mp4",
		"10 bits a sample",
		"V4 -c:v libx264 -preset ultrafast -pix_fmt yuv420p10le -g 50 {}",
		encoded(100, false, "pictures"),
	),
	case(
		"yuv444.mp4",
		"4:4:4",
		"V4 -c:v libx264 -preset ultrafast -pix_fmt yuv444p -g 50 {}",
		encoded(100, false, "pictures"),
	),
	case(
		"fullrange.mp4",
		"full range, as a webcam's",
		"V4 -c:v libx264 -preset ultrafast -pix_fmt yuvj420p -color_range pc -g 50 {}",
		plays(100, false),
	),
	case("ac3.mp4", "AC-3", "V4 A4 X264 -c:a ac3 {}", encoded(100, true, "sound")),
	case("mp3.mp4", "MP3", "V4 A4 X264 -c:a libmp3lame {}", encoded(100, true, "sound")),
	case("opus.mkv", "H.264 with Opus", "V4 A4 X264 -c:a libopus {}", encoded(100, true, "sound")),
	case("surround.mp4", "sound of six channels", "V4 A4 X264 AAC -ac 6 {}", plays(100, true)),
	case("mono.mp4", "mono at 22.05 kHz", "V4 A4 X264 AAC -ac 1 -ar 22050 {}", plays(100, true)),
	case(
		"two-sounds.mkv",
		"AC-3 before AAC",
		"V4 A4 A4 -map 0 -map 1 -map 2 X264 -c:a:0 ac3 -c:a:1 aac {}",
		plays(100, true),
	),
	case(
		"late-sound.mp4",
		"sound that begins after 3 s",
		"V8 -itsoffset 3 -f lavfi -i sine=r=48000:d=5 X264 AAC {}",
		encoded(200, true, "sound"),
	),
	case(
		"mid-sound.mkv",
		"sound only in the middle",
		"V8 -itsoffset 3 -f lavfi -i sine=r=48000:d=2 X264 AAC {}",
		encoded(200, true, "sound"),
	),
	case(
		"hole.mp4",
		"a hole of 2 s in the sound",
		"V8 A8 -af aselect='not(between(t,3,5))' X264 AAC {}",
		encoded(200, true, "sound"),
	),
	case(
		"hole-mono.mp4",
		"the same at 22.05 kHz: other sound from there on, and another epoch",
		"V8 A8 -af aselect='not(between(t,3,5))' X264 AAC -ac 1 -ar 22050 {}",
		Stream { pictures: 200, epochs: 2, sound: true, encoded: "sound" },
	),
	case(
		"other-sound.ts",
		"sound that becomes stereo at 44.1 kHz: it stays as it was",
		"V4 A4 X264 AAC {dir}/a.ts\n\
		 V4 A4 X264 AAC -ac 2 -ar 44100 -output_ts_offset 4 {dir}/b.ts\n\
		 + a.ts b.ts",
		encoded(200, true, "sound"),
	),
	case(
		"long-sound.mp4",
		"sound that outlasts the pictures by 8 s: the last picture stays",
		"V4 -f lavfi -i sine=r=48000:d=12 X264 AAC {}",
		encoded(0, true, "pictures"),
	),
	case(
		"late-picture.mkv",
		"pictures that begin 3 s after the sound: the sound before them is left out",
		"-itsoffset 3 V4 -f lavfi -i sine=r=48000:d=7 X264 AAC {}",
		plays(100, true),
	),
	case(
		"freeze.mp4",
		"no picture for 5 s, sound goes on: the picture is repeated",
		"-f lavfi -i testsrc2=s=320x180:r=25:d=12 -f lavfi -i sine=r=48000:d=12 \
		 -vf select='not(between(t,3,8))' -vsync vfr X264 AAC {}",
		encoded(0, true, "pictures"),
	),
	case(
		"freeze-key.mp4",
		"no picture for 4 s, then a keyframe: the picture is repeated",
		"-f lavfi -i testsrc2=s=320x180:r=25:d=12 -f lavfi -i sine=r=48000:d=12 \
		 -vf select='not(between(t,5,9))' -vsync vfr X264 -g 1000 -force_key_frames 0,2,4,9,11 AAC {}",
		encoded(0, true, "pictures"),
	),
	case(
		"still.mp4",
		"one picture a second",
		"-f lavfi -i testsrc2=s=320x180:r=1:d=8 X264 -g 2 -keyint_min 2 {}",
		plays(8, false),
	),
	case(
		"vfr.mp4",
		"5 pictures a second, then 50",
		"-f lavfi -i testsrc2=s=320x180:r=50:d=8 -vf select='if(lt(t,4),not(mod(n,10)),1)' \
		 -vsync vfr X264 -g 1000 -force_key_frames expr:gte(t,n_forced*2) {}",
		plays(0, false),
	),
	case(
		"jitter.mp4",
		"times that jitter, as a phone's",
		"-f lavfi -i testsrc2=s=320x180:r=30:d=4 -vf setpts=N/30/TB+0.008/TB*random(0) -vsync vfr \
		 X264 -g 1000 -force_key_frames expr:gte(t,n_forced*2) {}",
		plays(120, false),
	),
	case(
		"ntsc.mov",
		"29.97 pictures a second",
		"-f lavfi -i testsrc2=s=320x180:r=30000/1001:d=4 X264 -g 60 -keyint_min 60 {}",
		plays(120, false),
	),
	case(
		"fps240.mp4",
		"240 pictures a second: every second one is left out",
		"-f lavfi -i testsrc2=s=320x180:r=240:d=3 X264 -g 480 -keyint_min 480 {}",
		encoded(0, false, "pictures"),
	),
	case(
		"bframes.mp4",
		"B-frames",
		"V4 A4 -c:v libx264 -preset medium -pix_fmt yuv420p -g 50 -bf 3 -sc_threshold 0 AAC {}",
		plays(100, true),
	),
	case(
		"open-gop.mp4",
		"open groups of pictures",
		"V8 A8 -c:v libx264 -preset medium -pix_fmt yuv420p \
		 -x264-params keyint=50:min-keyint=50:open-gop=1:bframes=3:scenecut=0 AAC {}",
		encoded(200, true, "pictures"),
	),
	case(
		"long-gop.mp4",
		"a keyframe each 8 s",
		"-f lavfi -i testsrc2=s=320x180:r=25:d=16 -f lavfi -i sine=r=48000:d=16 X264 -g 200 \
		 -keyint_min 200 AAC {}",
		encoded(400, true, "pictures"),
	),
	case(
		"late-gop.mp4",
		"keyframes each 2 s, then none for 8 s",
		"-f lavfi -i testsrc2=s=320x180:r=25:d=14 X264 -g 500 -force_key_frames 0,2,4,12 {}",
		encoded(350, false, "pictures"),
	),
	case(
		"refresh.mp4",
		"intra refresh: one keyframe in all",
		"V8 -c:v libx264 -preset veryfast -pix_fmt yuv420p -g 50 -x264-params intra-refresh=1 {}",
		encoded(200, false, "pictures"),
	),
	case(
		"slices.mp4",
		"48 slices in each picture of 12 rows of macroblocks",
		"-f lavfi -i testsrc2=s=320x180:r=25:d=4 -c:v libx264 -preset ultrafast \
		 -pix_fmt yuv420p -g 50 -x264-params slice-max-mbs=5 {}",
		encoded(100, false, "pictures"),
	),
	case(
		"rotated.mp4",
		"metadata that turns it by 90 degrees, as a phone's",
		"V4 A4 X264 AAC {dir}/flat.mp4\n\
		 -i {dir}/flat.mp4 -c copy -metadata:s:v:0 rotate=90 {}",
		encoded(100, true, "pictures"),
	),
	case(
		"interlaced.ts",
		"interlaced",
		"-f lavfi -i testsrc2=s=720x576:r=50:d=4 -vf interlace=scan=tff -c:v libx264 \
		 -preset ultrafast -flags +ildct+ilme -x264-params tff=1 -pix_fmt yuv420p -g 50 {}",
		encoded(100, false, "pictures"),
	),
	case(
		"anamorphic.mp4",
		"pixels that are not square",
		"-f lavfi -i testsrc2=s=720x576:r=25:d=4 -vf setsar=64/45 X264 {}",
		plays(100, false),
	),
	case(
		"portrait.mp4",
		"portrait",
		"-f lavfi -i testsrc2=s=180x320:r=25:d=4 X264 {}",
		plays(100, false),
	),
	case(
		"odd-size.avi",
		"427x241",
		"-f lavfi -i testsrc2=s=427x241:r=25:d=4 -c:v mpeg4 -g 50 {}",
		encoded(100, false, "pictures"),
	),
	case(
		"cover.mp4",
		"a cover picture beside the video",
		"V4 A4 X264 AAC {dir}/flat.mp4\n\
		 -f lavfi -i testsrc2=s=100x100 -frames:v 1 {dir}/cover.png\n\
		 -i {dir}/cover.png -i {dir}/flat.mp4 -map 0 -map 1 -c copy -disposition:v:0 attached_pic {}",
		plays(100, true),
	),
	case(
		"larger.ts",
		"becomes larger: another epoch, made to fit",
		"V4 A4 X264 AAC {dir}/a.ts\n\
		 -f lavfi -i testsrc2=s=640x360:r=25:d=4 A4 X264 AAC -output_ts_offset 4 {dir}/b.ts\n\
		 + a.ts b.ts",
		Stream { pictures: 200, epochs: 2, sound: true, encoded: "pictures" },
	),
	case(
		"smaller.ts",
		"becomes smaller: another epoch",
		"V4 A4 X264 AAC {dir}/a.ts\n\
		 -f lavfi -i testsrc2=s=160x90:r=25:d=4 A4 X264 AAC -output_ts_offset 4 {dir}/b.ts\n\
		 + a.ts b.ts",
		Stream { pictures: 200, epochs: 2, sound: true, encoded: "" },
	),
	case(
		"jump.ts",
		"time jumps by 15 s",
		"V4 A4 X264 AAC {dir}/a.ts\n\
		 V4 A4 X264 AAC -output_ts_offset 19 {dir}/b.ts\n\
		 + a.ts b.ts",
		Stream { pictures: 200, epochs: 2, sound: true, encoded: "" },
	),
	case(
		"jump8.ts",
		"time jumps by 8 s",
		"V4 A4 X264 AAC {dir}/a.ts\n\
		 V4 A4 X264 AAC -output_ts_offset 12 {dir}/b.ts\n\
		 + a.ts b.ts",
		Stream { pictures: 200, epochs: 2, sound: true, encoded: "" },
	),
	case(
		"back.ts",
		"time goes back by 3 s",
		"V4 A4 X264 AAC {dir}/a.ts\n\
		 V4 A4 X264 AAC -output_ts_offset 1 {dir}/b.ts\n\
		 + a.ts b.ts",
		Stream { pictures: 200, epochs: 2, sound: true, encoded: "" },
	),
	case(
		"restart.ts",
		"starts again at 0",
		"V4 A4 X264 AAC {dir}/a.ts\n\
		 + a.ts a.ts",
		Stream { pictures: 200, epochs: 2, sound: true, encoded: "" },
	),
	case(
		"wrap.ts",
		"time stamps that wrap around, as after 26 hours",
		"V8 A8 X264 AAC -output_ts_offset 95440 -muxdelay 0 {}",
		plays(200, true),
	),
	case(
		"two-programmes.ts",
		"two programmes",
		"V4 A4 -f lavfi -i testsrc=s=160x90:r=25:d=4 -f lavfi -i sine=f=2000:d=4 -map 2 -map 3 \
		 -map 0 -map 1 X264 AAC -program st=0:st=1 -program st=2:st=3 {}",
		plays(100, true),
	),
	case(
		"fragmented.mp4",
		"fragmented MP4",
		"V4 A4 X264 AAC -movflags frag_keyframe+empty_moov {}",
		plays(100, true),
	),
	case("flv.flv", "FLV", "V4 A4 X264 AAC {}", plays(100, true)),
	case(
		"truncated.ts",
		"ends in the middle of a packet",
		"V4 A4 X264 AAC {dir}/a.ts\n\
		 < 60001 a.ts",
		Damaged,
	),
	case(
		"one.mp4",
		"one picture",
		"-f lavfi -i testsrc2=s=320x180:r=25:d=0.04 X264 {}",
		plays(1, false),
	),
	case(
		"few.mp4",
		"one picture more than four seconds",
		"-f lavfi -i testsrc2=s=320x180:r=25:d=4.04 X264 {}",
		plays(101, false),
	),
	case(
		"negative.mkv",
		"times that begin 3 s before 0",
		"V4 A4 X264 AAC -output_ts_offset -3 {}",
		plays(100, true),
	),
	case(
		"negative-picture.mp4",
		"pictures that begin 2 s before the sound, with an edit list that hides those 2 s",
		"V4 A4 X264 AAC -bsf:v setts=ts=TS-25600 {}",
		encoded(0, true, "pictures"),
	),
	case(
		"cut.mp4",
		"cut without encoding, between keyframes",
		"V8 A8 X264 AAC {dir}/flat.mp4\n\
		 -ss 1.3 -i {dir}/flat.mp4 -c copy {}",
		plays(200, true),
	),
	case(
		"cut-after.mp4",
		"cut without encoding, without the keyframe that its first pictures need",
		"V8 A8 X264 AAC {dir}/flat.mp4\n\
		 -i {dir}/flat.mp4 -ss 1.3 -c copy {}",
		plays(150, true),
	),
	case(
		"size-within.ts",
		"becomes smaller in the middle of a segment: another epoch",
		"-f lavfi -i testsrc2=s=320x180:r=25:d=3 X264 -g 25 -keyint_min 25 {dir}/a.ts\n\
		 -f lavfi -i testsrc2=s=160x90:r=25:d=3 X264 -g 25 -keyint_min 25 -output_ts_offset 3 \
		 {dir}/b.ts\n\
		 + a.ts b.ts",
		Stream { pictures: 150, epochs: 2, sound: false, encoded: "" },
	),
	case(
		"broken-sei.ts",
		"an SEI that claims more bytes than it has, as some cameras'",
		"V4 X264 -bsf:v h264_metadata=sei_user_data=086f3693-b7b3-4f2c-9653-21492feee5b8+x \
		 {dir}/a.h264\n\
		 ~ 060512086f3693 06057a086f3693 a.h264\n\
		 -f h264 -r 25 -i {dir}/a.h264 -c copy {}",
		plays(100, false),
	),
	case(
		"noise.mp4",
		"noise at 45 Mbit/s",
		"-f lavfi -i color=gray:s=1280x720:r=25:d=4,noise=alls=100:allf=t X264 -b:v 45M -maxrate 45M \
		 -bufsize 45M {}",
		plays(100, false),
	),
	case(
		"uhd.mp4",
		"3840x2160",
		"-f lavfi -i testsrc2=s=3840x2160:r=30:d=2 X264 -g 60 -keyint_min 60 {}",
		plays(60, false),
	),
	case(
		"5k.mp4",
		"5120x2880: made to fit",
		"-f lavfi -i color=s=5120x2880:r=10:d=1 X264 {}",
		encoded(10, false, "pictures"),
	),
	case(
		"fps15.mp4",
		"15 pictures a second",
		"-f lavfi -i testsrc2=s=320x180:r=15:d=4 X264 -g 30 -keyint_min 30 {}",
		plays(60, false),
	),
	case(
		"fps60.mp4",
		"60 pictures a second",
		"-f lavfi -i testsrc2=s=320x180:r=60:d=4 X264 -g 120 -keyint_min 120 {}",
		plays(240, false),
	),
	case(
		"fps120.mp4",
		"120 pictures a second",
		"-f lavfi -i testsrc2=s=320x180:r=120:d=3 X264 -g 240 -keyint_min 240 {}",
		plays(360, false),
	),
	case(
		"subtitles.mkv",
		"subtitles, which are left out",
		"V4 A4 -f srt -i data:text/plain;base64,MQowMDowMDowMSwwMDAgLS0+IDAwOjAwOjAzLDAwMApoZWxsbwo= \
		 -map 0 -map 1 -map 2 X264 AAC -c:s srt {}",
		plays(100, true),
	),
	case(
		"timecode.mov",
		"a track of time codes",
		"-f lavfi -i testsrc2=s=320x180:r=30000/1001:d=4 A4 X264 -g 60 -keyint_min 60 AAC \
		 -timecode 00:00:00;00 {}",
		plays(120, true),
	),
	case(
		"two-aac.mp4",
		"two tracks of AAC: the first is taken",
		"V4 A4 -f lavfi -i sine=f=880:r=48000:d=4 -map 0 -map 1 -map 2 X264 AAC {}",
		plays(100, true),
	),
	case("sound.m4a", "sound alone", "A4 AAC {}", Refused("no video track")),
	case(
		"cut-off.mp4",
		"an MP4 without its index",
		"V4 A4 X264 AAC {dir}/flat.mp4\n\
		 < 50000 flat.mp4",
		Refused("not a video file"),
	),
	case(
		"text.mp4",
		"no video at all",
		"V4 X264 {dir}/flat.mp4\n\
		 < 20 flat.mp4",
		Refused("not a video file"),
	),
	case(
		"empty.mp4",
		"no bytes",
		"V4 X264 {dir}/flat.mp4\n\
		 < 0 flat.mp4",
		Refused("not a video file"),
	),
];

fn make(dir: &Path, case: &Case) -> PathBuf {
	let path = dir.join(case.name);
	for line in case.make.lines() {
		let of = |name: &str| std::fs::read(dir.join(name)).unwrap();
		if let Some(names) = line.strip_prefix("+ ") {
			let joined: Vec<u8> = names.split(' ').flat_map(of).collect();
			std::fs::write(&path, joined).unwrap();
		} else if let Some((count, name)) = line.strip_prefix("< ").and_then(|l| l.split_once(' '))
		{
			let count: usize = count.parse().unwrap();
			std::fs::write(&path, &of(name)[..count]).unwrap();
		} else if let Some(change) = line.strip_prefix("~ ") {
			let [from, to, name] = change.split(' ').collect::<Vec<_>>()[..] else { panic!() };
			let (from, to) = (hex::decode(from).unwrap(), hex::decode(to).unwrap());
			let mut bytes = of(name);
			let at = bytes.windows(from.len()).position(|part| part == from).unwrap();
			bytes[at..at + from.len()].copy_from_slice(&to);
			std::fs::write(dir.join(name), bytes).unwrap();
		} else {
			let mut line = line.to_owned();
			for (word, means) in WORDS {
				line = line.replace(word, means);
			}
			let line = line.replace("{}", path.to_str().unwrap());
			ffmpeg(&line.replace("{dir}", dir.to_str().unwrap()));
		}
	}
	path
}

/// What became of a file.
#[derive(Debug, Default)]
struct Became {
	pictures: u32,
	epochs: u32,
	segments: u32,
	with_sound: u32,
	rejected: u32,
	notices: Vec<String>,
}

async fn cut(path: &Path) -> Result<Became, MediaError> {
	let options = SegmentOptions { longest: 225_000, ..SegmentOptions::default() };
	let mut stream = pool().segment_file(File::open(path).unwrap(), options)?;
	let mut became = Became { epochs: 1, ..Default::default() };
	let (mut end, mut ended) = (None, false);
	while let Some(segment) = stream.next().await {
		let segment = segment?;
		let shape = stream.shape().expect("it comes before the first segment");
		if ended || segment.fresh {
			became.epochs += 1;
		} else if let Some(end) = end {
			assert_eq!(segment.first_time, end, "within an epoch nothing is missing");
		}
		end = Some(segment.first_time + i64::from(segment.duration));
		ended = segment.last;
		let limits = SourceLimits {
			longest: options.longest,
			shortest: if segment.last { 0 } else { 90_000 },
			..SourceLimits::new(shape.width, shape.height, shape.fps)
		};
		let ladder = [rendition(128, 72, 100)];
		let job = TranscodeJob {
			input: &segment.data,
			ladder: &ladder,
			limits: &limits,
			wishes: Default::default(),
		};
		let facts = match pool().transcode(job, Priority::Live).await {
			Err(MediaError::InputInvalid { .. }) => {
				became.rejected += 1;
				continue;
			}
			made => made?.facts,
		};
		assert_eq!(facts.frames, segment.frames);
		became.pictures += facts.frames;
		became.segments += 1;
		became.with_sound += u32::from(facts.has_audio);
	}
	assert!(ended, "the last one is the last of its epoch");
	became.notices = stream.notices().to_vec();
	Ok(became)
}

fn check(case: &Case, result: Result<Became, MediaError>) -> Result<(), String> {
	match (&case.becomes, result) {
		(Refused(words), Err(MediaError::Unsupported(text))) if text.contains(words) => Ok(()),
		(Damaged, Ok(became)) if became.rejected == 1 => Ok(()),
		(Stream { pictures, epochs, sound, encoded }, Ok(became)) if became.rejected == 0 => {
			let said = |what: &str| {
				became.notices.iter().any(|n| n.contains(&format!("{what} are encoded again")))
					|| became
						.notices
						.iter()
						.any(|n| n.contains(&format!("{what} is encoded again")))
			};
			let is_right = (*pictures == 0 || *pictures == became.pictures)
				&& *epochs == became.epochs
				&& became.with_sound == if *sound { became.segments } else { 0 }
				&& encoded.contains("pictures") == said("pictures")
				&& encoded.contains("sound") == said("sound");
			is_right.then_some(()).ok_or_else(|| format!("{became:?}"))
		}
		(_, other) => Err(format!("{other:?}")),
	}
}

#[tokio::test]
async fn every_input_should_become_what_the_table_says() {
	let all = std::env::var_os("ALL_INPUTS").is_some();
	let mut wrong = Vec::new();
	for (index, case) in CASES.iter().enumerate() {
		if !all && index % 3 != 0 {
			continue;
		}
		let dir = tempfile::tempdir().unwrap();
		let path = make(dir.path(), case);
		if let Some(kept) = std::env::var_os("KEEP_INPUTS") {
			std::fs::copy(&path, Path::new(&kept).join(case.name)).unwrap();
		}
		if let Err(found) = check(case, cut(&path).await) {
			println!("{}: {found}", case.name);
			wrong.push(case.name);
		}
	}
	assert!(wrong.is_empty(), "{wrong:?}");
}

#[tokio::test]
async fn inputs_of_others_should_play_or_be_refused_in_words() {
	let Some(dir) = std::env::var_os("INPUTS") else { return };
	let mut wrong = Vec::new();
	let mut files: Vec<PathBuf> =
		std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
	files.sort();
	for path in files.iter().filter(|path| path.is_file()) {
		let result = cut(path).await;
		println!("{}: {result:?}", path.display());
		if !matches!(result, Ok(_) | Err(MediaError::Unsupported(_))) {
			wrong.push(path);
		}
	}
	assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn table_of_inputs_should_be_that_of_the_documentation() {
	let mut rows = String::new();
	for case in CASES {
		let becomes = match &case.becomes {
			Damaged => "plays; the damaged segment is rejected".to_owned(),
			Refused(words) => format!("refused: … {words} …"),
			Stream { pictures, epochs, sound, encoded } => {
				let mut parts = vec![match pictures {
					0 => "plays".to_owned(),
					1 => "plays: its picture".to_owned(),
					count => format!("plays: all {count} pictures"),
				}];
				if *sound {
					parts.push("sound in every segment".into());
				}
				if *epochs > 1 {
					parts.push(format!("{epochs} epochs"));
				}
				if !encoded.is_empty() {
					parts.push(format!("encoded at the source: {encoded}"));
				}
				parts.join(", ")
			}
		};
		rows.push_str(&format!("| `{}` | {} | {becomes} |\n", case.name, case.odd));
	}
	let path = Path::new("../../docs/inputs.md");
	let text = std::fs::read_to_string(path).unwrap();
	let head = "| Input | What is odd | What becomes of it |\n|---|---|---|\n";
	let (before, after) = text.split_once(head).unwrap();
	let after = after.split_once("\n\n").map_or("", |(_, after)| after);
	let expected = format!("{before}{head}{rows}\n{after}");
	if std::env::var_os("WRITE_DOCS").is_some() {
		std::fs::write(path, &expected).unwrap();
	}
	assert_eq!(std::fs::read_to_string(path).unwrap(), expected, "make docs-tables writes it");
}
