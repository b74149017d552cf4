//! Sound on its way into a segment: copied, or encoded again.

use ffmpeg_next::Packet;

use super::{play::Play, timed, unsupported, Cutter, Sound, Unit, PAUSE, START};
use crate::{
	ffi,
	limits::Failure,
	normalise::{AudioNormaliser, Made},
	source::adts,
};

/// A step of sound from which on it is checked whether the picture jumps too.
const SOUND_STEP: i64 = 3 * 45_000;
/// A hole in the sound that is filled with silence.
const HOLE: i64 = 45_000;
/// The farthest that sound may be ahead of pictures that keep coming; sound further ahead does not belong to
/// them.
const FARTHEST: i64 = 10 * 90_000;
/// Sound that may wait for a picture.
const MOST_WAITING: usize = 1_000;

impl Cutter<'_> {
	pub(super) fn begin_sound(&mut self, play: &Play) -> Result<(), Failure> {
		let Some((index, track)) = &play.audio else { return Ok(()) };
		self.sound = Sound::Copied;
		let mut parameters = play.parameters(*index)?;
		// The demuxer may not know it of sound that came late, and a muxer wants to.
		ffi::set_sample_rate(&mut parameters, track.sample_rate);
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

	/// Whether the sound stopped where the picture did, before it stepped forward by `forward`.
	pub(super) fn is_sound_away(&self, newest: i64, forward: i64) -> bool {
		match self.last_audio {
			Some(last) => last < newest + forward / 2,
			None => false,
		}
	}

	pub(super) fn take_sound(&mut self, play: &Play, packet: Packet) -> Result<(), Failure> {
		if matches!(self.sound, Sound::None) && play.is_late {
			// A new track is announced to viewers at an epoch's beginning.
			self.is_sound_late = true;
			return Ok(());
		}
		if !self.is_whole(play, &packet)? {
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
		self.came = Some(time);
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
		if self.is_apart(time) {
			let text = "the sound is far ahead of the pictures: it is left out until they meet";
			return self.notice(text.into());
		}
		self.keep_sound(packet, time)?;
		self.repeat(time)
	}

	/// Whether sound that is copied is a whole frame. Where a packet of a transport stream was lost, pieces are
	/// left of the frames around it, and nobody would take a segment with a piece. Sound whose headers say
	/// another rate or other channels than before is encoded from there on, so that it stays in one form.
	fn is_whole(&mut self, play: &Play, packet: &Packet) -> Result<bool, Failure> {
		if !matches!(self.sound, Sound::Copied) {
			return Ok(true);
		}
		if play.audio.as_ref().is_some_and(|(_, track)| !track.extradata.is_empty()) {
			// Without headers of its own; a muxer takes no frame of a byte.
			return Ok(packet.size() > 1);
		}
		let header = packet.data().and_then(adts).filter(|header| header.length == packet.size());
		let Some(header) = header else { return Ok(false) };
		let first = *self.header_form.get_or_insert(header.form);
		let other = Some(header.form).filter(|form| *form != first);
		// Pieces of frames may look like a header of any form, but not twice alike.
		let changes = other.is_some() && other == self.other_form;
		self.other_form = other;
		if other.is_some() && !changes {
			return Ok(false);
		}
		if changes && self.options.normalise {
			self.encode_sound(
				"the sound has changed its rate or its channels",
				"Let the source send sound of one rate and with the same channels all the time.",
			)?;
		}
		Ok(true)
	}

	/// Whether sound of this time is too far ahead of pictures that keep coming.
	fn is_apart(&self, time: i64) -> bool {
		let is_far = self.newest.is_some_and(|newest| time.saturating_sub(newest) > FARTHEST);
		is_far && time.saturating_sub(self.heard) <= PAUSE
	}

	/// Keeps sound that waited for a picture with the same jump, if none came.
	pub(super) fn release(&mut self, shift: i64) -> Result<(), Failure> {
		for packet in std::mem::take(&mut self.waiting) {
			let time = packet.pts().map(|own_time| own_time.saturating_add(shift));
			if let Some(time) = time.filter(|time| !self.is_apart(*time)) {
				self.keep_sound(packet, time)?;
			}
		}
		Ok(())
	}

	/// Keeps sound that waited for the picture with which the stream's time begins or continues, if it
	/// belongs to that time.
	pub(super) fn begin_waiting(&mut self, shift: i64) -> Result<(), Failure> {
		let latest = self.end.saturating_add(FARTHEST);
		for packet in std::mem::take(&mut self.waiting) {
			let time = packet.pts().map(|own_time| own_time.saturating_add(shift));
			if let Some(time) = time.filter(|time| *time <= latest) {
				self.keep_sound(packet, time)?;
			}
		}
		Ok(())
	}

	/// Repeats the picture if none has come for long while the sound continues. A picture that is only behind
	/// the sound does not count as missing.
	fn repeat(&mut self, time: i64) -> Result<(), Failure> {
		let Some(newest) = self.newest else { return Ok(()) };
		let still = time.saturating_sub(self.heard);
		if still <= PAUSE {
			return Ok(());
		}
		self.still()?;
		self.fill_pictures(newest.saturating_add(still) - PAUSE / 3)
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

	pub(super) fn keep_sound(&mut self, packet: Packet, time: i64) -> Result<(), Failure> {
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

	pub(super) fn made_sound(&mut self, made: Vec<Made>) {
		for made in made {
			if let Made::Unit { packet, time } = made {
				self.push_sound(packet, time);
			}
		}
	}

	fn push_sound(&mut self, packet: Packet, time: i64) {
		// Sound before the first picture, or before the previous pass's end, is dropped.
		if time < START || self.last_audio.is_some_and(|last| time <= last) {
			return;
		}
		self.last_audio = Some(time);
		self.sound_end = self.sound_end.max(time.saturating_add(packet.duration().max(0)));
		self.audio.push_back(Unit { packet, time, is_idr: false });
		// Bounded: the oldest sound has no picture.
		if self.audio.len() > 8 * MOST_WAITING {
			self.audio.pop_front();
		}
	}

	/// An announced track is complete in every segment.
	pub(super) fn mend_sound(&mut self, start: i64, end: i64) -> Result<(), Failure> {
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
}
