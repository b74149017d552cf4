//! Where claims come in: each opens a challenge.

use frame_support::{ensure, traits::Get};
use livepeer_primitives::{
	claim::ClaimInfo,
	params::{LotteryParameters, VerificationTerms},
	traits::{Beacon, OnClaim, OnTranscoderLost},
	AccountId, ClaimId, MAX_SAMPLES,
};
use sp_runtime::{DispatchError, DispatchResult};

use crate::{
	types::{Challenge, Class, RoundRecord, Samples, Stage},
	Accepted, Challenges, Config, Error, Event, OfRound, Pallet,
};

impl<T: Config> Pallet<T> {
	/// Opens the challenge of a new claim.
	pub(crate) fn do_open(
		id: ClaimId,
		info: &ClaimInfo,
		terms: &VerificationTerms,
	) -> DispatchResult {
		let parameters = T::Parameters::get().under(terms);
		ensure!(!Challenges::<T>::contains_key(id), Error::<T>::AlreadyChallenged);
		ensure!(Self::is_kept(&info.toolchain), Error::<T>::UnknownToolchain);
		ensure!(info.commitment.leaf_count > 0, Error::<T>::NoWork);
		ensure!(info.commitment.total_work > 0, Error::<T>::NoWork);
		ensure!(info.max_samples > 0, Error::<T>::CannotBeJudged);
		ensure!(
			info.commitment.leaf_count <= parameters.leaves_of(info.max_samples),
			Error::<T>::TooManyLeaves
		);
		Self::open_unchecked(id, info, parameters);
		Ok(())
	}

	/// Opens a challenge.
	pub(crate) fn open_unchecked(id: ClaimId, info: &ClaimInfo, parameters: LotteryParameters) {
		OfRound::<T>::mutate(&info.transcoder, info.round, |record| {
			let RoundRecord { open, slashed } = record.unwrap_or_default();
			*record = Some(RoundRecord { open: open.saturating_add(1), slashed });
		});
		T::Beacon::retain(info.window.saturating_add(1));
		let mut challenge = Challenge {
			transcoder: info.transcoder.clone(),
			broadcaster: info.broadcaster.clone(),
			round: info.round,
			window: info.window,
			snapshot: info.round,
			parameters,
			samples: Samples::default(),
			sampled_work: 0,
			largest_drawn: 0,
			patience: Self::patience(),
			stage: Stage::AwaitingSeed,
			due: 0,
			class: Class::Urgent,
		};
		let draw_at = T::Beacon::window_start(info.window.saturating_add(2));
		Self::enter(id, &mut challenge, draw_at);
		Self::deposit_event(Event::ChallengeOpened { claim: id, draw_at: challenge.due });
		Challenges::<T>::insert(id, challenge);
	}
}

impl<T: Config> OnClaim for Pallet<T> {
	fn max_samples(max_leaf_work: u64) -> u32 {
		T::Parameters::get().samples_of(max_leaf_work).min(MAX_SAMPLES)
	}

	fn terms(transcoder: Option<&AccountId>) -> VerificationTerms {
		let parameters = T::Parameters::get();
		let accepted = transcoder.map_or(0, Accepted::<T>::get);
		parameters.terms(accepted < parameters.new_claims)
	}

	fn on_claim(
		id: ClaimId,
		info: &ClaimInfo,
		terms: &VerificationTerms,
	) -> Result<(), DispatchError> {
		Self::do_open(id, info, terms)
	}
}

impl<T: Config> Pallet<T> {
	/// A claim of `transcoder` was accepted: by so many it is new no longer.
	pub(crate) fn note_accepted(transcoder: &AccountId) {
		let most = T::Parameters::get().new_claims;
		let accepted = Accepted::<T>::get(transcoder);
		if accepted < most {
			Accepted::<T>::insert(transcoder, accepted.saturating_add(1));
		}
	}
}

impl<T: Config> OnTranscoderLost for Pallet<T> {
	/// Who resigned or has failed begins anew.
	fn on_transcoder_lost(transcoder: &AccountId) {
		Accepted::<T>::remove(transcoder);
	}
}
