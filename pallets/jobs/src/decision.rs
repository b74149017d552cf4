//! Every decision of the pallet as a plain function of its inputs.

use alloc::vec::Vec;
use livepeer_primitives::{
	draw::{assignment_order, sample_count},
	params::VerificationTerms,
	traits::Candidate,
	video::{Ladder, SourceLimits, TICKS_PER_SECOND},
	work::fee,
	AccountId, Balance, BlockNumber, Hash, JobId, Seq, MAX_TREE_DEPTH,
};
use sp_runtime::{helpers_128bit::multiply_by_rational_with_rounding, Rounding};

use crate::types::{Assignment, Class, Phase, Unsuited, Wake};

/// Blocks between asking for a draw and the draw. An account that asks in block n cannot know the
/// VRF of block n + 1, which the draw in block n + 2 includes.
pub const DRAW_DELAY: BlockNumber = 2;

/// The longest wait between two draws that find nobody. A waiting job costs almost nothing, so this
/// bounds what jobs that nobody can take cost. A top-up ends the wait.
pub const MAX_RETRY_DELAY: BlockNumber = 1_024;

/// Draws in a row for nothing after which a job ends: more than two hours' at two seconds a block.
pub const MAX_DRAWS: u8 = 12;

/// Least number of blocks between two steps of walks over the waiting jobs.
pub const WALK_INTERVAL: BlockNumber = 8;

/// Jobs that one step of a walk looks at. The weight of their draws leaves room for others even in
/// a block in which urgent tasks use all of their part.
pub const WALK_JOBS: u32 = 16;

/// Blocks after which a failed step is tried again.
pub const FAILURE_DELAY: BlockNumber = 64;

/// What a job does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
	/// Nothing before this block.
	Wait(BlockNumber),
	/// Draw the priority list.
	Draw,
	/// The offer was not accepted in time: ask the next transcoder.
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

/// The place of a job's next step, after `now`; `None` if it has ended.
///
/// An expiry is never urgent, whatever the job waited for. Neither is anything after a draw that
/// came to nothing, because it found nobody or nobody accepted. Jobs that end together, or that
/// nobody takes, thus delay nobody.
pub fn wake(phase: &Phase, end: BlockNumber, now: BlockNumber) -> Option<Wake> {
	let soon = now.saturating_add(1);
	let at = match step(phase, end, now) {
		Step::Wait(at) => at.max(soon),
		Step::Draw | Step::HandOn | Step::Expire => soon,
		Step::Rest => return None,
	};
	let class = match phase {
		_ if at >= end => Class::Lazy,
		phase if phase.retries() > 0 => Class::Lazy,
		Phase::Waiting { .. } | Phase::Offered { .. } => Class::Urgent,
		Phase::Running { .. } | Phase::Ended => Class::Lazy,
	};
	Some(Wake { class, at })
}

/// The block in which an assignment takes its next step; `None` while it waits for something else.
pub fn close_at(assignment: &Assignment) -> Option<BlockNumber> {
	let until = assignment.claimable_until?;
	if !assignment.over {
		return Some(until.saturating_add(1));
	}
	(assignment.open_claims == 0).then(|| assignment.kept_until.saturating_add(1))
}

/// Blocks to the next draw after `retries` draws in a row that came to nothing: 2, 4, 8, … up to
/// [`MAX_RETRY_DELAY`].
pub fn retry_delay(retries: u8) -> BlockNumber {
	let delay = DRAW_DELAY.checked_shl(u32::from(retries).min(16)).unwrap_or(MAX_RETRY_DELAY);
	delay.clamp(DRAW_DELAY, MAX_RETRY_DELAY)
}

/// Load of a job in work per second: segments with the most work and the longest duration, one
/// after the other; rounded up.
pub fn load(max_leaf_work: u64, limits: &SourceLimits) -> u64 {
	let ticks = u128::from(max_leaf_work).saturating_mul(TICKS_PER_SECOND.into());
	u64::try_from(ticks.div_ceil(u128::from(limits.longest).max(1))).unwrap_or(u64::MAX)
}

/// Open-claim places that an assignment needs if claims of `max_leaves` leaves take up to `life`
/// blocks of `slot` milliseconds until they are decided, at the job's shortest segments. One claim
/// is made while the others are judged.
pub fn places(life: BlockNumber, slot: u64, max_leaves: u32, limits: &SourceLimits) -> u32 {
	let life = u128::from(life).saturating_mul(slot.into());
	let ticks = u128::from(max_leaves).saturating_mul(limits.shortest.into());
	// A claim lasts ticks × 1,000 / 90,000 ms.
	let claims =
		life.saturating_mul(TICKS_PER_SECOND.into()).div_ceil(ticks.saturating_mul(1_000).max(1));
	u32::try_from(claims).unwrap_or(u32::MAX).saturating_add(1)
}

/// Blocks that a claim of `max_leaves` leaves lasts at the job's longest segments, rounded up.
pub fn claim_length(slot: u64, max_leaves: u32, limits: &SourceLimits) -> BlockNumber {
	let ticks = u128::from(max_leaves).saturating_mul(limits.longest.into()).saturating_mul(1_000);
	let block = u128::from(TICKS_PER_SECOND).saturating_mul(slot.into()).max(1);
	BlockNumber::try_from(ticks.div_ceil(block)).unwrap_or(BlockNumber::MAX)
}

/// An assignment costs at least this fraction of what its capacity and its places could earn while
/// it runs.
const RESERVATION_PART: u128 = 16;

/// What an assignment takes from everybody else while it runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kept {
	/// Work per second of its transcoder's capacity.
	pub load: u64,
	/// Its price of a standard segment.
	pub price: Balance,
	/// Open-claim places.
	pub places: u32,
	/// The most blocks for which a claim takes its place.
	pub claim_life: BlockNumber,
	/// The smallest fee that can be claimed.
	pub smallest_fee: Balance,
}

/// The least that running for `blocks` of `slot` milliseconds costs an assignment: a sixteenth of
/// what its load would cost, or of the smallest fees for which its places have room (one for each
/// place in a claim's life), whichever is more. Tiny segments take almost no capacity, and more
/// places than large ones.
pub fn reservation(kept: &Kept, blocks: BlockNumber, slot: u64) -> Balance {
	let Kept { load, price, places, claim_life, smallest_fee } = *kept;
	let work = u128::from(load).saturating_mul(blocks.into()).saturating_mul(slot.into())
		/ (1_000 * RESERVATION_PART);
	let of_room = fee(u64::try_from(work).unwrap_or(u64::MAX), price);
	let taken = u128::from(places).saturating_mul(blocks.into());
	let lives = u128::from(claim_life.max(1)).saturating_mul(RESERVATION_PART);
	let of_places = multiply_by_rational_with_rounding(taken, smallest_fee, lives, Rounding::Down)
		.unwrap_or(Balance::MAX);
	of_room.max(of_places)
}

/// Blocks without a claim after which an assignment can be ended as idle, if its largest claim
/// lasts `claim`: for anyone twice that, because a healthy stream may take so long. Its own
/// transcoder can end it sooner, and soonest if nothing was ever claimed.
pub fn patience(claim: BlockNumber, has_claimed: bool, is_own: bool) -> BlockNumber {
	match (is_own, has_claimed) {
		(false, _) => claim.saturating_mul(2),
		(true, true) => claim,
		(true, false) => claim / 8,
	}
}

/// What a job demands of a transcoder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Demand {
	/// The highest price.
	pub max_price: Balance,
	/// The most work of one segment.
	pub max_leaf_work: u64,
	/// Work per second.
	pub load: u64,
	/// Its renditions, whose profiles must be served.
	pub ladder: Ladder,
	/// What the job could reserve.
	pub unreserved: Balance,
	/// The smallest fee that can be claimed.
	pub smallest_fee: Balance,
	/// Work of the largest claim.
	pub full_claim: u64,
	/// The price below which nobody's claims are worth their verification.
	pub least_price: Balance,
	/// What is reserved for the verification of an assignment's last claim.
	pub reserve: Balance,
}

/// The least allowance that pays for one segment at `price`.
pub fn least_allowance(max_leaf_work: u64, price: Balance, smallest_fee: Balance) -> Balance {
	fee(max_leaf_work, price).max(smallest_fee)
}

/// Work of the largest claim of a job with these samples under `terms`: as many leaves as possible,
/// each as large as the job allows.
pub fn full_claim(terms: &VerificationTerms, max_samples: u32, max_leaf_work: u64) -> u64 {
	max_leaf_work.saturating_mul(terms.leaves_of(max_samples).into())
}

/// Whether anything can ever be claimed at `price` if the largest claim has this work.
pub fn is_claimable(full_claim: u64, price: Balance, smallest_fee: Balance) -> bool {
	fee(full_claim, price) >= smallest_fee
}

/// Whether claims at `price` can be worth their verification and the smallest fee.
fn is_price_enough(demand: &Demand, price: Balance) -> bool {
	price >= demand.least_price && is_claimable(demand.full_claim, price, demand.smallest_fee)
}

/// Whether `candidate` suits a job by its terms alone: its price is neither too high nor so low
/// that nothing could be claimed, its capacity covers the load, the job can pay it for at least one
/// segment, and it serves the job's profiles. Reads nothing from storage.
pub fn suits(demand: &Demand, candidate: &Candidate) -> bool {
	candidate.price <= demand.max_price
		&& is_price_enough(demand, candidate.price)
		&& demand.load <= candidate.capacity
		&& least_allowance(demand.max_leaf_work, candidate.price, demand.smallest_fee)
			.saturating_add(demand.reserve)
			<= demand.unreserved
		&& demand.ladder.iter().all(|rendition| candidate.profiles.contains(&rendition.profile))
}

/// What `candidate` lacks by its terms alone; [`Unsuited::Busy`] if it lacks nothing.
fn lacks(demand: &Demand, candidate: &Candidate) -> Unsuited {
	if !demand.ladder.iter().all(|rendition| candidate.profiles.contains(&rendition.profile)) {
		Unsuited::Profile
	} else if demand.load > candidate.capacity {
		Unsuited::Capacity
	} else if candidate.price > demand.max_price {
		Unsuited::Price
	} else if !is_price_enough(demand, candidate.price) {
		Unsuited::BelowVerification
	} else if !suits(demand, candidate) {
		Unsuited::Budget
	} else {
		Unsuited::Busy
	}
}

/// Why nobody can be offered a job: what the nearest candidate lacks.
pub fn why(demand: &Demand, candidates: &[Candidate]) -> Unsuited {
	let all = candidates.iter().map(|candidate| lacks(demand, candidate));
	all.max().unwrap_or(Unsuited::Nobody)
}

/// Whether at least `least` of `judges` are left without `transcoder`, which cannot judge its own
/// claims.
pub fn can_be_judged(judges: &[AccountId], transcoder: &AccountId, least: u32) -> bool {
	let least = least as usize;
	judges.len() > least || judges.len() == least && !judges.contains(transcoder)
}

/// The least worth of the smallest claim that a transcoder of this price can make of leaves of the
/// job's largest size. That much of its own bond must be free.
pub fn smallest_claim(
	terms: &VerificationTerms,
	max_leaf_work: u64,
	price: Balance,
	smallest_fee: Balance,
) -> Balance {
	let leaf = fee(max_leaf_work, price);
	leaf.max(smallest_fee).max(terms.least_fee(1, max_leaf_work, 1, max_leaf_work))
}

/// Whether a job can be offered to `candidate`, which already has `work` per second: it suits, and
/// has capacity left for the job.
pub fn is_eligible(demand: &Demand, candidate: &Candidate, work: u64) -> bool {
	work.checked_add(demand.load).is_some_and(|work| work <= candidate.capacity)
		&& suits(demand, candidate)
}

/// A job's priority list: the first `n` eligible entries of the one weighted order over all
/// candidates. Ineligible ones are removed and never reorder the rest.
pub fn draw_list<'a>(
	accumulator: Hash,
	job: JobId,
	candidates: impl IntoIterator<Item = &'a Candidate>,
	mut is_eligible: impl FnMut(&Candidate) -> bool,
	n: u32,
) -> Vec<AccountId> {
	let candidates: Vec<&Candidate> = candidates.into_iter().collect();
	let weights = candidates.iter().map(|candidate| (&candidate.account, candidate.stake));
	assignment_order(accumulator, job, weights)
		.into_iter()
		.filter_map(|index| candidates.get(index as usize).copied())
		.filter(|candidate| is_eligible(candidate))
		.take(n as usize)
		.map(|candidate| candidate.account.clone())
		.collect()
}

/// The amount to which an assignment's allowance is refilled: the fee of `leaves` segments at the
/// job's maximum, and at least the smallest fee.
pub fn target_allowance(
	max_leaf_work: u64,
	leaves: u32,
	price: Balance,
	smallest_fee: Balance,
) -> Balance {
	fee(max_leaf_work.saturating_mul(leaves.into()), price).max(smallest_fee)
}

/// The amount that moves from the unreserved budget into an allowance to refill it to `target`.
pub fn refill(target: Balance, allowance: Balance, unreserved: Balance) -> Balance {
	target.saturating_sub(allowance).min(unreserved)
}

/// The bounds of a claim.
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
	/// The terms of its verification.
	pub terms: VerificationTerms,
	/// The most of its leaves that are drawn.
	pub max_samples: u32,
	/// Whether the assignment has ended, so that its last claim can be small.
	pub has_ended: bool,
}

/// What a claim states.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claimed {
	/// The first segment.
	pub first: Seq,
	/// The last segment.
	pub last: Seq,
	/// Work of all leaves.
	pub total_work: u64,
	/// The most work of any of them.
	pub largest_leaf: u64,
}

/// What a claim amounts to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Charge {
	/// Its leaves.
	pub leaf_count: u32,
	/// The cursor after it.
	pub next_seq: Seq,
	/// Its fee.
	pub fee: Balance,
	/// The most that its verification can cost.
	pub prepayment: Balance,
	/// What its fee lacks to cover its verification at leaves of the mean size.
	pub shortfall: Balance,
}

impl Charge {
	/// The amount that its transcoder's own bond must back: its fee, or its verification if that is
	/// more.
	pub fn worth(&self) -> Balance {
		self.fee.max(self.prepayment)
	}
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
	/// The largest leaf is above the job's.
	LeafTooLarge,
	/// More work than its leaves can hold.
	WorkTooLarge,
	/// Less than the smallest fee.
	FeeTooSmall,
	/// More than the allowance.
	AllowanceExceeded,
	/// The fee does not cover its verification, while more could be claimed at once.
	FeeBelowVerification,
}

/// Checks a claim and prices it.
pub fn charge(bounds: &ClaimBounds, claimed: &Claimed) -> Result<Charge, BadClaim> {
	let Claimed { first, last, total_work, largest_leaf } = *claimed;
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
	if largest_leaf > bounds.max_leaf_work {
		return Err(BadClaim::LeafTooLarge);
	}
	if u128::from(total_work) > u128::from(largest_leaf) * u128::from(leaf_count) {
		return Err(BadClaim::WorkTooLarge);
	}
	let fee = fee(total_work, bounds.price);
	if fee < bounds.smallest_fee {
		return Err(BadClaim::FeeTooSmall);
	}
	if fee > bounds.allowance {
		return Err(BadClaim::AllowanceExceeded);
	}
	let terms = &bounds.terms;
	let samples = sample_count(terms.rate, leaf_count, bounds.max_samples);
	let least = terms.least_fee(samples, total_work, leaf_count, largest_leaf);
	if !bounds.has_ended && fee < least {
		return Err(BadClaim::FeeBelowVerification);
	}
	let prepayment = terms.most_cost(samples, total_work, largest_leaf);
	let shortfall = terms.mean_cost(samples, total_work, leaf_count).saturating_sub(fee);
	Ok(Charge { leaf_count, next_seq, fee, prepayment, shortfall })
}
