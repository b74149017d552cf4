//! RTMP: a server for publishers, and a client that plays from another server.
//!
//! Before a publisher has shown its key it may send little, and only for a short time.

use std::{
	io,
	net::{IpAddr, SocketAddr},
	sync::Arc,
	time::Duration,
};

use thiserror::Error;
use tokio::{
	io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
	net::{TcpListener, TcpStream},
	time::timeout,
};

use crate::{
	amf::{self, Malformed, Value},
	chunk::{self, ChunkError, ChunkReader, Message, OUR_CHUNK},
	flv::{is_media, FlvError, Out, Remuxer},
	gate::{Denied, Gate, Session},
	places::{Place, Places},
	said::{Said, ENDED},
};

/// How long a handshake may take, and everything else up to the key.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a publisher may be silent.
const SILENT: Duration = Duration::from_secs(20);
/// How long it may take to read what we write.
const DEAF: Duration = Duration::from_secs(10);
/// The longest message before the key.
const STRANGER: usize = 16 * 1024;
/// The longest message of an accepted publisher: a picture.
const PUBLISHER: usize = 8 * 1024 * 1024;
/// The most messages before the key.
const MOST_MESSAGES: usize = 64;
/// Bytes after which received data is acknowledged.
const WINDOW: u32 = 2_500_000;
/// Enhanced RTMP's capability flag for several tracks.
const MULTITRACK: f64 = 2.0;
/// Connections at a time that have not shown a key yet, in all and from one host.
const MOST: (usize, usize) = (128, 16);

/// Why a session ended.
#[derive(Debug, Error)]
pub enum RtmpError {
	/// The connection broke.
	#[error("the connection broke: {0}")]
	Io(#[from] io::Error),
	/// The peer was too slow or silent.
	#[error("the peer was silent for too long")]
	Silent,
	/// Not RTMP.
	#[error("this is not RTMP")]
	Handshake,
	/// Chunks that cannot be read.
	#[error(transparent)]
	Chunk(#[from] ChunkError),
	/// Commands that cannot be read.
	#[error(transparent)]
	Amf(#[from] Malformed),
	/// Media that cannot be read.
	#[error(transparent)]
	Flv(#[from] FlvError),
	/// It may not publish, or no longer.
	#[error(transparent)]
	Denied(#[from] Denied),
	/// The server refused.
	#[error("the server refused: {0}")]
	Refused(String),
	/// Another connection took its place before it showed a key.
	#[error("another connection took its place before it showed a key")]
	Displaced,
	/// More messages than publishing needs.
	#[error("too many messages before a stream")]
	TooMany,
}

type Result<T> = std::result::Result<T, RtmpError>;

/// Serves publishers for ever.
pub async fn serve(listener: TcpListener, gate: Arc<Gate>) {
	let places = Places::new(MOST.0, MOST.1);
	let said = Arc::new(Said::every(ENDED));
	loop {
		match listener.accept().await {
			Ok((stream, from)) => {
				let Some(place) = places.take(from.ip()) else { continue };
				let (gate, said) = (gate.clone(), said.clone());
				tokio::spawn(async move {
					let Err(error) = publisher(stream, from, gate, place).await else { return };
					if let Some(count) = said.count() {
						tracing::info!(count, %from, %error, "RTMP connections ended");
					}
				});
			}
			Err(error) => {
				tracing::warn!(%error, "cannot accept RTMP connections");
				tokio::time::sleep(Duration::from_millis(200)).await;
			}
		}
	}
}

async fn in_time<T>(limit: Duration, work: impl std::future::Future<Output = T>) -> Result<T> {
	timeout(limit, work).await.map_err(|_| RtmpError::Silent)
}

/// The server's half of the handshake: version, time and zeros, and the client's own bytes back.
async fn shake(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<()> {
	let mut first = [0; 1 + 1_536];
	stream.read_exact(&mut first).await?;
	if first[0] != 3 {
		return Err(RtmpError::Handshake);
	}
	let mut answer = vec![3u8];
	answer.extend([0; 1_536]);
	answer.extend(&first[1..]);
	stream.write_all(&answer).await?;
	let mut last = [0; 1_536];
	stream.read_exact(&mut last).await?;
	Ok(())
}

/// The client's half.
async fn shake_as_client(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<()> {
	let mut first = vec![3u8];
	first.extend([0; 1_536]);
	stream.write_all(&first).await?;
	let mut answer = [0; 1 + 2 * 1_536];
	stream.read_exact(&mut answer).await?;
	if answer[0] != 3 {
		return Err(RtmpError::Handshake);
	}
	stream.write_all(&answer[1..=1_536]).await?;
	Ok(())
}

/// A connection after its handshake.
struct Wire<S> {
	stream: S,
	reader: ChunkReader,
	received: u32,
	acknowledged: u32,
	buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
	fn new(stream: S, longest: usize) -> Self {
		Self {
			stream,
			reader: ChunkReader::new(longest),
			received: 0,
			acknowledged: 0,
			buffer: vec![0; 64 * 1024],
		}
	}

	/// The next message; `None` at the end of the connection.
	async fn next(&mut self) -> Result<Option<Message>> {
		loop {
			if let Some(message) = self.reader.next_message()? {
				return Ok(Some(message));
			}
			let count = self.stream.read(&mut self.buffer).await?;
			if count == 0 {
				return Ok(None);
			}
			self.reader.push(&self.buffer[..count]);
			self.received = self.received.wrapping_add(count as u32);
			if self.received.wrapping_sub(self.acknowledged) >= WINDOW {
				self.acknowledged = self.received;
				self.send(2, 3, 0, self.received.to_be_bytes().to_vec()).await?;
			}
		}
	}

	async fn send(&mut self, id: u8, kind: u8, stream: u32, body: Vec<u8>) -> Result<()> {
		let bytes = chunk::write(id, &Message { kind, time: 0, stream, body }, OUR_CHUNK);
		in_time(DEAF, self.stream.write_all(&bytes)).await??;
		Ok(())
	}

	async fn command(&mut self, stream: u32, values: &[Value]) -> Result<()> {
		self.send(3, 20, stream, amf::write(values)).await
	}

	/// The first messages of either side.
	async fn introduce(&mut self) -> Result<()> {
		self.send(2, 5, 0, WINDOW.to_be_bytes().to_vec()).await?;
		self.send(2, 6, 0, [&WINDOW.to_be_bytes()[..], &[2]].concat()).await?;
		self.send_chunk_size().await
	}

	async fn send_chunk_size(&mut self) -> Result<()> {
		// Sent in chunks of the old size.
		self.send(2, 1, 0, (OUR_CHUNK as u32).to_be_bytes().to_vec()).await
	}
}

fn text(text: &str) -> Value {
	Value::Text(text.into())
}

fn status(level: &str, code: &str, description: &str) -> Vec<Value> {
	vec![
		text("onStatus"),
		Value::Number(0.0),
		Value::Null,
		Value::Object(vec![
			("level".into(), text(level)),
			("code".into(), text(code)),
			("description".into(), text(description)),
		]),
	]
}

/// The values of a command, its name first.
fn command(message: &Message) -> std::result::Result<Option<Vec<Value>>, Malformed> {
	let body = match message.kind {
		20 => &message.body[..],
		// AMF3 commands begin with a byte that announces AMF0.
		17 => message.body.get(1..).unwrap_or_default(),
		_ => return Ok(None),
	};
	Ok(Some(amf::read(body)?))
}

async fn publisher(
	mut stream: TcpStream,
	from: SocketAddr,
	gate: Arc<Gate>,
	place: Place,
) -> Result<()> {
	let _ = stream.set_nodelay(true);
	let letting_in = async {
		in_time(PATIENCE, shake(&mut stream)).await??;
		place.heard();
		let mut wire = Wire::new(stream, STRANGER);
		let session = in_time(PATIENCE, admitted(&mut wire, from.ip(), &gate, &place)).await??;
		Ok::<_, RtmpError>(session.map(|session| (wire, session)))
	};
	let let_in = tokio::select! {
		let_in = letting_in => let_in?,
		() = place.lost() => return Err(RtmpError::Displaced),
	};
	let Some((mut wire, mut session)) = let_in else { return Ok(()) };
	// Of those who have shown a key one publishes at a time.
	drop(place);
	wire.reader.allow(PUBLISHER);
	let replaced = session.replaced();
	let result = tokio::select! {
		result = published(&mut wire, &mut session) => result,
		// A lost connection is silent for long, and the one that takes its place is often the same publisher.
		() = replaced => Err(RtmpError::Denied(Denied::Busy)),
	};
	if let Err(error @ (RtmpError::Flv(_) | RtmpError::Denied(Denied::NoPictures))) = &result {
		let told = status("error", "NetStream.Publish.BadName", &error.to_string());
		let _ = wire.command(1, &told).await;
	}
	result
}

/// Everything up to the key; `None` when the peer left.
async fn admitted<S: AsyncRead + AsyncWrite + Unpin>(
	wire: &mut Wire<S>,
	from: IpAddr,
	gate: &Arc<Gate>,
	place: &Place,
) -> Result<Option<Session>> {
	let mut app = String::new();
	for _ in 0..MOST_MESSAGES {
		let Some(message) = wire.next().await? else { return Ok(None) };
		place.heard();
		let Some(values) = command(&message)? else { continue };
		let name = values.first().and_then(Value::text).unwrap_or_default();
		let number = values.get(1).cloned().unwrap_or(Value::Number(0.0));
		match name {
			"connect" => {
				let object = values.get(2);
				let named = object.and_then(|o| o.get("app")).and_then(Value::text);
				app = named.unwrap_or_default().to_owned();
				wire.introduce().await?;
				let codecs = ["av01", "vp09", "hvc1", "Opus", "ac-3"].map(text).to_vec();
				let several = if gate.further() > 0 { MULTITRACK } else { 0.0 };
				let about = Value::Object(vec![
					("fmsVer".into(), text("FMS/3,0,1,123")),
					("capabilities".into(), Value::Number(31.0)),
					("capsEx".into(), Value::Number(several)),
					("fourCcList".into(), Value::List(codecs)),
				]);
				let said = Value::Object(vec![
					("level".into(), text("status")),
					("code".into(), text("NetConnection.Connect.Success")),
					("description".into(), text("Connection succeeded.")),
					("objectEncoding".into(), Value::Number(0.0)),
				]);
				wire.command(0, &[text("_result"), number, about, said]).await?;
			}
			"createStream" => {
				let values = [text("_result"), number, Value::Null, Value::Number(1.0)];
				wire.command(0, &values).await?;
			}
			"publish" => {
				let path = values.get(3).and_then(Value::text).unwrap_or_default();
				let key = key_of(&app, path);
				match gate.admit("rtmp", from, &app, &key).await {
					Ok(session) => {
						wire.send(2, 4, 0, vec![0, 0, 0, 0, 0, 1]).await?;
						let told = status("status", "NetStream.Publish.Start", "Go ahead.");
						wire.command(1, &told).await?;
						return Ok(Some(session));
					}
					Err(denied) => {
						let code = match denied {
							Denied::Busy => "NetStream.Publish.BadName",
							_ => "NetStream.Publish.Denied",
						};
						wire.command(1, &status("error", code, &denied.to_string())).await?;
						return Err(denied.into());
					}
				}
			}
			"releaseStream" | "FCPublish" => {
				wire.command(0, &[text("_result"), number, Value::Null, Value::Null]).await?;
			}
			"play" => {
				let told = status("error", "NetStream.Play.Failed", "Only publishing is served.");
				wire.command(1, &told).await?;
				return Err(RtmpError::Handshake);
			}
			_ => {}
		}
	}
	Err(RtmpError::TooMany)
}

/// The key in `rtmp://HOST/live/KEY`, `rtmp://HOST/stream/NAME/KEY` or `…?key=KEY`.
pub fn key_of(app: &str, path: &str) -> String {
	let whole = format!("{app}/{path}");
	let (path, query) = whole.split_once('?').unwrap_or((&whole, ""));
	let named = query.split('&').find_map(|pair| pair.strip_prefix("key="));
	let last = path.rsplit('/').next().unwrap_or_default();
	named.unwrap_or(last).to_owned()
}

pub(crate) async fn hand_on(session: &mut Session, out: Vec<Out>) -> Result<()> {
	for out in out {
		match out {
			Out::Bytes(bytes) => session.write(&bytes).await?,
			Out::End => session.end_part(),
		}
	}
	Ok(())
}

/// Takes a publication until it ends.
async fn published<S: AsyncRead + AsyncWrite + Unpin>(
	wire: &mut Wire<S>,
	session: &mut Session,
) -> Result<()> {
	let mut remuxer = Remuxer::with_further(session.further());
	loop {
		let Some(message) = in_time(SILENT, wire.next()).await?? else { break };
		session.hear();
		match message.kind {
			kind if is_media(kind) => {
				session.came()?;
				if remuxer.has_begun() && session.is_between() {
					// The part was given up: the tracks' headers are needed again.
					remuxer.begin_again();
				}
				hand_on(session, remuxer.take(message.kind, message.time, &message.body)?).await?;
			}
			4 if message.body.starts_with(&[0, 6]) => {
				let answer = [&[0, 7][..], &message.body[2..]].concat();
				wire.send(2, 4, 0, answer).await?;
			}
			_ => {
				let values = command(&message).unwrap_or_default().unwrap_or_default();
				let name = values.first().and_then(Value::text).unwrap_or_default();
				if matches!(name, "deleteStream" | "closeStream" | "FCUnpublish") {
					break;
				}
			}
		}
	}
	hand_on(session, remuxer.finish()).await
}

/// Plays `rtmp://HOST[:PORT]/APP/PATH` into `session`, until its server announces the end. A connection that
/// is closed without that counts as broken.
pub(crate) async fn play(
	host: &str,
	port: u16,
	app: &str,
	path: &str,
	session: &mut Session,
) -> Result<()> {
	// An IPv6 address is in brackets.
	let at = host.trim_start_matches('[').trim_end_matches(']');
	let mut stream = in_time(PATIENCE, TcpStream::connect((at, port))).await??;
	let _ = stream.set_nodelay(true);
	in_time(PATIENCE, shake_as_client(&mut stream)).await??;
	let mut wire = Wire::new(stream, PUBLISHER);
	wire.send_chunk_size().await?;
	let about = Value::Object(vec![
		("app".into(), text(app)),
		("flashVer".into(), text("LNX 9,0,124,2")),
		("tcUrl".into(), text(&format!("rtmp://{host}:{port}/{app}"))),
	]);
	wire.command(0, &[text("connect"), Value::Number(1.0), about]).await?;
	let mut remuxer = Remuxer::with_further(session.further());
	let has_ended = loop {
		let Some(message) = in_time(SILENT, wire.next()).await?? else { break false };
		if is_media(message.kind) {
			session.came()?;
			if remuxer.has_begun() && session.is_between() {
				remuxer.begin_again();
			}
			hand_on(session, remuxer.take(message.kind, message.time, &message.body)?).await?;
			continue;
		}
		if message.kind == 4 && message.body.starts_with(&[0, 6]) {
			let answer = [&[0, 7][..], &message.body[2..]].concat();
			wire.send(2, 4, 0, answer).await?;
			continue;
		}
		if message.kind == 4 && message.body.starts_with(&[0, 1]) {
			break true;
		}
		let Some(values) = command(&message)? else { continue };
		let name = values.first().and_then(Value::text).unwrap_or_default();
		match (name, values.get(1).and_then(Value::number)) {
			("_result", Some(1.0)) => {
				let create = [text("createStream"), Value::Number(2.0), Value::Null];
				wire.command(0, &create).await?;
			}
			("_result", Some(2.0)) => {
				let id = values.get(3).and_then(Value::number).unwrap_or(1.0);
				let play = [text("play"), Value::Number(0.0), Value::Null, text(path)];
				wire.command(id as u32, &play).await?;
			}
			("_error", _) => return Err(RtmpError::Refused("the connection".into())),
			("onStatus", _) => {
				let about = values.get(3);
				let of = |name| about.and_then(|o| o.get(name)).and_then(Value::text);
				if of("level") == Some("error") {
					return Err(RtmpError::Refused(of("code").unwrap_or("no reason").into()));
				}
				let ends = |code: &str| {
					matches!(code, "NetStream.Play.UnpublishNotify" | "NetStream.Play.Stop")
				};
				if of("code").is_some_and(ends) {
					break true;
				}
			}
			_ => {}
		}
	};
	hand_on(session, remuxer.finish()).await?;
	match has_ended {
		true => Ok(()),
		false => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
	}
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;
	use crate::gate::Keys;
	use tokio::time::{sleep, Instant};

	/// It used to be held without a word for as long as it came.
	#[tokio::test(start_paused = true)]
	async fn publisher_of_sound_alone_should_be_turned_away() {
		let (gate, _publications) = Gate::new(Keys::new(["key".to_owned()]));
		let here = std::net::Ipv4Addr::LOCALHOST.into();
		let mut session = gate.admit("rtmp", here, "live", "key").await.unwrap();
		let (mut peer, stream) = tokio::io::duplex(64 * 1024);
		let mut wire = Wire::new(stream, PUBLISHER);
		let sending = async {
			for second in 0..60u32 {
				let body = if second == 0 { vec![0xaf, 0, 0x12, 0x10] } else { vec![0xaf, 1, 1] };
				let sound = Message { kind: 8, time: 1_000 * second, stream: 1, body };
				peer.write_all(&chunk::write(4, &sound, 128)).await.unwrap();
				sleep(Duration::from_secs(1)).await;
			}
		};
		let began = Instant::now();
		let ended = tokio::select! {
			ended = published(&mut wire, &mut session) => Some(ended),
			() = sending => None,
		};
		assert!(matches!(ended, Some(Err(RtmpError::Denied(Denied::NoPictures)))), "{ended:?}");
		assert!(began.elapsed() < Duration::from_secs(35));
	}

	#[test]
	fn key_should_be_the_last_part_of_the_path_or_named() {
		assert_eq!(key_of("live", "secret"), "secret");
		assert_eq!(key_of("stream/demo", "secret"), "secret");
		assert_eq!(key_of("stream", "demo/secret"), "secret");
		assert_eq!(key_of("live", "demo?x=1&key=secret"), "secret");
		assert_eq!(key_of("live/secret", ""), "");
	}
}
