//! Pictures on their way into a segment: copied, or encoded again.

use ffmpeg_next::Packet;
use livepeer_primitives::video::MAX_SIDE;
use livepeer_worker_core::rules::h264::{self, Sps};

use super::{play::Play, timed, unsupported, Cutter, Pictures, Sound, Unit, PAUSE};
use crate::{
	limits::{self, Failure},
	normalise::{Made, VideoNormaliser},
	sei,
};

/// The most bytes of parameter sets that wait for a picture.
const MOST_LOOSE: usize = 64 * 1024;
/// A larger step of time stamps is a jump, not a pause.
pub(super) const LARGEST_STEP: i64 = 10 * 90_000;
/// The most by which a picture that starts afresh may be before others that came earlier.
pub(super) const STEP_BACK: i64 = 9_000;

impl Cutter<'_> {
	pub(super) fn fits(&self, (width, height): (u32, u32)) -> bool {
		let (w, h) = match self.fit {
			Some(fit) => (fit.width, fit.height),
			None => (MAX_SIDE, MAX_SIDE),
		};
		width <= u32::from(w) && height <= u32::from(h)
	}

	/// Encodes pictures from here on, including those that wait for a cut.
	pub(super) fn encode_pictures(&mut self, why: &str, instead: &str) -> Result<(), Failure> {
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
		self.lead.delay = 0;
		self.bytes = 0;
		for unit in std::mem::take(&mut self.video) {
			self.encode_picture(timed(unit.packet, unit.time, None))?;
		}
		Ok(())
	}

	/// Puts a packet into the normaliser, and its output into the queue.
	fn encode_picture(&mut self, packet: Packet) -> Result<(), Failure> {
		let made = match &mut self.pictures {
			Pictures::Encoded(normaliser) => normaliser.take(&packet)?,
			Pictures::Copied => return Ok(()),
		};
		self.made_pictures(made)
	}

	pub(super) fn made_pictures(&mut self, made: Vec<Made>) -> Result<(), Failure> {
		for made in made {
			match made {
				Made::Unit { packet, time } => {
					if let Pictures::Encoded(normaliser) = &self.pictures {
						if let Some(parameters) = normaliser.parameters() {
							self.video_parameters = Some(parameters);
						}
					}
					let is_idr = packet.is_key();
					self.end = self.end.max(time.saturating_add(self.lead.step));
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

	pub(super) fn take_picture(&mut self, play: &Play, packet: Packet) -> Result<(), Failure> {
		let is_h264 = play.video.1.is_h264;
		let Some(packet) = self.with_loose(packet, is_h264) else { return Ok(()) };
		let data = packet.data().unwrap_or_default();
		let is_idr = is_h264 && sei::has(data, sei::IDR);
		// A decoder can begin at any keyframe; copying needs one that starts afresh.
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
			// A recording may begin in the middle of a group of pictures.
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
				!(-STEP_BACK..=LARGEST_STEP).contains(&forward)
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
		let newest = self.newest.unwrap_or(time).max(time);
		self.newest = Some(newest);
		self.heard = self.came.unwrap_or(newest).max(newest);
		if is_idr {
			self.look_at(sei::units(data, sei::SPS))?;
		}
		if is_copied && sei::slices(data) > limits::most_slices(self.height(play)) {
			self.encode_pictures(
				"it has pictures of more slices than rows of macroblocks",
				"Let its encoder make fewer slices (x264: slices=4, no slice-max-size).",
			)?;
		}
		if matches!(self.pictures, Pictures::Encoded(_)) {
			let packet = if is_h264 { self.with_parameter_sets(packet, starts) } else { packet };
			let dts = packet.dts().map(|dts| dts.saturating_add(time - own_time));
			return self.encode_picture(timed(packet, time, dts));
		}
		let length = if packet.duration() > 0 { packet.duration() } else { self.lead.step };
		self.end = self.end.max(time.saturating_add(length));
		let packet = plain(packet, is_idr, &self.parameter_sets);
		self.push(Unit { packet, time, is_idr });
		Ok(())
	}

	/// A picture with the parameter sets that came by themselves before it; `None` for a packet without a picture.
	/// Some cameras send each unit alone.
	fn with_loose(&mut self, packet: Packet, is_h264: bool) -> Option<Packet> {
		let data = packet.data().unwrap_or_default();
		let has_picture = !is_h264 || sei::slices(data) > 0;
		if !has_picture {
			for kind in [sei::SPS, sei::PPS] {
				self.loose.extend(sei::units(data, kind));
			}
			if self.loose.len() > MOST_LOOSE {
				self.loose.clear();
			}
			return None;
		}
		if self.loose.is_empty() {
			return Some(packet);
		}
		let mut whole = std::mem::take(&mut self.loose);
		whole.extend_from_slice(data);
		let mut longer = Packet::copy(&whole);
		longer.set_flags(packet.flags());
		longer.set_pts(packet.pts());
		longer.set_dts(packet.dts());
		longer.set_duration(packet.duration());
		Some(longer)
	}

	/// By the newest pictures: a source may send smaller ones than it began with.
	fn height(&self, play: &Play) -> u32 {
		match (sei::body(&self.sps).and_then(h264::sps), play.video.1.size) {
			(Some(sps), _) => sps.height,
			// It is not known.
			(None, (_, 0)) => u32::from(MAX_SIDE),
			(None, (_, height)) => height,
		}
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

	/// Handles the first picture of a pass or an epoch: the stream's time continues with it.
	fn begin_line(&mut self, own_time: i64) -> Result<i64, Failure> {
		let shift = self.end.saturating_sub(own_time);
		self.shift = Some(shift);
		self.newest = None;
		self.came = None;
		if let Sound::Encoded(normaliser) = &mut self.sound {
			normaliser.begin(self.end);
		}
		self.begin_waiting(shift)?;
		Ok(shift)
	}

	/// Handles a picture that starts afresh, with these parameter sets: another size begins another epoch.
	fn look_at(&mut self, sets: Vec<u8>) -> Result<(), Failure> {
		if sets.is_empty() || sets == self.sps {
			return Ok(());
		}
		let parsed = |sets: &[u8]| -> Option<Sps> { sei::body(sets).and_then(h264::sps) };
		let (before, now) = (parsed(&self.sps), parsed(&sets));
		if before.is_some() && before != now && matches!(self.pictures, Pictures::Copied) {
			// While the parameter sets of the waiting pictures are in force: the stream may be opened with
			// those.
			self.flush(true)?;
		}
		self.sps = sets;
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

	/// Repeats a picture that stands still for long, if that is allowed.
	pub(super) fn still(&mut self) -> Result<(), Failure> {
		if !self.options.normalise {
			return Ok(());
		}
		self.encode_pictures(
			"the picture stands still for more than three seconds",
			"Let the source send a picture each second at least.",
		)
	}

	pub(super) fn fill_pictures(&mut self, to: i64) -> Result<(), Failure> {
		let made = match &mut self.pictures {
			Pictures::Encoded(normaliser) => normaliser.fill(to)?,
			Pictures::Copied => return Ok(()),
		};
		self.made_pictures(made)
	}
}

/// A picture with its parameter sets and without SEI, which some cameras write wrongly.
pub(super) fn plain(packet: Packet, starts: bool, parameter_sets: &[u8]) -> Packet {
	let data = packet.data().unwrap_or_default();
	let mut whole = Vec::with_capacity(data.len());
	if starts && !sei::has(data, sei::SPS) {
		whole.extend_from_slice(parameter_sets);
	}
	whole.extend_from_slice(&sei::without_sei(data));
	let mut plain = Packet::copy(&whole);
	plain.set_flags(packet.flags());
	plain.set_duration(packet.duration());
	plain
}
