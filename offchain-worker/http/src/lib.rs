//! # HTTP within limits
//!
//! Serves HTTP so that no client holds the others up. Connections are bounded in total, by host and by
//! network; headers and silence have a time limit; a client that reads too slowly is cut off. Used by the
//! worker's roles and the bridge's relayer.

mod ends;
pub mod metrics;

pub use ends::Ends;

use std::{
	collections::BTreeMap,
	convert::Infallible,
	future::Future,
	io,
	net::{IpAddr, Ipv4Addr, SocketAddr},
	pin::Pin,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	task::{Context, Poll},
	time::Duration,
};

use anyhow::Result;
use axum::{
	body::{Body, Bytes},
	extract::{ConnectInfo, FromRequestParts, Request},
	http::request::Parts,
	Router,
};
use hyper::body::{Frame, SizeHint};
use hyper_util::{
	rt::{TokioIo, TokioTimer},
	service::TowerToHyperService,
};
use livepeer_worker_hosts::{by_network, host, largest, network, share_of_network};
use tokio::{
	io::{AsyncRead, AsyncWrite, ReadBuf},
	net::{TcpListener, TcpStream},
	sync::{watch, Notify},
	task::JoinSet,
	time::{Instant, Sleep},
};

/// A service's limits on its clients.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
	/// Connections in total.
	pub connections: usize,
	/// Connections of one host: an IPv4 address, or an IPv6 network of 64 bits. A network of 48 bits may also
	/// have half of the remaining ones.
	pub connections_per_host: usize,
	/// How long a request's header may take, and how long an idle connection is kept.
	pub header: Duration,
	/// How long a client may read too slowly.
	pub stall: Duration,
	/// The least that it must read in that time, in bytes.
	pub least: usize,
}

impl Default for HttpLimits {
	fn default() -> Self {
		Self {
			connections: 1_024,
			connections_per_host: 128,
			header: Duration::from_secs(10),
			stall: Duration::from_secs(10),
			least: 80 * 1_024,
		}
	}
}

/// The host of a request; this machine if unknown.
#[derive(Clone, Copy, Debug)]
pub struct Client(pub IpAddr);

impl<S: Sync> FromRequestParts<S> for Client {
	type Rejection = Infallible;

	async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
		let known = parts.extensions.get::<Client>().copied();
		Ok(known.unwrap_or(Client(Ipv4Addr::LOCALHOST.into())))
	}
}

/// The size of a body's pieces, in bytes.
const PIECE: usize = 64 * 1_024;

/// Limits on bytes in memory, in total, for one host and for one network. At the limit the host with the most
/// makes room for one with less: its oldest answer is broken off.
#[derive(Clone)]
pub struct Budget {
	all: usize,
	per_host: usize,
	taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
	next: u64,
	hosts: BTreeMap<IpAddr, BTreeMap<u64, Room>>,
}

/// Room for one answer.
struct Room {
	bytes: usize,
	content: Arc<Mutex<Content>>,
}

impl Room {
	fn has_bytes(&self) -> bool {
		matches!(*lock(&self.content), Content::Bytes(_))
	}
}

/// An answer's room.
enum Content {
	/// Whether the bytes are not read yet, so that the room cannot be taken away.
	Unread,
	Bytes(Vec<u8>),
	/// Whether the room was taken away.
	Lost,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
	// Nothing that holds these locks can panic half-way through a change.
	mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Taken {
	fn of(&self, host: IpAddr) -> usize {
		self.hosts.get(&host).map_or(0, sum)
	}

	fn all(&self) -> usize {
		self.hosts.values().map(sum).sum()
	}

	fn of_network(&self, of: IpAddr) -> usize {
		let rooms = self.hosts.iter().filter(|(host, _)| network(**host) == of);
		rooms.fold(0, |all, (_, rooms)| all.saturating_add(sum(rooms)))
	}

	/// Breaks off the oldest answer of the host with the most in the network with the most (or in the network
	/// `within`), among hosts with an answer that can be broken off. Only if that is more than `least` bytes.
	fn displace(&mut self, within: Option<IpAddr>, least: usize) -> bool {
		let group = |host| if within.is_some() { host } else { network(host) };
		let with_bytes = self.hosts.iter().filter(|(host, rooms)| {
			within.is_none_or(|own| network(**host) == own) && rooms.values().any(Room::has_bytes)
		});
		let networks = by_network(with_bytes.map(|(host, rooms)| (*host, sum(rooms))), group);
		let most = largest(&networks).filter(|most| most.amount > least);
		let Some((_, host)) = most.map(|most| most.largest) else { return false };
		let Some(rooms) = self.hosts.get_mut(&host) else { return false };
		let first = rooms.iter().find(|(_, room)| room.has_bytes()).map(|(id, _)| *id);
		let Some(room) = first.and_then(|id| rooms.remove(&id)) else { return false };
		*lock(&room.content) = Content::Lost;
		true
	}
}

fn sum(rooms: &BTreeMap<u64, Room>) -> usize {
	rooms.values().fold(0, |sum, room| sum.saturating_add(room.bytes))
}

impl Budget {
	/// This many in total, and this many for one host.
	pub fn new(all: usize, per_host: usize) -> Self {
		Self { all, per_host, taken: Arc::default() }
	}

	/// Room for this many bytes of an answer to a host, if there is any.
	pub fn take(&self, Client(host): Client, bytes: usize) -> Option<Held> {
		let mut taken = lock(&self.taken);
		let of_host = taken.of(host).saturating_add(bytes);
		if bytes > self.all || of_host > self.per_host {
			return None;
		}
		let own = network(host);
		let of_network = |taken: &Taken| taken.of_network(own).saturating_add(bytes);
		while of_network(&taken) > share_of_network(self.all, self.per_host) {
			if !taken.displace(Some(own), of_host) {
				return None;
			}
		}
		while taken.all().saturating_add(bytes) > self.all {
			let least = of_network(&taken);
			if !taken.displace(None, least) {
				return None;
			}
		}
		let id = taken.next;
		taken.next = id.saturating_add(1);
		let content = Arc::new(Mutex::new(Content::Unread));
		let room = Room { bytes, content: content.clone() };
		taken.hosts.entry(host).or_default().insert(id, room);
		Some(Held { budget: self.clone(), host, id, content })
	}
}

/// Room that is held until it is dropped or taken away.
pub struct Held {
	budget: Budget,
	host: IpAddr,
	id: u64,
	content: Arc<Mutex<Content>>,
}

impl Held {
	/// A body that frees the room when it was sent.
	pub fn body(self, bytes: Vec<u8>) -> Body {
		let length = bytes.len();
		Body::new(Sent { held: self.filled(bytes), at: 0, length })
	}

	fn filled(self, bytes: Vec<u8>) -> Self {
		*lock(&self.content) = Content::Bytes(bytes);
		self
	}

	/// A copy of the next piece: a slice that waits for a client would keep all bytes in memory. `None` if
	/// the room was taken away.
	fn piece(&self, at: usize) -> Option<Bytes> {
		match &*lock(&self.content) {
			Content::Bytes(bytes) => {
				let end = bytes.len().min(at.saturating_add(PIECE));
				bytes.get(at..end).map(Bytes::copy_from_slice)
			}
			Content::Unread | Content::Lost => None,
		}
	}
}

impl Drop for Held {
	fn drop(&mut self) {
		let mut taken = lock(&self.budget.taken);
		if let Some(rooms) = taken.hosts.get_mut(&self.host) {
			rooms.remove(&self.id);
			if rooms.is_empty() {
				taken.hosts.remove(&self.host);
			}
		}
	}
}

/// An answer's body, sent piece by piece.
struct Sent {
	held: Held,
	at: usize,
	length: usize,
}

impl hyper::body::Body for Sent {
	type Data = Bytes;
	type Error = io::Error;

	fn poll_frame(
		self: Pin<&mut Self>,
		_: &mut Context<'_>,
	) -> Poll<Option<io::Result<Frame<Bytes>>>> {
		let this = self.get_mut();
		if this.at >= this.length {
			return Poll::Ready(None);
		}
		let Some(piece) = this.held.piece(this.at) else {
			let reason = "others need the memory";
			return Poll::Ready(Some(Err(io::Error::other(reason))));
		};
		this.at = this.at.saturating_add(piece.len());
		Poll::Ready(Some(Ok(Frame::data(piece))))
	}

	fn is_end_stream(&self) -> bool {
		self.at >= self.length
	}

	fn size_hint(&self) -> SizeHint {
		SizeHint::with_exact(self.length.saturating_sub(self.at) as u64)
	}
}

/// An open connection.
struct Open {
	/// When it last began to answer, as an ascending number.
	used: u64,
	/// Whether it answers now.
	at_work: usize,
	close: Arc<Notify>,
}

#[derive(Default)]
struct Opened {
	next: u64,
	all: usize,
	hosts: BTreeMap<IpAddr, BTreeMap<u64, Open>>,
}

impl Opened {
	fn number(&mut self) -> u64 {
		self.next = self.next.saturating_add(1);
		self.next
	}

	/// Closes the host's connection that has been idle for longest. If all are answering, and
	/// `may_be_at_work`, closes the one that has been answering for longest. `false` if none was closed.
	fn displace(&mut self, host: IpAddr, may_be_at_work: bool) -> bool {
		let Some(of_host) = self.hosts.get_mut(&host) else { return false };
		let goes = of_host.iter().filter(|(_, open)| may_be_at_work || open.at_work == 0);
		let goes = goes.min_by_key(|(_, open)| (open.at_work, open.used)).map(|(id, _)| *id);
		let Some(id) = goes else { return false };
		if let Some(open) = of_host.remove(&id) {
			open.close.notify_one();
			self.all = self.all.saturating_sub(1);
		}
		true
	}
}

/// The open connections of a service.
#[derive(Clone)]
struct Connections {
	limits: HttpLimits,
	opened: Arc<Mutex<Opened>>,
}

/// A connection, counted until this is dropped.
struct Connection {
	connections: Connections,
	host: IpAddr,
	id: u64,
	close: Arc<Notify>,
}

impl Connections {
	fn new(limits: HttpLimits) -> Self {
		Self { limits, opened: Arc::default() }
	}

	fn lock(&self) -> MutexGuard<'_, Opened> {
		// Nothing that holds this lock can panic half-way through a change.
		self.opened.lock().unwrap_or_else(PoisonError::into_inner)
	}

	/// Counts one more connection of a host. At a limit it replaces an idle one: of this host, or of the host
	/// with the most, in its network or in the one with the most. If that host or network keeps more than
	/// this one, even an answering connection is replaced: otherwise a few hosts with slow requests would
	/// keep all others out.
	fn open(&self, host: IpAddr) -> Option<Connection> {
		let mut opened = self.lock();
		let of_host = opened.hosts.get(&host).map_or(0, BTreeMap::len);
		let counted = opened.hosts.iter().map(|(host, of_host)| (*host, of_host.len()));
		let networks = by_network(counted, network);
		let own = networks.get(&network(host));
		let HttpLimits { connections: all, connections_per_host: per_host, .. } = self.limits;
		if of_host >= per_host {
			if !opened.displace(host, false) {
				return None;
			}
		} else if let Some(own) = own.filter(|own| own.amount >= share_of_network(all, per_host)) {
			let (count, neighbour) = own.largest;
			if count <= of_host || !opened.displace(neighbour, count > of_host + 1) {
				return None;
			}
		} else if opened.all >= all {
			let most = largest(&networks)?;
			let (count, of_network) = (most.amount, own.map_or(0, |own| own.amount));
			if count <= of_network || !opened.displace(most.largest.1, count > of_network + 1) {
				return None;
			}
		}
		let id = opened.number();
		let close = Arc::new(Notify::new());
		let open = Open { used: id, at_work: 0, close: close.clone() };
		opened.hosts.entry(host).or_default().insert(id, open);
		opened.all = opened.all.saturating_add(1);
		Some(Connection { connections: self.clone(), host, id, close })
	}

	fn change(&self, host: IpAddr, id: u64, change: impl FnOnce(&mut Open, u64)) {
		let mut opened = self.lock();
		let used = opened.number();
		if let Some(open) = opened.hosts.get_mut(&host).and_then(|of_host| of_host.get_mut(&id)) {
			change(open, used);
		}
	}
}

impl Drop for Connection {
	fn drop(&mut self) {
		let mut opened = self.connections.lock();
		let Some(of_host) = opened.hosts.get_mut(&self.host) else { return };
		let was_there = of_host.remove(&self.id).is_some();
		if of_host.is_empty() {
			opened.hosts.remove(&self.host);
		}
		if was_there {
			opened.all = opened.all.saturating_sub(1);
		}
	}
}

/// A request being answered, until this is dropped.
struct AtWork(Connections, IpAddr, u64);

impl AtWork {
	fn begin(connections: &Connections, host: IpAddr, id: u64) -> Self {
		connections.change(host, id, |open, used| {
			open.used = used;
			open.at_work += 1;
		});
		Self(connections.clone(), host, id)
	}
}

impl Drop for AtWork {
	fn drop(&mut self) {
		self.0.change(self.1, self.2, |open, _| open.at_work = open.at_work.saturating_sub(1));
	}
}

/// A stream whose client must keep reading.
struct Paced {
	stream: TcpStream,
	limits: HttpLimits,
	timer: Pin<Box<Sleep>>,
	/// Since when the read bytes are counted; `None` while nothing waits.
	since: Option<Instant>,
	taken: usize,
}

impl Paced {
	fn new(stream: TcpStream, limits: HttpLimits) -> Self {
		let timer = Box::pin(tokio::time::sleep(limits.stall));
		Self { stream, limits, timer, since: None, taken: 0 }
	}

	/// Handles the result of a write that may have waited.
	fn paced<T>(
		&mut self,
		context: &mut Context<'_>,
		step: Poll<io::Result<T>>,
		taken: impl Fn(&T) -> usize,
	) -> Poll<io::Result<T>> {
		if let Poll::Ready(result) = step {
			if let Ok(value) = &result {
				self.taken = self.taken.saturating_add(taken(value));
			}
			return Poll::Ready(result);
		}
		let now = Instant::now();
		let stall = self.limits.stall;
		// A pause without data to send restarts the count.
		let running = self.since.filter(|since| now.duration_since(*since) < stall * 2);
		if running.is_none() {
			(self.since, self.taken) = (Some(now), 0);
			self.timer.as_mut().reset(now + stall);
		}
		while self.timer.as_mut().poll(context).is_ready() {
			if self.taken < self.limits.least {
				let reason = "the client takes too little";
				return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, reason)));
			}
			(self.since, self.taken) = (Some(now), 0);
			self.timer.as_mut().reset(now + stall);
		}
		Poll::Pending
	}
}

impl AsyncRead for Paced {
	fn poll_read(
		mut self: Pin<&mut Self>,
		context: &mut Context<'_>,
		bytes: &mut ReadBuf<'_>,
	) -> Poll<io::Result<()>> {
		Pin::new(&mut self.stream).poll_read(context, bytes)
	}
}

impl AsyncWrite for Paced {
	fn poll_write(
		mut self: Pin<&mut Self>,
		context: &mut Context<'_>,
		bytes: &[u8],
	) -> Poll<io::Result<usize>> {
		let step = Pin::new(&mut self.stream).poll_write(context, bytes);
		self.paced(context, step, |written| *written)
	}

	fn poll_write_vectored(
		mut self: Pin<&mut Self>,
		context: &mut Context<'_>,
		bytes: &[io::IoSlice<'_>],
	) -> Poll<io::Result<usize>> {
		let step = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
		self.paced(context, step, |written| *written)
	}

	fn is_write_vectored(&self) -> bool {
		self.stream.is_write_vectored()
	}

	fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
		let step = Pin::new(&mut self.stream).poll_flush(context);
		self.paced(context, step, |()| 0)
	}

	fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
		Pin::new(&mut self.stream).poll_shutdown(context)
	}
}

/// Waits until the signal is true.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
	// An error means that the sender of the stop signal is gone, which stops the service too.
	let _ = stop.wait_for(|stop| *stop).await;
}

/// Serves HTTP until it is stopped, and then answers earlier requests for at most `drain`: a client that
/// never reads must not keep the process alive.
pub async fn serve(
	listener: TcpListener,
	router: Router,
	mut stop: watch::Receiver<bool>,
	drain: Duration,
	limits: HttpLimits,
) -> Result<()> {
	let connections = Connections::new(limits);
	let mut serving = JoinSet::new();
	loop {
		tokio::select! {
			accepted = listener.accept() => match accepted {
				Ok((stream, address)) => {
					if let Some(open) = connections.open(host(address.ip())) {
						serving.spawn(answer(stream, address, router.clone(), open, stop.clone()));
					}
				},
				Err(error) => {
					// For example too many open files: some are closed in a moment.
					tracing::warn!(%error, "a connection was not taken");
					tokio::time::sleep(Duration::from_millis(100)).await;
				},
			},
			Some(_) = serving.join_next(), if !serving.is_empty() => {},
			() = stopped(&mut stop) => break,
		}
	}
	drop(listener);
	let all = async { while serving.join_next().await.is_some() {} };
	if tokio::time::timeout(drain, all).await.is_err() {
		tracing::warn!("answers that took too long were broken off");
	}
	Ok(())
}

/// Answers the requests of one connection.
async fn answer(
	stream: TcpStream,
	address: SocketAddr,
	router: Router,
	open: Connection,
	mut stop: watch::Receiver<bool>,
) {
	let (connections, host, id) = (open.connections.clone(), open.host, open.id);
	let limits = connections.limits;
	let ends = ConnectInfo(Ends { from: address, local: stream.local_addr().ok() });
	let router = router.layer(axum::middleware::from_fn(
		move |mut request: Request, next: axum::middleware::Next| {
			let at_work = AtWork::begin(&connections, host, id);
			request.extensions_mut().insert(Client(host));
			request.extensions_mut().insert(ends);
			async move {
				let answer = next.run(request).await;
				drop(at_work);
				answer
			}
		},
	));
	// Without this the last part of an answer would wait for the client's acknowledgement.
	let _ = stream.set_nodelay(true);
	let io = TokioIo::new(Paced::new(stream, limits));
	let serving = hyper::server::conn::http1::Builder::new()
		.timer(TokioTimer::new())
		.header_read_timeout(limits.header)
		.max_buf_size(64 * 1_024)
		.serve_connection(io, TowerToHyperService::new(router));
	let mut serving = std::pin::pin!(serving);
	let mut stopping = false;
	loop {
		tokio::select! {
			served = &mut serving => {
				if let Err(error) = served {
					tracing::debug!(%address, %error, "connection broken off");
				}
				return;
			},
			() = open.close.notified() => return,
			() = stopped(&mut stop), if !stopping => {
				stopping = true;
				serving.as_mut().graceful_shutdown();
			},
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn limits(connections: usize, connections_per_host: usize) -> HttpLimits {
		HttpLimits { connections, connections_per_host, ..Default::default() }
	}

	fn ip(last: u8) -> IpAddr {
		Ipv4Addr::new(192, 0, 2, last).into()
	}

	#[test]
	fn silent_connection_should_make_room_for_a_new_one_of_its_host() {
		let connections = Connections::new(limits(10, 2));
		let first = connections.open(ip(1));
		let second = connections.open(ip(1));
		let (Some(first), Some(second)) = (first, second) else { panic!("there is room") };
		let at_work = AtWork::begin(&connections, first.host, first.id);
		assert!(connections.open(ip(1)).is_some(), "the second makes room, which is silent");
		drop(second);
		let third = connections.open(ip(1));
		let Some(third) = third else { panic!("there is room again") };
		let _also = AtWork::begin(&connections, third.host, third.id);
		assert!(connections.open(ip(1)).is_none(), "both are at work");
		assert!(connections.open(ip(2)).is_some(), "others have their own share");
		drop(at_work);
		assert!(connections.open(ip(1)).is_some());
	}

	#[test]
	fn host_with_the_most_connections_should_make_room_when_there_are_too_many() {
		let connections = Connections::new(limits(4, 3));
		let of_one: Vec<_> = (0..3).map(|_| connections.open(ip(1))).collect();
		let other = connections.open(ip(2));
		assert!(of_one.iter().all(Option::is_some) && other.is_some());
		let third = connections.open(ip(3));
		assert!(third.is_some());
		assert_eq!(connections.lock().hosts.get(&ip(1)).map(BTreeMap::len), Some(2));
		drop((of_one, other, third));
		let opened = connections.lock();
		assert!(opened.all == 0 && opened.hosts.is_empty());
	}

	/// A few hosts with slow requests have taken every connection.
	#[test]
	fn attack_connections_at_work_keep_others_out() {
		let connections = Connections::new(limits(4, 2));
		let open = |last: u8| connections.open(ip(last));
		let taken: Vec<_> = [1, 1, 2, 2].into_iter().filter_map(open).collect();
		let at_work: Vec<_> =
			taken.iter().map(|one| AtWork::begin(&connections, one.host, one.id)).collect();
		assert!(open(1).is_none(), "it has its share");
		let third = open(3);
		assert!(third.is_some(), "one at work of a host that has more makes room");
		assert_eq!(connections.lock().all, 4);
		// From now on nobody has more than one more than the newcomer would have.
		let fourth = open(4);
		assert!(fourth.is_some());
		let _busy: Vec<_> = [&third, &fourth]
			.into_iter()
			.flatten()
			.map(|one| AtWork::begin(&connections, one.host, one.id))
			.collect();
		assert!(open(5).is_none(), "all work, and none has two");
		drop((at_work, taken, third, fourth));
		assert!(open(5).is_some());
	}

	#[test]
	fn memory_should_be_shared_between_hosts() {
		let budget = Budget::new(100, 60);
		let first = budget.take(Client(ip(1)), 50);
		assert!(first.is_some());
		assert!(budget.take(Client(ip(1)), 20).is_none(), "beyond its share");
		let second = budget.take(Client(ip(2)), 50);
		assert!(second.is_some());
		assert!(
			budget.take(Client(ip(3)), 1).is_none(),
			"beyond them all, and nothing is read yet"
		);
		drop((first, second));
		assert!(lock(&budget.taken).hosts.is_empty());
		assert!(budget.take(Client(ip(3)), 60).is_some());
		assert!(budget.take(Client(ip(3)), 101).is_none());
	}

	/// The owner of a site's IPv6 network has 65,536 hosts, and connects from each.
	#[test]
	fn attack_connections_of_many_hosts_of_one_site() {
		let connections = Connections::new(limits(8, 2));
		let of_site = |n: u16| IpAddr::from([0x2001, 0xdb8, 7, n, 0, 0, 0, 0]);
		let work = |one: &Connection| AtWork::begin(&connections, one.host, one.id);
		let taken: Vec<_> = (0..20)
			.filter_map(|n| {
				let one = connections.open(of_site(n))?;
				let at_work = work(&one);
				Some((one, at_work))
			})
			.collect();
		assert_eq!(taken.len(), 5, "a host's share, and half of the rest");
		let others: Vec<_> = (1..=3).filter_map(|last| connections.open(ip(last))).collect();
		let _busy: Vec<_> = others.iter().map(work).collect();
		assert_eq!(others.len(), 3);
		let newcomer = connections.open(ip(4));
		assert!(newcomer.is_some(), "the site has most, and makes room");
		assert_eq!(connections.lock().all, 8);
		for other in &others {
			assert!(connections.lock().hosts[&other.host].contains_key(&other.id));
		}
	}

	/// As many hosts take segments as slowly as they may.
	#[test]
	fn attack_memory_taken_by_many_hosts_of_one_site() {
		let budget = Budget::new(100, 20);
		let read = |host: IpAddr| {
			let held = budget.take(Client(host), 10)?;
			Some(held.filled(vec![0; 10]))
		};
		let of_site = |n: u16| IpAddr::from([0x2001, 0xdb8, 7, n, 0, 0, 0, 0]);
		let slow: Vec<_> = (0..20).filter_map(|n| read(of_site(n))).collect();
		let of_network = || lock(&budget.taken).of_network(network(of_site(0)));
		assert_eq!((slow.len(), of_network()), (6, 60), "a host's share, and half of the rest");
		let others: Vec<_> = (1..=4).filter_map(|last| read(ip(last))).collect();
		assert_eq!(others.len(), 4);
		assert!(read(ip(5)).is_some(), "the site has most, and makes room");
		assert_eq!(of_network(), 50);
		assert!(others.iter().all(|held| held.piece(0).is_some()));
	}

	/// Two hosts that take segments as slowly as they may have all of the memory for them.
	#[test]
	fn attack_memory_taken_by_slow_readers_keeps_viewers_out() {
		use hyper::body::Body as _;
		let budget = Budget::new(100, 50);
		let read = |last: u8| {
			let held = budget.take(Client(ip(last)), 25)?;
			Some(Sent { length: 25, at: 0, held: held.filled(vec![last; 25]) })
		};
		let mut slow: Vec<_> = [1, 1, 2, 2].into_iter().filter_map(read).collect();
		assert!(slow.len() == 4 && read(1).is_none(), "it has its share");
		let mut viewer = read(3).expect("who has most makes room");
		let mut context = Context::from_waker(std::task::Waker::noop());
		let mut poll = |body: &mut Sent| match Pin::new(body).poll_frame(&mut context) {
			Poll::Ready(Some(frame)) => frame.ok().and_then(|frame| frame.into_data().ok()),
			_ => None,
		};
		assert_eq!(poll(&mut viewer).as_deref(), Some(&[3; 25][..]));
		assert!(viewer.is_end_stream());
		let whole = slow.iter_mut().filter_map(&mut poll).count();
		assert_eq!(whole, 3, "one answer is broken off");
		// A viewer does not have less than the host whose room it would take.
		let fourth = read(4);
		assert!(fourth.is_some(), "one of them has twice as much");
		assert!(read(5).is_none(), "and now nobody has more");
		drop((slow, viewer, fourth));
		assert!(lock(&budget.taken).hosts.values().all(BTreeMap::is_empty));
	}

	/// The host that has most has only what cannot be broken off, behind which slow readers keep the rest.
	#[test]
	fn attack_room_that_cannot_be_taken_shields_slow_readers() {
		let budget = Budget::new(100, 60);
		let unread = budget.take(Client(ip(1)), 55);
		let slow = budget.take(Client(ip(2)), 40).map(|held| held.filled(vec![2; 40]));
		let viewer = budget.take(Client(ip(3)), 25);
		assert!(unread.is_some() && viewer.is_some());
		assert!(slow.is_some_and(|slow| slow.piece(0).is_none()), "it makes room");
	}
}
