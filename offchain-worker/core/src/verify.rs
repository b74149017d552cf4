//! The verifier: gathers the bytes of drawn leaves from the transcoder, makes them again and
//! judges.
//!
//! Nothing but hashes is taken on trust. Bytes that cannot be had in time are `Unavailable`, an
//! engine that fails makes the leaf `Abstain`, and neither is ever called a mismatch. Bytes that
//! were had stay stored for the time of a dispute, and are served.

use std::{
	collections::{BTreeMap, VecDeque},
	sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use codec::{Decode, Encode};
use futures::{
	future::{select, Either},
	stream::FuturesUnordered,
	StreamExt,
};
use livepeer_primitives::{
	evidence,
	leaf::Leaf,
	offchain::{VerifyLeaf, VerifyStatus, VerifyTask},
	receipt::Output,
	verdict::{MismatchKind, Tranche, Verdict, Verdicts},
	AccountId, ClaimId, Hash,
};
use sp_core::H256;
use tokio::sync::{mpsc, Notify, Semaphore};

use crate::{
	clock::Clock,
	events::{Event, EventSink},
	sha256,
	store::{SegmentStore, StoreError},
	transcoder::{Examined, Fault, Format, MediaError, Transcoder},
	transport::{NetError, Transport},
};

/// Finished tasks whose answers and bytes are kept; older ones are forgotten.
const KEPT_TASKS: usize = 64;
/// Tasks that may wait; more are turned away until some are done.
pub const MAX_QUEUE: usize = 64;
/// Between two attempts to fetch the same bytes.
const RETRY_MS: u64 = 500;
/// How often the engine may fail before the leaf is given up.
const ENGINE_ATTEMPTS: u32 = 2;

/// Names a task: the same claim, tranche and member is the same task.
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

/// What a task asks, without the time it leaves: a reorg can change the seed or the leaves, and
/// then it is another task under the same key.
fn content(task: &VerifyTask) -> Hash {
	sha256(&VerifyTask { patience_ms: 0, ..task.clone() }.encode())
}

/// What an examination means for a leaf that claims `work`: the first fault in rendition order
/// decides; without one the work does.
pub fn judge(examined: &Examined, claimed_work: u64, real_work: Option<u64>) -> Verdict {
	match examined.faults.iter().flatten().next() {
		Some(Fault::Mismatch(kind)) => Verdict::Mismatch(*kind),
		Some(Fault::NonConforming(kind)) => Verdict::NonConforming(*kind),
		None if real_work == Some(claimed_work) => Verdict::Valid,
		None => Verdict::Mismatch(MismatchKind::Work),
	}
}

#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
struct Finished {
	content: Hash,
	status: VerifyStatus,
}

enum Entry {
	Working(Hash),
	Finished(Finished),
}

#[derive(Default)]
struct Tasks {
	entries: BTreeMap<TaskKey, Entry>,
	/// Finished tasks, oldest first.
	order: VecDeque<TaskKey>,
	working: usize,
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
	store: Arc<dyn SegmentStore>,
	net: Arc<dyn Transport>,
	engine: Arc<dyn Transcoder>,
	events: Arc<dyn EventSink>,
	clock: Arc<dyn Clock>,
	permits: Semaphore,
	tasks: Mutex<Tasks>,
	queue: mpsc::UnboundedSender<Taken>,
	idle: Notify,
}

/// A task that was taken and waits for [`VerifyRunner::run`]; their number is limited by
/// [`MAX_QUEUE`].
struct Taken {
	key: TaskKey,
	content: Hash,
	task: VerifyTask,
	at_ms: u64,
}

/// Does the tasks of a [`VerifyRole`].
pub struct VerifyRunner {
	inner: Arc<Inner>,
	queue: mpsc::UnboundedReceiver<Taken>,
}

impl VerifyRunner {
	/// Works until it is dropped; tasks run side by side.
	pub async fn run(mut self) {
		let mut at_work = FuturesUnordered::new();
		loop {
			tokio::select! {
				Some(taken) = self.queue.recv() => {
					at_work.push(self.inner.clone().work(taken));
				},
				Some(()) = at_work.next() => {},
				else => return,
			}
		}
	}
}

/// The list of finished tasks in the store.
const ORDER: &str = "tasks";

impl VerifyRole {
	/// Puts the role together and reads the answers of an earlier run; `parallel` leaves are
	/// examined at a time.
	pub fn new(
		genesis: Hash,
		store: Arc<dyn SegmentStore>,
		net: Arc<dyn Transport>,
		engine: Arc<dyn Transcoder>,
		events: Arc<dyn EventSink>,
		clock: Arc<dyn Clock>,
		parallel: usize,
	) -> Result<(Self, VerifyRunner), StoreError> {
		let mut tasks = Tasks::default();
		if let Some(bytes) = store.value(ORDER)? {
			let order = VecDeque::<TaskKey>::decode(&mut &bytes[..])
				.map_err(|error| StoreError::Index(error.to_string()))?;
			for key in order {
				let Some(bytes) = store.value(&key.name())? else { continue };
				let finished = Finished::decode(&mut &bytes[..])
					.map_err(|error| StoreError::Index(error.to_string()))?;
				tasks.entries.insert(key.clone(), Entry::Finished(finished));
				tasks.order.push_back(key);
			}
		}
		let (queue, receiver) = mpsc::unbounded_channel();
		let inner = Arc::new(Inner {
			genesis,
			store,
			net,
			engine,
			events,
			clock,
			permits: Semaphore::new(parallel.max(1)),
			tasks: Mutex::new(tasks),
			queue,
			idle: Notify::new(),
		});
		Ok((Self { inner: inner.clone() }, VerifyRunner { inner, queue: receiver }))
	}

	/// Takes a task or says how far it is. Posting the same task again changes nothing.
	pub fn post(&self, task: VerifyTask) -> Result<VerifyStatus, QueueFull> {
		let key = TaskKey::of(&task);
		let content = content(&task);
		let unable = |reason: &str| VerifyStatus::Unable { reason: reason.as_bytes().to_vec() };
		if task.genesis != self.inner.genesis {
			return Ok(unable("the task is of another chain"));
		}
		if task.toolchain != self.inner.engine.toolchain() {
			return Ok(unable("the claim names a toolchain that is not installed here"));
		}
		if task.leaves.len() > livepeer_primitives::MAX_SAMPLES as usize {
			return Ok(unable("the task has more leaves than a claim can have drawn"));
		}
		{
			let mut tasks = self.inner.tasks();
			match tasks.entries.get(&key) {
				Some(Entry::Working(at_work)) if *at_work == content => {
					return Ok(VerifyStatus::Working)
				}
				Some(Entry::Finished(finished)) if finished.content == content => {
					return Ok(finished.status.clone())
				}
				_ => {}
			}
			if tasks.working >= MAX_QUEUE {
				return Err(QueueFull);
			}
			tasks.working += 1;
			tasks.entries.insert(key.clone(), Entry::Working(content));
		}
		self.inner.events.emit(Event::TaskTaken {
			claim: task.claim,
			tranche: task.tranche,
			leaves: task.leaves.len() as u32,
		});
		let at_ms = self.inner.clock.now_ms();
		// Fails only when the runner is gone, that is, when the process ends.
		let _ = self.inner.queue.send(Taken { key, content, task, at_ms });
		Ok(VerifyStatus::Working)
	}

	/// Waits until no task is at work.
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
		// Nothing that holds this lock can panic half-way through a change.
		self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
	}

	async fn work(self: Arc<Self>, taken: Taken) {
		let Taken { key, content, task, at_ms } = taken;
		let owner = key.name();
		let status = self.judge_task(&owner, &task, at_ms).await;
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
			VerifyStatus::Working => {}
		}
		let finished = Finished { content, status };
		let mut tasks = self.tasks();
		tasks.working = tasks.working.saturating_sub(1);
		// A reorg may have put another task in this one's place meanwhile.
		let current =
			matches!(tasks.entries.get(&key), Some(Entry::Working(at_work)) if *at_work == content);
		if current {
			if let Err(error) = self.keep(&mut tasks, key, finished) {
				tracing::error!(%error, "a verdict cannot be stored");
			}
		}
		drop(tasks);
		self.idle.notify_waiters();
	}

	/// Stores an answer before anybody can see it, and forgets the oldest.
	fn keep(&self, tasks: &mut Tasks, key: TaskKey, finished: Finished) -> Result<(), StoreError> {
		let stored = self.store.put_value(&key.name(), &finished.encode());
		tasks.entries.insert(key.clone(), Entry::Finished(finished));
		tasks.order.retain(|other| *other != key);
		tasks.order.push_back(key);
		stored?;
		while tasks.order.len() > KEPT_TASKS {
			let Some(oldest) = tasks.order.pop_front() else { break };
			tasks.entries.remove(&oldest);
			self.store.unpin(&oldest.name())?;
			self.store.drop_value(&oldest.name())?;
		}
		self.store.put_value(ORDER, &tasks.order.encode())
	}

	async fn judge_task(&self, owner: &str, task: &VerifyTask, at_ms: u64) -> VerifyStatus {
		let deadline = at_ms.saturating_add(task.patience_ms);
		let mut leaves: Vec<&VerifyLeaf> = task.leaves.iter().collect();
		leaves.sort_by_key(|leaf| leaf.index);
		let judged = leaves.iter().map(|leaf| self.judge_leaf(owner, task, leaf, deadline));
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

	async fn judge_leaf(
		&self,
		owner: &str,
		task: &VerifyTask,
		leaf: &VerifyLeaf,
		deadline: u64,
	) -> (Verdict, Option<Hash>) {
		let start = self.clock.now_ms();
		let (verdict, digest) = self.examine_leaf(owner, task, leaf, deadline).await;
		self.events.emit(Event::LeafJudged {
			claim: task.claim,
			tranche: task.tranche,
			index: leaf.index,
			seq: leaf.seq,
			verdict: format!("{verdict:?}"),
			verify_ms: self.clock.now_ms().saturating_sub(start),
		});
		(verdict, digest)
	}

	async fn examine_leaf(
		&self,
		owner: &str,
		task: &VerifyTask,
		leaf: &VerifyLeaf,
		deadline: u64,
	) -> (Verdict, Option<Hash>) {
		let format = Format { ladder: task.ladder.clone(), limits: task.limits };
		match &leaf.leaf {
			// Work 0 is never drawn; whoever reveals one has revealed nothing.
			Leaf::Empty => (Verdict::Unavailable, None),
			Leaf::Rejected { in_hash, reason, .. } => {
				let limit = livepeer_primitives::video::MAX_SEGMENT_BYTES;
				let input = Output { hash: *in_hash, len: limit };
				let Some(bytes) = self.gather(owner, task, leaf, &[input], deadline).await else {
					return (Verdict::Unavailable, None);
				};
				match self.engine.transcode(&format, &bytes[0]).await {
					Err(MediaError::Invalid { reason: found, offset }) if found == *reason => {
						(Verdict::InputInvalid { reason: found, offset }, None)
					}
					Err(MediaError::Failed(error)) => abstain(leaf, error),
					_ => (Verdict::Mismatch(MismatchKind::Work), None),
				}
			}
			Leaf::Transcoded { in_hash, in_len, outputs, work, .. } => {
				let mut wanted = vec![Output { hash: *in_hash, len: *in_len }];
				wanted.extend(outputs.iter().copied());
				let Some(mut bytes) = self.gather(owner, task, leaf, &wanted, deadline).await
				else {
					return (Verdict::Unavailable, None);
				};
				let lengths_differ = wanted
					.iter()
					.zip(&bytes)
					.any(|(wanted, bytes)| bytes.len() as u64 != u64::from(wanted.len));
				let outputs = bytes.split_off(1);
				let input = bytes.remove(0);
				match self.examine(&format, &input, &outputs, task.seed, leaf.index).await {
					Ok(examined) if examined.faults.len() == outputs.len() => {
						let real = examined.pixels.work(&task.factors);
						let verdict = match judge(&examined, *work, real) {
							Verdict::Valid if lengths_differ => {
								Verdict::Mismatch(MismatchKind::Container)
							}
							verdict => verdict,
						};
						(verdict, Some(examined.digest))
					}
					Ok(_) => abstain(leaf, "an answer for another number of outputs".into()),
					Err(MediaError::Invalid { reason, offset }) => {
						(Verdict::InputInvalid { reason, offset }, None)
					}
					Err(MediaError::Failed(error)) => abstain(leaf, error),
				}
			}
		}
	}

	async fn examine(
		&self,
		format: &Format,
		input: &[u8],
		outputs: &[Vec<u8>],
		seed: Hash,
		index: u32,
	) -> Result<Examined, MediaError> {
		let failed = |reason: &str| MediaError::Failed(reason.into());
		let _permit = self.permits.acquire().await.map_err(|_| failed("stopping"))?;
		let mut last = failed("never tried");
		for _ in 0..ENGINE_ATTEMPTS {
			match self.engine.examine(format, input, outputs, seed, index).await {
				Err(error @ MediaError::Failed(_)) => last = error,
				answer => return answer,
			}
		}
		Err(last)
	}

	/// Fetches what a leaf names into this verifier's own store; `None` when something cannot be
	/// had before the deadline.
	async fn gather(
		&self,
		owner: &str,
		task: &VerifyTask,
		leaf: &VerifyLeaf,
		wanted: &[Output],
		deadline: u64,
	) -> Option<Vec<Vec<u8>>> {
		let fetches = wanted.iter().map(|wanted| self.obtain(task, wanted, deadline));
		let bytes: Option<Vec<Vec<u8>>> =
			futures::future::join_all(fetches).await.into_iter().collect();
		let hashes: Vec<H256> = wanted.iter().map(|wanted| wanted.hash).collect();
		if bytes.is_some() {
			// Kept for the time of a dispute; a full disk does not change the verdict.
			if let Err(error) = self.store.pin(&format!("{owner}/{}", leaf.index), &hashes) {
				tracing::warn!(%error, "fetched bytes are not kept");
			}
		}
		bytes
	}

	async fn obtain(&self, task: &VerifyTask, wanted: &Output, deadline: u64) -> Option<Vec<u8>> {
		if let Ok(Some(bytes)) = self.store.get(wanted.hash) {
			return Some(bytes);
		}
		// A length that a leaf understates must not make right bytes unobtainable: the hash says
		// what they are, the length is judged afterwards.
		let limit = livepeer_primitives::video::MAX_SEGMENT_BYTES;
		loop {
			let start = self.clock.now_ms();
			let fetch = self.net.fetch(&task.service, wanted.hash, limit);
			let error = match select(fetch, self.clock.sleep_until(deadline)).await {
				Either::Left((Ok(bytes), _)) => {
					self.events.emit(Event::Fetched {
						claim: task.claim,
						hash: format!("{:?}", wanted.hash),
						len: bytes.len() as u32,
						peer_id: self.net.peer_name(&task.service),
						fetch_ms: self.clock.now_ms().saturating_sub(start),
					});
					if let Err(error) = self.store.put(&bytes) {
						tracing::warn!(%error, "fetched bytes are not kept");
					}
					return Some(bytes);
				}
				Either::Left((Err(error), _)) => error,
				Either::Right(_) => NetError::Timeout,
			};
			tracing::info!(claim = task.claim, hash = ?wanted.hash, %error, "not fetched");
			let again = self.clock.now_ms().saturating_add(RETRY_MS);
			if again >= deadline {
				return None;
			}
			self.clock.sleep_until(again).await;
		}
	}
}

fn abstain(leaf: &VerifyLeaf, error: String) -> (Verdict, Option<Hash>) {
	tracing::error!(index = leaf.index, seq = leaf.seq, %error, "the leaf cannot be judged");
	(Verdict::Abstain, None)
}

#[cfg(test)]
mod tests;
