//! When rounds begin and when terms are frozen.

use crate::{mock::*, Event, RoundInfo, WeightInfo};
use livepeer_primitives::traits::Rounds as _;
use sp_runtime::Perbill;

const LOCK: Perbill = Perbill::from_percent(10);

#[test]
fn genesis_should_start_round_zero_without_telling_anyone() {
	set(30, LOCK);
	build_and_execute(|| {
		assert_eq!(Rounds::round(), RoundInfo { index: 0, start: 0, length: 30, lock: 3 });
		assert!(Calls::get().is_empty());
	});
}

#[test]
fn round_should_begin_when_its_length_has_passed() {
	set(30, LOCK);
	build_and_execute(|| {
		run_to(29);
		assert_eq!(Rounds::current(), 0);
		run_to(30);
		assert_eq!(Rounds::current(), 1);
		System::assert_has_event(Event::NewRound { round: 1, length: 30, locked_from: 57 }.into());
		run_to(59);
		assert_eq!(Rounds::current(), 1);
		run_to(60);
		assert_eq!(Rounds::current(), 2);
	});
}

#[test]
fn round_should_last_longer_by_the_blocks_that_were_closed() {
	set(10, LOCK);
	build_and_execute(|| {
		run_to(8);
		for _ in 0..20 {
			Closed::mutate(|closed| *closed += 1);
			next_block();
			assert_eq!(Rounds::current(), 0);
		}
		run_to(29);
		assert_eq!(Rounds::current(), 0);
		run_to(30);
		assert_eq!(Rounds::round(), RoundInfo { index: 1, start: 10, length: 10, lock: 1 });
	});
}

#[test]
fn receiver_should_be_told_once_per_round_when_the_clock_shows_the_new_one() {
	set(10, LOCK);
	build_and_execute(|| {
		run_to(35);
		assert_eq!(Calls::get(), vec![(0, 1, 1), (1, 2, 2), (2, 3, 3)]);
	});
}

#[test]
fn hook_should_add_the_receivers_weight_when_a_round_begins() {
	set(2, LOCK);
	build_and_execute(|| {
		assert_eq!(next_block(), <() as WeightInfo>::on_initialize_within_round());
		assert_eq!(
			next_block(),
			<() as WeightInfo>::on_initialize_new_round().saturating_add(RECEIVER_WEIGHT)
		);
	});
}

#[test]
fn terms_should_be_frozen_in_the_last_part_of_a_round_only() {
	set(30, LOCK);
	build_and_execute(|| {
		for block in 1..=90 {
			run_to(block);
			assert_eq!(Rounds::in_lock_period(), block % 30 >= 27, "at block {block}");
			assert_eq!(Rounds::terms_are_locked(), Rounds::in_lock_period());
		}
	});
}

#[test]
fn terms_should_never_be_frozen_when_the_lock_amount_is_below_one_block() {
	set(9, LOCK);
	build_and_execute(|| {
		for block in 1..=27 {
			run_to(block);
			assert!(!Rounds::in_lock_period());
		}
	});
}

#[test]
fn length_should_count_from_the_next_round_when_it_is_changed() {
	set(30, LOCK);
	build_and_execute(|| {
		run_to(12);
		set(10, Perbill::from_percent(50));
		run_to(26);
		assert_eq!(Rounds::round(), RoundInfo { index: 0, start: 0, length: 30, lock: 3 });
		assert!(!Rounds::in_lock_period());
		run_to(29);
		assert!(Rounds::in_lock_period());
		run_to(30);
		assert_eq!(Rounds::round(), RoundInfo { index: 1, start: 30, length: 10, lock: 5 });
		run_to(40);
		assert_eq!(Rounds::current(), 2);
		assert_eq!(Calls::get(), vec![(0, 1, 1), (1, 2, 2)]);
	});
}

#[test]
fn length_should_match_livepeer_a31_when_it_is_changed_at_a_boundary() {
	set(50, LOCK);
	build_and_execute(|| {
		run_to(44);
		assert!(!Rounds::in_lock_period());
		run_to(45);
		assert!(Rounds::in_lock_period());
		run_to(49);
		set(60, LOCK);
		assert_eq!(Rounds::current(), 0);
		run_to(50);
		assert_eq!(Rounds::round(), RoundInfo { index: 1, start: 50, length: 60, lock: 6 });
		run_to(109);
		assert_eq!(Rounds::current(), 1);
		run_to(110);
		assert_eq!(Rounds::current(), 2);
		// Each round began once.
		assert_eq!(Calls::get(), vec![(0, 1, 1), (1, 2, 2)]);
	});
}

#[test]
fn number_should_not_jump_when_rounds_become_longer_or_shorter() {
	set(5, LOCK);
	build_and_execute(|| {
		run_to(5);
		set(500, LOCK);
		run_to(10);
		assert_eq!(Rounds::current(), 2);
		set(1, Perbill::zero());
		run_to(509);
		assert_eq!(Rounds::current(), 2);
		run_to(512);
		assert_eq!(Rounds::current(), 5);
	});
}
