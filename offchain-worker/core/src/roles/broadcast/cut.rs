//! What a run hands to a delivery.

use livepeer_primitives::segment::SegmentInfo;

/// How long a broken sending waits: doubled with each attempt, up to the second value.
pub(super) const BACKOFF_MS: (u64, u64) = (250, 4_000);

/// What is remembered of a segment while it is outstanding; its bytes are in the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Cut {
	pub(super) segment: SegmentInfo,
	/// When it was cut.
	pub(super) at_ms: u64,
}
