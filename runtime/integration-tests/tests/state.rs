//! The invariants of every pallet on the state of a whole chain. `LIVEPEER_STATE=FILE` takes that of
//! a chain that ran, as `tests/js/upgrade.mjs` writes it; without it, development's first.

use std::{collections::BTreeMap, env, fs};

use livepeer_integration_tests::World;
use livepeer_runtime::{check_invariants, System};
use sp_core::storage::Storage;
use sp_io::TestExternalities;

/// Keys and values of a state, in hex.
fn read(file: &str) -> TestExternalities {
	let text = fs::read_to_string(file).expect("the file can be read");
	let pairs: BTreeMap<String, String> = serde_json::from_str(&text).expect("keys and values");
	let bytes = |text: &str| hex::decode(text.trim_start_matches("0x")).expect("hex");
	let top = pairs.iter().map(|(key, value)| (bytes(key), bytes(value))).collect();
	Storage { top, children_default: Default::default() }.into()
}

#[test]
fn state_of_a_chain_should_keep_every_invariant() {
	let check = || {
		let height = System::block_number();
		assert_eq!(check_invariants(height), Some(Ok(())), "at block {height}");
	};
	match env::var("LIVEPEER_STATE") {
		Ok(file) => read(&file).execute_with(check),
		Err(_) => World::development().run(check),
	}
}
