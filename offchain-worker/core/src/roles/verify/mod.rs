//! The verifier: gathers the bytes of drawn leaves from the transcoder, otherwise from fellow judges, makes
//! the outputs again and judges.
//!
//! It trusts nothing but hashes. Bytes that cannot be had in time are `Unavailable`; a failing engine makes
//! the leaf `Abstain`; neither is ever called a mismatch. Fetched bytes stay stored, and are served to fellow
//! judges, until the claim is closed.

mod fellows;
mod gathering;
mod judging;
mod places;

use std::{
	collections::{BTreeMap, BTreeSet, VecDeque},
	panic::AssertUnwindSafe,
	sync::{
		atomic::{AtomicU64, Ordering},
		Arc, Mutex, MutexGuard, OnceLock,
	},
};

use codec::{Decode, Encode};
use futures::{stream::FuturesUnordered, FutureExt, StreamExt};
use livepeer_primitives::{
	evidence,
	leaf::Leaf,
	offchain::{ToolchainsAnswer, ToolchainsQuestion, VerifyLeaf, VerifyStatus, VerifyTask},
	receipt::Output,
	service::ServiceRecord,
	verdict::{Tranche, UnavailableKind, Verdict, Verdicts},
	AccountId, ClaimId, Hash, ToolchainId, WindowIndex,
};
use tokio::sync::{mpsc, Notify, Semaphore};

pub(crate) use self::judging::{judge_leaf, Terms};
use self::places::Places;
pub use self::{fellows::Fellows, judging::judge};

use crate::{
	fetching::Fetcher,
	lock,
	ports::{
		clock::Clock,
		engine::{MediaEngine, MediaError},
		events::{Event, EventSink},
		store::{StoreError, VerifyStore},
		transport::{source_of, Transport},
	},
	sha256,
};

/// Finished tasks whose answers are kept; older ones are forgotten. A node has no more duties at a time, so
/// none is forgotten before the node has its answer.
const KEPT_ANSWERS: usize = 4_096;
/// The newest finished tasks whose bytes are kept too, as long as their claims are open and there is room.
const KEPT_BYTES: usize = 64;
/// How often closed claims are looked up.
const CLOSED_MS: u64 = 60_000;
/// The most unfinished tasks; more are turned away until some are done. The node posts those with the
/// earliest deadline first. More than the chain can make a judge owe (600 under the preset `production`), so
/// that a transcoder whose small claims' bytes trickle cannot keep others' tasks out.
pub const MAX_QUEUE: usize = 1_024;
/// Blobs of a task that are fetched at a time. Bounds a task's memory, because a transcoder may want
/// verifiers to run out of it.
const FETCHES: usize = 4;
/// Blobs that are fetched at a time in addition to one of each transcoder. Bounds the memory of all tasks
/// together. Every transcoder has one fetch of its own, so that a slow one does not delay others' bytes.
const SHARED_FETCHES: usize = 16;
/// How many of these one transcoder may have, so that a slow one leaves others more than their own fetch.
const SHARED_OF_ONE: usize = 4;
/// Blobs that are read at a time to check whether they are stored: a task could have a hundred of 16 MiB.
const LOOKS: usize = 4;

/// How many times making golden vectors is tried again if this machine has no memory for them, and the pause
/// between tries.
const REMAKE: (u32, u64) = (10, 30_000);

/// The key of a task: claim, tranche and member.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
pub struct TaskKey {
	/// The claim.
	pub claim: ClaimId,
	/// The tranche.
	pub tranche: Tranche,
	/// The member on whose behalf the service is asked.
	pub verifier: AccountId,
}

impl TaskKey {
	/// The key of a task.
	pub fn of(task: &VerifyTask) -> Self {
		Self { claim: task.claim, tranche: task.tranche, verifier: task.verifier.clone() }
	}

	fn name(&self) -> String {
		format!("task/{}", hex::encode(self.encode()))
	}
}

/// The identity of a task's question: a reorg can change the seed or the leaves, which makes another task
/// under the same key. Its deadline, its pass and the transcoder's address are not part of it: a transcoder
/// must not be able to restart the work by moving.
fn content(task: &VerifyTask) -> Hash {
	let asked = VerifyTask {
		patience_ms: 0,
		service: ServiceRecord::default(),
		pass: None,
		..task.clone()
	};
	sha256(&asked.encode())
}

#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
struct Finished {
	content: Hash,
	status: VerifyStatus,
}

enum Entry {
	Working {
		content: Hash,
		/// The transcoder's record when the task was last posted.
		service: ServiceRecord,
		/// Whether bytes are missing so far: then the node asks for them on the chain.
		lacks: bool,
		/// Whether the node has heard of that.
		told: bool,
	},
	/// Bytes were missing to the end, and the node never heard of it: a machine without network hears neither of
	/// bytes nor of blocks. They are fetched again once it asks.
	Untold {
		content: Hash,
	},
	Finished(Finished),
}

impl Entry {
	fn is_at_work_on(&self, asked: Hash) -> bool {
		matches!(self, Self::Working { content, .. } if *content == asked)
	}
}

#[derive(Default)]
struct Tasks {
	entries: BTreeMap<TaskKey, Entry>,
	/// Finished tasks, oldest first.
	order: VecDeque<TaskKey>,
	/// Finished tasks whose bytes are kept, oldest first.
	kept: VecDeque<TaskKey>,
	working: usize,
}

impl Tasks {
	/// Tasks in work.
	fn at_work(&self) -> impl Iterator<Item = &TaskKey> {
		let entries = self.entries.iter();
		let working = entries.filter(|(_, entry)| matches!(entry, Entry::Working { .. }));
		working.map(|(key, _)| key)
	}

	/// The claims of which bytes are kept or fetched.
	fn held(&self) -> BTreeSet<ClaimId> {
		self.at_work().chain(&self.kept).map(|key| key.claim).collect()
	}

	/// Removes the oldest task whose bytes are kept and that no task in work needs: a dispute uses the bytes
	/// of earlier tranches.
	fn take_oldest(&mut self) -> Option<TaskKey> {
		let at_work: BTreeSet<ClaimId> = self.at_work().map(|key| key.claim).collect();
		let place = self.kept.iter().position(|key| !at_work.contains(&key.claim))?;
		let oldest = self.kept.remove(place)?;
		self.forget_untold(&oldest);
		Some(oldest)
	}

	/// Forgets a task that was left untold, with its bytes.
	fn forget_untold(&mut self, key: &TaskKey) {
		if matches!(self.entries.get(key), Some(Entry::Untold { .. })) {
			self.entries.remove(key);
		}
	}
}

/// Whether a task was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QueueFull;

/// The role. Cheap to clone.
#[derive(Clone)]
pub struct VerifyRole {
	inner: Arc<Inner>,
}

struct Inner {
	genesis: Hash,
	store: Arc<dyn VerifyStore>,
	net: Arc<dyn Transport>,
	fetcher: Fetcher,
	/// The fellow judges, if the chain can be asked.
	fellows: OnceLock<Arc<Fellows>>,
	/// One per toolchain.
	engines: Vec<Arc<dyn MediaEngine>>,
	events: Arc<dyn EventSink>,
	clock: Arc<dyn Clock>,
	places: Arc<Places>,
	/// Fetches in addition to every transcoder's own.
	fetches: Semaphore,
	/// The fetches of each transcoder with claims in work.
	own: Mutex<BTreeMap<AccountId, Arc<Own>>>,
	/// The reads of stored blobs.
	looks: Semaphore,
	tasks: Mutex<Tasks>,
	/// The result of making the golden vectors anew.
	remade: Mutex<Remade>,
	/// Told when only another process can make them, or judge.
	replaced: Notify,
	queue: mpsc::UnboundedSender<Work>,
	idle: Notify,
}

/// The state of making golden vectors anew while the service runs.
#[derive(Default)]
struct Remade {
	/// The reason of the last time: see [`ToolchainsQuestion::anew`].
	for_window: Option<WindowIndex>,
	/// Whether they are being made.
	at_work: bool,
	/// The toolchains whose vectors came out as before; `None` as long as none were made anew. Engines of
	/// other toolchains judge no more.
	sound: Option<Vec<ToolchainId>>,
}

/// Work for [`VerifyRunner::run`].
enum Work {
	/// Judges a task.
	Task(Box<Taken>),
	/// Makes the golden vectors of every engine anew.
	Remake,
}

/// A task that was taken and waits for [`VerifyRunner::run`]; their number is limited by
/// [`MAX_QUEUE`].
struct Taken {
	key: TaskKey,
	content: Hash,
	task: VerifyTask,
	at_ms: u64,
}

/// Runs the tasks of a [`VerifyRole`].
pub struct VerifyRunner {
	inner: Arc<Inner>,
	queue: mpsc::UnboundedReceiver<Work>,
}

impl VerifyRunner {
	/// Works until it is dropped; tasks run concurrently.
	pub async fn run(mut self) {
		let mut at_work = FuturesUnordered::new();
		loop {
			tokio::select! {
				Some(work) = self.queue.recv() => {
					at_work.push(self.inner.clone().work(work));
				},
				Some(()) = at_work.next() => {},
				else => return,
			}
		}
	}
}

/// The name of the list of finished tasks in the store.
const ORDER: &str = "tasks";
/// The name of the list of tasks in work.
const AT_WORK: &str = "tasks at work";

/// A list of tasks in the store.
fn listed(store: &dyn VerifyStore, name: &str) -> Result<VecDeque<TaskKey>, StoreError> {
	let Some(bytes) = store.value(name)? else { return Ok(VecDeque::new()) };
	VecDeque::decode(&mut &bytes[..]).map_err(|error| StoreError::Index(error.to_string()))
}

impl VerifyRole {
	/// Makes the role and reads the answers of an earlier run. `engines` has one engine for each toolchain;
	/// `parallel` leaves are examined at a time, the earliest deadline first.
	pub fn new(
		genesis: Hash,
		store: Arc<dyn VerifyStore>,
		net: Arc<dyn Transport>,
		engines: Vec<Arc<dyn MediaEngine>>,
		events: Arc<dyn EventSink>,
		clock: Arc<dyn Clock>,
		parallel: usize,
	) -> Result<(Self, VerifyRunner), StoreError> {
		let mut tasks = Tasks::default();
		for key in listed(&*store, ORDER)? {
			let Some(bytes) = store.value(&key.name())? else { continue };
			let finished = Finished::decode(&mut &bytes[..])
				.map_err(|error| StoreError::Index(error.to_string()))?;
			tasks.entries.insert(key.clone(), Entry::Finished(finished));
			tasks.order.push_back(key);
		}
		let newest = tasks.order.iter().skip(tasks.order.len().saturating_sub(KEPT_BYTES));
		tasks.kept = newest.cloned().collect();
		// The node may post them again, or never.
		for key in listed(&*store, AT_WORK)? {
			if !tasks.kept.contains(&key) {
				tasks.kept.push_back(key);
			}
		}
		let (queue, receiver) = mpsc::unbounded_channel();
		let inner = Arc::new(Inner {
			genesis,
			store,
			fetcher: Fetcher::new(net.clone(), clock.clone()),
			fellows: OnceLock::new(),
			net,
			engines,
			events,
			places: Places::new(parallel, clock.clone()),
			clock,
			fetches: Semaphore::new(SHARED_FETCHES),
			own: Mutex::default(),
			looks: Semaphore::new(LOOKS),
			tasks: Mutex::new(tasks),
			remade: Mutex::default(),
			replaced: Notify::new(),
			queue,
			idle: Notify::new(),
		});
		Ok((Self { inner: inner.clone() }, VerifyRunner { inner, queue: receiver }))
	}

	/// Sets the `fellows`, once: bytes that the transcoder withholds are fetched from them, and they are
	/// served.
	pub fn join(&self, fellows: Arc<Fellows>) {
		let fellows = self.inner.fellows.get_or_init(|| fellows);
		fellows.hold(self.inner.tasks().held());
	}

	/// Releases the bytes of closed claims, if there are fellows whose chain can be asked; never ends.
	pub async fn release_closed(&self) {
		let Some(fellows) = self.inner.fellows.get() else { return std::future::pending().await };
		loop {
			let again = self.inner.clock.now_ms().saturating_add(CLOSED_MS);
			self.inner.clock.sleep_until(again).await;
			let kept: BTreeSet<ClaimId> =
				self.inner.tasks().kept.iter().map(|key| key.claim).collect();
			for claim in kept {
				if fellows.is_closed(claim).await {
					self.inner.release(claim);
				}
			}
		}
	}

	/// Takes a task, or returns its progress. Posting the same task again changes nothing, unless bytes were missing
	/// to the end and this is the first that its node hears of it: then they are fetched again.
	pub fn post(&self, task: VerifyTask) -> Result<VerifyStatus, QueueFull> {
		let key = TaskKey::of(&task);
		let content = content(&task);
		let (claim, tranche) = (task.claim, task.tranche);
		let unable = |reason: &str| {
			self.inner.events.emit(Event::TaskUnable { claim, tranche, reason: reason.into() });
			VerifyStatus::Unable { reason: reason.as_bytes().to_vec() }
		};
		if task.genesis != self.inner.genesis {
			return Ok(unable("the task is of another chain"));
		}
		if self.inner.engine(&task).is_none() {
			return Ok(unable("the claim names a toolchain that is not made here"));
		}
		if task.leaves.len() > livepeer_primitives::MAX_SAMPLES as usize {
			return Ok(unable("the task has more leaves than a claim can have drawn"));
		}
		let lacks = {
			let mut tasks = self.inner.tasks();
			let mut told = false;
			match tasks.entries.get_mut(&key) {
				Some(Entry::Working { content: at_work, service, lacks, told })
					if *at_work == content =>
				{
					*service = task.service;
					*told |= *lacks;
					return Ok(if *lacks { VerifyStatus::Lacking } else { VerifyStatus::Working });
				}
				Some(Entry::Untold { content: untold }) => told = *untold == content,
				Some(Entry::Finished(finished)) if finished.content == content => {
					return Ok(finished.status.clone())
				}
				_ => {}
			}
			if tasks.working >= MAX_QUEUE {
				return Err(QueueFull);
			}
			tasks.working += 1;
			let service = task.service.clone();
			let entry = Entry::Working { content, service, lacks: told, told };
			tasks.entries.insert(key.clone(), entry);
			tasks.kept.retain(|other| *other != key);
			if let Err(error) = self.inner.note_at_work(&tasks) {
				tracing::warn!(claim, %error, "bytes of a claim stay if the service is killed now");
			}
			self.inner.tell_fellows(&tasks);
			told
		};
		self.inner.events.emit(Event::TaskTaken {
			claim: task.claim,
			tranche: task.tranche,
			leaves: task.leaves.len() as u32,
		});
		let at_ms = self.inner.clock.now_ms();
		// Fails only when the runner is gone, that is, when the process ends.
		let _ = self.inner.queue.send(Work::Task(Box::new(Taken { key, content, task, at_ms })));
		Ok(if lacks { VerifyStatus::Lacking } else { VerifyStatus::Working })
	}

	/// The toolchains of the engines: the known ones, or by golden vectors made anew, once for each window
	/// that asks for that.
	pub fn toolchains(&self, question: ToolchainsQuestion) -> ToolchainsAnswer {
		let mut remade = lock(&self.inner.remade);
		if question.anew.is_some() && question.anew != remade.for_window && !remade.at_work {
			remade.for_window = question.anew;
			remade.at_work = true;
			// Fails only when the runner is gone, that is, when the process ends.
			let _ = self.inner.queue.send(Work::Remake);
		}
		if question.anew.is_some() && remade.at_work {
			return ToolchainsAnswer::Making;
		}
		let made = || self.inner.engines.iter().map(|engine| engine.toolchain()).collect();
		ToolchainsAnswer::Made { toolchains: remade.sound.clone().unwrap_or_else(made) }
	}

	/// Waits until golden vectors have to be made anew, or a leaf cannot be judged, and only another process can do
	/// it: see [`MediaEngine::is_replaced`] and [`MediaEngine::is_over`]. Until then this one judges.
	pub async fn replaced(&self) {
		self.inner.replaced.notified().await;
	}

	/// Waits until no task is in work.
	pub async fn idle(&self) {
		loop {
			let idle = self.inner.idle.notified();
			if self.inner.tasks().working == 0 {
				return;
			}
			idle.await;
		}
	}
}

impl Inner {
	fn tasks(&self) -> MutexGuard<'_, Tasks> {
		lock(&self.tasks)
	}

	/// The engine of a task's toolchain, unless its golden vectors differ by now.
	fn engine(&self, task: &VerifyTask) -> Option<&dyn MediaEngine> {
		let sound = lock(&self.remade).sound.clone();
		if sound.is_some_and(|sound| !sound.contains(&task.toolchain)) {
			return None;
		}
		self.engines.iter().find(|e| e.toolchain() == task.toolchain).map(|engine| &**engine)
	}

	async fn work(self: Arc<Self>, work: Work) {
		match work {
			Work::Task(taken) => self.do_task(*taken).await,
			Work::Remake => self.remake().await,
		}
	}

	/// Makes the golden vectors of every engine anew; if that takes another process, says so and changes nothing.
	async fn remake(&self) {
		let mut sound = Vec::new();
		for engine in &self.engines {
			let toolchain = engine.toolchain();
			match self.attested(&**engine).await {
				Ok(made) if made == toolchain => {
					tracing::info!(?toolchain, "golden vectors made anew");
					sound.push(toolchain);
				}
				Ok(made) => {
					tracing::error!(?toolchain, ?made, "golden vectors differ: it judges no more");
				}
				Err(_) if engine.is_replaced() => {
					self.replaced.notify_one();
					return;
				}
				Err(error) => {
					tracing::error!(?toolchain, %error, "no golden vectors: it judges no more");
				}
			}
		}
		let mut remade = lock(&self.remade);
		remade.at_work = false;
		remade.sound = Some(sound);
	}

	/// The toolchain of an engine's vectors. A temporary lack of memory shows nothing about it.
	async fn attested(&self, engine: &dyn MediaEngine) -> Result<ToolchainId, MediaError> {
		let (attempts, wait_ms) = REMAKE;
		for _ in 1..attempts {
			match engine.attest().await {
				Err(error @ MediaError::Unable(_)) if !engine.is_replaced() => {
					tracing::warn!(%error, "golden vectors are made anew later");
					let again = self.clock.now_ms().saturating_add(wait_ms);
					self.clock.sleep_until(again).await;
				}
				attested => return attested,
			}
		}
		engine.attest().await
	}

	async fn do_task(&self, taken: Taken) {
		let Taken { key, content, task, at_ms } = taken;
		let owner = key.name();
		let status = self.judge_task(&owner, &task, at_ms).await;
		if self.leave_untold(&key, content, &status) {
			tracing::warn!(
				claim = task.claim,
				tranche = task.tranche,
				"bytes were missing while the node was away; they are fetched again when it asks",
			);
			self.idle.notify_waiters();
			return;
		}
		match &status {
			VerifyStatus::Done { verdicts, evidence } => {
				tracing::info!(claim = task.claim, tranche = task.tranche, ?verdicts, "judged");
				self.events.emit(Event::TaskDone {
					claim: task.claim,
					tranche: task.tranche,
					verdicts: verdicts.iter().map(|verdict| format!("{verdict:?}")).collect(),
					evidence: format!("{:?}", evidence.hash),
					total_ms: self.clock.now_ms().saturating_sub(at_ms),
				});
			}
			VerifyStatus::Unable { reason } => {
				let reason = String::from_utf8_lossy(reason).into_owned();
				tracing::error!(claim = task.claim, tranche = task.tranche, %reason, "unable");
				self.events.emit(Event::TaskUnable {
					claim: task.claim,
					tranche: task.tranche,
					reason,
				});
			}
			VerifyStatus::Working | VerifyStatus::Lacking => {}
		}
		let finished = Finished { content, status };
		let mut tasks = self.tasks();
		tasks.working = tasks.working.saturating_sub(1);
		// A reorg may have replaced the task meanwhile.
		if tasks.entries.get(&key).is_some_and(|entry| entry.is_at_work_on(content)) {
			if let Err(error) = self.keep(&mut tasks, key, finished) {
				tracing::error!(%error, "a verdict cannot be stored");
			}
		}
		drop(tasks);
		self.idle.notify_waiters();
	}

	/// Whether this is an answer about missing bytes of which the node has not heard, so that it could not ask for
	/// them on the chain. Then it is no answer. Once the node has heard of them the answer stays.
	fn leave_untold(&self, key: &TaskKey, content: Hash, status: &VerifyStatus) -> bool {
		let VerifyStatus::Done { verdicts, .. } = status else { return false };
		if !verdicts.iter().any(Verdict::is_unavailable) {
			return false;
		}
		let mut tasks = self.tasks();
		let Some(entry) = tasks.entries.get_mut(key) else { return false };
		let is_untold = matches!(entry, Entry::Working { lacks: true, told: false, .. });
		if !is_untold || !entry.is_at_work_on(content) {
			return false;
		}
		*entry = Entry::Untold { content };
		tasks.working = tasks.working.saturating_sub(1);
		tasks.kept.push_back(key.clone());
		true
	}

	/// Stores an answer before anybody can read it, and forgets the oldest.
	fn keep(&self, tasks: &mut Tasks, key: TaskKey, finished: Finished) -> Result<(), StoreError> {
		let stored = self.store.put_value(&key.name(), &finished.encode());
		tasks.entries.insert(key.clone(), Entry::Finished(finished));
		for keys in [&mut tasks.order, &mut tasks.kept] {
			keys.retain(|other| *other != key);
			keys.push_back(key.clone());
		}
		stored?;
		while tasks.kept.len() > KEPT_BYTES {
			let Some(oldest) = tasks.kept.pop_front() else { break };
			tasks.forget_untold(&oldest);
			self.store.unpin(&oldest.name())?;
		}
		self.tell_fellows(tasks);
		while tasks.order.len() > KEPT_ANSWERS {
			let Some(oldest) = tasks.order.pop_front() else { break };
			tasks.entries.remove(&oldest);
			self.store.drop_value(&oldest.name())?;
		}
		self.store.put_value(ORDER, &tasks.order.encode())?;
		self.note_at_work(tasks)
	}

	/// Stores the list of tasks without an answer: they have pinned bytes, which must be released with their
	/// claims even if this process never finishes them.
	fn note_at_work(&self, tasks: &Tasks) -> Result<(), StoreError> {
		let open = tasks.entries.iter().filter(|(_, entry)| !matches!(entry, Entry::Finished(_)));
		let keys: Vec<&TaskKey> = open.map(|(key, _)| key).collect();
		self.store.put_value(AT_WORK, &keys.encode())
	}

	fn tell_fellows(&self, tasks: &Tasks) {
		if let Some(fellows) = self.fellows.get() {
			fellows.hold(tasks.held());
		}
	}

	/// Releases the bytes of a claim.
	fn release(&self, claim: ClaimId) {
		let mut tasks = self.tasks();
		let closed = tasks.kept.iter().filter(|key| key.claim == claim);
		for key in closed {
			if let Err(error) = self.store.unpin(&key.name()) {
				tracing::warn!(claim, %error, "the bytes of a closed claim are kept");
				return;
			}
		}
		tasks.kept.retain(|key| key.claim != claim);
		let is_untold = |entry: &Entry| matches!(entry, Entry::Untold { .. });
		tasks.entries.retain(|key, entry| key.claim != claim || !is_untold(entry));
		self.tell_fellows(&tasks);
	}

	/// The fetches of a transcoder's claims.
	fn own(&self, transcoder: &AccountId) -> Arc<Own> {
		let mut own = lock(&self.own);
		own.retain(|_, one| Arc::strong_count(one) > 1);
		own.entry(transcoder.clone()).or_default().clone()
	}

	async fn judge_task(&self, owner: &str, task: &VerifyTask, at_ms: u64) -> VerifyStatus {
		let deadline = at_ms.saturating_add(task.patience_ms);
		let mut leaves: Vec<&VerifyLeaf> = task.leaves.iter().collect();
		leaves.sort_by_key(|leaf| leaf.index);
		let (fetches, own) = (Semaphore::new(FETCHES), self.own(&task.transcoder));
		// The node leaves for the bytes half of the phase's time beside the work.
		let over = deadline.saturating_add(task.patience_ms);
		let lacking = at_ms.saturating_add(task.patience_ms / 2);
		let findings = Default::default();
		let began = at_ms;
		let at = AtWork { task, owner, began, lacking, deadline, over, fetches, own, findings };
		let judged = leaves.iter().map(|leaf| self.judge_leaf(&at, leaf));
		let judged = futures::future::join_all(judged).await;
		let mut verdicts = Verdicts::default();
		let mut digests = Vec::new();
		for (leaf, (verdict, digest)) in leaves.iter().zip(judged) {
			if verdicts.try_push(verdict).is_err() {
				return VerifyStatus::Unable { reason: b"too many leaves".to_vec() };
			}
			digests.extend(digest.map(|digest| (leaf.index, digest)));
		}
		VerifyStatus::Done { verdicts, evidence: evidence::fold(task.seed, &digests) }
	}

	async fn judge_leaf(&self, at: &AtWork<'_>, leaf: &VerifyLeaf) -> (Verdict, Option<Hash>) {
		let start = self.clock.now_ms();
		// A panic over one leaf must not end the judging of all others.
		let examined = AssertUnwindSafe(self.examine_leaf(at, leaf)).catch_unwind().await;
		let (verdict, digest) = match examined.unwrap_or_else(|_| Err("a panic".into())) {
			Ok(judged) => judged,
			Err(error) => {
				tracing::error!(index = leaf.index, seq = leaf.seq, %error, "not judged");
				(Verdict::Abstain, None)
			}
		};
		self.events.emit(Event::LeafJudged {
			claim: at.task.claim,
			tranche: at.task.tranche,
			index: leaf.index,
			seq: leaf.seq,
			verdict: format!("{verdict:?}"),
			findings: lock(&at.findings).remove(&leaf.index).unwrap_or_default(),
			verify_ms: self.clock.now_ms().saturating_sub(start),
		});
		(verdict, digest)
	}

	/// The verdict and findings on a leaf. An error is a failure of this verifier, not of the leaf.
	async fn examine_leaf(
		&self,
		at: &AtWork<'_>,
		leaf: &VerifyLeaf,
	) -> Result<(Verdict, Option<Hash>), String> {
		let task = at.task;
		let engine = self.engine(task).ok_or("no engine of this toolchain")?;
		let wanted: Vec<Output> = match &leaf.leaf {
			// A leaf without work is never drawn: revealing one reveals nothing.
			Leaf::Empty => return Ok((Verdict::Unavailable(UnavailableKind::Refused), None)),
			Leaf::Rejected { segment, .. } => vec![source_of(segment)],
			Leaf::Transcoded { segment, outputs, .. } => {
				let present = outputs.iter().flatten().copied();
				core::iter::once(source_of(segment)).chain(present).collect()
			}
		};
		let gathered = match self.gather(at, &wanted).await? {
			Ok(gathered) => gathered,
			Err(kind) => return Ok((Verdict::Unavailable(kind), None)),
		};
		let terms = Terms {
			ladder: &task.ladder,
			limits: &task.limits,
			factors: &task.factors,
			seed: task.seed,
			variants: task.variants,
		};
		let judged = judge_leaf(engine, &terms, leaf, &gathered.input, gathered.outputs).await;
		if judged.is_err() && engine.is_over() {
			// The node posts the task again to the process that comes next.
			self.replaced.notify_one();
			return std::future::pending().await;
		}
		let judged = judged?;
		lock(&at.findings).insert(leaf.index, judged.findings);
		Ok((judged.verdict, judged.digest))
	}

	/// Notes that bytes of a task in work are missing.
	fn note_lacking(&self, task: &VerifyTask) {
		if let Some(Entry::Working { content: at_work, lacks, .. }) =
			self.tasks().entries.get_mut(&TaskKey::of(task))
		{
			*lacks |= *at_work == content(task);
		}
	}

	/// The record of a task's transcoder when the task was last posted.
	fn service(&self, task: &VerifyTask) -> ServiceRecord {
		match self.tasks().entries.get(&TaskKey::of(task)) {
			Some(Entry::Working { service, .. }) => service.clone(),
			_ => task.service.clone(),
		}
	}
}

/// The fetches of one transcoder's claims.
struct Own {
	/// All of them at a time.
	all: Semaphore,
	/// The one that nobody else can take.
	first: Semaphore,
	/// When bytes of the transcoder, of any of its claims, were last slow.
	slow_ms: AtomicU64,
}

impl Default for Own {
	fn default() -> Self {
		Self {
			all: Semaphore::new(1 + SHARED_OF_ONE),
			first: Semaphore::new(1),
			slow_ms: AtomicU64::new(0),
		}
	}
}

/// A task in work.
struct AtWork<'a> {
	task: &'a VerifyTask,
	/// The owner of its bytes' pins.
	owner: &'a str,
	/// When it was taken.
	began: u64,
	/// When missing bytes are asked for on the chain, including those under way.
	lacking: u64,
	/// When missing bytes are given up.
	deadline: u64,
	/// When leaves that wait for a place yield to others, because the answer would be late, or nearly so.
	over: u64,
	/// Its fetches at a time, and those of all tasks of the same transcoder.
	fetches: Semaphore,
	own: Arc<Own>,
	/// The findings on each leaf's outputs, in words, by index.
	findings: Mutex<BTreeMap<u32, Vec<String>>>,
}

impl AtWork<'_> {
	/// Whether bytes of its transcoder, of whichever claim, were slow since it was taken.
	fn is_slow(&self) -> bool {
		self.own.slow_ms.load(Ordering::Relaxed) > self.began
	}

	/// What it means that there was no room to fetch bytes: if others of the same transcoder were slow
	/// meanwhile, these have taken the room; otherwise it is an error of this machine.
	fn without_room(&self) -> Result<UnavailableKind, String> {
		match self.is_slow() {
			true => Ok(UnavailableKind::TooLate),
			false => Err("no room to fetch the bytes in time".into()),
		}
	}
}

#[cfg(test)]
mod tests;
