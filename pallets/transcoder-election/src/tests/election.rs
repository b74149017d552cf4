//! The active set of a round.

use crate::{mock::*, Event, WeightInfo};
use frame_support::assert_ok;
use livepeer_primitives::{
	traits::{Jail, OnNewRound},
	AccountId, UNIT,
};

fn active() -> Vec<AccountId> {
	TranscoderElection::active_set().seats.into_iter().map(|seat| seat.account).collect()
}

#[test]
fn active_set_should_hold_highest_stakes_when_elected() {
	ExtBuilder::default()
		.parameters(|parameters| parameters.active_size = 3)
		.transcoder(1, 10, 0)
		.transcoder(2, 30, 0)
		.transcoder(3, 20, 0)
		.transcoder(4, 5, 0)
		.build_and_execute(|| {
			assert_eq!(active(), accounts(&[2, 3, 1]));
			bond(&account(4), 25 * UNIT);
			// A round's set stays whatever happens to stake.
			assert_eq!(active(), accounts(&[2, 3, 1]));
			events();
			next_round();
			assert_eq!(active(), accounts(&[2, 4, 3]));
			assert_eq!(
				events(),
				vec![Event::ActiveSetElected { round: 1, transcoders: 3, stake: 75 * UNIT }]
			);
		});
}

#[test]
fn older_registration_should_win_when_stakes_are_equal() {
	ExtBuilder::default()
		.parameters(|parameters| parameters.active_size = 2)
		.transcoder(9, 10, 0)
		.transcoder(1, 10, 0)
		.transcoder(5, 10, 0)
		.build_and_execute(|| assert_eq!(active(), accounts(&[9, 1])));
}

#[test]
fn size_should_follow_parameter_when_round_begins() {
	ExtBuilder::default()
		.transcoder(1, 10, 0)
		.transcoder(2, 20, 0)
		.transcoder(3, 30, 0)
		.build_and_execute(|| {
			assert_eq!(active(), accounts(&[3, 2, 1]));
			Parameters::mutate(|parameters| parameters.active_size = 1);
			assert_eq!(active(), accounts(&[3, 2, 1]));
			next_round();
			assert_eq!(active(), accounts(&[3]));
		});
}

#[test]
fn transcoder_should_not_be_active_when_its_stake_does_not_count_yet() {
	ExtBuilder::default().build_and_execute(|| {
		set_stake(&account(1), 0, UNIT);
		assert_ok!(TranscoderElection::transcoder(
			RuntimeOrigin::signed(account(1)),
			terms(1),
			service(1)
		));
		next_round();
		assert_eq!(active(), accounts(&[]));
		bond(&account(1), UNIT);
		next_round();
		assert_eq!(active(), accounts(&[1]));
	});
}

#[test]
fn differs_from_livepeer_own_bond_is_asked_at_each_election() {
	ExtBuilder::default().transcoder(1, 10, 0).transcoder(2, 10, 0).build_and_execute(|| {
		// All but delegated stake left.
		set_stake(&account(1), 100 * UNIT, UNIT - 1);
		next_round();
		assert_eq!(active(), accounts(&[2]));
		set_stake(&account(1), 100 * UNIT, UNIT);
		next_round();
		assert_eq!(active(), accounts(&[1, 2]));
	});
}

#[test]
fn jailed_transcoder_should_not_be_elected_when_round_begins() {
	ExtBuilder::default().transcoder(1, 10, 0).transcoder(2, 10, 0).build_and_execute(|| {
		TranscoderElection::detain(&account(1));
		next_round();
		assert_eq!(active(), accounts(&[2]));
		TranscoderElection::resolve(&account(1));
		assert_ok!(TranscoderElection::unjail(RuntimeOrigin::signed(account(1))));
		next_round();
		assert_eq!(active(), accounts(&[1, 2]));
	});
}

#[test]
fn active_set_should_be_empty_when_nobody_is_registered() {
	ExtBuilder::default().build_and_execute(|| {
		next_round();
		assert_eq!(active(), accounts(&[]));
		assert_eq!(TranscoderElection::active_set().round, 1);
	});
}

#[test]
fn weight_should_count_registered_transcoders_when_round_begins() {
	ExtBuilder::default()
		.parameters(|parameters| parameters.active_size = 1)
		.transcoder(1, 10, 0)
		.transcoder(2, 10, 0)
		.build_and_execute(|| {
			Round::set(1);
			assert_eq!(TranscoderElection::on_new_round(0, 1), <() as WeightInfo>::elect(2));
		});
}
