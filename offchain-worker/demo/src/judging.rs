//! Whether what was seen is what must be.

use std::{
	collections::{BTreeMap, BTreeSet},
	process::Child,
};

use anyhow::{ensure, Result};
use serde_json::Value as Json;

use crate::{
	chain::amount,
	cheat::Cheat,
	losses::losses,
	network::{self, Network},
	report::{Claim, Report},
	watch::{name_of, Watch},
	Args,
};

/// A process that has nothing but a claim's file judges it again.
pub fn judge_again(network: &Network, claim: u64, writer: Child) -> Result<(bool, String)> {
	let written = writer.wait_with_output()?;
	let said = String::from_utf8_lossy(&written.stderr);
	ensure!(written.status.success(), "no case of claim {claim}: {}", said.trim());
	let said = network.judge_case(claim)?;
	let is_so = said["is_right"] == true && said["of_chain"] == true;
	let leaves = said["leaves"].as_array().map_or(0, Vec::len);
	Ok((is_so, format!("claim {claim}, {leaves} leaves: {}", said["conclusion"])))
}

/// How many of a claim's drawn segments had to have a variant, and of how many, by its event.
pub fn count_due(opened: &Json) -> (usize, usize) {
	let due = match &opened["due"] {
		Json::Array(all) => all.as_slice(),
		// A list of one element is written as the element.
		one => std::slice::from_ref(one),
	};
	(due.iter().filter(|rendition| !rendition.is_null()).count(), due.len())
}

/// How many of a claim's drawn segments had to have a variant, once they are opened.
fn due_variants(claim: &Claim) -> usize {
	let opened = claim.events.iter().filter(|event| event["name"] == "VariantsOpened");
	opened.map(|event| count_due(&event["fields"]).0).sum()
}

/// Holds the whole story against what it must be.
pub fn judge(
	report: &mut Report,
	watch: &Watch,
	fetched: &BTreeMap<String, (usize, u64)>,
	args: &Args,
	cut: u64,
) {
	let claims = std::mem::take(&mut report.claims);
	let count = |outcome: &str| {
		claims.iter().filter(|claim| claim.outcome.as_deref() == Some(outcome)).count()
	};
	let voters: BTreeSet<String> = claims
		.iter()
		.flat_map(|claim| claim.verdicts.iter())
		.filter_map(|verdict| verdict["verifier"].as_str().map(name_of))
		.collect();
	let account =
		|name: &str| watch.accounts.iter().find(|a| a.name == name).cloned().unwrap_or_default();
	let parse = |text: &str| text.parse::<u128>().unwrap_or(0);
	let slashes = watch.others.get("LptStaking.Slashed").cloned().unwrap_or_default();
	let gained = |name: &str| {
		let a = account(name);
		parse(&a.after.fees).saturating_sub(parse(&a.before.fees))
	};
	// What of the claims' escrow was paid for this, to one account or to all.
	let escrowed = |reason: &str, to: Option<&str>| -> u128 {
		let events = claims.iter().flat_map(|claim| &claim.events);
		let paid = events.filter(|e| e["name"] == "EscrowPaid" && e["fields"]["reason"] == reason);
		let account = |e: &Json| name_of(e["fields"]["account"].as_str().unwrap_or_default());
		let wanted = paid.filter(|e| to.is_none_or(|to| account(e) == to));
		wanted.map(|e| amount(&e["fields"]["amount"])).sum()
	};
	let transcoders = || network::TRANSCODERS.into_iter();
	let returned: BTreeSet<u64> =
		report.segments.iter().filter_map(|segment| segment["seq"].as_u64()).collect();
	let segments = if args.live.is_some() { cut } else { args.segments.into() };
	report.check(
		"every segment came back",
		returned.len() as u64 == segments,
		format!("{} of {segments}", returned.len()),
	);
	let slashed: BTreeSet<String> = slashes
		.iter()
		.map(|e| name_of(e.fields["transcoder"].as_str().unwrap_or_default()))
		.collect();
	let guilty: BTreeSet<String> =
		args.cheat.and_then(Cheat::judge).into_iter().map(str::to_owned).collect();
	report.losses = losses(&claims);
	let penalised: BTreeSet<String> = report
		.losses
		.iter()
		.filter(|loss| !loss.penalties.is_empty())
		.map(|loss| loss.name.clone())
		.collect();
	report.check(
		"no honest judge is penalised",
		penalised.is_subset(&guilty),
		format!("{penalised:?} of {voters:?}"),
	);
	let cheat = args.cheat.filter(|cheat| cheat.judge().is_none());
	if cheat.is_none() {
		report.check(
			"at least two claims accepted",
			count("Accepted") >= 2,
			format!("{} of {}", count("Accepted"), claims.len()),
		);
		report.check(
			"no claim failed or missed",
			count("Failed") + count("Missed") + count("Void") == 0,
			String::new(),
		);
		let claimed: u64 = claims
			.iter()
			.filter_map(|claim| {
				let seq = |field: &str| claim.claimed[field].as_u64();
				Some(seq("last")? + 1 - seq("first")?)
			})
			.sum();
		report.check(
			"every segment was claimed",
			// Two transcoders may have worked at one when the job was handed on.
			claimed == segments || args.kill && claimed > segments,
			format!("{claimed} of {segments}"),
		);
		if args.variants > 0 {
			let is_opened = |claim: &&Claim| claim.blocks.contains_key("VariantsOpened");
			let opened = claims.iter().filter(is_opened).count();
			report.check(
				"the variants of every claim were opened",
				opened == claims.len(),
				format!("{} were due", claims.iter().map(due_variants).sum::<usize>()),
			);
		}
		report.check(
			"fees reach a transcoder",
			transcoders().any(|t| gained(t) > 0),
			format!("{:?}", transcoders().map(gained).collect::<Vec<_>>()),
		);
		report.check(
			"fees reach a delegator",
			network::DELEGATORS.into_iter().any(|d| gained(d) > 0),
			format!("{:?}", network::DELEGATORS.map(gained)),
		);
		let check = match guilty.is_empty() {
			true => "nobody is slashed",
			false => "the judge that misbehaves is slashed, and nobody else",
		};
		report.check(check, slashed == guilty, format!("{slashed:?}"));
	}
	let verdict = args.cheat.and_then(Cheat::verdict);
	if let Some(verdict) = verdict {
		let named = claims.iter().flat_map(|c| &c.verdicts);
		let named = named.filter(|v| v.to_string().contains(verdict)).count();
		report.check("what is wrong is named", named > 0, format!("{named} verdicts of {verdict}"));
	}
	if let Some(cheat) = cheat {
		let outcome = cheat.outcome();
		let refunded = claims.iter().filter(|c| c.outcome.as_deref() == Some(outcome)).all(|c| {
			c.events
				.iter()
				.any(|e| e["name"] == "ClaimSettled" && e["fields"]["settlement"] == "Refund")
		});
		report.check(
			"at least one claim ends as it must",
			count(outcome) >= 1,
			format!("{outcome}: {} of {}", count(outcome), claims.len()),
		);
		let accepted = claims.iter().filter(|claim| claim.outcome.as_deref() == Some("Accepted"));
		let spoilt = accepted.filter(|claim| cheat.is_everywhere() || due_variants(claim) > 0);
		let spoilt = spoilt.count();
		report.check("no claim that is spoilt was accepted", spoilt == 0, format!("{spoilt}"));
		report.check("the escrow went back to the broadcaster", refunded, String::new());
		let lost: u128 = slashes.iter().filter_map(|e| e.amount("total")).sum();
		report.check("stake was slashed after the deferral", lost > 0, format!("{lost}"));
		let claimants: BTreeSet<String> = claims
			.iter()
			.filter_map(|claim| claim.claimed["transcoder"].as_str().map(name_of))
			.collect();
		report.check(
			"who cheated is slashed, and nobody else",
			!slashed.is_empty() && slashed.is_subset(&claimants),
			format!("{slashed:?} of {claimants:?}"),
		);
		report.check(
			"the cheat earned nothing",
			// But what it is paid for judging what others did. What it could not spoil is work like any.
			!cheat.is_everywhere()
				|| transcoders().all(|t| gained(t) <= escrowed("Verification", Some(t))),
			format!("{:?}", transcoders().map(gained).collect::<Vec<_>>()),
		);
	}
	watch.longest.check(report, &claims);
	let announced = watch.others.get("OperatorKeys.KeysSet").map_or(0, Vec::len);
	report.check(
		"the transcoders' keys were exchanged while they were claiming",
		announced >= network::TRANSCODERS.len(),
		format!("{announced} generations announced during the stream"),
	);
	let is_judged = args.cheat != Some(Cheat::Unrevealed);
	report.check(
		"validators' verdicts come from at least three verify workers",
		voters.len() >= 3 || !is_judged,
		format!("{voters:?}"),
	);
	let is_looked_at = args.cheat.is_none_or(Cheat::is_looked_at);
	let all_fetched = voters
		.iter()
		.all(|name| fetched.get(&format!("verify-{name}")).is_some_and(|(n, _)| *n > 0));
	report.check(
		"every verdict rests on bytes that came over libp2p",
		(!voters.is_empty() && all_fetched) || !is_looked_at,
		format!("{fetched:?}"),
	);
	// Without a bridge LPT comes by inflation alone, and ETH neither comes nor goes.
	let same = |pair: &(String, String)| pair.0 == pair.1;
	let rounds = watch.others.get("Inflation.RoundPaid").cloned().unwrap_or_default();
	let minted: u128 = rounds.iter().filter_map(|e| e.amount("minted")).sum();
	let (before, after) = report.chain.lpt_issuance.clone();
	report.check(
		"no LPT came or went but by inflation",
		parse(&after) == parse(&before) + minted,
		format!("{before} before, {after} after, {minted} minted"),
	);
	report.check(
		"no ETH came or went",
		same(&report.chain.eth_issuance),
		format!("{:?}", report.chain.eth_issuance),
	);
	let paid: u128 = claims
		.iter()
		.flat_map(|c| &c.events)
		.filter(|e| e["name"] == "ClaimSettled" && e["fields"]["settlement"] == "Pay")
		.map(|e| amount(&e["fields"]["fee"]))
		.sum();
	let ferdie = account(network::BROADCASTER);
	let spent = parse(&ferdie.before.eth).saturating_sub(parse(&ferdie.after.eth));
	let expected = paid + sent_by_broadcaster(watch);
	report.check(
		"the broadcaster spent exactly the accepted fees",
		spent == expected,
		format!("{spent} spent, {paid} in fees"),
	);
	let earned: u128 = network::ACCOUNTS.into_iter().map(gained).sum();
	// What a transcoder could not prepay of the verification was taken out of its fee.
	let (fees, verified) = (escrowed("Fee", None), escrowed("Verification", None));
	let owed = fees + verified;
	// Each distribution may leave a unit or two of dust in the pot: rounding is against claimants.
	report.check(
		"every fee arrived",
		owed >= earned && owed - earned <= 1_000,
		format!("{fees} paid and {verified} for verification, {earned} owed to accounts"),
	);
	report.claims = claims;
}

/// ETH that the chain test sent away from the broadcaster.
fn sent_by_broadcaster(watch: &Watch) -> u128 {
	let broadcaster = network::account(network::BROADCASTER)
		.map(|a| format!("0x{}", hex::encode::<[u8; 32]>(a.into())))
		.unwrap_or_default();
	watch
		.others
		.get("Assets.Transferred")
		.into_iter()
		.flatten()
		.filter(|event| event.fields["from"].as_str() == Some(&broadcaster))
		.filter(|event| {
			network::ACCOUNTS
				.contains(&name_of(event.fields["to"].as_str().unwrap_or_default()).as_str())
		})
		.filter_map(|event| event.amount("amount"))
		.sum()
}

#[cfg(test)]
mod tests {
	use serde_json::json;

	use super::*;

	#[test]
	fn variants_that_were_due_should_be_counted_however_many_segments_were_drawn() {
		for (due, counted) in [
			(json!([null, 0, null, 1]), (2, 4)),
			(json!([null, null]), (0, 2)),
			// Of one drawn segment.
			(json!(0), (1, 1)),
			(json!(null), (0, 1)),
		] {
			assert_eq!(count_due(&json!({ "due": due })), counted, "{due}");
		}
	}
}
