//! Describes an output for playlists. Reads the container up to its first picture and its first sound frame.

use super::h264;

/// The description of an output, by its beginning and its number of pictures.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Described {
	/// Its codecs, in the form of playlists.
	pub codecs: String,
	/// How many pictures it has.
	pub pictures: u32,
	/// Width and height of its pictures in pixels.
	pub size: (u32, u32),
	/// Sample aspect ratio, width to height.
	pub aspect: (u16, u16),
}

/// Bytes of the first picture in which its parameters are searched.
const BEGINNING: usize = 64 * 1024;

/// Describes a transport stream of H.264 and AAC; `None` if the parameters of its pictures are not found.
pub fn describe(stream: &[u8]) -> Option<Described> {
	let (mut video, mut pictures) = (Vec::new(), 0u32);
	let mut sound = None;
	let mut video_id = None;
	for packet in stream.chunks_exact(188).filter(|packet| packet[0] == 0x47) {
		let starts = packet[1] & 0x40 != 0;
		let id = u16::from(packet[1] & 0x1f) << 8 | u16::from(packet[2]);
		if packet[3] & 0x10 == 0 {
			continue;
		}
		let skipped = if packet[3] & 0x20 != 0 { 5 + usize::from(packet[4]) } else { 4 };
		let Some(payload) = packet.get(skipped..) else { continue };
		let data = if starts {
			let [0, 0, 1, kind, _, _, _, _, header, rest @ ..] = payload else { continue };
			match kind {
				0xe0..=0xef => {
					video_id = Some(id);
					pictures = pictures.saturating_add(1);
				}
				0xc0..=0xdf => {
					sound = sound.or_else(|| object_type(rest.get(usize::from(*header)..)?));
				}
				_ => {}
			}
			rest.get(usize::from(*header)..).unwrap_or_default()
		} else {
			payload
		};
		if video_id == Some(id) && pictures == 1 && video.len() < BEGINNING {
			video.extend_from_slice(data);
		}
	}
	let at = video.windows(4).position(|w| w[..3] == [0, 0, 1] && w[3] & 0x1f == 7)?;
	let unit = &video[at + 3..];
	let end = unit.windows(3).position(|w| matches!(w, [0, 0, 0 | 1])).unwrap_or(unit.len());
	let sps = h264::sps(&unit[..end])?;
	let [profile, constraints, level] = sps.profile;
	let mut codecs = format!("avc1.{profile:02x}{constraints:02x}{level:02x}");
	if let Some(kind) = sound {
		codecs.push_str(&format!(",mp4a.40.{kind}"));
	}
	Some(Described { codecs, pictures, size: (sps.width, sps.height), aspect: sps.aspect })
}

/// The kind of AAC that an ADTS header names.
fn object_type(frame: &[u8]) -> Option<u8> {
	match frame {
		[0xff, second, third, ..] if second & 0xf6 == 0xf0 => Some((third >> 6) + 1),
		_ => None,
	}
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;

	fn packet(id: u8, kind: u8, data: &[u8]) -> Vec<u8> {
		let mut packet = vec![0x47, 0x40, id, 0x30];
		let head = [0, 0, 1, kind, 0, 0, 0x80, 0, 0];
		let stuffing = 188 - 5 - head.len() - data.len();
		packet.push(stuffing as u8);
		packet.extend(std::iter::repeat_n(0xff, stuffing));
		packet.extend(head);
		packet.extend(data);
		packet
	}

	#[test]
	fn output_should_be_described_by_its_parameters() {
		let sps = [
			0, 0, 0, 1, 0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x10,
			0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0xc0, 0xf1, 0x83, 0, 0, 1, 0x68,
		];
		let adts = [0xff, 0xf1, 0x4c, 0x80, 0x2e, 0x7f, 0xfc];
		let stream = [
			packet(0, 0xe0, &sps),
			packet(1, 0xc0, &adts),
			packet(0, 0xe0, &[0, 0, 1, 0x41]),
			packet(0, 0xe0, &[0, 0, 1, 0x41]),
		];
		let described = describe(&stream.concat()).unwrap();
		assert_eq!(described.codecs, "avc1.64001f,mp4a.40.2");
		assert_eq!((described.pictures, described.aspect), (3, (1, 1)));
		assert_eq!(described.size, (1280, 720));
		assert_eq!(describe(&stream[1]), None);
		assert_eq!(describe(b"no transport stream"), None);
	}
}
