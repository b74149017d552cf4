//! Divides a ladder among children. Each decodes the segment again, so a further child is worth while only if
//! it shortens the time; and no time is shorter than that of the largest rendition.

use livepeer_primitives::video::{Rendition, SourceLimits};

use crate::profile::CAPPED_QUALITY;

/// Relative processor time of a pixel in hundredths, from `docs/media.md`: decoded, and encoded under
/// profiles 1 and 2.
const DECODED: u64 = 25;
const ENCODED: (u64, u64) = (100, 115);

fn time(rendition: &Rendition) -> u64 {
	let pixel = if rendition.profile == CAPPED_QUALITY { ENCODED.1 } else { ENCODED.0 };
	u64::from(rendition.width) * u64::from(rendition.height) * pixel
}

/// The shares of a ladder for at most this many children, as positions in it in ascending order: the fewest
/// shares with the shortest time; a single one if that is not a fifth shorter than one child's time.
pub(crate) fn of(ladder: &[Rendition], limits: &SourceLimits, most: usize) -> Vec<Vec<usize>> {
	let decode = u64::from(limits.width) * u64::from(limits.height) * DECODED;
	let whole: u64 = ladder.iter().map(time).sum();
	let (longest, mut shares) = (1..=most.clamp(1, ladder.len().max(1)))
		.map(|children| divided(ladder, children))
		// The first of equally short ones.
		.min_by_key(|(longest, _)| *longest)
		.unwrap_or_default();
	if (decode + longest) * 5 > (decode + whole) * 4 {
		return vec![(0..ladder.len()).collect()];
	}
	shares.iter_mut().for_each(|share| share.sort_unstable());
	shares
}

/// This many shares, and the time of the longest: the largest remaining rendition goes to the smallest share.
fn divided(ladder: &[Rendition], children: usize) -> (u64, Vec<Vec<usize>>) {
	let mut shares = vec![(0, Vec::new()); children];
	let mut places: Vec<usize> = (0..ladder.len()).collect();
	places.sort_by_key(|place| std::cmp::Reverse(time(&ladder[*place])));
	for place in places {
		if let Some((taken, share)) = shares.iter_mut().min_by_key(|(taken, _)| *taken) {
			*taken += time(&ladder[place]);
			share.push(place);
		}
	}
	let longest = shares.iter().map(|(taken, _)| *taken).max().unwrap_or(0);
	(longest, shares.into_iter().map(|(_, share)| share).collect())
}

#[cfg(test)]
mod tests {
	use super::*;

	fn ladder(sizes: &[(u16, u16)]) -> Vec<Rendition> {
		let two = |&(width, height): &(u16, u16)| Rendition {
			width,
			height,
			profile: CAPPED_QUALITY,
			kbps: 1_000,
			cap_kbps: 1_000,
		};
		sizes.iter().map(two).collect()
	}

	#[test]
	fn ladder_should_be_divided_by_its_largest_rendition_and_no_further() {
		let sizes = [(3840, 2160), (2560, 1440), (1920, 1080), (1280, 720), (854, 480)];
		let (ladder, limits) = (ladder(&sizes), SourceLimits::new(3840, 2160, 60));
		for most in [2, 3, 8] {
			assert_eq!(of(&ladder, &limits, most), [vec![0], vec![1, 2, 3, 4]]);
		}
		for most in [0, 1] {
			assert_eq!(of(&ladder, &limits, most), [vec![0, 1, 2, 3, 4]]);
		}
	}

	#[test]
	fn equal_renditions_should_be_shared_by_as_many_as_there_are() {
		let (ladder, limits) = (ladder(&[(640, 360); 4]), SourceLimits::new(640, 360, 30));
		assert_eq!(of(&ladder, &limits, 2), [vec![0, 2], vec![1, 3]]);
		assert_eq!(of(&ladder, &limits, 9).len(), 4);
	}

	#[test]
	fn ladder_should_stay_whole_when_decoding_twice_costs_what_it_saves() {
		let limits = SourceLimits::new(3840, 2160, 60);
		let small = ladder(&[(640, 360), (426, 240), (256, 144)]);
		assert_eq!(of(&small, &limits, 8), [vec![0, 1, 2]]);
		assert_eq!(of(&ladder(&[(3840, 2160), (64, 36)]), &limits, 8), [vec![0, 1]]);
		assert_eq!(of(&[], &limits, 8), [Vec::<usize>::new()]);
	}
}
