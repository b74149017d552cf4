//! Earnings are paid out once per round.

use crate::{
	mock::*, Batch, Books, Earnings, Error, Event, MessageCount, Messages, Open, Payout,
	PayoutRule, MAX_EARNINGS, MAX_ROUND_SUM,
};
use frame_support::{assert_noop, assert_ok, storage::with_storage_layer, traits::OnInitialize};
use livepeer_primitives::bridge::{
	BridgedAsset::{Eth, Lpt},
	Earning, Message,
};
use sp_core::H160;

/// Accounts 1 to 3 have ETH that came over, and have set how they are paid out.
fn earners() {
	let mut escrow = Escrow::new();
	for number in 1..=3 {
		escrow.deposit(Eth, account(number), 1_000);
	}
	escrow.deposit(Lpt, account(1), 1_000);
	assert_ok!(escrow.sync());
	for index in 0..4 {
		assert_ok!(escrow.prove(index));
	}
	let rule = Some(PayoutRule { keep: 100, minimum: 50 });
	for number in 1..=3 {
		let payout = Payout { payee: address(number), lpt: None, eth: rule };
		assert_ok!(EthBridge::set_payout(signed(number), Some(payout)));
	}
	events();
}

#[test]
fn earnings_should_leave_as_one_message_when_their_round_has_ended() {
	build_and_execute(|| {
		earners();
		for number in 1..=3 {
			assert_ok!(EthBridge::pay_out(signed(9), account(number), Eth));
		}
		let amount = 1_000 - MINIMUM - 100;
		let earning = Earning { asset: Eth, payee: address(3), amount };
		assert_eq!(
			events().pop(),
			Some(Event::PaidOut { account: account(3), round: 0, index: 2, earning })
		);
		assert_eq!(balance(Eth, 1), MINIMUM + 100);
		EthBridge::on_initialize(2);
		assert_eq!(MessageCount::<Test>::get(), 0, "the round goes on");
		assert_eq!(EthBridge::earning(0, 0), None, "and has no root yet");
		Round::set(1);
		EthBridge::on_initialize(3);
		let Some(Message::Earnings { round, root, count, lpt, eth }) = Messages::<Test>::get(0)
		else {
			panic!("a round's earnings");
		};
		assert_eq!((round, count, lpt, eth), (0, 3, 0, 3 * amount));
		assert_eq!(Books::<Test>::get(Eth).sent, 3 * amount);
		let domain = EthBridge::domain().unwrap();
		for index in 0..3 {
			let (earning, path) = EthBridge::earning(0, index).unwrap();
			assert_eq!(path.len(), 2);
			let mut current = earning.leaf(&domain, 0, index);
			for (height, sibling) in path.iter().enumerate() {
				use livepeer_primitives::bridge::node;
				current = match (index >> height) & 1 {
					1 => node(sibling, &current),
					_ => node(&current, sibling),
				};
			}
			assert_eq!(current, root);
		}
		assert_eq!(EthBridge::earning(0, 3), None);
		assert!(!Open::<Test>::exists());
		// Only once, whatever the round is.
		EthBridge::on_initialize(4);
		assert_eq!(MessageCount::<Test>::get(), 1);
	});
}

#[test]
fn earnings_should_wait_and_be_lost_in_no_case_when_nothing_goes_out() {
	build_and_execute(|| {
		earners();
		assert_ok!(EthBridge::pay_out(signed(9), account(1), Eth));
		assert_ok!(EthBridge::stop(RuntimeOrigin::root(), false, true));
		assert_noop!(EthBridge::pay_out(signed(9), account(2), Eth), Error::<Test>::BridgeStands);
		Round::set(5);
		EthBridge::on_initialize(2);
		assert_eq!(MessageCount::<Test>::get(), 0);
		assert_ok!(EthBridge::resume(RuntimeOrigin::root()));
		// The earnings still belong to the round in which they were paid out.
		assert_ok!(EthBridge::pay_out(signed(9), account(2), Eth));
		EthBridge::on_initialize(3);
		let message = Messages::<Test>::get(0).unwrap();
		assert!(matches!(message, Message::Earnings { round: 0, count: 2, .. }));
		// The next earnings belong to a round that has none yet.
		assert_ok!(EthBridge::withdraw(signed(3), Eth, address(3), 10, 0));
		assert_ok!(EthBridge::pay_out(signed(9), account(3), Eth));
		Round::set(6);
		EthBridge::on_initialize(4);
		assert!(matches!(
			Messages::<Test>::get(2).unwrap(),
			Message::Earnings { round: 5, count: 1, .. }
		));
	});
}

#[test]
fn payout_should_be_refused_when_its_account_did_not_ask_for_it() {
	build_and_execute(|| {
		earners();
		assert_noop!(EthBridge::pay_out(signed(9), account(1), Lpt), Error::<Test>::NoPayout);
		assert_noop!(EthBridge::pay_out(signed(9), account(9), Eth), Error::<Test>::NoPayout);
		assert_ok!(EthBridge::pay_out(signed(9), account(1), Eth));
		assert_noop!(EthBridge::pay_out(signed(9), account(1), Eth), Error::<Test>::BelowMinimum);
		assert_ok!(EthBridge::set_payout(signed(2), None));
		assert_noop!(EthBridge::pay_out(signed(9), account(2), Eth), Error::<Test>::NoPayout);
		for payee in [H160::zero(), place().address, place().token] {
			let payout = Payout { payee, lpt: None, eth: None };
			assert_noop!(
				EthBridge::set_payout(signed(2), Some(payout)),
				Error::<Test>::InvalidRecipient
			);
		}
	});
}

#[test]
fn payout_should_be_refused_when_its_round_is_full() {
	build_and_execute(|| {
		earners();
		let pay_out = || with_storage_layer(|| EthBridge::pay_out(signed(9), account(1), Eth));
		for full in [
			Batch { count: MAX_EARNINGS, ..Default::default() },
			Batch { eth: MAX_ROUND_SUM - 1, ..Default::default() },
		] {
			Open::<Test>::put(full);
			assert_noop!(pay_out(), Error::<Test>::RoundFull);
		}
		Open::<Test>::kill();
		assert_ok!(pay_out());
	});
}

#[test]
fn lpt_should_be_paid_out_as_far_as_it_came_over() {
	build_and_execute(|| {
		earners();
		let rule = Some(PayoutRule { keep: 0, minimum: 1 });
		let payout = Payout { payee: address(1), lpt: rule, eth: None };
		assert_ok!(EthBridge::set_payout(signed(1), Some(payout)));
		// A thousand of the account's two thousand LPT were minted here.
		assert_noop!(EthBridge::pay_out(signed(9), account(1), Lpt), Error::<Test>::NotBacked);
		let rule = Some(PayoutRule { keep: 1_500, minimum: 1 });
		let payout = Payout { payee: address(1), lpt: rule, eth: None };
		assert_ok!(EthBridge::set_payout(signed(1), Some(payout)));
		assert_ok!(EthBridge::pay_out(signed(9), account(1), Lpt));
		assert_eq!(Earnings::<Test>::get(0, 0).unwrap().amount, 500 - PRICE - MINIMUM);
	});
}
