//! The gateway's HTTP side: HLS, the player's page, status and metrics.
//!
//! | Path | Answer |
//! |---|---|
//! | `/`, `/stream/NAME`, `/network`, `/stake`, `/broadcast`, `/embed`, `/account/…`, … | the pages: one document (`offchain-worker/pages`) |
//! | `/assets/…` | what they load |
//! | `/livepeer-player.js` | the player for other pages |
//! | `/chain`, `/chain/metadata/VERSION` | the gateway's node, as far as pages may ask it (`node.rs`) |
//! | `/stream/NAME/index.m3u8`, `/stream/NAME.m3u8` | master playlist: live, or of the recording when the stream has ended |
//! | `/stream/NAME/R.m3u8` | media playlist of rendition `R`, of the source behind the last one where it is offered, or of a rendition of the publisher's own behind that: the newest segments |
//! | `/stream/NAME/recording.m3u8` | master playlist of everything that is kept of a stream that has ended |
//! | `/stream/NAME/recording-R.m3u8` | its media playlists |
//! | `/stream/NAME/R/SEQ.ts` | one segment |
//! | `/stream/NAME/records/SEQ.scale` | a list of signed headers with their signed receipts and the publisher's own renditions, from that one on, in SCALE |
//! | `/stream/NAME/status`, `/stream/NAME/playback` | JSON about the stream, and how it is played |
//! | `/openapi.json` | all of this but the pages, as OpenAPI describes it |
//! | `/chain-spec.json` | the chain's specification, for light clients |
//! | `/status`, `/metrics`, `/healthz`, `/readyz` | for operators |
//!
//! NAME is a stream's whole name, `BROADCASTER/NAME` with the broadcaster's address, because two broadcasters
//! may use the same name. A gateway for one broadcaster takes the name alone.
//!
//! A stream is followed from the first request that names it until nobody asks for it any more.

mod api;
mod claims;
mod failure;
mod following;
mod metrics;
mod node;
mod packed;
mod pages;
mod playback;
mod receipt;
mod spec;
mod status;
mod webhooks;

use std::{
	collections::{BTreeMap, BTreeSet},
	net::SocketAddr,
	path::PathBuf,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::Duration,
};

use anyhow::{ensure, Context, Result as AnyResult};
use axum::{
	extract::{Request, State},
	http::{header, HeaderValue, Method, StatusCode, Uri},
	middleware::Next,
	response::{IntoResponse, Response},
	routing::get,
	Router,
};
use clap::Args;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use livepeer_primitives::{AccountId, StreamId};
use livepeer_worker_core::{
	ports::{
		chain::Chain,
		clock::SystemClock,
		events::Event,
		store::{FollowStore, StreamState},
	},
	roles::{broadcast::Origin, follow::Follower},
	rules::ts::Described,
};
use livepeer_worker_net::{record_at, Multiaddr, NetLimits};
use reqwest::Url;
use sp_core::H256;
use tokio::net::TcpListener;

use crate::{
	http::{serve, Budget, Client, HttpLimits},
	metrics as metrics_of_role,
	setup::{
		asking_net, read_key, serving_net, stop_signal, unless_stopped, DialArgs, Home, HomeArgs,
		NodeArgs,
	},
	units::{multiaddr, socket},
};

pub use following::Times;
pub use metrics::Metrics;
pub use node::Node;
pub use webhooks::{News, Retries, StreamName, Webhooks};

use failure::{Failure, NO_STREAM};
use following::{account, Following};
use node::Door;
use playback::page;
use spec::Spec;

/// How long a stopped gateway still answers earlier requests.
const DRAIN: Duration = Duration::from_secs(10);

/// The most gateways that are asked for bytes: each that lacks them costs a round trip.
const MOST_PEERS: usize = 8;

/// Arguments of `gateway`.
#[derive(Args, Debug)]
pub struct GatewayArgs {
	/// Address of the HTTP service.
	#[arg(long, value_name = "ADDRESS", value_parser = socket, default_value = "127.0.0.1:8935")]
	pub http: SocketAddr,
	/// Serve only streams of this broadcaster; /stream/NAME is then short for /stream/BROADCASTER/NAME.
	#[arg(long, value_name = "ADDRESS", value_parser = crate::units::account)]
	pub broadcaster: Option<AccountId>,
	/// Segments to keep of each stream.
	#[arg(long, value_name = "SEGMENTS", default_value_t = 1_800)]
	pub keep: u64,
	/// The most to keep of each stream, in MiB; --quota bounds all streams together.
	#[arg(long, value_name = "MIB", default_value_t = 8_192)]
	pub keep_mib: u64,
	/// Offer each stream also as its broadcaster sent it, listed behind the renditions. Costs as many more
	/// bytes as the source has. A segment whose source does not come in time is a gap.
	#[arg(long)]
	pub source: bool,
	/// Streams to follow at a time; another one replaces a stream that nobody has requested in the last
	/// minute.
	#[arg(long, value_name = "STREAMS", default_value_t = 64)]
	pub streams: usize,
	/// Connections at a time.
	#[arg(long, value_name = "CONNECTIONS", default_value_t = 1_024)]
	pub connections: usize,
	/// Connections of one address at a time; behind a proxy give as many as --connections.
	#[arg(long, value_name = "CONNECTIONS", default_value_t = 128)]
	pub connections_per_host: usize,
	/// Questions to the node by `/chain` per second and address, without those answered from memory; behind a
	/// proxy give more.
	#[arg(long, value_name = "QUESTIONS", default_value_t = 60)]
	pub questions_per_host: u32,
	/// Also answer peers at this multiaddress: other gateways, and broadcasters that lost their store
	/// (`broadcast --ask`).
	#[arg(long, value_name = "MULTIADDR", value_parser = multiaddr)]
	pub listen: Vec<Multiaddr>,
	/// Gateway to fetch from before the origin is asked, as a multiaddress that ends in /p2p/PEER. It must
	/// answer peers (`gateway --listen`) and follow the same streams. May be given up to eight times.
	#[arg(long, value_name = "MULTIADDR", value_parser = multiaddr)]
	pub peer: Vec<Multiaddr>,
	/// Also let the pages connect to this origin, such as https://HOST:PORT, of a broadcaster that takes a
	/// browser's camera (`broadcast --whip`); may be given several times.
	#[arg(long, value_name = "ORIGIN", value_parser = pages::origin)]
	pub connect: Vec<String>,
	/// Serve this raw specification of the chain to light clients in the pages; its boot nodes must
	/// listen for WebSocket.
	#[arg(long, value_name = "FILE")]
	pub chain_spec: Option<PathBuf>,
	/// Send this URL signed POSTs about the served streams; may be given several times.
	#[arg(long, value_name = "URL", help_heading = "Webhooks")]
	pub webhook: Vec<Url>,
	/// File with the secret that signs webhooks; made if it is missing [default: webhook-secret in the data
	/// folder].
	#[arg(long, value_name = "FILE", requires = "webhook", help_heading = "Webhooks")]
	pub webhook_secret_file: Option<PathBuf>,
	/// Allow webhooks on this machine and in its network.
	#[arg(long, requires = "webhook", help_heading = "Webhooks")]
	pub webhook_anywhere: bool,
	/// File with the secret of an account that reports contradictory signatures and gets the finder's fee.
	#[arg(long, value_name = "FILE")]
	pub report_key_file: Option<PathBuf>,
	/// Folder and logs.
	#[command(flatten)]
	pub home: HomeArgs,
	/// The node.
	#[command(flatten)]
	pub node: NodeArgs,
	/// Where peers are called.
	#[command(flatten)]
	pub dial: DialArgs,
}

/// Serves streams until it is stopped.
pub async fn run(args: GatewayArgs) -> AnyResult<()> {
	let mut stop = stop_signal()?;
	let home = args.home.open().await?;
	if let Some((listener, gateway)) = unless_stopped(&mut stop, start(&args, &home)).await? {
		tracing::info!(address = %args.http, "serving");
		let limits = HttpLimits {
			connections: args.connections.max(1),
			connections_per_host: args.connections_per_host.max(1),
			..Default::default()
		};
		serve(listener, gateway.router(), stop, DRAIN, limits).await?;
	}
	home.events.emit(Event::Stopped);
	Ok(())
}

/// Starts everything that is needed to answer requests.
async fn start(args: &GatewayArgs, home: &Home) -> AnyResult<(TcpListener, Arc<Gateway>)> {
	let listener = TcpListener::bind(args.http)
		.await
		.with_context(|| format!("cannot listen on {} (--http)", args.http))?;
	let reports = args.report_key_file.as_deref().map(read_key).transpose()?;
	let chain = args.node.connect_home(home, reports).await?;
	let dial_private = args.dial.private_on(&*chain);
	let net = if args.listen.is_empty() {
		asking_net(&home.dir, chain.genesis(), dial_private).await?
	} else {
		let origin = Arc::new(Origin::new(home.store.clone()));
		let (listen, limits) = (args.listen.clone(), NetLimits::default());
		serving_net(home, chain.genesis(), listen, origin, dial_private, limits).await?
	};
	for address in net.listening() {
		tracing::info!("peers are answered at {address}/p2p/{}", net.peer_id());
	}
	let net = Arc::new(net);
	home.events.emit(Event::Started {
		account: None,
		peer_id: Some(net.peer_id().to_string()),
		listen: vec![args.http.to_string()],
	});
	let door = Door::new(chain.clone(), args.questions_per_host);
	let spec = args.chain_spec.as_deref().map(Spec::read).transpose()?;
	let mut origins = args.connect.clone();
	origins.extend(spec.iter().flat_map(|spec| spec.origins.iter().cloned()));
	let policy = pages::policy(&origins, spec.is_some())?;
	let metrics = Metrics::default();
	let webhooks = match &args.webhook[..] {
		[] => None,
		urls => {
			let own = home.dir.join("webhook-secret");
			let secret = webhooks::secret_in(args.webhook_secret_file.as_deref().unwrap_or(&own))?;
			let dropped = metrics.untold.clone();
			let retries = Retries::default();
			Some(Webhooks::start(urls, &secret, args.webhook_anywhere, retries, dropped)?)
		}
	};
	let follower = Follower::new(
		chain.clone(),
		home.store.clone(),
		net,
		home.events.clone(),
		Arc::new(SystemClock::default()),
		args.keep,
	);
	ensure!(
		args.peer.len() <= MOST_PEERS,
		"no more than {MOST_PEERS} gateways can be given (--peer)"
	);
	let peers = args.peer.iter().map(record_at).collect::<Result<Vec<_>, _>>().context("--peer")?;
	let follower = follower.beside(peers).within(args.keep_mib.saturating_mul(1024 * 1024));
	let follower = Arc::new(if args.source { follower.with_sources() } else { follower });
	let reporting = follower.clone();
	tokio::spawn(async move { reporting.keep_reporting().await });
	let gateway = Gateway {
		most_streams: args.streams.max(1),
		role: Some(home.metrics.clone()),
		door: Some(door),
		spec,
		policy,
		metrics,
		webhooks,
		..Gateway::build(follower, home.store.clone(), args.broadcaster.clone(), Times::default())
	};
	let gateway = Arc::new(gateway);
	tokio::spawn(gateway.clone().resume());
	if gateway.webhooks.is_some() {
		tokio::spawn(gateway.clone().watch_claims(chain));
	}
	Ok((listener, gateway))
}

/// What the handlers share.
pub struct Gateway {
	follower: Arc<Follower>,
	store: Arc<dyn FollowStore>,
	broadcaster: Option<AccountId>,
	metrics: Metrics,
	/// What every role counts.
	role: Option<Arc<metrics_of_role::Metrics>>,
	times: Times,
	following: Following,
	/// Streams that are followed at a time.
	most_streams: usize,
	/// Memory for what is sent.
	memory: Budget,
	/// What outputs contain, by their hash.
	described: Mutex<BTreeMap<H256, Option<Described>>>,
	/// The node, as far as pages may ask it.
	door: Option<Door>,
	/// The chain's specification, for light clients.
	spec: Option<Spec>,
	/// What pages may load and ask.
	policy: HeaderValue,
	/// The webhooks.
	webhooks: Option<Webhooks>,
}

/// Bytes of segments that may be in memory: in total, and for one host.
const MEMORY: (usize, usize) = (256 * 1024 * 1024, 128 * 1024 * 1024);
/// The default number of streams followed at a time.
const STREAMS: usize = 64;

/// Paths at which the pages' document is served; its script shows what the path names.
const PAGES: [&str; 10] = [
	"/",
	"/network",
	"/stake",
	"/broadcast",
	"/embed",
	"/account/{address}",
	"/job/{number}",
	"/claim/{number}",
	"/block/{number}",
	"/round/{number}",
];

impl Gateway {
	/// A gateway over the streams that `follower` keeps in `store`; only those of `broadcaster`, if given.
	pub fn new(
		follower: Arc<Follower>,
		store: Arc<dyn FollowStore>,
		broadcaster: Option<AccountId>,
		times: Times,
	) -> Arc<Self> {
		Arc::new(Self::build(follower, store, broadcaster, times))
	}

	/// The same, following at most so many streams at a time.
	pub fn of_streams(
		most_streams: usize,
		follower: Arc<Follower>,
		store: Arc<dyn FollowStore>,
		broadcaster: Option<AccountId>,
		times: Times,
	) -> Arc<Self> {
		Arc::new(Self { most_streams, ..Self::build(follower, store, broadcaster, times) })
	}

	/// The same, telling webhooks what happens.
	pub fn telling(
		webhooks: Webhooks,
		follower: Arc<Follower>,
		store: Arc<dyn FollowStore>,
		broadcaster: Option<AccountId>,
		times: Times,
	) -> Arc<Self> {
		let gateway = Self::build(follower, store, broadcaster, times);
		Arc::new(Self { webhooks: Some(webhooks), ..gateway })
	}

	fn build(
		follower: Arc<Follower>,
		store: Arc<dyn FollowStore>,
		broadcaster: Option<AccountId>,
		times: Times,
	) -> Self {
		Self {
			follower,
			store,
			broadcaster,
			times,
			metrics: Metrics::default(),
			role: None,
			following: Following::default(),
			most_streams: STREAMS,
			memory: Budget::new(MEMORY.0, MEMORY.1),
			described: Mutex::default(),
			door: None,
			spec: None,
			policy: pages::strict(),
			webhooks: None,
		}
	}

	/// The routes.
	pub fn router(self: &Arc<Self>) -> Router {
		let mut routes = Router::new();
		for path in PAGES {
			routes = routes.route(path, get(pages::page));
		}
		for (path, answers) in api::routes() {
			routes = routes.route(path, answers);
		}
		let routes = routes
			.route("/assets/{file}", get(pages::asset))
			.route("/stream/{name}", get(page))
			.layer(axum::middleware::from_fn(preflight))
			.with_state(self.clone());
		Router::new().fallback(move |mut request: Request| {
			let routes = TowerToHyperService::new(routes.clone());
			async move {
				join_name(request.uri_mut());
				routes.call(request).await
			}
		})
	}

	/// Tells the webhooks, if there are any.
	fn tell(&self, news: News) {
		if let Some(webhooks) = &self.webhooks {
			webhooks.tell(news);
		}
	}

	/// The served streams by name, and their transcoders.
	fn transcoded(&self) -> Result<(BTreeMap<StreamId, StreamName>, BTreeSet<AccountId>), Failure> {
		let (mut names, mut transcoders) = (BTreeMap::new(), BTreeSet::new());
		for (stream, state) in self.follower.streams()? {
			let newest = self.follower.timeline(stream, |timeline| timeline.newest())?;
			let records = newest.map(|seq| self.store.records(stream, seq, 1)).transpose()?;
			let record = records.and_then(|records| records.into_iter().next());
			transcoders.extend(record.map(|record| record.header().transcoder.clone()));
			names.insert(stream, claims::name_of(&state));
		}
		Ok((names, transcoders))
	}

	/// The state of a followed stream.
	async fn state(
		self: &Arc<Self>,
		client: Client,
		name: &str,
	) -> Result<(StreamId, StreamState), Failure> {
		let stream = self.find(client, name).await?;
		Ok((stream, self.follower.state(stream)?.ok_or(NO_STREAM)?))
	}

	/// The same, for a playlist.
	async fn caught_up(
		self: &Arc<Self>,
		client: Client,
		name: &str,
	) -> Result<(StreamId, StreamState), Failure> {
		let stream = self.find_caught_up(client, name).await?;
		Ok((stream, self.follower.state(stream)?.ok_or(NO_STREAM)?))
	}
}

/// Joins the two path segments of a stream's whole name into one, which the routes call its name.
fn join_name(uri: &mut Uri) {
	let joined = uri.path().strip_prefix("/stream/").and_then(|path| {
		let (who, rest) = path.split_once('/')?;
		account(who)?;
		let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
		format!("/stream/{who}%2F{rest}{query}").parse().ok()
	});
	if let Some(joined) = joined {
		*uri = joined;
	}
}

/// Runs work that reads many bytes or waits for the disk on a thread where nothing else waits for it.
async fn blocking<T: Send + 'static>(
	work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
	tokio::task::spawn_blocking(work).await.map_err(|error| Failure::Internal(error.to_string()))
}

/// Locks. No holder of a gateway's lock can panic half-way through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
	mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type Shared = State<Arc<Gateway>>;

/// An answer that pages of any origin may read.
fn open(body: impl IntoResponse) -> Response {
	([(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], body).into_response()
}

/// Answers the preflight requests of pages of other origins.
async fn preflight(request: Request, next: Next) -> Response {
	if request.method() != Method::OPTIONS {
		return next.run(request).await;
	}
	let headers = [
		(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
		(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, OPTIONS"),
		(header::ACCESS_CONTROL_ALLOW_HEADERS, "*, Range"),
		(header::ACCESS_CONTROL_MAX_AGE, "86400"),
	];
	(StatusCode::NO_CONTENT, headers).into_response()
}
