//! The arithmetic on its own. Vectors marked A0 are asserted in Livepeer's own tests.

use crate::{
	maths::*,
	types::{Bond, Checkpoint, Factors, Pool, PoolId},
};
use livepeer_primitives::AccountId;
use proptest::prelude::*;
use sp_core::U256;
use sp_runtime::Perbill;

fn n(value: u128) -> U256 {
	U256::from(value)
}

#[test]
fn perc_of_should_match_livepeer_when_given_its_vectors() {
	// A0. Livepeer's cuts have six digits; ours have nine and give the same result.
	assert_eq!(share_of(Perbill::from_rational(3u32, 4), 100), 75);
	assert_eq!(share_of(Perbill::from_parts(777_777_000), 100), 77);
	assert_eq!(share_of(Perbill::from_parts(3_000), 100), 0);
	assert_eq!(perc_points(n(100), n(300)), n(333_333_333_333_333_333_333_333_333));
	assert_eq!(perc_of(n(100), n(3), n(4)), n(75));
	assert_eq!(perc_of(n(100), n(7), n(9)), n(77));
}

#[test]
fn perc_of_should_be_rounded_down_twice() {
	// A third of three, computed through 0.333…
	assert_eq!(perc_of(n(3), n(1), n(3)), n(0));
	assert_eq!(portion(3, 1, 3), 0);
	assert_eq!(mul_div(n(3), n(1), n(3)), n(1));
	// The result is exact where no digit is lost.
	assert_eq!((perc_of(n(3), n(1), n(1)), portion(3, 2, 2)), (n(3), 3));
}

#[test]
fn mul_div_up_should_add_nothing_to_a_quotient_without_a_rest() {
	assert_eq!((mul_div_up(n(7), n(3), n(3)), mul_div(n(7), n(3), n(3))), (n(7), n(7)));
	assert_eq!((mul_div_up(n(7), n(3), n(4)), mul_div(n(7), n(3), n(4))), (n(6), n(5)));
	assert_eq!(mul_div_up(n(0), n(3), n(4)), n(0));
}

#[test]
fn weight_should_be_rounded_against_the_claimant() {
	// Half of 10^27 + 1.
	let (crf, half) = (FACTOR_ONE + 1, SLASH_ONE / 2);
	assert_eq!(weight(crf, half), FACTOR_ONE / 2);
	assert_eq!(weight_up(crf, half), FACTOR_ONE / 2 + 1);
	// So the earnings from a fee factor are less than one unit too low, and never too high.
	let since = Factors { crf, cff: n(0), sf: half };
	assert_eq!(fee_value(10, &since, weight(crf, half)), 9);
	assert_eq!(fee_value(10, &since, weight_up(crf, half)), 10);
}

#[test]
fn values_should_follow_their_factors() {
	// 200 at 1.5 are 300 at 2.25. A slash of a tenth leaves 270. The fees are those of the worth at
	// the start.
	let since = Factors { crf: FACTOR_ONE * 3 / 2, cff: FACTOR_ONE, sf: SLASH_ONE };
	let (crf, sf) = (FACTOR_ONE * 9 / 4, SLASH_ONE / 10 * 9);
	assert_eq!(stake_value(200, &since, crf, SLASH_ONE), 300);
	assert_eq!(stake_value(200, &since, crf, sf), 270);
	assert_eq!(stake_value(200, &since, since.crf, sf), 180);
	assert_eq!(fee_value(200, &since, FACTOR_ONE * 5 / 2), 200);
	// An earlier slash costs nothing to stake that joined after it.
	assert_eq!(after_slashes(100, sf, sf), 100);
	assert_eq!(after_slashes(100, sf, sf / 2), 50);
}

#[test]
fn factors_should_grow_by_what_falls_to_a_unit() {
	assert_eq!(reward_increment(FACTOR_ONE * 2, 10, 100), FACTOR_ONE / 5);
	assert_eq!(fee_increment(FACTOR_ONE / 2, 10, 100), FACTOR_ONE / 20);
	assert_eq!(reward_increment(FACTOR_ONE, 10, 0), n(0));
	assert_eq!(fee_increment(FACTOR_ONE, 10, 0), n(0));
}

#[test]
fn constants_should_be_powers_of_ten() {
	assert_eq!(FACTOR_ONE, U256::exp10(27));
	assert_eq!(FACTOR_LIMIT, U256::exp10(54));
	assert_eq!(n(SLASH_ONE), U256::exp10(36));
	assert_eq!(n(SLASH_FLOOR), U256::exp10(27));
}

#[test]
fn mul_div_should_be_total_when_the_divisor_is_zero_or_the_result_too_large() {
	assert_eq!(mul_div(n(1), n(1), n(0)), n(0));
	assert_eq!(mul_div_up(n(1), n(1), n(0)), n(0));
	assert_eq!(mul_div(U256::MAX, U256::MAX, n(1)), U256::MAX);
	assert_eq!(mul_div_up(U256::MAX, U256::MAX, n(1)), U256::MAX);
	assert_eq!(mul_div(U256::MAX, U256::MAX, U256::MAX), U256::MAX);
	assert_eq!(to_balance(U256::MAX), u128::MAX);
}

#[test]
fn factors_should_not_overflow_when_stake_is_ten_to_the_25() {
	// The precision note: stake × factor does not fit into 128 bits.
	let stake = 10u128.pow(25);
	let crf = FACTOR_ONE + reward_increment(FACTOR_ONE, stake, stake);
	assert_eq!(crf, FACTOR_ONE * 2);
	let since = Factors { crf: FACTOR_ONE, cff: n(0), sf: SLASH_ONE };
	assert_eq!(stake_value(stake, &since, crf, SLASH_ONE), 2 * stake);
}

#[test]
fn slash_factor_should_become_zero_when_below_its_floor() {
	let half = Perbill::from_percent(50);
	let mut sf = SLASH_ONE;
	let mut slashes = 0;
	while sf > 0 {
		let next = slashed_factor(sf, half);
		assert!(next < sf);
		sf = next;
		slashes += 1;
	}
	// 2^-29 is above 10^-9, 2^-30 is below.
	assert_eq!(slashes, 30);
	assert_eq!(slashed_factor(0, half), 0);
	assert_eq!(slashed_factor(SLASH_ONE, Perbill::one()), 0);
	assert_eq!(slashed_factor(SLASH_ONE, Perbill::zero()), SLASH_ONE);
	// Exactly at the floor it stays.
	assert_eq!(slashed_factor(SLASH_FLOOR, Perbill::zero()), SLASH_FLOOR);
	assert_eq!(slashed_factor(SLASH_FLOOR, Perbill::from_parts(1)), 0);
}

#[test]
fn slash_should_take_everything_when_no_factor_is_left() {
	let tenth = Perbill::from_percent(10);
	assert_eq!(slash_cut(1_009, tenth, SLASH_ONE), 100);
	assert_eq!(slash_cut(1_009, tenth, 0), 1_009);
}

#[test]
fn value_at_the_start_of_the_round_should_be_without_its_growth() {
	assert_eq!(at_round_start(201, FACTOR_ONE, FACTOR_ONE * 2), 100);
	assert_eq!(at_round_start(201, FACTOR_ONE, FACTOR_ONE), 201);
	assert_eq!(portion(100, 1, 3), 33);
}

#[test]
fn values_should_be_zero_when_the_start_factor_is_zero() {
	let since = Factors { crf: FACTOR_ONE, cff: n(0), sf: 0 };
	assert_eq!(stake_value(100, &since, FACTOR_ONE, SLASH_ONE), 0);
	assert_eq!(fee_value(100, &since, FACTOR_ONE), 0);
}

#[test]
fn fee_value_should_be_zero_when_the_factor_did_not_grow() {
	let since = Factors { crf: FACTOR_ONE, cff: n(5), sf: SLASH_ONE };
	assert_eq!(fee_value(u128::MAX, &since, n(5)), 0);
	assert_eq!(fee_value(u128::MAX, &since, n(4)), 0);
}

prop_compose! {
	fn stakes()(stakes in prop::collection::vec(1u128..=10u128.pow(26), 1..8)) -> Vec<u128> {
		stakes
	}
}

fn id() -> PoolId {
	PoolId { transcoder: AccountId::new([0; 32]), generation: 0 }
}

/// A pool in its second round; bond 0 is the transcoder's.
fn pool_of(stakes: &[u128]) -> (Pool, Vec<Bond>) {
	let mut pool = Pool::new(0);
	let bonds = stakes
		.iter()
		.map(|stake| {
			let mut bond = Bond::new(id(), &pool);
			pool.members += 1;
			pool.join_at_once(&mut bond, *stake);
			bond
		})
		.collect();
	pool.own = true;
	(pool, bonds)
}

#[test]
fn bond_should_count_from_the_round_after_it_joined() {
	let mut pool = Pool::new(0);
	let mut bond = Bond::new(id(), &pool);
	pool.members += 1;
	pool.join(&mut bond, 100);
	assert!(!pool.counts(&bond, false));
	pool.fold(1);
	assert!(pool.counts(&bond, false));
	// A slash leaves nothing of the bond. When the last bond stops counting, the rounding
	// remainders stop counting too.
	let checkpoint = Checkpoint { crf: pool.now.crf, cff: pool.now.cff, refs: 1 };
	pool.now.sf = 1;
	pool.settle(&mut bond, false, Some(&checkpoint));
	assert!(!pool.counts(&bond, false));
	assert_eq!((pool.counting, pool.active), (0, 0));
}

#[derive(Clone, Debug)]
enum Happens {
	Reward(u128, Perbill),
	Fee(u128, Perbill),
	Slash(Perbill),
	Round,
}

fn happens() -> impl Strategy<Value = Happens> {
	let share = || (0u32..=1_000_000_000).prop_map(Perbill::from_parts);
	prop_oneof![
		(1u128..=10u128.pow(24), share()).prop_map(|(a, c)| Happens::Reward(a, c)),
		(1u128..=10u128.pow(24), share()).prop_map(|(a, s)| Happens::Fee(a, s)),
		(0u32..=500_000_000).prop_map(|p| Happens::Slash(Perbill::from_parts(p))),
		Just(Happens::Round),
	]
}

proptest! {
	#[test]
	fn mul_div_should_enclose_the_quotient(a: u128, b: u128, c in 1u128..) {
		let down = mul_div(n(a), n(b), n(c));
		let up = mul_div_up(n(a), n(b), n(c));
		prop_assert!(down <= up && up - down <= n(1));
		prop_assert!(down.full_mul(n(c)) <= n(a).full_mul(n(b)));
		prop_assert!(up.full_mul(n(c)) >= n(a).full_mul(n(b)));
	}

	#[test]
	fn slash_should_leave_at_least_every_value(stakes in stakes(), parts in 0u32..=1_000_000_000) {
		let fraction = Perbill::from_parts(parts);
		let total: u128 = stakes.iter().sum();
		let next = slashed_factor(SLASH_ONE, fraction);
		let cut = slash_cut(total, fraction, next);
		let left: u128 =
			stakes.iter().map(|stake| after_slashes(*stake, SLASH_ONE, next)).sum();
		prop_assert!(left + cut <= total);
		prop_assert!(total - cut - left <= 2 * stakes.len() as u128 + 1);
	}

	#[test]
	fn weight_should_enclose_the_product(parts in 1u32..=1_000_000_000, grown in 0u128..10u128.pow(30)) {
		let sf = slashed_factor(SLASH_ONE, Perbill::from_parts(1_000_000_000 - parts));
		let crf = FACTOR_ONE + n(grown);
		prop_assert!(weight(crf, sf) <= weight_up(crf, sf));
		prop_assert!(weight_up(crf, sf) - weight(crf, sf) <= n(1));
		prop_assert_eq!(weight(crf, SLASH_ONE), crf);
		prop_assert_eq!(weight_up(crf, SLASH_ONE), crf);
	}

	/// Whatever happens, the bonds together are never worth more than the pool and have never
	/// earned more than it holds. Rounding remainders stay small.
	#[test]
	fn pool_should_cover_its_bonds(
		stakes in stakes(),
		story in prop::collection::vec((happens(), any::<prop::sample::Index>()), 0..40),
	) {
		let (mut pool, mut bonds) = pool_of(&stakes);
		let (mut paid_fees, mut deposited, mut smallest_sf) = (0u128, 0u128, SLASH_ONE);
		let steps = story.len() as u128;
		for (event, settles) in story {
			let (crf, sf) = (pool.now.crf, pool.now.sf);
			match event {
				Happens::Reward(amount, cut) => {
					let before = pool.total;
					let booked = pool.reward(amount, cut);
					prop_assert_eq!(pool.total, before + booked);
				},
				Happens::Fee(amount, share) => {
					let split = pool.deposit_fee(amount, share);
					prop_assert_eq!(split.transcoder + split.delegators, amount);
					deposited += amount;
					paid_fees += split.transcoder;
				},
				Happens::Slash(fraction) => {
					let before = pool.total;
					prop_assert_eq!(pool.slash(fraction), before - pool.total);
				},
				Happens::Round => {
					prop_assert!(pool.fold(pool.round + 1).is_none());
				},
			}
			prop_assert!(pool.now.crf >= crf && pool.now.sf <= sf);
			smallest_sf = smallest_sf.min(pool.now.sf);
			let index = settles.index(bonds.len());
			paid_fees += pool.settle(&mut bonds[index], index == 0, None);
			let values: u128 = bonds
				.iter()
				.map(|bond| stake_value(bond.amount, &bond.since, pool.now.crf, pool.now.sf))
				.sum();
			prop_assert!(values + pool.commission.total() <= pool.total);
			prop_assert!(pool.active <= pool.total);
		}
		for (index, bond) in bonds.iter_mut().enumerate() {
			paid_fees += pool.settle(bond, index == 0, None);
		}
		prop_assert_eq!(paid_fees + pool.fees, deposited);
		let values: u128 = bonds.iter().map(|bond| bond.amount).sum();
		let bonds = stakes.len() as u128;
		if let Some(shrunk) = SLASH_ONE.checked_div(smallest_sf) {
			prop_assert!(pool.total - values - pool.commission.total() <= 4 * (steps + 1) * (bonds + 1));
			let imprecision = 10 + 10 * shrunk;
			prop_assert!(pool.fees <= imprecision * (steps + 1) * (bonds + 1));
		} else {
			prop_assert_eq!(values, 0);
			prop_assert_eq!(pool.total, 0);
		}
	}
}
