//! A slash never profits a coalition that includes the offender, whatever part of the pool belongs
//! to the coalition and whichever of its members reports the offence.

use crate::{mock::*, Locks};
use frame_support::assert_ok;
use livepeer_primitives::{
	traits::{Slash, Stake},
	AccountId, Balance, RoundIndex,
};
use proptest::prelude::*;
use sp_runtime::Perbill;

/// The offender and its accomplices: two of its delegators, a validator with own stake that judges,
/// and somebody without stake.
fn coalition() -> [AccountId; 5] {
	[t(), d(), d2(), t2(), finder()]
}

/// All that an account has in LPT.
fn wealth(who: &AccountId) -> Balance {
	lpt(who.clone()) + staked(who)
}

/// What an account has in its bond and its locks.
fn staked(who: &AccountId) -> Balance {
	stake(who.clone()) + locked(who, |_| true)
}

/// What an account has in the locks that match `of`.
fn locked(who: &AccountId, of: impl Fn(&crate::LockView) -> bool) -> Balance {
	LptStaking::locks(who.clone()).iter().filter(|lock| of(lock)).map(|lock| lock.value).sum()
}

/// The part of the offender's own stake that stood behind `t`.
fn own() -> Balance {
	LptStaking::self_bond(&t()) + locked(&t(), |lock| lock.transcoder == t())
}

#[derive(Clone, Debug)]
struct Offence {
	back: RoundIndex,
	fraction: Perbill,
	/// Which members report the offence. `beside`: whether an honest finder reports it too.
	finders: Vec<prop::sample::Index>,
	beside: bool,
}

prop_compose! {
	fn offence()(
		back in 0u32..4,
		fraction in prop_oneof![
			8 => (1u32..=600_000_000).prop_map(Perbill::from_parts),
			1 => Just(Perbill::one()),
		],
		finders in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
		beside: bool,
	) -> Offence {
		Offence { back, fraction, finders, beside }
	}
}

/// Shares from 0 to 1, including both ends and tiny ones.
fn share() -> impl Strategy<Value = Perbill> {
	prop_oneof![
		Just(Perbill::zero()),
		Just(Perbill::one()),
		(0u32..=1_000).prop_map(Perbill::from_parts),
		(0u32..=1_000_000_000).prop_map(Perbill::from_parts),
	]
}

proptest! {
	#[test]
	fn coalition_with_the_offender_should_never_gain_by_a_slash(
		total in 1_000u128..=10u128.pow(26),
		own_share in share(),
		accomplices in share(),
		leaves in prop::collection::vec((0usize..3, share()), 0..6),
		cut in share(),
		finder_fee in share(),
		offences in prop::collection::vec(offence(), 1..6),
	) {
		let own_part = own_share.mul_floor(total);
		let theirs = accomplices.mul_floor(total - own_part);
		let bonds: Vec<_> = [
			(t(), t(), own_part),
			(d(), t(), theirs / 2),
			(d2(), t(), theirs - theirs / 2),
			(account(30), t(), total - own_part - theirs),
			(t2(), t2(), 1_000),
		]
		.into_iter()
		.filter(|(_, _, amount)| *amount > 0)
		.collect();
		new_test_ext_with(bonds).execute_with(|| {
			Parameters::mutate(|parameters| {
				parameters.min_bond = 1;
				parameters.finder_fee = finder_fee;
			});
			for (who, part) in leaves {
				next_round();
				reward(t(), total / 100, cut);
				let who = coalition()[who].clone();
				let amount = part.mul_floor(stake(who.clone()));
				if amount > 0 && Locks::<Test>::get(&who).locks.len() < 30 {
					assert_ok!(LptStaking::unbond(RuntimeOrigin::signed(who), amount));
				}
			}
			for Offence { back, fraction, finders, beside } in offences {
				let mut finders: Vec<_> =
					finders.into_iter().map(|finder| finder.get(&coalition()).clone()).collect();
				if beside {
					finders.push(account(31));
				}
				let all = || coalition().iter().map(wealth).sum::<Balance>();
				let at_stake = || coalition().iter().map(staked).sum::<Balance>();
				let before = (all(), at_stake(), own());
				let offence = Round::get().saturating_sub(back);
				let slashed = LptStaking::slash(&t(), offence, fraction, &finders);
				let own_loss = before.2 - own();
				prop_assert!(slashed.finders_fee <= own_loss / 2);
				prop_assert!(slashed.finders_fee <= finder_fee.mul_ceil(slashed.total));
				prop_assert!(all() <= before.0, "the coalition gained");
				// The coalition gets back at most half of the offender's own loss, and nothing of
				// the accomplices' loss.
				let lost = before.1 - at_stake();
				prop_assert!(before.0 - all() >= lost - own_loss / 2);
				check();
			}
			Ok(())
		})?;
	}
}
