//! Which streams are followed: each from the first request that names it until nobody asks for it
//! any more.

use std::{
	collections::HashMap,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::Duration,
};

use livepeer_primitives::StreamId;
use livepeer_worker_core::{ports::transport::MAX_RECORDS, rules::playlist::is_stream_name};
use tokio::time::{timeout, Instant};

use super::{blocking, Failure, Gateway, NO_STREAM};

/// How often things are done.
#[derive(Clone, Copy, Debug)]
pub struct Times {
	/// How often the origin of a running stream is asked for news.
	pub poll: Duration,
	/// The same for one that has ended: it may go on.
	pub poll_ended: Duration,
	/// How long a name is remembered for which no stream was found: about a block. A search asks
	/// the chain and perhaps an origin, and names cost nothing.
	pub missed: Duration,
	/// How long a search may take, and how long it may wait for its turn.
	pub search: Duration,
	/// How long a running stream is followed that nobody asks for.
	pub unasked: Duration,
	/// How long a stream is kept that has ended and that nobody asks for. That costs only the disk,
	/// and its origin may be gone.
	pub unasked_ended: Duration,
	/// How long a stream keeps its place that nobody asks for when there are too many.
	pub keeps_place: Duration,
}

impl Default for Times {
	fn default() -> Self {
		Self {
			poll: Duration::from_millis(500),
			poll_ended: Duration::from_secs(10),
			missed: Duration::from_secs(6),
			search: Duration::from_secs(10),
			unasked: Duration::from_secs(3_600),
			unasked_ended: Duration::from_secs(24 * 3_600),
			keeps_place: Duration::from_secs(60),
		}
	}
}

/// The longest wait after failures, for a running stream and for one that has ended.
const LONGEST: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(60));
/// Names for which no stream was found that are remembered at a time.
const MOST_MISSED: usize = 1_024;

impl Times {
	/// How long to wait before the origin is asked again: doubled with every failure.
	fn pause(&self, ended: bool, failures: u32) -> Duration {
		let (poll, longest) =
			if ended { (self.poll_ended, LONGEST.1) } else { (self.poll, LONGEST.0) };
		poll.saturating_mul(1 << failures.min(16)).min(longest)
	}

	/// How long a stream is followed that nobody asks for.
	fn patience(&self, ended: bool) -> Duration {
		if ended {
			self.unasked_ended
		} else {
			self.unasked
		}
	}
}

/// A stream that is followed.
#[derive(Clone, Copy)]
struct Followed {
	stream: StreamId,
	/// When it was last asked for.
	asked: Instant,
	/// Whether another has taken its place: it is forgotten in a moment.
	displaced: bool,
}

/// The streams that are followed and the names that are none.
#[derive(Default)]
pub(super) struct Following {
	streams: Mutex<HashMap<String, Followed>>,
	missed: Mutex<HashMap<String, (Instant, Failure)>>,
	/// Held while a stream is looked for or forgotten: one at a time.
	turn: tokio::sync::Mutex<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
	// Nothing that holds these locks can panic half-way through a change.
	mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Following {
	/// What is known of a name, and a note that somebody asks for it; `None` when it must be looked
	/// for.
	fn known(&self, name: &str, missed: Duration) -> Option<Result<StreamId, Failure>> {
		if let Some(followed) = lock(&self.streams).get_mut(name) {
			followed.asked = Instant::now();
			followed.displaced = false;
			return Some(Ok(followed.stream));
		}
		let misses = lock(&self.missed);
		let (since, failure) = misses.get(name)?;
		(since.elapsed() < missed).then(|| Err(failure.clone()))
	}

	fn miss(&self, name: &str, failure: Failure, remembered: Duration) {
		let mut misses = lock(&self.missed);
		if misses.len() >= MOST_MISSED {
			misses.retain(|_, (since, _)| since.elapsed() < remembered);
		}
		if misses.len() < MOST_MISSED {
			misses.insert(name.to_owned(), (Instant::now(), failure));
		}
	}

	/// Makes room for one more stream where there are as many as may be: in the place of the one that
	/// nobody has asked for the longest. `false` when all were asked for lately.
	fn make_room(&self, most: usize, keeps_place: Duration) -> bool {
		let mut streams = lock(&self.streams);
		let placed = streams.values().filter(|followed| !followed.displaced).count();
		if placed < most {
			// Those that are not forgotten yet are kept for a moment, and not without end.
			return streams.len() < most.saturating_mul(2);
		}
		let placed = streams.values_mut().filter(|followed| !followed.displaced);
		let oldest = placed.min_by_key(|followed| followed.asked);
		match oldest.filter(|followed| followed.asked.elapsed() >= keeps_place) {
			Some(followed) => {
				followed.displaced = true;
				streams.len() < most.saturating_mul(2)
			}
			None => false,
		}
	}

	/// Ends the following of a stream that nobody has asked for within `patience`.
	fn drop_unasked(&self, name: &str, patience: Duration) -> bool {
		let mut streams = lock(&self.streams);
		let unasked = streams.get(name).is_none_or(|followed| followed.is_unasked(patience));
		if unasked {
			streams.remove(name);
		}
		unasked
	}

	fn is_unasked(&self, name: &str, patience: Duration) -> bool {
		let streams = lock(&self.streams);
		streams.get(name).is_none_or(|followed| followed.is_unasked(patience))
	}
}

impl Followed {
	fn is_unasked(&self, patience: Duration) -> bool {
		self.displaced || self.asked.elapsed() >= patience
	}
}

impl Gateway {
	/// Finds a stream and follows it from now on.
	pub(super) async fn find(self: &Arc<Self>, name: &str) -> Result<StreamId, Failure> {
		let Times { missed, search, .. } = self.times;
		if !is_stream_name(name) {
			return Err(NO_STREAM);
		}
		if let Some(known) = self.following.known(name, missed) {
			return known;
		}
		let Ok(_turn) = timeout(search, self.following.turn.lock()).await else {
			return Err(Failure::Busy);
		};
		// Somebody else may have looked for it meanwhile.
		if let Some(known) = self.following.known(name, missed) {
			return known;
		}
		if !self.following.make_room(self.most_streams, self.times.keeps_place) {
			return Err(Failure::Busy);
		}
		let found = timeout(search, self.search(name)).await;
		match found.unwrap_or_else(|_| Err(Failure::Upstream("no answer in time".into()))) {
			Ok(stream) => {
				self.begin(name, stream);
				Ok(stream)
			}
			Err(failure) => {
				self.following.miss(name, failure.clone(), missed);
				Err(failure)
			}
		}
	}

	async fn search(self: &Arc<Self>, name: &str) -> Result<StreamId, Failure> {
		let stream = self.follower.find(name, self.broadcaster.as_ref()).await?;
		let follower = self.follower.clone();
		blocking(move || follower.load(stream)).await??;
		Ok(stream)
	}

	/// Follows the streams of earlier runs, as if they had just been asked for: those that nobody
	/// asks for are forgotten like others.
	pub async fn resume(self: Arc<Self>) {
		let streams = match self.follower.streams() {
			Ok(streams) => streams,
			Err(error) => {
				tracing::warn!(%error, "the streams of earlier runs are not followed");
				return;
			}
		};
		for (stream, state) in streams {
			let _turn = self.following.turn.lock().await;
			if self.broadcaster.as_ref().is_some_and(|who| *who != state.broadcaster) {
				continue;
			}
			let follower = self.follower.clone();
			match blocking(move || follower.load(stream)).await {
				Ok(Ok(())) => self.begin(&state.name, stream),
				Ok(Err(error)) => tracing::warn!(name = %state.name, %error, "not followed"),
				Err(error) => tracing::warn!(name = %state.name, ?error, "not followed"),
			}
		}
	}

	fn begin(self: &Arc<Self>, name: &str, stream: StreamId) {
		let mut streams = lock(&self.following.streams);
		if streams.contains_key(name) {
			return;
		}
		streams
			.insert(name.to_owned(), Followed { stream, asked: Instant::now(), displaced: false });
		drop(streams);
		tokio::spawn(self.clone().follow(name.to_owned(), stream));
	}

	/// Polls a stream's origin until nobody asks for the stream any more.
	async fn follow(self: Arc<Self>, name: String, stream: StreamId) {
		let known = self.follower.state(stream).ok().flatten();
		let mut ended = known.is_some_and(|state| state.ended);
		let mut failures = 0u32;
		loop {
			// A full answer was not the last: who is behind does not wait.
			let mut behind = false;
			match self.follower.poll(stream).await {
				Ok(polled) => {
					behind = polled.new >= MAX_RECORDS as usize;
					self.metrics.add_segments(polled.new as u64);
					ended = polled.ended;
					failures = 0;
				}
				Err(error) => {
					self.metrics.add_failure();
					failures = failures.saturating_add(1);
					tracing::warn!(%stream, %error, failures, "the origin was not followed");
				}
			}
			if self.is_forgotten(&name, stream, ended).await {
				return;
			}
			if !behind {
				tokio::time::sleep(self.times.pause(ended, failures)).await;
			}
		}
	}

	/// Forgets a stream that nobody asks for, and says whether it did.
	async fn is_forgotten(&self, name: &str, stream: StreamId, ended: bool) -> bool {
		let patience = self.times.patience(ended);
		if !self.following.is_unasked(name, patience) {
			return false;
		}
		// Nobody finds it again before it is gone.
		let _turn = self.following.turn.lock().await;
		if !self.following.drop_unasked(name, patience) {
			return false;
		}
		let follower = self.follower.clone();
		match blocking(move || follower.forget(stream)).await {
			Ok(Ok(())) => tracing::info!(name, "nobody asks for the stream; it is forgotten"),
			// The next run tries again.
			Ok(Err(error)) => tracing::warn!(name, %error, "the stream cannot be forgotten"),
			Err(error) => tracing::warn!(name, ?error, "the stream cannot be forgotten"),
		}
		true
	}
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;

	#[test]
	fn origin_should_be_asked_less_often_when_the_stream_has_ended_or_it_fails() {
		let times = Times::default();
		assert_eq!(times.pause(false, 0), Duration::from_millis(500));
		assert_eq!(times.pause(false, 2), Duration::from_secs(2));
		assert_eq!(times.pause(false, 1_000), LONGEST.0);
		assert_eq!(times.pause(true, 0), Duration::from_secs(10));
		assert_eq!(times.pause(true, 1_000), LONGEST.1);
		assert!(times.patience(true) > times.patience(false));
	}

	#[tokio::test]
	async fn stream_that_nobody_asks_for_should_make_room_for_another() {
		let following = Following::default();
		let begin = |name: &str| {
			let stream = StreamId::zero();
			let followed = Followed { stream, asked: Instant::now(), displaced: false };
			lock(&following.streams).insert(name.into(), followed);
		};
		let minute = Duration::from_secs(60);
		begin("old");
		begin("asked");
		assert!(following.make_room(3, minute), "there is room");
		assert!(!following.make_room(2, minute), "both were asked for lately");
		assert!(following.known("asked", minute).is_some());
		assert!(following.make_room(2, Duration::ZERO));
		assert!(following.is_unasked("old", minute) && !following.is_unasked("asked", minute));
		begin("new");
		assert!(!following.make_room(2, minute), "the others were asked for lately");
		assert!(following.known("old", minute).is_some(), "asked for before it was forgotten");
		assert!(!following.is_unasked("old", minute));
		begin("fourth");
		assert!(!following.make_room(2, Duration::ZERO), "those that go are bounded too");
	}

	#[test]
	fn misses_should_be_bounded_and_pass() {
		let following = Following::default();
		let minute = Duration::from_secs(60);
		for name in 0..2 * MOST_MISSED {
			following.miss(&name.to_string(), NO_STREAM, minute);
		}
		assert_eq!(lock(&following.missed).len(), MOST_MISSED);
		assert!(following.known("0", minute).unwrap().is_err());
		assert!(following.known("0", Duration::ZERO).is_none(), "it is looked for again");
		assert!(following.known("another", minute).is_none());
		following.miss("another", NO_STREAM, Duration::ZERO);
		assert_eq!(lock(&following.missed).len(), 1, "those that are over make room");
	}
}
