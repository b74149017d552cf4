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
	traits::{OperatorKeysOf as _, Rounds as _, Slash as _},
	AccountId, ClaimId, Hash, JobId, RoundIndex,
};
use sp_runtime::DispatchError;

use crate::{
	types::{self, Assignment, LeafEvidence},
	Assignments, Config, Error, Event, HoldReason, Jobs, OpenClaims, Pallet, Turns,
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
		let offence = Self::offence(header, &assignment)?;
		Self::ensure_broadcaster_signed(header, &assignment, header_signature)?;
		for (receipt, signature) in receipts.iter().zip(signatures) {
			Self::ensure_receipt_signed(&assignment, receipt, signature)?;
		}
		Ok(Self::punish(header.job, assignment.transcoder, offence, reporter))
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
		let offence = Self::offence(&header, &assignment)?;
		Self::ensure_broadcaster_signed(&header, &assignment, header_signature)?;
		Self::ensure_receipt_signed(&assignment, receipt, signature)?;
		Ok(Self::punish(header.job, assignment.transcoder, offence, reporter))
	}

	/// The round as of which a transcoder's contradictions in this job are punished, once: that of
	/// the first acceptance that is still stored. No report can choose it, so no report can exclude
	/// another.
	fn offence(header: &SegmentHeader, assignment: &Assignment) -> Result<RoundIndex, Error<T>> {
		ensure!(assignment.transcoder == header.transcoder, Error::<T>::NotTranscoder);
		let turns =
			Turns::<T>::get(header.job, &header.transcoder).ok_or(Error::<T>::NotAccepted)?;
		ensure!(!turns.punished, Error::<T>::AlreadyReported);
		Ok(turns.since)
	}

	/// Counts an accepted assignment.
	pub(crate) fn begin_turn(job: JobId, transcoder: &AccountId) {
		Turns::<T>::mutate(job, transcoder, |slot| {
			let turns = slot.get_or_insert_with(|| types::Turns {
				since: T::Rounds::current(),
				assignments: 0,
				punished: false,
			});
			turns.assignments = turns.assignments.saturating_add(1);
		});
	}

	/// Counts down when an accepted assignment is deleted. If a contradiction was punished, the
	/// entry stays until the job is closed.
	pub(crate) fn end_turn(job: JobId, transcoder: &AccountId) {
		Turns::<T>::mutate_exists(job, transcoder, |slot| {
			let Some(turns) = slot else { return };
			turns.assignments = turns.assignments.saturating_sub(1);
			if turns.assignments == 0 && !turns.punished {
				*slot = None;
			}
		});
	}

	/// Slashes a transcoder as of this round. A transcoder is no finder of its own offence.
	fn punish(job: JobId, transcoder: AccountId, offence: RoundIndex, reporter: AccountId) -> Pays {
		Turns::<T>::mutate(job, &transcoder, |turns| {
			if let Some(turns) = turns {
				turns.punished = true;
			}
		});
		let fraction = T::Lottery::get().equivocation_slash;
		let is_itself = reporter == transcoder;
		let finders: &[AccountId] = if is_itself { &[] } else { core::slice::from_ref(&reporter) };
		let slashed = T::Slash::slash(&transcoder, offence, fraction, finders);
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

	/// Checks that the job's broadcaster signed a segment by the keys of the assignment, so that a
	/// transcoder and its accomplices alone cannot invent one.
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
		// Before the transcoder accepts, the broadcaster can sign only with its current generation.
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
		// By block numbers, however late the agenda is. An assignment that waits for a claim's
		// outcome is not over.
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
