//! Fetching a stream from where it is: HLS or a file over HTTP, RTMP, SRT.

use std::{
	io,
	net::{IpAddr, Ipv4Addr},
	sync::Arc,
	time::Duration,
};

use futures::StreamExt;
use m3u8_rs::{MediaPlaylist, Playlist};
use reqwest::{Client, Response, Url};
use thiserror::Error;

use crate::{
	gate::{client, Denied, Gate, Session},
	rtmp::{self, RtmpError},
	srt,
};

/// The longest playlist.
const LONGEST_PLAYLIST: usize = 2 * 1024 * 1024;
/// The longest segment.
const LARGEST_SEGMENT: u64 = 64 * 1024 * 1024;
/// How often a playlist is asked for again.
const POLL: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(6));
/// Failures in a row after which the source is gone.
const MOST_FAILURES: u32 = 6;
/// Live segments behind the newest at which a stream is taken up.
const BEHIND: usize = 3;

/// Why nothing can be fetched.
#[derive(Debug, Error)]
pub enum PullError {
	/// A URL that nobody here understands.
	#[error("{0} cannot be fetched: give an http, https, rtmp or srt URL")]
	Url(String),
	/// HTTP failed.
	#[error("the source cannot be fetched: {0}")]
	Http(String),
	/// A playlist that cannot be followed.
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

async fn get(client: &Client, url: &Url) -> Result<Response> {
	Ok(client.get(url.clone()).send().await?.error_for_status()?)
}

async fn http(url: Url, session: &mut Session) -> Result<()> {
	let client = client();
	let answer = get(&client, &url).await?;
	let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok());
	let is_playlist = url.path().ends_with(".m3u8")
		|| kind.is_some_and(|kind| kind.to_ascii_lowercase().contains("mpegurl"));
	if is_playlist {
		let url = answer.url().clone();
		return hls(&client, url, read_playlist(answer).await?, session).await;
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
	client: &Client,
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
		let answer = get(client, &url).await?;
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
		segments(client, &url, media, &mut next, &mut map, session).await?;
		if media.end_list {
			return Ok(());
		}
		session.hear();
		let target = Duration::from_secs(media.target_duration.max(1));
		// Half as long where there was nothing new, as the format asks.
		let pause = if next == before { target / 2 } else { target };
		tokio::time::sleep(pause.clamp(POLL.0, POLL.1)).await;
		let again = async { read_playlist(get(client, &url).await?).await };
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
	client: &Client,
	url: &Url,
	media: &MediaPlaylist,
	next: &mut Option<u64>,
	map: &mut Option<String>,
	session: &mut Session,
) -> Result<()> {
	let first = media.media_sequence;
	let count = media.segments.len();
	let start = match *next {
		// Numbers that went back are another stream.
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
				let answer = get(client, &joined(url, init)?).await?;
				copy(answer, LARGEST_SEGMENT, session).await?;
			}
		}
		*map = init;
		match get(client, &joined(url, &segment.uri)?).await {
			Ok(answer) => copy(answer, LARGEST_SEGMENT, session).await?,
			// Gone already: the next one does not go on from the one before.
			Err(error) => {
				tracing::warn!(seq, %error, "a segment is missing");
				session.end_part();
			}
		}
		*next = Some(seq + 1);
	}
	Ok(())
}
