//! A tool for developers of the media crate: the child for its tests, the golden vectors, and the comparison
//! with the ffmpeg command line. The worker itself is `livepeer-worker`.

use std::{
	ffi::OsString,
	fs::{self, File},
	path::{Path, PathBuf},
	process::{Command, ExitCode, Stdio},
	sync::Arc,
	time::Instant,
};

use livepeer_primitives::{
	params::ProtocolParameters,
	video::{Rendition, SourceLimits, CANONICAL_PROFILE, LONGEST_SEGMENT, MAX_FPS, MAX_SIDE},
};
use livepeer_worker_media::{
	child_main, descendants_seconds, golden, library_versions, profile, Escape, EvidenceSeed,
	MediaError, MediaPool, PoolConfig, Priority, Segment, SegmentOptions, TranscodeJob, Variant,
	Wishes, SUBCOMMAND,
};

const USAGE: &str = "usage:
  livepeer-media toolchain           make the golden vectors and print the toolchain's id
  livepeer-media probe SEGMENT       decode one segment and say what it is
  livepeer-media segment FILE DIR    cut FILE into DIR
  livepeer-media transcode FILE DIR  cut FILE and transcode it into DIR
  livepeer-media bench FILE          compare with the ffmpeg command line, as JSON";

/// The widest limits of the protocol.
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
	if first == SUBCOMMAND {
		child_main(arguments);
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
				let attested = golden::attest(&pool, None).await.map_err(|e| e.to_string())?;
				for checked in &attested.checked {
					eprintln!("{:32} {}", checked.name, checked.found);
				}
				println!("0x{}", hex::encode(attested.toolchain));
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
	ladder: &[Rendition],
	wishes: Wishes,
) -> Result<Vec<Vec<Vec<u8>>>, String> {
	let mut tasks = tokio::task::JoinSet::new();
	for (index, segment) in segments.iter().cloned().enumerate() {
		let (pool, ladder) = (pool.clone(), ladder.to_vec());
		tasks.spawn(async move {
			let job =
				TranscodeJob { input: &segment.data, ladder: &ladder, limits: &WIDEST, wishes };
			(index, pool.transcode(job, Priority::Live).await)
		});
	}
	let mut outputs = vec![Vec::new(); segments.len()];
	while let Some(done) = tasks.join_next().await {
		let (index, made) = done.map_err(|e| e.to_string())?;
		outputs[index] = match made {
			Ok(made) => made.outputs,
			// As on the network, the stream continues after a rejected segment.
			Err(error @ MediaError::InputInvalid { .. }) => {
				eprintln!("segment {index} is rejected: {error}");
				Vec::new()
			}
			Err(error) => return Err(format!("segment {index}: {error}")),
		};
	}
	Ok(outputs)
}

async fn transcode(pool: &MediaPool, file: &Path, directory: &Path) -> Result<(), String> {
	let segments = segments(pool, file).await?;
	let ladder = ladder()?;
	// The first rendition as its profile's variant from this start on.
	let variant = match std::env::var_os("VARIANT") {
		Some(_) => Some(Variant { rendition: 0, start: number("VARIANT", 0)? }),
		None => None,
	};
	let made =
		transcode_all(pool, &segments, &ladder, Wishes { variant, ..Default::default() }).await?;
	for (index, outputs) in made.iter().enumerate() {
		for (rendition, bytes) in ladder.iter().zip(outputs) {
			let name = format!("{}p-{index:05}.ts", rendition.height);
			save(directory, &name, bytes)?;
			println!("{name}  {} bytes", bytes.len());
		}
	}
	Ok(())
}

/// A folder that goes with its value, if it was made: also where a contestant fails.
struct Scratch(PathBuf);

impl Drop for Scratch {
	fn drop(&mut self) {
		let _ = fs::remove_dir_all(&self.0);
	}
}

/// One ffmpeg process over the same segments: continuous, with its own threading, same sizes, rates
/// and preset.
fn command_line(
	program: &str,
	segments: &[Segment],
	ladder: &[Rendition],
	directory: &Path,
) -> Result<(), String> {
	let joined: Vec<u8> = segments.iter().flat_map(|s| s.data.clone()).collect();
	save(directory, "source.ts", &joined)?;
	let mut graph = format!("[0:v]split={}", ladder.len());
	for i in 0..ladder.len() {
		graph.push_str(&format!("[i{i}]"));
	}
	for (i, r) in ladder.iter().enumerate() {
		graph.push_str(&format!(
			";[i{i}]scale={}:{}:flags=bicubic+accurate_rnd+bitexact,format=yuv420p[o{i}]",
			r.width, r.height
		));
	}
	let mut command = Command::new(program);
	command
		.args(["-nostdin", "-loglevel", "error", "-y", "-i"])
		.arg(directory.join("source.ts"))
		.args(["-filter_complex", &graph]);
	for (i, r) in ladder.iter().enumerate() {
		let rate = format!("{}k", r.kbps);
		command
			.args(["-map", &format!("[o{i}]"), "-map", "0:a?", "-c:a", "copy"])
			.args(["-c:v", "libx264", "-preset", "veryfast", "-g", "60", "-b:v", &rate])
			.args(["-maxrate", &rate, "-bufsize", &rate, "-f", "mpegts"])
			.arg(directory.join(format!("{i}.ts")));
	}
	let status = command.stdin(Stdio::null()).status().map_err(|e| format!("{program}: {e}"))?;
	if !status.success() {
		return Err(format!("{program}: {status}"));
	}
	Ok(())
}

/// How many idle children are timed.
const IDLE_JOBS: u32 = 20;

/// Milliseconds from an empty request to a child's answer, once its parent runs.
async fn idle_child(pool: &MediaPool) -> Result<f64, String> {
	let nothing = || pool.try_escape(Escape::OpenFile);
	nothing().await.map_err(|e| e.to_string())?;
	let started = Instant::now();
	for _ in 0..IDLE_JOBS {
		nothing().await.map_err(|e| e.to_string())?;
	}
	Ok(started.elapsed().as_secs_f64() * 1_000.0 / f64::from(IDLE_JOBS))
}

/// The best result of one contestant.
struct Took {
	name: String,
	seconds: f64,
	cpu: f64,
}

impl Took {
	fn new(name: &str) -> Self {
		Self { name: name.into(), seconds: f64::MAX, cpu: f64::MAX }
	}

	/// `cpu` is that of all ended descendants, so everything must have been waited for.
	fn least(&mut self, started: Instant, cpu_before: f64) {
		self.seconds = self.seconds.min(started.elapsed().as_secs_f64());
		self.cpu = self.cpu.min(descendants_seconds() - cpu_before);
	}
}

/// The duration ratio within which every segment of a stream has to be made.
const RATIO: f64 = 0.8;
/// Segments that are made of each stream.
const SEGMENTS_OF_STREAM: usize = 4;
/// The most streams that are tried.
const MOST_STREAMS: usize = 512;

/// The highest duration ratio of a segment, with this many streams at a time, each having its segments made
/// one after the other without a pause.
async fn ratio(
	segments: &Arc<Vec<Segment>>,
	ladder: &[Rendition],
	streams: usize,
) -> Result<f64, String> {
	let pool = MediaPool::new(PoolConfig { live: streams, ..PoolConfig::default() });
	let mut tasks = tokio::task::JoinSet::new();
	for stream in 0..streams {
		let (pool, segments, ladder) = (pool.clone(), segments.clone(), ladder.to_vec());
		tasks.spawn(async move {
			let mut worst = 0.0;
			// Each stream starts at another place in the clip.
			for segment in segments.iter().cycle().skip(stream).take(SEGMENTS_OF_STREAM) {
				let wishes = Wishes::default();
				let job =
					TranscodeJob { input: &segment.data, ladder: &ladder, limits: &WIDEST, wishes };
				let started = Instant::now();
				pool.transcode(job, Priority::Live).await.map_err(|e| e.to_string())?;
				let duration = f64::from(segment.duration) / 90_000.0;
				worst = f64::max(worst, started.elapsed().as_secs_f64() / duration);
			}
			Ok::<_, String>(worst)
		});
	}
	let mut worst = 0.0;
	while let Some(done) = tasks.join_next().await {
		worst = f64::max(worst, done.map_err(|e| e.to_string())??);
	}
	Ok(worst)
}

/// The most streams whose segments are all made within [`RATIO`] of their duration, and the ratio reached.
async fn streams(
	segments: &Arc<Vec<Segment>>,
	ladder: &[Rendition],
) -> Result<(usize, f64), String> {
	let (mut good, mut beyond) = ((0, 0.0), MOST_STREAMS + 1);
	let mut next = 1;
	while good.0 + 1 < beyond {
		let found = ratio(segments, ladder, next).await?;
		if found <= RATIO {
			good = (next, found);
		} else {
			beyond = next;
		}
		// Twice as many until they are too many, then half-way.
		let most = if beyond > MOST_STREAMS { 2 * next } else { (good.0 + beyond) / 2 };
		next = most.max(good.0 + 1).min(MOST_STREAMS);
	}
	Ok(good)
}

async fn bench(pool: &MediaPool, file: &Path) -> Result<(), String> {
	let started = Instant::now();
	let segments = segments(pool, file).await?;
	let cutting = started.elapsed();
	let rounds: u32 = number("ROUNDS", 3)?;
	let name = format!("livepeer-bench-{}", std::process::id());
	let directory = Scratch(std::env::temp_dir().join(name));
	let ladder = ladder()?;
	let (mut ours, mut judging) = (Took::new("ours"), Took::new("verifying"));
	// The cost of a pixel, for the work factors: decoded (with next to nothing encoded), and encoded.
	let (mut decoding, mut canonical) = (Took::new("decoding"), Took::new("profile 1"));
	let smallest = [rendition(64, 36, 100)];
	let under_one: Vec<_> =
		ladder.iter().map(|r| Rendition { profile: CANONICAL_PROFILE, ..*r }).collect();
	// The least work needed to tell a variant from its plain encode.
	let mut telling = Took::new("telling");
	// What a judge makes for a valid leaf; it then only compares hashes and bytes.
	let evidence = Some(EvidenceSeed { seed: golden::SEED, index: 0 });
	// `FFMPEGS` can name other ffmpeg programs, such as a newer one than the system's.
	let others = std::env::var("FFMPEGS").unwrap_or_else(|_| "ffmpeg".into());
	let mut theirs: Vec<Took> = others.split(':').map(Took::new).collect();
	// In turns, so that other load on the machine affects all contestants; the best of each counts.
	for _ in 0..rounds {
		let mut outputs = Vec::new();
		for (took, ladder, evidence) in [
			(&mut decoding, &smallest[..], None),
			(&mut canonical, &under_one[..], None),
			(&mut judging, &ladder[..], evidence),
			(&mut ours, &ladder[..], None),
		] {
			let (started, cpu) = (Instant::now(), descendants_seconds());
			{
				// A pool of its own: what it started has been waited for when it is gone.
				let pool = MediaPool::new(PoolConfig::default());
				let wishes = Wishes { evidence, ..Default::default() };
				outputs = transcode_all(&pool, &segments, ladder, wishes).await?;
			}
			took.least(started, cpu);
		}
		let (started, cpu) = (Instant::now(), descendants_seconds());
		{
			let pool = MediaPool::new(PoolConfig::default());
			for output in outputs.iter().filter_map(|made| made.first()) {
				let probed = pool.probe(output, &WIDEST, Priority::Live).await;
				probed.map_err(|e| e.to_string())?;
			}
		}
		telling.least(started, cpu);
		for other in &mut theirs {
			let (started, cpu) = (Instant::now(), descendants_seconds());
			command_line(&other.name, &segments, &ladder, &directory.0)?;
			other.least(started, cpu);
		}
	}
	drop(directory);
	let idle = idle_child(pool).await?;
	let segments = Arc::new(segments);
	let (most, at) = streams(&segments, &ladder).await?;
	let video: f64 = segments.iter().map(|s| f64::from(s.duration) / 90_000.0).sum();
	let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
	let mut pixels = 0.0;
	let (mut decoded, mut first) = (0.0, 0.0);
	for segment in segments.iter() {
		let facts = pool.probe(&segment.data, &WIDEST, Priority::Live).await;
		let facts = facts.map_err(|e| e.to_string())?;
		decoded += facts.pixels() as f64;
		pixels += ladder.iter().map(|r| facts.rendition_pixels(r) as f64).sum::<f64>();
		first += ladder.first().map_or(0.0, |r| facts.rendition_pixels(r) as f64);
	}
	println!("{{");
	println!("  \"segments\": {}, \"video_seconds\": {video:.3},", segments.len());
	println!("  \"cut_seconds\": {:.3},", cutting.as_secs_f64());
	println!("  \"idle_child_milliseconds\": {idle:.1},");
	println!("  \"encoded_pixels\": {pixels:.0}, \"decoded_pixels\": {decoded:.0},");
	println!("  \"ours\": {{\"seconds\": {:.3}, \"cpu_seconds\": {:.2}}},", ours.seconds, ours.cpu);
	println!(
		"  \"verifying\": {{\"seconds\": {:.3}, \"cpu_seconds\": {:.2}, \"of_transcoding\": {:.3}}},",
		judging.seconds,
		judging.cpu,
		judging.cpu / ours.cpu
	);
	for other in &theirs {
		println!(
			"  {:?}: {{\"seconds\": {:.3}, \"cpu_seconds\": {:.2}, \"ratio\": {:.3}, \"cpu_ratio\": {:.3}}},",
			other.name,
			other.seconds,
			other.cpu,
			ours.seconds / other.seconds,
			ours.cpu / other.cpu
		);
	}
	// Each includes the start of the pool; those that encode also include the decode.
	let encoded = |took: &Took| (took.cpu - decoding.cpu) / pixels;
	println!(
		"  \"pixel_nanoseconds\": {{\"decoded\": {:.2}, \"profile_1\": {:.2}, \"ours\": {:.2}}},",
		1e9 * decoding.cpu / decoded,
		1e9 * encoded(&canonical),
		1e9 * encoded(&ours)
	);
	println!(
		"  \"factors\": {{\"decode\": {:.3}, \"ours\": {:.3}}},",
		decoding.cpu / decoded / encoded(&canonical),
		encoded(&ours) / encoded(&canonical)
	);
	// The decode of the first rendition's outputs beside their encode.
	println!("  \"telling_of_encoding\": {:.3},", telling.cpu / (encoded(&ours) * first));
	// The work of all judges relative to that of established transcoders, and how many processors it keeps
	// busy with 200 streams like this one.
	let lottery = ProtocolParameters::production().lottery;
	let drawn = f64::from(lottery.verification_rate.deconstruct()) / 1e9;
	let judged = drawn * f64::from(lottery.committee_size);
	println!("  \"verification_of_all_work\": {:.3},", judged * judging.cpu / ours.cpu);
	println!(
		"  \"judges_processors_at_200_streams\": {:.1},",
		200.0 * judged * judging.cpu / video
	);
	println!("  \"streams\": {most}, \"duration_ratio\": {at:.3},");
	// Work counts encoded pixels. A fifth stays free for verification and for harder video than this clip.
	println!("  \"suggested_capacity\": {:.0}", 0.8 * cores * pixels / ours.cpu);
	println!("}}");
	Ok(())
}

fn number<T: std::str::FromStr>(name: &str, default: T) -> Result<T, String> {
	match std::env::var(name) {
		Err(_) => Ok(default),
		Ok(text) => text.parse().map_err(|_| format!("{name}: {text} is no number")),
	}
}

/// The requested ladder: `LADDER` has `WIDTHxHEIGHT@KBPS`, separated by commas, `PROFILE` the number of the
/// profile.
fn ladder() -> Result<Vec<Rendition>, String> {
	let profile = number("PROFILE", profile::CAPPED_QUALITY)?;
	let Ok(text) = std::env::var("LADDER") else {
		return Ok(LADDER.iter().map(|r| Rendition { profile, ..*r }).collect());
	};
	text.split(',')
		.map(|one| {
			let wrong = || format!("LADDER: {one} is not WIDTHxHEIGHT@KBPS");
			let (size, kbps) = one.split_once('@').ok_or_else(wrong)?;
			let (width, height) = size.split_once('x').ok_or_else(wrong)?;
			let kbps = kbps.parse().map_err(|_| wrong())?;
			Ok(Rendition {
				width: width.parse().map_err(|_| wrong())?,
				height: height.parse().map_err(|_| wrong())?,
				profile,
				kbps,
				cap_kbps: kbps,
			})
		})
		.collect()
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn nothing_should_be_left_when_a_contestant_fails() {
		let folder = tempfile::tempdir().expect("a temporary directory");
		let path = folder.path().join("scratch");
		let failed = {
			let scratch = Scratch(path.clone());
			let failed = command_line("/nonexistent", &[], &LADDER, &scratch.0);
			assert!(path.join("source.ts").exists());
			failed
		};
		assert!(failed.is_err_and(|why| why.contains("/nonexistent")) && !path.exists());
	}
}
