//! What a transcoder signs for each segment that it returns.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::{ConstU32, H256};
use sp_runtime::{traits::Verify, BoundedVec};

use crate::{
	domain::{tagged_hash, BROADCASTER_SIGNATURE, RECEIPT},
	segment::SegmentHeader,
	AccountId, Hash, Signature, ToolchainId, MAX_RENDITIONS,
};

/// One transcoded output.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Output {
	/// SHA-256 of the output's bytes.
	pub hash: H256,
	/// Length of the output in bytes.
	pub len: u32,
}

/// The outputs of one segment in rendition order.
pub type Outputs = BoundedVec<Output, ConstU32<MAX_RENDITIONS>>;

/// A transcoder's promise that these outputs are what the toolchain makes of that segment.
///
/// Two receipts of one transcoder for the same chain, job, assignment, seq, input and toolchain
/// with different outputs are a proof of equivocation.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Receipt {
	/// The header that the broadcaster signed.
	pub header: SegmentHeader,
	/// Hash of the broadcaster's signature over the header: [`signature_hash`].
	pub broadcaster_signature_hash: Hash,
	/// The toolchain that made the outputs.
	pub toolchain: ToolchainId,
	/// The outputs in rendition order.
	pub outputs: Outputs,
}

impl Receipt {
	/// The 32 bytes that the transcoder signs.
	pub fn signing_payload(&self) -> Hash {
		tagged_hash(RECEIPT, self)
	}

	/// Whether `signature` is that of the transcoder named in the header.
	pub fn is_signed(&self, signature: &Signature) -> bool {
		signature.verify(self.signing_payload().as_bytes(), &self.header.transcoder)
	}

	/// Whether this and `other` prove that the transcoder signed two results for one segment.
	pub fn equivocates(&self, other: &Receipt) -> bool {
		let key = |r: &Receipt| {
			(
				r.header.genesis,
				r.header.job,
				r.header.assignment,
				r.header.transcoder.clone(),
				r.header.seq,
				r.header.in_hash,
				r.toolchain,
			)
		};
		key(self) == key(other) && self.outputs != other.outputs
	}
}

/// How a receipt names the broadcaster's signature.
pub fn signature_hash(signature: &Signature) -> Hash {
	tagged_hash(BROADCASTER_SIGNATURE, signature)
}

/// Whether a signature belongs to `signer`; a convenience for hosts that hold a payload only.
pub fn verify(signature: &Signature, payload: &Hash, signer: &AccountId) -> bool {
	signature.verify(payload.as_bytes(), signer)
}
