//! The drill: nodes and workers are killed one after the other while the stream runs, as by power
//! cuts, and started again. Nothing final and no segment may be lost.

use anyhow::Result;

use crate::{
	chain::Chain,
	network::{self, Network},
	report::Report,
};

/// Who is killed, in this order: the broadcaster's node, the broadcaster, the transcoders, the
/// gateway, a transcoder's node, a verify worker. The first node is spared, for it is the one that
/// the demo itself watches.
const VICTIMS: [&str; 7] = [
	"node-dave",
	"broadcast",
	"transcode-bob",
	"transcode-charlie",
	"gateway",
	"node-bob",
	"verify-eve",
];
/// Segments that come back between two kills.
const SEGMENTS_BETWEEN: usize = 3;

/// A node's last word before it was killed, and its word on the same block afterwards.
struct Final {
	node: usize,
	number: u32,
	before: String,
	after: Option<String>,
}

/// What was killed so far.
#[derive(Default)]
pub struct Drill {
	killed: usize,
	finals: Vec<Final>,
}

impl Drill {
	/// Kills and restarts the next victim when so many segments have come back; says whom.
	pub async fn step(
		&mut self,
		network: &mut Network,
		returned: usize,
	) -> Result<Option<&'static str>> {
		let Some(victim) = VICTIMS.get(self.killed) else { return Ok(None) };
		if returned < (self.killed + 1) * SEGMENTS_BETWEEN {
			return Ok(None);
		}
		// A worker does not start without its node.
		if let Some(last) = self.finals.last_mut().filter(|last| last.after.is_none()) {
			last.after = hash_at(last.node, last.number).await.ok();
			return Ok(None);
		}
		self.killed += 1;
		let owner = victim.strip_prefix("node-");
		if let Some(node) = network::VALIDATORS.iter().position(|name| Some(*name) == owner) {
			let chain = Chain::connect(&network::rpc(node)).await?;
			let (number, before) = chain.finalized_block().await?;
			self.finals.push(Final { node, number, before, after: None });
		}
		network.kill_and_restart(victim)?;
		Ok(Some(victim))
	}

	/// Checks that everybody was killed, and that each node still has what was final.
	pub async fn check(&mut self, report: &mut Report) {
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

async fn hash_at(node: usize, number: u32) -> Result<String> {
	Chain::connect(&network::rpc(node)).await?.hash(number).await
}
