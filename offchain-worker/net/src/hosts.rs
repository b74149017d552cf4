//! The hosts of connected peers. An identity is free, an address is not: limits by peer alone would give a
//! maker of many identities everybody's share.

use std::{
	collections::BTreeMap,
	convert::Infallible,
	net::IpAddr,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	task::{Context, Poll},
};

use libp2p::{
	core::{transport::PortUse, ConnectedPoint, Endpoint},
	multiaddr::Protocol,
	swarm::{
		behaviour::{ConnectionClosed, ConnectionEstablished},
		dummy, CloseConnection, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour,
		THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
	},
	Multiaddr, PeerId,
};
use livepeer_worker_hosts::share_of_network;

/// Where a peer is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Host {
	/// At an address, this machine's own ones included: see [`livepeer_worker_hosts::host`].
	Ip(IpAddr),
	/// Unknown; all such peers share one limit.
	Unknown,
}

impl Host {
	/// The host that an address names.
	pub(crate) fn of(address: &Multiaddr) -> Self {
		let ip = address.iter().find_map(|part| match part {
			Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
			Protocol::Ip6(ip) => Some(IpAddr::V6(ip)),
			_ => None,
		});
		ip.map_or(Self::Unknown, |ip| Self::Ip(livepeer_worker_hosts::host(ip)))
	}

	/// The network of this host, under which its neighbours are counted too.
	pub(crate) fn network(self) -> Self {
		match self {
			Self::Ip(ip) => Self::Ip(livepeer_worker_hosts::network(ip)),
			Self::Unknown => Self::Unknown,
		}
	}

	/// The host that dialling an address leads to. Known only for plain addresses: a longer one may contain
	/// another address behind the first, which transports dial.
	pub(crate) fn called(address: &Multiaddr) -> Self {
		let parts: Vec<Protocol<'_>> = address.iter().collect();
		let parts = match &parts[..] {
			[parts @ .., Protocol::P2p(_)] => parts,
			parts => parts,
		};
		match parts {
			[Protocol::Ip4(_) | Protocol::Ip6(_), Protocol::Tcp(_)]
			| [Protocol::Ip4(_) | Protocol::Ip6(_), Protocol::Udp(_), Protocol::QuicV1] => Self::of(address),
			_ => Self::Unknown,
		}
	}
}

/// A connection with a peer.
struct Connection {
	id: ConnectionId,
	host: Host,
	/// Whether the peer has made it.
	is_incoming: bool,
	/// Grows with each connection.
	number: u64,
}

#[derive(Default)]
struct Connections {
	next: u64,
	peers: BTreeMap<PeerId, Vec<Connection>>,
}

/// The hosts of all connected peers.
#[derive(Clone, Default)]
pub(crate) struct Hosts(Arc<Mutex<Connections>>);

impl Hosts {
	fn lock(&self) -> MutexGuard<'_, Connections> {
		// The map is only ever changed by single calls.
		self.0.lock().unwrap_or_else(PoisonError::into_inner)
	}

	/// Where a peer is, by its newest connection.
	pub(crate) fn of(&self, peer: &PeerId) -> Host {
		let connections = self.lock();
		let newest = connections.peers.get(peer).and_then(|all| all.last());
		newest.map_or(Host::Unknown, |newest| newest.host)
	}

	/// How many connections there are with some hosts.
	fn connections(&self, among: impl Fn(Host) -> bool) -> usize {
		self.lock().peers.values().flatten().filter(|connection| among(connection.host)).count()
	}

	/// How many connections there are.
	fn all(&self) -> usize {
		self.lock().peers.values().map(Vec::len).sum()
	}

	/// The oldest incoming connection of the network that has the most, and their number; closing ones do not
	/// count.
	fn oldest_of_largest(
		&self,
		closing: &[(PeerId, ConnectionId, bool)],
	) -> Option<(usize, (PeerId, ConnectionId))> {
		let connections = self.lock();
		let mut networks: BTreeMap<Host, (usize, u64, (PeerId, ConnectionId))> = BTreeMap::new();
		for (peer, all) in &connections.peers {
			let open = all.iter().filter(|connection| {
				connection.is_incoming && closing.iter().all(|(_, id, _)| *id != connection.id)
			});
			for Connection { id, host, number, .. } in open {
				let seen = networks.entry(host.network()).or_insert((0, *number, (*peer, *id)));
				seen.0 += 1;
				if *number < seen.1 {
					(seen.1, seen.2) = (*number, (*peer, *id));
				}
			}
		}
		let largest = networks.into_values().max_by_key(|(count, _, _)| *count);
		largest.map(|(count, _, oldest)| (count, oldest))
	}

	fn add(&self, peer: PeerId, id: ConnectionId, host: Host, is_incoming: bool) {
		let mut connections = self.lock();
		let number = connections.next;
		connections.next = number.saturating_add(1);
		let connection = Connection { id, host, is_incoming, number };
		connections.peers.entry(peer).or_default().push(connection);
	}

	fn remove(&self, peer: &PeerId, id: ConnectionId) {
		let mut connections = self.lock();
		if let Some(all) = connections.peers.get_mut(peer) {
			all.retain(|connection| connection.id != id);
			if all.is_empty() {
				connections.peers.remove(peer);
			}
		}
	}
}

/// A host has its share of connections already.
#[derive(Debug)]
struct TooMany(Host);

impl core::fmt::Display for TooMany {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		write!(f, "too many connections from {:?}", self.0)
	}
}

impl std::error::Error for TooMany {}

/// Keeps [`Hosts`] up to date, refuses connections beyond the share of a host or its network, and closes some
/// of the network with the most if there are too many in total.
pub(crate) struct Behaviour {
	hosts: Hosts,
	connections: usize,
	connections_per_host: usize,
	/// Connections to close, until they are closed, and whether the swarm was told.
	closing: Vec<(PeerId, ConnectionId, bool)>,
}

impl Behaviour {
	pub(crate) fn new(hosts: Hosts, connections: usize, connections_per_host: usize) -> Self {
		Self { hosts, connections, connections_per_host, closing: Vec::new() }
	}
}

impl NetworkBehaviour for Behaviour {
	type ConnectionHandler = dummy::ConnectionHandler;
	type ToSwarm = Infallible;

	fn handle_established_inbound_connection(
		&mut self,
		_: ConnectionId,
		_: PeerId,
		_: &Multiaddr,
		remote: &Multiaddr,
	) -> Result<THandler<Self>, ConnectionDenied> {
		let host = Host::of(remote);
		let of_host = self.hosts.connections(|other| other == host);
		let of_network = self.hosts.connections(|other| other.network() == host.network());
		let share = share_of_network(self.connections, self.connections_per_host);
		if of_host >= self.connections_per_host || of_network >= share {
			return Err(ConnectionDenied::new(TooMany(host)));
		}
		let closing = self.closing.len();
		if self.hosts.all().saturating_sub(closing) >= self.connections {
			match self.hosts.oldest_of_largest(&self.closing) {
				Some((count, (peer, id))) if count > of_network + 1 => {
					self.closing.push((peer, id, false))
				}
				_ => return Err(ConnectionDenied::new(TooMany(host))),
			}
		}
		Ok(dummy::ConnectionHandler)
	}

	fn handle_established_outbound_connection(
		&mut self,
		_: ConnectionId,
		_: PeerId,
		_: &Multiaddr,
		_: Endpoint,
		_: PortUse,
	) -> Result<THandler<Self>, ConnectionDenied> {
		Ok(dummy::ConnectionHandler)
	}

	fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
		match event {
			FromSwarm::ConnectionEstablished(ConnectionEstablished {
				peer_id,
				connection_id,
				endpoint,
				..
			}) => {
				let address = endpoint.get_remote_address();
				// For a dialled connection the address is the peer's own claim.
				let host = match endpoint {
					ConnectedPoint::Dialer { .. } => Host::called(address),
					ConnectedPoint::Listener { .. } => Host::of(address),
				};
				self.hosts.add(peer_id, connection_id, host, endpoint.is_listener());
			}
			FromSwarm::ConnectionClosed(ConnectionClosed { peer_id, connection_id, .. }) => {
				self.closing.retain(|(_, id, _)| *id != connection_id);
				self.hosts.remove(&peer_id, connection_id);
			}
			_ => {}
		}
	}

	fn on_connection_handler_event(
		&mut self,
		_: PeerId,
		_: ConnectionId,
		event: THandlerOutEvent<Self>,
	) {
		match event {}
	}

	fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
		match self.closing.iter_mut().find(|(_, _, told)| !told) {
			Some((peer, id, told)) => {
				*told = true;
				let connection = CloseConnection::One(*id);
				Poll::Ready(ToSwarm::CloseConnection { peer_id: *peer, connection })
			}
			None => Poll::Pending,
		}
	}
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;

	fn host(address: &str) -> Host {
		Host::of(&address.parse().unwrap())
	}

	#[test]
	fn hosts_should_be_told_apart_by_what_an_attacker_has_to_pay_for() {
		assert_eq!(host("/ip4/192.0.2.1/tcp/1"), host("/ip4/192.0.2.1/udp/2/quic-v1"));
		assert_ne!(host("/ip4/192.0.2.1/tcp/1"), host("/ip4/192.0.2.2/tcp/1"));
		assert_eq!(host("/ip6/2001:db8::1/tcp/1"), host("/ip6/2001:db8::ffff:0:2/tcp/1"));
		assert_ne!(host("/ip6/2001:db8::1/tcp/1"), host("/ip6/2001:db8:0:1::1/tcp/1"));
		assert_eq!(host("/ip6/::ffff:192.0.2.1/tcp/1"), host("/ip4/192.0.2.1/tcp/1"));
		assert_eq!(host("/ip4/127.0.0.1/tcp/1"), host("/ip6/::1/tcp/1"));
		assert_eq!(host("/ip4/127.0.0.1/tcp/1"), host("/ip4/127.0.0.2/tcp/1"));
		assert_eq!(host("/dns4/example.org/tcp/1"), Host::Unknown);
	}

	/// The asking peer names its own host first, and another one behind it.
	#[test]
	fn attack_address_behind_that_of_who_asks() {
		let called = |address: &str| Host::called(&address.parse().unwrap());
		let peer = PeerId::random();
		for plain in ["/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.1/udp/1/quic-v1"] {
			assert_eq!(called(plain), host(plain));
			assert_eq!(called(&format!("{plain}/p2p/{peer}")), host(plain));
		}
		assert_eq!(called("/ip6/2001:db8::1/tcp/1"), host("/ip6/2001:db8::2/tcp/1"));
		for behind in [
			"/ip4/192.0.2.1/tcp/1/ip4/10.0.0.1/tcp/22",
			"/ip4/192.0.2.1/ip4/10.0.0.1/tcp/22",
			"/ip4/192.0.2.1/tcp/1/ip6/::1/tcp/22",
			"/ip4/192.0.2.1/tcp/1/dns4/localhost/tcp/22",
			"/dns4/localhost/tcp/22",
			"/ip4/192.0.2.1",
		] {
			assert_eq!(called(behind), Host::Unknown, "{behind}");
		}
		let through = format!("/ip4/192.0.2.1/tcp/1/p2p/{peer}/ip4/10.0.0.1/tcp/22");
		assert_eq!(called(&through), Host::Unknown);
	}

	/// A dialled peer announces an address that begins with another host's, whose share its requests would
	/// then take.
	#[test]
	fn attack_peer_that_is_counted_as_another_host() {
		let mut behaviour = Behaviour::new(Hosts::default(), 100, 2);
		let (plain, behind) = ("/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.1/tcp/1/ip4/192.0.2.9/tcp/2");
		for (id, address, expected) in [(0, plain, host(plain)), (1, behind, Host::Unknown)] {
			let peer_id = PeerId::random();
			let endpoint = ConnectedPoint::Dialer {
				address: address.parse().unwrap(),
				role_override: Endpoint::Dialer,
				port_use: PortUse::New,
			};
			behaviour.on_swarm_event(FromSwarm::ConnectionEstablished(ConnectionEstablished {
				peer_id,
				connection_id: ConnectionId::new_unchecked(id),
				endpoint: &endpoint,
				failed_addresses: &[],
				other_established: 0,
			}));
			assert_eq!(behaviour.hosts.of(&peer_id), expected);
		}
	}

	#[test]
	fn host_should_be_refused_when_it_has_its_share_of_connections() {
		let mut behaviour = Behaviour::new(Hosts::default(), 100, 2);
		let local: Multiaddr = "/ip4/198.51.100.1/tcp/1".parse().unwrap();
		let mut connect = |id: usize, from: &str| {
			let (id, peer) = (ConnectionId::new_unchecked(id), PeerId::random());
			let from = from.parse().unwrap();
			let taken = behaviour.handle_established_inbound_connection(id, peer, &local, &from);
			if taken.is_ok() {
				behaviour.hosts.add(peer, id, Host::of(&from), true);
			}
			taken.is_ok().then_some((peer, id, behaviour.hosts.clone()))
		};
		let (peer, id, hosts) = connect(0, "/ip4/192.0.2.1/tcp/1").unwrap();
		assert!(connect(1, "/ip4/192.0.2.1/tcp/2").is_some());
		assert!(connect(2, "/ip4/192.0.2.1/tcp/3").is_none(), "another identity, the same host");
		assert!(connect(3, "/ip4/192.0.2.2/tcp/1").is_some());
		let own = (10..20).filter(|id| connect(*id, "/ip4/127.0.0.1/tcp/1").is_some()).count();
		assert_eq!(own, 2, "this machine is a host like others");
		assert_eq!(hosts.of(&peer), host("/ip4/192.0.2.1/tcp/1"));
		hosts.remove(&peer, id);
		assert_eq!(hosts.of(&peer), Host::Unknown);
		assert!(connect(4, "/ip4/192.0.2.1/tcp/4").is_some());
	}

	/// The owner of a site's IPv6 network has 65,536 hosts, and connects from each.
	#[test]
	fn attack_connections_of_many_hosts_of_one_site() {
		let mut behaviour = Behaviour::new(Hosts::default(), 8, 2);
		let local: Multiaddr = "/ip4/198.51.100.1/tcp/1".parse().unwrap();
		let mut connect = |id: usize, from: &str| {
			let (id, peer) = (ConnectionId::new_unchecked(id), PeerId::random());
			let from = from.parse().unwrap();
			let taken = behaviour.handle_established_inbound_connection(id, peer, &local, &from);
			if taken.is_ok() {
				behaviour.hosts.add(peer, id, Host::of(&from), true);
			}
			(taken.is_ok(), behaviour.closing.len())
		};
		let of_site =
			(0..20).filter(|id| connect(*id, &format!("/ip6/2001:db8:7:{id:x}::1/tcp/1")).0);
		assert_eq!(of_site.count(), 5, "a host's share, and half of the rest");
		for id in 20..23 {
			assert!(connect(id, &format!("/ip4/192.0.2.{id}/tcp/1")).0);
		}
		let newcomer = connect(23, "/ip4/192.0.2.23/tcp/1");
		assert_eq!(newcomer, (true, 1), "the site has most, and makes room");
	}

	#[test]
	fn host_with_the_most_connections_should_make_room_when_there_are_too_many() {
		let mut behaviour = Behaviour::new(Hosts::default(), 4, 3);
		let local: Multiaddr = "/ip4/198.51.100.1/tcp/1".parse().unwrap();
		let mut connect = |id: usize, from: &str| {
			let (id, peer) = (ConnectionId::new_unchecked(id), PeerId::random());
			let from = from.parse().unwrap();
			let taken = behaviour.handle_established_inbound_connection(id, peer, &local, &from);
			if taken.is_ok() {
				behaviour.hosts.add(peer, id, Host::of(&from), true);
			}
			let closing: Vec<_> = behaviour.closing.iter().map(|(_, id, _)| *id).collect();
			(taken.is_ok(), closing)
		};
		for id in 0..3 {
			assert!(connect(id, "/ip4/192.0.2.1/tcp/1").0);
		}
		assert!(connect(3, "/ip4/192.0.2.2/tcp/1").0);
		let id = ConnectionId::new_unchecked;
		assert_eq!(connect(4, "/ip4/192.0.2.3/tcp/1"), (true, vec![id(0)]));
		assert_eq!(connect(5, "/ip4/192.0.2.4/tcp/1"), (true, vec![id(0), id(1)]));
		// Nobody has more than the others, so connections stay.
		assert_eq!(connect(6, "/ip4/192.0.2.5/tcp/1"), (false, vec![id(0), id(1)]));
	}
}
