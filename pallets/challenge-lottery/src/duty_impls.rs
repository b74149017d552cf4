//! Duties: what is signed without an account that pays.

use codec::Encode;
use frame_system::pallet_prelude::BlockNumberFor;
use livepeer_primitives::Hash;
use sp_runtime::{
	traits::Zero,
	transaction_validity::{InvalidTransaction, TransactionValidityError},
};

use crate::{Config, Error, Pallet};

impl<T: Config> Pallet<T> {
	/// Hash of the genesis block, which every signature of the protocol names.
	pub(crate) fn genesis_hash() -> Hash {
		frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero())
	}

	/// The pool's answer for a refused authorized call: `Custom(n)` for the pallet's error `n`.
	pub(crate) fn refusal(error: Error<T>) -> TransactionValidityError {
		let number = error.encode().first().copied().unwrap_or(u8::MAX);
		InvalidTransaction::Custom(number).into()
	}
}
