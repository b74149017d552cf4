//! Attacks with key changes, one test each.

use crate::{mock::*, Error};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{keys::Purpose, traits::OperatorKeysOf, Hash};

fn is_signed(signature: &livepeer_primitives::keys::OperatorSignature, object: &Hash) -> bool {
	OperatorKeys::is_signed(signature, Purpose::Duties, object)
}

/// A transcoder signs, then rotates its key before the claim is made or a judge looks. An honest
/// signature must still verify, and a dishonest one must still count against it.
#[test]
fn attack_key_rotated_between_signature_and_claim() {
	build_and_execute(|| {
		let receipt = Hash::repeat_byte(1);
		assert_ok!(set(&[11]));
		// An assignment is accepted with generation 1.
		OperatorKeys::retain(&account(1), Purpose::Duties, 1);
		let signed = sign(11, 1, 0, &receipt);
		for number in 12..40 {
			assert_ok!(set(&[number]));
			assert!(is_signed(&signed, &receipt));
			assert_eq!(OperatorKeys::vrf_key(&account(1), 1), Some(vrf(11)));
		}
		// A later key does not sign for the generation that the assignment refers to.
		assert!(!is_signed(&sign(39, 1, 0, &receipt), &receipt));
		OperatorKeys::release(&account(1), Purpose::Duties, 1);
	});
}

/// The same when the account itself signed and then names keys for the first time.
#[test]
fn attack_key_rotated_between_signature_and_claim_from_generation_zero() {
	build_and_execute(|| {
		let receipt = Hash::repeat_byte(1);
		OperatorKeys::retain(&account(1), Purpose::Duties, 0);
		let signed = sign(1, 0, 0, &receipt);
		assert_ok!(set(&[11]));
		assert_ok!(set(&[12]));
		assert!(is_signed(&signed, &receipt));
		OperatorKeys::release(&account(1), Purpose::Duties, 0);
	});
}

/// A key is revoked to deny what it signed, or to make an honest receipt worthless. Neither works.
#[test]
fn attack_revoked_key_convicts_and_frees_nobody() {
	build_and_execute(|| {
		let (honest, equivocation) = (Hash::repeat_byte(1), Hash::repeat_byte(2));
		assert_ok!(set(&[11, 12]));
		OperatorKeys::retain(&account(1), Purpose::Duties, 1);
		let (one, other) = (sign(11, 1, 0, &honest), sign(11, 1, 0, &equivocation));
		assert_ok!(revoke(1, 0));
		assert_ok!(set(&[13]));
		assert_ok!(set(&[14]));
		assert!(is_signed(&one, &honest));
		assert!(is_signed(&other, &equivocation));
		// Jobs learn of a revocation once, and end what refers to the generation.
		assert_eq!(Told::get(), vec![(account(1), Purpose::Duties, 1)]);
		assert_noop!(revoke(1, 0), Error::<Test>::AlreadyRevoked);
		assert_eq!(Told::get().len(), 1);
		OperatorKeys::release(&account(1), Purpose::Duties, 1);
	});
}

/// Somebody fills storage with generations. Each costs a deposit, and there are at most seventeen.
#[test]
fn attack_generations_fill_storage() {
	build_and_execute(|| {
		let mut made = 0;
		while set(&[made + 11]).is_ok() {
			made += 1;
			OperatorKeys::retain(&account(1), Purpose::Duties, made.into());
			assert_eq!(held(), EACH * u128::from(made));
		}
		assert_eq!(made, 17);
	});
}

/// A generation's number is reused so that an old signature is checked against other keys.
#[test]
fn attack_generation_number_is_reused() {
	build_and_execute(|| {
		let object = Hash::repeat_byte(3);
		assert_ok!(set(&[11]));
		let signed = sign(11, 1, 0, &object);
		for number in 12..30 {
			assert_ok!(set(&[number]));
		}
		// The generation is deleted because nothing needs it. Its number is never used again.
		assert!(!is_signed(&signed, &object));
		assert_eq!(OperatorKeys::current(&account(1), Purpose::Duties), 19);
	});
}
