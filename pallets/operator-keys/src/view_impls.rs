//! The reads for applications.

use alloc::vec::Vec;
use livepeer_primitives::{api::KeysView, keys::Purpose, AccountId};

use crate::{Config, Generations, Pallet, Stored};

impl<T: Config> Pallet<T> {
	/// The stored generations, newest first, and the account itself.
	pub(crate) fn view_keys(account: &AccountId, purpose: Purpose) -> Vec<KeysView> {
		let itself = KeysView {
			generation: 0,
			keys: Vec::new(),
			revoked: Vec::new(),
			vrf: match purpose {
				Purpose::Duties => Some(Self::account_vrf_key(account)),
				Purpose::Segments => None,
			},
		};
		Stored::<T>::get(account, purpose)
			.into_iter()
			.rev()
			.filter_map(|generation| {
				let stored = Generations::<T>::get((account, purpose, generation))?;
				Some(KeysView {
					generation,
					keys: stored.keys.into_inner(),
					revoked: stored.revoked.into_inner(),
					vrf: stored.vrf,
				})
			})
			.chain([itself])
			.collect()
	}
}
