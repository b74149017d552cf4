//! Further tranches: who is asked if a committee does not agree.

use livepeer_primitives::{
	claim::Outcome,
	verdict::{MismatchKind, Opening, Verdict, DISPUTE},
	Hash,
};
use sp_runtime::Perbill;

use crate::{
	decision::{most_passed, Said, Vote},
	mock::*,
	types::Stage,
	Ballots, Event,
};

const WRONG: Verdict = Verdict::Mismatch(MismatchKind::Video);

/// A claim that is judged by up to this many tranches of two of seven validators.
fn judged(tranches: u32) -> TestClaim {
	Parameters::mutate(|parameters| {
		parameters.tranches = tranches;
		parameters.committee_size = 2;
	});
	seat(&[100; 7]);
	let claim = claim(8);
	to_commit(&claim);
	claim
}

fn good(id: u64) -> Opening {
	opening(id, Verdict::Valid)
}

/// Everybody except the first member of the open tranche passes everything.
fn but_one(id: u64, tranche: u8) -> usize {
	let silent = number_of(&members(id, tranche)[0]);
	let said = good(id);
	ballot(id, tranche, |i| (i != silent).then(|| said.clone()));
	silent
}

/// Continues to the next ballot, which is this tranche's.
fn to_tranche(id: u64, tranche: u8) {
	assert_eq!(challenge(id).stage, Stage::AwaitingTranche(tranche));
	run_to(challenge(id).due);
	assert_eq!(Ballots::<Test>::get(id).map(|ballot| ballot.tranche), Some(tranche));
}

fn outcome(id: u64) -> Option<Outcome> {
	Lottery::challenge(id).and_then(|view| view.outcome)
}

fn paid(i: usize) -> usize {
	SLASHED.get().iter().filter(|slash| slash.0 == validator(i)).count()
}

fn to_end(id: u64) {
	for _ in 0..300 {
		if Lottery::challenge(id).is_none() {
			return;
		}
		skip(1);
	}
	panic!("claim {id} never ends");
}

#[test]
fn next_tranche_should_be_the_next_of_the_order_with_a_seed_of_its_own() {
	build_and_execute(|| {
		let claim = judged(3);
		let seed = Ballots::<Test>::get(claim.id).map(|ballot| ballot.seed);
		let silent = but_one(claim.id, 0);
		let undecided = Event::TrancheUndecided {
			claim: claim.id,
			tranche: 0,
			opens_at: System::block_number() + 2,
		};
		assert!(events().contains(&undecided));
		to_tranche(claim.id, 1);
		let second = members(claim.id, 1);
		assert_eq!(second.len(), 2);
		assert!(members(claim.id, 0).iter().all(|member| !second.contains(member)));
		assert_ne!(Ballots::<Test>::get(claim.id).map(|ballot| ballot.seed), seed);
		// All of it agree: a small committee can accept.
		all_say(claim.id, 1, Verdict::Valid);
		assert_eq!(outcome(claim.id), Some(Outcome::Accepted));
		to_end(claim.id);
		assert_eq!(paid(silent), 1, "silence costs whatever the outcome");
		assert_eq!(SLASHED.get().len(), 1);
		assert_eq!(bytes_left(), 0);
	});
}

#[test]
fn accusation_in_a_later_tranche_should_be_a_dispute_in_which_all_have_sat() {
	build_and_execute(|| {
		let claim = judged(3);
		let silent = but_one(claim.id, 0);
		to_tranche(claim.id, 1);
		let finder = number_of(&members(claim.id, 1)[1]);
		let (right, wrong) = (opening(claim.id, WRONG), good(claim.id));
		ballot(claim.id, 1, |i| Some(if i == finder { right.clone() } else { wrong.clone() }));
		assert_eq!(challenge(claim.id).stage, Stage::AwaitingDispute);
		to_dispute(claim.id);
		assert_eq!(members(claim.id, DISPUTE).len(), 7);
		all_say(claim.id, DISPUTE, WRONG);
		assert_eq!(outcome(claim.id), Some(Outcome::Failed));
		to_end(claim.id);
		// Every member that said Valid in any tranche pays, every silent one too, and the finder is
		// paid.
		let said_valid = |tranche: &str, i: usize| assert_eq!(paid(i), 1, "{tranche}, {i}");
		said_valid("silent in the first", silent);
		let of_transcoder: Vec<_> =
			SLASHED.get().into_iter().filter(|slash| slash.0 == transcoder()).collect();
		assert_eq!(of_transcoder[0].3, vec![validator(finder)]);
		assert_eq!(paid(finder), 0);
		assert_eq!(SLASHED.get().len(), 1 + 3, "two of the first, one of the second");
	});
}

#[test]
fn two_thirds_of_all_seated_should_accept_after_the_last_tranche() {
	build_and_execute(|| {
		let claim = judged(3);
		// Five of six pass: the last tranche itself does not agree.
		all_but(claim.id, 0, 1);
		to_tranche(claim.id, 1);
		all_but(claim.id, 1, 0);
		to_tranche_or_accepted(claim.id);
		assert_eq!(outcome(claim.id), Some(Outcome::Accepted));
		to_end(claim.id);
	});
	build_and_execute(|| {
		let claim = judged(2);
		// Two of four: nobody is left to ask.
		but_one(claim.id, 0);
		to_tranche(claim.id, 1);
		but_one(claim.id, 1);
		assert_eq!(challenge(claim.id).stage, Stage::AwaitingDispute);
		to_end(claim.id);
	});
}

/// All but this many members of the open tranche pass.
fn all_but(id: u64, tranche: u8, silent: usize) {
	let silent: Vec<usize> = members(id, tranche)[..silent].iter().map(number_of).collect();
	let said = good(id);
	ballot(id, tranche, |i| (!silent.contains(&i)).then(|| said.clone()));
}

fn to_tranche_or_accepted(id: u64) {
	if let Stage::AwaitingTranche(tranche) = challenge(id).stage {
		to_tranche(id, tranche);
		all_but(id, tranche, 1);
	}
}

#[test]
fn tranche_should_be_smaller_when_fewer_are_left_and_the_last_when_nobody_is() {
	build_and_execute(|| {
		let claim = judged_by_three();
		but_one(claim.id, 0);
		to_tranche(claim.id, 1);
		assert_eq!(members(claim.id, 1).len(), 1);
		but_one(claim.id, 1);
		assert_eq!(challenge(claim.id).stage, Stage::AwaitingDispute);
		to_end(claim.id);
	});
}

/// A claim that is judged by two of three validators first.
fn judged_by_three() -> TestClaim {
	Parameters::mutate(|parameters| {
		parameters.tranches = 8;
		parameters.committee_size = 2;
	});
	seat(&[100; 3]);
	let claim = claim(8);
	to_commit(&claim);
	claim
}

/// The committee is silent. The remaining member passes everything, lazy or not: that is one of
/// three.
#[test]
fn attack_lone_member_that_is_left_should_not_accept_alone() {
	build_and_execute(|| {
		let claim = judged_by_three();
		ballot(claim.id, 0, |_| None);
		to_tranche(claim.id, 1);
		all_say(claim.id, 1, Verdict::Valid);
		assert_eq!(challenge(claim.id).stage, Stage::AwaitingDispute);
		to_dispute(claim.id);
		assert_eq!(members(claim.id, DISPUTE).len(), 3);
		to_end(claim.id);
	});
}

#[test]
fn two_thirds_of_all_seated_should_accept_where_fewer_are_left_than_a_tranche_has() {
	build_and_execute(|| {
		let claim = judged_by_three();
		let silent = but_one(claim.id, 0);
		to_tranche(claim.id, 1);
		all_say(claim.id, 1, Verdict::Valid);
		assert_eq!(outcome(claim.id), Some(Outcome::Accepted));
		to_end(claim.id);
		assert_eq!(paid(silent), 1);
		assert_eq!(SLASHED.get().len(), 1);
	});
}

/// Evidence that only one member found does not count as its tranche's.
#[test]
fn attack_lazy_members_of_many_tranches_should_not_accept_together() {
	let said = [Verdict::Valid];
	let evidence =
		|byte| livepeer_primitives::verdict::Evidence { recipe: 1, hash: Hash::repeat_byte(byte) };
	let vote = |byte| Vote { stake: 1, said: Said::Revealed(&said, evidence(byte)), asked: false };
	let silent = || Vote { stake: 1, said: Said::Nothing, asked: false };
	assert!(most_passed(&[vec![vote(1), vote(1), silent()], vec![vote(2), vote(2), vote(3)]]));
	assert!(!most_passed(&[vec![vote(1), vote(2), silent()], vec![vote(3), vote(4)]]));
	assert!(!most_passed(&[vec![vote(1), silent(), silent()]]));
	assert!(!most_passed(&[]));
	let abstains = [Verdict::Abstain];
	let abstains = || Vote { stake: 1, said: Said::Revealed(&abstains, evidence(1)), asked: false };
	assert!(!most_passed(&[vec![vote(1), abstains(), abstains()]]));
}

/// A member of each tranche is silent, to delay a claim's end: it lives no longer than any.
#[test]
fn attack_silent_members_of_every_tranche_should_not_outlast_a_claims_life() {
	build_and_execute(|| {
		let made = System::block_number();
		let claim = judged(3);
		let timing = livepeer_primitives::params::Timing::development();
		let longest = Parameters::get().longest_claim_life(&timing);
		let silent = or_nothing(&claim);
		assert!(System::block_number() < made + longest, "{silent} tranches");
	});
}

/// Nobody ever answers; returns how many tranches were asked.
fn or_nothing(claim: &TestClaim) -> usize {
	let mut asked = 0;
	let mut newest = None;
	while Lottery::challenge(claim.id).is_some() {
		let tranche = Ballots::<Test>::get(claim.id).map(|ballot| ballot.tranche);
		if tranche.is_some() && tranche != newest {
			asked += 1;
			newest = tranche;
		}
		skip(1);
	}
	assert_eq!(asked, 4, "three tranches and the dispute");
	let once = Perbill::from_parts(500_000);
	assert!(SLASHED.get().iter().all(|slash| slash.2 == once), "each once, for the greater");
	asked
}

/// A member with most of its tranche's stake invents its evidence, so that two thirds of the stake
/// never say that it is wrong.
#[test]
fn attack_large_lazy_member_should_be_told_by_everybody() {
	build_and_execute(|| {
		Parameters::mutate(|parameters| parameters.tranches = 2);
		// All three sit; less than two thirds of the stake are against the first.
		seat(&[150, 100, 100]);
		let lazy = 0;
		let claim = claim(8);
		to_commit(&claim);
		let good = good(claim.id);
		let mut invented = good.clone();
		invented.evidence.hash = Hash::repeat_byte(0xee);
		ballot(claim.id, 0, |i| Some(if i == lazy { invented.clone() } else { good.clone() }));
		assert_eq!(challenge(claim.id).stage, Stage::AwaitingDispute);
		to_dispute(claim.id);
		all_say(claim.id, DISPUTE, Verdict::Valid);
		assert_eq!(outcome(claim.id), Some(Outcome::Accepted));
		to_end(claim.id);
	});
}

/// Two of a tranche of three agree on invented evidence. The member that did the work has another,
/// and nobody judges that again: it costs as much as silence, and excludes nobody from validating.
/// Otherwise a third of the stake could exclude all other validators at no cost.
#[test]
fn attack_most_of_a_tranche_with_invented_evidence_should_keep_nobody_from_validating() {
	build_and_execute(|| {
		Parameters::mutate(|parameters| {
			parameters.tranches = 2;
			parameters.committee_size = 3;
		});
		seat(&[100; 7]);
		let claim = claim(8);
		to_commit(&claim);
		let honest = number_of(&members(claim.id, 0)[0]);
		let good = good(claim.id);
		let mut invented = good.clone();
		invented.evidence.hash = Hash::repeat_byte(0xee);
		ballot(claim.id, 0, |i| Some(if i == honest { good.clone() } else { invented.clone() }));
		to_tranche(claim.id, 1);
		all_say(claim.id, 1, Verdict::Valid);
		assert_eq!(outcome(claim.id), Some(Outcome::Accepted));
		to_end(claim.id);
		let slashed: Vec<_> =
			SLASHED.get().into_iter().map(|slash| (number_of(&slash.0), slash.2)).collect();
		assert_eq!(slashed, [(honest, Perbill::from_parts(500_000))]);
		assert!(CHILLED.get().is_empty());
	});
}
