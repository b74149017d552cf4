//! Whether stake was cut by the shares that the chain's parameters say.

use std::collections::BTreeMap;

use livepeer_primitives::params::LotteryParameters;

use crate::{events::Event, watch::name_of};

/// The whole of which the chain's shares are billionths.
pub const WHOLE: u128 = 1_000_000_000;
/// By how many of them a share may differ that was cut in steps, each of which is rounded.
const ROUNDING: u128 = 10;

/// The share that an event names, in billionths.
fn share(event: &Event) -> u128 {
	event.number("fraction").unwrap_or_default().into()
}

/// Whose stake was slashed.
fn whose(slash: &Event) -> String {
	name_of(slash.fields["transcoder"].as_str().unwrap_or_default())
}

/// What the slashes for the offences of each round took of the stake behind an account, in billionths.
/// Where there were several, each took its share of what the one before had left.
pub fn of_rounds(slashes: &[Event]) -> BTreeMap<(String, u64), u128> {
	let mut left: BTreeMap<(String, u64), u128> = BTreeMap::new();
	for slash in slashes {
		let round = slash.number("offence").unwrap_or_default();
		let left = left.entry((whose(slash), round)).or_insert(WHOLE);
		*left -= *left * share(slash) / WHOLE;
	}
	left.into_iter().map(|(key, left)| (key, WHOLE - left)).collect()
}

/// Slashes that took less than their share of the stake behind an account, of which `bonded` is what it
/// was before the story: since then it has grown by rewards alone, but for the slashes before.
pub fn too_small(slashes: &[Event], bonded: impl Fn(&str) -> u128) -> Vec<&Event> {
	let mut least: BTreeMap<String, u128> = BTreeMap::new();
	let mut small = Vec::new();
	for slash in slashes {
		let name = whose(slash);
		let before = bonded(&name);
		let least = least.entry(name).or_insert(before);
		let cut = *least / WHOLE * share(slash);
		// A thousandth for what rounding leaves at each step.
		if slash.amount("total").unwrap_or_default() < cut - cut / 1_000 {
			small.push(slash);
		}
		*least = least.saturating_sub(cut);
	}
	small
}

/// The share of the stake behind its transcoder that a claim costs that ends so, in billionths.
pub fn of_outcome(rules: &LotteryParameters, outcome: &str) -> u128 {
	match outcome {
		"Failed" => rules.failed_slash.deconstruct().into(),
		"Missed" => rules.missed_slash.deconstruct().into(),
		_ => 0,
	}
}

/// Whether two shares are the same but for rounding.
pub fn is_same(one: u128, other: u128) -> bool {
	one.abs_diff(other) <= ROUNDING
}

/// The penalties of a judge, each with its share, that cost something else than the parameters say. Of
/// what it left undone the first costs a no-show, and each in a row twice as much, of which only that
/// counts which goes beyond its largest of the round. A false word costs its share, or the dispute where
/// that is more.
pub fn odd<'a>(penalties: &'a [(String, u128)], rules: &LotteryParameters) -> Vec<&'a str> {
	let no_show: u128 = rules.no_show_slash.deconstruct().into();
	let dissent: u128 = rules.false_dissent_slash.deconstruct().into();
	let variant: u128 = rules.variant_slash.deconstruct().into();
	let is_omission =
		|penalty: &str| ["NoShow", "OtherEvidence", "WrongEvidence"].contains(&penalty);
	let omissions: Vec<u128> = penalties
		.iter()
		.filter(|(penalty, _)| is_omission(penalty))
		.map(|(_, share)| *share)
		.collect();
	let in_a_row = omissions.len().saturating_sub(1).min(30);
	let most = (no_show << in_a_row).min(dissent.max(no_show));
	let begins = omissions.iter().any(|share| is_same(*share, no_show));
	let is_right = |(penalty, share): &&(String, u128)| match penalty.as_str() {
		penalty if is_omission(penalty) => begins && *share <= most + ROUNDING,
		"FalseDissent" => *share >= dissent,
		"MissedVariant" => *share >= variant,
		_ => false,
	};
	let odd = penalties.iter().filter(|penalty| !is_right(penalty));
	odd.map(|(penalty, _)| penalty.as_str()).collect()
}

/// Whether a judge is kept from validating for one of these.
pub fn chills<'a>(mut penalties: impl Iterator<Item = &'a str>) -> bool {
	penalties.any(|penalty| ["WrongEvidence", "FalseDissent", "MissedVariant"].contains(&penalty))
}

#[cfg(test)]
mod tests {
	use livepeer_primitives::params::ProtocolParameters;
	use serde_json::json;

	use super::*;

	fn slash(who: &str, offence: u64, fraction: u64, total: u64) -> Event {
		let fields = json!({
			"transcoder": who, "offence": offence, "fraction": fraction, "total": total,
		});
		Event { block: 1, pallet: String::new(), name: String::new(), fields }
	}

	/// Percents in billionths.
	const PERCENT: u64 = 10_000_000;

	#[test]
	fn slashes_of_a_round_should_add_up_to_the_largest_that_was_due() {
		// 5 %, then what makes 10 % of the whole.
		let twice = [slash("T", 3, 5 * PERCENT, 0), slash("T", 3, 52_631_579, 0)];
		let others = [slash("T", 4, 10 * PERCENT, 0), slash("U", 3, 5 * PERCENT, 0)];
		let shares = of_rounds(&[twice, others].concat());
		let of = |who: &str, round: u64| shares.get(&(who.to_owned(), round)).copied().unwrap_or(0);
		let rules = ProtocolParameters::development().lottery;
		let (failed, missed) = (of_outcome(&rules, "Failed"), of_outcome(&rules, "Missed"));
		assert!(is_same(of("T", 3), missed) && is_same(of("T", 4), missed));
		assert!(is_same(of("U", 3), failed) && !is_same(failed, missed));
		assert_eq!(of_outcome(&rules, "Accepted"), 0);
	}

	#[test]
	fn slash_should_be_too_small_when_it_is_less_than_its_share_of_what_was_left() {
		let bonded = |_: &str| 1_000_000_000_000;
		let first = slash("T", 1, 10 * PERCENT, 100_000_000_000);
		let second = |total| slash("T", 2, 10 * PERCENT, total);
		assert!(too_small(&[first.clone(), second(90_000_000_000)], bonded).is_empty());
		assert_eq!(too_small(&[first.clone(), second(80_000_000_000)], bonded).len(), 1);
		assert_eq!(too_small(&[slash("T", 1, 10 * PERCENT, 50_000_000_000)], bonded).len(), 1);
		// With its rewards it was more.
		assert!(too_small(&[slash("T", 1, 10 * PERCENT, 120_000_000_000)], bonded).is_empty());
	}

	#[test]
	fn penalties_should_be_odd_when_they_are_not_what_the_parameters_say() {
		let rules = ProtocolParameters::development().lottery;
		let odd = |penalties: &[(&str, u128)]| {
			let penalties: Vec<_> =
				penalties.iter().map(|(name, share)| ((*name).to_owned(), *share)).collect();
			odd(&penalties, &rules).len()
		};
		assert_eq!(odd(&[]), 0);
		assert_eq!(
			odd(&[("NoShow", 500_000), ("NoShow", 500_251), ("OtherEvidence", 2_000_000)]),
			0
		);
		assert_eq!(odd(&[("NoShow", 1_000_000)]), 1, "the first is a single one");
		assert_eq!(odd(&[("NoShow", 500_000), ("NoShow", 1_100_000)]), 1, "no more than twice");
		assert_eq!(odd(&[("FalseDissent", 10_000_000), ("FalseDissent", 12_000_000)]), 0);
		assert_eq!(odd(&[("FalseDissent", 5_000_000)]), 1);
		assert_eq!(odd(&[("MissedVariant", 20_000_000), ("MissedVariant", 10_000_000)]), 1);
		assert_eq!(odd(&[("Withheld", 10_000_000)]), 1, "none of these cheats keeps its word back");
	}
}
