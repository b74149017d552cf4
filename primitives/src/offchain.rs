//! Contracts with processes outside the Wasm: the node's off-chain database, and the verify
//! service, which the node's off-chain worker asks over loopback HTTP. All values are SCALE.

use alloc::vec::Vec;
use codec::{Decode, Encode};
use scale_info::TypeInfo;

use crate::{
	keys::VerifierSignature,
	leaf::Leaf,
	service::ServiceRecord,
	verdict::{Evidence, Tranche, Verdicts},
	video::{Ladder, SourceLimits},
	work::WorkFactors,
	AccountId, BlockNumber, ClaimId, Hash, JobId, Seq, ToolchainId, WindowIndex,
};

/// Persistent off-chain key of [`VerifyEndpoint`], written by the node at start.
pub const VERIFY_ENDPOINT: &[u8] = b"livepeer/verify-endpoint";
/// Persistent off-chain key of [`Finalized`], written by the node at each finalised block.
pub const FINALIZED: &[u8] = b"livepeer/finalized";

/// How to reach the verify service.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct VerifyEndpoint {
	/// Base URL without a slash at the end, such as `http://127.0.0.1:7936`.
	pub url: Vec<u8>,
	/// Sent as `Authorization: Bearer <token>`.
	pub token: Vec<u8>,
	/// The service's libp2p peer id in binary form, for which the node signs passes.
	pub peer_id: Vec<u8>,
}

/// The newest finalised block.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Finalized {
	/// Its height.
	pub number: BlockNumber,
	/// Its hash.
	pub hash: Hash,
}

/// Path of the verify service: `POST` a [`VerifyTask`], answered by a [`VerifyStatus`]; body and
/// answer are SCALE bytes. A task is posted again until it is done. Only [`VerifyTask::service`],
/// the transcoder's newest record, may then differ; it is still the same task.
pub const VERIFY_PATH: &str = "/v1/verify";

/// Path at which the verify service reports which toolchains it makes: `POST` a
/// [`ToolchainsQuestion`], answered by a [`ToolchainsAnswer`]; body and answer are SCALE bytes.
pub const TOOLCHAINS_PATH: &str = "/v1/toolchains";

/// Asks the verify service which toolchains it makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct ToolchainsQuestion {
	/// The reason to make the golden vectors anew, even if they are known: once for each beacon
	/// window in which the judge's evidence was found to be without the work. `None` asks for what
	/// is known.
	pub anew: Option<WindowIndex>,
}

/// The toolchains that the verify service makes.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum ToolchainsAnswer {
	/// Golden vectors are being made; ask again.
	Making,
	/// The toolchains whose golden vectors it reproduces.
	Made {
		/// Their ids, in no order.
		toolchains: Vec<ToolchainId>,
	},
}

/// One leaf to verify.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct VerifyLeaf {
	/// Index within the claim.
	pub index: u32,
	/// Seq of the segment.
	pub seq: Seq,
	/// Hash of the header that the broadcaster signed.
	pub header: Hash,
	/// What the transcoder revealed.
	pub leaf: Leaf,
}

/// What a committee member has to judge. It is complete: the service needs no chain.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct VerifyTask {
	/// The chain's genesis hash.
	pub genesis: Hash,
	/// The claim.
	pub claim: ClaimId,
	/// The tranche.
	pub tranche: Tranche,
	/// The member on whose behalf the service is asked.
	pub verifier: AccountId,
	/// The signature of the node's verifier key over [`crate::verdict::Pass::payload`] for the
	/// service's peer, by which the holders of the bytes keep a place for that peer; `None` while
	/// the node does not know the peer.
	pub pass: Option<VerifierSignature>,
	/// The job.
	pub job: JobId,
	/// The transcoder.
	pub transcoder: AccountId,
	/// Where the transcoder serves the bytes, by its newest record.
	pub service: ServiceRecord,
	/// The toolchain that the claim names.
	pub toolchain: ToolchainId,
	/// The job's ladder.
	pub ladder: Ladder,
	/// The job's limits.
	pub limits: SourceLimits,
	/// Factors of the work formula.
	pub factors: WorkFactors,
	/// The tranche's evidence seed.
	pub seed: Hash,
	/// The drawn leaves in ascending order of index.
	pub leaves: Vec<VerifyLeaf>,
	/// Milliseconds from now after which missing bytes are Unavailable.
	pub patience_ms: u64,
	/// Whether an output can be a forced variant, by the rate of the claim's assignment; otherwise
	/// none is compared with one.
	pub variants: bool,
}

/// The progress of the service with a task.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum VerifyStatus {
	/// The task was taken; ask again.
	Working,
	/// Done.
	Done {
		/// One verdict per leaf of the task.
		verdicts: Verdicts,
		/// The evidence.
		evidence: Evidence,
	},
	/// The service cannot judge, for example because it has another toolchain or no FFmpeg. If it
	/// still cannot in the second half of the commit phase, the member abstains.
	Unable {
		/// The reason, in UTF-8, for the log.
		reason: Vec<u8>,
	},
	/// The task was taken, but bytes could not be had so far: ask for them on the chain, then ask
	/// again.
	Lacking,
}
