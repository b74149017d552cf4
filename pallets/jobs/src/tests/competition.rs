//! What inflation is told of how transcoders answer offers.

use crate::{mock::*, types::Phase, Answers};
use frame_support::assert_ok;
use livepeer_primitives::{keys::Purpose, traits::Settlement, AccountId, JobId, UNIT};

fn three() {
	for who in [&TIM, &TOM, &TAT] {
		register(who, UNIT, PRICE, 10);
	}
}

/// Accepts the offer, claims for one segment and has it paid.
fn serve(id: JobId) -> AccountId {
	let (who, index) = accept(id);
	pay(&who, id, index);
	who
}

fn pay(who: &AccountId, id: JobId, index: u32) {
	let from = assignment(id, index).next_seq;
	assert_ok!(claim(who, id, index, from, from));
	let open = *open_claims().last().unwrap();
	assert_ok!(settle(open, Settlement::Pay));
}

#[test]
fn served_should_be_told_once_when_a_claim_is_paid() {
	build_and_execute(|| {
		let id = running();
		assert_ok!(claim(&TIM, id, 0, 0, 0));
		assert!(Competed::get().is_empty(), "not before it is paid");
		assert_ok!(settle(open_claims()[0], Settlement::Pay));
		pay(&TIM, id, 0);
		assert_eq!(Competed::get(), [(TIM, true)]);
	});
}

#[test]
fn refunded_claim_should_say_nothing() {
	build_and_execute(|| {
		let id = running();
		assert_ok!(claim(&TIM, id, 0, 0, 0));
		assert_ok!(settle(open_claims()[0], Settlement::Refund));
		assert!(Competed::get().is_empty());
	});
}

#[test]
fn offer_let_pass_should_be_told_when_another_was_paid_in_the_job() {
	build_and_execute(|| {
		three();
		let id = create(&BOB, "cam");
		skip(2);
		let (late, _) = current(id);
		skip(4);
		assert!(Competed::get().is_empty());
		let served = serve(id);
		assert_eq!(Competed::get(), [(served, true), (late, false)]);
	});
}

#[test]
fn unserved_should_be_told_one_with_each_payment() {
	build_and_execute(|| {
		three();
		let id = create(&BOB, "cam");
		skip(2 + 4 + 4);
		let served = serve(id);
		assert_eq!(Competed::get().len(), 2);
		pay(&served, id, 2);
		pay(&served, id, 2);
		assert_eq!(Competed::get().len(), 3, "each once");
		assert_eq!(Competed::get().iter().filter(|(_, served)| *served).count(), 1);
	});
}

#[test]
fn missed_heartbeats_and_ends_by_the_transcoder_should_be_unserved() {
	build_and_execute(|| {
		three();
		let id = create(&BOB, "cam");
		skip(2);
		let (lost, _) = accept(id);
		Absent::set(vec![lost.clone()]);
		skip(5);
		let served = serve(id);
		assert_eq!(Competed::get(), [(served.clone(), true), (lost, false)]);
		// What was already told stays, whatever comes later.
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(served.clone()), id));
		assert_eq!(Competed::get().len(), 2);
		let next = create(&BOB, "two");
		skip(2);
		let (quits, _) = accept(next);
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(quits.clone()), next));
		assert_eq!(Answers::<Test>::get(next).unwrap().failed, vec![quits]);
	});
}

#[test]
fn work_that_awaits_its_outcome_should_not_be_unserved() {
	build_and_execute(|| {
		let id = running();
		assert_ok!(claim(&TIM, id, 0, 0, 0));
		Absent::set(vec![TIM]);
		skip(5);
		assert_ok!(settle(open_claims()[0], Settlement::Pay));
		assert_eq!(Competed::get(), [(TIM, true)]);
	});
}

#[test]
fn what_others_end_should_say_nothing() {
	build_and_execute(|| {
		three();
		let id = create(&BOB, "cam");
		skip(2);
		let (jailed, _) = accept(id);
		jail(&jailed);
		skip(1);
		let served = serve(id);
		assert_eq!(Competed::get(), [(served, true)], "what jail takes may be given back");
		let id = create(&BOB, "two");
		skip(2);
		accept(id);
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		assert_eq!(Answers::<Test>::get(id).unwrap().failed.len(), 0);
	});
}

#[test]
fn attack_rivals_record_is_ruined_with_jobs_in_which_nothing_is_done() {
	build_and_execute(|| {
		three();
		for n in 0..5 {
			let id = create(&BOB, &format!("cam{n}"));
			skip(2 + 4 + 4 + 4);
			assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		}
		assert!(Competed::get().is_empty());
	});
}

#[test]
fn attack_rivals_tolerance_ruined_by_keys_that_change_under_the_offer() {
	build_and_execute(|| {
		three();
		let id = create(&BOB, "cam");
		skip(2);
		let (rival, index) = current(id);
		// Its acceptance names the keys that were current when it was made, and fails.
		let made = acceptance(&rival, id, index);
		Generations::mutate(|all| all.insert((BOB, Purpose::Segments), 7));
		assert!(send_acceptance(&rival, made).is_err());
		skip(4);
		// The same with a revoked key: then it is offered to nobody any more.
		Revoked::mutate(|all| all.push((BOB, Purpose::Segments, 7, 0)));
		skip(4);
		assert!(matches!(job(id).phase, Phase::Waiting { .. }));
		Revoked::take();
		while matches!(job(id).phase, Phase::Waiting { .. }) {
			skip(1);
		}
		let accomplice = serve(id);
		assert_eq!(Competed::get(), [(accomplice, true)]);
	});
}

#[test]
fn answers_should_be_gone_with_their_job() {
	build_and_execute(|| {
		let id = running();
		pay(&TIM, id, 0);
		assert!(Answers::<Test>::contains_key(id));
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		skip(200);
		assert_eq!(Answers::<Test>::iter().count(), 0);
	});
}
