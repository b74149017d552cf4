//! Slashes: which stake they reach and where the money goes.

use crate::{mock::*, Error, Event, Generations, OwedStake, Pools};
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
		// 5 % of 200 is 10: three for each finder.
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
		// Three units are less than the existential deposit of an account that does not exist yet.
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
		assert!(pool_of(t()).is_none());
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
		// Earlier offences do not touch stake that joins afterwards.
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
fn full_slash_should_wipe_the_pool_and_begin_a_new_generation() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		fee(t(), 100, Perbill::one());
		unbond(d(), 500);
		let slashed = slash(t(), 0, Perbill::one());
		assert_eq!(slashed.total, 2000);
		assert!(events().contains(&Event::PoolWiped { transcoder: t(), generation: 1, from: 1 }));
		assert_eq!(OwedStake::<Test>::get(), 0);
		assert_eq!((stake(t()), stake(d())), (0, 0));
		assert_eq!(LptStaking::locks(d())[0].value, 0);
		check();
		// The pool takes no stake in this round.
		for who in [t(), d2()] {
			assert_noop!(
				LptStaking::bond(RuntimeOrigin::signed(who), 100, t()),
				Error::<Test>::PoolWiped
			);
		}
		// No reward; the whole fee goes to the transcoder.
		assert_eq!(reward(t(), 100, Perbill::zero()), 0);
		fee(t(), 100, Perbill::one());
		assert_eq!((fees(t()), fees(d())), (150, 50));
		next_round();
		assert_eq!(LptStaking::active_stake(&t()), 0);
		// In the next round it takes stake, although worthless bonds remain, even the transcoder's own.
		bond(d2(), 100, t());
		bond(t(), 100, t());
		assert_eq!((stake(t()), stake(d()), stake(d2())), (100, 0, 100));
		assert_eq!(LptStaking::transcoder_stake(t()).generation, 1);
		assert_eq!(LptStaking::self_bond(&t()), 100);
		// A worthless bond does not bind its owner, who keeps what it earned.
		bond(d(), 100, t2());
		assert_eq!(fees(d()), 50);
		assert!(!Pools::<Test>::contains_key(first(t())));
		next_round();
		fee(t(), 100, Perbill::one());
		assert_eq!((fees(t()), fees(d()), fees(d2())), (200, 50, 50));
		assert_eq!(slash(t(), 0, percent(10)).total, 20);
		rounds(5);
		assert_ok!(LptStaking::withdraw_stake(RuntimeOrigin::signed(d()), 0));
	});
}

#[test]
fn stake_should_be_gone_for_good_when_slashes_add_up_to_a_full_one() {
	build_with_bonds(vec![(t(), t(), 10u128.pow(24)), (d(), t(), 10u128.pow(24))], || {
		for n in 0..29 {
			// The last moment at which stake may join.
			if n == 19 {
				bond(d2(), 1_000_000, t());
			}
			slash(t(), 0, percent(50));
			check();
		}
		assert!(stake(d()) > 0);
		// Slashes took their share, and left a thousandth.
		assert_eq!(stake(d2()), 976);
		slash(t(), 0, percent(50));
		assert_eq!((stake(t()), stake(d()), stake(d2())), (0, 0, 0));
		assert!(Pools::<Test>::get(first(t())).unwrap().is_wiped());
		assert_eq!(OwedStake::<Test>::get(), 0);
		slash(t(), 0, percent(50));
		rounds(3);
		check();
		for who in [t(), d(), d2()] {
			assert_ok!(LptStaking::settle(RuntimeOrigin::signed(who)));
		}
		assert_eq!(Pools::<Test>::iter().count(), 0);
		assert_eq!(crate::Checkpoints::<Test>::iter().count(), 0);
		assert_eq!(Generations::<Test>::iter().count(), 0);
	});
}

/// Any slash that passes the smallest factor takes everything, also from who has just come.
#[test]
fn stake_should_not_join_a_pool_when_a_further_slash_could_take_all_of_it() {
	build_with_bonds(vec![(t(), t(), 10u128.pow(24)), (d(), t(), 10u128.pow(24))], || {
		let signed = RuntimeOrigin::signed;
		let lock = unbond(d(), 1_000_000);
		assert_ok!(LptStaking::transfer_bond(signed(t()), 1_000_000, account(13)));
		next_round();
		for _ in 0..19 {
			slash(t(), 1, percent(50));
		}
		// A little less than two millionths are left.
		bond(d2(), 1_000, t());
		slash(t(), 1, percent(50));
		for who in [t(), d(), d2(), account(14)] {
			assert_noop!(LptStaking::bond(signed(who), 1_000, t()), Error::<Test>::PoolNearlyWiped);
		}
		assert_noop!(LptStaking::rebond(signed(d()), lock, t()), Error::<Test>::PoolNearlyWiped);
		assert_noop!(
			LptStaking::accept_bond(signed(account(13)), t(), 0, t(), 0),
			Error::<Test>::PoolNearlyWiped
		);
		assert_noop!(
			LptStaking::transfer_bond(signed(d()), 1_000, account(14)),
			Error::<Test>::PoolNearlyWiped
		);
		// What is there can leave, and what has left can go elsewhere.
		for who in [t(), d(), d2()] {
			unbond(who.clone(), stake(who));
		}
		assert_eq!(LptStaking::locks(d2())[0].value, 500);
		// With the last bond the pool was gone: a new one takes stake, and loses only its share.
		bond(t(), 1_000, t());
		bond(d2(), 1_000, t());
		slash(t(), 1, percent(50));
		assert_eq!((stake(t()), stake(d2())), (500, 500));
		rounds(4);
		assert_ok!(LptStaking::rebond(signed(d()), lock, t2()));
		assert_eq!(stake(d()), 1_000_000);
	});
}

/// Locks of a wiped pool that left before the offence keep their value. A later slash for an
/// earlier offence finds them through the generation of their round.
#[test]
fn slash_should_reach_the_exit_pools_of_earlier_generations() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		unbond(d(), 400);
		next_round();
		unbond(d(), 300);
		slash(t(), 1, Perbill::one());
		next_round();
		bond(d2(), 1000, t());
		unbond(d2(), 600);
		next_round();
		let values = |who| LptStaking::locks(who).iter().map(|lock| lock.value).collect::<Vec<_>>();
		assert_eq!((values(d()), values(d2())), (vec![400, 0], vec![600]));
		assert_eq!(slash(t(), 0, percent(50)).total, 200 + 300 + 200);
		assert_eq!((values(d()), values(d2()), stake(d2())), (vec![200, 0], vec![300], 200));
		assert_eq!(slash(t(), 2, percent(50)).total, 150 + 100);
		// Locks of the second generation keep its number until they are withdrawn.
		unbond(d2(), 100);
		for who in [t(), d()] {
			assert_ok!(LptStaking::settle(RuntimeOrigin::signed(who)));
		}
		assert_eq!(
			Generations::<Test>::get(t()).map(|known| (known.current, known.refs)),
			Some((1, 2))
		);
		rounds(7);
		for (who, lock) in [(d2(), 0), (d2(), 1)] {
			assert_ok!(LptStaking::withdraw_stake(RuntimeOrigin::signed(who), lock));
		}
		assert_eq!(Generations::<Test>::iter().count(), 0);
		// The first generation's locks remain and are found.
		assert_eq!(slash(t(), 0, percent(50)).total, 100);
	});
}

#[test]
fn slash_should_find_every_exit_pool_when_each_round_wipes_a_generation() {
	// A worthless bond that nobody settles keeps the generation numbers going.
	build_with_bonds(vec![(d(), t(), 100)], || {
		for round in 0..20 {
			bond(t(), 1000, t());
			unbond(t(), 500);
			let bonded = if round == 0 { 600 } else { 500 };
			// Stake that left before is spared.
			assert_eq!(slash(t(), round + 1, Perbill::one()).total, bonded);
			check();
			next_round();
		}
		let generations = Generations::<Test>::get(t()).unwrap();
		assert_eq!((generations.current, generations.since.len()), (20, 16));
		// Of the last 16 rounds, 15 are over.
		assert_eq!(slash(t(), 0, percent(10)).total, 15 * 50);
		rounds(7);
		for lock in 0..20 {
			assert_ok!(LptStaking::withdraw_stake(RuntimeOrigin::signed(t()), lock));
		}
		for who in [t(), d()] {
			assert_ok!(LptStaking::settle(RuntimeOrigin::signed(who)));
		}
		assert_eq!(stored_keys(), 1, "but for the layout's version nothing is stored");
	});
}

#[test]
fn stake_should_not_leave_into_a_wiped_exit_pool() {
	build_with_bonds(vec![(t(), t(), 1000)], || {
		unbond(t(), 500);
		slash(t(), 0, Perbill::one());
		// With the worthless bond gone, nothing names a generation any more: numbering restarts.
		bond_after_settling(t(), 700);
		assert_eq!(Generations::<Test>::iter().count(), 0);
		assert_noop!(
			LptStaking::unbond(RuntimeOrigin::signed(t()), 700),
			Error::<Test>::ExitPoolWiped
		);
		next_round();
		unbond(t(), 700);
		let values: Vec<_> = LptStaking::locks(t()).iter().map(|lock| lock.value).collect();
		assert_eq!(values, [0, 700]);
	});
}

fn bond_after_settling(who: livepeer_primitives::AccountId, amount: u128) {
	assert_ok!(LptStaking::settle(RuntimeOrigin::signed(who.clone())));
	bond(who.clone(), amount, who);
}

/// A transcoder whose only stake is its commission, which a slash takes.
#[test]
fn slash_should_leave_counts_right_when_it_takes_a_commission() {
	build_with_bonds(vec![(d(), t(), 1000)], || {
		bond(t(), 100, t());
		reward(t(), 100, Perbill::one());
		unbond(t(), 100);
		assert_eq!(pool_of(t()).unwrap().commission.fresh, 100);
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
		assert_eq!(Pools::<Test>::iter().count(), 0);
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
