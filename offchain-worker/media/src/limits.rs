//! The deterministic limits of a source segment: everybody finds the same reason at the same offset of the
//! same bytes, so a rejection never counts against a transcoder.
//!
//! Running out of time or memory, and crashes, depend on the machine. They are a different failure
//! ([`Failure::Internal`]) and never become a verdict.

use std::collections::BTreeSet;

use codec::{Decode, Encode};
use livepeer_primitives::{
	receipt::RejectReason,
	video::{SourceLimits, MAX_SEGMENT_BYTES, TICKS_PER_SECOND},
	work,
};

use crate::sei;

/// Why a child failed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Failure {
	/// The source is beyond the limits or the profile: the same for everybody.
	InputInvalid {
		/// The limit that it breaks, or the decoder's error.
		reason: RejectReason,
		/// Byte offset at which that was found.
		offset: u32,
	},
	/// A file that the segmenter cannot take; the text says what to do.
	Unsupported(String),
	/// A segment that takes more work than is stated: the same for everybody.
	MoreWork,
	/// Anything else, which shows nothing about the source.
	Internal(String),
}

impl Failure {
	/// An invalid source; offsets are capped at 32 bits, which no accepted source exceeds.
	pub fn invalid(reason: RejectReason, offset: impl TryInto<u32>) -> Self {
		Failure::InputInvalid { reason, offset: offset.try_into().unwrap_or(u32::MAX) }
	}

	/// A source in which decoding finds an error.
	pub fn undecodable(error: DecodeError, offset: u64) -> Self {
		let packet = u32::try_from(offset / TS_PACKET as u64).unwrap_or(u32::MAX);
		Self::invalid(RejectReason::Undecodable { reason: error as u16, packet }, offset)
	}

	/// A failure of our own, with the step that failed.
	pub fn internal(step: &str, error: impl std::fmt::Display) -> Self {
		Failure::Internal(format!("{step}: {error}"))
	}
}

/// Errors of decoding. The numbers are those in [`RejectReason::Undecodable`]; they are only information, and
/// never judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum DecodeError {
	/// The demuxer cannot read on.
	Demuxer = 1,
	/// The demuxer marks a packet as damaged.
	Packet = 2,
	/// Audio that is not one whole frame after the other.
	Audio = 3,
	/// A picture without a time, or not after the one before.
	Time = 4,
	/// The decoder reports an error.
	Decoder = 5,
	/// A damaged picture, or one with another shape than the first.
	Picture = 6,
}

/// Most packets of pictures and sound in a segment: as many as the largest one has transport stream packets.
pub const MAX_PACKETS: usize = MAX_SEGMENT_BYTES as usize / TS_PACKET;

/// Side of a macroblock, in pixels.
pub const MACROBLOCK: u32 = 16;

/// Most parameter sets in a segment: some for each of its pictures. A decoder takes longer over one than over
/// many a picture, and no work is counted for it.
const MOST_SETS: usize = 4_096;

/// Most NAL units in a picture: some for each of its slices. A decoder keeps four kibibytes for a unit of a
/// single byte.
const MOST_UNITS: usize = 2_048;

/// Most bytes of a picture's units that only inform. A decoder keeps thirty times as much for short messages.
const MOST_INFORMATION: usize = 16 * 1024;

/// The packet ids of tables that name programmes and describe them.
const TABLES: [u16; 2] = [0x00, 0x11];

/// Most packets of tables in a segment: one for each of its pictures, and some more.
const MOST_TABLES: usize = 2_048;

/// Most packets of tables that differ from the one before. For each table a demuxer compares all programmes
/// that were ever named with all current ones, up to 65,536.
const MOST_OTHER_TABLES: usize = 8;

/// Most streams: one of pictures and one of sound.
const MOST_STREAMS: usize = 2;

/// Most packets with which a picture or a piece of sound begins: as many as the longest segment can need, and some
/// more. For one that states no length a demuxer makes room for the longest piece, and keeps it until the segment is
/// read. If there is no memory for more, its parser leaves out a picture without an error, and the outputs are wrong.
const MOST_BEGUN: usize = 4_096;

/// Length of a packet of a transport stream.
const TS_PACKET: usize = 188;
/// First byte of each.
const TS_SYNC: u8 = 0x47;

/// Checks the container's frame before any library sees a byte: size, packet length, sync bytes, no packet
/// marked damaged or scrambled, no more streams than a segment has, and not too many pictures and pieces of sound,
/// parameter sets or tables. Parameter sets whose start code crosses the end of a packet are not counted: there is
/// at most one for each packet.
pub fn check_container(input: &[u8]) -> Result<(), Failure> {
	if input.len() > MAX_SEGMENT_BYTES as usize {
		return Err(Failure::invalid(RejectReason::TooManyBytes, MAX_SEGMENT_BYTES));
	}
	if input.is_empty() {
		return Err(Failure::invalid(RejectReason::NotTransportStream, 0u32));
	}
	// In the order of the reasons: not being a transport stream comes first.
	let (mut sets, mut tables, mut streams) = (0, Tables::default(), Streams::default());
	let mut too_many = None;
	for (index, packet) in input.chunks(TS_PACKET).enumerate() {
		let damaged = packet.len() != TS_PACKET
			|| packet[0] != TS_SYNC
			|| packet[1] & 0x80 != 0
			|| packet[3] & 0xc0 != 0;
		if damaged {
			return Err(Failure::invalid(RejectReason::NotTransportStream, index * TS_PACKET));
		}
		sets += packet.windows(4).filter(|bytes| is_parameter_set(bytes)).count();
		tables.count(packet);
		streams.count(packet);
		if streams.identifiers.len() > MOST_STREAMS {
			return Err(Failure::invalid(RejectReason::NotTransportStream, index * TS_PACKET));
		}
		if sets > MOST_SETS || tables.are_too_many() || streams.begun > MOST_BEGUN {
			too_many = too_many.or(Some(index * TS_PACKET));
		}
	}
	match too_many {
		Some(offset) => Err(Failure::invalid(RejectReason::TooManyPackets, offset)),
		None => Ok(()),
	}
}

/// Whether these four bytes are a start code and the type of a sequence or picture parameter set.
fn is_parameter_set(bytes: &[u8]) -> bool {
	matches!(bytes, [0, 0, 1, kind] if matches!(kind & 0x1f, 7 | 8))
}

/// The counts of a segment's [`TABLES`].
#[derive(Default)]
struct Tables<'a> {
	/// The number of their packets.
	packets: usize,
	/// The number that differ from the one before.
	others: usize,
	/// The newest packet of each.
	newest: [Option<&'a [u8]>; TABLES.len()],
}

impl<'a> Tables<'a> {
	/// Counts a whole packet of a transport stream.
	fn count(&mut self, packet: &'a [u8]) {
		let identifier = identifier(packet);
		let Some(table) = TABLES.iter().position(|table| *table == identifier) else { return };
		self.packets += 1;
		let before = self.newest[table].replace(packet);
		// A continuation counts as different, because its effect depends on what came before.
		let starts = packet[1] & 0x40 != 0;
		let is_repeated = starts && before.is_some_and(|before| is_same(before, packet));
		self.others += usize::from(!is_repeated);
	}

	fn are_too_many(&self) -> bool {
		self.packets > MOST_TABLES || self.others > MOST_OTHER_TABLES
	}
}

/// The counts of a segment's streams.
#[derive(Default)]
struct Streams {
	/// The number of packets with which a picture or a piece of sound begins.
	begun: usize,
	/// The packet ids of these.
	identifiers: BTreeSet<u16>,
}

impl Streams {
	/// Counts a whole packet of a transport stream.
	fn count(&mut self, packet: &[u8]) {
		/// The first bytes of a picture or a piece of sound, of which a packet may hold a part. No table begins so.
		const START: [u8; 3] = [0, 0, 1];
		let payload = payload(packet);
		let is_start = START.starts_with(&payload[..payload.len().min(START.len())]);
		if packet[1] & 0x40 != 0 && !payload.is_empty() && is_start {
			self.begun += 1;
			self.identifiers.insert(identifier(packet));
		}
	}
}

/// The packet id.
fn identifier(packet: &[u8]) -> u16 {
	u16::from(packet[1] & 0x1f) << 8 | u16::from(packet[2])
}

/// The bytes of a packet behind its header.
fn payload(packet: &[u8]) -> &[u8] {
	let start = match packet[3] & 0x30 {
		0x10 => 4,
		// An adaptation field stands in front, with its length.
		0x30 => 5 + usize::from(packet[4]),
		_ => return &[],
	};
	packet.get(start..).unwrap_or_default()
}

/// Whether two packets with the same id differ only in their counter.
fn is_same(one: &[u8], other: &[u8]) -> bool {
	one[1] == other[1] && one[3] & 0xf0 == other[3] & 0xf0 && one[4..] == other[4..]
}

/// Checks the units of a picture before a decoder allocates memory for it.
pub fn check_units(picture: &[u8], offset: u64) -> Result<(), Failure> {
	let (mut units, mut information) = (0, 0);
	for unit in sei::nals(picture) {
		units += 1;
		if unit.kind == sei::SEI {
			information += unit.bytes.len();
		}
	}
	if units > MOST_UNITS || information > MOST_INFORMATION {
		return Err(Failure::invalid(RejectReason::TooManyPackets, offset));
	}
	Ok(())
}

/// Checks a picture against the job's declared size.
pub fn check_picture(
	width: u32,
	height: u32,
	limits: &SourceLimits,
	offset: u64,
) -> Result<(), Failure> {
	if width > limits.width.into() || height > limits.height.into() {
		return Err(Failure::invalid(RejectReason::TooManyPixels, offset));
	}
	Ok(())
}

/// A picture must be less than this smaller than its coded size. That leaves room for whole macroblocks of
/// two fields, and for the rounding of hardware encoders.
const CUT_AWAY: u32 = 64;

/// Checks that the coded size is hardly larger than the picture, because work is counted by the picture's
/// size.
pub fn check_coded(
	(coded_width, coded_height): (u32, u32),
	width: u32,
	height: u32,
	offset: u64,
) -> Result<(), Failure> {
	let is_cut = |coded: u32, shown: u32| coded.saturating_sub(shown) >= CUT_AWAY;
	if is_cut(coded_width, width) || is_cut(coded_height, height) {
		return Err(Failure::invalid(RejectReason::TooManyPixels, offset));
	}
	Ok(())
}

/// Most slices in a picture of this height: one for each row of macroblocks. How often they decode the same
/// rows shows only after all of them are decoded.
pub fn most_slices(height: u32) -> usize {
	height.div_ceil(MACROBLOCK) as usize
}

/// Checks a count of frames that ends at `offset` against the longest segment at the job's rate.
pub fn check_frames(frames: u64, limits: &SourceLimits, offset: u64) -> Result<(), Failure> {
	if frames > work::max_frames(limits) {
		return Err(Failure::invalid(RejectReason::TooManyFrames, offset));
	}
	Ok(())
}

/// The most bytes of sound of a job's longest segment and a second more: what AAC at 48,000 samples per second can have.
pub fn most_sound(limits: &SourceLimits) -> u64 {
	/// 47 frames of the largest size that a header can name.
	const SECOND: u64 = 47 * 8_191;
	let ticks = u64::from(limits.longest) + u64::from(TICKS_PER_SECOND);
	ticks * SECOND / u64::from(TICKS_PER_SECOND)
}

/// What a piece of sound takes in an output beside its bytes: the rest of a packet of its own and, behind a pause, the
/// three packets of tables that are repeated.
const AROUND_SOUND: u64 = 4 * TS_PACKET as u64;

/// The shortest piece of sound: a header.
const SHORTEST_SOUND: u64 = 7;

/// What a piece of sound of this many bytes counts against [`most_sound`].
pub fn counted_sound(bytes: usize) -> u64 {
	bytes as u64 + AROUND_SOUND
}

/// The most that sound takes in each output of a source of `input` bytes.
pub fn sound_in_output(input: u64, limits: &SourceLimits) -> u64 {
	let around = (input / SHORTEST_SOUND).saturating_mul(AROUND_SOUND);
	most_sound(limits).min(input.saturating_add(around))
}

/// Checks the sound up to `offset`, as [`counted_sound`] counts it, against [`most_sound`]. It is copied into each
/// output, and no work is counted for it.
pub fn check_sound(bytes: u64, limits: &SourceLimits, offset: u64) -> Result<(), Failure> {
	if bytes > most_sound(limits) {
		return Err(Failure::invalid(RejectReason::UnsupportedAudio, offset));
	}
	Ok(())
}

/// Checks the time from the first to the last frame, in ticks of 1/90,000 s.
pub fn check_span(span: i64, limits: &SourceLimits, offset: u64) -> Result<(), Failure> {
	if span > i64::from(limits.longest) {
		return Err(Failure::invalid(RejectReason::TooLong, offset));
	}
	Ok(())
}

/// Checks the time from the first frame to the end of the last, in ticks of 1/90,000 s. For the last segment
/// of an epoch the limit is 0.
pub fn check_length(length: i64, limits: &SourceLimits, offset: u64) -> Result<(), Failure> {
	if length < i64::from(limits.shortest) {
		return Err(Failure::invalid(RejectReason::TooShort, offset));
	}
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;

	fn reason(result: Result<(), Failure>) -> Option<(RejectReason, u32)> {
		match result {
			Err(Failure::InputInvalid { reason, offset }) => Some((reason, offset)),
			_ => None,
		}
	}

	#[test]
	fn container_should_be_refused_when_a_packet_is_wrong() {
		let mut good = vec![0u8; 3 * TS_PACKET];
		for packet in good.chunks_mut(TS_PACKET) {
			packet[..3].copy_from_slice(&[TS_SYNC, 0x01, 0x00]);
		}
		assert_eq!(check_container(&good), Ok(()));
		let not_ts = RejectReason::NotTransportStream;
		assert_eq!(reason(check_container(&[])), Some((not_ts, 0)));
		assert_eq!(reason(check_container(b"#EXTM3U\nfile:///etc/hostname\n")), Some((not_ts, 0)));
		assert_eq!(reason(check_container(&good[..400])), Some((not_ts, 376)));
		let mut scrambled = good.clone();
		scrambled[TS_PACKET + 3] = 0x80;
		assert_eq!(reason(check_container(&scrambled)), Some((not_ts, 188)));
		// Every byte of a start code, 46 of them in a packet.
		let mut sets = good.repeat(30);
		for packet in sets.chunks_mut(TS_PACKET) {
			packet[4..].copy_from_slice(&[0, 0, 1, 0x68].repeat(46));
		}
		assert_eq!(reason(check_container(&sets)), Some((RejectReason::TooManyPackets, 89 * 188)));
		assert_eq!(check_container(&sets[..89 * TS_PACKET]), Ok(()));
		let mut lost = good;
		lost[2 * TS_PACKET] = 0;
		assert_eq!(reason(check_container(&lost)), Some((not_ts, 376)));
	}

	#[test]
	fn container_should_be_refused_when_too_long() {
		let long = vec![TS_SYNC; MAX_SEGMENT_BYTES as usize + 1];
		let expected = Some((RejectReason::TooManyBytes, MAX_SEGMENT_BYTES));
		assert_eq!(reason(check_container(&long)), expected);
	}

	/// A demuxer compares each new table with all programmes that were ever named: 60 kB of them kept it busy for eight
	/// seconds, and it takes with the cube of that.
	#[test]
	fn attack_tables_that_name_programmes_without_end() {
		let table = |identifier: u8, counter: u8, names: u8| {
			let mut packet = vec![names; TS_PACKET];
			packet[..4].copy_from_slice(&[TS_SYNC, 0x40, identifier, 0x10 | counter & 0x0f]);
			packet
		};
		let all = |packets: u8, of: &dyn Fn(u8) -> Vec<u8>| -> Vec<u8> {
			(0..packets).flat_map(of).collect()
		};
		let too_many =
			|packet: usize| Some((RejectReason::TooManyPackets, (packet * TS_PACKET) as u32));
		for identifier in [0x00, 0x11] {
			// The counter is another one in each.
			let same = all(16, &|n| table(identifier, n, 1));
			assert_eq!(check_container(&same.repeat(128)), Ok(()));
			let one_more = [same.repeat(128), table(identifier, 0, 1)].concat();
			assert_eq!(reason(check_container(&one_more)), too_many(2_048));
			let others = all(9, &|n| table(identifier, 0, n));
			assert_eq!(check_container(&others[..8 * TS_PACKET]), Ok(()));
			assert_eq!(reason(check_container(&others)), too_many(8));
			// Two alternating packets differ each time, and so does each continuation.
			let turns = all(9, &|n| table(identifier, 0, n % 2));
			assert_eq!(reason(check_container(&turns)), too_many(8));
			let mut rest = table(identifier, 0, 1);
			rest[1] = 0;
			assert_eq!(reason(check_container(&rest.repeat(9))), too_many(8));
		}
		// Other packets may differ.
		assert_eq!(check_container(&all(200, &|n| table(0x12, 0, n))), Ok(()));
	}

	/// A whole packet of these bytes, with which something begins.
	fn begun(identifier: u16, bytes: &[u8]) -> Vec<u8> {
		let [first, second] = identifier.to_be_bytes();
		let mut packet = vec![0xff; TS_PACKET];
		packet[..4].copy_from_slice(&[TS_SYNC, 0x40 | first, second, 0x10]);
		packet[4..4 + bytes.len()].copy_from_slice(bytes);
		packet
	}

	/// For each that states no length a demuxer kept 200 KiB, and 7,000 of them in 1.3 MB took all the memory of a child.
	#[test]
	fn attack_sound_without_length_that_takes_all_memory() {
		let piece = |identifier: u16| begun(identifier, &[0, 0, 1]);
		let mut rest = piece(0x101);
		rest[1] &= 0x1f;
		// Pictures and sound, what goes on with it, the table of their programme, and packets without bytes.
		let table = begun(0x1000, &[0, 2, 0xb0]);
		let mut empty = piece(0x102);
		empty[3] = 0x20;
		let most = [piece(0x100), piece(0x101), rest, table, empty].map(|one| one.repeat(2_048));
		let most = most.concat();
		assert_eq!(check_container(&most), Ok(()));
		let too_many =
			|packet: usize| Some((RejectReason::TooManyPackets, (packet * TS_PACKET) as u32));
		let one_more = [most, piece(0x101)].concat();
		assert_eq!(reason(check_container(&one_more)), too_many(5 * 2_048));
		// A start may be divided between two packets, the first of which holds a byte of it.
		let mut divided = begun(0x101, &[]);
		divided[3] = 0x30;
		divided[4] = 182;
		divided[187] = 0;
		assert_eq!(reason(check_container(&divided.repeat(4_097))), too_many(4_096));
	}

	/// A demuxer compares the beginning of each stream of sound with all formats that it knows.
	#[test]
	fn attack_streams_of_which_each_is_compared_with_all_formats() {
		let streams = |streams: u16| -> Vec<u8> {
			(0..streams).flat_map(|stream| begun(0x100 + stream, &[0, 0, 1])).collect()
		};
		assert_eq!(check_container(&streams(2)), Ok(()));
		let not_ts = Some((RejectReason::NotTransportStream, 2 * TS_PACKET as u32));
		assert_eq!(reason(check_container(&streams(3))), not_ts);
	}

	/// A decoder that is short of memory calls the source damaged, and another one has more: 300,000 units in 1.5 MB
	/// take more than a gibibyte.
	#[test]
	fn attack_units_of_next_to_nothing() {
		let units = |units: usize| [0u8, 0, 1, 12, 128].repeat(units);
		assert_eq!(check_units(&units(2_048), 7), Ok(()));
		let too_many = Some((RejectReason::TooManyPackets, 7));
		assert_eq!(reason(check_units(&units(2_049), 7)), too_many);
		// The bytes of messages count; those of pictures do not.
		let long = |kind: u8, bytes: usize| [vec![0, 0, 1, kind], vec![5; bytes - 4]].concat();
		assert_eq!(check_units(&long(sei::SEI, 16 * 1024), 7), Ok(()));
		assert_eq!(reason(check_units(&long(sei::SEI, 16 * 1024 + 1), 7)), too_many);
		assert_eq!(check_units(&long(sei::IDR, 1 << 20), 7), Ok(()));
	}

	/// Sixteen MiB of sound beside pictures of next to no work come back in each of eight outputs, and all of that is
	/// fetched by each judge.
	#[test]
	fn attack_sound_that_outweighs_its_pictures() {
		let limits = SourceLimits::new(640, 360, 30);
		let most = 7 * 47 * 8_191 / 2;
		assert_eq!(check_sound(most, &limits, 5), Ok(()));
		let sound = Some((RejectReason::UnsupportedAudio, 5));
		assert_eq!(reason(check_sound(most + 1, &limits, 5)), sound);
	}

	/// Of headers alone, 150 kB of sound are 20,000 pieces, which took 5 MB and more in each output.
	#[test]
	fn attack_sound_of_nothing_but_headers() {
		let limits = SourceLimits::new(640, 360, 30);
		let sound = |bytes: usize, pieces: u64| {
			check_sound(pieces * counted_sound(bytes), &limits, 5).is_ok()
		};
		assert!(sound(7, 1_700) && !sound(7, 1_800));
		// What is usual, and the most of eight channels at 48,000 samples per second, for a second longer.
		assert!(sound(400, 7 * 94 / 2) && sound(8 * 768, 7 * 47 / 2));
		// What is counted before a source is read is no less.
		let short = [(7, 100), (7, 1_700), (6_000, 100)];
		for (bytes, pieces) in short {
			let counted = pieces * counted_sound(bytes);
			assert!(sound_in_output(pieces * bytes as u64, &limits) >= counted);
		}
		assert_eq!(sound_in_output(0, &limits), 0);
		assert_eq!(sound_in_output(u64::MAX, &limits), most_sound(&limits));
	}

	#[test]
	fn measures_should_be_refused_when_beyond_the_job() {
		let limits = SourceLimits { longest: 540_000, ..SourceLimits::new(1280, 720, 30) };
		assert_eq!(check_picture(1280, 720, &limits, 5), Ok(()));
		let pixels = Some((RejectReason::TooManyPixels, 5));
		assert_eq!(reason(check_picture(1282, 720, &limits, 5)), pixels);
		assert_eq!(reason(check_picture(720, 1280, &limits, 5)), pixels);
		assert_eq!(check_coded((1920, 1088), 1920, 1080, 6), Ok(()));
		assert_eq!(check_coded((1983, 1143), 1920, 1080, 6), Ok(()));
		let cut = Some((RejectReason::TooManyPixels, 6));
		assert_eq!(reason(check_coded((1984, 1088), 1920, 1080, 6)), cut);
		assert_eq!(reason(check_coded((1920, 1144), 1920, 1080, 6)), cut);
		assert_eq!(check_frames(181, &limits, 7), Ok(()));
		let frames = Some((RejectReason::TooManyFrames, 7));
		assert_eq!(reason(check_frames(182, &limits, 7)), frames);
		assert_eq!(check_span(540_000, &limits, 9), Ok(()));
		assert_eq!(reason(check_span(540_001, &limits, 9)), Some((RejectReason::TooLong, 9)));
		assert_eq!(check_length(90_000, &limits, 9), Ok(()));
		let short = Some((RejectReason::TooShort, 9));
		assert_eq!(reason(check_length(89_999, &limits, 9)), short);
	}
}
