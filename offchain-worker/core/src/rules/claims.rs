//! The segments that a claim covers, and its commitment.

use livepeer_primitives::{
	leaf::Leaf,
	sum_tree::{SumTree, TreeError},
	Seq,
};

/// When a transcoder claims.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClaimRules {
	/// The most leaves of a claim.
	pub max_leaves: u32,
	/// Claim as soon as this many leaves are ready.
	pub batch: u32,
	/// Claim what is ready when the oldest unclaimed segment is older than this.
	pub max_wait_ms: u64,
	/// How long a missing seq may still arrive before it is left out for good.
	pub gap_wait_ms: u64,
}

/// A segment that may be claimed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claimable {
	/// Its seq.
	pub seq: Seq,
	/// When it was stored, in milliseconds since 1970.
	pub stored_ms: u64,
}

/// How long ago a segment was stored, by a clock that may have been set since. A segment from the future was
/// stored before the clock was set back, and must not wait until that time.
pub fn age_ms(now_ms: u64, stored_ms: u64) -> u64 {
	now_ms.abs_diff(stored_ms)
}

/// The range of the next claim, both ends included, or `None` when it is not time yet.
///
/// `ready` holds the unclaimed segments at or after `cursor` in ascending order. If `ended`, the assignment
/// has ended, and waiting gains nothing.
pub fn next_range(
	cursor: Seq,
	ready: &[Claimable],
	ended: bool,
	now_ms: u64,
	rules: &ClaimRules,
) -> Option<(Seq, Seq)> {
	let first = ready.first()?;
	let max = u64::from(rules.max_leaves.max(1));
	let age = |segment: &Claimable| age_ms(now_ms, segment.stored_ms);
	// A gap (in front or inside) is given up once the segment after it has waited long enough.
	let given_up = |after: &Claimable| ended || age(after) >= rules.gap_wait_ms;
	if first.seq > cursor && cursor > 0 && !given_up(first) {
		return None;
	}
	let mut last = first.seq;
	for segment in &ready[1..] {
		if segment.seq.saturating_sub(first.seq) >= max {
			break;
		}
		if segment.seq > last.saturating_add(1) && !given_up(segment) {
			break;
		}
		last = segment.seq;
	}
	let leaves = last.saturating_sub(first.seq).saturating_add(1);
	let full = leaves >= u64::from(rules.batch.max(1)).min(max);
	(full || ended || age(first) >= rules.max_wait_ms).then_some((first.seq, last))
}

/// Whether a claim that begins with the first of these segments cannot grow any more: it is full, or later
/// segments are beyond its length, and it has waited its time.
pub fn is_complete(ready: &[Claimable], now_ms: u64, rules: &ClaimRules) -> bool {
	let (Some(first), Some(last)) = (ready.first(), ready.last()) else { return false };
	let reach = last.seq.saturating_sub(first.seq).saturating_add(1);
	reach >= u64::from(rules.max_leaves) && age_ms(now_ms, first.stored_ms) >= rules.max_wait_ms
}

/// The leaves of `[first, last]`, with `Empty` for missing segments, and their tree.
pub fn build(
	first: Seq,
	last: Seq,
	leaf: impl Fn(Seq) -> Option<Leaf>,
) -> Result<(Vec<Leaf>, SumTree), TreeError> {
	let leaves: Vec<Leaf> = (first..=last).map(|seq| leaf(seq).unwrap_or(Leaf::Empty)).collect();
	let tree = SumTree::new(&leaves)?;
	Ok((leaves, tree))
}

/// The indices of the leaves at `positions`, without duplicates, in ascending order.
pub fn drawn_leaves(tree: &SumTree, positions: &[u64]) -> Vec<u32> {
	let mut indices: Vec<u32> =
		positions.iter().filter_map(|position| tree.leaf_at(*position)).collect();
	indices.sort_unstable();
	indices.dedup();
	indices
}

#[cfg(test)]
mod tests {
	use super::*;
	use livepeer_primitives::{extension::Extensions, receipt::Outputs, sum_tree};
	use proptest::prelude::*;

	use crate::fakes::segment_info;

	const RULES: ClaimRules =
		ClaimRules { max_leaves: 16, batch: 8, max_wait_ms: 30_000, gap_wait_ms: 10_000 };

	fn ready(seqs: impl IntoIterator<Item = Seq>, stored_ms: u64) -> Vec<Claimable> {
		seqs.into_iter().map(|seq| Claimable { seq, stored_ms }).collect()
	}

	#[test]
	fn claim_should_wait_when_the_batch_is_not_full() {
		assert_eq!(next_range(0, &ready(0..7, 1_000), false, 2_000, &RULES), None);
		assert_eq!(next_range(0, &ready(0..8, 1_000), false, 2_000, &RULES), Some((0, 7)));
	}

	#[test]
	fn claim_should_be_made_when_the_oldest_waited_or_the_assignment_ended() {
		let three = ready(4..7, 1_000);
		assert_eq!(next_range(4, &three, false, 31_000, &RULES), Some((4, 6)));
		assert_eq!(next_range(4, &three, true, 1_000, &RULES), Some((4, 6)));
		assert_eq!(next_range(4, &[], true, 1_000, &RULES), None);
	}

	/// A transcoder's clock was hours ahead, and was set right: its claims must not wait for hours, because
	/// the chain does not.
	#[test]
	fn claim_should_be_made_when_the_clock_was_set_back_since() {
		const HOURS: u64 = 5 * 3_600_000;
		let mut segments = ready(0..3, HOURS);
		assert_eq!(next_range(0, &segments, false, 1_000, &RULES), Some((0, 2)));
		segments.extend(ready(4..7, HOURS));
		assert_eq!(next_range(0, &segments, false, 1_000, &RULES), Some((0, 6)));
		assert!(is_complete(&ready(0..16, HOURS), 1_000, &RULES));
		// One that was set back by a moment changes nothing.
		assert_eq!(next_range(0, &ready(0..3, 1_010), false, 1_000, &RULES), None);
	}

	#[test]
	fn claim_should_stop_at_a_gap_when_it_may_still_be_filled() {
		let mut segments = ready(0..3, 0);
		segments.extend(ready(4..12, 29_000));
		assert_eq!(next_range(0, &segments, false, 30_000, &RULES), Some((0, 2)));
		assert_eq!(next_range(0, &segments, false, 39_000, &RULES), Some((0, 11)));
	}

	#[test]
	fn claim_should_not_exceed_what_the_chain_takes() {
		let rules = ClaimRules { max_leaves: 4, ..RULES };
		assert_eq!(next_range(0, &ready(0..10, 0), false, 0, &rules), Some((0, 3)));
		let far = ready([0, 1, 100], 0);
		assert_eq!(next_range(0, &far, true, 0, &rules), Some((0, 1)));
	}

	#[test]
	fn claim_should_be_complete_when_nothing_comes_into_it_any_more() {
		assert!(!is_complete(&ready(0..15, 0), 30_000, &RULES), "another leaf has room");
		assert!(is_complete(&ready(0..16, 0), 30_000, &RULES));
		assert!(!is_complete(&ready(0..16, 0), 29_999, &RULES), "it has time");
		assert!(is_complete(&ready([0, 100], 0), 30_000, &RULES), "the next is out of its reach");
	}

	proptest! {
		#[test]
		fn drawn_leaf_should_prove_itself_when_positions_are_drawn(
			works in proptest::collection::vec(0u64..1_000_000, 1..64),
			at in any::<u64>(),
		) {
			let (leaves, tree) = build(5, 4 + works.len() as u64, |seq| {
				match works[(seq - 5) as usize] {
					0 => None,
					work => Some(Leaf::Transcoded {
						segment: segment_info(b"x"), outputs: Outputs::default(), work,
						extensions: Extensions::default(),
					}),
				}
			}).expect("at most 64 leaves");
			let commitment = tree.commitment();
			prop_assume!(commitment.total_work > 0);
			let position = at % commitment.total_work;
			let drawn = drawn_leaves(&tree, &[position, position]);
			prop_assert_eq!(drawn.len(), 1);
			let index = drawn[0];
			let proof = tree.proof(index).expect("the index is in the claim");
			let range = sum_tree::verify(&commitment, index, &leaves[index as usize], &proof);
			prop_assert!(range.expect("the proof is right").contains(&position));
		}

		#[test]
		fn ranges_should_be_ascending_and_within_the_limit(
			seqs in proptest::collection::btree_set(0u64..200, 1..60),
			now in 0u64..100_000,
			ended in any::<bool>(),
		) {
			let segments = ready(seqs.iter().copied(), 0);
			if let Some((first, last)) = next_range(0, &segments, ended, now, &RULES) {
				prop_assert!(first <= last && last - first < u64::from(RULES.max_leaves));
				prop_assert!(seqs.contains(&first) && seqs.contains(&last));
			}
		}
	}
}
