//! The reads for applications.

use crate::{types::Status, verify, Config, Followed, NextCommittee, Pallet};

impl<T: Config> Pallet<T> {
	/// The state of the client, what it knows, and which fork comes next.
	pub(crate) fn view_status() -> Status {
		let network = Followed::<T>::get();
		let current_slot = network.as_ref().and_then(Self::current_slot);
		let next_fork = network.as_ref().zip(current_slot).and_then(|(network, now)| {
			let fork = network.forks.iter().find(|fork| verify::first_slot(fork.epoch) > now)?;
			Some((fork.epoch, fork.layout.is_some()))
		});
		Status {
			health: Self::current_health(),
			latest: Self::latest(),
			knows_next_committee: NextCommittee::<T>::exists(),
			current_slot,
			next_fork,
		}
	}
}
