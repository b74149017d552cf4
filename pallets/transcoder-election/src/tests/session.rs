//! The validator set, under the real session and historical pallets.

use crate::{mock::*, PlannedHash};
use frame_support::assert_ok;
use livepeer_primitives::{traits::Jail, UNIT};
use pallet_session::SessionManager;

fn four() -> ExtBuilder {
	ExtBuilder::default().validator(1, 40).validator(2, 30).validator(3, 20).validator(4, 10)
}

fn plan() -> Option<Vec<livepeer_primitives::AccountId>> {
	<TranscoderElection as SessionManager<_>>::new_session(Session::current_index() + 2)
}

#[test]
fn validator_should_need_keys_and_stake() {
	ExtBuilder::default()
		.parameters(|parameters| parameters.min_validator_stake = 15 * UNIT)
		.validator(1, 40)
		.validator(2, 14)
		.validator(3, 15)
		.transcoder(4, 100, 0)
		.build_and_execute(|| assert_eq!(Session::validators(), accounts(&[1, 3])));
}

#[test]
fn validator_should_be_active() {
	four().parameters(|parameters| parameters.active_size = 2).build_and_execute(|| {
		assert_eq!(Session::validators(), accounts(&[1, 2]));
	});
}

#[test]
fn set_should_change_two_sessions_later_when_round_changes() {
	four().build_and_execute(|| {
		bond(&account(4), 35 * UNIT);
		next_round();
		assert_eq!(rotate(), accounts(&[1, 2, 3, 4]));
		assert_eq!(queued(), accounts(&[1, 4, 2, 3]));
		assert_eq!(rotate(), accounts(&[1, 4, 2, 3]));
	});
}

#[test]
fn plan_should_be_some_only_when_something_changed() {
	four().build_and_execute(|| {
		assert_eq!(plan(), None);
		next_round();
		// The same members, but their stake was read anew.
		assert_eq!(plan(), Some(accounts(&[1, 2, 3, 4])));
		assert_eq!(plan(), None);
		set_keys(&account(2), 200);
		assert_eq!(plan(), Some(accounts(&[1, 2, 3, 4])));
		assert_eq!(plan(), None);
		TranscoderElection::detain(&account(3));
		assert_eq!(plan(), Some(accounts(&[1, 2, 4])));
		assert_eq!(plan(), None);
		TranscoderElection::resolve(&account(3));
		assert_eq!(plan(), None);
		assert_ok!(TranscoderElection::unjail(RuntimeOrigin::signed(account(3))));
		assert_eq!(plan(), Some(accounts(&[1, 2, 3, 4])));
	});
}

#[test]
fn historical_root_should_follow_keys_when_they_change() {
	four().build_and_execute(|| {
		let root = |index| Historical::historical_root(index).unwrap();
		rotate();
		assert_eq!(root(2), root(1));
		set_keys(&account(2), 200);
		rotate();
		assert_ne!(root(3), root(2));
		assert_eq!(root(3).1, 4);
		rotate();
		assert_eq!(root(4), root(3));
	});
}

#[test]
fn new_keys_should_validate_when_registered_after_genesis() {
	four().transcoder(5, 50, 0).build_and_execute(|| {
		set_keys(&account(5), 5);
		assert_eq!(rotate(), accounts(&[1, 2, 3, 4]));
		assert_eq!(rotate(), accounts(&[5, 1, 2, 3, 4]));
	});
}

#[test]
fn set_should_leave_out_account_when_its_keys_are_purged() {
	four().build_and_execute(|| {
		assert_ok!(Session::purge_keys(RuntimeOrigin::signed(account(1))));
		rotate();
		assert_eq!(queued(), accounts(&[2, 3, 4]));
		assert_eq!(rotate(), accounts(&[2, 3, 4]));
	});
}

#[test]
fn set_should_leave_out_purged_keys_when_it_is_too_small() {
	four().parameters(|parameters| parameters.min_validators = 4).build_and_execute(|| {
		assert_ok!(Session::purge_keys(RuntimeOrigin::signed(account(1))));
		TranscoderElection::detain(&account(2));
		rotate();
		// The jailed one is needed; the one without keys could not validate.
		assert_eq!(queued(), accounts(&[3, 4, 2]));
	});
}

#[test]
fn plan_should_be_none_when_nobody_is_left() {
	four().build_and_execute(|| {
		for number in 1..=4 {
			assert_ok!(Session::purge_keys(RuntimeOrigin::signed(account(number))));
		}
		assert_eq!(plan(), None);
		assert_eq!(TranscoderElection::validators(), accounts(&[1, 2, 3, 4]));
		set_keys(&account(3), 33);
		assert_eq!(plan(), Some(accounts(&[3])));
	});
}

#[test]
fn previous_set_should_stay_when_too_few_are_eligible() {
	four().parameters(|parameters| parameters.min_validators = 3).build_and_execute(|| {
		for number in 1..=3 {
			assert_ok!(TranscoderElection::resign(RuntimeOrigin::signed(account(number))));
		}
		next_round();
		rotate();
		assert_eq!(queued(), accounts(&[1, 2, 3, 4]));
		// It goes on staying.
		rotate();
		assert_eq!(rotate(), accounts(&[1, 2, 3, 4]));
	});
}

#[test]
fn jailed_should_be_dropped_down_to_minimum_when_too_few_are_eligible() {
	four().parameters(|parameters| parameters.min_validators = 3).build_and_execute(|| {
		for number in [1, 3] {
			TranscoderElection::detain(&account(number));
		}
		rotate();
		// 3 has less stake than 1 and goes first.
		assert_eq!(queued(), accounts(&[2, 4, 1]));
	});
}

#[test]
fn newcomer_should_replace_jailed_when_too_few_are_eligible() {
	four()
		.parameters(|parameters| parameters.min_validators = 4)
		.transcoder(5, 5, 0)
		.build_and_execute(|| {
			TranscoderElection::detain(&account(1));
			TranscoderElection::detain(&account(2));
			set_keys(&account(5), 5);
			rotate();
			assert_eq!(queued(), accounts(&[3, 4, 5, 1]));
		});
}

#[test]
fn set_should_follow_election_when_enough_are_eligible_again() {
	four().parameters(|parameters| parameters.min_validators = 4).build_and_execute(|| {
		TranscoderElection::detain(&account(1));
		rotate();
		assert_eq!(queued(), accounts(&[2, 3, 4, 1]));
		TranscoderElection::resolve(&account(1));
		assert_ok!(TranscoderElection::unjail(RuntimeOrigin::signed(account(1))));
		rotate();
		assert_eq!(queued(), accounts(&[1, 2, 3, 4]));
	});
}

#[test]
fn validator_should_be_disabled_at_once_when_jailed() {
	four().build_and_execute(|| {
		assert!(!is_disabled(&account(3)));
		TranscoderElection::detain(&account(3));
		assert!(is_disabled(&account(3)));
	});
}

#[test]
fn validator_should_stay_disabled_when_session_changes() {
	four().build_and_execute(|| {
		// What is queued for the next session changes, so that it forgets who is disabled.
		next_round();
		rotate();
		TranscoderElection::detain(&account(3));
		assert_eq!(rotate(), accounts(&[1, 2, 3, 4]));
		assert!(is_disabled(&account(3)));
		// Then it is out.
		assert_eq!(rotate(), accounts(&[1, 2, 4]));
	});
}

#[test]
fn only_validator_should_go_on_when_jailed() {
	ExtBuilder::default().validator(1, 10).build_and_execute(|| {
		TranscoderElection::detain(&account(1));
		assert!(!is_disabled(&account(1)));
		next_round();
		rotate();
		assert_eq!(rotate(), accounts(&[1]));
		assert!(PlannedHash::<Test>::exists());
	});
}
