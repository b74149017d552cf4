//! What happens when there is more to do than a block can hold.

use crate::{mock::*, types::Phase, Agenda, Backlog, Jobs as StoredJobs, WeightInfo};
use frame_support::{assert_ok, traits::Hooks, weights::Weight};
use livepeer_primitives::{AccountId, UNIT};

#[test]
fn agenda_should_overflow_into_the_next_blocks() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 1_000);
		AgendaWeight::set(least_weight());
		for i in 0..120 {
			assert_ok!(create_with(&BOB, &format!("cam{i}"), UNIT / 100));
		}
		skip(2);
		let drawn =
			|| StoredJobs::<Test>::iter_values().filter(|job| job.next_assignment > 0).count();
		let first = drawn();
		assert!(first > 0 && first < 120, "{first} of 120");
		assert_eq!(Backlog::<Test>::get(), Some(3));
		check();
		while drawn() < 120 {
			let before = drawn();
			next_block();
			check();
			assert!(drawn() > before);
		}
	});
}

#[test]
fn backlog_should_be_worked_off_oldest_first() {
	build_and_execute(|| {
		for i in 0..120 {
			assert_ok!(create_with(&BOB, &format!("cam{i}"), UNIT / 100));
		}
		skip(1);
		let late = create(&BEA, "late");
		AgendaWeight::set(Weight::zero());
		skip(5);
		assert_eq!(Backlog::<Test>::get(), Some(3));
		check();
		AgendaWeight::set(least_weight());
		let looked_at = |id| matches!(job(id).phase, Phase::Waiting { retries: 1.., .. });
		let mut blocks = 0;
		while !looked_at(late) {
			skip(1);
			check();
			blocks += 1;
			assert!(!looked_at(late) || (0..120).all(looked_at));
		}
		assert!(blocks > 1);
	});
}

#[test]
fn empty_block_should_cost_one_look() {
	build_and_execute(|| {
		let before = snapshot();
		System::set_block_number(2);
		let used = Jobs::on_initialize(2);
		assert_eq!(used, <() as crate::WeightInfo>::agenda_block());
		assert_eq!(snapshot(), before);
	});
}

/// Registers `count` transcoders that ask more than jobs pay.
fn register_dear(count: u8) {
	for i in 0..count {
		register(&AccountId::new([[i, 1]; 16].concat().try_into().unwrap()), UNIT, PRICE + 1, 10);
	}
}

/// Creates so many jobs and returns what the block in which they are drawn weighs.
fn weigh_draws(jobs: u32) -> Weight {
	for i in 0..jobs {
		assert_ok!(create_with(&BOB, &format!("cam{i}"), UNIT / 100));
	}
	skip(1);
	System::set_block_number(3);
	Jobs::on_initialize(3)
}

#[test]
fn draws_should_cost_little_when_no_price_suits() {
	build_and_execute(|| {
		register_dear(200);
		let used = weigh_draws(20);
		let expected = <()>::agenda_block()
			.saturating_add(<()>::read_candidates(200))
			.saturating_add(<()>::task_draw_nobody(200).saturating_mul(20));
		assert_eq!(used, expected);
		assert!(<()>::task_draw(200).all_gt(<()>::task_draw_nobody(200).saturating_mul(5)));
	});
}

#[test]
fn draws_should_be_charged_for_everybody_when_one_price_suits() {
	build_and_execute(|| {
		register_dear(199);
		register(&TIM, UNIT, PRICE, 1);
		let used = weigh_draws(1);
		let expected = <()>::agenda_block()
			.saturating_add(<()>::read_candidates(200))
			.saturating_add(<()>::task_draw(200));
		assert_eq!(used, expected);
	});
}

#[test]
fn jobs_that_nobody_takes_should_leave_room_when_they_are_many() {
	// As many as would fill the agenda if each were drawn every 64 blocks at everybody's price.
	let a_draw = <() as crate::WeightInfo>::task_draw_nobody(257);
	let of_a_block = a_draw.saturating_mul(4_200 / u64::from(crate::decide::MAX_RETRY_DELAY) + 1);
	// The runtime's part of a block for jobs.
	let agenda = Weight::from_parts(150_000_000_000, u64::MAX);
	assert!(of_a_block.all_lte(agenda / 50), "{of_a_block}");
}

#[test]
fn job_should_stand_on_the_agenda_once_whatever_happens_to_it() {
	build_and_execute(|| {
		let id = running();
		for _ in 0..5 {
			assert_ok!(Jobs::top_up(RuntimeOrigin::signed(BOB), id, 1));
			skip(1);
		}
		let tasks = Agenda::<Test>::iter().count();
		assert_eq!(tasks, 2, "the job's expiry and the transcoder's check");
	});
}

#[test]
#[should_panic(expected = "every task fits into a block")]
fn integrity_should_fail_when_a_task_does_not_fit() {
	new_test_ext().execute_with(|| {
		AgendaWeight::set(least_weight().saturating_sub(Weight::from_parts(1, 0)));
		<Jobs as Hooks<u32>>::integrity_test();
	});
}
