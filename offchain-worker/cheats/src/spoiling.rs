//! A broadcaster that signs what nobody can transcode.

use livepeer_worker_core::roles::broadcast::SourceSegment;

/// Every second run of this many segments is spoilt: as many as a transcoder claims at a time, so that a
/// whole claim consists of them and some are certainly drawn.
const RUN: u32 = 8;
/// Length of a packet of a transport stream.
const PACKET: usize = 188;
/// Packets that are removed: fewer than the sixteen after which a track's counter wraps, so that the counter
/// of every affected track jumps.
const LOST: usize = 10;

/// Takes packets out of the middle of every second run of segments, before they are hashed and signed.
pub fn spoil() -> impl FnMut(SourceSegment) -> SourceSegment + Send {
	let mut cut = 0u32;
	move |mut segment| {
		if cut / RUN % 2 == 1 {
			take_out(&mut segment.bytes);
		}
		cut = cut.wrapping_add(1);
		segment
	}
}

/// Loses packets as a bad line does.
fn take_out(bytes: &mut Vec<u8>) {
	let from = bytes.len() / PACKET / 2 * PACKET;
	let to = (from + LOST * PACKET).min(bytes.len());
	bytes.drain(from..to);
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn every_second_run_of_segments_should_lose_packets_from_its_middle() {
		let packets = 40;
		let whole: Vec<u8> = (0..packets * PACKET).map(|place| (place / PACKET) as u8).collect();
		let mut change = spoil();
		for cut in 0..4 * RUN {
			let (time, captured) = (u64::from(cut), 0);
			let bytes = whole.clone();
			let segment = SourceSegment {
				bytes,
				duration: 180_000,
				time,
				captured,
				last: false,
				fresh: false,
				own: Vec::new(),
			};
			let signed = change(segment);
			let is_spoilt = (RUN..2 * RUN).contains(&cut) || (3 * RUN..4 * RUN).contains(&cut);
			let mut expected = whole.clone();
			if is_spoilt {
				expected.retain(|packet| !(20..30).contains(packet));
			}
			assert_eq!(signed.bytes, expected, "{cut}");
			assert_eq!((signed.duration, signed.time), (180_000, time));
		}
	}
}
