//! The table of decisions: total, and blind to order.

use livepeer_primitives::{
	api::Outcome,
	leaf::RejectReason,
	verdict::{Evidence, MismatchKind, NonConformingKind, Verdict},
	Balance, Hash,
};
use proptest::prelude::*;

use crate::{
	decision::{
		decide_dispute, decide_tranche, dispute_penalty, right_evidence, tranche_penalty,
		DisputeDecision, TrancheDecision, Vote,
	},
	types::Penalty,
};

const VALID: Verdict = Verdict::Valid;
const INVALID: Verdict = Verdict::InputInvalid { reason: RejectReason::Corrupt, offset: 1 };
const WRONG: Verdict = Verdict::Mismatch(MismatchKind::Audio);
const BROKEN: Verdict = Verdict::NonConforming(NonConformingKind::Timing);
const ALL: [Verdict; 6] = [VALID, INVALID, WRONG, BROKEN, Verdict::Unavailable, Verdict::Abstain];

fn evidence(i: u8) -> Evidence {
	Evidence { recipe: 1, hash: Hash::repeat_byte(i) }
}

type Owned = (Balance, Option<(Vec<Verdict>, u8)>);

fn votes(owned: &[Owned]) -> Vec<Vote<'_>> {
	owned
		.iter()
		.map(|(stake, revealed)| Vote {
			stake: *stake,
			revealed: revealed.as_ref().map(|(verdicts, e)| (&verdicts[..], evidence(*e))),
		})
		.collect()
}

/// Every word that one of four members of equal stake can say of one leaf, silence included, with
/// two kinds of evidence: 13^4 cases against the words of the protocol.
#[test]
fn every_case_of_four_members_and_one_leaf_should_follow_the_table() {
	let mut words: Vec<Option<(Vec<Verdict>, u8)>> = vec![None];
	for verdict in ALL {
		words.extend([0, 1].map(|e| Some((vec![verdict], e))));
	}
	let n = words.len();
	let mut outcomes = std::collections::BTreeMap::<String, u32>::new();
	for case in 0..n.pow(4) {
		let owned: Vec<Owned> = (0..4).map(|i| (7, words[case / n.pow(i) % n].clone())).collect();
		let all = votes(&owned);
		let said = |rule: &dyn Fn(Verdict) -> bool| {
			owned.iter().filter(|(_, word)| word.as_ref().is_some_and(|(v, _)| rule(v[0]))).count()
		};
		let faults = said(&|v| v == WRONG || v == BROKEN);
		let unavailable = said(&|v| v == Verdict::Unavailable);
		let passes = said(&|v| v == VALID || v == INVALID);
		let revealed = said(&|v| v != Verdict::Abstain);
		// Two thirds of four are three.
		let expected = if faults >= 3 {
			DisputeDecision::Failed(1)
		} else if unavailable >= 3 {
			DisputeDecision::Missed
		} else if revealed >= 2 && 3 * passes >= 2 * revealed {
			DisputeDecision::Accepted
		} else {
			DisputeDecision::Void
		};
		assert_eq!(decide_dispute(1, &all), expected, "{owned:?}");
		let accepted = passes == 4 && owned.iter().all(|word| *word == owned[0]);
		let expected = if accepted { TrancheDecision::Accepted } else { TrancheDecision::Dispute };
		assert_eq!(decide_tranche(&all), expected, "{owned:?}");
		*outcomes.entry(format!("{:?}", decide_dispute(1, &all))).or_default() += 1;
	}
	assert_eq!(outcomes.len(), 4, "every outcome occurs: {outcomes:?}");
}

#[test]
fn dispute_should_be_void_when_nobody_is_eligible() {
	assert_eq!(decide_dispute(3, &[]), DisputeDecision::Void);
	assert_eq!(decide_dispute(1, &votes(&[(0, Some((vec![VALID], 0)))])), DisputeDecision::Void);
	assert_eq!(decide_tranche(&[]), TrancheDecision::Dispute);
}

#[test]
fn dispute_should_fail_only_when_the_faults_are_in_the_same_leaf() {
	let split = [
		(1, Some((vec![WRONG, VALID], 0))),
		(1, Some((vec![VALID, WRONG], 0))),
		(1, Some((vec![BROKEN, VALID], 0))),
	];
	assert_eq!(decide_dispute(2, &votes(&split)), DisputeDecision::Failed(0b01));
	let apart = [(1, Some((vec![WRONG, VALID], 0))), (1, Some((vec![VALID, WRONG], 0)))];
	assert_eq!(decide_dispute(2, &votes(&apart)), DisputeDecision::Void);
}

#[test]
fn dispute_should_hold_when_stakes_are_as_large_as_they_can_be() {
	let all = [(Balance::MAX, Some((vec![WRONG], 0))); 1];
	let mut owned: Vec<Owned> = all.into_iter().cycle().take(256).collect();
	assert_eq!(decide_dispute(1, &votes(&owned)), DisputeDecision::Failed(1));
	owned.iter_mut().for_each(|vote| vote.1 = Some((vec![VALID], 0)));
	assert_eq!(decide_dispute(1, &votes(&owned)), DisputeDecision::Accepted);
}

fn a_vote(leaves: usize) -> impl Strategy<Value = Owned> {
	let word = (prop::collection::vec(prop::sample::select(&ALL[..]), leaves), 0u8..3);
	let stake = prop_oneof![0u128..10, Just(Balance::MAX), any::<u128>()];
	(stake, prop::option::weighted(0.8, word))
}

fn some_votes() -> impl Strategy<Value = (usize, Vec<Owned>, Vec<Owned>)> {
	(1usize..=16).prop_flat_map(|leaves| {
		prop::collection::vec(a_vote(leaves), 0..12).prop_flat_map(move |owned| {
			(Just(leaves), Just(owned.clone()), Just(owned).prop_shuffle())
		})
	})
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(2_000))]

	#[test]
	fn decisions_should_not_depend_on_order((leaves, one, two) in some_votes()) {
		let (one, two) = (votes(&one), votes(&two));
		prop_assert_eq!(decide_dispute(leaves, &one), decide_dispute(leaves, &two));
		prop_assert_eq!(decide_tranche(&one), decide_tranche(&two));
		prop_assert_eq!(right_evidence(&one), right_evidence(&two));
	}

	#[test]
	fn penalties_should_spare_all_when_void_and_the_honest_always(
		(leaves, owned, _) in some_votes(),
	) {
		let all = votes(&owned);
		let right = right_evidence(&all);
		for vote in &all {
			prop_assert_eq!(tranche_penalty(Outcome::Void, vote), None);
			prop_assert_eq!(dispute_penalty(Outcome::Void, vote, right), None);
		}
		// Whoever says what the accepted outcome says, with the right evidence, pays nothing.
		let honest = vec![VALID; leaves];
		let vote = Vote { stake: 1, revealed: right.map(|right| (&honest[..], right)) };
		if vote.revealed.is_some() {
			for outcome in [Outcome::Accepted, Outcome::Failed, Outcome::Missed] {
				prop_assert_eq!(tranche_penalty(outcome, &vote), None);
				prop_assert_eq!(dispute_penalty(outcome, &vote, right), None);
			}
		}
	}
}

#[test]
fn right_evidence_should_be_that_of_voters_who_had_every_leaf() {
	let lacking = Some((vec![VALID, Verdict::Unavailable], 1));
	let having = Some((vec![VALID, VALID], 0));
	// Most lack a leaf, so nobody's evidence is wrong: the one who had it pays nothing.
	let missed =
		[(1, lacking.clone()), (1, lacking.clone()), (1, lacking.clone()), (1, having.clone())];
	assert_eq!(right_evidence(&votes(&missed)), None);
	let accepted = [(2, having.clone()), (1, lacking)];
	assert_eq!(right_evidence(&votes(&accepted)), Some(evidence(0)));
	// Silence does not count as revealed stake.
	assert_eq!(right_evidence(&votes(&[(1, having), (9, None)])), Some(evidence(0)));
	assert_eq!(right_evidence(&[]), None);
}

#[test]
fn penalties_should_be_those_of_the_table() {
	use Outcome::*;
	let right = Some(evidence(0));
	let word = |verdicts: &'static [Verdict], e| Vote {
		stake: 1,
		revealed: Some((verdicts, evidence(e))),
	};
	let silent = Vote { stake: 1, revealed: None };
	for outcome in [Accepted, Failed, Missed] {
		assert_eq!(dispute_penalty(outcome, &silent, right), Some(Penalty::NoShow));
		assert_eq!(tranche_penalty(outcome, &silent), Some(Penalty::NoShow));
		let abstained = word(&[Verdict::Abstain], 0);
		assert_eq!(dispute_penalty(outcome, &abstained, right), Some(Penalty::NoShow));
		assert_eq!(dispute_penalty(outcome, &word(&[VALID], 1), right), Some(Penalty::NoShow));
		assert_eq!(dispute_penalty(outcome, &word(&[VALID], 1), None), None);
	}
	for dissent in [&[WRONG] as &[_], &[BROKEN], &[VALID, WRONG]] {
		let vote = Vote { stake: 1, revealed: Some((dissent, evidence(0))) };
		assert_eq!(dispute_penalty(Accepted, &vote, right), Some(Penalty::FalseDissent));
		assert_eq!(tranche_penalty(Accepted, &vote), Some(Penalty::FalseDissent));
		assert_eq!(dispute_penalty(Failed, &vote, right), None);
		assert_eq!(tranche_penalty(Failed, &vote), None);
	}
	let unavailable = word(&[Verdict::Unavailable], 1);
	assert_eq!(dispute_penalty(Accepted, &unavailable, right), Some(Penalty::NoShow));
	let starved_accuser = word(&[Verdict::Unavailable, WRONG], 1);
	assert_eq!(dispute_penalty(Accepted, &starved_accuser, right), Some(Penalty::FalseDissent));
	assert_eq!(dispute_penalty(Missed, &unavailable, right), None);
	assert_eq!(tranche_penalty(Accepted, &unavailable), None);
	assert_eq!(dispute_penalty(Accepted, &word(&[INVALID], 0), right), None);
}
