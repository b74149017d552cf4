//! What the pallet stores.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
pub use livepeer_primitives::{agenda::Class, MAX_COMMITTEE, PENALTIES_PER_STEP};
use livepeer_primitives::{
	claim::Outcome,
	keys::VerifierId,
	params::LotteryParameters,
	verdict::{Evidence, Phase, Tranche, Verdicts},
	AccountId, Balance, BlockNumber, ClaimId, Hash, RoundIndex, ToolchainId, WindowIndex,
	MAX_SAMPLES, MAX_VALIDATORS,
};
use scale_info::TypeInfo;
use sp_core::ConstU32;
use sp_runtime::{BoundedVec, Perbill};

/// Blocks between a tranche's end and the seed of the next one, or of the dispute: the accumulator then holds the VRF of
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
	/// What decides whether the leaf's segment is a forced variant, once it is opened: see
	/// [`livepeer_primitives::variant`]. No call opens it yet.
	pub opened: Option<Hash>,
}

impl Sample {
	/// A position that nothing answers yet.
	pub fn new(position: u64) -> Self {
		Self { position, leaf: None, opened: None }
	}
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
	/// A tranche is closed without agreement; the next one waits for its seed.
	AwaitingTranche(Tranche),
}

/// How a challenge was decided.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Decision {
	/// The outcome.
	pub outcome: Outcome,
	/// Failed over the question alone whether the segments can be transcoded: the fee goes back,
	/// and the transcoder is neither slashed nor jailed, but pays the dispute.
	pub about_input: bool,
	/// What the transcoder pays for the dispute, in ETH.
	pub dispute_cost: Balance,
	/// The block in which its execution begins; until then governance can cancel it.
	pub execute_at: BlockNumber,
	/// Who shares the finder's fee of the slash, if there is one.
	pub finders: Finders,
}

impl Decision {
	/// Whether it costs the transcoder stake.
	pub fn is_guilty(&self) -> bool {
		matches!(self.outcome, Outcome::Failed | Outcome::Missed) && !self.about_input
	}
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
	/// The round of the stake snapshot that seats its judges, from the draw on: that of whatever
	/// they do wrong.
	pub snapshot: RoundIndex,
	/// The parameters that were in force when the claim was made.
	pub parameters: LotteryParameters,
	/// The drawn positions.
	pub samples: Samples,
	/// Work of the revealed leaves.
	pub sampled_work: u64,
	/// Blocks by which its ballots can still be longer than its own work asks.
	pub patience: BlockNumber,
	/// Where it stands.
	pub stage: Stage,
	/// The block in which the agenda moves it on.
	pub due: BlockNumber,
	/// The queue in which it stands there.
	pub class: Class,
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
	/// What is judged, which each commitment binds: see
	/// [`livepeer_primitives::verdict::judged_digest`].
	pub judged: Hash,
	/// Which step its members owe.
	pub phase: Phase,
	/// The first block of the phase.
	pub opened: BlockNumber,
	/// The first block that is too late for the phase.
	pub deadline: BlockNumber,
	/// Blocks of the reveal phase.
	pub reveal_blocks: BlockNumber,
	/// Revealed leaves, so verdicts in each opening.
	pub leaves: u8,
	/// Members.
	pub members: u16,
	/// Members that committed.
	pub committed: u16,
	/// Members that revealed.
	pub revealed: u16,
}

impl Ballot {
	/// The ballot as it is in block `now`: once the time of the commit phase is over its reveal
	/// phase runs, whether the agenda has come to note it or not, so that a backlog gives nobody
	/// more time and takes none away.
	pub fn at(mut self, now: BlockNumber) -> Self {
		if self.phase == Phase::Commit && self.committed > 0 && now >= self.deadline {
			self.start_reveal(self.deadline);
		}
		self
	}

	/// Starts the reveal phase with block `from`.
	pub fn start_reveal(&mut self, from: BlockNumber) {
		self.phase = Phase::Reveal;
		self.opened = from;
		self.deadline = from.saturating_add(self.reveal_blocks);
	}
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

/// What a judge did wrong, in ascending order of weight.
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
	/// It did not answer, abstained where others judged, or lacked bytes of a claim that a dispute
	/// accepted. Doubles with each in a row.
	NoShow,
	/// Its evidence is not that of two thirds of the revealed stake: it did not do the work. Costs
	/// as a no-show, and it is chilled.
	WrongEvidence,
	/// It committed and kept its word to itself although most of its tranche revealed: the worst
	/// wrong word. It is chilled.
	Withheld,
	/// It accused the transcoder of what a dispute proved false, or passed a leaf that failed. It
	/// is chilled.
	FalseDissent,
}

impl Penalty {
	/// Whether the judge is kept from validating for a while.
	pub fn chills(&self) -> bool {
		*self != Penalty::NoShow
	}

	/// The share of stake that it costs after `in_a_row` others that were no full answers.
	pub fn fraction(&self, parameters: &LotteryParameters, in_a_row: u32) -> Perbill {
		let first = parameters.no_show_slash;
		let most = parameters.false_dissent_slash.max(first);
		match self {
			Penalty::NoShow | Penalty::WrongEvidence => {
				let factor = 1u32.checked_shl(in_a_row).unwrap_or(u32::MAX);
				Perbill::from_parts(first.deconstruct().saturating_mul(factor)).min(most)
			}
			Penalty::Withheld | Penalty::FalseDissent => most,
		}
	}
}

/// How a judge has behaved, in ascending order of weight.
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
pub enum Conduct {
	/// Nothing was asked of it, or nothing that it could do.
	Unasked,
	/// It answered in full.
	Answered,
	/// It owes this.
	Owes(Penalty),
}

/// Somebody whose stake stands behind a challenge, from its seat to the challenge's end.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Judge {
	/// Its account.
	pub account: AccountId,
	/// How it behaved; known with the decision.
	pub conduct: Conduct,
	/// Whether a ballot was closed before it could be through with it.
	pub overloaded: bool,
}

/// The judges of a challenge. All come from one stored set, so none is there twice.
pub type JudgeList = BoundedVec<Judge, ConstU32<MAX_VALIDATORS>>;

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
	/// The largest share of stake that one of them has cost. A later one costs what it is larger.
	pub slashed: Perbill,
}

/// What is to be done.
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
pub enum Task {
	/// A challenge moves on.
	Challenge(ClaimId),
	/// A toolchain that is retired is forgotten.
	Toolchain(ToolchainId),
}

/// A toolchain on its way out.
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
pub struct Retiring {
	/// The toolchain.
	pub toolchain: ToolchainId,
	/// The first block in which no assignment runs on it.
	pub at: BlockNumber,
	/// The block in which no claim that names it can be open any more: verifiers keep it until
	/// then.
	pub until: BlockNumber,
}
