//! How transcoders answer offers, as inflation is told for `CompetitivenessTolerance`.
//!
//! Of each job and transcoder at most one answer is reported, and none before a claim of the job
//! was paid, so nobody can ruin another's record with jobs in which no work is done. A transcoder
//! served a job if a claim in it was paid to it. It did not serve it if it let the offer pass, lost
//! the job by missed heartbeats or by resigning, or ended the job itself, unless claims of its own
//! await their outcome. Nothing is reported of what the broadcaster ends, what ends as idle, and an
//! offer that the broadcaster's keys made impossible to accept.

use livepeer_primitives::{
	keys::Purpose,
	traits::{Competition as _, OperatorKeysOf as _},
	AccountId, AssignmentIndex, JobId,
};

use crate::{Answers, Assignments, Config, Pallet};

impl<T: Config> Pallet<T> {
	/// Records that a job was offered.
	pub(crate) fn note_offered(id: JobId, broadcaster: &AccountId) {
		let keys = T::Keys::current(broadcaster, Purpose::Segments);
		Answers::<T>::mutate(id, |slot| {
			slot.get_or_insert_with(Default::default).offered_under = keys;
		});
	}

	/// Whether the broadcaster's keys allowed the offer of a job to be accepted. An acceptance
	/// names them, so a broadcaster that keeps changing them would make every acceptance fail.
	pub(crate) fn could_be_accepted(id: JobId, broadcaster: &AccountId) -> bool {
		let keys = T::Keys::current(broadcaster, Purpose::Segments);
		Answers::<T>::get(id).is_some_and(|answers| answers.offered_under == keys)
			&& !T::Keys::has_revoked(broadcaster, Purpose::Segments, keys)
	}

	/// Records that the transcoder of an assignment did not serve the job. Called before the
	/// assignment ends.
	pub(crate) fn note_unserved(id: JobId, index: AssignmentIndex) {
		let Some(assignment) = Assignments::<T>::get(id, index) else { return };
		if assignment.open_claims > 0 {
			return;
		}
		let who = assignment.transcoder;
		Answers::<T>::mutate(id, |slot| {
			let answers = slot.get_or_insert_with(Default::default);
			if answers.told.contains(&who) || answers.failed.contains(&who) {
				return;
			}
			if !answers.paid {
				let _ = answers.failed.try_push(who);
			} else if answers.told.try_push(who.clone()).is_ok() {
				T::Competition::note_offer(&who, false);
			}
		});
	}

	/// A claim of `transcoder` in a job was paid: it served the job. Each payment also reports one
	/// of those that did not, so that no payment costs more than another.
	pub(crate) fn note_paid(id: JobId, transcoder: &AccountId) {
		Answers::<T>::mutate(id, |slot| {
			let Some(answers) = slot else { return };
			answers.paid = true;
			answers.failed.retain(|failed| failed != transcoder);
			if !answers.told.contains(transcoder)
				&& answers.told.try_push(transcoder.clone()).is_ok()
			{
				T::Competition::note_offer(transcoder, true);
			}
			if let Some(failed) = answers.failed.pop() {
				if answers.told.try_push(failed.clone()).is_ok() {
					T::Competition::note_offer(&failed, false);
				}
			}
		});
	}
}
