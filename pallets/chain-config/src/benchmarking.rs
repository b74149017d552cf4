//! Benchmarks of the hook and of every call.

use super::*;
use frame_benchmarking::v2::*;
use frame_system::RawOrigin;
use livepeer_primitives::params::{ProtocolParameters, Timing};

#[benchmarks]
mod benchmarks {
	use super::*;

	/// What the hook does in a closed block; in an open one it does less.
	#[benchmark]
	fn close_block() {
		frame_system::Pallet::<T>::set_block_number(7u32.into());

		#[block]
		{
			Pallet::<T>::close_block();
		}

		assert_eq!(Closed::<T>::get(), ClosedBlocks { count: 1, newest: 7 });
	}

	#[benchmark]
	fn set_parameter() {
		Pallet::<T>::build_genesis(&Timing::production(), &ProtocolParameters::production());
		let update = T::Store::longest_update();

		#[extrinsic_call]
		_(RawOrigin::Root, update.clone());

		frame_system::Pallet::<T>::assert_last_event(Event::<T>::ParameterSet { update }.into());
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
