//! Whoever splits, tops up, leaves, returns or settles gains nothing by it: against a twin who just
//! stays, in the same rounds with the same rewards, fees and slashes.

use crate::mock::*;
use frame_support::assert_ok;
use livepeer_primitives::{AccountId, Balance};
use proptest::prelude::*;
use sp_runtime::Perbill;

const LPT: Balance = 1_000_000_000_000_000_000;

/// A round of the transcoder, and what the restless one does in it.
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
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
	let does = prop_oneof![
		Just(Does::Nothing),
		Just(Does::Settle),
		(1u32..=100).prop_map(Does::LeaveAndReturn),
		Just(Does::WithdrawFees),
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

/// All that an account has of this pallet's, in stake and in fees.
fn wealth(who: &AccountId) -> (Balance, Balance) {
	let locks: Balance = LptStaking::locks(who.clone()).into_iter().map(|lock| lock.value).sum();
	(stake(who.clone()) + locks, fees(who.clone()) + eth(who.clone()))
}

/// The same rounds for everybody; `act` is what happens besides.
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
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(64))]

	/// The restless one is never ahead of who stays, beyond the unit that rounding may leave to either.
	#[test]
	fn restlessness_should_never_gain(steps in steps()) {
		let bonds = vec![(t(), t(), 100 * LPT), (d(), t(), 50 * LPT), (d2(), t(), 50 * LPT)];
		new_test_ext_with(bonds).execute_with(|| {
			play(&steps, |what| does(&d(), what));
			let (restless, staying) = (wealth(&d()), wealth(&d2()));
			let slack = steps.len() as Balance;
			prop_assert!(restless.0 <= staying.0 + slack, "{restless:?} {staying:?}");
			prop_assert!(restless.1 <= staying.1 + slack, "{restless:?} {staying:?}");
			Ok(())
		})?;
	}

	/// As many hands as one likes have together what one has, less what each rounding takes.
	#[test]
	fn splitting_and_merging_should_never_gain(
		steps in steps(),
		parts in prop::collection::vec(1u32..100, 2..6),
	) {
		let whole = 50 * LPT;
		let sum: u32 = parts.iter().sum();
		let hands: Vec<AccountId> = (30u8..).take(parts.len()).map(account).collect();
		let mut bonds = vec![(t(), t(), 100 * LPT), (d(), t(), whole)];
		let mut left = whole;
		for (hand, part) in hands.iter().zip(&parts) {
			let amount = (whole / Balance::from(sum) * Balance::from(*part)).min(left);
			left -= amount;
			bonds.push((hand.clone(), t(), amount));
		}
		bonds[2].2 += left;
		new_test_ext_with(bonds).execute_with(|| {
			play(&steps, |_| ());
			let together = hands.iter().map(wealth).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
			let alone = wealth(&d());
			let slack = (parts.len() * steps.len()) as Balance;
			prop_assert!(together.0 <= alone.0 + slack && alone.0 <= together.0 + slack);
			prop_assert!(together.1 <= alone.1 + slack && alone.1 <= together.1 + slack);
			Ok(())
		})?;
	}
}
