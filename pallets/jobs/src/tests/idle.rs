//! Assignments for which nothing is claimed.

use crate::{mock::*, types::Phase, Error, Places};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{AccountId, BlockNumber, JobId};

/// Blocks of the largest claim: 64 segments of 2.5 s at 2 s a block.
const CLAIM: BlockNumber = 80;

fn end_idle(who: &AccountId, id: JobId) -> sp_runtime::DispatchResult {
	Jobs::end_idle(RuntimeOrigin::signed(who.clone()), id, 0)
}

#[test]
fn idle_assignment_should_be_ended_by_anyone_and_drawn_anew() {
	build_and_execute(|| {
		let id = running();
		skip(2 * CLAIM);
		assert_noop!(end_idle(&TAT, id), Error::<Test>::NotIdle);
		skip(1);
		assert_ok!(end_idle(&TAT, id));
		assert_eq!(job(id).phase, Phase::Waiting { draw_at: now() + 2, retries: 0 });
		// What was done can still be claimed for: it holds a place for that, and no other.
		assert_eq!(Places::<Test>::get(TIM), 1);
		assert_ok!(claim(&TIM, id, 0, 0, 0));
		assert_eq!(Places::<Test>::get(TIM), 1);
		check();
		skip(2);
		assert_eq!(current(id), (TIM, 1));
		assert_noop!(end_idle(&TAT, id), Error::<Test>::NoAssignment);
	});
}

#[test]
fn idle_assignment_should_be_ended_by_its_transcoder_earlier() {
	build_and_execute(|| {
		let id = running();
		skip(CLAIM);
		assert_noop!(end_idle(&TIM, id), Error::<Test>::NotIdle);
		skip(1);
		assert_noop!(end_idle(&TAT, id), Error::<Test>::NotIdle);
		assert_ok!(end_idle(&TIM, id));
	});
}

#[test]
fn healthy_streams_should_not_be_ended_as_idle() {
	build_and_execute(|| {
		let id = running();
		// The slowest that an honest transcoder claims: full claims at the longest segments, each
		// as late as the one before took.
		for claimed in 0..3 {
			skip(2 * CLAIM - 1);
			for who in [&BOB, &TAT] {
				assert_noop!(end_idle(who, id), Error::<Test>::NotIdle);
			}
			assert_ok!(claim(&TIM, id, 0, claimed * 64, claimed * 64 + 63));
		}
		assert_noop!(end_idle(&TIM, id), Error::<Test>::NotIdle);
	});
}

#[test]
fn only_what_runs_should_be_ended_as_idle() {
	build_and_execute(|| {
		register(&TIM, 1, PRICE, 1);
		assert_noop!(end_idle(&TAT, 0), Error::<Test>::NoJob);
		let id = create(&BOB, "cam");
		assert_noop!(end_idle(&TAT, id), Error::<Test>::NoAssignment);
		skip(2);
		// An offer has its own deadline.
		assert_noop!(end_idle(&TAT, id), Error::<Test>::NoAssignment);
	});
}

#[test]
fn attack_end_idle_should_not_take_the_place_of_the_last_claim() {
	build_and_execute(|| {
		let id = running();
		assert_ok!(claim(&TIM, id, 0, 0, 0));
		skip(2 * CLAIM + 1);
		assert_ok!(end_idle(&TAT, id));
		// Everything else that the transcoder may have open is.
		let kept = Places::<Test>::get(TIM);
		assert_eq!(kept, 2, "the open claim's, and one for the last");
		Parameters::mutate(|p| p.max_open_claims = kept);
		assert_ok!(claim(&TIM, id, 0, 1, 9));
		assert_noop!(claim(&TIM, id, 0, 10, 10), Error::<Test>::TooManyOpenClaims);
		check();
		skip(GRACE + 1);
		for claim in open_claims() {
			decide(claim);
		}
		assert!(!Places::<Test>::contains_key(TIM), "nothing is kept after the grace");
	});
}
