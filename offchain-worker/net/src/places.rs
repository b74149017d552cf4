//! Limits of places, or of bytes: in total, and per peer, host and network. If a few hosts could take them
//! all, places yield: when all are taken, a newcomer gets one of the network with the most, and in it of the
//! host with the most.

use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use libp2p::PeerId;
use livepeer_worker_hosts::{by_network, largest, share_of_network};
use tokio::sync::Notify;

use crate::hosts::Host;

/// How many there may be at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
	pub(crate) all: usize,
	pub(crate) per_peer: usize,
	pub(crate) per_host: usize,
}

#[derive(Default)]
struct Counts {
	next: u64,
	all: usize,
	peers: BTreeMap<PeerId, usize>,
	/// The places of each host, the oldest first.
	hosts: BTreeMap<Host, BTreeMap<u64, Taken>>,
}

struct Taken {
	peer: PeerId,
	amount: usize,
	/// Whether it may be taken away.
	yields: bool,
	lost: Arc<Notify>,
}

/// Places, or bytes, to take.
pub(crate) struct Places {
	bounds: Bounds,
	yields: bool,
	counts: Arc<Mutex<Counts>>,
}

/// Taken places, until this is dropped or they are taken away.
pub(crate) struct Place {
	counts: Arc<Mutex<Counts>>,
	host: Host,
	id: u64,
	lost: Arc<Notify>,
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
	// Nothing that holds this lock can panic half-way through a change.
	counts.lock().unwrap_or_else(PoisonError::into_inner)
}

fn sum<'a>(taken: impl Iterator<Item = &'a Taken>) -> usize {
	taken.fold(0, |sum, taken| sum.saturating_add(taken.amount))
}

impl Counts {
	/// Counts down, and forgets entries at zero, because peers come and go.
	fn remove(&mut self, host: Host, id: u64) -> Option<Taken> {
		let of_host = self.hosts.get_mut(&host)?;
		let taken = of_host.remove(&id);
		if of_host.is_empty() {
			self.hosts.remove(&host);
		}
		let taken = taken?;
		self.all = self.all.saturating_sub(taken.amount);
		if let Some(count) = self.peers.get_mut(&taken.peer) {
			*count = count.saturating_sub(taken.amount);
			if *count == 0 {
				self.peers.remove(&taken.peer);
			}
		}
		Some(taken)
	}

	fn of_network(&self, of: Host) -> usize {
		let hosts = self.hosts.iter().filter(|(host, _)| host.network() == of);
		sum(hosts.flat_map(|(_, of_host)| of_host.values()))
	}

	/// Takes away the oldest yielding place of the host with the most in the network with the most (or in the
	/// network `within`); only if that is more than `least`.
	fn displace(&mut self, within: Option<Host>, least: usize) -> bool {
		let group = |host: Host| if within.is_some() { host } else { host.network() };
		let hosts = self.hosts.iter();
		let hosts = hosts.filter(|(host, _)| within.is_none_or(|own| host.network() == own));
		let yielding = hosts
			.map(|(host, of_host)| (*host, sum(of_host.values().filter(|taken| taken.yields))));
		let networks = by_network(yielding, group);
		let most = largest(&networks).filter(|most| most.amount > least);
		let Some((_, host)) = most.map(|most| most.largest) else { return false };
		let yields = |of_host: &BTreeMap<u64, Taken>| {
			of_host.iter().find(|(_, taken)| taken.yields).map(|(id, _)| *id)
		};
		let oldest = self.hosts.get(&host).and_then(yields);
		let Some(taken) = oldest.and_then(|id| self.remove(host, id)) else { return false };
		taken.lost.notify_one();
		true
	}
}

impl Places {
	/// Places that are never taken away.
	pub(crate) fn new(bounds: Bounds) -> Self {
		Self { bounds, yields: false, counts: Arc::default() }
	}

	/// Places whose holders check whether they were taken away.
	pub(crate) fn yielding(bounds: Bounds) -> Self {
		Self { yields: true, ..Self::new(bounds) }
	}

	/// A place for a peer at a host, if there is one.
	pub(crate) fn take(&self, peer: PeerId, host: Host) -> Option<Place> {
		self.take_many(peer, host, 1)
	}

	/// This many places for a peer at a host, if there are as many.
	pub(crate) fn take_many(&self, peer: PeerId, host: Host, amount: usize) -> Option<Place> {
		let mut counts = lock(&self.counts);
		let of_peer = counts.peers.get(&peer).copied().unwrap_or(0).saturating_add(amount);
		let of_host = counts.hosts.get(&host).map_or(0, |of_host| sum(of_host.values()));
		let of_host = of_host.saturating_add(amount);
		let Bounds { all: most, per_peer, per_host } = self.bounds;
		if amount > most || of_peer > per_peer || of_host > per_host {
			return None;
		}
		let own = host.network();
		let of_network = |counts: &Counts| counts.of_network(own).saturating_add(amount);
		while of_network(&counts) > share_of_network(most, per_host) {
			if !counts.displace(Some(own), of_host) {
				return None;
			}
		}
		while counts.all.saturating_add(amount) > most {
			let least = of_network(&counts);
			if !counts.displace(None, least) {
				return None;
			}
		}
		let id = counts.next;
		counts.next = id.saturating_add(1);
		counts.all = counts.all.saturating_add(amount);
		*counts.peers.entry(peer).or_default() += amount;
		let lost = Arc::new(Notify::new());
		let taken = Taken { peer, amount, yields: self.yields, lost: lost.clone() };
		counts.hosts.entry(host).or_default().insert(id, taken);
		Some(Place { counts: self.counts.clone(), host, id, lost })
	}
}

impl Place {
	/// Waits until it is taken away.
	pub(crate) async fn lost(&self) {
		self.lost.notified().await;
	}

	/// From now on it cannot be taken away.
	pub(crate) fn keep(&self) {
		let mut counts = lock(&self.counts);
		let of_host = counts.hosts.get_mut(&self.host);
		if let Some(taken) = of_host.and_then(|of_host| of_host.get_mut(&self.id)) {
			taken.yields = false;
		}
	}
}

impl Drop for Place {
	fn drop(&mut self) {
		lock(&self.counts).remove(self.host, self.id);
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn host(last: u8) -> Host {
		Host::Ip(std::net::Ipv4Addr::new(192, 0, 2, last).into())
	}

	fn host_of_loopback() -> Host {
		Host::Ip(std::net::Ipv4Addr::LOCALHOST.into())
	}

	#[test]
	fn bytes_should_be_counted_in_all_and_by_host() {
		let bytes = Places::new(Bounds { all: 100, per_peer: 60, per_host: 60 });
		let first = bytes.take_many(PeerId::random(), host(1), 40);
		assert!(first.is_some());
		assert!(
			bytes.take_many(PeerId::random(), host(1), 30).is_none(),
			"beyond its host's share"
		);
		let second = bytes.take_many(PeerId::random(), host(2), 50);
		assert!(second.is_some());
		assert!(bytes.take_many(PeerId::random(), host(3), 20).is_none(), "beyond them all");
		drop(first);
		assert!(bytes.take_many(PeerId::random(), host(3), 20).is_some(), "bytes are given back");
	}

	#[test]
	fn host_should_get_no_more_than_its_share_under_many_names() {
		let places = Places::new(Bounds { all: 10, per_peer: 2, per_host: 4 });
		let stranger: Vec<Place> =
			(0..10).filter_map(|_| places.take(PeerId::random(), host(1))).collect();
		assert_eq!(stranger.len(), 4);
		let honest = PeerId::random();
		let first = places.take(honest, host(2));
		let second = places.take(honest, host(2));
		assert!(first.is_some() && second.is_some());
		assert!(places.take(honest, host(2)).is_none(), "a peer has its own bound");
		drop(second);
		assert!(places.take(honest, host(2)).is_some(), "places are given back");
	}

	/// Two hosts have all places between them.
	#[test]
	fn attack_places_filled_by_two_hosts() {
		use futures::FutureExt;
		let places = Places::yielding(Bounds { all: 4, per_peer: 1, per_host: 2 });
		let take = |last: u8| places.take(PeerId::random(), host(last));
		let taken: Vec<Place> = [1, 1, 2, 2].into_iter().filter_map(take).collect();
		assert!(taken.len() == 4 && take(1).is_none(), "it has its share");
		taken[2].keep();
		let newcomer = take(3);
		assert!(newcomer.is_some(), "who has most makes room");
		let lost: Vec<_> =
			taken.iter().map(|place| place.lost().now_or_never().is_some()).collect();
		assert_eq!(lost, [true, false, false, false], "the oldest that is not kept");
		assert!(take(4).is_none(), "nobody has more than one that yields");
		drop((taken, newcomer));
		let counts = lock(&places.counts);
		assert!(counts.all == 0 && counts.peers.is_empty() && counts.hosts.is_empty());
	}

	/// The owner of a site's IPv6 network has 65,536 hosts, and takes places from each.
	#[test]
	fn attack_places_filled_by_many_hosts_of_one_site() {
		let of_site = |n: u16| {
			let ip = std::net::IpAddr::from([0x2001, 0xdb8, 7, n, 0, 0, 0, 0]);
			Host::Ip(livepeer_worker_hosts::host(ip))
		};
		let bounds = Bounds { all: 8, per_peer: 1, per_host: 2 };
		for places in [Places::new(bounds), Places::yielding(bounds)] {
			let take = |host| places.take(PeerId::random(), host);
			let taken: Vec<Place> = (0..20).filter_map(|n| take(of_site(n))).collect();
			assert_eq!(taken.len(), 5, "a host's share, and half of the rest");
			let others: Vec<Place> = (1..=3).filter_map(|last| take(host(last))).collect();
			assert_eq!(others.len(), 3);
			assert_eq!(take(host(4)).is_some(), places.yields, "the site has most, and makes room");
			let of_others = |last: u8| lock(&places.counts).hosts.contains_key(&host(last));
			assert!((1..=3).all(of_others));
		}
	}

	#[test]
	fn own_machine_should_be_bounded_like_any_host() {
		let places = Places::new(Bounds { all: 6, per_peer: 2, per_host: 3 });
		let own = host_of_loopback();
		let taken: Vec<Place> =
			(0..10).filter_map(|_| places.take(PeerId::random(), own)).collect();
		assert_eq!(taken.len(), 3);
		assert!(places.take(PeerId::random(), host(1)).is_some());
		drop(taken);
		let counts = lock(&places.counts);
		assert!(counts.all == 0 && counts.peers.is_empty() && counts.hosts.is_empty());
	}
}
