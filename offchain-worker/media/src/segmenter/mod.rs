//! Cuts a source into segments that can each be decoded alone.
//!
//! Input that the network takes is cut without decoding: at the first IDR picture at or after the target; if
//! that would make the segment longer than the longest, at the last one before. Sound belongs to the segment
//! in whose time it starts. All other input goes through the [normaliser](crate::normalise) first, from the
//! place where that turns out to be needed.
//!
//! Time starts at [`START`] and continues across repetitions of a file, whatever the source's own time does.
//! If the source jumps, starts again or changes its size, the segment before is marked as the last of its
//! epoch.

mod ending;
mod own;
mod pictures;
mod play;
mod sound;

use std::{
	collections::VecDeque,
	fs::File,
	sync::{Arc, Mutex},
};

use ffmpeg_next::{codec, Packet, Rational};

use self::{
	ending::Lead,
	own::Own,
	play::{Of, Play, Shared, Taken},
};
use crate::{
	limits::{self, Failure},
	normalise::{AudioNormaliser, VideoNormaliser},
	wire::{Answer, Segment, SegmentOptions, Shape},
};

/// Presentation time of the first frame: 1.4 s, so that decoding times before it are not negative.
pub const START: i64 = 126_000;
/// A pause of this length repeats the picture if the sound continues; otherwise it is a jump.
const PAUSE: i64 = 3 * 90_000;

/// The sink of answers.
pub type Emit<'a> = &'a mut dyn FnMut(Answer) -> Result<(), Failure>;

fn unsupported(text: impl Into<String>) -> Failure {
	Failure::Unsupported(text.into())
}

/// Cuts `file` and passes each segment to `emit`.
pub fn cut(file: File, options: &SegmentOptions, emit: Emit<'_>) -> Result<(), Failure> {
	let file = Shared(Arc::new(Mutex::new(file)));
	let mut cutter = Cutter::new(*options, emit);
	let mut played = 0u32;
	while options.plays.is_none_or(|plays| played < plays) {
		let mut play = Play::open(file.clone(), options)?;
		cutter.begin(&play)?;
		while let Some(packet) = play.next()? {
			cutter.take(&play, packet)?;
		}
		cutter.pass_ended()?;
		played = played.saturating_add(1);
	}
	cutter.flush(true)
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

/// How sound gets into segments.
enum Sound {
	None,
	Copied,
	Encoded(Box<AudioNormaliser>),
}

/// Collects packets and cuts segments from them.
struct Cutter<'a> {
	options: SegmentOptions,
	emit: Emit<'a>,
	/// The limits of segments; known from the first one on.
	fit: Option<Shape>,
	pictures: Pictures,
	sound: Sound,
	video_parameters: Option<codec::Parameters>,
	audio_parameters: Option<codec::Parameters>,
	/// The source's pictures: parameters, rotation, rate.
	source_video: Option<(codec::Parameters, u16, Rational)>,
	/// Its sound: parameters, samples per second.
	source_audio: Option<(codec::Parameters, u32)>,
	/// Whether sound appeared after the beginning; it is announced with the next epoch.
	is_sound_late: bool,
	/// When the first picture came, in the source's own time.
	first_seen: Option<i64>,
	parameter_sets: Vec<u8>,
	/// Parameter sets that came without a picture.
	loose: Vec<u8>,
	/// The sequence parameter sets in force.
	sps: Vec<u8>,
	video: VecDeque<Unit>,
	bytes: usize,
	audio: VecDeque<Unit>,
	/// Sound, in its own time, that waits for the first picture, or for a picture with the same jump.
	waiting: Vec<Packet>,
	/// The offset from the source's time to the stream's; known from the first picture of a pass on.
	shift: Option<i64>,
	/// Whether pictures are dropped until one starts afresh.
	is_lost: bool,
	/// Where the next pass or epoch starts.
	end: i64,
	/// The newest picture of the source, in the stream's time.
	newest: Option<i64>,
	/// The newest sound that came, kept or not, in the stream's time.
	came: Option<i64>,
	/// The time of the sound when the newest picture came, and at least that picture's time. From here on it
	/// is measured how long no picture has come, because one clock may be ahead of the other.
	heard: i64,
	last_audio: Option<i64>,
	/// The end of the newest sound.
	sound_end: i64,
	/// Whether the newest segment was cut without waiting for its sound.
	is_silent: bool,
	/// The form of the newest segment's sound.
	sound_form: Option<(i32, i32, bool)>,
	/// The form that headers within the copied sound had at first.
	header_form: Option<[u8; 2]>,
	/// The other form that the newest of these headers had.
	other_form: Option<[u8; 2]>,
	/// The relation of decoding to presentation times, and the length of a frame.
	lead: Lead,
	/// The publisher's own renditions.
	own: Vec<Own>,
	noticed: Vec<String>,
	/// Pictures per second by probing; 0 if unknown.
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
			loose: Vec::new(),
			sps: Vec::new(),
			video: VecDeque::new(),
			bytes: 0,
			audio: VecDeque::new(),
			waiting: Vec::new(),
			shift: None,
			is_lost: false,
			end: START,
			newest: None,
			came: None,
			heard: START,
			last_audio: None,
			sound_end: START,
			is_silent: false,
			sound_form: None,
			header_form: None,
			other_form: None,
			lead: Lead::default(),
			own: Vec::new(),
			noticed: Vec::new(),
			probed: 0,
		}
	}

	/// Emits a notice about a conversion of the source, once.
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
		let (width, height) = track.size;
		let is_cut = width > 0 && limits::check_coded(track.coded, width, height, 0).is_err();
		self.probed = sane(track.fps)
			.map_or(0, |rate| i64::from(rate.numerator()) / i64::from(rate.denominator().max(1)));
		let reason = match track {
			_ if !track.is_h264 => Some(format!("the video is {}", track.codec)),
			_ if track.is_yuv420p == Some(false) => {
				Some("the video is H.264, but not 8-bit 4:2:0".to_string())
			}
			_ if track.is_interlaced => Some("the video is interlaced".to_string()),
			_ if is_cut => Some("much of its pictures is cut away".to_string()),
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
		self.begin_sound(play)?;
		self.begin_own(play)
	}

	fn take(&mut self, play: &Play, taken: Taken) -> Result<(), Failure> {
		match taken.of {
			Of::Pictures => self.take_picture(play, taken.packet)?,
			Of::Sound => self.take_sound(play, taken.packet)?,
			Of::Own(track) => self.take_own(track, taken.packet),
		}
		while let Some(segment) = self.next()? {
			self.give(segment)?;
		}
		Ok(())
	}

	fn give(&mut self, segment: Segment) -> Result<(), Failure> {
		(self.emit)(Answer::Segment(segment))
	}
}

/// A plausible rate of a video.
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
