//! Randomness, jobs and the lottery.

use super::{
	money::{CommonPool, PaysJudges},
	parameters::{
		Election as ElectionParameters, Jobs as JobsParameters, Lottery, Money,
		Rounds as RoundsParameters,
	},
	session::RegisteredKeys,
	timing::{BeaconWindow, FixedTiming, SlotDuration},
	transactions::ChargeLpt,
};
use crate::{
	constants::{block::MAXIMUM_WEIGHT, money::deposit},
	AssetsHolder, Babe, Balance, Balances, Beacon, BlockNumber, ChainConfig, ChallengeLottery,
	Inflation, Jobs, LptStaking, OperatorKeys, Rounds, Runtime, RuntimeHoldReason, Session,
	TranscoderElection,
};
use alloc::collections::BTreeMap;
use frame_support::{
	parameter_types,
	traits::{ConstU32, Contains, Get},
	weights::Weight,
};
use livepeer_primitives::{
	keys::VerifierId,
	service::ServiceRecord,
	traits::{OnTranscoderLost, ServiceDirectory, ValidatorSet, ValidatorsInForce},
	AccountId, Hash, RoundIndex, StreamId, MAX_VALIDATORS,
};
use sp_runtime::{transaction_validity::TransactionPriority, BoundedVec, Perbill};

/// The VRF output of the parent block. BABE still has it when a block begins; block 1 has no parent
/// with one.
pub struct ParentVrf;

impl Get<Option<Hash>> for ParentVrf {
	fn get() -> Option<Hash> {
		Babe::author_vrf_randomness().map(Hash::from)
	}
}

/// The validators in force, with the verifier keys with which they came into force and the stakes
/// of the snapshot from which they were chosen.
pub struct SeatedInForce;

impl ValidatorsInForce for SeatedInForce {
	fn validators_in_force() -> ValidatorSet {
		let keys: BTreeMap<AccountId, VerifierId> =
			ChallengeLottery::verifiers().into_iter().collect();
		TranscoderElection::validator_set(Session::current_index(), |account| {
			keys.get(account).cloned()
		})
	}

	fn jailed() -> BoundedVec<AccountId, ConstU32<MAX_VALIDATORS>> {
		TranscoderElection::jailed_validators()
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
	/// The weight that a block reserves for the steps of jobs. Its urgent part serves everything
	/// that blocks full of calls cause, so nobody can make it fall behind. Calls can use what the
	/// steps do not.
	pub JobsAgenda: Weight = Perbill::from_percent(45) * MAXIMUM_WEIGHT;
	/// The same for the steps of challenges.
	pub LotteryAgenda: Weight = Perbill::from_percent(50) * MAXIMUM_WEIGHT;
	/// Duties take precedence over paid transactions, but not over inherents.
	pub const DutyPriority: TransactionPriority = super::priority::DUTY;
	/// The deposit for each stored generation of keys: nine keys and a count.
	pub const GenerationDeposit: Balance = deposit(2, 9 * 33 + 64);
	/// The longest time that a claim can wait for its decision, by the parameters in force. For
	/// that long it takes a place.
	pub ClaimLife: BlockNumber = Lottery::get().longest_judgement(&FixedTiming::get());
	/// The number of validators besides both parties that must be able to judge before a job is
	/// offered: the size of a committee, but at most the minimum size of the set minus both
	/// parties. So neither chills nor missing heartbeats can stop all jobs, and a network that may
	/// have a single validator requires none.
	pub LeastJudges: u32 = {
		let least = ElectionParameters::get().min_validators.saturating_sub(2);
		Lottery::get().committee_size.min(least)
	};
	/// How long an assignment can still be claimed for, by the parameters in force.
	pub ClaimGrace: BlockNumber = JobsParameters::get().claim_grace;
	/// The most LPT that the common pool adds in a round to what judges are paid out of penalties.
	pub PoolRewards: Balance = Money::get().pool_rewards;
	/// The least time between the announcement of a toolchain's retirement and the retirement: a
	/// round.
	pub RetirementNotice: BlockNumber = RoundsParameters::get().length;
}

impl pallet_operator_keys::Config for Runtime {
	type Currency = Balances;
	type Deposit = GenerationDeposit;
	type OnKeyRevoked = Jobs;
	type RuntimeHoldReason = RuntimeHoldReason;
	type WeightInfo = pallet_operator_keys::weights::SubstrateWeight<Runtime>;
}

impl pallet_jobs::Config for Runtime {
	type AgendaWeight = JobsAgenda;
	type Assets = AssetsHolder;
	type Beacon = Beacon;
	type ChargeFee = ChargeLpt;
	type CheckInterval = ConstU32<5>;
	type ClaimLife = ClaimLife;
	type Clock = ChainConfig;
	type CommonPool = CommonPool;
	type Competition = Inflation;
	type Directory = TranscoderElection;
	type DutyPriority = DutyPriority;
	type FeeSink = LptStaking;
	type Keys = OperatorKeys;
	type LeastJudges = LeastJudges;
	type Liability = LptStaking;
	type Lottery = Lottery;
	type Money = Money;
	type OnClaim = ChallengeLottery;
	type Parameters = JobsParameters;
	type Rounds = Rounds;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Slash = LptStaking;
	type SlotDuration = SlotDuration;
	type Stake = LptStaking;
	type Toolchains = ChallengeLottery;
	type WeightInfo = pallet_jobs::weights::SubstrateWeight<Runtime>;
}

/// Is told of a lost transcoder: its assignments are handed on, and it counts as new again.
pub struct Lost;

impl OnTranscoderLost for Lost {
	fn on_transcoder_lost(transcoder: &AccountId) {
		Jobs::on_transcoder_lost(transcoder);
		ChallengeLottery::on_transcoder_lost(transcoder);
	}
}

/// The transcoders that may be offered jobs in a round: neither suspended for letting offers pass, nor
/// in debt for verification.
pub struct InGoodStanding;

impl Contains<(AccountId, RoundIndex)> for InGoodStanding {
	fn contains((who, round): &(AccountId, RoundIndex)) -> bool {
		!Jobs::is_barred_in(who, *round)
	}
}

/// Transcoders that judges must be able to find: those with assignments that they can still claim
/// for, or with open claims.
pub struct StillServes;

impl Contains<AccountId> for StillServes {
	fn contains(who: &AccountId) -> bool {
		Jobs::is_answerable(who)
	}
}

/// Where operators and streams are reached. Each pallet keeps its own kind of record.
pub struct Services;

impl ServiceDirectory for Services {
	fn service(who: &AccountId) -> Option<ServiceRecord> {
		TranscoderElection::service_of(who.clone())
	}

	fn origin(stream: &StreamId) -> Option<ServiceRecord> {
		Jobs::origin(*stream)
	}
}

impl pallet_challenge_lottery::Config for Runtime {
	type AgendaWeight = LotteryAgenda;
	type Beacon = Beacon;
	type Chill = TranscoderElection;
	type ClaimGrace = ClaimGrace;
	type Claims = Jobs;
	type Clock = ChainConfig;
	type DutyPriority = DutyPriority;
	type Jail = TranscoderElection;
	type Keys = OperatorKeys;
	type Liability = LptStaking;
	type MaxToolchains = ConstU32<16>;
	type OnDecided = Jobs;
	type Parameters = Lottery;
	type Pool = PaysJudges;
	type PoolRewards = PoolRewards;
	type RetirementNotice = RetirementNotice;
	type Rounds = Rounds;
	type Services = Services;
	type Slash = LptStaking;
	#[cfg(feature = "runtime-benchmarks")]
	type Stake = LptStaking;
	type Timing = FixedTiming;
	type VerifierKeys = RegisteredKeys;
	type WeightInfo = pallet_challenge_lottery::weights::SubstrateWeight<Runtime>;
	type WeightPrice = <Runtime as pallet_transaction_payment::Config>::WeightToFee;
}
