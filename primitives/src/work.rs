//! Work units and fees.
//!
//! `work = Σ over renditions (output pixels × the profile's factor) + input pixels × decode factor`,
//! with factors in thousandths, rounded down once per segment. A transcoder's price is that of one
//! standard segment. A fee is rounded down once per claim, against the claimant.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

use crate::{
	video::{
		ProfileId, Rendition, SourceLimits, CANONICAL_PROFILE, CAPPED_QUALITY, TICKS_PER_SECOND,
	},
	Balance, MAX_PROFILES,
};

/// Work of one standard segment: 2 s of 1280×720 at 30 frames per second.
pub const STANDARD_SEGMENT_WORK: u64 = 1280 * 720 * 30 * 2;

/// Cost of encoding one pixel under one profile.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Default,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct ProfileFactor {
	/// The profile; 0 in an unused place.
	pub profile: ProfileId,
	/// Cost of encoding one pixel, in thousandths.
	pub encode: u32,
}

/// Factors of the formula.
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
#[serde(deny_unknown_fields)]
pub struct WorkFactors {
	/// Cost of encoding, by profile.
	pub profiles: [ProfileFactor; MAX_PROFILES as usize],
	/// Cost of decoding one pixel, in thousandths.
	pub decode: u32,
	/// Least work of a rejected segment; in a job it is at least the work of decoding the job's
	/// largest segment.
	pub rejected: u64,
}

impl WorkFactors {
	/// Factors with one profile, the canonical one.
	pub const fn canonical(encode: u32, decode: u32, rejected: u64) -> Self {
		let mut profiles = [ProfileFactor { profile: 0, encode: 0 }; MAX_PROFILES as usize];
		profiles[0] = ProfileFactor { profile: CANONICAL_PROFILE, encode };
		Self { profiles, decode, rejected }
	}

	/// The same with [`CAPPED_QUALITY`] as the second profile.
	pub const fn and_capped_quality(mut self, encode: u32) -> Self {
		self.profiles[1] = ProfileFactor { profile: CAPPED_QUALITY, encode };
		self
	}

	/// These factors for a job with such sources; `None` on overflow. A segment may be damaged only
	/// in its last picture, so rejecting one takes as much work as decoding the largest. Judges
	/// therefore never do more work than a leaf states.
	pub fn of_job(self, limits: &SourceLimits) -> Option<Self> {
		let pixels = u64::from(limits.width) * u64::from(limits.height) * max_frames(limits);
		let decoded = segment_work(&self, pixels, core::iter::empty())?;
		Some(Self { rejected: self.rejected.max(decoded), ..self })
	}

	/// Cost of encoding one pixel under `profile`, in thousandths; `None` for a profile that has no
	/// factor.
	pub fn of(&self, profile: ProfileId) -> Option<u32> {
		let known = |factor: &&ProfileFactor| profile != 0 && factor.profile == profile;
		self.profiles.iter().find(known).map(|factor| factor.encode)
	}
}

/// Work of one segment, from the pixels that were really decoded and encoded, each output with its
/// profile; `None` on overflow or for a profile without a factor.
pub fn segment_work(
	factors: &WorkFactors,
	input_pixels: u64,
	outputs: impl IntoIterator<Item = (ProfileId, u64)>,
) -> Option<u64> {
	let decoded = u128::from(input_pixels).checked_mul(factors.decode.into())?;
	let thousandths = outputs.into_iter().try_fold(decoded, |sum, (profile, pixels)| {
		let cost = u128::from(pixels).checked_mul(factors.of(profile)?.into())?;
		sum.checked_add(cost)
	})?;
	u64::try_from(thousandths / 1000).ok()
}

/// The work that somebody states for a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct StatedWork {
	/// The work.
	pub work: u64,
	/// The factors by which it is computed.
	pub factors: WorkFactors,
}

impl StatedWork {
	/// Whether decoding and encoding these pixels takes more work than stated.
	pub fn is_exceeded(
		&self,
		input_pixels: u64,
		outputs: impl IntoIterator<Item = (ProfileId, u64)>,
	) -> bool {
		segment_work(&self.factors, input_pixels, outputs).is_none_or(|work| work > self.work)
	}
}

/// Frames of the job's longest segment at its frame rate, plus one because a frame may lie on both
/// ends of a segment.
pub fn max_frames(limits: &SourceLimits) -> u64 {
	let ticks = u64::from(limits.fps).saturating_mul(limits.longest.into());
	ticks.div_ceil(TICKS_PER_SECOND.into()).saturating_add(1)
}

/// The most work that one segment of a job can hold; `None` on overflow or for a profile without a
/// factor.
pub fn max_leaf_work(
	factors: &WorkFactors,
	ladder: &[Rendition],
	limits: &SourceLimits,
) -> Option<u64> {
	let frames = max_frames(limits);
	let area = |w: u16, h: u16| u64::from(w) * u64::from(h) * frames;
	let work = segment_work(
		factors,
		area(limits.width, limits.height),
		ladder.iter().map(|r| (r.profile, area(r.width, r.height))),
	)?;
	Some(work.max(factors.rejected))
}

/// The fee of a claim: `work × price / STANDARD_SEGMENT_WORK`, rounded down. It saturates at the
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
