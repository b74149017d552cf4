//! What the parties of a job sign: segments, receipts and claims.

use livepeer_primitives::{
	claim::WorkClaim,
	extension::Extensions,
	leaf::Leaf,
	receipt::{Receipt, RejectReason, TranscodeResult},
	segment::{stream_id, SegmentHeader},
	sum_tree::{Commitment, SumTree},
	video::{Ladder, SourceLimits},
	BlockNumber, JobId, Seq, ToolchainId, UNIT,
};

use super::{rendition, segment_info, FakeChain, GENESIS, PLENTY};
use crate::{
	key::{Key, Signing},
	ports::{
		chain::{Call, Chain, Wait},
		contradiction::{ClaimedLeaf, SignedReceipt},
		transport::{SegmentRecord, SignedHeader},
	},
};

/// The call that opens a job for a small stream.
pub fn job_call(broadcaster: &Key, name: &str, end: BlockNumber) -> Call {
	Call::CreateJob {
		broadcaster: broadcaster.account(),
		name: name.into(),
		ladder: Ladder::truncate_from(vec![rendition(64, 36, 100)]),
		limits: SourceLimits::new(128, 72, 30),
		max_price: UNIT,
		end,
		budget: PLENTY,
	}
}

/// The header of the segment with these bytes in the stream "demo", whose job is the chain's first one.
pub fn segment_header(
	broadcaster: &Key,
	transcoder: &Key,
	seq: Seq,
	bytes: &[u8],
) -> SegmentHeader {
	SegmentHeader {
		genesis: GENESIS,
		stream: stream_id(&broadcaster.account(), "demo"),
		job: 1,
		assignment: 0,
		transcoder: transcoder.account(),
		seq,
		segment: segment_info(bytes),
	}
}

/// The header with the signature of its broadcaster's own key.
pub fn signed_header(broadcaster: &Key, header: SegmentHeader) -> SignedHeader {
	let signature = Signing::own(broadcaster.clone()).sign(&header.hash());
	SignedHeader { header, signature }
}

/// The receipt of a result for a segment.
pub fn receipt_for(
	header: &SegmentHeader,
	toolchain: ToolchainId,
	result: TranscodeResult,
) -> Receipt {
	Receipt { header: header.hash(), toolchain, result, extensions: Extensions::default() }
}

/// The receipt with the signature of its transcoder's own key.
pub fn signed_receipt(transcoder: &Key, receipt: Receipt) -> SignedReceipt {
	let signature = Signing::own(transcoder.clone()).sign(&receipt.hash());
	SignedReceipt { receipt, signature }
}

/// The record of a segment without renditions of the publisher's own.
pub fn segment_record(signed: SignedHeader, receipt: SignedReceipt) -> SegmentRecord {
	let SignedReceipt { receipt, signature } = receipt;
	SegmentRecord { signed, receipt, signature, own: Default::default() }
}

/// The call that claims the leaves of this commitment, from seq `first` on, in a job's first assignment.
pub fn claim_call(
	transcoder: &Key,
	job: JobId,
	first: Seq,
	commitment: Commitment,
	toolchain: ToolchainId,
) -> Call {
	let Commitment { root, total_work, leaf_count } = commitment;
	let claim = WorkClaim {
		genesis: GENESIS,
		job,
		assignment: 0,
		first,
		last: first + u64::from(leaf_count) - 1,
		root,
		total_work,
		largest_leaf: total_work,
		toolchain,
		extensions: Extensions::default(),
	};
	let signature = Signing::own(transcoder.clone()).sign(&claim.hash());
	Call::ClaimWork(Box::new(claim), signature)
}

/// Has the transcoder claim that it rejected a segment, and nothing for the seq after it. Returns the leaf that
/// says so.
pub async fn claim_rejected(
	chain: &FakeChain,
	transcoder: &Key,
	header: &SegmentHeader,
	toolchain: ToolchainId,
) -> ClaimedLeaf {
	let leaf = Leaf::Rejected {
		segment: header.segment.clone(),
		reason: RejectReason::TooLong,
		work: 5,
		extensions: Extensions::default(),
	};
	let tree = SumTree::new(&[leaf.clone(), Leaf::Empty]).expect("two leaves make a tree");
	let call = claim_call(transcoder, header.job, header.seq, tree.commitment(), toolchain);
	chain.client(None).submit(call, Wait::Finalized).await.expect("the job is the transcoder's");
	let (claim, _) = chain.claims().pop_last().expect("it was just made");
	ClaimedLeaf { claim, index: 0, leaf, path: tree.proof(0).expect("it has two leaves") }
}
