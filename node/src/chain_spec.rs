//! Chain specifications: the built-in chains, the production chain's, and files.

use crate::cli::GenesisParams;
use codec::DecodeAll;
use livepeer_primitives::{params::ProtocolParameters, AccountId, Balance, UNIT};
use livepeer_runtime::{
	constants::money::EXISTENTIAL_DEPOSIT,
	genesis_config_presets::{bootstrap, Bootstrap, PRODUCTION_RUNTIME_PRESET},
	RuntimeGenesisConfig, SessionKeys, SS58_PREFIX, VERSION, WASM_BINARY,
};
use sc_chain_spec::{ChainSpecExtension, ChainType, Properties};
use sc_client_api::{BadBlocks, ForkBlocks};
use sc_executor::RuntimeVersion;
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};
use sp_core::crypto::Ss58Codec;
use sp_runtime::{traits::OpaqueKeys, BuildStorage};
use std::{
	collections::BTreeMap,
	fs,
	path::{Path, PathBuf},
	str::FromStr,
};

use livepeer_runtime::opaque::Block;

/// Extensions of a specification beside the genesis.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ChainSpecExtension)]
#[serde(rename_all = "camelCase")]
pub struct Extensions {
	/// The required hashes of blocks at these heights.
	pub fork_blocks: ForkBlocks<Block>,
	/// Blocks that are never imported.
	pub bad_blocks: BadBlocks<Block>,
	/// The state from which light clients start.
	pub light_sync_state: sc_sync_state_rpc::LightSyncStateExtension,
}

/// A specification.
pub type ChainSpec = sc_service::GenericChainSpec<Extensions, crate::client::HostFunctions>;

/// The LPT's name.
const TOKEN_SYMBOL: &str = "LPT";
/// Its decimals.
const TOKEN_DECIMALS: u8 = 18;

/// The specification that `id` names: a built-in chain with the changes of `genesis`, or a file.
pub fn load(id: &str, genesis: &GenesisParams) -> Result<ChainSpec, String> {
	if genesis.genesis_file.is_some() && id != "production" {
		return Err("--genesis-file goes with --chain production".into());
	}
	if !genesis.session_keys.is_empty() && !["dev", "local"].contains(&id) {
		return Err("--session-keys goes with --chain dev or --chain local".into());
	}
	match id {
		"" => Err("no chain was named: pass --chain dev, --chain local or --chain FILE".into()),
		"dev" => built_in(
			"Livepeer development",
			"livepeer_dev",
			ChainType::Development,
			sp_genesis_builder::DEV_RUNTIME_PRESET,
			session_keys(sp_genesis_builder::DEV_RUNTIME_PRESET, &genesis.session_keys)?,
		),
		"local" => built_in(
			"Livepeer local testnet",
			"livepeer_local",
			ChainType::Local,
			sp_genesis_builder::LOCAL_TESTNET_RUNTIME_PRESET,
			session_keys(sp_genesis_builder::LOCAL_TESTNET_RUNTIME_PRESET, &genesis.session_keys)?,
		),
		"production" => match &genesis.genesis_file {
			Some(path) => production(path),
			None => Err("the production chain has no built-in beginning: make its specification \
				with `livepeer-node export-chain-spec --chain production --genesis-file FILE`, \
				then pass --chain SPECIFICATION"
				.into()),
		},
		path => from_file(Path::new(path)),
	}
}

/// The same specification with its genesis already built by the runtime's native code: a node starts twice as
/// fast if it need not compile the Wasm for that.
pub fn with_genesis_built(id: &str, mut spec: ChainSpec) -> Result<ChainSpec, String> {
	let preset = match id {
		"dev" => sp_genesis_builder::DEV_RUNTIME_PRESET,
		"local" => sp_genesis_builder::LOCAL_TESTNET_RUNTIME_PRESET,
		_ => return Ok(spec),
	};
	let wrong = |error: &dyn std::fmt::Display| format!("the preset {preset} is wrong: {error}");
	let mut config =
		serde_json::to_value(RuntimeGenesisConfig::default()).map_err(|error| wrong(&error))?;
	sc_chain_spec::json_patch::merge(&mut config, preset_json(preset)?);
	let config: RuntimeGenesisConfig =
		serde_json::from_value(config).map_err(|error| wrong(&error))?;
	let mut storage = config.build_storage().map_err(|error| wrong(&error))?;
	storage.top.insert(sp_core::storage::well_known_keys::CODE.to_vec(), code()?.to_vec());
	sc_chain_spec::ChainSpec::set_storage(&mut spec, storage);
	Ok(spec)
}

fn code() -> Result<&'static [u8], String> {
	WASM_BINARY.ok_or_else(|| "this binary was built without its Wasm runtime".into())
}

fn preset_json(preset: &str) -> Result<Value, String> {
	let json = livepeer_runtime::genesis_config_presets::get_preset(&preset.into())
		.ok_or_else(|| format!("the runtime has no preset {preset}"))?;
	serde_json::from_slice(&json)
		.map_err(|error| format!("the preset {preset} is not JSON: {error}"))
}

fn properties() -> Properties {
	let mut properties = Properties::new();
	properties.insert("tokenSymbol".into(), TOKEN_SYMBOL.into());
	properties.insert("tokenDecimals".into(), TOKEN_DECIMALS.into());
	properties.insert("ss58Format".into(), SS58_PREFIX.into());
	properties
}

fn built_in(
	name: &str,
	id: &str,
	chain_type: ChainType,
	preset: &str,
	patch: Value,
) -> Result<ChainSpec, String> {
	let mut genesis = preset_json(preset)?;
	sc_chain_spec::json_patch::merge(&mut genesis, patch);
	Ok(ChainSpec::builder(code()?, Extensions::default())
		.with_name(name)
		.with_id(id)
		.with_chain_type(chain_type)
		.with_protocol_id("livepeer")
		.with_properties(properties())
		.with_genesis_config_patch(genesis)
		.build())
}

/// The genesis of a production chain. Amounts are decimal LPT, such as "1250.5".
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GenesisFile {
	/// The chain's name.
	name: String,
	/// The chain's id, also the name of its directory.
	id: String,
	/// The account that holds Sudo.
	sudo: String,
	/// The bootstrap validators.
	validators: Vec<GenesisValidator>,
	/// Allocations of LPT to accounts.
	lpt: Vec<(String, String)>,
}

/// A bootstrap validator.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GenesisValidator {
	/// Its account.
	account: String,
	/// Its session keys and their proof, as `key session` prints them.
	keys: String,
	/// The proof.
	proof: String,
	/// The LPT of its allocation that it bonds.
	stake: String,
	/// Its price of a standard segment in ETH, in case it transcodes too.
	price: String,
}

fn account(text: &str) -> Result<AccountId, String> {
	AccountId::from_str(text)
		.or_else(|_| AccountId::from_string(text))
		.map_err(|_| format!("not an account: {text}"))
}

fn bytes(text: &str) -> Result<Vec<u8>, String> {
	hex::decode(text.trim_start_matches("0x")).map_err(|_| format!("not hexadecimal: {text}"))
}

/// An amount in smallest units from decimal LPT.
fn amount(text: &str) -> Result<Balance, String> {
	let wrong = || format!("not an amount of LPT: {text}");
	let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
	let digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
	if whole.is_empty()
		|| !digits(whole)
		|| !digits(fraction)
		|| fraction.len() > usize::from(TOKEN_DECIMALS)
	{
		return Err(wrong());
	}
	let whole: Balance = whole.parse().map_err(|_| wrong())?;
	let fraction: Balance = format!("{fraction:0<18}").parse().map_err(|_| wrong())?;
	whole.checked_mul(UNIT).and_then(|whole| whole.checked_add(fraction)).ok_or_else(wrong)
}

/// An account and its session keys, after checking the proof that they are its own.
fn proven(owner: &str, keys: &str, proof: &str) -> Result<(AccountId, SessionKeys), String> {
	let who = account(owner)?;
	let keys = SessionKeys::decode_all(&mut &bytes(keys)?[..])
		.map_err(|_| format!("the session keys of {owner} cannot be read"))?;
	if !keys.ownership_proof_is_valid(who.as_ref(), &bytes(proof)?) {
		return Err(format!("the proof of the session keys of {owner} is wrong"));
	}
	Ok((who, keys))
}

/// The output of `key session --json`, as far as a genesis needs it.
#[derive(Debug, Deserialize)]
struct SessionKeysFile {
	/// The validator's account.
	owner: String,
	/// Its session keys.
	keys: String,
	/// Their proof.
	proof: String,
}

/// The changes to a preset whose validators begin with the session keys in `files`.
fn session_keys(preset: &str, files: &[PathBuf]) -> Result<Value, String> {
	if files.is_empty() {
		return Ok(json!({}));
	}
	let well_known = preset_json(preset)?.pointer("/session/keys").cloned().unwrap_or_default();
	let mut validators: Vec<(AccountId, AccountId, SessionKeys)> =
		serde_json::from_value(well_known)
			.map_err(|error| format!("the preset {preset} is wrong: {error}"))?;
	for path in files {
		let wrong = |error: String| format!("session keys {}: {error}", path.display());
		let text = fs::read(path).map_err(|error| wrong(error.to_string()))?;
		let file: SessionKeysFile =
			serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
		let (owner, keys) = proven(&file.owner, &file.keys, &file.proof).map_err(wrong)?;
		let validator = validators
			.iter_mut()
			.find(|(who, ..)| *who == owner)
			.ok_or_else(|| wrong(format!("{} is no validator of this chain", file.owner)))?;
		validator.2 = keys;
	}
	Ok(json!({ "session": { "keys": validators } }))
}

fn validator(entry: &GenesisValidator) -> Result<Bootstrap, String> {
	let (who, keys) = proven(&entry.account, &entry.keys, &entry.proof)?;
	let stake = amount(&entry.stake)?;
	let minimum = ProtocolParameters::production().election.min_validator_stake;
	if stake < minimum {
		return Err(format!(
			"the stake of {} is below the {} LPT that a validator needs",
			entry.account,
			minimum / UNIT,
		));
	}
	Ok(Bootstrap { account: who, keys, stake, price: amount(&entry.price)? })
}

fn production(path: &Path) -> Result<ChainSpec, String> {
	let wrong = |error: String| format!("genesis file {}: {error}", path.display());
	let text = fs::read(path).map_err(|error| wrong(error.to_string()))?;
	let file: GenesisFile =
		serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
	let patch = production_patch(&file).map_err(wrong)?;
	let spec = built_in(&file.name, &file.id, ChainType::Live, PRODUCTION_RUNTIME_PRESET, patch)?;
	// Finds out now if the chain cannot begin.
	spec.build_storage().map_err(wrong)?;
	Ok(spec)
}

fn production_patch(file: &GenesisFile) -> Result<Value, String> {
	if file.validators.is_empty() {
		return Err("it names no validator".into());
	}
	let validators = file.validators.iter().map(validator).collect::<Result<Vec<_>, _>>()?;
	let mut allocations = BTreeMap::new();
	for (who, lpt) in &file.lpt {
		if allocations.insert(account(who)?, amount(lpt)?).is_some() {
			return Err(format!("{who} is given LPT twice"));
		}
	}
	for validator in &validators {
		let allocated = allocations.get(&validator.account).copied().unwrap_or(0);
		// One LPT stays free for the account itself and its first transactions.
		if allocated < validator.stake.saturating_add(UNIT) {
			return Err(format!(
				"{} is given less LPT than its stake and 1",
				validator.account.to_ss58check(),
			));
		}
	}
	Ok(bootstrap(validators, allocations.into_iter().collect(), account(&file.sudo)?))
}

/// Reads a specification from a file, and refuses a chain of other software.
fn from_file(path: &Path) -> Result<ChainSpec, String> {
	if !path.exists() {
		return Err(format!(
			"unknown chain {}: it is none of dev, local and production, and no such file exists",
			path.display(),
		));
	}
	let wrong = |error: String| format!("chain specification {}: {error}", path.display());
	let text = fs::read(path).map_err(|error| wrong(error.to_string()))?;
	let json: Value = serde_json::from_slice(&text)
		.map_err(|error| wrong(format!("it is not JSON ({error})")))?;
	check_ours(&json).map_err(wrong)?;
	check_bonds(&json).map_err(wrong)?;
	ChainSpec::from_json_bytes(text).map_err(wrong)
}

/// Whether a specification's genesis and properties are those of a Livepeer chain.
fn check_ours(spec: &Value) -> Result<(), String> {
	let code = spec
		.pointer("/genesis/raw/top/0x3a636f6465")
		.or_else(|| spec.pointer("/genesis/runtimeGenesis/code"))
		.and_then(Value::as_str)
		.ok_or("it holds no runtime in its genesis")?;
	let version = runtime_version(&bytes(code).map_err(|_| "its runtime is not hexadecimal")?)?;
	if version.spec_name != VERSION.spec_name {
		return Err(format!(
			"it is of another chain: its runtime is \"{}\", not \"{}\"",
			version.spec_name, VERSION.spec_name,
		));
	}
	let expected = properties();
	for (name, value) in &expected {
		let found = spec.pointer("/properties").and_then(|properties| properties.get(name));
		if found != Some(value) {
			return Err(format!(
				"its property {name} is {}, not {value}",
				found.unwrap_or(&Value::Null),
			));
		}
	}
	Ok(())
}

/// Checks that the genesis bonds are covered. The Wasm checks that too, but can only trap.
fn check_bonds(spec: &Value) -> Result<(), String> {
	let genesis = |name: &str| spec.pointer(&format!("/genesis/runtimeGenesis/{name}")).cloned();
	let config = match (genesis("config"), genesis("patch")) {
		(Some(config), _) => config,
		(None, Some(patch)) => {
			let mut config = serde_json::to_value(RuntimeGenesisConfig::default())
				.map_err(|error| error.to_string())?;
			sc_chain_spec::json_patch::merge(&mut config, patch);
			config
		}
		// Built already.
		(None, None) => return Ok(()),
	};
	// The genesis of another runtime version is left to that version.
	let Ok(config) = serde_json::from_value::<RuntimeGenesisConfig>(config) else { return Ok(()) };
	let mut balances: BTreeMap<&AccountId, Balance> = BTreeMap::new();
	for (who, amount) in &config.balances.balances {
		balances.insert(who, *amount);
	}
	let balance = |who: &AccountId| balances.get(who).copied().unwrap_or(0);
	let checked = config.lpt_staking.check(balance, EXISTENTIAL_DEPOSIT);
	checked.map_err(|wrong| format!("the chain cannot begin: {wrong}"))
}

fn runtime_version(code: &[u8]) -> Result<RuntimeVersion, String> {
	let blob = sc_executor_common::runtime_blob::RuntimeBlob::uncompress_if_needed(code)
		.map_err(|error| format!("its runtime is not Wasm ({error})"))?;
	sc_executor::read_embedded_version(&blob)
		.ok()
		.flatten()
		.ok_or_else(|| "its runtime carries no version".into())
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn genesis_should_be_the_same_when_native_code_builds_it() -> Result<(), String> {
		for id in ["dev", "local"] {
			let spec = load(id, &GenesisParams::default())?;
			let wasm = spec.build_storage()?;
			let native = with_genesis_built(id, spec)?.build_storage()?;
			let differing = |one: &sp_core::storage::Storage, two: &sp_core::storage::Storage| {
				let differs = |key: &&Vec<u8>| one.top.get(*key) != two.top.get(*key);
				one.top.keys().filter(differs).map(hex::encode).collect::<Vec<_>>()
			};
			assert_eq!(differing(&wasm, &native), Vec::<String>::new());
			assert_eq!(differing(&native, &wasm), Vec::<String>::new());
		}
		Ok(())
	}

	#[test]
	fn amount_should_be_exact_when_it_has_decimals() {
		assert_eq!(amount("1"), Ok(UNIT));
		assert_eq!(amount("1250.5"), Ok(1250 * UNIT + UNIT / 2));
		assert_eq!(amount("0.000000000000000001"), Ok(1));
	}

	#[test]
	fn amount_should_be_refused_when_it_is_not_one() {
		for text in ["", ".5", "-1", "1e3", "1.0000000000000000001", "1.2.3", "LPT"] {
			assert!(amount(text).is_err(), "{text}");
		}
	}
}
