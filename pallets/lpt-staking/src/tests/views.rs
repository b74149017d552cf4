//! What applications read.

use crate::{mock::*, types::LockView, Purpose, Surplus, TranscoderStake};
use frame_support::{assert_ok, traits::fungibles::Mutate};
use livepeer_primitives::{api::DelegatorView, traits::Liability, ETH};
use sp_runtime::Perbill;

#[test]
fn delegator_should_show_worth_and_fees_as_if_settled() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		reward(t(), 1000, Perbill::zero());
		fee(t(), 100, Perbill::one());
		let expected = DelegatorView { delegate: t(), stake: 1500, fees: 50 };
		assert_eq!(LptStaking::delegator(d()), Some(expected.clone()));
		assert_ok!(LptStaking::settle(RuntimeOrigin::signed(d())));
		assert_eq!(LptStaking::delegator(d()), Some(expected));
		assert_eq!(LptStaking::delegator(d2()), None);
		assert_eq!(LptStaking::fees(d2()), 0);
	});
}

#[test]
fn fees_should_be_shown_when_the_bond_is_gone() {
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		fee(t(), 100, Perbill::one());
		unbond(d(), 1000);
		assert_eq!(LptStaking::delegator(d()), None);
		assert_eq!(LptStaking::fees(d()), 50);
	});
}

#[test]
fn locks_should_show_what_they_are_worth_and_what_holds_them() {
	build_with_bonds(vec![(t(), t(), 1000)], || {
		unbond(t(), 100);
		slash(t(), 0, Perbill::from_percent(10));
		LptStaking::open(&t(), 0);
		assert_eq!(
			LptStaking::locks(t()),
			[LockView {
				id: 0,
				transcoder: t(),
				round: 0,
				value: 90,
				liable_until: 4,
				release: 7,
				held_back: true,
				purpose: Purpose::Unbonding,
			}]
		);
		LptStaking::close(&t(), 0);
		assert!(!LptStaking::locks(t())[0].held_back);
	});
}

#[test]
fn transcoder_stake_should_show_what_counts_and_the_risk_that_newcomers_share() {
	build_with_bonds(vec![(t(), t(), 1000)], || {
		bond(d(), 500, t());
		LptStaking::open(&t(), 0);
		assert_eq!(
			LptStaking::transcoder_stake(t()),
			TranscoderStake {
				generation: 0,
				active: 1000,
				total: 1500,
				self_bond: 1000,
				members: 2,
				slashed: sp_runtime::Perbill::zero(),
				open_liabilities: vec![(0, 1)],
			}
		);
		LptStaking::close(&t(), 0);
		assert_eq!(LptStaking::transcoder_stake(t2()), TranscoderStake::default());
	});
}

#[test]
fn surplus_should_show_what_was_sent_to_the_pot() {
	build_with_bonds(vec![(t(), t(), 1000)], || {
		assert_eq!(LptStaking::surplus(), Surplus { stake: MINIMUM_LPT, fees: MINIMUM_ETH });
		assert_ok!(Balances::transfer_allow_death(RuntimeOrigin::signed(d()), pot(), 77));
		assert_ok!(Assets::mint_into(ETH, &pot(), 5));
		assert_eq!(
			LptStaking::surplus(),
			Surplus { stake: MINIMUM_LPT + 77, fees: MINIMUM_ETH + 5 }
		);
	});
}

#[test]
fn stake_should_show_this_round_the_next_and_the_locks() {
	use livepeer_primitives::api::{LockInfo, StakeView};
	build_with_bonds(vec![(t(), t(), 1000), (d(), t(), 1000)], || {
		assert_ok!(LptStaking::transfer_bond(RuntimeOrigin::signed(d()), 100, d2()));
		bond(d(), 50, t());
		fee(t(), 190, Perbill::one());
		assert_eq!(
			LptStaking::stake_of(d()),
			StakeView {
				delegate: Some(t()),
				counting: 900,
				next_round: 950,
				fees: 90,
				locks: vec![LockInfo {
					id: 0,
					transcoder: t(),
					round: 0,
					value: 100,
					liable_until: 4,
					release: 7,
					release_block: 0,
					held_back: false,
					moves_to: None,
					offered_to: Some(d2()),
				}],
			}
		);
		assert_eq!(LptStaking::stake_of(d2()), StakeView::default());
	});
}
