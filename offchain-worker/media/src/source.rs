//! A demuxed source segment: its pictures and audio as packets, not decoded yet.

use std::io::Cursor;

use ffmpeg_next::{
	codec,
	format::context::{Input, StreamIo},
	Error, Packet, Rational,
};
use livepeer_primitives::{
	receipt::RejectReason,
	video::{SourceLimits, TICKS_PER_SECOND},
};

use crate::{
	ffi::{self, TrackKind},
	limits::{self, DecodeError, Failure, MAX_PACKETS},
	profile,
};

/// A source segment's packets.
pub struct Source {
	/// The video packets in decoding order.
	pub video: Vec<Packet>,
	/// Parameters of the video.
	pub video_parameters: codec::Parameters,
	/// The audio packets in the source's order.
	pub audio: Vec<Packet>,
	/// Parameters of the audio, if there is any.
	pub audio_parameters: Option<codec::Parameters>,
	/// Presentation times of the video packets, ascending, in ticks.
	pub times: Vec<i64>,
	/// Frames per second.
	pub fps: Rational,
}

/// The unit of all time stamps of a transport stream.
pub fn ticks() -> Rational {
	Rational(1, TICKS_PER_SECOND as i32)
}

/// The byte offset of a packet; 0 if the demuxer does not know it.
pub fn offset(packet: &Packet) -> u64 {
	u64::try_from(packet.position()).unwrap_or(0)
}

/// Whether a libav error shows a shortage of this machine rather than a fault of the source.
pub fn is_ours(error: &Error) -> bool {
	matches!(error, Error::Other { errno } if *errno == libc::ENOMEM)
}

/// What the demuxer finds in a segment.
struct Demuxed {
	packets: Vec<Packet>,
	/// The first fault of the bytes. It and too large a picture are reported after the counted limits, which
	/// come first in the order of the reasons.
	broken: Option<Failure>,
	/// The first picture that is too large.
	too_large: Option<Failure>,
}

fn demux(context: &mut Input, limits: &SourceLimits) -> Result<Demuxed, Failure> {
	let mut packets = Vec::new();
	let (mut broken, mut too_large) = (None, None);
	loop {
		let mut packet = Packet::empty();
		match packet.read(context) {
			Ok(()) => {}
			Err(Error::Eof) => break,
			Err(e) if is_ours(&e) => return Err(Failure::internal("demuxer", e)),
			Err(_) => {
				let at = packets.last().map_or(0, offset);
				broken = broken.or(Some(Failure::undecodable(DecodeError::Demuxer, at)));
				break;
			}
		}
		let at = offset(&packet);
		if packets.len() >= MAX_PACKETS {
			return Err(Failure::invalid(RejectReason::TooManyPackets, at));
		}
		if packet.is_corrupt() {
			broken = broken.or(Some(Failure::undecodable(DecodeError::Packet, at)));
		}
		// A parser that never saw a parameter set has no size; the decoder will refuse.
		if let Some((width, height)) = ffi::parsed_size(context, packet.stream()) {
			let checked = limits::check_picture(width, height, limits, at);
			too_large = too_large.or(checked.err());
		}
		packets.push(packet);
	}
	Ok(Demuxed { packets, broken, too_large })
}

/// The track of the pictures and that of the sound, if there is one; a segment has no others.
fn tracks(context: &Input, packets: &[Packet]) -> Result<(usize, Option<usize>), Failure> {
	let (mut video, mut audio) = (None, None);
	for index in 0..ffi::track_count(context) {
		let Some(track) = ffi::track(context, index) else { continue };
		let at = packets.iter().find(|p| p.stream() == index).map_or(0, offset);
		let slot = match track.kind {
			TrackKind::Video if !track.is_h264 => {
				return Err(Failure::invalid(RejectReason::UnsupportedVideo, at))
			}
			TrackKind::Audio if !track.is_aac => {
				return Err(Failure::invalid(RejectReason::UnsupportedAudio, at))
			}
			TrackKind::Video => &mut video,
			TrackKind::Audio => &mut audio,
			TrackKind::Other => return Err(Failure::invalid(RejectReason::NotTransportStream, at)),
		};
		if slot.replace(index).is_some() {
			return Err(Failure::invalid(RejectReason::NotTransportStream, at));
		}
	}
	let video = video.ok_or_else(|| Failure::invalid(RejectReason::NotTransportStream, 0u32))?;
	Ok((video, audio))
}

/// Demuxes a segment and checks everything that can be checked without decoding.
pub fn read(input: Vec<u8>, limits: &SourceLimits) -> Result<Source, Failure> {
	limits::check_container(&input)?;
	let length = input.len() as u64;
	let io = StreamIo::from_read_seek(Cursor::new(input))
		.map_err(|e| Failure::internal("input buffer", e))?;
	let mut context = ffi::open_input(io, Some(profile::DEMUXER), &profile::demuxer_options())
		.map_err(|e| match e {
			Error::OptionNotFound | Error::DemuxerNotFound => Failure::internal("demuxer", e),
			e if is_ours(&e) => Failure::internal("demuxer", e),
			_ => Failure::invalid(RejectReason::NotTransportStream, 0u32),
		})?;

	let Demuxed { packets, broken, too_large } = demux(&mut context, limits)?;
	let (video_track, audio_track) = tracks(&context, &packets)?;
	let copy = |index| {
		ffi::parameters(&context, index).map_err(|e| Failure::internal("track parameters", e))
	};
	let video_parameters = copy(video_track)?;
	let mut audio_parameters = audio_track.map(copy).transpose()?;

	let (video, mut audio): (Vec<_>, Vec<_>) = packets
		.into_iter()
		.filter(ffi::has_data)
		.partition(|packet| packet.stream() == video_track);
	for packet in &video {
		limits::check_units(packet.data().unwrap_or_default(), offset(packet))?;
	}
	let mut sound = 0;
	for packet in &audio {
		sound += limits::counted_sound(packet.size());
		limits::check_sound(sound, limits, offset(packet))?;
	}
	if let Some(too_large) = too_large {
		return Err(too_large);
	}
	for (index, packet) in video.iter().enumerate() {
		limits::check_frames(index as u64 + 1, limits, offset(packet))?;
	}
	let mut times: Vec<i64> = video.iter().filter_map(Packet::pts).collect();
	times.sort_unstable();
	let last_offset = video.last().map_or(0, offset);
	let span = match (times.first(), times.last()) {
		(Some(first), Some(last)) => last.saturating_sub(*first),
		_ => 0,
	};
	let fps = frame_rate(times.len() as i64 - 1, span);
	if !times.is_empty() {
		limits::check_span(span, limits, last_offset)?;
		limits::check_length(span.saturating_add(frame_ticks(fps)), limits, last_offset)?;
	}
	let first = video.first().ok_or_else(|| Failure::invalid(RejectReason::NoKeyframe, length))?;
	if !first.is_key() {
		return Err(Failure::invalid(RejectReason::NoKeyframe, offset(first)));
	}
	if let Some(broken) = broken {
		return Err(broken);
	}
	if times.is_empty() {
		return Err(Failure::undecodable(DecodeError::Time, offset(first)));
	}
	match (check_audio(&mut audio)?, &mut audio_parameters) {
		(Some(rate), Some(parameters)) => ffi::set_sample_rate(parameters, rate),
		// An announced track without packets could not be announced in the outputs.
		_ => audio_parameters = None,
	}
	Ok(Source { video, video_parameters, audio, audio_parameters, times, fps })
}

/// Audio is copied, so each packet must be one whole ADTS frame with a time stamp after the one before; the
/// muxer would refuse anything else. Several frames may share one PES packet, whose time stamp is the first
/// frame's; the others follow at the length of a frame. Returns the sample rate.
fn check_audio(packets: &mut [Packet]) -> Result<Option<u32>, Failure> {
	// The newest time stamp, and the samples since.
	let mut line: Option<(i64, u64)> = None;
	let (mut last, mut rate, mut at) = (None, None, 0);
	for packet in packets {
		at = offset(packet).max(at);
		let corrupt = Failure::undecodable(DecodeError::Audio, at);
		let header = packet.data().and_then(adts).filter(|h| h.length == packet.size());
		let Some(header) = header else { return Err(corrupt) };
		let (stamp, samples) = match (packet.pts(), line) {
			(Some(pts), _) => (pts, 0),
			(None, Some(line)) => line,
			(None, None) => return Err(corrupt),
		};
		let rate = u64::from(*rate.get_or_insert(header.rate));
		let time = stamp.saturating_add((samples * u64::from(TICKS_PER_SECOND) / rate) as i64);
		if last.is_some_and(|last| time <= last) {
			return Err(corrupt);
		}
		packet.set_pts(Some(time));
		last = Some(time);
		line = Some((stamp, samples + header.samples));
	}
	Ok(rate)
}

/// What an ADTS header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Adts {
	/// Bytes of the frame with its header.
	pub length: usize,
	/// Samples per second.
	pub rate: u32,
	/// Samples in the frame.
	pub samples: u64,
	/// What a decoder is set up by: the bits of the kind of AAC, the rate and the channels.
	pub form: [u8; 2],
}

/// The ADTS header at the beginning of a frame.
pub fn adts(data: &[u8]) -> Option<Adts> {
	const RATES: [u32; 13] = [
		96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025,
		8_000, 7_350,
	];
	match data {
		[0xff, second, third, fourth, fifth, sixth, seventh, ..] if second & 0xf6 == 0xf0 => {
			Some(Adts {
				length: usize::from(fourth & 0x03) << 11
					| usize::from(*fifth) << 3
					| usize::from(sixth >> 5),
				rate: *RATES.get(usize::from(third >> 2 & 0x0f))?,
				samples: 1024 * (u64::from(seventh & 0x03) + 1),
				form: [third & 0xfd, fourth & 0xc0],
			})
		}
		_ => None,
	}
}

/// Frames per second of `intervals` frame intervals in `span` ticks: the nearest integer rate or integer rate
/// × 1000/1001 if it is within a thousandth, otherwise the exact ratio.
///
/// Uses integers and time stamps only: encoders often state a wrong rate, and libav's estimate depends on how
/// far it probed.
pub fn frame_rate(intervals: i64, span: i64) -> Rational {
	if intervals <= 0 || span <= 0 {
		return Rational(profile::SINGLE_FRAME_RATE, 1);
	}
	let ticks = i128::from(TICKS_PER_SECOND);
	let (n, span) = (i128::from(intervals) * ticks, i128::from(span));
	// The rate is n / span. Error of a candidate a / b, scaled by span × b: |n × b - a × span|.
	let error = |(a, b): (i128, i128)| (n * b - a * span).abs();
	let whole = (n + span / 2) / span;
	let above = (n * 1001 / 1000 + span / 2) / span;
	let candidates = [(whole, 1), (above * 1000, 1001)];
	let best = candidates
		.into_iter()
		.filter(|c| c.0 > 0 && error(*c) * 1000 <= n * c.1)
		// Compared on a common denominator.
		.min_by_key(|c| error(*c) * if c.1 == 1 { 1001 } else { 1 });
	let (a, b) = best.unwrap_or((n, span));
	let divisor = gcd(a, b);
	let (mut a, mut b) = (a / divisor, b / divisor);
	while a > i128::from(i32::MAX) || b > i128::from(i32::MAX) {
		(a, b) = (a / 2, (b / 2).max(1));
	}
	Rational(a.max(1) as i32, b as i32)
}

fn gcd(a: i128, b: i128) -> i128 {
	if b == 0 {
		a.max(1)
	} else {
		gcd(b, a % b)
	}
}

/// One frame's length in ticks, rounded down.
pub fn frame_ticks(fps: Rational) -> i64 {
	i64::from(TICKS_PER_SECOND) * i64::from(fps.denominator()) / i64::from(fps.numerator().max(1))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn frame_rate_should_be_exact_when_time_stamps_are() {
		assert_eq!(frame_rate(59, 59 * 3000), Rational(30, 1));
		assert_eq!(frame_rate(49, 49 * 3600), Rational(25, 1));
		assert_eq!(frame_rate(59, 59 * 3003), Rational(30000, 1001));
		assert_eq!(frame_rate(47, 47 * 90_000 * 1001 / 24_000), Rational(24000, 1001));
		assert_eq!(frame_rate(119, 119 * 90_000 * 1001 / 60_000), Rational(60000, 1001));
	}

	#[test]
	fn frame_rate_should_be_the_nearest_when_time_stamps_are_rounded() {
		// Milliseconds, as RTMP and Matroska have them.
		assert_eq!(frame_rate(59, 1967 * 90), Rational(30, 1));
		assert_eq!(frame_rate(59, 1969 * 90), Rational(30000, 1001));
	}

	#[test]
	fn frame_rate_should_be_a_ratio_when_there_is_no_standard_one() {
		assert_eq!(frame_rate(25, 180_000), Rational(25, 2));
		assert_eq!(frame_rate(0, 0), Rational(30, 1));
		assert_eq!(frame_rate(1, 1), Rational(90_000, 1));
		assert_eq!(frame_rate(5, -7), Rational(30, 1));
	}

	#[test]
	fn adts_header_should_be_read_when_it_is_one() {
		let header = [0xff, 0xf1, 0x4c, 0x80, 0x2e, 0x7f, 0xfc];
		let form = [0x4c, 0x80];
		assert_eq!(adts(&header), Some(Adts { length: 371, rate: 48_000, samples: 1024, form }));
		assert_eq!(adts(&header[..5]), None);
		assert_eq!(adts(&[0xff, 0xf1, 0x7c, 0, 0, 0, 0]), None);
		assert_eq!(adts(&[0x47, 0, 0, 0, 0, 0, 0]), None);
	}

	#[test]
	fn frame_ticks_should_divide_the_second() {
		assert_eq!(frame_ticks(Rational(30, 1)), 3000);
		assert_eq!(frame_ticks(Rational(30000, 1001)), 3003);
	}
}
