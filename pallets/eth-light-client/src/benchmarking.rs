//! Benchmarks of every call, and of proving an execution block. Updates are signed by two thirds of
//! a committee: the fewest signers are the most to add up.

use super::*;
use crate::simulator::{block, network};
use alloc::boxed::Box;
use frame_benchmarking::v2::*;
use frame_system::RawOrigin;
use livepeer_primitives::ethereum::EthereumChain;
use sp_core::H256;

/// Two thirds of a committee, rounded up.
const FEWEST: usize = 342;

/// A client that has started at slot 0 of a network, whose committee is 0.
fn started<T: Config>() -> Result<(Network, simulator::Block), BenchmarkError> {
	T::BenchmarkTime::set_seconds(1_000);
	let network = network([6, 0, 0, 0], Layout::GLOAS);
	let first = block(&network, 0, [0, 1], H256::zero());
	Pallet::<T>::do_set_network(network.clone())?;
	Pallet::<T>::do_set_checkpoint(first.root())?;
	Pallet::<T>::do_bootstrap(&first.bootstrap(0))?;
	Ok((network, first))
}

#[benchmarks]
mod benchmarks {
	use super::*;

	#[benchmark]
	fn set_network() -> Result<(), BenchmarkError> {
		started::<T>()?;
		let mut other = network([7, 0, 0, 0], Layout::GLOAS);
		other.genesis_validators_root = H256::repeat_byte(8);

		#[extrinsic_call]
		_(RawOrigin::Root, other.clone());

		assert_eq!(Followed::<T>::get(), Some(other));
		Ok(())
	}

	#[benchmark]
	fn set_checkpoint() -> Result<(), BenchmarkError> {
		started::<T>()?;

		#[extrinsic_call]
		_(RawOrigin::Root, H256::repeat_byte(1));

		assert!(Checkpoint::<T>::exists());
		Ok(())
	}

	#[benchmark]
	fn bootstrap() -> Result<(), BenchmarkError> {
		let (_, first) = started::<T>()?;
		Pallet::<T>::do_set_checkpoint(first.root())?;
		let message = Box::new(first.bootstrap(0));

		#[extrinsic_call]
		_(RawOrigin::Signed(whitelisted_caller()), message);

		assert_eq!(Finalized::<T>::get().len(), 1);
		Ok(())
	}

	#[benchmark]
	fn submit() -> Result<(), BenchmarkError> {
		let (network, _) = started::<T>()?;
		let finalized = block(&network, 64, [0, 1], H256::zero());
		let attested = block(&network, 128, [0, 1], finalized.root());
		let update = Box::new(attested.update(&network, &finalized, 0, FEWEST, None));

		#[extrinsic_call]
		_(RawOrigin::Signed(whitelisted_caller()), update);

		assert_eq!(Finalized::<T>::get().len(), 2);
		Ok(())
	}

	#[benchmark]
	fn submit_with_committee() -> Result<(), BenchmarkError> {
		let (network, _) = started::<T>()?;
		let finalized = block(&network, 64, [0, 1], H256::zero());
		let attested = block(&network, 128, [0, 1], finalized.root());
		let update = Box::new(attested.update(&network, &finalized, 0, FEWEST, Some(1)));

		#[extrinsic_call]
		submit(RawOrigin::Signed(whitelisted_caller()), update);

		assert!(NextCommittee::<T>::exists());
		Ok(())
	}

	#[benchmark]
	fn execution_block() -> Result<(), BenchmarkError> {
		let (_, first) = started::<T>()?;
		let proof = first.proof();

		let proven;
		#[block]
		{
			proven = <Pallet<T> as EthereumChain>::execution_block(&proof);
		}

		assert!(proven.is_ok());
		Ok(())
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
