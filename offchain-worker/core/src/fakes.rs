//! In-memory stand-ins for the traits, for tests. They follow the same rules as the real ones
//! where a rule is part of a trait's contract, and nothing more.

use std::{
	cell::RefCell,
	collections::{BTreeMap, BTreeSet},
	future::Future,
	rc::Rc,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	task::{Poll, Waker},
};

use async_trait::async_trait;
use futures::{
	executor::{LocalPool, LocalSpawner},
	future::BoxFuture,
	task::LocalSpawnExt,
};
use livepeer_primitives::{
	api::{AssignmentView, ChallengeStage, ChallengeView, JobView, Outcome, TranscoderView},
	draw,
	params::{ProtocolParameters, Timing},
	segment::{stream_id, SegmentHeader},
	service::ServiceRecord,
	sum_tree,
	traits::ClaimInfo,
	verdict::MismatchKind,
	work::{fee, max_leaf_work},
	AccountId, AssignmentIndex, Balance, BlockNumber, ClaimId, Hash, JobId, Seq, StreamId,
	ToolchainId,
};
use sp_core::H256;
use tokio::sync::watch;

use crate::{
	chain::{At, Call, Chain, ChainError, Head, LeafReveal, Wait},
	clock::Clock,
	events::{Event, EventSink},
	key::Key,
	sha256,
	store::{ClaimRecord, SegmentKey, SegmentStore, StoreError, StreamState, TranscodedSegment},
	transcoder::{Examined, Fault, Format, MediaError, Pixels, Transcoded, Transcoder},
	transport::{NetError, Playlist, PushReply, SegmentRecord, Service, SignedHeader, Transport},
};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
	mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Default)]
struct Timers {
	now_ms: u64,
	next: u64,
	wakers: BTreeMap<(u64, u64), Waker>,
}

/// A clock that stands still while anything can be done, and then jumps to the next timer.
#[derive(Clone, Default)]
pub struct SimClock(Arc<Mutex<Timers>>);

impl SimClock {
	/// Jumps to the next timer; `false` when there is none.
	fn advance(&self) -> bool {
		let mut timers = lock(&self.0);
		let Some((&(at, _), _)) = timers.wakers.iter().next() else { return false };
		timers.now_ms = timers.now_ms.max(at);
		let later = timers.wakers.split_off(&(at, u64::MAX));
		let due = std::mem::replace(&mut timers.wakers, later);
		drop(timers);
		due.into_values().for_each(Waker::wake);
		true
	}
}

impl Clock for SimClock {
	fn now_ms(&self) -> u64 {
		lock(&self.0).now_ms
	}

	fn wall_ms(&self) -> u64 {
		self.now_ms().saturating_add(1_700_000_000_000)
	}

	fn sleep_until(&self, ms: u64) -> BoxFuture<'static, ()> {
		let clock = self.clone();
		let mut number = None;
		Box::pin(std::future::poll_fn(move |context| {
			let mut timers = lock(&clock.0);
			if timers.now_ms >= ms {
				return Poll::Ready(());
			}
			let number = *number.get_or_insert_with(|| {
				timers.next += 1;
				timers.next
			});
			timers.wakers.insert((ms, number), context.waker().clone());
			Poll::Pending
		}))
	}
}

/// A world in which time is simulated.
#[derive(Clone)]
pub struct Sim {
	/// Its clock.
	pub clock: SimClock,
	spawner: LocalSpawner,
}

impl Sim {
	/// Runs something beside the rest.
	pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
		// Fails only when the world has ended.
		let _ = self.spawner.spawn_local(future);
	}

	/// Waits.
	pub async fn sleep(&self, ms: u64) {
		self.clock.sleep_until(self.clock.now_ms().saturating_add(ms)).await;
	}

	/// The future's output, or `None` when it takes longer than `ms`.
	pub async fn within<T>(&self, ms: u64, future: impl Future<Output = T>) -> Option<T> {
		let sleep = std::pin::pin!(self.sleep(ms));
		match futures::future::select(std::pin::pin!(future), sleep).await {
			futures::future::Either::Left((output, _)) => Some(output),
			futures::future::Either::Right(_) => None,
		}
	}
}

/// Runs a future in a world of its own.
///
/// # Panics
///
/// When nothing can go on and no timer is left.
pub fn simulate<F: Future + 'static>(build: impl FnOnce(Sim) -> F) -> F::Output {
	let mut pool = LocalPool::new();
	let sim = Sim { clock: SimClock::default(), spawner: pool.spawner() };
	let output = Rc::new(RefCell::new(None));
	let (future, slot) = (build(sim.clone()), output.clone());
	sim.spawn(async move {
		let done = future.await;
		*slot.borrow_mut() = Some(done);
	});
	loop {
		pool.run_until_stalled();
		if let Some(output) = output.borrow_mut().take() {
			return output;
		}
		assert!(sim.clock.advance(), "everything waits for something that never happens");
	}
}

/// Keeps every event.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Vec<Event>>>);

impl Recorder {
	/// What was emitted so far.
	pub fn events(&self) -> Vec<Event> {
		lock(&self.0).clone()
	}
}

impl EventSink for Recorder {
	fn emit(&self, event: Event) {
		lock(&self.0).push(event);
	}
}

/// A media engine of arithmetic: output `i` is `i` followed by the input's bytes plus one.
#[derive(Clone)]
pub struct FakeEngine {
	/// Its toolchain.
	pub toolchain: ToolchainId,
	/// Answers every output with zeros, as a cheat would.
	pub black: bool,
	/// How many milliseconds a segment takes, by which clock.
	pub takes: Option<(SimClock, u64)>,
	/// Inputs that begin with this byte make the engine fail.
	pub fails_on: Option<u8>,
}

impl Default for FakeEngine {
	fn default() -> Self {
		Self { toolchain: H256::repeat_byte(0x7c), black: false, takes: None, fails_on: None }
	}
}

impl FakeEngine {
	fn pixels(format: &Format, input: &[u8]) -> Pixels {
		let frames = input.len() as u64 * 10_000;
		Pixels { input: frames * 10, outputs: vec![frames * 5; format.ladder.len()] }
	}
}

#[async_trait]
impl Transcoder for FakeEngine {
	fn toolchain(&self) -> ToolchainId {
		self.toolchain
	}

	async fn transcode(&self, format: &Format, input: &[u8]) -> Result<Transcoded, MediaError> {
		if let Some((clock, ms)) = &self.takes {
			clock.sleep_until(clock.now_ms().saturating_add(*ms)).await;
		}
		if self.fails_on.is_some() && input.first().copied() == self.fails_on {
			return Err(MediaError::Failed("told to".into()));
		}
		if input.first() == Some(&0xff) {
			let reason = livepeer_primitives::leaf::RejectReason::Corrupt;
			return Err(MediaError::Invalid { reason, offset: 0 });
		}
		let outputs = (0..format.ladder.len() as u8)
			.map(|i| {
				let bytes = input.iter().map(|b| if self.black { 0 } else { b.wrapping_add(1) });
				core::iter::once(i).chain(bytes).collect()
			})
			.collect();
		Ok(Transcoded { outputs, pixels: Self::pixels(format, input) })
	}

	async fn examine(
		&self,
		format: &Format,
		input: &[u8],
		outputs: &[Vec<u8>],
		seed: Hash,
		index: u32,
	) -> Result<Examined, MediaError> {
		let honest = Self { black: false, ..self.clone() };
		let right = honest.transcode(format, input).await?;
		let faults = right
			.outputs
			.iter()
			.zip(outputs)
			.map(|(a, b)| (a != b).then_some(Fault::Mismatch(MismatchKind::Video)))
			.collect();
		let mut evidence = livepeer_primitives::evidence::LeafEvidence::new(seed, index);
		evidence.add(0, 0, livepeer_primitives::evidence::frame_hash(seed, input));
		Ok(Examined { faults, pixels: right.pixels, digest: evidence.digest() })
	}
}

#[derive(Default)]
struct StoreState {
	blobs: BTreeMap<H256, Vec<u8>>,
	/// Stored and not pinned yet.
	fresh: BTreeSet<H256>,
	pins: BTreeMap<String, Vec<H256>>,
	headers: BTreeMap<SegmentKey, SignedHeader>,
	receipts: BTreeMap<SegmentKey, TranscodedSegment>,
	cursors: BTreeMap<(JobId, AssignmentIndex), Seq>,
	claims: BTreeMap<SegmentKey, ClaimRecord>,
	streams: BTreeMap<StreamId, StreamState>,
	records: BTreeMap<(StreamId, Seq), SegmentRecord>,
	values: BTreeMap<String, Vec<u8>>,
	full: bool,
}

impl StoreState {
	fn unpin(&mut self, owner: &str) {
		let below = format!("{owner}/");
		self.pins.retain(|name, _| name != owner && !name.starts_with(&below));
		let pinned: BTreeSet<H256> = self.pins.values().flatten().copied().collect();
		let fresh = &self.fresh;
		self.blobs.retain(|hash, _| pinned.contains(hash) || fresh.contains(hash));
	}

	fn pin(&mut self, owner: String, hashes: Vec<H256>) {
		for hash in &hashes {
			self.fresh.remove(hash);
		}
		self.pins.insert(owner, hashes);
	}
}

/// A store in memory. Clones share it, as a restarted process shares the disk.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<StoreState>>);

impl MemoryStore {
	/// Refuses every further write, as a full disk does.
	pub fn fill(&self, full: bool) {
		lock(&self.0).full = full;
	}

	/// How many blobs are stored.
	pub fn blob_count(&self) -> usize {
		lock(&self.0).blobs.len()
	}

	fn write(&self) -> Result<MutexGuard<'_, StoreState>, StoreError> {
		let state = lock(&self.0);
		if state.full {
			return Err(StoreError::DiskFull("memory".into()));
		}
		Ok(state)
	}
}

impl SegmentStore for MemoryStore {
	fn put(&self, bytes: &[u8]) -> Result<H256, StoreError> {
		let hash = sha256(bytes);
		let mut state = self.write()?;
		state.blobs.insert(hash, bytes.to_vec());
		state.fresh.insert(hash);
		Ok(hash)
	}

	fn get(&self, hash: H256) -> Result<Option<Vec<u8>>, StoreError> {
		Ok(lock(&self.0).blobs.get(&hash).cloned())
	}

	fn pin(&self, owner: &str, hashes: &[H256]) -> Result<(), StoreError> {
		let mut state = self.write()?;
		if let Some(absent) = hashes.iter().find(|hash| !state.blobs.contains_key(hash)) {
			return Err(StoreError::Damaged(*absent));
		}
		state.pin(owner.into(), hashes.to_vec());
		Ok(())
	}

	fn unpin(&self, owner: &str) -> Result<(), StoreError> {
		self.write()?.unpin(owner);
		Ok(())
	}

	fn put_header(&self, signed: &SignedHeader) -> Result<SignedHeader, StoreError> {
		let header = &signed.header;
		let key = SegmentKey { job: header.job, assignment: header.assignment, seq: header.seq };
		let mut state = self.write()?;
		Ok(state.headers.entry(key).or_insert_with(|| signed.clone()).clone())
	}

	fn header(&self, key: SegmentKey) -> Result<Option<SignedHeader>, StoreError> {
		Ok(lock(&self.0).headers.get(&key).cloned())
	}

	fn drop_header(&self, key: SegmentKey) -> Result<(), StoreError> {
		self.write()?.headers.remove(&key);
		Ok(())
	}

	fn put_receipt(&self, segment: &TranscodedSegment) -> Result<TranscodedSegment, StoreError> {
		let key = segment.key();
		let mut state = self.write()?;
		if let Some(stored) = state.receipts.get(&key) {
			return if stored.receipt.header == segment.receipt.header {
				Ok(stored.clone())
			} else {
				Err(StoreError::Conflict)
			};
		}
		if state.cursors.get(&(key.job, key.assignment)).is_some_and(|next| key.seq < *next) {
			return Err(StoreError::Conflict);
		}
		state.pin(format!("receipt/{key:?}"), segment.hashes());
		state.receipts.insert(key, segment.clone());
		Ok(segment.clone())
	}

	fn receipt(&self, key: SegmentKey) -> Result<Option<TranscodedSegment>, StoreError> {
		Ok(lock(&self.0).receipts.get(&key).cloned())
	}

	fn receipts(
		&self,
		job: JobId,
		assignment: AssignmentIndex,
		from: Seq,
		limit: usize,
	) -> Result<Vec<TranscodedSegment>, StoreError> {
		let from = SegmentKey { job, assignment, seq: from };
		Ok(lock(&self.0)
			.receipts
			.range(from..)
			.take_while(|(key, _)| (key.job, key.assignment) == (job, assignment))
			.take(limit)
			.map(|(_, segment)| segment.clone())
			.collect())
	}

	fn assignments(&self) -> Result<Vec<(JobId, AssignmentIndex)>, StoreError> {
		let state = lock(&self.0);
		let keys = state.receipts.keys().chain(state.claims.keys());
		let set: BTreeSet<_> = keys.map(|key| (key.job, key.assignment)).collect();
		Ok(set.into_iter().collect())
	}

	fn cursor(&self, job: JobId, assignment: AssignmentIndex) -> Result<Seq, StoreError> {
		Ok(lock(&self.0).cursors.get(&(job, assignment)).copied().unwrap_or(0))
	}

	fn put_claim(&self, claim: &ClaimRecord) -> Result<(), StoreError> {
		let mut state = self.write()?;
		let cursor = state.cursors.entry((claim.job, claim.assignment)).or_default();
		if claim.first < *cursor {
			return Err(StoreError::Conflict);
		}
		*cursor = claim.last().saturating_add(1);
		state.claims.insert(claim.key(), claim.clone());
		Ok(())
	}

	fn set_claim_id(&self, key: SegmentKey, id: ClaimId) -> Result<(), StoreError> {
		if let Some(claim) = self.write()?.claims.get_mut(&key) {
			claim.id = Some(id);
		}
		Ok(())
	}

	fn claims(&self) -> Result<Vec<ClaimRecord>, StoreError> {
		Ok(lock(&self.0).claims.values().cloned().collect())
	}

	fn close_claim(&self, key: SegmentKey) -> Result<(), StoreError> {
		let mut state = self.write()?;
		if let Some(claim) = state.claims.remove(&key) {
			for seq in claim.first..=claim.last() {
				let key = SegmentKey { seq, ..key };
				state.receipts.remove(&key);
				state.unpin(&format!("receipt/{key:?}"));
			}
		}
		Ok(())
	}

	fn drop_assignment(&self, job: JobId, assignment: AssignmentIndex) -> Result<(), StoreError> {
		let mut state = self.write()?;
		let cursor = state.cursors.get(&(job, assignment)).copied().unwrap_or(0);
		let gone: Vec<SegmentKey> = state
			.receipts
			.keys()
			.filter(|key| (key.job, key.assignment) == (job, assignment) && key.seq >= cursor)
			.copied()
			.collect();
		for key in gone {
			state.receipts.remove(&key);
			state.unpin(&format!("receipt/{key:?}"));
		}
		Ok(())
	}

	fn put_stream(&self, stream: StreamId, state: &StreamState) -> Result<(), StoreError> {
		self.write()?.streams.insert(stream, state.clone());
		Ok(())
	}

	fn stream(&self, stream: StreamId) -> Result<Option<StreamState>, StoreError> {
		Ok(lock(&self.0).streams.get(&stream).cloned())
	}

	fn streams(&self) -> Result<Vec<(StreamId, StreamState)>, StoreError> {
		Ok(lock(&self.0).streams.iter().map(|(id, state)| (*id, state.clone())).collect())
	}

	fn put_record(&self, record: &SegmentRecord) -> Result<(), StoreError> {
		let header = record.header();
		let owner = format!("record/{:?}/{}", header.stream, header.seq);
		let hashes = record.receipt.outputs.iter().map(|output| output.hash).collect();
		let mut state = self.write()?;
		state.pin(owner, hashes);
		state.records.insert((header.stream, header.seq), record.clone());
		Ok(())
	}

	fn records(
		&self,
		stream: StreamId,
		from: Seq,
		limit: usize,
	) -> Result<Vec<SegmentRecord>, StoreError> {
		Ok(lock(&self.0)
			.records
			.range((stream, from)..=(stream, Seq::MAX))
			.take(limit)
			.map(|(_, record)| record.clone())
			.collect())
	}

	fn trim_records(&self, stream: StreamId, before: Seq) -> Result<(), StoreError> {
		let mut state = self.write()?;
		let gone: Vec<_> =
			state.records.range((stream, 0)..(stream, before)).map(|(key, _)| *key).collect();
		for key in gone {
			state.records.remove(&key);
			state.unpin(&format!("record/{:?}/{}", key.0, key.1));
		}
		Ok(())
	}

	fn put_value(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
		self.write()?.values.insert(name.into(), value.to_vec());
		Ok(())
	}

	fn value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
		Ok(lock(&self.0).values.get(name).cloned())
	}

	fn drop_value(&self, name: &str) -> Result<(), StoreError> {
		self.write()?.values.remove(name);
		Ok(())
	}
}

/// Who answers, by peer id.
type Peers = BTreeMap<Vec<u8>, Arc<dyn Service>>;

/// Peers in one process. Each has a name, which is its peer id.
#[derive(Clone, Default)]
pub struct FakeNet {
	peers: Arc<Mutex<Peers>>,
	/// Hashes whose bytes come back with one bit flipped (and are refused), or not at all.
	withheld: Arc<Mutex<BTreeSet<H256>>>,
}

impl FakeNet {
	/// An empty network.
	pub fn new() -> Self {
		Self::default()
	}

	/// The service record of the peer with this name.
	pub fn record(name: &str) -> ServiceRecord {
		let peer_id = name.as_bytes().to_vec().try_into().unwrap_or_default();
		ServiceRecord { peer_id, ..Default::default() }
	}

	/// A peer's end of the network.
	pub fn end(&self, name: &str) -> FakeTransport {
		FakeTransport { net: self.clone(), record: Self::record(name) }
	}

	/// Lets a peer answer.
	pub fn serve(&self, name: &str, service: Arc<dyn Service>) {
		lock(&self.peers).insert(name.as_bytes().to_vec(), service);
	}

	/// Takes a peer off the network.
	pub fn remove(&self, name: &str) {
		lock(&self.peers).remove(name.as_bytes());
	}

	/// Makes certain bytes unobtainable, or obtainable again.
	pub fn withhold(&self, hash: H256, withheld: bool) {
		let mut set = lock(&self.withheld);
		if withheld {
			set.insert(hash);
		} else {
			set.remove(&hash);
		}
	}
}

/// One peer's end of a [`FakeNet`].
pub struct FakeTransport {
	net: FakeNet,
	record: ServiceRecord,
}

impl FakeTransport {
	fn peer(&self, peer: &ServiceRecord) -> Result<Arc<dyn Service>, NetError> {
		lock(&self.net.peers)
			.get(peer.peer_id.as_slice())
			.cloned()
			.ok_or_else(|| NetError::Unreachable("not there".into()))
	}
}

#[async_trait]
impl Transport for FakeTransport {
	fn service_record(&self) -> ServiceRecord {
		self.record.clone()
	}

	async fn fetch(
		&self,
		peer: &ServiceRecord,
		hash: H256,
		max_len: u32,
	) -> Result<Vec<u8>, NetError> {
		if lock(&self.net.withheld).contains(&hash) {
			return Err(NetError::WrongBytes);
		}
		let bytes = self.peer(peer)?.fetch(hash).await.ok_or(NetError::NotFound)?;
		if sha256(&bytes) != hash || bytes.len() as u64 > u64::from(max_len) {
			return Err(NetError::WrongBytes);
		}
		Ok(bytes)
	}

	async fn push(
		&self,
		peer: &ServiceRecord,
		signed: &SignedHeader,
		bytes: &[u8],
	) -> Result<PushReply, NetError> {
		Ok(self.peer(peer)?.push(signed.clone(), bytes.to_vec()).await)
	}

	async fn playlist(
		&self,
		peer: &ServiceRecord,
		stream: StreamId,
		from: Seq,
	) -> Result<Playlist, NetError> {
		self.peer(peer)?.playlist(stream, from).await.ok_or(NetError::NotFound)
	}
}

/// An open claim of the fake chain.
#[derive(Clone, Debug)]
pub struct FakeClaim {
	/// What was claimed.
	pub info: ClaimInfo,
	/// The drawn positions; empty before the draw.
	pub positions: Vec<u64>,
	/// What was revealed, by leaf.
	pub revealed: BTreeMap<u32, LeafReveal>,
	/// The outcome when decided.
	pub outcome: Option<Outcome>,
}

impl FakeClaim {
	/// How many leaves answer the drawn positions, as far as they are revealed.
	pub fn drawn_leaves(&self) -> usize {
		let answers = |position: &u64| {
			self.revealed.values().any(|reveal| {
				sum_tree::verify(&self.info.commitment, reveal.index, &reveal.leaf, &reveal.proof)
					.is_ok_and(|range| range.contains(position))
			})
		};
		if self.positions.iter().all(answers) {
			self.revealed.len()
		} else {
			usize::MAX
		}
	}
}

struct ChainState {
	parameters: ProtocolParameters,
	toolchains: Vec<ToolchainId>,
	jobs: BTreeMap<JobId, JobView>,
	next_job: JobId,
	origins: BTreeMap<AccountId, ServiceRecord>,
	transcoders: BTreeMap<AccountId, TranscoderView>,
	claims: BTreeMap<ClaimId, FakeClaim>,
	next_claim: ClaimId,
	calls: Vec<(AccountId, Call)>,
	unreachable: bool,
	fail_next: Option<ChainError>,
}

/// A chain in memory: assigns each job to the only registered transcoder with capacity, checks
/// claims and reveals as the real one does, and leaves draws and outcomes to the test. Every
/// accepted call makes a block, and every block is final.
#[derive(Clone)]
pub struct FakeChain {
	state: Arc<Mutex<ChainState>>,
	heads: Arc<watch::Sender<Head>>,
}

/// The genesis hash of every fake chain.
pub const GENESIS: Hash = H256([0x6e; 32]);

impl Default for FakeChain {
	fn default() -> Self {
		let state = ChainState {
			parameters: ProtocolParameters::development(),
			toolchains: vec![FakeEngine::default().toolchain],
			jobs: BTreeMap::new(),
			next_job: 1,
			origins: BTreeMap::new(),
			transcoders: BTreeMap::new(),
			claims: BTreeMap::new(),
			next_claim: 1,
			calls: Vec::new(),
			unreachable: false,
			fail_next: None,
		};
		Self { state: Arc::new(Mutex::new(state)), heads: Arc::new(watch::Sender::default()) }
	}
}

impl FakeChain {
	fn state(&self) -> MutexGuard<'_, ChainState> {
		lock(&self.state)
	}

	/// The chain as the owner of `key` uses it.
	pub fn client(&self, key: Option<Key>) -> FakeChainClient {
		FakeChainClient { chain: self.clone(), key }
	}

	/// Makes a block.
	pub fn block(&self) {
		self.heads.send_modify(|head| {
			head.best += 1;
			head.finalized = head.best;
		});
	}

	/// Shows an earlier height, as a node does that was restored.
	pub fn rewind(&self, to: BlockNumber) {
		self.heads.send_modify(|head| {
			head.best = to;
			head.finalized = to;
		});
	}

	/// The calls that were executed, in order.
	pub fn calls(&self) -> Vec<(AccountId, Call)> {
		self.state().calls.clone()
	}

	/// The open claims.
	pub fn claims(&self) -> BTreeMap<ClaimId, FakeClaim> {
		self.state().claims.clone()
	}

	/// Lets every request fail, or no longer.
	pub fn cut(&self, unreachable: bool) {
		self.state().unreachable = unreachable;
	}

	/// Lets the next call fail.
	pub fn fail_next(&self, error: ChainError) {
		self.state().fail_next = Some(error);
	}

	/// Accepts one more toolchain.
	pub fn accept_toolchain(&self, toolchain: ToolchainId) {
		self.state().toolchains.push(toolchain);
	}

	/// Draws `k` positions of a claim.
	pub fn draw(&self, claim: ClaimId, seed: Hash, k: u32) {
		if let Some(open) = self.state().claims.get_mut(&claim) {
			let commitment = open.info.commitment;
			open.positions =
				draw::positions(seed, claim, commitment.root, commitment.total_work, k);
		}
		self.block();
	}

	/// Decides a claim.
	pub fn decide(&self, claim: ClaimId, outcome: Outcome) {
		if let Some(open) = self.state().claims.get_mut(&claim) {
			open.outcome = Some(outcome);
		}
		self.block();
	}

	/// Takes a claim out of the state.
	pub fn close(&self, claim: ClaimId) {
		self.state().claims.remove(&claim);
		self.block();
	}

	/// Takes a job out of the state.
	pub fn remove_job(&self, job: JobId) {
		self.state().jobs.remove(&job);
		self.block();
	}

	/// Gives the running assignment to another transcoder, as a reorg does in which another one was
	/// drawn.
	pub fn redraw(&self, job: JobId, to: &AccountId) {
		if let Some(current) =
			self.state().jobs.get_mut(&job).and_then(|view| view.current.as_mut())
		{
			current.transcoder = to.clone();
			current.accepted = true;
		}
		self.block();
	}

	/// Gives a job to another transcoder, which has accepted.
	pub fn reassign(&self, job: JobId, to: &AccountId) {
		if let Some(current) =
			self.state().jobs.get_mut(&job).and_then(|view| view.current.as_mut())
		{
			current.index += 1;
			current.transcoder = to.clone();
			current.accepted = true;
			current.next_seq = 0;
		}
		self.block();
	}

	fn execute(&self, who: &AccountId, call: &Call) -> Result<(), String> {
		let best = self.heads.borrow().best;
		let mut state = self.state();
		let state = &mut *state;
		match call.clone() {
			Call::CreateJob { name, ladder, limits, max_price, end, budget } => {
				let stream = stream_id(who, &name);
				let factors = state.parameters.jobs.factors;
				let max_leaf_work =
					max_leaf_work(&factors, &ladder, &limits).ok_or("Jobs.BadFormat")?;
				let chosen =
					state.transcoders.values().find(|t| t.capacity > 0 && t.price <= max_price);
				let allowance = chosen.map_or(0, |t| {
					fee(max_leaf_work, t.price)
						.saturating_mul(state.parameters.jobs.allowance_leaves.into())
				});
				let current = chosen.map(|t| AssignmentView {
					index: 0,
					transcoder: t.account.clone(),
					price: t.price,
					accepted: false,
					claimable_until: None,
					next_seq: 0,
					allowance,
				});
				let id = state.next_job;
				state.next_job += 1;
				let view = JobView {
					id,
					broadcaster: who.clone(),
					stream,
					ladder,
					limits,
					factors,
					max_leaf_work,
					max_price,
					end,
					unreserved: budget.saturating_sub(allowance),
					ended: false,
					current,
				};
				state.jobs.insert(id, view);
			}
			Call::SetOrigin(record) => {
				state.origins.insert(who.clone(), record);
			}
			Call::AcceptJob { job, assignment } => {
				let view = state.jobs.get_mut(&job).ok_or("Jobs.NoJob")?;
				let current = view
					.current
					.as_mut()
					.filter(|c| c.index == assignment && c.transcoder == *who)
					.ok_or("Jobs.NotAssigned")?;
				current.accepted = true;
			}
			Call::ClaimWork(claim) => {
				let view = state.jobs.get_mut(&claim.job).ok_or("Jobs.NoJob")?;
				let current = view
					.current
					.as_mut()
					.filter(|c| c.index == claim.assignment && c.transcoder == *who)
					.ok_or("Jobs.NotAssigned")?;
				if claim.first < current.next_seq || claim.last < claim.first {
					return Err("Jobs.NotAscending".into());
				}
				let count = claim.last - claim.first + 1;
				if count != u64::from(claim.commitment.leaf_count)
					|| count > u64::from(state.parameters.lottery.max_leaves())
				{
					return Err("Jobs.TooManyLeaves".into());
				}
				let price = fee(claim.commitment.total_work, current.price);
				current.allowance =
					current.allowance.checked_sub(price).ok_or("Jobs.AllowanceUsed")?;
				current.next_seq = claim.last + 1;
				let info = ClaimInfo {
					job: claim.job,
					assignment: claim.assignment,
					transcoder: who.clone(),
					broadcaster: view.broadcaster.clone(),
					stream: view.stream,
					first: claim.first,
					commitment: claim.commitment,
					toolchain: claim.toolchain,
					ladder: view.ladder.clone(),
					limits: view.limits,
					factors: view.factors,
					max_leaf_work: view.max_leaf_work,
					fee: price,
					round: 0,
					window: 0,
				};
				let id = state.next_claim;
				state.next_claim += 1;
				let open = FakeClaim {
					info,
					positions: Vec::new(),
					revealed: BTreeMap::new(),
					outcome: None,
				};
				state.claims.insert(id, open);
			}
			Call::EndJob { job } => {
				let view = state.jobs.get_mut(&job).ok_or("Jobs.NoJob")?;
				view.ended = true;
				if let Some(current) = &mut view.current {
					current.claimable_until = Some(best + state.parameters.jobs.claim_grace);
				}
			}
			Call::Transcoder { price, reward_cut, fee_share, service } => {
				let capacity = state.transcoders.get(who).map_or(0, |t| t.capacity);
				let view = TranscoderView {
					account: who.clone(),
					stake: 1,
					price,
					reward_cut,
					fee_share,
					capacity,
					active: true,
					jailed: false,
					service,
				};
				state.transcoders.insert(who.clone(), view);
			}
			Call::SetAvailable { capacity } => {
				state
					.transcoders
					.get_mut(who)
					.ok_or("TranscoderElection.NotRegistered")?
					.capacity = capacity;
			}
			Call::Heartbeat => {
				state.transcoders.get(who).ok_or("TranscoderElection.NotRegistered")?;
			}
			Call::RevealLeaf { claim, reveal } => {
				let open = state.claims.get_mut(&claim).ok_or("ChallengeLottery.NoClaim")?;
				let range = sum_tree::verify(
					&open.info.commitment,
					reveal.index,
					&reveal.leaf,
					&reveal.proof,
				)
				.map_err(|error| format!("ChallengeLottery.{error:?}"))?;
				let livepeer_primitives::leaf::Leaf::Transcoded {
					in_hash, in_len, duration, ..
				} = &reveal.leaf
				else {
					return Err("ChallengeLottery.BadLeaf".into());
				};
				let header = SegmentHeader {
					genesis: GENESIS,
					stream: open.info.stream,
					job: open.info.job,
					assignment: open.info.assignment,
					transcoder: who.clone(),
					seq: open.info.first + u64::from(reveal.index),
					in_hash: *in_hash,
					in_len: *in_len,
					duration: *duration,
				};
				let fits = open.positions.iter().any(|position| range.contains(position))
					&& header.is_signed_by(&open.info.broadcaster, &reveal.broadcaster_signature);
				if !fits {
					return Err("ChallengeLottery.BadReveal".into());
				}
				open.revealed.insert(reveal.index, *reveal);
			}
			Call::Bond { .. } => {}
		}
		state.calls.push((who.clone(), call.clone()));
		Ok(())
	}
}

/// A [`FakeChain`] with a key to sign with.
#[derive(Clone)]
pub struct FakeChainClient {
	chain: FakeChain,
	key: Option<Key>,
}

impl FakeChainClient {
	fn read(&self) -> Result<MutexGuard<'_, ChainState>, ChainError> {
		let state = self.chain.state();
		if state.unreachable {
			let (url, reason) = ("fake".into(), "cut".into());
			return Err(ChainError::Unreachable { url, reason });
		}
		Ok(state)
	}
}

#[async_trait]
impl Chain for FakeChainClient {
	fn genesis(&self) -> Hash {
		GENESIS
	}

	fn account(&self) -> Option<AccountId> {
		self.key.as_ref().map(Key::account)
	}

	fn heads(&self) -> watch::Receiver<Head> {
		self.chain.heads.subscribe()
	}

	async fn timing(&self) -> Result<Timing, ChainError> {
		self.read().map(|_| Timing::development())
	}

	async fn parameters(&self) -> Result<ProtocolParameters, ChainError> {
		Ok(self.read()?.parameters)
	}

	async fn transcoder(&self, account: &AccountId) -> Result<Option<TranscoderView>, ChainError> {
		Ok(self.read()?.transcoders.get(account).cloned())
	}

	async fn service(&self, account: &AccountId) -> Result<Option<ServiceRecord>, ChainError> {
		let state = self.read()?;
		let transcoder = state.transcoders.get(account).map(|view| view.service.clone());
		Ok(transcoder.or_else(|| state.origins.get(account).cloned()))
	}

	async fn job(&self, _: At, id: JobId) -> Result<Option<JobView>, ChainError> {
		Ok(self.read()?.jobs.get(&id).cloned())
	}

	async fn job_of_stream(&self, stream: StreamId) -> Result<Option<JobId>, ChainError> {
		Ok(self.read()?.jobs.values().rev().find(|job| job.stream == stream).map(|job| job.id))
	}

	async fn assignments(&self, transcoder: &AccountId) -> Result<Vec<JobId>, ChainError> {
		Ok(self
			.read()?
			.jobs
			.values()
			.filter(|job| {
				!job.ended && job.current.as_ref().is_some_and(|c| c.transcoder == *transcoder)
			})
			.map(|job| job.id)
			.collect())
	}

	async fn claim(&self, _: At, id: ClaimId) -> Result<Option<ClaimInfo>, ChainError> {
		Ok(self.read()?.claims.get(&id).map(|claim| claim.info.clone()))
	}

	async fn challenge(&self, id: ClaimId) -> Result<Option<ChallengeView>, ChainError> {
		Ok(self.read()?.claims.get(&id).map(|claim| {
			let answered = claim
				.positions
				.iter()
				.map(|position| {
					claim.revealed.values().any(|reveal| {
						sum_tree::verify(
							&claim.info.commitment,
							reveal.index,
							&reveal.leaf,
							&reveal.proof,
						)
						.is_ok_and(|range| range.contains(position))
					})
				})
				.collect();
			let stage = match (claim.outcome, claim.positions.is_empty()) {
				(Some(_), _) => ChallengeStage::Decided,
				(None, true) => ChallengeStage::AwaitingSeed,
				(None, false) => ChallengeStage::LeafReveal,
			};
			ChallengeView {
				claim: id,
				stage,
				deadline: 0,
				tranche: 0,
				positions: claim.positions.clone(),
				answered,
				members: Vec::new(),
				committed: Vec::new(),
				revealed: Vec::new(),
				outcome: claim.outcome,
			}
		}))
	}

	async fn claims_of(&self, _: At, transcoder: &AccountId) -> Result<Vec<ClaimId>, ChainError> {
		Ok(self
			.read()?
			.claims
			.iter()
			.filter(|(_, claim)| claim.info.transcoder == *transcoder)
			.map(|(id, _)| *id)
			.collect())
	}

	async fn toolchains(&self) -> Result<Vec<ToolchainId>, ChainError> {
		Ok(self.read()?.toolchains.clone())
	}

	async fn broadcasters(&self) -> Result<Vec<AccountId>, ChainError> {
		let state = self.read()?;
		let set: BTreeSet<_> = state.jobs.values().map(|job| job.broadcaster.clone()).collect();
		Ok(set.into_iter().collect())
	}

	async fn submit(&self, call: Call, _: Wait) -> Result<(), ChainError> {
		if let Some(error) = self.read()?.fail_next.take() {
			return Err(error);
		}
		let who = self.account().ok_or(ChainError::NoKey)?;
		self.chain
			.execute(&who, &call)
			.map_err(|error| ChainError::Dispatch { call: call.name(), error })?;
		self.chain.block();
		Ok(())
	}
}

/// A balance that pays for any test's job.
pub const PLENTY: Balance = 1_000_000_000_000_000_000_000;
