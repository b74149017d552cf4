//! `audit`: a claim's verdict, judged again by anybody.
//!
//! Given the number of a claim, it writes everything that the verdict rests on to a file. Given such a file,
//! this machine judges the claim again, without a chain and without a network.

use std::{
	collections::BTreeMap,
	fmt::Write,
	fs::File,
	io::{BufReader, Read},
	path::{Path, PathBuf},
};

use anyhow::{ensure, Context, Result};
use clap::Args;
use livepeer_primitives::{
	claim::Outcome,
	verdict::{Tranche, Verdict, DISPUTE},
	BlockNumber, ClaimId,
};
use livepeer_worker_chain::SubxtChain;
use livepeer_worker_core::{
	ports::{chain::Chain, engine::MediaEngine},
	roles::audit::{gather, is_of_chain, judge_again, Case, JudgedAgain, LeafAgain, LONGEST},
};
use livepeer_worker_media::PoolConfig;
use serde::Serialize;

use crate::{
	exit::Wrong,
	offline::{of_conformance, of_mismatch},
	setup::{asking_net, engine, DialArgs, DEFAULT_NODE},
};

/// Arguments of `audit`.
#[derive(Args, Debug)]
#[command(
	after_help = "The exit code is 9 if the claim should have been decided otherwise, or if the chain of \
	--node did not hold what the file says."
)]
pub struct AuditArgs {
	/// The number of a claim, whose case is written to a file; or such a file, which is judged again.
	#[arg(value_name = "CLAIM|FILE")]
	pub what: String,
	/// The file to write [default: claim-NUMBER.case].
	#[arg(long, value_name = "FILE")]
	pub out: Option<PathBuf>,
	/// A block in which the claim was being judged, or one shortly after [default: the newest].
	#[arg(long, value_name = "NUMBER")]
	pub at: Option<BlockNumber>,
	/// WebSocket URL of a node of the chain. With a number, the case is read from it [default:
	/// ws://127.0.0.1:9944]. With a file, it says whether the chain held what the file says.
	#[arg(long, value_name = "URL")]
	pub node: Option<String>,
	/// Print JSON.
	#[arg(long)]
	pub json: bool,
	/// Where peers are called.
	#[command(flatten)]
	pub dial: DialArgs,
}

/// Writes a case, or judges one again; the exit code is an error if the claim should have been decided
/// differently.
pub async fn run(args: AuditArgs) -> Result<()> {
	match args.what.parse::<ClaimId>() {
		Ok(claim) => write(&args, claim).await,
		Err(_) => judge(&args, Path::new(&args.what)).await,
	}
}

/// Gathers a case and writes it.
async fn write(args: &AuditArgs, claim: ClaimId) -> Result<()> {
	let out = args.out.clone().unwrap_or_else(|| format!("claim-{claim}.case").into());
	ensure!(!out.exists(), "{} exists: give another name with --out", out.display());
	let node = args.node.as_deref().unwrap_or(DEFAULT_NODE);
	let chain = SubxtChain::connect(node, None, None).await?;
	// A peer that only asks, once: its identity is nobody's.
	let folder = tempfile::tempdir().context("cannot make a folder for temporary files")?;
	let net = asking_net(folder.path(), chain.genesis(), args.dial.private_on(&chain)).await?;
	let at = args.at.unwrap_or_else(|| chain.heads().borrow().best);
	let case = gather(&chain, &net, claim, at).await?;
	std::fs::write(&out, case.to_bytes())
		.with_context(|| format!("{} cannot be written", out.display()))?;
	let missing = match case.missing() {
		0 => String::new(),
		missing => format!("; it lacks {missing} files, which nobody serves"),
	};
	println!(
		"{}: claim {claim} as it was in block {} ({:?}), {} drawn leaves{missing}",
		out.display(),
		case.block,
		case.block_hash,
		case.leaves.len(),
	);
	Ok(())
}

/// Opens a file, of this length.
pub(crate) fn open(path: &Path) -> Result<(BufReader<File>, u64)> {
	let told = || format!("{} cannot be read", path.display());
	let file = File::open(path).with_context(told)?;
	let length = file.metadata().with_context(told)?.len();
	Ok((BufReader::new(file), length))
}

/// Reads the case that a file of this length is.
pub(crate) fn read(path: &Path, file: impl Read, length: u64) -> Result<Case> {
	ensure!(length <= LONGEST, "{} is larger than any case", path.display());
	Case::read(file, length).with_context(|| {
		format!(
			"{} is not a complete case of a claim: `livepeer-worker audit CLAIM` writes one",
			path.display()
		)
	})
}

/// Judges a case again and says it.
async fn judge(args: &AuditArgs, path: &Path) -> Result<()> {
	ensure!(
		args.out.is_none() && args.at.is_none(),
		"--out and --at are for the number of a claim: leave them out to judge a file"
	);
	let (file, length) = open(path)?;
	let case = read(path, file, length)?;
	let engine = engine(PoolConfig::default()).await?;
	let (named, ours) = (case.judgement.claim.toolchain, engine.toolchain());
	ensure!(
		named == ours,
		"the claim names toolchain {named:?}, this machine makes {ours:?}: they \
		 make other bytes, so judge it where `livepeer-worker toolchain` prints the first"
	);
	let of_chain = match &args.node {
		Some(node) => {
			let chain = SubxtChain::connect(node, None, None).await?;
			Some(is_of_chain(&chain, &case).await?)
		}
		None => None,
	};
	let report = Report::of(&case, &judge_again(&engine, &case).await, of_chain);
	if args.json {
		println!("{}", serde_json::to_string_pretty(&report)?);
	} else {
		print!("{}", report.text());
	}
	if report.is_right == Some(false) || of_chain == Some(false) {
		return Err(Wrong(report.conclusion).into());
	}
	Ok(())
}

/// Everything that is said.
#[derive(Serialize)]
struct Report {
	claim: ClaimId,
	job: u64,
	transcoder: String,
	block: BlockNumber,
	block_hash: String,
	/// Whether a node says that the chain held this; absent if no node was asked.
	#[serde(skip_serializing_if = "Option::is_none")]
	of_chain: Option<bool>,
	/// How it was decided.
	#[serde(skip_serializing_if = "Option::is_none")]
	decided: Option<String>,
	/// How it should have been decided by what was found.
	#[serde(skip_serializing_if = "Option::is_none")]
	found: Option<String>,
	/// Whether the two agree; absent if one of them is open.
	#[serde(skip_serializing_if = "Option::is_none")]
	is_right: Option<bool>,
	leaves: Vec<Told>,
	conclusion: String,
}

/// What is said of one leaf.
#[derive(Serialize)]
struct Told {
	index: u32,
	seq: u64,
	verdict: String,
	findings: Vec<String>,
	/// Whether it is in the claim's tree; absent if the file has no path.
	#[serde(skip_serializing_if = "Option::is_none")]
	in_tree: Option<bool>,
	signatures: Vec<String>,
	/// What judges said, with how many of them, by tranche.
	judges: Vec<String>,
}

impl Report {
	fn of(case: &Case, again: &JudgedAgain, of_chain: Option<bool>) -> Self {
		let claim = &case.judgement.claim;
		let (decided, found) = (case.outcome, again.outcome());
		// Other outcomes are about time and silence, which bytes cannot show.
		let is_about_bytes = |o: &Outcome| matches!(o, Outcome::Accepted | Outcome::Failed);
		let is_right = decided.filter(is_about_bytes).zip(found).map(|(one, other)| one == other);
		let conclusion = match (decided, found, is_right) {
			_ if of_chain == Some(false) => "the chain did not hold what this file says".to_owned(),
			(Some(decided), Some(found), Some(false)) => {
				format!("decided: {}; by these bytes it should be: {}", of(decided), of(found))
			}
			(Some(decided), _, Some(true)) => format!("judged again: {}, as decided", of(decided)),
			(Some(decided), _, _) => format!("decided: {}; the bytes do not say more", of(decided)),
			(None, Some(found), _) => format!("not decided yet; by these bytes: {}", of(found)),
			(None, None, _) => "nothing can be said".to_owned(),
		};
		Self {
			claim: case.claim,
			job: claim.job,
			transcoder: claim.transcoder.to_string(),
			block: case.block,
			block_hash: format!("{:?}", case.block_hash),
			of_chain,
			decided: decided.map(|outcome| of(outcome).into()),
			found: found.map(|outcome| of(outcome).into()),
			is_right,
			leaves: again.leaves.iter().map(Told::of).collect(),
			conclusion,
		}
	}

	fn text(&self) -> String {
		let mut text = String::new();
		// Writing to a string cannot fail.
		let _ = writeln!(
			text,
			"claim {} of job {}, by {}, as it was in block {} ({})",
			self.claim, self.job, self.transcoder, self.block, self.block_hash
		);
		if let Some(of_chain) = self.of_chain {
			let is = if of_chain { "is" } else { "is NOT" };
			let _ = writeln!(text, "that {is} what the node's chain held");
		}
		for leaf in &self.leaves {
			let _ = writeln!(text, "leaf {}, segment {}: {}", leaf.index, leaf.seq, leaf.verdict);
			for (place, finding) in leaf.findings.iter().enumerate() {
				let _ = writeln!(text, "  rendition {place}: {finding}");
			}
			let in_tree = match leaf.in_tree {
				None => "no path to the root of the claim",
				Some(true) => "in the tree of the claim",
				Some(false) => "NOT in the tree of the claim",
			};
			let _ = writeln!(text, "  {in_tree}");
			for line in leaf.signatures.iter().chain(&leaf.judges) {
				let _ = writeln!(text, "  {line}");
			}
		}
		let _ = writeln!(text, "{}", self.conclusion);
		text
	}
}

impl Told {
	fn of(leaf: &LeafAgain) -> Self {
		let signed = |who: &str, is_signed: Option<bool>| match is_signed {
			None => format!("no record of what {who} signed"),
			Some(true) => format!("signed by {who}"),
			Some(false) => format!("NOT signed by {who}"),
		};
		let mut judges = BTreeMap::<(Tranche, Verdict), usize>::new();
		for said in &leaf.said {
			*judges.entry((said.tranche, said.verdict)).or_default() += 1;
		}
		let judges = judges.into_iter().map(|((tranche, verdict), count)| {
			let ballot = match tranche {
				DISPUTE => "dispute".to_owned(),
				tranche => format!("tranche {tranche}"),
			};
			let judges = if count == 1 { "judge says" } else { "judges say" };
			format!("{ballot}: {count} {judges} {}", words(verdict))
		});
		let mut signatures = vec![
			signed("the broadcaster", leaf.broadcaster_signed),
			signed("the transcoder", leaf.transcoder_signed),
		];
		if leaf.contradicts {
			signatures.push(
				"the transcoder signed another result than it claims: `livepeer-worker report` shows this file \
				 to the chain, as long as the claim is open"
					.into(),
			);
		}
		Self {
			index: leaf.index,
			seq: leaf.seq,
			verdict: match &leaf.verdict {
				Ok(verdict) => words(*verdict),
				Err(error) => format!("not judged: {error}"),
			},
			findings: leaf.findings.clone(),
			in_tree: leaf.in_tree,
			signatures,
			judges: judges.collect(),
		}
	}
}

fn words(verdict: Verdict) -> String {
	match verdict {
		Verdict::Valid => "valid".into(),
		Verdict::Variant { rendition } => format!("variant in rendition {rendition}"),
		Verdict::Mismatch(kind) => format!("mismatch: {}", of_mismatch(kind)),
		Verdict::NonConforming(kind) => format!("not conforming: {}", of_conformance(kind)),
		Verdict::Unavailable(kind) => format!("unavailable ({kind:?})"),
		Verdict::Abstain => "nothing".into(),
	}
}

fn of(outcome: Outcome) -> &'static str {
	match outcome {
		Outcome::Accepted => "accepted",
		Outcome::Failed => "failed",
		Outcome::Missed => "missed",
		Outcome::Void => "void",
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn contradiction_with_a_receipt_should_be_told_with_the_command_that_reports_it() {
		let told = |contradicts: bool| {
			let leaf = LeafAgain {
				index: 0,
				seq: 4,
				verdict: Ok(Verdict::Valid),
				findings: vec![],
				in_tree: Some(true),
				broadcaster_signed: Some(true),
				transcoder_signed: Some(!contradicts),
				contradicts,
				said: vec![],
			};
			Told::of(&leaf).signatures.concat()
		};
		assert!(told(true).contains("`livepeer-worker report`"));
		assert!(!told(false).contains("report"));
	}
}
