//! A publisher's clock, as the library is told it.
//!
//! Packets have the time at which they were sent, in 32 bits of microseconds; half of that is 36 minutes. The
//! library relates this time to its own by control packets, a thousand at a time, and only where those are late
//! by nearly as much, to five milliseconds. Over a mobile link they are not: then it keeps what it found in the
//! beginning, and 36 minutes later every packet seems to be an hour old, so that no lost one is waited for any
//! more. The relay therefore writes even times into control packets: as late as the last thousand were on average.

/// As many packets as the library takes at a time, so that the time that it is told changes only in between.
const WINDOW: i64 = 1_000;

/// Times in microseconds modulo 2^32, as in packets.
#[derive(Default)]
pub(super) struct Clock {
	/// How far the publisher's clock, and its packets' way, are behind the time here.
	behind: Option<u32>,
	/// The sum of what packets were later than that, and their number.
	later: (i64, i64),
}

impl Clock {
	/// The even time of a control packet that was sent at `time` and has come at `now`.
	pub(super) fn told(&mut self, now: u32, time: u32) -> u32 {
		let measured = now.wrapping_sub(time);
		let Some(behind) = self.behind else {
			self.behind = Some(measured);
			return time;
		};
		let (later, count) = &mut self.later;
		*later += i64::from(measured.wrapping_sub(behind) as i32);
		*count += 1;
		if *count >= WINDOW {
			self.behind = Some(behind.wrapping_add((*later / *count) as u32));
			self.later = (0, 0);
		}
		now.wrapping_sub(behind)
	}
}

#[cfg(test)]
mod tests {
	use std::time::{Duration, Instant};

	use super::*;
	use crate::srt::wire::tests::{connected, library, samples, FIRST};

	const MS: u32 = 1_000;

	fn packet(words: [u32; 4], rest: &[u8]) -> Vec<u8> {
		words.iter().flat_map(|word| word.to_be_bytes()).chain(rest.iter().copied()).collect()
	}

	#[test]
	fn time_should_be_even_and_follow_the_publishers() {
		let mut clock = Clock::default();
		// It turns over meanwhile. The first packet was on its way for 40 ms, the others are for 60 on average.
		let begin = u32::MAX - 50 * 10 * MS;
		let (mut late, mut sent) = (40, begin);
		let mut behind = Vec::new();
		for n in 0..3_000u32 {
			let now = sent.wrapping_add(late * MS);
			behind.push(now.wrapping_sub(clock.told(now, sent)) / MS);
			(late, sent) = (40 + n % 5 * 10, sent.wrapping_add(10 * MS));
		}
		assert!(behind[..1_001].iter().all(|behind| *behind == 40));
		assert!(behind[1_001..].iter().all(|behind| (59..=60).contains(behind)));
		// A publisher whose clock is set back is followed too.
		for _ in 0..2 * WINDOW {
			sent = sent.wrapping_add(10 * MS);
			clock.told(sent.wrapping_add(5_000 * MS), sent);
		}
		let now = sent.wrapping_add(5_000 * MS);
		assert_eq!(now.wrapping_sub(clock.told(now, sent)) / MS, 5_000);
	}

	/// Whether the library waits for what was lost, after 45 minutes of control packets that are late by 40 to
	/// 80 ms: until then it gives out nothing.
	fn waits(is_told_evenly: bool) -> bool {
		let mut connection = connected(&samples()[1]);
		let to = connection.settings().local_sockid.0;
		let (begin, mut clock) = (Instant::now(), Clock::default());
		let mut sent = Duration::ZERO;
		for n in 0..27_000u32 {
			sent += Duration::from_millis(100);
			let now = sent + Duration::from_millis(u64::from(40 + n % 5 * 10));
			let mut time = sent.as_micros() as u32;
			if is_told_evenly {
				time = clock.told(now.as_micros() as u32, time);
			}
			let alive = packet([0x8001_0000, 0, time, to], &[0; 4]);
			connection.handle_packet_input(begin + now, library(&alive));
			while connection.next_packet(begin + now).is_some() {}
		}
		let media = packet([FIRST, 0xe000_0001, sent.as_micros() as u32, to], &[0x47; 188]);
		let now = begin + sent + Duration::from_millis(60);
		connection.handle_packet_input(now, library(&media));
		let waits = connection.next_data(now).is_none();
		let later = now + Duration::from_secs(1);
		assert_eq!(connection.next_data(later).is_some(), waits, "it is given out once");
		waits
	}

	#[test]
	fn lost_packets_should_be_waited_for_after_half_an_hour_of_an_uneven_link() {
		assert!(waits(true));
		// Where this holds one day, the library can be told the times as they are.
		assert!(!waits(false));
	}
}
