//! Claims, from claiming to the outcome.

use alloc::vec::Vec;
use codec::Encode;
use frame_support::{
	dispatch::DispatchResult, ensure, pallet_prelude::TransactionValidityWithRefund,
	storage::with_storage_layer, traits::Get, weights::Weight,
};
use livepeer_primitives::{
	claim::{ClaimInfo, WorkClaim},
	keys::{OperatorSignature, Purpose},
	refusal::Refusal as _,
	sum_tree::Commitment,
	traits::{
		Beacon as _, ChargeFee as _, Claims, Liability as _, OnClaim as _, OnDecided,
		OperatorKeysOf as _, ProtocolClock as _, Rounds as _, Settlement, VerificationBill,
	},
	AccountId, Balance, BlockNumber, ClaimId, RoundIndex,
};
use sp_runtime::DispatchError;

use crate::{
	decision::{self, BadClaim, Charge, ClaimBounds, Claimed},
	types::{Agreement, Assignment, Job, OpenClaim, Phase, Prepayment, PAYOUTS_PER_STEP},
	Assignments, ClaimsOf, Config, Debts, Error, Event, Exposed, Jobs, NextClaim, OpenClaims,
	Pallet, Places, WeightInfo,
};

/// Blocks for which a claim that is valid now can wait in the pool.
const CLAIM_LONGEVITY: BlockNumber = 32;

/// Payments out of a claim's escrow besides those to its verifiers: the fee, a refund, and the rest
/// of the prepayment.
const OTHER_PAYMENTS: u32 = 3;
/// Encoded length of a claim without extensions, and of its signature.
const CLAIM_LENGTH: u32 = 243;

/// A claim that was checked.
pub(crate) struct Checked {
	job: Job,
	assignment: Assignment,
	agreement: Agreement,
	charge: Charge,
}

impl<T: Config> Pallet<T> {
	/// Checks everything about a claim except its signature.
	pub(crate) fn check_claim(
		claim: &WorkClaim,
		signature: &OperatorSignature,
	) -> Result<Checked, Error<T>> {
		let signer = &signature.signer;
		ensure!(claim.genesis == Self::genesis_hash(), Error::<T>::WrongChain);
		let job = Jobs::<T>::get(claim.job).ok_or(Error::<T>::NoJob)?;
		let assignment =
			Assignments::<T>::get(claim.job, claim.assignment).ok_or(Error::<T>::NoAssignment)?;
		ensure!(assignment.transcoder == signer.account, Error::<T>::NotTranscoder);
		let agreement = assignment.agreement.ok_or(Error::<T>::NotAccepted)?;
		// By block numbers, however late the agenda is.
		let until = assignment.claimable_until.unwrap_or_else(|| Self::last_claimable(&job));
		ensure!(!assignment.over && Self::now() <= until, Error::<T>::TooLate);
		ensure!(signer.generation == agreement.transcoder_keys, Error::<T>::WrongGeneration);
		ensure!(claim.toolchain == agreement.toolchain, Error::<T>::WrongToolchain);
		let bounds = ClaimBounds {
			next_seq: assignment.next_seq,
			allowance: assignment.allowance,
			price: assignment.price,
			max_leaf_work: job.max_leaf_work,
			max_leaves: assignment.terms.leaves_of(job.max_samples),
			smallest_fee: Self::smallest_fee(),
			terms: assignment.terms,
			max_samples: job.max_samples,
			has_ended: assignment.claimable_until.is_some() || Self::now() >= job.end,
		};
		let claimed = Claimed {
			first: claim.first,
			last: claim.last,
			total_work: claim.total_work,
			largest_leaf: claim.largest_leaf,
		};
		let charge = decision::charge(&bounds, &claimed).map_err(Self::claim_error)?;
		ensure!(Self::is_backed(&signer.account, charge.worth()), Error::<T>::NotBacked);
		// A place that is kept for the assignment belongs to it, however many the transcoder's
		// others take.
		ensure!(
			assignment.undecided < assignment.reserved
				|| Places::<T>::get(&signer.account) < T::Parameters::get().max_open_claims,
			Error::<T>::TooManyOpenClaims
		);
		ensure!(!Debts::<T>::contains_key(&signer.account), Error::<T>::InDebt);
		ensure!(NextClaim::<T>::get() < ClaimId::MAX, Error::<T>::NoMoreNumbers);
		ensure!(!T::Keys::is_revoked(signer, Purpose::Duties), Error::<T>::KeyRevoked);
		let committee = assignment.terms.committee_size;
		let (weight, len) = Self::claim_cost(claim, signature, committee);
		ensure!(T::ChargeFee::can_pay(&signer.account, weight, len), Error::<T>::CannotPayFee);
		Ok(Checked { job, assignment, agreement, charge })
	}

	/// The weight of a claim's call, with everything that a claim with a committee of this size
	/// causes later if nobody errs. The call takes that much of a block and pays for it. Otherwise
	/// one block of small calls could fill the agendas of many.
	pub fn claim_weight(committee_size: u32) -> Weight {
		let payments = committee_size.saturating_add(OTHER_PAYMENTS);
		let more_steps = payments.div_ceil(PAYOUTS_PER_STEP).saturating_sub(1);
		T::WeightInfo::claim_work()
			.saturating_add(T::OnClaim::future_of_claim(committee_size))
			.saturating_add(T::WeightInfo::task_payouts().saturating_mul(more_steps.into()))
	}

	/// What a claim's call pays for: its weight by the terms of its assignment, and its encoded
	/// length.
	fn claim_cost(
		claim: &WorkClaim,
		signature: &OperatorSignature,
		committee_size: u32,
	) -> (Weight, u32) {
		let len = claim.encoded_size().saturating_add(signature.encoded_size());
		(Self::paid_weight(committee_size), u32::try_from(len).unwrap_or(u32::MAX))
	}

	/// The weight for which a claim's call pays.
	fn paid_weight(committee_size: u32) -> Weight {
		Self::claim_weight(committee_size).saturating_add(T::WeightInfo::authorize_claim_work())
	}

	/// What the call of a typical claim costs now, in ETH.
	pub(crate) fn call_fee(committee_size: u32) -> Balance {
		T::ChargeFee::price_in_eth(Self::paid_weight(committee_size), CLAIM_LENGTH)
	}

	/// Decides whether a claim may enter a block.
	pub(crate) fn validate_claim_work(
		claim: &WorkClaim,
		signature: &OperatorSignature,
	) -> TransactionValidityWithRefund {
		T::Clock::ensure_open()?;
		Self::check_claim(claim, signature).map_err(|error| error.refusal())?;
		ensure!(
			T::Keys::is_signed(signature, Purpose::Duties, &claim.hash()),
			Error::<T>::BadSignature.refusal()
		);
		Self::taken("claim", claim.job, claim.assignment, CLAIM_LONGEVITY)
	}

	/// See [`Pallet::claim_work`].
	pub(crate) fn do_claim_work(
		claim: &WorkClaim,
		signature: &OperatorSignature,
	) -> DispatchResult {
		let Checked { mut job, mut assignment, agreement, charge } =
			Self::check_claim(claim, signature)?;
		let committee = assignment.terms.committee_size;
		let (weight, len) = Self::claim_cost(claim, signature, committee);
		T::ChargeFee::charge(&assignment.transcoder, weight, len)?;
		let (id, index) = (claim.job, claim.assignment);
		// The broadcaster's part of what the fee does not cover, if it ended the assignment.
		let shortfall = if assignment.ended_by_broadcaster {
			charge.shortfall.min(assignment.reserve)
		} else {
			0
		};
		Self::escrow(&job.broadcaster, charge.fee.saturating_add(shortfall))?;
		assignment.reserve = assignment.reserve.saturating_sub(shortfall);
		let wanted = charge.prepayment.saturating_sub(shortfall);
		let prepaid = Self::prepay(&assignment.transcoder, &job.broadcaster, wanted);
		assignment.allowance = assignment.allowance.saturating_sub(charge.fee);
		assignment.claimed = assignment.claimed.saturating_add(charge.fee);
		assignment.next_seq = charge.next_seq;
		// An ended assignment gets no more allowance: nothing new may be sent for it.
		if job.phase == (Phase::Running { assignment: index }) {
			Self::refill(&mut job, &mut assignment);
		}
		let info = ClaimInfo {
			job: id,
			assignment: index,
			transcoder: assignment.transcoder.clone(),
			transcoder_keys: agreement.transcoder_keys,
			broadcaster: job.broadcaster.clone(),
			broadcaster_keys: agreement.broadcaster_keys,
			stream: job.stream,
			first: claim.first,
			commitment: Commitment {
				root: claim.root,
				total_work: claim.total_work,
				leaf_count: charge.leaf_count,
			},
			largest_leaf: claim.largest_leaf,
			toolchain: agreement.toolchain,
			ladder: job.ladder.clone(),
			limits: job.limits,
			factors: job.factors,
			max_samples: job.max_samples,
			fee: charge.fee,
			round: T::Rounds::current(),
			window: T::Beacon::current_window(),
		};
		Jobs::<T>::insert(id, job);
		let terms = assignment.terms;
		let prepayment = Prepayment { whole: charge.prepayment, prepaid, shortfall };
		let claim_id = Self::open_claim(&info, &mut assignment, prepayment)?;
		Assignments::<T>::insert(id, index, assignment);
		if charge.prepayment > 0 {
			Self::deposit_event(Event::VerificationPrepaid {
				claim: claim_id,
				prepayment: charge.prepayment,
				prepaid,
				shortfall,
			});
		}
		Self::deposit_event(Event::Claimed {
			claim: claim_id,
			job: id,
			assignment: index,
			transcoder: info.transcoder.clone(),
			first: claim.first,
			last: claim.last,
			total_work: claim.total_work,
			fee: info.fee,
		});
		T::OnClaim::on_claim(claim_id, &info, &terms)
	}

	/// Stores a claim under the next number.
	pub(crate) fn open_claim(
		info: &ClaimInfo,
		assignment: &mut Assignment,
		prepayment: Prepayment,
	) -> Result<ClaimId, DispatchError> {
		let id = NextClaim::<T>::get();
		NextClaim::<T>::put(id.checked_add(1).ok_or(Error::<T>::NoMoreNumbers)?);
		let places = assignment.places();
		assignment.undecided = assignment.undecided.saturating_add(1);
		assignment.open_claims = assignment.open_claims.saturating_add(1);
		Self::move_places(&info.transcoder, places, assignment.places());
		ClaimsOf::<T>::insert(&info.transcoder, id, ());
		let (fee_share, now) = (assignment.fee_share, Self::now());
		let took = now.saturating_sub(assignment.last_claim);
		assignment.last_claim = now;
		let Prepayment { whole, prepaid, shortfall } = prepayment;
		let info = info.clone();
		let (round, transcoder) = (info.round, info.transcoder.clone());
		let prepayment = whole;
		let claim =
			OpenClaim { info, fee_share, decided: false, prepayment, prepaid, shortfall, took };
		let worth = claim.worth();
		OpenClaims::<T>::insert(id, claim);
		Exposed::<T>::mutate(&transcoder, |exposed| *exposed = exposed.saturating_add(worth));
		T::Liability::open(&transcoder, round);
		Ok(id)
	}

	/// Frees a claim's place in its assignment, because the claim has its outcome.
	fn decided(id: ClaimId, claim: &mut OpenClaim) {
		if claim.decided {
			return;
		}
		claim.decided = true;
		Exposed::<T>::mutate_exists(&claim.info.transcoder, |slot| {
			let left = slot.unwrap_or(0).saturating_sub(claim.worth());
			*slot = Some(left).filter(|left| *left > 0);
		});
		Assignments::<T>::mutate(claim.info.job, claim.info.assignment, |slot| {
			let Some(assignment) = slot else { return };
			let places = assignment.places();
			assignment.undecided = assignment.undecided.saturating_sub(1);
			Self::move_places(&claim.info.transcoder, places, assignment.places());
			let kept_until = Self::now().saturating_add(T::Lottery::get().slashing_period);
			assignment.kept_until = assignment.kept_until.max(kept_until);
		});
		OpenClaims::<T>::insert(id, &*claim);
	}

	/// The open claims of `who`, oldest first.
	pub(crate) fn open_claims_of(who: &AccountId) -> Vec<ClaimId> {
		let mut claims: Vec<ClaimId> = ClaimsOf::<T>::iter_key_prefix(who).collect();
		claims.sort_unstable();
		claims
	}

	/// Deletes a claim whose escrow is paid.
	pub(crate) fn forget_claim(id: ClaimId, info: &ClaimInfo) {
		OpenClaims::<T>::remove(id);
		ClaimsOf::<T>::remove(&info.transcoder, id);
		T::Liability::close(&info.transcoder, info.round);
		if let Some(mut assignment) = Assignments::<T>::get(info.job, info.assignment) {
			assignment.open_claims = assignment.open_claims.saturating_sub(1);
			Self::save_assignment(info.job, info.assignment, assignment);
		}
	}

	fn claim_error(error: BadClaim) -> Error<T> {
		match error {
			BadClaim::NotAscending => Error::ClaimNotAscending,
			BadClaim::TooManyLeaves => Error::TooManyLeaves,
			BadClaim::NoWork => Error::NoWork,
			BadClaim::LeafTooLarge => Error::LeafTooLarge,
			BadClaim::WorkTooLarge => Error::WorkTooLarge,
			BadClaim::FeeTooSmall => Error::FeeTooSmall,
			BadClaim::AllowanceExceeded => Error::AllowanceExceeded,
			BadClaim::FeeBelowVerification => Error::FeeBelowVerification,
		}
	}
}

impl<T: Config> OnDecided for Pallet<T> {
	fn on_decided(id: ClaimId) {
		if let Some(mut claim) = OpenClaims::<T>::get(id) {
			Self::decided(id, &mut claim);
		}
	}
}

impl<T: Config> Claims for Pallet<T> {
	fn claim(id: ClaimId) -> Option<ClaimInfo> {
		OpenClaims::<T>::get(id).map(|claim| claim.info)
	}

	fn took(id: ClaimId) -> BlockNumber {
		OpenClaims::<T>::get(id).map_or(0, |claim| claim.took)
	}

	fn verification_budget(id: ClaimId, settlement: Settlement) -> Balance {
		OpenClaims::<T>::get(id).map_or(0, |claim| Self::verification_budget_of(&claim, settlement))
	}

	fn settle(id: ClaimId, settlement: Settlement, bill: &VerificationBill) -> DispatchResult {
		with_storage_layer(|| {
			<Self as OnDecided>::on_decided(id);
			Self::do_settle(id, settlement, bill)
		})
	}

	fn charge(transcoder: &AccountId, offence: RoundIndex, amount: Balance) {
		Self::do_charge(transcoder, offence, amount);
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn make_claim(
		transcoder: &AccountId,
		broadcaster: &AccountId,
		commitment: Commitment,
	) -> ClaimId {
		crate::benchmarking::make_claim::<T>(transcoder, broadcaster, commitment)
	}
}
