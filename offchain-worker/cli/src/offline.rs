//! `verify FILE…`: judges from files alone whether outputs are right for a source segment.
//!
//! The input is a source segment, its delivered outputs and, if there is one, the receipt. The result is what
//! a judge would say: the same engine makes the same comparison. A gateway serves receipts under
//! `/stream/NAME/receipt/SEQ`.

use std::{
	collections::BTreeMap,
	fmt::Write,
	path::{Path, PathBuf},
};

use anyhow::{bail, ensure, Context, Result};
use clap::Args;
use codec::{DecodeAll, Encode};
use livepeer_primitives::{
	chunks::chunk_root,
	keys::{OperatorKey, OperatorSignature, Signer},
	receipt::{Output, Receipt, TranscodeResult},
	verdict::{MismatchKind, NonConformingKind, Verdict},
	video::{
		Ladder, Rendition, SourceLimits, LONGEST_SEGMENT, MAX_FPS, MAX_SEGMENT_BYTES, MAX_SIDE,
	},
	AccountId, Hash,
};
use livepeer_worker_core::{
	ports::{
		engine::{Examined, Fault, Finding, Format, MediaEngine, MediaError},
		transport::{SegmentRecord, SignedHeader},
	},
	roles::verify::judge,
	sha256,
};
use livepeer_worker_media::{Diagnosis, Engine, PoolConfig, Priority, NEAR};
use serde::Serialize;

use crate::{exit::Wrong, png::side_by_side, setup::engine, units::rendition};

/// What is asked about files.
#[derive(Args, Debug)]
pub struct OfflineArgs {
	/// Judge these files instead of serving a node: a source segment, its receipt and the delivered outputs,
	/// in any order. Without a receipt, the source comes first, then the outputs in the order of --rendition.
	/// The exit code is 9 if something is wrong.
	#[arg(value_name = "FILE")]
	pub files: Vec<PathBuf>,
	/// A rendition of the job, such as 640x360@800k, in order; not needed with a receipt.
	#[arg(long = "rendition", value_name = "WxH@RATE", value_parser = rendition, requires = "files")]
	pub renditions: Vec<Rendition>,
	/// An operator key that may have signed; may be given several times. The chain has the keys of an
	/// account.
	#[arg(long, value_name = "ADDRESS", requires = "files")]
	pub key: Vec<AccountId>,
	/// Write the first picture that differs to this PNG: the expected one, the delivered one and their
	/// difference.
	#[arg(long, value_name = "FILE", requires = "files")]
	pub picture: Option<PathBuf>,
	/// Print JSON.
	#[arg(long, requires = "files")]
	pub json: bool,
}

/// A receipt with what is needed to judge by it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReceiptFile {
	/// The job's ladder.
	pub ladder: Ladder,
	/// Header and receipt with both signatures. The file leaves out the publisher's own renditions, which
	/// nobody judges.
	pub record: SegmentRecord,
}

/// The beginning of a receipt file.
const MAGIC: &[u8] = b"livepeer/receipt/1\n";

impl ReceiptFile {
	/// The file's bytes.
	pub fn to_bytes(&self) -> Vec<u8> {
		let SegmentRecord { signed, receipt, signature, own: _ } = &self.record;
		[MAGIC, &(&self.ladder, signed, receipt, signature).encode()].concat()
	}

	/// Reads a file; `None` if it is not a receipt.
	pub fn read(bytes: &[u8]) -> Option<Self> {
		let (ladder, signed, receipt, signature): (
			Ladder,
			SignedHeader,
			Receipt,
			OperatorSignature,
		) = DecodeAll::decode_all(&mut bytes.strip_prefix(MAGIC)?).ok()?;
		let record = SegmentRecord { signed, receipt, signature, own: Default::default() };
		Some(Self { ladder, record })
	}
}

/// What the files are.
struct Given {
	/// What was asked for.
	ladder: Ladder,
	source: Vec<u8>,
	receipt: Option<ReceiptFile>,
	/// The output of each rendition, if it was given.
	outputs: Vec<Option<Vec<u8>>>,
	/// The outputs whose hash is not the one that the receipt signs.
	strangers: Vec<usize>,
}

/// The finding for a rendition that is not among the files.
const ABSENT: &str = "absent";

/// What is said of one rendition.
#[derive(Serialize)]
struct Told {
	rendition: String,
	/// `exact`, `variant`, `mismatch`, `nonconforming` or `absent`.
	finding: &'static str,
	/// Kind of the fault.
	#[serde(skip_serializing_if = "Option::is_none")]
	kind: Option<String>,
	/// The starting picture of the variant.
	#[serde(skip_serializing_if = "Option::is_none")]
	start: Option<u8>,
	/// The first picture that differs.
	#[serde(skip_serializing_if = "Option::is_none")]
	picture: Option<u32>,
	/// Whether its hash, length and chunks are those that the receipt signs; absent without a receipt.
	#[serde(skip_serializing_if = "Option::is_none")]
	as_signed: Option<bool>,
	/// How far its pictures are off, if they are wrong; not part of the verdict.
	#[serde(skip_serializing_if = "Option::is_none")]
	off: Option<Off>,
	words: String,
}

/// How far pictures are off. Errors are mean squared differences of luma, blue and red chroma, in
/// thousandths. Places are in the order in which pictures are shown.
#[derive(Serialize)]
struct Off {
	/// From what they should be.
	difference: [u64; 3],
	/// From the source, scaled to their size.
	from_source: [u64; 3],
	/// How far from the source they should be.
	right_from_source: [u64; 3],
	/// The picture with the largest luma error.
	worst_picture: OffPicture,
	/// The tile that is.
	worst_tile: OffTile,
	/// How many times as far from the source they are as they should be, in hundredths; and the most that a
	/// hardware tier would accept.
	excess: u32,
	excess_allowed: u32,
}

#[derive(Serialize)]
struct OffPicture {
	picture: u32,
	error: u64,
}

#[derive(Serialize)]
struct OffTile {
	picture: u32,
	/// `luma`, `blue` or `red`.
	plane: &'static str,
	/// Left and upper edge, in pixels of luma.
	x: u32,
	y: u32,
	error: u64,
}

/// Everything that is said.
#[derive(Serialize)]
struct Report {
	/// A judge's verdict on the leaf, in words; a variant passes only if one is due.
	verdict: String,
	/// Whether nothing is wrong.
	passed: bool,
	toolchain: String,
	renditions: Vec<Told>,
	/// The findings about the receipt; empty without one.
	receipt: Vec<String>,
	#[serde(skip_serializing_if = "Option::is_none")]
	png: Option<String>,
}

/// Judges the files and prints the result; the exit code is an error if something is wrong.
pub async fn run(args: OfflineArgs) -> Result<()> {
	let given = read(&args)?;
	let engine = engine(PoolConfig::default()).await?;
	let report = judge_files(&engine, &given, &args).await?;
	if args.json {
		println!("{}", serde_json::to_string_pretty(&report)?);
	} else {
		print!("{}", report.text());
	}
	if report.passed {
		Ok(())
	} else {
		Err(Wrong(report.verdict).into())
	}
}

/// Reads the files and tells which is which.
fn read(args: &OfflineArgs) -> Result<Given> {
	let mut receipt = None;
	let mut streams = Vec::new();
	for path in &args.files {
		let bytes = read_one(path)?;
		if let Some(found) = ReceiptFile::read(&bytes) {
			ensure!(
				receipt.replace(found).is_none(),
				"there are two receipts among these files: give one"
			);
		} else {
			ensure!(
				bytes.first() == Some(&0x47),
				"{} is neither a transport stream nor a receipt: give a source segment, its renditions \
				 and, if there is one, their receipt",
				path.display()
			);
			streams.push(bytes);
		}
	}
	let Some(receipt) = receipt else {
		ensure!(
			!args.renditions.is_empty(),
			"without a receipt --rendition says what was asked for, once for each output"
		);
		let mut streams = streams.into_iter();
		let source =
			streams.next().context("no source segment among these files: give it first")?;
		let mut outputs: Vec<_> = streams.map(Some).collect();
		ensure!(
			outputs.len() <= args.renditions.len(),
			"there are {} outputs, but --rendition names {}: give it once for each",
			outputs.len(),
			args.renditions.len()
		);
		outputs.resize(args.renditions.len(), None);
		let ladder = Ladder::try_from(args.renditions.clone())
			.map_err(|_| anyhow::anyhow!("more renditions than a job has: give fewer"))?;
		return Ok(Given { ladder, source, receipt: None, outputs, strangers: Vec::new() });
	};
	ensure!(
		args.renditions.is_empty(),
		"the receipt says what was asked for: leave --rendition out"
	);
	let in_hash = receipt.record.header().segment.in_hash;
	let place = streams.iter().position(|bytes| sha256(bytes) == in_hash);
	let place =
		place.context("none of these files is the source that the receipt names: add it")?;
	let source = streams.remove(place);
	let signed = receipt.record.outputs();
	let mut by_hash: BTreeMap<_, _> =
		streams.into_iter().enumerate().map(|(i, b)| ((sha256(&b), i), b)).collect();
	let mut outputs: Vec<Option<Vec<u8>>> = signed
		.iter()
		.map(|output| {
			let hash = output.as_ref()?.hash;
			let key = by_hash.keys().find(|(found, _)| *found == hash).copied()?;
			by_hash.remove(&key)
		})
		.collect();
	// The remaining files were not signed: they are taken for the missing outputs, in the order of the files.
	let mut left: Vec<_> = by_hash.into_iter().map(|((_, i), bytes)| (i, bytes)).collect();
	left.sort_by_key(|(i, _)| *i);
	let mut left = left.into_iter().map(|(_, bytes)| bytes);
	let mut strangers = Vec::new();
	for (place, output) in outputs.iter_mut().enumerate() {
		if output.is_none() {
			if let Some(bytes) = left.next() {
				*output = Some(bytes);
				strangers.push(place);
			}
		}
	}
	if matches!(receipt.record.receipt.result, TranscodeResult::Transcoded(_)) {
		ensure!(
			left.next().is_none(),
			"there are more outputs than the receipt has: leave out files of other segments"
		);
	}
	Ok(Given { ladder: receipt.ladder.clone(), source, receipt: Some(receipt), outputs, strangers })
}

fn read_one(path: &Path) -> Result<Vec<u8>> {
	let told = || format!("{} cannot be read", path.display());
	let length = std::fs::metadata(path).with_context(told)?.len();
	ensure!(
		length <= u64::from(MAX_SEGMENT_BYTES),
		"{} is larger than any segment",
		path.display()
	);
	std::fs::read(path).with_context(told)
}

/// The widest limits of any job: a receipt does not contain its job's.
const WIDEST: SourceLimits = SourceLimits {
	longest: LONGEST_SEGMENT,
	shortest: 0,
	..SourceLimits::new(MAX_SIDE, MAX_SIDE, MAX_FPS)
};

async fn judge_files(engine: &Engine, given: &Given, args: &OfflineArgs) -> Result<Report> {
	let toolchain = engine.toolchain();
	let mut said = Vec::new();
	let mut is_signed = true;
	if let Some(file) = &given.receipt {
		let named = file.record.receipt.toolchain;
		ensure!(
			named == toolchain,
			"the receipt names toolchain {named:?}, this machine makes {toolchain:?}: they \
			 make other bytes, so judge it where `livepeer-worker toolchain` prints the first"
		);
		for (is_right, words) in check_receipt(file, &args.key) {
			is_signed &= is_right;
			said.push(words);
		}
	}
	let format =
		Format { ladder: given.ladder.clone(), limits: WIDEST, variants: true, stated: None };
	let rejected = given
		.receipt
		.as_ref()
		.is_some_and(|file| matches!(file.record.receipt.result, TranscodeResult::Rejected(_)));
	if rejected {
		let verdict = match engine.accept(&format, &given.source).await {
			Err(MediaError::Invalid(reason)) => {
				said.push(format!("the source cannot be transcoded, as it says: {reason:?}"));
				Verdict::Valid
			}
			Ok(()) if is_signed => bail!(
				"nothing can be said: some job could take this source, and the receipt does not say its job's \
				 limits, so judge its claim: `livepeer-worker audit CLAIM`"
			),
			Ok(()) => Verdict::Abstain,
			Err(error) => bail!("nothing can be said: {error}"),
		};
		return Ok(report(verdict, is_signed, toolchain, Vec::new(), said));
	}
	ensure!(
		given.outputs.iter().any(Option::is_some),
		"none of these files is an output: add the delivered ones"
	);
	let examined =
		match engine.examine(&format, &given.source, &given.outputs, Hash::zero(), 0).await {
			Ok(examined) => examined,
			Err(MediaError::Invalid(reason)) => {
				said.push(format!("the source cannot be transcoded: {reason:?}"));
				let verdict = Verdict::NonConforming(NonConformingKind::Input);
				return Ok(report(verdict, is_signed, toolchain, Vec::new(), said));
			}
			Err(error) => bail!("nothing can be said: {error}"),
		};
	// The claimed work is part of the claim, not of the receipt: it is not judged here.
	let verdict = judge(&examined, 0, Some(0));
	let told = told(given, &examined);
	is_signed &= told.iter().all(|told| told.as_signed != Some(false));
	let mut report = report(verdict, is_signed, toolchain, told, said);
	// From here on nothing changes the verdict.
	let differing: Vec<_> = differing(given, &examined).collect();
	if !differing.is_empty() {
		let right = engine.transcode(&format, &given.source, None).await?.outputs;
		for difference in &differing {
			measure(engine, given, &right, difference, &mut report.renditions).await;
		}
		if let (Some(path), Some(first)) = (&args.picture, differing.first()) {
			report.png = Some(show(engine, &right, first, path).await?);
		}
	}
	Ok(report)
}

/// An output with wrong pictures.
struct Differing<'a> {
	/// Its rendition.
	place: usize,
	/// The first picture that differs.
	picture: u32,
	bytes: &'a [u8],
}

fn differing<'a>(
	given: &'a Given,
	examined: &'a Examined,
) -> impl Iterator<Item = Differing<'a>> + 'a {
	let outputs = examined.findings.iter().zip(&given.outputs).enumerate();
	outputs.filter_map(|(place, (finding, output))| match (finding, output) {
		(
			Finding::Fault { fault: Fault::Mismatch(MismatchKind::Video), picture: Some(picture) },
			Some(bytes),
		) => Some(Differing { place, picture: *picture, bytes }),
		_ => None,
	})
}

/// Measures how far the pictures of an output are off, or adds why that is not possible.
async fn measure(
	engine: &Engine,
	given: &Given,
	right: &[Vec<u8>],
	differing: &Differing<'_>,
	told: &mut [Told],
) {
	let place = differing.place;
	let (Some(told), Some(rendition), Some(right)) =
		(told.get_mut(place), given.ladder.get(place), right.get(place))
	else {
		return;
	};
	let output = differing.bytes;
	match engine.diagnose(rendition, &WIDEST, &given.source, right, output).await {
		Ok(diagnosis) => told.off = Some(Off::of(&diagnosis)),
		Err(error) => {
			let _ = write!(told.words, "; how far they are off could not be measured: {error}");
		}
	}
}

fn report(
	verdict: Verdict,
	is_signed: bool,
	toolchain: Hash,
	renditions: Vec<Told>,
	receipt: Vec<String>,
) -> Report {
	let is_pass = matches!(verdict, Verdict::Valid | Verdict::Variant { .. });
	let is_whole = renditions.iter().all(|told| told.finding != ABSENT);
	let words = match verdict {
		_ if is_pass && !is_signed => "what was delivered is not what the receipt signs".into(),
		Verdict::Valid if !is_whole => {
			"valid but for what is not here: each output that is here is byte for byte what the \
			 toolchain makes"
				.into()
		}
		Verdict::Valid => "valid: every output is byte for byte what the toolchain makes".into(),
		Verdict::Variant { rendition } => format!(
			"variant: valid if the draw asked for one in rendition {rendition} of this segment"
		),
		Verdict::Mismatch(kind) => format!("mismatch: {}", of_mismatch(kind)),
		Verdict::NonConforming(kind) => format!("not conforming: {}", of_conformance(kind)),
		Verdict::Unavailable(_) | Verdict::Abstain => "nothing can be said".into(),
	};
	Report {
		verdict: words,
		passed: is_pass && is_signed,
		toolchain: format!("{toolchain:?}"),
		renditions,
		receipt,
		png: None,
	}
}

/// The right and wrong points of a receipt, in words.
fn check_receipt(file: &ReceiptFile, keys: &[AccountId]) -> Vec<(bool, String)> {
	let record = &file.record;
	let header = record.header();
	let mut said = vec![(
		record.receipt.header == header.hash(),
		format!("receipt of segment {} of job {}", header.seq, header.job),
	)];
	if !said[0].0 {
		said[0].1 = "the receipt is for another header".into();
	}
	if matches!(record.receipt.result, TranscodeResult::Transcoded(_))
		&& record.outputs().len() != file.ladder.len()
	{
		said.push((false, "the receipt has another number of outputs than the ladder".into()));
	}
	said.push(signed("the broadcaster", &record.signed.signature, header.hash(), keys));
	said.push(signed("the transcoder", &record.signature, record.receipt.hash(), keys));
	if record.signature.signer.account != header.transcoder {
		said.push((false, "another account has signed than the header's transcoder".into()));
	}
	said
}

/// Whether a signature is right, as far as can be told without the chain.
fn signed(
	who: &str,
	signature: &OperatorSignature,
	object: Hash,
	keys: &[AccountId],
) -> (bool, String) {
	let signer = &signature.signer;
	let account = &signer.account;
	if signer.generation == 0 {
		let is_right = signature.verifies(&object, None);
		let words = if is_right { "is" } else { "is NOT" };
		return (is_right, format!("it {words} signed by {who}, {account}"));
	}
	let candidates = keys.iter().flat_map(|key| {
		let bytes: [u8; 32] = key.clone().into();
		[OperatorKey::Ed25519(bytes.into()), OperatorKey::Sr25519(bytes.into())]
	});
	let mut candidates = candidates.filter(|key| signature.verifies(&object, Some(key)));
	let Signer { generation, key, .. } = signer;
	match candidates.next() {
		Some(_) => (true, format!("it is signed by a given key in the name of {who}, {account}")),
		None if keys.is_empty() => (
			true,
			format!("not checked: key {key} of generation {generation} of {who}, {account}, is on the chain; give it with --key"),
		),
		None => (false, format!("it is signed by none of the given keys in the name of {who}, {account}")),
	}
}

fn told(given: &Given, examined: &Examined) -> Vec<Told> {
	let signed = given.receipt.as_ref().map(|file| file.record.outputs());
	let places = given.ladder.iter().zip(&examined.findings).zip(&given.outputs).enumerate();
	places
		.map(|(place, ((rendition, finding), output))| {
			let output_signed = signed.and_then(|outputs| outputs.get(place).copied().flatten());
			let as_signed = signed.map(|_| match (output, output_signed) {
				(None, _) => true,
				(Some(bytes), Some(signed)) => {
					!given.strangers.contains(&place) && is_described(bytes, &signed)
				}
				(Some(_), None) => false,
			});
			let (name, kind, start, picture) = match finding {
				_ if output.is_none() => (ABSENT, None, None, None),
				Finding::Exact => ("exact", None, None, None),
				Finding::Variant { start } => ("variant", None, Some(*start), None),
				Finding::Fault { fault: Fault::Mismatch(kind), picture } => {
					("mismatch", Some(format!("{kind:?}")), None, *picture)
				}
				Finding::Fault { fault: Fault::NonConforming(kind), picture } => {
					("nonconforming", Some(format!("{kind:?}")), None, *picture)
				}
			};
			let mut words = match finding {
				_ if output.is_none() && output_signed.is_some() => {
					"signed by the receipt, not among the files".to_owned()
				}
				_ if output.is_none() => "not there".to_owned(),
				Finding::Exact => "byte for byte what the toolchain makes".to_owned(),
				Finding::Variant { start } => format!("the variant from start {start} on"),
				Finding::Fault { fault: Fault::Mismatch(kind), .. } => {
					of_mismatch(*kind).to_owned()
				}
				Finding::Fault { fault: Fault::NonConforming(kind), .. } => {
					of_conformance(*kind).to_owned()
				}
			};
			if let Some(picture) = picture {
				// Writing to a string cannot fail.
				let _ = write!(words, ", from picture {picture} on");
			}
			if as_signed == Some(false) {
				words.push_str("; other bytes than the receipt signs");
			}
			let rendition = format!("{}x{}@{}k", rendition.width, rendition.height, rendition.kbps);
			Told { rendition, finding: name, kind, start, picture, as_signed, off: None, words }
		})
		.collect()
}

fn is_described(bytes: &[u8], signed: &Output) -> bool {
	bytes.len() as u64 == u64::from(signed.len) && chunk_root(bytes) == signed.chunk_root
}

pub(crate) fn of_mismatch(kind: MismatchKind) -> &'static str {
	match kind {
		MismatchKind::Video => "the pictures are not those that the source makes",
		MismatchKind::Audio => "the sound is not the source's",
		MismatchKind::Container => "pictures and sound are right, the container's bytes are not",
		MismatchKind::Work => "the work is not what is claimed",
		MismatchKind::Transcodable => "the source can be transcoded",
		MismatchKind::Unforced => "the variant that was due is not there",
	}
}

pub(crate) fn of_conformance(kind: NonConformingKind) -> &'static str {
	match kind {
		NonConformingKind::Unreadable => "it cannot be read as this profile's container and codecs",
		NonConformingKind::Size => "the pictures have another size",
		NonConformingKind::Timing => "the number of pictures or their times are not the source's",
		NonConformingKind::Input => "there are outputs of a source that cannot be transcoded",
	}
}

impl Off {
	fn of(diagnosis: &Diagnosis) -> Self {
		let (picture, tile) = (diagnosis.worst_picture, diagnosis.worst_tile);
		Self {
			difference: diagnosis.difference,
			from_source: diagnosis.from_source,
			right_from_source: diagnosis.right_from_source,
			worst_picture: OffPicture { picture: picture.picture, error: picture.error },
			worst_tile: OffTile {
				picture: tile.picture,
				plane: ["luma", "blue", "red"][usize::from(tile.plane.min(2))],
				x: tile.x,
				y: tile.y,
				error: tile.error,
			},
			excess: diagnosis.ratios.excess(),
			excess_allowed: NEAR,
		}
	}

	fn lines(&self) -> [String; 3] {
		let [luma, blue, red] = self.difference.map(thousandths);
		let (picture, tile) = (&self.worst_picture, &self.worst_tile);
		let hundredths = |number: u32| format!("{}.{:02}", number / 100, number % 100);
		[
			format!("mean squared error {luma} in luma, {blue} and {red} in chroma"),
			format!(
				"worst: {} in luma of picture {}, {} in {} at {},{} of picture {}",
				thousandths(picture.error),
				picture.picture,
				thousandths(tile.error),
				tile.plane,
				tile.x,
				tile.y,
				tile.picture,
			),
			format!(
				"{} times as far from the source as it should be; a hardware tier would take {}",
				hundredths(self.excess),
				hundredths(self.excess_allowed),
			),
		]
	}
}

fn thousandths(number: u64) -> String {
	format!("{}.{:03}", number / 1_000, number % 1_000)
}

impl Report {
	fn text(&self) -> String {
		let mut text = String::new();
		for line in &self.receipt {
			let _ = writeln!(text, "{line}");
		}
		for told in &self.renditions {
			let _ = writeln!(text, "{:16} {}", told.rendition, told.words);
			for line in told.off.iter().flat_map(Off::lines) {
				let _ = writeln!(text, "{:16} {line}", "");
			}
		}
		if let Some(path) = &self.png {
			let _ = writeln!(text, "what it should be, what it is, the difference: {path}");
		}
		let _ = writeln!(text, "{}", self.verdict);
		text
	}
}

/// Writes the first picture that differs beside the expected one; returns the file's path.
async fn show(
	engine: &Engine,
	right: &[Vec<u8>],
	differing: &Differing<'_>,
	path: &Path,
) -> Result<String> {
	let right = right.get(differing.place).context("the output was not made again")?;
	let pool = engine.pool();
	let should = pool.picture(right, &WIDEST, differing.picture, Priority::Live).await?;
	let is = pool.picture(differing.bytes, &WIDEST, differing.picture, Priority::Live).await?;
	std::fs::write(path, side_by_side(&should, &is))
		.with_context(|| format!("{} cannot be written", path.display()))?;
	Ok(path.display().to_string())
}
