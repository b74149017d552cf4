//! What happens when there is more to do than a block can hold.

use crate::{mock::*, types::Phase, Agenda, Backlog, Jobs as StoredJobs};
use frame_support::{assert_ok, traits::Hooks, weights::Weight};
use livepeer_primitives::UNIT;

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
