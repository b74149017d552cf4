//! Bugs that Livepeer's contracts had or have, one test each.

use crate::{mock::*, Error};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{AccountId, Balance};
use sp_runtime::Perbill;

/// Livepeer's first version counted what others had already claimed, so the last to claim got a
/// different amount.
#[test]
fn regression_livepeer_earnings_by_the_order_of_claims() {
	let people = [t(), d(), d2()];
	let story = |order: [usize; 3]| {
		let mut got: Vec<(Balance, Balance)> = Vec::new();
		let bonds = vec![(t(), t(), 1_000_003), (d(), t(), 77_777), (d2(), t(), 3)];
		build_with_bonds(bonds, || {
			for _ in 0..3 {
				next_round();
				reward(t(), 10_007, Perbill::from_percent(7));
				fee(t(), 5_003, Perbill::from_percent(50));
			}
			slash(t(), 0, Perbill::from_percent(5));
			for index in order {
				assert_ok!(LptStaking::settle(RuntimeOrigin::signed(people[index].clone())));
			}
			got = people.iter().map(|who| (stake(who.clone()), fees(who.clone()))).collect();
		});
		got
	};
	let first = story([0, 1, 2]);
	for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
		assert_eq!(story(order), first, "{order:?}");
	}
}

/// A bond made from a lock started with factors of zero. It therefore had a part of everything that
/// the pool had ever earned: stake and fees for free. The same happened in a pool without factors
/// of the current round.
#[test]
fn regression_livepeer_free_stake_by_factors_that_were_not_begun() {
	build_with_bonds(vec![(t(), t(), 1_000), (t2(), t2(), 1_000), (d(), t(), 500)], || {
		let lock = unbond(d(), 500);
		for _ in 0..6 {
			next_round();
			reward(t2(), 1_000, Perbill::zero());
			fee(t2(), 1_000, Perbill::one());
		}
		// A fee comes before anything else in this round. The newcomer gets none of it.
		next_round();
		fee(t2(), 1_000, Perbill::one());
		assert_ok!(LptStaking::rebond(RuntimeOrigin::signed(d()), lock, t2()));
		assert_eq!((stake(d()), fees(d())), (500, 0));
		fee(t2(), 1_000, Perbill::one());
		reward(t2(), 1_000, Perbill::zero());
		assert_eq!((stake(d()), fees(d())), (500, 0), "it counts from the next round on");
		next_round();
		assert_eq!((stake(d()), fees(d())), (500, 0));
	});
}

/// Livepeer used factors of a round to come: those at the end of the round in which an account
/// bonded. The bond thus had earnings from before it joined.
#[test]
fn regression_livepeer_earnings_from_before_the_bond() {
	build_with_bonds(vec![(t(), t(), 1_000)], || {
		for _ in 0..3 {
			bond(d(), 1_000, t());
			reward(t(), 1_000, Perbill::zero());
			fee(t(), 1_000, Perbill::one());
			assert_eq!((stake(d()) % 1_000, fees(d())), (0, 0));
			let all = stake(d());
			unbond(d(), all);
			next_round();
		}
	});
}

/// Stake that had been unbonded could not be slashed. A slash of an account without a bond failed
/// as a whole.
#[test]
fn regression_livepeer_unbonding_escapes_the_slash() {
	build_with_bonds(vec![(t(), t(), 1_000), (d(), t(), 1_000)], || {
		unbond(t(), 1_000);
		unbond(d(), 1_000);
		let slashed = slash(t(), 0, Perbill::from_percent(10));
		assert_eq!(slashed.total, 200);
		assert_eq!(LptStaking::locks(t())[0].value, 900);
		assert_eq!(LptStaking::locks(d())[0].value, 900);
		// For an account without any stake the slash does not fail, and takes nothing.
		assert_eq!(slash(t2(), 0, Perbill::one()).total, 0);
	});
}

/// A bond to the null account could never be taken back.
#[test]
fn regression_livepeer_bond_to_nobody() {
	let nobody = AccountId::new([0; 32]);
	build_and_execute(|| {
		Refusing::mutate(|refusing| refusing.insert(nobody.clone()));
		let bond = LptStaking::bond(RuntimeOrigin::signed(d()), 1_000, nobody.clone());
		assert_noop!(bond, Error::<Test>::StakeNotAccepted);
	});
	build_with_bonds(vec![(t(), t(), 1_000)], || {
		Refusing::mutate(|refusing| refusing.insert(nobody.clone()));
		let moving = LptStaking::move_bond(RuntimeOrigin::signed(t()), nobody.clone());
		assert_noop!(moving, Error::<Test>::StakeNotAccepted);
		// Nobody can accept an offer to the null account, and its owner can take it back.
		assert_ok!(LptStaking::transfer_bond(RuntimeOrigin::signed(t()), 500, nobody));
		assert_ok!(LptStaking::rebond(RuntimeOrigin::signed(t()), 0, t()));
		assert_eq!(stake(t()), 1_000);
	});
}

/// A unit bonded in another account's name changed its delegate, made it a transcoder, or settled
/// it against its will.
#[test]
fn regression_livepeer_third_party_changes_delegate_or_status() {
	build_with_bonds(vec![(t(), t(), 1_000), (t2(), t2(), 1_000), (d(), t(), 1_000)], || {
		next_round();
		reward(t(), 777, Perbill::zero());
		let before = crate::Bonds::<Test>::get(d());
		// Nothing can be offered to an account that is bonded elsewhere. For any other account it
		// is only an offer.
		let offer = |to: AccountId| LptStaking::transfer_bond(RuntimeOrigin::signed(t2()), 10, to);
		assert_noop!(offer(d()), Error::<Test>::BondedElsewhere);
		assert_ok!(offer(finder()));
		assert!(!crate::Bonds::<Test>::contains_key(finder()));
		assert_ok!(LptStaking::bond(RuntimeOrigin::signed(finder()), 10, t()));
		assert_eq!(crate::Bonds::<Test>::get(d()), before, "nobody touched it");
	});
}

/// A fee to a transcoder without stake that counts divided by zero, which made the ticket fail.
#[test]
fn regression_livepeer_fee_without_stake_divides_by_nothing() {
	build_with_bonds(vec![(t(), t(), 1_000)], || {
		fee(t2(), 1_000, Perbill::one());
		assert_eq!(fees(t2()), 1_000);
		unbond(t(), 1_000);
		fee(t(), 1_000, Perbill::one());
		assert_eq!(fees(t()), 1_000);
	});
}

/// Earnings that a change in mid-round forfeited, and rounding remainders, belonged to nobody for
/// ever.
#[test]
fn regression_livepeer_stranded_earnings() {
	build_with_bonds(vec![(t(), t(), 1_000), (d(), t(), 1_000)], || {
		for _ in 0..10 {
			next_round();
			reward(t(), 333, Perbill::from_percent(10));
			fee(t(), 333, Perbill::from_percent(33));
			bond(d(), 10, t());
			unbond(d(), 11);
		}
		assert!(stake_dust() <= 40 && fee_dust() <= 40, "{} {}", stake_dust(), fee_dust());
		let (all, own) = (stake(d()), stake(t()));
		unbond(d(), all);
		unbond(t(), own);
		next_round();
		rounds(9);
		for who in [t(), d()] {
			for lock in LptStaking::locks(who.clone()) {
				assert_ok!(LptStaking::withdraw_stake(RuntimeOrigin::signed(who.clone()), lock.id));
			}
		}
		// The dust is now the pot's surplus, and the state owes nothing.
		assert_eq!(crate::OwedStake::<Test>::get(), 0);
	});
}
