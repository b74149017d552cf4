//! Contradictions: two results for one segment, two segments in one place.

use frame_support::{
	dispatch::{DispatchResult, Pays},
	ensure,
	traits::Get,
};
use livepeer_primitives::{
	keys::{Generation, OperatorSignature, Purpose},
	receipt::Receipt,
	segment::SegmentHeader,
	sum_tree,
	traits::{OperatorKeysOf as _, Slash as _},
	AccountId, ClaimId, Hash, JobId, RoundIndex,
};
use sp_runtime::DispatchError;

use crate::{
	types::{Assignment, LeafEvidence},
	Assignments, Config, Equivocations, Error, Event, HoldReason, Jobs, OpenClaims, Pallet,
};

impl<T: Config> Pallet<T> {
	/// See [`Pallet::report_equivocation`].
	pub(crate) fn do_report_equivocation(
		reporter: AccountId,
		header: &SegmentHeader,
		header_signature: &OperatorSignature,
		receipts: &[Receipt; 2],
		signatures: &[OperatorSignature; 2],
	) -> Result<Pays, DispatchError> {
		let hash = header.hash();
		let [one, two] = receipts;
		ensure!(one.header == hash && one.equivocates(two), Error::<T>::NotEquivocation);
		let assignment = Self::signed_for(header)?;
		let offence = Self::round_of(&assignment, header.seq);
		let counted = Self::counted(header, &assignment, offence)?;
		Self::ensure_broadcaster_signed(header, &assignment, header_signature)?;
		for (receipt, signature) in receipts.iter().zip(signatures) {
			Self::ensure_receipt_signed(&assignment, receipt, signature)?;
		}
		Ok(Self::punish(header.job, assignment.transcoder, offence, counted, reporter))
	}

	/// See [`Pallet::report_leaf`].
	pub(crate) fn do_report_leaf(
		reporter: AccountId,
		id: ClaimId,
		evidence: &LeafEvidence,
	) -> Result<Pays, DispatchError> {
		let LeafEvidence { index, leaf, proof, header_signature, receipt, signature } = evidence;
		let info = OpenClaims::<T>::get(id).ok_or(Error::<T>::NoClaim)?.info;
		let place = info.place(Self::genesis_hash(), *index);
		let claimed =
			leaf.receipt(place.clone(), info.toolchain).ok_or(Error::<T>::NotEquivocation)?;
		ensure!(claimed.equivocates(receipt), Error::<T>::NotEquivocation);
		sum_tree::verify(&info.commitment, *index, leaf, proof)
			.map_err(|_| Error::<T>::NotEquivocation)?;
		let header = leaf.header(place).ok_or(Error::<T>::NotEquivocation)?;
		let assignment = Self::signed_for(&header)?;
		let counted = Self::counted(&header, &assignment, info.round)?;
		Self::ensure_broadcaster_signed(&header, &assignment, header_signature)?;
		Self::ensure_receipt_signed(&assignment, receipt, signature)?;
		Ok(Self::punish(header.job, assignment.transcoder, info.round, counted, reporter))
	}

	/// The round as of which the transcoder's contradiction in this job was punished already, if it
	/// was: as of a later round than this offence's, else there is nothing left to punish.
	fn counted(
		header: &SegmentHeader,
		assignment: &Assignment,
		offence: RoundIndex,
	) -> Result<Option<RoundIndex>, Error<T>> {
		ensure!(assignment.transcoder == header.transcoder, Error::<T>::NotTranscoder);
		let counted = Equivocations::<T>::get(header.job, &header.transcoder);
		ensure!(counted.is_none_or(|counted| offence < counted), Error::<T>::AlreadyReported);
		Ok(counted)
	}

	/// Slashes a transcoder for an offence of this round: once in a job. If that was done as of the
	/// later round `counted`, what left its stake between the two is what is missing, so that nobody
	/// spares it by reporting another contradiction first. A transcoder is no finder of its own.
	fn punish(
		job: JobId,
		transcoder: AccountId,
		offence: RoundIndex,
		counted: Option<RoundIndex>,
		reporter: AccountId,
	) -> Pays {
		Equivocations::<T>::insert(job, &transcoder, offence);
		let fraction = T::Lottery::get().equivocation_slash;
		let is_itself = reporter == transcoder;
		let finders: &[AccountId] = if is_itself { &[] } else { core::slice::from_ref(&reporter) };
		let slashed = match counted {
			None => T::Slash::slash(&transcoder, offence, fraction, finders),
			Some(counted) => {
				T::Slash::extend_slash(&transcoder, offence, counted, fraction, finders)
			}
		};
		Self::deposit_event(Event::TranscoderEquivocated {
			job,
			transcoder,
			offence,
			reporter,
			slashed: slashed.total,
			finders_fee: slashed.finders_fee,
		});
		if is_itself || slashed.total == 0 {
			Pays::Yes
		} else {
			Pays::No
		}
	}

	/// Checks that the job's broadcaster signed a segment by the keys of the assignment: a transcoder
	/// and its accomplices alone can invent none.
	fn ensure_broadcaster_signed(
		header: &SegmentHeader,
		assignment: &Assignment,
		signature: &OperatorSignature,
	) -> Result<(), Error<T>> {
		let job = Jobs::<T>::get(header.job).ok_or(Error::<T>::NoJob)?;
		let agreement = assignment.agreement.ok_or(Error::<T>::NotAccepted)?;
		let (keys, hash) = (agreement.broadcaster_keys, header.hash());
		Self::ensure_signed_by(&job.broadcaster, keys, Purpose::Segments, &hash, signature)
	}

	/// Checks that the assignment's transcoder signed a receipt by the keys of the assignment.
	fn ensure_receipt_signed(
		assignment: &Assignment,
		receipt: &Receipt,
		signature: &OperatorSignature,
	) -> Result<(), Error<T>> {
		let keys = assignment.agreement.ok_or(Error::<T>::NotAccepted)?.transcoder_keys;
		let (transcoder, hash) = (&assignment.transcoder, receipt.hash());
		Self::ensure_signed_by(transcoder, keys, Purpose::Duties, &hash, signature)
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
		Self::forfeit(HoldReason::Bond, &broadcaster, forfeited)?;
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
