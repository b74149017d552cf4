//! Asking peers.

use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex, PoisonError},
	time::Duration,
};

use async_trait::async_trait;
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::{Multiaddr, PeerId, Stream, StreamProtocol};
use livepeer_primitives::{service::ServiceRecord, Seq, StreamId};
use livepeer_worker_core::ports::transport::{
	protocol_name, ChunkRange, Chunks, NetError, Playlist, PushReply, Reply, Request, Service,
	SignedHeader, SignedPass, Transport, MAX_PAYLOAD,
};
use sp_core::H256;
use tokio::sync::{mpsc, oneshot, Mutex as AsyncMutex, OwnedSemaphorePermit, Semaphore};

use crate::{
	hosts::Hosts,
	identity::{
		dialable, judge_of, load_identity, peer_at, peer_name, reach_of, record_for, Reach,
	},
	local,
	server::Server,
	swarm::{self, Command},
	wire::{read_frame, read_payload, step, within, write_frame, write_payload, GREETING},
	NetConfig, NetLimits,
};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(15);
/// How often a stream that the server dropped without a greeting is opened again.
const OPEN_ATTEMPTS: u32 = 12;

/// A running swarm. Dropping it closes the swarm.
pub struct Net {
	peer: PeerId,
	control: libp2p_stream::Control,
	commands: mpsc::Sender<Command>,
	protocol: StreamProtocol,
	record: ServiceRecord,
	listen: Vec<Multiaddr>,
	limits: NetLimits,
	/// Opens one stream at a time per peer: see [`GREETING`]. A caller with wrong addresses of a peer does
	/// not delay callers with others.
	opening: Mutex<BTreeMap<Named, Turn>>,
	/// The most requests to each peer at a time, and the current ones.
	asked: Mutex<BTreeMap<PeerId, Arc<Semaphore>>>,
}

/// A peer with its claimed addresses.
type Named = (PeerId, Vec<Multiaddr>);
/// Held while a stream is opened.
type Turn = Arc<AsyncMutex<()>>;

/// The most idle peers that are remembered.
const MOST_IDLE: usize = 1_024;

/// A stream, counted for its peer until it is dropped.
struct Asked {
	stream: Stream,
	_place: OwnedSemaphorePermit,
}

impl Net {
	/// Starts a swarm that answers with `service`, or only asks.
	pub async fn start(
		config: NetConfig,
		service: Option<Arc<dyn Service>>,
	) -> Result<Self, NetError> {
		let key = load_identity(&config.identity)?;
		let peer = key.public().to_peer_id();
		let hosts = Hosts::default();
		let mut swarm = swarm::build(key, &config.limits, config.dial_private, hosts.clone())?;
		let listen = swarm::listen(&mut swarm, &config.listen).await?;
		let published = if config.announce.is_empty() { &listen } else { &config.announce };
		let published: Vec<Multiaddr> = published
			.iter()
			.filter(|address| config.announce_local || reach_of(address) == Reach::Others)
			.cloned()
			.collect();
		let is_own = |address: &Multiaddr| peer_at(address).is_none_or(|at| at == peer);
		if !published.iter().any(is_own) && !listen.is_empty() {
			return Err(local(
				"no address is known at which others reach this machine: give --announce",
			));
		}
		let record = record_for(peer, &published, &config.url)?;
		let mut control = swarm::control(&swarm);
		let protocol = StreamProtocol::try_from_owned(protocol_name(&config.genesis))
			.map_err(|_| local("the protocol's name is not valid"))?;
		let (commands, receiver) = mpsc::channel(64);
		if let Some(service) = service {
			let incoming = control.accept(protocol.clone()).map_err(local)?;
			let server = Server::new(service, config.limits, hosts, commands.downgrade());
			tokio::spawn(Arc::new(server).run(incoming));
		}
		tokio::spawn(swarm::run(swarm, receiver));
		Ok(Self {
			peer,
			control,
			commands,
			protocol,
			record,
			listen,
			limits: config.limits,
			opening: Mutex::default(),
			asked: Mutex::default(),
		})
	}

	/// This worker's peer id.
	pub fn peer_id(&self) -> PeerId {
		self.peer
	}

	/// The addresses listened on, with their actual ports.
	pub fn listening(&self) -> &[Multiaddr] {
		&self.listen
	}

	async fn connect(&self, peer: PeerId, addresses: Vec<Multiaddr>) -> Result<(), NetError> {
		let (done, connected) = oneshot::channel();
		let gone = || NetError::Local("the swarm has stopped".into());
		let command = Command::Connect { peer, addresses, done };
		self.commands.send(command).await.map_err(|_| gone())?;
		match tokio::time::timeout(CONNECT, connected).await {
			Ok(result) => result.map_err(|_| gone())?,
			Err(_) => Err(NetError::Timeout),
		}
	}

	/// Asks `helper` whether it reaches `peer` at an address of this machine.
	pub async fn is_reached(
		&self,
		helper: &ServiceRecord,
		peer: &PeerId,
		address: &Multiaddr,
	) -> Result<bool, NetError> {
		let long = |_| NetError::BadRecord("the address is too long".into());
		let request = Request::Reach {
			peer_id: peer.to_bytes().try_into().map_err(long)?,
			address: address.to_vec().try_into().map_err(long)?,
		};
		match self.ask(helper, &request).await? {
			(_, Reply::Reached(is_reached)) => Ok(is_reached),
			(_, Reply::NotFound) => Err(NetError::Protocol(
				"the peer sees this machine at another address than the one that it is to try"
					.into(),
			)),
			(_, reply) => Err(unexpected(reply)),
		}
	}

	/// Waits for a place among the requests to a peer, because a connection has a limited number of streams.
	async fn place(&self, peer: PeerId) -> Result<OwnedSemaphorePermit, NetError> {
		let places = {
			let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
			if asked.len() > MOST_IDLE {
				asked.retain(|_, places| Arc::strong_count(places) > 1);
			}
			let all = self.limits.asked.max(1);
			asked.entry(peer).or_insert_with(|| Arc::new(Semaphore::new(all))).clone()
		};
		places.acquire_owned().await.map_err(local)
	}

	/// Opens a stream, and waits until the server has taken it.
	async fn open(&self, record: &ServiceRecord) -> Result<Asked, NetError> {
		let (peer, addresses) = dialable(record)?;
		let turn = {
			let mut opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
			if opening.len() > MOST_IDLE {
				opening.retain(|_, turn| Arc::strong_count(turn) > 1);
			}
			opening.entry((peer, addresses.clone())).or_default().clone()
		};
		let _turn = turn.lock().await;
		// Only once it is reached: a caller with wrong addresses takes no place.
		self.connect(peer, addresses.clone()).await?;
		let place = self.place(peer).await?;
		let mut last = NetError::Busy;
		for attempt in 0..OPEN_ATTEMPTS {
			self.connect(peer, addresses.clone()).await?;
			match self.try_open(peer).await {
				Ok(stream) => return Ok(Asked { stream, _place: place }),
				Err(error @ NetError::Protocol(_)) => return Err(error),
				Err(error) => last = error,
			}
			// 5, 10, 20 ... ms, at most 640.
			tokio::time::sleep(Duration::from_millis(5 << attempt.min(7))).await;
		}
		Err(last)
	}

	async fn try_open(&self, peer: PeerId) -> Result<Stream, NetError> {
		let stall = self.limits.stall;
		let open = self.control.clone();
		let protocol = self.protocol.clone();
		let opened = tokio::time::timeout(stall, async move {
			let mut open = open;
			open.open_stream(peer, protocol).await
		});
		let mut stream = match opened.await {
			Ok(Ok(stream)) => stream,
			Ok(Err(libp2p_stream::OpenStreamError::UnsupportedProtocol(_))) => {
				let reason = "the peer serves nothing on this chain";
				return Err(NetError::Protocol(reason.into()));
			}
			Ok(Err(error)) => return Err(NetError::Unreachable(error.to_string())),
			Err(_) => return Err(NetError::Timeout),
		};
		let mut greeting = [0];
		match step(stall, stream.read_exact(&mut greeting)).await {
			Ok(()) if greeting == [GREETING] => Ok(stream),
			Ok(()) => Err(NetError::Protocol("an unknown greeting".into())),
			Err(_) => Err(NetError::Busy),
		}
	}

	/// Sends a request and reads the first frame of the answer.
	async fn ask(
		&self,
		peer: &ServiceRecord,
		request: &Request,
	) -> Result<(Asked, Reply), NetError> {
		let stall = self.limits.stall;
		let mut asked = self.open(peer).await?;
		write_frame(&mut asked.stream, request, stall).await?;
		let reply = read_frame(&mut asked.stream, stall, stall).await?;
		Ok((asked, reply))
	}
}

/// The error if bytes that a peer has requested or begun to send do not come through: the peer answers, but
/// has broken this off, as when others have fewer of its places.
fn broken_off(error: NetError) -> NetError {
	match error {
		NetError::Unreachable(_) => NetError::Busy,
		error => error,
	}
}

/// The error for an answer that does not fit its request.
fn unexpected(reply: Reply) -> NetError {
	match reply {
		Reply::NotFound => NetError::NotFound,
		Reply::Busy => NetError::Busy,
		Reply::BadRequest => NetError::Protocol("the peer cannot read the request".into()),
		_ => NetError::Protocol("an answer to another question".into()),
	}
}

#[async_trait]
impl Transport for Net {
	fn service_record(&self) -> ServiceRecord {
		self.record.clone()
	}

	fn peer_id(&self) -> Vec<u8> {
		self.peer.to_bytes()
	}

	fn peer_name(&self, peer: &ServiceRecord) -> String {
		peer_name(peer)
	}

	fn judge_of(&self, record: &ServiceRecord) -> ServiceRecord {
		judge_of(record)
	}

	async fn chunks(
		&self,
		peer: &ServiceRecord,
		hash: H256,
		range: ChunkRange,
		pass: Option<&SignedPass>,
	) -> Result<Chunks, NetError> {
		let stall = self.limits.stall;
		let request = Request::Fetch { hash, chunks: range, pass: pass.cloned().map(Box::new) };
		match self.ask(peer, &request).await? {
			(mut asked, Reply::Chunks { len, proof }) => {
				let part = range.within(len.into()).filter(|_| len <= MAX_PAYLOAD);
				let part = part.and_then(|part| u32::try_from(part.len()).ok());
				let part = part.ok_or(NetError::WrongBytes)?;
				let limit = self.limits.time_for(part as usize);
				let read = within(limit, read_payload(&mut asked.stream, part, stall)).await;
				let bytes = read.map_err(broken_off)?;
				// The stream's end says nothing about the bytes.
				let _ = asked.stream.close().await;
				Ok(Chunks { len, bytes, proof })
			}
			(_, reply) => Err(unexpected(reply)),
		}
	}

	async fn push(
		&self,
		peer: &ServiceRecord,
		signed: &SignedHeader,
		bytes: &[u8],
	) -> Result<PushReply, NetError> {
		let stall = self.limits.stall;
		let request = Request::Push(Box::new(signed.clone()));
		if bytes.len() as u64 != u64::from(request.payload_len()) {
			return Err(local("the segment has another length than its header says"));
		}
		match self.ask(peer, &request).await? {
			(mut asked, Reply::Continue) => {
				let written = write_payload(&mut asked.stream, bytes, stall).await;
				written.map_err(broken_off)?;
				let reply = read_frame(&mut asked.stream, self.limits.patience, stall).await?;
				let _ = asked.stream.close().await;
				match reply {
					Reply::Pushed(reply) => Ok(reply),
					reply => Err(unexpected(reply)),
				}
			}
			(_, Reply::Pushed(reply)) => Ok(reply),
			(_, reply) => Err(unexpected(reply)),
		}
	}

	async fn playlist(
		&self,
		peer: &ServiceRecord,
		stream: StreamId,
		from: Seq,
	) -> Result<Playlist, NetError> {
		match self.ask(peer, &Request::Playlist { stream, from }).await? {
			(_, Reply::Playlist(playlist)) => Ok(*playlist),
			(_, reply) => Err(unexpected(reply)),
		}
	}

	async fn newest(
		&self,
		peer: &ServiceRecord,
		stream: StreamId,
	) -> Result<SignedHeader, NetError> {
		match self.ask(peer, &Request::Newest { stream }).await? {
			(_, Reply::Newest(signed)) => Ok(*signed),
			(_, reply) => Err(unexpected(reply)),
		}
	}
}
