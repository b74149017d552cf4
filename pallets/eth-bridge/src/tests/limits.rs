//! Limits, the guardian, governance.

use crate::{mock::*, Error, Event, Limits, Rate, Reason};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{
	bridge::BridgedAsset::{Eth, Lpt},
	BlockNumber,
};
use sp_runtime::DispatchError::BadOrigin;

#[test]
fn limit_should_stop_deposits_and_refill() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		for _ in 0..3 {
			escrow.deposit(Eth, account(1), 5_000);
		}
		assert_ok!(escrow.sync());
		assert_ok!(escrow.prove(0));
		assert_ok!(escrow.prove(1));
		assert_noop!(escrow.prove(2), Error::<Test>::LimitReached);
		Now::set(1 + 499);
		assert_noop!(escrow.prove(2), Error::<Test>::LimitReached);
		Now::set(1 + 500);
		assert_ok!(escrow.prove(2));
		// It never holds more than its capacity.
		Now::set(1_000_000);
		assert_eq!(EthBridge::bridge().eth.limits[0], 10_000);
		// LPT has a limit of its own.
		assert_eq!(EthBridge::bridge().lpt.limits, [10_000, 5_000]);
	});
}

#[test]
fn limit_should_stop_withdrawals_and_refill() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Eth, account(1), 5_999);
		escrow.deposit(Eth, account(1), 3_000);
		assert_ok!(escrow.sync());
		assert_ok!(escrow.prove(0));
		assert_ok!(escrow.prove(1));
		let send = |amount| EthBridge::withdraw(signed(1), Eth, address(1), amount, 0);
		assert_ok!(send(4_000));
		assert_noop!(send(1_001), Error::<Test>::LimitReached);
		assert_ok!(send(1_000));
		Now::set(101);
		assert_ok!(send(500));
		assert_noop!(send(1), Error::<Test>::LimitReached);
	});
}

#[test]
fn nothing_should_pass_when_there_are_no_limits() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Eth, account(1), 100);
		assert_ok!(escrow.sync());
		let none = Limits { large: u128::MAX, ..Default::default() };
		assert_ok!(EthBridge::set_limits(RuntimeOrigin::root(), Eth, none));
		assert_noop!(escrow.prove(0), Error::<Test>::LimitReached);
	});
}

#[test]
fn changed_limits_should_give_back_nothing_that_was_used() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Eth, account(1), 5_000);
		assert_ok!(escrow.sync());
		assert_ok!(escrow.prove(0));
		let more = Limits { inbound: Rate { capacity: 20_000, per_block: 1 }, ..LIMITS };
		assert_ok!(EthBridge::set_limits(RuntimeOrigin::root(), Eth, more));
		assert_eq!(EthBridge::bridge().eth.limits[0], 5_000);
		let less = Limits { inbound: Rate { capacity: 100, per_block: 1 }, ..LIMITS };
		assert_ok!(EthBridge::set_limits(RuntimeOrigin::root(), Eth, less));
		assert_eq!(EthBridge::bridge().eth.limits[0], 100);
	});
}

#[test]
fn guardian_should_stop_for_a_week_and_governance_until_it_resumes() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Eth, account(1), 100);
		escrow.deposit(Eth, account(1), 100);
		assert_ok!(escrow.sync());
		events();
		assert_noop!(EthBridge::stop(signed(1), true, true), Error::<Test>::NotGuardian);
		assert_ok!(EthBridge::stop(signed(7), true, false));
		let until = 1 + STOP_PERIOD;
		let stopped = |until| Event::BridgeStopped {
			inbound: true,
			outbound: false,
			until,
			reason: Reason::Ordered,
		};
		assert_eq!(events(), [stopped(until)]);
		assert_noop!(escrow.prove(0), Error::<Test>::BridgeStands);
		Now::set(until);
		assert_ok!(escrow.prove(0));
		assert_ok!(EthBridge::stop(RuntimeOrigin::root(), true, false));
		// The guardian does not shorten it.
		assert_ok!(EthBridge::stop(signed(7), true, false));
		Now::set(BlockNumber::MAX - 1);
		assert_noop!(escrow.prove(1), Error::<Test>::BridgeStands);
		assert_noop!(EthBridge::resume(signed(7)), BadOrigin);
		assert_ok!(EthBridge::resume(RuntimeOrigin::root()));
		assert_ok!(escrow.prove(1));
	});
}

#[test]
fn only_governance_should_change_what_holds() {
	build_and_execute(|| {
		for number in [1, 7] {
			assert_noop!(EthBridge::set_limits(signed(number), Lpt, LIMITS), BadOrigin);
			assert_noop!(EthBridge::set_gateway(signed(number), place()), BadOrigin);
			assert_noop!(EthBridge::set_guardian(signed(number), None), BadOrigin);
		}
		assert_ok!(EthBridge::set_guardian(RuntimeOrigin::root(), None));
		assert_noop!(EthBridge::stop(signed(7), true, true), Error::<Test>::NotGuardian);
	});
}

#[test]
fn gateway_should_stay_when_something_has_passed() {
	build_and_execute(|| {
		let other = crate::GatewayPlace { address: address(0xcc), ..place() };
		let before = EthBridge::domain();
		assert_ok!(EthBridge::set_gateway(RuntimeOrigin::root(), other));
		assert_ne!(EthBridge::domain(), before);
		assert_ok!(EthBridge::set_gateway(RuntimeOrigin::root(), place()));
		let mut escrow = Escrow::new();
		escrow.deposit(Lpt, account(1), 100);
		assert_ok!(escrow.sync());
		assert_noop!(
			EthBridge::set_gateway(RuntimeOrigin::root(), other),
			Error::<Test>::GatewayInUse
		);
	});
}
