//! What the pool is told of a call without an account that is refused.
//!
//! A pool refuses the bytes of an *invalid* transaction for half an hour, whoever sends them. It
//! forgets those of an *unknown* one at once, and asks anew when they come again. The same call is
//! owed on every node, but a node can be a block behind, and in a migration nothing is taken
//! anywhere. So a call is unknown where a later block can accept the same bytes, and invalid where
//! none can. Both are refused, by pool and block alike.
//!
//! What is gone and what is still to come often look the same, such as a number that nothing has.
//! That is unknown too.

use codec::Encode;
use sp_runtime::transaction_validity::{
	InvalidTransaction, TransactionValidityError, UnknownTransaction,
};

/// The refusal of what may only be early, where no error of a pallet says more.
pub const NOT_YET: UnknownTransaction = UnknownTransaction::CannotLookup;

/// An error of a pallet for which an authorized call is refused.
pub trait Refusal: Encode {
	/// Whether a later block can accept the same bytes, so that a node that is behind cannot tell
	/// that they are wrong.
	fn is_early(&self) -> bool;

	/// The pool's answer: `Custom(n)` for the pallet's error `n`.
	fn refusal(&self) -> TransactionValidityError {
		let number = self.encode().first().copied().unwrap_or(u8::MAX);
		if self.is_early() {
			UnknownTransaction::Custom(number).into()
		} else {
			InvalidTransaction::Custom(number).into()
		}
	}
}
