//! Livepeer's worked numbers, and where this chain differs on purpose. A4 to A14 are examples from
//! Livepeer's own tests.
//!
//! Where the stake scenarios of Livepeer's suite are covered, by their numbers:
//!
//! - 2: the type of a share holds no more than one.
//! - 5: the sizes of the sets are bounded parameters; a smaller size takes effect with the next
//!   election (`differs_from_livepeer_size_should_shrink_when_round_begins`).
//! - 6, 7, 9 to 12: `registration.rs`, `lock_period.rs` and `election.rs` of the election; 8: a
//!   round's terms are copied when the round begins, so no call is needed before.
//! - 13, 18: `bonding.rs`; 14: no account is the null account. 15 to 17: a move is a call of its
//!   own, `returns.rs`. 19: `top_up_should_keep_earning_when_the_round_goes_on`. 20:
//!   `third_party_should_not_grief_with_bonds`, `attack_stranger_forces_a_bond_upon_somebody`.
//! - 21, 33: rewards are booked once a round, without a call. 22:
//!   `stake_should_not_change_the_rounds_reward_when_it_joins_in_the_round`, and the free stake of
//!   `rebond` in `returns.rs`.
//! - 23 to 27, 29, 30: `exits.rs` and `returns.rs`; 25 with
//!   `unbonded_should_leave_the_list_in_bounded_steps_when_rounds_begin`. 28:
//!   `weakest_should_make_room_when_the_list_is_full`: stake that returns registers nobody.
//! - 31: fees are paid in full and only to their owner, `earnings.rs`.
//! - 32, 34, 35, 37, 39, 40: below. 36: inflation's `treasury_should_match_livepeer_a5`. 38: only
//!   registered transcoders get jobs.
//! - 61: there is no reward call to hinder. 62: `properties.rs`.

use crate::{maths::FACTOR_ONE, mock::*};
use livepeer_primitives::{traits::Stake, AccountId};
use sp_core::U256;
use sp_runtime::Perbill;

fn half() -> Perbill {
	Perbill::from_percent(50)
}

fn crf(transcoder: AccountId) -> U256 {
	pool_of(transcoder).unwrap().now.crf
}

fn cff(transcoder: AccountId) -> U256 {
	pool_of(transcoder).unwrap().now.cff
}

fn digits(text: &str) -> U256 {
	U256::from_dec_str(text).unwrap()
}

fn active(transcoder: AccountId) -> u128 {
	LptStaking::active_stake(&transcoder)
}

#[test]
fn reward_should_match_livepeer_a4_when_the_transcoder_is_alone() {
	build_and_execute(|| {
		bond(t(), 1000, t());
		next_round();
		assert_eq!(active(t()), 1000);
		assert_eq!(reward(t(), 1000, half()), 1000);
		assert_eq!(crf(t()), digits("1500000000000000000000000000"));
		assert_eq!(stake(t()), 2000);
		// The reward counts from the next round on.
		assert_eq!(active(t()), 1000);
		next_round();
		assert_eq!(active(t()), 2000);
	});
}

#[test]
fn reward_should_match_livepeer_a5_when_net_of_the_treasury() {
	build_and_execute(|| {
		bond(t(), 1000, t());
		next_round();
		reward(t(), 937, half());
		assert_eq!(crf(t()), digits("1469000000000000000000000000"));
		assert_eq!(pool_of(t()).unwrap().commission.fresh, 468);
		assert_eq!(stake(t()), 1937);
	});
}

#[test]
fn rewards_should_match_livepeer_a6_when_compounding() {
	build_and_execute(|| {
		bond(t(), 1000, t());
		bond(d(), 1000, t());
		next_round();
		reward(t(), 1000, half());
		assert_eq!(crf(t()), digits("1250000000000000000000000000"));
		assert_eq!((stake(d()), stake(t())), (1250, 1750));
		next_round();
		reward(t(), 1000, half());
		assert_eq!(crf(t()), digits("1458333333333333333333333332"));
		assert_eq!((stake(d()), stake(t())), (1458, 2541));
		assert_eq!(LptStaking::transcoder_stake(t()).total, 4000);
		// The delegator settles in this round, which pays no reward.
		next_round();
		LptStaking::settle(RuntimeOrigin::signed(d())).unwrap();
		next_round();
		reward(t(), 1000, half());
		assert_eq!(crf(t()), digits("1640624999999999999999999998"));
		assert_eq!((stake(d()), stake(t())), (1640, 3358));
		assert_eq!(LptStaking::transcoder_stake(t()).total, 5000);
	});
}

#[test]
fn delegations_should_match_livepeer_a14_when_bonding_and_unbonding() {
	build_and_execute(|| {
		let total = |who| LptStaking::transcoder_stake(who).total;
		bond(t(), 1000, t());
		bond(t2(), 1000, t2());
		bond(d(), 1000, t());
		bond(d2(), 1000, t2());
		bond(d(), 1000, t());
		assert_eq!((total(t()), total(t2())), (3000, 2000));
		next_round();
		assert_eq!(unbond(d(), 500), 0);
		assert_eq!(LptStaking::locks(d())[0].release, 1 + 7);
		assert_eq!((stake(d()), total(t())), (1500, 2500));
		next_round();
		assert_eq!(unbond(d(), 700), 1);
		assert_eq!((stake(d()), total(t())), (800, 1800));
		let before = lpt(d());
		rounds(7);
		LptStaking::withdraw_stake(RuntimeOrigin::signed(d()), 1).unwrap();
		assert_eq!(lpt(d()), before + 700);
	});
}

#[test]
fn fees_should_follow_lip36_when_there_is_no_reward() {
	build_and_execute(|| {
		bond(t(), 1000, t());
		bond(d(), 3000, t());
		next_round();
		fee(t(), 1000, half());
		// percOf27(10^27, 500, 4000).
		assert_eq!(cff(t()), digits("125000000000000000000000000"));
		assert_eq!((fees(d()), fees(t())), (375, 125 + 500));
	});
}

#[test]
fn fees_should_use_the_factor_before_the_round_when_the_reward_came_later() {
	build_and_execute(|| {
		bond(t(), 1000, t());
		bond(d(), 1000, t());
		next_round();
		reward(t(), 1000, half());
		next_round();
		// Stake of the round: T 1250 plus commission 500, D 1250.
		fee(t(), 1000, Perbill::from_percent(75));
		// percOf27(1.25 × 10^27, 750, 3000).
		assert_eq!(cff(t()), digits("312500000000000000000000000"));
		assert_eq!(fees(d()), 312);
		// T earns 250 as its cut, 124 on its commission (rounded down twice) and 312 on its bond.
		assert_eq!(fees(t()), 250 + 124 + 312);
		// A reward later in the round does not change the round's fees.
		reward(t(), 1000, half());
		fee(t(), 1000, Perbill::from_percent(75));
		assert_eq!(cff(t()), digits("625000000000000000000000000"));
		assert_eq!(fees(d()), 625);
		assert_eq!(fees(t()), 2 * (250 + 124) + 625);
	});
}

/// Livepeer derives the previous round's factor from the reward and gets it wrong: it credits 937
/// of 1000, with a CFF of 312499999999999999999999999.
#[test]
fn differs_from_livepeer_fee_after_reward_should_use_the_exact_previous_factor() {
	build_and_execute(|| {
		bond(t(), 1000, t());
		bond(d(), 1000, t());
		next_round();
		reward(t(), 1000, half());
		fee(t(), 1000, Perbill::from_percent(75));
		assert_eq!(cff(t()), digits("375000000000000000000000000"));
		assert_eq!((fees(d()), fees(t())), (375, 250 + 375));
	});
}

/// In Livepeer, a bond that changes in mid-round forfeits what the round earns later.
#[test]
fn differs_from_livepeer_change_in_mid_round_should_forfeit_nothing() {
	build_and_execute(|| {
		bond(t(), 1000, t());
		bond(d(), 1000, t());
		next_round();
		LptStaking::settle(RuntimeOrigin::signed(d())).unwrap();
		bond(d(), 500, t());
		reward(t(), 1000, Perbill::zero());
		fee(t(), 1000, Perbill::one());
		assert_eq!((stake(d()), stake(t())), (2000, 1500));
		assert_eq!((fees(d()), fees(t())), (500, 500));
		assert_eq!((stake_dust(), fee_dust()), (0, 0));
	});
}

/// Livepeer would still count the stake that left, and strand its part of the round's fees.
#[test]
fn differs_from_livepeer_fees_should_go_to_who_stayed_when_stake_left_in_the_round() {
	build_and_execute(|| {
		bond(t(), 1000, t());
		bond(d(), 1000, t());
		bond(d2(), 2000, t());
		next_round();
		unbond(d2(), 2000);
		fee(t(), 1000, Perbill::one());
		assert_eq!((fees(t()), fees(d()), fees(d2())), (500, 500, 0));
	});
}

/// Livepeer slashes only the transcoder's own bond and spares what it unbonded: a penalty of 100
/// after 500 of 1000 left.
#[test]
fn differs_from_livepeer_a13_slash_should_reach_delegators_and_locks() {
	build_and_execute(|| {
		bond(t(), 1000, t());
		bond(d(), 1000, t());
		bond(d2(), 1000, t());
		next_round();
		unbond(t(), 500);
		let pool = lpt(CommonPool::get());
		let slashed = slash(t(), 1, Perbill::from_percent(20));
		assert_eq!(slashed.total, 600);
		// Livepeer burns what the finder does not get.
		assert_eq!((slashed.finders_fee, slashed.common_pool), (30, 570));
		assert_eq!(lpt(CommonPool::get()), pool + 570);
		assert_eq!((stake(t()), stake(d()), stake(d2())), (400, 800, 800));
		assert_eq!(LptStaking::locks(t())[0].value, 400);
		assert_eq!(active(t()), 2000);
	});
}

/// Livepeer credits fees of V1 jobs to the round in which the job was created.
#[test]
fn differs_from_livepeer_v1_fee_should_go_to_the_stake_of_the_current_round() {
	build_and_execute(|| {
		bond(t(), 1000, t());
		next_round();
		bond(d(), 1000, t());
		next_round();
		fee(t(), 1000, Perbill::one());
		assert_eq!((fees(t()), fees(d())), (500, 500));
	});
}

#[test]
fn stake_should_not_change_the_rounds_reward_when_it_joins_in_the_round() {
	// Scenario 32, and the free stake of 2021 and 2023: a bond's factors start when the stake
	// joins.
	build_and_execute(|| {
		bond(t(), 1000, t());
		next_round();
		reward(t(), 1000, Perbill::zero());
		bond(d(), 2000, t());
		reward(t(), 1000, Perbill::zero());
		assert_eq!((stake(t()), stake(d())), (3000, 2000));
		next_round();
		assert_eq!((stake(t()), stake(d())), (3000, 2000));
		assert_eq!(active(t()), 5000);
		reward(t(), 1000, Perbill::zero());
		assert_eq!((stake(t()), stake(d())), (3600, 2400));
	});
}

#[test]
fn top_up_should_keep_earning_when_the_round_goes_on() {
	// Scenario 19.
	build_and_execute(|| {
		bond(t(), 1000, t());
		bond(d(), 1000, t());
		next_round();
		bond(d(), 9000, t());
		fee(t(), 100, Perbill::one());
		assert_eq!((fees(t()), fees(d())), (50, 50));
	});
}

#[test]
fn factors_should_stay_when_rounds_are_skipped() {
	// Scenario 34.
	build_and_execute(|| {
		bond(t(), 1000, t());
		next_round();
		reward(t(), 500, Perbill::zero());
		fee(t(), 500, Perbill::one());
		let before = (crf(t()), cff(t()));
		rounds(100);
		LptStaking::settle(RuntimeOrigin::signed(t())).unwrap();
		assert_eq!((crf(t()), cff(t())), before);
		assert_eq!((stake(t()), fees(t())), (1500, 500));
	});
}

#[test]
fn earnings_should_not_depend_on_when_they_are_settled() {
	// Scenario 39: within the rounding of each settlement.
	let story = |settles: bool| {
		let mut result = (0, 0);
		build_and_execute(|| {
			bond(t(), 1_000_003, t());
			bond(d(), 1_234_567, t());
			for _ in 0..20 {
				next_round();
				reward(t(), 77_777, Perbill::from_percent(13));
				fee(t(), 55_555, Perbill::from_percent(61));
				if settles {
					LptStaking::settle(RuntimeOrigin::signed(d())).unwrap();
				}
			}
			result = (stake(d()), fees(d()));
		});
		result
	};
	let (lazy, eager) = (story(false), story(true));
	assert!(lazy.0 >= eager.0 && lazy.0 - eager.0 <= 40, "{lazy:?} {eager:?}");
	assert!(lazy.1.abs_diff(eager.1) <= 40, "{lazy:?} {eager:?}");
}

#[test]
fn small_fees_should_reach_delegators_when_stake_is_large() {
	// Scenario 40: with fewer digits a fee of 1000 wei to 10^25 wei of stake was lost.
	build_and_execute(|| {
		bond(t(), 5 * 10u128.pow(24), t());
		bond(d(), 5 * 10u128.pow(24), t());
		next_round();
		fee(t(), 1000, Perbill::one());
		assert_eq!((fees(t()), fees(d())), (500, 500));
	});
}

#[test]
fn cut_of_all_should_leave_delegators_nothing() {
	// Scenario 37.
	build_and_execute(|| {
		bond(t(), 1000, t());
		bond(d(), 1000, t());
		next_round();
		reward(t(), 1000, Perbill::one());
		fee(t(), 1000, Perbill::zero());
		assert_eq!(crf(t()), FACTOR_ONE);
		assert_eq!((stake(t()), stake(d())), (2000, 1000));
		assert_eq!((fees(t()), fees(d())), (1000, 0));
	});
}

/// Livepeer's own bookkeeping of one transcoder whose delegators claim at the end, as LIP-36 and
/// `EarningsPoolLIP36` state it.
mod lip36 {
	use super::*;
	use crate::types::{Bond, Pool};
	use proptest::prelude::*;
	use sp_core::U512;

	const ONE: u128 = 1_000_000_000_000_000_000_000_000_000;

	fn perc_of(a: U256, n: U256, d: U256) -> U256 {
		let points = n.full_mul(U256::from(ONE)) / U512::from(d);
		let product = U256::try_from(points).unwrap().full_mul(a) / U512::from(ONE);
		U256::try_from(product).unwrap()
	}

	/// Livepeer's cuts have six digits.
	fn perc_of_6(amount: u128, millionths: u32) -> u128 {
		amount * u128::from(millionths) / 1_000_000
	}

	#[derive(Default)]
	struct Livepeer {
		/// At the last reward.
		crf: U256,
		/// At the end of the previous round.
		previous_crf: U256,
		cff: U256,
		cumulative_rewards: u128,
		active_cumulative_rewards: u128,
		cumulative_fees: u128,
		delegated: u128,
		total_stake: u128,
		rewarded: bool,
	}

	impl Livepeer {
		fn new_round(&mut self) {
			self.previous_crf = self.crf;
			self.total_stake = self.delegated;
			self.rewarded = false;
		}

		fn reward(&mut self, reward: u128, cut: u32) {
			let commission = perc_of_6(reward, cut);
			let rest = U256::from(reward - commission);
			let stake = U256::from(self.total_stake);
			self.crf += perc_of(self.crf, rest, stake);
			self.active_cumulative_rewards = self.cumulative_rewards;
			self.cumulative_rewards +=
				perc_of(rest, U256::from(self.active_cumulative_rewards), stake).as_u128()
					+ commission;
			self.delegated += reward;
			self.rewarded = true;
		}

		fn fees(&mut self, fees: u128, share: u32) {
			let shared = U256::from(perc_of_6(fees, share));
			let stake = U256::from(self.total_stake);
			self.cff += perc_of(self.previous_crf, shared, stake);
			let active = if self.rewarded {
				self.active_cumulative_rewards
			} else {
				self.cumulative_rewards
			};
			self.cumulative_fees +=
				perc_of(shared, U256::from(active), stake).as_u128() + (fees - shared.as_u128());
		}

		fn pending(&self, bonded: u128) -> (u128, u128) {
			let bonded = U256::from(bonded);
			let one = U256::from(ONE);
			(perc_of(bonded, self.crf, one).as_u128(), perc_of(bonded, self.cff, one).as_u128())
		}
	}

	#[derive(Clone, Debug)]
	struct Round {
		fees_before: Vec<u128>,
		reward: Option<u128>,
		fees_after: Vec<u128>,
		cut: u32,
		share: u32,
	}

	prop_compose! {
		fn round()(
			fees_before in prop::collection::vec(0u128..10u128.pow(21), 0..3),
			reward in prop::option::of(0u128..10u128.pow(22)),
			fees_after in prop::collection::vec(0u128..10u128.pow(21), 0..3),
			cut in 0u32..=1_000_000,
			share in 0u32..=1_000_000,
		) -> Round {
			Round { fees_before, reward, fees_after, cut, share }
		}
	}

	proptest! {
		#[test]
		fn earnings_should_equal_livepeers_to_the_digit(
			stakes in prop::collection::vec(10u128.pow(9)..10u128.pow(26), 1..6),
			rounds in prop::collection::vec(round(), 1..30),
		) {
			let mut livepeer = Livepeer {
				crf: U256::from(ONE),
				delegated: stakes.iter().sum(),
				..Default::default()
			};
			let mut pool = Pool::new(0);
			pool.own = true;
			let mut bonds: Vec<Bond> = stakes
				.iter()
				.map(|stake| {
					let mut bond = Bond::new(first(t()), &pool);
					pool.join_at_once(&mut bond, *stake);
					bond
				})
				.collect();
			let mut own_fees = 0;
			for (index, round) in rounds.into_iter().enumerate() {
				livepeer.new_round();
				pool.fold(index as u32 + 1);
				prop_assert_eq!(pool.active, livepeer.total_stake);
				let (cut, share) =
					(Perbill::from_parts(round.cut * 1000), Perbill::from_parts(round.share * 1000));
				for fee in round.fees_before {
					livepeer.fees(fee, round.share);
					own_fees += pool.deposit_fee(fee, share).transcoder;
				}
				if let Some(reward) = round.reward {
					livepeer.reward(reward, round.cut);
					pool.reward(reward, cut);
				}
				for fee in round.fees_after {
					livepeer.fees(fee, round.share);
					own_fees += pool.deposit_fee(fee, share).transcoder;
				}
				prop_assert_eq!(pool.now.crf, livepeer.crf);
				prop_assert_eq!(pool.now.cff, livepeer.cff);
				prop_assert_eq!(pool.total, livepeer.delegated);
			}
			prop_assert_eq!(own_fees, livepeer.cumulative_fees);
			prop_assert_eq!(pool.commission.total(), livepeer.cumulative_rewards);
			for (bond, stake) in bonds.iter_mut().zip(stakes) {
				let fees = pool.settle(bond, false, None);
				prop_assert_eq!((bond.amount, fees), livepeer.pending(stake));
			}
		}
	}
}
