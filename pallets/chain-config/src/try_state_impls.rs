//! The invariants that hold after every block.

use crate::*;
use frame_support::ensure;

impl<T: Config> Pallet<T> {
	/// Checks the pallet's invariants.
	pub fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
		ensure!(T::Store::is_readable(), "a stored parameter is not there or does not decode");
		ensure!(
			T::Store::current().check(&FixedTiming::<T>::get()).is_ok(),
			"the parameters in force break a rule"
		);
		let closed = Closed::<T>::get();
		ensure!(
			closed.count <= closed.newest
				&& frame_system::Pallet::<T>::block_number() >= closed.newest.into(),
			"more blocks were closed than there were"
		);
		Ok(())
	}
}
