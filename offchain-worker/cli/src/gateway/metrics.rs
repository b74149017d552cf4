//! The gateway's metrics, in the OpenMetrics format.

use prometheus_client::{encoding::text::encode, metrics::counter::Counter, registry::Registry};

/// Counters since the start.
pub struct Metrics {
	registry: Registry,
	segments: Counter,
	failures: Counter,
	bytes: Counter,
	/// Notices that webhooks did not get.
	pub(super) untold: Counter,
}

impl Default for Metrics {
	fn default() -> Self {
		let mut registry = Registry::with_prefix("livepeer_gateway");
		let segments = Counter::default();
		let failures = Counter::default();
		let bytes = Counter::default();
		let untold = Counter::default();
		registry.register("webhooks_dropped", "Notices that were given up", untold.clone());
		registry.register("segments", "Segments fetched and checked", segments.clone());
		let help = "Polls of the origin of a stream that has not ended that failed";
		registry.register("origin_failures", help, failures.clone());
		registry.register("served_bytes", "Bytes of segments sent to players", bytes.clone());
		Self { registry, segments, failures, bytes, untold }
	}
}

impl Metrics {
	/// Segments were fetched.
	pub fn add_segments(&self, count: u64) {
		self.segments.inc_by(count);
	}

	/// A poll failed.
	pub fn add_failure(&self) {
		self.failures.inc();
	}

	/// Bytes were sent.
	pub fn add_bytes(&self, count: u64) {
		self.bytes.inc_by(count);
	}

	/// Everything as text.
	pub fn encode(&self) -> String {
		let mut text = String::new();
		// Writing to a string cannot fail.
		let _ = encode(&mut text, &self.registry);
		text
	}
}
