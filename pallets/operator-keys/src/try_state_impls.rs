//! The invariants that hold after every block.

use alloc::collections::{BTreeMap, BTreeSet};
use frame_support::{ensure, traits::fungible::InspectHold as _};
use livepeer_primitives::{keys::Purpose, AccountId, Balance};
use sp_runtime::TryRuntimeError;

use crate::{Config, Generations, HoldReason, Pallet, Stored};

impl<T: Config> Pallet<T> {
	/// Checks every invariant of the crate's documentation.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		let mut listed = BTreeSet::new();
		for (account, purpose, numbers) in Stored::<T>::iter() {
			ensure!(!numbers.is_empty(), "no list of generations is empty");
			ensure!(
				numbers.windows(2).all(|pair| pair[0] < pair[1]) && !numbers.contains(&0),
				"generations ascend from 1"
			);
			for generation in numbers {
				listed.insert((account.clone(), purpose, generation));
			}
		}
		let mut deposits = BTreeMap::<AccountId, Balance>::new();
		let mut stored = 0usize;
		for ((account, purpose, generation), keys) in Generations::<T>::iter() {
			stored = stored.saturating_add(1);
			ensure!(
				listed.contains(&(account.clone(), purpose, generation)),
				"every stored generation is listed"
			);
			let different: BTreeSet<_> = keys.keys.iter().collect();
			ensure!(
				!keys.keys.is_empty() && different.len() == keys.keys.len(),
				"a generation has keys, none twice"
			);
			ensure!(keys.revoked.len() == keys.keys.len(), "each key is revoked or not");
			ensure!(
				keys.vrf.is_some() == (purpose == Purpose::Duties),
				"duties have a key of forced variants, segments have none"
			);
			let sum = deposits.entry(account).or_default();
			*sum = sum.saturating_add(keys.deposit);
		}
		ensure!(stored == listed.len(), "every listed generation is stored");
		let reason = HoldReason::Generations.into();
		for (account, deposit) in deposits {
			ensure!(
				T::Currency::balance_on_hold(&reason, &account) == deposit,
				"what is held is the deposits of the stored generations"
			);
		}
		Ok(())
	}
}
