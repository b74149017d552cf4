//! How long seeds stay.

use crate::{mock::*, Retained, Seeds};
use livepeer_primitives::traits::Beacon as _;

#[test]
fn seed_should_be_removed_when_it_is_no_longer_recent() {
	build_and_execute(|| {
		run_to(10);
		assert!(Beacon::seed(1).is_some());
		run_to(Beacon::window_start(2 + RECENT) - 1);
		assert!(Beacon::seed(1).is_some());
		run_to(Beacon::window_start(2 + RECENT));
		assert_eq!(Beacon::seed(1), None);
		assert_eq!(Seeds::<Test>::iter().count() as u32, RECENT);
	});
}

#[test]
fn seed_should_stay_when_it_was_retained_before_it_was_stored() {
	build_and_execute(|| {
		run_to(7);
		Beacon::retain(2);
		run_to(200);
		assert!(Beacon::seed(2).is_some());
		Beacon::release(2);
		assert_eq!(Beacon::seed(2), None);
		assert_eq!(Retained::<Test>::iter().count(), 0);
	});
}

#[test]
fn seed_should_stay_until_the_last_of_several_releases() {
	build_and_execute(|| {
		for _ in 0..3 {
			Beacon::retain(2);
		}
		run_to(200);
		Beacon::release(2);
		Beacon::release(2);
		assert!(Beacon::seed(2).is_some());
		Beacon::release(2);
		assert_eq!(Beacon::seed(2), None);
	});
}

#[test]
fn recent_seed_should_stay_when_it_is_released() {
	build_and_execute(|| {
		Beacon::retain(1);
		run_to(10);
		Beacon::release(1);
		assert!(Beacon::seed(1).is_some());
		run_to(60);
		assert_eq!(Beacon::seed(1), None);
	});
}

#[test]
fn standing_in_seed_should_stay_while_an_invalid_window_is_retained() {
	build_and_execute(|| {
		run_to(4);
		Beacon::retain(1);
		Beacon::retain(2);
		run_alone_to(1, 10);
		run_to(100);
		let seed = Beacon::seed(1);
		assert!(seed.is_some());
		Beacon::release(2);
		assert_eq!(Beacon::seed(1), seed);
		assert_eq!(Beacon::seed(2), seed);
		Beacon::release(1);
		assert_eq!(Beacon::seed(1), None);
		assert_eq!(Beacon::seed(2), None);
	});
}

#[test]
fn window_should_be_forgotten_when_it_is_released_before_its_seed_is_stored() {
	build_and_execute(|| {
		run_to(7);
		Beacon::retain(2);
		Beacon::release(2);
		run_to(200);
		assert_eq!(Beacon::seed(2), None);
		assert_eq!(Retained::<Test>::iter().count(), 0);
	});
}

#[test]
#[should_panic(expected = "released a window that is not retained")]
fn release_should_be_noticed_when_nothing_is_retained() {
	new_test_ext().execute_with(|| Beacon::release(3));
}

#[test]
fn nothing_but_the_recent_seeds_should_be_left_when_all_is_released() {
	build_and_execute(|| {
		for window in 0..40 {
			run_to(Beacon::window_start(window).max(1));
			Beacon::retain(window + 1);
		}
		run_to(400);
		assert_eq!(Seeds::<Test>::iter().count() as u32, 40 + RECENT);
		for window in 0..40 {
			Beacon::release(window + 1);
		}
		assert_eq!(Seeds::<Test>::iter().count() as u32, RECENT);
		assert_eq!(Retained::<Test>::iter().count(), 0);
	});
}
