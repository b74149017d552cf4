//! Calls that pay their fee out of the stake that they release.

use crate::{mock::*, Advanced, Error, Frees, WeightInfo};
use frame_support::{assert_noop, assert_ok, weights::constants::RocksDbWeight};
use livepeer_primitives::traits::Liability;

#[test]
fn unbonding_should_pay_out_of_what_it_frees() {
	build_with_bonds(vec![(t(), t(), 1_000)], || {
		bond(d(), 500, t());
		let before = lpt(d());
		assert!(LptStaking::can_advance(&d(), Frees::Unbonded(500), 30));
		assert_ok!(LptStaking::advance(&d(), Frees::Unbonded(500), 30));
		assert_eq!(lpt(d()) - before, 30);
		check();
		// Unbonding "all" includes what was already paid out.
		let lock = unbond(d(), 500);
		assert_eq!(LptStaking::locks(d())[0].value, 470);
		assert_eq!((stake(d()), lock), (0, 0));
		assert!(!Advanced::<Test>::exists());
		// The next unbonding is paid in full.
		bond(d(), 500, t());
		unbond(d(), 100);
		assert_eq!(LptStaking::locks(d())[1].value, 100);
	});
}

#[test]
fn unbonding_a_part_should_leave_the_rest_as_it_is() {
	build_with_bonds(vec![(t(), t(), 1_000)], || {
		bond(d(), 500, t());
		assert_ok!(LptStaking::advance(&d(), Frees::Unbonded(200), 30));
		unbond(d(), 200);
		assert_eq!(stake(d()), 300);
		assert_eq!(LptStaking::locks(d())[0].value, 170);
	});
}

#[test]
fn withdrawing_should_pay_out_of_the_lock() {
	build_with_bonds(vec![(t(), t(), 1_000)], || {
		bond(d(), 500, t());
		let lock = unbond(d(), 500);
		let frees = Frees::Lock(lock);
		assert!(!LptStaking::can_advance(&d(), frees, 30), "not before its time");
		assert_noop!(LptStaking::advance(&d(), frees, 30), Error::<Test>::InsufficientStake);
		rounds(7);
		assert!(!LptStaking::can_advance(&d(), frees, 501));
		LptStaking::open(&t(), 0);
		assert!(!LptStaking::can_advance(&d(), frees, 30), "not while it is held back");
		LptStaking::close(&t(), 0);
		let before = lpt(d());
		assert_ok!(LptStaking::advance(&d(), frees, 30));
		assert_eq!(lpt(d()) - before, 500);
		// The lock's own call finds it paid out, and pays nothing more.
		assert_ok!(LptStaking::withdraw_stake(RuntimeOrigin::signed(d()), lock));
		assert_eq!(lpt(d()) - before, 500);
		assert_noop!(
			LptStaking::withdraw_stake(RuntimeOrigin::signed(d()), lock),
			Error::<Test>::UnknownLock
		);
	});
}

#[test]
fn attack_advance_of_more_than_is_freed_is_refused() {
	build_with_bonds(vec![(t(), t(), 1_000)], || {
		bond(d(), 500, t());
		for (unbonded, amount) in [(30, 30), (501, 30), (30, 31), (0, 0)] {
			assert!(!LptStaking::can_advance(&d(), Frees::Unbonded(unbonded), amount));
			assert_noop!(
				LptStaking::advance(&d(), Frees::Unbonded(unbonded), amount),
				Error::<Test>::InsufficientStake
			);
		}
		assert!(!LptStaking::can_advance(&d2(), Frees::Unbonded(30), 1), "it has no bond");
		assert!(!LptStaking::can_advance(&d(), Frees::Lock(0), 1), "it has no lock");
	});
}

#[test]
fn attack_advance_of_a_call_that_fails_is_no_gift_to_the_next() {
	build_with_bonds(vec![(t(), t(), 1_000)], || {
		bond(d(), 500, t());
		assert_ok!(LptStaking::advance(&d(), Frees::Unbonded(495), 30));
		// The rest would be less than the smallest bond.
		let failed = LptStaking::unbond(RuntimeOrigin::signed(d()), 495);
		assert!(failed.is_err());
		LptStaking::settle_advance();
		unbond(d(), 100);
		assert_eq!(LptStaking::locks(d())[0].value, 100);
		assert_eq!(stake(d()), 500 - 30 - 100);
	});
}

/// An account without free balance settles its bond for the fee too, and the pot pays out. The
/// call's weight includes that. Otherwise blocks could be filled with calls that take longer than
/// they weigh.
#[test]
fn attack_leaving_that_pays_for_itself_should_weigh_the_payout_too() {
	// Writes to the account, to the pot and to what the pot owes.
	let payout = RocksDbWeight::get().writes(3);
	let without = <() as WeightInfo>::transfer_bond();
	assert!(<() as WeightInfo>::unbond().ref_time() >= (without + payout).ref_time());
}
