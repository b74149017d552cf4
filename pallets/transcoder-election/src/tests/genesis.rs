//! How a chain begins.

use crate::mock::*;
use livepeer_primitives::{traits::TranscoderDirectory, UNIT};

#[test]
fn transcoders_should_be_active_in_round_zero_when_in_genesis() {
	ExtBuilder::default().validator(1, 10).transcoder(2, 5, 4).build_and_execute(|| {
		let active = TranscoderElection::active_set();
		assert_eq!(active.round, 0);
		assert_eq!(active.seats.len(), 2);
		assert_eq!(active.seats[0].stake, 10 * UNIT);
		let candidates = TranscoderElection::candidates();
		assert_eq!(candidates.len(), 1);
		assert_eq!(candidates[0].account, account(2));
		assert_eq!(candidates[0].capacity, 4);
	});
}

#[test]
fn session_should_begin_with_validators_when_in_genesis() {
	ExtBuilder::default().validator(1, 10).validator(2, 20).transcoder(3, 30, 1).build_and_execute(
		|| {
			assert_eq!(Session::validators(), accounts(&[2, 1]));
			assert_eq!(queued(), accounts(&[2, 1]));
			assert_eq!(TranscoderElection::validators(), accounts(&[2, 1]));
			assert!(Historical::historical_root(0).is_some());
			assert!(Historical::historical_root(1).is_some());
		},
	);
}

#[test]
#[should_panic(expected = "less than the minimum bonded to itself")]
fn genesis_should_panic_when_a_bond_is_missing() {
	ExtBuilder::default().transcoder(1, 0, 0).build();
}

#[test]
#[should_panic(expected = "more than once")]
fn genesis_should_panic_when_a_transcoder_is_listed_twice() {
	ExtBuilder::default().transcoder(1, 1, 0).transcoder(1, 1, 0).build();
}
