//! The reads for applications.

use crate::mock::*;
use frame_support::assert_ok;
use livepeer_primitives::{
	api::AssignmentView,
	keys::Purpose,
	traits::{ChargeFee, Settlement},
	work, UNIT,
};
use sp_runtime::Perbill;

#[test]
fn job_should_be_shown_with_its_current_assignment() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 1);
		Generations::set(
			[((BOB, Purpose::Segments), 3), ((TIM, Purpose::Duties), 5)].into_iter().collect(),
		);
		let variant_rate = Perbill::from_percent(7);
		Lottery::mutate(|lottery| lottery.variant_rate = variant_rate);
		let id = create(&BOB, "cam");
		assert_eq!(Jobs::job(id).unwrap().current, None);
		skip(2);
		let allowance = work::fee(job(id).max_leaf_work * 64, PRICE);
		let mut current = AssignmentView {
			index: 0,
			transcoder: TIM,
			price: PRICE,
			toolchain: None,
			broadcaster_keys: 3,
			transcoder_keys: 5,
			max_leaves: 64,
			variant_rate,
			claimable_until: None,
			next_seq: 0,
			allowance,
		};
		assert_eq!(Jobs::job(id).unwrap().current, Some(current.clone()));
		assert_eq!(Jobs::assignments(TIM), [id], "an offer is shown, so that it can be accepted");
		accept(id);
		current.toolchain = Some(TOOLCHAIN);
		// Shown as agreed, whatever changes.
		Generations::set([].into());
		let view = Jobs::job(id).unwrap();
		assert_eq!(view.current, Some(current.clone()));
		assert_eq!(view.broadcaster, BOB);
		assert_eq!(view.max_samples, 16);
		assert_eq!(view.unreserved, BUDGET - allowance);
		assert!(!view.ended);
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), id));
		let view = Jobs::job(id).unwrap();
		assert!(view.ended && view.current.is_none());
		current.claimable_until = Some(now() + 20);
		assert_eq!(Jobs::assignment(id, 0), Some(current));
		assert!(Jobs::assignments(TIM).is_empty());
	});
}

#[test]
fn claims_should_be_shown_until_settled() {
	build_and_execute(|| {
		let id = running();
		for seq in 0..3 {
			assert_ok!(claim(&TIM, id, 0, seq, seq));
		}
		assert_eq!(Jobs::claims_of(TIM), [0, 1, 2]);
		assert_eq!(Jobs::claim(1).unwrap().first, 1);
		assert_ok!(settle(1, Settlement::Pay));
		assert_eq!(Jobs::claims_of(TIM), [0, 2]);
		assert_eq!(Jobs::claim(1), None);
		assert!(Jobs::claims_of(TOM).is_empty());
	});
}

#[test]
fn terms_of_claims_should_say_what_their_call_costs() {
	build_and_execute(|| {
		let id = running();
		let fee = Jobs::claim_terms(id, 0).unwrap().call_fee;
		assert_ok!(claim(&TIM, id, 0, 0, 9));
		let (who, weight, len) = Charged::get().pop().unwrap();
		assert_eq!(who, TIM);
		assert_eq!(fee, <Chain as ChargeFee>::price_in_eth(weight, len));
		assert!(fee > 0);
	});
}

#[test]
fn successors_should_be_shown_in_order() {
	build_and_execute(|| {
		for who in [&TIM, &TOM, &TAT] {
			register(who, UNIT, PRICE, 1);
		}
		let id = create(&BOB, "cam");
		skip(2);
		let successors = Jobs::successors(id);
		assert_eq!(successors.len(), 2);
		for next in successors {
			skip(4);
			assert_eq!(current(id).0, next);
		}
	});
}
