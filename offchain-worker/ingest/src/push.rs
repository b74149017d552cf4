//! HTTP push: `PUT` or `POST /live/NAME/SEQ.ts`, segment by segment, like go-livepeer. The key comes as
//! `Authorization: Bearer KEY`, as `?key=KEY`, or is the name itself.

use std::{
	net::SocketAddr,
	sync::{Arc, PoisonError},
	time::Duration,
};

use axum::{
	body::Bytes,
	extract::{ConnectInfo, DefaultBodyLimit, Path, Query, State},
	http::{header, HeaderMap, StatusCode},
	response::{IntoResponse, Response},
	routing::any,
	Router,
};
use livepeer_worker_http::Ends;
use tokio::{
	sync::{Mutex, MutexGuard},
	time::{sleep, Instant},
};

use crate::{
	gate::{Denied, Gate, Session},
	http::{answer, refused},
};

/// The largest segment.
const LARGEST: usize = 32 * 1024 * 1024;
/// The pause after which the publisher counts as gone. Until then its place is its own: between segments
/// nothing comes.
const SILENT: Duration = Duration::from_secs(20);
/// Segments that are received at a time, each up to the largest size.
const MOST: usize = 4;
/// How long a segment waits for one before it that is under way over another connection, and how often it looks.
const TURN: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(50);

struct Pushed {
	session: Session,
	key: String,
	newest: Option<u64>,
	heard: Instant,
}

#[derive(Clone)]
struct Push {
	gate: Arc<Gate>,
	current: Arc<Mutex<Option<Pushed>>>,
	places: Arc<tokio::sync::Semaphore>,
	under_way: Arc<std::sync::Mutex<Segments>>,
}

/// Keys and numbers of segments.
type Segments = Vec<(String, u64)>;

/// A segment that has begun to come, until it is handed on or given up.
struct UnderWay {
	all: Arc<std::sync::Mutex<Segments>>,
	key: String,
	seq: u64,
}

impl Drop for UnderWay {
	fn drop(&mut self) {
		let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
		let found = all.iter().position(|(key, seq)| *key == self.key && *seq == self.seq);
		if let Some(place) = found {
			all.swap_remove(place);
		}
	}
}

impl Push {
	fn new(gate: Arc<Gate>) -> Self {
		Self {
			gate,
			current: Arc::default(),
			places: Arc::new(tokio::sync::Semaphore::new(MOST)),
			under_way: Arc::default(),
		}
	}

	/// Notes that a segment begins to come: those behind it wait for it.
	fn begins(&self, key: &str, seq: u64) -> UnderWay {
		let mut all = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
		all.push((key.to_owned(), seq));
		UnderWay { all: self.under_way.clone(), key: key.to_owned(), seq }
	}

	/// Whether one between the newest that was handed on and this one is under way.
	fn is_awaited(&self, of: &str, newest: Option<u64>, before: u64) -> bool {
		let all = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
		all.iter().any(|(key, seq)| {
			key == of && *seq < before && newest.is_none_or(|newest| *seq > newest)
		})
	}
}

/// The routes, for a server that provides [`Ends`].
pub fn router(gate: Arc<Gate>) -> Router {
	let push = Push::new(gate);
	// The task ends with the last of the routes.
	let watched = Arc::downgrade(&push.current);
	tokio::spawn(async move {
		let mut tick = tokio::time::interval(SILENT / 4);
		loop {
			tick.tick().await;
			let Some(current) = watched.upgrade() else { return };
			let mut current = current.lock().await;
			if current.as_ref().is_some_and(|pushed| pushed.heard.elapsed() > SILENT) {
				*current = None;
			}
		}
	});
	Router::new()
		.route("/live/{name}/{file}", any(take))
		.layer(DefaultBodyLimit::max(LARGEST))
		.with_state(push)
}

#[derive(serde::Deserialize)]
struct Wanted {
	key: Option<String>,
}

async fn take(
	State(push): State<Push>,
	ConnectInfo(Ends { from, .. }): ConnectInfo<Ends>,
	Path((name, file)): Path<(String, String)>,
	Query(wanted): Query<Wanted>,
	headers: HeaderMap,
	request: axum::extract::Request,
) -> Response {
	let bearer = headers
		.get(header::AUTHORIZATION)
		.and_then(|value| value.to_str().ok())
		.and_then(|value| value.strip_prefix("Bearer "))
		.map(str::to_owned);
	let key = bearer.or(wanted.key).unwrap_or_else(|| name.clone());
	// Before a byte of the body is taken.
	if let Err(denied) = push.gate.check("http", from.ip(), &name, &key).await {
		return refused(&denied);
	}
	let method = request.method().as_str();
	if method == "DELETE" {
		// An HLS muxer also removes what has left its playlist.
		return StatusCode::OK.into_response();
	}
	if !matches!(method, "PUT" | "POST") {
		return answer(StatusCode::METHOD_NOT_ALLOWED, "segments are sent by PUT or POST");
	}
	if file.ends_with(".m3u8") {
		return playlist(&push, &key, request).await;
	}
	let Some(stem) = file.strip_suffix(".ts") else {
		return answer(
			StatusCode::UNSUPPORTED_MEDIA_TYPE,
			"send MPEG-TS, as SEQ.ts (ffmpeg: -f hls -hls_segment_type mpegts)",
		);
	};
	let Some(seq) = number(stem) else {
		return answer(StatusCode::BAD_REQUEST, "a segment is named by its number, as 7.ts");
	};
	let under_way = push.begins(&key, seq);
	// Short segments may come faster than they are handed on: nothing is read of them meanwhile.
	let place = tokio::time::timeout(SILENT, push.places.clone().acquire_owned()).await;
	let Ok(Ok(place)) = place else {
		return answer(StatusCode::SERVICE_UNAVAILABLE, "too many segments at a time");
	};
	let body = axum::body::to_bytes(request.into_body(), LARGEST);
	let body = match tokio::time::timeout(SILENT, body).await {
		Ok(Ok(body)) => body,
		Ok(Err(_)) => return answer(StatusCode::PAYLOAD_TOO_LARGE, "the segment is too large"),
		Err(_) => return answer(StatusCode::REQUEST_TIMEOUT, "the segment came too slowly"),
	};
	// A task of its own, since a muxer closes the connection without waiting for the answer.
	let handing_on = tokio::spawn(async move {
		let (_place, _under_way) = (place, under_way);
		hand_on(&push, from, &name, &key, seq, body).await
	});
	match handing_on.await {
		Ok(Ok(())) => StatusCode::OK.into_response(),
		Ok(Err(denied)) => refused(&denied),
		Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, "the segment was not taken"),
	}
}

/// Takes an HLS muxer's playlist, of which only the end counts: then others need not wait for a pause.
async fn playlist(push: &Push, key: &str, request: axum::extract::Request) -> Response {
	let Ok(Ok(place)) = tokio::time::timeout(SILENT, push.places.acquire()).await else {
		return answer(StatusCode::SERVICE_UNAVAILABLE, "too many segments at a time");
	};
	let body = axum::body::to_bytes(request.into_body(), LARGEST);
	let Ok(Ok(body)) = tokio::time::timeout(SILENT, body).await else {
		return answer(StatusCode::BAD_REQUEST, "the playlist did not come whole");
	};
	drop(place);
	let mut lines = body.split(|byte| *byte == b'\n');
	if lines.any(|line| line.trim_ascii() == b"#EXT-X-ENDLIST") {
		// A task of its own, since a muxer closes the connection without waiting for the answer.
		tokio::spawn(end(push.clone(), key.to_owned()));
	}
	StatusCode::OK.into_response()
}

/// Frees the publisher's place, if it has this key, as soon as no segment is under way: the last one comes over another
/// connection, and may come later than the playlist.
async fn end(push: Push, key: String) {
	let _ = tokio::time::timeout(SILENT, push.places.acquire_many(MOST as u32)).await;
	let mut current = push.current.lock().await;
	drop(current.take_if(|pushed| pushed.key == key));
}

/// The number at the end of a name.
fn number(stem: &str) -> Option<u64> {
	let digits = stem.len() - stem.trim_end_matches(|c: char| c.is_ascii_digit()).len();
	stem.get(stem.len() - digits..)?.parse().ok()
}

/// The publisher's place, when it is this segment's turn. A muxer sends each segment over a connection of its own
/// without waiting for the last one's answer, so a small one may overtake a large one.
async fn turn<'a>(push: &'a Push, key: &str, seq: u64) -> MutexGuard<'a, Option<Pushed>> {
	let late = Instant::now() + TURN;
	loop {
		let current = push.current.lock().await;
		let of_key = current.as_ref().filter(|pushed| pushed.key == key);
		let newest = of_key.and_then(|pushed| pushed.newest);
		if !push.is_awaited(key, newest, seq) || Instant::now() >= late {
			return current;
		}
		drop(current);
		sleep(LOOK).await;
	}
}

async fn hand_on(
	push: &Push,
	from: SocketAddr,
	name: &str,
	key: &str,
	seq: u64,
	body: Bytes,
) -> Result<(), Denied> {
	let mut current = turn(push, key, seq).await;
	if current.as_ref().is_some_and(|pushed| pushed.session.is_replaced()) {
		*current = None;
	}
	if current.as_ref().is_none_or(|pushed| pushed.key != key) {
		// A publisher with another key keeps its place as long as the gate allows.
		let session = push.gate.admit("http", from.ip(), name, key).await?;
		let (key, heard) = (key.to_owned(), Instant::now());
		*current = Some(Pushed { session, key, newest: None, heard });
	}
	let Some(pushed) = &mut *current else { return Err(Denied::Closed) };
	pushed.heard = Instant::now();
	match pushed.newest {
		// Sent again.
		Some(newest) if seq == newest => return Ok(()),
		// It starts again, or a segment is missing: this one does not continue the last.
		Some(newest) if newest.checked_add(1) != Some(seq) => pushed.session.end_part(),
		_ => {}
	}
	pushed.newest = Some(seq);
	let written = pushed.session.write(&body).await;
	pushed.session.hear_for(SILENT);
	if written.is_err() {
		*current = None;
	}
	written
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;
	use crate::gate::Keys;
	use tokio::io::AsyncReadExt;

	/// Another key's owner would take the place of an active publisher.
	#[tokio::test(start_paused = true)]
	async fn attack_place_of_a_publisher_taken_with_another_key() {
		let keys = Keys::new(["one-stream-key", "another-stream-key"].map(str::to_owned));
		let (gate, mut publications) = Gate::new(keys);
		let push = Push::new(gate);
		let from = SocketAddr::from(([192, 0, 2, 1], 9));
		let send = async |key: &str, seq: u64| {
			hand_on(&push, from, "demo", key, seq, Bytes::from_static(b"segment")).await
		};
		assert_eq!(send("one-stream-key", 1).await, Ok(()));
		let mut first = publications.recv().await.unwrap();
		assert_eq!(send("another-stream-key", 1).await, Err(Denied::Busy));
		assert_eq!(send("one-stream-key", 2).await, Ok(()));
		assert!(publications.try_recv().is_err(), "it is the same publication");
		// The duration of a long segment.
		tokio::time::advance(Duration::from_secs(12)).await;
		assert_eq!(send("another-stream-key", 1).await, Err(Denied::Busy));
		assert_eq!(send("one-stream-key", u64::MAX).await, Ok(()));
		first.parts.recv().await.unwrap();
		assert_eq!(send("one-stream-key", 0).await, Ok(()), "it starts again");
		tokio::time::advance(SILENT + Duration::from_secs(4)).await;
		assert_eq!(send("another-stream-key", 1).await, Ok(()), "it was silent");
		assert!(publications.try_recv().is_ok());
		end(push.clone(), "one-stream-key".to_owned()).await;
		assert_eq!(
			send("one-stream-key", 1).await,
			Err(Denied::Busy),
			"another's end is not its own"
		);
		let last = push.places.try_acquire().unwrap();
		let ended = tokio::spawn(end(push.clone(), "another-stream-key".to_owned()));
		tokio::time::sleep(Duration::from_secs(1)).await;
		assert_eq!(send("another-stream-key", 2).await, Ok(()), "it was under way");
		assert!(publications.try_recv().is_err(), "it is the same publication");
		drop(last);
		ended.await.unwrap();
		assert_eq!(send("one-stream-key", 1).await, Ok(()), "nothing follows of the other one");
	}

	/// It used to begin another epoch, and so did the one that it had overtaken, and the next.
	#[tokio::test(start_paused = true)]
	async fn segment_that_overtakes_another_should_wait_for_it() {
		const KEY: &str = "one-stream-key";
		let (gate, mut publications) = Gate::new(Keys::new([KEY.to_owned()]));
		let push = Push::new(gate);
		let from = SocketAddr::from(([192, 0, 2, 1], 9));
		let reading = tokio::spawn(async move {
			let mut publication = publications.recv().await.unwrap();
			let mut parts = Vec::new();
			while let Some(mut part) = publication.parts.recv().await {
				let mut bytes = Vec::new();
				part.bytes.read_to_end(&mut bytes).await.unwrap();
				parts.push(bytes);
			}
			parts
		});
		let send = async |seq: u8| {
			let body = Bytes::copy_from_slice(&[seq]);
			hand_on(&push, from, "demo", KEY, seq.into(), body).await
		};
		assert_eq!(send(1).await, Ok(()));
		let second = push.begins(KEY, 2);
		let later = async {
			sleep(Duration::from_secs(1)).await;
			send(2).await
		};
		assert_eq!(tokio::join!(send(3), later), (Ok(()), Ok(())));
		drop(second);
		// One that never comes is not waited for much longer, or not at all if it is not under way.
		let began = Instant::now();
		let fourth = push.begins(KEY, 4);
		assert_eq!(send(5).await, Ok(()));
		assert!((TURN..2 * TURN).contains(&began.elapsed()));
		drop(fourth);
		let (began, _behind) = (Instant::now(), push.begins(KEY, 8));
		let _of_another = push.begins("another-stream-key", 6);
		assert_eq!(send(7).await, Ok(()));
		assert!(began.elapsed() < TURN, "what is behind it is not waited for");
		end(push.clone(), KEY.to_owned()).await;
		assert_eq!(reading.await.unwrap(), [vec![1, 2, 3], vec![5], vec![7]]);
	}

	#[test]
	fn number_should_be_the_digits_at_the_end() {
		assert_eq!(number("7"), Some(7));
		assert_eq!(number("index012"), Some(12));
		assert_eq!(number("index"), None);
		assert_eq!(number(""), None);
		assert_eq!(number("99999999999999999999999"), None);
	}
}
