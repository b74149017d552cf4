//! Which transcoders are offered a job, and jobs that suit nobody.

use crate::{
	decision::{MAX_DRAWS, WALK_INTERVAL, WALK_JOBS},
	mock::*,
	types::{Class, EndReason, Phase, Unsuited},
	Error, Event, Exposed, Lapses, Waiting,
};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{
	keys::Purpose,
	traits::{OnAvailable, OnTranscoderLost, Settlement},
	AccountId, Balance, JobId, UNIT,
};

fn why(id: JobId) -> Option<Unsuited> {
	events().into_iter().rev().find_map(|event| match event {
		Event::NobodySuits { job, why } if job == id => Some(why),
		_ => None,
	})
}

fn back(who: &AccountId) {
	<Jobs as OnAvailable>::on_available(who);
}

/// Continues until the job is drawn again; returns the number of blocks.
fn until_drawn(id: JobId) -> u32 {
	let before = job(id).phase.retries();
	for blocks in 1..3_000 {
		next_block();
		if crate::Jobs::<Test>::get(id).is_none_or(|job| job.phase.retries() != before) {
			return blocks;
		}
	}
	panic!("never drawn again");
}

#[test]
fn job_that_nobody_suits_should_say_why() {
	build_and_execute(|| {
		let id = create(&BOB, "cam");
		skip(2);
		assert_eq!(why(id), Some(Unsuited::Nobody));
		register(&TIM, UNIT, PRICE + 1, 10);
		until_drawn(id);
		assert_eq!(why(id), Some(Unsuited::Price));
		register(&TOM, UNIT, PRICE, 0);
		Directory::mutate(|all| all.get_mut(&TOM).unwrap().capacity = 1);
		until_drawn(id);
		// A transcoder that asks too much comes nearer than one that could not do the work.
		assert_eq!(why(id), Some(Unsuited::Price));
		OwnBond::set(0);
		register(&TIM, UNIT, PRICE, 10);
		until_drawn(id);
		assert_eq!(why(id), Some(Unsuited::Busy));
		register(&TIM, UNIT, PRICE, 10);
		Directory::mutate(|all| all.get_mut(&TIM).unwrap().profiles = Default::default());
		until_drawn(id);
		assert_eq!(why(id), Some(Unsuited::Capacity));
	});
}

#[test]
fn job_should_wait_while_fewer_could_judge_it_than_a_committee_has() {
	build_and_execute(|| {
		LeastJudges::set(3);
		let judges: Vec<_> = (0..3).map(|i| AccountId::new([0xa0 + i; 32])).collect();
		register(&TIM, UNIT, PRICE, 10);
		// One of them, the broadcaster, the jailed ones and the transcoder itself do not judge.
		for (seated, jailed) in [
			(vec![judges[0].clone(), judges[1].clone()], vec![]),
			(vec![judges[0].clone(), judges[1].clone(), BOB], vec![]),
			(judges.clone(), vec![judges[2].clone()]),
			(vec![judges[0].clone(), judges[1].clone(), TIM], vec![]),
		] {
			seat(&seated, &jailed);
			let id = create(&BOB, "cam");
			skip(2);
			assert_eq!(why(id), Some(Unsuited::Judges));
			assert!(job(id).phase.current().is_none());
			assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		}
		// It continues as soon as there are enough of them.
		let id = create(&BOB, "cam");
		skip(2);
		assert_eq!(why(id), Some(Unsuited::Judges));
		seat(&judges, &[]);
		while job(id).phase.current().is_none() {
			skip(1);
		}
		assert_eq!(current(id), (TIM, 0));
	});
}

#[test]
fn transcoder_without_enough_judges_should_be_passed_over_and_not_the_job() {
	build_and_execute(|| {
		LeastJudges::set(2);
		let judge = AccountId::new([0xa0; 32]);
		seat(&[judge, TIM], &[]);
		register(&TIM, 1_000_000 * UNIT, PRICE, 10);
		register(&TOM, UNIT, PRICE, 10);
		let id = create(&BOB, "cam");
		skip(2);
		// A transcoder that validates leaves one judge less for its own claims.
		assert_eq!(current(id), (TOM, 0));
	});
}

#[test]
fn jobs_should_be_offered_where_no_judges_are_asked_for_or_no_seed_is_stored() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 10);
		seat(&[], &[]);
		let first = create(&BOB, "cam");
		skip(2);
		assert_eq!(current(first), (TIM, 0));
		LeastJudges::set(3);
		Seated::set(None);
		let second = create(&BOB, "other");
		skip(2);
		assert_eq!(current(second), (TIM, 0));
	});
}

#[test]
fn job_that_nobody_suits_should_end_in_the_end() {
	build_and_execute(|| {
		let id = create(&BOB, "cam");
		let end = now() + 40_000;
		crate::Jobs::<Test>::mutate(id, |job| job.as_mut().unwrap().end = end);
		skip(1);
		for retries in 1..MAX_DRAWS {
			until_drawn(id);
			assert_eq!(job(id).phase.retries(), retries);
			assert!(Waiting::<Test>::contains_key(id));
		}
		until_drawn(id);
		let ended = Event::JobEnded { job: id, reason: EndReason::NobodySuits };
		assert!(events().contains(&ended));
		assert!(!crate::Jobs::<Test>::contains_key(id), "nothing of it is left");
		assert_eq!(free(&BOB), PURSE);
	});
}

#[test]
fn waiting_job_should_be_drawn_at_once_when_somebody_announces_more() {
	build_and_execute(|| {
		let id = create(&BOB, "cam");
		// By now it waits for 64 blocks.
		while job(id).phase.retries() < 5 {
			skip(1);
		}
		register(&TIM, UNIT, PRICE, 10);
		let before = now();
		back(&TIM);
		skip(2);
		assert_eq!(current(id), (TIM, 0));
		assert_eq!(now(), before + 2);
		assert!(!Waiting::<Test>::contains_key(id));
	});
}

#[test]
fn attack_announcing_on_and_on_should_not_have_the_chain_look_on_and_on() {
	build_and_execute(|| {
		let ids: Vec<_> = (0..3).map(|i| create(&BOB, &format!("cam{i}"))).collect();
		while ids.iter().any(|id| job(*id).phase.retries() < 5) {
			skip(1);
		}
		let before: Vec<_> = ids.iter().map(|id| job(*id).phase.retries()).collect();
		let mut drawn = 0;
		for _ in 0..2 * WALK_INTERVAL {
			back(&TIM);
			back(&TOM);
			skip(1);
			drawn += events().iter().filter(|e| matches!(e, Event::NobodySuits { .. })).count();
			check();
		}
		// Two walks, or at most three, whoever announced it how often.
		assert!((3..=9).contains(&drawn) && drawn % 3 == 0, "{drawn} draws");
		// Earlier draws for nothing stay counted, and those of a walk do not count: nobody can end
		// others' jobs this way.
		for _ in 0..20 * WALK_INTERVAL {
			back(&TIM);
			skip(1);
		}
		for (id, before) in ids.iter().zip(before) {
			let draws = job(*id).phase.retries();
			assert!(draws == before || draws + 1 == before, "{draws} of {before}");
		}
	});
}

#[test]
fn attack_many_waiting_jobs_should_be_drawn_few_at_a_time_whoever_announces_how_often() {
	build_and_execute(|| {
		let ids: Vec<JobId> = (0..3 * JobId::from(WALK_JOBS)).collect();
		for id in &ids {
			assert_ok!(create_with(&BOB, &format!("cam{id}"), UNIT / 100));
		}
		// None of them is due for a draw of its own for a long time.
		while ids.iter().any(|id| job(*id).phase.retries() < 7) {
			skip(1);
		}
		let mut drawn: Vec<Vec<JobId>> = Vec::new();
		for _ in 0..8 * WALK_INTERVAL {
			back(&TIM);
			skip(1);
			let in_vain = |event: Event<Test>| match event {
				Event::NobodySuits { job, .. } => Some(job),
				_ => None,
			};
			drawn.push(events().into_iter().filter_map(in_vain).collect());
			check();
		}
		let windows = drawn.windows(WALK_INTERVAL as usize);
		let most = windows.map(|blocks| blocks.iter().map(Vec::len).sum::<usize>()).max();
		assert_eq!(most, Some(WALK_JOBS as usize), "a hundred times as many would be no more");
		// Each in its turn.
		for id in &ids {
			let times = drawn.iter().flatten().filter(|drawn| *drawn == id).count();
			assert!((2..=3).contains(&times), "job {id} was drawn {times} times");
			assert_eq!(job(*id).phase.retries(), 7, "and none of it counts");
		}
		// When the last walk is over, the agenda holds nothing for one.
		skip(4 * WALK_INTERVAL);
		assert!(crate::NextWalk::<Test>::get().is_some_and(|walk| !walk.is_going));
	});
}

#[test]
fn who_announces_during_a_walk_should_be_looked_for_by_the_next() {
	build_and_execute(|| {
		let ids: Vec<JobId> = (0..2 * JobId::from(WALK_JOBS)).collect();
		for id in &ids {
			assert_ok!(create_with(&BOB, &format!("cam{id}"), UNIT / 100));
		}
		while ids.iter().any(|id| job(*id).phase.retries() < 7) {
			skip(1);
		}
		back(&TIM);
		skip(2);
		// Half of them were looked at when there was nobody.
		register(&TOM, UNIT, PRICE, 100);
		Parameters::mutate(|p| {
			p.lapses = 100;
			p.max_open_claims = 1_024;
		});
		back(&TOM);
		skip(4 * WALK_INTERVAL);
		assert!(ids.iter().all(|id| job(*id).next_assignment > 0), "each was offered");
	});
}

#[test]
fn walk_over_waiting_jobs_should_go_on_where_weight_did_not_suffice() {
	build_and_execute(|| {
		let ids: Vec<JobId> = (0..20).collect();
		for id in &ids {
			assert_ok!(create_with(&BOB, &format!("cam{id}"), BUDGET / 20));
		}
		while ids.iter().any(|id| job(*id).phase.retries() < 5) {
			skip(1);
		}
		register(&TIM, UNIT, PRICE, 100);
		AgendaWeight::set(little_weight());
		back(&TIM);
		let mut drawn = std::collections::BTreeSet::new();
		for block in 0..70 {
			if block == 60 {
				AgendaWeight::take();
			}
			skip(1);
			drawn.extend(events().into_iter().filter_map(|event| match event {
				Event::Offered { job, .. } | Event::NobodySuits { job, .. } => Some(job),
				_ => None,
			}));
		}
		assert_eq!(drawn.into_iter().collect::<Vec<_>>(), ids);
	});
}

#[test]
fn who_loses_a_job_should_not_be_chosen_again_at_once() {
	build_and_execute(|| {
		let id = running();
		register(&TOM, 1, PRICE, 10);
		Absent::set(vec![TIM]);
		while job(id).phase.current() == Some(0) {
			skip(1);
		}
		Absent::set(vec![]);
		// TIM has almost all of the stake, and is already back.
		skip(2);
		assert_eq!(current(id), (TOM, 1));
	});
}

#[test]
fn who_loses_a_job_should_be_chosen_again_where_nobody_else_is() {
	build_and_execute(|| {
		let id = running();
		Absent::set(vec![TIM]);
		while job(id).phase.current() == Some(0) {
			skip(1);
		}
		Absent::set(vec![]);
		skip(2);
		assert_eq!(current(id), (TIM, 1));
	});
}

#[test]
fn attack_transcoder_that_lets_offers_pass_should_be_suspended_for_a_round() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 100);
		let id = create(&BOB, "cam");
		let mut offers = 0;
		let suspended = Event::Suspended { transcoder: TIM, until: Round::get() + 2 };
		for _ in 0..300 {
			next_block();
			let events = events();
			offers += events.iter().filter(|e| matches!(e, Event::Offered { .. })).count();
			if events.contains(&suspended) {
				break;
			}
		}
		assert_eq!(offers, 3);
		let other = create(&BEA, "cam");
		skip(40);
		assert_eq!((job(id).phase.current(), job(other).phase.current()), (None, None));
		// The rest of this round and the next one.
		Round::mutate(|round| *round += 1);
		back(&TIM);
		skip(20);
		assert_eq!(job(other).phase.current(), None);
		Round::mutate(|round| *round += 1);
		back(&TIM);
		for _ in 0..WALK_INTERVAL + 2 {
			if job(other).phase.current().is_some() {
				break;
			}
			skip(1);
		}
		accept(other);
		assert!(!Lapses::<Test>::contains_key(TIM), "who accepts begins anew");
	});
}

#[test]
fn attack_keys_that_change_under_the_offer_should_suspend_nobody() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 100);
		for n in 0..4 {
			let id = create(&BOB, &format!("cam{n}"));
			skip(2);
			assert_eq!(current(id).0, TIM);
			// Its acceptance names the keys that were current when it was made, and fails.
			Generations::mutate(|all| all.insert((BOB, Purpose::Segments), n + 1));
			skip(4);
			assert_eq!(job(id).phase.current(), None);
			assert_eq!(job(id).lost_by, None);
			assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		}
		assert_eq!(Noted::get().len(), 4);
		assert!(!Lapses::<Test>::contains_key(TIM));
	});
}

/// A broadcaster changes its keys every few blocks, so that each offer of each of its jobs lapses:
/// all in the urgent queue, and one after the other to everybody on the list, for the fee of one
/// draw.
#[test]
fn attack_keys_that_change_under_the_offer_should_have_it_handed_on_to_nobody() {
	build_and_execute(|| {
		for who in [&TIM, &TOM, &TAT] {
			register(who, UNIT, PRICE, 10);
		}
		let id = create(&BOB, "cam");
		skip(2);
		assert_eq!(job(id).phase.current(), Some(0));
		Generations::mutate(|all| all.insert((BOB, Purpose::Segments), 1));
		skip(4);
		// It waits, behind everybody else's.
		assert_eq!(job(id).phase, Phase::Waiting { draw_at: now() + 4, retries: 1 });
		assert_eq!(job(id).wake.map(|wake| wake.class), Some(Class::Lazy));
		assert!(!crate::PriorityLists::<Test>::contains_key(id));
		skip(4);
		assert_eq!(accept(id).1, 1, "by keys that stay it is accepted");
	});
}

#[test]
fn attack_accepting_and_vanishing_should_end_nobodys_job() {
	build_and_execute(|| {
		let id = running();
		let lose = || {
			jail(&TIM);
			skip(1);
			Jailed::take();
		};
		// As after that many acceptances that came to nothing: it waits long, but for no draw for
		// nothing.
		crate::Jobs::<Test>::mutate(id, |job| {
			if let Some(job) = job {
				job.fruitless = MAX_DRAWS + 5;
			}
		});
		lose();
		assert_eq!(job(id).phase.retries(), MAX_DRAWS + 4);
		assert_eq!(job(id).draws_in_vain(), 0);
		back(&TIM);
		skip(2);
		assert_eq!(accept(id), (TIM, 1));
		// A paid fee removes those acceptances, even while it waits.
		assert_ok!(claim(&TIM, id, 1, 0, 9));
		lose();
		assert!(job(id).phase.retries() > MAX_DRAWS);
		assert_ok!(settle(0, Settlement::Pay));
		assert_eq!((job(id).fruitless, job(id).phase.retries()), (0, 1));
		check();
	});
}

#[test]
fn lapses_should_go_with_who_resigns() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 100);
		create(&BOB, "cam");
		skip(7);
		assert!(Lapses::<Test>::contains_key(TIM));
		<Jobs as OnTranscoderLost>::on_transcoder_lost(&TIM);
		assert!(!Lapses::<Test>::contains_key(TIM));
	});
}

/// A transcoder that lets offers pass resigns and registers again, in the hope of a seat, jobs and
/// rewards a round before its suspension ends.
#[test]
fn attack_resigning_should_not_end_a_suspension() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 100);
		create(&BOB, "cam");
		for _ in 0..300 {
			if Jobs::is_suspended(&TIM) {
				break;
			}
			next_block();
		}
		for _ in 0..2 {
			<Jobs as OnTranscoderLost>::on_transcoder_lost(&TIM);
			assert!(Jobs::is_barred(&TIM));
			Round::mutate(|round| *round += 1);
		}
		assert!(!Jobs::is_barred(&TIM));
		// The suspension is still known when the round that is over is paid.
		assert!(Jobs::is_barred_in(&TIM, Round::get() - 1));
		// What is over is deleted.
		<Jobs as OnTranscoderLost>::on_transcoder_lost(&TIM);
		assert!(!Lapses::<Test>::contains_key(TIM));
	});
}

/// An own bond that backs claims of this many standard segments.
fn backs(leaves: u64) {
	let money = Money::get();
	let lpt = money.in_lpt(fee_of(leaves) * 2);
	OwnBond::set(lpt * 100 / 5);
	assert_eq!(money.backing(OwnBond::get(), Parameters::get().exposure), fee_of(leaves));
}

#[test]
fn attack_own_bond_tiny_beside_delegated_should_back_few_claims() {
	build_and_execute(|| {
		let id = running();
		backs(10);
		assert_noop!(claim(&TIM, id, 0, 0, 10), Error::<Test>::NotBacked);
		assert_ok!(claim(&TIM, id, 0, 0, 7));
		assert_eq!(Exposed::<Test>::get(TIM), fee_of(8));
		assert_noop!(claim(&TIM, id, 0, 8, 10), Error::<Test>::NotBacked);
		assert_ok!(claim(&TIM, id, 0, 8, 9));
		// A decided claim frees its backing for the next, long before it is paid.
		decide(0);
		assert_eq!(Exposed::<Test>::get(TIM), fee_of(2));
		assert_ok!(claim(&TIM, id, 0, 10, 17));
		for id in open_claims() {
			assert_ok!(settle(id, Settlement::Pay));
		}
		assert!(!Exposed::<Test>::contains_key(TIM));
	});
}

#[test]
fn attack_unbonding_with_an_assignment_should_leave_nothing_to_claim() {
	build_and_execute(|| {
		let id = running();
		OwnBond::set(0);
		assert_noop!(claim(&TIM, id, 0, 0, 0), Error::<Test>::NotBacked);
	});
}

#[test]
fn job_should_go_only_to_who_backs_its_smallest_claim() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 10);
		backs(1);
		let id = create(&BOB, "cam");
		skip(2);
		assert_eq!(job(id).phase.current(), None);
		// Its largest leaf is worth more than a standard segment.
		backs(10);
		skip(4);
		assert_eq!(current(id), (TIM, 0));
	});
}

#[test]
fn assignment_should_not_be_idle_while_its_claims_wait_for_backing() {
	build_and_execute(|| {
		MaxLeaves::set(10);
		let id = running();
		backs(4);
		assert_ok!(claim(&TIM, id, 0, 0, 3));
		skip(120);
		let end = |who: AccountId| Jobs::end_idle(RuntimeOrigin::signed(who), id, 0);
		assert_noop!(end(BEA), Error::<Test>::NotIdle);
		decide(0);
		assert_ok!(end(BEA));
		let paid: Balance = fee_of(4);
		assert_ok!(settle(0, Settlement::Pay));
		assert_eq!(free(&POT), paid);
		assert!(matches!(job(id).phase, Phase::Waiting { .. }));
	});
}
