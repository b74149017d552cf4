//! Metrics in the OpenMetrics format.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result};
use axum::{
	http::{header, StatusCode},
	response::{IntoResponse, Response},
	routing::get,
	Router,
};
use tokio::{net::TcpListener, sync::watch};

use crate::{serve, HttpLimits};

/// The content type of metrics.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The most connections to a separate metrics address.
const CONNECTIONS: usize = 64;

/// Answers with metrics.
pub fn answer(text: String) -> Response {
	([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()
}

/// Serves `text` at an address of its own under `/metrics`, and the result of `ready` under `/readyz`, for as
/// long as the process runs. Fails if it cannot listen on the address.
pub async fn start(
	address: SocketAddr,
	text: impl Fn() -> String + Clone + Send + Sync + 'static,
	ready: impl Fn() -> Result<(), String> + Clone + Send + Sync + 'static,
) -> Result<()> {
	let listener = TcpListener::bind(address)
		.await
		.with_context(|| format!("cannot listen on {address} (--metrics)"))?;
	let router = Router::new()
		.route("/metrics", get(move || async move { answer(text()) }))
		.route("/healthz", get(|| async { "ok\n" }))
		.route(
			"/readyz",
			get(move || async move {
				match ready() {
					Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
					Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")),
				}
			}),
		);
	tokio::spawn(async move {
		let (_never, stop) = watch::channel(false);
		let limits = HttpLimits { connections: CONNECTIONS, ..Default::default() };
		if let Err(error) = serve(listener, router, stop, Duration::ZERO, limits).await {
			tracing::warn!(%error, "metrics are no longer served");
		}
	});
	Ok(())
}
