//! Slashes: whom they reach and where the money goes.

use crate::{mock::*, Error, Event, OwedStake, Pools};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::traits::{Slash, Slashed, Stake};
use sp_runtime::Perbill;

fn percent(n: u32) -> Perbill {
	Perbill::from_percent(n)
}

#[test]
fn slash_should_take_the_same_share_of_all_that_counts_and_joins() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 2000)], || {
		bond(d2(), 500, t());
		let slashed = slash(t(), 0, percent(10));
		assert_eq!(slashed, Slashed { total: 350, finders_fee: 17, common_pool: 333 });
		assert_eq!((stake(t()), stake(d()), stake(d2())), (900, 1800, 450));
		assert_eq!(LptStaking::active_stake(&t()), 2700);
		assert_eq!(LptStaking::pending_stake(d2()), 450);
		assert_eq!(lpt(finder()), FUNDS + 17);
		assert_eq!(lpt(CommonPool::get()), MINIMUM_LPT + 333);
		assert_eq!(lpt(pot()), MINIMUM_LPT + 3150);
		assert_eq!(
			events().last(),
			Some(&Event::Slashed {
				transcoder: t(),
				offence: 0,
				fraction: percent(10),
				total: 350,
				finders_fee: 17,
				common_pool: 333,
			})
		);
	});
}

#[test]
fn slash_should_spare_who_left_in_an_earlier_round() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000), (d2(), t(), 1000)], || {
		rounds(4);
		unbond(d(), 1000);
		next_round();
		unbond(d2(), 1000);
		next_round();
		let slashed = slash(t(), 5, percent(10));
		assert_eq!(slashed.total, 200);
		assert_eq!(LptStaking::locks(d())[0].value, 1000);
		assert_eq!(LptStaking::locks(d2())[0].value, 900);
		assert_eq!(stake(t()), 900);
	});
}

#[test]
fn slash_should_not_reach_other_transcoders() {
	build_with_bonds(vec![(t(), t(), 1000), (t2(), t2(), 1000), (d(), t2(), 100)], || {
		slash(t(), 0, percent(50));
		assert_eq!((stake(t()), stake(t2()), stake(d())), (500, 1000, 100));
	});
}

#[test]
fn slash_should_split_the_finders_fee_equally_and_give_the_dust_to_the_common_pool() {
	build_with_bonds(vec![(t(), t(), 1000)], || {
		let finders = [account(31), account(32), account(33)];
		let slashed = LptStaking::slash(&t(), 0, percent(20), &finders);
		// 5 % of 200 is 10: three each.
		assert_eq!(slashed, Slashed { total: 200, finders_fee: 9, common_pool: 191 });
		assert!(finders.into_iter().all(|finder| lpt(finder) == FUNDS + 3));
	});
}

#[test]
fn slash_should_give_all_to_the_common_pool_when_nobody_found_it() {
	build_with_bonds(vec![(t(), t(), 1000)], || {
		let slashed = LptStaking::slash(&t(), 0, percent(20), &[]);
		assert_eq!(slashed, Slashed { total: 200, finders_fee: 0, common_pool: 200 });
	});
}

#[test]
fn slash_should_give_the_finders_part_to_the_common_pool_when_it_cannot_be_paid() {
	build_with_bonds(vec![(t(), t(), 1000)], || {
		// Three units are below the smallest balance of an account that does not exist.
		let finders = [account(31), account(132), account(33)];
		let slashed = LptStaking::slash(&t(), 0, percent(20), &finders);
		assert_eq!(slashed, Slashed { total: 200, finders_fee: 6, common_pool: 194 });
	});
}

#[test]
fn slash_should_take_nothing_when_there_is_no_stake() {
	build_and_execute(|| {
		assert_eq!(slash(t(), 0, percent(50)), Slashed::default());
	});
}

#[test]
fn slash_should_reach_locks_when_nothing_is_bonded_any_longer() {
	// Livepeer's protocol#162: unslashable after unbonding.
	build_with_bonds(vec![(t(), t(), 1000)], || {
		unbond(t(), 1000);
		assert!(!Pools::<Test>::contains_key(t()));
		next_round();
		assert_eq!(slash(t(), 0, percent(30)).total, 300);
		rounds(6);
		assert_ok!(LptStaking::withdraw_stake(RuntimeOrigin::signed(t()), 0));
		assert_eq!(lpt(t()), FUNDS - 300);
	});
}

#[test]
fn slashes_should_multiply_when_there_are_several() {
	build_with_bonds(vec![(t(), t(), 10_000)], || {
		unbond(t(), 5_000);
		slash(t(), 0, percent(10));
		slash(t(), 0, percent(10));
		assert_eq!(stake(t()), 4050);
		assert_eq!(LptStaking::locks(t())[0].value, 4050);
		// Stake that joins afterwards is not touched by what was before.
		bond(d(), 1000, t());
		assert_eq!(stake(d()), 1000);
		next_round();
		slash(t(), 0, percent(10));
		assert_eq!((stake(d()), stake(t())), (900, 3645));
	});
}

#[test]
fn lock_should_not_pay_for_slashes_before_it_was_made() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		unbond(d(), 500);
		slash(t(), 0, percent(20));
		unbond(d(), 400);
		let values: Vec<_> = LptStaking::locks(d()).iter().map(|lock| lock.value).collect();
		assert_eq!(values, [400, 400]);
		slash(t(), 0, percent(50));
		let values: Vec<_> = LptStaking::locks(d()).iter().map(|lock| lock.value).collect();
		assert_eq!(values, [200, 200]);
	});
}

#[test]
fn slash_should_reach_the_commission() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		reward(t(), 1000, percent(50));
		next_round();
		reward(t(), 1000, percent(50));
		// 2541 and 1458.
		slash(t(), 0, percent(50));
		assert_eq!((stake(t()), stake(d())), (729 + 541, 729));
	});
}

#[test]
fn slash_should_reach_only_as_many_exit_pools_as_its_bound_allows() {
	build_with_bonds(vec![(t(), t(), 1000)], || {
		unbond(t(), 100);
		rounds(15);
		unbond(t(), 100);
		slash(t(), 0, percent(10));
		assert_eq!(LptStaking::locks(t())[0].value, 90);
		next_round();
		slash(t(), 0, percent(10));
		let values: Vec<_> = LptStaking::locks(t()).iter().map(|lock| lock.value).collect();
		assert_eq!(values, [90, 81]);
	});
}

#[test]
fn full_slash_should_wipe_the_pool_and_leave_nothing_to_come_back() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		fee(t(), 100, Perbill::one());
		unbond(d(), 500);
		let slashed = slash(t(), 0, Perbill::one());
		assert_eq!(slashed.total, 2000);
		assert_eq!(OwedStake::<Test>::get(), 0);
		assert_eq!((stake(t()), stake(d())), (0, 0));
		assert_eq!(LptStaking::locks(d())[0].value, 0);
		check();
		// It takes no stake as long as worthless bonds are left.
		assert_noop!(
			LptStaking::bond(RuntimeOrigin::signed(d2()), 100, t()),
			Error::<Test>::PoolWiped
		);
		assert_noop!(
			LptStaking::bond(RuntimeOrigin::signed(t()), 100, t()),
			Error::<Test>::PoolWiped
		);
		// No reward, all of a fee to the transcoder.
		assert_eq!(reward(t(), 100, Perbill::zero()), 0);
		fee(t(), 100, Perbill::one());
		assert_eq!((fees(t()), fees(d())), (150, 50));
		next_round();
		assert_eq!(LptStaking::active_stake(&t()), 0);
		// A worthless bond does not bind, and keeps what it earned.
		bond(d(), 100, t2());
		assert_eq!(fees(d()), 50);
		assert_ok!(LptStaking::settle(RuntimeOrigin::signed(t())));
		assert!(!Pools::<Test>::contains_key(t()));
		// Then it begins anew.
		bond(t(), 100, t());
		assert_eq!((stake(t()), stake(d())), (100, 100));
		rounds(7);
		assert_ok!(LptStaking::withdraw_stake(RuntimeOrigin::signed(d()), 0));
	});
}

#[test]
fn stake_should_be_gone_for_good_when_slashes_add_up_to_a_full_one() {
	build_with_bonds(vec![(t(), t(), 10u128.pow(24)), (d(), t(), 10u128.pow(24))], || {
		for _ in 0..29 {
			slash(t(), 0, percent(50));
			check();
		}
		assert!(stake(d()) > 0);
		bond(d2(), 1000, t());
		slash(t(), 0, percent(50));
		assert_eq!((stake(t()), stake(d()), stake(d2())), (0, 0, 0));
		assert!(Pools::<Test>::get(t()).unwrap().is_wiped());
		assert_eq!(OwedStake::<Test>::get(), 0);
		slash(t(), 0, percent(50));
		rounds(3);
		check();
		for who in [t(), d(), d2()] {
			assert_ok!(LptStaking::settle(RuntimeOrigin::signed(who)));
		}
		assert!(!Pools::<Test>::contains_key(t()));
		assert_eq!(crate::Checkpoints::<Test>::iter().count(), 0);
	});
}

#[test]
fn stake_should_not_leave_into_a_wiped_exit_pool() {
	build_with_bonds(vec![(t(), t(), 1000)], || {
		unbond(t(), 500);
		slash(t(), 0, Perbill::one());
		// The worthless bond is replaced in the same round.
		bond(t(), 700, t());
		assert_noop!(LptStaking::unbond(RuntimeOrigin::signed(t()), 700), Error::<Test>::PoolWiped);
		next_round();
		unbond(t(), 700);
		let values: Vec<_> = LptStaking::locks(t()).iter().map(|lock| lock.value).collect();
		assert_eq!(values, [0, 700]);
	});
}

/// A transcoder whose whole stake is a commission, which a slash takes.
#[test]
fn slash_should_leave_counts_right_when_it_takes_a_commission() {
	build_with_bonds(vec![(d(), t(), 1000)], || {
		bond(t(), 100, t());
		reward(t(), 100, Perbill::one());
		unbond(t(), 100);
		assert_eq!(Pools::<Test>::get(t()).unwrap().commission.fresh, 100);
		assert_eq!((stake(t()), stake(d())), (100, 1000));
		check();
		next_round();
		slash(t(), 1, Perbill::from_percent(50));
		assert_eq!((stake(t()), stake(d())), (50, 500));
		check();
		slash(t(), 1, Perbill::one());
		check();
		next_round();
		assert_ok!(LptStaking::settle(RuntimeOrigin::signed(t())));
		check();
		assert_ok!(LptStaking::settle(RuntimeOrigin::signed(d())));
		assert!(!Pools::<Test>::contains_key(t()));
	});
}

#[test]
fn slash_weight_should_cover_the_rounds_that_the_slash_reaches() {
	build_with_bonds(vec![], || {
		Round::set(40);
		let weight = <LptStaking as Slash>::slash_weight;
		assert_eq!(weight(40, 3), <() as crate::WeightInfo>::slash(1, 3));
		assert_eq!(weight(38, 0), <() as crate::WeightInfo>::slash(3, 0));
		assert_eq!(weight(0, 0), <() as crate::WeightInfo>::slash(16, 0), "as far as it goes");
	});
}
