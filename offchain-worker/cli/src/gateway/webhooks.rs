//! Webhooks: notices about the served streams, to URLs that the operator names. Each notice is a JSON object
//! by `POST`, signed as `Livepeer-Signature: t=SECONDS,v1=HEX`: the HMAC-SHA256 of `SECONDS.BODY` under the
//! operator's secret.
//!
//! Every URL has its own queue and deliverer, which retries with growing pauses and finally gives a notice
//! up. A full queue drops notices. Nothing else waits for a receiver. Streams take turns in the queue,
//! because anybody can have a stream followed and cause any number of notices about it.

use std::{
	collections::{BTreeMap, VecDeque},
	ops::Bound,
	path::Path,
	sync::{Arc, Mutex},
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

use super::lock;
use crate::secrets;

/// The header that carries the signature.
pub const SIGNATURE: &str = "livepeer-signature";
/// The most webhooks.
const MOST_HOOKS: usize = 16;
/// The most notices that wait for one webhook.
const QUEUE: usize = 1_024;
/// How long one delivery may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The shortest secret; one that is made here has 32 characters.
const SHORTEST_SECRET: usize = 16;

/// How failed deliveries are retried.
#[derive(Clone, Copy, Debug)]
pub struct Retries {
	/// The pause after the first failure; doubled with each.
	pub first: Duration,
	/// The longest pause.
	pub longest: Duration,
	/// How many times a notice is tried in total.
	pub attempts: u32,
	/// The oldest notice that is sent; older ones are dropped untried.
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
	/// A segment's hashes and both signatures are right, and it is served.
	#[serde(rename = "segment.checked")]
	SegmentChecked {
		/// The stream.
		stream: StreamName,
		/// The segment.
		seq: u64,
		/// Who transcoded it.
		transcoder: String,
		/// SHA-256 of its available renditions, in hex.
		outputs: Vec<String>,
	},
	/// A segment is not what it claims to be, and is not served.
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
		/// How it was decided: `accepted`, `failed`, `missed` or `void`; null if that was not seen.
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

impl News {
	/// The stream that it is about.
	fn stream(&self) -> &StreamName {
		match self {
			Self::StreamStarted { stream }
			| Self::StreamEnded { stream }
			| Self::SegmentChecked { stream, .. }
			| Self::SegmentRefused { stream, .. }
			| Self::ClaimSettled { stream, .. } => stream,
		}
	}
}

/// A notice on its way.
struct Letter {
	/// The whole name of its stream.
	stream: String,
	body: String,
	made: Instant,
}

/// Notices that wait for one address, by stream.
#[derive(Default)]
struct Waiting {
	streams: BTreeMap<String, VecDeque<Arc<Letter>>>,
	count: usize,
	/// Whose turn was last.
	last: String,
}

impl Waiting {
	/// Adds a notice. If the queue is full, it replaces the newest notice of the stream with the most.
	/// Returns whether none was dropped.
	fn add(&mut self, letter: Arc<Letter>) -> bool {
		let is_full = self.count >= QUEUE;
		if is_full {
			let own = self.streams.get(&letter.stream).map_or(0, VecDeque::len);
			let most = self.streams.values_mut().max_by_key(|waiting| waiting.len());
			let Some(most) = most.filter(|most| most.len() > own) else { return false };
			most.pop_back();
			self.streams.retain(|_, waiting| !waiting.is_empty());
			self.count = self.count.saturating_sub(1);
		}
		self.streams.entry(letter.stream.clone()).or_default().push_back(letter);
		self.count = self.count.saturating_add(1);
		!is_full
	}

	/// The oldest notice of the stream whose turn it is.
	fn next(&mut self) -> Option<Arc<Letter>> {
		let behind: (Bound<&str>, Bound<&str>) =
			(Bound::Excluded(self.last.as_str()), Bound::Unbounded);
		let next = self.streams.range::<str, _>(behind).next();
		let next = next.or_else(|| self.streams.first_key_value());
		let stream = next.map(|(stream, _)| stream.clone())?;
		let letters = self.streams.get_mut(&stream)?;
		let letter = letters.pop_front();
		if letters.is_empty() {
			self.streams.remove(&stream);
		}
		self.count = self.count.saturating_sub(1);
		self.last = stream;
		letter
	}
}

/// The queue of one address.
struct Queue {
	waiting: Arc<Mutex<Waiting>>,
	/// Wakes the deliverer, which ends when this is dropped.
	wake: mpsc::Sender<()>,
}

/// The addresses that are told.
pub struct Webhooks {
	hooks: Vec<Queue>,
	/// Notices that were given up or never queued.
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

/// The secret in a file, which is made if it is missing.
pub fn secret_in(path: &Path) -> Result<String> {
	if !path.exists() {
		secrets::write(path, &new_key()?)?;
		tracing::info!(path = %path.display(), "a secret for webhooks was made");
	}
	let secret = secrets::read(path)?.trim().to_owned();
	ensure!(
		secret.len() >= SHORTEST_SECRET,
		"{} holds a secret of fewer than {SHORTEST_SECRET} characters: delete it, and one is made",
		path.display()
	);
	Ok(secret)
}

impl Webhooks {
	/// Sends notices to `urls`; to this machine or its network only if `anywhere`. Counts dropped notices.
	pub fn start(
		urls: &[Url],
		secret: &str,
		anywhere: bool,
		retries: Retries,
		dropped: Counter,
	) -> Result<Self> {
		ensure!(
			urls.len() <= MOST_HOOKS,
			"at most {MOST_HOOKS} webhooks are told: give --webhook fewer times"
		);
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
			let (wake, woken) = mpsc::channel(1);
			let waiting: Arc<Mutex<Waiting>> = Arc::default();
			let hook = Hook { url: url.clone(), client, secret: secret.clone(), anywhere, retries };
			tokio::spawn(hook.deliver(waiting.clone(), woken, dropped.clone()));
			hooks.push(Queue { waiting, wake });
		}
		Ok(Self { hooks, dropped })
	}

	/// Queues a notice for every webhook, without waiting.
	pub fn tell(&self, news: News) {
		let Ok(id) = new_key() else { return };
		let StreamName { broadcaster, name, .. } = news.stream();
		let stream = format!("{broadcaster}/{name}");
		let Ok(body) = serde_json::to_string(&Notice { id, created: now(), news }) else { return };
		let letter = Arc::new(Letter { stream, body, made: Instant::now() });
		for hook in &self.hooks {
			if !lock(&hook.waiting).add(letter.clone()) {
				drop_one(&self.dropped, "its queue is full");
			}
			// A full channel means that it is awake already.
			let _ = hook.wake.try_send(());
		}
	}
}

fn now() -> u64 {
	SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn drop_one(dropped: &Counter, reason: &str) {
	let before = dropped.inc();
	// Logs the first, and then ever less often.
	if (before + 1).is_power_of_two() {
		tracing::warn!(reason, dropped = before + 1, "a webhook was not told something");
	}
}

fn client(anywhere: bool) -> reqwest::Result<Client> {
	// Fails if a provider was chosen before, which is as good.
	let _ = rustls::crypto::ring::default_provider().install_default();
	let builder = Client::builder()
		.timeout(PATIENCE)
		// A receiver must not be able to name another one.
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
	async fn deliver(
		self,
		waiting: Arc<Mutex<Waiting>>,
		mut woken: mpsc::Receiver<()>,
		dropped: Counter,
	) {
		while woken.recv().await.is_some() {
			loop {
				let next = lock(&waiting).next();
				let Some(letter) = next else { break };
				self.tell(&letter, &dropped).await;
			}
		}
	}

	/// Delivers one notice, until it succeeds or is given up.
	async fn tell(&self, letter: &Letter, dropped: &Counter) {
		let mut failures = 0;
		loop {
			if letter.made.elapsed() >= self.retries.oldest {
				return drop_one(dropped, "it became too old");
			}
			let Err(error) = self.send(&letter.body).await else { return };
			failures += 1;
			tracing::debug!(url = %self.url, %error, failures, "a webhook did not answer");
			if failures >= self.retries.attempts {
				return drop_one(dropped, "it did not answer");
			}
			tokio::time::sleep(self.retries.pause(failures)).await;
		}
	}

	/// Sends once. Only the status of the answer is read.
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
		/// The answers to the first requests, one by one; after that 200.
		answers: Arc<Mutex<Vec<u16>>>,
	}

	async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: String) -> Response {
		let signature = headers[SIGNATURE].to_str().unwrap().to_owned();
		lock(&receiver.seen).push((signature, body));
		let status = lock(&receiver.answers).pop().unwrap_or(200);
		(StatusCode::from_u16(status).unwrap(), [(header::LOCATION, "/elsewhere")]).into_response()
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

	/// A stranger has a stream followed of which there is more to tell than can be told.
	#[test]
	fn attack_stream_that_crowds_out_the_notices_of_others() {
		let letter = |stream: &str, number: usize| {
			let (stream, body) = (stream.to_owned(), number.to_string());
			Arc::new(Letter { stream, body, made: Instant::now() })
		};
		let mut waiting = Waiting::default();
		for number in 0..QUEUE {
			assert!(waiting.add(letter("5E/flood", number)));
		}
		assert!(!waiting.add(letter("5E/flood", QUEUE)), "there is no room for more of it");
		assert!(!waiting.add(letter("5A/demo", 7)) && !waiting.add(letter("5A/demo", 8)));
		assert_eq!(waiting.count, QUEUE, "who has most makes room");
		let told: Vec<_> = std::iter::from_fn(|| waiting.next()).collect();
		let of = |place: usize| (told[place].stream.as_str(), told[place].body.as_str());
		assert_eq!((of(0), of(1)), (("5A/demo", "7"), ("5E/flood", "0")));
		assert_eq!((of(2), of(3)), (("5A/demo", "8"), ("5E/flood", "1")));
		assert_eq!((told.len(), waiting.count), (QUEUE, 0));
	}

	/// Neither a webhook's URL nor the addresses of its name can make the gateway call anything in its
	/// operator's network.
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
