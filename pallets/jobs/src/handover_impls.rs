//! Handing a job on, by its broadcaster.

use frame_support::{dispatch::DispatchResultWithPostInfo, ensure, weights::Weight};
use livepeer_primitives::{traits::TranscoderDirectory as _, AccountId, AssignmentIndex, JobId};

use crate::{types::Phase, Config, Error, Pallet, WeightInfo};

impl<T: Config> Pallet<T> {
	/// See [`Pallet::next_transcoder`].
	pub(crate) fn do_next_transcoder(
		who: AccountId,
		id: JobId,
		index: AssignmentIndex,
	) -> DispatchResultWithPostInfo {
		let mut job = Self::live_job(id)?;
		let stranger = Error::<T>::NotBroadcaster;
		Self::spend(&who, &job.broadcaster, |scope| scope.end, 0, stranger)?;
		// An assignment that is only offered lapses by itself within a few blocks.
		ensure!(job.phase == (Phase::Running { assignment: index }), Error::<T>::NoAssignment);
		// The broadcaster covers what a last, small claim lacks for its verification, as when it
		// ends the job.
		Self::note_ended_by_broadcaster(id, index);
		Self::end_assignment(id, &mut job, index, true);
		let candidates = T::Directory::candidates();
		Self::offer_next(id, &mut job, Self::now(), &candidates);
		let is_drawn = matches!(job.phase, Phase::Waiting { .. });
		Self::save_job(id, job)?;
		Ok(Some(Self::next_transcoder_weight(is_drawn)).into())
	}

	/// Its weight: the end of an assignment, and what handing on causes.
	pub(crate) fn next_transcoder_weight(is_drawn: bool) -> Weight {
		T::WeightInfo::end_idle().saturating_add(Self::handing_on_weight(is_drawn))
	}
}
