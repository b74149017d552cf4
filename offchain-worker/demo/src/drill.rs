//! The drill: kills nodes and workers one after the other while the stream runs, as power cuts would, and
//! starts them again; also judges and transcoders in the middle of their duties. Nothing final, no segment
//! and no claim may be lost. No judge may be late, or say anything twice or wrong.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::{
	chain::Chain,
	network::{self, Network},
	probe::count_events,
	report::{Claim, Report},
};

/// The victims, in this order: the broadcaster's node, the broadcaster, the transcoders, the gateway, a
/// transcoder's node, a verify worker. The first node is spared, because the demo itself watches it.
const VICTIMS: [&str; 7] = [
	"node-dave",
	"broadcast",
	"transcode-bob",
	"transcode-charlie",
	"gateway",
	"node-bob",
	"verify-eve",
];
/// The part of a judge to kill at an event of its verify worker: the worker while it works on a task; the
/// node after it has asked, before there is an answer; and the node when there is an answer, before it is
/// revealed. Never the first node.
const JUDGING: [(&str, &str); 3] =
	[("task_taken", "verify"), ("task_taken", "node"), ("task_done", "node")];
/// The same for a transcoder: when a claim is on the chain, before its draw; and when one of the drawn leaves
/// is revealed, before the others.
const CLAIMING: [(&str, &str); 2] = [("claim_made", "transcode"), ("leaf_revealed", "transcode")];
/// Segments that come back between two kills.
const SEGMENTS_BETWEEN: usize = 3;

/// A node's last final block before it was killed, and its hash of that block afterwards.
struct Final {
	node: usize,
	number: u32,
	before: String,
	after: Option<String>,
}

/// The moments of kills, in order.
struct Moments {
	who: Vec<&'static str>,
	/// The workers that show them.
	role: &'static str,
	/// The event, and what is killed then.
	at: &'static [(&'static str, &'static str)],
	/// Who was killed.
	killed: Vec<String>,
	/// The number of events of each worker at the last check.
	told: Vec<usize>,
}

impl Moments {
	fn new(
		who: &[&'static str],
		role: &'static str,
		at: &'static [(&'static str, &'static str)],
	) -> Self {
		Self { who: who.to_vec(), role, at, killed: Vec::new(), told: Vec::new() }
	}

	/// The victim, if a worker shows the event of the next moment.
	fn due(&mut self, network: &Network) -> Option<String> {
		let (event, part) = *self.at.get(self.killed.len())?;
		let count = |who: &&str| count_events(network, &format!("{}-{who}", self.role), event);
		let told: Vec<usize> = self.who.iter().map(count).collect();
		let before = std::mem::replace(&mut self.told, told);
		let mut news = self.who.iter().zip(&self.told).zip(&before);
		let ((who, _), _) = news.find(|((_, now), before)| now > before)?;
		let victim = format!("{part}-{who}");
		// The next moment counts another event.
		self.told.clear();
		self.killed.push(victim.clone());
		Some(victim)
	}
}

/// What was killed so far.
pub struct Drill {
	killed: usize,
	/// Of judges, and of transcoders.
	moments: [Moments; 2],
	finals: Vec<Final>,
}

impl Default for Drill {
	fn default() -> Self {
		let judging = Moments::new(&network::VALIDATORS[1..], "verify", &JUDGING);
		let claiming = Moments::new(&network::TRANSCODERS, "transcode", &CLAIMING);
		Self { killed: 0, moments: [judging, claiming], finals: Vec::new() }
	}
}

impl Drill {
	/// Kills and restarts the next victim when enough segments have come back, or at the next moment's event;
	/// returns whom.
	pub async fn step(&mut self, network: &mut Network, returned: usize) -> Result<Option<String>> {
		// A worker does not start without its node.
		if let Some(last) = self.finals.last_mut().filter(|last| last.after.is_none()) {
			last.after = hash_at(last.node, last.number).await.ok();
			return Ok(None);
		}
		let victim = match VICTIMS.get(self.killed) {
			Some(victim) if returned >= (self.killed + 1) * SEGMENTS_BETWEEN => {
				self.killed += 1;
				(*victim).to_owned()
			}
			_ => match self.moments.iter_mut().find_map(|moments| moments.due(network)) {
				Some(victim) => victim,
				None => return Ok(None),
			},
		};
		let owner = victim.strip_prefix("node-");
		if let Some(node) = network::VALIDATORS.iter().position(|name| Some(*name) == owner) {
			let chain = Chain::connect(&network::rpc(node)).await?;
			let (number, before) = chain.finalized_block().await?;
			self.finals.push(Final { node, number, before, after: None });
		}
		network.kill_and_restart(&victim)?;
		Ok(Some(victim))
	}

	/// Checks that every victim was killed, that each node still has what was final, and what judges said.
	/// That no judge was late follows from the absence of penalties.
	pub async fn check(&mut self, report: &mut Report) {
		for (name, moments) in [
			"judges were killed in the middle of what they owe, and started again",
			"transcoders were killed between claim, reveal and payout, and started again",
		]
		.into_iter()
		.zip(&self.moments)
		{
			let all = moments.killed.len() == moments.at.len();
			report.check(name, all, moments.killed.join(", "));
		}
		let wrong: Vec<String> = report.claims.iter().flat_map(said_wrongly).collect();
		report.check("no judge says anything twice or wrong", wrong.is_empty(), wrong.join("; "));
		report.check(
			"nodes and workers were killed and started again",
			self.killed == VICTIMS.len(),
			VICTIMS[..self.killed].join(", "),
		);
		for Final { node, number, before, after } in &self.finals {
			report.check(
				&format!("{} kept what was final", network::VALIDATORS[*node]),
				after.as_ref() == Some(before),
				format!("block {number}: {before}, then {}", after.as_deref().unwrap_or("nothing")),
			);
		}
	}
}

/// The votes on an honest claim that are there twice, or accuse.
fn said_wrongly(claim: &Claim) -> Vec<String> {
	let mut wrong = Vec::new();
	for said in [&claim.commits, &claim.verdicts] {
		let mut seen = BTreeSet::new();
		for one in said {
			let by = format!("{} in tranche {}", one["verifier"], one["tranche"]);
			if ["Mismatch", "NonConforming", "Unavailable"]
				.iter()
				.any(|fault| one["verdicts"].to_string().contains(fault))
			{
				wrong.push(format!("claim {}: {by} says {}", claim.id, one["verdicts"]));
			}
			if !seen.insert(by.clone()) {
				wrong.push(format!("claim {}: {by} twice", claim.id));
			}
		}
	}
	wrong
}

async fn hash_at(node: usize, number: u32) -> Result<String> {
	Chain::connect(&network::rpc(node)).await?.hash(number).await
}

#[cfg(test)]
mod tests {
	use super::*;
	use serde_json::json;

	#[test]
	fn votes_that_are_there_twice_or_accuse_should_be_found() {
		let vote = |by: &str, tranche: u8| json!({ "verifier": by, "tranche": tranche });
		let mut claim = Claim {
			commits: vec![vote("a", 0), vote("b", 0), vote("a", 255)],
			verdicts: vec![
				json!({ "verifier": "a", "tranche": 0, "verdicts": ["Valid", "Abstain"] }),
			],
			..Default::default()
		};
		assert!(said_wrongly(&claim).is_empty());
		claim.commits.push(vote("b", 0));
		claim.verdicts.push(
			json!({ "verifier": "b", "tranche": 0, "verdicts": [{ "Unavailable": "TooLate" }] }),
		);
		assert_eq!(said_wrongly(&claim).len(), 2);
	}
}
