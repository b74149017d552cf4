//! Jobs whose segments are wasted work: their failures, and how long each job rests. Remembered over
//! restarts. So a job that keeps failing cannot have the machine for nothing: not by waiting, not by stopping
//! the worker, and not by good segments between bad ones that cost its sender nothing.

use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex},
};

use codec::{Decode, Encode};
use livepeer_primitives::JobId;

use crate::{
	aside, lock,
	ports::{
		clock::Clock,
		store::{StoreError, TranscodeStore},
	},
};

/// The name, in the store, of the jobs that failed.
const FAILED: &str = "failed-jobs";
/// How long a job rests after its first failure, and at most.
const REST_MS: (u64, u64) = (500, 6 * 3_600_000);
/// The score of a failure: eight segments.
const FAILURE: u32 = 8 * SEGMENT;
/// The score of a transcoded segment with at least half the work of the job's largest; a smaller one counts
/// proportionally less.
const SEGMENT: u32 = 1_000;
/// The most failures that count: with these the rest is longest.
const MOST_COUNTED: u32 = 17;
/// How long a job is remembered after its last segment.
const REMEMBERED_MS: u64 = 24 * 3_600_000;
/// The most jobs that are remembered: those that failed last.
const MOST_JOBS: usize = 256;

/// A job's failures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
struct Failures {
	/// Failures, each [`FAILURE`], less the score of segments transcoded since.
	score: u32,
	/// When it failed last, in milliseconds since 1970.
	last_ms: u64,
}

impl Failures {
	fn rest_ms(self) -> u64 {
		let doubled = self.score.div_ceil(FAILURE).saturating_sub(1);
		REST_MS.0.saturating_mul(1 << doubled.min(MOST_COUNTED)).min(REST_MS.1)
	}

	/// Whether the job rests. A clock that was set back ends a rest.
	fn rests(self, now_ms: u64) -> bool {
		now_ms.checked_sub(self.last_ms).is_some_and(|past| past < self.rest_ms())
	}
}

/// The score of a transcoded segment.
fn counted(work: u64, largest: u64) -> u32 {
	let halves = u128::from(work).saturating_mul(2);
	let share = halves.saturating_mul(SEGMENT.into()) / u128::from(largest.max(1));
	u32::try_from(share).unwrap_or(SEGMENT).min(SEGMENT)
}

type Jobs = BTreeMap<JobId, Failures>;

/// The jobs that failed.
pub(super) struct Rests {
	store: Arc<dyn TranscodeStore>,
	clock: Arc<dyn Clock>,
	/// `None` until read. Held while it is stored, so that the newest state is stored last.
	jobs: Arc<Mutex<Option<Jobs>>>,
}

impl Rests {
	pub(super) fn new(store: Arc<dyn TranscodeStore>, clock: Arc<dyn Clock>) -> Self {
		Self { store, clock, jobs: Arc::default() }
	}

	/// Whether a job rests now.
	pub(super) async fn rests(&self, job: JobId) -> Result<bool, StoreError> {
		let now_ms = self.clock.wall_ms();
		self.with(move |_, jobs| Ok(jobs.get(&job).is_some_and(|failed| failed.rests(now_ms))))
			.await
	}

	/// Notes a failure: the rest after it is twice as long as the one before.
	pub(super) async fn failed(&self, job: JobId) -> Result<(), StoreError> {
		let now_ms = self.clock.wall_ms();
		self.with(move |store, jobs| {
			jobs.retain(|_, failed| now_ms.saturating_sub(failed.last_ms) < REMEMBERED_MS);
			let score = jobs.get(&job).map_or(0, |failed| failed.score);
			if jobs.len() >= MOST_JOBS && !jobs.contains_key(&job) {
				let oldest = jobs.iter().min_by_key(|(_, failed)| failed.last_ms);
				if let Some(oldest) = oldest.map(|(oldest, _)| *oldest) {
					jobs.remove(&oldest);
				}
			}
			let score = score.saturating_add(FAILURE).min(FAILURE * MOST_COUNTED);
			jobs.insert(job, Failures { score, last_ms: now_ms });
			store.put_value(FAILED, &jobs.encode())
		})
		.await
	}

	/// Notes a transcoded segment, with its work and that of the job's largest segment.
	pub(super) async fn made(&self, job: JobId, work: u64, largest: u64) -> Result<(), StoreError> {
		self.with(move |store, jobs| {
			let Some(failed) = jobs.get_mut(&job) else { return Ok(()) };
			failed.score = failed.score.saturating_sub(counted(work, largest));
			if failed.score > 0 {
				// The other scores are known only to this process: after a restart the job has to earn them
				// again.
				return Ok(());
			}
			jobs.remove(&job);
			store.put_value(FAILED, &jobs.encode())
		})
		.await
	}

	/// Runs with the remembered jobs, which are read first.
	async fn with<T: Send + 'static>(
		&self,
		work: impl FnOnce(&dyn TranscodeStore, &mut Jobs) -> Result<T, StoreError> + Send + 'static,
	) -> Result<T, StoreError> {
		let (store, jobs) = (self.store.clone(), self.jobs.clone());
		aside(move || {
			let mut known = lock(&jobs);
			let remembered = match known.take() {
				Some(jobs) => jobs,
				None => read(&*store)?,
			};
			work(&*store, known.insert(remembered))
		})
		.await
	}
}

fn read(store: &dyn TranscodeStore) -> Result<Jobs, StoreError> {
	let Some(bytes) = store.value(FAILED)? else { return Ok(Jobs::new()) };
	Jobs::decode(&mut &bytes[..]).map_err(|error| StoreError::Index(error.to_string()))
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;
	use crate::fakes::{simulate, MemoryStore};

	#[test]
	fn rest_should_double_up_to_its_longest() {
		let rest = |failures: u32| Failures { score: failures * FAILURE, last_ms: 0 }.rest_ms();
		assert_eq!((1..5).map(rest).collect::<Vec<_>>(), [500, 1_000, 2_000, 4_000]);
		assert_eq!(rest(MOST_COUNTED - 1), 16_384_000);
		assert_eq!((rest(MOST_COUNTED), rest(100)), (REST_MS.1, REST_MS.1));
	}

	#[test]
	fn segment_should_count_by_the_share_of_the_largest_that_it_is() {
		let shares = [(0, 0), (1, 2), (100, 200), (499, 998), (500, 1_000), (1_000, 1_000)];
		for (work, expected) in shares {
			assert_eq!(counted(work, 1_000), expected, "{work}");
		}
		assert_eq!((counted(1, 0), counted(u64::MAX, 1)), (SEGMENT, SEGMENT));
		assert_eq!(counted(1, u64::MAX), 0);
	}

	/// Eight pictures between two failures are next to no work.
	#[test]
	fn attack_failures_undone_by_segments_of_one_picture() {
		simulate(|sim| async move {
			let clock = Arc::new(sim.clock.clone());
			let rests = Rests::new(Arc::new(MemoryStore::default()), clock);
			for rest_ms in [500, 1_000, 2_000] {
				rests.failed(1).await.unwrap();
				for _ in 0..8 {
					rests.made(1, 1, 75).await.unwrap();
				}
				sim.sleep(rest_ms - 1).await;
				assert!(rests.rests(1).await.unwrap());
				sim.sleep(1).await;
				assert!(!rests.rests(1).await.unwrap());
			}
		})
	}

	/// An attacker with ever new jobs cannot make it remember more than this many.
	#[test]
	fn attack_jobs_that_fill_what_is_remembered() {
		simulate(|sim| async move {
			let (store, clock) = (MemoryStore::default(), Arc::new(sim.clock.clone()));
			let rests = Rests::new(Arc::new(store.clone()), clock.clone());
			let most = MOST_JOBS as JobId;
			for job in 0..=most {
				rests.failed(job).await.unwrap();
				sim.sleep(1).await;
			}
			assert!(!rests.rests(0).await.unwrap() && rests.rests(1).await.unwrap());
			let again = Rests::new(Arc::new(store), clock);
			assert!(!again.rests(0).await.unwrap() && again.rests(most).await.unwrap());
			// And jobs without further segments are forgotten in the end.
			sim.sleep(REMEMBERED_MS).await;
			again.failed(7).await.unwrap();
			assert_eq!(lock(&again.jobs).as_ref().unwrap().len(), 1);
		})
	}
}
