//! The gateway's HTTP side: HLS, the player's page, status and metrics.
//!
//! | Path | Answer |
//! |---|---|
//! | `/`, `/stream/NAME`, `/network`, `/stake`, `/broadcast`, `/embed`, `/account/…`, … | the pages: one document (`offchain-worker/pages`) |
//! | `/assets/…` | what they load |
//! | `/livepeer-player.js` | the player for other pages |
//! | `/chain`, `/chain/metadata/VERSION` | the gateway's node, as far as pages may ask it (`node.rs`) |
//! | `/stream/NAME/index.m3u8`, `/stream/NAME.m3u8` | master playlist: live, or of the recording when the stream has ended |
//! | `/stream/NAME/R.m3u8` | media playlist of rendition `R`: the newest segments |
//! | `/stream/NAME/recording.m3u8` | master playlist of everything that is kept of a stream that has ended |
//! | `/stream/NAME/recording-R.m3u8` | its media playlists |
//! | `/stream/NAME/R/SEQ.ts` | one segment |
//! | `/stream/NAME/records/SEQ.scale` | a list of signed headers with their signed receipts, from that one on, in SCALE |
//! | `/stream/NAME/status`, `/stream/NAME/playback` | JSON about the stream, and how it is played |
//! | `/openapi.json` | all of this but the pages, as OpenAPI describes it |
//! | `/chain-spec.json` | the chain's specification, for light clients |
//! | `/status`, `/metrics`, `/healthz`, `/readyz` | for operators |
//!
//! NAME is a stream's whole name, `BROADCASTER/NAME` by the broadcaster's address: everybody may give a
//! stream a name that another has. Where one broadcaster is served only, the name alone will do.
//!
//! A stream is followed from the first request that names it until nobody asks for it any more.

mod api;
mod claims;
mod following;
mod metrics;
mod node;
mod packed;
mod pages;
mod receipt;
mod spec;
mod webhooks;

use std::{
	collections::{BTreeMap, BTreeSet},
	net::SocketAddr,
	path::PathBuf,
	sync::{Arc, Mutex},
	time::Duration,
};

use anyhow::{Context, Result as AnyResult};
use axum::{
	extract::{Path, Request, State},
	http::{header, HeaderMap, HeaderValue, Method, StatusCode, Uri},
	middleware::Next,
	response::{IntoResponse, Response},
	routing::get,
	Json, Router,
};
use clap::Args;
use codec::Encode;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use livepeer_primitives::{receipt::Output, video::TICKS_PER_SECOND, AccountId, Seq, StreamId};
use livepeer_worker_core::{
	ports::{
		chain::{Chain, ChainError},
		clock::SystemClock,
		events::Event,
		store::{FollowStore, StoreError, StreamState},
		transport::MAX_RECORDS,
	},
	roles::{
		broadcast::Origin,
		follow::{FollowError, Follower},
	},
	rules::{
		playlist::{self, Variant},
		ts::{describe, Described},
	},
};
use livepeer_worker_net::Multiaddr;
use reqwest::Url;
use serde::Serialize;
use sp_core::{crypto::Ss58Codec, H256};
use tokio::net::TcpListener;
use utoipa::ToSchema;

use crate::{
	http::{serve, Budget, Client, HttpLimits},
	metrics as metrics_of_role,
	setup::{asking_net, serving_net, stop_signal, unless_stopped, Home, HomeArgs, NodeArgs},
};

pub use following::Times;
pub use metrics::Metrics;
pub use node::Node;
pub use webhooks::{News, Retries, StreamName, Webhooks};

use following::{lock, Following, Named};
use node::Door;
use spec::Spec;

/// Segments of a live media playlist.
const WINDOW: usize = 30;
/// How long a stopped gateway answers what it was asked before.
const DRAIN: Duration = Duration::from_secs(10);

/// Arguments of `gateway`.
#[derive(Args, Debug)]
pub struct GatewayArgs {
	/// Address of the HTTP service.
	#[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8935")]
	pub http: SocketAddr,
	/// Serve streams of this broadcaster only; /stream/NAME is then enough for /stream/BROADCASTER/NAME.
	#[arg(long, value_name = "ADDRESS")]
	pub broadcaster: Option<AccountId>,
	/// Segments kept of each stream.
	#[arg(long, value_name = "SEGMENTS", default_value_t = 1_800)]
	pub keep: u64,
	/// The most that is kept of each stream, in MiB; --quota bounds all together.
	#[arg(long, value_name = "MIB", default_value_t = 8_192)]
	pub keep_mib: u64,
	/// Streams that are followed at a time; one more takes the place of one that nobody has asked for
	/// in the last minute.
	#[arg(long, value_name = "STREAMS", default_value_t = 64)]
	pub streams: usize,
	/// Connections at a time.
	#[arg(long, value_name = "CONNECTIONS", default_value_t = 1_024)]
	pub connections: usize,
	/// Connections of one address at a time: give as many as --connections behind a proxy.
	#[arg(long, value_name = "CONNECTIONS", default_value_t = 128)]
	pub connections_per_host: usize,
	/// What one address may ask the node per second by way of `/chain`, not counting what is answered
	/// from memory: give more behind a proxy.
	#[arg(long, value_name = "QUESTIONS", default_value_t = 60)]
	pub questions_per_host: u32,
	/// Also answer peers at this address, as a multiaddress: other gateways, and broadcasters that
	/// lost what they stored (`broadcast --ask`).
	#[arg(long, value_name = "MULTIADDR")]
	pub listen: Vec<Multiaddr>,
	/// Also let the pages ask this origin, such as https://HOST:PORT: a broadcaster that is published to
	/// from a browser's camera (`broadcast --whip`); may be given several times.
	#[arg(long, value_name = "ORIGIN", value_parser = pages::origin)]
	pub connect: Vec<String>,
	/// Serve this raw specification of the chain to light clients in the pages; its boot nodes must
	/// listen for WebSocket.
	#[arg(long, value_name = "FILE")]
	pub chain_spec: Option<PathBuf>,
	/// Tell this URL what happens to the streams that are served, by signed POSTs; may be given
	/// several times.
	#[arg(long, value_name = "URL", help_heading = "Webhooks")]
	pub webhook: Vec<Url>,
	/// File with the secret that signs what webhooks are told; made when it is missing [default:
	/// webhook-secret in the data folder].
	#[arg(long, value_name = "FILE", requires = "webhook", help_heading = "Webhooks")]
	pub webhook_secret_file: Option<PathBuf>,
	/// Tell also webhooks on this machine and in its network.
	#[arg(long, requires = "webhook", help_heading = "Webhooks")]
	pub webhook_anywhere: bool,
	/// Folder and logs.
	#[command(flatten)]
	pub home: HomeArgs,
	/// The node.
	#[command(flatten)]
	pub node: NodeArgs,
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

/// Everything up to the point at which requests can be answered.
async fn start(args: &GatewayArgs, home: &Home) -> AnyResult<(TcpListener, Arc<Gateway>)> {
	let listener = TcpListener::bind(args.http)
		.await
		.with_context(|| format!("cannot listen on {} (--http)", args.http))?;
	let chain = args.node.connect_home(home, None).await?;
	let net = if args.listen.is_empty() {
		asking_net(&home.dir, chain.genesis()).await?
	} else {
		let origin = Arc::new(Origin::new(home.store.clone()));
		serving_net(home, chain.genesis(), args.listen.clone(), origin).await?
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
	let follower = Arc::new(follower.within(args.keep_mib.saturating_mul(1024 * 1024)));
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
	/// What outputs say about themselves, by their hash.
	described: Mutex<BTreeMap<H256, Option<Described>>>,
	/// The node as pages see it.
	door: Option<Door>,
	/// The chain's specification, for light clients.
	spec: Option<Spec>,
	/// What pages may load and ask.
	policy: HeaderValue,
	/// Whom to tell what happens.
	webhooks: Option<Webhooks>,
}

/// Bytes of segments that may be in memory, in all and for one host.
const MEMORY: (usize, usize) = (256 * 1024 * 1024, 128 * 1024 * 1024);
/// Outputs of which it is remembered what they say about themselves.
const MOST_DESCRIBED: usize = 1_024;
/// Streams that are followed at a time unless told otherwise.
const STREAMS: usize = 64;

/// Addresses at which the document of the pages is served, whose script shows what they name.
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
	/// A gateway over what `follower` keeps in `store`; only streams of `broadcaster`, if given.
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

	/// Tells webhooks something, where there are any.
	fn tell(&self, news: News) {
		if let Some(webhooks) = &self.webhooks {
			webhooks.tell(news);
		}
	}

	/// The streams that are served, by name, and who transcodes them.
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

	/// What is known about a stream that is followed.
	async fn state(
		self: &Arc<Self>,
		client: Client,
		name: &str,
	) -> Result<(StreamId, StreamState), Failure> {
		let stream = self.find(client, name).await?;
		Ok((stream, self.follower.state(stream)?.ok_or(NO_STREAM)?))
	}
}

/// Makes one part of the address of the two that are a stream's whole name: what the routes call its
/// name.
fn join_name(uri: &mut Uri) {
	let joined = uri.path().strip_prefix("/stream/").and_then(|path| {
		let (who, rest) = path.split_once('/')?;
		AccountId::from_ss58check(who).ok()?;
		let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
		format!("/stream/{who}%2F{rest}{query}").parse().ok()
	});
	if let Some(joined) = joined {
		*uri = joined;
	}
}

/// Does what reads many bytes or waits for the disk where nobody else waits for it.
async fn blocking<T: Send + 'static>(
	work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
	tokio::task::spawn_blocking(work).await.map_err(|error| Failure::Internal(error.to_string()))
}

/// An answer that is no success.
#[derive(Clone, Debug)]
enum Failure {
	NotFound(&'static str),
	Busy,
	Full,
	NotReady(String),
	Upstream(String),
	Internal(String),
	BadRequest(&'static str),
}

const NO_STREAM: Failure = Failure::NotFound("no stream of that name");

impl From<FollowError> for Failure {
	fn from(error: FollowError) -> Self {
		match error {
			FollowError::NotFound => NO_STREAM,
			FollowError::Store(error) => error.into(),
			error => {
				tracing::debug!(%error, "a request was not answered");
				Failure::Upstream(said_of(&error).into())
			}
		}
	}
}

impl From<StoreError> for Failure {
	fn from(error: StoreError) -> Self {
		tracing::warn!(%error, "a request was not answered");
		Failure::Internal("it cannot be read here; the gateway's log says why".into())
	}
}

/// What anybody is told of a failure: neither where the operator's node is, nor what answers, and how, at
/// an address that an origin names as its own; that is in the log.
fn said_of(error: &FollowError) -> &'static str {
	match error {
		FollowError::NotFound => "no stream of that name",
		FollowError::Chain(ChainError::Unreachable { .. }) | FollowError::Late => {
			"node not reachable"
		}
		FollowError::Chain(_) => "the node gives no usable answer",
		FollowError::Net(_) => "the stream's origin gives no answer",
		FollowError::Store(_) => "nothing can be read or stored",
		FollowError::Record(_)
		| FollowError::Head
		| FollowError::Described
		| FollowError::NotAssigned
		| FollowError::Order => "what the stream's origin gives is not what it claims to be",
	}
}

impl IntoResponse for Failure {
	fn into_response(self) -> Response {
		let (status, text) = match self {
			Failure::NotFound(text) => (StatusCode::NOT_FOUND, text.to_owned()),
			Failure::Busy => {
				(StatusCode::SERVICE_UNAVAILABLE, "too many streams are looked for".to_owned())
			}
			Failure::Full => {
				(StatusCode::SERVICE_UNAVAILABLE, "too much is sent at a time".to_owned())
			}
			Failure::NotReady(text) => (StatusCode::SERVICE_UNAVAILABLE, text),
			Failure::Upstream(text) => (StatusCode::BAD_GATEWAY, text),
			Failure::Internal(text) => (StatusCode::INTERNAL_SERVER_ERROR, text),
			Failure::BadRequest(text) => (StatusCode::BAD_REQUEST, text.to_owned()),
		};
		(status, [(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], text + "\n").into_response()
	}
}

type Shared = State<Arc<Gateway>>;

/// Playlists and segments may be played from any page.
fn hls(content_type: &'static str, cache: &'static str, body: impl IntoResponse) -> Response {
	(
		[
			(header::CONTENT_TYPE, content_type),
			(header::CACHE_CONTROL, cache),
			(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
		],
		body,
	)
		.into_response()
}

const PLAYLIST: &str = "application/vnd.apple.mpegurl";

async fn page(
	State(gateway): Shared,
	client: Client,
	Path(name): Path<String>,
	uri: Uri,
	headers: HeaderMap,
) -> Result<Response, Failure> {
	if let Some(name) = name.strip_suffix(".m3u8") {
		return master(State(gateway), client, Path(name.to_owned())).await;
	}
	Named::read(&name, gateway.broadcaster.as_ref())?;
	Ok(pages::page(State(gateway), uri, headers).await)
}

/// How the media playlists of a recording are named.
const RECORDING: &str = "recording-";
const NO_RECORDING: Failure = Failure::NotFound("no recording before the stream has ended");

/// The master playlist: of what is live, or of the recording when the stream has ended.
///
/// Whoever comes when a stream has ended gets the recording; whoever watched it to its end asks for
/// the playlists that it was given before, and those only say that they end.
#[utoipa::path(
	get,
	path = "/stream/{broadcaster}/{name}/index.m3u8",
	tag = "playback",
	params(
		("broadcaster" = String, Path, description = "The broadcaster's address"),
		("name" = String, Path, description = "The stream's name")
	),
	responses((status = 200, description = "HLS", body = String, content_type = "application/vnd.apple.mpegurl"), Failure)
)]
async fn master(
	State(gateway): Shared,
	client: Client,
	Path(name): Path<String>,
) -> Result<Response, Failure> {
	let (stream, state) = gateway.state(client, &name).await?;
	let ended = state.ended;
	variants(&gateway, client, &name, stream, &state, ended).await
}

/// The master playlist of everything that is kept of a stream that has ended.
#[utoipa::path(
	get,
	path = "/stream/{broadcaster}/{name}/recording.m3u8",
	tag = "playback",
	params(
		("broadcaster" = String, Path, description = "The broadcaster's address"),
		("name" = String, Path, description = "The stream's name")
	),
	responses((status = 200, description = "HLS", body = String, content_type = "application/vnd.apple.mpegurl"), Failure)
)]
async fn recording(
	State(gateway): Shared,
	client: Client,
	Path(name): Path<String>,
) -> Result<Response, Failure> {
	let (stream, state) = gateway.state(client, &name).await?;
	if !state.ended {
		return Err(NO_RECORDING);
	}
	variants(&gateway, client, &name, stream, &state, true).await
}

/// Renditions are listed by their whole path, so that it does not matter which alias was asked for.
async fn variants(
	gateway: &Arc<Gateway>,
	client: Client,
	name: &str,
	stream: StreamId,
	state: &StreamState,
	recorded: bool,
) -> Result<Response, Failure> {
	let kind = if recorded { RECORDING } else { "" };
	let first = gateway.follower.timeline(stream, |timeline| {
		timeline.live(WINDOW).entries.first().map(|entry| entry.seq)
	})?;
	let (looking, count) = (gateway.clone(), state.ladder.len());
	let look = move || looking.look_at(client, stream, first.unwrap_or(0), count);
	let variants = blocking(look).await??;
	let text = playlist::master(&state.ladder, &variants, &format!("/stream/{name}/{kind}"));
	Ok(hls(PLAYLIST, "no-cache", text))
}

impl Gateway {
	/// What the newest segments say about their renditions: the first of them is read, of all the
	/// length is known.
	fn look_at(
		&self,
		client: Client,
		stream: StreamId,
		first: Seq,
		count: usize,
	) -> Result<Vec<Variant>, StoreError> {
		let records = self.store.records(stream, first, WINDOW)?;
		let mut variants = vec![Variant::default(); count];
		for (index, variant) in variants.iter_mut().enumerate() {
			let (mut bits, mut ticks) = (0, 0);
			for record in &records {
				let duration = record.header().segment.duration;
				let Some(output) = record.outputs().get(index).copied().flatten() else { continue };
				let of_output = u64::from(output.len) * 8;
				bits += of_output * u64::from(TICKS_PER_SECOND);
				ticks += u64::from(duration);
				let rate = (of_output * u64::from(TICKS_PER_SECOND)).checked_div(duration.into());
				variant.peak = variant.peak.max(rate.unwrap_or(0));
				if variant.described.is_none() && variant.duration == 0 {
					variant.duration = duration;
					variant.described = self.describe(client, &output)?;
				}
			}
			variant.average = u64::checked_div(bits, ticks).unwrap_or(0);
		}
		Ok(variants)
	}

	/// What an output says about itself. It is read once, however many ask; and where there is no room
	/// for its bytes, the playlist does without.
	fn describe(&self, client: Client, output: &Output) -> Result<Option<Described>, StoreError> {
		if let Some(known) = lock(&self.described).get(&output.hash) {
			return Ok(known.clone());
		}
		let Some(_held) = self.memory.take(client, output.len as usize) else { return Ok(None) };
		let Some(bytes) = self.store.get(output.hash)? else { return Ok(None) };
		let described = describe(&bytes);
		let mut known = lock(&self.described);
		if known.len() >= MOST_DESCRIBED {
			known.clear();
		}
		known.insert(output.hash, described.clone());
		Ok(described)
	}
}

/// The media playlist of one rendition: of what is live, or of the recording.
#[utoipa::path(
	get,
	path = "/stream/{broadcaster}/{name}/{file}",
	tag = "playback",
	params(
		("broadcaster" = String, Path, description = "The broadcaster's address"),
		("name" = String, Path, description = "The stream's name"),
		("file" = String, Path, description = "`R.m3u8` or `recording-R.m3u8`: rendition R from 0")
	),
	responses((status = 200, description = "HLS", body = String, content_type = "application/vnd.apple.mpegurl"), Failure)
)]
async fn media(
	State(gateway): Shared,
	client: Client,
	Path((name, file)): Path<(String, String)>,
) -> Result<Response, Failure> {
	let unknown = || Failure::NotFound("no such rendition");
	let index = file.strip_suffix(".m3u8").ok_or_else(unknown)?;
	let (index, recorded) = match index.strip_prefix(RECORDING) {
		Some(index) => (index, true),
		None => (index, false),
	};
	let rendition: usize = index.parse().map_err(|_| unknown())?;
	let (stream, state) = gateway.state(client, &name).await?;
	if rendition >= state.ladder.len() {
		return Err(unknown());
	}
	let text = match (recorded, state.ended) {
		(true, false) => return Err(NO_RECORDING),
		(true, true) => {
			let entries = gateway.follower.timeline(stream, |timeline| timeline.whole())?;
			playlist::recording(rendition, &entries)
		}
		(false, ended) => {
			let listing = gateway.follower.timeline(stream, |timeline| timeline.live(WINDOW))?;
			playlist::live(rendition, &listing, ended)
		}
	};
	Ok(hls(PLAYLIST, "no-cache", text))
}

/// One segment.
#[utoipa::path(
	get,
	path = "/stream/{broadcaster}/{name}/{rendition}/{file}",
	tag = "playback",
	params(
		("broadcaster" = String, Path, description = "The broadcaster's address"),
		("name" = String, Path, description = "The stream's name"),
		("rendition" = usize, Path, description = "The rendition, from 0"),
		("file" = String, Path, description = "`SEQ.ts`")
	),
	responses((status = 200, description = "MPEG-TS", body = Vec<u8>, content_type = "video/mp2t"), Failure)
)]
async fn segment(
	State(gateway): Shared,
	client: Client,
	Path((name, rendition, file)): Path<(String, usize, String)>,
) -> Result<Response, Failure> {
	let unknown = || Failure::NotFound("no such segment");
	let seq: Seq = file.strip_suffix(".ts").and_then(|n| n.parse().ok()).ok_or_else(unknown)?;
	let stream = gateway.find(client, &name).await?;
	let store = gateway.store.clone();
	let memory = gateway.memory.clone();
	let read = move || -> Result<Response, Failure> {
		let records = store.records(stream, seq, 1)?;
		let record = records.first().filter(|record| record.header().seq == seq);
		let output = record.and_then(|record| record.outputs().get(rendition).copied().flatten());
		let output = output.ok_or_else(unknown)?;
		// Before they are read: however many ask, only so many bytes are in memory.
		let held = memory.take(client, output.len as usize).ok_or(Failure::Full)?;
		let bytes = store.get(output.hash)?.ok_or_else(unknown)?;
		gateway.metrics.add_bytes(bytes.len() as u64);
		Ok(hls("video/mp2t", "public, max-age=3600, immutable", held.body(bytes)))
	};
	blocking(read).await?
}

/// The records of a stream from one seq on: what a viewer needs to check what it plays.
#[utoipa::path(
	get,
	path = "/stream/{broadcaster}/{name}/records/{file}",
	tag = "proof",
	params(
		("broadcaster" = String, Path, description = "The broadcaster's address"),
		("name" = String, Path, description = "The stream's name"),
		("file" = String, Path, description = "`SEQ.scale`")
	),
	responses((status = 200, description = "Signed headers with signed receipts, in SCALE", body = Vec<u8>, content_type = "application/octet-stream"), Failure)
)]
async fn records(
	State(gateway): Shared,
	client: Client,
	Path((name, file)): Path<(String, String)>,
) -> Result<Response, Failure> {
	let unknown = || Failure::NotFound("no such record");
	let seq: Seq = file.strip_suffix(".scale").and_then(|n| n.parse().ok()).ok_or_else(unknown)?;
	let stream = gateway.find(client, &name).await?;
	let store = gateway.store.clone();
	let bytes = blocking(move || store.records(stream, seq, MAX_RECORDS as usize)).await??.encode();
	let held = gateway.memory.take(client, bytes.len()).ok_or(Failure::Full)?;
	Ok(hls("application/octet-stream", "no-cache", held.body(bytes)))
}

/// A stream as operators and the page see it.
#[derive(Serialize, ToSchema)]
struct StreamStatus {
	/// What the broadcaster called it.
	name: String,
	/// The broadcaster's address.
	broadcaster: String,
	/// Its job.
	job: u64,
	/// As WIDTHxHEIGHT@KBITSk.
	renditions: Vec<String>,
	/// Segments that were checked and can be played.
	segments: usize,
	/// The newest one.
	#[schema(value_type = Option<u64>)]
	newest: Option<Seq>,
	/// Who transcoded it.
	transcoder: Option<String>,
	/// Whether nothing follows.
	ended: bool,
}

/// Streams that are served.
#[derive(Serialize, ToSchema)]
struct Streams {
	/// One for each.
	streams: Vec<StreamStatus>,
}

impl Gateway {
	fn status_of(&self, stream: StreamId) -> Result<Option<StreamStatus>, Failure> {
		let Some(state) = self.follower.state(stream)? else { return Ok(None) };
		let (segments, newest) =
			self.follower.timeline(stream, |timeline| (timeline.len(), timeline.newest()))?;
		let record = newest.map(|seq| self.store.records(stream, seq, 1)).transpose()?;
		let record = record.and_then(|records| records.into_iter().next());
		Ok(Some(StreamStatus {
			name: state.name,
			broadcaster: state.broadcaster.to_ss58check(),
			job: state.job,
			renditions: state
				.ladder
				.iter()
				.map(|r| format!("{}x{}@{}k", r.width, r.height, r.kbps))
				.collect(),
			segments,
			newest,
			transcoder: record.map(|record| record.header().transcoder.to_ss58check()),
			ended: state.ended,
		}))
	}
}

/// What is known of a stream.
#[utoipa::path(
	get,
	path = "/stream/{broadcaster}/{name}/status",
	tag = "streams",
	params(
		("broadcaster" = String, Path, description = "The broadcaster's address"),
		("name" = String, Path, description = "The stream's name")
	),
	responses((status = 200, description = "The stream", body = StreamStatus), Failure)
)]
async fn stream_status(
	State(gateway): Shared,
	client: Client,
	Path(name): Path<String>,
) -> Result<Response, Failure> {
	let stream = gateway.find(client, &name).await?;
	let status = gateway.status_of(stream)?.ok_or(NO_STREAM)?;
	Ok(api::open(Json(status)))
}

/// The streams that are served: those that somebody has asked for.
#[utoipa::path(
	get,
	path = "/status",
	tag = "streams",
	responses((status = 200, description = "The streams", body = Streams), Failure)
)]
async fn status(State(gateway): Shared) -> Result<Response, Failure> {
	let mut streams = Vec::new();
	for (stream, _) in gateway.follower.streams()? {
		streams.extend(gateway.status_of(stream)?);
	}
	Ok(api::all(streams))
}

/// What is counted, in the OpenMetrics format.
#[utoipa::path(
	get,
	path = "/metrics",
	tag = "operators",
	responses((status = 200, description = "OpenMetrics", body = String, content_type = "application/openmetrics-text"))
)]
async fn export_metrics(State(gateway): Shared) -> Response {
	let mut text = gateway.metrics.encode();
	if let Some(role) = &gateway.role {
		// One text, which has one end.
		text = text.trim_end().trim_end_matches("# EOF").to_owned() + &role.encode();
	}
	metrics_of_role::answer(text)
}

/// Whether the process answers.
#[utoipa::path(
	get,
	path = "/healthz",
	tag = "operators",
	responses((status = 200, description = "It does", body = String, content_type = "text/plain"))
)]
async fn healthy() -> &'static str {
	"ok\n"
}

/// Whether requests can be answered: a load balancer sends none while they cannot.
#[utoipa::path(
	get,
	path = "/readyz",
	tag = "operators",
	responses((status = 200, description = "They can", body = String, content_type = "text/plain"), Failure)
)]
async fn ready(State(gateway): Shared) -> Result<&'static str, Failure> {
	let ready = gateway.follower.ready().await;
	ready.map(|()| "ready\n").map_err(|error| {
		tracing::debug!(%error, "not ready");
		Failure::NotReady(format!("not ready: {}", said_of(&error)))
	})
}

/// Lets pages of other origins ask what they must ask beforehand.
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
