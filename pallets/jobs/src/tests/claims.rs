//! Claims.

use crate::{mock::*, Error, Event, HoldReason, NextClaim};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{
	claim::ClaimInfo,
	keys::{Purpose, Signer},
	sum_tree::Commitment,
	traits::Claims,
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
		// The allowance is refilled from the unreserved budget.
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
		Generations::set([((BOB, Purpose::Segments), 1), ((TIM, Purpose::Duties), 2)].into());
		let id = running();
		assert_ok!(claim(&TIM, id, 0, 4, 7));
		let stored = job(id);
		let info = ClaimInfo {
			job: id,
			assignment: 0,
			transcoder: TIM,
			transcoder_keys: 2,
			broadcaster: BOB,
			broadcaster_keys: 1,
			stream: stream(&BOB, "cam"),
			first: 4,
			commitment: Commitment {
				root: Hash::repeat_byte(9),
				total_work: 4 * STANDARD_SEGMENT_WORK,
				leaf_count: 4,
			},
			largest_leaf: stored.max_leaf_work,
			toolchain: TOOLCHAIN,
			ladder: ladder(),
			limits: limits(),
			factors: stored.factors,
			max_samples: stored.max_samples,
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
fn claim_should_say_in_how_many_blocks_its_work_was_done() {
	build_and_execute(|| {
		let id = running();
		skip(5);
		assert_ok!(claim(&TIM, id, 0, 0, 3));
		skip(2);
		assert_ok!(claim(&TIM, id, 0, 4, 7));
		assert_ok!(claim(&TIM, id, 0, 8, 11));
		// Since its assignment was accepted, and then since the previous claim.
		assert_eq!([0, 1, 2].map(<Jobs as Claims>::took), [5, 2, 0]);
		decide(1);
		assert_eq!(<Jobs as Claims>::took(1), 2);
		assert_eq!(<Jobs as Claims>::took(3), 0, "there is none");
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
		let mut large = work_claim(id, 0, 0, 3, 100);
		large.largest_leaf = most + 1;
		assert_noop!(send_claim(&TIM, large.clone()), Error::<Test>::LeafTooLarge);
		// What a claim states for its largest leaf bounds all of it.
		large.largest_leaf = most / 2;
		large.total_work = most * 2 + 1;
		assert_noop!(send_claim(&TIM, large), Error::<Test>::WorkTooLarge);
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
fn receipt_under_one_toolchain_and_claim_under_another_should_be_refused() {
	build_and_execute(|| {
		let id = running();
		let other = Hash::repeat_byte(0xbb);
		Accepted::set(vec![other]);
		let mut claim = work_claim(id, 0, 0, 0, STANDARD_SEGMENT_WORK);
		claim.toolchain = other;
		assert_noop!(send_claim(&TIM, claim.clone()), Error::<Test>::WrongToolchain);
		claim.toolchain = TOOLCHAIN;
		// What was accepted stays valid, even when nothing new may begin with it.
		Retired::set(vec![TOOLCHAIN]);
		assert_ok!(send_claim(&TIM, claim));
		assert_eq!(Told::get()[0].1.toolchain, TOOLCHAIN);
	});
}

#[test]
fn key_rotated_between_signature_and_claim_should_neither_convict_nor_free() {
	build_and_execute(|| {
		Generations::set([((TIM, Purpose::Duties), 1)].into());
		let id = running();
		Generations::set([((TIM, Purpose::Duties), 2), ((BOB, Purpose::Segments), 7)].into());
		// The assignment's generation continues to count, whatever is used for others.
		let by = |generation, key| Signer { account: TIM, generation, key };
		let claim = |seq| work_claim(id, 0, seq, seq, STANDARD_SEGMENT_WORK);
		assert_noop!(send_claim_by(&by(2, 0), claim(0)), Error::<Test>::WrongGeneration);
		assert_noop!(send_claim_by(&by(0, 0), claim(0)), Error::<Test>::WrongGeneration);
		assert_ok!(send_claim_by(&by(1, 0), claim(0)));
		let info = &Told::get()[0].1;
		assert_eq!((info.transcoder_keys, info.broadcaster_keys), (1, 0));
		check();
		assert_eq!(Retained::get().get(&(TIM, Purpose::Duties, 1)), Some(&1));
	});
}

#[test]
fn claim_by_a_revoked_key_should_be_refused_and_by_its_fellows_taken() {
	build_and_execute(|| {
		let id = running();
		Revoked::set(vec![(TIM, Purpose::Duties, 0, 0)]);
		let claim = work_claim(id, 0, 0, 0, STANDARD_SEGMENT_WORK);
		let by = |key| Signer { account: TIM, generation: 0, key };
		assert_noop!(send_claim_by(&by(0), claim.clone()), Error::<Test>::KeyRevoked);
		assert_ok!(send_claim_by(&by(1), claim));
	});
}

#[test]
fn claim_should_fail_when_it_is_for_another_chain_or_not_signed() {
	build_and_execute(|| {
		let id = running();
		let mut claim = work_claim(id, 0, 0, 0, STANDARD_SEGMENT_WORK);
		let signature = sign(&TIM, Purpose::Duties, &Hash::zero());
		let call = crate::Call::claim_work { claim: claim.clone(), signature };
		assert_noop!(apply(call), Error::<Test>::BadSignature);
		claim.genesis = Hash::repeat_byte(3);
		assert_noop!(send_claim(&TIM, claim), Error::<Test>::WrongChain);
	});
}

#[test]
fn fee_of_a_claims_call_should_come_from_its_transcoder() {
	build_and_execute(|| {
		let id = running();
		Poor::set(vec![TIM]);
		assert_noop!(claim(&TIM, id, 0, 0, 0), Error::<Test>::CannotPayFee);
		assert!(Charged::get().is_empty());
		Poor::set(vec![]);
		assert_ok!(claim(&TIM, id, 0, 0, 0));
		let charged = Charged::get();
		let [(who, weight, len)] = &charged[..] else { panic!("once") };
		use crate::WeightInfo;
		assert_eq!(*who, TIM);
		assert!(weight.all_gte(<()>::claim_work()));
		let encoded = codec::Encode::encoded_size(&work_claim(id, 0, 0, 0, 1));
		assert!(*len as usize > encoded);
	});
}

#[test]
fn claim_should_pay_when_it_is_made_for_what_it_causes_later() {
	use crate::{types::PAYOUTS_PER_STEP, WeightInfo};
	use frame_support::dispatch::{GetDispatchInfo, Pays};
	for committee_size in [1, 5, 64] {
		build_and_execute(|| {
			Lottery::mutate(|lottery| {
				lottery.committee_size = committee_size;
				lottery.tranches = 1;
			});
			let id = running();
			assert_ok!(claim(&TIM, id, 0, 0, 63));
			// Its fee, a refund and the rest of its prepayment are paid besides its judges.
			let more_steps = (committee_size + 3).div_ceil(PAYOUTS_PER_STEP) - 1;
			let weight = <()>::claim_work()
				.saturating_add(future_of_claim(committee_size))
				.saturating_add(<()>::task_payouts().saturating_mul(more_steps.into()));
			// It takes as much room in blocks.
			let again = work_claim(id, 0, 64, 64, STANDARD_SEGMENT_WORK);
			let signature = sign(&TIM, Purpose::Duties, &again.hash());
			let call = crate::Call::<Test>::claim_work { claim: again, signature };
			let info = call.get_dispatch_info();
			assert_eq!((info.call_weight, info.pays_fee), (weight, Pays::No));
			let charged: Vec<_> = Charged::get().into_iter().map(|(_, weight, _)| weight).collect();
			assert_eq!(charged, [weight.saturating_add(<()>::authorize_claim_work())]);
			// The terms of its assignment count for its fee, whatever is in force.
			Lottery::mutate(|lottery| lottery.committee_size = 2);
			assert_ok!(apply(call));
			assert_eq!(Charged::get()[1].1, charged[0]);
		});
	}
}

#[test]
fn refusals_should_name_the_error_by_its_number() {
	use codec::Encode;
	use frame_support::{pallet_prelude::TransactionSource, traits::Authorize};
	use sp_runtime::transaction_validity::UnknownTransaction;
	build_and_execute(|| {
		let claim = work_claim(9, 0, 0, 0, 1);
		let signature = sign(&TIM, Purpose::Duties, &claim.hash());
		let call = crate::Call::<Test>::claim_work { claim, signature };
		let refused = call.authorize(TransactionSource::External).unwrap().unwrap_err();
		let number = Error::<Test>::NoJob.encode()[0];
		assert_eq!(refused, UnknownTransaction::Custom(number).into());
		// The number of the error among the pallet's, as in the metadata.
		assert_eq!(number, 16);
	});
}

#[test]
fn claims_of_an_assignment_should_be_one_at_a_time_in_the_pool() {
	use frame_support::{pallet_prelude::TransactionSource, traits::Authorize};
	build_and_execute(|| {
		let id = running();
		let provides = |first| {
			let claim = work_claim(id, 0, first, first, STANDARD_SEGMENT_WORK);
			let signature = sign(&TIM, Purpose::Duties, &claim.hash());
			let call = crate::Call::<Test>::claim_work { claim, signature };
			call.authorize(TransactionSource::External).unwrap().unwrap().0.provides
		};
		// Otherwise thousands of signed ones would fill the pool for one fee.
		assert_eq!(provides(0), provides(1_000));
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
		// Decided claims take no place.
		decide(0);
		decide(0);
		assert_ok!(claim(&TIM, id, 0, 2, 2));
		assert_noop!(claim(&TIM, id, 0, 3, 3), Error::<Test>::TooManyOpenClaims);
		assert_ok!(settle(1, livepeer_primitives::traits::Settlement::Pay));
		assert_ok!(claim(&TIM, id, 0, 3, 3));
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
		// The fakes are outside storage.
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
		assert_noop!(claim(&TIM, id, 0, 1, 1), Error::<Test>::TooLate);
	});
}

#[test]
fn claim_should_fail_after_the_grace_though_the_agenda_is_late() {
	build_and_execute(|| {
		let id = running();
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		stall(GRACE + 1);
		assert_noop!(claim(&TIM, id, 0, 0, 0), Error::<Test>::TooLate);
		skip(1);
	});
}

#[test]
fn grace_should_count_from_the_jobs_end_though_the_agenda_is_late() {
	build_and_execute(|| {
		let id = running();
		let end = job(id).end;
		run_to(end - 1);
		stall(GRACE);
		// Nobody has ended it yet; its end block and the grace still count.
		assert_eq!(job(id).phase.current(), Some(0));
		assert_ok!(claim(&TIM, id, 0, 0, 0));
		stall(2);
		assert_noop!(claim(&TIM, id, 0, 1, 1), Error::<Test>::TooLate);
		skip(1);
		assert_noop!(claim(&TIM, id, 0, 1, 1), Error::<Test>::TooLate);
		assert_eq!(assignment(id, 0).claimable_until, Some(end + GRACE));
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
