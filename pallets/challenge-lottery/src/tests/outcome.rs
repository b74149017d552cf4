//! Execution, governance and the end.

use frame_support::{assert_noop, assert_ok, traits::Hooks};
use livepeer_primitives::{
	claim::Outcome,
	traits::Settlement,
	verdict::{MismatchKind, Verdict, DISPUTE},
	Hash,
};
use sp_runtime::{DispatchError, Perbill};

use crate::{mock::*, Error, Event};

const WRONG: Verdict = Verdict::Mismatch(MismatchKind::Video);

/// A validator that does not sit in the claim's committee.
fn outsider(id: u64) -> usize {
	let committee = members(id, 0);
	(0..5).find(|i| !committee.contains(&validator(*i))).unwrap()
}

fn failed() -> TestClaim {
	let claim = claim(8);
	to_commit(&claim);
	all_say(claim.id, 0, WRONG);
	to_dispute(claim.id);
	all_say(claim.id, DISPUTE, WRONG);
	assert_eq!(Lottery::challenge(claim.id).unwrap().outcome, Some(Outcome::Failed));
	claim
}

#[test]
fn accepted_claim_should_be_paid_when_the_slashing_period_is_over() {
	build_and_execute(|| {
		let claim = claim(8);
		to_commit(&claim);
		all_say(claim.id, 0, Verdict::Valid);
		let decided = System::block_number();
		assert_eq!(decided, 21, "the whole of it takes one block when all answer at once");
		run_to(decided + 11);
		assert!(SETTLED.get().is_empty());
		run_to(decided + 12);
		assert_eq!(SETTLED.get(), vec![(claim.id, Settlement::Pay)]);
		assert!(SLASHED.get().is_empty() && RETAINED.get().is_empty());
		assert_eq!(bytes_left(), 0);
		assert_eq!(
			events().last(),
			Some(&Event::Executed {
				claim: claim.id,
				outcome: Outcome::Accepted,
				slashed: 0,
				finders_fee: 0,
				common_pool: 0
			})
		);
	});
}

#[test]
fn transcoder_should_be_slashed_once_when_several_claims_of_a_round_fail() {
	build_and_execute(|| {
		let one = claim(8);
		let two = claim(4);
		to_draw(&one);
		// Neither is revealed.
		run_to(50);
		assert_eq!(DETAINED.get().get(&transcoder()), Some(&2));
		run_to(55);
		assert_eq!(SLASHED.get().len(), 1);
		let mut settled = SETTLED.get();
		settled.sort_by_key(|(id, _)| *id);
		assert_eq!(settled, vec![(one.id, Settlement::Refund), (two.id, Settlement::Refund)]);
		assert!(DETAINED.get().is_empty());
		assert_eq!(bytes_left(), 0);
	});
}

#[test]
fn transcoder_should_be_slashed_again_when_claims_of_two_rounds_fail() {
	build_and_execute(|| {
		run_to(25);
		claim(8);
		run_to(31);
		claim(8);
		run_to(120);
		let rounds: Vec<_> = SLASHED.get().into_iter().map(|slash| slash.1).collect();
		assert_eq!(rounds, vec![0, 1]);
		assert_eq!(bytes_left(), 0);
	});
}

#[test]
fn governance_should_pay_the_transcoder_when_it_cancels() {
	build_and_execute(|| {
		let claim = failed();
		skip(3);
		assert_noop!(
			Lottery::cancel(RuntimeOrigin::signed(transcoder()), claim.id, None),
			DispatchError::BadOrigin
		);
		let case = Some(Hash::repeat_byte(7));
		assert_ok!(Lottery::cancel(RuntimeOrigin::root(), claim.id, case));
		assert_eq!(events().last(), Some(&Event::Cancelled { claim: claim.id, case }));
		assert_eq!(SETTLED.get(), vec![(claim.id, Settlement::Pay)]);
		assert!(SLASHED.get().is_empty() && DETAINED.get().is_empty());
		assert!(RETAINED.get().is_empty());
		assert_eq!(bytes_left(), 0);
		skip(20);
		assert_eq!(SETTLED.get().len(), 1);
	});
}

#[test]
fn cancel_should_be_refused_when_nothing_is_decided() {
	build_and_execute(|| {
		assert_noop!(Lottery::cancel(RuntimeOrigin::root(), 0, None), Error::<Test>::NoChallenge);
		let claim = claim(8);
		assert_noop!(
			Lottery::cancel(RuntimeOrigin::root(), claim.id, None),
			Error::<Test>::NotDecided
		);
		to_commit(&claim);
		assert_noop!(
			Lottery::cancel(RuntimeOrigin::root(), claim.id, None),
			Error::<Test>::NotDecided
		);
	});
}

#[test]
fn cancelled_slash_should_not_spare_the_next_one_of_the_round() {
	build_and_execute(|| {
		let one = claim(8);
		let two = claim(4);
		run_to(50);
		assert_ok!(Lottery::cancel(RuntimeOrigin::root(), one.id, None));
		run_to(55);
		assert_eq!(SLASHED.get().len(), 1);
		assert_eq!(SETTLED.get().last(), Some(&(two.id, Settlement::Refund)));
	});
}

#[test]
fn settlement_should_be_tried_again_without_another_slash_when_it_fails() {
	build_and_execute(|| {
		let claim = failed();
		STUCK.put(true);
		skip(5);
		assert_eq!(SLASHED.get().len(), 1, "slashed once, however often the refund is tried");
		assert_eq!(DETAINED.get().get(&transcoder()), Some(&1));
		let error = DispatchError::Unavailable;
		assert_eq!(events().last(), Some(&Event::ExecutionFailed { claim: claim.id, error }));
		STUCK.put(false);
		skip(10);
		assert_eq!(SETTLED.get(), vec![(claim.id, Settlement::Refund)]);
		assert_eq!(SLASHED.get().len(), 1);
		assert_eq!(bytes_left(), 0);
	});
}

#[test]
fn void_should_be_tried_again_when_the_settlement_fails() {
	build_and_execute(|| {
		SEATED.put(vec![]);
		STUCK.put(true);
		let claim = claim(8);
		to_draw(&claim);
		skip(5);
		STUCK.put(false);
		skip(5);
		assert_eq!(SETTLED.get(), vec![(claim.id, Settlement::Refund)]);
		assert_eq!(bytes_left(), 0);
	});
}

#[test]
fn verifiers_should_be_slashed_in_the_round_of_the_snapshot_that_seats_them() {
	build_and_execute(|| {
		run_to(65);
		SNAPSHOT.put(1);
		let claim = claim(8);
		to_commit(&claim);
		all_say(claim.id, 0, UNAVAILABLE);
		to_dispute(claim.id);
		let said = opening(claim.id, Verdict::Valid);
		let silent = outsider(claim.id);
		ballot(claim.id, DISPUTE, |i| (i != silent).then(|| said.clone()));
		skip(30);
		let no_show = Perbill::from_parts(500_000);
		assert_eq!(SLASHED.get(), vec![(validator(silent), 1, no_show, vec![])]);
	});
}

/// Goes on by `blocks` and asserts that each hook charges the slashes it executed, with their
/// finders; returns how many there were.
fn weigh_slashes(blocks: u32) -> usize {
	let mut seen = SLASHED.get().len();
	for _ in 0..blocks {
		let next = System::block_number() + 1;
		System::set_block_number(next);
		let used = Lottery::on_initialize(next).ref_time();
		let slashes = SLASHED.get();
		let expected: usize = slashes.iter().skip(seen).map(|slash| slash.3.len() + 1).sum();
		assert_eq!(used / SLASH_WEIGHT, expected as u64);
		seen = slashes.len();
	}
	seen
}

#[test]
fn hook_should_charge_the_slash_and_its_finders_when_it_executes_a_verdict() {
	build_and_execute(|| {
		failed();
		assert_eq!(weigh_slashes(5), 1);
		assert_eq!(SLASHED.get().first().map(|slash| slash.3.len()), Some(3));
	});
}

#[test]
fn hook_should_charge_the_slash_of_every_verifier_that_pays() {
	build_and_execute(|| {
		let claim = claim(8);
		to_commit(&claim);
		all_say(claim.id, 0, UNAVAILABLE);
		to_dispute(claim.id);
		let said = opening(claim.id, Verdict::Valid);
		let silent = outsider(claim.id);
		ballot(claim.id, DISPUTE, |i| (i != silent).then(|| said.clone()));
		assert_eq!(weigh_slashes(60), 1);
	});
}
