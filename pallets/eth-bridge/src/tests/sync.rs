//! Proofs of the gateway's figures.

use crate::{mock::*, simulator::Flow, Error, Event, Reason, Stopped, Synced};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::bridge::BridgedAsset::{Eth, Lpt};

#[test]
fn figures_should_be_those_of_the_gateway() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		assert_ok!(escrow.sync());
		assert_eq!(events(), [Event::GatewaySynced { block: 101, deposits: 0 }]);
		escrow.deposit(Lpt, account(1), 300);
		escrow.deposit(Eth, account(1), 70);
		// Somebody sent ETH to the gateway without depositing.
		escrow.world.eth_balance += 5;
		assert_ok!(escrow.sync());
		let synced = Synced::<Test>::get().unwrap();
		assert_eq!((synced.block, synced.time, synced.deposits), (102, 102 * 12, 2));
		assert_eq!((synced.lpt.balance, synced.lpt.deposited), (300, 300));
		assert_eq!((synced.eth.balance, synced.eth.deposited), (75, 70));
	});
}

#[test]
fn figures_should_be_proven_however_many_others_there_are() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Lpt, account(1), 300);
		for others in [0, 1, 2, 15, 300, 3_000] {
			escrow.world.others = others;
			assert_ok!(escrow.sync());
		}
	});
}

/// Checks that the bridge has stopped for `reason`.
fn stopped_for(reason: Reason) {
	let stop = events().into_iter().find_map(|event| match event {
		Event::BridgeStopped { inbound: true, outbound: true, reason, .. } => Some(reason),
		_ => None,
	});
	assert_eq!(stop, Some(reason));
	assert!(Stopped::<Test>::get().inbound.is_some());
}

#[test]
fn bridge_should_stop_when_the_escrow_is_short() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Lpt, account(1), 300);
		escrow.world.lpt_balance -= 1;
		assert_ok!(escrow.sync());
		stopped_for(Reason::EscrowShort);
		assert_noop!(escrow.prove(0), Error::<Test>::BridgeStands);
	});
}

#[test]
fn bridge_should_stop_when_more_was_released_than_sent() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Eth, account(1), 300);
		assert_ok!(escrow.sync());
		assert_ok!(escrow.prove(0));
		assert_ok!(EthBridge::withdraw(signed(1), Eth, address(1), 100, 0));
		escrow.release(Eth, 100);
		assert_ok!(escrow.sync());
		assert!(Stopped::<Test>::get().inbound.is_none());
		escrow.release(Eth, 1);
		events();
		assert_ok!(escrow.sync());
		stopped_for(Reason::ReleasedTooMuch);
	});
}

#[test]
fn bridge_should_stop_when_figures_go_back() {
	for case in 0..3 {
		build_and_execute(|| {
			let mut escrow = Escrow::new();
			escrow.deposit(Eth, account(1), 300);
			escrow.deposit(Eth, account(1), 300);
			assert_ok!(escrow.sync());
			match case {
				0 => escrow.world.deposits = 1,
				1 => escrow.world.eth.deposited = 599,
				_ => {
					assert_ok!(escrow.prove(0));
					assert_ok!(EthBridge::withdraw(signed(1), Eth, address(1), 100, 0));
					escrow.release(Eth, 50);
					assert_ok!(escrow.sync());
					escrow.world.eth.released = 49;
					escrow.world.eth_balance += 1;
				}
			}
			events();
			assert_ok!(escrow.sync());
			stopped_for(Reason::WentBack);
		});
	}
}

#[test]
fn bridge_should_stop_when_less_was_deposited_than_credited() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Eth, account(1), 300);
		assert_ok!(escrow.sync());
		// The tree holds more than the gateway's own sum.
		escrow.deposit(Eth, account(1), 100);
		escrow.world.eth.deposited = 399;
		assert_ok!(escrow.sync());
		assert_ok!(escrow.prove(0));
		events();
		assert_ok!(escrow.prove(1));
		stopped_for(Reason::CreditedTooMuch);
		assert_eq!(balance(Eth, 1), 300);
	});
}

#[test]
fn bridge_should_stop_when_there_is_eth_that_nobody_deposited() {
	new_test_ext().execute_with(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Eth, account(1), 300);
		assert_ok!(escrow.sync());
		forge_eth(2, 100);
		assert!(EthBridge::do_try_state().is_err());
		escrow.deposit(Eth, account(1), 300);
		events();
		assert_ok!(escrow.sync());
		stopped_for(Reason::IssuedTooMuch);
	});
}

#[test]
fn sync_should_be_free_when_it_brings_deposits() {
	build_and_execute(|| {
		use frame_support::dispatch::Pays;
		let mut escrow = Escrow::new();
		let pays = |escrow: &mut Escrow| {
			assert_ok!(escrow.sync());
			escrow.block += 1;
			let (state_root, proof) = escrow.world.prove();
			Block::mutate(|block| {
				let block = block.as_mut().unwrap();
				(block.state_root, block.number) = (state_root, escrow.block);
			});
			EthBridge::sync(signed(9), Box::new(header()), Box::new(proof)).unwrap().pays_fee
		};
		assert_eq!(pays(&mut escrow), Pays::Yes);
		escrow.world.lpt = Flow::default();
		escrow.deposit(Eth, account(1), 300);
		escrow.block += 1;
		let (state_root, proof) = escrow.world.prove();
		Block::mutate(|block| {
			let block = block.as_mut().unwrap();
			(block.state_root, block.number) = (state_root, escrow.block);
		});
		let info = EthBridge::sync(signed(9), Box::new(header()), Box::new(proof)).unwrap();
		assert_eq!(info.pays_fee, Pays::No);
	});
}
