//! Checks whether a run went as it must.

use std::{
	collections::{BTreeMap, BTreeSet},
	fmt::Display,
	process::Child,
};

use anyhow::{ensure, Result};
use serde_json::Value as Json;

use crate::{
	chain::amount,
	cheat::Cheat,
	events::{count_due, Event},
	losses::{losses, of_spoilt},
	machine,
	network::{self, name_of, Network},
	probe::{segments_of, Spoilt, Told},
	report::{Account, Claim, Report},
	shares,
	watch::Watch,
	words::{count, eth, gap, list, lpt, penalty, percent},
	Args,
};

/// A process judges a claim again from its file alone.
pub fn judge_again(network: &Network, claim: u64, writer: Child) -> Result<(bool, String)> {
	let written = writer.wait_with_output()?;
	let said = String::from_utf8_lossy(&written.stderr);
	ensure!(written.status.success(), "no case of claim {claim}: {}", said.trim());
	let said = network.judge_case(claim)?;
	let is_so = said["is_right"] == true && said["of_chain"] == true;
	let segments = count(said["leaves"].as_array().map_or(0, Vec::len), "segment");
	let conclusion = said["conclusion"].as_str().unwrap_or("it says nothing");
	Ok((is_so, format!("claim {claim}, {segments}; {conclusion}")))
}

/// How many of a claim's drawn segments had to have a variant, once they are opened.
fn due_variants(claim: &Claim) -> usize {
	let opened = claim.events.iter().filter(|event| event["name"] == "VariantsOpened");
	opened.map(|event| count_due(&event["fields"]).0).sum()
}

/// Checks the whole story.
pub fn judge(report: &mut Report, watch: &Watch, told: &Told, args: &Args) {
	let claims = std::mem::take(&mut report.claims);
	let facts = Facts::new(watch, args, &claims, told);
	let Told { fetched, spoilt, .. } = told;
	let returned: BTreeSet<u64> =
		report.segments.iter().filter_map(|segment| segment["seq"].as_u64()).collect();
	// Segments that nobody can transcode do not come back.
	let spoils = args.cheat == Some(Cheat::Spoil);
	let skipped = if spoils { spoilt.skipped.len() } else { 0 };
	let beside = if spoils { format!(", {skipped} skipped") } else { String::new() };
	report.check(
		"every segment came back",
		(returned.len() + skipped) as u64 == facts.segments,
		format!("{} of {}{beside}", returned.len(), facts.segments),
	);
	facts.judge_judges(report, fetched);
	match args.cheat.filter(|cheat| cheat.is_transcoders()) {
		None => facts.judge_honesty(report),
		Some(cheat) => facts.judge_cheat(report, cheat),
	}
	if let Some((cheat, judge)) = args.cheat.and_then(|cheat| Some((cheat, cheat.judge()?))) {
		facts.judge_bad_judge(report, cheat, judge);
	}
	if spoils {
		facts.judge_spoiling(report, spoilt);
	}
	if args.cheat.is_some() {
		facts.judge_shares(report);
		facts.judge_times(report);
	}
	if let Some(verdict) = args.cheat.and_then(Cheat::verdict) {
		let named = claims.iter().flat_map(|c| &c.verdicts);
		let named = named.filter(|v| v.to_string().contains(verdict)).count();
		let detail = format!("{} of {verdict}", count(named, "verdict"));
		report.check("verdicts name what is wrong", named > 0, detail);
	}
	report.most_blocks = watch.longest.life();
	watch.longest.check(report, &claims, args.upgrade.is_some());
	let announced = watch.others.get("OperatorKeys.KeysSet").map_or(0, Vec::len);
	report.check(
		"the transcoders' keys are replaced while they claim",
		announced >= network::TRANSCODERS.len(),
		format!("new keys announced: {announced}"),
	);
	facts.judge_money(report);
	report.claims = claims;
}

/// The data of the checks.
struct Facts<'a> {
	watch: &'a Watch,
	args: &'a Args,
	claims: &'a [Claim],
	/// How many segments were published.
	segments: u64,
	/// See [`Told::too_small`].
	too_small: &'a BTreeSet<(u64, u64)>,
	/// The judges with a verdict.
	voters: BTreeSet<String>,
	/// The judges that misbehave.
	guilty: BTreeSet<String>,
	/// Whose stake was slashed.
	slashed: BTreeSet<String>,
}

impl<'a> Facts<'a> {
	fn new(watch: &'a Watch, args: &'a Args, claims: &'a [Claim], told: &'a Told) -> Self {
		let voters = claims.iter().flat_map(|claim| claim.verdicts.iter());
		let voters = voters.filter_map(|verdict| verdict["verifier"].as_str().map(name_of));
		let guilty = args.cheat.and_then(Cheat::judge).into_iter().map(str::to_owned);
		let mut facts = Self {
			watch,
			args,
			claims,
			segments: if args.live.is_some() { told.cut } else { args.segments.into() },
			too_small: &told.too_small,
			voters: voters.collect(),
			guilty: guilty.collect(),
			slashed: BTreeSet::new(),
		};
		facts.slashed = facts.named("LptStaking.Slashed", "transcoder");
		facts
	}

	/// How many claims ended with this outcome.
	fn count(&self, outcome: &str) -> usize {
		self.claims.iter().filter(|claim| claim.outcome.as_deref() == Some(outcome)).count()
	}

	fn account(&self, name: &str) -> Account {
		self.watch.accounts.iter().find(|a| a.name == name).cloned().unwrap_or_default()
	}

	/// The growth of an account's fees.
	fn gained(&self, name: &str) -> u128 {
		let a = self.account(name);
		parse(&a.after.fees).saturating_sub(parse(&a.before.fees))
	}

	/// The sum of these payments from claims' escrow, to one account or to all.
	fn escrowed(&self, reason: &str, to: Option<&str>) -> u128 {
		let events = self.claims.iter().flat_map(|claim| &claim.events);
		let paid = events.filter(|e| e["name"] == "EscrowPaid" && e["fields"]["reason"] == reason);
		let account = |e: &Json| name_of(e["fields"]["account"].as_str().unwrap_or_default());
		let wanted = paid.filter(|e| to.is_none_or(|to| account(e) == to));
		wanted.map(|e| amount(&e["fields"]["amount"])).sum()
	}

	/// Events of one kind without a claim.
	fn events(&self, name: &str) -> &'a [Event] {
		self.watch.others.get(name).map(Vec::as_slice).unwrap_or_default()
	}

	/// The accounts in such events.
	fn named(&self, event: &str, field: &str) -> BTreeSet<String> {
		let named = self.events(event).iter().filter_map(|event| event.fields[field].as_str());
		named.map(name_of).collect()
	}

	/// The sum of a field in one kind of event.
	fn total(&self, event: &str, field: &str) -> u128 {
		self.events(event).iter().filter_map(|event| event.amount(field)).sum()
	}

	/// Checks who judged, from which bytes, and who was penalised.
	fn judge_judges(&self, report: &mut Report, fetched: &BTreeMap<String, (usize, u64)>) {
		let Self { args, voters, .. } = self;
		report.losses = losses(self.claims);
		let penalised: BTreeMap<&str, &BTreeMap<String, usize>> = report
			.losses
			.iter()
			.filter(|loss| !loss.penalties.is_empty())
			.map(|loss| (loss.name.as_str(), &loss.penalties))
			.collect();
		let honest = penalised.iter().filter(|(name, _)| !self.guilty.contains(**name));
		let honest: Vec<(&str, &BTreeMap<String, usize>)> =
			honest.map(|(name, penalties)| (*name, *penalties)).collect();
		let late = honest.iter().filter(|(_, penalties)| penalties.contains_key("NoShow"));
		let late: Vec<&str> = late.map(|(name, _)| *name).collect();
		let remark = (!late.is_empty()).then(|| machine::lateness(&late));
		let is_spared = honest.is_empty();
		let told = penalised.iter().map(|(name, penalties)| {
			let why = penalties.iter();
			format!(
				"{name}: {}",
				list(why.map(|(why, times)| format!("{times} × {}", penalty(why))))
			)
		});
		let detail = match penalised.is_empty() {
			true => format!("judges: {}", list(voters)),
			false => format!("penalised {}", told.collect::<Vec<_>>().join("; ")),
		};
		report.check("no honest judge is penalised", is_spared, detail);
		report.remarks.extend(remark);
		let is_judged = args.cheat != Some(Cheat::Unrevealed);
		report.check(
			"at least three validators' workers judge",
			voters.len() >= 3 || !is_judged,
			list(voters),
		);
		let is_looked_at = args.cheat.is_none_or(Cheat::is_looked_at);
		// A copying judge needs no bytes, and pays for that.
		let copies = |name: &&String| {
			args.cheat == Some(Cheat::Copying) && self.guilty.contains(name.as_str())
		};
		let all_fetched = voters
			.iter()
			.filter(|name| !copies(name))
			.all(|name| fetched.get(&format!("verify-{name}")).is_some_and(|(n, _)| *n > 0));
		report.check(
			"judges fetch the bytes that they judge over libp2p",
			(!voters.is_empty() && all_fetched) || !is_looked_at,
			list(voters.iter().map(|name| {
				let bytes = fetched.get(&format!("verify-{name}")).map_or(0, |(_, bytes)| *bytes);
				format!("{name} {:.1} MB", bytes as f64 / 1e6)
			})),
		);
	}

	/// A story in which every transcoder is honest.
	fn judge_honesty(&self, report: &mut Report) {
		let Self { args, claims, segments, too_small, slashed, .. } = self;
		let accepted = self.count("Accepted");
		report.check(
			"at least two claims are accepted",
			accepted >= 2,
			format!("{accepted} of {}", claims.len()),
		);
		let bad = ["Failed", "Missed", "Void"].map(|outcome| (outcome, self.count(outcome)));
		report.check(
			"no claim is failed, missed or void",
			bad.iter().all(|(_, claims)| *claims == 0),
			list(bad.iter().map(|(outcome, claims)| format!("{outcome} {claims}"))),
		);
		// Two transcoders may have transcoded the same segment when the job was handed on.
		let claimed: BTreeSet<(u64, u64)> =
			claims.iter().flat_map(|claim| segments_of(&claim.claimed)).collect();
		let too_small = too_small.difference(&claimed).count() as u64;
		let claimed = claimed.len() as u64;
		let segments = segments * u64::from(args.streams);
		report.check(
			"every segment is claimed",
			// A segment that is left alone when the job is handed on may be worth less than the chain pays.
			claimed == segments || args.kill && claimed + too_small == segments,
			match too_small {
				0 => format!("{claimed} of {segments}"),
				small => format!("{claimed} of {segments}; {small} worth less than the chain pays"),
			},
		);
		if args.variants > 0 {
			let is_opened = |claim: &&Claim| claim.blocks.contains_key("VariantsOpened");
			let opened = claims.iter().filter(is_opened).count();
			report.check(
				"transcoders open the variants of every claim",
				opened == claims.len(),
				format!(
					"{opened} of {} claims; variants due: {}",
					claims.len(),
					claims.iter().map(due_variants).sum::<usize>()
				),
			);
		}
		for (check, names) in [
			("fees reach a transcoder", network::TRANSCODERS),
			("fees reach a delegator", network::DELEGATORS),
		] {
			let gained = names.map(|name| (name, self.gained(name)));
			let is_paid = gained.iter().any(|(_, fees)| *fees > 0);
			report.check(check, is_paid, amounts(gained));
		}
		let check = match self.guilty.is_empty() {
			true => "nobody is slashed",
			false => "the judge that misbehaves is slashed, and nobody else",
		};
		report.check(check, *slashed == self.guilty, list(slashed));
	}

	/// A story in which the transcoders cheat.
	fn judge_cheat(&self, report: &mut Report, cheat: Cheat) {
		let claims = self.claims;
		let outcome = cheat.outcome();
		let found_out = self.count(outcome);
		let is_refunded = |claim: &&Claim| {
			let mut events = claim.events.iter();
			events.any(|e| e["name"] == "ClaimSettled" && e["fields"]["settlement"] == "Refund")
		};
		let refunded = claims.iter().filter(|c| c.outcome.as_deref() == Some(outcome));
		let refunded = refunded.filter(is_refunded).count();
		report.check(
			"at least one claim is found out",
			found_out >= 1,
			format!("{outcome}: {found_out} of {}", count(claims.len(), "claim")),
		);
		let accepted = claims.iter().filter(|claim| claim.outcome.as_deref() == Some("Accepted"));
		let spoilt = accepted.filter(|claim| cheat.is_everywhere() || due_variants(claim) > 0);
		let spoilt = spoilt.count();
		report.check("no spoilt claim is accepted", spoilt == 0, count(spoilt, "claim"));
		report.check(
			"the fees of claims that are found out go back to the broadcaster",
			refunded == found_out,
			format!("{refunded} of {found_out}"),
		);
		let rules = &self.watch.parameters.lottery;
		let slashes = shares::of_transcoders(self.events("LptStaking.Slashed"), claims);
		let (taken, due) = (shares::of_rounds(&slashes), shares::due(claims, &slashes, rules));
		let is_due = |(round, taken): (&(String, u64), &u128)| {
			due.get(round).is_some_and(|due| shares::is_same(*due, *taken))
		};
		let spared = shares::spared(claims, &slashes, rules);
		let is_right = !taken.is_empty() && spared.is_empty() && taken.iter().all(is_due);
		let detail = match is_right {
			true => rounds(&taken),
			false => format!(
				"taken: {}; due: {}; claims without the slash that is due: {}",
				rounds(&taken),
				rounds(&due),
				exceptions(&spared, claims)
			),
		};
		report.check(
			"transcoders lose in each round the share of stake that the parameters say",
			is_right,
			detail,
		);
		let fee = self.watch.parameters.staking.finder_fee.deconstruct();
		let astray = shares::astray(claims, fee.into(), cheat.verdict().is_some());
		report.check(
			"finders get at most their share of each slash, and the common pool the rest",
			astray.is_empty(),
			format!("otherwise: {}", exceptions(&astray, claims)),
		);
		let convicts = shares::convicts(claims, rules);
		let slashed: BTreeSet<String> = taken.into_keys().map(|(name, _)| name).collect();
		let against = |names: &BTreeSet<String>| match *names == convicts {
			true => list(names),
			false => format!("{}; but {} cheated", list(names), list(&convicts)),
		};
		report.check(
			"the transcoders that cheated are slashed, and nobody else",
			!slashed.is_empty() && slashed == convicts,
			against(&slashed),
		);
		let jailed = self.named("TranscoderElection.TranscoderJailed", "transcoder");
		report.check(
			"the transcoders that cheated are jailed, and nobody else",
			jailed == convicts,
			against(&jailed),
		);
		// Except its pay for judging others. Work that it could not spoil is paid as usual.
		let earned = network::TRANSCODERS.map(|name| {
			let judging = self.escrowed("Verification", Some(name));
			(name, self.gained(name).saturating_sub(judging))
		});
		report.check(
			"transcoders earn nothing by cheating",
			!cheat.is_everywhere() || earned.iter().all(|(_, fees)| *fees == 0),
			amounts(earned),
		);
	}

	/// A story in which one judge misbehaves.
	fn judge_bad_judge(&self, report: &mut Report, cheat: Cheat, judge: &str) {
		let events = || self.claims.iter().flat_map(|claim| &claim.events);
		let is_its = |event: &&Json| {
			name_of(event["fields"]["verifier"].as_str().unwrap_or_default()) == judge
		};
		let penalised = events().filter(|event| event["name"] == "Penalised").filter(is_its);
		let penalties: Vec<(String, u128)> = penalised
			.map(|event| {
				let penalty = event["fields"]["penalty"].as_str().unwrap_or("unknown");
				(penalty.to_owned(), amount(&event["fields"]["fraction"]))
			})
			.collect();
		let odd = shares::odd(&penalties, &self.watch.parameters.lottery);
		let expected = cheat.penalties();
		report.check(
			"the judge that misbehaves loses the shares of stake that the parameters say",
			odd.is_empty() && penalties.iter().any(|(name, _)| expected.contains(&name.as_str())),
			list(penalties.iter().map(|(name, share)| format!("{} for {name}", percent(*share)))),
		);
		let chills = shares::chills(penalties.iter().map(|(penalty, _)| penalty.as_str()));
		let chilled = self.named("TranscoderElection.ValidatorChilled", "validator");
		let expected = if chills { self.guilty.clone() } else { BTreeSet::new() };
		let kept = nobody_or(&chilled);
		report.check(
			"judges are kept from validating if their penalty says so, and only then",
			chilled == expected,
			match chilled == expected {
				true => kept,
				false => format!("kept from it: {kept}; due: {}", nobody_or(&expected)),
			},
		);
		let rewarded =
			events().filter(|event| event["name"] == "JudgeRewarded").any(|e| is_its(&e));
		let paid = self.escrowed("Verification", Some(judge));
		report.check(
			"the judge that misbehaves is paid for no verdict",
			paid == 0 && !rewarded,
			eth(paid),
		);
	}

	/// A story in which the broadcaster signs what nobody can transcode.
	fn judge_spoiling(&self, report: &mut Report, spoilt: &Spoilt) {
		let Spoilt { skipped, rejected, transcoded } = spoilt;
		report.check(
			"transcoders reject segments that nobody can transcode, and the broadcaster skips them",
			!rejected.is_empty() && rejected == skipped,
			format!("rejected: {}, skipped: {}", rejected.len(), skipped.len()),
		);
		let drawn = |claim: &Claim| {
			let first = claim.claimed["first"].as_u64().unwrap_or_default();
			let leaves = claim.revealed_leaves.iter().filter_map(|leaf| leaf["index"].as_u64());
			leaves.filter(|index| rejected.contains(&(first + index))).count()
		};
		let judged: usize = self.claims.iter().map(drawn).sum();
		report.check(
			"judges look at rejected segments",
			judged > 0,
			format!("{judged} of {}", rejected.len()),
		);
		let work = |claim: &Claim| amount(&claim.claimed["total_work"]);
		let claimed: u128 = self.claims.iter().map(work).sum();
		let small = claimed.saturating_sub(u128::from(*transcoded));
		let number = rejected.len().max(1) as u128;
		// More than the parameter if decoding the job's largest segment is more.
		let least = u128::from(self.watch.parameters.jobs.factors.rejected);
		report.check(
			"all rejected segments are claimed at the same work, and no less than the parameters say",
			small % number == 0 && small / number >= least,
			format!("{small} units of work for {number}, at least {least} each"),
		);
		let settled = self.claims.iter().flat_map(|claim| &claim.events);
		let fees: u128 = settled
			.filter(|event| event["name"] == "ClaimSettled")
			.filter(|event| event["fields"]["settlement"] == "Pay")
			.map(|event| amount(&event["fields"]["fee"]))
			.sum();
		// The work of all claims has the same price.
		let lost = fees * small / claimed.max(1);
		report.losses.push(of_spoilt(network::BROADCASTER, rejected.len(), lost, self.claims));
		report.check("the broadcaster pays for the rejected segments", lost > 0, eth(lost));
	}

	/// Checks the slashes against the stake.
	fn judge_shares(&self, report: &mut Report) {
		// In the story each delegator is named after its transcoder.
		let bonded = |name: &str| {
			let behind = network::ACCOUNTS
				.into_iter()
				.filter(|account| account.split("//").next() == Some(name));
			behind.map(|account| parse(&self.account(account).before.bonded)).sum::<u128>()
		};
		let slashes = self.events("LptStaking.Slashed");
		let small = shares::too_small(slashes, bonded);
		let name = |slash: &&Event| {
			let whose = name_of(slash.fields["transcoder"].as_str().unwrap_or_default());
			let taken = lpt(slash.amount("total").unwrap_or_default());
			format!("{whose}'s {taken} in block {}", slash.block)
		};
		report.check(
			"each slash takes its share of the stake behind the account",
			small.is_empty(),
			match small.is_empty() {
				true => format!("slashes: {}", slashes.len()),
				false => {
					format!("too small: {} of {}", list(small.iter().map(name)), slashes.len())
				}
			},
		);
	}

	/// Checks when claims' costs were taken.
	fn judge_times(&self, report: &mut Report) {
		let rules = &self.watch.parameters.lottery;
		let untimely = self.claims.iter().filter(|claim| !shares::is_timely(claim, rules));
		let untimely: Vec<u64> = untimely.map(|claim| claim.id).collect();
		report.check(
			"slashes and payments come soon after governance's time to cancel, and not before",
			untimely.is_empty(),
			format!("otherwise: {}", exceptions(&untimely, self.claims)),
		);
	}

	/// Checks where LPT and ETH came from and went.
	fn judge_money(&self, report: &mut Report) {
		// Without a bridge, LPT comes only by inflation, and ETH neither comes nor goes.
		let minted = self.total("Inflation.RoundPaid", "minted");
		let [before, after] =
			[&report.chain.lpt_issuance.0, &report.chain.lpt_issuance.1].map(|all| parse(all));
		let odd = gap(after, before + minted, "LPT");
		report.check(
			"inflation makes all new LPT, and no LPT is lost",
			odd.is_none(),
			told_gap(format!("{} minted, {} in all", lpt(minted), lpt(after)), odd),
		);
		let [before, after] =
			[&report.chain.eth_issuance.0, &report.chain.eth_issuance.1].map(|all| parse(all));
		let odd = gap(after, before, "ETH");
		let detail = told_gap(format!("{} in all", eth(after)), odd);
		report.check("no ETH is made or lost", before == after, detail);
		let paid: u128 = self
			.claims
			.iter()
			.flat_map(|c| &c.events)
			.filter(|e| e["name"] == "ClaimSettled" && e["fields"]["settlement"] == "Pay")
			.map(|e| amount(&e["fields"]["fee"]))
			.sum();
		let ferdie = self.account(network::BROADCASTER);
		let spent = parse(&ferdie.before.eth).saturating_sub(parse(&ferdie.after.eth));
		let sent = sent_by_broadcaster(self.watch);
		let apart =
			if sent > 0 { format!(", and {} sent elsewhere", eth(sent)) } else { String::new() };
		let odd = gap(spent, paid + sent, "ETH");
		report.check(
			"the broadcaster spends exactly the fees of accepted claims",
			odd.is_none(),
			told_gap(format!("{} in fees{apart}", eth(paid)), odd),
		);
		let earned: u128 = network::ACCOUNTS.into_iter().map(|name| self.gained(name)).sum();
		// The part of the verification that a transcoder could not prepay was taken from its fee.
		let (fees, verified) = (self.escrowed("Fee", None), self.escrowed("Verification", None));
		let owed = fees + verified;
		// Each distribution may leave a unit or two in the pot, because rounding is against claimants.
		let is_whole = owed >= earned && owed - earned <= 1_000;
		let detail = format!("{} for claims, {} for verdicts", eth(fees), eth(verified));
		report.check(
			"every fee arrives at transcoders, delegators and judges",
			is_whole,
			told_gap(detail, gap(earned, owed, "ETH").filter(|_| !is_whole)),
		);
	}
}

/// Accounts with their amounts of ETH.
fn amounts<'a>(of: impl IntoIterator<Item = (&'a str, u128)>) -> String {
	list(of.into_iter().map(|(name, amount)| format!("{name} {}", eth(amount))))
}

/// Accounts with the share of stake of each round.
fn rounds(shares: &BTreeMap<(String, u64), u128>) -> String {
	nobody_or(shares.iter().map(|((name, round), share)| {
		let share = percent(*share);
		format!("{name} {share} in round {round}")
	}))
}

/// Names in a row, or `nobody`.
fn nobody_or<T: Display>(names: impl IntoIterator<Item = T>) -> String {
	let names = list(names);
	if names.is_empty() {
		"nobody".to_owned()
	} else {
		names
	}
}

/// Which of these claims are odd.
fn exceptions(odd: &[u64], claims: &[Claim]) -> String {
	match odd.is_empty() {
		true => format!("none of {}", count(claims.len(), "claim")),
		false => format!("claim {} of {}", list(odd), claims.len()),
	}
}

/// A detail, with the gap if there is one.
fn told_gap(detail: String, gap: Option<String>) -> String {
	match gap {
		Some(gap) => format!("{detail}; {gap}"),
		None => detail,
	}
}

/// An amount in the form of the report.
fn parse(text: &str) -> u128 {
	text.parse().unwrap_or(0)
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
