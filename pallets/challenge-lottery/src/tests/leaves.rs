//! Leaf reveals and what follows when they do not come.

use frame_support::{
	assert_noop, assert_ok,
	dispatch::{DispatchClass, GetDispatchInfo, Pays},
	traits::Authorize,
};
use livepeer_primitives::{
	api::ChallengeStage,
	claim::Outcome,
	keys::{OperatorKey, OperatorSignature, Signer},
	leaf::Leaf,
	sum_tree::{self, SumTree},
	traits::Settlement,
	verdict::judged_digest,
};
use sp_core::{ed25519, Pair};
use sp_runtime::{
	traits::BadOrigin,
	transaction_validity::{TransactionSource, TransactionValidityError, ValidTransaction},
	Perbill,
};

use crate::{mock::*, Call, Error};

/// One claim of leaves with unequal work, drawn; and one of its drawn leaves.
fn drawn_claim() -> (TestClaim, u32) {
	let claim = claim(8);
	to_draw(&claim);
	let index = drawn(&claim)[0];
	(claim, index)
}

fn reveal_with(
	claim: &TestClaim,
	index: u32,
	broadcaster_signature: OperatorSignature,
) -> Result<(), TransactionValidityError> {
	let leaf = claim.leaves[index as usize].clone();
	let proof = claim.tree.proof(index).unwrap();
	apply(Call::reveal_leaf { claim: claim.id, index, leaf, broadcaster_signature, proof })
}

#[test]
fn commit_phase_should_start_when_all_positions_are_answered() {
	build_and_execute(|| {
		let (claim, _) = drawn_claim();
		skip(3);
		let indices = drawn(&claim);
		for (i, index) in indices.iter().enumerate() {
			let view = Lottery::challenge(claim.id).unwrap();
			assert_eq!(view.stage, ChallengeStage::LeafReveal);
			assert!(view.answered.iter().filter(|answered| **answered).count() >= i);
			reveal_leaf(&claim, *index).unwrap();
		}
		let view = Lottery::challenge(claim.id).unwrap();
		assert_eq!(view.stage, ChallengeStage::Commit);
		// 12 blocks, and one for the sampled work.
		assert_eq!(view.deadline, 23 + 12 + 1);
	});
}

/// All leaves of a claim of 64 are heavy, so each of 16 samples counts: the work of all of them
/// lengthens the committee's phase, and the dispute's own lengths hold in the dispute.
#[test]
fn phases_should_count_the_work_of_every_revealed_leaf() {
	build_and_execute(|| {
		let claim = claim(64);
		to_commit(&claim);
		let leaves = drawn(&claim).len() as u64;
		assert!(leaves > 10);
		let work = (leaves * 50_000_000).div_ceil(150_000_000) as u32;
		assert_eq!(challenge(claim.id).sampled_work, leaves * 50_000_000);
		let now = System::block_number();
		let ballot = crate::Ballots::<Test>::get(claim.id).unwrap();
		assert_eq!((ballot.deadline, ballot.reveal_blocks), (now + 12 + work, 10));
		Parameters::mutate(|parameters| parameters.verify_rate = 1);
		all_say(claim.id, 0, UNAVAILABLE);
		to_dispute(claim.id);
		let now = System::block_number();
		let ballot = crate::Ballots::<Test>::get(claim.id).unwrap();
		assert_eq!(ballot.deadline, now + 20 + work);
	});
}

#[test]
fn dispute_should_have_its_own_reveal_phase() {
	build_and_execute(|| {
		Parameters::mutate(|parameters| parameters.dispute_reveal = 7);
		let claim = claim(8);
		to_commit(&claim);
		all_say(claim.id, 0, UNAVAILABLE);
		to_dispute(claim.id);
		let said = opening(claim.id, livepeer_primitives::verdict::Verdict::Valid);
		for member in 0..5 {
			commit(claim.id, 255, member, &said).unwrap();
		}
		let view = Lottery::challenge(claim.id).unwrap();
		assert_eq!(view.stage, ChallengeStage::VerdictReveal);
		assert_eq!(view.deadline, System::block_number() + 7);
	});
}

#[test]
fn ballot_should_name_what_is_judged() {
	build_and_execute(|| {
		let claim = claim(8);
		to_commit(&claim);
		let hashes: Vec<_> = drawn(&claim)
			.into_iter()
			.map(|index| sum_tree::leaf_hash(&claim.leaves[index as usize], index, 8))
			.collect();
		let digest = judged_digest(claim.info.commitment.root, toolchain(), &hashes);
		assert_eq!(crate::Ballots::<Test>::get(claim.id).unwrap().judged, digest);
		all_say(claim.id, 0, UNAVAILABLE);
		to_dispute(claim.id);
		assert_eq!(crate::Ballots::<Test>::get(claim.id).unwrap().judged, digest);
	});
}

#[test]
fn reveal_should_be_free_operational_and_authorized_by_its_content() {
	build_and_execute(|| {
		let (claim, index) = drawn_claim();
		let call = leaf_call(&claim, index, claim.leaves[index as usize].clone());
		let info = call.get_dispatch_info();
		assert_eq!((info.class, info.pays_fee), (DispatchClass::Operational, Pays::No));
		let Call::reveal_leaf { leaf, broadcaster_signature, proof, .. } = call.clone() else {
			panic!("a leaf is revealed")
		};
		// No account can send it, not the transcoder's either.
		assert_noop!(
			Lottery::reveal_leaf(
				RuntimeOrigin::signed(transcoder()),
				claim.id,
				index,
				leaf,
				broadcaster_signature,
				proof
			),
			BadOrigin
		);
		let call = RuntimeCall::from(call);
		let (valid, _) = call.authorize(TransactionSource::External).unwrap().unwrap();
		let expected = ValidTransaction::with_tag_prefix("LivepeerLeaf")
			.and_provides((claim.id, index))
			.priority(1 << 40)
			.longevity(20)
			.propagate(true);
		assert_eq!(Ok(valid), expected.build());
	});
}

#[test]
fn reveal_should_be_refused_when_the_broadcaster_did_not_sign_it() {
	build_and_execute(|| {
		let (claim, index) = drawn_claim();
		let leaf = &claim.leaves[index as usize];
		// A signature over the neighbour's seq.
		let other = segment_signature(&claim, index + 1, leaf);
		assert_eq!(reveal_with(&claim, index, other), refused(Error::BadSignature));
		let mut elsewhere = claim.clone();
		elsewhere.info.assignment += 1;
		let other = segment_signature(&elsewhere, index, leaf);
		assert_eq!(reveal_with(&claim, index, other), refused(Error::BadSignature));
		// A segment that differs in nothing but its capture time.
		let mut altered = leaf.clone();
		if let Leaf::Transcoded { segment, .. } = &mut altered {
			segment.captured += 1;
		}
		let other = segment_signature(&claim, index, &altered);
		assert_eq!(reveal_with(&claim, index, other), refused(Error::BadSignature));
	});
}

#[test]
fn reveal_should_be_judged_by_the_generation_of_the_assignment() {
	build_and_execute(|| {
		let leaves = (0..8).map(|i| leaf(i, 50_000_000)).collect();
		let (claim, taken) = try_claim_as(leaves, |info| info.broadcaster_keys = 2);
		assert_ok!(taken);
		to_draw(&claim);
		let index = drawn(&claim)[0];
		let key = ed25519::Pair::from_seed(&[1; 32]);
		KEYS.mutate(|all| {
			for generation in [2, 3] {
				let keys = vec![OperatorKey::Ed25519(key.public()); 2];
				all.insert((broadcaster(), generation), keys);
			}
		});
		let leaf = &claim.leaves[index as usize];
		let object = leaf.header_hash(claim.info.place(System::block_hash(0), index)).unwrap();
		let by = |account, generation, place| {
			let signer = Signer { account, generation, key: place };
			let signature = key.sign(signer.payload(&object).as_bytes()).into();
			OperatorSignature { signer, signature }
		};
		let wrong = refused(Error::WrongSigner);
		// The account itself, a later generation, another account; then a key that is not there.
		let account = segment_signature(&claim, index, leaf);
		assert_eq!(reveal_with(&claim, index, account), wrong);
		assert_eq!(reveal_with(&claim, index, by(broadcaster(), 3, 0)), wrong);
		assert_eq!(reveal_with(&claim, index, by(transcoder(), 2, 0)), wrong);
		let absent = by(broadcaster(), 2, 2);
		assert_eq!(reveal_with(&claim, index, absent), refused(Error::BadSignature));
		reveal_with(&claim, index, by(broadcaster(), 2, 1)).unwrap();
	});
}

#[test]
fn reveal_should_be_refused_when_the_proof_is_of_another_leaf() {
	build_and_execute(|| {
		let (claim, index) = drawn_claim();
		let other = (index + 1) % 8;
		let call = |index: u32, of: u32, proof| Call::<Test>::reveal_leaf {
			claim: claim.id,
			index,
			leaf: claim.leaves[of as usize].clone(),
			broadcaster_signature: segment_signature(&claim, index, &claim.leaves[of as usize]),
			proof,
		};
		let bad = refused(Error::BadProof);
		// The aliasing attack: a genuine leaf and its genuine path under another index.
		assert_eq!(apply(call(index, other, claim.tree.proof(other).unwrap())), bad);
		// An index beyond the claim's leaves.
		assert_eq!(apply(call(index + 8, index, claim.tree.proof(index).unwrap())), bad);
		// A path of another length.
		let mut short = claim.tree.proof(index).unwrap().into_inner();
		short.pop();
		assert_eq!(apply(call(index, index, short.try_into().unwrap())), bad);
	});
}

#[test]
fn reveal_should_be_refused_when_no_position_waits_for_it() {
	build_and_execute(|| {
		let claim = claim(16);
		to_draw(&claim);
		let indices = drawn(&claim);
		assert!(indices.len() > 1);
		let undrawn = (0..16).find(|index| !indices.contains(index)).unwrap();
		assert_eq!(reveal_leaf(&claim, undrawn), refused(Error::NothingToAnswer));
		reveal_leaf(&claim, indices[0]).unwrap();
		assert_eq!(reveal_leaf(&claim, indices[0]), refused(Error::NothingToAnswer));
	});
}

#[test]
fn reveal_should_be_refused_when_the_leaf_is_not_the_jobs() {
	build_and_execute(|| {
		let mut thin = leaf(1, 1_000_000);
		let mut rendition = leaf(1, 1_000_000);
		if let Leaf::Transcoded { outputs, .. } = &mut thin {
			outputs.pop();
		}
		if let Leaf::Transcoded { segment, .. } = &mut rendition {
			segment.track = 1;
		}
		for (bad, error) in [
			(leaf(1, LARGEST_LEAF + 1), Error::AboveLargestLeaf),
			(rejected(1, REJECTED_WORK + 1), Error::WrongRejectedWork),
			(rejected(1, REJECTED_WORK - 1), Error::WrongRejectedWork),
			(thin, Error::WrongOutputs),
			(rendition, Error::NotTheSource),
		] {
			// It is all of the claim's work, so every draw hits it.
			let (claim, taken) = try_claim(vec![bad]);
			assert_ok!(taken);
			to_draw(&claim);
			assert_eq!(reveal_leaf(&claim, 0), refused(error));
			// Nothing else can be revealed, so it ends as missed.
			run_to(challenge(claim.id).due);
			let view = Lottery::challenge(claim.id).unwrap();
			assert_eq!(view.outcome, Some(Outcome::Missed));
		}
	});
}

#[test]
fn rejected_segments_and_absent_outputs_should_be_revealed_like_others() {
	build_and_execute(|| {
		let mut partial = leaf(2, 1_000_000);
		if let Leaf::Transcoded { outputs, .. } = &mut partial {
			outputs[1] = None;
		}
		for good in [rejected(1, REJECTED_WORK), partial, leaf(3, LARGEST_LEAF)] {
			let (claim, taken) = try_claim(vec![good]);
			assert_ok!(taken);
			to_draw(&claim);
			reveal_leaf(&claim, 0).unwrap();
			assert_eq!(Lottery::challenge(claim.id).unwrap().stage, ChallengeStage::Commit);
		}
	});
}

#[test]
fn inflated_work_should_be_drawn_more_often_than_its_leaf_count() {
	build_and_execute(|| {
		let mut hits = 0;
		for round in 0..32u8 {
			let mut leaves: Vec<_> = (0..8).map(|i| leaf(i, 1_000_000)).collect();
			leaves[3] = leaf(round, 93_000_000);
			let tree = SumTree::new(&leaves).unwrap();
			let (claim, taken) = try_claim(leaves);
			assert_ok!(taken);
			assert_eq!(tree.commitment(), claim.info.commitment);
			to_draw(&claim);
			hits += usize::from(drawn(&claim).contains(&3));
		}
		assert!(hits >= 28, "a leaf with 93 % of the work was drawn in {hits} of 32 claims");
	});
}

#[test]
fn reveal_should_be_refused_when_the_window_is_over() {
	build_and_execute(|| {
		let (claim, index) = drawn_claim();
		run_to(39);
		let anyone = || RuntimeOrigin::signed(account("X"));
		assert_noop!(Lottery::report_missed(anyone(), claim.id), Error::<Test>::TooEarly);
		run_to(40);
		assert_eq!(reveal_leaf(&claim, index), refused(Error::TooLate));
		assert_ok!(Lottery::report_missed(anyone(), claim.id));
		assert_noop!(Lottery::report_missed(anyone(), claim.id), Error::<Test>::NotRevealing);
		assert_eq!(reveal_leaf(&claim, index), refused(Error::NotRevealing));
	});
}

#[test]
fn reporter_should_earn_the_finders_fee_when_it_reports_in_time() {
	build_and_execute(|| {
		let (claim, _) = drawn_claim();
		run_to(41);
		assert_ok!(Lottery::report_missed(RuntimeOrigin::signed(account("X")), claim.id));
		assert_eq!(DETAINED.get().get(&transcoder()), Some(&1));
		run_to(46);
		let ten = Perbill::from_percent(10);
		assert_eq!(SLASHED.get(), vec![(transcoder(), 0, ten, vec![account("X")])]);
		assert_eq!(SETTLED.get(), vec![(claim.id, Settlement::Refund)]);
		assert!(DETAINED.get().is_empty());
		assert_eq!(bytes_left(), 0);
	});
}

#[test]
fn agenda_should_end_a_missed_claim_without_a_finder_when_nobody_reports() {
	build_and_execute(|| {
		let (claim, _) = drawn_claim();
		run_to(49);
		assert_eq!(Lottery::challenge(claim.id).unwrap().stage, ChallengeStage::LeafReveal);
		run_to(50);
		assert_eq!(Lottery::challenge(claim.id).unwrap().outcome, Some(Outcome::Missed));
		run_to(55);
		assert_eq!(SLASHED.get(), vec![(transcoder(), 0, Perbill::from_percent(10), vec![])]);
		assert_eq!(bytes_left(), 0);
	});
}
