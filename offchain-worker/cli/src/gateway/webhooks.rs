//! Webhooks: what happens to the streams that a gateway serves, told to addresses that its operator
//! names. Each notice is a JSON object by `POST`, signed as `Livepeer-Signature: t=SECONDS,v1=HEX`:
//! the HMAC-SHA256 of `SECONDS.BODY` under the operator's secret.
//!
//! Every address has a queue and a deliverer of its own, which tries again with growing pauses and
//! gives a notice up in the end; what is beyond a full queue is dropped. Nobody waits for a receiver.

use std::{
	path::Path,
	sync::Arc,
	time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{ensure, Context, Result};
use hmac::{Hmac, Mac};
use livepeer_worker_ingest::{new_key, PublicOnly};
use prometheus_client::metrics::counter::Counter;
use reqwest::{redirect, Client, Url};
use serde::Serialize;
use sha2::Sha256;
use tokio::{sync::mpsc, time::Instant};
use utoipa::ToSchema;

use crate::secrets;

/// The header that carries the signature.
pub const SIGNATURE: &str = "livepeer-signature";
/// Addresses that are told.
pub const MOST_HOOKS: usize = 16;
/// Notices that wait for one address.
const QUEUE: usize = 1_024;
/// How long one delivery may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The shortest secret: that of a key that is made here has 32 characters.
const SHORTEST_SECRET: usize = 16;

/// How deliveries that fail are tried again.
#[derive(Clone, Copy, Debug)]
pub struct Retries {
	/// The pause after the first failure; doubled with each.
	pub first: Duration,
	/// The longest pause.
	pub longest: Duration,
	/// How often a notice is tried in all.
	pub attempts: u32,
	/// How old a notice may become; older ones are dropped untried.
	pub oldest: Duration,
}

impl Default for Retries {
	fn default() -> Self {
		Self {
			first: Duration::from_secs(1),
			longest: Duration::from_secs(300),
			attempts: 10,
			oldest: Duration::from_secs(3_600),
		}
	}
}

impl Retries {
	fn pause(&self, failures: u32) -> Duration {
		let doubled = failures.saturating_sub(1).min(16);
		self.first.saturating_mul(1 << doubled).min(self.longest)
	}
}

/// A stream, as notices name it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct StreamName {
	/// The broadcaster's address.
	pub broadcaster: String,
	/// What the broadcaster called it.
	pub name: String,
	/// Its job.
	pub job: u64,
}

/// What happened. `type` says what, `data` holds the rest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum News {
	/// This gateway serves the first segments of a stream.
	#[serde(rename = "stream.started")]
	StreamStarted {
		/// The stream.
		stream: StreamName,
	},
	/// The broadcaster has signed that nothing follows.
	#[serde(rename = "stream.ended")]
	StreamEnded {
		/// The stream.
		stream: StreamName,
	},
	/// A segment's hashes and both its signatures hold, and it is served.
	#[serde(rename = "segment.checked")]
	SegmentChecked {
		/// The stream.
		stream: StreamName,
		/// The segment.
		seq: u64,
		/// Who transcoded it.
		transcoder: String,
		/// SHA-256 of its renditions that are there, in hex.
		outputs: Vec<String>,
	},
	/// A segment is not what it claims to be: it is called out and not served.
	#[serde(rename = "segment.refused")]
	SegmentRefused {
		/// The stream.
		stream: StreamName,
		/// The segment, or the first that was expected.
		seq: u64,
		/// Why.
		reason: String,
	},
	/// A claim on segments of the stream has left the chain's final state.
	#[serde(rename = "claim.settled")]
	ClaimSettled {
		/// The stream.
		stream: StreamName,
		/// The claim.
		claim: u64,
		/// Who made it.
		transcoder: String,
		/// Its first segment.
		first: u64,
		/// Its segments.
		leaves: u32,
		/// The fee that was at stake, in the smallest unit of ETH, as a decimal number.
		fee: String,
		/// How it was decided: `accepted`, `failed`, `missed` or `void`; null where that was not seen.
		outcome: Option<&'static str>,
	},
}

/// What is sent.
#[derive(Serialize, ToSchema)]
pub struct Notice {
	/// The same whenever this notice is tried again.
	id: String,
	/// When it happened, in seconds since 1970.
	created: u64,
	/// What happened.
	#[serde(flatten)]
	news: News,
}

/// A notice on its way.
struct Letter {
	body: String,
	made: Instant,
}

/// The addresses that are told.
pub struct Webhooks {
	hooks: Vec<mpsc::Sender<Arc<Letter>>>,
	/// Notices that were given up or never took a place.
	dropped: Counter,
}

/// What signs.
#[derive(Clone)]
struct Secret(Arc<[u8]>);

impl Secret {
	fn sign(&self, seconds: u64, body: &str) -> String {
		// HMAC takes keys of any length.
		let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
		mac.update(format!("{seconds}.").as_bytes());
		mac.update(body.as_bytes());
		format!("t={seconds},v1={}", hex::encode(mac.finalize().into_bytes()))
	}
}

/// The secret in a file, which is made when it is missing.
pub fn secret_in(path: &Path) -> Result<String> {
	if !path.exists() {
		secrets::write(path, &new_key()?)?;
		tracing::info!(path = %path.display(), "a secret for webhooks was made");
	}
	let secret = secrets::read(path)?.trim().to_owned();
	ensure!(
		secret.len() >= SHORTEST_SECRET,
		"{} holds a secret of fewer than {SHORTEST_SECRET} characters",
		path.display()
	);
	Ok(secret)
}

impl Webhooks {
	/// Tells `urls`; those that lead to this machine or its network only if `anywhere`. What nobody
	/// is told is counted.
	pub fn start(
		urls: &[Url],
		secret: &str,
		anywhere: bool,
		retries: Retries,
		dropped: Counter,
	) -> Result<Self> {
		ensure!(urls.len() <= MOST_HOOKS, "at most {MOST_HOOKS} webhooks");
		let secret = Secret(secret.as_bytes().into());
		let mut hooks = Vec::new();
		for url in urls {
			ensure!(
				matches!(url.scheme(), "http" | "https") && url.host_str().is_some(),
				"a webhook is a URL of http or https: {url}"
			);
			ensure!(
				anywhere || PublicOnly::default().admits(url),
				"{url} leads to this machine or its network: --webhook-anywhere allows that"
			);
			let client = client(anywhere).context("webhooks cannot be sent")?;
			let (sender, letters) = mpsc::channel(QUEUE);
			let hook = Hook { url: url.clone(), client, secret: secret.clone(), anywhere, retries };
			tokio::spawn(hook.deliver(letters, dropped.clone()));
			hooks.push(sender);
		}
		Ok(Self { hooks, dropped })
	}

	/// Tells everybody, without waiting for anybody.
	pub fn tell(&self, news: News) {
		let Ok(id) = new_key() else { return };
		let Ok(body) = serde_json::to_string(&Notice { id, created: now(), news }) else { return };
		let letter = Arc::new(Letter { body, made: Instant::now() });
		for hook in &self.hooks {
			if hook.try_send(letter.clone()).is_err() {
				drop_one(&self.dropped, "its queue is full");
			}
		}
	}
}

fn now() -> u64 {
	SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn drop_one(dropped: &Counter, reason: &str) {
	let before = dropped.inc();
	// The first, and then ever less often.
	if (before + 1).is_power_of_two() {
		tracing::warn!(reason, dropped = before + 1, "a webhook was not told something");
	}
}

fn client(anywhere: bool) -> reqwest::Result<Client> {
	// Fails when somebody else chose a provider before, which is as good.
	let _ = rustls::crypto::ring::default_provider().install_default();
	let builder = Client::builder()
		.timeout(PATIENCE)
		// Whoever is told says nothing about who else is.
		.redirect(redirect::Policy::none())
		.pool_max_idle_per_host(1)
		.no_proxy();
	if anywhere { builder } else { builder.dns_resolver(Arc::new(PublicOnly::default())) }.build()
}

/// One address that is told.
struct Hook {
	url: Url,
	client: Client,
	secret: Secret,
	anywhere: bool,
	retries: Retries,
}

impl Hook {
	async fn deliver(self, mut letters: mpsc::Receiver<Arc<Letter>>, dropped: Counter) {
		while let Some(letter) = letters.recv().await {
			let mut failures = 0;
			loop {
				if letter.made.elapsed() >= self.retries.oldest {
					drop_one(&dropped, "it became too old");
					break;
				}
				let Err(error) = self.send(&letter.body).await else { break };
				failures += 1;
				tracing::debug!(url = %self.url, %error, failures, "a webhook did not answer");
				if failures >= self.retries.attempts {
					drop_one(&dropped, "it did not answer");
					break;
				}
				tokio::time::sleep(self.retries.pause(failures)).await;
			}
		}
	}

	/// Sends once. What is answered beside the status is not read.
	async fn send(&self, body: &str) -> Result<()> {
		ensure!(self.anywhere || PublicOnly::default().admits(&self.url), "not a public address");
		let signature = self.secret.sign(now(), body);
		let sent = self
			.client
			.post(self.url.clone())
			.header("content-type", "application/json")
			.header("user-agent", concat!("livepeer-gateway/", env!("CARGO_PKG_VERSION")))
			.header(SIGNATURE, signature)
			.body(body.to_owned())
			.send()
			.await
			.map_err(reqwest::Error::without_url)?;
		ensure!(sent.status().is_success(), "it answered {}", sent.status());
		Ok(())
	}
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use std::sync::{Mutex, PoisonError};

	use axum::{
		extract::State,
		http::{header, HeaderMap, StatusCode},
		response::{IntoResponse, Response},
		routing::post,
		Router,
	};
	use tokio::net::TcpListener;

	use super::*;

	const SECRET: &str = "a secret of some length";
	const SOON: Retries = Retries {
		first: Duration::from_millis(5),
		longest: Duration::from_millis(20),
		attempts: 4,
		oldest: Duration::from_secs(60),
	};

	type Seen = Arc<Mutex<Vec<(String, String)>>>;

	#[derive(Clone)]
	struct Receiver {
		seen: Seen,
		/// What is answered to the first, one by one; after that 200.
		answers: Arc<Mutex<Vec<u16>>>,
	}

	async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: String) -> Response {
		let signature = headers[SIGNATURE].to_str().unwrap().to_owned();
		lock(&receiver.seen).push((signature, body));
		let status = lock(&receiver.answers).pop().unwrap_or(200);
		(StatusCode::from_u16(status).unwrap(), [(header::LOCATION, "/elsewhere")]).into_response()
	}

	fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
		mutex.lock().unwrap_or_else(PoisonError::into_inner)
	}

	async fn receiver(mut answers: Vec<u16>) -> (u16, Seen) {
		answers.reverse();
		let seen = Seen::default();
		let state = Receiver { seen: seen.clone(), answers: Arc::new(Mutex::new(answers)) };
		let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
		let port = listener.local_addr().unwrap().port();
		let routes = Router::new().route("/{*any}", post(take)).with_state(state);
		tokio::spawn(async move { axum::serve(listener, routes).await });
		(port, seen)
	}

	fn news(seq: u64) -> News {
		let stream = StreamName { broadcaster: "5F".into(), name: "demo".into(), job: 1 };
		News::SegmentRefused { stream, seq, reason: "a signature".into() }
	}

	fn url(text: &str) -> Url {
		text.parse().unwrap()
	}

	fn start(urls: &[Url], anywhere: bool, retries: Retries) -> Result<Webhooks> {
		Webhooks::start(urls, SECRET, anywhere, retries, Counter::default())
	}

	async fn until(holds: impl Fn() -> bool) {
		tokio::time::timeout(Duration::from_secs(60), async {
			while !holds() {
				tokio::time::sleep(Duration::from_millis(5)).await;
			}
		})
		.await
		.unwrap();
	}

	#[tokio::test]
	async fn receiver_should_be_told_in_order_and_signed_until_it_has_understood() {
		let (port, seen) = receiver(vec![500, 302]).await;
		let to = url(&format!("http://127.0.0.1:{port}/hook"));
		let hooks = start(&[to], true, SOON).unwrap();
		hooks.tell(news(7));
		hooks.tell(news(8));
		until(|| lock(&seen).len() >= 4).await;
		let seen = lock(&seen).clone();
		let body = |n: usize| serde_json::from_str::<serde_json::Value>(&seen[n].1).unwrap();
		let seqs: Vec<_> = (0..4).map(|n| body(n)["data"]["seq"].as_u64().unwrap()).collect();
		assert_eq!(seqs, [7, 7, 7, 8], "a redirection is no success, and is not followed");
		assert_eq!(body(0)["id"], body(2)["id"]);
		assert_ne!(body(0)["id"], body(3)["id"]);
		assert_eq!(body(0)["type"], "segment.refused");
		// As a receiver does it: by the header's time and the body's bytes.
		for (signature, body) in &seen {
			let (time, sum) = signature.split_once(',').unwrap();
			let time = time.strip_prefix("t=").unwrap();
			assert!(now().abs_diff(time.parse().unwrap()) < 300);
			let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
			mac.update(format!("{time}.{body}").as_bytes());
			let sum = hex::decode(sum.strip_prefix("v1=").unwrap()).unwrap();
			mac.verify_slice(&sum).unwrap();
		}
		assert_eq!(hooks.dropped.get(), 0);
	}

	#[test]
	fn signature_should_be_that_of_openssl() {
		// printf '1700000000.{}' | openssl dgst -sha256 -hmac 'a secret of some length'
		let signed = Secret(SECRET.as_bytes().into()).sign(1_700_000_000, "{}");
		assert_eq!(
			signed,
			"t=1700000000,v1=9008b8e96ac884fb56cbbbb39d8c4b578c2c6de7951cbcce7f1f18311f3cd9f2"
		);
	}

	/// A receiver that never answers well, or not at all, costs a bounded number of requests and a
	/// bounded queue.
	#[tokio::test]
	async fn attack_receiver_that_refuses_without_end() {
		let (port, seen) = receiver(vec![503; 1_000]).await;
		let to = url(&format!("http://127.0.0.1:{port}/hook"));
		let hooks = start(&[to], true, SOON).unwrap();
		hooks.tell(news(1));
		until(|| hooks.dropped.get() == 1).await;
		assert_eq!(lock(&seen).len(), SOON.attempts as usize);
		for seq in 0..3 * QUEUE as u64 {
			hooks.tell(news(seq));
		}
		assert!(hooks.dropped.get() >= QUEUE as u64, "what is beyond the queue is dropped");
		let old = Retries { oldest: Duration::ZERO, ..SOON };
		let (port, seen) = receiver(vec![]).await;
		let to = url(&format!("http://127.0.0.1:{port}/hook"));
		let hooks = start(&[to], true, old).unwrap();
		hooks.tell(news(1));
		until(|| hooks.dropped.get() == 1).await;
		assert!(lock(&seen).is_empty(), "too old to be told");
	}

	/// Whoever can name a webhook, or what its name resolves to, makes the gateway ask nothing within
	/// its operator's network.
	#[tokio::test]
	async fn attack_webhook_that_leads_into_the_operators_network() {
		let (port, seen) = receiver(vec![]).await;
		for host in ["127.0.0.1", "[::1]", "2130706433", "0x7f.1", "10.0.0.1", "[::ffff:127.0.0.1]"]
		{
			let to = url(&format!("http://{host}:{port}/hook"));
			assert!(start(&[to], false, SOON).is_err(), "{host}");
		}
		// By a name, which is looked up when something is told.
		let to = url(&format!("http://localhost:{port}/hook"));
		let hooks = start(&[to], false, SOON).unwrap();
		hooks.tell(news(1));
		until(|| hooks.dropped.get() == 1).await;
		assert!(lock(&seen).is_empty());
		let to = url(&format!("http://localhost:{port}/hook"));
		let hooks = start(&[to], true, SOON).unwrap();
		hooks.tell(news(1));
		until(|| !lock(&seen).is_empty()).await;
	}

	#[test]
	fn secret_should_be_made_once() {
		let dir = tempfile::tempdir().unwrap();
		let path = dir.path().join("webhook-secret");
		let made = secret_in(&path).unwrap();
		assert_eq!((made.len(), secret_in(&path).unwrap()), (32, made));
		let short = dir.path().join("short");
		secrets::write(&short, "short").unwrap();
		assert!(secret_in(&short).is_err());
	}
}
