//! Answering peers.

use std::sync::Arc;

use futures::StreamExt;
use libp2p::Stream;
use libp2p_stream::IncomingStreams;
use livepeer_worker_core::transport::{NetError, Reply, Request, Service};
use tokio::sync::Semaphore;

use crate::wire::{Connection, PROGRESS};

/// Requests that are answered at a time; more get [`Reply::Busy`].
const MAX_REQUESTS: usize = 64;

/// Answers incoming streams for as long as the swarm lives. Each gets its own task at once, for
/// streams that are not taken in time are dropped by the swarm.
pub async fn run(mut incoming: IncomingStreams, service: Arc<dyn Service>) {
	let permits = Arc::new(Semaphore::new(MAX_REQUESTS));
	while let Some((peer, stream)) = incoming.next().await {
		let permit = permits.clone().try_acquire_owned().ok();
		let service = service.clone();
		tokio::spawn(async move {
			let busy = permit.is_none();
			if let Err(error) = answer(stream, service, busy).await {
				tracing::debug!(%peer, %error, "a request was not answered");
			}
			drop(permit);
		});
	}
}

async fn answer(stream: Stream, service: Arc<dyn Service>, busy: bool) -> Result<(), NetError> {
	let mut connection = Connection::new(stream);
	if busy {
		return connection.send(&Reply::Busy, &[]).await;
	}
	let request: Request = match connection.receive_frame(PROGRESS).await {
		Ok(request) => request,
		Err(NetError::Protocol(_)) => return connection.send(&Reply::BadRequest, &[]).await,
		Err(error) => return Err(error),
	};
	let payload = match connection.receive_payload(request.payload_len()).await {
		Ok(payload) => payload,
		Err(NetError::Protocol(_)) => return connection.send(&Reply::BadRequest, &[]).await,
		Err(error) => return Err(error),
	};
	match request {
		Request::Fetch { hash } => match service.fetch(hash).await {
			Some(bytes) => {
				let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
				connection.send(&Reply::Bytes { len }, &bytes).await
			},
			None => connection.send(&Reply::NotFound, &[]).await,
		},
		Request::Push(signed) => {
			let reply = service.push(*signed, payload).await;
			connection.send(&Reply::Pushed(reply), &[]).await
		},
		Request::Playlist { stream, from } => match service.playlist(stream, from).await {
			Some(playlist) => connection.send(&Reply::Playlist(Box::new(playlist)), &[]).await,
			None => connection.send(&Reply::NotFound, &[]).await,
		},
	}
}
