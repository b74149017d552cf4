//! Sources of a stream: a file, a pipe, a URL, or a publisher.

use std::{
	collections::VecDeque,
	fs::File,
	future::Future,
	io::ErrorKind,
	net::SocketAddr,
	path::{Path, PathBuf},
	pin::pin,
	sync::{
		atomic::{AtomicU64, Ordering},
		Arc,
	},
	time::Duration,
};

use anyhow::{bail, ensure, Context, Result};
use clap::Args;
use livepeer_worker_core::{
	ports::transport::MAX_OWN,
	roles::broadcast::{OwnSegment, SourceSegment},
};
use livepeer_worker_ingest::{
	pull, router, serve_rtmp, serve_srt, whip_router, Gate, Keys, Part, Publication,
};
use livepeer_worker_media::{MediaError, MediaPool, Segment, SegmentOptions, SegmentStream, Shape};
use tokio::{
	io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
	net::TcpListener,
	sync::{mpsc, watch},
	time::{interval, timeout, MissedTickBehavior},
};

use crate::{
	http::{serve, HttpLimits},
	secrets,
	units::{shape, socket},
};

/// Segments that may wait to be sent. A new one replaces the oldest, because a publisher does not wait.
const MOST_WAITING: usize = 8;
/// Consecutive unusable parts after which a publisher is given up.
const MOST_FAILURES: u32 = 5;
/// How long the segmenter may leave input unread, and how long it may take to finish after the end of input:
/// a publisher may send something that would keep it busy for ever.
const STUCK: Duration = Duration::from_secs(60);
/// Seconds in which something comes of which no segment is made, as of sound alone, before that is said (more than the
/// longest segment takes), and before the part is given up. Seconds in which nothing comes do not count: a source
/// may rest.
const BARREN_SAID: u64 = 20;
const BARREN: u64 = 60;
/// Pause after a failed fetch.
const PULL_AGAIN: Duration = Duration::from_secs(3);

/// Arguments about the source.
#[derive(Args, Debug)]
pub struct SourceArgs {
	/// A file in any format that FFmpeg reads, - for a pipe, or a URL to fetch (http and https: HLS or a
	/// file; rtmp; srt). Leave it out to wait for a publisher.
	#[arg(value_name = "SOURCE")]
	pub file: Option<PathBuf>,
	/// Listen here for RTMP publishers such as OBS (rtmp://HOST/live and the stream key).
	#[arg(long, value_name = "ADDRESS", value_parser = socket, help_heading = "Being published to")]
	pub rtmp: Option<SocketAddr>,
	/// Listen here for SRT publishers; the stream id is the stream key.
	#[arg(long, value_name = "ADDRESS", value_parser = socket, help_heading = "Being published to")]
	pub srt: Option<SocketAddr>,
	/// File with the passphrase with which SRT publishers encrypt.
	#[arg(long, value_name = "FILE", requires = "srt", help_heading = "Being published to")]
	pub srt_passphrase_file: Option<PathBuf>,
	/// Listen here for segments pushed by HTTP: PUT /live/NAME/SEQ.ts.
	#[arg(long, value_name = "ADDRESS", value_parser = socket, help_heading = "Being published to")]
	pub push: Option<SocketAddr>,
	/// Listen here for browsers and others that publish over WebRTC (WHIP): offers by HTTP to /whip/NAME,
	/// media by UDP at the same port.
	#[arg(long, value_name = "ADDRESS", value_parser = socket, help_heading = "Being published to")]
	pub whip: Option<SocketAddr>,
	/// The address to which WHIP publishers send media [default: the one that they asked].
	#[arg(long, value_name = "IP", requires = "whip", help_heading = "Being published to")]
	pub whip_announce: Option<std::net::IpAddr>,
	/// File with one stream key per line; made with a new key if it is missing [default: stream-key in the
	/// data folder].
	#[arg(long, value_name = "FILE", help_heading = "Being published to")]
	pub stream_key_file: Option<PathBuf>,
	/// Ask this URL, by POST, whether a publisher with another key may come in.
	#[arg(long, value_name = "URL", help_heading = "Being published to")]
	pub auth_webhook: Option<String>,
	/// Take also the further video tracks of a publisher that sends several, as OBS does with multitrack
	/// video: at most four, as renditions of the stream that you sign and nobody judges. Of the requested
	/// renditions only those are bought whose height no such track has. Opens the job only after the
	/// publisher has come.
	#[arg(long, help_heading = "Being published to")]
	pub own_rungs: bool,
	/// End the stream when, after the first publisher, nobody publishes (or nothing can be fetched) for this
	/// many seconds.
	#[arg(long, value_name = "SECONDS", default_value_t = 60, help_heading = "Being published to")]
	pub idle: u64,
	/// The source's limits, as WIDTHxHEIGHT@FPS; larger pictures are scaled down. The job is opened with them
	/// before anything has come [default: taken from the source's beginning].
	#[arg(long, value_name = "LIMITS", value_parser = shape)]
	pub limits: Option<Shape>,
	/// Refuse input that the network does not take as it is, instead of encoding it here.
	#[arg(long)]
	pub no_normalise: bool,
}

/// A segment on its way into the stream.
type Cut = Result<SourceSegment, String>;

/// A source that has begun.
pub struct Source {
	/// Its first segment, if the start waited for it.
	pub first: Option<SourceSegment>,
	/// Its limits.
	pub shape: Option<Shape>,
	/// Whether it continues at its current place rather than from its beginning.
	pub is_live: bool,
	/// What follows.
	pub rest: Rest,
}

/// What follows the first segment.
pub enum Rest {
	/// From a file, as fast as they are taken.
	File(Box<SegmentStream>),
	/// As they are made.
	Live(mpsc::Receiver<Cut>),
}

impl Rest {
	/// The next segment; `None` at the end.
	pub async fn next(&mut self) -> Option<Cut> {
		match self {
			Rest::File(segments) => {
				let next = segments.next().await?;
				Some(next.map(of_file).map_err(|error| error.to_string()))
			}
			Rest::Live(segments) => segments.recv().await,
		}
	}
}

/// A cut in the role's form. Nobody knows when a file was captured.
pub fn of_file(cut: Segment) -> SourceSegment {
	SourceSegment {
		bytes: cut.data,
		duration: cut.duration,
		time: u64::try_from(cut.first_time).unwrap_or(0),
		captured: 0,
		last: cut.last,
		fresh: cut.fresh,
		own: cut
			.own
			.0
			.into_iter()
			.map(|rung| OwnSegment { track: rung.track, bytes: rung.data })
			.collect(),
	}
}

fn wall_ms() -> u64 {
	std::time::SystemTime::now()
		.duration_since(std::time::UNIX_EPOCH)
		.map_or(0, |since| since.as_millis() as u64)
}

impl SourceArgs {
	/// Whether the source continues at its current place.
	pub fn is_live(&self) -> bool {
		match &self.file {
			None => true,
			Some(path) => self.url().is_some() || path.as_os_str() == "-",
		}
	}

	fn url(&self) -> Option<&str> {
		let text = self.file.as_ref()?.to_str()?;
		text.split_once("://")
			.is_some_and(|(scheme, _)| {
				!scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric())
			})
			.then_some(text)
	}

	/// Begins: opens the input or listens for publishers, and waits for the first segment unless the source's
	/// limits are given.
	pub async fn begin(
		&self,
		pool: &MediaPool,
		options: SegmentOptions,
		dir: &Path,
	) -> Result<Source> {
		// The limits of the job that continues, unless others are given.
		let fit = self.limits.or(options.fit);
		let options =
			SegmentOptions { fit, normalise: !self.no_normalise, own: self.own_rungs, ..options };
		let listens =
			self.rtmp.is_some() || self.srt.is_some() || self.push.is_some() || self.whip.is_some();
		if !self.is_live() {
			ensure!(!listens, "give a file, or addresses to be published to, not both");
			ensure!(
				!self.own_rungs,
				"--own-rungs takes what a publisher sends; of a file one track is streamed"
			);
			return self.file(pool, options).await;
		}
		ensure!(
			self.file.is_some() || listens,
			"give a source: a file, - for a pipe, a URL, or an address to be published to \
			 (--rtmp 0.0.0.0:1935)"
		);
		let mut rest = self.live(pool, options, dir).await?;
		let first = match fit {
			// The publisher's own renditions decide which ones are bought.
			Some(_) if !self.own_rungs => None,
			_ => match rest.recv().await {
				Some((cut, shape)) => {
					let first = cut.map_err(anyhow::Error::msg)?;
					return Ok(Source {
						first: Some(first),
						shape,
						is_live: true,
						rest: Rest::Live(forward(rest)),
					});
				}
				None => bail!("the source holds no video"),
			},
		};
		Ok(Source { first, shape: fit, is_live: true, rest: Rest::Live(forward(rest)) })
	}

	async fn file(&self, pool: &MediaPool, options: SegmentOptions) -> Result<Source> {
		let path = self.file.as_deref().unwrap_or(Path::new(""));
		let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
		let mut segments = pool.segment_file(file, options)?;
		let first = match segments.next().await {
			Some(first) => first.with_context(|| format!("{}", path.display()))?,
			None => bail!("{} holds no video", path.display()),
		};
		let shape = segments.shape().or(self.limits);
		let first = Some(of_file(first));
		Ok(Source { first, shape, is_live: false, rest: Rest::File(Box::new(segments)) })
	}

	async fn live(
		&self,
		pool: &MediaPool,
		options: SegmentOptions,
		dir: &Path,
	) -> Result<mpsc::Receiver<(Cut, Option<Shape>)>> {
		let (sender, receiver) = mpsc::channel(1);
		let (pool, mut idle) = (pool.clone(), Duration::from_secs(self.idle.max(1)));
		let publications = if self.file.is_none() {
			self.listen(dir).await?
		} else if let Some(url) = self.url() {
			fetch(url.to_owned(), idle, self.further())
		} else {
			idle = Duration::from_millis(1);
			pipe(tokio::io::stdin())
		};
		tokio::spawn(follow(pool, options, publications, idle, sender));
		Ok(receiver)
	}

	async fn listen(&self, dir: &Path) -> Result<mpsc::Receiver<Publication>> {
		let keys = Keys::new(self.keys(dir)?).with_webhook(match &self.auth_webhook {
			Some(url) => Some(url.parse().with_context(|| format!("{url} is not a URL"))?),
			None => None,
		});
		let (gate, publications) = Gate::with_further(keys, self.further());
		let bind = |address: SocketAddr| async move {
			TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
		};
		if let Some(address) = self.rtmp {
			tokio::spawn(serve_rtmp(bind(address).await?, gate.clone()));
			tracing::info!("publish to rtmp://{address}/live with the stream key");
		}
		if let Some(address) = self.push {
			let listener = bind(address).await?;
			serve_http(listener, router(gate.clone()));
			tracing::info!("push segments to http://{address}/live/NAME/SEQ.ts?key=KEY");
		}
		if let Some(address) = self.whip {
			let listener = bind(address).await?;
			let routes = whip_router(listener.local_addr()?, self.whip_announce, gate.clone());
			serve_http(listener, routes);
			tracing::info!(
				"publish by WHIP to http://{address}/whip/NAME, the stream key as bearer token"
			);
		}
		if let Some(address) = self.srt {
			let passphrase = match &self.srt_passphrase_file {
				Some(path) => {
					let read =
						secrets::read(path).context("the passphrase's file cannot be used")?;
					Some(read.trim().to_owned())
				}
				None => None,
			};
			let serving = serve_srt(address, passphrase, gate)
				.await
				.with_context(|| format!("cannot listen on {address} for SRT"))?;
			tokio::spawn(serving);
			tracing::info!("publish to srt://{address}?streamid=KEY");
		}
		Ok(publications)
	}

	/// How many video tracks are taken beside the first.
	fn further(&self) -> usize {
		if self.own_rungs {
			MAX_OWN as usize
		} else {
			0
		}
	}

	/// The stream keys; one is made if there is none.
	fn keys(&self, dir: &Path) -> Result<Vec<String>> {
		let path = match &self.stream_key_file {
			Some(path) => path.clone(),
			None => dir.join("stream-key"),
		};
		if !path.exists() {
			let key = livepeer_worker_ingest::new_key().context("there is no randomness")?;
			secrets::write(&path, &key)?;
			tracing::info!(file = %path.display(), "a stream key was made");
		}
		let text = secrets::read(&path).context("the stream key's file cannot be used")?;
		let keys: Vec<String> =
			text.lines().map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned).collect();
		ensure!(
			!keys.is_empty() || self.auth_webhook.is_some(),
			"{} holds no stream key: write one into it, or delete it, and one is made",
			path.display()
		);
		for key in &keys {
			ensure!(
				key.len() >= 8,
				"a stream key in {} has less than 8 characters: make it longer",
				path.display()
			);
		}
		Ok(keys)
	}
}

/// Serves publishers by HTTP, one at a time: strangers get few connections.
fn serve_http(listener: TcpListener, routes: axum::Router) {
	let limits = HttpLimits { connections: 128, connections_per_host: 16, ..Default::default() };
	tokio::spawn(async move {
		let (_never, stop) = watch::channel(false);
		if let Err(error) = serve(listener, routes, stop, Duration::ZERO, limits).await {
			tracing::error!(%error, "publishers are no longer served by HTTP");
		}
	});
}

/// A pipe, as a publication. Where its segmenter gives up, what follows is another part: the pipe is at its end
/// when it says so.
fn pipe(mut pipe: impl AsyncRead + Unpin + Send + 'static) -> mpsc::Receiver<Publication> {
	let (parts, receiver) = mpsc::channel(1);
	let (publications, out) = mpsc::channel(1);
	tokio::spawn(async move {
		let publication = Publication { protocol: "pipe", from: "-".into(), parts: receiver };
		if publications.send(publication).await.is_err() {
			return;
		}
		loop {
			let (mut into, from) = tokio::io::duplex(1024 * 1024);
			if parts.send(Part { bytes: from }).await.is_err() {
				return;
			}
			match tokio::io::copy(&mut pipe, &mut into).await {
				// Nobody reads the part any more.
				Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
				// What else breaks ends the source; the segmenter says whether something was made of it.
				_ => return,
			}
		}
	});
	out
}

/// Fetches a URL, again and again until it ends or stays away too long, with so many video tracks beside the
/// first.
fn fetch(url: String, idle: Duration, further: usize) -> mpsc::Receiver<Publication> {
	const KEY: &str = "fetched";
	let (gate, publications) = Gate::with_further(Keys::new([KEY.to_owned()]), further);
	tokio::spawn(async move {
		let mut next = None;
		loop {
			match pull(&gate, &url, KEY, &mut next).await {
				Ok(()) => return,
				Err(error) => tracing::warn!(%error, "the source cannot be fetched"),
			}
			// To find out that nobody is there may take long itself.
			if gate.nothing_for() > idle {
				return;
			}
			tokio::time::sleep(PULL_AGAIN).await;
		}
	});
	publications
}

/// Cuts publications until nobody publishes any more.
async fn follow(
	pool: MediaPool,
	mut options: SegmentOptions,
	mut publications: mpsc::Receiver<Publication>,
	idle: Duration,
	out: mpsc::Sender<(Cut, Option<Shape>)>,
) {
	let mut queue = Queue { waiting: VecDeque::new(), out, is_broken: false };
	let mut failures = 0;
	let mut has_begun = false;
	loop {
		// The first publisher may take any time.
		let publication = if has_begun {
			let next = queue.meanwhile(options.fit, timeout(idle, publications.recv())).await;
			next.and_then(|publication| publication.unwrap_or(None))
		} else {
			publications.recv().await
		};
		let Some(mut publication) = publication else {
			break;
		};
		tracing::info!(protocol = publication.protocol, from = %publication.from, "the source is here");
		while let Some(Some(part)) = queue.meanwhile(options.fit, publication.parts.recv()).await {
			match cut_part(&pool, &mut options, part, &mut queue).await {
				Ok(true) => {
					failures = 0;
					has_begun = true;
				}
				Ok(false) => {}
				Err(error) => {
					tracing::warn!(%error, "a part of the source cannot be used");
					failures += 1;
					if is_given_up(&error, options.normalise, failures) {
						queue.fail(error.to_string(), options.fit).await;
						return;
					}
				}
			}
			if queue.out.is_closed() {
				return;
			}
		}
		tracing::info!("the source is away");
	}
	queue.finish(options.fit).await;
}

/// Whether a source is given up after so many consecutive unusable parts. What must not be encoded is refused at once;
/// but pictures may still come where none has yet.
fn is_given_up(error: &MediaError, normalise: bool, failures: u32) -> bool {
	let is_refused = !normalise && *error != no_segment();
	is_refused || failures >= MOST_FAILURES
}

fn no_segment() -> MediaError {
	MediaError::Unsupported(format!(
		"no segment could be made of what came in {BARREN} s: send pictures beside the sound, and \
		 keyframes"
	))
}

/// Segments that wait until they can be sent.
struct Queue {
	waiting: VecDeque<SourceSegment>,
	out: mpsc::Sender<(Cut, Option<Shape>)>,
	/// Whether the next segment does not continue the one before.
	is_broken: bool,
}

impl Queue {
	fn push(&mut self, mut segment: SourceSegment) {
		segment.fresh |= std::mem::take(&mut self.is_broken);
		self.waiting.push_back(segment);
		if self.waiting.len() > MOST_WAITING {
			tracing::warn!("the network does not keep up with the source; a segment is dropped");
			self.waiting.pop_front();
			if let Some(next) = self.waiting.front_mut() {
				next.fresh = true;
			}
		}
	}

	/// Sends one segment as soon as possible; never ready while there is none.
	async fn send(&mut self, shape: Option<Shape>) {
		if self.waiting.is_empty() {
			return std::future::pending().await;
		}
		match self.out.reserve().await {
			Ok(permit) => {
				if let Some(segment) = self.waiting.pop_front() {
					permit.send((Ok(segment), shape));
				}
			}
			Err(_) => self.waiting.clear(),
		}
	}

	/// Waits for something else while what is queued is sent, so that a publisher who leaves holds
	/// nothing back; `None` as soon as nobody takes segments any more.
	async fn meanwhile<T>(
		&mut self,
		shape: Option<Shape>,
		other: impl Future<Output = T>,
	) -> Option<T> {
		let closed = self.out.clone();
		let mut other = pin!(other);
		loop {
			tokio::select! {
				got = &mut other => return Some(got),
				() = closed.closed() => return None,
				() = self.send(shape) => {},
			}
		}
	}

	async fn finish(mut self, shape: Option<Shape>) {
		while !self.waiting.is_empty() {
			self.send(shape).await;
		}
	}

	async fn fail(self, error: String, shape: Option<Shape>) {
		let out = self.out.clone();
		self.finish(shape).await;
		let _ = out.send((Err(error), shape)).await;
	}
}

/// Counts the seconds in which something came of which no segment was made.
#[derive(Default)]
struct Barren {
	seconds: u64,
	fed: u64,
}

impl Barren {
	/// A segment was made.
	fn ended(&mut self) {
		self.seconds = 0;
	}

	/// Another second has passed, up to which so many bytes had come; the count, if this second counts.
	fn passed(&mut self, fed: u64) -> Option<u64> {
		if std::mem::replace(&mut self.fed, fed) == fed {
			return None;
		}
		self.seconds += 1;
		Some(self.seconds)
	}
}

/// Hands on what is published, until it ends or the child does, which says itself how. `false` when the child
/// takes nothing for as long as `patience`. Counts the bytes in `fed`.
async fn feed(
	mut bytes: impl AsyncRead + Unpin,
	mut input: impl AsyncWrite + Unpin,
	patience: Duration,
	fed: Arc<AtomicU64>,
) -> bool {
	let mut buffer = vec![0; 64 * 1024];
	loop {
		let read = match bytes.read(&mut buffer).await {
			Ok(0) | Err(_) => return true,
			Ok(read) => read,
		};
		fed.fetch_add(read as u64, Ordering::Relaxed);
		match timeout(patience, input.write_all(&buffer[..read])).await {
			Ok(Ok(())) => {}
			Ok(Err(_)) => return true,
			Err(_) => return false,
		}
	}
}

/// Cuts one part; whether anything came of it.
async fn cut_part(
	pool: &MediaPool,
	options: &mut SegmentOptions,
	part: Part,
	queue: &mut Queue,
) -> Result<bool, MediaError> {
	let (input, mut segments) = pool.segment_live(*options)?;
	let fed = Arc::new(AtomicU64::new(0));
	let mut feeding = tokio::spawn(feed(part.bytes, input, STUCK, fed.clone()));
	let (sender, mut cuts) = mpsc::channel(1);
	let cutting = tokio::spawn(async move {
		while let Some(next) = segments.next().await {
			let is_end = next.is_err();
			if sender.send(next.map(|cut| (cut, segments.shape()))).await.is_err() || is_end {
				return;
			}
		}
	});
	let closed = queue.out.clone();
	let mut count = 0u64;
	let mut is_fed = false;
	let mut late = pin!(tokio::time::sleep(STUCK));
	let mut barren = Barren::default();
	let mut second = interval(Duration::from_secs(1));
	second.set_missed_tick_behavior(MissedTickBehavior::Delay);
	let result = loop {
		tokio::select! {
			fed = &mut feeding, if !is_fed => {
				is_fed = true;
				if !matches!(fed, Ok(true)) {
					break Err(MediaError::TimedOut(STUCK));
				}
				late.as_mut().reset(tokio::time::Instant::now() + STUCK);
			},
			() = &mut late, if is_fed => break Err(MediaError::TimedOut(STUCK)),
			_ = second.tick(), if !is_fed => match barren.passed(fed.load(Ordering::Relaxed)) {
				Some(BARREN_SAID) => tracing::warn!(
					"the source comes, and no segment can be made of it: it may be sound alone, or \
					 pictures without a keyframe"
				),
				Some(BARREN..) => break Err(no_segment()),
				_ => {}
			},
			next = cuts.recv() => match next {
				None => break Ok(count > 0),
				Some(Err(error)) => break Err(error),
				Some(Ok((cut, shape))) => {
					options.fit = options.fit.or(shape);
					let length = u64::from(cut.duration) / 90;
					let captured = wall_ms().saturating_sub(length);
					// Another part does not continue the one before.
					let fresh = count == 0 || cut.fresh;
					count += 1;
					barren.ended();
					late.as_mut().reset(tokio::time::Instant::now() + STUCK);
					queue.push(SourceSegment { captured, fresh, ..of_file(cut) });
				}
			},
			() = queue.send(options.fit) => {},
			() = closed.closed() => break Ok(count > 0),
		}
	};
	feeding.abort();
	cutting.abort();
	queue.is_broken = true;
	match result {
		// What was made of it is out; the next part is another epoch.
		Err(error) if count > 0 => {
			tracing::warn!(%error, "the segmenter stopped; it begins anew");
			Ok(true)
		}
		other => other,
	}
}

/// Without the shape, which only the first segment needs.
fn forward(mut from: mpsc::Receiver<(Cut, Option<Shape>)>) -> mpsc::Receiver<Cut> {
	let (sender, receiver) = mpsc::channel(1);
	tokio::spawn(async move {
		loop {
			let Ok(permit) = sender.reserve().await else {
				return;
			};
			match from.recv().await {
				Some((cut, _)) => permit.send(cut),
				None => return,
			}
		}
	});
	receiver
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;

	fn segment(time: u64) -> SourceSegment {
		let bytes = vec![0; 188];
		SourceSegment {
			bytes,
			duration: 90_000,
			time,
			captured: 0,
			last: false,
			fresh: false,
			own: Vec::new(),
		}
	}

	#[test]
	fn segment_that_begins_an_epoch_should_begin_one_in_the_stream() {
		for fresh in [false, true] {
			let cut = Segment {
				data: vec![0; 188],
				duration: 90_000,
				first_time: 126_000,
				frames: 1,
				last: false,
				fresh,
				own: Default::default(),
			};
			assert_eq!(of_file(cut).fresh, fresh);
		}
	}

	/// A publisher sends what keeps its segmenter busy for ever: it is given up, and others can publish.
	#[tokio::test]
	async fn attack_source_that_keeps_the_segmenter_busy() {
		let (mut publisher, bytes) = tokio::io::duplex(1024);
		let (input, mut child) = tokio::io::duplex(16);
		let sending = tokio::spawn(async move {
			// More than a child takes that takes nothing.
			let _ = publisher.write_all(&[0; 4_096]).await;
			publisher
		});
		let fed = Arc::new(AtomicU64::new(0));
		assert!(!feed(bytes, input, Duration::from_millis(20), fed.clone()).await);
		drop(sending.await);
		// One that has ended, or whose child has, is not stuck.
		let mut rest = Vec::new();
		child.read_to_end(&mut rest).await.unwrap();
		let (input, child) = tokio::io::duplex(16);
		drop(child);
		assert!(feed(&[0u8; 64][..], input, STUCK, fed.clone()).await);
		fed.store(0, Ordering::Relaxed);
		assert!(feed(&[0u8; 64][..], tokio::io::sink(), STUCK, fed.clone()).await);
		assert_eq!(fed.load(Ordering::Relaxed), 64);
	}

	/// A publisher of sound alone used to be held without a word until it ended.
	#[test]
	fn seconds_should_count_where_something_comes_and_no_segment_is_made() {
		let mut barren = Barren::default();
		assert_eq!(barren.passed(0), None, "nothing has come");
		assert_eq!((barren.passed(10), barren.passed(20)), (Some(1), Some(2)));
		assert_eq!(barren.passed(20), None, "the source rests");
		assert_eq!(barren.passed(30), Some(3));
		barren.ended();
		assert_eq!(barren.passed(40), Some(1));
	}

	/// With `--no-normalise` the first minute of sound alone, as while a camera is off, ended the stream.
	#[test]
	fn source_without_pictures_should_be_tried_again_also_when_nothing_may_be_encoded() {
		let refused = MediaError::Unsupported("the video is HEVC".into());
		assert!(is_given_up(&refused, false, 1));
		for (error, normalise) in [(&refused, true), (&no_segment(), true), (&no_segment(), false)]
		{
			assert!(!is_given_up(error, normalise, MOST_FAILURES - 1), "{error}");
			assert!(is_given_up(error, normalise, MOST_FAILURES), "{error}");
		}
	}

	/// A server that takes connections and gives nothing used to keep a stream open for ever.
	#[tokio::test]
	async fn source_should_count_as_away_while_nothing_comes_of_it() {
		let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
		let url = format!("rtmp://{}/live/name", server.local_addr().unwrap());
		tokio::spawn(async move {
			while let Ok((connection, _)) = server.accept().await {
				tokio::time::sleep(PULL_AGAIN + Duration::from_millis(500)).await;
				drop(connection);
			}
		});
		let mut publications = fetch(url, Duration::from_secs(1), 0);
		let ended = async { while publications.recv().await.is_some() {} };
		assert!(timeout(Duration::from_secs(10), ended).await.is_ok());
	}

	/// A segmenter that gives up in the middle of a pipe used to end the stream as if the pipe had.
	#[tokio::test]
	async fn pipe_should_go_on_in_another_part_where_a_segmenter_gives_up() {
		let (mut writer, reader) = tokio::io::duplex(16);
		let mut publications = pipe(reader);
		let mut publication = publications.recv().await.unwrap();
		let mut first = publication.parts.recv().await.unwrap();
		writer.write_all(b"before").await.unwrap();
		let mut bytes = [0; 6];
		first.bytes.read_exact(&mut bytes).await.unwrap();
		drop(first);
		// Data on its way to the first part is lost with it.
		writer.write_all(b"lost").await.unwrap();
		let mut second = publication.parts.recv().await.unwrap();
		writer.write_all(b"behind").await.unwrap();
		drop(writer);
		let mut rest = String::new();
		second.bytes.read_to_string(&mut rest).await.unwrap();
		assert_eq!(rest, "behind");
		assert!(publication.parts.recv().await.is_none());
	}

	/// The last segment of a publisher used to wait until it came back, or until the stream ended.
	#[tokio::test]
	async fn what_is_cut_should_be_sent_while_the_publisher_is_away() {
		let (out, mut sent) = mpsc::channel(1);
		let mut queue = Queue { waiting: VecDeque::new(), out, is_broken: false };
		queue.push(segment(0));
		queue.push(segment(90_000));
		let (back, publisher) = tokio::sync::oneshot::channel();
		let away = tokio::spawn(async move {
			let came = queue.meanwhile(None, publisher).await;
			(came, queue)
		});
		for time in [0, 90_000] {
			let Some((Ok(cut), _)) = sent.recv().await else { panic!("it is sent") };
			assert_eq!(cut.time, time);
		}
		back.send(7).unwrap();
		let (came, mut queue) = away.await.unwrap();
		assert!(matches!(came, Some(Ok(7))));
		// Nobody takes segments any more: there is nothing to wait for.
		drop(sent);
		assert_eq!(queue.meanwhile(None, std::future::pending::<()>()).await, None);
	}
}
