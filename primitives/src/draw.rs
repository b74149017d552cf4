//! Chance: how a seed becomes positions, a committee or a transcoder.
//!
//! Plain functions of the seed, so that anybody gets the same result in any later block.

use alloc::vec::Vec;
use codec::Encode;
use sp_core::U256;
use sp_runtime::Perbill;

use crate::{
	domain::{tagged_hash, COMMITTEE, DRAW, TRANCHE},
	Balance, ClaimId, Hash,
};

/// How many leaves of a claim are drawn: `clamp(⌈rate × leaf_count⌉, 1, max)`.
pub fn sample_count(rate: Perbill, leaf_count: u32, max: u32) -> u32 {
	rate.mul_ceil(leaf_count).clamp(1, max.max(1))
}

/// A number uniform in `[0, bound)` from 256 bits of `entropy`; the bias is below 2^-128.
fn uniform(entropy: &impl Encode, tag: &[u8], bound: u128) -> u128 {
	if bound == 0 {
		return 0;
	}
	let hash = tagged_hash(tag, entropy);
	(U256::from_big_endian(hash.as_bytes()) % U256::from(bound)).low_u128()
}

/// The `k` positions in `[0, total_work)` that a claim must answer for.
pub fn positions(seed: Hash, claim: ClaimId, root: Hash, total_work: u64, k: u32) -> Vec<u64> {
	(0..k).map(|i| uniform(&(seed, claim, root, i), DRAW, total_work.into()) as u64).collect()
}

/// Draws `n` of `weights` without replacement, each with the probability of its weight among
/// those left; returns indices in the order drawn. Zero weights are never drawn; fewer than `n`
/// come back when no more are left.
pub fn weighted_sample(tag: &[u8], entropy: &impl Encode, weights: &[Balance], n: u32) -> Vec<u32> {
	let mut left: Vec<(u32, Balance)> =
		weights.iter().enumerate().filter(|(_, w)| **w > 0).map(|(i, w)| (i as u32, *w)).collect();
	let mut drawn = Vec::new();
	for step in 0..n {
		let total = left.iter().fold(0u128, |sum, (_, w)| sum.saturating_add(*w));
		if total == 0 {
			break;
		}
		let mut at = uniform(&(entropy, step), tag, total);
		let hit = left
			.iter()
			.position(|(_, w)| {
				let here = at < *w;
				at = at.saturating_sub(*w);
				here
			})
			.unwrap_or(left.len() - 1);
		drawn.push(left.remove(hit).0);
	}
	drawn
}

/// The committee of a claim's tranche: indices into the validators that were stored with the
/// seed and are eligible.
pub fn committee(seed: Hash, claim: ClaimId, tranche: u8, stakes: &[Balance], n: u32) -> Vec<u32> {
	weighted_sample(COMMITTEE, &(seed, claim, tranche), stakes, n)
}

/// The seed of a tranche's evidence, from the beacon's seed (first tranche) or from the
/// accumulator two blocks after the previous phase closed (later tranches and disputes).
pub fn tranche_seed(entropy: Hash, claim: ClaimId, tranche: u8) -> Hash {
	tagged_hash(TRANCHE, &(entropy, claim, tranche))
}
