//! How many at a time, or how many bytes: in all, of one peer, of one host.

use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use libp2p::PeerId;

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
	all: usize,
	peers: BTreeMap<PeerId, usize>,
	hosts: BTreeMap<Host, usize>,
}

/// Places to be taken, or bytes.
pub(crate) struct Places {
	bounds: Bounds,
	counts: Arc<Mutex<Counts>>,
}

/// Places that are taken until this is dropped.
pub(crate) struct Place {
	counts: Arc<Mutex<Counts>>,
	peer: PeerId,
	host: Host,
	amount: usize,
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
	// Nothing that holds this lock can panic half-way through a change.
	counts.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Places {
	pub(crate) fn new(bounds: Bounds) -> Self {
		Self { bounds, counts: Arc::default() }
	}

	/// A place for a peer at a host, if there is one.
	pub(crate) fn take(&self, peer: PeerId, host: Host) -> Option<Place> {
		self.take_many(peer, host, 1)
	}

	/// So many places for a peer at a host, if there are as many.
	pub(crate) fn take_many(&self, peer: PeerId, host: Host, amount: usize) -> Option<Place> {
		let mut counts = lock(&self.counts);
		let of_peer = counts.peers.get(&peer).copied().unwrap_or(0).saturating_add(amount);
		let of_host = counts.hosts.get(&host).copied().unwrap_or(0).saturating_add(amount);
		let all = counts.all.saturating_add(amount);
		let Bounds { all: most, per_peer, per_host } = self.bounds;
		if all > most || of_peer > per_peer || of_host > per_host {
			return None;
		}
		counts.all = all;
		counts.peers.insert(peer, of_peer);
		counts.hosts.insert(host, of_host);
		Some(Place { counts: self.counts.clone(), peer, host, amount })
	}
}

/// Counts down; what reaches nothing is forgotten, for peers come and go.
fn give_back<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K, amount: usize) {
	if let Some(count) = counts.get_mut(key) {
		*count = count.saturating_sub(amount);
		if *count == 0 {
			counts.remove(key);
		}
	}
}

impl Drop for Place {
	fn drop(&mut self) {
		let mut counts = lock(&self.counts);
		counts.all = counts.all.saturating_sub(self.amount);
		give_back(&mut counts.peers, &self.peer, self.amount);
		give_back(&mut counts.hosts, &self.host, self.amount);
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
