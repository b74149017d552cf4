//! The genesis presets `development`, `local_testnet` and `production`.
//!
//! The first two use well-known keys and a short clock. `production` names nobody: the node adds
//! the bootstrap validators and the allocations of LPT from a file when it builds the chain
//! specification.

use crate::{
	configs::money::eth_owner,
	constants::{consensus::BABE_CONFIG, money::LPT},
	AssetsConfig, BabeConfig, Balance, BalancesConfig, ChainConfigConfig, ChallengeLotteryConfig,
	EthLightClientConfig, LptStakingConfig, RuntimeGenesisConfig, SessionConfig, SessionKeys,
	SudoConfig, TranscoderElectionConfig,
};
use alloc::{string::ToString, vec, vec::Vec};
use frame_support::{build_struct_json_patch, BoundedVec};
use livepeer_primitives::{
	duty::Profiles,
	keys::VerifierId,
	params::{ProtocolParameters, Timing},
	service::ServiceRecord,
	toolchain::DEBIAN_12_V1,
	AccountId, ETH, ETH_MINIMUM, UNIT,
};
use pallet_eth_light_client::{Fork, Layout, Network};
use pallet_transcoder_election::Terms;
use serde_json::Value;
use sp_authority_discovery::AuthorityId as AuthorityDiscoveryId;
use sp_consensus_babe::AuthorityId as BabeId;
use sp_consensus_beefy::ecdsa_crypto::AuthorityId as BeefyId;
use sp_consensus_grandpa::AuthorityId as GrandpaId;
use sp_core::{crypto::get_public_from_string_or_panic, H256};
use sp_genesis_builder::{PresetId, DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};
use sp_keyring::Sr25519Keyring;
use sp_runtime::Perbill;

/// The preset with which a public network starts.
pub const PRODUCTION_RUNTIME_PRESET: &str = "production";

/// LPT of each well-known account.
const DEVELOPMENT_LPT: Balance = 1_000_000 * LPT;
/// ETH of each well-known account.
const DEVELOPMENT_ETH: Balance = 1_000 * UNIT;
/// The bond of each validator of the local chains.
const DEVELOPMENT_VALIDATOR_BOND: Balance = 10_000 * LPT;
/// The bond of each transcoder of the local chains that does not validate.
const DEVELOPMENT_TRANSCODER_BOND: Balance = 5_000 * LPT;
/// The delegation to Bob; Charlie gets half of it.
const DEVELOPMENT_DELEGATION: Balance = 1_000 * LPT;
/// The least bond of the candidates of the local chains that do nothing yet. Each has one LPT more
/// than the one before.
const DEVELOPMENT_CANDIDATE_BOND: Balance = 60 * LPT;
/// How many of them `development` has: five take the remaining seats, two wait.
const DEVELOPMENT_CANDIDATES: u32 = 7;
/// The lowest price of a standard segment on the local chains: 10^13 wei.
const DEVELOPMENT_PRICE: Balance = UNIT / 100_000;

/// The session keys of a node that was started with `--alice` and the like.
pub fn session_keys_from_seed(seed: &str) -> SessionKeys {
	SessionKeys {
		babe: get_public_from_string_or_panic::<BabeId>(seed),
		grandpa: get_public_from_string_or_panic::<GrandpaId>(seed),
		authority_discovery: get_public_from_string_or_panic::<AuthorityDiscoveryId>(seed),
		beefy: get_public_from_string_or_panic::<BeefyId>(seed),
		verifier: get_public_from_string_or_panic::<VerifierId>(seed),
	}
}

/// ETH: an asset that can be the only one of an account, and that no call can mint.
fn eth(accounts: Vec<AccountId>) -> AssetsConfig {
	AssetsConfig {
		assets: vec![(ETH, eth_owner(), true, ETH_MINIMUM)],
		metadata: vec![(ETH, b"Ether".to_vec(), b"ETH".to_vec(), 18)],
		accounts: accounts.into_iter().map(|account| (ETH, account, DEVELOPMENT_ETH)).collect(),
		..Default::default()
	}
}

/// A registered transcoder that takes no work until its operator sets where it is reached and how
/// much it takes.
fn transcoder(
	account: AccountId,
	price: Balance,
) -> (AccountId, Terms, ServiceRecord, u64, Profiles) {
	let terms = Terms {
		price,
		reward_cut: Perbill::from_percent(10),
		fee_share: Perbill::from_percent(50),
	};
	(account, terms, ServiceRecord::default(), 0, Profiles::default())
}

/// The account of the key `//Candidate1` and the like.
pub fn candidate(number: u32) -> AccountId {
	let name = alloc::format!("Candidate{number}");
	AccountId::new(get_public_from_string_or_panic::<sp_core::sr25519::Public>(&name).0)
}

/// A chain of well-known keys in which `validators` validate. They are registered, and so are
/// `transcoders` and this many `candidates`.
fn well_known(
	validators: &[Sr25519Keyring],
	transcoders: &[Sr25519Keyring],
	candidates: u32,
) -> Value {
	use Sr25519Keyring::{Bob, BobStash, Charlie, CharlieStash};
	let candidates: Vec<AccountId> = (1..=candidates).map(candidate).collect();
	let own = validators
		.iter()
		.map(|key| (key.to_account_id(), DEVELOPMENT_VALIDATOR_BOND))
		.chain(transcoders.iter().map(|key| (key.to_account_id(), DEVELOPMENT_TRANSCODER_BOND)))
		.chain(candidates.iter().cloned().zip(0..).map(|(account, more): (_, Balance)| {
			(account, DEVELOPMENT_CANDIDATE_BOND + more * LPT)
		}));
	// These delegators do not validate, so that nobody is excluded from committees because of them.
	let delegated = [
		(BobStash, Bob, DEVELOPMENT_DELEGATION),
		(CharlieStash, Charlie, DEVELOPMENT_DELEGATION / 2),
	];
	let bonds: Vec<(AccountId, AccountId, Balance)> = own
		.clone()
		.map(|(account, amount)| (account.clone(), account, amount))
		.chain(
			delegated
				.into_iter()
				.map(|(from, to, amount)| (from.to_account_id(), to.to_account_id(), amount)),
		)
		.collect();
	let registered: Vec<_> = own
		.enumerate()
		.map(|(index, (account, _))| {
			// Each asks a tenth more than the one before.
			let price = DEVELOPMENT_PRICE + DEVELOPMENT_PRICE / 10 * index as Balance;
			transcoder(account, price)
		})
		.collect();
	let accounts: Vec<AccountId> =
		Sr25519Keyring::well_known().map(|key| key.to_account_id()).chain(candidates).collect();
	build_struct_json_patch!(RuntimeGenesisConfig {
		chain_config: ChainConfigConfig {
			timing: Timing::development(),
			parameters: ProtocolParameters::development(),
		},
		babe: BabeConfig { epoch_config: BABE_CONFIG },
		balances: BalancesConfig {
			balances: accounts.iter().cloned().map(|account| (account, DEVELOPMENT_LPT)).collect(),
		},
		assets: eth(accounts),
		session: SessionConfig {
			keys: validators
				.iter()
				.map(|key| {
					let account = key.to_account_id();
					(account.clone(), account, session_keys_from_seed(&key.to_string()))
				})
				.collect(),
		},
		lpt_staking: LptStakingConfig { bonds: bonds },
		transcoder_election: TranscoderElectionConfig { transcoders: registered },
		challenge_lottery: ChallengeLotteryConfig { toolchains: vec![DEBIAN_12_V1] },
		sudo: SudoConfig { key: Some(Sr25519Keyring::Alice.to_account_id()) },
	})
}

/// Alice validates; Bob and Charlie can transcode and have delegators. More candidates are
/// registered than there are seats, so two of them wait.
fn development() -> Value {
	use Sr25519Keyring::{Alice, Bob, Charlie};
	well_known(&[Alice], &[Bob, Charlie], DEVELOPMENT_CANDIDATES)
}

/// Five validators, Alice to Eve. All are registered, so each can transcode too.
fn local_testnet() -> Value {
	use Sr25519Keyring::{Alice, Bob, Charlie, Dave, Eve};
	well_known(&[Alice, Bob, Charlie, Dave, Eve], &[], 0)
}

/// Ethereum's main network. Governance sets the forks after Fulu when their epochs are known.
fn ethereum() -> Network {
	let fork = |version, epoch, layout| Fork { version, epoch, layout: Some(layout) };
	Network {
		genesis_validators_root: H256([
			0x4b, 0x36, 0x3d, 0xb9, 0x4e, 0x28, 0x61, 0x20, 0xd7, 0x6e, 0xb9, 0x05, 0x34, 0x0f,
			0xdd, 0x4e, 0x54, 0xbf, 0xe9, 0xf0, 0x6b, 0xf3, 0x3f, 0xf6, 0xcf, 0x5a, 0xd2, 0x7f,
			0x51, 0x1b, 0xfe, 0x95,
		]),
		genesis_time: 1_606_824_023,
		seconds_per_slot: 12,
		forks: BoundedVec::truncate_from(vec![
			fork([4, 0, 0, 0], 269_568, Layout::DENEB),
			fork([5, 0, 0, 0], 364_032, Layout::ELECTRA),
			fork([6, 0, 0, 0], 411_392, Layout::ELECTRA),
		]),
	}
}

/// A chain without any accounts yet.
fn production() -> Value {
	build_struct_json_patch!(RuntimeGenesisConfig {
		chain_config: ChainConfigConfig {
			timing: Timing::production(),
			parameters: ProtocolParameters::production(),
		},
		babe: BabeConfig { epoch_config: BABE_CONFIG },
		assets: eth(Vec::new()),
		challenge_lottery: ChallengeLotteryConfig { toolchains: vec![DEBIAN_12_V1] },
		eth_light_client: EthLightClientConfig { network: Some(ethereum()) },
	})
}

/// A validator of a chain's genesis.
pub struct Bootstrap {
	/// Its account.
	pub account: AccountId,
	/// Its session keys.
	pub keys: SessionKeys,
	/// Its bond to itself, in LPT, out of its allocation.
	pub stake: Balance,
	/// Its price of a standard segment, in ETH, if it takes work.
	pub price: Balance,
}

/// What a production chain adds to its preset: the first validators, the owners of LPT, and the
/// holder of Sudo.
pub fn bootstrap(
	validators: Vec<Bootstrap>,
	allocations: Vec<(AccountId, Balance)>,
	sudo: AccountId,
) -> Value {
	let bonds: Vec<_> = validators
		.iter()
		.map(|validator| (validator.account.clone(), validator.account.clone(), validator.stake))
		.collect();
	let registered: Vec<_> = validators
		.iter()
		.map(|validator| transcoder(validator.account.clone(), validator.price))
		.collect();
	let keys: Vec<_> = validators
		.into_iter()
		.map(|validator| (validator.account.clone(), validator.account, validator.keys))
		.collect();
	build_struct_json_patch!(RuntimeGenesisConfig {
		balances: BalancesConfig { balances: allocations },
		lpt_staking: LptStakingConfig { bonds: bonds },
		transcoder_election: TranscoderElectionConfig { transcoders: registered },
		session: SessionConfig { keys: keys },
		sudo: SudoConfig { key: Some(sudo) },
	})
}

/// The JSON of the preset `id`.
pub fn get_preset(id: &PresetId) -> Option<Vec<u8>> {
	let patch = match id.as_ref() {
		DEV_RUNTIME_PRESET => development(),
		LOCAL_TESTNET_RUNTIME_PRESET => local_testnet(),
		PRODUCTION_RUNTIME_PRESET => production(),
		_ => return None,
	};
	serde_json::to_vec(&patch).ok()
}

/// The names of the presets.
pub fn preset_names() -> Vec<PresetId> {
	[DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET, PRODUCTION_RUNTIME_PRESET]
		.into_iter()
		.map(PresetId::from)
		.collect()
}

/// A chain's genesis: a preset with the changes of `patch`, as a node reads it from a chain
/// specification. For tests and tools on the native runtime.
///
/// # Errors
///
/// If no preset has that name, or the patch does not fit.
#[cfg(feature = "std")]
pub fn genesis_config(preset: &str, patch: Value) -> Result<RuntimeGenesisConfig, String> {
	let preset = get_preset(&preset.into()).ok_or_else(|| format!("no preset {preset}"))?;
	let build = || {
		let mut json = serde_json::to_value(RuntimeGenesisConfig::default())?;
		merge(&mut json, serde_json::from_slice(&preset)?);
		merge(&mut json, patch);
		serde_json::from_value(json)
	};
	build().map_err(|error: serde_json::Error| error.to_string())
}

/// Replaces what `patch` names, object by object.
#[cfg(feature = "std")]
fn merge(into: &mut Value, patch: Value) {
	match (into, patch) {
		(Value::Object(into), Value::Object(patch)) => {
			for (key, value) in patch {
				merge(into.entry(key).or_insert(Value::Null), value);
			}
		}
		(into, patch) => *into = patch,
	}
}
