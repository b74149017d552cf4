//! Ends segments, epochs and passes, and repairs a segment before it is emitted.

use ffmpeg_next::{codec, Packet, Rational};
use livepeer_primitives::video::{MAX_FPS, MAX_SEGMENT_BYTES, MAX_SIDE};
use livepeer_worker_core::rules::h264;

use super::{timed, unsupported, Cutter, Pictures, Sound, Unit};
use crate::{
	ffi,
	limits::Failure,
	mux::{mux, Elementary},
	sei,
	source::{frame_rate, frame_ticks},
	wire::{Answer, Rungs, Segment, Shape},
};

/// A keyframe this close before the target counts as at the target: containers round their time stamps.
const SLACK: i64 = 900;
/// The most bytes that may wait for a cut: more than any rate that can be streamed.
const MOST_BYTES: usize = 40 * 1024 * 1024;
/// The most pictures that may wait for a cut: more than the longest segment has. Each new one is compared
/// with all of them, so a source whose time stands still would keep a processor busy for ever.
const MOST_PICTURES: usize = 8_192;

impl Cutter<'_> {
	/// A pass over the source ended.
	pub(super) fn pass_ended(&mut self) -> Result<(), Failure> {
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
		// Sound may end a little later than the film.
		self.end = self.end.max(self.sound_end.min(self.end + 90_000));
		Ok(())
	}

	/// Ends the epoch: what follows does not continue it.
	pub(super) fn end_of_epoch(&mut self) -> Result<(), Failure> {
		self.flush(true)?;
		self.end_own();
		self.newest = None;
		// Sound beyond the last picture does not belong to the next epoch.
		self.audio.clear();
		self.last_audio = None;
		self.sound_end = self.end;
		Ok(())
	}

	/// Emits everything that waits; with `last`, it ends the epoch.
	pub(super) fn flush(&mut self, last: bool) -> Result<(), Failure> {
		self.mend_rest()?;
		let made = match &mut self.pictures {
			Pictures::Encoded(normaliser) => normaliser.finish()?,
			Pictures::Copied => Vec::new(),
		};
		self.made_pictures(made)?;
		self.flush_queue(last)
	}

	pub(super) fn flush_queue(&mut self, last: bool) -> Result<(), Failure> {
		while let Some(mut segment) = self.rest()? {
			segment.last = last && self.video.is_empty();
			self.give(segment)?;
		}
		Ok(())
	}

	/// Where the next segment is cut: after how many pictures, and at what time.
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
	pub(super) fn next(&mut self) -> Result<Option<Segment>, Failure> {
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
		// Wait until the sound of this segment is complete and, in a file, it is known whether the rest is
		// long enough to stand alone.
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
		if !(enough && (!(late || self.is_own_late(end)) || newest - end >= patience)) {
			return Ok(None);
		}
		self.is_silent = late;
		self.mend(count, end)?;
		// The repair may have encoded what was to be cut.
		if self.place(start).0 != cut {
			return Ok(None);
		}
		self.cut_off(count, end).map(Some)
	}

	/// Checks the remaining pictures as a whole: neither faster nor larger than every judge takes.
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

	/// Repairs the first `count` pictures, which end at `end`, so that every judge takes them.
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

	/// The next segment of the remaining pictures.
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
		let units: Vec<Unit> = self.video.drain(..count).collect();
		let is_open = self.video.is_empty();
		self.bytes = self.video.iter().map(|unit| unit.packet.size()).sum();
		let (video, (first, last)) = stamped(units, &mut self.lead)
			.ok_or_else(|| Failure::internal("segmenter", "an empty segment"))?;
		let split = self.audio.partition_point(|unit| unit.time < end);
		let audio: Vec<Packet> = self
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
		let own = Rungs(self.cut_own((first, end), is_open, &audio)?);
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
		// Viewers get the sound as it is here: where its form changes, their decoders have to be told.
		let form = self.audio_parameters.as_ref().map(ffi::heard_as);
		let fresh = self.sound_form.is_some() && form != self.sound_form;
		self.sound_form = form;
		Ok(Segment { data, duration, first_time: first, frames, last: false, fresh, own })
	}

	/// Emits the source's shape, before its first segment.
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
		// Probing may find a changing rate; sixty are enough for motion.
		let probed = if frames > 1 { self.probed } else { 0 };
		let fps = seen.max(probed.min(60)).clamp(1, i64::from(MAX_FPS)) as u16;
		let side = |side: u32| u16::try_from(side).unwrap_or(MAX_SIDE).clamp(1, MAX_SIDE);
		let shape = Shape { width: side(width), height: side(height), fps };
		self.fit = Some(shape);
		(self.emit)(Answer::Shape(shape))
	}
}

/// The relation of decoding to presentation times.
pub(super) struct Lead {
	/// Length of a frame, for the last one.
	pub(super) step: i64,
	/// The number of pictures by which decoding runs ahead.
	pub(super) delay: usize,
}

impl Default for Lead {
	fn default() -> Self {
		Self { step: 3_000, delay: 0 }
	}
}

/// Pictures with ascending decoding times, and the first and last presentation times; `None` if there are
/// none.
pub(super) fn stamped(mut units: Vec<Unit>, lead: &mut Lead) -> Option<(Vec<Packet>, (i64, i64))> {
	let mut times: Vec<i64> = units.iter().map(|unit| unit.time).collect();
	times.sort_unstable();
	if times.windows(2).any(|pair| pair[0] == pair[1]) {
		// Containers round: two pictures with equal times are set a tick apart.
		let mut taken = std::collections::BTreeSet::new();
		for unit in &mut units {
			while !taken.insert(unit.time) {
				unit.time += 1;
			}
		}
		times = taken.into_iter().collect();
	}
	let (first, last) = (times.first().copied()?, times.last().copied()?);
	if times.len() > 1 {
		let rate: Rational = frame_rate(times.len() as i64 - 1, last - first);
		lead.step = frame_ticks(rate).clamp(1, 90_000);
	}
	let ahead = |(index, unit): (usize, &Unit)| {
		index.saturating_sub(times.partition_point(|time| *time < unit.time))
	};
	lead.delay = units.iter().enumerate().map(ahead).max().unwrap_or(0).max(lead.delay);
	let mut packets = Vec::with_capacity(units.len());
	for (index, unit) in units.into_iter().enumerate() {
		let dts = match index.checked_sub(lead.delay) {
			Some(behind) => times[behind],
			None => first - (lead.delay - index) as i64 * lead.step,
		};
		packets.push(timed(unit.packet, unit.time, Some(dts)));
	}
	Some((packets, (first, last)))
}

/// Whether more may come before it is cut.
fn may_wait(span: i64, longest: i64, bytes: usize, pictures: usize) -> bool {
	span < longest && bytes < MOST_BYTES && pictures < MOST_PICTURES
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
