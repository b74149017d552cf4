//! Claims.

use crate::{mock::*, Error, Event, HoldReason, NextClaim};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{
	sum_tree::Commitment,
	traits::{ClaimInfo, Claims},
	work::{self, STANDARD_SEGMENT_WORK},
	Hash, UNIT,
};
use sp_runtime::DispatchError;

#[test]
fn claim_should_move_the_fee_into_escrow() {
	build_and_execute(|| {
		let id = running();
		let reserved = assignment(id, 0).allowance;
		assert_ok!(claim(&TIM, id, 0, 4, 7));
		assert_eq!(held(&BOB, HoldReason::Escrow), fee_of(4));
		assert_eq!(held(&BOB, HoldReason::Budget), BUDGET - fee_of(4));
		assert_eq!(free(&BOB) + BUDGET, PURSE - UNIT / 1_000, "nothing passed through free ETH");
		// The allowance is filled up again from the unreserved budget.
		assert_eq!(assignment(id, 0).allowance, reserved);
		assert_eq!(job(id).unreserved, BUDGET - reserved - fee_of(4));
		assert_eq!(assignment(id, 0).next_seq, 8);
		assert_eq!(Liabilities::get().get(&(TIM, 7)), Some(&1));
		assert_eq!(
			last_event(),
			Event::Claimed {
				claim: 0,
				job: id,
				assignment: 0,
				transcoder: TIM,
				first: 4,
				last: 7,
				total_work: 4 * STANDARD_SEGMENT_WORK,
				fee: fee_of(4),
			}
		);
	});
}

#[test]
fn claim_should_copy_all_that_the_lottery_needs() {
	build_and_execute(|| {
		let id = running();
		assert_ok!(claim(&TIM, id, 0, 4, 7));
		let stored = job(id);
		let info = ClaimInfo {
			job: id,
			assignment: 0,
			transcoder: TIM,
			broadcaster: BOB,
			stream: stream(&BOB, "cam"),
			first: 4,
			commitment: Commitment {
				root: Hash::repeat_byte(9),
				total_work: 4 * STANDARD_SEGMENT_WORK,
				leaf_count: 4,
			},
			toolchain: TOOLCHAIN,
			ladder: ladder(),
			limits: limits(),
			factors: stored.factors,
			max_leaf_work: stored.max_leaf_work,
			fee: fee_of(4),
			round: 7,
			window: 3,
		};
		assert_eq!(Told::get(), [(0, info.clone())]);
		assert_eq!(<Jobs as Claims>::claim(0), Some(info));
		assert_eq!(<Jobs as Claims>::claim(1), None);
	});
}

#[test]
fn claims_should_ascend() {
	build_and_execute(|| {
		let id = running();
		assert_ok!(claim(&TIM, id, 0, 10, 12));
		for (first, last) in [(0, 5), (12, 14), (10, 12), (11, 11), (14, 13), (20, 13)] {
			assert_noop!(claim(&TIM, id, 0, first, last), Error::<Test>::ClaimNotAscending);
		}
		assert_noop!(claim(&TIM, id, 0, u64::MAX, u64::MAX), Error::<Test>::ClaimNotAscending);
		assert_ok!(claim(&TIM, id, 0, 13, 13));
		assert_ok!(claim(&TIM, id, 0, 1_000_000, 1_000_001));
		assert_eq!(assignment(id, 0).next_seq, 1_000_002);
	});
}

#[test]
fn claim_should_fail_when_it_has_too_many_leaves() {
	build_and_execute(|| {
		let id = running();
		let limit = MaxLeaves::get() as u64;
		assert_noop!(claim(&TIM, id, 0, 0, limit), Error::<Test>::TooManyLeaves);
		assert_noop!(claim(&TIM, id, 0, 0, u64::MAX - 1), Error::<Test>::TooManyLeaves);
		assert_noop!(claim(&TIM, id, 0, 0, u64::from(u32::MAX)), Error::<Test>::TooManyLeaves);
		assert_ok!(claim(&TIM, id, 0, 0, limit - 1));
		// A tree is never deeper than the format allows, whatever the lottery says.
		MaxLeaves::set(u32::MAX);
		assert_noop!(claim(&TIM, id, 0, limit, limit + (1 << 12)), Error::<Test>::TooManyLeaves);
	});
}

#[test]
fn claim_should_fail_when_work_is_nothing_or_more_than_leaves_hold() {
	build_and_execute(|| {
		let id = running();
		let most = job(id).max_leaf_work;
		assert_noop!(claim_work(&TIM, id, 0, 0, 0, 0), Error::<Test>::NoWork);
		assert_noop!(claim_work(&TIM, id, 0, 0, 0, most + 1), Error::<Test>::WorkTooLarge);
		assert_noop!(claim_work(&TIM, id, 0, 0, 3, u64::MAX), Error::<Test>::WorkTooLarge);
		assert_ok!(claim_work(&TIM, id, 0, 0, 3, most * 4));
	});
}

#[test]
fn claim_should_fail_when_it_exceeds_the_allowance() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 1);
		let one = work::fee(
			work::max_leaf_work(&Parameters::get().factors, &ladder(), &limits()).unwrap(),
			PRICE,
		);
		assert_ok!(create_with(&BOB, "cam", one));
		skip(2);
		accept(0);
		let most = job(0).max_leaf_work;
		assert_noop!(
			claim_work(&TIM, 0, 0, 0, 1, most + STANDARD_SEGMENT_WORK),
			Error::<Test>::AllowanceExceeded
		);
		assert_ok!(claim_work(&TIM, 0, 0, 0, 1, most));
		assert_eq!(assignment(0, 0).allowance, 0);
		assert_noop!(claim(&TIM, 0, 0, 2, 2), Error::<Test>::AllowanceExceeded);
		assert_ok!(Jobs::top_up(RuntimeOrigin::signed(BOB), 0, one));
		assert_ok!(claim(&TIM, 0, 0, 2, 2));
	});
}

#[test]
fn claim_should_fail_when_it_is_not_the_callers_or_not_accepted() {
	build_and_execute(|| {
		assert_noop!(claim(&TIM, 0, 0, 0, 0), Error::<Test>::NoJob);
		register(&TIM, UNIT, PRICE, 1);
		let id = create(&BOB, "cam");
		assert_noop!(claim(&TIM, id, 0, 0, 0), Error::<Test>::NoAssignment);
		skip(2);
		assert_noop!(claim(&TIM, id, 0, 0, 0), Error::<Test>::NotAccepted);
		accept(id);
		assert_noop!(claim(&TOM, id, 0, 0, 0), Error::<Test>::NotTranscoder);
		assert_noop!(claim(&BOB, id, 0, 0, 0), Error::<Test>::NotTranscoder);
	});
}

#[test]
fn claim_should_fail_when_toolchain_is_not_accepted() {
	build_and_execute(|| {
		let id = running();
		let origin = RuntimeOrigin::signed(TIM);
		assert_noop!(
			Jobs::claim_work(
				origin,
				id,
				0,
				0,
				0,
				Hash::zero(),
				STANDARD_SEGMENT_WORK,
				Hash::repeat_byte(0xbb)
			),
			Error::<Test>::UnknownToolchain
		);
	});
}

#[test]
fn claim_should_fail_when_too_many_are_open() {
	build_and_execute(|| {
		let id = running();
		Parameters::mutate(|p| p.max_open_claims = 2);
		assert_ok!(claim(&TIM, id, 0, 0, 0));
		assert_ok!(claim(&TIM, id, 0, 1, 1));
		assert_noop!(claim(&TIM, id, 0, 2, 2), Error::<Test>::TooManyOpenClaims);
		assert_ok!(settle(0, livepeer_primitives::traits::Settlement::Pay));
		assert_ok!(claim(&TIM, id, 0, 2, 2));
	});
}

#[test]
fn claim_should_leave_no_trace_when_the_lottery_refuses() {
	build_and_execute(|| {
		let id = running();
		RefuseClaims::set(true);
		let before = snapshot();
		assert_noop!(claim(&TIM, id, 0, 0, 0), DispatchError::Other("refused"));
		assert_eq!(snapshot(), before);
		// The fake's liability is outside storage.
		Liabilities::take();
	});
}

#[test]
fn claim_should_fail_when_numbers_are_used_up() {
	build_and_execute(|| {
		let id = running();
		NextClaim::<Test>::put(u64::MAX);
		assert_noop!(claim(&TIM, id, 0, 0, 0), Error::<Test>::NoMoreNumbers);
	});
}

#[test]
fn claim_should_succeed_until_the_last_block_of_the_grace() {
	build_and_execute(|| {
		let id = running();
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		let until = assignment(id, 0).claimable_until.unwrap();
		assert_eq!(until, now() + 20);
		run_to(until);
		assert_ok!(claim(&TIM, id, 0, 0, 0));
		skip(1);
		assert_noop!(claim(&TIM, id, 0, 1, 1), Error::<Test>::NoAssignment);
	});
}

#[test]
fn claim_should_fail_after_the_grace_though_the_agenda_is_late() {
	build_and_execute(|| {
		let id = running();
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		AgendaWeight::set(frame_support::weights::Weight::zero());
		skip(21);
		assert_noop!(claim(&TIM, id, 0, 0, 0), Error::<Test>::TooLate);
	});
}

#[test]
fn grace_should_not_change_when_the_parameter_does() {
	build_and_execute(|| {
		let id = running();
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		Parameters::mutate(|p| p.claim_grace = 1);
		skip(20);
		assert_ok!(claim(&TIM, id, 0, 0, 0));
	});
}

#[test]
fn ended_assignment_should_get_no_more_than_was_reserved() {
	build_and_execute(|| {
		let id = running();
		let reserved = assignment(id, 0).allowance;
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		assert_ok!(claim(&TIM, id, 0, 0, 3));
		assert_eq!(assignment(id, 0).allowance, reserved - fee_of(4));
		assert_eq!(job(id).unreserved, BUDGET - reserved);
	});
}
