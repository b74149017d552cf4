//! Domain separation: every hash and every signature of the protocol starts with its own tag, so
//! that bytes made for one purpose can never be read as another.

use codec::Encode;
use sp_core::H256;
use sp_io::hashing::blake2_256;

/// Signed by the broadcaster: a [`crate::segment::SegmentHeader`].
pub const SEGMENT_HEADER: &[u8] = b"livepeer/segment-header/1";
/// Signed by the transcoder: a [`crate::receipt::Receipt`].
pub const RECEIPT: &[u8] = b"livepeer/receipt/1";
/// A broadcaster's signature as it is named in a receipt.
pub const BROADCASTER_SIGNATURE: &[u8] = b"livepeer/broadcaster-signature/1";
/// A leaf of a claim's tree.
pub const LEAF: &[u8] = b"livepeer/leaf/1";
/// An inner node of a claim's tree.
pub const NODE: &[u8] = b"livepeer/node/1";
/// The root of a claim's tree.
pub const ROOT: &[u8] = b"livepeer/root/1";
/// A stream's name.
pub const STREAM: &[u8] = b"livepeer/stream/1";
/// The positions drawn in a claim.
pub const DRAW: &[u8] = b"livepeer/draw/1";
/// The choice of a committee.
pub const COMMITTEE: &[u8] = b"livepeer/committee/1";
/// The choice of a transcoder and its successors for a job.
pub const ASSIGNMENT: &[u8] = b"livepeer/assignment/1";
/// The seed of a tranche's evidence.
pub const TRANCHE: &[u8] = b"livepeer/tranche/1";
/// A verdict that is committed to before it is revealed.
pub const VERDICT: &[u8] = b"livepeer/verdict/1";
/// What a verifier key signs.
pub const DUTY: &[u8] = b"livepeer/duty/1";
/// A verifier's evidence.
pub const EVIDENCE: &[u8] = b"livepeer/evidence/1";
/// One frame within evidence.
pub const EVIDENCE_FRAME: &[u8] = b"livepeer/evidence-frame/1";
/// A toolchain's name.
pub const TOOLCHAIN: &[u8] = b"livepeer/toolchain/1";
/// The beacon's accumulator.
pub const BEACON: &[u8] = b"livepeer/beacon/1";

/// BLAKE2b-256 over the tag's length, the tag and the SCALE encoding of `value`.
///
/// The length in front makes the tags prefix-free whatever they are.
pub fn tagged_hash(tag: &[u8], value: &impl Encode) -> H256 {
	let mut bytes = alloc::vec::Vec::with_capacity(1 + tag.len() + value.size_hint());
	bytes.push(tag.len() as u8);
	bytes.extend_from_slice(tag);
	value.encode_to(&mut bytes);
	H256(blake2_256(&bytes))
}
