//! Acceptance, and offers that pass.

use crate::{mock::*, types::Phase, Assignments, Error, Event, PriorityLists};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{AccountId, AssignmentIndex, JobId, UNIT};

fn try_accept(who: &AccountId, id: JobId, index: AssignmentIndex) -> sp_runtime::DispatchResult {
	Jobs::accept_job(RuntimeOrigin::signed(who.clone()), id, index)
}

fn three() {
	for who in [&TIM, &TOM, &TAT] {
		register(who, UNIT, PRICE, 10);
	}
}

#[test]
fn accept_should_start_the_assignment() {
	build_and_execute(|| {
		let id = running();
		assert_eq!(job(id).phase, Phase::Running { assignment: 0 });
		assert!(assignment(id, 0).accepted);
		assert_eq!(last_event(), Event::Accepted { job: id, assignment: 0, transcoder: TIM });
	});
}

#[test]
fn accept_should_fail_when_it_is_not_the_callers_offer() {
	build_and_execute(|| {
		three();
		assert_noop!(try_accept(&TIM, 0, 0), Error::<Test>::NoJob);
		let id = create(&BOB, "cam");
		assert_noop!(try_accept(&TIM, id, 0), Error::<Test>::NotOffered);
		skip(2);
		let (who, _) = current(id);
		let other = if who == TIM { TOM } else { TIM };
		assert_noop!(try_accept(&other, id, 0), Error::<Test>::NotTranscoder);
		assert_noop!(try_accept(&who, id, 1), Error::<Test>::NotOffered);
		assert_ok!(try_accept(&who, id, 0));
		assert_noop!(try_accept(&who, id, 0), Error::<Test>::NotOffered);
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		assert_noop!(try_accept(&who, id, 0), Error::<Test>::JobEnded);
	});
}

#[test]
fn accept_should_succeed_in_the_last_block() {
	build_and_execute(|| {
		three();
		let id = create(&BOB, "cam");
		skip(2 + 3);
		assert_eq!(job(id).phase, Phase::Offered { assignment: 0, until: now() });
		accept(id);
	});
}

#[test]
fn accept_should_fail_when_the_transcoder_is_jailed() {
	build_and_execute(|| {
		three();
		let id = create(&BOB, "cam");
		skip(2);
		let (who, index) = current(id);
		jail(&who);
		assert_noop!(try_accept(&who, id, index), Error::<Test>::Jailed);
	});
}

#[test]
fn accept_should_fail_when_time_is_up_though_the_agenda_is_late() {
	build_and_execute(|| {
		three();
		let id = create(&BOB, "cam");
		skip(2);
		let (who, index) = current(id);
		AgendaWeight::set(frame_support::weights::Weight::zero());
		skip(4);
		assert_eq!(job(id).phase.current(), Some(index), "nothing runs without weight");
		assert_noop!(try_accept(&who, id, index), Error::<Test>::TooLate);
		check();
		AgendaWeight::set(least_weight());
		skip(1);
		assert_eq!(job(id).phase.current(), Some(index + 1));
	});
}

#[test]
fn offer_should_go_to_the_next_on_the_list_when_not_accepted() {
	build_and_execute(|| {
		three();
		let id = create(&BOB, "cam");
		skip(2);
		let reserved = assignment(id, 0).allowance;
		let (first, _) = current(id);
		let next = PriorityLists::<Test>::get(id)[0].clone();
		skip(4);
		assert_eq!(current(id), (next, 1));
		assert_eq!(Noted::get(), core::slice::from_ref(&first));
		assert!(events().contains(&Event::NotAccepted {
			job: id,
			assignment: 0,
			transcoder: first.clone(),
		}));
		// Never accepted, so never claimable: gone at once, its allowance with it.
		assert!(!Assignments::<Test>::contains_key(id, 0));
		assert_eq!(assignment(id, 1).allowance, reserved);
		assert_eq!(job(id).unreserved, BUDGET - reserved);
		assert_noop!(claim(&first, id, 0, 0, 0), Error::<Test>::NoAssignment);
	});
}

#[test]
fn list_should_be_drawn_anew_two_blocks_after_it_is_exhausted() {
	build_and_execute(|| {
		three();
		let id = create(&BOB, "cam");
		skip(2 + 4 + 4 + 4);
		assert_eq!(job(id).phase, Phase::Waiting { draw_at: now() + 2, retries: 0 });
		check();
		skip(2);
		assert_eq!(current(id).1, 3);
		assert_eq!(PriorityLists::<Test>::get(id).len(), 2);
		assert_eq!(Noted::get().len(), 3);
	});
}

#[test]
fn next_should_be_skipped_when_no_longer_eligible() {
	build_and_execute(|| {
		three();
		let id = create(&BOB, "cam");
		skip(2);
		let list = PriorityLists::<Test>::get(id);
		register(&list[0], UNIT, PRICE * 2, 10);
		skip(4);
		// The number is not used up by whoever was skipped.
		assert_eq!(current(id), (list[1].clone(), 1));
		assert!(PriorityLists::<Test>::get(id).is_empty());
	});
}
