//! The gateway's interface for programs: the routes, their description in OpenAPI, and playback.
//!
//! The description is generated from the handlers and their answer types. A test holds it against the routes,
//! and answers against its schemas.

use std::{collections::BTreeMap, sync::LazyLock};

use axum::{
	body::Bytes,
	extract::{Path, State},
	http::header,
	response::Response,
	routing::{get, post, MethodRouter},
	Json,
};
use serde::Serialize;
use utoipa::{
	openapi::{ContentBuilder, ObjectBuilder, RefOr, ResponseBuilder, Type},
	IntoResponses, OpenApi, ToSchema,
};

use super::{open, status::StreamStatus, webhooks, Failure, Gateway, Shared, NO_STREAM};
use crate::http::Client;

/// The handlers for programs, by path.
pub(super) fn routes() -> [(&'static str, MethodRouter<std::sync::Arc<Gateway>>); 17] {
	[
		("/openapi.json", get(description)),
		("/livepeer-player.js", get(super::pages::player)),
		("/chain", post(super::node::ask)),
		("/chain/metadata/{version}", get(super::node::metadata)),
		("/chain-spec.json", get(super::spec::chain_spec)),
		("/stream/{name}/records/{file}", get(super::playback::records)),
		("/stream/{name}/index.m3u8", get(super::playback::master)),
		("/stream/{name}/recording.m3u8", get(super::playback::recording)),
		("/stream/{name}/status", get(super::status::stream_status)),
		("/stream/{name}/playback", get(playback)),
		("/stream/{name}/{file}", get(super::playback::media)),
		("/stream/{name}/{rendition}/{file}", get(super::playback::segment)),
		("/stream/{name}/receipt/{seq}", get(super::receipt::receipt)),
		("/status", get(super::status::status)),
		("/metrics", get(super::status::export_metrics)),
		("/healthz", get(super::status::healthy)),
		("/readyz", get(super::status::ready)),
	]
}

/// The description's introduction.
const ABOUT: &str = "A stream is named by its broadcaster's address and the name that the broadcaster \
	gave it. Everything may be asked by pages of any origin (`Access-Control-Allow-Origin: *`), without \
	cookies or other credentials, except `/metrics`, `/healthz` and `/readyz`, which are for operators. A \
	preflight is answered for every path and holds for a day.";

/// The HTTP interface.
#[derive(OpenApi)]
#[openapi(
	info(title = "Livepeer gateway", description = ABOUT, license(name = "Apache-2.0", identifier = "Apache-2.0")),
	paths(
		description,
		playback,
		super::playback::master,
		super::playback::recording,
		super::playback::media,
		super::playback::segment,
		super::playback::records,
		super::receipt::receipt,
		super::status::stream_status,
		super::status::status,
		super::node::ask,
		super::node::metadata,
		super::spec::chain_spec,
		super::pages::player,
		super::status::export_metrics,
		super::status::healthy,
		super::status::ready
	),
	// What webhooks are told.
	components(schemas(webhooks::Notice, webhooks::News, webhooks::StreamName)),
	tags(
		(name = "streams", description = "What is known of streams"),
		(name = "playback", description = "HLS, and how a player begins"),
		(name = "proof", description = "What a viewer checks what it plays by"),
		(name = "chain", description = "The chain, by way of the gateway's node"),
		(name = "operators", description = "State of the gateway")
	)
)]
pub(super) struct Description;

/// This description.
#[utoipa::path(
	get,
	path = "/openapi.json",
	tag = "operators",
	responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value, content_type = "application/json"))
)]
pub(super) async fn description() -> Response {
	// Made once: it is the same for everybody.
	static TEXT: LazyLock<Bytes> =
		LazyLock::new(|| Description::openapi().to_json().unwrap_or_default().into());
	open(([(header::CONTENT_TYPE, "application/json")], TEXT.clone()))
}

/// Where one rendition is played.
#[derive(Serialize, ToSchema)]
struct Source {
	/// In pixels.
	width: u16,
	/// In pixels.
	height: u16,
	/// Kilobits per second, as the stream's ladder has it.
	kbps: u32,
	/// Its media playlist.
	playlist: String,
}

/// Where one of the publisher's own renditions is played.
#[derive(Serialize, ToSchema)]
struct Own {
	/// Its track.
	track: u32,
	/// Its media playlist.
	playlist: String,
}

/// How a stream is played. Addresses are paths at this gateway's origin.
#[derive(Serialize, ToSchema)]
pub(super) struct Playback {
	/// The stream.
	stream: StreamStatus,
	/// Whether it continues; otherwise its recording is played.
	live: bool,
	/// The page that plays and checks it.
	page: String,
	/// The master playlist, from which HLS players choose a rendition.
	playlist: String,
	/// The renditions one by one.
	sources: Vec<Source>,
	/// The publisher's own renditions, which the broadcaster signed and no judge examines.
	own: Vec<Own>,
	/// Records to check the newest segments by: signed headers and receipts in SCALE.
	records: String,
}

/// How a stream is played.
#[utoipa::path(
	get,
	path = "/stream/{broadcaster}/{name}/playback",
	tag = "playback",
	params(
		("broadcaster" = String, Path, description = "The broadcaster's address"),
		("name" = String, Path, description = "The stream's name")
	),
	responses((status = 200, description = "How it is played", body = Playback), Failure)
)]
pub(super) async fn playback(
	State(gateway): Shared,
	client: Client,
	Path(name): Path<String>,
) -> Result<Response, Failure> {
	let (id, state) = gateway.state(client, &name).await?;
	let stream = gateway.status_of(id)?.ok_or(NO_STREAM)?;
	let base = format!("/stream/{}/{}", stream.broadcaster, stream.name);
	let (kind, file) = if state.ended { ("recording-", "recording") } else { ("", "index") };
	let sources = state.ladder.iter().enumerate().map(|(index, rendition)| Source {
		width: rendition.width,
		height: rendition.height,
		kbps: rendition.kbps,
		playlist: format!("{base}/{kind}{index}.m3u8"),
	});
	let own = stream.own.iter().map(|track| Own {
		track: *track,
		playlist: format!("{base}/{kind}{}.m3u8", state.ladder.len() + *track as usize),
	});
	let body = Playback {
		own: own.collect(),
		live: !state.ended,
		playlist: format!("{base}/{file}.m3u8"),
		sources: sources.collect(),
		records: format!("{base}/records/{}.scale", stream.newest.unwrap_or(0)),
		page: base,
		stream,
	};
	Ok(open(Json(body)))
}

impl IntoResponses for Failure {
	fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
		let sentence = ObjectBuilder::new().schema_type(Type::String).build();
		let content = ContentBuilder::new().schema(Some(sentence)).build();
		let answer = |text: &str| {
			let answer = ResponseBuilder::new().description(text);
			RefOr::T(answer.content("text/plain; charset=utf-8", content.clone()).build())
		};
		[
			("404", "There is none; why, in a sentence"),
			("502", "The chain or the stream's origin gives no answer"),
			("503", "Too much is asked at a time; try again in a moment"),
		]
		.into_iter()
		.map(|(status, text)| (status.to_owned(), answer(text)))
		.collect()
	}
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use std::collections::BTreeSet;

	use super::*;

	/// A route's path as it is described: the router takes a stream's whole name for one part.
	fn described(path: &str) -> String {
		path.replace("/stream/{name}", "/stream/{broadcaster}/{name}")
	}

	#[test]
	fn every_route_should_be_described_and_nothing_else() {
		let document = Description::openapi();
		let paths: BTreeSet<_> = document.paths.paths.keys().cloned().collect();
		let routes: BTreeSet<_> = routes().iter().map(|(path, _)| described(path)).collect();
		assert_eq!(paths, routes);
		for (path, item) in &document.paths.paths {
			let operation = if path == "/chain" { &item.post } else { &item.get };
			let operation = operation.as_ref().unwrap();
			assert!(operation.summary.as_ref().is_some_and(|text| text.len() > 4), "{path}");
			let named: BTreeSet<_> =
				operation.parameters.iter().flatten().map(|one| one.name.clone()).collect();
			let wanted: BTreeSet<_> = path
				.split('{')
				.skip(1)
				.filter_map(|part| part.split_once('}'))
				.map(|(name, _)| name.to_owned())
				.collect();
			assert_eq!(named, wanted, "the parameters of {path}");
		}
	}
}
