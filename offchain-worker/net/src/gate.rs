//! Bounds connections that have not finished their handshake. A stranger needs nothing to open one, not even
//! an identity. So they are bounded before anything is read, by host and in total, and the newest displaces
//! the oldest. A handshake takes a few round trips: an active peer finishes before it is the oldest, and a
//! silent one makes room.

use std::{
	collections::BTreeMap,
	io,
	net::IpAddr,
	pin::Pin,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	task::{Context, Poll},
};

use futures::{
	future::{AbortHandle, Abortable, BoxFuture},
	FutureExt,
};
use libp2p::{
	core::{
		muxing::StreamMuxerBox,
		transport::{Boxed, DialOpts, ListenerId, TransportError, TransportEvent},
		Transport,
	},
	multiaddr::Protocol,
	Multiaddr, PeerId,
};
use livepeer_worker_hosts::{by_network, is_public, largest, share_of_network};

use crate::hosts::Host;

/// The result of a finished handshake.
type Output = (PeerId, StreamMuxerBox);

/// How many handshakes there may be at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handshakes {
	pub(crate) all: usize,
	pub(crate) per_host: usize,
}

#[derive(Default)]
struct Entered {
	/// The number of the next handshake; they ascend.
	next: u64,
	all: usize,
	hosts: BTreeMap<Host, BTreeMap<u64, AbortHandle>>,
}

impl Entered {
	fn of(&self, host: Host) -> usize {
		self.hosts.get(&host).map_or(0, BTreeMap::len)
	}

	fn remove(&mut self, host: Host, number: u64) {
		let Some(of_host) = self.hosts.get_mut(&host) else { return };
		if of_host.remove(&number).is_some() {
			self.all = self.all.saturating_sub(1);
		}
		if of_host.is_empty() {
			self.hosts.remove(&host);
		}
	}

	/// Cancels the oldest handshake of a host.
	fn displace(&mut self, host: Host) {
		let oldest = self.hosts.get(&host).and_then(|of_host| of_host.first_key_value());
		if let Some((number, handle)) = oldest.map(|(number, handle)| (*number, handle.clone())) {
			handle.abort();
			self.remove(host, number);
		}
	}
}

/// Counts handshakes.
#[derive(Clone)]
struct Doors {
	bounds: Handshakes,
	entered: Arc<Mutex<Entered>>,
}

/// A handshake that is counted until this is dropped.
struct Door {
	doors: Doors,
	host: Host,
	number: u64,
}

impl Doors {
	fn new(bounds: Handshakes) -> Self {
		Self { bounds, entered: Arc::default() }
	}

	fn lock(&self) -> MutexGuard<'_, Entered> {
		// Nothing that holds this lock can panic half-way through a change.
		self.entered.lock().unwrap_or_else(PoisonError::into_inner)
	}

	/// Counts one more handshake of a host. At a limit it displaces an older one: of the same host, of its
	/// network, or of the one with the most, so that displacing others' takes many networks.
	fn enter(&self, host: Host, handle: AbortHandle) -> Door {
		let mut entered = self.lock();
		let Handshakes { all, per_host } = self.bounds;
		let counted = entered.hosts.iter().map(|(host, of_host)| (*host, of_host.len()));
		let networks = by_network(counted, Host::network);
		let own = networks.get(&host.network());
		if entered.of(host) >= per_host.max(1) {
			entered.displace(host);
		} else if let Some(own) = own.filter(|own| own.amount >= share_of_network(all, per_host)) {
			entered.displace(own.largest.1);
		} else if entered.all >= all.max(1) {
			if let Some(most) = largest(&networks) {
				entered.displace(most.largest.1);
			}
		}
		let number = entered.next;
		entered.next = number.saturating_add(1);
		entered.all = entered.all.saturating_add(1);
		entered.hosts.entry(host).or_default().insert(number, handle);
		Door { doors: self.clone(), host, number }
	}
}

impl Drop for Door {
	fn drop(&mut self) {
		self.doors.lock().remove(self.host, self.number);
	}
}

/// A transport that bounds incoming handshakes, and dials only allowed addresses.
pub(crate) struct Gate {
	inner: Boxed<Output>,
	doors: Doors,
	/// Whether private addresses may be dialled.
	calls_private: bool,
}

/// A private address in this multiaddress, if any. Its place does not matter, because transports may dial any
/// part.
fn private_in(address: &Multiaddr) -> Option<IpAddr> {
	let mut ips = address.iter().filter_map(|part| match part {
		Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
		Protocol::Ip6(ip) => Some(IpAddr::V6(ip)),
		_ => None,
	});
	ips.find(|ip| !is_public(*ip))
}

impl Gate {
	pub(crate) fn new(inner: Boxed<Output>, bounds: Handshakes, calls_private: bool) -> Self {
		Self { inner, doors: Doors::new(bounds), calls_private }
	}
}

impl Transport for Gate {
	type Output = Output;
	type Error = io::Error;
	type ListenerUpgrade = BoxFuture<'static, io::Result<Output>>;
	type Dial = <Boxed<Output> as Transport>::Dial;

	fn listen_on(
		&mut self,
		id: ListenerId,
		address: Multiaddr,
	) -> Result<(), TransportError<io::Error>> {
		self.inner.listen_on(id, address)
	}

	fn remove_listener(&mut self, id: ListenerId) -> bool {
		self.inner.remove_listener(id)
	}

	fn dial(
		&mut self,
		address: Multiaddr,
		options: DialOpts,
	) -> Result<Self::Dial, TransportError<io::Error>> {
		// Names are resolved by now: this is the dialled address.
		if let Some(ip) = private_in(&address).filter(|_| !self.calls_private) {
			let reason = format!("{ip} is no address of the internet (--dial-private calls it)");
			return Err(TransportError::Other(io::Error::other(reason)));
		}
		self.inner.dial(address, options)
	}

	fn poll(
		mut self: Pin<&mut Self>,
		context: &mut Context<'_>,
	) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
		Pin::new(&mut self.inner).poll(context).map(|event| {
			let host = match &event {
				TransportEvent::Incoming { send_back_addr, .. } => Host::of(send_back_addr),
				_ => Host::Unknown,
			};
			event.map_upgrade(|upgrade| {
				let (handle, registration) = AbortHandle::new_pair();
				let door = self.doors.enter(host, handle);
				let upgrade = Abortable::new(upgrade, registration);
				async move {
					let _door = door;
					upgrade.await.unwrap_or_else(|_| {
						let reason = "too many handshakes: a newer one took its place";
						Err(io::Error::new(io::ErrorKind::ConnectionAborted, reason))
					})
				}
				.boxed()
			})
		})
	}
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;

	fn host(last: u8) -> Host {
		Host::Ip(std::net::Ipv4Addr::new(192, 0, 2, last).into())
	}

	fn enter(doors: &Doors, last: u8) -> (Door, AbortHandle) {
		let (handle, _) = AbortHandle::new_pair();
		(doors.enter(host(last), handle.clone()), handle)
	}

	#[test]
	fn newest_handshake_of_a_host_should_displace_its_oldest() {
		let doors = Doors::new(Handshakes { all: 10, per_host: 2 });
		let (_first, first) = enter(&doors, 1);
		let (_second, second) = enter(&doors, 1);
		let (_other, other) = enter(&doors, 2);
		let (_third, third) = enter(&doors, 1);
		assert!(first.is_aborted());
		assert!(!second.is_aborted() && !third.is_aborted() && !other.is_aborted());
		let entered = doors.lock();
		assert_eq!((entered.all, entered.of(host(1))), (3, 2));
		drop(entered);
	}

	#[test]
	fn host_with_the_most_handshakes_should_make_room_when_there_are_too_many() {
		let doors = Doors::new(Handshakes { all: 4, per_host: 3 });
		let silent: Vec<_> = (0..3).map(|_| enter(&doors, 1)).collect();
		let (_honest, honest) = enter(&doors, 2);
		let (_newest, newest) = enter(&doors, 3);
		assert!(silent[0].1.is_aborted());
		assert!(!honest.is_aborted() && !newest.is_aborted());
	}

	/// The owner of a site's IPv6 network has 65,536 hosts, and begins handshakes from each.
	#[test]
	fn attack_handshakes_of_many_hosts_of_one_site() {
		let doors = Doors::new(Handshakes { all: 8, per_host: 2 });
		let of_site = |n: u16| {
			let ip = IpAddr::from([0x2001, 0xdb8, 7, n, 0, 0, 0, 0]);
			let (handle, _) = AbortHandle::new_pair();
			doors.enter(Host::Ip(livepeer_worker_hosts::host(ip)), handle)
		};
		let _site: Vec<_> = (0..20).map(of_site).collect();
		assert_eq!(doors.lock().all, 5, "a host's share, and half of the rest");
		let honest: Vec<_> = (1..=4).map(|last| enter(&doors, last)).collect();
		assert_eq!(doors.lock().all, 8);
		assert!(honest.iter().all(|(_, handle)| !handle.is_aborted()));
	}

	#[test]
	fn addresses_of_machines_and_their_networks_should_be_told_from_those_of_the_internet() {
		for (address, private) in [
			("/ip4/1.1.1.1/tcp/1", None),
			("/ip6/2606:4700::1111/udp/1/quic-v1", None),
			("/ip4/10.0.0.1/tcp/1", Some("10.0.0.1")),
			("/ip6/::1/tcp/1", Some("::1")),
			("/ip4/1.1.1.1/tcp/1/ip4/127.0.0.1/tcp/22", Some("127.0.0.1")),
		] {
			let found = private_in(&address.parse().unwrap()).map(|ip| ip.to_string());
			assert_eq!(found.as_deref(), private, "{address}");
		}
	}

	#[test]
	fn nothing_should_be_counted_when_every_handshake_is_over() {
		let doors = Doors::new(Handshakes { all: 4, per_host: 2 });
		drop((0..9).map(|last| enter(&doors, last % 3)).collect::<Vec<_>>());
		let entered = doors.lock();
		assert!(entered.all == 0 && entered.hosts.is_empty());
	}
}
