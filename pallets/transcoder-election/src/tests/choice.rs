//! Properties of the decisions.

use crate::{
	choice::{
		choose_validators, elect, is_allowed_in_lock_period, within_leverage, Contender, Incumbent,
	},
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

/// Eligible validators and the previous set, in which the eligible ones are not barred.
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

/// Twenty validators with 100 each, and `number` more with `stake` each.
fn beside_twenty(number: u8, stake: u128) -> Vec<ChosenValidator> {
	let honest = (0..20).map(|number| validator(number, 100));
	honest.chain((0..number).map(|split| validator(100 + split, stake))).collect()
}

#[test]
fn attack_stake_that_is_split_over_many_validators() {
	// 40 seats of 1 would be two thirds of 60, for 40 beside 2,000.
	assert_eq!(within_leverage(beside_twenty(40, 1), 7, 4), beside_twenty(0, 0));
	// The mean of 21 is 2,025 ÷ 21 = 96.4, a quarter of it 24.1: 24 is too little for one alone.
	assert_eq!(within_leverage(beside_twenty(1, 24), 7, 4).len(), 20);
	assert_eq!(within_leverage(beside_twenty(1, 25), 7, 4).len(), 21);
	// Two thirds of the seats take a sixth of all the stake: a quarter of 2,400 ÷ 60 each.
	assert_eq!(within_leverage(beside_twenty(40, 10), 7, 4).len(), 60);
	assert_eq!(within_leverage(beside_twenty(40, 9), 7, 4).len(), 20);
}

/// How much stake it takes to push all others, who have 100 each, out of the set: more than three
/// quarters of all stake at a leverage of four, and more with each additional seat.
#[test]
fn attack_large_stake_that_pushes_small_validators_out() {
	assert_eq!(within_leverage(beside_twenty(1, 6_400), 7, 4).len(), 21);
	assert_eq!(within_leverage(beside_twenty(4, 1_900), 7, 4).len(), 24);
	// Then it is a seventh of the set, and not alone in it.
	let left = within_leverage(beside_twenty(1, 6_401), 7, 4);
	assert_eq!((left.len(), left[0].stake, left[1].stake), (7, 6_401, 100));
}

/// Many validators that are in only because of their number leave all at once. Whoever caused that
/// has no larger share of the remaining ones than its stake allows.
#[test]
fn attack_stake_at_the_edge_that_pushes_many_validators_out() {
	let set = |newcomers: u8, stake: u128| {
		let large = (0..10).map(|number| validator(number, 1_000));
		let small = (10..50).map(|number| validator(number, 63));
		let newcomers = (0..newcomers).map(|number| validator(100 + number, stake));
		within_leverage(large.chain(small).chain(newcomers).collect(), 7, 4)
	};
	// A quarter of the mean is 62.6; one more with 332 makes it 63, one with 333 makes it more.
	assert_eq!(set(0, 0).len(), 50);
	assert_eq!(set(1, 332).len(), 51);
	assert_eq!(set(1, 333).len(), 11);
	// Six of them then have three eighths of the seats, for 1,800 of the remaining 11,800.
	let left = set(6, 300);
	assert_eq!(left.len(), 16);
	assert_eq!(left.iter().filter(|one| one.stake == 300).count(), 6);
	// With less each, those with 63 stay, and six are a ninth.
	assert_eq!(set(6, 250).len(), 56);
}

#[test]
fn validators_should_stay_when_one_has_as_much_as_all_others() {
	let set: Vec<_> =
		[validator(0, 100)].into_iter().chain((1..=10).map(|n| validator(n, 10))).collect();
	assert_eq!(within_leverage(set.clone(), 1, 2), set);
	// With a leverage of one, all have the same.
	assert_eq!(within_leverage(set.clone(), 1, 1), set[..1]);
	// Nobody is left out of the smallest set.
	assert_eq!(within_leverage(set.clone(), 7, 1), set[..7]);
	assert_eq!(within_leverage(set.clone(), 20, 1), set);
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
	// If there are as many as required, they are the set.
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
	// Among equals, the one that was first.
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
	fn nobody_should_have_more_of_the_validators_than_the_leverage_lets_its_stake(
		stakes in vec(1u128..1_000, 1..60),
		minimum in 0u32..8,
		leverage in 1u32..6,
		from in 0usize..60,
	) {
		let eligible: Vec<_> = (0u8..).zip(&stakes).map(|(n, stake)| validator(n, *stake)).collect();
		let chosen = within_leverage(eligible.clone(), minimum, leverage);
		prop_assert!(chosen.len() >= eligible.len().min(minimum.max(1) as usize));
		prop_assert!(chosen.windows(2).all(|pair| pair[0].stake >= pair[1].stake));
		if chosen.len() > minimum as usize {
			// The worst coalition is that of the smallest ones.
			let coalition = &chosen[from.min(chosen.len())..];
			let sum = |of: &[ChosenValidator]| of.iter().map(|one| one.stake).sum::<u128>();
			prop_assert!(
				coalition.len() as u128 * sum(&chosen)
					<= u128::from(leverage) * sum(coalition) * chosen.len() as u128
			);
			// One more would have too little stake.
			let rest: Vec<_> = eligible.iter().filter(|one| !chosen.contains(one)).collect();
			if let Some(next) = rest.iter().map(|one| one.stake).max() {
				let number = chosen.len() as u128 + 1;
				prop_assert!(next * u128::from(leverage) * number < sum(&chosen) + next);
			}
		}
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
