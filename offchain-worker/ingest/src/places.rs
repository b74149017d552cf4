//! Places for connections that have not shown a key yet: bounded in total, by host and by network. If there
//! are too many, a new one displaces the one that has been silent for longest, so that idle connections keep
//! nobody out.

use std::{
	collections::BTreeMap,
	net::IpAddr,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use livepeer_worker_hosts::{by_network, host, largest, network, share_of_network};
use tokio::sync::Notify;

struct Taken {
	/// When it was last active, as an ascending number.
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

	/// Displaces the host's connection that has been silent for longest.
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

/// This many places in total, and this many for one host.
#[derive(Clone)]
pub(crate) struct Places {
	all: usize,
	per_host: usize,
	state: Arc<Mutex<State>>,
}

/// A place, held until it is dropped or taken by another.
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

	/// A place for an address. `None` if all are taken by networks that have no more than its own, or those
	/// of its network by hosts that have no more than it.
	pub(crate) fn take(&self, ip: IpAddr) -> Option<Place> {
		let host = host(ip);
		let mut state = self.lock();
		let of_host = state.hosts.get(&host).map_or(0, BTreeMap::len);
		let counted = state.hosts.iter().map(|(host, of_host)| (*host, of_host.len()));
		let networks = by_network(counted, network);
		let own = networks.get(&network(host));
		let full = share_of_network(self.all, self.per_host);
		let all: usize = networks.values().map(|one| one.amount).sum();
		if of_host >= self.per_host {
			state.displace(host);
		} else if let Some(own) = own.filter(|own| own.amount >= full) {
			let (count, neighbour) = own.largest;
			if count <= of_host {
				return None;
			}
			state.displace(neighbour);
		} else if all >= self.all {
			let most = largest(&networks)?;
			if most.amount <= own.map_or(0, |own| own.amount) {
				return None;
			}
			state.displace(most.largest.1);
		}
		let id = state.number();
		let leave = Arc::new(Notify::new());
		let taken = Taken { heard: id, leave: leave.clone() };
		state.hosts.entry(host).or_default().insert(id, taken);
		Some(Place { places: self.clone(), host, id, leave })
	}
}

impl Place {
	/// Notes activity.
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
		text.parse().unwrap_or(IpAddr::from([0, 0, 0, 0]))
	}

	fn is_lost(place: &Place) -> bool {
		place.lost().now_or_never().is_some()
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

	/// The owner of a site's IPv6 network has 65,536 hosts, and takes a place from each.
	#[test]
	fn attack_places_filled_by_many_hosts_of_one_site() {
		let places = Places::new(8, 2);
		let of_site = |n: u16| places.take(ip(&format!("2001:db8:7:{n:x}::1")));
		let held = || places.lock().hosts.values().map(BTreeMap::len).sum::<usize>();
		let taken: Vec<_> = (0..20).filter_map(of_site).collect();
		assert_eq!(held(), 5, "a host's share, and half of the rest");
		let others: Vec<_> =
			(1..=3).filter_map(|n| places.take(ip(&format!("192.0.2.{n}")))).collect();
		assert_eq!((others.len(), held()), (3, 8));
		let newcomer = places.take(ip("192.0.2.4"));
		assert!(newcomer.is_some(), "the site has most, and makes room");
		assert!(held() == 8 && !others.iter().any(is_lost));
		drop((taken, newcomer));
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
