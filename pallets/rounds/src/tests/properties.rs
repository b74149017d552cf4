//! However the parameters change, rounds cover the chain without gap or overlap.

use crate::{mock::*, RoundInfo};
use livepeer_primitives::{params::RoundsParameters, traits::Rounds as _};
use proptest::prelude::*;
use sp_runtime::Perbill;

proptest! {
	#![proptest_config(ProptestConfig::with_cases(64))]

	#[test]
	fn rounds_should_tile_the_chain_when_parameters_change_at_random(
		changes in prop::collection::vec((1u32..40, 1u32..60, 0u32..100), 1..12),
	) {
		set(30, Perbill::from_percent(10));
		new_test_ext().execute_with(|| {
			let mut starts = vec![Rounds::round()];
			for (blocks, length, lock) in changes {
				for _ in 0..blocks {
					let before = Rounds::round();
					next_block();
					let after = Rounds::round();
					Rounds::do_try_state().unwrap();
					if before != after {
						// The new round begins where the old one ends, and its number is one
						// higher.
						assert_eq!(after.start, before.end());
						assert_eq!(after.start, System::block_number());
						assert_eq!(after.index, before.index + 1);
						starts.push(after);
					}
				}
				set(length, Perbill::from_percent(lock));
			}
			let told: Vec<_> = starts.windows(2).map(|w| (w[0].index, w[1].index, w[1].index)).collect();
			assert_eq!(Calls::get(), told);
			assert_eq!(Rounds::current() as usize, starts.len() - 1);
		});
	}

	#[test]
	fn lock_period_should_be_the_rounds_end_when_it_has_one(
		start in 0u32..1_000_000,
		length in 1u32..100_000,
		parts in 0u32..1_000_000_000,
		offset in 0u32..100_000,
	) {
		let parameters =
			RoundsParameters { length, lock_amount: Perbill::from_parts(parts) };
		let round = RoundInfo::new(3, start, &parameters);
		let now = start + offset % length;
		prop_assert!(!round.is_over(now));
		prop_assert!(round.lock < length);
		prop_assert_eq!(round.is_locked(now), now - start >= length - round.lock);
		prop_assert!(round.is_over(start + length));
		prop_assert!(!round.is_locked(start + length));
	}

	#[test]
	fn clock_should_saturate_when_block_numbers_end(start in any::<u32>(), length in any::<u32>()) {
		let parameters = RoundsParameters { length, lock_amount: Perbill::from_percent(10) };
		let round = RoundInfo::new(u32::MAX, start, &parameters);
		prop_assert!(round.locked_from() <= round.end());
		prop_assert_eq!(round.next(u32::MAX, &parameters).index, u32::MAX);
	}
}
