//! Watches the chain and the workers until the stream is over and every claim is settled.

use std::{
	collections::BTreeMap,
	process::Child,
	time::{Duration, Instant},
};

use anyhow::{bail, Result};
use indicatif::{ProgressBar, ProgressStyle};
use livepeer_primitives::params::ProtocolParameters;
use serde_json::{json, Value as Json};
use tokio::time::sleep;

use crate::{
	chain::Chain,
	drill::Drill,
	events::Event,
	live::Live,
	network::{self, Network},
	probe::{count_events, request, Probe},
	report::{Account, Claim, Report},
	telling::tell,
	Args,
};

/// Segments after which the transcoders' keys are exchanged: within a claim.
const ROTATE_AFTER: usize = 10;
/// Segments after which a viewer opens the page.
const PLAY_AFTER: usize = 6;
/// Segments after which the network is attacked.
const ATTACK_AFTER: usize = 2;
/// Segments after which the upgrade of the runtime begins: its command then waits for a claim's draw.
const UPGRADE_AFTER: usize = 4;
/// The check of its command.
const UPGRADED: &str = "the runtime is upgraded while a claim is judged, and the claim is paid";
/// How long a story may take beyond the length of its clip.
const STORY_PATIENCE: Duration = Duration::from_secs(480);
/// The additional time until ETH has come over the bridge.
const FUNDING_PATIENCE: Duration = Duration::from_secs(300);

/// The most blocks that a claim can take, whatever anybody does, by the chain's parameters.
#[derive(Clone, Copy)]
pub struct Longest {
	/// Until it is decided.
	judgement: u32,
	/// Until it is settled and executed.
	life: u32,
	/// The part of it in which unrevealed leaves may be reported, before the chain ends the claim by itself.
	grace: u32,
}

impl Longest {
	/// The most blocks from a claim until its costs are taken from everybody.
	pub fn life(self) -> u32 {
		self.life
	}

	/// Checks that every claim kept to these bounds, and records how long decisions took. During an upgrade
	/// the protocol's clock, in which windows are measured, may stop while blocks continue: then late
	/// decisions are recorded but not checked.
	pub fn check(self, report: &mut Report, claims: &[Claim], is_upgraded: bool) {
		let took = |step: &str| -> Vec<u32> {
			let blocks = |claim: &Claim| {
				Some(claim.blocks.get(step)?.saturating_sub(*claim.blocks.get("Claimed")?))
			};
			claims.iter().filter_map(blocks).collect()
		};
		let within = |blocks: &[u32], most: u32| {
			blocks.len() == claims.len() && blocks.iter().all(|blocks| *blocks <= most)
		};
		let (decided, settled) = (took("Decided"), took("ClaimSettled"));
		let most = |blocks: &[u32]| blocks.iter().max().copied().unwrap_or_default();
		report.check(
			"every claim is decided and settled within the blocks that the parameters allow",
			within(&decided, self.judgement) && within(&settled, self.life),
			format!(
				"decided: {} of {} claims within {} blocks, limit {}; settled: {} within {}, limit {}",
				decided.len(),
				claims.len(),
				most(&decided),
				self.judgement,
				settled.len(),
				most(&settled),
				self.life
			),
		);
		let waits = sorted(claims.iter().filter_map(|claim| claim.draw_to_decision_blocks));
		report.figure("draw_to_decision_blocks_median", percentile(&waits, 50));
		report.figure("draw_to_decision_blocks_95", percentile(&waits, 95));
		let beyond = claims.iter().filter_map(|claim| beyond_windows(claim, self.grace));
		let beyond = sorted(beyond);
		report.figure("beyond_windows_blocks_median", percentile(&beyond, 50));
		report.figure("beyond_windows_blocks_95", percentile(&beyond, 95));
		report.check(
			"decisions come soon after the protocol's windows end",
			is_upgraded || percentile(&beyond, 95).is_none_or(|blocks| blocks <= MOST_BEYOND),
			format!(
				"95 of 100 at most {} blocks late, limit {MOST_BEYOND}",
				percentile(&beyond, 95).unwrap_or_default()
			),
		);
	}
}

/// The most blocks beyond a claim's windows until its decision, for nineteen of twenty claims.
const MOST_BEYOND: u64 = 5;
/// Events that begin a window, with the field of its end.
const WINDOWS: [(&str, &str); 5] = [
	("CommitStarted", "until"),
	("VerdictRevealStarted", "until"),
	("OpeningStarted", "until"),
	("TrancheUndecided", "opens_at"),
	("Disputed", "opens_at"),
];

fn sorted(blocks: impl Iterator<Item = u32>) -> Vec<u32> {
	let mut blocks: Vec<u32> = blocks.collect();
	blocks.sort_unstable();
	blocks
}

/// The percentile of these values.
fn percentile(sorted: &[u32], part: usize) -> Option<u64> {
	let place = (sorted.len() * part).div_ceil(100).saturating_sub(1);
	sorted.get(place).map(|blocks| u64::from(*blocks))
}

/// The blocks from a claim's draw to its decision outside of all windows: between the end of each window and
/// the next one's beginning, or the decision. Unrevealed leaves may be reported for `grace` more blocks; if
/// nobody does, that counts as a window too.
fn beyond_windows(claim: &Claim, grace: u32) -> Option<u32> {
	let block = |name: &str| claim.blocks.get(name).copied().map(u64::from);
	let is_unreported = claim.outcome.as_deref() == Some("Missed")
		&& block("CommitStarted").is_none()
		&& block("MissedReported").is_none();
	let grace = if is_unreported { u64::from(grace) } else { 0 };
	let mut windows = vec![(block("Drawn")?, claim.draw["reveal_until"].as_u64()? + grace)];
	for event in &claim.events {
		let window = WINDOWS.iter().find(|(name, _)| event["name"] == *name);
		let over = window.and_then(|(_, end)| event["fields"][*end].as_u64());
		windows.extend(event["block"].as_u64().zip(over));
	}
	windows.sort_unstable();
	let begun = windows.iter().skip(1).map(|(begun, _)| *begun).chain(block("Decided"));
	let beyond = windows.iter().zip(begun).map(|((_, over), begun)| begun.saturating_sub(*over));
	block("Decided").and_then(|_| u32::try_from(beyond.sum::<u64>()).ok())
}

/// The observations of the chain so far.
pub struct Watch {
	next: u32,
	first: u32,
	slot_milliseconds: u64,
	pub longest: Longest,
	/// The parameters with which the story began.
	pub parameters: ProtocolParameters,
	claims: BTreeMap<u64, Claim>,
	pub others: BTreeMap<String, Vec<Event>>,
	pub accounts: Vec<Account>,
	issuance: (u128, u128),
	/// The commands that run beside the story.
	pub probes: Vec<Probe>,
	/// Who is killed meanwhile.
	pub drill: Option<Drill>,
	/// The live publisher and viewer.
	pub live: Option<Live>,
	/// Whether the transcoders' keys were exchanged.
	rotated: bool,
	/// The claim to judge again, and the process that writes its case.
	pub case: Option<(u64, Child)>,
	/// What ran when the upgrade of the runtime began.
	pub running: Vec<(String, Option<u32>)>,
}

impl Watch {
	/// Notes the state before the story.
	pub async fn begin(chain: &Chain, report: &mut Report) -> Result<Self> {
		let first = chain.finalized().await?;
		let (parameters, timing) = chain.rules(first).await?;
		let slot_milliseconds = timing.slot_duration;
		let mut accounts = Vec::new();
		for name in network::ACCOUNTS {
			let before = chain.balances(first, &network::account(name)?).await?;
			let address = network::address(name)?;
			accounts.push(Account { name: name.to_owned(), address, before, ..Default::default() });
		}
		report.chain.genesis = chain.genesis();
		report.chain.nodes = network::VALIDATORS.len();
		report.chain.slot_milliseconds = slot_milliseconds;
		Ok(Self {
			next: first + 1,
			first,
			slot_milliseconds,
			longest: Longest {
				judgement: parameters.lottery.longest_judgement(&timing),
				life: parameters.lottery.longest_claim_life(&timing),
				grace: parameters.lottery.missed_grace,
			},
			parameters,
			claims: BTreeMap::new(),
			others: BTreeMap::new(),
			accounts,
			issuance: chain.issuance(first).await?,
			probes: Vec::new(),
			drill: None,
			live: None,
			rotated: false,
			case: None,
			running: Vec::new(),
		})
	}

	/// Reads every finalised block that was not read yet.
	pub async fn catch_up(&mut self, chain: &Chain) -> Result<Vec<Event>> {
		let head = chain.finalized().await?;
		let mut news = Vec::new();
		while self.next <= head {
			for event in chain.events(self.next).await? {
				self.take(&event);
				news.push(event);
			}
			self.next += 1;
		}
		Ok(news)
	}

	fn take(&mut self, event: &Event) {
		let claim = event
			.number("claim")
			.filter(|_| ["Jobs", "ChallengeLottery"].contains(&event.pallet.as_str()));
		let Some(id) = claim else {
			let key = format!("{}.{}", event.pallet, event.name);
			self.others.entry(key).or_default().push(event.clone());
			return;
		};
		let claim = self.claims.entry(id).or_insert_with(|| Claim { id, ..Default::default() });
		let at_block = |fields: &Json| {
			let mut fields = fields.clone();
			fields["block"] = json!(event.block);
			fields
		};
		claim.blocks.entry(event.name.clone()).or_insert(event.block);
		match event.name.as_str() {
			"Claimed" => claim.claimed = event.fields.clone(),
			"Drawn" => claim.draw = event.fields.clone(),
			"LeafRevealed" => claim.revealed_leaves.push(at_block(&event.fields)),
			"Committed" => claim.commits.push(at_block(&event.fields)),
			"VerdictRevealed" => claim.verdicts.push(at_block(&event.fields)),
			_ => claim.events.push(json!({
				"pallet": event.pallet, "name": event.name, "block": event.block,
				"fields": event.fields,
			})),
		}
		if event.name == "Decided" {
			claim.outcome = event.fields["outcome"].as_str().map(str::to_owned);
			claim.draw_to_decision_blocks =
				claim.blocks.get("Drawn").map(|drawn| event.block - drawn);
		}
	}

	fn settled(&self) -> usize {
		self.claims.values().filter(|c| c.blocks.contains_key("ClaimSettled")).count()
	}

	fn count(&self, name: &str) -> usize {
		self.others.get(name).map_or(0, Vec::len)
	}

	/// Has the case of one decided claim written: soon after its decision, while its transcoder still has the
	/// bytes.
	fn keep_case(&mut self, args: &Args, network: &Network, news: &[Event]) -> Result<()> {
		let is_away = self.live.as_ref().is_some_and(Live::misses_transcoder);
		if self.case.is_some() || is_away {
			return Ok(());
		}
		let outcome = match args.cheat.filter(|cheat| cheat.is_transcoders()) {
			Some(_) => "Failed",
			None => "Accepted",
		};
		for event in news {
			if event.name == "Decided" && event.fields["outcome"] == outcome {
				if let Some(claim) = event.number("claim") {
					self.case = Some((claim, network.write_case(claim, event.block)?));
					break;
				}
			}
		}
		Ok(())
	}

	/// Begins each command that runs beside the story as soon as enough segments are back.
	fn begin_probes(&mut self, args: &Args, network: &Network, returned: usize) -> Result<()> {
		let play_after = if self.live.is_some() { 1 } else { PLAY_AFTER };
		for (check, after, command, url) in [
			("a browser plays the page", play_after, &args.player_test, network.player()),
			("nobody is hurt by an attack", ATTACK_AFTER, &args.attack, network.player()),
			(UPGRADED, UPGRADE_AFTER, &args.upgrade, network.rpc()),
		] {
			let Some(command) = command.as_deref().filter(|_| returned >= after) else {
				continue;
			};
			if self.probes.iter().all(|probe| probe.check != check) {
				self.probes.push(Probe::begin(check, command, &url)?);
				if check == UPGRADED {
					self.running = network.running();
				}
			}
		}
		Ok(())
	}

	/// Follows the chain until the stream is over and every claim is settled.
	pub async fn follow(
		&mut self,
		args: &Args,
		chain: &Chain,
		network: &mut Network,
		started: Instant,
	) -> Result<()> {
		let bar = ProgressBar::new_spinner();
		bar.set_style(ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}")?);
		bar.enable_steady_tick(Duration::from_millis(200));
		// Without a terminal the bar shows nothing.
		let tell_line = |line: String| {
			if bar.is_hidden() {
				println!("{line}");
			} else {
				bar.println(line);
			}
		};
		let mut patience = STORY_PATIENCE + Duration::from_secs(u64::from(args.segments) * 2);
		if args.bridge.is_some() {
			patience += FUNDING_PATIENCE;
		}
		let mut streaming = true;
		let mut viewed = false;
		loop {
			network.ensure_running()?;
			let is_over = |role: &String| count_events(network, role, "stream_ended") > 0;
			if streaming && network.broadcasters().iter().all(is_over) {
				streaming = false;
				tell_line("· the stream is over; waiting until its claims are settled".to_owned());
			}
			let news = self.catch_up(chain).await?;
			for line in tell(&news, &self.claims) {
				tell_line(line);
			}
			self.keep_case(args, network, &news)?;
			let returned = count_events(network, "broadcast", "segment_returned");
			bar.set_message(format!(
				"block {}, {returned} segments back, {} claims, {} settled",
				self.next - 1,
				self.claims.len(),
				self.settled(),
			));
			if let Some(drill) = &mut self.drill {
				if let Some(victim) = drill.step(network, returned).await? {
					tell_line(format!("· {victim} was killed and started again"));
				}
			}
			if let Some(live) = self.live.as_mut().filter(|_| streaming) {
				if let Some(what) = live.step(network)? {
					tell_line(format!("· {what}"));
				}
			}
			if returned >= ROTATE_AFTER && !self.rotated {
				self.rotated = true;
				network.rotate_keys()?;
				tell_line("· the transcoders' owners replaced their workers' keys".to_owned());
			}
			if returned > 0 && !viewed {
				// As a viewer does: a gateway follows a stream from the first request on.
				viewed = request(&network.playlist()).await.is_ok();
			}
			self.begin_probes(args, network, returned)?;
			if !args.once {
				sleep(Duration::from_millis(500)).await;
				continue;
			}
			let closed = self.count("Jobs.JobClosed") >= self.count("Jobs.JobCreated");
			if !streaming
				&& closed && !self.claims.is_empty()
				&& self.settled() == self.claims.len()
			{
				break;
			}
			if started.elapsed() > patience {
				bail!("not everything is settled after {} s", patience.as_secs());
			}
			sleep(Duration::from_millis(500)).await;
		}
		bar.finish_and_clear();
		Ok(())
	}

	/// Notes the state after it.
	pub async fn finish(&mut self, chain: &Chain, report: &mut Report) -> Result<()> {
		self.catch_up(chain).await?;
		let last = self.next - 1;
		for account in &mut self.accounts {
			account.after = chain.balances(last, &network::account(&account.name)?).await?;
		}
		let slots = chain.slot(last, self.slot_milliseconds).await?
			- chain.slot(self.first, self.slot_milliseconds).await?;
		report.chain.finalized = last;
		report.chain.missed_slots = slots.saturating_sub(u64::from(last - self.first));
		let after = chain.issuance(last).await?;
		report.chain.lpt_issuance = (self.issuance.0.to_string(), after.0.to_string());
		report.chain.eth_issuance = (self.issuance.1.to_string(), after.1.to_string());
		report.accounts = self.accounts.clone();
		let grace = self.longest.grace;
		report.claims = std::mem::take(&mut self.claims)
			.into_values()
			.map(|claim| {
				let beyond = beyond_windows(&claim, grace);
				Claim { beyond_windows_blocks: beyond, ..claim }
			})
			.collect();
		Ok(())
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn blocks_beyond_windows_should_be_those_in_which_nobody_has_time() {
		let step = |name: &str, block: u32, field: &str, over: u32| json!({ "name": name, "block": block, "fields": { field: over } });
		let mut claim = Claim {
			blocks: [("Drawn".to_owned(), 100), ("Decided".to_owned(), 131)].into(),
			draw: json!({ "reveal_until": 110 }),
			events: vec![
				// All had revealed, and then committed, before they had to.
				step("CommitStarted", 103, "until", 115),
				step("VerdictRevealStarted", 108, "until", 118),
				// The agenda was two blocks late here, and three in the end.
				step("Disputed", 120, "opens_at", 122),
				step("CommitStarted", 122, "until", 126),
				step("VerdictRevealStarted", 126, "until", 128),
				step("Executed", 140, "until", 1),
			],
			..Default::default()
		};
		assert_eq!(beyond_windows(&claim, 10), Some(5));
		claim.blocks.remove("Decided");
		assert_eq!(beyond_windows(&claim, 10), None);
	}

	#[test]
	fn leaves_that_nobody_reports_should_be_missed_when_the_time_for_that_is_over() {
		let mut claim = Claim {
			blocks: [("Drawn".to_owned(), 60), ("Decided".to_owned(), 90)].into(),
			draw: json!({ "reveal_until": 80 }),
			outcome: Some("Missed".to_owned()),
			..Default::default()
		};
		assert_eq!(beyond_windows(&claim, 10), Some(0));
		assert_eq!(beyond_windows(&claim, 7), Some(3));
		// A reporter need not wait for that.
		claim.blocks.insert("MissedReported".to_owned(), 90);
		assert_eq!(beyond_windows(&claim, 10), Some(10));
	}

	#[test]
	fn claims_should_be_held_to_the_blocks_that_they_can_take() {
		let longest = Longest { judgement: 30, life: 40, grace: 10 };
		let claim = |decided: u32, settled: u32| Claim {
			blocks: [("Claimed", 100), ("Drawn", 110), ("Decided", decided)]
				.into_iter()
				.chain((settled > 0).then_some(("ClaimSettled", settled)))
				.map(|(step, block)| (step.to_owned(), block))
				.collect(),
			draw_to_decision_blocks: Some(decided - 110),
			..Default::default()
		};
		for (claims, passed) in [
			(vec![claim(120, 140), claim(130, 140)], true),
			(vec![claim(131, 140)], false),
			(vec![claim(120, 141)], false),
			(vec![claim(120, 140), claim(120, 0)], false),
		] {
			let mut report = Report::default();
			longest.check(&mut report, &claims, false);
			assert_eq!(report.checks[0].passed, passed, "{}", report.checks[0].detail);
			let most = claims.iter().filter_map(|claim| claim.draw_to_decision_blocks).max();
			assert_eq!(
				report.figures.get("draw_to_decision_blocks_95").copied(),
				most.map(u64::from)
			);
		}
	}
}
