//! The cost of verifying claims, and who pays it.

use crate::{mock::*, Debts, Error, Event, HoldReason, OpenClaims};
use frame_support::{assert_noop, assert_ok, traits::fungibles::Mutate};
use livepeer_primitives::{
	claim::PayoutReason,
	keys::Purpose,
	params::VerificationTerms,
	traits::{Claims, OnKeyRevoked, Settlement, VerificationBill},
	work::STANDARD_SEGMENT_WORK,
	AccountId, Balance, ClaimId, JobId, ETH, ETH_MINIMUM, UNIT,
};
use sp_runtime::Perbill;

/// What a standard segment costs for one verifier: a tenth of its price.
const VERIFY_PRICE: Balance = PRICE / 10;

/// Verification has a price, which claims cover once.
fn with_price(fee_ratio: u32) {
	Lottery::mutate(|lottery| {
		lottery.verify_price = VERIFY_PRICE;
		lottery.fee_ratio = fee_ratio;
	});
}

/// Moves ETH of BEA.
fn give(who: &AccountId, amount: Balance) {
	let kept = frame_support::traits::tokens::Preservation::Expendable;
	assert_ok!(<Assets as Mutate<_>>::transfer(ETH, &BEA, who, amount, kept));
}

/// The terms of the job's current assignment.
fn terms(id: JobId) -> VerificationTerms {
	assignment(id, 0).terms
}

/// A claim of this many standard segments, none larger.
fn claim_standard(id: JobId, first: u64, leaves: u64) -> sp_runtime::DispatchResult {
	let mut claim = work_claim(id, 0, first, first + leaves - 1, STANDARD_SEGMENT_WORK * leaves);
	claim.largest_leaf = STANDARD_SEGMENT_WORK;
	send_claim(&TIM, claim)
}

fn budget(id: ClaimId, settlement: Settlement) -> Balance {
	<Jobs as Claims>::verification_budget(id, settlement)
}

fn bill(payments: &[(AccountId, Balance)]) -> VerificationBill {
	VerificationBill { payments: payments.to_vec() }
}

/// The total booked for `who`.
fn booked(who: &AccountId) -> Balance {
	Booked::get().get(who).into_iter().flatten().map(|(amount, _)| amount).sum()
}

#[test]
fn claim_should_prepay_its_verification_out_of_the_transcoders_eth() {
	build_and_execute(|| {
		with_price(1);
		give(&TIM, UNIT);
		let id = running();
		assert_ok!(claim_standard(id, 0, 16));
		// Four of sixteen leaves, three members each.
		let prepayment = 4 * 3 * VERIFY_PRICE;
		let claim = OpenClaims::<Test>::get(0).unwrap();
		assert_eq!((claim.prepayment, claim.prepaid, claim.shortfall), (prepayment, prepayment, 0));
		assert_eq!(free(&TIM), UNIT - prepayment);
		assert_eq!(held(&BOB, HoldReason::Escrow), fee_of(16) + prepayment);
		assert!(events().contains(&Event::VerificationPrepaid {
			claim: 0,
			prepayment,
			prepaid: prepayment,
			shortfall: 0,
		}));
		for settlement in [Settlement::Pay, Settlement::Refund] {
			assert_eq!(budget(0, settlement), prepayment);
		}
	});
}

#[test]
fn accepted_claim_should_pay_verifiers_and_give_the_rest_back() {
	build_and_execute(|| {
		with_price(1);
		give(&TIM, UNIT);
		let id = running();
		assert_ok!(claim_standard(id, 0, 16));
		let prepayment = budget(0, Settlement::Pay);
		assert_ok!(settle_with(0, Settlement::Pay, &bill(&[(TOM, VERIFY_PRICE), (TAT, 7)])));
		assert_eq!((booked(&TOM), booked(&TAT)), (VERIFY_PRICE, 7));
		assert_eq!(free(&TIM), UNIT - VERIFY_PRICE - 7);
		// The fee goes to the transcoder and its delegators as usual.
		assert_eq!(Booked::get()[&TIM], [(fee_of(16), Perbill::from_percent(40))]);
		assert_eq!(free(&POT), fee_of(16) + VERIFY_PRICE + 7);
		assert!(events().contains(&Event::EscrowPaid {
			claim: 0,
			account: TIM,
			reason: PayoutReason::Prepayment,
			amount: prepayment - VERIFY_PRICE - 7,
		}));
	});
}

#[test]
fn refund_should_be_in_full_whatever_verification_costs() {
	build_and_execute(|| {
		with_price(1);
		give(&TIM, UNIT);
		let id = running();
		let before = total_eth(&BOB);
		assert_ok!(claim_standard(id, 0, 16));
		let all = budget(0, Settlement::Refund);
		assert_ok!(settle_with(0, Settlement::Refund, &bill(&[(TOM, all)])));
		assert_eq!(total_eth(&BOB), before);
		assert_eq!(booked(&TOM), all);
		assert_eq!((free(&TIM), booked(&TIM)), (UNIT - all, 0));
	});
}

#[test]
fn attack_transcoder_without_eth_should_pay_out_of_the_fee_and_not_its_delegators() {
	build_and_execute(|| {
		with_price(1);
		let id = running();
		assert_ok!(claim_standard(id, 0, 16));
		let claim = OpenClaims::<Test>::get(0).unwrap();
		assert_eq!(claim.prepaid, 0);
		// There is nothing that a refund could pay it with.
		assert_eq!(budget(0, Settlement::Refund), 0);
		let all = budget(0, Settlement::Pay);
		assert_eq!(all, claim.prepayment);
		assert_ok!(settle_with(0, Settlement::Pay, &bill(&[(TOM, all)])));
		let shared = fee_of(16) / 10 * 4;
		assert_eq!(
			Booked::get()[&TIM],
			[(shared, Perbill::one()), (fee_of(16) - shared - all, Perbill::zero())]
		);
	});
}

/// Small claims, of whose fees as much was left as an ETH account needs to exist: then nothing of
/// it would go to those that verify them.
#[test]
fn attack_small_fees_should_pay_for_their_verification_in_full() {
	build_and_execute(|| {
		with_price(1);
		Lottery::mutate(|lottery| lottery.verify_price = PRICE / 2);
		give(&POT, ETH_MINIMUM);
		Booked::mutate(|booked| booked.entry(BEA).or_default().push((ETH_MINIMUM, Perbill::one())));
		let id = running();
		// Two of the smallest fees, in two leaves.
		let work = STANDARD_SEGMENT_WORK / (PRICE / ETH_MINIMUM) as u64;
		let mut claim = work_claim(id, 0, 0, 1, 2 * work);
		claim.largest_leaf = work;
		assert_ok!(send_claim(&TIM, claim.clone()));
		let whole = OpenClaims::<Test>::get(0).unwrap().prepayment;
		assert_eq!(budget(0, Settlement::Pay), whole);
		assert_ok!(settle_with(0, Settlement::Pay, &bill(&[(TOM, whole)])));
		assert_eq!(booked(&TOM), whole);
		// All of a fee pays too, and what it owes takes all of another.
		claim.first = 2;
		claim.last = 2;
		claim.total_work = work;
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(TIM), id));
		assert_ok!(send_claim(&TIM, claim));
		Bonded::set(Some(0));
		<Jobs as Claims>::charge(&TIM, 1, ETH_MINIMUM);
		assert_ok!(settle(1, Settlement::Pay));
		assert_eq!((Jobs::debt_of(TIM), free(&POOL)), (0, ETH_MINIMUM));
	});
}

#[test]
fn settlement_should_fail_when_more_is_to_be_paid_than_there_is() {
	build_and_execute(|| {
		with_price(1);
		let id = running();
		assert_ok!(claim_standard(id, 0, 16));
		let all = budget(0, Settlement::Pay);
		let too_much = bill(&[(TOM, all), (TAT, 1)]);
		assert_noop!(settle_with(0, Settlement::Pay, &too_much), Error::<Test>::BadPayouts);
		assert_noop!(
			settle_with(0, Settlement::Refund, &bill(&[(TOM, 1)])),
			Error::<Test>::BadPayouts
		);
		let overflowing = bill(&[(TOM, Balance::MAX), (TAT, 1)]);
		assert_noop!(settle_with(0, Settlement::Pay, &overflowing), Error::<Test>::BadPayouts);
		assert_ok!(settle(0, Settlement::Refund));
	});
}

#[test]
fn prepayment_should_come_back_where_its_accounts_could_not_begin() {
	build_and_execute(|| {
		Lottery::mutate(|lottery| lottery.verify_price = 1_000);
		give(&TIM, UNIT);
		let id = running();
		assert_ok!(claim_standard(id, 0, 16));
		let all = budget(0, Settlement::Refund);
		// The pot has never had a fee, and this whole fee is less than it needs to exist.
		assert!(all < ETH_MINIMUM && free(&POT) == 0);
		assert_ok!(settle_with(0, Settlement::Refund, &bill(&[(TOM, 5)])));
		assert_eq!(total_eth(&BOB), PURSE + 5);
		assert_eq!(free(&TIM), UNIT - 5);
		// From the first fee on it accepts the smallest part.
		assert_ok!(claim_standard(id, 16, 16));
		assert_ok!(settle_with(1, Settlement::Pay, &bill(&[(TOM, 5)])));
		assert_eq!(booked(&TOM), 5);
	});
}

#[test]
fn claim_should_fail_while_its_fee_is_not_worth_its_verification() {
	build_and_execute(|| {
		with_price(4);
		let id = running();
		// Three members, four times over, of a tenth each: more than one leaf's fee.
		assert_noop!(claim_standard(id, 0, 1), Error::<Test>::FeeBelowVerification);
		// Two leaves, one of which is drawn, are worth it.
		assert_ok!(claim_standard(id, 0, 2));
	});
}

/// One leaf with work among others without any: the more of them, the less work each leaf has on
/// average, and the more often the one is drawn.
#[test]
fn attack_empty_leaves_should_not_lower_what_a_claim_has_to_be_worth() {
	build_and_execute(|| {
		with_price(1);
		// Three members cost as much as four leaves are worth.
		Lottery::mutate(|lottery| lottery.verify_price = PRICE / 3 * 4);
		register(&TIM, 100 * UNIT, PRICE, 10);
		let id = create(&BOB, "cam");
		skip(2);
		accept(id);
		let padded = |work: u64, leaves: u64| {
			let mut claim = work_claim(id, 0, 0, leaves - 1, STANDARD_SEGMENT_WORK * work);
			claim.largest_leaf = STANDARD_SEGMENT_WORK;
			send_claim(&TIM, claim)
		};
		for leaves in [1, 2, 3, 4, 16, 64] {
			assert_noop!(padded(1, leaves), Error::<Test>::FeeBelowVerification);
			assert_noop!(padded(3, leaves.max(3)), Error::<Test>::FeeBelowVerification);
		}
		// What can be drawn of it costs no more than its worth: four leaves, one of which is drawn.
		assert_ok!(padded(4, 4));
		let claim = OpenClaims::<Test>::get(0).unwrap();
		assert!(claim.info.fee >= claim.prepayment);
		// If the verification can cost more than a last, small claim is worth, that much must be
		// backed.
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(TIM), id));
		let exposed = crate::Exposed::<Test>::get(TIM);
		let mut last = work_claim(id, 0, 4, 5, STANDARD_SEGMENT_WORK);
		last.largest_leaf = STANDARD_SEGMENT_WORK;
		OwnBond::set(0);
		assert_noop!(send_claim(&TIM, last.clone()), Error::<Test>::NotBacked);
		OwnBond::take();
		assert_ok!(send_claim(&TIM, last));
		let claim = OpenClaims::<Test>::get(1).unwrap();
		assert!(claim.prepayment > claim.info.fee);
		assert_eq!(crate::Exposed::<Test>::get(TIM), exposed + claim.prepayment);
	});
}

#[test]
fn last_claim_should_be_small_at_the_cost_of_who_ended_the_assignment() {
	for by_broadcaster in [true, false] {
		build_and_execute(|| {
			Lottery::mutate(|lottery| {
				lottery.verify_price = PRICE;
				lottery.fee_ratio = 1;
			});
			give(&TIM, UNIT);
			let id = running();
			let reserve = assignment(id, 0).reserve;
			assert_eq!(reserve, terms(id).prepayment(1, job(id).max_leaf_work));
			assert_noop!(claim_standard(id, 0, 1), Error::<Test>::FeeBelowVerification);
			let ender = if by_broadcaster { BOB } else { TIM };
			assert_ok!(Jobs::end_job(RuntimeOrigin::signed(ender), id));
			assert_ok!(claim_standard(id, 0, 1));
			let claim = OpenClaims::<Test>::get(0).unwrap();
			// Three members' work on a leaf is worth three fees, so two are missing.
			let missing = 2 * PRICE;
			let shortfall = if by_broadcaster { missing } else { 0 };
			assert_eq!(claim.shortfall, shortfall);
			assert_eq!(claim.prepaid, 3 * PRICE - shortfall);
			assert_eq!(assignment(id, 0).reserve, reserve - shortfall);
			check();
			assert_ok!(settle_with(0, Settlement::Pay, &bill(&[(TOM, 3 * PRICE)])));
			assert_eq!(booked(&TOM), 3 * PRICE);
			assert_eq!(free(&TIM), UNIT - 3 * PRICE + shortfall);
			assert_eq!(total_eth(&BOB), PURSE - fee_of(1) - shortfall);
		});
	}
}

#[test]
fn attack_handing_on_should_not_shift_verification_to_the_transcoder() {
	for by_revocation in [false, true] {
		build_and_execute(|| {
			Lottery::mutate(|lottery| {
				lottery.verify_price = PRICE;
				lottery.fee_ratio = 1;
			});
			give(&TIM, UNIT);
			Generations::mutate(|all| all.insert((BOB, Purpose::Segments), 1));
			let id = running();
			assert_noop!(claim_standard(id, 0, 1), Error::<Test>::FeeBelowVerification);
			if by_revocation {
				<Jobs as OnKeyRevoked>::on_key_revoked(&BOB, Purpose::Segments, 1, 1);
				skip(1);
			} else {
				assert_ok!(Jobs::next_transcoder(RuntimeOrigin::signed(BOB), id, 0));
			}
			assert_ok!(claim_standard(id, 0, 1));
			let claim = OpenClaims::<Test>::get(0).unwrap();
			assert_eq!((claim.shortfall, claim.prepaid), (2 * PRICE, PRICE));
			check();
			// The next offer has a reserve of its own.
			skip(2);
			let (_, index) = current(id);
			let reserve = terms(id).prepayment(1, job(id).max_leaf_work);
			assert_eq!((index, assignment(id, index).reserve), (1, reserve));
		});
	}
}

#[test]
fn shortfall_should_come_back_with_a_refund_and_as_far_as_it_was_not_needed() {
	for settlement in [Settlement::Refund, Settlement::Pay] {
		build_and_execute(|| {
			Lottery::mutate(|lottery| {
				lottery.verify_price = PRICE;
				lottery.fee_ratio = 1;
			});
			let id = running();
			assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
			assert_ok!(claim_standard(id, 0, 1));
			assert_eq!(OpenClaims::<Test>::get(0).unwrap().shortfall, 2 * PRICE);
			let cost = if settlement == Settlement::Pay { PRICE / 2 } else { 0 };
			assert_eq!(budget(0, Settlement::Refund), 0);
			let payments = if cost > 0 { vec![(TOM, cost)] } else { vec![] };
			assert_ok!(settle_with(0, settlement, &bill(&payments)));
			let fee = if settlement == Settlement::Pay { fee_of(1) } else { 0 };
			assert_eq!(total_eth(&BOB), PURSE - fee - cost);
		});
	}
}

#[test]
fn job_should_go_to_nobody_whose_price_does_not_cover_verification() {
	build_and_execute(|| {
		// A quarter of all leaves, three members: three quarters of the price of a segment.
		Lottery::mutate(|lottery| {
			lottery.verify_price = PRICE;
			lottery.fee_ratio = 1;
		});
		let least = Lottery::get().terms(false).least_price();
		assert_eq!(least, PRICE / 4 * 3);
		register(&TIM, 100 * UNIT, least - 1, 10);
		let id = create(&BOB, "cam");
		skip(2);
		assert_eq!(job(id).phase.current(), None);
		register(&TIM, 100 * UNIT, least, 10);
		skip(4);
		assert_eq!(current(id), (TIM, 0));
	});
}

#[test]
fn create_should_fail_when_its_price_or_budget_covers_no_verification() {
	build_and_execute(|| {
		Lottery::mutate(|lottery| {
			lottery.verify_price = PRICE * 2;
			lottery.fee_ratio = 1;
		});
		assert_noop!(create_with(&BOB, "cam", BUDGET), Error::<Test>::PriceBelowVerification);
		Lottery::mutate(|lottery| lottery.verify_price = PRICE);
		let work = crate::decision::load(1, &limits()).max(1);
		assert!(work > 0);
		let leaf = livepeer_primitives::work::max_leaf_work(
			&Parameters::get().factors,
			&ladder(),
			&limits(),
		)
		.unwrap();
		let least = crate::decision::least_allowance(leaf, PRICE, ETH_MINIMUM)
			+ Lottery::get().terms(false).prepayment(1, leaf);
		assert_noop!(create_with(&BOB, "cam", least - 1), Error::<Test>::BudgetTooSmall);
		assert_ok!(create_with(&BOB, "cam", least));
		register(&TIM, UNIT, PRICE, 10);
		skip(2);
		assert_eq!(current(0), (TIM, 0));
	});
}

#[test]
fn terms_should_stay_as_they_were_offered() {
	build_and_execute(|| {
		with_price(1);
		let id = running();
		let before = terms(id);
		Lottery::mutate(|lottery| {
			lottery.verify_price = VERIFY_PRICE * 7;
			lottery.committee_size = 9;
			lottery.verification_rate = Perbill::one();
			lottery.variant_rate = Perbill::from_percent(50);
		});
		assert_eq!(terms(id), before);
		assert_ok!(claim_standard(id, 0, 16));
		let prepayment = 4 * 3 * VERIFY_PRICE;
		assert_eq!(OpenClaims::<Test>::get(0).unwrap().prepayment, prepayment);
	});
}

#[test]
fn attack_self_dealing_should_not_prepay_with_its_own_escrow() {
	build_and_execute(|| {
		with_price(1);
		register(&BOB, 100 * UNIT, PRICE, 10);
		let id = create(&BOB, "cam");
		skip(2);
		accept(id);
		assert_ok!(claim_work(&BOB, id, 0, 0, 15, STANDARD_SEGMENT_WORK * 16));
		let claim = OpenClaims::<Test>::get(0).unwrap();
		assert_eq!(claim.prepaid, 0);
		// It is paid out of what the account itself pays.
		let all = budget(0, Settlement::Pay);
		assert_eq!(all, claim.prepayment);
		assert_ok!(settle_with(0, Settlement::Pay, &bill(&[(TOM, all)])));
		assert_eq!(booked(&TOM), all);
		assert!(!Debts::<Test>::contains_key(BOB));
	});
}
