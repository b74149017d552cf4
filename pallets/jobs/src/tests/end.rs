//! End, expiry, closing, and zero bytes afterwards.

use crate::{
	mock::*,
	types::{Class, EndReason, Phase, Wake},
	Error, Event, HoldReason, Jobs as StoredJobs,
};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{traits::Settlement, ETH, UNIT};

#[test]
fn waiting_job_should_close_at_once_when_ended() {
	build_and_execute(|| {
		let before = snapshot();
		let id = create(&BOB, "cam");
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		assert_eq!(snapshot(), before);
		let ends = events().split_off(1);
		assert_eq!(
			ends,
			[
				Event::JobEnded { job: id, reason: EndReason::Broadcaster },
				Event::BudgetReleased { job: id, amount: BUDGET },
				Event::JobClosed { job: id },
			]
		);
	});
}

#[test]
fn offered_job_should_close_at_once_when_ended() {
	build_and_execute(|| {
		let before = snapshot();
		register(&TIM, UNIT, PRICE, 1);
		let id = create(&BOB, "cam");
		skip(2);
		assert_eq!(current(id), (TIM, 0));
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		assert_eq!(snapshot(), before);
	});
}

#[test]
fn running_job_should_close_when_grace_has_passed() {
	build_and_execute(|| {
		let before = snapshot();
		let id = running();
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		assert_eq!(job(id).phase, Phase::Ended);
		assert_eq!(job(id).wake, None);
		check();
		skip(GRACE);
		assert_eq!(held(&BOB, HoldReason::Budget), BUDGET);
		skip(1);
		assert_eq!(held(&BOB, HoldReason::Budget), 0);
		// The bond is kept as long as a contradiction of its broadcaster can be reported.
		assert_eq!(held(&BOB, HoldReason::Bond), UNIT / 1_000);
		run_to(1 + 2 + GONE - 1);
		assert!(StoredJobs::<Test>::contains_key(id));
		skip(1);
		assert_eq!(snapshot(), before);
		assert_eq!(free(&BOB), PURSE);
	});
}

#[test]
fn attack_transcoder_should_end_its_own_assignment_and_not_the_job() {
	build_and_execute(|| {
		for who in [&TIM, &TOM] {
			register(who, UNIT, PRICE, 10);
		}
		let id = create(&BOB, "cam");
		skip(2);
		let (first, _) = accept(id);
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(first.clone()), id));
		assert!(!events().iter().any(|event| matches!(event, Event::JobEnded { .. })));
		// The next one has it at once, and the first is paid for its work.
		let (second, index) = current(id);
		assert_ne!(second, first);
		assert_eq!(index, 1);
		assert!(assignment(id, 0).claimable_until.is_some());
		assert_ok!(claim(&first, id, 0, 0, 3));
		check();
		// Nobody is left: it is drawn anew, later each time that comes to nothing.
		accept(id);
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(second), id));
		assert_eq!(job(id).phase, Phase::Waiting { draw_at: now() + 4, retries: 1 });
	});
}

#[test]
fn job_should_not_be_ended_by_others() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 1);
		let id = create(&BOB, "cam");
		skip(2);
		for who in [TIM, TOM, BEA] {
			// An offer alone gives no right to end the job.
			assert_noop!(Jobs::end_job(RuntimeOrigin::signed(who), id), Error::<Test>::NotParty);
		}
		accept(id);
		jail(&TIM);
		skip(1);
		// Neither does an assignment that has ended.
		assert_noop!(Jobs::end_job(RuntimeOrigin::signed(TIM), id), Error::<Test>::NotParty);
	});
}

#[test]
fn job_should_not_be_ended_twice() {
	build_and_execute(|| {
		let id = running();
		let bob = RuntimeOrigin::signed(BOB);
		assert_noop!(Jobs::end_job(bob.clone(), id + 1), Error::<Test>::NoJob);
		assert_ok!(Jobs::end_job(bob.clone(), id));
		assert_noop!(Jobs::end_job(bob.clone(), id), Error::<Test>::JobEnded);
		skip(GONE);
		assert_noop!(Jobs::end_job(bob, id), Error::<Test>::NoJob);
	});
}

#[test]
fn job_should_expire_at_its_end_block() {
	build_and_execute(|| {
		let before = keys();
		let id = running();
		let end = job(id).end;
		run_to(end - 1);
		assert_eq!(job(id).phase, Phase::Running { assignment: 0 });
		skip(1);
		assert_eq!(job(id).phase, Phase::Ended);
		assert!(events().contains(&Event::JobEnded { job: id, reason: EndReason::Expired }));
		assert_ok!(claim(&TIM, id, 0, 0, 3));
		assert_ok!(settle(0, Settlement::Refund));
		skip(GONE);
		assert_eq!(keys(), before);
	});
}

#[test]
fn expiry_should_win_over_an_offer() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 1);
		let id = create(&BOB, "cam");
		StoredJobs::<Test>::mutate(id, |job| job.as_mut().unwrap().end = 4);
		skip(2);
		assert_eq!(job(id).wake, Some(Wake { class: Class::Lazy, at: 4 }));
		skip(1);
		assert!(!StoredJobs::<Test>::contains_key(id));
	});
}

#[test]
fn budget_should_be_free_after_grace_and_bond_after_the_last_claim() {
	build_and_execute(|| {
		let before = keys();
		let id = running();
		assert_ok!(claim(&TIM, id, 0, 0, 3));
		assert_ok!(claim(&TIM, id, 0, 4, 4));
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		assert_ok!(claim(&TIM, id, 0, 5, 5));
		skip(21);
		assert_eq!(held(&BOB, HoldReason::Budget), 0);
		assert_eq!(held(&BOB, HoldReason::Bond), UNIT / 1_000);
		assert_eq!(held(&BOB, HoldReason::Escrow), fee_of(6));
		assert!(events().contains(&Event::BudgetReleased { job: id, amount: BUDGET - fee_of(6) }));
		check();
		for claim in 0..3 {
			assert!(StoredJobs::<Test>::contains_key(id));
			assert_ok!(settle(claim, Settlement::Pay));
			check();
		}
		// The last decision starts the time in which contradictions can be reported.
		skip(13);
		assert_eq!(last_event(), Event::JobClosed { job: id });
		assert_eq!(keys(), before, "zero bytes");
		assert_eq!(free(&BOB), PURSE - fee_of(6));
	});
}

#[test]
fn settled_claims_should_not_close_a_job_in_grace() {
	build_and_execute(|| {
		let id = running();
		assert_ok!(claim(&TIM, id, 0, 0, 3));
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		assert_ok!(settle(0, Settlement::Pay));
		assert_eq!(job(id).phase, Phase::Ended);
		assert_ok!(claim(&TIM, id, 0, 4, 4));
	});
}

#[test]
fn zero_bytes_should_stay_after_a_job_with_many_assignments() {
	build_and_execute(|| {
		let before = snapshot();
		for who in [&TIM, &TOM, &TAT] {
			register(who, UNIT, PRICE, 10);
		}
		let id = create(&BOB, "cam");
		skip(2);
		// One lets it pass, one accepts and is jailed, one accepts and continues; those that can
		// claim.
		skip(4);
		let (second, _) = accept(id);
		assert_ok!(claim(&second, id, 1, 0, 1));
		jail(&second);
		skip(1);
		let (third, _) = accept(id);
		assert_ok!(claim(&second, id, 1, 2, 2));
		assert_ok!(claim(&third, id, 2, 0, 5));
		check();
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		skip(10);
		assert_ok!(claim(&third, id, 2, 6, 6));
		for claim in open_claims() {
			assert_ok!(settle(claim, Settlement::Refund));
		}
		skip(GONE);
		assert_eq!(snapshot(), before);
		assert_eq!(free(&BOB), PURSE);
	});
}

#[test]
fn zero_bytes_should_stay_when_the_agenda_was_late() {
	build_and_execute(|| {
		let before = keys();
		let id = running();
		stall(30);
		check();
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		stall(GONE);
		check();
		skip(2);
		assert_eq!(keys(), before);
	});
}

#[test]
fn end_should_be_repeated_when_the_owner_of_eth_blocks_the_account() {
	build_and_execute(|| {
		let before = snapshot();
		let (blocked, other) = (create(&BOB, "cam"), create(&BEA, "cam"));
		assert_ok!(Assets::block(RuntimeOrigin::signed(ETH_OWNER), ETH, BOB));
		run_to(1 + LENGTH);
		assert!(StoredJobs::<Test>::contains_key(blocked));
		assert!(!StoredJobs::<Test>::contains_key(other), "nobody else is harmed");
		check();
		assert_ok!(Assets::thaw(RuntimeOrigin::signed(ETH_OWNER), ETH, BOB));
		skip(decide_retry());
		assert_eq!(snapshot(), before);
	});
}

#[test]
fn closing_should_be_repeated_when_the_owner_of_eth_blocks_the_account() {
	build_and_execute(|| {
		let before = snapshot();
		let id = running();
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		assert_ok!(Assets::block(RuntimeOrigin::signed(ETH_OWNER), ETH, BOB));
		skip(GRACE + 1);
		assert!(!assignment(id, 0).over);
		check();
		assert_ok!(Assets::thaw(RuntimeOrigin::signed(ETH_OWNER), ETH, BOB));
		skip(decide_retry());
		assert_eq!(snapshot(), before);
	});
}

fn decide_retry() -> u32 {
	crate::decision::FAILURE_DELAY
}
