//! Duties: what transcoders sign, without an account that pays.

use frame_support::{
	pallet_prelude::{TransactionValidityWithRefund, ValidTransaction},
	traits::Get,
	weights::Weight,
};
use frame_system::pallet_prelude::BlockNumberFor;
use livepeer_primitives::{refusal::Refusal, AssignmentIndex, BlockNumber, Hash, JobId};
use sp_runtime::{traits::Zero, transaction_validity::TransactionPriority};

use crate::{Config, Error, Pallet};

impl<T: Config> Pallet<T> {
	/// Hash of the genesis block, which every signature of the protocol names.
	pub(crate) fn genesis_hash() -> Hash {
		let hash = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
		Hash::from_slice(hash.as_ref())
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

/// Acceptances and claims are refused for these errors.
impl<T: Config> Refusal for Error<T> {
	/// Jobs, offers and acceptances come in blocks that a node may not have yet, and so does what
	/// makes room: decided claims free backing and places, ended assignments a toolchain's place,
	/// top-ups fill an allowance, debts are paid, an account gets money or leaves jail, a toolchain
	/// is accepted, and a claim too small for its verification is taken once its assignment has
	/// ended. An offer that was passed on, time that is over, a cursor that has moved and a revoked
	/// key do not come back. Nor does an old generation of keys; a newer one, of which a node that
	/// is behind does not know, is not told from it.
	fn is_early(&self) -> bool {
		matches!(
			self,
			Self::NoJob
				| Self::NoAssignment
				| Self::NotAccepted
				| Self::Jailed
				| Self::UnknownToolchain
				| Self::TooManyToolchains
				| Self::AllowanceExceeded
				| Self::FeeBelowVerification
				| Self::NotBacked
				| Self::TooManyOpenClaims
				| Self::InDebt
				| Self::CannotPayFee
		)
	}
}
