//! A broadcaster hands its job on.

use crate::{
	mock::*,
	types::{Phase, Scope},
	Error, Event, Jobs as StoredJobs, PriorityLists,
};
use frame_support::{assert_noop, assert_ok, dispatch::DispatchResultWithPostInfo};
use livepeer_primitives::{AccountId, JobId, UNIT};

/// A running job, with two others on its list.
fn running_with_successors() -> (JobId, AccountId) {
	for who in [&TIM, &TOM, &TAT] {
		register(who, UNIT, PRICE, 10);
	}
	let id = create(&BOB, "cam");
	skip(2);
	(id, accept(id).0)
}

fn hand_on(who: AccountId, id: JobId, index: u32) -> DispatchResultWithPostInfo {
	Jobs::next_transcoder(RuntimeOrigin::signed(who), id, index)
}

#[test]
fn job_should_go_to_the_next_on_its_list_at_once_when_its_broadcaster_hands_it_on() {
	build_and_execute(|| {
		let (id, first) = running_with_successors();
		let next = PriorityLists::<Test>::get(id)[0].clone();
		assert_ok!(hand_on(BOB, id, 0));
		assert_eq!(current(id), (next.clone(), 1));
		assert_eq!(job(id).phase, Phase::Offered { assignment: 1, until: now() + 3, retries: 0 });
		assert!(events().contains(&Event::AssignmentEnded {
			job: id,
			assignment: 0,
			transcoder: first.clone(),
			claimable_until: Some(now() + 20),
		}));
		assert!(Noted::get().is_empty(), "nobody let an offer pass");
		check();
		accept(id);
		// Both are paid for their work.
		assert_ok!(claim(&first, id, 0, 0, 3));
		assert_ok!(claim(&next, id, 1, 4, 7));
	});
}

#[test]
fn job_should_be_drawn_anew_when_nobody_is_left_to_hand_it_on_to() {
	build_and_execute(|| {
		let id = running();
		assert_ok!(hand_on(BOB, id, 0));
		assert_eq!(job(id).phase, Phase::Waiting { draw_at: now() + 2, retries: 0 });
		skip(2);
		assert_eq!(current(id), (TIM, 1), "who is there alone may be drawn again");
	});
}

#[test]
fn handing_on_should_be_the_broadcasters_alone() {
	build_and_execute(|| {
		let (id, transcoder) = running_with_successors();
		for stranger in [transcoder, BEA] {
			assert_noop!(hand_on(stranger, id, 0), Error::<Test>::NotBroadcaster);
		}
		let scope = |end| Scope { create: true, top_up: true, end };
		let set = |scope| {
			Jobs::set_spending_key(RuntimeOrigin::signed(BOB), BEA, UNIT, now() + 50, scope)
		};
		assert_ok!(set(scope(false)));
		assert_noop!(hand_on(BEA, id, 0), Error::<Test>::OutOfScope);
		assert_ok!(set(scope(true)));
		assert_ok!(hand_on(BEA, id, 0));
	});
}

#[test]
fn only_the_running_assignment_should_be_handed_on() {
	build_and_execute(|| {
		for who in [&TIM, &TOM] {
			register(who, UNIT, PRICE, 10);
		}
		let id = create(&BOB, "cam");
		assert_noop!(hand_on(BOB, id, 0), Error::<Test>::NoAssignment);
		skip(2);
		assert_noop!(hand_on(BOB, id, 0), Error::<Test>::NoAssignment);
		accept(id);
		assert_noop!(hand_on(BOB, id, 1), Error::<Test>::NoAssignment);
		assert_ok!(hand_on(BOB, id, 0));
		// The same call again, as after a reorganisation, does not hand the job on from the new
		// transcoder.
		assert_noop!(hand_on(BOB, id, 0), Error::<Test>::NoAssignment);
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		assert_noop!(hand_on(BOB, id, 1), Error::<Test>::JobEnded);
		assert_noop!(hand_on(BOB, id + 1, 0), Error::<Test>::NoJob);
	});
}

#[test]
fn attack_handing_on_again_and_again_should_reserve_no_more_than_the_budget() {
	build_and_execute(|| {
		let (id, _) = running_with_successors();
		let mut handed_on = 0;
		for _ in 0..12 {
			if let Phase::Running { assignment } = job(id).phase {
				assert_ok!(hand_on(BOB, id, assignment));
				handed_on += 1;
			}
			if matches!(job(id).phase, Phase::Offered { .. }) {
				accept(id);
			}
			skip(1);
			check();
		}
		assert!(handed_on > 3);
		assert!(StoredJobs::<Test>::contains_key(id));
		// Assignments in their grace return what they did not claim.
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		skip(60);
		check();
		assert!(!StoredJobs::<Test>::contains_key(id));
	});
}
