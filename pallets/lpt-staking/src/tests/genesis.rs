//! What genesis sets up.

use crate::{mock::*, OwedStake};
use livepeer_primitives::traits::Stake;
use sp_runtime::Perbill;

#[test]
fn genesis_should_endow_the_pot_and_the_common_pool() {
	build_and_execute(|| {
		assert_eq!(lpt(pot()), MINIMUM_LPT);
		assert_eq!(eth(pot()), MINIMUM_ETH);
		assert_eq!(lpt(CommonPool::get()), MINIMUM_LPT);
		assert_eq!(OwedStake::<Test>::get(), 0);
	});
}

#[test]
fn genesis_bonds_should_count_at_once() {
	build_with_bonds(vec![(t(), t(), 300), (d(), t(), 100), (d(), t(), 100)], || {
		assert_eq!(LptStaking::active_stake(&t()), 500);
		assert_eq!(LptStaking::self_bond(&t()), 300);
		assert_eq!(lpt(d()), FUNDS - 200);
		assert_eq!(lpt(pot()), MINIMUM_LPT + 500);
		fee(t(), 500, Perbill::one());
		assert_eq!((fees(t()), fees(d())), (300, 200));
		next_round();
		assert_eq!(LptStaking::active_stake(&t()), 500);
		assert_eq!(LptStaking::pending_stake(d()), 0);
	});
}

#[test]
#[should_panic(expected = "a genesis bond is covered")]
fn genesis_should_panic_when_a_bond_is_not_covered() {
	new_test_ext_with(vec![(account(99), t(), 300)]);
}

#[test]
#[should_panic(expected = "bonds to one only")]
fn genesis_should_panic_when_an_account_bonds_to_two() {
	new_test_ext_with(vec![(d(), t(), 300), (d(), t2(), 300)]);
}
