//! Benchmarks of the hooks. What retaining and releasing cost is measured in the calls of the
//! pallets that do it.

use super::*;
use alloc::vec::Vec;
use frame_benchmarking::{account, v2::*};
use frame_support::{traits::Get, BoundedVec};
use livepeer_primitives::{
	keys::VerifierId,
	traits::{SeatedValidator, SeatedValidators, Seed, ValidatorSet},
	Hash, MAX_VALIDATORS, UNIT,
};
use sp_core::crypto::ByteArray;

/// A set of `count` validators, all of them jailed.
fn validators(count: u32) -> ValidatorSet {
	let seats: Vec<_> = (0..count)
		.filter_map(|i| {
			let mut bytes = [0; 32];
			bytes[..4].copy_from_slice(&i.to_le_bytes());
			let key = VerifierId::from_slice(&bytes).ok()?;
			Some(SeatedValidator {
				account: account("validator", i, 0),
				stake: u128::from(i).saturating_mul(UNIT),
				key,
				jailed: true,
			})
		})
		.collect();
	ValidatorSet { snapshot: 1, members: SeatedValidators::truncate_from(seats) }
}

#[benchmarks]
mod benchmarks {
	use super::*;

	#[benchmark]
	fn fold_block() {
		ParentAuthor::<T>::put(account::<T::AccountId>("author", 1, 0));
		CurrentParticipation::<T>::put(Participation::One(account("author", 0, 0)));

		#[block]
		{
			Pallet::<T>::fold_parent(Some(Hash::repeat_byte(7)));
			Pallet::<T>::note_author();
		}

		assert_ne!(Accumulator::<T>::get(), Hash::zero());
		assert_eq!(CurrentParticipation::<T>::get(), Participation::Several);
	}

	/// The window is valid after two invalid ones, and an old seed, as large, is removed.
	#[benchmark]
	fn close_window(v: Linear<0, MAX_VALIDATORS>) {
		let aged = 10;
		let window = T::RecentWindows::get().saturating_add(aged);
		let seed = Seed { hash: Hash::zero(), set: validators(v) };
		Seeds::<T>::insert(aged, StoredSeed { first: aged.saturating_sub(2), seed });
		InvalidWindows::<T>::put(2);
		CurrentParticipation::<T>::put(Participation::Several);
		let set = validators(v);
		let mut jailed: Vec<_> =
			set.members.iter().map(|validator| validator.account.clone()).collect();
		jailed.sort();
		JailedAtStart::<T>::put(BoundedVec::truncate_from(jailed));

		#[block]
		{
			Pallet::<T>::close_window(window, set);
			Pallet::<T>::open_window();
		}

		assert!(Seeds::<T>::contains_key(window));
		assert!(!Seeds::<T>::contains_key(aged));
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
