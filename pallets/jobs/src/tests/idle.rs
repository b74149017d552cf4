//! Assignments for which nothing is claimed.

use crate::{
	idle_impls::END_IDLE_LENGTH,
	mock::*,
	types::{Phase, Unsuited},
	Error, Event, Places,
};
use frame_support::{
	assert_noop, assert_ok,
	dispatch::{DispatchResultWithPostInfo, Pays},
};
use livepeer_primitives::{
	traits::ChargeFee as _,
	work::{fee, STANDARD_SEGMENT_WORK},
	AccountId, Balance, BlockNumber, JobId, ETH, ETH_MINIMUM, UNIT,
};

/// Blocks of the largest claim: 64 segments of 2.5 s at 2 s a block.
const CLAIM: BlockNumber = 80;

/// The most work of a leaf of a typical job.
fn job_leaf() -> u64 {
	livepeer_primitives::work::max_leaf_work(
		&crate::mock::Parameters::get().factors,
		&ladder(),
		&limits(),
	)
	.unwrap()
}

fn end_idle(who: &AccountId, id: JobId) -> DispatchResultWithPostInfo {
	Jobs::end_idle(RuntimeOrigin::signed(who.clone()), id, 0)
}

/// The price of the call that ends an assignment as idle, in ETH.
fn price_of_end() -> Balance {
	Chain::price_in_eth(Jobs::end_idle_weight(), END_IDLE_LENGTH)
}

/// Makes the common pool exist, so that it accepts any amount.
fn begin_pool() {
	assert_ok!(Assets::transfer(RuntimeOrigin::signed(BEA), ETH, POOL, ETH_MINIMUM));
}

#[test]
fn idle_assignment_should_be_ended_by_anyone_and_drawn_anew() {
	build_and_execute(|| {
		let id = running();
		skip(2 * CLAIM);
		assert_noop!(end_idle(&TAT, id), Error::<Test>::NotIdle);
		skip(1);
		assert_ok!(end_idle(&TAT, id));
		assert_eq!(job(id).phase, Phase::Waiting { draw_at: now() + 2, retries: 0 });
		// Work that was done can still be claimed: it takes a place for that, and no other.
		assert_eq!(Places::<Test>::get(TIM), 1);
		assert_ok!(claim(&TIM, id, 0, 0, 0));
		assert_eq!(Places::<Test>::get(TIM), 1);
		check();
		skip(2);
		assert_eq!(current(id), (TIM, 1));
		assert_noop!(end_idle(&TAT, id), Error::<Test>::NoAssignment);
	});
}

#[test]
fn idle_assignment_should_be_ended_by_its_transcoder_earlier() {
	build_and_execute(|| {
		let id = running();
		assert_ok!(claim(&TIM, id, 0, 0, 9));
		skip(CLAIM);
		assert_noop!(end_idle(&TIM, id), Error::<Test>::NotIdle);
		skip(1);
		assert_noop!(end_idle(&TAT, id), Error::<Test>::NotIdle);
		assert_ok!(end_idle(&TIM, id));
	});
}

/// A stream whose budget is used up to the last segment is as healthy as any.
#[test]
fn attack_stream_that_has_claimed_all_of_its_allowance_should_not_be_ended_as_idle() {
	build_and_execute(|| {
		register(&TIM, 100 * UNIT, PRICE, 10);
		let least = fee(job_leaf(), PRICE);
		assert_ok!(create_with(&BOB, "cam", least));
		skip(2);
		accept(0);
		assert_eq!(assignment(0, 0).allowance, least);
		assert_ok!(claim_work(&TIM, 0, 0, 0, 9, job_leaf()));
		assert_eq!(assignment(0, 0).allowance, 0);
		assert_noop!(end_idle(&TAT, 0), Error::<Test>::NotIdle);
		skip(10);
		assert_noop!(end_idle(&TAT, 0), Error::<Test>::NotIdle);
		// When the claimed fees pay for no more of its time.
		skip(20);
		assert_ok!(end_idle(&TAT, 0));
	});
}

#[test]
fn attack_empty_job_should_be_ended_soon_by_its_transcoder_and_back_off() {
	build_and_execute(|| {
		// Its transcoder accepts every offer, and ends assignments for which nothing arrives.
		let id = running();
		let (mut index, mut taken, mut blocks) = (0, 0, 0);
		while blocks < 450 {
			if let Phase::Running { .. } = job(id).phase {
				skip(CLAIM / 8);
				let early = Jobs::end_idle(RuntimeOrigin::signed(TIM), id, index);
				assert_noop!(early, Error::<Test>::NotIdle);
				skip(1);
				let late = Jobs::end_idle(RuntimeOrigin::signed(TIM), id, index);
				assert_ok!(late);
				taken += CLAIM / 8 + 1;
				blocks += CLAIM / 8 + 1;
			} else if let Phase::Offered { assignment, .. } = job(id).phase {
				index = assignment;
				accept(id);
				continue;
			}
			skip(1);
			blocks += 1;
		}
		// It takes less and less of the time.
		assert!(taken * 4 < blocks, "{taken} of {blocks} blocks");
		assert!(matches!(job(id).phase, Phase::Waiting { retries: 6.., .. }));
	});
}

#[test]
fn attack_empty_job_should_pay_for_the_time_that_it_takes() {
	build_and_execute(|| {
		let id = running();
		let load = job(id).load;
		skip(100);
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		// A sixteenth of its largest work in 100 blocks of 2 s.
		let due = fee(load * 200 / 16, PRICE);
		assert!(due > 0);
		skip(GRACE + 1);
		assert_eq!(free(&POOL), due);
		assert!(events().contains(&Event::ReservationPaid { job: id, assignment: 0, amount: due }));
		check();
		skip(GONE);
		assert_eq!(free(&BOB), PURSE - due, "the rest comes back");
	});
	build_and_execute(|| {
		// A job in which that much is claimed pays nothing beyond its fees.
		let id = running();
		skip(100);
		let least = (job(id).load * 200 / 16).div_ceil(STANDARD_SEGMENT_WORK);
		assert_ok!(claim(&TIM, id, 0, 0, least));
		let fee = fee((least + 1) * STANDARD_SEGMENT_WORK, PRICE);
		assert_eq!(assignment(id, 0).claimed, fee);
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		skip(GRACE + 1);
		assert_eq!(free(&POOL), 0);
	});
}

#[test]
fn attack_empty_job_should_take_no_longer_than_its_allowance_pays() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 1);
		// The cost of one segment, if an assignment could run for 160 blocks without a claim.
		assert_ok!(create_with(&BOB, "small", fee(max_leaf(), PRICE)));
		skip(2);
		let (_, index) = accept(0);
		let (load, allowance) = (job(0).load, assignment(0, index).allowance);
		let paid_for = (1..2 * CLAIM)
			.find(|blocks| fee(load * 2 * u64::from(*blocks) / 16, PRICE) >= allowance)
			.expect("it is small");
		let end = || Jobs::end_idle(RuntimeOrigin::signed(TAT), 0, index);
		skip(paid_for - 1);
		assert_noop!(end(), Error::<Test>::NotIdle);
		skip(1);
		assert_ok!(end());
		skip(GRACE + 1);
		assert_eq!(free(&POOL), allowance);
		check();
	});
}

/// A job in which nothing is done comes back again and again, but its creation was paid for once.
/// It therefore pays for each call that ends an assignment of it, whoever sends the call.
#[test]
fn attack_empty_job_should_pay_for_the_call_that_ends_its_assignment() {
	for (who, patience) in [(TIM, CLAIM / 8), (TAT, 2 * CLAIM)] {
		build_and_execute(|| {
			// More than the pool needs to exist.
			WeightPrice::set(1_000);
			let price = price_of_end();
			assert!(price > ETH_MINIMUM);
			let id = running();
			let (unreserved, allowance) = (job(id).unreserved, assignment(id, 0).allowance);
			skip(patience);
			// A refused call pays like any other.
			let early = end_idle(&who, id).unwrap_err();
			assert_eq!(early.post_info.pays_fee, Pays::Yes);
			skip(1);
			assert_eq!(end_idle(&who, id).map(|info| info.pays_fee), Ok(Pays::No));
			assert_eq!(free(&POOL), price);
			let paid = Event::ReservationPaid { job: id, assignment: 0, amount: price };
			assert!(events().contains(&paid));
			// What is reserved for its last claim stays.
			assert_eq!(job(id).unreserved, unreserved - price);
			assert_eq!(assignment(id, 0).allowance, allowance);
		});
	}
}

/// A job that returns with an empty budget costs others no more than its creation has cost it.
#[test]
fn attack_empty_job_should_come_back_no_oftener_than_its_budget_pays() {
	build_and_execute(|| {
		WeightPrice::set(100_000);
		register(&TIM, UNIT, PRICE, 1);
		assert_ok!(create_with(&BOB, "small", fee(max_leaf(), PRICE)));
		skip(2);
		accept(0);
		let allowance = assignment(0, 0).allowance;
		assert!(allowance > 0 && allowance < price_of_end());
		skip(CLAIM / 8 + 1);
		// What there is is taken, and does not suffice.
		assert_eq!(end_idle(&TIM, 0).map(|info| info.pays_fee), Ok(Pays::Yes));
		assert_eq!(free(&POOL), allowance);
		assert_eq!((assignment(0, 0).allowance, job(0).unreserved), (0, 0));
		check();
		skip(2);
		let why = Unsuited::Budget;
		assert!(events().contains(&Event::NobodySuits { job: 0, why }));
	});
}

#[test]
fn end_as_idle_should_cost_its_caller_where_something_was_claimed() {
	build_and_execute(|| {
		WeightPrice::set(1_000);
		let id = running();
		assert_ok!(claim(&TIM, id, 0, 0, 9));
		skip(CLAIM + 1);
		assert_eq!(end_idle(&TIM, id).map(|info| info.pays_fee), Ok(Pays::Yes));
		assert_eq!(free(&POOL), 0);
	});
}

/// An account that is both parties only moves its own ETH to the pool, as it could for any call.
#[test]
fn attack_self_dealing_should_gain_nothing_by_an_end_as_idle() {
	build_and_execute(|| {
		WeightPrice::set(1_000);
		register(&BOB, UNIT, PRICE, 1);
		let id = create(&BOB, "cam");
		skip(2);
		accept(id);
		skip(CLAIM / 8 + 1);
		assert_eq!(end_idle(&BOB, id).map(|info| info.pays_fee), Ok(Pays::No));
		assert_eq!(total_eth(&BOB), PURSE - price_of_end());
		assert_eq!(free(&POOL), price_of_end());
	});
}

/// Jobs with almost empty segments take no capacity, but as many places as any.
#[test]
fn attack_tiny_jobs_should_pay_for_their_places_however_little_that_is() {
	/// A tiny job that runs for a hundred blocks, and what two places cost in these: each has room
	/// for a smallest fee in every twenty.
	fn run() -> (JobId, Balance) {
		register(&TIM, 100 * UNIT, PRICE / 10_000, 10);
		let id = create(&BOB, "tiny");
		skip(2);
		accept(id);
		assert_eq!(assignment(id, 0).places(), 2);
		let of_room = fee(job(id).load * 200 / 16, PRICE / 10_000);
		skip(100);
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		let due = 2 * 100 * ETH_MINIMUM / 20 / 16;
		assert!(of_room < due && due < ETH_MINIMUM);
		(id, due)
	}
	build_and_execute(|| {
		begin_pool();
		let (id, due) = run();
		skip(GRACE + 1);
		assert_eq!(free(&POOL), ETH_MINIMUM + due);
		assert!(events().contains(&Event::ReservationPaid { job: id, assignment: 0, amount: due }));
	});
	build_and_execute(|| {
		// The pool cannot come into existence with so little.
		run();
		skip(GONE);
		assert_eq!((free(&POOL), free(&BOB)), (0, PURSE));
	});
}

/// The most work of one leaf of a typical job.
fn max_leaf() -> u64 {
	let factors = Parameters::get().factors;
	livepeer_primitives::work::max_leaf_work(&factors, &ladder(), &limits()).expect("fits")
}

#[test]
fn healthy_streams_should_not_be_ended_as_idle() {
	build_and_execute(|| {
		let id = running();
		// The slowest honest way of claiming: full claims at the longest segments, each as late as
		// the previous one took.
		for claimed in 0..3 {
			skip(2 * CLAIM - 1);
			for who in [&BOB, &TAT] {
				assert_noop!(end_idle(who, id), Error::<Test>::NotIdle);
			}
			assert_ok!(claim(&TIM, id, 0, claimed * 64, claimed * 64 + 63));
		}
		assert_noop!(end_idle(&TIM, id), Error::<Test>::NotIdle);
	});
}

#[test]
fn only_what_runs_should_be_ended_as_idle() {
	build_and_execute(|| {
		register(&TIM, 1, PRICE, 1);
		assert_noop!(end_idle(&TAT, 0), Error::<Test>::NoJob);
		let id = create(&BOB, "cam");
		assert_noop!(end_idle(&TAT, id), Error::<Test>::NoAssignment);
		skip(2);
		// An offer has its own deadline.
		assert_noop!(end_idle(&TAT, id), Error::<Test>::NoAssignment);
	});
}

#[test]
fn attack_end_idle_should_not_take_the_place_of_the_last_claim() {
	build_and_execute(|| {
		let id = running();
		assert_ok!(claim(&TIM, id, 0, 0, 0));
		skip(2 * CLAIM + 1);
		assert_ok!(end_idle(&TAT, id));
		// Everything else that the transcoder can have open is.
		let kept = Places::<Test>::get(TIM);
		assert_eq!(kept, 2, "the open claim's, and one for the last");
		Parameters::mutate(|p| p.max_open_claims = kept);
		assert_ok!(claim(&TIM, id, 0, 1, 9));
		assert_noop!(claim(&TIM, id, 0, 10, 10), Error::<Test>::TooManyOpenClaims);
		check();
		skip(GRACE + 1);
		for claim in open_claims() {
			decide(claim);
		}
		assert!(!Places::<Test>::contains_key(TIM), "nothing is kept after the grace");
	});
}
