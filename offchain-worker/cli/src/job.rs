//! `job`: one job as the chain has it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{bail, Result};
use clap::Args;
use livepeer_primitives::{
	api::{AssignmentView, ChallengeStage, ChallengeView},
	claim::ClaimInfo,
	video::TICKS_PER_SECOND,
	AssignmentIndex, BlockNumber, ClaimId, JobId,
};
use livepeer_worker_core::{
	decimal,
	ports::chain::{At, Chain},
};

use crate::{setup::NodeArgs, stream};

/// How many of a job's newest assignments are shown: earlier ones are mostly settled.
const MOST_ASSIGNMENTS: AssignmentIndex = 64;

/// Which job.
#[derive(Args, Debug)]
pub struct JobArgs {
	/// Its number, as `stream list` and the pages show it.
	pub job: JobId,
	/// The node.
	#[command(flatten)]
	pub node: NodeArgs,
}

/// Runs the command.
pub async fn run(args: JobArgs) -> Result<()> {
	let chain = args.node.connect(None).await?;
	show(&*chain, args.job).await?.iter().for_each(|line| println!("{line}"));
	Ok(())
}

/// A job's state, terms, assignments and open claims, a line each.
pub async fn show(chain: &dyn Chain, id: JobId) -> Result<Vec<String>> {
	let Some(job) = chain.job(At::Best, id).await? else {
		bail!("the chain has no job {id}: there is none yet, or its last claims are settled");
	};
	let now = chain.limits().await?.now;
	let ladder: Vec<String> =
		job.ladder.iter().map(|r| format!("{}x{}@{}k", r.width, r.height, r.kbps)).collect();
	let seconds = |ticks: u32| f64::from(ticks) / f64::from(TICKS_PER_SECOND);
	let limits = &job.limits;
	let mut lines = vec![
		stream::describe(&job, now),
		format!("of {}, stream {:?}", job.broadcaster, job.stream),
		format!("ladder: {}", ladder.join(", ")),
		format!(
			"source: at most {}x{} and {} pictures a second, segments of {} to {} s",
			limits.width,
			limits.height,
			limits.fps,
			seconds(limits.shortest),
			seconds(limits.longest)
		),
		format!(
			"terms: at most {} ETH for a standard segment, until block {}",
			decimal(job.max_price),
			job.end
		),
		format!("budget: {} ETH are neither spent nor reserved", decimal(job.unreserved)),
	];
	let last = job.current.as_ref().map_or(MOST_ASSIGNMENTS - 1, |current| current.index);
	let mut transcoders = BTreeSet::new();
	for index in last.saturating_sub(MOST_ASSIGNMENTS - 1)..=last {
		let Some(view) = chain.assignment(At::Best, id, index).await? else { continue };
		lines.push(assignment(&view, now));
		transcoders.insert(view.transcoder);
	}
	let mut claims = BTreeMap::new();
	for transcoder in &transcoders {
		for number in chain.claims_of(At::Best, transcoder).await? {
			let Some(info) = chain.claim(At::Best, number).await? else { continue };
			if info.job == id {
				let challenge = chain.challenge(At::Best, number).await?;
				claims.insert(number, claim(number, &info, challenge.as_ref()));
			}
		}
	}
	lines.extend(claims.into_values());
	Ok(lines)
}

/// An assignment in words.
fn assignment(view: &AssignmentView, now: BlockNumber) -> String {
	let state = match (view.claimable_until, view.toolchain) {
		(Some(until), _) if until >= now => format!("has ended, may claim until block {until}"),
		(Some(_), _) => "has ended".to_owned(),
		(None, None) => "is offered".to_owned(),
		(None, Some(_)) => "runs".to_owned(),
	};
	format!(
		"assignment {} to {} {state}: {} ETH for a standard segment, {} ETH left to claim, nothing claimed \
		 from segment {} on",
		view.index,
		view.transcoder,
		decimal(view.price),
		decimal(view.allowance),
		view.next_seq
	)
}

/// A claim in words.
fn claim(id: ClaimId, info: &ClaimInfo, challenge: Option<&ChallengeView>) -> String {
	let count = u64::from(info.commitment.leaf_count);
	let last = info.first.saturating_add(count).saturating_sub(1);
	let state = match challenge {
		None => "is settled".to_owned(),
		Some(challenge) => match (challenge.stage, challenge.outcome) {
			(ChallengeStage::AwaitingSeed, _) => "waits for its draw".to_owned(),
			(ChallengeStage::LeafReveal, _) => "is drawn, its transcoder reveals".to_owned(),
			(ChallengeStage::Commit, _) => "is judged: judges commit".to_owned(),
			(ChallengeStage::VerdictReveal, _) => "is judged: judges reveal".to_owned(),
			(ChallengeStage::AwaitingDispute, _) => "waits for further judges".to_owned(),
			(ChallengeStage::Decided, Some(outcome)) => format!("is decided: {outcome:?}"),
			(ChallengeStage::Decided, None) => "is decided".to_owned(),
		},
	};
	format!(
		"claim {id} of assignment {}, segments {} to {last}, {} ETH, {state}",
		info.assignment,
		info.first,
		decimal(info.fee)
	)
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;
	use livepeer_primitives::{
		claim::Outcome, sum_tree::Commitment, video::SourceLimits, Hash, UNIT,
	};
	use livepeer_worker_core::{
		fakes::{claim_call, rendition, FakeChain, FakeEngine},
		key::Key,
		ports::chain::{Call, Wait},
	};

	#[tokio::test]
	async fn job_should_be_shown_with_its_terms_assignments_and_claims() {
		let chain = FakeChain::default();
		let [broadcaster, transcoder] =
			["//Broadcaster", "//Transcoder"].map(|uri| Key::from_uri(uri).unwrap());
		let owner = chain.client(Some(broadcaster.clone()));
		for name in ["demo", "other"] {
			let call = Call::CreateJob {
				broadcaster: broadcaster.account(),
				name: name.into(),
				ladder: vec![rendition(426, 240, 400)].try_into().unwrap(),
				limits: SourceLimits::new(640, 360, 30),
				max_price: UNIT / 1_000,
				end: 100,
				budget: UNIT,
			};
			owner.submit(call, Wait::InBlock).await.unwrap();
		}
		let client = chain.client(None);
		let lines = show(&client, 1).await.unwrap();
		assert!(lines[0].starts_with("job 1 waits for a transcoder"), "{lines:?}");
		assert_eq!(lines.len(), 6, "nobody has it: {lines:?}");
		assert_eq!(lines[2], "ladder: 426x240@400k");
		let source = "source: at most 640x360 and 30 pictures a second, segments of 1 to 2.5 s";
		assert_eq!(lines[3], source);
		assert_eq!(lines[4], "terms: at most 0.001 ETH for a standard segment, until block 100");

		for (job, first) in [(1, 4), (2, 0)] {
			chain.assign(job, &transcoder.account());
			let leaves = Commitment { root: Hash::repeat_byte(1), total_work: 30, leaf_count: 3 };
			let toolchain = FakeEngine::default().toolchain;
			let call = claim_call(&transcoder, job, first, leaves, toolchain);
			let client = chain.client(Some(transcoder.clone()));
			client.submit(call, Wait::InBlock).await.unwrap();
		}
		let lines = show(&client, 1).await.unwrap();
		assert_eq!(lines.len(), 8, "of this job only: {lines:?}");
		let who = transcoder.account();
		assert!(lines[6].starts_with(&format!("assignment 0 to {who} runs")), "{lines:?}");
		assert!(lines[6].ends_with("from segment 7 on"), "{lines:?}");
		assert!(lines[7].starts_with("claim 1 of assignment 0, segments 4 to 6"), "{lines:?}");
		assert!(lines[7].ends_with("waits for its draw"), "{lines:?}");
		chain.decide(1, Outcome::Accepted);
		owner.submit(Call::EndJob { job: 1 }, Wait::InBlock).await.unwrap();
		let lines = show(&client, 1).await.unwrap();
		assert!(lines[0].starts_with("job 1 has ended"), "{lines:?}");
		assert!(lines[6].contains("has ended, may claim until block"), "{lines:?}");
		assert!(lines[7].ends_with("is decided: Accepted"), "{lines:?}");
		let none = show(&client, 9).await.unwrap_err().to_string();
		assert!(none.contains("no job 9"), "{none}");
	}
}
