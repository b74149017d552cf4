//! The invariants of every pallet on the state of a whole chain. `LIVEPEER_STATE=FILE` takes that of
//! a chain that ran, as `tests/js/upgrade.mjs` writes it; without it, development's first.

use std::{collections::BTreeMap, env, fs};

use livepeer_integration_tests::{Story, World};
use livepeer_primitives::{api::ChallengeStage, traits::Liability, AccountId, ClaimId};
use livepeer_runtime::{check_invariants, LptStaking, Runtime, System};
use pallet_challenge_lottery::{Challenges, Judges};
use pallet_transcoder_election::Jailed;
use sp_core::storage::Storage;
use sp_io::TestExternalities;
use sp_runtime::DispatchError;

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

#[test]
fn pallets_that_do_not_say_the_same_should_be_found() {
	let mut story = Story::begin();
	let claim = story.claim(16);
	story.until_stage(&claim, ChallengeStage::LeafReveal);
	let height = story.world.number();
	let transcoder = story.transcoder.to_account_id();
	let liabilities = "liabilities are those of open claims and of their judges";
	type Change = fn(ClaimId, AccountId);
	let changes: [(&str, Change, &str); 6] = [
		(
			"a liability of nothing",
			|_, transcoder| <LptStaking as Liability>::open(&transcoder, 0),
			liabilities,
		),
		(
			"a claim for which nobody answers",
			|claim, transcoder| {
				let round = Challenges::<Runtime>::get(claim).expect("open").round;
				<LptStaking as Liability>::close(&transcoder, round);
			},
			liabilities,
		),
		(
			"a judge that does not answer for its word",
			|claim, _| {
				let judges = Judges::<Runtime>::get(claim).expect("drawn");
				let snapshot = Challenges::<Runtime>::get(claim).expect("open").snapshot;
				<LptStaking as Liability>::close(&judges[0].account, snapshot);
			},
			liabilities,
		),
		(
			"jail without a verdict",
			|_, transcoder| Jailed::<Runtime>::insert(transcoder, 1),
			"verdicts that jail are those that wait for their execution",
		),
		(
			"a claim that nobody judges",
			|claim, _| Challenges::<Runtime>::remove(claim),
			"an open claim is judged, or its escrow is paid out",
		),
		(
			"a challenge of nothing",
			|claim, _| pallet_jobs::OpenClaims::<Runtime>::remove(claim),
			"a challenge is of an open claim",
		),
	];
	for (name, change, expected) in changes {
		let mut story = story.fork();
		let who = transcoder.clone();
		let found = story.world.run(|| {
			change(claim.id, who);
			check_invariants(height)
		});
		assert_eq!(found, Some(Err(DispatchError::Other(expected))), "{name}");
	}
}
