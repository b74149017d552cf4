//! What goes wrong: lines lose and delay, machines are switched off and on, disks are full, clocks are wrong.

use std::{
	collections::BTreeMap,
	future::Future,
	pin::pin,
	sync::{
		atomic::{AtomicBool, Ordering},
		Arc, Mutex,
	},
};

use async_trait::async_trait;
use futures::future::{select, BoxFuture, Either};
use livepeer_integration_tests::seeds::Chance;
use livepeer_primitives::{service::ServiceRecord, AccountId, BlockNumber, Seq, StreamId};
use livepeer_worker_core::{
	fakes::{FakeNet, FakeTransport, MemoryStore, SimClock},
	key::{Key, Keyring},
	ports::{
		clock::Clock,
		transport::{
			ChunkRange, Chunks, NetError, Playlist, PushReply, SignedHeader, SignedPass, Transport,
		},
	},
};
use sp_core::{sr25519, Pair as _, H256};
use tokio::sync::watch;

use crate::chain::lock;

/// How long somebody waits for what was lost: several times within what a judge waits for bytes.
const IN_VAIN_MS: u64 = 1_000;

/// How bad lines are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
	/// Of a thousand messages so many are lost.
	pub lost: u64,
	/// A quarter of all messages takes up to so many milliseconds.
	pub late_ms: u64,
}

/// The line of one machine, over which it reaches its node and its peers.
#[derive(Clone)]
pub struct Line {
	clock: SimClock,
	weather: Weather,
	chance: Arc<Mutex<Chance>>,
	cut: Arc<AtomicBool>,
}

impl Line {
	/// One whose luck is that of `chance`.
	pub fn new(clock: SimClock, weather: Weather, chance: Chance) -> Self {
		let chance = Arc::new(Mutex::new(chance));
		Self { clock, weather, chance, cut: Arc::new(AtomicBool::new(false)) }
	}

	/// Cuts it, or mends it.
	pub fn cut(&self, is_cut: bool) {
		self.cut.store(is_cut, Ordering::SeqCst);
	}

	/// Takes the time that a message takes, and says whether it arrives.
	pub async fn carries(&self) -> bool {
		let late_ms = {
			let mut chance = lock(&self.chance);
			match chance.below(4) {
				0 => chance.below(self.weather.late_ms + 1),
				_ => 0,
			}
		};
		if late_ms > 0 {
			self.clock.sleep_until(self.clock.now_ms() + late_ms).await;
		}
		self.carries_now()
	}

	/// Whether a message that takes no time arrives.
	pub fn carries_now(&self) -> bool {
		let is_lost = lock(&self.chance).below(1_000) < self.weather.lost;
		!is_lost && !self.cut.load(Ordering::SeqCst)
	}

	/// Takes the time after which it is clear that something was lost.
	pub async fn wait_in_vain(&self) {
		self.clock.sleep_until(self.clock.now_ms() + IN_VAIN_MS).await;
	}

	/// Thirty-two bytes of chance.
	pub fn salt(&self) -> [u8; 32] {
		let mut chance = lock(&self.chance);
		let mut salt = [0; 32];
		salt.chunks_mut(8).for_each(|part| part.copy_from_slice(&chance.any().to_le_bytes()));
		salt
	}
}

/// A clock that shows another hour than it is.
#[derive(Clone)]
pub struct Skewed {
	clock: SimClock,
	by_ms: i64,
}

impl Clock for Skewed {
	fn now_ms(&self) -> u64 {
		self.clock.now_ms()
	}

	fn wall_ms(&self) -> u64 {
		self.clock.wall_ms().saturating_add_signed(self.by_ms)
	}

	fn sleep_until(&self, ms: u64) -> BoxFuture<'static, ()> {
		self.clock.sleep_until(ms)
	}
}

/// A machine with what survives its processes: its disk, its keys, its line and its clock.
pub struct Machine {
	/// Its name, which is its peer id.
	pub name: String,
	/// The key of its account, for transactions.
	pub pair: sr25519::Pair,
	/// The same, for everything else.
	pub key: Key,
	/// Its disk.
	pub store: MemoryStore,
	/// How it reaches its node and its peers.
	pub line: Line,
	/// Its clock.
	pub clock: Skewed,
	/// Whether it is on.
	pub power: watch::Sender<bool>,
	/// Whether it gives judges nothing.
	pub withholds: bool,
}

impl Machine {
	/// The machine of the account with this secret.
	pub fn new(secret: &str, line: Line, skew_ms: i64, withholds: bool) -> Self {
		Self {
			name: secret.trim_start_matches('/').into(),
			pair: sr25519::Pair::from_string(secret, None).expect("it is a path"),
			key: Key::from_uri(secret).expect("it is a path"),
			store: MemoryStore::default(),
			clock: Skewed { clock: line.clock.clone(), by_ms: skew_ms },
			line,
			power: watch::Sender::new(true),
			withholds,
		}
	}

	/// Its account.
	pub fn account(&self) -> AccountId {
		self.key.account()
	}

	/// Its keys.
	pub fn keyring(&self) -> Keyring {
		Keyring::own(self.key.clone())
	}

	/// Waits until it is on, or off.
	pub async fn until(&self, on: bool) {
		turns(self.power.subscribe(), on).await;
	}

	/// Lets something fail, or no longer.
	pub fn fail(&self, fault: Fault, fails: bool) {
		match fault {
			Fault::Crash => {
				self.power.send_replace(!fails);
			}
			Fault::Cut => self.line.cut(fails),
			Fault::Full => self.store.fill(fails),
		}
	}
}

/// Waits until a machine is on, or off.
async fn turns(mut power: watch::Receiver<bool>, on: bool) {
	while *power.borrow_and_update() != on {
		if power.changed().await.is_err() {
			std::future::pending::<()>().await;
		}
	}
}

/// What fails of a machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
	/// It is killed, and started again.
	Crash,
	/// Its node is away, and its peers are.
	Cut,
	/// Its disk takes nothing more.
	Full,
}

/// Whose a machine is, by its place among those of its kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whose {
	/// A judge's.
	Judge(usize),
	/// A transcoder's.
	Transcoder(usize),
	/// That of a stream's broadcaster.
	Stream(usize),
}

/// A fault that passes.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
	/// Which machine fails.
	pub whose: Whose,
	/// What fails.
	pub fault: Fault,
	/// The block with which it begins.
	pub at: BlockNumber,
	/// How many slots it lasts.
	pub lasts: u64,
}

/// All machines by their peer ids.
pub type Peers = Arc<BTreeMap<Vec<u8>, Arc<Machine>>>;

/// A machine's end of the network: its line loses and delays, and a peer that is switched off answers nothing,
/// also not what it was asked before.
pub struct Wire {
	end: FakeTransport,
	line: Line,
	peers: Peers,
}

impl Wire {
	/// The end of a machine.
	pub fn new(net: &FakeNet, machine: &Machine, peers: &Peers) -> Self {
		let (end, line) = (net.end(&machine.name), machine.line.clone());
		Self { end, line, peers: peers.clone() }
	}

	/// Brings a question to a peer and its answer back, if neither is lost.
	async fn ask<T: Send>(
		&self,
		peer: &ServiceRecord,
		question: impl Future<Output = Result<T, NetError>> + Send,
	) -> Result<T, NetError> {
		if !self.line.carries().await {
			self.line.wait_in_vain().await;
			return Err(NetError::Timeout);
		}
		let gone = || NetError::Unreachable("the connection broke".into());
		let asked = self.peers.get(peer.peer_id.as_slice()).ok_or_else(gone)?;
		let off = turns(asked.power.subscribe(), false);
		let answer = match select(pin!(question), pin!(off)).await {
			Either::Left((answer, _)) => answer,
			Either::Right(_) => Err(gone()),
		};
		if !self.line.carries().await {
			self.line.wait_in_vain().await;
			return Err(NetError::Timeout);
		}
		answer
	}
}

#[async_trait]
impl Transport for Wire {
	fn service_record(&self) -> ServiceRecord {
		self.end.service_record()
	}

	fn judge_of(&self, record: &ServiceRecord) -> ServiceRecord {
		self.end.judge_of(record)
	}

	async fn chunks(
		&self,
		peer: &ServiceRecord,
		hash: H256,
		range: ChunkRange,
		pass: Option<&SignedPass>,
	) -> Result<Chunks, NetError> {
		let withholds = |asked: &Arc<Machine>| asked.withholds;
		if pass.is_some() && self.peers.get(peer.peer_id.as_slice()).is_some_and(withholds) {
			return Err(NetError::NotFound);
		}
		self.ask(peer, self.end.chunks(peer, hash, range, pass)).await
	}

	async fn push(
		&self,
		peer: &ServiceRecord,
		signed: &SignedHeader,
		bytes: &[u8],
	) -> Result<PushReply, NetError> {
		self.ask(peer, self.end.push(peer, signed, bytes)).await
	}

	async fn playlist(
		&self,
		peer: &ServiceRecord,
		stream: StreamId,
		from: Seq,
	) -> Result<Playlist, NetError> {
		self.ask(peer, self.end.playlist(peer, stream, from)).await
	}

	async fn newest(
		&self,
		peer: &ServiceRecord,
		stream: StreamId,
	) -> Result<SignedHeader, NetError> {
		self.ask(peer, self.end.newest(peer, stream)).await
	}
}
