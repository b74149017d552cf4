//! What ends when a key is revoked.

use frame_support::weights::Weight;
use livepeer_primitives::{
	keys::{Generation, Purpose},
	traits::{ChargeFee as _, OnKeyRevoked},
	AccountId,
};

use crate::{
	types::{Class, Task},
	Config, Pallet, WeightInfo,
};

impl<T: Config> OnKeyRevoked for Pallet<T> {
	/// Assignments that run by the generation are handed on from the next block on, step by step
	/// and without delaying others, because nothing new is signed for them. Work that was done for
	/// them can be claimed by the generation's other keys, and what the revoked key signed before
	/// stays valid and punishable.
	fn on_key_revoked(
		account: &AccountId,
		purpose: Purpose,
		generation: Generation,
		references: u32,
	) {
		Self::schedule(Class::Lazy, Task::Keys(account.clone(), purpose, generation), 0);
		// The call's own weight includes the first of them.
		let others = references.saturating_sub(1);
		let weight = Self::weight_of_one().saturating_mul(others.into());
		if others > 0 && T::ChargeFee::can_pay(account, weight, 0) {
			// This was checked before.
			let _ = T::ChargeFee::charge(account, weight, 0);
		}
	}

	fn key_revoked_weight() -> Weight {
		T::WeightInfo::task_look().saturating_add(Self::weight_of_one())
	}
}

impl<T: Config> Pallet<T> {
	/// The weight that one assignment with a revoked key causes: it is handed on, and one more
	/// assignment is closed.
	fn weight_of_one() -> Weight {
		T::WeightInfo::task_hand_on().saturating_add(Self::closing_weight())
	}
}
