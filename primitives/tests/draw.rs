//! Chance: uniform, without replacement, the same for everybody.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeSet;

use livepeer_primitives::{
	draw::{committee, positions, sample_count, tranche_seed, weighted_sample},
	Hash,
};
use proptest::prelude::*;
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
	// More draws keep the first ones.
	assert_eq!(base[..4], positions(SEED, 1, ROOT, u64::MAX, 4));
}

#[test]
fn positions_should_be_zero_when_there_is_no_work() {
	assert_eq!(positions(SEED, 1, ROOT, 0, 3), [0, 0, 0]);
	assert_eq!(positions(SEED, 1, ROOT, 1, 3), [0, 0, 0]);
}

#[test]
fn sample_should_follow_the_weights() {
	let weights = [1u128, 2, 3, 4, 0, 10];
	let rounds = 20_000u32;
	let mut hits = [0f64; 6];
	for round in 0..rounds {
		let drawn = weighted_sample(b"test", &round, &weights, 1);
		hits[drawn[0] as usize] += 1.0;
	}
	for (weight, hits) in weights.iter().zip(hits) {
		let p = *weight as f64 / 20.0;
		let slack = 6.0 * (f64::from(rounds) * p * (1.0 - p)).sqrt();
		assert!((hits - f64::from(rounds) * p).abs() <= slack, "weight {weight}: {hits}");
	}
}

#[test]
fn second_draw_should_follow_the_weights_of_those_left() {
	// After the heavy one, the two light ones are equally likely.
	let weights = [1_000_000u128, 1, 1];
	let rounds = 10_000u32;
	let mut first_light = 0;
	for round in 0..rounds {
		let drawn = weighted_sample(b"test", &round, &weights, 3);
		let light: Vec<_> = drawn.iter().filter(|i| **i != 0).collect();
		first_light += u32::from(*light[0] == 1);
	}
	assert!((4_600..5_400).contains(&first_light), "{first_light}");
}

#[test]
fn committee_should_depend_on_seed_claim_and_tranche() {
	let stakes = vec![100u128; 40];
	let base = committee(SEED, 1, 0, &stakes, 5);
	assert_eq!(base, committee(SEED, 1, 0, &stakes, 5));
	assert_ne!(base, committee(Hash::zero(), 1, 0, &stakes, 5));
	assert_ne!(base, committee(SEED, 2, 0, &stakes, 5));
	assert_ne!(base, committee(SEED, 1, 1, &stakes, 5));
}

#[test]
fn tranche_seed_should_depend_on_all_that_it_is_made_of() {
	let base = tranche_seed(SEED, 1, 0);
	assert_ne!(base, SEED);
	assert_ne!(base, tranche_seed(ROOT, 1, 0));
	assert_ne!(base, tranche_seed(SEED, 2, 0));
	assert_ne!(base, tranche_seed(SEED, 1, 1));
}

proptest! {
	#[test]
	fn sample_should_be_without_replacement_and_skip_zero_weights(
		weights in prop::collection::vec(prop_oneof![Just(0u128), 1u128..1_000, any::<u128>()], 0..60),
		n in 0u32..80,
		entropy in any::<u64>(),
	) {
		let drawn = weighted_sample(b"test", &entropy, &weights, n);
		let eligible = weights.iter().filter(|w| **w > 0).count();
		prop_assert_eq!(drawn.len(), eligible.min(n as usize));
		prop_assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), drawn.len());
		prop_assert!(drawn.iter().all(|i| weights[*i as usize] > 0));
		// Fewer members of the same draw are its first ones.
		let fewer = weighted_sample(b"test", &entropy, &weights, n / 2);
		prop_assert_eq!(&drawn[..fewer.len()], &fewer[..]);
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
}
