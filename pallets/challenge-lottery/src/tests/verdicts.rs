//! Commits and reveals by verifier keys.

use frame_support::{
	assert_noop,
	dispatch::{DispatchClass, GetDispatchInfo, Pays},
	traits::{Authorize, OneSessionHandler},
};
use livepeer_primitives::{
	api::ChallengeStage,
	claim::Outcome,
	traits::Beacon,
	verdict::{Opening, Phase, Verdict, DISPUTE},
	Hash,
};
use proptest::prelude::*;
use sp_runtime::{
	traits::BadOrigin,
	transaction_validity::{
		InvalidTransaction, TransactionSource, TransactionValidityError, ValidTransaction,
	},
};

use crate::{
	mock::*,
	types::{Class, Task},
	Call,
};

fn invalid(reason: InvalidTransaction) -> Result<(), TransactionValidityError> {
	Err(TransactionValidityError::Invalid(reason))
}

fn is_due(at: u32, id: u64) -> bool {
	crate::Agenda::<Test>::contains_key((Class::Urgent, at, Task::Challenge(id)))
}

fn stage(id: u64) -> ChallengeStage {
	Lottery::challenge(id).unwrap().stage
}

fn judged_claim() -> TestClaim {
	let claim = claim(8);
	to_commit(&claim);
	claim
}

#[test]
fn phases_should_close_early_when_all_have_answered() {
	build_and_execute(|| {
		let claim = judged_claim();
		let said = opening(claim.id, Verdict::Valid);
		let first = challenge(claim.id).due;
		for member in 0..3 {
			assert_eq!(stage(claim.id), ChallengeStage::Commit);
			commit(claim.id, 0, member, &said).unwrap();
		}
		assert_eq!(stage(claim.id), ChallengeStage::VerdictReveal);
		let second = challenge(claim.id).due;
		assert_eq!(second, System::block_number() + 10);
		assert!(!is_due(first, claim.id));
		for member in 0..3 {
			assert_eq!(stage(claim.id), ChallengeStage::VerdictReveal);
			reveal(claim.id, 0, member, &said).unwrap();
		}
		assert!(!is_due(second, claim.id));
		skip(1);
		assert_eq!(Lottery::challenge(claim.id).unwrap().outcome, Some(Outcome::Accepted));
	});
}

#[test]
fn phases_should_close_at_their_deadline_when_somebody_is_silent() {
	build_and_execute(|| {
		let claim = judged_claim();
		let said = opening(claim.id, Verdict::Valid);
		let due = challenge(claim.id).due;
		commit(claim.id, 0, 0, &said).unwrap();
		commit(claim.id, 0, 1, &said).unwrap();
		run_to(due - 1);
		assert_eq!(stage(claim.id), ChallengeStage::Commit);
		run_to(due);
		assert_eq!(stage(claim.id), ChallengeStage::VerdictReveal);
		assert_eq!(commit(claim.id, 0, 2, &said), invalid(InvalidTransaction::Stale));
		assert_eq!(reveal(claim.id, 0, 2, &said), invalid(InvalidTransaction::BadProof));
		reveal(claim.id, 0, 0, &said).unwrap();
		run_to(due + 9);
		assert_eq!(stage(claim.id), ChallengeStage::VerdictReveal);
		// Commit without reveal: the missing verdict leads to the dispute.
		run_to(due + 10);
		assert_eq!(stage(claim.id), ChallengeStage::AwaitingDispute);
	});
}

/// By the clock, whatever the agenda has noted.
#[test]
fn ballot_should_be_revealed_from_its_deadline_on_when_anybody_committed() {
	build_and_execute(|| {
		let claim = judged_claim();
		let stored = || crate::Ballots::<Test>::get(claim.id).unwrap();
		let (opened, end) = (stored().opened, stored().deadline);
		assert!(end > opened + 2);
		assert_eq!(stored().asking_until(), opened + (end - opened) / 2);
		assert_eq!(stored().at(end, 0).phase, Phase::Commit);
		commit(claim.id, 0, 0, &opening(claim.id, Verdict::Valid)).unwrap();
		assert_eq!(stored().at(end - 1, 0).phase, Phase::Commit);
		assert_eq!(stored().at(end, 0).phase, Phase::Reveal);
	});
}

fn deadline(id: u64) -> u32 {
	Lottery::challenge(id).unwrap().deadline
}

fn is_penalised(event: &crate::Event<Test>) -> bool {
	matches!(event, crate::Event::Penalised { .. })
}

#[test]
fn crowded_blocks_should_give_judges_as_many_blocks_more() {
	build_and_execute(|| {
		let claim = judged_claim();
		let id = claim.id;
		let said = opening(id, Verdict::Valid);
		let last = members(id, 0)[2].clone();
		let due = || Lottery::duties(last.clone())[0].until;
		let first = deadline(id);
		commit(id, 0, 0, &said).unwrap();
		commit(id, 0, 1, &said).unwrap();
		// The third finds no room in five blocks.
		for _ in 0..5 {
			crowd();
			skip(1);
		}
		assert_eq!((deadline(id), due()), (first + 5, first + 5));
		// The agenda comes in the block that was the last, and again in the one that now is.
		run_to(first);
		assert_eq!(challenge(id).due, first + 5);
		run_to(first + 4);
		assert_eq!(stage(id), ChallengeStage::Commit);
		commit(id, 0, 2, &said).unwrap();
		let second = deadline(id);
		assert_eq!(second, first + 4 + Parameters::get().verdict_reveal);
		reveal(id, 0, 0, &said).unwrap();
		reveal(id, 0, 1, &said).unwrap();
		for _ in 0..5 {
			crowd();
			skip(1);
		}
		assert_eq!((deadline(id), due()), (second + 5, second + 5));
		run_to(second + 4);
		assert_eq!(stage(id), ChallengeStage::VerdictReveal);
		reveal(id, 0, 2, &said).unwrap();
		skip(1);
		assert_eq!(Lottery::challenge(id).unwrap().outcome, Some(Outcome::Accepted));
		while Lottery::challenge(id).is_some() {
			skip(1);
		}
		assert!(!events().iter().any(is_penalised), "nobody was late");
	});
}

#[test]
fn crowded_blocks_should_prolong_a_ballot_by_a_reveal_window_at_most() {
	build_and_execute(|| {
		let claim = judged_claim();
		let id = claim.id;
		let said = opening(id, Verdict::Valid);
		let last = deadline(id) + Parameters::get().reveal_window;
		let crowd_to = |block| {
			while System::block_number() < block {
				crowd();
				skip(1);
			}
		};
		crowd_to(last - 1);
		assert_eq!(stage(id), ChallengeStage::Commit);
		commit(id, 0, 0, &said).unwrap();
		crowd_to(last);
		assert_eq!(stage(id), ChallengeStage::VerdictReveal);
		assert_eq!(commit(id, 0, 1, &said), invalid(InvalidTransaction::Stale));
		// Nothing is left for the reveals.
		let until = last + Parameters::get().verdict_reveal;
		crowd_to(until - 1);
		assert_eq!(deadline(id), until);
		assert_eq!(stage(id), ChallengeStage::VerdictReveal);
		crowd_to(until);
		assert_eq!(stage(id), ChallengeStage::AwaitingDispute);
		assert_eq!(reveal(id, 0, 0, &said), invalid(InvalidTransaction::Stale));
	});
}

#[test]
fn blocks_that_were_crowded_before_a_ballot_should_not_prolong_it() {
	build_and_execute(|| {
		let claim = claim(8);
		crowd();
		skip(1);
		to_commit(&claim);
		assert_eq!(crate::Crowded::<Test>::get(), 1);
		let id = claim.id;
		let said = opening(id, Verdict::Valid);
		let until = challenge(id).due;
		commit(id, 0, 0, &said).unwrap();
		run_to(until - 1);
		assert_eq!((stage(id), deadline(id)), (ChallengeStage::Commit, until));
		run_to(until);
		assert_eq!(stage(id), ChallengeStage::VerdictReveal);
		assert_eq!(deadline(id), until + Parameters::get().verdict_reveal);
	});
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(64))]

	/// A backlog of the agenda neither takes time from judges nor gives them any.
	#[test]
	fn ballot_should_end_in_the_same_block_however_often_it_is_noted(
		crowds in prop::collection::vec(any::<bool>(), 80),
	) {
		build_and_execute(|| {
			let claim = judged_claim();
			commit(claim.id, 0, 0, &opening(claim.id, Verdict::Valid)).unwrap();
			let stored = crate::Ballots::<Test>::get(claim.id).unwrap();
			let (mut noted, mut crowded) = (stored.clone(), 0);
			for (now, is_crowded) in (stored.opened..).zip(crowds) {
				noted = noted.at(now, crowded);
				let late = stored.clone().at(now, crowded);
				assert_eq!((late.phase, late.deadline), (noted.phase, noted.deadline));
				crowded += u32::from(is_crowded);
			}
		});
	}
}

#[test]
fn ballot_should_skip_the_reveal_phase_when_nobody_committed() {
	build_and_execute(|| {
		let claim = judged_claim();
		run_to(challenge(claim.id).due);
		assert_eq!(stage(claim.id), ChallengeStage::AwaitingDispute);
	});
}

#[test]
fn views_should_show_who_answered() {
	build_and_execute(|| {
		let claim = judged_claim();
		let said = opening(claim.id, Verdict::Valid);
		commit(claim.id, 0, 1, &said).unwrap();
		let view = Lottery::challenge(claim.id).unwrap();
		assert_eq!(view.committed, vec![false, true, false]);
		assert_eq!(view.revealed, vec![false; 3]);
		commit(claim.id, 0, 0, &said).unwrap();
		commit(claim.id, 0, 2, &said).unwrap();
		reveal(claim.id, 0, 1, &said).unwrap();
		assert_eq!(Lottery::challenge(claim.id).unwrap().revealed, vec![false, true, false]);
	});
}

#[test]
fn commit_should_be_refused_when_another_key_signed_it() {
	build_and_execute(|| {
		let claim = judged_claim();
		let said = opening(claim.id, Verdict::Valid);
		let commitment = commitment(claim.id, 0, 0, &said);
		let member = number_of(&members(claim.id, 0)[0]);
		let call = |signature| Call::commit_verdict {
			claim: claim.id,
			tranche: 0,
			member: 0,
			commitment,
			signature,
		};
		let other = sign(member + 1, claim.id, 0, 0, Phase::Commit, &commitment);
		assert_eq!(apply(call(other)), invalid(InvalidTransaction::BadProof));
		// The same key for another phase, member, tranche or claim.
		for signature in [
			sign(member, claim.id, 0, 0, Phase::Reveal, &commitment),
			sign(member, claim.id, 0, 1, Phase::Commit, &commitment),
			sign(member, claim.id, DISPUTE, 0, Phase::Commit, &commitment),
			sign(member, claim.id + 1, 0, 0, Phase::Commit, &commitment),
			sign(member, claim.id, 0, 0, Phase::Commit, &Hash::zero()),
		] {
			assert_eq!(apply(call(signature)), invalid(InvalidTransaction::BadProof));
		}
	});
}

#[test]
fn commit_should_bind_what_is_judged() {
	build_and_execute(|| {
		let claim = judged_claim();
		let said = opening(claim.id, Verdict::Valid);
		for member in 0..3 {
			commit(claim.id, 0, member, &said).unwrap();
		}
		// The same verdict, opened as if it were about other leaves.
		crate::Ballots::<Test>::mutate(claim.id, |ballot| {
			ballot.as_mut().unwrap().judged = Hash::zero();
		});
		assert_eq!(reveal(claim.id, 0, 0, &said), invalid(InvalidTransaction::BadProof));
	});
}

/// What a reorganisation does to a dispute: the same claim, tranche and members, another seed.
fn reseed(id: u64) {
	crate::Ballots::<Test>::mutate(id, |ballot| {
		let ballot = ballot.as_mut().unwrap();
		ballot.seed = Hash::from_low_u64_be(ballot.seed.to_low_u64_be() + 1);
	});
}

#[test]
fn commit_should_be_refused_when_it_was_made_for_another_seed() {
	build_and_execute(|| {
		let claim = judged_claim();
		let said = opening(claim.id, Verdict::Valid);
		let commitment = commitment(claim.id, 0, 0, &said);
		let signer = number_of(&members(claim.id, 0)[0]);
		let signature = sign(signer, claim.id, 0, 0, Phase::Commit, &commitment);
		let id = claim.id;
		let call = Call::commit_verdict { claim: id, tranche: 0, member: 0, commitment, signature };
		reseed(id);
		assert_eq!(apply(call), invalid(InvalidTransaction::BadProof));
		// The member can commit to what it finds with the new one.
		commit(id, 0, 0, &said).unwrap();
	});
}

#[test]
fn reveal_should_be_refused_when_it_was_made_for_another_seed() {
	build_and_execute(|| {
		let claim = judged_claim();
		let said = opening(claim.id, Verdict::Valid);
		for member in 0..3 {
			commit(claim.id, 0, member, &said).unwrap();
		}
		let signer = number_of(&members(claim.id, 0)[0]);
		let signature = sign(signer, claim.id, 0, 0, Phase::Reveal, &said);
		let (id, opening) = (claim.id, said.clone());
		let call = Call::reveal_verdict { claim: id, tranche: 0, member: 0, opening, signature };
		reseed(id);
		assert_eq!(apply(call), invalid(InvalidTransaction::BadProof));
		reveal(id, 0, 0, &said).unwrap();
	});
}

#[test]
fn commit_should_be_refused_when_it_is_a_replay_in_another_claim() {
	build_and_execute(|| {
		let one = claim(8);
		let two = claim(8);
		to_commit(&one);
		to_commit(&two);
		let said = opening(one.id, Verdict::Valid);
		let commitment = commitment(one.id, 0, 0, &said);
		let member = number_of(&members(one.id, 0)[0]);
		let signature = sign(member, one.id, 0, 0, Phase::Commit, &commitment);
		let replay =
			Call::commit_verdict { claim: two.id, tranche: 0, member: 0, commitment, signature };
		assert_eq!(apply(replay), invalid(InvalidTransaction::BadProof));
	});
}

#[test]
fn call_should_be_refused_when_there_is_no_such_member_or_ballot() {
	build_and_execute(|| {
		let claim = judged_claim();
		let call = |id, tranche, member| Call::commit_verdict {
			claim: id,
			tranche,
			member,
			commitment: Hash::zero(),
			signature: sign(0, id, tranche, member, Phase::Commit, &Hash::zero()),
		};
		assert_eq!(apply(call(claim.id, 0, 3)), invalid(InvalidTransaction::BadSigner));
		// These may still come.
		assert_eq!(apply(call(claim.id, 1, 0)), not_yet());
		assert_eq!(apply(call(claim.id, DISPUTE, 0)), not_yet());
		assert_eq!(apply(call(claim.id + 1, 0, 0)), not_yet());
	});
}

#[test]
fn second_commit_should_be_refused() {
	build_and_execute(|| {
		let claim = judged_claim();
		commit(claim.id, 0, 0, &opening(claim.id, Verdict::Valid)).unwrap();
		let other = opening(claim.id, UNAVAILABLE);
		assert_eq!(commit(claim.id, 0, 0, &other), invalid(InvalidTransaction::Stale));
		assert_eq!(
			commit(claim.id, 0, 0, &opening(claim.id, Verdict::Valid)),
			invalid(InvalidTransaction::Stale)
		);
	});
}

#[test]
fn reveal_should_be_refused_when_its_phase_has_not_begun() {
	build_and_execute(|| {
		let claim = judged_claim();
		let said = opening(claim.id, Verdict::Valid);
		commit(claim.id, 0, 0, &said).unwrap();
		assert_eq!(reveal(claim.id, 0, 0, &said), not_yet());
	});
}

#[test]
fn reveal_should_be_refused_when_it_is_not_what_was_committed_to() {
	build_and_execute(|| {
		let claim = judged_claim();
		let said = opening(claim.id, Verdict::Valid);
		for member in 0..3 {
			commit(claim.id, 0, member, &said).unwrap();
		}
		let refused = invalid(InvalidTransaction::BadProof);
		assert_eq!(reveal(claim.id, 0, 0, &opening(claim.id, UNAVAILABLE)), refused);
		assert_eq!(reveal(claim.id, 0, 0, &Opening { salt: [6; 32], ..said.clone() }), refused);
		let mut other = said.clone();
		other.evidence.recipe = 2;
		assert_eq!(reveal(claim.id, 0, 0, &other), refused);
		let mut wrong_signer = sign(9, claim.id, 0, 0, Phase::Reveal, &said);
		let call = |signature| Call::reveal_verdict {
			claim: claim.id,
			tranche: 0,
			member: 0,
			opening: said.clone(),
			signature,
		};
		assert_eq!(apply(call(wrong_signer.clone())), refused);
		wrong_signer =
			sign(number_of(&members(claim.id, 0)[0]), claim.id, 0, 0, Phase::Reveal, &said);
		apply(call(wrong_signer)).unwrap();
		assert_eq!(reveal(claim.id, 0, 0, &said), invalid(InvalidTransaction::Stale));
	});
}

#[test]
fn copied_commitment_should_be_worth_nothing() {
	build_and_execute(|| {
		let claim = judged_claim();
		let said = opening(claim.id, Verdict::Valid);
		commit(claim.id, 0, 0, &said).unwrap();
		// The second member copies the first one's commitment, and later its opening.
		let copied = commitment(claim.id, 0, 0, &said);
		let thief = number_of(&members(claim.id, 0)[1]);
		let signature = sign(thief, claim.id, 0, 1, Phase::Commit, &copied);
		apply(Call::commit_verdict {
			claim: claim.id,
			tranche: 0,
			member: 1,
			commitment: copied,
			signature,
		})
		.unwrap();
		commit(claim.id, 0, 2, &said).unwrap();
		reveal(claim.id, 0, 0, &said).unwrap();
		assert_eq!(reveal(claim.id, 0, 1, &said), invalid(InvalidTransaction::BadProof));
	});
}

#[test]
fn reveal_should_be_refused_when_it_judges_another_number_of_leaves() {
	build_and_execute(|| {
		let claim = judged_claim();
		let leaves = crate::Ballots::<Test>::get(claim.id).unwrap().leaves;
		let said = opening_of(vec![Verdict::Valid; usize::from(leaves) + 1]);
		for member in 0..3 {
			commit(claim.id, 0, member, &said).unwrap();
		}
		assert_eq!(reveal(claim.id, 0, 0, &said), invalid(InvalidTransaction::BadProof));
	});
}

#[test]
fn keys_should_stay_valid_when_the_session_changes() {
	build_and_execute(|| {
		let claim = judged_claim();
		SEATED.put(vec![]);
		let incoming = [(validator(9), verifier(9))];
		let incoming = || incoming.iter().map(|(account, key)| (account, key.clone()));
		Lottery::on_new_session(true, incoming(), incoming());
		assert_eq!(Lottery::verifiers(), vec![(validator(9), verifier(9))]);
		all_say(claim.id, 0, Verdict::Valid);
		assert_eq!(Lottery::challenge(claim.id).unwrap().outcome, Some(Outcome::Accepted));
	});
}

#[test]
fn verdict_calls_should_be_free_and_operational_and_need_authorization() {
	build_and_execute(|| {
		let claim = judged_claim();
		let said = opening(claim.id, Verdict::Valid);
		let commitment = commitment(claim.id, 0, 0, &said);
		let signature =
			sign(number_of(&members(claim.id, 0)[0]), claim.id, 0, 0, Phase::Commit, &commitment);
		let call: RuntimeCall = Call::commit_verdict {
			claim: claim.id,
			tranche: 0,
			member: 0,
			commitment,
			signature: signature.clone(),
		}
		.into();
		let dispatch = call.get_dispatch_info();
		assert_eq!((dispatch.class, dispatch.pays_fee), (DispatchClass::Operational, Pays::No));
		let signed = RuntimeOrigin::signed(validator(0));
		assert_noop!(
			Lottery::commit_verdict(signed, claim.id, 0, 0, commitment, signature),
			BadOrigin
		);
		let (valid, _) = call.authorize(TransactionSource::External).unwrap().unwrap();
		let seed = crate::Ballots::<Test>::get(claim.id).unwrap().seed;
		let expected = ValidTransaction::with_tag_prefix("LivepeerLottery")
			.and_provides((claim.id, 0u8, seed, 0u16, Phase::Commit))
			.priority(1 << 40)
			.longevity((challenge(claim.id).due - System::block_number()).into())
			.propagate(true);
		assert_eq!(Ok(valid), expected.build());
	});
}

#[test]
fn evidence_should_have_its_own_seed_in_each_tranche() {
	build_and_execute(|| {
		let claim = judged_claim();
		let seed = Fake::seed(1).unwrap().hash;
		let ballot = crate::Ballots::<Test>::get(claim.id).unwrap();
		assert_eq!(ballot.seed, evidence_seed(seed, claim.id, 0));
		all_say(claim.id, 0, UNAVAILABLE);
		let closed = System::block_number();
		to_dispute(claim.id);
		assert_eq!(System::block_number(), closed + 2);
		let ballot = crate::Ballots::<Test>::get(claim.id).unwrap();
		assert_eq!(ballot.seed, evidence_seed(Fake::accumulator(), claim.id, DISPUTE));
	});
}
