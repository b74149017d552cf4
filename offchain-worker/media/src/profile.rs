//! The canonical profiles as options of the libraries. `docs/media.md` says how they were chosen.
//!
//! The outputs of a segment are a function of its bytes and of this file: any change here makes another
//! toolchain. The reasons for the settings:
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

use std::sync::OnceLock;

use ffmpeg_next::Rational;
pub use livepeer_primitives::video::CAPPED_QUALITY;
use livepeer_primitives::video::{ProfileId, Rendition, SourceLimits, CANONICAL_PROFILE};

use crate::{ffi, sei};

/// Profile 2: no picture needs to look better than this rate factor gives.
const QUALITY: &str = "16";
/// Profile 2: the longest time that the encoder's plan covers, in ms.
const LONGEST_PLAN: u64 = 2_500;
/// Profile 2: the share of the planned time's bits that the buffer holds, in thousandths.
const BUFFER: u64 = 500;
/// Profile 2: the encoder's departures from its preset. No partitions of inter macroblocks, and dead zones
/// that keep more of the residual, which gains as much here as trellis quantisation and takes no time.
const CAPPED_QUALITY_TOOLS: &str =
	":rc-lookahead=30:partitions=i8x8,i4x4:deadzone-inter=6:deadzone-intra=6";
/// The encoder options of the variant's frames, under every profile. They select another motion search: the
/// vectors differ, rate and quality do not, and no header names it.
const VARIANT: &str = "me=dia";
/// The same options of the plain encode, as in its preset.
const PLAIN: &str = "me=hex";

/// The only demuxer of source segments and outputs.
pub const DEMUXER: &str = "mpegts";
/// The only decoders that may be opened.
pub const CODECS: &str = "h264,aac";
/// Flags of the scaler.
pub const SCALER_FLAGS: &str = "bicubic+accurate_rnd+bitexact";
/// The nominal frame rate of a segment with a single frame.
pub const SINGLE_FRAME_RATE: i32 = 30;
/// The largest single allocation of libav.
pub const MAX_ALLOC: usize = 256 * 1024 * 1024;

type Pairs = Vec<(&'static str, String)>;

/// The variable with which tests make children use a lesser processor: `none`, or a name that both FFmpeg and
/// x264 know. Only the worker sets a child's environment.
pub const PROCESSOR: &str = "LIVEPEER_PROCESSOR";

static ASSEMBLY: OnceLock<String> = OnceLock::new();

/// Restricts the libraries in this process to a lesser processor, if [`PROCESSOR`] names one.
pub fn choose_processor() -> Result<(), String> {
	let Ok(name) = std::env::var(PROCESSOR) else { return Ok(()) };
	let (caps, assembly) = match name.as_str() {
		"none" => ("0", "0"),
		name => (name, name),
	};
	ffi::force_processor(caps).map_err(|e| format!("{PROCESSOR}={name}: {e}"))?;
	ASSEMBLY.set(assembly.into()).map_err(|_| "the processor was chosen before".to_string())
}

/// Options of the demuxer of a segment.
pub fn demuxer_options() -> Pairs {
	vec![
		("format_whitelist", DEMUXER.into()),
		("codec_whitelist", CODECS.into()),
		("protocol_whitelist", "none".into()),
		// All of a segment's tables are near its start.
		("probesize", "1000000".into()),
		// What a stream holds its programme says. libav would compare up to a megabyte of sound with every format that it
		// knows, which takes with the square of that: minutes.
		("max_probe_packets", "0".into()),
		// The first piece of sound is compared all the same, and a piece is no longer than this.
		("max_packet_size", "16384".into()),
	]
}

/// Options of the decoder.
pub fn decoder_options(limits: &SourceLimits) -> Pairs {
	// A bound on memory. The real limit is checked picture by picture, because libav counts whole
	// macroblocks, and widths rounded up for its vector code.
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

/// Options of the encoder of one rendition of a segment with `frames` frames; `None` for an unknown profile.
pub fn encoder_options(
	rendition: &Rendition,
	frames: u32,
	fps: Rational,
	tweak: Tweak,
) -> Option<Pairs> {
	let bits = |kbps: u32| (u64::from(kbps) * 1000).to_string();
	let mut x264 = String::from("cpu-independent=1:threads=1");
	let mut options: Pairs = vec![
		("preset", "veryfast".into()),
		("threads", "1".into()),
		("g", frames.max(1).to_string()),
		("sc_threshold", "0".into()),
		("flags", "+bitexact+cgop".into()),
		// Captions of the source would come back as SEI. That is stripped, but its length would have affected
		// the rate control.
		("a53cc", "0".into()),
	];
	match rendition.profile {
		CANONICAL_PROFILE => options.extend([
			("b", bits(rendition.kbps)),
			("maxrate", bits(rendition.cap_kbps)),
			// A second at the cap.
			("bufsize", bits(rendition.cap_kbps)),
		]),
		CAPPED_QUALITY => {
			let (rate, buffer) = plan(rendition.kbps, frames, fps);
			options.extend([
				("crf", QUALITY.into()),
				("maxrate", rate.to_string()),
				("bufsize", buffer.to_string()),
			]);
			x264.push_str(CAPPED_QUALITY_TOOLS);
		}
		_ => return None,
	}
	match tweak {
		Tweak::None => x264.push_str(&zone(frames, LAST_START, PLAIN)),
		Tweak::Variant { start } => x264.push_str(&zone(frames, start, VARIANT)),
		Tweak::Probe { strength } => {
			let strength = 50_000 + u32::from(strength);
			x264.push_str(&format!(
				":aq-strength={}.{:05}",
				strength / 100_000,
				strength % 100_000
			));
		}
	}
	if let Some(assembly) = ASSEMBLY.get() {
		x264.push_str(&format!(":asm={assembly}"));
	}
	options.push(("x264-params", x264));
	Some(options)
}

/// Encodes the pictures from a start on with `tools`.
///
/// The encoder writes its settings into the first picture, where they count in its rate control, although
/// they are stripped afterwards. So they have the same length in the plain encode and in every variant.
/// Otherwise a variant could differ from the first pictures on at low rates, and encoding only those would
/// reveal it.
fn zone(frames: u32, start: u8, tools: &str) -> String {
	let width = variant_start(frames, LAST_START).to_string().len();
	let at = variant_start(frames, start);
	format!(":zones={at:0width$},{},{tools}", u32::from(u16::MAX))
}

/// The longest lookahead in pictures: of the preset, and of profile 2.
pub fn lookahead(profile: ProfileId) -> u64 {
	match profile {
		CAPPED_QUALITY => 30,
		_ => 10,
	}
}

/// Whether a rendition's start can be encoded for evidence.
pub fn has_probe(rendition: &Rendition) -> bool {
	rendition.profile == CAPPED_QUALITY
}

/// How an encode departs from the plain one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Tweak {
	/// Not at all.
	#[default]
	None,
	/// The profile's variant from one of [`STARTS`] on.
	Variant {
		/// Which start.
		start: u8,
	},
	/// Another distribution of the quantiser over the picture, so that the result cannot be derived from
	/// public data.
	Probe {
		/// Strength of the adaptive quantiser, from 0.5 in hundred-thousandths.
		strength: u16,
	},
}

/// Rate and buffer, in bits, with which a segment of `frames` frames has `kbps` on the whole, wherever in it
/// the bits are needed.
///
/// The buffer holds [`BUFFER`] of the segment's bits, about the surplus of its first picture, and is nearly
/// full at the start. The encoder plans over its lookahead and leaves the buffer half full at the end, so it
/// spends 38 % of the buffer (measured) plus the inflow. Of a long segment at most [`LONGEST_PLAN`] counts,
/// because pictures beyond the lookahead need their share.
fn plan(kbps: u32, frames: u32, fps: Rational) -> (u64, u64) {
	let positive = |n: i32| u64::from(n.max(1).unsigned_abs());
	let length = u64::from(frames.max(1)) * 1000 * positive(fps.denominator());
	let length = (length / positive(fps.numerator())).max(1);
	let planned = length.min(LONGEST_PLAN) * BUFFER / 1000;
	let kbps = u64::from(kbps);
	let rate = kbps * (980 - 380 * planned / length);
	// libx264's unit is 1,000 bits.
	(rate.max(1_000), (kbps * planned).max(1_000))
}

/// Places, in eighths of the segment, from which a variant can start. The last is late, so that detecting it
/// takes nearly the whole encode.
pub const STARTS: [u32; 4] = [2, 4, 6, 7];

/// The frame at which a variant with this start begins: never the first one.
pub fn variant_start(frames: u32, start: u8) -> u32 {
	let place = STARTS[usize::from(start) % STARTS.len()];
	(u64::from(frames) * u64::from(place) / 8).clamp(1, u64::from(u32::MAX)) as u32
}

/// The start with which a variant begins last.
pub const LAST_START: u8 = STARTS.len() as u8 - 1;

/// The most pictures by which decoding order runs ahead: as many as the preset has consecutive B pictures.
const AHEAD: u32 = 3;

/// The start of a variant whose first difference from the last-beginning variant is this coded picture,
/// counted in decoding order.
pub fn start_at(frames: u32, picture: u32) -> Option<u8> {
	let by = picture.saturating_add(AHEAD);
	(0..=LAST_START).rev().find(|start| variant_start(frames, *start) <= by)
}

/// The mark after a variant that otherwise equals the plain encode byte for byte: a null packet of the
/// transport stream, which every player skips.
pub fn mark() -> [u8; 188] {
	let mut packet = [0xff; 188];
	packet[..4].copy_from_slice(&[0x47, 0x1f, 0xff, 0x10]);
	packet
}

/// Makes a variant distinguishable from the plain encode. Without motion from its start on, every motion
/// search finds the same; without a mark nobody could see the variant, and a transcoder that owes it would be
/// convicted.
pub fn tell_apart(variant: &mut Vec<u8>, plain: &[u8]) {
	if variant.as_slice() == plain {
		variant.extend(mark());
	}
}

/// Options of the muxer.
pub fn muxer_options() -> Pairs {
	vec![
		("fflags", "+bitexact".into()),
		("max_delay", "0".into()),
		("avoid_negative_ts", "disabled".into()),
	]
}

/// The kept part of an encoded picture: everything but the encoder's SEI, which names its version.
pub fn strip(picture: &[u8]) -> Vec<u8> {
	sei::without_sei(picture)
}

/// The environment of every child: only what makes results the same everywhere.
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

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn settings_should_be_as_long_in_every_encode() {
		for frames in [1, 2, 9, 12, 25, 60, 120, 600] {
			let plain = zone(frames, LAST_START, PLAIN).len();
			for start in 0..=LAST_START {
				assert_eq!(zone(frames, start, VARIANT).len(), plain, "{frames} from {start}");
			}
		}
		assert_eq!(zone(120, 0, VARIANT), ":zones=030,65535,me=dia");
	}

	#[test]
	fn lookahead_should_be_that_of_the_tools() {
		let tools = format!(":rc-lookahead={}:", lookahead(CAPPED_QUALITY));
		assert!(CAPPED_QUALITY_TOOLS.starts_with(&tools));
	}

	#[test]
	fn start_should_follow_from_where_a_variant_departs() {
		// They begin at 12, 25, 37 and 43.
		for (picture, start) in [
			(0, None),
			(8, None),
			(9, Some(0)),
			(21, Some(0)),
			(22, Some(1)),
			(25, Some(1)),
			(36, Some(2)),
			(41, Some(3)),
			(50, Some(3)),
		] {
			assert_eq!(start_at(50, picture), start, "picture {picture}");
		}
		// All begin at the only picture that there could be.
		assert_eq!(start_at(1, 1), Some(3));
	}
}
