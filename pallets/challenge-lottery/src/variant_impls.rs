//! Forced variants: the transcoder opens which of the drawn segments had to have one, once nobody can
//! change what was committed to.

use alloc::vec::Vec;
use frame_support::{ensure, traits::Get};
use livepeer_primitives::{
	leaf::Leaf,
	traits::{Claims, OperatorKeysOf, ProtocolClock},
	variant::{self, VariantOpenings, VariantPlace},
	verdict::Phase,
	ClaimId, Hash, Seq,
};
use sp_runtime::{
	transaction_validity::{TransactionValidityWithRefund, ValidTransaction},
	DispatchResult,
};

use crate::{
	draw_impls::invalid,
	types::{Ballot, Challenge},
	Ballots, Challenges, Config, Error, Event, Leaves, Pallet,
};

/// What each drawn leaf is opened to, by its index.
type Opened = Vec<(u32, Hash)>;

impl<T: Config> Pallet<T> {
	/// Whether the transcoder still has to open its forced variants.
	pub(crate) fn awaits_opening(challenge: &Challenge) -> bool {
		!challenge.parameters.variant_rate.is_zero()
			&& challenge.samples.iter().any(|sample| sample.opened.is_none())
	}

	/// The rendition that has to be a variant, for each revealed leaf in ascending order of index; nothing
	/// where that is none, or is not opened.
	pub(crate) fn variants_due(id: ClaimId, challenge: &Challenge) -> Vec<Option<u8>> {
		let renditions = T::Claims::claim(id).map_or(0, |info| info.ladder.len());
		let due = |index: u32| {
			let sample = challenge.samples.iter().find(|sample| sample.leaf == Some(index))?;
			let choice = variant::choice(&sample.opened?.to_fixed_bytes());
			let rendition = choice.due(renditions, challenge.parameters.variant_rate)?;
			// What was rejected, or could not be made, can be no variant.
			let Leaf::Transcoded { outputs, .. } = Leaves::<T>::get(id, index)? else {
				return None;
			};
			outputs.get(usize::from(rendition))?.as_ref()?;
			Some(rendition)
		};
		Self::revealed_leaves(challenge).into_iter().map(due).collect()
	}

	/// The ballot in whose reveal phase a claim's variants are to be opened now.
	fn opening_ballot(id: ClaimId) -> Result<Ballot, Error<T>> {
		let ballot = Ballots::<T>::get(id).ok_or(Error::<T>::NotOpening)?.at(Self::now());
		ensure!(ballot.awaits_opening, Error::<T>::NotOpening);
		ensure!(ballot.phase == Phase::Reveal, Error::<T>::TooEarly);
		ensure!(Self::now() < ballot.deadline, Error::<T>::TooLate);
		Ok(ballot)
	}

	/// x of each drawn leaf in ascending order, by the transcoder's openings.
	fn check_openings(
		id: ClaimId,
		openings: &VariantOpenings,
	) -> Result<(Ballot, Challenge, Opened), Error<T>> {
		let ballot = Self::opening_ballot(id)?;
		let challenge = Challenges::<T>::get(id).ok_or(Error::<T>::NoChallenge)?;
		let info = T::Claims::claim(id).ok_or(Error::<T>::NoChallenge)?;
		let leaves = Self::revealed_leaves(&challenge);
		ensure!(openings.iter().map(|opening| opening.index).eq(leaves), Error::<T>::WrongOpenings);
		let key = T::Keys::vrf_key(&info.transcoder, info.transcoder_keys)
			.ok_or(Error::<T>::WrongOpenings)?;
		let mut opened = Vec::new();
		for opening in openings {
			let place = VariantPlace {
				genesis: Self::genesis_hash(),
				stream: info.stream,
				job: info.job,
				assignment: info.assignment,
				seq: info.first.saturating_add(Seq::from(opening.index)),
			};
			let x = place.verify(&key, &opening.vrf).ok_or(Error::<T>::BadOpening)?;
			opened.push((opening.index, Hash::from(x)));
		}
		Ok((ballot, challenge, opened))
	}

	/// Decides whether openings may enter a block. Their proofs come last.
	pub(crate) fn check_open_variants(
		id: ClaimId,
		openings: &VariantOpenings,
	) -> TransactionValidityWithRefund {
		T::Clock::ensure_open()?;
		let (ballot, ..) = Self::check_openings(id, openings).map_err(invalid)?;
		let left = ballot.deadline.saturating_sub(Self::now()).max(1);
		ValidTransaction::with_tag_prefix("LivepeerVariants")
			.priority(T::DutyPriority::get())
			.and_provides((id, ballot.seed))
			.longevity(left.into())
			.propagate(true)
			.build()
			.map(|valid| (valid, frame_support::weights::Weight::zero()))
	}

	/// Stores what the transcoder opens; where all have revealed, the count is on the agenda of the next
	/// block.
	pub(crate) fn do_open_variants(id: ClaimId, openings: &VariantOpenings) -> DispatchResult {
		let (ballot, challenge, opened) = Self::check_openings(id, openings)?;
		Self::apply_openings(id, challenge, ballot, &opened);
		Ok(())
	}

	/// Stores x of each drawn leaf.
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
		if let Some(stored) = Ballots::<T>::get(id) {
			Self::announce_reveal(id, &stored, &ballot);
		}
		ballot.awaits_opening = false;
		let all_answered = ballot.revealed >= ballot.committed;
		let deadline = ballot.deadline;
		Ballots::<T>::insert(id, ballot);
		let due = Self::variants_due(id, &challenge);
		Self::enter(id, &mut challenge, if all_answered { 0 } else { deadline });
		Challenges::<T>::insert(id, challenge);
		Self::deposit_event(Event::VariantsOpened { claim: id, due });
	}
}
