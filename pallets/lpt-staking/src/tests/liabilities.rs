//! Counting open liabilities.

use crate::{liabilities::Liabilities, mock::*};
use frame_support::traits::ConstU32;
use livepeer_primitives::{traits::Liability, RoundIndex};
use proptest::prelude::*;
use std::collections::BTreeMap;

#[test]
fn liabilities_should_be_counted_per_round_and_leave_no_state_when_closed() {
	build_and_execute(|| {
		rounds(5);
		LptStaking::open(&t(), 5);
		LptStaking::open(&t(), 5);
		LptStaking::open(&t(), 3);
		assert_eq!(LptStaking::transcoder_stake(t()).open_liabilities, [(3, 1), (5, 2)]);
		LptStaking::close(&t(), 5);
		LptStaking::close(&t(), 3);
		assert_eq!(LptStaking::transcoder_stake(t()).open_liabilities, [(5, 1)]);
		check();
		LptStaking::close(&t(), 5);
		assert_eq!(crate::Liabilities::<Test>::iter().count(), 0);
	});
}

#[test]
fn close_should_say_so_when_nothing_is_open() {
	let mut list = Liabilities::<ConstU32<2>>::default();
	assert!(!list.close(3));
	list.open(4);
	assert!(!list.close(3));
	assert!(list.close(4));
	assert!(!list.holds(RoundIndex::MAX));
}

#[test]
fn full_list_should_hold_back_longer_rather_than_less() {
	let mut list = Liabilities::<ConstU32<2>>::default();
	list.open(10);
	list.open(20);
	list.open(15);
	assert_eq!(list.0.to_vec(), [(10, 2), (20, 1)]);
	list.open(5);
	assert_eq!(list.0.to_vec(), [(5, 3), (20, 1)]);
	assert!(list.close(10) && list.close(5));
	// Round 15 is still open.
	assert!(list.holds(15));
	assert!(list.close(15) && list.close(20));
	assert!(list.0.is_empty());
}

proptest! {
	/// Against exact counts: never fewer up to any round, and equal in the end.
	#[test]
	fn list_should_never_count_less_than_is_open(
		steps in prop::collection::vec((any::<bool>(), 0u32..12), 0..120),
	) {
		let mut list = Liabilities::<ConstU32<4>>::default();
		let mut exact: BTreeMap<RoundIndex, u32> = BTreeMap::new();
		let close = |list: &mut Liabilities<_>, exact: &mut BTreeMap<_, u32>, round| {
			let count = exact.get_mut(&round).unwrap();
			*count -= 1;
			if *count == 0 {
				exact.remove(&round);
			}
			list.close(round)
		};
		for (opens, round) in steps {
			if opens {
				list.open(round);
				*exact.entry(round).or_default() += 1;
			} else if let Some(round) = exact.range(round..).next().map(|(round, _)| *round) {
				prop_assert!(close(&mut list, &mut exact, round));
			}
			for up_to in 0..12 {
				let open: u32 = exact.range(..=up_to).map(|(_, count)| count).sum();
				let counted: u32 =
					list.0.iter().filter(|(r, _)| *r <= up_to).map(|(_, count)| count).sum();
				prop_assert!(counted >= open);
				prop_assert!(open == 0 || list.holds(up_to));
			}
			prop_assert!(list.0.windows(2).all(|pair| pair[0].0 < pair[1].0));
		}
		while let Some(round) = exact.keys().next_back().copied() {
			prop_assert!(close(&mut list, &mut exact, round));
		}
		prop_assert!(list.0.is_empty());
	}
}
