//! The seat that is drawn from the waiting list.

use crate::{mock::*, Event, Seat, WaitList};
use alloc::collections::BTreeSet;
use frame_support::assert_ok;
use livepeer_primitives::{
	draw::ticket,
	traits::{Jail, RewardedSeats, TranscoderDirectory},
	AccountId, Balance, Hash, UNIT,
};
use sp_io::hashing::blake2_256;

/// One seat by stake, and those that wait for the other: 2 with 6 LPT, 3 with 3 LPT, 4 with 1 LPT.
fn waiting() -> ExtBuilder {
	ExtBuilder::default()
		.parameters(|parameters| parameters.active_size = 1)
		.transcoder(1, 100, 0)
		.transcoder(2, 6, 1)
		.transcoder(3, 3, 1)
		.transcoder(4, 1, 1)
}

/// Begins the next round, with this seed of a window after the running round began.
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
		// The second in the order stays second, whoever else is removed behind it.
		let last = [2, 3, 4].into_iter().map(account).find(|who| *who != first && *who != second);
		let last = AsRef::<[u8]>::as_ref(&last.unwrap())[0];
		assert_eq!(order(Some(last)), Some(first));
	});
}

/// Who is drawn for round 1 by each of many seeds of its newest window, blocks 10 to 19, if
/// `change` happens in this block.
fn drawn_when(block: u64, change: fn()) -> Vec<AccountId> {
	(0..40)
		.map(|n| {
			let mut who = None;
			waiting().build_and_execute(|| {
				System::set_block_number(block);
				change();
				System::set_block_number(20);
				Seeds::mutate(|seeds| seeds.insert(1, seed(n)));
				next_round();
				who = drawn();
			});
			who.unwrap()
		})
		.collect()
}

#[test]
fn attack_bonding_in_the_same_round_steers_the_seat() {
	let calm = drawn_when(2, || ());
	assert!(calm.iter().collect::<BTreeSet<_>>().len() > 1, "chance decides");
	let changes: [fn(); 4] = [
		// 4 now has many times its stake, still too little to be elected by it.
		|| set_stake(&account(4), 50 * UNIT, 50 * UNIT),
		// Those whose stake 4 can move have less, or more.
		|| set_stake(&account(2), UNIT, UNIT),
		|| set_stake(&account(3), 50 * UNIT, 50 * UNIT),
		// A newcomer has the most.
		|| {
			bond(&account(5), 60 * UNIT);
			let signed = RuntimeOrigin::signed(account(5));
			assert_ok!(TranscoderElection::transcoder(signed, terms(5), service(5)));
		},
	];
	// In the window before the seed's, as that one begins, in it, at its end, and when it is known.
	for block in [2, 9, 10, 15, 19, 20] {
		for change in changes {
			assert_eq!(drawn_when(block, change), calm, "in block {block}");
		}
		// A transcoder that leaves gives up its own seat and takes nobody else's.
		let left = drawn_when(block, || {
			assert_ok!(TranscoderElection::resign(RuntimeOrigin::signed(account(3))));
		});
		for (calm, left) in calm.iter().zip(&left) {
			assert!(*left != account(3) && (left == calm || *calm == account(3)));
		}
	}
}

#[test]
fn attack_bonding_in_the_round_before_steers_the_seat() {
	// Stake bonded in round 0 counts in the draw for round 2. The only randomness that it can know
	// by then is that of windows that begin before round 1 does, in block 25.
	let with = |known: u64, later: Option<Hash>| {
		let mut who = None;
		waiting().build_and_execute(|| {
			for window in 0..=2 {
				Seeds::mutate(|seeds| seeds.insert(window, seed(known)));
			}
			System::set_block_number(20);
			set_stake(&account(4), 50 * UNIT, 50 * UNIT);
			System::set_block_number(25);
			next_round();
			System::set_block_number(40);
			if let Some(later) = later {
				Seeds::mutate(|seeds| seeds.insert(3, later));
			}
			next_round();
			who = drawn();
		});
		who
	};
	let later = Some(seed(1_000));
	let first = with(0, later);
	assert!(first.is_some());
	for known in 0..40 {
		assert_eq!(with(known, later), first);
		assert_eq!(with(known, None), None, "rather nobody than whom that chance draws");
	}
}

/// A transcoder that knows that it follows the first in the order could give that one the little
/// that it lacks for a seat by stake, and be drawn in its place.
#[test]
fn attack_lifting_the_first_into_the_active_set_passes_its_seat_on_to_nobody() {
	for n in 0..20 {
		let drawn_with = |lifted: Option<&AccountId>| {
			let mut who = None;
			waiting().build_and_execute(|| {
				if let Some(first) = lifted {
					set_stake(first, 101 * UNIT, 101 * UNIT);
				}
				round_with(seed(n));
				let seats = TranscoderElection::active_set().seats;
				assert_eq!(lifted.is_some(), lifted == Some(&seats[0].account));
				who = drawn();
			});
			who
		};
		let first = drawn_with(None).unwrap();
		assert_eq!(drawn_with(Some(&first)), None);
		// Lifting a later one takes the seat from nobody.
		let other = [2, 3, 4].map(account).into_iter().find(|who| *who != first).unwrap();
		assert_eq!(drawn_with(Some(&other)), Some(first));
	}
}

#[test]
fn attack_dust_candidates_gain_nothing_on_the_random_seat() {
	// Ten LPT in one candidate, or in ten of one each, beside another with ten: how often one of
	// them is drawn, and with how much stake in total.
	let rounds = 1_000u64;
	let draw = |own: &[(u8, Balance)], min_self_bond: Balance| {
		let (mut hits, mut stake) = (0u64, 0);
		let chain = ExtBuilder::default()
			.parameters(|parameters| parameters.active_size = 1)
			.transcoder(1, 100, 0)
			.transcoder(2, 10, 1);
		let all = own.iter().fold(chain, |chain, (number, lpt)| chain.transcoder(*number, *lpt, 1));
		all.build_and_execute(|| {
			Parameters::mutate(|parameters| parameters.min_self_bond = min_self_bond);
			for n in 0..rounds {
				round_with(seed(n));
				let seats = TranscoderElection::active_set().seats;
				let seat = seats.iter().find(|seat| seat.random).unwrap();
				if seat.account != account(2) {
					hits += 1;
					stake += seat.stake;
				}
			}
		});
		(hits, stake)
	};
	let dust: Vec<(u8, Balance)> = (3..=12).map(|number| (number, 1)).collect();
	let (one, many) = (draw(&[(3, 10)], UNIT), draw(&dust, UNIT));
	// Half of the draws, with five standard deviations of 80; the seat's weight is its own stake.
	for (hits, _) in [one, many] {
		assert!(hits.abs_diff(rounds / 2) < 80, "{one:?} {many:?}");
	}
	assert_eq!((one.1, many.1), (one.0 as Balance * 10 * UNIT, many.0 as Balance * UNIT));
	// Below the smallest bond they wait for nothing.
	assert_eq!(draw(&dust, 2 * UNIT), (0, 0));
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
