//! What genesis sets up.

use crate::{mock::*, OwedStake};
use livepeer_primitives::traits::Stake;
use sp_core::crypto::Ss58Codec;
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
#[should_panic(expected = "it bonds 0.0000000000000003 LPT and needs 0.00000000000000031 LPT, of \
	which the account has 0 LPT; 0.00000000000000031 LPT are missing")]
fn genesis_should_panic_when_a_bond_is_not_covered() {
	new_test_ext_with(vec![(account(99), t(), 300)]);
}

#[test]
#[should_panic(expected = "bonds to one only")]
fn genesis_should_panic_when_an_account_bonds_to_two() {
	new_test_ext_with(vec![(d(), t(), 300), (d(), t2(), 300)]);
}

#[test]
fn check_should_name_the_account_and_what_is_missing() {
	let bonds = vec![(d(), t(), 60), (t(), t(), 99), (d(), t(), 40)];
	let config = crate::GenesisConfig::<Test> { bonds, ..Default::default() };
	assert_eq!(config.check(|_| 101, 1), Ok(()));
	let wrong = config.check(|_| 100, 1).unwrap_err();
	let expected = crate::BadBond::NotCovered { who: d(), bonds: 100, needs: 101, has: 100 };
	assert_eq!(wrong, expected);
	assert!(wrong.to_string().contains(&d().to_ss58check()), "{wrong}");
	// A genesis that `check` accepts can begin, to the unit.
	build_with_bonds(vec![(d(), t(), FUNDS - MINIMUM_LPT)], || {
		assert_eq!(lpt(d()), MINIMUM_LPT);
	});
}

#[test]
#[should_panic(expected = "is not covered")]
fn genesis_should_panic_when_a_bond_leaves_less_than_an_account_keeps() {
	new_test_ext_with(vec![(d(), t(), FUNDS - MINIMUM_LPT + 1)]);
}
