//! The protocol's clock: the chain's height minus the closed blocks. An open block writes nothing.

use crate::{Closed, Config, Pallet, WeightInfo};
use frame_support::{traits::Get, weights::Weight};
use livepeer_primitives::{refusal::NOT_YET, traits::ProtocolClock, BlockNumber};
use sp_runtime::{transaction_validity::TransactionValidityError, SaturatedConversion};

impl<T: Config> Pallet<T> {
	fn height() -> BlockNumber {
		frame_system::Pallet::<T>::block_number().saturated_into()
	}

	/// Leaves the current block out if it is closed.
	pub(crate) fn set_clock() -> Weight {
		// Reads through the configuration: a migration's cursor, and how long safe mode lasts.
		let weight = T::WeightInfo::close_block().saturating_add(T::DbWeight::get().reads(2));
		if T::IsClosed::get() {
			Self::close_block();
		}
		weight
	}

	/// Makes the current block a closed one.
	pub(crate) fn close_block() {
		Closed::<T>::mutate(|closed| *closed = closed.with(Self::height()));
	}
}

impl<T: Config> ProtocolClock for Pallet<T> {
	fn now() -> BlockNumber {
		Self::height().saturating_sub(Closed::<T>::get().count)
	}

	fn is_open() -> bool {
		!Closed::<T>::get().end_with(Self::height())
	}

	/// Also asks whether the chain is closed now. The pool asks before the next block's hook has
	/// recorded anything, and a block that is closed midway is closed for duties.
	fn ensure_open() -> Result<(), TransactionValidityError> {
		if Self::is_open() && !T::IsClosed::get() {
			Ok(())
		} else {
			Err(NOT_YET.into())
		}
	}
}
