//! New claims: each opens a challenge.

use frame_support::{ensure, traits::Get, weights::Weight};
use livepeer_primitives::{
	claim::ClaimInfo,
	params::{LotteryParameters, VerificationTerms},
	traits::{Beacon, Claims, OnClaim, OnTranscoderLost, Rounds},
	AccountId, ClaimId, MAX_SAMPLES, MAX_VALIDATORS,
};
use sp_runtime::{DispatchError, DispatchResult};

use crate::{
	types::{
		Challenge, Class, Record, RoundRecord, Samples, Stage, MAX_COMMITTEE, PENALTIES_PER_STEP,
	},
	Accepted, Challenges, Config, Error, Event, OfRound, Pallet, WeightInfo,
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
			transcoded_work: 0,
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
		let accepted = transcoder.map_or(0, Self::full_claims);
		parameters.terms(accepted < parameters.new_claims)
	}

	fn future_of_claim(committee_size: u32) -> Weight {
		Self::urgent_of_claim(committee_size).saturating_add(Self::lazy_of_claim(committee_size))
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
	/// What a claim puts into the urgent queue if nobody errs: its draw, a phase that ends by its
	/// time because a member is late, and the decision of its committee.
	///
	/// Further tranches and the dispute are not included: silence and false verdicts lead to them
	/// and pay for them.
	pub fn urgent_of_claim(committee_size: u32) -> Weight {
		let members = committee_size.min(MAX_COMMITTEE);
		T::WeightInfo::draw(MAX_VALIDATORS, members)
			.saturating_add(T::WeightInfo::agenda_step())
			.saturating_add(T::WeightInfo::agenda_decide(members))
	}

	/// What it puts into the lazy queue in that case: the dismissal of its judges, and its
	/// settlement. A slash weighs more, and is paid for by the account that it hits.
	pub fn lazy_of_claim(committee_size: u32) -> Weight {
		let members = committee_size.min(MAX_COMMITTEE);
		let more_steps = members.div_ceil(PENALTIES_PER_STEP).saturating_sub(1);
		T::WeightInfo::agenda_dismiss(members)
			.saturating_add(T::WeightInfo::agenda_dismiss(0).saturating_mul(more_steps.into()))
			.saturating_add(Self::execution_weight())
			.saturating_add(T::WeightInfo::agenda_reward(0))
	}

	/// A transcoder's accepted work since it began, in full claims.
	pub(crate) fn full_claims(transcoder: &AccountId) -> u32 {
		let full = T::Parameters::get().full_claim().max(1);
		let claims = Accepted::<T>::get(transcoder).work / full;
		u32::try_from(claims).unwrap_or(u32::MAX)
	}

	/// A claim was accepted, and is not settled yet. It counts by the work that was judged;
	/// otherwise any number of small claims would end a beginning. Three kinds of work do not
	/// count: claims from before the transcoder began anew, claims on its own jobs, and rejected
	/// segments. A rejected segment counts as much work as decoding its job's largest segment, and
	/// making one that nobody can transcode takes no work.
	pub(crate) fn note_accepted(id: ClaimId, challenge: &Challenge) {
		let transcoder = &challenge.transcoder;
		let mut record = Accepted::<T>::get(transcoder);
		let is_later = record.since.is_none_or(|since| challenge.round > since);
		if !is_later || challenge.broadcaster == *transcoder {
			return;
		}
		let parameters = T::Parameters::get();
		if Self::full_claims(transcoder) < parameters.new_claims {
			let work = challenge.transcoded_work.min(parameters.full_claim());
			record.work = record.work.saturating_add(work);
		}
		let claimed = T::Claims::claim(id).map_or(0, |claim| claim.commitment.total_work);
		record.claimed = record.claimed.saturating_add(claimed);
		record.judged = record.judged.saturating_add(challenge.sampled_work);
		record.blocks = record.blocks.saturating_add(T::Claims::took(id).into());
		Accepted::<T>::insert(transcoder, record);
	}

	/// A transcoder begins anew: nothing that it has claimed so far counts.
	pub(crate) fn begin_anew(transcoder: &AccountId) {
		let since = T::Rounds::current();
		let has_open = OfRound::<T>::iter_key_prefix(transcoder).next().is_some();
		if has_open {
			let record = Record { since: Some(since), ..Record::default() };
			Accepted::<T>::insert(transcoder, record);
		} else {
			Accepted::<T>::remove(transcoder);
		}
	}

	/// A challenge is closed. With a transcoder's last one, no claim is left that must not count.
	pub(crate) fn forget_beginning(transcoder: &AccountId) {
		let record = Accepted::<T>::get(transcoder);
		if record.since.is_none() || OfRound::<T>::iter_key_prefix(transcoder).next().is_some() {
			return;
		}
		if record.claimed == 0 {
			Accepted::<T>::remove(transcoder);
		} else {
			Accepted::<T>::insert(transcoder, Record { since: None, ..record });
		}
	}
}

impl<T: Config> OnTranscoderLost for Pallet<T> {
	/// A transcoder that resigned or failed begins anew.
	fn on_transcoder_lost(transcoder: &AccountId) {
		Self::begin_anew(transcoder);
	}
}
