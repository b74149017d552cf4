//! The places for transcoding, shared among jobs.
//!
//! A job without a segment in work starts one at once: the operating system divides the processors among all
//! of them, so no job delays another, however large its segments. Further segments of jobs fill the remaining
//! places; the job with the fewest in work comes first.

use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex},
};

use livepeer_primitives::JobId;
use tokio::sync::{oneshot, watch};

use crate::lock;

/// This many places, plus one for every job.
pub(super) struct Fair {
	places: usize,
	state: Mutex<State>,
	/// The number of segments in work.
	total: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
	/// Segments in work by job, without zeros.
	at_work: BTreeMap<JobId, usize>,
	/// In order of arrival.
	waiting: BTreeMap<u64, (JobId, oneshot::Sender<Turn>)>,
	arrived: u64,
}

impl State {
	fn total(&self) -> usize {
		self.at_work.values().sum()
	}

	fn of(&self, job: JobId) -> usize {
		self.at_work.get(&job).copied().unwrap_or(0)
	}

	/// Whether a job may start one more.
	fn may_start(&self, job: JobId, places: usize) -> bool {
		self.of(job) == 0 || self.total() < places
	}

	/// The next segment to start, if one may.
	fn next(&self, places: usize) -> Option<u64> {
		let able = self.waiting.iter().filter(|(_, (job, _))| self.may_start(*job, places));
		able.min_by_key(|(arrived, (job, _))| (self.of(*job), **arrived)).map(|(place, _)| *place)
	}
}

/// A place, held until it is dropped.
pub(super) struct Turn {
	fair: Arc<Fair>,
	job: JobId,
}

impl Fair {
	pub(super) fn new(places: usize) -> Arc<Self> {
		Arc::new(Self {
			places: places.max(1),
			state: Mutex::default(),
			total: watch::Sender::new(0),
		})
	}

	/// Waits for a place.
	pub(super) async fn take(self: &Arc<Self>, job: JobId) -> Turn {
		let (sender, turn) = oneshot::channel();
		{
			let mut state = lock(&self.state);
			let arrived = state.arrived;
			state.arrived += 1;
			state.waiting.insert(arrived, (job, sender));
		}
		self.start();
		match turn.await {
			Ok(turn) => turn,
			// A sender is dropped only after it was used.
			Err(_) => std::future::pending().await,
		}
	}

	/// Waits until no segment is in work.
	pub(super) async fn idle(&self) {
		// The sender lives as long as this.
		let _ = self.total.subscribe().wait_for(|total| *total == 0).await;
	}

	/// Gives out places.
	fn start(self: &Arc<Self>) {
		loop {
			let next = {
				let mut state = lock(&self.state);
				let next =
					state.next(self.places).and_then(|arrived| state.waiting.remove(&arrived));
				let Some((job, sender)) = next else { return };
				if sender.is_closed() {
					continue;
				}
				*state.at_work.entry(job).or_default() += 1;
				self.total.send_replace(state.total());
				(job, sender)
			};
			// If the waiter is gone, the dropped place starts the next one.
			drop(next.1.send(Turn { fair: self.clone(), job: next.0 }));
		}
	}
}

impl Drop for Turn {
	fn drop(&mut self) {
		{
			let mut state = lock(&self.fair.state);
			let left = state.of(self.job).saturating_sub(1);
			if left == 0 {
				state.at_work.remove(&self.job);
			} else {
				state.at_work.insert(self.job, left);
			}
			self.fair.total.send_replace(state.total());
		}
		self.fair.start();
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use futures::FutureExt;

	#[test]
	fn job_should_start_at_once_when_it_has_nothing_at_work_and_else_wait_its_turn() {
		let fair = Fair::new(2);
		let now = |job| fair.take(job).now_or_never();
		let large = [now(1), now(1)].map(|turn| turn.expect("a free place"));
		let mut third = Box::pin(fair.take(1));
		assert!((&mut third).now_or_never().is_none());
		// Another job has its place all the same, but one only.
		let other = now(2).expect("its first");
		let mut second = Box::pin(fair.take(2));
		assert!((&mut second).now_or_never().is_none());
		let [one, two] = large;
		drop(one);
		assert!((&mut third).now_or_never().is_none() && (&mut second).now_or_never().is_none());
		// Who has nothing at work comes first, and then the places are taken.
		drop(two);
		let third = (&mut third).now_or_never();
		assert!(third.is_some() && (&mut second).now_or_never().is_none());
		drop(other);
		let second = (&mut second).now_or_never();
		assert!(second.is_some() && fair.idle().now_or_never().is_none());
		drop((second, third));
		assert!(fair.idle().now_or_never().is_some());
		assert!(now(7).is_some());
	}

	#[test]
	fn place_should_come_back_when_who_waited_has_gone() {
		let fair = Fair::new(1);
		let held = fair.take(1).now_or_never().expect("a free place");
		let mut waiting = Box::pin(fair.take(1));
		assert!((&mut waiting).now_or_never().is_none());
		drop(waiting);
		assert!(fair.idle().now_or_never().is_none());
		drop(held);
		assert!(fair.idle().now_or_never().is_some());
		assert!(fair.take(1).now_or_never().is_some());
	}
}
