//! Progress for programs: one event per step, as JSON lines.
//!
//! Hashes are hex with `0x`, accounts SS58, times milliseconds. Fields are only ever added.

use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex},
};

use serde::Serialize;

use crate::{
	lock,
	ports::{clock::Clock, store::StoreError},
};

/// Warnings to operators.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
	/// The account is jailed.
	Jailed,
	/// The stake fell, by a slash or because stake left.
	StakeFell,
	/// A claim is decided against the account, and the slash for it is not executed yet.
	SlashPending,
	/// A claim failed.
	ClaimFailed,
	/// A claim was missed.
	ClaimMissed,
	/// A claim is void: nobody judged it.
	ClaimVoid,
	/// A claim was given up.
	ClaimLost,
	/// The chain refuses something.
	Refused,
	/// Segments of an own job were refused.
	SegmentRefused,
	/// More segments come than can be transcoded.
	QueueFull,
	/// An account has little left.
	LowBalance,
	/// A job's budget is nearly used up.
	LowBudget,
	/// The account is registered no more.
	NotRegistered,
	/// Peers do not reach the published address.
	Unreachable,
	/// Nothing can be stored.
	Store,
	/// The folder may be an old copy, or another worker runs for the account.
	Restored,
	/// The chain does not accept the toolchain, or not any more.
	Toolchain,
	/// The chain's runtime was upgraded to one that this worker would misread.
	Outdated,
}

impl Warning {
	/// All of them.
	pub const ALL: [Warning; 18] = [
		Self::Jailed,
		Self::StakeFell,
		Self::SlashPending,
		Self::ClaimFailed,
		Self::ClaimMissed,
		Self::ClaimVoid,
		Self::ClaimLost,
		Self::Refused,
		Self::SegmentRefused,
		Self::QueueFull,
		Self::LowBalance,
		Self::LowBudget,
		Self::NotRegistered,
		Self::Unreachable,
		Self::Store,
		Self::Restored,
		Self::Toolchain,
		Self::Outdated,
	];

	/// Its name, as in events and metrics.
	pub fn name(self) -> &'static str {
		match self {
			Self::Jailed => "jailed",
			Self::StakeFell => "stake_fell",
			Self::SlashPending => "slash_pending",
			Self::ClaimFailed => "claim_failed",
			Self::ClaimMissed => "claim_missed",
			Self::ClaimVoid => "claim_void",
			Self::ClaimLost => "claim_lost",
			Self::Refused => "refused",
			Self::SegmentRefused => "segment_refused",
			Self::QueueFull => "queue_full",
			Self::LowBalance => "low_balance",
			Self::LowBudget => "low_budget",
			Self::NotRegistered => "not_registered",
			Self::Unreachable => "unreachable",
			Self::Store => "store",
			Self::Restored => "restored",
			Self::Toolchain => "toolchain",
			Self::Outdated => "outdated",
		}
	}
}

/// The least time between two warnings of a kind.
const AGAIN_MS: u64 = 60_000;

/// Emits warnings, each at most once in a while, because strangers may cause some.
pub struct Warnings {
	events: Arc<dyn EventSink>,
	clock: Arc<dyn Clock>,
	said: Mutex<BTreeMap<Option<Warning>, (u64, String)>>,
}

impl Warnings {
	/// Emits them to `events`.
	pub fn new(events: Arc<dyn EventSink>, clock: Arc<dyn Clock>) -> Self {
		Self { events, clock, said: Mutex::default() }
	}

	/// Emits a warning, unless one of its kind was emitted lately.
	pub fn warn(&self, what: Warning, text: impl Into<String>) {
		let text = text.into();
		if self.is_due(Some(what), None, &text) {
			tracing::warn!(what = what.name(), "{text}");
			self.events.emit(Event::Warned { what, text });
		}
	}

	/// Warns that something cannot be stored.
	pub fn store(&self, error: &StoreError) {
		self.warn(
			Warning::Store,
			format!("something cannot be stored ({error}): make room on the disk, or give a larger --quota"),
		);
	}

	/// Emits what the role waits for, unless the same was emitted lately.
	pub fn wait(&self, text: impl Into<String>) {
		let text = text.into();
		if self.is_due(None, Some(&text), &text) {
			tracing::warn!("{text}");
			self.events.emit(Event::Waits { text });
		}
	}

	/// Nothing is waited for any more.
	pub fn goes_on(&self) {
		lock(&self.said).remove(&None);
	}

	fn is_due(&self, what: Option<Warning>, only_same: Option<&str>, text: &str) -> bool {
		let now_ms = self.clock.now_ms();
		let mut said = lock(&self.said);
		let lately = said.get(&what).is_some_and(|(at_ms, before)| {
			now_ms < at_ms.saturating_add(AGAIN_MS) && only_same.is_none_or(|text| text == before)
		});
		if !lately {
			said.insert(what, (now_ms, text.to_owned()));
		}
		!lately
	}
}

/// One step of a role.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
	/// The role is up.
	Started {
		/// Its account, if it has one.
		account: Option<String>,
		/// Its libp2p peer id.
		peer_id: Option<String>,
		/// Where it listens.
		listen: Vec<String>,
	},
	/// The role is down after an orderly stop.
	Stopped,
	/// Something that the operator should know or act on. Repeated while it lasts, at most once in a while.
	Warned {
		/// Which: see [`Warning`].
		what: Warning,
		/// What happened and what to do.
		text: String,
	},
	/// A transcoder that does not answer was replaced: its job goes to the next one.
	HandedOn {
		/// The job.
		job: u64,
		/// The assignment that ended.
		assignment: u32,
		/// How long its transcoder had not answered, or had given nothing back.
		silent_ms: u64,
	},
	/// The role cannot continue by itself. Repeated while it lasts, at most once in a while.
	Waits {
		/// What it waits for and what to do.
		text: String,
	},
	/// Somebody signed two contradictory statements. Both are stored, and reported if the role has a key for
	/// that.
	ContradictionFound {
		/// `broadcaster`: two segments in one place; `transcoder`: two results for one segment.
		by: String,
		/// Who signed them.
		account: String,
		/// The job.
		job: u64,
		/// The assignment.
		assignment: u32,
		/// The segment.
		seq: u64,
	},
	/// The report of such an offence is settled.
	ContradictionSettled {
		/// As above.
		by: String,
		/// Who signed them.
		account: String,
		/// The job.
		job: u64,
		/// `reported` by this role, `known` before, or `too_late`.
		outcome: String,
	},
	/// Broadcaster: the stream has a job.
	JobOpened {
		/// The job.
		job: u64,
		/// The stream's id.
		stream: String,
		/// Whether an earlier run opened it.
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
	/// Transcoder: segments will not be claimed any more, so nobody pays for them.
	ClaimGivenUp {
		/// The job.
		job: u64,
		/// The assignment.
		assignment: u32,
		/// Seq of the first.
		first: u64,
		/// Seq of the last.
		last: u64,
		/// Why.
		reason: String,
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
	/// Transcoder: the variants of a claim's drawn segments were opened.
	VariantsOpened {
		/// The claim.
		claim: u64,
		/// Its drawn segments.
		leaves: u32,
	},
	/// Transcoder: a claim has left the chain's state, and its data is no longer kept.
	ClaimClosed {
		/// The claim.
		claim: u64,
		/// How it was decided, if that was seen.
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
		/// The finding for each output, in rendition order: exact, a variant, or the fault and its first
		/// picture; empty if the outputs were not compared.
		findings: Vec<String>,
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
	/// Verifier: a task cannot be judged here. Emitted each time that it is posted.
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

/// Outputs in the form of events, without absent ones.
pub fn output_names<'a>(
	outputs: impl IntoIterator<Item = &'a livepeer_primitives::receipt::Output>,
) -> Vec<(String, u32)> {
	outputs.into_iter().map(|output| (format!("{:?}", output.hash), output.len)).collect()
}
