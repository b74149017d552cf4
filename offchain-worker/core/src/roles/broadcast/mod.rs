//! The broadcaster: opens a job, signs and sends segments, takes renditions back, checks and serves them.
//!
//! A header is stored before it is sent, so that a restart sends the same header again and never signs
//! another one under its key. A segment counts as returned only if the receipt is signed, and every rendition
//! was fetched and has its hash.

mod cut;
mod delivery;
mod handover;
mod origin;
mod recover;
mod run;
mod telling;

use std::sync::Arc;

use livepeer_primitives::{
	api::JobView,
	job_format::{check_format, FormatError},
	keys::{Generation, Purpose},
	segment::stream_id,
	service::ServiceRecord,
	video::{
		Ladder, Rendition, SourceLimits, LONGEST_SEGMENT, MAX_FPS, MAX_KBPS, MAX_SIDE,
		TICKS_PER_SECOND,
	},
	work::WorkFactors,
	AccountId, Balance, BlockNumber, Epoch, JobId, Seq, StreamId, Track,
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
		events::{Event, EventSink, Warning, Warnings},
		store::{BroadcastStore, StoreError, StreamState},
		transport::{SignedHead, Transport},
	},
	recall::{keep_pulse, pulse, was_left},
	reporting::Reporter,
	rules::playlist::is_stream_name,
};

fn in_eth(amount: &Balance) -> String {
	crate::decimal(*amount)
}

/// What is wrong with a ladder or limits, and what is allowed.
fn wrong_with(format: &FormatError) -> String {
	match format {
		FormatError::NoRendition => "it has no rendition".to_owned(),
		FormatError::DuplicateRendition => "two of its renditions are the same".to_owned(),
		FormatError::BadSize => format!(
			"sides of renditions are even and 16 to {MAX_SIDE} pixels, those of the source {MAX_SIDE} at most"
		),
		FormatError::BadBitrate => format!(
			"a bit rate is 1 to {MAX_KBPS} kbit/s, no higher than its cap, and less where segments are long"
		),
		FormatError::UnknownProfile => {
			"the chain knows no such profile: see `livepeer-worker broadcast --help`".to_owned()
		}
		FormatError::BadSegmentLength => format!(
			"segments are half a second to {} s long: give another --longest",
			LONGEST_SEGMENT / TICKS_PER_SECOND
		),
		FormatError::BadFrameRate => format!("the source has 1 to {MAX_FPS} frames per second"),
	}
}

/// Why a stream cannot continue.
#[derive(Debug, Error)]
pub enum BroadcastError {
	/// The stream's name is not allowed in URLs.
	#[error("a stream's name has 1 to 64 letters, digits, '-', '_' or '.'")]
	BadName,
	/// No job can have this ladder or these limits.
	#[error("the ladder cannot be transcoded: {}", wrong_with(.0))]
	BadFormat(FormatError),
	/// No claim of the job could be worth its verification.
	#[error("at a highest price of {} ETH for a standard segment nobody could be paid for checking the stream's transcoding: give a --max-price of {} at least", in_eth(.max_price), in_eth(.least))]
	TooCheap {
		/// The job's highest price.
		max_price: Balance,
		/// The least that it has to be.
		least: Balance,
	},
	/// The chain gave no answer.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// Nothing can be stored.
	#[error(transparent)]
	Store(#[from] StoreError),
	/// No key at hand signs segments.
	#[error(transparent)]
	Key(#[from] NoKeyFor),
	/// The chain names another origin of the stream, and only the account itself can change that.
	#[error("the chain does not say that this stream of {0} is found here: publish it with the account's own key (`livepeer-worker keys origin --peer-id`)")]
	Origin(AccountId),
	/// The stream ran before, and it is unknown how far it came.
	#[error("stream {0} ran before, but nothing of it is stored in this folder and nobody who was asked shows how far it came: run it in the folder that it ran in, name a gateway that has followed it (--ask), or give --above with a number that no segment of it ever had (--above 0 if it never sent one)")]
	Lost(String),
	/// The transcoder withholds what can be transcoded.
	#[error("the transcoder withheld {0} segments that can be transcoded; the job was ended, and the next run opens another")]
	Withheld(u64),
	/// The named job cannot be used for this stream.
	#[error("job {job} cannot be taken up: {why}")]
	NotTaken {
		/// The job.
		job: JobId,
		/// What is wrong with it.
		why: &'static str,
	},
	/// The job was not found after it was created.
	#[error("the job did not appear on chain; run it again")]
	NoJob,
	/// The job ended while segments had not come back.
	#[error("job {0} has ended with segments outstanding: its time or its budget is used up, or nobody has taken it for long; the next run opens another")]
	JobEnded(JobId),
	/// A resumed stream continues with other content.
	#[error("segment {0} differs from the one that was signed before: a job is resumed with the source that it was started with; use another --name")]
	OtherSource(Seq),
	/// The source failed before its end. The job stays open, and the next run continues it.
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

/// A stream and its terms.
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
	/// Whether the source continues at its current place when a run resumes the stream, rather than from its
	/// beginning.
	pub live: bool,
	/// No seq below this one is signed: an operator's knowledge of an earlier run whose store is lost.
	pub above: Option<Seq>,
	/// Further peers that are asked how far the stream has come if nothing of it is stored here, beside those
	/// that the chain names.
	pub ask: Vec<ServiceRecord>,
	/// A job of this stream that was opened elsewhere, for example by the account's wallet, and for which no
	/// segment was ever signed. It is taken up, and no other is opened.
	pub job: Option<JobId>,
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
	/// Whether it is the last of its epoch: what follows does not continue it.
	pub last: bool,
	/// Whether it is the first of its epoch: it does not continue what came before.
	pub fresh: bool,
	/// The same stretch in the publisher's own renditions, in ascending order of their tracks. There are no
	/// more of them than there is room for beside the ladder.
	pub own: Vec<OwnSegment>,
}

/// A segment in one of the publisher's own renditions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnSegment {
	/// Its track, from 1.
	pub track: Track,
	/// Its bytes.
	pub bytes: Vec<u8>,
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
	/// Whether an earlier run opened the job.
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
	/// Whether the source ended, rather than the run being stopped.
	pub complete: bool,
}

/// Checks that a stream may have this name, and that its ladder can be transcoded from a source within these
/// limits, as [`Broadcaster::open`] does, without asking a node.
pub fn check_stream(
	name: &str,
	ladder: &[Rendition],
	limits: &SourceLimits,
) -> Result<(), BroadcastError> {
	if !is_stream_name(name) {
		return Err(BroadcastError::BadName);
	}
	// The chain's own factors decide later; this only checks that the profile exists.
	let factors = WorkFactors::canonical(1, 1, 1).and_capped_quality(1);
	check_format(ladder, limits, &factors).map_err(BroadcastError::BadFormat)
}

/// Where a job begins.
#[derive(Default)]
struct Start {
	next: Seq,
	epoch: Epoch,
	/// The newest head that was ever signed.
	head: Option<SignedHead>,
}

/// Whether a job fits a stream's terms.
fn fits(spec: &StreamSpec, view: &JobView) -> bool {
	let (asked, job) = (&spec.limits, &view.limits);
	spec.ladder == view.ladder
		&& (asked.width <= job.width && asked.height <= job.height && asked.fps <= job.fps)
		&& (asked.longest <= job.longest && asked.shortest >= job.shortest)
}

/// The named job and its limits, if it is open for this stream and nothing shows that segments were signed
/// for it.
fn take_up(
	job: JobId,
	spec: &StreamSpec,
	view: Option<&JobView>,
) -> Result<(JobId, SourceLimits), BroadcastError> {
	let not = |why| BroadcastError::NotTaken { job, why };
	let view = view
		.filter(|view| view.id == job && !view.ended)
		.ok_or(not("the chain has no such open job of this stream; leave --job away, and one is opened with a spending key, or open another"))?;
	if view.current.as_ref().is_some_and(|current| current.next_seq > 0) {
		return Err(not(
			"segments were claimed for it already: run the stream in the folder that it ran in",
		));
	}
	if !fits(spec, view) {
		return Err(not("it was opened for other renditions, or for a smaller source: give the --rendition and --limits that it was opened with"));
	}
	Ok((job, view.limits))
}

/// The name of the note that a stream begins here: it exists from before the stream's first job until its
/// state is stored.
fn begun(stream: StreamId) -> String {
	format!("begun/{stream:?}")
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
	warnings: Warnings,
	reporter: Reporter,
	clock: Arc<dyn Clock>,
}

impl Broadcaster {
	/// Makes the role. `keys` sign segments. The chain's key signs transactions: it is the account's own or
	/// one of its spending keys.
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
		let warnings = Warnings::new(events.clone(), clock.clone());
		let reporter = Reporter::new(chain.clone(), store.clone(), events.clone());
		Self { own, book, chain, store, net, engine, events, warnings, reporter, clock }
	}

	/// The signer of segments for this generation.
	async fn signing(&self, generation: Generation) -> Result<Signing, BroadcastError> {
		Ok(self.own.signing(generation).await??)
	}

	/// Publishes the stream's origin, and resumes its job or opens a new one, as soon as the node answers.
	pub async fn open(&self, spec: &StreamSpec) -> Result<OpenStream, BroadcastError> {
		check_stream(&spec.name, &spec.ladder, &spec.limits)?;
		let away =
			|error: &BroadcastError| matches!(error, BroadcastError::Chain(e) if e.is_away());
		while_away(&*self.clock, away, async || self.try_open(spec).await).await
	}

	async fn try_open(&self, spec: &StreamSpec) -> Result<OpenStream, BroadcastError> {
		let account = self.own.account().clone();
		let stream = stream_id(&account, &spec.name);
		let known = self.store.stream(stream)?;
		let before = self.chain.job_of_stream(stream).await?;
		let view = match before {
			Some(job) => self.chain.job(At::Best, job).await?,
			None => None,
		};
		let taken = match (spec.job, &known) {
			(Some(job), Some(state)) if state.job == job && state.ended => {
				let why = "its stream has come to its end here: end the job with the wallet that opened it, and open another";
				return Err(BroadcastError::NotTaken { job, why });
			}
			// It continues this job, as it would without being told.
			(Some(job), Some(state)) if state.job == job => None,
			(Some(job), _) => Some(take_up(job, spec, view.as_ref())?),
			(None, _) => None,
		};
		// Before the origin is published.
		let (start, is_whole) = match &known {
			Some(state) => self.go_on(stream, state, spec, view.as_ref()).await?,
			None => {
				// A job that was opened elsewhere does not show an earlier run.
				let has_job = before.is_some() && taken.is_none();
				(self.start_anew(stream, spec, has_job, view.as_ref()).await?, true)
			}
		};
		self.publish(stream, &spec.name, self.net.service_record()).await?;
		if let Some(view) = view.filter(|view| !view.ended && taken.is_none()) {
			match &known {
				Some(state)
					if is_whole && state.job == view.id && !state.ended && fits(spec, &view) =>
				{
					// With a named job, its opener chose the price.
					if view.max_price != spec.max_price && spec.job.is_none() {
						tracing::warn!(job = view.id, "the stream goes on with its job, which was opened with another highest price; end it (`livepeer-worker stream end`) to change that");
					}
					return Ok(self.opened(stream, state, spec, view.limits, true));
				}
				Some(state) if is_whole && state.job == view.id && !state.ended => {
					tracing::warn!(job = view.id, "the job does not fit this ladder or a source with these limits: it is ended, and another one is opened");
					self.chain.submit(Call::EndJob { job: view.id }, Wait::Finalized).await?;
				}
				// It is unknown which seqs were signed for it. A second signature under one of them would be
				// an equivocation, so this job is given up.
				_ => self.chain.submit(Call::EndJob { job: view.id }, Wait::Finalized).await?,
			}
		}
		let (job, limits) = match taken {
			Some(taken) => taken,
			None => (self.create(stream, spec, before).await?, spec.limits),
		};
		// A new job continues above, as a new epoch for players.
		let Start { next: first, epoch, head } = start;
		let state = StreamState {
			broadcaster: account,
			name: spec.name.clone(),
			job,
			ladder: spec.ladder.clone(),
			first,
			epoch,
			newest_epoch: epoch,
			next: first,
			// Outstanding segments of an earlier job never come back.
			complete: first,
			ended: false,
			head,
		};
		self.store.put_stream(stream, &state)?;
		// Nothing was signed for this job before.
		let best = self.chain.heads().borrow().best;
		pulse(&*self.store, &*self.clock, best)?;
		self.store.drop_value(&begun(stream))?;
		Ok(self.opened(stream, &state, spec, limits, false))
	}

	/// Opens a job for a stream whose newest one was `before`.
	async fn create(
		&self,
		stream: StreamId,
		spec: &StreamSpec,
		before: Option<JobId>,
	) -> Result<JobId, BroadcastError> {
		let least = self.chain.job_terms().await?.least_price();
		if spec.max_price < least {
			return Err(BroadcastError::TooCheap { max_price: spec.max_price, least });
		}
		self.foretell(spec).await?;
		let mut heads = self.chain.heads();
		let end = self.chain.limits().await?.now.saturating_add(spec.lasts);
		heads.borrow_and_update();
		let call = Call::CreateJob {
			broadcaster: self.own.account().clone(),
			name: spec.name.clone(),
			ladder: spec.ladder.clone(),
			limits: spec.limits,
			max_price: spec.max_price,
			end,
			budget: spec.budget,
		};
		self.chain.submit(call, Wait::Finalized).await?;
		self.await_job(stream, before, &mut heads).await
	}

	/// Where a stream begins if nothing of it is stored here: at 0 if it never ran; otherwise above
	/// everything that anybody proves to be signed, or that the operator names.
	async fn start_anew(
		&self,
		stream: StreamId,
		spec: &StreamSpec,
		has_job: bool,
		view: Option<&JobView>,
	) -> Result<Start, BroadcastError> {
		if self.store.value(&begun(stream))?.is_some() {
			// It began here, and came no further than opening its first job: nothing was signed.
			return Ok(Start { next: spec.above.unwrap_or(0), ..Default::default() });
		}
		let origin = self.chain.origin(stream).await?;
		let own = self.net.peer_id();
		let is_elsewhere = origin.as_ref().is_some_and(|record| *record.peer_id != *own);
		let ran_before = has_job || is_elsewhere;
		let found = match (ran_before, &origin) {
			(false, None) => None,
			_ => self.ask_around(stream, &spec.ask, origin.as_ref(), view).await?,
		};
		match (found, spec.above) {
			(Some(found), above) => {
				tracing::warn!(
					next = found.next,
					"nothing of the stream is stored here; it goes on above what others show"
				);
				Ok(Start {
					next: found.above().max(above.unwrap_or(0)),
					epoch: found.epoch.saturating_add(1),
					head: found.head,
				})
			}
			// The earlier epochs are unknown; none has a higher number than the current time in seconds.
			(None, Some(above)) if ran_before => {
				let seconds = self.clock.wall_ms() / 1_000;
				let epoch = Epoch::try_from(seconds).unwrap_or(Epoch::MAX);
				Ok(Start { next: above, epoch, head: None })
			}
			(None, None) if ran_before => Err(BroadcastError::Lost(spec.name.clone())),
			(None, above) => {
				if origin.is_some() && above.is_none() {
					tracing::warn!("the chain says that this stream is found here, but nothing of it is stored and nobody who was asked has seen it: it begins with segment 0. If it ran before, gateways that know it show nothing until it is beyond what they have: stop, and give --above with a number that no segment ever had");
				}
				self.store.put_value(&begun(stream), &[])?;
				Ok(Start { next: above.unwrap_or(0), ..Default::default() })
			}
		}
	}

	/// Where a stream continues whose state is stored here, and whether that state is the newest. A live
	/// source is never cut the same way twice: if an old copy of a folder continued its job, other segments
	/// would be signed under numbers that are signed already.
	async fn go_on(
		&self,
		stream: StreamId,
		state: &StreamState,
		spec: &StreamSpec,
		view: Option<&JobView>,
	) -> Result<(Start, bool), BroadcastError> {
		let mut start = Start {
			next: state.next.max(spec.above.unwrap_or(0)),
			epoch: state.newest_epoch.saturating_add(1),
			head: state.head.clone(),
		};
		if !spec.live {
			return Ok((start, true));
		}
		let best = self.chain.heads().borrow().best;
		let was_left = was_left(&*self.store, &*self.clock, best)?;
		let found = if was_left {
			let origin = self.chain.origin(stream).await?;
			self.ask_around(stream, &spec.ask, origin.as_ref(), view).await?
		} else {
			self.ask_transcoder(stream, view).await?
		};
		let found = found.unwrap_or_default();
		let is_whole = !was_left && found.next <= state.next;
		if !is_whole {
			if found.next > state.next {
				let text = format!("the folder is an old copy: it has segments of the stream up to {}, and others have it up to {}. The stream goes on above that, in another job", state.next, found.next);
				self.warnings.warn(Warning::Restored, text);
			}
			start.next = start.next.max(found.above());
			start.epoch = start.epoch.max(found.epoch.saturating_add(1));
			let time = |head: &Option<SignedHead>| head.as_ref().map(|signed| signed.head.time);
			if time(&found.head) > time(&start.head) {
				start.head = found.head;
			}
		}
		Ok((start, is_whole))
	}

	fn opened(
		&self,
		stream: StreamId,
		state: &StreamState,
		spec: &StreamSpec,
		limits: SourceLimits,
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
			// A live source's current segments do not continue its earlier ones.
			epoch: match spec.live && state.next > state.first {
				true => state.newest_epoch.saturating_add(1),
				false => state.epoch,
			},
			complete: if spec.live { state.next } else { state.complete },
			ladder: state.ladder.clone(),
			limits,
			resumed,
			keep: spec.keep,
		}
	}

	/// Publishes the stream's origin, if this role may.
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

	/// Streams until the source's channel closes and every segment has come back, then ends the job. If
	/// `stop` turns true or the source fails, the job stays open for the next run.
	pub async fn run(
		&self,
		open: &OpenStream,
		source: mpsc::Receiver<Result<SourceSegment, String>>,
		stop: watch::Receiver<bool>,
	) -> Result<Summary, BroadcastError> {
		let heads = self.chain.heads();
		let inputs = Inputs { source, heads: heads.clone(), stop };
		let ended = tokio::select! {
			ended = Run::new(self, open).drive(inputs) => ended,
			() = keep_pulse(&*self.store, &*self.clock, &heads) => Ok(Summary::default()),
			() = self.reporter.keep_reporting() => Ok(Summary::default()),
		};
		if let Err(BroadcastError::Store(error)) = &ended {
			self.warnings.store(error);
		}
		ended
	}
}

#[cfg(test)]
mod tests;
