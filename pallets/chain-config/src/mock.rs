//! A runtime with this pallet over the same `pallet-parameters` as in the chain.

use crate::{self as pallet_chain_config, UpdateError};
use frame_support::{
	derive_impl,
	dynamic_params::{dynamic_pallet_params, dynamic_params},
	parameter_types,
	traits::AsEnsureOriginWithArg,
};
use frame_system::EnsureNever;
use livepeer_primitives::{
	params::{
		ElectionStored, InflationStored, JobsStored, LotteryParameters, LotteryStored,
		MoneyParameters, MoneyStored, ProtocolParameters, RoundsParameters, RoundsStored,
		StakingStored, Timing,
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
		pub static Rounds: RoundsStored = RoundsStored::V1(ProtocolParameters::production().rounds);
		#[codec(index = 1)]
		pub static Staking: StakingStored =
			StakingStored::V1(ProtocolParameters::production().staking);
		#[codec(index = 2)]
		pub static Election: ElectionStored =
			ElectionStored::V1(ProtocolParameters::production().election);
		#[codec(index = 3)]
		pub static Jobs: JobsStored = JobsStored::V1(ProtocolParameters::production().jobs);
		#[codec(index = 4)]
		pub static Lottery: LotteryStored =
			LotteryStored::V1(ProtocolParameters::production().lottery);
		#[codec(index = 5)]
		pub static Inflation: InflationStored =
			InflationStored::V1(ProtocolParameters::production().inflation);
		#[codec(index = 6)]
		pub static Money: MoneyStored = MoneyStored::V1(ProtocolParameters::production().money);
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

/// As in the runtime.
pub struct Store;

impl Store {
	fn put(update: RuntimeParameters) {
		use frame_support::traits::dynamic_params::AggregatedKeyValue;
		let (key, value) = update.into_parts();
		pallet_parameters::Parameters::<Test>::set(key, value);
	}
}

/// The stored concerns, with `update` applied; `None` if one is unreadable.
fn stored(update: Option<&Concern>) -> Option<ProtocolParameters> {
	use concern::{ParametersKey as Key, ParametersValue as Value};
	macro_rules! concern {
		($name:ident) => {
			match update {
				Some(Concern::$name(_, Some(new))) => *new,
				_ => {
					let key = RuntimeParametersKey::Protocol(Key::$name(concern::$name));
					match pallet_parameters::Parameters::<Test>::get(key)? {
						RuntimeParametersValue::Protocol(Value::$name(stored)) => stored,
						_ => return None,
					}
				}
			}
			.into()
		};
	}
	Some(ProtocolParameters {
		rounds: concern!(Rounds),
		staking: concern!(Staking),
		election: concern!(Election),
		jobs: concern!(Jobs),
		lottery: concern!(Lottery),
		inflation: concern!(Inflation),
		money: concern!(Money),
	})
}

impl pallet_chain_config::ParameterStore<RuntimeParameters> for Store {
	fn current() -> ProtocolParameters {
		stored(None).unwrap_or_else(pallet_chain_config::preset::<Test>)
	}

	fn is_readable() -> bool {
		stored(None).is_some()
	}

	fn with(update: &RuntimeParameters) -> Result<ProtocolParameters, UpdateError> {
		let RuntimeParameters::Protocol(update) = update;
		let deletes = matches!(
			update,
			Concern::Rounds(_, None)
				| Concern::Staking(_, None)
				| Concern::Election(_, None)
				| Concern::Jobs(_, None)
				| Concern::Lottery(_, None)
				| Concern::Inflation(_, None)
				| Concern::Money(_, None)
		);
		if deletes {
			return Err(UpdateError::ValueMissing);
		}
		stored(Some(update)).ok_or(UpdateError::Unreadable)
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
	/// Whether the current block is closed.
	pub static IsClosed: bool = false;
}

impl pallet_chain_config::Config for Test {
	type IsClosed = IsClosed;
	type Store = Store;
	type Update = RuntimeParameters;
	type WeightInfo = ();
}

/// An update of the concern `rounds`.
pub fn rounds(value: RoundsParameters) -> RuntimeParameters {
	RuntimeParameters::Protocol(Concern::Rounds(concern::Rounds, Some(value.into())))
}

/// An update of the concern `lottery`.
pub fn lottery(value: LotteryParameters) -> RuntimeParameters {
	RuntimeParameters::Protocol(Concern::Lottery(concern::Lottery, Some(value.into())))
}

/// An update of the concern `money`.
pub fn money(value: MoneyParameters) -> RuntimeParameters {
	RuntimeParameters::Protocol(Concern::Money(concern::Money, Some(value.into())))
}

/// The updates that together set `to`.
pub fn all(to: &ProtocolParameters) -> [RuntimeParameters; 7] {
	[
		Concern::Rounds(concern::Rounds, Some(to.rounds.into())),
		Concern::Staking(concern::Staking, Some(to.staking.into())),
		Concern::Election(concern::Election, Some(to.election.into())),
		Concern::Jobs(concern::Jobs, Some(to.jobs.into())),
		Concern::Lottery(concern::Lottery, Some(to.lottery.into())),
		Concern::Inflation(concern::Inflation, Some(to.inflation.into())),
		Concern::Money(concern::Money, Some(to.money.into())),
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

/// The storage of a local network at genesis.
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
