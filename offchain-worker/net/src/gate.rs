//! Connections that have not finished their handshake. A stranger needs nothing to open one, not
//! even an identity, so they are bounded before anything of theirs is read: by host and in all, and
//! the newest displaces the oldest. A handshake takes a few round trips, so whoever takes part in
//! his is through before he is the oldest; whoever is silent makes room.

use std::{
	collections::BTreeMap,
	io,
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
	Multiaddr, PeerId,
};

use crate::hosts::Host;

/// What a finished handshake gives.
type Output = (PeerId, StreamMuxerBox);

/// How many handshakes there may be at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handshakes {
	pub(crate) all: usize,
	pub(crate) per_host: usize,
}

#[derive(Default)]
struct Entered {
	/// The number of the next one; they ascend.
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

	/// Breaks off the oldest handshake of a host.
	fn displace(&mut self, host: Host) {
		let oldest = self.hosts.get(&host).and_then(|of_host| of_host.first_key_value());
		if let Some((number, handle)) = oldest.map(|(number, handle)| (*number, handle.clone())) {
			handle.abort();
			self.remove(host, number);
		}
	}

	/// The host with the most.
	fn largest(&self) -> Option<Host> {
		self.hosts.iter().max_by_key(|(_, of_host)| of_host.len()).map(|(host, _)| *host)
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

	/// Counts one more of a host, in the place of an older one where there are as many as may be.
	fn enter(&self, host: Host, handle: AbortHandle) -> Door {
		let mut entered = self.lock();
		if entered.of(host) >= self.bounds.per_host.max(1) {
			entered.displace(host);
		} else if entered.all >= self.bounds.all.max(1) {
			// Whoever has the most makes room, so that many hosts are needed to displace one.
			if let Some(largest) = entered.largest() {
				entered.displace(largest);
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

/// A transport that bounds incoming handshakes.
pub(crate) struct Gate {
	inner: Boxed<Output>,
	doors: Doors,
}

impl Gate {
	pub(crate) fn new(inner: Boxed<Output>, bounds: Handshakes) -> Self {
		Self { inner, doors: Doors::new(bounds) }
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

	#[test]
	fn nothing_should_be_counted_when_every_handshake_is_over() {
		let doors = Doors::new(Handshakes { all: 4, per_host: 2 });
		drop((0..9).map(|last| enter(&doors, last % 3)).collect::<Vec<_>>());
		let entered = doors.lock();
		assert!(entered.all == 0 && entered.hosts.is_empty());
	}
}
