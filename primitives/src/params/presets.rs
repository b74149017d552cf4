//! The parameters with which networks start, and those that governance sets on large ones.

use sp_runtime::Perbill;

use super::{
	ElectionParameters, InflationParameters, JobsParameters, LotteryParameters, MoneyParameters,
	ProtocolParameters, RoundsParameters, StakingParameters, Timing,
};
use crate::{
	work::{WorkFactors, STANDARD_SEGMENT_WORK},
	MAX_VALIDATORS, UNIT,
};

impl ProtocolParameters {
	/// The parameters with which a public network starts.
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
				// Without variants, a coalition of judges that is lazy whenever two of it sit
				// together loses nothing: docs/economics.md.
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

	/// The parameters that governance sets on a public network that has grown. With them 144
	/// validators with 16 cores each carry 10,000 streams (`docs/economics.md`). They are those of
	/// [`Self::production`] with longer claims, of which as much is drawn as of the shorter ones
	/// before.
	pub const fn large() -> Self {
		let production = Self::production();
		Self {
			jobs: JobsParameters {
				// As before, for two and a quarter claims.
				allowance_leaves: 5_625,
				// With longer claims a stream needs fewer places, and a transcoder has more
				// streams.
				max_open_claims: 1_024,
				..production.jobs
			},
			lottery: LotteryParameters {
				verification_rate: Perbill::from_parts(6_400_000),
				new_verification_rate: Perbill::from_parts(16_000_000),
				// A little more than four of sixteen cores, by the measurements of docs/media.md.
				verify_rate: 1_200_000_000,
				..production.lottery
			},
			..production
		}
	}

	/// The parameters with which local networks start: the same rules on a short clock.
	pub const fn development() -> Self {
		let production = Self::production();
		Self {
			rounds: RoundsParameters { length: 30, lock_amount: Perbill::from_percent(10) },
			staking: StakingParameters {
				unbonding_period: 15,
				liability_window: 15,
				..production.staking
			},
			election: ElectionParameters {
				active_size: 8,
				min_validators: 1,
				min_self_bond: 50 * UNIT,
				min_validator_stake: 50 * UNIT,
				// Somebody who tries out staking can become a validator with little stake.
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
				// Five judges share the two processors of the demo's machine. A ballot ends when
				// all of its members have answered, so this costs time only where one is silent.
				commit_base: 20,
				verdict_reveal: 10,
				verify_rate: 150_000_000,
				max_work_blocks: 20,
				dispute_commit_base: 40,
				dispute_reveal: 10,
				slashing_period: 12,
				slash_deferral: 5,
				// Two rounds.
				long_deferral: 60,
				verify_price: UNIT / 400_000,
				fee_ratio: 1,
				new_verification_rate: Perbill::from_parts(625_000_000),
				new_claims: 3,
				// A forced segment costs its transcoder and each of its judges another encode, for
				// which a network on one machine has no time. Tests about variants set the rate
				// themselves.
				variant_rate: Perbill::zero(),
				..production.lottery
			},
			inflation: InflationParameters { min_offers: 2, ..production.inflation },
			money: production.money,
		}
	}
}

impl Timing {
	/// The timing with which a public network starts.
	pub const fn production() -> Self {
		Self { slot_duration: 6_000, session_length: 2_400, beacon_window: 100 }
	}

	/// The timing with which local networks start.
	pub const fn development() -> Self {
		Self { slot_duration: 2_000, session_length: 10, beacon_window: 10 }
	}
}
