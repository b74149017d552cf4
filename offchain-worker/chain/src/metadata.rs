//! What this worker was built for: the calls that it makes and the runtime API that it reads, by
//! the metadata in `metadata.scale`.
//!
//! Calls and answers are encoded by the types of `livepeer-primitives`, so a node whose runtime
//! has others would misread them: that is found when the worker connects, by comparing structural
//! hashes. Nothing else is taken from this file; timing and parameters are the live chain's.

use codec::{Decode, Encode};
use livepeer_worker_core::chain::ChainError;
use subxt::Metadata;

/// The runtime's metadata, version 15, as `livepeer-metadata write` stores it.
const BUILT_FOR: &[u8] = include_bytes!("../metadata.scale");

/// Every call that a role makes.
pub const CALLS: [(&str, &str); 10] = [
	("Jobs", "create_job"),
	("Jobs", "set_origin"),
	("Jobs", "accept_job"),
	("Jobs", "claim_work"),
	("Jobs", "end_job"),
	("TranscoderElection", "transcoder"),
	("TranscoderElection", "set_available"),
	("TranscoderElection", "heartbeat"),
	("ChallengeLottery", "reveal_leaf"),
	("LptStaking", "bond"),
];

/// The runtime API.
pub const API: &str = "LivepeerApi";

/// Every method of it that a role reads.
pub const METHODS: [&str; 11] = [
	"timing",
	"parameters",
	"transcoder",
	"service",
	"job",
	"job_of_stream",
	"assignments",
	"claim",
	"challenge",
	"claims_of",
	"toolchains",
];

/// The runtime function that gives metadata of a version, and its argument.
pub const FUNCTION: &str = "Metadata_metadata_at_version";
/// That version.
pub const VERSION: u32 = 15;

/// The argument of [`FUNCTION`].
pub fn argument() -> Vec<u8> {
	VERSION.encode()
}

/// The metadata in the answer of [`FUNCTION`].
pub fn from_answer(answer: &[u8]) -> Option<Vec<u8>> {
	Option::<Vec<u8>>::decode(&mut &answer[..]).ok().flatten()
}

/// Reads metadata.
pub fn parse(bytes: &[u8]) -> Result<Metadata, ChainError> {
	Metadata::decode(&mut &bytes[..])
		.map_err(|error| ChainError::BadAnswer(format!("{FUNCTION} ({error})")))
}

/// The metadata that this worker was built for.
pub fn built_for() -> Result<Metadata, ChainError> {
	parse(BUILT_FOR)
}

/// What of the worker's calls and reads `theirs` lacks or has otherwise than `ours`.
pub fn differences(ours: &Metadata, theirs: &Metadata) -> Vec<String> {
	let call_hash = |metadata: &Metadata, pallet, call| {
		metadata.pallet_by_name(pallet).and_then(|pallet| pallet.call_hash(call))
	};
	let calls = CALLS
		.into_iter()
		.filter(|(pallet, call)| {
			let hash = call_hash(theirs, pallet, call);
			hash.is_none() || hash != call_hash(ours, pallet, call)
		})
		.map(|(pallet, call)| format!("{pallet}.{call}"));
	let method_hash = |metadata: &Metadata, method| {
		let api = metadata.runtime_api_trait_by_name(API)?;
		api.method_by_name(method).map(|method| method.hash())
	};
	let methods = METHODS
		.into_iter()
		.filter(|method| {
			let hash = method_hash(theirs, method);
			hash.is_none() || hash != method_hash(ours, method)
		})
		.map(|method| format!("{API}.{method}"));
	calls.chain(methods).collect()
}

/// Refuses a node whose runtime this worker would misread.
pub fn ensure_fits(theirs: &Metadata) -> Result<(), ChainError> {
	let differences = differences(&built_for()?, theirs);
	if differences.is_empty() {
		Ok(())
	} else {
		Err(ChainError::Incompatible(format!("it differs in {}", differences.join(", "))))
	}
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;

	#[test]
	fn metadata_should_have_every_call_and_read() {
		let ours = built_for().unwrap();
		assert_eq!(differences(&ours, &ours), Vec::<String>::new());
	}

	#[test]
	fn metadata_should_be_found_in_the_runtimes_answer() {
		let answer = Some(b"bytes".to_vec()).encode();
		assert_eq!(from_answer(&answer).as_deref(), Some(&b"bytes"[..]));
		assert_eq!(from_answer(&[0]), None);
		assert_eq!(from_answer(&[]), None);
		assert!(parse(b"no metadata").is_err());
	}
}
