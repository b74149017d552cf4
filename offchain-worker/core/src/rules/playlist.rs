//! HLS playlists, and the first time stamp of a transport stream, which they need.

use core::fmt::Write;
use std::collections::{BTreeSet, VecDeque};

use codec::{Decode, Encode};
use livepeer_primitives::{
	video::{Rendition, MAX_SEGMENT_BYTES, TARGET_SEGMENT, TICKS_PER_SECOND},
	Epoch, Seq, Track,
};

use super::ts::Described;

/// Bits per second that audio and the container may add to a rendition's video.
const OVERHEAD_BITS: u64 = 256_000;
/// A jump of time stamps that is more than rounding: a quarter of a second.
const JUMP_TICKS: u64 = TICKS_PER_SECOND as u64 / 4;
/// A longer run of missing seqs starts the live playlist anew: a broadcaster chooses its seqs, and no choice
/// may make a playlist long.
const LONGEST_GAP: u64 = 32;
/// Time stamps have 33 bits.
const PTS_MODULUS: u64 = 1 << 33;
/// The target duration in playlists, in seconds, unless a segment is longer. Players stay three times as far
/// behind.
const TARGET_SECONDS: u32 = TARGET_SEGMENT / TICKS_PER_SECOND;
/// The highest bit rate of a source with segments of the target length, in bits per second: declared until a
/// segment was seen.
const MOST_SOURCE_BITS: u64 = MAX_SEGMENT_BYTES as u64 * 8 / TARGET_SECONDS as u64;

/// A rendition's description by its segments.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Variant {
	/// The description of its first segment.
	pub described: Option<Described>,
	/// Duration of that segment in ticks.
	pub duration: u32,
	/// The highest bit rate of a segment, in bits per second.
	pub peak: u64,
	/// The average bit rate of all segments.
	pub average: u64,
}

/// The master playlist: one variant per rendition, named `<prefix><index>.m3u8`, and one per offered track of
/// the broadcaster, with the numbers behind the ladder's.
pub fn master(
	ladder: &[Rendition],
	variants: &[Variant],
	tracks: &[(Track, Variant)],
	prefix: &str,
) -> String {
	let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n");
	for (index, rendition) in ladder.iter().enumerate() {
		let bits = u64::from(rendition.kbps) * 1000;
		let cap = u64::from(rendition.cap_kbps) * 1000;
		let variant = variants.get(index);
		// Later segments are bounded by the ordered rate.
		let peak = (cap + cap / 10 + OVERHEAD_BITS).max(variant.map_or(0, |v| v.peak));
		let average = match variant {
			Some(variant) if variant.average > 0 => variant.average,
			_ => bits + OVERHEAD_BITS,
		};
		let size = (rendition.width.into(), rendition.height.into());
		text.push_str(&stream_inf(peak, average, Some(size), variant));
		// Writing to a string cannot fail.
		let _ = writeln!(text, "{prefix}{index}.m3u8");
	}
	for (track, sent) in tracks {
		let peak = if sent.peak > 0 { sent.peak } else { MOST_SOURCE_BITS };
		let size = sent.described.as_ref().map(|described| described.size);
		text.push_str(&stream_inf(peak, sent.average, size, Some(sent)));
		let _ = writeln!(text, "{prefix}{}.m3u8", ladder.len() + usize::from(*track));
	}
	text
}

/// The line before a variant's name: its peak and average in bits per second (0: unknown), its size in
/// pixels, and the description of its segments.
fn stream_inf(
	peak: u64,
	average: u64,
	size: Option<(u32, u32)>,
	variant: Option<&Variant>,
) -> String {
	// Writing to a string cannot fail.
	let mut line = format!("#EXT-X-STREAM-INF:BANDWIDTH={peak}");
	if average > 0 {
		let _ = write!(line, ",AVERAGE-BANDWIDTH={average}");
	}
	let told = variant.and_then(|v| v.described.as_ref().map(|described| (v, described)));
	if let Some((width, height)) = size {
		let (across, down) = told.map_or((1, 1), |(_, described)| described.aspect);
		let (across, down) = (u64::from(across), u64::from(down));
		let width = (u64::from(width) * across + down / 2) / down.max(1);
		let _ = write!(line, ",RESOLUTION={width}x{height}");
	}
	if let Some((variant, described)) = told {
		let _ = write!(line, ",CODECS=\"{}\"", described.codecs);
		let thousandths = u64::from(described.pictures) * u64::from(TICKS_PER_SECOND) * 1_000;
		if let Some(rate) = thousandths.checked_div(variant.duration.into()) {
			let _ = write!(line, ",FRAME-RATE={}.{:03}", rate / 1_000, rate % 1_000);
		}
	}
	line.push('\n');
	line
}

/// One segment of a media playlist.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Entry {
	/// Its seq, which is also its media sequence number.
	pub seq: Seq,
	/// Its epoch.
	pub epoch: Epoch,
	/// Duration in ticks of 1/90,000 s.
	pub duration: u32,
	/// The first time stamp of its video, in ticks.
	pub pts: Option<u64>,
	/// When it was captured, in milliseconds of Unix time; 0 if that is not known.
	pub captured: u64,
}

/// The entries of a stream's playlists. Stored beside the segments, so that after a restart no number goes
/// back that a player has seen.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Timeline {
	entries: VecDeque<Entry>,
	/// Discontinuities before the first entry.
	dropped: u64,
	/// The longest segment so far, in seconds: the target duration may not change to less while a stream runs
	/// (RFC 8216, 6.2.1).
	longest: u32,
}

/// The part of a stream in a live playlist.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Listing {
	/// The segments.
	pub entries: Vec<Entry>,
	/// Discontinuities before the first of them.
	pub discontinuities: u64,
	/// The longest segment of the stream, rounded to seconds.
	pub longest: u32,
	/// The segments that cannot be had: each is a gap, with its number and duration.
	pub absent: BTreeSet<Seq>,
}

impl Timeline {
	/// Adds the newest segment; ignores one that is not newer than the others.
	pub fn push(&mut self, entry: Entry) {
		if self.newest().is_none_or(|newest| newest < entry.seq) {
			self.longest = self.longest.max(rounded(entry.duration));
			self.entries.push_back(entry);
		}
	}

	/// Forgets the segments before `before`.
	pub fn trim(&mut self, before: Seq) {
		while let Some(first) = self.entries.front().copied().filter(|e| e.seq < before) {
			self.entries.pop_front();
			let next = self.entries.front();
			// For a player, what comes after the last one is another stream.
			self.dropped += u64::from(next.is_none_or(|next| !follows(&first, next)));
		}
	}

	/// The newest segment.
	pub fn newest(&self) -> Option<Seq> {
		self.entries.back().map(|entry| entry.seq)
	}

	/// How many segments there are.
	pub fn len(&self) -> usize {
		self.entries.len()
	}

	/// Whether there is none.
	pub fn is_empty(&self) -> bool {
		self.entries.is_empty()
	}

	/// The newest segments, at most this many, and none before a long gap.
	pub fn live(&self, most: usize) -> Listing {
		let pairs = || self.entries.iter().zip(self.entries.iter().skip(1));
		let start = self.entries.len().saturating_sub(most);
		let start = pairs()
			.skip(start)
			.rposition(|(entry, next)| next.seq.saturating_sub(entry.seq) > LONGEST_GAP)
			.map_or(start, |at| start + at + 1);
		let before = pairs().take(start).filter(|(entry, next)| !follows(entry, next)).count();
		Listing {
			entries: self.entries.iter().skip(start).copied().collect(),
			discontinuities: self.dropped.saturating_add(before as u64),
			longest: self.longest,
			absent: BTreeSet::new(),
		}
	}

	/// Every stored segment.
	pub fn whole(&self) -> Vec<Entry> {
		self.entries.iter().copied().collect()
	}
}

/// The media playlist of a running stream: a sliding window of segments named `<rendition>/<seq>.ts`. A
/// segment that does not follow its predecessor without a gap, in number and time, is marked as a
/// discontinuity. After the stream's end the playlist says so and otherwise stays the same: no number in a
/// playlist that is being watched may go back.
pub fn live(rendition: usize, listing: &Listing, ended: bool) -> String {
	let first = listing.entries.first().map_or(0, |entry| entry.seq);
	let mut text = String::new();
	// Writing to a string cannot fail.
	let _ = writeln!(
		text,
		"#EXTM3U\n#EXT-X-VERSION:{}\n#EXT-X-INDEPENDENT-SEGMENTS\n\
		 #EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:{first}\n\
		 #EXT-X-DISCONTINUITY-SEQUENCE:{}",
		version(listing),
		listing.longest.max(TARGET_SECONDS),
		listing.discontinuities,
	);
	list(&mut text, rendition, &listing.entries, Some(&listing.absent));
	if ended {
		text.push_str("#EXT-X-ENDLIST\n");
	}
	text
}

/// The media playlist of everything that is stored of an ended stream.
pub fn recording(rendition: usize, entries: &[Entry]) -> String {
	let mut text = String::new();
	let _ = writeln!(
		text,
		"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-PLAYLIST-TYPE:VOD\n\
		 #EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:0",
		entries.iter().map(|entry| rounded(entry.duration)).max().unwrap_or(0).max(TARGET_SECONDS),
	);
	// Numbers only count lines here, so missing segments need no line.
	list(&mut text, rendition, entries, None);
	text.push_str("#EXT-X-ENDLIST\n");
	text
}

/// A duration in seconds, rounded as in playlists.
fn rounded(duration: u32) -> u32 {
	duration.saturating_add(TICKS_PER_SECOND / 2) / TICKS_PER_SECOND
}

/// The version that a live playlist needs: gaps need version 8, fractions of a second 3.
fn version(listing: &Listing) -> u32 {
	let entries = &listing.entries;
	let has_gap = entries.windows(2).any(|pair| pair[0].seq.saturating_add(1) != pair[1].seq);
	if has_gap || !listing.absent.is_empty() {
		8
	} else {
		3
	}
}

/// A time in the form of playlists: `2026-11-28T17:30:00.250Z`.
fn date_time(ms: u64) -> String {
	let (days, in_day) = (ms / 86_400_000, ms % 86_400_000);
	// Days are counted from 1 March 0000, so that the leap day is a year's last; an era has 400 years.
	let days = days + 719_468;
	let (era, of_era) = (days / 146_097, days % 146_097);
	let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
	let of_year = of_era - (365 * year + year / 4 - year / 100);
	let month = (5 * of_year + 2) / 153;
	let day = of_year - (153 * month + 2) / 5 + 1;
	let month = if month < 10 { month + 3 } else { month - 9 };
	let year = era * 400 + year + u64::from(month <= 2);
	let (hour, minute) = (in_day / 3_600_000, in_day / 60_000 % 60);
	let (second, ms) = (in_day / 1_000 % 60, in_day % 1_000);
	format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// The lines of segments. With `gaps`, a missing seq has a line of its own, because the media sequence
/// numbers of a live playlist are seqs and count lines; the given segments are gaps too.
fn list(text: &mut String, rendition: usize, entries: &[Entry], gaps: Option<&BTreeSet<Seq>>) {
	let mut before: Option<&Entry> = None;
	for entry in entries {
		if let Some(before) = before {
			if !follows(before, entry) {
				text.push_str("#EXT-X-DISCONTINUITY\n");
			}
			let missing = before.seq.saturating_add(1)..entry.seq;
			for seq in missing.take_while(|_| gaps.is_some()) {
				let _ = writeln!(text, "#EXT-X-GAP\n#EXTINF:2.00000,\n{rendition}/{seq}.ts");
			}
		}
		if entry.captured > 0 && before.is_none_or(|before| !follows(before, entry)) {
			let _ = writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{}", date_time(entry.captured));
		}
		if gaps.is_some_and(|gaps| gaps.contains(&entry.seq)) {
			text.push_str("#EXT-X-GAP\n");
		}
		let micros = u64::from(entry.duration) * 1_000_000 / u64::from(TICKS_PER_SECOND);
		let _ = writeln!(
			text,
			"#EXTINF:{}.{:06},\n{rendition}/{}.ts",
			micros / 1_000_000,
			micros % 1_000_000,
			entry.seq
		);
		before = Some(entry);
	}
}

/// Whether `next` continues `entry` in number and time.
pub fn follows(entry: &Entry, next: &Entry) -> bool {
	if next.seq != entry.seq.saturating_add(1) || next.epoch != entry.epoch {
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

/// The time stamp of a picture that starts in this packet.
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
pub(crate) mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;
	use codec::DecodeAll;

	use crate::fakes::rendition;

	fn entry(seq: Seq, pts: u64) -> Entry {
		Entry { seq, epoch: 0, duration: 180_000, pts: Some(pts), captured: 0 }
	}

	/// A packet of a transport stream in which a picture with this time stamp starts.
	pub(crate) fn packet(pts: u64) -> [u8; 188] {
		let mut packet = [0xffu8; 188];
		packet[..4].copy_from_slice(&[0x47, 0x41, 0x00, 0x30]);
		packet[4] = 7;
		let stamp = [
			0x21 | ((pts >> 29) as u8 & 0x0e),
			(pts >> 22) as u8,
			0x01 | ((pts >> 14) as u8 & 0xfe),
			(pts >> 7) as u8,
			0x01 | ((pts << 1) as u8 & 0xfe),
		];
		packet[12..21].copy_from_slice(&[0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5]);
		packet[21..26].copy_from_slice(&stamp);
		packet
	}

	/// A timeline of consecutive segments, whose time starts anew at those that are named.
	fn timeline(seqs: core::ops::Range<Seq>, jumps: &[Seq]) -> Timeline {
		let mut timeline = Timeline::default();
		let mut pts = 0;
		for seq in seqs {
			pts = if jumps.contains(&seq) { 7_000_000 * (seq + 1) } else { pts + 180_000 };
			timeline.push(entry(seq, pts));
		}
		timeline
	}

	/// What a live playlist lists of a stream with segments of two seconds.
	fn listing(entries: Vec<Entry>, discontinuities: u64) -> Listing {
		Listing { entries, discontinuities, longest: 2, absent: BTreeSet::new() }
	}

	/// The value of a tag.
	fn tag(text: &str, name: &str) -> u64 {
		let start = format!("#EXT-X-{name}:");
		text.lines().find_map(|line| line.strip_prefix(&start)).unwrap().parse().unwrap()
	}

	#[test]
	fn master_should_list_every_rendition() {
		let ladder = [rendition(640, 360, 800), rendition(426, 240, 400)];
		let text = master(&ladder, &[], &[], "");
		assert!(text.starts_with("#EXTM3U\n"));
		assert!(text.contains("RESOLUTION=640x360\n0.m3u8\n"));
		assert!(text.contains("RESOLUTION=426x240\n1.m3u8\n"));
		let text = master(&ladder, &[], &[], "recording-");
		assert!(text.ends_with("RESOLUTION=426x240\nrecording-1.m3u8\n"));
	}

	#[test]
	fn live_should_mark_a_jump_in_time() {
		let entries = vec![entry(7, 0), entry(8, 180_000), entry(9, 0)];
		let text = live(1, &listing(entries, 2), true);
		assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 1);
		assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-DISCONTINUITY-SEQUENCE:2\n"));
		assert!(text.contains("#EXT-X-DISCONTINUITY\n#EXTINF:2.000000,\n1/9.ts\n"));
		assert!(text.ends_with("#EXT-X-ENDLIST\n"));
	}

	#[test]
	fn live_should_keep_sequence_numbers_when_a_segment_is_missing() {
		let entries = vec![entry(1, 0), entry(3, 360_000)];
		let text = live(0, &listing(entries, 0), false);
		assert!(text.contains("#EXT-X-GAP\n#EXTINF:2.00000,\n0/2.ts\n"));
		assert!(!text.contains("ENDLIST"));
	}

	#[test]
	fn live_should_start_anew_when_the_gap_is_absurd() {
		let mut timeline = timeline(0..2, &[]);
		timeline.push(entry(u64::MAX - 1, 360_000));
		let listing = timeline.live(30);
		let text = live(0, &listing, false);
		assert!(!text.contains("GAP") && !text.contains("0/1.ts"));
		assert_eq!(listing.discontinuities, 1, "what is left out is counted");
		let text = recording(0, &timeline.whole());
		assert!(!text.contains("GAP") && text.contains("0/1.ts"), "a recording has no numbers");
	}

	#[test]
	fn master_should_say_what_segments_say() {
		let ladder = [rendition(640, 360, 800)];
		let described = Described {
			codecs: "avc1.64001e,mp4a.40.2".into(),
			pictures: 60,
			size: (640, 360),
			aspect: (4, 3),
		};
		let variant = Variant {
			described: Some(described),
			duration: 180_180,
			peak: 9_000_000,
			average: 700_000,
		};
		let text = master(&ladder, &[variant], &[], "");
		assert!(text.contains(
			"BANDWIDTH=9000000,AVERAGE-BANDWIDTH=700000,RESOLUTION=853x360,\
			 CODECS=\"avc1.64001e,mp4a.40.2\",FRAME-RATE=29.970\n0.m3u8\n"
		));
	}

	#[test]
	fn source_should_be_listed_behind_the_renditions_with_what_its_segments_say() {
		let ladder = [rendition(640, 360, 800)];
		let text = master(&ladder, &[], &[(0, Variant::default())], "");
		assert!(text.ends_with("0.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=67108864\n1.m3u8\n"));
		let described = Described {
			codecs: "avc1.640028".into(),
			pictures: 100,
			size: (1440, 1080),
			aspect: (4, 3),
		};
		let source = Variant {
			described: Some(described),
			duration: 180_000,
			peak: 6_000_000,
			average: 5_000_000,
		};
		let text = master(&ladder, &[], &[(2, Variant::default()), (0, source)], "");
		let own = text.find("\n3.m3u8\n").unwrap();
		assert!(text.find("\n0.m3u8\n").unwrap() < own, "an own rendition, by its track");
		assert!(text.ends_with(
			"#EXT-X-STREAM-INF:BANDWIDTH=6000000,AVERAGE-BANDWIDTH=5000000,RESOLUTION=1920x1080,\
			 CODECS=\"avc1.640028\",FRAME-RATE=50.000\n1.m3u8\n"
		));
	}

	#[test]
	fn live_should_mark_what_cannot_be_had_as_a_gap_and_change_nothing_else() {
		let mut listing = timeline(4..8, &[6]).live(30);
		let whole = live(1, &listing, false);
		listing.absent = BTreeSet::from([4, 6]);
		let text = live(1, &listing, false);
		assert_eq!(tag(&text, "VERSION"), 8);
		assert!(text.contains("#EXT-X-GAP\n#EXTINF:2.000000,\n1/4.ts\n#EXTINF:2.000000,\n1/5.ts\n"));
		assert!(text.contains("#EXT-X-DISCONTINUITY\n#EXT-X-GAP\n#EXTINF:2.000000,\n1/6.ts\n"));
		let without = text.replace("#EXT-X-GAP\n", "").replace("VERSION:8", "VERSION:3");
		assert_eq!(without, whole);
	}

	#[test]
	fn target_duration_should_be_that_of_the_longest_segment_and_never_become_less() {
		let short = Entry { duration: 90_000, ..entry(0, 0) };
		let long = Entry { duration: 10 * TICKS_PER_SECOND, ..entry(1, 90_000) };
		let mut timeline = Timeline::default();
		timeline.push(short);
		assert_eq!(tag(&live(0, &timeline.live(30), false), "TARGETDURATION"), 2);
		timeline.push(long);
		assert_eq!(tag(&live(0, &timeline.live(30), false), "TARGETDURATION"), 10);
		timeline.push(Entry { duration: 180_000, ..entry(2, 990_000) });
		timeline.trim(2);
		assert_eq!(tag(&live(0, &timeline.live(30), false), "TARGETDURATION"), 10);
		assert_eq!(tag(&recording(0, &timeline.whole()), "TARGETDURATION"), 2);
		// 2.5 s are rounded up.
		assert_eq!((rounded(224_999), rounded(225_000)), (2, 3));
	}

	#[test]
	fn players_without_settings_should_play_at_most_three_segments_behind() {
		for duration in [TARGET_SEGMENT, 200_000, 224_999] {
			let mut timeline = Timeline::default();
			for seq in 0..40 {
				timeline.push(Entry { duration, ..entry(seq, seq * u64::from(duration)) });
			}
			let text = live(0, &timeline.live(30), false);
			// They begin three target durations before the end (RFC 8216, 6.3.3), unless told otherwise.
			let behind = 3 * tag(&text, "TARGETDURATION") * u64::from(TICKS_PER_SECOND);
			assert!(behind <= 3 * u64::from(duration), "{duration}");
			assert!(!text.contains("#EXT-X-START") && !text.contains("HOLD-BACK"));
		}
	}

	#[test]
	fn date_should_be_written_where_a_line_of_time_begins() {
		assert_eq!(date_time(0), "1970-01-01T00:00:00.000Z");
		assert_eq!(date_time(951_782_400_000), "2000-02-29T00:00:00.000Z");
		assert_eq!(date_time(1_795_887_000_250), "2026-11-28T17:30:00.250Z");
		let at = |seq, pts, captured| Entry { captured, ..entry(seq, pts) };
		let entries = vec![at(0, 0, 1_000), at(1, 180_000, 3_000), at(2, 0, 9_000)];
		let text = live(0, &listing(entries, 0), false);
		assert_eq!(text.matches("PROGRAM-DATE-TIME").count(), 2);
		assert!(text.contains(
			"#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:09.000Z\n#EXTINF"
		));
	}

	#[test]
	fn version_should_be_that_of_gaps_when_there_is_one() {
		let of = |seqs: &[Seq]| {
			let entries = seqs.iter().map(|seq| entry(*seq, seq * 180_000)).collect();
			tag(&live(0, &listing(entries, 0), false), "VERSION")
		};
		assert_eq!((of(&[1, 2, 3]), of(&[1, 3])), (3, 8));
	}

	#[test]
	fn numbers_should_never_go_back_while_a_stream_runs_ends_and_is_trimmed() {
		let jumps = [3, 20, 21, 40, 77];
		let mut last = (0, 0);
		let mut kept = Timeline::default();
		for newest in 0..100 {
			let all = timeline(0..newest + 1, &jumps);
			kept.push(all.entries[newest as usize]);
			kept.trim(newest.saturating_sub(49));
			// As after a restart: from what is stored.
			kept = Timeline::decode_all(&mut &kept.encode()[..]).unwrap();
			let text = live(0, &kept.live(30), newest == 99);
			let now = (tag(&text, "MEDIA-SEQUENCE"), tag(&text, "DISCONTINUITY-SEQUENCE"));
			assert!(now.0 >= last.0 && now.1 >= last.1, "{last:?} {now:?}");
			assert_eq!(now.0, newest.saturating_sub(29));
			let marks = jumps.iter().filter(|seq| **seq > 0 && **seq <= now.0).count() as u64;
			assert_eq!(now.1, marks, "at {newest}");
			last = now;
		}
		assert_eq!(kept.whole().len(), 50);
	}

	#[test]
	fn recording_should_list_everything_as_video_on_demand() {
		let text = recording(1, &timeline(5..105, &[50]).whole());
		assert_eq!(text.matches("#EXTINF:").count(), 100);
		assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 1);
		assert!(text.contains("#EXT-X-PLAYLIST-TYPE:VOD\n") && text.contains("1/5.ts\n"));
		assert!(text.ends_with("1/104.ts\n#EXT-X-ENDLIST\n"));
	}

	#[test]
	fn timeline_should_count_a_discontinuity_when_everything_is_forgotten() {
		let mut timeline = timeline(0..5, &[2]);
		timeline.trim(Seq::MAX);
		assert!(timeline.is_empty());
		timeline.push(entry(9, 0));
		timeline.push(entry(9, 0));
		assert_eq!((timeline.len(), timeline.live(30).discontinuities), (1, 2));
	}

	#[test]
	fn segments_should_follow_when_time_stamps_wrap() {
		let last = Entry { pts: Some(PTS_MODULUS - 180_000), ..entry(1, 0) };
		assert!(follows(&last, &entry(2, 0)));
		assert!(!follows(&last, &entry(2, 90_000)));
		assert!(!follows(&last, &Entry { epoch: 1, ..entry(2, 0) }), "an epoch is a break");
	}

	#[test]
	fn pts_should_be_found_behind_an_adaptation_field() {
		let pts: u64 = 0x1_2345_6789;
		let packet = packet(pts);
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
