//! Contradictions: two results for one segment, two segments in one place.

use frame_support::{dispatch::DispatchResult, ensure, traits::Get};
use livepeer_primitives::{
	keys::{Generation, OperatorSignature, Purpose},
	receipt::Receipt,
	segment::SegmentHeader,
	traits::{OperatorKeysOf as _, Slash as _},
	AccountId, Hash,
};

use crate::{types::Assignment, Assignments, Config, Equivocations, Error, Event, Jobs, Pallet};

impl<T: Config> Pallet<T> {
	/// See [`Pallet::report_equivocation`].
	pub(crate) fn do_report_equivocation(
		reporter: AccountId,
		header: &SegmentHeader,
		receipts: &[Receipt; 2],
		signatures: &[OperatorSignature; 2],
	) -> DispatchResult {
		let hash = header.hash();
		let [one, two] = receipts;
		ensure!(one.header == hash && one.equivocates(two), Error::<T>::NotEquivocation);
		let (job_id, transcoder) = (header.job, header.transcoder.clone());
		let assignment = Self::signed_for(header)?;
		ensure!(assignment.transcoder == transcoder, Error::<T>::NotTranscoder);
		let agreement = assignment.agreement.ok_or(Error::<T>::NotAccepted)?;
		ensure!(
			!Equivocations::<T>::contains_key(job_id, &transcoder),
			Error::<T>::AlreadyReported
		);
		for (receipt, signature) in receipts.iter().zip(signatures) {
			let keys = agreement.transcoder_keys;
			Self::ensure_signed_by(&transcoder, keys, Purpose::Duties, &receipt.hash(), signature)?;
		}
		Equivocations::<T>::insert(job_id, &transcoder, ());
		let offence = Self::round_of(&assignment, header.seq);
		let fraction = T::Lottery::get().equivocation_slash;
		let finders = core::slice::from_ref(&reporter);
		let slashed = T::Slash::slash(&transcoder, offence, fraction, finders);
		Self::deposit_event(Event::TranscoderEquivocated {
			job: job_id,
			transcoder,
			reporter,
			slashed: slashed.total,
			finders_fee: slashed.finders_fee,
		});
		Ok(())
	}

	/// See [`Pallet::report_broadcaster`].
	pub(crate) fn do_report_broadcaster(
		headers: &[SegmentHeader; 2],
		signatures: &[OperatorSignature; 2],
	) -> DispatchResult {
		let [one, two] = headers;
		ensure!(one.equivocates(two), Error::<T>::NotEquivocation);
		let assignment = Self::signed_for(one)?;
		let mut job = Jobs::<T>::get(one.job).ok_or(Error::<T>::NoJob)?;
		ensure!(job.bond > 0, Error::<T>::AlreadyReported);
		let broadcaster = job.broadcaster.clone();
		// Before the transcoder accepts, the broadcaster can only sign by its current generation.
		let generation = match assignment.agreement {
			Some(agreement) => agreement.broadcaster_keys,
			None => T::Keys::current(&broadcaster, Purpose::Segments),
		};
		for (header, signature) in headers.iter().zip(signatures) {
			let hash = header.hash();
			Self::ensure_signed_by(&broadcaster, generation, Purpose::Segments, &hash, signature)?;
		}
		let forfeited = core::mem::take(&mut job.bond);
		Self::forfeit(&broadcaster, forfeited)?;
		Jobs::<T>::insert(one.job, job);
		Self::deposit_event(Event::BroadcasterEquivocated { job: one.job, broadcaster, forfeited });
		Ok(())
	}

	/// The stored assignment for which a header was signed, on this chain.
	fn signed_for(header: &SegmentHeader) -> Result<Assignment, Error<T>> {
		ensure!(header.genesis == Self::genesis_hash(), Error::<T>::WrongChain);
		let assignment =
			Assignments::<T>::get(header.job, header.assignment).ok_or(Error::<T>::NoAssignment)?;
		// By block numbers, wherever the agenda is; what waits for a claim's outcome is not over.
		let is_over =
			assignment.over && assignment.open_claims == 0 && assignment.kept_until < Self::now();
		ensure!(!is_over, Error::<T>::TooLate);
		Ok(assignment)
	}

	/// Checks that `account` signed the object of this hash by a key of this generation.
	fn ensure_signed_by(
		account: &AccountId,
		generation: Generation,
		purpose: Purpose,
		object: &Hash,
		signature: &OperatorSignature,
	) -> Result<(), Error<T>> {
		let signer = &signature.signer;
		ensure!(
			signer.account == *account && signer.generation == generation,
			Error::<T>::WrongGeneration
		);
		ensure!(T::Keys::is_signed(signature, purpose, object), Error::<T>::BadSignature);
		Ok(())
	}
}
