//! Leaf reveals and what follows when they do not come.

use frame_support::{
	assert_noop, assert_ok,
	dispatch::{DispatchClass, GetDispatchInfo, Pays},
};
use livepeer_primitives::{
	api::{ChallengeStage, Outcome},
	leaf::{Leaf, RejectReason},
	sum_tree::SumTree,
	traits::Settlement,
};
use sp_runtime::Perbill;

use crate::{mock::*, Error};

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
	leaf: Leaf,
	signature: livepeer_primitives::Signature,
) -> frame_support::pallet_prelude::DispatchResultWithPostInfo {
	let proof = claim.tree.proof(index).unwrap();
	Lottery::reveal_leaf(
		RuntimeOrigin::signed(transcoder()),
		claim.id,
		index,
		leaf,
		signature,
		proof,
	)
}

#[test]
fn reveal_should_be_free_and_start_the_commit_phase_when_all_is_answered() {
	build_and_execute(|| {
		let (claim, _) = drawn_claim();
		skip(3);
		let indices = drawn(&claim);
		for (i, index) in indices.iter().enumerate() {
			let view = Lottery::challenge(claim.id).unwrap();
			assert_eq!(view.stage, ChallengeStage::LeafReveal);
			assert_eq!(view.answered.iter().filter(|answered| **answered).count(), i);
			let post = reveal_leaf(&claim, *index).unwrap();
			assert_eq!(post.pays_fee, Pays::No);
		}
		let view = Lottery::challenge(claim.id).unwrap();
		assert_eq!(view.stage, ChallengeStage::Commit);
		// 12 blocks, and one for the sampled work.
		assert_eq!(view.deadline, 23 + 12 + 1);
	});
}

#[test]
fn calls_of_duty_should_be_operational() {
	build_and_execute(|| {
		let (claim, index) = drawn_claim();
		let call = crate::Call::<Test>::reveal_leaf {
			claim: claim.id,
			index,
			leaf: claim.leaves[0].clone(),
			broadcaster_signature: segment_signature(&claim, index, &claim.leaves[0]),
			proof: claim.tree.proof(index).unwrap(),
		};
		assert_eq!(call.get_dispatch_info().class, DispatchClass::Operational);
	});
}

#[test]
fn reveal_should_be_refused_when_it_is_not_the_transcoders() {
	build_and_execute(|| {
		let (claim, index) = drawn_claim();
		let leaf = claim.leaves[index as usize].clone();
		let signature = segment_signature(&claim, index, &leaf);
		let proof = claim.tree.proof(index).unwrap();
		let origin = RuntimeOrigin::signed(broadcaster());
		assert_noop!(
			Lottery::reveal_leaf(origin, claim.id, index, leaf, signature, proof),
			Error::<Test>::NotTranscoder
		);
	});
}

#[test]
fn reveal_should_be_refused_when_the_broadcaster_did_not_sign_it() {
	build_and_execute(|| {
		let (claim, index) = drawn_claim();
		let leaf = claim.leaves[index as usize].clone();
		// A signature over the neighbour's seq.
		let other = segment_signature(&claim, index + 1, &leaf);
		assert_noop!(reveal_with(&claim, index, leaf.clone(), other), Error::<Test>::BadSignature);
		let mut elsewhere = claim.clone();
		elsewhere.info.assignment += 1;
		let other = segment_signature(&elsewhere, index, &leaf);
		assert_noop!(reveal_with(&claim, index, leaf, other), Error::<Test>::BadSignature);
	});
}

#[test]
fn reveal_should_be_refused_when_the_proof_is_of_another_leaf() {
	build_and_execute(|| {
		let (claim, index) = drawn_claim();
		let other = (index + 1) % 8;
		let leaf = claim.leaves[other as usize].clone();
		let signature = segment_signature(&claim, index, &leaf);
		// The aliasing attack: a genuine leaf and its genuine path under another index.
		assert_noop!(
			Lottery::reveal_leaf(
				RuntimeOrigin::signed(transcoder()),
				claim.id,
				index,
				leaf.clone(),
				signature.clone(),
				claim.tree.proof(other).unwrap(),
			),
			Error::<Test>::BadProof
		);
		// An index beyond the claim's leaves.
		assert_noop!(
			Lottery::reveal_leaf(
				RuntimeOrigin::signed(transcoder()),
				claim.id,
				index + 8,
				claim.leaves[index as usize].clone(),
				signature.clone(),
				claim.tree.proof(index).unwrap(),
			),
			Error::<Test>::BadProof
		);
		// A path of another length.
		let mut short = claim.tree.proof(index).unwrap().into_inner();
		short.pop();
		assert_noop!(
			Lottery::reveal_leaf(
				RuntimeOrigin::signed(transcoder()),
				claim.id,
				index,
				claim.leaves[index as usize].clone(),
				signature,
				short.try_into().unwrap(),
			),
			Error::<Test>::BadProof
		);
	});
}

#[test]
fn reveal_should_be_refused_when_no_position_waits_for_it() {
	build_and_execute(|| {
		let (claim, _) = drawn_claim();
		let indices = drawn(&claim);
		let undrawn = (0..8).find(|index| !indices.contains(index)).unwrap();
		assert_noop!(reveal_leaf(&claim, undrawn), Error::<Test>::NothingToAnswer);
		if indices.len() > 1 {
			assert_ok!(reveal_leaf(&claim, indices[0]));
			assert_noop!(reveal_leaf(&claim, indices[0]), Error::<Test>::NothingToAnswer);
		}
	});
}

#[test]
fn reveal_should_be_refused_when_the_leaf_is_not_the_jobs() {
	build_and_execute(|| {
		let rejected = Leaf::Rejected {
			in_hash: Default::default(),
			reason: RejectReason::Corrupt,
			work: 1_000_000_000,
		};
		let mut thin = leaf(1, 1_000_000_000);
		if let Leaf::Transcoded { outputs, .. } = &mut thin {
			outputs.pop();
		}
		for (big, error) in [
			(leaf(1, 1_000_000_000), Error::<Test>::TooMuchWork),
			(rejected, Error::<Test>::NotTranscoded),
			(thin, Error::<Test>::WrongOutputs),
		] {
			// The large leaf is all of the claim's work, so every draw hits it.
			let (claim, taken) = try_claim(vec![big.clone()]);
			assert_ok!(taken);
			to_draw(&claim);
			let signature = segment_signature(&claim, 0, &big);
			assert_noop!(reveal_with(&claim, 0, big, signature), error);
			// Nothing else can be revealed, so it ends as missed.
			run_to(challenge(claim.id).due);
			let view = Lottery::challenge(claim.id).unwrap();
			assert_eq!(view.outcome, Some(Outcome::Missed));
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
		assert_noop!(reveal_leaf(&claim, index), Error::<Test>::TooLate);
		assert_ok!(Lottery::report_missed(anyone(), claim.id));
		assert_noop!(Lottery::report_missed(anyone(), claim.id), Error::<Test>::NotRevealing);
		assert_noop!(reveal_leaf(&claim, index), Error::<Test>::NotRevealing);
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
