//! The publisher's own renditions: further video tracks, cut where the first one is.
//!
//! They are copied or left out, never encoded, and no segment waits for one longer than for its sound. A
//! notice says once what is left out, and why.

use std::collections::VecDeque;

use ffmpeg_next::{codec, Packet};
use livepeer_primitives::video::{MAX_FPS, MAX_SEGMENT_BYTES, MAX_SIDE};
use livepeer_worker_core::rules::h264::{self, Sps};

use super::{
	ending::{stamped, Lead},
	pictures::{plain, LARGEST_STEP, STEP_BACK},
	play::{Further, Play},
	Cutter, Unit,
};
use crate::{
	ffi,
	limits::Failure,
	mux::{mux, Elementary},
	sei,
	wire::Rung,
};

/// How far a keyframe may be from the first track's cut: a sixtieth of a second, because containers round.
const ALIGNED: i64 = 1_500;
/// How much may be missing before an open end, where no keyframe follows, or exceed it: half a second.
const TAIL: i64 = 45_000;
/// The most bytes and pictures of a track that may wait for a cut. If there are more, they are dropped: the
/// first track does not follow.
const MOST_BYTES: usize = MAX_SEGMENT_BYTES as usize;
const MOST_PICTURES: usize = 4_096;

/// A further track of pictures.
pub(super) struct Own {
	/// Its number, from 1.
	track: u8,
	parameters: codec::Parameters,
	parameter_sets: Vec<u8>,
	/// The size of its pictures, known from its first segment on.
	size: Option<(u32, u32)>,
	/// Pictures that came before the stream's first one, or that of its epoch.
	early: Held,
	/// Pictures that are far from the first track's, which may be about to jump there.
	ahead: Held,
	units: VecDeque<Unit>,
	/// The waiting bytes.
	bytes: usize,
	/// The newest time in this epoch.
	newest: i64,
	/// Whether it was missing when a segment last waited for it.
	is_away: bool,
	lead: Lead,
}

/// Pictures in the source's own time, whose place in the stream's is not known yet.
#[derive(Default)]
struct Held {
	packets: Vec<Packet>,
	bytes: usize,
}

impl Held {
	/// Holds one more, if it may wait.
	fn push(&mut self, packet: Packet) {
		if self.packets.len() < MOST_PICTURES && self.bytes < MOST_BYTES {
			self.bytes = self.bytes.saturating_add(packet.size());
			self.packets.push(packet);
		}
	}
}

/// Where the first track is: the offset from the source's own time to the stream's, and its newest picture.
#[derive(Clone, Copy)]
struct Line {
	shift: i64,
	newest: i64,
}

/// Why a track is not in a segment.
type Unfit = &'static str;

const UNALIGNED: Unfit = "it has no keyframe where the first one is cut: let its encoder set keyframes at the same times, every 2 s";
const CHANGED: Unfit = "its pictures have changed their size";
const LARGE: Unfit = "it has more pictures than a segment may have, or more bytes with the others";
const NOT_TAKEN: Unfit = "it is not H.264 of 8-bit 4:2:0, progressive and upright";

impl Own {
	/// A track with the parameters that its container announces.
	fn new(track: u8, further: &Further, play: &Play) -> Result<Result<Self, Unfit>, Failure> {
		let about = &further.track;
		let is_plain = about.is_h264 && !about.is_interlaced && about.rotation == 0;
		if !is_plain || about.is_yuv420p == Some(false) {
			return Ok(Err(NOT_TAKEN));
		}
		let mut parameters = play.parameters(further.index)?;
		ffi::clear_extradata(&mut parameters);
		Ok(Ok(Self {
			track,
			parameters,
			parameter_sets: further.parameter_sets.clone(),
			size: None,
			early: Held::default(),
			ahead: Held::default(),
			units: VecDeque::new(),
			bytes: 0,
			newest: i64::MIN,
			is_away: false,
			lead: Lead::default(),
		}))
	}

	/// Takes a picture; `line` is known once the stream has begun.
	fn take(&mut self, packet: Packet, line: Option<Line>) {
		let Some(line) = line else { return self.early.push(packet) };
		for early in std::mem::take(&mut self.early).packets {
			self.push(early, line);
		}
		self.push(packet, line);
	}

	fn push(&mut self, packet: Packet, line: Line) {
		let Some(own_time) = packet.pts() else { return };
		let time = own_time.saturating_add(line.shift);
		let is_idr = packet.data().is_some_and(|data| sei::has(data, sei::IDR));
		let goes_back = is_idr && time < self.newest.saturating_sub(STEP_BACK);
		let is_far = time.saturating_sub(line.newest).saturating_abs() > LARGEST_STEP;
		let has_jumped = !self.ahead.packets.is_empty();
		if goes_back || is_far || has_jumped && !is_idr {
			return self.ahead.push(packet);
		}
		// The first track has not followed.
		self.ahead = Held::default();
		if self.newest == i64::MIN && !is_idr {
			// Of an epoch that is over, or of no use.
			return;
		}
		let packet = plain(packet, is_idr, &self.parameter_sets);
		if self.units.len() >= MOST_PICTURES || self.bytes >= MOST_BYTES {
			self.clear();
		}
		self.newest = self.newest.max(time);
		self.bytes = self.bytes.saturating_add(packet.size());
		self.units.push_back(Unit { packet, time, is_idr });
	}

	fn clear(&mut self) {
		self.units.clear();
		self.bytes = 0;
		self.newest = i64::MIN;
	}

	/// The epoch is over at `end`. What came of the next one before the first track's pictures did is kept for it.
	fn end(&mut self, shift: i64, end: i64) {
		let far = end.saturating_add(TAIL);
		let mut early = Held::default();
		for Unit { mut packet, time, .. } in self.units.drain(..) {
			if time >= far {
				packet.set_pts(Some(time.saturating_sub(shift)));
				early.push(packet);
			}
		}
		for packet in std::mem::take(&mut self.ahead).packets {
			early.push(packet);
		}
		self.early = early;
		self.clear();
	}

	/// The position of a picture that starts afresh at this time.
	fn fresh_at(&self, time: i64) -> Option<usize> {
		self.units.iter().position(|unit| is_fresh_at(unit, time))
	}

	/// Whether pictures before `end` may still come.
	fn is_late(&self, end: i64) -> bool {
		!self.is_away && self.newest <= end.saturating_add(ALIGNED) && self.fresh_at(end).is_none()
	}

	/// The pictures between two times; drops earlier ones. At an open end it takes all that are near it,
	/// because pictures after a jump belong to what follows.
	fn stretch(&mut self, start: i64, end: i64, is_open: bool) -> Result<Vec<Unit>, Unfit> {
		let is_there = self.newest > end.saturating_sub(if is_open { TAIL } else { ALIGNED });
		self.is_away = !is_there;
		let far = end.saturating_add(TAIL);
		let open_end = (is_open && is_there).then(|| {
			self.units.iter().position(|unit| unit.time >= far).unwrap_or(self.units.len())
		});
		let ends = self.fresh_at(end).or(open_end);
		let beyond = |unit: &Unit| unit.time >= end.saturating_sub(ALIGNED);
		let until = ends.or_else(|| self.units.iter().position(beyond)).unwrap_or(self.units.len());
		let taken: Vec<Unit> = self.units.drain(..until).collect();
		self.bytes = self.units.iter().map(|unit| unit.packet.size()).sum();
		let begins = taken.iter().position(|unit| is_fresh_at(unit, start));
		match (begins, ends) {
			(Some(begins), Some(_)) => Ok(taken.into_iter().skip(begins).collect()),
			_ => Err(UNALIGNED),
		}
	}

	/// The segment between two times, with the sound.
	fn segment(
		&mut self,
		(start, end): (i64, i64),
		is_open: bool,
		sound: Option<Elementary>,
	) -> Result<Rung, Unfit> {
		let units = self.stretch(start, end, is_open)?;
		let sps: Option<Sps> = units.first().and_then(|unit| {
			let sets = sei::units(unit.packet.data()?, sei::SPS);
			sei::body(&sets).and_then(h264::sps)
		});
		let largest = u32::from(MAX_SIDE);
		let sps = sps
			.filter(|sps| sps.is_yuv420p && sps.width <= largest && sps.height <= largest)
			.ok_or(NOT_TAKEN)?;
		let size = (sps.width, sps.height);
		if *self.size.get_or_insert(size) != size {
			return Err(CHANGED);
		}
		let most = i64::from(MAX_FPS).saturating_mul(end.saturating_sub(start)) / 90_000 + 2;
		if units.len() as i64 > most {
			return Err(LARGE);
		}
		let (packets, _) = stamped(units, &mut self.lead).ok_or(UNALIGNED)?;
		let pictures = Elementary { parameters: self.parameters.clone(), packets };
		// A muxer would not take an empty packet.
		let data = mux(pictures, sound).map_err(|_| NOT_TAKEN)?;
		Ok(Rung { track: self.track, data })
	}
}

fn is_fresh_at(unit: &Unit, time: i64) -> bool {
	unit.is_idr && unit.time.saturating_sub(time).saturating_abs() <= ALIGNED
}

impl Cutter<'_> {
	/// The tracks beside the first one.
	pub(super) fn begin_own(&mut self, play: &Play) -> Result<(), Failure> {
		for (further, track) in play.further.iter().zip(1..) {
			match Own::new(track, further, play)? {
				Ok(own) => self.own.push(own),
				Err(why) => self.left_out(track, why)?,
			}
		}
		Ok(())
	}

	fn left_out(&mut self, track: u8, why: Unfit) -> Result<(), Failure> {
		self.notice(format!("the publisher's own rendition {track} is left out where {why}"))
	}

	/// Takes a picture of the track at this place.
	pub(super) fn take_own(&mut self, track: u8, packet: Packet) {
		let newest = self.newest.unwrap_or(self.end);
		let line = self.shift.map(|shift| Line { shift, newest });
		if let Some(own) = self.own.iter_mut().find(|own| own.track == track) {
			own.take(packet, line);
		}
	}

	/// Whether pictures before `end` may still come on one of them.
	pub(super) fn is_own_late(&self, end: i64) -> bool {
		self.own.iter().any(|own| own.is_late(end))
	}

	/// The epoch is over, for them too.
	pub(super) fn end_own(&mut self) {
		let (shift, end) = (self.shift, self.end);
		if let Some(shift) = shift {
			self.own.iter_mut().for_each(|own| own.end(shift, end));
		}
	}

	/// Their segments between two times, with this sound.
	pub(super) fn cut_own(
		&mut self,
		stretch: (i64, i64),
		is_open: bool,
		sound: &[Packet],
	) -> Result<Vec<Rung>, Failure> {
		let (mut rungs, mut bytes) = (Vec::new(), 0usize);
		let mut owns = std::mem::take(&mut self.own);
		let mut left_out = Vec::new();
		for own in &mut owns {
			let sound = self.audio_parameters.as_ref().map(|parameters| Elementary {
				parameters: parameters.clone(),
				packets: sound.to_vec(),
			});
			match own.segment(stretch, is_open, sound) {
				// Together they may have as many bytes as the first track's segment may.
				Ok(rung) if bytes + rung.data.len() > MAX_SEGMENT_BYTES as usize => {
					left_out.push((rung.track, LARGE));
				}
				Ok(rung) => {
					bytes += rung.data.len();
					rungs.push(rung);
				}
				Err(why) => left_out.push((own.track, why)),
			}
		}
		self.own = owns;
		for (track, why) in left_out {
			self.left_out(track, why)?;
		}
		Ok(rungs)
	}
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;

	/// A picture of 40 ms; every tenth starts afresh.
	fn picture(number: i64) -> Packet {
		let kind = if number % 10 == 0 { 0x65 } else { 0x41 };
		let mut packet = Packet::copy(&[0, 0, 0, 1, kind, 0x88]);
		packet.set_pts(Some(number * 3_600));
		packet
	}

	fn own() -> Own {
		Own {
			track: 1,
			parameters: codec::Parameters::new(),
			parameter_sets: Vec::new(),
			size: None,
			early: Held::default(),
			ahead: Held::default(),
			units: VecDeque::new(),
			bytes: 0,
			newest: i64::MIN,
			is_away: false,
			lead: Lead::default(),
		}
	}

	/// The first track, in its own time, beside this picture.
	fn beside(number: i64) -> Option<Line> {
		Some(Line { shift: 0, newest: number * 3_600 })
	}

	fn times(units: Result<Vec<Unit>, Unfit>) -> Result<(usize, i64), Unfit> {
		units.map(|units| (units.len(), units.first().map_or(-1, |unit| unit.time)))
	}

	#[test]
	fn track_should_be_cut_where_the_first_one_is_or_left_out() {
		let mut track = own();
		// What came before the stream began belongs to it all the same.
		track.take(picture(0), None);
		(1..=25).for_each(|number| track.take(picture(number), beside(number)));
		assert_eq!(times(track.stretch(0, 36_000, false)), Ok((10, 0)));
		// A container's rounding is no other time.
		assert_eq!(times(track.stretch(36_100, 71_900, false)), Ok((10, 36_000)));
		(26..=45).for_each(|number| track.take(picture(number), beside(number)));
		assert_eq!(times(track.stretch(72_000, 126_000, false)), Err(UNALIGNED));
		// From the next one on it is there again.
		assert_eq!(times(track.stretch(126_000, 144_000, false)), Err(UNALIGNED));
		assert_eq!(times(track.stretch(144_000, 165_600, true)), Ok((6, 144_000)));
		assert_eq!((track.units.len(), track.bytes), (0, 0));
	}

	#[test]
	fn track_should_be_waited_for_while_it_may_come_and_not_once_it_was_away() {
		let mut track = own();
		(0..=9).for_each(|number| track.take(picture(number), beside(number)));
		assert!(track.is_late(36_000));
		track.take(picture(10), beside(10));
		assert!(!track.is_late(36_000), "the keyframe is there");
		assert!(!track.is_late(28_800), "none is to come");
		assert!(times(track.stretch(0, 36_000, false)).is_ok());
		assert!(track.is_late(72_000));
		assert_eq!(times(track.stretch(36_000, 72_000, false)), Err(UNALIGNED));
		assert!(!track.is_late(108_000), "it did not come");
		(11..=30).for_each(|number| track.take(picture(number), beside(number)));
		assert_eq!(times(track.stretch(72_000, 108_000, false)), Ok((10, 72_000)));
		assert!(track.is_late(144_000), "it is back");
	}

	/// A further track jumps, or runs ahead, before the first one ends: its pictures of another time are in
	/// no segment of this one.
	#[test]
	fn attack_further_track_that_goes_on_behind_an_open_end() {
		for line in [beside(9), beside(1_009)] {
			let mut track = own();
			(0..=9).for_each(|number| track.take(picture(number), beside(number)));
			(1_001..=1_009).for_each(|number| track.take(picture(number), line));
			assert_eq!(times(track.stretch(0, 36_000, true)), Ok((10, 0)));
		}
		// The little by which it is longer belongs to it.
		let mut track = own();
		(0..=9).for_each(|number| track.take(picture(number), beside(number)));
		assert_eq!(times(track.stretch(0, 33_000, true)), Ok((10, 0)));
	}

	/// The line of an epoch that begins after ten pictures from the 200th on, with this one.
	fn after_jump(number: i64) -> Option<Line> {
		let shift = (210 - number) * 3_600;
		Some(Line { shift, newest: 210 * 3_600 })
	}

	/// The source jumps, or starts again, and this track is ahead of the first one: its pictures used to be
	/// dropped with the epoch that was over, or were in its last segment.
	#[test]
	fn track_that_jumps_before_the_first_one_should_be_in_the_next_epoch() {
		for jumps_to in [600, 330, 130, 0] {
			let mut track = own();
			(200..=209).for_each(|number| track.take(picture(number), beside(number)));
			let early = jumps_to..=jumps_to + 3;
			early.for_each(|number| track.take(picture(number), beside(209)));
			let last = track.stretch(200 * 3_600, 210 * 3_600, true);
			assert_eq!(times(last), Ok((10, 200 * 3_600)), "{jumps_to}");
			track.end(0, 210 * 3_600);
			let late = jumps_to + 4..=jumps_to + 10;
			late.for_each(|number| track.take(picture(number), after_jump(jumps_to)));
			let first = track.stretch(210 * 3_600, 220 * 3_600, false);
			assert_eq!(times(first), Ok((10, 210 * 3_600)), "{jumps_to}");
		}
	}

	/// The first track jumps back before this one does: what still came of the epoch before used to count as
	/// of a time to come, so that this track was waited for no more.
	#[test]
	fn track_that_jumps_after_the_first_one_should_still_be_waited_for() {
		let mut track = own();
		(200..=208).for_each(|number| track.take(picture(number), beside(number)));
		track.end(0, 210 * 3_600);
		track.take(picture(209), after_jump(130));
		(130..=139).for_each(|number| track.take(picture(number), after_jump(130)));
		assert!(track.is_late(220 * 3_600));
		track.take(picture(140), after_jump(130));
		assert_eq!(times(track.stretch(210 * 3_600, 220 * 3_600, false)), Ok((10, 210 * 3_600)));
	}

	/// It jumps alone, and comes back.
	#[test]
	fn track_should_be_there_again_when_only_its_own_time_has_jumped() {
		let mut track = own();
		(0..=9).for_each(|number| track.take(picture(number), beside(number)));
		(1_000..=1_009).for_each(|number| track.take(picture(number), beside(19)));
		(20..=30).for_each(|number| track.take(picture(number), beside(number)));
		assert_eq!(times(track.stretch(0, 36_000, false)), Err(UNALIGNED));
		assert_eq!(times(track.stretch(72_000, 108_000, false)), Ok((10, 72_000)));
		assert!(track.ahead.packets.is_empty());
	}

	/// A publisher sends further tracks whose time stands still, or far more data in one than in the first.
	#[test]
	fn attack_further_track_that_is_never_cut() {
		let mut track = own();
		for line in [None, beside(0), beside(1_000)] {
			for _ in 0..3 * MOST_PICTURES {
				track.take(picture(0), line);
			}
			let held = [&track.early, &track.ahead].map(|held| held.packets.len());
			assert!(held.into_iter().chain([track.units.len()]).all(|held| held <= MOST_PICTURES));
		}
		let mut large = Packet::copy(&[&[0, 0, 0, 1, 0x65][..], &vec![1; MOST_BYTES / 3]].concat());
		large.set_pts(Some(0));
		for line in [None, beside(0), beside(1_000)] {
			let mut track = own();
			for _ in 0..20 {
				track.take(large.clone(), line);
				let held = [&track.early, &track.ahead].map(|held| held.packets.len());
				assert!(held.into_iter().chain([track.units.len()]).all(|held| held <= 4));
			}
		}
	}
}
