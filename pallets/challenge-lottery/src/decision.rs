//! The table of decisions, as plain functions: every input has exactly one result, whatever the
//! order of the voters.

use alloc::collections::BTreeMap;
use livepeer_primitives::{
	api::Outcome,
	verdict::{Evidence, Verdict},
	Balance,
};
use sp_core::U256;

use crate::types::Penalty;

/// A member's vote as the table reads it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Vote<'a> {
	/// The member's stake.
	pub stake: Balance,
	/// What it revealed; `None` when it did not.
	pub revealed: Option<(&'a [Verdict], Evidence)>,
}

impl<'a> Vote<'a> {
	/// What counts: a vote that abstains on any leaf counts as a missing reveal.
	fn counted(&self) -> Option<(&'a [Verdict], Evidence)> {
		self.revealed.filter(|(verdicts, _)| !verdicts.contains(&Verdict::Abstain))
	}
}

/// What follows from a committee's votes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrancheDecision {
	/// The claim is accepted.
	Accepted,
	/// All validators must judge. There is one tranche, so a missing reveal or unequal evidence,
	/// for which further tranches exist, leads here too.
	Dispute,
}

/// What follows from a dispute's votes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DisputeDecision {
	/// Two thirds of the eligible stake find a fault in each of these leaves (bit `i` for the
	/// `i`th revealed leaf).
	Failed(u16),
	/// Two thirds of the eligible stake could not have one of the leaves.
	Missed,
	/// At least half of the eligible stake revealed, and two thirds of that pass each leaf.
	Accepted,
	/// Nobody was convinced.
	Void,
}

impl DisputeDecision {
	/// The outcome that it stands for.
	pub fn outcome(&self) -> Outcome {
		match self {
			Self::Failed(_) => Outcome::Failed,
			Self::Missed => Outcome::Missed,
			Self::Accepted => Outcome::Accepted,
			Self::Void => Outcome::Void,
		}
	}
}

/// Sum of stakes, which cannot overflow.
fn stake_of<'a>(votes: impl Iterator<Item = &'a Vote<'a>>) -> U256 {
	votes.fold(U256::zero(), |sum, vote| sum.saturating_add(vote.stake.into()))
}

/// Whether `part` is at least two thirds of `whole`.
fn two_thirds(part: U256, whole: U256) -> bool {
	part.saturating_mul(3.into()) >= whole.saturating_mul(2.into())
}

/// Decides a tranche: a small committee can only accept, and only when all of it agrees.
///
/// Accepted when all revealed, every vote says the same, only Valid or InputInvalid, and all
/// evidence is equal; a dispute in every other case.
pub fn decide_tranche(votes: &[Vote]) -> TrancheDecision {
	let Some(first) = votes.first().and_then(Vote::counted) else {
		return TrancheDecision::Dispute;
	};
	let agreed = votes.iter().all(|vote| vote.counted() == Some(first));
	let passed = first.0.iter().all(Verdict::is_pass);
	if agreed && passed {
		TrancheDecision::Accepted
	} else {
		TrancheDecision::Dispute
	}
}

/// Decides a dispute over `leaves` revealed leaves. `votes` holds every eligible validator.
///
/// A fault counts on its leaf whatever its kind: verifiers that look at different renditions
/// first may name different faults of the same leaf.
pub fn decide_dispute(leaves: usize, votes: &[Vote]) -> DisputeDecision {
	let eligible = stake_of(votes.iter());
	if eligible.is_zero() {
		return DisputeDecision::Void;
	}
	let saying = |leaf: usize, rule: fn(&Verdict) -> bool| {
		let says = |vote: &&Vote| {
			vote.counted().is_some_and(|(verdicts, _)| verdicts.get(leaf).is_some_and(rule))
		};
		stake_of(votes.iter().filter(says))
	};
	let failing = (0..leaves.min(16))
		.filter(|leaf| two_thirds(saying(*leaf, Verdict::is_fault), eligible))
		.fold(0u16, |mask, leaf| mask | (1 << leaf));
	if failing != 0 {
		return DisputeDecision::Failed(failing);
	}
	let unavailable = |verdict: &Verdict| matches!(verdict, Verdict::Unavailable);
	if (0..leaves).any(|leaf| two_thirds(saying(leaf, unavailable), eligible)) {
		return DisputeDecision::Missed;
	}
	let revealed = stake_of(votes.iter().filter(|vote| vote.counted().is_some()));
	let quorum = revealed.saturating_mul(2.into()) >= eligible;
	if quorum && (0..leaves).all(|leaf| two_thirds(saying(leaf, Verdict::is_pass), revealed)) {
		return DisputeDecision::Accepted;
	}
	DisputeDecision::Void
}

/// Whether a vote's verdicts show that its voter had every leaf. Evidence covers only leaves that
/// were had, so that of others is not comparable.
fn had_all(verdicts: &[Verdict]) -> bool {
	!verdicts.contains(&Verdict::Unavailable)
}

/// The evidence over all leaves that holds two thirds of the revealed stake, if any does.
pub fn right_evidence(votes: &[Vote]) -> Option<Evidence> {
	let mut revealed = U256::zero();
	let mut by_evidence = BTreeMap::<Evidence, U256>::new();
	for vote in votes {
		let Some((verdicts, evidence)) = vote.counted() else { continue };
		revealed = revealed.saturating_add(vote.stake.into());
		if had_all(verdicts) {
			let sum = by_evidence.entry(evidence).or_default();
			*sum = sum.saturating_add(vote.stake.into());
		}
	}
	by_evidence
		.into_iter()
		.find(|(_, stake)| two_thirds(*stake, revealed) && !stake.is_zero())
		.map(|(evidence, _)| evidence)
}

/// What a committee member owes after its challenge went through a dispute.
///
/// - Void proves nothing, so it costs nobody anything.
/// - Silence is a no-show.
/// - A fault that the dispute did not confirm in any leaf is false dissent: it made everybody work.
///   Unavailable is not: bytes may appear after the escalation.
pub fn tranche_penalty(outcome: Outcome, vote: &Vote) -> Option<Penalty> {
	match (outcome, vote.counted()) {
		(Outcome::Void, _) => None,
		(_, None) => Some(Penalty::NoShow),
		(Outcome::Accepted, Some((verdicts, _))) if verdicts.iter().any(Verdict::is_fault) => {
			Some(Penalty::FalseDissent)
		}
		_ => None,
	}
}

/// What a member of a dispute owes after it.
///
/// - Void proves nothing, so it costs nobody anything.
/// - Silence is a no-show.
/// - A fault in a claim that was accepted is false dissent: two thirds of the revealed stake found
///   each leaf right.
/// - Unavailable in a claim that was accepted is a no-show, no more: a transcoder could otherwise
///   serve everybody but one validator, and have that one slashed for saying so.
/// - Evidence other than the right one is a no-show: the verdicts may be copied from what
///   everybody says. Not for those who lacked a leaf.
pub fn dispute_penalty(
	outcome: Outcome,
	vote: &Vote,
	right_evidence: Option<Evidence>,
) -> Option<Penalty> {
	if outcome == Outcome::Void {
		return None;
	}
	let Some((verdicts, evidence)) = vote.counted() else {
		return Some(Penalty::NoShow);
	};
	if outcome == Outcome::Accepted && verdicts.iter().any(Verdict::is_fault) {
		return Some(Penalty::FalseDissent);
	}
	if !had_all(verdicts) {
		return (outcome == Outcome::Accepted).then_some(Penalty::NoShow);
	}
	right_evidence.is_some_and(|right| right != evidence).then_some(Penalty::NoShow)
}
