//! LptPerEth moves in steps.

use crate::{mock::*, Error, RateBase};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{params::ProtocolParameters, Balance};

fn rate() -> Balance {
	ChainConfig::parameters().money.lpt_per_eth
}

/// Sets the rate to this many hundredths of the genesis rate.
fn set(hundredths: Balance) -> sp_runtime::DispatchResult {
	let mut value = ChainConfig::parameters().money;
	value.lpt_per_eth = ProtocolParameters::development().money.lpt_per_eth / 100 * hundredths;
	ChainConfig::set_parameter(RuntimeOrigin::root(), money(value))
}

#[test]
fn rate_should_move_a_tenth_within_a_rounds_length() {
	build_and_execute(|| {
		let before = rate();
		for wrong in [111, 89] {
			assert_noop!(set(wrong), Error::<Test>::RateStep);
		}
		assert_ok!(set(110));
		assert_eq!(RateBase::<Test>::get(), Some((1, before)));
		// However many steps it takes.
		assert_noop!(set(121), Error::<Test>::RateStep);
		assert_ok!(set(95));
		assert_ok!(set(90));
		assert_noop!(set(81), Error::<Test>::RateStep);
		// The last block of the stretch and the first of the next one.
		System::set_block_number(30);
		assert_noop!(set(81), Error::<Test>::RateStep);
		System::set_block_number(31);
		assert_ok!(set(81));
		assert_eq!(RateBase::<Test>::get(), Some((31, before / 100 * 90)));
	});
}

#[test]
fn rate_should_not_move_two_steps_where_one_stretch_ends() {
	build_and_execute(|| {
		assert_ok!(set(100 - 1));
		System::set_block_number(30);
		assert_ok!(set(110));
		// One round length after the first change, and one block after the second.
		System::set_block_number(31);
		assert_noop!(set(121), Error::<Test>::RateStep);
		System::set_block_number(59);
		assert_noop!(set(121), Error::<Test>::RateStep);
		System::set_block_number(60);
		assert_ok!(set(121));
	});
}

#[test]
fn other_changes_should_not_be_measured_by_the_rate() {
	build_and_execute(|| {
		let mut value = ChainConfig::parameters().money;
		value.pool_rewards = 7;
		assert_ok!(ChainConfig::set_parameter(RuntimeOrigin::root(), money(value)));
		assert_eq!(RateBase::<Test>::get(), None);
	});
}
