//! Draws: how a seed becomes positions, a committee or a transcoder.
//!
//! These are plain functions of the seed, so that anybody gets the same result in any later block.

use alloc::vec::Vec;
use codec::Encode;
use sp_core::U256;
use sp_runtime::Perbill;

use crate::{
	domain::{tagged_hash, ASSIGNMENT, COMMITTEE, DRAW, TRANCHE},
	AccountId, Balance, ClaimId, Hash, JobId,
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

/// Fraction bits of [`neg_log2`].
const FRACTION: u32 = 64;

/// `−log2((u + 1) / 2^64)` with 64 fraction bits, rounded up to at most 2^-58 more than the true
/// value; 0 for the largest `u`.
///
/// The logarithm's binary digits come one by one from squaring the mantissa, which keeps 128 bits,
/// rounded down.
pub fn neg_log2(u: u64) -> u128 {
	let value = u128::from(u) + 1;
	let exponent = value.ilog2();
	// In [1, 2) with 127 fraction bits.
	let mut mantissa = U256::from(value) << (127 - exponent);
	let mut log = u128::from(exponent) << FRACTION;
	for digit in (0..FRACTION).rev() {
		mantissa = (mantissa * mantissa) >> 127;
		if mantissa >> 128 != U256::zero() {
			mantissa >>= 1;
			log |= 1 << digit;
		}
	}
	(64u128 << FRACTION) - log
}

/// The value u of one candidate: the first 64 bits of `H(tag, seed, subject, account)`, big-endian.
pub fn ticket(tag: &[u8], seed: Hash, subject: &impl Encode, account: &AccountId) -> u64 {
	let hash = tagged_hash(tag, &(seed, subject, account));
	let mut first = [0u8; 8];
	first.copy_from_slice(&hash.as_bytes()[..8]);
	u64::from_be_bytes(first)
}

/// The weighted order of candidates with these [tickets](ticket): see [`weighted_order`].
pub fn order_of_tickets<'a>(
	candidates: impl IntoIterator<Item = (u64, &'a AccountId, Balance)>,
) -> Vec<u32> {
	let mut order: Vec<(U256, U256, &AccountId, u32)> = candidates
		.into_iter()
		.enumerate()
		.filter(|(_, (_, _, stake))| *stake > 0)
		.map(|(index, (ticket, account, stake))| {
			(U256::from(neg_log2(ticket)), U256::from(stake), account, index as u32)
		})
		.collect();
	// The factors are below 2^71 and 2^128, so the products fit.
	order.sort_unstable_by(|(log_a, stake_a, a, _), (log_b, stake_b, b, _)| {
		(log_a * stake_b).cmp(&(log_b * stake_a)).then_with(|| a.cmp(b))
	});
	order.into_iter().map(|(_, _, _, index)| index).collect()
}

/// The weighted order: indices of `candidates` in ascending order of `neg_log2(u) / stake`, where u
/// is the candidate's [`ticket`]. Ties are broken by account, and a candidate without stake has no
/// place.
///
/// The first n entries are a draw of n without replacement; each is drawn with a probability
/// proportional to its stake among those left. The order of two candidates does not depend on the
/// others, so removing one never reorders the rest.
pub fn weighted_order<'a>(
	tag: &[u8],
	seed: Hash,
	subject: &impl Encode,
	candidates: impl IntoIterator<Item = (&'a AccountId, Balance)>,
) -> Vec<u32> {
	order_of_tickets(
		candidates
			.into_iter()
			.map(|(account, stake)| (ticket(tag, seed, subject, account), account, stake)),
	)
}

/// The order in which the validators stored with `seed` are seated as judges of a claim.
pub fn committee_order<'a>(
	seed: Hash,
	claim: ClaimId,
	validators: impl IntoIterator<Item = (&'a AccountId, Balance)>,
) -> Vec<u32> {
	weighted_order(COMMITTEE, seed, &claim, validators)
}

/// The order in which a job is offered to transcoders.
pub fn assignment_order<'a>(
	seed: Hash,
	job: JobId,
	transcoders: impl IntoIterator<Item = (&'a AccountId, Balance)>,
) -> Vec<u32> {
	weighted_order(ASSIGNMENT, seed, &job, transcoders)
}

/// The seed of a tranche's evidence: from the beacon's seed (first tranche), or from the
/// accumulator two blocks after the previous phase closed (later tranches and disputes).
pub fn tranche_seed(entropy: Hash, claim: ClaimId, tranche: u8) -> Hash {
	tagged_hash(TRANCHE, &(entropy, claim, tranche))
}
