//! Every parameter of the protocol, by concern, with its presets, bounds and relations.
//!
//! Block time, session length and beacon window are fixed at genesis ([`Timing`]). The rest lives
//! in `pallet-parameters`, one value per concern, and changes only through the checked root call
//! of `pallet-chain-config`, which runs [`ProtocolParameters::check`] on the whole. Parameters
//! that a claim depends on are copied into it when it is made.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_runtime::Perbill;

use crate::{
	video::CANONICAL_PROFILE,
	work::{WorkFactors, STANDARD_SEGMENT_WORK},
	Balance, BlockNumber, RoundIndex, MAX_COMMITTEE, MAX_PENALTIES, MAX_SAMPLES,
	MAX_SLASHED_ROUNDS, MAX_TREE_DEPTH, PENALTIES_PER_STEP, UNIT,
};

macro_rules! parameters {
	($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
		$(#[$doc])*
		#[derive(
			Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen,
			TypeInfo, Serialize, Deserialize,
		)]
		#[serde(deny_unknown_fields)]
		pub struct $name {
			$($(#[$field_doc])* pub $field: $type,)*
		}
	};
}

parameters! {
	/// What is fixed for ever at genesis.
	Timing {
		/// Length of a slot in milliseconds.
		slot_duration: u64,
		/// Slots of a session, which is BABE's epoch.
		session_length: u64,
		/// Blocks of a beacon window.
		beacon_window: BlockNumber,
	}
}

parameters! {
	/// The round clock.
	RoundsParameters {
		/// Blocks of a round.
		length: BlockNumber,
		/// Share of a round, at its end, in which terms are frozen.
		lock_amount: Perbill,
	}
}

parameters! {
	/// Stake.
	StakingParameters {
		/// Rounds between unbonding and withdrawal.
		unbonding_period: RoundIndex,
		/// Rounds for which stake that left a transcoder can still be slashed.
		liability_window: RoundIndex,
		/// Smallest bond.
		min_bond: Balance,
		/// Share of a slash that goes to its finders; the rest goes to the common pool.
		finder_fee: Perbill,
	}
}

parameters! {
	/// Election.
	ElectionParameters {
		/// Seats of the active set by stake.
		active_size: u32,
		/// The validator set is never made smaller than this.
		min_validators: u32,
		/// Own bond that a transcoder needs.
		min_self_bond: Balance,
		/// Total stake that a validator needs.
		min_validator_stake: Balance,
		/// Blocks within which an available transcoder sends one heartbeat.
		heartbeat_interval: BlockNumber,
	}
}

parameters! {
	/// Jobs.
	JobsParameters {
		/// Blocks within which a transcoder accepts an assignment.
		accept_timeout: BlockNumber,
		/// Blocks after an assignment's end in which it can still be claimed for.
		claim_grace: BlockNumber,
		/// The longest job, in blocks.
		longest_job: BlockNumber,
		/// Length of the list of transcoders drawn for a job.
		priority_list: u32,
		/// Segments at the job's maximum that an assignment's allowance covers.
		allowance_leaves: u32,
		/// ETH held from the broadcaster while a job lives.
		broadcaster_bond: Balance,
		/// Open claims that one transcoder may have.
		max_open_claims: u32,
		/// Factors of the work formula.
		factors: WorkFactors,
	}
}

parameters! {
	/// The lottery and its outcome. Copied into each claim.
	LotteryParameters {
		/// Share of a claim's leaves that is drawn.
		verification_rate: Perbill,
		/// Most leaves drawn in a claim.
		max_samples: u32,
		/// Members of a committee.
		committee_size: u32,
		/// Most tranches of a claim before its dispute.
		tranches: u32,
		/// Blocks to reveal the drawn leaves in.
		reveal_window: BlockNumber,
		/// Blocks after the reveal window in which only a reporter, paid by the finder's fee, ends
		/// a claim as missed; then the agenda does.
		missed_grace: BlockNumber,
		/// Blocks of the commit phase, before those for the sampled work.
		commit_base: BlockNumber,
		/// Blocks to reveal verdicts in.
		verdict_reveal: BlockNumber,
		/// Work that a verifier re-does in one block's time.
		verify_rate: u64,
		/// Most blocks that sampled work adds to a commit phase.
		max_work_blocks: BlockNumber,
		/// Blocks of a dispute's commit phase, before those for the sampled work.
		dispute_commit_base: BlockNumber,
		/// Blocks of a dispute's reveal phase.
		dispute_reveal: BlockNumber,
		/// Blocks between acceptance and payment.
		slashing_period: BlockNumber,
		/// Blocks between a failed or missed verdict and its execution.
		slash_deferral: BlockNumber,
		/// Share of the stake lost by a failed verification.
		failed_slash: Perbill,
		/// Share of the stake lost by a missed verification.
		missed_slash: Perbill,
		/// Share of the stake lost by two receipts that contradict each other.
		equivocation_slash: Perbill,
		/// Share of a validator's stake lost by a dissent that a dispute proves false.
		false_dissent_slash: Perbill,
		/// Share of a validator's stake lost by not answering; it doubles with each time in a row.
		no_show_slash: Perbill,
		/// Rounds in which a chilled verifier does not validate.
		chill: RoundIndex,
	}
}

impl LotteryParameters {
	/// Most leaves drawn in a claim of a job whose largest leaf has this work: no more than a
	/// verifier can re-do in the blocks that sampled work adds at most. 0 for a job that cannot be
	/// judged.
	pub fn samples_of(&self, max_leaf_work: u64) -> u32 {
		let can = u128::from(self.verify_rate) * u128::from(self.max_work_blocks);
		let leaves = can / u128::from(max_leaf_work.max(1));
		u32::try_from(leaves).unwrap_or(u32::MAX).min(self.max_samples)
	}

	/// Leaves that a claim may have so that `verification_rate` is kept by `samples` draws.
	pub fn leaves_of(&self, samples: u32) -> u32 {
		let parts = u64::from(self.verification_rate.deconstruct()).max(1);
		let leaves = u64::from(samples) * 1_000_000_000 / parts;
		u32::try_from(leaves).unwrap_or(u32::MAX).clamp(1, 1 << MAX_TREE_DEPTH)
	}

	/// Blocks that `work` adds to a commit phase.
	pub fn work_blocks(&self, work: u64) -> BlockNumber {
		let blocks = work.div_ceil(self.verify_rate.max(1));
		BlockNumber::try_from(blocks).unwrap_or(BlockNumber::MAX).min(self.max_work_blocks)
	}

	/// The longest time in blocks from a claim to its execution, whatever anyone does.
	pub fn longest_claim_life(&self, timing: &Timing) -> BlockNumber {
		// Made at the start of a window, drawn at the start of the second window after it; up to
		// three windows more when seeds are invalid, and two when windows are full. Without a seed
		// it is void one window later.
		let draw = timing.beacon_window.saturating_mul(8);
		let reveal = self.reveal_window.saturating_add(self.missed_grace);
		let tranche = self
			.commit_base
			.saturating_add(self.max_work_blocks)
			.saturating_add(self.verdict_reveal)
			.saturating_add(self.reveal_window)
			.saturating_mul(self.tranches);
		let dispute = self
			.dispute_commit_base
			.saturating_add(self.max_work_blocks)
			.saturating_add(self.dispute_reveal)
			.saturating_add(self.reveal_window)
			.saturating_add(2);
		let outcome = self.slashing_period.max(self.slash_deferral);
		// The penalties of a dispute's verifiers come first, some in each block.
		let penalties = MAX_PENALTIES.div_ceil(PENALTIES_PER_STEP);
		[reveal, tranche, dispute, outcome, penalties]
			.into_iter()
			.fold(draw, |sum, part| sum.saturating_add(part))
	}
}

/// All parameters that governance can change.
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
	Serialize,
	Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct ProtocolParameters {
	/// The round clock.
	pub rounds: RoundsParameters,
	/// Stake.
	pub staking: StakingParameters,
	/// Election.
	pub election: ElectionParameters,
	/// Jobs.
	pub jobs: JobsParameters,
	/// The lottery.
	pub lottery: LotteryParameters,
}

/// Which rule a set of parameters breaks.
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
pub enum ParameterError {
	/// A slot is not of 1 to 60 seconds, a session not of 1 to 100,000 slots, a window or a round
	/// has no length, or a window is longer than a round.
	Timing,
	/// The lock period is not shorter than the round.
	LockAmount,
	/// The unbonding period is shorter than the liability window.
	UnbondingPeriod,
	/// Stake could leave before the longest claim of its last round is executed, or the liability
	/// window is longer than a slash reaches back.
	LiabilityWindow,
	/// A set size is zero or above what storage holds, or `min_validators` is above `active_size`.
	SetSize,
	/// A bond or a minimum is zero, `min_self_bond` is below `min_bond`, or the finder's fee is
	/// above one half.
	Bond,
	/// A deadline or a period is zero.
	Deadline,
	/// The number of samples, the rate or the committee is zero or too large.
	Sampling,
	/// A failed, missed or equivocation slash is zero, any slash is above one half, or a missed
	/// verification costs less than a failed one.
	Slash,
	/// A factor of the work formula is zero or above 1000.
	Factors,
}

impl ProtocolParameters {
	/// What a public network starts with.
	pub const fn production() -> Self {
		Self {
			rounds: RoundsParameters { length: 14_400, lock_amount: Perbill::from_percent(10) },
			staking: StakingParameters {
				unbonding_period: 30,
				liability_window: 4,
				min_bond: UNIT / 10,
				finder_fee: Perbill::from_percent(5),
			},
			election: ElectionParameters {
				active_size: 144,
				min_validators: 7,
				min_self_bond: 100 * UNIT,
				min_validator_stake: 1_000 * UNIT,
				heartbeat_interval: 50,
			},
			jobs: JobsParameters {
				accept_timeout: 3,
				claim_grace: 100,
				longest_job: 432_000,
				priority_list: 8,
				allowance_leaves: 1_800,
				broadcaster_bond: UNIT / 1_000,
				max_open_claims: 256,
				factors: WorkFactors::canonical(1_000, 250, STANDARD_SEGMENT_WORK / 16),
			},
			lottery: LotteryParameters {
				verification_rate: Perbill::from_percent(2),
				max_samples: 16,
				committee_size: 5,
				tranches: 3,
				reveal_window: 100,
				missed_grace: 10,
				commit_base: 50,
				verdict_reveal: 20,
				verify_rate: 400_000_000,
				max_work_blocks: 100,
				dispute_commit_base: 200,
				dispute_reveal: 50,
				slashing_period: 600,
				slash_deferral: 28_800,
				failed_slash: Perbill::from_percent(5),
				missed_slash: Perbill::from_percent(10),
				equivocation_slash: Perbill::from_percent(30),
				false_dissent_slash: Perbill::from_percent(1),
				no_show_slash: Perbill::from_parts(500_000),
				chill: 1,
			},
		}
	}

	/// What the local networks start with: the same rules on a short clock.
	pub const fn development() -> Self {
		let production = Self::production();
		Self {
			rounds: RoundsParameters { length: 30, lock_amount: Perbill::from_percent(10) },
			staking: StakingParameters {
				unbonding_period: 12,
				liability_window: 12,
				..production.staking
			},
			election: ElectionParameters {
				active_size: 8,
				min_validators: 1,
				min_self_bond: 50 * UNIT,
				min_validator_stake: 50 * UNIT,
				heartbeat_interval: 10,
			},
			jobs: JobsParameters {
				claim_grace: 20,
				longest_job: 43_200,
				priority_list: 4,
				allowance_leaves: 64,
				max_open_claims: 128,
				..production.jobs
			},
			lottery: LotteryParameters {
				verification_rate: Perbill::from_percent(25),
				committee_size: 3,
				tranches: 2,
				reveal_window: 20,
				commit_base: 12,
				verdict_reveal: 10,
				verify_rate: 150_000_000,
				max_work_blocks: 20,
				dispute_commit_base: 20,
				dispute_reveal: 10,
				slashing_period: 12,
				slash_deferral: 5,
				..production.lottery
			},
		}
	}

	/// Checks every bound and every relation between parameters.
	pub fn check(&self, timing: &Timing) -> Result<(), ParameterError> {
		use ParameterError as E;
		let ensure = |rule: bool, error: E| if rule { Ok(()) } else { Err(error) };
		let Self { rounds, staking, election, jobs, lottery } = self;
		ensure(
			(1_000..=60_000).contains(&timing.slot_duration)
				&& (1..=100_000).contains(&timing.session_length)
				&& timing.beacon_window > 0
				&& timing.beacon_window <= rounds.length,
			E::Timing,
		)?;
		ensure(rounds.lock_amount < Perbill::one(), E::LockAmount)?;
		ensure(staking.unbonding_period >= staking.liability_window, E::UnbondingPeriod)?;
		ensure(
			staking.liability_window < MAX_SLASHED_ROUNDS
				&& u64::from(staking.liability_window.saturating_sub(1)) * u64::from(rounds.length)
					> u64::from(lottery.longest_claim_life(timing)),
			E::LiabilityWindow,
		)?;
		ensure(
			(1..=crate::MAX_VALIDATORS).contains(&election.active_size)
				&& (1..=election.active_size).contains(&election.min_validators)
				&& (1..=16).contains(&jobs.priority_list)
				&& (1..=1_024).contains(&jobs.max_open_claims)
				&& jobs.allowance_leaves >= 1,
			E::SetSize,
		)?;
		ensure(
			staking.min_bond > 0
				&& election.min_self_bond >= staking.min_bond
				&& election.min_validator_stake > 0
				&& jobs.broadcaster_bond > 0
				&& staking.finder_fee <= Perbill::from_percent(50),
			E::Bond,
		)?;
		ensure(
			[
				election.heartbeat_interval,
				jobs.accept_timeout,
				jobs.claim_grace,
				jobs.longest_job,
				lottery.reveal_window,
				lottery.missed_grace,
				lottery.commit_base,
				lottery.verdict_reveal,
				lottery.max_work_blocks,
				lottery.dispute_commit_base,
				lottery.dispute_reveal,
				lottery.slashing_period,
				lottery.slash_deferral,
			]
			.into_iter()
			.all(|blocks| blocks > 0),
			E::Deadline,
		)?;
		ensure(
			(1..=MAX_SAMPLES).contains(&lottery.max_samples)
				&& (1..=MAX_COMMITTEE).contains(&lottery.committee_size)
				&& (1..=8).contains(&lottery.tranches)
				&& lottery.verify_rate > 0
				&& !lottery.verification_rate.is_zero(),
			E::Sampling,
		)?;
		let half = Perbill::from_percent(50);
		ensure(
			[lottery.failed_slash, lottery.missed_slash, lottery.equivocation_slash]
				.into_iter()
				.all(|slash| !slash.is_zero() && slash <= half)
				&& lottery.missed_slash >= lottery.failed_slash
				&& lottery.false_dissent_slash <= half
				&& lottery.no_show_slash <= half,
			E::Slash,
		)?;
		ensure(
			(1..=1_000).contains(&jobs.factors.decode)
				&& jobs.factors.rejected > 0
				&& jobs.factors.of(CANONICAL_PROFILE).is_some()
				&& jobs
					.factors
					.profiles
					.iter()
					.all(|factor| (factor.profile == 0) == (factor.encode == 0)),
			E::Factors,
		)
	}
}

impl Timing {
	/// What a public network starts with.
	pub const fn production() -> Self {
		Self { slot_duration: 6_000, session_length: 2_400, beacon_window: 100 }
	}

	/// What the local networks start with.
	pub const fn development() -> Self {
		Self { slot_duration: 2_000, session_length: 10, beacon_window: 10 }
	}
}
