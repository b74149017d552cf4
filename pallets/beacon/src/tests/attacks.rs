//! Attacks on the seeds, one test each.

use crate::mock::*;
use livepeer_primitives::{traits::Beacon as _, Hash, UNIT};
use std::collections::BTreeSet;

/// The seed of window 1. The author of its last slots makes or withholds each of its blocks as
/// `made` says, and another author makes the blocks that the window then lacks.
fn seed_after(made: &[bool]) -> Hash {
	let mut seed = Hash::zero();
	build_and_execute(|| {
		run_to(6);
		for (slot, made) in made.iter().enumerate() {
			if *made {
				block_with(Some(account(7)), Some(Hash::from_low_u64_be(slot as u64 + 1)));
			}
		}
		run_to(10);
		seed = Beacon::seed(1).unwrap().hash;
	});
	seed
}

/// The author of the last slots of a window withholds blocks until the seed suits it. Each slot is
/// one choice and costs the block.
#[test]
fn attack_withheld_blocks_offer_at_most_one_choice_each() {
	// It has the last three slots of the window: heights 7 to 9 if it makes all three blocks.
	let mut values = BTreeSet::new();
	for choice in 0u8..8 {
		let made: Vec<_> = (0..3).map(|slot| choice & (1 << slot) != 0).collect();
		values.insert(seed_after(&made));
	}
	assert_eq!(values.len(), 8);
	// Whatever it does, the seed comes with the same block. So no choice can be made later, and the
	// same choices give the same seed.
	assert_eq!(seed_after(&[true, false, true]), seed_after(&[true, false, true]));
}

/// A claimant waits for a seed that suits it. There is one seed per window, whenever it is read.
#[test]
fn attack_draw_is_not_rerolled_by_delay() {
	build_and_execute(|| {
		Beacon::retain(1);
		run_to(10);
		let seed = Beacon::seed(1);
		for late in (11..200).step_by(7) {
			Seated::set(seats((late % 5) as u8, u128::from(late) * UNIT));
			run_to(late);
			assert_eq!(Beacon::seed(1), seed);
		}
		Beacon::release(1);
	});
}

/// In the last block of a window, an attacker who already knows most of its outputs has an
/// accomplice jailed or freed, or moves stake. The judges that its seed selects do not change.
#[test]
fn attack_judges_are_not_picked_by_a_live_input() {
	let run = |meddle: bool| {
		let mut seed = None;
		build_and_execute(|| {
			Seated::set(seats(5, UNIT));
			Jailed::set(vec![account(1)]);
			run_to(9);
			if meddle {
				Jailed::set(vec![account(2), account(3)]);
			}
			run_to(10);
			seed = Beacon::seed(1);
		});
		seed.unwrap()
	};
	assert_eq!(run(true), run(false));
}
