//! `report`: proves to the chain that somebody signed two contradictory statements.
//!
//! The proof comes from files: records of the same segments from two places, or a case of `audit`, whose leaves
//! are held against the records. Or it comes from the folder of a role that found a contradiction and has no key
//! to report it.

use std::{
	collections::BTreeMap,
	io::{BufRead, Read},
	path::{Path, PathBuf},
	sync::Arc,
};

use anyhow::{ensure, Context, Result};
use clap::{ArgGroup, Args};
use codec::DecodeAll;
use livepeer_primitives::{api::JudgementView, claim::ClaimInfo};
use livepeer_worker_core::{
	key::KeyBook,
	ports::{
		chain::Chain,
		clock::SystemClock,
		contradiction::{ClaimedLeaf, Contradiction, Offence, Unproven},
		events::NoEvents,
		store::Values,
		transport::SegmentRecord,
	},
	reporting::{tell, Outcome, Reporter, Told},
	roles::audit::Case,
};
use livepeer_worker_store::DiskStore;

use crate::{
	audit,
	exit::Wrong,
	offline::ReceiptFile,
	setup::{read_key, store_in, NodeArgs},
};

/// The largest file with records, in bytes: far more than a list of records that anybody serves.
const LARGEST: u64 = 1024 * 1024;
/// The most records in all files together: every pair is compared.
const MOST_RECORDS: usize = 4_096;
/// The most contradictions of one offence that are checked until one is proven: a forged one hides no true one,
/// and a case has fewer leaves.
const MOST_TRIED: usize = 64;

/// Arguments of `report`.
#[derive(Args, Debug)]
#[command(
	group = ArgGroup::new("found").args(["files", "data_dir"]).required(true).multiple(true),
	after_help = "The exit code is 9 if no record in the files contradicts anything, or if an offence is not \
	proven."
)]
pub struct ReportArgs {
	/// Files with records of the same segments from two places: receipts (a gateway's
	/// /stream/NAME/receipt/SEQ) or lists of records (/stream/NAME/records/SEQ.scale). Or a case that
	/// `livepeer-worker audit CLAIM` has written: its claim's leaves are held against all these records and its own.
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
	let mut evidence = Evidence::default();
	for path in &args.files {
		evidence.read(path)?;
		ensure!(
			evidence.records.len() <= MOST_RECORDS,
			"these are more than {MOST_RECORDS} records: give fewer files at a time"
		);
	}
	let found = evidence.contradictions();
	if found.is_empty() && args.data_dir.is_none() {
		let nothing = "no record in these files contradicts another, or a claimed leaf";
		return Err(Wrong(nothing.into()).into());
	}
	let key = args.key_file.as_deref().map(read_key).transpose()?;
	let chain: Arc<dyn Chain> = args.node.connect(key).await?;
	let mut unproven = Vec::new();
	for of_one in &found {
		match by_hand(&chain, of_one).await? {
			Ok(line) => println!("{line}"),
			Err(line) => unproven.push(line),
		}
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
	if unproven.is_empty() {
		Ok(())
	} else {
		Err(Wrong(unproven.join("; ")).into())
	}
}

/// What the files show.
#[derive(Default)]
struct Evidence {
	/// Records, from whatever file.
	records: Vec<SegmentRecord>,
	/// The leaves of cases, each with its claim as the case has it.
	leaves: Vec<(ClaimInfo, ClaimedLeaf)>,
}

impl Evidence {
	/// Adds what a file shows.
	fn read(&mut self, path: &Path) -> Result<()> {
		let told = || format!("{} cannot be read", path.display());
		let (mut file, length) = audit::open(path)?;
		if Case::is_begun_by(file.fill_buf().with_context(told)?) {
			self.add_case(audit::read(path, file, length)?);
			return Ok(());
		}
		let mut bytes = Vec::new();
		file.take(LARGEST + 1).read_to_end(&mut bytes).with_context(told)?;
		ensure!(
			bytes.len() as u64 <= LARGEST,
			"{} is larger than any list of records",
			path.display()
		);
		if let Some(file) = ReceiptFile::read(&bytes) {
			self.records.push(file.record);
			return Ok(());
		}
		let other = || {
			format!(
				"{} is no receipt, list of records or case: take the first two from a gateway's \
				 /stream/NAME/receipt/SEQ or /stream/NAME/records/SEQ.scale, the last from \
				 `livepeer-worker audit CLAIM`",
				path.display()
			)
		};
		let records = Vec::<SegmentRecord>::decode_all(&mut &bytes[..]).ok().with_context(other)?;
		self.records.extend(records);
		Ok(())
	}

	/// Adds a case's leaves and records. A leaf without a path proves nothing, which is said when it is checked.
	fn add_case(&mut self, case: Case) {
		let JudgementView { claim: info, leaves, .. } = case.judgement;
		for (drawn, had) in leaves.into_iter().zip(case.leaves) {
			let path = had.shown.map(|shown| shown.path).unwrap_or_default();
			let (index, leaf) = (drawn.leaf.index, drawn.leaf.leaf);
			let claimed = ClaimedLeaf { claim: case.claim, index, leaf, path };
			self.leaves.push((info.clone(), claimed));
			self.records.extend(had.record);
		}
	}

	/// The contradictions of each offence, which is punished once: so one that is proven suffices.
	fn contradictions(&self) -> Vec<Vec<Contradiction>> {
		let records = self.records.iter().enumerate();
		let pairs = records.flat_map(|(place, one)| {
			let others = self.records.iter().skip(place + 1);
			others.filter_map(move |other| Contradiction::of_records(one, other))
		});
		let leaves = self.leaves.iter().flat_map(|(info, claimed)| {
			let records = self.records.iter();
			records.filter_map(move |record| Contradiction::of_leaf(info, claimed, record))
		});
		let mut found = BTreeMap::<Offence, Vec<Contradiction>>::new();
		// Leaves first: a pair may be of an assignment that is over.
		for contradiction in leaves.chain(pairs) {
			let of_it = found.entry(contradiction.offence()).or_default();
			if of_it.len() < MOST_TRIED {
				of_it.push(contradiction);
			}
		}
		found.into_values().collect()
	}
}

/// What a contradiction is, in words.
fn words(contradiction: &Contradiction) -> String {
	let Offence { account, job, .. } = contradiction.offence();
	let seq = contradiction.header().seq;
	match contradiction {
		Contradiction::Segments(_) => {
			format!("broadcaster {account} signed two segments {seq} of job {job}")
		}
		Contradiction::Results { .. } => {
			format!("transcoder {account} signed two results for segment {seq} of job {job}")
		}
		Contradiction::Leaf { claimed, .. } => format!(
			"transcoder {account} signed another result for segment {seq} of job {job} than it claims \
			 in claim {}",
			claimed.claim
		),
	}
}

/// The outcome of a report, in words.
fn outcome_words(outcome: Outcome) -> &'static str {
	match outcome {
		Outcome::Reported => "reported",
		Outcome::Known => "was reported before",
		Outcome::TooLate => "too late: the chain no longer punishes anybody for it",
	}
}

/// Reports the first contradiction of an offence that is proven, and returns the outcome in words; or why none
/// is proven.
async fn by_hand(
	chain: &Arc<dyn Chain>,
	found: &[Contradiction],
) -> Result<Result<String, String>> {
	let book = KeyBook::new(chain.clone(), Arc::new(SystemClock::default()));
	let mut unproven = Vec::new();
	for contradiction in found {
		let what = words(contradiction);
		if let Err(why) = book.check_contradiction(contradiction).await? {
			unproven.push(format!("{what}: not proven: {why}"));
			continue;
		}
		if chain.account().is_none() {
			return Ok(Ok(format!("{what}: proven; give --key-file to report it")));
		}
		match tell(&**chain, contradiction).await? {
			Told::Settled(outcome) => return Ok(Ok(format!("{what}: {}", outcome_words(outcome)))),
			Told::Void => unproven.push(format!("{what}: not proven: {}", Unproven::OtherKeys)),
			Told::NotYet => {
				let later = "the assignment is not accepted yet, try again later";
				return Ok(Ok(format!("{what}: {later}")));
			}
		}
	}
	Ok(Err(unproven.join("; ")))
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
	use std::{fs, slice::from_ref};

	use super::*;
	use codec::Encode;
	use livepeer_primitives::{
		api::{ChallengeStage, DrawnLeaf},
		leaf::Leaf,
		offchain::VerifyLeaf,
		receipt::{RejectReason, TranscodeResult},
		Hash,
	};
	use livepeer_worker_core::{
		fakes::{
			claim_rejected, job_call, receipt_for, rendition, segment_header, segment_record,
			signed_header, signed_receipt, FakeChain, GENESIS,
		},
		key::{Key, Signing},
		ports::chain::{At, Call, Wait},
		roles::audit::{LeafBytes, Shown},
	};

	/// The record of a segment, whose receipt names this toolchain.
	fn record(broadcaster: &Key, transcoder: &Key, seq: u64, toolchain: u8) -> SegmentRecord {
		let header = segment_header(broadcaster, transcoder, seq, b"source");
		let result = TranscodeResult::Rejected(RejectReason::TooLong);
		let receipt = receipt_for(&header, Hash::repeat_byte(toolchain), result);
		segment_record(signed_header(broadcaster, header), signed_receipt(transcoder, receipt))
	}

	/// A broadcaster and a transcoder that has its job, somebody else, and their chain.
	async fn parties() -> ([Key; 3], FakeChain) {
		let keys =
			["//Broadcaster", "//Transcoder", "//Finder"].map(|uri| Key::from_uri(uri).unwrap());
		let [broadcaster, transcoder, _] = &keys;
		let fake = FakeChain::default();
		let call = job_call(broadcaster, "demo", 100);
		let client = fake.client(Some(broadcaster.clone()));
		client.submit(call, Wait::Finalized).await.unwrap();
		fake.assign(1, &transcoder.account());
		(keys, fake)
	}

	/// Claims a segment as rejected by toolchain 1, and makes the claim's case with this record of the segment.
	async fn case(fake: &FakeChain, transcoder: &Key, record: SegmentRecord) -> Case {
		let header = record.header();
		let ClaimedLeaf { claim, index, leaf, path } =
			claim_rejected(fake, transcoder, header, Hash::repeat_byte(1)).await;
		let leaf = VerifyLeaf { index, seq: header.seq, header: header.hash(), leaf };
		let drawn = DrawnLeaf { leaf, variant: None };
		let shown = Shown { signature: record.signed.signature.clone(), path };
		Case {
			genesis: GENESIS,
			block: 1,
			block_hash: Hash::zero(),
			claim,
			judgement: JudgementView {
				claim: fake.client(None).claim(At::Best, claim).await.unwrap().unwrap(),
				stage: ChallengeStage::VerdictReveal,
				outcome: None,
				leaves: vec![drawn],
				ballots: vec![],
			},
			outcome: None,
			broadcaster_keys: vec![],
			transcoder_keys: vec![],
			leaves: vec![LeafBytes { record: Some(record), shown: Some(shown), blobs: vec![] }],
		}
	}

	/// The contradictions in files with this content.
	fn found_in(files: &[Vec<u8>]) -> Result<Vec<Vec<Contradiction>>> {
		let dir = tempfile::tempdir().unwrap();
		let mut evidence = Evidence::default();
		for (name, bytes) in files.iter().enumerate() {
			let path = dir.path().join(name.to_string());
			fs::write(&path, bytes).unwrap();
			evidence.read(&path)?;
		}
		Ok(evidence.contradictions())
	}

	fn receipt_file(record: SegmentRecord) -> Vec<u8> {
		let ladder = vec![rendition(64, 36, 100)].try_into().unwrap();
		ReceiptFile { ladder, record }.to_bytes()
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
		let list = vec![made(3, 1), made(4, 1)].encode();
		assert!(found_in(from_ref(&list)).unwrap().is_empty());
		let found = found_in(&[list, receipt_file(made(4, 2))]).unwrap();
		let [found] = &found[..] else { panic!("{found:?}") };

		let nobody: Arc<dyn Chain> = Arc::new(fake.client(None));
		let said = by_hand(&nobody, found).await.unwrap().unwrap();
		assert!(said.contains("two results for segment 4 of job 1: proven; give --key"), "{said}");
		let somebody: Arc<dyn Chain> = Arc::new(fake.client(Some(finder)));
		let said = by_hand(&somebody, found).await.unwrap().unwrap();
		assert!(said.ends_with(": reported"), "{said}");
		let said = by_hand(&somebody, found).await.unwrap().unwrap();
		assert!(said.ends_with(": was reported before"), "{said}");

		// Forged records, and files without records.
		let mut forged = made(4, 3);
		forged.signature = made(4, 1).signature;
		let found = found_in(&[vec![made(4, 1), forged].encode()]).unwrap();
		let said = by_hand(&somebody, &found[0]).await.unwrap().unwrap_err();
		assert!(said.ends_with(": not proven: a signature is wrong"), "{said}");
		let other = found_in(&[b"something else".to_vec()]).unwrap_err().to_string();
		assert!(other.contains("is no receipt, list of records or case"), "{other}");
	}

	#[tokio::test]
	async fn claimed_leaf_should_be_reported_by_hand_when_a_receipt_contradicts_it() {
		let ([broadcaster, transcoder, finder], fake) = parties().await;
		let made = |toolchain| record(&broadcaster, &transcoder, 4, toolchain);
		let case = case(&fake, &transcoder, made(2)).await;
		let found = found_in(&[case.to_bytes()]).unwrap();
		let [found] = &found[..] else { panic!("{found:?}") };

		let nobody: Arc<dyn Chain> = Arc::new(fake.client(None));
		let said = by_hand(&nobody, found).await.unwrap().unwrap();
		let what = "another result for segment 4 of job 1 than it claims in claim 1";
		assert!(said.contains(&format!("{what}: proven; give --key")), "{said}");
		let somebody: Arc<dyn Chain> = Arc::new(fake.client(Some(finder)));
		let said = by_hand(&somebody, found).await.unwrap().unwrap();
		assert!(said.ends_with(": reported"), "{said}");
		let calls = fake.calls();
		assert_eq!(calls.last().map(Call::name), Some("Jobs.report_leaf"));
		let said = by_hand(&somebody, found).await.unwrap().unwrap();
		assert!(said.ends_with(": was reported before"), "{said}");
		fake.close(1);
		let said = by_hand(&somebody, found).await.unwrap().unwrap_err();
		assert!(said.contains("not proven: the chain has no open claim 1"), "{said}");
	}

	/// A case comes from anybody: what it says of the chain, of paths and of signatures is checked before a call
	/// is made or anything is called proven.
	#[tokio::test]
	async fn attack_case_that_accuses_an_honest_transcoder() {
		let ([broadcaster, transcoder, finder], fake) = parties().await;
		let made = |toolchain| record(&broadcaster, &transcoder, 4, toolchain);
		let right = case(&fake, &transcoder, made(2)).await;
		let forge = |change: &dyn Fn(&mut Case)| {
			let mut case = right.clone();
			change(&mut case);
			case
		};
		let accuse = |record: SegmentRecord| {
			forge(&move |case| case.leaves[0].record = Some(record.clone()))
		};
		let wrong_path = forge(&|case| {
			case.leaves[0].shown.as_mut().unwrap().path[0].work += 1;
		});
		let other_leaf = forge(&|case| {
			let Leaf::Rejected { work, .. } = &mut case.judgement.leaves[0].leaf.leaf else {
				panic!("rejected")
			};
			*work += 1;
		});
		let other_claim = forge(&|case| {
			case.judgement.claim.toolchain = Hash::repeat_byte(3);
			case.leaves[0].record = Some(made(1));
		});
		let by_finder = record(&broadcaster, &finder, 4, 2).signature.signature;
		let mut receipt = made(2);
		receipt.signature.signature = by_finder.clone();
		let mut segment = made(2);
		segment.signed.signature.signature = by_finder;
		// A segment that the broadcaster did not sign.
		let mut own = made(2);
		own.signed.signature = Signing::own(finder.clone()).sign(&own.header().hash());
		let forged = [
			(wrong_path, "no path is given that leads from the leaf to the root of claim 1"),
			(forge(&|case| case.leaves[0].shown = None), "no path is given"),
			(other_leaf, "no path is given"),
			(other_claim, "claim 1 states nothing of this segment that contradicts"),
			(forge(&|case| case.claim = 9), "the chain has no open claim 9"),
			(accuse(receipt), "a signature is wrong"),
			(accuse(segment), "a signature is wrong"),
			(accuse(own), "it is signed by other keys than the assignment's"),
		];
		let nobody: Arc<dyn Chain> = Arc::new(fake.client(None));
		let somebody: Arc<dyn Chain> = Arc::new(fake.client(Some(finder)));
		for (case, why) in forged {
			let found = found_in(&[case.to_bytes()]).unwrap();
			let said = by_hand(&somebody, &found[0]).await.unwrap().unwrap_err();
			assert!(said.contains(&format!("not proven: {why}")), "{said}");
			// It hides no true one.
			let found = found_in(&[case.to_bytes(), right.to_bytes()]).unwrap();
			let said = by_hand(&nobody, &found[0]).await.unwrap().unwrap();
			assert!(said.contains("proven; give --key-file"), "{said}");
		}
		let is_report = |call: &Call| matches!(call, Call::Report(_));
		assert!(!fake.calls().iter().any(is_report), "a refusal would cost a fee");
	}

	#[tokio::test]
	async fn case_in_which_nothing_contradicts_should_be_told_so() {
		let ([broadcaster, transcoder, _], fake) = parties().await;
		let made = |toolchain| record(&broadcaster, &transcoder, 4, toolchain);
		let case = case(&fake, &transcoder, made(1)).await;
		let dir = tempfile::tempdir().unwrap();
		let path = dir.path().join("whatever it is called");
		let told = async |bytes: &[u8]| {
			fs::write(&path, bytes).unwrap();
			let node = NodeArgs { node: "ws://127.0.0.1:1".into() };
			let files = vec![path.clone()];
			run(ReportArgs { files, data_dir: None, key_file: None, node }).await.unwrap_err()
		};
		let nothing = told(&case.to_bytes()).await;
		assert!(nothing.is::<Wrong>(), "{nothing}");
		assert!(nothing.to_string().contains("contradicts another, or a claimed leaf"));
		for cut in [&case.to_bytes()[..40], b"livepeer/case/1\n"] {
			assert!(told(cut).await.to_string().contains("is not a complete case"));
		}

		// A receipt from elsewhere, for a case whose record agrees or is not there.
		let mut without = case.clone();
		without.leaves[0].record = None;
		for case in [case, without] {
			let found = found_in(&[case.to_bytes(), receipt_file(made(2))]).unwrap();
			assert!(matches!(found[0][0], Contradiction::Leaf { .. }));
		}
	}
}
