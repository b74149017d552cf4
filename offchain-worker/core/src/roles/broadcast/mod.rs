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
	api::JobView,
	keys::{Generation, Purpose},
	segment::stream_id,
	service::ServiceRecord,
	video::{check_format, FormatError, Ladder, SourceLimits},
	work::WorkFactors,
	AccountId, Balance, BlockNumber, Epoch, JobId, Seq, StreamId,
};
use thiserror::Error;
use tokio::sync::{mpsc, watch};

pub use self::origin::{playlist_from, Origin};
use self::run::{Inputs, Run};
use crate::{
	key::{KeyBook, Keyring, NoKeyFor, OwnKeys, Signing},
	ports::{
		chain::{while_away, At, Call, Chain, ChainError, Head, Wait},
		clock::Clock,
		engine::MediaEngine,
		events::{Event, EventSink},
		store::{BroadcastStore, StoreError, StreamState},
		transport::Transport,
	},
	rules::{playlist::is_stream_name, window::OUT},
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
	/// No key at hand signs segments.
	#[error(transparent)]
	Key(#[from] NoKeyFor),
	/// The chain sends viewers elsewhere, and only the account itself can change that.
	#[error("the chain does not say that this stream of {0} is found here: publish it with the account's own key (`livepeer-worker keys origin`)")]
	Origin(AccountId),
	/// The transcoder does not give back what can be transcoded.
	#[error("the transcoder withheld {0} segments that can be transcoded; the job was ended, and the next run opens another")]
	Withheld(u64),
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
	/// Whether the source goes on wherever it is when a run resumes the stream, rather than from
	/// its beginning.
	pub live: bool,
	/// No seq below is signed when nothing of the stream is stored here: what an operator knows of
	/// an earlier run whose store is lost, when nobody else does.
	pub above: Seq,
}

/// One segment cut from the source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceSegment {
	/// Its bytes.
	pub bytes: Vec<u8>,
	/// Its duration in ticks of 1/90,000 s.
	pub duration: u32,
	/// Presentation time of its first picture in ticks, which never goes back within an epoch.
	pub time: u64,
	/// When it was captured, in milliseconds since 1970; 0 when that is not known.
	pub captured: u64,
	/// Whether what follows does not go on from it: it is the last of its epoch.
	pub last: bool,
	/// Whether it does not go on from what came before: it is the first of its epoch.
	pub fresh: bool,
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
	/// Its epoch.
	pub epoch: Epoch,
	/// The seq before which every segment came back in earlier runs.
	pub complete: Seq,
	/// The ladder.
	pub ladder: Ladder,
	/// The limits of the source.
	pub limits: SourceLimits,
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
	own: OwnKeys,
	book: KeyBook,
	chain: Arc<dyn Chain>,
	store: Arc<dyn BroadcastStore>,
	net: Arc<dyn Transport>,
	engine: Arc<dyn MediaEngine>,
	events: Arc<dyn EventSink>,
	clock: Arc<dyn Clock>,
}

impl Broadcaster {
	/// Puts the role together. `keys` sign segments; transactions are signed by the chain's key: the
	/// account's own or a spending key of it.
	pub fn new(
		keys: Keyring,
		chain: Arc<dyn Chain>,
		store: Arc<dyn BroadcastStore>,
		net: Arc<dyn Transport>,
		engine: Arc<dyn MediaEngine>,
		events: Arc<dyn EventSink>,
		clock: Arc<dyn Clock>,
	) -> Self {
		let own = OwnKeys::new(keys, Purpose::Segments, chain.clone(), clock.clone());
		let book = KeyBook::new(chain.clone(), clock.clone());
		Self { own, book, chain, store, net, engine, events, clock }
	}

	/// What signs segments as this generation.
	async fn signing(&self, generation: Generation) -> Result<Signing, BroadcastError> {
		Ok(self.own.signing(generation).await??)
	}

	/// Publishes where the stream is found, and resumes the stream's job or opens a new one, as
	/// soon as the node answers.
	pub async fn open(&self, spec: &StreamSpec) -> Result<OpenStream, BroadcastError> {
		if !is_stream_name(&spec.name) {
			return Err(BroadcastError::BadName);
		}
		// The chain's own factors decide; here it is only asked what the profile is.
		let factors = WorkFactors::canonical(1, 1, 1);
		check_format(&spec.ladder, &spec.limits, &factors).map_err(BroadcastError::BadFormat)?;
		let away =
			|error: &BroadcastError| matches!(error, BroadcastError::Chain(e) if e.is_away());
		while_away(&*self.clock, away, async || self.try_open(spec).await).await
	}

	async fn try_open(&self, spec: &StreamSpec) -> Result<OpenStream, BroadcastError> {
		let account = self.own.account().clone();
		let stream = stream_id(&account, &spec.name);
		self.publish(stream, &spec.name, self.net.service_record()).await?;
		let known = self.store.stream(stream)?;
		let before = self.chain.job_of_stream(stream).await?;
		let mut start = known.as_ref().map(|state| (state.next, state.newest_epoch));
		if let Some(job) = before {
			let view = self.chain.job(At::Best, job).await?;
			if let Some(view) = view.filter(|view| !view.ended) {
				match &known {
					Some(state) if state.job == job && !state.ended => {
						return Ok(self.opened(stream, state, spec, true));
					}
					// Nothing says which seqs were signed for it: a second signature under one
					// of them would be an equivocation, so that job is given up.
					_ => {
						if start.is_none() {
							start = Some(self.recover(stream, &view).await?);
						}
						self.chain.submit(Call::EndJob { job }, Wait::Finalized).await?;
					}
				}
			}
		}
		let mut heads = self.chain.heads();
		let end = self.chain.limits().await?.now.saturating_add(spec.lasts);
		heads.borrow_and_update();
		let call = Call::CreateJob {
			broadcaster: account.clone(),
			name: spec.name.clone(),
			ladder: spec.ladder.clone(),
			limits: spec.limits,
			max_price: spec.max_price,
			end,
			budget: spec.budget,
		};
		self.chain.submit(call, Wait::Finalized).await?;
		let job = self.await_job(stream, before, &mut heads).await?;
		let (first, epoch) = match start {
			// A new job goes on above, and is a new epoch to whoever plays the stream.
			Some((next, epoch)) => (next.max(spec.above), epoch.saturating_add(1)),
			None => (spec.above, 0),
		};
		let state = StreamState {
			broadcaster: account,
			name: spec.name.clone(),
			job,
			ladder: spec.ladder.clone(),
			first,
			epoch,
			newest_epoch: epoch,
			next: first,
			// What an earlier job left outstanding never comes back.
			complete: first,
			ended: false,
			head: known.and_then(|state| state.head),
		};
		self.store.put_stream(stream, &state)?;
		Ok(self.opened(stream, &state, spec, false))
	}

	fn opened(
		&self,
		stream: StreamId,
		state: &StreamState,
		spec: &StreamSpec,
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
			first: if spec.live { state.next } else { state.first },
			// What a live source sends now does not go on from what it sent before.
			epoch: match spec.live && state.next > state.first {
				true => state.newest_epoch.saturating_add(1),
				false => state.epoch,
			},
			complete: if spec.live { state.next } else { state.complete },
			ladder: state.ladder.clone(),
			limits: spec.limits,
			resumed,
			keep: spec.keep,
		}
	}

	/// Says on chain where the stream is found, where this role may.
	async fn publish(
		&self,
		stream: StreamId,
		name: &str,
		record: ServiceRecord,
	) -> Result<(), BroadcastError> {
		if self.chain.origin(stream).await?.as_ref() == Some(&record) {
			return Ok(());
		}
		let account = self.own.account();
		if self.chain.account().as_ref() != Some(account) {
			return Err(BroadcastError::Origin(account.clone()));
		}
		let call = Call::SetOrigin { name: name.into(), record };
		Ok(self.chain.submit(call, Wait::Finalized).await?)
	}

	/// The seq after the newest that was signed for a stream of which nothing is stored here, and
	/// its epoch: as far as the chain's cursor tells, and the newest segment that the job's
	/// transcoder shows with this broadcaster's signature. What was under way may be newer by a
	/// window.
	async fn recover(
		&self,
		stream: StreamId,
		view: &JobView,
	) -> Result<(Seq, Epoch), BroadcastError> {
		let Some(current) = &view.current else { return Ok((OUT, 0)) };
		let (mut next, mut epoch) = (current.next_seq, 0);
		if let Some(service) = self.chain.service(&current.transcoder).await? {
			match self.net.newest(&service, stream).await {
				Ok(signed) => {
					let account = self.own.account();
					let is_ours = signed.header.stream == stream
						&& self.book.is_header_signed(&signed, account).await?;
					if is_ours {
						next = next.max(signed.header.seq.saturating_add(1));
						epoch = signed.header.segment.epoch;
					}
				}
				Err(error) => tracing::warn!(%error, "the transcoder shows no newest segment"),
			}
		}
		Ok((next.saturating_add(OUT), epoch))
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
