//! The table of decisions, as plain functions. Every input has exactly one result, whatever the
//! order of the voters. The rows are tried from the top.

use alloc::{collections::BTreeMap, vec::Vec};
use livepeer_primitives::{
	claim::Outcome,
	verdict::{Evidence, MismatchKind, Verdict},
	Balance,
};
use sp_core::U256;

use crate::types::{Conduct, Penalty};

/// Leaves of a ballot as bits: bit `i` stands for the `i`th revealed leaf.
pub type LeafMask = u16;

/// The bits that a mask has.
const MASK_BITS: usize = LeafMask::BITS as usize;

/// A member's answer, as the table reads it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Said<'a> {
	/// Nothing.
	Nothing,
	/// A commitment that it did not open.
	Committed,
	/// Its verdicts, one per leaf, and its evidence.
	Revealed(&'a [Verdict], Evidence),
}

/// A member's vote as the table reads it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Vote<'a> {
	/// The member's stake.
	pub stake: Balance,
	/// Its answer.
	pub said: Said<'a>,
	/// Whether it asked on the chain for bytes that it could not get.
	pub asked: bool,
}

impl<'a> Vote<'a> {
	/// What it revealed, if it did.
	fn revealed(&self) -> Option<(&'a [Verdict], Evidence)> {
		match self.said {
			Said::Revealed(verdicts, evidence) => Some((verdicts, evidence)),
			_ => None,
		}
	}

	/// Its verdict on one leaf. To abstain is to reveal none.
	fn verdict(&self, leaf: usize) -> Option<&'a Verdict> {
		let (verdicts, _) = self.revealed()?;
		verdicts.get(leaf).filter(|verdict| **verdict != Verdict::Abstain)
	}

	/// Whether it accuses the transcoder on any leaf, even if it abstains on another.
	pub fn accuses(&self) -> bool {
		self.revealed().is_some_and(|(verdicts, _)| verdicts.iter().any(is_accusation))
	}
}

/// Whether a verdict accuses the transcoder: of a wrong output, or of bytes that could not be had.
fn is_accusation(verdict: &Verdict) -> bool {
	verdict.is_fault() || verdict.is_unavailable()
}

/// The result of a tranche's votes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrancheDecision {
	/// Nobody could be seated.
	Void,
	/// Somebody accuses the transcoder, or members contradict each other (possibly only in their
	/// evidence, if it is not clear whose is right): all validators judge.
	Accused,
	/// All revealed, none abstains, all pass with equal evidence.
	Accepted,
	/// Nobody accuses, but not all agree. The next tranche is asked; after the last one, the number
	/// of members decides ([`most_passed`]).
	Undecided,
}

/// The result of a dispute's votes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DisputeDecision {
	/// Two thirds of the eligible stake could not have the bytes of one leaf.
	Missed,
	/// Two thirds of the eligible stake accuse each of these leaves.
	Failed {
		/// The leaves.
		leaves: LeafMask,
		/// Whether none of them would fail without the judges that only say that the segment
		/// cannot, or can, be transcoded at all.
		about_input: bool,
	},
	/// Each leaf is passed by half of the eligible stake and by two thirds of the stake that
	/// revealed a verdict on it.
	Accepted,
	/// No side is convincing.
	Void,
}

impl DisputeDecision {
	/// The outcome that it stands for.
	pub fn outcome(&self) -> Outcome {
		match self {
			Self::Failed { .. } => Outcome::Failed,
			Self::Missed => Outcome::Missed,
			Self::Accepted => Outcome::Accepted,
			Self::Void => Outcome::Void,
		}
	}

	/// The leaves that failed.
	pub fn failing(&self) -> LeafMask {
		match self {
			Self::Failed { leaves, .. } => *leaves,
			_ => 0,
		}
	}
}

/// Sum of stakes, which cannot overflow.
fn stake_of<'a>(votes: impl Iterator<Item = &'a Vote<'a>>) -> U256 {
	votes.fold(U256::zero(), |sum, vote| sum.saturating_add(vote.stake.into()))
}

/// The stake whose verdict on `leaf` satisfies `rule`.
fn saying(votes: &[Vote], leaf: usize, rule: impl Fn(&Verdict) -> bool) -> U256 {
	stake_of(votes.iter().filter(|vote| vote.verdict(leaf).is_some_and(&rule)))
}

/// Whether `part` is at least two thirds of `whole`.
fn two_thirds(part: U256, whole: U256) -> bool {
	part.saturating_mul(3.into()) >= whole.saturating_mul(2.into())
}

/// Whether `part` is at least a third of `whole`.
fn third(part: U256, whole: U256) -> bool {
	part.saturating_mul(3.into()) >= whole
}

/// Whether `part` is at least half of `whole`.
fn half(part: U256, whole: U256) -> bool {
	part.saturating_mul(2.into()) >= whole
}

/// The leaves that satisfy `rule`.
fn mask(leaves: usize, rule: impl Fn(usize) -> bool) -> LeafMask {
	(0..leaves.min(MASK_BITS))
		.filter(|leaf| rule(*leaf))
		.map(|leaf| -> LeafMask { 1 << leaf })
		.sum()
}

/// Whether `leaf` is one of `mask`.
fn holds(mask: LeafMask, leaf: usize) -> bool {
	leaf < MASK_BITS && mask >> leaf & 1 == 1
}

/// Decides a tranche. A small committee can only accept. `accused_before` tells whether anybody in
/// an earlier tranche accused the transcoder.
pub fn decide_tranche(votes: &[Vote], accused_before: bool) -> TrancheDecision {
	if votes.is_empty() {
		return TrancheDecision::Void;
	}
	let leaves = votes.iter().filter_map(Vote::revealed).map(|(v, _)| v.len()).max().unwrap_or(0);
	let contradicted = (0..leaves).any(|leaf| {
		let mut verdicts = votes.iter().filter_map(|vote| vote.verdict(leaf));
		let first = verdicts.next();
		verdicts.any(|verdict| Some(verdict) != first)
	});
	if accused_before || contradicted || unclear(votes) || votes.iter().any(Vote::accuses) {
		return TrancheDecision::Accused;
	}
	let evidence = votes.first().and_then(Vote::revealed).map(|(_, evidence)| evidence);
	let agreed = votes.iter().all(|vote| {
		vote.revealed().is_some_and(|(verdicts, proof)| {
			verdicts.iter().all(Verdict::is_pass) && Some(proof) == evidence
		})
	});
	if agreed {
		TrancheDecision::Accepted
	} else {
		TrancheDecision::Undecided
	}
}

/// Whether two thirds of all members of these tranches, by count, passed every leaf with the
/// evidence that most of their tranche's revealing members found. This decides if nobody is left to
/// ask and nobody has accused the transcoder.
pub fn most_passed(tranches: &[Vec<Vote>]) -> bool {
	let (mut seated, mut passed) = (0usize, 0usize);
	for votes in tranches {
		seated = seated.saturating_add(votes.len());
		let revealed: Vec<_> = votes.iter().filter_map(Vote::revealed).collect();
		let most = revealed.iter().map(|(_, evidence)| *evidence).find(|evidence| {
			let found = revealed.iter().filter(|(_, other)| other == evidence).count();
			found.saturating_mul(2) > revealed.len()
		});
		let agrees = |(verdicts, evidence): &&(&[Verdict], Evidence)| {
			verdicts.iter().all(Verdict::is_pass) && Some(*evidence) == most
		};
		passed = passed.saturating_add(revealed.iter().filter(agrees).count());
	}
	seated > 0 && passed.saturating_mul(3) >= seated.saturating_mul(2)
}

/// Decides a dispute over `leaves` revealed leaves. `votes` holds every eligible validator.
///
/// A fault counts on its leaf whatever its kind: verifiers that look at different renditions first
/// may name different faults of the same leaf. A failure is about the input alone if the other
/// judges alone would not have failed the leaf. One more vote can therefore not turn it into a
/// slash, and one vote of a false kind cannot avert a slash.
pub fn decide_dispute(leaves: usize, votes: &[Vote]) -> DisputeDecision {
	let eligible = stake_of(votes.iter());
	if eligible.is_zero() {
		return DisputeDecision::Void;
	}
	let convinced = |leaf: usize, rule: &dyn Fn(&Verdict) -> bool| {
		two_thirds(saying(votes, leaf, rule), eligible)
	};
	if (0..leaves).any(|leaf| convinced(leaf, &Verdict::is_unavailable)) {
		return DisputeDecision::Missed;
	}
	let failing = mask(leaves, |leaf| convinced(leaf, &is_accusation));
	if failing != 0 {
		let about_output = |verdict: &Verdict| is_accusation(verdict) && !verdict.is_about_input();
		let about_input = mask(leaves, |leaf| convinced(leaf, &about_output)) == 0;
		return DisputeDecision::Failed { leaves: failing, about_input };
	}
	let passed = |leaf: usize| {
		let passes = saying(votes, leaf, Verdict::is_pass);
		half(passes, eligible) && two_thirds(passes, saying(votes, leaf, |_| true))
	};
	if (0..leaves).all(passed) {
		return DisputeDecision::Accepted;
	}
	DisputeDecision::Void
}

/// Whether a dispute convinced nobody for want of bytes: a third of the eligible stake could not
/// have those of a leaf that less than half of it passes. The transcoder has to serve judges, and
/// judges that lie about it also need a third.
pub fn is_starved(leaves: usize, votes: &[Vote]) -> bool {
	let eligible = stake_of(votes.iter());
	!eligible.is_zero()
		&& (0..leaves).any(|leaf| {
			third(saying(votes, leaf, Verdict::is_unavailable), eligible)
				&& !half(saying(votes, leaf, Verdict::is_pass), eligible)
		})
}

/// Whether a vote's verdicts show that its voter judged every leaf. Evidence covers only the leaves
/// that the voter had, so the evidence of others is not comparable.
fn judged_all(verdicts: &[Verdict]) -> bool {
	!verdicts.iter().any(|verdict| verdict.is_unavailable() || *verdict == Verdict::Abstain)
}

/// The evidence over all leaves with two thirds of the revealed stake, if there is one.
pub fn right_evidence(votes: &[Vote]) -> Option<Evidence> {
	let mut revealed = U256::zero();
	let mut by_evidence = BTreeMap::<Evidence, U256>::new();
	for vote in votes {
		let Some((verdicts, evidence)) = vote.revealed() else { continue };
		if verdicts.contains(&Verdict::Abstain) {
			continue;
		}
		revealed = revealed.saturating_add(vote.stake.into());
		if judged_all(verdicts) {
			let sum = by_evidence.entry(evidence).or_default();
			*sum = sum.saturating_add(vote.stake.into());
		}
	}
	by_evidence
		.into_iter()
		.find(|(_, stake)| two_thirds(*stake, revealed) && !stake.is_zero())
		.map(|(evidence, _)| evidence)
}

/// Whether two thirds of a small committee, by count, found this evidence over all leaves.
/// Otherwise one large member could make the others pay for evidence that it invented.
fn is_common(votes: &[Vote], right: &Evidence) -> bool {
	let (mut revealed, mut found) = (0usize, 0usize);
	for vote in votes {
		let Some((verdicts, evidence)) = vote.revealed() else { continue };
		revealed = revealed.saturating_add(1);
		if judged_all(verdicts) && evidence == *right {
			found = found.saturating_add(1);
		}
	}
	found.saturating_mul(3) >= revealed.saturating_mul(2)
}

/// Whether most members of a committee, counting the silent, found this evidence over all leaves.
fn is_of_most(votes: &[Vote], right: &Evidence) -> bool {
	let finds = |vote: &&Vote| {
		vote.revealed()
			.is_some_and(|(verdicts, evidence)| judged_all(verdicts) && evidence == *right)
	};
	votes.iter().filter(finds).count().saturating_mul(2) > votes.len()
}

/// Whether members of a small committee found different evidence, and stake and number do not agree
/// on whose is right. Then only everybody can tell who did not do the work; otherwise a large
/// member could be lazy for free.
fn unclear(votes: &[Vote]) -> bool {
	let mut found = votes
		.iter()
		.filter_map(Vote::revealed)
		.filter(|(verdicts, _)| judged_all(verdicts))
		.map(|(_, evidence)| evidence);
	let first = found.next();
	found.any(|evidence| Some(evidence) != first)
		&& !right_evidence(votes).is_some_and(|right| is_common(votes, &right))
}

/// What a ballot shows about its members besides their own answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ruling {
	/// How the claim was decided.
	pub outcome: Outcome,
	/// The leaves that failed.
	pub failing: LeafMask,
	/// The leaves that half of the eligible stake passes, whatever the outcome; naming a fault
	/// there is a false verdict. All leaves if a tranche accepted.
	pub good: LeafMask,
	/// The leaves on which half of the eligible stake accuses the transcoder and a third names a
	/// fault, whatever the outcome; passing them is a false verdict. Missing bytes alone do not
	/// make it one, because those that had them may be right.
	pub bad: LeafMask,
	/// Whether the ballot is the dispute's.
	pub is_dispute: bool,
	/// Whether most of its members revealed. If they did not, finality may have stalled.
	pub most_revealed: bool,
	/// The leaves on which at least half of the eligible stake abstains in the dispute: nobody pays
	/// for those. A committee alone excuses nobody. Otherwise half of its stake, which may be one
	/// member's, could make everybody judge for free.
	pub excused: LeafMask,
	/// The evidence of two thirds of the revealed stake. In a tranche it must also be that of most
	/// of its members, because a lone revealing member could invent it.
	pub right: Option<Evidence>,
	/// Whether at least half of its members passed every leaf.
	pub half_passed: bool,
	/// Whether a dispute followed from it.
	pub is_escalated: bool,
}

impl Ruling {
	/// Evaluates a ballot over `leaves` revealed leaves after `outcome`.
	pub fn of(
		outcome: Outcome,
		failing: LeafMask,
		is_dispute: bool,
		leaves: usize,
		votes: &[Vote],
	) -> Self {
		let eligible = stake_of(votes.iter());
		let abstaining = |leaf: usize| {
			let abstains = |vote: &&Vote| {
				vote.revealed()
					.is_some_and(|(verdicts, _)| verdicts.get(leaf) == Some(&Verdict::Abstain))
			};
			stake_of(votes.iter().filter(abstains))
		};
		let revealed = votes.iter().filter(|vote| vote.revealed().is_some()).count();
		let good = mask(leaves, |leaf| {
			if is_dispute {
				half(saying(votes, leaf, Verdict::is_pass), eligible)
			} else {
				outcome == Outcome::Accepted
			}
		});
		let bad = mask(leaves, |leaf| {
			is_dispute
				&& half(saying(votes, leaf, is_accusation), eligible)
				&& third(saying(votes, leaf, Verdict::is_fault), eligible)
		});
		let passes = |vote: &&Vote| {
			vote.revealed().is_some_and(|(verdicts, _)| verdicts.iter().all(Verdict::is_pass))
		};
		let passed = votes.iter().filter(passes).count();
		Self {
			outcome,
			failing,
			good,
			// Half suffices to accept, even against the other half.
			bad: bad & !good,
			is_dispute,
			most_revealed: revealed.saturating_mul(2) > votes.len(),
			excused: mask(leaves, |leaf| is_dispute && half(abstaining(leaf), eligible)),
			right: right_evidence(votes)
				.filter(|right| is_dispute || is_common(votes, right) && is_of_most(votes, right)),
			half_passed: passed.saturating_mul(2) >= votes.len(),
			is_escalated: false,
		}
	}

	/// The conduct of one of the ballot's members.
	///
	/// - Silence is a no-show, whatever the outcome. This includes void claims: otherwise a third
	///   of the stake could shield a transcoder for free. Abstaining is a no-show too, unless half
	///   of the eligible stake abstains in a dispute.
	/// - A commitment that is not revealed costs as much as the worst false verdict, if most
	///   members revealed.
	/// - A fault on a leaf that half of the eligible stake passes is false dissent, even if that
	///   was not enough to accept: it made everybody work, and could void claims for free.
	///   Unavailable is not, because a transcoder could serve everybody but one; a member of the
	///   dispute pays a no-show for it, which does not double if it had asked for the bytes.
	/// - Valid on a leaf that half of the eligible stake accuses, and on which a third names a
	///   fault, is equally false. Valid on a forced variant that half of the eligible stake sees
	///   there shows that nothing was encoded.
	/// - A tranche member that could not have what half of the eligible stake had later pays its
	///   part of the dispute, in a void claim too, because it made everybody judge.
	/// - Evidence other than the right one shows that the work was not done: with certainty if it
	///   is that of two thirds of everybody's stake, otherwise as far as a tranche can be believed.
	///   This does not apply to members that lacked a leaf.
	pub fn conduct(&self, vote: &Vote) -> Conduct {
		let (verdicts, evidence) = match vote.said {
			Said::Nothing => return Conduct::Owes(Penalty::NoShow),
			Said::Committed if self.most_revealed => return Conduct::Owes(Penalty::Withheld),
			Said::Committed => return Conduct::Owes(Penalty::NoShow),
			Said::Revealed(verdicts, evidence) => (verdicts, evidence),
		};
		let says = |leaves: LeafMask, rule: &dyn Fn(&Verdict) -> bool| {
			verdicts.iter().enumerate().any(|(leaf, verdict)| holds(leaves, leaf) && rule(verdict))
		};
		if self.misses_variant(vote) {
			return Conduct::Owes(Penalty::MissedVariant);
		}
		if says(self.good, &Verdict::is_fault) || says(self.bad, &Verdict::is_pass) {
			return Conduct::Owes(Penalty::FalseDissent);
		}
		let mut abstained = verdicts
			.iter()
			.enumerate()
			.filter(|(_, verdict)| **verdict == Verdict::Abstain)
			.map(|(leaf, _)| leaf)
			.peekable();
		if abstained.peek().is_some() {
			let excused = abstained.all(|leaf| holds(self.excused, leaf));
			return if excused { Conduct::Unasked } else { Conduct::Owes(Penalty::NoShow) };
		}
		if says(self.good, &Verdict::is_unavailable) {
			if self.is_dispute {
				let asked = vote.asked;
				return Conduct::Owes(if asked { Penalty::Lacked } else { Penalty::NoShow });
			}
			let is_known = matches!(self.outcome, Outcome::Accepted | Outcome::Void);
			if self.is_escalated && is_known {
				return Conduct::Owes(match (vote.asked, self.half_passed) {
					(false, _) => Penalty::LateData,
					(true, true) => Penalty::LateDataAlone,
					(true, false) => Penalty::LateDataAsked,
				});
			}
		}
		if judged_all(verdicts) && self.right.is_some_and(|right| right != evidence) {
			return Conduct::Owes(if self.is_dispute {
				Penalty::WrongEvidence
			} else {
				Penalty::OtherEvidence
			});
		}
		Conduct::Answered
	}

	/// Whether a vote says Valid where a forced variant is due: its evidence is of no work.
	pub fn misses_variant(&self, vote: &Vote) -> bool {
		let unforced = Verdict::Mismatch(MismatchKind::Unforced);
		vote.revealed().is_some_and(|(verdicts, _)| {
			verdicts
				.iter()
				.enumerate()
				.any(|(leaf, verdict)| holds(self.good, leaf) && *verdict == unforced)
		})
	}

	/// Whether a vote's evidence shows that its voter did the work.
	pub fn shows_work(&self, vote: &Vote) -> bool {
		vote.revealed().is_some_and(|(verdicts, evidence)| {
			judged_all(verdicts) && self.right == Some(evidence)
		})
	}
}

/// Whether a vote names a fault on one of the `failing` leaves, so that its voter is a finder. A
/// voter that called the leaf Valid is not, even if that counts as a fault.
pub fn found(vote: &Vote, failing: LeafMask) -> bool {
	vote.revealed().is_some_and(|(verdicts, _)| {
		verdicts.iter().enumerate().any(|(leaf, verdict)| {
			let is_own = *verdict != Verdict::Mismatch(MismatchKind::Unforced);
			holds(failing, leaf) && verdict.is_fault() && is_own
		})
	})
}
