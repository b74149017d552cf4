//! The corpus: everything that a transcoder might deliver instead of its work is found and named; honest work
//! never is.
//!
//! Every day each attack is tried on one generated clip, and 40 honest segments are judged.
//! `make test-corpus` tries each on generated and real clips at four sizes, judges 500 honest
//! segments, sets MPEG-7 signature and SSIM beside the verdicts, and writes docs/verification.md. It goes
//! on to its end whatever it finds, and then says all that was wrong.
//! `CORPUS=dir` names a folder with further clips, `SIZES=n` takes fewer sizes, `OTHER_FFMPEG=program` an
//! ffmpeg that has OpenH264.
//!
//! How far outputs are from the source is measured too, of attacks and of what other encoders make: every
//! day of a few, and in the long run, which writes docs/hardware-tier.md, of all.

mod common;

use std::{
	collections::BTreeMap,
	ffi::{OsStr, OsString},
	path::{Path, PathBuf},
	process::Command,
	sync::{Arc, Mutex},
};

use common::*;
use livepeer_primitives::{
	verdict::{MismatchKind, NonConformingKind, Verdict},
	video::{Ladder, Rendition, CAPPED_QUALITY},
	Hash,
};
use livepeer_worker_core::{
	ports::engine::{Finding, Format, MediaEngine, Pixels, Variant, VARIANT_STARTS},
	roles::verify::judge,
};
use livepeer_worker_media::{profile::PROCESSOR, Engine, Ratios, NEAR};
use tokio::{sync::Semaphore, task::JoinSet};

const fn two(width: u16, height: u16, kbps: u32) -> Rendition {
	Rendition { profile: CAPPED_QUALITY, ..rendition(width, height, kbps) }
}

const VIDEO: Verdict = Verdict::Mismatch(MismatchKind::Video);
const AUDIO: Verdict = Verdict::Mismatch(MismatchKind::Audio);
const CONTAINER: Verdict = Verdict::Mismatch(MismatchKind::Container);
const UNREADABLE: Verdict = Verdict::NonConforming(NonConformingKind::Unreadable);
const SIZE: Verdict = Verdict::NonConforming(NonConformingKind::Size);
const TIMING: Verdict = Verdict::NonConforming(NonConformingKind::Timing);

/// How an attack is made.
#[derive(Clone, Copy)]
enum Make {
	/// The canonical encode of a source whose pictures went through this filter: everything but the content
	/// is right.
	Filtered(&'static str),
	/// The canonical encode with another target rate, in hundredths of the right one.
	Rate(u32),
	/// The canonical encode under profile 1.
	OtherProfile,
	/// The canonical encode of another segment, which was given this one's times.
	OtherSegment,
	/// The canonical encode of another segment's pictures with this one's sound.
	OtherPictures,
	/// The variant from this start on, where none may be due.
	Varied(u8),
	/// The ffmpeg command line with the right size and rate, and these options.
	Encode(&'static str),
	/// Another ffmpeg's command line with the right size and rate, and these options.
	Other(&'static str),
	/// The right output through ffmpeg without encoding: `@` stands for it, `#` for another segment.
	Remux(&'static str),
	/// The right output's bytes, changed.
	Bytes(fn(&mut Vec<u8>)),
}
use Make::*;

/// A row of the corpus.
struct Case {
	/// What is delivered.
	name: &'static str,
	make: Make,
	/// What it is found to be, one of these.
	found: [Verdict; 3],
}

const fn case(name: &'static str, make: Make, found: Verdict) -> Case {
	Case { name, make, found: [found; 3] }
}

const fn any(name: &'static str, make: Make, found: [Verdict; 3]) -> Case {
	Case { name, make, found }
}

const MIDDLE: usize = 2;

static CASES: &[Case] = &[
	case("quarter of the bit rate", Rate(25), VIDEO),
	case("half of the bit rate", Rate(50), VIDEO),
	case("nine tenths of the bit rate", Rate(90), VIDEO),
	case("a quarter of the size, enlarged", Filtered("scale={w}/4:{h}/4,scale={w}:{h}"), VIDEO),
	case("three quarters of the size, enlarged", Filtered("scale={w}*3/4:{h}*3/4,scale={w}:{h}"), VIDEO),
	case("another size", Encode("-s 192x108"), SIZE),
	case("a larger size", Encode("-s 704x396"), SIZE),
	case("black pictures", Filtered("drawbox=t=fill:c=black"), VIDEO),
	case("the first picture, frozen", Filtered("shuffleframes=0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0"), VIDEO),
	case("every second picture dropped", Filtered("select='not(mod(n,2))'"), TIMING),
	case("every second picture replaced by the one before", Filtered("shuffleframes=0|0|2|2|4|4|6|6|8|8|10|10|12|12|14|14|16|16|18|18|20|20|22|22|24"), VIDEO),
	case("eight pictures frozen", Filtered("shuffleframes=0|1|2|3|4|5|6|7|8|8|8|8|8|8|8|8|16|17|18|19|20|21|22|23|24"), VIDEO),
	case("one picture shown twice", Filtered("shuffleframes=0|1|2|3|4|5|6|7|8|8|10|11|12|13|14|15|16|17|18|19|20|21|22|23|24"), VIDEO),
	case("a small logo", Filtered("drawbox=x=iw-40:y=8:w=32:h=18:c=white@0.5:t=fill"), VIDEO),
	case("a faint banner", Filtered("drawbox=x=iw/2:y=8:w=80:h=24:c=white@0.3:t=fill"), VIDEO),
	case("one macroblock, a little brighter", Filtered("drawbox=x=32:y=32:w=16:h=16:c=white@0.05:t=fill"), VIDEO),
	case("one macroblock in one picture", Filtered("drawbox=x=32:y=32:w=16:h=16:c=white@0.1:t=fill:enable='eq(n,12)'"), VIDEO),
	case("mirrored", Filtered("hflip"), VIDEO),
	case("upside down", Filtered("vflip"), VIDEO),
	case("turned by 180 degrees", Filtered("hflip,vflip"), VIDEO),
	case("turned by 90 degrees", Filtered("transpose=1,scale={w}:{h}"), VIDEO),
	case("without colour", Filtered("hue=s=0"), VIDEO),
	case("hue turned by 30 degrees", Filtered("hue=h=30"), VIDEO),
	case("hue turned by 8 degrees", Filtered("hue=h=8"), VIDEO),
	case("brighter by 3 %", Filtered("eq=brightness=0.03"), VIDEO),
	case("gamma 1.1", Filtered("eq=gamma=1.1"), VIDEO),
	case("contrast 1.05", Filtered("eq=contrast=1.05"), VIDEO),
	case("saturation 1.2", Filtered("eq=saturation=1.2"), VIDEO),
	case("blurred", Filtered("boxblur=2:1"), VIDEO),
	case("sharpened", Filtered("unsharp=5:5:0.8"), VIDEO),
	case("noise", Filtered("noise=alls=8:allf=t:all_seed=3"), VIDEO),
	case("vignette", Filtered("vignette=PI/8"), VIDEO),
	case("the edge cut away and enlarged", Filtered("crop={w}-16:{h}-8,scale={w}:{h}"), VIDEO),
	case("chroma planes exchanged", Filtered("shuffleplanes=0:2:1"), VIDEO),
	case("full range squeezed to video range", Filtered("scale=in_range=pc:out_range=tv"), VIDEO),
	case("shifted by one picture", Filtered("shuffleframes=1|2|3|4|0"), VIDEO),
	case("backwards", Filtered("reverse"), VIDEO),
	case("the second half black", Filtered("drawbox=t=fill:c=black:enable='gt(n,12)'"), VIDEO),
	case("the last pictures blurred", Filtered("boxblur=2:1:enable='gt(n,19)'"), VIDEO),
	case("cut short by a quarter", Filtered("select='lt(n,18)'"), TIMING),
	case("one picture missing at the end", Filtered("select='lt(n,24)'"), TIMING),
	case("replay of another segment, times and all", Remux("-i # -map 0 -c copy"), TIMING),
	case("replay of another segment with this one's times", OtherSegment, VIDEO),
	case("another segment's pictures with this one's sound", OtherPictures, VIDEO),
	case("profile 1 sold as profile 2", OtherProfile, VIDEO),
	case("all key pictures", Encode("-g 1"), VIDEO),
	case("preset ultrafast", Encode("-preset ultrafast"), VIDEO),
	case("preset medium by the command line", Encode("-preset medium"), VIDEO),
	case("several threads", Encode("-threads 4 -x264-params cpu-independent=0"), VIDEO),
	case("H.264's profile baseline", Encode("-profile:v baseline"), VIDEO),
	case("H.265", Encode("-c:v libx265 -x265-params log-level=none:pools=1"), UNREADABLE),
	case("MPEG-4 part 2", Encode("-c:v mpeg4"), UNREADABLE),
	case("4:4:4 pictures", Encode("-pix_fmt yuv444p"), UNREADABLE),
	case("the source itself", Remux("-i % -map 0 -c copy"), SIZE),
	case("no sound", Remux("-i @ -map 0:v -c copy"), AUDIO),
	case("sound alone", Remux("-i @ -map 0:a -c copy"), UNREADABLE),
	case("muted", Remux("-i @ -map 0 -c:v copy -c:a aac -af volume=0"), AUDIO),
	case("sound encoded again", Remux("-i @ -map 0 -c:v copy -c:a aac -b:a 96k"), AUDIO),
	case("another segment's sound", Remux("-i @ -i # -map 0:v -map 1:a -c copy"), AUDIO),
	case("sound shifted by one packet", Remux("-i @ -itsoffset 0.0213333 -i @ -map 0:v -map 1:a -c copy"), AUDIO),
	case("sound's last packets missing", Remux("-i @ -map 0 -c copy -bsf:a noise=drop='gt(n\\,30)'"), AUDIO),
	case("times one second later", Remux("-i @ -map 0 -c copy -output_ts_offset 1"), TIMING),
	case("times one tick later", Remux("-i @ -map 0 -c copy -bsf:v setts=pts=PTS+1:dts=DTS+1"), TIMING),
	case("times at uneven distances", Remux("-i @ -map 0 -c copy -bsf:v setts=pts='PTS+300*mod(N\\,3)'"), TIMING),
	case("times that jump by an hour", Remux("-i @ -map 0 -c copy -bsf:v setts=pts='if(gt(N\\,12)\\,PTS+324000000\\,PTS)':dts='if(gt(N\\,12)\\,DTS+324000000\\,DTS)'"), TIMING),
	case("decoding times out of order", Bytes(exchange_decoding_times), CONTAINER),
	case("one picture's time one tick later", Remux("-i @ -map 0 -c copy -bsf:v setts=pts='if(eq(N\\,7)\\,PTS+1\\,PTS)'"), TIMING),
	case("a title in the container", Remux("-i @ -map 0 -c copy -metadata service_name=x"), CONTAINER),
	case("a message in the pictures", Remux("-i @ -map 0 -c copy -bsf:v h264_metadata=sei_user_data=086f3693-b7b3-4f2c-9653-21492feee5b8+x"), CONTAINER),
	case("flagged as full range", Remux("-i @ -map 0 -c copy -bsf:v h264_metadata=video_full_range_flag=1"), CONTAINER),
	case("flagged as another aspect", Remux("-i @ -map 0 -c copy -bsf:v h264_metadata=sample_aspect_ratio=4/3"), CONTAINER),
	// A variant that changes no picture is told apart by such a packet: then it is one that is not due.
	any("an empty packet of padding behind it", Bytes(|bytes| bytes.extend(padding())), [CONTAINER, CONTAINER, Verdict::Variant { rendition: 0 }]),
	case("a second picture track", Remux("-i @ -i @ -map 0 -map 1:v -c copy"), UNREADABLE),
	any("cut in the middle", Bytes(|bytes| bytes.truncate(bytes.len() / 2 / 188 * 188)), [TIMING, UNREADABLE, UNREADABLE]),
	any("bits turned over in the middle", Bytes(turn_bits), [UNREADABLE, TIMING, VIDEO]),
	case("a playlist named as a segment", Bytes(|bytes| *bytes = b"#EXTM3U\n#EXTINF:2,\nfile:///etc/hostname\n".to_vec()), UNREADABLE),
	case("nothing", Bytes(Vec::clear), UNREADABLE),
	any("a picture of 4096×4096", Encode("-s 4096x4096 -preset ultrafast -frames:v 1 -crf 50"), [UNREADABLE, SIZE, SIZE]),
	case("the variant from its first start, where none is due", Varied(0), Verdict::Variant { rendition: 0 }),
	case("the variant from its last start, where none is due", Varied(3), Verdict::Variant { rendition: 0 }),
];

/// What honest transcoders with other encoders deliver: the same pictures at the same size and rate. To a
/// judge of the exact tier each is a mismatch.
static OTHERS: [(&str, Make); 9] = [
	("libx264, preset medium", Encode("-preset medium")),
	("libx264, preset slow", Encode("-preset slow")),
	("libx264, preset faster", Encode("-preset faster")),
	("libx264, preset ultrafast", Encode("-preset ultrafast")),
	("libx264, two threads", Encode("-threads 2 -x264-params cpu-independent=0")),
	("libx264, nothing looked ahead", Encode("-tune zerolatency")),
	("libx264, H.264's profile baseline", Encode("-profile:v baseline")),
	("profile 1", OtherProfile),
	("OpenH264", Other("-c:v libopenh264 -rc_mode bitrate -allow_skip_frames 0")),
];

/// Rows of the corpus that are such outputs.
const BY_OTHERS: [&str; 6] = [
	"nine tenths of the bit rate",
	"profile 1 sold as profile 2",
	"preset ultrafast",
	"preset medium by the command line",
	"several threads",
	"H.264's profile baseline",
];

/// Rows of the corpus that anybody sees.
const OBVIOUS: [&str; 4] = [
	"quarter of the bit rate",
	"black pictures",
	"the first picture, frozen",
	"replay of another segment with this one's times",
];

fn other_ffmpeg() -> Option<OsString> {
	std::env::var_os("OTHER_FFMPEG")
}

/// Rows that no output can show, and the tests that do.
const ELSEWHERE: [(&str, &str); 15] = [
	(
		"another output delivered than signed",
		"`nothing_should_be_kept_when_a_rendition_is_not_as_its_receipt_describes_it`, `receipt_should_say_which_file_is_which_and_what_was_signed`",
	),
	(
		"bytes withheld, for a time or for ever",
		"`withheld_bytes_should_be_unavailable_after_the_patience_and_not_before`",
	),
	(
		"bytes withheld: refused, unreachable, wrong",
		"`missing_bytes_should_be_told_apart_by_what_the_transcoder_did`",
	),
	(
		"more work claimed than was done, or less",
		"`work_that_is_not_what_was_done_should_be_a_mismatch`, `attack_segment_that_takes_more_work_than_is_stated`",
	),
	(
		"nothing, and the work of decoding claimed",
		"`attack_work_of_decoding_claimed_where_nothing_is_delivered`",
	),
	(
		"an absent rendition claimed",
		"`absent_output_should_be_right_when_no_work_is_claimed_for_it`",
	),
	(
		"chunks that are not the output's",
		"`chunks_should_be_a_mismatch_when_they_are_not_the_outputs`",
	),
	(
		"outputs of a damaged source",
		"`outputs_should_not_conform_when_the_segment_cannot_be_transcoded`",
	),
	(
		"a good source rejected",
		"`rejection_should_be_judged_by_whether_the_segment_can_be_transcoded`",
	),
	(
		"a variant beside a fault, and two variants",
		"`first_fault_in_rendition_order_should_decide`",
	),
	(
		"a bomb: pictures of 8192×8192, thousands of them, ten minutes, nothing at all",
		"`attack_bombs_that_a_peer_serves_to_judges`",
	),
	(
		"outputs of a source without pictures, of sound alone, or of unknown codecs",
		"`source_should_be_invalid_when_its_tracks_are_outside_the_profile`, `source_should_be_invalid_when_it_is_damaged`",
	),
	(
		"a segment claimed twice",
		"`differs_from_livepeer_where_a_segment_can_be_claimed_twice`",
	),
	(
		"a leaf with a wrong path, or with a segment that the broadcaster did not sign",
		"`reveal_should_be_refused_when_the_proof_is_of_another_leaf`, `reveal_should_be_refused_when_the_broadcaster_did_not_sign_it`",
	),
	(
		"a claim under another toolchain, or one that is retired",
		"`receipt_under_one_toolchain_and_claim_under_another_should_be_refused`, `assignments_on_a_retired_toolchain_should_end_at_the_next_check`",
	),
];

/// Exchanges the decoding times of two pictures: each PES header has five bytes of it behind the presentation time.
#[allow(clippy::ptr_arg)] // What changes bytes has one type.
fn exchange_decoding_times(bytes: &mut Vec<u8>) {
	const HEADER: [u8; 4] = [0, 0, 1, 0xe0];
	const TIME: std::ops::Range<usize> = 14..19;
	let has_both = |at: &usize| {
		let header = bytes.get(*at..*at + TIME.end);
		header.is_some_and(|header| header.starts_with(&HEADER) && header[7] & 0xc0 == 0xc0)
	};
	let headers: Vec<usize> = (0..bytes.len()).filter(has_both).skip(3).take(2).collect();
	let [first, second] = headers[..] else { panic!("two pictures whose times differ") };
	for at in TIME {
		bytes.swap(first + at, second + at);
	}
}

fn padding() -> [u8; 188] {
	let mut packet = [0xff; 188];
	packet[..4].copy_from_slice(&[0x47, 0x1f, 0xff, 0x10]);
	packet
}

#[allow(clippy::ptr_arg)] // What changes bytes has one type.
fn turn_bits(bytes: &mut Vec<u8>) {
	let middle = bytes.len() / 2 / 188 * 188;
	for packet in bytes[middle..].chunks_mut(188).take(12) {
		let length = packet.len();
		packet[length / 2..].iter_mut().for_each(|byte| *byte ^= 0x55);
	}
}

/// A clip of which segments are made.
#[derive(Clone)]
struct Clip {
	name: String,
	/// What is put before `-i`, and the input itself.
	input: String,
}

/// The sizes of sources and of what is made of them. Sources are made without loss too, and then noise of
/// 720p is more than a segment may hold.
const SIZES: [((u32, u32), Rendition); 4] = [
	((426, 240), two(256, 144, 150)),
	((640, 360), two(426, 240, 350)),
	((320, 180), two(160, 90, 80)),
	((854, 480), two(640, 360, 700)),
];

fn generated() -> Vec<Clip> {
	[
		("test picture", "-f lavfi -i testsrc2=r=25:d=9"),
		("cells", "-f lavfi -i life=s=320x180:r=25:seed=7:mold=10"),
	]
	.map(|(name, input)| Clip { name: name.into(), input: input.into() })
	.into()
}

fn clips() -> Vec<Clip> {
	let mut clips = generated();
	let Some(folder) = std::env::var_os("CORPUS") else {
		clips.truncate(1);
		return clips;
	};
	let folder = std::fs::read_dir(folder).expect("the folder of clips");
	let mut real: Vec<PathBuf> = folder.filter_map(|entry| Some(entry.ok()?.path())).collect();
	real.sort();
	clips.extend(real.into_iter().map(|path| Clip {
		name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
		// Repeated, so that there is another segment of each.
		input: format!("-stream_loop -1 -i {}", path.display()),
	}));
	clips
}

/// What a segment is like.
#[derive(Clone, Copy)]
struct Shape {
	size: (u32, u32),
	/// Pictures in a second.
	fps: &'static str,
	/// Further options.
	options: &'static str,
}

/// A shape as most are.
const fn usual(size: (u32, u32)) -> Shape {
	Shape { size, fps: "25", options: "" }
}

/// One second of a clip from `at` on, with sound.
fn segment(directory: &Path, name: &str, clip: &Clip, shape: Shape, at: u32) -> PathBuf {
	let path = directory.join(name);
	let Shape { size: (width, height), fps, options } = shape;
	ffmpeg(&format!(
		"{} -f lavfi -i sine=f={}:r=48000 -map 0:v -map 1:a -vf \
		 trim=start={at},setpts=PTS-STARTPTS,fps={fps},scale={width}:{height},setsar=1 -t 1 \
		 -output_ts_offset {at} -pix_fmt yuv420p -c:v libx264 -preset veryfast -crf 18 -g 300 \
		 -c:a aac -b:a 64k {options} -f mpegts {}",
		clip.input,
		400 + at,
		path.display()
	));
	path
}

/// Everything of which attacks are made.
struct Material {
	directory: tempfile::TempDir,
	size: (u32, u32),
	rendition: Rendition,
	source: Vec<u8>,
	/// What is right.
	right: Vec<u8>,
}

impl Material {
	async fn new(engine: &Engine, clip: &Clip, size: (u32, u32), rendition: Rendition) -> Self {
		let directory = tempfile::tempdir().expect("a temporary directory");
		let read = |path: PathBuf| std::fs::read(path).expect("ffmpeg wrote it");
		let source = read(segment(directory.path(), "source.ts", clip, usual(size), 1));
		let other = read(segment(directory.path(), "other.ts", clip, usual(size), 3));
		let right = make(engine, &source, rendition).await;
		let of_other = make(engine, &other, rendition).await;
		std::fs::write(directory.path().join("right.ts"), &right).expect("disk");
		std::fs::write(directory.path().join("right-other.ts"), &of_other).expect("disk");
		Self { directory, size, rendition, source, right }
	}

	fn path(&self, name: &str) -> String {
		self.directory.path().join(name).display().to_string()
	}

	/// Runs ffmpeg and gives what it wrote.
	fn ffmpeg(&self, index: usize, arguments: &str) -> Vec<u8> {
		self.ffmpeg_of("ffmpeg".as_ref(), index, arguments)
	}

	fn ffmpeg_of(&self, program: &OsStr, index: usize, arguments: &str) -> Vec<u8> {
		const KEPT: &str =
			"-copyts -muxdelay 0 -muxpreload 0 -fflags +bitexact -flags:v +bitexact -f mpegts";
		let out = self.path(&format!("{index}.ts"));
		ffmpeg_of(program, &format!("{arguments} {KEPT} {out}"));
		std::fs::read(out).expect("ffmpeg wrote it")
	}

	/// The source with other pictures, encoded without loss: what is not filtered is as it was, and what is
	/// found is the filter's work.
	fn filtered(&self, index: usize, filter: &str) -> Vec<u8> {
		let source = self.path("source.ts");
		let (width, height) = self.size;
		let filter = filter.replace("{w}", &width.to_string()).replace("{h}", &height.to_string());
		self.ffmpeg(
			index,
			&format!(
				"-copyts -i {source} -map 0 -vf {filter},setsar=1 -vsync passthrough -pix_fmt yuv420p \
				 -c:v libx264 -preset ultrafast -qp 0 -g 300 -bf 0 -c:a copy"
			),
		)
	}

	/// What is delivered.
	async fn attack(&self, engine: &Engine, index: usize, make_it: Make) -> Vec<u8> {
		let Rendition { width, height, kbps, .. } = self.rendition;
		match make_it {
			Filtered(filter) => make(engine, &self.filtered(index, filter), self.rendition).await,
			Rate(share) => {
				let kbps = kbps * share / 100;
				let rendition = Rendition { kbps, cap_kbps: kbps, ..self.rendition };
				make(engine, &self.source, rendition).await
			}
			OtherProfile => {
				let rendition = rendition(width, height, kbps);
				make(engine, &self.source, rendition).await
			}
			OtherSegment | OtherPictures => {
				let (source, other) = (self.path("source.ts"), self.path("other.ts"));
				let sound = if matches!(make_it, OtherSegment) { "0:a" } else { "1:a" };
				let moved = self.ffmpeg(
					index,
					&format!(
						"-copyts -itsoffset -2 -i {other} -i {source} -map 0:v -map {sound} -c copy"
					),
				);
				make(engine, &moved, self.rendition).await
			}
			Varied(start) => {
				let variant = Some(Variant { rendition: 0, start });
				let made = engine.transcode(&format(self.rendition), &self.source, variant).await;
				made.expect("a good source").outputs.swap_remove(0)
			}
			Encode(options) => self.ffmpeg(
				index,
				&format!(
					"-copyts -i {} -map 0 -s {width}x{height} -c:v libx264 -preset veryfast -threads 1 \
					 -x264-params cpu-independent=1 -g 300 -b:v {kbps}k -maxrate {kbps}k \
					 -bufsize {kbps}k -c:a copy {options}",
					self.path("source.ts")
				),
			),
			Other(options) => self.ffmpeg_of(
				&other_ffmpeg().expect("left out where there is none"),
				index,
				&format!(
					"-copyts -i {} -map 0 -s {width}x{height} -g 300 -b:v {kbps}k -maxrate {kbps}k \
					 -c:a copy {options}",
					self.path("source.ts")
				),
			),
			Remux(options) => {
				let options = options
					.replace('@', &self.path("right.ts"))
					.replace('#', &self.path("right-other.ts"))
					.replace('%', &self.path("source.ts"));
				self.ffmpeg(index, &format!("-copyts {options}"))
			}
			Bytes(change) => {
				let mut bytes = self.right.clone();
				change(&mut bytes);
				bytes
			}
		}
	}

	/// SSIM of what is delivered to what is right, and the verdict of MPEG-7's signature.
	fn compared(&self, index: usize, delivered: &[u8]) -> (Option<f64>, Option<&'static str>) {
		let path = self.path(&format!("{index}-delivered.ts"));
		std::fs::write(&path, delivered).expect("disk");
		let right = self.path("right.ts");
		let size = format!("scale={}:{}", self.rendition.width, self.rendition.height);
		let told = |graph: &str| {
			let out = Command::new("ffmpeg")
				.args(["-nostdin", "-hide_banner", "-i", &path, "-i", &right, "-filter_complex"])
				.args([graph, "-f", "null", "-"])
				.output()
				.expect("ffmpeg is installed");
			String::from_utf8_lossy(&out.stderr).into_owned()
		};
		let ssim = told(&format!("[0:v]{size}[a];[a][1:v]ssim=shortest=1"));
		let ssim =
			ssim.rsplit_once("All:").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
		let signature = told("[0:v][1:v]signature=nb_inputs=2:detectmode=full");
		let signature = if signature.contains("whole video matching") {
			Some("whole")
		} else if signature.contains("matching of video") {
			Some("part")
		} else {
			signature.contains("no matching").then_some("none")
		};
		(ssim, signature)
	}
}

fn format(rendition: Rendition) -> Format {
	let ladder = Ladder::try_from(vec![rendition]).expect("one");
	Format { ladder, limits: LIMITS, variants: true, stated: None }
}

async fn make(engine: &Engine, source: &[u8], rendition: Rendition) -> Vec<u8> {
	let made = engine.transcode(&format(rendition), source, None).await;
	made.expect("a good source").outputs.swap_remove(0)
}

/// A judge's finding on one output.
async fn verdict(engine: &Engine, material: &Material, output: Vec<u8>) -> (Verdict, Finding) {
	let outputs = [Some(output)];
	let format = format(material.rendition);
	let seed = Hash::repeat_byte(7);
	let examined = engine.examine(&format, &material.source, &outputs, seed, MIDDLE as u32).await;
	let examined = examined.expect("a good source");
	(judge(&examined, 0, Some(0)), examined.findings[0])
}

fn engine() -> Engine {
	Engine::unattested(pool())
}

/// Whether all is tried, and at how many sizes.
fn extent() -> (bool, usize) {
	let whole = std::env::var_os("CORPUS").is_some();
	let most = std::env::var("SIZES").ok().and_then(|n| n.parse().ok());
	(whole, most.unwrap_or(if whole { SIZES.len() } else { 1 }).min(SIZES.len()))
}

/// The sizes at which a clip is tried: each begins with another one.
fn chosen(turn: usize, sizes: usize) -> impl Iterator<Item = ((u32, u32), Rendition)> {
	(0..sizes).map(move |i| SIZES[(turn + i) % SIZES.len()])
}

/// What was seen of one row over all clips and sizes.
#[derive(Default)]
struct Seen {
	tried: u32,
	found: u32,
	picture: Option<u32>,
	ssim: Vec<f64>,
	signature: Vec<&'static str>,
	wrong: Vec<String>,
}

#[tokio::test]
async fn every_attack_should_be_found_and_named() {
	let (whole, sizes) = extent();
	let engine = engine();
	let clips = clips();
	let mut seen: Vec<Seen> = CASES.iter().map(|_| Seen::default()).collect();
	for (turn, clip) in clips.iter().enumerate() {
		for (size, rendition) in chosen(turn, sizes) {
			let place = format!("{} at {}×{}", clip.name, size.0, size.1);
			let material = Arc::new(Material::new(&engine, clip, size, rendition).await);
			let (right, _) = verdict(&engine, &material, material.right.clone()).await;
			assert_eq!(right, Verdict::Valid, "{place}");
			let places = Arc::new(Semaphore::new(2));
			let mut jobs = JoinSet::new();
			for (index, case) in CASES.iter().enumerate() {
				let (engine, material, places) = (engine.clone(), material.clone(), places.clone());
				jobs.spawn(async move {
					let _place = places.acquire().await.expect("open");
					let delivered = material.attack(&engine, index, case.make).await;
					if delivered == material.right {
						// A grey picture has no colour to lose: that is not an attack.
						return (index, None);
					}
					let compared = whole.then(|| material.compared(index, &delivered));
					let (said, finding) = verdict(&engine, &material, delivered).await;
					(index, Some((said, finding, compared)))
				});
			}
			while let Some(done) = jobs.join_next().await {
				let (index, judged) = done.expect("no panic");
				let Some((said, finding, compared)) = judged else { continue };
				let row = &mut seen[index];
				row.tried += 1;
				row.found += u32::from(said != Verdict::Valid);
				if !CASES[index].found.contains(&said) {
					row.wrong.push(format!("{place}: {said:?} ({finding})"));
				}
				if let Finding::Fault { picture: Some(picture), .. } = finding {
					row.picture = Some(row.picture.map_or(picture, |least| least.min(picture)));
				}
				if let Some((ssim, signature)) = compared {
					row.ssim.extend(ssim);
					row.signature.extend(signature);
				}
			}
			if whole {
				println!("{place}: done");
			}
		}
	}
	let rows = || CASES.iter().zip(&seen);
	let wrong: Vec<String> = rows()
		.filter(|(_, seen)| !seen.wrong.is_empty())
		.map(|(case, seen)| format!("{}: expected {:?}; {:?}", case.name, case.found, seen.wrong))
		.collect();
	let idle: Vec<&str> =
		rows().filter(|(_, seen)| seen.tried == 0).map(|(case, _)| case.name).collect();
	let table = measured(&clips, sizes, &seen);
	if whole {
		println!("{table}");
	}
	assert!(wrong.is_empty(), "{}", wrong.join("\n"));
	assert!(idle.is_empty(), "they change nothing: {idle:?}");
	if whole && std::env::var_os("WRITE_DOCS").is_some() {
		write_between(VERIFICATION, "corpus", &table);
	}
}

const VERIFICATION: &str = "verification.md";
const HARDWARE_TIER: &str = "hardware-tier.md";

fn documentation(page: &str) -> PathBuf {
	Path::new("../../docs").join(page)
}

/// The text between two marks of a page of the documentation.
fn between(page: &str, name: &str) -> (String, String, String) {
	let text = std::fs::read_to_string(documentation(page)).expect("the documentation");
	let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
	let (before, rest) = text.split_once(&begin).expect("the mark");
	let (inside, after) = rest.split_once(&end).expect("the mark's end");
	(format!("{before}{begin}"), inside.into(), format!("{end}{after}"))
}

/// Held while the page is read and written: tests run side by side.
static PAGE: Mutex<()> = Mutex::new(());

fn write_between(page: &str, name: &str, text: &str) {
	let _page = PAGE.lock().expect("nobody panics while it is held");
	let (before, _, after) = between(page, name);
	std::fs::write(documentation(page), before + text + &after).expect("the documentation");
}

fn words(verdict: Verdict) -> String {
	match verdict {
		Verdict::Mismatch(kind) => format!("Mismatch: {kind:?}"),
		Verdict::NonConforming(kind) => format!("NonConforming: {kind:?}"),
		other => format!("{other:?}").split(' ').next().unwrap_or_default().to_owned(),
	}
}

fn measured(clips: &[Clip], sizes: usize, seen: &[Seen]) -> String {
	let names: Vec<&str> = clips.iter().map(|clip| clip.name.as_str()).collect();
	let sum = |of: fn(&Seen) -> u32| seen.iter().map(of).sum::<u32>();
	let mut text = format!(
		"{} clips ({}) at {sizes} sizes: {} of {} outputs rejected.\n\n\
		 | Delivered instead | Rejected | First picture | SSIM to what is right | MPEG-7 signature |\n\
		 |---|---|---|---|---|\n",
		clips.len(),
		names.join(", "),
		sum(|seen| seen.found),
		sum(|seen| seen.tried),
	);
	for (case, seen) in CASES.iter().zip(seen) {
		let picture = seen.picture.map_or("".to_owned(), |picture| picture.to_string());
		let least = seen.ssim.iter().copied().reduce(f64::min);
		let most = seen.ssim.iter().copied().reduce(f64::max);
		let ssim = least.zip(most).map_or(String::new(), |(a, b)| format!("{a:.3} to {b:.3}"));
		let mut counts = BTreeMap::new();
		for name in &seen.signature {
			*counts.entry(*name).or_insert(0) += 1;
		}
		let signature: Vec<String> =
			counts.iter().rev().map(|(name, count)| format!("{name} {count}")).collect();
		text.push_str(&format!(
			"| {} | {} of {} | {picture} | {ssim} | {} |\n",
			case.name,
			seen.found,
			seen.tried,
			signature.join(", ")
		));
	}
	text
}

#[test]
fn table_of_attacks_should_be_that_of_the_documentation() {
	let mut text = String::from("| Delivered instead | What a judge finds |\n|---|---|\n");
	for case in CASES {
		let mut found: Vec<String> = case.found.map(words).into();
		found.dedup();
		text.push_str(&format!("| {} | {} |\n", case.name, found.join(", or ")));
	}
	for (name, test) in ELSEWHERE {
		text.push_str(&format!("| {name} | {test} |\n"));
	}
	if std::env::var_os("WRITE_DOCS").is_some() {
		write_between(VERIFICATION, "attacks", &text);
	}
	assert_eq!(between(VERIFICATION, "attacks").1, text, "make docs-tables writes it");
	assert!(CASES.len() >= 60, "{}", CASES.len());
}

/// A row of the table of docs/hardware-tier.md.
struct Row {
	name: &'static str,
	make: Make,
	/// Whether it is what an honest transcoder with another encoder delivers.
	honest: bool,
	/// What was measured over all clips and sizes.
	ratios: Vec<Ratios>,
}

fn rows_of_hardware_tier(whole: bool) -> Vec<Row> {
	let row = |name, make, honest| Row { name, make, honest, ratios: Vec::new() };
	let others = OTHERS.iter().map(|(name, make)| row(*name, *make, true));
	let others = others.filter(|row| !matches!(row.make, Other(_)) || other_ffmpeg().is_some());
	let attacks = CASES.iter().map(|case| (case, row(case.name, case.make, false)));
	// What has another size, number of pictures or other times is found without looking at pictures.
	let attacks = attacks.filter(|(case, row)| {
		case.found[0] == VIDEO
			&& !BY_OTHERS.contains(&row.name)
			&& (whole || OBVIOUS.contains(&row.name))
	});
	others.chain(attacks.map(|(_, row)| row)).collect()
}

#[tokio::test]
async fn other_encoders_should_be_near_and_obvious_attacks_far_whatever_the_verdict() {
	let (whole, sizes) = extent();
	let engine = engine();
	let clips = clips();
	let mut rows = rows_of_hardware_tier(whole);
	let mut wrong = Vec::new();
	for (turn, clip) in clips.iter().enumerate() {
		for (size, rendition) in chosen(turn, sizes) {
			let place = format!("{} at {}×{}", clip.name, size.0, size.1);
			let material = Arc::new(Material::new(&engine, clip, size, rendition).await);
			let places = Arc::new(Semaphore::new(2));
			let mut jobs = JoinSet::new();
			for (index, row) in rows.iter().enumerate() {
				let (make_it, honest) = (row.make, row.honest);
				let (engine, material, places) = (engine.clone(), material.clone(), places.clone());
				jobs.spawn(async move {
					let _place = places.acquire().await.expect("open");
					let delivered = material.attack(&engine, index, make_it).await;
					if delivered == material.right {
						return (index, None);
					}
					let Material { source, right, .. } = &*material;
					let measured =
						engine.diagnose(&rendition, &LIMITS, source, right, &delivered).await;
					// However near it is, it is not the same bytes.
					let said = match honest {
						true => verdict(&engine, &material, delivered).await.0,
						false => VIDEO,
					};
					(index, Some((measured, said)))
				});
			}
			while let Some(done) = jobs.join_next().await {
				let (index, measured) = done.expect("no panic");
				let Some((measured, said)) = measured else { continue };
				let row = &mut rows[index];
				let ratios = match measured {
					Ok(diagnosis) => diagnosis.ratios,
					Err(error) => {
						wrong.push(format!("{}, {place}: {error}", row.name));
						continue;
					}
				};
				row.ratios.push(ratios);
				// Of all clips it is a rate, which is written down.
				let is_told = whole || ratios.is_near() == row.honest;
				if !said.is_fault() || !is_told {
					wrong.push(format!("{}, {place}: {said:?}, {ratios:?}", row.name));
				}
			}
		}
	}
	let table = rates(&clips, sizes, &rows);
	if whole {
		println!("{table}");
	}
	assert!(wrong.is_empty(), "{}", wrong.join("\n"));
	let (honest, attacks): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.honest);
	let tried = |rows: &[&Row]| rows.iter().filter(|row| !row.ratios.is_empty()).count();
	assert!(tried(&honest) >= OTHERS.len() - 1 && tried(&attacks) >= OBVIOUS.len());
	if whole && std::env::var_os("WRITE_DOCS").is_some() {
		write_between(HARDWARE_TIER, "rates", &table);
	}
}

#[test]
fn rows_of_the_hardware_tier_should_be_rows_of_the_corpus() {
	for name in BY_OTHERS.iter().chain(&OBVIOUS) {
		let found = CASES.iter().find(|case| case.name == *name).map(|case| case.found[0]);
		assert_eq!(found, Some(VIDEO), "{name}");
	}
}

/// False rejects and accepts by threshold, and what was measured of each row.
fn rates(clips: &[Clip], sizes: usize, rows: &[Row]) -> String {
	const ALLOWED: [u32; 8] = [110, 125, 150, 175, NEAR, 250, 300, 400];
	let names: Vec<&str> = clips.iter().map(|clip| clip.name.as_str()).collect();
	let excesses = |honest: bool| -> Vec<u32> {
		let rows = rows.iter().filter(|row| row.honest == honest);
		rows.flat_map(|row| row.ratios.iter().map(Ratios::excess)).collect()
	};
	let (honest, attacks) = (excesses(true), excesses(false));
	let mut text = format!(
		"{} clips ({}) at {sizes} sizes: {} outputs of other encoders, {} of attacks.\n\n\
		 | Excess allowed | Others' outputs rejected | Attacks accepted |\n|---|---|---|\n",
		clips.len(),
		names.join(", "),
		honest.len(),
		attacks.len(),
	);
	let share = |part: usize, of: &[u32]| {
		let thousandths = part * 1_000 / of.len().max(1);
		format!("{part} ({}.{} %)", thousandths / 10, thousandths % 10)
	};
	for allowed in ALLOWED {
		let rejected = honest.iter().filter(|excess| **excess > allowed).count();
		let accepted = attacks.iter().filter(|excess| **excess <= allowed).count();
		let mark = if allowed == NEAR { "**" } else { "" };
		text.push_str(&format!(
			"| {mark}{}{mark} | {} | {} |\n",
			hundredths(allowed),
			share(rejected, &honest),
			share(accepted, &attacks),
		));
	}
	text.push_str(
		"\n| Delivered | Rejected | Excess | Whole | Picture | Tile | Tile of a picture |\n\
		 |---|---|---|---|---|---|---|\n",
	);
	for row in rows {
		let rejected = row.ratios.iter().filter(|ratios| !ratios.is_near()).count();
		let spread = |of: fn(&Ratios) -> u32| {
			let values = || row.ratios.iter().map(of);
			let ends = values().min().zip(values().max());
			ends.map_or(String::new(), |(a, b)| format!("{} to {}", hundredths(a), hundredths(b)))
		};
		text.push_str(&format!(
			"| {}{} | {rejected} of {} | {} | {} | {} | {} | {} |\n",
			if row.honest { "honest: " } else { "" },
			row.name,
			row.ratios.len(),
			spread(Ratios::excess),
			spread(|ratios| ratios.whole),
			spread(|ratios| ratios.picture),
			spread(|ratios| ratios.tile),
			spread(|ratios| ratios.spot),
		));
	}
	text
}

fn hundredths(number: u32) -> String {
	format!("{}.{:02}", number / 100, number % 100)
}

/// Ladders of honest segments.
const LADDERS: [&[Rendition]; 5] = [
	&[two(256, 144, 150), two(160, 90, 60)],
	&[rendition(256, 144, 150), two(256, 144, 90)],
	&[two(320, 180, 400)],
	&[two(202, 114, 80), rendition(160, 90, 50)],
	&[two(426, 240, 900), two(64, 36, 20)],
];

/// One picture has no other that could differ from it by a variant alone.
const ONE_PICTURE: &str = "-an -frames:v 1";

/// Shapes of honest segments: beside usual ones portrait, of a size that is no multiple of a macroblock, of one
/// picture, without sound, at the rates of film and of American television, with captions' kind of messages.
const SHAPES: [Shape; 8] = [
	usual((426, 240)),
	usual((180, 320)),
	usual((326, 182)),
	Shape { options: ONE_PICTURE, ..usual((320, 180)) },
	Shape { options: "-an", ..usual((640, 360)) },
	Shape { fps: "24000/1001", ..usual((320, 180)) },
	Shape { fps: "60000/1001", ..usual((320, 180)) },
	Shape {
		options: "-bsf:v h264_metadata=sei_user_data=086f3693-b7b3-4f2c-9653-21492feee5b8+x",
		..usual((320, 180))
	},
];

/// Judges whose processors differ, and the garbage in their memory.
const JUDGES: [&[(&str, &str)]; 4] = [
	&[("MALLOC_PERTURB_", "85")],
	&[("MALLOC_PERTURB_", "170"), (PROCESSOR, "none")],
	&[("MALLOC_PERTURB_", "51"), (PROCESSOR, "sse2")],
	&[("MALLOC_PERTURB_", "204"), (PROCESSOR, "avx2")],
];

#[tokio::test]
async fn honest_segments_should_never_be_rejected_and_forced_variants_always_be_told_apart() {
	let whole = std::env::var_os("CORPUS").is_some();
	let count: usize = if whole { 500 } else { 40 };
	let clips = if whole { clips() } else { generated() };
	let transcoder = engine();
	let judges = JUDGES.map(|judge| Engine::unattested(with_environment(judge)));
	// Each shape comes with each ladder. Every second one is forced, but for those of one picture.
	let shape_of = |index: usize| SHAPES[index / LADDERS.len() % SHAPES.len()];
	let is_forced = |index: usize| index % 2 == 1 && shape_of(index).options != ONE_PICTURE;
	let forced = (0..count).filter(|index| is_forced(*index)).count();
	let directory = tempfile::tempdir().expect("a temporary directory");
	let places = Arc::new(Semaphore::new(2));
	let mut jobs = JoinSet::new();
	for index in 0..count {
		let (transcoder, places) = (transcoder.clone(), places.clone());
		let judge_of = judges[index % judges.len()].clone();
		let (shape, is_forced) = (shape_of(index), is_forced(index));
		let (clip, directory) = (clips[index % clips.len()].clone(), directory.path().to_owned());
		jobs.spawn(async move {
			let _place = places.acquire().await.expect("open");
			let at = (index / LADDERS.len()) as u32 % 8;
			let path = segment(&directory, &format!("honest-{index}.ts"), &clip, shape, at);
			let source = std::fs::read(path).expect("ffmpeg wrote it");
			let ladder = Ladder::try_from(LADDERS[index % LADDERS.len()].to_vec()).expect("short");
			let format = Format { ladder, limits: LIMITS, variants: true, stated: None };
			let rendition = (index / 2 % format.ladder.len()) as u8;
			let start = (index / 4) as u8 % VARIANT_STARTS;
			let variant = is_forced.then_some(Variant { rendition, start });
			let made =
				transcoder.transcode(&format, &source, variant).await.expect("a good source");
			let outputs: Vec<_> = made.outputs.into_iter().map(Some).collect();
			let seed = Hash::repeat_byte(index as u8);
			let examined = match judge_of.examine(&format, &source, &outputs, seed, 3).await {
				Ok(examined) => examined,
				Err(error) => return Err(format!("{} {index}: {error}", clip.name)),
			};
			let work = |pixels: &Pixels| pixels.input + pixels.outputs.iter().sum::<u64>();
			let (claimed, real) = (work(&made.pixels), work(&examined.pixels));
			let said = judge(&examined, claimed, Some(real));
			// Where nothing moves for a while, two starts are one.
			let expected = variant.map_or(Verdict::Valid, |_| Verdict::Variant { rendition });
			match said == expected {
				true => Ok(said),
				false => Err(format!("{} {index}: {said:?}, {:?}", clip.name, examined.findings)),
			}
		});
	}
	let (mut valid, mut told, mut wrong) = (0, 0, Vec::new());
	while let Some(done) = jobs.join_next().await {
		match done.expect("no panic") {
			Ok(Verdict::Valid) => valid += 1,
			Ok(_) => told += 1,
			Err(what) => wrong.push(what),
		}
	}
	let text = format!(
		"{count} honest segments, {forced} of them forced: {valid} are valid, {told} variants were told \
		 apart, {} were rejected.\n",
		wrong.len()
	);
	println!("{text}");
	assert!(wrong.is_empty(), "{}", wrong.join("\n"));
	if whole && std::env::var_os("WRITE_DOCS").is_some() {
		write_between(VERIFICATION, "honest", &text);
	}
}
