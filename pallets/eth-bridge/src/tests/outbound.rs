//! Messages to Ethereum.

use crate::{mock::*, Books, Error, Event, Gateway, MessageCount, Sealed};
use frame_support::{assert_noop, assert_ok, storage::with_storage_layer, traits::OnFinalize};
use livepeer_primitives::bridge::{
	empty_root, root_of_path,
	BridgedAsset::{self, Eth, Lpt},
	Message,
};
use sp_core::H160;

/// Gives account 1 this much of an asset that came over.
fn brought(asset: BridgedAsset, amount: u128) {
	let mut escrow = Escrow::new();
	escrow.deposit(asset, account(1), amount);
	assert_ok!(escrow.sync());
	assert_ok!(escrow.prove(0));
	events();
}

#[test]
fn withdrawal_should_burn_and_send() {
	for asset in BridgedAsset::ALL {
		build_and_execute(|| {
			brought(asset, 500);
			let before = EthBridge::issuance(asset);
			let lpt = balance(Lpt, 1);
			assert_ok!(EthBridge::withdraw(signed(1), asset, address(4), 200, 5));
			assert_eq!(before - EthBridge::issuance(asset), 200);
			let message = Message::Withdrawal { asset, recipient: address(4), amount: 200, fee: 5 };
			let leaf = message.leaf(&EthBridge::domain().unwrap(), 0);
			let sender = Some(account(1));
			assert_eq!(events(), [Event::MessageSent { index: 0, leaf, sender, message }]);
			let book = Books::<Test>::get(asset);
			assert_eq!((book.sent, book.backing()), (200, 300));
			let left = if asset == Lpt { 200 } else { 0 };
			assert_eq!(lpt - balance(Lpt, 1), PRICE + left, "the price is in LPT");
		});
	}
}

#[test]
fn withdrawal_should_be_refused_when_it_could_never_be_paid() {
	build_and_execute(|| {
		brought(Eth, 500);
		let send = |to: H160, amount, fee| EthBridge::withdraw(signed(1), Eth, to, amount, fee);
		for to in [H160::zero(), place().address, place().token] {
			assert_noop!(send(to, 100, 0), Error::<Test>::InvalidRecipient);
		}
		assert_noop!(send(address(4), 100, 100), Error::<Test>::FeeTooHigh);
		assert_noop!(send(address(4), 0, 0), Error::<Test>::FeeTooHigh);
		assert_noop!(send(address(4), 501, 0), Error::<Test>::NotBacked);
		// Account 2 has none.
		assert!(EthBridge::withdraw(signed(2), Eth, address(4), 100, 0).is_err());
		assert_ok!(EthBridge::stop(signed(7), false, true));
		assert_noop!(send(address(4), 100, 0), Error::<Test>::BridgeStands);
		assert_eq!(MessageCount::<Test>::get(), 0);
	});
}

#[test]
fn everything_should_leave_when_its_owner_wants_it() {
	build_and_execute(|| {
		brought(Eth, 500);
		assert_ok!(EthBridge::withdraw(signed(1), Eth, address(4), 500, 0));
		assert_eq!(balance(Eth, 1), 0);
	});
}

#[test]
fn attack_dust_is_burnt_that_no_message_sends() {
	build_and_execute(|| {
		brought(Eth, 500);
		let send = |amount| {
			with_storage_layer(|| EthBridge::withdraw(signed(1), Eth, address(4), amount, 0))
		};
		assert_noop!(send(500 - MINIMUM + 1), Error::<Test>::LeavesDust);
		assert_noop!(send(499), Error::<Test>::LeavesDust);
		assert_ok!(send(500 - MINIMUM));
		assert_eq!(balance(Eth, 1), MINIMUM);
		assert_eq!(EthBridge::issuance(Eth), Books::<Test>::get(Eth).backing());
		assert_ok!(send(MINIMUM));
		assert_eq!(EthBridge::issuance(Eth), 0);
	});
}

#[test]
fn nothing_should_pass_when_there_is_no_gateway() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Eth, account(1), 500);
		let path = escrow.path(0);
		assert_ok!(escrow.sync());
		Gateway::<Test>::kill();
		assert_noop!(escrow.sync(), Error::<Test>::NoGateway);
		assert_noop!(take(escrow.deposits[0].clone(), path), Error::<Test>::NoGateway);
		assert_noop!(
			EthBridge::withdraw(signed(1), Lpt, address(4), 100, 0),
			Error::<Test>::NoGateway
		);
		assert_noop!(EthBridge::pay_out(signed(9), account(1), Lpt), Error::<Test>::NoGateway);
	});
}

#[test]
fn message_should_be_refused_when_the_tree_is_full() {
	build_and_execute(|| {
		brought(Eth, 500);
		MessageCount::<Test>::put(u32::MAX);
		assert_noop!(
			with_storage_layer(|| EthBridge::withdraw(signed(1), Eth, address(4), 100, 0)),
			Error::<Test>::TreeFull
		);
		MessageCount::<Test>::kill();
	});
}

#[test]
fn every_message_should_be_provable_under_every_later_root() {
	build_and_execute(|| {
		brought(Lpt, 900);
		assert_eq!(EthBridge::outbound_root(), empty_root());
		let domain = EthBridge::domain().unwrap();
		let mut leaves = Vec::new();
		let mut roots = Vec::new();
		for index in 0..13u32 {
			assert_ok!(EthBridge::withdraw(signed(1), Lpt, address(4), 10 + u128::from(index), 0));
			let (message, _) = EthBridge::message(index, index + 1).unwrap();
			leaves.push(message.leaf(&domain, index));
			roots.push(EthBridge::outbound_root());
			assert_eq!(EthBridge::outbound_root(), path_and_root(&leaves, 0).1);
		}
		for count in 1..=13u32 {
			for index in 0..count {
				let (message, path) = EthBridge::message(index, count).unwrap();
				let root = root_of_path(message.leaf(&domain, index), index, &path);
				assert_eq!(root, roots[count as usize - 1], "{index} of {count}");
			}
			assert_eq!(EthBridge::message(count, count), None);
		}
		assert_eq!(EthBridge::message(0, 14), None);
	});
}

#[test]
fn root_should_be_sealed_at_the_end_of_its_block_and_not_before() {
	build_and_execute(|| {
		brought(Lpt, 900);
		EthBridge::on_finalize(1);
		let before = Sealed::<Test>::get();
		assert_eq!((before.outbound_root, before.time), (empty_root(), 5_000));
		assert_ok!(EthBridge::withdraw(signed(1), Lpt, address(4), 100, 0));
		// The value that children of the parent block see does not include this block's messages.
		assert_eq!(Sealed::<Test>::get(), before);
		Moment::set(6_000);
		EthBridge::on_finalize(1);
		let after = Sealed::<Test>::get();
		assert_eq!((after.outbound_root, after.time), (EthBridge::outbound_root(), 6_000));
		assert_ne!(after.outbound_root, before.outbound_root);
		Moment::set(5_000);
	});
}
