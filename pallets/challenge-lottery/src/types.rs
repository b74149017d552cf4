//! What the pallet stores.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
pub use livepeer_primitives::{agenda::Class, DISPUTE_DELAY, MAX_COMMITTEE, PENALTIES_PER_STEP};
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

/// Most blocks between two looks for a seed that is late.
pub const SEED_RETRY: BlockNumber = 4;
/// Windows after the claim's own at whose start a claim without a seed is void.
pub const LAST_WINDOW: WindowIndex = 5;
/// Blocks after which an execution that failed is tried again.
pub const EXECUTION_RETRY: BlockNumber = 10;

/// Judges that are paid in one step: more than are slashed, for that is little work, so that a claim
/// lives no longer than [`livepeer_primitives::MAX_PENALTIES`] allows for.
pub const REWARDS_PER_STEP: u32 = 4 * PENALTIES_PER_STEP;

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
	/// [`livepeer_primitives::variant`].
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
		/// How many crowded blocks there had been then.
		crowded: u32,
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
	/// Void because so many judges could not have the bytes: the transcoder pays the dispute.
	pub is_starved: bool,
	/// What the dispute has cost, in ETH: the work of its judges, and what it weighs at the least; nothing
	/// where there was none.
	pub dispute_cost: Balance,
	/// Judges who could not have the bytes, in a claim that a dispute accepted: they pay for it.
	pub late: u16,
	/// Those of them for half of whose part the transcoder pays.
	pub late_halved: u16,
	/// The block in which its execution begins; until then governance can cancel it.
	pub execute_at: BlockNumber,
	/// Who shares the finder's fee of the slash, if there is one.
	pub finders: Finders,
	/// How far its execution has come.
	pub done: Done,
	/// Whether it is settled how long it waits: a failure is reviewed once, when it is known which others were
	/// decided around it.
	pub is_reviewed: bool,
}

/// How far the execution of a decision has come: some judges in each block.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Default,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Done {
	/// Judges that are dismissed, from the first on.
	pub dismissed: u32,
	/// What the common pool got in penalties for this claim, in LPT.
	pub inflow: Balance,
	/// What the transcoder's slash came to, once that is done.
	pub slash: Option<Taken>,
	/// What the judges share in LPT, once that is known.
	pub pot: Option<Balance>,
	/// Judges that have had their part of it, from the first on.
	pub rewarded: u32,
}

/// What a slash has taken, in LPT.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Default,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Taken {
	/// In all.
	pub total: Balance,
	/// What of it went to the finders.
	pub finders_fee: Balance,
	/// What of it went to the common pool.
	pub common_pool: Balance,
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
	/// What of that is of transcoded ones: by it a claim counts in a newcomer's record.
	pub transcoded_work: u64,
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
	/// The first block that is too late for the phase, with a block more for each of those `crowded` that
	/// prolonged it.
	pub deadline: BlockNumber,
	/// How many crowded blocks there had been that prolong it no more.
	pub crowded: u32,
	/// Blocks by which later crowded ones can still prolong it: both phases of its judges together, and
	/// then the transcoder's.
	pub spare: BlockNumber,
	/// Blocks of the reveal phase.
	pub reveal_blocks: BlockNumber,
	/// Blocks after it in which the transcoder opens its forced variants; nothing where it need not.
	pub opening_blocks: BlockNumber,
	/// Whether the transcoder still has to open its forced variants before this ballot ends.
	pub awaits_opening: bool,
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
	/// The ballot as it is in block `now`, before which `crowded` blocks were crowded: each since it
	/// began has made it longer, as far as it can be. Once the time of the commit phase is over its reveal
	/// phase runs, and after that the one in which the transcoder opens, whether the agenda has come to
	/// note it or not, so that a backlog gives nobody more time and takes none away. What was over in an
	/// earlier block stays over, for no block makes it longer by more than itself.
	pub fn at(mut self, now: BlockNumber, crowded: u32) -> Self {
		self.prolong(crowded);
		if self.phase == Phase::Commit && self.committed > 0 && now >= self.deadline {
			self.start_reveal(self.deadline);
		}
		if self.phase == Phase::Reveal && self.awaits_opening && now >= self.deadline {
			self.start_opening(self.deadline);
			// It may have begun a while ago, and blocks have been crowded since.
			if self.opened < now {
				self.prolong(crowded);
			}
		}
		self
	}

	/// Makes the phase longer by the blocks that were crowded since it was last, as far as it can be.
	fn prolong(&mut self, crowded: u32) {
		let since = crowded.saturating_sub(self.crowded).min(self.spare);
		self.crowded = self.crowded.saturating_add(since);
		self.spare = self.spare.saturating_sub(since);
		self.deadline = self.deadline.saturating_add(since);
	}

	/// The first block in which a member can no longer ask for bytes: after half of the commit phase, so
	/// that who has them can still send them.
	pub fn asking_until(&self) -> BlockNumber {
		let half = self.deadline.saturating_sub(self.opened) / 2;
		self.opened.saturating_add(half)
	}

	/// Starts the reveal phase with block `from`.
	pub fn start_reveal(&mut self, from: BlockNumber) {
		self.phase = Phase::Reveal;
		self.opened = from;
		self.deadline = from.saturating_add(self.reveal_blocks);
	}

	/// Has the transcoder open its forced variants from block `from` on. Who has not revealed by then
	/// reveals no more: it would do so knowing what is due. Crowded blocks can double that time.
	pub fn start_opening(&mut self, from: BlockNumber) {
		self.phase = Phase::Open;
		self.opened = from;
		self.deadline = from.saturating_add(self.opening_blocks);
		self.spare = self.opening_blocks;
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
	/// Whether it has asked on the chain for bytes that it could not have.
	pub asked: bool,
	/// Whether the ballot is closed before it can be through with it.
	pub overloaded: bool,
}

/// The most that a dispute costs a judge with a false word of its stake, however little that is.
pub const MOST_FOR_A_DISPUTE: Perbill = Perbill::from_percent(50);

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
	/// It lacked bytes in a dispute that half of the eligible stake had, and had asked for them on the
	/// chain: its transcoder can have kept them from it. Costs as one no-show, and does not double.
	#[codec(index = 8)]
	Lacked,
	/// It did not answer, abstained where others judged, or lacked bytes in a dispute for which it did not
	/// ask. Doubles with each in a row.
	#[codec(index = 0)]
	NoShow,
	/// Its evidence is not that of two thirds of its tranche: it did not do the work, or they did not, which
	/// nobody judges again. Costs as a no-show.
	#[codec(index = 9)]
	OtherEvidence,
	/// It could not have bytes that everybody could have later: it pays its part of the dispute, of which
	/// the transcoder pays half: it had asked for them on the chain, and less than half of its tranche had
	/// them.
	#[codec(index = 5)]
	LateDataAsked,
	/// The same, and it pays all of its part: it had asked for them, and at least half of its tranche had
	/// them. One of which a round takes nothing any more chills it, as long as few are chilled so.
	#[codec(index = 7)]
	LateDataAlone,
	/// The same, and it had not asked. With the third such claim of a round it is chilled.
	#[codec(index = 4)]
	LateData,
	/// Its evidence is not that of two thirds of the stake that revealed in the dispute: it did not do the
	/// work. Costs as a no-show, and it is chilled.
	#[codec(index = 1)]
	WrongEvidence,
	/// It committed and kept its word to itself although most of its tranche revealed: the worst
	/// wrong word. It is chilled.
	#[codec(index = 2)]
	Withheld,
	/// It accused the transcoder of what a dispute proved false, or passed a leaf that failed. It
	/// is chilled.
	#[codec(index = 3)]
	FalseDissent,
	/// It called valid what was a forced variant: it did not encode. It pays no less than a false dissenter,
	/// and is chilled.
	#[codec(index = 6)]
	MissedVariant,
}

impl Penalty {
	/// Whether the judge is kept from validating for a while. What outweighs a penalty that does so does so
	/// too, or a judge could shield itself from it by a second fault. A few judges alone never bring it
	/// about: a third of the stake sits as most of a tranche often enough to leave, claim by claim, none but
	/// itself to validate.
	pub fn chills(&self) -> bool {
		matches!(
			self,
			Penalty::WrongEvidence
				| Penalty::Withheld
				| Penalty::FalseDissent
				| Penalty::MissedVariant
		)
	}

	/// Whether it was no full answer.
	pub fn is_no_answer(&self) -> bool {
		matches!(
			self,
			Penalty::NoShow | Penalty::OtherEvidence | Penalty::WrongEvidence | Penalty::Withheld
		)
	}

	/// The share of stake that it costs after `in_a_row` others that were no full answers. `part` is the
	/// judge's part of what the dispute has cost, as a share of its stake.
	pub fn fraction(
		&self,
		parameters: &LotteryParameters,
		in_a_row: u32,
		part: Perbill,
	) -> Perbill {
		let first = parameters.no_show_slash;
		let most = parameters.false_dissent_slash.max(first);
		match self {
			Penalty::NoShow | Penalty::OtherEvidence | Penalty::WrongEvidence => {
				let factor = 1u32.checked_shl(in_a_row).unwrap_or(u32::MAX);
				Perbill::from_parts(first.deconstruct().saturating_mul(factor)).min(most)
			}
			Penalty::Lacked => first.min(most),
			Penalty::LateData | Penalty::LateDataAlone => part.min(most),
			Penalty::LateDataAsked => Perbill::from_parts(part.deconstruct() / 2).min(most),
			Penalty::Withheld => most,
			Penalty::FalseDissent => part.min(MOST_FOR_A_DISPUTE).max(most),
			// It reads as a fault, and has everybody judge as a false accusation does.
			Penalty::MissedVariant => {
				let dissent = Penalty::FalseDissent.fraction(parameters, in_a_row, part);
				parameters.variant_slash.max(dissent)
			}
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
	/// Its stake, as it was stored.
	pub stake: Balance,
	/// How it behaved; known with the decision.
	pub conduct: Conduct,
	/// For what it is paid if it owes nothing; known with the decision.
	pub worked: Worked,
}

/// In which ballots a judge did the work, as its evidence shows, and whether it failed to answer one.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Default,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Worked {
	/// In its tranche, which a claim prepays.
	pub in_tranche: bool,
	/// In the dispute.
	pub in_dispute: bool,
	/// Whether it owed an answer in one of them and gave none, whatever it owes for the other.
	pub is_no_show: bool,
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

/// Stretches of a session's length of which decisions are remembered: that of a failure, both neighbours, and
/// the one in which it is reviewed.
pub const KEPT_TALLIES: u32 = 4;
/// Transcoders that are told apart among those that failed in one stretch.
pub const MOST_FAILING: u32 = 32;
/// So many transcoders at least, for as many broadcasters, have failed together where it may be the
/// toolchain's fault.
pub const FEWEST_FAILING: u32 = 3;

/// What was decided of the claims under a toolchain in a stretch of a session's length.
#[derive(
	Clone,
	PartialEq,
	Eq,
	Debug,
	Default,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Tally {
	/// The number of the stretch, from block 0 on.
	pub stretch: BlockNumber,
	/// Work of the claims that were accepted, or failed by their transcoder's fault.
	pub decided: u64,
	/// Work of those that failed.
	pub failed: u64,
	/// Whose these were, each with its part of the stake of the validators stored with its claim's seed: of more
	/// than can be told apart those with most.
	pub transcoders: BoundedVec<(AccountId, Perbill), ConstU32<MOST_FAILING>>,
	/// For whom they were, as many as count.
	pub broadcasters: BoundedVec<AccountId, ConstU32<FEWEST_FAILING>>,
}

/// What was decided lately of the claims under a toolchain, ascending.
pub type Tallies = BoundedVec<Tally, ConstU32<KEPT_TALLIES>>;

/// What a judge left undone in claims of one round.
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
pub struct Omissions {
	/// The newest round of whose snapshot it left something undone.
	pub round: RoundIndex,
	/// The share of its stake that the largest of it has taken.
	pub largest: Perbill,
	/// The share that bytes have taken that came late to it.
	pub late: Perbill,
	/// In how many claims they did that it had not asked for.
	pub times_late: u32,
	/// Whether it was chilled for others, of which the round takes nothing any more.
	pub is_chilled: bool,
}

/// What a transcoder has shown since it registered or failed.
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
pub struct Record {
	/// The round in which it began anew while claims of its were open: those of that round and of
	/// earlier ones do not count.
	pub since: Option<RoundIndex>,
	/// Transcoded work of its claims that was drawn and accepted, of each at most
	/// [`LotteryParameters::full_claim`], while it was new.
	pub work: u64,
	/// All work of its claims that were accepted.
	pub claimed: u64,
	/// What of that was judged.
	pub judged: u64,
	/// Blocks in which it was done, see [`livepeer_primitives::traits::Claims::took`].
	pub blocks: u64,
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
