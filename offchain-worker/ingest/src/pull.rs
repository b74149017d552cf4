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
use m3u8_rs::{MediaPlaylist, Playlist};
use reqwest::{redirect, Client, Response, Url};
use thiserror::Error;

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
/// Consecutive failures after which the source counts as gone.
const MOST_FAILURES: u32 = 6;
/// How many segments behind the newest a live stream is taken up.
const BEHIND: usize = 3;

/// Why nothing can be fetched.
#[derive(Debug, Error)]
pub enum PullError {
	/// An unsupported URL.
	#[error("{0} cannot be fetched: give an http, https, rtmp or srt URL")]
	Url(String),
	/// HTTP failed.
	#[error("the source cannot be fetched: {0}")]
	Http(String),
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
		PullError::Http(error.to_string())
	}
}

type Result<T> = std::result::Result<T, PullError>;

/// Fetches `url` into the gate until it ends.
pub async fn pull(gate: &Arc<Gate>, url: &str, key: &str) -> Result<()> {
	let parsed = Url::parse(url).map_err(|_| PullError::Url(url.into()))?;
	let host = parsed.host_str().unwrap_or_default().to_owned();
	let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
	match parsed.scheme() {
		"http" | "https" => {
			let mut session = gate.admit("pull", here, "pull", key).await?;
			http(parsed, &mut session).await
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

	async fn get(&self, url: &Url) -> Result<Response> {
		if !self.reach.admits(url) {
			return Err(PullError::Inside(url.host_str().unwrap_or_default().to_owned()));
		}
		Ok(self.client.get(url.clone()).send().await?.error_for_status()?)
	}
}

async fn http(url: Url, session: &mut Session) -> Result<()> {
	let fetcher = Fetcher::new(reach_of(&url).await)?;
	let answer = fetcher.get(&url).await?;
	let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok());
	let is_playlist = url.path().ends_with(".m3u8")
		|| kind.is_some_and(|kind| kind.to_ascii_lowercase().contains("mpegurl"));
	if is_playlist {
		let url = answer.url().clone();
		return hls(&fetcher, url, read_playlist(answer).await?, session).await;
	}
	copy(answer, u64::MAX, session).await
}

async fn copy(answer: Response, most: u64, session: &mut Session) -> Result<()> {
	let mut stream = answer.bytes_stream();
	let mut taken = 0u64;
	while let Some(bytes) = stream.next().await {
		let bytes = bytes?;
		taken = taken.saturating_add(bytes.len() as u64);
		if taken > most {
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

async fn hls(
	fetcher: &Fetcher,
	mut url: Url,
	mut playlist: Playlist,
	session: &mut Session,
) -> Result<()> {
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
		let answer = fetcher.get(&url).await?;
		url = answer.url().clone();
		playlist = read_playlist(answer).await?;
	}
	let mut next: Option<u64> = None;
	let mut map: Option<String> = None;
	let mut failures = 0;
	loop {
		let Playlist::MediaPlaylist(media) = &playlist else {
			return Err(PullError::Playlist("it names no segments"));
		};
		let before = next;
		segments(fetcher, &url, media, &mut next, &mut map, session).await?;
		if media.end_list {
			return Ok(());
		}
		session.hear();
		let target = Duration::from_secs(media.target_duration.max(1));
		// Half as long if there was nothing new, as HLS requires.
		let pause = if next == before { target / 2 } else { target };
		tokio::time::sleep(pause.clamp(POLL.0, POLL.1)).await;
		let again = async { read_playlist(fetcher.get(&url).await?).await };
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
	map: &mut Option<String>,
	session: &mut Session,
) -> Result<()> {
	let first = media.media_sequence;
	let count = media.segments.len();
	let start = match *next {
		// Numbers that went back mean another stream.
		Some(seq) if seq > first + count as u64 => {
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
		None => first + count.saturating_sub(BEHIND) as u64,
	};
	*next = Some(start);
	for (index, segment) in media.segments.iter().enumerate() {
		let seq = first + index as u64;
		if seq < start {
			continue;
		}
		let encrypted = segment.key.as_ref().is_some_and(|key| key.method.to_string() != "NONE");
		if encrypted {
			return Err(PullError::Playlist("its segments are encrypted"));
		}
		let init = segment.map.as_ref().map(|map| map.uri.clone()).or_else(|| map.clone());
		if segment.discontinuity || (map.is_some() && init != *map) {
			session.end_part();
		}
		if session.is_between() {
			if let Some(init) = &init {
				let answer = fetcher.get(&joined(url, init)?).await?;
				copy(answer, LARGEST_SEGMENT, session).await?;
			}
		}
		*map = init;
		match fetcher.get(&joined(url, &segment.uri)?).await {
			Ok(answer) => copy(answer, LARGEST_SEGMENT, session).await?,
			// Gone already: the next one does not continue the one before.
			Err(error) => {
				tracing::warn!(seq, %error, "a segment is missing");
				session.end_part();
			}
		}
		*next = Some(seq + 1);
	}
	Ok(())
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use std::sync::atomic::{AtomicUsize, Ordering};

	use axum::{
		http::{header, StatusCode},
		routing::get,
		Router,
	};
	use tokio::{io::AsyncReadExt, net::TcpListener};

	use super::*;
	use crate::gate::Keys;

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

	/// A source whose playlist leads to services of whoever fetches it: their answers would be cut into the
	/// stream, and published.
	#[tokio::test]
	async fn attack_source_that_leads_into_the_operators_network() {
		let (port, asked) = inside().await;
		let strict = Fetcher::new(PublicOnly::default()).unwrap();
		for host in ["127.0.0.1", "0x7f.1", "[::ffff:127.0.0.1]", "localhost"] {
			let url = format!("http://{host}:{port}/secret").parse().unwrap();
			assert!(strict.get(&url).await.is_err(), "{host}");
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
		let pulling =
			tokio::spawn(async move { pull(&gate, &format!("http://{at}/index.m3u8"), KEY).await });
		let mut publication = publications.recv().await.unwrap();
		let mut fetched = String::new();
		while let Some(mut part) = publication.parts.recv().await {
			part.bytes.read_to_string(&mut fetched).await.unwrap();
		}
		pulling.await.unwrap().unwrap();
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
