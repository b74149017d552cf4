//! A child's work on a segment: decode once, scale and encode each rendition, hash frames for evidence.
//! Transcoder and verifier run exactly the same code.

use codec::{Decode, Encode};
use ffmpeg_next::{codec::decoder::Opened, frame, Error, Packet, Rational};
use livepeer_primitives::{
	evidence::{self, LeafEvidence},
	receipt::RejectReason,
	video::{Rendition, SourceLimits},
	work::{segment_work, StatedWork, WorkFactors},
	Hash,
};
use sha2::{Digest, Sha256};

use crate::{
	diagnosis::{Diagnosis, Measure},
	ffi,
	limits::{self, DecodeError, Failure},
	mux::{mux, Elementary},
	picture::Picture,
	profile::{self, Tweak},
	sei,
	source::{self, frame_ticks, Source},
};

/// The seed of evidence and the leaf that it is made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct EvidenceSeed {
	/// The tranche's seed.
	pub seed: Hash,
	/// The leaf's index within its claim.
	pub index: u32,
}

/// The profile's variant in one rendition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Variant {
	/// The rendition's place in the ladder.
	pub rendition: u8,
	/// Chooses among [`profile::STARTS`].
	pub start: u8,
}

/// What is requested beyond the plain outputs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Wishes {
	/// Seed for evidence, if requested.
	pub evidence: Option<EvidenceSeed>,
	/// Encode one rendition with the profile's variant.
	pub variant: Option<Variant>,
	/// Reject a segment that takes more work than this, and stop as soon as that shows.
	pub stated: Option<StatedWork>,
}

/// Facts about a segment.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Facts {
	/// Width of its pictures.
	pub width: u32,
	/// Height of its pictures.
	pub height: u32,
	/// Frames per second: numerator and denominator.
	pub fps: (u32, u32),
	/// Number of decoded frames.
	pub frames: u32,
	/// From the first frame to the end of the last, in ticks of 1/90,000 s.
	pub duration: u32,
	/// Presentation time of the first frame, in ticks.
	pub first_time: i64,
	/// Whether it has sound.
	pub has_audio: bool,
}

impl Facts {
	/// Pixels that were decoded.
	pub fn pixels(&self) -> u64 {
		u64::from(self.width) * u64::from(self.height) * u64::from(self.frames)
	}

	/// Pixels that a rendition of this segment encodes.
	pub fn rendition_pixels(&self, rendition: &Rendition) -> u64 {
		u64::from(rendition.width) * u64::from(rendition.height) * u64::from(self.frames)
	}

	/// Work units of transcoding this segment into `ladder`; `None` on overflow.
	pub fn work(&self, factors: &WorkFactors, ladder: &[Rendition]) -> Option<u64> {
		let outputs = ladder.iter().map(|r| (r.profile, self.rendition_pixels(r)));
		segment_work(factors, self.pixels(), outputs)
	}
}

/// A transcoded segment.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Transcoded {
	/// What the source is.
	pub facts: Facts,
	/// One transport stream per rendition, in the ladder's order.
	pub outputs: Vec<Vec<u8>>,
	/// The leaf's digest under evidence recipe 1, if a seed was given.
	pub evidence: Option<Hash>,
}

/// A segment reduced to the features by which two are compared.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Inspection {
	/// Width of its pictures.
	pub width: u32,
	/// Height of its pictures.
	pub height: u32,
	/// Presentation times of its pictures.
	pub times: Vec<i64>,
	/// Hash of each decoded picture, in the order in which they are shown.
	pub pictures: Vec<Hash>,
	/// Hash of all audio packets with their times.
	pub audio: Hash,
}

/// A decoded picture, the shape of the segment's first one, and its time.
type Shown = (frame::Video, ffi::Picture, i64);

/// Decodes a segment picture by picture.
struct Decoder<'a> {
	source: &'a Source,
	decoder: Opened,
	limits: SourceLimits,
	shape: Option<ffi::Picture>,
	frames: u32,
	last_time: Option<i64>,
	/// The largest coded width and height.
	coded: (u32, u32),
	/// Packets that were sent.
	sent: usize,
	/// The slices in these packets.
	slices: u64,
	/// The byte offset of the last packet.
	at: u64,
	/// Whether the decoder was told that there are no more.
	is_ending: bool,
}

impl<'a> Decoder<'a> {
	fn new(source: &'a Source, limits: &SourceLimits) -> Result<Self, Failure> {
		let options = profile::decoder_options(limits);
		let decoder = ffi::open_decoder(&source.video_parameters, source::ticks(), &options)
			.map_err(|e| Failure::internal("decoder", e))?;
		Ok(Self {
			source,
			decoder,
			limits: *limits,
			shape: None,
			frames: 0,
			last_time: None,
			coded: (0, 0),
			sent: 0,
			slices: 0,
			at: 0,
			is_ending: false,
		})
	}

	/// Calls `each` with every picture and its time, in presentation order.
	fn run(
		self,
		each: impl FnMut(&frame::Video, &ffi::Picture, i64) -> Result<(), Failure>,
	) -> Result<Facts, Failure> {
		let room = room(&self.limits);
		self.decode(each).map_err(|failure| unless_short(failure, room))
	}

	fn decode(
		mut self,
		mut each: impl FnMut(&frame::Video, &ffi::Picture, i64) -> Result<(), Failure>,
	) -> Result<Facts, Failure> {
		while let Some((frame, shape, time)) = self.next_picture()? {
			each(&frame, &shape, time)?;
		}
		let times = &self.source.times;
		let (Some(shape), Some(last)) = (self.shape, self.last_time) else {
			return Err(Failure::invalid(RejectReason::NoKeyframe, self.at));
		};
		let first = times.first().copied().unwrap_or(last);
		let duration = last.saturating_sub(first) + frame_ticks(self.source.fps);
		let positive = |n: i32| n.max(0) as u32;
		Ok(Facts {
			width: shape.width,
			height: shape.height,
			fps: (positive(self.source.fps.numerator()), positive(self.source.fps.denominator())),
			frames: self.frames,
			duration: u32::try_from(duration).unwrap_or(u32::MAX),
			first_time: first,
			has_audio: !self.source.audio.is_empty(),
		})
	}

	/// The next picture in presentation order; `None` at the end.
	fn next_picture(&mut self) -> Result<Option<Shown>, Failure> {
		loop {
			if let Some(shown) = self.decoded()? {
				return Ok(Some(shown));
			}
			match self.source.video.get(self.sent) {
				Some(packet) => {
					let at = source::offset(packet);
					let damaged = || Failure::undecodable(DecodeError::Picture, at);
					let slices = sei::slices(packet.data().unwrap_or_default());
					self.slices += slices as u64;
					let decoded = self.sent.max(self.decoded_pictures());
					let most = limits::most_slices(self.limits.height.into());
					if slices > most || hides_pictures(decoded, self.frames) {
						return Err(damaged());
					}
					self.at = at;
					self.sent += 1;
					self.decoder.send_packet(packet).map_err(|e| refused(&e, at))?;
					let (width, height) = ffi::coded_size(&self.decoder);
					self.coded = (self.coded.0.max(width), self.coded.1.max(height));
					// Checked here and not when a picture of this size is shown, which may be never.
					if let Some(shape) = &self.shape {
						limits::check_coded(self.coded, shape.width, shape.height, at)
							.map_err(|_| damaged())?;
					}
				}
				None if self.is_ending => return Ok(None),
				None => {
					let at = self.at;
					self.is_ending = true;
					self.decoder.send_eof().map_err(|e| refused(&e, at))?;
				}
			}
		}
	}

	/// The number of pictures for which the decoded rows and the slices of the next packet count. Slices may
	/// overlap, in fields even without an error, and a packet may contain several pictures. So each row of
	/// macroblocks counts as often as it is decoded, and each slice, which may end inside a row, counts as
	/// one more row.
	fn decoded_pictures(&self) -> usize {
		let rows = ffi::decoded_rows(&self.decoder).saturating_add(self.slices);
		let (_, height) = self.coded;
		let pictures = rows.checked_div(height.div_ceil(limits::MACROBLOCK).into()).unwrap_or(0);
		usize::try_from(pictures).unwrap_or(usize::MAX)
	}

	/// A picture that the decoder has ready, if any.
	fn decoded(&mut self) -> Result<Option<Shown>, Failure> {
		let at = self.at;
		let mut frame = frame::Video::empty();
		match self.decoder.receive_frame(&mut frame) {
			Ok(()) => {}
			Err(Error::Eof) => return Ok(None),
			Err(Error::Other { errno }) if errno == libc::EAGAIN => return Ok(None),
			Err(e) => return Err(refused(&e, at)),
		}
		let shape = ffi::picture(&frame);
		if !shape.is_yuv420p {
			return Err(Failure::invalid(RejectReason::UnsupportedVideo, at));
		}
		limits::check_picture(shape.width, shape.height, &self.limits, at)?;
		limits::check_coded(self.coded, shape.width, shape.height, at)?;
		// A segment has one shape: encoder and work formula rely on it.
		let same = self.shape.is_none_or(|s| {
			(s.width, s.height, s.is_full_range) == (shape.width, shape.height, shape.is_full_range)
		});
		let time = frame.pts().or(frame.timestamp());
		let later = time.filter(|t| self.last_time.is_none_or(|last| *t > last));
		let Some(time) = later else {
			return Err(Failure::undecodable(DecodeError::Time, at));
		};
		if !same || shape.is_damaged {
			return Err(Failure::undecodable(DecodeError::Picture, at));
		}
		let first = *self.shape.get_or_insert(shape);
		self.last_time = Some(time);
		self.frames += 1;
		limits::check_frames(self.frames.into(), &self.limits, at)?;
		Ok(Some((frame, first, time)))
	}
}

/// Packets whose pictures a decoder may hold back for reordering: sixteen pictures of two fields each, and
/// some more.
const HELD_BACK: usize = 40;

/// Whether too many pictures are decoded and never shown, by the number decoded (each field counts) and the
/// number shown. H.264 has such pictures before a recovery point and out of order. Work counts shown
/// pictures, so a source full of hidden ones would make judges decode far more than is stated.
fn hides_pictures(decoded: usize, shown: u32) -> bool {
	decoded > (shown as usize).saturating_mul(2).saturating_add(HELD_BACK)
}

fn refused(error: &Error, at: u64) -> Failure {
	if source::is_ours(error) {
		Failure::internal("decoder", error)
	} else {
		Failure::undecodable(DecodeError::Decoder, at)
	}
}

/// Free memory that shows that a decoder did not fail for lack of memory: more than it can have requested.
fn room(limits: &SourceLimits) -> usize {
	const PICTURES: usize = 20;
	const REST: usize = 64 * 1024 * 1024;
	REST + PICTURES * usize::from(limits.width) * usize::from(limits.height) * 3 / 2
}

/// A decoder without memory may report a damaged source. Signing or judging that would be punished, so it is
/// believed only if more memory is free than the decoder can have requested.
fn unless_short(failure: Failure, room: usize) -> Failure {
	let is_doubtful = matches!(
		failure,
		Failure::InputInvalid {
			reason: RejectReason::Undecodable { .. } | RejectReason::NoKeyframe,
			..
		}
	);
	if !is_doubtful {
		return failure;
	}
	let mut space: Vec<u8> = Vec::new();
	let reserved = space.try_reserve_exact(room);
	// Keeps the compiler from removing the allocation.
	drop(std::hint::black_box(space));
	match reserved {
		Ok(()) => failure,
		Err(error) => Failure::internal("decoder", error),
	}
}

/// The frame hashes of one stream, for the evidence.
struct FrameHashes {
	seed: Option<Hash>,
	hashes: Vec<Hash>,
}

impl FrameHashes {
	fn new(seed: Option<Hash>) -> Self {
		Self { seed, hashes: Vec::new() }
	}

	fn add(&mut self, frame: &frame::Video) -> Result<(), Failure> {
		if let Some(seed) = self.seed {
			let mut hasher = Sha256::new();
			hasher.update(seed.as_bytes());
			ffi::for_each_row(frame, |row| hasher.update(row))
				.map_err(|e| Failure::internal("frame hash", e))?;
			self.hashes.push(Hash::from(<[u8; 32]>::from(hasher.finalize())));
		}
		Ok(())
	}
}

/// One rendition: scaler, encoder and their output.
struct RenditionEncoder {
	rendition: Rendition,
	scaler: ffi::Scaler,
	encoder: ffmpeg_next::codec::encoder::video::Encoder,
	fed: i64,
	packets: Vec<Packet>,
	hashes: FrameHashes,
}

impl RenditionEncoder {
	fn new(
		rendition: Rendition,
		shape: &ffi::Picture,
		source: &Source,
		seed: Option<Hash>,
		tweak: Tweak,
	) -> Result<Self, Failure> {
		let (width, height) = (u32::from(rendition.width), u32::from(rendition.height));
		let scaler = ffi::Scaler::new(shape, width, height, profile::SCALER_FLAGS)
			.map_err(|e| Failure::internal("scaler", e))?;
		let encoder = open(&rendition, shape, source, source.times.len() as u32, tweak)?;
		let hashes = FrameHashes::new(seed);
		Ok(Self { rendition, scaler, encoder, fed: 0, packets: Vec::new(), hashes })
	}

	fn feed(&mut self, frame: &frame::Video, probe: Option<&mut Probe>) -> Result<(), Failure> {
		let mut scaled = self.scaler.scale(frame).map_err(|e| Failure::internal("scaler", e))?;
		self.hashes.add(&scaled)?;
		scaled.set_pts(Some(self.fed));
		self.fed += 1;
		if let Some(probe) = probe {
			probe.feed(&scaled)?;
		}
		self.encoder.send_frame(&scaled).map_err(|e| Failure::internal("encoder", e))?;
		self.drain()
	}

	fn drain(&mut self) -> Result<(), Failure> {
		let packets = &mut self.packets;
		drain(&mut self.encoder, |packet| packets.push(packet))
	}

	/// Ends the encoder and writes its transport stream. The encoder's time stamps count frames; the packets
	/// get the presentation times of the source's frames.
	fn finish(mut self, source: &Source, times: &[i64]) -> Result<(Vec<u8>, FrameHashes), Failure> {
		self.encoder.send_eof().map_err(|e| Failure::internal("encoder", e))?;
		self.drain()?;
		let parameters =
			ffi::encoder_parameters(&self.encoder).map_err(|e| Failure::internal("encoder", e))?;
		if self.packets.len() != times.len() {
			return Err(Failure::internal("encoder", "a frame was lost"));
		}
		let step = frame_ticks(source.fps);
		let mut packets = Vec::with_capacity(self.packets.len());
		for encoded in &self.packets {
			let pts = time_of(times, encoded.pts(), step)
				.ok_or_else(|| Failure::internal("encoder", "a packet without a time"))?;
			let dts = time_of(times, encoded.dts(), step)
				.ok_or_else(|| Failure::internal("encoder", "a packet without a time"))?;
			let picture = profile::strip(encoded.data().unwrap_or_default());
			if picture.is_empty() {
				return Err(Failure::internal("encoder", "an empty picture"));
			}
			let mut packet = Packet::copy(&picture);
			packet.set_flags(encoded.flags());
			packet.set_pts(Some(pts));
			packet.set_dts(Some(dts));
			packet.set_duration(step);
			packets.push(packet);
		}
		let audio = copied_audio(source)?;
		let bytes = mux(Elementary { parameters, packets }, audio)?;
		tracing::debug!(
			width = self.rendition.width,
			height = self.rendition.height,
			bytes = bytes.len(),
			"rendition done"
		);
		Ok((bytes, self.hashes))
	}
}

/// Takes all packets that an encoder has ready.
fn drain(
	encoder: &mut ffmpeg_next::codec::encoder::video::Encoder,
	mut each: impl FnMut(Packet),
) -> Result<(), Failure> {
	loop {
		let mut packet = Packet::empty();
		match encoder.receive_packet(&mut packet) {
			Ok(()) => each(packet),
			Err(Error::Eof) => return Ok(()),
			Err(Error::Other { errno }) if errno == libc::EAGAIN => return Ok(()),
			Err(e) => return Err(Failure::internal("encoder", e)),
		}
	}
}

/// The start of one rendition, encoded with a quantiser that the evidence's seed chooses. It proves that its
/// maker runs an encoder, and cannot be made before the seed is known.
struct Probe {
	rendition: usize,
	encoder: ffmpeg_next::codec::encoder::video::Encoder,
	left: u32,
	hasher: Sha256,
}

impl Probe {
	/// Frames of a probe: half a second, at least two so that there is motion in it.
	fn frames(source: &Source) -> u32 {
		let fps = source.fps;
		let half = i64::from(fps.numerator()) / (2 * i64::from(fps.denominator().max(1)));
		half.clamp(2, source.times.len().max(2) as i64) as u32
	}

	/// The rendition that `seed` chooses, and its quantiser; `None` if its profile has no probe.
	fn choice(ladder: &[Rendition], seed: Hash) -> Option<(usize, Tweak)> {
		let bytes = <[u8; 32]>::from(Sha256::digest((b"probe", seed).encode()));
		let rendition = usize::from(bytes[0]) % ladder.len().max(1);
		if !profile::has_probe(ladder.get(rendition)?) {
			return None;
		}
		let strength = u16::from_be_bytes([bytes[1], bytes[2]]);
		Some((rendition, Tweak::Probe { strength }))
	}

	fn new(
		ladder: &[Rendition],
		shape: &ffi::Picture,
		source: &Source,
		seed: Hash,
	) -> Result<Option<Self>, Failure> {
		let Some((rendition, tweak)) = Self::choice(ladder, seed) else { return Ok(None) };
		let left = Self::frames(source);
		let encoder = open(&ladder[rendition], shape, source, left, tweak)?;
		Ok(Some(Self { rendition, encoder, left, hasher: Sha256::new() }))
	}

	fn feed(&mut self, scaled: &frame::Video) -> Result<(), Failure> {
		if self.left == 0 {
			return Ok(());
		}
		self.left -= 1;
		self.encoder.send_frame(scaled).map_err(|e| Failure::internal("probe", e))?;
		if self.left == 0 {
			self.encoder.send_eof().map_err(|e| Failure::internal("probe", e))?;
		}
		self.drain()
	}

	fn drain(&mut self) -> Result<(), Failure> {
		let hasher = &mut self.hasher;
		drain(&mut self.encoder, |packet| {
			hasher.update(profile::strip(packet.data().unwrap_or_default()));
		})
	}

	/// The rendition, and the hash of the encoded bytes.
	fn finish(mut self) -> Result<(usize, Hash), Failure> {
		if self.left > 0 {
			self.encoder.send_eof().map_err(|e| Failure::internal("probe", e))?;
			self.drain()?;
		}
		Ok((self.rendition, Hash::from(<[u8; 32]>::from(self.hasher.finalize()))))
	}
}

/// Opens the encoder of a rendition of a segment of `frames` frames.
fn open(
	rendition: &Rendition,
	shape: &ffi::Picture,
	source: &Source,
	frames: u32,
	tweak: Tweak,
) -> Result<ffmpeg_next::codec::encoder::video::Encoder, Failure> {
	let (width, height) = (u32::from(rendition.width), u32::from(rendition.height));
	let setup = ffi::EncoderSetup {
		width,
		height,
		fps: source.fps,
		// Time stamps count frames.
		time_base: source.fps.invert(),
		aspect: scaled_aspect(shape, width, height),
		colour: shape.colour,
	};
	let options = profile::encoder_options(rendition, frames, source.fps, tweak)
		.ok_or_else(|| Failure::internal("encoder", "a profile that is not known"))?;
	ffi::open_encoder(&setup, &options).map_err(|e| Failure::internal("encoder", e))
}

/// The time of frame `index`. Decoding times begin before the first frame by the encoder's delay; these
/// earlier times are extrapolated at the nominal rate.
fn time_of(times: &[i64], index: Option<i64>, step: i64) -> Option<i64> {
	let index = index?;
	match usize::try_from(index) {
		Ok(index) => times.get(index).copied(),
		Err(_) => Some(times.first()?.saturating_add(index.saturating_mul(step))),
	}
}

/// The source's audio packets, for a muxer.
fn copied_audio(source: &Source) -> Result<Option<Elementary>, Failure> {
	let Some(parameters) = &source.audio_parameters else { return Ok(None) };
	let packets = source
		.audio
		.iter()
		.map(|packet| {
			let mut copy = packet.clone();
			copy.set_dts(packet.pts());
			copy
		})
		.collect();
	Ok(Some(Elementary { parameters: parameters.clone(), packets }))
}

/// The sample aspect ratio after scaling that keeps the picture's display shape.
fn scaled_aspect(shape: &ffi::Picture, width: u32, height: u32) -> Rational {
	let (num, den) = (shape.aspect.numerator(), shape.aspect.denominator());
	if num <= 0 || den <= 0 {
		return Rational(0, 1);
	}
	let scaled = |side: i32, a: u32, b: u32| i64::from(side) * i64::from(a) * i64::from(b);
	let (mut a, mut b) = (scaled(num, shape.width, height), scaled(den, shape.height, width));
	// H.264 has 16 bits for each; rounding down keeps the ratio to four digits.
	while a > 65_535 || b > 65_535 {
		let divisor = [2, 3, 5, 7].into_iter().find(|d| a % d == 0 && b % d == 0).unwrap_or(1);
		if divisor > 1 {
			(a, b) = (a / divisor, b / divisor);
		} else {
			(a, b) = ((a / 2).max(1), (b / 2).max(1));
		}
	}
	Rational(a as i32, b as i32)
}

/// Decodes a segment and returns the facts about it.
pub fn probe(input: Vec<u8>, limits: &SourceLimits) -> Result<Facts, Failure> {
	let source = source::read(input, limits)?;
	Decoder::new(&source, limits)?.run(|_, _, _| Ok(()))
}

/// Transcodes a segment into the ladder.
pub fn transcode(
	input: Vec<u8>,
	ladder: &[Rendition],
	limits: &SourceLimits,
	wishes: &Wishes,
) -> Result<Transcoded, Failure> {
	let plans = (0u8..).zip(ladder).map(|(place, rendition)| {
		let variant = wishes.variant.filter(|variant| variant.rendition == place);
		(*rendition, variant.map_or(Tweak::None, |v| Tweak::Variant { start: v.start }))
	});
	let mut plans: Vec<_> = plans.collect();
	// The plain encode is made too, from which a variant must differ.
	let varied = wishes.variant.map(|variant| usize::from(variant.rendition));
	let beside = varied.and_then(|place| ladder.get(place));
	plans.extend(beside.map(|rendition| (*rendition, Tweak::None)));
	let mut made = encode_all(input, &plans, ladder.len(), limits, wishes)?;
	let plain = made.outputs.split_off(ladder.len());
	if let (Some(place), Some(plain)) = (varied, plain.first()) {
		profile::tell_apart(&mut made.outputs[place], plain);
	}
	Ok(made)
}

/// One rendition's variant from one of the starting pictures, before [`profile::tell_apart`].
pub fn variant(
	input: Vec<u8>,
	rendition: &Rendition,
	start: u8,
	limits: &SourceLimits,
) -> Result<Transcoded, Failure> {
	encode_all(input, &[(*rendition, Tweak::Variant { start })], 0, limits, &Wishes::default())
}

/// Encodes all plans from the same decode. The first `shown` plans count as work and go into the evidence.
fn encode_all(
	input: Vec<u8>,
	plans: &[(Rendition, Tweak)],
	shown: usize,
	limits: &SourceLimits,
	wishes: &Wishes,
) -> Result<Transcoded, Failure> {
	let Wishes { evidence, stated, .. } = *wishes;
	let seed = evidence.map(|e| e.seed);
	let source = source::read(input, limits)?;
	let mut decoded = FrameHashes::new(seed);
	let mut encoders: Vec<RenditionEncoder> = Vec::with_capacity(plans.len());
	let mut probe = None;
	let mut times = Vec::with_capacity(source.times.len());
	let facts = Decoder::new(&source, limits)?.run(|frame, shape, time| {
		times.push(time);
		let counted = plans.iter().take(shown).map(|(rendition, _)| rendition);
		if stated.is_some_and(|stated| is_exceeded(&stated, shape, times.len(), counted)) {
			return Err(Failure::MoreWork);
		}
		if encoders.is_empty() {
			for (place, (rendition, tweak)) in plans.iter().enumerate() {
				let seed = seed.filter(|_| place < shown);
				encoders.push(RenditionEncoder::new(*rendition, shape, &source, seed, *tweak)?);
			}
			if let Some(seed) = seed {
				let ladder: Vec<Rendition> = plans.iter().take(shown).map(|(r, _)| *r).collect();
				probe = Probe::new(&ladder, shape, &source, seed)?;
			}
		}
		decoded.add(frame)?;
		encoders.iter_mut().enumerate().try_for_each(|(place, encoder)| {
			encoder.feed(frame, probe.as_mut().filter(|probe| probe.rendition == place))
		})
	})?;

	let mut outputs = Vec::with_capacity(encoders.len());
	let mut streams = vec![decoded];
	for encoder in encoders {
		let (bytes, hashes) = encoder.finish(&source, &times)?;
		outputs.push(bytes);
		streams.push(hashes);
	}
	let probe = probe.map(Probe::finish).transpose()?;
	let evidence = evidence.map(|EvidenceSeed { seed, index }| {
		let mut leaf = LeafEvidence::new(seed, index);
		for (stream, hashes) in streams.iter().take(shown + 1).enumerate() {
			for (frame, hash) in hashes.hashes.iter().enumerate() {
				leaf.add(stream as u8, frame as u32, *hash);
			}
		}
		if let Some((rendition, hash)) = probe {
			leaf.add(evidence::PROBES + rendition as u8, 0, hash);
		}
		leaf.digest()
	});
	Ok(Transcoded { facts, outputs, evidence })
}

/// Whether this many source pictures, and as many of each of these renditions, take more work than is stated.
fn is_exceeded<'a>(
	stated: &StatedWork,
	shape: &ffi::Picture,
	pictures: usize,
	ladder: impl Iterator<Item = &'a Rendition>,
) -> bool {
	let pixels = |width: u32, height: u32| u64::from(width) * u64::from(height) * pictures as u64;
	let outputs = ladder.map(|r| (r.profile, pixels(r.width.into(), r.height.into())));
	stated.is_exceeded(pixels(shape.width, shape.height), outputs)
}

/// Reduces an output, ours or another's, to the features by which outputs are compared.
pub fn inspect(input: Vec<u8>, limits: &SourceLimits) -> Result<Inspection, Failure> {
	let source = source::read(input, limits)?;
	let mut pictures = Vec::with_capacity(source.times.len());
	let mut times = Vec::with_capacity(source.times.len());
	let facts = Decoder::new(&source, limits)?.run(|frame, _, time| {
		times.push(time);
		let mut picture = Sha256::new();
		ffi::for_each_row(frame, |row| picture.update(row))
			.map_err(|e| Failure::internal("frame hash", e))?;
		pictures.push(Hash::from(<[u8; 32]>::from(picture.finalize())));
		Ok(())
	})?;
	let mut audio = Sha256::new();
	for packet in &source.audio {
		let data = packet.data().unwrap_or_default();
		audio.update((packet.pts(), data).encode());
	}
	Ok(Inspection {
		width: facts.width,
		height: facts.height,
		times,
		pictures,
		audio: Hash::from(<[u8; 32]>::from(audio.finalize())),
	})
}

/// The picture at a place in display order, for viewing.
pub fn picture(input: Vec<u8>, limits: &SourceLimits, place: u32) -> Result<Picture, Failure> {
	let source = source::read(input, limits)?;
	let (mut at, mut found) = (0, None);
	Decoder::new(&source, limits)?.run(|frame, _, _| {
		if at == place {
			found = Some(Picture::of(frame)?);
		}
		at += 1;
		Ok(())
	})?;
	found.ok_or_else(|| Failure::internal("picture", "there is none at this place"))
}

/// Measures how far an output is from the right one, and both from the source, picture by picture.
pub fn diagnose(
	input: Vec<u8>,
	limits: &SourceLimits,
	[right, output]: [Vec<u8>; 2],
	output_limits: &SourceLimits,
) -> Result<Diagnosis, Failure> {
	let source = source::read(input, limits)?;
	let right = source::read(right, output_limits)?;
	let output = source::read(output, output_limits)?;
	// In parallel, so that only the decoders' own pictures are held.
	let mut sources = Decoder::new(&source, limits)?;
	let mut rights = Decoder::new(&right, output_limits)?;
	let mut outputs = Decoder::new(&output, output_limits)?;
	let failed = |what: &'static str| Failure::internal("diagnosis", what);
	let mut started = None;
	loop {
		let next = (sources.next_picture()?, rights.next_picture()?, outputs.next_picture()?);
		let ((frame, shape, _), (right, ..), (output, ..)) = match next {
			(Some(source), Some(right), Some(output)) => (source, right, output),
			(None, None, None) => break,
			_ => return Err(failed("they have another number of pictures")),
		};
		let right = Picture::of(&right)?;
		if started.is_none() {
			let scaler = ffi::Scaler::new(&shape, right.width, right.height, profile::SCALER_FLAGS)
				.map_err(|e| Failure::internal("scaler", e))?;
			started = Some((scaler, Measure::new(right.width, right.height)));
		}
		if let Some((scaler, measure)) = &mut started {
			let scaled = scaler.scale(&frame).map_err(|e| Failure::internal("scaler", e))?;
			measure.add(&Picture::of(&scaled)?, &right, &Picture::of(&output)?).map_err(failed)?;
		}
	}
	let (_, measure) = started.ok_or_else(|| failed("there are no pictures"))?;
	Ok(measure.finish())
}

#[cfg(test)]
mod tests {
	use super::*;
	use livepeer_primitives::video::CANONICAL_PROFILE;

	/// Short of memory, a judge would accuse the transcoder of a good segment, and a transcoder would reject
	/// it.
	#[test]
	fn attack_source_that_a_decoder_without_memory_calls_damaged() {
		let room = room(&SourceLimits::new(64, 36, 30));
		// More than there are addresses.
		let too_much = isize::MAX as usize;
		let damaged = Failure::undecodable(DecodeError::Decoder, 188);
		assert_eq!(unless_short(damaged.clone(), room), damaged);
		assert!(matches!(unless_short(damaged, too_much), Failure::Internal(_)));
		// Counting needs no memory.
		let long = Failure::invalid(RejectReason::TooLong, 188u32);
		assert_eq!(unless_short(long.clone(), too_much), long);
	}

	/// A source with one picture to be shown behind twelve hundred that are not states the work of one.
	#[test]
	fn attack_pictures_that_are_decoded_and_never_shown() {
		// How many of all packets are sent where so many pictures have come after each number of them.
		let sent = |shown: fn(usize) -> usize| {
			let goes_on = |sent: &usize| !hides_pictures(*sent, shown(*sent) as u32);
			(0..1_201).take_while(goes_on).count()
		};
		assert_eq!(sent(|_| 0), HELD_BACK + 1);
		assert_eq!(sent(|sent| sent / 4), 2 * HELD_BACK - 1);
		// Pictures that wait for sixteen others, whole or in fields.
		assert_eq!(sent(|sent| sent.saturating_sub(17)), 1_201);
		assert_eq!(sent(|sent| (sent / 2).saturating_sub(17)), 1_201);
	}

	#[test]
	fn time_should_run_backwards_when_before_the_first_frame() {
		let times = [9_000, 12_000, 15_100];
		assert_eq!(time_of(&times, Some(2), 3_000), Some(15_100));
		assert_eq!(time_of(&times, Some(-2), 3_000), Some(3_000));
		assert_eq!(time_of(&times, Some(3), 3_000), None);
		assert_eq!(time_of(&times, None, 3_000), None);
	}

	#[test]
	fn work_should_count_decoded_and_encoded_pixels() {
		let facts = Facts {
			width: 1280,
			height: 720,
			fps: (30, 1),
			frames: 60,
			duration: 180_000,
			first_time: 0,
			has_audio: true,
		};
		let ladder = [Rendition {
			width: 640,
			height: 360,
			profile: CANONICAL_PROFILE,
			kbps: 800,
			cap_kbps: 800,
		}];
		let factors = WorkFactors::canonical(1000, 500, 1);
		let expected = 640 * 360 * 60 + 1280 * 720 * 60 / 2;
		assert_eq!(facts.work(&factors, &ladder), Some(expected));
	}
}
