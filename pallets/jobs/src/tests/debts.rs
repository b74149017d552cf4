//! What transcoders owe for verification that they caused in vain.

use crate::{mock::*, Debts, Error, Event};
use frame_support::{assert_noop, assert_ok, traits::fungibles::Mutate};
use livepeer_primitives::{
	traits::{Claims, Settlement},
	work::STANDARD_SEGMENT_WORK,
	AccountId, Balance, ETH, ETH_MINIMUM, UNIT,
};
use sp_runtime::Perbill;

/// Moves ETH of BEA.
fn give(who: &AccountId, amount: Balance) {
	let kept = frame_support::traits::tokens::Preservation::Expendable;
	assert_ok!(<Assets as Mutate<_>>::transfer(ETH, &BEA, who, amount, kept));
}

/// Charges a transcoder without a bond that could be slashed for it.
fn charge(who: &AccountId, amount: Balance) {
	Bonded::set(Some(0));
	<Jobs as Claims>::charge(who, OFFENCE, amount);
}

/// The round of the charged offence.
const OFFENCE: u32 = 3;

#[test]
fn charge_should_take_free_eth_for_the_common_pool() {
	build_and_execute(|| {
		give(&TIM, UNIT);
		charge(&TIM, UNIT / 4);
		assert_eq!(
			last_event(),
			Event::VerificationCharged {
				transcoder: TIM,
				amount: UNIT / 4,
				paid: UNIT / 4,
				slashed: 0
			}
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
		// The account stays alive.
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
		// Anyone can pay the rest.
		assert_ok!(Jobs::pay_debt(RuntimeOrigin::signed(BEA), TIM));
		assert_noop!(Jobs::pay_debt(RuntimeOrigin::signed(BEA), TIM), Error::<Test>::NoDebt);
		assert_eq!(free(&POOL), UNIT);
		skip(4);
		assert_eq!(current(id), (TIM, 0));
	});
}

#[test]
fn debt_should_be_paid_out_of_the_transcoders_own_part_of_later_fees_first() {
	build_and_execute(|| {
		let id = running();
		// Its delegators have forty per cent of what was claimed before.
		let fee = fee_of(10);
		for first in [0, 10, 20, 30] {
			assert_ok!(claim(&TIM, id, 0, first, first + 9));
		}
		charge(&TIM, fee / 2);
		assert_ok!(settle(0, Settlement::Pay));
		assert_eq!((Jobs::debt_of(TIM), free(&POOL)), (0, fee / 2));
		let booked = |index: usize| Booked::get()[&TIM][index];
		assert_eq!(booked(0), (fee / 10 * 4, Perbill::one()));
		assert_eq!(booked(1), (fee / 10, Perbill::zero()));
		check();
		// What exceeds its own part is borne by them.
		charge(&TIM, fee / 10 * 7);
		assert_ok!(settle(1, Settlement::Pay));
		assert_eq!((Jobs::debt_of(TIM), free(&POOL)), (0, fee / 10 * 12));
		assert_eq!(booked(2), (fee / 10 * 3, Perbill::one()));
		assert_eq!(booked(3), (0, Perbill::zero()));
		assert_ok!(settle(2, Settlement::Pay));
		assert_eq!(booked(4), (fee, Perbill::from_percent(40)));
		// A refund pays no debt.
		charge(&TIM, fee);
		assert_ok!(settle(3, Settlement::Refund));
		assert_eq!((Jobs::debt_of(TIM), free(&POOL)), (fee, fee / 10 * 12));
	});
}

#[test]
fn attack_debt_should_be_collected_of_one_that_shares_all_its_fees() {
	build_and_execute(|| {
		register(&TIM, 100 * UNIT, PRICE, 10);
		Directory::mutate(|all| all.get_mut(&TIM).unwrap().fee_share = Perbill::one());
		let id = create(&BOB, "cam");
		skip(2);
		accept(id);
		assert_ok!(claim(&TIM, id, 0, 0, 9));
		let fee = fee_of(10);
		charge(&TIM, fee / 2);
		assert_ok!(settle(0, Settlement::Pay));
		assert_eq!((Jobs::debt_of(TIM), free(&POOL)), (0, fee / 2));
		assert_eq!(Booked::get()[&TIM][0], (fee / 2, Perbill::one()));
	});
}

#[test]
fn attack_transcoder_without_eth_should_pay_for_disputes_with_its_stake() {
	build_and_execute(|| {
		let charge = |amount| <Jobs as Claims>::charge(&TIM, OFFENCE, amount);
		let rate = Money::get().lpt_per_eth / UNIT;
		Bonded::set(Some(1_000_000 * UNIT));
		for _ in 0..2 {
			charge(UNIT / 10);
		}
		// As of the round of its claim, and each time.
		let slashes = Slashes::get();
		let share = Perbill::from_rational(rate * UNIT / 10, 1_000_000 * UNIT);
		assert_eq!(slashes, vec![(TIM, OFFENCE, share, vec![]); 2]);
		assert_eq!(Jobs::debt_of(TIM), 0, "nothing is owed that was paid so");
		// Of its ETH first.
		give(&TIM, UNIT / 20 + ETH_MINIMUM);
		charge(UNIT / 10);
		assert_eq!(free(&TIM), ETH_MINIMUM);
		assert_eq!(Slashes::get()[2].2, Perbill::from_rational(rate * UNIT / 20, 1_000_000 * UNIT));
		// At most one in a hundred: the rest is its debt.
		Bonded::set(Some(1_000 * UNIT));
		charge(UNIT);
		assert_eq!(Slashes::get()[3].2, Perbill::from_percent(1));
		assert_eq!(Jobs::debt_of(TIM), UNIT - 10 * UNIT / rate);
	});
}

#[test]
fn attack_transcoder_in_debt_should_claim_nothing_until_it_has_paid() {
	build_and_execute(|| {
		let id = running();
		charge(&TIM, UNIT);
		assert_noop!(claim(&TIM, id, 0, 0, 9), Error::<Test>::InDebt);
		assert_ok!(Jobs::pay_debt(RuntimeOrigin::signed(BEA), TIM));
		assert_ok!(claim(&TIM, id, 0, 0, 9));
	});
}

#[test]
fn charge_should_be_so_much_at_least_that_the_pool_can_begin_with_it() {
	build_and_execute(|| {
		let id = running();
		// The smallest fee goes to the pot, which needs that much to come into existence.
		let least = STANDARD_SEGMENT_WORK / (PRICE / ETH_MINIMUM) as u64;
		assert_ok!(claim_work(&TIM, id, 0, 0, 0, least));
		assert_ok!(claim(&TIM, id, 0, 1, 9));
		charge(&TIM, 1);
		assert_eq!(Jobs::debt_of(TIM), ETH_MINIMUM);
		assert_ok!(settle(0, Settlement::Pay));
		assert_eq!((Jobs::debt_of(TIM), free(&POOL)), (ETH_MINIMUM, 0));
		assert_eq!(free(&POT), ETH_MINIMUM);
		assert_ok!(settle(1, Settlement::Pay));
		assert_eq!((Jobs::debt_of(TIM), free(&POOL)), (0, ETH_MINIMUM));
	});
}
