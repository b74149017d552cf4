//! Every preset builds, and says what it should.

use crate::{
	configs::timing::{SessionLength, SlotDuration},
	genesis_config_presets::{get_preset, preset_names, PRODUCTION_RUNTIME_PRESET},
	Assets, Babe, Balances, Runtime, RuntimeGenesisConfig, Session,
};
use frame_support::traits::fungibles::Inspect;
use livepeer_primitives::ETH;
use sp_keyring::Sr25519Keyring;
use sp_runtime::{traits::Get, BuildStorage};

/// A chain's state after genesis.
fn genesis(preset: &str) -> sp_io::TestExternalities {
	let patch: serde_json::Value =
		serde_json::from_slice(&get_preset(&preset.into()).unwrap()).unwrap();
	let mut json = serde_json::to_value(RuntimeGenesisConfig::default()).unwrap();
	merge(&mut json, patch);
	let config: RuntimeGenesisConfig = serde_json::from_value(json).unwrap();
	config.build_storage().unwrap().into()
}

fn merge(into: &mut serde_json::Value, patch: serde_json::Value) {
	match (into, patch) {
		(serde_json::Value::Object(into), serde_json::Value::Object(patch)) => {
			for (key, value) in patch {
				merge(into.entry(key).or_insert(serde_json::Value::Null), value);
			}
		}
		(into, patch) => *into = patch,
	}
}

#[test]
fn development_should_have_one_validator_and_a_short_clock() {
	genesis(sp_genesis_builder::DEV_RUNTIME_PRESET).execute_with(|| {
		assert_eq!(Session::validators(), vec![Sr25519Keyring::Alice.to_account_id()]);
		assert_eq!(Babe::authorities().len(), 1);
		assert_eq!((SlotDuration::get(), SessionLength::get()), (2_000, 10));
		assert_eq!(Babe::slot_duration(), 2_000);
	});
}

#[test]
fn local_testnet_should_have_five_validators() {
	genesis(sp_genesis_builder::LOCAL_TESTNET_RUNTIME_PRESET).execute_with(|| {
		assert_eq!(Session::validators().len(), 5);
		assert!(Assets::balance(ETH, Sr25519Keyring::Bob.to_account_id()) > 0);
	});
}

#[test]
fn production_should_know_no_development_key() {
	let preset = String::from_utf8(get_preset(&PRODUCTION_RUNTIME_PRESET.into()).unwrap()).unwrap();
	for key in Sr25519Keyring::well_known() {
		assert!(!preset.contains(&key.to_account_id().to_string()));
	}
}

#[test]
fn eth_should_have_no_owner_with_a_key() {
	genesis(sp_genesis_builder::DEV_RUNTIME_PRESET).execute_with(|| {
		let owner = pallet_assets::Pallet::<Runtime>::owner(ETH).unwrap();
		assert_eq!(owner, crate::configs::money::eth_owner());
		assert!(Assets::asset_exists(ETH));
		assert!(Balances::total_issuance() > 0);
	});
}

#[test]
fn names_should_be_those_that_tools_expect() {
	assert_eq!(preset_names(), ["development", "local_testnet", "production"]);
}
