//! Open-claim places.

use crate::{mock::*, types::Phase, Error, Places};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{traits::Settlement, UNIT};

#[test]
fn create_should_fail_when_no_transcoder_could_have_its_claims_open() {
	build_and_execute(|| {
		// A claim is 64 s, or ten, and takes 20 blocks of 2 s.
		Parameters::mutate(|p| p.max_open_claims = 4);
		MaxLeaves::set(10);
		MaxSamples::set(2);
		assert_noop!(create_with(&BOB, "cam", BUDGET), Error::<Test>::TooManyPlaces);
		Parameters::mutate(|p| p.max_open_claims = 5);
		assert_ok!(create_with(&BOB, "cam", BUDGET));
	});
}

#[test]
fn job_should_go_only_to_who_has_places_for_its_claims() {
	build_and_execute(|| {
		Parameters::mutate(|p| p.max_open_claims = 5);
		register(&TIM, UNIT, PRICE, 100);
		let ids: Vec<_> = (0..4).map(|i| create(&BOB, &format!("cam{i}"))).collect();
		skip(2);
		// Two places for each.
		let offered: Vec<_> =
			ids.into_iter().filter(|id| job(*id).phase.current().is_some()).collect();
		assert_eq!(offered.len(), 2);
		assert_eq!(Places::<Test>::get(TIM), 4);
		// One job's claims without outcome take the remaining places, but none that is kept for the
		// other.
		let (one, other) = (offered[0], offered[1]);
		accept(one);
		accept(other);
		for seq in 0..3 {
			assert_ok!(claim(&TIM, one, 0, seq, seq));
		}
		assert_eq!(Places::<Test>::get(TIM), 5);
		assert_noop!(claim(&TIM, one, 0, 3, 3), Error::<Test>::TooManyOpenClaims);
		assert_ok!(claim(&TIM, other, 0, 0, 0));
		assert_ok!(claim(&TIM, other, 0, 1, 1));
		assert_noop!(claim(&TIM, other, 0, 2, 2), Error::<Test>::TooManyOpenClaims);
		check();
	});
}

#[test]
fn places_should_be_kept_during_the_grace_and_while_claims_have_no_outcome() {
	build_and_execute(|| {
		let id = running();
		assert_eq!(Places::<Test>::get(TIM), 2);
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		assert_eq!(Places::<Test>::get(TIM), 2);
		for seq in 0..2 {
			assert_ok!(claim(&TIM, id, 0, seq, seq));
		}
		skip(GRACE + 1);
		assert_eq!(Places::<Test>::get(TIM), 2);
		decide(0);
		assert_eq!(Places::<Test>::get(TIM), 1);
		assert_ok!(settle(0, Settlement::Pay));
		assert_eq!(Places::<Test>::get(TIM), 1, "once");
		assert_ok!(settle(1, Settlement::Refund));
		assert!(!Places::<Test>::contains_key(TIM));
	});
}

#[test]
fn claims_that_wait_for_their_deferral_should_not_stop_a_transcoder() {
	build_and_execute(|| {
		// If thousands were failed on purpose, they would otherwise fill its places for as long as
		// a deferral.
		let id = running();
		for seq in 0..200 {
			assert_ok!(claim(&TIM, id, 0, seq, seq));
			decide(seq);
		}
		assert_eq!(Places::<Test>::get(TIM), 2);
		let other = create(&BEA, "cam");
		skip(2);
		assert!(matches!(job(other).phase, Phase::Offered { .. }));
	});
}

#[test]
fn deciding_should_leave_a_claim_that_is_not_there_alone() {
	build_and_execute(|| {
		let before = snapshot();
		decide(7);
		assert_eq!(snapshot(), before);
	});
}
