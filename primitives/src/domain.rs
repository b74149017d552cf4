//! Domain separation: every hash and every signature of the protocol starts with its own tag, so
//! that bytes made for one purpose can never be read as another.

use codec::Encode;
use sp_core::H256;
use sp_io::hashing::blake2_256;

/// What any operator key signs: the signer and the hash of an object.
pub const SIGNED: &[u8] = b"livepeer/signed/1";
/// Signed by the broadcaster: a [`crate::segment::SegmentHeader`].
pub const SEGMENT_HEADER: &[u8] = b"livepeer/segment-header/1";
/// Signed by the broadcaster: a [`crate::segment::StreamHead`].
pub const STREAM_HEAD: &[u8] = b"livepeer/stream-head/1";
/// Signed by the transcoder: a [`crate::receipt::Receipt`].
pub const RECEIPT: &[u8] = b"livepeer/receipt/1";
/// Signed by the transcoder: a [`crate::claim::WorkClaim`].
pub const CLAIM: &[u8] = b"livepeer/claim/1";
/// Signed by the transcoder: a [`crate::duty::Heartbeat`].
pub const HEARTBEAT: &[u8] = b"livepeer/heartbeat/1";
/// Signed by the transcoder: a [`crate::duty::Availability`].
pub const AVAILABILITY: &[u8] = b"livepeer/availability/1";
/// Signed by the transcoder: a [`crate::duty::Acceptance`].
pub const ACCEPTANCE: &[u8] = b"livepeer/acceptance/1";
/// Signed by the transcoder: the openings of a claim's forced variants, see
/// [`crate::variant::openings_hash`].
pub const OPENINGS: &[u8] = b"livepeer/openings/1";
/// Signed by a verifier key: a [`crate::verdict::Pass`].
pub const PASS: &[u8] = b"livepeer/pass/1";
/// A part of a source segment, of the low-latency mode. Reserved: no code writes it yet.
pub const SOURCE_PART: &[u8] = b"livepeer/source-part/1";
/// A part of a rendition, of the low-latency mode. Reserved: no code writes it yet.
pub const RENDITION_PART: &[u8] = b"livepeer/rendition-part/1";
/// A payment off the chain. Reserved: no code writes it yet.
pub const CHEQUE: &[u8] = b"livepeer/cheque/1";
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
/// What a claim's verdicts judge: its root, toolchain and drawn leaves.
pub const JUDGED: &[u8] = b"livepeer/judged/1";
/// The choice of forced variants.
pub const VARIANT: &[u8] = b"livepeer/variant/1";
/// The seat that is drawn from the waiting list.
pub const SEAT: &[u8] = b"livepeer/seat/1";
/// A commitment to verdicts, made before they are revealed.
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
/// Signed by a verifier key: the toolchains that its judge lacks, see
/// [`crate::toolchain::attestation_payload`].
pub const ATTESTATION: &[u8] = b"livepeer/attestation/1";

/// BLAKE2b-256 over the tag's length, the tag and the SCALE encoding of `value`.
///
/// The leading length makes all tags prefix-free.
pub fn tagged_hash(tag: &[u8], value: &impl Encode) -> H256 {
	let mut bytes = alloc::vec::Vec::with_capacity(1 + tag.len() + value.size_hint());
	bytes.push(tag.len() as u8);
	bytes.extend_from_slice(tag);
	value.encode_to(&mut bytes);
	H256(blake2_256(&bytes))
}
