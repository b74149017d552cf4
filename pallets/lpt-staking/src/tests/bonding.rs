//! Bonding, topping up, and refusals.

use crate::{mock::*, Bonds, Error, Event, Pools};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::traits::Stake;
use sp_runtime::Perbill;

#[test]
fn bond_should_move_lpt_into_the_pot_and_count_from_the_next_round() {
	build_and_execute(|| {
		bond(t(), 1000, t());
		assert_eq!(lpt(pot()), MINIMUM_LPT + 1000);
		assert_eq!(lpt(t()), FUNDS - 1000);
		assert_eq!(stake(t()), 1000);
		assert_eq!(LptStaking::pending_stake(t()), 1000);
		assert_eq!(LptStaking::active_stake(&t()), 0);
		assert_eq!(LptStaking::self_bond(&t()), 1000);
		assert_eq!(LptStaking::delegate_of(&t()), Some(t()));
		assert_eq!(events(), [Event::Bonded { who: t(), transcoder: t(), amount: 1000 }]);
		next_round();
		assert_eq!(LptStaking::active_stake(&t()), 1000);
		assert_eq!(LptStaking::pending_stake(t()), 0);
	});
}

#[test]
fn bond_should_add_up_when_topped_up_in_one_round_and_over_rounds() {
	build_and_execute(|| {
		bond(d(), 100, t());
		bond(d(), 50, t());
		next_round();
		bond(d(), 20, t());
		assert_eq!(LptStaking::active_stake(&t()), 150);
		assert_eq!(LptStaking::pending_stake(d()), 20);
		next_round();
		bond(d(), 30, t());
		assert_eq!(stake(d()), 200);
		assert_eq!(LptStaking::active_stake(&t()), 170);
		assert_eq!(pool_of(t()).unwrap().members, 1);
	});
}

#[test]
fn bond_should_fail_when_below_the_minimum() {
	build_and_execute(|| {
		assert_noop!(
			LptStaking::bond(RuntimeOrigin::signed(t()), 9, t()),
			Error::<Test>::BelowMinimum
		);
		assert_noop!(
			LptStaking::bond(RuntimeOrigin::signed(t()), 0, t()),
			Error::<Test>::BelowMinimum
		);
		bond(t(), 10, t());
		// A top-up is no exception.
		assert_noop!(
			LptStaking::bond(RuntimeOrigin::signed(t()), 9, t()),
			Error::<Test>::BelowMinimum
		);
	});
}

#[test]
fn differs_from_livepeer_bond_should_fail_when_bonded_elsewhere() {
	build_and_execute(|| {
		bond(t(), 100, t());
		bond(d(), 100, t());
		assert_noop!(
			LptStaking::bond(RuntimeOrigin::signed(d()), 100, t2()),
			Error::<Test>::BondedElsewhere
		);
		assert_noop!(
			LptStaking::bond(RuntimeOrigin::signed(d()), 100, d()),
			Error::<Test>::BondedElsewhere
		);
		// A transcoder does not delegate.
		assert_noop!(
			LptStaking::bond(RuntimeOrigin::signed(t()), 100, t2()),
			Error::<Test>::BondedElsewhere
		);
	});
}

#[test]
fn bond_should_go_elsewhere_when_all_of_it_left_before() {
	build_and_execute(|| {
		bond(d(), 100, t());
		unbond(d(), 100);
		bond(d(), 100, t2());
		assert_eq!(LptStaking::delegate_of(&d()), Some(t2()));
		// The unbonded stake stays with its old transcoder.
		assert_eq!(LptStaking::locks(d())[0].transcoder, t());
	});
}

#[test]
fn bond_should_fail_when_the_transcoder_refuses_unless_it_is_ones_own() {
	build_and_execute(|| {
		Refusing::set([t()].into());
		assert_noop!(
			LptStaking::bond(RuntimeOrigin::signed(d()), 100, t()),
			Error::<Test>::StakeNotAccepted
		);
		bond(t(), 100, t());
		assert_eq!(LptStaking::self_bond(&t()), 100);
	});
}

/// Otherwise a delegator could add stake that the coming slash does not reach.
#[test]
fn top_up_should_fail_when_the_transcoder_is_jailed() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		InJail::set([t()].into());
		assert_noop!(
			LptStaking::bond(RuntimeOrigin::signed(d()), 10, t()),
			Error::<Test>::TranscoderJailed
		);
		InJail::take();
		bond(d(), 10, t());
		assert_eq!(stake(d()), 1010);
	});
}

#[test]
fn bond_should_fail_when_the_account_would_be_left_without_balance() {
	build_and_execute(|| {
		assert_noop!(
			LptStaking::bond(RuntimeOrigin::signed(t()), FUNDS, t()),
			Error::<Test>::NotEnoughFree
		);
		assert_noop!(
			LptStaking::bond(RuntimeOrigin::signed(account(99)), 100, t()),
			Error::<Test>::NotEnoughFree
		);
		assert_ok!(LptStaking::bond(RuntimeOrigin::signed(t()), FUNDS - MINIMUM_LPT, t()));
	});
}

#[test]
fn own_bond_should_join_the_pool_when_delegators_came_first() {
	build_and_execute(|| {
		bond(d(), 100, t());
		next_round();
		bond(t(), 300, t());
		assert_eq!(LptStaking::active_stake(&t()), 100);
		next_round();
		reward(t(), 100, Perbill::from_percent(20));
		assert_eq!((stake(d()), stake(t())), (120, 380));
	});
}

#[test]
fn bonds_and_pool_should_leave_no_state_when_all_left_and_withdrew() {
	build_and_execute(|| {
		bond(t(), 100, t());
		bond(d(), 100, t());
		next_round();
		bond(d2(), 100, t());
		next_round();
		for who in [t(), d(), d2()] {
			let all = stake(who.clone());
			unbond(who, all);
		}
		assert_eq!(Bonds::<Test>::iter().count(), 0);
		assert_eq!(Pools::<Test>::iter().count(), 0);
		assert_eq!(crate::Checkpoints::<Test>::iter().count(), 0);
		rounds(7);
		for who in [t(), d(), d2()] {
			assert_ok!(LptStaking::withdraw_stake(RuntimeOrigin::signed(who.clone()), 0));
			assert_eq!(lpt(who), FUNDS);
		}
		assert_eq!(lpt(pot()), MINIMUM_LPT);
		assert_eq!(stored_keys(), 1, "but for the layout's version nothing is stored");
	});
}

#[test]
fn checkpoint_should_last_until_the_last_that_joined_is_settled() {
	build_and_execute(|| {
		let checkpoints = || crate::Checkpoints::<Test>::iter().count();
		bond(t(), 100, t());
		bond(d(), 100, t());
		bond(d2(), 100, t());
		// Within the round of the bonds no checkpoint is needed.
		assert_eq!(checkpoints(), 0);
		next_round();
		fee(t(), 300, Perbill::one());
		assert_eq!(checkpoints(), 1);
		assert_ok!(LptStaking::settle(RuntimeOrigin::signed(d())));
		rounds(50);
		assert_ok!(LptStaking::settle(RuntimeOrigin::signed(d2())));
		assert_eq!(checkpoints(), 1);
		assert_ok!(LptStaking::settle(RuntimeOrigin::signed(t())));
		assert_eq!(checkpoints(), 0);
		assert_eq!((fees(t()), fees(d()), fees(d2())), (100, 100, 100));
	});
}

#[test]
fn calls_should_fail_when_there_is_no_bond() {
	build_and_execute(|| {
		let origin = || RuntimeOrigin::signed(d());
		assert_noop!(LptStaking::unbond(origin(), 10), Error::<Test>::NotBonded);
		assert_noop!(LptStaking::settle(origin()), Error::<Test>::NotBonded);
		assert_noop!(LptStaking::withdraw_stake(origin(), 0), Error::<Test>::UnknownLock);
		assert_noop!(LptStaking::withdraw_fees(origin()), Error::<Test>::NoFees);
	});
}
