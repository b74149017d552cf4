//! Decides by its worth whether the next claim of an assignment is made, waits or is given up.

use std::collections::BTreeMap;

use livepeer_primitives::{
	api::{AssignmentView, ClaimTerms, JobView},
	draw::sample_count,
	leaf::Leaf,
	params::VerificationTerms,
	sum_tree::{Commitment, SumTree, TreeError},
	work::fee,
	Balance, Seq, ETH_MINIMUM,
};
use sp_runtime::Perbill;

use super::TranscodeConfig;
use crate::{decimal, ports::store::TranscodedSegment, rules::claims::build};

/// The target for the share of a claim's verification in all work. If even the longest claim exceeds it, as
/// on test networks and for new transcoders, no claim waits for it.
pub(super) const MOST_VERIFICATION: Perbill = Perbill::from_percent(12);

/// An assignment's segments that it is time to claim, and everything that decides about them.
pub(super) struct Prospect<'a> {
	/// The unclaimed segments, ascending, as many as one claim may hold.
	pub receipts: &'a [TranscodedSegment],
	/// The seqs that the claim would cover, both ends included.
	pub range: (Seq, Seq),
	/// The job; `None` if the chain does not have it any more.
	pub job: Option<&'a JobView>,
	/// The assignment; `None` if it is not the job's current one.
	pub current: Option<&'a AssignmentView>,
	/// The least worth of the assignment's claims; `None` if the chain does not tell.
	pub terms: Option<ClaimTerms>,
	/// The most leaves that a claim may have.
	pub max_leaves: u32,
	/// How many assignments have something to claim, including this one.
	pub sharing: usize,
	/// Whether the assignment has ended.
	pub ended: bool,
	/// Whether the claim cannot grow any more.
	pub is_complete: bool,
	/// The transcoder's terms.
	pub config: &'a TranscodeConfig,
}

/// The decision about a [`Prospect`].
pub(super) enum Next {
	/// Nothing yet.
	Waits,
	/// Nothing until earlier claims are decided, because the own bond backs no more.
	NotBacked(ClaimTerms),
	/// A claim.
	Claim {
		/// Its leaves.
		leaves: Vec<Leaf>,
		/// Its commitment.
		commitment: Commitment,
		/// Why it is given up instead of being sent.
		given_up: Option<String>,
	},
}

impl Prospect<'_> {
	/// Decides. Fails if no tree can be built.
	pub(super) fn decide(&self) -> Result<Next, TreeError> {
		// Segments beyond the allowance wait for a top-up; those that the own bond does not back wait until
		// earlier claims are decided. A claim with them would be refused, and block all later ones.
		let Some(last) = self.last_within(self.most()) else {
			let is_allowed =
				|current: &AssignmentView| self.last_within(current.allowance).is_some();
			return Ok(match self.terms {
				Some(terms) if self.current.is_some_and(is_allowed) => Next::NotBacked(terms),
				_ => Next::Waits,
			});
		};
		let (leaves, tree) = self.build_to(last)?;
		let commitment = tree.commitment();
		let may_wait = !self.ended && !self.is_complete;
		// The chain takes no smaller fee into escrow: such a claim waits while it can grow, and is then given
		// up.
		let too_small = self
			.current
			.is_some_and(|current| fee(commitment.total_work, current.price) < ETH_MINIMUM);
		if too_small && may_wait {
			return Ok(Next::Waits);
		}
		// A claim also waits if its call costs more than a small part of it, or if its verification takes
		// more of all work than it has to; but only until half of what can be claimed beside it is used. At
		// the end, a claim that does not even pay for its call is given up.
		let price = self.current.map_or(self.config.price, |current| current.price);
		let own = own_share(fee(commitment.total_work, price), self.config.fee_share);
		let call_fee = self.terms.map_or(0, |terms| terms.call_fee);
		let worth = call_fee.saturating_mul(self.config.claim_worth.into());
		let is_small = own < worth || (self.config.claim_worth > 0 && self.is_dear(&commitment));
		if is_small && may_wait && self.has_room(&commitment) {
			return Ok(Next::Waits);
		}
		let given_up = if too_small {
			Some(format!("its {} ETH are less than the chain pays", decimal(own)))
		} else if self.ended && own < call_fee.min(worth) {
			let (own, call_fee) = (decimal(own), decimal(call_fee));
			Some(format!("its {own} ETH are less than the {call_fee} ETH that its call costs"))
		} else {
			None
		};
		let claim = self.worth_verifying(leaves, commitment, last)?;
		Ok(claim.map_or(Next::Waits, |(leaves, commitment)| Next::Claim {
			leaves,
			commitment,
			given_up,
		}))
	}

	/// The most that can be claimed now: within the allowance, and backed by the own bond.
	fn most(&self) -> Balance {
		let backed = self.backed();
		self.current.map_or(backed, |current| current.allowance.min(backed))
	}

	/// How much the own bond backs in addition to the undecided claims.
	fn backed(&self) -> Balance {
		self.terms.map_or(Balance::MAX, |terms| terms.backing.saturating_sub(terms.exposed))
	}

	/// The last seq of the range up to which `most` pays for the leaves; `None` if it pays for none.
	fn last_within(&self, most: Balance) -> Option<Seq> {
		let (first, last) = self.range;
		let Some(current) = self.current else { return Some(last) };
		let seqs = self.receipts.iter().map(|segment| (segment.header().seq, segment));
		let mut work = 0u64;
		let mut paid = None;
		for (seq, segment) in seqs.filter(|(seq, _)| (first..=last).contains(seq)) {
			work = work.saturating_add(segment.leaf.work());
			if fee(work, current.price) > most {
				return paid;
			}
			paid = Some(seq);
		}
		// Gaps at the end are included: they cost nothing.
		paid.map(|_| last)
	}

	/// The leaves from the range's first seq to `last`, with their tree.
	fn build_to(&self, last: Seq) -> Result<(Vec<Leaf>, SumTree), TreeError> {
		let leaves: BTreeMap<Seq, &Leaf> =
			self.receipts.iter().map(|segment| (segment.header().seq, &segment.leaf)).collect();
		build(self.range.0, last, |seq| leaves.get(&seq).copied().cloned())
	}

	/// Whether a claim's verification takes more of all work than it should, and a longer claim's would take
	/// less.
	fn is_dear(&self, claim: &Commitment) -> bool {
		self.job.zip(self.terms).is_some_and(|(job, ClaimTerms { terms, .. })| {
			let is_dear =
				|leaves: u32| verification(leaves, job.max_samples, &terms) > MOST_VERIFICATION;
			is_dear(claim.leaf_count) && !is_dear(self.max_leaves)
		})
	}

	/// Whether a claim may wait: it can grow, and half is left of the allowance and of this assignment's part
	/// of what the own bond backs. All assignments may end at once, and what is not backed soon after is
	/// never paid.
	fn has_room(&self, claim: &Commitment) -> bool {
		self.job.zip(self.current).is_some_and(|(job, current)| {
			let largest = fee(job.max_leaf_work, current.price);
			let part = self.backed() / self.sharing.max(1) as Balance;
			let most = current.allowance.min(part).checked_div(largest);
			let waiting = self.receipts.len() as Balance;
			claim.leaf_count < self.max_leaves && most.is_none_or(|most| waiting <= most / 2)
		})
	}

	/// The claim up to `last`, if it is worth its verification; `None` if it waits. A claim that cannot grow
	/// is padded with empty leaves, as far as that does not raise the number of drawn leaves. The chain takes
	/// any claim after the assignment's end.
	fn worth_verifying(
		&self,
		leaves: Vec<Leaf>,
		commitment: Commitment,
		last: Seq,
	) -> Result<Option<(Vec<Leaf>, Commitment)>, TreeError> {
		let (Some(current), Some(job), Some(terms), false) =
			(self.current, self.job, self.terms, self.ended)
		else {
			return Ok(Some((leaves, commitment)));
		};
		let (terms, most) = (terms.terms, job.max_samples);
		if is_worth_it(&commitment, &leaves, current.price, most, &terms) {
			return Ok(Some((leaves, commitment)));
		}
		if !self.is_complete || last < self.range.1 {
			return Ok(None);
		}
		let samples = sample_count(terms.rate, commitment.leaf_count, most);
		let longest = terms.leaves_of(samples).min(self.max_leaves).max(commitment.leaf_count);
		let full = self.range.0.saturating_add(u64::from(longest).saturating_sub(1));
		let (leaves, tree) = self.build_to(full)?;
		let commitment = tree.commitment();
		let is_claimed = fee(commitment.total_work, current.price) <= self.most()
			&& is_worth_it(&commitment, &leaves, current.price, most, &terms);
		Ok(is_claimed.then_some((leaves, commitment)))
	}
}

/// The transcoder's own share of a claim's fee. One that gives everything to delegators works for them.
fn own_share(fee: Balance, fee_share: Perbill) -> Balance {
	match fee.saturating_sub(fee_share * fee) {
		0 => fee,
		own => own,
	}
}

/// The share of verification in all work (the claimed work plus the committee's) for a claim with leaves of
/// equal size.
pub(super) fn verification(leaves: u32, max_samples: u32, terms: &VerificationTerms) -> Perbill {
	let samples = u64::from(sample_count(terms.rate, leaves, max_samples));
	let judged = samples.saturating_mul(terms.committee_size.into());
	Perbill::from_rational(judged, judged.saturating_add(leaves.into()))
}

/// Whether a claim is worth its verification, by the chain's rule while its assignment runs.
fn is_worth_it(
	claim: &Commitment,
	leaves: &[Leaf],
	price: Balance,
	max_samples: u32,
	terms: &VerificationTerms,
) -> bool {
	let samples = sample_count(terms.rate, claim.leaf_count, max_samples);
	let largest = leaves.iter().map(Leaf::work).max().unwrap_or(0);
	let least = terms.least_fee(samples, claim.total_work, claim.leaf_count, largest);
	fee(claim.total_work, price) >= least
}
