//! Benchmarks of every call and hook. The trees in them are short. The weights of `withdraw` and
//! `close_round` add what a full tree costs: the reads and hashes of 32 levels.

use super::*;
use crate::simulator::{Flow, World};
use alloc::{boxed::Box, vec::Vec};
use frame_benchmarking::v2::*;
use frame_support::{
	traits::{fungible::Mutate as _, fungibles::Mutate as _, Hooks, OnFinalize},
	BoundedVec,
};
use frame_system::{pallet_prelude::BlockNumberFor, RawOrigin};
use livepeer_primitives::{
	bridge::{zeros, BridgedAsset, Deposit, DEPTH},
	ethereum::EthereumChain,
	traits::Rounds,
	AccountId, Balance, ETH, UNIT,
};
use sp_core::{H160, H256};

const AMOUNT: Balance = 1_000 * UNIT;

fn place() -> GatewayPlace {
	GatewayPlace {
		chain_id: 1,
		address: H160::repeat_byte(0xaa),
		token: H160::repeat_byte(0xbb),
		balances_slot: 1,
	}
}

fn opened<T: Config>(large: Balance) -> Result<(), BenchmarkError> {
	Gateway::<T>::put(place());
	let rate = Rate { capacity: 1_000 * AMOUNT, per_block: 1 };
	for asset in BridgedAsset::ALL {
		// No delay, because nothing here waits for a block.
		let limits = Limits { inbound: rate, outbound: rate, large, delay: 0 };
		Limited::<T>::insert(asset, limits);
	}
	Ok(())
}

/// The first deposit and its path. Its root is proven.
fn deposited<T: Config>(
	recipient: AccountId,
) -> Result<(Deposit, Box<[H256; DEPTH]>), BenchmarkError> {
	let deposit = Deposit { index: 0, asset: BridgedAsset::Eth, recipient, amount: AMOUNT };
	let domain = Pallet::<T>::domain().ok_or("there is a gateway")?;
	let zeros = zeros();
	let mut path = [H256::zero(); DEPTH];
	for (sibling, zero) in path.iter_mut().zip(&zeros) {
		*sibling = *zero;
	}
	let flow = Flow { deposited: AMOUNT, released: 0 };
	let mut world = World {
		place: place(),
		subtrees: [H256::zero(); DEPTH],
		lpt: Flow::default(),
		eth: flow,
		deposits: 0,
		lpt_balance: 0,
		eth_balance: AMOUNT,
		others: 200,
	};
	world.append(deposit.leaf(&domain));
	let (state_root, proof) = world.prove();
	let header = T::Ethereum::make_block(10, state_root);
	Pallet::<T>::do_sync(&header, &proof)?;
	Ok((deposit, Box::new(path)))
}

/// An account with both assets, with backing for them.
fn rich<T: Config>() -> Result<AccountId, BenchmarkError> {
	let who: AccountId = account("rich", 0, 0);
	T::Currency::mint_into(&who, 10 * AMOUNT)?;
	T::Assets::mint_into(ETH, &who, 10 * AMOUNT)?;
	for asset in BridgedAsset::ALL {
		Books::<T>::mutate(asset, |book| book.credited = 20 * AMOUNT);
	}
	Ok(who)
}

#[benchmarks]
mod benchmarks {
	use super::*;

	#[benchmark]
	fn set_gateway() {
		#[extrinsic_call]
		_(RawOrigin::Root, place());

		assert_eq!(Gateway::<T>::get(), Some(place()));
	}

	#[benchmark]
	fn set_guardian() {
		let guardian: AccountId = account("guardian", 0, 0);

		#[extrinsic_call]
		_(RawOrigin::Root, Some(guardian));

		assert!(Guardian::<T>::exists());
	}

	#[benchmark]
	fn set_limits() -> Result<(), BenchmarkError> {
		opened::<T>(AMOUNT)?;
		for direction in [Direction::Inbound, Direction::Outbound] {
			Pallet::<T>::pass(BridgedAsset::Eth, direction, 1)?;
		}

		#[extrinsic_call]
		_(RawOrigin::Root, BridgedAsset::Eth, Limits::default());

		assert_eq!(Limited::<T>::get(BridgedAsset::Eth), Limits::default());
		Ok(())
	}

	#[benchmark]
	fn stop() {
		let guardian: AccountId = account("guardian", 0, 0);
		Guardian::<T>::put(&guardian);

		#[extrinsic_call]
		_(RawOrigin::Signed(guardian), true, true);

		assert!(Stopped::<T>::get().inbound.is_some());
	}

	#[benchmark]
	fn resume() {
		Pallet::<T>::stop_for(Reason::Ordered);

		#[extrinsic_call]
		_(RawOrigin::Root);

		assert!(!Stopped::<T>::exists());
	}

	#[benchmark]
	fn sync() -> Result<(), BenchmarkError> {
		opened::<T>(AMOUNT)?;
		// The largest number of subtrees: one waits at every height.
		let world = World {
			place: place(),
			subtrees: [H256::repeat_byte(1); DEPTH],
			lpt: Flow { deposited: AMOUNT, released: 0 },
			eth: Flow { deposited: AMOUNT, released: 0 },
			deposits: u32::MAX,
			lpt_balance: AMOUNT,
			eth_balance: AMOUNT,
			others: 1_000,
		};
		let (state_root, proof) = world.prove();
		let header = T::Ethereum::make_block(10, state_root);

		#[extrinsic_call]
		_(RawOrigin::Signed(whitelisted_caller()), Box::new(header), Box::new(proof));

		assert!(Synced::<T>::exists());
		Ok(())
	}

	#[benchmark]
	fn deposit() -> Result<(), BenchmarkError> {
		opened::<T>(2 * AMOUNT)?;
		let recipient: AccountId = account("recipient", 0, 0);
		let (given, path) = deposited::<T>(recipient)?;

		#[extrinsic_call]
		_(RawOrigin::Signed(whitelisted_caller()), given, path);

		assert!(Pallet::<T>::is_taken(0));
		Ok(())
	}

	#[benchmark]
	fn release() -> Result<(), BenchmarkError> {
		opened::<T>(1)?;
		let recipient: AccountId = account("recipient", 0, 0);
		let (given, path) = deposited::<T>(recipient)?;
		Pallet::<T>::do_deposit(given, &path[..])?;

		#[extrinsic_call]
		_(RawOrigin::Signed(whitelisted_caller()), 0);

		assert!(!Waiting::<T>::contains_key(0));
		Ok(())
	}

	#[benchmark]
	fn redirect() -> Result<(), BenchmarkError> {
		opened::<T>(1)?;
		let recipient: AccountId = account("recipient", 0, 0);
		let other: AccountId = account("other", 0, 0);
		let (given, path) = deposited::<T>(recipient.clone())?;
		Pallet::<T>::do_deposit(given, &path[..])?;

		#[extrinsic_call]
		_(RawOrigin::Signed(recipient), 0, other.clone());

		assert_eq!(Waiting::<T>::get(0).map(|waiting| waiting.recipient), Some(other));
		Ok(())
	}

	#[benchmark]
	fn withdraw() -> Result<(), BenchmarkError> {
		opened::<T>(AMOUNT)?;
		let who = rich::<T>()?;
		// The next deposit completes six subtrees.
		for _ in 0..63 {
			let to = H160::repeat_byte(1);
			Pallet::<T>::do_withdraw(who.clone(), BridgedAsset::Eth, to, UNIT, 0)?;
		}

		#[extrinsic_call]
		_(RawOrigin::Signed(who), BridgedAsset::Eth, H160::repeat_byte(1), UNIT, 1);

		assert_eq!(MessageCount::<T>::get(), 64);
		Ok(())
	}

	#[benchmark]
	fn set_payout() -> Result<(), BenchmarkError> {
		opened::<T>(AMOUNT)?;
		let who = rich::<T>()?;
		let payout = Payout { payee: H160::repeat_byte(1), lpt: None, eth: None };

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), Some(payout));

		assert_eq!(Payouts::<T>::get(who), Some(payout));
		Ok(())
	}

	#[benchmark]
	fn pay_out() -> Result<(), BenchmarkError> {
		opened::<T>(AMOUNT)?;
		let who = rich::<T>()?;
		let rule = Some(PayoutRule { keep: 9 * AMOUNT, minimum: 1 });
		let payout = Payout { payee: H160::repeat_byte(1), lpt: rule, eth: rule };
		Pallet::<T>::do_set_payout(who.clone(), Some(payout))?;

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), who.clone(), BridgedAsset::Eth);

		assert!(Open::<T>::exists());
		Ok(())
	}

	#[benchmark]
	fn undo_forgery(n: Linear<0, MAX_UNDONE>) -> Result<(), BenchmarkError> {
		opened::<T>(AMOUNT)?;
		let recipient: AccountId = account("recipient", 0, 0);
		let asset = BridgedAsset::Eth;
		// Far apart, so that each has its own word of bits.
		let forged: Vec<ForgedDeposit> =
			(0..n).map(|n| ForgedDeposit { index: n * 256, asset, amount: 1 }).collect();
		for ForgedDeposit { index, amount, .. } in &forged {
			let recipient = recipient.clone();
			let waiting = WaitingDeposit { asset, recipient, amount: *amount, ready_at: 0 };
			Taken::<T>::insert(index / 256, [1; 32]);
			Waiting::<T>::insert(index, waiting);
		}
		let sum = Balance::from(n);
		Books::<T>::insert(asset, Book { credited: sum, waiting: sum, sent: 0 });
		Pallet::<T>::stop_for(Reason::Ordered);

		#[extrinsic_call]
		_(RawOrigin::Root, BoundedVec::truncate_from(forged));

		assert_eq!(Books::<T>::get(asset), Book::default());
		Ok(())
	}

	#[benchmark]
	fn set_supply_rule() -> Result<(), BenchmarkError> {
		CountedSupply::<T>::put(SupplyRule { slot: 1, ceiling: AMOUNT });
		EthereumSupply::<T>::put(ProvenSupply { block: 1, time: 1, amount: AMOUNT });
		let rule = SupplyRule { slot: 0, ceiling: AMOUNT };

		#[extrinsic_call]
		_(RawOrigin::Root, Some(rule));

		assert_eq!(CountedSupply::<T>::get(), Some(rule));
		Ok(())
	}

	#[benchmark]
	fn prove_supply() -> Result<(), BenchmarkError> {
		opened::<T>(AMOUNT)?;
		CountedSupply::<T>::put(SupplyRule { slot: 0, ceiling: AMOUNT });
		let world = World {
			place: place(),
			subtrees: [H256::zero(); DEPTH],
			lpt: Flow::default(),
			eth: Flow::default(),
			deposits: 0,
			lpt_balance: 0,
			eth_balance: 0,
			others: 1_000,
		};
		let (state_root, proof) = world.prove_supply(0, AMOUNT);
		let header = T::Ethereum::make_block(10, state_root);

		#[extrinsic_call]
		_(RawOrigin::Signed(whitelisted_caller()), Box::new(header), Box::new(proof));

		assert_eq!(Pallet::<T>::lpt_elsewhere(), AMOUNT);
		Ok(())
	}

	#[benchmark]
	fn on_finalize() {
		#[block]
		{
			<Pallet<T> as OnFinalize<BlockNumberFor<T>>>::on_finalize(1u32.into());
		}

		assert!(Sealed::<T>::exists());
	}

	#[benchmark]
	fn close_round(n: Linear<0, MAX_EARNINGS>) -> Result<(), BenchmarkError> {
		opened::<T>(AMOUNT)?;
		if n > 0 {
			Open::<T>::put(Batch { round: 0, count: n, lpt: 0, eth: 0 });
			let leaves =
				(0..n).map(|n| H256(sp_io::hashing::keccak_256(&n.to_be_bytes()))).collect();
			OpenLeaves::<T>::put(BoundedVec::truncate_from(leaves));
		}
		T::Rounds::set_current(1);

		#[block]
		{
			Pallet::<T>::on_initialize(1u32.into());
		}

		assert!(!OpenLeaves::<T>::exists());
		Ok(())
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
