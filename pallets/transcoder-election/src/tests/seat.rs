//! The seat that is drawn from the waiting list.

use crate::{mock::*, Event, Seat, WaitList};
use frame_support::assert_ok;
use livepeer_primitives::{
	draw::ticket,
	traits::{Jail, RewardedSeats, TranscoderDirectory},
	AccountId, Hash, UNIT,
};
use sp_io::hashing::blake2_256;

/// One seat by stake, and who waits for the other: 2 with 6 LPT, 3 with 3 LPT, 4 with 1 LPT.
fn waiting() -> ExtBuilder {
	ExtBuilder::default()
		.parameters(|parameters| parameters.active_size = 1)
		.transcoder(1, 100, 0)
		.transcoder(2, 6, 1)
		.transcoder(3, 3, 1)
		.transcoder(4, 1, 1)
}

/// The next round begins, with this seed of a window after the running round began.
fn round_with(seed: Hash) {
	let begin = System::block_number() / 10 * 10 + 20;
	System::set_block_number(begin);
	Seeds::mutate(|seeds| seeds.insert(begin as u32 / 10 - 1, seed));
	next_round();
}

fn drawn() -> Option<AccountId> {
	let mut seats = TranscoderElection::active_set().seats.into_iter();
	seats.find(|seat| seat.random).map(|seat| seat.account)
}

fn seed(n: u64) -> Hash {
	Hash::from(blake2_256(&n.to_le_bytes()))
}

#[test]
fn seat_should_be_drawn_from_the_second_round_on() {
	waiting().build_and_execute(|| {
		assert_eq!(drawn(), None);
		events();
		round_with(seed(1));
		let who = drawn().unwrap();
		assert!(accounts(&[2, 3, 4]).contains(&who));
		assert!(events().contains(&Event::SeatDrawn { round: 1, transcoder: who.clone() }));
		let seats = TranscoderElection::active_set().seats;
		assert_eq!(seats.len(), 2);
		assert!(!seats[0].random && seats[1].account == who);
	});
}

#[test]
fn seat_should_get_jobs_and_rewards_and_no_validator_seat() {
	let chain = ExtBuilder::default()
		.parameters(|parameters| parameters.active_size = 1)
		.validator(1, 100)
		.transcoder(2, 6, 1)
		.transcoder(3, 3, 1)
		.transcoder(4, 1, 1);
	chain.build_and_execute(|| {
		for number in 2..=4 {
			set_keys(&account(number), u64::from(number));
		}
		round_with(seed(1));
		let who = drawn().unwrap();
		let reward = TranscoderElection::rewarded_seats();
		assert!(reward.2.iter().any(|seat| seat.transcoder == who));
		System::set_block_number(System::block_number() + 5);
		for _ in 0..3 {
			assert_eq!(rotate(), accounts(&[1]));
		}
		for number in 2..=4 {
			assert_ok!(TranscoderElection::set_available(
				RuntimeOrigin::signed(account(number)),
				1,
				profiles(&[1])
			));
		}
		let candidates = TranscoderElection::candidates();
		assert!(candidates.iter().any(|candidate| candidate.account == who));
	});
}

#[test]
fn seat_should_be_nobodys_without_chance_from_after_the_snapshot() {
	waiting().build_and_execute(|| {
		System::set_block_number(30);
		next_round();
		assert_eq!(drawn(), None);
		// Of a window that had begun before the round did.
		System::set_block_number(35);
		Seeds::mutate(|seeds| seeds.insert(2, seed(1)));
		next_round();
		assert_eq!(drawn(), None);
	});
}

#[test]
fn seat_should_go_to_the_next_in_order_when_the_first_cannot_be_seated() {
	waiting().build_and_execute(|| {
		let chance = seed(7);
		let order = |without: Option<u8>| {
			let mut drawn_by = None;
			waiting().build_and_execute(|| {
				if let Some(number) = without {
					TranscoderElection::detain(&account(number));
				}
				round_with(chance);
				drawn_by = drawn();
			});
			drawn_by
		};
		let first = order(None).unwrap();
		let number = AsRef::<[u8]>::as_ref(&first)[0];
		let second = order(Some(number)).unwrap();
		assert_ne!(first, second);
		// Who was second is second, whoever else is struck out behind it.
		let last = [2, 3, 4].into_iter().map(account).find(|who| *who != first && *who != second);
		let last = AsRef::<[u8]>::as_ref(&last.unwrap())[0];
		assert_eq!(order(Some(last)), Some(first));
	});
}

#[test]
fn attack_bonding_in_the_same_round_steers_the_seat() {
	let with = |change: fn()| {
		let mut all = Vec::new();
		for n in 0..40 {
			waiting().build_and_execute(|| {
				change();
				round_with(seed(n));
				all.push(drawn());
			});
		}
		all
	};
	let calm = with(|| ());
	// 4 has many times its stake now, still too little to be elected by it.
	let bonded = with(|| set_stake(&account(4), 50 * UNIT, 50 * UNIT));
	assert_eq!(calm, bonded);
}

#[test]
fn attack_dust_candidates_gain_nothing_on_the_random_seat() {
	// One LPT in one candidate, or in ten of a tenth: the chance is the same.
	let chance = |own: Vec<(u8, u128)>| {
		let mut hits = 0;
		for n in 0..3_000u64 {
			let tickets = own
				.iter()
				.map(|(number, stake)| (account(*number), *stake))
				.chain([(account(100), 100u128)]);
			let candidates: Vec<_> = tickets.collect();
			let order = livepeer_primitives::draw::weighted_order(
				livepeer_primitives::domain::SEAT,
				seed(n),
				&1u32,
				candidates.iter().map(|(who, stake)| (who, *stake)),
			);
			hits += u32::from(candidates[order[0] as usize].0 != account(100));
		}
		hits
	};
	let (one, many) = (chance(vec![(1, 50)]), chance((1..=10).map(|n| (n, 5)).collect()));
	// A third of 3,000, five standard deviations being 130.
	assert!(one.abs_diff(1_000) < 130 && many.abs_diff(1_000) < 130, "{one} {many}");
}

#[test]
fn seat_should_be_drawn_by_stake_over_many_seeds() {
	let mut hits = [0u32; 5];
	let rounds = 2_000u64;
	waiting().build_and_execute(|| {
		for n in 0..rounds {
			round_with(seed(n));
			hits[usize::from(AsRef::<[u8]>::as_ref(&drawn().unwrap())[0])] += 1;
		}
	});
	// Chi-square with two degrees of freedom; 13.8 is exceeded once in a thousand.
	let expected = [(2, 0.6), (3, 0.3), (4, 0.1)];
	let chi: f64 = expected
		.iter()
		.map(|(number, share)| {
			let expected = share * rounds as f64;
			(f64::from(hits[*number]) - expected).powi(2) / expected
		})
		.sum();
	assert!(chi < 13.8, "{chi} {hits:?}");
}

#[test]
fn waiting_list_should_go_when_nobody_waits() {
	waiting().build_and_execute(|| {
		assert_eq!(TranscoderElection::waiting().len(), 3);
		for number in 2..=4 {
			assert_ok!(TranscoderElection::resign(RuntimeOrigin::signed(account(number))));
		}
		round_with(seed(1));
		assert!(WaitList::<Test>::get().is_none());
		assert_eq!(drawn(), None);
		// Tickets are the protocol's.
		assert_ne!(ticket(b"a", seed(1), &1u32, &account(1)), 0);
	});
}

#[test]
fn seat_should_weigh_by_the_stake_of_now_when_its_round_begins() {
	waiting().build_and_execute(|| {
		set_stake(&account(2), 7 * UNIT, 7 * UNIT);
		set_stake(&account(3), 7 * UNIT, 7 * UNIT);
		set_stake(&account(4), 7 * UNIT, 7 * UNIT);
		round_with(seed(1));
		let seats = TranscoderElection::active_set().seats;
		let drawn: &Seat = &seats[1];
		assert_eq!((drawn.stake, drawn.stake_before), (7 * UNIT, 0));
	});
}
