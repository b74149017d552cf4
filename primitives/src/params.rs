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

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_runtime::{helpers_128bit::multiply_by_rational_with_rounding, Perbill, Rounding};

use crate::{
	video::CANONICAL_PROFILE,
	work::{ProfileFactor, WorkFactors, STANDARD_SEGMENT_WORK},
	Balance, BlockNumber, RoundIndex, DISPUTE_DELAY, MAX_COMMITTEE, MAX_PENALTIES, MAX_SAMPLES,
	MAX_SLASHED_ROUNDS, MAX_TREE_DEPTH, MAX_VALIDATORS, PENALTIES_PER_STEP, UNIT,
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

/// The shapes in which parameters were stored before they said their version: read once, by the
/// migration that gives them one.
pub mod unversioned {
	use super::*;

	/// [`crate::work::WorkFactors`] with one profile.
	#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
	pub struct Factors {
		/// Cost of encoding a pixel, in thousandths.
		pub preset: u32,
		/// Cost of decoding a pixel, in thousandths.
		pub decode: u32,
	}

	/// [`super::ElectionParameters`].
	#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
	#[allow(missing_docs)]
	pub struct Election {
		pub active_size: u32,
		pub min_validators: u32,
		pub min_self_bond: Balance,
		pub min_validator_stake: Balance,
		pub heartbeat_interval: BlockNumber,
	}

	/// [`super::JobsParameters`].
	#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
	#[allow(missing_docs)]
	pub struct Jobs {
		pub accept_timeout: BlockNumber,
		pub claim_grace: BlockNumber,
		pub longest_job: BlockNumber,
		pub priority_list: u32,
		pub allowance_leaves: u32,
		pub broadcaster_bond: Balance,
		pub max_open_claims: u32,
		pub factors: Factors,
	}

	/// [`super::LotteryParameters`].
	#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
	#[allow(missing_docs)]
	pub struct Lottery {
		pub verification_rate: Perbill,
		pub max_samples: u32,
		pub committee_size: u32,
		pub reveal_window: BlockNumber,
		pub missed_grace: BlockNumber,
		pub commit_base: BlockNumber,
		pub verdict_reveal: BlockNumber,
		pub verify_rate: u64,
		pub max_work_blocks: BlockNumber,
		pub dispute_commit_base: BlockNumber,
		pub dispute_reveal: BlockNumber,
		pub slashing_period: BlockNumber,
		pub slash_deferral: BlockNumber,
		pub failed_slash: Perbill,
		pub missed_slash: Perbill,
		pub false_dissent_slash: Perbill,
		pub no_show_slash: Perbill,
	}

	impl From<Election> for ElectionParameters {
		/// Any stake above the minimum was enough.
		fn from(old: Election) -> Self {
			Self {
				active_size: old.active_size,
				min_validators: old.min_validators,
				min_self_bond: old.min_self_bond,
				min_validator_stake: old.min_validator_stake,
				validator_leverage: MAX_VALIDATORS,
				heartbeat_interval: old.heartbeat_interval,
			}
		}
	}

	impl From<Jobs> for JobsParameters {
		/// Rejected segments, of which those chains knew nothing, have the work that every preset
		/// gives them.
		fn from(old: Jobs) -> Self {
			let rejected = ProtocolParameters::production().jobs.factors.rejected;
			Self {
				accept_timeout: old.accept_timeout,
				claim_grace: old.claim_grace,
				longest_job: old.longest_job,
				priority_list: old.priority_list,
				allowance_leaves: old.allowance_leaves,
				broadcaster_bond: old.broadcaster_bond,
				max_open_claims: old.max_open_claims,
				factors: WorkFactors::canonical(old.factors.preset, old.factors.decode, rejected),
				exposure: Perbill::from_percent(5),
				lapses: 3,
			}
		}
	}

	impl From<Lottery> for LotteryParameters {
		/// One tranche, nothing charged for verification, nobody chilled, no slash deferred longer than
		/// others: as it was. Contradictions cost what every preset takes for them, and a variant that is called valid no less than a false
		/// dissent.
		fn from(old: Lottery) -> Self {
			Self {
				verification_rate: old.verification_rate,
				max_samples: old.max_samples,
				committee_size: old.committee_size,
				tranches: 1,
				reveal_window: old.reveal_window,
				missed_grace: old.missed_grace,
				commit_base: old.commit_base,
				verdict_reveal: old.verdict_reveal,
				verify_rate: old.verify_rate,
				max_work_blocks: old.max_work_blocks,
				dispute_commit_base: old.dispute_commit_base,
				dispute_reveal: old.dispute_reveal,
				slashing_period: old.slashing_period,
				slash_deferral: old.slash_deferral,
				failed_slash: old.failed_slash,
				missed_slash: old.missed_slash,
				equivocation_slash: ProtocolParameters::production().lottery.equivocation_slash,
				false_dissent_slash: old.false_dissent_slash,
				no_show_slash: old.no_show_slash,
				chill: 0,
				verify_price: 0,
				fee_ratio: 0,
				new_verification_rate: old.verification_rate,
				new_claims: 0,
				variant_rate: Perbill::zero(),
				variant_slash: Perbill::from_percent(2).max(old.false_dissent_slash),
				long_deferral: old.slash_deferral,
			}
		}
	}
}

/// In what a parameter is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
	/// Milliseconds.
	Milliseconds,
	/// BABE's slots.
	Slots,
	/// Blocks.
	Blocks,
	/// Rounds.
	Rounds,
	/// Parts of 1,000,000,000.
	Share,
	/// LPT in its smallest unit.
	Lpt,
	/// ETH in its smallest unit.
	Eth,
	/// Things.
	Count,
	/// Thousandths.
	Thousandths,
	/// Work units: see [`crate::work`].
	Work,
	/// Work units per block.
	WorkPerBlock,
}

/// The bounds of one parameter.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
	/// Which one.
	pub parameter: Parameter,
	/// Where it stands: concern and field.
	pub path: &'static str,
	/// In what it is counted.
	pub unit: Unit,
	/// Its lowest value.
	pub lowest: u128,
	/// Its highest value.
	pub highest: u128,
	/// Its value; the lowest and the highest one where a list has several.
	value: fn(&Whole) -> (u128, u128),
}

/// As people read it: `rounds.length: 1 to 403,200 blocks`.
#[cfg(feature = "std")]
impl std::fmt::Display for Bounds {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		let (scale, unit) = match self.unit {
			Unit::Milliseconds => (0, " ms"),
			Unit::Slots => (0, " slots"),
			Unit::Blocks => (0, " blocks"),
			Unit::Rounds => (0, " rounds"),
			Unit::Share => (7, " %"),
			Unit::Lpt => (18, " LPT"),
			Unit::Eth => (18, " ETH"),
			Unit::Count => (0, ""),
			Unit::Thousandths => (0, " thousandths"),
			Unit::Work => (0, " units of work"),
			Unit::WorkPerBlock => (0, " units of work in a block"),
		};
		let (lowest, highest) = (decimal(self.lowest, scale), decimal(self.highest, scale));
		write!(f, "`{}`: {lowest} to {highest}{unit}", self.path)
	}
}

/// `value` ÷ 10^`scale`, with its thousands parted by commas.
#[cfg(feature = "std")]
fn decimal(value: u128, scale: usize) -> String {
	let width = scale + 1;
	let digits = format!("{value:0>width$}");
	let (whole, part) = digits.split_at(digits.len() - scale);
	let mut text = String::new();
	for (i, digit) in whole.chars().enumerate() {
		if i > 0 && (whole.len() - i) % 3 == 0 {
			text.push(',');
		}
		text.push(digit);
	}
	match part.trim_end_matches('0') {
		"" => text,
		part if part.len() > 9 => format!("10^-{}", part.len()),
		part => format!("{text}.{part}"),
	}
}

/// All that the check looks at.
struct Whole {
	timing: Timing,
	rounds: RoundsParameters,
	staking: StakingParameters,
	election: ElectionParameters,
	jobs: JobsParameters,
	lottery: LotteryParameters,
	inflation: InflationParameters,
	money: MoneyParameters,
}

/// A parameter's value as a number, twice: lists have a lowest and a highest one.
trait Values {
	fn values(&self) -> (u128, u128);
}

macro_rules! numbers {
	($($number:ty),*) => {$(
		impl Values for $number {
			fn values(&self) -> (u128, u128) {
				let value = u128::from(*self);
				(value, value)
			}
		}
	)*};
}
numbers!(u32, u64, u128);

impl Values for Perbill {
	fn values(&self) -> (u128, u128) {
		self.deconstruct().values()
	}
}

/// The cost of encoding, of every profile that has one.
impl<const N: usize> Values for [ProfileFactor; N] {
	fn values(&self) -> (u128, u128) {
		let used = || self.iter().filter(|factor| factor.profile != 0).map(|f| f.encode);
		(used().min().unwrap_or(0).into(), used().max().unwrap_or(0).into())
	}
}

macro_rules! bounds {
	($(
		$(#[$doc:meta])*
		$parameter:ident: $concern:ident $(. $field:ident)+, $unit:ident, $lowest:expr => $highest:expr;
	)*) => {
		/// A parameter, as errors name it.
		#[derive(
			Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen,
			TypeInfo,
		)]
		pub enum Parameter {
			$(
				#[doc = concat!("`", stringify!($concern) $(, ".", stringify!($field))+, "`")]
				$(#[$doc])*
				$parameter,
			)*
		}

		/// The bounds of every parameter, in the order in which they are checked.
		pub const BOUNDS: &[Bounds] = &[$(
			Bounds {
				parameter: Parameter::$parameter,
				path: concat!(stringify!($concern) $(, ".", stringify!($field))+),
				unit: Unit::$unit,
				lowest: $lowest as u128,
				highest: $highest as u128,
				value: |all| all.$concern $(.$field)+ .values(),
			},
		)*];
	};
}

/// A share of this many percent, in parts.
const fn percent(percent: u128) -> u128 {
	percent * 10_000_000
}

bounds! {
	SlotDuration: timing.slot_duration, Milliseconds, 1_000 => 60_000;
	SessionLength: timing.session_length, Slots, 1 => 100_000;
	BeaconWindow: timing.beacon_window, Blocks, 1 => 14_400;
	RoundLength: rounds.length, Blocks, 1 => 403_200;
	LockAmount: rounds.lock_amount, Share, 0 => percent(50);
	UnbondingPeriod: staking.unbonding_period, Rounds, 1 => 180;
	LiabilityWindow: staking.liability_window, Rounds, 1 => MAX_SLASHED_ROUNDS - 1;
	MinBond: staking.min_bond, Lpt, 1 => 1_000 * UNIT;
	FinderFee: staking.finder_fee, Share, 0 => percent(50);
	ActiveSize: election.active_size, Count, 1 => MAX_VALIDATORS;
	MinValidators: election.min_validators, Count, 1 => MAX_VALIDATORS;
	MinSelfBond: election.min_self_bond, Lpt, 1 => 100_000 * UNIT;
	MinValidatorStake: election.min_validator_stake, Lpt, 1 => 1_000_000 * UNIT;
	ValidatorLeverage: election.validator_leverage, Count, 1 => MAX_VALIDATORS;
	HeartbeatInterval: election.heartbeat_interval, Blocks, 1 => 2_400;
	AcceptTimeout: jobs.accept_timeout, Blocks, 1 => 100;
	ClaimGrace: jobs.claim_grace, Blocks, 1 => 14_400;
	LongestJob: jobs.longest_job, Blocks, 1 => 5_256_000;
	PriorityList: jobs.priority_list, Count, 1 => 16;
	AllowanceLeaves: jobs.allowance_leaves, Count, 1 => 100_000;
	BroadcasterBond: jobs.broadcaster_bond, Eth, 1 => 10 * UNIT;
	MaxOpenClaims: jobs.max_open_claims, Count, 1 => 1_024;
	/// for each profile.
	EncodeFactor: jobs.factors.profiles, Thousandths, 1 => 100_000;
	DecodeFactor: jobs.factors.decode, Thousandths, 1 => 1_000;
	RejectedWork: jobs.factors.rejected, Work, 1 => STANDARD_SEGMENT_WORK;
	VerificationRate: lottery.verification_rate, Share, 1_000_000 => percent(100);
	MaxSamples: lottery.max_samples, Count, 1 => MAX_SAMPLES;
	CommitteeSize: lottery.committee_size, Count, 1 => MAX_COMMITTEE;
	Tranches: lottery.tranches, Count, 1 => 8;
	RevealWindow: lottery.reveal_window, Blocks, 1 => 2_400;
	MissedGrace: lottery.missed_grace, Blocks, 1 => 2_400;
	CommitBase: lottery.commit_base, Blocks, 1 => 2_400;
	VerdictReveal: lottery.verdict_reveal, Blocks, 1 => 2_400;
	VerifyRate: lottery.verify_rate, WorkPerBlock, 1_000_000 => 1_000_000_000_000_000u64;
	MaxWorkBlocks: lottery.max_work_blocks, Blocks, 1 => 2_400;
	DisputeCommitBase: lottery.dispute_commit_base, Blocks, 1 => 14_400;
	DisputeReveal: lottery.dispute_reveal, Blocks, 1 => 2_400;
	SlashingPeriod: lottery.slashing_period, Blocks, 1 => 100_800;
	SlashDeferral: lottery.slash_deferral, Blocks, 1 => 403_200;
	FailedSlash: lottery.failed_slash, Share, 1 => percent(50);
	MissedSlash: lottery.missed_slash, Share, 1 => percent(50);
	EquivocationSlash: lottery.equivocation_slash, Share, 1 => percent(50);
	FalseDissentSlash: lottery.false_dissent_slash, Share, 0 => percent(50);
	NoShowSlash: lottery.no_show_slash, Share, 0 => percent(50);
	Chill: lottery.chill, Rounds, 0 => 30;
	VerifyPrice: lottery.verify_price, Eth, 0 => UNIT / 1_000;
	InitialRate: inflation.initial_rate, Share, 0 => percent(1);
	RateChange: inflation.rate_change, Share, 0 => 100_000;
	ParticipationRate: inflation.participation_rate, Share, 0 => percent(100);
	PoolCut: inflation.pool_cut, Share, 0 => percent(50);
	PoolCeiling: inflation.pool_ceiling, Lpt, 0 => 100_000_000 * UNIT;
	CompetitivenessTolerance: inflation.competitiveness_tolerance, Share, 0 => percent(100);
	MinOffers: inflation.min_offers, Count, 1 => 10_000;
	Exposure: jobs.exposure, Share, 1_000_000 => percent(100);
	FeeRatio: lottery.fee_ratio, Count, 0 => 16;
	NewVerificationRate: lottery.new_verification_rate, Share, 1_000_000 => percent(100);
	NewClaims: lottery.new_claims, Count, 0 => 1_000;
	VariantRate: lottery.variant_rate, Share, 0 => percent(50);
	VariantSlash: lottery.variant_slash, Share, 0 => percent(50);
	LptPerEth: money.lpt_per_eth, Lpt, UNIT / 1_000 => 10_000_000 * UNIT;
	PoolRewards: money.pool_rewards, Lpt, 0 => 1_000_000 * UNIT;
	Lapses: jobs.lapses, Count, 1 => 100;
	LongDeferral: lottery.long_deferral, Blocks, 1 => 403_200;
}

/// The longest round: four weeks, in milliseconds.
const LONGEST_ROUND: u64 = 28 * 24 * 3_600 * 1_000;
/// The longest unbonding: half a year, in milliseconds.
const LONGEST_UNBONDING: u64 = 180 * 24 * 3_600 * 1_000;

/// A rule between parameters.
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
pub enum Relation {
	/// `timing.beacon_window` ≤ `rounds.length`.
	WindowWithinRound,
	/// A round lasts four weeks at most, at the slot's length: in the next one, what governance has
	/// set can be undone.
	RoundEnds,
	/// Unbonding takes 180 days at most, at the slot's length.
	UnbondingEnds,
	/// `staking.unbonding_period` ≥ `staking.liability_window`.
	UnbondingWithinLiability,
	/// (`staking.liability_window` − 1) × `rounds.length` is more than the longest life of a claim
	/// with its tranches, its dispute and the deferral of its slash: else stake could leave before
	/// it is slashed.
	LiabilityOutlivesClaims,
	/// `election.min_validators` ≤ `election.active_size`.
	ValidatorsWithinActiveSet,
	/// `election.min_self_bond` ≥ `staking.min_bond`.
	SelfBondIsBond,
	/// `lottery.missed_slash` ≥ `lottery.failed_slash`: to hide a wrong segment costs no less than
	/// to show it.
	MissedCostsFailed,
	/// `lottery.committee_size` × `lottery.tranches` ≤ 64: as many can be penalised.
	TranchesWithinCommittee,
	/// `lottery.verify_rate` × `lottery.max_work_blocks` is at least a standard segment's work: else
	/// hardly a job could be judged.
	JudgesKeepUp,
	/// `jobs.factors.profiles` holds the canonical profile, none twice, and nothing in places that
	/// are not used.
	ProfilesKnown,
	/// `lottery.new_verification_rate` ≥ `lottery.verification_rate`: who is new is looked at no less.
	NewcomersAreVerified,
	/// `lottery.variant_slash` ≥ `lottery.false_dissent_slash`: to call a forced variant valid, which outweighs
	/// a false dissent, costs no smaller share of the stake.
	VariantCostsDissent,
	/// 63 × `rounds.length` is no less than the longest life of a claim whose slash is deferred longer: a slash
	/// reaches no stake that left before that. Until then the open claim holds that stake back.
	SlashReachesDeferral,
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
	/// A parameter is too small.
	TooSmall {
		/// Which one.
		parameter: Parameter,
		/// Its lowest value.
		lowest: u128,
	},
	/// A parameter is too large.
	TooLarge {
		/// Which one.
		parameter: Parameter,
		/// Its highest value.
		highest: u128,
	},
	/// Parameters do not fit each other.
	Broken(Relation),
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
				validator_leverage: 4,
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
				// Measured processor time per pixel: docs/media.md. A pixel of profile 1 is the unit.
				factors: WorkFactors::canonical(1_000, 250, STANDARD_SEGMENT_WORK / 16)
					.and_capped_quality(1_150),
				exposure: Perbill::from_percent(5),
				lapses: 3,
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
				verify_price: 39_000_000_000,
				fee_ratio: 2,
				new_verification_rate: Perbill::from_percent(5),
				new_claims: 20,
				// Without any a coalition of judges that is lazy where two of it sit loses nothing:
				// docs/economics.md.
				variant_rate: Perbill::from_parts(5_000_000),
				variant_slash: Perbill::from_percent(2),
				// Seven rounds.
				long_deferral: 100_800,
			},
			inflation: InflationParameters {
				initial_rate: Perbill::from_parts(400_000),
				rate_change: Perbill::from_parts(500),
				participation_rate: Perbill::from_percent(50),
				pool_cut: Perbill::from_percent(10),
				pool_ceiling: 750_000 * UNIT,
				competitiveness_tolerance: Perbill::from_percent(90),
				min_offers: 10,
			},
			money: MoneyParameters { lpt_per_eth: 500 * UNIT, pool_rewards: 10 * UNIT },
		}
	}

	/// What governance sets on a public network that has grown: by it 144 validators with 16 cores each carry
	/// 10,000 streams (`docs/economics.md`). It is [`Self::production`] with longer claims, of which as much is
	/// drawn as of the shorter ones before.
	pub const fn large() -> Self {
		let production = Self::production();
		Self {
			jobs: JobsParameters {
				// Two claims and a quarter, as before.
				allowance_leaves: 5_625,
				// A stream needs fewer places with longer claims, and a transcoder has more streams.
				max_open_claims: 1_024,
				..production.jobs
			},
			lottery: LotteryParameters {
				verification_rate: Perbill::from_parts(6_400_000),
				new_verification_rate: Perbill::from_parts(16_000_000),
				// Little more than four cores of sixteen, by what docs/media.md has measured.
				verify_rate: 1_200_000_000,
				..production.lottery
			},
			..production
		}
	}

	/// What the local networks start with: the same rules on a short clock.
	pub const fn development() -> Self {
		let production = Self::production();
		Self {
			rounds: RoundsParameters { length: 30, lock_amount: Perbill::from_percent(10) },
			staking: StakingParameters {
				unbonding_period: 14,
				liability_window: 14,
				..production.staking
			},
			election: ElectionParameters {
				active_size: 8,
				min_validators: 1,
				min_self_bond: 50 * UNIT,
				min_validator_stake: 50 * UNIT,
				// Whoever tries out staking becomes a validator with little.
				validator_leverage: MAX_VALIDATORS,
				heartbeat_interval: 10,
			},
			jobs: JobsParameters {
				claim_grace: 20,
				longest_job: 43_200,
				priority_list: 4,
				allowance_leaves: 64,
				max_open_claims: 160,
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
				// Two rounds.
				long_deferral: 60,
				verify_price: UNIT / 400_000,
				fee_ratio: 1,
				new_verification_rate: Perbill::from_parts(625_000_000),
				new_claims: 3,
				// A forced segment costs its transcoder and each of its judges another encode, for which a
				// network on one machine has no time. Stories that are about it ask for them.
				variant_rate: Perbill::zero(),
				..production.lottery
			},
			inflation: InflationParameters { min_offers: 2, ..production.inflation },
			money: production.money,
		}
	}

	/// Checks every bound and every relation between parameters.
	pub fn check(&self, timing: &Timing) -> Result<(), ParameterError> {
		let Self { rounds, staking, election, jobs, lottery, inflation, money } = *self;
		let timing = *timing;
		let all = Whole { timing, rounds, staking, election, jobs, lottery, inflation, money };
		for Bounds { parameter, lowest, highest, value, .. } in BOUNDS.iter().copied() {
			let (least, most) = value(&all);
			if least < lowest {
				return Err(ParameterError::TooSmall { parameter, lowest });
			}
			if most > highest {
				return Err(ParameterError::TooLarge { parameter, highest });
			}
		}
		let broken = all.relations().into_iter().find(|(kept, _)| !kept);
		broken.map_or(Ok(()), |(_, relation)| Err(ParameterError::Broken(relation)))
	}
}

impl Whole {
	/// Every relation, and whether it is kept. What is multiplied here is within its bounds.
	fn relations(&self) -> [(bool, Relation); 14] {
		let Self { timing, rounds, staking, election, jobs, lottery, .. } = self;
		let round = u64::from(rounds.length);
		let round_ms = round.saturating_mul(timing.slot_duration);
		let liable = u64::from(staking.liability_window.saturating_sub(1)).saturating_mul(round);
		let judged = lottery.verify_rate.saturating_mul(lottery.max_work_blocks.into());
		let profiles = &jobs.factors.profiles;
		let used = |profile| profiles.iter().filter(|factor| factor.profile == profile).count();
		let profiles_known = used(CANONICAL_PROFILE) == 1
			&& profiles.iter().all(|factor| match factor.profile {
				0 => factor.encode == 0,
				profile => used(profile) == 1,
			});
		[
			(timing.beacon_window <= rounds.length, Relation::WindowWithinRound),
			(round_ms <= LONGEST_ROUND, Relation::RoundEnds),
			(
				round_ms.saturating_mul(staking.unbonding_period.into()) <= LONGEST_UNBONDING,
				Relation::UnbondingEnds,
			),
			(
				staking.unbonding_period >= staking.liability_window,
				Relation::UnbondingWithinLiability,
			),
			(
				liable > u64::from(lottery.longest_claim_life(timing)),
				Relation::LiabilityOutlivesClaims,
			),
			(election.min_validators <= election.active_size, Relation::ValidatorsWithinActiveSet),
			(election.min_self_bond >= staking.min_bond, Relation::SelfBondIsBond),
			(lottery.missed_slash >= lottery.failed_slash, Relation::MissedCostsFailed),
			(
				lottery.committee_size.saturating_mul(lottery.tranches) <= MAX_COMMITTEE,
				Relation::TranchesWithinCommittee,
			),
			(judged >= STANDARD_SEGMENT_WORK, Relation::JudgesKeepUp),
			(profiles_known, Relation::ProfilesKnown),
			(
				lottery.new_verification_rate >= lottery.verification_rate,
				Relation::NewcomersAreVerified,
			),
			(lottery.variant_slash >= lottery.false_dissent_slash, Relation::VariantCostsDissent),
			(
				u64::from(MAX_SLASHED_ROUNDS.saturating_sub(1)).saturating_mul(round)
					>= u64::from(lottery.longest_deferred_life(timing)),
				Relation::SlashReachesDeferral,
			),
		]
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
