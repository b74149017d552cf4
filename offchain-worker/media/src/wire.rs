//! The protocol between parent and child: length-prefixed SCALE frames over pipes.

use std::io::{self, Read, Write};

use codec::{Compact, Decode, DecodeAll, Encode, EncodeAsRef, Input, Output};
use livepeer_primitives::{
	video::{Rendition, SourceLimits},
	Hash, MAX_RENDITIONS,
};
use livepeer_worker_core::ports::transport::MAX_OWN;

use crate::{
	diagnosis::Diagnosis,
	limits::Failure,
	picture::Picture,
	pipeline::{Facts, Inspection, Transcoded, Wishes},
};

/// The largest frame. A parent decodes frames of a child that it does not trust, so the limit is that of the
/// largest real answer: a full ladder of the largest outputs that peers can fetch, 8 times 16 MiB.
pub const MAX_FRAME: u32 = 160 * 1024 * 1024;

/// The only request to a child. Its input comes last: the parent sends [`Behind`] in its place.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Request<I = Vec<u8>> {
	/// Decode, and return the facts.
	Probe {
		/// Limits of the source.
		limits: SourceLimits,
		/// The segment.
		input: I,
	},
	/// Decode, scale, encode.
	Transcode {
		/// Limits of the source.
		limits: SourceLimits,
		/// The renditions in order.
		ladder: Vec<Rendition>,
		/// What is requested beyond the plain outputs.
		wishes: Wishes,
		/// The segment.
		input: I,
	},
	/// Decode, scale, and encode one rendition's variant.
	Variant {
		/// Limits of the source.
		limits: SourceLimits,
		/// The rendition.
		rendition: Rendition,
		/// The starting picture of the profile's variant.
		start: u8,
		/// The segment.
		input: I,
	},
	/// Show one picture.
	Picture {
		/// Limits of what is decoded.
		limits: SourceLimits,
		/// Its place in display order.
		place: u32,
		/// The segment or output.
		input: I,
	},
	/// Reduce an output to the features by which it is compared.
	Inspect {
		/// The limits beyond which it is not an output of that rendition.
		limits: SourceLimits,
		/// The output.
		input: I,
	},
	/// Try to break out, to show that it cannot be done.
	Escape(Escape),
	/// Measure how far an output is from the right one, and both from the source.
	Diagnose {
		/// Limits of the source.
		limits: SourceLimits,
		/// Limits of both outputs.
		output_limits: SourceLimits,
		/// What the toolchain makes of the segment.
		right: Vec<u8>,
		/// What was delivered for it.
		output: Vec<u8>,
		/// The segment.
		input: I,
	},
}

impl<I> Request<I> {
	/// Its input, if it has one.
	pub fn input(&self) -> Option<&I> {
		match self {
			Self::Probe { input, .. }
			| Self::Transcode { input, .. }
			| Self::Variant { input, .. }
			| Self::Picture { input, .. }
			| Self::Inspect { input, .. }
			| Self::Diagnose { input, .. } => Some(input),
			Self::Escape(_) => None,
		}
	}
}

/// An input of this many bytes, which follow after the request, so that megabytes are not copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Behind(u32);

impl Behind {
	/// What stands for these bytes in the request.
	pub fn of(input: &[u8]) -> Self {
		// This many do not fit a frame in any case.
		Self(u32::try_from(input.len()).unwrap_or(u32::MAX))
	}

	/// How many there are.
	pub fn bytes(self) -> u32 {
		self.0
	}
}

impl Encode for Behind {
	fn encode_to<T: Output + ?Sized>(&self, dest: &mut T) {
		Compact(self.0).encode_to(dest);
	}
}

/// A way out that the sandbox must close.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Escape {
	/// Read a file.
	OpenFile,
	/// Create a file.
	CreateFile,
	/// Connect over TCP.
	Connect,
	/// Open a UDP socket.
	Datagram,
	/// Start a process.
	Spawn,
	/// Start a thread.
	Thread,
	/// Take more memory than allowed.
	Memory,
	/// Compute for ever.
	Spin,
}

/// The only answer of a child; a segmenter gives a series of [`Answer::Segment`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Answer {
	/// To [`Request::Probe`].
	Facts(Facts),
	/// To [`Request::Transcode`] and [`Request::Variant`].
	Transcoded(#[codec(encoded_as = "BoundedTranscoded")] Transcoded),
	/// To [`Request::Inspect`].
	Inspection(Inspection),
	/// To [`Request::Picture`].
	Picture(Picture),
	/// One segment of a file.
	Segment(Segment),
	/// The file and all its repetitions have ended.
	End,
	/// It could not be done.
	Failed(Failure),
	/// To [`Request::Escape`], from a child that got out or was refused without being killed.
	StillHere {
		/// Whether the attempt succeeded.
		escaped: bool,
		/// The error, if it did not.
		error: String,
	},
	/// The source's shape; comes before its first segment.
	Shape(Shape),
	/// A notice about a conversion of the source, and its reason.
	Notice(String),
	/// To [`Request::Diagnose`].
	Diagnosis(Diagnosis),
}

/// Decodes a [`Transcoded`] with at most as many outputs as a ladder has renditions. An empty output takes
/// one byte in a frame and many in memory, so a frame full of them would need gigabytes.
struct BoundedTranscoded(Transcoded);

impl Decode for BoundedTranscoded {
	fn decode<I: Input>(input: &mut I) -> Result<Self, codec::Error> {
		let facts = Facts::decode(input)?;
		let Compact(count) = Compact::<u32>::decode(input)?;
		if count > MAX_RENDITIONS {
			return Err("more outputs than a ladder has renditions".into());
		}
		let outputs = (0..count).map(|_| Vec::decode(input)).collect::<Result<_, _>>()?;
		let evidence = Option::<Hash>::decode(input)?;
		Ok(Self(Transcoded { facts, outputs, evidence }))
	}
}

impl From<BoundedTranscoded> for Transcoded {
	fn from(read: BoundedTranscoded) -> Self {
		read.0
	}
}

/// It is written as it is.
impl<'a> EncodeAsRef<'a, Transcoded> for BoundedTranscoded {
	type RefType = &'a Transcoded;
}

/// A piece of a stream: a transport stream that can be decoded alone.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Segment {
	/// The transport stream.
	pub data: Vec<u8>,
	/// Duration in ticks of 1/90,000 s: to the start of the next one.
	pub duration: u32,
	/// Presentation time of its first frame, in ticks; never wraps.
	pub first_time: i64,
	/// Number of video frames.
	pub frames: u32,
	/// Whether it is the last of its epoch: what follows does not continue it.
	pub last: bool,
	/// Whether it begins an epoch although the one before was not marked as its epoch's last.
	pub fresh: bool,
	/// The same stretch in the source's further video tracks, if wanted.
	pub own: Rungs,
}

/// The further tracks of a segment, in ascending order of their numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode)]
pub struct Rungs(pub Vec<Rung>);

/// A segment of a further track, with the same sound as that of the first.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Rung {
	/// The track's number, from 1.
	pub track: u8,
	/// The transport stream.
	pub data: Vec<u8>,
}

/// Decodes at most as many as a segment may have: an empty one takes a few bytes in a frame and many in
/// memory.
impl Decode for Rungs {
	fn decode<I: Input>(input: &mut I) -> Result<Self, codec::Error> {
		let Compact(count) = Compact::<u32>::decode(input)?;
		if count > MAX_OWN {
			return Err("more tracks than a segment may have".into());
		}
		(0..count).map(|_| Rung::decode(input)).collect::<Result<_, _>>().map(Self)
	}
}

/// The source's limits by its beginning, sent before its first segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Shape {
	/// Width of the pictures of its segments.
	pub width: u16,
	/// Their height.
	pub height: u16,
	/// Frames per second, rounded up.
	pub fps: u16,
}

/// How a file is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct SegmentOptions {
	/// A segment ends at the first keyframe after this many ticks.
	pub target: u32,
	/// No segment is longer than this many ticks.
	pub longest: u32,
	/// How many times the file is played; `None` for ever. Time continues across repetitions.
	pub plays: Option<u32>,
	/// The limits of segments, if given; otherwise they are the source's.
	pub fit: Option<Shape>,
	/// Whether input that the network does not take is encoded here; refused otherwise.
	pub normalise: bool,
	/// Whether the input is live, over a pipe, so that nothing waits for later input.
	pub live: bool,
	/// Whether further video tracks are cut beside the first, as the publisher's own renditions: at most
	/// four, in their container's order.
	pub own: bool,
}

impl Default for SegmentOptions {
	fn default() -> Self {
		use livepeer_primitives::video::TARGET_SEGMENT;
		Self {
			target: TARGET_SEGMENT,
			longest: 3 * TARGET_SEGMENT,
			plays: Some(1),
			fit: None,
			normalise: true,
			live: false,
			own: false,
		}
	}
}

/// Reads one frame.
pub fn read<T: Decode>(from: &mut impl Read) -> io::Result<T> {
	let mut length = [0; 4];
	from.read_exact(&mut length)?;
	let length = checked_length(length)?;
	let mut bytes = vec![0; length];
	from.read_exact(&mut bytes)?;
	decode(&bytes)
}

/// Writes one frame.
pub fn write(to: &mut impl Write, value: &impl Encode) -> io::Result<()> {
	let bytes = encode(value)?;
	to.write_all(&bytes)?;
	to.flush()
}

/// One frame's bytes.
pub fn encode(value: &impl Encode) -> io::Result<Vec<u8>> {
	prefixed(value, 0)
}

/// The bytes of a request's frame up to its input.
pub fn head(request: &Request<Behind>) -> io::Result<Vec<u8>> {
	prefixed(request, request.input().map_or(0, |input| input.bytes()))
}

/// A value's bytes after the length of their frame, to which this many further bytes belong.
fn prefixed(value: &impl Encode, follow: u32) -> io::Result<Vec<u8>> {
	let mut bytes = vec![0; 4];
	value.encode_to(&mut bytes);
	let length = u32::try_from(bytes.len() - 4)
		.ok()
		.and_then(|length| length.checked_add(follow))
		.filter(|length| *length <= MAX_FRAME)
		.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "frame too long"))?;
	bytes[..4].copy_from_slice(&length.to_le_bytes());
	Ok(bytes)
}

/// The length in a frame's prefix, if it is allowed.
pub fn checked_length(prefix: [u8; 4]) -> io::Result<usize> {
	let length = u32::from_le_bytes(prefix);
	if length > MAX_FRAME {
		return Err(io::Error::new(io::ErrorKind::InvalidData, "frame too long"));
	}
	Ok(length as usize)
}

/// A frame's value.
pub fn decode<T: Decode>(bytes: &[u8]) -> io::Result<T> {
	T::decode_all(&mut &*bytes)
		.map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn frame_should_come_back_when_written() {
		let answer = Answer::Segment(Segment {
			data: vec![0x47; 188],
			duration: 180_000,
			first_time: 126_000,
			frames: 60,
			last: false,
			fresh: true,
			own: Rungs(vec![Rung { track: 1, data: vec![0x47; 188] }]),
		});
		let mut bytes = Vec::new();
		write(&mut bytes, &answer).expect("writes to memory");
		let read_back: Answer = read(&mut &bytes[..]).expect("is what was written");
		assert_eq!(read_back, answer);
	}

	#[test]
	fn request_should_be_read_with_the_input_that_stands_behind_it() {
		let limits = SourceLimits::new(64, 36, 25);
		for length in [0, 1, 100, 70_000] {
			let input = vec![0x47; length];
			let asked = Request::Picture { limits, place: 7, input: Behind::of(&input) };
			let mut bytes = head(&asked).expect("fits");
			bytes.extend_from_slice(&input);
			let had: Request = read(&mut &bytes[..]).expect("is what was written");
			assert_eq!(had, Request::Picture { limits, place: 7, input });
		}
		let escape = head(&Request::Escape(Escape::Spin)).expect("fits");
		assert_eq!(read::<Request>(&mut &escape[..]).ok(), Some(Request::Escape(Escape::Spin)));
		let input = Behind(MAX_FRAME);
		assert!(head(&Request::Probe { limits, input }).is_err());
	}

	fn transcoded(outputs: usize) -> Answer {
		let facts = Facts {
			width: 64,
			height: 36,
			fps: (25, 1),
			frames: 50,
			duration: 180_000,
			first_time: 0,
			has_audio: false,
		};
		let outputs = vec![Vec::new(); outputs];
		Answer::Transcoded(Transcoded { facts, outputs, evidence: Some(Hash::repeat_byte(1)) })
	}

	#[test]
	fn answer_should_be_refused_when_it_has_more_outputs_than_a_ladder() {
		let most = MAX_RENDITIONS as usize;
		let full = encode(&transcoded(most)).expect("encodes");
		assert_eq!(decode::<Answer>(&full[4..]).expect("is what was written"), transcoded(most));
		// Each empty output is one byte here and the size of a vector in memory.
		let flood = encode(&transcoded(1_000_000)).expect("encodes");
		assert!(decode::<Answer>(&flood[4..]).is_err());
	}

	#[test]
	fn answer_should_be_refused_when_it_has_more_tracks_than_a_segment() {
		let rungs = |count: u32| {
			let rung = |_| Rung { track: 1, data: Vec::new() };
			Rungs((0..count).map(rung).collect()).encode()
		};
		assert!(decode::<Rungs>(&rungs(MAX_OWN)).is_ok());
		assert!(decode::<Rungs>(&rungs(MAX_OWN + 1)).is_err());
	}

	#[test]
	fn frame_should_hold_a_full_ladder_and_little_more() {
		use livepeer_primitives::video::MAX_SEGMENT_BYTES;
		let ladder = MAX_RENDITIONS * MAX_SEGMENT_BYTES;
		assert!(checked_length((ladder + 4_096).to_le_bytes()).is_ok());
		assert!(checked_length((2 * ladder).to_le_bytes()).is_err());
	}

	#[test]
	fn frame_should_be_refused_when_too_long_or_unreadable() {
		let long = [0xff, 0xff, 0xff, 0xff];
		assert!(read::<Answer>(&mut &long[..]).is_err());
		let unknown = [1, 0, 0, 0, 0xee];
		assert!(read::<Answer>(&mut &unknown[..]).is_err());
		let short = [9, 0, 0, 0, 1];
		assert!(read::<Answer>(&mut &short[..]).is_err());
	}
}
