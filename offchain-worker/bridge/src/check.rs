//! Checks a beacon node's answers by the chain's own rules, without a chain.

use std::path::{Path, PathBuf};

use anyhow::{bail, ensure, Context, Result};
use clap::Args;
use livepeer_bridge_formats::{
	types::{period, Fork, Layout, Network, SyncCommittee},
	verify, BoundedVec, H256,
};
use serde_json::Value;

use crate::{
	beacon::{ensure_plausible, layout},
	light::{self, FullBootstrap, FullUpdate},
};

/// What is checked.
#[derive(Args)]
pub struct CheckArgs {
	/// Files in the order in which the light client would take them: a bootstrap, then updates and finality
	/// updates; the beacon API's JSON, or SSZ.
	#[arg(required = true)]
	files: Vec<PathBuf>,
	/// mainnet or sepolia; or a JSON file with `genesis_validators_root`, `genesis_time`, `seconds_per_slot`
	/// and `forks` (version, epoch, layout: deneb, electra or gloas).
	#[arg(long, default_value = "mainnet")]
	network: String,
	/// The block root that the bootstrap must have.
	#[arg(long)]
	checkpoint: Option<String>,
}

fn known(root: &str, genesis_time: u64, forks: &[([u8; 4], u64, Layout)]) -> Result<Network> {
	let forks = forks
		.iter()
		.map(|(version, epoch, layout)| Fork {
			version: *version,
			epoch: *epoch,
			layout: Some(*layout),
		})
		.collect();
	Ok(Network {
		genesis_validators_root: root.parse().context("no root")?,
		genesis_time,
		seconds_per_slot: 12,
		forks: BoundedVec::truncate_from(forks),
	})
}

fn network(name: &str) -> Result<Network> {
	match name {
		"mainnet" => known(
			"0x4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95",
			1_606_824_023,
			&[
				([4, 0, 0, 0], 269_568, Layout::DENEB),
				([5, 0, 0, 0], 364_032, Layout::ELECTRA),
				([6, 0, 0, 0], 411_392, Layout::ELECTRA),
			],
		),
		"sepolia" => known(
			"0xd8ea171f3c94aea21ebc42a1ed61052acf3f9209c00e4efbaaddac09ed9b8078",
			1_655_733_600,
			&[
				([0x90, 0, 0, 0x73], 132_608, Layout::DENEB),
				([0x90, 0, 0, 0x74], 222_464, Layout::ELECTRA),
				([0x90, 0, 0, 0x75], 272_640, Layout::ELECTRA),
				([0x90, 0, 0, 0x76], 353_024, Layout::GLOAS),
			],
		),
		file => {
			let value: Value = serde_json::from_slice(&read(Path::new(file))?)?;
			let forks = value["forks"].as_array().context("a network without forks")?;
			let forks = forks
				.iter()
				.map(|fork| {
					let version = fork["version"].as_str().context("a fork without a version")?;
					let version = hex::decode(version.trim_start_matches("0x"))?;
					let layout = match fork["layout"].as_str().unwrap_or_default() {
						"deneb" => Layout::DENEB,
						"electra" | "fulu" => Layout::ELECTRA,
						"gloas" => Layout::GLOAS,
						other => bail!("there is no layout {other:?}"),
					};
					let version = version.try_into().ok().context("a version has four bytes")?;
					Ok((version, light::uint(&fork["epoch"])?, layout))
				})
				.collect::<Result<Vec<_>>>()?;
			let root =
				value["genesis_validators_root"].as_str().context("a network without a root")?;
			let mut network = known(root, light::uint(&value["genesis_time"])?, &forks)?;
			network.seconds_per_slot = u8::try_from(light::uint(&value["seconds_per_slot"])?)?;
			Ok(network)
		}
	}
}

fn read(file: &Path) -> Result<Vec<u8>> {
	std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

/// The content of a file.
enum Read {
	Bootstrap(Box<FullBootstrap>),
	Update(Box<FullUpdate>),
}

/// Several updates in a beacon node's SSZ: each comes after its length and four bytes for its fork.
fn unframed(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
	let mut all = Vec::new();
	while !bytes.is_empty() {
		let (length, rest) = bytes.split_first_chunk::<8>()?;
		let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
		let (one, rest) = rest.split_at_checked(length)?;
		all.push(one.get(4..)?);
		bytes = rest;
	}
	Some(all)
}

/// The SSZ layout depends on the fork, and the type on the length: tries everything that fits, and takes what
/// has valid branches.
fn from_ssz(bytes: &[u8], network: &Network) -> Result<Read> {
	for layout in [Layout::DENEB, Layout::ELECTRA, Layout::GLOAS] {
		if let Ok(full) = light::bootstrap_ssz(bytes, &layout) {
			if ensure_bootstrap(network, &full).is_ok() {
				return Ok(Read::Bootstrap(Box::new(full)));
			}
		}
		for brings in [true, false] {
			if let Ok(full) = light::update_ssz(bytes, &layout, brings) {
				if ensure_plausible(network, &full).is_ok() {
					return Ok(Read::Update(Box::new(full)));
				}
			}
		}
	}
	bail!(
		"it is neither a bootstrap nor an update of this network, in any form from Deneb to Gloas"
	)
}

fn from_json(value: &Value, network: &Network) -> Result<Read> {
	let inner = value.get("data").unwrap_or(value);
	if inner.get("current_sync_committee").is_some() {
		let full = light::bootstrap(inner)?;
		ensure_bootstrap(network, &full)?;
		return Ok(Read::Bootstrap(Box::new(full)));
	}
	ensure!(
		inner.get("attested_header").is_some(),
		"it is neither a bootstrap nor an update, as a beacon node gives them"
	);
	let full = light::update(inner)?;
	ensure_plausible(network, &full)?;
	Ok(Read::Update(Box::new(full)))
}

fn ensure_bootstrap(network: &Network, full: &FullBootstrap) -> Result<()> {
	let bootstrap = &full.bootstrap;
	let layout = layout(network, bootstrap.header.slot)?;
	ensure!(
		verify::is_at(
			bootstrap.committee.root(),
			&bootstrap.committee_branch,
			layout.current_committee,
			bootstrap.header.state_root
		),
		"the committee is not in the block's state"
	);
	ensure!(
		verify::is_at(
			full.header.execution_hash,
			&full.header.hash_branch,
			layout.execution_hash,
			full.header.beacon.body_root
		),
		"the execution block is not at its place in the beacon block's body"
	);
	Ok(())
}

/// What earlier files have shown.
#[derive(Default)]
struct Known {
	/// Committees by period.
	committees: Vec<(u64, SyncCommittee)>,
	slot: Option<u64>,
}

impl Known {
	fn take(&mut self, network: &Network, read: Read, trusted: Option<H256>) -> Result<String> {
		match read {
			Read::Bootstrap(full) => {
				let header = &full.bootstrap.header;
				let root = header.root();
				ensure!(
					trusted.is_none_or(|trusted| trusted == root),
					"it is of block {root:?}, not of the checkpoint"
				);
				let committee = full.bootstrap.committee.clone();
				ensure!(committee.prepare().is_some(), "a key is not a point of the curve");
				self.committees = vec![(period(header.slot), committee)];
				self.slot = Some(header.slot);
				Ok(format!("bootstrap of slot {}, block {root:?}", header.slot))
			}
			Read::Update(full) => {
				let update = &full.update;
				let signed = period(update.signature_slot);
				let what = if update.next.is_some() { "update" } else { "finality update" };
				let told = format!(
					"{what}: slot {} final, signed at {} by {} of 512",
					update.finalized.slot,
					update.signature_slot,
					update.aggregate.bits.iter().map(|byte| byte.count_ones()).sum::<u32>()
				);
				if self.slot.is_none() {
					return Ok(format!("{told}; its branches are right, its signature needs the committee: give the bootstrap first"));
				}
				let committee = self
					.committees
					.iter()
					.find(|(of, _)| *of == signed)
					.map(|(_, committee)| committee)
					.with_context(|| {
						format!("the committee of period {signed} is not known: give the update of the period before")
					})?;
				let prepared = committee.prepare().context("a key is not a point of the curve")?;
				let message =
					verify::signing_root(network, update.attested.root(), update.signature_slot)
						.context("the fork of its signature is not known")?;
				ensure!(
					verify::is_signed(&prepared, &update.aggregate, message),
					"the signature is not the committee's"
				);
				if let Some(next) = &update.next {
					let of = period(update.attested.slot) + 1;
					ensure!(
						period(update.finalized.slot) + 1 == of,
						"its next committee comes with a finalised block of an earlier period"
					);
					ensure!(
						next.committee.prepare().is_some(),
						"a key is not a point of the curve"
					);
					self.committees.push((of, next.committee.clone()));
				}
				self.slot = self.slot.max(Some(update.finalized.slot));
				Ok(told)
			}
		}
	}
}

/// Checks files one after the other, as the light client would.
pub fn check(args: &CheckArgs) -> Result<()> {
	let network = network(&args.network).with_context(|| {
		format!("--network {}: no known network, and no file with one", args.network)
	})?;
	let trusted = args
		.checkpoint
		.as_deref()
		.map(|root| root.parse().context("the checkpoint is not a root"))
		.transpose()?;
	let mut known = Known::default();
	for file in &args.files {
		let bytes = read(file)?;
		let all = match serde_json::from_slice::<Value>(&bytes) {
			Ok(Value::Array(list)) => list.iter().map(|one| from_json(one, &network)).collect(),
			Ok(value) => vec![from_json(&value, &network)],
			Err(_) => unframed(&bytes)
				.unwrap_or_else(|| vec![&bytes])
				.into_iter()
				.map(|one| from_ssz(one, &network))
				.collect(),
		};
		for read in all {
			let said = read
				.and_then(|read| known.take(&network, read, trusted))
				.with_context(|| file.display().to_string())?;
			println!("{}: {said}", file.display());
		}
	}
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;
	use livepeer_bridge_formats::{
		ethereum::Branch,
		recorded::{self, list, ELECTRA, GLOAS_CHECKPOINT, SEPOLIA},
		types::BeaconHeader,
	};

	// The recorded messages have no execution headers.
	fn without_execution(beacon: BeaconHeader) -> light::Header {
		light::Header { beacon, execution_hash: H256::zero(), hash_branch: Branch::default() }
	}

	fn bootstrap(file: &Value) -> FullBootstrap {
		let bootstrap = recorded::bootstrap(file);
		FullBootstrap { header: without_execution(bootstrap.header), bootstrap }
	}

	fn update(value: &Value) -> FullUpdate {
		let update = recorded::update(value);
		FullUpdate { finalized: without_execution(update.finalized), update }
	}

	fn said(result: Result<String>) -> String {
		result.unwrap_or_else(|error| format!("{error:#}"))
	}

	#[test]
	fn recorded_chains_should_be_followed_and_changed_ones_refused() {
		for (text, version, layout, count) in [
			(ELECTRA, [5, 0, 0, 0], Layout::ELECTRA, 4),
			(SEPOLIA, [0x90, 0, 0, 0x73], Layout::DENEB, 1),
		] {
			let file = recorded::read(text);
			let network = recorded::network(&file, version, layout);
			let updates = list(&file["updates"]);
			assert_eq!(updates.len(), count);
			let take = |known: &mut Known, full: FullUpdate| {
				said(known.take(&network, Read::Update(Box::new(full)), None))
			};
			let first = bootstrap(&file);
			let root = first.bootstrap.header.root();
			let mut known = Known::default();
			let early = take(&mut known, update(&updates[0]));
			assert!(early.contains("give the bootstrap first"), "{early}");
			let begin = |known: &mut Known, trusted| {
				said(known.take(&network, Read::Bootstrap(Box::new(first.clone())), trusted))
			};
			let wrong = begin(&mut known, Some(H256::zero()));
			assert!(wrong.contains("not of the checkpoint"), "{wrong}");
			let right = begin(&mut known, Some(root));
			assert!(right.starts_with("bootstrap of slot"), "{right}");
			for value in updates {
				let right = update(value);
				let mut signature = right.clone();
				signature.update.aggregate.signature[95] ^= 1;
				let mut block = right.clone();
				block.update.attested.proposer_index += 1;
				for wrong in [signature, block] {
					let wrong = take(&mut known, wrong);
					assert!(wrong.contains("not the committee's"), "{wrong}");
				}
				let final_slot = right.update.finalized.slot;
				let right = take(&mut known, right);
				assert!(right.contains(&format!("slot {final_slot} final")), "{right}");
			}
		}
	}

	#[test]
	fn recorded_checkpoint_of_gloas_should_have_its_committee_in_the_state() {
		let file = recorded::read(GLOAS_CHECKPOINT);
		let full = bootstrap(&file);
		let network = recorded::network(&file, [7, 0, 0, 0], Layout::GLOAS);
		// The committee is there; that no execution header was recorded is found too.
		let reason = format!("{:#}", ensure_bootstrap(&network, &full).expect_err("no execution"));
		assert!(reason.contains("the execution block is not at its place"), "{reason}");
		let mut wrong = full;
		wrong.bootstrap.committee.keys.swap(0, 1);
		let reason = format!("{:#}", ensure_bootstrap(&network, &wrong).expect_err("no committee"));
		assert!(reason.contains("the committee is not in the block's state"), "{reason}");
	}

	#[test]
	fn files_that_are_neither_should_be_refused_by_name() {
		let file = std::env::temp_dir().join(format!("check-update-{}", std::process::id()));
		let args = CheckArgs {
			files: vec![file.clone()],
			network: "sepolia".to_owned(),
			checkpoint: None,
		};
		let contents: [&[u8]; 5] = [b"{\"data\":{}}", b"[1]", &[], &[7; 40], &[0; 30_000]];
		for content in contents {
			std::fs::write(&file, content).expect("a file");
			let result = check(&args);
			// Of nothing, nothing is said.
			if !content.is_empty() {
				let reason = format!("{:#}", result.expect_err("it is refused"));
				assert!(reason.contains("check-update-"), "{reason}");
			}
		}
		std::fs::remove_file(&file).expect("a file");
		assert!(check(&args).is_err());
	}
}
