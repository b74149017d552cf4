//! Joining, changing and leaving.

use crate::{mock::*, Available, Departed, Error, Event, Services, Terms, Transcoders};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{
	traits::{AcceptsStake, StakeRefused},
	UNIT,
};

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
		assert_ok!(TranscoderElection::accepts_stake(&account(1), &account(2)));
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
		// As much as the others is not enough.
		bond(&account(1), UNIT);
		assert_noop!(
			TranscoderElection::transcoder(RuntimeOrigin::signed(account(1)), terms(1), service(1)),
			Error::<Test>::TooManyCandidates
		);
	});
}

/// A candidate list that is full of transcoders with the numbers from 1 on, each with so many LPT.
fn full(lpt: impl Fn(u32) -> u128) -> Vec<livepeer_primitives::AccountId> {
	(0..MaxCandidates::get())
		.map(|index| {
			let bytes = sp_io::hashing::blake2_256(&index.to_le_bytes());
			let who = livepeer_primitives::AccountId::new(bytes);
			bond(&who, lpt(index) * UNIT);
			assert_ok!(TranscoderElection::transcoder(
				RuntimeOrigin::signed(who.clone()),
				terms(1),
				service(1)
			));
			who
		})
		.collect()
}

#[test]
fn weakest_should_make_room_when_the_list_is_full() {
	ExtBuilder::default().build_and_execute(|| {
		let all = full(|index| if index == 7 || index == 9 { 2 } else { 3 });
		bond(&account(1), 3 * UNIT);
		events();
		register(1, 7);
		// Of equals the newer one goes.
		assert_eq!(
			events()[0],
			Event::TranscoderEvicted { transcoder: all[9].clone(), by: account(1) }
		);
		assert!(!Transcoders::<Test>::contains_key(&all[9]));
		assert_eq!(Transcoders::<Test>::count(), MaxCandidates::get());
		assert_eq!(Lost::get(), vec![all[9].clone()]);
	});
}

/// Judges find a transcoder's bytes by its record: whoever can make it leave, by more stake than it has, could
/// else have its open claims fail.
#[test]
fn attack_eviction_should_not_hide_a_transcoder_from_its_judges() {
	ExtBuilder::default().build_and_execute(|| {
		let all = full(|index| if index == 7 { 2 } else { 3 });
		let who = all[7].clone();
		let move_to = |service| {
			TranscoderElection::set_service(RuntimeOrigin::signed(all[7].clone()), service)
		};
		Serving::set(vec![who.clone()]);
		bond(&account(1), 3 * UNIT);
		register(1, 7);
		assert!(!Transcoders::<Test>::contains_key(&who));
		assert_eq!(TranscoderElection::service_of(who.clone()), Some(service(1)));
		assert_ok!(move_to(service(9)));
		next_round();
		assert_eq!(TranscoderElection::service_of(who.clone()), Some(service(9)));
		// Nothing of it is judged any more.
		Serving::take();
		next_round();
		assert!(!Departed::<Test>::contains_key(&who) && !Services::<Test>::contains_key(&who));
		assert_noop!(move_to(service(9)), Error::<Test>::NotRegistered);
	});
}

#[test]
fn transcoder_without_its_minimum_bond_should_be_found_as_long_as_it_serves_judges() {
	ExtBuilder::default().transcoder(1, 2, 0).build_and_execute(|| {
		let who = account(1);
		Serving::set(vec![who.clone()]);
		set_stake(&who, 5 * UNIT, 0);
		next_round();
		assert!(!Transcoders::<Test>::contains_key(&who));
		assert_eq!(TranscoderElection::service_of(who.clone()), Some(service(1)));
		// Back on the list it is found for as long as it is there.
		bond(&who, 2 * UNIT);
		register(1, 7);
		Serving::take();
		next_round();
		assert_eq!(TranscoderElection::service_of(who.clone()), Some(service(1)));
		assert_ok!(TranscoderElection::resign(RuntimeOrigin::signed(who.clone())));
		assert_eq!(TranscoderElection::service_of(who), None);
	});
}

#[test]
fn dead_weight_should_make_room_first() {
	ExtBuilder::default().build_and_execute(|| {
		let all = full(|_| 3);
		// Much is delegated to it, but its own bond has left.
		set_stake(&all[5], 1_000 * UNIT, 0);
		bond(&account(1), UNIT);
		register(1, 7);
		assert!(!Transcoders::<Test>::contains_key(&all[5]));
	});
}

#[test]
fn seat_should_protect_from_eviction_for_the_round() {
	ExtBuilder::default().parameters(|parameters| parameters.active_size = 256).build_and_execute(
		|| {
			full(|_| 1);
			next_round();
			bond(&account(1), 100 * UNIT);
			assert_noop!(
				TranscoderElection::transcoder(
					RuntimeOrigin::signed(account(1)),
					terms(1),
					service(1)
				),
				Error::<Test>::TooManyCandidates
			);
		},
	);
}

#[test]
fn pool_should_match_livepeer_a11_when_full() {
	// Of two places: 500 do not come in, nor does as much as the last has; 2500 do, and the evicted
	// one keeps its seat of this round.
	ExtBuilder::default()
		.parameters(|parameters| {
			parameters.active_size = 2;
			parameters.min_self_bond = UNIT / 2;
		})
		.transcoder(1, 1, 0)
		.transcoder(2, 2, 0)
		.build_and_execute(|| {
			set_stake(&account(3), UNIT / 2, UNIT / 2);
			register(3, 1);
			next_round();
			let active = |number| is_active(&account(number));
			assert!(active(1) && active(2) && !active(3));
			set_stake(&account(3), UNIT, UNIT / 2);
			next_round();
			assert!(active(1) && active(2) && !active(3));
			set_stake(&account(3), 5 * UNIT / 2, UNIT / 2);
			assert!(active(1) && !active(3));
			next_round();
			assert!(!active(1) && active(2) && active(3));
			assert_eq!(TranscoderElection::active_set().stake, 9 * UNIT / 2);
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
		assert!(!is_active(&account(1)));
		let accepts = TranscoderElection::accepts_stake(&account(1), &account(2));
		assert_eq!(accepts, Err(StakeRefused::NotRegistered));
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
		assert!(!is_active(&account(1)));
		next_round();
		// The registration is a new one: the other is older now.
		let seats = TranscoderElection::active_set().seats;
		assert_eq!(seats[0].account, account(2));
		assert_eq!(seats[1].account, account(1));
	});
}
