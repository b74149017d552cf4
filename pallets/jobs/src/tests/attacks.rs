//! Attacks, by name.

use crate::{
	mock::*,
	types::{Load, Phase, Unsuited},
	Assignments, Error, Event, Exposed, HoldReason, Loads, Places, PriorityLists, WeightInfo,
};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{
	keys::Purpose, traits::Settlement, work::STANDARD_SEGMENT_WORK, AccountId, Balance, ETH,
	ETH_MINIMUM, UNIT,
};

/// Two transcoders; the first runs the job.
fn two() -> (AccountId, AccountId) {
	for who in [&TIM, &TOM] {
		register(who, UNIT, PRICE, 10);
	}
	let id = create(&BOB, "cam");
	skip(2);
	let (first, _) = accept(id);
	let second = if first == TIM { TOM } else { TIM };
	(first, second)
}

#[test]
fn claims_squatting_on_a_successors_segments_should_not_hinder_it() {
	build_and_execute(|| {
		let (first, second) = two();
		// It claims far ahead of its work, before it is replaced and after.
		assert_ok!(claim(&first, 0, 0, 1_000, 1_010));
		jail(&first);
		skip(1);
		accept(0);
		assert_ok!(claim(&first, 0, 0, 2_000, 2_010));
		// The successor's cursor is its own.
		assert_ok!(claim(&second, 0, 1, 5, 9));
		assert_ok!(claim(&second, 0, 1, 1_000, 1_010));
		// Nor can the first claim in its name.
		assert_noop!(claim(&first, 0, 1, 3_000, 3_001), Error::<Test>::NotTranscoder);
	});
}

#[test]
fn inflated_leaf_count_or_work_should_be_refused() {
	build_and_execute(|| {
		let id = running();
		let most = job(id).max_leaf_work;
		// More work than the leaves can hold.
		assert_noop!(claim_work(&TIM, id, 0, 0, 1, most * 2 + 1), Error::<Test>::WorkTooLarge);
		// More leaves to hold more work.
		assert_noop!(claim_work(&TIM, id, 0, 0, 64, most * 65), Error::<Test>::TooManyLeaves);
		// A count that wraps.
		assert_noop!(claim(&TIM, id, 0, 0, u64::from(u32::MAX) + 4), Error::<Test>::TooManyLeaves);
		assert_noop!(claim(&TIM, id, 0, 0, u64::MAX), Error::<Test>::ClaimNotAscending);
		// The most that can be claimed is what was reserved.
		assert_ok!(claim_work(&TIM, id, 0, 0, 63, most * 64));
		assert!(held(&BOB, HoldReason::Escrow) <= BUDGET);
	});
}

#[test]
fn double_spending_the_budget_over_many_jobs_should_be_impossible() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 100);
		// Four times 2.4 of 10 ETH; the fifth job is refused.
		for i in 0..4 {
			assert_ok!(create_with(&BOB, &format!("cam{i}"), 24 * UNIT / 10));
		}
		assert_noop!(create_with(&BOB, "cam4", 24 * UNIT / 10), Error::<Test>::InsufficientEth);
		// Held ETH cannot be sent away either.
		assert!(Assets::transfer(RuntimeOrigin::signed(BOB), ETH, BEA, UNIT).is_err());
		assert!(Assets::transfer_all(RuntimeOrigin::signed(BOB), ETH, BEA, false).is_ok());
		assert_eq!(free(&BOB), ETH_MINIMUM);
		skip(2);
		for id in 0..4 {
			accept(id);
			assert_ok!(claim(&TIM, id, 0, 0, 63));
			check();
		}
		for claim in open_claims() {
			assert_ok!(settle(claim, Settlement::Pay));
		}
		assert_eq!(free(&POT), 4 * fee_of(64), "each was paid in full");
	});
}

#[test]
fn double_spending_an_allowance_should_be_impossible() {
	build_and_execute(|| {
		// Two assignments of a job never share what is reserved.
		let (first, second) = two();
		let reserved = assignment(0, 0).allowance;
		jail(&first);
		skip(1);
		accept(0);
		assert_eq!(assignment(0, 1).allowance, reserved);
		assert_eq!(job(0).unreserved, BUDGET - 2 * reserved);
		let most = job(0).max_leaf_work;
		assert_ok!(claim_work(&first, 0, 0, 0, 63, most * 64));
		assert_ok!(claim_work(&second, 0, 1, 0, 63, most * 64));
		assert_noop!(claim(&first, 0, 0, 64, 64), Error::<Test>::AllowanceExceeded);
	});
}

#[test]
fn griefing_by_non_consecutive_segments_should_cost_only_what_was_not_done() {
	build_and_execute(|| {
		let id = running();
		// The whitepaper's broadcaster sends 1, 3, 5, …; a claim there covers one run each. Here a
		// claim covers any ascending range, with empty leaves where nothing was sent.
		assert_ok!(claim_work(&TIM, id, 0, 1, 39, 20 * STANDARD_SEGMENT_WORK));
		assert_eq!(held(&BOB, HoldReason::Escrow), fee_of(20));
		assert_ok!(claim(&TIM, id, 0, 100, 100));
		assert_eq!(open_claims().len(), 2);
	});
}

#[test]
fn ddos_by_transcoder_that_accepts_nothing_should_cost_three_blocks() {
	build_and_execute(|| {
		let (lazy, good) = (TIM, TOM);
		register(&lazy, 1_000_000 * UNIT, PRICE, 10);
		register(&good, UNIT, PRICE, 10);
		let id = create(&BOB, "cam");
		skip(2);
		assert_eq!(current(id).0, lazy);
		skip(4);
		assert_eq!(current(id), (good.clone(), 1));
		assert_eq!(Noted::get(), [lazy], "the election is told");
		accept(id);
		assert_ok!(claim(&good, id, 1, 0, 5));
	});
}

#[test]
fn ddos_by_transcoder_that_accepts_and_delivers_nothing_should_cost_nothing() {
	build_and_execute(|| {
		let before = free(&BOB);
		let id = running();
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		skip(GONE);
		assert_eq!(free(&BOB), before, "neither fee nor bond is lost");
		assert_ok!(create_with(&BOB, "cam", BUDGET));
	});
}

#[test]
fn ddos_by_broadcaster_that_sends_nothing_should_not_bind_the_transcoder() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 1);
		let idle = create(&BOB, "cam");
		skip(2);
		accept(idle);
		let real = create(&BEA, "cam");
		skip(2);
		assert_eq!(job(real).phase.current(), None, "its room is taken");
		// It ends its assignment whenever it gets it again, which is later each time.
		let mut ended = 0;
		while job(real).phase.current().is_none() {
			match job(idle).phase {
				Phase::Offered { .. } => {
					accept(idle);
				}
				Phase::Running { .. } => {
					assert_ok!(Jobs::end_job(RuntimeOrigin::signed(TIM), idle));
					ended += 1;
				}
				_ => {}
			}
			skip(1);
		}
		assert_eq!(current(real), (TIM, 0));
		assert!(ended < 4, "{ended} times");
	});
}

#[test]
fn useless_transcoder_with_a_high_price_should_never_be_asked() {
	build_and_execute(|| {
		register(&TIM, 1_000_000 * UNIT, Balance::MAX, 100);
		let id = create(&BOB, "cam");
		skip(100);
		assert_eq!(job(id).phase.current(), None);
		register(&TOM, UNIT, PRICE, 1);
		skip(27);
		assert_eq!(current(id).0, TOM);
	});
}

#[test]
fn fee_dust_should_be_refused() {
	build_and_execute(|| {
		let id = running();
		// One unit of work is worth far less than it costs to verify.
		assert_noop!(claim_work(&TIM, id, 0, 0, 0, 1), Error::<Test>::FeeTooSmall);
		let least = STANDARD_SEGMENT_WORK / (PRICE / ETH_MINIMUM) as u64;
		assert_noop!(claim_work(&TIM, id, 0, 0, 0, least - 1), Error::<Test>::FeeTooSmall);
		// The smallest fee can create the pot's account, so it can be paid whoever comes first.
		assert_ok!(claim_work(&TIM, id, 0, 0, 0, least));
		assert_ok!(settle(0, Settlement::Pay));
		assert!(free(&POT) >= ETH_MINIMUM);
	});
}

#[test]
fn free_verification_by_zero_price_self_dealing_should_be_refused() {
	build_and_execute(|| {
		register(&TIM, UNIT, 0, 10);
		let id = create(&BOB, "cam");
		skip(2);
		// It could never claim, so it gets no job.
		let why = Unsuited::BelowVerification;
		assert!(events().contains(&Event::NobodySuits { job: id, why }));
		// Nor can it if it sets its price to zero once it has a job.
		register(&TIM, UNIT, PRICE, 10);
		skip(4);
		let (_, index) = accept(id);
		Assignments::<Test>::mutate(id, index, |slot| slot.as_mut().unwrap().price = 0);
		assert_noop!(claim(&TIM, id, 0, 0, 63), Error::<Test>::FeeTooSmall);
		let most = job(id).max_leaf_work * 64;
		assert_noop!(claim_work(&TIM, id, 0, 0, 63, most), Error::<Test>::FeeTooSmall);
		assert!(Told::get().is_empty(), "the lottery never hears of it");
	});
}

#[test]
fn self_dealing_should_only_move_ones_own_money_to_the_pot() {
	build_and_execute(|| {
		// Broadcaster and transcoder are the same account.
		register(&BOB, UNIT, PRICE, 1);
		let id = create(&BOB, "cam");
		skip(2);
		accept(id);
		assert_ok!(claim(&BOB, id, 0, 0, 9));
		assert_ok!(settle(0, Settlement::Pay));
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		skip(GONE);
		assert_eq!(free(&BOB), PURSE - fee_of(10));
		let (fee, share) = Booked::get()[&BOB][0];
		assert_eq!(fee, fee_of(10), "it owes its delegators their share like anybody");
		assert!(!share.is_zero());
	});
}

#[test]
fn reorg_that_changes_the_assignee_should_not_let_the_other_claim() {
	// Two histories draw differently. What the broadcaster signed names assignment and transcoder,
	// and only the transcoder of this history's assignment can accept and claim.
	let assignee = |seed: u8| {
		let mut assignee = None;
		build_and_execute(|| {
			for who in [&TIM, &TOM] {
				register(who, UNIT, PRICE, 10);
			}
			let id = create(&BOB, "cam");
			skip(1);
			System::set_block_number(3);
			Accumulator::set(livepeer_primitives::Hash::repeat_byte(seed));
			<Jobs as frame_support::traits::Hooks<u32>>::on_initialize(3);
			let (who, _) = accept(id);
			let other = if who == TIM { TOM } else { TIM };
			assert_noop!(try_accept(&other, id, 0), Error::<Test>::NotOffered);
			assert_noop!(claim(&other, id, 0, 0, 3), Error::<Test>::NotTranscoder);
			assignee = Some(who);
		});
		assignee.unwrap()
	};
	let all: std::collections::BTreeSet<_> = (0..16).map(assignee).collect();
	assert_eq!(all.len(), 2);
}

#[test]
fn taking_anothers_stream_should_be_impossible() {
	build_and_execute(|| {
		create(&BOB, "cam");
		let id = create(&BEA, "cam");
		assert_eq!(Jobs::job_of_stream(stream(&BOB, "cam")), Some(0));
		assert_ne!(job(id).stream, stream(&BOB, "cam"));
	});
}

#[test]
fn ending_others_jobs_by_offers_should_be_impossible() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 10);
		let id = create(&BOB, "cam");
		skip(2);
		assert_noop!(Jobs::end_job(RuntimeOrigin::signed(TIM), id), Error::<Test>::NotParty);
		assert!(matches!(job(id).phase, Phase::Offered { .. }));
	});
}

#[test]
fn jobs_that_nobody_takes_should_not_delay_others_for_long() {
	build_and_execute(|| {
		// Many jobs that nobody takes, all waiting for their next draw, and little weight.
		AgendaWeight::set(little_weight());
		for i in 0..200 {
			let origin = RuntimeOrigin::signed(BEA);
			let (name, end) = (name(&format!("junk{i}")), now() + 400);
			assert_ok!(Jobs::create_job(
				origin,
				None,
				name,
				ladder(),
				limits(),
				LOW_PRICE,
				end,
				ETH_MINIMUM
			));
		}
		skip(130);
		register(&TIM, UNIT, PRICE, 1);
		let id = create(&BOB, "cam");
		let mut waited = 0;
		while job(id).phase.current().is_none() {
			skip(1);
			waited += 1;
		}
		assert_eq!(waited, 2, "as if there were no others");
	});
}

#[test]
fn draining_an_ended_job_should_be_impossible() {
	build_and_execute(|| {
		let id = running();
		let reserved = assignment(id, 0).allowance;
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		let work = job(id).max_leaf_work * 16;
		let mut paid = 0;
		let mut seq = 0;
		while claim_work(&TIM, id, 0, seq, seq + 15, work).is_ok() {
			seq += 16;
			paid += livepeer_primitives::work::fee(work, PRICE);
		}
		assert!(paid > 0 && paid <= reserved);
		assert_eq!(held(&BOB, HoldReason::Escrow), paid);
		assert!(PriorityLists::<Test>::get(id).is_empty());
	});
}

#[test]
fn rerolling_an_assignment_by_toggling_availability_capacity_price_or_load_should_be_impossible() {
	// Who transcodes, with everybody unchanged, and with one of them changed before the draw: the
	// others, and whether that one is among them.
	let list = |change: &dyn Fn(&AccountId), who: &AccountId| {
		let mut list = Vec::new();
		let mut is_listed = false;
		build_and_execute(|| {
			for (who, stake) in [(&TIM, 5), (&TOM, 3), (&TAT, 2)] {
				register(who, stake * UNIT, PRICE, 1);
			}
			let id = create(&BOB, "cam");
			skip(1);
			change(who);
			skip(1);
			if job(id).phase.current().is_some() {
				list.push(current(id).0);
			}
			list.extend(PriorityLists::<Test>::get(id));
			// What was put down for who is struck out is nothing that the pallet has counted.
			is_listed = list.contains(who);
			if !is_listed {
				Loads::<Test>::remove(who);
				Places::<Test>::remove(who);
				Exposed::<Test>::remove(who);
			}
			list.retain(|account| account != who);
		});
		(is_listed, list)
	};
	type Change<'a> = &'a dyn Fn(&AccountId);
	let absent: Change = &|who| Absent::mutate(|absent| absent.push(who.clone()));
	let full: Change = &|who| register(who, UNIT, PRICE, 0);
	let dear: Change = &|who| register(who, UNIT, PRICE + 1, 1);
	let jailed: Change = &|who| jail(who);
	let loaded: Change = &|who| {
		let load = Load {
			assignments: 1,
			work: usual_load(),
			toolchains: Default::default(),
			check_at: 0,
			lost: false,
		};
		Loads::<Test>::insert(who, load);
	};
	let crowded: Change = &|who| Places::<Test>::insert(who, Parameters::get().max_open_claims);
	let unbacked: Change = &|who| Exposed::<Test>::insert(who, Balance::MAX);
	for who in [TIM, TOM, TAT] {
		let (is_listed, expected) = list(&|_| {}, &who);
		assert!(is_listed && expected.len() == 2);
		for change in [absent, full, dear, jailed, loaded, crowded, unbacked] {
			assert_eq!(list(change, &who), (false, expected.clone()));
		}
	}
}

#[test]
fn third_parties_should_neither_accept_nor_claim_nor_end_nor_spend_for_others() {
	build_and_execute(|| {
		let id = running();
		let mallory = AccountId::new([0x66; 32]);
		assert_noop!(claim(&mallory, id, 0, 0, 0), Error::<Test>::NotTranscoder);
		let origin = || RuntimeOrigin::signed(mallory.clone());
		assert_noop!(Jobs::end_job(origin(), id), Error::<Test>::NotParty);
		assert_noop!(Jobs::top_up(origin(), id, 1), Error::<Test>::NotBroadcaster);
		assert_noop!(create_by(&mallory, Some(BOB), "cam2", UNIT), Error::<Test>::NoSpendingKey);
		// A signature that names another account does not count.
		let claim = work_claim(id, 0, 0, 0, STANDARD_SEGMENT_WORK);
		let mut signature = sign(&mallory, Purpose::Duties, &claim.hash());
		signature.signer.account = TIM;
		let call = crate::Call::claim_work { claim, signature };
		assert_noop!(apply(call), Error::<Test>::BadSignature);
	});
}

#[test]
fn claims_replayed_in_another_assignment_or_block_should_be_refused() {
	build_and_execute(|| {
		let (first, _) = two();
		let signed = work_claim(0, 0, 0, 3, STANDARD_SEGMENT_WORK);
		assert_ok!(send_claim(&first, signed.clone()));
		assert_noop!(send_claim(&first, signed.clone()), Error::<Test>::ClaimNotAscending);
		jail(&first);
		skip(1);
		accept(0);
		let other = livepeer_primitives::claim::WorkClaim { assignment: 1, ..signed };
		assert_noop!(send_claim(&first, other), Error::<Test>::NotTranscoder);
	});
}

#[test]
fn attack_accepting_and_vanishing_should_back_off_until_a_fee_is_paid() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 10);
		let id = create(&BOB, "cam");
		let mut accepted = Vec::new();
		while accepted.len() < 6 {
			if let Phase::Offered { .. } = job(id).phase {
				accept(id);
				accepted.push(now());
				jail(&TIM);
				skip(1);
				Jailed::take();
			}
			skip(1);
			check();
		}
		let waits: Vec<_> = accepted.windows(2).map(|pair| pair[1] - pair[0]).collect();
		assert!(waits[0] <= 4, "once is no reason to wait: {waits:?}");
		assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]), "{waits:?}");
		assert!(waits[4] >= 32, "{waits:?}");
		assert!(job(id).phase.retries() > 0, "behind everybody else");

		// Only a paid fee, and no claim alone, starts the wait anew.
		while !matches!(job(id).phase, Phase::Offered { .. }) {
			skip(1);
		}
		let (who, index) = accept(id);
		assert_ok!(claim(&who, id, index, 0, 9));
		decide(0);
		assert!(job(id).fruitless > 0);
		assert_ok!(settle(0, Settlement::Pay));
		assert_eq!(job(id).fruitless, 0);
		jail(&TIM);
		skip(1);
		assert_eq!(job(id).phase, Phase::Waiting { draw_at: now() + 2, retries: 0 });
	});
}

#[test]
fn attack_top_ups_of_what_is_offered_or_runs_should_not_keep_it_from_backing_off() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 10);
		let id = create(&BOB, "cam");
		// One unit of ETH each, at the price of the call alone.
		let top_up = || {
			let done = Jobs::top_up(RuntimeOrigin::signed(BOB), id, 1).expect("topped up");
			assert_eq!(done.actual_weight, Some(<()>::top_up()));
		};
		let mut waits = Vec::new();
		while waits.len() < 5 {
			let Phase::Offered { retries, .. } = job(id).phase else {
				skip(1);
				continue;
			};
			top_up();
			assert!(matches!(job(id).phase, Phase::Offered { retries: r, .. } if r == retries));
			accept(id);
			top_up();
			jail(&TIM);
			skip(1);
			Jailed::take();
			let Phase::Waiting { draw_at, .. } = job(id).phase else { panic!("it waits") };
			waits.push(draw_at - now());
			check();
		}
		assert_eq!(waits, [2, 4, 8, 16, 32]);
	});
}

#[test]
fn attack_job_of_a_broadcaster_with_a_revoked_key_should_be_offered_to_nobody() {
	build_and_execute(|| {
		for who in [&TIM, &TOM] {
			register(who, UNIT, PRICE, 10);
		}
		Generations::set([((BOB, Purpose::Segments), 1)].into());
		Revoked::set(vec![(BOB, Purpose::Segments, 1, 0)]);
		let id = create(&BOB, "cam");
		skip(2);
		assert_eq!(job(id).phase, Phase::Waiting { draw_at: now() + 4, retries: 1 });
		skip(200);
		assert!(Noted::get().is_empty(), "nobody let an offer pass that it could not accept");
		assert_eq!(job(id).next_assignment, 0);
		// With new keys it is offered.
		Generations::set([((BOB, Purpose::Segments), 2)].into());
		while job(id).phase.current().is_none() {
			skip(1);
		}
		accept(id);
	});
}
