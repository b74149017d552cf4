//! The active set of a round.

use crate::{mock::*, Event, Jailed, Services, Transcoders, WeightInfo, MAX_DROPPED};
use frame_support::assert_ok;
use livepeer_primitives::{
	traits::{Jail, OnNewRound, TranscoderDirectory},
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
			// A round's set stays, whatever happens to stake.
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
fn differs_from_livepeer_size_should_shrink_when_round_begins() {
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
		// Everything except delegated stake left.
		set_stake(&account(1), 100 * UNIT, UNIT - 1);
		assert_eq!(active(), accounts(&[1, 2]));
		next_round();
		assert_eq!(active(), accounts(&[2]));
		// It has left the list; with its bond it can register again.
		assert_eq!(TranscoderElection::terms_of(account(1)), None);
		assert_eq!(Lost::get(), accounts(&[1]));
		set_stake(&account(1), 100 * UNIT, UNIT);
		next_round();
		assert_eq!(active(), accounts(&[2]));
		assert_ok!(TranscoderElection::transcoder(
			RuntimeOrigin::signed(account(1)),
			terms(1),
			service(1)
		));
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
			assert_eq!(TranscoderElection::on_new_round(0, 1), <() as WeightInfo>::elect(2, 0));
			set_stake(&account(2), UNIT, 0);
			Round::set(2);
			assert_eq!(
				TranscoderElection::on_new_round(1, 2),
				<() as WeightInfo>::elect(2, 0)
					.saturating_add(<() as WeightInfo>::drop_registration())
			);
			TranscoderElection::detain(&account(1));
			Round::set(3);
			assert_eq!(TranscoderElection::on_new_round(2, 3), <() as WeightInfo>::elect(1, 1));
		});
}

#[test]
fn unbonded_should_leave_the_list_in_bounded_steps_when_rounds_begin() {
	ExtBuilder::default().transcoder(1, 10, 0).build_and_execute(|| {
		let numbers: Vec<u8> = (10..50).collect();
		for number in &numbers {
			bond(&account(*number), UNIT);
			assert_ok!(TranscoderElection::transcoder(
				RuntimeOrigin::signed(account(*number)),
				terms(1),
				service(1)
			));
			bond(&account(*number), UNIT - 1);
		}
		events();
		next_round();
		assert_eq!(active(), accounts(&[1]));
		assert_eq!(Transcoders::<Test>::count(), 41 - MAX_DROPPED);
		let dropped = events()
			.into_iter()
			.filter(|event| matches!(event, Event::TranscoderDropped { .. }))
			.count();
		assert_eq!(dropped as u32, MAX_DROPPED);
		next_round();
		assert_eq!(active(), accounts(&[1]));
		assert_eq!(Transcoders::<Test>::count(), 1);
	});
}

/// Candidates with dust stake fill the list, to be drawn or to keep others out. A place costs the
/// minimum bond for as long as it is held.
#[test]
fn attack_dust_candidates_leave_the_list_at_the_election() {
	ExtBuilder::default().transcoder(1, 10, 5).build_and_execute(|| {
		bond(&account(2), UNIT);
		assert_ok!(TranscoderElection::transcoder(
			RuntimeOrigin::signed(account(2)),
			terms(1),
			service(1)
		));
		// Everything except dust is unbonded at once; delegated dust does not help.
		set_stake(&account(2), UNIT, 1);
		next_round();
		assert_eq!(active(), accounts(&[1]));
		assert_eq!(Transcoders::<Test>::iter_keys().collect::<Vec<_>>(), accounts(&[1]));
		assert_eq!(Services::<Test>::iter().count(), 1);
	});
}

#[test]
fn jailed_transcoder_should_be_dropped_without_bond_and_stay_jailed_while_a_verdict_is_open() {
	ExtBuilder::default().transcoder(1, 10, 5).transcoder(2, 10, 5).build_and_execute(|| {
		TranscoderElection::detain(&account(1));
		TranscoderElection::detain(&account(2));
		TranscoderElection::resolve(&account(2));
		set_stake(&account(1), 0, 0);
		set_stake(&account(2), 0, 0);
		next_round();
		assert_eq!(Transcoders::<Test>::count(), 0);
		assert_eq!(Jailed::<Test>::iter().collect::<Vec<_>>(), vec![(account(1), 1)]);
		TranscoderElection::resolve(&account(1));
		assert_eq!(Jailed::<Test>::iter().count(), 0);
	});
}

/// The candidates' weights, by number.
fn weights() -> Vec<(AccountId, u128)> {
	TranscoderElection::candidates()
		.into_iter()
		.map(|candidate| (candidate.account, candidate.stake / UNIT))
		.collect()
}

#[test]
fn snapshot_of_the_round_should_weigh_from_its_third_block_on() {
	ExtBuilder::default()
		.parameters(|parameters| parameters.active_size = 2)
		.transcoder(1, 10, 5)
		.transcoder(2, 20, 5)
		.transcoder(3, 5, 5)
		.build_and_execute(|| {
			assert_eq!(weights(), vec![(account(2), 20), (account(1), 10)]);
			bond(&account(3), 30 * UNIT);
			bond(&account(2), 25 * UNIT);
			System::set_block_number(12);
			assert_eq!(weights(), vec![(account(2), 20), (account(1), 10)]);
			next_round();
			// The new one has no weight yet, and the one that has left is removed: the randomness
			// of these blocks was partly known to those who could still bond.
			let first = vec![(account(3), 0), (account(2), 20)];
			assert_eq!(weights(), first);
			System::set_block_number(13);
			assert_eq!(weights(), first);
			System::set_block_number(14);
			assert_eq!(weights(), vec![(account(3), 30), (account(2), 25)]);
		});
}

/// The author of a round's last block, who knows that block's randomness, bonds in it, to be drawn
/// in the first blocks of the next round.
#[test]
fn attack_bonding_in_the_last_block_of_a_round_weighs_nothing_in_the_first() {
	ExtBuilder::default().transcoder(1, 10, 5).transcoder(2, 10, 5).build_and_execute(|| {
		let before = weights();
		System::set_block_number(11);
		bond(&account(1), 1_000 * UNIT);
		System::set_block_number(12);
		next_round();
		let mut now = weights();
		now.sort();
		let mut before = before;
		before.sort();
		assert_eq!(now, before);
	});
}
