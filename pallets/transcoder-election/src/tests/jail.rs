//! Jail.

use crate::{mock::*, Error, Event, Jailed};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{
	traits::{AcceptsStake, Jail, StakeRefused, TranscoderDirectory},
	UNIT,
};

fn unjail(number: u8) -> sp_runtime::DispatchResult {
	TranscoderElection::unjail(RuntimeOrigin::signed(account(number)))
}

fn one() -> ExtBuilder {
	ExtBuilder::default().transcoder(1, 10, 4)
}

#[test]
fn transcoder_should_lose_work_and_stake_when_detained() {
	one().build_and_execute(|| {
		events();
		assert_eq!(TranscoderElection::candidates().len(), 1);
		TranscoderElection::detain(&account(1));
		assert!(TranscoderElection::is_jailed(&account(1)));
		assert!(!TranscoderElection::is_available(&account(1)));
		let accepts = TranscoderElection::accepts_stake(&account(1), &account(2));
		assert_eq!(accepts, Err(StakeRefused::Jailed));
		assert_eq!(TranscoderElection::candidates(), vec![]);
		assert!(TranscoderElection::active_set().seats[0].jailed);
		assert_eq!(Lost::get(), accounts(&[1]));
		assert_eq!(
			events(),
			vec![Event::TranscoderJailed { transcoder: account(1), open_verdicts: 1 }]
		);
		assert_noop!(
			TranscoderElection::set_available(RuntimeOrigin::signed(account(1)), 1, profiles(&[1])),
			Error::<Test>::Jailed
		);
	});
}

#[test]
fn jail_should_last_when_one_verdict_is_open() {
	one().build_and_execute(|| {
		TranscoderElection::detain(&account(1));
		TranscoderElection::detain(&account(1));
		assert_eq!(Lost::get().len(), 1);
		TranscoderElection::resolve(&account(1));
		assert_eq!(TranscoderElection::open_verdicts_of(account(1)), Some(1));
		assert_noop!(unjail(1), Error::<Test>::VerdictOpen);
		TranscoderElection::resolve(&account(1));
		// Only its own call ends it.
		assert!(TranscoderElection::is_jailed(&account(1)));
		events();
		assert_ok!(unjail(1));
		assert_eq!(events(), vec![Event::TranscoderUnjailed { transcoder: account(1) }]);
		assert!(!TranscoderElection::is_jailed(&account(1)));
		assert_eq!(TranscoderElection::open_verdicts_of(account(1)), None);
		assert_ok!(TranscoderElection::accepts_stake(&account(1), &account(2)));
	});
}

#[test]
fn transcoder_should_be_candidate_again_when_it_announces_after_jail() {
	one().build_and_execute(|| {
		TranscoderElection::detain(&account(1));
		TranscoderElection::resolve(&account(1));
		assert_ok!(unjail(1));
		assert_eq!(TranscoderElection::candidates(), vec![]);
		assert_ok!(TranscoderElection::set_available(
			RuntimeOrigin::signed(account(1)),
			1,
			profiles(&[1])
		));
		assert_eq!(TranscoderElection::candidates().len(), 1);
	});
}

#[test]
fn unjail_should_fail_when_not_jailed() {
	one().build_and_execute(|| {
		assert_noop!(unjail(1), Error::<Test>::NotJailed);
	});
}

#[test]
fn resolve_should_change_nothing_when_nothing_is_open() {
	one().build_and_execute(|| {
		TranscoderElection::resolve(&account(1));
		assert!(!TranscoderElection::is_jailed(&account(1)));
		TranscoderElection::detain(&account(1));
		TranscoderElection::resolve(&account(1));
		TranscoderElection::resolve(&account(1));
		assert_eq!(TranscoderElection::open_verdicts_of(account(1)), Some(0));
	});
}

#[test]
fn jail_should_outlive_registration_while_a_verdict_is_open() {
	one().build_and_execute(|| {
		TranscoderElection::detain(&account(1));
		assert_ok!(TranscoderElection::resign(RuntimeOrigin::signed(account(1))));
		assert!(TranscoderElection::is_jailed(&account(1)));
		let register = || {
			TranscoderElection::transcoder(RuntimeOrigin::signed(account(1)), terms(1), service(1))
		};
		assert_noop!(register(), Error::<Test>::Jailed);
		TranscoderElection::resolve(&account(1));
		// Nothing of it is left, because it has no place to return to.
		assert_noop!(unjail(1), Error::<Test>::NotJailed);
		assert_eq!(Jailed::<Test>::iter().count(), 0);
		assert_ok!(register());
	});
}

#[test]
fn jail_should_leave_nothing_when_resolved_before_the_transcoder_resigns() {
	one().build_and_execute(|| {
		TranscoderElection::detain(&account(1));
		TranscoderElection::resolve(&account(1));
		assert_eq!(TranscoderElection::open_verdicts_of(account(1)), Some(0));
		assert_ok!(TranscoderElection::resign(RuntimeOrigin::signed(account(1))));
		assert_eq!(Jailed::<Test>::iter().count(), 0);
	});
}

#[test]
fn account_should_be_jailed_when_it_has_resigned_before_the_verdict() {
	one().build_and_execute(|| {
		assert_ok!(TranscoderElection::resign(RuntimeOrigin::signed(account(1))));
		TranscoderElection::detain(&account(1));
		assert!(TranscoderElection::is_jailed(&account(1)));
		bond(&account(1), 50 * UNIT);
		next_round();
		assert!(!is_active(&account(1)));
		TranscoderElection::resolve(&account(1));
		assert!(!TranscoderElection::is_jailed(&account(1)));
	});
}
