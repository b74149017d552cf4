//! `CompetitivenessTolerance`.

use crate::{
	competition_impls::MOST_FORGOTTEN, mock::*, Offers, OffersOf, OldestSpan, TOLERANCE_ROUNDS,
};
use frame_support::traits::{Get, Hooks};
use livepeer_primitives::{params::ProtocolParameters, traits::Competition, AccountId};
use sp_runtime::Perbill;

fn offer(number: u8, offered: u32, served: u32) {
	for index in 0..offered {
		Inflation::note_offer(&account(number), index < served);
	}
}

/// What a transcoder earns in a round with this much work offered to it and served.
fn earned(offered: u32, served: u32) -> u128 {
	let mut minted = 0;
	// Development's tolerance: with two offers or more, nine tenths may be missed.
	build_and_execute(
		1_000,
		|_| (),
		|| {
			next_round(vec![seat(1, 500)]);
			offer(1, offered, served);
			minted = next_round(vec![]).minted;
		},
	);
	minted
}

#[test]
fn reward_should_be_forfeited_when_too_few_offers_are_served() {
	assert_eq!(earned(0, 0), 260);
	// A single offer says nothing.
	assert_eq!(earned(1, 0), 260);
	assert_eq!(earned(2, 0), 0);
	assert_eq!(earned(10, 1), 260);
	assert_eq!(earned(11, 1), 0);
	assert_eq!(earned(11, 2), 260);
}

#[test]
fn offers_should_count_for_seven_rounds_and_then_be_forgotten() {
	build_and_execute(
		1_000,
		|_| (),
		|| {
			next_round(vec![seat(1, 500)]);
			offer(1, 5, 0);
			for _ in 0..TOLERANCE_ROUNDS {
				assert_eq!(
					Inflation::offers_so_far(&account(1), Round::get()),
					Offers { offered: 5, served: 0 }
				);
				assert_eq!(next_round(vec![seat(1, 500)]).minted, 0);
			}
			assert_eq!(Inflation::offers_so_far(&account(1), Round::get()), Offers::default());
			assert!(next_round(vec![seat(1, 500)]).minted > 0);
			// Counts are stored until no round of their span counts any longer.
			while Round::get() < 2 * TOLERANCE_ROUNDS - 1 {
				assert_eq!(OffersOf::<Test>::iter().count(), 1);
				next_round(vec![seat(1, 500)]);
			}
			assert_eq!(OffersOf::<Test>::iter().count(), 0);
		},
	);
}

#[test]
fn offers_of_two_spans_should_count_together() {
	build_and_execute(
		1_000,
		|_| (),
		|| {
			for round in 0..=12 {
				Round::set(round);
				offer(1, 1, u32::from(round % 2 == 0));
			}
			// Rounds 6 to 12.
			assert_eq!(Inflation::offers_so_far(&account(1), 12), Offers { offered: 7, served: 4 });
			assert_eq!(Inflation::offers_so_far(&account(1), 6), Offers { offered: 7, served: 4 });
			assert_eq!(Inflation::offers_so_far(&account(1), 7), Offers { offered: 7, served: 3 });
			assert_eq!(OffersOf::<Test>::iter().count(), 2);
		},
	);
}

#[test]
fn offers_should_be_forgotten_in_bounded_steps() {
	let many = MOST_FORGOTTEN + 36;
	let mut ext = chain(1_000);
	ext.execute_with(|| (0..many).for_each(|number| offer(number as u8, 1, 1)));
	let mut block_of = |round| {
		ext.commit_all().expect("no transaction is open");
		ext.execute_with(|| {
			Round::set(round);
			Inflation::on_initialize(1);
			Inflation::do_try_state().expect("the invariants hold");
			(OffersOf::<Test>::iter().count() as u32, OldestSpan::<Test>::get())
		})
	};
	// One of their rounds still counts.
	assert_eq!(block_of(12), (many, 0));
	assert_eq!(block_of(13), (36, 0));
	assert_eq!(block_of(13), (0, 1));
	assert_eq!(block_of(13), (0, 1));
}

/// Nobody stays in the active set, which is full. The counts of a transcoder that left are removed
/// by the end of the round in which they cease to count.
#[test]
fn attack_active_sets_that_change_wholly_leave_offers_behind() {
	let seats = <<Test as crate::Config>::MaxSeats as Get<u32>>::get();
	let length = ProtocolParameters::development().rounds.length;
	let mut ext = chain(1_000);
	for round in 0..5 * TOLERANCE_ROUNDS {
		ext.execute_with(|| {
			Round::set(round);
			for seat in 0..seats {
				let mut who = [0; 32];
				who[..4].copy_from_slice(&round.to_le_bytes());
				who[4..8].copy_from_slice(&seat.to_le_bytes());
				Inflation::note_offer(&AccountId::new(who), true);
			}
		});
		for _ in 0..length {
			ext.commit_all().expect("no transaction is open");
			ext.execute_with(|| Inflation::on_initialize(1));
		}
		ext.execute_with(|| {
			Inflation::do_try_state().expect("the invariants hold");
			let first = round.saturating_sub(TOLERANCE_ROUNDS - 1) / TOLERANCE_ROUNDS;
			assert_eq!(OldestSpan::<Test>::get(), first);
			// Rounds that count, and earlier rounds in the same span.
			let kept = (round + 1 - first * TOLERANCE_ROUNDS) * seats;
			assert_eq!(OffersOf::<Test>::iter_keys().count() as u32, kept);
			assert!(kept < 2 * TOLERANCE_ROUNDS * seats);
		});
	}
}

#[test]
fn attack_rivals_offers_do_not_count_against_anybody_else() {
	build_and_execute(
		1_000,
		|_| (),
		|| {
			next_round(vec![seat(1, 250), seat(2, 250)]);
			offer(2, 100, 100);
			offer(1, 1, 0);
			next_round(vec![]);
			assert_eq!((lpt(1), lpt(2)), (130, 130));
		},
	);
}

#[test]
fn offers_should_be_served_as_far_as_the_tolerance_leaves_some_of_one() {
	let are_served =
		|offered, served| Offers { offered, served }.are_served(Perbill::from_percent(90), 10);
	assert!(are_served(9, 0), "so few say nothing");
	assert!(!are_served(10, 0));
	assert!(are_served(10, 1));
	assert!(!are_served(11, 1));
	assert!(are_served(11, 2));
}
