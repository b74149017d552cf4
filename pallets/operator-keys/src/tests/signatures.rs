//! Which signatures are accepted.

use crate::mock::*;
use frame_support::assert_ok;
use livepeer_primitives::{
	keys::{OperatorSignature, Purpose, Signer},
	traits::OperatorKeysOf,
	Hash,
};

fn object() -> Hash {
	Hash::repeat_byte(7)
}

fn is_signed(signature: &OperatorSignature) -> bool {
	OperatorKeys::is_signed(signature, Purpose::Duties, &object())
}

#[test]
fn account_should_sign_when_it_has_no_keys() {
	build_and_execute(|| {
		assert!(is_signed(&sign(1, 0, 0, &object())));
		assert!(!is_signed(&sign(2, 0, 0, &object())));
		assert!(!is_signed(&sign(1, 0, 1, &object())));
	});
}

#[test]
fn account_should_still_have_signed_when_it_has_set_keys() {
	build_and_execute(|| {
		let before = sign(1, 0, 0, &object());
		assert_ok!(set(&[11]));
		assert!(is_signed(&before));
		// This says nothing about the keys that the account uses now. A caller that accepts
		// something new must ask for those.
		assert_ne!(OperatorKeys::current(&account(1), Purpose::Duties), before.signer.generation);
	});
}

#[test]
fn each_key_should_sign_at_its_place_and_in_its_generation_alone() {
	build_and_execute(|| {
		assert_ok!(set(&[11, 12]));
		assert_ok!(set(&[13, 11]));
		// For Ed25519 and Sr25519 alike.
		assert!(is_signed(&sign(11, 1, 0, &object())));
		assert!(is_signed(&sign(12, 1, 1, &object())));
		assert!(is_signed(&sign(11, 2, 1, &object())));
		assert!(!is_signed(&sign(11, 1, 1, &object())));
		assert!(!is_signed(&sign(12, 2, 1, &object())));
		assert!(!is_signed(&sign(12, 1, 2, &object())));
		assert!(!is_signed(&sign(11, 3, 0, &object())));
	});
}

#[test]
fn signature_should_not_pass_for_another_purpose_object_or_signer() {
	build_and_execute(|| {
		assert_ok!(set(&[11, 12]));
		let signature = sign(11, 1, 0, &object());
		assert!(is_signed(&signature));
		assert!(!OperatorKeys::is_signed(&signature, Purpose::Segments, &object()));
		assert!(!OperatorKeys::is_signed(&signature, Purpose::Duties, &Hash::repeat_byte(8)));
		// The signed bytes include the signer.
		let relabelled = OperatorSignature {
			signer: Signer { account: account(2), ..signature.signer.clone() },
			..signature
		};
		assert!(!is_signed(&relabelled));
	});
}
