//! Time, so that tests can simulate it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::future::BoxFuture;

/// A source of time.
pub trait Clock: Send + Sync {
	/// Milliseconds since some moment in the past; never goes back.
	fn now_ms(&self) -> u64;
	/// Milliseconds since 1970 by the machine's clock, which may jump either way.
	fn wall_ms(&self) -> u64;
	/// Resolves when [`Clock::now_ms`] has reached `ms`.
	fn sleep_until(&self, ms: u64) -> BoxFuture<'static, ()>;
}

/// The machine's clock. Needs a tokio runtime.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
	start: Instant,
}

impl Default for SystemClock {
	fn default() -> Self {
		Self { start: Instant::now() }
	}
}

fn millis(duration: Duration) -> u64 {
	u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Clock for SystemClock {
	fn now_ms(&self) -> u64 {
		millis(self.start.elapsed())
	}

	fn wall_ms(&self) -> u64 {
		SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
	}

	fn sleep_until(&self, ms: u64) -> BoxFuture<'static, ()> {
		let wait = Duration::from_millis(ms.saturating_sub(self.now_ms()));
		Box::pin(tokio::time::sleep(wait))
	}
}
