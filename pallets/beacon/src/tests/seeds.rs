//! What a seed contains, when it is available, and that it never changes.

use crate::{mock::*, Event};
use livepeer_primitives::{traits::Beacon as _, Hash, UNIT};

#[test]
fn seed_should_fold_the_windows_own_blocks_and_none_after_them() {
	build_and_execute(|| {
		// Window 1 is blocks 5 to 9.
		run_to(10);
		let expected = fold(Hash::zero(), (1..=9).map(vrf));
		assert_eq!(Beacon::seed(1).unwrap().hash, expected);
		assert_eq!(Beacon::accumulator(), expected);
	});
}

#[test]
fn claims_of_a_window_should_be_drawn_from_the_first_block_of_the_second_window_after() {
	build_and_execute(|| {
		// A claim made in window 1 is drawn with the seed of window 2.
		run_to(9);
		let claimed_in = Beacon::current_window();
		assert_eq!(claimed_in, 1);
		run_to(Beacon::window_start(claimed_in + 2) - 1);
		assert_eq!(Beacon::seed(claimed_in + 1), None);
		run_to(Beacon::window_start(claimed_in + 2));
		assert!(Beacon::seed(claimed_in + 1).is_some());
		System::assert_has_event(
			Event::SeedStored { window: 2, first: 2, seed: Beacon::accumulator(), validators: 2 }
				.into(),
		);
	});
}

#[test]
fn closed_blocks_should_be_folded_and_end_no_window() {
	build_and_execute(|| {
		// The last block of window 1, and the first of window 2, which has stored its seed.
		run_to(9);
		run_closed(7);
		assert_eq!((Beacon::current_window(), Beacon::seed(1)), (1, None));
		block_by(0);
		let expected = fold(Hash::zero(), (1..=16).map(vrf));
		assert_eq!(Beacon::current_window(), 2);
		assert_eq!(Beacon::seed(1).unwrap().hash, expected);
		run_closed(7);
		assert_eq!(Beacon::seed(1).unwrap().hash, expected);
		run_to(28);
		assert_eq!(Beacon::seed(2), None);
		run_to(29);
		assert_eq!(Beacon::current_window(), 3);
		assert!(Beacon::seed(2).is_some());
	});
}

#[test]
fn window_should_follow_from_the_height_alone() {
	build_and_execute(|| {
		for block in 1..=23 {
			run_to(block);
			let window = Beacon::current_window();
			assert_eq!(window, block / WINDOW);
			assert_eq!(Beacon::window(), window);
			assert!(Beacon::window_start(window) <= block);
			assert!(Beacon::window_start(window + 1) > block);
		}
	});
}

#[test]
fn accumulator_should_include_the_parents_output_and_not_the_blocks_own() {
	build_and_execute(|| {
		run_to(3);
		assert_eq!(Beacon::accumulator(), fold(Hash::zero(), [vrf(1), vrf(2)]));
		run_to(4);
		assert_eq!(Beacon::accumulator(), fold(Hash::zero(), [vrf(1), vrf(2), vrf(3)]));
	});
}

#[test]
fn block_without_a_vrf_output_should_be_skipped() {
	build_and_execute(|| {
		// The first block finds no author: genesis has none.
		run_to(1);
		assert_eq!(Beacon::accumulator(), Hash::zero());
		block_with(Some(account(1)), None);
		run_to(4);
		assert_eq!(Beacon::accumulator(), fold(Hash::zero(), [vrf(1), vrf(3)]));
	});
}

#[test]
fn withheld_block_should_change_the_seed_but_not_its_time() {
	let run = |withhold: bool| {
		let mut seed = None;
		build_and_execute(|| {
			run_to(8);
			// Author 7 makes the last block of window 1, or else author 8, whose slot is next.
			let (author, output) = if withhold { (8, vrf(800)) } else { (7, vrf(700)) };
			block_with(Some(account(author)), Some(output));
			assert_eq!(Beacon::seed(1), None);
			run_to(10);
			seed = Beacon::seed(1);
		});
		seed.unwrap().hash
	};
	let produced = run(false);
	let withheld = run(true);
	// Withholding one block gives one more value to choose from, and no more.
	assert_ne!(produced, withheld);
	assert_eq!(produced, fold(Hash::zero(), (1..=8).map(vrf).chain([vrf(700)])));
	assert_eq!(withheld, fold(Hash::zero(), (1..=8).map(vrf).chain([vrf(800)])));
}

#[test]
fn order_of_outputs_should_matter() {
	assert_ne!(fold(Hash::zero(), [vrf(1), vrf(2)]), fold(Hash::zero(), [vrf(2), vrf(1)]));
}

#[test]
fn set_of_the_windows_end_should_be_stored_when_it_changes_later() {
	build_and_execute(|| {
		run_to(9);
		Seated::set(seats(3, 10 * UNIT));
		run_to(10);
		Seated::set(seats(4, 20 * UNIT));
		Beacon::retain(1);
		run_to(100);
		assert_eq!(Beacon::seed(1).unwrap().set, seats(3, 10 * UNIT));
	});
}

#[test]
fn late_draw_should_find_the_same_seed_when_it_is_retained() {
	build_and_execute(|| {
		Beacon::retain(1);
		run_to(10);
		let early = Beacon::seed(1);
		assert!(early.is_some());
		for late in [11, 40, 500] {
			run_to(late);
			assert_eq!(Beacon::seed(1), early);
			assert_eq!(Beacon::seed_of(1), early);
		}
		Beacon::release(1);
		assert_eq!(Beacon::seed(1), None);
	});
}

#[test]
fn seed_should_differ_between_windows() {
	build_and_execute(|| {
		run_to(20);
		let seeds: std::collections::BTreeSet<_> =
			(0..4).map(|window| Beacon::seed(window).unwrap().hash).collect();
		assert_eq!(seeds.len(), 4);
	});
}

#[test]
fn window_of_one_block_should_have_a_seed_of_its_own() {
	new_test_ext().execute_with(|| {
		WindowLength::set(1);
		Seated::set(seats(1, UNIT));
		run_to(4);
		// Genesis has no output, so window 0 waits for the output of the first block.
		assert_eq!(Beacon::seed(0).unwrap().hash, fold(Hash::zero(), [vrf(1)]));
		assert_eq!(Beacon::seed(1).unwrap().hash, fold(Hash::zero(), [vrf(1)]));
		assert_eq!(Beacon::seed(3).unwrap().hash, fold(Hash::zero(), (1..=3).map(vrf)));
		Beacon::do_try_state().unwrap();
	});
}
