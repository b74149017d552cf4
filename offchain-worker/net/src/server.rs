//! Answering peers.

use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex, PoisonError},
};

use futures::{AsyncRead, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::PeerId;
use livepeer_worker_core::transport::{
	NetError, PushReply, Refusal, Reply, Request, Service, MAX_PAYLOAD,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
	wire::{read_frame, read_payload, step, write_frame, write_payload, GREETING},
	NetLimits,
};

/// When a peer is told to push again because too many segments are being received.
const BUSY_MS: u32 = 300;

pub(crate) struct Server {
	service: Arc<dyn Service>,
	limits: NetLimits,
	requests: Arc<Semaphore>,
	pushes: Arc<Semaphore>,
	peers: Arc<Mutex<BTreeMap<PeerId, usize>>>,
}

/// Counts a peer's requests while it lives.
struct Place {
	peers: Arc<Mutex<BTreeMap<PeerId, usize>>>,
	peer: PeerId,
	_permit: OwnedSemaphorePermit,
}

impl Drop for Place {
	fn drop(&mut self) {
		let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
		if let Some(count) = peers.get_mut(&self.peer) {
			*count = count.saturating_sub(1);
			if *count == 0 {
				peers.remove(&self.peer);
			}
		}
	}
}

impl Server {
	pub(crate) fn new(service: Arc<dyn Service>, limits: NetLimits) -> Self {
		Self {
			service,
			limits,
			requests: Arc::new(Semaphore::new(limits.requests)),
			pushes: Arc::new(Semaphore::new(limits.pushes)),
			peers: Arc::default(),
		}
	}

	/// Takes streams until there are no more.
	pub(crate) async fn run(self: Arc<Self>, mut incoming: libp2p_stream::IncomingStreams) {
		while let Some((peer, stream)) = incoming.next().await {
			// Back to accepting at once: libp2p drops streams that nobody is waiting for.
			let server = self.clone();
			tokio::spawn(async move {
				let place = server.place(peer);
				if let Err(error) = server.serve(stream, place.is_some()).await {
					tracing::debug!(%peer, %error, "request not served");
				}
			});
		}
	}

	fn place(&self, peer: PeerId) -> Option<Place> {
		let permit = self.requests.clone().try_acquire_owned().ok()?;
		let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
		let count = peers.entry(peer).or_default();
		if *count >= self.limits.requests_per_peer {
			return None;
		}
		*count += 1;
		Some(Place { peers: self.peers.clone(), peer, _permit: permit })
	}

	async fn serve(
		&self,
		mut stream: impl AsyncRead + AsyncWrite + Unpin,
		admitted: bool,
	) -> Result<(), NetError> {
		let stall = self.limits.stall;
		step(stall, stream.write_all(&[GREETING])).await?;
		step(stall, stream.flush()).await?;
		let request: Request = match read_frame(&mut stream, stall, stall).await {
			Ok(request) => request,
			Err(error @ NetError::Protocol(_)) => {
				write_frame(&mut stream, &Reply::BadRequest, stall).await?;
				step(stall, stream.close()).await?;
				return Err(error);
			}
			Err(error) => return Err(error),
		};
		let (reply, payload) = if admitted {
			self.answer(request, &mut stream).await?
		} else {
			(Reply::Busy, Vec::new())
		};
		write_frame(&mut stream, &reply, stall).await?;
		write_payload(&mut stream, &payload, stall).await?;
		step(stall, stream.close()).await
	}

	async fn answer(
		&self,
		request: Request,
		stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
	) -> Result<(Reply, Vec<u8>), NetError> {
		let plain = |reply| Ok((reply, Vec::new()));
		match request {
			Request::Fetch { hash } => match self.service.fetch(hash).await {
				Some(bytes) => match u32::try_from(bytes.len()) {
					Ok(len) if len <= MAX_PAYLOAD => Ok((Reply::Bytes { len }, bytes)),
					_ => plain(Reply::NotFound),
				},
				None => plain(Reply::NotFound),
			},
			Request::Push(signed) => {
				if signed.header.in_len > MAX_PAYLOAD {
					return plain(Reply::Pushed(PushReply::Refused(Refusal::BadBytes)));
				}
				if let Err(refusal) = self.service.admit(&signed).await {
					return plain(Reply::Pushed(PushReply::Refused(refusal)));
				}
				let Ok(receiving) = self.pushes.clone().try_acquire_owned() else {
					return plain(Reply::Pushed(PushReply::Busy { retry_ms: BUSY_MS }));
				};
				let stall = self.limits.stall;
				write_frame(stream, &Reply::Continue, stall).await?;
				let bytes = read_payload(stream, signed.header.in_len, stall).await?;
				let reply = self.service.push(*signed, bytes).await;
				drop(receiving);
				plain(Reply::Pushed(reply))
			}
			Request::Playlist { stream, from } => match self.service.playlist(stream, from).await {
				Some(playlist) => plain(Reply::Playlist(Box::new(playlist))),
				None => plain(Reply::NotFound),
			},
		}
	}
}
