//! Settlement.

use crate::{mock::*, Error, Event, HoldReason};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{traits::Settlement, ETH};
use sp_runtime::Perbill;

#[test]
fn pay_should_move_the_fee_to_the_pot_and_book_it() {
	build_and_execute(|| {
		let id = running();
		assert_ok!(claim(&TIM, id, 0, 0, 3));
		let before = free(&BOB);
		assert_ok!(settle(0, Settlement::Pay));
		assert_eq!(free(&POT), fee_of(4));
		assert_eq!(free(&BOB), before);
		assert_eq!(held(&BOB, HoldReason::Escrow), 0);
		assert_eq!(Booked::get()[&TIM], [(fee_of(4), Perbill::from_percent(40))]);
		assert!(Liabilities::get().is_empty());
		assert_eq!(
			last_event(),
			Event::ClaimSettled {
				claim: 0,
				settlement: Settlement::Pay,
				transcoder: TIM,
				broadcaster: BOB,
				fee: fee_of(4),
			}
		);
	});
}

#[test]
fn refund_should_free_the_fee_on_the_broadcasters_account() {
	build_and_execute(|| {
		let id = running();
		let (before, unreserved) = (free(&BOB), job(id).unreserved);
		assert_ok!(claim(&TIM, id, 0, 0, 3));
		assert_ok!(settle(0, Settlement::Refund));
		assert_eq!(free(&BOB), before + fee_of(4));
		assert_eq!(job(id).unreserved, unreserved - fee_of(4));
		assert!(Booked::get().is_empty());
		assert!(Liabilities::get().is_empty());
	});
}

#[test]
fn claim_should_be_settled_once() {
	build_and_execute(|| {
		let id = running();
		assert_noop!(settle(0, Settlement::Pay), Error::<Test>::NoClaim);
		assert_ok!(claim(&TIM, id, 0, 0, 3));
		assert_ok!(settle(0, Settlement::Pay));
		assert_noop!(settle(0, Settlement::Pay), Error::<Test>::NoClaim);
		assert_noop!(settle(0, Settlement::Refund), Error::<Test>::NoClaim);
	});
}

#[test]
fn liability_should_be_closed_in_the_round_of_the_claim() {
	build_and_execute(|| {
		let id = running();
		assert_ok!(claim(&TIM, id, 0, 0, 0));
		Round::set(9);
		assert_ok!(claim(&TIM, id, 0, 1, 1));
		assert_eq!(Liabilities::get().len(), 2);
		assert_ok!(settle(0, Settlement::Pay));
		assert_eq!(Liabilities::get().into_keys().collect::<Vec<_>>(), [(TIM, 9)]);
	});
}

#[test]
fn claims_should_be_settled_in_any_order_after_the_job_is_gone() {
	build_and_execute(|| {
		let id = running();
		for seq in 0..3 {
			assert_ok!(claim(&TIM, id, 0, seq, seq));
		}
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		skip(GONE);
		for (claim, settlement) in
			[(2, Settlement::Pay), (0, Settlement::Refund), (1, Settlement::Pay)]
		{
			assert!(crate::Jobs::<Test>::contains_key(id));
			assert_ok!(settle(claim, settlement));
			check();
		}
		skip(GONE);
		assert!(!crate::Jobs::<Test>::contains_key(id));
		assert_eq!(free(&BOB), PURSE - fee_of(2));
	});
}

#[test]
fn settlement_should_leave_no_trace_when_money_cannot_move() {
	build_and_execute(|| {
		let id = running();
		assert_ok!(claim(&TIM, id, 0, 0, 3));
		assert_ok!(Assets::block(RuntimeOrigin::signed(ETH_OWNER), ETH, BOB));
		let before = snapshot();
		assert!(settle(0, Settlement::Refund).is_err());
		assert_eq!(snapshot(), before);
		assert_ok!(Assets::thaw(RuntimeOrigin::signed(ETH_OWNER), ETH, BOB));
		assert_ok!(settle(0, Settlement::Refund));
	});
}

/// The benchmarks of the lottery measure its settlements on claims that are made in this way.
#[cfg(feature = "runtime-benchmarks")]
#[test]
fn settlement_should_set_the_closing_when_its_claim_was_made_for_a_benchmark() {
	use livepeer_primitives::{sum_tree::Commitment, traits::Claims, Hash};
	for settlement in [Settlement::Pay, Settlement::Refund] {
		new_test_ext().execute_with(|| {
			let commitment =
				Commitment { root: Hash::zero(), total_work: 100_000_000, leaf_count: 16 };
			let id = <Jobs as Claims>::make_claim(&TIM, &BOB, commitment);
			let job = <Jobs as Claims>::claim(id).unwrap().job;
			assert_eq!(assignment(job, 0).close_at, None);
			assert_ok!(settle(id, settlement));
			assert!(assignment(job, 0).close_at.is_some());
			// The transcoder has work left that can be taken away.
			assert!(crate::Loads::<Test>::contains_key(&TIM));
		});
	}
}
