//! Joining, changing and leaving.

use crate::{mock::*, Available, Error, Event, Services, Terms, Transcoders};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{traits::AcceptsStake, UNIT};

fn register(number: u8, price: u128) {
	let who = account(number);
	assert_ok!(TranscoderElection::transcoder(
		RuntimeOrigin::signed(who),
		terms(price),
		service(number)
	));
}

#[test]
fn transcoder_should_register_when_own_bond_suffices() {
	ExtBuilder::default().build_and_execute(|| {
		bond(&account(1), UNIT);
		register(1, 7);
		assert_eq!(TranscoderElection::terms_of(account(1)), Some(terms(7)));
		assert_eq!(TranscoderElection::service_of(account(1)), Some(service(1)));
		assert!(TranscoderElection::accepts_stake(&account(1), &account(2)));
		assert_eq!(
			events(),
			vec![Event::TranscoderRegistered { transcoder: account(1), terms: terms(7) }]
		);
	});
}

#[test]
fn transcoder_should_fail_when_own_bond_is_too_small() {
	ExtBuilder::default().build_and_execute(|| {
		// Delegated stake does not replace an own bond.
		set_stake(&account(1), 1_000 * UNIT, UNIT - 1);
		assert_noop!(
			TranscoderElection::transcoder(RuntimeOrigin::signed(account(1)), terms(1), service(1)),
			Error::<Test>::NotEnoughSelfBond
		);
	});
}

#[test]
fn transcoder_should_fail_when_candidate_list_is_full() {
	ExtBuilder::default().build_and_execute(|| {
		for index in 0..MaxCandidates::get() {
			let who = livepeer_primitives::AccountId::new(sp_io::hashing::blake2_256(
				&index.to_le_bytes(),
			));
			bond(&who, UNIT);
			assert_ok!(TranscoderElection::transcoder(
				RuntimeOrigin::signed(who),
				terms(1),
				service(1)
			));
		}
		bond(&account(1), 100 * UNIT);
		assert_noop!(
			TranscoderElection::transcoder(RuntimeOrigin::signed(account(1)), terms(1), service(1)),
			Error::<Test>::TooManyCandidates
		);
	});
}

#[test]
fn terms_should_apply_from_next_round_when_changed() {
	ExtBuilder::default().transcoder(1, 10, 4).build_and_execute(|| {
		events();
		let new = Terms { price: 9, ..terms(1) };
		assert_ok!(TranscoderElection::transcoder(
			RuntimeOrigin::signed(account(1)),
			new,
			service(1)
		));
		assert_eq!(events(), vec![Event::TermsChanged { transcoder: account(1), terms: new }]);
		assert_eq!(TranscoderElection::active_set().seats[0].price, 1);
		assert_eq!(TranscoderElection::terms_of(account(1)), Some(new));
		next_round();
		assert_eq!(TranscoderElection::active_set().seats[0].price, 9);
	});
}

#[test]
fn order_should_stay_when_terms_change() {
	ExtBuilder::default().transcoder(1, 10, 0).transcoder(2, 10, 0).build_and_execute(|| {
		register(1, 50);
		next_round();
		assert_eq!(TranscoderElection::active_set().seats[0].account, account(1));
	});
}

#[test]
fn service_should_change_when_registered() {
	ExtBuilder::default().transcoder(1, 10, 0).build_and_execute(|| {
		events();
		let origin = RuntimeOrigin::signed(account(1));
		assert_ok!(TranscoderElection::set_service(origin.clone(), service(9)));
		assert_eq!(TranscoderElection::service_of(account(1)), Some(service(9)));
		assert_eq!(events(), vec![Event::ServiceChanged { transcoder: account(1) }]);
		assert_ok!(TranscoderElection::transcoder(origin, terms(1), service(8)));
		assert_eq!(events(), vec![Event::ServiceChanged { transcoder: account(1) }]);
	});
}

#[test]
fn set_service_should_fail_when_not_registered() {
	ExtBuilder::default().build_and_execute(|| {
		assert_noop!(
			TranscoderElection::set_service(RuntimeOrigin::signed(account(1)), service(1)),
			Error::<Test>::NotRegistered
		);
	});
}

#[test]
fn resign_should_leave_nothing_when_registered() {
	ExtBuilder::default().transcoder(1, 10, 4).build_and_execute(|| {
		events();
		assert_ok!(TranscoderElection::resign(RuntimeOrigin::signed(account(1))));
		assert_eq!(events(), vec![Event::TranscoderResigned { transcoder: account(1) }]);
		assert_eq!(Lost::get(), accounts(&[1]));
		assert!(!TranscoderElection::is_active(&account(1)));
		assert!(!TranscoderElection::accepts_stake(&account(1), &account(2)));
		assert_eq!(Transcoders::<Test>::iter().count(), 0);
		assert_eq!(Services::<Test>::iter().count(), 0);
		assert_eq!(Available::<Test>::iter().count(), 0);
	});
}

#[test]
fn resign_should_fail_when_not_registered() {
	ExtBuilder::default().build_and_execute(|| {
		assert_noop!(
			TranscoderElection::resign(RuntimeOrigin::signed(account(1))),
			Error::<Test>::NotRegistered
		);
	});
}

#[test]
fn seat_should_come_with_next_round_when_registered_again() {
	ExtBuilder::default().transcoder(1, 10, 0).transcoder(2, 10, 0).build_and_execute(|| {
		assert_ok!(TranscoderElection::resign(RuntimeOrigin::signed(account(1))));
		register(1, 1);
		assert!(!TranscoderElection::is_active(&account(1)));
		next_round();
		// The registration is a new one: the other is older now.
		let seats = TranscoderElection::active_set().seats;
		assert_eq!(seats[0].account, account(2));
		assert_eq!(seats[1].account, account(1));
	});
}
