//! The runtime API for the reads that applications and the worker need. Almost every read is also a
//! view function of the pallet that owns the data.

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
	/// The number of this block, or of the last open one. Deadlines are compared with it.
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
	/// Work per second that its machine does; with 0 it takes no new assignment.
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
	/// The transcoder to which it is bonded.
	pub delegate: AccountId,
	/// Its current value in LPT.
	pub stake: Balance,
	/// Fees in ETH that can be withdrawn now.
	pub fees: Balance,
}

/// Stake that left a transcoder, as applications show it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct LockInfo {
	/// Its number among the account's locks, for use in calls.
	pub id: u32,
	/// The transcoder that it left.
	pub transcoder: AccountId,
	/// The round in which it left, up to which it is liable for offences.
	pub round: RoundIndex,
	/// Its current worth in LPT.
	pub value: Balance,
	/// The first round in which it can be bonded elsewhere, if nothing holds it back.
	pub liable_until: RoundIndex,
	/// The first round in which it can be withdrawn, if nothing holds it back.
	pub release: RoundIndex,
	/// The block in which that round begins, if rounds keep their length.
	pub release_block: BlockNumber,
	/// Whether open claims or slashes of the transcoder hold it back now.
	pub held_back: bool,
	/// The transcoder that it moves to, if there is one.
	pub moves_to: Option<AccountId>,
	/// The account that it is offered to, if there is one.
	pub offered_to: Option<AccountId>,
}

/// An account's stake and fees, as applications show them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode, TypeInfo)]
pub struct StakeView {
	/// The transcoder to which it is bonded; `None` without a bond.
	pub delegate: Option<AccountId>,
	/// The stake that counts, and earns, in this round, in LPT.
	pub counting: Balance,
	/// The stake that will count from the next round, if nothing happens until then.
	pub next_round: Balance,
	/// Fees that can be withdrawn, in ETH.
	pub fees: Balance,
	/// Its stake that has left a transcoder.
	pub locks: Vec<LockInfo>,
}

/// Why a candidate has a seat in this round, or has none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub enum SeatReason {
	/// It has a seat by its stake.
	Stake,
	/// It has the seat that was drawn.
	Drawn,
	/// It waits: when the round began, others had more stake, or registered earlier with the same
	/// stake. It can be drawn for the next round, by its stake.
	Waits,
	/// It had no stake that counted when the round began, or registered later.
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
	/// Its stake when the round began, if it was registered then.
	pub stake: Balance,
	/// Its stake in the next round, if nothing changes until then.
	pub next_stake: Balance,
	/// Why it has a seat, or has none.
	pub reason: SeatReason,
	/// Whether it validates in the session in force.
	pub validates: bool,
	/// Whether it is excluded from the next validator sets: jailed, chilled or offline.
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
	/// The same amount, in units of 10^-18 LPT.
	pub mintable: Balance,
	/// The common pool's share of what it mints.
	pub pool_cut: Perbill,
	/// The rate of the next round if the active set's stake stays as it is.
	pub next_rate: Perbill,
	/// What the next round can mint in that case, in units of 10^-18 LPT.
	pub next_mintable: Balance,
}

/// What a transcoder's seat earns in this round, and how it answers offers, as applications show
/// it.
///
/// For a round in which its transcoder does its duty, one LPT bonded to it gets
/// `mintable × (1 − pool cut) × (stake ÷ active stake) × (1 − reward cut) ÷ stake`, with what the
/// round can mint and the stakes at its beginning.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct YieldView {
	/// The round.
	pub round: RoundIndex,
	/// Its stake when the round began; 0 without a seat.
	pub stake: Balance,
	/// What its stake gets from the round, in LPT, after the common pool's part.
	pub reward: Balance,
	/// What one bonded LPT gets of that, in units of 10^-18 LPT, after the transcoder's cut.
	pub per_lpt: Balance,
	/// Whether it has done its duty so far; otherwise it gets nothing.
	pub earns: bool,
	/// Jobs that it was offered in the rounds that count, if a claim was paid in them.
	pub offered: u32,
	/// How many of them it served.
	pub served: u32,
	/// Whether it serves enough of them to be paid.
	pub competitive: bool,
}

/// How a transcoder has worked, as applications show it: by its answers to offers, by its claims
/// and by the verdicts on them. What it lost by verdicts is part of [`BackingView`].
///
/// - Success: `served ÷ offered`.
/// - Verified share: `judged ÷ work`.
/// - Speed, of one stream: `work ÷ blocks`. If segments come no faster, as with a live stream, this
///   is the stream's own speed: what the transcoder has done, not the most that it can do.
///
/// It is information only; no rule depends on it. Claims on the transcoder's own jobs are not in
/// it. It can be its own broadcaster under another account, but then it has paid for the
/// verification of what it shows.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct PerformanceView {
	/// Jobs that it was offered in the rounds that count for `CompetitivenessTolerance`, if a claim
	/// was paid in them.
	pub offered: u32,
	/// How many of them it served.
	pub served: u32,
	/// Work of its claims that were accepted and settled since it registered, was jailed or failed.
	pub work: u64,
	/// Work of the drawn leaves of these claims, which judges have redone.
	pub judged: u64,
	/// Blocks in which the work was done: for each claim, those since the previous claim of its
	/// assignment. Parallel streams each count.
	pub blocks: u64,
}

/// The stake behind a transcoder, as applications show it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct BackingView {
	/// The stake that counts in this round, in LPT.
	pub counting: Balance,
	/// The stake that will count in the next round, if nothing happens until then.
	pub next_round: Balance,
	/// The transcoder's own part of that.
	pub own: Balance,
	/// Number of bonds.
	pub bonds: u32,
	/// The share that slashes have taken of a bond that existed from the beginning, or since one
	/// took everything.
	pub slashed: Perbill,
	/// How many times a slash took everything.
	pub wiped: u32,
	/// Rounds with open claims and judgements, each with their number. Stake that joins now shares
	/// their risk.
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
	/// Its stake is too small a part of the validators' stake: see `election.validator_leverage`.
	SmallPart,
}

/// A validator, as applications show it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct ValidatorView {
	/// Its account.
	pub account: AccountId,
	/// Its stake, which is its weight in committees if it is in force, or would be otherwise.
	pub stake: Balance,
	/// Whether it validates in the session in force.
	pub in_force: bool,
	/// Whether it validates in the newest planned session.
	pub planned: bool,
	/// Whether it would be chosen if a session were planned now.
	pub next: bool,
	/// Why it leaves, or is kept only because there are too few others.
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
	/// The toolchain with which the transcoder accepted; `None` before that.
	pub toolchain: Option<ToolchainId>,
	/// The generation of the broadcaster's segment keys in this assignment.
	pub broadcaster_keys: Generation,
	/// The generation of the transcoder's duties keys in this assignment.
	pub transcoder_keys: Generation,
	/// The most leaves that a claim of it can have now.
	pub max_leaves: u32,
	/// Share of its segments in which a rendition is the profile's variant.
	pub variant_rate: Perbill,
	/// The block after which nothing more can be claimed; `None` while it runs.
	pub claimable_until: Option<BlockNumber>,
	/// The first seq that has not been claimed.
	pub next_seq: Seq,
	/// What can still be claimed, in ETH.
	pub allowance: Balance,
}

/// What the claims of an assignment must be worth, and how much of them is backed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct ClaimTerms {
	/// The terms of their verification. While the assignment runs, a claim's fee must be at least
	/// [`VerificationTerms::least_fee`].
	pub terms: VerificationTerms,
	/// The worth of the transcoder's claims without outcome, in ETH.
	pub exposed: Balance,
	/// The most that they can be worth by its own bond, in ETH.
	pub backing: Balance,
	/// What a claim's call costs its transcoder now, in ETH.
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
	/// Factors of the work formula, fixed when the job was created.
	pub factors: WorkFactors,
	/// The most work that one segment may hold.
	pub max_leaf_work: u64,
	/// The most leaves of a claim that are drawn.
	pub max_samples: u32,
	/// The highest price that it accepts.
	pub max_price: Balance,
	/// The block at which it expires.
	pub end: BlockNumber,
	/// ETH that is neither spent nor reserved.
	pub unreserved: Balance,
	/// Whether it has ended.
	pub ended: bool,
	/// The assignment that is offered or running.
	pub current: Option<AssignmentView>,
}

/// The stage of a challenge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub enum ChallengeStage {
	/// Waits for its seed.
	AwaitingSeed,
	/// Drawn; the transcoder reveals.
	LeafReveal,
	/// Members commit.
	Commit,
	/// Members reveal; after that the transcoder opens its forced variants.
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
	/// Its stage.
	pub stage: ChallengeStage,
	/// The block at which the stage ends at the latest.
	pub deadline: BlockNumber,
	/// The current tranche.
	pub tranche: Tranche,
	/// The drawn positions; empty before the draw.
	pub positions: Vec<u64>,
	/// Whether a revealed leaf answers each of them.
	pub answered: Vec<bool>,
	/// The members of the current tranche.
	pub members: Vec<AccountId>,
	/// Their verifier keys, which sign their passes.
	pub keys: Vec<VerifierId>,
	/// Which of them have committed.
	pub committed: Vec<bool>,
	/// Which of them have revealed.
	pub revealed: Vec<bool>,
	/// Whether the transcoder must now open its forced variants and has not: all members have
	/// revealed, or their time is over.
	pub awaits_opening: bool,
	/// The outcome, if decided.
	pub outcome: Option<Outcome>,
	/// The seed of the current ballot. Its members sign it, and the transcoder signs it when it
	/// opens.
	pub seed: Option<H256>,
}

/// A judge's answer about the drawn leaves.
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
	/// Its answer.
	pub answer: JudgeAnswer,
}

/// A ballot, as applications show it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct BallotView {
	/// The tranche.
	pub tranche: Tranche,
	/// The seed of its evidence, while it is the current ballot.
	pub seed: Option<H256>,
	/// Its judges in their order.
	pub judges: Vec<JudgeView>,
}

/// A drawn leaf and the variant that is due.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct DrawnLeaf {
	/// What the transcoder revealed.
	pub leaf: VerifyLeaf,
	/// The rendition whose variant is due, if there is one.
	pub variant: Option<u8>,
}

/// All that the chain holds of a claim that is being judged. Whoever also has the bytes can judge
/// it again. Leaves and votes are deleted when the claim is decided, so for a decided claim this
/// must be read at an earlier block.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct JudgementView {
	/// The claim.
	pub claim: ClaimInfo,
	/// Its stage.
	pub stage: ChallengeStage,
	/// The outcome, if decided.
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

/// A key that can spend a broadcaster's ETH on jobs, as applications show it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct SpendingView {
	/// The key's account, which signs and pays its transactions.
	pub key: AccountId,
	/// The most that it may ever spend, in ETH.
	pub cap: Balance,
	/// What it has spent, in ETH.
	pub spent: Balance,
	/// The block from which it can no longer do anything.
	pub expiry: BlockNumber,
	/// Whether it may create jobs.
	pub create: bool,
	/// Whether it may top up jobs.
	pub top_up: bool,
	/// Whether it may end jobs.
	pub end: bool,
}

/// The parameters that a running worker needs and nothing else, so that a new parameter stops no
/// worker. A later version is another variant; a worker asks for the version that it knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub enum WorkerLimits {
	/// Version 1.
	#[codec(index = 1)]
	V1 {
		/// Length of a slot in milliseconds.
		slot_duration: u64,
		/// Interval in blocks in which an available transcoder sends one heartbeat.
		heartbeat_interval: BlockNumber,
		/// Open claims that one transcoder may have.
		max_open_claims: u32,
		/// Blocks after an assignment's end in which it can still be claimed for.
		claim_grace: BlockNumber,
	},
	/// Version 2: what an owner of stake needs to know.
	#[codec(index = 2)]
	V2 {
		/// Length of a slot in milliseconds.
		slot_duration: u64,
		/// Blocks of a round.
		round_length: BlockNumber,
		/// Rounds until stake that left can be withdrawn.
		unbonding_period: RoundIndex,
		/// Rounds in which stake that left is liable for its transcoder.
		liability_window: RoundIndex,
		/// The smallest bond, in LPT.
		min_bond: Balance,
		/// What a transcoder must have bonded to itself, in LPT.
		min_self_bond: Balance,
	},
}

/// The running round, as applications show it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct RoundView {
	/// Its number.
	pub index: RoundIndex,
	/// Its first block, on the protocol's clock.
	pub start: BlockNumber,
	/// Its length in blocks.
	pub length: BlockNumber,
	/// The first block of its lock period; the block after its last one if it has none.
	pub locked_from: BlockNumber,
	/// Whether the terms of transcoders are frozen now.
	pub terms_are_locked: bool,
}

/// The terms of a transcoder that take effect in the next round, as applications show them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct TermsView {
	/// Price of a standard segment in ETH.
	pub price: Balance,
	/// Its share of rewards.
	pub reward_cut: Perbill,
	/// Its delegators' share of fees.
	pub fee_share: Perbill,
}

/// A retiring toolchain, as applications show it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct RetiringView {
	/// The toolchain.
	pub toolchain: ToolchainId,
	/// The first block in which no assignment runs on it.
	pub at: BlockNumber,
	/// The block until which verifiers keep it.
	pub until: BlockNumber,
}

/// A duty with a deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub enum Duty {
	/// A transcoder accepts the job that it is offered.
	Accept {
		/// The job.
		job: JobId,
		/// The assignment that is offered.
		assignment: AssignmentIndex,
	},
	/// An available transcoder sends its heartbeat.
	Heartbeat,
	/// A transcoder reveals the drawn leaves of its claim.
	RevealLeaves {
		/// The claim.
		claim: ClaimId,
	},
	/// A transcoder serves a claim's bytes to judges that have asked for them on the chain.
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
		/// Whether its silence costs nothing, because it owes more elsewhere than it can do by
		/// then.
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
	/// The duty.
	pub duty: Duty,
	/// The first block that is too late, on the protocol's clock. For what a transcoder reveals and
	/// opens, crowded blocks can move it, but never to an earlier block.
	pub until: BlockNumber,
}

sp_api::decl_runtime_apis! {
	/// Reads of the protocol's state.
	#[api_version(8)]
	pub trait LivepeerApi {
		/// The timing fixed at genesis.
		fn timing() -> Timing;
		/// The parameters in force.
		fn parameters() -> ProtocolParameters;
		/// The state of the protocol's clock.
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
		/// The streams that have an origin record.
		fn origins() -> Vec<StreamId>;
		/// The stored generations of an account's keys for a purpose, newest first, always with
		/// generation 0 at the end.
		fn operator_keys(account: AccountId, purpose: Purpose) -> Vec<KeysView>;
		/// The keys that can spend a broadcaster's ETH.
		fn spending_keys(broadcaster: AccountId) -> Vec<SpendingView>;
		/// The parameters that a worker needs, in the version that it knows; `None` if that version
		/// is not served.
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
		/// The toolchains that claims can name.
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
		/// The validators now, those from the next sessions on, and those that leave.
		fn validators() -> Vec<ValidatorView>;
		/// What the claims of an assignment must be worth, and how much of them is backed.
		fn claim_terms(job: JobId, assignment: AssignmentIndex) -> Option<ClaimTerms>;
		/// What the price and the budget of a new job must cover.
		fn job_terms() -> VerificationTerms;
		/// The members of the current ballot that have asked for bytes they could not get.
		fn asking(claim: ClaimId) -> Vec<AccountId>;
		/// The claims of a transcoder that were accepted since it registered or failed.
		fn accepted(transcoder: AccountId) -> u32;
		/// All that the chain holds of a claim that is being judged.
		fn judgement(id: ClaimId) -> Option<JudgementView>;
		/// What a transcoder owes for verification that it caused in vain, in ETH.
		fn debt_of(transcoder: AccountId) -> Balance;
		/// How many times in a row a verifier gave no full answer. The cost of the next time
		/// doubles as often.
		fn no_shows(verifier: AccountId) -> u32;
		/// The running round.
		fn round() -> RoundView;
		/// The terms of a transcoder that take effect in the next round.
		fn terms_of(account: AccountId) -> Option<TermsView>;
		/// Verdicts that await execution against a jailed account; `None` if it is not jailed.
		fn open_verdicts_of(account: AccountId) -> Option<u32>;
		/// The round from which an account can be a validator again; the largest number if it must
		/// attest golden vectors first; `None` if it can be now.
		fn chilled_until(account: AccountId) -> Option<RoundIndex>;
		/// The round until which an account counts as offline at most; `None` if it does not.
		fn offline_until(account: AccountId) -> Option<RoundIndex>;
		/// Transcoders that were not elected in this round, with the stakes by which one is drawn
		/// for the next.
		fn waiting() -> Vec<(AccountId, Balance)>;
		/// An assignment that is current, in grace, or can still be reported.
		fn assignment(job: JobId, assignment: AssignmentIndex) -> Option<AssignmentView>;
		/// The transcoders that will be asked after a job's current assignment, in order.
		fn successors(job: JobId) -> Vec<AccountId>;
		/// The retiring toolchains, which verifiers still keep.
		fn retiring_toolchains() -> Vec<RetiringView>;
		/// The seed that answers for a window, with the validators stored with it.
		fn seed_of(window: WindowIndex) -> Option<Seed>;
		/// The balance of the pot of stake and fees beyond what it owes: in LPT, and in ETH.
		fn surplus() -> (Balance, Balance);
		/// What governance would be answered if it set these parameters, with the bound that is
		/// broken.
		fn check(parameters: ProtocolParameters) -> Result<(), ParameterError>;
		/// What an account owes now, as transcoder and as judge, the most urgent first.
		fn duties(account: AccountId) -> Vec<DutyView>;
		/// What a judge has attested of its toolchains, and what it must attest before it validates
		/// again; `None` if it lacks none and owes nothing.
		fn attestation(verifier: AccountId) -> Option<Attestation>;
		/// How a transcoder has worked: success, speed, and how much of it was verified.
		fn performance(transcoder: AccountId) -> PerformanceView;
	}
}
