//! Where the pallet differs from the whitepaper or Livepeer's first contracts on purpose.

use crate::{mock::*, Error, HoldReason};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{traits::Settlement, work::STANDARD_SEGMENT_WORK, UNIT};

#[test]
fn differs_from_livepeer_where_one_deposit_serves_all_jobs() {
	build_and_execute(|| {
		// In Livepeer, a broadcaster's jobs all draw on one deposit, and the transcoder that claims
		// last finds it empty. Here each job has its own budget.
		register(&TIM, UNIT, PRICE, 10);
		let (first, second) = (create(&BOB, "a"), create(&BOB, "b"));
		skip(2);
		accept(first);
		accept(second);
		assert_ok!(claim(&TIM, first, 0, 0, 63));
		assert_eq!(job(second).unreserved + assignment(second, 0).allowance, BUDGET);
	});
}

#[test]
fn differs_from_livepeer_where_a_late_claim_finds_no_transcoder() {
	build_and_execute(|| {
		// In Livepeer, the transcoder is computed at its first claim, which must come within 256
		// blocks.
		let id = running();
		skip(300);
		assert_ok!(claim(&TIM, id, 0, 0, 0));
	});
}

#[test]
fn differs_from_livepeer_where_a_segment_can_be_claimed_twice() {
	build_and_execute(|| {
		// In Livepeer, two claims of a job can overlap, and somebody must ask for a slash. Here the
		// second one is refused.
		let id = running();
		assert_ok!(claim(&TIM, id, 0, 0, 3));
		assert_noop!(claim(&TIM, id, 0, 0, 2), Error::<Test>::ClaimNotAscending);
		assert_noop!(claim(&TIM, id, 0, 3, 3), Error::<Test>::ClaimNotAscending);
	});
}

#[test]
fn differs_from_livepeer_where_the_fee_is_segments_times_profiles() {
	build_and_execute(|| {
		// In Livepeer, a claim of four segments in one profile at price 1 puts 4 into escrow,
		// whatever they contain. Here the fee follows the work.
		let id = running();
		assert_ok!(claim_work(&TIM, id, 0, 0, 3, STANDARD_SEGMENT_WORK));
		assert_eq!(held(&BOB, HoldReason::Escrow), fee_of(1));
		assert_ok!(claim_work(&TIM, id, 0, 4, 7, 4 * STANDARD_SEGMENT_WORK));
		assert_eq!(held(&BOB, HoldReason::Escrow), fee_of(5));
	});
}

#[test]
fn differs_from_livepeer_where_a_failed_claim_ends_the_job() {
	build_and_execute(|| {
		// In Livepeer, the job ends with it. Here its transcoder is jailed, which hands the job on.
		let id = running();
		register(&TOM, UNIT, PRICE, 10);
		assert_ok!(claim(&TIM, id, 0, 0, 3));
		jail(&TIM);
		assert_ok!(settle(0, Settlement::Refund));
		skip(3);
		assert_eq!(current(id), (TOM, 1));
	});
}

#[test]
fn differs_from_whitepaper_where_claims_are_of_consecutive_segments() {
	build_and_execute(|| {
		let id = running();
		assert_ok!(claim_work(&TIM, id, 0, 0, 9, 3 * STANDARD_SEGMENT_WORK));
		assert_ok!(claim(&TIM, id, 0, 50, 50));
	});
}
