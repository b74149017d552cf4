//! What several roles need: folder, store, key, chain, swarm, logs, an orderly stop.

use std::{
	io::IsTerminal,
	net::SocketAddr,
	path::{Path, PathBuf},
	sync::Arc,
	time::{Duration, Instant},
};

use anyhow::{bail, Context, Result};
use clap::{Args, ValueEnum};
use livepeer_primitives::{AccountId, Hash};
use livepeer_worker_chain::SubxtChain;
use livepeer_worker_core::{
	key::{Key, Keyring},
	ports::{
		chain::{Chain, ChainError},
		events::{Event, EventSink},
		store::{StoreError, Values},
		transport::Service,
	},
};
use livepeer_worker_media::{Engine, MediaPool, PoolConfig};
use livepeer_worker_net::{reach_of, Multiaddr, Net, NetConfig, NetLimits, Reach};
use livepeer_worker_store::DiskStore;

use crate::{
	metrics::{Counting, Metrics},
	ready::{Noting, Ready},
	secrets,
	units::{account, multiaddr, socket},
};

pub use crate::stop::{stop_signal, stopped, unless_stopped};

/// The node to use when none is given.
pub const DEFAULT_NODE: &str = "ws://127.0.0.1:9944";

/// How log lines look.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormat {
	/// For people.
	Text,
	/// One JSON object per line.
	Json,
}

/// A role's folder, logs, metrics and events.
#[derive(Args, Debug)]
pub struct HomeArgs {
	/// Folder for this role alone, with its identity, segments and records.
	#[arg(long, value_name = "DIR")]
	pub data_dir: PathBuf,
	/// The most bytes of segments that are kept there, in MiB [default: as the disk has room, of which a
	/// tenth, or 4 GiB, stays free].
	#[arg(long, value_name = "MIB")]
	pub quota: Option<u64>,
	/// Serve this role's metrics at this address under /metrics, and its readiness under /readyz.
	#[arg(long, value_name = "ADDRESS", value_parser = socket)]
	pub metrics: Option<SocketAddr>,
	/// Append progress to this file as JSON lines.
	#[arg(long, value_name = "FILE")]
	pub events: Option<PathBuf>,
	/// Format of the log on stderr; RUST_LOG sets its level.
	#[arg(long, value_enum, default_value = "text")]
	pub log_format: LogFormat,
}

/// How long a role that starts waits for its node: a machine starts both at once, and a node opens its
/// endpoint some seconds later.
const NODE_PATIENCE: Duration = Duration::from_secs(30);
/// The pause before it tries again.
const NODE_PAUSE: Duration = Duration::from_secs(2);

/// The node.
#[derive(Args, Debug)]
pub struct NodeArgs {
	/// WebSocket URL of a node of the chain.
	#[arg(long, value_name = "URL", default_value = DEFAULT_NODE)]
	pub node: String,
}

/// The account with which a role signs.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct KeyArgs {
	/// Secret of the account: a phrase, a 0x seed or a development name like //Alice. Visible to
	/// other users of this machine; prefer --key-file.
	#[arg(long, value_name = "SECRET", env = "LIVEPEER_SURI", hide_env_values = true)]
	pub suri: Option<String>,
	/// File that holds the secret.
	#[arg(long, value_name = "FILE")]
	pub key_file: Option<PathBuf>,
}

/// The keys of a role: operator keys of an account whose own secret is elsewhere, or that secret itself.
#[derive(Args, Debug)]
pub struct OperatorArgs {
	/// The account for which the role acts [default: the first key's].
	#[arg(long, value_name = "ADDRESS", value_parser = account)]
	pub account: Option<AccountId>,
	/// File with the secret of a key that signs for the account; may be given several times, for several
	/// generations.
	#[arg(long = "key-file", value_name = "FILE")]
	pub key_files: Vec<PathBuf>,
	/// The secret itself: a phrase, a 0x seed or a development name like //Alice. Visible to other users of
	/// this machine; prefer --key-file.
	#[arg(long, value_name = "SECRET", env = "LIVEPEER_SURI", hide_env_values = true)]
	pub suri: Vec<String>,
}

/// Where peers reach a role.
#[derive(Args, Debug)]
pub struct NetArgs {
	/// Address to listen on, as a multiaddress; may be given several times.
	#[arg(
		long,
		value_name = "MULTIADDR",
		value_parser = multiaddr,
		default_value = "/ip4/0.0.0.0/tcp/4100"
	)]
	pub listen: Vec<Multiaddr>,
	/// Address to publish instead of those listened on; may be given several times. A transcoder adds one
	/// that ends in /p2p/PEER for the judge of its account (`verify --serve`), if that is another peer.
	#[arg(long, value_name = "MULTIADDR", value_parser = multiaddr)]
	pub announce: Vec<Multiaddr>,
	/// HTTPS URL for the public service record.
	#[arg(long, value_name = "URL", default_value = "")]
	pub service_url: String,
	/// Publish also addresses that nobody else can reach, such as loopback ones; always on for a test chain.
	#[arg(long)]
	pub announce_anything: bool,
}

/// Where a role calls peers.
#[derive(Args, Clone, Copy, Debug)]
pub struct DialArgs {
	/// Call peers also at addresses of this machine and of private networks, as in a laboratory; always on
	/// for a test chain.
	#[arg(long)]
	pub dial_private: bool,
}

impl DialArgs {
	/// Whether peers of this chain are called at such addresses.
	pub fn private_on(self, chain: &dyn Chain) -> bool {
		self.dial_private || chain.is_for_tests()
	}
}

/// The file with a role's peer identity, in its folder.
pub fn identity_in(dir: &Path) -> PathBuf {
	dir.join("identity")
}

/// The store's folder, in a role's folder.
pub fn store_in(dir: &Path) -> PathBuf {
	dir.join("store")
}

/// How long unpinned bytes stay in the store: longer than any task needs to gather its bytes.
const UNPINNED: Duration = Duration::from_secs(3_600);
/// How often the stored bytes are counted.
const COUNT: Duration = Duration::from_secs(10);
/// Unpinned bytes are swept with every so many counts: every five minutes.
const SWEEP: u64 = 30;

/// A role's folder, ready for use.
pub struct Home {
	/// The folder.
	pub dir: PathBuf,
	/// Its store.
	pub store: Arc<DiskStore>,
	/// The sink of progress events.
	pub events: Arc<dyn EventSink>,
	/// The metrics of these events.
	pub metrics: Arc<Metrics>,
	/// Whether it is ready.
	pub ready: Arc<Ready>,
}

impl HomeArgs {
	/// Starts logging, makes the folder and opens the store.
	pub async fn open(&self) -> Result<Home> {
		start_logs(self.log_format);
		std::fs::create_dir_all(&self.data_dir)
			.with_context(|| format!("cannot make the folder {}", self.data_dir.display()))?;
		let quota = self.quota.map_or(u64::MAX, |mib| mib.saturating_mul(1024 * 1024));
		let store = Arc::new(DiskStore::open_within(&store_in(&self.data_dir), quota)?);
		let (metrics, ready) = (Arc::new(Metrics::default()), Arc::new(Ready::default()));
		if let Some(address) = self.metrics {
			let (counted, asked) = (metrics.clone(), ready.clone());
			let text = move || counted.encode();
			livepeer_worker_http::metrics::start(address, text, move || asked.check()).await?;
		}
		metrics.set_store(store.used());
		let (swept, counted, asked) = (Arc::downgrade(&store), metrics.clone(), ready.clone());
		tokio::spawn(async move {
			for round in 1u64.. {
				tokio::time::sleep(COUNT).await;
				let Some(store) = swept.upgrade() else { return };
				counted.set_store(store.used());
				if let Some(height) = asked.height() {
					counted.set_height(height);
				}
				if !round.is_multiple_of(SWEEP) {
					continue;
				}
				match tokio::task::spawn_blocking(move || store.sweep(UNPINNED)).await {
					Ok(Ok(0)) | Err(_) => {}
					Ok(Ok(gone)) => tracing::debug!(gone, "bytes that nothing pinned are removed"),
					Ok(Err(error)) => tracing::warn!(%error, "the store cannot be swept"),
				}
			}
		});
		let events = crate::events::sink(self.events.as_deref())?;
		let events = Arc::new(Noting::new(ready.clone(), events));
		let events = Arc::new(Counting::new(metrics.clone(), events));
		Ok(Home { dir: self.data_dir.clone(), store, events, metrics, ready })
	}
}

/// The log filter unless `RUST_LOG` sets another. The SRT library would log a line for each datagram that it
/// refuses, and anybody can send any number of them.
const LOGGED: &str =
	"info,libp2p=warn,subxt=warn,jsonrpsee=warn,srt_protocol=error,srt_tokio=error";

fn start_logs(format: LogFormat) {
	let filter =
		tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| LOGGED.into());
	let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
	// No colours in files and journals.
	let logs = if std::io::stderr().is_terminal() { logs } else { logs.with_ansi(false) };
	// Fails only if logging was started already, as in a test.
	let _ = match format {
		LogFormat::Text => logs.try_init(),
		LogFormat::Json => logs.json().try_init(),
	};
}

impl KeyArgs {
	/// Reads the key.
	pub fn key(&self) -> Result<Key> {
		match (&self.suri, &self.key_file) {
			(Some(secret), _) => Ok(Key::from_uri(secret)?),
			(None, Some(path)) => read_key(path),
			(None, None) => bail!("a key is needed: give --key-file or --suri"),
		}
	}
}

impl OperatorArgs {
	/// Reads the keys and the account that they sign for.
	pub fn keyring(&self) -> Result<Keyring> {
		Ok(Keyring::new(self.account()?, self.keys()?))
	}

	/// The account's own key, if it is among them.
	pub fn own(&self) -> Result<Option<Key>> {
		let account = self.account()?;
		Ok(self.keys()?.into_iter().find(|key| key.account() == account))
	}

	fn account(&self) -> Result<AccountId> {
		match &self.account {
			Some(account) => Ok(account.clone()),
			None => Ok(self.keys()?.remove(0).account()),
		}
	}

	/// At least one.
	fn keys(&self) -> Result<Vec<Key>> {
		let mut keys = Vec::new();
		for path in &self.key_files {
			keys.push(read_key(path)?);
		}
		for secret in &self.suri {
			keys.push(Key::from_uri(secret)?);
		}
		if keys.is_empty() {
			bail!("a key is needed: give --key-file or --suri");
		}
		Ok(keys)
	}
}

/// Reads a key from a file that holds its secret.
pub fn read_key(path: &Path) -> Result<Key> {
	let secret = secrets::read(path).context("the key file cannot be used")?;
	Key::from_uri(&secret).with_context(|| format!("{}", path.display()))
}

impl NodeArgs {
	/// Connects to the node.
	pub async fn connect(&self, key: Option<Key>) -> Result<Arc<SubxtChain>> {
		Ok(Arc::new(SubxtChain::connect(&self.node, key, None).await?))
	}

	/// Connects to the node, which must be of the chain that the folder belongs to; a new folder belongs to
	/// the node's chain from then on. A node that is away is waited for, up to [`NODE_PATIENCE`].
	pub async fn connect_home(&self, home: &Home, key: Option<Key>) -> Result<Arc<SubxtChain>> {
		let genesis = home.genesis()?;
		let end = Instant::now() + NODE_PATIENCE;
		let chain = loop {
			match SubxtChain::connect(&self.node, key.clone(), genesis).await {
				Err(error) if error.is_away() && Instant::now() < end => {
					let seconds = NODE_PATIENCE.as_secs();
					let text = format!("{error}; it is waited for up to {seconds} s");
					tracing::warn!("{text}");
					home.events.emit(Event::Waits { text });
					tokio::time::sleep(NODE_PAUSE).await;
				}
				connected => break connected?,
			}
		};
		home.belongs_to(chain.genesis())?;
		home.ready.follow(chain.heads());
		Ok(Arc::new(chain))
	}
}

/// The key under which a folder's store keeps the genesis hash of its chain.
const GENESIS: &str = "genesis";

impl Home {
	/// The chain that this folder belongs to, if it has been used.
	pub fn genesis(&self) -> Result<Option<Hash>> {
		let Some(stored) = self.store.value(GENESIS)? else { return Ok(None) };
		let read = <[u8; 32]>::try_from(stored).map_err(|bytes| StoreError::Unusable {
			path: self.dir.display().to_string(),
			reason: format!(
				"its record of the chain that it belongs to is damaged ({} bytes instead of 32); \
				 take a copy of the folder from before, or a new folder",
				bytes.len()
			),
		})?;
		Ok(Some(Hash::from(read)))
	}

	/// Refuses a folder of another chain: its records would be mistaken for those of another job.
	pub fn belongs_to(&self, genesis: Hash) -> Result<()> {
		match self.genesis()? {
			Some(expected) if expected != genesis => {
				Err(ChainError::WrongGenesis { expected, found: genesis })
					.with_context(|| format!("{} is of another chain", self.dir.display()))
			}
			Some(_) => Ok(()),
			None => Ok(self.store.put_value(GENESIS, genesis.as_bytes())?),
		}
	}
}

impl NetArgs {
	/// The addresses to publish for a role that runs elsewhere, or does not run yet.
	pub fn published(&self) -> Result<&[Multiaddr]> {
		let addresses = if self.announce.is_empty() { &self.listen } else { &self.announce };
		match addresses.iter().find(|address| reach_of(address) == Reach::Nobody) {
			Some(address) => bail!("nobody reaches {address}: give --announce"),
			None => Ok(addresses),
		}
	}

	/// Starts the swarm of a role that peers reach.
	pub async fn start(
		&self,
		home: &Home,
		chain: &dyn Chain,
		service: Arc<dyn Service>,
		limits: NetLimits,
		dial: DialArgs,
	) -> Result<Net> {
		let is_anything = self.announce_anything || chain.is_for_tests();
		let config = NetConfig {
			identity: identity_in(&home.dir),
			listen: self.listen.clone(),
			announce: self.announce.clone(),
			announce_local: is_anything,
			dial_private: dial.private_on(chain),
			url: self.service_url.clone(),
			genesis: chain.genesis(),
			limits,
		};
		for address in &self.announce {
			match reach_of(address) {
				Reach::Nobody => bail!("nobody reaches {address}: give the address at which this machine is reached"),
				Reach::ThisMachine if !is_anything => bail!(
					"{address} is reached from this machine alone, and this is no chain for tests: give the address at which others reach it, or --announce-anything"
				),
				Reach::ThisMachine | Reach::Others => {}
			}
		}
		Ok(Net::start(config, Some(service)).await?)
	}
}

/// Starts the swarm of a role that only asks peers, with the identity in this folder.
pub async fn asking_net(dir: &Path, genesis: Hash, dial_private: bool) -> Result<Net> {
	let config = NetConfig {
		identity: identity_in(dir),
		listen: Vec::new(),
		announce: Vec::new(),
		announce_local: true,
		dial_private,
		url: String::new(),
		genesis,
		limits: NetLimits::default(),
	};
	Ok(Net::start(config, None).await?)
}

/// Starts the swarm of a role that asks peers and answers them from its store.
pub async fn serving_net(
	home: &Home,
	genesis: Hash,
	listen: Vec<Multiaddr>,
	service: Arc<dyn Service>,
	dial_private: bool,
	limits: NetLimits,
) -> Result<Net> {
	let config = NetConfig {
		identity: identity_in(&home.dir),
		listen,
		announce: Vec::new(),
		announce_local: true,
		dial_private,
		url: String::new(),
		genesis,
		limits,
	};
	Ok(Net::start(config, Some(service)).await?)
}

/// Starts the media engine and attests its toolchain, once per build, machine and user.
pub async fn engine(config: PoolConfig) -> Result<Engine> {
	let pool = MediaPool::new(config);
	let started = match remembered_toolchain() {
		Some(memory) => Engine::start_once(pool, &memory).await,
		None => Engine::start(pool).await,
	};
	started.context("the media engine does not work here; `livepeer-worker doctor` says more")
}

/// The file in the user's cache that remembers this program's toolchain; `None` for a user without a folder.
fn remembered_toolchain() -> Option<PathBuf> {
	let named = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
	let cache = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")))?;
	let program = std::env::current_exe().ok()?;
	Some(cache.join("livepeer").join(program.file_name()?).with_extension("toolchain"))
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;
	use crate::http::{serve, HttpLimits};
	use axum::{routing::get, Router};
	use tokio::{
		io::{AsyncReadExt, AsyncWriteExt},
		net::TcpListener,
		sync::watch,
	};

	/// It used to count as a new folder, and so belonged to whatever chain the node was of.
	#[test]
	fn folder_should_be_refused_when_its_record_of_the_chain_is_damaged() {
		let dir = tempfile::tempdir().unwrap();
		let home = Home {
			dir: dir.path().to_owned(),
			store: Arc::new(DiskStore::open_within(&store_in(dir.path()), u64::MAX).unwrap()),
			events: Arc::new(livepeer_worker_core::fakes::Recorder::default()),
			metrics: Arc::default(),
			ready: Arc::default(),
		};
		let (one, other) = (Hash::repeat_byte(1), Hash::repeat_byte(2));
		assert_eq!(home.genesis().unwrap(), None);
		home.belongs_to(one).unwrap();
		assert_eq!(home.genesis().unwrap(), Some(one));
		assert!(home.belongs_to(other).is_err());
		for damaged in [&[][..], &[1; 31], &[1; 33]] {
			home.store.put_value(GENESIS, damaged).unwrap();
			for refused in [home.belongs_to(one), home.belongs_to(other)] {
				let text = refused.unwrap_err().to_string();
				assert!(text.contains("damaged"), "{text}");
			}
			assert_eq!(home.store.value(GENESIS).unwrap().unwrap(), damaged);
		}
	}

	#[tokio::test]
	async fn service_should_end_in_time_when_a_client_never_reads() {
		// More than any buffer between the two holds.
		let router = Router::new().route("/", get(|| async { vec![0u8; 256 * 1024 * 1024] }));
		let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
		let address = listener.local_addr().unwrap();
		let (sender, stop) = watch::channel(false);
		let limits = HttpLimits::default();
		let serving =
			tokio::spawn(serve(listener, router, stop, Duration::from_millis(200), limits));
		let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
		client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
		client.read_exact(&mut [0; 12]).await.unwrap();
		assert!(!serving.is_finished());
		sender.send_replace(true);
		let ended = tokio::time::timeout(Duration::from_secs(20), serving).await;
		ended.unwrap().unwrap().unwrap();
		drop(client);
	}

	/// Datagrams that the library for SRT does not take, each of which it has a line for.
	#[test]
	fn attack_logs_filled_by_datagrams() {
		use tracing::{enabled, Level};
		let logs = tracing_subscriber::fmt().with_env_filter(LOGGED);
		tracing::subscriber::with_default(logs.with_writer(std::io::sink).finish(), || {
			assert!(enabled!(target: "livepeer_worker_ingest::srt", Level::INFO));
			assert!(!enabled!(target: "srt_protocol::connection", Level::WARN));
			assert!(!enabled!(target: "srt_tokio::listener", Level::WARN));
		});
	}

	#[tokio::test]
	async fn start_should_be_given_up_when_the_role_is_stopped() {
		let (sender, mut stop) = watch::channel(false);
		let started = unless_stopped(&mut stop, async { Ok(7) }).await.unwrap();
		assert_eq!(started, Some(7));
		sender.send_replace(true);
		let never = std::future::pending::<Result<()>>();
		assert_eq!(unless_stopped(&mut stop, never).await.unwrap(), None);
	}
}
