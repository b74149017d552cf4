//! Revoked keys and retired toolchains.

use crate::{
	mock::*,
	types::{Class, Phase, Task},
	Agenda, AssignmentsOf, Error, Loads, WeightInfo,
};
use frame_support::{assert_noop, assert_ok, traits::Hooks};
use livepeer_primitives::{
	keys::{Generation, Purpose},
	traits::OnKeyRevoked,
	AccountId, Balance, Hash, JobId, UNIT,
};

fn revoke(who: &AccountId, purpose: Purpose, generation: Generation) {
	Generations::mutate(|all| all.insert((who.clone(), purpose), generation + 1));
	<Jobs as OnKeyRevoked>::on_key_revoked(who, purpose, generation, 1);
}

fn rotate(who: &AccountId, purpose: Purpose, generation: Generation) {
	Generations::mutate(|all| all.insert((who.clone(), purpose), generation));
}

/// This many jobs of `who` that run with TIM, the first with this number.
fn run_many(who: &AccountId, text: &str, count: u64, budget: Balance) -> Vec<JobId> {
	let ids: Vec<JobId> = (0..count)
		.map(|i| {
			assert_ok!(create_with(who, &format!("{text}{i}"), budget));
			crate::NextJob::<Test>::get() - 1
		})
		.collect();
	skip(2);
	ids.iter().for_each(|id| {
		accept(*id);
	});
	ids
}

#[test]
fn assignments_of_a_transcoders_revoked_generation_should_be_handed_on_and_no_others() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 100);
		rotate(&TIM, Purpose::Duties, 1);
		let old = run_many(&BOB, "old", 3, UNIT);
		rotate(&TIM, Purpose::Duties, 2);
		let new = run_many(&BOB, "new", 3, UNIT);
		register(&TOM, UNIT, PRICE, 100);
		let offered = create(&BEA, "offered");
		skip(2);
		let (offered_to, _) = current(offered);
		<Jobs as OnKeyRevoked>::on_key_revoked(&TIM, Purpose::Duties, 1, 3);
		check();
		skip(1);
		check();
		for id in &old {
			assert!(assignment(*id, 0).claimable_until.is_some());
			assert_ne!(job(*id).phase, Phase::Running { assignment: 0 });
		}
		for id in &new {
			assert_eq!(job(*id).phase, Phase::Running { assignment: 0 });
		}
		assert_eq!(current(offered), (offered_to, 0), "an offer stands on no generation yet");
		// Work that was done can be claimed by the other keys of that generation.
		Revoked::set(vec![(TIM, Purpose::Duties, 1, 1)]);
		assert_ok!(claim(&TIM, old[0], 0, 0, 0));
	});
}

#[test]
fn jobs_of_a_broadcasters_revoked_generation_should_be_handed_on_with_a_fresh_offer() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 100);
		rotate(&BOB, Purpose::Segments, 1);
		let old = run_many(&BOB, "old", 3, UNIT);
		let others = run_many(&BEA, "others", 2, UNIT);
		rotate(&BOB, Purpose::Segments, 2);
		let new = run_many(&BOB, "new", 2, UNIT);
		revoke(&BOB, Purpose::Segments, 1);
		rotate(&BOB, Purpose::Segments, 3);
		skip(1);
		check();
		for id in old {
			assert!(assignment(id, 0).claimable_until.is_some());
			assert_eq!(job(id).phase, Phase::Waiting { draw_at: now() + 2, retries: 0 });
		}
		for id in others.into_iter().chain(new) {
			assert_eq!(job(id).phase, Phase::Running { assignment: 0 });
		}
		skip(2);
		// A transcoder that accepts it now agrees to the new generation.
		let (who, index) = accept(0);
		assert_eq!(who, TIM);
		assert_eq!(assignment(0, index).agreement.unwrap().broadcaster_keys, 3);
	});
}

#[test]
fn revocation_should_be_worked_off_in_steps_and_go_on_where_it_stopped() {
	build_and_execute(|| {
		Parameters::mutate(|p| p.max_open_claims = 1_024);
		register(&TIM, UNIT, PRICE, 1_000);
		for generation in 1..5 {
			rotate(&TIM, Purpose::Duties, generation);
			run_many(&BOB, &format!("gen{generation}-"), 30, UNIT / 100);
		}
		AgendaWeight::set(little_weight());
		let running = || AssignmentsOf::<Test>::iter_prefix(TIM).count();
		revoke(&TIM, Purpose::Duties, 2);
		let mut blocks = 0;
		while running() > 90 {
			let before = running();
			next_block();
			check();
			blocks += 1;
			assert!(running() <= before);
			assert!(blocks < 130, "each assignment is looked at once");
		}
		assert!(blocks > 2, "one block cannot do it all");
		assert_eq!(crate::RunningBy::<Test>::iter_prefix((TIM, Purpose::Duties, 2)).count(), 0);
		let kept = AssignmentsOf::<Test>::iter_prefix(TIM);
		let mut generations =
			kept.map(|(id, index)| assignment(id, index).agreement.unwrap().transcoder_keys);
		assert!(generations.all(|generation| generation != 2));
	});
}

#[test]
fn revoking_should_be_cheap_and_leave_nothing_for_who_has_no_jobs() {
	build_and_execute(|| {
		let before = snapshot();
		for purpose in [Purpose::Duties, Purpose::Segments] {
			<Jobs as OnKeyRevoked>::on_key_revoked(&TAT, purpose, 5, 0);
			<Jobs as OnKeyRevoked>::on_key_revoked(&TAT, purpose, 5, 0);
		}
		assert_eq!(Agenda::<Test>::iter().count(), 2);
		skip(1);
		assert_eq!(snapshot(), before);
	});
}

#[test]
fn assignments_on_a_retired_toolchain_should_end_at_the_next_check() {
	build_and_execute(|| {
		let (old, new) = (TOOLCHAIN, Hash::repeat_byte(0xbb));
		Accepted::set(vec![new]);
		register(&TIM, UNIT, PRICE, 100);
		let first = run_many(&BOB, "old", 3, UNIT);
		let id = create(&BOB, "new");
		skip(2);
		let mut acceptance = acceptance(&TIM, id, 0);
		acceptance.toolchain = new;
		assert_ok!(send_acceptance(&TIM, acceptance));
		assert_eq!(Loads::<Test>::get(TIM).unwrap().toolchains.len(), 2);
		check();
		skip(20);
		assert_eq!(job(first[0]).phase, Phase::Running { assignment: 0 });

		Retired::set(vec![old]);
		skip(CheckInterval::get());
		check();
		for id in &first {
			assert!(assignment(*id, 0).claimable_until.is_some());
		}
		assert_eq!(job(id).phase, Phase::Running { assignment: 0 });
		// Work that was done under it is paid for.
		assert_ok!(claim(&TIM, first[0], 0, 0, 3));
		assert_eq!(Told::get()[0].1.toolchain, old);
	});
}

#[test]
fn transcoder_should_work_with_four_toolchains_at_most() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 100);
		let other = |i| Hash::repeat_byte(0xb0 + i);
		Accepted::set((0..5).map(other).collect());
		let take = |i: u8| {
			assert_ok!(create_with(&BOB, &format!("cam{i}"), UNIT));
			let id = crate::NextJob::<Test>::get() - 1;
			skip(2);
			let mut acceptance = acceptance(&TIM, id, 0);
			acceptance.toolchain = other(i);
			(id, acceptance)
		};
		for i in 0..4 {
			assert_ok!(send_acceptance(&TIM, take(i).1));
		}
		let (id, fifth) = take(4);
		assert_noop!(send_acceptance(&TIM, fifth), Error::<Test>::TooManyToolchains);
		let mut fourth = acceptance(&TIM, id, 0);
		fourth.toolchain = other(3);
		assert_ok!(send_acceptance(&TIM, fourth));
	});
}

#[test]
fn attack_revoking_should_walk_none_of_a_broadcasters_other_jobs_and_hold_up_nobody() {
	build_and_execute(|| {
		let count = 2_000;
		for i in 0..count {
			let origin = RuntimeOrigin::signed(BOB);
			let (name, end) = (name(&format!("junk{i}")), now() + 400);
			let least = livepeer_primitives::ETH_MINIMUM;
			let made =
				Jobs::create_job(origin, None, name, ladder(), limits(), LOW_PRICE, end, least);
			assert_ok!(made);
		}
		// One of them runs; all eight of its keys are revoked, one in each block.
		run_to(100);
		register(&TIM, UNIT, PRICE, 10);
		rotate(&BOB, Purpose::Segments, 1);
		let id = create(&BOB, "runs");
		skip(2);
		accept(id);
		rotate(&BOB, Purpose::Segments, 2);
		let most = <() as WeightInfo>::task_hand_on()
			.saturating_add(<() as WeightInfo>::read_candidates(257));
		let quiet = {
			System::set_block_number(now() + 1);
			Jobs::on_initialize(now())
		};
		for key in 0..8 {
			<Jobs as OnKeyRevoked>::on_key_revoked(&BOB, Purpose::Segments, 1, 1);
			let honest = crate::NextJob::<Test>::get();
			assert_ok!(create_with(&BEA, &format!("honest{key}"), UNIT / 10));
			let urgent = Agenda::<Test>::iter_key_prefix((Class::Urgent,))
				.filter(|(_, task)| matches!(task, Task::Keys(..)))
				.count();
			assert_eq!(urgent, 0, "it waits behind whatever somebody waits for");
			System::set_block_number(now() + 1);
			let used = Jobs::on_initialize(now());
			let draws = <() as WeightInfo>::task_draw(257).saturating_mul(2);
			let bound = quiet.saturating_add(most).saturating_add(draws);
			assert!(used.all_lte(bound), "{used} for key {key}");
			assert_eq!(job(honest).phase.retries(), 0);
		}
		assert!(assignment(id, 0).claimable_until.is_some(), "it was handed on");
	});
}

#[test]
fn revocation_should_be_paid_by_whom_it_is_for_where_he_can_pay() {
	build_and_execute(|| {
		// It is handed on, and one more assignment must be closed.
		let hand_on = <() as WeightInfo>::task_hand_on()
			.saturating_add(<() as WeightInfo>::task_close_assignment().saturating_mul(2));
		<Jobs as OnKeyRevoked>::on_key_revoked(&BOB, Purpose::Segments, 1, 1);
		assert!(Charged::get().is_empty(), "the first is in the weight of the call");
		let least = <Jobs as OnKeyRevoked>::key_revoked_weight();
		assert!(hand_on.all_lte(least));
		<Jobs as OnKeyRevoked>::on_key_revoked(&BOB, Purpose::Segments, 1, 5);
		assert_eq!(Charged::get(), [(BOB, hand_on.saturating_mul(4), 0)]);
		// An account that cannot pay can still revoke.
		Poor::set(vec![BOB]);
		<Jobs as OnKeyRevoked>::on_key_revoked(&BOB, Purpose::Segments, 2, 5);
		assert_eq!(Charged::get().len(), 1);
		assert_eq!(Agenda::<Test>::iter().count(), 2);
	});
}
