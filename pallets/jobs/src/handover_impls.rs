//! A broadcaster hands its job on.

use frame_support::{dispatch::DispatchResult, ensure, weights::Weight};
use livepeer_primitives::{traits::TranscoderDirectory as _, AccountId, AssignmentIndex, JobId};

use crate::{types::Phase, Config, Error, Pallet, WeightInfo};

impl<T: Config> Pallet<T> {
	/// See [`Pallet::next_transcoder`].
	pub(crate) fn do_next_transcoder(
		who: AccountId,
		id: JobId,
		index: AssignmentIndex,
	) -> DispatchResult {
		let mut job = Self::live_job(id)?;
		let stranger = Error::<T>::NotBroadcaster;
		Self::spend(&who, &job.broadcaster, |scope| scope.end, 0, stranger)?;
		// What is only offered lapses by itself within a few blocks.
		ensure!(job.phase == (Phase::Running { assignment: index }), Error::<T>::NoAssignment);
		// What a last, small claim lacks for its verification is the broadcaster's, as when it ends the job.
		Self::note_ended_by_broadcaster(id, index);
		Self::end_assignment(id, &mut job, index, true);
		let candidates = T::Directory::candidates();
		Self::offer_next(id, &mut job, Self::now(), &candidates);
		Self::save_job(id, job)
	}

	/// What it weighs: the end of an assignment and a look at all candidates.
	pub(crate) fn next_transcoder_weight() -> Weight {
		T::WeightInfo::end_idle()
			.saturating_add(T::WeightInfo::read_candidates(Self::most_candidates()))
			.saturating_add(T::WeightInfo::task_hand_on())
	}
}
