//! How far a broadcaster sends ahead of what came back.
//!
//! At most [`OUT`] segments are sent beyond the last one before which everything came back valid. So a
//! transcoder that delivers nothing costs a broadcaster at most that much of its stream's time. A segment
//! that is missing in the middle holds the window, because followers read in order. This is plain state; the
//! caller passes the time in milliseconds.

use std::collections::BTreeMap;

use livepeer_primitives::Seq;

/// Segments sent beyond the last one before which everything came back.
pub const OUT: u64 = 6;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Slot {
	/// Waits to be sent, not before this time.
	Ready { not_before_ms: u64, attempts: u32 },
	/// Sent; the ticket tells apart late answers of an earlier sending.
	InFlight { ticket: u64, attempts: u32 },
}

/// The segments of a stream that have not come back.
#[derive(Clone, Debug, Default)]
pub struct Window {
	slots: BTreeMap<Seq, Slot>,
	tickets: u64,
}

/// A segment to send, with the ticket under which its answer is reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sending {
	/// The segment.
	pub seq: Seq,
	/// The ticket.
	pub ticket: u64,
}

impl Window {
	/// A new segment of the stream.
	pub fn add(&mut self, seq: Seq) {
		self.slots.entry(seq).or_insert(Slot::Ready { not_before_ms: 0, attempts: 0 });
	}

	/// The next segment to send now: the lowest waiting one, unless it lies too far beyond the first that has
	/// not come back.
	pub fn take(&mut self, now_ms: u64) -> Option<Sending> {
		let lowest = *self.slots.keys().next()?;
		let limit = lowest.saturating_add(OUT);
		let (seq, attempts) = self.slots.range(..limit).find_map(|(seq, slot)| match slot {
			Slot::Ready { not_before_ms, attempts } if *not_before_ms <= now_ms => {
				Some((*seq, *attempts))
			}
			_ => None,
		})?;
		self.tickets = self.tickets.saturating_add(1);
		let ticket = self.tickets;
		self.slots.insert(seq, Slot::InFlight { ticket, attempts: attempts.saturating_add(1) });
		Some(Sending { seq, ticket })
	}

	/// The earliest time at which a waiting segment may be sent; `None` if none waits.
	pub fn wake_ms(&self) -> Option<u64> {
		let limit = self.slots.keys().next()?.saturating_add(OUT);
		self.slots
			.range(..limit)
			.filter_map(|(_, slot)| match slot {
				Slot::Ready { not_before_ms, .. } => Some(*not_before_ms),
				Slot::InFlight { .. } => None,
			})
			.min()
	}

	/// Notes that a segment came back valid, or will never be sent: it opens the window, whatever its ticket.
	/// Returns whether it was still awaited.
	pub fn resolve(&mut self, seq: Seq) -> bool {
		self.slots.remove(&seq).is_some()
	}

	/// Notes a failed sending: the segment waits for a time that depends on the number of its attempts, which
	/// is returned. Late failures of an earlier sending change nothing.
	pub fn retry(
		&mut self,
		sending: Sending,
		not_before_ms: impl FnOnce(u32) -> u64,
	) -> Option<u32> {
		match self.slots.get_mut(&sending.seq) {
			Some(slot) => match *slot {
				Slot::InFlight { ticket, attempts } if ticket == sending.ticket => {
					*slot = Slot::Ready { not_before_ms: not_before_ms(attempts), attempts };
					Some(attempts)
				}
				_ => None,
			},
			None => None,
		}
	}

	/// After another transcoder was assigned, sends everything again that has not come back.
	pub fn reassign(&mut self) {
		for slot in self.slots.values_mut() {
			*slot = Slot::Ready { not_before_ms: 0, attempts: 0 };
		}
	}

	/// The first segment that has not come back.
	pub fn first(&self) -> Option<Seq> {
		self.slots.keys().next().copied()
	}

	/// How many segments have not come back.
	pub fn outstanding(&self) -> usize {
		self.slots.len()
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	#[test]
	fn window_should_stop_when_nothing_comes_back() {
		let mut window = Window::default();
		(10..30).for_each(|seq| window.add(seq));
		let sent: Vec<_> = core::iter::from_fn(|| window.take(0)).map(|s| s.seq).collect();
		assert_eq!(sent, (10..10 + OUT).collect::<Vec<_>>());
		assert!(window.resolve(12), "one in the middle does not move the lowest");
		assert_eq!(window.take(0), None);
		assert!(window.resolve(10));
		assert_eq!(window.take(0).map(|s| s.seq), Some(10 + OUT));
	}

	#[test]
	fn failed_sending_should_wait_when_a_time_is_given() {
		let mut window = Window::default();
		window.add(0);
		let sending = window.take(0).expect("one segment");
		assert_eq!(window.wake_ms(), None);
		assert_eq!(window.retry(sending, |_| 500), Some(1));
		assert_eq!(window.take(499), None);
		assert_eq!(window.wake_ms(), Some(500));
		assert!(window.take(500).is_some());
		assert_eq!(window.retry(sending, |_| 0), None, "an earlier sending's failure comes late");
	}

	#[test]
	fn segments_should_be_sent_again_when_another_transcoder_is_assigned() {
		let mut window = Window::default();
		window.add(3);
		let before = window.take(0).expect("one segment");
		window.reassign();
		let after = window.take(0).expect("the same segment again");
		assert_eq!(after.seq, before.seq);
		assert!(window.resolve(3), "an answer of the first sending counts all the same");
		assert_eq!(window.outstanding(), 0);
	}

	proptest! {
		#[test]
		fn window_should_never_exceed_its_size(
			steps in proptest::collection::vec((0u8..4, 0usize..8), 1..200)
		) {
			let mut window = Window::default();
			let mut next = 0;
			let mut flying: Vec<Sending> = Vec::new();
			for (step, pick) in steps {
				match step {
					0 => { window.add(next); next += 1; },
					1 => if let Some(sending) = window.take(0) {
						let lowest = flying.iter().map(|s| s.seq).min().unwrap_or(sending.seq);
						prop_assert!(sending.seq < lowest + OUT);
						flying.push(sending);
					},
					2 if !flying.is_empty() => {
						let sending = flying.remove(pick % flying.len());
						window.resolve(sending.seq);
					},
					3 if !flying.is_empty() => {
						let sending = flying.remove(pick % flying.len());
						window.retry(sending, |_| 0);
					},
					_ => {},
				}
				prop_assert!(flying.len() as u64 <= OUT);
			}
		}
	}
}
