//! What RTMP carries: pictures and sound as in FLV, and in enhanced RTMP's newer codecs, as one
//! Matroska stream after the other.

use thiserror::Error;

use crate::matroska::{Track, Writer};

/// Pictures and sound that are held while it is not clear whether there is sound.
const LONGEST_WAIT: i64 = 700;
/// The same in bytes, with what each takes beside its own.
const MOST_HELD: usize = 8 * 1024 * 1024;
/// Time that moves further is a new beginning.
const LARGEST_STEP: i64 = 10_000;
/// The longest codec header.
const LONGEST_HEADER: usize = 64 * 1024;
/// The kind of picture that is a command.
const COMMAND: u8 = 5;
/// Of enhanced messages: the types of those with many tracks, and of those that are extended.
const TRACKS_OF_PICTURES: u8 = 6;
const TRACKS_OF_SOUND: u8 = 5;
const EXTENDED: u8 = 7;
/// Of many tracks: one, and each with a codec of its own.
const ONE: u8 = 0;
const OWN_CODECS: u8 = 2;

/// What nobody here can read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FlvError {
	/// A codec that is not known.
	#[error("the codec {0} is not known here; send H.264, HEVC, AV1 or VP9 with AAC, Opus, MP3, AC-3 or FLAC")]
	Codec(String),
	/// Not what it says it is.
	#[error("a damaged message")]
	Damaged,
}

/// What to do with what comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Out {
	/// Bytes of the stream.
	Bytes(Vec<u8>),
	/// The stream ends; the next bytes begin another.
	End,
}

struct Held {
	is_picture: bool,
	is_key: bool,
	time: i64,
	data: Vec<u8>,
}

/// Turns messages into streams.
#[derive(Default)]
pub struct Remuxer {
	pictures: Option<Track>,
	sound: Option<Track>,
	/// The tracks of the stream that is being written.
	writer: Option<(Writer, Track, Option<Track>)>,
	held: Vec<Held>,
	held_bytes: usize,
	/// The newest decoding time.
	newest: Option<i64>,
	/// 32 bits of milliseconds turn over after 49 days.
	turns: i64,
	last_raw: Option<u32>,
}

impl Remuxer {
	/// A remuxer.
	pub fn new() -> Self {
		Self::default()
	}

	/// Whether anything was written.
	pub fn has_begun(&self) -> bool {
		self.writer.is_some()
	}

	/// What is written next begins another stream.
	pub fn begin_again(&mut self) {
		self.writer = None;
		self.held.clear();
		self.held_bytes = 0;
		self.newest = None;
	}

	fn unwrapped(&mut self, raw: u32) -> i64 {
		if let Some(last) = self.last_raw {
			if last > 0xc000_0000 && raw < 0x4000_0000 {
				self.turns += 1;
			} else if last < 0x4000_0000 && raw > 0xc000_0000 {
				self.turns -= 1;
			}
		}
		self.last_raw = Some(raw);
		i64::from(raw) + (self.turns << 32)
	}

	/// A message of pictures (kind 9) or sound (kind 8).
	pub fn take(&mut self, kind: u8, time: u32, body: &[u8]) -> Result<Vec<Out>, FlvError> {
		let mut out = Vec::new();
		if body.is_empty() {
			return Ok(out);
		}
		let time = self.unwrapped(time);
		match kind {
			9 => self.picture(time, body, &mut out)?,
			8 => self.sound(time, body, &mut out)?,
			_ => {}
		}
		Ok(out)
	}

	fn picture(&mut self, time: i64, body: &[u8], out: &mut Vec<Out>) -> Result<(), FlvError> {
		let first = body[0];
		let (frame, codec, packet, rest) = if first & 0x80 != 0 {
			let frame = first >> 4 & 7;
			if frame == COMMAND {
				return Ok(());
			}
			let Some(Enhanced { packet, fourcc, rest }) =
				enhanced(first, &body[1..], TRACKS_OF_PICTURES)?
			else {
				return Ok(());
			};
			let codec = match fourcc {
				b"avc1" => "V_MPEG4/ISO/AVC",
				b"hvc1" => "V_MPEGH/ISO/HEVC",
				b"av01" => "V_AV1",
				b"vp09" => "V_VP9",
				b"vp08" => "V_VP8",
				other => return Err(FlvError::Codec(printable(other))),
			};
			(frame, codec, packet, rest)
		} else {
			let codec = match first & 0x0f {
				7 => "V_MPEG4/ISO/AVC",
				12 => "V_MPEGH/ISO/HEVC",
				13 => "V_AV1",
				other => return Err(FlvError::Codec(format!("with FLV's number {other}"))),
			};
			let packet = *body.get(1).ok_or(FlvError::Damaged)?;
			(first >> 4, codec, packet, &body[2..])
		};
		if frame == COMMAND {
			return Ok(());
		}
		let is_delayed = first & 0x80 == 0
			|| (packet == 1 && matches!(codec, "V_MPEG4/ISO/AVC" | "V_MPEGH/ISO/HEVC"));
		match packet {
			0 => {
				let header = if first & 0x80 == 0 { rest.get(3..) } else { Some(rest) };
				let header = header.ok_or(FlvError::Damaged)?;
				self.announce(true, codec, header, out)
			}
			1 | 3 if first & 0x80 != 0 || packet == 1 => {
				let (delay, data) = if is_delayed {
					let (delay, data) = rest.split_at_checked(3).ok_or(FlvError::Damaged)?;
					let raw = i32::from_be_bytes([delay[0], delay[1], delay[2], 0]) >> 8;
					(i64::from(raw), data)
				} else {
					(0, rest)
				};
				self.put(true, frame == 1 || frame == 4, time, time + delay, data, out);
				Ok(())
			}
			// The end, and colours.
			_ => Ok(()),
		}
	}

	fn sound(&mut self, time: i64, body: &[u8], out: &mut Vec<Out>) -> Result<(), FlvError> {
		match body[0] >> 4 {
			10 => {
				let (packet, data) = (*body.get(1).ok_or(FlvError::Damaged)?, &body[2..]);
				match packet {
					0 => self.announce(false, "A_AAC", data, out)?,
					_ => self.put(false, true, time, time, data, out),
				}
			}
			2 | 14 => {
				self.announce(false, "A_MPEG/L3", &[], out)?;
				self.put(false, true, time, time, &body[1..], out);
			}
			9 => {
				let Some(Enhanced { packet, fourcc, rest: data }) =
					enhanced(body[0], &body[1..], TRACKS_OF_SOUND)?
				else {
					return Ok(());
				};
				let codec = match fourcc {
					b"mp4a" => "A_AAC",
					b"Opus" => "A_OPUS",
					b".mp3" => "A_MPEG/L3",
					b"ac-3" => "A_AC3",
					b"ec-3" => "A_EAC3",
					b"fLaC" => "A_FLAC",
					other => return Err(FlvError::Codec(printable(other))),
				};
				match packet {
					0 => self.announce(false, codec, data, out)?,
					1 => {
						if matches!(codec, "A_MPEG/L3" | "A_AC3" | "A_EAC3") {
							self.announce(false, codec, &[], out)?;
						}
						self.put(false, true, time, time, data, out);
					}
					_ => {}
				}
			}
			other => return Err(FlvError::Codec(format!("of sound with FLV's number {other}"))),
		}
		Ok(())
	}

	/// A track's header. Another one than before ends the stream.
	pub(crate) fn announce(
		&mut self,
		is_picture: bool,
		codec: &'static str,
		header: &[u8],
		out: &mut Vec<Out>,
	) -> Result<(), FlvError> {
		if header.len() > LONGEST_HEADER {
			return Err(FlvError::Damaged);
		}
		let track = Track { codec, header: header.to_vec() };
		let slot = if is_picture { &mut self.pictures } else { &mut self.sound };
		if slot.as_ref() == Some(&track) {
			return Ok(());
		}
		*slot = Some(track);
		if let Some((_, pictures, sound)) = &self.writer {
			if self.pictures.as_ref() != Some(pictures) || self.sound.as_ref() != sound.as_ref() {
				self.end(out);
			}
		}
		Ok(())
	}

	fn end(&mut self, out: &mut Vec<Out>) {
		if self.writer.is_some() {
			out.push(Out::End);
		}
		self.begin_again();
	}

	pub(crate) fn put(
		&mut self,
		is_picture: bool,
		is_key: bool,
		decoded: i64,
		time: i64,
		data: &[u8],
		out: &mut Vec<Out>,
	) {
		let known = if is_picture { &self.pictures } else { &self.sound };
		if known.is_none() || data.is_empty() {
			return;
		}
		if let Some(newest) = self.newest {
			if decoded - newest > LARGEST_STEP || newest - decoded > LARGEST_STEP / 5 {
				self.end(out);
			}
		}
		self.newest = Some(self.newest.unwrap_or(decoded).max(decoded));
		if let Some((writer, _, _)) = &mut self.writer {
			out.push(Out::Bytes(writer.block(is_picture, is_key, time, data)));
			return;
		}
		if self.held.is_empty() && !(is_picture && is_key) {
			return;
		}
		self.held_bytes += data.len() + size_of::<Held>();
		self.held.push(Held { is_picture, is_key, time, data: data.to_vec() });
		let waited = self.held.first().map_or(0, |first| time - first.time);
		let is_clear = self.sound.is_some() && !self.held.iter().all(|held| held.is_picture);
		if is_clear || waited > LONGEST_WAIT || self.held_bytes > MOST_HELD {
			self.begin(out);
		}
	}

	fn begin(&mut self, out: &mut Vec<Out>) {
		let Some(pictures) = self.pictures.clone() else { return };
		let sound = self.sound.clone();
		let (mut writer, mut bytes) = Writer::new(&pictures, sound.as_ref());
		for held in self.held.drain(..) {
			bytes.extend(writer.block(held.is_picture, held.is_key, held.time, &held.data));
		}
		self.held_bytes = 0;
		self.writer = Some((writer, pictures, sound));
		out.push(Out::Bytes(bytes));
	}

	/// What is still held, at the end of everything.
	pub fn finish(mut self) -> Vec<Out> {
		let mut out = Vec::new();
		if self.writer.is_none() && !self.held.is_empty() {
			self.begin(&mut out);
		}
		out
	}
}

/// What an enhanced message says of its first track.
struct Enhanced<'a> {
	packet: u8,
	fourcc: &'a [u8],
	rest: &'a [u8],
}

/// Reads the head of an enhanced message behind its first byte; `many` is the type of those with many tracks.
/// `None` where the first track is not among them.
fn enhanced(first: u8, body: &[u8], many: u8) -> Result<Option<Enhanced<'_>>, FlvError> {
	let (packet, rest) = unextended(first & 0x0f, body).ok_or(FlvError::Damaged)?;
	if packet == many {
		return first_track(rest);
	}
	let (fourcc, rest) = rest.split_at_checked(4).ok_or(FlvError::Damaged)?;
	Ok(Some(Enhanced { packet, fourcc, rest }))
}

/// The type of a message behind its extensions, which say fractions of a millisecond, and what follows it.
fn unextended(mut packet: u8, mut rest: &[u8]) -> Option<(u8, &[u8])> {
	while packet == EXTENDED {
		let (size, after) = rest.split_first()?;
		let (size, after) = match usize::from(*size) + 1 {
			256 => {
				let (size, after) = after.split_at_checked(2)?;
				(usize::from(u16::from_be_bytes([size[0], size[1]])) + 1, after)
			}
			size => (size, after),
		};
		let (next, after) = after.get(size..)?.split_first()?;
		(packet, rest) = (next & 0x0f, after);
	}
	Some((packet, rest))
}

/// The track of number 0 in a message of many.
fn first_track(body: &[u8]) -> Result<Option<Enhanced<'_>>, FlvError> {
	let (kind, mut rest) = body.split_first().ok_or(FlvError::Damaged)?;
	let (kind, packet) = (kind >> 4, kind & 0x0f);
	let mut fourcc: &[u8] = &[];
	if kind != OWN_CODECS {
		(fourcc, rest) = rest.split_at_checked(4).ok_or(FlvError::Damaged)?;
	}
	while !rest.is_empty() {
		if kind == OWN_CODECS {
			(fourcc, rest) = rest.split_at_checked(4).ok_or(FlvError::Damaged)?;
		}
		let (number, after) = rest.split_first().ok_or(FlvError::Damaged)?;
		let (track, after) = if kind == ONE {
			after.split_at(after.len())
		} else {
			let (size, after) = after.split_at_checked(3).ok_or(FlvError::Damaged)?;
			let size = u32::from_be_bytes([0, size[0], size[1], size[2]]) as usize;
			after.split_at_checked(size).ok_or(FlvError::Damaged)?
		};
		if *number == 0 {
			return Ok(Some(Enhanced { packet, fourcc, rest: track }));
		}
		rest = after;
	}
	Ok(None)
}

fn printable(name: &[u8]) -> String {
	name.iter().map(|b| if b.is_ascii_graphic() { *b as char } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;

	fn header() -> Vec<u8> {
		[&[0x17, 0, 0, 0, 0][..], &[1, 100, 0, 31]].concat()
	}

	fn key(delay: i32) -> Vec<u8> {
		[&[0x17, 1][..], &delay.to_be_bytes()[1..], b"picture"].concat()
	}

	fn ends(out: &[Out]) -> usize {
		out.iter().filter(|out| **out == Out::End).count()
	}

	#[test]
	fn stream_should_begin_when_both_tracks_are_known() {
		let mut remuxer = Remuxer::new();
		remuxer.take(9, 0, &header()).unwrap();
		remuxer.take(8, 0, &[0xaf, 0, 0x12, 0x10]).unwrap();
		assert_eq!(remuxer.take(8, 0, &[0xaf, 1, 1]).unwrap(), [], "sound before any picture");
		assert_eq!(remuxer.take(9, 0, &key(40)).unwrap(), []);
		let out = remuxer.take(8, 20, &[0xaf, 1, 1]).unwrap();
		assert!(matches!(&out[..], [Out::Bytes(bytes)] if bytes.starts_with(&[0x1a, 0x45])));
		assert_eq!(remuxer.take(9, 40, &key(0)).unwrap().len(), 1);
	}

	/// The header of pictures that a remuxer knows.
	fn known(remuxer: &Remuxer) -> Option<&[u8]> {
		remuxer.pictures.as_ref().map(|track| &track.header[..])
	}

	#[test]
	fn first_of_many_tracks_should_be_taken_and_no_other() {
		let mut remuxer = Remuxer::new();
		// As OBS sends them: the first as if it were alone, each other one by itself.
		remuxer.take(9, 0, b"\x90avc1head").unwrap();
		for message in [&b"\x96\x00avc1\x01else"[..], b"\x96\x01avc1\x01\0\0\0picture"] {
			assert_eq!(remuxer.take(9, 0, message).unwrap(), []);
		}
		assert_eq!(remuxer.take(8, 0, b"\x95\x00mp4a\x01sound").unwrap(), []);
		assert_eq!(known(&remuxer), Some(&b"head"[..]));
		assert!(remuxer.sound.is_none());
		// Many in one message, of one codec, and each with its own.
		let one = b"\x96\x10avc1\x01\0\0\x04else\x00\0\0\x04head";
		let own = b"\x96\x20hvc1\x01\0\0\x04elseavc1\x00\0\0\x04head";
		for message in [&one[..], own] {
			let mut remuxer = Remuxer::new();
			remuxer.take(9, 0, message).unwrap();
			assert_eq!(known(&remuxer), Some(&b"head"[..]));
			let cut = remuxer.take(9, 0, &message[..message.len() - 1]);
			assert_eq!(cut, Err(FlvError::Damaged));
		}
	}

	#[test]
	fn extended_messages_should_be_read_behind_what_they_are_extended_by() {
		let mut remuxer = Remuxer::new();
		// Three bytes, then 256, then the type of a header.
		let long = [&b"\x97\x02abc\x07\xff\x00\xff"[..], &[0; 256], b"\x00avc1head"].concat();
		remuxer.take(9, 0, &long).unwrap();
		assert_eq!(known(&remuxer), Some(&b"head"[..]));
		for cut in [&b"\x97"[..], b"\x97\x02ab", b"\x97\xff\x00", b"\x97\x00a", b"\x97\x00a\x07"] {
			assert_eq!(remuxer.take(9, 0, cut), Err(FlvError::Damaged), "{cut:?}");
		}
		// A command has no codec.
		assert_eq!(remuxer.take(9, 0, b"\xd0\x00"), Ok(vec![]));
	}

	#[test]
	fn stream_should_begin_without_sound_when_there_is_none() {
		let mut remuxer = Remuxer::new();
		remuxer.take(9, 0, &header()).unwrap();
		let mut out = Vec::new();
		for time in (0..1_000).step_by(40) {
			out.extend(remuxer.take(9, time, &key(0)).unwrap());
		}
		assert!(remuxer.has_begun());
		// Sound that appears makes another stream.
		let out = remuxer.take(8, 1_000, &[0xaf, 0, 0x12, 0x10]).unwrap();
		assert_eq!(ends(&out), 1);
	}

	/// Pictures of a byte each, all of one time and without sound: to hold them takes many times that.
	#[test]
	fn attack_tiny_pictures_that_wait_for_sound() {
		let mut remuxer = Remuxer::new();
		remuxer.take(9, 0, &header()).unwrap();
		let most = MOST_HELD / size_of::<Held>();
		for _ in 0..=most {
			remuxer.take(9, 0, &[0x17, 1, 0, 0, 0, 1]).unwrap();
			assert!(remuxer.held.len() <= most);
		}
		assert!(remuxer.has_begun());
	}

	#[test]
	fn stream_should_end_when_the_header_changes_or_time_jumps() {
		let mut remuxer = Remuxer::new();
		let start = |remuxer: &mut Remuxer, at: u32| {
			for time in (at..at + 1_000).step_by(100) {
				remuxer.take(9, time, &key(0)).unwrap();
			}
			assert!(remuxer.has_begun());
		};
		remuxer.take(9, 0, &header()).unwrap();
		start(&mut remuxer, 0);
		let other = [&[0x17, 0, 0, 0, 0][..], &[1, 66, 0, 31]].concat();
		assert_eq!(ends(&remuxer.take(9, 1_000, &other).unwrap()), 1);
		start(&mut remuxer, 1_000);
		assert_eq!(ends(&remuxer.take(9, 1_000, &other).unwrap()), 0, "the same again");
		assert_eq!(ends(&remuxer.take(9, 60_000, &key(0)).unwrap()), 1);
		start(&mut remuxer, 60_000);
		assert_eq!(ends(&remuxer.take(9, 0, &key(0)).unwrap()), 1);
	}

	#[test]
	fn enhanced_codecs_should_be_read_and_others_named() {
		let mut remuxer = Remuxer::new();
		remuxer.take(9, 0, b"\x90hvc1header").unwrap();
		for time in (0..1_000).step_by(100) {
			// Coded frames with and without a delay.
			let coded = if time % 200 == 0 { &b"\x91hvc1\0\0\x05x"[..] } else { b"\x93hvc1x" };
			remuxer.take(9, time, coded).unwrap();
		}
		assert!(remuxer.has_begun());
		let refused = remuxer.take(9, 0, b"\x90xxxx").unwrap_err();
		assert!(refused.to_string().contains("xxxx"));
		assert_eq!(
			remuxer.take(9, 0, &[0x12, 0]),
			Err(FlvError::Codec("with FLV's number 2".into()))
		);
		assert_eq!(remuxer.take(9, 0, b"\x91hv"), Err(FlvError::Damaged));
	}

	#[test]
	fn time_should_go_on_when_its_32_bits_turn_over() {
		let mut remuxer = Remuxer::new();
		assert_eq!(remuxer.unwrapped(0xffff_fff0), 0xffff_fff0);
		assert_eq!(remuxer.unwrapped(16), (1 << 32) + 16);
		assert_eq!(remuxer.unwrapped(0xffff_fff8), 0xffff_fff8);
	}
}
