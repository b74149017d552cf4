//! Benchmarks of every call. The cost of retaining, releasing and looking up generations is
//! measured in the calls of the pallets that do so.

use super::*;
use frame_benchmarking::v2::*;
use frame_support::{
	traits::{fungible::Mutate, Get},
	BoundedVec,
};
use frame_system::RawOrigin;
use livepeer_primitives::{
	keys::{Generation, OperatorKey, OperatorKeys, Purpose, VrfKey, MAX_OPERATOR_KEYS},
	AccountId, UNIT,
};
use sp_core::sr25519;

/// The largest number of keys, all different, and different for each `tag`.
fn most_keys(tag: u8) -> OperatorKeys {
	let keys = (0..MAX_OPERATOR_KEYS)
		.map(|place| {
			let mut bytes = [tag; 32];
			bytes[0] = place as u8;
			OperatorKey::Sr25519(sr25519::Public::from_raw(bytes))
		})
		.collect();
	BoundedVec::truncate_from(keys)
}

/// An account that can pay every deposit.
fn funded<T: Config>() -> AccountId {
	let who: AccountId = account("operator", 0, 0);
	let deposits = T::Deposit::get().saturating_mul((MAX_GENERATIONS + 1).into());
	T::Currency::set_balance(&who, deposits.saturating_add(UNIT.saturating_mul(1_000)));
	who
}

/// Gives the account `count` generations and retains all of them.
fn generations<T: Config>(who: &AccountId, count: u32) -> Result<(), BenchmarkError> {
	for index in 0..count {
		let vrf = VrfKey::from_raw([index as u8; 32]);
		Pallet::<T>::do_set_keys(who, Purpose::Duties, most_keys(index as u8), Some(vrf))?;
		Generations::<T>::mutate(
			(who, Purpose::Duties, index.saturating_add(1) as Generation),
			|keys| {
				if let Some(keys) = keys {
					keys.references = 1;
				}
			},
		);
	}
	Ok(())
}

#[benchmarks]
mod benchmarks {
	use super::*;

	/// Releases all old generations.
	#[benchmark]
	fn set_keys(g: Linear<0, MAX_OLD_GENERATIONS>) -> Result<(), BenchmarkError> {
		let who = funded::<T>();
		generations::<T>(&who, g.saturating_add(1))?;
		for generation in 0..=g {
			Generations::<T>::mutate(
				(&who, Purpose::Duties, generation.saturating_add(1)),
				|keys| {
					if let Some(keys) = keys {
						keys.references = 0;
					}
				},
			);
		}
		let vrf = Some(VrfKey::from_raw([200; 32]));

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), Purpose::Duties, most_keys(200), vrf);

		assert_eq!(Stored::<T>::get(&who, Purpose::Duties).len(), 2);
		Ok(())
	}

	#[benchmark]
	fn revoke_key() -> Result<(), BenchmarkError> {
		let who = funded::<T>();
		generations::<T>(&who, 1)?;

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), Purpose::Duties, 1, 7);

		assert!(Generations::<T>::get((&who, Purpose::Duties, 1))
			.is_some_and(|keys| keys.is_revoked(7)));
		Ok(())
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
