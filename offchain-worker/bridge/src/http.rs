//! JSON-RPC of execution nodes over HTTP, with a limit on the size of answers. Errors do not contain the address,
//! because it often contains a key.

use std::{
	fmt,
	task::{Context, Poll},
};

use alloy_json_rpc::{RequestPacket, ResponsePacket};
use alloy_provider::RootProvider;
use alloy_rpc_client::RpcClient;
use alloy_transport::{TransportError, TransportErrorKind, TransportFut, TransportResult};
use anyhow::{anyhow, Result};
use tower_service::Service;

/// The largest answer that is read, in bytes. The events of a full block take a tenth of it.
const MAX_ANSWER: usize = 32 << 20;
/// How much of an unreadable answer an error quotes, in bytes.
const MOST_TOLD: usize = 200;

/// A node.
#[derive(Clone)]
struct Http {
	client: reqwest::Client,
	url: reqwest::Url,
}

/// An answer was larger than [`MAX_ANSWER`].
#[derive(Debug)]
struct TooLong;

impl fmt::Display for TooLong {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str("its answer is too long")
	}
}

impl std::error::Error for TooLong {}

/// Whether the answer was too large.
pub fn is_too_long(error: &TransportError) -> bool {
	let custom = error.as_transport_err().and_then(TransportErrorKind::as_custom);
	custom.is_some_and(|error| error.is::<TooLong>())
}

/// The node at `url`.
pub fn provider(url: &str) -> Result<RootProvider> {
	let url = url.parse().map_err(|_| anyhow!("no URL: {url}"))?;
	let client = reqwest::Client::builder().build()?;
	Ok(RootProvider::new(RpcClient::new(Http { client, url }, false)))
}

async fn ask(http: Http, request: RequestPacket) -> TransportResult<ResponsePacket> {
	let failed = |error: reqwest::Error| TransportErrorKind::custom(error.without_url());
	let mut answer = http.client.post(http.url).json(&request).send().await.map_err(failed)?;
	let status = answer.status();
	let mut bytes = Vec::new();
	while let Some(chunk) = answer.chunk().await.map_err(failed)? {
		if bytes.len() + chunk.len() > MAX_ANSWER {
			return Err(TransportErrorKind::custom(TooLong));
		}
		bytes.extend_from_slice(&chunk);
	}
	serde_json::from_slice(&bytes).map_err(|error| {
		let told = bytes.get(..bytes.len().min(MOST_TOLD)).unwrap_or_default();
		let told = String::from_utf8_lossy(told).into_owned();
		match status.is_success() {
			true => TransportError::deser_err(error, told),
			false => TransportErrorKind::http_error(status.as_u16(), told),
		}
	})
}

impl Service<RequestPacket> for Http {
	type Response = ResponsePacket;
	type Error = TransportError;
	type Future = TransportFut<'static>;

	fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
		Poll::Ready(Ok(()))
	}

	fn call(&mut self, request: RequestPacket) -> Self::Future {
		Box::pin(ask(self.clone(), request))
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::beacon::tests::serve;
	use alloy_provider::Provider;
	use axum::{http::StatusCode, Router};

	/// Installs encryption first, as a pool of nodes does.
	fn node(url: &str) -> RootProvider {
		let _ = rustls::crypto::ring::default_provider().install_default();
		provider(url).expect("a URL")
	}

	#[tokio::test]
	async fn attack_node_answers_without_end() {
		let app = Router::new().fallback(|| async { vec![b' '; MAX_ANSWER + 1] });
		let error = node(&serve(app).await).get_chain_id().await.expect_err("it is cut off");
		assert!(is_too_long(&error), "{error}");
	}

	#[tokio::test]
	async fn what_is_no_answer_should_be_told_shortly_and_with_its_status() {
		let page = "no more of that ".repeat(1_000);
		let answer = move || async move { (StatusCode::TOO_MANY_REQUESTS, page) };
		let app = Router::new().fallback(answer);
		let error = node(&serve(app).await).get_chain_id().await.expect_err("it is a page");
		let kind = error.as_transport_err().and_then(TransportErrorKind::as_http_error);
		assert!(kind.is_some_and(|error| error.status == 429));
		let said = error.to_string();
		assert!(said.contains("no more of that") && said.len() < 2 * MOST_TOLD, "{said}");
	}

	#[tokio::test]
	async fn attack_key_in_the_address_of_a_node_is_read_from_the_log() {
		let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
		let address = listener.local_addr().expect("it is bound");
		drop(listener);
		let node = node(&format!("http://user:password@{address}/v3/key"));
		let error = node.get_chain_id().await.expect_err("nobody listens");
		let said = format!("{error} {error:?}");
		assert!(!said.contains("password") && !said.contains("v3/key"), "{said}");
	}
}
