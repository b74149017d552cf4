//! Writes live Matroska: video tracks and at most one sound track, of unknown length. It can hold every codec
//! that a publisher sends, with its out-of-band header, and the segmenter reads it from a pipe.

use std::collections::BTreeMap;

/// A track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
	/// Matroska's name of its codec.
	pub codec: &'static str,
	/// The codec's header.
	pub header: Vec<u8>,
}

/// The track of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Of {
	/// A video track, by the publisher's number; 0 for a single one.
	Pictures(u8),
	/// Of sound.
	Sound,
}

/// The longest cluster. A block has its time relative to its cluster's in 16 bits, which reach much further.
const LONGEST_CLUSTER: i64 = 5_000;

/// Writes the stream.
#[derive(Debug)]
pub struct Writer {
	/// The cluster's time in milliseconds.
	cluster: Option<i64>,
	/// The tracks in the order of their Matroska numbers, from 1.
	tracks: Vec<Of>,
}

fn number(mut value: u64) -> Vec<u8> {
	let mut bytes = Vec::new();
	while bytes.is_empty() || value > 0 {
		bytes.insert(0, value as u8);
		value >>= 8;
	}
	bytes
}

/// An element of known size.
fn element(id: &[u8], body: &[u8]) -> Vec<u8> {
	let mut out = id.to_vec();
	out.push(0x08);
	out.extend(&(body.len() as u32).to_be_bytes());
	// Five bytes of length: a marker in the first, four of value.
	out.extend(body);
	out
}

/// The marker of a size that is not known.
const UNKNOWN: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

impl Writer {
	/// A writer of these video tracks, by their numbers, and of sound; and the stream's first bytes.
	pub fn new(pictures: &BTreeMap<u8, Track>, sound: Option<&Track>) -> (Self, Vec<u8>) {
		let mut out = element(
			&[0x1a, 0x45, 0xdf, 0xa3],
			&[element(&[0x42, 0x82], b"matroska"), element(&[0x42, 0x87], &[4])].concat(),
		);
		out.extend([0x18, 0x53, 0x80, 0x67]);
		out.extend(UNKNOWN);
		// Times are in milliseconds.
		let scale = element(&[0x2a, 0xd7, 0xb1], &number(1_000_000));
		let name = element(&[0x4d, 0x80], b"livepeer");
		let by = element(&[0x57, 0x41], b"livepeer");
		out.extend(element(&[0x15, 0x49, 0xa9, 0x66], &[scale, name, by].concat()));
		let entry = |index: u8, kind: u8, track: &Track, more: Vec<u8>| {
			let mut body = vec![
				element(&[0xd7], &[index]),
				element(&[0x73, 0xc5], &[index]),
				element(&[0x83], &[kind]),
				element(&[0x86], track.codec.as_bytes()),
			];
			if !track.header.is_empty() {
				body.push(element(&[0x63, 0xa2], &track.header));
			}
			body.push(more);
			element(&[0xae], &body.concat())
		};
		// The real size is in the codec's header; the fields are only required.
		let size = [element(&[0xb0], &number(16)), element(&[0xba], &number(16))].concat();
		let mut tracks = Vec::new();
		for (track, index) in pictures.values().zip(1..) {
			tracks.extend(entry(index, 1, track, element(&[0xe0], &size)));
		}
		let mut known: Vec<Of> = pictures.keys().copied().map(Of::Pictures).collect();
		if let Some(sound) = sound {
			known.push(Of::Sound);
			let (rate, channels) = shape_of_sound(sound);
			let body =
				[element(&[0xb5], &f64::from(rate).to_be_bytes()), element(&[0x9f], &[channels])];
			tracks.extend(entry(known.len() as u8, 2, sound, element(&[0xe1], &body.concat())));
		}
		out.extend(element(&[0x16, 0x54, 0xae, 0x6b], &tracks));
		(Self { cluster: None, tracks: known }, out)
	}

	/// A frame at this time in milliseconds, which never goes far back; empty if there is no such track.
	pub fn block(&mut self, of: Of, is_key: bool, time: i64, data: &[u8]) -> Vec<u8> {
		let Some(place) = self.tracks.iter().position(|known| *known == of) else {
			return Vec::new();
		};
		let mut out = Vec::with_capacity(data.len() + 48);
		let starts = match self.cluster {
			None => true,
			Some(cluster) => {
				(of == Of::Pictures(0) && is_key && time > cluster)
					|| time - cluster > LONGEST_CLUSTER
					|| time - cluster < -LONGEST_CLUSTER
			}
		};
		let cluster = if starts { time.max(0) } else { self.cluster.unwrap_or(0) };
		if starts {
			self.cluster = Some(cluster);
			out.extend([0x1f, 0x43, 0xb6, 0x75]);
			out.extend(UNKNOWN);
			out.extend(element(&[0xe7], &number(cluster.unsigned_abs())));
		}
		let offset = (time - cluster).clamp(i16::MIN.into(), i16::MAX.into()) as i16;
		let track = place as u8 + 1;
		let [high, low] = offset.to_be_bytes();
		let head = [0x80 | track, high, low, if is_key { 0x80 } else { 0 }];
		out.push(0xa3);
		out.push(0x08);
		out.extend(((head.len() + data.len()) as u32).to_be_bytes());
		out.extend(head);
		out.extend(data);
		out
	}
}

/// Samples per second and channels, from the codec's header.
fn shape_of_sound(track: &Track) -> (u32, u8) {
	const RATES: [u32; 13] = [
		96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025,
		8_000, 7_350,
	];
	match (track.codec, track.header.as_slice()) {
		("A_AAC", [first, second, ..]) => {
			let index = (first & 7) << 1 | second >> 7;
			let rate = RATES.get(usize::from(index)).copied().unwrap_or(48_000);
			(rate, (second >> 3 & 0x0f).clamp(1, 8))
		}
		("A_OPUS", header) => (48_000, header.get(9).copied().unwrap_or(2).clamp(1, 8)),
		_ => (48_000, 2),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn elements_should_say_their_length() {
		assert_eq!(element(&[0xe7], &number(300)), [0xe7, 8, 0, 0, 0, 2, 1, 44]);
		assert_eq!(number(0), [0]);
	}

	#[test]
	fn cluster_should_begin_with_each_keyframe_and_before_times_overflow() {
		let track = Track { codec: "V_VP9", header: Vec::new() };
		let tracks = BTreeMap::from([(0, track.clone()), (7, track.clone())]);
		let (mut writer, _) = Writer::new(&tracks, Some(&track));
		let begins = |bytes: Vec<u8>| bytes.starts_with(&[0x1f, 0x43, 0xb6, 0x75]);
		let (first, further) = (Of::Pictures(0), Of::Pictures(7));
		assert!(begins(writer.block(first, true, 1_000, b"x")));
		assert!(!begins(writer.block(first, false, 1_040, b"x")));
		assert!(!begins(writer.block(Of::Sound, true, 990, b"x")));
		assert!(!begins(writer.block(further, true, 1_100, b"x")), "of another track");
		assert!(begins(writer.block(first, true, 3_000, b"x")));
		assert!(begins(writer.block(first, false, 9_000, b"x")));
	}

	#[test]
	fn block_should_name_its_track_by_the_place_in_which_it_was_announced() {
		let track = Track { codec: "V_VP9", header: Vec::new() };
		let tracks = BTreeMap::from([(0, track.clone()), (7, track.clone())]);
		let (mut writer, _) = Writer::new(&tracks, Some(&track));
		writer.block(Of::Pictures(0), true, 0, b"x");
		let mut number = |of| writer.block(of, true, 0, b"x").get(6).map(|number| number & 0x7f);
		assert_eq!(number(Of::Pictures(0)), Some(1));
		assert_eq!(number(Of::Pictures(7)), Some(2));
		assert_eq!(number(Of::Sound), Some(3));
		assert_eq!(number(Of::Pictures(1)), None, "nobody announced it");
	}

	#[test]
	fn sound_should_be_described_by_its_header() {
		let aac = Track { codec: "A_AAC", header: vec![0x12, 0x10] };
		assert_eq!(shape_of_sound(&aac), (44_100, 2));
		assert_eq!(shape_of_sound(&Track { codec: "A_AC3", header: vec![] }), (48_000, 2));
	}
}
