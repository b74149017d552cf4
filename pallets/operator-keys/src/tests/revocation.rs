//! Revoked keys.

use crate::{mock::*, Error, Event};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{
	keys::{Purpose, Signer},
	traits::OperatorKeysOf,
	Hash,
};

fn is_revoked(generation: u32, key: u8) -> bool {
	OperatorKeys::is_revoked(&Signer { account: account(1), generation, key }, Purpose::Duties)
}

#[test]
fn key_should_be_flagged_and_told_when_revoked() {
	build_and_execute(|| {
		assert_ok!(set(&[11, 12]));
		OperatorKeys::retain(&account(1), Purpose::Duties, 1);
		events();
		assert_ok!(revoke(1, 1));
		assert!(is_revoked(1, 1));
		assert!(!is_revoked(1, 0));
		assert_eq!(Told::get(), vec![(account(1), Purpose::Duties, 1)]);
		assert_eq!(
			events(),
			vec![Event::KeyRevoked {
				account: account(1),
				purpose: Purpose::Duties,
				generation: 1,
				key: 1
			}]
		);
		OperatorKeys::release(&account(1), Purpose::Duties, 1);
	});
}

#[test]
fn revocation_should_be_possible_when_it_leaves_no_key() {
	build_and_execute(|| {
		assert_ok!(set(&[11]));
		assert_ok!(revoke(1, 0));
		assert!(is_revoked(1, 0));
		// The generation stays current: the account does not sign for itself again.
		assert_eq!(OperatorKeys::current(&account(1), Purpose::Duties), 1);
		assert_ok!(set(&[12]));
		assert_eq!(OperatorKeys::current(&account(1), Purpose::Duties), 2);
	});
}

#[test]
fn revoke_key_should_fail_when_there_is_nothing_to_revoke() {
	build_and_execute(|| {
		assert_noop!(revoke(0, 0), Error::<Test>::UnknownGeneration);
		assert_noop!(revoke(1, 0), Error::<Test>::UnknownGeneration);
		assert_ok!(set(&[11]));
		assert_noop!(revoke(1, 1), Error::<Test>::UnknownKey);
		assert_ok!(revoke(1, 0));
		assert_noop!(revoke(1, 0), Error::<Test>::AlreadyRevoked);
		assert_eq!(Told::get(), vec![], "nothing stands on it, so nobody is made to look");
	});
}

#[test]
fn nobody_should_revoke_another_accounts_key() {
	build_and_execute(|| {
		assert_ok!(set(&[11]));
		let other = RuntimeOrigin::signed(account(2));
		assert_noop!(
			OperatorKeys::revoke_key(other, Purpose::Duties, 1, 0),
			Error::<Test>::UnknownGeneration
		);
		assert!(!is_revoked(1, 0));
	});
}

#[test]
fn account_and_unknown_keys_should_not_be_revoked() {
	build_and_execute(|| {
		assert!(!is_revoked(0, 0));
		assert!(!is_revoked(3, 0));
		assert!(!is_revoked(1, 200));
	});
}

#[test]
fn revoked_key_should_still_count_as_signer_of_what_it_signed() {
	build_and_execute(|| {
		let object = Hash::repeat_byte(5);
		assert_ok!(set(&[11, 12]));
		let signed = sign(12, 1, 1, &object);
		assert_ok!(revoke(1, 1));
		assert!(OperatorKeys::is_signed(&signed, Purpose::Duties, &object));
		assert!(OperatorKeys::is_revoked(&signed.signer, Purpose::Duties));
	});
}
