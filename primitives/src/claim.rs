//! Claims: what a transcoder signs, what the chain keeps of it, and how a claim ends.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{
	domain::{tagged_hash, CLAIM},
	extension::Extensions,
	keys::Generation,
	leaf::Place,
	sum_tree::Commitment,
	video::{Ladder, SourceLimits},
	work::WorkFactors,
	AccountId, AssignmentIndex, Balance, Hash, JobId, RoundIndex, Seq, StreamId, ToolchainId,
	WindowIndex,
};

/// What a transcoder signs to be paid for the segments `first..=last` of an assignment.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct WorkClaim {
	/// Hash of the chain's genesis block.
	pub genesis: Hash,
	/// The job.
	pub job: JobId,
	/// The assignment within the job.
	pub assignment: AssignmentIndex,
	/// Seq of the first leaf.
	pub first: Seq,
	/// Seq of the last leaf.
	pub last: Seq,
	/// Root of the claim's Merkle-sum tree: see [`crate::sum_tree`].
	pub root: Hash,
	/// Work of all leaves.
	pub total_work: u64,
	/// The most work of any one leaf.
	pub largest_leaf: u64,
	/// The assignment's toolchain, which made the outputs.
	pub toolchain: ToolchainId,
	/// Extensions of later versions.
	pub extensions: Extensions,
}

impl WorkClaim {
	/// The hash that the transcoder signs.
	pub fn hash(&self) -> Hash {
		tagged_hash(CLAIM, self)
	}
}

/// A claim's data for the lottery, kept even if its job is gone.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct ClaimInfo {
	/// The job.
	pub job: JobId,
	/// The assignment within the job.
	pub assignment: AssignmentIndex,
	/// The claimant.
	pub transcoder: AccountId,
	/// The generation of its keys in this assignment.
	pub transcoder_keys: Generation,
	/// The job's owner.
	pub broadcaster: AccountId,
	/// The generation of its keys in this assignment.
	pub broadcaster_keys: Generation,
	/// The stream.
	pub stream: StreamId,
	/// Seq of leaf 0.
	pub first: Seq,
	/// Root, total work and leaf count.
	pub commitment: Commitment,
	/// The most work of any leaf, as the claim states it.
	pub largest_leaf: u64,
	/// The toolchain that made the outputs.
	pub toolchain: ToolchainId,
	/// The job's ladder.
	pub ladder: Ladder,
	/// The job's limits of the source.
	pub limits: SourceLimits,
	/// Factors of the work formula, fixed when the job was created.
	pub factors: WorkFactors,
	/// The most leaves that are drawn, which is what judges can do of this job in time.
	pub max_samples: u32,
	/// The fee in escrow, in ETH.
	pub fee: Balance,
	/// The round in which the claim was made.
	pub round: RoundIndex,
	/// The beacon window in which it was made.
	pub window: WindowIndex,
}

impl ClaimInfo {
	/// The place of the leaf at `index`, on the chain with this genesis hash.
	pub fn place(&self, genesis: Hash, index: u32) -> Place {
		Place {
			genesis,
			stream: self.stream,
			job: self.job,
			assignment: self.assignment,
			transcoder: self.transcoder.clone(),
			seq: self.first.saturating_add(Seq::from(index)),
		}
	}
}

/// How a claim ends.
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
pub enum Outcome {
	/// The fee is paid.
	Accepted,
	/// An output was wrong: refund and slash.
	Failed,
	/// Leaves were not revealed, or bytes not served: refund and slash.
	Missed,
	/// No side was convincing: refund, no slash.
	Void,
}

/// Why an escrow pays an account.
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
pub enum PayoutReason {
	/// The fee, to the transcoder and its delegators.
	Fee,
	/// A refund, to the broadcaster.
	Refund,
	/// Payment to a verifier for its work.
	Verification,
	/// Payment to an account that a later part of the protocol names.
	Other,
	/// The unused rest of its prepayment, to the transcoder.
	Prepayment,
}

/// One payment out of a claim's escrow.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Payout {
	/// The account that is paid.
	pub account: AccountId,
	/// The reason.
	pub reason: PayoutReason,
	/// The amount, in ETH.
	pub amount: Balance,
}
