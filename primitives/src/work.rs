//! Work units and fees.
//!
//! `work = Σ over renditions (output pixels × preset factor) + input pixels × decode factor`,
//! with factors in thousandths, rounded down once per segment. The price of a transcoder is that
//! of one standard segment; a fee is rounded down once per claim, against the claimant.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

use crate::{
	video::{Rendition, SourceLimits, LONGEST_SEGMENT, TICKS_PER_SECOND},
	Balance,
};

/// Work of one standard segment: 2 s of 1280×720 at 30 frames per second.
pub const STANDARD_SEGMENT_WORK: u64 = 1280 * 720 * 30 * 2;

/// Factors of the formula, in thousandths.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
pub struct WorkFactors {
	/// Cost of encoding one pixel under the canonical preset.
	pub preset: u32,
	/// Cost of decoding one pixel.
	pub decode: u32,
}

/// Work of one segment from the pixels that were really decoded and encoded; `None` on overflow.
pub fn segment_work(
	factors: &WorkFactors,
	input_pixels: u64,
	output_pixels: impl IntoIterator<Item = u64>,
) -> Option<u64> {
	let out =
		output_pixels.into_iter().try_fold(0u128, |sum, pixels| sum.checked_add(pixels.into()))?;
	let encoded = out.checked_mul(factors.preset.into())?;
	let decoded = u128::from(input_pixels).checked_mul(factors.decode.into())?;
	u64::try_from(encoded.checked_add(decoded)? / 1000).ok()
}

/// Frames of the longest segment at the job's frame rate; one more, since both ends of a segment
/// may fall on a frame.
pub fn max_frames(limits: &SourceLimits) -> u64 {
	u64::from(limits.fps) * u64::from(LONGEST_SEGMENT / TICKS_PER_SECOND) + 1
}

/// The most work that one segment of a job can hold; `None` on overflow.
pub fn max_leaf_work(
	factors: &WorkFactors,
	ladder: &[Rendition],
	limits: &SourceLimits,
) -> Option<u64> {
	let frames = max_frames(limits);
	let area = |w: u16, h: u16| u64::from(w) * u64::from(h) * frames;
	segment_work(
		factors,
		area(limits.width, limits.height),
		ladder.iter().map(|r| area(r.width, r.height)),
	)
}

/// The fee of a claim: `work × price / STANDARD_SEGMENT_WORK`, rounded down; saturates at the
/// largest balance, which no budget can cover.
pub fn fee(work: u64, price_per_segment: Balance) -> Balance {
	sp_runtime::helpers_128bit::multiply_by_rational_with_rounding(
		work.into(),
		price_per_segment,
		STANDARD_SEGMENT_WORK.into(),
		sp_runtime::Rounding::Down,
	)
	.unwrap_or(Balance::MAX)
}
