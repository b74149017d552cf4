//! Random interleavings of everything that can happen, with the invariants checked after each.

use crate::{mock::*, Jailed};
use alloc::collections::BTreeSet;
use livepeer_primitives::{
	traits::{Chill, Jail, TranscoderDirectory},
	AccountId, UNIT,
};
use proptest::{collection::vec, prelude::*};

/// Accounts that take part; the first six validate from genesis on.
const ACCOUNTS: u8 = 10;
const MINIMUM: u32 = 3;

#[derive(Clone, Debug)]
enum Step {
	Bond(u8, u128),
	Register(u8, u128),
	Resign(u8),
	Announce(u8, u64),
	KeyAnnounces(u8, u64),
	Heartbeat(u8),
	Detain(u8),
	Resolve(u8),
	Unjail(u8),
	Chill(u8, u32),
	SetKeys(u8),
	PurgeKeys(u8),
	Lock(bool),
	Blocks(u64),
	NextRound,
	Rotate,
	Author(u8),
	Seed(u64),
}

fn step() -> impl Strategy<Value = Step> {
	let who = 1..=ACCOUNTS;
	prop_oneof![
		(who.clone(), 0u128..50).prop_map(|(who, lpt)| Step::Bond(who, lpt)),
		(who.clone(), 0u128..9).prop_map(|(who, price)| Step::Register(who, price)),
		who.clone().prop_map(Step::Resign),
		(who.clone(), 0u64..3).prop_map(|(who, capacity)| Step::Announce(who, capacity)),
		(who.clone(), 0u64..3).prop_map(|(who, capacity)| Step::KeyAnnounces(who, capacity)),
		who.clone().prop_map(Step::Heartbeat),
		who.clone().prop_map(Step::Detain),
		who.clone().prop_map(Step::Resolve),
		who.clone().prop_map(Step::Unjail),
		(who.clone(), 0u32..4).prop_map(|(who, rounds)| Step::Chill(who, rounds)),
		who.clone().prop_map(Step::SetKeys),
		who.clone().prop_map(Step::PurgeKeys),
		who.prop_map(Step::Author),
		any::<u64>().prop_map(Step::Seed),
		any::<bool>().prop_map(Step::Lock),
		(1u64..15).prop_map(Step::Blocks),
		Just(Step::NextRound),
		Just(Step::Rotate),
		Just(Step::Rotate),
	]
}

/// Performs the action. Calls may be refused; a refused call must change nothing that matters here.
fn apply(step: Step, next_key: &mut u64) {
	let signed = |number: u8| RuntimeOrigin::signed(account(number));
	match step {
		Step::Bond(who, lpt) => bond(&account(who), lpt * UNIT),
		Step::Register(who, price) => {
			let _ = TranscoderElection::transcoder(signed(who), terms(price), service(who));
		}
		Step::Resign(who) => {
			let _ = TranscoderElection::resign(signed(who));
		}
		Step::Announce(who, capacity) => {
			let _ = TranscoderElection::set_available(signed(who), capacity, profiles(&[1]));
		}
		Step::KeyAnnounces(who, capacity) => {
			let _ =
				crate::mock::apply(announcement_at(who, System::block_number() as u32, capacity));
		}
		Step::Heartbeat(who) => {
			let _ = crate::mock::apply(heartbeat_at(who, System::block_number() as u32));
		}
		Step::Detain(who) => TranscoderElection::detain(&account(who)),
		Step::Resolve(who) => {
			if Jailed::<Test>::get(account(who)).is_some_and(|open| open > 0) {
				TranscoderElection::resolve(&account(who));
			}
		}
		Step::Unjail(who) => {
			let _ = TranscoderElection::unjail(signed(who));
		}
		Step::Chill(who, rounds) => {
			TranscoderElection::chill(&account(who), Round::get() + rounds);
		}
		Step::SetKeys(who) => {
			*next_key += 1;
			set_keys(&account(who), *next_key);
		}
		Step::PurgeKeys(who) => {
			let _ = TranscoderElection::purge_keys(signed(who));
		}
		Step::Lock(locked) => Locked::set(locked),
		Step::Blocks(blocks) => System::set_block_number(System::block_number() + blocks),
		Step::NextRound => next_round(),
		Step::Rotate => rotate_and_check(),
		Step::Author(who) => author(who),
		Step::Seed(seed) => {
			let window = System::block_number() as u32 / 10;
			let hash = livepeer_primitives::Hash::from_low_u64_be(seed);
			Seeds::mutate(|seeds| seeds.insert(window, hash));
		}
	}
}

/// Rotates the session, and checks what it was given.
fn rotate_and_check() {
	let with_keys = |who: &_| pallet_session::NextKeys::<Test>::contains_key(who);
	// The members that the previous set and the election offer.
	let mut offered: BTreeSet<_> =
		TranscoderElection::validators().into_iter().filter(|who| with_keys(who)).collect();
	offered.extend(
		TranscoderElection::active_set()
			.seats
			.into_iter()
			.filter(|seat| {
				!seat.jailed
					&& !seat.random && TranscoderElection::offline_until(seat.account.clone()).is_none()
					&& seat.stake >= UNIT
					&& with_keys(&seat.account)
					&& TranscoderElection::chilled_until(seat.account.clone()).is_none()
			})
			.map(|seat| seat.account),
	);
	let validators = rotate();
	let queued = queued();
	assert!(queued.iter().all(with_keys));
	assert_eq!(queued.iter().collect::<BTreeSet<_>>().len(), queued.len());
	assert!(queued.len() >= offered.len().min(MINIMUM as usize));
	let barred = |who: &AccountId| {
		Jailed::<Test>::contains_key(who)
			|| TranscoderElection::chilled_until(who.clone()).is_some()
			|| TranscoderElection::offline_until(who.clone()).is_some()
	};
	assert!(!queued.iter().any(barred) || queued.len() <= MINIMUM as usize);
	// The stored sets are those of the session.
	let index = Session::current_index();
	let stored = |index| -> Vec<AccountId> {
		let members = TranscoderElection::set_of(index).members.into_iter();
		members.map(|validator| validator.account).collect()
	};
	assert_eq!(stored(index), validators);
	assert_eq!(stored(index + 1), queued);
	// As many of those in force are disabled as consensus allows.
	let jailed = validators.iter().filter(|who| Jailed::<Test>::contains_key(*who)).count();
	let bearable = validators.len().saturating_sub(1) / 3;
	assert!(Session::disabled_validators().len() >= jailed.min(bearable));
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(200))]

	#[test]
	fn invariants_should_hold_when_anything_happens(steps in vec(step(), 1..120)) {
		let mut chain = ExtBuilder::default()
			.parameters(|parameters| {
				parameters.min_validators = MINIMUM;
				parameters.active_size = 7;
			});
		for number in 1..=6 {
			chain = chain.validator(number, 10 + u128::from(number));
		}
		chain.build_and_execute(|| {
			let mut next_key = 1_000;
			for step in steps {
				apply(step, &mut next_key);
				TranscoderElection::do_try_state().unwrap();
				let jailed = TranscoderElection::jailed_validators();
				assert!(jailed.windows(2).all(|pair| pair[0] < pair[1]));
				assert!(jailed.iter().all(Jailed::<Test>::contains_key));
				for candidate in TranscoderElection::candidates() {
					assert!(is_active(&candidate.account));
					assert!(TranscoderElection::is_available(&candidate.account));
					assert!(!TranscoderElection::is_jailed(&candidate.account));
					assert!(candidate.capacity > 0);
				}
			}
		});
	}
}
