//! Cutting whatever a source sends into segments that can each be decoded alone.
//!
//! What the network takes is cut as it is, without decoding: at the first IDR picture at or after
//! the target; if the next one would make the segment longer than the longest, at the last one
//! before. Sound goes to the segment in whose time it starts. Everything else goes through the
//! [normaliser](crate::normalise) first, from where that turns out to be needed.
//!
//! Time starts at [`START`] and goes on, across repetitions of a file and whatever the source's own
//! time does. Where the source jumps, starts again or changes its size, the segment before is marked
//! as the last of its epoch.

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
use livepeer_primitives::video::{MAX_FPS, MAX_SEGMENT_BYTES, MAX_SIDE};
use livepeer_worker_core::rules::h264::{self, Sps};

use crate::{
	ffi::{self, AnnexB, Track, TrackKind},
	limits::Failure,
	mux::{mux, Elementary},
	normalise::{AudioNormaliser, Made, VideoNormaliser, DECODERS},
	sei,
	source::{self, frame_rate, frame_ticks, ticks},
	wire::{Answer, Segment, SegmentOptions, Shape},
};

/// Presentation time of the first frame: 1.4 s, so that decoding times before it are not negative.
pub const START: i64 = 126_000;
/// A keyframe this close before the target counts as on it: containers round their time stamps.
const SLACK: i64 = 900;
/// Time stamps that move further than this in one step are no pause but a jump.
const LARGEST_STEP: i64 = 10 * 90_000;
/// A pause in which the picture is repeated, if the sound goes on; otherwise a jump.
const PAUSE: i64 = 3 * 90_000;
/// How far sound steps before it is looked at whether the picture jumps too.
const SOUND_STEP: i64 = 3 * 45_000;
/// A hole in the sound that is filled with silence.
const HOLE: i64 = 45_000;
/// Sound that may wait for a picture.
const MOST_WAITING: usize = 1_000;
/// Bytes that may wait for a cut: more than any bit rate that can be streamed.
const MOST_BYTES: usize = 40 * 1024 * 1024;
/// Pictures that may: more than the longest segment has. Each that comes is held against all of them, so that
/// a source whose time stands still would take a processor for ever.
const MOST_PICTURES: usize = 8_192;
/// Errors in a row after which a file counts as at its end.
const MOST_ERRORS: u32 = 100;
/// Demuxers that a source may need. None of them opens another file.
const FORMATS: &str = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,flv,avi,mpeg";

/// Where answers go.
pub type Emit<'a> = &'a mut dyn FnMut(Answer) -> Result<(), Failure>;

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
pub fn cut(file: File, options: &SegmentOptions, emit: Emit<'_>) -> Result<(), Failure> {
	let file = Shared(Arc::new(Mutex::new(file)));
	let mut cutter = Cutter::new(*options, emit);
	let mut played = 0u32;
	while options.plays.is_none_or(|plays| played < plays) {
		let mut play = Play::open(file.clone(), options.live)?;
		cutter.begin(&play)?;
		while let Some(packet) = play.next()? {
			cutter.take(&play, packet)?;
		}
		cutter.pass_ended()?;
		played = played.saturating_add(1);
	}
	cutter.flush(true)
}

/// A packet of one of the two tracks, in ticks of the source's own time.
struct Taken {
	packet: Packet,
	is_video: bool,
}

/// One pass over the source.
struct Play {
	input: Input,
	video: (usize, Track),
	audio: Option<(usize, Track)>,
	annex_b: Option<AnnexB>,
	parameter_sets: Vec<u8>,
	errors: u32,
	/// Whether the sound appeared after the beginning.
	is_late: bool,
}

impl Play {
	fn open(mut file: Shared, live: bool) -> Result<Self, Failure> {
		let io = if live {
			StreamIo::from_read(file)
		} else {
			file.seek(SeekFrom::Start(0)).map_err(|e| {
				unsupported(format!("the input cannot be read from its start: {e}"))
			})?;
			StreamIo::from_read_seek(file)
		};
		let io = io.map_err(|e| Failure::internal("input", e))?;
		let mut options = vec![
			("format_whitelist", FORMATS.to_string()),
			("codec_whitelist", DECODERS.to_string()),
			("protocol_whitelist", "none".to_string()),
		];
		if live {
			// What comes as it is made says early what it is.
			options.push(("probesize", "2000000".to_string()));
			options.push(("analyzeduration", "1500000".to_string()));
		}
		let mut input = ffi::open_input(io, None, &options).map_err(|e| match e {
			Error::OptionNotFound => Failure::internal("input", e),
			_ => unsupported(
				"this is not a video file (MP4, MOV, Matroska, WebM, MPEG-TS, FLV, AVI and \
				 MPEG-PS can be read)",
			),
		})?;
		ffi::find_stream_info(&mut input)
			.map_err(|e| unsupported(format!("the file's tracks cannot be read: {e}")))?;
		let tracks: Vec<(usize, Track)> = (0..ffi::track_count(&input))
			.filter_map(|index| ffi::track(&input, index).map(|track| (index, track)))
			.collect();
		let video = tracks
			.iter()
			.find(|(_, t)| t.kind == TrackKind::Video && !t.is_cover)
			.cloned()
			.ok_or_else(|| unsupported("the file has no video track"))?;
		// A track that is announced and never comes has no rate.
		let usable = |(index, track): &&(usize, Track)| {
			track.kind == TrackKind::Audio
				&& track.sample_rate > 0
				&& ffi::same_programme(&input, video.0, *index)
		};
		let audio = tracks
			.iter()
			.filter(usable)
			.find(|(_, track)| track.is_aac)
			.or_else(|| tracks.iter().find(usable))
			.cloned();
		let mut parameter_sets = video.1.extradata.clone();
		let mut annex_b = None;
		// A configuration record, rather than start codes, begins with its version, 1.
		if video.1.is_h264 && parameter_sets.first() == Some(&1) {
			let parameters = ffi::parameters(&input, video.0)
				.map_err(|e| Failure::internal("track parameters", e))?;
			let filter = AnnexB::new(&parameters, ticks())
				.map_err(|e| unsupported(format!("the H.264 header cannot be read: {e}")))?;
			parameter_sets = filter.extradata();
			annex_b = Some(filter);
		}
		Ok(Self { input, video, audio, annex_b, parameter_sets, errors: 0, is_late: false })
	}

	fn parameters(&self, index: usize) -> Result<codec::Parameters, Failure> {
		ffi::parameters(&self.input, index).map_err(|e| Failure::internal("track parameters", e))
	}

	/// Every segment of H.264 carries its parameter sets in band.
	fn video_parameters(&self) -> Result<codec::Parameters, Failure> {
		let mut video = self.parameters(self.video.0)?;
		if self.video.1.is_h264 {
			ffi::clear_extradata(&mut video);
		}
		Ok(video)
	}

	/// The next packet of either track; `None` at the end.
	fn next(&mut self) -> Result<Option<Taken>, Failure> {
		loop {
			let mut packet = Packet::empty();
			match packet.read(&mut self.input) {
				Ok(()) => self.errors = 0,
				Err(Error::Eof) => return Ok(None),
				Err(e) if source::is_ours(&e) => return Err(Failure::internal("input", e)),
				Err(_) => {
					self.errors += 1;
					if self.errors > MOST_ERRORS {
						return Ok(None);
					}
					continue;
				}
			}
			let index = packet.stream();
			let is_video = index == self.video.0;
			if !is_video && self.audio.is_none() {
				// Sound may begin late.
				let track = ffi::track(&self.input, index).filter(|track| {
					track.kind == TrackKind::Audio
						&& track.sample_rate > 0
						&& ffi::same_programme(&self.input, self.video.0, index)
				});
				self.is_late |= track.is_some();
				self.audio = track.map(|track| (index, track));
			}
			let track = match &self.audio {
				_ if is_video => &self.video.1,
				Some((audio, track)) if index == *audio => track,
				_ => continue,
			};
			if !ffi::has_data(&packet) {
				continue;
			}
			packet.rescale_ts(track.time_base, ticks());
			if let (true, Some(filter)) = (is_video, &mut self.annex_b) {
				match filter.filter(packet) {
					Ok(filtered) => packet = filtered,
					Err(_) => continue,
				}
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

/// How pictures get from the source into segments.
enum Pictures {
	Copied,
	Encoded(Box<VideoNormaliser>),
}

/// How sound does.
enum Sound {
	None,
	Copied,
	Encoded(Box<AudioNormaliser>),
}

/// Collects packets and cuts segments off them.
struct Cutter<'a> {
	options: SegmentOptions,
	emit: Emit<'a>,
	/// What segments may be at most; known from the first one on.
	fit: Option<Shape>,
	pictures: Pictures,
	sound: Sound,
	video_parameters: Option<codec::Parameters>,
	audio_parameters: Option<codec::Parameters>,
	/// What the source's pictures are: parameters, rotation, rate.
	source_video: Option<(codec::Parameters, u16, Rational)>,
	/// What its sound is: parameters, samples per second.
	source_audio: Option<(codec::Parameters, u32)>,
	/// Whether sound appeared after the beginning and is announced with the next epoch.
	is_sound_late: bool,
	/// When the first picture came, in the source's own time.
	first_seen: Option<i64>,
	parameter_sets: Vec<u8>,
	/// The sequence parameter sets in force.
	sps: Vec<u8>,
	video: VecDeque<Unit>,
	bytes: usize,
	audio: VecDeque<Unit>,
	/// Sound, in its own time, that waits for the first picture, or for one that jumps as it does.
	waiting: Vec<Packet>,
	/// What is added to the source's time; known from the first picture of a pass on.
	shift: Option<i64>,
	/// Whether pictures are left out until one starts afresh.
	is_lost: bool,
	/// Where the next pass or epoch starts.
	end: i64,
	/// The newest picture of the source, in the stream's time.
	newest: Option<i64>,
	last_audio: Option<i64>,
	/// The end of the newest sound.
	sound_end: i64,
	/// Whether the newest segment had to do without waiting for its sound.
	is_silent: bool,
	/// Length of a frame, for the last one.
	step: i64,
	/// By how many pictures decoding runs ahead of presentation.
	delay: usize,
	noticed: Vec<String>,
	/// Pictures in a second as far as probing tells, 0 where it does not.
	probed: i64,
}

impl<'a> Cutter<'a> {
	fn new(options: SegmentOptions, emit: Emit<'a>) -> Self {
		Self {
			options,
			emit,
			fit: options.fit,
			pictures: Pictures::Copied,
			sound: Sound::None,
			video_parameters: None,
			audio_parameters: None,
			source_video: None,
			source_audio: None,
			is_sound_late: false,
			first_seen: None,
			parameter_sets: Vec::new(),
			sps: Vec::new(),
			video: VecDeque::new(),
			bytes: 0,
			audio: VecDeque::new(),
			waiting: Vec::new(),
			shift: None,
			is_lost: false,
			end: START,
			newest: None,
			last_audio: None,
			sound_end: START,
			is_silent: false,
			step: 3_000,
			delay: 0,
			noticed: Vec::new(),
			probed: 0,
		}
	}

	/// Says what is done to the source, once.
	fn notice(&mut self, text: String) -> Result<(), Failure> {
		if self.noticed.contains(&text) {
			return Ok(());
		}
		self.noticed.push(text.clone());
		(self.emit)(Answer::Notice(text))
	}

	/// A pass over the source begins.
	fn begin(&mut self, play: &Play) -> Result<(), Failure> {
		self.shift = None;
		self.is_lost = false;
		self.waiting.clear();
		self.newest = None;
		if self.video_parameters.is_some() {
			return Ok(());
		}
		self.parameter_sets = play.parameter_sets.clone();
		let parameters = play.video_parameters()?;
		let fps = sane(play.video.1.fps).unwrap_or(Rational(30, 1));
		self.source_video = Some((parameters.clone(), play.video.1.rotation, fps));
		self.video_parameters = Some(parameters);
		let track = &play.video.1;
		self.probed = sane(track.fps)
			.map_or(0, |rate| i64::from(rate.numerator()) / i64::from(rate.denominator().max(1)));
		let reason = match track {
			_ if !track.is_h264 => Some(format!("the video is {}", track.codec)),
			_ if track.is_yuv420p == Some(false) => {
				Some("the video is H.264, but not 8-bit 4:2:0".to_string())
			}
			_ if track.is_interlaced => Some("the video is interlaced".to_string()),
			_ if track.rotation != 0 => {
				Some(format!("its pictures have to be turned by {} degrees", track.rotation))
			}
			_ if !self.fits(track.size) => Some(format!(
				"its pictures are {}x{}, more than the stream may have",
				track.size.0, track.size.1
			)),
			_ => None,
		};
		if let Some(reason) = reason {
			self.encode_pictures(
				&format!("{reason}; the network takes progressive H.264, 8-bit 4:2:0"),
				"Convert it first: ffmpeg -i INPUT -c:v libx264 -pix_fmt yuv420p \
				 -force_key_frames 'expr:gte(t,n_forced*2)' -c:a aac OUTPUT.mp4",
			)?;
		}
		self.begin_sound(play)
	}

	fn begin_sound(&mut self, play: &Play) -> Result<(), Failure> {
		let Some((index, track)) = &play.audio else { return Ok(()) };
		self.sound = Sound::Copied;
		let parameters = play.parameters(*index)?;
		self.audio_parameters = Some(parameters.clone());
		self.source_audio = Some((parameters, track.sample_rate));
		if !track.is_aac {
			self.encode_sound(
				&format!("the sound is {}; the network takes AAC", track.codec),
				"Convert it first: ffmpeg -i INPUT -c:v copy -c:a aac OUTPUT.mp4",
			)?;
		}
		Ok(())
	}

	fn fits(&self, (width, height): (u32, u32)) -> bool {
		let (w, h) = match self.fit {
			Some(fit) => (fit.width, fit.height),
			None => (MAX_SIDE, MAX_SIDE),
		};
		width <= u32::from(w) && height <= u32::from(h)
	}

	/// From here on, and for what waits to be cut, pictures are encoded.
	fn encode_pictures(&mut self, why: &str, instead: &str) -> Result<(), Failure> {
		if matches!(self.pictures, Pictures::Encoded(_)) {
			return Ok(());
		}
		if !self.options.normalise {
			return Err(unsupported(format!("{why}. {instead}")));
		}
		self.notice(format!(
			"{why}: its pictures are encoded again here, which costs about a core. {instead}"
		))?;
		let Some((parameters, rotation, fps)) = self.source_video.clone() else { return Ok(()) };
		let key_every = i64::from(self.options.target);
		let normaliser = VideoNormaliser::new(parameters, rotation, self.fit, fps, key_every)?;
		self.pictures = Pictures::Encoded(Box::new(normaliser));
		self.delay = 0;
		self.bytes = 0;
		for unit in std::mem::take(&mut self.video) {
			self.encode_picture(timed(unit.packet, unit.time, None))?;
		}
		Ok(())
	}

	fn encode_sound(&mut self, why: &str, instead: &str) -> Result<(), Failure> {
		let Some((parameters, rate)) = self.source_audio.clone() else { return Ok(()) };
		if matches!(self.sound, Sound::Encoded(_)) {
			return Ok(());
		}
		if !self.options.normalise {
			return Err(unsupported(format!("{why}. {instead}")));
		}
		self.notice(format!("{why}: the sound is encoded again here. {instead}"))?;
		let mono = ffi::channels(&parameters) == 1;
		let mut normaliser = AudioNormaliser::new(parameters, mono, rate)?;
		if let Some(first) = self.video.front() {
			normaliser.begin(first.time);
		}
		self.audio_parameters = Some(normaliser.parameters()?);
		self.sound = Sound::Encoded(Box::new(normaliser));
		let waiting = std::mem::take(&mut self.audio);
		self.last_audio = None;
		for unit in waiting {
			self.keep_sound(unit.packet, unit.time)?;
		}
		Ok(())
	}

	/// Puts a packet into the normaliser and what comes out into the queue.
	fn encode_picture(&mut self, packet: Packet) -> Result<(), Failure> {
		let made = match &mut self.pictures {
			Pictures::Encoded(normaliser) => normaliser.take(&packet)?,
			Pictures::Copied => return Ok(()),
		};
		self.made_pictures(made)
	}

	fn made_pictures(&mut self, made: Vec<Made>) -> Result<(), Failure> {
		for made in made {
			match made {
				Made::Unit { packet, time } => {
					if let Pictures::Encoded(normaliser) = &self.pictures {
						if let Some(parameters) = normaliser.parameters() {
							self.video_parameters = Some(parameters);
						}
					}
					let is_idr = packet.is_key();
					self.end = self.end.max(time.saturating_add(self.step));
					self.push(Unit { packet, time, is_idr });
				}
				Made::Break => self.flush_queue(true)?,
			}
		}
		Ok(())
	}

	fn push(&mut self, unit: Unit) {
		self.bytes = self.bytes.saturating_add(unit.packet.size());
		self.video.push_back(unit);
	}

	fn take(&mut self, play: &Play, taken: Taken) -> Result<(), Failure> {
		if taken.is_video {
			self.take_picture(play, taken.packet)?;
		} else {
			self.take_sound(play, taken.packet)?;
		}
		while let Some(segment) = self.next()? {
			self.give(segment)?;
		}
		Ok(())
	}

	fn take_picture(&mut self, play: &Play, packet: Packet) -> Result<(), Failure> {
		let is_h264 = play.video.1.is_h264;
		let data = packet.data().unwrap_or_default();
		let is_idr = is_h264 && sei::has(data, sei::IDR);
		// A decoder can begin at any keyframe, whoever only copies needs one that starts afresh.
		let is_copied = matches!(self.pictures, Pictures::Copied);
		let starts = is_idr || (packet.is_key() && !is_copied);
		if packet.pts().is_none() && self.shift.is_some() {
			self.encode_pictures(
				"its pictures have no time stamps",
				"Rewrite the file first: ffmpeg -i INPUT -c copy -bsf:v setts OUTPUT.mp4",
			)?;
		}
		let Some(own_time) = packet.pts().or(packet.dts()) else { return Ok(()) };
		let shift = match self.shift {
			Some(shift) => shift,
			// A recording may begin in the middle of things.
			None if starts => self.begin_line(own_time)?,
			None => {
				let first = *self.first_seen.get_or_insert(own_time);
				if !packet.is_key() || own_time - first < i64::from(self.options.longest) {
					return Ok(());
				}
				self.encode_pictures(
					"the video has keyframes that do not start afresh (open groups of pictures)",
					"Make closed groups, or convert the file first: ffmpeg -i INPUT -c:v libx264 \
					 -c:a aac OUTPUT.mp4",
				)?;
				self.begin_line(own_time)?
			}
		};
		if starts && self.is_sound_late {
			self.is_sound_late = false;
			self.flush(true)?;
			self.begin_sound(play)?;
		}
		let mut time = own_time.saturating_add(shift);
		if let Some(newest) = self.newest {
			let forward = time.saturating_sub(newest);
			let jumps = if starts {
				!(-9_000..=LARGEST_STEP).contains(&forward)
					|| (forward > PAUSE && self.is_sound_away(newest, forward))
			} else {
				!(-LARGEST_STEP..=LARGEST_STEP).contains(&forward)
			};
			self.is_lost |= jumps;
			if self.is_lost && !starts {
				return Ok(());
			}
			if self.is_lost {
				self.is_lost = false;
				self.end_of_epoch()?;
				time = own_time.saturating_add(self.begin_line(own_time)?);
			} else if forward > PAUSE && !starts || forward > PAUSE + 9_000 {
				self.still()?;
			}
		}
		self.newest = Some(self.newest.unwrap_or(time).max(time));
		if is_idr {
			self.look_at(sei::units(data, sei::SPS))?;
		}
		if matches!(self.pictures, Pictures::Encoded(_)) {
			let packet = if is_h264 { self.with_parameter_sets(packet, starts) } else { packet };
			let dts = packet.dts().map(|dts| dts.saturating_add(time - own_time));
			return self.encode_picture(timed(packet, time, dts));
		}
		let length = if packet.duration() > 0 { packet.duration() } else { self.step };
		self.end = self.end.max(time.saturating_add(length));
		let packet = self.plain(packet, is_idr);
		self.push(Unit { packet, time, is_idr });
		Ok(())
	}

	/// A picture with its parameter sets and without what only informs, which some cameras write
	/// wrongly.
	fn plain(&self, packet: Packet, starts: bool) -> Packet {
		let data = packet.data().unwrap_or_default();
		let mut whole = Vec::with_capacity(data.len());
		if starts && !sei::has(data, sei::SPS) {
			whole.extend_from_slice(&self.parameter_sets);
		}
		whole.extend_from_slice(&sei::without_sei(data));
		let mut plain = Packet::copy(&whole);
		plain.set_flags(packet.flags());
		plain.set_duration(packet.duration());
		plain
	}

	fn with_parameter_sets(&self, packet: Packet, starts: bool) -> Packet {
		let data = packet.data().unwrap_or_default();
		if !(starts || packet.is_key()) || sei::has(data, sei::SPS) {
			return packet;
		}
		let mut whole = self.parameter_sets.clone();
		whole.extend_from_slice(data);
		let mut longer = Packet::copy(&whole);
		longer.set_flags(packet.flags());
		longer.set_dts(packet.dts());
		longer
	}

	/// Whether the sound stopped where the picture did, before it moved on by `forward`.
	fn is_sound_away(&self, newest: i64, forward: i64) -> bool {
		match self.last_audio {
			Some(last) => last < newest + forward / 2,
			None => false,
		}
	}

	/// The first picture of a pass or an epoch: the stream's time goes on with it.
	fn begin_line(&mut self, own_time: i64) -> Result<i64, Failure> {
		let shift = self.end.saturating_sub(own_time);
		self.shift = Some(shift);
		self.newest = None;
		if let Sound::Encoded(normaliser) = &mut self.sound {
			normaliser.begin(self.end);
		}
		for packet in std::mem::take(&mut self.waiting) {
			if let Some(own_time) = packet.pts() {
				self.keep_sound(packet, own_time.saturating_add(shift))?;
			}
		}
		Ok(shift)
	}

	/// A picture that starts afresh, with these parameter sets: another size is another epoch.
	fn look_at(&mut self, sets: Vec<u8>) -> Result<(), Failure> {
		if sets.is_empty() || sets == self.sps {
			return Ok(());
		}
		let parsed = |sets: &[u8]| -> Option<Sps> { sei::body(sets).and_then(h264::sps) };
		let before = std::mem::replace(&mut self.sps, sets);
		let (before, now) = (parsed(&before), parsed(&self.sps));
		if before.is_some() && before != now && matches!(self.pictures, Pictures::Copied) {
			self.flush(true)?;
		}
		if let Some(now) = now {
			if !now.is_yuv420p {
				self.encode_pictures(
					"the video is H.264, but not 8-bit 4:2:0",
					"Set the encoder to 8-bit 4:2:0 (OBS: colour format NV12).",
				)?;
			}
			if !self.fits((now.width, now.height)) {
				self.encode_pictures(
					"its pictures are larger than the stream may have",
					"Open the stream with larger --limits.",
				)?;
			}
		}
		Ok(())
	}

	/// The picture stands still for long: it is repeated, where that may be done.
	fn still(&mut self) -> Result<(), Failure> {
		if !self.options.normalise {
			return Ok(());
		}
		self.encode_pictures(
			"the picture stands still for more than three seconds",
			"Let the source send a picture each second at least.",
		)
	}

	fn take_sound(&mut self, play: &Play, packet: Packet) -> Result<(), Failure> {
		if matches!(self.sound, Sound::None) && play.is_late {
			// Viewers learn at an epoch's beginning of a track that was not announced.
			self.is_sound_late = true;
			return Ok(());
		}
		let Some(own_time) = packet.pts() else { return self.encode_untimed(packet) };
		let Some(shift) = self.shift else {
			if self.waiting.len() < MOST_WAITING {
				self.waiting.push(packet);
			}
			return Ok(());
		};
		let time = own_time.saturating_add(shift);
		let newest = self.newest.unwrap_or(time);
		let from = self.last_audio.unwrap_or(newest);
		let steps = time - from > SOUND_STEP || from - time > HOLE;
		if (steps || !self.waiting.is_empty()) && (time > newest + SOUND_STEP || time < from) {
			if self.waiting.len() < MOST_WAITING {
				self.waiting.push(packet);
				return Ok(());
			}
			// The picture does not follow.
			self.release(shift)?;
		} else if !self.waiting.is_empty() {
			self.release(shift)?;
		}
		self.keep_sound(packet, time)?;
		self.repeat(time)
	}

	fn release(&mut self, shift: i64) -> Result<(), Failure> {
		for packet in std::mem::take(&mut self.waiting) {
			if let Some(own_time) = packet.pts() {
				self.keep_sound(packet, own_time.saturating_add(shift))?;
			}
		}
		Ok(())
	}

	/// The sound goes on, and the picture is repeated when it has stood still for long.
	fn repeat(&mut self, time: i64) -> Result<(), Failure> {
		let Some(newest) = self.newest else { return Ok(()) };
		if time - newest <= PAUSE {
			return Ok(());
		}
		self.still()?;
		self.fill_pictures(time - PAUSE / 3)
	}

	fn fill_pictures(&mut self, to: i64) -> Result<(), Failure> {
		let made = match &mut self.pictures {
			Pictures::Encoded(normaliser) => normaliser.fill(to)?,
			Pictures::Copied => return Ok(()),
		};
		self.made_pictures(made)
	}

	/// Parts of a frame that share its time.
	fn encode_untimed(&mut self, packet: Packet) -> Result<(), Failure> {
		let made = match &mut self.sound {
			Sound::Encoded(normaliser) => normaliser.take(&packet)?,
			_ => return Ok(()),
		};
		self.made_sound(made);
		Ok(())
	}

	fn keep_sound(&mut self, packet: Packet, time: i64) -> Result<(), Failure> {
		let made = match &mut self.sound {
			Sound::None => return Ok(()),
			Sound::Encoded(normaliser) => normaliser.take(&timed(packet, time, Some(time)))?,
			Sound::Copied => {
				self.push_sound(packet, time);
				return Ok(());
			}
		};
		self.made_sound(made);
		Ok(())
	}

	fn made_sound(&mut self, made: Vec<Made>) {
		for made in made {
			if let Made::Unit { packet, time } = made {
				self.push_sound(packet, time);
			}
		}
	}

	fn push_sound(&mut self, packet: Packet, time: i64) {
		// Sound before the first picture or before the previous pass's end is not ours.
		if time < START || self.last_audio.is_some_and(|last| time <= last) {
			return;
		}
		self.last_audio = Some(time);
		self.sound_end = self.sound_end.max(time.saturating_add(packet.duration().max(0)));
		self.audio.push_back(Unit { packet, time, is_idr: false });
		// Bounded whatever comes: the oldest has no picture.
		if self.audio.len() > 8 * MOST_WAITING {
			self.audio.pop_front();
		}
	}

	/// A pass over the source ended.
	fn pass_ended(&mut self) -> Result<(), Failure> {
		if self.shift.is_none() {
			return Err(unsupported("the video has no keyframe that starts afresh (IDR)"));
		}
		if let Some(shift) = self.shift {
			self.release(shift)?;
		}
		let made = match &mut self.pictures {
			Pictures::Encoded(normaliser) => normaliser.drain()?,
			Pictures::Copied => Vec::new(),
		};
		self.made_pictures(made)?;
		let made = match &mut self.sound {
			Sound::Encoded(normaliser) => normaliser.drain()?,
			_ => Vec::new(),
		};
		self.made_sound(made);
		if self.sound_end > self.end + 90_000 {
			self.still()?;
			let made = match &mut self.pictures {
				Pictures::Encoded(normaliser) => normaliser.drain()?,
				Pictures::Copied => Vec::new(),
			};
			self.made_pictures(made)?;
			self.fill_pictures(self.sound_end)?;
		}
		// Sound that ends a little later belongs to the film.
		self.end = self.end.max(self.sound_end.min(self.end + 90_000));
		Ok(())
	}

	/// What follows does not go on from what there is.
	fn end_of_epoch(&mut self) -> Result<(), Failure> {
		self.flush(true)?;
		self.newest = None;
		// What sounds beyond the last picture is not of the next epoch.
		self.audio.clear();
		self.last_audio = None;
		self.sound_end = self.end;
		Ok(())
	}

	/// Gives everything that there is; with `last`, what follows does not go on from it.
	fn flush(&mut self, last: bool) -> Result<(), Failure> {
		self.mend_rest()?;
		let made = match &mut self.pictures {
			Pictures::Encoded(normaliser) => normaliser.finish()?,
			Pictures::Copied => Vec::new(),
		};
		self.made_pictures(made)?;
		self.flush_queue(last)
	}

	fn flush_queue(&mut self, last: bool) -> Result<(), Failure> {
		while let Some(mut segment) = self.rest()? {
			segment.last = last && self.video.is_empty();
			self.give(segment)?;
		}
		Ok(())
	}

	fn give(&mut self, segment: Segment) -> Result<(), Failure> {
		(self.emit)(Answer::Segment(segment))
	}

	/// Where the next segment is cut: at how many pictures and at what time.
	fn place(&self, start: i64) -> (Option<(usize, i64)>, bool) {
		let (target, longest) = (i64::from(self.options.target), i64::from(self.options.longest));
		let newest = self.video.iter().map(|unit| unit.time).max().unwrap_or(start);
		let mut before = None;
		for (index, unit) in self.video.iter().enumerate().skip(1).filter(|(_, u)| u.is_idr) {
			let length = unit.time - start;
			if length > longest {
				return (before, before.is_none());
			}
			before = Some((index, unit.time));
			if length >= target - SLACK {
				return (before, false);
			}
		}
		if may_wait(newest - start, longest, self.bytes, self.video.len()) {
			return (None, false);
		}
		(before, before.is_none())
	}

	/// The next segment, once it is clear where it ends.
	fn next(&mut self) -> Result<Option<Segment>, Failure> {
		let Some(first) = self.video.front() else { return Ok(None) };
		let start = first.time;
		let target = i64::from(self.options.target);
		let (cut, too_far) = self.place(start);
		if too_far && matches!(self.pictures, Pictures::Copied) {
			let longest = self.options.longest;
			self.encode_pictures(
				&format!(
					"there is no keyframe that starts afresh (IDR) within {}.{} s",
					longest / 90_000,
					longest % 90_000 / 9_000
				),
				"Set the encoder's keyframe interval to 2 s (OBS: Settings, Output, Keyframe \
				 Interval), allow longer segments, or convert the file first: ffmpeg -i INPUT -c:v \
				 libx264 -pix_fmt yuv420p -force_key_frames 'expr:gte(t,n_forced*2)' -c:a aac \
				 OUTPUT.mp4",
			)?;
			return Ok(None);
		}
		let Some((count, end)) = cut else { return Ok(None) };
		// Look on until the sound of this segment is complete and, in a file, it is known whether
		// what follows is long enough to stand alone.
		let newest = self.video.iter().map(|unit| unit.time).max().unwrap_or(start);
		let late = match &self.sound {
			Sound::None => false,
			Sound::Copied => self.last_audio.is_none_or(|last| last < end),
			Sound::Encoded(normaliser) => normaliser.end().is_none_or(|to| to < end),
		};
		let enough = self.options.live || newest - end >= target / 2;
		let patience = match (self.options.live, self.is_silent) {
			(true, true) => target / 10,
			(true, false) => target / 2,
			(false, _) => 2 * target,
		};
		if !(enough && (!late || newest - end >= patience)) {
			return Ok(None);
		}
		self.is_silent = late;
		self.mend(count, end)?;
		// Mending may have encoded what was to be cut.
		if self.place(start).0 != cut {
			return Ok(None);
		}
		self.cut_off(count, end).map(Some)
	}

	/// What is left, as a whole: neither faster nor larger than what every judge takes.
	fn mend_rest(&mut self) -> Result<(), Failure> {
		let Some(start) = self.video.front().map(|unit| unit.time) else { return Ok(()) };
		let span = (self.end - start).max(1);
		let bytes = i64::try_from(self.bytes).unwrap_or(i64::MAX);
		let (target, most) =
			(i64::from(self.options.target), i64::from(MAX_SEGMENT_BYTES) / 16 * 15);
		if bytes.saturating_mul(target) > most.saturating_mul(span.max(target)) {
			return self.too_many_bytes();
		}
		let fps = i64::from(self.fit.map_or(MAX_FPS, |fit| fit.fps));
		if self.video.len() as i64 > fps * span / 90_000 + 2 {
			return self.too_many_pictures();
		}
		Ok(())
	}

	fn too_many_bytes(&mut self) -> Result<(), Failure> {
		self.encode_pictures(
			"its bit rate is more than a segment holds",
			"Set the encoder to 50 Mbit/s or less.",
		)
	}

	fn too_many_pictures(&mut self) -> Result<(), Failure> {
		self.encode_pictures(
			"it has more pictures in a second than the stream may have",
			"Open the stream with larger --limits, at most 120 pictures a second.",
		)
	}

	/// Makes the first `count` pictures, which end at `end`, into what every judge takes.
	fn mend(&mut self, count: usize, end: i64) -> Result<(), Failure> {
		let Some(start) = self.video.front().map(|unit| unit.time) else { return Ok(()) };
		if matches!(self.pictures, Pictures::Copied) {
			let bytes: usize = self.video.iter().take(count).map(|unit| unit.packet.size()).sum();
			if bytes > MAX_SEGMENT_BYTES as usize / 16 * 15 {
				return self.too_many_bytes();
			}
			let fps = i64::from(self.fit.map_or(MAX_FPS, |fit| fit.fps));
			let most = (fps * i64::from(self.options.longest)).unsigned_abs().div_ceil(90_000) + 1;
			if count as u64 > most {
				return self.too_many_pictures();
			}
		}
		self.mend_sound(start, end)
	}

	/// A track that was announced is in every segment, whole.
	fn mend_sound(&mut self, start: i64, end: i64) -> Result<(), Failure> {
		let is_copied = matches!(self.sound, Sound::Copied);
		if is_copied && self.options.normalise && self.has_hole(start, end) {
			self.encode_sound(
				"the sound has holes, which are filled with silence",
				"Let the source send sound all the time.",
			)?;
		}
		let made = match &mut self.sound {
			Sound::Encoded(normaliser) => normaliser.fill(start, end)?,
			_ => return Ok(()),
		};
		self.made_sound(made);
		Ok(())
	}

	/// Whether there is a part of this time without sound.
	fn has_hole(&self, start: i64, end: i64) -> bool {
		let inside = self.audio.iter().map(|unit| unit.time).filter(|time| *time < end);
		let mut before = start;
		for time in inside {
			if time - before > HOLE {
				return true;
			}
			before = before.max(time);
		}
		end - before > HOLE
	}

	/// The next segment of what is left.
	fn rest(&mut self) -> Result<Option<Segment>, Failure> {
		let Some(first) = self.video.front() else { return Ok(None) };
		let start = first.time;
		let target = i64::from(self.options.target);
		let newest = self.video.iter().map(|unit| unit.time).max().unwrap_or(start);
		let longest = i64::from(self.options.longest);
		let end = self.end.max(newest + 1);
		match self.place(start).0 {
			Some((count, at))
				if newest - at >= target / 2 || end - start > longest || end - at >= target / 2 =>
			{
				self.mend_sound(start, at)?;
				self.cut_off(count, at).map(Some)
			}
			_ => {
				self.mend_sound(start, end)?;
				self.cut_off(self.video.len(), end).map(Some)
			}
		}
	}

	/// Writes the first `count` pictures, which end at `end`, with their sound.
	fn cut_off(&mut self, count: usize, end: i64) -> Result<Segment, Failure> {
		let mut units: Vec<Unit> = self.video.drain(..count).collect();
		self.bytes = self.video.iter().map(|unit| unit.packet.size()).sum();
		let mut times: Vec<i64> = units.iter().map(|unit| unit.time).collect();
		times.sort_unstable();
		if times.windows(2).any(|pair| pair[0] == pair[1]) {
			// Containers round; two pictures at one time are a tick apart.
			let mut taken = std::collections::BTreeSet::new();
			for unit in &mut units {
				while !taken.insert(unit.time) {
					unit.time += 1;
				}
			}
			times = taken.into_iter().collect();
		}
		let (Some(first), Some(last)) = (times.first().copied(), times.last().copied()) else {
			return Err(Failure::internal("segmenter", "an empty segment"));
		};
		if times.len() > 1 {
			let rate: Rational = frame_rate(times.len() as i64 - 1, last - first);
			self.step = frame_ticks(rate).clamp(1, 90_000);
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
			video.push(timed(unit.packet, unit.time, Some(dts)));
		}
		let split = self.audio.partition_point(|unit| unit.time < end);
		let audio = self
			.audio
			.drain(..split)
			.map(|unit| timed(unit.packet, unit.time, Some(unit.time)))
			.collect();
		let video_parameters = self
			.video_parameters
			.as_ref()
			.ok_or_else(|| Failure::internal("segmenter", "no track parameters"))?;
		let frames = video.len() as u32;
		self.settle(video_parameters.clone(), frames, last - first)?;
		let video_parameters = self
			.video_parameters
			.as_ref()
			.ok_or_else(|| Failure::internal("segmenter", "no track parameters"))?;
		let data = mux(
			Elementary { parameters: video_parameters.clone(), packets: video },
			self.audio_parameters
				.as_ref()
				.map(|parameters| Elementary { parameters: parameters.clone(), packets: audio }),
		)?;
		let duration = u32::try_from(end - first).unwrap_or(u32::MAX);
		Ok(Segment { data, duration, first_time: first, frames, last: false })
	}

	/// Says what the source is, before its first segment.
	fn settle(
		&mut self,
		parameters: codec::Parameters,
		frames: u32,
		span: i64,
	) -> Result<(), Failure> {
		if self.fit.is_some() {
			return Ok(());
		}
		let (width, height) = match sei::body(&self.sps).and_then(h264::sps) {
			Some(sps) if matches!(self.pictures, Pictures::Copied) => (sps.width, sps.height),
			_ => ffi::size(&parameters),
		};
		let up = |rate: Rational| {
			i64::from(rate.numerator()).div_euclid(i64::from(rate.denominator().max(1)))
				+ i64::from(rate.numerator() % rate.denominator().max(1) != 0)
		};
		let seen = up(frame_rate(i64::from(frames) - 1, span));
		// A rate that changes shows in what probing finds; sixty are enough for what moves.
		let probed = if frames > 1 { self.probed } else { 0 };
		let fps = seen.max(probed.min(60)).clamp(1, i64::from(MAX_FPS)) as u16;
		let side = |side: u32| u16::try_from(side).unwrap_or(MAX_SIDE).clamp(1, MAX_SIDE);
		let shape = Shape { width: side(width), height: side(height), fps };
		self.fit = Some(shape);
		(self.emit)(Answer::Shape(shape))
	}
}

/// Whether more may come before it is cut.
fn may_wait(span: i64, longest: i64, bytes: usize, pictures: usize) -> bool {
	span < longest && bytes < MOST_BYTES && pictures < MOST_PICTURES
}

/// A rate that a video can have.
fn sane(rate: Rational) -> Option<Rational> {
	let (n, d) = (i64::from(rate.numerator()), i64::from(rate.denominator()));
	(n > 0 && d > 0 && n <= 240 * d && n * 10 >= d).then_some(rate)
}

/// A packet with its times in the stream.
fn timed(mut packet: Packet, pts: i64, dts: Option<i64>) -> Packet {
	packet.set_pts(Some(pts));
	packet.set_dts(dts);
	packet
}

#[cfg(test)]
mod tests {
	use super::*;

	/// A publisher sends small pictures whose time stands still.
	#[test]
	fn attack_pictures_whose_time_stands_still() {
		let longest = 540_000;
		let bytes = 10;
		assert!(may_wait(0, longest, bytes * 720, 720), "six seconds at the highest rate");
		assert!(!may_wait(0, longest, bytes * MOST_PICTURES, MOST_PICTURES));
		assert!(!may_wait(longest, longest, bytes, 1) && !may_wait(0, longest, MOST_BYTES, 1));
	}
}
