//! What ends when a key is revoked.

use livepeer_primitives::{
	keys::{Generation, Purpose},
	traits::OnKeyRevoked,
	AccountId,
};

use crate::{
	types::{Class, Task},
	Config, Pallet,
};

impl<T: Config> OnKeyRevoked for Pallet<T> {
	/// Assignments that stand on the generation are handed on from the next block on, step by step:
	/// nothing new is signed for them. What was done for them can be claimed for by the generation's
	/// other keys, and what the revoked one signed before stays valid and punishable.
	fn on_key_revoked(account: &AccountId, purpose: Purpose, generation: Generation) {
		let task = match purpose {
			Purpose::Duties => Task::TranscoderKeys(account.clone(), generation, None),
			Purpose::Segments => Task::BroadcasterKeys(account.clone(), generation, None),
		};
		Self::schedule(Class::Urgent, task, 0);
	}
}
