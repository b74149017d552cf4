//! Limits, the guardian, governance.

use crate::{mock::*, Error, Event, Limits, Rate, Reason, Roots, Synced};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{
	bridge::BridgedAsset::{Eth, Lpt},
	params::{ProtocolParameters, Timing},
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
		// The limit never holds more than its capacity.
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
fn attack_what_waits_comes_in_after_governance_has_closed_the_bridge_by_its_limits() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Eth, account(1), 1_000_000);
		assert_ok!(escrow.sync());
		assert_ok!(escrow.prove(0));
		assert_ok!(EthBridge::set_limits(RuntimeOrigin::root(), Eth, Limits::default()));
		Now::set(1 + LIMITS.delay);
		assert_noop!(EthBridge::release(signed(9), 0), Error::<Test>::LimitReached);
		assert_ok!(EthBridge::set_limits(RuntimeOrigin::root(), Eth, LIMITS));
		assert_ok!(EthBridge::release(signed(9), 0));
		assert_eq!(balance(Eth, 1), 1_000_000);
	});
}

#[test]
fn attack_everything_comes_in_where_no_limit_was_set() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Eth, account(1), 1_000_000);
		assert_ok!(escrow.sync());
		// With a default limit, zero would not exceed zero: all of it would wait for no block and
		// then be minted.
		assert_ok!(EthBridge::set_limits(RuntimeOrigin::root(), Eth, Limits::default()));
		assert_noop!(escrow.prove(0), Error::<Test>::LimitReached);
		crate::Limited::<Test>::remove(Eth);
		assert_noop!(escrow.prove(0), Error::<Test>::LimitReached);
		for bad in
			[Limits { delay: 0, ..LIMITS }, Limits { large: LIMITS.inbound.capacity + 1, ..LIMITS }]
		{
			assert_noop!(
				EthBridge::set_limits(RuntimeOrigin::root(), Eth, bad),
				Error::<Test>::InvalidLimits
			);
		}
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
		let less = Limits { inbound: Rate { capacity: 100, per_block: 1 }, large: 100, ..LIMITS };
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
		// The guardian's order does not shorten governance's.
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
		assert_ok!(escrow.prove(0));
		assert_noop!(
			EthBridge::set_gateway(RuntimeOrigin::root(), other),
			Error::<Test>::GatewayInUse
		);
	});
}

#[test]
fn attack_mistyped_gateway_is_made_final_by_anybody() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Lpt, account(1), 100);
		assert_ok!(escrow.sync());
		// The gateway's figures are proven, but no money has passed: governance can correct the
		// gateway.
		let right = crate::GatewayPlace { address: address(0xcc), ..place() };
		assert_ok!(EthBridge::set_gateway(RuntimeOrigin::root(), right));
		assert!(!Synced::<Test>::exists() && Roots::<Test>::get().is_empty());
		assert_noop!(escrow.prove(0), Error::<Test>::WrongPath);
		// The other gateway's figures, at a block that is not newer, contradict nothing.
		let mut there = Escrow::new();
		there.world.place = right;
		there.deposit(Lpt, account(2), 50);
		assert_ok!(there.sync());
		assert_ok!(there.prove(0));
		assert_eq!(EthBridge::bridge().stopped, [None, None]);
		// Setting the same gateway again forgets nothing.
		let before = Synced::<Test>::get();
		assert_noop!(
			EthBridge::set_gateway(RuntimeOrigin::root(), right),
			Error::<Test>::GatewayInUse
		);
		assert_eq!(Synced::<Test>::get(), before);
	});
}

/// Ethereum accepts the validators' signatures only as long as their stake answers for them: with a
/// public network's parameters, and half a day left for reports.
#[test]
fn attack_validators_whose_stake_has_left_sign_for_ethereum() {
	const HOUR: u64 = 3_600_000;
	let source = include_str!("../../contracts/src/LightClient.sol");
	let days = source.split("LONGEST_AGE = ").nth(1).and_then(|rest| rest.split(" days").next());
	let longest_age = days.unwrap().parse::<u64>().unwrap() * 24 * HOUR;
	let (parameters, timing) = (ProtocolParameters::production(), Timing::production());
	// A validator that unbonds in the last block of a round is liable for the whole rounds after
	// it. It stays in office until validators chosen without it take over, two sessions later.
	let round = u64::from(parameters.rounds.length) * timing.slot_duration;
	let liable = round * u64::from(parameters.staking.liability_window - 1);
	let in_office = 2 * timing.session_length * timing.slot_duration;
	assert!(longest_age + in_office + 12 * HOUR <= liable);
}
