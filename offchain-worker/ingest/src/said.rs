//! Rate-limited logging of events that strangers can cause.

use std::{
	sync::{Mutex, PoisonError},
	time::Duration,
};

use tokio::time::Instant;

/// The least time between two log lines about ended connections.
pub(crate) const ENDED: Duration = Duration::from_secs(1);

/// Counts events between log lines.
pub(crate) struct Said {
	every: Duration,
	/// The events since the last log line, and its time.
	since: Mutex<(u64, Option<Instant>)>,
}

impl Said {
	/// The first event is logged at once; after that at most one line in this time.
	pub(crate) fn every(every: Duration) -> Self {
		Self { every, since: Mutex::default() }
	}

	/// Counts one event; returns the number since the last line if it is time to log.
	pub(crate) fn count(&self) -> Option<u64> {
		let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
		since.0 = since.0.saturating_add(1);
		if since.1.is_some_and(|last| last.elapsed() < self.every) {
			return None;
		}
		since.1 = Some(Instant::now());
		Some(std::mem::take(&mut since.0))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	/// Connections that end as soon as they are there, each of which the log had a line for.
	#[tokio::test(start_paused = true)]
	async fn attack_logs_filled_by_connections() {
		let said = Said::every(ENDED);
		assert_eq!(said.count(), Some(1));
		assert!((0..1_000).all(|_| said.count().is_none()));
		tokio::time::advance(ENDED).await;
		assert_eq!(said.count(), Some(1_001));
		assert_eq!(said.count(), None);
	}
}
