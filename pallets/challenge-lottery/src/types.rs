//! The types that the pallet stores.

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

/// Most blocks between two checks for a late seed.
pub const SEED_RETRY: BlockNumber = 4;
/// A claim that has no seed at the start of this window, counted after its own, is void.
pub const LAST_WINDOW: WindowIndex = 5;
/// Blocks after which a failed execution is tried again.
pub const EXECUTION_RETRY: BlockNumber = 10;

/// Judges that are paid in one step. This is more than are slashed in one, because paying is little
/// work: a claim lives no longer than [`livepeer_primitives::MAX_PENALTIES`] allows for.
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
	/// Index of the revealed leaf that answers it, if there is one.
	pub leaf: Option<u32>,
	/// The value that decides whether the leaf's segment is a forced variant, once opened: see
	/// [`livepeer_primitives::variant`].
	pub opened: Option<Hash>,
}

impl Sample {
	/// A position that no leaf answers yet.
	pub fn new(position: u64) -> Self {
		Self { position, leaf: None, opened: None }
	}
}

/// The drawn positions of a claim.
pub type Samples = BoundedVec<Sample, ConstU32<MAX_SAMPLES>>;

/// The accounts that share a finder's fee.
pub type Finders = BoundedVec<AccountId, ConstU32<MAX_COMMITTEE>>;

/// The stage of a challenge.
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
		/// The seed of the draw.
		seed: Hash,
		/// Number of committee members.
		members: u16,
		/// Crowded blocks before that.
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
	/// Whether it failed only over the question whether the segments can be transcoded at all: the
	/// fee goes back, and the transcoder is neither slashed nor jailed, but pays the dispute.
	pub about_input: bool,
	/// Whether it is void because too many judges could not have the bytes: the transcoder pays the
	/// dispute.
	pub is_starved: bool,
	/// The cost of the dispute, in ETH: the work of its judges, and at least the price of its
	/// weight; zero if there was no dispute.
	pub dispute_cost: Balance,
	/// Number of judges that could not have the bytes in time and pay for the dispute.
	pub late: u16,
	/// How many of them had asked: the transcoder pays half of their parts.
	pub late_halved: u16,
	/// The block in which its execution begins. Until then governance can cancel it.
	pub execute_at: BlockNumber,
	/// The accounts that share the finder's fee of the slash, if there is one.
	pub finders: Finders,
	/// The progress of its execution.
	pub done: Done,
	/// Whether the length of its deferral is settled. A failure is reviewed once, when the
	/// decisions around it are known.
	pub is_reviewed: bool,
}

/// The progress of a decision's execution, which handles some judges in each block.
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
	/// Number of judges that are dismissed, from the first on.
	pub dismissed: u32,
	/// What penalties for this claim brought the common pool, in LPT.
	pub inflow: Balance,
	/// What the transcoder's slash took, once it is done.
	pub slash: Option<Taken>,
	/// What the judges share in LPT, once it is known.
	pub pot: Option<Balance>,
	/// Number of judges that have been paid their share, from the first on.
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
	/// The total.
	pub total: Balance,
	/// The part that went to the finders.
	pub finders_fee: Balance,
	/// The part that went to the common pool.
	pub common_pool: Balance,
}

impl Decision {
	/// Whether it costs the transcoder stake.
	pub fn is_guilty(&self) -> bool {
		matches!(self.outcome, Outcome::Failed | Outcome::Missed) && !self.about_input
	}
}

/// An open challenge. The claim's own data is read from `Claims`.
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
	/// From the draw on, the round of the stake snapshot that seats its judges. Their offences
	/// count as of this round.
	pub snapshot: RoundIndex,
	/// The parameters in force when the claim was made.
	pub parameters: LotteryParameters,
	/// The drawn positions.
	pub samples: Samples,
	/// Work of the revealed leaves.
	pub sampled_work: u64,
	/// The part of that which was transcoded. It counts in a new transcoder's record.
	pub transcoded_work: u64,
	/// Blocks by which its ballots together can still exceed the time of its own work.
	pub patience: BlockNumber,
	/// Its stage.
	pub stage: Stage,
	/// The block in which the agenda moves it on.
	pub due: BlockNumber,
	/// Its queue in the agenda.
	pub class: Class,
}

/// An open ballot. It is stored apart from the challenge so that verifiers' calls touch little.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Ballot {
	/// Which tranche votes: a committee or, in a dispute, everybody.
	pub tranche: Tranche,
	/// The seed of the tranche's evidence.
	pub seed: Hash,
	/// The digest of what is judged, which each commitment binds: see
	/// [`livepeer_primitives::verdict::judged_digest`].
	pub judged: Hash,
	/// The step that its members owe.
	pub phase: Phase,
	/// The first block of the phase.
	pub opened: BlockNumber,
	/// The first block that is too late for the phase, extended by one block for each of the
	/// `crowded` blocks that count for it.
	pub deadline: BlockNumber,
	/// The number of crowded blocks that have already been taken into account.
	pub crowded: u32,
	/// Blocks by which later crowded blocks can still extend it: first for both phases of its
	/// judges together, then for the transcoder's opening.
	pub spare: BlockNumber,
	/// Length of the reveal phase in blocks.
	pub reveal_blocks: BlockNumber,
	/// Length of the following phase, in which the transcoder opens its forced variants, in blocks;
	/// zero if it need not.
	pub opening_blocks: BlockNumber,
	/// Whether the transcoder still has to open its forced variants before this ballot ends.
	pub awaits_opening: bool,
	/// Number of revealed leaves, and so of verdicts in each opening.
	pub leaves: u8,
	/// Number of members.
	pub members: u16,
	/// Number of members that committed.
	pub committed: u16,
	/// Number of members that revealed.
	pub revealed: u16,
}

impl Ballot {
	/// The ballot as of block `now`, when there have been `crowded` crowded blocks. Each of these
	/// since the ballot began has extended it, as far as possible. When the commit phase is over,
	/// the reveal phase runs, and after it the opening phase, even if the agenda has not noted it
	/// yet, so a backlog neither gives nor takes time. A phase that was over in an earlier block
	/// stays over, because no block extends it by more than itself.
	pub fn at(mut self, now: BlockNumber, crowded: u32) -> Self {
		self.prolong(crowded);
		if self.phase == Phase::Commit && self.committed > 0 && now >= self.deadline {
			self.start_reveal(self.deadline);
		}
		if self.phase == Phase::Reveal && self.awaits_opening && now >= self.deadline {
			self.start_opening(self.deadline);
			// It may have begun a while ago, with crowded blocks since.
			if self.opened < now {
				self.prolong(crowded);
			}
		}
		self
	}

	/// Extends the phase by the crowded blocks since the last call, as far as possible.
	fn prolong(&mut self, crowded: u32) {
		let since = crowded.saturating_sub(self.crowded).min(self.spare);
		self.crowded = self.crowded.saturating_add(since);
		self.spare = self.spare.saturating_sub(since);
		self.deadline = self.deadline.saturating_add(since);
	}

	/// The first block in which a member can no longer ask for bytes: after half of the commit
	/// phase, so that there is still time to send them.
	pub fn asking_until(&self) -> BlockNumber {
		let half = self.deadline.saturating_sub(self.opened) / 2;
		self.opened.saturating_add(half)
	}

	/// Starts the reveal phase at block `from`.
	pub fn start_reveal(&mut self, from: BlockNumber) {
		self.phase = Phase::Reveal;
		self.opened = from;
		self.deadline = from.saturating_add(self.reveal_blocks);
	}

	/// Starts the phase in which the transcoder opens its forced variants at block `from`. Nobody
	/// can reveal any more, because a reveal could depend on what is due. Crowded blocks can double
	/// this phase.
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
		/// The block that contains it. The member reveals when that block is final.
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

/// A verifier in a tranche, with its data at the time the seed was stored.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Member {
	/// Its account.
	pub account: AccountId,
	/// Its verifier key. It is valid for this challenge even if sessions change.
	pub key: VerifierId,
	/// Its stake.
	pub stake: Balance,
	/// Its answer.
	pub answer: Answer,
	/// Whether it has asked on the chain for bytes that it could not get.
	pub asked: bool,
	/// Whether the ballot closes before it can finish its work.
	pub overloaded: bool,
}

/// The largest part of its stake that a dispute costs a judge with a false verdict, however small
/// the stake is.
pub const MOST_FOR_A_DISPUTE: Perbill = Perbill::from_percent(50);

/// A judge's offence, in ascending order of weight.
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
	/// In a dispute it lacked bytes that half of the eligible stake had, and it had asked for them
	/// on the chain: the transcoder may have withheld them. Costs one no-show and does not double.
	#[codec(index = 8)]
	Lacked,
	/// It did not answer, abstained where others judged, or lacked bytes in a dispute without
	/// asking for them. Doubles with each in a row.
	#[codec(index = 0)]
	NoShow,
	/// Its evidence is not that of two thirds of its tranche. Either it or they did not do the
	/// work, and nobody judges that again. Costs a no-show.
	#[codec(index = 9)]
	OtherEvidence,
	/// In its tranche it lacked bytes that others had later, had asked for them on the chain, and
	/// less than half of its tranche had them. It pays its part of the dispute, of which the
	/// transcoder pays half.
	#[codec(index = 5)]
	LateDataAsked,
	/// In its tranche it lacked bytes that others had later, had asked for them on the chain, and
	/// at least half of its tranche had them. It pays its whole part of the dispute. One for which
	/// a round takes nothing any more chills it, as long as few are chilled for this.
	#[codec(index = 7)]
	LateDataAlone,
	/// In its tranche it lacked bytes that others had later, and had not asked for them. It pays
	/// its whole part of the dispute. It is chilled with the third such claim of a round, and with
	/// one for which a round takes nothing any more.
	#[codec(index = 4)]
	LateData,
	/// Its evidence is not that of two thirds of the stake that revealed in the dispute: it did not
	/// do the work. Costs a no-show, and it is chilled.
	#[codec(index = 1)]
	WrongEvidence,
	/// It committed and did not reveal, although most of its tranche did. This costs as much as a
	/// false dissent. It is chilled.
	#[codec(index = 2)]
	Withheld,
	/// It made an accusation that a dispute proved false, or passed a leaf that failed. It is
	/// chilled.
	#[codec(index = 3)]
	FalseDissent,
	/// It said Valid where a forced variant was due: it did not encode. It pays at least as much as
	/// a false dissenter, and is chilled.
	#[codec(index = 6)]
	MissedVariant,
}

impl Penalty {
	/// Whether the judge is kept from validating for a while. A penalty that outweighs one that
	/// chills must chill too, or a judge could shield itself by a second offence. A few judges
	/// alone never cause it: a third of the stake is most of a tranche often enough to remove all
	/// other validators, claim by claim.
	pub fn chills(&self) -> bool {
		matches!(
			self,
			Penalty::WrongEvidence
				| Penalty::Withheld
				| Penalty::FalseDissent
				| Penalty::MissedVariant
		)
	}

	/// Whether the judge gave no full answer.
	pub fn is_no_answer(&self) -> bool {
		matches!(
			self,
			Penalty::NoShow | Penalty::OtherEvidence | Penalty::WrongEvidence | Penalty::Withheld
		)
	}

	/// The share of stake that it costs after `in_a_row` earlier answers that were not full. `part`
	/// is the judge's part of the dispute's cost, as a share of its stake.
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
			// It reads as a fault, and makes everybody judge as a false accusation does.
			Penalty::MissedVariant => {
				let dissent = Penalty::FalseDissent.fraction(parameters, in_a_row, part);
				parameters.variant_slash.max(dissent)
			}
		}
	}
}

/// A judge's conduct, in ascending order of weight.
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
	/// It owes this penalty.
	Owes(Penalty),
}

/// A judge: its stake is liable for a challenge, from its seat to the challenge's end.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Judge {
	/// Its account.
	pub account: AccountId,
	/// Its stake, as stored.
	pub stake: Balance,
	/// Its conduct; known with the decision.
	pub conduct: Conduct,
	/// The work that it is paid for if it owes nothing; known with the decision.
	pub worked: Worked,
}

/// The ballots in which a judge did the work, as its evidence shows, and whether it failed to
/// answer one.
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
	/// In its tranche, which the claim prepays.
	pub in_tranche: bool,
	/// In the dispute.
	pub in_dispute: bool,
	/// Whether it owed an answer in one of them and gave none, even if it also owes for the other.
	pub is_no_show: bool,
}

/// The judges of a challenge. All come from one stored set, so none is listed twice.
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
	/// The largest share of stake that one of them has cost. A later one costs only the difference.
	pub slashed: Perbill,
}

/// How many stretches of a session's length are kept with their decisions: that of a failure, both
/// neighbours, and the one in which it is reviewed.
pub const KEPT_TALLIES: u32 = 4;
/// How many transcoders that failed in one stretch are distinguished.
pub const MOST_FAILING: u32 = 32;
/// How many transcoders, for as many broadcasters, must have failed together before the toolchain
/// may be the cause.
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
	/// The transcoders whose claims failed, each with its part of the stake of the validators
	/// stored with its claim's seed. If there are too many, those with the most stake.
	pub transcoders: BoundedVec<(AccountId, Perbill), ConstU32<MOST_FAILING>>,
	/// The broadcasters of those claims, up to the number that counts.
	pub broadcasters: BoundedVec<AccountId, ConstU32<FEWEST_FAILING>>,
}

/// What was recently decided of the claims under a toolchain, ascending.
pub type Tallies = BoundedVec<Tally, ConstU32<KEPT_TALLIES>>;

/// A judge's omissions in claims of one round.
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
	/// The newest round with an omission, by the snapshot that seated the judge.
	pub round: RoundIndex,
	/// The share of its stake that the largest omission has taken.
	pub largest: Perbill,
	/// The share of its stake that late bytes have taken.
	pub late: Perbill,
	/// The number of claims with late bytes that it had not asked for.
	pub times_late: u32,
	/// Whether it was chilled for late bytes that it had asked for, after the round could take
	/// nothing more.
	pub is_chilled: bool,
}

/// A transcoder's record since it registered or failed.
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
	/// The round in which it began anew while it had open claims. Claims of that round and of
	/// earlier ones do not count.
	pub since: Option<RoundIndex>,
	/// Transcoded work of its accepted claims that was drawn while it was new, for each claim at
	/// most [`LotteryParameters::full_claim`].
	pub work: u64,
	/// All work of its accepted claims.
	pub claimed: u64,
	/// The part of that which was judged.
	pub judged: u64,
	/// Blocks in which the work was done, see [`livepeer_primitives::traits::Claims::took`].
	pub blocks: u64,
}

/// A task of the agenda.
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
	/// A retired toolchain is forgotten.
	Toolchain(ToolchainId),
}

/// A retiring toolchain.
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
	/// The block from which no claim that names it can be open. Verifiers keep it until then.
	pub until: BlockNumber,
}
