//! Where following a stream starts, and where its newest segment is.

use livepeer_primitives::Seq;

use crate::ports::transport::{Playlist, MAX_RECORDS};

/// How far a follower may be behind a running stream before it skips what lies between: five minutes, because
/// viewers want to see what happens now.
const LARGEST_LAG: u64 = 150;
/// How far behind its newest segment such a stream is taken up: as many segments as one answer holds, which
/// are fetched within seconds and exceed a live playlist.
pub(super) const NEAR: u64 = MAX_RECORDS as u64;

/// Where a stream is taken up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Reach {
	/// Up to this number of segments, all are taken.
	pub(super) most: u64,
	/// Otherwise only this many of the newest.
	pub(super) least: u64,
}

/// A running stream is followed from its current place; an ended one is taken with everything that would be
/// kept of it.
pub(super) fn reach(ended: bool, keep: u64) -> Reach {
	let (most, least) = if ended { (keep, keep) } else { (LARGEST_LAG, NEAR) };
	Reach { most: most.min(keep), least: least.min(keep) }
}

/// Searches an origin's newest seq.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search {
	start: Seq,
	/// The newest seq that was seen.
	pub(super) newest: Option<Seq>,
	/// The seq from which on there was nothing.
	end: Option<Seq>,
	step: u64,
	done: bool,
}

impl Search {
	pub(super) fn from(start: Seq) -> Self {
		Self { start, newest: None, end: None, step: NEAR, done: false }
	}

	/// The seq to ask from next; `None` when the answer is known. Every answer at least halves the interval,
	/// or is twice as far away as the one before.
	pub(super) fn probe(&self) -> Option<Seq> {
		let Some(newest) = self.newest else { return (!self.done).then_some(self.start) };
		let probe = match self.end {
			None => newest.saturating_add(self.step),
			Some(end) => newest.saturating_add(end.saturating_sub(newest) / 2),
		};
		(!self.done && probe > newest).then_some(probe)
	}

	/// Notes an answer: its last seq, and whether more may follow.
	pub(super) fn answer(&mut self, probe: Seq, last: Option<Seq>, is_full: bool) {
		match last {
			Some(last) => {
				self.newest = Some(last);
				self.done = !is_full;
				self.step = self.step.saturating_mul(2);
			}
			None => {
				self.end = Some(probe);
				self.done = self.newest.is_none();
			}
		}
	}
}

/// Whether more records may follow those of an answer.
pub(super) fn is_full(playlist: &Playlist) -> bool {
	playlist.records.len() >= MAX_RECORDS as usize
}
