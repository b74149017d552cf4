//! Fetches a stream: HLS or a file over HTTP, RTMP, SRT.
//!
//! A playlist's server decides what is fetched next, and everything fetched goes into the stream. So
//! playlists and redirections may lead only to public addresses, and to the host that the operator named if
//! that one is in the operator's own network.

use std::{
	io,
	net::{IpAddr, Ipv4Addr},
	sync::Arc,
	time::Duration,
};

use futures::StreamExt;
use livepeer_worker_hosts::is_public;
use m3u8_rs::{ByteRange, Map, MediaPlaylist, Playlist};
use reqwest::{header, redirect, Client, Response, StatusCode, Url};
use thiserror::Error;
use tokio::time::Instant;

use crate::{
	gate::{builder, Denied, Gate, Session, MOST_REDIRECTIONS},
	public::{literal, PublicOnly},
	rtmp::{self, RtmpError},
	srt,
};

/// The longest playlist.
const LONGEST_PLAYLIST: usize = 2 * 1024 * 1024;
/// The longest segment.
const LARGEST_SEGMENT: u64 = 64 * 1024 * 1024;
/// How often a failed playlist request is repeated.
const POLL: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(6));
/// How long a server may be away after it broke off.
const BROKEN: Duration = Duration::from_secs(2);
/// Consecutive failures after which the source counts as gone.
const MOST_FAILURES: u32 = 6;
/// Consecutive missing segments after which the source counts as away.
const MOST_MISSING: u32 = 3;
/// How many segments behind the newest a live stream is taken up.
const BEHIND: usize = 3;
/// How long nothing may come of a live playlist before its source counts as away, as with a publisher.
const STALE: Duration = Duration::from_secs(20);
/// It is waited for at least so many segments, of which none counts longer than so many seconds.
const STALE_SEGMENTS: (u32, u64) = (3, 20);

/// Why nothing can be fetched.
#[derive(Debug, Error)]
pub enum PullError {
	/// An unsupported URL.
	#[error("{0} cannot be fetched: give an http, https, rtmp or srt URL")]
	Url(String),
	/// HTTP failed.
	#[error("the source cannot be fetched: {0}")]
	Http(String),
	/// Missing, or leading to a forbidden address: it will not be available later either.
	#[error("the source cannot be fetched: {0}")]
	Gone(String),
	/// A playlist leads to a private address.
	#[error("the source leads to {0}, which is no address of the internet")]
	Inside(String),
	/// An unsupported playlist.
	#[error("the playlist cannot be followed: {0}")]
	Playlist(&'static str),
	/// RTMP failed.
	#[error(transparent)]
	Rtmp(#[from] RtmpError),
	/// SRT failed.
	#[error("the source cannot be fetched: {0}")]
	Io(#[from] io::Error),
	/// Nobody takes it any more.
	#[error(transparent)]
	Denied(#[from] Denied),
}

impl From<reqwest::Error> for PullError {
	fn from(error: reqwest::Error) -> Self {
		const GONE: [StatusCode; 2] = [StatusCode::NOT_FOUND, StatusCode::GONE];
		let is_gone = error.status().is_some_and(|status| GONE.contains(&status));
		match is_gone || error.is_redirect() {
			true => PullError::Gone(error.to_string()),
			false => PullError::Http(error.to_string()),
		}
	}
}

impl PullError {
	/// Whether trying again is of no use.
	fn is_for_good(&self) -> bool {
		matches!(self, PullError::Gone(_) | PullError::Inside(_))
	}
}

type Result<T> = std::result::Result<T, PullError>;

/// Fetches `url` into the gate until it ends. HLS begins with the segment `next`, if given; after a failure
/// `next` is the segment to continue with.
pub async fn pull(gate: &Arc<Gate>, url: &str, key: &str, next: &mut Option<u64>) -> Result<()> {
	let parsed = Url::parse(url).map_err(|_| PullError::Url(url.into()))?;
	let host = parsed.host_str().unwrap_or_default().to_owned();
	let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
	match parsed.scheme() {
		"http" | "https" => {
			let mut session = gate.admit("pull", here, "pull", key).await?;
			http(parsed, next, &mut session).await
		}
		"rtmp" => {
			let mut session = gate.admit("pull", here, "pull", key).await?;
			let path = parsed.path().trim_start_matches('/');
			let (app, name) = path.split_once('/').ok_or_else(|| PullError::Url(url.into()))?;
			let query = parsed.query().map(|query| format!("?{query}")).unwrap_or_default();
			let name = format!("{name}{query}");
			Ok(rtmp::play(&host, parsed.port().unwrap_or(1_935), app, &name, &mut session).await?)
		}
		"srt" => {
			let mut session = gate.admit("pull", here, "pull", key).await?;
			let id = parsed.query_pairs().find(|(name, _)| name == "streamid");
			let address = format!("{host}:{}", parsed.port().unwrap_or(9_000));
			let id = id.as_ref().map(|(_, id)| id.as_ref());
			Ok(srt::call(&address, id, &mut session).await?)
		}
		_ => Err(PullError::Url(url.into())),
	}
}

/// Where a source may lead: to public addresses, and to its own host if that is in the operator's network. A
/// host with a public address may not have private ones too.
async fn reach_of(url: &Url) -> PublicOnly {
	let host = url.host_str().unwrap_or_default();
	let is_outside = match literal(url) {
		Some(ip) => is_public(ip),
		None => match tokio::net::lookup_host((host, 0)).await {
			Ok(mut found) => found.any(|at| is_public(at.ip())),
			// It could not be fetched anyway.
			Err(_) => true,
		},
	};
	if is_outside {
		PublicOnly::default()
	} else {
		PublicOnly::but(host)
	}
}

/// Requests a URL of a source, if the source may lead there.
struct Fetcher {
	client: Client,
	reach: PublicOnly,
}

impl Fetcher {
	fn new(reach: PublicOnly) -> Result<Self> {
		let within = reach.clone();
		let redirections = redirect::Policy::custom(move |attempt| {
			if attempt.previous().len() > MOST_REDIRECTIONS {
				attempt.error("too many redirections")
			} else if !within.admits(attempt.url()) {
				attempt.error("a redirection leads to no address of the internet")
			} else {
				attempt.follow()
			}
		});
		let client = builder()
			.redirect(redirections)
			.dns_resolver(Arc::new(reach.clone()))
			// A proxy would resolve names by itself.
			.no_proxy()
			.build()?;
		Ok(Self { client, reach })
	}

	/// Requests a resource, or a part of it.
	async fn get(&self, url: &Url, part: Option<Part>) -> Result<Response> {
		if !self.reach.admits(url) {
			return Err(PullError::Inside(url.host_str().unwrap_or_default().to_owned()));
		}
		let mut request = self.client.get(url.clone());
		if let Some((first, length)) = part {
			let last = first.saturating_add(length.saturating_sub(1));
			request = request.header(header::RANGE, format!("bytes={first}-{last}"));
		}
		let answer = request.send().await?.error_for_status()?;
		if part.is_some() && answer.status() != StatusCode::PARTIAL_CONTENT {
			return Err(PullError::Playlist("its server gives no parts of files"));
		}
		Ok(answer)
	}
}

/// A part of a resource: its first byte and its length.
type Part = (u64, u64);

/// The part of a file in a playlist. Without a start it follows the part before.
fn part_of(range: &ByteRange, before: &mut u64) -> Part {
	let first = range.offset.unwrap_or(*before);
	*before = first.saturating_add(range.length);
	(first, range.length)
}

async fn http(url: Url, next: &mut Option<u64>, session: &mut Session) -> Result<()> {
	let fetcher = Fetcher::new(reach_of(&url).await)?;
	let answer = fetcher.get(&url, None).await?;
	let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok());
	let is_playlist = url.path().ends_with(".m3u8")
		|| kind.is_some_and(|kind| kind.to_ascii_lowercase().contains("mpegurl"));
	if is_playlist {
		let url = answer.url().clone();
		return hls(&fetcher, url, read_playlist(answer).await?, next, session, STALE).await;
	}
	file(&fetcher, &url, answer, session).await
}

/// Fetches a file or an endless stream. A file of known length continues where its server broke off.
async fn file(fetcher: &Fetcher, url: &Url, answer: Response, session: &mut Session) -> Result<()> {
	let length = answer.content_length();
	let (mut taken, mut failures) = (0, 0);
	let mut answer = Ok(answer);
	loop {
		let before = taken;
		let ended = match answer {
			Ok(answer) => copy(answer, u64::MAX, &mut taken, session).await,
			Err(error) => Err(error),
		};
		let (length, error) = match (length, ended) {
			(Some(length), Err(error @ PullError::Http(_))) => (length, error),
			(_, ended) => return ended,
		};
		failures = if taken > before { 1 } else { failures + 1 };
		if failures >= MOST_FAILURES {
			return Err(error);
		}
		tracing::warn!(%error, taken, "the source broke off; it is asked for the rest");
		tokio::time::sleep(BROKEN).await;
		answer = fetcher.get(url, Some((taken, length.saturating_sub(taken)))).await;
	}
}

/// Hands on incoming bytes and counts them in `taken`, up to `most`.
async fn copy(answer: Response, most: u64, taken: &mut u64, session: &mut Session) -> Result<()> {
	let mut stream = answer.bytes_stream();
	while let Some(bytes) = stream.next().await {
		let bytes = bytes?;
		*taken = taken.saturating_add(bytes.len() as u64);
		if *taken > most {
			return Err(PullError::Playlist("a segment is too long"));
		}
		session.write(&bytes).await?;
	}
	Ok(())
}

async fn read_playlist(answer: Response) -> Result<Playlist> {
	let mut stream = answer.bytes_stream();
	let mut text = Vec::new();
	while let Some(bytes) = stream.next().await {
		text.extend_from_slice(&bytes?);
		if text.len() > LONGEST_PLAYLIST {
			return Err(PullError::Playlist("it is too long"));
		}
	}
	m3u8_rs::parse_playlist_res(&text).map_err(|_| PullError::Playlist("it is damaged"))
}

fn joined(base: &Url, path: &str) -> Result<Url> {
	let url = base.join(path).map_err(|_| PullError::Playlist("a URL in it is damaged"))?;
	match url.scheme() {
		"http" | "https" => Ok(url),
		_ => Err(PullError::Playlist("a URL in it is not of the web")),
	}
}

/// Follows a playlist until it ends, or until nothing new has come of it for so long as `stale`.
async fn hls(
	fetcher: &Fetcher,
	mut url: Url,
	mut playlist: Playlist,
	next: &mut Option<u64>,
	session: &mut Session,
	stale: Duration,
) -> Result<()> {
	let began = Instant::now();
	if let Playlist::MasterPlaylist(master) = &playlist {
		let best = master
			.variants
			.iter()
			.filter(|variant| !variant.is_i_frame)
			.max_by_key(|variant| variant.bandwidth)
			.ok_or(PullError::Playlist("it names no variant"))?;
		let apart = master
			.alternatives
			.iter()
			.any(|other| other.uri.is_some() && Some(&other.group_id) == best.audio.as_ref());
		if apart {
			return Err(PullError::Playlist("its sound comes apart from its pictures"));
		}
		url = joined(&url, &best.uri)?;
		let answer = fetcher.get(&url, None).await?;
		url = answer.url().clone();
		playlist = read_playlist(answer).await?;
	}
	let mut map: Option<Map> = None;
	let mut failures = 0;
	loop {
		let Playlist::MediaPlaylist(media) = &playlist else {
			return Err(PullError::Playlist("it names no segments"));
		};
		let before = *next;
		segments(fetcher, &url, media, next, &mut map, session).await?;
		if media.end_list {
			return Ok(());
		}
		let (count, longest) = STALE_SEGMENTS;
		let target = Duration::from_secs(media.target_duration.clamp(1, longest));
		// Many a server leaves the playlist there when its stream breaks off, and never ends it.
		if session.nothing_for().min(began.elapsed()) >= stale.max(count * target) {
			return Err(PullError::Playlist("nothing new has come for long, and it has no end"));
		}
		session.hear();
		// Half as long if there was nothing new, as HLS requires.
		let pause = if *next == before { target / 2 } else { target };
		tokio::time::sleep(pause.clamp(POLL.0, POLL.1)).await;
		let again = async { read_playlist(fetcher.get(&url, None).await?).await };
		match again.await {
			Ok(newer) => {
				playlist = newer;
				failures = 0;
			}
			Err(error) => {
				failures += 1;
				if failures >= MOST_FAILURES {
					return Err(error);
				}
			}
		}
	}
}

async fn segments(
	fetcher: &Fetcher,
	url: &Url,
	media: &MediaPlaylist,
	next: &mut Option<u64>,
	map: &mut Option<Map>,
	session: &mut Session,
) -> Result<()> {
	let first = media.media_sequence;
	let count = media.segments.len();
	let start = match *next {
		// Numbers that went back mean another stream.
		Some(seq) if seq > first.saturating_add(count as u64) => {
			session.end_part();
			first
		}
		Some(seq) => {
			if seq < first {
				session.end_part();
			}
			seq.max(first)
		}
		None if media.end_list => first,
		None => first.saturating_add(count.saturating_sub(BEHIND) as u64),
	};
	*next = Some(start);
	let (mut behind, mut missing) = (0, 0);
	for (index, segment) in media.segments.iter().enumerate() {
		let seq = first.saturating_add(index as u64);
		let part = segment.byte_range.as_ref().map(|range| part_of(range, &mut behind));
		if seq < start {
			continue;
		}
		let encrypted = segment.key.as_ref().is_some_and(|key| key.method.to_string() != "NONE");
		if encrypted {
			return Err(PullError::Playlist("its segments are encrypted"));
		}
		let init = segment.map.clone().or_else(|| map.clone());
		if segment.discontinuity || (map.is_some() && init != *map) {
			session.end_part();
		}
		if session.is_between() {
			if let Some(init) = &init {
				let part = init.byte_range.as_ref().map(|range| part_of(range, &mut 0));
				let answer = fetcher.get(&joined(url, &init.uri)?, part).await?;
				copy(answer, LARGEST_SEGMENT, &mut 0, session).await?;
			}
		}
		*map = init;
		let answer = fetcher.get(&joined(url, &segment.uri)?, part).await;
		let is_there = answer.is_ok();
		let taken = match answer {
			Ok(answer) => copy(answer, LARGEST_SEGMENT, &mut 0, session).await,
			Err(error) => Err(error),
		};
		match taken {
			Ok(()) => {}
			Err(error @ PullError::Denied(_)) => return Err(error),
			Err(error) => {
				tracing::warn!(seq, %error, "a segment is missing");
				// The next one does not continue the one before.
				session.end_part();
				// Nothing of it has come, and it may be available later: it stays the next one, unless
				// another comes.
				if !is_there && !error.is_for_good() {
					missing += 1;
					if missing >= MOST_MISSING || (media.end_list && index + 1 == count) {
						return Err(error);
					}
					continue;
				}
			}
		}
		missing = 0;
		*next = Some(seq.saturating_add(1));
	}
	Ok(())
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use std::sync::atomic::{AtomicUsize, Ordering};

	use axum::{
		extract::Path,
		http::{header, HeaderMap, StatusCode},
		routing::get,
		Router,
	};
	use tokio::{io::AsyncReadExt, net::TcpListener, sync::mpsc};

	use super::*;
	use crate::gate::{Keys, Publication};

	const KEY: &str = "a-stream-key";

	/// A service within the operator's network, and how often it was asked.
	async fn inside() -> (u16, Arc<AtomicUsize>) {
		let asked: Arc<AtomicUsize> = Arc::default();
		let counted = asked.clone();
		let secret = get(move || {
			counted.fetch_add(1, Ordering::Relaxed);
			async { "a secret" }
		});
		let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
		let port = listener.local_addr().unwrap().port();
		let routes = Router::new().route("/secret", secret);
		tokio::spawn(async move { axum::serve(listener, routes).await });
		(port, asked)
	}

	/// What comes of one publication.
	async fn fetched(publications: &mut mpsc::Receiver<Publication>) -> String {
		let mut publication = publications.recv().await.unwrap();
		let mut fetched = String::new();
		while let Some(mut part) = publication.parts.recv().await {
			part.bytes.read_to_string(&mut fetched).await.unwrap();
		}
		fetched
	}

	/// Serves a playlist of these lines, and what it names.
	async fn source(lines: &str, routes: Router) -> String {
		let playlist = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n{lines}\n#EXT-X-ENDLIST\n");
		let routes = routes.route("/index.m3u8", get(move || async move { playlist }));
		let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
		let at = listener.local_addr().unwrap();
		tokio::spawn(async move { axum::serve(listener, routes).await });
		format!("http://{at}/index.m3u8")
	}

	/// A server that breaks one segment off and is away for a while: the film neither begins again nor counts
	/// as shown to its end.
	#[tokio::test]
	async fn film_should_go_on_where_it_was_when_its_server_was_away() {
		let asked: Arc<AtomicUsize> = Arc::default();
		let (of_one, of_two) = (asked.clone(), Arc::new(AtomicUsize::new(0)));
		let broken = || async {
			let sent = [Ok("x"), Err(io::Error::other("the connection breaks"))];
			let sent = futures::stream::iter(sent).then(|part| async move {
				tokio::time::sleep(Duration::from_millis(100)).await;
				part
			});
			axum::body::Body::from_stream(sent)
		};
		let one = move || async move {
			of_one.fetch_add(1, Ordering::Relaxed);
			"one"
		};
		let two = move || async move {
			match of_two.fetch_add(1, Ordering::Relaxed) {
				0 => (StatusCode::SERVICE_UNAVAILABLE, "later"),
				_ => (StatusCode::OK, "two"),
			}
		};
		let routes = Router::new()
			.route("/broken", get(broken))
			.route("/one", get(one))
			.route("/two", get(two));
		let lines = "#EXTINF:1,\nbroken\n#EXTINF:1,\none\n#EXTINF:1,\ngone\n#EXTINF:1,\ntwo";
		let url = source(lines, routes).await;
		let (gate, mut publications) = Gate::new(Keys::new([KEY.to_owned()]));
		let mut next = None;
		let first = pull(&gate, &url, KEY, &mut next);
		let (ended, first) = tokio::join!(first, fetched(&mut publications));
		assert!(matches!(ended, Err(PullError::Http(_))), "{ended:?}");
		assert_eq!(first, "xone");
		let second = pull(&gate, &url, KEY, &mut next);
		let (ended, second) = tokio::join!(second, fetched(&mut publications));
		assert!(ended.is_ok(), "{ended:?}");
		assert_eq!((second.as_str(), asked.load(Ordering::Relaxed)), ("two", 1));
	}

	/// A server whose encoder broke off, and which serves the last playlist for ever, without an end.
	#[tokio::test]
	async fn source_should_count_as_away_when_nothing_new_comes_of_its_playlist() {
		const SEGMENTS: usize = 5;
		let asked: Arc<AtomicUsize> = Arc::default();
		// One more segment each time.
		let growing = move || async move {
			let count = asked.fetch_add(1, Ordering::Relaxed).saturating_add(1).min(SEGMENTS);
			let mut playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n".to_owned();
			(0..count).for_each(|seq| playlist.push_str(&format!("#EXTINF:1,\nsegment/{seq}\n")));
			playlist
		};
		let segment = |Path(seq): Path<String>| async move { seq };
		let routes =
			Router::new().route("/index.m3u8", get(growing)).route("/segment/{seq}", get(segment));
		let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
		let url = format!("http://{}/index.m3u8", listener.local_addr().unwrap());
		let url: Url = url.parse().unwrap();
		tokio::spawn(async move { axum::serve(listener, routes).await });
		let (gate, mut publications) = Gate::new(Keys::new([KEY.to_owned()]));
		let pulling = async {
			let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
			let mut session = gate.admit("pull", here, "pull", KEY).await.unwrap();
			let fetcher = Fetcher::new(reach_of(&url).await).unwrap();
			let playlist = read_playlist(fetcher.get(&url, None).await.unwrap()).await.unwrap();
			let stale = Duration::from_secs(1);
			hls(&fetcher, url.clone(), playlist, &mut None, &mut session, stale).await
		};
		let both = async { tokio::join!(pulling, fetched(&mut publications)) };
		let (ended, fetched) = tokio::time::timeout(Duration::from_secs(30), both).await.unwrap();
		let why = ended.unwrap_err().to_string();
		assert!(why.contains("nothing new has come"), "{why}");
		// New ones came for longer than none may come.
		assert_eq!(fetched, "01234");
	}

	/// A server that breaks a film off is asked for the rest of it, and for nothing twice.
	#[tokio::test]
	async fn film_of_one_file_should_go_on_where_its_server_broke_off() {
		let film = |headers: HeaderMap| async move {
			let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
			match range {
				None => {
					let sent = [Ok("abc"), Err(io::Error::other("the connection breaks"))];
					let sent = futures::stream::iter(sent).then(|part| async move {
						tokio::time::sleep(Duration::from_millis(100)).await;
						part
					});
					let body = axum::body::Body::from_stream(sent);
					(StatusCode::OK, [(header::CONTENT_LENGTH, "8")], body)
				}
				Some(range) => {
					assert_eq!(range, "bytes=3-7");
					let body = axum::body::Body::from("defgh");
					(StatusCode::PARTIAL_CONTENT, [(header::CONTENT_LENGTH, "5")], body)
				}
			}
		};
		let routes = Router::new().route("/film", get(film));
		let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
		let url = format!("http://{}/film", listener.local_addr().unwrap());
		tokio::spawn(async move { axum::serve(listener, routes).await });
		let (gate, mut publications) = Gate::new(Keys::new([KEY.to_owned()]));
		let mut next = None;
		let pulling = pull(&gate, &url, KEY, &mut next);
		let (ended, fetched) = tokio::join!(pulling, fetched(&mut publications));
		assert!(ended.is_ok(), "{ended:?}");
		assert_eq!(fetched, "abcdefgh");
	}

	/// Films of which all segments are parts of one file, as ffmpeg and Apple make them.
	#[tokio::test]
	async fn parts_of_a_file_should_be_fetched_and_no_more_of_it() {
		let file = |headers: HeaderMap| async move {
			let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
			let range = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
			let (first, last) = range.unwrap();
			let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
			(StatusCode::PARTIAL_CONTENT, "abcdefgh"[first..=last].to_owned())
		};
		let lines =
			"#EXT-X-MAP:URI=\"file\",BYTERANGE=\"1@0\"\n#EXTINF:1,\n#EXT-X-BYTERANGE:2@2\nfile\n\
			#EXTINF:1,\n#EXT-X-BYTERANGE:3\nfile";
		let whole = || async { "all of it" };
		for (serves, expected) in [(get(file), Some("acdefg")), (get(whole), None)] {
			let url = source(lines, Router::new().route("/file", serves)).await;
			let (gate, mut publications) = Gate::new(Keys::new([KEY.to_owned()]));
			let mut next = None;
			let pulling = pull(&gate, &url, KEY, &mut next);
			let (ended, fetched) = tokio::join!(pulling, fetched(&mut publications));
			assert_eq!(
				(ended.is_ok(), fetched.as_str()),
				(expected.is_some(), expected.unwrap_or(""))
			);
		}
	}

	/// A source whose playlist leads to the fetching operator's services: their answers would be cut into the
	/// stream, and published.
	#[tokio::test]
	async fn attack_source_that_leads_into_the_operators_network() {
		let (port, asked) = inside().await;
		let strict = Fetcher::new(PublicOnly::default()).unwrap();
		for host in ["127.0.0.1", "0x7f.1", "[::ffff:127.0.0.1]", "localhost"] {
			let url = format!("http://{host}:{port}/secret").parse().unwrap();
			assert!(strict.get(&url, None).await.is_err(), "{host}");
		}
		// A source on this machine leads to itself, and to nothing else that is here.
		let playlist = format!(
			"#EXTM3U\n#EXT-X-TARGETDURATION:1\n\
			 #EXTINF:1,\nown\n#EXTINF:1,\nhttp://localhost:{port}/secret\n\
			 #EXTINF:1,\nhttp://127.0.0.2:{port}/secret\n#EXTINF:1,\nmoved\n#EXT-X-ENDLIST\n"
		);
		let moved = [(header::LOCATION, format!("http://localhost:{port}/secret"))];
		let routes = Router::new()
			.route("/index.m3u8", get(move || async move { playlist }))
			.route("/own", get(|| async { "own" }))
			.route("/moved", get(move || async move { (StatusCode::FOUND, moved) }));
		let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
		let at = listener.local_addr().unwrap();
		tokio::spawn(async move { axum::serve(listener, routes).await });
		let (gate, mut publications) = Gate::new(Keys::new([KEY.to_owned()]));
		let pulling = tokio::spawn(async move {
			pull(&gate, &format!("http://{at}/index.m3u8"), KEY, &mut None).await
		});
		let fetched = fetched(&mut publications).await;
		assert!(pulling.await.unwrap().is_err(), "the last one is not had");
		assert_eq!((fetched.as_str(), asked.load(Ordering::Relaxed)), ("own", 0));
	}

	#[tokio::test]
	async fn source_should_lead_within_its_own_network_only_where_it_is_there() {
		let admits = async |source: &str, url: &str| {
			reach_of(&source.parse().unwrap()).await.admits(&url.parse().unwrap())
		};
		assert!(admits("http://192.168.1.9/x", "http://192.168.1.9:81/y").await);
		assert!(!admits("http://192.168.1.9/x", "http://192.168.1.1/y").await);
		assert!(!admits("http://1.1.1.1/x", "http://127.0.0.1/y").await);
		assert!(admits("http://localhost/x", "http://localhost/y").await);
	}
}
