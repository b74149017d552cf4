//! Converts RTMP's media (FLV, and the newer codecs of enhanced RTMP) into one Matroska stream after the
//! other.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::matroska::{Of, Track, Writer};

/// Pictures and sound that are held while it is unknown whether there is sound.
const LONGEST_WAIT: i64 = 700;
/// The same in bytes, with the overhead of each.
const MOST_HELD: usize = 8 * 1024 * 1024;
/// A larger step of time begins a new stream.
const LARGEST_STEP: i64 = 10_000;
/// Time that goes back by more begins a new stream too.
const LARGEST_STEP_BACK: i64 = LARGEST_STEP / 5;
/// The longest codec header.
const LONGEST_HEADER: usize = 64 * 1024;
/// The frame type of a command.
const COMMAND: u8 = 5;
/// Packet types of enhanced messages: with several tracks, and with extensions.
const TRACKS_OF_PICTURES: u8 = 6;
const TRACKS_OF_SOUND: u8 = 5;
const EXTENDED: u8 = 7;
/// Kinds of messages with several tracks: a single track, and a codec for each track.
const ONE: u8 = 0;
const OWN_CODECS: u8 = 2;
/// The most tracks in a message: more than any publisher sends.
const MOST_TRACKS: usize = 32;
/// The kinds of messages: sound, pictures, and several of both in one, as in a file.
const SOUND: u8 = 8;
const PICTURES: u8 = 9;
const SEVERAL: u8 = 22;
/// The most messages in one such message: more than any publisher sends.
const MOST_MESSAGES: usize = 1_024;
/// The video track of a publisher with a single one.
pub(crate) const FIRST: Of = Of::Pictures(0);

/// Why a message cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FlvError {
	/// An unknown codec.
	#[error("the codec {0} is not known here; send H.264, HEVC, AV1 or VP9 with AAC, Opus, MP3, AC-3 or FLAC")]
	Codec(String),
	/// A damaged message.
	#[error("a damaged message")]
	Damaged,
}

/// Whether a message of this kind is one for [`Remuxer::take`].
pub fn is_media(kind: u8) -> bool {
	matches!(kind, SOUND | PICTURES | SEVERAL)
}

/// An output of the remuxer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Out {
	/// Bytes of the stream.
	Bytes(Vec<u8>),
	/// The stream ends; the next bytes begin another one.
	End,
}

struct Held {
	of: Of,
	is_key: bool,
	time: i64,
	data: Vec<u8>,
}

/// The tracks of a stream: the video tracks by the publisher's numbers, and the sound.
type Tracks = (BTreeMap<u8, Track>, Option<Track>);

/// Turns messages into streams.
#[derive(Default)]
pub struct Remuxer {
	/// How many tracks of pictures are taken beside the first.
	further: usize,
	/// The known tracks.
	tracks: Tracks,
	/// The tracks with which the current stream was begun.
	writer: Option<(Writer, Tracks)>,
	held: Vec<Held>,
	held_bytes: usize,
	/// The newest decoding time.
	newest: Option<i64>,
	/// The newest decoding time of the first video track.
	newest_picture: Option<i64>,
	/// Whether it was logged that the sound's time is far from the pictures'.
	is_told: bool,
	/// 32 bits of milliseconds turn over after 49 days.
	turns: i64,
	last_raw: Option<u32>,
}

impl Remuxer {
	/// A remuxer of the first tracks.
	pub fn new() -> Self {
		Self::default()
	}

	/// The same, with this many video tracks beside the first.
	pub fn with_further(further: usize) -> Self {
		Self { further, ..Self::default() }
	}

	/// Whether anything was written.
	pub fn has_begun(&self) -> bool {
		self.writer.is_some()
	}

	/// Ends the stream: the next message begins another one.
	pub fn begin_again(&mut self) {
		self.writer = None;
		self.held.clear();
		self.held_bytes = 0;
		self.newest = None;
		self.newest_picture = None;
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

	/// Takes a message of pictures (kind 9) or sound (kind 8), or of several of them (kind 22).
	pub fn take(&mut self, kind: u8, time: u32, body: &[u8]) -> Result<Vec<Out>, FlvError> {
		let mut out = Vec::new();
		match kind {
			SEVERAL => {
				for Single { kind, time, body } in several(time, body)? {
					self.take_one(kind, time, body, &mut out)?;
				}
			}
			kind => self.take_one(kind, time, body, &mut out)?,
		}
		Ok(out)
	}

	fn take_one(
		&mut self,
		kind: u8,
		time: u32,
		body: &[u8],
		out: &mut Vec<Out>,
	) -> Result<(), FlvError> {
		if body.is_empty() {
			return Ok(());
		}
		let time = self.unwrapped(time);
		match kind {
			PICTURES => self.picture(time, body, out),
			SOUND => self.sound(time, body, out),
			_ => Ok(()),
		}
	}

	fn picture(&mut self, time: i64, body: &[u8], out: &mut Vec<Out>) -> Result<(), FlvError> {
		let first = body[0];
		if first & 0x80 == 0 {
			let frame = first >> 4;
			let codec = match first & 0x0f {
				7 => "V_MPEG4/ISO/AVC",
				12 => "V_MPEGH/ISO/HEVC",
				13 => "V_AV1",
				other => return Err(FlvError::Codec(format!("with FLV's number {other}"))),
			};
			let packet = *body.get(1).ok_or(FlvError::Damaged)?;
			return self.picture_of(
				FIRST,
				time,
				Coded { frame, codec, packet, is_enhanced: false },
				&body[2..],
				out,
			);
		}
		let frame = first >> 4 & 7;
		if frame == COMMAND {
			return Ok(());
		}
		for Enhanced { number, packet, fourcc, rest } in
			enhanced(first, &body[1..], TRACKS_OF_PICTURES)?
		{
			let codec = match fourcc {
				b"avc1" => "V_MPEG4/ISO/AVC",
				b"hvc1" => "V_MPEGH/ISO/HEVC",
				b"av01" => "V_AV1",
				b"vp09" => "V_VP9",
				b"vp08" => "V_VP8",
				other if number == 0 => return Err(FlvError::Codec(printable(other))),
				// The stream continues without it.
				_ => continue,
			};
			let coded = Coded { frame, codec, packet, is_enhanced: true };
			let taken = self.picture_of(Of::Pictures(number), time, coded, rest, out);
			// Damage in a further track affects only that track, whether it is wanted or not.
			if number == 0 {
				taken?;
			}
		}
		Ok(())
	}

	/// Takes a message's part about one video track.
	fn picture_of(
		&mut self,
		of: Of,
		time: i64,
		Coded { frame, codec, packet, is_enhanced }: Coded,
		rest: &[u8],
		out: &mut Vec<Out>,
	) -> Result<(), FlvError> {
		if frame == COMMAND {
			return Ok(());
		}
		let is_delayed = !is_enhanced
			|| (packet == 1 && matches!(codec, "V_MPEG4/ISO/AVC" | "V_MPEGH/ISO/HEVC"));
		match packet {
			0 => {
				let header = if is_enhanced { Some(rest) } else { rest.get(3..) };
				let header = header.ok_or(FlvError::Damaged)?;
				self.announce(of, codec, header, out)
			}
			1 | 3 if is_enhanced || packet == 1 => {
				let (delay, data) = if is_delayed {
					let (delay, data) = rest.split_at_checked(3).ok_or(FlvError::Damaged)?;
					let raw = i32::from_be_bytes([delay[0], delay[1], delay[2], 0]) >> 8;
					(i64::from(raw), data)
				} else {
					(0, rest)
				};
				self.put(of, frame == 1 || frame == 4, time, time + delay, data, out);
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
					0 => self.announce(Of::Sound, "A_AAC", data, out)?,
					_ => self.put(Of::Sound, true, time, time, data, out),
				}
			}
			2 | 14 => {
				self.announce(Of::Sound, "A_MPEG/L3", &[], out)?;
				self.put(Of::Sound, true, time, time, &body[1..], out);
			}
			9 => {
				let all = enhanced(body[0], &body[1..], TRACKS_OF_SOUND)?;
				let Some(Enhanced { packet, fourcc, rest: data, .. }) =
					all.into_iter().find(|one| one.number == 0)
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
					0 => self.announce(Of::Sound, codec, data, out)?,
					1 => {
						if matches!(codec, "A_MPEG/L3" | "A_AC3" | "A_EAC3") {
							self.announce(Of::Sound, codec, &[], out)?;
						}
						self.put(Of::Sound, true, time, time, data, out);
					}
					_ => {}
				}
			}
			other => return Err(FlvError::Codec(format!("of sound with FLV's number {other}"))),
		}
		Ok(())
	}

	/// Takes a track's header. A changed one ends the stream.
	pub(crate) fn announce(
		&mut self,
		of: Of,
		codec: &'static str,
		header: &[u8],
		out: &mut Vec<Out>,
	) -> Result<(), FlvError> {
		if header.len() > LONGEST_HEADER {
			return Err(FlvError::Damaged);
		}
		let track = Track { codec, header: header.to_vec() };
		let (pictures, sound) = &mut self.tracks;
		match of {
			Of::Sound => *sound = Some(track),
			Of::Pictures(number) => {
				let further = pictures.keys().filter(|known| **known > 0).count();
				if number > 0 && further >= self.further && !pictures.contains_key(&number) {
					return Ok(());
				}
				pictures.insert(number, track);
			}
		}
		if self.writer.as_ref().is_some_and(|(_, begun)| *begun != self.tracks) {
			self.end(out);
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
		of: Of,
		is_key: bool,
		decoded: i64,
		time: i64,
		data: &[u8],
		out: &mut Vec<Out>,
	) {
		let (pictures, sound) = &self.tracks;
		let (is_known, is_further) = match of {
			Of::Pictures(number) => {
				(pictures.contains_key(&0) && pictures.contains_key(&number), number > 0)
			}
			Of::Sound => (sound.is_some(), false),
		};
		if !is_known || data.is_empty() {
			return;
		}
		let jumps = self.newest.is_some_and(|newest| {
			// Sound may be a step ahead: pictures go back if they are behind earlier pictures, or farther from the
			// sound.
			let (before, ahead) = match of {
				Of::Sound => (newest, 0),
				Of::Pictures(_) => (self.newest_picture.unwrap_or(newest), LARGEST_STEP),
			};
			decoded - newest > LARGEST_STEP
				|| before - decoded > LARGEST_STEP_BACK
				|| newest - decoded > ahead + LARGEST_STEP_BACK
		});
		// The stream's time is that of its pictures, whatever sound's or a further track's does: otherwise
		// each would end the stream that the other one has begun, for ever.
		if jumps && of != FIRST {
			if of == Of::Sound && !std::mem::replace(&mut self.is_told, true) {
				tracing::warn!(
					"the time of the sound is far from that of the pictures; it is left out where it is"
				);
			}
			return;
		}
		if jumps {
			self.end(out);
		}
		if !is_further {
			self.newest = Some(self.newest.unwrap_or(decoded).max(decoded));
		}
		if of == FIRST {
			self.newest_picture = Some(self.newest_picture.unwrap_or(decoded).max(decoded));
		}
		if let Some((writer, _)) = &mut self.writer {
			out.push(Out::Bytes(writer.block(of, is_key, time, data)));
			return;
		}
		if self.held.is_empty() && (of == Of::Sound || !is_key) {
			return;
		}
		self.held_bytes += data.len() + size_of::<Held>();
		self.held.push(Held { of, is_key, time, data: data.to_vec() });
		let waited = self.held.first().map_or(0, |first| time - first.time);
		let is_clear = self.held.iter().any(|held| held.of == Of::Sound);
		if is_clear || waited > LONGEST_WAIT || self.held_bytes > MOST_HELD {
			self.begin(out);
		}
	}

	fn begin(&mut self, out: &mut Vec<Out>) {
		let (pictures, sound) = &self.tracks;
		let (mut writer, mut bytes) = Writer::new(pictures, sound.as_ref());
		for held in self.held.drain(..) {
			bytes.extend(writer.block(held.of, held.is_key, held.time, &held.data));
		}
		self.held_bytes = 0;
		self.writer = Some((writer, self.tracks.clone()));
		out.push(Out::Bytes(bytes));
	}

	/// Returns everything that is still held, at the end.
	pub fn finish(mut self) -> Vec<Out> {
		let mut out = Vec::new();
		if self.writer.is_none() && !self.held.is_empty() {
			self.begin(&mut out);
		}
		out
	}
}

/// One of several messages in one.
struct Single<'a> {
	kind: u8,
	time: u32,
	body: &'a [u8],
}

/// The messages inside such a message. The first one has the outer time, whatever its own is; the others
/// follow by their own times.
fn several(time: u32, body: &[u8]) -> Result<Vec<Single<'_>>, FlvError> {
	let mut found = Vec::new();
	let (mut first, mut rest) = (None, body);
	while !rest.is_empty() {
		let (head, after) = rest.split_first_chunk::<11>().ok_or(FlvError::Damaged)?;
		let [kind, a, b, c, low, lower, lowest, high, ..] = *head;
		let size = u32::from_be_bytes([0, a, b, c]) as usize;
		let own = u32::from_be_bytes([high, low, lower, lowest]);
		let (body, after) = after.split_at_checked(size).ok_or(FlvError::Damaged)?;
		if found.len() >= MOST_MESSAGES {
			return Err(FlvError::Damaged);
		}
		let since = own.wrapping_sub(*first.get_or_insert(own));
		found.push(Single { kind, time: time.wrapping_add(since), body });
		// Each is followed by its length.
		rest = after.get(4..).unwrap_or_default();
	}
	Ok(found)
}

/// A picture's codec, and its message's content.
struct Coded {
	frame: u8,
	codec: &'static str,
	packet: u8,
	is_enhanced: bool,
}

/// An enhanced message's part about a track.
struct Enhanced<'a> {
	/// The track's number.
	number: u8,
	packet: u8,
	fourcc: &'a [u8],
	rest: &'a [u8],
}

/// Reads an enhanced message after its first byte; `many` is the packet type for several tracks.
fn enhanced(first: u8, body: &[u8], many: u8) -> Result<Vec<Enhanced<'_>>, FlvError> {
	let (packet, rest) = unextended(first & 0x0f, body).ok_or(FlvError::Damaged)?;
	if packet == many {
		return tracks(rest);
	}
	let (fourcc, rest) = rest.split_at_checked(4).ok_or(FlvError::Damaged)?;
	Ok(vec![Enhanced { number: 0, packet, fourcc, rest }])
}

/// The type of a message after its extensions, which give fractions of a millisecond, and the rest.
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

/// The tracks in a message with several.
fn tracks(body: &[u8]) -> Result<Vec<Enhanced<'_>>, FlvError> {
	let mut found = Vec::new();
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
		if found.len() >= MOST_TRACKS {
			return Err(FlvError::Damaged);
		}
		found.push(Enhanced { number: *number, packet, fourcc, rest: track });
		rest = after;
	}
	Ok(found)
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
		header_of(remuxer, 0)
	}

	/// The header of a track of pictures that a remuxer knows.
	fn header_of(remuxer: &Remuxer, number: u8) -> Option<&[u8]> {
		remuxer.tracks.0.get(&number).map(|track| &track.header[..])
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
		assert!(remuxer.tracks.1.is_none());
		assert_eq!(remuxer.tracks.0.len(), 1);
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
	fn further_tracks_should_be_taken_where_they_are_wanted_and_no_more_of_them() {
		let mut remuxer = Remuxer::with_further(2);
		remuxer.take(9, 0, b"\x90avc1head").unwrap();
		remuxer.take(9, 0, b"\x96\x20avc1\x01\0\0\x03oneavc1\x05\0\0\x04five").unwrap();
		remuxer.take(9, 0, b"\x96\x00avc1\x07more").unwrap();
		// What nobody here can read is left out, where it is not the first.
		remuxer.take(9, 0, b"\x96\x00xxxx\x01else").unwrap();
		assert_eq!(remuxer.take(9, 0, b"\x96\x00xxxx\0else"), Err(FlvError::Codec("xxxx".into())));
		let known = [0, 1, 5, 7].map(|number| header_of(&remuxer, number));
		assert_eq!(known, [Some(&b"head"[..]), Some(&b"one"[..]), Some(&b"five"[..]), None]);
		// They come out in their order, the first keyframe of any being the beginning.
		assert_eq!(remuxer.take(9, 0, b"\x96\x01avc1\x01\0\0\0small").unwrap(), []);
		assert_eq!(remuxer.take(9, 0, b"\x91avc1\0\0\0large").unwrap(), []);
		let out = remuxer.take(9, 900, b"\xa6\x01avc1\x05\0\0\0other").unwrap();
		let [Out::Bytes(bytes)] = &out[..] else { panic!("{out:?}") };
		let at = |words: &[u8]| bytes.windows(words.len()).position(|part| part == words);
		let places = [&b"head"[..], b"one", b"five", b"small", b"large", b"other"].map(at);
		assert!(places.is_sorted() && places[0].is_some(), "{places:?}");
		// Another header of one of them is another stream.
		let out = remuxer.take(9, 1_000, b"\x96\x00avc1\x01two").unwrap();
		assert_eq!(ends(&out), 1);
	}

	#[test]
	fn time_of_a_further_track_should_not_end_the_stream() {
		let mut remuxer = Remuxer::with_further(1);
		remuxer.take(9, 0, &header()).unwrap();
		remuxer.take(9, 0, b"\x96\x00avc1\x01else").unwrap();
		for time in (0..1_000).step_by(100) {
			remuxer.take(9, time, &key(0)).unwrap();
		}
		assert!(remuxer.has_begun());
		let further = b"\x96\x01avc1\x01\0\0\0else";
		assert_eq!(remuxer.take(9, 60_000, further).unwrap(), []);
		assert_eq!(ends(&remuxer.take(9, 1_000, &key(0)).unwrap()), 0);
		assert_eq!(remuxer.take(9, 1_000, further).unwrap().len(), 1);
	}

	/// An encoder's sound has another time base than its pictures.
	#[test]
	fn sound_whose_time_is_far_from_the_pictures_should_not_end_the_stream() {
		for apart in [3_600_000, 20_000] {
			let mut remuxer = Remuxer::new();
			remuxer.take(9, 0, &header()).unwrap();
			remuxer.take(8, 0, &[0xaf, 0, 0x12, 0x10]).unwrap();
			for time in (30_000..31_000).step_by(100) {
				let sound = remuxer.take(8, time + apart - 25_000, &[0xaf, 1, 1]).unwrap();
				assert_eq!(ends(&remuxer.take(9, time, &key(0)).unwrap()), 0);
				assert_eq!(sound, [], "{apart}");
			}
			assert!(remuxer.has_begun(), "{apart}");
			assert_eq!(remuxer.take(8, 31_000, &[0xaf, 1, 1]).unwrap().len(), 1, "they meet");
			// If the pictures stand still, sound continues, and they are repeated with it.
			for time in (31_000..60_000).step_by(1_000) {
				assert_eq!(remuxer.take(8, time, &[0xaf, 1, 1]).unwrap().len(), 1);
			}
			assert_eq!(ends(&remuxer.take(9, 60_000, &key(0)).unwrap()), 0);
			// Where both jump, another stream begins with the first picture.
			assert_eq!(remuxer.take(8, 90_000, &[0xaf, 1, 1]).unwrap(), []);
			assert_eq!(ends(&remuxer.take(9, 90_000, &key(0)).unwrap()), 1);
		}
	}

	/// An encoder whose pictures take seconds more than its sound.
	#[test]
	fn sound_that_is_some_seconds_ahead_of_the_pictures_should_not_end_the_stream() {
		let mut remuxer = Remuxer::new();
		remuxer.take(9, 0, &header()).unwrap();
		remuxer.take(8, 0, &[0xaf, 0, 0x12, 0x10]).unwrap();
		for time in (30_000..40_000).step_by(100) {
			assert_eq!(ends(&remuxer.take(9, time, &key(0)).unwrap()), 0, "{time}");
			let sound = remuxer.take(8, time + 5_000, &[0xaf, 1, 1]).unwrap();
			assert_eq!((sound.len(), ends(&sound)), (1, 0), "{time}");
		}
		// Pictures that go back themselves, or that stood still for long, begin another one.
		assert_eq!(ends(&remuxer.take(9, 37_000, &key(0)).unwrap()), 1);
		for time in (42_000..=50_000).step_by(100) {
			assert_eq!(remuxer.take(8, time, &[0xaf, 1, 1]).unwrap().len(), 1, "{time}");
		}
		assert_eq!(ends(&remuxer.take(9, 37_100, &key(0)).unwrap()), 1);
	}

	/// Damage in a further track does not end the stream, even if no further track is wanted.
	#[test]
	fn attack_further_track_that_is_damaged() {
		let long = [&b"\x96\x00avc1\x01"[..], &vec![1; LONGEST_HEADER + 1]].concat();
		for further in [0, 1] {
			let mut remuxer = Remuxer::with_further(further);
			remuxer.take(9, 0, &header()).unwrap();
			for damaged in [&b"\x96\x01avc1\x01\0"[..], b"\x96\x01hvc1\x01", &long] {
				assert_eq!(remuxer.take(9, 0, damaged), Ok(vec![]));
			}
			assert_eq!(remuxer.tracks.0.len(), 1);
			assert_eq!(
				remuxer.take(9, 0, b"\x96\x01avc1\0\0"),
				Err(FlvError::Damaged),
				"the first"
			);
		}
	}

	/// A message with millions of empty tracks costs no more than one with the most allowed.
	#[test]
	fn attack_message_of_many_empty_tracks() {
		let empty = [1, 0, 0, 0].repeat(MOST_TRACKS);
		let message = |empty: &[u8]| [&b"\x96\x13avc1"[..], empty].concat();
		let mut remuxer = Remuxer::with_further(4);
		assert_eq!(remuxer.take(9, 0, &message(&empty)), Ok(vec![]));
		let more = [&empty[..], &[1, 0, 0, 0]].concat();
		assert_eq!(remuxer.take(9, 0, &message(&more)), Err(FlvError::Damaged));
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

	/// As servers of Adobe's and Wowza's send them.
	#[test]
	fn several_messages_in_one_should_be_taken_in_their_order_and_at_their_times() {
		let single = |kind: u8, time: u32, body: &[u8]| {
			let [high, low @ ..] = time.to_be_bytes();
			let size = (body.len() as u32).to_be_bytes();
			[&[kind][..], &size[1..], &low, &[high, 0, 0, 0], body, &[0, 0, 0, 9]].concat()
		};
		let mut remuxer = Remuxer::new();
		remuxer.take(9, 0, &header()).unwrap();
		remuxer.take(8, 0, &[0xaf, 0, 0x12, 0x10]).unwrap();
		// The inner times count from the first message; nested and other messages are ignored.
		let nested = single(9, 0, &key(0));
		let message = [
			single(9, 0x0100_0000, &key(0)),
			single(22, 0x0100_0000, &nested),
			single(18, 0x0100_0000, b"about"),
			single(8, 0x0100_0014, &[0xaf, 1, 1]),
			single(9, 0x0100_0028, &key(0)),
		]
		.concat();
		let out = remuxer.take(22, 1_000, &message).unwrap();
		assert_eq!((out.len(), ends(&out), remuxer.newest), (2, 0, Some(1_040)));
		for cut in [&message[..10], &message[..12]] {
			assert_eq!(remuxer.take(22, 1_100, cut), Err(FlvError::Damaged));
		}
	}

	/// A message of hundreds of thousands of empty ones.
	#[test]
	fn attack_message_of_many_empty_messages() {
		let empty = [9u8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11];
		let mut remuxer = Remuxer::new();
		assert_eq!(remuxer.take(22, 0, &empty.repeat(MOST_MESSAGES)), Ok(vec![]));
		let more = empty.repeat(MOST_MESSAGES + 1);
		assert_eq!(remuxer.take(22, 0, &more), Err(FlvError::Damaged));
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
