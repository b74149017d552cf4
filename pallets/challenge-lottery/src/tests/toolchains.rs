//! The list of toolchains.

use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{traits::OnClaim, ToolchainId};
use sp_runtime::DispatchError;

use crate::{mock::*, Error};

#[test]
fn governance_should_accept_and_retire_toolchains() {
	build_and_execute(|| {
		let other = ToolchainId::repeat_byte(1);
		let root = RuntimeOrigin::root;
		assert!(Lottery::accepts_toolchain(&toolchain()) && !Lottery::accepts_toolchain(&other));
		assert_noop!(
			Lottery::accept_toolchain(RuntimeOrigin::signed(transcoder()), other),
			DispatchError::BadOrigin
		);
		assert_ok!(Lottery::accept_toolchain(root(), other));
		assert_noop!(Lottery::accept_toolchain(root(), other), Error::<Test>::AlreadyAccepted);
		assert_eq!(Lottery::toolchains(), vec![other, toolchain()]);
		assert_noop!(
			Lottery::retire_toolchain(RuntimeOrigin::signed(transcoder()), other),
			DispatchError::BadOrigin
		);
		assert_ok!(Lottery::retire_toolchain(root(), toolchain()));
		assert_noop!(
			Lottery::retire_toolchain(root(), toolchain()),
			Error::<Test>::UnknownToolchain
		);
		assert!(!Lottery::accepts_toolchain(&toolchain()));
		for i in 2..5 {
			assert_ok!(Lottery::accept_toolchain(root(), ToolchainId::repeat_byte(i)));
		}
		assert_noop!(
			Lottery::accept_toolchain(root(), toolchain()),
			Error::<Test>::TooManyToolchains
		);
	});
}
