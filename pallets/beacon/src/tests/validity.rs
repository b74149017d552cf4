//! Which windows are trusted, and whose seeds replace the others.

use crate::{mock::*, Event, InvalidWindows, Participation, Seeds};
use livepeer_primitives::{traits::Beacon as _, Hash, UNIT};

#[test]
fn window_should_be_valid_when_two_authors_took_part() {
	build_and_execute(|| {
		run_alone_to(1, 8);
		block_by(2);
		run_to(10);
		assert!(Beacon::seed(1).is_some());
	});
}

#[test]
fn window_should_be_valid_when_its_only_author_is_the_only_validator() {
	build_and_execute(|| {
		Seated::set(seats(1, UNIT));
		run_alone_to(1, 10);
		assert!(Beacon::seed(0).is_some());
		assert!(Beacon::seed(1).is_some());
	});
}

#[test]
fn window_should_be_invalid_when_one_of_two_validators_made_all_of_it() {
	build_and_execute(|| {
		run_to(4);
		run_alone_to(1, 10);
		assert_eq!(Beacon::seed(1), None);
		System::assert_has_event(Event::WindowInvalid { window: 1 }.into());
		assert_eq!(InvalidWindows::<Test>::get(), 1);
	});
}

#[test]
fn window_should_be_invalid_when_no_validator_is_known_and_one_author_took_part() {
	build_and_execute(|| {
		Seated::set(seats(0, UNIT));
		run_alone_to(1, 5);
		assert_eq!(Beacon::seed(0), None);
	});
}

#[test]
fn author_should_not_count_when_its_block_has_no_vrf_output() {
	build_and_execute(|| {
		run_to(4);
		run_alone_to(1, 8);
		block_with(Some(account(2)), None);
		run_alone_to(1, 10);
		assert_eq!(Beacon::seed(1), None);
	});
}

#[test]
fn author_should_count_for_its_own_window_when_it_made_the_last_block() {
	build_and_execute(|| {
		run_to(4);
		run_alone_to(1, 8);
		// Block 9, the last of window 1.
		block_by(2);
		// Block 10 belongs to window 2 and is the third author's.
		block_by(3);
		assert!(Beacon::seed(1).is_some());
		run_alone_to(3, 15);
		assert_eq!(Beacon::seed(2), None);
	});
}

#[test]
fn unknown_author_should_fold_without_counting() {
	build_and_execute(|| {
		run_to(4);
		run_alone_to(1, 8);
		block_with(None, Some(vrf(9)));
		run_to(10);
		assert_eq!(Beacon::seed(1), None);
		assert_eq!(Beacon::accumulator(), fold(Hash::zero(), (1..=9).map(vrf)));
	});
}

#[test]
fn next_seed_should_stand_in_with_its_own_set_when_a_window_is_invalid() {
	build_and_execute(|| {
		run_to(4);
		run_alone_to(1, 10);
		Seated::set(seats(3, 7 * UNIT));
		run_to(15);
		let seed = Beacon::seed(1).unwrap();
		assert_eq!(seed.hash, fold(Hash::zero(), (1..=14).map(vrf)));
		assert_eq!(seed.set, seats(3, 7 * UNIT));
		assert_eq!(Beacon::seed(2), Some(seed));
		System::assert_has_event(
			Event::SeedStored { window: 2, first: 1, seed: Beacon::accumulator(), validators: 3 }
				.into(),
		);
	});
}

#[test]
fn third_invalid_window_in_a_row_should_be_used_as_it_is() {
	build_and_execute(|| {
		run_to(4);
		run_alone_to(1, 19);
		assert_eq!((Beacon::seed(1), Beacon::seed(2), Beacon::seed(3)), (None, None, None));
		run_alone_to(1, 20);
		let seed = Beacon::seed(3).unwrap();
		assert_eq!(seed.hash, fold(Hash::zero(), (1..=19).map(vrf)));
		assert_eq!(Beacon::seed(1).as_ref(), Some(&seed));
		assert_eq!(Beacon::seed(2).as_ref(), Some(&seed));
		assert_eq!(InvalidWindows::<Test>::get(), 0);
		// The next run of invalid windows waits just as long.
		run_alone_to(1, 34);
		assert_eq!(Beacon::seed(4), None);
		run_alone_to(1, 35);
		assert_ne!(Beacon::seed(4).unwrap(), seed);
		assert_eq!(Beacon::seed(4), Beacon::seed(6));
	});
}

#[test]
fn outwaiting_windows_should_not_choose_the_seed_when_another_author_appears() {
	build_and_execute(|| {
		// A single author makes two windows, so both wait. Then a block by another author is folded
		// into the seed that all three get.
		run_to(4);
		run_alone_to(1, 18);
		block_by(2);
		run_to(20);
		let expected = fold(Hash::zero(), (1..=19).map(vrf));
		for window in 1..=3 {
			assert_eq!(Beacon::seed(window).unwrap().hash, expected);
		}
		assert_eq!(Seeds::<Test>::get(3).unwrap().first, 1);
	});
}

#[test]
fn seed_should_not_stand_in_for_a_window_that_had_its_own() {
	build_and_execute(|| {
		run_to(10);
		let own = Beacon::seed(1);
		Beacon::retain(2);
		// Seed 1 ages and is removed; seed 2 is retained.
		run_to(60);
		assert!(own.is_some());
		assert!(Beacon::seed(2).is_some());
		assert_eq!(Beacon::seed(1), None);
		assert_eq!(Beacon::seed(0), None);
	});
}

#[test]
fn participation_should_forget_names_when_there_are_several() {
	let one = Participation::default().with(account(1));
	assert_eq!(one, Participation::One(account(1)));
	assert_eq!(one.clone().with(account(1)), one);
	assert_eq!(one.with(account(2)).with(account(1)), Participation::Several);
}
