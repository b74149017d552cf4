//! A tool for those who work on the media crate: the child for its tests, the golden vectors, and
//! the comparison with the ffmpeg command line. The worker itself is `livepeer-worker`.

use std::{
	ffi::OsString,
	fs::{self, File},
	path::{Path, PathBuf},
	process::{Command, ExitCode, Stdio},
	time::{Duration, Instant},
};

use livepeer_primitives::video::{
	Rendition, SourceLimits, CANONICAL_PROFILE, LONGEST_SEGMENT, MAX_FPS, MAX_SIDE,
};
use livepeer_worker_media::{
	child, golden, library_versions, MediaPool, PoolConfig, Priority, Segment, SegmentOptions,
	TranscodeJob,
};

const USAGE: &str = "usage:
  livepeer-media toolchain           make the golden vectors and print the toolchain's id
  livepeer-media probe SEGMENT       decode one segment and say what it is
  livepeer-media segment FILE DIR    cut FILE into DIR
  livepeer-media transcode FILE DIR  cut FILE and transcode it into DIR
  livepeer-media bench FILE          compare with the ffmpeg command line, as JSON";

/// The widest source that the protocol knows.
const WIDEST: SourceLimits = SourceLimits {
	longest: LONGEST_SEGMENT,
	shortest: 0,
	..SourceLimits::new(MAX_SIDE, MAX_SIDE, MAX_FPS)
};
/// An ordinary ladder.
const LADDER: [Rendition; 3] =
	[rendition(854, 480, 1500), rendition(640, 360, 800), rendition(426, 240, 400)];

const fn rendition(width: u16, height: u16, kbps: u32) -> Rendition {
	Rendition { width, height, profile: CANONICAL_PROFILE, kbps, cap_kbps: kbps }
}

fn main() -> ExitCode {
	let mut arguments = std::env::args_os().skip(1);
	let first = arguments.next().unwrap_or_default();
	if first == child::SUBCOMMAND {
		child::child_main(arguments);
	}
	match run(&first, &arguments.collect::<Vec<_>>()) {
		Ok(()) => ExitCode::SUCCESS,
		Err(error) => {
			eprintln!("livepeer-media: {error}");
			ExitCode::FAILURE
		}
	}
}

fn run(command: &OsString, rest: &[OsString]) -> Result<(), String> {
	let runtime = tokio::runtime::Runtime::new().map_err(|e| e.to_string())?;
	let pool = MediaPool::new(PoolConfig::default());
	let paths: Vec<PathBuf> = rest.iter().map(PathBuf::from).collect();
	runtime.block_on(async {
		match (command.to_str(), paths.as_slice()) {
			(Some("toolchain"), []) => {
				let id = golden::attest(&pool).await.map_err(|e| e.to_string())?;
				println!("0x{}", hex::encode(id));
				eprintln!(
					"libavutil, libavcodec, libavformat, libswscale {:?}",
					library_versions()
				);
				Ok(())
			}
			(Some("probe"), [file]) => {
				let told = |e: String| format!("{}: {e}", file.display());
				let bytes = fs::read(file).map_err(|e| told(e.to_string()))?;
				let facts = pool.probe(&bytes, &WIDEST, Priority::Live).await;
				println!("{:#?}", facts.map_err(|e| told(e.to_string()))?);
				Ok(())
			}
			(Some("segment"), [file, directory]) => segment(&pool, file, directory).await,
			(Some("transcode"), [file, directory]) => transcode(&pool, file, directory).await,
			(Some("bench"), [file]) => bench(&pool, file).await,
			_ => Err(USAGE.into()),
		}
	})
}

async fn segments(pool: &MediaPool, path: &Path) -> Result<Vec<Segment>, String> {
	let told = |e: String| format!("{}: {e}", path.display());
	let file = File::open(path).map_err(|e| told(e.to_string()))?;
	let mut stream =
		pool.segment_file(file, SegmentOptions::default()).map_err(|e| told(e.to_string()))?;
	let mut segments = Vec::new();
	while let Some(segment) = stream.next().await {
		segments.push(segment.map_err(|e| told(e.to_string()))?);
	}
	Ok(segments)
}

fn save(directory: &Path, name: &str, bytes: &[u8]) -> Result<(), String> {
	let path = directory.join(name);
	fs::create_dir_all(directory)
		.and_then(|()| fs::write(&path, bytes))
		.map_err(|e| format!("{}: {e}", path.display()))
}

async fn segment(pool: &MediaPool, file: &Path, directory: &Path) -> Result<(), String> {
	for (index, segment) in segments(pool, file).await?.iter().enumerate() {
		save(directory, &format!("{index:05}.ts"), &segment.data)?;
		println!(
			"{index:05}.ts  {} bytes  {} frames  {} ticks from {}",
			segment.data.len(),
			segment.frames,
			segment.duration,
			segment.first_time
		);
	}
	Ok(())
}

async fn transcode_all(
	pool: &MediaPool,
	segments: &[Segment],
) -> Result<Vec<Vec<Vec<u8>>>, String> {
	let mut tasks = tokio::task::JoinSet::new();
	for (index, segment) in segments.iter().cloned().enumerate() {
		let pool = pool.clone();
		tasks.spawn(async move {
			let job = TranscodeJob {
				input: &segment.data,
				ladder: &LADDER,
				limits: &WIDEST,
				evidence: None,
			};
			(index, pool.transcode(job, Priority::Live).await)
		});
	}
	let mut outputs = vec![Vec::new(); segments.len()];
	while let Some(done) = tasks.join_next().await {
		let (index, made) = done.map_err(|e| e.to_string())?;
		outputs[index] = made.map_err(|e| format!("segment {index}: {e}"))?.outputs;
	}
	Ok(outputs)
}

async fn transcode(pool: &MediaPool, file: &Path, directory: &Path) -> Result<(), String> {
	let segments = segments(pool, file).await?;
	for (index, outputs) in transcode_all(pool, &segments).await?.iter().enumerate() {
		for (rendition, bytes) in LADDER.iter().zip(outputs) {
			let name = format!("{}p-{index:05}.ts", rendition.height);
			save(directory, &name, bytes)?;
			println!("{name}  {} bytes", bytes.len());
		}
	}
	Ok(())
}

/// One ffmpeg process over the same segments, with its own threading, same sizes and rates.
fn command_line(segments: &[Segment], directory: &Path) -> Result<Duration, String> {
	let joined: Vec<u8> = segments.iter().flat_map(|s| s.data.clone()).collect();
	save(directory, "source.ts", &joined)?;
	let mut graph = format!("[0:v]split={}", LADDER.len());
	for i in 0..LADDER.len() {
		graph.push_str(&format!("[i{i}]"));
	}
	for (i, r) in LADDER.iter().enumerate() {
		graph.push_str(&format!(
			";[i{i}]scale={}:{}:flags=bicubic+accurate_rnd+bitexact,format=yuv420p[o{i}]",
			r.width, r.height
		));
	}
	let mut command = Command::new("ffmpeg");
	command
		.args(["-nostdin", "-loglevel", "error", "-y", "-i"])
		.arg(directory.join("source.ts"))
		.args(["-filter_complex", &graph]);
	for (i, r) in LADDER.iter().enumerate() {
		let rate = format!("{}k", r.kbps);
		command
			.args(["-map", &format!("[o{i}]"), "-map", "0:a?", "-c:a", "copy"])
			.args(["-c:v", "libx264", "-preset", "veryfast", "-g", "60", "-b:v", &rate])
			.args(["-maxrate", &rate, "-bufsize", &rate, "-f", "mpegts"])
			.arg(directory.join(format!("{i}.ts")));
	}
	let started = Instant::now();
	let status = command.stdin(Stdio::null()).status().map_err(|e| format!("ffmpeg: {e}"))?;
	if !status.success() {
		return Err(format!("ffmpeg: {status}"));
	}
	Ok(started.elapsed())
}

/// Processor seconds of all children that have ended: what a busy machine does not distort.
fn children_cpu() -> f64 {
	// Behind the name, which may hold anything, `cutime` and `cstime` are fields 13 and 14, in
	// hundredths of a second on every Linux.
	let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
	let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
	let ticks: f64 = fields.skip(13).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
	ticks / 100.0
}

async fn bench(pool: &MediaPool, file: &Path) -> Result<(), String> {
	let started = Instant::now();
	let segments = segments(pool, file).await?;
	let cutting = started.elapsed();
	let directory = std::env::temp_dir().join(format!("livepeer-bench-{}", std::process::id()));
	let (mut ours, mut theirs) = (Duration::MAX, Duration::MAX);
	let (mut our_cpu, mut their_cpu) = (f64::MAX, f64::MAX);
	// Turn by turn, so that whatever else the machine does hits both; the best of each counts.
	for _ in 0..3 {
		let (started, cpu) = (Instant::now(), children_cpu());
		transcode_all(pool, &segments).await?;
		ours = ours.min(started.elapsed());
		our_cpu = our_cpu.min(children_cpu() - cpu);
		let cpu = children_cpu();
		theirs = theirs.min(command_line(&segments, &directory)?);
		their_cpu = their_cpu.min(children_cpu() - cpu);
	}
	fs::remove_dir_all(&directory).map_err(|e| format!("{}: {e}", directory.display()))?;
	let video: f64 = segments.iter().map(|s| f64::from(s.duration) / 90_000.0).sum();
	println!(
		"{{\"segments\": {}, \"video_seconds\": {video:.3}, \"cut_seconds\": {:.3}, \
		 \"ours_seconds\": {:.3}, \"ffmpeg_seconds\": {:.3}, \"ratio\": {:.3}, \
		 \"ours_cpu_seconds\": {our_cpu:.2}, \"ffmpeg_cpu_seconds\": {their_cpu:.2}, \
		 \"cpu_ratio\": {:.3}}}",
		segments.len(),
		cutting.as_secs_f64(),
		ours.as_secs_f64(),
		theirs.as_secs_f64(),
		ours.as_secs_f64() / theirs.as_secs_f64(),
		our_cpu / their_cpu,
	);
	Ok(())
}
