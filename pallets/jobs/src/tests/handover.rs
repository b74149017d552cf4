//! Lost transcoders.

use crate::{
	mock::*, types::Phase, Assignments, AssignmentsOf, Event, Loads, PriorityLists, WeightInfo,
};
use frame_support::assert_ok;
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

#[test]
fn job_should_be_handed_on_in_the_next_block_when_transcoder_is_jailed() {
	build_and_execute(|| {
		let (id, lost) = running_with_successors();
		let next = PriorityLists::<Test>::get(id)[0].clone();
		jail(&lost);
		assert_eq!(current(id).0, lost);
		check();
		skip(1);
		assert_eq!(current(id), (next, 1));
		assert_eq!(job(id).phase, Phase::Offered { assignment: 1, until: now() + 3, retries: 0 });
		// Work that was done can still be claimed.
		assert_eq!(assignment(id, 0).claimable_until, Some(now() + 20));
		assert!(events().contains(&Event::AssignmentEnded {
			job: id,
			assignment: 0,
			transcoder: lost.clone(),
			claimable_until: Some(now() + 20),
		}));
		assert_ok!(claim(&lost, id, 0, 0, 3));
		assert!(!Loads::<Test>::contains_key(&lost));
	});
}

#[test]
fn job_should_be_handed_on_within_an_interval_when_heartbeats_stop() {
	build_and_execute(|| {
		let (id, lost) = running_with_successors();
		skip(12);
		assert_eq!(current(id).0, lost, "heartbeats keep it");
		Absent::set(vec![lost.clone()]);
		skip(CheckInterval::get());
		assert_ne!(current(id).0, lost);
		assert!(assignment(id, 0).claimable_until.is_some());
	});
}

#[test]
fn offer_should_be_handed_on_when_transcoder_is_lost_before_accepting() {
	build_and_execute(|| {
		for who in [&TIM, &TOM] {
			register(who, UNIT, PRICE, 10);
		}
		let id = create(&BOB, "cam");
		skip(2);
		let (lost, _) = current(id);
		jail(&lost);
		skip(1);
		assert_eq!(current(id).1, 1);
		assert_ne!(current(id).0, lost);
		assert!(Noted::get().is_empty(), "it did not let the offer pass");
		assert_eq!(job(id).assignments, 1);
	});
}

#[test]
fn job_should_wait_for_a_new_draw_when_nobody_is_left_on_the_list() {
	build_and_execute(|| {
		let id = running();
		jail(&TIM);
		skip(1);
		assert_eq!(job(id).phase, Phase::Waiting { draw_at: now() + 2, retries: 0 });
		check();
		register(&TOM, UNIT, PRICE, 1);
		skip(2);
		assert_eq!(current(id), (TOM, 1));
	});
}

#[test]
fn transcoder_should_keep_its_jobs_when_it_leaves_the_active_set() {
	build_and_execute(|| {
		let id = running();
		register(&TIM, UNIT, PRICE, 0);
		skip(50);
		assert_eq!(current(id), (TIM, 0));
	});
}

#[test]
fn lost_transcoder_should_get_nothing_until_all_is_handed_on() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 10);
		let id = create(&BOB, "cam");
		skip(2);
		accept(id);
		jail(&TIM);
		// It is free again in the same block. Its assignments are still handed on, and the list of
		// the new draw can name it again if there is nobody else.
		Jailed::set(vec![]);
		skip(1);
		assert_eq!(job(id).phase.current(), None);
		skip(2);
		assert_eq!(current(id), (TIM, 1));
	});
}

#[test]
fn hand_over_should_be_spread_over_blocks_when_there_is_much() {
	build_and_execute(|| {
		Parameters::mutate(|p| p.max_open_claims = 1_024);
		register(&TIM, UNIT, PRICE, 100);
		for i in 0..60 {
			assert_ok!(create_with(&BOB, &format!("cam{i}"), UNIT / 100));
		}
		skip(2);
		(0..60).for_each(|id| {
			accept(id);
		});
		register(&TOM, UNIT, PRICE, 100);
		jail(&TIM);
		AgendaWeight::set(little_weight());
		let mut blocks = 0;
		while AssignmentsOf::<Test>::iter_prefix(TIM).next().is_some() {
			let before = AssignmentsOf::<Test>::iter_prefix(TIM).count();
			next_block();
			check();
			assert!(AssignmentsOf::<Test>::iter_prefix(TIM).count() < before);
			blocks += 1;
		}
		assert!(blocks > 1, "one block cannot do it all");
		assert!(!Loads::<Test>::contains_key(TIM));
	});
}

#[test]
fn losing_somebody_without_jobs_should_store_nothing() {
	build_and_execute(|| {
		let before = snapshot();
		jail(&TAT);
		assert_eq!(snapshot(), before);
	});
}

#[test]
fn losing_somebody_twice_should_be_like_once() {
	build_and_execute(|| {
		let (id, lost) = running_with_successors();
		jail(&lost);
		jail(&lost);
		check();
		skip(1);
		assert_eq!(current(id).1, 1);
	});
}

#[test]
fn lost_transcoder_should_not_be_offered_what_others_let_pass_while_its_jobs_are_handed_on() {
	build_and_execute(|| {
		// TIM has many jobs and is lost, but is a candidate again at once: it is not jailed, sends
		// heartbeats and has capacity. Handing its jobs on takes several blocks.
		Parameters::mutate(|p| {
			p.max_open_claims = 1_024;
			// So that enough of the budget is left for the next transcoder.
			p.allowance_leaves = 1;
		});
		register(&TIM, 1_000 * UNIT, PRICE, 1_000);
		for i in 0..60 {
			assert_ok!(create_with(&BOB, &format!("cam{i}"), UNIT / 100));
		}
		skip(2);
		(0..60).for_each(|id| {
			accept(id);
		});
		register(&TOM, 1, PRICE, 1_000);
		AgendaWeight::set(<()>::task_hand_on().saturating_mul(4));
		// A job that it has never had: only its loss keeps it from that.
		let fresh = create(&BEA, "fresh");
		jail(&TIM);
		Jailed::set(vec![]);
		let (mut drawn, mut offered) = (0, None);
		let is_lost = || Loads::<Test>::get(TIM).is_some_and(|load| load.lost);
		loop {
			let before: Vec<_> = AssignmentsOf::<Test>::iter_prefix(TIM).collect();
			next_block();
			if !is_lost() {
				break;
			}
			let after: Vec<_> = AssignmentsOf::<Test>::iter_prefix(TIM).collect();
			assert!(now() < 200, "it comes to an end");
			assert!(after.iter().all(|row| before.contains(row)), "nothing new goes to it");
			drawn += AssignmentsOf::<Test>::iter_prefix(TOM).count();
			offered = offered.or(Assignments::<Test>::get(fresh, 0));
		}
		assert!(drawn > 0, "others were drawn meanwhile");
		assert_eq!(offered.expect("drawn meanwhile").transcoder, TOM);
	});
}
