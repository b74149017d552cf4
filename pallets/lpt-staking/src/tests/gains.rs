//! Splitting, merging, topping up, moving, leaving, returning or settling gains nothing, compared
//! with a twin that just stays through the same rounds with the same rewards, fees and slashes.

use crate::{mock::*, Locks, Purpose};
use frame_support::assert_ok;
use livepeer_primitives::{traits::Stake, AccountId, Balance};
use proptest::prelude::*;
use sp_runtime::Perbill;

const LPT: Balance = 1_000_000_000_000_000_000;

/// A round of the transcoder, and what the restless account does in it.
#[derive(Clone, Debug)]
struct Step {
	reward: Balance,
	fee: Balance,
	slash: Option<Perbill>,
	does: Does,
}

#[derive(Clone, Debug)]
enum Does {
	Nothing,
	Settle,
	LeaveAndReturn(u32),
	WithdrawFees,
	TopUp(Balance),
	/// One hand gives a part of its bond to another.
	Give {
		from: usize,
		to: usize,
		percent: u32,
	},
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
	let does = prop_oneof![
		Just(Does::Nothing),
		Just(Does::Settle),
		(1u32..=100).prop_map(Does::LeaveAndReturn),
		Just(Does::WithdrawFees),
		(LPT / 1_000..=50 * LPT).prop_map(Does::TopUp),
		(0..6usize, 0..6usize, 1u32..=100).prop_map(|(from, to, percent)| Does::Give {
			from,
			to,
			percent
		}),
	];
	let slash = prop_oneof![
		9 => Just(None),
		1 => (1u32..300_000_000).prop_map(|parts| Some(Perbill::from_parts(parts))),
	];
	let step = (0..=100 * LPT, 0..=LPT, slash, does).prop_map(|(reward, fee, slash, does)| Step {
		reward,
		fee,
		slash,
		does,
	});
	prop::collection::vec(step, 1..25)
}

/// All that an account has in this pallet, in stake and in fees.
fn wealth(who: &AccountId) -> (Balance, Balance) {
	let locks: Balance = LptStaking::locks(who.clone()).into_iter().map(|lock| lock.value).sum();
	(stake(who.clone()) + locks, fees(who.clone()) + eth(who.clone()))
}

/// Plays the same rounds for everybody. `act` is what happens besides.
fn play(steps: &[Step], mut act: impl FnMut(&Does)) {
	for step in steps {
		act(&step.does);
		fee(t(), step.fee, Perbill::from_percent(60));
		if let Some(fraction) = step.slash {
			slash(t(), Round::get(), fraction);
		}
		let round = Round::get();
		next_round();
		if step.reward > 0 {
			reward_of(round, t(), step.reward, Perbill::from_percent(10));
		}
		check();
	}
}

fn does(who: &AccountId, what: &Does) {
	let signed = RuntimeOrigin::signed(who.clone());
	match what {
		Does::Nothing => {}
		Does::Settle => {
			let _ = LptStaking::settle(signed);
		}
		Does::LeaveAndReturn(percent) => {
			let all = stake(who.clone());
			let part = Perbill::from_percent(*percent) * all;
			if part >= 10 && (part == all || all - part >= 10) {
				let lock = unbond(who.clone(), part);
				assert_ok!(LptStaking::rebond(RuntimeOrigin::signed(who.clone()), lock, t()));
			}
		}
		Does::WithdrawFees => {
			let _ = LptStaking::withdraw_fees(signed);
		}
		Does::TopUp(amount) => bond(who.clone(), *amount, t()),
		// A single hand has nobody to give to.
		Does::Give { .. } => {}
	}
}

/// `from` turns a part of its bond into a bond of `to`, if both parts are large enough.
fn give(from: &AccountId, to: &AccountId, percent: u32) {
	let all = stake(from.clone());
	let part = Perbill::from_percent(percent).mul_floor(all);
	if from == to || part < 10 || part < all && all - part < 10 {
		return;
	}
	let lock = Locks::<Test>::get(from).next;
	let [giver, taker] = [from, to].map(|who| RuntimeOrigin::signed(who.clone()));
	assert_ok!(LptStaking::transfer_bond(giver, part, to.clone()));
	assert_ok!(LptStaking::accept_bond(taker, from.clone(), lock, t(), part));
}

/// Begins a move to the other transcoder, or ends one whose stake is no longer liable.
fn move_to_and_fro(who: &AccountId) {
	let signed = RuntimeOrigin::signed(who.clone());
	match LptStaking::locks(who.clone()).first() {
		Some(lock) if Round::get() >= lock.liable_until => {
			let Purpose::Redelegation(to) = lock.purpose.clone() else { panic!("it only moves") };
			assert_ok!(LptStaking::rebond(signed, lock.id, to));
		}
		Some(_) => {}
		None => {
			let there = LptStaking::delegate_of(who) == Some(t());
			assert_ok!(LptStaking::move_bond(signed, if there { t2() } else { t() }));
		}
	}
}

/// Hands that together have, in these parts, what `d` has alone; and all bonds.
fn split(parts: &[u32]) -> (Vec<AccountId>, Vec<(AccountId, AccountId, Balance)>) {
	let whole = 50 * LPT;
	let sum: u32 = parts.iter().sum();
	let hands: Vec<AccountId> = (30u8..).take(parts.len()).map(account).collect();
	let mut bonds = vec![(t(), t(), 100 * LPT), (d(), t(), whole)];
	let mut left = whole;
	for (hand, part) in hands.iter().zip(parts) {
		let amount = (whole / Balance::from(sum) * Balance::from(*part)).min(left);
		left -= amount;
		bonds.push((hand.clone(), t(), amount));
	}
	bonds[2].2 += left;
	(hands, bonds)
}

fn together(all: &[AccountId]) -> (Balance, Balance) {
	all.iter().map(wealth).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(64))]

	/// The restless account is never ahead of the twin that stays, except for the unit that
	/// rounding may leave to either. A newcomer bonds for the twin what the restless account tops
	/// up.
	#[test]
	fn restlessness_should_never_gain(steps in steps()) {
		let bonds = vec![(t(), t(), 100 * LPT), (d(), t(), 50 * LPT), (d2(), t(), 50 * LPT)];
		new_test_ext_with(bonds).execute_with(|| {
			let mut twins = vec![d2()];
			play(&steps, |what| {
				does(&d(), what);
				if let Does::TopUp(amount) = what {
					let newcomer = account(12 + twins.len() as u8);
					bond(newcomer.clone(), *amount, t());
					twins.push(newcomer);
				}
			});
			let (restless, staying) = (wealth(&d()), together(&twins));
			let slack = (steps.len() + twins.len()) as Balance;
			prop_assert!(restless.0 <= staying.0 + slack, "{restless:?} {staying:?}");
			prop_assert!(restless.1 <= staying.1 + slack, "{restless:?} {staying:?}");
			Ok(())
		})?;
	}

	/// Any number of hands together have what one account has, less what each rounding takes.
	#[test]
	fn splitting_should_change_nothing(
		steps in steps(),
		parts in prop::collection::vec(1u32..100, 2..6),
	) {
		let (hands, bonds) = split(&parts);
		new_test_ext_with(bonds).execute_with(|| {
			play(&steps, |_| ());
			let (together, alone) = (together(&hands), wealth(&d()));
			let slack = (parts.len() * steps.len()) as Balance;
			prop_assert!(together.0 <= alone.0 + slack && alone.0 <= together.0 + slack);
			prop_assert!(together.1 <= alone.1 + slack && alone.1 <= together.1 + slack);
			Ok(())
		})?;
	}

	/// Merging and splitting on the way gains nothing either.
	#[test]
	fn splitting_and_merging_should_never_gain(
		steps in steps(),
		parts in prop::collection::vec(1u32..100, 2..6),
	) {
		let (hands, bonds) = split(&parts);
		new_test_ext_with(bonds).execute_with(|| {
			play(&steps, |what| {
				if let Does::Give { from, to, percent } = what {
					let [from, to] = [from, to].map(|hand| &hands[hand % hands.len()]);
					give(from, to, *percent);
				}
			});
			let (together, alone) = (together(&hands), wealth(&d()));
			let slack = (parts.len() * steps.len()) as Balance;
			prop_assert!(together.0 <= alone.0 + slack, "{together:?} {alone:?}");
			prop_assert!(together.1 <= alone.1 + slack, "{together:?} {alone:?}");
			Ok(())
		})?;
	}

	/// Two transcoders earn the same per unit of stake. A delegator that moves to and fro between
	/// them is never ahead of one that stays. There are no slashes here, because stake on the move
	/// answers for less than stake that stays.
	#[test]
	fn moving_should_never_gain(
		steps in prop::collection::vec((0..=20u32, 1..=100u32, any::<bool>()), 1..40),
	) {
		let bonds = vec![
			(t(), t(), 100 * LPT),
			(t2(), t2(), 100 * LPT),
			(d(), t(), 50 * LPT),
			(d2(), t(), 50 * LPT),
		];
		new_test_ext_with(bonds).execute_with(|| {
			for (rewarded, paid, moves) in steps {
				if moves {
					move_to_and_fro(&d());
				}
				let active = [t(), t2()].map(|who| (who.clone(), LptStaking::active_stake(&who)));
				for (who, active) in &active {
					let paid = Perbill::from_percent(paid).mul_floor(*active);
					fee(who.clone(), paid, Perbill::from_percent(60));
				}
				let round = Round::get();
				next_round();
				for (who, active) in active {
					let rewarded = Perbill::from_percent(rewarded).mul_floor(active);
					if rewarded > 0 {
						reward_of(round, who, rewarded, Perbill::from_percent(10));
					}
				}
				check();
			}
			let (moving, staying) = (wealth(&d()), wealth(&d2()));
			// The remainders that rounding leaves in one pool and not in the other grow with the
			// rewards.
			let slack = LPT / 1_000_000;
			prop_assert!(moving.0 <= staying.0 + slack, "{moving:?} {staying:?}");
			prop_assert!(moving.1 <= staying.1 + slack, "{moving:?} {staying:?}");
			Ok(())
		})?;
	}
}
