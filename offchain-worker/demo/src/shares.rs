//! Checks that stake was cut by the shares in the chain's parameters, and at the right time.

use std::collections::{BTreeMap, BTreeSet};

use livepeer_primitives::{params::LotteryParameters, MAX_PENALTIES, PENALTIES_PER_STEP};
use serde_json::Value as Json;

use crate::{chain::amount, events::Event, network::name_of, report::Claim};

/// The whole: the chain's shares are billionths.
pub const WHOLE: u128 = 1_000_000_000;
/// The tolerance, in billionths, for a share that was cut in several rounded steps.
const ROUNDING: u128 = 10;

/// The share that an event names, in billionths.
fn share(event: &Event) -> u128 {
	event.number("fraction").unwrap_or_default().into()
}

/// Whose stake was slashed.
fn whose(slash: &Event) -> String {
	name_of(slash.fields["transcoder"].as_str().unwrap_or_default())
}

/// The part of the stake behind an account that slashes for the offences of each round took, in billionths.
/// Of several, each took its share of what the one before had left.
pub fn of_rounds(slashes: &[Event]) -> BTreeMap<(String, u64), u128> {
	let mut left: BTreeMap<(String, u64), u128> = BTreeMap::new();
	for slash in slashes {
		let round = slash.number("offence").unwrap_or_default();
		let left = left.entry((whose(slash), round)).or_insert(WHOLE);
		*left -= *left * share(slash) / WHOLE;
	}
	left.into_iter().map(|(key, left)| (key, WHOLE - left)).collect()
}

/// Slashes that took less than their share of the stake behind an account. `bonded` is that stake before the
/// story: apart from earlier slashes it has only grown by rewards since.
pub fn too_small(slashes: &[Event], bonded: impl Fn(&str) -> u128) -> Vec<&Event> {
	let mut least: BTreeMap<String, u128> = BTreeMap::new();
	let mut small = Vec::new();
	for slash in slashes {
		let name = whose(slash);
		let before = bonded(&name);
		let least = least.entry(name).or_insert(before);
		let cut = *least / WHOLE * share(slash);
		// A thousandth for rounding at each step.
		if slash.amount("total").unwrap_or_default() < cut - cut / 1_000 {
			small.push(slash);
		}
		*least = least.saturating_sub(cut);
	}
	small
}

/// The share of the stake behind its transcoder that a claim with this end costs, in billionths.
fn of_outcome(rules: &LotteryParameters, outcome: &str) -> u128 {
	match outcome {
		"Failed" => rules.failed_slash.deconstruct().into(),
		"Missed" => rules.missed_slash.deconstruct().into(),
		_ => 0,
	}
}

/// The slashes that are not judges' penalties.
pub fn of_transcoders(slashes: &[Event], claims: &[Claim]) -> Vec<Event> {
	let events = claims.iter().flat_map(|claim| &claim.events);
	let penalties: BTreeSet<(u64, String, u128)> = events
		.filter(|event| event["name"] == "Penalised")
		.map(|event| {
			let judge = name_of(event["fields"]["verifier"].as_str().unwrap_or_default());
			let block = event["block"].as_u64().unwrap_or_default();
			(block, judge, amount(&event["fields"]["amount"]))
		})
		.collect();
	let is_penalty = |slash: &Event| {
		let total = slash.amount("total").unwrap_or_default();
		penalties.contains(&(u64::from(slash.block), whose(slash), total))
	};
	slashes.iter().filter(|slash| !is_penalty(slash)).cloned().collect()
}

/// An event of a claim.
fn event_of<'a>(claim: &'a Claim, name: &str) -> Option<&'a Json> {
	claim.events.iter().find(|event| event["name"] == name)
}

/// Claims that ended against their transcoder, each with the transcoder and the share that it costs. A
/// failure only over the question whether the source can be transcoded costs no stake.
fn guilty<'a>(claims: &'a [Claim], rules: &LotteryParameters) -> Vec<(&'a Claim, String, u128)> {
	let ended = claims.iter().map(|claim| {
		let transcoder = name_of(claim.claimed["transcoder"].as_str().unwrap_or_default());
		let share = of_outcome(rules, claim.outcome.as_deref().unwrap_or_default());
		(claim, transcoder, share)
	});
	let is_about_input = |claim: &Claim| {
		event_of(claim, "Decided").is_some_and(|event| event["fields"]["about_input"] == true)
	};
	ended.filter(|(claim, _, share)| *share > 0 && !is_about_input(claim)).collect()
}

/// The transcoders whose claims ended against them.
pub fn convicts(claims: &[Claim], rules: &LotteryParameters) -> BTreeSet<String> {
	guilty(claims, rules).into_iter().map(|(_, transcoder, _)| transcoder).collect()
}

/// The part that a claim's execution took of the stake behind its transcoder.
fn taken_by(claim: &Claim) -> u128 {
	event_of(claim, "Executed").map_or(0, |event| amount(&event["fields"]["slashed"]))
}

/// The required sum of slashes for the offences of each round, in billionths: of a round's claims that ended
/// against a transcoder only the largest counts.
pub fn due(
	claims: &[Claim],
	slashes: &[Event],
	rules: &LotteryParameters,
) -> BTreeMap<(String, u64), u128> {
	let mut due = BTreeMap::new();
	for (claim, transcoder, share) in guilty(claims, rules) {
		let taken = taken_by(claim);
		let its = slashes.iter().find(|slash| {
			taken > 0 && slash.amount("total") == Some(taken) && whose(slash) == transcoder
		});
		let Some(slash) = its else { continue };
		let round = slash.number("offence").unwrap_or_default();
		let most: &mut u128 = due.entry((transcoder, round)).or_default();
		*most = share.max(*most);
	}
	due
}

/// Claims that ended against their transcoder and took no stake, although the round's slashes had not yet
/// reached their share.
pub fn spared(claims: &[Claim], slashes: &[Event], rules: &LotteryParameters) -> Vec<u64> {
	let taken = of_rounds(slashes);
	let has_paid = |transcoder: &str, share: u128| {
		taken.iter().any(|((who, _), paid)| who == transcoder && *paid + ROUNDING >= share)
	};
	let guilty = guilty(claims, rules).into_iter();
	guilty
		.filter(|(claim, transcoder, share)| taken_by(claim) == 0 && !has_paid(transcoder, *share))
		.map(|(claim, ..)| claim.id)
		.collect()
}

/// Claims whose slash went to the wrong place: the finder, if judges named one, gets at most `fee`, a share
/// in billionths; the common pool gets the rest.
pub fn astray(claims: &[Claim], fee: u128, is_named: bool) -> Vec<u64> {
	let is_right = |claim: &&Claim| {
		let Some(executed) = event_of(claim, "Executed") else { return true };
		let part = |field: &str| amount(&executed["fields"][field]);
		let (slashed, finders) = (part("slashed"), part("finders_fee"));
		let is_found = match claim.outcome.as_deref() {
			Some("Failed") => is_named,
			_ => claim.blocks.contains_key("MissedReported"),
		};
		finders + part("common_pool") == slashed
			&& finders <= slashed / WHOLE * fee + WHOLE
			&& (finders > 0) == (is_found && slashed > 0)
	};
	claims.iter().filter(|claim| !is_right(claim)).map(|claim| claim.id).collect()
}

/// The blocks within which a decision is executed, from when it may be: each block takes some of its judges'
/// penalties.
const STEPS: u64 = 1 + MAX_PENALTIES.div_ceil(PENALTIES_PER_STEP) as u64;

/// Whether a claim's costs were taken at the time in the parameters: nothing before, because until then
/// governance can cancel everything.
pub fn is_timely(claim: &Claim, rules: &LotteryParameters) -> bool {
	let Some(decided) = event_of(claim, "Decided") else { return false };
	let is_about_input = decided["fields"]["about_input"] == true;
	let wait = match claim.outcome.as_deref() {
		Some("Failed" | "Missed") if !is_about_input => rules.slash_deferral,
		Some("Accepted" | "Failed" | "Missed") => rules.slashing_period,
		_ => 0,
	};
	let block = |event: &Json| event["block"].as_u64().unwrap_or_default();
	let execute_at = |event: &Json| event["fields"]["execute_at"].as_u64();
	let first = execute_at(decided);
	let due = event_of(claim, "DeferralLengthened").map_or(first, execute_at).unwrap_or_default();
	let costs = ["Penalised", "ClaimSettled", "Executed"];
	let mut blocks =
		claim.events.iter().filter(|event| costs.iter().any(|cost| event["name"] == *cost));
	event_of(claim, "Executed").is_some()
		&& first == Some(block(decided) + u64::from(wait))
		&& blocks.all(|event| (due..=due + STEPS).contains(&block(event)))
}

/// Whether two shares are equal up to rounding.
pub fn is_same(one: u128, other: u128) -> bool {
	one.abs_diff(other) <= ROUNDING
}

/// A judge's penalties that cost another share than the parameters say, with that share. The first omission
/// costs a no-show, and each further one in a row twice as much, of which only the part beyond the round's
/// largest counts. A false word costs its share, or the dispute if that is more.
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

/// Whether a judge is chilled for one of these.
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

	/// A claim of this transcoder that ended so, and took this of the stake behind it.
	fn claim(id: u64, outcome: &str, taken: u64) -> Claim {
		let event = |name: &str, block: u32, fields: Json| json!({ "name": name, "block": block, "fields": fields });
		Claim {
			id,
			claimed: json!({ "transcoder": "T" }),
			outcome: Some(outcome.to_owned()),
			events: vec![
				event("Decided", 90, json!({ "execute_at": 95, "about_input": false })),
				event(
					"Penalised",
					95,
					json!({ "verifier": "T", "penalty": "NoShow", "fraction": 1, "amount": 7 }),
				),
				event("ClaimSettled", 96, json!({ "settlement": "Refund" })),
				event("Executed", 96, json!({ "slashed": taken })),
			],
			..Default::default()
		}
	}

	#[test]
	fn slashes_should_be_those_that_the_ends_of_claims_call_for() {
		let rules = ProtocolParameters::development().lottery;
		let (failed, missed) = (of_outcome(&rules, "Failed"), of_outcome(&rules, "Missed"));
		let first = slash("T", 3, 5 * PERCENT, 500);
		let more = slash("T", 3, 52_631_579, 475);
		let ended = [claim(1, "Failed", 500), claim(2, "Missed", 475), claim(3, "Failed", 0)];
		let both = [first.clone(), more];
		let key = ("T".to_owned(), 3);
		assert_eq!(due(&ended, &both, &rules), BTreeMap::from([(key.clone(), missed)]));
		assert!(spared(&ended, &both, &rules).is_empty());
		assert_eq!(due(&ended[..1], &both, &rules), BTreeMap::from([(key, failed)]));
		assert_eq!(convicts(&ended, &rules), BTreeSet::from(["T".to_owned()]));
		// A claim that was missed costs more than the one that failed has.
		let spares = [claim(1, "Failed", 500), claim(2, "Missed", 0)];
		assert_eq!(spared(&spares, std::slice::from_ref(&first), &rules), [2u64]);
		assert!(due(&[claim(1, "Accepted", 0)], &both, &rules).is_empty());
		assert!(convicts(&[claim(1, "Void", 0)], &rules).is_empty());
		// A transcoder's penalty as a judge is not a slash for its claims.
		let as_judge = Event { block: 95, ..slash("T", 3, 1, 7) };
		let own = of_transcoders(&[first.clone(), as_judge], &ended);
		assert_eq!(own.iter().map(|slash| slash.amount("total")).collect::<Vec<_>>(), [Some(500)]);
	}

	#[test]
	fn slash_should_go_to_who_found_it_and_to_the_common_pool() {
		let fee = u128::from(ProtocolParameters::development().staking.finder_fee.deconstruct());
		let slashed = 1_000 * WHOLE;
		let taken = |outcome: &str, finders: u128, pool: u128| {
			let mut claim = claim(1, outcome, 0);
			let said = |amount: u128| amount.to_string();
			claim.events[3]["fields"] = json!({
				"slashed": said(slashed), "finders_fee": said(finders), "common_pool": said(pool),
			});
			claim
		};
		let share = 1_000 * fee;
		let is_astray = |claim: &Claim, is_named| {
			!astray(std::slice::from_ref(claim), fee, is_named).is_empty()
		};
		assert!(!is_astray(&taken("Failed", share, slashed - share), true));
		assert!(
			!is_astray(&taken("Failed", share / 2, slashed - share / 2), true),
			"half of its bond's"
		);
		assert!(is_astray(&taken("Failed", 0, slashed), true), "nobody got it");
		assert!(is_astray(&taken("Failed", share, slashed - share), false), "nobody named it");
		assert!(is_astray(&taken("Failed", 3 * share, slashed - 3 * share), true), "too much");
		assert!(is_astray(&taken("Failed", share, slashed - 2 * share), true), "some is gone");
		let mut missed = taken("Missed", 0, slashed);
		assert!(!is_astray(&missed, true));
		missed.blocks.insert("MissedReported".to_owned(), 90);
		assert!(is_astray(&missed, true));
		// An earlier verdict of the round had taken all of it.
		assert!(!is_astray(&claim(1, "Failed", 0), true));
	}

	#[test]
	fn cost_should_be_timely_when_it_comes_after_the_deferral_and_soon() {
		let rules = ProtocolParameters::development().lottery;
		assert_eq!((rules.slash_deferral, rules.slashing_period), (5, 12));
		let is_timely = |change: &dyn Fn(&mut Claim)| {
			let mut claim = claim(1, "Failed", 500);
			change(&mut claim);
			is_timely(&claim, &rules)
		};
		assert!(is_timely(&|_| ()));
		assert!(!is_timely(&|claim| claim.events[1]["block"] = json!(94)), "before its time");
		assert!(!is_timely(&|claim| claim.events[3]["block"] = json!(95 + STEPS + 1)), "too late");
		assert!(!is_timely(&|claim| claim.outcome = Some("Accepted".into())), "too short a wait");
		assert!(!is_timely(&|claim| claim.events.truncate(3)), "never");
		let lengthened =
			json!({ "name": "DeferralLengthened", "block": 94, "fields": { "execute_at": 150 } });
		assert!(
			!is_timely(&|claim| claim.events.push(lengthened.clone())),
			"before the longer time"
		);
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
