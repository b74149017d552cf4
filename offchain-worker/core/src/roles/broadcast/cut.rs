//! The work that a run hands to a delivery.

use livepeer_primitives::{receipt::Output, segment::SegmentInfo, Track};

/// The pause after a failed sending: doubled with each attempt, up to the second value.
pub(super) const BACKOFF_MS: (u64, u64) = (250, 4_000);

/// An outstanding segment; its bytes are in the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Cut {
	pub(super) segment: SegmentInfo,
	/// The same stretch in the publisher's own renditions.
	pub(super) own: Vec<(Track, Output)>,
	/// When it was cut.
	pub(super) at_ms: u64,
}
