//! Fees and rewards.

use crate::{mock::*, Error, Event, OwedFees, OwedStake};
use frame_support::{assert_noop, assert_ok, traits::fungibles::Mutate};
use livepeer_primitives::{traits::FeeSink, ETH};
use sp_runtime::Perbill;

#[test]
fn differs_from_livepeer_fee_should_be_the_transcoders_when_no_stake_counts() {
	build_and_execute(|| {
		fee(t(), 100, Perbill::one());
		bond(t(), 1000, t());
		fee(t(), 100, Perbill::one());
		assert_eq!(fees(t()), 200);
	});
}

#[test]
fn fee_should_pass_by_who_joined_in_the_round() {
	build_with_bonds(vec![(t(), t(), 1000)], || {
		bond(d(), 1000, t());
		fee(t(), 100, Perbill::one());
		assert_eq!((fees(t()), fees(d())), (100, 0));
		next_round();
		fee(t(), 100, Perbill::one());
		assert_eq!((fees(t()), fees(d())), (150, 50));
	});
}

#[test]
fn fees_should_be_withdrawn_in_eth_when_earned() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 3000)], || {
		fee(t(), 1000, Perbill::from_percent(40));
		assert_eq!(
			events(),
			[Event::FeeBooked { transcoder: t(), to_transcoder: 600, to_delegators: 400 }]
		);
		assert_ok!(LptStaking::withdraw_fees(RuntimeOrigin::signed(d())));
		assert_ok!(LptStaking::withdraw_fees(RuntimeOrigin::signed(t())));
		assert_eq!((eth(d()), eth(t())), (300, 700));
		assert_eq!(eth(pot()), MINIMUM_ETH);
		assert_eq!(OwedFees::<Test>::get(), 0);
		assert_noop!(LptStaking::withdraw_fees(RuntimeOrigin::signed(d())), Error::<Test>::NoFees);
		// The bond is unchanged.
		assert_eq!(stake(d()), 3000);
	});
}

#[test]
fn withdraw_fees_should_fail_and_keep_them_when_below_the_smallest_balance() {
	build_with_bonds(vec![(t(), t(), 1000)], || {
		fee(t(), MINIMUM_ETH - 1, Perbill::one());
		assert_noop!(
			LptStaking::withdraw_fees(RuntimeOrigin::signed(t())),
			Error::<Test>::TooSmallToPay
		);
		fee(t(), 1, Perbill::one());
		assert_ok!(LptStaking::withdraw_fees(RuntimeOrigin::signed(t())));
		assert_eq!(eth(t()), MINIMUM_ETH);
	});
}

#[test]
fn fee_should_not_be_booked_beyond_what_the_pot_holds() {
	build_with_bonds(vec![(t(), t(), 1000)], || {
		assert_ok!(Assets::mint_into(ETH, &pot(), 70));
		LptStaking::deposit_fee(&t(), 100, Perbill::zero());
		assert_eq!(fees(t()), 70);
		LptStaking::deposit_fee(&t(), 100, Perbill::zero());
		assert_eq!(fees(t()), 70);
	});
}

#[test]
fn reward_should_not_be_booked_when_it_is_not_in_the_pot_or_no_stake_counts() {
	build_and_execute(|| {
		assert_eq!(reward(t(), 100, Perbill::zero()), 0);
		bond(t(), 1000, t());
		assert_eq!(LptStaking::reward(&t(), 0, 100, Perbill::zero()), 0);
		next_round();
		// The surplus of 100 from above is still there.
		assert_eq!(LptStaking::reward(&t(), 1, 150, Perbill::zero()), 100);
		assert_eq!(stake(t()), 1100);
	});
}

#[test]
fn reward_should_go_to_the_finished_rounds_stake_when_booked_first_in_the_new_one() {
	build_with_bonds(vec![(t(), t(), 1000)], || {
		bond(d(), 1000, t());
		next_round();
		// As an inflation pallet does at a new round.
		use frame_support::traits::fungible::Mutate;
		assert_ok!(Balances::mint_into(&pot(), 500));
		assert_eq!(LptStaking::reward(&t(), 0, 500, Perbill::zero()), 500);
		assert_eq!((stake(t()), stake(d())), (1500, 1000));
		use livepeer_primitives::traits::Stake;
		assert_eq!(LptStaking::active_stake(&t()), 2500);
	});
}

#[test]
fn rewards_should_not_compound_within_a_round_when_booked_in_parts() {
	let story = |parts: u128| {
		let mut result = (0, 0);
		build_with_bonds(vec![(t(), t(), 10u128.pow(9)), (d(), t(), 3 * 10u128.pow(9))], || {
			next_round();
			for _ in 0..parts {
				reward(t(), 10u128.pow(9) / parts, Perbill::from_percent(10));
			}
			result = (stake(t()), stake(d()));
		});
		result
	};
	let (one, ten) = (story(1), story(10));
	assert!(one.0.abs_diff(ten.0) <= 10 && one.1.abs_diff(ten.1) <= 10, "{one:?} {ten:?}");
}

#[test]
fn commission_should_count_from_the_next_round() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		reward(t(), 1000, Perbill::one());
		// Settling does not make stake count earlier.
		assert_ok!(LptStaking::settle(RuntimeOrigin::signed(t())));
		fee(t(), 100, Perbill::one());
		assert_eq!((fees(t()), fees(d())), (50, 50));
		next_round();
		assert_ok!(LptStaking::settle(RuntimeOrigin::signed(t())));
		fee(t(), 300, Perbill::one());
		assert_eq!((fees(t()), fees(d())), (250, 150));
	});
}

#[test]
fn fees_should_stay_exact_when_slashes_come_between() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 3000)], || {
		fee(t(), 400, Perbill::one());
		slash(t(), 0, Perbill::from_percent(50));
		fee(t(), 400, Perbill::one());
		next_round();
		bond(d2(), 2000, t());
		next_round();
		// The stakes that count: 500, 1500, 2000.
		fee(t(), 400, Perbill::one());
		slash(t(), 0, Perbill::from_percent(50));
		fee(t(), 400, Perbill::one());
		assert_eq!((fees(t()), fees(d()), fees(d2())), (300, 900, 400));
		assert_eq!(fee_dust(), 0);
		assert_eq!((stake(t()), stake(d()), stake(d2())), (250, 750, 1000));
		assert_eq!(OwedStake::<Test>::get(), 2000);
	});
}

#[test]
fn earnings_should_be_told_when_a_bond_is_settled() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		fee(t(), 100, Perbill::one());
		assert_ok!(LptStaking::settle(RuntimeOrigin::signed(d())));
		assert_eq!(
			events()[1..],
			[
				Event::FeesEarned { who: d(), transcoder: t(), amount: 50 },
				Event::Settled { who: d(), transcoder: t(), stake: 1000 }
			]
		);
	});
}

/// Rounding remainders in a pool are not stake: without stake that counts, they earn nothing.
#[test]
fn fee_should_be_the_transcoders_when_only_dust_is_left_of_what_counts() {
	build_with_bonds(vec![(t(), t(), 1_000_000)], || {
		next_round();
		bond(d(), 1_000_000, t());
		reward(t(), 1, Perbill::zero());
		let all = stake(t());
		unbond(t(), all);
		fee(t(), 1_000, Perbill::one());
		assert_eq!((fees(t()), fees(d())), (1_000, 0));
		assert_eq!(reward(t(), 10, Perbill::zero()), 0);
		next_round();
		fee(t(), 1_000, Perbill::one());
		assert_eq!(fees(d()), 1_000);
	});
}

/// Bonds that a slash rounds down to zero no longer count, although the pool keeps the remainder.
#[test]
fn fee_should_be_the_transcoders_when_a_slash_leaves_no_bond_that_counts() {
	build_with_bonds(vec![(t(), t(), 1), (d(), t(), 1)], || {
		next_round();
		bond(d2(), 1_000_000, t());
		slash(t(), 1, Perbill::from_percent(50));
		for who in [d(), t()] {
			assert_ok!(LptStaking::settle(RuntimeOrigin::signed(who)));
		}
		fee(t(), 1_000, Perbill::one());
		assert_eq!((fees(t()), fees(d()), fees(d2())), (1_000, 0, 0));
	});
}
