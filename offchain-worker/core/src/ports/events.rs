//! Progress that programs read: one event per step, as JSON lines.
//!
//! Hashes are hex with `0x`, accounts SS58, times milliseconds. Fields are only ever added.

use serde::Serialize;

/// One step of a role.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
	/// The role is up.
	Started {
		/// Its account, where it has one.
		account: Option<String>,
		/// Its libp2p peer id.
		peer_id: Option<String>,
		/// Where it listens.
		listen: Vec<String>,
	},
	/// The role is down after an orderly stop.
	Stopped,
	/// Broadcaster: the stream has a job.
	JobOpened {
		/// The job.
		job: u64,
		/// The stream's id.
		stream: String,
		/// Whether an earlier run had opened it.
		resumed: bool,
	},
	/// Broadcaster: a transcoder has accepted.
	Assigned {
		/// The job.
		job: u64,
		/// The assignment.
		assignment: u32,
		/// The transcoder.
		transcoder: String,
	},
	/// Broadcaster: a segment was cut from the source.
	SegmentCut {
		/// The segment.
		seq: u64,
		/// SHA-256 of its bytes.
		in_hash: String,
		/// Its length in bytes.
		in_len: u32,
		/// Its duration in ticks of 1/90,000 s.
		duration: u32,
	},
	/// Broadcaster: its renditions came back, were checked and are served.
	SegmentReturned {
		/// The segment.
		seq: u64,
		/// The assignment.
		assignment: u32,
		/// SHA-256 of the source.
		in_hash: String,
		/// SHA-256 and length of each output in rendition order.
		outputs: Vec<(String, u32)>,
		/// From the cut to the last checked rendition.
		latency_ms: u64,
	},
	/// Broadcaster: a segment will never be transcoded.
	SegmentSkipped {
		/// The segment.
		seq: u64,
		/// Why.
		reason: String,
	},
	/// Broadcaster: every segment has come back.
	StreamEnded {
		/// The job.
		job: u64,
		/// Segments that came back in this run.
		returned: u64,
		/// Segments that did not.
		skipped: u64,
	},
	/// Transcoder: registered and available.
	Registered {
		/// Work taken per second.
		capacity: u64,
	},
	/// Transcoder: an assignment was accepted.
	Accepted {
		/// The job.
		job: u64,
		/// The assignment.
		assignment: u32,
	},
	/// Transcoder: a segment was transcoded and its receipt stored.
	SegmentTranscoded {
		/// The job.
		job: u64,
		/// The assignment.
		assignment: u32,
		/// The segment.
		seq: u64,
		/// SHA-256 of the source.
		in_hash: String,
		/// SHA-256 and length of each output in rendition order.
		outputs: Vec<(String, u32)>,
		/// The leaf's work.
		work: u64,
		/// The segment's duration in ticks of 1/90,000 s.
		duration: u32,
		/// Time that the engine took.
		transcode_ms: u64,
	},
	/// Transcoder: a segment cannot be transcoded, and the receipt that says so was stored.
	SegmentRejected {
		/// The job.
		job: u64,
		/// The assignment.
		assignment: u32,
		/// The segment.
		seq: u64,
		/// Why.
		reason: String,
	},
	/// Transcoder: a claim was sent and is on chain.
	ClaimMade {
		/// The claim's number.
		claim: u64,
		/// The job.
		job: u64,
		/// The assignment.
		assignment: u32,
		/// Seq of leaf 0.
		first: u64,
		/// Seq of the last leaf.
		last: u64,
		/// The root.
		root: String,
		/// The work.
		total_work: u64,
	},
	/// Transcoder: a drawn leaf was revealed.
	LeafRevealed {
		/// The claim.
		claim: u64,
		/// The leaf's index.
		index: u32,
		/// The segment.
		seq: u64,
	},
	/// Transcoder: a claim has left the chain's state, and its data is no longer kept.
	ClaimClosed {
		/// The claim.
		claim: u64,
		/// How it was decided, where this was seen.
		outcome: Option<String>,
	},
	/// Verifier: a task was taken.
	TaskTaken {
		/// The claim.
		claim: u64,
		/// The tranche; 255 is the dispute.
		tranche: u8,
		/// Its leaves.
		leaves: u32,
	},
	/// Verifier: bytes came over the network.
	Fetched {
		/// The claim.
		claim: u64,
		/// SHA-256 of the bytes.
		hash: String,
		/// Their length.
		len: u32,
		/// The peer that sent them.
		peer_id: String,
		/// How long it took.
		fetch_ms: u64,
	},
	/// Verifier: a leaf was judged.
	LeafJudged {
		/// The claim.
		claim: u64,
		/// The tranche.
		tranche: u8,
		/// The leaf's index.
		index: u32,
		/// The segment.
		seq: u64,
		/// The verdict.
		verdict: String,
		/// Time that the engine took.
		verify_ms: u64,
	},
	/// Verifier: a task is done.
	TaskDone {
		/// The claim.
		claim: u64,
		/// The tranche.
		tranche: u8,
		/// The verdicts in order of leaf.
		verdicts: Vec<String>,
		/// The evidence.
		evidence: String,
		/// From taking to judging.
		total_ms: u64,
	},
	/// Verifier: a task cannot be judged here. Said each time that it is posted.
	TaskUnable {
		/// The claim.
		claim: u64,
		/// The tranche.
		tranche: u8,
		/// Why.
		reason: String,
	},
	/// Gateway: a segment was fetched, checked and is served.
	SegmentServed {
		/// The stream's name.
		stream: String,
		/// The segment.
		seq: u64,
		/// SHA-256 and length of each output in rendition order.
		outputs: Vec<(String, u32)>,
		/// How long fetching took.
		fetch_ms: u64,
	},
	/// Gateway: the stream has ended.
	StreamComplete {
		/// The stream's name.
		stream: String,
		/// Its segments.
		segments: u64,
	},
}

/// Takes events; must not block for long.
pub trait EventSink: Send + Sync {
	/// Takes one event.
	fn emit(&self, event: Event);
}

/// Drops every event.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEvents;

impl EventSink for NoEvents {
	fn emit(&self, _: Event) {}
}

/// Outputs as events name them; those that are absent are left out.
pub fn output_names<'a>(
	outputs: impl IntoIterator<Item = &'a livepeer_primitives::receipt::Output>,
) -> Vec<(String, u32)> {
	outputs.into_iter().map(|output| (format!("{:?}", output.hash), output.len)).collect()
}
