//! What transcoders owe for verification that they caused in vain.

use crate::{mock::*, Debts, Error, Event};
use frame_support::{assert_noop, assert_ok, traits::fungibles::Mutate};
use livepeer_primitives::{
	traits::{Claims, Settlement},
	work::STANDARD_SEGMENT_WORK,
	AccountId, Balance, ETH, ETH_MINIMUM, UNIT,
};
use sp_runtime::Perbill;

/// Moves ETH of BEA's.
fn give(who: &AccountId, amount: Balance) {
	let kept = frame_support::traits::tokens::Preservation::Expendable;
	assert_ok!(<Assets as Mutate<_>>::transfer(ETH, &BEA, who, amount, kept));
}

fn charge(who: &AccountId, amount: Balance) {
	<Jobs as Claims>::charge(who, amount);
}

#[test]
fn charge_should_take_free_eth_for_the_common_pool() {
	build_and_execute(|| {
		give(&TIM, UNIT);
		charge(&TIM, UNIT / 4);
		assert_eq!(
			last_event(),
			Event::VerificationCharged { transcoder: TIM, amount: UNIT / 4, paid: UNIT / 4 }
		);
		assert_eq!((free(&TIM), free(&POOL)), (UNIT / 4 * 3, UNIT / 4));
		assert!(!Debts::<Test>::contains_key(TIM));
	});
}

#[test]
fn charge_should_leave_as_a_debt_what_is_not_there() {
	build_and_execute(|| {
		give(&TIM, UNIT);
		charge(&TIM, 2 * UNIT);
		// The account lives on.
		assert_eq!(free(&TIM), ETH_MINIMUM);
		assert_eq!(Jobs::debt_of(TIM), UNIT + ETH_MINIMUM);
		charge(&TIM, UNIT);
		charge(&TOM, UNIT);
		assert_eq!(Jobs::debt_of(TIM), 2 * UNIT + ETH_MINIMUM);
		assert_eq!((Jobs::debt_of(TOM), Jobs::debt_of(TAT)), (UNIT, 0));
	});
}

#[test]
fn attack_transcoder_in_debt_should_get_no_job_until_it_has_paid() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 10);
		charge(&TIM, UNIT);
		let id = create(&BOB, "cam");
		skip(2);
		assert_eq!(job(id).phase.current(), None);
		assert_noop!(
			Jobs::pay_debt(RuntimeOrigin::signed(TIM), TIM),
			Error::<Test>::InsufficientEth
		);
		give(&TIM, UNIT / 2);
		assert_ok!(Jobs::pay_debt(RuntimeOrigin::signed(TIM), TIM));
		let left = UNIT / 2 + ETH_MINIMUM;
		let paid = UNIT / 2 - ETH_MINIMUM;
		assert_eq!(last_event(), Event::DebtPaid { transcoder: TIM, paid, left });
		// Anyone may pay the rest.
		assert_ok!(Jobs::pay_debt(RuntimeOrigin::signed(BEA), TIM));
		assert_noop!(Jobs::pay_debt(RuntimeOrigin::signed(BEA), TIM), Error::<Test>::NoDebt);
		assert_eq!(free(&POOL), UNIT);
		skip(4);
		assert_eq!(current(id), (TIM, 0));
	});
}

#[test]
fn debt_should_be_paid_out_of_the_transcoders_own_part_of_later_fees() {
	build_and_execute(|| {
		let id = running();
		// Its delegators have forty per cent, whatever it owes.
		let fee = fee_of(10);
		charge(&TIM, fee);
		assert_ok!(claim(&TIM, id, 0, 0, 9));
		assert_ok!(settle(0, Settlement::Pay));
		let own = fee / 10 * 6;
		assert_eq!(Jobs::debt_of(TIM), fee - own);
		assert_eq!(free(&POOL), own);
		let booked = |index: usize| Booked::get()[&TIM][index];
		assert_eq!(booked(0), (fee - own, Perbill::one()));
		assert_eq!(booked(1), (0, Perbill::zero()));
		check();
		// The rest of it, and then nothing more.
		assert_ok!(claim(&TIM, id, 0, 10, 19));
		assert_ok!(settle(1, Settlement::Pay));
		assert_eq!((Jobs::debt_of(TIM), free(&POOL)), (0, fee));
		assert_eq!(booked(3), (own - (fee - own), Perbill::zero()));
		assert_ok!(claim(&TIM, id, 0, 20, 29));
		assert_ok!(settle(2, Settlement::Pay));
		assert_eq!(booked(4), (fee, Perbill::from_percent(40)));
		// A refund pays no debt.
		charge(&TIM, fee);
		assert_ok!(claim(&TIM, id, 0, 30, 39));
		assert_ok!(settle(3, Settlement::Refund));
		assert_eq!((Jobs::debt_of(TIM), free(&POOL)), (fee, fee));
	});
}

#[test]
fn charge_should_be_so_much_at_least_that_the_pool_can_begin_with_it() {
	build_and_execute(|| {
		let id = running();
		charge(&TIM, 1);
		assert_eq!(Jobs::debt_of(TIM), ETH_MINIMUM);
		// The smallest fee goes to the pot, which begins with no less either.
		let least = STANDARD_SEGMENT_WORK / (PRICE / ETH_MINIMUM) as u64;
		assert_ok!(claim_work(&TIM, id, 0, 0, 0, least));
		assert_ok!(settle(0, Settlement::Pay));
		assert_eq!((Jobs::debt_of(TIM), free(&POOL)), (ETH_MINIMUM, 0));
		assert_eq!(free(&POT), ETH_MINIMUM);
		assert_ok!(claim(&TIM, id, 0, 1, 9));
		assert_ok!(settle(1, Settlement::Pay));
		assert_eq!((Jobs::debt_of(TIM), free(&POOL)), (0, ETH_MINIMUM));
	});
}
