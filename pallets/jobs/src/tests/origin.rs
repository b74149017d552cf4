//! Where broadcasters are reached.

use crate::{mock::*, Error, HoldReason};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{service::ServiceRecord, UNIT};

fn record(text: &str) -> ServiceRecord {
	let url = text.as_bytes().to_vec().try_into().unwrap();
	ServiceRecord { url, ..Default::default() }
}

#[test]
fn origin_should_be_found_from_the_stream() {
	build_and_execute(|| {
		assert_ok!(Jobs::set_origin(RuntimeOrigin::signed(BOB), record("https://bob")));
		let id = create(&BOB, "cam");
		let found = Jobs::job_of_stream(stream(&BOB, "cam")).and_then(Jobs::job).unwrap();
		assert_eq!(found.id, id);
		assert_eq!(Jobs::origin(found.broadcaster), Some(record("https://bob")));
		assert_eq!(Jobs::origin(BEA), None);
	});
}

#[test]
fn origin_should_hold_one_deposit_whatever_it_is_replaced_by() {
	build_and_execute(|| {
		let before = snapshot();
		let bob = RuntimeOrigin::signed(BOB);
		assert_ok!(Jobs::set_origin(bob.clone(), record("https://a")));
		Parameters::mutate(|p| p.broadcaster_bond = 5 * UNIT);
		assert_ok!(Jobs::set_origin(bob.clone(), record("https://b")));
		assert_eq!(held(&BOB, HoldReason::Origin), UNIT / 1_000);
		assert_eq!(Jobs::origin(BOB), Some(record("https://b")));
		check();
		assert_ok!(Jobs::clear_origin(bob.clone()));
		assert_eq!(snapshot(), before);
		assert_noop!(Jobs::clear_origin(bob), Error::<Test>::NoOrigin);
	});
}

#[test]
fn origin_should_fail_when_there_is_no_eth() {
	build_and_execute(|| {
		assert_noop!(
			Jobs::set_origin(RuntimeOrigin::signed(TIM), record("https://tim")),
			Error::<Test>::InsufficientEth
		);
	});
}
