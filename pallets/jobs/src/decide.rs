//! Every decision of the pallet as a plain function of its inputs.

use alloc::vec::Vec;
use livepeer_primitives::{
	domain::ASSIGNMENT, draw::weighted_sample, traits::Candidate, work::fee, AccountId, Balance,
	BlockNumber, Hash, JobId, Seq, MAX_TREE_DEPTH,
};

use crate::types::Phase;

/// Blocks between asking for a draw and the draw. Whoever asks in block n cannot know the VRF of
/// block n + 1, which the draw in block n + 2 includes.
pub const DRAW_DELAY: BlockNumber = 2;

/// The longest wait between two draws that find nobody. A job costs next to nothing while it
/// waits, so this bounds what jobs that nobody can take cost; a top-up ends the wait.
pub const MAX_RETRY_DELAY: BlockNumber = 1_024;

/// Blocks after which a step that failed is taken again.
pub const FAILURE_DELAY: BlockNumber = 64;

/// What a job does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
	/// Nothing before this block.
	Wait(BlockNumber),
	/// Draw the priority list.
	Draw,
	/// The offer was not accepted in time: the next transcoder.
	HandOn,
	/// Its end block has come.
	Expire,
	/// It has ended and takes no step of its own.
	Rest,
}

/// The step that a job takes at `now`.
pub fn step(phase: &Phase, end: BlockNumber, now: BlockNumber) -> Step {
	match phase {
		Phase::Ended => Step::Rest,
		_ if now >= end => Step::Expire,
		Phase::Waiting { draw_at, .. } if now >= *draw_at => Step::Draw,
		Phase::Waiting { draw_at, .. } => Step::Wait((*draw_at).min(end)),
		Phase::Offered { until, .. } if now > *until => Step::HandOn,
		Phase::Offered { until, .. } => Step::Wait(until.saturating_add(1).min(end)),
		Phase::Running { .. } => Step::Wait(end),
	}
}

/// The block at which a job must be looked at again, after `now`; `None` when it has ended.
pub fn wake(phase: &Phase, end: BlockNumber, now: BlockNumber) -> Option<BlockNumber> {
	let soon = now.saturating_add(1);
	match step(phase, end, now) {
		Step::Wait(at) => Some(at.max(soon)),
		Step::Draw | Step::HandOn | Step::Expire => Some(soon),
		Step::Rest => None,
	}
}

/// Blocks to the next draw after `retries` draws in a row that found nobody: 2, 4, 8, … up to
/// [`MAX_RETRY_DELAY`].
pub fn retry_delay(retries: u8) -> BlockNumber {
	let delay = DRAW_DELAY.checked_shl(u32::from(retries).min(16)).unwrap_or(MAX_RETRY_DELAY);
	delay.clamp(DRAW_DELAY, MAX_RETRY_DELAY)
}

/// What a job demands of a transcoder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Demand {
	/// The highest price.
	pub max_price: Balance,
	/// The most work of one segment.
	pub max_leaf_work: u64,
	/// What the job could reserve.
	pub unreserved: Balance,
	/// The smallest fee that can be claimed.
	pub smallest_fee: Balance,
}

/// What must be there to pay for one segment at `price`.
pub fn least_allowance(max_leaf_work: u64, price: Balance, smallest_fee: Balance) -> Balance {
	fee(max_leaf_work, price).max(smallest_fee)
}

/// Whether the price of `candidate` suits a job: it is not too high, and the job can pay it for one
/// segment at least. Needs nothing that would have to be read for it.
pub fn suits(demand: &Demand, candidate: &Candidate) -> bool {
	candidate.price <= demand.max_price
		&& least_allowance(demand.max_leaf_work, candidate.price, demand.smallest_fee)
			<= demand.unreserved
}

/// Whether a job can be offered to `candidate`, which has `load` assignments: its price suits, and
/// it has room for one more.
pub fn is_eligible(demand: &Demand, candidate: &Candidate, load: u32) -> bool {
	load < candidate.capacity && suits(demand, candidate)
}

/// Draws a job's priority list among the eligible, weighted by stake.
pub fn draw_list(accumulator: Hash, job: JobId, eligible: &[&Candidate], n: u32) -> Vec<AccountId> {
	let stakes: Vec<Balance> = eligible.iter().map(|candidate| candidate.stake).collect();
	weighted_sample(ASSIGNMENT, &(accumulator, job), &stakes, n)
		.into_iter()
		.filter_map(|index| eligible.get(index as usize))
		.map(|candidate| candidate.account.clone())
		.collect()
}

/// What an assignment's allowance is filled up to: the fee of `leaves` segments at the job's
/// maximum, and never less than one claim can be worth.
pub fn target_allowance(
	max_leaf_work: u64,
	leaves: u32,
	price: Balance,
	smallest_fee: Balance,
) -> Balance {
	fee(max_leaf_work.saturating_mul(leaves.into()), price).max(smallest_fee)
}

/// What moves from the unreserved budget into an allowance to fill it up to `target`.
pub fn refill(target: Balance, allowance: Balance, unreserved: Balance) -> Balance {
	target.saturating_sub(allowance).min(unreserved)
}

/// What bounds a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClaimBounds {
	/// The assignment's cursor.
	pub next_seq: Seq,
	/// What the assignment can still claim.
	pub allowance: Balance,
	/// Its price of a standard segment.
	pub price: Balance,
	/// The most work of one leaf.
	pub max_leaf_work: u64,
	/// The most leaves of a claim.
	pub max_leaves: u32,
	/// The smallest fee that can be claimed.
	pub smallest_fee: Balance,
}

/// What a claim comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Charge {
	/// Its leaves.
	pub leaf_count: u32,
	/// The cursor after it.
	pub next_seq: Seq,
	/// Its fee.
	pub fee: Balance,
}

/// Why a claim is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadClaim {
	/// It begins before the cursor, or ends before it begins.
	NotAscending,
	/// More leaves than a claim may have.
	TooManyLeaves,
	/// No work.
	NoWork,
	/// More work than its leaves can hold.
	WorkTooLarge,
	/// Less than the smallest fee.
	FeeTooSmall,
	/// More than the allowance.
	AllowanceExceeded,
}

/// Checks a claim of the segments `first..=last` with `total_work` and prices it.
pub fn charge(
	bounds: &ClaimBounds,
	first: Seq,
	last: Seq,
	total_work: u64,
) -> Result<Charge, BadClaim> {
	if first < bounds.next_seq || last < first {
		return Err(BadClaim::NotAscending);
	}
	let next_seq = last.checked_add(1).ok_or(BadClaim::NotAscending)?;
	let leaf_count = u32::try_from(next_seq.saturating_sub(first))
		.ok()
		.filter(|count| *count <= bounds.max_leaves.min(1 << MAX_TREE_DEPTH))
		.ok_or(BadClaim::TooManyLeaves)?;
	if total_work == 0 {
		return Err(BadClaim::NoWork);
	}
	if u128::from(total_work) > u128::from(bounds.max_leaf_work) * u128::from(leaf_count) {
		return Err(BadClaim::WorkTooLarge);
	}
	let fee = fee(total_work, bounds.price);
	if fee < bounds.smallest_fee {
		return Err(BadClaim::FeeTooSmall);
	}
	if fee > bounds.allowance {
		return Err(BadClaim::AllowanceExceeded);
	}
	Ok(Charge { leaf_count, next_seq, fee })
}
