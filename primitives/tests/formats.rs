//! Signing payloads, commitments and hashes: bound to every field, and never one for another.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeSet;

use codec::{Decode, DecodeAll, Encode, MaxEncodedLen};
use livepeer_primitives::{
	domain::{self, tagged_hash},
	evidence::{fold, frame_hash, LeafEvidence},
	leaf::{Leaf, RejectReason},
	receipt::{signature_hash, Output, Receipt},
	segment::{stream_id, SegmentHeader},
	sum_tree::{Commitment, SumNode, SumProof},
	toolchain::toolchain_id,
	traits::ClaimInfo,
	verdict::{
		commitment, duty_payload, Evidence, MismatchKind, NonConformingKind, Opening, Phase,
		Verdict, Verdicts, DISPUTE,
	},
	AccountId, Hash, Signature, MAX_RENDITIONS, MAX_SAMPLES, MAX_TREE_DEPTH,
};
use proptest::prelude::*;
use sp_core::{ed25519, sr25519, Pair, H256};

fn account(id: u8) -> AccountId {
	AccountId::new([id; 32])
}

fn header() -> SegmentHeader {
	SegmentHeader {
		genesis: H256::repeat_byte(1),
		stream: H256::repeat_byte(2),
		job: 3,
		assignment: 4,
		transcoder: account(5),
		seq: 6,
		in_hash: H256::repeat_byte(7),
		in_len: 8,
		duration: 9,
	}
}

fn receipt() -> Receipt {
	Receipt {
		header: header(),
		broadcaster_signature_hash: H256::repeat_byte(10),
		toolchain: H256::repeat_byte(11),
		outputs: vec![Output { hash: H256::repeat_byte(12), len: 13 }].try_into().unwrap(),
	}
}

fn opening() -> Opening {
	Opening {
		verdicts: vec![Verdict::Valid, Verdict::Mismatch(MismatchKind::Video)].try_into().unwrap(),
		evidence: Evidence { recipe: 1, hash: H256::repeat_byte(14) },
		salt: [15; 32],
	}
}

/// Applies each change to a copy of `base`; no two of all payloads, that of `base` among them, may
/// be equal.
fn all_differ<T: Clone>(base: T, payload: impl Fn(&T) -> Hash, changes: &[fn(&mut T)]) {
	let mut seen = BTreeSet::from([payload(&base)]);
	for (number, change) in changes.iter().enumerate() {
		let mut changed = base.clone();
		change(&mut changed);
		assert!(seen.insert(payload(&changed)), "change {number} is not bound");
	}
}

const HEADER_CHANGES: &[fn(&mut SegmentHeader)] = &[
	|h| h.genesis = H256::zero(),
	|h| h.stream = H256::zero(),
	|h| h.job += 1,
	|h| h.assignment += 1,
	|h| h.transcoder = account(6),
	|h| h.seq += 1,
	|h| h.in_hash = H256::zero(),
	|h| h.in_len += 1,
	|h| h.duration += 1,
];

const RECEIPT_CHANGES: &[fn(&mut Receipt)] = &[
	|r| r.broadcaster_signature_hash = H256::zero(),
	|r| r.toolchain = H256::zero(),
	|r| r.outputs[0].hash = H256::zero(),
	|r| r.outputs[0].len += 1,
	|r| r.outputs = Default::default(),
	|r| r.outputs.try_push(Output { hash: H256::zero(), len: 0 }).unwrap(),
];

#[test]
fn header_should_bind_every_field() {
	all_differ(header(), SegmentHeader::signing_payload, HEADER_CHANGES);
}

#[test]
fn receipt_should_bind_every_field_and_the_header() {
	all_differ(receipt(), Receipt::signing_payload, RECEIPT_CHANGES);
	for change in HEADER_CHANGES {
		let mut other = receipt();
		change(&mut other.header);
		assert_ne!(other.signing_payload(), receipt().signing_payload());
	}
}

#[test]
fn header_and_receipt_should_never_share_a_payload() {
	// Not even where the bytes are the same.
	let bytes = header().encode();
	let tags = [domain::SEGMENT_HEADER, domain::RECEIPT, domain::BROADCASTER_SIGNATURE];
	let hashes: BTreeSet<_> = tags.iter().map(|tag| tagged_hash(tag, &header())).collect();
	assert_eq!(hashes.len(), 3);
	assert_ne!(header().signing_payload(), receipt().signing_payload());
	assert!(Receipt::decode_all(&mut &bytes[..]).is_err());
}

#[test]
fn signature_should_fit_one_kind_of_payload_and_one_signer_only() {
	let transcoder = sr25519::Pair::from_seed(&[1; 32]);
	let broadcaster = ed25519::Pair::from_seed(&[2; 32]);
	let broadcaster_account = AccountId::new(broadcaster.public().0);
	let mut receipt = receipt();
	receipt.header.transcoder = AccountId::new(transcoder.public().0);

	let by_b: Signature = broadcaster.sign(receipt.header.signing_payload().as_bytes()).into();
	assert!(receipt.header.is_signed_by(&broadcaster_account, &by_b));
	assert!(!receipt.header.is_signed_by(&receipt.header.transcoder, &by_b));
	assert!(!receipt.is_signed(&by_b));

	let by_t: Signature = transcoder.sign(receipt.signing_payload().as_bytes()).into();
	assert!(receipt.is_signed(&by_t));
	let crossed: Signature = transcoder.sign(receipt.header.signing_payload().as_bytes()).into();
	assert!(!receipt.is_signed(&crossed));
	for change in RECEIPT_CHANGES {
		let mut other = receipt.clone();
		change(&mut other);
		assert!(!other.is_signed(&by_t));
	}
	// Whoever puts another transcoder into the header needs its signature.
	let mut stolen = receipt.clone();
	stolen.header.transcoder = account(9);
	assert!(!stolen.is_signed(&by_t));
	assert_ne!(signature_hash(&by_t), signature_hash(&by_b));
}

#[test]
fn two_receipts_should_equivocate_when_only_their_outputs_differ() {
	let one = receipt();
	assert!(!one.equivocates(&one));
	for change in &RECEIPT_CHANGES[2..] {
		let mut other = receipt();
		change(&mut other);
		assert!(one.equivocates(&other) && other.equivocates(&one));
	}
	// Fields that the key leaves out do not hide it.
	for change in [(|r| r.header.stream = H256::zero()) as fn(&mut Receipt), |r| {
		r.broadcaster_signature_hash = H256::zero()
	}] {
		let mut other = receipt();
		change(&mut other);
		assert!(!one.equivocates(&other), "the same outputs");
		other.outputs[0].len += 1;
		assert!(one.equivocates(&other));
	}
}

#[test]
fn innocent_receipts_should_not_equivocate_when_any_part_of_the_key_differs() {
	let changes: [fn(&mut Receipt); 7] = [
		|r| r.header.genesis = H256::zero(),
		|r| r.header.job += 1,
		|r| r.header.assignment += 1,
		|r| r.header.transcoder = account(6),
		|r| r.header.seq += 1,
		|r| r.header.in_hash = H256::zero(),
		|r| r.toolchain = H256::zero(),
	];
	for change in changes {
		let mut other = receipt();
		change(&mut other);
		other.outputs[0].hash = H256::zero();
		assert!(!receipt().equivocates(&other));
	}
}

#[test]
fn commitment_should_bind_every_field() {
	let base = (H256::repeat_byte(1), 2u64, 0u8, account(3), opening());
	all_differ(
		base,
		|(genesis, claim, tranche, account, opening)| {
			commitment(*genesis, *claim, *tranche, account, opening)
		},
		&[
			|c| c.0 = H256::zero(),
			|c| c.1 += 1,
			|c| c.2 = 1,
			|c| c.2 = DISPUTE,
			|c| c.3 = account(4),
			|c| c.4.verdicts[0] = Verdict::Unavailable,
			|c| {
				c.4.verdicts =
					c.4.verdicts.iter().rev().copied().collect::<Vec<_>>().try_into().unwrap()
			},
			|c| c.4.verdicts = vec![Verdict::Valid].try_into().unwrap(),
			|c| c.4.evidence.recipe = 2,
			|c| c.4.evidence.hash = H256::zero(),
			|c| c.4.salt[31] ^= 1,
		],
	);
}

#[test]
fn duty_should_bind_every_field() {
	let seed = H256::repeat_byte(9);
	let base = (H256::repeat_byte(1), 2u64, 0u8, seed, 3u16, Phase::Commit, opening());
	all_differ(
		base.clone(),
		|(genesis, claim, tranche, seed, member, phase, content)| {
			duty_payload(*genesis, *claim, *tranche, *seed, *member, *phase, content)
		},
		&[
			|d| d.0 = H256::zero(),
			|d| d.1 += 1,
			|d| d.2 = DISPUTE,
			|d| d.3 = H256::zero(),
			|d| d.4 += 1,
			|d| d.5 = Phase::Reveal,
			|d| d.6.salt[0] ^= 1,
		],
	);
	// What a member signs is not what it commits to.
	let (genesis, claim, tranche, seed, _, phase, content) = base;
	assert_ne!(
		duty_payload(genesis, claim, tranche, seed, 3, phase, &content),
		commitment(genesis, claim, tranche, &account(3), &content)
	);
}

#[test]
fn verdicts_should_be_pairwise_different() {
	use Verdict::*;
	let all = [
		Valid,
		Mismatch(MismatchKind::Video),
		Mismatch(MismatchKind::Audio),
		Mismatch(MismatchKind::Container),
		Mismatch(MismatchKind::Work),
		NonConforming(NonConformingKind::Unreadable),
		NonConforming(NonConformingKind::Size),
		NonConforming(NonConformingKind::Timing),
		InputInvalid { reason: RejectReason::Corrupt, offset: 0 },
		InputInvalid { reason: RejectReason::Corrupt, offset: 1 },
		InputInvalid { reason: RejectReason::TooLong, offset: 0 },
		Unavailable,
		Abstain,
	];
	let encoded: BTreeSet<_> = all.iter().map(Encode::encode).collect();
	assert_eq!(encoded.len(), all.len());
	for verdict in all {
		assert!(!(verdict.is_pass() && verdict.is_fault()));
		assert_eq!(verdict.is_pass(), matches!(verdict, Valid | InputInvalid { .. }));
		assert_eq!(verdict.is_fault(), matches!(verdict, Mismatch(_) | NonConforming(_)));
	}
}

#[test]
fn evidence_should_bind_seed_leaf_stream_frame_and_order() {
	let seed = H256::repeat_byte(1);
	let frame = |seed, picture: &[u8]| frame_hash(seed, picture);
	assert_ne!(frame(seed, b"picture"), frame(H256::zero(), b"picture"));
	assert_ne!(frame(seed, b"picture"), frame(seed, b"picturf"));

	let digest = |seed, index, frames: &[(u8, u32, u8)]| {
		let mut leaf = LeafEvidence::new(seed, index);
		for (stream, number, byte) in frames {
			leaf.add(*stream, *number, H256::repeat_byte(*byte));
		}
		leaf.digest()
	};
	let digests: BTreeSet<_> = [
		digest(seed, 0, &[(0, 0, 1), (0, 1, 2)]),
		digest(H256::zero(), 0, &[(0, 0, 1), (0, 1, 2)]),
		digest(seed, 1, &[(0, 0, 1), (0, 1, 2)]),
		digest(seed, 0, &[(1, 0, 1), (0, 1, 2)]),
		digest(seed, 0, &[(0, 0, 1), (0, 2, 2)]),
		digest(seed, 0, &[(0, 1, 2), (0, 0, 1)]),
		digest(seed, 0, &[(0, 0, 1)]),
		digest(seed, 0, &[]),
	]
	.into();
	assert_eq!(digests.len(), 8);

	let (a, b) = (H256::repeat_byte(2), H256::repeat_byte(3));
	let folds: BTreeSet<_> = [
		fold(seed, &[(0, a), (1, b)]).hash,
		fold(seed, &[(0, b), (1, a)]).hash,
		fold(seed, &[(0, a), (2, b)]).hash,
		fold(seed, &[(0, a)]).hash,
		fold(seed, &[]).hash,
		fold(H256::zero(), &[(0, a), (1, b)]).hash,
	]
	.into();
	assert_eq!(folds.len(), 6);
}

#[test]
fn names_should_depend_on_all_that_they_are_made_of() {
	let names: BTreeSet<_> = [
		stream_id(&account(1), "live"),
		stream_id(&account(2), "live"),
		stream_id(&account(1), "live2"),
		stream_id(&account(1), ""),
		toolchain_id(1, H256::zero()),
		toolchain_id(2, H256::zero()),
		toolchain_id(1, H256::repeat_byte(1)),
	]
	.into();
	assert_eq!(names.len(), 7);
}

#[test]
fn tags_should_be_different_and_prefix_free() {
	let tags = [
		domain::SEGMENT_HEADER,
		domain::RECEIPT,
		domain::BROADCASTER_SIGNATURE,
		domain::LEAF,
		domain::NODE,
		domain::ROOT,
		domain::STREAM,
		domain::DRAW,
		domain::COMMITTEE,
		domain::ASSIGNMENT,
		domain::TRANCHE,
		domain::VERDICT,
		domain::DUTY,
		domain::EVIDENCE,
		domain::EVIDENCE_FRAME,
		domain::TOOLCHAIN,
		domain::BEACON,
	];
	assert_eq!(tags.iter().collect::<BTreeSet<_>>().len(), tags.len());
	assert!(tags.iter().all(|tag| tag.len() <= usize::from(u8::MAX)));
	// A tag that continues another one: the length in front tells them apart.
	assert_ne!(tagged_hash(b"ab", b"c"), tagged_hash(b"abc", b""));
	assert_eq!(tagged_hash(b"ab", &7u8).0, sp_io::hashing::blake2_256(b"\x02ab\x07"));
}

#[test]
fn largest_values_should_fit_their_bounds() {
	let outputs: Vec<_> = (0..MAX_RENDITIONS)
		.map(|_| Output { hash: H256::repeat_byte(255), len: u32::MAX })
		.collect();
	let leaf = Leaf::Transcoded {
		in_hash: H256::repeat_byte(255),
		in_len: u32::MAX,
		duration: u32::MAX,
		outputs: outputs.clone().try_into().unwrap(),
		work: u64::MAX,
	};
	assert_eq!(leaf.encoded_size(), Leaf::max_encoded_len());
	let receipt = Receipt { outputs: outputs.try_into().unwrap(), ..receipt() };
	assert_eq!(receipt.encoded_size(), Receipt::max_encoded_len());
	assert_eq!(header().encoded_size(), SegmentHeader::max_encoded_len());
	let node = SumNode { hash: H256::zero(), work: u64::MAX };
	let proof: SumProof = vec![node; MAX_TREE_DEPTH as usize].try_into().unwrap();
	assert_eq!(proof.encoded_size(), SumProof::max_encoded_len());
	let worst = Verdict::InputInvalid { reason: RejectReason::Corrupt, offset: u32::MAX };
	let opening =
		Opening { verdicts: vec![worst; MAX_SAMPLES as usize].try_into().unwrap(), ..opening() };
	assert_eq!(opening.encoded_size(), Opening::max_encoded_len());
}

#[test]
fn too_long_lists_should_not_be_decoded() {
	let outputs = vec![Output { hash: H256::zero(), len: 0 }; MAX_RENDITIONS as usize + 1];
	assert!(livepeer_primitives::receipt::Outputs::decode(&mut &outputs.encode()[..]).is_err());
	let nodes = vec![SumNode { hash: H256::zero(), work: 0 }; MAX_TREE_DEPTH as usize + 1];
	assert!(SumProof::decode(&mut &nodes.encode()[..]).is_err());
	let verdicts = vec![Verdict::Valid; MAX_SAMPLES as usize + 1];
	assert!(Verdicts::decode(&mut &verdicts.encode()[..]).is_err());
}

proptest! {
	/// Bytes from peers and from transactions: decoding answers, it does not panic, and what it
	/// accepts has one encoding only.
	#[test]
	fn decoding_should_be_canonical_when_bytes_are_random(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
		fn canonical<T: DecodeAll + Encode>(bytes: &[u8]) {
			if let Ok(value) = T::decode_all(&mut &bytes[..]) {
				assert_eq!(value.encode(), bytes);
			}
		}
		canonical::<SegmentHeader>(&bytes);
		canonical::<Receipt>(&bytes);
		canonical::<Leaf>(&bytes);
		canonical::<SumProof>(&bytes);
		canonical::<Commitment>(&bytes);
		canonical::<Opening>(&bytes);
		canonical::<Verdict>(&bytes);
		canonical::<ClaimInfo>(&bytes);
	}
}
