//! HLS playlists, and the one fact about a transport stream that they need.

use core::fmt::Write;

use livepeer_primitives::{video::Rendition, video::TICKS_PER_SECOND, Seq};

/// Bits per second that audio and the container may add to a rendition's video.
const OVERHEAD_BITS: u64 = 256_000;
/// A jump of time stamps that is no rounding: a quarter of a second.
const JUMP_TICKS: u64 = TICKS_PER_SECOND as u64 / 4;
/// A longer run of missing seqs starts the playlist anew: whoever signs headers chooses seqs, and
/// no choice may make a playlist long.
const LONGEST_GAP: u64 = 32;
/// Time stamps have 33 bits.
const PTS_MODULUS: u64 = 1 << 33;

/// The master playlist: one variant per rendition, named `<index>.m3u8`.
pub fn master(ladder: &[Rendition]) -> String {
	let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n");
	for (index, rendition) in ladder.iter().enumerate() {
		let bits = u64::from(rendition.kbps) * 1000;
		// Writing to a string cannot fail.
		let _ = writeln!(
			text,
			"#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},RESOLUTION={}x{}\n{index}.m3u8",
			bits + bits / 10 + OVERHEAD_BITS,
			bits + OVERHEAD_BITS,
			rendition.width,
			rendition.height,
		);
	}
	text
}

/// One segment of a media playlist.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
	/// Its seq, which is also its media sequence number.
	pub seq: Seq,
	/// Duration in ticks of 1/90,000 s.
	pub duration: u32,
	/// The first time stamp of its video, in ticks.
	pub pts: Option<u64>,
}

/// A media playlist: segments named `<rendition>/<seq>.ts`. Whatever does not follow from its
/// predecessor without a gap, in number or in time, is marked as a discontinuity.
///
/// `dropped_discontinuities` counts the marks of entries that are no longer listed.
pub fn media(
	rendition: usize,
	entries: &[Entry],
	dropped_discontinuities: u64,
	ended: bool,
) -> String {
	let ticks = u64::from(TICKS_PER_SECOND);
	let start = entries
		.windows(2)
		.rposition(|pair| pair[1].seq.saturating_sub(pair[0].seq) > LONGEST_GAP)
		.map_or(0, |at| at + 1);
	let entries = &entries[start..];
	let target =
		entries.iter().map(|e| u64::from(e.duration).div_ceil(ticks)).max().unwrap_or(2).max(1);
	let first = entries.first().map_or(0, |entry| entry.seq);
	let mut text = String::new();
	let _ = writeln!(
		text,
		"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:{target}\n\
		 #EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-DISCONTINUITY-SEQUENCE:{dropped_discontinuities}",
	);
	let mut sequence = first;
	let mut before: Option<&Entry> = None;
	for entry in entries {
		if before.is_some_and(|before| !follows(before, entry)) {
			text.push_str("#EXT-X-DISCONTINUITY\n");
		}
		// Media sequence numbers count lines, so a missing seq is a line of its own.
		while sequence < entry.seq && before.is_some() {
			let _ = writeln!(text, "#EXT-X-GAP\n#EXTINF:2.00000,\n{rendition}/{sequence}.ts");
			sequence = sequence.saturating_add(1);
		}
		let micros = u64::from(entry.duration) * 1_000_000 / ticks;
		let _ = writeln!(
			text,
			"#EXTINF:{}.{:06},\n{rendition}/{}.ts",
			micros / 1_000_000,
			micros % 1_000_000,
			entry.seq
		);
		sequence = entry.seq.saturating_add(1);
		before = Some(entry);
	}
	if ended {
		text.push_str("#EXT-X-ENDLIST\n");
	}
	text
}

/// Whether `next` continues `entry` in number and in time.
pub fn follows(entry: &Entry, next: &Entry) -> bool {
	if next.seq != entry.seq.saturating_add(1) {
		return false;
	}
	match (entry.pts, next.pts) {
		(Some(pts), Some(next)) => {
			let expected = (pts + u64::from(entry.duration)) % PTS_MODULUS;
			let ahead = (next + PTS_MODULUS - expected) % PTS_MODULUS;
			ahead.min(PTS_MODULUS - ahead) <= JUMP_TICKS
		}
		_ => true,
	}
}

/// The smallest time stamp of the video in an MPEG transport stream, in ticks.
pub fn first_pts(stream: &[u8]) -> Option<u64> {
	stream.chunks_exact(188).filter_map(packet_pts).min()
}

/// The time stamp of a video picture that starts in this packet.
fn packet_pts(packet: &[u8]) -> Option<u64> {
	let starts = packet[0] == 0x47 && packet[1] & 0x40 != 0;
	let has_payload = packet[3] & 0x10 != 0;
	if !starts || !has_payload {
		return None;
	}
	let adaptation = if packet[3] & 0x20 != 0 { 1 + usize::from(packet[4]) } else { 0 };
	let pes = packet.get(4 + adaptation..)?;
	let video = pes.get(..4).is_some_and(|p| p[..3] == [0, 0, 1] && (0xe0..=0xef).contains(&p[3]));
	if !video || pes.get(7)? & 0x80 == 0 {
		return None;
	}
	let p = pes.get(9..14)?;
	let bits = |byte: u8, mask: u8, shift: u32| u64::from(byte & mask) << shift;
	Some(
		bits(p[0] >> 1, 0x07, 30)
			| bits(p[1], 0xff, 22)
			| bits(p[2] >> 1, 0x7f, 15)
			| bits(p[3], 0xff, 7)
			| bits(p[4] >> 1, 0x7f, 0),
	)
}

/// Whether `name` can be part of a URL and of a stream: letters, digits, `-`, `_` and `.`, at
/// most 64 of them, and no dot in front.
pub fn is_stream_name(name: &str) -> bool {
	(1..=64).contains(&name.len())
		&& !name.starts_with('.')
		&& name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

#[cfg(test)]
mod tests {
	use super::*;

	fn entry(seq: Seq, pts: u64) -> Entry {
		Entry { seq, duration: 180_000, pts: Some(pts) }
	}

	#[test]
	fn master_should_list_every_rendition() {
		let text = master(&[
			Rendition { width: 640, height: 360, kbps: 800 },
			Rendition { width: 426, height: 240, kbps: 400 },
		]);
		assert!(text.starts_with("#EXTM3U\n"));
		assert!(text.contains("RESOLUTION=640x360\n0.m3u8\n"));
		assert!(text.contains("RESOLUTION=426x240\n1.m3u8\n"));
	}

	#[test]
	fn media_should_mark_a_jump_in_time() {
		let entries = [entry(7, 0), entry(8, 180_000), entry(9, 0)];
		let text = media(1, &entries, 2, true);
		assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 1);
		assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-DISCONTINUITY-SEQUENCE:2\n"));
		assert!(text.contains("#EXT-X-TARGETDURATION:2\n"));
		assert!(text.contains("#EXT-X-DISCONTINUITY\n#EXTINF:2.000000,\n1/9.ts\n"));
		assert!(text.ends_with("#EXT-X-ENDLIST\n"));
	}

	#[test]
	fn media_should_keep_sequence_numbers_when_a_segment_is_missing() {
		let text = media(0, &[entry(1, 0), entry(3, 360_000)], 0, false);
		assert!(text.contains("#EXT-X-GAP\n#EXTINF:2.00000,\n0/2.ts\n"));
		assert!(!text.contains("ENDLIST"));
	}

	#[test]
	fn media_should_start_anew_when_the_gap_is_absurd() {
		let text = media(0, &[entry(1, 0), entry(u64::MAX - 1, 360_000)], 0, false);
		assert!(!text.contains("GAP") && !text.contains("0/1.ts"));
	}

	#[test]
	fn segments_should_follow_when_time_stamps_wrap() {
		let last = Entry { seq: 1, duration: 180_000, pts: Some(PTS_MODULUS - 180_000) };
		assert!(follows(&last, &entry(2, 0)));
		assert!(!follows(&last, &entry(2, 90_000)));
	}

	#[test]
	fn pts_should_be_found_behind_an_adaptation_field() {
		let mut packet = [0xffu8; 188];
		packet[..4].copy_from_slice(&[0x47, 0x41, 0x00, 0x30]);
		packet[4] = 7;
		let pts: u64 = 0x1_2345_6789;
		let stamp = [
			0x21 | ((pts >> 29) as u8 & 0x0e),
			(pts >> 22) as u8,
			0x01 | ((pts >> 14) as u8 & 0xfe),
			(pts >> 7) as u8,
			0x01 | ((pts << 1) as u8 & 0xfe),
		];
		packet[12..21].copy_from_slice(&[0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5]);
		packet[21..26].copy_from_slice(&stamp);
		assert_eq!(first_pts(&packet), Some(pts));
		assert_eq!(first_pts(&[0x47; 188]), None);
		assert_eq!(first_pts(b"no transport stream"), None);
	}

	#[test]
	fn stream_names_should_be_refused_when_they_are_paths() {
		for good in ["demo", "big-buck_bunny.2"] {
			assert!(is_stream_name(good));
		}
		for bad in ["", "..", ".x", "a/b", "a b", "é"] {
			assert!(!is_stream_name(bad));
		}
	}
}
