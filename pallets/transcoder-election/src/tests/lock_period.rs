//! Terms in the lock period.

use crate::{mock::*, Error, Terms, WeightInfo};
use frame_support::{assert_noop, assert_ok, dispatch::DispatchResultWithPostInfo};
use livepeer_primitives::UNIT;
use sp_runtime::Perbill;

fn three_prices() -> ExtBuilder {
	ExtBuilder::default().transcoder(10, 5, 0).transcoder(20, 5, 0).transcoder(30, 5, 0)
}

fn change(number: u8, terms: Terms) -> DispatchResultWithPostInfo {
	TranscoderElection::transcoder(RuntimeOrigin::signed(account(number)), terms, service(number))
}

#[test]
fn price_should_fall_when_locked() {
	three_prices().build_and_execute(|| {
		Locked::set(true);
		assert_ok!(change(30, terms(15)));
		assert_ok!(change(30, terms(10)));
		assert_eq!(TranscoderElection::terms_of(account(30)), Some(terms(10)));
	});
}

#[test]
fn price_should_not_fall_below_lowest_when_locked() {
	three_prices().build_and_execute(|| {
		Locked::set(true);
		assert_noop!(change(30, terms(9)), Error::<Test>::PriceBelowLowest);
		// Nor may the lowest one lower itself.
		assert_noop!(change(10, terms(9)), Error::<Test>::PriceBelowLowest);
		Locked::set(false);
		assert_ok!(change(30, terms(9)));
	});
}

#[test]
fn terms_should_be_frozen_when_locked() {
	three_prices().build_and_execute(|| {
		Locked::set(true);
		let cut = Terms { reward_cut: Perbill::from_percent(11), ..terms(20) };
		let share = Terms { fee_share: Perbill::from_percent(49), ..terms(20) };
		for new in [terms(21), cut, share, Terms { price: 15, ..cut }] {
			assert_noop!(change(20, new), Error::<Test>::TermsLocked);
		}
		Locked::set(false);
		assert_ok!(change(20, Terms { price: 25, ..cut }));
	});
}

#[test]
fn service_should_change_when_locked() {
	three_prices().build_and_execute(|| {
		Locked::set(true);
		let origin = RuntimeOrigin::signed(account(20));
		assert_ok!(TranscoderElection::transcoder(origin, terms(20), service(99)));
		assert_eq!(TranscoderElection::service_of(account(20)), Some(service(99)));
	});
}

#[test]
fn nobody_should_register_when_locked() {
	three_prices().build_and_execute(|| {
		Locked::set(true);
		bond(&account(1), UNIT);
		assert_noop!(change(1, terms(15)), Error::<Test>::TermsLocked);
		// Resigning is no way around the freeze.
		assert_ok!(TranscoderElection::resign(RuntimeOrigin::signed(account(20))));
		assert_noop!(change(20, terms(15)), Error::<Test>::TermsLocked);
	});
}

#[test]
fn weight_should_count_looked_up_prices_when_price_changes() {
	three_prices().build_and_execute(|| {
		let base = <() as WeightInfo>::transcoder();
		let actual = |result: DispatchResultWithPostInfo| result.unwrap().actual_weight.unwrap();
		let of = |count| base.saturating_add(<() as WeightInfo>::lowest_price(count));
		assert_eq!(actual(change(30, terms(29))), of(0));
		Locked::set(true);
		assert_eq!(actual(change(30, terms(28))), of(3));
	});
}
