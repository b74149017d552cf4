//! The swarm's task, which handles connections only. Streams are handled by their users.

use std::{
	collections::{BTreeMap, HashSet},
	error::Error,
	io,
	net::TcpListener,
	time::Duration,
};

use futures::StreamExt;
use libp2p::{
	connection_limits::{self, ConnectionLimits},
	core::{muxing::StreamMuxerBox, upgrade, Transport},
	identify,
	identity::Keypair,
	multiaddr::Protocol,
	noise, ping, quic,
	swarm::{
		dial_opts::{DialOpts, PeerCondition},
		ConnectionId, DialError, NetworkBehaviour, SwarmEvent,
	},
	tcp, Multiaddr, PeerId, Swarm, SwarmBuilder,
};
use livepeer_worker_core::ports::transport::NetError;
use tokio::sync::{mpsc, oneshot};

use crate::{
	gate::{Gate, Handshakes},
	hosts::{self, Hosts},
	local,
	muxer::Upgrade,
	NetLimits,
};

/// How long a connection without streams is kept.
const IDLE: Duration = Duration::from_secs(120);
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long binding an address may take.
const BIND: Duration = Duration::from_secs(10);

#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
	limits: connection_limits::Behaviour,
	hosts: hosts::Behaviour,
	identify: identify::Behaviour,
	ping: ping::Behaviour,
	streams: libp2p_stream::Behaviour,
}

/// Commands to the swarm's task.
pub(crate) enum Command {
	/// Connect with a peer.
	Connect { peer: PeerId, addresses: Vec<Multiaddr>, done: oneshot::Sender<Result<(), NetError>> },
	/// Try whether a peer is reached at an address, with a separate connection.
	Try { peer: PeerId, address: Multiaddr, done: oneshot::Sender<bool> },
}

/// A swarm that keeps `hosts` up to date, and dials private addresses only if allowed.
pub(crate) fn build(
	key: Keypair,
	limits: &NetLimits,
	dial_private: bool,
	hosts: Hosts,
) -> Result<Swarm<Behaviour>, NetError> {
	// Incoming connections are bounded by the gate during their handshake, and by host after it.
	let connections = ConnectionLimits::default()
		.with_max_established_per_peer(Some(limits.connections_per_peer))
		.with_max_pending_outgoing(Some(64));
	let handshakes = Handshakes { all: limits.handshakes, per_host: limits.handshakes_per_host };
	let swarm = SwarmBuilder::with_existing_identity(key)
		.with_tokio()
		.with_other_transport(|key| {
			let tcp = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
				.upgrade(upgrade::Version::V1Lazy)
				.authenticate(noise::Config::new(key)?)
				.multiplex(Upgrade::new(limits.streams, limits.unread_bytes))
				.map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
			let mut quic = quic::Config::new(key);
			quic.max_concurrent_stream_limit = limits.streams;
			quic.max_connection_data = limits.unread_bytes;
			// A stream that nobody reads leaves room for others.
			quic.max_stream_data = limits.unread_bytes / 2;
			let quic = quic::tokio::Transport::new(quic)
				.map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
			let both = quic.or_transport(tcp).map(|either, _| either.into_inner());
			Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Gate::new(
				both.boxed(),
				handshakes,
				dial_private,
			))
		})
		.map_err(local)?
		.with_dns()
		.map_err(local)?
		.with_behaviour(|key| Behaviour {
			limits: connection_limits::Behaviour::new(connections),
			hosts: hosts::Behaviour::new(
				hosts,
				limits.connections as usize,
				limits.connections_per_host,
			),
			identify: identify::Behaviour::new(
				identify::Config::new("/livepeer/id/1".into(), key.public()).with_agent_version(
					concat!("livepeer-worker/", env!("CARGO_PKG_VERSION")).into(),
				),
			),
			ping: ping::Behaviour::new(ping::Config::new()),
			streams: libp2p_stream::Behaviour::new(),
		})
		.map_err(local)?
		.with_swarm_config(|config| config.with_idle_connection_timeout(IDLE))
		.with_connection_timeout(HANDSHAKE)
		.build();
	Ok(swarm)
}

pub(crate) fn control(swarm: &Swarm<Behaviour>) -> libp2p_stream::Control {
	swarm.behaviour().streams.new_control()
}

/// Listens at every address and waits until each is bound; returns what was bound.
pub(crate) async fn listen(
	swarm: &mut Swarm<Behaviour>,
	addresses: &[Multiaddr],
) -> Result<Vec<Multiaddr>, NetError> {
	let mut waiting = HashSet::new();
	for address in addresses {
		ensure_free(address)?;
		let id = swarm
			.listen_on(address.clone())
			.map_err(|error| local(format!("cannot listen at {address}: {error}")))?;
		waiting.insert(id);
	}
	let mut bound = Vec::new();
	while !waiting.is_empty() {
		let event = tokio::time::timeout(BIND, swarm.select_next_some())
			.await
			.map_err(|_| local("cannot listen: no address was bound in time"))?;
		match event {
			SwarmEvent::NewListenAddr { listener_id, address } => {
				waiting.remove(&listener_id);
				bound.push(address);
			}
			SwarmEvent::ListenerClosed { addresses, reason, .. } => {
				let reason = reason.err().map(|error| error.to_string()).unwrap_or_default();
				return Err(local(format!("cannot listen at {addresses:?}: {reason}")));
			}
			_ => {}
		}
	}
	Ok(bound)
}

/// libp2p shares listening ports between processes, so this checks that the port is free.
fn ensure_free(address: &Multiaddr) -> Result<(), NetError> {
	let mut ip = None;
	for part in address {
		match part {
			Protocol::Ip4(v4) => ip = Some(v4.into()),
			Protocol::Ip6(v6) => ip = Some(v6.into()),
			Protocol::Tcp(port) if port != 0 => {
				let Some(ip): Option<std::net::IpAddr> = ip else { continue };
				TcpListener::bind((ip, port))
					.map_err(|error| local(format!("cannot listen at {address}: {error}")))?;
			}
			_ => {}
		}
	}
	Ok(())
}

/// A dial to a peer at some addresses. It continues until it is answered or over, even if its callers give
/// up: all callers with the same peer and addresses wait for the same dial, so that a silent peer is not
/// dialled twice at a time.
struct Attempt {
	peer: PeerId,
	addresses: Vec<Multiaddr>,
	waiting: Vec<oneshot::Sender<Result<(), NetError>>>,
}

impl Attempt {
	/// Tells all waiting callers; some may have given up.
	fn end(self, reached: Result<(), NetError>) {
		for done in self.waiting {
			let _ = done.send(reached.clone());
		}
	}
}

/// Runs until every [`Command`] sender is gone.
pub(crate) async fn run(mut swarm: Swarm<Behaviour>, mut commands: mpsc::Receiver<Command>) {
	// A dial also ends when another one reaches the same peer first. A dial that fails at other addresses
	// shows nothing about it, because anybody may name wrong addresses.
	let mut attempts: BTreeMap<ConnectionId, Attempt> = BTreeMap::new();
	let mut trying: BTreeMap<ConnectionId, oneshot::Sender<bool>> = BTreeMap::new();
	loop {
		tokio::select! {
			command = commands.recv() => {
				let (peer, addresses, done) = match command {
					None => return,
					Some(Command::Connect { peer, addresses, done }) => (peer, addresses, done),
					Some(Command::Try { peer, address, done }) => {
						let options = DialOpts::peer_id(peer)
							.condition(PeerCondition::Always)
							.addresses(vec![address])
							.allocate_new_port()
							.build();
						trying.insert(options.connection_id(), done);
						let id = options.connection_id();
						if let Err(error) = swarm.dial(options) {
							tracing::debug!(%error, "an address was not tried");
							trying.remove(&id);
						}
						continue;
					},
				};
				if swarm.is_connected(&peer) {
					let _ = done.send(Ok(()));
					continue;
				}
				if peer == *swarm.local_peer_id() {
					let _ = done.send(Err(NetError::BadRecord("it is this worker's own".into())));
					continue;
				}
				let is_same = |attempt: &&mut Attempt| {
					attempt.peer == peer && attempt.addresses == addresses
				};
				if let Some(attempt) = attempts.values_mut().find(is_same) {
					attempt.waiting.retain(|done| !done.is_closed());
					attempt.waiting.push(done);
					continue;
				}
				let options = DialOpts::peer_id(peer)
					.condition(PeerCondition::Always)
					.addresses(addresses.clone())
					.build();
				let id = options.connection_id();
				match swarm.dial(options) {
					Ok(()) => {
						attempts.insert(id, Attempt { peer, addresses, waiting: vec![done] });
					},
					Err(error) => {
						let _ = done.send(Err(unreached(&error)));
					},
				}
			},
			event = swarm.select_next_some() => match event {
				SwarmEvent::ConnectionEstablished { peer_id, connection_id, .. } => {
					if let Some(done) = trying.remove(&connection_id) {
						let _ = done.send(true);
						swarm.close_connection(connection_id);
					}
					let same = attempts.iter().filter(|(_, attempt)| attempt.peer == peer_id);
					let same: Vec<ConnectionId> = same.map(|(id, _)| *id).collect();
					for attempt in same.iter().filter_map(|id| attempts.remove(id)) {
						attempt.end(Ok(()));
					}
				},
				SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
					if let Some(done) = trying.remove(&connection_id) {
						tracing::debug!(%error, "an address is not reached");
						let _ = done.send(false);
					}
					if let Some(attempt) = attempts.remove(&connection_id) {
						let reached = match swarm.is_connected(&attempt.peer) {
							true => Ok(()),
							false => Err(unreached(&error)),
						};
						attempt.end(reached);
					}
				},
				SwarmEvent::IncomingConnectionError { error, .. } => {
					tracing::debug!(%error, "incoming connection refused");
				},
				event => tracing::trace!(?event, "swarm"),
			},
		}
	}
}

/// Linux's errors if this machine has run out of something, or has no network: ENOMEM, ENFILE, EMFILE,
/// ENETDOWN, ENOBUFS. An unreachable address is not among them, because the dialled party chooses the
/// address.
const OWN_ERRORS: [i32; 5] = [12, 23, 24, 100, 105];

/// The error for a peer that was not reached: a local one if it is this machine's own fault. Otherwise a
/// judge without free sockets, or with as many dials as allowed, would accuse the peer.
fn unreached(error: &DialError) -> NetError {
	let text = describe(error);
	let is_own = match error {
		// Only the bound on concurrent dials denies one.
		DialError::Denied { .. } => true,
		DialError::Transport(attempts) => attempts
			.iter()
			.filter_map(|(_, error)| os_error(error))
			.any(|code| OWN_ERRORS.contains(&code)),
		_ => false,
	};
	match is_own {
		true => NetError::Local(text),
		false => NetError::Unreachable(text),
	}
}

/// The system's error number inside an error. Its text is not reliable, because the dialled peer controls
/// parts of some.
fn os_error(error: &(dyn Error + 'static)) -> Option<i32> {
	let mut next = Some(error);
	while let Some(error) = next {
		let of_system = error.downcast_ref::<io::Error>();
		if let Some(code) = of_system.and_then(io::Error::raw_os_error) {
			return Some(code);
		}
		// An `io::Error` that wraps another does not return it as its source.
		let inner =
			of_system.and_then(io::Error::get_ref).map(|inner| inner as &(dyn Error + 'static));
		next = inner.or_else(|| error.source());
	}
	None
}

/// One line for a dial that failed.
fn describe(error: &DialError) -> String {
	match error {
		DialError::Transport(attempts) => {
			let attempts: Vec<String> = attempts
				.iter()
				.map(|(address, error)| {
					let mut text = error.to_string();
					let mut source = Error::source(error);
					while let Some(inner) = source {
						text = inner.to_string();
						source = inner.source();
					}
					format!("{address}: {text}")
				})
				.collect();
			attempts.join("; ")
		}
		other => other.to_string(),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use libp2p::{core::transport::TransportError, swarm::ConnectionDenied};

	#[test]
	fn call_that_fails_by_this_machines_fault_should_blame_nobody() {
		let failed = |error: io::Error| {
			let at = |octet| Multiaddr::from(std::net::Ipv4Addr::new(192, 0, 2, octet));
			unreached(&DialError::Transport(vec![
				(at(1), TransportError::MultiaddrNotSupported(at(1))),
				(at(2), TransportError::Other(error)),
			]))
		};
		for code in OWN_ERRORS {
			let os = || io::Error::from_raw_os_error(code);
			assert!(matches!(failed(os()), NetError::Local(_)), "{code}");
			// As a transport hands it on.
			assert!(matches!(failed(io::Error::other(os())), NetError::Local(_)), "{code}");
		}
		let denied = ConnectionDenied::new(io::Error::other("as many as may be"));
		assert!(matches!(unreached(&DialError::Denied { cause: denied }), NetError::Local(_)));
		// Nobody listens, there is no way, the host is down.
		for code in [111, 101, 113] {
			let failed = failed(io::Error::from_raw_os_error(code));
			assert!(matches!(failed, NetError::Unreachable(_)), "{code}");
		}
		assert!(matches!(unreached(&DialError::NoAddresses), NetError::Unreachable(_)));
	}

	/// A transcoder that withholds its bytes has judges read, in what they are told of an address that it names,
	/// what their own system would say: they would abstain, and not say that the bytes are missing.
	#[test]
	fn attack_name_that_reads_like_this_machines_fault() {
		let named = "/dns4/x (os error 24)/tcp/4100".parse::<Multiaddr>().expect("an address");
		let error = io::Error::other("no record found for x (os error 24)");
		let error = DialError::Transport(vec![(named, TransportError::Other(error))]);
		assert!(matches!(unreached(&error), NetError::Unreachable(_)));
	}
}
