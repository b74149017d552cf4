//! Judges a verdict again: for a transcoder that appeals, for anybody who doubts, and for governance, which
//! may cancel a slash.
//!
//! [`gather`] collects everything that a verdict rests on in one [`Case`]: the chain's state when the votes
//! were counted, both parties' keys, the records that they signed, the bytes of the drawn leaves, and the
//! leaves' paths in the claim's tree. [`judge_again`] needs nothing else: no chain and no network. It trusts
//! the case's author only for the chain's state, which [`is_of_chain`] compares with any node that still
//! knows it.

use std::io::{self, Read};

use codec::{Decode, DecodeAll, Encode, IoReader, MemTrackingInput};
use livepeer_primitives::{
	api::{ChallengeStage, JudgeAnswer, JudgementView, KeysView},
	claim::{ClaimInfo, Outcome},
	keys::{OperatorSignature, Purpose},
	leaf::Leaf,
	offchain::VerifyLeaf,
	service::ServiceRecord,
	sum_tree::{self, SumProof},
	verdict::{Tranche, Verdict},
	video::MAX_SEGMENT_BYTES,
	AccountId, Balance, BlockNumber, ClaimId, Hash, MAX_RENDITIONS, MAX_SAMPLES,
};
use sp_core::H256;
use thiserror::Error;

use super::verify::{judge_leaf, Terms};
use crate::{
	key::is_signed_by,
	ports::{
		chain::ChainError,
		engine::MediaEngine,
		judgements::Judgements,
		transport::{NetError, SegmentRecord, Transport},
	},
	sha256,
};

/// How far back from the named block the claim's judgement is searched: as many blocks as a node keeps state
/// by default.
pub const LOOK_BACK: BlockNumber = 256;

/// The most blocks between the reveal of leaves and the count of votes: more than all ballots of a claim take
/// in production.
const REVEALED_WITHIN: BlockNumber = 2_000;

/// The beginning of a case's file, of whatever version.
const KIND: &[u8] = b"livepeer/case/";
/// The beginning of one of this version.
const MAGIC: &[u8] = b"livepeer/case/2\n";

/// The longest file: all leaves that can be drawn, with all their renditions, and the judges' words.
pub const LONGEST: u64 =
	MAX_SAMPLES as u64 * (1 + MAX_RENDITIONS as u64) * MAX_SEGMENT_BYTES as u64 + SAID;
/// The memory that a case may take beside twice the bytes of its file: its lists and all judges' words.
const SAID: u64 = 32 * 1024 * 1024;

/// Everything that a verdict rests on.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Case {
	/// The chain's genesis hash.
	pub genesis: Hash,
	/// The last block before the votes were counted.
	pub block: BlockNumber,
	/// Its hash.
	pub block_hash: Hash,
	/// The claim.
	pub claim: ClaimId,
	/// The chain's state of it in that block.
	pub judgement: JudgementView,
	/// Its decision afterwards, if there was one.
	pub outcome: Option<Outcome>,
	/// The broadcaster's keys for segments: all generations that the chain knew.
	pub broadcaster_keys: Vec<KeysView>,
	/// The transcoder's keys for its duties.
	pub transcoder_keys: Vec<KeysView>,
	/// What peers had of each drawn leaf.
	pub leaves: Vec<LeafBytes>,
}

/// What peers had of a leaf.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct LeafBytes {
	/// The segment's record with both signatures; `None` if nobody served it.
	pub record: Option<SegmentRecord>,
	/// What the reveal showed to the chain; `None` if the node does not have the block any more.
	pub shown: Option<Shown>,
	/// The input's bytes, then those of each output of the leaf; `None` for bytes that nobody served.
	pub blobs: Vec<Option<Vec<u8>>>,
}

/// The rest of the transaction that revealed a leaf.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Shown {
	/// The broadcaster's signature over the segment's header.
	pub signature: OperatorSignature,
	/// The siblings of the leaf's path in the claim's tree, from the leaf up.
	pub path: SumProof,
}

impl Shown {
	/// Whether the broadcaster signed the leaf's segment, by the keys of the claim's assignment.
	fn is_signed(&self, claim: &ClaimInfo, leaf: &VerifyLeaf, keys: &[KeysView]) -> bool {
		self.signature.signer.generation == claim.broadcaster_keys
			&& is_signed_by(&self.signature, &claim.broadcaster, &leaf.header, keys)
	}

	/// Whether the path leads from the leaf to the claim's root.
	fn is_path(&self, claim: &ClaimInfo, leaf: &VerifyLeaf) -> bool {
		sum_tree::verify(&claim.commitment, leaf.index, &leaf.leaf, &self.path).is_ok()
	}
}

/// Why there is no case.
#[derive(Debug, Error)]
pub enum AuditError {
	/// The claim was not being judged.
	#[error("claim {claim} was not being judged in block {at} nor in the {LOOK_BACK} before it; name a block in which it was with --at, and ask a node that keeps the state of old blocks (an archive)")]
	NotJudged {
		/// The claim.
		claim: ClaimId,
		/// Where the search began.
		at: BlockNumber,
	},
	/// The claim's votes were counted earlier than the node knows.
	#[error("the votes on claim {claim} were counted in or before block {decided}, and of blocks before the node has no state any more; ask one that keeps the state of old blocks (an archive)")]
	TooOld {
		/// The claim.
		claim: ClaimId,
		/// The earliest block known in which it was decided.
		decided: BlockNumber,
	},
	/// The chain gave no answer.
	#[error(transparent)]
	Chain(#[from] ChainError),
}

impl Case {
	/// The file's bytes.
	pub fn to_bytes(&self) -> Vec<u8> {
		[MAGIC, &self.encode()].concat()
	}

	/// Whether a file that begins with these bytes is a case, of whatever version.
	pub fn is_begun_by(bytes: &[u8]) -> bool {
		bytes.starts_with(KIND)
	}

	/// Reads a file of this length; `None` if it is not a complete case. Bounds its memory, because the
	/// sender chooses the content: an empty leaf takes three bytes in a file and hundreds in memory.
	pub fn read(mut file: impl Read, length: u64) -> Option<Self> {
		let mut magic = [0; MAGIC.len()];
		file.read_exact(&mut magic).ok()?;
		if magic != MAGIC || length > LONGEST {
			return None;
		}
		let most = usize::try_from(length.saturating_mul(2).saturating_add(SAID)).ok()?;
		let mut input = IoReader(file.take(length));
		let case = Self::decode(&mut MemTrackingInput::new(&mut input, most)).ok()?;
		let has_rest = io::copy(&mut input.0.take(1), &mut io::sink()).ok()? > 0;
		let most = MAX_SAMPLES as usize;
		let fits = case.leaves.len() <= most && case.judgement.leaves.len() <= most;
		(fits && !has_rest).then_some(case)
	}

	/// How many of the leaves' files are missing.
	pub fn missing(&self) -> usize {
		self.leaves.iter().flat_map(|leaf| &leaf.blobs).filter(|blob| blob.is_none()).count()
	}
}

/// The hashes of a leaf's bytes, input first.
fn wanted(leaf: &Leaf) -> Vec<H256> {
	match leaf {
		Leaf::Empty => Vec::new(),
		Leaf::Rejected { segment, .. } => vec![segment.in_hash],
		Leaf::Transcoded { segment, outputs, .. } => {
			let present = outputs.iter().flatten().map(|output| output.hash);
			core::iter::once(segment.in_hash).chain(present).collect()
		}
	}
}

/// Where to find a claim's votes and leaves.
struct Found {
	block: BlockNumber,
	hash: Hash,
	judgement: JudgementView,
	outcome: Option<Outcome>,
}

/// Searches the last block at or before `at` in which the claim was not decided yet.
async fn find(
	chain: &dyn Judgements,
	claim: ClaimId,
	at: BlockNumber,
) -> Result<Found, AuditError> {
	let read = async |height| {
		let hash = chain.block(height).await?;
		Ok::<_, ChainError>((hash, chain.judgement(hash, claim).await?))
	};
	let mut found = None;
	for height in (at.saturating_sub(LOOK_BACK)..=at).rev() {
		match read(height).await {
			Ok((hash, Some(judgement))) => {
				found = Some(Found { block: height, hash, judgement, outcome: None });
				break;
			}
			Ok((_, None)) => {}
			// The state of older blocks is gone.
			Err(_) if height < at => break,
			Err(error) => return Err(error.into()),
		}
	}
	let mut found = found.ok_or(AuditError::NotJudged { claim, at })?;
	let is_decided = |found: &Found| found.judgement.stage == ChallengeStage::Decided;
	if !is_decided(&found) {
		return Ok(found);
	}
	// A decision stays: the border is between an undecided and a decided block.
	let outcome = found.judgement.outcome;
	let (mut decided, mut step) = (found.block, 1);
	let mut open = loop {
		let height = decided.saturating_sub(step);
		match read(height).await {
			Ok((_, Some(judgement)))
				if judgement.stage == ChallengeStage::Decided && height > 0 =>
			{
				decided = height;
				step = step.saturating_mul(2);
			}
			_ => break height,
		}
	};
	while decided.saturating_sub(open) > 1 {
		let middle = open + (decided - open) / 2;
		match read(middle).await {
			Ok((_, Some(judgement))) if judgement.stage == ChallengeStage::Decided => {
				decided = middle;
			}
			_ => open = middle,
		}
	}
	let too_old = AuditError::TooOld { claim, decided };
	let (hash, judgement) = read(open).await.map_err(|_| AuditError::TooOld { claim, decided })?;
	found = Found { block: open, hash, judgement: judgement.ok_or(too_old)?, outcome };
	Ok(found)
}

/// Gathers a case from the chain, at block `at` or before, and from the peers of its job. Leaves out bytes
/// that nobody serves.
pub async fn gather(
	chain: &dyn Judgements,
	net: &dyn Transport,
	claim: ClaimId,
	at: BlockNumber,
) -> Result<Case, AuditError> {
	let Found { block, hash, judgement, outcome } = find(chain, claim, at).await?;
	let info = &judgement.claim;
	let broadcaster_keys = chain.keys_at(hash, &info.broadcaster, Purpose::Segments).await?;
	let transcoder_keys = chain.keys_at(hash, &info.transcoder, Purpose::Duties).await?;
	let origin = chain.origin(info.stream).await?;
	let transcoder = chain.service(&info.transcoder).await?;
	let peers: Vec<ServiceRecord> = transcoder.into_iter().chain(origin.clone()).collect();
	let all_shown = shown(chain, claim, block, &judgement, &broadcaster_keys).await;
	let mut leaves = Vec::new();
	for (drawn, shown) in judgement.leaves.iter().zip(all_shown) {
		let mut blobs = Vec::new();
		for hash in wanted(&drawn.leaf.leaf) {
			blobs.push(fetch(net, &peers, hash).await);
		}
		let record = match &origin {
			Some(origin) => record(net, origin, info.stream, &drawn.leaf).await,
			None => None,
		};
		leaves.push(LeafBytes { record, shown, blobs });
	}
	Ok(Case {
		genesis: chain.genesis(),
		block,
		block_hash: hash,
		claim,
		judgement,
		outcome,
		broadcaster_keys,
		transcoder_keys,
		leaves,
	})
}

/// The revealed proof of each drawn leaf, which only the blocks contain. The call is the end of its
/// transaction, so everything after claim, index and leaf belongs to the proof. Anybody can write similar
/// bytes into a block, but the right ones prove themselves.
async fn shown(
	chain: &dyn Judgements,
	claim: ClaimId,
	block: BlockNumber,
	judgement: &JudgementView,
	broadcaster_keys: &[KeysView],
) -> Vec<Option<Shown>> {
	let info = &judgement.claim;
	let mut all: Vec<Option<Shown>> = vec![None; judgement.leaves.len()];
	for height in (block.saturating_sub(REVEALED_WITHIN)..=block).rev() {
		if all.iter().all(Option::is_some) {
			break;
		}
		let read = async { chain.transactions(chain.block(height).await?).await };
		let transactions = match read.await {
			Ok(transactions) => transactions,
			Err(error) => {
				tracing::info!(height, %error, "where leaves were revealed is not known");
				break;
			}
		};
		for (drawn, shown) in judgement.leaves.iter().zip(&mut all) {
			if shown.is_some() {
				continue;
			}
			let leaf = &drawn.leaf;
			let begins = (claim, leaf.index, &leaf.leaf).encode();
			let mut found = transactions.iter().filter_map(|bytes| behind(bytes, &begins));
			*shown = found.find(|found| {
				found.is_path(info, leaf) && found.is_signed(info, leaf, broadcaster_keys)
			});
		}
	}
	all
}

/// The rest of a transaction after these bytes.
fn behind(transaction: &[u8], begins: &[u8]) -> Option<Shown> {
	let at = transaction.windows(begins.len()).position(|window| window == begins)?;
	let mut rest = transaction.get(at.saturating_add(begins.len())..)?;
	Shown::decode_all(&mut rest).ok()
}

/// The bytes of a hash from the first peer that has them.
async fn fetch(net: &dyn Transport, peers: &[ServiceRecord], hash: H256) -> Option<Vec<u8>> {
	for peer in peers {
		match net.fetch(peer, hash, MAX_SEGMENT_BYTES, None).await {
			Ok(bytes) => return Some(bytes),
			Err(error) => {
				let peer = net.peer_name(peer);
				tracing::info!(?hash, %peer, %error, "not fetched");
			}
		}
	}
	None
}

/// The record of a leaf's segment, if its stream is still served.
async fn record(
	net: &dyn Transport,
	origin: &ServiceRecord,
	stream: Hash,
	leaf: &VerifyLeaf,
) -> Option<SegmentRecord> {
	let playlist: Result<_, NetError> = net.playlist(origin, stream, leaf.seq).await;
	let records = playlist.ok()?.records;
	records.into_iter().find(|record| record.header().hash() == leaf.header)
}

/// Whether the chain held what the case says: votes, leaves, keys and outcome. Needs a node that still has
/// the state of the case's block and of the next one.
pub async fn is_of_chain(chain: &dyn Judgements, case: &Case) -> Result<bool, ChainError> {
	if chain.genesis() != case.genesis || chain.block(case.block).await? != case.block_hash {
		return Ok(false);
	}
	let judgement = chain.judgement(case.block_hash, case.claim).await?;
	if judgement.as_ref() != Some(&case.judgement) {
		return Ok(false);
	}
	let info = &case.judgement.claim;
	for (account, purpose, said) in [
		(&info.broadcaster, Purpose::Segments, &case.broadcaster_keys),
		(&info.transcoder, Purpose::Duties, &case.transcoder_keys),
	] {
		if chain.keys_at(case.block_hash, account, purpose).await? != *said {
			return Ok(false);
		}
	}
	let Some(outcome) = case.outcome else { return Ok(true) };
	// It was open in the case's block, and is decided in the next.
	let next = chain.block(case.block.saturating_add(1)).await?;
	let decided = chain.judgement(next, case.claim).await?;
	Ok(decided.and_then(|decided| decided.outcome) == Some(outcome))
}

/// The result for a case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JudgedAgain {
	/// The result for each drawn leaf, in the case's order.
	pub leaves: Vec<LeafAgain>,
}

/// The result for one leaf.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeafAgain {
	/// Its index within the claim.
	pub index: u32,
	/// Seq of the segment.
	pub seq: u64,
	/// The verdict, as the chain reads it if a variant is due; or why there is none.
	pub verdict: Result<Verdict, String>,
	/// What was found of each output, in words.
	pub findings: Vec<String>,
	/// Whether it is in the claim's tree; `None` without a path.
	pub in_tree: Option<bool>,
	/// Whether the broadcaster signed the segment; `None` without a record and without a path.
	pub broadcaster_signed: Option<bool>,
	/// Whether the transcoder signed a receipt that agrees with the leaf; `None` without a record.
	pub transcoder_signed: Option<bool>,
	/// Whether it signed a receipt that contradicts the leaf: an offence of its own, whatever the bytes are.
	/// See [`crate::ports::contradiction::Contradiction::Leaf`].
	pub contradicts: bool,
	/// The revealed words of judges, in the order of tranches.
	pub said: Vec<Said>,
}

/// What a judge said of a leaf.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
	/// The tranche.
	pub tranche: Tranche,
	/// The judge.
	pub judge: AccountId,
	/// Its stake.
	pub stake: Balance,
	/// What it said, as the chain reads it.
	pub verdict: Verdict,
}

impl JudgedAgain {
	/// How the claim should be decided by the findings; `None` if some leaf could not be judged and no other
	/// is wrong.
	pub fn outcome(&self) -> Option<Outcome> {
		let verdicts = || self.leaves.iter().map(|leaf| &leaf.verdict);
		if verdicts().flatten().any(Verdict::is_fault) {
			return Some(Outcome::Failed);
		}
		let is_pass =
			|verdict: &Result<Verdict, String>| matches!(verdict, Ok(verdict) if verdict.is_pass());
		(!self.leaves.is_empty() && verdicts().all(is_pass)).then_some(Outcome::Accepted)
	}
}

/// Judges all leaves from the case alone, with an engine of the claim's toolchain.
pub async fn judge_again(engine: &dyn MediaEngine, case: &Case) -> JudgedAgain {
	let mut leaves = Vec::new();
	let none = LeafBytes::default();
	for (place, drawn) in case.judgement.leaves.iter().enumerate() {
		let bytes = case.leaves.get(place).unwrap_or(&none);
		let (verdict, findings) = match judge_one(engine, case, &drawn.leaf, bytes).await {
			Ok((verdict, findings)) => (Ok(verdict.read(drawn.variant)), findings),
			Err(error) => (Err(error), Vec::new()),
		};
		let signed = bytes.record.as_ref().map(|record| signatures(case, &drawn.leaf, record));
		let (claim, keys) = (&case.judgement.claim, &case.broadcaster_keys);
		let shown = bytes.shown.as_ref();
		let by_broadcaster = [
			signed.map(|signed| signed.broadcaster),
			shown.map(|shown| shown.is_signed(claim, &drawn.leaf, keys)),
		];
		leaves.push(LeafAgain {
			index: drawn.leaf.index,
			seq: drawn.leaf.seq,
			verdict,
			findings,
			in_tree: shown.map(|shown| shown.is_path(claim, &drawn.leaf)),
			broadcaster_signed: by_broadcaster
				.into_iter()
				.flatten()
				.reduce(|one, other| one || other),
			transcoder_signed: signed.map(|signed| signed.transcoder),
			contradicts: signed.is_some_and(|signed| signed.contradicts),
			said: said(case, place, drawn.variant),
		});
	}
	JudgedAgain { leaves }
}

async fn judge_one(
	engine: &dyn MediaEngine,
	case: &Case,
	leaf: &VerifyLeaf,
	bytes: &LeafBytes,
) -> Result<(Verdict, Vec<String>), String> {
	let claim = &case.judgement.claim;
	if leaf.leaf.header_hash(claim.place(case.genesis, leaf.index)) != Some(leaf.header) {
		return Err("the leaf is not of this claim".into());
	}
	if bytes.shown.as_ref().is_some_and(|shown| !shown.is_path(claim, leaf)) {
		return Err("its path does not lead to the claim's root".into());
	}
	let hashes = wanted(&leaf.leaf);
	let there: Vec<Vec<u8>> = bytes.blobs.iter().flatten().cloned().collect();
	if there.len() != hashes.len() {
		return Err("its bytes are not in the case".into());
	}
	if there.iter().zip(&hashes).any(|(bytes, hash)| sha256(bytes) != *hash) {
		return Err("the case has other bytes than the leaf names".into());
	}
	let (input, outputs) = there.split_first().ok_or("nothing is claimed of it")?;
	let at_work = case.judgement.ballots.iter().find_map(|ballot| ballot.seed);
	let terms = Terms {
		ladder: &claim.ladder,
		limits: &claim.limits,
		factors: &claim.factors,
		seed: at_work.unwrap_or_default(),
		// The file does not say whether variants are possible.
		variants: true,
	};
	let judged = judge_leaf(engine, &terms, leaf, input, outputs.to_vec()).await?;
	Ok((judged.verdict, judged.findings))
}

/// The signatures on a leaf by the keys of the claim's assignment.
#[derive(Clone, Copy)]
struct Signatures {
	/// Whether the broadcaster signed its segment.
	broadcaster: bool,
	/// Whether the transcoder signed what the leaf says.
	transcoder: bool,
	/// Whether the transcoder signed something else.
	contradicts: bool,
}

/// The signatures that the record of a leaf's segment shows.
fn signatures(case: &Case, leaf: &VerifyLeaf, record: &SegmentRecord) -> Signatures {
	let claim = &case.judgement.claim;
	let signed = &record.signed;
	let broadcaster = signed.header.hash() == leaf.header
		&& signed.signature.signer.generation == claim.broadcaster_keys
		&& is_signed_by(
			&signed.signature,
			&claim.broadcaster,
			&leaf.header,
			&case.broadcaster_keys,
		);
	let place = claim.place(case.genesis, leaf.index);
	let claimed = leaf.leaf.receipt(place, claim.toolchain);
	let receipt = &record.receipt;
	let is_signed = record.signature.signer.generation == claim.transcoder_keys
		&& is_signed_by(
			&record.signature,
			&claim.transcoder,
			&receipt.hash(),
			&case.transcoder_keys,
		);
	let is_claimed = claimed.as_ref().is_some_and(|claimed| claimed.hash() == receipt.hash());
	let contradicts = claimed.is_some_and(|claimed| claimed.equivocates(receipt));
	Signatures {
		broadcaster,
		transcoder: is_signed && is_claimed,
		contradicts: broadcaster && is_signed && contradicts,
	}
}

/// The judges' words on the leaf at a place.
fn said(case: &Case, place: usize, variant: Option<u8>) -> Vec<Said> {
	let ballots = case.judgement.ballots.iter();
	let of_judge = |tranche: Tranche, judge: &livepeer_primitives::api::JudgeView| {
		let JudgeAnswer::Revealed { verdicts, .. } = &judge.answer else { return None };
		let verdict = verdicts.get(place)?.read(variant);
		Some(Said { tranche, judge: judge.account.clone(), stake: judge.stake, verdict })
	};
	ballots
		.flat_map(|ballot| ballot.judges.iter().filter_map(|judge| of_judge(ballot.tranche, judge)))
		.collect()
}

#[cfg(test)]
mod tests;
