//! The forms in which parameters were stored before they carried their version. Only the migration
//! that adds the version reads them.

use codec::{Decode, Encode};
use sp_runtime::Perbill;

use super::{ElectionParameters, JobsParameters, LotteryParameters, ProtocolParameters};
use crate::{work::WorkFactors, Balance, BlockNumber, MAX_VALIDATORS};

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
	/// Those chains knew no rejected segments; these get the work that every preset gives them.
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
	/// As it was on those chains: one tranche, no charge for verification, nobody chilled, no slash
	/// deferred longer than others. Contradictions cost what every preset sets for them, and
	/// calling a variant valid costs no less than a false dissent.
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
