//! Converts input that the network does not take, on the broadcaster's machine: any codec, size, rotation,
//! interlace, rate and layout into H.264 and AAC. The result is signed as the source, so nobody has to make
//! the same bytes again, and threads and instruction sets do not matter.

pub mod ffi;

use std::collections::VecDeque;

use ffmpeg_next::{codec, codec::decoder::Opened, frame, picture, Error, Packet, Rational};

use self::ffi::{Converter, Resampler};
use crate::{
	ffi::{open_encoder, picture, EncoderSetup, Picture},
	limits::Failure,
	sei,
	source::ticks,
	wire::Shape,
};

/// Every decoder that a source may need. None of them starts threads if told not to.
pub const DECODERS: &str = "h264,hevc,libdav1d,av1,vp8,vp9,mpeg1video,mpeg2video,mpeg4,h263,flv,\
	mjpeg,prores,dnxhd,theora,aac,aac_latm,ac3,eac3,mp3,mp3float,mp2,mp2float,opus,vorbis,flac,alac,\
	pcm_s16le,pcm_s16be,pcm_s24le,pcm_f32le,pcm_u8,pcm_alaw,pcm_mulaw";

/// The rate at which the last picture is repeated while none comes: five times a second.
const REPEAT: i64 = 18_000;
/// The most repetitions at a time: ten seconds.
const MOST_REPEATED: usize = 50;
/// How far sound may be off its time before it is padded or cut: 40 ms.
const SLACK: i64 = 3_600;
/// Samples of an AAC frame.
const AAC_FRAME: usize = 1_024;
/// The most silence that is inserted at a time: twelve seconds.
const MOST_SILENCE: i64 = 12 * 90_000;

/// An output of the normaliser.
pub enum Made {
	/// A picture or a frame of sound, at this time.
	Unit {
		/// Its bytes.
		packet: Packet,
		/// Its presentation time in ticks.
		time: i64,
	},
	/// What follows has another size.
	Break,
}

/// Decodes pictures and encodes them as the network takes them.
pub struct VideoNormaliser {
	parameters: codec::Parameters,
	decoder: Opened,
	rotation: u16,
	fit: Option<Shape>,
	fps: Rational,
	key_every: i64,
	/// Shape of the pictures that come in.
	shape: Option<(u32, u32)>,
	converters: Vec<Converter>,
	encoder: Option<codec::encoder::video::Encoder>,
	last: Option<frame::Video>,
	last_time: Option<i64>,
	last_key: Option<i64>,
}

impl VideoNormaliser {
	/// For a track with these parameters. Turns its pictures clockwise by `rotation` degrees and fits them
	/// into `fit`; about `fps` of them come in a second; makes a keyframe every `key_every` ticks.
	pub fn new(
		parameters: codec::Parameters,
		rotation: u16,
		fit: Option<Shape>,
		fps: Rational,
		key_every: i64,
	) -> Result<Self, Failure> {
		let decoder = open(&parameters)?;
		Ok(Self {
			parameters,
			decoder,
			rotation,
			fit,
			fps,
			key_every,
			shape: None,
			converters: Vec::new(),
			encoder: None,
			last: None,
			last_time: None,
			last_key: None,
		})
	}

	/// The output's parameters, once there is output.
	pub fn parameters(&self) -> Option<codec::Parameters> {
		let mut parameters = ffi::parameters(self.encoder.as_ref()?).ok()?;
		crate::ffi::clear_extradata(&mut parameters);
		Some(parameters)
	}

	/// Takes a packet with the stream's times. Leaves out what cannot be decoded.
	pub fn take(&mut self, packet: &Packet) -> Result<Vec<Made>, Failure> {
		let mut made = Vec::new();
		if self.decoder.send_packet(packet).is_ok() {
			self.receive(&mut made)?;
		}
		Ok(made)
	}

	/// Flushes the decoder and restarts it.
	pub fn drain(&mut self) -> Result<Vec<Made>, Failure> {
		let mut made = Vec::new();
		if self.decoder.send_eof().is_ok() {
			self.receive(&mut made)?;
		}
		self.decoder = open(&self.parameters)?;
		Ok(made)
	}

	/// Ends the current encode; what follows is independent of it.
	pub fn finish(&mut self) -> Result<Vec<Made>, Failure> {
		let mut made = self.drain()?;
		self.end_encoder(&mut made)?;
		self.last = None;
		self.last_time = None;
		Ok(made)
	}

	/// Repeats the last picture up to `to`.
	pub fn fill(&mut self, to: i64) -> Result<Vec<Made>, Failure> {
		let mut made = Vec::new();
		for _ in 0..MOST_REPEATED {
			let (Some(last), Some(time)) = (&self.last, self.last_time) else { break };
			if time.saturating_add(REPEAT) > to {
				break;
			}
			let again = last.clone();
			self.encode(again, time + REPEAT, &mut made)?;
		}
		Ok(made)
	}

	fn receive(&mut self, made: &mut Vec<Made>) -> Result<(), Failure> {
		loop {
			let mut decoded = frame::Video::empty();
			match self.decoder.receive_frame(&mut decoded) {
				Ok(()) => self.picture(&decoded, made)?,
				Err(Error::InvalidData) => continue,
				Err(_) => return Ok(()),
			}
		}
	}

	fn picture(&mut self, decoded: &frame::Video, made: &mut Vec<Made>) -> Result<(), Failure> {
		let shape = picture(decoded);
		let Some(time) = decoded.timestamp().or(decoded.pts()) else { return Ok(()) };
		if shape.width == 0 || shape.height == 0 {
			return Ok(());
		}
		let limit = self.fit.map_or(120, |fit| i64::from(fit.fps.max(1)));
		if let Some(last) = self.last_time {
			if time - last < 90_000 * 5 / (6 * limit) {
				return Ok(());
			}
			// Also if a keyframe is due meanwhile: otherwise the segment would end late, too long for any
			// job.
			let due = self.last_key.map(|key| key.saturating_add(self.key_every));
			let is_late = due.is_some_and(|due| time.saturating_sub(due) > REPEAT);
			if time - last > 15 * 9_000 || (is_late && time - last > REPEAT) {
				made.extend(self.fill(time - REPEAT / 2)?);
			}
		}
		if self.shape.is_some_and(|before| before != (shape.width, shape.height)) {
			self.end_encoder(made)?;
			made.push(Made::Break);
		}
		self.shape = Some((shape.width, shape.height));
		let target = fitted(&shape, self.rotation, self.fit);
		let mut whole = self.convert(decoded, &shape, (shape.width, shape.height), target)?;
		if self.encoder.is_none() {
			let quarter = self.rotation % 180 == 90 && shape.aspect.numerator() > 0;
			let aspect = if quarter { shape.aspect.invert() } else { shape.aspect };
			let options = h264_options(target, self.fps);
			let setup = EncoderSetup {
				width: target.0,
				height: target.1,
				fps: self.fps,
				time_base: ticks(),
				aspect,
				colour: shape.colour.of_yuv(),
			};
			let encoder = open_encoder(&setup, &options)
				.map_err(|e| Failure::internal("the normaliser's encoder", e))?;
			self.encoder = Some(encoder);
			self.last_key = None;
		}
		whole.set_pts(None);
		self.encode(whole, time, made)
	}

	/// Makes a decoded picture encodable: deinterlaced, turned, scaled.
	fn convert(
		&mut self,
		decoded: &frame::Video,
		shape: &Picture,
		own: (u32, u32),
		target: (u32, u32),
	) -> Result<frame::Video, Failure> {
		let plain = !decoded.is_interlaced() && self.rotation == 0;
		if plain {
			return self.scaled(decoded, shape, target);
		}
		// Each side of a turned or deinterlaced picture is even.
		let even = (own.0 & !1, own.1 & !1);
		let mut whole = self.scaled(decoded, shape, even)?;
		if decoded.is_interlaced() {
			unweave(&mut whole, decoded.is_top_first());
		}
		if self.rotation != 0 {
			whole = turned(&whole, self.rotation);
		}
		if (whole.width(), whole.height()) == target {
			return Ok(whole);
		}
		let now = Picture { is_full_range: false, ..picture(&whole) };
		self.scaled(&whole, &now, target)
	}

	fn scaled(
		&mut self,
		from: &frame::Video,
		shape: &Picture,
		target: (u32, u32),
	) -> Result<frame::Video, Failure> {
		let failed = |e: Error| Failure::internal("the normaliser's scaler", e);
		let known = self.converters.iter().position(|c| c.takes(from, shape, target));
		let index = match known {
			Some(index) => index,
			None => {
				if self.converters.len() >= 4 {
					self.converters.clear();
				}
				self.converters.push(Converter::new(from, shape, target).map_err(failed)?);
				self.converters.len() - 1
			}
		};
		self.converters[index].convert(from).map_err(failed)
	}

	fn encode(
		&mut self,
		mut whole: frame::Video,
		time: i64,
		made: &mut Vec<Made>,
	) -> Result<(), Failure> {
		let failed = |e: Error| Failure::internal("the normaliser's encoder", e);
		let Some(encoder) = &mut self.encoder else { return Ok(()) };
		let due = self.last_key.is_none_or(|last| time - last >= self.key_every - 90);
		whole.set_kind(if due { picture::Type::I } else { picture::Type::None });
		if due {
			self.last_key = Some(time);
		}
		whole.set_pts(Some(time));
		encoder.send_frame(&whole).map_err(failed)?;
		self.last = Some(whole);
		self.last_time = Some(time);
		packets(encoder, made);
		Ok(())
	}

	fn end_encoder(&mut self, made: &mut Vec<Made>) -> Result<(), Failure> {
		if let Some(mut encoder) = self.encoder.take() {
			if encoder.send_eof().is_ok() {
				packets(&mut encoder, made);
			}
		}
		self.last_key = None;
		Ok(())
	}
}

fn open(parameters: &codec::Parameters) -> Result<Opened, Failure> {
	ffi::open_decoder(parameters, ticks(), DECODERS).map_err(|e| {
		Failure::Unsupported(format!("there is no decoder for the source's video or sound: {e}"))
	})
}

fn packets(encoder: &mut codec::encoder::video::Encoder, made: &mut Vec<Made>) {
	loop {
		let mut packet = Packet::empty();
		if encoder.receive_packet(&mut packet).is_err() {
			return;
		}
		let Some(time) = packet.pts() else { continue };
		let plain = sei::without_sei(packet.data().unwrap_or_default());
		let mut stripped = Packet::copy(&plain);
		stripped.set_flags(packet.flags());
		made.push(Made::Unit { packet: stripped, time });
	}
}

/// Encoder settings: fast, and good enough to be encoded again.
fn h264_options((width, height): (u32, u32), fps: Rational) -> Vec<(&'static str, String)> {
	let fps = (f64::from(fps.numerator()) / f64::from(fps.denominator().max(1))).clamp(5.0, 120.0);
	let most = f64::from(width) * f64::from(height) * fps.powf(0.75) * 0.5;
	let most = (most as u64).clamp(1_000_000, 20_000_000).to_string();
	vec![
		("preset", "superfast".into()),
		("tune", "zerolatency".into()),
		("threads", "1".into()),
		("crf", "19".into()),
		("maxrate", most.clone()),
		("bufsize", most),
		("forced-idr", "1".into()),
		("g", "1000000".into()),
		("sc_threshold", "0".into()),
		("flags", "+cgop".into()),
		("a53cc", "0".into()),
	]
}

/// The size of a picture that is turned and fitted, both sides even; never larger than it was.
fn fitted(shape: &Picture, rotation: u16, fit: Option<Shape>) -> (u32, u32) {
	let (width, height) = if rotation % 180 == 90 {
		(shape.height, shape.width)
	} else {
		(shape.width, shape.height)
	};
	let side = u32::from(livepeer_primitives::video::MAX_SIDE);
	let (most_w, most_h) =
		fit.map_or((side, side), |fit| (u32::from(fit.width), u32::from(fit.height)));
	let (mut w, mut h) = (u64::from(width), u64::from(height));
	let (most_w, most_h) = (u64::from(most_w), u64::from(most_h));
	if w > most_w {
		(w, h) = (most_w, h * most_w / w);
	}
	if h > most_h {
		(w, h) = (w * most_h / h, most_h);
	}
	let even = |side: u64| (side as u32 & !1).max(16);
	(even(w), even(h))
}

/// Keeps the first field and interpolates the lines of the other one.
fn unweave(whole: &mut frame::Video, top_first: bool) {
	let other = usize::from(top_first);
	for plane in 0..3 {
		let (stride, rows) = (whole.stride(plane), whole.plane_height(plane) as usize);
		let data = whole.data_mut(plane);
		for y in (other..rows).step_by(2) {
			let above = if y == 0 { 1.min(rows - 1) } else { y - 1 };
			let below = if y + 1 < rows { y + 1 } else { above };
			for x in 0..stride {
				let (a, b) = (data.get(above * stride + x), data.get(below * stride + x));
				let (Some(a), Some(b)) = (a, b) else { break };
				let mean = (u16::from(*a) + u16::from(*b)).div_ceil(2) as u8;
				if let Some(pixel) = data.get_mut(y * stride + x) {
					*pixel = mean;
				}
			}
		}
	}
}

/// The picture, turned clockwise by 90, 180 or 270 degrees.
fn turned(whole: &frame::Video, rotation: u16) -> frame::Video {
	let (width, height) = (whole.width(), whole.height());
	let (w, h) = if rotation % 180 == 90 { (height, width) } else { (width, height) };
	let mut to = frame::Video::new(ffmpeg_next::format::Pixel::YUV420P, w, h);
	for plane in 0..3 {
		let size = |side: u32| if plane == 0 { side } else { side.div_ceil(2) } as usize;
		let (columns, rows) = (size(width), size(height));
		let (from_stride, to_stride) = (whole.stride(plane), to.stride(plane));
		let from = whole.data(plane);
		let into = to.data_mut(plane);
		for y in 0..rows {
			for x in 0..columns {
				let (tx, ty) = match rotation {
					90 => (rows - 1 - y, x),
					180 => (columns - 1 - x, rows - 1 - y),
					_ => (y, columns - 1 - x),
				};
				let pixel = from.get(y * from_stride + x).copied().unwrap_or_default();
				if let Some(target) = into.get_mut(ty * to_stride + tx) {
					*target = pixel;
				}
			}
		}
	}
	to
}

/// Decodes sound and encodes it as AAC without holes, in the stream's time.
pub struct AudioNormaliser {
	parameters: codec::Parameters,
	decoder: Opened,
	resampler: Option<((i32, i32, i32), Resampler)>,
	encoder: codec::encoder::audio::Encoder,
	rate: u32,
	channels: usize,
	waiting: Vec<VecDeque<f32>>,
	/// The time of the first sample, and how many there were since.
	line: Option<(i64, i64)>,
	/// How many of them were encoded.
	encoded: i64,
}

impl AudioNormaliser {
	/// For a track with these parameters.
	pub fn new(parameters: codec::Parameters, mono: bool, rate: u32) -> Result<Self, Failure> {
		let decoder = open(&parameters)?;
		let rate = if matches!(rate, 44_100 | 32_000) { rate } else { 48_000 };
		let channels = if mono { 1 } else { 2 };
		let encoder = ffi::open_aac(rate, channels, 80_000 * channels as u32)
			.map_err(|e| Failure::internal("the normaliser's AAC encoder", e))?;
		Ok(Self {
			parameters,
			decoder,
			resampler: None,
			encoder,
			rate,
			channels,
			waiting: vec![VecDeque::new(); channels],
			line: None,
			encoded: 0,
		})
	}

	/// The output's parameters.
	pub fn parameters(&self) -> Result<codec::Parameters, Failure> {
		ffi::parameters(&self.encoder).map_err(|e| Failure::internal("sound parameters", e))
	}

	/// The end of the sound so far, in the stream's time.
	pub fn end(&self) -> Option<i64> {
		self.line.map(|(start, samples)| start + samples * 90_000 / i64::from(self.rate))
	}

	/// Sets where the sound begins, if none came before: there is silence until the first piece.
	pub fn begin(&mut self, at: i64) {
		self.line.get_or_insert((at, 0));
	}

	/// Takes a packet with the stream's times. Leaves out what cannot be decoded.
	pub fn take(&mut self, packet: &Packet) -> Result<Vec<Made>, Failure> {
		let mut made = Vec::new();
		if self.decoder.send_packet(packet).is_ok() {
			self.receive(&mut made)?;
		}
		Ok(made)
	}

	/// Inserts silence up to `to`; from `from` on if no sound came before.
	pub fn fill(&mut self, from: i64, to: i64) -> Result<Vec<Made>, Failure> {
		let mut made = Vec::new();
		self.begin(from);
		let end = self.end().unwrap_or(from);
		self.silence((to - end).min(MOST_SILENCE));
		self.encode(&mut made)?;
		Ok(made)
	}

	/// Flushes the decoder and restarts it.
	pub fn drain(&mut self) -> Result<Vec<Made>, Failure> {
		let mut made = Vec::new();
		if self.decoder.send_eof().is_ok() {
			self.receive(&mut made)?;
		}
		self.decoder = open(&self.parameters)?;
		self.resampler = None;
		Ok(made)
	}

	fn receive(&mut self, made: &mut Vec<Made>) -> Result<(), Failure> {
		loop {
			let mut decoded = frame::Audio::empty();
			match self.decoder.receive_frame(&mut decoded) {
				Ok(()) => {
					self.sound(&decoded);
					self.encode(made)?;
				}
				Err(Error::InvalidData) => continue,
				Err(_) => return Ok(()),
			}
		}
	}

	fn sound(&mut self, decoded: &frame::Audio) {
		let layout = ffi::sound(decoded);
		if self.resampler.as_ref().is_none_or(|(made_for, _)| *made_for != layout) {
			self.resampler = Resampler::new(decoded, self.rate, self.channels)
				.ok()
				.map(|resampler| (layout, resampler));
		}
		let Some((_, resampler)) = &mut self.resampler else { return };
		let Ok(planes) = resampler.convert(decoded) else { return };
		let count = planes.first().map_or(0, Vec::len);
		let mut skip = 0;
		match (decoded.timestamp().or(decoded.pts()), self.end()) {
			(Some(time), None) => self.line = Some((time, 0)),
			(None, None) => return,
			(Some(time), Some(end)) if time - end > SLACK => {
				self.silence((time - end).min(MOST_SILENCE));
			}
			(Some(time), Some(end)) if end - time > SLACK => {
				skip = ((end - time) * i64::from(self.rate) / 90_000) as usize;
			}
			_ => {}
		}
		let kept = count.saturating_sub(skip);
		for (waiting, plane) in self.waiting.iter_mut().zip(&planes) {
			waiting.extend(plane.iter().skip(skip));
		}
		if let Some((_, samples)) = &mut self.line {
			*samples += kept as i64;
		}
	}

	fn silence(&mut self, ticks: i64) {
		let count = (ticks.max(0) * i64::from(self.rate) / 90_000) as usize;
		for waiting in &mut self.waiting {
			waiting.extend(std::iter::repeat_n(0.0, count));
		}
		if let Some((_, samples)) = &mut self.line {
			*samples += count as i64;
		}
	}

	fn encode(&mut self, made: &mut Vec<Made>) -> Result<(), Failure> {
		let failed = |e: Error| Failure::internal("the normaliser's AAC encoder", e);
		let Some((start, _)) = self.line else { return Ok(()) };
		while self.waiting.first().map_or(0, VecDeque::len) >= AAC_FRAME {
			let frame = |waiting: &mut VecDeque<f32>| waiting.drain(..AAC_FRAME).collect();
			let planes: Vec<Vec<f32>> = self.waiting.iter_mut().map(frame).collect();
			ffi::send_sound(&mut self.encoder, &planes, self.encoded).map_err(failed)?;
			self.encoded += AAC_FRAME as i64;
			self.packets(start, made);
		}
		Ok(())
	}

	fn packets(&mut self, start: i64, made: &mut Vec<Made>) {
		loop {
			let mut packet = Packet::empty();
			if self.encoder.receive_packet(&mut packet).is_err() {
				return;
			}
			if let Some(samples) = packet.pts() {
				let time = start + samples * 90_000 / i64::from(self.rate);
				made.push(Made::Unit { packet, time });
			}
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn chequered(width: u32, height: u32) -> frame::Video {
		let mut whole = frame::Video::new(ffmpeg_next::format::Pixel::YUV420P, width, height);
		for plane in 0..3 {
			let stride = whole.stride(plane);
			for (index, pixel) in whole.data_mut(plane).iter_mut().enumerate() {
				*pixel = (index / stride * 16 + index % stride) as u8;
			}
		}
		whole
	}

	fn pixel(whole: &frame::Video, x: usize, y: usize) -> u8 {
		whole.data(0)[y * whole.stride(0) + x]
	}

	#[test]
	fn picture_should_be_turned_clockwise() {
		let whole = chequered(8, 4);
		let quarter = turned(&whole, 90);
		assert_eq!((quarter.width(), quarter.height()), (4, 8));
		assert_eq!(pixel(&quarter, 3, 0), pixel(&whole, 0, 0));
		assert_eq!(pixel(&quarter, 0, 0), pixel(&whole, 0, 3));
		let half = turned(&whole, 180);
		assert_eq!(pixel(&half, 7, 3), pixel(&whole, 0, 0));
		let back = turned(&quarter, 270);
		for (x, y) in [(0, 0), (7, 0), (3, 2), (7, 3)] {
			assert_eq!(pixel(&back, x, y), pixel(&whole, x, y));
		}
	}

	#[test]
	fn second_field_should_be_made_from_the_first() {
		let mut whole = chequered(8, 4);
		let (first, third) = (pixel(&whole, 2, 0), pixel(&whole, 2, 2));
		unweave(&mut whole, true);
		assert_eq!(pixel(&whole, 2, 0), first, "the first field is kept");
		assert_eq!(pixel(&whole, 2, 1), first / 2 + third / 2);
		assert_eq!(pixel(&whole, 2, 3), third, "the last line has one neighbour");
	}
}
