//! Acceptance, and offers that lapse.

use crate::{
	mock::*,
	types::{Agreement, Class, Phase},
	Assignments, Error, Event, PriorityLists,
};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{keys::Purpose, traits::Settlement, Hash, UNIT};

fn three() {
	for who in [&TIM, &TOM, &TAT] {
		register(who, UNIT, PRICE, 10);
	}
}

#[test]
fn accept_should_start_the_assignment() {
	build_and_execute(|| {
		let id = running();
		assert_eq!(job(id).phase, Phase::Running { assignment: 0 });
		let agreement = Agreement { broadcaster_keys: 0, transcoder_keys: 0, toolchain: TOOLCHAIN };
		assert_eq!(assignment(id, 0).agreement, Some(agreement));
		assert_eq!(
			last_event(),
			Event::Accepted { job: id, assignment: 0, transcoder: TIM, toolchain: TOOLCHAIN }
		);
	});
}

#[test]
fn accept_should_fail_when_it_is_not_the_callers_offer() {
	build_and_execute(|| {
		three();
		assert_noop!(try_accept(&TIM, 0, 0), Error::<Test>::NoJob);
		let id = create(&BOB, "cam");
		assert_noop!(try_accept(&TIM, id, 0), Error::<Test>::NoAssignment);
		skip(2);
		let (who, _) = current(id);
		let other = if who == TIM { TOM } else { TIM };
		assert_noop!(try_accept(&other, id, 0), Error::<Test>::NotTranscoder);
		assert_noop!(try_accept(&who, id, 1), Error::<Test>::NoAssignment);
		assert_ok!(try_accept(&who, id, 0));
		assert_noop!(try_accept(&who, id, 0), Error::<Test>::NotOffered);
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		assert_noop!(try_accept(&who, id, 0), Error::<Test>::JobEnded);
	});
}

#[test]
fn accept_should_succeed_in_the_last_block() {
	build_and_execute(|| {
		three();
		let id = create(&BOB, "cam");
		skip(2 + 3);
		assert_eq!(job(id).phase, Phase::Offered { assignment: 0, until: now(), retries: 0 });
		accept(id);
	});
}

#[test]
fn accept_should_fail_when_the_transcoder_is_jailed() {
	build_and_execute(|| {
		three();
		let id = create(&BOB, "cam");
		skip(2);
		let (who, index) = current(id);
		jail(&who);
		assert_noop!(try_accept(&who, id, index), Error::<Test>::Jailed);
	});
}

#[test]
fn accept_should_fail_when_time_is_up_though_the_agenda_is_late() {
	build_and_execute(|| {
		three();
		let id = create(&BOB, "cam");
		skip(2);
		let (who, index) = current(id);
		stall(4);
		assert_noop!(try_accept(&who, id, index), Error::<Test>::TooLate);
		check();
		skip(1);
		assert_eq!(job(id).phase.current(), Some(index + 1));
	});
}

#[test]
fn offer_should_go_to_the_next_on_the_list_when_not_accepted() {
	build_and_execute(|| {
		three();
		let id = create(&BOB, "cam");
		skip(2);
		let reserved = assignment(id, 0).allowance;
		let (first, _) = current(id);
		let next = PriorityLists::<Test>::get(id)[0].clone();
		skip(4);
		assert_eq!(current(id), (next, 1));
		assert_eq!(Noted::get(), core::slice::from_ref(&first));
		assert!(events().contains(&Event::NotAccepted {
			job: id,
			assignment: 0,
			transcoder: first.clone(),
		}));
		// Never accepted and so never claimable: deleted at once, with its allowance.
		assert!(!Assignments::<Test>::contains_key(id, 0));
		assert_eq!(assignment(id, 1).allowance, reserved);
		assert_eq!(job(id).unreserved, BUDGET - reserved);
		assert_noop!(claim(&first, id, 0, 0, 0), Error::<Test>::NoAssignment);
	});
}

#[test]
fn list_should_be_drawn_anew_after_it_is_exhausted() {
	build_and_execute(|| {
		three();
		let id = create(&BOB, "cam");
		skip(2 + 4 + 4 + 4);
		assert_eq!(job(id).phase, Phase::Waiting { draw_at: now() + 4, retries: 1 });
		check();
		skip(4);
		assert_eq!(current(id).1, 3);
		// The last of the list before is left out.
		assert_eq!(PriorityLists::<Test>::get(id).len(), 1);
		assert_eq!(Noted::get().len(), 3);
	});
}

#[test]
fn next_should_be_skipped_when_no_longer_eligible() {
	build_and_execute(|| {
		three();
		let id = create(&BOB, "cam");
		skip(2);
		let list = PriorityLists::<Test>::get(id);
		register(&list[0], UNIT, PRICE * 2, 10);
		skip(4);
		// The skipped transcoder does not use up the number.
		assert_eq!(current(id), (list[1].clone(), 1));
		assert!(PriorityLists::<Test>::get(id).is_empty());
	});
}

#[test]
fn accept_should_fail_when_the_job_has_come_to_its_end_though_the_agenda_is_late() {
	build_and_execute(|| {
		three();
		let id = create(&BOB, "cam");
		crate::Jobs::<Test>::mutate(id, |job| job.as_mut().unwrap().end = now() + 4);
		skip(2);
		let (who, index) = current(id);
		stall(2);
		assert_noop!(try_accept(&who, id, index), Error::<Test>::TooLate);
		skip(1);
	});
}

#[test]
fn accept_should_fail_when_what_is_named_is_not_in_use() {
	build_and_execute(|| {
		three();
		let id = create(&BOB, "cam");
		skip(2);
		let (who, index) = current(id);
		let good = acceptance(&who, id, index);
		let send = |acceptance| send_acceptance(&who, acceptance);

		let mut other = good.clone();
		other.genesis = Hash::repeat_byte(1);
		assert_noop!(send(other), Error::<Test>::WrongChain);
		let mut other = good.clone();
		other.broadcaster_keys = 1;
		assert_noop!(send(other), Error::<Test>::WrongGeneration);
		let mut other = good.clone();
		other.transcoder_keys = 1;
		assert_noop!(send(other), Error::<Test>::WrongGeneration);
		let mut other = good.clone();
		other.toolchain = Hash::repeat_byte(0xbb);
		assert_noop!(send(other), Error::<Test>::UnknownToolchain);

		// Either party changes its keys: what was signed before is no longer accepted.
		Generations::set([((BOB, Purpose::Segments), 1)].into());
		assert_noop!(send(good.clone()), Error::<Test>::WrongGeneration);
		Generations::set([((who.clone(), Purpose::Duties), 1)].into());
		assert_noop!(send(good.clone()), Error::<Test>::WrongGeneration);
		Generations::set([].into());
		assert_ok!(send(good));
		check();
	});
}

/// An assignment's number and its transcoder's VRF key determine which segments are forced
/// variants. A key that is made when the number is known could be chosen so that none is.
#[test]
fn attack_keys_made_for_an_assignment_should_not_accept_it() {
	build_and_execute(|| {
		three();
		let id = create(&BOB, "cam");
		skip(2);
		let (who, index) = current(id);
		let keys = |generation| {
			Generations::set([((who.clone(), Purpose::Duties), generation)].into());
		};
		keys(1);
		let named = acceptance(&who, id, index);
		assert_eq!(named.transcoder_keys, 1);
		// Neither by the new generation nor by the old one for it.
		assert_noop!(send_acceptance(&who, named.clone()), Error::<Test>::WrongGeneration);
		let signer = livepeer_primitives::keys::Signer::account(who.clone());
		let signature = sign_by(&signer, Purpose::Duties, &named.hash());
		let call = crate::Call::accept_job { acceptance: named, signature };
		assert_noop!(apply(call), Error::<Test>::WrongGeneration);
		// The generation that must accept it is shown.
		assert_eq!(Jobs::job(id).unwrap().current.unwrap().transcoder_keys, 0);
		// The next offer is to the keys in use by then.
		skip(4);
		let (next, index) = current(id);
		assert_ne!(next, who);
		assert_ok!(try_accept(&next, id, index));
		check();
	});
}

#[test]
fn accept_should_fail_when_the_key_is_revoked_or_the_signature_is_anothers() {
	build_and_execute(|| {
		three();
		let id = create(&BOB, "cam");
		skip(2);
		let (who, index) = current(id);
		let good = acceptance(&who, id, index);
		let mut signature = sign(&who, Purpose::Duties, &good.hash());
		// A signature for another purpose does not count.
		signature.signature = sign(&who, Purpose::Segments, &good.hash()).signature;
		let call = crate::Call::accept_job { acceptance: good.clone(), signature };
		assert_noop!(apply(call), Error::<Test>::BadSignature);
		Revoked::set(vec![(who.clone(), Purpose::Duties, 0, 0)]);
		assert_noop!(send_acceptance(&who, good), Error::<Test>::KeyRevoked);
	});
}

/// A key is stolen and revoked, and its generation stays the current one: the thief could sign for
/// everything that is accepted under it, as broadcaster or as transcoder.
#[test]
fn attack_stolen_key_should_not_sign_for_new_assignments_of_its_generation() {
	build_and_execute(|| {
		three();
		let id = create(&BOB, "cam");
		skip(2);
		let (who, index) = current(id);
		let good = acceptance(&who, id, index);
		for stolen in [(who.clone(), Purpose::Duties, 0, 1), (BOB, Purpose::Segments, 0, 1)] {
			Revoked::set(vec![stolen]);
			assert_noop!(send_acceptance(&who, good.clone()), Error::<Test>::KeyRevoked);
		}
		Revoked::set(vec![]);
		assert_ok!(send_acceptance(&who, good));
	});
}

#[test]
fn accept_should_be_one_at_a_time_in_the_pool_and_before_paid_transactions() {
	use frame_support::{pallet_prelude::TransactionSource, traits::Authorize};
	build_and_execute(|| {
		three();
		let id = create(&BOB, "cam");
		skip(2);
		let (who, index) = current(id);
		let acceptance = acceptance(&who, id, index);
		let signature = sign(&who, Purpose::Duties, &acceptance.hash());
		let call = crate::Call::<Test>::accept_job { acceptance, signature };
		let (valid, _) = call.authorize(TransactionSource::External).unwrap().unwrap();
		assert_eq!(valid.provides.len(), 1);
		assert_eq!(valid.priority, DutyPriority::get());
		assert_eq!(valid.longevity, 3, "as long as the offer");
	});
}

#[test]
fn keys_should_be_kept_until_the_last_claim_is_settled_and_nothing_can_be_reported() {
	build_and_execute(|| {
		let id = running();
		let key = (TIM, Purpose::Duties, 0);
		assert_ok!(claim(&TIM, id, 0, 0, 0));
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		skip(GONE + 5);
		assert_eq!(Retained::get().get(&key), Some(&1), "the claim is open");
		decide(0);
		skip(50);
		assert_ok!(settle(0, Settlement::Pay));
		assert_eq!(Retained::get().get(&key), Some(&1));
		skip(1);
		assert_eq!(Retained::get().get(&key), None);
	});
}

#[test]
fn attack_offers_that_always_lapse_should_back_off_and_stand_in_nobodys_way() {
	build_and_execute(|| {
		// Nobody is suspended for it here.
		Parameters::mutate(|p| p.lapses = 100);
		three();
		let id = create(&BOB, "cam");
		skip(2);
		// The first list is urgent, because somebody waits for it.
		assert_eq!(job(id).wake.map(|wake| wake.class), Some(Class::Urgent));
		let mut waits = Vec::new();
		let mut last = now();
		while waits.len() < 5 {
			next_block();
			let stored = job(id);
			if let Phase::Waiting { draw_at, .. } = stored.phase {
				if draw_at != last {
					waits.push(draw_at - now());
					last = draw_at;
				}
			}
			if stored.phase.retries() > 0 {
				let class = stored.wake.map(|wake| wake.class);
				assert_eq!(class, Some(Class::Lazy), "{:?}", stored.phase);
			}
		}
		assert_eq!(waits, [4, 8, 16, 32, 64]);
		check();
		// An acceptance ends it, and so does money.
		assert_ok!(Jobs::top_up(RuntimeOrigin::signed(BOB), id, 1));
		assert_eq!(job(id).phase, Phase::Waiting { draw_at: now() + 2, retries: 0 });
		skip(2);
		accept(id);
		let (who, _) = current(id);
		jail(&who);
		skip(1);
		assert_eq!(job(id).phase.retries(), 0);
	});
}
