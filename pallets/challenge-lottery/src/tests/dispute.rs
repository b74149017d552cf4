//! Disputes that are won, lost or neither.

use frame_support::{assert_noop, assert_ok, traits::Hooks};
use livepeer_primitives::{
	api::ChallengeStage,
	claim::Outcome,
	traits::Settlement,
	verdict::{MismatchKind, NonConformingKind, Opening, Verdict, DISPUTE},
	Hash,
};
use sp_runtime::Perbill;

use crate::{mock::*, types::Penalty, Error, Event, NoShows, Tallied};

const WRONG: Verdict = Verdict::Mismatch(MismatchKind::Video);

/// What a no-show costs the first time.
fn no_show() -> Perbill {
	Perbill::from_parts(500_000)
}

/// What a false dissent costs.
fn dissent() -> Perbill {
	Perbill::from_percent(1)
}

/// The slashes of others than the transcoder, by account.
fn penalties() -> Vec<(usize, Perbill)> {
	let mut all: Vec<_> = SLASHED
		.get()
		.into_iter()
		.filter(|slash| slash.0 != transcoder())
		.map(|(who, _, fraction, finders)| {
			assert!(finders.is_empty());
			(number_of(&who), fraction)
		})
		.collect();
	all.sort();
	all
}

/// A claim whose committee gives `verdict`, at the opening of its dispute.
fn disputed(verdict: Verdict) -> TestClaim {
	let claim = claim(8);
	to_commit(&claim);
	all_say(claim.id, 0, verdict);
	to_dispute(claim.id);
	claim
}

fn outcome(id: u64) -> Option<Outcome> {
	Lottery::challenge(id).unwrap().outcome
}

#[test]
fn committee_should_accept_when_two_thirds_pass_and_nobody_accuses() {
	let lazy = Opening {
		evidence: livepeer_primitives::verdict::Evidence { recipe: 1, hash: Hash::zero() },
		..opening_of(vec![])
	};
	build_and_execute(|| {
		for case in 0..5 {
			let claim = claim(8);
			to_commit(&claim);
			let good = opening(claim.id, Verdict::Valid);
			let odd = number_of(&members(claim.id, 0)[1]);
			let other = match case {
				0 => Some(opening(claim.id, WRONG)),
				1 => Some(opening(claim.id, Verdict::Abstain)),
				2 | 3 => None,
				// Equal verdicts, unequal evidence.
				_ => Some(Opening { evidence: lazy.evidence, ..good.clone() }),
			};
			// In one case a second member is silent too.
			let second = number_of(&members(claim.id, 0)[2]);
			let is_odd = |i| i == odd || case == 3 && i == second;
			ballot(claim.id, 0, |i| if is_odd(i) { other.clone() } else { Some(good.clone()) });
			let view = Lottery::challenge(claim.id).unwrap();
			let expected = match case {
				0 | 3 => ChallengeStage::AwaitingDispute,
				_ => ChallengeStage::Decided,
			};
			assert_eq!(view.stage, expected, "case {case}");
		}
	});
}

#[test]
fn transcoder_should_lose_when_two_thirds_find_the_same_leaf_wrong() {
	build_and_execute(|| {
		let claim = disputed(WRONG);
		assert_eq!(members(claim.id, DISPUTE).len(), 5);
		// Four of five, with different kinds of fault.
		let said = |i| match i {
			0 => opening(claim.id, Verdict::Valid),
			1 => opening(claim.id, Verdict::NonConforming(NonConformingKind::Size)),
			_ => opening(claim.id, WRONG),
		};
		let committee = members(claim.id, 0);
		ballot(claim.id, DISPUTE, |i| Some(said(i)));
		let decided = System::block_number();
		assert_eq!(outcome(claim.id), Some(Outcome::Failed));
		assert_eq!(DETAINED.get().get(&transcoder()), Some(&1));
		assert!(SETTLED.get().is_empty() && SLASHED.get().is_empty());
		run_to(decided + 4);
		assert!(SETTLED.get().is_empty() && SLASHED.get().is_empty());
		run_to(decided + 5);
		assert_eq!(SETTLED.get(), vec![(claim.id, Settlement::Refund)]);
		let five = Perbill::from_percent(5);
		assert_eq!(SLASHED.get().last(), Some(&(transcoder(), 0, five, committee)));
		// The member that passed it lied.
		assert_eq!(penalties(), vec![(0, dissent())]);
		assert!(DETAINED.get().is_empty() && RETAINED.get().is_empty());
		assert_eq!(bytes_left(), 0);
	});
}

#[test]
fn finders_should_be_those_of_the_committee_who_named_the_failing_leaf() {
	build_and_execute(|| {
		let claim = claim(8);
		to_commit(&claim);
		let committee = members(claim.id, 0);
		let finder = number_of(&committee[2]);
		let (good, bad) = (opening(claim.id, Verdict::Valid), opening(claim.id, WRONG));
		ballot(claim.id, 0, |i| Some(if i == finder { bad.clone() } else { good.clone() }));
		to_dispute(claim.id);
		all_say(claim.id, DISPUTE, WRONG);
		skip(5);
		let slashes = SLASHED.get();
		let (who, _, _, finders) = slashes.last().unwrap();
		assert_eq!((who, finders), (&transcoder(), &vec![committee[2].clone()]));
	});
}

#[test]
fn transcoder_should_win_when_two_thirds_of_the_revealed_pass() {
	build_and_execute(|| {
		let claim = claim(8);
		to_commit(&claim);
		let committee = members(claim.id, 0);
		let liar = number_of(&committee[0]);
		let (good, bad) = (opening(claim.id, Verdict::Valid), opening(claim.id, WRONG));
		let says = |i| Some(if i == liar { bad.clone() } else { good.clone() });
		ballot(claim.id, 0, says);
		to_dispute(claim.id);
		ballot(claim.id, DISPUTE, says);
		let decided = System::block_number();
		assert_eq!(outcome(claim.id), Some(Outcome::Accepted));
		assert!(DETAINED.get().is_empty());
		// The dissenter pays once for both tranches, in the block of the payment.
		run_to(decided + 11);
		assert!(SLASHED.get().is_empty() && SETTLED.get().is_empty());
		run_to(decided + 12);
		assert_eq!(penalties(), vec![(liar, dissent())]);
		// For one round it does not validate.
		let until = System::block_number() / 30 + 2;
		assert_eq!(CHILLED.get().into_iter().collect::<Vec<_>>(), vec![(validator(liar), until)]);
		assert_eq!(SETTLED.get(), vec![(claim.id, Settlement::Pay)]);
		assert_eq!(bytes_left(), 0);
		let fine = |event: &Event<Test>| {
			matches!(event, Event::Penalised { penalty: Penalty::FalseDissent, .. })
		};
		assert!(events().iter().any(fine));
	});
}

#[test]
fn claim_should_be_missed_when_two_thirds_cannot_have_the_bytes() {
	build_and_execute(|| {
		let claim = disputed(UNAVAILABLE);
		all_say(claim.id, DISPUTE, UNAVAILABLE);
		assert_eq!(outcome(claim.id), Some(Outcome::Missed));
		skip(5);
		assert_eq!(SLASHED.get(), vec![(transcoder(), 0, Perbill::from_percent(10), vec![])]);
		assert_eq!(bytes_left(), 0);
	});
}

#[test]
fn unavailable_in_the_committee_should_cost_nothing_when_the_data_appears_later() {
	build_and_execute(|| {
		let claim = disputed(UNAVAILABLE);
		all_say(claim.id, DISPUTE, Verdict::Valid);
		assert_eq!(outcome(claim.id), Some(Outcome::Accepted));
		skip(12);
		assert_eq!(SETTLED.get(), vec![(claim.id, Settlement::Pay)]);
		assert!(SLASHED.get().is_empty());
	});
}

#[test]
fn claim_should_be_void_at_the_cost_of_the_silent_when_nobody_is_convinced() {
	build_and_execute(|| {
		let claim = disputed(WRONG);
		let (good, bad) = (opening(claim.id, Verdict::Valid), opening(claim.id, WRONG));
		// Two against two, and one silent.
		ballot(claim.id, DISPUTE, |i| match i {
			0 | 1 => Some(good.clone()),
			2 | 3 => Some(bad.clone()),
			_ => None,
		});
		run_to(System::block_number() + 10);
		assert_eq!(SETTLED.get(), vec![(claim.id, Settlement::Refund)]);
		assert!(DETAINED.get().is_empty());
		assert_eq!(penalties(), vec![(4, no_show())]);
		assert_eq!(bytes_left(), 0);
	});
}

#[test]
fn claim_should_be_void_when_half_of_the_stake_does_not_pass_it() {
	build_and_execute(|| {
		let claim = disputed(WRONG);
		let good = opening(claim.id, Verdict::Valid);
		ballot(claim.id, DISPUTE, |i| (i < 2).then(|| good.clone()));
		skip(10);
		assert_eq!(SETTLED.get(), vec![(claim.id, Settlement::Refund)]);
		assert_eq!(penalties(), [2, 3, 4].map(|i| (i, no_show())));
		assert_eq!(bytes_left(), 0);
	});
}

#[test]
fn claim_should_be_void_when_nobody_answers_at_all() {
	build_and_execute(|| {
		let claim = claim(8);
		to_commit(&claim);
		for _ in 0..200 {
			skip(1);
		}
		assert_eq!(SETTLED.get(), vec![(claim.id, Settlement::Refund)]);
		assert_eq!(penalties(), [0, 1, 2, 3, 4].map(|i| (i, no_show())));
		assert_eq!(bytes_left(), 0);
	});
}

#[test]
fn word_that_is_kept_back_should_cost_as_a_false_one_when_most_revealed() {
	build_and_execute(|| {
		let claim = disputed(WRONG);
		let bad = opening(claim.id, WRONG);
		for member in 0..5 {
			commit(claim.id, DISPUTE, member, &bad).unwrap();
		}
		for member in 0..4 {
			reveal(claim.id, DISPUTE, member, &bad).unwrap();
		}
		let silent = number_of(&members(claim.id, DISPUTE)[4]);
		run_to(challenge(claim.id).due);
		assert_eq!(outcome(claim.id), Some(Outcome::Failed));
		skip(5);
		assert_eq!(penalties(), vec![(silent, dissent())]);
		assert!(CHILLED.get().contains_key(&validator(silent)));
	});
}

#[test]
fn word_that_is_kept_back_should_cost_a_no_show_when_finality_may_have_stalled() {
	build_and_execute(|| {
		let claim = disputed(WRONG);
		let bad = opening(claim.id, WRONG);
		for member in 0..5 {
			commit(claim.id, DISPUTE, member, &bad).unwrap();
		}
		for member in 0..2 {
			reveal(claim.id, DISPUTE, member, &bad).unwrap();
		}
		run_to(challenge(claim.id).due);
		skip(5);
		assert_eq!(penalties(), [2, 3, 4].map(|i| (i, no_show())));
		assert!(CHILLED.get().is_empty());
	});
}

#[test]
fn lazy_word_should_pay_when_its_evidence_is_not_that_of_the_work() {
	build_and_execute(|| {
		let claim = disputed(UNAVAILABLE);
		let good = opening(claim.id, Verdict::Valid);
		let mut lazy = good.clone();
		lazy.evidence.hash = Hash::zero();
		ballot(claim.id, DISPUTE, |i| Some(if i == 2 { lazy.clone() } else { good.clone() }));
		assert_eq!(outcome(claim.id), Some(Outcome::Accepted));
		skip(12);
		assert_eq!(penalties(), vec![(2, no_show())]);
		assert!(CHILLED.get().contains_key(&validator(2)));
	});
}

#[test]
fn penalty_should_grow_up_to_that_of_a_false_dissent_and_no_further() {
	let parameters = Parameters::get();
	let parts =
		|in_a_row| Penalty::NoShow.fraction(&parameters, in_a_row, Perbill::zero()).deconstruct();
	assert_eq!([0, 1, 2, 3, 4].map(parts), [500_000, 1_000_000, 2_000_000, 4_000_000, 8_000_000]);
	assert_eq!([5, 6, 31, 32, u32::MAX].map(parts), [10_000_000; 5]);
	assert_eq!(Penalty::FalseDissent.fraction(&parameters, 9, Perbill::zero()), dissent());
	// A variant called valid costs its own share, and never less than a false dissent.
	let variant = |part| Penalty::MissedVariant.fraction(&parameters, 0, part);
	assert_eq!(variant(Perbill::from_percent(1)), parameters.variant_slash);
	assert_eq!(variant(Perbill::from_percent(7)), Perbill::from_percent(7));
	assert_eq!(variant(Perbill::one()), Perbill::from_percent(50));
}

/// Of what a judge owes in a claim the worst counts. A penalty that is worse than one that chills
/// chills too: a false accuser is chilled, whatever else it says.
#[test]
fn attack_worse_fault_should_not_shield_from_the_chill_of_a_lighter_one() {
	let ascending = [
		Penalty::Lacked,
		Penalty::NoShow,
		Penalty::OtherEvidence,
		Penalty::LateDataAsked,
		Penalty::LateDataAlone,
		Penalty::LateData,
		Penalty::WrongEvidence,
		Penalty::Withheld,
		Penalty::FalseDissent,
		Penalty::MissedVariant,
	];
	for pair in ascending.windows(2) {
		assert!(pair[0] < pair[1]);
		assert!(!pair[0].chills() || pair[1].chills());
	}
	let chilling: Vec<_> = ascending.into_iter().filter(Penalty::chills).collect();
	assert_eq!(chilling, ascending[6..]);
}

#[test]
fn no_shows_should_double_until_a_full_answer() {
	build_and_execute(|| {
		for (expected, parts) in [(1, 500_000), (2, 1_000_000), (3, 2_000_000)] {
			SLASHED.put(vec![]);
			// Each is of its own round, because in one round only the largest counts.
			SNAPSHOT.mutate(|round| *round += 1);
			let claim = claim(8);
			to_commit(&claim);
			// Nobody answers, neither in the committee nor in the dispute.
			while Lottery::challenge(claim.id).is_some() {
				skip(1);
			}
			assert_eq!(penalties(), [0, 1, 2, 3, 4].map(|i| (i, Perbill::from_parts(parts))));
			assert_eq!(Lottery::no_shows(validator(0)), expected);
		}
		let claim = claim(8);
		to_commit(&claim);
		let judges = members(claim.id, 0);
		all_say(claim.id, 0, Verdict::Valid);
		skip(12);
		for i in 0..5 {
			let expected = if judges.contains(&validator(i)) { 0 } else { 3 };
			assert_eq!(NoShows::<Test>::contains_key(validator(i)), expected > 0);
			assert_eq!(NoShows::<Test>::get(validator(i)), expected);
		}
	});
}

#[test]
fn failure_over_the_input_alone_should_refund_and_cost_the_dispute_without_slash_or_jail() {
	build_and_execute(|| {
		let input = Verdict::NonConforming(NonConformingKind::Input);
		let claim = disputed(input);
		let (good, bad) = (opening(claim.id, Verdict::Valid), opening(claim.id, input));
		ballot(claim.id, DISPUTE, |i| Some(if i == 3 { good.clone() } else { bad.clone() }));
		let decided = System::block_number();
		assert_eq!(outcome(claim.id), Some(Outcome::Failed));
		let about_input = |event: &Event<Test>| {
			matches!(event, Event::Decided { about_input: true, outcome: Outcome::Failed, .. })
		};
		assert!(events().iter().any(about_input));
		assert!(DETAINED.get().is_empty());
		// Nor does it count where many fail.
		assert!(!Tallied::<Test>::contains_key(toolchain()));
		let open = challenge(claim.id);
		let crate::types::Stage::Decided(decision) = &open.stage else { panic!("decided") };
		// What each of the five that revealed has done again.
		let price = open.parameters.verify_price;
		let cost = livepeer_primitives::work::fee(open.sampled_work * 5, price);
		assert!(cost > 0);
		assert_eq!(decision.dispute_cost, cost);
		// Not before it could be cancelled.
		run_to(decided + 11);
		assert!(CHARGED.get().is_empty());
		run_to(decided + 12);
		assert_eq!(CHARGED.get(), vec![(transcoder(), cost, claim.info.round)]);
		assert_eq!(SETTLED.get(), vec![(claim.id, Settlement::Refund)]);
		assert_eq!(penalties(), vec![(3, dissent())]);
		assert!(SLASHED.get().iter().all(|slash| slash.0 != transcoder()));
		assert_eq!(bytes_left(), 0);
	});
}

#[test]
fn whoever_sat_in_both_ballots_should_pay_the_greater() {
	build_and_execute(|| {
		let claim = claim(8);
		to_commit(&claim);
		let committee: Vec<usize> = members(claim.id, 0).iter().map(number_of).collect();
		let bad = opening(claim.id, WRONG);
		// One accuses and is silent later; the others are silent and pass it later.
		ballot(claim.id, 0, |i| (i == committee[0]).then(|| bad.clone()));
		to_dispute(claim.id);
		let good = opening(claim.id, Verdict::Valid);
		ballot(claim.id, DISPUTE, |i| (i != committee[0]).then(|| good.clone()));
		assert_eq!(outcome(claim.id), Some(Outcome::Accepted));
		skip(12);
		let mut expected: Vec<_> = committee[1..].iter().map(|i| (*i, no_show())).collect();
		expected.push((committee[0], dissent()));
		expected.sort();
		assert_eq!(penalties(), expected);
	});
}

#[test]
fn dispute_should_count_stake_and_not_heads() {
	build_and_execute(|| {
		seat(&[1_000, 1, 1, 1, 1]);
		let claim = claim(8);
		to_commit(&claim);
		let (good, bad) = (opening(claim.id, Verdict::Valid), opening(claim.id, WRONG));
		let says = |i| Some(if i == 0 { good.clone() } else { bad.clone() });
		ballot(claim.id, 0, says);
		to_dispute(claim.id);
		ballot(claim.id, DISPUTE, says);
		assert_eq!(outcome(claim.id), Some(Outcome::Accepted));
		// Dust that dissents for ever pays for it each time.
		skip(12);
		assert_eq!(SLASHED.get().len(), 4);
	});
}

/// A claim accepted against 40 of 41 validators that never answered, `wait` blocks before its
/// execution.
fn accepted_by_one(wait: u32) -> TestClaim {
	Parameters::mutate(|parameters| parameters.slashing_period = wait);
	seat(&[&[1_000][..], &[1; 40]].concat());
	let claim = claim(8);
	to_commit(&claim);
	let good = opening(claim.id, Verdict::Valid);
	ballot(claim.id, 0, |i| (i == 0).then(|| good.clone()));
	to_dispute(claim.id);
	ballot(claim.id, DISPUTE, |i| (i == 0).then(|| good.clone()));
	assert_eq!(outcome(claim.id), Some(Outcome::Accepted));
	claim
}

/// How many judges were dismissed in each block until everything was settled.
fn dismissed_per_block(wait: u32) -> Vec<usize> {
	accepted_by_one(wait);
	let mut blocks = Vec::new();
	while SETTLED.get().is_empty() {
		let before = LIABLE.get().len();
		skip(1);
		blocks.push(before - LIABLE.get().len());
	}
	assert_eq!(bytes_left(), 0);
	blocks
}

#[test]
fn penalties_should_be_spread_from_the_execution_on_when_the_set_is_large() {
	build_and_execute(|| assert_eq!(dismissed_per_block(6), [0, 0, 0, 0, 0, 16, 16, 9]));
}

#[test]
fn cancel_should_spare_everybody_when_it_comes_before_the_execution() {
	build_and_execute(|| {
		let claim = accepted_by_one(6);
		skip(5);
		assert_ok!(Lottery::cancel(RuntimeOrigin::root(), claim.id, None));
		assert_eq!(SETTLED.get(), vec![(claim.id, Settlement::Pay)]);
		assert!(SLASHED.get().is_empty() && LIABLE.get().is_empty());
		assert_eq!(bytes_left(), 0);
	});
}

#[test]
fn cancel_should_be_refused_when_the_execution_has_begun() {
	build_and_execute(|| {
		let claim = accepted_by_one(6);
		for left in [25, 9] {
			skip(if left == 25 { 6 } else { 1 });
			assert_eq!(LIABLE.get().len(), left);
			assert_noop!(
				Lottery::cancel(RuntimeOrigin::root(), claim.id, None),
				Error::<Test>::ExecutionBegun
			);
		}
		skip(1);
		assert_eq!(SLASHED.get().len(), 40, "all of them pay");
		assert_eq!(SETTLED.get(), vec![(claim.id, Settlement::Pay)]);
	});
}

#[test]
fn hook_should_charge_the_settlement_when_a_dispute_ends_void() {
	build_and_execute(|| {
		let claim = disputed(WRONG);
		// Nobody answers: the count is due when the commit phase is over.
		run_to(challenge(claim.id).due);
		assert_eq!(outcome(claim.id), Some(Outcome::Void));
		let next = System::block_number() + 1;
		System::set_block_number(next);
		let used = Lottery::on_initialize(next);
		assert_eq!(SETTLED.get(), vec![(claim.id, Settlement::Refund)]);
		let least = <() as crate::WeightInfo>::agenda_execute();
		assert!(used.all_gte(least.saturating_add(<() as crate::WeightInfo>::agenda_dismiss(5))));
	});
}

#[test]
fn no_step_should_grow_when_the_wait_is_too_short_for_the_penalties() {
	build_and_execute(|| assert_eq!(dismissed_per_block(1), [16, 16, 9]));
}
