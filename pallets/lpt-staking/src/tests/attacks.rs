//! Attacks, one test each.

use crate::{mock::*, Error};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::traits::{Liability, RewardSink, Slash, Stake};
use sp_runtime::Perbill;

fn tenth() -> Perbill {
	Perbill::from_percent(10)
}

/// A claim of round 2 fails in round 5. Meanwhile the transcoder and a delegator unbond.
#[test]
fn slash_should_reach_stake_that_was_unbonded_before_the_verdict() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		rounds(2);
		LptStaking::open(&t(), 2);
		unbond(t(), 1000);
		next_round();
		unbond(d(), 1000);
		rounds(2);
		assert_eq!(slash(t(), 2, tenth()).total, 200);
		LptStaking::close(&t(), 2);
		rounds(10);
		for who in [t(), d()] {
			assert_ok!(LptStaking::withdraw_stake(RuntimeOrigin::signed(who.clone()), 0));
			assert_eq!(lpt(who), FUNDS - 100);
		}
	});
}

/// The unbonding period ends while the claim is open: nothing is released before the slash.
#[test]
fn slash_should_not_be_outwaited_in_the_unbonding_period() {
	build_with_bonds(vec![(t(), t(), 1000)], || {
		LptStaking::open(&t(), 0);
		unbond(t(), 1000);
		rounds(12);
		assert_noop!(
			LptStaking::withdraw_stake(RuntimeOrigin::signed(t()), 0),
			Error::<Test>::LiabilityOpen
		);
		assert_eq!(slash(t(), 0, tenth()).total, 100);
		LptStaking::close(&t(), 0);
		assert_ok!(LptStaking::withdraw_stake(RuntimeOrigin::signed(t()), 0));
	});
}

/// A top-up between offence and verdict must not make old stake count as new.
#[test]
fn slash_should_reach_all_stake_when_topped_up_before_the_verdict() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		rounds(2);
		bond(d(), 10, t());
		next_round();
		bond(d(), 10, t());
		assert_eq!(slash(t(), 1, tenth()).total, 202);
		assert_eq!((stake(t()), stake(d())), (900, 918));
		// Neither does a top-up after the verdict undo it.
		bond(d(), 100, t());
		next_round();
		assert_eq!(stake(d()), 1018);
	});
}

/// Stake that is unbonded stays in its exit pool, whether its owner bonds again with the same
/// account or with another one. It counts nowhere else in between.
#[test]
fn slash_should_reach_stake_that_seeks_shelter_with_another_transcoder() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000), (t2(), t2(), 1000)], || {
		rounds(2);
		unbond(d(), 1000);
		let free = lpt(d());
		bond(d(), 500, t2());
		assert_eq!(lpt(d()), free - 500);
		slash(t(), 2, tenth());
		assert_eq!(LptStaking::locks(d())[0].value, 900);
		assert_eq!(stake(d()), 500);
	});
}

/// A delegator that joins while the claim is open shares the risk, as the view shows. One that
/// comes after the verdict is refused and pays nothing. One that left before the offence pays
/// nothing.
#[test]
fn slash_should_not_hit_the_innocent_newcomer_or_the_early_leaver() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		rounds(2);
		unbond(d(), 1000);
		next_round();
		LptStaking::open(&t(), 3);
		assert_eq!(LptStaking::transcoder_stake(t()).open_liabilities, [(3, 1)]);
		bond(d2(), 1000, t());
		// The verdict: the transcoder is jailed until the slash is executed.
		InJail::set([t()].into());
		assert_noop!(
			LptStaking::bond(RuntimeOrigin::signed(account(13)), 1000, t()),
			Error::<Test>::TranscoderJailed
		);
		next_round();
		assert_eq!(slash(t(), 3, tenth()).total, 200);
		LptStaking::close(&t(), 3);
		assert_eq!((stake(t()), stake(d2())), (900, 900));
		assert_eq!(LptStaking::locks(d())[0].value, 1000);
		// After jail: the past does not touch newcomers.
		InJail::take();
		bond(account(13), 1000, t());
		assert_eq!(stake(account(13)), 1000);
		rounds(5);
		assert_eq!(stake(account(13)), 1000);
	});
}

/// Other accounts cannot change a bond, and dust is refused. A stranger's bond changes nothing of
/// what a transcoder has or earns in the round (Livepeer: a bond of one wei before the reward).
#[test]
fn third_party_should_not_grief_with_bonds() {
	build_with_bonds(vec![(t(), t(), 1000)], || {
		next_round();
		assert_noop!(
			LptStaking::bond(RuntimeOrigin::signed(d()), 1, t()),
			Error::<Test>::BelowMinimum
		);
		for n in 30..40 {
			bond(account(n), 10, t());
		}
		assert_eq!(LptStaking::active_stake(&t()), 1000);
		assert_eq!(LptStaking::self_bond(&t()), 1000);
		assert_eq!(reward(t(), 1000, Perbill::from_percent(50)), 1000);
		fee(t(), 1000, Perbill::one());
		assert_eq!((stake(t()), fees(t())), (2000, 1000));
		assert_eq!(fees(account(30)), 0);
		assert_eq!(LptStaking::delegate_of(&t()), Some(t()));
	});
}

/// A thousand fees of one wei: only dust is lost, nothing blocks, nobody gains.
#[test]
fn fee_dust_should_neither_overpay_nor_block() {
	build_with_bonds(vec![(t(), t(), 3), (d(), t(), 7), (d2(), t(), 11)], || {
		for _ in 0..1000 {
			fee(t(), 1, Perbill::one());
		}
		let paid = fees(t()) + fees(d()) + fees(d2());
		assert!((997..=1000).contains(&paid), "{paid}");
		assert_eq!(fee_dust(), 1000 - paid);
		for who in [t(), d(), d2()] {
			let all = stake(who.clone());
			unbond(who.clone(), all);
			assert_ok!(LptStaking::withdraw_fees(RuntimeOrigin::signed(who)));
		}
		// What remains after the last member has left belongs to nobody: it is surplus.
		assert_eq!(LptStaking::surplus().fees, MINIMUM_ETH + 1000 - paid);
	});
}

/// Settling over and over earns nothing and costs nobody else. A delegator that settles five times
/// in each of 50 rounds has as much as one that never does, less the fraction of a unit that each
/// round's first settlement rounds down. That fraction stays in the pool, and the others have
/// exactly the same.
/// digit.
#[test]
fn settling_often_should_not_change_what_others_have() {
	const ROUNDS: u128 = 50;
	let story = |settles: bool| {
		let mut end = ((0, 0), (0, 0), (0, 0));
		build_with_bonds(vec![(t(), t(), 1_000_003), (d(), t(), 999_983)], || {
			for _ in 0..ROUNDS {
				next_round();
				reward(t(), 1_001, Perbill::from_percent(7));
				fee(t(), 997, Perbill::from_percent(53));
				for _ in 0..5 {
					if settles {
						assert_ok!(LptStaking::settle(RuntimeOrigin::signed(d())));
					}
				}
			}
			end = ((stake(t()), fees(t())), (stake(d()), fees(d())), (stake_dust(), fee_dust()));
		});
		end
	};
	let (others, never, dust) = story(false);
	let (others_beside, often, more_dust) = story(true);
	assert_eq!(others_beside, others);
	assert!(often.0 <= never.0 && never.0 - often.0 <= ROUNDS, "{often:?} {never:?}");
	assert!(often.1 <= never.1 && never.1 - often.1 <= ROUNDS, "{often:?} {never:?}");
	assert_eq!(more_dust.0 - dust.0, never.0 - often.0);
	assert_eq!(more_dust.1 - dust.1, never.1 - often.1);
	// One story leaves less than a unit for each bond, each commission and each booking.
	assert!(dust.0 <= 2 * ROUNDS && dust.1 <= 2 * ROUNDS, "{dust:?}");
}

/// LPT sent to the pot belongs to nobody: no share grows by it and no invariant breaks.
#[test]
fn donation_to_the_pot_should_not_change_any_share() {
	build_with_bonds(vec![(t(), t(), 10)], || {
		assert_ok!(Balances::transfer_allow_death(
			RuntimeOrigin::signed(d2()),
			pot(),
			10u128.pow(24)
		));
		bond(d(), 1000, t());
		assert_eq!((stake(t()), stake(d())), (10, 1000));
		next_round();
		fee(t(), 1010, Perbill::one());
		assert_eq!((fees(t()), fees(d())), (10, 1000));
		check();
	});
}

/// A transcoder that reports its own offence gets back at most half of its own loss.
#[test]
fn self_reporting_should_cost_when_own_stake_is_a_real_part() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 9000)], || {
		let slashed = LptStaking::slash(&t(), 0, tenth(), &[t()]);
		assert_eq!((slashed.total, slashed.finders_fee), (1000, 50));
		assert_eq!((stake(t()), lpt(t())), (900, FUNDS - 1000 + 50));
	});
}

/// A transcoder with almost no own stake fails on purpose and reports itself, or has an accomplice
/// do it. A twentieth of its delegators' loss would be far more than its own loss.
#[test]
fn attack_self_reporting_should_not_pay_when_own_bond_is_tiny_beside_delegated() {
	for reporter in [t(), finder()] {
		build_with_bonds(vec![(t(), t(), 1_000), (d(), t(), 1_000_000)], || {
			let before = stake(t()) + lpt(t()) + lpt(finder());
			let slashed = LptStaking::slash(&t(), 0, tenth(), &[reporter]);
			// A twentieth of the total would have been 5,005.
			assert_eq!((slashed.total, slashed.finders_fee), (100_100, 50));
			assert_eq!(before - (stake(t()) + lpt(t()) + lpt(finder())), 50);
		});
	}
	// An offender without own stake loses nothing, so there is no finder's fee.
	build_with_bonds(vec![(d(), t(), 1_000_000)], || {
		let slashed = slash(t(), 0, tenth());
		assert_eq!((slashed.total, slashed.finders_fee), (100_000, 0));
	});
}

/// Stake that the offender unbonded after the offence and before the verdict counts as its own
/// loss. Stake that it unbonded before the offence does not count, and neither does stake that it
/// delegated to others.
#[test]
fn finders_fee_should_count_the_offenders_locks_that_the_slash_reaches() {
	build_with_bonds(vec![(t(), t(), 3_000), (d(), t(), 1_000_000)], || {
		unbond(t(), 1_000);
		next_round();
		unbond(t(), 1_990);
		next_round();
		// 1 from its bond, 199 from the younger lock.
		assert_eq!(slash(t(), 1, tenth()).finders_fee, 100);
		assert_eq!(LptStaking::locks(t())[0].value, 1_000);
	});
	build_with_bonds(vec![(t(), t2(), 1_000_000), (d(), t(), 1_000_000)], || {
		unbond(t(), 500_000);
		assert_eq!(slash(t(), 0, tenth()).finders_fee, 0);
	});
}

/// A delegator that joins for one round only to catch its fees gets nothing: stake counts from the
/// next round, and leaving forfeits later fees.
#[test]
fn fees_should_not_be_caught_by_stake_that_jumps_in() {
	build_with_bonds(vec![(t(), t(), 1000)], || {
		bond(d(), 1_000_000, t());
		fee(t(), 1000, Perbill::one());
		unbond(d(), 1_000_000);
		next_round();
		fee(t(), 1000, Perbill::one());
		assert_eq!((fees(t()), fees(d())), (2000, 0));
		assert_eq!(pool_of(t()).unwrap().members, 1);
	});
}

/// A validator that is about to judge unbonds first. The stake that it had in the round whose
/// snapshot seated it stays liable until the challenge has ended, however old that round is.
#[test]
fn attack_judge_should_stay_liable_when_it_unbonds_before_it_judges() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		rounds(3);
		unbond(d(), 1000);
		next_round();
		// The snapshot of the round before seated it.
		LptStaking::open(&t(), 3);
		unbond(t(), 1000);
		rounds(12);
		for who in [t(), d()] {
			assert_noop!(
				LptStaking::withdraw_stake(RuntimeOrigin::signed(who), 0),
				Error::<Test>::LiabilityOpen
			);
		}
		assert_eq!(slash(t(), 3, tenth()).total, 200);
		LptStaking::close(&t(), 3);
		for who in [t(), d()] {
			assert_ok!(LptStaking::withdraw_stake(RuntimeOrigin::signed(who), 0));
		}
	});
}

/// A transcoder takes out nearly all of its stake in each round and bonds it again at once. The reward of all
/// of it goes to the little that stays, until the reward factor has no more room. Delegators that come then,
/// because the transcoder asks for no cut, would earn nothing. Their rewards would belong to nobody, and count
/// as stake behind the transcoder.
#[test]
fn attack_reward_factor_at_its_end_should_leave_no_stake_that_is_nobodys() {
	const REWARD: u128 = 1_000_000_000;
	let end_round = || {
		let round = Round::get();
		next_round();
		LptStaking::mint_reward(&t(), round, REWARD, Perbill::zero())
	};
	build_with_bonds(vec![(t(), t(), 1_000_000_000_010)], || {
		let mut minted = 0;
		for _ in 0..12 {
			let lock = unbond(t(), stake(t()) - 10);
			assert_ok!(LptStaking::rebond(RuntimeOrigin::signed(t()), lock, t()));
			minted += end_round();
		}
		// Each reward multiplies the factor by a hundred million. The fourth passes the limit.
		assert_eq!(minted, 4 * REWARD);
		bond(d(), 1_000_000_000_000, t());
		next_round();
		assert_eq!(end_round(), 0);
		let shown = LptStaking::transcoder_stake(t()).total;
		assert!(shown - stake(t()) - stake(d()) < 100, "{shown}");
		// When everybody has left, a new pool begins.
		unbond(d(), stake(d()));
		unbond(t(), stake(t()));
		assert_eq!(pool_of(t()), None);
		bond(t(), 1_000, t());
		next_round();
		assert_eq!(end_round(), REWARD);
		assert!(stake(t()) > REWARD);
	});
}
