//! Where streams come from.

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
		assert_ok!(Jobs::set_origin(
			RuntimeOrigin::signed(BOB),
			name("cam"),
			record("https://bob")
		));
		let id = create(&BOB, "cam");
		let found = Jobs::job_of_stream(stream(&BOB, "cam")).and_then(Jobs::job).unwrap();
		assert_eq!(found.id, id);
		assert_eq!(Jobs::origin(found.stream), Some(record("https://bob")));
		assert_eq!(Jobs::origin(stream(&BOB, "other")), None);
		assert_eq!(Jobs::origin(stream(&BEA, "cam")), None);
	});
}

#[test]
fn origin_should_hold_one_deposit_whatever_it_is_replaced_by() {
	build_and_execute(|| {
		let before = snapshot();
		let bob = RuntimeOrigin::signed(BOB);
		assert_ok!(Jobs::set_origin(bob.clone(), name("cam"), record("https://a")));
		Parameters::mutate(|p| p.broadcaster_bond = 5 * UNIT);
		assert_ok!(Jobs::set_origin(bob.clone(), name("cam"), record("https://b")));
		assert_eq!(held(&BOB, HoldReason::Origin), UNIT / 1_000);
		assert_eq!(Jobs::origin(stream(&BOB, "cam")), Some(record("https://b")));
		check();
		assert_ok!(Jobs::clear_origin(bob.clone(), name("cam")));
		assert_eq!(snapshot(), before);
		assert_noop!(Jobs::clear_origin(bob, name("cam")), Error::<Test>::NoOrigin);
	});
}

#[test]
fn origin_should_fail_when_there_is_no_eth() {
	build_and_execute(|| {
		assert_noop!(
			Jobs::set_origin(RuntimeOrigin::signed(TIM), name("cam"), record("https://tim")),
			Error::<Test>::InsufficientEth
		);
	});
}

#[test]
fn each_stream_should_have_its_own_origin() {
	build_and_execute(|| {
		let bob = || RuntimeOrigin::signed(BOB);
		assert_ok!(Jobs::set_origin(bob(), name("a"), record("https://a")));
		assert_ok!(Jobs::set_origin(bob(), name("b"), record("https://b")));
		assert_eq!(Jobs::origin(stream(&BOB, "a")), Some(record("https://a")));
		assert_eq!(Jobs::origin(stream(&BOB, "b")), Some(record("https://b")));
		assert_eq!(held(&BOB, HoldReason::Origin), 2 * UNIT / 1_000);
		let mut both = vec![stream(&BOB, "a"), stream(&BOB, "b")];
		both.sort();
		assert_eq!(Jobs::origins(), both);
		assert_eq!(
			last_event(),
			crate::Event::OriginSet {
				stream: stream(&BOB, "b"),
				broadcaster: BOB,
				name: name("b"),
				record: record("https://b"),
			}
		);
		// Nobody clears another's.
		let bea = RuntimeOrigin::signed(BEA);
		assert_noop!(Jobs::clear_origin(bea, name("a")), Error::<Test>::NoOrigin);
		assert_ok!(Jobs::clear_origin(bob(), name("a")));
		assert_eq!(Jobs::origin(stream(&BOB, "a")), None);
		assert_noop!(Jobs::set_origin(bob(), name(""), record("x")), Error::<Test>::BadStreamName);
	});
}
