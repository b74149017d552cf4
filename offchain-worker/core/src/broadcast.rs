//! The broadcaster: opens a job, signs and sends segments, takes back checked renditions and
//! serves them.
//!
//! A header is stored before it is sent, so that a restart sends the same header again and never
//! signs another one under its key. A segment counts as returned only when the receipt is signed
//! and every rendition was fetched and has its hash.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use futures::{stream::FuturesUnordered, StreamExt};
use livepeer_primitives::{
	receipt::signature_hash,
	segment::{stream_id, SegmentHeader},
	service::ServiceRecord,
	video::{check_format, FormatError, Ladder, SourceLimits, LONGEST_SEGMENT, MAX_SEGMENT_BYTES},
	AccountId, AssignmentIndex, Balance, BlockNumber, JobId, Seq, StreamId,
};
use sp_core::H256;
use thiserror::Error;
use tokio::sync::{mpsc, watch};

use crate::{
	chain::{while_away, At, Call, Chain, ChainError, Wait},
	clock::Clock,
	events::{output_names, Event, EventSink},
	key::Key,
	playlist::is_stream_name,
	sha256,
	store::{SegmentKey, SegmentStore, StoreError, StreamState},
	transport::{
		Playlist, PushReply, Refusal, SegmentRecord, Service, SignedHeader, Transport, MAX_RECORDS,
	},
	window::{Sending, Window},
};

/// How long a broken sending waits: doubled with each attempt, up to the second value.
const BACKOFF_MS: (u64, u64) = (250, 4_000);
/// How long a stopped run waits for segments that are under way; the next run sends them again.
const DRAIN_MS: u64 = 15_000;
/// Segments that are cut ahead of what may be sent.
const AHEAD: usize = 16;

/// Why a stream cannot go on.
#[derive(Debug, Error)]
pub enum BroadcastError {
	/// A stream's name has characters that no URL takes.
	#[error("a stream's name has 1 to 64 letters, digits, '-', '_' or '.'")]
	BadName,
	/// The ladder or the limits cannot be a job's.
	#[error("the ladder cannot be transcoded: {0:?}")]
	BadFormat(FormatError),
	/// The chain gave no answer.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// Nothing can be stored.
	#[error(transparent)]
	Store(#[from] StoreError),
	/// The job was not found after it was created.
	#[error("the job did not appear on chain")]
	NoJob,
	/// The job ended while segments had not come back.
	#[error("job {0} has ended with segments outstanding: its time or its budget is used up")]
	JobEnded(JobId),
	/// A resumed stream continues with other content.
	#[error("segment {0} differs from the one that was signed before: a job is resumed with the source that it was started with; use another --name")]
	OtherSource(Seq),
	/// The source failed before its end. The job stays open: the next run goes on.
	#[error("the source failed: {0}")]
	Source(String),
	/// The source gave a segment that no job takes.
	#[error("segment {seq} of the source is beyond the protocol's limits: {reason}")]
	BadSegment {
		/// The segment.
		seq: Seq,
		/// What is wrong with it.
		reason: &'static str,
	},
}

/// What is streamed, and on which terms.
#[derive(Clone, Debug)]
pub struct StreamSpec {
	/// The stream's name.
	pub name: String,
	/// The ladder.
	pub ladder: Ladder,
	/// The limits of the source.
	pub limits: SourceLimits,
	/// The highest price of a standard segment, in ETH.
	pub max_price: Balance,
	/// ETH for the job.
	pub budget: Balance,
	/// Blocks until the job expires.
	pub lasts: BlockNumber,
	/// How many of the newest segments are kept for gateways.
	pub keep: u64,
}

/// One segment cut from the source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceSegment {
	/// Its bytes.
	pub bytes: Vec<u8>,
	/// Its duration in ticks of 1/90,000 s.
	pub duration: u32,
}

/// A stream with its job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenStream {
	/// The stream.
	pub stream: StreamId,
	/// The job.
	pub job: JobId,
	/// Seq of the source's first segment.
	pub first: Seq,
	/// The seq before which every segment came back in earlier runs.
	pub complete: Seq,
	/// The ladder.
	pub ladder: Ladder,
	/// Whether an earlier run had opened the job.
	pub resumed: bool,
	/// How many of the newest segments are kept for gateways.
	pub keep: u64,
}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Summary {
	/// Segments that came back.
	pub returned: u64,
	/// Segments that never will.
	pub skipped: u64,
	/// Whether the source came to its end (and not the run to a stop).
	pub complete: bool,
}

/// The transcoder that works now.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Assigned {
	index: AssignmentIndex,
	transcoder: AccountId,
	service: ServiceRecord,
}

/// How one sending ended.
enum Delivered {
	Returned(Box<SegmentRecord>),
	Skip(String),
	Retry { after_ms: Option<u64>, reason: String },
	Fatal(BroadcastError),
}

/// The role.
pub struct Broadcaster {
	key: Key,
	chain: Arc<dyn Chain>,
	store: Arc<dyn SegmentStore>,
	net: Arc<dyn Transport>,
	events: Arc<dyn EventSink>,
	clock: Arc<dyn Clock>,
}

impl Broadcaster {
	/// Puts the role together.
	pub fn new(
		key: Key,
		chain: Arc<dyn Chain>,
		store: Arc<dyn SegmentStore>,
		net: Arc<dyn Transport>,
		events: Arc<dyn EventSink>,
		clock: Arc<dyn Clock>,
	) -> Self {
		Self { key, chain, store, net, events, clock }
	}

	/// Publishes where the stream is found, and resumes the stream's job or opens a new one, as
	/// soon as the node answers.
	pub async fn open(&self, spec: &StreamSpec) -> Result<OpenStream, BroadcastError> {
		if !is_stream_name(&spec.name) {
			return Err(BroadcastError::BadName);
		}
		check_format(&spec.ladder, &spec.limits).map_err(BroadcastError::BadFormat)?;
		let away =
			|error: &BroadcastError| matches!(error, BroadcastError::Chain(e) if e.is_away());
		while_away(&*self.clock, away, async || self.try_open(spec).await).await
	}

	async fn try_open(&self, spec: &StreamSpec) -> Result<OpenStream, BroadcastError> {
		let account = self.key.account();
		let stream = stream_id(&account, &spec.name);
		let record = self.net.service_record();
		if self.chain.service(&account).await?.as_ref() != Some(&record) {
			self.chain.submit(Call::SetOrigin(record), Wait::Finalized).await?;
		}
		let known = self.store.stream(stream)?;
		let before = self.chain.job_of_stream(stream).await?;
		if let Some(job) = before {
			let view = self.chain.job(At::Best, job).await?;
			if view.is_some_and(|view| !view.ended) {
				match &known {
					Some(state) if state.job == job && !state.ended => {
						return Ok(self.opened(stream, state, spec.keep, true));
					}
					// Nothing says which seqs were signed for it: a second signature under one
					// of them would be an equivocation, so that job is given up.
					_ => self.chain.submit(Call::EndJob { job }, Wait::Finalized).await?,
				}
			}
		}
		let mut heads = self.chain.heads();
		let end = heads.borrow_and_update().best.saturating_add(spec.lasts);
		let call = Call::CreateJob {
			name: spec.name.clone(),
			ladder: spec.ladder.clone(),
			limits: spec.limits,
			max_price: spec.max_price,
			end,
			budget: spec.budget,
		};
		self.chain.submit(call, Wait::Finalized).await?;
		let job = self.await_job(stream, before, &mut heads).await?;
		let first = known.map_or(0, |state| state.next);
		let state = StreamState {
			broadcaster: account,
			name: spec.name.clone(),
			job,
			ladder: spec.ladder.clone(),
			first,
			next: first,
			// What an earlier job left outstanding never comes back.
			complete: first,
			ended: false,
		};
		self.store.put_stream(stream, &state)?;
		Ok(self.opened(stream, &state, spec.keep, false))
	}

	fn opened(
		&self,
		stream: StreamId,
		state: &StreamState,
		keep: u64,
		resumed: bool,
	) -> OpenStream {
		self.events.emit(Event::JobOpened {
			job: state.job,
			stream: format!("{stream:?}"),
			resumed,
		});
		OpenStream {
			stream,
			job: state.job,
			first: state.first,
			complete: state.complete,
			ladder: state.ladder.clone(),
			resumed,
			keep,
		}
	}

	async fn await_job(
		&self,
		stream: StreamId,
		before: Option<JobId>,
		heads: &mut watch::Receiver<crate::chain::Head>,
	) -> Result<JobId, BroadcastError> {
		for _ in 0..10 {
			let now = self.chain.job_of_stream(stream).await?;
			if now.is_some() && now != before {
				return now.ok_or(BroadcastError::NoJob);
			}
			if heads.changed().await.is_err() {
				break;
			}
		}
		Err(BroadcastError::NoJob)
	}

	/// Streams until the source's channel closes and every segment has come back, then ends the
	/// job; or until `stop` turns true or the source fails, which leaves the job open for the next
	/// run.
	pub async fn run(
		&self,
		open: &OpenStream,
		mut source: mpsc::Receiver<Result<SourceSegment, String>>,
		mut stop: watch::Receiver<bool>,
	) -> Result<Summary, BroadcastError> {
		let mut heads = self.chain.heads();
		let mut window = Window::default();
		let mut cuts: BTreeMap<Seq, Cut> = BTreeMap::new();
		let mut assigned = None;
		self.refresh(open, &mut assigned, &mut window).await?;
		let mut deliveries = FuturesUnordered::new();
		let mut summary = Summary::default();
		let mut next = open.first;
		let mut source_open = true;
		let mut stopping = *stop.borrow_and_update();
		let mut broken = None;
		let mut drained_ms = u64::MAX;
		let mut complete = 0;
		loop {
			let first = window.first().unwrap_or(next);
			if first > complete {
				complete = first;
				self.update(open, |state| state.complete = state.complete.max(complete))?;
				self.store.trim_records(open.stream, complete.saturating_sub(open.keep))?;
			}
			if !stopping {
				if let Some(to) = &assigned {
					while let Some(sending) = window.take(self.clock.now_ms()) {
						let Some(cut) = cuts.get(&sending.seq).copied() else { continue };
						let to: Assigned = Clone::clone(to);
						deliveries.push(async move {
							(sending, self.deliver(open, &to, sending.seq, &cut).await)
						});
					}
				}
			}
			// Answers that nobody waits for, as those of a transcoder that was lost, are dropped.
			let all_back = !source_open && window.outstanding() == 0;
			if stopping {
				drained_ms = drained_ms.min(self.clock.now_ms().saturating_add(DRAIN_MS));
			}
			let drained = deliveries.is_empty() || self.clock.now_ms() >= drained_ms;
			if all_back || (stopping && drained) {
				break;
			}
			let wake = match (&assigned, window.wake_ms()) {
				(Some(_), Some(ms)) if !stopping => ms,
				_ => drained_ms,
			};
			let sleep = async {
				match wake {
					u64::MAX => std::future::pending().await,
					wake => self.clock.sleep_until(wake).await,
				}
			};
			tokio::select! {
				changed = stop.changed(), if !stopping => {
					stopping = changed.is_err() || *stop.borrow();
				},
				segment = source.recv(), if source_open && !stopping && cuts.len() < AHEAD => {
					match segment {
						None => source_open = false,
						Some(Err(reason)) => {
							tracing::error!(%reason, "the source fails; what was cut still goes out");
							broken = Some(BroadcastError::Source(reason));
							stopping = true;
						},
						Some(Ok(segment)) => {
							let seq = next;
							next = next.saturating_add(1);
							if let Some(cut) = self.take_segment(open, seq, segment)? {
								cuts.insert(seq, cut);
								window.add(seq);
							}
						},
					}
				},
				Some((sending, delivered)) = deliveries.next() => {
					self.handle(open, sending, delivered, &mut window, &mut cuts, &mut summary)?;
				},
				changed = heads.changed(), if !stopping => {
					if changed.is_ok() {
						match self.refresh(open, &mut assigned, &mut window).await {
							Err(BroadcastError::Chain(error)) if error.is_transient() =>
								tracing::warn!(%error, "cannot follow the job; streaming goes on"),
							result => result?,
						}
					}
				},
				() = sleep => {},
			}
		}
		if let Some(error) = broken {
			return Err(error);
		}
		summary.complete = !source_open && window.outstanding() == 0;
		if summary.complete {
			self.finish(open, summary).await?;
		}
		Ok(summary)
	}

	async fn finish(&self, open: &OpenStream, summary: Summary) -> Result<(), BroadcastError> {
		self.update(open, |state| state.ended = true)?;
		self.events.emit(Event::StreamEnded {
			job: open.job,
			returned: summary.returned,
			skipped: summary.skipped,
		});
		while_away(&*self.clock, ChainError::is_away, async || {
			let view = self.chain.job(At::Best, open.job).await?;
			if view.is_some_and(|view| !view.ended) {
				self.chain.submit(Call::EndJob { job: open.job }, Wait::Finalized).await?;
			}
			Ok(())
		})
		.await
		.map_err(BroadcastError::Chain)
	}

	/// Stores what `change` makes of the stream's state, if it changes.
	fn update(
		&self,
		open: &OpenStream,
		change: impl FnOnce(&mut StreamState),
	) -> Result<(), BroadcastError> {
		let Some(before) = self.store.stream(open.stream)? else { return Ok(()) };
		let mut state = before.clone();
		change(&mut state);
		if state != before {
			self.store.put_stream(open.stream, &state)?;
		}
		Ok(())
	}

	/// Stores a new segment; `None` when it has come back in an earlier run.
	fn take_segment(
		&self,
		open: &OpenStream,
		seq: Seq,
		segment: SourceSegment,
	) -> Result<Option<Cut>, BroadcastError> {
		let bad = |reason| BroadcastError::BadSegment { seq, reason };
		let in_len = u32::try_from(segment.bytes.len())
			.ok()
			.filter(|len| (1..=MAX_SEGMENT_BYTES).contains(len))
			.ok_or(bad("it has no bytes, or too many"))?;
		if !(1..=LONGEST_SEGMENT).contains(&segment.duration) {
			return Err(bad("it has no duration, or is too long"));
		}
		let in_hash = sha256(&segment.bytes);
		if let Some(record) = self.store.records(open.stream, seq, 1)?.first() {
			if record.header().seq == seq {
				return if record.header().in_hash == in_hash {
					Ok(None)
				} else {
					Err(BroadcastError::OtherSource(seq))
				};
			}
		}
		if seq < open.complete {
			// It came back and is not kept any more, or never will.
			return Ok(None);
		}
		self.store.put(&segment.bytes)?;
		self.store.pin(&source_pin(open.stream, seq), &[in_hash])?;
		self.update(open, |state| state.next = state.next.max(seq.saturating_add(1)))?;
		self.events.emit(Event::SegmentCut {
			seq,
			in_hash: format!("{in_hash:?}"),
			in_len,
			duration: segment.duration,
		});
		let at_ms = self.clock.now_ms();
		Ok(Some(Cut { in_hash, in_len, duration: segment.duration, at_ms }))
	}

	fn handle(
		&self,
		open: &OpenStream,
		sending: Sending,
		delivered: Delivered,
		window: &mut Window,
		cuts: &mut BTreeMap<Seq, Cut>,
		summary: &mut Summary,
	) -> Result<(), BroadcastError> {
		let seq = sending.seq;
		match delivered {
			Delivered::Fatal(error) => return Err(error),
			Delivered::Retry { after_ms, reason } => {
				let now_ms = self.clock.now_ms();
				let wait = |attempts| after_ms.unwrap_or_else(|| backoff(attempts));
				let retried =
					window.retry(sending, |attempts| now_ms.saturating_add(wait(attempts)));
				if let Some(attempts) = retried {
					tracing::info!(seq, attempts, %reason, "segment is sent again");
				}
			}
			Delivered::Skip(reason) => {
				if window.resolve(seq) {
					tracing::warn!(seq, %reason, "segment is skipped");
					cuts.remove(&seq);
					self.store.unpin(&source_pin(open.stream, seq))?;
					summary.skipped += 1;
					self.events.emit(Event::SegmentSkipped { seq, reason });
				}
			}
			Delivered::Returned(record) => {
				if window.resolve(seq) {
					let latency_ms =
						cuts.remove(&seq).map_or(0, |cut| self.clock.now_ms() - cut.at_ms);
					self.store.put_record(&record)?;
					self.store.drop_header(key_of(record.header()))?;
					self.store.unpin(&source_pin(open.stream, seq))?;
					summary.returned += 1;
					self.events.emit(Event::SegmentReturned {
						seq,
						assignment: record.header().assignment,
						in_hash: format!("{:?}", record.header().in_hash),
						outputs: output_names(&record.receipt.outputs),
						latency_ms,
					});
				}
			}
		}
		Ok(())
	}

	/// Looks who transcodes now.
	async fn refresh(
		&self,
		open: &OpenStream,
		assigned: &mut Option<Assigned>,
		window: &mut Window,
	) -> Result<(), BroadcastError> {
		let Some(view) = self.chain.job(At::Best, open.job).await?.filter(|view| !view.ended)
		else {
			return Err(BroadcastError::JobEnded(open.job));
		};
		let current = match view.current.filter(|current| current.accepted) {
			None => None,
			// Read again with every head: a transcoder may move.
			Some(current) => self.chain.service(&current.transcoder).await?.map(|service| {
				Assigned { index: current.index, transcoder: current.transcoder, service }
			}),
		};
		let who = |assigned: &Assigned| (assigned.index, assigned.transcoder.clone());
		if current.as_ref().map(who) == assigned.as_ref().map(who) {
			*assigned = current;
			return Ok(());
		}
		if let Some(new) = &current {
			tracing::info!(job = open.job, assignment = new.index, transcoder = %new.transcoder, "assigned");
			self.events.emit(Event::Assigned {
				job: open.job,
				assignment: new.index,
				transcoder: new.transcoder.to_string(),
			});
			window.reassign();
		}
		*assigned = current;
		Ok(())
	}

	async fn deliver(&self, open: &OpenStream, to: &Assigned, seq: Seq, cut: &Cut) -> Delivered {
		match self.try_deliver(open, to, seq, cut).await {
			Ok(delivered) => delivered,
			Err(error) => Delivered::Fatal(error),
		}
	}

	async fn try_deliver(
		&self,
		open: &OpenStream,
		to: &Assigned,
		seq: Seq,
		cut: &Cut,
	) -> Result<Delivered, BroadcastError> {
		let header = SegmentHeader {
			genesis: self.chain.genesis(),
			stream: open.stream,
			job: open.job,
			assignment: to.index,
			transcoder: to.transcoder.clone(),
			seq,
			in_hash: cut.in_hash,
			in_len: cut.in_len,
			duration: cut.duration,
		};
		let signature = self.key.sign(header.signing_payload());
		let signed = SignedHeader { header: header.clone(), signature };
		let mut stored = self.store.put_header(&signed)?;
		if stored.header != header && is_same_segment(&stored.header, &header) {
			// A reorg gave the assignment to another transcoder. To name both is no equivocation,
			// for the segment is the same.
			self.store.drop_header(key_of(&header))?;
			stored = self.store.put_header(&signed)?;
		}
		let signed = stored;
		if signed.header != header {
			return Err(BroadcastError::OtherSource(seq));
		}
		let Some(bytes) = self.store.get(cut.in_hash)? else {
			return Err(StoreError::Damaged(cut.in_hash).into());
		};
		let retry = |reason: String| Delivered::Retry { after_ms: None, reason };
		let (receipt, transcoder_signature) =
			match self.net.push(&to.service, &signed, &bytes).await {
				Ok(PushReply::Done { receipt, signature }) => (receipt, signature),
				Ok(PushReply::Busy { retry_ms }) => {
					return Ok(Delivered::Retry {
						after_ms: Some(u64::from(retry_ms).clamp(50, BACKOFF_MS.1)),
						reason: "the transcoder is busy".into(),
					})
				}
				Ok(PushReply::Refused(
					refusal @ (Refusal::Invalid(_) | Refusal::TooLate | Refusal::TooLarge),
				)) => return Ok(Delivered::Skip(refusal.to_string())),
				Ok(PushReply::Refused(refusal)) => return Ok(retry(refusal.to_string())),
				Err(error) => return Ok(retry(error.to_string())),
			};
		let record = SegmentRecord {
			receipt: *receipt,
			transcoder_signature,
			broadcaster_signature: signed.signature,
		};
		if record.receipt.header != header
			|| record.receipt.broadcaster_signature_hash
				!= signature_hash(&record.broadcaster_signature)
		{
			return Ok(retry("the receipt is for another segment".into()));
		}
		let checked = record.check(
			&self.chain.genesis(),
			&open.stream,
			&self.key.account(),
			open.ladder.len(),
		);
		if let Err(error) = checked {
			return Ok(retry(error.to_string()));
		}
		let fetches = record
			.receipt
			.outputs
			.iter()
			.map(|output| self.net.fetch(&to.service, output.hash, output.len));
		let outputs = match futures::future::try_join_all(fetches).await {
			Ok(outputs) => outputs,
			Err(error) => return Ok(retry(format!("a rendition: {error}"))),
		};
		for (output, bytes) in record.receipt.outputs.iter().zip(&outputs) {
			if bytes.len() as u64 != u64::from(output.len) {
				return Ok(retry("a rendition has another length than the receipt says".into()));
			}
			self.store.put(bytes)?;
		}
		Ok(Delivered::Returned(Box::new(record)))
	}
}

/// What is remembered of a segment while it is outstanding; its bytes are in the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Cut {
	in_hash: H256,
	in_len: u32,
	duration: u32,
	at_ms: u64,
}

/// Whether two headers of one key are for the same bytes.
fn is_same_segment(one: &SegmentHeader, other: &SegmentHeader) -> bool {
	(one.in_hash, one.in_len, one.duration) == (other.in_hash, other.in_len, other.duration)
}

fn key_of(header: &SegmentHeader) -> SegmentKey {
	SegmentKey { job: header.job, assignment: header.assignment, seq: header.seq }
}

fn source_pin(stream: StreamId, seq: Seq) -> String {
	format!("source/{stream:?}/{seq}")
}

fn backoff(attempts: u32) -> u64 {
	(BACKOFF_MS.0 << attempts.saturating_sub(1).min(8)).min(BACKOFF_MS.1)
}

/// What an origin answers: a broadcaster's own streams.
pub struct Origin {
	store: Arc<dyn SegmentStore>,
}

impl Origin {
	/// Serves what is in `store`.
	pub fn new(store: Arc<dyn SegmentStore>) -> Self {
		Self { store }
	}
}

/// Part of a stream as an origin's store has it: of its newest job, whose ladder the answer names,
/// and without gaps that may still be filled.
pub fn playlist_from(
	store: &dyn SegmentStore,
	stream: StreamId,
	from: Seq,
) -> Result<Option<Playlist>, StoreError> {
	let Some(state) = store.stream(stream)? else { return Ok(None) };
	let mut records = store.records(stream, from.max(state.first), MAX_RECORDS as usize)?;
	records.retain(|record| record.header().seq < state.complete);
	Ok(Some(Playlist { job: state.job, ladder: state.ladder, ended: state.ended, records }))
}

#[async_trait]
impl Service for Origin {
	async fn fetch(&self, hash: H256) -> Option<Vec<u8>> {
		self.store.get(hash).unwrap_or_else(|error| {
			tracing::warn!(%error, "cannot serve");
			None
		})
	}

	async fn admit(&self, _: &SignedHeader) -> Result<(), Refusal> {
		Err(Refusal::NotServed)
	}

	async fn push(&self, _: SignedHeader, _: Vec<u8>) -> PushReply {
		PushReply::Refused(Refusal::NotServed)
	}

	async fn playlist(&self, stream: StreamId, from: Seq) -> Option<Playlist> {
		playlist_from(self.store.as_ref(), stream, from).unwrap_or_else(|error| {
			tracing::warn!(%error, "cannot serve");
			None
		})
	}
}

#[cfg(test)]
mod tests;
