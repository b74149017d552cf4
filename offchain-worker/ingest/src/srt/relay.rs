//! The port for publishers, in front of the library.
//!
//! A connection begins with two requests. The first, the induction, is answered with a cookie: a hash over
//! the sender's address, the time and a secret. That needs no state, and the answer is only as long as the
//! request, so it cannot be used to flood a forged address. The second, the conclusion, contains the cookie
//! and the request itself. Only now state is created: a [`Request`], which holds a place (see [`Places`])
//! until its stream key was checked, and a flow, which identifies further packets of this address.
//!
//! An accepted publisher gets its own library listener, connected by two local sockets, [`pair`]. There the
//! relay sends both requests to the library itself, the second one with the library's cookie. Passing the
//! library's own handshake through would not be simpler, and would be worse: its listener keeps state for
//! every address that ever sent it anything, and its cookie has no secret. A listener for each publisher
//! costs a task and a buffer, and there are only as many as accepted publishers: one, and those that are
//! ending. It also isolates failures: if a packet that [`wire`](super::wire) passes still ends a listener, it
//! ends only its sender's.
//!
//! From then on packets are relayed both ways unchanged, except that control packets from the publisher get
//! another time (see [`Clock`]). The publisher's media are sent on from their receive buffer, without another
//! task, copy or allocation; the library's packets are sent by the publisher's task.

use std::{
	collections::HashMap,
	io,
	net::{IpAddr, Ipv4Addr, SocketAddr},
	sync::{
		atomic::{AtomicU32, Ordering},
		Arc, Mutex, MutexGuard, OnceLock, PoisonError,
	},
	time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::{
	net::UdpSocket,
	sync::Notify,
	time::{sleep, Instant},
};

use super::{
	clock::Clock,
	wire::{
		Asked, Handshake, Kind, Packet, Refused, CONCLUSION, DATAGRAMS, HANDSHAKE, INDUCTION,
		MAGIC, TIME,
	},
};
use crate::{
	gate::new_key,
	places::{Place, Places},
	said::Said,
};

/// More bytes than any SRT packet has.
const DATAGRAM: usize = 2_048;
/// Datagrams that are taken before other tasks have a turn.
const BATCH: usize = 64;
/// Seconds for which a cookie is issued. It stays valid for as long again.
const SLOT: u64 = 30;
/// The pause if receiving fails.
const AGAIN: Duration = Duration::from_millis(200);
/// The least time between two log lines about dropped datagrams.
const SAID: Duration = Duration::from_secs(60);
/// The socket id with which strangers are answered. Any will do: the answer to the conclusion names the id of
/// the connection.
const NOBODY: u32 = 1;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
	mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives each address a cookie that only it can know.
struct Cookies {
	secret: String,
	began: Instant,
}

impl Cookies {
	fn slot(&self) -> u64 {
		self.began.elapsed().as_secs() / SLOT
	}

	fn made(&self, from: SocketAddr, slot: u64) -> u32 {
		let ip = match from.ip() {
			IpAddr::V4(ip) => ip.to_ipv6_mapped(),
			IpAddr::V6(ip) => ip,
		};
		let hash = Sha256::new()
			.chain_update(&self.secret)
			.chain_update(slot.to_be_bytes())
			.chain_update(ip.octets())
			.chain_update(from.port().to_be_bytes());
		let [a, b, c, d, ..]: [u8; 32] = hash.finalize().into();
		u32::from_be_bytes([a, b, c, d])
	}

	fn of(&self, from: SocketAddr) -> u32 {
		self.made(from, self.slot())
	}

	fn gave(&self, cookie: u32, from: SocketAddr) -> bool {
		let now = self.slot();
		[now, now.saturating_sub(1)].iter().any(|slot| self.made(from, *slot) == cookie)
	}
}

/// The local socket to the library.
struct Way {
	socket: UdpSocket,
	/// The library's cookie.
	cookie: u32,
	/// The library's socket id, once known.
	id: AtomicU32,
	/// The publisher's clock.
	clock: Mutex<Clock>,
}

impl Way {
	/// A conclusion in the form for the library. Repeated ones must be for its socket id.
	fn question(&self, time: u32, shake: Handshake, extensions: &[u8], asked: &Asked) -> Vec<u8> {
		let head = shake.to_library(self.cookie, asked).head(time, self.id.load(Ordering::Relaxed));
		[&head[..], extensions].concat()
	}
}

/// An address with a valid cookie that asks for a connection or has one.
struct Flow {
	/// Its socket id and cookie, which it repeats if an answer was lost.
	caller: u32,
	cookie: u32,
	/// The connection to the library, once it was accepted.
	way: OnceLock<Way>,
	/// Told when the address asks for another connection.
	anew: Notify,
}

/// The relay.
pub(super) struct Relay {
	socket: UdpSocket,
	/// Whether publishers have to encrypt.
	encrypts: bool,
	cookies: Cookies,
	places: Places,
	flows: Mutex<HashMap<SocketAddr, Arc<Flow>>>,
	/// Datagrams that were dropped.
	dropped: Said,
}

impl Relay {
	/// Binds an address, with places for this many requests in total and from one host.
	pub(super) async fn bind(
		address: SocketAddr,
		(all, per_host): (usize, usize),
		encrypts: bool,
	) -> io::Result<Arc<Self>> {
		Ok(Arc::new(Self {
			socket: UdpSocket::bind(address).await?,
			encrypts,
			cookies: Cookies { secret: new_key()?, began: Instant::now() },
			places: Places::new(all, per_host),
			flows: Mutex::default(),
			dropped: Said::every(SAID),
		}))
	}

	/// The bound address.
	#[cfg(test)]
	pub(super) fn address(&self) -> io::Result<SocketAddr> {
		self.socket.local_addr()
	}

	/// Relays packets until somebody asks for a connection.
	pub(super) async fn next(self: &Arc<Self>) -> Request {
		let mut buffer = vec![0; DATAGRAM];
		loop {
			match self.some(&mut buffer).await {
				Ok(Some(request)) => return request,
				Ok(None) => {}
				Err(error) => {
					tracing::warn!(%error, "cannot receive SRT");
					sleep(AGAIN).await;
				}
			}
		}
	}

	/// Takes what has come.
	async fn some(self: &Arc<Self>, buffer: &mut [u8]) -> io::Result<Option<Request>> {
		self.socket.readable().await?;
		for _ in 0..BATCH {
			match self.socket.try_recv_from(buffer) {
				// A longer datagram is cut off.
				Ok((count, from)) => match self.take(&buffer[..count], from) {
					Ok(None) => {}
					Ok(request) => return Ok(request),
					Err(refused) => self.note(refused, from),
				},
				Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
				Err(error) => return Err(error),
			}
		}
		Ok(None)
	}

	fn note(&self, refused: Refused, from: SocketAddr) {
		if let Some(count) = self.dropped.count() {
			tracing::info!(count, last = %refused, %from, "datagrams at SRT's port were dropped");
		}
	}

	fn flow(&self, from: SocketAddr) -> Option<Arc<Flow>> {
		lock(&self.flows).get(&from).cloned()
	}

	fn take(self: &Arc<Self>, bytes: &[u8], from: SocketAddr) -> Result<Option<Request>, Refused> {
		if bytes.len() >= DATAGRAM {
			return Err(Refused::Malformed);
		}
		let packet = Packet::read(bytes)?;
		match packet.kind {
			Kind::Media | Kind::Control => {
				let flow = self.flow(from).ok_or(Refused::Stranger)?;
				let way = flow.way.get().ok_or(Refused::Stranger)?;
				// A packet that does not fit is lost, as on any link.
				let _ = match packet.kind {
					// The library takes no others, which anybody can send who knows the publisher's address.
					Kind::Control if packet.to == way.id.load(Ordering::Relaxed) => {
						let mut told = bytes.to_vec();
						even(&mut told, packet.time, self.cookies.began, &mut lock(&way.clock));
						way.socket.try_send(&told)
					}
					_ => way.socket.try_send(bytes),
				};
				Ok(None)
			}
			Kind::Handshake(shake, extensions) => match shake.kind {
				INDUCTION if packet.to == 0 && extensions.is_empty() => {
					let answer = Handshake {
						version: 5,
						encryption: 0,
						flags: MAGIC,
						from: NOBODY,
						cookie: self.cookies.of(from),
						..shake
					};
					self.answer(&answer.head(packet.time, shake.from), from);
					Ok(None)
				}
				CONCLUSION if self.cookies.gave(shake.cookie, from) => {
					let taken = self.conclude(packet.time, shake, extensions, from);
					if let Err(refused) = &taken {
						self.refuse(packet.time, shake, refused.code(), from);
					}
					taken
				}
				CONCLUSION => Err(Refused::Cookie),
				_ => Err(Refused::Kind),
			},
		}
	}

	/// Takes a conclusion with a valid cookie.
	fn conclude(
		self: &Arc<Self>,
		time: u32,
		shake: Handshake,
		extensions: &[u8],
		from: SocketAddr,
	) -> Result<Option<Request>, Refused> {
		let asked = shake.asked(extensions)?;
		if asked.key_length.is_some() != self.encrypts {
			return Err(Refused::Unsecure);
		}
		if let Some(flow) = self.flow(from) {
			let is_again = (shake.from, shake.cookie) == (flow.caller, flow.cookie);
			if shake.from != flow.caller {
				// An encoder that calls from the same port each time has lost its connection.
				flow.anew.notify_one();
			}
			if let Some(way) = flow.way.get().filter(|_| is_again) {
				let _ = way.socket.try_send(&way.question(time, shake, extensions, &asked));
			}
			return Ok(None);
		}
		let place = self.places.take(from.ip()).ok_or(Refused::Full)?;
		let flow = Arc::new(Flow {
			caller: shake.from,
			cookie: shake.cookie,
			way: OnceLock::new(),
			anew: Notify::new(),
		});
		lock(&self.flows).insert(from, flow.clone());
		Ok(Some(Request {
			relay: self.clone(),
			flow,
			from,
			time,
			shake,
			extensions: extensions.to_vec(),
			asked,
			place: Some(place),
		}))
	}

	/// Answers a refused request with the reason.
	fn refuse(&self, time: u32, shake: Handshake, code: u32, to: SocketAddr) {
		let caller = shake.from;
		let answer =
			Handshake { version: 5, encryption: 0, flags: 0, kind: code, from: NOBODY, ..shake };
		self.answer(&answer.head(time, caller), to);
	}

	/// Sends an answer that is not longer than its request. If it is lost, the sender asks again.
	fn answer(&self, bytes: &[u8; HANDSHAKE], to: SocketAddr) {
		let _ = self.socket.try_send_to(bytes, to);
	}
}

/// A request for a connection, which lasts as long as this value.
pub(super) struct Request {
	relay: Arc<Relay>,
	flow: Arc<Flow>,
	from: SocketAddr,
	/// The question.
	time: u32,
	shake: Handshake,
	extensions: Vec<u8>,
	asked: Asked,
	place: Option<Place>,
}

impl Drop for Request {
	fn drop(&mut self) {
		lock(&self.relay.flows).remove(&self.from);
	}
}

impl Request {
	/// The sender's address.
	pub(super) fn from(&self) -> SocketAddr {
		self.from
	}

	/// Its stream id; may be empty.
	pub(super) fn stream_id(&self) -> &str {
		&self.asked.stream_id
	}

	/// Bytes of the key with which it encrypts, if it does.
	pub(super) fn key_length(&self) -> Option<u16> {
		self.asked.key_length
	}

	/// Waits until another request takes its place.
	pub(super) async fn lost(&self) {
		match &self.place {
			Some(place) => place.lost().await,
			None => std::future::pending().await,
		}
	}

	/// Waits until its address asks for another connection, which it gets once this request is dropped.
	pub(super) async fn anew(&self) {
		self.flow.anew.notified().await;
	}

	/// Refuses it with an SRT code.
	pub(super) fn refuse(&self, code: u32) {
		self.relay.refuse(self.time, self.shake, code, self.from);
	}

	/// Frees its place, because it is accepted.
	pub(super) fn let_in(&mut self) {
		self.place = None;
	}

	/// Requests the connection from the library at the other end of `socket`, and relays packets both ways
	/// until that end is closed.
	pub(super) async fn carry(&self, socket: UdpSocket) -> io::Result<()> {
		let mut buffer = vec![0; DATAGRAM];
		let induction = Handshake {
			version: 4,
			encryption: 0,
			flags: DATAGRAMS,
			kind: INDUCTION,
			cookie: 0,
			..self.shake
		};
		socket.send(&induction.head(self.time, 0)).await?;
		let cookie = loop {
			let count = socket.recv(&mut buffer).await?;
			if let Some((_, answer)) = handshake(&buffer[..count]) {
				break answer.cookie;
			}
		};
		let way = Way { socket, cookie, id: AtomicU32::new(0), clock: Mutex::default() };
		let question = way.question(self.time, self.shake, &self.extensions, &self.asked);
		way.socket.send(&question).await?;
		let way = self.flow.way.get_or_init(|| way);
		loop {
			let count = way.socket.recv(&mut buffer).await?;
			if let Some(((time, to), answer)) = handshake(&buffer[..count]) {
				if answer.kind == CONCLUSION {
					way.id.store(answer.from, Ordering::Relaxed);
				}
				// As if the library had received the publisher's request.
				let (cookie, address) = (self.shake.cookie, self.shake.address);
				let head = Handshake { cookie, address, ..answer }.head(time, to);
				buffer[..HANDSHAKE].copy_from_slice(&head);
			}
			// A packet that cannot be sent is lost; if all are, the publisher is gone.
			let _ = self.relay.socket.send_to(&buffer[..count], self.from).await;
		}
	}
}

/// Gives a control packet an even time, by a clock that has run here since `began`.
fn even(bytes: &mut [u8], time: u32, began: Instant, clock: &mut Clock) {
	let time = clock.told(began.elapsed().as_micros() as u32, time);
	if let Some(place) = bytes.get_mut(TIME) {
		place.copy_from_slice(&time.to_be_bytes());
	}
}

/// Passes the packets of a library's caller at the other end of `near` to a listener elsewhere, and those of the
/// listener back, with even times.
pub(super) async fn pass(near: &UdpSocket, outside: &UdpSocket) -> io::Result<()> {
	let (began, mut clock) = (Instant::now(), Clock::default());
	let (mut ours, mut theirs) = (vec![0; DATAGRAM], vec![0; DATAGRAM]);
	// The caller's socket id, once known.
	let mut id = None;
	loop {
		tokio::select! {
			count = near.recv(&mut ours) => {
				let sent = &ours[..count?];
				id = handshake(sent).map(|(_, shake)| shake.from).or(id);
				// A packet that cannot be sent is lost; the caller says when none comes back.
				let _ = outside.send(sent).await;
			}
			count = outside.recv(&mut theirs) => match count {
				Ok(count) => {
					let read = Packet::read(&theirs[..count]).ok();
					let of_it = read.filter(|packet| Some(packet.to) == id);
					let control = of_it.filter(|packet| packet.kind == Kind::Control);
					if let Some(time) = control.map(|packet| packet.time) {
						even(&mut theirs[..count], time, began, &mut clock);
					}
					let _ = near.send(&theirs[..count]).await;
				}
				// Nobody listens there yet.
				Err(_) => sleep(AGAIN).await,
			},
		}
	}
}

/// Time, receiver and fields of a handshake packet.
fn handshake(bytes: &[u8]) -> Option<((u32, u32), Handshake)> {
	match Packet::read(bytes) {
		Ok(Packet { time, to, kind: Kind::Handshake(shake, _) }) => Some(((time, to), shake)),
		_ => None,
	}
}

/// Two local sockets, each of which receives only from the other.
pub(super) async fn pair() -> io::Result<(UdpSocket, UdpSocket)> {
	let far = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
	let near = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
	near.connect(far.local_addr()?).await?;
	far.connect(near.local_addr()?).await?;
	Ok((near, far))
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;
	use crate::srt::wire::tests::{bytes, conclusion, induction, refused, samples, PLAIN};
	use futures::FutureExt;
	use tokio::{
		sync::mpsc::{unbounded_channel, UnboundedReceiver},
		time::{advance, timeout},
	};

	const SOON: Duration = Duration::from_secs(5);

	/// Another program on this machine sends to the library, past the relay.
	#[tokio::test]
	async fn attack_datagrams_past_the_relay() {
		let (near, far) = pair().await.unwrap();
		let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
		stranger.send_to(b"stranger", far.local_addr().unwrap()).await.unwrap();
		near.send(b"relay").await.unwrap();
		let mut buffer = [0; 16];
		let (count, from) = timeout(SOON, far.recv_from(&mut buffer)).await.unwrap().unwrap();
		assert_eq!((&buffer[..count], from), (&b"relay"[..], near.local_addr().unwrap()));
		// The library's answer names the receiver.
		far.send_to(b"answer", from).await.unwrap();
		let count = timeout(SOON, near.recv(&mut buffer)).await.unwrap().unwrap();
		assert_eq!(&buffer[..count], b"answer");
	}

	#[tokio::test]
	async fn packets_of_a_caller_should_pass_both_ways_but_for_their_times() {
		let (near, far) = pair().await.unwrap();
		let listener = UdpSocket::bind("127.0.0.1:0").await.unwrap();
		let outside = UdpSocket::bind("127.0.0.1:0").await.unwrap();
		outside.connect(listener.local_addr().unwrap()).await.unwrap();
		let passing = tokio::spawn(async move { pass(&near, &outside).await });
		let mut buffer = vec![0; DATAGRAM];
		for sent in samples().into_iter().chain([b"anything".to_vec()]) {
			far.send(&sent).await.unwrap();
			let received = timeout(SOON, listener.recv_from(&mut buffer)).await.unwrap();
			let (count, from) = received.unwrap();
			assert_eq!(&buffer[..count], sent);
			listener.send_to(&sent, from).await.unwrap();
			let count = timeout(SOON, far.recv(&mut buffer)).await.unwrap().unwrap();
			if count > TIME.end {
				buffer[TIME].copy_from_slice(&sent[TIME]);
			}
			assert_eq!(&buffer[..count], sent);
		}
		passing.abort();
	}

	/// A relay that takes four requests of one host, and the requests.
	async fn relay() -> (Arc<Relay>, UnboundedReceiver<Request>) {
		let relay = Relay::bind(([127, 0, 0, 1], 0).into(), (8, 4), false).await.unwrap();
		let (sender, requests) = unbounded_channel();
		let receiving = relay.clone();
		tokio::spawn(async move { while sender.send(receiving.next().await).is_ok() {} });
		(relay, requests)
	}

	async fn caller(relay: &Relay) -> UdpSocket {
		let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
		socket.connect(relay.address().unwrap()).await.unwrap();
		socket
	}

	/// What comes back before the answer to something that is asked afterwards.
	async fn answers(caller: &UdpSocket, question: &[u8]) -> Vec<Vec<u8>> {
		let mut last = induction();
		last[40..44].copy_from_slice(&7u32.to_be_bytes());
		caller.send(question).await.unwrap();
		caller.send(&last).await.unwrap();
		let mut buffer = vec![0; DATAGRAM];
		let mut answers = Vec::new();
		loop {
			let count = timeout(SOON, caller.recv(&mut buffer)).await.unwrap().unwrap();
			if handshake(&buffer[..count]).is_some_and(|((_, to), _)| to == 7) {
				return answers;
			}
			answers.push(buffer[..count].to_vec());
		}
	}

	/// The cookie that this one is given.
	async fn cookie(caller: &UdpSocket) -> u32 {
		let answers = answers(caller, &induction()).await;
		let ((_, to), shake) = handshake(&answers[0]).unwrap();
		assert_eq!((to, shake.version, shake.flags), (0x1bd3_37ea, 5, MAGIC));
		shake.cookie
	}

	#[tokio::test]
	async fn request_should_come_of_who_has_a_cookie_and_be_told_why_not() {
		let (relay, mut requests) = relay().await;
		let caller = caller(&relay).await;
		let cookie = cookie(&caller).await;
		caller.send(&conclusion(cookie, 0, 5, PLAIN)).await.unwrap();
		let request = timeout(SOON, requests.recv()).await.unwrap().unwrap();
		assert_eq!(request.from(), caller.local_addr().unwrap());
		assert_eq!((request.stream_id(), request.key_length()), ("a-stream-key", None));
		request.refuse(2_403);
		let told = answers(&caller, &[]).await;
		let ((_, to), shake) = handshake(&told[0]).unwrap();
		assert_eq!((to, shake.kind), (0x1bd3_37ea, 2_403));
		// Asked again it is one request still; and when that is gone, another.
		assert!(answers(&caller, &conclusion(cookie, 0, 5, PLAIN)).await.is_empty());
		assert!(requests.try_recv().is_err());
		drop(request);
		assert!(lock(&relay.flows).is_empty());
		caller.send(&conclusion(cookie, 0, 5, PLAIN)).await.unwrap();
		assert!(timeout(SOON, requests.recv()).await.unwrap().is_some());
	}

	/// An encoder that is restarted calls from the same port: it used to be ignored until its lost connection had been
	/// silent for ten seconds.
	#[tokio::test]
	async fn address_should_get_another_connection_when_it_has_lost_its_own() {
		let (relay, mut requests) = relay().await;
		let caller = caller(&relay).await;
		let cookie = cookie(&caller).await;
		let first = conclusion(cookie, 0, 5, PLAIN);
		caller.send(&first).await.unwrap();
		let request = timeout(SOON, requests.recv()).await.unwrap().unwrap();
		assert!(answers(&caller, &first).await.is_empty());
		assert!(request.anew().now_or_never().is_none(), "the same once more");
		let mut second = first.clone();
		second[40..44].copy_from_slice(&9u32.to_be_bytes());
		assert!(answers(&caller, &second).await.is_empty());
		timeout(SOON, request.anew()).await.unwrap();
		drop(request);
		caller.send(&second).await.unwrap();
		assert!(timeout(SOON, requests.recv()).await.unwrap().is_some());
	}

	/// Who sends in a publisher's name, and does not know its connection's number, would have its packets taken for
	/// much later or earlier ones.
	#[tokio::test]
	async fn attack_times_in_packets_that_are_not_of_the_connection() {
		let (relay, mut requests) = relay().await;
		let caller = caller(&relay).await;
		let cookie = cookie(&caller).await;
		caller.send(&conclusion(cookie, 0, 5, PLAIN)).await.unwrap();
		let request = timeout(SOON, requests.recv()).await.unwrap().unwrap();
		let (near, far) = pair().await.unwrap();
		let carrying = tokio::spawn(async move { request.carry(near).await });
		let mut buffer = vec![0; DATAGRAM];
		// A library that answers both questions with what it was asked.
		for _ in 0..2 {
			let count = timeout(SOON, far.recv(&mut buffer)).await.unwrap().unwrap();
			far.send(&buffer[..count]).await.unwrap();
		}
		let count = timeout(SOON, caller.recv(&mut buffer)).await.unwrap().unwrap();
		let (_, answer) = handshake(&buffer[..count]).unwrap();
		let passed = async |to: u32, time: u32| {
			let words: [u32; 5] = [0x8001_0000, 0, time, to, 0];
			caller.send(&words.map(u32::to_be_bytes).concat()).await.unwrap();
			let mut came = vec![0; DATAGRAM];
			let count = timeout(SOON, far.recv(&mut came)).await.unwrap().unwrap();
			assert_eq!(count, 20);
			u32::from_be_bytes(came[TIME].try_into().unwrap())
		};
		assert_eq!(passed(answer.from, 1_000).await, 1_000);
		let late = 4_000_000_000;
		assert_eq!(passed(answer.from ^ 1, late).await, late, "it is not counted");
		let told = passed(answer.from, late).await;
		assert!((1_000..60_000_000).contains(&told), "{told}");
		carrying.abort();
	}

	/// Only the owner of an address gets its cookie, and it does not last long.
	#[tokio::test]
	async fn attack_question_from_an_address_that_is_made_up() {
		let (relay, mut requests) = relay().await;
		let (here, there) = (caller(&relay).await, caller(&relay).await);
		let known = cookie(&here).await;
		for (caller, cookie) in [(&there, known), (&here, known ^ 1), (&here, 0)] {
			assert!(answers(caller, &conclusion(cookie, 0, 5, PLAIN)).await.is_empty());
		}
		assert!(lock(&relay.flows).is_empty() && requests.try_recv().is_err());
	}

	#[tokio::test(start_paused = true)]
	async fn cookie_should_be_known_for_a_while() {
		let cookies = Cookies { secret: "secret".into(), began: Instant::now() };
		let from = SocketAddr::from(([192, 0, 2, 1], 9));
		let cookie = cookies.of(from);
		advance(Duration::from_secs(SLOT)).await;
		assert!(cookies.gave(cookie, from) && cookies.of(from) != cookie);
		assert!(!cookies.gave(cookie, SocketAddr::from(([192, 0, 2, 1], 10))));
		assert!(!cookies.gave(cookie, SocketAddr::from(([192, 0, 2, 2], 9))));
		let others = Cookies { secret: "another".into(), began: cookies.began };
		assert!(!others.gave(cookie, from));
		advance(Duration::from_secs(SLOT)).await;
		assert!(!cookies.gave(cookie, from));
	}

	/// Requests leave no state, whoever sends them.
	#[tokio::test]
	async fn attack_flood_of_first_questions() {
		let (relay, mut requests) = relay().await;
		for _ in 0..20 {
			let caller = caller(&relay).await;
			for _ in 0..100 {
				caller.send(&induction()).await.unwrap();
			}
			assert!(!answers(&caller, &[]).await.is_empty());
		}
		assert!(lock(&relay.flows).is_empty() && requests.try_recv().is_err());
	}

	/// A packet from a forged address brings its owner no more bytes than were sent.
	#[tokio::test]
	async fn attack_answers_that_are_longer_than_questions() {
		let (relay, mut requests) = relay().await;
		let caller = caller(&relay).await;
		let cookie = cookie(&caller).await;
		let mut long = induction();
		long.extend(bytes(PLAIN));
		let refused = refused(cookie).into_iter().map(|(why, sent)| (sent, Some(why.code())));
		let others = samples().into_iter().chain([long]).map(|sent| (sent, None));
		for (sent, code) in refused.chain(others) {
			for length in [sent.len(), sent.len() - 1, HANDSHAKE.min(sent.len()) - 1, 3] {
				let answers = answers(&caller, &sent[..length]).await;
				assert!(answers.len() <= 1 && answers.iter().all(|answer| answer.len() <= length));
				if let Some(code) = code.filter(|_| length == sent.len()) {
					assert_eq!(handshake(&answers[0]).unwrap().1.kind, code);
				}
			}
		}
		assert!(lock(&relay.flows).is_empty() && requests.try_recv().is_err());
	}

	#[tokio::test]
	async fn attack_places_filled_by_requests_of_one_host() {
		let (relay, mut requests) = relay().await;
		let mut held = Vec::new();
		for _ in 0..10 {
			let caller = caller(&relay).await;
			let cookie = cookie(&caller).await;
			caller.send(&conclusion(cookie, 0, 5, PLAIN)).await.unwrap();
			held.push(timeout(SOON, requests.recv()).await.unwrap().unwrap());
		}
		let lost = held.iter().filter(|request| request.lost().now_or_never().is_some()).count();
		assert_eq!(lost, 6);
		drop(held);
		assert!(lock(&relay.flows).is_empty());
	}
}
