//! The protocol's clock: the chain's height less the closed blocks. Nothing is written in an open
//! block.

use crate::{Closed, Config, Pallet, WeightInfo};
use frame_support::{traits::Get, weights::Weight};
use livepeer_primitives::{traits::ProtocolClock, BlockNumber};
use sp_runtime::{
	transaction_validity::{InvalidTransaction, TransactionValidityError},
	SaturatedConversion,
};

impl<T: Config> Pallet<T> {
	fn height() -> BlockNumber {
		frame_system::Pallet::<T>::block_number().saturated_into()
	}

	/// Leaves the block at work out if it is closed.
	pub(crate) fn set_clock() -> Weight {
		// Read through the configuration: a migration's cursor, and how long safe mode lasts.
		let weight = T::WeightInfo::close_block().saturating_add(T::DbWeight::get().reads(2));
		if T::IsClosed::get() {
			Self::close_block();
		}
		weight
	}

	/// Makes the block at work a closed one.
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

	/// Asks besides whether the chain is closed now: the pool does so before the next block's hook has
	/// noted anything, and what closes a block in its midst closes it for duties.
	fn ensure_open() -> Result<(), TransactionValidityError> {
		if Self::is_open() && !T::IsClosed::get() {
			Ok(())
		} else {
			Err(InvalidTransaction::Call.into())
		}
	}
}
