//! Makes session keys, with the arguments of `session.setKeys`, without a running node.

use crate::cli::{Cli, SessionKeysCmd};
use codec::{DecodeAll, Encode};
use livepeer_primitives::AccountId;
use livepeer_runtime::{Runtime, RuntimeCall, SessionKeys};
use sc_cli::SubstrateCli;
use sc_keystore::LocalKeystore;
use sc_service::config::{BasePath, KeystoreConfig};
use serde_json::json;
use sp_core::crypto::Ss58Codec;
use sp_keystore::{KeystoreExt, KeystorePtr};
use sp_runtime::traits::OpaqueKeys;
use sp_state_machine::BasicExternalities;
use std::str::FromStr;

/// Runs `key session`.
pub fn run(command: &SessionKeysCmd, cli: &Cli) -> sc_cli::Result<()> {
	let owner = AccountId::from_str(&command.owner)
		.or_else(|_| AccountId::from_string(&command.owner))
		.map_err(|_| format!("--owner {} is not an account", command.owner))?;
	let base_path = command
		.shared_params
		.base_path()?
		.unwrap_or_else(|| BasePath::from_project("", "", &Cli::executable_name()));
	let chain_id = command.shared_params.chain_id(command.shared_params.is_dev());
	let spec = cli.load_spec(&chain_id)?;
	let config_dir = base_path.config_dir(spec.id());
	let keystore: KeystorePtr = match command.keystore_params.keystore_config(&config_dir)? {
		KeystoreConfig::Path { path, password } => {
			crate::preflight::writable(&path)?;
			LocalKeystore::open(path, password)?.into()
		}
		KeystoreConfig::InMemory => return Err("session keys need a keystore on disk".into()),
	};

	let (keys, proof) = generate(keystore, &owner, command.suri.clone())?;
	let call = RuntimeCall::Session(pallet_session::Call::<Runtime>::set_keys {
		keys: keys.clone(),
		proof: proof.clone(),
	});
	let hex = |bytes: &[u8]| format!("0x{}", hex::encode(bytes));
	let single: Vec<(String, String)> = SessionKeys::key_ids()
		.iter()
		.map(|id| (String::from_utf8_lossy(&id.0).into_owned(), hex(keys.get_raw(*id))))
		.collect();
	if command.json {
		let output = json!({
			"owner": owner.to_ss58check(),
			"keys": hex(&keys.encode()),
			"proof": hex(&proof),
			"call": hex(&call.encode()),
			"each": single.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
		});
		println!("{output:#}");
		return Ok(());
	}
	println!("Session keys of {}", owner.to_ss58check());
	for (name, key) in single {
		println!("  {name}   {key}");
	}
	println!("keys   {}", hex(&keys.encode()));
	println!("proof  {}", hex(&proof));
	println!("call   {}", hex(&call.encode()));
	println!(
		"Restart the node if it runs. Then, as this account, in polkadot.js Apps: Developer → \
		 Extrinsics → Decode, paste the call, and submit it (session.setKeys).",
	);
	Ok(())
}

/// Makes keys in `keystore`, with the proof for the chain that `owner` holds them.
fn generate(
	keystore: KeystorePtr,
	owner: &AccountId,
	suri: Option<String>,
) -> Result<(SessionKeys, Vec<u8>), String> {
	let mut externalities = BasicExternalities::new_empty();
	externalities.register_extension(KeystoreExt::from(keystore));
	let generated = externalities
		.execute_with(|| SessionKeys::generate(owner.as_ref(), suri.map(String::into_bytes)));
	let (keys, proof) = (generated.keys, generated.proof.encode());
	// Checks that the chain will accept what is printed.
	let keys = SessionKeys::decode_all(&mut &keys.encode()[..])
		.map_err(|error| format!("the keys do not encode ({error})"))?;
	if !keys.ownership_proof_is_valid(owner.as_ref(), &proof) {
		return Err("the keystore made a wrong proof".into());
	}
	Ok((keys, proof))
}

#[cfg(test)]
mod tests {
	use super::*;
	use sp_keystore::testing::MemoryKeystore;
	use std::sync::Arc;

	#[test]
	fn session_keys_should_be_provable_when_random() -> Result<(), String> {
		let keystore = Arc::new(MemoryKeystore::new());
		let owner = AccountId::new([7; 32]);
		let (keys, proof) = generate(keystore, &owner, None)?;
		assert!(keys.ownership_proof_is_valid(owner.as_ref(), &proof));
		assert!(!keys.ownership_proof_is_valid(&[8; 32], &proof));
		Ok(())
	}

	#[test]
	fn session_keys_should_be_the_well_known_ones_when_seeded() -> Result<(), String> {
		let keystore = Arc::new(MemoryKeystore::new());
		let owner = AccountId::new([7; 32]);
		let (keys, _) = generate(keystore, &owner, Some("//Alice".into()))?;
		let alice = livepeer_runtime::genesis_config_presets::session_keys_from_seed("Alice");
		assert_eq!(keys, alice);
		Ok(())
	}
}
