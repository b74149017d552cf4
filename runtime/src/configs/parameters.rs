//! The parameters of the protocol: one stored value per concern, each a struct of
//! `livepeer_primitives::params` with its version.

use crate::{Runtime, RuntimeEvent};
use dynamic_params::protocol::{self, Parameters as Concern};
use frame_support::{
	dynamic_params::{dynamic_pallet_params, dynamic_params},
	migrations::FailedMigrationHandler,
	traits::{dynamic_params::AggregatedKeyValue, AsEnsureOriginWithArg, Get, OnRuntimeUpgrade},
	weights::Weight,
};
use frame_system::EnsureNever;
use livepeer_primitives::{
	params::{
		unversioned, ElectionParameters, ElectionStored, InflationParameters, InflationStored,
		JobsParameters, JobsStored, LotteryParameters, LotteryStored, MoneyParameters, MoneyStored,
		ProtocolParameters, RoundsParameters, RoundsStored, StakingParameters, StakingStored,
	},
	AccountId,
};
use pallet_chain_config::{ParameterStore, UpdateError};

/// What pallet-parameters stores. Only [`Store`] and the types below read it: the macro's own
/// getters return production's values if a stored one cannot be read.
#[dynamic_params(RuntimeParameters, pallet_parameters::Parameters::<Runtime>)]
pub mod dynamic_params {
	use super::*;

	/// The protocol's parameters.
	#[dynamic_pallet_params]
	#[codec(index = 0)]
	pub mod protocol {
		/// The round clock.
		#[codec(index = 0)]
		pub static Rounds: RoundsStored = RoundsStored::V1(ProtocolParameters::production().rounds);
		/// Stake.
		#[codec(index = 1)]
		pub static Staking: StakingStored =
			StakingStored::V1(ProtocolParameters::production().staking);
		/// Election.
		#[codec(index = 2)]
		pub static Election: ElectionStored =
			ElectionStored::V1(ProtocolParameters::production().election);
		/// Jobs.
		#[codec(index = 3)]
		pub static Jobs: JobsStored = JobsStored::V1(ProtocolParameters::production().jobs);
		/// The lottery.
		#[codec(index = 4)]
		pub static Lottery: LotteryStored =
			LotteryStored::V1(ProtocolParameters::production().lottery);
		/// Inflation.
		#[codec(index = 5)]
		pub static Inflation: InflationStored =
			InflationStored::V1(ProtocolParameters::production().inflation);
		/// The rate of LPT and ETH, and what judges are paid in LPT.
		#[codec(index = 6)]
		pub static Money: MoneyStored = MoneyStored::V1(ProtocolParameters::production().money);
	}
}

#[cfg(feature = "runtime-benchmarks")]
impl Default for RuntimeParameters {
	fn default() -> Self {
		let rounds = ProtocolParameters::production().rounds;
		RuntimeParameters::Protocol(Concern::Rounds(protocol::Rounds, Some(rounds.into())))
	}
}

macro_rules! in_force {
	($($(#[$doc:meta])* $name:ident: $value:ident, $field:ident;)*) => {$(
		$(#[$doc])*
		pub struct $name;

		impl $name {
			/// The stored value, in its newest shape; `None` if it cannot be read.
			fn stored() -> Option<$value> {
				let key = protocol::ParametersKey::$name(protocol::$name);
				let key = RuntimeParametersKey::Protocol(key);
				match pallet_parameters::Parameters::<Runtime>::get(key)? {
					RuntimeParametersValue::Protocol(protocol::ParametersValue::$name(stored)) => {
						Some(stored.into())
					}
					_ => None,
				}
			}
		}

		impl Get<$value> for $name {
			fn get() -> $value {
				Self::stored()
					.unwrap_or_else(|| pallet_chain_config::preset::<Runtime>().$field)
			}
		}
	)*};
}

in_force! {
	/// The round clock.
	Rounds: RoundsParameters, rounds;
	/// Stake.
	Staking: StakingParameters, staking;
	/// Election.
	Election: ElectionParameters, election;
	/// Jobs.
	Jobs: JobsParameters, jobs;
	/// The lottery.
	Lottery: LotteryParameters, lottery;
	/// Inflation.
	Inflation: InflationParameters, inflation;
	/// The rate of LPT and ETH, and what judges are paid in LPT.
	Money: MoneyParameters, money;
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
			inflation: Inflation::get(),
			money: Money::get(),
		}
	}

	fn is_readable() -> bool {
		Rounds::stored().is_some()
			&& Staking::stored().is_some()
			&& Election::stored().is_some()
			&& Jobs::stored().is_some()
			&& Lottery::stored().is_some()
			&& Inflation::stored().is_some()
			&& Money::stored().is_some()
	}

	fn with(update: &RuntimeParameters) -> Result<ProtocolParameters, UpdateError> {
		use Concern as C;
		let RuntimeParameters::Protocol(update) = update;
		let mut all = Self::current();
		// The other concerns must be readable, because the check needs them.
		let readable = [
			matches!(update, C::Rounds(..)) || Rounds::stored().is_some(),
			matches!(update, C::Staking(..)) || Staking::stored().is_some(),
			matches!(update, C::Election(..)) || Election::stored().is_some(),
			matches!(update, C::Jobs(..)) || Jobs::stored().is_some(),
			matches!(update, C::Lottery(..)) || Lottery::stored().is_some(),
			matches!(update, C::Inflation(..)) || Inflation::stored().is_some(),
			matches!(update, C::Money(..)) || Money::stored().is_some(),
		];
		let missing = UpdateError::ValueMissing;
		match *update {
			C::Rounds(_, value) => all.rounds = value.ok_or(missing)?.into(),
			C::Staking(_, value) => all.staking = value.ok_or(missing)?.into(),
			C::Election(_, value) => all.election = value.ok_or(missing)?.into(),
			C::Jobs(_, value) => all.jobs = value.ok_or(missing)?.into(),
			C::Lottery(_, value) => all.lottery = value.ok_or(missing)?.into(),
			C::Inflation(_, value) => all.inflation = value.ok_or(missing)?.into(),
			C::Money(_, value) => all.money = value.ok_or(missing)?.into(),
		}
		readable.into_iter().all(|is| is).then_some(all).ok_or(UpdateError::Unreadable)
	}

	fn store(update: RuntimeParameters) {
		Self::put(update);
	}

	fn store_all(parameters: &ProtocolParameters) {
		[
			Concern::Rounds(protocol::Rounds, Some(parameters.rounds.into())),
			Concern::Staking(protocol::Staking, Some(parameters.staking.into())),
			Concern::Election(protocol::Election, Some(parameters.election.into())),
			Concern::Jobs(protocol::Jobs, Some(parameters.jobs.into())),
			Concern::Lottery(protocol::Lottery, Some(parameters.lottery.into())),
			Concern::Inflation(protocol::Inflation, Some(parameters.inflation.into())),
			Concern::Money(protocol::Money, Some(parameters.money.into())),
		]
		.into_iter()
		.for_each(|update| Self::put(RuntimeParameters::Protocol(update)));
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn longest_update() -> RuntimeParameters {
		let lottery = Lottery::get();
		RuntimeParameters::Protocol(Concern::Lottery(protocol::Lottery, Some(lottery.into())))
	}
}

/// Adds a version to the parameters of a chain that stored them without one, and creates the
/// concerns that it did not have. A value that cannot be read in either form is not replaced by a
/// preset's: it stays, and the chain waits for governance to repair it, as after any migration that
/// fails. Does nothing if all of them have a version.
pub struct GiveVersions;

impl GiveVersions {
	/// Reads the stored value of a concern, in its own shape or without a version; returns whether
	/// it could be read. `variant` is the concern's number.
	fn give<New, Old>(
		key: protocol::ParametersKey,
		variant: u8,
		put: impl Fn(New) -> Concern,
	) -> bool
	where
		New: From<Old>,
		Old: codec::Decode,
	{
		use codec::DecodeAll;
		let key = RuntimeParametersKey::Protocol(key);
		let place = pallet_parameters::Parameters::<Runtime>::hashed_key_for(key);
		let Some(bytes) = frame_support::storage::unhashed::get_raw(&place) else { return false };
		if RuntimeParametersValue::decode_all(&mut &bytes[..]).is_ok() {
			return true;
		}
		// The bytes are the pallet's number, the concern's number, and the old value.
		let Some(old) = bytes.strip_prefix(&[0, variant]) else { return false };
		let Ok(old) = Old::decode_all(&mut &old[..]) else { return false };
		Store::put(RuntimeParameters::Protocol(put(old.into())));
		true
	}

	/// Stores `preset` for a concern that the first chains did not have, if it is absent; returns
	/// whether the stored value can be read.
	fn begin(key: protocol::ParametersKey, preset: Concern) -> bool {
		use codec::DecodeAll;
		let key = RuntimeParametersKey::Protocol(key);
		let place = pallet_parameters::Parameters::<Runtime>::hashed_key_for(key);
		if let Some(bytes) = frame_support::storage::unhashed::get_raw(&place) {
			return RuntimeParametersValue::decode_all(&mut &bytes[..]).is_ok();
		}
		Store::put(RuntimeParameters::Protocol(preset));
		true
	}
}

impl OnRuntimeUpgrade for GiveVersions {
	fn on_runtime_upgrade() -> Weight {
		use protocol::ParametersKey as Key;
		// Concerns that the first chains did not have begin as in genesis.
		let preset = pallet_chain_config::preset::<Runtime>();
		let readable = [
			Self::give::<RoundsParameters, RoundsParameters>(
				Key::Rounds(protocol::Rounds),
				0,
				|value| Concern::Rounds(protocol::Rounds, Some(value.into())),
			),
			Self::give::<StakingParameters, StakingParameters>(
				Key::Staking(protocol::Staking),
				1,
				|value| Concern::Staking(protocol::Staking, Some(value.into())),
			),
			Self::give::<ElectionParameters, unversioned::Election>(
				Key::Election(protocol::Election),
				2,
				|value| Concern::Election(protocol::Election, Some(value.into())),
			),
			Self::give::<JobsParameters, unversioned::Jobs>(
				Key::Jobs(protocol::Jobs),
				3,
				|value| Concern::Jobs(protocol::Jobs, Some(value.into())),
			),
			Self::give::<LotteryParameters, unversioned::Lottery>(
				Key::Lottery(protocol::Lottery),
				4,
				|value| Concern::Lottery(protocol::Lottery, Some(value.into())),
			),
			Self::begin(
				Key::Inflation(protocol::Inflation),
				Concern::Inflation(protocol::Inflation, Some(preset.inflation.into())),
			),
			Self::begin(
				Key::Money(protocol::Money),
				Concern::Money(protocol::Money, Some(preset.money.into())),
			),
		];
		if readable.contains(&false) {
			log::error!(
				target: "runtime::parameters",
				"a stored parameter cannot be read (rounds, staking, election, jobs, lottery, \
				 inflation, money: {readable:?}); the chain waits for governance",
			);
			let _ = super::governance::SafeModeUntilMended::failed(None);
		}
		<Runtime as frame_system::Config>::DbWeight::get().reads_writes(8, 7)
	}

	#[cfg(feature = "try-runtime")]
	fn post_upgrade(_: alloc::vec::Vec<u8>) -> Result<(), sp_runtime::TryRuntimeError> {
		frame_support::ensure!(Store::is_readable(), "a stored parameter cannot be read");
		Ok(())
	}
}

impl pallet_chain_config::Config for Runtime {
	type IsClosed = super::governance::IsClosed;
	type Store = Store;
	type Update = RuntimeParameters;
	type WeightInfo = pallet_chain_config::weights::SubstrateWeight<Runtime>;
}

impl pallet_parameters::Config for Runtime {
	/// Nobody, because this pallet checks nothing. The checked call of chain-config is the only way
	/// to change parameters.
	type AdminOrigin = AsEnsureOriginWithArg<EnsureNever<AccountId>>;
	type RuntimeEvent = RuntimeEvent;
	type RuntimeParameters = RuntimeParameters;
	type WeightInfo = ();
}
