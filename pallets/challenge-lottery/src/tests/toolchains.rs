//! Toolchains: listed, retired with notice, forgotten when no claim can need them.

use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{
	params::Timing,
	traits::{OnClaim, Toolchains},
	ToolchainId,
};
use sp_runtime::DispatchError;

use crate::{mock::*, types::Retiring, Error, Event};

const OTHER: ToolchainId = ToolchainId::repeat_byte(1);

fn root() -> RuntimeOrigin {
	RuntimeOrigin::root()
}

#[test]
fn governance_should_accept_toolchains() {
	build_and_execute(|| {
		assert!(Lottery::is_accepted(&toolchain()) && !Lottery::is_accepted(&OTHER));
		let anyone = RuntimeOrigin::signed(transcoder());
		assert_noop!(Lottery::accept_toolchain(anyone, OTHER), DispatchError::BadOrigin);
		assert_ok!(Lottery::accept_toolchain(root(), OTHER));
		assert_noop!(Lottery::accept_toolchain(root(), OTHER), Error::<Test>::AlreadyAccepted);
		assert_eq!(Lottery::toolchains(), vec![OTHER, toolchain()]);
		for i in 2..4 {
			assert_ok!(Lottery::accept_toolchain(root(), ToolchainId::repeat_byte(i)));
		}
		let fifth = ToolchainId::repeat_byte(9);
		assert_noop!(Lottery::accept_toolchain(root(), fifth), Error::<Test>::TooManyToolchains);
	});
}

#[test]
fn retirement_should_need_notice_and_a_listed_toolchain() {
	build_and_execute(|| {
		run_to(5);
		let anyone = RuntimeOrigin::signed(transcoder());
		let retire = |at| Lottery::retire_toolchain(root(), toolchain(), at);
		assert_noop!(Lottery::retire_toolchain(anyone, toolchain(), 100), DispatchError::BadOrigin);
		// A round of 30 blocks.
		assert_noop!(retire(34), Error::<Test>::NoticeTooShort);
		assert_noop!(Lottery::retire_toolchain(root(), OTHER, 35), Error::<Test>::UnknownToolchain);
		assert_ok!(retire(35));
		assert_noop!(retire(35), Error::<Test>::UnknownToolchain);
	});
}

#[test]
fn retired_toolchain_should_run_until_its_block_and_be_kept_until_no_claim_needs_it() {
	build_and_execute(|| {
		let at = 40;
		let life = Parameters::get().longest_claim_life(&Timing::development());
		let until = at + 20 + life;
		assert_ok!(Lottery::retire_toolchain(root(), toolchain(), at));
		let event = Event::ToolchainRetired { toolchain: toolchain(), at, until };
		assert_eq!(events().last(), Some(&event));
		let entry = Retiring { toolchain: toolchain(), at, until };
		assert_eq!(Lottery::retiring_toolchains(), vec![entry]);
		// Nothing new from now on; what runs goes on.
		assert!(!Lottery::is_accepted(&toolchain()) && Lottery::is_running(&toolchain()));
		assert!(Lottery::toolchains().is_empty());
		run_to(at - 1);
		assert!(Lottery::is_running(&toolchain()));
		run_to(at);
		assert!(!Lottery::is_running(&toolchain()));
		// Claims of the grace still name it.
		let last = claim(8);
		run_to(until - 1);
		assert!(Lottery::challenge(last.id).is_none(), "the last claim has ended before");
		CLAIMS.mutate(|all| all.insert(99, last.info.clone()));
		assert_ok!(Lottery::on_claim(99, &last.info, &terms()));
		run_to(until);
		let forgotten = Event::ToolchainForgotten { toolchain: toolchain() };
		assert!(events().contains(&forgotten));
		assert!(Lottery::retiring_toolchains().is_empty());
		assert_noop!(Lottery::on_claim(100, &last.info, &terms()), Error::<Test>::UnknownToolchain);
	});
}

#[test]
fn toolchain_should_stay_when_it_is_accepted_again() {
	build_and_execute(|| {
		assert_ok!(Lottery::retire_toolchain(root(), toolchain(), 40));
		assert_ok!(Lottery::accept_toolchain(root(), toolchain()));
		assert!(Lottery::is_accepted(&toolchain()));
		assert!(Lottery::retiring_toolchains().is_empty());
		assert_eq!(bytes_left(), 0);
	});
}

#[test]
fn retirement_should_be_refused_when_too_many_are_on_their_way_out() {
	build_and_execute(|| {
		assert_ok!(Lottery::retire_toolchain(root(), toolchain(), 100));
		for i in 11..15 {
			assert_ok!(Lottery::accept_toolchain(root(), ToolchainId::repeat_byte(i)));
		}
		for i in 11..14 {
			assert_ok!(Lottery::retire_toolchain(root(), ToolchainId::repeat_byte(i), 100));
		}
		assert_noop!(
			Lottery::retire_toolchain(root(), ToolchainId::repeat_byte(14), 100),
			Error::<Test>::TooManyToolchains
		);
	});
}
