//! Where a stream is taken up, and where its newest segment is.

use livepeer_primitives::Seq;

use crate::ports::transport::{Playlist, MAX_RECORDS};

/// How far a follower may be behind a running stream, five minutes, before it gives up what lies
/// between: whoever watches wants to see what happens now.
const LARGEST_LAG: u64 = 150;
/// How far behind its newest segment such a stream is taken up: as many as one answer holds, which
/// are fetched within seconds and are more than a live playlist lists.
pub(super) const NEAR: u64 = MAX_RECORDS as u64;

/// Where a stream is taken up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Reach {
	/// As long as there are no more segments than this, they are all taken.
	pub(super) most: u64,
	/// Else only so many of the newest.
	pub(super) least: u64,
}

/// A running stream is followed where it is now, one that has ended is wanted with everything that
/// would be kept of it.
pub(super) fn reach(ended: bool, keep: u64) -> Reach {
	let (most, least) = if ended { (keep, keep) } else { (LARGEST_LAG, NEAR) };
	Reach { most: most.min(keep), least: least.min(keep) }
}

/// Looks for the newest seq of which an origin tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search {
	start: Seq,
	/// The newest seq that was seen.
	pub(super) newest: Option<Seq>,
	/// From here on there was nothing.
	end: Option<Seq>,
	step: u64,
	done: bool,
}

impl Search {
	pub(super) fn from(start: Seq) -> Self {
		Self { start, newest: None, end: None, step: NEAR, done: false }
	}

	/// From where to ask next; `None` when the answer is known. Every answer at least halves what
	/// lies between, or is twice as far away as the one before.
	pub(super) fn probe(&self) -> Option<Seq> {
		let Some(newest) = self.newest else { return (!self.done).then_some(self.start) };
		let probe = match self.end {
			None => newest.saturating_add(self.step),
			Some(end) => newest.saturating_add(end.saturating_sub(newest) / 2),
		};
		(!self.done && probe > newest).then_some(probe)
	}

	/// What was told: the last seq of an answer, and whether more may follow.
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
