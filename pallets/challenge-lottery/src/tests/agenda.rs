//! The agenda under load.

use frame_support::{traits::Hooks, weights::Weight};
use livepeer_primitives::{
	api::ChallengeStage,
	claim::Outcome,
	traits::{Beacon, OnClaim},
	verdict::Verdict,
	UNIT,
};

use crate::{
	mock::*,
	types::{Class, Stage},
	Agenda, Backlog,
};

/// The first block of unfinished urgent work.
fn backlog() -> Option<u32> {
	Backlog::<Test>::get(Class::Urgent)
}

#[test]
fn agenda_should_go_on_in_the_next_block_when_its_weight_is_used() {
	build_and_execute(|| {
		let claims: Vec<_> = (0..5).map(|_| claim(8)).collect();
		AgendaWeight::set(Weight::from_parts(1, 1));
		let is_drawn = |claim: &&TestClaim| {
			Lottery::challenge(claim.id).unwrap().stage == ChallengeStage::LeafReveal
		};
		for block in 20..25 {
			run_to(block);
			assert_eq!(claims.iter().filter(is_drawn).count() as u32, block - 19);
			// Tasks after its one step are taken in the next block.
			assert_eq!(backlog(), Some(if block < 24 { 20 } else { 21 }));
		}
		run_to(25);
		assert_eq!(backlog(), None);
		// Each has its whole reveal window, counted from its own draw.
		let deadlines: Vec<_> =
			claims.iter().map(|c| Lottery::challenge(c.id).unwrap().deadline).collect();
		let mut sorted = deadlines.clone();
		sorted.sort_unstable();
		assert_eq!(sorted, vec![40, 41, 42, 43, 44]);
	});
}

#[test]
fn backlog_should_be_worked_off_in_order_when_the_weight_suffices_again() {
	build_and_execute(|| {
		for block in 1..6 {
			run_to(block * 3);
			claim(8);
		}
		AgendaWeight::set(Weight::from_parts(1, 1));
		run_to(30);
		assert!(backlog().is_some());
		AgendaWeight::set(Weight::from_parts(1_000_000_000_000, u64::MAX / 2));
		run_to(31);
		assert_eq!(backlog(), None);
		assert!(Agenda::<Test>::iter_keys().all(|(_, due, _)| due > 31));
		run_to(100);
		assert_eq!(SETTLED.get().len(), 5);
		assert_eq!(bytes_left(), 0);
	});
}

#[test]
fn hook_should_charge_what_it_used() {
	build_and_execute(|| {
		let idle = Lottery::on_initialize(1);
		claim(8);
		claim(8);
		run_to(19);
		System::set_block_number(20);
		let busy = Lottery::on_initialize(20);
		assert!(busy.all_gt(idle));
	});
}

#[test]
fn urgent_work_should_not_wait_behind_executions() {
	build_and_execute(|| {
		// Twenty claims that nobody answers: their executions are due in one block.
		let missed: Vec<_> = (0..20).map(|_| claim(8)).collect();
		to_draw(&missed[0]);
		run_to(30);
		let urgent = claim(8);
		run_to(50);
		let executed_at = challenge(missed[0].id).due;
		assert_eq!(executed_at, 55);
		let late = claim(8);
		run_to(54);
		AgendaWeight::set(Weight::from_parts(1, 1));
		assert!(matches!(challenge(urgent.id).stage, Stage::LeafReveal { .. }));
		// From now on a block does one execution; urgent tasks are done in their own block.
		run_to(70);
		assert_eq!(SETTLED.get().len(), 16);
		assert_eq!(Backlog::<Test>::get(Class::Lazy), Some(55));
		assert_eq!(backlog(), None);
		assert!(matches!(challenge(late.id).stage, Stage::LeafReveal { .. }));
		assert_eq!(Lottery::challenge(late.id).unwrap().deadline, 90);
	});
}

#[test]
fn execution_should_not_wait_for_ever_when_urgent_work_fills_every_block() {
	build_and_execute(|| {
		Parameters::mutate(|parameters| parameters.slash_deferral = 11);
		let missed = claim(8);
		run_to(45);
		for _ in 0..10 {
			claim(8);
		}
		run_to(59);
		assert_eq!(challenge(missed.id).due, 61);
		AgendaWeight::set(Weight::from_parts(1, 1));
		run_to(61);
		assert_eq!(backlog(), Some(60));
		assert_eq!(SETTLED.get().len(), 1);
	});
}

/// What a hook is charged for `count` claims that are drawn in one block.
fn weight_of_draws(count: u32) -> Weight {
	let mut used = Weight::zero();
	build_and_execute(|| {
		AgendaWeight::set(Weight::from_parts(u64::MAX / 2, u64::MAX / 2));
		let claims: Vec<_> = (0..count).map(|_| claim(1)).collect();
		System::set_block_number(20);
		used = Lottery::on_initialize(20);
		let drawn = claims.iter().filter(|c| challenge(c.id).stage != Stage::AwaitingSeed);
		assert_eq!(drawn.count() as u32, count);
		assert_eq!(Agenda::<Test>::iter_key_prefix((Class::Urgent, 20)).count(), 0);
	});
	used
}

#[test]
fn hook_should_charge_in_proportion_to_its_entries() {
	let (none, few, many) = (weight_of_draws(0), weight_of_draws(10), weight_of_draws(200));
	let few = few.saturating_sub(none);
	assert_eq!(many.saturating_sub(none), few.saturating_mul(20));
	assert!(few.ref_time() > 0);
}

/// Continues by a block; returns what its hook did besides looking for tasks.
fn work_of_next_block(idle: Weight) -> Weight {
	let next = System::block_number() + 1;
	System::set_block_number(next);
	let used = Lottery::on_initialize(next).saturating_sub(idle);
	check();
	used
}

#[test]
fn claim_should_pay_for_all_that_the_agenda_does_for_it_when_nobody_errs() {
	for committee_size in [1, 3, 5] {
		build_and_execute(|| {
			Parameters::mutate(|parameters| {
				parameters.committee_size = committee_size;
				parameters.tranches = 1;
			});
			// What it prepaid pays for all of its verification.
			BUDGET.put(UNIT);
			let idle = Lottery::on_initialize(1);
			let claim = claim(8);
			let (mut urgent, mut lazy) = (Weight::zero(), Weight::zero());
			let drawn_at = Fake::window_start(claim.info.window + 2);
			while System::block_number() < drawn_at {
				urgent = urgent.saturating_add(work_of_next_block(idle));
			}
			for index in drawn(&claim) {
				reveal_leaf(&claim, index).unwrap();
			}
			let said = opening(claim.id, Verdict::Valid);
			let count = members(claim.id, 0).len() as u16;
			assert_eq!(u32::from(count), committee_size);
			for member in 0..count {
				commit(claim.id, 0, member, &said).unwrap();
			}
			for member in 0..count {
				reveal(claim.id, 0, member, &said).unwrap();
			}
			while !matches!(challenge(claim.id).stage, Stage::Decided(_)) {
				urgent = urgent.saturating_add(work_of_next_block(idle));
			}
			while SETTLED.get().is_empty() {
				lazy = lazy.saturating_add(work_of_next_block(idle));
			}
			assert_eq!(DECIDED.get(), vec![claim.id]);
			let outcome = events().into_iter().find_map(|event| match event {
				crate::Event::Decided { outcome, .. } => Some(outcome),
				_ => None,
			});
			assert_eq!(outcome, Some(Outcome::Accepted));
			assert!(urgent.ref_time() > 0 && lazy.ref_time() > 0);
			assert!(urgent.all_lte(Lottery::urgent_of_claim(committee_size)), "{urgent}");
			assert!(lazy.all_lte(Lottery::lazy_of_claim(committee_size)), "{lazy}");
			let paid = <Lottery as OnClaim>::future_of_claim(committee_size);
			assert!(urgent.saturating_add(lazy).all_lte(paid));
		});
	}
}

#[test]
fn future_of_a_claim_should_grow_with_its_committee_up_to_the_largest() {
	let future = <Lottery as OnClaim>::future_of_claim;
	for members in 1..64 {
		assert!(future(members + 1).all_gt(future(members)), "{members}");
	}
	assert_eq!(future(65), future(64));
}

#[test]
fn deadlines_should_be_block_numbers_when_the_agenda_is_late() {
	build_and_execute(|| {
		// Work that takes no time, so that all ballots end together.
		Parameters::mutate(|parameters| parameters.max_work_blocks = 0);
		let claims: Vec<_> = (0..6).map(|_| claim(8)).collect();
		for claim in &claims {
			to_commit(claim);
		}
		let ids: Vec<_> = claims.iter().map(|claim| claim.id).collect();
		let said: Vec<_> = ids
			.iter()
			.map(|id| opening(*id, livepeer_primitives::verdict::Verdict::Valid))
			.collect();
		for (id, said) in ids.iter().zip(&said) {
			commit(*id, 0, 0, said).unwrap();
		}
		let due = challenge(ids[0]).due;
		run_to(due - 1);
		AgendaWeight::set(Weight::from_parts(1, 1));
		run_to(due);
		// The agenda moved one ballot on; the time of all of them is over.
		for (id, said) in ids.iter().zip(&said) {
			let view = Lottery::challenge(*id).unwrap();
			assert_eq!(view.stage, livepeer_primitives::api::ChallengeStage::VerdictReveal);
			assert_eq!(view.deadline, due + 10);
			assert!(commit(*id, 0, 1, said).is_err(), "too late for a commit");
		}
		// A reveal is accepted at once and in the last block, but not later.
		reveal(ids[5], 0, 0, &said[5]).unwrap();
		let started = |event: &crate::Event<Test>| {
			matches!(event, crate::Event::VerdictRevealStarted { claim, until, .. }
				if *claim == ids[5] && *until == due + 10)
		};
		assert_eq!(events().iter().filter(|event| started(event)).count(), 1);
		run_to(due + 9);
		reveal(ids[0], 0, 0, &said[0]).unwrap();
		run_to(due + 10);
		assert!(reveal(ids[1], 0, 0, &said[1]).is_err(), "too late for a reveal");
	});
}

#[test]
fn reporter_should_not_be_paid_for_the_agendas_delay() {
	build_and_execute(|| {
		let claim = claim(8);
		to_draw(&claim);
		// The agenda does not run: block 50, in which it would end the claim, has passed.
		System::set_block_number(50);
		Lottery::report_missed(RuntimeOrigin::signed(account("X")), claim.id).unwrap();
		run_to(55);
		assert_eq!(SLASHED.get().len(), 1);
		assert_eq!(SLASHED.get()[0].3, vec![]);
	});
}
