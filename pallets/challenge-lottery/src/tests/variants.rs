//! Forced variants.

use frame_support::{
	dispatch::DispatchClass,
	traits::{Authorize, Get},
};
use frame_system::limits::BlockWeights;
use livepeer_primitives::{
	api::{ChallengeStage, JudgeAnswer, JudgeView},
	claim::Outcome,
	keys::{OperatorSignature, Signer},
	variant::{choice, openings_hash, VariantOpening, VariantOpenings, VariantPlace, VrfOpening},
	verdict::{MismatchKind, Opening, Phase, Verdict, DISPUTE},
	BlockNumber, Hash,
};
use sp_core::{crypto::VrfSecret, Pair};
use sp_runtime::{
	transaction_validity::{InvalidTransaction, TransactionSource, TransactionValidityError},
	Perbill,
};

use crate::{
	mock::*,
	outcome_impls::difference,
	types::{Penalty, Stage, MOST_FOR_A_DISPUTE},
	Ballots, Crowded, Error, Event, Omitted,
};

const WRONG: Verdict = Verdict::Mismatch(MismatchKind::Video);

/// Half of all segments are forced.
fn with_variants() {
	Parameters::mutate(|parameters| parameters.variant_rate = Perbill::from_percent(50));
}

fn place(claim: &TestClaim, index: u32) -> VariantPlace {
	VariantPlace {
		genesis: System::block_hash(0),
		stream: claim.info.stream,
		job: claim.info.job,
		assignment: claim.info.assignment,
		seq: claim.info.first + u64::from(index),
	}
}

/// What `signer` opens for these leaves.
fn openings_by(signer: &str, claim: &TestClaim, leaves: &[u32]) -> VariantOpenings {
	let vrf = |index| VrfOpening::from(&pair(signer).vrf_sign(&place(claim, index).sign_data()));
	let openings =
		leaves.iter().map(|index| VariantOpening { index: *index, vrf: vrf(*index) }).collect();
	VariantOpenings::truncate_from(openings)
}

/// `signer`'s own signature over openings for the current ballot.
fn signature_by(signer: &str, claim: &TestClaim, openings: &VariantOpenings) -> OperatorSignature {
	let seed = Ballots::<Test>::get(claim.id).map_or(Hash::zero(), |ballot| ballot.seed);
	let hash = openings_hash(System::block_hash(0), claim.id, seed, openings);
	let by = Signer::account(account(signer));
	let signature = pair(signer).sign(by.payload(&hash).as_bytes()).into();
	OperatorSignature { signer: by, signature }
}

fn open_signed(
	claim: &TestClaim,
	openings: VariantOpenings,
	signature: OperatorSignature,
) -> Result<(), TransactionValidityError> {
	apply(crate::Call::open_variants { claim: claim.id, openings, signature })
}

fn open_with(claim: &TestClaim, openings: VariantOpenings) -> Result<(), TransactionValidityError> {
	let signature = signature_by("T", claim, &openings);
	open_signed(claim, openings, signature)
}

/// The transcoder opens the drawn leaves correctly.
pub(super) fn open(claim: &TestClaim) -> Result<(), TransactionValidityError> {
	open_with(claim, openings_by("T", claim, &drawn(claim)))
}

/// What is due on each drawn leaf, as the transcoder knows it from the start.
fn due(claim: &TestClaim) -> Vec<Option<u8>> {
	let rate = Parameters::get().variant_rate;
	drawn(claim)
		.into_iter()
		.map(|index| {
			let opening = &openings_by("T", claim, &[index])[0].vrf;
			let public = pair("T").public();
			let choice = choice(&place(claim, index).verify(&public, opening).unwrap());
			choice.due(2, rate)
		})
		.collect()
}

/// What an honest judge says if every output is right and the due variants are there.
fn truth(claim: &TestClaim) -> Opening {
	let verdicts = due(claim).into_iter().map(|due| match due {
		Some(rendition) => Verdict::Variant { rendition },
		None => Verdict::Valid,
	});
	opening_of(verdicts.collect())
}

/// A claim with some drawn leaves that are forced, and some that are not.
fn forced() -> TestClaim {
	with_variants();
	for _ in 0..20 {
		let claim = claim(16);
		to_commit(&claim);
		let due = due(&claim);
		if due.iter().any(Option::is_some) && due.iter().any(Option::is_none) {
			return claim;
		}
	}
	panic!("half of them are forced");
}

/// The members of the open ballot commit; its reveal phase begins.
fn commit_all(claim: &TestClaim, tranche: u8, says: impl Fn(usize) -> Opening) {
	for (i, account) in members(claim.id, tranche).iter().enumerate() {
		commit(claim.id, tranche, i as u16, &says(number_of(account))).unwrap();
	}
}

fn reveal_all(claim: &TestClaim, tranche: u8, says: impl Fn(usize) -> Opening) {
	for (i, account) in members(claim.id, tranche).iter().enumerate() {
		reveal(claim.id, tranche, i as u16, &says(number_of(account))).unwrap();
	}
}

/// Makes the first tranche judge a claim, each member as `says` tells, and then the dispute. In
/// between the variants are opened, so everybody knows what is due, and all of the dispute say
/// `then`.
fn judge_twice(claim: &TestClaim, says: impl Fn(usize) -> Opening, then: &Opening) {
	commit_all(claim, 0, &says);
	reveal_all(claim, 0, &says);
	open(claim).unwrap();
	skip(1);
	to_dispute(claim.id);
	commit_all(claim, DISPUTE, |_| then.clone());
	reveal_all(claim, DISPUTE, |_| then.clone());
	skip(1);
}

fn outcome(id: u64) -> Option<Outcome> {
	Lottery::challenge(id).and_then(|view| view.outcome)
}

fn deadline(id: u64) -> BlockNumber {
	Ballots::<Test>::get(id).unwrap().deadline
}

fn to_end(id: u64) {
	for _ in 0..400 {
		if Lottery::challenge(id).is_none() {
			return;
		}
		skip(1);
	}
	panic!("claim {id} never ends");
}

fn is_awaited(claim: &TestClaim) -> bool {
	Lottery::challenge(claim.id).is_some_and(|view| view.awaits_opening)
}

fn penalties() -> Vec<(usize, Penalty, Perbill)> {
	events()
		.into_iter()
		.filter_map(|event| match event {
			Event::Penalised { verifier, penalty, fraction, .. } => {
				Some((number_of(&verifier), penalty, fraction))
			}
			_ => None,
		})
		.collect()
}

#[test]
fn judgement_should_hold_all_that_is_counted_until_it_is_counted() {
	build_and_execute(|| {
		assert_eq!(Lottery::judgement(9), None);
		let claim = forced();
		let said = truth(&claim);
		commit_all(&claim, 0, |_| said.clone());
		let committed = Lottery::judgement(claim.id).unwrap();
		let is_committed =
			|judge: &JudgeView| matches!(judge.answer, JudgeAnswer::Committed { .. });
		assert!(committed.ballots[0].judges.iter().all(is_committed));
		assert!(
			committed.leaves.iter().all(|leaf| leaf.variant.is_none()),
			"nothing is opened yet"
		);
		reveal_all(&claim, 0, |_| said.clone());
		open(&claim).unwrap();

		let held = Lottery::judgement(claim.id).unwrap();
		assert_eq!(held.claim, claim.info);
		assert_eq!(held.stage, ChallengeStage::VerdictReveal);
		let [ballot] = &held.ballots[..] else { panic!("one ballot: {:?}", held.ballots) };
		assert_eq!((ballot.tranche, ballot.seed.is_some()), (0, true));
		let judges: Vec<_> = ballot.judges.iter().map(|judge| judge.account.clone()).collect();
		assert_eq!(judges, members(claim.id, 0));
		let indices: Vec<_> = held.leaves.iter().map(|drawn| drawn.leaf.index).collect();
		assert_eq!(indices, drawn(&claim));
		assert_eq!(held.leaves.iter().map(|drawn| drawn.variant).collect::<Vec<_>>(), due(&claim));
		for (place, drawn) in held.leaves.iter().enumerate() {
			let at = claim.info.place(System::block_hash(0), drawn.leaf.index);
			assert_eq!(drawn.leaf.leaf.header_hash(at), Some(drawn.leaf.header));
			for judge in &ballot.judges {
				let JudgeAnswer::Revealed { verdicts, evidence } = &judge.answer else {
					panic!("{judge:?}")
				};
				assert!(verdicts[place].read(drawn.variant).is_pass());
				assert_eq!(*evidence, said.evidence);
			}
		}
		// Counted, they are gone.
		skip(1);
		let decided = Lottery::judgement(claim.id).unwrap();
		assert_eq!(decided.outcome, Some(Outcome::Accepted));
		assert!(decided.leaves.is_empty() && decided.ballots.is_empty());
	});
}

#[test]
fn verdicts_should_be_read_by_what_is_due() {
	let variant = |rendition| Verdict::Variant { rendition };
	let unforced = Verdict::Mismatch(MismatchKind::Unforced);
	for (said, due, reads) in [
		(Verdict::Valid, None, Verdict::Valid),
		(Verdict::Valid, Some(1), unforced),
		(variant(1), Some(1), Verdict::Valid),
		(variant(0), Some(1), WRONG),
		(variant(1), None, WRONG),
		(unforced, Some(1), WRONG),
		(unforced, None, WRONG),
		(UNAVAILABLE, Some(1), UNAVAILABLE),
		(Verdict::Abstain, Some(1), Verdict::Abstain),
		(WRONG, Some(1), WRONG),
	] {
		assert_eq!(said.read(due), reads, "{said:?} where {due:?} is due");
	}
}

#[test]
fn claim_with_forced_variants_should_be_accepted_when_they_are_there_and_named() {
	build_and_execute(|| {
		let claim = forced();
		let truth = truth(&claim);
		commit_all(&claim, 0, |_| truth.clone());
		reveal_all(&claim, 0, |_| truth.clone());
		let until = System::block_number() + Parameters::get().reveal_window;
		assert_eq!(
			events().into_iter().last(),
			Some(Event::OpeningStarted { claim: claim.id, until })
		);
		open(&claim).unwrap();
		assert_eq!(
			events().into_iter().last(),
			Some(Event::VariantsOpened { claim: claim.id, due: due(&claim) })
		);
		skip(1);
		assert_eq!(outcome(claim.id), Some(Outcome::Accepted));
		to_end(claim.id);
		assert_eq!(penalties(), vec![]);
	});
}

#[test]
fn opening_should_wait_for_the_reveals_and_the_count_for_the_opening() {
	build_and_execute(|| {
		let claim = forced();
		let truth = truth(&claim);
		assert_eq!(open(&claim), refused(Error::TooEarly), "while commits can still be made");
		assert!(!is_awaited(&claim));
		commit_all(&claim, 0, |_| truth.clone());
		for member in 0..3 {
			assert!(!is_awaited(&claim));
			assert_eq!(open(&claim), refused(Error::TooEarly), "while words can be revealed");
			reveal(claim.id, 0, member, &truth).unwrap();
		}
		assert!(is_awaited(&claim));
		skip(2);
		assert!(Ballots::<Test>::contains_key(claim.id), "not counted before the opening");
		open(&claim).unwrap();
		assert!(!is_awaited(&claim));
		assert_eq!(open(&claim), refused(Error::NotOpening), "once is enough");
		skip(1);
		assert_eq!(outcome(claim.id), Some(Outcome::Accepted));
	});
}

#[test]
fn opening_should_be_early_before_there_is_a_ballot_and_refused_for_good_after_the_decision() {
	build_and_execute(|| {
		with_variants();
		let claim = claim(16);
		assert_eq!(open(&claim), refused(Error::TooEarly), "before the draw");
		to_draw(&claim);
		assert_eq!(open(&claim), refused(Error::TooEarly), "while leaves are revealed");
	});
	build_and_execute(|| {
		let claim = forced();
		let truth = truth(&claim);
		commit_all(&claim, 0, |_| truth.clone());
		reveal_all(&claim, 0, |_| truth.clone());
		open(&claim).unwrap();
		skip(1);
		assert_eq!(outcome(claim.id), Some(Outcome::Accepted));
		assert_eq!(open(&claim), refused(Error::NotOpening));
	});
}

#[test]
fn attack_variants_not_opened_should_be_a_missed_verification() {
	build_and_execute(|| {
		BUDGET.put(1 << 100);
		let claim = forced();
		let judges: Vec<_> = members(claim.id, 0).iter().map(number_of).collect();
		let truth = truth(&claim);
		commit_all(&claim, 0, |_| truth.clone());
		// All but one reveal.
		for member in 0..2 {
			reveal(claim.id, 0, member, &truth).unwrap();
		}
		let parameters = Parameters::get();
		let ballot = Ballots::<Test>::get(claim.id).unwrap();
		assert_eq!(ballot.deadline, ballot.opened + parameters.verdict_reveal);
		// As if the agenda were late.
		let later = ballot.clone().at(ballot.deadline + 1, 0);
		let until = ballot.deadline + parameters.reveal_window;
		assert_eq!(
			(later.phase, later.opened, later.deadline),
			(Phase::Open, ballot.deadline, until)
		);
		run_to(ballot.deadline);
		assert_eq!(Ballots::<Test>::get(claim.id), Some(later));
		// The last block in which it could be opened, and the first that is too late.
		run_to(until - 1);
		assert!(is_awaited(&claim));
		run_to(until);
		assert_eq!(outcome(claim.id), Some(Outcome::Missed));
		assert!(open(&claim).is_err());
		assert_eq!(DETAINED.get().len(), 1);
		System::reset_events();
		// Nobody judged the claims for which nothing was to be opened: in a round the largest
		// counts.
		let taken = Omitted::<Test>::get(validator(judges[2])).unwrap_or_default().largest;
		to_end(claim.id);
		// What was said counts only for pay and silence.
		let whole = difference(taken, Parameters::get().false_dissent_slash);
		assert_eq!(penalties(), vec![(judges[2], Penalty::Withheld, whole)]);
		let bill = BILLS.get().pop().unwrap();
		let paid: Vec<_> = bill.payments.iter().map(|(who, _)| number_of(who)).collect();
		assert_eq!(paid, judges[..2]);
		let slash = SLASHED.get().into_iter().find(|slash| slash.0 == transcoder()).unwrap();
		assert_eq!(slash.2, Parameters::get().missed_slash);
	});
}

#[test]
fn attack_variants_not_opened_in_the_dispute_should_cost_no_judge_that_named_them() {
	build_and_execute(|| {
		let claim = forced();
		let truth = truth(&claim);
		// The whole committee is silent, so the dispute is the first to reveal.
		run_to(deadline(claim.id));
		to_dispute(claim.id);
		commit_all(&claim, DISPUTE, |_| truth.clone());
		reveal_all(&claim, DISPUTE, |_| truth.clone());
		run_to(deadline(claim.id));
		assert_eq!(outcome(claim.id), Some(Outcome::Missed));
		System::reset_events();
		to_end(claim.id);
		// No verdict is false on a leaf for which it is unknown what it should be.
		assert!(penalties().iter().all(|(_, penalty, _)| *penalty == Penalty::NoShow));
	});
}

#[test]
fn openings_should_be_the_transcoders_own_for_each_drawn_leaf() {
	build_and_execute(|| {
		let claim = forced();
		let truth = truth(&claim);
		commit_all(&claim, 0, |_| truth.clone());
		reveal_all(&claim, 0, |_| truth.clone());
		let leaves = drawn(&claim);
		let mut reversed = leaves.clone();
		reversed.reverse();
		for wrong in [&leaves[1..], &reversed[..], &[][..]] {
			let openings = openings_by("T", &claim, wrong);
			assert_eq!(open_with(&claim, openings), refused(Error::WrongOpenings));
		}
		let good = openings_by("T", &claim, &leaves);
		let signed = |by| signature_by(by, &claim, &good);
		let foreign = open_signed(&claim, good.clone(), signed("B"));
		assert_eq!(foreign, refused(Error::WrongSigner));
		let generation = Signer { generation: 7, ..Signer::account(transcoder()) };
		let unused = OperatorSignature { signer: generation, ..signed("T") };
		assert_eq!(open_signed(&claim, good.clone(), unused), refused(Error::WrongSigner));
		REVOKED.put(vec![Signer::account(transcoder())]);
		assert_eq!(open(&claim), refused(Error::WrongSigner));
		REVOKED.put(vec![]);
		// For other openings, and for a ballot that a reorganisation has undone.
		let other = signature_by("T", &claim, &openings_by("T", &claim, &leaves[1..]));
		let hash = openings_hash(System::block_hash(0), claim.id, Hash::zero(), &good);
		let by = Signer::account(transcoder());
		let signature = pair("T").sign(by.payload(&hash).as_bytes()).into();
		for wrong in [other, OperatorSignature { signer: by, signature }] {
			assert_eq!(open_signed(&claim, good.clone(), wrong), refused(Error::BadSignature));
		}
		assert_eq!(open(&claim), Ok(()));
	});
}

#[test]
fn attack_openings_with_a_wrong_last_proof_should_cost_one_signature() {
	build_and_execute(|| {
		let claim = forced();
		let truth = truth(&claim);
		commit_all(&claim, 0, |_| truth.clone());
		reveal_all(&claim, 0, |_| truth.clone());
		let leaves = drawn(&claim);
		let mut wrong = openings_by("T", &claim, &leaves);
		let last = leaves.len() - 1;
		// One that is good for another segment.
		wrong[last].vrf = openings_by("T", &claim, &[leaves[last] + 1])[0].vrf;
		let checked = || (SIGNATURES.get(), PROVEN.get());
		let (signatures, proven) = checked();
		// A stranger under its own name, and under the transcoder's.
		let own = signature_by("M", &claim, &wrong);
		let forged = OperatorSignature { signer: Signer::account(transcoder()), ..own.clone() };
		for _ in 0..10 {
			let by_stranger = open_signed(&claim, wrong.clone(), own.clone());
			assert_eq!(by_stranger, refused(Error::WrongSigner));
			let by_forger = open_signed(&claim, wrong.clone(), forged.clone());
			assert_eq!(by_forger, refused(Error::BadSignature));
		}
		assert_eq!(
			checked(),
			(signatures + 10, proven),
			"one signature each at most, and no proof"
		);
		// The transcoder itself: the pool checks no proof either, however often it is asked.
		let signature = signature_by("T", &claim, &wrong);
		let openings = wrong.clone();
		let call = crate::Call::<Test>::open_variants { claim: claim.id, openings, signature };
		let call = RuntimeCall::from(call);
		for _ in 0..10 {
			call.authorize(TransactionSource::External).unwrap().unwrap();
		}
		assert_eq!(checked(), (signatures + 20, proven));
		// A block does, once, and that was the transcoder's only try.
		assert_eq!(open_with(&claim, wrong), Ok(()));
		assert_eq!(checked(), (signatures + 21, proven + 1));
		let wrongly = Event::WronglyOpened { claim: claim.id };
		assert_eq!(events().into_iter().last(), Some(wrongly));
		assert_eq!(open(&claim), refused(Error::TooLate));
		skip(1);
		assert_eq!(outcome(claim.id), Some(Outcome::Missed));
		assert_eq!(checked(), (signatures + 21, proven + 1));
	});
}

#[test]
fn blocks_full_of_duties_should_convict_nobody() {
	build_and_execute(|| {
		let window = Parameters::get().reveal_window;
		let until = |claim: &TestClaim| Lottery::challenge(claim.id).unwrap().deadline;
		with_variants();
		let claim = claim(16);
		to_draw(&claim);
		let first = until(&claim);
		while System::block_number() < first {
			crowd();
			skip(1);
		}
		// For that long it found no room, and it has as much more time now.
		assert_eq!(until(&claim), first + window);
		skip(window - 1);
		for index in drawn(&claim) {
			reveal_leaf(&claim, index).unwrap();
		}
		let said = truth(&claim);
		commit_all(&claim, 0, |_| said.clone());
		reveal_all(&claim, 0, |_| said.clone());
		let first = until(&claim);
		while System::block_number() < first {
			crowd();
			skip(1);
		}
		assert_eq!(until(&claim), first + window);
		skip(window - 1);
		open(&claim).unwrap();
		skip(1);
		assert_eq!(outcome(claim.id), Some(Outcome::Accepted));

		// A transcoder that fills them itself delays its claim's end by that much and no more.
		let late = crate::mock::claim(16);
		to_draw(&late);
		let last = until(&late) + window;
		let index = drawn(&late)[0];
		while System::block_number() < last {
			crowd();
			skip(1);
		}
		assert_eq!(reveal_leaf(&late, index), refused(Error::TooLate));
		for _ in 0..Parameters::get().missed_grace {
			crowd();
			skip(1);
		}
		assert_eq!(outcome(late.id), Some(Outcome::Missed));
	});
}

#[test]
fn blocks_with_room_for_duties_should_prolong_nothing() {
	build_and_execute(|| {
		let claim = claim(16);
		to_draw(&claim);
		let until = Lottery::challenge(claim.id).unwrap().deadline;
		let limits: BlockWeights = <Test as frame_system::Config>::BlockWeights::get();
		let reserved = limits.get(DispatchClass::Operational).reserved.unwrap();
		// Nine tenths are not enough, nor is what paid calls take.
		System::register_extra_weight_unchecked(reserved / 10 * 9, DispatchClass::Operational);
		System::register_extra_weight_unchecked(limits.max_block, DispatchClass::Normal);
		skip(1);
		assert_eq!(Crowded::<Test>::get(), 0);
		assert_eq!(Lottery::challenge(claim.id).unwrap().deadline, until);
		// Crowded blocks before a claim is drawn extend nothing.
		crowd();
		skip(1);
		assert_eq!(Crowded::<Test>::get(), 1);
		assert_eq!(Lottery::challenge(claim.id).unwrap().deadline, until + 1);
		let next = crate::mock::claim(16);
		to_draw(&next);
		let drawn_at = System::block_number();
		let deadline = Lottery::challenge(next.id).unwrap().deadline;
		assert_eq!(deadline, drawn_at + Parameters::get().reveal_window);
	});
}

#[test]
fn attack_word_kept_back_when_the_variants_are_open_should_be_impossible() {
	build_and_execute(|| {
		let claim = forced();
		let lazy = number_of(&members(claim.id, 0)[0]);
		let (truth, copied) = (truth(&claim), opening(claim.id, Verdict::Valid));
		commit_all(&claim, 0, |i| if i == lazy { copied.clone() } else { truth.clone() });
		for member in 1..3 {
			reveal(claim.id, 0, member, &truth).unwrap();
		}
		// The judge waits for the opening, and the opening for the judge, as long as it can still
		// reveal.
		let until = deadline(claim.id);
		assert_eq!(open(&claim), refused(Error::TooEarly));
		run_to(until - 1);
		assert!(!is_awaited(&claim));
		assert_eq!(open(&claim), refused(Error::TooEarly));
		run_to(until);
		let stale = Err(TransactionValidityError::Invalid(InvalidTransaction::Stale));
		assert_eq!(reveal(claim.id, 0, 0, &copied), stale, "before anything is open");
		open(&claim).unwrap();
		assert_eq!(reveal(claim.id, 0, 0, &copied), stale);
		System::reset_events();
		to_end(claim.id);
		// It has withheld its verdict, as it could have without any variants.
		let withheld = |penalty: &(usize, Penalty, Perbill)| penalty.1 == Penalty::Withheld;
		let kept: Vec<_> = penalties().into_iter().filter(withheld).map(|it| it.0).collect();
		assert_eq!(kept, vec![lazy]);
	});
}

#[test]
fn attack_lazy_verifier_that_calls_a_forced_variant_valid_should_pay() {
	build_and_execute(|| {
		let claim = forced();
		let lazy = number_of(&members(claim.id, 0)[1]);
		let (truth, copied) = (truth(&claim), opening(claim.id, Verdict::Valid));
		let says = |i: usize| if i == lazy { copied.clone() } else { truth.clone() };
		judge_twice(&claim, says, &truth);
		assert_eq!(outcome(claim.id), Some(Outcome::Accepted));
		System::reset_events();
		to_end(claim.id);
		let slash = Parameters::get().variant_slash;
		assert_eq!(penalties(), vec![(lazy, Penalty::MissedVariant, slash)]);
		assert!(slash > Parameters::get().false_dissent_slash);
		assert_eq!(CHILLED.get().keys().collect::<Vec<_>>(), [&validator(lazy)]);
	});
}

/// Of a judge's faults the worst counts, and no worse fault is cheaper than a lighter one.
#[test]
fn attack_variant_called_valid_should_not_shield_from_the_cost_of_the_dispute() {
	build_and_execute(|| {
		let claim = forced();
		let liar = number_of(&members(claim.id, 0)[1]);
		let truth = truth(&claim);
		// A variant called Valid, and a fault where there is none.
		let said = due(&claim).into_iter().map(|due| match due {
			Some(_) => Verdict::Valid,
			None => WRONG,
		});
		let said = opening_of(said.collect());
		let says = |i: usize| if i == liar { said.clone() } else { truth.clone() };
		judge_twice(&claim, says, &truth);
		assert_eq!(outcome(claim.id), Some(Outcome::Accepted));
		// The dispute has cost far more than the stake of a judge.
		RATE.put(1);
		System::reset_events();
		to_end(claim.id);
		assert_eq!(penalties(), vec![(liar, Penalty::MissedVariant, MOST_FOR_A_DISPUTE)]);
	});
}

#[test]
fn attack_lazy_majority_should_not_make_the_evidence_of_who_encoded_wrong() {
	build_and_execute(|| {
		let claim = forced();
		let committee = members(claim.id, 0);
		let honest = number_of(&committee[1]);
		let (truth, mut invented) = (truth(&claim), opening(claim.id, Verdict::Valid));
		invented.evidence.hash = Hash::zero();
		let says = |i: usize| if i == honest { truth.clone() } else { invented.clone() };
		judge_twice(&claim, says, &truth);
		assert_eq!(outcome(claim.id), Some(Outcome::Accepted));
		System::reset_events();
		to_end(claim.id);
		let slash = Parameters::get().variant_slash;
		let lazy = committee.iter().map(number_of).filter(|i| *i != honest);
		let mut expected: Vec<_> = lazy.map(|i| (i, Penalty::MissedVariant, slash)).collect();
		let mut penalties = penalties();
		expected.sort_by_key(|penalty| penalty.0);
		penalties.sort_by_key(|penalty| penalty.0);
		assert_eq!(penalties, expected);
		assert!(!CHILLED.get().contains_key(&validator(honest)));
	});
}

#[test]
fn attack_variant_left_out_should_fail_and_cost_no_judge() {
	build_and_execute(|| {
		let claim = forced();
		// The transcoder encoded everything plainly, and everybody sees that.
		let plain = opening(claim.id, Verdict::Valid);
		judge_twice(&claim, |_| plain.clone(), &plain);
		assert_eq!(outcome(claim.id), Some(Outcome::Failed));
		let Stage::Decided(decision) = challenge(claim.id).stage else { panic!("decided") };
		assert!(decision.finders.is_empty(), "nothing is paid for finding it");
		System::reset_events();
		to_end(claim.id);
		let of_claim = |event: &Event<Test>| match event {
			Event::Penalised { claim: id, .. } => *id == claim.id,
			_ => false,
		};
		assert!(!events().iter().any(of_claim));
		assert!(SLASHED.get().iter().any(|slash| slash.0 == transcoder()));
	});
}

#[test]
fn attack_variant_where_none_is_due_should_fail() {
	build_and_execute(|| {
		let claim = forced();
		// A variant everywhere.
		let verdicts = due(&claim)
			.into_iter()
			.map(|due| Verdict::Variant { rendition: due.unwrap_or(0) })
			.collect();
		let seen = opening_of(verdicts);
		judge_twice(&claim, |_| seen.clone(), &seen);
		assert_eq!(outcome(claim.id), Some(Outcome::Failed));
	});
}

#[test]
fn opening_should_be_owed_in_the_first_ballot_with_a_reveal_phase() {
	build_and_execute(|| {
		Parameters::mutate(|parameters| parameters.tranches = 2);
		seat(&[100; 6]);
		let claim = forced();
		let truth = truth(&claim);
		// The whole committee is silent: there is nothing to hide an opening from.
		run_to(deadline(claim.id));
		assert!(matches!(challenge(claim.id).stage, Stage::AwaitingTranche(1)));
		run_to(challenge(claim.id).due);
		commit_all(&claim, 1, |_| truth.clone());
		reveal_all(&claim, 1, |_| truth.clone());
		open(&claim).unwrap();
		skip(1);
		assert_eq!(outcome(claim.id), Some(Outcome::Accepted));
	});
}

#[test]
fn nothing_should_be_opened_where_no_variants_are_asked_for() {
	build_and_execute(|| {
		let claim = claim(8);
		to_commit(&claim);
		let good = opening(claim.id, Verdict::Valid);
		commit_all(&claim, 0, |_| good.clone());
		assert_eq!(open(&claim), refused(Error::NotOpening));
		assert_eq!(Ballots::<Test>::get(claim.id).unwrap().phase, Phase::Reveal);
		// A variant is a fault there as ever.
		assert_eq!(Verdict::Variant { rendition: 0 }.read(None), WRONG);
	});
}

#[test]
fn rejected_segments_should_be_no_variants() {
	build_and_execute(|| {
		with_variants();
		let leaves = (0..16).map(|i| rejected(i, REJECTED_WORK)).collect();
		let (claim, taken) = try_claim(leaves);
		taken.unwrap();
		to_commit(&claim);
		let good = opening(claim.id, Verdict::Valid);
		commit_all(&claim, 0, |_| good.clone());
		reveal_all(&claim, 0, |_| good.clone());
		open(&claim).unwrap();
		let none = vec![None; drawn(&claim).len()];
		let opened = Event::VariantsOpened { claim: claim.id, due: none };
		assert_eq!(events().into_iter().last(), Some(opened));
		skip(1);
		assert_eq!(outcome(claim.id), Some(Outcome::Accepted));
	});
}
