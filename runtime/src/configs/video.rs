//! Chance, jobs and the lottery.

use super::{
	parameters::dynamic_params::protocol::{Jobs as JobsParameters, Lottery},
	timing::{BeaconWindow, FixedTiming},
};
use crate::{
	constants::block::MAXIMUM_WEIGHT, AssetsHolder, Babe, Beacon, ChainConfig, ChallengeLottery,
	Jobs, LptStaking, Rounds, Runtime, RuntimeHoldReason, TranscoderElection,
};
use frame_support::{
	parameter_types,
	traits::{ConstU32, Get},
	weights::Weight,
};
use livepeer_primitives::{
	service::ServiceRecord,
	traits::{SeatedValidator, SeatedValidators, ServiceDirectory, Stake, ValidatorsInForce},
	AccountId, Hash,
};
use sp_runtime::{transaction_validity::TransactionPriority, Perbill};

/// The VRF output of the parent block. BABE still holds it when a block begins; block 1 has no
/// parent with one.
pub struct ParentVrf;

impl Get<Option<Hash>> for ParentVrf {
	fn get() -> Option<Hash> {
		Babe::author_vrf_randomness().map(Hash::from)
	}
}

/// The validators in force with the verifier keys that they came into force with, and the stake
/// that counts for them in this round.
pub struct SeatedInForce;

impl ValidatorsInForce for SeatedInForce {
	fn validators_in_force() -> SeatedValidators {
		let validators = pallet_challenge_lottery::Verifiers::<Runtime>::get()
			.into_iter()
			.map(|(account, key)| {
				let stake = LptStaking::active_stake(&account);
				SeatedValidator { account, stake, key }
			})
			.collect();
		SeatedValidators::truncate_from(validators)
	}
}

impl pallet_beacon::Config for Runtime {
	type Clock = ChainConfig;
	type FindAuthor = pallet_session::FindAccountFromAuthorIndex<Self, Babe>;
	type ParentVrf = ParentVrf;
	type RecentWindows = ConstU32<8>;
	type Validators = SeatedInForce;
	type WeightInfo = pallet_beacon::weights::SubstrateWeight<Runtime>;
	type WindowLength = BeaconWindow;
}

parameter_types! {
	/// The part of a block that overdue steps of jobs may fill.
	pub JobsAgenda: Weight = Perbill::from_percent(15) * MAXIMUM_WEIGHT;
	/// The part of a block that overdue steps of challenges may fill.
	pub LotteryAgenda: Weight = Perbill::from_percent(15) * MAXIMUM_WEIGHT;
	/// Verdicts come before paid transactions, after inherents.
	pub const DutyPriority: TransactionPriority = TransactionPriority::MAX / 2;
}

impl pallet_jobs::Config for Runtime {
	type AgendaWeight = JobsAgenda;
	type Assets = AssetsHolder;
	type Beacon = Beacon;
	type CheckInterval = ConstU32<5>;
	type Clock = ChainConfig;
	type Directory = TranscoderElection;
	type FeeSink = LptStaking;
	type Liability = LptStaking;
	type OnClaim = ChallengeLottery;
	type Parameters = JobsParameters;
	type Rounds = Rounds;
	type RuntimeHoldReason = RuntimeHoldReason;
	type WeightInfo = pallet_jobs::weights::SubstrateWeight<Runtime>;
}

/// Where operators and broadcasters are reached: each pallet keeps its own kind.
pub struct Services;

impl ServiceDirectory for Services {
	fn service(who: &AccountId) -> Option<ServiceRecord> {
		TranscoderElection::service_of(who.clone()).or_else(|| Jobs::origin(who.clone()))
	}
}

impl pallet_challenge_lottery::Config for Runtime {
	type AgendaBudget = LotteryAgenda;
	type Beacon = Beacon;
	type Claims = Jobs;
	type Clock = ChainConfig;
	type Directory = TranscoderElection;
	type DutyPriority = DutyPriority;
	type Jail = TranscoderElection;
	type MaxToolchains = ConstU32<16>;
	type Parameters = Lottery;
	type Rounds = Rounds;
	type Services = Services;
	type Slash = LptStaking;
	type Stake = LptStaking;
	type Timing = FixedTiming;
	type WeightInfo = pallet_challenge_lottery::weights::SubstrateWeight<Runtime>;
}
