//! The file from which the worker's types are generated, held against the runtime.
//!
//! `make metadata` writes it, from the runtime's source alone: with `WRITE_DOCS=1` the test stores
//! what it would otherwise compare.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../../../offchain-worker/chain/src/metadata/trim.rs"]
mod trim;

use livepeer_runtime::Runtime;

const FILE: &str =
	concat!(env!("CARGO_MANIFEST_DIR"), "/../../offchain-worker/chain/metadata.scale");

#[test]
fn workers_metadata_should_be_the_runtimes() {
	// Constants that are read from state have the values of a state without genesis.
	let metadata = sp_io::TestExternalities::default()
		.execute_with(|| Runtime::metadata_at_version(15))
		.unwrap();
	let used = trim::trim(&metadata).unwrap();
	if std::env::var_os("WRITE_DOCS").is_some() {
		std::fs::write(FILE, &used).unwrap();
	}
	assert!(
		std::fs::read(FILE).unwrap() == used,
		"a call or a read of the worker's has another form now: run `make metadata`, then see to \
		 the worker's types (offchain-worker/chain/src/runtime.rs)"
	);
}
