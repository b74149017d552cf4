//! The table of decisions: total, and blind to order.

use livepeer_primitives::{
	claim::Outcome,
	verdict::{Evidence, MismatchKind, NonConformingKind, UnavailableKind, Verdict},
	Balance, Hash,
};
use proptest::prelude::*;

use crate::{
	decision::{
		decide_dispute, decide_tranche, found, is_starved, most_passed, right_evidence,
		DisputeDecision, Ruling, Said, TrancheDecision, Vote,
	},
	types::{Conduct, Penalty},
};

const VALID: Verdict = Verdict::Valid;
const WRONG: Verdict = Verdict::Mismatch(MismatchKind::Audio);
const BROKEN: Verdict = Verdict::NonConforming(NonConformingKind::Timing);
const INPUT: Verdict = Verdict::NonConforming(NonConformingKind::Input);
const GONE: Verdict = Verdict::Unavailable(UnavailableKind::Refused);
const ABSTAIN: Verdict = Verdict::Abstain;
const ALL: [Verdict; 6] = [VALID, WRONG, BROKEN, INPUT, GONE, ABSTAIN];

fn evidence(i: u8) -> Evidence {
	Evidence { recipe: 1, hash: Hash::repeat_byte(i) }
}

/// A member's answer: nothing, a commitment, or a verdict with its evidence.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Word {
	Nothing,
	Committed,
	Revealed(Vec<Verdict>, u8),
}
use Word::*;

type Owned = (Balance, Word);

fn votes(owned: &[Owned]) -> Vec<Vote<'_>> {
	owned
		.iter()
		.map(|(stake, word)| {
			let said = match word {
				Nothing => Said::Nothing,
				Committed => Said::Committed,
				Revealed(verdicts, e) => Said::Revealed(&verdicts[..], evidence(*e)),
			};
			Vote { stake: *stake, said, asked: false }
		})
		.collect()
}

fn failed(leaves: u16, about_input: bool) -> DisputeDecision {
	DisputeDecision::Failed { leaves, about_input }
}

fn says(verdict: Verdict) -> Word {
	Revealed(vec![verdict], 0)
}

fn decide(words: &[(Balance, Word)]) -> DisputeDecision {
	decide_dispute(1, &votes(words))
}

/// Every answer that one of four members of equal stake can give on one leaf, including silence and
/// with two kinds of evidence: 14^4 cases against the rules of the protocol.
#[test]
fn every_case_of_four_members_and_one_leaf_should_follow_the_table() {
	let mut words = vec![Nothing, Committed];
	for verdict in ALL {
		words.extend([0, 1].map(|e| Revealed(vec![verdict], e)));
	}
	let n = words.len();
	let mut outcomes = std::collections::BTreeMap::<String, u32>::new();
	for case in 0..n.pow(4) {
		let owned: Vec<Owned> = (0..4).map(|i| (7, words[case / n.pow(i) % n].clone())).collect();
		let all = votes(&owned);
		let said = |rule: &dyn Fn(Verdict) -> bool| {
			owned.iter().filter(|(_, word)| matches!(word, Revealed(v, _) if rule(v[0]))).count()
		};
		let gone = said(&|v| v == GONE);
		let accusing = said(&|v| [WRONG, BROKEN, INPUT, GONE].contains(&v));
		let of_output = said(&|v| [WRONG, BROKEN, GONE].contains(&v));
		let passes = said(&|v| v == VALID);
		let revealed = said(&|v| v != ABSTAIN);
		// Two thirds of four are three.
		let expected = if gone >= 3 {
			DisputeDecision::Missed
		} else if accusing >= 3 {
			failed(1, of_output < 3)
		} else if passes >= 2 && 3 * passes >= 2 * revealed {
			DisputeDecision::Accepted
		} else {
			DisputeDecision::Void
		};
		assert_eq!(decide_dispute(1, &all), expected, "{owned:?}");

		let mut different: Vec<_> = owned
			.iter()
			.filter_map(|(_, word)| match word {
				Revealed(v, _) if v[0] != ABSTAIN => Some(v[0]),
				_ => None,
			})
			.collect();
		different.sort();
		different.dedup();
		// Different evidence is a contradiction unless two thirds of those that revealed, by stake
		// and by number, agree on whose is right.
		let found = |evidence: u8| {
			let judged =
				|word: &Word| matches!(word, Revealed(v, e) if v[0] != ABSTAIN && *e == evidence);
			owned.iter().filter(|(_, word)| judged(word)).count()
		};
		let spoke = said(&|_| true);
		let is_right = |n: usize| 3 * n >= 2 * spoke;
		let unclear = found(0) > 0 && found(1) > 0 && !is_right(found(0)) && !is_right(found(1));
		let expected = if accusing > 0 || different.len() > 1 || unclear {
			TrancheDecision::Accused
		} else if passes == 4 && owned.iter().all(|word| *word == owned[0]) {
			TrancheDecision::Accepted
		} else {
			TrancheDecision::Undecided
		};
		assert_eq!(decide_tranche(&all, false), expected, "{owned:?}");
		assert_eq!(decide_tranche(&all, true), TrancheDecision::Accused, "{owned:?}");
		*outcomes.entry(format!("{:?}", decide_dispute(1, &all))).or_default() += 1;
	}
	assert_eq!(outcomes.len(), 5, "every outcome occurs: {outcomes:?}");
}

#[test]
fn nobody_should_decide_nothing() {
	assert_eq!(decide_dispute(3, &[]), DisputeDecision::Void);
	assert_eq!(decide(&[(0, says(VALID))]), DisputeDecision::Void);
	assert_eq!(decide_tranche(&[], false), TrancheDecision::Void);
	assert_eq!(decide_tranche(&[], true), TrancheDecision::Void);
}

#[test]
fn lone_accusation_should_lead_to_the_dispute_when_everybody_else_is_silent() {
	for accusation in [WRONG, BROKEN, INPUT, GONE] {
		let lone = [(1, says(accusation)), (1, Nothing), (1, Committed)];
		assert_eq!(decide_tranche(&votes(&lone), false), TrancheDecision::Accused);
		// Also when its own vector abstains elsewhere.
		let torn = [(1, Revealed(vec![ABSTAIN, accusation], 0)), (1, Nothing)];
		assert_eq!(decide_tranche(&votes(&torn), false), TrancheDecision::Accused);
	}
	let silent = [(1, says(VALID)), (1, Nothing)];
	assert_eq!(decide_tranche(&votes(&silent), false), TrancheDecision::Undecided);
}

#[test]
fn dispute_should_fail_only_when_the_accusations_are_on_the_same_leaf() {
	let word = |one, two| Revealed(vec![one, two], 0);
	let split = [(1, word(WRONG, VALID)), (1, word(VALID, WRONG)), (1, word(BROKEN, VALID))];
	assert_eq!(decide_dispute(2, &votes(&split)), failed(0b01, false));
	let apart = [(1, word(WRONG, VALID)), (1, word(VALID, WRONG))];
	assert_eq!(decide_dispute(2, &votes(&apart)), DisputeDecision::Void);
}

#[test]
fn faults_and_missing_bytes_should_fail_a_leaf_together() {
	let split = [(1, says(WRONG)), (1, says(GONE)), (1, says(VALID))];
	assert_eq!(decide(&split), failed(1, false));
	// Two thirds without the bytes take precedence.
	let mostly_gone = [(1, says(GONE)), (1, says(GONE)), (1, says(WRONG))];
	assert_eq!(decide(&mostly_gone), DisputeDecision::Missed);
}

#[test]
fn claim_should_not_be_accepted_by_a_third_of_the_stake() {
	let third = [(34, says(VALID)), (66, Nothing)];
	assert_eq!(decide(&third), DisputeDecision::Void);
	// More than a third, and everything that was revealed, is still not half of the eligible stake.
	let most = [(49, says(VALID)), (2, says(ABSTAIN)), (49, Nothing)];
	assert_eq!(decide(&most), DisputeDecision::Void);
	// A quorum of reveals is not a quorum of passes.
	let split = [(34, says(VALID)), (17, says(WRONG)), (49, Nothing)];
	assert_eq!(decide(&split), DisputeDecision::Void);
	assert_eq!(decide(&[(50, says(VALID)), (50, Nothing)]), DisputeDecision::Accepted);
}

#[test]
fn failure_over_the_input_alone_should_be_told_from_others() {
	assert_eq!(decide(&[(1, says(INPUT)), (1, says(INPUT)), (1, says(VALID))]), failed(1, true));
	let both = Verdict::Mismatch(MismatchKind::Transcodable);
	assert_eq!(decide(&[(1, says(both))]), failed(1, true));
	// One vote of another kind does not make it a slash, and one of a false kind averts none.
	assert_eq!(decide(&[(2, says(INPUT)), (1, says(WRONG))]), failed(1, true));
	assert_eq!(decide(&[(1, says(INPUT)), (2, says(WRONG))]), failed(1, false));
	// One leaf that is wrong beside one that should have been rejected.
	let mixed = [(1, Revealed(vec![INPUT, WRONG], 0))];
	assert_eq!(decide_dispute(2, &votes(&mixed)), failed(0b11, false));
}

#[test]
fn dispute_should_hold_when_stakes_are_as_large_as_they_can_be() {
	let mut owned = vec![(Balance::MAX, says(WRONG)); 256];
	assert_eq!(decide(&owned), failed(1, false));
	owned.iter_mut().for_each(|vote| vote.1 = says(VALID));
	assert_eq!(decide(&owned), DisputeDecision::Accepted);
}

fn a_vote(leaves: usize) -> impl Strategy<Value = Owned> {
	let word = (prop::collection::vec(prop::sample::select(&ALL[..]), leaves), 0u8..3)
		.prop_map(|(verdicts, e)| Revealed(verdicts, e));
	let stake = prop_oneof![0u128..10, Just(Balance::MAX), any::<u128>()];
	(stake, prop_oneof![8 => word, 1 => Just(Nothing), 1 => Just(Committed)])
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
		prop_assert_eq!(decide_tranche(&one, false), decide_tranche(&two, false));
		prop_assert_eq!(right_evidence(&one), right_evidence(&two));
	}

	/// Dust neither turns a failure over the input into a slash, nor one over the output into none.
	#[test]
	fn dust_should_decide_nothing((leaves, owned, _) in some_votes(), word in a_vote(16)) {
		let mut heavy = owned.clone();
		heavy.iter_mut().for_each(|vote| vote.0 = 1_000_000);
		let before = decide_dispute(leaves, &votes(&heavy));
		let mut more = heavy;
		let word = match word.1 {
			Revealed(verdicts, e) => Revealed(verdicts[..leaves].to_vec(), e),
			other => other,
		};
		more.push((0, word));
		prop_assert_eq!(decide_dispute(leaves, &votes(&more)), before);
	}

	/// A judge that says what was decided, with the right evidence, pays nothing; a silent judge
	/// always pays.
	#[test]
	fn penalties_should_spare_the_honest_and_find_the_silent((leaves, owned, _) in some_votes()) {
		let all = votes(&owned);
		let decision = decide_dispute(leaves, &all);
		let (outcome, failing) = (decision.outcome(), decision.failing());
		let right = right_evidence(&all);
		for is_dispute in [false, true] {
			let ruling = Ruling::of(outcome, failing, is_dispute, leaves, &all);
			let silent = Vote { stake: 1, said: Said::Nothing, asked: false };
			prop_assert_eq!(ruling.conduct(&silent), Conduct::Owes(Penalty::NoShow));
			let honest: Vec<_> = (0..leaves)
				.map(|leaf| {
					let accused = failing | ruling.bad;
					if accused >> leaf & 1 == 1 { WRONG } else { VALID }
				})
				.collect();
			let said = Said::Revealed(&honest, right.unwrap_or(evidence(9)));
			prop_assert_eq!(ruling.conduct(&Vote { stake: 1, said, asked: false }), Conduct::Answered);
		}
	}
}

#[test]
fn right_evidence_should_be_that_of_voters_who_had_every_leaf() {
	let lacking = || Revealed(vec![VALID, GONE], 1);
	let having = || Revealed(vec![VALID, VALID], 0);
	// Most lack a leaf, so nobody's evidence is wrong: the one who had it pays nothing.
	let missed = [(1, lacking()), (1, lacking()), (1, lacking()), (1, having())];
	assert_eq!(right_evidence(&votes(&missed)), None);
	assert_eq!(right_evidence(&votes(&[(2, having()), (1, lacking())])), Some(evidence(0)));
	// Silence does not count as revealed stake.
	assert_eq!(right_evidence(&votes(&[(1, having()), (9, Nothing)])), Some(evidence(0)));
	assert_eq!(right_evidence(&[]), None);
}

#[test]
fn penalties_should_be_those_of_the_table() {
	use Outcome::*;
	let ruling = |outcome, is_dispute| Ruling {
		outcome,
		failing: if outcome == Failed { 0b01 } else { 0 },
		good: if outcome == Accepted { 0b11 } else { 0 },
		bad: if outcome == Failed { 0b01 } else { 0 },
		is_dispute,
		most_revealed: true,
		excused: 0,
		right: Some(evidence(0)),
		half_passed: true,
		is_escalated: false,
	};
	let conduct = |ruling: &Ruling, verdicts: &[Verdict], e| {
		ruling.conduct(&Vote {
			stake: 1,
			said: Said::Revealed(verdicts, evidence(e)),
			asked: false,
		})
	};
	let owes = Conduct::Owes;
	for outcome in [Accepted, Failed, Missed, Void] {
		for is_dispute in [false, true] {
			let ruling = ruling(outcome, is_dispute);
			let of = |said| ruling.conduct(&Vote { stake: 1, said, asked: false });
			assert_eq!(of(Said::Nothing), owes(Penalty::NoShow));
			assert_eq!(of(Said::Committed), owes(Penalty::Withheld));
			let stalled = Ruling { most_revealed: false, ..ruling };
			let kept = Vote { stake: 1, said: Said::Committed, asked: false };
			assert_eq!(stalled.conduct(&kept), owes(Penalty::NoShow));
			assert_eq!(conduct(&ruling, &[ABSTAIN], 0), owes(Penalty::NoShow));
			let excusing = Ruling { excused: 1, ..ruling };
			assert_eq!(conduct(&excusing, &[ABSTAIN], 0), Conduct::Unasked);
			assert_eq!(conduct(&excusing, &[VALID, ABSTAIN], 0), {
				let passed_failing = outcome == Failed;
				owes(if passed_failing { Penalty::FalseDissent } else { Penalty::NoShow })
			});
			// Evidence is required of judges that had everything.
			let word: &[Verdict] = if outcome == Failed { &[WRONG] } else { &[VALID] };
			assert_eq!(conduct(&ruling, word, 0), Conduct::Answered);
			let other = if is_dispute { Penalty::WrongEvidence } else { Penalty::OtherEvidence };
			assert_eq!(conduct(&ruling, word, 1), owes(other));
			let unclear = Ruling { right: None, ..ruling };
			assert_eq!(conduct(&unclear, word, 1), Conduct::Answered);
			// An accusation is false only if the claim was accepted.
			for dissent in [&[WRONG] as &[_], &[BROKEN], &[INPUT], &[GONE, WRONG]] {
				let expected = if outcome == Accepted {
					owes(Penalty::FalseDissent)
				} else {
					Conduct::Answered
				};
				assert_eq!(conduct(&ruling, dissent, 0), expected);
			}
			// Valid is false on a leaf that failed, and only on that.
			let expected =
				if outcome == Failed { owes(Penalty::FalseDissent) } else { Conduct::Answered };
			assert_eq!(conduct(&ruling, &[VALID, VALID], 0), expected);
			// Lacking bytes costs only in a dispute that accepts.
			let expected = if outcome == Accepted && is_dispute {
				owes(Penalty::NoShow)
			} else {
				Conduct::Answered
			};
			assert_eq!(conduct(&ruling, &[GONE], 1), expected);
		}
	}
}

#[test]
fn nobody_should_pay_for_a_leaf_on_which_half_abstain() {
	let ruling = |words: &[Owned]| Ruling::of(Outcome::Void, 0, true, 1, &votes(words));
	let half = [(1, says(ABSTAIN)), (1, says(VALID))];
	assert_eq!(ruling(&half).excused, 1);
	let fewer = [(1, says(ABSTAIN)), (2, says(VALID))];
	assert_eq!(ruling(&fewer).excused, 0);
	// Silence is no abstention.
	assert_eq!(ruling(&[(1, says(ABSTAIN)), (2, Nothing)]).excused, 0);
}

#[test]
fn finder_should_be_who_named_a_fault_on_a_leaf_that_failed() {
	let vote = |verdicts: &[Verdict], failing| {
		found(
			&Vote { stake: 1, said: Said::Revealed(verdicts, evidence(0)), asked: false },
			failing,
		)
	};
	assert!(vote(&[VALID, WRONG], 0b10));
	// A fault on any other leaf is a guess, and missing bytes name no fault.
	assert!(!vote(&[WRONG, VALID], 0b10));
	assert!(!vote(&[WRONG, GONE], 0b10));
	assert!(!found(&Vote { stake: 1, said: Said::Committed, asked: false }, 0b11));
}

#[test]
fn leaves_beyond_the_mask_should_be_none_of_it() {
	let mut verdicts = vec![VALID; 16];
	verdicts.push(WRONG);
	let said = Said::Revealed(&verdicts, evidence(0));
	assert!(!found(&Vote { stake: 1, said, asked: false }, u16::MAX));
	let owned = [(1, Revealed(vec![WRONG; 17], 0))];
	assert_eq!(decide_dispute(17, &votes(&owned)), failed(u16::MAX, false));
}

/// Evidence is that of most of a tranche's revealing members only beyond a half, and a member that
/// abstains passes nothing with it.
#[test]
fn half_of_a_tranche_should_not_say_what_evidence_is_right() {
	let pass = |e| (1, Revealed(vec![VALID], e));
	let passed = |tranches: &[&[Owned]]| {
		let tranches: Vec<_> = tranches.iter().map(|owned| votes(owned)).collect();
		most_passed(&tranches)
	};
	assert!(!passed(&[&[pass(0), pass(1)], &[pass(2), pass(2)]]));
	assert!(passed(&[&[pass(0), pass(0), pass(1)], &[pass(2), pass(2), (1, Nothing)]]));
	let abstains = || (1, Revealed(vec![ABSTAIN], 0));
	assert!(!passed(&[&[pass(0), pass(0), abstains(), (1, Nothing)]]));
	assert!(passed(&[&[pass(0), pass(0), abstains()]]));
	assert!(!passed(&[]) && !passed(&[&[]]));
}

#[test]
fn void_dispute_should_be_starved_where_a_third_lacks_what_half_does_not_pass() {
	let starved = |owned: &[Owned]| is_starved(1, &votes(owned));
	assert!(starved(&[(1, says(GONE)), (2, Nothing)]));
	assert!(starved(&[(2, says(GONE)), (1, says(VALID)), (3, says(WRONG))]));
	// In order: less than a third; half has had them; nobody lacks any; nobody has any stake.
	assert!(!starved(&[(1, says(GONE)), (3, Nothing)]));
	assert!(!starved(&[(1, says(GONE)), (1, says(VALID))]));
	assert!(!starved(&[(1, says(WRONG)), (2, Nothing)]));
	assert!(!starved(&[(0, says(GONE))]) && !starved(&[]));
}

/// The values read from a ballot, at each of their bounds.
#[test]
fn ruling_should_read_a_ballot_as_its_words_say() {
	let of =
		|is_dispute, owned: &[Owned]| Ruling::of(Outcome::Void, 0, is_dispute, 1, &votes(owned));
	let (pass, bad, gone) = (|| says(VALID), || says(WRONG), || says(GONE));
	// Half passes it, whatever the other half says.
	let split = of(true, &[(1, pass()), (1, bad())]);
	assert_eq!((split.good, split.bad), (1, 0));
	let accused = of(true, &[(1, pass()), (2, bad())]);
	assert_eq!((accused.good, accused.bad), (0, 1));
	// A fault of a third without half that accuses, and accusations without a third's fault.
	assert_eq!(of(true, &[(1, bad()), (2, Nothing)]).bad, 0);
	assert_eq!(of(true, &[(1, pass()), (2, gone())]).bad, 0);
	// A committee alone makes no verdict false, and excuses nobody.
	assert_eq!(of(false, &[(1, pass()), (2, bad())]).bad, 0);
	assert_eq!(of(false, &[(1, pass()), (1, says(ABSTAIN))]).excused, 0);
	assert_eq!(of(true, &[(1, pass()), (1, says(ABSTAIN))]).excused, 1);
	// Most have revealed beyond a half; a half that passed is enough.
	let half = of(false, &[(1, pass()), (1, Committed)]);
	assert_eq!((half.most_revealed, half.half_passed), (false, true));
	let fewer = of(false, &[(1, pass()), (1, Committed), (1, bad())]);
	assert_eq!((fewer.most_revealed, fewer.half_passed), (true, false));
}

#[test]
fn right_evidence_of_a_tranche_should_be_that_of_most_of_its_members() {
	let pass = |e| Revealed(vec![VALID], e);
	let right = |is_dispute, owned: &[Owned]| {
		Ruling::of(Outcome::Accepted, 0, is_dispute, 1, &votes(owned)).right
	};
	let most = [(1, pass(0)), (1, pass(0)), (1, pass(1))];
	assert_eq!(right(false, &most), Some(evidence(0)));
	// Two of four, which are two thirds of those who revealed.
	let half = [(1, pass(0)), (1, pass(0)), (1, pass(1)), (1, Nothing)];
	assert_eq!(right(false, &half), None);
	assert_eq!(right(true, &half), Some(evidence(0)));
	// Two thirds of the stake, and a third of the members.
	let large = [(90, pass(1)), (10, pass(0)), (10, pass(0))];
	assert_eq!(right(false, &large), None);
	assert_eq!(decide_tranche(&votes(&large), false), TrancheDecision::Accused);
	assert_eq!(decide_tranche(&votes(&most), false), TrancheDecision::Undecided);
	// A judge that lacked a leaf shows nothing by its evidence.
	let ruling = Ruling::of(Outcome::Accepted, 0, false, 1, &votes(&most));
	let shows = |word: Word| ruling.shows_work(&votes(&[(1, word)])[0]);
	assert!(shows(pass(0)));
	assert!(!shows(pass(1)) && !shows(Nothing) && !shows(Committed));
	assert!(!shows(says(GONE)) && !shows(says(ABSTAIN)));
}

#[test]
fn valid_on_a_variant_that_half_sees_should_be_missed_whatever_the_outcome() {
	let unforced = Verdict::Mismatch(MismatchKind::Unforced);
	for outcome in [Outcome::Accepted, Outcome::Void, Outcome::Failed] {
		let owned = [
			(1, Revealed(vec![unforced, VALID], 0)),
			(1, Revealed(vec![VALID, WRONG], 0)),
			(1, Revealed(vec![VALID, VALID], 0)),
		];
		let votes = votes(&owned);
		let ruling = Ruling::of(outcome, 0, true, 2, &votes);
		let conducts: Vec<_> = votes.iter().map(|vote| ruling.conduct(vote)).collect();
		let owes = Conduct::Owes;
		let expected =
			[owes(Penalty::MissedVariant), owes(Penalty::FalseDissent), Conduct::Answered];
		assert_eq!(conducts, expected);
	}
	// If the transcoder has left it out, nobody has missed it.
	let owned = [(1, says(unforced)), (1, says(unforced)), (1, says(unforced))];
	let votes = votes(&owned);
	let decision = decide_dispute(1, &votes);
	assert_eq!(decision.outcome(), Outcome::Failed);
	let ruling = Ruling::of(Outcome::Failed, decision.failing(), true, 1, &votes);
	assert!(votes.iter().all(|vote| ruling.conduct(vote) == Conduct::Answered));
}

#[test]
fn bytes_that_came_late_should_cost_where_half_had_them_and_nothing_failed() {
	let vote = |asked| Vote { stake: 1, said: Said::Revealed(&[GONE], evidence(0)), asked };
	let ruling = Ruling {
		outcome: Outcome::Accepted,
		failing: 0,
		good: 1,
		bad: 0,
		is_dispute: false,
		most_revealed: true,
		excused: 0,
		right: None,
		half_passed: false,
		is_escalated: true,
	};
	let owes = Conduct::Owes;
	assert_eq!(ruling.conduct(&vote(false)), owes(Penalty::LateData));
	assert_eq!(ruling.conduct(&vote(true)), owes(Penalty::LateDataAsked));
	let most = Ruling { half_passed: true, ..ruling };
	assert_eq!(most.conduct(&vote(true)), owes(Penalty::LateDataAlone));
	let in_dispute = Ruling { is_dispute: true, ..ruling };
	assert_eq!(in_dispute.conduct(&vote(true)), owes(Penalty::Lacked));
	assert_eq!(in_dispute.conduct(&vote(false)), owes(Penalty::NoShow));
	let void = Ruling { outcome: Outcome::Void, ..ruling };
	assert_eq!(void.conduct(&vote(false)), owes(Penalty::LateData));
	for free in [
		// Another leaf did, so the dispute was not its fault.
		Ruling { outcome: Outcome::Failed, ..ruling },
		Ruling { is_escalated: false, ..ruling },
		Ruling { good: 0, ..ruling },
	] {
		assert_eq!(free.conduct(&vote(false)), Conduct::Answered);
	}
}

/// One member has more than twice the stake of all others in its committee and invents its evidence.
#[test]
fn attack_large_member_should_not_have_its_committee_pay_for_invented_evidence() {
	let invented = || Revealed(vec![VALID], 1);
	let honest = || Revealed(vec![VALID], 0);
	let said = [(90, invented()), (10, honest()), (10, honest())];
	let all = votes(&said);
	let in_committee = Ruling::of(Outcome::Accepted, 0, false, 1, &all);
	for vote in &all[1..] {
		assert_eq!(in_committee.conduct(vote), Conduct::Answered);
	}
	// Two thirds of a whole set are another matter.
	let in_dispute = Ruling::of(Outcome::Accepted, 0, true, 1, &all);
	assert!(matches!(in_dispute.conduct(&all[1]), Conduct::Owes(_)));
}

/// One of a dispute's judges: honest, honest without the bytes, or a liar with this verdict.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
	Honest,
	Starved,
	Liar(Option<Verdict>),
}

fn a_role() -> impl Strategy<Value = Role> {
	prop_oneof![
		3 => Just(Role::Honest),
		1 => Just(Role::Starved),
		2 => prop::option::of(prop::sample::select(ALL.to_vec())).prop_map(Role::Liar),
	]
}

proptest! {
	// About a third of the cases has too many liars.
	#![proptest_config(ProptestConfig {
		max_global_rejects: 40_000,
		..ProptestConfig::with_cases(4_000)
	})]

	/// A truthful judge never pays as for a lie in two cases: while liars have less than a third of
	/// the eligible stake, whomever the transcoder keeps from the bytes; and while they have less
	/// than half of it and nobody is kept from them. In the second case each liar that stands
	/// against the others pays, in a void dispute too.
	#[test]
	fn attack_less_than_half_should_neither_void_for_nothing_nor_make_others_pay(
		judges in prop::collection::vec((1u128..100, a_role()), 1..10),
		is_good: bool,
	) {
		let truth = if is_good { VALID } else { WRONG };
		let owned: Vec<Owned> = judges
			.iter()
			.map(|(stake, role)| {
				let word = match role {
					Role::Honest => says(truth),
					Role::Starved => says(GONE),
					Role::Liar(word) => word.map_or(Nothing, says),
				};
				(*stake, word)
			})
			.collect();
		let stake = |rule: &dyn Fn(Role) -> bool| -> u128 {
			judges.iter().filter(|(_, role)| rule(*role)).map(|(stake, _)| stake).sum()
		};
		let all = stake(&|_| true);
		let liars = stake(&|role| matches!(role, Role::Liar(_)));
		let starved = stake(&|role| role == Role::Starved);
		prop_assume!(liars * 3 < all || (liars * 2 < all && starved == 0));
		let votes = votes(&owned);
		let decision = decide_dispute(1, &votes);
		let ruling = Ruling::of(decision.outcome(), decision.failing(), true, 1, &votes);
		for ((_, role), vote) in judges.iter().zip(&votes) {
			let conduct = ruling.conduct(vote);
			let lied = conduct == Conduct::Owes(Penalty::FalseDissent);
			match role {
				Role::Honest | Role::Starved => prop_assert!(!lied, "{owned:?}"),
				Role::Liar(Some(word)) if starved == 0 => {
					let opposes = if is_good { word.is_fault() } else { word.is_pass() };
					prop_assert_eq!(lied, opposes, "{:?}", &owned);
				}
				Role::Liar(_) => {}
			}
		}
		// Nor can they decide against the truth.
		let wrong = if is_good { Outcome::Failed } else { Outcome::Accepted };
		prop_assert!(starved > 0 || decision.outcome() != wrong, "{owned:?}");
	}
}

/// The same with the stakes of a large transcoder: it and a third of the rest have more than half
/// of all stake.
#[test]
fn attack_a_third_of_the_eligible_stake_should_pay_for_a_void_dispute() {
	for (said, truth) in [(WRONG, VALID), (VALID, WRONG)] {
		// 29 of 71 against 42, where the transcoder's 29 do not count.
		let owned = [(29, says(said)), (21, says(truth)), (21, says(truth))];
		let votes = votes(&owned);
		let decision = decide_dispute(1, &votes);
		assert_eq!(decision, DisputeDecision::Void);
		let ruling = Ruling::of(Outcome::Void, 0, true, 1, &votes);
		let conducts: Vec<_> = votes.iter().map(|vote| ruling.conduct(vote)).collect();
		assert_eq!(conducts[0], Conduct::Owes(Penalty::FalseDissent));
		assert_eq!(conducts[1..], [Conduct::Answered; 2]);
	}
	// Without an accusation it is a no-show, as where the claim is accepted.
	let owned = [(29, says(GONE)), (42, says(VALID))];
	let votes = votes(&owned);
	assert_eq!(decide_dispute(1, &votes), DisputeDecision::Void);
	let ruling = Ruling::of(Outcome::Void, 0, true, 1, &votes);
	assert_eq!(ruling.conduct(&votes[0]), Conduct::Owes(Penalty::NoShow));
}
