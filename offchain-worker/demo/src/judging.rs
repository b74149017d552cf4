//! Checks whether a run went as it must.

use std::{
	collections::{BTreeMap, BTreeSet},
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
	network::{self, Network},
	probe::Spoilt,
	report::{Account, Claim, Report},
	shares,
	watch::{name_of, Watch},
	Args,
};

/// A process judges a claim again from its file alone.
pub fn judge_again(network: &Network, claim: u64, writer: Child) -> Result<(bool, String)> {
	let written = writer.wait_with_output()?;
	let said = String::from_utf8_lossy(&written.stderr);
	ensure!(written.status.success(), "no case of claim {claim}: {}", said.trim());
	let said = network.judge_case(claim)?;
	let is_so = said["is_right"] == true && said["of_chain"] == true;
	let leaves = said["leaves"].as_array().map_or(0, Vec::len);
	Ok((is_so, format!("claim {claim}, {leaves} leaves: {}", said["conclusion"])))
}

/// How many of a claim's drawn segments had to have a variant, once they are opened.
fn due_variants(claim: &Claim) -> usize {
	let opened = claim.events.iter().filter(|event| event["name"] == "VariantsOpened");
	opened.map(|event| count_due(&event["fields"]).0).sum()
}

/// Checks the whole story.
pub fn judge(
	report: &mut Report,
	watch: &Watch,
	fetched: &BTreeMap<String, (usize, u64)>,
	spoilt: &Spoilt,
	args: &Args,
	cut: u64,
) {
	let claims = std::mem::take(&mut report.claims);
	let facts = Facts::new(watch, args, &claims, cut);
	let returned: BTreeSet<u64> =
		report.segments.iter().filter_map(|segment| segment["seq"].as_u64()).collect();
	// Segments that nobody can transcode do not come back.
	let spoils = args.cheat == Some(Cheat::Spoil);
	let back = returned.len() + if spoils { spoilt.skipped.len() } else { 0 };
	report.check(
		"every segment came back",
		back as u64 == facts.segments,
		format!("{} of {}", returned.len(), facts.segments),
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
		report.check("what is wrong is named", named > 0, format!("{named} verdicts of {verdict}"));
	}
	report.most_blocks = watch.longest.life();
	watch.longest.check(report, &claims, args.upgrade.is_some());
	let announced = watch.others.get("OperatorKeys.KeysSet").map_or(0, Vec::len);
	report.check(
		"the transcoders' keys were exchanged while they were claiming",
		announced >= network::TRANSCODERS.len(),
		format!("{announced} generations announced during the stream"),
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
	/// The judges with a verdict.
	voters: BTreeSet<String>,
	/// The judges that misbehave.
	guilty: BTreeSet<String>,
	/// Whose stake was slashed.
	slashed: BTreeSet<String>,
}

impl<'a> Facts<'a> {
	fn new(watch: &'a Watch, args: &'a Args, claims: &'a [Claim], cut: u64) -> Self {
		let voters = claims.iter().flat_map(|claim| claim.verdicts.iter());
		let voters = voters.filter_map(|verdict| verdict["verifier"].as_str().map(name_of));
		let guilty = args.cheat.and_then(Cheat::judge).into_iter().map(str::to_owned);
		let mut facts = Self {
			watch,
			args,
			claims,
			segments: if args.live.is_some() { cut } else { args.segments.into() },
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

	/// The growth of each transcoder's fees.
	fn transcoders_gained(&self) -> [u128; network::TRANSCODERS.len()] {
		network::TRANSCODERS.map(|name| self.gained(name))
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
		let detail = format!("{penalised:?} of {voters:?}");
		report.check("no honest judge is penalised", is_spared, detail);
		report.remarks.extend(remark);
		let is_judged = args.cheat != Some(Cheat::Unrevealed);
		report.check(
			"validators' verdicts come from at least three verify workers",
			voters.len() >= 3 || !is_judged,
			format!("{voters:?}"),
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
			"every verdict rests on bytes that came over libp2p",
			(!voters.is_empty() && all_fetched) || !is_looked_at,
			format!("{fetched:?}"),
		);
	}

	/// A story in which every transcoder is honest.
	fn judge_honesty(&self, report: &mut Report) {
		let Self { args, claims, segments, slashed, .. } = self;
		let accepted = self.count("Accepted");
		report.check(
			"at least two claims accepted",
			accepted >= 2,
			format!("{accepted} of {}", claims.len()),
		);
		report.check(
			"no claim failed or missed",
			["Failed", "Missed", "Void"].iter().all(|outcome| self.count(outcome) == 0),
			String::new(),
		);
		let claimed: u64 = claims
			.iter()
			.filter_map(|claim| {
				let seq = |field: &str| claim.claimed[field].as_u64();
				Some(seq("last")? + 1 - seq("first")?)
			})
			.sum();
		let segments = segments * u64::from(args.streams);
		report.check(
			"every segment was claimed",
			// Two transcoders may have transcoded the same segment when the job was handed on.
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
		let gained = self.transcoders_gained();
		report.check(
			"fees reach a transcoder",
			gained.iter().any(|fees| *fees > 0),
			format!("{gained:?}"),
		);
		let gained = network::DELEGATORS.map(|name| self.gained(name));
		report.check(
			"fees reach a delegator",
			gained.iter().any(|fees| *fees > 0),
			format!("{gained:?}"),
		);
		let check = match self.guilty.is_empty() {
			true => "nobody is slashed",
			false => "the judge that misbehaves is slashed, and nobody else",
		};
		report.check(check, *slashed == self.guilty, format!("{slashed:?}"));
	}

	/// A story in which the transcoders cheat.
	fn judge_cheat(&self, report: &mut Report, cheat: Cheat) {
		let claims = self.claims;
		let outcome = cheat.outcome();
		let refunded = claims.iter().filter(|c| c.outcome.as_deref() == Some(outcome)).all(|c| {
			c.events
				.iter()
				.any(|e| e["name"] == "ClaimSettled" && e["fields"]["settlement"] == "Refund")
		});
		report.check(
			"at least one claim ends as it must",
			self.count(outcome) >= 1,
			format!("{outcome}: {} of {}", self.count(outcome), claims.len()),
		);
		let accepted = claims.iter().filter(|claim| claim.outcome.as_deref() == Some("Accepted"));
		let spoilt = accepted.filter(|claim| cheat.is_everywhere() || due_variants(claim) > 0);
		let spoilt = spoilt.count();
		report.check("no claim that is spoilt was accepted", spoilt == 0, format!("{spoilt}"));
		report.check("the escrow went back to the broadcaster", refunded, String::new());
		let rules = &self.watch.parameters.lottery;
		let slashes = shares::of_transcoders(self.events("LptStaking.Slashed"), claims);
		let (taken, due) = (shares::of_rounds(&slashes), shares::due(claims, &slashes, rules));
		let is_due = |(round, taken): (&(String, u64), &u128)| {
			due.get(round).is_some_and(|due| shares::is_same(*due, *taken))
		};
		let spared = shares::spared(claims, &slashes, rules);
		report.check(
			"the slashes of each round are what the parameters say of the claims that ended against their transcoders",
			!taken.is_empty() && spared.is_empty() && taken.iter().all(is_due),
			format!("{taken:?} of {}, due {due:?}, spared {spared:?}", shares::WHOLE),
		);
		let fee = self.watch.parameters.staking.finder_fee.deconstruct();
		let astray = shares::astray(claims, fee.into(), cheat.verdict().is_some());
		report.check(
			"who found it gets no more than its share of the slash, and the common pool the rest",
			astray.is_empty(),
			format!("otherwise in claims {astray:?}"),
		);
		let convicts = shares::convicts(claims, rules);
		let slashed: BTreeSet<String> = taken.into_keys().map(|(name, _)| name).collect();
		report.check(
			"who cheated is slashed, and nobody else",
			!slashed.is_empty() && slashed == convicts,
			format!("{slashed:?}, convicted {convicts:?}"),
		);
		let jailed = self.named("TranscoderElection.TranscoderJailed", "transcoder");
		report.check("who cheated is jailed", jailed == convicts, format!("{jailed:?}"));
		// Except its pay for judging others. Work that it could not spoil is paid as usual.
		let has_earned = |name: &str| self.gained(name) > self.escrowed("Verification", Some(name));
		report.check(
			"the cheat earned nothing",
			!cheat.is_everywhere() || !network::TRANSCODERS.into_iter().any(has_earned),
			format!("{:?}", self.transcoders_gained()),
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
			"the judge that misbehaves loses the shares that the parameters say",
			odd.is_empty() && penalties.iter().any(|(name, _)| expected.contains(&name.as_str())),
			format!("{penalties:?} of {}", shares::WHOLE),
		);
		let chills = shares::chills(penalties.iter().map(|(penalty, _)| penalty.as_str()));
		let chilled = self.named("TranscoderElection.ValidatorChilled", "validator");
		let expected = if chills { self.guilty.clone() } else { BTreeSet::new() };
		report.check(
			"it is kept from validating where its penalty says so, and nobody else is",
			chilled == expected,
			format!("{chilled:?}"),
		);
		let rewarded =
			events().filter(|event| event["name"] == "JudgeRewarded").any(|e| is_its(&e));
		let paid = self.escrowed("Verification", Some(judge));
		report.check(
			"it is paid for no judgement",
			paid == 0 && !rewarded,
			format!("{paid} in ETH"),
		);
	}

	/// A story in which the broadcaster signs what nobody can transcode.
	fn judge_spoiling(&self, report: &mut Report, spoilt: &Spoilt) {
		let Spoilt { skipped, rejected, transcoded } = spoilt;
		report.check(
			"what nobody can transcode is rejected, and the broadcaster goes on without it",
			!rejected.is_empty() && rejected == skipped,
			format!("{} rejected, {} skipped", rejected.len(), skipped.len()),
		);
		let drawn = |claim: &Claim| {
			let first = claim.claimed["first"].as_u64().unwrap_or_default();
			let leaves = claim.revealed_leaves.iter().filter_map(|leaf| leaf["index"].as_u64());
			leaves.filter(|index| rejected.contains(&(first + index))).count()
		};
		let judged: usize = self.claims.iter().map(drawn).sum();
		report.check(
			"judges have looked at what was rejected",
			judged > 0,
			format!("{judged} of {}", rejected.len()),
		);
		let work = |claim: &Claim| amount(&claim.claimed["total_work"]);
		let claimed: u128 = self.claims.iter().map(work).sum();
		let small = claimed.saturating_sub(u128::from(*transcoded));
		let count = rejected.len().max(1) as u128;
		// More than the parameter if decoding the job's largest segment is more.
		let least = u128::from(self.watch.parameters.jobs.factors.rejected);
		report.check(
			"all are claimed at the same work, and at no less than the parameters say",
			small % count == 0 && small / count >= least,
			format!("{claimed} claimed, {transcoded} transcoded, {small} rejected"),
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
		report.check("who spoilt them pays for them", lost > 0, format!("{lost}"));
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
		report.check(
			"each slash took its share of the stake behind who was slashed",
			small.is_empty(),
			format!("{} slashes, {small:?} too small", slashes.len()),
		);
	}

	/// Checks when claims' costs were taken.
	fn judge_times(&self, report: &mut Report) {
		let rules = &self.watch.parameters.lottery;
		let untimely = self.claims.iter().filter(|claim| !shares::is_timely(claim, rules));
		let untimely: Vec<u64> = untimely.map(|claim| claim.id).collect();
		report.check(
			"what claims cost is taken when governance may cancel it no longer, and soon after that",
			untimely.is_empty(),
			format!("at other times by claims {untimely:?} of {}", self.claims.len()),
		);
	}

	/// Checks where LPT and ETH came from and went.
	fn judge_money(&self, report: &mut Report) {
		// Without a bridge, LPT comes only by inflation, and ETH neither comes nor goes.
		let minted = self.total("Inflation.RoundPaid", "minted");
		let (before, after) = report.chain.lpt_issuance.clone();
		report.check(
			"no LPT came or went but by inflation",
			parse(&after) == parse(&before) + minted,
			format!("{before} before, {after} after, {minted} minted"),
		);
		let issuance = report.chain.eth_issuance.clone();
		report.check("no ETH came or went", issuance.0 == issuance.1, format!("{issuance:?}"));
		let paid: u128 = self
			.claims
			.iter()
			.flat_map(|c| &c.events)
			.filter(|e| e["name"] == "ClaimSettled" && e["fields"]["settlement"] == "Pay")
			.map(|e| amount(&e["fields"]["fee"]))
			.sum();
		let ferdie = self.account(network::BROADCASTER);
		let spent = parse(&ferdie.before.eth).saturating_sub(parse(&ferdie.after.eth));
		let expected = paid + sent_by_broadcaster(self.watch);
		report.check(
			"the broadcaster spent exactly the accepted fees",
			spent == expected,
			format!("{spent} spent, {paid} in fees"),
		);
		let earned: u128 = network::ACCOUNTS.into_iter().map(|name| self.gained(name)).sum();
		// The part of the verification that a transcoder could not prepay was taken from its fee.
		let (fees, verified) = (self.escrowed("Fee", None), self.escrowed("Verification", None));
		let owed = fees + verified;
		// Each distribution may leave a unit or two in the pot, because rounding is against claimants.
		report.check(
			"every fee arrived",
			owed >= earned && owed - earned <= 1_000,
			format!("{fees} paid and {verified} for verification, {earned} owed to accounts"),
		);
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
