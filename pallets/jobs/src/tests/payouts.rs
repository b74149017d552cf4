//! Escrows that are paid in several payments.

use crate::{
	mock::*,
	types::{MAX_PAYOUTS, PAYOUTS_PER_STEP},
	Error, HoldReason, OpenClaims, Payouts,
};
use frame_support::{assert_noop, assert_ok, storage::with_storage_layer};
use livepeer_primitives::{
	claim::{Payout, PayoutReason},
	traits::Settlement,
	Balance, ClaimId, ETH, ETH_MINIMUM,
};

fn pay_out(id: ClaimId, list: Vec<Payout>) -> sp_runtime::DispatchResult {
	with_storage_layer(|| {
		let claim = OpenClaims::<Test>::get(id).ok_or(Error::<Test>::NoClaim)?;
		decide(id);
		Jobs::pay_out(id, claim, Settlement::Pay, list)
	})
}

/// A list over a claim's fee: something for each of three accounts in turn, and the rest for the
/// transcoder.
fn list(id: ClaimId, count: u32) -> Vec<Payout> {
	let fee = OpenClaims::<Test>::get(id).unwrap().info.fee;
	let mut list: Vec<_> = (1..count)
		.map(|i| Payout {
			account: [TOM, TAT, BEA][i as usize % 3].clone(),
			reason: PayoutReason::Other,
			amount: ETH_MINIMUM,
		})
		.collect();
	let amount = fee - ETH_MINIMUM * Balance::from(count - 1);
	list.push(Payout { account: TIM, reason: PayoutReason::Fee, amount });
	list
}

#[test]
fn long_lists_should_be_paid_in_steps_and_the_claim_kept_until_then() {
	build_and_execute(|| {
		let id = running();
		assert_ok!(claim(&TIM, id, 0, 0, 3));
		assert_ok!(pay_out(0, list(0, 20)));
		// Three steps: one at once, one in each of the next blocks.
		for left in [12, 4] {
			assert_eq!(Payouts::<Test>::get(0).unwrap().len(), left);
			assert!(OpenClaims::<Test>::contains_key(0));
			assert_noop!(settle(0, Settlement::Refund), Error::<Test>::NoClaim);
			assert_eq!(Liabilities::get().len(), 1);
			Jobs::do_try_state().unwrap();
			skip(1);
		}
		assert!(!OpenClaims::<Test>::contains_key(0) && !Payouts::<Test>::contains_key(0));
		assert_eq!(held(&BOB, HoldReason::Escrow), 0);
		assert_eq!(free(&POT), fee_of(4) - 19 * ETH_MINIMUM);
		assert_eq!(free(&TOM) + free(&TAT) + free(&BEA), PURSE + 19 * ETH_MINIMUM);
		assert_eq!(PAYOUTS_PER_STEP, 8);
	});
}

#[test]
fn lists_should_be_of_the_escrow_and_bounded() {
	build_and_execute(|| {
		let id = running();
		assert_ok!(claim(&TIM, id, 0, 0, 3));
		let mut short = list(0, 3);
		short[0].amount -= 1;
		assert_noop!(pay_out(0, short), Error::<Test>::BadPayouts);
		let mut overflowing = list(0, 3);
		overflowing[0].amount = Balance::MAX;
		assert_noop!(pay_out(0, overflowing), Error::<Test>::BadPayouts);
		assert_noop!(pay_out(0, list(0, MAX_PAYOUTS + 1)), Error::<Test>::BadPayouts);
		assert_ok!(pay_out(0, list(0, MAX_PAYOUTS)));
		skip(MAX_PAYOUTS / PAYOUTS_PER_STEP);
	});
}

#[test]
fn payments_that_cannot_be_made_should_be_repeated() {
	build_and_execute(|| {
		let id = running();
		assert_ok!(claim(&TIM, id, 0, 0, 3));
		let owner = || RuntimeOrigin::signed(ETH_OWNER);
		// The rest of the list is for an account that can receive nothing now.
		let mut list = list(0, 10);
		list[8].account = BEA;
		assert_ok!(pay_out(0, list));
		assert_ok!(Assets::block(owner(), ETH, BEA));
		skip(1);
		assert!(OpenClaims::<Test>::contains_key(0), "not paid, not forgotten");
		Jobs::do_try_state().unwrap();
		assert_ok!(Assets::thaw(owner(), ETH, BEA));
		skip(crate::decision::FAILURE_DELAY);
		assert!(!OpenClaims::<Test>::contains_key(0));
	});
}
