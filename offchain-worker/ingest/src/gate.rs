//! Decides who may publish, and hands publications on.

use std::{
	future::Future,
	net::IpAddr,
	sync::{
		atomic::{AtomicU64, Ordering},
		Arc, Mutex, MutexGuard, PoisonError,
	},
	time::Duration,
};

use livepeer_worker_hosts::{host, network, RATE_OF_NETWORK};
use reqwest::Url;
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::{
	io::{AsyncWriteExt, DuplexStream},
	sync::{mpsc, watch},
	time::{timeout, Instant},
};

/// Bytes between a publisher and the segmenter.
const BUFFER: usize = 4 * 1024 * 1024;
/// How long a publisher waits for the segmenter before it is turned away: a few seconds of a stream;
/// meanwhile only [`BUFFER`] is held.
const STALLED: Duration = Duration::from_secs(20);
/// A publisher that has been silent for this long is replaced by another one with the key.
const SILENT: Duration = Duration::from_secs(3);
/// How long media may come of which nothing can be handed on, as of sound alone, and after how long that is said. Some
/// encoders send a keyframe only every 20 s, and a source may be joined right after one.
const BARREN: Duration = Duration::from_secs(30);
const BARREN_SAID: Duration = Duration::from_secs(5);
/// How long the webhook may take.
const WEBHOOK: Duration = Duration::from_secs(5);
/// The longest key.
const LONGEST_KEY: usize = 256;
/// Wrong keys of a host within [`FORGIVEN`] after which the webhook is asked about only one of its keys at a
/// time; for a network [`RATE_OF_NETWORK`] times as many.
const MOST_WRONG: u32 = 20;
/// How long such a key waits for its turn.
const TURN: Duration = Duration::from_secs(8);
/// How long wrong keys are remembered.
const FORGIVEN: Duration = Duration::from_secs(60);
/// The most hosts that are remembered.
const MOST_HOSTS: usize = 1_024;

/// Why a publisher is not let in.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Denied {
	/// The key is wrong, or the webhook said no.
	#[error("the stream key is not valid")]
	Key,
	/// Another publisher uses it already.
	#[error("somebody publishes with this key already")]
	Busy,
	/// Too many keys of hosts with wrong keys wait for the webhook.
	#[error("too many wrong keys; try again in a minute")]
	TooMany,
	/// The webhook gave no answer.
	#[error("whoever decides about publishers cannot be reached: {0}")]
	Webhook(String),
	/// The stream is at its end.
	#[error("the stream is being ended")]
	Closed,
	/// What came is nothing that a stream can begin with.
	#[error("no picture came that a stream can begin with: send pictures beside the sound, and keyframes")]
	NoPictures,
}

/// The keys of the gate.
#[derive(Clone, Debug, Default)]
pub struct Keys {
	/// Hashes of the keys, so that comparing them takes constant time.
	hashes: Vec<[u8; 32]>,
	webhook: Option<Url>,
}

impl Keys {
	/// Any of these keys.
	pub fn new(keys: impl IntoIterator<Item = String>) -> Self {
		let hashes = keys.into_iter().map(|key| Sha256::digest(key.trim()).into()).collect();
		Self { hashes, webhook: None }
	}

	/// Also keys that a webhook accepts: it is asked by POST, with `protocol`, `app`, `key` and `from` in
	/// JSON, and accepts with any status from 200 to 299.
	pub fn with_webhook(self, webhook: Option<Url>) -> Self {
		Self { webhook, ..self }
	}

	/// Whether no key can ever be accepted.
	pub fn is_empty(&self) -> bool {
		self.hashes.is_empty() && self.webhook.is_none()
	}

	fn has(&self, key: &str) -> bool {
		let hash: [u8; 32] = Sha256::digest(key).into();
		self.hashes.iter().fold(false, |found, known| found | (*known == hash))
	}
}

/// One part of a publication: a container from beginning to end. The next part does not continue it.
#[derive(Debug)]
pub struct Part {
	/// The container's bytes.
	pub bytes: DuplexStream,
}

/// A publisher that was let in.
#[derive(Debug)]
pub struct Publication {
	/// How it publishes.
	pub protocol: &'static str,
	/// From where.
	pub from: String,
	/// Its parts; closed when it is gone.
	pub parts: mpsc::Receiver<Part>,
}

/// The current publisher.
struct Current {
	number: u64,
	/// Milliseconds since the gate was made.
	heard: Arc<AtomicU64>,
	replaced: watch::Sender<bool>,
}

/// Lets publishers in, one at a time.
pub struct Gate {
	keys: Keys,
	/// Video tracks that are taken beside the first.
	further: usize,
	client: reqwest::Client,
	out: mpsc::Sender<Publication>,
	made: Instant,
	/// When bytes were last handed on, in milliseconds since the gate was made.
	handed_on: AtomicU64,
	current: Mutex<(u64, Option<Current>)>,
	/// By host: see [`host`].
	wrong: Mutex<Vec<(IpAddr, u32, Instant)>>,
	/// Held while the webhook is asked about a key of a host with too many wrong ones.
	turn: tokio::sync::Mutex<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
	mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gate {
	/// A gate with these keys. Accepted publications come out of the channel.
	pub fn new(keys: Keys) -> (Arc<Self>, mpsc::Receiver<Publication>) {
		Self::with_further(keys, 0)
	}

	/// The same, with this many video tracks beside the first.
	pub fn with_further(keys: Keys, further: usize) -> (Arc<Self>, mpsc::Receiver<Publication>) {
		let (out, publications) = mpsc::channel(1);
		let gate = Self {
			keys,
			further,
			client: client(),
			out,
			made: Instant::now(),
			handed_on: AtomicU64::new(0),
			current: Mutex::new((0, None)),
			wrong: Mutex::default(),
			turn: tokio::sync::Mutex::default(),
		};
		(Arc::new(gate), publications)
	}

	/// Lets a publisher in, if its `key` is accepted.
	pub async fn admit(
		self: &Arc<Self>,
		protocol: &'static str,
		from: IpAddr,
		app: &str,
		key: &str,
	) -> Result<Session, Denied> {
		self.check(protocol, from, app, key).await?;
		let mut session = self.begin()?;
		let (parts, receiver) = mpsc::channel(2);
		let publication = Publication { protocol, from: from.to_string(), parts: receiver };
		timeout(STALLED, self.out.send(publication))
			.await
			.map_err(|_| Denied::Busy)?
			.map_err(|_| Denied::Closed)?;
		tracing::info!(protocol, %from, "somebody publishes");
		session.parts = Some(parts);
		Ok(session)
	}

	/// Whether the key, or the webhook, lets a publisher in. A known key always does, whatever wrong keys
	/// came from the same host: behind a proxy all publishers share one. Wrong keys only make the host's next
	/// unknown keys wait for each other.
	pub async fn check(
		&self,
		protocol: &'static str,
		from: IpAddr,
		app: &str,
		key: &str,
	) -> Result<(), Denied> {
		if key.len() <= LONGEST_KEY && self.keys.has(key) {
			return Ok(());
		}
		let host = host(from);
		let suspected = self.is_suspected(host);
		let said = match &self.keys.webhook {
			Some(url) if key.len() <= LONGEST_KEY => {
				let _turn = match suspected {
					true => {
						Some(timeout(TURN, self.turn.lock()).await.map_err(|_| Denied::TooMany)?)
					}
					false => None,
				};
				self.ask(url.clone(), protocol, from, app, key).await
			}
			_ => Err(Denied::Key),
		};
		if said == Err(Denied::Key) {
			self.note_wrong(host);
			if !suspected {
				tracing::warn!(protocol, %from, "a publisher with a wrong key was turned away");
			}
		}
		said
	}

	async fn ask(
		&self,
		url: Url,
		protocol: &str,
		from: IpAddr,
		app: &str,
		key: &str,
	) -> Result<(), Denied> {
		let body = serde_json::json!({
			"protocol": protocol, "app": app, "key": key, "from": from.to_string(),
		});
		let sent = self.client.post(url).timeout(WEBHOOK).json(&body).send().await;
		match sent {
			Ok(answer) if answer.status().is_success() => Ok(()),
			Ok(_) => Err(Denied::Key),
			Err(error) => Err(Denied::Webhook(error.without_url().to_string())),
		}
	}

	/// Whether a host, or its network, sent too many wrong keys lately.
	fn is_suspected(&self, from: IpAddr) -> bool {
		let mut wrong = lock(&self.wrong);
		wrong.retain(|(_, _, since)| since.elapsed() < FORGIVEN);
		let (mut of_host, mut of_network) = (0u32, 0u32);
		for (host, count, _) in wrong.iter().filter(|(host, ..)| network(*host) == network(from)) {
			of_network = of_network.saturating_add(*count);
			if *host == from {
				of_host = *count;
			}
		}
		of_host >= MOST_WRONG || of_network >= MOST_WRONG.saturating_mul(RATE_OF_NETWORK)
	}

	fn note_wrong(&self, from: IpAddr) {
		let mut wrong = lock(&self.wrong);
		if let Some((_, count, _)) = wrong.iter_mut().find(|(host, _, _)| *host == from) {
			*count = count.saturating_add(1);
			return;
		}
		if wrong.len() >= MOST_HOSTS {
			wrong.remove(0);
		}
		wrong.push((from, 1, Instant::now()));
	}

	/// How many tracks of pictures are taken beside the first.
	pub fn further(&self) -> usize {
		self.further
	}

	fn now(&self) -> u64 {
		self.made.elapsed().as_millis() as u64
	}

	/// How long nothing has been handed on.
	pub fn nothing_for(&self) -> Duration {
		Duration::from_millis(self.now().saturating_sub(self.handed_on.load(Ordering::Relaxed)))
	}

	/// Takes the place of the current publisher, unless it is active.
	fn begin(self: &Arc<Self>) -> Result<Session, Denied> {
		let mut current = lock(&self.current);
		if let Some(before) = &current.1 {
			let silent = self.now().saturating_sub(before.heard.load(Ordering::Relaxed));
			if silent < SILENT.as_millis() as u64 {
				return Err(Denied::Busy);
			}
			before.replaced.send_replace(true);
		}
		let number = current.0 + 1;
		let heard = Arc::new(AtomicU64::new(self.now()));
		let (replaced, told) = watch::channel(false);
		*current = (number, Some(Current { number, heard: heard.clone(), replaced }));
		let (parts, into, barren) = (None, None, None);
		Ok(Session { gate: self.clone(), number, heard, told, parts, into, barren })
	}
}

/// A new stream key.
pub fn new_key() -> std::io::Result<String> {
	use std::io::Read;
	let mut random = [0; 16];
	std::fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
	Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The most redirections.
pub(crate) const MOST_REDIRECTIONS: usize = 5;

/// The base of all HTTP clients.
pub(crate) fn builder() -> reqwest::ClientBuilder {
	// Fails if a provider was chosen before, which is as good.
	let _ = rustls::crypto::ring::default_provider().install_default();
	reqwest::Client::builder()
		.connect_timeout(Duration::from_secs(10))
		.read_timeout(Duration::from_secs(20))
}

/// A client for URLs that the operator names.
fn client() -> reqwest::Client {
	let redirects = reqwest::redirect::Policy::limited(MOST_REDIRECTIONS);
	builder().redirect(redirects).build().unwrap_or_default()
}

/// A publisher's place, freed when it is dropped.
pub struct Session {
	gate: Arc<Gate>,
	number: u64,
	heard: Arc<AtomicU64>,
	told: watch::Receiver<bool>,
	parts: Option<mpsc::Sender<Part>>,
	into: Option<DuplexStream>,
	/// Set while media comes of which nothing is handed on.
	barren: Option<Barren>,
}

/// Media of which nothing was handed on.
struct Barren {
	since: Instant,
	newest: Instant,
	is_said: bool,
}

impl Drop for Session {
	fn drop(&mut self) {
		let mut current = lock(&self.gate.current);
		if current.1.as_ref().is_some_and(|current| current.number == self.number) {
			current.1 = None;
		}
	}
}

impl Session {
	/// How many tracks of pictures are taken beside the first.
	pub fn further(&self) -> usize {
		self.gate.further()
	}

	/// Notes that the publisher is active.
	pub fn hear(&self) {
		self.heard.store(self.gate.now(), Ordering::Relaxed);
	}

	/// Notes that the publisher is active, and allows it a pause of this length.
	pub fn hear_for(&self, pause: Duration) {
		let until = self.gate.now().saturating_add(pause.as_millis() as u64);
		self.heard.store(until, Ordering::Relaxed);
	}

	/// Notes that media came, before what can be is handed on of it. Fails once that was nothing for too long:
	/// of sound alone there is no stream, and others wait for the place.
	pub fn came(&mut self) -> Result<(), Denied> {
		let now = Instant::now();
		let begun = Barren { since: now, newest: now, is_said: false };
		let barren = self.barren.get_or_insert(begun);
		// After a pause, in which others could take the place, it is counted anew.
		if now.duration_since(std::mem::replace(&mut barren.newest, now)) >= SILENT {
			barren.since = now;
		}
		let lasts = now.duration_since(barren.since);
		if lasts >= BARREN {
			return Err(Denied::NoPictures);
		}
		if lasts >= BARREN_SAID && !std::mem::replace(&mut barren.is_said, true) {
			tracing::warn!(
				"the publisher sends sound alone, or pictures without a keyframe: it is turned \
				 away when no stream can begin with what it sends for {} s",
				BARREN.as_secs()
			);
		}
		Ok(())
	}

	/// How long nothing has been handed on, by whomever.
	pub fn nothing_for(&self) -> Duration {
		self.gate.nothing_for()
	}

	/// Waits until another publisher takes the place. The current publisher must end then: the other one's
	/// stream begins when this one is dropped.
	pub fn replaced(&self) -> impl Future<Output = ()> + Send + use<> {
		let mut told = self.told.clone();
		async move {
			let _ = told.wait_for(|replaced| *replaced).await;
		}
	}

	/// Whether another publisher took the place.
	pub fn is_replaced(&self) -> bool {
		*self.told.borrow()
	}

	/// Ends the part; the next bytes begin another one.
	pub fn end_part(&mut self) {
		self.into = None;
	}

	/// Hands bytes on. Fails if nobody takes them any more.
	pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Denied> {
		if self.is_replaced() {
			return Err(Denied::Busy);
		}
		// A slow segmenter does not make the publisher silent.
		self.hear_for(STALLED);
		let written = timeout(STALLED, self.hand_on(bytes)).await;
		self.hear();
		written.map_err(|_| Denied::Closed)??;
		self.gate.handed_on.store(self.gate.now(), Ordering::Relaxed);
		self.barren = None;
		Ok(())
	}

	async fn hand_on(&mut self, bytes: &[u8]) -> Result<(), Denied> {
		if self.into.is_none() {
			let (into, from) = tokio::io::duplex(BUFFER);
			let parts = self.parts.as_ref().ok_or(Denied::Closed)?;
			parts.send(Part { bytes: from }).await.map_err(|_| Denied::Closed)?;
			self.into = Some(into);
		}
		let Some(into) = &mut self.into else { return Err(Denied::Closed) };
		if into.write_all(bytes).await.is_err() {
			// The segmenter gave this part up: the next one begins where it can.
			self.into = None;
		}
		Ok(())
	}

	/// Whether bytes that are written now begin a part.
	pub fn is_between(&self) -> bool {
		self.into.is_none()
	}
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;
	use tokio::io::AsyncReadExt;

	const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

	#[tokio::test]
	async fn nobody_should_be_let_in_without_a_key() {
		let (gate, mut publications) = Gate::new(Keys::new(["secret".to_string()]));
		for wrong in ["", "secre", "secret2", "Secret"] {
			let denied = gate.admit("rtmp", HERE, "live", wrong).await.err();
			assert_eq!(denied, Some(Denied::Key));
		}
		let mut session = gate.admit("rtmp", HERE, "live", "secret").await.unwrap();
		let mut publication = publications.recv().await.unwrap();
		session.write(b"abc").await.unwrap();
		session.end_part();
		session.write(b"def").await.unwrap();
		drop(session);
		let mut read = String::new();
		while let Some(mut part) = publication.parts.recv().await {
			part.bytes.read_to_string(&mut read).await.unwrap();
			read.push('|');
		}
		assert_eq!(read, "abc|def|");
	}

	#[tokio::test(start_paused = true)]
	async fn second_publisher_should_wait_until_the_first_is_silent() {
		let (gate, mut publications) = Gate::new(Keys::new(["k".to_string()]));
		let mut first = gate.admit("rtmp", HERE, "live", "k").await.unwrap();
		let _taken = publications.recv().await.unwrap();
		assert_eq!(gate.admit("rtmp", HERE, "live", "k").await.err(), Some(Denied::Busy));
		tokio::time::advance(SILENT).await;
		let second = gate.admit("rtmp", HERE, "live", "k").await.unwrap();
		assert!(first.is_replaced());
		assert_eq!(first.write(b"x").await, Err(Denied::Busy));
		drop(first);
		assert!(!second.is_replaced(), "the place is the second one's");
	}

	/// The segmenter takes nothing for a while, and somebody else comes with a key.
	#[tokio::test(start_paused = true)]
	async fn attack_place_of_a_publisher_taken_while_the_segmenter_is_slow() {
		let (gate, mut publications) = Gate::new(Keys::new(["k".to_string()]));
		let mut first = gate.admit("rtmp", HERE, "live", "k").await.unwrap();
		let _publication = publications.recv().await.unwrap();
		let writing = tokio::spawn(async move {
			let written = first.write(&vec![0; BUFFER + 1]).await;
			(written, first)
		});
		tokio::time::sleep(2 * SILENT).await;
		assert_eq!(gate.admit("rtmp", HERE, "live", "k").await.err(), Some(Denied::Busy));
		let (written, _first) = writing.await.unwrap();
		assert_eq!(written, Err(Denied::Closed));
		// From now on silence counts again.
		assert_eq!(gate.admit("rtmp", HERE, "live", "k").await.err(), Some(Denied::Busy));
		tokio::time::advance(SILENT).await;
		assert!(gate.begin().is_ok());
	}

	#[tokio::test(start_paused = true)]
	async fn publisher_should_be_turned_away_when_nothing_can_be_handed_on_for_long() {
		let (gate, mut publications) = Gate::new(Keys::new(["k".to_string()]));
		let mut session = gate.admit("rtmp", HERE, "live", "k").await.unwrap();
		let _publication = publications.recv().await.unwrap();
		async fn sound(session: &mut Session, pieces: u32) -> Result<(), Denied> {
			for _ in 0..pieces {
				tokio::time::advance(Duration::from_secs(1)).await;
				session.came()?;
			}
			Ok(())
		}
		// Before anything comes there is nothing to judge by.
		tokio::time::advance(2 * BARREN).await;
		assert_eq!(sound(&mut session, 30).await, Ok(()));
		session.write(b"abc").await.unwrap();
		assert_eq!(sound(&mut session, 30).await, Ok(()), "pictures came");
		tokio::time::advance(SILENT).await;
		assert_eq!(sound(&mut session, 30).await, Ok(()), "a pause came");
		assert_eq!(sound(&mut session, 1).await, Err(Denied::NoPictures));
	}

	/// An attacker with the publisher's address, or behind the same proxy, cannot lock it out by wrong keys.
	#[tokio::test(start_paused = true)]
	async fn attack_publisher_locked_out_by_wrong_keys_of_its_host() {
		let (gate, _publications) = Gate::new(Keys::new(["k".to_string()]));
		for _ in 0..10 * MOST_WRONG {
			assert_eq!(gate.check("rtmp", HERE, "live", "x").await, Err(Denied::Key));
		}
		assert_eq!(gate.check("rtmp", HERE, "live", "k").await, Ok(()));
	}

	/// A webhook that knows one key and counts how many it is asked about at a time.
	async fn webhook() -> (Url, Arc<Mutex<(usize, usize)>>) {
		use axum::{http::StatusCode, routing::post, Json, Router};
		let counts: Arc<Mutex<(usize, usize)>> = Arc::default();
		let counted = counts.clone();
		let ask = move |Json(asked): Json<serde_json::Value>| {
			let counts = counted.clone();
			async move {
				{
					let mut counts = lock(&counts);
					counts.0 += 1;
					counts.1 = counts.1.max(counts.0);
				}
				tokio::time::sleep(Duration::from_millis(20)).await;
				lock(&counts).0 -= 1;
				match asked["key"] == "k" {
					true => StatusCode::OK,
					false => StatusCode::FORBIDDEN,
				}
			}
		};
		let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
		let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
		tokio::spawn(
			async move { axum::serve(listener, Router::new().route("/", post(ask))).await },
		);
		(url, counts)
	}

	/// Neither where a webhook decides; and a host that guesses has it asked about one at a time.
	#[tokio::test]
	async fn attack_publisher_locked_out_where_a_webhook_decides() {
		let (url, counts) = webhook().await;
		let (gate, _publications) = Gate::new(Keys::default().with_webhook(Some(url)));
		let guess = |key: &'static str| gate.check("rtmp", HERE, "live", key);
		let guesses = futures::future::join_all((0..MOST_WRONG).map(|_| guess("x"))).await;
		assert!(guesses.iter().all(|said| *said == Err(Denied::Key)));
		lock(&counts).1 = 0;
		let all = (0..10).map(|n| guess(if n == 7 { "k" } else { "x" }));
		let said = futures::future::join_all(all).await;
		assert_eq!(said[7], Ok(()));
		assert_eq!(lock(&counts).1, 1, "one at a time");
		// Another network is not suspected, the same one is under every address.
		let v6 = |text: &str| text.parse::<IpAddr>().unwrap();
		for n in 0..MOST_WRONG {
			gate.note_wrong(host(v6(&format!("2001:db8::{n:x}"))));
		}
		assert!(gate.is_suspected(host(v6("2001:db8::ffff"))));
		assert!(!gate.is_suspected(host(v6("2001:db8:0:1::1"))));
		// A site that guesses under each of its hosts is.
		for n in 0..MOST_WRONG * RATE_OF_NETWORK {
			gate.note_wrong(host(v6(&format!("2001:db8:0:{n:x}::1"))));
		}
		assert!(gate.is_suspected(host(v6("2001:db8:0:ffff::1"))));
		assert!(!gate.is_suspected(host(v6("2001:db8:1::1"))));
	}
}
