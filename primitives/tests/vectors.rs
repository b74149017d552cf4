//! Golden vectors: the exact bytes and hashes of every format, in `vectors.json`.
//!
//! Whoever writes these formats in another language tests against that file. A change of it is a
//! change of the protocol. `WRITE_VECTORS=1 cargo test --test vectors` writes it anew.
#![allow(missing_docs, clippy::unwrap_used)]

use codec::Encode;
use livepeer_primitives::{
	domain::{tagged_hash, BEACON},
	draw::{committee, positions, tranche_seed},
	evidence::{fold, frame_hash, LeafEvidence},
	leaf::{Leaf, RejectReason},
	receipt::{signature_hash, Output, Receipt},
	segment::{stream_id, SegmentHeader},
	sum_tree::{verify, SumTree},
	toolchain::{toolchain_id, PROFILE},
	verdict::{commitment, duty_payload, Evidence, MismatchKind, Opening, Phase, Verdict, DISPUTE},
	AccountId, Hash, Signature,
};
use serde_json::{json, Value};
use sp_core::{ed25519, Pair, H256};

fn hex(bytes: impl AsRef<[u8]>) -> String {
	format!("0x{}", hex::encode(bytes))
}

fn scale(value: &impl Encode) -> String {
	hex(value.encode())
}

fn vectors() -> Value {
	let genesis = Hash::repeat_byte(0x11);
	let broadcaster = ed25519::Pair::from_seed(&[1; 32]);
	let transcoder = ed25519::Pair::from_seed(&[2; 32]);
	let broadcaster_account = AccountId::new(broadcaster.public().0);
	let transcoder_account = AccountId::new(transcoder.public().0);

	let header = SegmentHeader {
		genesis,
		stream: stream_id(&broadcaster_account, "live"),
		job: 7,
		assignment: 1,
		transcoder: transcoder_account.clone(),
		seq: 42,
		in_hash: H256::repeat_byte(0x22),
		in_len: 123_456,
		duration: 180_000,
	};
	let header_signature: Signature = broadcaster.sign(header.signing_payload().as_bytes()).into();
	assert!(header.is_signed_by(&broadcaster_account, &header_signature));

	let toolchain = toolchain_id(PROFILE, H256::repeat_byte(0x33));
	let outputs = vec![
		Output { hash: H256::repeat_byte(0x44), len: 65_536 },
		Output { hash: H256::repeat_byte(0x45), len: 32_768 },
	];
	let receipt = Receipt {
		header: header.clone(),
		broadcaster_signature_hash: signature_hash(&header_signature),
		toolchain,
		outputs: outputs.clone().try_into().unwrap(),
	};
	let receipt_signature: Signature = transcoder.sign(receipt.signing_payload().as_bytes()).into();
	assert!(receipt.is_signed(&receipt_signature));

	let transcoded = |seq: u8, work| Leaf::Transcoded {
		in_hash: H256::repeat_byte(seq),
		in_len: 123_456,
		duration: 180_000,
		outputs: outputs.clone().try_into().unwrap(),
		work,
	};
	let rejected = Leaf::Rejected {
		in_hash: H256::repeat_byte(0x66),
		reason: RejectReason::TooManyPixels,
		work: 1_000,
	};
	let leaves = [
		transcoded(1, 86_400_000),
		Leaf::Empty,
		rejected.clone(),
		transcoded(2, 43_200_000),
		transcoded(3, 1),
	];
	let tree = SumTree::new(&leaves).unwrap();
	let claim = tree.commitment();
	let proofs: Vec<_> = (0u32..)
		.zip(&leaves)
		.map(|(index, leaf)| {
			let proof = tree.proof(index).unwrap();
			let range = verify(&claim, index, leaf, &proof).unwrap();
			json!({
				"index": index,
				"leaf": scale(leaf),
				"proof": scale(&proof),
				"range": [range.start, range.end],
			})
		})
		.collect();

	let opening = Opening {
		verdicts: vec![
			Verdict::Valid,
			Verdict::Mismatch(MismatchKind::Container),
			Verdict::InputInvalid { reason: RejectReason::Corrupt, offset: 188 },
			Verdict::Unavailable,
		]
		.try_into()
		.unwrap(),
		evidence: Evidence { recipe: 1, hash: H256::repeat_byte(0x77) },
		salt: [0x88; 32],
	};
	let verifier = AccountId::new([0x99; 32]);
	let committed = commitment(genesis, 5, 0, &verifier, &opening);

	let seed = Hash::repeat_byte(0xaa);
	let mut evidence = LeafEvidence::new(seed, 3);
	let frame = frame_hash(seed, b"picture");
	evidence.add(0, 0, frame);
	evidence.add(1, 0, frame);

	json!({
		"inputs": {
			"genesis": hex(genesis),
			"broadcaster": hex(&broadcaster_account),
			"broadcaster_seed_ed25519": hex([1; 32]),
			"transcoder": hex(&transcoder_account),
			"transcoder_seed_ed25519": hex([2; 32]),
		},
		"stream_id": { "name": "live", "id": hex(header.stream) },
		"segment_header": {
			"job": 7, "assignment": 1, "seq": 42, "in_hash": hex(header.in_hash),
			"in_len": 123_456, "duration": 180_000,
			"scale": scale(&header),
			"payload": hex(header.signing_payload()),
			"signature": scale(&header_signature),
			"signature_hash": hex(signature_hash(&header_signature)),
		},
		"toolchain": {
			"profile": PROFILE, "digest": hex([0x33; 32]), "id": hex(toolchain),
		},
		"receipt": {
			"scale": scale(&receipt),
			"payload": hex(receipt.signing_payload()),
			"signature": scale(&receipt_signature),
		},
		"leaf": {
			"empty": scale(&Leaf::Empty),
			"transcoded": scale(&leaves[0]),
			"rejected": scale(&rejected),
		},
		"sum_tree": {
			"root": hex(claim.root),
			"total_work": claim.total_work,
			"leaf_count": claim.leaf_count,
			"scale": scale(&claim),
			"leaves": proofs,
		},
		"draw": {
			"seed": hex(seed), "claim": 5,
			"positions": positions(seed, 5, claim.root, claim.total_work, 4),
			"stakes": [10, 0, 30, 20, 40],
			"committee": committee(seed, 5, 0, &[10, 0, 30, 20, 40], 3),
			"tranche_seed": hex(tranche_seed(seed, 5, 0)),
		},
		"verdict": {
			"claim": 5, "tranche": 0, "account": hex(&verifier),
			"opening": scale(&opening),
			"commitment": hex(committed),
		},
		"duty": {
			"claim": 5, "seed": hex(seed), "member": 2,
			"commit": hex(duty_payload(genesis, 5, 0, seed, 2, Phase::Commit, &committed)),
			"reveal": hex(duty_payload(genesis, 5, 0, seed, 2, Phase::Reveal, &opening)),
			"dispute_commit":
				hex(duty_payload(genesis, 5, DISPUTE, seed, 2, Phase::Commit, &committed)),
		},
		"evidence": {
			"seed": hex(seed), "index": 3, "picture": "picture",
			"frame": hex(frame),
			"leaf": hex(evidence.digest()),
			"fold": scale(&fold(seed, &[(3, evidence.digest())])),
		},
		"beacon": {
			"accumulator": hex([0; 32]), "vrf": hex([0xbb; 32]),
			"folded": hex(tagged_hash(BEACON, &(Hash::zero(), Hash::repeat_byte(0xbb)))),
		},
	})
}

#[test]
fn formats_should_be_those_of_the_file() {
	let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors.json");
	let now = vectors();
	if std::env::var_os("WRITE_VECTORS").is_some() {
		let text = serde_json::to_string_pretty(&now).unwrap() + "\n";
		std::fs::write(path, text).unwrap();
	}
	let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
	for (format, expected) in golden.as_object().unwrap() {
		assert_eq!(&now[format], expected, "{format} has changed");
	}
	assert_eq!(golden, now, "a format is missing in the file");
}
