//! The draw and the offer.

use std::collections::BTreeSet;

use crate::{decision, mock::*, types::Phase, Event, PriorityLists};
use frame_support::assert_ok;
use livepeer_primitives::{work, AccountId, Hash, UNIT};
use sp_runtime::Perbill;

#[test]
fn job_should_be_drawn_two_blocks_after_creation() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 1);
		let id = create(&BOB, "cam");
		skip(1);
		assert_eq!(job(id).phase, Phase::Waiting { draw_at: 3, retries: 0 });
		skip(1);
		assert_eq!(job(id).phase, Phase::Offered { assignment: 0, until: 6, retries: 0 });
		let target = work::fee(job(id).max_leaf_work * 64, PRICE);
		assert_eq!(
			last_event(),
			Event::Offered {
				job: id,
				assignment: 0,
				transcoder: TIM,
				price: PRICE,
				allowance: target,
				until: 6,
			}
		);
		assert_eq!(job(id).unreserved, BUDGET - target);
	});
}

#[test]
fn list_should_follow_from_accumulator_job_and_stakes() {
	build_and_execute(|| {
		for (who, stake) in [(&TIM, 1), (&TOM, 2), (&TAT, 3)] {
			register(who, stake * UNIT, PRICE, 10);
		}
		let ids: Vec<_> = (0..4).map(|i| create(&BOB, &format!("cam{i}"))).collect();
		skip(2);
		let directory = Directory::get();
		let all: Vec<_> = directory.values().cloned().collect();
		for id in ids {
			let expected = decision::draw_list(Accumulator::get(), id, &all, |_| true, 4);
			assert_eq!(expected.len(), 3);
			assert_eq!(current(id).0, expected[0]);
			assert_eq!(PriorityLists::<Test>::get(id).into_inner(), expected[1..]);
		}
	});
}

#[test]
fn list_should_depend_on_the_accumulator_of_the_draws_block_only() {
	// The job's creator cannot know it: it includes the VRF of the following block.
	let drawn = |created: u8, at_draw: u8| {
		let mut drawn = Vec::new();
		build_and_execute(|| {
			for who in [&TIM, &TOM, &TAT] {
				register(who, UNIT, PRICE, 10);
			}
			Accumulator::set(Hash::repeat_byte(created));
			let id = create(&BOB, "cam");
			skip(1);
			System::set_block_number(3);
			Accumulator::set(Hash::repeat_byte(at_draw));
			<Jobs as frame_support::traits::OnInitialize<u32>>::on_initialize(3);
			drawn.push(current(id).0);
			drawn.extend(PriorityLists::<Test>::get(id));
		});
		drawn
	};
	assert_eq!(drawn(1, 7), drawn(2, 7));
	let different: BTreeSet<Vec<AccountId>> = (0..20).map(|seed| drawn(1, seed)).collect();
	assert!(different.len() > 3);
}

#[test]
fn list_should_be_no_longer_than_the_parameter() {
	build_and_execute(|| {
		for i in 0..40u8 {
			register(&AccountId::new([i; 32]), UNIT, PRICE, 1);
		}
		Parameters::mutate(|p| p.priority_list = 16);
		let id = create(&BOB, "cam");
		skip(2);
		assert_eq!(PriorityLists::<Test>::get(id).len(), 15);
	});
}

#[test]
fn terms_should_be_those_of_the_offer() {
	build_and_execute(|| {
		let id = running();
		register(&TIM, UNIT, PRICE * 5, 10);
		Directory::mutate(|all| {
			if let Some(tim) = all.get_mut(&TIM) {
				tim.fee_share = Perbill::one();
			}
		});
		assert_ok!(claim(&TIM, id, 0, 0, 0));
		assert_eq!(crate::OpenClaims::<Test>::get(0).unwrap().info.fee, PRICE);
		assert_eq!(assignment(id, 0).fee_share, Perbill::from_percent(40));
	});
}

#[test]
fn job_should_not_go_to_whoever_is_too_expensive_full_absent_or_jailed() {
	build_and_execute(|| {
		let [dear, full, absent, jailed, idle, fit] = [1, 2, 3, 4, 5, 6].map(|i| {
			let who = AccountId::new([i; 32]);
			register(&who, if i == 6 { 1 } else { 1_000_000 * UNIT }, PRICE, 1);
			who
		});
		register(&dear, 1_000_000 * UNIT, PRICE + 1, 1);
		register(&idle, 1_000_000 * UNIT, PRICE, 0);
		Absent::set(vec![absent]);
		Jailed::set(vec![jailed]);
		// `full` takes one job first.
		let others = Directory::take();
		Directory::mutate(|all| all.insert(full.clone(), others[&full].clone()));
		let first = create(&BOB, "first");
		skip(2);
		assert_eq!(current(first).0, full);
		accept(first);
		Directory::set(others);
		let id = create(&BOB, "cam");
		skip(2);
		assert_eq!(current(id).0, fit);
		assert!(PriorityLists::<Test>::get(id).is_empty());
	});
}

#[test]
fn capacity_should_bound_the_jobs_of_one_block() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 2);
		let ids: Vec<_> = (0..4).map(|i| create(&BOB, &format!("cam{i}"))).collect();
		skip(2);
		let offered = ids.iter().filter(|id| job(**id).phase.current().is_some()).count();
		assert_eq!(offered, 2);
		assert_eq!(crate::Loads::<Test>::get(TIM).unwrap().assignments, 2);
	});
}

#[test]
fn candidates_should_be_read_once_per_block_and_only_when_needed() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 50);
		for i in 0..4 {
			create(&BOB, &format!("cam{i}"));
		}
		skip(2);
		assert_eq!(DirectoryReads::get(), 1);
		(0..4).for_each(|id| {
			accept(id);
		});
		skip(30);
		assert_eq!(DirectoryReads::get(), 1);
	});
}

#[test]
fn draw_should_be_repeated_with_backoff_when_nobody_is_eligible() {
	build_and_execute(|| {
		let id = create(&BOB, "cam");
		let mut draws = Vec::new();
		while now() < 1 + LENGTH {
			next_block();
			for event in events() {
				if let Event::NobodyEligible { next_draw, .. } = event {
					draws.push((now(), next_draw));
				}
			}
		}
		let waits: Vec<_> = draws.iter().map(|(at, next)| next - at).collect();
		assert_eq!(waits, [4, 8, 16, 32, 64, 128, 256]);
		assert_eq!(draws[0].0, 3);
		assert!(!crate::Jobs::<Test>::contains_key(id), "it expires all the same");
		assert_eq!(free(&BOB), PURSE);
	});
}

#[test]
fn job_should_be_offered_when_somebody_turns_up_later() {
	build_and_execute(|| {
		let id = create(&BOB, "cam");
		skip(5);
		register(&TIM, UNIT, PRICE, 1);
		skip(4);
		assert_eq!(current(id), (TIM, 0));
	});
}

#[test]
fn top_up_should_bring_the_next_draw_forward() {
	build_and_execute(|| {
		let id = create(&BOB, "cam");
		run_to(70);
		let Phase::Waiting { draw_at, .. } = job(id).phase else { panic!("waits") };
		assert!(draw_at > 80);
		assert_ok!(Jobs::top_up(RuntimeOrigin::signed(BOB), id, 1));
		check();
		register(&TIM, UNIT, PRICE, 1);
		skip(2);
		assert_eq!(current(id), (TIM, 0));
	});
}

#[test]
fn waits_should_begin_anew_when_a_job_is_topped_up() {
	build_and_execute(|| {
		let id = create(&BOB, "cam");
		run_to(70);
		assert_ok!(Jobs::top_up(RuntimeOrigin::signed(BOB), id, 1));
		assert_eq!(job(id).phase, Phase::Waiting { draw_at: 72, retries: 0 });
		// A second one cannot bring the draw forward.
		skip(1);
		assert_ok!(Jobs::top_up(RuntimeOrigin::signed(BOB), id, 1));
		skip(1);
		assert_eq!(job(id).phase, Phase::Waiting { draw_at: 76, retries: 1 });
	});
}

#[test]
fn top_up_should_not_bring_the_first_draw_forward() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 1);
		let id = create(&BOB, "cam");
		assert_ok!(Jobs::top_up(RuntimeOrigin::signed(BOB), id, 1));
		skip(1);
		assert_eq!(job(id).phase.current(), None);
	});
}

#[test]
fn job_should_only_go_to_whom_it_can_pay() {
	build_and_execute(|| {
		// The budget pays for one segment at TIM's price, not at TOM's.
		register(&TIM, 1, PRICE / 2, 1);
		register(&TOM, 1_000_000 * UNIT, PRICE, 1);
		let id = create(&BOB, "cam");
		crate::Jobs::<Test>::mutate(id, |job| {
			let job = job.as_mut().unwrap();
			let rest = work::fee(job.max_leaf_work, PRICE) - 1;
			let excess = std::mem::replace(&mut job.unreserved, rest) - rest;
			Jobs::release(crate::HoldReason::Budget, &BOB, excess).unwrap();
		});
		skip(2);
		assert_eq!(current(id), (TIM, 0));
		assert_eq!(job(id).unreserved, 0);
	});
}
