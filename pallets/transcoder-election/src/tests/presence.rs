//! Blocks that are expected of validators, and what they earn for them.

use crate::{
	mock::*, Event, Meter, Meters, Offline, Presence, Present, WeightInfo, OFFLINE_AFTER,
	OFFLINE_ROUNDS, ONE_BLOCK,
};
use frame_support::{assert_ok, traits::Hooks};
use livepeer_primitives::traits::{Chill, Jail, RewardedSeats};

fn two() -> ExtBuilder {
	ExtBuilder::default().validator(1, 40).validator(2, 30).transcoder(3, 20, 0)
}

/// Only 1 makes blocks.
fn blocks_of_one(count: u32) {
	for _ in 0..count {
		author(1);
	}
}

fn earns(number: u8) -> bool {
	let (_, _, seats) = TranscoderElection::rewarded_seats();
	seats.into_iter().any(|seat| seat.transcoder == account(number) && seat.earns)
}

#[test]
fn presence_should_be_judged_from_eight_expected_blocks_on() {
	let many = OFFLINE_AFTER * ONE_BLOCK;
	assert_eq!(many, 8 << 20);
	let meter = |value| Meter { value, step: ONE_BLOCK, round_start: 100 };
	let presence = Presence { since: 0, seen: 50, round: Some(3), blocks: 2 };
	assert!(presence.is_silent(&meter(50 + many)));
	assert!(!presence.is_silent(&meter(50 + many - 1)));
	// A quarter of them is enough.
	assert!(presence.did_its_part(&meter(100 + many), 3));
	assert!(!presence.did_its_part(&meter(100 + many + 1), 3));
	assert!(!Presence { blocks: 1, ..presence }.did_its_part(&meter(100 + many), 3));
	assert!(!presence.did_its_part(&meter(100 + many), 4));
	assert!(!Presence::new(0).did_its_part(&meter(100 + many), 0));
	// So is none if few were expected since the round began, or since the validator came into
	// force.
	assert!(presence.did_its_part(&meter(100 + many - 1), 4));
	let late = Presence { since: 101, ..presence };
	assert!(late.did_its_part(&meter(100 + many), 4));
}

#[test]
fn meter_should_grow_by_ones_part_with_each_block() {
	two().build_and_execute(|| {
		blocks_of_one(4);
		assert_eq!(Meters::<Test>::get().value, 2 * ONE_BLOCK);
		assert_eq!(Present::<Test>::get(account(1)).unwrap().seen, 2 * ONE_BLOCK);
		assert_eq!(Present::<Test>::get(account(2)).unwrap().seen, 0);
	});
}

/// Authorship, which calls the pallet, charges no weight.
#[test]
fn every_block_should_be_charged_for_noting_its_author() {
	two().build_and_execute(|| {
		let charged = TranscoderElection::on_initialize(System::block_number());
		assert_eq!(charged, <() as WeightInfo>::note_author());
	});
}

#[test]
fn validator_should_leave_without_a_slash_when_it_is_silent() {
	two().build_and_execute(|| {
		blocks_of_one(15);
		rotate();
		assert!(!Offline::<Test>::contains_key(account(2)));
		blocks_of_one(1);
		events();
		rotate();
		let until = Round::get() + OFFLINE_ROUNDS;
		assert!(events().contains(&Event::ValidatorOffline { validator: account(2), until }));
		assert_eq!(rotate(), accounts(&[1]));
		// It keeps its seat and its stake.
		assert!(is_active(&account(2)));
		assert!(!earns(2) && earns(1));
	});
}

#[test]
fn validator_should_stay_when_it_sends_heartbeats() {
	two().build_and_execute(|| {
		blocks_of_one(30);
		assert_ok!(TranscoderElection::set_available(
			RuntimeOrigin::signed(account(2)),
			0,
			profiles(&[1])
		));
		rotate();
		assert!(!Offline::<Test>::contains_key(account(2)));
	});
}

#[test]
fn validator_should_stay_when_too_few_are_left() {
	two().parameters(|parameters| parameters.min_validators = 2).build_and_execute(|| {
		blocks_of_one(16);
		rotate();
		assert!(Offline::<Test>::contains_key(account(2)));
		assert_eq!(rotate(), accounts(&[1, 2]));
	});
}

#[test]
fn validator_should_come_back_when_it_shows_itself_or_its_time_is_over() {
	two().build_and_execute(|| {
		blocks_of_one(16);
		rotate();
		assert_ok!(TranscoderElection::set_available(
			RuntimeOrigin::signed(account(2)),
			0,
			profiles(&[1])
		));
		assert!(events().contains(&Event::ValidatorBack { validator: account(2) }));
		rotate();
		rotate();
		assert_eq!(rotate(), accounts(&[1, 2]));
	});
	two().build_and_execute(|| {
		blocks_of_one(16);
		rotate();
		assert!(Offline::<Test>::contains_key(account(2)));
		for _ in 1..OFFLINE_ROUNDS {
			next_round();
			assert!(Offline::<Test>::contains_key(account(2)));
		}
		next_round();
		assert!(!Offline::<Test>::contains_key(account(2)));
	});
}

/// Authors leave a rival's blocks out until the session changes, so that it counts as silent. It is
/// back with its next block that stays in the chain, and misses one session, not seven rounds. The
/// same holds for a validator that got no slot by chance.
#[test]
fn attack_rival_whose_blocks_are_left_out_should_be_back_with_its_next_block() {
	two().build_and_execute(|| {
		blocks_of_one(16);
		rotate();
		assert!(Offline::<Test>::contains_key(account(2)) && !earns(2));
		events();
		// It is still in the session that has begun.
		author(2);
		assert!(events().contains(&Event::ValidatorBack { validator: account(2) }));
		assert!(!Offline::<Test>::contains_key(account(2)));
		// It earns with a quarter of the blocks that were expected of it in the round.
		assert!(!earns(2));
		author(2);
		author(2);
		assert!(earns(2));
		assert_eq!(rotate(), accounts(&[1]));
		assert_eq!(rotate(), accounts(&[1, 2]));
	});
}

/// A validator makes a block now and then, so that it is not offline, and leaves its other slots
/// empty.
#[test]
fn attack_validator_that_makes_few_of_its_blocks_should_not_earn() {
	two().build_and_execute(|| {
		for _ in 0..10 {
			blocks_of_one(9);
			author(2);
		}
		rotate();
		assert!(!Offline::<Test>::contains_key(account(2)));
		assert!(!earns(2) && earns(1));
	});
}

#[test]
fn validator_should_earn_when_it_makes_a_quarter_of_the_many_expected() {
	two().build_and_execute(|| {
		blocks_of_one(15);
		// Not yet eight were expected of it.
		assert!(earns(2));
		blocks_of_one(1);
		assert!(!earns(2));
		author(2);
		author(2);
		assert!(!earns(2));
		author(2);
		assert!(earns(2));
		// The next round counts anew.
		next_round();
		assert!(earns(2));
		blocks_of_one(16);
		assert!(!earns(2) && earns(1));
	});
}

#[test]
fn transcoder_should_earn_when_it_takes_work_and_validates_not() {
	two().build_and_execute(|| {
		assert!(!earns(3));
		assert_ok!(TranscoderElection::set_available(
			RuntimeOrigin::signed(account(3)),
			1,
			profiles(&[1])
		));
		assert!(earns(3));
		// Its heartbeats stop.
		System::set_block_number(System::block_number() + 21);
		assert!(!earns(3));
	});
}

/// A transcoder that is offered nothing, because it lets offers pass or owes for verification, does
/// no work. A validator has its own work.
#[test]
fn attack_transcoder_that_may_be_offered_nothing_should_not_earn_by_announcing() {
	two().build_and_execute(|| {
		let call = TranscoderElection::set_available;
		assert_ok!(call(RuntimeOrigin::signed(account(3)), 1, profiles(&[1])));
		assert!(earns(3) && earns(1));
		Barred::set([(account(1), 1), (account(3), 1)].into());
		assert!(!earns(3) && earns(1));
		Barred::take();
		assert!(earns(3));
	});
}

/// A suspended transcoder was offered nothing in a whole round. The round is paid in the first block of the
/// next one, in which the transcoder may be offered jobs again.
#[test]
fn attack_suspension_that_is_over_when_its_last_round_is_paid() {
	two().build_and_execute(|| {
		let call = TranscoderElection::set_available;
		assert_ok!(call(RuntimeOrigin::signed(account(3)), 1, profiles(&[1])));
		let (round, _, _) = TranscoderElection::rewarded_seats();
		assert_eq!(round, Round::get());
		Barred::set([(account(3), round + 1)].into());
		Round::set(round + 1);
		assert!(!earns(3));
		Barred::set([(account(3), round)].into());
		assert!(earns(3));
	});
}

#[test]
fn jailed_and_chilled_should_earn_nothing() {
	two().build_and_execute(|| {
		assert!(earns(1) && earns(2));
		TranscoderElection::detain(&account(1));
		TranscoderElection::chill(&account(2), Round::get() + 1);
		assert!(!earns(1) && !earns(2));
	});
}

#[test]
fn stake_of_who_resigned_should_stay_in_the_rounds_sum() {
	two().build_and_execute(|| {
		let (_, before, _) = TranscoderElection::rewarded_seats();
		assert_ok!(TranscoderElection::resign(RuntimeOrigin::signed(account(2))));
		let (_, after, seats) = TranscoderElection::rewarded_seats();
		assert_eq!((before, seats.len()), (after, 2));
	});
}

#[test]
fn nothing_should_be_kept_of_who_validates_no_more() {
	two().build_and_execute(|| {
		assert_ok!(TranscoderElection::resign(RuntimeOrigin::signed(account(2))));
		for _ in 0..4 {
			rotate();
		}
		assert_eq!(Present::<Test>::iter_keys().collect::<Vec<_>>(), accounts(&[1]));
	});
}
