use crate::{mock::*, types::Phase, Error};
use frame_support::{assert_noop, assert_ok};
#[test]
fn x() {
	build_and_execute(|| {
		let id = running();
		assert_ok!(claim(&TIM, id, 0, 0, 3));
		let _ = (Phase::Ended, Error::<Test>::NoJob);
		assert_noop!(create_with(&BOB, "cam", BUDGET), Error::<Test>::StreamHasJob);
	});
}
