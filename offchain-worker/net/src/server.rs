//! Answering peers.

use std::sync::Arc;

use futures::{AsyncRead, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::{Multiaddr, PeerId};
use livepeer_worker_core::ports::transport::{
	ChunkRange, Chunks, NetError, PushReply, Refusal, Reply, Request, Service, SignedHeader,
	SignedPass, MAX_PAYLOAD,
};
use sp_core::H256;
use tokio::sync::{mpsc, oneshot};

use crate::{
	hosts::{Host, Hosts},
	places::{Bounds, Place, Places},
	swarm::Command,
	wire::{read_frame, read_payload, step, within, write_frame, write_payload, GREETING},
	NetLimits,
};

/// When a peer is told to push again because too many segments are being received.
const BUSY_MS: u32 = 300;

pub(crate) struct Server {
	service: Arc<dyn Service>,
	limits: NetLimits,
	hosts: Hosts,
	/// Streams whose request was not read yet.
	unread: Places,
	/// Requests that are served.
	served: Places,
	/// Fetches of judges that are served beside them.
	judges: Places,
	pushes: Places,
	/// Bytes of fetches that are in memory.
	fetched: Places,
	/// Bytes of judges' fetches beside them.
	judged: Places,
	/// Bytes of pushed segments.
	pushed: Places,
	/// Addresses that are being tried for others.
	tried: Places,
	/// The swarm, which tries them. It ends when all clients of this worker's handle are gone, even if
	/// answers are still under way.
	swarm: mpsc::WeakSender<Command>,
}

/// The places of a request, until this is dropped or they are taken away.
struct Room {
	place: Place,
	/// For the bytes of a fetch.
	bytes: Option<Place>,
}

impl Room {
	/// Waits until it is taken away.
	async fn lost(&self) {
		match &self.bytes {
			Some(bytes) => tokio::select! {
				() = self.place.lost() => {},
				() = bytes.lost() => {},
			},
			None => self.place.lost().await,
		}
	}

	/// From now on it cannot be taken away.
	fn keep(&self) {
		self.place.keep();
		if let Some(bytes) = &self.bytes {
			bytes.keep();
		}
	}
}

/// The asking peer.
#[derive(Clone, Copy)]
struct Caller {
	peer: PeerId,
	host: Host,
}

impl Server {
	pub(crate) fn new(
		service: Arc<dyn Service>,
		limits: NetLimits,
		hosts: Hosts,
		swarm: mpsc::WeakSender<Command>,
	) -> Self {
		// Strangers' places, whose requests end when the place is taken away.
		let places = |all| {
			let (per_peer, per_host) = (limits.requests_per_peer, limits.requests_per_host);
			Places::yielding(Bounds { all, per_peer, per_host })
		};
		let judges = Bounds {
			all: limits.judges,
			per_peer: limits.judges_per_peer,
			per_host: limits.judges_per_host,
		};
		// So that no broadcaster keeps the others out.
		let pushes = Bounds {
			all: limits.pushes,
			per_peer: limits.pushes.div_ceil(2),
			per_host: (limits.pushes * 3).div_ceil(4),
		};
		let (all, per_peer, per_host) =
			(limits.bytes, limits.bytes_per_peer, limits.bytes_per_host);
		let bytes = Bounds { all, per_peer, per_host };
		Self {
			service,
			hosts,
			unread: places(limits.unread),
			served: places(limits.requests),
			judges: Places::new(judges),
			pushes: Places::yielding(pushes),
			fetched: Places::yielding(bytes),
			judged: Places::new(bytes),
			pushed: Places::yielding(Bounds {
				all,
				per_peer: all.div_ceil(2),
				per_host: all.saturating_mul(3).div_ceil(4),
			}),
			tried: Places::new(Bounds { all: 4, per_peer: 1, per_host: 1 }),
			swarm,
			limits,
		}
	}

	/// Takes streams until there are no more.
	pub(crate) async fn run(self: Arc<Self>, mut incoming: libp2p_stream::IncomingStreams) {
		while let Some((peer, stream)) = incoming.next().await {
			let caller = Caller { peer, host: self.hosts.of(&peer) };
			// Without a greeting the peer knows that its stream was not handled, and opens another.
			let Some(unread) = self.unread.take(caller.peer, caller.host) else { continue };
			// Accept the next at once: libp2p drops streams that nobody is waiting for.
			let server = self.clone();
			tokio::spawn(async move {
				if let Err(error) = server.serve(stream, caller, unread).await {
					tracing::debug!(%peer, %error, "request not served");
				}
			});
		}
	}

	/// Reads one request and answers it. Holds the place of an unread stream until the request has its own
	/// place, or was told that there is none.
	async fn serve(
		&self,
		mut stream: impl AsyncRead + AsyncWrite + Unpin,
		caller: Caller,
		unread: Place,
	) -> Result<(), NetError> {
		let stall = self.limits.stall;
		let arriving = async {
			step(stall, stream.write_all(&[GREETING])).await?;
			step(stall, stream.flush()).await?;
			read_frame(&mut stream, stall, stall).await
		};
		let arrived = tokio::select! {
			arrived = within(stall, arriving) => arrived,
			// Answered, so that it is not taken for silence.
			() = unread.lost() => return self.send(&mut stream, &Reply::Busy, &[]).await,
		};
		let request = match arrived {
			Ok(request) => request,
			Err(error @ NetError::Protocol(_)) => {
				self.send(&mut stream, &Reply::BadRequest, &[]).await?;
				return Err(error);
			}
			Err(error) => return Err(error),
		};
		let room = match self.room(&request, caller).await {
			Ok(room) => room,
			Err(reply) => return self.send(&mut stream, &reply, &[]).await,
		};
		drop(unread);
		let is_push = matches!(request, Request::Push(_));
		let pass = match &request {
			Request::Fetch { pass, .. } => pass.clone(),
			_ => None,
		};
		// A known judge's place is not taken away.
		let keeping = async {
			if let Some(shown) = &pass {
				if self.is_judges(shown, caller).await {
					room.keep();
				}
			}
			std::future::pending::<()>().await;
		};
		tokio::select! {
			answered = self.answer(&mut stream, caller, request, &room) => return answered,
			() = room.lost() => {},
			() = keeping => {},
		}
		if is_push {
			// It was not transcoded yet: the sender sends it again.
			let reply = Reply::Pushed(PushReply::Busy { retry_ms: BUSY_MS });
			return self.send(&mut stream, &reply, &[]).await;
		}
		Err(NetError::Busy)
	}

	/// Answers a request that has a place.
	async fn answer(
		&self,
		stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
		caller: Caller,
		request: Request,
		room: &Room,
	) -> Result<(), NetError> {
		match request {
			Request::Push(signed) => {
				let reply = self.take_segment(stream, caller, *signed, room).await?;
				self.send(stream, &Reply::Pushed(reply), &[]).await
			}
			Request::Fetch { hash, chunks, .. } => match self.service.chunks(hash, chunks).await {
				Some(Chunks { len, bytes, proof }) => {
					self.send(stream, &Reply::Chunks { len, proof }, &bytes).await
				}
				None => self.send(stream, &Reply::NotFound, &[]).await,
			},
			Request::Playlist { stream: id, from } => {
				let reply = match self.service.playlist(id, from).await {
					Some(playlist) => Reply::Playlist(Box::new(playlist)),
					None => Reply::NotFound,
				};
				self.send(stream, &reply, &[]).await
			}
			Request::Reach { peer_id, address } => {
				let reply = self.try_address(caller, &peer_id, &address).await;
				self.send(stream, &reply, &[]).await
			}
			Request::Newest { stream: id } => {
				let reply = match self.service.newest(id).await {
					Some(signed) => Reply::Newest(Box::new(signed)),
					None => Reply::NotFound,
				};
				self.send(stream, &reply, &[]).await
			}
		}
	}

	/// A place for a request: a general one or, if all are taken, one reserved for the judges of this
	/// worker's claims, so that nobody keeps a judge from the bytes that it must judge. A pass is valid only
	/// for the peer that it names.
	async fn room(&self, request: &Request, caller: Caller) -> Result<Room, Reply> {
		let Caller { peer, host } = caller;
		let place = self.served.take(peer, host);
		let Request::Fetch { hash, chunks, pass } = request else {
			return Ok(Room { place: place.ok_or(Reply::Busy)?, bytes: None });
		};
		if let Some(place) = place {
			let size = self.size(*hash, *chunks).await?;
			if let Some(bytes) = self.fetched.take_many(peer, host, size) {
				return Ok(Room { place, bytes: Some(bytes) });
			}
		}
		let shown = pass.as_ref().ok_or(Reply::Busy)?;
		// Checked before it has a place: a peer with an invalid pass must not hold a judge's place while the
		// node is asked. The number of such checks is bounded by the places of unread streams, which they
		// hold. Nor is the peer told what is stored.
		if !self.is_judges(shown, caller).await {
			return Err(Reply::Busy);
		}
		let size = self.size(*hash, *chunks).await?;
		let place = self.judges.take(peer, host).ok_or(Reply::Busy)?;
		let bytes = self.judged.take_many(peer, host, size).ok_or(Reply::Busy)?;
		Ok(Room { place, bytes: Some(bytes) })
	}

	/// How many bytes of a blob will be sent, or why none.
	async fn size(&self, hash: H256, chunks: ChunkRange) -> Result<usize, Reply> {
		let size = self.service.size(hash).await.filter(|size| *size <= MAX_PAYLOAD.into());
		let range = chunks.within(size.ok_or(Reply::NotFound)?);
		Ok(range.ok_or(Reply::BadRequest)?.len())
	}

	/// Whether a pass belongs to the judge that shows it, as far as can be known in time.
	async fn is_judges(&self, shown: &SignedPass, caller: Caller) -> bool {
		if shown.pass.peer_id.as_slice() != caller.peer.to_bytes() {
			return false;
		}
		let judged = async { Ok(self.service.is_judge(shown).await) };
		within(self.limits.stall, judged).await.unwrap_or(false)
	}

	/// Tries an address at the asking host.
	async fn try_address(&self, caller: Caller, peer_id: &[u8], address: &[u8]) -> Reply {
		let peer = PeerId::from_bytes(peer_id).ok();
		let address = Multiaddr::try_from(address.to_vec()).ok();
		let (Some(peer), Some(address)) = (peer, address) else { return Reply::BadRequest };
		if caller.host == Host::Unknown || Host::called(&address) != caller.host {
			return Reply::NotFound;
		}
		let Some(_place) = self.tried.take(caller.peer, caller.host) else { return Reply::Busy };
		let (done, reached) = oneshot::channel();
		let Some(swarm) = self.swarm.upgrade() else { return Reply::Busy };
		if swarm.send(Command::Try { peer, address, done }).await.is_err() {
			return Reply::Busy;
		}
		drop(swarm);
		// Before the asking peer gives up.
		let in_time = tokio::time::timeout(self.limits.stall / 2, reached).await;
		Reply::Reached(matches!(in_time, Ok(Ok(true))))
	}

	/// Sends an answer and ends the stream, within the time of the slowest allowed rate. Otherwise a peer
	/// could hold a place for as long as it likes by reading a little at a time.
	async fn send(
		&self,
		stream: &mut (impl AsyncWrite + Unpin),
		reply: &Reply,
		payload: &[u8],
	) -> Result<(), NetError> {
		let stall = self.limits.stall;
		let sending = async {
			write_frame(stream, reply, stall).await?;
			write_payload(stream, payload, stall).await?;
			step(stall, stream.close()).await
		};
		within(self.limits.time_for(payload.len()), sending).await
	}

	/// Receives a segment, if it would be taken, and has it transcoded.
	async fn take_segment(
		&self,
		stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
		caller: Caller,
		signed: SignedHeader,
		room: &Room,
	) -> Result<PushReply, NetError> {
		let stall = self.limits.stall;
		let len = signed.header.segment.in_len;
		if len > MAX_PAYLOAD {
			return Ok(PushReply::Refused(Refusal::BadBytes));
		}
		// It may ask the node, which may be away.
		let admitted = within(stall, async { Ok(self.service.admit(&signed).await) }).await?;
		if let Err(refusal) = admitted {
			return Ok(PushReply::Refused(refusal));
		}
		// Freed when the segment is transcoded: until then its bytes are in memory.
		let Caller { peer, host } = caller;
		let push = self.pushes.take(peer, host);
		let held = push.as_ref().and_then(|_| self.pushed.take_many(peer, host, len as usize));
		let (Some(push), Some(held)) = (push, held) else {
			return Ok(PushReply::Busy { retry_ms: BUSY_MS });
		};
		let receiving = async {
			write_frame(stream, &Reply::Continue, stall).await?;
			read_payload(stream, len, stall).await
		};
		// Until it has arrived, others may take its place: otherwise a single cheap job could hold all places
		// with segments that trickle.
		let bytes = tokio::select! {
			received = within(self.limits.time_for(len as usize), receiving) => received?,
			// Answered, so that a sender whose bytes are under way does not take it for silence.
			() = push.lost() => return Ok(PushReply::Busy { retry_ms: BUSY_MS }),
			() = held.lost() => return Ok(PushReply::Busy { retry_ms: BUSY_MS }),
		};
		// From now on it is paid work, and is not thrown away.
		push.keep();
		held.keep();
		room.keep();
		// No deadline here: the time is the transcoder's own.
		Ok(self.service.push(signed, bytes).await)
	}
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;
	use async_trait::async_trait;
	use livepeer_primitives::{keys::VerifierPair, verdict::Pass, Hash, Seq, StreamId};
	use livepeer_worker_core::{
		fakes::{segment_header, signed_header, OneBlob},
		key::Key,
		ports::transport::{Playlist, MAX_CHUNKS},
		sha256,
	};
	use std::{
		io,
		pin::Pin,
		task::{Context, Poll},
		time::Duration,
	};
	use tokio::io::{AsyncRead as _, AsyncWrite as _, DuplexStream, ReadBuf};

	/// One end of a stream in memory.
	struct Pipe(DuplexStream);

	impl AsyncRead for Pipe {
		fn poll_read(
			mut self: Pin<&mut Self>,
			context: &mut Context<'_>,
			bytes: &mut [u8],
		) -> Poll<io::Result<usize>> {
			let mut read = ReadBuf::new(bytes);
			Pin::new(&mut self.0).poll_read(context, &mut read).map_ok(|()| read.filled().len())
		}
	}

	impl AsyncWrite for Pipe {
		fn poll_write(
			mut self: Pin<&mut Self>,
			context: &mut Context<'_>,
			bytes: &[u8],
		) -> Poll<io::Result<usize>> {
			Pin::new(&mut self.0).poll_write(context, bytes)
		}

		fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
			Pin::new(&mut self.0).poll_flush(context)
		}

		fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
			Pin::new(&mut self.0).poll_shutdown(context)
		}
	}

	const STALL: Duration = Duration::from_secs(20);

	/// Asks for a blob that one answer holds.
	fn whole(hash: H256, pass: Option<SignedPass>) -> Request {
		Request::Fetch { hash, chunks: ChunkRange::behind(0), pass: pass.map(Box::new) }
	}

	/// The answer that brings it: a tree of which everything is sent needs no proof.
	fn sent(len: u32) -> Reply {
		Reply::Chunks { len, proof: Vec::new() }
	}

	/// A swarm that is not there.
	fn nobody() -> mpsc::WeakSender<Command> {
		mpsc::channel(1).0.downgrade()
	}

	fn caller(last: u8) -> Caller {
		let host = Host::Ip(std::net::Ipv4Addr::new(192, 0, 2, last).into());
		Caller { peer: PeerId::random(), host }
	}

	/// Opens a stream; `None` when it is dropped unseen.
	fn open(
		server: &Arc<Server>,
		caller: Caller,
	) -> Option<(Pipe, tokio::task::JoinHandle<Result<(), NetError>>)> {
		let unread = server.unread.take(caller.peer, caller.host)?;
		let (ours, theirs) = tokio::io::duplex(16 * 1024);
		let server = server.clone();
		let served = tokio::spawn(async move { server.serve(Pipe(theirs), caller, unread).await });
		Some((Pipe(ours), served))
	}

	/// Sends a request and reads the first frame of the answer.
	async fn ask(pipe: &mut Pipe, request: &Request) -> Reply {
		let greeting = read_payload(pipe, 1, STALL).await.unwrap();
		assert_eq!(greeting, [GREETING]);
		write_frame(pipe, request, STALL).await.unwrap();
		read_frame(pipe, STALL, STALL).await.unwrap()
	}

	#[tokio::test]
	async fn others_should_be_served_when_a_stranger_sends_nothing() {
		let limits = NetLimits {
			unread: 12,
			requests: 4,
			requests_per_peer: 4,
			requests_per_host: 8,
			stall: STALL,
			..Default::default()
		};
		let blob = OneBlob(vec![7; 1_000]);
		let hash = sha256(&blob.0);
		let server = Arc::new(Server::new(Arc::new(blob), limits, Hosts::default(), nobody()));
		// Four identities on one host, as many streams of each as it gets.
		let mut silent = Vec::new();
		for _ in 0..4 {
			let stranger = caller(1);
			silent.extend((0..10).filter_map(|_| open(&server, stranger)));
		}
		assert_eq!(silent.len(), 8, "a host has a share of unread streams");
		let (mut pipe, served) = open(&server, caller(2)).unwrap();
		assert_eq!(ask(&mut pipe, &whole(hash, None)).await, sent(1_000));
		assert_eq!(read_payload(&mut pipe, 1_000, STALL).await.unwrap(), vec![7; 1_000]);
		served.await.unwrap().unwrap();
	}

	#[tokio::test]
	async fn silent_stream_should_be_closed_when_its_request_is_late() {
		let limits = NetLimits { stall: Duration::from_millis(100), ..Default::default() };
		let server = Arc::new(Server::new(
			Arc::new(OneBlob(Vec::new())),
			limits,
			Hosts::default(),
			nobody(),
		));
		let (mut pipe, served) = open(&server, caller(1)).unwrap();
		// A byte now and then is progress, but no request.
		let trickle = async {
			for byte in [200, 0, 0, 0].into_iter().chain([0; 196]) {
				tokio::time::sleep(Duration::from_millis(20)).await;
				if pipe.write_all(&[byte]).await.is_err() {
					return;
				}
			}
		};
		let (served, ()) = tokio::join!(served, trickle);
		assert_eq!(served.unwrap(), Err(NetError::Timeout));
	}

	#[tokio::test]
	async fn reader_should_lose_its_place_when_it_is_slower_than_the_slowest() {
		let limits = NetLimits {
			requests: 1,
			stall: Duration::from_secs(1),
			// A quarter of a second more for the blob, which the reader takes ten to read.
			slowest: 4 * 1024 * 1024,
			..Default::default()
		};
		let blob = OneBlob(vec![7; 1024 * 1024]);
		let hash = sha256(&blob.0);
		let server = Arc::new(Server::new(Arc::new(blob), limits, Hosts::default(), nobody()));
		let (mut slow, served) = open(&server, caller(1)).unwrap();
		let len = 1024 * 1024;
		assert_eq!(ask(&mut slow, &whole(hash, None)).await, sent(len));
		let (mut other, _) = open(&server, caller(2)).unwrap();
		assert_eq!(ask(&mut other, &whole(hash, None)).await, Reply::Busy);
		let reading = async {
			while read_payload(&mut slow, 8 * 1024, STALL).await.is_ok() {
				tokio::time::sleep(Duration::from_millis(80)).await;
			}
		};
		let (served, ()) = tokio::join!(served, reading);
		assert_eq!(served.unwrap(), Err(NetError::Timeout));
		let (mut other, _) = open(&server, caller(2)).unwrap();
		assert_eq!(ask(&mut other, &whole(hash, None)).await, sent(len));
	}

	/// Invalid and too long ranges are told apart from missing bytes, and cost nothing.
	#[tokio::test]
	async fn ranges_that_are_none_should_be_refused() {
		let blob = OneBlob(vec![7; 100_000]);
		let hash = sha256(&blob.0);
		let limits = NetLimits { bytes: 100_000, ..Default::default() };
		let server = Arc::new(Server::new(Arc::new(blob), limits, Hosts::default(), nobody()));
		let request = |first, count| {
			let chunks = ChunkRange { first, count };
			Request::Fetch { hash, chunks, pass: None }
		};
		let refused = [(0, 0), (0, MAX_CHUNKS + 1), (2, 1), (u32::MAX, 1), (1, u32::MAX)];
		for (first, count) in refused {
			let (mut pipe, _served) = open(&server, caller(1)).unwrap();
			let answer = ask(&mut pipe, &request(first, count)).await;
			assert_eq!(answer, Reply::BadRequest, "{first} {count}");
		}
		let (mut pipe, served) = open(&server, caller(1)).unwrap();
		let answer = ask(&mut pipe, &request(1, MAX_CHUNKS)).await;
		assert!(matches!(answer, Reply::Chunks { len: 100_000, .. }), "{answer:?}");
		let last = read_payload(&mut pipe, 100_000 - 64 * 1024, STALL).await.unwrap();
		served.await.unwrap().unwrap();
		assert_eq!(last, vec![7; 100_000 - 64 * 1024], "the last chunk is short");
	}

	#[tokio::test]
	async fn fetches_should_be_busy_when_their_bytes_would_fill_the_memory() {
		// Many places, few bytes.
		let limits = NetLimits {
			bytes: 4 * 1024 * 1024,
			bytes_per_peer: 2 * 1024 * 1024,
			bytes_per_host: 2 * 1024 * 1024,
			..Default::default()
		};
		let blob = OneBlob(vec![7; 1024 * 1024]);
		let hash = sha256(&blob.0);
		let server = Arc::new(Server::new(Arc::new(blob), limits, Hosts::default(), nobody()));
		let (plain, len) = (whole(hash, None), 1024 * 1024);
		let mut held = Vec::new();
		let mut replies = Vec::new();
		for host in [1, 1, 1, 2, 2, 2, 3] {
			let (mut pipe, served) = open(&server, caller(host)).unwrap();
			replies.push(ask(&mut pipe, &plain).await == sent(len));
			held.push((pipe, served));
		}
		// Two of each host, and at most four in total: a third host gets one of another's two.
		assert_eq!(replies, [true, true, false, true, true, false, true]);
		let unknown = whole(H256::zero(), None);
		let (mut pipe, _served) = open(&server, caller(3)).unwrap();
		assert_eq!(ask(&mut pipe, &unknown).await, Reply::NotFound, "it costs no bytes");
		// A peer that reads frees its bytes.
		let (mut reader, served) = held.remove(0);
		read_payload(&mut reader, len, STALL).await.unwrap();
		served.await.unwrap().unwrap();
		let (mut pipe, _served) = open(&server, caller(3)).unwrap();
		assert_eq!(ask(&mut pipe, &plain).await, sent(len));
	}

	/// Has one blob, and accepts every pass except those of claim 0; it never learns who judges claim 9.
	struct Judged(OneBlob);

	#[async_trait]
	impl Service for Judged {
		async fn size(&self, hash: H256) -> Option<u64> {
			self.0.size(hash).await
		}

		async fn chunks(&self, hash: H256, range: ChunkRange) -> Option<Chunks> {
			self.0.chunks(hash, range).await
		}

		async fn is_judge(&self, shown: &SignedPass) -> bool {
			if shown.pass.claim == 9 {
				std::future::pending::<()>().await;
			}
			shown.pass.claim > 0
		}

		async fn admit(&self, signed: &SignedHeader) -> Result<(), Refusal> {
			self.0.admit(signed).await
		}

		async fn push(&self, signed: SignedHeader, bytes: Vec<u8>) -> PushReply {
			self.0.push(signed, bytes).await
		}

		async fn playlist(&self, stream: StreamId, from: Seq) -> Option<Playlist> {
			self.0.playlist(stream, from).await
		}
	}

	/// A fetch with a pass for `peer` over a claim.
	fn showing(hash: H256, claim: u64, peer: PeerId) -> Request {
		let pass = Pass {
			genesis: Hash::zero(),
			claim,
			tranche: 0,
			account: livepeer_primitives::AccountId::new([1; 32]),
			peer_id: peer.to_bytes().try_into().unwrap(),
		};
		let pair = <VerifierPair as sp_core::Pair>::from_string("//Judge", None).unwrap();
		let signature = sp_core::Pair::sign(&pair, pass.payload().as_bytes());
		whole(hash, Some(SignedPass { pass, signature }))
	}

	/// Invalid passes under many identities, while the node is slow to answer, keep no judge from its place.
	#[tokio::test]
	async fn attack_judges_places_taken_before_the_pass_is_checked() {
		let limits = NetLimits { requests: 1, judges: 2, ..Default::default() };
		let blob = OneBlob(vec![7; 1024 * 1024]);
		let hash = sha256(&blob.0);
		let server =
			Arc::new(Server::new(Arc::new(Judged(blob)), limits, Hosts::default(), nobody()));
		let len = 1024 * 1024;
		let (mut stranger, _reading) = open(&server, caller(1)).unwrap();
		let plain = whole(hash, None);
		assert_eq!(ask(&mut stranger, &plain).await, sent(len));
		let mut held = Vec::new();
		for host in 10..20 {
			let stranger = caller(host);
			let (mut pipe, served) = open(&server, stranger).unwrap();
			assert_eq!(read_payload(&mut pipe, 1, STALL).await.unwrap(), [GREETING]);
			write_frame(&mut pipe, &showing(hash, 9, stranger.peer), STALL).await.unwrap();
			held.push((pipe, served));
		}
		tokio::task::yield_now().await;
		let judge = caller(2);
		let (mut pipe, _served) = open(&server, judge).unwrap();
		let answer = ask(&mut pipe, &showing(hash, 1, judge.peer)).await;
		assert_eq!(answer, sent(len));
	}

	/// A verifier serves those who judge with it, and has no places for others.
	#[tokio::test]
	async fn strangers_should_not_be_served_when_there_are_places_for_judges_alone() {
		let limits = NetLimits { requests: 0, ..Default::default() };
		let blob = OneBlob(vec![7; 1_000]);
		let hash = sha256(&blob.0);
		let server =
			Arc::new(Server::new(Arc::new(Judged(blob)), limits, Hosts::default(), nobody()));
		let judge = caller(1);
		let newest = Request::Newest { stream: StreamId::zero() };
		let cases = [
			(whole(hash, None), Reply::Busy),
			(newest, Reply::Busy),
			(showing(hash, 0, judge.peer), Reply::Busy),
			(showing(hash, 1, judge.peer), sent(1_000)),
			(showing(H256::zero(), 1, judge.peer), Reply::NotFound),
		];
		for (request, reply) in cases {
			let (mut pipe, _served) = open(&server, judge).unwrap();
			assert_eq!(ask(&mut pipe, &request).await, reply, "{request:?}");
		}
	}

	/// A transcoder that withholds bytes would like to know which judges have them anyway.
	#[tokio::test]
	async fn attack_what_a_judge_has_found_out_by_a_pass_that_is_none() {
		let limits = NetLimits { requests: 0, ..Default::default() };
		let blob = OneBlob(vec![7; 1_000]);
		let hash = sha256(&blob.0);
		let server =
			Arc::new(Server::new(Arc::new(Judged(blob)), limits, Hosts::default(), nobody()));
		let stranger = caller(1);
		for hash in [hash, H256::zero()] {
			let (mut pipe, _served) = open(&server, stranger).unwrap();
			let answer = ask(&mut pipe, &showing(hash, 0, stranger.peer)).await;
			assert_eq!(answer, Reply::Busy, "{hash:?}");
		}
	}

	#[tokio::test]
	async fn judge_should_be_served_when_strangers_have_every_place() {
		let limits = NetLimits { requests: 1, judges: 1, ..Default::default() };
		let blob = OneBlob(vec![7; 1024 * 1024]);
		let hash = sha256(&blob.0);
		let server =
			Arc::new(Server::new(Arc::new(Judged(blob)), limits, Hosts::default(), nobody()));
		let len = 1024 * 1024;
		let (mut stranger, _reading) = open(&server, caller(1)).unwrap();
		let plain = whole(hash, None);
		assert_eq!(ask(&mut stranger, &plain).await, sent(len));
		let judge = caller(2);
		let shown = |claim: u64, peer: PeerId| showing(hash, claim, peer);
		let cases = [
			(plain.clone(), Reply::Busy),
			(shown(0, judge.peer), Reply::Busy),
			(shown(1, PeerId::random()), Reply::Busy),
			(shown(1, judge.peer), sent(len)),
		];
		for (request, reply) in cases {
			let (mut pipe, _served) = open(&server, judge).unwrap();
			assert_eq!(ask(&mut pipe, &request).await, reply, "{request:?}");
		}
	}

	/// Welcomes every segment, and has none transcoded to its end.
	struct Welcoming;

	#[async_trait]
	impl Service for Welcoming {
		async fn size(&self, _: H256) -> Option<u64> {
			None
		}

		async fn chunks(&self, _: H256, _: ChunkRange) -> Option<Chunks> {
			None
		}

		async fn admit(&self, _: &SignedHeader) -> Result<(), Refusal> {
			Ok(())
		}

		async fn push(&self, _: SignedHeader, _: Vec<u8>) -> PushReply {
			std::future::pending().await
		}

		async fn playlist(&self, _: StreamId, _: Seq) -> Option<Playlist> {
			None
		}
	}

	/// A push of these bytes.
	fn push(bytes: &[u8]) -> Request {
		let key = Key::from_uri("//Bob").unwrap();
		Request::Push(Box::new(signed_header(&key, segment_header(&key, &key, 0, bytes))))
	}

	/// The owner of one cheap job lets its segments trickle in from a few hosts, each for two minutes, so
	/// that no other broadcaster's find a place.
	#[tokio::test]
	async fn attack_segments_that_trickle_and_hold_all_room() {
		let bytes = vec![7; 1_000];
		let limits = NetLimits { pushes: 4, ..Default::default() };
		let server = Arc::new(Server::new(Arc::new(Welcoming), limits, Hosts::default(), nobody()));
		let mut held = Vec::new();
		for host in [1, 1, 1, 2] {
			let (mut pipe, served) = open(&server, caller(host)).unwrap();
			assert_eq!(ask(&mut pipe, &push(&bytes)).await, Reply::Continue);
			held.push((pipe, served));
		}
		let (mut honest, _served) = open(&server, caller(3)).unwrap();
		assert_eq!(ask(&mut honest, &push(&bytes)).await, Reply::Continue);
		let busy = Reply::Pushed(PushReply::Busy { retry_ms: BUSY_MS });
		let (mut pipe, served) = held.remove(0);
		let told: Reply = read_frame(&mut pipe, STALL, STALL).await.unwrap();
		assert_eq!(told, busy, "the oldest of who has most");
		assert_eq!(served.await.unwrap(), Ok(()));
		// What has come is at work, and is kept.
		honest.write_all(&bytes).await.unwrap();
		for (pipe, _) in held.iter_mut().take(2) {
			pipe.write_all(&bytes).await.unwrap();
		}
		for _ in 0..20 {
			tokio::task::yield_now().await;
		}
		let (mut another, _served) = open(&server, caller(4)).unwrap();
		assert_eq!(ask(&mut another, &push(&bytes)).await, busy);
	}
}
