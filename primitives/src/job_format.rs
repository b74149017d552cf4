//! The ladders and source limits that a job can have.

use codec::{Decode, Encode};
use scale_info::TypeInfo;

use crate::{
	video::{
		Rendition, SourceLimits, LONGEST_SEGMENT, MAX_FPS, MAX_KBPS, MAX_SEGMENT_BYTES, MAX_SIDE,
		SHORTEST_SEGMENT, TICKS_PER_SECOND,
	},
	work::WorkFactors,
};

/// Why a job cannot have a ladder or limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub enum FormatError {
	/// There is no rendition.
	NoRendition,
	/// Two renditions are equal.
	DuplicateRendition,
	/// A rendition's side is below 16, odd or above [`MAX_SIDE`], or a side of the source is zero
	/// or above [`MAX_SIDE`].
	BadSize,
	/// The bit rate is zero, its cap is below it or above [`MAX_KBPS`], or the longest segment
	/// would be larger than anybody fetches.
	BadBitrate,
	/// The profile has no work factor.
	UnknownProfile,
	/// The longest segment is above [`LONGEST_SEGMENT`], or the shortest is above the longest or
	/// below [`SHORTEST_SEGMENT`].
	BadSegmentLength,
	/// The frame rate is zero or above [`MAX_FPS`].
	BadFrameRate,
}

/// Whether a segment of this many ticks at this bit rate, with a full rate control buffer of a
/// second and a sixteenth for audio and container, is small enough to be fetched.
fn fits_segment(cap_kbps: u32, longest: u32) -> bool {
	let ticks = u64::from(longest).saturating_add(TICKS_PER_SECOND.into());
	let bytes = u64::from(cap_kbps).saturating_mul(125).saturating_mul(ticks);
	let bytes = bytes / u64::from(TICKS_PER_SECOND);
	bytes.saturating_add(bytes / 16) <= MAX_SEGMENT_BYTES.into()
}

/// Checks that a ladder and limits can be transcoded, with profiles that have a work factor.
pub fn check_format(
	ladder: &[Rendition],
	limits: &SourceLimits,
	factors: &WorkFactors,
) -> Result<(), FormatError> {
	if ladder.is_empty() {
		return Err(FormatError::NoRendition);
	}
	for (i, r) in ladder.iter().enumerate() {
		let bad_side = |side: u16| side < 16 || side % 2 == 1 || side > MAX_SIDE;
		if bad_side(r.width) || bad_side(r.height) {
			return Err(FormatError::BadSize);
		}
		let fits = r.cap_kbps <= MAX_KBPS && fits_segment(r.cap_kbps, limits.longest);
		if r.kbps == 0 || r.cap_kbps < r.kbps || !fits {
			return Err(FormatError::BadBitrate);
		}
		if factors.of(r.profile).is_none() {
			return Err(FormatError::UnknownProfile);
		}
		if ladder[..i].contains(r) {
			return Err(FormatError::DuplicateRendition);
		}
	}
	if limits.width == 0
		|| limits.height == 0
		|| limits.width > MAX_SIDE
		|| limits.height > MAX_SIDE
	{
		return Err(FormatError::BadSize);
	}
	if limits.fps == 0 || limits.fps > MAX_FPS {
		return Err(FormatError::BadFrameRate);
	}
	if limits.longest > LONGEST_SEGMENT
		|| limits.shortest > limits.longest
		|| limits.shortest < SHORTEST_SEGMENT
	{
		return Err(FormatError::BadSegmentLength);
	}
	Ok(())
}
