//! The parameters of the protocol: one stored value per concern, each a struct of
//! `livepeer_primitives::params`.

use crate::{Runtime, RuntimeEvent};
use dynamic_params::protocol::{Election, Jobs, Lottery, Rounds, Staking};
use frame_support::{
	dynamic_params::{dynamic_pallet_params, dynamic_params},
	traits::{dynamic_params::AggregatedKeyValue, AsEnsureOriginWithArg, Get},
};
use frame_system::EnsureNever;
use livepeer_primitives::{
	params::{
		ElectionParameters, JobsParameters, LotteryParameters, ProtocolParameters,
		RoundsParameters, StakingParameters,
	},
	AccountId,
};
use pallet_chain_config::ParameterStore;

/// What pallet-parameters stores. A value that was never written reads as production's.
#[dynamic_params(RuntimeParameters, pallet_parameters::Parameters::<Runtime>)]
pub mod dynamic_params {
	use super::*;

	/// The protocol's parameters.
	#[dynamic_pallet_params]
	#[codec(index = 0)]
	pub mod protocol {
		/// The round clock.
		#[codec(index = 0)]
		pub static Rounds: RoundsParameters = ProtocolParameters::production().rounds;
		/// Stake.
		#[codec(index = 1)]
		pub static Staking: StakingParameters = ProtocolParameters::production().staking;
		/// Election.
		#[codec(index = 2)]
		pub static Election: ElectionParameters = ProtocolParameters::production().election;
		/// Jobs.
		#[codec(index = 3)]
		pub static Jobs: JobsParameters = ProtocolParameters::production().jobs;
		/// The lottery.
		#[codec(index = 4)]
		pub static Lottery: LotteryParameters = ProtocolParameters::production().lottery;
	}
}

#[cfg(feature = "runtime-benchmarks")]
impl Default for RuntimeParameters {
	fn default() -> Self {
		RuntimeParameters::Protocol(dynamic_params::protocol::Parameters::Rounds(
			dynamic_params::protocol::Rounds,
			Some(ProtocolParameters::production().rounds),
		))
	}
}

/// Keeps the parameters in pallet-parameters.
pub struct Store;

impl Store {
	fn put(update: RuntimeParameters) {
		let (key, value) = update.into_parts();
		match value {
			Some(value) => pallet_parameters::Parameters::<Runtime>::insert(key, value),
			None => pallet_parameters::Parameters::<Runtime>::remove(key),
		}
	}
}

impl ParameterStore<RuntimeParameters> for Store {
	fn current() -> ProtocolParameters {
		ProtocolParameters {
			rounds: Rounds::get(),
			staking: Staking::get(),
			election: Election::get(),
			jobs: Jobs::get(),
			lottery: Lottery::get(),
		}
	}

	fn with(update: &RuntimeParameters) -> Option<ProtocolParameters> {
		use dynamic_params::protocol::Parameters as P;
		let mut all = Self::current();
		let RuntimeParameters::Protocol(update) = update;
		match *update {
			P::Rounds(_, value) => all.rounds = value?,
			P::Staking(_, value) => all.staking = value?,
			P::Election(_, value) => all.election = value?,
			P::Jobs(_, value) => all.jobs = value?,
			P::Lottery(_, value) => all.lottery = value?,
		}
		Some(all)
	}

	fn store(update: RuntimeParameters) {
		Self::put(update);
	}

	fn store_all(parameters: &ProtocolParameters) {
		use dynamic_params::protocol::Parameters as P;
		[
			P::Rounds(Rounds, Some(parameters.rounds)),
			P::Staking(Staking, Some(parameters.staking)),
			P::Election(Election, Some(parameters.election)),
			P::Jobs(Jobs, Some(parameters.jobs)),
			P::Lottery(Lottery, Some(parameters.lottery)),
		]
		.into_iter()
		.for_each(|update| Self::put(RuntimeParameters::Protocol(update)));
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn longest_update() -> RuntimeParameters {
		RuntimeParameters::Protocol(dynamic_params::protocol::Parameters::Lottery(
			Lottery,
			Some(Lottery::get()),
		))
	}
}

impl pallet_chain_config::Config for Runtime {
	type IsClosed = super::governance::IsClosed;
	type Store = Store;
	type Update = RuntimeParameters;
	type WeightInfo = pallet_chain_config::weights::SubstrateWeight<Runtime>;
}

impl pallet_parameters::Config for Runtime {
	/// Nobody: this pallet checks nothing. The checked call of chain-config is the only way in.
	type AdminOrigin = AsEnsureOriginWithArg<EnsureNever<AccountId>>;
	type RuntimeEvent = RuntimeEvent;
	type RuntimeParameters = RuntimeParameters;
	type WeightInfo = ();
}
