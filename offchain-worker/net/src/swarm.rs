//! The swarm: transports, identity, limits, dialling.

use std::{
	collections::HashMap,
	fs,
	io::Write,
	os::unix::fs::OpenOptionsExt,
	path::Path,
	sync::Arc,
	time::Duration,
};

use futures::StreamExt;
use libp2p::{
	connection_limits::{self, ConnectionLimits},
	core::transport::ListenerId,
	identify, identity, noise, ping,
	swarm::{
		dial_opts::{DialOpts, PeerCondition},
		NetworkBehaviour, SwarmEvent,
	},
	tcp, yamux, Multiaddr, PeerId, Stream, StreamProtocol, SwarmBuilder,
};
use libp2p_stream::Control;
use livepeer_worker_core::transport::{protocol_name, NetError, Service};
use tokio::sync::{mpsc, oneshot};

use crate::{serve, NetConfig};

/// How long a connection may take.
const DIAL_PATIENCE: Duration = Duration::from_secs(10);
/// How long an unused connection stays.
const IDLE: Duration = Duration::from_secs(60);
/// Connections in all, and of one peer.
const MAX_CONNECTIONS: u32 = 512;
const MAX_PER_PEER: u32 = 4;
const MAX_PENDING: u32 = 64;

#[derive(NetworkBehaviour)]
struct Behaviour {
	limits: connection_limits::Behaviour,
	identify: identify::Behaviour,
	ping: ping::Behaviour,
	stream: libp2p_stream::Behaviour,
}

/// What the swarm's task is asked.
struct Dial {
	peer: PeerId,
	addresses: Vec<Multiaddr>,
	done: oneshot::Sender<Result<(), String>>,
}

/// A handle on the running swarm; the swarm ends with the last of them.
#[derive(Clone)]
pub struct Swarm {
	peer_id: PeerId,
	protocol: StreamProtocol,
	control: Control,
	dials: mpsc::Sender<Dial>,
}

impl Swarm {
	/// Starts the swarm; returns the addresses that it really listens on.
	pub async fn start(
		config: &NetConfig,
		service: Option<Arc<dyn Service>>,
	) -> Result<(Self, Vec<Multiaddr>), NetError> {
		let local = |error: String| NetError::Local(error);
		let key = load_identity(&config.identity).map_err(|error| {
			local(format!("cannot use the identity key {}: {error}", config.identity.display()))
		})?;
		let protocol = StreamProtocol::try_from_owned(protocol_name(&config.genesis))
			.map_err(|error| local(error.to_string()))?;
		let mut swarm = SwarmBuilder::with_existing_identity(key)
			.with_tokio()
			.with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
			.map_err(|error| local(error.to_string()))?
			.with_quic()
			.with_behaviour(|key| Behaviour {
				limits: connection_limits::Behaviour::new(
					ConnectionLimits::default()
						.with_max_pending_incoming(Some(MAX_PENDING))
						.with_max_pending_outgoing(Some(MAX_PENDING))
						.with_max_established(Some(MAX_CONNECTIONS))
						.with_max_established_per_peer(Some(MAX_PER_PEER)),
				),
				identify: identify::Behaviour::new(identify::Config::new(
					protocol.to_string(),
					key.public(),
				)),
				ping: ping::Behaviour::default(),
				stream: libp2p_stream::Behaviour::new(),
			})
			.map_err(|error| local(error.to_string()))?
			.with_swarm_config(|swarm| swarm.with_idle_connection_timeout(IDLE))
			.build();

		let peer_id = *swarm.local_peer_id();
		let mut control = swarm.behaviour().stream.new_control();
		if let Some(service) = service {
			let incoming =
				control.accept(protocol.clone()).map_err(|error| local(error.to_string()))?;
			tokio::spawn(serve::run(incoming, service));
		}
		let listening = listen(&mut swarm, &config.listen).await?;
		let (dials, requests) = mpsc::channel(64);
		tokio::spawn(run(swarm, requests));
		Ok((Self { peer_id, protocol, control, dials }, listening))
	}

	/// This worker's peer id.
	pub fn peer_id(&self) -> PeerId {
		self.peer_id
	}

	/// Opens a stream to `peer`, over a new connection to one of `addresses` if there is none.
	pub async fn open(&self, peer: PeerId, addresses: Vec<Multiaddr>) -> Result<Stream, NetError> {
		let unreachable = |reason: String| NetError::Unreachable(format!("{peer}: {reason}"));
		let (done, connected) = oneshot::channel();
		let gone = |_| unreachable("the swarm has stopped".to_owned());
		self.dials.send(Dial { peer, addresses, done }).await.map_err(|_| gone(()))?;
		tokio::time::timeout(DIAL_PATIENCE, connected)
			.await
			.map_err(|_| NetError::Timeout)?
			.map_err(|_| gone(()))?
			.map_err(unreachable)?;
		let mut control = self.control.clone();
		let opening = control.open_stream(peer, self.protocol.clone());
		tokio::time::timeout(DIAL_PATIENCE, opening)
			.await
			.map_err(|_| NetError::Timeout)?
			.map_err(|error| unreachable(error.to_string()))
	}
}

/// Listens on every address; fails on the first that cannot be had.
async fn listen(
	swarm: &mut libp2p::Swarm<Behaviour>,
	addresses: &[Multiaddr],
) -> Result<Vec<Multiaddr>, NetError> {
	let mut waiting: HashMap<ListenerId, &Multiaddr> = HashMap::new();
	for address in addresses {
		let id = swarm
			.listen_on(address.clone())
			.map_err(|error| NetError::Local(format!("cannot listen on {address}: {error}")))?;
		waiting.insert(id, address);
	}
	let mut listening = Vec::new();
	while !waiting.is_empty() {
		match swarm.select_next_some().await {
			SwarmEvent::NewListenAddr { listener_id, address } => {
				waiting.remove(&listener_id);
				listening.push(address);
			},
			SwarmEvent::ListenerClosed { listener_id, reason, .. } => {
				if let Some(address) = waiting.get(&listener_id) {
					let reason = reason.err().map_or_else(String::new, |error| error.to_string());
					return Err(NetError::Local(format!("cannot listen on {address}: {reason}")));
				}
			},
			_ => {},
		}
	}
	Ok(listening)
}

/// Drives the swarm until the last handle is gone.
async fn run(mut swarm: libp2p::Swarm<Behaviour>, mut requests: mpsc::Receiver<Dial>) {
	let mut waiting: HashMap<PeerId, Vec<oneshot::Sender<Result<(), String>>>> = HashMap::new();
	loop {
		tokio::select! {
			request = requests.recv() => {
				let Some(Dial { peer, addresses, done }) = request else { return };
				if swarm.is_connected(&peer) {
					let _ = done.send(Ok(()));
					continue;
				}
				let options = DialOpts::peer_id(peer)
					.condition(PeerCondition::DisconnectedAndNotDialing)
					.addresses(addresses)
					.build();
				// An error means that somebody else's dial is under way, or that the peer id is
				// ours; the first is waited for.
				if peer == *swarm.local_peer_id() {
					let _ = done.send(Err("it is this worker itself".to_owned()));
					continue;
				}
				let dialling = waiting.contains_key(&peer);
				match swarm.dial(options) {
					Err(error) if !dialling => {
						let _ = done.send(Err(error.to_string()));
					},
					_ => waiting.entry(peer).or_default().push(done),
				}
			},
			event = swarm.select_next_some() => match event {
				SwarmEvent::ConnectionEstablished { peer_id, .. } => {
					for done in waiting.remove(&peer_id).unwrap_or_default() {
						let _ = done.send(Ok(()));
					}
				},
				SwarmEvent::OutgoingConnectionError { peer_id: Some(peer_id), error, .. } => {
					for done in waiting.remove(&peer_id).unwrap_or_default() {
						let _ = done.send(Err(error.to_string()));
					}
				},
				_ => {},
			},
		}
	}
}

/// Reads the identity key, or makes one that only this user can read.
fn load_identity(path: &Path) -> Result<identity::Keypair, String> {
	match fs::read(path) {
		Ok(bytes) => identity::Keypair::from_protobuf_encoding(&bytes)
			.map_err(|_| "it holds no libp2p key".to_owned()),
		Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
			let key = identity::Keypair::generate_ed25519();
			let bytes = key.to_protobuf_encoding().map_err(|error| error.to_string())?;
			let mut file = fs::OpenOptions::new()
				.write(true)
				.create_new(true)
				.mode(0o600)
				.open(path)
				.map_err(|error| error.to_string())?;
			file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(|e| e.to_string())?;
			Ok(key)
		},
		Err(error) => Err(error.to_string()),
	}
}
