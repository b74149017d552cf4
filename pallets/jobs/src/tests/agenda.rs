//! Blocks that cannot hold everything that is due.

use crate::{
	decision::MAX_DRAWS,
	mock::*,
	types::{Class, Phase},
	Agenda, Backlog, Event, Jobs as StoredJobs, WeightInfo,
};
use frame_support::{assert_ok, dispatch::GetDispatchInfo, traits::Hooks, weights::Weight};
use livepeer_primitives::{AccountId, BlockNumber, ETH_MINIMUM, UNIT};

/// The runtime's part of a block for jobs.
const PART: Weight = Weight::from_parts(450_000_000_000, u64::MAX);

/// Creates this many jobs of BEA, for almost no money, that end together.
fn junk(count: u32, end: BlockNumber) {
	for i in 0..count {
		let origin = RuntimeOrigin::signed(BEA);
		let name = name(&format!("junk{i}"));
		let least = ETH_MINIMUM;
		assert_ok!(Jobs::create_job(origin, None, name, ladder(), limits(), LOW_PRICE, end, least));
	}
}

#[test]
fn agenda_should_overflow_into_the_next_blocks() {
	build_and_execute(|| {
		Parameters::mutate(|p| p.max_open_claims = 1_024);
		register(&TIM, UNIT, PRICE, 1_000);
		AgendaWeight::set(little_weight());
		for i in 0..120 {
			assert_ok!(create_with(&BOB, &format!("cam{i}"), UNIT / 100));
		}
		skip(2);
		let drawn =
			|| StoredJobs::<Test>::iter_values().filter(|job| job.next_assignment > 0).count();
		let first = drawn();
		assert!(first > 0 && first < 120, "{first} of 120");
		assert_eq!(Backlog::<Test>::get(Class::Urgent), Some(3));
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
		stall(5);
		assert_eq!(Backlog::<Test>::get(Class::Urgent), Some(3));
		check();
		AgendaWeight::set(<()>::task_draw_nobody(0).saturating_mul(10));
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
fn one_step_should_be_taken_in_each_block_however_little_weight_there_is() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 10);
		let ids = 0..5u64;
		for i in ids.clone() {
			assert_ok!(create_with(&BOB, &format!("cam{i}"), UNIT));
		}
		AgendaWeight::set(Weight::zero());
		skip(1);
		for drawn in 1..=5 {
			skip(1);
			check();
			let offered = ids.clone().filter(|id| job(*id).next_assignment > 0).count();
			assert_eq!(offered, drawn);
		}
	});
}

#[test]
fn empty_block_should_cost_two_looks() {
	build_and_execute(|| {
		let before = snapshot();
		System::set_block_number(2);
		let used = Jobs::on_initialize(2);
		assert_eq!(used, <()>::agenda_block().saturating_mul(2));
		assert_eq!(snapshot(), before);
	});
}

#[test]
fn honest_job_should_be_drawn_and_handed_on_in_time_when_4000_jobs_end_together() {
	build_and_execute(|| {
		AgendaWeight::set(PART);
		let (start, end) = (now(), now() + 24);
		junk(4_000, end);
		run_to(end - 4);
		for who in [&TIM, &TOM] {
			register(who, UNIT, PRICE, 10);
		}
		let passed = create(&BOB, "passed");
		run_to(end - 2);
		assert!(matches!(job(passed).phase, Phase::Offered { assignment: 0, .. }), "drawn in time");
		let honest = create(&BOB, "honest");
		run_to(end);
		let left = || Agenda::<Test>::iter_key_prefix((Class::Lazy,)).count();
		assert!(left() > 3_000, "the closings wait");
		assert_eq!(job(honest).phase.current(), Some(0), "drawn two blocks after it was created");
		run_to(end + 2);
		assert_eq!(job(passed).phase.current(), Some(1), "handed on when its time was up");
		assert!(left() > 1_000, "the closings wait still");
		// They still end.
		let mut last = left();
		while StoredJobs::<Test>::iter_keys().count() > 2 {
			next_block();
			assert!(left() < last || last < 10);
			last = left();
			assert!(now() < start + 400);
		}
	});
}

/// The weight of the largest draw if it is its block's only one.
fn draw() -> Weight {
	<()>::read_candidates(257).saturating_add(<()>::task_draw(257))
}

/// The weight of closing an assignment.
fn closing() -> Weight {
	<()>::task_close_assignment().saturating_mul(2)
}

/// The weight of handing a job on, without its call.
fn handing_on() -> Weight {
	<()>::read_candidates(257).saturating_add(<()>::task_hand_on()).saturating_add(closing())
}

#[test]
fn ending_an_assignment_should_pay_for_what_comes_of_it() {
	build_and_execute(|| {
		for who in [&TIM, &TOM] {
			register(who, UNIT, PRICE, 10);
		}
		let used = |result: frame_support::dispatch::DispatchResultWithPostInfo| {
			result.unwrap().actual_weight.unwrap()
		};
		let end = |who: &AccountId, id| Jobs::end_job(RuntimeOrigin::signed(who.clone()), id);
		let (first, second, third) = (create(&BOB, "1"), create(&BOB, "2"), create(&BOB, "3"));
		skip(2);
		let (who, _) = accept(first);
		accept(second);
		accept(third);
		// The next on the list has it at once, so there is one more assignment to close.
		let bob = RuntimeOrigin::signed(BOB);
		let next = |id, index| Jobs::next_transcoder(bob.clone(), id, index);
		let expected = <()>::end_idle().saturating_add(handing_on());
		assert_eq!(used(next(second, 0)), expected);
		let expected = <()>::end_job().saturating_add(handing_on());
		assert_eq!(used(end(&who, first)), expected);
		// If nobody is left, it is drawn anew.
		accept(second);
		let expected = <()>::end_idle().saturating_add(handing_on()).saturating_add(draw());
		assert_eq!(used(next(second, 1)), expected);
		let call = crate::Call::<Test>::next_transcoder { job: second, assignment: 1 };
		assert_eq!(call.get_dispatch_info().call_weight, expected);
		let (who, _) = accept(first);
		let expected = <()>::end_job().saturating_add(handing_on()).saturating_add(draw());
		assert_eq!(used(end(&who, first)), expected);
		let call = crate::Call::<Test>::end_job { job: first };
		assert_eq!(call.get_dispatch_info().call_weight, expected);
		// The end of a job was paid for at its creation.
		assert_eq!(used(end(&BOB, third)), <()>::end_job());
		let call = crate::Call::<Test>::end_idle { job: first, assignment: 0 };
		let expected = <()>::end_idle().saturating_add(draw()).saturating_add(closing());
		assert_eq!(call.get_dispatch_info().call_weight, expected);
	});
}

#[test]
fn work_that_a_job_causes_should_be_paid_when_it_is_created() {
	let call = crate::Call::<Test>::create_job {
		broadcaster: None,
		name: name("cam"),
		ladder: ladder(),
		limits: limits(),
		max_price: PRICE,
		end: 100,
		budget: UNIT,
	};
	let paid = call.get_dispatch_info().call_weight;
	let caused = <()>::create_job()
		.saturating_add(draw())
		.saturating_add(<()>::task_expire())
		.saturating_add(closing());
	assert_eq!(paid, caused);
	// No block can therefore create more first draws than the agendas of a few blocks take.
	let block = Weight::from_parts(1_500_000_000_000, u64::MAX);
	let jobs = block.ref_time() / paid.ref_time();
	assert!(<()>::task_draw(257).saturating_mul(jobs).all_lte(block));
}

#[test]
fn top_up_should_pay_for_the_draw_that_it_brings_forward() {
	build_and_execute(|| {
		let id = create(&BOB, "cam");
		let used = |id| {
			let bob = RuntimeOrigin::signed(BOB);
			Jobs::top_up(bob, id, 1).unwrap().actual_weight.unwrap()
		};
		assert_eq!(used(id), <()>::top_up());
		skip(2);
		assert_eq!(used(id), <()>::top_up().saturating_add(draw()));
	});
}

/// Registers `count` transcoders that ask for more than jobs pay.
fn register_dear(count: u8) {
	for i in 0..count {
		register(&AccountId::new([[i, 1]; 16].concat().try_into().unwrap()), UNIT, PRICE + 1, 10);
	}
}

/// Creates this many jobs and returns the weight of the block in which they are drawn.
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
			.saturating_mul(2)
			.saturating_add(<()>::read_candidates(200))
			.saturating_add(<()>::task_draw_nobody(200).saturating_mul(20));
		assert_eq!(used, expected);
		let (draw, nobody) = (<()>::task_draw(200), <()>::task_draw_nobody(200));
		assert!(draw.ref_time() > 5 * nobody.ref_time(), "{draw} {nobody}");
	});
}

#[test]
fn draws_should_be_charged_for_those_who_suit() {
	build_and_execute(|| {
		register_dear(199);
		register(&TIM, UNIT, PRICE, 1);
		let used = weigh_draws(1);
		let others = <()>::task_draw_nobody(200).saturating_sub(<()>::task_draw_nobody(1));
		let expected = <()>::agenda_block()
			.saturating_mul(2)
			.saturating_add(<()>::read_candidates(200))
			.saturating_add(<()>::task_draw(1))
			.saturating_add(others);
		assert_eq!(used, expected);
	});
}

/// Jobs that suit only one transcoder, which has no capacity: each is drawn again and again,
/// lazily, and paid for one draw.
#[test]
fn attack_jobs_that_suit_a_busy_transcoder_alone_should_not_fill_the_lazy_queue() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 1);
		let id = create(&BEA, "own");
		skip(2);
		assert_eq!(accept(id).0, TIM);
		register_dear(200);
		let jobs = 20u64;
		for i in 0..jobs {
			assert_ok!(create_with(&BOB, &format!("cam{i}"), UNIT / 100));
		}
		// They found nobody once, so from now on they are drawn lazily.
		skip(5);
		System::reset_events();
		System::set_block_number(now() + 1);
		let used = Jobs::on_initialize(now());
		let in_vain = |event: &Event<Test>| matches!(event, Event::NobodyEligible { .. });
		assert_eq!(events().iter().filter(|event| in_vain(event)).count(), jobs as usize);
		let each = used.saturating_sub(<()>::read_candidates(201)) / jobs;
		// The weight of all its draws is no more than the one for which it has paid.
		let all = each.saturating_mul(MAX_DRAWS.into());
		assert!(all.all_lte(draw()), "{all} for {}", draw());
	});
}

#[test]
fn weight_of_a_block_should_grow_in_proportion_to_its_tasks() {
	// Candidates are read once, and each task is read once, however many there are.
	let weight = |jobs: u32| {
		let mut weight = Weight::zero();
		build_and_execute(|| {
			register_dear(10);
			weight = weigh_draws(jobs);
			assert_eq!(DirectoryReads::get(), 1);
		});
		weight
	};
	let (none, some, many) = (weight(1), weight(101), weight(201));
	assert_eq!(many.saturating_sub(some), some.saturating_sub(none));
}

#[test]
fn jobs_that_nobody_takes_should_be_looked_at_ever_more_seldom() {
	build_and_execute(|| {
		let count = 50;
		junk(count, now() + 2_500);
		let (mut draws, mut weights) = (Vec::new(), Vec::new());
		for _ in 0..2_400 {
			System::reset_events();
			System::set_block_number(now() + 1);
			weights.push(Jobs::on_initialize(now()));
			let found_nobody = |event: &Event<Test>| matches!(event, Event::NobodyEligible { .. });
			draws.push(events().iter().filter(|event| found_nobody(event)).count());
		}
		// 2 + 4 + … + 1,024 blocks are over after 2,046, and then each waits for 1,024 more.
		let total: usize = draws.iter().sum();
		assert_eq!(total, 10 * count as usize, "ten draws of each in 2,400 blocks");
		assert!(draws[1_200..2_000].iter().all(|draws| *draws == 0));
		// Their average weight per block is almost nothing of a block's part for jobs, even if
		// there were thousands of them.
		let sum = weights.iter().fold(Weight::zero(), |sum, weight| sum.saturating_add(*weight));
		let looks = <()>::agenda_block().saturating_mul(2 * 2_400);
		let of_thousands = sum.saturating_sub(looks) / 2_400 * (4_000 / u64::from(count));
		assert!(of_thousands.ref_time() < PART.ref_time() / 20, "{of_thousands}");
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
#[should_panic(expected = "the agenda has weight for its steps")]
fn integrity_should_fail_when_the_agenda_has_no_weight() {
	new_test_ext().execute_with(|| {
		AgendaWeight::set(<()>::agenda_block());
		<Jobs as Hooks<u32>>::integrity_test();
	});
}
