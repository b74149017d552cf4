//! The transcoder: keeps its registration alive, accepts assignments, transcodes what it is sent,
//! claims, answers draws, and keeps what a claim needs until it is closed.
//!
//! A receipt is stored before it is sent. The store refuses a second one under the same key and
//! any for a seq that a claim covers, so that neither a restart nor a race can sign two results.

use std::{
	collections::{BTreeMap, BTreeSet},
	future::Future,
	sync::{
		atomic::{AtomicBool, AtomicUsize, Ordering},
		Arc, Mutex, MutexGuard, PoisonError,
	},
};

use async_trait::async_trait;
use codec::{Decode, Encode};
use futures::future::{select, Either};
use livepeer_primitives::{
	api::{ChallengeStage, JobView, Outcome},
	leaf::Leaf,
	receipt::{signature_hash, Output, Outputs, Receipt},
	segment::SegmentHeader,
	service::ServiceRecord,
	sum_tree::SumTree,
	video::{LONGEST_SEGMENT, MAX_SEGMENT_BYTES},
	work::fee,
	AccountId, AssignmentIndex, Balance, BlockNumber, ClaimId, JobId, Seq, StreamId, ETH_MINIMUM,
};
use sp_core::H256;
use sp_runtime::Perbill;
use thiserror::Error;
use tokio::sync::{watch, Semaphore};

use crate::{
	chain::{while_away, At, Call, Chain, ChainError, ClaimCall, Head, LeafReveal, Wait},
	claims::{build, drawn_leaves, next_range, ClaimRules, Claimable},
	clock::Clock,
	events::{output_names, Event, EventSink},
	key::Key,
	sha256,
	store::{ClaimRecord, SegmentKey, SegmentStore, StoreError, TranscodedSegment},
	transcoder::{Format, MediaError, Transcoder},
	transport::{Playlist, PushReply, Refusal, Service, SignedHeader, MAX_PAYLOAD},
};

/// Blocks after which a call that was sent and had no effect is sent again.
const RESEND_BLOCKS: BlockNumber = 6;
/// How long a stopped role waits for segments at work; their senders send them again.
const DRAIN_MS: u64 = 15_000;
/// How often the chain may refuse a claim for a reason that lasts before it is given up. More than
/// once, for a claim that is on chain twice over in a reorg is refused too.
const REFUSALS: u32 = 3;
/// The errors of `Jobs.claim_work` that no later attempt avoids. Others, such as a chain in safe
/// mode, pass.
const LASTING: [&str; 9] = [
	"ClaimNotAscending",
	"FeeTooSmall",
	"NoAssignment",
	"NoJob",
	"NoWork",
	"NotTranscoder",
	"TooLate",
	"TooManyLeaves",
	"WorkTooLarge",
];
/// How long an assignment that a segment names is looked for.
const LOOK_UP_MS: u64 = 2_000;
/// Names the highest final block that was seen, in the store.
const FINALIZED: &str = "finalized";
/// When a sender tries again while the transcoder is full.
const BUSY_MS: u32 = 400;

/// The terms and limits of a transcoder.
#[derive(Clone, Debug)]
pub struct TranscodeConfig {
	/// Price of a standard segment, in ETH.
	pub price: Balance,
	/// Own share of rewards.
	pub reward_cut: Perbill,
	/// The delegators' share of fees.
	pub fee_share: Perbill,
	/// Assignments taken at a time.
	pub capacity: u32,
	/// Segments transcoded at a time.
	pub parallel: usize,
	/// Segments that may wait for one of those places.
	pub queue: usize,
	/// A claim is made when this many leaves are there.
	pub claim_leaves: u32,
	/// A claim is made when the oldest unclaimed segment is this old.
	pub claim_wait_ms: u64,
	/// How long a missing seq may still arrive.
	pub gap_wait_ms: u64,
}

/// Why the role cannot go on.
#[derive(Debug, Error)]
pub enum TranscodeError {
	/// The chain gave no answer.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// Nothing can be stored.
	#[error(transparent)]
	Store(#[from] StoreError),
	/// Governance does not accept what this engine makes.
	#[error("toolchain {0:?} is not among those that the chain accepts; claims would be refused")]
	Toolchain(livepeer_primitives::ToolchainId),
}

/// An assignment of this transcoder.
#[derive(Clone, Debug)]
struct Assigned {
	view: JobView,
	index: AssignmentIndex,
	next_seq: Seq,
	allowance: Balance,
	price: Balance,
}

impl Assigned {
	/// The assignment of `transcoder` in a job, if it has accepted one.
	fn of(view: JobView, transcoder: &AccountId) -> Option<Self> {
		let current = view.current.as_ref()?;
		(current.accepted && current.transcoder == *transcoder).then(|| Self {
			index: current.index,
			next_seq: current.next_seq,
			allowance: current.allowance,
			price: current.price,
			view: view.clone(),
		})
	}
}

/// When a claim was last sent, and how often it was refused.
#[derive(Clone, Copy, Default)]
struct Sent {
	at: BlockNumber,
	refusals: u32,
}

/// What is known of an open claim beyond its record.
#[derive(Default)]
struct Progress {
	/// When each drawn leaf was last revealed.
	revealed: BTreeMap<u32, BlockNumber>,
	/// The leaves whose reveal was reported.
	reported: BTreeSet<u32>,
	outcome: Option<Outcome>,
}

/// The role.
pub struct TranscodeRole {
	key: Key,
	chain: Arc<dyn Chain>,
	store: Arc<dyn SegmentStore>,
	engine: Arc<dyn Transcoder>,
	events: Arc<dyn EventSink>,
	clock: Arc<dyn Clock>,
	config: TranscodeConfig,
	assigned: Mutex<BTreeMap<(JobId, AssignmentIndex), Assigned>>,
	at_work: Mutex<BTreeSet<SegmentKey>>,
	progress: Mutex<BTreeMap<ClaimId, Progress>>,
	sent: Mutex<BTreeMap<SegmentKey, Sent>>,
	/// The highest final block that was seen; `None` until it was read from the store.
	finalized: Mutex<Option<BlockNumber>>,
	looking_up: Semaphore,
	permits: Semaphore,
	waiting: AtomicUsize,
	draining: AtomicBool,
}

impl TranscodeRole {
	/// Puts the role together.
	pub fn new(
		key: Key,
		chain: Arc<dyn Chain>,
		store: Arc<dyn SegmentStore>,
		engine: Arc<dyn Transcoder>,
		events: Arc<dyn EventSink>,
		clock: Arc<dyn Clock>,
		config: TranscodeConfig,
	) -> Self {
		let permits = Semaphore::new(config.parallel.max(1));
		Self {
			key,
			chain,
			store,
			engine,
			events,
			clock,
			config,
			assigned: Default::default(),
			at_work: Default::default(),
			progress: Default::default(),
			sent: Default::default(),
			finalized: Default::default(),
			looking_up: Semaphore::new(1),
			permits,
			waiting: AtomicUsize::new(0),
			draining: AtomicBool::new(false),
		}
	}

	/// Registers terms, service record and availability where the chain has others, as soon as the
	/// node answers.
	pub async fn register(&self, service: &ServiceRecord) -> Result<(), TranscodeError> {
		let away =
			|error: &TranscodeError| matches!(error, TranscodeError::Chain(e) if e.is_away());
		while_away(&*self.clock, away, async || self.try_register(service).await).await
	}

	async fn try_register(&self, service: &ServiceRecord) -> Result<(), TranscodeError> {
		let toolchain = self.engine.toolchain();
		let accepted = self.chain.toolchains().await?;
		if !accepted.contains(&toolchain) {
			return Err(TranscodeError::Toolchain(toolchain));
		}
		let config = &self.config;
		let view = self.chain.transcoder(&self.key.account()).await?;
		let same = view.as_ref().is_some_and(|view| {
			view.price == config.price
				&& view.reward_cut == config.reward_cut
				&& view.fee_share == config.fee_share
				&& view.service == *service
		});
		// Nothing would repeat these calls if a reorg took them back, so they wait to be final.
		if !same {
			let call = Call::Transcoder {
				price: config.price,
				reward_cut: config.reward_cut,
				fee_share: config.fee_share,
				service: service.clone(),
			};
			self.chain.submit(call, Wait::Finalized).await?;
		}
		// Also when the chain has it already: an announcement may have lapsed.
		let call = Call::SetAvailable { capacity: config.capacity };
		self.chain.submit(call, Wait::Finalized).await?;
		self.events.emit(Event::Registered { capacity: config.capacity });
		Ok(())
	}

	/// Does the chain's duties with every new head until `stop` turns true, then waits for the
	/// segments at work. A failed duty is logged and tried again with the next head.
	pub async fn run(&self, mut stop: watch::Receiver<bool>) {
		let heads = self.chain.heads();
		// Each duty has a loop of its own, so that none waits for another's transactions: an
		// assignment must be accepted within a few blocks.
		let beats = async {
			let mut heads = heads.clone();
			// Registering was a sign of life.
			let mut beat = heads.borrow_and_update().best;
			while heads.changed().await.is_ok() {
				let head = *heads.borrow_and_update();
				if let Err(error) = self.heartbeat(head, &mut beat).await {
					tracing::warn!(%error, "no heartbeat; it is tried again");
				}
			}
		};
		let accepts = self.at_every_head("accepting", |_| self.refresh());
		let claims = self.at_every_head("claiming", |head| self.claim_duties(head));
		let answers = self.at_every_head("revealing", |head| self.answer_duties(head));
		let stopped = async {
			while !*stop.borrow_and_update() {
				if stop.changed().await.is_err() {
					return;
				}
			}
		};
		tokio::select! {
			() = beats => {},
			() = accepts => {},
			() = claims => {},
			() = answers => {},
			() = stopped => {},
		}
		self.draining.store(true, Ordering::SeqCst);
		let all = u32::try_from(self.config.parallel.max(1)).unwrap_or(u32::MAX);
		let done = std::pin::pin!(self.permits.acquire_many(all));
		let late = self.clock.sleep_until(self.clock.now_ms().saturating_add(DRAIN_MS));
		let _ = select(done, late).await;
	}

	/// Does a duty now and with every new head, for as long as there are heads.
	async fn at_every_head<F>(&self, duty: &str, work: impl Fn(Head) -> F)
	where
		F: Future<Output = Result<(), TranscodeError>>,
	{
		let mut heads = self.chain.heads();
		loop {
			let head = *heads.borrow_and_update();
			if let Err(error) = work(head).await {
				tracing::warn!(duty, %error, "failed; it is tried again");
			}
			if heads.changed().await.is_err() {
				return;
			}
		}
	}

	/// Sends a heartbeat when one is due: the chain takes one in each half of an interval.
	async fn heartbeat(&self, head: Head, beat: &mut BlockNumber) -> Result<(), TranscodeError> {
		let interval = self.chain.parameters().await?.election.heartbeat_interval;
		if head.best.saturating_sub(*beat) <= (interval / 2).max(1) {
			return Ok(());
		}
		let sent = self.chain.submit(Call::Heartbeat, Wait::InBlock).await;
		if !sent.as_ref().is_err_and(ChainError::is_transient) {
			*beat = head.best;
		}
		Ok(sent?)
	}

	/// Reads this transcoder's assignments and accepts those that wait for it.
	async fn refresh(&self) -> Result<(), TranscodeError> {
		let account = self.key.account();
		let mut now = BTreeMap::new();
		for job in self.chain.assignments(&account).await? {
			let Some(mut view) = self.chain.job(At::Best, job).await?.filter(|view| !view.ended)
			else {
				continue;
			};
			let offer = view.current.as_mut().filter(|current| current.transcoder == account);
			if let Some(offer) = offer.filter(|current| !current.accepted) {
				let call = Call::AcceptJob { job, assignment: offer.index };
				match self.chain.submit(call, Wait::InBlock).await {
					Ok(()) => {
						tracing::info!(job, assignment = offer.index, "accepted");
						self.events.emit(Event::Accepted { job, assignment: offer.index });
						offer.accepted = true;
					}
					Err(error) => tracing::warn!(job, %error, "could not accept"),
				}
			}
			if let Some(assigned) = Assigned::of(view, &account) {
				now.insert((job, assigned.index), assigned);
			}
		}
		*lock(&self.assigned) = now;
		Ok(())
	}

	/// Makes claims and sends them until they are on chain.
	async fn claim_duties(&self, head: Head) -> Result<(), TranscodeError> {
		if self.is_behind(head)? {
			return Ok(());
		}
		self.find_claims().await?;
		for (job, assignment) in self.store.assignments()? {
			self.make_claim(head, job, assignment).await?;
		}
		for claim in self.store.claims()?.iter().filter(|claim| claim.id.is_none()) {
			self.send_claim(head, claim).await?;
		}
		Ok(())
	}

	/// Reveals what was drawn of the claims that are on chain, and forgets those that are closed.
	async fn answer_duties(&self, head: Head) -> Result<(), TranscodeError> {
		for claim in self.store.claims()? {
			let Some(id) = claim.id else { continue };
			self.reveal(head, id, &claim).await?;
			self.close_if_gone(id, &claim).await?;
		}
		Ok(())
	}

	/// Whether the node is not as far as this worker has seen the chain: one that was restored or
	/// still syncs. What it does not know is then no sign of what is closed, and to forget a claim
	/// too early costs stake.
	fn is_behind(&self, head: Head) -> Result<bool, StoreError> {
		let mut finalized = lock(&self.finalized);
		let before = match *finalized {
			Some(before) => before,
			None => match self.store.value(FINALIZED)? {
				None => 0,
				Some(bytes) => BlockNumber::decode(&mut &bytes[..])
					.map_err(|error| StoreError::Index(error.to_string()))?,
			},
		};
		if head.finalized > before {
			self.store.put_value(FINALIZED, &head.finalized.encode())?;
		}
		*finalized = Some(before.max(head.finalized));
		let behind = head.finalized < before;
		if behind {
			tracing::warn!(
				finalized = head.finalized,
				seen = before,
				"the node is behind what was seen of this chain; nothing is claimed or forgotten"
			);
		}
		Ok(behind)
	}

	/// Whether nothing can be claimed of a job any more: its last grace has passed.
	async fn job_is_closed(&self, job: JobId) -> Result<bool, TranscodeError> {
		let gone = self.chain.job(At::Best, job).await?.is_none()
			&& self.chain.job(At::Finalized, job).await?.is_none();
		Ok(gone && !self.is_behind(*self.chain.heads().borrow())?)
	}

	/// Notes the numbers of claims that are final. Only final ones are tracked: one that a reorg
	/// takes back would look closed.
	async fn find_claims(&self) -> Result<(), TranscodeError> {
		let stored = self.store.claims()?;
		if stored.iter().all(|claim| claim.id.is_some()) {
			return Ok(());
		}
		let known: BTreeSet<ClaimId> = stored.iter().filter_map(|claim| claim.id).collect();
		for id in self.chain.claims_of(At::Finalized, &self.key.account()).await? {
			if known.contains(&id) {
				continue;
			}
			let Some(info) = self.chain.claim(At::Finalized, id).await? else { continue };
			let found = stored.iter().find(|claim| {
				claim.id.is_none()
					&& claim.job == info.job
					&& claim.assignment == info.assignment
					&& claim.first == info.first
					&& claim.commitment == info.commitment
			});
			if let Some(claim) = found {
				self.store.set_claim_id(claim.key(), id)?;
				lock(&self.sent).remove(&claim.key());
				tracing::info!(claim = id, first = claim.first, last = claim.last(), "claimed");
				self.events.emit(Event::ClaimMade {
					claim: id,
					job: claim.job,
					assignment: claim.assignment,
					first: claim.first,
					last: claim.last(),
					root: format!("{:?}", claim.commitment.root),
					total_work: claim.commitment.total_work,
				});
			}
		}
		Ok(())
	}

	/// Fixes the leaves of the next claim of an assignment when it is time.
	async fn make_claim(
		&self,
		head: Head,
		job: JobId,
		assignment: AssignmentIndex,
	) -> Result<(), TranscodeError> {
		// One after the other: the chain takes no claim behind a later one.
		let unsent = |claim: &ClaimRecord| {
			claim.id.is_none() && (claim.job, claim.assignment) == (job, assignment)
		};
		if self.store.claims()?.iter().any(unsent) {
			return Ok(());
		}
		let cursor = self.store.cursor(job, assignment)?;
		let parameters = self.chain.parameters().await?;
		let max_leaves = parameters.lottery.max_leaves();
		let receipts = self.store.receipts(job, assignment, cursor, max_leaves as usize + 1)?;
		if receipts.is_empty() {
			return Ok(());
		}
		let view = self.chain.job(At::Best, job).await?;
		let current = view.as_ref().and_then(|view| view.current.as_ref()).filter(|current| {
			current.index == assignment && current.transcoder == self.key.account()
		});
		let ended = view.as_ref().is_none_or(|view| view.ended)
			|| current.is_none_or(|current| current.claimable_until.is_some());
		if view.is_none() && self.job_is_closed(job).await? {
			tracing::warn!(job, assignment, segments = receipts.len(), "too late to claim");
			self.store.drop_assignment(job, assignment)?;
			return Ok(());
		}
		let open = self.store.claims()?.len();
		if open >= parameters.jobs.max_open_claims as usize {
			return Ok(());
		}
		let rules = ClaimRules {
			max_leaves,
			batch: self.config.claim_leaves,
			max_wait_ms: self.config.claim_wait_ms,
			gap_wait_ms: self.config.gap_wait_ms,
		};
		let ready: Vec<Claimable> = receipts
			.iter()
			.map(|segment| Claimable {
				seq: segment.receipt.header.seq,
				stored_ms: segment.stored_ms,
			})
			.collect();
		let Some((first, last)) = next_range(cursor, &ready, ended, self.clock.wall_ms(), &rules)
		else {
			return Ok(());
		};
		let leaves: BTreeMap<Seq, &Leaf> =
			receipts.iter().map(|segment| (segment.receipt.header.seq, &segment.leaf)).collect();
		let (leaves, tree) = match build(first, last, |seq| leaves.get(&seq).copied().cloned()) {
			Ok(built) => built,
			Err(error) => {
				tracing::error!(job, assignment, first, last, ?error, "no tree can be built");
				return Ok(());
			}
		};
		let commitment = tree.commitment();
		// The chain takes no smaller fee into escrow: such a claim waits for more segments, and what
		// is left of an assignment at its end is worth no transaction.
		if current.is_some_and(|current| fee(commitment.total_work, current.price) < ETH_MINIMUM) {
			return Ok(());
		}
		let claim = ClaimRecord {
			job,
			assignment,
			first,
			leaves,
			commitment,
			toolchain: self.engine.toolchain(),
			id: None,
		};
		self.store.put_claim(&claim)?;
		self.send_claim(head, &claim).await
	}

	/// Sends a claim that is not on chain, unless it was sent lately.
	async fn send_claim(&self, head: Head, claim: &ClaimRecord) -> Result<(), TranscodeError> {
		let key = claim.key();
		let before = lock(&self.sent).get(&key).copied();
		if before.is_some_and(|sent| head.best.saturating_sub(sent.at) < RESEND_BLOCKS) {
			return Ok(());
		}
		let refusals = before.map_or(0, |sent| sent.refusals);
		let sent = Sent { at: head.best, refusals };
		// After a restart, or when nothing was seen of it for a while: it may be on chain, and
		// then only waits to be final; or its time may be over.
		for id in self.chain.claims_of(At::Best, &self.key.account()).await? {
			let info = self.chain.claim(At::Best, id).await?;
			if info.is_some_and(|info| info.commitment == claim.commitment && info.job == claim.job)
			{
				lock(&self.sent).insert(key, sent);
				return Ok(());
			}
		}
		if self.job_is_closed(claim.job).await? {
			tracing::warn!(job = claim.job, first = claim.first, "too late to claim");
			self.store.close_claim(key)?;
			return Ok(());
		}
		lock(&self.sent).insert(key, sent);
		let call = Call::ClaimWork(ClaimCall {
			job: claim.job,
			assignment: claim.assignment,
			first: claim.first,
			last: claim.last(),
			commitment: claim.commitment,
			toolchain: claim.toolchain,
		});
		let Err(error) = self.chain.submit(call, Wait::InBlock).await else { return Ok(()) };
		let refusals = refusals.saturating_add(u32::from(is_lasting(&error)));
		if refusals >= REFUSALS {
			tracing::error!(first = claim.first, last = claim.last(), %error, "claim given up");
			self.store.close_claim(key)?;
			lock(&self.sent).remove(&key);
		} else {
			tracing::warn!(first = claim.first, last = claim.last(), %error, "claim not taken");
			lock(&self.sent).insert(key, Sent { at: head.best, refusals });
		}
		Ok(())
	}

	/// Reveals the drawn leaves that are not answered.
	async fn reveal(
		&self,
		head: Head,
		id: ClaimId,
		claim: &ClaimRecord,
	) -> Result<(), TranscodeError> {
		let Some(challenge) = self.chain.challenge(id).await? else { return Ok(()) };
		let mut due = Vec::new();
		{
			let mut progress = lock(&self.progress);
			let progress = progress.entry(id).or_default();
			if challenge.outcome.is_some() {
				progress.outcome = challenge.outcome;
			}
			if challenge.stage != ChallengeStage::LeafReveal {
				return Ok(());
			}
			let Ok(tree) = SumTree::new(&claim.leaves) else { return Ok(()) };
			let open: Vec<u64> = challenge
				.positions
				.iter()
				.enumerate()
				.filter(|(i, _)| !challenge.answered.get(*i).copied().unwrap_or(false))
				.map(|(_, position)| *position)
				.collect();
			for index in drawn_leaves(&tree, &open) {
				let lately = progress
					.revealed
					.get(&index)
					.is_some_and(|sent| head.best.saturating_sub(*sent) < RESEND_BLOCKS);
				if lately {
					continue;
				}
				progress.revealed.insert(index, head.best);
				if let Some(proof) = tree.proof(index) {
					due.push((index, proof));
				}
			}
		}
		let calls = due.into_iter().map(|(index, proof)| async move {
			let seq = claim.first.saturating_add(index.into());
			let key = SegmentKey { seq, ..claim.key() };
			let Some(segment) = self.store.receipt(key)? else {
				tracing::error!(claim = id, seq, "the receipt of a drawn leaf is missing");
				return Ok(());
			};
			let reveal = Box::new(LeafReveal {
				index,
				leaf: segment.leaf,
				proof,
				broadcaster_signature: segment.broadcaster_signature,
			});
			match self.chain.submit(Call::RevealLeaf { claim: id, reveal }, Wait::InBlock).await {
				Ok(()) => {
					let mut progress = lock(&self.progress);
					if progress.entry(id).or_default().reported.insert(index) {
						self.events.emit(Event::LeafRevealed { claim: id, index, seq });
					}
				}
				Err(error) => tracing::warn!(claim = id, index, %error, "leaf not revealed"),
			}
			Ok::<_, TranscodeError>(())
		});
		futures::future::try_join_all(calls).await?;
		Ok(())
	}

	/// Forgets a claim that has left the chain's final state.
	async fn close_if_gone(&self, id: ClaimId, claim: &ClaimRecord) -> Result<(), TranscodeError> {
		if self.chain.claim(At::Finalized, id).await?.is_some()
			|| self.chain.claim(At::Best, id).await?.is_some()
			|| self.is_behind(*self.chain.heads().borrow())?
		{
			return Ok(());
		}
		self.store.close_claim(claim.key())?;
		let outcome = lock(&self.progress).remove(&id).and_then(|progress| progress.outcome);
		tracing::info!(claim = id, ?outcome, "claim closed");
		self.events.emit(Event::ClaimClosed {
			claim: id,
			outcome: outcome.map(|outcome| format!("{outcome:?}")),
		});
		Ok(())
	}

	/// Everything that is checked before the bytes are received.
	async fn check(&self, signed: &SignedHeader) -> Result<Assigned, Refusal> {
		let refuse = Err::<Assigned, _>;
		let header = &signed.header;
		if header.genesis != self.chain.genesis() {
			return refuse(Refusal::WrongChain);
		}
		let key = (header.job, header.assignment);
		let known = |role: &Self| lock(&role.assigned).get(&key).cloned();
		let assigned = match known(self) {
			Some(assigned) => Some(assigned),
			// The broadcaster may have seen the block first.
			None if header.transcoder == self.key.account() => self.look_up(key).await,
			None => None,
		};
		let Some(assigned) = assigned else { return refuse(Refusal::NotAssigned) };
		if header.transcoder != self.key.account() || header.stream != assigned.view.stream {
			return refuse(Refusal::NotAssigned);
		}
		if !header.is_signed_by(&assigned.view.broadcaster, &signed.signature) {
			return refuse(Refusal::BadSignature);
		}
		if !(1..=MAX_SEGMENT_BYTES).contains(&header.in_len)
			|| !(1..=LONGEST_SEGMENT).contains(&header.duration)
		{
			return refuse(Refusal::BadBytes);
		}
		// What was transcoded before a claim covered it is still given to whom it is owed.
		if header.seq < assigned.next_seq && !matches!(self.receipt_for(header), Ok(Some(_))) {
			return refuse(Refusal::TooLate);
		}
		Ok(assigned)
	}

	/// What was stored under a header's key.
	fn receipt_for(&self, header: &SegmentHeader) -> Result<Option<TranscodedSegment>, StoreError> {
		let SegmentHeader { job, assignment, seq, .. } = *header;
		self.store.receipt(SegmentKey { job, assignment, seq })
	}

	/// Reads an assignment that is not known yet. Anybody can ask for one, so there is one look at
	/// a time, and it does not last.
	async fn look_up(&self, key: (JobId, AssignmentIndex)) -> Option<Assigned> {
		let _turn = self.looking_up.try_acquire().ok()?;
		let read = self.chain.job(At::Best, key.0);
		let late = self.clock.sleep_until(self.clock.now_ms().saturating_add(LOOK_UP_MS));
		let Either::Left((view, _)) = select(read, late).await else { return None };
		let view = view
			.inspect_err(|error| tracing::warn!(%error, "cannot look up an assignment"))
			.ok()
			.flatten()
			.filter(|view| !view.ended)?;
		let assigned = Assigned::of(view, &self.key.account())?;
		if (assigned.view.id, assigned.index) != key {
			return None;
		}
		lock(&self.assigned).insert(key, assigned.clone());
		Some(assigned)
	}

	/// Whether the allowance covers one more segment at the job's maximum.
	fn covered(&self, header: &SignedHeader, assigned: &Assigned) -> Result<bool, StoreError> {
		let header = &header.header;
		let limit = assigned.view.max_leaf_work;
		let one = fee(limit, assigned.price);
		let most = assigned.allowance.checked_div(one).unwrap_or(Balance::MAX);
		let most = usize::try_from(most).unwrap_or(usize::MAX);
		let unclaimed = self.store.receipts(
			header.job,
			header.assignment,
			assigned.next_seq,
			most.min(1 << 16),
		)?;
		Ok(unclaimed.len() < most)
	}

	async fn take(&self, signed: SignedHeader, bytes: Vec<u8>) -> PushReply {
		let assigned = match self.check(&signed).await {
			Ok(assigned) => assigned,
			Err(refusal) => return PushReply::Refused(refusal),
		};
		let header = &signed.header;
		if bytes.len() as u64 != u64::from(header.in_len) || sha256(&bytes) != header.in_hash {
			return PushReply::Refused(Refusal::BadBytes);
		}
		let key = SegmentKey { job: header.job, assignment: header.assignment, seq: header.seq };
		match self.receipt_for(header) {
			Ok(Some(stored)) => {
				return if stored.receipt.header == *header {
					// The broadcaster asks again; a second signature over the same header does
					// not make a second receipt.
					done(stored)
				} else {
					PushReply::Refused(Refusal::Conflict)
				};
			}
			Ok(None) => {}
			Err(error) => return internal(error),
		}
		match self.covered(&signed, &assigned) {
			Ok(true) => {}
			Ok(false) => return PushReply::Refused(Refusal::Allowance),
			Err(error) => return internal(error),
		}
		if self.draining.load(Ordering::SeqCst) || !lock(&self.at_work).insert(key) {
			return PushReply::Busy { retry_ms: BUSY_MS };
		}
		let _at_work = OnDrop(|| {
			lock(&self.at_work).remove(&key);
		});
		let places = self.config.queue.saturating_add(self.config.parallel.max(1));
		let before = self.waiting.fetch_add(1, Ordering::SeqCst);
		let _waiting = OnDrop(|| {
			self.waiting.fetch_sub(1, Ordering::SeqCst);
		});
		if before >= places {
			return PushReply::Busy { retry_ms: BUSY_MS };
		}
		let Ok(_permit) = self.permits.acquire().await else {
			return PushReply::Busy { retry_ms: BUSY_MS };
		};
		match self.transcode(&assigned, &signed, &bytes).await {
			Ok(segment) => done(segment),
			Err(reply) => reply,
		}
	}

	async fn transcode(
		&self,
		assigned: &Assigned,
		signed: &SignedHeader,
		bytes: &[u8],
	) -> Result<TranscodedSegment, PushReply> {
		let header = &signed.header;
		let format = Format { ladder: assigned.view.ladder.clone(), limits: assigned.view.limits };
		let start = self.clock.now_ms();
		let transcoded = match self.engine.transcode(&format, bytes).await {
			Ok(transcoded) => transcoded,
			Err(MediaError::Invalid { reason, .. }) => {
				tracing::warn!(seq = header.seq, ?reason, "invalid segment");
				return Err(PushReply::Refused(Refusal::Invalid(reason)));
			}
			Err(error) => return Err(internal(error)),
		};
		let transcode_ms = self.clock.now_ms().saturating_sub(start);
		let work = transcoded.pixels.work(&assigned.view.factors);
		let sendable = |bytes: &Vec<u8>| bytes.len() as u64 <= u64::from(MAX_PAYLOAD);
		let work = work.filter(|work| {
			*work <= assigned.view.max_leaf_work && transcoded.outputs.iter().all(sendable)
		});
		// Never signed for: nobody could fetch it, or no claim could hold it.
		let Some(work) = work else {
			tracing::warn!(seq = header.seq, "what the segment makes is too large");
			return Err(PushReply::Refused(Refusal::TooLarge));
		};
		let mut outputs = Outputs::default();
		for bytes in &transcoded.outputs {
			let hash = self.store.put(bytes).map_err(internal)?;
			let len = u32::try_from(bytes.len()).map_err(internal)?;
			outputs
				.try_push(Output { hash, len })
				.map_err(|_| internal("more outputs than a receipt holds"))?;
		}
		self.store.put(bytes).map_err(internal)?;
		let receipt = Receipt {
			header: header.clone(),
			broadcaster_signature_hash: signature_hash(&signed.signature),
			toolchain: self.engine.toolchain(),
			outputs: outputs.clone(),
		};
		let segment = TranscodedSegment {
			signature: self.key.sign(receipt.signing_payload()),
			receipt,
			broadcaster_signature: signed.signature.clone(),
			leaf: Leaf::Transcoded {
				in_hash: header.in_hash,
				in_len: header.in_len,
				duration: header.duration,
				outputs: outputs.clone(),
				work,
			},
			stored_ms: self.clock.wall_ms(),
		};
		let stored = match self.store.put_receipt(&segment) {
			Ok(stored) => stored,
			Err(StoreError::Conflict) => return Err(PushReply::Refused(Refusal::TooLate)),
			Err(error) => return Err(internal(error)),
		};
		self.events.emit(Event::SegmentTranscoded {
			job: header.job,
			assignment: header.assignment,
			seq: header.seq,
			in_hash: format!("{:?}", header.in_hash),
			outputs: output_names(&outputs),
			work,
			duration: header.duration,
			transcode_ms,
		});
		Ok(stored)
	}
}

#[async_trait]
impl Service for TranscodeRole {
	async fn fetch(&self, hash: H256) -> Option<Vec<u8>> {
		self.store.get(hash).unwrap_or_else(|error| {
			tracing::warn!(%error, "cannot serve");
			None
		})
	}

	async fn admit(&self, signed: &SignedHeader) -> Result<(), Refusal> {
		self.check(signed).await.map(drop)
	}

	async fn push(&self, signed: SignedHeader, bytes: Vec<u8>) -> PushReply {
		self.take(signed, bytes).await
	}

	async fn playlist(&self, _: StreamId, _: Seq) -> Option<Playlist> {
		None
	}
}

/// Runs its closure when it goes out of scope, also when the future around it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
	fn drop(&mut self) {
		(self.0)()
	}
}

/// Whether the chain will refuse the same claim again.
fn is_lasting(error: &ChainError) -> bool {
	matches!(error, ChainError::Dispatch { error, .. } if LASTING.iter().any(|name| error.ends_with(name)))
}

fn done(segment: TranscodedSegment) -> PushReply {
	PushReply::Done { receipt: Box::new(segment.receipt), signature: segment.signature }
}

fn internal(error: impl core::fmt::Display) -> PushReply {
	tracing::error!(%error, "segment not transcoded");
	PushReply::Refused(Refusal::Internal)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
	// Nothing that holds these locks can panic half-way through a change.
	mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
