//! Golden vectors: the exact bytes of every signed or hashed format, for implementations in other
//! languages. `docs/formats.md` describes them, and `tests/formats/check.py` computes them from
//! that text alone. `WRITE_VECTORS=1 cargo test -p livepeer-primitives --test vectors` rewrites
//! them after a change of format, which is a new protocol version.
#![allow(missing_docs, clippy::unwrap_used)]
#![recursion_limit = "1024"]

mod common;

use codec::{Decode, Encode};
use common::TAGS;
use livepeer_primitives::{
	chunks::{chunk_nodes, chunk_root, proof, CHUNK},
	claim::WorkClaim,
	domain::{self, tagged_hash},
	draw::{
		neg_log2, order_of_tickets, positions, sample_count, ticket, tranche_seed, weighted_order,
	},
	duty::{Acceptance, Availability, Heartbeat},
	evidence::{fold, frame_hash, LeafEvidence, PROBES, RECIPE},
	extension::{Extension, Extensions, C2PA_MANIFEST},
	keys::{OperatorKey, OperatorSignature, Signer},
	leaf::{Leaf, Place},
	receipt::{Output, Outputs, Receipt, RejectReason, TranscodeResult},
	segment::{stream_id, SegmentHeader, SegmentInfo, StreamHead, LAST_OF_EPOCH},
	sum_tree::{verify, SumTree},
	toolchain::{attestation_payload, toolchain_id, Lacking, PROFILE},
	variant::{choice, openings_hash, VariantOpening, VariantOpenings, VariantPlace, VrfOpening},
	verdict::{
		commitment, duty_payload, judged_digest, Evidence, MismatchKind, NonConformingKind,
		Opening, Pass, Phase, UnavailableKind, Verdict, DISPUTE,
	},
	AccountId, Balance, Hash,
};
use serde_json::{json, Value};
use sp_core::{crypto::VrfSecret, ecdsa, ed25519, sr25519, Pair};
use sp_runtime::{traits::IdentifyAccount, MultiSignature, MultiSigner, Perbill};

const PATH: &str = "tests/vectors.json";

fn hex(bytes: impl AsRef<[u8]>) -> String {
	format!("0x{}", hex::encode(bytes))
}

fn scale(value: &impl Encode) -> String {
	hex(value.encode())
}

/// Numbers above 2^53 are text, because some languages' numbers are doubles.
fn number(value: impl Into<u128>) -> Value {
	let value: u128 = value.into();
	match u64::try_from(value) {
		Ok(small) if small < 1 << 53 => small.into(),
		_ => value.to_string().into(),
	}
}

fn account(byte: u8) -> AccountId {
	AccountId::new([byte; 32])
}

fn hash(byte: u8) -> Hash {
	Hash::repeat_byte(byte)
}

fn list(extensions: &Extensions) -> Value {
	extensions.iter().map(|e| json!({ "tag": e.tag, "hash": hex(e.hash) })).collect()
}

fn segment_fields(segment: &SegmentInfo) -> Value {
	json!({
		"track": segment.track, "epoch": segment.epoch, "time": number(segment.time),
		"captured": number(segment.captured), "duration": segment.duration,
		"flags": segment.flags, "in_hash": hex(segment.in_hash), "in_len": segment.in_len,
		"chunk_root": hex(segment.chunk_root), "extensions": list(&segment.extensions),
	})
}

fn outputs_fields(outputs: &Outputs) -> Value {
	outputs
		.iter()
		.map(|output| match output {
			Some(Output { hash, len, chunk_root }) => {
				json!({ "hash": hex(hash), "len": len, "chunk_root": hex(chunk_root) })
			}
			None => Value::Null,
		})
		.collect()
}

/// An enum's value: its name, and its fields if it has any.
fn reason_fields(reason: &RejectReason) -> Value {
	match reason {
		RejectReason::Undecodable { reason, packet } => {
			json!({ "name": "Undecodable", "reason": reason, "packet": packet })
		}
		other => json!({ "name": format!("{other:?}") }),
	}
}

fn leaf_fields(leaf: &Leaf) -> Value {
	match leaf {
		Leaf::Empty => json!({ "kind": "Empty" }),
		Leaf::Transcoded { segment, outputs, work, extensions } => json!({
			"kind": "Transcoded", "segment": segment_fields(segment),
			"outputs": outputs_fields(outputs), "work": number(*work),
			"extensions": list(extensions),
		}),
		Leaf::Rejected { segment, reason, work, extensions } => json!({
			"kind": "Rejected", "segment": segment_fields(segment),
			"reason": reason_fields(reason), "work": number(*work),
			"extensions": list(extensions),
		}),
	}
}

fn receipt_vector(receipt: &Receipt) -> Value {
	let result = match &receipt.result {
		TranscodeResult::Transcoded(outputs) => {
			json!({ "kind": "Transcoded", "outputs": outputs_fields(outputs) })
		}
		TranscodeResult::Rejected(reason) => {
			json!({ "kind": "Rejected", "reason": reason_fields(reason) })
		}
	};
	json!({
		"header": hex(receipt.header), "toolchain": hex(receipt.toolchain), "result": result,
		"extensions": list(&receipt.extensions),
		"scale": scale(receipt), "hash": hex(receipt.hash()),
	})
}

/// A signature over an object, by a key of this seed.
fn signed(seed: u8, account: AccountId, generation: u32, key: u8, object: Hash) -> Value {
	let pair = ed25519::Pair::from_seed(&[seed; 32]);
	let signer = Signer { account, generation, key };
	let payload = signer.payload(&object);
	let signature = OperatorSignature {
		signer: signer.clone(),
		signature: pair.sign(payload.as_bytes()).into(),
	};
	let stored = OperatorKey::Ed25519(pair.public());
	assert!(signature.verifies(&object, Some(&stored)));
	json!({
		"account": hex(&signer.account), "generation": generation, "key": key,
		"object": hex(object), "payload": hex(payload),
		"public_ed25519": hex(pair.public().0), "stored_key": scale(&stored),
		"operator_signature": scale(&signature),
	})
}

/// A signature of an account itself over an object.
fn signed_by(
	public: MultiSigner,
	object: Hash,
	sign: impl FnOnce(&[u8]) -> MultiSignature,
) -> Value {
	let public_key = hex(&public);
	let signer = Signer::account(public.into_account());
	let payload = signer.payload(&object);
	let signature =
		OperatorSignature { signer: signer.clone(), signature: sign(payload.as_bytes()) };
	assert!(signature.verifies(&object, None));
	json!({
		"account": hex(&signer.account), "object": hex(object), "payload": hex(payload),
		"public": public_key, "operator_signature": scale(&signature),
	})
}

/// sr25519 uses fresh randomness for each signature. The file's signature was made by another
/// implementation; it is kept as long as it verifies.
fn stored_sr25519(object: &Hash) -> Option<MultiSignature> {
	let golden: Value = serde_json::from_str(&std::fs::read_to_string(PATH).ok()?).ok()?;
	let text = golden["signed_otherwise"]["sr25519"]["operator_signature"].as_str()?;
	let bytes = hex::decode(text.strip_prefix("0x")?).ok()?;
	let stored = OperatorSignature::decode(&mut &bytes[..]).ok()?;
	stored.verifies(object, None).then_some(stored.signature)
}

/// What accounts sign whose keys are not Ed25519.
fn signed_otherwise(object: Hash) -> Value {
	let seed = [6; 32];
	let sr = sr25519::Pair::from_seed(&seed);
	let ec = ecdsa::Pair::from_seed(&seed);
	let eth = ecdsa::KeccakPair::from_seed(&seed);
	json!({
		"sr25519": signed_by(MultiSigner::Sr25519(sr.public()), object, |payload| {
			stored_sr25519(&object).unwrap_or_else(|| MultiSignature::Sr25519(sr.sign(payload)))
		}),
		"ecdsa": signed_by(MultiSigner::Ecdsa(ec.public()), object, |payload| {
			MultiSignature::Ecdsa(ec.sign(payload))
		}),
		"eth": signed_by(MultiSigner::Eth(eth.public()), object, |payload| {
			MultiSignature::Eth(eth.sign(payload))
		}),
	})
}

fn bytes(len: usize) -> Vec<u8> {
	(0..len).map(|i| (i % 251) as u8).collect()
}

fn chunk_vector(len: usize) -> Value {
	let bytes = bytes(len);
	let nodes = chunk_nodes(&bytes);
	let proofs: Vec<Vec<String>> = (0..nodes.len())
		.map(|index| proof(&nodes, index).unwrap().iter().map(hex).collect())
		.collect();
	json!({ "len": len, "root": hex(chunk_root(&bytes)), "proofs": proofs })
}

fn order_vector(
	tag: &[u8],
	seed: Hash,
	subject: &impl Encode,
	candidates: &[(AccountId, Balance)],
) -> Value {
	let order =
		weighted_order(tag, seed, subject, candidates.iter().map(|(who, stake)| (who, *stake)));
	let tickets: Vec<_> =
		candidates.iter().map(|(who, _)| number(ticket(tag, seed, subject, who))).collect();
	json!({
		"tag": std::str::from_utf8(tag).unwrap(), "seed": hex(seed), "subject": scale(subject),
		"accounts": candidates.iter().map(|(who, _)| hex(who)).collect::<Vec<_>>(),
		"stakes": candidates.iter().map(|(_, stake)| number(*stake)).collect::<Vec<_>>(),
		"tickets": tickets,
		"order": order,
	})
}

/// An opening of x uses fresh randomness each time: the file's opening is kept as long as it
/// verifies.
fn variant_opening(place: &VariantPlace, pair: &sr25519::Pair) -> VrfOpening {
	let stored = || {
		let golden: Value = serde_json::from_str(&std::fs::read_to_string(PATH).ok()?).ok()?;
		let text = golden["variant"]["opening"].as_str()?.strip_prefix("0x")?.to_owned();
		let opening = VrfOpening(hex::decode(text).ok()?.try_into().ok()?);
		place.verify(&pair.public(), &opening).map(|_| opening)
	};
	stored().unwrap_or_else(|| VrfOpening::from(&pair.vrf_sign(&place.sign_data())))
}

fn every_verdict() -> Vec<Verdict> {
	use Verdict::*;
	vec![
		Valid,
		Variant { rendition: 3 },
		Mismatch(MismatchKind::Video),
		Mismatch(MismatchKind::Audio),
		Mismatch(MismatchKind::Container),
		Mismatch(MismatchKind::Work),
		Mismatch(MismatchKind::Transcodable),
		Mismatch(MismatchKind::Unforced),
		NonConforming(NonConformingKind::Unreadable),
		NonConforming(NonConformingKind::Size),
		NonConforming(NonConformingKind::Timing),
		NonConforming(NonConformingKind::Input),
		Unavailable(UnavailableKind::Unreachable),
		Unavailable(UnavailableKind::Refused),
		Unavailable(UnavailableKind::WrongBytes),
		Unavailable(UnavailableKind::TooLate),
		Abstain,
	]
}

fn every_reason() -> Vec<RejectReason> {
	use RejectReason::*;
	vec![
		TooManyBytes,
		NotTransportStream,
		TooManyPackets,
		UnsupportedVideo,
		UnsupportedAudio,
		TooManyPixels,
		TooManyFrames,
		TooLong,
		TooShort,
		NoKeyframe,
		Undecodable { reason: 513, packet: 65_538 },
	]
}

fn vectors() -> Value {
	let genesis = hash(0x11);
	let broadcaster = AccountId::new(ed25519::Pair::from_seed(&[1; 32]).public().0);
	let transcoder = AccountId::new(ed25519::Pair::from_seed(&[2; 32]).public().0);
	let stream = stream_id(&broadcaster, "live");
	let extensions = |tags: &[u16]| {
		let entries = tags.iter().map(|tag| Extension { tag: *tag, hash: hash(*tag as u8) });
		Extensions::new(entries).unwrap()
	};

	// What the broadcaster signs.
	let segment = SegmentInfo {
		track: 0,
		epoch: 3,
		time: 8_589_934_592,
		captured: 1_764_338_400_123,
		duration: 180_000,
		flags: LAST_OF_EPOCH,
		in_hash: hash(0x22),
		in_len: 123_456,
		chunk_root: hash(0x23),
		extensions: extensions(&[C2PA_MANIFEST, 0x1234]),
	};
	let place =
		Place { genesis, stream, job: 7, assignment: 1, transcoder: transcoder.clone(), seq: 42 };
	let header = SegmentHeader {
		genesis,
		stream,
		job: place.job,
		assignment: place.assignment,
		transcoder: transcoder.clone(),
		seq: place.seq,
		segment: segment.clone(),
	};
	let head = StreamHead {
		genesis,
		stream,
		epoch: 3,
		next_seq: 43,
		ended: true,
		time: 1_764_338_402_123,
		extensions: Extensions::default(),
	};

	// What the transcoder signs in return.
	let toolchain = toolchain_id(PROFILE, hash(0x33));
	let output = |byte: u8, len| Output { hash: hash(byte), len, chunk_root: hash(byte + 0x10) };
	let outputs: Outputs =
		vec![Some(output(0x44, 65_536)), None, Some(output(0x45, 32_768))].try_into().unwrap();
	let receipt = Receipt {
		header: header.hash(),
		toolchain,
		result: TranscodeResult::Transcoded(outputs.clone()),
		extensions: extensions(&[0x1235]),
	};
	let rejecting = Receipt {
		result: TranscodeResult::Rejected(RejectReason::Undecodable { reason: 5, packet: 188 }),
		extensions: Extensions::default(),
		..receipt.clone()
	};

	// Its leaves and their tree.
	let transcoded = |in_hash: u8, work| Leaf::Transcoded {
		segment: SegmentInfo { in_hash: hash(in_hash), ..segment.clone() },
		outputs: outputs.clone(),
		work,
		extensions: Extensions::default(),
	};
	let rejected = Leaf::Rejected {
		segment: segment.clone(),
		reason: RejectReason::TooManyPixels,
		work: 3_456_000,
		extensions: extensions(&[0x1236]),
	};
	let leaves = [
		transcoded(0x22, 86_400_000),
		Leaf::Empty,
		rejected.clone(),
		transcoded(2, 43_200_000),
		transcoded(3, 1),
	];
	assert_eq!(leaves[0].header_hash(place.clone()), Some(header.hash()));
	assert_eq!(rejected.header_hash(place.clone()), Some(header.hash()));
	let tree = SumTree::new(&leaves).unwrap();
	let committed = tree.commitment();
	let proofs: Vec<_> = (0u32..)
		.zip(&leaves)
		.map(|(index, leaf)| {
			let proof = tree.proof(index).unwrap();
			let range = verify(&committed, index, leaf, &proof).unwrap();
			json!({
				"index": index, "fields": leaf_fields(leaf), "scale": scale(leaf),
				"hash": hex(livepeer_primitives::sum_tree::leaf_hash(leaf, index, 5)),
				"proof": scale(&proof), "range": [range.start, range.end],
			})
		})
		.collect();
	let claim = WorkClaim {
		genesis,
		job: 7,
		assignment: 1,
		first: 42,
		last: 46,
		root: committed.root,
		total_work: committed.total_work,
		largest_leaf: 86_400_000,
		toolchain,
		extensions: extensions(&[0x1237]),
	};

	// Its duties.
	let heartbeat = Heartbeat { genesis, at: 1_000 };
	let availability = Availability {
		genesis,
		at: 1_001,
		capacity: 110_592_000,
		profiles: vec![1, 7].try_into().unwrap(),
	};
	let acceptance = Acceptance {
		genesis,
		job: 7,
		assignment: 1,
		broadcaster_keys: 2,
		transcoder_keys: 5,
		toolchain,
	};

	// Chance.
	let seed = hash(0xaa);
	let candidates: Vec<(AccountId, Balance)> = (1u8..)
		.map(account)
		.zip([
			1_000_000_000_000_000_000_000,
			0,
			250_000_000_000_000_000_000,
			1,
			u128::MAX,
			750_000_000_000_000_000_000,
			1_000_000_000_000_000_000_000,
			999_999_999_999_999_999_999,
		])
		.collect();
	let (half, quarter) = ((1u64 << 63) - 1, (1u64 << 62) - 1);
	let tied = [
		(half, account(3), 10u128),
		(quarter, account(1), 20),
		(u64::MAX, account(8), 1),
		(u64::MAX, account(2), u128::MAX),
		(0, account(4), 640),
		(half, account(5), 0),
	];
	let tied_order = order_of_tickets(tied.iter().map(|(u, who, stake)| (*u, who, *stake)));
	let logs: Vec<_> = [
		0,
		1,
		2,
		9,
		255,
		1_000_000_007,
		quarter,
		half,
		half + 1,
		0x8000_0000_0000_0001,
		0xdead_beef_0123_4567,
		u64::MAX - 1,
		u64::MAX,
	]
	.into_iter()
	.map(|u| json!({ "u": number(u), "log": number(neg_log2(u)) }))
	.collect();
	let counts: Vec<_> = [
		(20_000_000, 800, 16),
		(20_000_000, 51, 16),
		(20_000_000, 1, 16),
		(250_000_000, 16, 16),
		(333_333_333, 4_096, 5),
		(1, 4_096, 16),
		(1_000_000_000, 3, 0),
	]
	.into_iter()
	.map(|(parts, leaves, max)| {
		let count = sample_count(Perbill::from_parts(parts), leaves, max);
		json!({ "parts": parts, "leaves": leaves, "max": max, "count": count })
	})
	.collect();

	// What a verifier says about the first and the last leaf.
	let leaf_hash =
		|index: u32| livepeer_primitives::sum_tree::leaf_hash(&leaves[index as usize], index, 5);
	let judged = judged_digest(committed.root, toolchain, &[leaf_hash(0), leaf_hash(4)]);
	let opening = Opening {
		verdicts: vec![Verdict::Variant { rendition: 2 }, Verdict::Mismatch(MismatchKind::Video)]
			.try_into()
			.unwrap(),
		evidence: Evidence { recipe: RECIPE, hash: hash(0x77) },
		salt: [0x88; 32],
	};
	let verifier = account(0x99);
	let commit = commitment(genesis, 5, judged, 0, &verifier, &opening);
	let lacking = Lacking::truncate_from(vec![toolchain, hash(0xee)]);
	let pass = Pass {
		genesis,
		claim: 5,
		tranche: DISPUTE,
		account: verifier.clone(),
		peer_id: (0u8..38).collect::<Vec<_>>().try_into().unwrap(),
	};
	let mut evidence = LeafEvidence::new(seed, 3);
	let frame = frame_hash(seed, b"picture");
	evidence.add(0, 0, frame);
	evidence.add(1, 0, frame);
	let probe = b"probe";
	let mut probed = evidence.clone();
	probed.add(PROBES + 1, 0, Hash::from(sp_io::hashing::sha2_256(probe)));

	// Forced variants.
	let vrf = sr25519::Pair::from_seed(&[3; 32]);
	let variant_place = VariantPlace { genesis, stream, job: 7, assignment: 1, seq: 42 };
	let vrf_opening = variant_opening(&variant_place, &vrf);
	let x = variant_place.verify(&vrf.public(), &vrf_opening).unwrap();
	// The proof differs each time; x does not.
	let fresh = VrfOpening::from(&vrf.vrf_sign(&variant_place.sign_data()));
	assert_eq!(variant_place.verify(&vrf.public(), &fresh), Some(x));
	let chosen = choice(&x);
	let opened = VariantOpening { index: 3, vrf: vrf_opening };
	let opened: VariantOpenings =
		vec![opened.clone(), VariantOpening { index: 4, ..opened }].try_into().unwrap();

	// Reserved: no code writes these yet.
	let part = (
		(genesis, stream, 7u64, 1u32, transcoder.clone(), 0u8, 42u64),
		(4u32, 65_536u64, hash(0x55), Extensions::default()),
	);
	let rendition_part = (header.hash(), 2u8, 4u32, 65_536u64, hash(0x56), Extensions::default());

	let tags = TAGS.map(|tag| {
		json!({
			"tag": std::str::from_utf8(tag).unwrap(), "hash_of_nothing": hex(tagged_hash(tag, &())),
		})
	});
	let chunks =
		[0, 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK, 4 * CHUNK + 1_000, 7 * CHUNK, 8 * CHUNK + 5]
			.map(chunk_vector);
	let tranches = [0, 1, DISPUTE].map(|tranche| {
		json!({
			"entropy": hex(seed), "claim": 5, "tranche": tranche,
			"seed": hex(tranche_seed(seed, 5, tranche)),
		})
	});

	json!({
		"inputs": {
			"genesis": hex(genesis),
			"broadcaster": hex(&broadcaster), "broadcaster_seed_ed25519": hex([1; 32]),
			"transcoder": hex(&transcoder), "transcoder_seed_ed25519": hex([2; 32]),
		},
		"tags": tags,
		"extensions": {
			"list": list(&segment.extensions), "scale": scale(&segment.extensions),
			"empty": scale(&Extensions::default()),
		},
		"stream_id": { "account": hex(&broadcaster), "name": "live", "id": hex(stream) },
		"segment_header": {
			"genesis": hex(genesis), "stream": hex(stream), "job": 7, "assignment": 1,
			"transcoder": hex(&transcoder), "seq": 42, "segment": segment_fields(&segment),
			"scale": scale(&header), "hash": hex(header.hash()),
		},
		"stream_head": {
			"genesis": hex(genesis), "stream": hex(stream), "epoch": 3, "next_seq": 43,
			"ended": true, "time": number(head.time), "extensions": [],
			"scale": scale(&head), "hash": hex(head.hash()),
		},
		"signed": {
			"by_account": signed(1, broadcaster.clone(), 0, 0, header.hash()),
			"by_key": signed(4, broadcaster.clone(), 2, 1, header.hash()),
			"receipt_by_key": signed(5, transcoder.clone(), 5, 7, receipt.hash()),
			"claim_by_key": signed(5, transcoder.clone(), 5, 7, claim.hash()),
		},
		"signed_otherwise": signed_otherwise(header.hash()),
		"toolchain": { "profile": PROFILE, "digest": hex([0x33; 32]), "id": hex(toolchain) },
		"receipt": receipt_vector(&receipt),
		"receipt_rejecting": receipt_vector(&rejecting),
		"reject_reasons": every_reason().iter()
			.map(|reason| json!({ "fields": reason_fields(reason), "scale": scale(reason) }))
			.collect::<Vec<_>>(),
		"sum_tree": {
			"root": hex(committed.root), "total_work": committed.total_work,
			"leaf_count": committed.leaf_count, "scale": scale(&committed), "leaves": proofs,
		},
		"claim": {
			"genesis": hex(genesis), "job": 7, "assignment": 1, "first": 42, "last": 46,
			"root": hex(claim.root), "total_work": claim.total_work,
			"largest_leaf": claim.largest_leaf, "toolchain": hex(toolchain),
			"extensions": list(&claim.extensions),
			"scale": scale(&claim), "hash": hex(claim.hash()),
		},
		"heartbeat": {
			"genesis": hex(genesis), "at": 1_000,
			"scale": scale(&heartbeat), "hash": hex(heartbeat.hash()),
		},
		"availability": {
			"genesis": hex(genesis), "at": 1_001, "capacity": 110_592_000, "profiles": [1, 7],
			"scale": scale(&availability), "hash": hex(availability.hash()),
		},
		"acceptance": {
			"genesis": hex(genesis), "job": 7, "assignment": 1, "broadcaster_keys": 2,
			"transcoder_keys": 5, "toolchain": hex(toolchain),
			"scale": scale(&acceptance), "hash": hex(acceptance.hash()),
		},
		"chunks": { "bytes": "byte i is i mod 251", "cases": chunks },
		"neg_log2": logs,
		"order": [
			order_vector(domain::COMMITTEE, seed, &5u64, &candidates),
			order_vector(domain::ASSIGNMENT, seed, &7u64, &candidates),
			order_vector(domain::SEAT, seed, &9u32, &candidates),
		],
		"order_of_tickets": {
			"tickets": tied.iter().map(|(u, _, _)| number(*u)).collect::<Vec<_>>(),
			"accounts": tied.iter().map(|(_, who, _)| hex(who)).collect::<Vec<_>>(),
			"stakes": tied.iter().map(|(_, _, stake)| number(*stake)).collect::<Vec<_>>(),
			"order": tied_order,
		},
		"positions": {
			"seed": hex(seed), "claim": 5, "root": hex(committed.root),
			"total_work": committed.total_work,
			"positions": positions(seed, 5, committed.root, committed.total_work, 6),
		},
		"sample_count": counts,
		"tranche_seed": tranches,
		"evidence": {
			"seed": hex(seed), "index": 3, "picture": hex(b"picture"), "frame": hex(frame),
			"frames": [[0, 0], [1, 0]], "leaf": hex(evidence.digest()),
			"probe": hex(probe), "probe_of_rendition": 1, "leaf_with_probe": hex(probed.digest()),
			"fold": scale(&fold(seed, &[(3, evidence.digest())])),
			"fold_of_none": scale(&fold(seed, &[])),
		},
		"verdicts": every_verdict().iter()
			.map(|verdict| json!({ "name": format!("{verdict:?}"), "scale": scale(verdict) }))
			.collect::<Vec<_>>(),
		"judged": {
			"root": hex(committed.root), "toolchain": hex(toolchain),
			"leaves": [hex(leaf_hash(0)), hex(leaf_hash(4))], "digest": hex(judged),
		},
		"commitment": {
			"genesis": hex(genesis), "claim": 5, "judged": hex(judged), "tranche": 0,
			"account": hex(&verifier),
			"verdicts": opening.verdicts.iter().map(scale).collect::<Vec<_>>(),
			"recipe": RECIPE, "evidence": hex([0x77; 32]), "salt": hex([0x88; 32]),
			"opening": scale(&opening), "commitment": hex(commit),
		},
		"duty": {
			"genesis": hex(genesis), "claim": 5, "seed": hex(seed), "member": 2,
			"commit": hex(duty_payload(genesis, 5, 0, seed, 2, Phase::Commit, &commit)),
			"reveal": hex(duty_payload(genesis, 5, 0, seed, 2, Phase::Reveal, &opening)),
			"ask": hex(duty_payload(genesis, 5, 0, seed, 2, Phase::Ask, &())),
			"dispute_commit":
				hex(duty_payload(genesis, 5, DISPUTE, seed, 2, Phase::Commit, &commit)),
		},
		"pass": {
			"genesis": hex(genesis), "claim": 5, "tranche": DISPUTE, "account": hex(&verifier),
			"peer_id": hex(&pass.peer_id), "scale": scale(&pass), "payload": hex(pass.payload()),
		},
		"attestation": {
			"genesis": hex(genesis), "account": hex(&verifier), "window": 17,
			"lacking": lacking.iter().map(hex).collect::<Vec<_>>(),
			"payload": hex(attestation_payload(genesis, &verifier, 17, &lacking)),
			"of_none": hex(attestation_payload(genesis, &verifier, 17, &Lacking::default())),
		},
		"variant": {
			"genesis": hex(genesis), "stream": hex(stream), "job": 7, "assignment": 1, "seq": 42,
			"place": scale(&variant_place),
			"vrf_key": hex(vrf.public().0), "vrf_seed_sr25519": hex([3; 32]),
			"opening": hex(vrf_opening.0), "x": hex(x),
			"ticket": number(chosen.ticket), "rendition": chosen.rendition,
			"start": chosen.start,
		},
		"openings": {
			"genesis": hex(genesis), "claim": 5, "seed": hex(seed), "indices": [3, 4],
			"opening": hex(vrf_opening.0), "scale": scale(&opened),
			"hash": hex(openings_hash(genesis, 5, seed, &opened)),
		},
		"beacon": {
			"accumulator": hex([0; 32]), "vrf": hex([0xbb; 32]),
			"folded": hex(tagged_hash(domain::BEACON, &(Hash::zero(), hash(0xbb)))),
		},
		"reserved": {
			"source_part": {
				"genesis": hex(genesis), "stream": hex(stream), "job": 7, "assignment": 1,
				"transcoder": hex(&transcoder), "track": 0, "seq": 42, "index": 4,
				"offset": 65_536, "hash": hex([0x55; 32]), "extensions": [],
				"scale": scale(&part), "object_hash": hex(tagged_hash(domain::SOURCE_PART, &part)),
			},
			"rendition_part": {
				"header": hex(header.hash()), "rendition": 2, "index": 4, "offset": 65_536,
				"hash": hex([0x56; 32]), "extensions": [],
				"scale": scale(&rendition_part),
				"object_hash": hex(tagged_hash(domain::RENDITION_PART, &rendition_part)),
			},
		},
	})
}

#[test]
fn formats_should_be_those_of_the_file() {
	let now = vectors();
	if std::env::var_os("WRITE_VECTORS").is_some() {
		let text = serde_json::to_string_pretty(&now).unwrap() + "\n";
		std::fs::write(PATH, text).unwrap();
	}
	let golden: Value = serde_json::from_str(&std::fs::read_to_string(PATH).unwrap()).unwrap();
	for (format, expected) in golden.as_object().unwrap() {
		assert_eq!(&now[format], expected, "{format} has changed");
	}
	assert_eq!(golden, now, "a format is missing in the file");
}
