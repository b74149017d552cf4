//! Leaving: locks, exit pools, withdrawal.

use crate::{maths::SLASH_ONE, mock::*, Error, Event, ExitPools, Lock, Purpose};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::traits::{Liability, Stake};
use sp_runtime::Perbill;

fn withdraw(who: livepeer_primitives::AccountId, lock: u32) -> sp_runtime::DispatchResult {
	LptStaking::withdraw_stake(RuntimeOrigin::signed(who), lock)
}

#[test]
fn unbond_should_take_stake_that_does_not_count_yet_first() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 100)], || {
		bond(d(), 50, t());
		unbond(d(), 60);
		assert_eq!(LptStaking::active_stake(&t()), 1090);
		assert_eq!(stake(d()), 90);
		assert_eq!(LptStaking::pending_stake(d()), 0);
		assert_eq!(
			events()[1],
			Event::Unbonded { who: d(), transcoder: t(), amount: 60, lock: 0, release: 7 }
		);
	});
}

#[test]
fn unbond_should_fail_when_too_much_nothing_or_too_little_is_left() {
	build_with_bonds(vec![(d(), t(), 100)], || {
		let unbond = |amount| LptStaking::unbond(RuntimeOrigin::signed(d()), amount);
		assert_noop!(unbond(0), Error::<Test>::NothingToDo);
		assert_noop!(unbond(101), Error::<Test>::InsufficientStake);
		assert_noop!(unbond(91), Error::<Test>::RestBelowMinimum);
		assert_ok!(unbond(90));
		assert_ok!(unbond(10));
		assert_eq!(LptStaking::delegate_of(&d()), None);
	});
}

#[test]
fn unbond_should_fail_when_the_account_has_too_many_locks() {
	build_with_bonds(vec![(d(), t(), 1000)], || {
		for id in 0..32 {
			assert_eq!(unbond(d(), 10), id);
		}
		assert_noop!(
			LptStaking::unbond(RuntimeOrigin::signed(d()), 10),
			Error::<Test>::TooManyLocks
		);
		rounds(7);
		assert_ok!(withdraw(d(), 5));
		assert_eq!(unbond(d(), 10), 32);
	});
}

#[test]
fn withdraw_should_pay_exactly_when_the_unbonding_period_is_over() {
	build_with_bonds(vec![(d(), t(), 1000)], || {
		next_round();
		let lock = unbond(d(), 400);
		rounds(6);
		assert_noop!(withdraw(d(), lock), Error::<Test>::StillUnbonding);
		next_round();
		assert_noop!(withdraw(d(), 1), Error::<Test>::UnknownLock);
		let before = lpt(d());
		assert_ok!(withdraw(d(), lock));
		assert_eq!(lpt(d()), before + 400);
		assert_noop!(withdraw(d(), lock), Error::<Test>::UnknownLock);
	});
}

#[test]
fn withdraw_should_fail_and_keep_the_lock_when_it_is_below_the_smallest_balance() {
	build_with_bonds(vec![(d(), t(), 1000)], || {
		let lock = unbond(d(), MINIMUM_LPT - 1);
		assert_ok!(Balances::transfer_all(RuntimeOrigin::signed(d()), t(), false));
		assert_eq!(lpt(d()), 0);
		rounds(7);
		assert_noop!(withdraw(d(), lock), Error::<Test>::TooSmallToPay);
		assert_ok!(Balances::transfer_keep_alive(RuntimeOrigin::signed(t()), d(), MINIMUM_LPT));
		assert_ok!(withdraw(d(), lock));
	});
}

#[test]
fn withdraw_should_keep_its_date_when_parameters_change() {
	// Scenario 30.
	build_with_bonds(vec![(d(), t(), 1000)], || {
		let lock = unbond(d(), 400);
		Parameters::mutate(|parameters| parameters.unbonding_period = 15);
		rounds(7);
		assert_ok!(withdraw(d(), lock));
	});
}

#[test]
fn withdraw_should_wait_for_the_liability_window_when_it_is_longer() {
	build_with_bonds(vec![(d(), t(), 1000)], || {
		Parameters::mutate(|parameters| parameters.liability_window = 9);
		let lock = unbond(d(), 400);
		rounds(8);
		assert_noop!(withdraw(d(), lock), Error::<Test>::StillUnbonding);
		next_round();
		assert_ok!(withdraw(d(), lock));
	});
}

#[test]
fn withdraw_should_wait_when_a_claim_from_before_leaving_is_open() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		rounds(3);
		LptStaking::open(&t(), 3);
		let held = unbond(d(), 400);
		assert!(LptStaking::locks(d())[0].held_back);
		rounds(20);
		assert_noop!(withdraw(d(), held), Error::<Test>::LiabilityOpen);
		LptStaking::close(&t(), 3);
		assert_ok!(withdraw(d(), held));
	});
}

#[test]
fn withdraw_should_not_wait_when_the_claim_is_from_after_leaving_or_of_another() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		rounds(3);
		let free = unbond(d(), 400);
		next_round();
		LptStaking::open(&t(), 4);
		LptStaking::open(&t2(), 1);
		rounds(6);
		assert_ok!(withdraw(d(), free));
		LptStaking::close(&t(), 4);
		LptStaking::close(&t2(), 1);
	});
}

#[test]
fn exit_pool_should_be_one_per_round_and_vanish_with_its_last_lock() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		unbond(d(), 100);
		unbond(t(), 100);
		next_round();
		unbond(d(), 100);
		assert_eq!(
			ExitPools::<Test>::get(first(t()), 0).map(|exit| (exit.total, exit.locks)),
			Some((200, 2))
		);
		assert_eq!(
			ExitPools::<Test>::get(first(t()), 1).map(|exit| (exit.total, exit.locks)),
			Some((100, 1))
		);
		rounds(7);
		assert_ok!(withdraw(d(), 0));
		assert!(ExitPools::<Test>::contains_key(first(t()), 0));
		assert_ok!(withdraw(t(), 0));
		assert!(!ExitPools::<Test>::contains_key(first(t()), 0));
		assert!(ExitPools::<Test>::contains_key(first(t()), 1));
	});
}

#[test]
fn leaver_should_earn_nothing_more_but_keep_what_it_earned() {
	build_with_bonds(vec![(t(), t(), 500), (d(), t(), 500)], || {
		fee(t(), 100, Perbill::one());
		unbond(d(), 500);
		fee(t(), 100, Perbill::one());
		assert_eq!((fees(d()), fees(t())), (50, 150));
		assert_ok!(LptStaking::withdraw_fees(RuntimeOrigin::signed(d())));
		assert_eq!(eth(d()), 50);
	});
}

#[test]
fn transcoder_should_take_its_commission_along_when_it_leaves() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		reward(t(), 1000, Perbill::from_percent(50));
		next_round();
		reward(t(), 1000, Perbill::from_percent(50));
		// A6 in one go: 1458 on its bond and 1083 of commission, of which 500 from this round.
		assert_eq!(stake(t()), 2541);
		unbond(t(), 2541);
		assert_eq!(LptStaking::self_bond(&t()), 0);
		assert_eq!(stake(d()), 1458);
		// Its delegators stay. While the transcoder has no stake of its own, they get the cut.
		next_round();
		reward(t(), 542, Perbill::from_percent(50));
		assert_eq!(stake(d()), 2000);
		assert_eq!(LptStaking::delegate_of(&d()), Some(t()));
	});
}

#[test]
fn transcoder_should_leave_first_with_what_it_earned_this_round() {
	build_with_bonds(vec![(t(), t(), 1000)], || {
		reward(t(), 100, Perbill::one());
		unbond(t(), 60);
		assert_eq!(LptStaking::active_stake(&t()), 1000);
		unbond(t(), 60);
		assert_eq!(LptStaking::active_stake(&t()), 980);
		assert_eq!(stake(t()), 980);
	});
}

#[test]
fn lock_should_name_pool_dates_and_purpose() {
	build_with_bonds(vec![(d(), t(), 1000)], || {
		rounds(2);
		unbond(d(), 400);
		assert_eq!(
			crate::Locks::<Test>::get(d()).locks.to_vec(),
			[Lock {
				id: 0,
				pool: first(t()),
				round: 2,
				amount: 400,
				sf: SLASH_ONE,
				liable_until: 2 + 4,
				unbonded: 2 + 7,
				purpose: Purpose::Unbonding,
			}]
		);
	});
}

#[test]
fn try_state_should_fail_when_stake_was_released_that_is_liable() {
	new_test_ext_with(vec![(t(), t(), 1000)]).execute_with(|| {
		unbond(t(), 100);
		unbond(t(), 100);
		rounds(7);
		LptStaking::open(&t(), 0);
		check();
		LptStaking::close(&t(), 0);
		assert_ok!(withdraw(t(), 0));
		LptStaking::open(&t(), 1);
		check();
		LptStaking::open(&t(), 0);
		assert_eq!(LptStaking::do_try_state(), Err("stake was released that is liable".into()));
	});
}
