//! Takes segments: checks before and after their bytes arrive, and signs receipts.

use std::{
	collections::{btree_map, BTreeMap},
	sync::{
		atomic::{AtomicBool, Ordering},
		Arc, Mutex,
	},
};

use futures::future::{select, Either};
use livepeer_primitives::{
	api::JobView,
	chunks::chunk_root,
	extension::Extensions,
	keys::Purpose,
	leaf::Leaf,
	receipt::{Output, Outputs, Receipt, RejectReason, TranscodeResult},
	segment::{SegmentHeader, SOURCE_TRACK},
	video::{LONGEST_SEGMENT, MAX_SEGMENT_BYTES, TICKS_PER_SECOND},
	work::{fee, max_leaf_work, WorkFactors},
	AssignmentIndex, Balance, JobId, Seq, ETH_MINIMUM,
};
use tokio::sync::Semaphore;

use super::{
	fairness::{Fair, Turn},
	rests::Rests,
	Assigned, Assignments, Parts, TranscodeError,
};
use crate::{
	aside,
	key::Signing,
	lock,
	ports::{
		chain::At,
		contradiction::Contradiction,
		engine::{Format, MediaError, Transcoded, Variant},
		events::{output_names, Event, Warning},
		store::{SegmentKey, StoreError, TranscodedSegment},
		transport::{PushReply, Refusal, SignedHeader, MAX_PAYLOAD},
	},
	rules::claims::age_ms,
	sha256,
};

/// How long to look for an assignment that a segment names.
const LOOK_UP_MS: u64 = 2_000;
/// When a sender should try again while the transcoder is full.
const BUSY_MS: u32 = 400;
/// The same if this machine has no memory or process left: that may last, and each time all of the segment comes.
const UNABLE_MS: u32 = 2_000;
/// How long a segment that was transcoded waits until its assignment is accepted.
const ACCEPTED_MS: u64 = 20_000;
/// How often to check whether it is accepted.
const LOOK_MS: u64 = 50;
/// The most offered assignments that are remembered.
const MOST_OFFERED: usize = 64;
/// How long a stopped role waits for segments in work; their senders send them again.
const DRAIN_MS: u64 = 15_000;

/// Takes segments and gives receipts.
pub(super) struct Intake {
	parts: Arc<Parts>,
	pub(super) assigned: Assignments,
	/// The assignments that are offered and not accepted yet.
	offered: Mutex<BTreeMap<(JobId, AssignmentIndex), Assigned>>,
	at_work: Mutex<BTreeMap<SegmentKey, SignedHeader>>,
	looking_up: Semaphore,
	fair: Arc<Fair>,
	/// Jobs whose segments made the engine fail, or whose outputs were too large.
	rests: Rests,
	/// Segments that wait or are in work, by job.
	taken: Mutex<BTreeMap<JobId, usize>>,
	draining: AtomicBool,
}

impl Intake {
	pub(super) fn new(parts: Arc<Parts>, assigned: Assignments) -> Self {
		let fair = Fair::new(parts.config.parallel, parts.clock.clone());
		let rests = Rests::new(parts.store.clone(), parts.clock.clone());
		Self {
			parts,
			assigned,
			offered: Default::default(),
			at_work: Default::default(),
			looking_up: Semaphore::new(1),
			fair,
			rests,
			taken: Default::default(),
			draining: AtomicBool::new(false),
		}
	}

	/// Takes no more segments, and waits for those in work.
	pub(super) async fn drain(&self) {
		self.draining.store(true, Ordering::SeqCst);
		let clock = &self.parts.clock;
		let done = std::pin::pin!(async {
			self.fair.idle().await;
			// Finished outputs are still to be stored and signed for.
			while !lock(&self.at_work).is_empty() {
				clock.sleep_until(clock.now_ms().saturating_add(LOOK_MS)).await;
			}
		});
		let late = clock.sleep_until(clock.now_ms().saturating_add(DRAIN_MS));
		let _ = select(done, late).await;
	}

	/// All checks before the bytes are received.
	pub(super) async fn check(&self, signed: &SignedHeader) -> Result<Assigned, Refusal> {
		let header = &signed.header;
		if header.genesis != self.parts.chain.genesis() {
			return Err(Refusal::WrongChain);
		}
		let key = (header.job, header.assignment);
		let is_for_us = header.transcoder == *self.parts.account();
		let accepted = lock(&self.assigned).get(&key).cloned();
		let known = accepted.or_else(|| lock(&self.offered).get(&key).cloned());
		let assigned = match known {
			Some(assigned) => Some(assigned),
			// The broadcaster may have seen the acceptance earlier.
			None if is_for_us => self.look_up(key).await,
			None => None,
		};
		let Some(assigned) = assigned else { return Err(Refusal::NotAssigned) };
		if !is_for_us || header.stream != assigned.view.stream {
			return Err(Refusal::NotAssigned);
		}
		// A signature of another generation proves nothing to the chain.
		if signed.signature.signer.generation != assigned.broadcaster_keys {
			return Err(Refusal::BadSignature);
		}
		let broadcaster = &assigned.view.broadcaster;
		match self.parts.book.is_header_signed(signed, broadcaster).await {
			Ok(true) => {}
			Ok(false) => return Err(Refusal::BadSignature),
			Err(error) => {
				tracing::warn!(%error, "cannot look up a broadcaster's keys");
				return Err(Refusal::Internal);
			}
		}
		if header.segment.track != SOURCE_TRACK
			|| !(1..=MAX_SEGMENT_BYTES).contains(&header.segment.in_len)
			|| !(1..=LONGEST_SEGMENT).contains(&header.segment.duration)
		{
			return Err(Refusal::BadBytes);
		}
		// The chain takes no claim that ends with this seq, and so nothing that would be claimed with it.
		if header.seq == Seq::MAX {
			return Err(Refusal::TooFar);
		}
		self.compare(signed).await;
		if assigned.is_accepted {
			match self.parts.memory.forgot(&assigned) {
				Ok(None) => {}
				Ok(Some(why)) => {
					self.parts.warnings.warn(Warning::Restored, why);
					return Err(Refusal::NotServed);
				}
				Err(error) => {
					self.parts.warnings.store(&error);
					return Err(Refusal::Internal);
				}
			}
		}
		// A receipt from before a claim covered the seq is still owed to the broadcaster.
		if header.seq < assigned.next_seq && !matches!(self.receipt_for(header), Ok(Some(_))) {
			return Err(Refusal::TooLate);
		}
		// Before the bytes come: a job that keeps failing is not tried as often as it sends.
		self.unless_resting(header.job).await?;
		// Another toolchain would make other outputs than promised.
		if assigned.toolchain != self.parts.engine.toolchain() {
			return Err(Refusal::NotServed);
		}
		Ok(assigned)
	}

	/// Refuses a job that rests.
	async fn unless_resting(&self, job: JobId) -> Result<(), Refusal> {
		match self.rests.rests(job).await {
			Ok(false) => Ok(()),
			Ok(true) => Err(Refusal::Internal),
			Err(error) => {
				self.parts.warnings.store(&error);
				Err(Refusal::Internal)
			}
		}
	}

	/// Checks whether the broadcaster has signed another segment with the key of this one, which it signed
	/// too.
	async fn compare(&self, signed: &SignedHeader) {
		let at_work = lock(&self.at_work).get(&SegmentKey::of(&signed.header)).cloned();
		let known = match at_work {
			Some(known) => Some(known),
			None => match self.receipt_for(&signed.header) {
				Ok(stored) => stored.map(|stored| stored.signed),
				Err(error) => {
					self.parts.warnings.store(&error);
					None
				}
			},
		};
		if let Some(found) = known.and_then(|known| Contradiction::of_headers(&known, signed)) {
			self.parts.reporter.note(&self.parts.book, found).await;
		}
	}

	/// Notes that a segment is in work; `false` if one with the same key already is.
	fn begin(&self, key: SegmentKey, signed: &SignedHeader) -> bool {
		match lock(&self.at_work).entry(key) {
			btree_map::Entry::Vacant(place) => {
				place.insert(signed.clone());
				true
			}
			btree_map::Entry::Occupied(_) => false,
		}
	}

	/// The stored segment with a header's key.
	fn receipt_for(&self, header: &SegmentHeader) -> Result<Option<TranscodedSegment>, StoreError> {
		self.parts.store.receipt(SegmentKey::of(header))
	}

	/// Reads an unknown assignment from the chain. Anybody can name one, so there is one read at a time, with
	/// a time limit. Others wait for their turn rather than being refused: strangers could otherwise make us
	/// refuse real segments.
	async fn look_up(&self, key: (JobId, AssignmentIndex)) -> Option<Assigned> {
		let late =
			self.parts.clock.sleep_until(self.parts.clock.now_ms().saturating_add(LOOK_UP_MS));
		let turn = std::pin::pin!(self.looking_up.acquire());
		let Either::Left((Ok(_turn), _)) = select(turn, late).await else { return None };
		// Another request may have read it meanwhile.
		let known = lock(&self.assigned).get(&key).cloned();
		if let Some(known) = known.or_else(|| lock(&self.offered).get(&key).cloned()) {
			return Some(known);
		}
		let read = self.parts.chain.job(At::Best, key.0);
		let late =
			self.parts.clock.sleep_until(self.parts.clock.now_ms().saturating_add(LOOK_UP_MS));
		let Either::Left((view, _)) = select(read, late).await else { return None };
		let view = view
			.inspect_err(|error| tracing::warn!(%error, "cannot look up an assignment"))
			.ok()
			.flatten()
			.filter(|view| !view.ended)?;
		let account = self.parts.account();
		let assigned = match Assigned::of(view.clone(), account) {
			Some(assigned) => assigned,
			None => self.offered(view).await?,
		};
		if (assigned.view.id, assigned.index) != key {
			return None;
		}
		let mut known =
			if assigned.is_accepted { lock(&self.assigned) } else { lock(&self.offered) };
		if !assigned.is_accepted && known.len() >= MOST_OFFERED {
			known.clear();
		}
		known.insert(key, assigned.clone());
		Some(assigned)
	}

	/// An assignment that is offered to this transcoder, which accepts every offer. Work for it begins at
	/// once, because viewers wait.
	async fn offered(&self, view: JobView) -> Option<Assigned> {
		let parts = &self.parts;
		let theirs = parts.chain.operator_keys(&view.broadcaster, Purpose::Segments).await.ok()?;
		let theirs = theirs.first().map_or(0, |keys| keys.generation);
		let own = parts.signing_now().await.ok()?.generation();
		let toolchain = parts.engine.toolchain();
		Assigned::offered(view, parts.account(), (theirs, own), toolchain)
	}

	/// Waits until an assignment is accepted with the keys by which its segments were checked. Nothing is
	/// signed before, because it could not be claimed.
	async fn accepted(&self, assigned: &Assigned) -> Result<Assigned, PushReply> {
		if assigned.is_accepted {
			return Ok(assigned.clone());
		}
		let key = (assigned.view.id, assigned.index);
		let clock = &self.parts.clock;
		let end_ms = clock.now_ms().saturating_add(ACCEPTED_MS);
		while clock.now_ms() < end_ms {
			if let Some(accepted) = lock(&self.assigned).get(&key).cloned() {
				lock(&self.offered).remove(&key);
				let keys =
					|of: &Assigned| (of.broadcaster_keys, of.transcoder_keys, of.variant_rate);
				// Accepted by another, or under other terms: the broadcaster sends it again under those.
				return match keys(&accepted) == keys(assigned) {
					true => Ok(accepted),
					false => Err(PushReply::Busy { retry_ms: BUSY_MS }),
				};
			}
			clock.sleep_until(clock.now_ms().saturating_add(LOOK_MS)).await;
		}
		lock(&self.offered).remove(&key);
		Err(PushReply::Refused(Refusal::NotAssigned))
	}

	/// Whether this segment will be paid: the allowance covers all unclaimed segments, including this one and
	/// the others in work, each at the job's maximum; and claims can hold them.
	fn is_payable(
		&self,
		header: &SignedHeader,
		assigned: &Assigned,
	) -> Result<Result<(), Refusal>, StoreError> {
		let header = &header.header;
		let limit = assigned.view.max_leaf_work;
		let one = fee(limit, assigned.price);
		let most = assigned.allowance.checked_div(one).unwrap_or(Balance::MAX);
		let most = usize::try_from(most).unwrap_or(usize::MAX);
		let unclaimed = self.parts.store.receipts(
			header.job,
			header.assignment,
			assigned.next_seq,
			most.min(1 << 16),
		)?;
		let same = |key: &&SegmentKey| (key.job, key.assignment) == (header.job, header.assignment);
		let at_work: Vec<Seq> =
			lock(&self.at_work).keys().filter(same).map(|key| key.seq).collect();
		if unclaimed.len().saturating_add(at_work.len()) > most {
			return Ok(Err(Refusal::Allowance));
		}
		let cursor = self.parts.store.cursor(header.job, header.assignment)?;
		let now_ms = self.parts.clock.wall_ms();
		let is_given_up = |segment: &TranscodedSegment| {
			age_ms(now_ms, segment.stored_ms) >= self.parts.config.claim_wait_ms
		};
		let stored = unclaimed.iter().filter(|segment| segment.header().seq >= cursor);
		let mut waiting: Vec<Waiting> = stored
			.map(|segment| Waiting {
				seq: segment.header().seq,
				work: segment.leaf.work(),
				given_up: is_given_up(segment),
			})
			// Their work is not known yet.
			.chain(at_work.iter().map(|seq| Waiting { seq: *seq, work: 0, given_up: false }))
			.collect();
		waiting.sort_by_key(|waiting| waiting.seq);
		let too_small = too_small(&waiting, assigned.max_leaves, assigned.price);
		Ok(if too_small > 1 { Err(Refusal::TooFar) } else { Ok(()) })
	}

	pub(super) async fn take(&self, signed: SignedHeader, bytes: Vec<u8>) -> PushReply {
		let assigned = match self.check(&signed).await {
			Ok(assigned) => assigned,
			Err(refusal) => return PushReply::Refused(refusal),
		};
		let header = &signed.header;
		let info = &header.segment;
		let (len, hash, root) = (u64::from(info.in_len), info.in_hash, info.chunk_root);
		let described = aside(move || {
			let is_right =
				bytes.len() as u64 == len && sha256(&bytes) == hash && chunk_root(&bytes) == root;
			is_right.then_some(bytes)
		});
		let Some(bytes) = described.await else { return PushReply::Refused(Refusal::BadBytes) };
		let key = SegmentKey::of(header);
		match self.receipt_for(header) {
			Ok(Some(stored)) => {
				// A segment made under other keys, before a reorganisation, has other variants, and does not
				// belong to this assignment. Signing for it anew would contradict the first receipt.
				let is_it =
					stored.signed.header == *header && stored.made_under() == assigned.made_under();
				return if is_it {
					// The broadcaster asks again: a second signature over the same header does not need a
					// second receipt.
					done(stored)
				} else {
					PushReply::Refused(Refusal::Conflict)
				};
			}
			Ok(None) => {}
			Err(error) => return self.not_stored(&error),
		}
		if self.draining.load(Ordering::SeqCst) || !self.begin(key, &signed) {
			return PushReply::Busy { retry_ms: BUSY_MS };
		}
		let _at_work = OnDrop(|| {
			lock(&self.at_work).remove(&key);
		});
		// Counted together with those in work: of many at once only one may take the last place.
		match self.is_payable(&signed, &assigned) {
			Ok(Ok(())) => {}
			Ok(Err(refusal)) => {
				let job = header.job;
				let why = match refusal {
					Refusal::TooFar => "their numbers are so far apart that they are not worth a claim",
					_ => "the reserved ETH does not pay for more until earlier ones are claimed or the job is topped up",
				};
				let text = format!("segments of job {job} are refused: {why}");
				self.parts.warnings.warn(Warning::SegmentRefused, text);
				return PushReply::Refused(refusal);
			}
			Err(error) => return self.not_stored(&error),
		}
		let Some(_taken) = self.queue(header.job) else {
			return PushReply::Busy { retry_ms: BUSY_MS };
		};
		let turn = self.fair.take(header.job).await;
		// Another one of its job may have failed while this one waited.
		if let Err(refusal) = self.unless_resting(header.job).await {
			return PushReply::Refused(refusal);
		}
		match self.transcode(&assigned, &signed, bytes, turn).await {
			Ok(segment) => done(segment),
			Err(reply) => reply,
		}
	}

	/// A segment was wasted work: its job rests for a while.
	async fn note_failure(&self, job: JobId) {
		if let Err(error) = self.rests.failed(job).await {
			// The rest is remembered until this process ends.
			self.parts.warnings.store(&error);
		}
	}

	/// Takes a place in the queue. A job that is not alone may have half of it at most. A job without a
	/// segment in the queue gets an additional place if needed, so that others together cannot keep it out.
	/// Dropping the result gives the place back. The operator is warned if there is none, because the sender
	/// then has to send the segment again.
	fn queue(&self, job: JobId) -> Option<impl Drop + '_> {
		let places = self.parts.config.queue.saturating_add(self.parts.config.parallel.max(1));
		{
			let mut taken = lock(&self.taken);
			let before: usize = taken.values().sum();
			let own = taken.get(&job).copied().unwrap_or(0);
			let is_alone = || lock(&self.assigned).keys().all(|(other, _)| *other == job);
			let waits = if own == 0 {
				None
			} else if before >= places {
				Some(format!("{before} segments wait"))
			} else if own >= (places / 2).max(1) && !is_alone() {
				Some(format!("{own} segments of job {job} wait, which is its half of the queue"))
			} else {
				None
			};
			if let Some(waits) = waits {
				let text = format!("{waits}: this machine is slower than the capacity that it announced. Give a smaller --capacity");
				self.parts.warnings.warn(Warning::QueueFull, text);
				return None;
			}
			taken.insert(job, own + 1);
		}
		Some(OnDrop(move || {
			let mut taken = lock(&self.taken);
			let left = taken.get(&job).copied().unwrap_or(0).saturating_sub(1);
			if left == 0 {
				taken.remove(&job);
			} else {
				taken.insert(job, left);
			}
		}))
	}

	async fn transcode(
		&self,
		assigned: &Assigned,
		signed: &SignedHeader,
		bytes: Vec<u8>,
		turn: Turn,
	) -> Result<TranscodedSegment, PushReply> {
		let header = &signed.header;
		let view = &assigned.view;
		// Before the work: without a key nothing could be signed for it.
		let signing = self.parts.signing(assigned.transcoder_keys).await.map_err(internal)?;
		// A segment that had to have a variant and has none is punished.
		let variant = self.parts.variant(assigned, header).await.map_err(|error| {
			if let TranscodeError::Vrf(error) = &error {
				let text = format!("segments of job {} are refused: {error}", header.job);
				self.parts.warnings.warn(Warning::SegmentRefused, text);
			}
			internal(error)
		})?;
		let start = self.parts.clock.now_ms();
		let made = self.make(assigned, header, &bytes, variant).await?;
		// A rejected segment is little work, and undoes no failure.
		if let Leaf::Transcoded { work, .. } = made.leaf {
			// A job's `max_leaf_work` is no less than what a rejected segment is paid.
			let factors = WorkFactors { rejected: 0, ..view.factors };
			let largest = max_leaf_work(&factors, &view.ladder, &view.limits);
			let largest = largest.unwrap_or(view.max_leaf_work);
			let noted = self.rests.made(header.job, work, largest).await;
			noted.map_err(|error| self.not_stored(&error))?;
		}
		self.fair.made(header.job, plays_ms(made.leaf.work(), view));
		// So that the next one need not wait for a block.
		drop(turn);
		let assigned = &self.accepted(assigned).await?;
		let transcode_ms = self.parts.clock.now_ms().saturating_sub(start);
		// Everything was checked: only now is anything stored.
		self.keep(assigned, signed, &signing, made, bytes, transcode_ms).await
	}

	/// Has the engine make a segment's outputs. What it fails at is noted, and its job rests then.
	async fn make(
		&self,
		assigned: &Assigned,
		header: &SegmentHeader,
		bytes: &[u8],
		variant: Option<Variant>,
	) -> Result<Made, PushReply> {
		let view = &assigned.view;
		let format = Format::of(&view.ladder, &view.limits, &header.segment);
		let warn = |error: &MediaError| {
			let text = format!("a segment of job {} was not made: {error}", header.job);
			self.parts.warnings.warn(Warning::SegmentRefused, text);
		};
		match self.parts.engine.transcode(&format, bytes, variant).await {
			Ok(transcoded) => {
				let made = self.described(assigned, header, transcoded).await;
				// Outputs that are too large to deliver cost as much as a failure, and are not paid either.
				if made.is_err() {
					self.note_failure(header.job).await;
				}
				made
			}
			Err(MediaError::Invalid(reason)) => Ok(Made::rejected(assigned, header, reason)),
			// Others have the memory that it needs: they must not be able to make this job rest.
			Err(error @ MediaError::Unable(_)) => {
				warn(&error);
				Err(PushReply::Busy { retry_ms: UNABLE_MS })
			}
			Err(error) => {
				warn(&error);
				self.note_failure(header.job).await;
				Err(internal(error))
			}
		}
	}

	/// Stores a segment and what was made of it, signs the receipt, and tells of it.
	async fn keep(
		&self,
		assigned: &Assigned,
		signed: &SignedHeader,
		signing: &Signing,
		made: Made,
		bytes: Vec<u8>,
		transcode_ms: u64,
	) -> Result<TranscodedSegment, PushReply> {
		let header = &signed.header;
		let (store, outputs) = (self.parts.store.clone(), made.outputs);
		let put = aside(move || {
			outputs.iter().chain([&bytes]).try_for_each(|bytes| store.put(bytes).map(drop))
		});
		put.await.map_err(|error| self.not_stored(&error))?;
		let receipt = Receipt {
			header: header.hash(),
			toolchain: assigned.toolchain,
			result: made.result,
			extensions: Extensions::default(),
		};
		let segment = TranscodedSegment {
			signed: signed.clone(),
			signature: signing.sign(&receipt.hash()),
			receipt,
			max_leaves: assigned.max_leaves,
			leaf: made.leaf,
			stored_ms: self.parts.clock.wall_ms(),
		};
		let store = self.parts.store.clone();
		let stored = match aside(move || store.put_receipt(&segment)).await {
			Ok(stored) => stored,
			Err(StoreError::Conflict) => return Err(PushReply::Refused(Refusal::TooLate)),
			Err(error) => return Err(self.not_stored(&error)),
		};
		let SegmentHeader { job, assignment, seq, .. } = *header;
		self.parts.events.emit(match &stored.receipt.result {
			TranscodeResult::Rejected(reason) => {
				tracing::warn!(seq, ?reason, "the segment cannot be transcoded");
				Event::SegmentRejected { job, assignment, seq, reason: format!("{reason:?}") }
			}
			TranscodeResult::Transcoded(_) => Event::SegmentTranscoded {
				job,
				assignment,
				seq,
				in_hash: format!("{:?}", header.segment.in_hash),
				outputs: output_names(&stored.outputs()),
				work: stored.leaf.work(),
				duration: header.segment.duration,
				transcode_ms,
			},
		});
		Ok(stored)
	}

	/// The answer if something cannot be stored: it is not signed for then.
	fn not_stored(&self, error: &StoreError) -> PushReply {
		self.parts.warnings.store(error);
		internal(error)
	}

	/// Outputs with the description that is signed.
	async fn described(
		&self,
		assigned: &Assigned,
		header: &SegmentHeader,
		transcoded: Transcoded,
	) -> Result<Made, PushReply> {
		let view = &assigned.view;
		let work = transcoded.pixels.work(&view.factors, &view.ladder, |_| true);
		let sendable = |bytes: &Vec<u8>| bytes.len() as u64 <= u64::from(MAX_PAYLOAD);
		let work = work
			.filter(|work| *work <= view.max_leaf_work && transcoded.outputs.iter().all(sendable));
		// Not signed for: nobody could fetch it, or no claim could hold it.
		let Some(work) = work else {
			tracing::warn!(seq = header.seq, "what the segment makes is too large");
			return Err(PushReply::Refused(Refusal::TooLarge));
		};
		let made = transcoded.outputs;
		let described = aside(move || {
			let output = |bytes: &Vec<u8>| Output {
				hash: sha256(bytes),
				// Each is short enough to be sent.
				len: bytes.len() as u32,
				chunk_root: chunk_root(bytes),
			};
			let described: Vec<_> = made.iter().map(|bytes| Some(output(bytes))).collect();
			(made, described)
		});
		let (made, described) = described.await;
		let outputs = Outputs::try_from(described)
			.map_err(|_| internal("more outputs than a receipt holds"))?;
		let leaf = Leaf::Transcoded {
			segment: header.segment.clone(),
			outputs: outputs.clone(),
			work,
			extensions: Extensions::default(),
		};
		let result = TranscodeResult::Transcoded(outputs);
		Ok(Made { result, leaf, outputs: made })
	}
}

/// The playing time of a segment with this much work, in milliseconds, derived from the job's largest
/// segment, as the chain counts load: nobody checks the header's duration. At least the job's shortest
/// segment, because each one takes a process too.
fn plays_ms(work: u64, job: &JobView) -> u64 {
	let longest = u128::from(job.limits.longest);
	let ticks = u128::from(work).saturating_mul(longest) / u128::from(job.max_leaf_work.max(1));
	let ticks = ticks.max(job.limits.shortest.into());
	u64::try_from(ticks.saturating_mul(1_000) / u128::from(TICKS_PER_SECOND)).unwrap_or(u64::MAX)
}

/// An unclaimed segment.
struct Waiting {
	seq: Seq,
	work: u64,
	/// Whether it has waited so long that it is given up if it is not worth a claim.
	given_up: bool,
}

/// How many of the claims that these segments make, in ascending order of seq, are worth less than the
/// smallest fee. One may be, because it can still grow. A broadcaster that spreads its seqs so that no claim
/// can join them would have them transcoded for nothing.
fn too_small(waiting: &[Waiting], max_leaves: u32, price: Balance) -> usize {
	let mut small = 0;
	let mut rest = waiting;
	while let Some(first) = rest.first() {
		let reach = first.seq.saturating_add(u64::from(max_leaves.max(1)));
		let (claim, later) = rest.split_at(rest.partition_point(|segment| segment.seq < reach));
		let work = claim.iter().fold(0u64, |sum, segment| sum.saturating_add(segment.work));
		let given_up = claim.iter().all(|segment| segment.given_up);
		small += usize::from(!given_up && fee(work, price) < ETH_MINIMUM);
		rest = later;
	}
	small
}

/// The outcome of a segment.
struct Made {
	result: TranscodeResult,
	leaf: Leaf,
	/// The bytes of the outputs.
	outputs: Vec<Vec<u8>>,
}

impl Made {
	fn rejected(assigned: &Assigned, header: &SegmentHeader, reason: RejectReason) -> Self {
		Self {
			result: TranscodeResult::Rejected(reason),
			leaf: Leaf::Rejected {
				segment: header.segment.clone(),
				reason,
				work: assigned.view.factors.rejected,
				extensions: Extensions::default(),
			},
			outputs: Vec::new(),
		}
	}
}

/// Runs its closure when it goes out of scope, also if the future around it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
	fn drop(&mut self) {
		(self.0)()
	}
}

fn done(segment: TranscodedSegment) -> PushReply {
	PushReply::Done { receipt: Box::new(segment.receipt), signature: segment.signature }
}

fn internal(error: impl core::fmt::Display) -> PushReply {
	tracing::error!(%error, "segment not transcoded");
	PushReply::Refused(Refusal::Internal)
}
