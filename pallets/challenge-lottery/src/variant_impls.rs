//! Forced variants. The transcoder opens which of the drawn segments had to have one, once all have
//! revealed what they committed to, or can no longer do so. A judge that knew it earlier could
//! withhold a verdict that it would show to be wrong.
//!
//! VRF proofs are expensive to check, and openings are free. The pool therefore checks only the
//! transcoder's signature, and the proofs are checked once, in the block that takes them. A
//! transcoder that signs wrong proofs has not opened its variants.

use alloc::vec::Vec;
use frame_support::{ensure, traits::Get};
use livepeer_primitives::{
	claim::ClaimInfo,
	keys::{OperatorSignature, Purpose},
	leaf::Leaf,
	refusal::Refusal as _,
	traits::{Claims, OperatorKeysOf, ProtocolClock},
	variant::{self, openings_hash, VariantOpening, VariantOpenings, VariantPlace},
	verdict::Phase,
	ClaimId, Hash, Seq,
};
use sp_runtime::{
	transaction_validity::{TransactionValidityWithRefund, ValidTransaction},
	DispatchResult,
};

use crate::{
	types::{Ballot, Challenge, Stage},
	Ballots, Challenges, Config, Error, Event, Leaves, Pallet,
};

impl<T: Config> Pallet<T> {
	/// Whether the transcoder still has to open its forced variants.
	pub(crate) fn awaits_opening(challenge: &Challenge) -> bool {
		!challenge.parameters.variant_rate.is_zero()
			&& challenge.samples.iter().any(|sample| sample.opened.is_none())
	}

	/// The rendition that must be a variant, for each revealed leaf in ascending order of index;
	/// `None` if there is none, or it is not opened.
	pub(crate) fn variants_due(id: ClaimId, challenge: &Challenge) -> Vec<Option<u8>> {
		let renditions = T::Claims::claim(id).map_or(0, |info| info.ladder.len());
		let due = |index: u32| {
			let sample = challenge.samples.iter().find(|sample| sample.leaf == Some(index))?;
			let choice = variant::choice(&sample.opened?.to_fixed_bytes());
			let rendition = choice.due(renditions, challenge.parameters.variant_rate)?;
			// A rejected segment, or an output that could not be made, is never a variant.
			let Leaf::Transcoded { outputs, .. } = Leaves::<T>::get(id, index)? else {
				return None;
			};
			outputs.get(usize::from(rendition))?.as_ref()?;
			Some(rendition)
		};
		Self::revealed_leaves(challenge).into_iter().map(due).collect()
	}

	/// Checks everything about openings except signature and proofs.
	pub(crate) fn check_openings(
		id: ClaimId,
		openings: &VariantOpenings,
	) -> Result<(Ballot, Challenge, ClaimInfo), Error<T>> {
		let challenge = Challenges::<T>::get(id).ok_or(Error::<T>::NoChallenge)?;
		let Some(ballot) = Self::ballot(id) else {
			return Err(match challenge.stage {
				Stage::AwaitingSeed => Error::<T>::TooEarly,
				Stage::Decided(_) => Error::<T>::NotOpening,
				_ if Self::awaits_opening(&challenge) => Error::<T>::TooEarly,
				_ => Error::<T>::NotOpening,
			});
		};
		ensure!(ballot.awaits_opening, Error::<T>::NotOpening);
		ensure!(ballot.phase == Phase::Open, Error::<T>::TooEarly);
		ensure!(Self::now() < ballot.deadline, Error::<T>::TooLate);
		let info = T::Claims::claim(id).ok_or(Error::<T>::NoChallenge)?;
		let leaves = Self::revealed_leaves(&challenge);
		ensure!(openings.iter().map(|opening| opening.index).eq(leaves), Error::<T>::WrongOpenings);
		Ok((ballot, challenge, info))
	}

	/// Decides whether openings may enter a block. The signature comes last, and no proof is checked.
	pub(crate) fn validate_open_variants(
		id: ClaimId,
		openings: &VariantOpenings,
		signature: &OperatorSignature,
	) -> TransactionValidityWithRefund {
		T::Clock::ensure_open()?;
		let (ballot, _, info) =
			Self::check_openings(id, openings).map_err(|error| error.refusal())?;
		let signer = &signature.signer;
		// The assignment's generation or the current one is accepted, because a key of the former
		// may have been revoked.
		let is_in_use = signer.generation == info.transcoder_keys
			|| signer.generation == T::Keys::current(&info.transcoder, Purpose::Duties);
		ensure!(
			signer.account == info.transcoder
				&& is_in_use && !T::Keys::is_revoked(signer, Purpose::Duties),
			Error::<T>::WrongSigner.refusal()
		);
		let signed = openings_hash(Self::genesis_hash(), id, ballot.seed, openings);
		ensure!(
			T::Keys::is_signed(signature, Purpose::Duties, &signed),
			Error::<T>::BadSignature.refusal()
		);
		let left = ballot.deadline.saturating_sub(Self::now()).max(1);
		ValidTransaction::with_tag_prefix("LivepeerVariants")
			.priority(T::DutyPriority::get())
			.and_provides((id, ballot.seed))
			.longevity(left.into())
			.propagate(true)
			.build()
			.map(|valid| (valid, frame_support::weights::Weight::zero()))
	}

	/// Accepts the transcoder's openings, once in a claim's life. The count, or with a wrong proof
	/// the claim's end, is put on the agenda of the next block.
	pub(crate) fn do_open_variants(id: ClaimId, openings: &VariantOpenings) -> DispatchResult {
		let (ballot, challenge, info) = Self::check_openings(id, openings)?;
		let key = T::Keys::vrf_key(&info.transcoder, info.transcoder_keys);
		let open = |opening: &VariantOpening| {
			let place = VariantPlace {
				genesis: Self::genesis_hash(),
				stream: info.stream,
				job: info.job,
				assignment: info.assignment,
				seq: info.first.saturating_add(Seq::from(opening.index)),
			};
			let x = place.verify(key.as_ref()?, &opening.vrf)?;
			Some((opening.index, Hash::from(x)))
		};
		match openings.iter().map(open).collect::<Option<Vec<_>>>() {
			Some(opened) => Self::apply_openings(id, challenge, ballot, &opened),
			None => Self::apply_wrong_openings(id, challenge, ballot),
		}
		Ok(())
	}

	/// Stores the VRF output for each drawn leaf.
	pub(crate) fn apply_openings(
		id: ClaimId,
		mut challenge: Challenge,
		mut ballot: Ballot,
		opened: &[(u32, Hash)],
	) {
		for sample in challenge.samples.iter_mut() {
			let leaf = opened.iter().find(|(index, _)| sample.leaf == Some(*index));
			sample.opened = leaf.map(|(_, x)| *x);
		}
		ballot.awaits_opening = false;
		let due = Self::variants_due(id, &challenge);
		Self::store_opening(id, challenge, ballot);
		Self::deposit_event(Event::VariantsOpened { claim: id, due });
	}

	/// The signed openings open nothing, so no time is left for it.
	pub(crate) fn apply_wrong_openings(id: ClaimId, challenge: Challenge, mut ballot: Ballot) {
		ballot.deadline = Self::now();
		ballot.spare = 0;
		Self::store_opening(id, challenge, ballot);
		Self::deposit_event(Event::WronglyOpened { claim: id });
	}

	/// Stores a ballot that waits for nothing any more. It is counted in the next block.
	fn store_opening(id: ClaimId, mut challenge: Challenge, ballot: Ballot) {
		if let Some(stored) = Ballots::<T>::get(id) {
			Self::announce_phase(id, &stored, &ballot);
		}
		Ballots::<T>::insert(id, ballot);
		Self::enter(id, &mut challenge, 0);
		Challenges::<T>::insert(id, challenge);
	}
}
