//! # The worker's libp2p swarm
//!
//! [`Net`] implements [`livepeer_worker_core::transport::Transport`] and answers peers through a
//! [`livepeer_worker_core::transport::Service`]. One request and its answer take one stream:
//!
//! - [`wire`]: frames and payloads, with caps and deadlines for lack of progress;
//! - [`swarm`]: transports (TCP and QUIC), identity, connection limits, dialling;
//! - [`serve`]: answering;
//! - [`record`]: service records as the chain stores them.
//!
//! It is apart from the node's network on purpose: gigabytes of video must not compete with
//! blocks and votes.

mod record;
mod serve;
mod swarm;
mod wire;

#[cfg(test)]
mod tests;

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use libp2p::{Multiaddr, PeerId};
use livepeer_primitives::{service::ServiceRecord, Hash, Seq, StreamId};
use livepeer_worker_core::{
	sha256,
	transport::{
		NetError, Playlist, PushReply, Reply, Request, Service, SignedHeader, Transport,
		MAX_PAYLOAD, MAX_RECORDS,
	},
};
use sp_core::H256;

use crate::{swarm::Swarm, wire::Connection};

pub use record::{dialable, service_record};

/// How long a transcoder may take to answer a push.
const PUSH_PATIENCE: Duration = Duration::from_secs(60);

/// How to set a swarm up.
#[derive(Clone, Debug)]
pub struct NetConfig {
	/// File with the identity key; made when it does not exist.
	pub identity: PathBuf,
	/// Addresses to listen on; none for a worker that only asks.
	pub listen: Vec<Multiaddr>,
	/// Addresses that peers are told; those listened on when empty.
	pub announce: Vec<Multiaddr>,
	/// URL that browsers are told; may be empty.
	pub url: String,
	/// The chain: peers of another one speak another protocol.
	pub genesis: Hash,
}

/// A running swarm.
#[derive(Clone)]
pub struct Net {
	swarm: Swarm,
	record: ServiceRecord,
}

impl Net {
	/// Starts a swarm. Peers are answered by `service`, if there is one.
	pub async fn start(
		config: NetConfig,
		service: Option<Arc<dyn Service>>,
	) -> Result<Self, NetError> {
		let (swarm, listening) = Swarm::start(&config, service).await?;
		let announced = if config.announce.is_empty() { &listening } else { &config.announce };
		let record = service_record(swarm.peer_id(), announced, &config.url)?;
		Ok(Self { swarm, record })
	}

	/// This worker's peer id.
	pub fn peer_id(&self) -> PeerId {
		self.swarm.peer_id()
	}

	async fn ask(
		&self,
		peer: &ServiceRecord,
		request: &Request,
		payload: &[u8],
		patience: Duration,
	) -> Result<(Reply, Connection), NetError> {
		let (peer_id, addresses) = dialable(peer)?;
		let stream = self.swarm.open(peer_id, addresses).await?;
		let mut connection = Connection::new(stream);
		connection.send(request, payload).await?;
		let reply = connection.receive_frame(patience).await?;
		match reply {
			Reply::Busy => Err(NetError::Busy),
			Reply::BadRequest => Err(NetError::Protocol("it cannot read the request".to_owned())),
			reply => Ok((reply, connection)),
		}
	}
}

fn unexpected(reply: &Reply) -> NetError {
	let kind = match reply {
		Reply::Bytes { .. } => "bytes",
		Reply::NotFound => return NetError::NotFound,
		Reply::Pushed(_) => "an answer to a push",
		Reply::Playlist(_) => "a playlist",
		Reply::Busy => return NetError::Busy,
		Reply::BadRequest => "a refusal",
	};
	NetError::Protocol(format!("it answered with {kind}"))
}

#[async_trait]
impl Transport for Net {
	fn service_record(&self) -> ServiceRecord {
		self.record.clone()
	}

	async fn fetch(
		&self,
		peer: &ServiceRecord,
		hash: H256,
		max_len: u32,
	) -> Result<Vec<u8>, NetError> {
		let request = Request::Fetch { hash };
		let (reply, mut connection) = self.ask(peer, &request, &[], wire::PROGRESS).await?;
		let Reply::Bytes { len } = reply else { return Err(unexpected(&reply)) };
		if len > max_len.min(MAX_PAYLOAD) {
			return Err(NetError::Protocol(format!("it offers {len} bytes, {max_len} are asked")));
		}
		let bytes = connection.receive_payload(len).await?;
		if sha256(&bytes) != hash {
			return Err(NetError::WrongBytes);
		}
		Ok(bytes)
	}

	async fn push(
		&self,
		peer: &ServiceRecord,
		signed: &SignedHeader,
		bytes: &[u8],
	) -> Result<PushReply, NetError> {
		let request = Request::Push(Box::new(signed.clone()));
		match self.ask(peer, &request, bytes, PUSH_PATIENCE).await?.0 {
			Reply::Pushed(reply) => Ok(reply),
			reply => Err(unexpected(&reply)),
		}
	}

	async fn playlist(
		&self,
		peer: &ServiceRecord,
		stream: StreamId,
		from: Seq,
	) -> Result<Playlist, NetError> {
		let request = Request::Playlist { stream, from };
		match self.ask(peer, &request, &[], wire::PROGRESS).await?.0 {
			Reply::Playlist(playlist) if playlist.records.len() <= MAX_RECORDS as usize => {
				Ok(*playlist)
			},
			Reply::Playlist(_) => Err(NetError::Protocol("too many records".to_owned())),
			reply => Err(unexpected(&reply)),
		}
	}
}
