//! Signing payloads, commitments and hashes: each is bound to every field, and no two are ever
//! equal.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;

use codec::{Decode, DecodeAll, Encode, MaxEncodedLen};
use common::*;
use livepeer_primitives::{
	claim::{ClaimInfo, WorkClaim},
	domain::{self, tagged_hash},
	duty::{Acceptance, Availability, Heartbeat, Profiles},
	evidence::{fold, frame_hash, LeafEvidence},
	extension::{Extension, Extensions, MAX_EXTENSIONS},
	keys::{OperatorKey, OperatorSignature, Signer},
	leaf::{Leaf, Place},
	receipt::{Outputs, Receipt, RejectReason, TranscodeResult},
	segment::{stream_id, SegmentHeader, SegmentInfo, StreamHead},
	sum_tree::{Commitment, SumNode, SumProof},
	toolchain::{attestation_payload, toolchain_id, Lacking},
	variant::{openings_hash, VariantOpening, VariantOpenings, VrfOpening},
	verdict::{
		commitment, duty_payload, judged_digest, Evidence, MismatchKind, NonConformingKind,
		Opening, Pass, Phase, UnavailableKind, Verdict, Verdicts, DISPUTE,
	},
	AccountId, Hash, Signature, MAX_PROFILES, MAX_RENDITIONS, MAX_SAMPLES, MAX_TREE_DEPTH,
};
use proptest::prelude::*;
use sp_core::{ecdsa, ed25519, sr25519, Pair, H256};

fn opening() -> Opening {
	Opening {
		verdicts: vec![Verdict::Valid, Verdict::Mismatch(MismatchKind::Video)].try_into().unwrap(),
		evidence: Evidence { recipe: 1, hash: hash(14) },
		salt: [15; 32],
	}
}

/// Applies each change to a copy of `base`. No two of all the payloads, including that of `base`,
/// may be equal.
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
	|h| h.segment.track += 1,
	|h| h.segment.epoch += 1,
	|h| h.segment.time += 1,
	|h| h.segment.captured += 1,
	|h| h.segment.duration += 1,
	|h| h.segment.flags = 0,
	|h| h.segment.in_hash = H256::zero(),
	|h| h.segment.in_len += 1,
	|h| h.segment.chunk_root = H256::zero(),
	|h| h.segment.extensions = Extensions::default(),
	|h| h.segment.extensions = extensions(&[28]),
	|h| h.segment.extensions = extensions(&[27, 28]),
	|h| h.segment.extensions = Extensions::new([Extension { tag: 27, hash: hash(0) }]).unwrap(),
];

#[test]
fn header_should_bind_every_field() {
	all_differ(header(), SegmentHeader::hash, HEADER_CHANGES);
}

#[test]
fn stream_head_should_bind_every_field() {
	all_differ(
		head(),
		StreamHead::hash,
		&[
			|h| h.genesis = H256::zero(),
			|h| h.stream = H256::zero(),
			|h| h.epoch += 1,
			|h| h.next_seq += 1,
			|h| h.ended = true,
			|h| h.time += 1,
			|h| h.extensions = Extensions::default(),
		],
	);
}

/// One change for each kind of a receipt's result.
const RESULT_CHANGES: &[fn(&mut Receipt)] = &[
	|r| r.result = TranscodeResult::Transcoded(Default::default()),
	|r| r.result = TranscodeResult::Transcoded(vec![None, Some(output(40))].try_into().unwrap()),
	|r| r.result = TranscodeResult::Transcoded(vec![Some(output(40))].try_into().unwrap()),
	|r| r.result = TranscodeResult::Transcoded(vec![Some(output(41)), None].try_into().unwrap()),
	|r| {
		let one = livepeer_primitives::receipt::Output { len: 99, ..output(40) };
		r.result = TranscodeResult::Transcoded(vec![Some(one), None].try_into().unwrap());
	},
	|r| {
		let one = livepeer_primitives::receipt::Output { chunk_root: hash(99), ..output(40) };
		r.result = TranscodeResult::Transcoded(vec![Some(one), None].try_into().unwrap());
	},
	|r| r.result = TranscodeResult::Rejected(RejectReason::TooLong),
];

#[test]
fn receipt_should_bind_every_field_and_the_header() {
	all_differ(receipt(), Receipt::hash, RESULT_CHANGES);
	all_differ(
		receipt(),
		Receipt::hash,
		&[
			|r| r.header = H256::zero(),
			|r| r.toolchain = H256::zero(),
			|r| r.extensions = Extensions::default(),
			|r| r.result = TranscodeResult::Rejected(RejectReason::TooLong),
			|r| r.result = TranscodeResult::Rejected(RejectReason::TooShort),
			|r| {
				let reason = RejectReason::Undecodable { reason: 1, packet: 2 };
				r.result = TranscodeResult::Rejected(reason);
			},
			|r| {
				let reason = RejectReason::Undecodable { reason: 2, packet: 1 };
				r.result = TranscodeResult::Rejected(reason);
			},
		],
	);
	for change in HEADER_CHANGES {
		let mut other = header();
		change(&mut other);
		assert_ne!(Receipt { header: other.hash(), ..receipt() }.hash(), receipt().hash());
	}
}

#[test]
fn claim_should_bind_every_field() {
	all_differ(
		claim(),
		WorkClaim::hash,
		&[
			|c| c.genesis = H256::zero(),
			|c| c.job += 1,
			|c| c.assignment += 1,
			|c| c.first += 1,
			|c| c.last += 1,
			|c| c.root = H256::zero(),
			|c| c.total_work += 1,
			|c| c.largest_leaf += 1,
			|c| c.toolchain = H256::zero(),
			|c| c.extensions = Extensions::default(),
		],
	);
}

fn profiles(of: &[u16]) -> Profiles {
	of.to_vec().try_into().unwrap()
}

#[test]
fn duties_should_bind_every_field() {
	all_differ(
		Heartbeat { genesis: hash(1), at: 2 },
		Heartbeat::hash,
		&[|h| h.genesis = H256::zero(), |h| h.at += 1],
	);
	all_differ(
		Availability { genesis: hash(1), at: 2, capacity: 3, profiles: profiles(&[1, 4]) },
		Availability::hash,
		&[
			|a| a.genesis = H256::zero(),
			|a| a.at += 1,
			|a| a.capacity += 1,
			|a| a.profiles = profiles(&[1]),
			|a| a.profiles = profiles(&[1, 5]),
		],
	);
	all_differ(
		Acceptance {
			genesis: hash(1),
			job: 2,
			assignment: 3,
			broadcaster_keys: 4,
			transcoder_keys: 5,
			toolchain: hash(6),
		},
		Acceptance::hash,
		&[
			|a| a.genesis = H256::zero(),
			|a| a.job += 1,
			|a| a.assignment += 1,
			|a| a.broadcaster_keys += 1,
			|a| a.transcoder_keys += 1,
			|a| (a.broadcaster_keys, a.transcoder_keys) = (5, 4),
			|a| a.toolchain = H256::zero(),
		],
	);
}

#[test]
fn openings_should_bind_chain_claim_ballot_and_every_proof() {
	let opening = |index: u32, byte| VariantOpening { index, vrf: VrfOpening([byte; 96]) };
	let list = |openings: Vec<VariantOpening>| VariantOpenings::truncate_from(openings);
	all_differ(
		(hash(1), 2u64, hash(3), list(vec![opening(4, 5), opening(6, 7)])),
		|(genesis, claim, seed, openings)| openings_hash(*genesis, *claim, *seed, openings),
		&[
			|o| o.0 = hash(9),
			|o| o.1 += 1,
			|o| o.2 = hash(9),
			|o| o.3[0].index += 1,
			|o| o.3[1].vrf.0[95] += 1,
			|o| {
				o.3.pop();
			},
		],
	);
}

#[test]
fn objects_should_never_share_a_hash() {
	// Not even if the bytes are the same.
	let tags = [
		domain::SEGMENT_HEADER,
		domain::STREAM_HEAD,
		domain::RECEIPT,
		domain::CLAIM,
		domain::HEARTBEAT,
		domain::AVAILABILITY,
		domain::ACCEPTANCE,
		domain::OPENINGS,
		domain::PASS,
		domain::DUTY,
		domain::ATTESTATION,
		domain::SIGNED,
	];
	let hashes: BTreeSet<_> = tags.iter().map(|tag| tagged_hash(tag, &header())).collect();
	assert_eq!(hashes.len(), tags.len());
}

/// A signature of `pair`, for the signer, over an object.
fn signed(pair: &ed25519::Pair, signer: &Signer, object: &Hash) -> OperatorSignature {
	let signature = pair.sign(signer.payload(object).as_bytes()).into();
	OperatorSignature { signer: signer.clone(), signature }
}

#[test]
fn signer_payload_should_bind_account_generation_key_and_object() {
	all_differ(
		(Signer { account: account(1), generation: 2, key: 3 }, hash(4)),
		|(signer, object)| signer.payload(object),
		&[
			|s| s.0.account = account(9),
			|s| s.0.generation += 1,
			|s| s.0.key += 1,
			|s| s.1 = hash(9),
		],
	);
	// What is signed is never the hash of the object.
	assert_ne!(Signer::account(account(1)).payload(&hash(4)), hash(4));
}

#[test]
fn signature_should_be_one_for_its_signer_tag_and_object_only() {
	let pair = ed25519::Pair::from_seed(&[1; 32]);
	let key = OperatorKey::Ed25519(pair.public());
	let signer = Signer { account: account(1), generation: 2, key: 3 };
	let object = header().hash();
	let by = signed(&pair, &signer, &object);
	assert!(by.verifies(&object, Some(&key)));

	// Another signer with the very same key.
	for signer in [
		Signer { account: account(9), ..signer.clone() },
		Signer { generation: 1, ..signer.clone() },
		Signer { key: 0, ..signer.clone() },
		Signer { account: AccountId::new(pair.public().0), generation: 0, key: 0 },
	] {
		assert!(!OperatorSignature { signer, ..by.clone() }.verifies(&object, Some(&key)));
	}
	// The same bytes under another tag.
	for tag in [domain::RECEIPT, domain::CLAIM, domain::STREAM_HEAD] {
		assert!(!by.verifies(&tagged_hash(tag, &header()), Some(&key)));
	}
	// Another object, in any field.
	for change in HEADER_CHANGES {
		let mut other = header();
		change(&mut other);
		assert!(!by.verifies(&other.hash(), Some(&key)));
	}
	// Another key, the same bytes as another kind of key, and no key.
	let stranger = ed25519::Pair::from_seed(&[2; 32]);
	assert!(!by.verifies(&object, Some(&OperatorKey::Ed25519(stranger.public()))));
	let same_bytes = sr25519::Public::from_raw(pair.public().0);
	assert!(!by.verifies(&object, Some(&OperatorKey::Sr25519(same_bytes))));
	assert!(!by.verifies(&object, None));
}

#[test]
fn sr25519_keys_should_sign_as_ed25519_ones() {
	let pair = sr25519::Pair::from_seed(&[3; 32]);
	let key = OperatorKey::Sr25519(pair.public());
	let signer = Signer { account: account(1), generation: 1, key: 0 };
	let object = receipt().hash();
	let signature: Signature = pair.sign(signer.payload(&object).as_bytes()).into();
	let by = OperatorSignature { signer, signature };
	assert!(by.verifies(&object, Some(&key)));
	assert!(!by.verifies(&header().hash(), Some(&key)));
}

#[test]
fn generation_zero_should_be_the_account_itself() {
	let object = claim().hash();
	let ed = ed25519::Pair::from_seed(&[1; 32]);
	let sr = sr25519::Pair::from_seed(&[1; 32]);
	let secp = ecdsa::Pair::from_seed(&[1; 32]);
	let secp_account = sp_io::hashing::blake2_256(&secp.public().0);
	type Sign = Box<dyn Fn(&[u8]) -> Signature>;
	let accounts: [(AccountId, Sign); 3] = [
		(ed.public().0.into(), Box::new(move |payload: &[u8]| ed.sign(payload).into())),
		(sr.public().0.into(), Box::new(move |payload: &[u8]| sr.sign(payload).into())),
		(secp_account.into(), Box::new(move |payload: &[u8]| secp.sign(payload).into())),
	];
	for (account, sign) in accounts {
		let signer = Signer::account(account);
		let signature = sign(signer.payload(&object).as_bytes());
		let by = OperatorSignature { signer, signature };
		assert!(by.verifies(&object, None));
		// What the chain stores is not asked.
		let other = OperatorKey::Ed25519(ed25519::Pair::from_seed(&[9; 32]).public());
		assert!(by.verifies(&object, Some(&other)));
		assert!(!by.verifies(&receipt().hash(), None));
		// There is one way only to name the account.
		let mut signer = by.signer.clone();
		signer.key = 1;
		let signature = sign(signer.payload(&object).as_bytes());
		assert!(!OperatorSignature { signer, signature }.verifies(&object, None));
	}
}

#[test]
fn a_key_of_a_generation_should_not_sign_as_the_account() {
	// In generation 0 an operator key is not accepted ...
	let operator = ed25519::Pair::from_seed(&[1; 32]);
	let object = header().hash();
	let account = Signer::account(AccountId::new([7; 32]));
	let key = OperatorKey::Ed25519(operator.public());
	assert!(!signed(&operator, &account, &object).verifies(&object, Some(&key)));
	// ... and the account's own key is not accepted in a generation with another key.
	let cold = ed25519::Pair::from_seed(&[2; 32]);
	let signer = Signer { account: AccountId::new(cold.public().0), generation: 1, key: 0 };
	assert!(!signed(&cold, &signer, &object).verifies(&object, Some(&key)));
}

#[test]
fn two_receipts_should_equivocate_when_results_or_toolchain_differ() {
	let one = receipt();
	assert!(!one.equivocates(&one));
	for change in RESULT_CHANGES {
		let mut other = receipt();
		change(&mut other);
		assert!(one.equivocates(&other) && other.equivocates(&one));
	}
	let other = Receipt { toolchain: H256::zero(), ..receipt() };
	assert!(one.equivocates(&other) && other.equivocates(&one));
	// Extensions do not hide a contradiction, and are not one themselves.
	let mut other = Receipt { extensions: Extensions::default(), ..receipt() };
	assert!(!one.equivocates(&other));
	other.toolchain = H256::zero();
	assert!(one.equivocates(&other));
}

#[test]
fn innocent_receipts_should_not_equivocate() {
	// Of other segments, whatever they say.
	for change in RESULT_CHANGES {
		let mut other = Receipt { header: H256::zero(), ..receipt() };
		change(&mut other);
		assert!(!receipt().equivocates(&other));
	}
	// The reason for rejecting a segment is only information.
	let rejected = |reason| Receipt { result: TranscodeResult::Rejected(reason), ..receipt() };
	let (one, two) = (RejectReason::TooLong, RejectReason::Undecodable { reason: 1, packet: 2 });
	assert!(!rejected(one).equivocates(&rejected(two)));
	// But under two toolchains it contradicts itself.
	let elsewhere = Receipt { toolchain: H256::zero(), ..rejected(two) };
	assert!(rejected(one).equivocates(&elsewhere));
}

#[test]
fn headers_should_equivocate_when_they_differ_in_one_place() {
	let one = header();
	assert!(!one.equivocates(&one));
	// A signer of two of these with the same genesis, job, assignment, track and seq loses its
	// bond.
	let same_place: [fn(&mut SegmentHeader); 10] = [
		|h| h.stream = H256::zero(),
		|h| h.transcoder = account(6),
		|h| h.segment.epoch += 1,
		|h| h.segment.time += 1,
		|h| h.segment.captured += 1,
		|h| h.segment.duration += 1,
		|h| h.segment.flags = 0,
		|h| h.segment.in_hash = H256::zero(),
		|h| h.segment.chunk_root = H256::zero(),
		|h| h.segment.extensions = Extensions::default(),
	];
	let elsewhere: [fn(&mut SegmentHeader); 5] = [
		|h| h.genesis = H256::zero(),
		|h| h.job += 1,
		|h| h.assignment += 1,
		|h| h.seq += 1,
		|h| h.segment.track += 1,
	];
	for (changes, expected) in [(&same_place[..], true), (&elsewhere[..], false)] {
		for change in changes {
			let mut other = header();
			change(&mut other);
			other.segment.in_len += 1;
			assert_eq!(one.equivocates(&other), expected);
			assert_eq!(other.equivocates(&one), expected);
		}
	}
}

#[test]
fn leaf_should_give_the_header_that_the_broadcaster_signed() {
	for leaf in [transcoded(), rejected(RejectReason::TooManyBytes)] {
		assert_eq!(leaf.header_hash(place()), Some(header().hash()));
		assert_eq!(leaf.segment(), Some(&segment()));
	}
	assert_eq!(Leaf::Empty.header_hash(place()), None);
	// Everything that the claim implies is in it.
	let places: [fn(&mut Place); 6] = [
		|p| p.genesis = H256::zero(),
		|p| p.stream = H256::zero(),
		|p| p.job += 1,
		|p| p.assignment += 1,
		|p| p.transcoder = account(6),
		|p| p.seq += 1,
	];
	for change in places {
		let mut other = place();
		change(&mut other);
		assert_ne!(transcoded().header_hash(other), Some(header().hash()));
	}
}

#[test]
fn leaf_should_not_be_paid_for_another_track() {
	let info = SegmentInfo { track: 1, ..segment() };
	let leaves = [
		Leaf::Transcoded {
			segment: info.clone(),
			outputs: outputs(),
			work: 1,
			extensions: Default::default(),
		},
		Leaf::Rejected {
			segment: info,
			reason: RejectReason::TooLong,
			work: 1,
			extensions: Default::default(),
		},
	];
	for leaf in leaves {
		assert_eq!(leaf.header_hash(place()), None);
		assert_eq!(leaf.receipt(place(), hash(30)), None);
	}
}

#[test]
fn receipt_and_leaf_should_equivocate_when_they_say_different_things() {
	let reason = RejectReason::TooLong;
	let of = |leaf: Leaf| leaf.receipt(place(), hash(30)).unwrap();
	assert!(!receipt().equivocates(&of(transcoded())));
	assert!(receipt().equivocates(&of(rejected(reason))), "another kind");
	assert!(!of(rejected(RejectReason::TooShort)).equivocates(&of(rejected(reason))));
	let elsewhere = transcoded().receipt(place(), hash(99)).unwrap();
	assert!(receipt().equivocates(&elsewhere), "another toolchain");
	for change in RESULT_CHANGES {
		let mut other = receipt();
		change(&mut other);
		assert!(other.equivocates(&of(transcoded())), "other outputs");
	}
	// A leaf of another segment is not a leaf of the receipt.
	let next = Place { seq: 7, ..place() };
	assert!(!receipt().equivocates(&rejected(reason).receipt(next, hash(99)).unwrap()));
	assert_eq!(Leaf::Empty.receipt(place(), hash(30)), None);
}

#[test]
fn judged_digest_should_bind_root_toolchain_and_every_leaf_in_order() {
	all_differ(
		(hash(1), hash(2), vec![hash(3), hash(4)]),
		|(root, toolchain, leaves)| judged_digest(*root, *toolchain, leaves),
		&[
			|j| j.0 = hash(9),
			|j| j.1 = hash(9),
			|j| j.2[0] = hash(9),
			|j| j.2.reverse(),
			|j| j.2.truncate(1),
			|j| j.2.clear(),
		],
	);
}

#[test]
fn commitment_should_bind_every_field() {
	let base = (hash(1), 2u64, hash(5), 0u8, account(3), opening());
	all_differ(
		base,
		|(genesis, claim, judged, tranche, account, opening)| {
			commitment(*genesis, *claim, *judged, *tranche, account, opening)
		},
		&[
			|c| c.0 = H256::zero(),
			|c| c.1 += 1,
			|c| c.2 = H256::zero(),
			|c| c.3 = 1,
			|c| c.3 = DISPUTE,
			|c| c.4 = account(4),
			|c| c.5.verdicts[0] = Verdict::Abstain,
			|c| c.5.verdicts[0] = Verdict::Variant { rendition: 0 },
			|c| {
				c.5.verdicts =
					c.5.verdicts.iter().rev().copied().collect::<Vec<_>>().try_into().unwrap()
			},
			|c| c.5.verdicts = vec![Verdict::Valid].try_into().unwrap(),
			|c| c.5.evidence.recipe = 2,
			|c| c.5.evidence.hash = H256::zero(),
			|c| c.5.salt[31] ^= 1,
		],
	);
}

#[test]
fn duty_should_bind_every_field() {
	let seed = hash(9);
	let base = (hash(1), 2u64, 0u8, seed, 3u16, Phase::Commit, opening());
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
	// A member signs something other than what it commits to.
	let (genesis, claim, tranche, seed, _, phase, content) = base;
	assert_ne!(
		duty_payload(genesis, claim, tranche, seed, 3, phase, &content),
		commitment(genesis, claim, hash(5), tranche, &account(3), &content)
	);
}

#[test]
fn pass_should_bind_every_field() {
	all_differ(
		Pass {
			genesis: hash(1),
			claim: 2,
			tranche: 3,
			account: account(4),
			peer_id: vec![5, 6].try_into().unwrap(),
		},
		Pass::payload,
		&[
			|p| p.genesis = H256::zero(),
			|p| p.claim += 1,
			|p| p.tranche += 1,
			|p| p.account = account(9),
			|p| p.peer_id = vec![5].try_into().unwrap(),
			|p| p.peer_id = vec![5, 7].try_into().unwrap(),
		],
	);
}

#[test]
fn attestation_should_bind_every_field() {
	all_differ(
		(hash(1), account(2), 3u32, Lacking::truncate_from(vec![hash(4)])),
		|(genesis, verifier, window, lacking)| {
			attestation_payload(*genesis, verifier, *window, lacking)
		},
		&[
			|a| a.0 = H256::zero(),
			|a| a.1 = account(9),
			|a| a.2 += 1,
			|a| a.3 = Lacking::default(),
			|a| a.3 = Lacking::truncate_from(vec![hash(4), hash(5)]),
		],
	);
}

/// Every verdict, except for the rendition of a variant.
fn every_verdict() -> Vec<Verdict> {
	use Verdict::*;
	let mut all = vec![Valid, Variant { rendition: 0 }, Variant { rendition: 1 }, Abstain];
	all.extend(
		[
			MismatchKind::Video,
			MismatchKind::Audio,
			MismatchKind::Container,
			MismatchKind::Work,
			MismatchKind::Transcodable,
		]
		.map(Mismatch),
	);
	all.extend(
		[
			NonConformingKind::Unreadable,
			NonConformingKind::Size,
			NonConformingKind::Timing,
			NonConformingKind::Input,
		]
		.map(NonConforming),
	);
	all.extend(
		[
			UnavailableKind::Unreachable,
			UnavailableKind::Refused,
			UnavailableKind::WrongBytes,
			UnavailableKind::TooLate,
		]
		.map(Unavailable),
	);
	all
}

#[test]
fn verdicts_should_be_pairwise_different_and_of_one_kind() {
	use Verdict::*;
	let all = every_verdict();
	let encoded: BTreeSet<_> = all.iter().map(Encode::encode).collect();
	assert_eq!(encoded.len(), all.len());
	for verdict in all {
		let kinds = [verdict.is_pass(), verdict.is_fault(), verdict.is_unavailable()];
		let expected = match verdict {
			Valid => [true, false, false],
			Variant { .. } | Mismatch(_) | NonConforming(_) => [false, true, false],
			Unavailable(_) => [false, false, true],
			Abstain => [false; 3],
		};
		assert_eq!(kinds, expected, "{verdict:?}");
		let about_input = matches!(
			verdict,
			Mismatch(MismatchKind::Transcodable) | NonConforming(NonConformingKind::Input)
		);
		assert_eq!(verdict.is_about_input(), about_input, "{verdict:?}");
	}
}

#[test]
fn evidence_should_bind_seed_leaf_stream_frame_and_order() {
	let seed = hash(1);
	let frame = |seed, picture: &[u8]| frame_hash(seed, picture);
	assert_ne!(frame(seed, b"picture"), frame(H256::zero(), b"picture"));
	assert_ne!(frame(seed, b"picture"), frame(seed, b"picturf"));

	let digest = |seed, index, frames: &[(u8, u32, u8)]| {
		let mut leaf = LeafEvidence::new(seed, index);
		for (stream, number, byte) in frames {
			leaf.add(*stream, *number, hash(*byte));
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

	let (a, b) = (hash(2), hash(3));
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
		stream_id(&account(1), "lives"),
		stream_id(&account(1), ""),
		toolchain_id(1, hash(1)),
		toolchain_id(2, hash(1)),
		toolchain_id(1, hash(2)),
	]
	.into();
	assert_eq!(names.len(), 7);
}

#[test]
fn tags_should_be_different_and_prefix_free() {
	// A tag that is missing in the list is missing in the vectors too.
	let declared = include_str!("../src/domain.rs").matches("pub const ").count();
	assert_eq!(TAGS.len(), declared);
	assert_eq!(TAGS.iter().collect::<BTreeSet<_>>().len(), TAGS.len());
	assert!(TAGS.iter().all(|tag| tag.len() <= usize::from(u8::MAX)));
	// One tag continues another one: the length in front tells them apart.
	assert_ne!(tagged_hash(b"ab", b"c"), tagged_hash(b"abc", b""));
	assert_eq!(tagged_hash(b"ab", &7u8).0, sp_io::hashing::blake2_256(b"\x02ab\x07"));
}

#[test]
fn extensions_should_be_few_and_strictly_ascending() {
	let entry = |tag: u16| Extension { tag, hash: hash(tag as u8) };
	let list = |tags: &[u16]| tags.iter().copied().map(entry).collect::<Vec<_>>();
	let most: Vec<u16> = (0..MAX_EXTENSIONS as u16).map(|i| i * 1_000).collect();
	for good in [&[][..], &[0], &[u16::MAX], &[0, u16::MAX], &[1, 2, 3], &most] {
		let bytes = list(good).encode();
		let decoded = Extensions::decode_all(&mut &bytes[..]).unwrap();
		assert_eq!(decoded.encode(), bytes);
		assert_eq!(Extensions::new(list(good)), Some(decoded.clone()));
		assert_eq!(decoded.iter().map(|e| e.tag).collect::<Vec<_>>(), good);
		for tag in good {
			assert_eq!(decoded.get(*tag), Some(hash(*tag as u8)));
		}
		assert_eq!(decoded.get(777), None);
	}
	let many: Vec<u16> = (0..=MAX_EXTENSIONS as u16).collect();
	for bad in [&[1, 1][..], &[2, 1], &[1, 3, 2], &[1, 2, 2], &[u16::MAX, 0], &many] {
		assert_eq!(Extensions::new(list(bad)), None, "{bad:?}");
		assert!(Extensions::decode_all(&mut &list(bad).encode()[..]).is_err(), "{bad:?}");
	}
	assert_eq!(Extensions::default(), Extensions::new([]).unwrap());
}

/// The order is a rule of the object, not of who reads it: nothing that ends in extensions decodes
/// without it.
#[test]
fn objects_should_not_decode_when_their_extensions_do_not_ascend() {
	fn swap<T: Encode + DecodeAll>(object: &T) {
		let good = object.encode();
		assert!(T::decode_all(&mut &good[..]).is_ok());
		// The two extensions, which are the object's last bytes.
		let (rest, pair) = good.split_at(good.len() - 68);
		let (one, two) = pair.split_at(34);
		let bad = [rest, two, one].concat();
		assert!(T::decode_all(&mut &bad[..]).is_err());
	}
	let two = || extensions(&[1, 2]);
	swap(&SegmentInfo { extensions: two(), ..segment() });
	swap(&SegmentHeader { segment: SegmentInfo { extensions: two(), ..segment() }, ..header() });
	swap(&StreamHead { extensions: two(), ..head() });
	swap(&Receipt { extensions: two(), ..receipt() });
	swap(&WorkClaim { extensions: two(), ..claim() });
	swap(&Leaf::Transcoded { segment: segment(), outputs: outputs(), work: 1, extensions: two() });
	swap(&Leaf::Rejected {
		segment: segment(),
		reason: RejectReason::TooLong,
		work: 1,
		extensions: two(),
	});
}

#[test]
fn unknown_extensions_should_be_carried() {
	let bytes = SegmentHeader {
		segment: SegmentInfo { extensions: extensions(&[9, 40_000]), ..segment() },
		..header()
	}
	.encode();
	let decoded = SegmentHeader::decode_all(&mut &bytes[..]).unwrap();
	assert_eq!(decoded.encode(), bytes);
	assert_ne!(decoded.hash(), header().hash());
}

#[test]
fn largest_values_should_fit_their_bounds() {
	let largest_extensions = || extensions(&[1, 2, 3, 4, 5, 6, 7, 8]);
	let largest_segment = SegmentInfo { extensions: largest_extensions(), ..segment() };
	let largest_outputs: Outputs =
		vec![Some(output(1)); MAX_RENDITIONS as usize].try_into().unwrap();
	let leaf = Leaf::Transcoded {
		segment: largest_segment.clone(),
		outputs: largest_outputs.clone(),
		work: u64::MAX,
		extensions: largest_extensions(),
	};
	assert_eq!(leaf.encoded_size(), Leaf::max_encoded_len());
	let receipt = Receipt {
		result: TranscodeResult::Transcoded(largest_outputs),
		extensions: largest_extensions(),
		..receipt()
	};
	assert_eq!(receipt.encoded_size(), Receipt::max_encoded_len());
	let header = SegmentHeader { segment: largest_segment, ..header() };
	assert_eq!(header.encoded_size(), SegmentHeader::max_encoded_len());
	let head = StreamHead { extensions: largest_extensions(), ..head() };
	assert_eq!(head.encoded_size(), StreamHead::max_encoded_len());
	let claim = WorkClaim { extensions: largest_extensions(), ..claim() };
	assert_eq!(claim.encoded_size(), WorkClaim::max_encoded_len());
	let node = SumNode { hash: H256::zero(), work: u64::MAX };
	let proof: SumProof = vec![node; MAX_TREE_DEPTH as usize].try_into().unwrap();
	assert_eq!(proof.encoded_size(), SumProof::max_encoded_len());
	let worst = Verdict::Variant { rendition: 255 };
	let opening =
		Opening { verdicts: vec![worst; MAX_SAMPLES as usize].try_into().unwrap(), ..opening() };
	assert_eq!(opening.encoded_size(), Opening::max_encoded_len());
}

#[test]
fn too_long_lists_should_not_be_decoded() {
	fn refused<T: Decode, E: Encode + Clone>(entry: E, most: u32) {
		let list = |count: u32| vec![entry.clone(); count as usize].encode();
		assert!(T::decode(&mut &list(most)[..]).is_ok());
		assert!(T::decode(&mut &list(most + 1)[..]).is_err());
	}
	refused::<Outputs, _>(Some(output(1)), MAX_RENDITIONS);
	refused::<SumProof, _>(SumNode { hash: H256::zero(), work: 0 }, MAX_TREE_DEPTH);
	refused::<Verdicts, _>(Verdict::Valid, MAX_SAMPLES);
	refused::<Profiles, _>(1u16, MAX_PROFILES);
}

proptest! {
	/// Bytes from peers and from transactions: decoding returns, never panics, and accepts only one
	/// encoding of a value.
	#[test]
	fn decoding_should_be_canonical_when_bytes_are_random(
		bytes in prop::collection::vec(any::<u8>(), 0..600),
	) {
		fn canonical<T: DecodeAll + Encode>(bytes: &[u8]) {
			if let Ok(value) = T::decode_all(&mut &bytes[..]) {
				assert_eq!(value.encode(), bytes);
			}
		}
		canonical::<SegmentHeader>(&bytes);
		canonical::<StreamHead>(&bytes);
		canonical::<Receipt>(&bytes);
		canonical::<WorkClaim>(&bytes);
		canonical::<Availability>(&bytes);
		canonical::<OperatorSignature>(&bytes);
		canonical::<Pass>(&bytes);
		canonical::<Extensions>(&bytes);
		canonical::<Leaf>(&bytes);
		canonical::<SumProof>(&bytes);
		canonical::<Commitment>(&bytes);
		canonical::<Opening>(&bytes);
		canonical::<Verdict>(&bytes);
		canonical::<ClaimInfo>(&bytes);
	}

	/// The same for bytes that are almost right, so that every part is reached.
	#[test]
	fn decoding_should_be_canonical_when_one_byte_is_changed(at in any::<usize>(), to in any::<u8>()) {
		fn canonical<T: DecodeAll + Encode>(value: T, at: usize, to: u8) {
			let mut bytes = value.encode();
			let place = at % bytes.len();
			bytes[place] = to;
			if let Ok(value) = T::decode_all(&mut &bytes[..]) {
				assert_eq!(value.encode(), bytes);
			}
		}
		canonical(header(), at, to);
		canonical(head(), at, to);
		canonical(receipt(), at, to);
		canonical(claim(), at, to);
		canonical(transcoded(), at, to);
		canonical(rejected(RejectReason::Undecodable { reason: 1, packet: 2 }), at, to);
		canonical(opening(), at, to);
	}
}
