//! The validator set, under the real session and historical pallets.

use crate::{mock::*, Chilled, Error, Event, PlannedHash, Sets, MAX_CHILLED};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{
	keys::VerifierId,
	traits::{Chill, Jail, SeatedValidator},
	AccountId, UNIT,
};
use pallet_session::SessionManager;
use proptest::{collection::vec, prelude::*};
use sp_core::crypto::UncheckedFrom;

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

/// The accounts and stakes, in LPT, of the set of a session, and the round of its snapshot.
fn set_of(session: u32) -> (Vec<(AccountId, u128)>, u32) {
	let set = TranscoderElection::set_of(session);
	let members = set.members.into_iter();
	(members.map(|member| (member.account, member.stake / UNIT)).collect(), set.snapshot)
}

#[test]
fn set_should_carry_stakes_and_round_of_the_snapshot_it_was_chosen_from() {
	four().build_and_execute(|| {
		let genesis: Vec<_> =
			[(1, 40), (2, 30), (3, 20), (4, 10)].map(|(who, lpt)| (account(who), lpt)).into();
		assert_eq!(set_of(0), (genesis.clone(), 0));
		assert_eq!(set_of(1), (genesis.clone(), 0));
		bond(&account(4), 35 * UNIT);
		next_round();
		rotate();
		// In force and queued; sets that are over are deleted.
		let chosen: Vec<_> =
			[(1, 40), (4, 35), (2, 30), (3, 20)].map(|(who, lpt)| (account(who), lpt)).into();
		assert_eq!(set_of(0), (vec![], 0));
		assert_eq!(set_of(1), (genesis, 0));
		assert_eq!(set_of(2), (chosen.clone(), 1));
		assert_eq!(Sets::<Test>::iter().count(), 2);
		// Without a new choice the set continues, with its own snapshot.
		rotate();
		rotate();
		assert_eq!(set_of(Session::current_index()), (chosen, 1));
	});
}

#[test]
fn incumbent_should_weigh_with_what_is_left_of_its_stake() {
	four().parameters(|parameters| parameters.min_validators = 4).build_and_execute(|| {
		// Half of them left with everything that they had; there is nobody to replace them.
		for number in [1, 2] {
			bond(&account(number), 0);
		}
		next_round();
		rotate();
		assert_eq!(
			set_of(2),
			(vec![(account(1), 0), (account(2), 0), (account(3), 20), (account(4), 10)], 1)
		);
	});
}

#[test]
fn validator_set_should_leave_out_who_has_no_key_and_tell_jail_as_of_now() {
	four().build_and_execute(|| {
		TranscoderElection::detain(&account(3));
		let key = |number: u8| VerifierId::unchecked_from([number; 32]);
		let set = TranscoderElection::validator_set(Session::current_index(), |who| {
			(1..=3).find(|number| account(*number) == *who).map(key)
		});
		assert_eq!(set.snapshot, 0);
		let seat = |number: u8, lpt: u128, jailed| SeatedValidator {
			account: account(number),
			stake: lpt * UNIT,
			key: key(number),
			jailed,
		};
		assert_eq!(
			set.members.into_inner(),
			vec![seat(1, 40, false), seat(2, 30, false), seat(3, 20, true)]
		);
	});
}

#[test]
fn jailed_validators_should_be_those_of_all_sets_ascending() {
	four().transcoder(5, 5, 0).build_and_execute(|| {
		assert!(TranscoderElection::jailed_validators().is_empty());
		for number in [3, 5, 2, 9] {
			TranscoderElection::detain(&account(number));
		}
		assert_eq!(TranscoderElection::jailed_validators().into_inner(), accounts(&[2, 3, 5]));
		// Also of one that has resigned while its set is in force.
		assert_ok!(TranscoderElection::resign(RuntimeOrigin::signed(account(2))));
		assert_eq!(TranscoderElection::jailed_validators().into_inner(), accounts(&[2, 3, 5]));
	});
}

#[test]
fn account_should_validate_until_its_last_set_is_over() {
	four().transcoder(5, 5, 0).build_and_execute(|| {
		assert!(TranscoderElection::is_validating(&account(1)));
		assert!(!TranscoderElection::is_validating(&account(5)));
		assert_ok!(TranscoderElection::resign(RuntimeOrigin::signed(account(1))));
		rotate();
		assert!(TranscoderElection::is_validating(&account(1)));
		rotate();
		assert!(!TranscoderElection::is_validating(&account(1)));
	});
}

/// Validators withdraw their keys together, so that BABE finds nobody.
#[test]
fn attack_validators_vanish_with_their_keys() {
	four().transcoder(5, 5, 0).build_and_execute(|| {
		let purge = |number| TranscoderElection::purge_keys(RuntimeOrigin::signed(account(number)));
		for number in 1..=4 {
			assert_noop!(purge(number), Error::<Test>::Validating);
		}
		// Without keys there is nothing to withdraw.
		assert!(purge(5).is_err());
		assert_ok!(TranscoderElection::resign(RuntimeOrigin::signed(account(1))));
		rotate();
		assert_noop!(purge(1), Error::<Test>::Validating);
		rotate();
		events();
		assert_ok!(purge(1));
		assert_eq!(events(), vec![Event::SessionKeysPurged { account: account(1) }]);
		assert!(Session::load_keys(&account(1)).is_none());
	});
}

#[test]
fn chilled_validator_should_not_be_chosen_until_its_round() {
	four().build_and_execute(|| {
		events();
		TranscoderElection::chill(&account(2), 2);
		assert_eq!(events(), vec![Event::ValidatorChilled { validator: account(2), until: 2 }]);
		// A shorter one changes nothing, nor does one that is over.
		TranscoderElection::chill(&account(2), 1);
		TranscoderElection::chill(&account(3), 0);
		assert_eq!(TranscoderElection::chilled_until(account(2)), Some(2));
		assert_eq!(TranscoderElection::chilled_until(account(3)), None);
		assert_eq!(plan(), Some(accounts(&[1, 3, 4])));
		next_round();
		assert_eq!(plan(), Some(accounts(&[1, 3, 4])));
		next_round();
		assert!(!Chilled::<Test>::exists());
		assert_eq!(TranscoderElection::chilled_until(account(2)), None);
		assert_eq!(plan(), Some(accounts(&[1, 2, 3, 4])));
	});
}

#[test]
fn chill_should_end_when_its_validator_is_thawed_and_not_before() {
	four().build_and_execute(|| {
		TranscoderElection::chill(&account(2), u32::MAX);
		TranscoderElection::chill(&account(3), u32::MAX);
		// A shorter one changes nothing.
		TranscoderElection::chill(&account(2), 5);
		events();
		TranscoderElection::thaw(&account(4), 1);
		assert_eq!(events(), vec![]);
		TranscoderElection::thaw(&account(2), 1);
		assert_eq!(events(), vec![Event::ValidatorChilled { validator: account(2), until: 1 }]);
		assert_eq!(TranscoderElection::chilled_until(account(2)), Some(1));
		assert_eq!(plan(), Some(accounts(&[1, 4])));
		next_round();
		assert_eq!(plan(), Some(accounts(&[1, 2, 4])));
		// At once if that round has come.
		TranscoderElection::thaw(&account(3), 0);
		assert!(!Chilled::<Test>::exists());
		assert_eq!(plan(), Some(accounts(&[1, 2, 3, 4])));
	});
}

#[test]
fn chilled_should_be_kept_only_where_nobody_can_take_its_place() {
	four().parameters(|parameters| parameters.min_validators = 3).build_and_execute(|| {
		TranscoderElection::chill(&account(1), 5);
		TranscoderElection::chill(&account(3), 5);
		rotate();
		assert_eq!(queued(), accounts(&[2, 4, 1]));
	});
}

#[test]
fn first_to_end_should_give_way_when_too_many_are_chilled() {
	four().build_and_execute(|| {
		for index in 0..MAX_CHILLED {
			let who = AccountId::new(sp_io::hashing::blake2_256(&index.to_le_bytes()));
			TranscoderElection::chill(&who, if index == 7 { 2 } else { 3 });
		}
		TranscoderElection::chill(&account(1), 3);
		assert_eq!(Chilled::<Test>::get().len() as u32, MAX_CHILLED);
		assert_eq!(TranscoderElection::chilled_until(account(1)), Some(3));
		let first = AccountId::new(sp_io::hashing::blake2_256(&7u32.to_le_bytes()));
		assert_eq!(TranscoderElection::chilled_until(first), None);
	});
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(48))]

	/// An accomplice changes its stake, leaves, goes to jail or changes keys after the snapshot, to
	/// choose who judges. No chosen set changes by that.
	#[test]
	fn attack_judges_are_not_picked_by_a_live_input(
		changes in vec((1u8..=6, 0u128..50, 0u8..5), 1..30),
	) {
		four().transcoder(5, 5, 0).build_and_execute(|| {
			next_round();
			rotate();
			let index = Session::current_index();
			let before = [index, index + 1].map(TranscoderElection::set_of);
			assert!(before.iter().all(|set| set.members.len() == 4));
			for (number, lpt, kind) in changes {
				let who = account(number);
				match kind {
					0 => TranscoderElection::detain(&who),
					1 => {
						let _ = TranscoderElection::resign(RuntimeOrigin::signed(who));
					}
					2 => TranscoderElection::chill(&who, Round::get() + 2),
					_ => bond(&who, lpt * UNIT),
				}
				assert_eq!([index, index + 1].map(TranscoderElection::set_of), before);
			}
			// Nor by later consequences, as long as the sets are in force or queued.
			next_round();
			assert_eq!([index, index + 1].map(TranscoderElection::set_of), before);
			rotate();
			assert_eq!(TranscoderElection::set_of(index + 1), before[1]);
		});
	}
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
		// It stays.
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
		// The set queued for the next session changes, so the session forgets who is disabled.
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
