//! Every parameter of the protocol, by concern, with its presets, bounds and relations.
//!
//! Block time, session length and beacon window are fixed at genesis ([`Timing`]). The rest is in
//! `pallet-parameters`, one value per concern. It changes only through the checked root call of
//! `pallet-chain-config`, which runs [`ProtocolParameters::check`] on all of it: each parameter
//! must be within its [`BOUNDS`], and every [`Relation`] must hold. The bounds ensure that
//! governance can undo whatever it has set: no round lasts longer than four weeks. Parameters that
//! a claim depends on are copied into it when it is made.
//!
//! What is stored carries its version ([`RoundsStored`] and the like). A concern whose shape
//! changes gets another variant, and `From` converts the old one.

mod bounds;
mod presets;
pub mod unversioned;

pub use bounds::{Bounds, Parameter, ParameterError, Relation, Unit, BOUNDS};

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_runtime::{helpers_128bit::multiply_by_rational_with_rounding, Perbill, Rounding};

use crate::{
	work::{WorkFactors, STANDARD_SEGMENT_WORK},
	Balance, BlockNumber, RoundIndex, DISPUTE_DELAY, MAX_COMMITTEE, MAX_PENALTIES, MAX_TREE_DEPTH,
	PENALTIES_PER_STEP, UNIT,
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
	/// The timing, which is fixed for ever at genesis.
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
		/// Validators have at least their mean stake divided by this: a holder of some share of
		/// their stake has at most this many times that share of their number.
		validator_leverage: u32,
		/// Interval in blocks in which an available transcoder sends one heartbeat.
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
		/// ETH held from the broadcaster while a job exists.
		broadcaster_bond: Balance,
		/// Open claims that one transcoder may have.
		max_open_claims: u32,
		/// Factors of the work formula.
		factors: WorkFactors,
		/// A transcoder's claims without outcome can be worth up to half of this share of its own
		/// bond.
		exposure: Perbill,
		/// Offers in a row that a transcoder can let pass before it is offered nothing for a round.
		lapses: u32,
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
		/// Blocks to reveal the drawn leaves, and after the judges' reveals to open the forced
		/// variants; up to twice as many if blocks are crowded. Crowded blocks also extend each
		/// ballot, by at most as many blocks.
		reveal_window: BlockNumber,
		/// Blocks after the reveal window in which only a reporter, paid by the finder's fee, can
		/// end a claim as missed; after that the agenda does.
		missed_grace: BlockNumber,
		/// Blocks of the commit phase, before those for the sampled work.
		commit_base: BlockNumber,
		/// Blocks to reveal verdicts.
		verdict_reveal: BlockNumber,
		/// Work that a verifier redoes in one block's time.
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
		/// ETH that a standard segment costs when one verifier redoes it.
		verify_price: Balance,
		/// The fee of a claim is at least this many times the cost of its verification.
		fee_ratio: u32,
		/// Share of a claim's leaves that is drawn if the transcoder is new or has failed.
		new_verification_rate: Perbill,
		/// Number of full accepted claims after which a transcoder is no longer new.
		new_claims: u32,
		/// Share of all segments in which a rendition is encoded with the profile's variant; with
		/// zero, none is due.
		variant_rate: Perbill,
		/// Share of a validator's stake lost by saying Valid where a forced variant is due.
		variant_slash: Perbill,
		/// Blocks between a failed or missed verdict and its execution if many claims fail under
		/// its toolchain at about the same time; never fewer than otherwise.
		long_deferral: BlockNumber,
	}
}

/// The terms of verification for the claims of an assignment, as they were when it was offered.
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
pub struct VerificationTerms {
	/// Share of a claim's leaves that is drawn.
	pub rate: Perbill,
	/// Members of its committee.
	pub committee_size: u32,
	/// ETH that a standard segment costs when one verifier redoes it.
	pub verify_price: Balance,
	/// The fee of a claim is at least this many times the cost of its verification.
	pub fee_ratio: u32,
	/// Share of its segments in which a rendition is the profile's variant.
	pub variant_rate: Perbill,
}

/// `work` × `price` ÷ (a standard segment × `parts`), rounded as asked.
fn cost(work: u128, price: Balance, parts: u32, rounding: Rounding) -> Balance {
	let divisor = u128::from(STANDARD_SEGMENT_WORK).saturating_mul(parts.max(1).into());
	multiply_by_rational_with_rounding(work, price, divisor, rounding).unwrap_or(Balance::MAX)
}

impl VerificationTerms {
	/// Leaves that a claim can have so that `samples` draws keep the rate.
	pub fn leaves_of(&self, samples: u32) -> u32 {
		leaves_at(self.rate, samples)
	}

	/// What a committee's work on `samples` leaves costs, in ETH, if none is larger than
	/// `largest_leaf`: a claim's prepayment.
	pub fn prepayment(&self, samples: u32, largest_leaf: u64) -> Balance {
		let leaves = u128::from(self.committee_size).saturating_mul(samples.into());
		let work = leaves.saturating_mul(largest_leaf.into());
		cost(work, self.verify_price, 1, Rounding::Down)
	}

	/// The same for leaves of the claim's mean size; its fee is compared with this.
	pub fn mean_cost(&self, samples: u32, total_work: u64, leaf_count: u32) -> Balance {
		let leaves = u128::from(self.committee_size).saturating_mul(samples.into());
		let work = leaves.saturating_mul(total_work.into());
		cost(work, self.verify_price, leaf_count, Rounding::Up)
	}

	/// The most that verifying a claim costs. A leaf that is drawn twice is judged once, so it is
	/// never more than for all of the claim's work.
	pub fn most_cost(&self, samples: u32, total_work: u64, largest_leaf: u64) -> Balance {
		self.prepayment(samples, largest_leaf).min(self.prepayment(1, total_work))
	}

	/// The least fee of a claim: [`VerificationTerms::fee_ratio`] times the cost for leaves of its
	/// mean size, and at least the most that its verification can cost. The mean alone could be
	/// lowered by empty leaves.
	pub fn least_fee(
		&self,
		samples: u32,
		total_work: u64,
		leaf_count: u32,
		largest_leaf: u64,
	) -> Balance {
		if self.fee_ratio == 0 {
			return 0;
		}
		let mean = self.mean_cost(samples, total_work, leaf_count);
		let most = self.most_cost(samples, total_work, largest_leaf);
		mean.saturating_mul(self.fee_ratio.into()).max(most)
	}

	/// The least price of a standard segment at which the largest possible claim reaches its least
	/// fee.
	pub fn least_price(&self) -> Balance {
		let members = Balance::from(self.committee_size).saturating_mul(self.fee_ratio.into());
		self.rate.mul_ceil(members.saturating_mul(self.verify_price))
	}
}

/// Leaves that a claim can have so that `samples` draws keep `rate`.
fn leaves_at(rate: Perbill, samples: u32) -> u32 {
	let parts = u64::from(rate.deconstruct()).max(1);
	let leaves = u64::from(samples) * 1_000_000_000 / parts;
	u32::try_from(leaves).unwrap_or(u32::MAX).clamp(1, 1 << MAX_TREE_DEPTH)
}

impl LotteryParameters {
	/// Work drawn of a full claim of standard segments. A claim with this much judged and accepted
	/// work counts as one in a new transcoder's record; no claim counts more.
	pub fn full_claim(&self) -> u64 {
		STANDARD_SEGMENT_WORK.saturating_mul(self.max_samples.max(1).into())
	}

	/// Most leaves drawn in a claim of a job whose largest leaf has this work: what a verifier can
	/// redo in the most blocks that sampled work adds. 0 if the job cannot be judged.
	pub fn samples_of(&self, max_leaf_work: u64) -> u32 {
		let can = u128::from(self.verify_rate) * u128::from(self.max_work_blocks);
		let leaves = can / u128::from(max_leaf_work.max(1));
		u32::try_from(leaves).unwrap_or(u32::MAX).min(self.max_samples)
	}

	/// Leaves that a claim can have so that `samples` draws keep `verification_rate`.
	pub fn leaves_of(&self, samples: u32) -> u32 {
		leaves_at(self.verification_rate, samples)
	}

	/// The terms of verification for an assignment that is offered now to a transcoder that
	/// `is_new` or not. All tranches together have as many members as can be stored.
	pub fn terms(&self, is_new: bool) -> VerificationTerms {
		let rate = if is_new { self.new_verification_rate } else { self.verification_rate };
		VerificationTerms {
			rate: rate.max(self.verification_rate),
			committee_size: self.committee_size,
			verify_price: self.verify_price,
			fee_ratio: self.fee_ratio,
			variant_rate: self.variant_rate,
		}
	}

	/// These parameters for a claim of an assignment that was offered under `terms`.
	pub fn under(self, terms: &VerificationTerms) -> Self {
		let most = MAX_COMMITTEE / self.tranches.max(1);
		Self {
			verification_rate: terms.rate,
			committee_size: terms.committee_size.min(most),
			verify_price: terms.verify_price,
			fee_ratio: terms.fee_ratio,
			variant_rate: terms.variant_rate,
			..self
		}
	}

	/// Blocks by which `work` lengthens a commit phase.
	pub fn work_blocks(&self, work: u64) -> BlockNumber {
		let blocks = work.div_ceil(self.verify_rate.max(1));
		BlockNumber::try_from(blocks).unwrap_or(BlockNumber::MAX).min(self.max_work_blocks)
	}

	/// The longest time in blocks from a claim to its decision, whatever anyone does.
	pub fn longest_judgement(&self, timing: &Timing) -> BlockNumber {
		// A claim is made at the start of a window and drawn at the start of the second window
		// after it. Invalid seeds add up to three windows, and what judges owe elsewhere adds two
		// to its ballots. If there is still no seed, the claim is void one window later, and
		// nothing of the rest follows.
		let draw = timing.beacon_window.saturating_mul(7);
		// Crowded blocks can double the transcoder's time, and extend each ballot of judges by as
		// much.
		let crowded = self.reveal_window;
		let opening = self.reveal_window.saturating_add(crowded);
		// Each tranche is followed by the next one or the dispute, after as many blocks as give
		// that a seed.
		let tranches = self
			.commit_base
			.saturating_add(self.max_work_blocks)
			.saturating_add(self.verdict_reveal)
			.saturating_add(crowded)
			.saturating_add(DISPUTE_DELAY)
			.saturating_mul(self.tranches);
		let dispute = self
			.dispute_commit_base
			.saturating_add(self.max_work_blocks)
			.saturating_add(self.dispute_reveal)
			.saturating_add(crowded);
		// The forced variants are opened once, after the reveals of the first ballot that has any.
		let ballots = tranches.saturating_add(dispute).saturating_add(opening);
		// Revealing leaves takes as long as an opening can. If they are not revealed, the
		// reporter's time follows instead of the ballots.
		draw.saturating_add(opening).saturating_add(ballots.max(self.missed_grace))
	}

	/// The longest time in blocks from a claim to its execution, whatever anyone does, except for
	/// claims that fail together with many others under their toolchain: see
	/// [`Self::longest_deferred_life`].
	pub fn longest_claim_life(&self, timing: &Timing) -> BlockNumber {
		let outcome = self.slashing_period.max(self.slash_deferral);
		// The penalties of a dispute's verifiers come first, some in each block.
		let penalties = MAX_PENALTIES.div_ceil(PENALTIES_PER_STEP);
		self.longest_judgement(timing).saturating_add(outcome).saturating_add(penalties)
	}

	/// The same for claims that fail together with many others under their toolchain, so that their
	/// slashes are deferred longer. The stake that is liable for them is held back as long as they
	/// are open.
	pub fn longest_deferred_life(&self, timing: &Timing) -> BlockNumber {
		let deferral = self.slash_deferral.max(self.long_deferral);
		Self { slash_deferral: deferral, ..*self }.longest_claim_life(timing)
	}
}

parameters! {
	/// LPT minted for the active set of each round.
	InflationParameters {
		/// `InflationRate` at the start of a chain: LPT minted in a round as a share of all LPT.
		initial_rate: Perbill,
		/// How much the rate changes with each round.
		rate_change: Perbill,
		/// `ParticipationRate`: the share of all LPT in the active set's stake below which the rate
		/// rises, and above which it falls.
		participation_rate: Perbill,
		/// Share of what is minted that goes to the common pool.
		pool_cut: Perbill,
		/// LPT in the common pool from which on the next round's cut is zero.
		pool_ceiling: Balance,
		/// `CompetitivenessTolerance`: a transcoder that serves a smaller share of its offers than
		/// one minus this earns nothing.
		competitiveness_tolerance: Perbill,
		/// Offers that a transcoder must have received before that rule applies to it.
		min_offers: u32,
	}
}

parameters! {
	/// The rate of LPT and ETH, and what judges are paid in LPT.
	MoneyParameters {
		/// `LptPerEth`: LPT that one ether is worth, in smallest units.
		lpt_per_eth: Balance,
		/// Most LPT that the common pool adds in a round to what judges are paid out of penalties.
		pool_rewards: Balance,
	}
}

/// The largest share by which `lpt_per_eth` can change, up or down, within a round's length.
pub const RATE_STEP: Perbill = Perbill::from_percent(10);

impl MoneyParameters {
	/// The most that the claims without outcome of an account that bonded `own` LPT to itself can
	/// be worth, in ETH: half of its exposure, because the rate may change before a slash.
	pub fn backing(&self, own: Balance, exposure: Perbill) -> Balance {
		self.in_eth(exposure * own) / 2
	}

	/// The worth of `eth` in LPT, rounded down.
	pub fn in_lpt(&self, eth: Balance) -> Balance {
		multiply_by_rational_with_rounding(eth, self.lpt_per_eth, UNIT, Rounding::Down)
			.unwrap_or(Balance::MAX)
	}

	/// The worth of `lpt` in ETH, rounded down.
	pub fn in_eth(&self, lpt: Balance) -> Balance {
		let rate = self.lpt_per_eth.max(1);
		multiply_by_rational_with_rounding(lpt, UNIT, rate, Rounding::Down).unwrap_or(Balance::MAX)
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
	/// Inflation.
	pub inflation: InflationParameters,
	/// The rate of LPT and ETH, and what judges are paid in LPT.
	pub money: MoneyParameters,
}

macro_rules! stored {
	($($(#[$doc:meta])* $stored:ident: $name:ident,)*) => {$(
		$(#[$doc])*
		#[derive(
			Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen,
			TypeInfo,
		)]
		pub enum $stored {
			/// Version 1.
			#[codec(index = 1)]
			V1($name),
		}

		impl From<$name> for $stored {
			fn from(newest: $name) -> Self {
				Self::V1(newest)
			}
		}

		impl From<$stored> for $name {
			fn from(stored: $stored) -> Self {
				match stored {
					$stored::V1(value) => value,
				}
			}
		}
	)*};
}

stored! {
	/// [`RoundsParameters`] as they are stored, with their version.
	RoundsStored: RoundsParameters,
	/// [`StakingParameters`] as they are stored, with their version.
	StakingStored: StakingParameters,
	/// [`ElectionParameters`] as they are stored, with their version.
	ElectionStored: ElectionParameters,
	/// [`JobsParameters`] as they are stored, with their version.
	JobsStored: JobsParameters,
	/// [`LotteryParameters`] as they are stored, with their version.
	LotteryStored: LotteryParameters,
	/// [`InflationParameters`] as they are stored, with their version.
	InflationStored: InflationParameters,
	/// [`MoneyParameters`] as they are stored, with their version.
	MoneyStored: MoneyParameters,
}
