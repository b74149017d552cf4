//! What the hooks do, round by round.

use crate::{mock::*, Current, Event, Rate};
use livepeer_primitives::traits::RewardedSeat;
use sp_runtime::Perbill;

#[test]
fn round_should_fix_what_it_mints_when_it_begins() {
	build_and_execute(
		1_000,
		|_| (),
		|| {
			use frame_support::traits::fungible::Mutate;
			next_round(vec![seat(1, 500)]);
			// LPT that comes in mid-round counts in the next one.
			Balances::mint_into(&account(200), 1_000_000).unwrap();
			assert_eq!(next_round(vec![seat(1, 500)]).mintable, 260);
			assert!(current().supply > 1_000_000);
		},
	);
}

#[test]
fn first_round_should_be_paid_by_the_set_of_genesis() {
	build_and_execute(
		1_000,
		|_| (),
		|| {
			elect(vec![seat(1, 400)]);
			assert_eq!(Current::<Test>::get(), None);
			let paid = next_round(vec![]);
			assert_eq!((paid.rate, paid.minted), (Perbill::from_parts(260_200_000), 260));
		},
	);
}

#[test]
fn rate_should_rise_fall_and_stay_by_participation() {
	build_and_execute(
		1_000_000_000,
		|parameters| parameters.initial_rate = Perbill::from_parts(1_000_000),
		|| {
			let mut rate = 1_000_000;
			// Round 0 has nobody.
			rate += 200_000;
			for (stake, change) in
				[(100_000_000, 200_000i64), (900_000_000, -200_000), (1, 200_000)]
			{
				next_round(vec![seat(1, stake)]);
				rate += change;
				assert_eq!(i64::from(current().rate.deconstruct()), rate);
			}
		},
	);
}

#[test]
fn events_should_say_what_was_minted_for_whom() {
	build_and_execute(
		1_000,
		|parameters| parameters.pool_cut = Perbill::from_percent(10),
		|| {
			next_round(vec![seat(1, 250), seat(2, 250)]);
			let lazy = RewardedSeat { earns: false, ..seat(2, 250) };
			elect(vec![seat(1, 250), lazy]);
			System::reset_events();
			let paid = next_round(vec![]);
			assert_eq!(paid.minted, 130);
			assert_eq!(
				events()[..2],
				[
					Event::RewardForfeited {
						transcoder: account(2),
						round: 1,
						uncompetitive: false
					},
					Event::RoundPaid { round: 1, minted: 130, to_pool: 13, transcoders: 1 },
				]
			);
			assert_eq!((lpt(1), lpt(2), lpt(250)), (117, 0, 13));
		},
	);
}

#[test]
fn view_should_show_this_round_and_the_next() {
	build_and_execute(
		1_000,
		|_| (),
		|| {
			next_round(vec![seat(1, 600)]);
			let view = Inflation::view();
			assert_eq!((view.round, view.supply, view.stake), (1, 1_000, 600));
			// Round 0 rose, this one fell.
			assert_eq!(view.rate, Perbill::from_parts(260_000_000));
			assert_eq!(view.mintable, 260);
			// 600 of 1,260 are less than half.
			assert_eq!(view.next_rate, Perbill::from_parts(260_200_000));
			assert_eq!(view.next_mintable, 327);
			next_round(vec![seat(1, 600)]);
			assert_eq!((current().rate, current().mintable), (view.next_rate, view.next_mintable));
		},
	);
}

#[test]
fn rate_should_begin_with_the_parameter_on_a_chain_without_one() {
	build_and_execute(
		1_000,
		|_| (),
		|| {
			Rate::<Test>::kill();
			assert_eq!(Inflation::rate(), Perbill::from_parts(260_000_000));
		},
	);
}
