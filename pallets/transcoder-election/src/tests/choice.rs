//! Properties of the decisions.

use crate::{
	choice::{choose_validators, elect, is_allowed_in_lock_period, Contender, Incumbent},
	mock::{account, terms},
	ChosenValidator,
};
use alloc::collections::BTreeSet;
use proptest::{collection::vec, prelude::*, sample::subsequence};

fn validator(number: u8, stake: u128) -> ChosenValidator {
	ChosenValidator { account: account(number), stake }
}

/// Contenders with few different stakes, so that ties are common.
fn contenders() -> impl Strategy<Value = Vec<Contender>> {
	vec(0u128..6, 0..40)
		.prop_map(|stakes| {
			stakes
				.into_iter()
				.enumerate()
				.map(|(index, stake)| Contender {
					account: account(index as u8),
					stake,
					order: index as u64,
					terms: terms(1),
				})
				.collect::<Vec<_>>()
		})
		.prop_shuffle()
}

/// Eligible validators and the previous set: the eligible ones of it are not barred.
fn sets() -> impl Strategy<Value = (Vec<ChosenValidator>, Vec<Incumbent>)> {
	let numbers: Vec<u8> = (0..20).collect();
	(
		subsequence(numbers.clone(), 0..=20),
		subsequence(numbers, 0..=20).prop_shuffle(),
		vec((1u128..6, any::<bool>()), 20),
	)
		.prop_map(|(eligible, previous, facts)| {
			let stake = |number: u8| facts[usize::from(number)].0;
			let previous = previous
				.into_iter()
				.map(|number| Incumbent {
					barred: facts[usize::from(number)].1 && !eligible.contains(&number),
					validator: validator(number, stake(number)),
				})
				.collect();
			let eligible =
				eligible.into_iter().map(|number| validator(number, stake(number))).collect();
			(eligible, previous)
		})
}

/// Members of the previous set, each with whether it is barred.
fn previous(members: &[(u8, u128, bool)]) -> Vec<Incumbent> {
	members
		.iter()
		.map(|(number, stake, barred)| Incumbent {
			validator: validator(*number, *stake),
			barred: *barred,
		})
		.collect()
}

#[test]
fn newcomers_should_come_by_stake_when_not_all_have_a_place() {
	let eligible = vec![validator(5, 10), validator(6, 20), validator(7, 15)];
	let staying = previous(&[(1, 2, false), (2, 1, false)]);
	let chosen = choose_validators(eligible.clone(), staying.clone(), 4);
	let expected =
		[(1, 2), (2, 1), (6, 20), (7, 15)].map(|(number, stake)| validator(number, stake));
	assert_eq!(chosen, expected);
	// As many as are asked for are the set, and nobody else.
	assert_eq!(choose_validators(eligible.clone(), staying, 3), eligible);
}

#[test]
fn barred_should_stay_by_stake_when_nobody_takes_their_place() {
	let before = previous(&[(1, 5, true), (2, 9, true), (3, 1, false), (4, 9, true)]);
	let chosen = |eligible, minimum| {
		choose_validators(eligible, before.clone(), minimum)
			.into_iter()
			.map(|validator| validator.account)
			.collect::<Vec<_>>()
	};
	assert_eq!(chosen(vec![], 1), [account(3)]);
	// Of equals the one that was first.
	assert_eq!(chosen(vec![], 2), [account(3), account(2)]);
	assert_eq!(chosen(vec![], 4), [3, 2, 4, 1].map(account));
	assert_eq!(chosen(vec![validator(5, 1)], 3), [3, 5, 2].map(account));
}

#[test]
fn seats_should_go_by_stake_and_then_to_the_older() {
	let contender = |number, stake, order| Contender {
		account: account(number),
		stake,
		order,
		terms: terms(1),
	};
	let all = vec![
		contender(1, 5, 3),
		contender(2, 0, 0),
		contender(3, 7, 4),
		contender(4, 5, 2),
		contender(5, 1, 1),
	];
	let (elected, waiting) = elect(all.clone(), 2);
	let accounts = |list: Vec<Contender>| {
		list.into_iter().map(|contender| contender.account).collect::<Vec<_>>()
	};
	assert_eq!(accounts(elected), [3, 4].map(account));
	assert_eq!(accounts(waiting), [1, 5].map(account));
	let (elected, waiting) = elect(all, 4);
	assert_eq!((elected.len(), waiting.len()), (4, 0));
}

proptest! {
	#[test]
	fn elected_should_outrank_everyone_left_out(contenders in contenders(), seats in 0u32..12) {
		let (elected, waiting) = elect(contenders.clone(), seats);
		let with_stake = contenders.iter().filter(|contender| contender.stake > 0).count();
		prop_assert_eq!(elected.len() + waiting.len(), with_stake);
		let rank = |contender: &Contender| (u128::MAX - contender.stake, contender.order);
		prop_assert!(elected.windows(2).all(|pair| rank(&pair[0]) < rank(&pair[1])));
		prop_assert!(elected.iter().all(|contender| contender.stake > 0));
		let with_stake = contenders.iter().filter(|contender| contender.stake > 0).count();
		prop_assert_eq!(elected.len(), with_stake.min(seats as usize));
		for contender in contenders.iter().filter(|contender| contender.stake > 0) {
			let is_elected = elected.contains(contender);
			prop_assert!(is_elected || elected.iter().all(|other| rank(other) < rank(contender)));
		}
	}

	#[test]
	fn election_should_not_depend_on_order_of_list(
		(contenders, shuffled) in contenders()
			.prop_flat_map(|list| (Just(list.clone()), Just(list).prop_shuffle())),
		seats in 0u32..12,
	) {
		prop_assert_eq!(elect(contenders, seats), elect(shuffled, seats));
	}

	#[test]
	fn validators_should_keep_every_rule((eligible, previous) in sets(), minimum in 1u32..12) {
		let minimum_len = minimum as usize;
		let chosen = choose_validators(eligible.clone(), previous.clone(), minimum);
		let accounts = |list: &[ChosenValidator]| {
			list.iter().map(|validator| validator.account.clone()).collect::<BTreeSet<_>>()
		};
		let members = accounts(&chosen);
		let before: Vec<_> =
			previous.iter().map(|incumbent| incumbent.validator.clone()).collect();
		let available: BTreeSet<_> =
			accounts(&eligible).union(&accounts(&before)).cloned().collect();
		prop_assert_eq!(members.len(), chosen.len(), "nobody twice");
		prop_assert!(members.is_subset(&available));

		if eligible.len() >= minimum_len {
			prop_assert_eq!(chosen, eligible);
			return Ok(());
		}
		prop_assert!(chosen.len() >= minimum_len.min(available.len()), "never fewer than that");
		prop_assert!(chosen.len() <= minimum_len.max(previous.len()), "bounded by what was");
		prop_assert!(
			previous
				.iter()
				.all(|incumbent| incumbent.barred || members.contains(&incumbent.validator.account)),
			"the previous set stays"
		);
		let barred = |kept: bool| {
			previous
				.iter()
				.filter(|incumbent| {
					incumbent.barred && members.contains(&incumbent.validator.account) == kept
				})
				.map(|incumbent| incumbent.validator.stake)
				.collect::<Vec<_>>()
		};
		let (kept, dropped) = (barred(true), barred(false));
		if !kept.is_empty() {
			prop_assert!(chosen.len() <= minimum_len, "barred only as far as needed");
			prop_assert!(
				eligible.iter().all(|validator| members.contains(&validator.account)),
				"nobody could take their place"
			);
		}
		for stake in dropped {
			prop_assert!(kept.iter().all(|other| *other >= stake), "lowest stake first");
		}
	}

	#[test]
	fn lock_period_should_only_let_prices_fall_to_lowest(
		old in 0u128..20,
		new in 0u128..20,
		lowest in 0u128..20,
	) {
		let allowed = is_allowed_in_lock_period(&terms(old), &terms(new), lowest);
		prop_assert_eq!(allowed, new == old || (lowest..old).contains(&new));
	}
}
