//! Sound stays in step with the picture: films that flash and beep at the same moments are cut and
//! transcoded as the network does it, and flashes and beeps are looked for in what comes out. Every third
//! one runs in everyday tests, `make test-inputs` runs all.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
	fs::File,
	path::Path,
	process::{Command, Stdio},
};

use common::*;
use livepeer_worker_media::SegmentOptions;

/// How far a beep may be from its flash, in seconds.
const APART: f64 = 0.05;
const RATE: usize = 48_000;

/// Replaced in the lines: pictures that flash for a fifth of each second and sound that beeps then, for
/// twelve seconds and for four, and the usual encoder.
const WORDS: [(&str, &str); 4] = [
	("V12", "-f lavfi -i color=c=black:s=320x180:r=25:d=12,drawbox=t=fill:color=white:enable='between(mod(t,1),0.399,0.599)'"),
	("A12", "-f lavfi -i aevalsrc=exprs='0.8*sin(2*PI*1000*t)*between(mod(t,1),0.4,0.6)':s=48000:d=12"),
	("X264", "-pix_fmt yuv420p -c:v libx264 -preset ultrafast -g 50 -keyint_min 50 -sc_threshold 0"),
	("4S", "-t 4"),
];

/// What is made, as what, and how many beeps have a flash.
const FILMS: [(&str, &str, usize); 23] = [
	("plain.mp4", "V12 A12 X264 -c:a aac {}", 12),
	("plain.ts", "V12 A12 X264 -c:a aac {}", 12),
	("flv.flv", "V12 A12 X264 -c:a aac {}", 12),
	("bframes.mp4", "V12 A12 X264 -bf 3 -c:a aac {}", 12),
	("mono.mp4", "V12 A12 X264 -c:a aac -ar 22050 -ac 1 {}", 12),
	// Encoded at the source: sound, then pictures, then both.
	("opus.mkv", "V12 A12 X264 -c:a libopus {}", 12),
	("mp3.mp4", "V12 A12 X264 -c:a libmp3lame -ar 44100 {}", 12),
	("long-gop.mp4", "V12 A12 X264 -g 1000 -keyint_min 1000 -c:a aac {}", 12),
	("mpeg2.ts", "V12 A12 -pix_fmt yuv420p -c:v mpeg2video -b:v 2M -c:a mp2 {}", 12),
	("late-sound.mp4", "V12 -itsoffset 3 A12 X264 -c:a aac -t 12 {}", 9),
	(
		"restart.ts",
		"V12 A12 X264 -c:a aac 4S {dir}/a.ts\n\
		 V12 A12 X264 -c:a aac 4S -output_ts_offset 1 {dir}/b.ts\n\
		 + a.ts b.ts",
		8,
	),
	(
		"jump.ts",
		"V12 A12 X264 -c:a aac 4S {dir}/a.ts\n\
		 V12 A12 X264 -c:a aac 4S -output_ts_offset 19 {dir}/b.ts\n\
		 + a.ts b.ts",
		8,
	),
	(
		"smaller.ts",
		"V12 A12 X264 -s 640x360 -c:a aac 4S {dir}/a.ts\n\
		 V12 A12 X264 -c:a aac 4S -output_ts_offset 4 {dir}/b.ts\n\
		 + a.ts b.ts",
		8,
	),
	(
		"hevc.mp4",
		"V12 A12 -pix_fmt yuv420p -c:v libx265 -preset ultrafast -x265-params log-level=0 -g 50 -c:a aac {}",
		12,
	),
	(
		"vp9.webm",
		"V12 A12 -pix_fmt yuv420p -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 300k -c:a libopus {}",
		12,
	),
	("ac3.mp4", "V12 A12 X264 -c:a ac3 {}", 12),
	("rate44.mp4", "V12 A12 X264 -c:a aac -ar 44100 {}", 12),
	("fps50.mp4", "V12 A12 X264 -r 50 -g 100 -keyint_min 100 -c:a aac {}", 12),
	(
		"ntsc.mov",
		"-f lavfi -i color=c=black:s=320x180:r=30000/1001:d=12,drawbox=t=fill:color=white:enable='between(mod(t,1),0.399,0.599)' \
		 A12 X264 -g 60 -keyint_min 60 -c:a aac {}",
		12,
	),
	("fragmented.mp4", "V12 A12 X264 -c:a aac -movflags frag_keyframe+empty_moov {}", 12),
	("two-sounds.mkv", "V12 A12 A12 -map 0 -map 1 -map 2 X264 -c:a:0 ac3 -c:a:1 aac {}", 12),
	(
		"open-gop.mp4",
		"V12 A12 -pix_fmt yuv420p -c:v libx264 -preset medium \
		 -x264-params keyint=50:min-keyint=50:open-gop=1:bframes=3:scenecut=0 -c:a aac {}",
		12,
	),
	("late-picture.mkv", "-itsoffset 3 V12 A12 X264 -c:a aac -t 12 {}", 9),
];

fn make(dir: &Path, name: &str, lines: &str) -> std::path::PathBuf {
	let path = dir.join(name);
	for line in lines.lines() {
		if let Some(names) = line.strip_prefix("+ ") {
			let of = |name: &str| std::fs::read(dir.join(name)).unwrap();
			let joined: Vec<u8> = names.split(' ').flat_map(of).collect();
			std::fs::write(&path, joined).unwrap();
			continue;
		}
		let mut line = line.to_owned();
		for (word, means) in WORDS {
			line = line.replace(word, means);
		}
		let line = line.replace("{}", path.to_str().unwrap());
		ffmpeg(&line.replace("{dir}", dir.to_str().unwrap()));
	}
	path
}

/// What a program says about a file, whose place in the arguments is `{}`.
fn said(program: &str, arguments: &str, path: &Path) -> Vec<u8> {
	let output = Command::new(program)
		.args(["-loglevel", "error"])
		.args(arguments.replace("{}", path.to_str().unwrap()).split_whitespace())
		.stdin(Stdio::null())
		.output()
		.unwrap();
	assert!(output.status.success(), "{program} {arguments}");
	output.stdout
}

/// When each frame of a track is shown, in seconds.
fn times(path: &Path, track: &str) -> Vec<f64> {
	let arguments =
		format!("-select_streams {track} -show_entries frame=pts_time -of csv=p=0 {{}}");
	let text = String::from_utf8(said("ffprobe", &arguments, path)).unwrap();
	text.split_whitespace().map(|time| time.trim_end_matches(',').parse().unwrap()).collect()
}

/// When pictures become bright.
fn flashes(path: &Path) -> Vec<f64> {
	let gray = "-i {} -map 0:v -vf scale=1:1 -fps_mode passthrough -pix_fmt gray -f rawvideo -";
	let bright: Vec<bool> = said("ffmpeg", gray, path).iter().map(|gray| *gray >= 128).collect();
	let times = times(path, "v:0");
	assert_eq!(times.len(), bright.len());
	let before = std::iter::once(false).chain(bright.iter().copied());
	let each = times.into_iter().zip(before.zip(bright.iter().copied()));
	each.filter_map(|(time, (before, now))| (now && !before).then_some(time)).collect()
}

/// When it becomes loud, after a tenth of a second of silence.
fn beeps(path: &Path) -> Vec<f64> {
	let raw = said("ffmpeg", &format!("-i {{}} -map 0:a -ac 1 -ar {RATE} -f s16le -"), path);
	let first = times(path, "a:0").first().copied().unwrap_or_default();
	let (mut found, mut loud) = (Vec::new(), None);
	for (index, sample) in raw.chunks_exact(2).enumerate() {
		if i16::from_le_bytes([sample[0], sample[1]]).unsigned_abs() > 8_000 {
			if loud.is_none_or(|loud| index - loud > RATE / 10) {
				found.push(first + index as f64 / RATE as f64);
			}
			loud = Some(index);
		}
	}
	found
}

#[tokio::test]
async fn sound_should_stay_in_step_with_the_picture() {
	let all = std::env::var_os("ALL_INPUTS").is_some();
	let mut wrong = Vec::new();
	for (index, (name, lines, expected)) in FILMS.into_iter().enumerate() {
		if !all && index % 3 != 0 {
			continue;
		}
		let dir = tempfile::tempdir().unwrap();
		let path = make(dir.path(), name, lines);
		let options = SegmentOptions { longest: 225_000, ..SegmentOptions::default() };
		let pool = pool();
		let mut stream = pool.segment_file(File::open(&path).unwrap(), options).unwrap();
		let (mut count, mut worst) = (0, 0.0f64);
		while let Some(segment) = stream.next().await {
			let ladder = [rendition(128, 72, 100)];
			let data = segment.unwrap().data;
			let made = transcode_into(&pool, &data, &ladder, None).await.unwrap();
			let output = dir.path().join("output.ts");
			std::fs::write(&output, &made.outputs[0]).unwrap();
			let flashes = flashes(&output);
			for beep in beeps(&output) {
				let apart = flashes.iter().map(|flash| (flash - beep).abs());
				worst = worst.max(apart.fold(f64::INFINITY, f64::min));
				count += 1;
			}
		}
		println!("{name}: {count} beeps, {:.0} ms apart at most", worst * 1_000.0);
		if count != expected || worst > APART {
			wrong.push(name);
		}
	}
	assert!(wrong.is_empty(), "{wrong:?}");
}
