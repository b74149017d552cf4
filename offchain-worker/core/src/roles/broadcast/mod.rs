//! The broadcaster: opens a job, signs and sends segments, takes back checked renditions and
//! serves them.
//!
//! A header is stored before it is sent, so that a restart sends the same header again and never
//! signs another one under its key. A segment counts as returned only when the receipt is signed
//! and every rendition was fetched and has its hash.

mod delivery;
mod origin;
mod run;

use std::sync::Arc;

use livepeer_primitives::{
	segment::stream_id,
	video::{check_format, FormatError, Ladder, SourceLimits},
	Balance, BlockNumber, JobId, Seq, StreamId,
};
use thiserror::Error;
use tokio::sync::{mpsc, watch};

pub use self::origin::{playlist_from, Origin};
use self::run::{Inputs, Run};
use crate::{
	key::Key,
	ports::{
		chain::{while_away, At, Call, Chain, ChainError, Head, Wait},
		clock::Clock,
		events::{Event, EventSink},
		store::{BroadcastStore, StoreError, StreamState},
		transport::Transport,
	},
	rules::playlist::is_stream_name,
};

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

/// The role.
pub struct Broadcaster {
	key: Key,
	chain: Arc<dyn Chain>,
	store: Arc<dyn BroadcastStore>,
	net: Arc<dyn Transport>,
	events: Arc<dyn EventSink>,
	clock: Arc<dyn Clock>,
}

impl Broadcaster {
	/// Puts the role together.
	pub fn new(
		key: Key,
		chain: Arc<dyn Chain>,
		store: Arc<dyn BroadcastStore>,
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
		heads: &mut watch::Receiver<Head>,
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
		source: mpsc::Receiver<Result<SourceSegment, String>>,
		stop: watch::Receiver<bool>,
	) -> Result<Summary, BroadcastError> {
		let inputs = Inputs { source, heads: self.chain.heads(), stop };
		Run::new(self, open).to_its_end(inputs).await
	}
}

#[cfg(test)]
mod tests;
