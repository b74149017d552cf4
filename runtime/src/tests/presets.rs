//! Every preset builds, and contains what it should.

use crate::{
	configs::timing::{SessionLength, SlotDuration},
	constants::money::LPT,
	genesis_config_presets::{
		bootstrap, genesis_config, get_preset, preset_names, session_keys_from_seed, Bootstrap,
		PRODUCTION_RUNTIME_PRESET,
	},
	Assets, Babe, Balances, ChainConfig, LptStaking, RuntimeGenesisConfig, Session,
	TranscoderElection,
};
use frame_support::traits::fungibles::Inspect;
use livepeer_primitives::{
	params::ProtocolParameters,
	traits::{Stake, TranscoderDirectory, ValidatorsInForce},
	AccountId, ETH, UNIT,
};
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie};
use sp_runtime::{traits::Get, BuildStorage};

fn config(preset: &str, patch: serde_json::Value) -> RuntimeGenesisConfig {
	genesis_config(preset, patch).unwrap()
}

/// A chain's state after genesis.
pub(crate) fn genesis(preset: &str) -> sp_io::TestExternalities {
	config(preset, serde_json::json!({})).build_storage().unwrap().into()
}

#[test]
fn development_should_have_one_validator_and_a_short_clock() {
	genesis(sp_genesis_builder::DEV_RUNTIME_PRESET).execute_with(|| {
		assert_eq!(Session::validators(), vec![Sr25519Keyring::Alice.to_account_id()]);
		assert_eq!(Babe::authorities().len(), 1);
		assert_eq!((SlotDuration::get(), SessionLength::get()), (2_000, 10));
		assert_eq!(Babe::slot_duration(), 2_000);
		assert_eq!(ChainConfig::parameters(), ProtocolParameters::development());
	});
}

#[test]
fn development_should_let_bob_and_charlie_transcode_when_they_say_so() {
	genesis(sp_genesis_builder::DEV_RUNTIME_PRESET).execute_with(|| {
		let [alice, bob, charlie] = [Alice, Bob, Charlie].map(|key| key.to_account_id());
		let seats = TranscoderElection::active_set().seats;
		let accounts: Vec<_> = seats.iter().map(|seat| seat.account.clone()).collect();
		assert_eq!(accounts[..3], [alice.clone(), bob.clone(), charlie]);
		// Genesis stake, including delegations, counts from round 0.
		assert_eq!(LptStaking::active_stake(&alice), 10_000 * LPT);
		assert_eq!(LptStaking::active_stake(&bob), 6_000 * LPT);
		// A transcoder takes no work before its operator has announced its address.
		assert!(TranscoderElection::candidates().is_empty());
		assert!(Session::load_keys(&bob).is_none());
	});
}

#[test]
fn development_should_have_a_bonded_a_delegated_and_a_waiting_set() {
	use crate::genesis_config_presets::candidate;
	genesis(sp_genesis_builder::DEV_RUNTIME_PRESET).execute_with(|| {
		let seats = TranscoderElection::active_set().seats;
		assert_eq!(seats.len() as u32, ProtocolParameters::development().election.active_size);
		assert!(!seats.iter().any(|seat| seat.random), "nobody is drawn without chance");
		let waiting: Vec<_> =
			TranscoderElection::waiting().into_iter().map(|(account, _)| account).collect();
		// The transcoders with the least stake.
		assert_eq!(waiting, [candidate(2), candidate(1)]);
		let delegated = Sr25519Keyring::BobStash.to_account_id();
		assert_eq!(LptStaking::delegate_of(&delegated), Some(Bob.to_account_id()));
	});
}

#[test]
fn every_preset_should_keep_every_invariant_when_built() {
	let chains = [
		config(sp_genesis_builder::DEV_RUNTIME_PRESET, serde_json::json!({})),
		config(sp_genesis_builder::LOCAL_TESTNET_RUNTIME_PRESET, serde_json::json!({})),
		config(PRODUCTION_RUNTIME_PRESET, bootstrapped()),
	];
	for chain in chains {
		let mut state: sp_io::TestExternalities = chain.build_storage().unwrap().into();
		state.execute_with(|| {
			#[cfg(feature = "try-runtime")]
			{
				use frame_support::traits::{TryState, TryStateSelect};
				let checked =
					<crate::AllPalletsWithSystem as TryState<crate::BlockNumber>>::try_state(
						0,
						TryStateSelect::All,
					);
				assert_eq!(checked, Ok(()));
			}
			assert!(!Session::validators().is_empty());
			// Only accounts with verifier keys and stake can judge.
			let seated = crate::configs::video::SeatedInForce::validators_in_force();
			assert_eq!(seated.members.len(), Session::validators().len());
			assert!(seated.members.iter().all(|validator| validator.stake > 0));
		});
	}
}

/// Seven validators of a production chain.
fn bootstrapped() -> serde_json::Value {
	let account = |index: u8| AccountId::new([index; 32]);
	let validators = (1..=7)
		.map(|index| Bootstrap {
			account: account(index),
			keys: session_keys_from_seed(&index.to_string()),
			stake: 2_000 * LPT,
			price: UNIT / 100_000,
		})
		.collect();
	let allocations = (1..=8).map(|index| (account(index), 3_000 * LPT)).collect();
	bootstrap(validators, allocations, account(8))
}

#[test]
fn production_should_begin_with_those_that_its_file_names() {
	let chain = config(PRODUCTION_RUNTIME_PRESET, bootstrapped());
	let mut state: sp_io::TestExternalities = chain.build_storage().unwrap().into();
	state.execute_with(|| {
		assert_eq!(Session::validators().len(), 7);
		assert_eq!((SlotDuration::get(), SessionLength::get()), (6_000, 2_400));
		assert_eq!(ChainConfig::parameters(), ProtocolParameters::production());
		assert_eq!(Balances::free_balance(AccountId::new([1; 32])), 1_000 * LPT);
		assert_eq!(Assets::total_issuance(ETH), livepeer_primitives::ETH_MINIMUM);
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
		let owner =
			<Assets as frame_support::traits::fungibles::roles::Inspect<AccountId>>::owner(ETH)
				.unwrap();
		assert_eq!(owner, crate::configs::money::eth_owner());
		assert!(Assets::asset_exists(ETH));
		assert!(Balances::total_issuance() > 0);
	});
}

#[test]
fn names_should_be_those_that_tools_expect() {
	assert_eq!(preset_names(), ["development", "local_testnet", "production"]);
}
