//! Shared by the tests: a pool with the shipped child, and clips made by the ffmpeg command line.
#![allow(dead_code)]

use std::{
	ffi::OsStr,
	path::{Path, PathBuf},
	process::{Command, Stdio},
	time::Duration,
};

use livepeer_primitives::{
	receipt::RejectReason,
	video::{Rendition, SourceLimits, CANONICAL_PROFILE},
};
use livepeer_worker_media::{
	EvidenceSeed, MediaError, MediaPool, PoolConfig, Priority, TranscodeJob, Transcoded, Wishes,
};

/// Of the last segment of an epoch, which may be as short as it likes.
pub const LIMITS: SourceLimits =
	SourceLimits { longest: 540_000, shortest: 0, ..SourceLimits::new(1280, 720, 60) };
pub const LADDER: [Rendition; 2] = [rendition(426, 240, 400), rendition(256, 144, 150)];

pub const fn rendition(width: u16, height: u16, kbps: u32) -> Rendition {
	Rendition { width, height, profile: CANONICAL_PROFILE, kbps, cap_kbps: kbps }
}

/// How the test tool gives its children's program.
pub fn config() -> PoolConfig {
	PoolConfig {
		program: Some(PathBuf::from(env!("CARGO_BIN_EXE_livepeer-media"))),
		live: 2,
		verify: 2,
		live_timeout: Duration::from_secs(300),
		verify_timeout: Duration::from_secs(300),
		segment_timeout: Duration::from_secs(120),
		..PoolConfig::default()
	}
}

pub fn pool() -> MediaPool {
	MediaPool::new(config())
}

pub fn with_environment(pairs: &[(&str, &str)]) -> MediaPool {
	let environment = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
	MediaPool::new(PoolConfig { environment, ..config() })
}

/// Runs ffmpeg with these arguments, split at spaces, and panics if it fails.
pub fn ffmpeg(arguments: &str) {
	ffmpeg_of("ffmpeg".as_ref(), arguments);
}

/// The same with another program.
pub fn ffmpeg_of(program: &OsStr, arguments: &str) {
	let status = Command::new(program)
		.args(["-nostdin", "-loglevel", "error", "-y"])
		.args(arguments.split_whitespace())
		.stdin(Stdio::null())
		.status()
		.expect("ffmpeg is installed");
	assert!(status.success(), "ffmpeg {arguments}");
}

/// Makes a file with ffmpeg and gives its bytes.
pub fn made(directory: &Path, name: &str, arguments: &str) -> Vec<u8> {
	let path = directory.join(name);
	ffmpeg(&format!("{arguments} {}", path.display()));
	std::fs::read(path).expect("ffmpeg wrote it")
}

/// The source of most tests: 640×360, 30 frames per second, with sound.
pub const SOURCE: &str = "-f lavfi -i testsrc2=s=640x360:r=30:d=1 -f lavfi -i sine=r=48000:d=1 \
	-pix_fmt yuv420p -c:v libx264 -preset fast -g 300 -b:v 800k -c:a aac -b:a 64k -f mpegts";

pub fn source() -> Vec<u8> {
	let directory = tempfile::tempdir().expect("a temporary directory");
	made(directory.path(), "source.ts", SOURCE)
}

pub async fn transcode(pool: &MediaPool, input: &[u8]) -> Result<Transcoded, MediaError> {
	transcode_into(pool, input, &LADDER, None).await
}

pub async fn transcode_into(
	pool: &MediaPool,
	input: &[u8],
	ladder: &[Rendition],
	evidence: Option<EvidenceSeed>,
) -> Result<Transcoded, MediaError> {
	let wishes = Wishes { evidence, ..Default::default() };
	let job = TranscodeJob { input, ladder, limits: &LIMITS, wishes };
	pool.transcode(job, Priority::Live).await
}

/// The reason for which a source is invalid; panics on any other result.
pub async fn reason(input: &[u8]) -> (RejectReason, u32) {
	match transcode(&pool(), input).await {
		Err(MediaError::InputInvalid { reason, offset }) => (reason, offset),
		Err(other) => panic!("{other}"),
		Ok(_) => panic!("the source was accepted"),
	}
}
