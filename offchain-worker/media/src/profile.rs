//! The canonical profile, version 1, as options of the libraries.
//!
//! The outputs of a segment are a function of its bytes and of this file: changing anything here
//! makes another toolchain. Why each setting is what it is:
//!
//! - One thread in decoder, scaler and encoder: with rate control by buffer, x264's result depends
//!   on the timing of its threads. Work is spread over segments instead.
//! - `cpu-independent`: x264 otherwise chooses algorithms by instruction set, and one of them reads
//!   uninitialised memory in Debian 12's build.
//! - `accurate_rnd+bitexact`: swscale otherwise rounds differently under AVX-512.
//! - Audio is copied: FFmpeg's AAC encoder depends on the instruction set.
//! - A fresh encoder per segment, one closed group of pictures: no hidden state between segments.
//! - `err_detect=explode`: a damaged picture is an error, not a guess.
//! - `strict=strict` in the decoder: the order of pictures follows from the level rather than from
//!   guesses that a longer probe would make.

use livepeer_primitives::video::{Rendition, SourceLimits};

use crate::sei;

/// The only demuxer of source segments and outputs.
pub const DEMUXER: &str = "mpegts";
/// The only decoders that may be opened.
pub const CODECS: &str = "h264,aac";
/// Flags of the scaler.
pub const SCALER_FLAGS: &str = "bicubic+accurate_rnd+bitexact";
/// Frames per second of a segment of one frame, which has none.
pub const SINGLE_FRAME_RATE: i32 = 30;
/// Nothing that libav allocates in one piece may be larger.
pub const MAX_ALLOC: usize = 256 * 1024 * 1024;

type Pairs = Vec<(&'static str, String)>;

/// Options of the demuxer of a segment.
pub fn demuxer_options() -> Pairs {
	vec![
		("format_whitelist", DEMUXER.into()),
		("codec_whitelist", CODECS.into()),
		("protocol_whitelist", "none".into()),
		// All of a segment's tables are near its start.
		("probesize", "1000000".into()),
	]
}

/// Options of the decoder.
pub fn decoder_options(limits: &SourceLimits) -> Pairs {
	// A bound on memory, not the limit itself, which is checked picture by picture: libav counts
	// whole macroblocks and widths that are rounded up for its vector code.
	let coded = |side: u16| u64::from(side.div_ceil(128)) * 128;
	vec![
		("threads", "1".into()),
		("err_detect", "explode".into()),
		("strict", "strict".into()),
		("flags", "+unaligned".into()),
		("codec_whitelist", CODECS.into()),
		("max_pixels", (coded(limits.width) * coded(limits.height)).to_string()),
	]
}

/// Options of the encoder of one rendition of a segment of `frames` frames.
pub fn encoder_options(rendition: &Rendition, frames: u32) -> Pairs {
	let bits = |kbps: u32| (u64::from(kbps) * 1000).to_string();
	vec![
		("preset", "veryfast".into()),
		("threads", "1".into()),
		("b", bits(rendition.kbps)),
		("maxrate", bits(rendition.cap_kbps)),
		// A second at the cap.
		("bufsize", bits(rendition.cap_kbps)),
		("g", frames.max(1).to_string()),
		("sc_threshold", "0".into()),
		("flags", "+bitexact+cgop".into()),
		// Captions of the source would come back as SEI, which is stripped, but their length would
		// have gone into the rate control.
		("a53cc", "0".into()),
		("x264-params", "cpu-independent=1:threads=1".into()),
	]
}

/// Options of the muxer.
pub fn muxer_options() -> Pairs {
	vec![
		("fflags", "+bitexact".into()),
		("max_delay", "0".into()),
		("avoid_negative_ts", "disabled".into()),
	]
}

/// What is kept of an encoded picture: all but the encoder's SEI, which names its version.
pub fn strip(picture: &[u8]) -> Vec<u8> {
	sei::without_sei(picture)
}

/// Environment of every child: nothing of ours but what makes results the same everywhere.
///
/// glibc's `pow`, `exp` and `log` differ in the last bit between their FMA variants and the plain
/// ones, and x264's rate control uses them.
pub fn environment() -> Vec<(&'static str, &'static str)> {
	vec![
		("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-FMA,-FMA4,-AVX2"),
		("AV_LOG_FORCE_NOCOLOR", "1"),
		("LC_ALL", "C"),
	]
}
