//! The gateway's HTTP side: HLS, the player's page, status and metrics.
//!
//! | Path | Answer |
//! |---|---|
//! | `/` | the streams that this gateway knows |
//! | `/stream/NAME` | the player's page |
//! | `/stream/NAME/index.m3u8`, `/stream/NAME.m3u8` | master playlist |
//! | `/stream/NAME/R.m3u8` | media playlist of rendition `R` |
//! | `/stream/NAME/R/SEQ.ts` | one segment |
//! | `/stream/NAME/status` | JSON about the stream |
//! | `/status`, `/metrics`, `/healthz`, `/readyz` | for operators |
//!
//! A stream is followed from the first request that names it.

mod assets;
mod metrics;

use std::{
	collections::{HashMap, VecDeque},
	net::SocketAddr,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::Duration,
};

use anyhow::{Context, Result as AnyResult};
use axum::{
	extract::{Path, State},
	http::{header, StatusCode},
	response::{IntoResponse, Response},
	routing::get,
	Json, Router,
};
use clap::Args;
use livepeer_primitives::{AccountId, Seq, StreamId};
use livepeer_worker_core::{
	chain::Chain,
	clock::SystemClock,
	events::Event,
	follow::{FollowError, Follower},
	playlist::{self, first_pts, is_stream_name, Entry},
	store::SegmentStore,
};
use serde::Serialize;
use sp_core::crypto::Ss58Codec;
use tokio::net::TcpListener;

use crate::setup::{asking_net, stop_signal, stopped, HomeArgs, NodeArgs};

pub use metrics::Metrics;

/// How often a live stream's origin is asked for news.
const POLL: Duration = Duration::from_millis(500);
/// The longest wait between two attempts after a failure.
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);
/// Segments of a live media playlist.
const WINDOW: usize = 30;

/// Arguments of `gateway`.
#[derive(Args, Debug)]
pub struct GatewayArgs {
	/// Address of the HTTP service.
	#[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8935")]
	pub http: SocketAddr,
	/// Serve streams of this broadcaster only.
	#[arg(long, value_name = "ADDRESS")]
	pub broadcaster: Option<AccountId>,
	/// Segments kept of each stream.
	#[arg(long, value_name = "SEGMENTS", default_value_t = 1_800)]
	pub keep: u64,
	/// Folder and logs.
	#[command(flatten)]
	pub home: HomeArgs,
	/// The node.
	#[command(flatten)]
	pub node: NodeArgs,
}

/// Serves streams until it is stopped.
pub async fn run(args: GatewayArgs) -> AnyResult<()> {
	let home = args.home.open()?;
	let listener = TcpListener::bind(args.http)
		.await
		.with_context(|| format!("cannot listen on {}", args.http))?;
	let chain = args.node.connect_home(&home, None).await?;
	let net = Arc::new(asking_net(&home, chain.genesis()).await?);
	home.events.emit(Event::Started {
		account: None,
		peer_id: Some(net.peer_id().to_string()),
		listen: vec![args.http.to_string()],
	});
	let follower = Follower::new(
		chain,
		home.store.clone(),
		net,
		home.events.clone(),
		Arc::new(SystemClock::default()),
		args.keep,
	);
	let gateway = Gateway::new(Arc::new(follower), home.store.clone(), args.broadcaster, args.keep);
	let mut stop = stop_signal()?;
	tracing::info!(address = %args.http, "serving");
	axum::serve(listener, gateway.router())
		.with_graceful_shutdown(async move { stopped(&mut stop).await })
		.await?;
	home.events.emit(Event::Stopped);
	Ok(())
}

/// What the handlers share.
pub struct Gateway {
	follower: Arc<Follower>,
	store: Arc<dyn SegmentStore>,
	broadcaster: Option<AccountId>,
	metrics: Metrics,
	/// Segments kept of each stream.
	keep: u64,
	/// Streams that are followed, by name.
	following: Mutex<HashMap<String, (StreamId, Arc<Timeline>)>>,
}

/// What a stream's playlists list, so that they need not be read from the store again.
#[derive(Default)]
struct Timeline(Mutex<Line>);

#[derive(Default)]
struct Line {
	entries: VecDeque<Entry>,
	/// Discontinuities before the first entry.
	dropped: u64,
}

impl Line {
	fn trim(&mut self, before: Seq) {
		while let Some(first) = self.entries.front().copied().filter(|e| e.seq < before) {
			self.entries.pop_front();
			let next = self.entries.front();
			self.dropped += u64::from(next.is_some_and(|next| !playlist::follows(&first, next)));
		}
	}
}

impl Gateway {
	/// A gateway over what `follower` keeps in `store`, `keep` segments of each stream; only
	/// streams of `broadcaster`, if given.
	pub fn new(
		follower: Arc<Follower>,
		store: Arc<dyn SegmentStore>,
		broadcaster: Option<AccountId>,
		keep: u64,
	) -> Arc<Self> {
		Arc::new(Self {
			follower,
			store,
			broadcaster,
			keep,
			metrics: Metrics::default(),
			following: Mutex::default(),
		})
	}

	/// The routes.
	pub fn router(self: &Arc<Self>) -> Router {
		Router::new()
			.route("/", get(index))
			.route("/assets/{file}", get(assets::asset))
			.route("/stream/{name}", get(page))
			.route("/stream/{name}/index.m3u8", get(master))
			.route("/stream/{name}/status", get(stream_status))
			.route("/stream/{name}/{file}", get(media))
			.route("/stream/{name}/{rendition}/{file}", get(segment))
			.route("/status", get(status))
			.route("/metrics", get(export_metrics))
			.route("/healthz", get(|| async { "ok\n" }))
			.route("/readyz", get(|| async { "ready\n" }))
			.with_state(self.clone())
	}

	/// Finds a stream and follows it from now on.
	async fn find(self: &Arc<Self>, name: &str) -> Result<(StreamId, Arc<Timeline>), Failure> {
		if let Some(known) = self.following().get(name) {
			return Ok(known.clone());
		}
		let stream = self.follower.find(name, self.broadcaster.as_ref()).await?;
		let mut following = self.following();
		if let Some(known) = following.get(name) {
			return Ok(known.clone());
		}
		let found = (stream, Arc::new(Timeline::default()));
		following.insert(name.to_owned(), found.clone());
		tokio::spawn(self.clone().follow(stream));
		Ok(found)
	}

	fn following(&self) -> MutexGuard<'_, HashMap<String, (StreamId, Arc<Timeline>)>> {
		self.following.lock().unwrap_or_else(PoisonError::into_inner)
	}

	/// Polls a stream's origin for as long as the gateway runs: an ended stream may go on.
	async fn follow(self: Arc<Self>, stream: StreamId) {
		let mut backoff = POLL;
		loop {
			match self.follower.poll(stream).await {
				Ok(polled) => {
					self.metrics.add_segments(polled.new as u64);
					backoff = POLL;
				}
				Err(error) => {
					self.metrics.add_failure();
					tracing::warn!(%stream, %error, "the origin was not followed");
					backoff = (backoff * 2).min(LONGEST_BACKOFF);
				}
			}
			tokio::time::sleep(backoff).await;
		}
	}

	/// What the stream's playlists list, and the discontinuities before it.
	fn entries(&self, stream: StreamId, timeline: &Timeline) -> Result<(Vec<Entry>, u64), Failure> {
		let mut line = timeline.0.lock().unwrap_or_else(PoisonError::into_inner);
		let next = line.entries.back().map_or(0, |entry| entry.seq.saturating_add(1));
		for record in self.follower.records(stream, next)? {
			let output = record.receipt.outputs.first().map(|output| output.hash);
			let bytes = output.map(|hash| self.store.get(hash)).transpose()?.flatten();
			let header = record.header();
			line.entries.push_back(Entry {
				seq: header.seq,
				duration: header.duration,
				pts: bytes.as_deref().and_then(first_pts),
			});
		}
		let newest = line.entries.back().map_or(0, |entry| entry.seq);
		line.trim(newest.saturating_add(1).saturating_sub(self.keep));
		Ok((line.entries.iter().copied().collect(), line.dropped))
	}
}

/// An answer that is no success.
enum Failure {
	NotFound(&'static str),
	Upstream(String),
	Internal(String),
}

impl From<FollowError> for Failure {
	fn from(error: FollowError) -> Self {
		match error {
			FollowError::NotFound => Failure::NotFound("no stream of that name"),
			FollowError::Store(error) => error.into(),
			error => Failure::Upstream(error.to_string()),
		}
	}
}

impl From<livepeer_worker_core::store::StoreError> for Failure {
	fn from(error: livepeer_worker_core::store::StoreError) -> Self {
		Failure::Internal(error.to_string())
	}
}

impl IntoResponse for Failure {
	fn into_response(self) -> Response {
		let (status, text) = match self {
			Failure::NotFound(text) => (StatusCode::NOT_FOUND, text.to_owned()),
			Failure::Upstream(text) => (StatusCode::BAD_GATEWAY, text),
			Failure::Internal(text) => (StatusCode::INTERNAL_SERVER_ERROR, text),
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

async fn page(State(gateway): Shared, Path(name): Path<String>) -> Result<Response, Failure> {
	if let Some(name) = name.strip_suffix(".m3u8") {
		return master(State(gateway), Path(name.to_owned())).await;
	}
	if !is_stream_name(&name) {
		return Err(Failure::NotFound("no stream of that name"));
	}
	Ok(assets::page())
}

async fn master(State(gateway): Shared, Path(name): Path<String>) -> Result<Response, Failure> {
	let (stream, _) = gateway.find(&name).await?;
	let state =
		gateway.follower.state(stream)?.ok_or(Failure::NotFound("no stream of that name"))?;
	// Renditions are listed relative to `/stream/NAME/`, whichever alias was asked for.
	let text = playlist::master(&state.ladder)
		.lines()
		.map(|line| match line.strip_suffix(".m3u8") {
			Some(_) => format!("/stream/{name}/{line}\n"),
			None => format!("{line}\n"),
		})
		.collect::<String>();
	Ok(hls(PLAYLIST, "no-cache", text))
}

async fn media(
	State(gateway): Shared,
	Path((name, file)): Path<(String, String)>,
) -> Result<Response, Failure> {
	let unknown = || Failure::NotFound("no such rendition");
	let rendition: usize =
		file.strip_suffix(".m3u8").and_then(|n| n.parse().ok()).ok_or_else(unknown)?;
	let (stream, timeline) = gateway.find(&name).await?;
	let state = gateway.follower.state(stream)?.ok_or_else(unknown)?;
	if rendition >= state.ladder.len() {
		return Err(unknown());
	}
	let (entries, before) = gateway.entries(stream, &timeline)?;
	// A live player gets the newest segments; a finished stream is listed whole.
	let start = if state.ended { 0 } else { entries.len().saturating_sub(WINDOW) };
	let dropped = entries[..entries.len().min(start + 1)]
		.windows(2)
		.filter(|pair| !playlist::follows(&pair[0], &pair[1]))
		.count() as u64;
	let dropped = before.saturating_add(dropped);
	let text = playlist::media(rendition, &entries[start..], dropped, state.ended);
	Ok(hls(PLAYLIST, "no-cache", text))
}

async fn segment(
	State(gateway): Shared,
	Path((name, rendition, file)): Path<(String, usize, String)>,
) -> Result<Response, Failure> {
	let unknown = || Failure::NotFound("no such segment");
	let seq: Seq = file.strip_suffix(".ts").and_then(|n| n.parse().ok()).ok_or_else(unknown)?;
	let (stream, _) = gateway.find(&name).await?;
	let records = gateway.store.records(stream, seq, 1)?;
	let record = records.first().filter(|record| record.header().seq == seq).ok_or_else(unknown)?;
	let output = record.receipt.outputs.get(rendition).ok_or_else(unknown)?;
	let bytes = gateway.store.get(output.hash)?.ok_or_else(unknown)?;
	gateway.metrics.add_bytes(bytes.len() as u64);
	Ok(hls("video/mp2t", "public, max-age=3600, immutable", bytes))
}

/// A stream as operators and the page see it.
#[derive(Serialize)]
struct StreamStatus {
	name: String,
	broadcaster: String,
	job: u64,
	renditions: Vec<String>,
	/// Segments that were checked and can be played.
	segments: usize,
	/// The newest one.
	newest: Option<Seq>,
	/// Who transcoded it.
	transcoder: Option<String>,
	/// Whether nothing follows.
	ended: bool,
}

impl Gateway {
	fn status_of(&self, stream: StreamId) -> Result<Option<StreamStatus>, Failure> {
		let Some(state) = self.follower.state(stream)? else { return Ok(None) };
		let records = self.follower.records(stream, 0)?;
		let newest = records.last();
		Ok(Some(StreamStatus {
			name: state.name,
			broadcaster: state.broadcaster.to_ss58check(),
			job: state.job,
			renditions: state
				.ladder
				.iter()
				.map(|r| format!("{}x{}@{}k", r.width, r.height, r.kbps))
				.collect(),
			segments: records.len(),
			newest: newest.map(|record| record.header().seq),
			transcoder: newest.map(|record| record.header().transcoder.to_ss58check()),
			ended: state.ended,
		}))
	}
}

async fn stream_status(
	State(gateway): Shared,
	Path(name): Path<String>,
) -> Result<Response, Failure> {
	let (stream, _) = gateway.find(&name).await?;
	let status = gateway.status_of(stream)?.ok_or(Failure::NotFound("no stream of that name"))?;
	Ok(([(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], Json(status)).into_response())
}

async fn status(State(gateway): Shared) -> Result<Response, Failure> {
	let mut streams = Vec::new();
	for (stream, _) in gateway.follower.streams()? {
		streams.extend(gateway.status_of(stream)?);
	}
	Ok(Json(serde_json::json!({ "streams": streams })).into_response())
}

async fn index(State(gateway): Shared) -> Result<Response, Failure> {
	let names = gateway.follower.streams()?.into_iter().map(|(_, state)| state.name).collect();
	Ok(assets::index(names))
}

async fn export_metrics(State(gateway): Shared) -> Response {
	let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
	([(header::CONTENT_TYPE, content_type)], gateway.metrics.encode()).into_response()
}
