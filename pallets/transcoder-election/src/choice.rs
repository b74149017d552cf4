//! The decisions, as plain functions of their inputs.

use alloc::vec::Vec;
use core::cmp::Reverse;
use livepeer_primitives::{AccountId, Balance};

use crate::types::{ChosenValidator, Terms};

/// A transcoder that can be elected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contender {
	/// Its account.
	pub account: AccountId,
	/// Its active stake.
	pub stake: Balance,
	/// Its order of registration; no two are equal.
	pub order: u64,
	/// Its terms.
	pub terms: Terms,
}

/// The `seats` contenders with the most stake, highest first, and the waiting ones in the same
/// order. The one that registered earlier wins a tie. Nobody is elected or waits without stake.
pub fn elect(mut contenders: Vec<Contender>, seats: u32) -> (Vec<Contender>, Vec<Contender>) {
	contenders.retain(|contender| contender.stake > 0);
	contenders.sort_unstable_by_key(|contender| (Reverse(contender.stake), contender.order));
	let waiting = contenders.split_off(contenders.len().min(seats as usize));
	(contenders, waiting)
}

/// The largest group of `eligible`, highest stake first, in which nobody has less than the group's
/// mean stake divided by `leverage`; but at least `minimum` members, if there are that many.
///
/// Consensus counts validators by their number. A holder of some share of the group's stake has at
/// most `leverage` times that share of its number, however it splits its stake: each of its seats
/// takes at least the mean stake of a seat divided by `leverage`.
pub fn within_leverage(
	mut eligible: Vec<ChosenValidator>,
	minimum: u32,
	leverage: u32,
) -> Vec<ChosenValidator> {
	// A stable sort, so the one that registered earlier comes first.
	eligible.sort_by_key(|validator| Reverse(validator.stake));
	let (mut sum, mut most): (Balance, usize) = (0, 0);
	for (index, validator) in eligible.iter().enumerate() {
		let number = index.saturating_add(1);
		sum = sum.saturating_add(validator.stake);
		let weighed = Balance::from(leverage).saturating_mul(number as Balance);
		if validator.stake.saturating_mul(weighed) >= sum {
			most = number;
		}
	}
	eligible.truncate(most.max(minimum as usize));
	eligible
}

/// A member of the previous validator set that still has session keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Incumbent {
	/// The validator.
	pub validator: ChosenValidator,
	/// Whether it is jailed, chilled or offline.
	pub barred: bool,
}

/// The next validator set, from the eligible transcoders and the previous set.
///
/// If at least `minimum` are eligible, they are the set. Otherwise the previous set stays:
/// - all its members that are not barred;
/// - if these are fewer than `minimum`, eligible newcomers, highest stake first;
/// - if still needed, its barred members, highest stake first.
///
/// The set is thus smaller than `minimum` only if there is nobody else. Newcomers never make it
/// larger than `minimum`, and a barred member is kept only if nobody can take its place. No account
/// is returned twice if neither list contains one twice.
pub fn choose_validators(
	mut eligible: Vec<ChosenValidator>,
	previous: Vec<Incumbent>,
	minimum: u32,
) -> Vec<ChosenValidator> {
	let minimum = minimum as usize;
	if eligible.len() >= minimum {
		return eligible;
	}
	eligible.retain(|newcomer| {
		previous.iter().all(|incumbent| incumbent.validator.account != newcomer.account)
	});
	let (barred, staying): (Vec<_>, Vec<_>) =
		previous.into_iter().partition(|incumbent| incumbent.barred);
	let mut barred: Vec<_> = barred.into_iter().map(|incumbent| incumbent.validator).collect();
	// Stable sorts, so the order of the lists decides between equal stakes.
	eligible.sort_by_key(|validator| Reverse(validator.stake));
	barred.sort_by_key(|validator| Reverse(validator.stake));

	let mut chosen: Vec<_> = staying.into_iter().map(|incumbent| incumbent.validator).collect();
	let missing = minimum.saturating_sub(chosen.len());
	chosen.extend(eligible.into_iter().chain(barred).take(missing));
	chosen
}

/// Whether a registered transcoder can change its terms from `old` to `new` in the lock period, if
/// `lowest` is the lowest price of all registered ones: only the price can change, only downwards,
/// and not below the lowest.
pub fn is_allowed_in_lock_period(old: &Terms, new: &Terms, lowest: Balance) -> bool {
	old.reward_cut == new.reward_cut
		&& old.fee_share == new.fee_share
		&& new.price <= old.price
		&& (new.price == old.price || new.price >= lowest)
}
