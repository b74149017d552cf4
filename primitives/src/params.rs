//! Every parameter of the protocol, by concern, with its presets, bounds and relations.
//!
//! Block time, session length and beacon window are fixed at genesis ([`Timing`]). The rest lives
//! in `pallet-parameters`, one value per concern, and changes only through the checked root call
//! of `pallet-chain-config`, which runs [`ProtocolParameters::check`] on the whole: every one
//! within its [`BOUNDS`], and the [`Relation`]s between them. The bounds are such that governance
//! can undo whatever it has set: no round lasts longer than four weeks. Parameters that a claim
//! depends on are copied into it when it is made.
//!
//! What is stored says its version ([`RoundsStored`] and the like): a concern that changes its
//! shape gets another variant, from which the old one is made by `From`.

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
		/// Validators have no less than their mean stake divided by this: a part of their stake is at
		/// most so many times that part of their number.
		validator_leverage: u32,
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
		/// Share of a transcoder's own bond up to half of which its claims without outcome may be
		/// worth.
		exposure: Perbill,
		/// Offers in a row that a transcoder may let pass; then it is offered nothing for a round.
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
		/// Blocks to reveal the drawn leaves in, and after the judges' words to open the forced variants: up
		/// to twice as many where blocks have no room for it. Such blocks make each ballot longer too, by so
		/// many at most.
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
		/// ETH that a standard segment costs that one verifier re-does.
		verify_price: Balance,
		/// How many times what its verification costs a claim is worth at least.
		fee_ratio: u32,
		/// Share of a claim's leaves that is drawn of who is new or has failed.
		new_verification_rate: Perbill,
		/// Accepted claims by which a transcoder is new no longer, if they are full.
		new_claims: u32,
		/// Share of all segments in which a rendition is encoded with the profile's variant; with
		/// nothing, none is asked for.
		variant_rate: Perbill,
		/// Share of a validator's stake lost by calling valid what was a forced variant.
		variant_slash: Perbill,
		/// Blocks between a failed or missed verdict and its execution where many fail under its toolchain at
		/// about the same time; no fewer than otherwise.
		long_deferral: BlockNumber,
	}
}

/// What verifying the claims of an assignment comes to, as it was when the assignment was offered.
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
	/// ETH that a standard segment costs that one verifier re-does.
	pub verify_price: Balance,
	/// How many times what its verification costs a claim is worth at least.
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
	/// Leaves that a claim may have so that the rate is kept by `samples` draws.
	pub fn leaves_of(&self, samples: u32) -> u32 {
		leaves_at(self.rate, samples)
	}

	/// What a committee's work on `samples` leaves costs of which none is larger than
	/// `largest_leaf`, in ETH: what a claim prepays.
	pub fn prepayment(&self, samples: u32, largest_leaf: u64) -> Balance {
		let leaves = u128::from(self.committee_size).saturating_mul(samples.into());
		let work = leaves.saturating_mul(largest_leaf.into());
		cost(work, self.verify_price, 1, Rounding::Down)
	}

	/// The same for leaves of the mean size of a claim's: what its fee is measured by.
	pub fn mean_cost(&self, samples: u32, total_work: u64, leaf_count: u32) -> Balance {
		let leaves = u128::from(self.committee_size).saturating_mul(samples.into());
		let work = leaves.saturating_mul(total_work.into());
		cost(work, self.verify_price, leaf_count, Rounding::Up)
	}

	/// What verifying a claim costs at most: what is drawn twice is judged once, so never more than all
	/// of its work.
	pub fn most_cost(&self, samples: u32, total_work: u64, largest_leaf: u64) -> Balance {
		self.prepayment(samples, largest_leaf).min(self.prepayment(1, total_work))
	}

	/// The least fee of a claim: as often as [`VerificationTerms::fee_ratio`] says what leaves of its mean
	/// size cost, and once what it can cost at most. The mean alone would be lowered by leaves in which
	/// there is nothing.
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

	/// The least price of a standard segment at which a claim as large as it may be is worth that.
	pub fn least_price(&self) -> Balance {
		let members = Balance::from(self.committee_size).saturating_mul(self.fee_ratio.into());
		self.rate.mul_ceil(members.saturating_mul(self.verify_price))
	}
}

/// Leaves that a claim may have so that `rate` is kept by `samples` draws.
fn leaves_at(rate: Perbill, samples: u32) -> u32 {
	let parts = u64::from(rate.deconstruct()).max(1);
	let leaves = u64::from(samples) * 1_000_000_000 / parts;
	u32::try_from(leaves).unwrap_or(u32::MAX).clamp(1, 1 << MAX_TREE_DEPTH)
}

impl LotteryParameters {
	/// Work drawn of a full claim of standard segments: by so much of it that was judged and accepted a
	/// claim counts as one in a newcomer's record, and no claim counts more.
	pub fn full_claim(&self) -> u64 {
		STANDARD_SEGMENT_WORK.saturating_mul(self.max_samples.max(1).into())
	}

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
		leaves_at(self.verification_rate, samples)
	}

	/// What verifying the claims of an assignment comes to that is offered now, to somebody who `is_new`
	/// or not. As many members sit in all tranches as can be kept.
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

	/// Blocks that `work` adds to a commit phase.
	pub fn work_blocks(&self, work: u64) -> BlockNumber {
		let blocks = work.div_ceil(self.verify_rate.max(1));
		BlockNumber::try_from(blocks).unwrap_or(BlockNumber::MAX).min(self.max_work_blocks)
	}

	/// The longest time in blocks from a claim to its decision, whatever anyone does.
	pub fn longest_judgement(&self, timing: &Timing) -> BlockNumber {
		// Made at the start of a window, drawn at the start of the second window after it; up to
		// three windows more when seeds are invalid, and two by which its ballots wait for what its
		// judges owe elsewhere. Where no seed comes even then, the claim is void one window later, and
		// nothing of the rest follows.
		let draw = timing.beacon_window.saturating_mul(7);
		// Where blocks are crowded the transcoder has twice as long, and each ballot's judges as much more.
		let crowded = self.reveal_window;
		let opening = self.reveal_window.saturating_add(crowded);
		// Behind each tranche comes the next one or the dispute, after as many blocks as give it a seed.
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
		// It opens its forced variants once, behind the reveals of the first ballot that has any.
		let ballots = tranches.saturating_add(dispute).saturating_add(opening);
		// Its leaves take as long as an opening may. Where they are not revealed a reporter has its time, and
		// nothing of the ballots follows.
		draw.saturating_add(opening).saturating_add(ballots.max(self.missed_grace))
	}

	/// The longest time in blocks from a claim to its execution, whatever anyone does, but for claims that fail
	/// beside many others under their toolchain: see [`Self::longest_deferred_life`].
	pub fn longest_claim_life(&self, timing: &Timing) -> BlockNumber {
		let outcome = self.slashing_period.max(self.slash_deferral);
		// The penalties of a dispute's verifiers come first, some in each block.
		let penalties = MAX_PENALTIES.div_ceil(PENALTIES_PER_STEP);
		self.longest_judgement(timing).saturating_add(outcome).saturating_add(penalties)
	}

	/// The same for claims that fail beside many others under their toolchain, so that their slashes are deferred
	/// longer. What stands behind them is held back as long as they are open.
	pub fn longest_deferred_life(&self, timing: &Timing) -> BlockNumber {
		let deferral = self.slash_deferral.max(self.long_deferral);
		Self { slash_deferral: deferral, ..*self }.longest_claim_life(timing)
	}
}

parameters! {
	/// LPT minted for the active set of each round.
	InflationParameters {
		/// `InflationRate` with which a chain begins: LPT minted in a round as a share of all LPT.
		initial_rate: Perbill,
		/// How much the rate moves with each round.
		rate_change: Perbill,
		/// `ParticipationRate`: the share of all LPT in the active set's stake below which the rate
		/// rises, and above which it falls.
		participation_rate: Perbill,
		/// Share of what is minted that goes to the common pool.
		pool_cut: Perbill,
		/// LPT in the common pool from which on the next round's cut is nothing.
		pool_ceiling: Balance,
		/// `CompetitivenessTolerance`: who serves less of what it is offered than is left of one by
		/// this share earns nothing.
		competitiveness_tolerance: Perbill,
		/// Jobs that a transcoder must have been offered before it is measured by that.
		min_offers: u32,
	}
}

parameters! {
	/// What joins LPT and ETH.
	MoneyParameters {
		/// `LptPerEth`: LPT that one ether is worth, in smallest units.
		lpt_per_eth: Balance,
		/// LPT that the common pool adds in a round to what judges are paid out of penalties.
		pool_rewards: Balance,
	}
}

/// What moves `lpt_per_eth` within a round's length: at most this share up or down.
pub const RATE_STEP: Perbill = Perbill::from_percent(10);

impl MoneyParameters {
	/// What the claims without outcome of who has bonded `own` LPT to itself may be worth, in ETH: half of
	/// its exposure, for the rate may move before a slash.
	pub fn backing(&self, own: Balance, exposure: Perbill) -> Balance {
		self.in_eth(exposure * own) / 2
	}

	/// What `eth` is worth in LPT, rounded down.
	pub fn in_lpt(&self, eth: Balance) -> Balance {
		multiply_by_rational_with_rounding(eth, self.lpt_per_eth, UNIT, Rounding::Down)
			.unwrap_or(Balance::MAX)
	}

	/// What `lpt` is worth in ETH, rounded down.
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
	/// What joins LPT and ETH.
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
