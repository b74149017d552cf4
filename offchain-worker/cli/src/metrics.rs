//! A role's metrics, in the OpenMetrics format. All are counted from its events, so both agree. Names are
//! go-livepeer's where it counts the same thing.

use std::{
	sync::Arc,
	time::{Duration, SystemTime},
};

use livepeer_worker_core::ports::events::{Event, EventSink, Warning};
use prometheus_client::{
	encoding::{text::encode, EncodeLabelSet},
	metrics::{
		counter::Counter,
		family::Family,
		gauge::Gauge,
		histogram::{exponential_buckets, Histogram},
	},
	registry::Registry,
};

/// A kind of thing that is counted.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Kind {
	kind: String,
}

fn kind(kind: &str) -> Kind {
	Kind { kind: kind.to_owned() }
}

type Kinds = Family<Kind, Counter>;
type Seconds = Family<Kind, Histogram, fn() -> Histogram>;

fn seconds() -> Seconds {
	Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.05, 2.0, 12)))
}

/// Counters since the start.
pub struct Metrics {
	registry: Registry,
	streams_created: Counter,
	streams_ended: Counter,
	source: Counter,
	transcoded: Counter,
	failed: Kinds,
	latency: Seconds,
	transcode_time: Seconds,
	claims: Kinds,
	leaves: Kinds,
	assignments: Counter,
	tasks: Kinds,
	verdicts: Kinds,
	findings: Kinds,
	questions: Kinds,
	fetched_bytes: Counter,
	served: Counter,
	warnings: Kinds,
	waits: Counter,
	contradictions: Kinds,
	/// Bytes of all segments that are kept.
	store_bytes: Gauge,
	/// The newest block that the role's node told of.
	height: Gauge,
	/// When the role started, in seconds since 1970.
	started: Gauge,
}

impl Default for Metrics {
	fn default() -> Self {
		let mut registry = Registry::with_prefix("livepeer");
		let metrics = Self {
			streams_created: Counter::default(),
			streams_ended: Counter::default(),
			source: Counter::default(),
			transcoded: Counter::default(),
			failed: Kinds::default(),
			latency: seconds(),
			transcode_time: seconds(),
			claims: Kinds::default(),
			leaves: Kinds::default(),
			assignments: Counter::default(),
			tasks: Kinds::default(),
			verdicts: Kinds::default(),
			findings: Kinds::default(),
			questions: Kinds::default(),
			fetched_bytes: Counter::default(),
			served: Counter::default(),
			warnings: Kinds::default(),
			waits: Counter::default(),
			contradictions: Kinds::default(),
			store_bytes: Gauge::default(),
			height: Gauge::default(),
			started: Gauge::default(),
			registry: Registry::default(),
		};
		let m = &metrics;
		let r = &mut registry;
		r.register("stream_created", "Streams that have a job", m.streams_created.clone());
		r.register("stream_ended", "Streams that came to their end", m.streams_ended.clone());
		r.register("segment_source_appeared", "Segments cut from a source", m.source.clone());
		let help = "Segments transcoded, or returned whole to their broadcaster";
		r.register("segment_transcoded", help, m.transcoded.clone());
		let help = "Segments rejected or skipped";
		r.register("segment_transcode_failed", help, m.failed.clone());
		let help = "From the cut of a segment to its last checked rendition";
		r.register("transcode_overall_latency_seconds", help, m.latency.clone());
		let help = "Time that transcoding or verifying a segment took";
		r.register("transcode_time_seconds", help, m.transcode_time.clone());
		r.register("claims", "Claims made, and closed by outcome", m.claims.clone());
		r.register("leaves", "Drawn leaves by what became of them", m.leaves.clone());
		r.register("assignments", "Assignments accepted or seen", m.assignments.clone());
		r.register("verify_tasks", "Tasks of a verifier", m.tasks.clone());
		r.register("verdicts", "Verdicts on leaves", m.verdicts.clone());
		let help = "Outputs that were compared, by what they were found to be";
		r.register("findings", help, m.findings.clone());
		let help = "Questions of a verifier's node, answered or refused for their token";
		r.register("verify_questions", help, m.questions.clone());
		r.register("fetched_bytes", "Bytes fetched to be verified", m.fetched_bytes.clone());
		r.register("segment_served", "Segments fetched and served", m.served.clone());
		r.register("warnings", "What the operator was warned of", m.warnings.clone());
		r.register("waits", "How often it was said that nothing goes on", m.waits.clone());
		let help = "Offences of others that were found, and what became of them";
		r.register("contradictions", help, m.contradictions.clone());
		r.register("store_bytes", "Bytes of all segments that are kept", m.store_bytes.clone());
		r.register("block_height", "Newest block that the node told of", m.height.clone());
		let help = "When the role started, in seconds since 1970";
		r.register("start_time_seconds", help, m.started.clone());
		let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
		m.started.set(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
		// Present from the start, so that an alert works before the first warning.
		for warning in Warning::ALL {
			drop(m.warnings.get_or_create(&kind(warning.name())));
		}
		drop(m.tasks.get_or_create(&kind("unable")));
		for name in ["answered", "refused"] {
			drop(m.questions.get_or_create(&kind(name)));
		}
		drop(m.contradictions.get_or_create(&kind("found")));
		Self { registry, ..metrics }
	}
}

impl Metrics {
	/// How many bytes the store has.
	pub fn set_store(&self, bytes: u64) {
		self.store_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
	}

	/// The newest block that the role's node told of.
	pub fn set_height(&self, height: u32) {
		self.height.set(i64::from(height));
	}

	/// A node asked the verify service, and showed the right token or another.
	pub fn add_question(&self, is_answered: bool) {
		let name = if is_answered { "answered" } else { "refused" };
		self.questions.get_or_create(&kind(name)).inc();
	}

	/// Everything as text.
	pub fn encode(&self) -> String {
		let mut text = String::new();
		// Writing to a string cannot fail.
		let _ = encode(&mut text, &self.registry);
		text
	}

	fn count(&self, event: &Event) {
		let second = |ms: u64| Duration::from_millis(ms).as_secs_f64();
		let count = |kinds: &Kinds, name: &str| {
			kinds.get_or_create(&kind(name)).inc();
		};
		match event {
			Event::Started { .. }
			| Event::Stopped
			| Event::Registered { .. }
			| Event::HandedOn { .. } => {}
			Event::Warned { what, .. } => count(&self.warnings, what.name()),
			Event::Waits { .. } => {
				self.waits.inc();
			}
			Event::ContradictionFound { .. } => count(&self.contradictions, "found"),
			Event::ContradictionSettled { outcome, .. } => count(&self.contradictions, outcome),
			Event::JobOpened { .. } => {
				self.streams_created.inc();
			}
			Event::Assigned { .. } | Event::Accepted { .. } => {
				self.assignments.inc();
			}
			Event::SegmentCut { .. } => {
				self.source.inc();
			}
			Event::SegmentReturned { latency_ms, .. } => {
				self.transcoded.inc();
				self.latency.get_or_create(&kind("segment")).observe(second(*latency_ms));
			}
			Event::SegmentSkipped { .. } => count(&self.failed, "skipped"),
			Event::SegmentRejected { .. } => count(&self.failed, "rejected"),
			Event::StreamEnded { .. } | Event::StreamComplete { .. } => {
				self.streams_ended.inc();
			}
			Event::SegmentTranscoded { transcode_ms, .. } => {
				self.transcoded.inc();
				let time = self.transcode_time.get_or_create(&kind("transcode"));
				time.observe(second(*transcode_ms));
			}
			Event::ClaimMade { .. } => count(&self.claims, "made"),
			Event::ClaimGivenUp { .. } => count(&self.claims, "given_up"),
			Event::ClaimClosed { outcome, .. } => {
				let outcome = outcome.as_deref().unwrap_or("unknown").to_lowercase();
				count(&self.claims, &outcome);
			}
			Event::LeafRevealed { .. } => count(&self.leaves, "revealed"),
			Event::VariantsOpened { leaves, .. } => {
				let opened = self.leaves.get_or_create(&kind("opened"));
				opened.inc_by(u64::from(*leaves));
			}
			Event::LeafJudged { verdict, findings, verify_ms, .. } => {
				for finding in findings {
					let kind = finding.split([' ', '(']).next().unwrap_or_default();
					count(&self.findings, &kind.to_lowercase());
				}
				let name = verdict.split([' ', '(']).next().unwrap_or_default().to_lowercase();
				count(&self.verdicts, &name);
				let time = self.transcode_time.get_or_create(&kind("verify"));
				time.observe(second(*verify_ms));
			}
			Event::TaskTaken { .. } => count(&self.tasks, "taken"),
			Event::TaskDone { .. } => count(&self.tasks, "done"),
			Event::TaskUnable { .. } => count(&self.tasks, "unable"),
			Event::Fetched { len, .. } => {
				self.fetched_bytes.inc_by(u64::from(*len));
			}
			Event::SegmentServed { .. } => {
				self.served.inc();
			}
		}
	}
}

/// Counts events and hands them on.
pub struct Counting {
	metrics: Arc<Metrics>,
	inner: Arc<dyn EventSink>,
}

impl Counting {
	/// Counts in `metrics` the events that go to `inner`.
	pub fn new(metrics: Arc<Metrics>, inner: Arc<dyn EventSink>) -> Self {
		Self { metrics, inner }
	}
}

impl EventSink for Counting {
	fn emit(&self, event: Event) {
		self.metrics.count(&event);
		self.inner.emit(event);
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use livepeer_worker_core::ports::events::NoEvents;

	#[test]
	fn events_should_be_counted_under_the_names_that_operators_know() {
		let metrics = Arc::new(Metrics::default());
		let events = Counting::new(metrics.clone(), Arc::new(NoEvents));
		events.emit(Event::SegmentReturned {
			seq: 1,
			assignment: 0,
			in_hash: String::new(),
			outputs: Vec::new(),
			latency_ms: 900,
		});
		events.emit(Event::ClaimClosed { claim: 1, outcome: Some("Missed".into()) });
		events.emit(Event::ContradictionSettled {
			by: "transcoder".into(),
			account: String::new(),
			job: 1,
			outcome: "reported".into(),
		});
		let text = "jailed".to_owned();
		events.emit(Event::Warned { what: Warning::Jailed, text });
		metrics.set_store(7);
		metrics.set_height(9);
		let text = metrics.encode();
		for line in [
			"livepeer_segment_transcoded_total 1\n",
			"livepeer_transcode_overall_latency_seconds_sum{kind=\"segment\"} 0.9\n",
			"livepeer_claims_total{kind=\"missed\"} 1\n",
			"livepeer_contradictions_total{kind=\"found\"} 0\n",
			"livepeer_contradictions_total{kind=\"reported\"} 1\n",
			"livepeer_warnings_total{kind=\"jailed\"} 1\n",
			"livepeer_warnings_total{kind=\"low_balance\"} 0\n",
			"livepeer_store_bytes 7\n",
			"livepeer_block_height 9\n",
			// In this century.
			"livepeer_start_time_seconds 1",
		] {
			assert!(text.contains(line), "{line} is not in {text}");
		}
	}
}
