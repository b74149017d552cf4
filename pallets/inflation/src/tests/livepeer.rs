//! Livepeer's worked examples of its minter, A0 to A6, through the hooks.

use crate::{maths, mock::*};
use sp_runtime::Perbill;

#[test]
fn shares_should_match_livepeer_a0() {
	assert_eq!(maths::perc_points(100, 300), 333_333_333);
	assert_eq!(maths::perc_of(100, 3, 4), 75);
	assert_eq!(maths::perc_of(100, 7, 9), 77);
	assert_eq!(maths::perc_of(100, 1, 0), 0);
	assert_eq!(maths::perc_of(u128::MAX, 1, 1), u128::MAX);
}

#[test]
fn shares_should_be_rounded_down_twice_and_parts_once() {
	assert_eq!((maths::perc_of(3, 1, 3), maths::part_of(3, 1, 3)), (0, 1));
	assert_eq!((maths::part_of(2, 1, 3), maths::part_of(2, 1, 0)), (0, 0));
	assert_eq!(maths::share_of(999, Perbill::from_percent(10)), 99);
}

#[test]
fn rate_should_compare_what_is_bonded_in_parts_of_a_billion() {
	use core::cmp::Ordering::{Equal, Greater, Less};
	let bonding = |stake| maths::bonding(stake, 10_000_000_000, Perbill::from_percent(50));
	assert_eq!(bonding(4_999_999_999), Less);
	assert_eq!((bonding(5_000_000_000), bonding(5_000_000_009)), (Equal, Equal));
	assert_eq!(bonding(5_000_000_010), Greater);
	let next = |rate, stake| {
		let (rate, change) = (Perbill::from_parts(rate), Perbill::from_percent(1));
		maths::next_rate(rate, change, stake, 10, Perbill::from_percent(50)).deconstruct()
	};
	assert_eq!(
		(next(20_000_000, 4), next(20_000_000, 5), next(20_000_000, 6)),
		(30_000_000, 20_000_000, 10_000_000)
	);
	// Neither above one nor below zero.
	assert_eq!((next(995_000_000, 4), next(5_000_000, 6)), (1_000_000_000, 0));
}

/// The rate and the mintable amount when a round begins with this active stake.
fn begun(supply: u128, elsewhere: u128, stake: u128, change: u32) -> (u32, u128) {
	let mut result = (0, 0);
	build_and_execute(
		supply,
		|parameters| parameters.rate_change = Perbill::from_parts(change),
		|| {
			// The first round moves the rate too, so the example begins with the second.
			crate::Rate::<Test>::put(Perbill::from_parts(260_000_000));
			Elsewhere::set(elsewhere);
			Round::set(1);
			elect(vec![seat(1, stake)]);
			let mint = Inflation::begin(1, stake, Perbill::zero());
			crate::Current::<Test>::put(mint);
			result = (mint.rate.deconstruct(), mint.mintable);
		},
	);
	result
}

#[test]
fn inflation_should_match_livepeer_a1() {
	for stake in [0, 400] {
		assert_eq!(begun(1_000, 0, stake, 200_000), (260_200_000, 260));
	}
	assert_eq!(begun(1_000, 0, 500, 200_000), (260_000_000, 260));
	assert_eq!(begun(1_000, 0, 600, 200_000), (259_800_000, 259));
	// LPT elsewhere counts.
	assert_eq!(begun(1_000, 300, 600, 200_000), (260_200_000, 338));
	assert_eq!(maths::perc_points(600, 1_300), 461_538_461);
	// The rate does not fall below zero.
	assert_eq!(begun(1_000, 0, 600, 260_000_001), (0, 0));
	// Without any LPT, nothing is bonded.
	assert_eq!(begun(0, 0, 0, 200_000), (260_200_000, 0));
}

#[test]
fn inflation_should_match_livepeer_a2_on_its_own_supply() {
	let supply = 21_645_383_016_495_782_629_665_363u128;
	let stake = supply / 100 * 51;
	let rate = |change| {
		let half = Perbill::from_percent(50);
		let (rate, change) = (Perbill::from_parts(455_000), Perbill::from_parts(change));
		let next = maths::next_rate(rate, change, stake, supply, half);
		(next.deconstruct(), maths::share_of(supply, next))
	};
	assert_eq!(rate(3_000), (452_000, 9_783_713_123_456_093_748_608));
	assert_eq!(rate(500), (454_500, 9_837_826_580_997_333_205_182));
}

#[test]
fn shares_of_a_round_should_match_livepeer_a3() {
	build_and_execute(
		1_000,
		|_| (),
		|| {
			// Half of all LPT is bonded: the rate stays and 260 can be minted.
			next_round(vec![seat(1, 50), seat(2, 100), seat(3, 350)]);
			assert_eq!(current().mintable, 260);
			let mut paid = next_round(vec![]);
			assert_eq!((lpt(1), lpt(2), lpt(3)), (26, 52, 182));
			assert_eq!(paid.minted, 260);
			// A single transcoder gets everything.
			paid = next_round(vec![seat(1, 1)]);
			assert_eq!(paid.minted, 0);
			let all = current().mintable;
			assert_eq!(next_round(vec![]).minted, all);
		},
	);
}

#[test]
fn treasury_should_match_livepeer_a5() {
	let cut = Perbill::from_parts(63_100_000);
	assert_eq!(maths::share_of(1_000, cut), 63);
	let story = |in_pool: u128| {
		let mut seen = (0, 0, Perbill::zero());
		build_and_execute(
			100_000,
			|parameters| {
				parameters.initial_rate = Perbill::from_percent(1);
				parameters.rate_change = Perbill::zero();
				parameters.pool_cut = cut;
				parameters.pool_ceiling = 1_000;
			},
			|| {
				use frame_support::traits::fungible::Mutate;
				next_round(vec![seat(1, 1_000)]);
				assert_eq!(current().mintable, 1_000);
				if in_pool > 0 {
					Balances::mint_into(&CommonPool::get(), in_pool).unwrap();
				}
				let before = lpt(250);
				next_round(vec![seat(1, 1_000)]);
				seen = (lpt(250) - before, lpt(1), current().pool_cut);
			},
		);
		seen
	};
	assert_eq!(story(0), (63, 937, cut));
	assert_eq!(story(990), (63, 937, cut));
	// Full: what is earned is still shared, and nothing of the next round.
	assert_eq!(story(1_000), (63, 937, Perbill::zero()));
	assert_eq!(story(1_500), (63, 937, Perbill::zero()));
}

#[test]
fn differs_from_livepeer_the_cut_should_come_back_when_the_common_pool_is_spent() {
	// There, a vote has to set it anew.
	build_and_execute(
		100_000,
		|parameters| {
			parameters.pool_cut = Perbill::from_percent(10);
			parameters.pool_ceiling = 1_000;
		},
		|| {
			use frame_support::traits::fungible::Mutate;
			Balances::mint_into(&CommonPool::get(), 1_000).unwrap();
			next_round(vec![seat(1, 1_000)]);
			next_round(vec![seat(1, 1_000)]);
			assert_eq!(current().pool_cut, Perbill::zero());
			Balances::burn_from(
				&CommonPool::get(),
				900,
				frame_support::traits::tokens::Preservation::Preserve,
				frame_support::traits::tokens::Precision::Exact,
				frame_support::traits::tokens::Fortitude::Polite,
			)
			.unwrap();
			next_round(vec![seat(1, 1_000)]);
			assert_eq!(current().pool_cut, Perbill::from_percent(10));
		},
	);
}

/// In Livepeer a reward is lost if its transcoder forgets to call for it, and others can hinder the
/// call.
#[test]
fn differs_from_livepeer_rewards_should_need_no_call() {
	build_and_execute(
		1_000,
		|_| (),
		|| {
			next_round(vec![seat(1, 500)]);
			next_round(vec![seat(1, 500)]);
			assert_eq!(lpt(1), 260);
		},
	);
}

/// Livepeer at its launch and at a real point of 2018: 263 millionths of 10,077,323 LPT are 2,650
/// LPT.
#[test]
fn inflation_should_match_the_real_point_of_2018() {
	let supply = 10_077_323 * livepeer_primitives::UNIT;
	let minted = maths::share_of(supply, Perbill::from_parts(263_000));
	assert_eq!(minted / livepeer_primitives::UNIT, 2_650);
}
