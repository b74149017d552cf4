//! Work units and fees, with the numbers worked out by hand.
#![allow(missing_docs, clippy::unwrap_used)]

use livepeer_primitives::{
	video::{check_format, FormatError, Rendition, SourceLimits, MAX_FPS, MAX_SIDE},
	work::{fee, max_frames, max_leaf_work, segment_work, WorkFactors, STANDARD_SEGMENT_WORK},
	Balance, UNIT,
};
use proptest::prelude::*;

const FACTORS: WorkFactors = WorkFactors { preset: 1_000, decode: 250 };

fn rendition(width: u16, height: u16) -> Rendition {
	Rendition { width, height, kbps: 1_000 }
}

#[test]
fn standard_segment_should_be_two_seconds_of_720p30() {
	assert_eq!(STANDARD_SEGMENT_WORK, 55_296_000);
	let encode_only = WorkFactors { preset: 1_000, decode: 0 };
	let pixels = 1280 * 720 * 60;
	assert_eq!(segment_work(&encode_only, 123_456, [pixels]), Some(STANDARD_SEGMENT_WORK));
}

#[test]
fn work_should_add_renditions_and_a_quarter_of_the_input() {
	// 60 frames of 1080p in; 720p, 480p and 360p out.
	let input = 1920 * 1080 * 60u64;
	let outputs = [1280 * 720 * 60u64, 854 * 480 * 60, 640 * 360 * 60];
	let expected = 124_416_000 / 4 + 55_296_000 + 24_595_200 + 13_824_000;
	assert_eq!(segment_work(&FACTORS, input, outputs), Some(expected));
	assert_eq!(expected, 124_819_200);
}

#[test]
fn work_should_be_rounded_down_once_per_segment() {
	let thirds = WorkFactors { preset: 333, decode: 333 };
	// 1 + 1 + 1 pixels at 0.333 each are 0.999, and not three times zero nor one.
	assert_eq!(segment_work(&thirds, 1, [1, 1]), Some(0));
	assert_eq!(segment_work(&thirds, 1, [1, 1, 1]), Some(1));
}

#[test]
fn work_should_be_none_when_it_overflows() {
	assert_eq!(segment_work(&FACTORS, 0, [u64::MAX]), Some(u64::MAX));
	assert_eq!(segment_work(&FACTORS, 4_000, [u64::MAX]), None);
	let largest = WorkFactors { preset: u32::MAX, decode: u32::MAX };
	assert_eq!(segment_work(&largest, u64::MAX, [u64::MAX; 8]), None);
}

#[test]
fn largest_leaf_should_follow_from_the_job() {
	let limits = SourceLimits { width: 1920, height: 1080, fps: 30 };
	assert_eq!(max_frames(&limits), 181);
	let ladder = [rendition(1280, 720), rendition(640, 360)];
	let expected = 1920 * 1080 * 181 / 4 + (1280 * 720 + 640 * 360) * 181;
	assert_eq!(max_leaf_work(&FACTORS, &ladder, &limits), Some(expected));
}

#[test]
fn largest_job_should_not_overflow() {
	let limits = SourceLimits { width: MAX_SIDE, height: MAX_SIDE, fps: MAX_FPS };
	let ladder = [rendition(MAX_SIDE, MAX_SIDE); 8];
	let factors = WorkFactors { preset: 1_000_000, decode: 1_000_000 };
	let leaf = max_leaf_work(&factors, &ladder, &limits).unwrap();
	assert!(leaf.checked_mul(4_096).is_some(), "the largest claim fits 64 bits");
}

#[test]
fn fee_should_be_the_price_of_a_standard_segment_for_its_work() {
	assert_eq!(fee(STANDARD_SEGMENT_WORK, UNIT), UNIT);
	assert_eq!(fee(STANDARD_SEGMENT_WORK / 2, UNIT), UNIT / 2);
	// 124,819,200 work at 0.00002 ETH a segment.
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
	let limits = SourceLimits { width: 1920, height: 1080, fps: 30 };
	let good = rendition(1280, 720);
	assert_eq!(check_format(&[good, rendition(640, 360)], &limits), Ok(()));
	assert_eq!(check_format(&[], &limits), Err(FormatError::NoRendition));
	assert_eq!(check_format(&[good, good], &limits), Err(FormatError::DuplicateRendition));
	for side in [0, 15, 17, 1_281, MAX_SIDE + 2, u16::MAX] {
		assert_eq!(check_format(&[rendition(side, 720)], &limits), Err(FormatError::BadSize));
		assert_eq!(check_format(&[rendition(1280, side)], &limits), Err(FormatError::BadSize));
	}
	for kbps in [0, 100_001] {
		let bad = Rendition { kbps, ..good };
		assert_eq!(check_format(&[bad], &limits), Err(FormatError::BadBitrate));
	}
	for (width, height) in [(0, 720), (1280, 0), (MAX_SIDE + 1, 720), (1280, MAX_SIDE + 1)] {
		let bad = SourceLimits { width, height, fps: 30 };
		assert_eq!(check_format(&[good], &bad), Err(FormatError::BadSize));
	}
	for fps in [0, MAX_FPS + 1] {
		let bad = SourceLimits { fps, ..limits };
		assert_eq!(check_format(&[good], &bad), Err(FormatError::BadFrameRate));
	}
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
		preset in 1u32..2_000,
		decode in 1u32..2_000,
	) {
		let limits = SourceLimits { width, height, fps };
		let factors = WorkFactors { preset, decode };
		let ladder = [rendition(1280, 720), rendition(640, 360)];
		let frames = frames.min(max_frames(&limits));
		let work = segment_work(
			&factors,
			u64::from(width) * u64::from(height) * frames,
			ladder.iter().map(|r| u64::from(r.width) * u64::from(r.height) * frames),
		);
		prop_assert!(work.unwrap() <= max_leaf_work(&factors, &ladder, &limits).unwrap());
	}
}
