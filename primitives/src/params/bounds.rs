//! The bounds of each parameter, and the relations between parameters.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_runtime::Perbill;

use super::{
	ElectionParameters, InflationParameters, JobsParameters, LotteryParameters, MoneyParameters,
	ProtocolParameters, RoundsParameters, StakingParameters, Timing,
};
use crate::{
	video::CANONICAL_PROFILE,
	work::{ProfileFactor, STANDARD_SEGMENT_WORK},
	MAX_COMMITTEE, MAX_SAMPLES, MAX_SLASHED_ROUNDS, MAX_VALIDATORS, UNIT,
};

/// The unit of a parameter.
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
	/// A number without a unit.
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
	/// The parameter.
	pub parameter: Parameter,
	/// Its path: concern and field.
	pub path: &'static str,
	/// Its unit.
	pub unit: Unit,
	/// Its lowest value.
	pub lowest: u128,
	/// Its highest value.
	pub highest: u128,
	/// Its value, twice; of a list the lowest and the highest value.
	value: fn(&Whole) -> (u128, u128),
}

/// The form for people: `rounds.length: 1 to 403,200 blocks`.
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

/// `value` ÷ 10^`scale`, with thousands separated by commas.
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

/// Everything that the check looks at.
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

/// The cost of encoding for every profile that has one.
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

/// A relation between parameters.
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
	/// A round lasts at most four weeks, by the slot's length, so that governance can undo in the
	/// next round what it has set.
	RoundEnds,
	/// Unbonding takes at most 180 days, by the slot's length.
	UnbondingEnds,
	/// `staking.unbonding_period` ≥ `staking.liability_window`.
	UnbondingWithinLiability,
	/// (`staking.liability_window` − 1) × `rounds.length` is more than the longest life of a claim
	/// with its tranches, its dispute and the deferral of its slash: otherwise stake could leave
	/// before it is slashed.
	LiabilityOutlivesClaims,
	/// `election.min_validators` ≤ `election.active_size`.
	ValidatorsWithinActiveSet,
	/// `election.min_self_bond` ≥ `staking.min_bond`.
	SelfBondIsBond,
	/// `lottery.missed_slash` ≥ `lottery.failed_slash`: hiding a wrong segment costs at least as
	/// much as showing it.
	MissedCostsFailed,
	/// `lottery.committee_size` × `lottery.tranches` ≤ 64: no more members can be penalised.
	TranchesWithinCommittee,
	/// `lottery.verify_rate` × `lottery.max_work_blocks` is at least a standard segment's work:
	/// otherwise hardly any job could be judged.
	JudgesKeepUp,
	/// `jobs.factors.profiles` contains the canonical profile, no profile twice, and nothing in
	/// unused places.
	ProfilesKnown,
	/// `lottery.new_verification_rate` ≥ `lottery.verification_rate`: at least as much is drawn of
	/// new transcoders.
	NewcomersAreVerified,
	/// `lottery.variant_slash` ≥ `lottery.false_dissent_slash`: saying Valid where a forced variant
	/// is due outweighs a false dissent, so it costs at least the same share of the stake.
	VariantCostsDissent,
	/// 63 × `rounds.length` is at least the longest life of a claim whose slash is deferred longer:
	/// a slash reaches no stake that left before that. Until then the open claim holds that stake
	/// back.
	SlashReachesDeferral,
}

/// The rule that a set of parameters breaks.
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
		/// The parameter.
		parameter: Parameter,
		/// Its lowest value.
		lowest: u128,
	},
	/// A parameter is too large.
	TooLarge {
		/// The parameter.
		parameter: Parameter,
		/// Its highest value.
		highest: u128,
	},
	/// Parameters do not fit together.
	Broken(Relation),
}

impl ProtocolParameters {
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
	/// Every relation, and whether it holds. Factors of a product are within their bounds.
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
