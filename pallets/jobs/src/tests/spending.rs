//! Spending keys.

use crate::{mock::*, types::Scope, Error, Event, HoldReason, SpendingKeys};
use frame_support::{assert_noop, assert_ok};
use livepeer_primitives::{AccountId, Balance, BlockNumber, UNIT};

const KEY: AccountId = AccountId::new([0x5e; 32]);
const ALL: Scope = Scope { create: true, top_up: true, end: true };
const BOND: Balance = UNIT / 1_000;

fn set(cap: Balance, expiry: BlockNumber, scope: Scope) {
	assert_ok!(Jobs::set_spending_key(RuntimeOrigin::signed(BOB), KEY, cap, expiry, scope));
}

fn create_as_key(text: &str, budget: Balance) -> sp_runtime::DispatchResult {
	create_by(&KEY, Some(BOB), text, budget)
}

fn spent() -> Balance {
	SpendingKeys::<Test>::get(BOB, KEY).unwrap().spent
}

#[test]
fn key_should_create_top_up_and_end_with_its_broadcasters_eth() {
	build_and_execute(|| {
		set(5 * UNIT, 100, ALL);
		assert_eq!(
			last_event(),
			Event::SpendingKeySet {
				broadcaster: BOB,
				key: KEY,
				cap: 5 * UNIT,
				expiry: 100,
				scope: ALL
			}
		);
		assert_ok!(create_as_key("cam", UNIT));
		let stored = job(0);
		assert_eq!(stored.broadcaster, BOB);
		assert_eq!(stored.stream, stream(&BOB, "cam"));
		assert_eq!(held(&BOB, HoldReason::Budget), UNIT);
		assert_eq!(spent(), UNIT + BOND);
		assert_ok!(Jobs::top_up(RuntimeOrigin::signed(KEY), 0, UNIT));
		assert_eq!(spent(), 2 * UNIT + BOND);
		check();
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(KEY), 0));
		assert_eq!(free(&BOB), PURSE - BOND, "but for the key's deposit");
		assert_eq!(total_eth(&KEY), 0, "no ETH passes through the key");
	});
}

#[test]
fn key_should_not_spend_more_than_its_cap() {
	build_and_execute(|| {
		set(2 * UNIT, 100, ALL);
		assert_noop!(create_as_key("cam", 2 * UNIT), Error::<Test>::CapExceeded);
		assert_ok!(create_as_key("cam", 2 * UNIT - BOND));
		let key = RuntimeOrigin::signed(KEY);
		assert_noop!(Jobs::top_up(key, 0, 1), Error::<Test>::CapExceeded);
		assert_noop!(create_as_key("cam2", UNIT / 10), Error::<Test>::CapExceeded);
		// A wrapped call does not help either.
		assert_noop!(create_as_key("cam2", Balance::MAX), Error::<Test>::InsufficientEth);
		assert_noop!(create_as_key("cam2", Balance::MAX - BOND), Error::<Test>::CapExceeded);
		// A larger cap keeps what was spent counted; a cap below that stops the key.
		set(3 * UNIT, 100, ALL);
		assert_eq!(spent(), 2 * UNIT);
		assert_ok!(Jobs::top_up(RuntimeOrigin::signed(KEY), 0, UNIT));
		set(UNIT, 100, ALL);
		assert_noop!(create_as_key("cam2", UNIT / 10), Error::<Test>::CapExceeded);
	});
}

#[test]
fn what_a_job_gives_back_should_count_no_more_once() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 1);
		set(5 * UNIT, 10_000, ALL);
		assert_ok!(create_as_key("cam", UNIT));
		skip(2);
		accept(0);
		assert_ok!(claim(&TIM, 0, 0, 0, 9));
		// What the broadcaster adds itself does not count, and is not credited to the key either.
		assert_ok!(Jobs::top_up(RuntimeOrigin::signed(BOB), 0, UNIT));
		assert_eq!(spent(), UNIT + BOND);
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(KEY), 0));
		skip(GRACE + 1);
		// Half of the 2 ETH and the bond was the key's, and so is half of what was spent: ten
		// segments.
		let (put_in, all, gone) = (UNIT + BOND, 2 * UNIT + BOND, fee_of(10));
		let back = |returned: Balance| put_in * returned / all;
		let left = put_in - back(all - BOND - gone);
		assert_eq!(spent(), left);
		assert!(left > put_in * gone / all);
		assert_ok!(create_as_key("cam2", UNIT));
		assert_ok!(settle(0, livepeer_primitives::traits::Settlement::Refund));
		skip(GONE);
		// The old job's bond came back, and what its failed claim returned is the broadcaster's.
		let expected = put_in + put_in * gone / all;
		assert!((expected..expected + 3).contains(&spent()), "{} for {expected}", spent());
	});
}

#[test]
fn refunds_to_a_key_that_was_set_anew_should_not_lower_its_count() {
	build_and_execute(|| {
		set(5 * UNIT, 100, ALL);
		assert_ok!(create_as_key("old", 4 * UNIT));
		assert_ok!(Jobs::remove_spending_key(RuntimeOrigin::signed(BOB), BOB, KEY));
		set(2 * UNIT, 100, ALL);
		assert_ok!(create_as_key("new", UNIT));
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(BOB), 0));
		assert_eq!(spent(), UNIT + BOND, "the old key's job is no refund of the new one");
	});
}

#[test]
fn key_should_do_nothing_once_expired() {
	build_and_execute(|| {
		set(5 * UNIT, 4, ALL);
		assert_ok!(create_as_key("cam", UNIT));
		skip(3);
		assert_eq!(now(), 4);
		let key = || RuntimeOrigin::signed(KEY);
		assert_noop!(create_as_key("cam2", UNIT), Error::<Test>::KeyExpired);
		assert_noop!(Jobs::top_up(key(), 0, 1), Error::<Test>::KeyExpired);
		assert_noop!(Jobs::end_job(key(), 0), Error::<Test>::KeyExpired);
		let expired = Jobs::set_spending_key(RuntimeOrigin::signed(BOB), KEY, 1, 4, ALL);
		assert_noop!(expired, Error::<Test>::KeyExpired);
		// Anyone can delete it then, and only then.
		assert_ok!(Jobs::remove_spending_key(RuntimeOrigin::signed(TIM), BOB, KEY));
		assert_noop!(create_as_key("cam2", UNIT), Error::<Test>::NoSpendingKey);
		set(UNIT, 100, ALL);
		assert_noop!(
			Jobs::remove_spending_key(RuntimeOrigin::signed(TIM), BOB, KEY),
			Error::<Test>::KeyNotExpired
		);
	});
}

#[test]
fn key_should_stay_within_its_scope() {
	build_and_execute(|| {
		let none = Scope { create: false, top_up: false, end: false };
		let id = create(&BOB, "cam");
		let key = || RuntimeOrigin::signed(KEY);
		set(5 * UNIT, 100, Scope { create: true, ..none });
		assert_ok!(create_as_key("cam2", UNIT));
		assert_noop!(Jobs::top_up(key(), id, 1), Error::<Test>::OutOfScope);
		assert_noop!(Jobs::end_job(key(), id), Error::<Test>::OutOfScope);
		set(5 * UNIT, 100, Scope { top_up: true, ..none });
		assert_noop!(create_as_key("cam3", UNIT), Error::<Test>::OutOfScope);
		assert_ok!(Jobs::top_up(key(), id, 1));
		set(5 * UNIT, 100, Scope { end: true, ..none });
		assert_noop!(Jobs::top_up(key(), id, 1), Error::<Test>::OutOfScope);
		assert_ok!(Jobs::end_job(key(), id));
	});
}

#[test]
fn key_should_do_nothing_to_anothers_jobs() {
	build_and_execute(|| {
		set(5 * UNIT, 100, ALL);
		let others = create(&BEA, "cam");
		let key = || RuntimeOrigin::signed(KEY);
		assert_noop!(create_by(&KEY, Some(BEA), "cam2", UNIT), Error::<Test>::NoSpendingKey);
		assert_noop!(Jobs::top_up(key(), others, 1), Error::<Test>::NotBroadcaster);
		assert_noop!(Jobs::end_job(key(), others), Error::<Test>::NotParty);
		// It has no ETH of its own.
		assert_noop!(create_by(&KEY, None, "cam", UNIT), Error::<Test>::InsufficientEth);
	});
}

#[test]
fn key_should_name_no_keys() {
	build_and_execute(|| {
		set(5 * UNIT, 100, ALL);
		// A key that it sets is for its own ETH, of which it has none, not even the deposit.
		let set = Jobs::set_spending_key(RuntimeOrigin::signed(KEY), TIM, UNIT, 100, ALL);
		assert_noop!(set, Error::<Test>::InsufficientEth);
		assert!(!SpendingKeys::<Test>::contains_key(BOB, TIM));
		assert_noop!(create_by(&TIM, Some(BOB), "cam", UNIT), Error::<Test>::NoSpendingKey);
		// A key's key does not count for the first key's broadcaster either.
		assert_noop!(create_by(&TIM, Some(KEY), "cam", UNIT / 2), Error::<Test>::NoSpendingKey);
		assert_noop!(
			Jobs::remove_spending_key(RuntimeOrigin::signed(KEY), BOB, KEY),
			Error::<Test>::KeyNotExpired
		);
	});
}

#[test]
fn keys_should_be_eight_at_most_and_shown() {
	build_and_execute(|| {
		let bob = || RuntimeOrigin::signed(BOB);
		let key = |i| AccountId::new([i; 32]);
		for i in 1..=8 {
			assert_ok!(Jobs::set_spending_key(bob(), key(i), UNIT, 50, ALL));
		}
		let ninth = Jobs::set_spending_key(bob(), key(9), UNIT, 50, ALL);
		assert_noop!(ninth, Error::<Test>::TooManySpendingKeys);
		assert_ok!(Jobs::set_spending_key(bob(), key(8), UNIT, 60, ALL));
		assert_noop!(Jobs::set_spending_key(bob(), BOB, 1, 50, ALL), Error::<Test>::OwnKey);
		let views = Jobs::spending_keys(BOB);
		assert_eq!(views.len(), 8);
		assert_eq!((views[7].key.clone(), views[7].expiry), (key(8), 60));
		assert!(views[7].create && views[7].top_up && views[7].end);
		for i in 1..=8 {
			assert_ok!(Jobs::remove_spending_key(bob(), BOB, key(i)));
		}
		assert!(Jobs::spending_keys(BOB).is_empty());
		assert_noop!(Jobs::remove_spending_key(bob(), BOB, key(1)), Error::<Test>::NoSpendingKey);
	});
}

#[test]
fn attack_spending_keys_should_not_fill_storage_for_nothing() {
	build_and_execute(|| {
		let set = |who: &AccountId, i: u8| {
			let origin = RuntimeOrigin::signed(who.clone());
			Jobs::set_spending_key(origin, AccountId::new([i; 32]), 0, 50, Scope::none())
		};
		// An account without ETH can have nothing stored.
		assert_noop!(set(&TIM, 1), Error::<Test>::InsufficientEth);
		assert_ok!(set(&BOB, 1));
		assert_ok!(set(&BOB, 2));
		assert_eq!(held(&BOB, HoldReason::SpendingKey), 2 * BOND);
		// A change takes no second deposit, and a new price of storage changes no old one.
		Parameters::mutate(|parameters| parameters.broadcaster_bond = 3 * BOND);
		assert_ok!(set(&BOB, 2));
		assert_eq!(held(&BOB, HoldReason::SpendingKey), 2 * BOND);
		check();
		let remove = |who: AccountId, i: u8| {
			let key = AccountId::new([i; 32]);
			Jobs::remove_spending_key(RuntimeOrigin::signed(who), BOB, key)
		};
		assert_ok!(remove(BOB, 1));
		assert_eq!(held(&BOB, HoldReason::SpendingKey), BOND);
		// Whoever removes an expired key, its broadcaster gets the deposit back.
		run_to(50);
		assert_ok!(remove(TAT, 2));
		assert_eq!((held(&BOB, HoldReason::SpendingKey), free(&BOB)), (0, PURSE));
	});
}

#[test]
fn attack_top_ups_of_others_should_not_be_given_back_to_the_creating_key() {
	build_and_execute(|| {
		register(&TIM, UNIT, PRICE, 1);
		set(5 * UNIT, 10_000, ALL);
		assert_ok!(create_as_key("cam", UNIT));
		// The broadcaster doubles the budget; half of all is spent.
		assert_ok!(Jobs::top_up(RuntimeOrigin::signed(BOB), 0, UNIT));
		skip(2);
		accept(0);
		for i in 0..15 {
			assert_ok!(claim(&TIM, 0, 0, i * 64, i * 64 + 63));
		}
		let gone = fee_of(15 * 64);
		assert_ok!(Jobs::end_job(RuntimeOrigin::signed(KEY), 0));
		for id in open_claims() {
			assert_ok!(settle(id, livepeer_primitives::traits::Settlement::Pay));
		}
		skip(GONE);
		assert!(crate::Jobs::<Test>::iter().next().is_none());
		let share = (UNIT + BOND) * gone / (2 * UNIT + BOND);
		assert!((share..share + 3).contains(&spent()), "{} for {share}", spent());
	});
}
