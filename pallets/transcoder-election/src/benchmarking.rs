//! Benchmarks of every call, of the election and of the look-up of the lowest price.

use super::*;
use frame_benchmarking::v2::*;
use frame_support::{traits::Get, BoundedVec};
use frame_system::RawOrigin;
use livepeer_primitives::{
	service::ServiceRecord,
	traits::{Jail, Stake},
	AccountId, UNIT,
};
use sp_runtime::Perbill;

/// Terms with this price.
fn terms(price: u128) -> Terms {
	Terms { price, reward_cut: Perbill::from_percent(10), fee_share: Perbill::from_percent(50) }
}

/// A service record of the largest size.
fn largest_service(byte: u8) -> ServiceRecord {
	let address = BoundedVec::truncate_from(alloc::vec![byte; 128]);
	ServiceRecord {
		peer_id: BoundedVec::truncate_from(alloc::vec![byte; 64]),
		addresses: BoundedVec::truncate_from(alloc::vec![address; 4]),
		url: BoundedVec::truncate_from(alloc::vec![byte; 128]),
	}
}

/// An account with enough bonded to itself.
fn bonded<T: Config>(index: u32) -> AccountId {
	let who: AccountId = account("transcoder", index, 0);
	let amount = T::Parameters::get().min_self_bond.max(UNIT);
	T::Stake::make_stake(&who, amount.saturating_add(index.into()));
	who
}

/// A registered transcoder.
fn registered<T: Config>(index: u32) -> AccountId {
	let who = bonded::<T>(index);
	Pallet::<T>::insert_registration(&who, terms(index.into()));
	Services::<T>::insert(&who, largest_service(1));
	who
}

/// `count` registered transcoders, after removing those of genesis.
fn fill<T: Config>(count: u32) {
	let of_genesis: alloc::vec::Vec<_> = Transcoders::<T>::iter_keys().collect();
	for who in of_genesis {
		Transcoders::<T>::remove(&who);
		Services::<T>::remove(&who);
		Available::<T>::remove(&who);
	}
	for index in 0..count {
		registered::<T>(index);
	}
}

#[benchmarks]
mod benchmarks {
	use super::*;

	#[benchmark]
	fn transcoder() {
		let who = bonded::<T>(0);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), terms(1), largest_service(1));

		assert!(Transcoders::<T>::contains_key(&who));
	}

	#[benchmark]
	fn lowest_price(c: Linear<0, { T::MaxCandidates::get() }>) {
		fill::<T>(c);
		let lowest;

		#[block]
		{
			lowest = Pallet::<T>::lowest_price();
		}

		assert_eq!(lowest, (0, c));
	}

	#[benchmark]
	fn set_service() {
		let who = registered::<T>(0);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), largest_service(2));

		assert_eq!(Services::<T>::get(&who), Some(largest_service(2)));
	}

	#[benchmark]
	fn resign() {
		fill::<T>(T::Parameters::get().active_size);
		let who: AccountId = account("transcoder", 0, 0);
		Pallet::<T>::put_capacity(&who, 1);
		Pallet::<T>::elect(0);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()));

		assert!(!Transcoders::<T>::contains_key(&who));
	}

	#[benchmark]
	fn set_available() {
		let who = registered::<T>(0);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), 8);

		assert!(Available::<T>::contains_key(&who));
	}

	#[benchmark]
	fn heartbeat() {
		let who = registered::<T>(0);
		Pallet::<T>::put_capacity(&who, 8);
		let due = T::Parameters::get().heartbeat_interval;
		let now = Pallet::<T>::now().saturating_add(due);
		frame_system::Pallet::<T>::set_block_number(now.into());

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()));

		assert_eq!(Available::<T>::get(&who).map(|seen| seen.last_seen), Some(now));
	}

	#[benchmark]
	fn unjail() {
		fill::<T>(T::Parameters::get().active_size);
		Pallet::<T>::elect(0);
		let who: AccountId = account("transcoder", 0, 0);
		Pallet::<T>::detain(&who);
		Pallet::<T>::resolve(&who);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()));

		assert!(!Jailed::<T>::contains_key(&who));
	}

	#[benchmark]
	fn elect(c: Linear<0, { T::MaxCandidates::get() }>) {
		fill::<T>(c);
		let looked_at;

		#[block]
		{
			looked_at = Pallet::<T>::elect(1);
		}

		assert_eq!(looked_at, c);
		assert_eq!(
			ActiveSet::<T>::get().seats.len() as u32,
			c.min(T::Parameters::get().active_size)
		);
	}

	impl_benchmark_test_suite!(
		Pallet,
		crate::mock::ExtBuilder::default().build(),
		crate::mock::Test
	);
}
