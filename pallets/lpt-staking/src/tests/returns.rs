//! Locks that become bonds again: rebond, move and transfer.

use crate::{mock::*, Bonds, Error, Event, ExitPools, Purpose};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{
	traits::{Liability, Stake},
	AccountId, Balance,
};
use sp_runtime::{DispatchResult, Perbill};

fn rebond(who: AccountId, lock: u32, to: AccountId) -> DispatchResult {
	LptStaking::rebond(RuntimeOrigin::signed(who), lock, to)
}

fn move_bond(who: AccountId, to: AccountId) -> DispatchResult {
	LptStaking::move_bond(RuntimeOrigin::signed(who), to)
}

fn transfer(who: AccountId, amount: Balance, to: AccountId) -> DispatchResult {
	LptStaking::transfer_bond(RuntimeOrigin::signed(who), amount, to)
}

fn accept(who: AccountId, from: AccountId, lock: u32) -> DispatchResult {
	LptStaking::accept_bond(RuntimeOrigin::signed(who), from, lock, t(), 1)
}

#[test]
fn rebond_should_return_the_stake_at_once_when_it_goes_back() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		next_round();
		let lock = unbond(d(), 400);
		assert_ok!(rebond(d(), lock, t()));
		assert_eq!(
			events().last(),
			Some(&Event::Rebonded { who: d(), transcoder: t(), lock, amount: 400 })
		);
		assert_eq!((stake(d()), LptStaking::pending_stake(d())), (1000, 400));
		assert_eq!(LptStaking::active_stake(&t()), 1600);
		assert!(LptStaking::locks(d()).is_empty());
		assert!(!ExitPools::<Test>::contains_key(first(t()), 1));
		next_round();
		assert_eq!(LptStaking::active_stake(&t()), 2000);
		// The money stayed in the pot.
		assert_eq!(lpt(d()), FUNDS - 1000);
	});
}

#[test]
fn rebond_should_begin_a_bond_when_all_of_it_had_left() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		let lock = unbond(d(), 1000);
		rounds(30);
		assert_ok!(rebond(d(), lock, t()));
		assert_eq!((stake(d()), LptStaking::delegate_of(&d())), (1000, Some(t())));
	});
}

#[test]
fn rebond_should_go_elsewhere_when_the_stake_is_liable_no_longer() {
	build_with_bonds(vec![(t(), t(), 1000), (t2(), t2(), 1000), (d(), t(), 1000)], || {
		next_round();
		let lock = unbond(d(), 1000);
		rounds(3);
		assert_noop!(rebond(d(), lock, t2()), Error::<Test>::StillLiable);
		next_round();
		LptStaking::open(&t(), 1);
		assert_noop!(rebond(d(), lock, t2()), Error::<Test>::LiabilityOpen);
		LptStaking::close(&t(), 1);
		// Not withdrawable yet.
		assert!(LptStaking::locks(d())[0].release > Round::get());
		assert_ok!(rebond(d(), lock, t2()));
		assert_eq!((stake(d()), LptStaking::delegate_of(&d())), (1000, Some(t2())));
		assert_eq!(LptStaking::transcoder_stake(t2()).total, 2000);
	});
}

#[test]
fn rebond_should_fail_for_each_reason_and_change_nothing() {
	build_with_bonds(vec![(t(), t(), 1000), (t2(), t2(), 1000), (d(), t(), 1000)], || {
		let lock = unbond(d(), 1000);
		assert_noop!(rebond(d(), 7, t()), Error::<Test>::UnknownLock);
		assert_noop!(rebond(d2(), lock, t()), Error::<Test>::UnknownLock);
		Refusing::set([t()].into());
		assert_noop!(rebond(d(), lock, t()), Error::<Test>::StakeNotAccepted);
		Refusing::take();
		InJail::set([t()].into());
		assert_noop!(rebond(d(), lock, t()), Error::<Test>::TranscoderJailed);
		InJail::take();
		bond(d(), 10, t2());
		assert_noop!(rebond(d(), lock, t()), Error::<Test>::BondedElsewhere);
		unbond(d(), 10);
		// After the slash the lock is worth less than the smallest bond.
		slash(t(), 0, Perbill::from_parts(995_000_000));
		assert_noop!(rebond(d(), lock, t()), Error::<Test>::BelowMinimum);
		slash(t(), 0, Perbill::one());
		assert_noop!(rebond(d(), lock, t()), Error::<Test>::WorthlessLock);
	});
}

#[test]
fn rebond_should_leave_no_trace_of_a_release_when_a_claim_is_open() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		LptStaking::open(&t(), 0);
		let lock = unbond(d(), 500);
		unbond(d(), 500);
		// The stake returns to the pool that it is liable with: nothing was released.
		assert_ok!(rebond(d(), lock, t()));
		check();
		LptStaking::close(&t(), 0);
	});
}

#[test]
fn differs_from_livepeer_move_should_take_the_whole_bond_by_a_call_of_its_own() {
	build_with_bonds(vec![(t(), t(), 1000), (t2(), t2(), 1000), (d(), t(), 1000)], || {
		next_round();
		assert_ok!(move_bond(d(), t2()));
		assert_eq!(
			events().last(),
			Some(&Event::BondMoving { who: d(), to: t2(), lock: 0, liable_until: 5 })
		);
		assert_eq!(LptStaking::locks(d())[0].purpose, Purpose::Redelegation(t2()));
		assert_eq!(LptStaking::delegate_of(&d()), None);
		rounds(4);
		assert_ok!(rebond(d(), 0, t2()));
		next_round();
		assert_eq!(LptStaking::active_stake(&t2()), 2000);
	});
}

#[test]
fn move_should_fail_for_each_reason() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		assert_noop!(move_bond(d2(), t()), Error::<Test>::NotBonded);
		assert_noop!(move_bond(d(), t()), Error::<Test>::AlreadyThere);
		Refusing::set([t2()].into());
		assert_noop!(move_bond(d(), t2()), Error::<Test>::StakeNotAccepted);
		InJail::set([finder()].into());
		assert_noop!(move_bond(d(), finder()), Error::<Test>::TranscoderJailed);
		// A transfer to oneself needs no acceptance.
		Refusing::set([d()].into());
		assert_ok!(move_bond(d(), d()));
		// A lock whose whole value was slashed cannot become a bond.
		bond(d2(), 10, t());
		slash(t(), 0, Perbill::one());
		assert_noop!(move_bond(d2(), t2()), Error::<Test>::NotBonded);
	});
}

#[test]
fn transfer_should_change_the_owner_and_never_the_transcoder() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		next_round();
		fee(t(), 100, Perbill::one());
		assert_ok!(transfer(d(), 400, d2()));
		assert_eq!(events().last(), Some(&Event::BondOffered { who: d(), to: d2(), lock: 0 }));
		assert_ok!(accept(d2(), d(), 0));
		assert_eq!(
			events().last(),
			Some(&Event::BondTransferred {
				from: d(),
				to: d2(),
				lock: 0,
				transcoder: t(),
				amount: 400
			})
		);
		assert_eq!((stake(d()), stake(d2())), (600, 400));
		assert_eq!(LptStaking::delegate_of(&d2()), Some(t()));
		// Earnings stay with the account that earned them.
		assert_eq!((fees(d()), fees(d2())), (50, 0));
		next_round();
		assert_eq!(LptStaking::active_stake(&t()), 2000);
	});
}

#[test]
fn transfer_should_be_taken_back_or_withdrawn_when_nobody_accepts() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		assert_ok!(transfer(d(), 400, d2()));
		assert_ok!(rebond(d(), 0, t()));
		assert_noop!(accept(d2(), d(), 0), Error::<Test>::UnknownLock);
		assert_ok!(transfer(d(), 400, d2()));
		rounds(7);
		assert_ok!(LptStaking::withdraw_stake(RuntimeOrigin::signed(d()), 0));
		assert_eq!(lpt(d()), FUNDS - 600);
	});
}

#[test]
fn transfer_should_fail_for_each_reason() {
	build_with_bonds(vec![(t(), t(), 1000), (t2(), t2(), 1000), (d(), t(), 1000)], || {
		assert_noop!(transfer(d(), 400, d()), Error::<Test>::AlreadyThere);
		assert_noop!(transfer(d(), 9, d2()), Error::<Test>::BelowMinimum);
		assert_noop!(transfer(d(), 991, d2()), Error::<Test>::RestBelowMinimum);
		assert_noop!(transfer(d(), 1001, d2()), Error::<Test>::InsufficientStake);
		assert_noop!(transfer(d2(), 400, d()), Error::<Test>::NotBonded);
		assert_noop!(transfer(d(), 400, t2()), Error::<Test>::BondedElsewhere);
		assert_ok!(transfer(d(), 400, d2()));
		assert_noop!(accept(finder(), d(), 0), Error::<Test>::NotOffered);
		bond(d2(), 10, t2());
		assert_noop!(accept(d2(), d(), 0), Error::<Test>::BondedElsewhere);
		unbond(d2(), 10);
		Refusing::set([t()].into());
		assert_noop!(accept(d2(), d(), 0), Error::<Test>::StakeNotAccepted);
		Refusing::take();
		assert_ok!(accept(d2(), d(), 0));
		let lock = unbond(d(), 100);
		assert_noop!(accept(d2(), d(), lock), Error::<Test>::NotOffered);
	});
}

/// Livepeer moves a bond at once and leaves its liability for the old transcoder behind. It also
/// transfers bonds to accounts that never asked for them.
#[test]
fn differs_from_livepeer_a14_moved_stake_should_answer_before_it_counts_elsewhere() {
	build_with_bonds(vec![(t(), t(), 1000), (t2(), t2(), 1000), (d(), t(), 1000)], || {
		assert_ok!(move_bond(d(), t2()));
		assert_eq!(LptStaking::transcoder_stake(t2()).total, 1000);
		slash(t(), 0, Perbill::from_percent(10));
		rounds(4);
		assert_ok!(rebond(d(), 0, t2()));
		assert_eq!(stake(d()), 900);
	});
}

#[test]
fn delegations_should_match_livepeer_a14_when_rebonding() {
	build_with_bonds(vec![(t2(), t2(), 1000), (d2(), t2(), 1000), (d(), t2(), 2000)], || {
		let total = || LptStaking::transcoder_stake(t2()).total;
		let first = unbond(d(), 500);
		next_round();
		let second = unbond(d(), 700);
		assert_eq!((stake(d()), total()), (800, 2800));
		next_round();
		assert_ok!(rebond(d(), first, t2()));
		assert_eq!((stake(d()), total()), (1300, 3300));
		rounds(7);
		let before = lpt(d());
		assert_ok!(LptStaking::withdraw_stake(RuntimeOrigin::signed(d()), second));
		assert_eq!(lpt(d()), before + 700);
	});
}

/// As in Livepeer, stake that unbonds before the transcoder's reward has no part in it. In Livepeer
/// its part is stranded.
#[test]
fn differs_from_livepeer_reward_should_go_to_who_stays_when_stake_leaves_in_mid_round() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000), (d2(), t(), 2000)], || {
		next_round();
		let lock = unbond(d2(), 2000);
		// Stake that returns in the same round counts from the next one.
		assert_ok!(rebond(d2(), lock, t()));
		let finished = Round::get();
		next_round();
		reward_of(finished, t(), 1000, Perbill::zero());
		assert_eq!((stake(t()), stake(d()), stake(d2())), (1500, 1500, 2000));
		assert_eq!(LptStaking::active_stake(&t()), 5000);
	});
}

#[test]
fn attack_transfer_moves_stake_out_of_reach() {
	// Livepeer's transfer, used to hide from a slash: here both the lock and the new bond are
	// slashed.
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		next_round();
		assert_ok!(transfer(t(), 500, d2()));
		slash(t(), 1, Perbill::from_percent(10));
		assert_eq!(LptStaking::locks(t())[0].value, 450);
		assert_ok!(accept(d2(), t(), 0));
		slash(t(), 1, Perbill::from_percent(10));
		assert_eq!((stake(d2()), stake(t())), (405, 405));
	});
}

#[test]
fn attack_rebond_to_a_sybil_before_the_verdict() {
	build_with_bonds(vec![(t(), t(), 1000), (t2(), t2(), 1000)], || {
		next_round();
		LptStaking::open(&t(), 1);
		assert_ok!(move_bond(t(), t2()));
		for _ in 0..10 {
			next_round();
			assert!(rebond(t(), 0, t2()).is_err());
		}
		slash(t(), 1, Perbill::from_percent(50));
		LptStaking::close(&t(), 1);
		assert_ok!(rebond(t(), 0, t2()));
		assert_eq!(stake(t()), 500);
	});
}

#[test]
fn attack_stranger_forces_a_bond_upon_somebody() {
	// Livepeer's forced delegation: a transferred bond of one wei binds nobody who did not ask for
	// it.
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		assert_ok!(transfer(d(), 10, d2()));
		assert!(!Bonds::<Test>::contains_key(d2()));
		assert_ok!(LptStaking::bond(RuntimeOrigin::signed(d2()), 100, t2()));
		assert_noop!(accept(d2(), d(), 0), Error::<Test>::BondedElsewhere);
	});
}

/// The buyer has paid for a bond of 400 and accepts lock 0. Meanwhile the owner takes the lock back
/// and offers dust, or a bond with another transcoder, under the same number.
#[test]
fn attack_offer_is_exchanged_before_it_is_accepted() {
	let accept = |transcoder, least| {
		LptStaking::accept_bond(RuntimeOrigin::signed(d2()), d(), 0, transcoder, least)
	};
	build_with_bonds(vec![(t(), t(), 1000), (t2(), t2(), 1000), (d(), t(), 1000)], || {
		assert_ok!(transfer(d(), 400, d2()));
		assert_ok!(rebond(d(), 0, t()));
		assert_ok!(transfer(d(), 10, d2()));
		assert_noop!(accept(t(), 400), Error::<Test>::OfferChanged);
		assert_noop!(accept(t2(), 10), Error::<Test>::OfferChanged);
		assert_ok!(rebond(d(), 0, t()));
		assert_ok!(transfer(d(), 400, d2()));
		// A slash lowers the offer too.
		slash(t(), 0, Perbill::from_percent(10));
		assert_noop!(accept(t(), 400), Error::<Test>::OfferChanged);
		assert_ok!(accept(t(), 360));
		assert_eq!(stake(d2()), 360);
	});
}

#[test]
fn attack_leaving_and_returning_gains_nothing() {
	// Splitting, moving to and fro and returning, compared with staying.
	let story = |restless: bool| {
		let mut end = (0, 0);
		build_with_bonds(vec![(t(), t(), 1_000_000), (d(), t(), 1_000_000)], || {
			for _ in 0..20 {
				let round = Round::get();
				if restless {
					let lock = unbond(d(), 300_000);
					assert_ok!(rebond(d(), lock, t()));
				}
				fee(t(), 10_000, Perbill::one());
				next_round();
				reward_of(round, t(), 10_000, Perbill::zero());
			}
			end = (stake(d()), fees(d()));
		});
		end
	};
	let (staying, restless) = (story(false), story(true));
	assert!(staying.0 > restless.0 && staying.1 > restless.1, "{staying:?} {restless:?}");
}

#[test]
fn rebond_should_reach_the_next_generation_when_the_pool_was_wiped() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		let lock = unbond(d(), 400);
		next_round();
		// Slash for an offence after this lock had left.
		slash(t(), 1, Perbill::one());
		assert_noop!(rebond(d(), lock, t()), Error::<Test>::PoolWiped);
		next_round();
		assert_ok!(rebond(d(), lock, t()));
		assert_eq!(stake(d()), 400);
		assert_eq!(LptStaking::transcoder_stake(t()).generation, 1);
	});
}
