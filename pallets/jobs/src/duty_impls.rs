//! Duties: what transcoders sign, without an account that pays.

use codec::Encode;
use frame_support::{
	pallet_prelude::{TransactionValidityWithRefund, ValidTransaction},
	traits::Get,
	weights::Weight,
};
use frame_system::pallet_prelude::BlockNumberFor;
use livepeer_primitives::{AssignmentIndex, BlockNumber, Hash, JobId};
use sp_runtime::{
	traits::Zero,
	transaction_validity::{InvalidTransaction, TransactionPriority, TransactionValidityError},
};

use crate::{Config, Error, Pallet};

impl<T: Config> Pallet<T> {
	/// Hash of the genesis block, which every signature of the protocol names.
	pub(crate) fn genesis_hash() -> Hash {
		let hash = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
		Hash::from_slice(hash.as_ref())
	}

	/// The pool's answer for a refused authorized call: `Custom(n)` for the pallet's error `n`.
	pub(crate) fn refusal(error: Error<T>) -> TransactionValidityError {
		let number = error.encode().first().copied().unwrap_or(u8::MAX);
		InvalidTransaction::Custom(number).into()
	}

	/// The pool's answer for an accepted authorized call: one at a time for each assignment and
	/// kind, so that nobody can fill the pool with calls that exclude each other.
	pub(crate) fn taken(
		kind: &'static str,
		job: JobId,
		assignment: AssignmentIndex,
		longevity: BlockNumber,
	) -> TransactionValidityWithRefund {
		let priority: TransactionPriority = T::DutyPriority::get();
		let valid = ValidTransaction::with_tag_prefix("livepeer-jobs")
			.and_provides((kind, job, assignment))
			.priority(priority)
			.longevity(longevity.max(1).into())
			.propagate(true)
			.build()?;
		Ok((valid, Weight::zero()))
	}
}
