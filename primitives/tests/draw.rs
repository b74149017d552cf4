//! Draws: uniform, without replacement, weighted by stake, and the same for everybody.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;

use codec::Encode;
use common::account;
use livepeer_primitives::{
	domain::{tagged_hash, ASSIGNMENT, COMMITTEE, SEAT},
	draw::{
		assignment_order, committee_order, neg_log2, order_of_tickets, positions, sample_count,
		ticket, tranche_seed, weighted_order,
	},
	AccountId, Balance, Hash, UNIT,
};
use proptest::prelude::*;
use sp_core::U512;
use sp_runtime::Perbill;

const SEED: Hash = Hash::repeat_byte(9);
const ROOT: Hash = Hash::repeat_byte(4);

#[test]
fn sample_count_should_follow_the_worked_numbers() {
	let count = |rate: f64, leaves, max| {
		sample_count(Perbill::from_parts((rate * 1e9) as u32), leaves, max)
	};
	assert_eq!(count(0.02, 800, 16), 16);
	assert_eq!(count(0.02, 801, 16), 16);
	assert_eq!(count(0.02, 50, 16), 1);
	assert_eq!(count(0.02, 51, 16), 2);
	assert_eq!(count(0.02, 1, 16), 1);
	assert_eq!(count(0.25, 16, 16), 4);
	assert_eq!(count(0.25, 64, 16), 16);
	assert_eq!(count(0.0, 4_000, 16), 1);
	assert_eq!(count(0.5, 4, 0), 1);
}

#[test]
fn positions_should_be_uniform() {
	const BUCKETS: u64 = 64;
	const PER_BUCKET: u64 = 1_000;
	let total = 1_000_003 * BUCKETS;
	let mut hits = [0f64; BUCKETS as usize];
	for position in positions(SEED, 1, ROOT, total, (BUCKETS * PER_BUCKET) as u32) {
		assert!(position < total);
		hits[(position * BUCKETS / total) as usize] += 1.0;
	}
	let expected = PER_BUCKET as f64;
	let chi2: f64 = hits.iter().map(|h| (h - expected).powi(2) / expected).sum();
	// 63 degrees of freedom: mean 63, standard deviation 11.2.
	assert!((20.0..130.0).contains(&chi2), "chi-squared {chi2}");
}

#[test]
fn positions_should_depend_on_seed_claim_root_and_number() {
	let base = positions(SEED, 1, ROOT, u64::MAX, 16);
	assert_eq!(base, positions(SEED, 1, ROOT, u64::MAX, 16));
	assert_eq!(base.iter().collect::<BTreeSet<_>>().len(), 16);
	assert_ne!(base, positions(Hash::repeat_byte(8), 1, ROOT, u64::MAX, 16));
	assert_ne!(base, positions(SEED, 2, ROOT, u64::MAX, 16));
	assert_ne!(base, positions(SEED, 1, Hash::repeat_byte(5), u64::MAX, 16));
	// Drawing more keeps the first ones.
	assert_eq!(base[..4], positions(SEED, 1, ROOT, u64::MAX, 4));
}

#[test]
fn positions_should_be_zero_when_there_is_no_work() {
	assert_eq!(positions(SEED, 1, ROOT, 0, 3), [0, 0, 0]);
	assert_eq!(positions(SEED, 1, ROOT, 1, 3), [0, 0, 0]);
}

#[test]
fn tranche_seed_should_depend_on_all_that_it_is_made_of() {
	let base = tranche_seed(SEED, 1, 0);
	assert_ne!(base, SEED);
	assert_ne!(base, tranche_seed(ROOT, 1, 0));
	assert_ne!(base, tranche_seed(SEED, 2, 0));
	assert_ne!(base, tranche_seed(SEED, 1, 1));
}

/// Fraction bits of the reference.
const BITS: usize = 200;

/// ln((1 + num/den) / (1 − num/den)) / 2 with [`BITS`] fraction bits, by its series; num/den ≤ 1/3.
fn artanh(num: U512, den: U512) -> U512 {
	let z = (num << BITS) / den;
	let square = (z * z) >> BITS;
	let (mut power, mut sum, mut odd) = (z, U512::zero(), 1u64);
	while !power.is_zero() {
		sum += power / odd;
		power = (power * square) >> BITS;
		odd += 2;
	}
	sum
}

/// −log2((u + 1) / 2^64) with [`BITS`] fraction bits: log2 m = artanh((m − 1)/(m + 1)) /
/// artanh(1/3), for m in [1, 2). Shares nothing with the digit by digit method that it checks.
fn reference(u: u64) -> U512 {
	let value = u128::from(u) + 1;
	let exponent = value.ilog2();
	let (value, one) = (U512::from(value), U512::one() << exponent as usize);
	let two = artanh(U512::one(), 3.into());
	let fraction = (artanh(value - one, value + one) << BITS) / two;
	(U512::from(64 - exponent) << BITS) - fraction
}

fn assert_log(u: u64) {
	// The reference errs by about 2^-190 in either direction.
	let slack = U512::one() << (BITS - 180);
	let computed = U512::from(neg_log2(u)) << (BITS - 64);
	let exact = reference(u);
	assert!(computed + slack >= exact, "rounded down at {u}");
	assert!(computed <= exact + slack + (U512::one() << (BITS - 58)), "too far above at {u}");
}

#[test]
fn neg_log2_should_be_exact_at_powers_of_two() {
	assert_eq!(neg_log2(0), 64 << 64);
	assert_eq!(neg_log2(u64::MAX), 0);
	for exponent in 0..64u32 {
		assert_eq!(neg_log2((1u64 << exponent) - 1), u128::from(64 - exponent) << 64);
	}
}

#[test]
fn neg_log2_should_be_within_its_bound_at_the_edges() {
	for exponent in 0..64u32 {
		let power = 1u64 << exponent;
		for u in [power - 1, power, power + 1, power | (power >> 1), u64::MAX - power] {
			assert_log(u);
		}
	}
	// The well-known digits of log2(3): 1.5849625007211561814537389439478165…
	let log2_of_3 = (64u128 << 64) - neg_log2(2);
	assert_eq!(log2_of_3 >> 64, 1);
	let digits = (u128::from(log2_of_3 as u64) * 10u128.pow(18)) >> 64;
	assert_eq!(digits, 584_962_500_721_156_181);
}

/// Candidates with accounts in ascending order.
fn candidates(stakes: &[Balance]) -> Vec<(AccountId, Balance)> {
	(0u16..).zip(stakes).map(|(id, stake)| (numbered(id), *stake)).collect()
}

fn numbered(id: u16) -> AccountId {
	let mut bytes = [0; 32];
	bytes[..2].copy_from_slice(&id.to_be_bytes());
	AccountId::new(bytes)
}

fn order(tag: &[u8], seed: Hash, subject: u64, candidates: &[(AccountId, Balance)]) -> Vec<u32> {
	weighted_order(tag, seed, &subject, candidates.iter().map(|(who, stake)| (who, *stake)))
}

fn accounts(order: &[u32], of: &[(AccountId, Balance)]) -> Vec<AccountId> {
	order.iter().map(|index| of[*index as usize].0.clone()).collect()
}

#[test]
fn order_should_be_that_of_the_formula() {
	// As the text states it, sharing nothing but the hash: −log2(u) ÷ stake, compared as fractions.
	let of = candidates(&[1, 5, 0, 100, 7, u128::MAX, 3, 12]);
	for subject in 0..50u64 {
		let mut expected: Vec<u32> = (0..of.len() as u32).filter(|i| *i != 2).collect();
		let key = |index: u32| {
			let (who, stake) = &of[index as usize];
			let hash = tagged_hash(b"test", &(SEED, subject, who));
			let u = u64::from_be_bytes(hash.0[..8].try_into().unwrap());
			assert_eq!(u, ticket(b"test", SEED, &subject, who));
			(U512::from(neg_log2(u)), U512::from(*stake), who)
		};
		expected.sort_by(|a, b| {
			let ((log_a, stake_a, who_a), (log_b, stake_b, who_b)) = (key(*a), key(*b));
			(log_a * stake_b).cmp(&(log_b * stake_a)).then(who_a.cmp(who_b))
		});
		assert_eq!(order(b"test", SEED, subject, &of), expected);
	}
}

#[test]
fn orders_should_depend_on_tag_seed_and_subject() {
	let of = candidates(&[100; 40]);
	let refs = || of.iter().map(|(who, stake)| (who, *stake));
	let base = committee_order(SEED, 1, refs());
	assert_eq!(base, committee_order(SEED, 1, refs()));
	assert_eq!(base, order(COMMITTEE, SEED, 1, &of));
	assert_eq!(assignment_order(SEED, 1, refs()), order(ASSIGNMENT, SEED, 1, &of));
	let orders: BTreeSet<_> = [
		base,
		committee_order(Hash::zero(), 1, refs()),
		committee_order(SEED, 2, refs()),
		assignment_order(SEED, 1, refs()),
		order(SEAT, SEED, 1, &of),
	]
	.into();
	assert_eq!(orders.len(), 5);
}

#[test]
fn order_should_not_depend_on_how_the_candidates_are_listed() {
	let mut of = candidates(&[3, 1, 4, 1, 5, 9, 2, 6]);
	let first = accounts(&order(COMMITTEE, SEED, 1, &of), &of);
	of.reverse();
	assert_eq!(accounts(&order(COMMITTEE, SEED, 1, &of), &of), first);
}

#[test]
fn ties_should_go_by_account() {
	let (a, b, c) = (account(1), account(2), account(3));
	// One u, one stake.
	assert_eq!(order_of_tickets([(5, &c, 10), (5, &a, 10), (5, &b, 10)]), [1, 2, 0]);
	// The largest u comes first whatever the stake, and ties with itself.
	let largest = u64::MAX;
	assert_eq!(
		order_of_tickets([(largest, &c, u128::MAX), (largest, &b, 1), (7, &a, u128::MAX)]),
		[1, 0, 2]
	);
	// Different logarithms and stakes with the same quotient: −log2 of 1/4 and 1/2 are 2 and 1.
	let (quarter, half) = ((1 << 62) - 1, (1 << 63) - 1);
	assert_eq!(order_of_tickets([(half, &b, 10), (quarter, &a, 20)]), [1, 0]);
	assert_eq!(order_of_tickets([(half, &a, 10), (quarter, &b, 20)]), [0, 1]);
	// One wei decides.
	assert_eq!(order_of_tickets([(half, &b, 11), (quarter, &a, 20)]), [0, 1]);
	assert_eq!(order_of_tickets([(half, &a, 10), (quarter, &b, 21)]), [1, 0]);
}

#[test]
fn smallest_ticket_should_come_last_but_for_its_stake() {
	let (a, b) = (account(1), account(2));
	assert_eq!(order_of_tickets([(0, &a, 10), (1, &b, 10)]), [1, 0]);
	// −log2 is 64 against 63: as stakes of 64 and 63.
	assert_eq!(order_of_tickets([(0, &b, 64), (1, &a, 63)]), [1, 0]);
	assert_eq!(order_of_tickets([(0, &b, 65), (1, &a, 63)]), [0, 1]);
}

#[test]
fn order_should_not_overflow_at_the_largest_stakes() {
	let of = candidates(&[u128::MAX; 12]);
	let all: BTreeSet<_> = order(COMMITTEE, SEED, 3, &of).into_iter().collect();
	assert_eq!(all.len(), 12);
	let (a, b) = (account(1), account(2));
	assert_eq!(order_of_tickets([(0, &a, u128::MAX), (0, &b, u128::MAX)]), [0, 1]);
	assert_eq!(order_of_tickets([(0, &a, u128::MAX), (u64::MAX, &b, 1)]), [1, 0]);
}

#[test]
fn no_stake_should_mean_no_place() {
	assert!(order(COMMITTEE, SEED, 1, &candidates(&[0, 0])).is_empty());
	assert!(order(COMMITTEE, SEED, 1, &[]).is_empty());
	assert_eq!(order(COMMITTEE, SEED, 1, &candidates(&[0, 1, 0])), [1]);
	// Not even by so little that it would round: 1 wei beside the largest stake has its place.
	assert_eq!(order(COMMITTEE, SEED, 1, &candidates(&[u128::MAX, 1])).len(), 2);
}

/// How far the counts are from `shares` of their sum.
fn chi_squared(counts: &[u32], shares: &[f64]) -> f64 {
	let (sum, total): (u32, f64) = (counts.iter().sum(), shares.iter().sum());
	let expected = |share: &f64| f64::from(sum) * share / total;
	let term = |(count, share): (&u32, &f64)| {
		let expected = expected(share);
		(f64::from(*count) - expected).powi(2) / expected
	};
	counts.iter().zip(shares).map(term).sum()
}

const STAKES: [Balance; 8] =
	[UNIT, 2 * UNIT, 3 * UNIT, 5 * UNIT, 8 * UNIT, 13 * UNIT, 21 * UNIT, 47 * UNIT];

/// Who came at `place`, over many seeds.
fn counts_at(place: usize, first: Option<u32>, draws: u64) -> [u32; 8] {
	let of = candidates(&STAKES);
	let mut counts = [0; 8];
	for subject in 0..draws {
		let order = order(COMMITTEE, SEED, subject, &of);
		if first.is_none_or(|first| order[0] == first) {
			counts[order[place] as usize] += 1;
		}
	}
	counts
}

#[test]
fn first_place_should_follow_the_stakes() {
	let counts = counts_at(0, None, 20_000);
	let by_stake = chi_squared(&counts, &STAKES.map(|stake| (stake / UNIT) as f64));
	// 7 degrees of freedom: a value above 30 has a chance of one in ten thousand.
	assert!(by_stake < 30.0, "chi-squared {by_stake}: {counts:?}");
	// The test is able to tell: an order that ignores the stakes would look like this.
	let uniform = chi_squared(&counts, &[1.0; 8]);
	assert!(uniform > 1_000.0, "chi-squared {uniform}: {counts:?}");
}

#[test]
fn second_place_should_follow_the_stakes_of_those_left() {
	// If the largest comes first, the second place is a draw among the others.
	let counts = counts_at(1, Some(7), 40_000);
	assert_eq!(counts[7], 0);
	let rest: Vec<f64> = STAKES[..7].iter().map(|stake| (stake / UNIT) as f64).collect();
	let by_stake = chi_squared(&counts[..7], &rest);
	// 6 degrees of freedom.
	assert!(by_stake < 28.0, "chi-squared {by_stake}: {counts:?}");
	assert!(chi_squared(&counts[..7], &[1.0; 7]) > 1_000.0);
}

#[test]
fn small_differences_of_stake_should_weigh() {
	// 10 % more stake gives 10 % more first places. 20,000 draws tell 1.1 from 1 by six deviations.
	let of = candidates(&[10, 11]);
	let larger = (0..20_000u64).filter(|s| order(COMMITTEE, SEED, *s, &of)[0] == 1).count();
	let (expected, deviation) = (20_000.0 * 11.0 / 21.0, 70.6);
	assert!((larger as f64 - expected).abs() < 4.0 * deviation, "{larger}");
	assert!(larger as f64 - 10_000.0 > 4.0 * deviation, "{larger}");
}

#[test]
fn splitting_a_stake_should_neither_help_nor_harm() {
	// Half of the stake, under one account or under four, comes first with the same chance.
	let of = candidates(&[40, 10, 10, 10, 10]);
	let whole = (0..20_000u64).filter(|s| order(COMMITTEE, SEED, *s, &of)[0] == 0).count();
	assert!((9_700..10_300).contains(&whole), "{whole}");
}

proptest! {
	#[test]
	fn neg_log2_should_be_within_its_bound(u in any::<u64>(), shift in 0u32..64) {
		assert_log(u >> shift);
	}

	#[test]
	fn neg_log2_should_not_grow(u in any::<u64>(), step in 1u64..1_000_000) {
		prop_assert!(neg_log2(u) >= neg_log2(u.saturating_add(step)));
	}

	/// The order is drawn first and eligibility is read afterwards, so toggling one's own account
	/// moves nobody else.
	#[test]
	fn striking_candidates_out_should_never_reorder_the_rest(
		stakes in prop::collection::vec(
			prop_oneof![Just(0u128), 1u128..1_000, (1u128..1_000).prop_map(|s| s * UNIT), any::<u128>()],
			0..60,
		),
		strike in any::<u64>(),
		subject in any::<u64>(),
	) {
		let of = candidates(&stakes);
		let all = accounts(&order(COMMITTEE, SEED, subject, &of), &of);
		prop_assert_eq!(all.len(), stakes.iter().filter(|stake| **stake > 0).count());
		prop_assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());

		let kept = |who: &AccountId| {
			let bytes: &[u8] = who.as_ref();
			strike >> (bytes[1] % 64) & 1 == 0
		};
		// Whether they are left out of the candidates or removed from the order.
		let fewer: Vec<_> = of.iter().filter(|(who, _)| kept(who)).cloned().collect();
		let expected: Vec<_> = all.into_iter().filter(kept).collect();
		prop_assert_eq!(accounts(&order(COMMITTEE, SEED, subject, &fewer), &fewer), expected);
	}

	/// More stake never means a later place.
	#[test]
	fn more_stake_should_never_move_a_candidate_back(
		stakes in prop::collection::vec(1u128..1_000_000, 2..40),
		pick in any::<usize>(),
		more in 1u128..1_000_000,
		subject in any::<u64>(),
	) {
		let pick = pick % stakes.len();
		let place = |stakes: &[Balance]| {
			let order = order(COMMITTEE, SEED, subject, &candidates(stakes));
			order.iter().position(|index| *index as usize == pick).unwrap()
		};
		let mut raised = stakes.clone();
		raised[pick] += more;
		prop_assert!(place(&raised) <= place(&stakes));
	}

	#[test]
	fn positions_should_lie_within_the_total(total in 1u64.., k in 0u32..40, claim in any::<u64>()) {
		let drawn = positions(SEED, claim, ROOT, total, k);
		prop_assert_eq!(drawn.len() as u32, k);
		prop_assert!(drawn.into_iter().all(|p| p < total));
	}

	#[test]
	fn sample_count_should_keep_the_rate_and_its_bounds(
		parts in 0u32..=1_000_000_000,
		leaves in 0u32..5_000,
		max in 0u32..40,
	) {
		let k = sample_count(Perbill::from_parts(parts), leaves, max);
		prop_assert!(k >= 1 && k <= max.max(1));
		let exact = u64::from(parts) * u64::from(leaves);
		prop_assert!(k == max.max(1) || u64::from(k) * 1_000_000_000 >= exact);
	}

	/// Subjects of different types never share a preimage with the account behind them.
	#[test]
	fn subject_should_not_run_into_the_account(subject in any::<u32>()) {
		let of = candidates(&[10; 12]);
		let refs = || of.iter().map(|(who, stake)| (who, *stake));
		let narrow = weighted_order(b"test", SEED, &subject, refs());
		let wide = weighted_order(b"test", SEED, &u64::from(subject), refs());
		prop_assert_ne!(subject.encode(), u64::from(subject).encode());
		prop_assert_ne!(narrow, wide);
	}
}
