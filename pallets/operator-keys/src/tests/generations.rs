//! New generations, which old ones are kept, and deposits.

use crate::{mock::*, Error, Event, Generations, Stored, WeightInfo, MAX_OLD_GENERATIONS};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{
	api::KeysView,
	keys::{Purpose, VrfKey},
	traits::OperatorKeysOf,
};
use sp_core::Pair;

fn numbers() -> Vec<u32> {
	Stored::<Test>::get(account(1), Purpose::Duties).into_inner()
}

#[test]
fn first_generation_should_be_current_when_keys_are_set() {
	build_and_execute(|| {
		assert_eq!(OperatorKeys::current(&account(1), Purpose::Duties), 0);
		assert_ok!(set(&[11, 12]));
		assert_eq!(OperatorKeys::current(&account(1), Purpose::Duties), 1);
		// Each purpose has its own generations.
		assert_eq!(OperatorKeys::current(&account(1), Purpose::Segments), 0);
		assert_eq!(
			events(),
			vec![Event::KeysSet { account: account(1), purpose: Purpose::Duties, generation: 1 }]
		);
		assert_eq!(held(), EACH);
	});
}

#[test]
fn set_keys_should_fail_when_keys_are_not_one_to_eight_different_ones() {
	build_and_execute(|| {
		assert_noop!(set(&[]), Error::<Test>::NoKeys);
		assert_noop!(set(&[11, 12, 11]), Error::<Test>::DuplicateKey);
		assert_ok!(set(&[11, 12, 13, 14, 15, 16, 17, 18]));
	});
}

#[test]
fn vrf_key_should_come_with_duties_alone() {
	build_and_execute(|| {
		let set = |purpose, vrf: Option<VrfKey>| {
			OperatorKeys::set_keys(RuntimeOrigin::signed(account(1)), purpose, keys(&[11]), vrf)
		};
		assert_noop!(set(Purpose::Duties, None), Error::<Test>::VrfKeyMissing);
		assert_noop!(set(Purpose::Segments, Some(vrf(9))), Error::<Test>::VrfKeyNotUsed);
		assert_ok!(set(Purpose::Segments, None));
		assert_ok!(set(Purpose::Duties, Some(vrf(9))));
		assert_eq!(OperatorKeys::vrf_key(&account(1), 1), Some(vrf(9)));
		assert_eq!(OperatorKeys::vrf_key(&account(1), 2), None);
		// Without keys, the account signs for itself.
		assert_eq!(OperatorKeys::vrf_key(&account(1), 0), Some(pair(1).public()));
		assert_eq!(held(), 2 * EACH);
	});
}

#[test]
fn set_keys_should_fail_when_deposit_cannot_be_paid() {
	build_and_execute(|| {
		Deposit::set(BALANCE);
		assert_noop!(set(&[11]), Error::<Test>::DepositNotPayable);
	});
}

#[test]
fn retained_generation_should_stay_when_keys_rotate() {
	build_and_execute(|| {
		assert_ok!(set(&[11]));
		OperatorKeys::retain(&account(1), Purpose::Duties, 1);
		for number in 12..20 {
			assert_ok!(set(&[number]));
		}
		// The retained generation, the previous one and the current one.
		assert_eq!(numbers(), vec![1, 8, 9]);
		assert_eq!(held(), 3 * EACH);
		OperatorKeys::release(&account(1), Purpose::Duties, 1);
		assert_eq!(numbers(), vec![1, 8, 9]);
		events();
		assert_ok!(set(&[20]));
		let gone = |generation| Event::GenerationRemoved {
			account: account(1),
			purpose: Purpose::Duties,
			generation,
		};
		assert_eq!(
			events(),
			vec![
				gone(1),
				gone(8),
				Event::KeysSet { account: account(1), purpose: Purpose::Duties, generation: 10 }
			]
		);
		assert_eq!(numbers(), vec![9, 10]);
		assert_eq!(Generations::<Test>::iter().count(), 2);
		assert_eq!(held(), 2 * EACH);
	});
}

#[test]
fn generation_should_stay_until_the_last_release_when_retained_twice() {
	build_and_execute(|| {
		assert_ok!(set(&[11]));
		OperatorKeys::retain(&account(1), Purpose::Duties, 1);
		OperatorKeys::retain(&account(1), Purpose::Duties, 1);
		OperatorKeys::release(&account(1), Purpose::Duties, 1);
		assert_ok!(set(&[12]));
		assert_ok!(set(&[13]));
		assert_eq!(numbers(), vec![1, 2, 3]);
		OperatorKeys::release(&account(1), Purpose::Duties, 1);
		assert_ok!(set(&[14]));
		assert_eq!(numbers(), vec![3, 4]);
	});
}

#[test]
fn deposit_should_be_returned_as_it_was_held_when_it_has_changed() {
	build_and_execute(|| {
		assert_ok!(set(&[11]));
		Deposit::set(7);
		assert_ok!(set(&[12]));
		assert_eq!(held(), EACH + 7);
		assert_ok!(set(&[13]));
		assert_eq!(held(), 14);
	});
}

#[test]
fn set_keys_should_fail_when_sixteen_old_generations_are_needed() {
	build_and_execute(|| {
		for number in 0..MAX_OLD_GENERATIONS {
			assert_ok!(set(&[11 + number as u8]));
			OperatorKeys::retain(&account(1), Purpose::Duties, number + 1);
		}
		// One more, since sixteen old generations are allowed.
		assert_ok!(set(&[100]));
		assert_noop!(set(&[101]), Error::<Test>::TooManyGenerations);
		// A compromised key can still be revoked.
		assert_ok!(revoke(17, 0));
		OperatorKeys::release(&account(1), Purpose::Duties, 5);
		assert_ok!(set(&[101]));
		assert_eq!(OperatorKeys::current(&account(1), Purpose::Duties), 18);
		assert_eq!(held(), 17 * EACH);
	});
}

#[test]
fn generation_zero_should_need_no_count() {
	build_and_execute(|| {
		OperatorKeys::retain(&account(1), Purpose::Duties, 0);
		OperatorKeys::release(&account(1), Purpose::Duties, 0);
		assert_eq!(Generations::<Test>::iter().count(), 0);
		assert_eq!(Stored::<Test>::iter().count(), 0);
	});
}

#[test]
#[should_panic(expected = "released a generation that is not retained")]
fn release_should_be_noticed_when_nothing_is_retained() {
	new_test_ext().execute_with(|| {
		set(&[11]).unwrap();
		OperatorKeys::release(&account(1), Purpose::Duties, 1);
	});
}

#[test]
#[should_panic(expected = "retained a generation that is not stored")]
fn retain_should_be_noticed_when_generation_is_not_stored() {
	new_test_ext().execute_with(|| OperatorKeys::retain(&account(1), Purpose::Duties, 1));
}

#[test]
fn views_should_show_stored_generations_and_the_account() {
	build_and_execute(|| {
		let itself = |vrf| KeysView { generation: 0, keys: vec![], revoked: vec![], vrf };
		assert_eq!(OperatorKeys::keys_of(account(1), Purpose::Segments), vec![itself(None)]);
		assert_ok!(set(&[11, 12]));
		assert_ok!(set(&[13]));
		assert_ok!(revoke(1, 1));
		let view = |generation, numbers: &[u8], revoked: &[bool]| KeysView {
			generation,
			keys: keys(numbers).into_inner(),
			revoked: revoked.to_vec(),
			vrf: Some(vrf(numbers[0])),
		};
		assert_eq!(
			OperatorKeys::keys_of(account(1), Purpose::Duties),
			vec![
				view(2, &[13], &[false]),
				view(1, &[11, 12], &[false, true]),
				itself(Some(pair(1).public())),
			]
		);
		assert_eq!(OperatorKeys::current_of(account(1), Purpose::Duties), 2);
	});
}

#[test]
fn weight_should_count_old_generations_when_keys_are_set() {
	build_and_execute(|| {
		for number in 11..14 {
			assert_ok!(set(&[number]));
		}
		let info = OperatorKeys::set_keys(
			RuntimeOrigin::signed(account(1)),
			Purpose::Duties,
			keys(&[14]),
			Some(vrf(14)),
		);
		assert_eq!(info.unwrap().actual_weight, Some(<() as WeightInfo>::set_keys(1)));
	});
}
