//! Work units and fees, with numbers computed by hand.
#![allow(missing_docs, clippy::unwrap_used)]

use livepeer_primitives::{
	job_format::{check_format, FormatError},
	video::{
		ProfileId, Rendition, SourceLimits, CANONICAL_PROFILE, LONGEST_SEGMENT, MAX_FPS, MAX_KBPS,
		MAX_SIDE, SHORTEST_SEGMENT, USUAL_LONGEST,
	},
	work::{
		fee, max_frames, max_leaf_work, segment_work, ProfileFactor, StatedWork, WorkFactors,
		STANDARD_SEGMENT_WORK,
	},
	Balance, UNIT,
};
use proptest::prelude::*;

const REJECTED: u64 = 1_000;
const FACTORS: WorkFactors = WorkFactors::canonical(1_000, 250, REJECTED);
/// A profile of a later version, three times as expensive.
const LATER: ProfileId = 7;

fn rendition(width: u16, height: u16) -> Rendition {
	Rendition { width, height, profile: CANONICAL_PROFILE, kbps: 1_000, cap_kbps: 1_500 }
}

/// Outputs under the canonical profile.
fn canonical<const N: usize>(pixels: [u64; N]) -> [(ProfileId, u64); N] {
	pixels.map(|pixels| (CANONICAL_PROFILE, pixels))
}

/// Factors with both profiles.
fn two_profiles() -> WorkFactors {
	let mut factors = FACTORS;
	factors.profiles[3] = ProfileFactor { profile: LATER, encode: 3_000 };
	factors
}

#[test]
fn standard_segment_should_be_two_seconds_of_720p30() {
	assert_eq!(STANDARD_SEGMENT_WORK, 55_296_000);
	let encode_only = WorkFactors::canonical(1_000, 0, REJECTED);
	let pixels = 1280 * 720 * 60;
	assert_eq!(
		segment_work(&encode_only, 123_456, canonical([pixels])),
		Some(STANDARD_SEGMENT_WORK)
	);
}

#[test]
fn work_should_add_renditions_and_a_quarter_of_the_input() {
	// 60 frames of 1080p in; 720p, 480p and 360p out.
	let input = 1920 * 1080 * 60u64;
	let outputs = [1280 * 720 * 60u64, 854 * 480 * 60, 640 * 360 * 60];
	let expected = 124_416_000 / 4 + 55_296_000 + 24_595_200 + 13_824_000;
	assert_eq!(segment_work(&FACTORS, input, canonical(outputs)), Some(expected));
	assert_eq!(expected, 124_819_200);
}

#[test]
fn work_should_be_rounded_down_once_per_segment() {
	let thirds = WorkFactors::canonical(333, 333, REJECTED);
	// 1 + 1 + 1 pixels at 0.333 each are 0.999, and not three times zero nor one.
	assert_eq!(segment_work(&thirds, 1, canonical([1, 1])), Some(0));
	assert_eq!(segment_work(&thirds, 1, canonical([1, 1, 1])), Some(1));
}

#[test]
fn rejected_work_should_be_a_decode_of_the_largest_segment_and_no_less_than_the_parameter() {
	let limits = SourceLimits::new(1920, 1080, 30);
	let job = FACTORS.of_job(&limits).unwrap();
	assert_eq!(job, WorkFactors { rejected: 1920 * 1080 * 76 / 4, ..FACTORS });
	let dear = WorkFactors { rejected: job.rejected + 1, ..FACTORS };
	assert_eq!(dear.of_job(&limits), Some(dear));
	// No leaf of the job exceeds it.
	let ladder = [rendition(16, 16)];
	let largest = |factors| max_leaf_work(&factors, &ladder, &limits);
	assert_eq!(largest(job), largest(FACTORS));
}

#[test]
fn stated_work_should_be_exceeded_by_one_more() {
	let stated = StatedWork { work: 125, factors: FACTORS };
	assert!(!stated.is_exceeded(100, canonical([100])));
	assert!(!stated.is_exceeded(103, canonical([100])), "rounded down, as work is");
	assert!(stated.is_exceeded(104, canonical([100])));
	assert!(stated.is_exceeded(0, [(LATER, 1)]), "a profile that has no factor");
}

#[test]
fn work_should_be_none_when_it_overflows() {
	assert_eq!(segment_work(&FACTORS, 0, canonical([u64::MAX])), Some(u64::MAX));
	assert_eq!(segment_work(&FACTORS, 4_000, canonical([u64::MAX])), None);
	let largest = WorkFactors::canonical(u32::MAX, u32::MAX, u64::MAX);
	assert_eq!(segment_work(&largest, u64::MAX, canonical([u64::MAX; 8])), None);
}

#[test]
fn work_should_follow_the_profile_of_each_output() {
	let factors = two_profiles();
	assert_eq!(
		segment_work(&factors, 4_000, [(CANONICAL_PROFILE, 100), (LATER, 100)]),
		Some(1_400)
	);
	assert_eq!(factors.of(LATER), Some(3_000));
	// Without a factor there is no work and no job: 0 marks an unused place.
	for unknown in [0, 2, LATER + 1, ProfileId::MAX] {
		assert_eq!(factors.of(unknown), None);
		assert_eq!(segment_work(&factors, 4_000, [(unknown, 100)]), None);
		let ladder = [Rendition { profile: unknown, ..rendition(1280, 720) }];
		let limits = SourceLimits::new(1920, 1080, 30);
		assert_eq!(max_leaf_work(&factors, &ladder, &limits), None);
		assert_eq!(check_format(&ladder, &limits, &factors), Err(FormatError::UnknownProfile));
	}
}

#[test]
fn largest_leaf_should_follow_from_the_job() {
	// 2.5 s unless the job says otherwise: 75 frames, and one more.
	let limits = SourceLimits::new(1920, 1080, 30);
	assert_eq!(max_frames(&limits), 76);
	let ladder = [rendition(1280, 720), rendition(640, 360)];
	let expected = 1920 * 1080 * 76 / 4 + (1280 * 720 + 640 * 360) * 76;
	assert_eq!(max_leaf_work(&FACTORS, &ladder, &limits), Some(expected));
	// A more expensive profile makes it larger.
	let dear = [Rendition { profile: LATER, ..ladder[0] }, ladder[1]];
	let more = expected + 2 * 1280 * 720 * 76;
	assert_eq!(max_leaf_work(&two_profiles(), &dear, &limits), Some(more));
	// In a small job the largest leaf may be a rejected one.
	let factors = WorkFactors::canonical(1_000, 250, u64::MAX);
	assert_eq!(max_leaf_work(&factors, &ladder, &limits), Some(u64::MAX));
}

#[test]
fn frames_should_be_rounded_up_with_one_to_spare() {
	let frames =
		|fps, longest| max_frames(&SourceLimits { longest, ..SourceLimits::new(2, 2, fps) });
	assert_eq!(frames(60, LONGEST_SEGMENT), 601);
	assert_eq!(frames(30, USUAL_LONGEST), 76);
	assert_eq!(frames(25, USUAL_LONGEST), 64, "62.5 and one");
	assert_eq!(frames(1, SHORTEST_SEGMENT), 2);
	assert_eq!(frames(u16::MAX, u32::MAX), 3_127_452_020);
}

#[test]
fn largest_job_should_not_overflow() {
	let limits =
		SourceLimits { longest: LONGEST_SEGMENT, ..SourceLimits::new(MAX_SIDE, MAX_SIDE, MAX_FPS) };
	let ladder = [rendition(MAX_SIDE, MAX_SIDE); 8];
	let factors = WorkFactors::canonical(1_000_000, 1_000_000, REJECTED);
	let leaf = max_leaf_work(&factors, &ladder, &limits).unwrap();
	assert!(leaf.checked_mul(4_096).is_some(), "the largest claim fits 64 bits");
}

#[test]
fn fee_should_be_the_price_of_a_standard_segment_for_its_work() {
	assert_eq!(fee(STANDARD_SEGMENT_WORK, UNIT), UNIT);
	assert_eq!(fee(STANDARD_SEGMENT_WORK / 2, UNIT), UNIT / 2);
	// 124,819,200 work at 0.00002 ETH per segment.
	assert_eq!(fee(124_819_200, UNIT / 50_000), 45_145_833_333_333);
	assert_eq!(fee(0, UNIT), 0);
	assert_eq!(fee(STANDARD_SEGMENT_WORK, 0), 0);
}

#[test]
fn fee_should_be_rounded_against_the_claimant() {
	assert_eq!(fee(STANDARD_SEGMENT_WORK - 1, 1), 0);
	assert_eq!(fee(STANDARD_SEGMENT_WORK * 2 - 1, 1), 1);
}

#[test]
fn fee_should_saturate_when_no_balance_can_hold_it() {
	assert_eq!(fee(u64::MAX, Balance::MAX), Balance::MAX);
	assert_eq!(fee(STANDARD_SEGMENT_WORK, Balance::MAX), Balance::MAX);
}

#[test]
fn format_should_be_refused_when_it_cannot_be_transcoded() {
	let limits = SourceLimits::new(1920, 1080, 30);
	let good = rendition(1280, 720);
	let check =
		|ladder: &[Rendition], limits: &SourceLimits| check_format(ladder, limits, &FACTORS);
	assert_eq!(check(&[good, rendition(640, 360)], &limits), Ok(()));
	assert_eq!(check(&[], &limits), Err(FormatError::NoRendition));
	assert_eq!(check(&[good, good], &limits), Err(FormatError::DuplicateRendition));
	// One size at two rates is a valid ladder.
	let slower = Rendition { kbps: 500, ..good };
	assert_eq!(check(&[good, slower], &limits), Ok(()));
	for side in [0, 15, 17, 1_281, MAX_SIDE + 2, u16::MAX] {
		assert_eq!(check(&[rendition(side, 720)], &limits), Err(FormatError::BadSize));
		assert_eq!(check(&[rendition(1280, side)], &limits), Err(FormatError::BadSize));
	}
	for (kbps, cap_kbps) in [(0, 1_000), (0, 0), (1_001, 1_000), (1_000, MAX_KBPS + 1)] {
		let bad = Rendition { kbps, cap_kbps, ..good };
		assert_eq!(check(&[bad], &limits), Err(FormatError::BadBitrate));
	}
	let fastest = Rendition { kbps: MAX_KBPS, cap_kbps: MAX_KBPS, ..good };
	assert_eq!(check(&[fastest], &limits), Ok(()));
	// With 10 s this would be 20 MB, which nobody fetches.
	let long = SourceLimits { longest: LONGEST_SEGMENT, ..limits };
	assert_eq!(check(&[fastest], &long), Err(FormatError::BadBitrate));
	let slow = Rendition { kbps: 11_000, cap_kbps: 11_000, ..good };
	assert_eq!(check(&[slow], &long), Ok(()));
	for (width, height) in [(0, 720), (1280, 0), (MAX_SIDE + 1, 720), (1280, MAX_SIDE + 1)] {
		let bad = SourceLimits { width, height, ..limits };
		assert_eq!(check(&[good], &bad), Err(FormatError::BadSize));
	}
	for fps in [0, MAX_FPS + 1] {
		let bad = SourceLimits { fps, ..limits };
		assert_eq!(check(&[good], &bad), Err(FormatError::BadFrameRate));
	}
	for (shortest, longest) in [
		(SHORTEST_SEGMENT - 1, USUAL_LONGEST),
		(SHORTEST_SEGMENT, SHORTEST_SEGMENT - 1),
		(SHORTEST_SEGMENT, LONGEST_SEGMENT + 1),
	] {
		let bad = SourceLimits { shortest, longest, ..limits };
		assert_eq!(check(&[good], &bad), Err(FormatError::BadSegmentLength));
	}
	let widest = SourceLimits { shortest: SHORTEST_SEGMENT, longest: LONGEST_SEGMENT, ..limits };
	assert_eq!(check(&[good], &widest), Ok(()));
}

proptest! {
	#[test]
	fn fee_should_not_grow_when_a_claim_is_split(
		a in 0u64..1 << 40,
		b in 0u64..1 << 40,
		price in 0u128..1 << 70,
	) {
		let split = fee(a, price) + fee(b, price);
		let whole = fee(a + b, price);
		prop_assert!(split <= whole && whole <= split + 1);
	}

	#[test]
	fn fee_should_grow_with_work_and_price(a in any::<u64>(), b in any::<u64>(), price in any::<u128>()) {
		let (low, high) = (a.min(b), a.max(b));
		prop_assert!(fee(low, price) <= fee(high, price));
		prop_assert!(fee(a, price / 2) <= fee(a, price));
	}

	#[test]
	fn segment_within_the_limits_should_never_exceed_the_largest_leaf(
		width in 1u16..2_000,
		height in 1u16..2_000,
		fps in 1u16..=120,
		frames in 0u64..1_000,
		encode in 1u32..2_000,
		decode in 1u32..2_000,
	) {
		let limits = SourceLimits::new(width, height, fps);
		let factors = WorkFactors::canonical(encode, decode, REJECTED);
		let ladder = [rendition(1280, 720), rendition(640, 360)];
		let frames = frames.min(max_frames(&limits));
		let work = segment_work(
			&factors,
			u64::from(width) * u64::from(height) * frames,
			ladder
				.iter()
				.map(|r| (r.profile, u64::from(r.width) * u64::from(r.height) * frames)),
		);
		prop_assert!(work.unwrap() <= max_leaf_work(&factors, &ladder, &limits).unwrap());
	}
}
