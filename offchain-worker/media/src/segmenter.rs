//! Cutting a file into segments that can each be decoded alone, without decoding or encoding.
//!
//! A cut is made at the first IDR picture at or after the target; if the next one would make the
//! segment longer than the longest, at the last one before. Sound goes to the segment in whose
//! time it starts. Time starts at [`START`] and goes on, also across repetitions of the file.

use std::{
	collections::VecDeque,
	fs::File,
	io::{self, Read, Seek, SeekFrom},
	sync::{Arc, Mutex},
};

use ffmpeg_next::{
	codec,
	format::context::{Input, StreamIo},
	Error, Packet, Rational,
};

use crate::{
	ffi::{self, AnnexB, Track, TrackKind},
	limits::Failure,
	mux::{mux, Elementary},
	sei,
	source::{self, frame_rate, frame_ticks, ticks},
	wire::{Segment, SegmentOptions},
};

/// Presentation time of the first frame: 1.4 s, so that decoding times before it are not negative.
pub const START: i64 = 126_000;
/// A keyframe this close before the target counts as on it: containers round their time stamps.
const SLACK: i64 = 900;
/// Time stamps that move further than this in one step are not a film's.
const LARGEST_STEP: i64 = 10 * 90_000;
/// Audio frames that may come before the first picture.
const MOST_EARLY: usize = 1_000;
/// Demuxers that a file may need. None of them opens another file.
const FORMATS: &str = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,flv,avi,mpeg";

/// The one file of this process. Its position is shared by all readers.
#[derive(Clone)]
struct Shared(Arc<Mutex<File>>);

impl Read for Shared {
	fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
		self.0.lock().map_err(|_| io::ErrorKind::Other)?.read(buffer)
	}
}

impl Seek for Shared {
	fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
		self.0.lock().map_err(|_| io::ErrorKind::Other)?.seek(to)
	}
}

fn unsupported(text: impl Into<String>) -> Failure {
	Failure::Unsupported(text.into())
}

/// Cuts `file` and gives each segment to `emit`.
pub fn cut(
	file: File,
	options: &SegmentOptions,
	mut emit: impl FnMut(Segment) -> Result<(), Failure>,
) -> Result<(), Failure> {
	let file = Shared(Arc::new(Mutex::new(file)));
	let mut cutter = Cutter::new(*options);
	let mut played = 0u32;
	while options.plays.is_none_or(|plays| played < plays) {
		let mut play = Play::open(file.clone())?;
		cutter.begin(&play)?;
		while let Some(packet) = play.next()? {
			cutter.take(packet)?;
			while let Some(segment) = cutter.next(false)? {
				emit(segment)?;
			}
		}
		cutter.end()?;
		played = played.saturating_add(1);
	}
	while let Some(segment) = cutter.next(true)? {
		emit(segment)?;
	}
	Ok(())
}

/// A packet of one of the two tracks, in ticks of the file's own time.
struct Taken {
	packet: Packet,
	is_video: bool,
}

/// One pass over the file.
struct Play {
	input: Input,
	video: (usize, Track),
	audio: Option<(usize, Track)>,
	annex_b: Option<AnnexB>,
	parameter_sets: Vec<u8>,
}

impl Play {
	fn open(mut file: Shared) -> Result<Self, Failure> {
		file.seek(SeekFrom::Start(0))
			.map_err(|e| unsupported(format!("the input cannot be read from its start: {e}")))?;
		let io = StreamIo::from_read_seek(file).map_err(|e| Failure::internal("input", e))?;
		let options = [
			("format_whitelist", FORMATS.to_string()),
			("codec_whitelist", crate::profile::CODECS.to_string()),
			("protocol_whitelist", "none".to_string()),
		];
		let mut input = ffi::open_input(io, None, &options).map_err(|e| match e {
			Error::OptionNotFound => Failure::internal("input", e),
			_ => unsupported(
				"this is not a video file (MP4, MOV, Matroska, WebM, MPEG-TS, FLV, AVI and \
				 MPEG-PS can be read)",
			),
		})?;
		ffi::find_stream_info(&mut input)
			.map_err(|e| unsupported(format!("the file's tracks cannot be read: {e}")))?;
		let mut tracks = (0..ffi::track_count(&input))
			.filter_map(|index| ffi::track(&input, index).map(|track| (index, track)))
			.collect::<Vec<_>>()
			.into_iter();
		let video = tracks
			.clone()
			.find(|(_, t)| t.kind == TrackKind::Video && !t.is_cover)
			.ok_or_else(|| unsupported("the file has no video track"))?;
		let audio = tracks.find(|(_, t)| t.kind == TrackKind::Audio);
		if !video.1.is_h264 || video.1.is_yuv420p == Some(false) {
			let what = if video.1.is_h264 { "H.264, but not 8-bit 4:2:0" } else { &video.1.codec };
			return Err(unsupported(format!(
				"the video is {what}; the network takes H.264 8-bit 4:2:0. Convert it first: \
				 ffmpeg -i INPUT -c:v libx264 -pix_fmt yuv420p -force_key_frames \
				 'expr:gte(t,n_forced*2)' -c:a aac OUTPUT.mp4"
			)));
		}
		if let Some((_, track)) = audio.iter().find(|(_, t)| !t.is_aac) {
			return Err(unsupported(format!(
				"the sound is {}; the network takes AAC. Convert it first: ffmpeg -i INPUT -c:v \
				 copy -c:a aac OUTPUT.mp4",
				track.codec
			)));
		}
		let mut parameter_sets = video.1.extradata.clone();
		let mut annex_b = None;
		// A configuration record, rather than start codes, begins with its version, 1.
		if parameter_sets.first() == Some(&1) {
			let parameters = ffi::parameters(&input, video.0)
				.map_err(|e| Failure::internal("track parameters", e))?;
			let filter = AnnexB::new(&parameters, ticks())
				.map_err(|e| unsupported(format!("the H.264 header cannot be read: {e}")))?;
			parameter_sets = filter.extradata();
			annex_b = Some(filter);
		}
		Ok(Self { input, video, audio, annex_b, parameter_sets })
	}

	fn parameters(&self) -> Result<(codec::Parameters, Option<codec::Parameters>), Failure> {
		let copy = |index| {
			ffi::parameters(&self.input, index)
				.map_err(|e| Failure::internal("track parameters", e))
		};
		let mut video = copy(self.video.0)?;
		// Every segment carries its parameter sets in band.
		ffi::clear_extradata(&mut video);
		Ok((video, self.audio.as_ref().map(|(index, _)| copy(*index)).transpose()?))
	}

	/// The next packet of either track; `None` at the end of the file.
	fn next(&mut self) -> Result<Option<Taken>, Failure> {
		loop {
			let mut packet = Packet::empty();
			match packet.read(&mut self.input) {
				Ok(()) => {}
				Err(Error::Eof) => return Ok(None),
				Err(e) if source::is_ours(&e) => return Err(Failure::internal("input", e)),
				Err(e) => return Err(unsupported(format!("the file is damaged: {e}"))),
			}
			let is_video = packet.stream() == self.video.0;
			let track = match &self.audio {
				_ if is_video => &self.video.1,
				Some((index, track)) if packet.stream() == *index => track,
				_ => continue,
			};
			if !ffi::has_data(&packet) {
				continue;
			}
			packet.rescale_ts(track.time_base, ticks());
			if let (true, Some(filter)) = (is_video, &mut self.annex_b) {
				packet = filter
					.filter(packet)
					.map_err(|e| unsupported(format!("the file is damaged: {e}")))?;
			}
			return Ok(Some(Taken { packet, is_video }));
		}
	}
}

/// One video picture or audio frame, with its time in the stream.
struct Unit {
	packet: Packet,
	time: i64,
	is_idr: bool,
}

/// Collects packets and cuts segments off them.
struct Cutter {
	options: SegmentOptions,
	parameters: Option<(codec::Parameters, Option<codec::Parameters>)>,
	parameter_sets: Vec<u8>,
	video: VecDeque<Unit>,
	audio: VecDeque<Unit>,
	/// Sound that came before the first picture of a pass.
	early: Vec<Packet>,
	/// What is added to the file's time; known from the first picture of a pass on.
	shift: Option<i64>,
	/// Where the next pass starts: the end of the longer track so far.
	end: i64,
	last_video: Option<i64>,
	last_audio: Option<i64>,
	/// Length of a frame, for the last one.
	step: i64,
	/// By how many pictures decoding runs ahead of presentation.
	delay: usize,
}

impl Cutter {
	fn new(options: SegmentOptions) -> Self {
		Self {
			options,
			parameters: None,
			parameter_sets: Vec::new(),
			video: VecDeque::new(),
			audio: VecDeque::new(),
			early: Vec::new(),
			shift: None,
			end: START,
			last_video: None,
			last_audio: None,
			step: 3_000,
			delay: 0,
		}
	}

	/// A pass over the file begins.
	fn begin(&mut self, play: &Play) -> Result<(), Failure> {
		if self.parameters.is_none() {
			self.parameters = Some(play.parameters()?);
			self.parameter_sets = play.parameter_sets.clone();
		}
		self.shift = None;
		self.early.clear();
		self.last_video = None;
		Ok(())
	}

	/// A pass over the file ended.
	fn end(&mut self) -> Result<(), Failure> {
		if self.shift.is_none() {
			return Err(unsupported("the video has no keyframe that starts afresh (IDR)"));
		}
		Ok(())
	}

	fn take(&mut self, Taken { packet, is_video }: Taken) -> Result<(), Failure> {
		let Some(own_time) = packet.pts() else {
			// A recording may begin in the middle of things.
			if self.shift.is_none() {
				return Ok(());
			}
			return Err(unsupported(
				"a packet has no time stamp. Rewrite the file first: ffmpeg -i INPUT -c copy \
				 -bsf:v setts OUTPUT.mp4",
			));
		};
		if !is_video {
			match self.shift {
				Some(shift) => self.take_audio(packet, own_time.saturating_add(shift)),
				None if self.early.len() < MOST_EARLY => self.early.push(packet),
				None => {}
			}
			return Ok(());
		}
		let data = packet.data().unwrap_or_default();
		let is_idr = sei::has(data, sei::IDR);
		let shift = match self.shift {
			Some(shift) => shift,
			None if is_idr => {
				let shift = *self.shift.insert(self.end.saturating_sub(own_time));
				for packet in std::mem::take(&mut self.early) {
					if let Some(own_time) = packet.pts() {
						self.take_audio(packet, own_time.saturating_add(shift));
					}
				}
				shift
			}
			None => return Ok(()),
		};
		let time = own_time.saturating_add(shift);
		if self.last_video.is_some_and(|last| time.abs_diff(last) > LARGEST_STEP as u64) {
			return Err(unsupported(
				"the time stamps jump. Rewrite the file first: ffmpeg -i INPUT -c:v libx264 \
				 -c:a aac OUTPUT.mp4",
			));
		}
		let packet = if is_idr && !sei::has(data, sei::SPS) {
			let mut whole = self.parameter_sets.clone();
			whole.extend_from_slice(data);
			let mut longer = Packet::copy(&whole);
			longer.set_flags(packet.flags());
			longer.set_duration(packet.duration());
			longer
		} else {
			packet
		};
		self.last_video = Some(time);
		let length = if packet.duration() > 0 { packet.duration() } else { self.step };
		self.end = self.end.max(time.saturating_add(length));
		self.video.push_back(Unit { packet, time, is_idr });
		Ok(())
	}

	fn take_audio(&mut self, packet: Packet, time: i64) {
		// Sound before the first picture or before the previous pass's end is not ours.
		if time < START || self.last_audio.is_some_and(|last| time <= last) {
			return;
		}
		self.last_audio = Some(time);
		self.end = self.end.max(time.saturating_add(packet.duration().max(0)));
		self.audio.push_back(Unit { packet, time, is_idr: false });
	}

	/// The next segment, once it is clear where it ends; at the end of everything, the rest.
	fn next(&mut self, at_end: bool) -> Result<Option<Segment>, Failure> {
		let Some(first) = self.video.front() else { return Ok(None) };
		let start = first.time;
		let (target, longest) = (i64::from(self.options.target), i64::from(self.options.longest));
		let newest = self.video.iter().map(|unit| unit.time).max().unwrap_or(start);

		let mut before = None;
		let mut cut = None;
		for (index, unit) in self.video.iter().enumerate().skip(1).filter(|(_, u)| u.is_idr) {
			let length = unit.time - start;
			if length > longest {
				cut = before;
				break;
			}
			before = Some((index, unit.time));
			if length >= target - SLACK {
				cut = before;
				break;
			}
		}
		if cut.is_none() && newest - start >= longest {
			cut = before;
			if cut.is_none() {
				return Err(unsupported(format!(
					"there is no keyframe that starts afresh (IDR) within {}.{} s. Allow longer \
					 segments, or convert the file first: ffmpeg -i INPUT -c:v libx264 -pix_fmt \
					 yuv420p -force_key_frames 'expr:gte(t,n_forced*2)' -c:a aac OUTPUT.mp4",
					longest / 90_000,
					longest % 90_000 / 9_000
				)));
			}
		}
		if let Some((index, end)) = cut {
			// Look on until the sound of this segment is complete and it is known whether what
			// follows is long enough to stand alone.
			let sound = self.last_audio.is_none_or(|last| last >= end);
			let enough = newest - end >= target / 2;
			let patience = newest - end >= 2 * target;
			if (sound && enough) || patience {
				return self.emit(index, end).map(Some);
			}
			if !at_end {
				return Ok(None);
			}
			if enough || self.end - start > longest {
				return self.emit(index, end).map(Some);
			}
		} else if !at_end {
			return Ok(None);
		}
		let end = self.end;
		self.emit(self.video.len(), end).map(Some)
	}

	/// Writes the first `count` pictures, which end at `end`, with their sound.
	fn emit(&mut self, count: usize, end: i64) -> Result<Segment, Failure> {
		let units: Vec<Unit> = self.video.drain(..count).collect();
		let mut times: Vec<i64> = units.iter().map(|unit| unit.time).collect();
		times.sort_unstable();
		let (Some(first), Some(last)) = (times.first().copied(), times.last().copied()) else {
			return Err(Failure::internal("segmenter", "an empty segment"));
		};
		if times.windows(2).any(|pair| pair[0] == pair[1]) {
			return Err(unsupported("two pictures have the same time stamp"));
		}
		if times.len() > 1 {
			let rate: Rational = frame_rate(times.len() as i64 - 1, last - first);
			self.step = frame_ticks(rate).max(1);
		}
		let ahead = |(index, unit): (usize, &Unit)| {
			index.saturating_sub(times.partition_point(|time| *time < unit.time))
		};
		self.delay = units.iter().enumerate().map(ahead).max().unwrap_or(0).max(self.delay);

		let mut video = Vec::with_capacity(units.len());
		for (index, unit) in units.into_iter().enumerate() {
			let dts = match index.checked_sub(self.delay) {
				Some(behind) => times[behind],
				None => first - (self.delay - index) as i64 * self.step,
			};
			video.push(timed(unit.packet, unit.time, dts));
		}
		let split = self.audio.partition_point(|unit| unit.time < end);
		let audio = self
			.audio
			.drain(..split)
			.map(|unit| timed(unit.packet, unit.time, unit.time))
			.collect();
		let (video_parameters, audio_parameters) = self
			.parameters
			.as_ref()
			.ok_or_else(|| Failure::internal("segmenter", "no track parameters"))?;
		let frames = video.len() as u32;
		let data = mux(
			Elementary { parameters: video_parameters.clone(), packets: video },
			audio_parameters
				.as_ref()
				.map(|parameters| Elementary { parameters: parameters.clone(), packets: audio }),
		)?;
		let duration = u32::try_from(end - first).unwrap_or(u32::MAX);
		Ok(Segment { data, duration, first_time: first, frames })
	}
}

/// A packet with its times in the stream.
fn timed(mut packet: Packet, pts: i64, dts: i64) -> Packet {
	packet.set_pts(Some(pts));
	packet.set_dts(Some(dts));
	packet
}
