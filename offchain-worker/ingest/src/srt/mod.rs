//! SRT: a port for publishers whose stream id names the key, and a client.
//!
//! The library, `srt-tokio`, panics on packets that it does not know. Network packets reach it only through
//! `relay`, which answers strangers itself and passes nothing on before a stream key was shown, and through
//! `wire`, which passes only packets that the library can take.

mod clock;
mod relay;
mod wire;

use std::{
	convert::Infallible,
	future::Future,
	io,
	net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
	sync::Arc,
	time::Duration,
};

use futures::{FutureExt, StreamExt};
use srt_tokio::{
	options::{ByteCount, SocketOptions},
	SrtListener, SrtSocket,
};
use tokio::{
	net::UdpSocket,
	time::{sleep, timeout},
};

use self::relay::{pair, pass, Relay, Request};
use crate::{
	gate::{Denied, Gate, Session},
	said::{Said, ENDED},
};

/// How long a publisher may be silent.
const SILENT: Duration = Duration::from_secs(10);
/// Requests that are handled at a time, in total and from one host.
const MOST: (usize, usize) = (64, 16);
/// The buffer of a receiver.
const BUFFER: u64 = 8 * 1024 * 1024;
/// Datagrams' transport stream packets are joined into writes of this many bytes.
const JOINED: usize = 32 * 1024;
/// How long the library may take to connect with an accepted publisher.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long telling a publisher about the connection's end may take.
const LAST: Duration = Duration::from_millis(500);

fn options(options: &mut SocketOptions) {
	options.connect.timeout = Duration::from_secs(5);
	options.session.peer_idle_timeout = SILENT;
	options.receiver.buffer_size = ByteCount(BUFFER);
	options.receiver.latency = Duration::from_millis(200);
}

/// Binds an address. The returned future serves publishers there for ever; with a passphrase, only those that
/// encrypt with it.
///
/// # Errors
///
/// Fails if the passphrase is too short or too long, or the address cannot be bound.
pub async fn serve(
	address: SocketAddr,
	passphrase: Option<String>,
	gate: Arc<Gate>,
) -> io::Result<impl Future<Output = Infallible> + Send> {
	if passphrase.as_ref().is_some_and(|passphrase| !(10..=79).contains(&passphrase.len())) {
		return Err(io::Error::other("an SRT passphrase has 10 to 79 characters"));
	}
	let relay = Relay::bind(address, MOST, passphrase.is_some()).await?;
	Ok(async move { take_requests(&relay, passphrase, &gate).await })
}

async fn take_requests(
	relay: &Arc<Relay>,
	passphrase: Option<String>,
	gate: &Arc<Gate>,
) -> Infallible {
	let passphrase: Option<Arc<str>> = passphrase.map(Arc::from);
	let said = Arc::new(Said::every(ENDED));
	loop {
		let request = relay.next().await;
		let (passphrase, gate, said) = (passphrase.clone(), gate.clone(), said.clone());
		tokio::spawn(async move {
			let from = request.from();
			let ended = publisher(request, passphrase.as_deref(), &gate).await;
			let Err(error) = ended else { return };
			if let Some(count) = said.count() {
				tracing::info!(count, %from, %error, "SRT connections ended");
			}
		});
	}
}

/// The key in a stream id. In the access control form `#!::r=NAME,s=KEY,m=publish` it is `s`, otherwise `r`;
/// in any other form it is the last part of the path. `None` if it is not for publishing.
fn key_of(stream_id: &str) -> Option<String> {
	let Some(fields) = stream_id.strip_prefix("#!::") else {
		let path = stream_id.strip_prefix("publish:").unwrap_or(stream_id);
		return path.rsplit('/').next().map(str::to_owned);
	};
	let field =
		|name: &str| fields.split(',').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
	if field("m").is_some_and(|mode| mode != "publish") {
		return None;
	}
	let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
	field("s").map(str::to_owned).or_else(|| field("r").map(last))
}

async fn publisher(
	mut request: Request,
	passphrase: Option<&str>,
	gate: &Arc<Gate>,
) -> io::Result<()> {
	let admitting = async {
		match key_of(request.stream_id()) {
			Some(key) => gate.admit("srt", request.from().ip(), "srt", &key).await,
			None => Err(Denied::Key),
		}
	};
	let admitted = tokio::select! {
		admitted = admitting => admitted,
		() = request.lost() => Err(Denied::Busy),
	};
	let session = match admitted {
		Ok(session) => session,
		Err(denied) => {
			request.refuse(match denied {
				Denied::Key => 2_403,
				Denied::Busy => 2_409,
				_ => 2_503,
			});
			return Err(io::Error::other(denied));
		}
	};
	// Of those who have shown a key one publishes at a time.
	request.let_in();
	let (near, far) = pair().await?;
	tokio::select! {
		ended = published(far, passphrase.zip(request.key_length()), session) => ended,
		broken = request.carry(near) => broken,
		() = request.anew() => Err(io::Error::other("the publisher asks for another connection")),
	}
}

/// Takes a publication with a library listener for this publisher alone. A passphrase decrypts it, from which
/// a key of this many bytes is derived.
async fn published(
	socket: UdpSocket,
	secret: Option<(&str, u16)>,
	mut session: Session,
) -> io::Result<()> {
	let address = socket.local_addr()?;
	let mut builder = SrtListener::builder().set(options).socket(socket);
	if let Some((passphrase, length)) = secret {
		builder = builder.encryption(length, passphrase.to_owned());
	}
	// Dropping the listener ends it.
	let (_listener, mut incoming) = builder.bind(address).await?;
	let accepting = async {
		let request = incoming.incoming().next().await;
		request.ok_or(io::ErrorKind::NotConnected)?.accept(None).await
	};
	let accepted = timeout(PATIENCE, accepting).await.unwrap_or_else(|late| Err(late.into()));
	match accepted {
		Ok(mut socket) => {
			let replaced = session.replaced();
			let ended = tokio::select! {
				ended = receive(&mut socket, &mut session) => ended,
				() = replaced => Err(io::Error::other(Denied::Busy)),
			};
			drop(session);
			let _ = timeout(LAST, socket.close_and_finish()).await;
			ended
		}
		Err(error) => {
			drop(session);
			sleep(LAST).await;
			Err(error)
		}
	}
}

/// Hands data on until the end.
async fn receive(socket: &mut SrtSocket, session: &mut Session) -> io::Result<()> {
	let mut joined = Vec::with_capacity(JOINED + 2_048);
	loop {
		let next = timeout(SILENT, socket.next()).await;
		let Ok(Some(packet)) = next else { break };
		joined.extend_from_slice(&packet?.1);
		// Data that is already there is joined with it.
		while joined.len() < JOINED {
			match socket.next().now_or_never() {
				Some(Some(packet)) => joined.extend_from_slice(&packet?.1),
				_ => break,
			}
		}
		session.write(&joined).await.map_err(io::Error::other)?;
		joined.clear();
	}
	Ok(())
}

/// Receives from another host's listener as long as data comes. SRT does not announce a stream's end: the
/// sender may be back in a moment.
pub(crate) async fn call(
	address: &str,
	stream_id: Option<&str>,
	session: &mut Session,
) -> io::Result<()> {
	let host = tokio::net::lookup_host(address).await?.next().ok_or(io::ErrorKind::NotFound)?;
	let any: IpAddr = match host {
		SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
		SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
	};
	let outside = UdpSocket::bind((any, 0)).await?;
	outside.connect(host).await?;
	let (near, far) = pair().await?;
	let at = near.local_addr()?.to_string();
	let receiving = async {
		let builder = SrtSocket::builder().set(options).socket(far);
		let mut socket = builder.call(at.as_str(), stream_id).await?;
		receive(&mut socket, session).await
	};
	tokio::select! {
		received = receiving => received?,
		broken = pass(&near, &outside) => broken?,
	}
	Err(io::Error::other("nothing comes any more"))
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::{
		wire::{tests as packets, Handshake, Kind, Packet, CONCLUSION},
		*,
	};
	use crate::gate::{Keys, Publication};
	use axum::body::Bytes;
	use futures::SinkExt;
	use tokio::{io::AsyncReadExt, sync::mpsc};

	const KEY: &str = "a-stream-key";
	const SOON: Duration = Duration::from_secs(10);

	#[test]
	fn key_should_be_found_in_every_form_of_a_stream_id() {
		let key = |id| key_of(id);
		assert_eq!(key("secret").as_deref(), Some("secret"));
		assert_eq!(key("live/secret").as_deref(), Some("secret"));
		assert_eq!(key("publish:live/secret").as_deref(), Some("secret"));
		assert_eq!(key("#!::r=live/secret,m=publish").as_deref(), Some("secret"));
		assert_eq!(key("#!::r=demo,s=secret").as_deref(), Some("secret"));
		assert_eq!(key("#!::r=secret,m=request"), None);
		assert_eq!(key("").as_deref(), Some(""));
	}

	async fn port(passphrase: Option<&str>) -> (SocketAddr, mpsc::Receiver<Publication>) {
		let (gate, publications) = Gate::new(Keys::new([KEY.to_owned()]));
		let here = SocketAddr::from(([127, 0, 0, 1], 0));
		let relay = Relay::bind(here, MOST, passphrase.is_some()).await.unwrap();
		let (address, passphrase) = (relay.address().unwrap(), passphrase.map(str::to_owned));
		tokio::spawn(async move { take_requests(&relay, passphrase, &gate).await });
		(address, publications)
	}

	async fn call_with(
		address: SocketAddr,
		key: &str,
		secret: Option<(u16, &str)>,
	) -> io::Result<SrtSocket> {
		let mut builder = SrtSocket::builder();
		if let Some((length, passphrase)) = secret {
			builder = builder.encryption(length, passphrase);
		}
		builder.call(address.to_string().as_str(), Some(key)).await
	}

	/// Publishes something, and sees it arrive. Meanwhile a stranger does what it can.
	async fn publish(
		address: SocketAddr,
		publications: &mut mpsc::Receiver<Publication>,
		secret: Option<(u16, &str)>,
		stranger: impl AsyncFn(),
	) {
		stranger().await;
		let mut socket = timeout(SOON, call_with(address, KEY, secret)).await.unwrap().unwrap();
		let mut publication = timeout(SOON, publications.recv()).await.unwrap().unwrap();
		let mut sent = Vec::new();
		for n in 0..60u8 {
			let packet = [n; 188];
			sent.extend(packet);
			let packet = Bytes::copy_from_slice(&packet);
			socket.send((std::time::Instant::now(), packet)).await.unwrap();
			if n % 20 == 0 {
				stranger().await;
			}
			// The library's sender drops data that is handed to it all at once.
			sleep(Duration::from_millis(5)).await;
		}
		let mut part = timeout(SOON, publication.parts.recv()).await.unwrap().unwrap();
		let mut came = vec![0; sent.len()];
		timeout(SOON, part.bytes.read_exact(&mut came)).await.unwrap().unwrap();
		assert_eq!(came, sent);
		timeout(SOON, socket.close_and_finish()).await.unwrap().unwrap();
		assert!(timeout(SOON, publication.parts.recv()).await.unwrap().is_none());
	}

	/// Asks something, and takes what comes back until it is a handshake.
	async fn asked(socket: &UdpSocket, question: &[u8]) -> Handshake {
		socket.send(question).await.unwrap();
		let mut buffer = vec![0; 2_048];
		loop {
			let count = timeout(SOON, socket.recv(&mut buffer)).await.unwrap().unwrap();
			let read = Packet::read(&buffer[..count]);
			if let Ok(Packet { kind: Kind::Handshake(shake, _), .. }) = read {
				return shake;
			}
		}
	}

	/// Packets that would end the library's listener come before and during a publication, also with a cookie
	/// and the stream key.
	#[tokio::test(flavor = "multi_thread")]
	async fn attack_datagrams_that_end_the_listener() {
		let (address, mut publications) = port(None).await;
		let stranger = async || {
			let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
			socket.connect(address).await.unwrap();
			let cookie = asked(&socket, &packets::induction()).await.cookie;
			let refused = packets::refused(cookie).into_iter().map(|(_, sent)| sent);
			for sent in packets::samples().into_iter().chain(refused) {
				socket.send(&sent).await.unwrap();
			}
		};
		for _ in 0..2 {
			publish(address, &mut publications, None, &stranger).await;
		}
		assert!(publications.try_recv().is_err());
	}

	#[tokio::test(flavor = "multi_thread")]
	async fn publisher_should_be_decrypted_whatever_the_length_of_its_key() {
		for length in [16, 24, 32] {
			let (address, mut publications) = port(Some(packets::PASSPHRASE)).await;
			let secret = Some((length, packets::PASSPHRASE));
			publish(address, &mut publications, secret, async || {}).await;
		}
	}

	#[tokio::test(flavor = "multi_thread")]
	async fn publisher_should_be_told_that_it_may_not() {
		let (open, mut of_open) = port(None).await;
		let (closed, mut of_closed) = port(Some(packets::PASSPHRASE)).await;
		for (address, key, secret) in [
			(open, "another", None),
			(open, KEY, Some((16, packets::PASSPHRASE))),
			(closed, KEY, None),
			(closed, "another", Some((16, packets::PASSPHRASE))),
		] {
			let called = timeout(SOON, call_with(address, key, secret)).await.unwrap();
			assert_eq!(
				called.err().map(|error| error.kind()),
				Some(io::ErrorKind::ConnectionRefused)
			);
		}
		assert!(of_open.try_recv().is_err() && of_closed.try_recv().is_err());
		let wrong = Some((16, "another passphrase"));
		let called = timeout(SOON, call_with(closed, KEY, wrong)).await.unwrap();
		assert_eq!(called.err().map(|error| error.kind()), Some(io::ErrorKind::ConnectionRefused));
	}

	/// A publisher's connection is lost without a word, and it comes back by another one.
	#[tokio::test(flavor = "multi_thread")]
	async fn publisher_that_is_lost_should_not_hold_up_its_return() {
		let (address, mut publications) = port(None).await;
		let _lost = timeout(SOON, call_with(address, KEY, None)).await.unwrap().unwrap();
		let mut first = timeout(SOON, publications.recv()).await.unwrap().unwrap();
		sleep(Duration::from_millis(3_200)).await;
		let _back = timeout(SOON, call_with(address, KEY, None)).await.unwrap().unwrap();
		let _second = timeout(SOON, publications.recv()).await.unwrap().unwrap();
		let ended = timeout(Duration::from_secs(4), first.parts.recv()).await;
		assert!(ended.unwrap().is_none());
	}

	/// The answer to the conclusion may be lost: a repeated request gets it again.
	#[tokio::test(flavor = "multi_thread")]
	async fn answer_should_be_given_again() {
		use self::packets::{conclusion, induction, PLAIN};
		let (address, _publications) = port(None).await;
		let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
		socket.connect(address).await.unwrap();
		let cookie = asked(&socket, &induction()).await.cookie;
		let question = conclusion(cookie, 0, 5, PLAIN);
		let first = asked(&socket, &question).await;
		assert_eq!((first.kind, first.cookie), (CONCLUSION, cookie));
		assert_eq!(asked(&socket, &question).await, first);
	}
}
