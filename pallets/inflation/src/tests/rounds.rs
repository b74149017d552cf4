//! What the hooks do, round by round.

use crate::{mock::*, Current, Event, Rate, WeightInfo};
use livepeer_primitives::{
	params::InflationParameters,
	traits::{OnNewRound, RewardedSeat},
};
use sp_runtime::Perbill;

#[test]
fn round_should_fix_what_it_mints_when_it_begins() {
	build_and_execute(
		1_000,
		|_| (),
		|| {
			use frame_support::traits::fungible::Mutate;
			next_round(vec![seat(1, 500)]);
			// LPT that arrives in mid-round counts in the next round.
			Balances::mint_into(&account(200), 1_000_000).unwrap();
			assert_eq!(next_round(vec![seat(1, 500)]).mintable, 260);
			assert!(current().supply > 1_000_000);
		},
	);
}

#[test]
fn round_should_be_charged_for_every_seat_that_it_pays() {
	build_and_execute(
		1_000,
		|_| (),
		|| {
			elect(vec![seat(1, 250), seat(2, 250)]);
			let charged = Inflation::on_new_round(Round::get(), Round::get() + 1);
			assert_eq!(charged, <() as WeightInfo>::pay_round(2));
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
			// Round 0 has no active transcoder.
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
			let view = Inflation::inflation();
			assert_eq!((view.round, view.supply, view.stake), (1, 1_000, 600));
			// The rate rose in round 0 and fell in this one.
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

#[test]
fn yield_should_be_what_a_lpt_gets_when_the_round_is_over() {
	use livepeer_primitives::UNIT;
	let change = |with: &mut InflationParameters| with.pool_cut = Perbill::from_percent(10);
	build_and_execute(1_000 * UNIT, change, || {
		let mut paid = seat(1, 100 * UNIT);
		paid.reward_cut = Perbill::from_percent(25);
		let idle = RewardedSeat { earns: false, ..seat(2, 300 * UNIT) };
		next_round(vec![paid, idle]);
		let view = Inflation::yield_of(account(1));
		let mintable = current().mintable;
		// A quarter of the active stake, less a tenth for the common pool.
		assert_eq!(view.reward, mintable / 4 - mintable / 40);
		assert_eq!(view.per_lpt, view.reward / 100 * 3 / 4);
		assert!(view.earns && view.competitive && view.stake == 100 * UNIT);
		assert!(!Inflation::yield_of(account(2)).earns);
		let nobody = Inflation::yield_of(account(3));
		assert_eq!((nobody.stake, nobody.reward, nobody.per_lpt), (0, 0, 0));
		next_round(vec![]);
		let (_, _, amount, _) = Paid::get()[0].clone();
		assert_eq!(amount, view.reward);
	});
}
