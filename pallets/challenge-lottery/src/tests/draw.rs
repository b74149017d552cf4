//! The draw.

use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{
	api::ChallengeStage,
	draw,
	traits::{Beacon, OnClaim, Settlement},
};

use crate::{mock::*, types::Stage, Error, Event};

#[test]
fn challenge_should_wait_for_its_seed_when_a_claim_is_made() {
	build_and_execute(|| {
		let claim = claim(8);
		let view = Lottery::challenge(claim.id).unwrap();
		assert_eq!(view.stage, ChallengeStage::AwaitingSeed);
		assert_eq!(view.deadline, 20);
		assert!(view.positions.is_empty() && view.members.is_empty());
		assert_eq!(RETAINED.get().into_iter().collect::<Vec<_>>(), vec![(1, 1)]);
		assert_eq!(events(), vec![Event::ChallengeOpened { claim: claim.id, draw_at: 20 }]);
	});
}

#[test]
fn claim_should_be_refused_when_it_breaks_a_rule() {
	build_and_execute(|| {
		let empty = livepeer_primitives::leaf::Leaf::Empty;
		assert_eq!(try_claim(vec![empty]).1, Err(Error::<Test>::NoWork.into()));
		let many = (0..65).map(|i| leaf(i, 1)).collect();
		assert_eq!(try_claim(many).1, Err(Error::<Test>::TooManyLeaves.into()));
		let (taken, result) = try_claim(vec![leaf(0, 1)]);
		assert_ok!(result);
		assert_noop!(Lottery::on_claim(taken.id, &taken.info), Error::<Test>::AlreadyChallenged);
		let mut other = taken.info.clone();
		other.toolchain = Default::default();
		assert_noop!(Lottery::on_claim(99, &other), Error::<Test>::UnknownToolchain);
		assert_eq!(Lottery::max_leaves(&transcoder()), 64);
	});
}

#[test]
fn agenda_should_draw_when_the_second_window_after_the_claims_begins() {
	build_and_execute(|| {
		let claim = claim(8);
		run_to(19);
		assert_eq!(challenge(claim.id).stage, Stage::AwaitingSeed);
		run_to(20);
		let seed = Fake::seed(1).unwrap();
		let view = Lottery::challenge(claim.id).unwrap();
		assert_eq!(view.stage, ChallengeStage::LeafReveal);
		assert_eq!(view.deadline, 40);
		let commitment = claim.info.commitment;
		let expected =
			draw::positions(seed.hash, claim.id, commitment.root, commitment.total_work, 2);
		assert_eq!(view.positions, expected);
		assert_eq!(view.members.len(), 3);
	});
}

#[test]
fn draw_should_be_refused_when_it_is_too_early_or_done() {
	build_and_execute(|| {
		let claim = claim(8);
		let anyone = || RuntimeOrigin::signed(account("X"));
		assert_noop!(Lottery::draw(anyone(), 7), Error::<Test>::NoChallenge);
		run_to(19);
		assert_noop!(Lottery::draw(anyone(), claim.id), Error::<Test>::TooEarly);
		run_to(20);
		assert_noop!(Lottery::draw(anyone(), claim.id), Error::<Test>::AlreadyDrawn);
	});
}

#[test]
fn late_draw_should_give_the_same_result_when_the_seed_was_late() {
	let draw_at = |block| {
		let mut result = None;
		build_and_execute(|| {
			let claim = claim(8);
			if block > 20 {
				SEEDLESS.put(vec![1]);
				run_to(block - 1);
				assert_eq!(challenge(claim.id).stage, Stage::AwaitingSeed);
				assert_noop!(
					Lottery::draw(RuntimeOrigin::signed(account("X")), claim.id),
					Error::<Test>::SeedNotReady
				);
				SEEDLESS.put(vec![]);
				System::set_block_number(block);
				assert_ok!(Lottery::draw(RuntimeOrigin::signed(account("X")), claim.id));
			} else {
				run_to(block);
			}
			let view = Lottery::challenge(claim.id).unwrap();
			assert_eq!(view.deadline, block + 20);
			result = Some((view.positions, view.members));
		});
		result.unwrap()
	};
	assert_eq!(draw_at(20), draw_at(33));
	assert_eq!(draw_at(20), draw_at(41));
}

#[test]
fn claim_should_be_void_when_no_seed_comes() {
	build_and_execute(|| {
		let claim = claim(8);
		SEEDLESS.put((0..100).collect());
		run_to(49);
		assert_eq!(challenge(claim.id).stage, Stage::AwaitingSeed);
		run_to(50);
		assert_eq!(SETTLED.get(), vec![(claim.id, Settlement::Refund)]);
		assert_eq!(bytes_left(), 0);
	});
}

#[test]
fn draw_should_happen_at_a_windows_start_when_seeds_were_invalid() {
	build_and_execute(|| {
		let claim = claim(8);
		SEEDLESS.put(vec![1]);
		run_to(29);
		SEEDLESS.put(vec![]);
		run_to(30);
		assert!(matches!(challenge(claim.id).stage, Stage::LeafReveal { .. }));
	});
}

#[test]
fn committee_should_leave_out_the_parties_and_who_delegates_to_the_transcoder() {
	build_and_execute(|| {
		let mut seated = SEATED.get();
		seated[0].account = transcoder();
		seated[1].account = broadcaster();
		seated[4].stake = 0;
		SEATED.put(seated);
		DELEGATES.mutate(|all| all.insert(validator(2), transcoder()));
		let claim = claim(8);
		to_draw(&claim);
		assert_eq!(members(claim.id, 0), vec![validator(3)]);
	});
}

#[test]
fn claim_should_be_void_when_nobody_may_judge() {
	build_and_execute(|| {
		SEATED.put(vec![]);
		let claim = claim(8);
		to_draw(&claim);
		assert_eq!(SETTLED.get(), vec![(claim.id, Settlement::Refund)]);
		assert!(SLASHED.get().is_empty() && RETAINED.get().is_empty());
		assert_eq!(bytes_left(), 0);
	});
}

#[test]
fn parameters_should_be_those_of_the_claim_when_they_change_later() {
	build_and_execute(|| {
		let claim = claim(8);
		Parameters::mutate(|parameters| parameters.reveal_window = 1);
		to_draw(&claim);
		assert_eq!(Lottery::challenge(claim.id).unwrap().deadline, 40);
	});
}
