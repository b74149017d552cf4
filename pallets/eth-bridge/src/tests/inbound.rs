//! Deposits arrive from Ethereum.

use crate::{mock::*, Books, Error, Event, Waiting};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::bridge::BridgedAsset::{self, Eth, Lpt};

#[test]
fn deposit_should_be_credited_when_its_root_is_proven() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		for (number, asset) in BridgedAsset::ALL.into_iter().enumerate() {
			escrow.deposit(asset, account(4), 500);
			assert_ok!(escrow.sync());
			events();
			let before = Balances::total_issuance();
			assert_ok!(escrow.prove(number as u32));
			assert_eq!(
				events(),
				[Event::DepositCredited {
					index: number as u32,
					asset,
					recipient: account(4),
					amount: 500
				}]
			);
			assert_eq!(balance(asset, 4), 500);
			let minted = if asset == Lpt { 500 } else { 0 };
			assert_eq!(Balances::total_issuance() - before, minted);
			assert_eq!(Books::<Test>::get(asset).credited, 500);
		}
	});
}

#[test]
fn deposits_should_be_taken_in_any_order_by_paths_of_older_roots_too() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		for _ in 0..5 {
			escrow.deposit(Eth, account(1), 100);
		}
		assert_ok!(escrow.sync());
		let old = escrow.path(3);
		escrow.deposit(Eth, account(1), 100);
		assert_ok!(escrow.sync());
		assert_ok!(escrow.prove(5));
		assert_ok!(take(escrow.deposits[3].clone(), old));
		assert_ok!(escrow.prove(0));
		assert_eq!(balance(Eth, 1), 300);
		// After eight newer roots the path is too old; a new path works.
		let old = escrow.path(1);
		for _ in 0..8 {
			escrow.deposit(Eth, account(1), 100);
			assert_ok!(escrow.sync());
		}
		assert_noop!(take(escrow.deposits[1].clone(), old), Error::<Test>::WrongPath);
		assert_ok!(escrow.prove(1));
	});
}

#[test]
fn deposit_should_wait_when_it_cannot_be_credited_and_block_nobody() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		// A deposit below the existential deposit, one for the null account, and one behind them.
		escrow.deposit(Lpt, account(5), MINIMUM - 1);
		escrow.deposit(Eth, account(0), 100);
		escrow.deposit(Eth, account(1), 100);
		assert_ok!(escrow.sync());
		for index in 0..3 {
			assert_ok!(escrow.prove(index));
		}
		assert_eq!(balance(Eth, 1), 100);
		assert_eq!(Books::<Test>::get(Lpt).waiting, MINIMUM - 1);
		assert_noop!(EthBridge::release(signed(9), 0), Error::<Test>::CannotCredit);
		// Once the account exists, anybody can release its deposit.
		pocket_money(5);
		assert_ok!(EthBridge::release(signed(9), 0));
		assert_eq!(balance(Lpt, 5), 1_000 + MINIMUM - 1);
		assert_noop!(EthBridge::release(signed(9), 0), Error::<Test>::NotWaiting);
		// Governance can redirect the deposit of the null account.
		assert_noop!(EthBridge::redirect(signed(1), 1, account(1)), Error::<Test>::NotRecipient);
		assert_ok!(EthBridge::redirect(RuntimeOrigin::root(), 1, account(2)));
		assert_ok!(EthBridge::release(signed(9), 1));
		assert_eq!(balance(Eth, 2), 100);
		assert_eq!(Waiting::<Test>::iter().count(), 0);
	});
}

#[test]
fn deposit_should_be_refused_when_it_is_of_nothing() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Eth, account(1), 0);
		assert_ok!(escrow.sync());
		assert_noop!(escrow.prove(0), Error::<Test>::NothingDeposited);
	});
}

#[test]
fn recipient_should_redirect_its_own_deposit_while_it_waits() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Eth, account(1), MINIMUM - 1);
		assert_ok!(escrow.sync());
		assert_ok!(escrow.prove(0));
		assert_noop!(EthBridge::redirect(signed(2), 0, account(2)), Error::<Test>::NotRecipient);
		assert_ok!(EthBridge::redirect(signed(1), 0, account(2)));
		assert_noop!(EthBridge::redirect(signed(1), 0, account(1)), Error::<Test>::NotRecipient);
		assert_noop!(EthBridge::redirect(signed(1), 7, account(1)), Error::<Test>::NotWaiting);
	});
}

#[test]
fn large_deposit_should_wait_and_then_be_released() {
	build_and_execute(|| {
		let mut escrow = Escrow::new();
		escrow.deposit(Eth, account(1), 1_000_000);
		assert_ok!(escrow.sync());
		events();
		assert_ok!(escrow.prove(0));
		let ready_at = 1 + LIMITS.delay;
		assert_eq!(events(), [Event::DepositWaits { index: 0, ready_at, trapped: false }]);
		Now::set(ready_at - 1);
		assert_noop!(EthBridge::release(signed(9), 0), Error::<Test>::NotReady);
		Now::set(ready_at);
		// The guardian had time to look at the deposit.
		assert_ok!(EthBridge::stop(signed(7), true, false));
		assert_noop!(EthBridge::release(signed(9), 0), Error::<Test>::BridgeStands);
		assert_ok!(EthBridge::resume(RuntimeOrigin::root()));
		assert_ok!(EthBridge::release(signed(9), 0));
		assert_eq!(balance(Eth, 1), 1_000_000);
	});
}
