//! What applications see.

use livepeer_primitives::{
	api::{AssignmentView, JobView},
	AssignmentIndex, JobId,
};

use crate::{
	types::{Assignment, Phase},
	Assignments, Config, Jobs, Pallet,
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
			max_price: job.max_price,
			end: job.end,
			unreserved: job.unreserved,
			ended: job.phase == Phase::Ended,
			current,
		})
	}

	pub(crate) fn view_assignment(id: JobId, index: AssignmentIndex) -> Option<AssignmentView> {
		let Assignment {
			transcoder, price, accepted, next_seq, allowance, claimable_until, ..
		} = Assignments::<T>::get(id, index)?;
		Some(AssignmentView {
			index,
			transcoder,
			price,
			accepted,
			claimable_until,
			next_seq,
			allowance,
		})
	}
}
