//! The runtime API for the reads that applications and the worker need; nearly each is also a view
//! function of the pallet that owns the data.

use alloc::vec::Vec;
use codec::{Decode, Encode};
use scale_info::TypeInfo;
use sp_core::H256;
use sp_runtime::Perbill;

use crate::{
	claim::{ClaimInfo, Outcome},
	duty::Profiles,
	keys::{Generation, OperatorKey, Purpose, VerifierId, VrfKey},
	offchain::VerifyLeaf,
	params::{ParameterError, ProtocolParameters, Timing, VerificationTerms},
	service::ServiceRecord,
	toolchain::Attestation,
	traits::Seed,
	verdict::{Evidence, Tranche, Verdicts},
	video::{Ladder, SourceLimits},
	work::WorkFactors,
	AccountId, AssignmentIndex, Balance, BlockNumber, ClaimId, JobId, RoundIndex, Seq, StreamId,
	ToolchainId, WindowIndex,
};

/// The protocol's clock as applications show it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct ClockView {
	/// The number of this block, or of the last open one: what deadlines are compared with.
	pub block: BlockNumber,
	/// The round.
	pub round: RoundIndex,
	/// The beacon window.
	pub window: WindowIndex,
}

/// A transcoder as applications show it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct TranscoderView {
	/// Its account.
	pub account: AccountId,
	/// The stake that counts this round.
	pub stake: Balance,
	/// Price of a standard segment in ETH.
	pub price: Balance,
	/// Its share of rewards.
	pub reward_cut: Perbill,
	/// Its delegators' share of fees.
	pub fee_share: Perbill,
	/// Work that its machine does in a second; 0 takes no new assignment.
	pub capacity: u64,
	/// The profiles that it serves.
	pub profiles: Profiles,
	/// Whether it is in this round's active set.
	pub active: bool,
	/// Whether it is jailed.
	pub jailed: bool,
	/// Where it is reached.
	pub service: ServiceRecord,
}

/// A bond as applications show it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct DelegatorView {
	/// To whom it is bonded.
	pub delegate: AccountId,
	/// Its value in LPT now.
	pub stake: Balance,
	/// Fees in ETH that can be withdrawn now.
	pub fees: Balance,
}

/// Stake that left a transcoder, as applications show it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct LockInfo {
	/// Its number among the account's locks, as calls take it.
	pub id: u32,
	/// The transcoder that it left.
	pub transcoder: AccountId,
	/// The round in which it left, up to which it answers for offences.
	pub round: RoundIndex,
	/// What it is worth now, in LPT.
	pub value: Balance,
	/// The first round in which it may be bonded elsewhere, if nothing holds it back.
	pub liable_until: RoundIndex,
	/// The first round in which it can be withdrawn, if nothing holds it back.
	pub release: RoundIndex,
	/// The block in which that round begins, if rounds keep their length.
	pub release_block: BlockNumber,
	/// Whether open claims or slashes of the transcoder hold it back now.
	pub held_back: bool,
	/// The transcoder that it moves to, if it does.
	pub moves_to: Option<AccountId>,
	/// The account that it is offered to, if it is.
	pub offered_to: Option<AccountId>,
}

/// An account's stake and fees, as applications show them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode, TypeInfo)]
pub struct StakeView {
	/// To whom it is bonded; `None` without a bond.
	pub delegate: Option<AccountId>,
	/// What counts, and earns, in this round, in LPT.
	pub counting: Balance,
	/// What will from the next round on, if nothing happens until then.
	pub next_round: Balance,
	/// Fees that can be withdrawn, in ETH.
	pub fees: Balance,
	/// Its stake that has left.
	pub locks: Vec<LockInfo>,
}

/// Why a candidate has a seat in this round, or has none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub enum SeatReason {
	/// It has a seat by its stake.
	Stake,
	/// It has the seat that was drawn.
	Drawn,
	/// It waits: others had more stake, or registered earlier with as much, when the round began. By
	/// its stake it may be drawn for the next round.
	Waits,
	/// It had no stake that counted when the round began, or registered since.
	New,
	/// It is jailed.
	Jailed,
	/// Its own bond is below the minimum: it leaves the list with the next election.
	OwnBond,
}

/// A candidate, as applications show it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct PoolSeat {
	/// Its account.
	pub account: AccountId,
	/// Its stake when the round began, if it was there then.
	pub stake: Balance,
	/// Its stake in the next round, if nothing changes until then.
	pub next_stake: Balance,
	/// Why it has a seat, or has none.
	pub reason: SeatReason,
	/// Whether it validates in the session in force.
	pub validates: bool,
	/// Whether it is kept out of the next validator sets: jailed, chilled or offline.
	pub barred: bool,
}

/// What a round mints, as applications show it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct InflationView {
	/// The round.
	pub round: RoundIndex,
	/// All LPT when it began.
	pub supply: Balance,
	/// Stake of its active set.
	pub stake: Balance,
	/// The share of all LPT that it can mint.
	pub rate: Perbill,
	/// The same, in smallest units of LPT.
	pub mintable: Balance,
	/// The common pool's share of what it mints.
	pub pool_cut: Perbill,
	/// The rate of the next round if the active set's stake stays as it is.
	pub next_rate: Perbill,
	/// What the next round can mint then, in smallest units of LPT.
	pub next_mintable: Balance,
}

/// What a transcoder's seat earns in this round, and how it answers offers, as applications show it.
///
/// For a round in which its transcoder does its duty, a LPT bonded to it gets
/// `mintable × (1 − pool cut) × (stake ÷ active stake) × (1 − reward cut) ÷ stake`, of what the
/// round can mint and of the stakes that were there when it began.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct YieldView {
	/// The round.
	pub round: RoundIndex,
	/// Its stake when the round began; 0 without a seat.
	pub stake: Balance,
	/// What its stake gets of the round, in LPT, after the common pool's part.
	pub reward: Balance,
	/// What a bonded LPT gets of it, in smallest units, after the transcoder's cut.
	pub per_lpt: Balance,
	/// Whether it has done its duty so far: otherwise it gets nothing.
	pub earns: bool,
	/// Jobs that it was offered in the rounds that count, and in which a claim was paid.
	pub offered: u32,
	/// How many of them it served.
	pub served: u32,
	/// Whether it serves enough of them to be paid.
	pub competitive: bool,
}

/// How a transcoder has worked, as applications show it: by its answers to offers, by its claims and by the
/// verdicts on them. What it lost by verdicts is part of [`BackingView`].
///
/// - Success: `served ÷ offered`.
/// - Verified share: `judged ÷ work`.
/// - Speed, of one stream: `work ÷ blocks`. Where segments come no faster, as with a live stream, it is the
///   stream's own, so it is what the transcoder has done and not the most that it can.
///
/// It informs, and no rule rests on it. What a transcoder claims of itself is not in it, but it may be its own
/// broadcaster by another account: then it has paid for the verification of what it shows.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct PerformanceView {
	/// Jobs that it was offered in the rounds that count for `CompetitivenessTolerance`, and in which a claim
	/// was paid.
	pub offered: u32,
	/// How many of them it served.
	pub served: u32,
	/// Work of its claims that were accepted and settled since it registered, was jailed or failed.
	pub work: u64,
	/// Work of the leaves that were drawn of these, which judges have done again.
	pub judged: u64,
	/// Blocks in which it was done, of each claim since the one before it in its assignment. Streams side by
	/// side count each.
	pub blocks: u64,
}

/// The stake behind a transcoder, as applications show it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct BackingView {
	/// What counts in this round, in LPT.
	pub counting: Balance,
	/// What will in the next round, if nothing happens until then.
	pub next_round: Balance,
	/// The transcoder's own part of that.
	pub own: Balance,
	/// Number of bonds.
	pub bonds: u32,
	/// What slashes have taken of a bond that was there from the beginning, or since one took all.
	pub slashed: Perbill,
	/// How often a slash took all.
	pub wiped: u32,
	/// Rounds with open claims and judgements, with their number: stake that joins now shares their
	/// risk.
	pub open: Vec<(RoundIndex, u32)>,
}

/// Why a validator of the session in force would not be chosen now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub enum LeaveReason {
	/// It is jailed.
	Jailed,
	/// It judged badly or not at all.
	Chilled,
	/// It made no blocks and sent no heartbeats.
	Offline,
	/// It has no seat by its stake in this round.
	NoSeat,
	/// It has less stake than a validator needs.
	LittleStake,
	/// It has no session keys.
	NoKeys,
	/// It has too small a part of the validators' stake: see `election.validator_leverage`.
	SmallPart,
}

/// A validator, as applications show it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct ValidatorView {
	/// Its account.
	pub account: AccountId,
	/// Its stake, with which it weighs in committees; where it is not in force, with which it would.
	pub stake: Balance,
	/// Whether it validates in the session in force.
	pub in_force: bool,
	/// Whether it does in the newest session that is planned.
	pub planned: bool,
	/// Whether it would be chosen if a session were planned now.
	pub next: bool,
	/// Why it leaves, or is only kept because others are wanting.
	pub leaves: Option<LeaveReason>,
}

/// An assignment as applications show it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct AssignmentView {
	/// Its number within the job.
	pub index: AssignmentIndex,
	/// Its transcoder.
	pub transcoder: AccountId,
	/// Price of a standard segment in ETH.
	pub price: Balance,
	/// The toolchain with which the transcoder has accepted; `None` while it has not.
	pub toolchain: Option<ToolchainId>,
	/// The generation of the broadcaster's segment keys in this assignment.
	pub broadcaster_keys: Generation,
	/// The generation of the transcoder's duties keys in this assignment.
	pub transcoder_keys: Generation,
	/// The most leaves that a claim of it may have now.
	pub max_leaves: u32,
	/// Share of its segments in which a rendition is the profile's variant.
	pub variant_rate: Perbill,
	/// The block after which nothing more can be claimed; `None` while it runs.
	pub claimable_until: Option<BlockNumber>,
	/// The first seq that is not claimed yet.
	pub next_seq: Seq,
	/// What is left to claim, in ETH.
	pub allowance: Balance,
}

/// What the claims of an assignment have to be worth, and how much of them is backed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct ClaimTerms {
	/// What verifying them comes to: while the assignment runs, a claim's fee is at least
	/// [`VerificationTerms::least_fee`].
	pub terms: VerificationTerms,
	/// What the transcoder's claims without outcome are worth, in ETH.
	pub exposed: Balance,
	/// What they may be worth by its own bond, in ETH.
	pub backing: Balance,
	/// What the call of a claim costs its transcoder now, in ETH.
	pub call_fee: Balance,
}

/// A job as applications show it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct JobView {
	/// Its number.
	pub id: JobId,
	/// Its owner.
	pub broadcaster: AccountId,
	/// Its stream.
	pub stream: StreamId,
	/// The ladder.
	pub ladder: Ladder,
	/// The limits of the source.
	pub limits: SourceLimits,
	/// Factors of the work formula, frozen when the job was created.
	pub factors: WorkFactors,
	/// The most work that one segment may hold.
	pub max_leaf_work: u64,
	/// The most leaves of a claim that are drawn.
	pub max_samples: u32,
	/// The highest price that it takes.
	pub max_price: Balance,
	/// The block at which it expires.
	pub end: BlockNumber,
	/// ETH that is neither spent nor reserved.
	pub unreserved: Balance,
	/// Whether it has ended.
	pub ended: bool,
	/// The assignment that is offered or runs.
	pub current: Option<AssignmentView>,
}

/// Where a challenge stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub enum ChallengeStage {
	/// Waits for its seed.
	AwaitingSeed,
	/// Drawn; the transcoder reveals.
	LeafReveal,
	/// Members commit.
	Commit,
	/// Members reveal, and the transcoder opens its forced variants after them.
	VerdictReveal,
	/// A tranche is closed; the next one, or the dispute, waits for its seed.
	AwaitingDispute,
	/// Decided; waits for execution.
	Decided,
}

/// A challenge as applications show it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct ChallengeView {
	/// The claim.
	pub claim: ClaimId,
	/// Where it stands.
	pub stage: ChallengeStage,
	/// The block at which the stage ends at the latest.
	pub deadline: BlockNumber,
	/// The tranche at work.
	pub tranche: Tranche,
	/// The drawn positions; empty before the draw.
	pub positions: Vec<u64>,
	/// Which of them are answered by a revealed leaf.
	pub answered: Vec<bool>,
	/// The members of the tranche at work.
	pub members: Vec<AccountId>,
	/// Their verifier keys, which sign their passes.
	pub keys: Vec<VerifierId>,
	/// Who of them has committed.
	pub committed: Vec<bool>,
	/// Who of them has revealed.
	pub revealed: Vec<bool>,
	/// Whether the transcoder has to open its forced variants now, and has not: the members' words are
	/// all there, or their time is over.
	pub awaits_opening: bool,
	/// The outcome when decided.
	pub outcome: Option<Outcome>,
	/// The seed of the ballot at work, which is in what its members sign, and what the transcoder signs
	/// when it opens.
	pub seed: Option<H256>,
}

/// What a judge has said of the drawn leaves.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub enum JudgeAnswer {
	/// Nothing.
	Silent,
	/// A commitment.
	Committed {
		/// The commitment.
		commitment: H256,
	},
	/// Its verdicts.
	Revealed {
		/// One per revealed leaf, in ascending order of leaf index.
		verdicts: Verdicts,
		/// Its evidence.
		evidence: Evidence,
	},
}

/// A judge in a ballot, as applications show it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct JudgeView {
	/// Its account.
	pub account: AccountId,
	/// Its stake.
	pub stake: Balance,
	/// What it has said.
	pub answer: JudgeAnswer,
}

/// A ballot, as applications show it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct BallotView {
	/// The tranche.
	pub tranche: Tranche,
	/// The seed of its evidence, while it is the ballot at work.
	pub seed: Option<H256>,
	/// Its judges in their order.
	pub judges: Vec<JudgeView>,
}

/// A drawn leaf with what is due of it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct DrawnLeaf {
	/// What the transcoder revealed.
	pub leaf: VerifyLeaf,
	/// The rendition of which the variant is due, if one is.
	pub variant: Option<u8>,
}

/// All that the chain holds of a claim that is judged: whoever has the bytes besides can judge it
/// again. Leaves and votes are forgotten when the claim is decided, so that of a decided claim it is
/// read at a block before.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct JudgementView {
	/// The claim.
	pub claim: ClaimInfo,
	/// Where it stands.
	pub stage: ChallengeStage,
	/// The outcome when decided.
	pub outcome: Option<Outcome>,
	/// The revealed leaves in ascending order of index.
	pub leaves: Vec<DrawnLeaf>,
	/// The ballots in ascending order of tranche.
	pub ballots: Vec<BallotView>,
}

/// One generation of an account's keys for one purpose, as applications show it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct KeysView {
	/// Its number.
	pub generation: Generation,
	/// Its keys in their order; empty for generation 0, which is the account itself.
	pub keys: Vec<OperatorKey>,
	/// Which of them are revoked.
	pub revoked: Vec<bool>,
	/// The key of its forced variants.
	pub vrf: Option<VrfKey>,
}

/// A key that may spend a broadcaster's ETH on jobs, as applications show it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct SpendingView {
	/// The key's account, which signs and pays its transactions.
	pub key: AccountId,
	/// The most that it may ever spend, in ETH.
	pub cap: Balance,
	/// What it has spent, in ETH.
	pub spent: Balance,
	/// The block from which on it may do nothing.
	pub expiry: BlockNumber,
	/// Whether it may create jobs.
	pub create: bool,
	/// Whether it may top up jobs.
	pub top_up: bool,
	/// Whether it may end jobs.
	pub end: bool,
}

/// What a running worker needs to know of parameters and nothing else, so that a parameter more
/// stops no worker. A later version is one variant more; a worker asks for the one that it knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub enum WorkerLimits {
	/// Version 1.
	#[codec(index = 1)]
	V1 {
		/// Length of a slot in milliseconds.
		slot_duration: u64,
		/// Blocks within which an available transcoder sends one heartbeat.
		heartbeat_interval: BlockNumber,
		/// Open claims that one transcoder may have.
		max_open_claims: u32,
		/// Blocks after an assignment's end in which it can still be claimed for.
		claim_grace: BlockNumber,
	},
	/// Version 2: what whoever owns stake needs to know.
	#[codec(index = 2)]
	V2 {
		/// Length of a slot in milliseconds.
		slot_duration: u64,
		/// Blocks of a round.
		round_length: BlockNumber,
		/// Rounds until stake that left can be withdrawn.
		unbonding_period: RoundIndex,
		/// Rounds in which stake that left answers for its transcoder.
		liability_window: RoundIndex,
		/// The smallest bond, in LPT.
		min_bond: Balance,
		/// What a transcoder must have bonded to itself, in LPT.
		min_self_bond: Balance,
	},
}

/// The round that is running, as applications show it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct RoundView {
	/// Its number.
	pub index: RoundIndex,
	/// Its first block, on the protocol's clock.
	pub start: BlockNumber,
	/// How many blocks it has.
	pub length: BlockNumber,
	/// The first block of its lock period; the block after its last one when it has none.
	pub locked_from: BlockNumber,
	/// Whether the terms of transcoders are frozen now.
	pub terms_are_locked: bool,
}

/// The terms of a transcoder that the next round takes over, as applications show them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct TermsView {
	/// Price of a standard segment in ETH.
	pub price: Balance,
	/// Its share of rewards.
	pub reward_cut: Perbill,
	/// Its delegators' share of fees.
	pub fee_share: Perbill,
}

/// A toolchain on its way out, as applications show it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct RetiringView {
	/// The toolchain.
	pub toolchain: ToolchainId,
	/// The first block in which no assignment runs on it.
	pub at: BlockNumber,
	/// The block until which verifiers keep it.
	pub until: BlockNumber,
}

/// What somebody owes by a deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub enum Duty {
	/// A transcoder accepts the job that it is offered.
	Accept {
		/// The job.
		job: JobId,
		/// The assignment that is offered.
		assignment: AssignmentIndex,
	},
	/// An available transcoder says that it is there.
	Heartbeat,
	/// A transcoder reveals the drawn leaves of its claim.
	RevealLeaves {
		/// The claim.
		claim: ClaimId,
	},
	/// A transcoder serves a claim's bytes to judges who have asked for them on the chain.
	ServeBytes {
		/// The claim.
		claim: ClaimId,
	},
	/// A transcoder opens the forced variants of its claim.
	OpenVariants {
		/// The claim.
		claim: ClaimId,
	},
	/// A judge commits to its verdicts.
	Commit {
		/// The claim.
		claim: ClaimId,
		/// The tranche; 255 is the dispute.
		tranche: Tranche,
		/// Its number within the tranche.
		member: u16,
		/// Whether its silence costs nothing, because it owes more elsewhere than it can do by then.
		is_excused: bool,
	},
	/// A judge reveals what it has committed to.
	Reveal {
		/// The claim.
		claim: ClaimId,
		/// The tranche; 255 is the dispute.
		tranche: Tranche,
		/// Its number within the tranche.
		member: u16,
	},
}

/// An open duty, as applications show it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct DutyView {
	/// What is owed.
	pub duty: Duty,
	/// The first block that is too late, on the protocol's clock. Full blocks can move it for what a
	/// transcoder reveals and opens, never to an earlier one.
	pub until: BlockNumber,
}

sp_api::decl_runtime_apis! {
	/// Reads of the protocol's state.
	#[api_version(8)]
	pub trait LivepeerApi {
		/// What was fixed at genesis.
		fn timing() -> Timing;
		/// The parameters in force.
		fn parameters() -> ProtocolParameters;
		/// Where the protocol's clock stands.
		fn clock() -> ClockView;
		/// Every registered transcoder.
		fn transcoders() -> Vec<TranscoderView>;
		/// One transcoder.
		fn transcoder(account: AccountId) -> Option<TranscoderView>;
		/// One bond.
		fn delegator(account: AccountId) -> Option<DelegatorView>;
		/// Where a transcoder is reached.
		fn service(account: AccountId) -> Option<ServiceRecord>;
		/// Where a stream comes from.
		fn origin(stream: StreamId) -> Option<ServiceRecord>;
		/// The streams that have said where they come from.
		fn origins() -> Vec<StreamId>;
		/// The generations of an account's keys for a purpose that are stored, newest first; always
		/// with generation 0 at the end.
		fn operator_keys(account: AccountId, purpose: Purpose) -> Vec<KeysView>;
		/// The keys that may spend for a broadcaster.
		fn spending_keys(broadcaster: AccountId) -> Vec<SpendingView>;
		/// What a worker needs to know, in the version that it knows; `None` when that is not
		/// served.
		fn worker_limits(version: u8) -> Option<WorkerLimits>;
		/// One job.
		fn job(id: JobId) -> Option<JobView>;
		/// The newest job of a stream that still has state.
		fn job_of_stream(stream: StreamId) -> Option<JobId>;
		/// The jobs whose current assignment is this transcoder's.
		fn assignments(transcoder: AccountId) -> Vec<JobId>;
		/// One open claim.
		fn claim(id: ClaimId) -> Option<ClaimInfo>;
		/// One open challenge.
		fn challenge(id: ClaimId) -> Option<ChallengeView>;
		/// The open claims of a transcoder.
		fn claims_of(transcoder: AccountId) -> Vec<ClaimId>;
		/// The toolchains that claims may name.
		fn toolchains() -> Vec<ToolchainId>;
		/// The genesis hash, which every signature of the protocol names.
		fn genesis() -> H256;
		/// An account's stake, its fees and its locks.
		fn stake(account: AccountId) -> StakeView;
		/// The candidate list in the order of the next election, with the reason for each seat.
		fn pool() -> Vec<PoolSeat>;
		/// What this round can mint, and what the next one could.
		fn inflation() -> InflationView;
		/// What a transcoder's seat earns in this round.
		fn yield_of(transcoder: AccountId) -> YieldView;
		/// The stake behind a transcoder.
		fn backing(transcoder: AccountId) -> BackingView;
		/// Who validates, who does from the next sessions on, and who leaves.
		fn validators() -> Vec<ValidatorView>;
		/// What the claims of an assignment have to be worth, and how much of them is backed.
		fn claim_terms(job: JobId, assignment: AssignmentIndex) -> Option<ClaimTerms>;
		/// What the price and the budget of a new job have to cover.
		fn job_terms() -> VerificationTerms;
		/// Who of the ballot at work has asked for bytes that it could not have.
		fn asking(claim: ClaimId) -> Vec<AccountId>;
		/// The claims of a transcoder that were accepted since it registered or failed.
		fn accepted(transcoder: AccountId) -> u32;
		/// All that the chain holds of a claim that is judged.
		fn judgement(id: ClaimId) -> Option<JudgementView>;
		/// What a transcoder owes for verification that it caused in vain, in ETH.
		fn debt_of(transcoder: AccountId) -> Balance;
		/// How often in a row a verifier gave no full answer: the next time costs as many doublings.
		fn no_shows(verifier: AccountId) -> u32;
		/// The round that is running.
		fn round() -> RoundView;
		/// The terms of a transcoder that the next round takes over.
		fn terms_of(account: AccountId) -> Option<TermsView>;
		/// Verdicts that await execution against a jailed account; `None` if it is not jailed.
		fn open_verdicts_of(account: AccountId) -> Option<u32>;
		/// The round from which on an account may be a validator again, the largest number of all until it
		/// attests golden vectors; `None` if it may now.
		fn chilled_until(account: AccountId) -> Option<RoundIndex>;
		/// The round until which an account is taken for offline at most; `None` if it is not.
		fn offline_until(account: AccountId) -> Option<RoundIndex>;
		/// Who was not elected in this round, with the stakes by which one is drawn for the next.
		fn waiting() -> Vec<(AccountId, Balance)>;
		/// One assignment: a job's current one, one in grace, or one that can still be reported.
		fn assignment(job: JobId, assignment: AssignmentIndex) -> Option<AssignmentView>;
		/// Who is asked after a job's current assignment, in order.
		fn successors(job: JobId) -> Vec<AccountId>;
		/// The toolchains on their way out, which verifiers still keep.
		fn retiring_toolchains() -> Vec<RetiringView>;
		/// The seed that answers for a window, with the validators stored with it.
		fn seed_of(window: WindowIndex) -> Option<Seed>;
		/// What lies in the pot of stake and fees beyond what is owed: in LPT, and in ETH.
		fn surplus() -> (Balance, Balance);
		/// What governance would be told that sets these parameters, with the bound that is broken.
		fn check(parameters: ProtocolParameters) -> Result<(), ParameterError>;
		/// What an account owes now, as transcoder and as judge, what is due first at the top.
		fn duties(account: AccountId) -> Vec<DutyView>;
		/// What a judge has attested of its toolchains, and what it has to attest before it validates
		/// again; `None` if it lacks none and owes nothing.
		fn attestation(verifier: AccountId) -> Option<Attestation>;
		/// How a transcoder has worked: success, speed, and how much of it was verified.
		fn performance(transcoder: AccountId) -> PerformanceView;
	}
}
