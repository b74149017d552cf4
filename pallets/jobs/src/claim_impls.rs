//! From claiming to settlement.

use frame_support::{dispatch::DispatchResult, ensure, storage::with_storage_layer, traits::Get};
use livepeer_primitives::{
	sum_tree::Commitment,
	traits::{
		Beacon as _, ClaimInfo, Claims, FeeSink as _, Liability as _, OnClaim as _, Rounds as _,
		Settlement,
	},
	AccountId, AssignmentIndex, ClaimId, Hash, JobId, Seq, ToolchainId,
};

use crate::{
	decide::{self, BadClaim, ClaimBounds},
	types::{OpenClaim, Phase},
	Assignments, ClaimCounts, ClaimsOf, Config, Error, Event, Jobs, NextClaim, OpenClaims, Pallet,
};

/// What a transcoder says in a claim.
pub(crate) struct Claimed {
	pub(crate) job: JobId,
	pub(crate) assignment: AssignmentIndex,
	pub(crate) first: Seq,
	pub(crate) last: Seq,
	pub(crate) root: Hash,
	pub(crate) total_work: u64,
	pub(crate) toolchain: ToolchainId,
}

impl<T: Config> Pallet<T> {
	/// See [`Pallet::claim_work`].
	pub(crate) fn do_claim_work(who: AccountId, claimed: Claimed) -> DispatchResult {
		let Claimed { job: job_id, assignment: index, first, last, root, total_work, toolchain } =
			claimed;
		let mut job = Jobs::<T>::get(job_id).ok_or(Error::<T>::NoJob)?;
		let mut assignment =
			Assignments::<T>::get(job_id, index).ok_or(Error::<T>::NoAssignment)?;
		ensure!(assignment.transcoder == who, Error::<T>::NotTranscoder);
		ensure!(assignment.accepted, Error::<T>::NotAccepted);
		ensure!(
			assignment.claimable_until.is_none_or(|until| Self::now() <= until),
			Error::<T>::TooLate
		);
		let count = ClaimCounts::<T>::get(&who);
		ensure!(count < T::Parameters::get().max_open_claims, Error::<T>::TooManyOpenClaims);
		ensure!(T::OnClaim::accepts_toolchain(&toolchain), Error::<T>::UnknownToolchain);

		let bounds = ClaimBounds {
			next_seq: assignment.next_seq,
			allowance: assignment.allowance,
			price: assignment.price,
			max_leaf_work: job.max_leaf_work,
			max_leaves: T::OnClaim::max_leaves(&who),
			smallest_fee: Self::smallest_fee(),
		};
		let charge = decide::charge(&bounds, first, last, total_work).map_err(Self::claim_error)?;
		Self::escrow(&job.broadcaster, charge.fee)?;
		assignment.allowance = assignment.allowance.saturating_sub(charge.fee);
		assignment.next_seq = charge.next_seq;
		// An ended assignment gets no more: nothing new may be sent for it.
		if job.phase == (Phase::Running { assignment: index }) {
			Self::refill(&mut job, &mut assignment);
		}
		let fee_share = assignment.fee_share;
		Assignments::<T>::insert(job_id, index, assignment);

		let info = ClaimInfo {
			job: job_id,
			assignment: index,
			transcoder: who,
			broadcaster: job.broadcaster.clone(),
			stream: job.stream,
			first,
			commitment: Commitment { root, total_work, leaf_count: charge.leaf_count },
			toolchain,
			ladder: job.ladder.clone(),
			limits: job.limits,
			factors: job.factors,
			max_leaf_work: job.max_leaf_work,
			fee: charge.fee,
			round: T::Rounds::current(),
			window: T::Beacon::current_window(),
		};
		job.open_claims = job.open_claims.saturating_add(1);
		Self::save_job(job_id, job)?;
		let id = Self::open_claim(&info, fee_share)?;
		Self::deposit_event(Event::Claimed {
			claim: id,
			job: job_id,
			assignment: index,
			transcoder: info.transcoder.clone(),
			first,
			last,
			total_work,
			fee: info.fee,
		});
		T::OnClaim::on_claim(id, &info)
	}

	/// Stores a claim under the next number.
	pub(crate) fn open_claim(
		info: &ClaimInfo,
		fee_share: sp_runtime::Perbill,
	) -> Result<ClaimId, sp_runtime::DispatchError> {
		let id = NextClaim::<T>::get();
		NextClaim::<T>::put(id.checked_add(1).ok_or(Error::<T>::NoMoreNumbers)?);
		ClaimCounts::<T>::mutate(&info.transcoder, |count| *count = count.saturating_add(1));
		ClaimsOf::<T>::insert(&info.transcoder, id, ());
		OpenClaims::<T>::insert(id, OpenClaim { info: info.clone(), fee_share });
		T::Liability::open(&info.transcoder, info.round);
		Ok(id)
	}

	fn do_settle(id: ClaimId, settlement: Settlement) -> DispatchResult {
		let OpenClaim { info, fee_share } = OpenClaims::<T>::take(id).ok_or(Error::<T>::NoClaim)?;
		match settlement {
			Settlement::Pay => {
				Self::pay(&info.broadcaster, info.fee)?;
				T::FeeSink::deposit_fee(&info.transcoder, info.fee, fee_share);
			}
			Settlement::Refund => {
				Self::release(crate::HoldReason::Escrow, &info.broadcaster, info.fee)?;
			}
		}
		T::Liability::close(&info.transcoder, info.round);
		ClaimsOf::<T>::remove(&info.transcoder, id);
		ClaimCounts::<T>::mutate_exists(&info.transcoder, |count| {
			*count = count.and_then(|count| count.checked_sub(1)).filter(|count| *count > 0);
		});
		Self::deposit_event(Event::ClaimSettled {
			claim: id,
			settlement,
			transcoder: info.transcoder,
			broadcaster: info.broadcaster,
			fee: info.fee,
		});
		let mut job = Jobs::<T>::get(info.job).ok_or(Error::<T>::NoJob)?;
		job.open_claims = job.open_claims.saturating_sub(1);
		Self::save_job(info.job, job)
	}

	/// The open claims of `who`, oldest first.
	pub(crate) fn open_claims_of(who: &AccountId) -> alloc::vec::Vec<ClaimId> {
		let mut claims: alloc::vec::Vec<ClaimId> = ClaimsOf::<T>::iter_key_prefix(who).collect();
		claims.sort_unstable();
		claims
	}

	fn claim_error(error: BadClaim) -> Error<T> {
		match error {
			BadClaim::NotAscending => Error::ClaimNotAscending,
			BadClaim::TooManyLeaves => Error::TooManyLeaves,
			BadClaim::NoWork => Error::NoWork,
			BadClaim::WorkTooLarge => Error::WorkTooLarge,
			BadClaim::FeeTooSmall => Error::FeeTooSmall,
			BadClaim::AllowanceExceeded => Error::AllowanceExceeded,
		}
	}
}

impl<T: Config> Claims for Pallet<T> {
	fn claim(id: ClaimId) -> Option<ClaimInfo> {
		OpenClaims::<T>::get(id).map(|claim| claim.info)
	}

	fn settle(id: ClaimId, settlement: Settlement) -> DispatchResult {
		with_storage_layer(|| Self::do_settle(id, settlement))
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
