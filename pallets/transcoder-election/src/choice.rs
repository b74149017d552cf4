//! The decisions, as plain functions of what they decide on.

use alloc::vec::Vec;
use core::cmp::Reverse;
use livepeer_primitives::{AccountId, Balance};

use crate::types::{ChosenValidator, Terms};

/// A transcoder that may be elected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contender {
	/// Its account.
	pub account: AccountId,
	/// Its active stake.
	pub stake: Balance,
	/// Its registration's order; no two are equal.
	pub order: u64,
	/// Its terms.
	pub terms: Terms,
}

/// The `seats` contenders with the most stake, highest first, and those who wait, likewise; the
/// earlier registered wins a tie. Without stake nobody is elected or waits.
pub fn elect(mut contenders: Vec<Contender>, seats: u32) -> (Vec<Contender>, Vec<Contender>) {
	contenders.retain(|contender| contender.stake > 0);
	contenders.sort_unstable_by_key(|contender| (Reverse(contender.stake), contender.order));
	let waiting = contenders.split_off(contenders.len().min(seats as usize));
	(contenders, waiting)
}

/// The most of `eligible`, highest stake first, among whom nobody has less than their mean stake divided by
/// `leverage`; as far as there are so many, no fewer than `minimum`.
///
/// Consensus counts validators by their number. Whoever holds a part of the stake of those who are left
/// has at most `leverage` times that part of their number, however it splits what it holds: each of its
/// seats takes a share of the stake that is no smaller than one by `leverage` of a seat's.
pub fn within_leverage(
	mut eligible: Vec<ChosenValidator>,
	minimum: u32,
	leverage: u32,
) -> Vec<ChosenValidator> {
	// A stable sort: the earlier registered one comes first.
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
	/// Who it is.
	pub validator: ChosenValidator,
	/// Whether it is jailed or chilled.
	pub barred: bool,
}

/// The next validator set, of those that are eligible and of the previous set.
///
/// Enough eligible ones are the set. If they are fewer than `minimum`, the previous set stays:
/// - all its members that are neither jailed nor chilled;
/// - as far as these are fewer than `minimum`, eligible newcomers, highest stake first;
/// - as far as still needed, its barred members, so that those with the lowest stake go first.
///
/// So the set is smaller than `minimum` only if there is nobody else, it never grows beyond
/// `minimum` by newcomers, and a barred member is kept only where nobody can take its place.
/// No account is returned twice if neither list holds one twice.
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
	// Stable sorts: the order of the lists decides between equal stakes.
	eligible.sort_by_key(|validator| Reverse(validator.stake));
	barred.sort_by_key(|validator| Reverse(validator.stake));

	let mut chosen: Vec<_> = staying.into_iter().map(|incumbent| incumbent.validator).collect();
	let missing = minimum.saturating_sub(chosen.len());
	chosen.extend(eligible.into_iter().chain(barred).take(missing));
	chosen
}

/// Whether a registered transcoder may change its terms from `old` to `new` in the lock period,
/// in which `lowest` is the lowest price of all that are registered: only the price may change,
/// only downwards, and not below the lowest.
pub fn is_allowed_in_lock_period(old: &Terms, new: &Terms, lowest: Balance) -> bool {
	old.reward_cut == new.reward_cut
		&& old.fee_share == new.fee_share
		&& new.price <= old.price
		&& (new.price == old.price || new.price >= lowest)
}
