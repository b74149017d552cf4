//! Benchmarks of the calls and of what other pallets call, at their longest path.

use super::*;
use alloc::vec::Vec;
use frame_benchmarking::v2::*;
use frame_support::traits::{fungible, fungibles, Get};
use frame_system::RawOrigin;
use livepeer_primitives::{
	traits::{FeeSink, Rounds, Slash, Stake},
	AccountId, Balance, ETH,
};
use sp_runtime::Perbill;

/// An account that can bond `stake` and has some left.
fn funded<T: Config>(name: &'static str, index: u32, stake: Balance) -> AccountId {
	use fungible::{Inspect, Mutate};
	let who: AccountId = account(name, index, 0);
	let funds = stake.saturating_mul(4).saturating_add(T::Currency::minimum_balance());
	T::Currency::mint_into(&who, funds).expect("LPT can be minted");
	who
}

fn unit<T: Config>() -> Balance {
	use fungible::Inspect;
	T::Parameters::get().min_bond.max(T::Currency::minimum_balance()).saturating_mul(1_000)
}

fn bonded<T: Config>(who: &AccountId, amount: Balance) {
	Pallet::<T>::bond(RawOrigin::Signed(who.clone()).into(), amount, who.clone())
		.expect("own stake is accepted");
}

/// Pays a fee into the pot, yet to be booked.
fn pay_fee<T: Config>() -> Balance {
	use fungibles::{Inspect, Mutate};
	let fee = T::Assets::minimum_balance(ETH).saturating_mul(1_000_000);
	T::Assets::mint_into(ETH, &Pallet::<T>::pot(), fee).expect("ETH exists");
	fee
}

/// A transcoder that joined in one round, tops up in the next and has earned fees on both: its
/// next settlement uses a checkpoint and books fees.
fn earner<T: Config>() -> AccountId {
	asset::endow::<T>();
	let amount = unit::<T>();
	let who = funded::<T>("transcoder", 0, amount);
	<Pallet<T> as Stake>::make_stake(&who, amount);
	bonded::<T>(&who, amount);
	T::Rounds::set_current(T::Rounds::current().saturating_add(1));
	let fee = pay_fee::<T>();
	Pallet::<T>::deposit_fee(&who, fee, Perbill::from_percent(50));
	T::Rounds::set_current(T::Rounds::current().saturating_add(1));
	who
}

#[benchmarks]
mod benchmarks {
	use super::*;

	#[benchmark]
	fn bond() {
		let who = earner::<T>();
		let before = Pallet::<T>::self_bond(&who);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), unit::<T>(), who.clone());

		assert_eq!(Pallet::<T>::self_bond(&who), before.saturating_add(unit::<T>()));
	}

	#[benchmark]
	fn unbond() {
		let who = earner::<T>();
		for _ in 1..T::MaxLocks::get() {
			let part = unit::<T>() / Balance::from(T::MaxLocks::get());
			Pallet::<T>::unbond(RawOrigin::Signed(who.clone()).into(), part)
				.expect("enough is left");
		}
		let before = Pallet::<T>::self_bond(&who);
		let part = unit::<T>() / 10;

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), part);

		assert_eq!(Pallet::<T>::self_bond(&who), before.saturating_sub(part));
	}

	#[benchmark]
	fn withdraw_stake() {
		let who = earner::<T>();
		let part = unit::<T>() / Balance::from(T::MaxLocks::get());
		for _ in 0..T::MaxLocks::get() {
			Pallet::<T>::unbond(RawOrigin::Signed(who.clone()).into(), part)
				.expect("enough is left");
		}
		let last = T::MaxLocks::get().saturating_sub(1);
		Locks::<T>::mutate(&who, |locks| {
			for lock in locks.locks.iter_mut() {
				lock.release = 0;
			}
		});

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), last);

		assert_eq!(Locks::<T>::get(&who).locks.len() as u32, last);
	}

	#[benchmark]
	fn withdraw_fees() {
		let who = earner::<T>();

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()));

		assert_eq!(Pallet::<T>::fees(who), 0);
	}

	#[benchmark]
	fn settle() {
		let who = earner::<T>();
		let owed = Fees::<T>::get(&who);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()));

		assert!(Fees::<T>::get(&who) > owed);
	}

	#[benchmark]
	fn slash(p: Linear<1, { T::MaxSlashedRounds::get() }>, f: Linear<0, 16>) {
		let who = earner::<T>();
		let first = T::Rounds::current();
		T::Rounds::set_current(first.saturating_add(p.saturating_sub(1)));
		let now = T::Rounds::current();
		let amount = unit::<T>();
		for round in first..=now {
			let mut exit = ExitPool::new();
			exit.enter(amount);
			ExitPools::<T>::insert(&who, round, exit);
		}
		// The pot backs what the exit pools hold.
		let donor = funded::<T>("donor", 0, amount.saturating_mul(p.into()));
		asset::collect_stake::<T>(&donor, amount.saturating_mul(p.into()))
			.expect("the donor is funded");
		let finders: Vec<AccountId> =
			(0..f).map(|index| funded::<T>("finder", index, amount)).collect();
		let slashed;

		#[block]
		{
			slashed = <Pallet<T> as Slash>::slash(&who, first, Perbill::from_percent(10), &finders);
		}

		assert!(slashed.total > 0);
	}

	#[benchmark]
	fn deposit_fee() {
		let who = earner::<T>();
		let fee = pay_fee::<T>();
		let owed = OwedFees::<T>::get();

		#[block]
		{
			Pallet::<T>::deposit_fee(&who, fee, Perbill::from_percent(50));
		}

		assert_eq!(OwedFees::<T>::get(), owed.saturating_add(fee));
	}

	#[benchmark]
	fn reward() {
		use fungible::Mutate;
		let who = earner::<T>();
		let amount = unit::<T>();
		T::Currency::mint_into(&asset::pot::<T>(), amount).expect("LPT can be minted");
		let booked;

		#[block]
		{
			let round = T::Rounds::current();
			booked = Pallet::<T>::reward(&who, round, amount, Perbill::from_percent(10));
		}

		assert_eq!(booked, amount);
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
