//! The reads for applications.

use alloc::vec::Vec;
use livepeer_primitives::{
	api::{AssignmentView, ClaimTerms, Duty, DutyView, JobView, SpendingView},
	keys::Purpose,
	traits::OperatorKeysOf as _,
	AccountId, AssignmentIndex, JobId, StreamId,
};

use crate::{
	types::{Assignment, Phase, SpendingKey},
	Assignments, Config, Exposed, Jobs, Origins, Pallet, SpendingKeys,
};

impl<T: Config> Pallet<T> {
	pub(crate) fn view_job(id: JobId) -> Option<JobView> {
		let job = Jobs::<T>::get(id)?;
		let current = job.phase.current().and_then(|index| Self::view_assignment(id, index));
		Some(JobView {
			id,
			broadcaster: job.broadcaster,
			stream: job.stream,
			ladder: job.ladder,
			limits: job.limits,
			factors: job.factors,
			max_leaf_work: job.max_leaf_work,
			max_samples: job.max_samples,
			max_price: job.max_price,
			end: job.end,
			unreserved: job.unreserved,
			ended: job.phase == Phase::Ended,
			current,
		})
	}

	/// If the assignment is not accepted yet, the generations are those that an acceptance must
	/// name.
	pub(crate) fn view_assignment(id: JobId, index: AssignmentIndex) -> Option<AssignmentView> {
		let job = Jobs::<T>::get(id)?;
		let assignment = Assignments::<T>::get(id, index)?;
		let (broadcaster_keys, transcoder_keys) = match assignment.agreement {
			Some(agreement) => (agreement.broadcaster_keys, agreement.transcoder_keys),
			None => (T::Keys::current(&job.broadcaster, Purpose::Segments), assignment.offered_to),
		};
		Some(AssignmentView {
			index,
			max_leaves: assignment.terms.leaves_of(job.max_samples),
			variant_rate: assignment.terms.variant_rate,
			transcoder: assignment.transcoder,
			price: assignment.price,
			toolchain: assignment.agreement.map(|agreement| agreement.toolchain),
			broadcaster_keys,
			transcoder_keys,
			claimable_until: assignment.claimable_until,
			next_seq: assignment.next_seq,
			allowance: assignment.allowance,
		})
	}

	pub(crate) fn view_claim_terms(id: JobId, index: AssignmentIndex) -> Option<ClaimTerms> {
		let Assignment { terms, transcoder, .. } = Assignments::<T>::get(id, index)?;
		let exposed = Exposed::<T>::get(&transcoder);
		let backing = Self::backing_of(&transcoder);
		let call_fee = Self::call_fee(terms.committee_size);
		Some(ClaimTerms { terms, exposed, backing, call_fee })
	}

	pub(crate) fn view_spending_keys(broadcaster: AccountId) -> Vec<SpendingView> {
		let mut views: Vec<SpendingView> = SpendingKeys::<T>::iter_prefix(broadcaster)
			.map(|(key, row)| {
				let SpendingKey { cap, spent, expiry, scope, .. } = row;
				let crate::types::Scope { create, top_up, end } = scope;
				SpendingView { key, cap, spent, expiry, create, top_up, end }
			})
			.collect();
		views.sort_unstable_by(|a, b| a.key.cmp(&b.key));
		views
	}

	/// The offers that can still be accepted.
	pub(crate) fn view_duties(account: &AccountId) -> Vec<DutyView> {
		let now = Self::now();
		let offer = |id: JobId| {
			let job = Jobs::<T>::get(id)?;
			let Phase::Offered { assignment, until, .. } = job.phase else { return None };
			// The last block in which it can be accepted, and the job's end.
			let until = until.saturating_add(1).min(job.end);
			(now < until).then_some(DutyView { duty: Duty::Accept { job: id, assignment }, until })
		};
		let mut duties: Vec<_> = Self::jobs_of(account).into_iter().filter_map(offer).collect();
		duties.sort_by_key(|duty| duty.until);
		duties
	}

	pub(crate) fn view_origins() -> Vec<StreamId> {
		let mut streams: Vec<StreamId> = Origins::<T>::iter_keys().collect();
		streams.sort_unstable();
		streams
	}
}
