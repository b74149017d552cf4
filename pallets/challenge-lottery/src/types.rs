//! What the pallet stores.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use livepeer_primitives::{
	api::Outcome,
	keys::VerifierId,
	params::LotteryParameters,
	verdict::{Evidence, Phase, Tranche, Verdicts},
	AccountId, Balance, BlockNumber, Hash, RoundIndex, WindowIndex, MAX_SAMPLES,
};
pub use livepeer_primitives::{MAX_COMMITTEE, MAX_PENALTIES, PENALTIES_PER_STEP};
use scale_info::TypeInfo;
use sp_core::ConstU32;
use sp_runtime::BoundedVec;

/// Blocks between a tranche's end and the dispute's seed: the accumulator then holds the VRF of
/// two authors who did not know yet that they would choose it.
pub const DISPUTE_DELAY: BlockNumber = 2;
/// Most blocks between two looks for a seed that is late.
pub const SEED_RETRY: BlockNumber = 4;
/// Windows after the claim's own at whose start a claim without a seed is void.
pub const LAST_WINDOW: WindowIndex = 5;
/// Blocks after which an execution that failed is tried again.
pub const EXECUTION_RETRY: BlockNumber = 10;

/// A drawn position.
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
pub struct Sample {
	/// The position in `[0, total_work)`.
	pub position: u64,
	/// Index of the revealed leaf that answers it.
	pub leaf: Option<u32>,
}

/// The drawn positions of a claim.
pub type Samples = BoundedVec<Sample, ConstU32<MAX_SAMPLES>>;

/// Who shares a finder's fee.
pub type Finders = BoundedVec<AccountId, ConstU32<MAX_COMMITTEE>>;

/// Where a challenge stands.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Stage {
	/// Waits for its seed.
	AwaitingSeed,
	/// Drawn; the transcoder reveals.
	LeafReveal {
		/// The first block in which a reveal is too late.
		deadline: BlockNumber,
		/// The seed by which it was drawn.
		seed: Hash,
		/// Members of the committee.
		members: u16,
	},
	/// A ballot is open.
	Voting,
	/// The tranche is closed; the dispute waits for its seed.
	AwaitingDispute,
	/// Decided; waits for execution.
	Decided(Decision),
}

/// How a challenge was decided.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Decision {
	/// The outcome.
	pub outcome: Outcome,
	/// The block in which its execution begins; until then governance can cancel it.
	pub execute_at: BlockNumber,
	/// Who shares the finder's fee of the slash, if there is one.
	pub finders: Finders,
}

/// An open challenge. What the claim itself says is asked of `Claims`.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Challenge {
	/// The claimant.
	pub transcoder: AccountId,
	/// The job's owner.
	pub broadcaster: AccountId,
	/// The round in which the claim was made.
	pub round: RoundIndex,
	/// The beacon window in which it was made.
	pub window: WindowIndex,
	/// The round in which it was drawn: that of what its verifiers do wrong.
	pub drawn_in: RoundIndex,
	/// The parameters that were in force when the claim was made.
	pub parameters: LotteryParameters,
	/// The drawn positions.
	pub samples: Samples,
	/// Work of the revealed leaves.
	pub sampled_work: u64,
	/// Where it stands.
	pub stage: Stage,
	/// The block in which the agenda moves it on.
	pub due: BlockNumber,
}

/// A vote that is going on. Apart from the challenge, so that verifiers' calls touch little.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Ballot {
	/// Who votes: a committee or, in a dispute, everybody.
	pub tranche: Tranche,
	/// The seed of the tranche's evidence.
	pub seed: Hash,
	/// Which step its members owe.
	pub phase: Phase,
	/// The first block of the phase.
	pub opened: BlockNumber,
	/// The first block that is too late for the phase.
	pub deadline: BlockNumber,
	/// Revealed leaves, so verdicts in each opening.
	pub leaves: u8,
	/// Members.
	pub members: u16,
	/// Members that committed.
	pub committed: u16,
	/// Members that revealed.
	pub revealed: u16,
}

/// What a member has said so far.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Answer {
	/// Nothing.
	Silent,
	/// A commitment.
	Committed {
		/// The commitment.
		commitment: Hash,
		/// The block that holds it: the member reveals when that block is final.
		at: BlockNumber,
	},
	/// Its verdicts.
	Revealed {
		/// One per revealed leaf, in ascending order of leaf index.
		verdicts: Verdicts,
		/// Its evidence.
		evidence: Evidence,
	},
}

/// A verifier in a tranche, as it was when the seed was stored.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Member {
	/// Its account.
	pub account: AccountId,
	/// Its verifier key, valid for this challenge whatever sessions bring.
	pub key: VerifierId,
	/// Its stake.
	pub stake: Balance,
	/// What it has said.
	pub answer: Answer,
}

/// What a verifier did wrong, in ascending order of weight.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum Penalty {
	/// It did not answer, or its evidence is not that of the work, or it lacked bytes of a claim
	/// that was accepted.
	NoShow,
	/// It accused the transcoder of what the dispute proved false.
	FalseDissent,
}

/// Penalties that await execution.
pub type Penalties = BoundedVec<(AccountId, Penalty), ConstU32<MAX_PENALTIES>>;

/// The challenges of a transcoder's claims of one round.
#[derive(
	Clone,
	Copy,
	Default,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct RoundRecord {
	/// How many are open.
	pub open: u32,
	/// Whether one of them has cost stake: the others lose their escrow only.
	pub slashed: bool,
}
