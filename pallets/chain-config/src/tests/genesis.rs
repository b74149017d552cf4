//! What a chain starts with, and which genesis it refuses.

use crate::{mock::*, BeaconWindow, MinimumPeriod, SessionLength, SlotDuration};
use frame_support::traits::{dynamic_params::AggregatedKeyValue, Get};
use livepeer_primitives::params::{ProtocolParameters, Timing};

fn timing_of_getters() -> (u64, u64, u64, u32) {
	(
		SlotDuration::<Test>::get(),
		MinimumPeriod::<Test>::get(),
		SessionLength::<Test>::get(),
		BeaconWindow::<Test>::get(),
	)
}

#[test]
fn genesis_should_write_timing_and_parameters() {
	chain(Timing::production(), ProtocolParameters::production()).execute_with(|| {
		assert_eq!(ChainConfig::timing(), Timing::production());
		assert_eq!(ChainConfig::parameters(), ProtocolParameters::production());
		assert_eq!(timing_of_getters(), (6_000, 3_000, 2_400, 100));
		ChainConfig::do_try_state().unwrap();
	});
	chain(Timing::development(), ProtocolParameters::development()).execute_with(|| {
		assert_eq!(ChainConfig::timing(), Timing::development());
		assert_eq!(ChainConfig::parameters(), ProtocolParameters::development());
		assert_eq!(timing_of_getters(), (2_000, 1_000, 10, 10));
	});
}

#[test]
fn getters_should_answer_when_there_is_no_genesis() {
	// The state in which metadata is made.
	sp_io::TestExternalities::default().execute_with(|| {
		assert_eq!(timing_of_getters(), (2_000, 1_000, 10, 10));
		assert_eq!(ChainConfig::parameters(), DEV);
	});
}

#[test]
fn parameters_should_be_stored_when_they_equal_the_codes_defaults() {
	// Otherwise an upgrade that changes a default would change a running chain.
	chain(Timing::production(), ProtocolParameters::production()).execute_with(|| {
		assert_eq!(pallet_parameters::Parameters::<Test>::iter().count(), 7);
	});
}

#[test]
fn concerns_should_be_stored_with_their_version() {
	use codec::Encode;
	new_test_ext().execute_with(|| {
		let (key, _) = AggregatedKeyValue::into_parts(rounds(DEV.rounds));
		let key = pallet_parameters::Parameters::<Test>::hashed_key_for(key);
		// Pallet, concern, version, value.
		let expected = [&[0, 0, 1][..], &DEV.rounds.encode()].concat();
		assert_eq!(sp_io::storage::get(&key).unwrap(), expected);
	});
}

#[test]
fn genesis_should_read_the_same_from_json() {
	let config = crate::GenesisConfig::<Test> {
		timing: Timing::production(),
		parameters: ProtocolParameters::production(),
		..Default::default()
	};
	let json = serde_json::to_value(&config).unwrap();
	assert_eq!(json["timing"]["slot_duration"], 6_000);
	let back: crate::GenesisConfig<Test> = serde_json::from_value(json).unwrap();
	assert_eq!((back.timing, back.parameters), (config.timing, config.parameters));
}

#[test]
fn genesis_should_refuse_json_when_it_names_an_unknown_parameter() {
	let mut json = serde_json::to_value(crate::GenesisConfig::<Test>::default()).unwrap();
	json["parameters"]["rounds"]["lenght"] = 10.into();
	assert!(serde_json::from_value::<crate::GenesisConfig<Test>>(json).is_err());
}

macro_rules! refuses {
	($($name:ident: $timing:expr, $parameters:expr, $rule:literal;)*) => {
		$(
			#[test]
			#[should_panic(expected = $rule)]
			fn $name() {
				let _ = chain($timing, $parameters);
			}
		)*
	};
}

const DEV: ProtocolParameters = ProtocolParameters::development();
const TIMING: Timing = Timing::development();

refuses! {
	genesis_should_panic_when_slots_have_no_length:
		Timing { slot_duration: 0, ..TIMING }, DEV,
		"TooSmall { parameter: SlotDuration, lowest: 1000 }";
	genesis_should_panic_when_sessions_have_no_length:
		Timing { session_length: 0, ..TIMING }, DEV,
		"TooSmall { parameter: SessionLength, lowest: 1 }";
	genesis_should_panic_when_windows_have_no_length:
		Timing { beacon_window: 0, ..TIMING }, DEV,
		"TooSmall { parameter: BeaconWindow, lowest: 1 }";
	genesis_should_panic_when_a_window_is_longer_than_a_round:
		Timing { beacon_window: DEV.rounds.length + 1, ..TIMING }, DEV,
		"Broken(WindowWithinRound)";
	genesis_should_panic_when_stake_could_leave_too_early:
		TIMING, with_liability_window(4), "Broken(LiabilityOutlivesClaims)";
	genesis_should_panic_when_unbonding_is_shorter_than_liability:
		TIMING, with_liability_window(16), "Broken(UnbondingWithinLiability)";
}

fn with_liability_window(rounds: u32) -> ProtocolParameters {
	let mut parameters = DEV;
	parameters.staking.liability_window = rounds;
	parameters
}
