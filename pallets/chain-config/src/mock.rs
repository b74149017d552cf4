//! A runtime with this pallet over the same `pallet-parameters` as the chain's.

use crate as pallet_chain_config;
use frame_support::{
	derive_impl,
	dynamic_params::{dynamic_pallet_params, dynamic_params},
	parameter_types,
	traits::AsEnsureOriginWithArg,
};
use frame_system::EnsureNever;
use livepeer_primitives::{
	params::{
		ElectionParameters, JobsParameters, LotteryParameters, ProtocolParameters,
		RoundsParameters, StakingParameters, Timing,
	},
	AccountId,
};
use sp_runtime::{traits::IdentityLookup, BuildStorage};

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		ChainConfig: pallet_chain_config,
		Parameters: pallet_parameters,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type AccountId = AccountId;
	type Block = frame_system::mocking::MockBlockU32<Test>;
	type Lookup = IdentityLookup<AccountId>;
}

#[dynamic_params(RuntimeParameters, pallet_parameters::Parameters::<Test>)]
pub mod dynamic {
	use super::*;

	#[dynamic_pallet_params]
	#[codec(index = 0)]
	pub mod protocol {
		#[codec(index = 0)]
		pub static Rounds: RoundsParameters = ProtocolParameters::production().rounds;
		#[codec(index = 1)]
		pub static Staking: StakingParameters = ProtocolParameters::production().staking;
		#[codec(index = 2)]
		pub static Election: ElectionParameters = ProtocolParameters::production().election;
		#[codec(index = 3)]
		pub static Jobs: JobsParameters = ProtocolParameters::production().jobs;
		#[codec(index = 4)]
		pub static Lottery: LotteryParameters = ProtocolParameters::production().lottery;
	}
}

pub use dynamic::protocol::{self as concern, Parameters as Concern};

#[cfg(feature = "runtime-benchmarks")]
impl Default for RuntimeParameters {
	fn default() -> Self {
		rounds(ProtocolParameters::production().rounds)
	}
}

impl pallet_parameters::Config for Test {
	type AdminOrigin = AsEnsureOriginWithArg<EnsureNever<AccountId>>;
	type RuntimeEvent = RuntimeEvent;
	type RuntimeParameters = RuntimeParameters;
	type WeightInfo = ();
}

/// As the runtime's.
pub struct Store;

impl Store {
	fn put(update: RuntimeParameters) {
		use frame_support::traits::dynamic_params::AggregatedKeyValue;
		let (key, value) = update.into_parts();
		pallet_parameters::Parameters::<Test>::set(key, value);
	}
}

impl pallet_chain_config::ParameterStore<RuntimeParameters> for Store {
	fn current() -> ProtocolParameters {
		use frame_support::traits::Get;
		ProtocolParameters {
			rounds: concern::Rounds::get(),
			staking: concern::Staking::get(),
			election: concern::Election::get(),
			jobs: concern::Jobs::get(),
			lottery: concern::Lottery::get(),
		}
	}

	fn with(update: &RuntimeParameters) -> Option<ProtocolParameters> {
		let now = Self::current();
		let RuntimeParameters::Protocol(update) = update.clone();
		Some(match update {
			Concern::Rounds(_, value) => ProtocolParameters { rounds: value?, ..now },
			Concern::Staking(_, value) => ProtocolParameters { staking: value?, ..now },
			Concern::Election(_, value) => ProtocolParameters { election: value?, ..now },
			Concern::Jobs(_, value) => ProtocolParameters { jobs: value?, ..now },
			Concern::Lottery(_, value) => ProtocolParameters { lottery: value?, ..now },
		})
	}

	fn store(update: RuntimeParameters) {
		Self::put(update);
	}

	fn store_all(parameters: &ProtocolParameters) {
		for update in all(parameters) {
			Self::put(update);
		}
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn longest_update() -> RuntimeParameters {
		lottery(Self::current().lottery)
	}
}

parameter_types! {
	/// Whether the block at work is closed.
	pub static IsClosed: bool = false;
}

impl pallet_chain_config::Config for Test {
	type IsClosed = IsClosed;
	type Store = Store;
	type Update = RuntimeParameters;
	type WeightInfo = ();
}

/// An update of the rounds.
pub fn rounds(value: RoundsParameters) -> RuntimeParameters {
	RuntimeParameters::Protocol(Concern::Rounds(concern::Rounds, Some(value)))
}

/// An update of the lottery.
pub fn lottery(value: LotteryParameters) -> RuntimeParameters {
	RuntimeParameters::Protocol(Concern::Lottery(concern::Lottery, Some(value)))
}

/// The updates that together set `to`.
pub fn all(to: &ProtocolParameters) -> [RuntimeParameters; 5] {
	[
		Concern::Rounds(concern::Rounds, Some(to.rounds)),
		Concern::Staking(concern::Staking, Some(to.staking)),
		Concern::Election(concern::Election, Some(to.election)),
		Concern::Jobs(concern::Jobs, Some(to.jobs)),
		Concern::Lottery(concern::Lottery, Some(to.lottery)),
	]
	.map(RuntimeParameters::Protocol)
}

/// The storage of a chain with this genesis.
pub fn chain(timing: Timing, parameters: ProtocolParameters) -> sp_io::TestExternalities {
	let genesis = RuntimeGenesisConfig {
		chain_config: pallet_chain_config::GenesisConfig {
			timing,
			parameters,
			..Default::default()
		},
		..Default::default()
	};
	let mut ext: sp_io::TestExternalities = genesis.build_storage().expect("genesis builds").into();
	ext.execute_with(|| System::set_block_number(1));
	ext
}

/// The local networks'.
pub fn new_test_ext() -> sp_io::TestExternalities {
	chain(Timing::development(), ProtocolParameters::development())
}

/// Runs `test` and checks the invariants afterwards.
pub fn build_and_execute(test: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		test();
		ChainConfig::do_try_state().expect("invariants hold");
	});
}
