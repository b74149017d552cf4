//! The state of streams and of the gateway.

use axum::{
	extract::{Path, State},
	response::Response,
	Json,
};
use livepeer_primitives::{Seq, StreamId};
use serde::Serialize;
use sp_core::crypto::Ss58Codec;
use utoipa::ToSchema;

use super::{failure::said_of, open, Failure, Gateway, Shared, NO_STREAM};
use crate::http::{metrics, Client};

/// A stream as operators and the page see it.
#[derive(Serialize, ToSchema)]
pub(super) struct StreamStatus {
	/// What the broadcaster called it.
	pub(super) name: String,
	/// The broadcaster's address.
	pub(super) broadcaster: String,
	/// Its job.
	job: u64,
	/// As WIDTHxHEIGHT@KBITSk.
	renditions: Vec<String>,
	/// The tracks of the publisher's own renditions in its newest segment. The broadcaster signed them;
	/// nobody transcoded them, and no judge examines them.
	pub(super) own: Vec<u32>,
	/// Segments that were checked and can be played.
	segments: usize,
	/// The newest one.
	#[schema(value_type = Option<u64>)]
	pub(super) newest: Option<Seq>,
	/// Who transcoded it.
	transcoder: Option<String>,
	/// Whether nothing follows.
	ended: bool,
}

/// The served streams.
#[derive(Serialize, ToSchema)]
struct Streams {
	/// One for each.
	streams: Vec<StreamStatus>,
}

impl Gateway {
	pub(super) fn status_of(&self, stream: StreamId) -> Result<Option<StreamStatus>, Failure> {
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
			own: record
				.iter()
				.flat_map(|record| record.own.iter().map(|own| u32::from(own.track)))
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
pub(super) async fn stream_status(
	State(gateway): Shared,
	client: Client,
	Path(name): Path<String>,
) -> Result<Response, Failure> {
	let stream = gateway.find(client, &name).await?;
	let status = gateway.status_of(stream)?.ok_or(NO_STREAM)?;
	Ok(open(Json(status)))
}

/// The served streams: those that somebody has requested.
#[utoipa::path(
	get,
	path = "/status",
	tag = "streams",
	responses((status = 200, description = "The streams", body = Streams), Failure)
)]
pub(super) async fn status(State(gateway): Shared) -> Result<Response, Failure> {
	let mut streams = Vec::new();
	for (stream, _) in gateway.follower.streams()? {
		streams.extend(gateway.status_of(stream)?);
	}
	Ok(open(Json(Streams { streams })))
}

/// What is counted, in the OpenMetrics format.
#[utoipa::path(
	get,
	path = "/metrics",
	tag = "operators",
	responses((status = 200, description = "OpenMetrics", body = String, content_type = "application/openmetrics-text"))
)]
pub(super) async fn export_metrics(State(gateway): Shared) -> Response {
	let mut text = gateway.metrics.encode();
	if let Some(role) = &gateway.role {
		// One text with a single end marker.
		text = text.trim_end().trim_end_matches("# EOF").to_owned() + &role.encode();
	}
	metrics::answer(text)
}

/// Whether the process answers.
#[utoipa::path(
	get,
	path = "/healthz",
	tag = "operators",
	responses((status = 200, description = "It does", body = String, content_type = "text/plain"))
)]
pub(super) async fn healthy() -> &'static str {
	"ok\n"
}

/// Whether the gateway can answer requests, for load balancers.
#[utoipa::path(
	get,
	path = "/readyz",
	tag = "operators",
	responses((status = 200, description = "They can", body = String, content_type = "text/plain"), Failure)
)]
pub(super) async fn ready(State(gateway): Shared) -> Result<&'static str, Failure> {
	let ready = gateway.follower.ready().await;
	ready.map(|()| "ready\n").map_err(|error| {
		tracing::debug!(%error, "not ready");
		Failure::NotReady(format!("not ready: {}", said_of(&error)))
	})
}
