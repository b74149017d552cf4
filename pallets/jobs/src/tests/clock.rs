//! Duties while the clock stands still.

use crate::mock::*;
use frame_support::{pallet_prelude::TransactionSource, traits::Authorize};
use livepeer_primitives::{keys::Purpose, refusal::NOT_YET};

#[test]
fn attack_duties_should_be_refused_before_any_weight_is_spent_while_the_clock_stands() {
	build_and_execute(|| {
		register(&TIM, 100 * livepeer_primitives::UNIT, PRICE, 10);
		let id = create(&BOB, "cam");
		skip(2);
		let refused = |call: crate::Call<Test>| {
			let before = snapshot();
			IsOpen::set(false);
			let answer = call.authorize(TransactionSource::External).expect("a duty");
			IsOpen::set(true);
			assert_eq!(answer.map(|_| ()), Err(NOT_YET.into()));
			assert_eq!(snapshot(), before);
		};
		let acceptance = acceptance(&TIM, id, 0);
		let signature = sign(&TIM, Purpose::Duties, &acceptance.hash());
		refused(crate::Call::accept_job { acceptance, signature });
		accept(id);
		let claim = work_claim(id, 0, 0, 9, 1 << 30);
		let signature = sign(&TIM, Purpose::Duties, &claim.hash());
		refused(crate::Call::claim_work { claim: claim.clone(), signature });
		send_claim(&TIM, claim).expect("taken when the clock goes on");
	});
}
