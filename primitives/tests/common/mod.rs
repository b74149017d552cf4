//! Values of every signed format that differ in every field, and all tags, for tests of several formats.
#![allow(dead_code, missing_docs)]

use livepeer_primitives::{
	claim::WorkClaim,
	domain,
	extension::{Extension, Extensions},
	leaf::{Leaf, Place},
	receipt::{Output, Outputs, Receipt, RejectReason, TranscodeResult},
	segment::{SegmentHeader, SegmentInfo, StreamHead, LAST_OF_EPOCH, SOURCE_TRACK},
	AccountId,
};
use sp_core::H256;

/// Every tag of `domain.rs`, in its order in the golden vectors.
pub const TAGS: [&[u8]; 31] = [
	domain::SIGNED,
	domain::SEGMENT_HEADER,
	domain::STREAM_HEAD,
	domain::RECEIPT,
	domain::CLAIM,
	domain::HEARTBEAT,
	domain::AVAILABILITY,
	domain::ACCEPTANCE,
	domain::OPENINGS,
	domain::PASS,
	domain::SOURCE_PART,
	domain::RENDITION_PART,
	domain::CHEQUE,
	domain::LEAF,
	domain::NODE,
	domain::ROOT,
	domain::STREAM,
	domain::DRAW,
	domain::COMMITTEE,
	domain::ASSIGNMENT,
	domain::TRANCHE,
	domain::JUDGED,
	domain::VARIANT,
	domain::SEAT,
	domain::VERDICT,
	domain::DUTY,
	domain::EVIDENCE,
	domain::EVIDENCE_FRAME,
	domain::TOOLCHAIN,
	domain::BEACON,
	domain::ATTESTATION,
];

pub fn account(id: u8) -> AccountId {
	AccountId::new([id; 32])
}

pub fn hash(id: u8) -> H256 {
	H256::repeat_byte(id)
}

pub fn extensions(tags: &[u16]) -> Extensions {
	Extensions::new(tags.iter().map(|tag| Extension { tag: *tag, hash: hash(*tag as u8) }))
		.expect("tags ascend")
}

pub fn segment() -> SegmentInfo {
	SegmentInfo {
		track: SOURCE_TRACK,
		epoch: 20,
		time: 21,
		captured: 22,
		duration: 23,
		flags: LAST_OF_EPOCH,
		in_hash: hash(24),
		in_len: 25,
		chunk_root: hash(26),
		extensions: extensions(&[27]),
	}
}

pub fn place() -> Place {
	Place {
		genesis: hash(1),
		stream: hash(2),
		job: 3,
		assignment: 4,
		transcoder: account(5),
		seq: 6,
	}
}

pub fn header() -> SegmentHeader {
	let Place { genesis, stream, job, assignment, transcoder, seq } = place();
	SegmentHeader { genesis, stream, job, assignment, transcoder, seq, segment: segment() }
}

pub fn head() -> StreamHead {
	StreamHead {
		genesis: hash(1),
		stream: hash(2),
		epoch: 3,
		next_seq: 4,
		ended: false,
		time: 5,
		extensions: extensions(&[6]),
	}
}

pub fn output(id: u8) -> Output {
	Output { hash: hash(id), len: id.into(), chunk_root: hash(id + 1) }
}

pub fn outputs() -> Outputs {
	vec![Some(output(40)), None].try_into().expect("two are few")
}

pub fn receipt() -> Receipt {
	Receipt {
		header: header().hash(),
		toolchain: hash(30),
		result: TranscodeResult::Transcoded(outputs()),
		extensions: extensions(&[31]),
	}
}

pub fn transcoded() -> Leaf {
	Leaf::Transcoded {
		segment: segment(),
		outputs: outputs(),
		work: 50,
		extensions: extensions(&[51]),
	}
}

pub fn rejected(reason: RejectReason) -> Leaf {
	Leaf::Rejected { segment: segment(), reason, work: 60, extensions: extensions(&[61]) }
}

pub fn claim() -> WorkClaim {
	WorkClaim {
		genesis: hash(1),
		job: 2,
		assignment: 3,
		first: 4,
		last: 5,
		root: hash(6),
		total_work: 7,
		largest_leaf: 8,
		toolchain: hash(9),
		extensions: extensions(&[10]),
	}
}
