//! `report`: proves to the chain that somebody signed two contradictory statements.
//!
//! The proof comes from files with records of the same segments from two places; or from the folder of a role
//! that found a contradiction and has no key to report it.

use std::{
	collections::BTreeMap,
	fs,
	path::{Path, PathBuf},
	sync::Arc,
};

use anyhow::{ensure, Context, Result};
use clap::{ArgGroup, Args};
use codec::DecodeAll;
use livepeer_worker_core::{
	key::KeyBook,
	ports::{
		chain::Chain,
		clock::SystemClock,
		contradiction::{Contradiction, Offence, Party},
		events::NoEvents,
		store::Values,
		transport::SegmentRecord,
	},
	reporting::{tell, Outcome, Reporter, Told},
};
use livepeer_worker_store::DiskStore;

use crate::{
	exit::Wrong,
	offline::ReceiptFile,
	setup::{read_key, store_in, NodeArgs},
};

/// The largest file, in bytes: far more than a list of records that anybody serves.
const LARGEST: u64 = 1024 * 1024;
/// The most records in all files together: every pair is compared.
const MOST_RECORDS: usize = 4_096;

/// Arguments of `report`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("found").args(["files", "data_dir"]).required(true).multiple(true))]
pub struct ReportArgs {
	/// Files with records of the same segments from two places: receipts (a gateway's
	/// /stream/NAME/receipt/SEQ) or lists of records (/stream/NAME/records/SEQ.scale).
	#[arg(value_name = "FILE")]
	pub files: Vec<PathBuf>,
	/// Also report what the role with this folder has found; the role must not be running.
	#[arg(long, value_name = "DIR")]
	pub data_dir: Option<PathBuf>,
	/// File with the secret of the account that reports and gets the finder's fee. Without it nothing is
	/// reported: the command only prints what is proven.
	#[arg(long, value_name = "FILE")]
	pub key_file: Option<PathBuf>,
	/// The node.
	#[command(flatten)]
	pub node: NodeArgs,
}

/// Prints what the files and the folder prove, and reports it.
pub async fn run(args: ReportArgs) -> Result<()> {
	let mut records = Vec::new();
	for path in &args.files {
		records.extend(read(path)?);
	}
	ensure!(
		records.len() <= MOST_RECORDS,
		"these are {} records, more than {MOST_RECORDS}: give fewer files at a time",
		records.len()
	);
	let found = contradictions(&records);
	if found.is_empty() && args.data_dir.is_none() {
		return Err(Wrong("no two of these records contradict each other".into()).into());
	}
	let key = args.key_file.as_deref().map(read_key).transpose()?;
	let chain: Arc<dyn Chain> = args.node.connect(key).await?;
	for contradiction in &found {
		println!("{}", by_hand(&chain, contradiction).await?);
	}
	if let Some(dir) = &args.data_dir {
		let store = store_in(dir);
		ensure!(store.is_dir(), "{} is not a role's folder", dir.display());
		let lines = of_folder(&chain, Arc::new(DiskStore::open(&store)?)).await?;
		if lines.is_empty() {
			println!("the role has found nothing");
		}
		lines.iter().for_each(|line| println!("{line}"));
	}
	Ok(())
}

/// The records of a file.
fn read(path: &Path) -> Result<Vec<SegmentRecord>> {
	let told = || format!("{} cannot be read", path.display());
	let length = fs::metadata(path).with_context(told)?.len();
	ensure!(length <= LARGEST, "{} is larger than any list of records", path.display());
	let bytes = fs::read(path).with_context(told)?;
	if let Some(file) = ReceiptFile::read(&bytes) {
		return Ok(vec![file.record]);
	}
	Vec::<SegmentRecord>::decode_all(&mut &bytes[..]).ok().with_context(|| {
		format!(
			"{} is neither a receipt nor a list of records: take them from a gateway's \
			 /stream/NAME/receipt/SEQ or /stream/NAME/records/SEQ.scale",
			path.display()
		)
	})
}

/// The contradictions that records prove, one for each offence: further ones are not punished.
fn contradictions(records: &[SegmentRecord]) -> Vec<Contradiction> {
	let mut found = BTreeMap::<Offence, Contradiction>::new();
	for (place, one) in records.iter().enumerate() {
		for other in records.iter().skip(place + 1) {
			if let Some(contradiction) = Contradiction::of_records(one, other) {
				found.entry(contradiction.offence()).or_insert(contradiction);
			}
		}
	}
	found.into_values().collect()
}

/// What a contradiction is, in words.
fn words(contradiction: &Contradiction) -> String {
	let Offence { by, account, job } = contradiction.offence();
	let seq = contradiction.header().seq;
	match by {
		Party::Broadcaster => {
			format!("broadcaster {account} signed two segments {seq} of job {job}")
		}
		Party::Transcoder => {
			format!("transcoder {account} signed two results for segment {seq} of job {job}")
		}
	}
}

/// The outcome of a report, in words.
fn outcome_words(outcome: Outcome) -> &'static str {
	match outcome {
		Outcome::Reported => "reported",
		Outcome::Known => "was reported before",
		Outcome::TooLate => "too late: the chain no longer punishes anybody for that assignment",
	}
}

/// Reports what was found in files, and returns the outcome in words.
async fn by_hand(chain: &Arc<dyn Chain>, contradiction: &Contradiction) -> Result<String> {
	let what = words(contradiction);
	let book = KeyBook::new(chain.clone(), Arc::new(SystemClock::default()));
	if !book.is_proven(contradiction).await? {
		return Err(Wrong(format!(
			"{what}: not proven: the records are of another chain, or a signature is wrong"
		))
		.into());
	}
	if chain.account().is_none() {
		return Ok(format!("{what}: proven; give --key-file to report it"));
	}
	Ok(match tell(&**chain, contradiction).await? {
		Told::Settled(outcome) => format!("{what}: {}", outcome_words(outcome)),
		Told::Void => format!("{what}: not proven: signed by other keys than the assignment's"),
		Told::NotYet => format!("{what}: the assignment is not accepted yet, try again later"),
	})
}

/// Reports what a role has found, and prints the outcome of every stored contradiction.
async fn of_folder(chain: &Arc<dyn Chain>, store: Arc<dyn Values>) -> Result<Vec<String>> {
	let reporter = Reporter::new(chain.clone(), store, Arc::new(NoEvents));
	reporter.report().await?;
	let open = match chain.account() {
		None => "found; give --key-file to report it",
		Some(_) => "found, not reported yet: it is about the key's own account or another chain, or the node is behind",
	};
	let said = reporter.kept()?.into_iter().map(|kept| {
		let outcome = kept.outcome.map_or(open, outcome_words);
		format!("{}: {outcome}", words(&kept.contradiction))
	});
	Ok(said.collect())
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;
	use codec::Encode;
	use livepeer_primitives::{
		extension::Extensions,
		receipt::{Receipt, RejectReason, TranscodeResult},
		segment::{stream_id, SegmentHeader},
		video::SourceLimits,
		Hash, UNIT,
	};
	use livepeer_worker_core::{
		fakes::{rendition, segment_info, FakeChain, GENESIS},
		key::{Key, Signing},
		ports::{
			chain::{Call, Wait},
			transport::SignedHeader,
		},
	};

	/// The record of a segment, whose receipt names this toolchain.
	fn record(broadcaster: &Key, transcoder: &Key, seq: u64, toolchain: u8) -> SegmentRecord {
		let header = SegmentHeader {
			genesis: GENESIS,
			stream: stream_id(&broadcaster.account(), "demo"),
			job: 1,
			assignment: 0,
			transcoder: transcoder.account(),
			seq,
			segment: segment_info(b"source"),
		};
		let receipt = Receipt {
			header: header.hash(),
			toolchain: Hash::repeat_byte(toolchain),
			result: TranscodeResult::Rejected(RejectReason::TooLong),
			extensions: Extensions::default(),
		};
		let signature = Signing::own(broadcaster.clone()).sign(&header.hash());
		SegmentRecord {
			signed: SignedHeader { header, signature },
			signature: Signing::own(transcoder.clone()).sign(&receipt.hash()),
			receipt,
			own: Default::default(),
		}
	}

	/// A broadcaster and a transcoder that has its job, somebody else, and their chain.
	async fn parties() -> ([Key; 3], FakeChain) {
		let keys =
			["//Broadcaster", "//Transcoder", "//Finder"].map(|uri| Key::from_uri(uri).unwrap());
		let [broadcaster, transcoder, _] = &keys;
		let fake = FakeChain::default();
		let call = Call::CreateJob {
			broadcaster: broadcaster.account(),
			name: "demo".into(),
			ladder: vec![rendition(64, 36, 100)].try_into().unwrap(),
			limits: SourceLimits::new(128, 72, 30),
			max_price: 1,
			end: 100,
			budget: UNIT,
		};
		let client = fake.client(Some(broadcaster.clone()));
		client.submit(call, Wait::Finalized).await.unwrap();
		fake.assign(1, &transcoder.account());
		(keys, fake)
	}

	#[tokio::test]
	async fn what_a_role_found_should_be_reported_from_its_folder() {
		let ([broadcaster, transcoder, finder], fake) = parties().await;
		let nobody: Arc<dyn Chain> = Arc::new(fake.client(None));
		let somebody: Arc<dyn Chain> = Arc::new(fake.client(Some(finder)));
		let dir = tempfile::tempdir().unwrap();
		let store = || Arc::new(DiskStore::open(dir.path()).unwrap());
		assert!(of_folder(&nobody, store()).await.unwrap().is_empty());
		{
			let reporter = Reporter::new(nobody.clone(), store(), Arc::new(NoEvents));
			let book = KeyBook::new(nobody.clone(), Arc::new(SystemClock::default()));
			let [one, other] = [1, 2].map(|tool| record(&broadcaster, &transcoder, 4, tool));
			reporter.note(&book, Contradiction::of_records(&one, &other).unwrap()).await;
		}
		for (chain, said) in [
			(&nobody, "found; give --key-file to report it"),
			(&somebody, "reported"),
			(&nobody, "reported"),
		] {
			let lines = of_folder(chain, store()).await.unwrap();
			let [line] = &lines[..] else { panic!("{lines:?}") };
			assert!(line.contains("two results for segment 4") && line.ends_with(said), "{line}");
		}
	}

	#[tokio::test]
	async fn records_from_two_places_should_be_reported_by_hand_when_they_contradict() {
		let ([broadcaster, transcoder, finder], fake) = parties().await;
		let made = |seq, toolchain| record(&broadcaster, &transcoder, seq, toolchain);

		// Files of two gateways.
		let dir = tempfile::tempdir().unwrap();
		let [one, other] = ["one", "other"].map(|name| dir.path().join(name));
		fs::write(&one, vec![made(3, 1), made(4, 1)].encode()).unwrap();
		let ladder = vec![rendition(64, 36, 100)].try_into().unwrap();
		fs::write(&other, ReceiptFile { ladder, record: made(4, 2) }.to_bytes()).unwrap();
		let alone = read(&one).unwrap();
		assert!(contradictions(&alone).is_empty());
		let found = contradictions(&[alone, read(&other).unwrap()].concat());
		assert_eq!(found.len(), 1);

		let nobody: Arc<dyn Chain> = Arc::new(fake.client(None));
		let said = by_hand(&nobody, &found[0]).await.unwrap();
		assert!(said.contains("two results for segment 4 of job 1: proven; give --key"), "{said}");
		let somebody: Arc<dyn Chain> = Arc::new(fake.client(Some(finder)));
		let said = by_hand(&somebody, &found[0]).await.unwrap();
		assert!(said.ends_with(": reported"), "{said}");
		let said = by_hand(&somebody, &found[0]).await.unwrap();
		assert!(said.ends_with(": was reported before"), "{said}");

		// Forged records, and files without records.
		let mut forged = made(4, 3);
		forged.signature = made(4, 1).signature;
		let found = contradictions(&[made(4, 1), forged]);
		assert!(by_hand(&somebody, &found[0]).await.is_err());
		fs::write(&one, b"something else").unwrap();
		assert!(read(&one).is_err());
	}
}
