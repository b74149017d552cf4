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
	pictures::plain,
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
	/// Pictures, in the source's own time, that came before the stream's first one.
	early: Vec<Packet>,
	units: VecDeque<Unit>,
	/// The waiting bytes.
	bytes: usize,
	/// The newest time.
	newest: i64,
	/// Whether it was missing when a segment last waited for it.
	is_away: bool,
	lead: Lead,
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
			early: Vec::new(),
			units: VecDeque::new(),
			bytes: 0,
			newest: i64::MIN,
			is_away: false,
			lead: Lead::default(),
		}))
	}

	/// Takes a picture; `shift` is the offset from its own time to the stream's, once that has begun.
	fn take(&mut self, packet: Packet, shift: Option<i64>) {
		let Some(shift) = shift else {
			if self.early.len() < MOST_PICTURES && self.bytes < MOST_BYTES {
				self.bytes = self.bytes.saturating_add(packet.size());
				self.early.push(packet);
			}
			return;
		};
		let early = std::mem::take(&mut self.early);
		if !early.is_empty() {
			self.bytes = 0;
		}
		early.into_iter().for_each(|early| self.push(early, shift));
		self.push(packet, shift);
	}

	fn push(&mut self, packet: Packet, shift: i64) {
		let Some(own_time) = packet.pts() else { return };
		let time = own_time.saturating_add(shift);
		let is_idr = packet.data().is_some_and(|data| sei::has(data, sei::IDR));
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
		let shift = self.shift;
		if let Some(own) = self.own.iter_mut().find(|own| own.track == track) {
			own.take(packet, shift);
		}
	}

	/// Whether pictures before `end` may still come on one of them.
	pub(super) fn is_own_late(&self, end: i64) -> bool {
		self.own.iter().any(|own| own.is_late(end))
	}

	/// Drops everything that waits: its epoch is over.
	pub(super) fn end_own(&mut self) {
		self.own.iter_mut().for_each(Own::clear);
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
			early: Vec::new(),
			units: VecDeque::new(),
			bytes: 0,
			newest: i64::MIN,
			is_away: false,
			lead: Lead::default(),
		}
	}

	fn times(units: Result<Vec<Unit>, Unfit>) -> Result<(usize, i64), Unfit> {
		units.map(|units| (units.len(), units.first().map_or(-1, |unit| unit.time)))
	}

	#[test]
	fn track_should_be_cut_where_the_first_one_is_or_left_out() {
		let mut track = own();
		// What came before the stream began belongs to it all the same.
		track.take(picture(0), None);
		(1..=25).for_each(|number| track.take(picture(number), Some(0)));
		assert_eq!(times(track.stretch(0, 36_000, false)), Ok((10, 0)));
		// A container's rounding is no other time.
		assert_eq!(times(track.stretch(36_100, 71_900, false)), Ok((10, 36_000)));
		(26..=45).for_each(|number| track.take(picture(number), Some(0)));
		assert_eq!(times(track.stretch(72_000, 126_000, false)), Err(UNALIGNED));
		// From the next one on it is there again.
		assert_eq!(times(track.stretch(126_000, 144_000, false)), Err(UNALIGNED));
		assert_eq!(times(track.stretch(144_000, 165_600, true)), Ok((6, 144_000)));
		assert_eq!((track.units.len(), track.bytes), (0, 0));
	}

	#[test]
	fn track_should_be_waited_for_while_it_may_come_and_not_once_it_was_away() {
		let mut track = own();
		(0..=9).for_each(|number| track.take(picture(number), Some(0)));
		assert!(track.is_late(36_000));
		track.take(picture(10), Some(0));
		assert!(!track.is_late(36_000), "the keyframe is there");
		assert!(!track.is_late(28_800), "none is to come");
		assert!(times(track.stretch(0, 36_000, false)).is_ok());
		assert!(track.is_late(72_000));
		assert_eq!(times(track.stretch(36_000, 72_000, false)), Err(UNALIGNED));
		assert!(!track.is_late(108_000), "it did not come");
		(11..=30).for_each(|number| track.take(picture(number), Some(0)));
		assert_eq!(times(track.stretch(72_000, 108_000, false)), Ok((10, 72_000)));
		assert!(track.is_late(144_000), "it is back");
	}

	/// A further track jumps, or runs ahead, before the first one ends: its pictures of another time are in
	/// no segment of this one.
	#[test]
	fn attack_further_track_that_goes_on_behind_an_open_end() {
		let mut track = own();
		(0..=9).for_each(|number| track.take(picture(number), Some(0)));
		(1_001..=1_009).for_each(|number| track.take(picture(number), Some(0)));
		assert_eq!(times(track.stretch(0, 36_000, true)), Ok((10, 0)));
		// The little by which it is longer belongs to it.
		let mut track = own();
		(0..=9).for_each(|number| track.take(picture(number), Some(0)));
		assert_eq!(times(track.stretch(0, 33_000, true)), Ok((10, 0)));
	}

	/// A publisher sends further tracks whose time stands still, or far more data in one than in the first.
	#[test]
	fn attack_further_track_that_is_never_cut() {
		let mut track = own();
		for shift in [None, Some(0)] {
			for _ in 0..3 * MOST_PICTURES {
				track.take(picture(1), shift);
			}
			assert!(track.early.len() <= MOST_PICTURES && track.units.len() <= MOST_PICTURES);
		}
		let mut large = Packet::copy(&[&[0, 0, 0, 1, 0x41][..], &vec![1; MOST_BYTES / 3]].concat());
		large.set_pts(Some(0));
		for shift in [None, Some(0)] {
			let mut track = own();
			for _ in 0..20 {
				track.take(large.clone(), shift);
				assert!(track.early.len() <= 4 && track.units.len() <= 4);
			}
		}
	}
}
