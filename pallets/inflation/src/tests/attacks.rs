//! Attacks on minting.

use crate::mock::*;
use livepeer_primitives::{
	traits::{OnNewRound, RewardedSeat},
	AccountId, Balance,
};
use proptest::prelude::*;
use sp_runtime::Perbill;

#[test]
fn attack_round_is_paid_twice() {
	build_and_execute(
		1_000,
		|_| (),
		|| {
			next_round(vec![seat(1, 500)]);
			next_round(vec![seat(1, 500)]);
			let before = Balances::total_issuance();
			// The end of a past round is reported again; the active set has changed by now.
			Inflation::on_new_round(1, 2);
			assert_eq!(Balances::total_issuance(), before);
		},
	);
}

#[test]
fn attack_empty_seats_mint_for_others() {
	// Accounts without stake, with stake that has left, or outside the active set get nothing. What
	// they do not get is not minted.
	build_and_execute(
		1_000,
		|_| (),
		|| {
			next_round(vec![seat(1, 250), seat(2, 250), seat(3, 0)]);
			Gone::set([account(2)].into());
			let paid = next_round(vec![]);
			assert_eq!(paid.minted, 130);
			assert_eq!((lpt(1), lpt(2), lpt(3)), (130, 0, 0));
			assert_eq!(Balances::total_issuance(), 1_130);
		},
	);
}

#[test]
fn attack_stake_that_has_left_pays_the_common_pool() {
	// The common pool gets its part of what is minted for a transcoder, not of what could have
	// been.
	build_and_execute(
		1_000,
		|parameters| parameters.pool_cut = Perbill::from_percent(10),
		|| {
			next_round(vec![seat(1, 250), seat(2, 250)]);
			Gone::set([account(2)].into());
			let before = lpt(250);
			next_round(vec![]);
			assert_eq!((lpt(1), lpt(2), lpt(250) - before), (117, 0, 13));
		},
	);
}

#[test]
fn attack_one_seat_named_twice_mints_more() {
	build_and_execute(
		1_000,
		|_| (),
		|| {
			next_round(vec![seat(1, 500)]);
			// Shares that add up to more than one: the round mints at most what it can.
			Seats::set((1, 500, vec![seat(1, 500), seat(1, 500)]));
			assert_eq!(next_round(vec![]).minted, 260);
		},
	);
}

#[test]
fn attack_idle_or_jailed_transcoder_is_paid() {
	build_and_execute(
		1_000,
		|_| (),
		|| {
			next_round(vec![RewardedSeat { earns: false, ..seat(1, 500) }]);
			assert_eq!(next_round(vec![]).minted, 0);
			assert_eq!(lpt(1), 0);
		},
	);
}

#[test]
fn attack_splitting_stake_over_many_seats_gains_nothing() {
	let story = |seats: Vec<RewardedSeat>| {
		let mut minted = 0;
		build_and_execute(
			10_000,
			|_| (),
			|| {
				next_round(seats);
				minted = next_round(vec![]).minted;
			},
		);
		minted
	};
	let split = (1..=100).map(|number| seat(number, 50)).collect();
	assert!(story(split) <= story(vec![seat(1, 5_000)]));
}

proptest! {
	/// Whatever sets are active, no round mints more than it can, and the supply grows by exactly
	/// what is minted.
	#[test]
	fn supply_should_grow_by_what_was_minted(
		rounds in prop::collection::vec(
			prop::collection::vec((1u8..40, 0u128..10_000_000_000, any::<bool>(), any::<bool>()), 0..8),
			1..20,
		),
		cut in 0u32..=500_000_000,
	) {
		build_and_execute(
			10_000_000_000,
			|parameters| {
				parameters.pool_cut = Perbill::from_parts(cut);
				parameters.initial_rate = Perbill::from_parts(1_000_000);
			},
			|| {
				let mut gone = Vec::<AccountId>::new();
				for round in rounds {
					let seats: Vec<_> = round
						.iter()
						.map(|(number, stake, earns, _)| RewardedSeat { earns: *earns, ..seat(*number, *stake) })
						.collect();
					Gone::set(gone.drain(..).collect());
					let before: Balance = Balances::total_issuance();
					let paid = next_round(seats);
					assert_eq!(Balances::total_issuance() - before, paid.minted);
					assert!(paid.minted <= paid.mintable);
					gone = round.iter().filter(|seat| seat.3).map(|seat| account(seat.0)).collect();
				}
			},
		);
	}
}
