//! One run of a stream: cuts come in, segments go out, renditions come back.

use std::collections::BTreeMap;

use futures::{future::BoxFuture, stream::FuturesUnordered, StreamExt};
use livepeer_primitives::{
	chunks::chunk_root,
	extension::Extensions,
	receipt::Output,
	segment::{SegmentInfo, StreamHead, LAST_OF_EPOCH, SOURCE_TRACK},
	video::{LONGEST_SEGMENT, MAX_SEGMENT_BYTES, TICKS_PER_SECOND},
	AssignmentIndex, Epoch, Seq, StreamId, MAX_RENDITIONS,
};
use tokio::sync::{mpsc, watch};

use super::{
	cut::{Cut, BACKOFF_MS},
	delivery::{Assigned, Delivered},
	handover::Silence,
	telling::stalled,
	BroadcastError, Broadcaster, OpenStream, OwnSegment, SourceSegment, Summary,
};
use crate::{
	aside,
	key::Signing,
	ports::{
		chain::{while_away, At, Call, ChainError, Head, Wait},
		events::{output_names, Event},
		store::{SegmentKey, StreamState},
		transport::{SignedHead, MAX_OWN},
	},
	rules::window::{Sending, Window},
	sha256,
};

/// How long a stopped run waits for segments under way; the next run sends them again.
const DRAIN_MS: u64 = 15_000;
/// Segments that may be cut ahead of what may be sent.
const AHEAD: usize = 16;
/// How long the chain may make no block before a warning.
const STALL_MS: u64 = 60_000;
/// How many segments a transcoder may withhold before its job is ended.
const MOST_WITHHELD: u64 = 3;
/// How often the transcoder is pinged, so that its loss is noticed before the next segment.
const PROBE_MS: u64 = 500;

/// Inputs of a run.
pub(super) struct Inputs {
	/// The source's segments; closed at its end.
	pub(super) source: mpsc::Receiver<Result<SourceSegment, String>>,
	/// The chain's heads.
	pub(super) heads: watch::Receiver<Head>,
	/// Whether the run is to stop.
	pub(super) stop: watch::Receiver<bool>,
}

/// The state of a running stream.
pub(super) struct Run<'a> {
	role: &'a Broadcaster,
	open: &'a OpenStream,
	/// The sending window.
	window: Window,
	/// Segments that were cut and have not come back.
	cuts: BTreeMap<Seq, Cut>,
	/// The current transcoder.
	assigned: Option<Assigned>,
	/// The sendings under way.
	deliveries: FuturesUnordered<BoxFuture<'a, (Sending, AssignmentIndex, Delivered)>>,
	/// The transcoder's silence, and when to hand the job on.
	silence: Silence,
	/// The call that hands the job on, while it is under way.
	handing_on: Option<BoxFuture<'a, Result<bool, ChainError>>>,
	/// The ping to a transcoder, while it is under way.
	probing: Option<BoxFuture<'a, (AssignmentIndex, bool)>>,
	/// The time of the next ping.
	probe_ms: u64,
	/// Until when the next segment of the source is expected.
	awaited_until_ms: u64,
	summary: Summary,
	/// Seq of the source's next segment.
	next: Seq,
	/// Its epoch.
	epoch: Epoch,
	/// Whether a segment of this epoch was cut.
	epoch_has_begun: bool,
	/// Signs as the generation that the newest assignment names.
	signing: Option<Signing>,
	/// The number of segments that can be transcoded and did not come back whole.
	withheld: u64,
	/// The stored seq before which everything came back.
	complete: Seq,
	/// The time in the newest head: each head's is later than the one before, whatever the clock does.
	head_ms: u64,
	/// Whether the source has not ended.
	source_open: bool,
	/// Whether nothing more is sent.
	stopping: bool,
	/// Why the source failed.
	broken: Option<BroadcastError>,
	/// When a stopped run stops waiting.
	drained_ms: u64,
	/// When the chain was last read, after a new block or a long time without one.
	head_seen_ms: u64,
	/// When the last warning about missing blocks was given.
	stall_said_ms: u64,
}

impl<'a> Run<'a> {
	pub(super) fn new(role: &'a Broadcaster, open: &'a OpenStream) -> Self {
		Self {
			role,
			open,
			window: Window::default(),
			cuts: BTreeMap::new(),
			assigned: None,
			deliveries: FuturesUnordered::new(),
			silence: Silence::default(),
			handing_on: None,
			probing: None,
			probe_ms: 0,
			awaited_until_ms: 0,
			summary: Summary::default(),
			next: open.first,
			epoch: open.epoch,
			epoch_has_begun: false,
			signing: None,
			withheld: 0,
			complete: 0,
			head_ms: 0,
			source_open: true,
			stopping: false,
			broken: None,
			drained_ms: u64::MAX,
			head_seen_ms: 0,
			stall_said_ms: 0,
		}
	}

	/// See [`Broadcaster::run`].
	pub(super) async fn drive(mut self, inputs: Inputs) -> Result<Summary, BroadcastError> {
		let Inputs { mut source, mut heads, mut stop } = inputs;
		let stored = self.role.store.stream(self.open.stream)?;
		self.head_ms = stored.and_then(|state| state.head).map_or(0, |signed| signed.head.time);
		self.refresh().await?;
		self.stopping = *stop.borrow_and_update();
		loop {
			self.note_complete()?;
			self.send();
			if self.is_over() {
				break;
			}
			self.probe();
			self.hand_on();
			let clock = self.role.clock.clone();
			let wake = self.wake_ms();
			let sleep = async {
				match wake {
					u64::MAX => std::future::pending().await,
					wake => clock.sleep_until(wake).await,
				}
			};
			let handing_on = self.handing_on.as_mut();
			let handed_on = async {
				match handing_on {
					Some(call) => call.await,
					None => std::future::pending().await,
				}
			};
			let probing = self.probing.as_mut();
			let probed = async {
				match probing {
					Some(question) => question.await,
					None => std::future::pending().await,
				}
			};
			let hungry = self.source_open && !self.stopping && self.cuts.len() < AHEAD;
			tokio::select! {
				changed = stop.changed(), if !self.stopping => {
					self.stopping = changed.is_err() || *stop.borrow();
				},
				segment = source.recv(), if hungry => match segment {
					// The feeder of a stopped run drops its channel too: that is not the source's end.
					None if *stop.borrow() => self.stopping = true,
					segment => self.take(segment).await?,
				},
				Some((sending, assignment, delivered)) = self.deliveries.next() => {
					self.hear(assignment, &delivered);
					self.handle(sending, delivered)?;
					if self.withheld >= MOST_WITHHELD {
						// The next transcoder may be honest.
						self.end_job().await?;
						return Err(BroadcastError::Withheld(self.withheld));
					}
				},
				changed = heads.changed(), if !self.stopping => {
					if changed.is_ok() {
						match self.refresh().await {
							Err(BroadcastError::Chain(error)) if error.is_transient() =>
								tracing::warn!(%error, "cannot follow the job; streaming goes on"),
							result => result?,
						}
					}
				},
				handed_on = handed_on => {
					self.handing_on = None;
					self.silence.answered(self.role.clock.now_ms(), &handed_on);
				},
				(assignment, is_there) = probed => {
					self.probing = None;
					self.probed(assignment, is_there);
				},
				() = sleep => {},
			}
			let now_ms = self.role.clock.now_ms();
			if !self.stopping && now_ms >= self.stalled_ms() {
				self.role.warnings.wait(stalled(now_ms.saturating_sub(self.head_seen_ms)));
				// Repeated while it lasts.
				self.stall_said_ms = now_ms;
			}
		}
		if let Some(error) = self.broken.take() {
			return Err(error);
		}
		self.summary.complete = self.all_back();
		if self.summary.complete {
			self.finish().await?;
		}
		Ok(self.summary)
	}

	/// Stores how far everything came back, and forgets old segments.
	fn note_complete(&mut self) -> Result<(), BroadcastError> {
		let first = self.window.first().unwrap_or(self.next);
		if first > self.complete {
			self.complete = first;
			let head = self.head(false);
			self.update(|state| {
				state.complete = state.complete.max(first);
				state.head = head.or(state.head.take());
			})?;
			let before = first.saturating_sub(self.open.keep);
			self.role.store.trim_records(self.open.stream, before)?;
		}
		Ok(())
	}

	/// Sends the segments that the window allows.
	fn send(&mut self) {
		let Some(to) = self.assigned.as_ref().filter(|_| !self.stopping) else { return };
		while let Some(sending) = self.window.take(self.role.clock.now_ms()) {
			let Some(cut) = self.cuts.get(&sending.seq).cloned() else { continue };
			let (role, open, to) = (self.role, self.open, to.clone());
			let Some(signing) = self.signing.clone() else { return };
			self.deliveries.push(Box::pin(async move {
				(sending, to.index, role.deliver(open, &to, &signing, sending.seq, &cut).await)
			}));
		}
	}

	/// How far the stream has come, signed; `None` before it was assigned.
	fn head(&mut self, ended: bool) -> Option<SignedHead> {
		let signing = self.signing.as_ref()?;
		self.head_ms = self.role.clock.wall_ms().max(self.head_ms.saturating_add(1));
		let head = StreamHead {
			genesis: self.role.chain.genesis(),
			stream: self.open.stream,
			epoch: self.epoch,
			next_seq: self.next,
			ended,
			time: self.head_ms,
			extensions: Extensions::default(),
		};
		let signature = signing.sign(&head.hash());
		Some(SignedHead { head, signature })
	}

	/// Whether everything came back. Late answers, such as those of a lost transcoder, are dropped.
	fn all_back(&self) -> bool {
		!self.source_open && self.window.outstanding() == 0
	}

	/// Whether there is nothing left to wait for.
	fn is_over(&mut self) -> bool {
		let now_ms = self.role.clock.now_ms();
		if self.stopping {
			self.drained_ms = self.drained_ms.min(now_ms.saturating_add(DRAIN_MS));
		}
		let drained = self.deliveries.is_empty() || now_ms >= self.drained_ms;
		self.all_back() || (self.stopping && drained)
	}

	/// The next time at which something is due without an event; [`u64::MAX`] for never.
	fn wake_ms(&self) -> u64 {
		if self.stopping {
			return self.drained_ms;
		}
		let stalled_ms = self.stalled_ms();
		if self.assigned.is_none() {
			return stalled_ms;
		}
		let silent_ms = match &self.handing_on {
			None => self.silence.due_ms(),
			Some(_) => u64::MAX,
		};
		let probe_ms = match &self.probing {
			None if self.probes() => self.probe_ms,
			_ => u64::MAX,
		};
		let send_ms = self.window.wake_ms().unwrap_or(u64::MAX);
		stalled_ms.min(silent_ms).min(probe_ms).min(send_ms)
	}

	/// When to warn (again) that no block comes.
	fn stalled_ms(&self) -> u64 {
		self.head_seen_ms.max(self.stall_said_ms).saturating_add(STALL_MS)
	}

	/// Handles the source's next item: a segment, its failure, or its end.
	async fn take(
		&mut self,
		segment: Option<Result<SourceSegment, String>>,
	) -> Result<(), BroadcastError> {
		match segment {
			None => self.source_open = false,
			Some(Err(reason)) => {
				tracing::error!(%reason, "the source fails; what was cut still goes out");
				self.broken = Some(BroadcastError::Source(reason));
				self.stopping = true;
			}
			Some(Ok(segment)) => {
				let seq = self.next;
				self.next = seq.saturating_add(1);
				let longest = u64::from(self.open.limits.longest.max(segment.duration));
				let longest_ms = longest.saturating_mul(1_000) / u64::from(TICKS_PER_SECOND);
				self.awaited_until_ms =
					self.role.clock.now_ms().saturating_add(longest_ms.saturating_mul(2));
				if let Some(cut) = self.take_segment(seq, segment).await? {
					self.cuts.insert(seq, cut);
					self.window.add(seq);
				}
			}
		}
		Ok(())
	}

	/// Stores a new segment; `None` if it came back in an earlier run.
	async fn take_segment(
		&mut self,
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
		let (bytes, mut own) = (segment.bytes, segment.own);
		let sent = own.len();
		fit_own(&mut own, self.open.ladder.len());
		if own.len() < sent {
			tracing::debug!(seq, sent, left = own.len(), "there is no room for all own renditions");
		}
		let hashed = aside(move || {
			let source = described(&bytes);
			let of_own: Vec<_> = own.iter().map(|own| (own.track, described(&own.bytes))).collect();
			let all: Vec<_> =
				core::iter::once(bytes).chain(own.into_iter().map(|own| own.bytes)).collect();
			(source, of_own, all)
		});
		let (Output { hash: in_hash, chunk_root, .. }, own, all) = hashed.await;
		// Judges accept a short segment only as the last one of its epoch.
		let is_short = segment.duration < self.open.limits.shortest;
		let is_last = is_short || segment.last;
		let is_broken = segment.fresh && self.epoch_has_begun;
		let epoch = self.epoch.saturating_add(Epoch::from(is_broken));
		self.epoch = epoch.saturating_add(Epoch::from(is_last));
		self.epoch_has_begun = !is_last;
		if let Some(record) = self.role.store.records(self.open.stream, seq, 1)?.first() {
			if record.header().seq == seq {
				return if record.header().segment.in_hash == in_hash {
					Ok(None)
				} else {
					Err(BroadcastError::OtherSource(seq))
				};
			}
		}
		if seq < self.open.complete {
			// It came back and is not stored any more, or never will come back.
			return Ok(None);
		}
		let (store, owner) = (self.role.store.clone(), source_pin(self.open.stream, seq));
		let stored = aside(move || {
			let hashes = all.iter().map(|bytes| store.put(bytes)).collect::<Result<Vec<_>, _>>()?;
			store.pin(&owner, &hashes)
		});
		stored.await?;
		self.update(|state| {
			state.next = state.next.max(seq.saturating_add(1));
			state.newest_epoch = state.newest_epoch.max(epoch);
		})?;
		self.role.events.emit(Event::SegmentCut {
			seq,
			in_hash: format!("{in_hash:?}"),
			in_len,
			duration: segment.duration,
		});
		let at_ms = self.role.clock.now_ms();
		let info = SegmentInfo {
			track: SOURCE_TRACK,
			epoch,
			time: segment.time,
			captured: segment.captured,
			duration: segment.duration,
			flags: if is_last { LAST_OF_EPOCH } else { 0 },
			in_hash,
			in_len,
			chunk_root,
			extensions: Extensions::default(),
		};
		Ok(Some(Cut { segment: info, own, at_ms }))
	}

	fn handle(&mut self, sending: Sending, delivered: Delivered) -> Result<(), BroadcastError> {
		let seq = sending.seq;
		match delivered {
			Delivered::Fatal(error) => return Err(error),
			Delivered::Silent(reason) => {
				let retry = Delivered::Retry { after_ms: None, reason };
				return self.handle(sending, retry);
			}
			Delivered::Retry { after_ms, reason } => {
				let now_ms = self.role.clock.now_ms();
				let wait = |attempts| after_ms.unwrap_or_else(|| backoff(attempts));
				let retried =
					self.window.retry(sending, |attempts| now_ms.saturating_add(wait(attempts)));
				if let Some(attempts) = retried {
					tracing::info!(seq, attempts, %reason, "segment is sent again");
				}
			}
			Delivered::Skip(reason) => self.skip(seq, reason)?,
			Delivered::Withheld(reason) => {
				self.withheld += 1;
				self.skip(seq, reason)?;
			}
			Delivered::Returned(record) => {
				if self.window.resolve(seq) {
					let latency_ms = self
						.cuts
						.remove(&seq)
						.map_or(0, |cut| self.role.clock.now_ms() - cut.at_ms);
					let own: Vec<_> = record.own.iter().map(|own| own.output.hash).collect();
					self.role.store.put_record_with(&record, &own)?;
					self.role.store.drop_header(SegmentKey::of(record.header()))?;
					self.role.store.unpin(&source_pin(self.open.stream, seq))?;
					self.summary.returned += 1;
					self.role.events.emit(Event::SegmentReturned {
						seq,
						assignment: record.header().assignment,
						in_hash: format!("{:?}", record.header().segment.in_hash),
						outputs: output_names(record.present()),
						latency_ms,
					});
				}
			}
		}
		Ok(())
	}

	/// A segment will never come back.
	fn skip(&mut self, seq: Seq, reason: String) -> Result<(), BroadcastError> {
		if self.window.resolve(seq) {
			tracing::warn!(seq, %reason, "segment is skipped");
			self.cuts.remove(&seq);
			self.role.store.unpin(&source_pin(self.open.stream, seq))?;
			self.summary.skipped += 1;
			self.role.events.emit(Event::SegmentSkipped { seq, reason });
		}
		Ok(())
	}

	/// Reads who transcodes now.
	async fn refresh(&mut self) -> Result<(), BroadcastError> {
		let Some(view) =
			self.role.chain.job(At::Best, self.open.job).await?.filter(|view| !view.ended)
		else {
			return Err(BroadcastError::JobEnded(self.open.job));
		};
		self.head_seen_ms = self.role.clock.now_ms();
		self.role.tell(&view).await?;
		let current = match view.current {
			None => None,
			Some(current) => self.role.at_work(current).await?,
		};
		let current = match current {
			None => None,
			// Read again with every head: a transcoder may move.
			Some(current) => {
				self.role.chain.service(&current.transcoder).await?.map(|service| Assigned {
					index: current.index,
					transcoder: current.transcoder,
					transcoder_keys: current.transcoder_keys,
					broadcaster_keys: current.broadcaster_keys,
					service,
				})
			}
		};
		let who = |assigned: &Assigned| {
			let keys = (assigned.broadcaster_keys, assigned.transcoder_keys);
			(assigned.index, assigned.transcoder.clone(), keys)
		};
		if current.as_ref().map(who) == self.assigned.as_ref().map(who) {
			self.assigned = current;
			return Ok(());
		}
		if let Some(new) = &current {
			self.signing = Some(self.role.signing(new.broadcaster_keys).await?);
			tracing::info!(job = self.open.job, assignment = new.index, transcoder = %new.transcoder, "assigned");
			self.role.events.emit(Event::Assigned {
				job: self.open.job,
				assignment: new.index,
				transcoder: new.transcoder.to_string(),
			});
			self.window.reassign();
			self.silence.begin_anew();
			// Answers of the previous transcoder do not matter any more.
			(self.probing, self.probe_ms) = (None, 0);
		}
		self.assigned = current;
		Ok(())
	}

	/// Notes whether the transcoder of the current assignment answers.
	fn hear(&mut self, assignment: AssignmentIndex, delivered: &Delivered) {
		if self.assigned.as_ref().is_none_or(|to| to.index != assignment) {
			return;
		}
		match delivered {
			Delivered::Silent(_) => self.silence.silent(self.role.clock.now_ms()),
			Delivered::Returned(_) => self.silence.returned(),
			Delivered::Skip(_) => self.silence.settled(),
			_ => self.silence.heard(),
		}
	}

	/// Whether the transcoder is needed now or in a moment. While the source is away, nobody is pinged, and
	/// the job is not handed on.
	fn probes(&self) -> bool {
		let is_awaited = self.source_open && self.role.clock.now_ms() < self.awaited_until_ms;
		!self.stopping && (is_awaited || self.window.outstanding() > 0)
	}

	/// Pings the transcoder when that is due.
	fn probe(&mut self) {
		let Some(to) = self.assigned.as_ref().filter(|_| self.probes()) else { return };
		let now_ms = self.role.clock.now_ms();
		if self.probing.is_some() || now_ms < self.probe_ms {
			return;
		}
		self.probe_ms = now_ms.saturating_add(PROBE_MS);
		let (role, open, to) = (self.role, self.open, to.clone());
		self.probing = Some(Box::pin(async move {
			let is_there = role.is_there(&to.service, open.stream).await;
			(to.index, is_there)
		}));
	}

	/// Notes whether the transcoder of the current assignment answered a ping.
	fn probed(&mut self, assignment: AssignmentIndex, is_there: bool) {
		if self.assigned.as_ref().is_none_or(|to| to.index != assignment) {
			return;
		}
		if is_there {
			self.silence.there();
		} else {
			self.silence.away(self.role.clock.now_ms());
		}
	}

	/// Hands the job on if its transcoder has not answered, or has given nothing back, for too long.
	fn hand_on(&mut self) {
		let now_ms = self.role.clock.now_ms();
		self.silence.owes(self.assigned.is_some() && self.window.outstanding() > 0, now_ms);
		let Some(to) = self.assigned.as_ref().filter(|_| !self.stopping) else { return };
		if self.handing_on.is_some() || now_ms < self.silence.due_ms() {
			return;
		}
		let (role, open, to) = (self.role, self.open, to.clone());
		let fault = self.silence.fault(now_ms);
		self.handing_on = Some(Box::pin(async move { role.hand_on(open.job, &to, fault).await }));
	}

	async fn finish(&mut self) -> Result<(), BroadcastError> {
		let head = self.head(true);
		self.update(|state| {
			state.ended = true;
			state.head = head.or(state.head.take());
		})?;
		self.role.events.emit(Event::StreamEnded {
			job: self.open.job,
			returned: self.summary.returned,
			skipped: self.summary.skipped,
		});
		self.end_job().await
	}

	async fn end_job(&self) -> Result<(), BroadcastError> {
		if self.role.chain.account().is_none() {
			tracing::warn!(job = self.open.job, "no key here can end the job: end it with the account's wallet, which frees its budget");
			return Ok(());
		}
		while_away(&*self.role.clock, ChainError::is_away, async || {
			let view = self.role.chain.job(At::Best, self.open.job).await?;
			if view.is_some_and(|view| !view.ended) {
				self.role
					.chain
					.submit(Call::EndJob { job: self.open.job }, Wait::Finalized)
					.await?;
			}
			Ok(())
		})
		.await
		.map_err(BroadcastError::Chain)
	}

	/// Applies `change` to the stream's state, and stores the state if it changes.
	fn update(&self, change: impl FnOnce(&mut StreamState)) -> Result<(), BroadcastError> {
		let Some(before) = self.role.store.stream(self.open.stream)? else { return Ok(()) };
		let mut state = before.clone();
		change(&mut state);
		if state != before {
			self.role.store.put_stream(self.open.stream, &state)?;
		}
		Ok(())
	}
}

/// The signed description of these bytes, which are no more than a segment may have.
fn described(bytes: &[u8]) -> Output {
	Output { hash: sha256(bytes), len: bytes.len() as u32, chunk_root: chunk_root(bytes) }
}

/// Drops own renditions of the publisher that no peer would take, so that the stream continues: those with an
/// invalid size, alone or together with earlier ones, and those that are too many beside the bought
/// renditions.
pub(super) fn fit_own(own: &mut Vec<OwnSegment>, bought: usize) {
	let (mut newest, mut left) = (SOURCE_TRACK, MAX_SEGMENT_BYTES as usize);
	own.retain(|own| {
		let fits = own.track > newest && (1..=left).contains(&own.bytes.len());
		if fits {
			newest = own.track;
			left -= own.bytes.len();
		}
		fits
	});
	own.truncate((MAX_RENDITIONS as usize).saturating_sub(bought).min(MAX_OWN as usize));
}

fn source_pin(stream: StreamId, seq: Seq) -> String {
	format!("source/{stream:?}/{seq}")
}

fn backoff(attempts: u32) -> u64 {
	(BACKOFF_MS.0 << attempts.saturating_sub(1).min(8)).min(BACKOFF_MS.1)
}
