//! What each party says and signs, one call at a time.

use livepeer_primitives::{
	api::ChallengeView,
	claim::WorkClaim,
	duty::Acceptance,
	extension::Extensions,
	keys::{Generation, OperatorSignature, Signer, VerifierId, VerifierSignature},
	leaf::Leaf,
	receipt::{Output, Receipt, RejectReason, TranscodeResult},
	segment::{SegmentHeader, SegmentInfo, SOURCE_TRACK},
	sum_tree::{Commitment, SumTree},
	toolchain::{attestation_payload, Lacking},
	traits::{Beacon as _, VerifierKeyOf as _},
	variant::{choice, openings_hash, VariantOpening, VariantOpenings, VariantPlace, VrfOpening},
	verdict::{commitment, duty_payload, Evidence, Opening, Phase, Tranche, Verdict},
	AccountId, AssignmentIndex, ClaimId, Hash, JobId, Seq, StreamId, ToolchainId,
};
use livepeer_runtime::{configs::session::RegisteredKeys, Beacon, ChallengeLottery, Jobs, Runtime};
use pallet_challenge_lottery::Call as Lottery;
use sp_core::{crypto::VrfSecret, sr25519, ByteArray as _, Pair, H256};
use sp_keyring::Sr25519Keyring;
use sp_runtime::Perbill;

use crate::World;

/// The work of each leaf that is made here.
pub const LEAF_WORK: u64 = 20_000_000;

/// The well-known key of an account.
pub fn keyring(account: &AccountId) -> Sr25519Keyring {
	Sr25519Keyring::from_account_id(account).expect("only well-known accounts act")
}

/// A transcoder's turn in a job: what every header of it says.
#[derive(Clone, Debug)]
pub struct Turn {
	/// The chain.
	pub genesis: Hash,
	/// The stream.
	pub stream: StreamId,
	/// The job.
	pub job: JobId,
	/// The assignment.
	pub assignment: AssignmentIndex,
	/// Whose turn it is.
	pub transcoder: Sr25519Keyring,
	/// By which generation of its keys it signs.
	pub transcoder_keys: Generation,
	/// Who signs the segments.
	pub broadcaster: Sr25519Keyring,
	/// By which generation of its keys.
	pub broadcaster_keys: Generation,
}

impl Turn {
	/// The job's current one, offered or running.
	pub fn current(world: &mut World, job: JobId) -> Option<Self> {
		let genesis = world.genesis();
		let view = world.run(|| Jobs::job(job))?;
		let current = view.current?;
		Some(Self {
			genesis,
			stream: view.stream,
			job,
			assignment: current.index,
			transcoder: keyring(&current.transcoder),
			transcoder_keys: current.transcoder_keys,
			broadcaster: keyring(&view.broadcaster),
			broadcaster_keys: current.broadcaster_keys,
		})
	}

	/// What the broadcaster sends as segment `seq`.
	pub fn segment(&self, seq: Seq) -> SegmentInfo {
		SegmentInfo {
			track: SOURCE_TRACK,
			epoch: 0,
			time: seq * 180_000,
			captured: 0,
			duration: 180_000,
			flags: 0,
			in_hash: H256::from_low_u64_be(1_000 + seq),
			in_len: 100_000,
			chunk_root: H256::from_low_u64_be(3_000 + seq),
			extensions: Extensions::default(),
		}
	}

	/// The header of a segment of this turn.
	pub fn header(&self, seq: Seq, segment: SegmentInfo) -> SegmentHeader {
		SegmentHeader {
			genesis: self.genesis,
			stream: self.stream,
			job: self.job,
			assignment: self.assignment,
			transcoder: self.transcoder.to_account_id(),
			seq,
			segment,
		}
	}

	/// The broadcaster's signature over a segment of this turn.
	pub fn sign(&self, seq: Seq, segment: SegmentInfo) -> OperatorSignature {
		let header = self.header(seq, segment);
		sign_by(self.broadcaster, self.broadcaster_keys, &header.hash())
	}

	/// A report that the transcoder has signed two results for segment `seq`.
	pub fn contradiction(&self, seq: Seq) -> pallet_jobs::Call<Runtime> {
		let segment = self.segment(seq);
		let header_signature = self.sign(seq, segment.clone());
		let header = self.header(seq, segment);
		let receipts = [1u8, 2].map(|byte| Receipt {
			header: header.hash(),
			toolchain: Hash::repeat_byte(byte),
			result: TranscodeResult::Rejected(RejectReason::TooLong),
			extensions: Extensions::default(),
		});
		let signatures = receipts
			.each_ref()
			.map(|receipt| sign_by(self.transcoder, self.transcoder_keys, &receipt.hash()));
		pallet_jobs::Call::report_equivocation { header, header_signature, receipts, signatures }
	}

	/// The transcoder's word that it takes this turn.
	pub fn accept(&self, toolchain: ToolchainId) -> pallet_jobs::Call<Runtime> {
		let acceptance = Acceptance {
			genesis: self.genesis,
			job: self.job,
			assignment: self.assignment,
			broadcaster_keys: self.broadcaster_keys,
			transcoder_keys: self.transcoder_keys,
			toolchain,
		};
		let signature = sign_by(self.transcoder, self.transcoder_keys, &acceptance.hash());
		pallet_jobs::Call::accept_job { acceptance, signature }
	}

	/// The segments from `first` on, signed by the broadcaster and transcoded.
	pub fn work(&self, first: Seq, count: u32) -> Work {
		let mut leaves = Vec::new();
		let mut signatures = Vec::new();
		for seq in first..first + u64::from(count) {
			let segment = self.segment(seq);
			signatures.push(self.sign(seq, segment.clone()));
			leaves.push(Leaf::Transcoded {
				segment,
				outputs: vec![Some(output(seq))].try_into().expect("one output"),
				work: LEAF_WORK,
				extensions: Extensions::default(),
			});
		}
		Work::new(self, first, leaves, signatures)
	}
}

/// What a transcoder makes of segment `seq`.
pub fn output(seq: Seq) -> Output {
	Output {
		hash: H256::from_low_u64_be(2_000 + seq),
		len: 50_000,
		chunk_root: H256::from_low_u64_be(4_000 + seq),
	}
}

/// The signature of an account, by the first key of a generation, over the object of this hash.
pub fn sign_by(who: Sr25519Keyring, generation: Generation, object: &Hash) -> OperatorSignature {
	let signer = Signer { account: who.to_account_id(), generation, key: 0 };
	let pair = operator_key(who, generation);
	let signature = pair.sign(signer.payload(object).as_bytes()).into();
	OperatorSignature { signer, signature }
}

/// The first key of a generation of an account's operator keys, which those who announce some here
/// announce.
pub fn operator_key(who: Sr25519Keyring, generation: Generation) -> sr25519::Pair {
	match generation {
		0 => who.pair(),
		_ => derived(who, &format!("operator//{generation}")),
	}
}

/// The session key of a validator that has changed it: of BABE, and its verifier key.
pub fn changed_session_key(who: Sr25519Keyring) -> sr25519::Pair {
	derived(who, "session")
}

fn derived(who: Sr25519Keyring, path: &str) -> sr25519::Pair {
	let uri = format!("{}//{path}", who.to_seed());
	sr25519::Pair::from_string(&uri, None).expect("it is a path")
}

/// What belongs to a verifier key of `who`: the one of genesis, or the one that it has changed to.
fn verifier_pair(who: Sr25519Keyring, key: &VerifierId) -> sr25519::Pair {
	if key.as_slice() == who.public().as_slice() {
		who.pair()
	} else {
		changed_session_key(who)
	}
}

/// The attestation of a judge in this window: which toolchains its service does not make.
pub fn attestation(
	world: &mut World,
	who: Sr25519Keyring,
	lacking: Vec<ToolchainId>,
) -> Lottery<Runtime> {
	let (genesis, verifier) = (world.genesis(), who.to_account_id());
	let (window, key) = world.run(|| {
		let key = RegisteredKeys::verifier_key(&verifier).expect("it has session keys");
		(Beacon::current_window(), key)
	});
	let lacking = Lacking::try_from(lacking).expect("few toolchains");
	let payload = attestation_payload(genesis, &verifier, window, &lacking);
	let signature = verifier_pair(who, &key).sign(payload.as_bytes()).into();
	Lottery::attest { verifier, window, lacking, signature }
}

/// Segments that were transcoded, with their tree: what a transcoder keeps until its claim ends.
#[derive(Clone, Debug)]
pub struct Work {
	/// Whose turn it was made in.
	pub turn: Turn,
	/// Seq of the first leaf.
	pub first: Seq,
	/// The leaves.
	pub leaves: Vec<Leaf>,
	/// The broadcaster's signatures, one per leaf.
	pub signatures: Vec<OperatorSignature>,
	/// The tree over the leaves.
	pub tree: SumTree,
}

impl Work {
	/// `leaves` from `first` on.
	pub fn new(
		turn: &Turn,
		first: Seq,
		leaves: Vec<Leaf>,
		signatures: Vec<OperatorSignature>,
	) -> Self {
		let tree = SumTree::new(&leaves).expect("leaves make a tree");
		Self { turn: turn.clone(), first, leaves, signatures, tree }
	}

	/// The claim that is true of it.
	pub fn claim(&self, toolchain: ToolchainId) -> pallet_jobs::Call<Runtime> {
		self.claim_as(self.tree.commitment(), toolchain)
	}

	/// A claim over it that states something else.
	pub fn claim_as(
		&self,
		stated: Commitment,
		toolchain: ToolchainId,
	) -> pallet_jobs::Call<Runtime> {
		self.sign_claim(self.stated(stated, toolchain))
	}

	/// What such a claim says. Its largest leaf is that of the leaves, or what the total needs.
	pub fn stated(&self, stated: Commitment, toolchain: ToolchainId) -> WorkClaim {
		WorkClaim {
			genesis: self.turn.genesis,
			job: self.turn.job,
			assignment: self.turn.assignment,
			first: self.first,
			last: self.first + u64::from(stated.leaf_count) - 1,
			root: stated.root,
			total_work: stated.total_work,
			largest_leaf: self
				.leaves
				.iter()
				.map(Leaf::work)
				.max()
				.unwrap_or_default()
				.max(stated.total_work.div_ceil(stated.leaf_count.max(1).into())),
			toolchain,
			extensions: Extensions::default(),
		}
	}

	/// The transcoder's signature under a claim.
	pub fn sign_claim(&self, claim: WorkClaim) -> pallet_jobs::Call<Runtime> {
		let Turn { transcoder, transcoder_keys, .. } = self.turn;
		let signature = sign_by(transcoder, transcoder_keys, &claim.hash());
		pallet_jobs::Call::claim_work { claim, signature }
	}

	/// The leaves that drawn positions fall in, ascending.
	pub fn drawn(&self, positions: &[u64]) -> Vec<u32> {
		let mut drawn: Vec<u32> =
			positions.iter().filter_map(|position| self.tree.leaf_at(*position)).collect();
		drawn.sort_unstable();
		drawn.dedup();
		drawn
	}

	/// What its transcoder's VRF says of a leaf.
	fn vrf(&self, index: u32) -> (VariantPlace, VrfOpening) {
		let Turn { genesis, stream, job, assignment, .. } = self.turn;
		let seq = self.first + Seq::from(index);
		let place = VariantPlace { genesis, stream, job, assignment, seq };
		let signature = self.vrf_key().vrf_sign(&place.sign_data());
		(place, VrfOpening::from(&signature))
	}

	fn vrf_key(&self) -> sr25519::Pair {
		operator_key(self.turn.transcoder, self.turn.transcoder_keys)
	}

	/// Whether a leaf has to be a variant at this rate; jobs have one rendition here.
	pub fn is_forced(&self, index: u32, rate: Perbill) -> bool {
		let (place, opening) = self.vrf(index);
		let key = self.vrf_key().public();
		let x = place.verify(&key, &opening).expect("its own opening");
		choice(&x).due(1, rate).is_some()
	}

	/// `opening` with what is true of the drawn leaves, where each has the variant that this rate forces.
	pub fn truth(&self, drawn: &[u32], rate: Perbill, opening: Opening) -> Opening {
		let verdicts: Vec<_> = drawn
			.iter()
			.map(|index| match self.is_forced(*index, rate) {
				true => Verdict::Variant { rendition: 0 },
				false => Verdict::Valid,
			})
			.collect();
		Opening { verdicts: verdicts.try_into().expect("few leaves"), ..opening }
	}

	/// Opens which of the drawn leaves had to be variants, in the ballot of this seed.
	pub fn open(&self, claim: ClaimId, seed: Hash, leaves: &[u32]) -> Lottery<Runtime> {
		self.open_by(self.turn.transcoder_keys, claim, seed, leaves)
	}

	/// The same, signed by a generation of the transcoder's keys that need not be the assignment's.
	pub fn open_by(
		&self,
		generation: Generation,
		claim: ClaimId,
		seed: Hash,
		leaves: &[u32],
	) -> Lottery<Runtime> {
		let opening = |index: &u32| VariantOpening { index: *index, vrf: self.vrf(*index).1 };
		let openings: Vec<_> = leaves.iter().map(opening).collect();
		let openings: VariantOpenings = openings.try_into().expect("few leaves");
		let Turn { genesis, transcoder, .. } = self.turn;
		let signed = openings_hash(genesis, claim, seed, &openings);
		let signature = sign_by(transcoder, generation, &signed);
		Lottery::open_variants { claim, openings, signature }
	}

	/// Reveals a leaf of it.
	pub fn reveal(&self, claim: ClaimId, index: u32) -> Lottery<Runtime> {
		Lottery::reveal_leaf {
			claim,
			index,
			leaf: self.leaves[index as usize].clone(),
			broadcaster_signature: self.signatures[index as usize].clone(),
			proof: self.tree.proof(index).expect("it is a leaf"),
		}
	}
}

/// An open ballot as its members see it.
#[derive(Clone)]
pub struct Ballot {
	/// The chain.
	pub genesis: Hash,
	/// The claim.
	pub claim: ClaimId,
	/// Who votes.
	pub tranche: Tranche,
	/// The seed of its evidence.
	pub seed: Hash,
	/// What it is about.
	pub judged: Hash,
	/// Which step its members owe.
	pub phase: Phase,
	/// Its members in order.
	pub members: Vec<Sr25519Keyring>,
	/// With what they sign: the verifier keys in force when the seed was stored.
	pub keys: Vec<sr25519::Pair>,
	/// Verdicts that each owes.
	pub leaves: usize,
}

impl Ballot {
	/// That of a claim's challenge.
	pub fn open(world: &mut World, claim: ClaimId) -> Option<Self> {
		let genesis = world.genesis();
		let view = world.challenge(claim)?;
		let ballot = world.run(|| pallet_challenge_lottery::Ballots::<Runtime>::get(claim))?;
		let members: Vec<_> = view.members.iter().map(keyring).collect();
		Some(Self {
			genesis,
			claim,
			tranche: ballot.tranche,
			seed: ballot.seed,
			judged: ballot.judged,
			phase: ballot.phase,
			keys: members
				.iter()
				.zip(&view.keys)
				.map(|(member, key)| verifier_pair(*member, key))
				.collect(),
			members,
			leaves: ballot.leaves.into(),
		})
	}

	/// The same verdict about every leaf, with the evidence that everybody finds.
	pub fn opening(&self, member: usize, verdict: Verdict) -> Opening {
		Opening {
			verdicts: vec![verdict; self.leaves].try_into().expect("few leaves"),
			evidence: Evidence { recipe: 1, hash: Hash::repeat_byte(9) },
			salt: [member as u8; 32],
		}
	}

	/// What a member's commitment to `opening` is.
	pub fn commitment(&self, member: usize, opening: &Opening) -> Hash {
		let account = self.members[member].to_account_id();
		commitment(self.genesis, self.claim, self.judged, self.tranche, &account, opening)
	}

	/// A member commits to `opening`.
	pub fn commit(&self, member: usize, opening: &Opening) -> Lottery<Runtime> {
		self.commit_to(member, self.commitment(member, opening))
	}

	/// A member commits to whatever it likes.
	pub fn commit_to(&self, member: usize, commitment: Hash) -> Lottery<Runtime> {
		let signature = self.sign(member, Phase::Commit, &commitment);
		Lottery::commit_verdict {
			claim: self.claim,
			tranche: self.tranche,
			member: member as u16,
			commitment,
			signature,
		}
	}

	/// A member reveals `opening`.
	pub fn reveal(&self, member: usize, opening: &Opening) -> Lottery<Runtime> {
		let signature = self.sign(member, Phase::Reveal, opening);
		Lottery::reveal_verdict {
			claim: self.claim,
			tranche: self.tranche,
			member: member as u16,
			opening: opening.clone(),
			signature,
		}
	}

	/// A member asks for bytes that it could not have.
	pub fn ask(&self, member: usize) -> Lottery<Runtime> {
		let signature = self.sign(member, Phase::Ask, &());
		let (claim, tranche) = (self.claim, self.tranche);
		Lottery::ask_data { claim, tranche, member: member as u16, signature }
	}

	fn sign(&self, member: usize, phase: Phase, content: &impl codec::Encode) -> VerifierSignature {
		let number = member as u16;
		let Self { genesis, claim, tranche, seed, .. } = *self;
		let payload = duty_payload(genesis, claim, tranche, seed, number, phase, content);
		self.keys[member].sign(payload.as_bytes()).into()
	}
}

impl World {
	/// A claim's challenge.
	pub fn challenge(&mut self, claim: ClaimId) -> Option<ChallengeView> {
		self.run(|| ChallengeLottery::challenge(claim))
	}

	/// The toolchain that everybody has.
	pub fn toolchain(&mut self) -> ToolchainId {
		self.run(|| ChallengeLottery::toolchains().first().copied()).expect("genesis accepts one")
	}
}
