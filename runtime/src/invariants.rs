//! Invariants across several pallets. Each pallet checks its own state in `try_state`, and knows
//! the others only by traits.

use alloc::collections::BTreeMap;
use frame_support::ensure;
use livepeer_primitives::{AccountId, RoundIndex};
use pallet_challenge_lottery::{types::Stage, Challenges, Judges};
use pallet_jobs::{OpenClaims, Payouts};
use pallet_lpt_staking::Liabilities;
use pallet_transcoder_election::Jailed;
use sp_runtime::TryRuntimeError;

use crate::Runtime;

/// The accounts that are liable for claims and judgements, by round, with their number.
type Liable = BTreeMap<(AccountId, RoundIndex), u32>;

/// Checks that claims, challenges, liabilities and jail agree.
pub(crate) fn check() -> Result<(), TryRuntimeError> {
	let mut liable = Liable::new();
	for (id, claim) in OpenClaims::<Runtime>::iter() {
		ensure!(
			Challenges::<Runtime>::contains_key(id) != Payouts::<Runtime>::contains_key(id),
			"an open claim is judged, or its escrow is paid out"
		);
		count(&mut liable, (claim.info.transcoder, claim.info.round));
	}
	let mut jailed: BTreeMap<AccountId, u32> = BTreeMap::new();
	for (id, challenge) in Challenges::<Runtime>::iter() {
		ensure!(OpenClaims::<Runtime>::contains_key(id), "a challenge is of an open claim");
		let mut dismissed = 0;
		if let Stage::Decided(decision) = &challenge.stage {
			dismissed = decision.done.dismissed;
			if decision.is_guilty() {
				count(&mut jailed, challenge.transcoder);
			}
		}
		let judges = Judges::<Runtime>::get(id).unwrap_or_default();
		for judge in judges.into_iter().skip(dismissed as usize) {
			count(&mut liable, (judge.account, challenge.snapshot));
		}
	}
	let mut stored = Liable::new();
	for (who, open) in Liabilities::<Runtime>::iter() {
		for (round, number) in open.0 {
			stored.insert((who.clone(), round), number);
		}
	}
	ensure!(stored == liable, "liabilities are those of open claims and of their judges");
	let verdicts: BTreeMap<AccountId, u32> =
		Jailed::<Runtime>::iter().filter(|(_, verdicts)| *verdicts > 0).collect();
	ensure!(verdicts == jailed, "verdicts that jail are those that wait for their execution");
	Ok(())
}

/// Adds one to the count of `key`.
fn count<Key: Ord>(counts: &mut BTreeMap<Key, u32>, key: Key) {
	let number = counts.entry(key).or_default();
	*number = number.saturating_add(1);
}
