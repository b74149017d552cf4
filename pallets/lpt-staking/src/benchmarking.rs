//! Benchmarks of the calls, and of what other pallets call, on their longest paths.

use super::*;
use alloc::vec::Vec;
use frame_benchmarking::v2::*;
use frame_support::traits::{fungible, fungibles, Get};
use frame_system::RawOrigin;
use livepeer_primitives::{
	traits::{FeeSink, Liability, Rounds, Slash, Stake},
	AccountId, Balance, RoundIndex, ETH,
};
use sp_runtime::Perbill;

/// An account that can bond `stake` and keeps some LPT.
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

/// Pays a fee into the pot that is yet to be booked.
fn pay_fee<T: Config>() -> Balance {
	use fungibles::{Inspect, Mutate};
	let fee = T::Assets::minimum_balance(ETH).saturating_mul(1_000_000);
	T::Assets::mint_into(ETH, &Pallet::<T>::pot(), fee).expect("ETH exists");
	fee
}

/// Puts `who` into a late generation and leaves a wiped pool of the first one, which is the longest
/// way to its pool. As many rounds are stored in which earlier generations began as can be
/// remembered.
fn in_late_generation<T: Config>(who: &AccountId) {
	let id = PoolId { transcoder: who.clone(), generation: 0 };
	let mut wiped = Pool::new(0);
	wiped.members = 1;
	wiped.slash(Perbill::one());
	Pools::<T>::insert(&id, wiped);
	Generations::<T>::insert(who, generations(T::Rounds::current()));
}

/// The largest number of remembered generations, the last of which takes stake from `round` on.
fn generations<Max: Get<u32>>(round: RoundIndex) -> generations::Generations<Max> {
	let mut generations = generations::Generations::default();
	for _ in 0..Max::get() {
		generations.begin(round);
	}
	generations.refs = Max::get();
	generations
}

/// A transcoder that joined in one round, tops up in the next one and has earned fees on both
/// stakes. Its next settlement uses a checkpoint and books fees.
fn earner<T: Config>() -> AccountId {
	asset::endow::<T>();
	let amount = unit::<T>();
	let who = funded::<T>("transcoder", 0, amount);
	in_late_generation::<T>(&who);
	<Pallet<T> as Stake>::make_stake(&who, amount);
	bonded::<T>(&who, amount);
	T::Rounds::set_current(T::Rounds::current().saturating_add(1));
	let fee = pay_fee::<T>();
	Pallet::<T>::deposit_fee(&who, fee, Perbill::from_percent(50));
	T::Rounds::set_current(T::Rounds::current().saturating_add(1));
	who
}

/// Gives `who` this many locks of `amount` each, whose stake left its pool in `rounds` rounds from
/// `round` on. The pot does not hold their LPT.
fn locked<T: Config>(who: &AccountId, count: u32, amount: Balance, round: RoundIndex, rounds: u32) {
	let generation = Generations::<T>::get(who).map_or(0, |known| known.current);
	let pool = PoolId { transcoder: who.clone(), generation };
	Locks::<T>::mutate(who, |locks| {
		for index in 0..count {
			let lock = Lock {
				id: locks.next,
				pool: pool.clone(),
				round: round.saturating_add(index.checked_rem(rounds).unwrap_or(0)),
				amount,
				sf: maths::SLASH_ONE,
				liable_until: 0,
				unbonded: 0,
				purpose: Purpose::Transfer(who.clone()),
			};
			locks.locks.try_push(lock).expect("there is room");
			locks.next = locks.next.saturating_add(1);
		}
	});
}

/// A delegator of `transcoder` that has earnings.
fn delegated<T: Config>(transcoder: &AccountId) -> AccountId {
	let who = funded::<T>("delegator", 0, unit::<T>());
	Pallet::<T>::bond_at_once(&who, transcoder, unit::<T>()).expect("it is funded");
	let fee = pay_fee::<T>();
	Pallet::<T>::deposit_fee(transcoder, fee, Perbill::from_percent(50));
	who
}

/// Gives `who` the largest number of locks; the last one holds `unit` from a pool of `transcoder`.
fn lock_of<T: Config>(who: &AccountId, transcoder: &AccountId, generation: u32, purpose: Purpose) {
	let last = T::MaxLocks::get().saturating_sub(1);
	locked::<T>(who, last, 1, 0, 1);
	Locks::<T>::mutate(who, |locks| {
		let lock = Lock {
			id: locks.next,
			pool: PoolId { transcoder: transcoder.clone(), generation },
			round: T::Rounds::current(),
			amount: unit::<T>(),
			sf: maths::SLASH_ONE,
			liable_until: 0,
			unbonded: 0,
			purpose,
		};
		locks.locks.try_push(lock).expect("there is room");
		locks.next = locks.next.saturating_add(1);
	});
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

	/// By an account without free LPT: the fee is first taken out of the bond.
	#[benchmark]
	fn unbond() {
		let who = earner::<T>();
		// This round's exit pool is new.
		locked::<T>(&who, T::MaxLocks::get().saturating_sub(1), 1, 0, 1);
		let before = Pallet::<T>::self_bond(&who);
		let part = unit::<T>() / 10;

		#[block]
		{
			Pallet::<T>::advance(&who, Frees::Unbonded(part), part / 2).expect("it is bonded");
			Pallet::<T>::unbond(RawOrigin::Signed(who.clone()).into(), part)
				.expect("enough is left");
		}

		assert_eq!(Pallet::<T>::self_bond(&who), before.saturating_sub(part));
	}

	/// By an account without free LPT: the lock is paid out before the call runs.
	#[benchmark]
	fn withdraw_stake() {
		let who = earner::<T>();
		let last = T::MaxLocks::get().saturating_sub(1);
		locked::<T>(&who, last, 1, 0, 1);
		// The only lock of its exit pool.
		Pallet::<T>::unbond(RawOrigin::Signed(who.clone()).into(), unit::<T>() / 10)
			.expect("enough is left");
		Locks::<T>::mutate(&who, |locks| {
			for lock in locks.locks.iter_mut() {
				(lock.liable_until, lock.unbonded) = (0, 0);
			}
		});
		let now = T::Rounds::current();
		for later in 1..=T::MaxLiabilityRounds::get() {
			<Pallet<T> as Liability>::open(&who, now.saturating_add(later));
		}

		#[block]
		{
			Pallet::<T>::advance(&who, Frees::Lock(last), 1).expect("it is free");
			Pallet::<T>::withdraw_stake(RawOrigin::Signed(who.clone()).into(), last)
				.expect("it is paid out");
		}

		assert_eq!(Locks::<T>::get(&who).locks.len() as u32, last);
	}

	#[benchmark]
	fn rebond() {
		// To a transcoder other than the one whose pool the stake left. That pool is in a late
		// generation too.
		let who = earner::<T>();
		let round = T::Rounds::current();
		let owner = funded::<T>("owner", 0, unit::<T>());
		asset::collect_stake::<T>(&owner, unit::<T>()).expect("the owner is funded");
		let other: AccountId = account("other", 0, 0);
		in_late_generation::<T>(&other);
		let generation = Generations::<T>::get(&other).map_or(0, |known| known.current);
		let mut exit = ExitPool::new();
		exit.enter(unit::<T>());
		ExitPools::<T>::insert(PoolId { transcoder: other.clone(), generation }, round, exit);
		lock_of::<T>(&who, &other, generation, Purpose::Unbonding);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), T::MaxLocks::get().saturating_sub(1), who.clone());

		assert_eq!(Locks::<T>::get(&who).locks.len() as u32, T::MaxLocks::get() - 1);
	}

	#[benchmark]
	fn move_bond() {
		let who = earner::<T>();
		// To itself, which needs nobody's agreement.
		let delegator = delegated::<T>(&who);
		locked::<T>(&delegator, T::MaxLocks::get().saturating_sub(1), 1, 0, 1);

		#[extrinsic_call]
		_(RawOrigin::Signed(delegator.clone()), delegator.clone());

		assert!(!Bonds::<T>::contains_key(&delegator));
	}

	#[benchmark]
	fn transfer_bond() {
		let who = earner::<T>();
		let to = delegated::<T>(&who);
		locked::<T>(&who, T::MaxLocks::get().saturating_sub(1), 1, 0, 1);
		let part = unit::<T>() / 10;

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), part, to.clone());

		assert_eq!(Locks::<T>::get(&who).locks.len() as u32, T::MaxLocks::get());
	}

	#[benchmark]
	fn accept_bond() {
		let who = earner::<T>();
		let from = delegated::<T>(&who);
		locked::<T>(&from, T::MaxLocks::get().saturating_sub(1), 1, 0, 1);
		let part = unit::<T>() / 10;
		Pallet::<T>::transfer_bond(RawOrigin::Signed(from.clone()).into(), part, who.clone())
			.expect("it is bonded");
		let last = T::MaxLocks::get().saturating_sub(1);
		let before = Pallet::<T>::self_bond(&who);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), from.clone(), last, who.clone(), part);

		assert_eq!(Pallet::<T>::self_bond(&who), before.saturating_add(part));
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
		// The whole pool is lost, so the next generation begins.
		let who = earner::<T>();
		let first = T::Rounds::current();
		T::Rounds::set_current(first.saturating_add(p.saturating_sub(1)));
		let now = T::Rounds::current();
		let amount = unit::<T>();
		let generation = Generations::<T>::get(&who).map_or(0, |known| known.current);
		let id = PoolId { transcoder: who.clone(), generation };
		for round in first..=now {
			let mut exit = ExitPool::new();
			exit.enter(amount);
			ExitPools::<T>::insert(&id, round, exit);
		}
		locked::<T>(&who, T::MaxLocks::get(), 1, first, p);
		// The pot backs what the exit pools hold.
		let donor = funded::<T>("donor", 0, amount.saturating_mul(p.into()));
		asset::collect_stake::<T>(&donor, amount.saturating_mul(p.into()))
			.expect("the donor is funded");
		let finders: Vec<AccountId> =
			(0..f).map(|index| funded::<T>("finder", index, amount)).collect();
		let slashed;

		#[block]
		{
			slashed = <Pallet<T> as Slash>::slash(&who, first, Perbill::one(), &finders);
		}

		assert!(slashed.total > 0);
		assert_eq!(slashed.finders_fee > 0, f > 0);
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
