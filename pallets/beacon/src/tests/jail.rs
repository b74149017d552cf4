//! Jail as of the start of a seed's window.

use crate::{mock::*, JailedAtStart};
use livepeer_primitives::{traits::Beacon as _, UNIT};

fn jail(ids: &[u8]) {
	Jailed::set(ids.iter().copied().map(account).collect());
}

#[test]
fn jail_should_be_stored_as_it_was_when_the_window_began() {
	build_and_execute(|| {
		Seated::set(seats(4, UNIT));
		run_to(4);
		jail(&[1, 3]);
		// Window 1 is blocks 5 to 9.
		run_to(7);
		jail(&[2]);
		run_to(10);
		assert_eq!(jailed_with(1), vec![1, 3]);
		run_to(15);
		assert_eq!(jailed_with(2), vec![2]);
		// What is stored never changes.
		jail(&[]);
		run_to(20);
		assert_eq!(jailed_with(1), vec![1, 3]);
		assert_eq!(jailed_with(2), vec![2]);
		run_to(25);
		assert_eq!(jailed_with(4), Vec::<u8>::new());
		assert!(!JailedAtStart::<Test>::exists());
	});
}

#[test]
fn nobody_should_be_jailed_in_window_zero() {
	build_and_execute(|| {
		run_to(2);
		jail(&[0, 1]);
		run_to(5);
		assert_eq!(jailed_with(0), Vec::<u8>::new());
	});
}

#[test]
fn standing_in_seed_should_have_jail_of_its_own_window() {
	build_and_execute(|| {
		Seated::set(seats(3, UNIT));
		run_to(4);
		jail(&[1]);
		run_alone_to(1, 10);
		assert_eq!(Beacon::seed(1), None);
		jail(&[2]);
		run_to(12);
		jail(&[0]);
		run_to(15);
		// Account 1 was in jail when block 10, the first of window 2, began.
		assert_eq!(jailed_with(1), vec![1]);
		assert_eq!(jailed_with(2), vec![1]);
	});
}
