//! Places for those who have not shown a key yet: bounded in all and by host. Whoever comes when there are
//! too many takes the place of who has been silent for longest, so that idle connections keep nobody out.

use std::{
	collections::BTreeMap,
	net::{IpAddr, Ipv4Addr, Ipv6Addr},
	sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// From where somebody comes, as far as limits go: an IPv4 address, or an IPv6 network of 64 bits, for
/// who has one of its addresses has them all.
pub fn host(ip: IpAddr) -> IpAddr {
	match ip.to_canonical() {
		ip if ip.is_loopback() => Ipv4Addr::LOCALHOST.into(),
		IpAddr::V6(ip) => {
			let [a, b, c, d, ..] = ip.segments();
			Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
		}
		ip => ip,
	}
}

struct Taken {
	/// When it was last heard, as a number that grows.
	heard: u64,
	leave: Arc<Notify>,
}

#[derive(Default)]
struct State {
	next: u64,
	hosts: BTreeMap<IpAddr, BTreeMap<u64, Taken>>,
}

impl State {
	fn number(&mut self) -> u64 {
		self.next = self.next.saturating_add(1);
		self.next
	}

	/// Takes the place of a host that has been silent for longest.
	fn displace(&mut self, host: IpAddr) {
		let Some(of_host) = self.hosts.get_mut(&host) else { return };
		let silent = of_host.iter().min_by_key(|(_, taken)| taken.heard).map(|(id, _)| *id);
		if let Some(taken) = silent.and_then(|id| of_host.remove(&id)) {
			taken.leave.notify_one();
		}
		if of_host.is_empty() {
			self.hosts.remove(&host);
		}
	}
}

/// So many places in all, so many for one host.
#[derive(Clone)]
pub(crate) struct Places {
	all: usize,
	per_host: usize,
	state: Arc<Mutex<State>>,
}

/// A place, until it is dropped or taken by another.
pub(crate) struct Place {
	places: Places,
	host: IpAddr,
	id: u64,
	leave: Arc<Notify>,
}

impl Places {
	pub(crate) fn new(all: usize, per_host: usize) -> Self {
		Self { all, per_host, state: Arc::default() }
	}

	fn lock(&self) -> MutexGuard<'_, State> {
		// Nothing that holds this lock can panic half-way through a change.
		self.state.lock().unwrap_or_else(PoisonError::into_inner)
	}

	/// A place for somebody at an address; `None` when all are taken by hosts that have no more than
	/// this one.
	pub(crate) fn take(&self, ip: IpAddr) -> Option<Place> {
		let host = host(ip);
		let mut state = self.lock();
		let of_host = state.hosts.get(&host).map_or(0, BTreeMap::len);
		let all: usize = state.hosts.values().map(BTreeMap::len).sum();
		if of_host >= self.per_host {
			state.displace(host);
		} else if all >= self.all {
			let largest = state.hosts.iter().max_by_key(|(_, of_host)| of_host.len());
			let (largest, count) = largest.map(|(host, of_host)| (*host, of_host.len()))?;
			if count <= of_host {
				return None;
			}
			state.displace(largest);
		}
		let id = state.number();
		let leave = Arc::new(Notify::new());
		let taken = Taken { heard: id, leave: leave.clone() };
		state.hosts.entry(host).or_default().insert(id, taken);
		Some(Place { places: self.clone(), host, id, leave })
	}
}

impl Place {
	/// Notes that something came.
	pub(crate) fn heard(&self) {
		let mut state = self.places.lock();
		let heard = state.number();
		let of_host = state.hosts.get_mut(&self.host);
		if let Some(taken) = of_host.and_then(|of_host| of_host.get_mut(&self.id)) {
			taken.heard = heard;
		}
	}

	/// Waits until somebody else takes the place.
	pub(crate) async fn lost(&self) {
		self.leave.notified().await;
	}
}

impl Drop for Place {
	fn drop(&mut self) {
		let mut state = self.places.lock();
		if let Some(of_host) = state.hosts.get_mut(&self.host) {
			of_host.remove(&self.id);
			if of_host.is_empty() {
				state.hosts.remove(&self.host);
			}
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use futures::FutureExt;

	fn ip(text: &str) -> IpAddr {
		text.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
	}

	fn is_lost(place: &Place) -> bool {
		place.lost().now_or_never().is_some()
	}

	#[test]
	fn hosts_should_be_told_apart_by_what_an_attacker_has_to_pay_for() {
		assert_eq!(host(ip("2001:db8::1")), host(ip("2001:db8::ffff:2")));
		assert_ne!(host(ip("2001:db8::1")), host(ip("2001:db8:0:1::1")));
		assert_eq!(host(ip("::ffff:192.0.2.1")), ip("192.0.2.1"));
		assert_eq!(host(ip("::1")), host(ip("127.0.0.2")));
	}

	/// Idle connections of one network take no place from others, nor from a newcomer of the same one.
	#[test]
	fn attack_places_filled_by_idle_connections_of_one_network() {
		let places = Places::new(8, 4);
		let idle: Vec<_> =
			(0..20).filter_map(|n| places.take(ip(&format!("2001:db8::{n:x}")))).collect();
		assert_eq!(places.lock().hosts.values().map(BTreeMap::len).sum::<usize>(), 4);
		let publisher = places.take(ip("2001:db8::abcd"));
		let Some(publisher) = publisher else { panic!("the oldest idle one makes room") };
		publisher.heard();
		let others: Vec<_> = (0..3).filter_map(|_| places.take(ip("2001:db8::1"))).collect();
		assert!(others.len() == 3 && !is_lost(&publisher), "those that are silent go first");
		drop((idle, publisher, others));
		assert!(places.lock().hosts.is_empty());
	}

	#[test]
	fn host_with_the_most_places_should_make_room_when_all_are_taken() {
		let places = Places::new(4, 3);
		let of_one: Vec<_> = (0..3).filter_map(|_| places.take(ip("192.0.2.1"))).collect();
		let second = places.take(ip("192.0.2.2"));
		let third = places.take(ip("192.0.2.3"));
		assert!(second.is_some() && third.is_some());
		assert_eq!(of_one.iter().filter(|place| is_lost(place)).count(), 1);
		let fourth = places.take(ip("192.0.2.4"));
		assert!(fourth.is_some());
		assert!(places.take(ip("192.0.2.4")).is_none(), "nobody has more than it");
		assert!(places.take(ip("192.0.2.5")).is_some(), "who has none gets one");
	}
}
