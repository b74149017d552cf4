//! From where peers are connected. An identity costs nothing, an address does: limits by peer alone
//! would give whoever makes many identities everybody's share.

use std::{
	collections::BTreeMap,
	convert::Infallible,
	net::{IpAddr, Ipv6Addr},
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	task::{Context, Poll},
};

use libp2p::{
	core::{transport::PortUse, Endpoint},
	multiaddr::Protocol,
	swarm::{
		behaviour::{ConnectionClosed, ConnectionEstablished},
		dummy, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler,
		THandlerInEvent, THandlerOutEvent, ToSwarm,
	},
	Multiaddr, PeerId,
};

/// Where a peer is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Host {
	/// On this machine: not limited, for a demonstration runs everything on one.
	Own,
	/// At an address of the internet. Of an IPv6 address the first half: who has one address has
	/// all those that share it.
	Ip(IpAddr),
	/// Nobody knows; all such peers have one share together.
	Unknown,
}

impl Host {
	/// The host that an address names.
	pub(crate) fn of(address: &Multiaddr) -> Self {
		let ip = address.iter().find_map(|part| match part {
			Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
			Protocol::Ip6(ip) => Some(IpAddr::V6(ip).to_canonical()),
			_ => None,
		});
		match ip {
			None => Self::Unknown,
			Some(ip) if ip.is_loopback() => Self::Own,
			Some(IpAddr::V6(ip)) => {
				let [a, b, c, d, ..] = ip.segments();
				Self::Ip(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
			}
			Some(ip) => Self::Ip(ip),
		}
	}
}

type Connections = BTreeMap<PeerId, Vec<(ConnectionId, Host)>>;

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
		let newest = connections.get(peer).and_then(|all| all.last());
		newest.map_or(Host::Unknown, |(_, host)| *host)
	}

	/// How many connections there are with a host.
	fn connections(&self, host: Host) -> usize {
		self.lock().values().flatten().filter(|(_, of)| *of == host).count()
	}

	fn add(&self, peer: PeerId, connection: ConnectionId, host: Host) {
		self.lock().entry(peer).or_default().push((connection, host));
	}

	fn remove(&self, peer: &PeerId, connection: ConnectionId) {
		let mut connections = self.lock();
		if let Some(all) = connections.get_mut(peer) {
			all.retain(|(id, _)| *id != connection);
			if all.is_empty() {
				connections.remove(peer);
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

/// Keeps [`Hosts`] up to date, and refuses a host more connections than its share.
pub(crate) struct Behaviour {
	hosts: Hosts,
	connections_per_host: usize,
}

impl Behaviour {
	pub(crate) fn new(hosts: Hosts, connections_per_host: usize) -> Self {
		Self { hosts, connections_per_host }
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
		if host != Host::Own && self.hosts.connections(host) >= self.connections_per_host {
			return Err(ConnectionDenied::new(TooMany(host)));
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
			}) => self.hosts.add(peer_id, connection_id, Host::of(endpoint.get_remote_address())),
			FromSwarm::ConnectionClosed(ConnectionClosed { peer_id, connection_id, .. }) => {
				self.hosts.remove(&peer_id, connection_id)
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
		Poll::Pending
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
		assert_eq!(host("/ip4/127.0.0.1/tcp/1"), Host::Own);
		assert_eq!(host("/ip6/::1/tcp/1"), Host::Own);
		assert_eq!(host("/dns4/example.org/tcp/1"), Host::Unknown);
	}

	#[test]
	fn host_should_be_refused_when_it_has_its_share_of_connections() {
		let mut behaviour = Behaviour::new(Hosts::default(), 2);
		let local: Multiaddr = "/ip4/198.51.100.1/tcp/1".parse().unwrap();
		let mut connect = |id: usize, from: &str| {
			let (id, peer) = (ConnectionId::new_unchecked(id), PeerId::random());
			let from = from.parse().unwrap();
			let taken = behaviour.handle_established_inbound_connection(id, peer, &local, &from);
			if taken.is_ok() {
				behaviour.hosts.add(peer, id, Host::of(&from));
			}
			taken.is_ok().then_some((peer, id, behaviour.hosts.clone()))
		};
		let (peer, id, hosts) = connect(0, "/ip4/192.0.2.1/tcp/1").unwrap();
		assert!(connect(1, "/ip4/192.0.2.1/tcp/2").is_some());
		assert!(connect(2, "/ip4/192.0.2.1/tcp/3").is_none(), "another identity, the same host");
		assert!(connect(3, "/ip4/192.0.2.2/tcp/1").is_some());
		for id in 10..20 {
			assert!(connect(id, "/ip4/127.0.0.1/tcp/1").is_some(), "this machine is not limited");
		}
		assert_eq!(hosts.of(&peer), host("/ip4/192.0.2.1/tcp/1"));
		hosts.remove(&peer, id);
		assert_eq!(hosts.of(&peer), Host::Unknown);
		assert!(connect(4, "/ip4/192.0.2.1/tcp/4").is_some());
	}
}
