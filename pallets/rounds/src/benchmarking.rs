//! Benchmarks of the hook. The receivers of a new round return their own weight, which the hook
//! adds; what they do in an empty state is counted twice, on the safe side.

use super::*;
use frame_benchmarking::v2::*;
use frame_support::traits::Hooks;
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::traits::One;

#[benchmarks]
mod benchmarks {
	use super::*;

	#[benchmark]
	fn on_initialize_within_round() {
		let now = BlockNumberFor::<T>::one();
		frame_system::Pallet::<T>::set_block_number(now);
		Current::<T>::put(RoundInfo { index: 0, start: 0, length: 2, lock: 0 });

		#[block]
		{
			Pallet::<T>::on_initialize(now);
		}

		assert_eq!(Current::<T>::get().index, 0);
	}

	#[benchmark]
	fn on_initialize_new_round() {
		let now = BlockNumberFor::<T>::one();
		frame_system::Pallet::<T>::set_block_number(now);
		Current::<T>::put(RoundInfo { index: 0, start: 0, length: 1, lock: 0 });

		#[block]
		{
			Pallet::<T>::on_initialize(now);
		}

		assert_eq!(Current::<T>::get().index, 1);
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
