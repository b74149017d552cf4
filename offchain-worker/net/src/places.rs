//! How many at a time: in all, of one peer, of one host.

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
	/// Does not hold for this machine itself.
	pub(crate) per_host: usize,
}

#[derive(Default)]
struct Counts {
	all: usize,
	peers: BTreeMap<PeerId, usize>,
	hosts: BTreeMap<Host, usize>,
}

/// Places to be taken.
pub(crate) struct Places {
	bounds: Bounds,
	counts: Arc<Mutex<Counts>>,
}

/// A place that is taken until this is dropped.
pub(crate) struct Place {
	counts: Arc<Mutex<Counts>>,
	peer: PeerId,
	host: Host,
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
		let mut counts = lock(&self.counts);
		let of_peer = counts.peers.get(&peer).copied().unwrap_or(0);
		let of_host = counts.hosts.get(&host).copied().unwrap_or(0);
		let full = counts.all >= self.bounds.all
			|| of_peer >= self.bounds.per_peer
			|| (host != Host::Own && of_host >= self.bounds.per_host);
		if full {
			return None;
		}
		counts.all += 1;
		counts.peers.insert(peer, of_peer + 1);
		counts.hosts.insert(host, of_host + 1);
		Some(Place { counts: self.counts.clone(), peer, host })
	}
}

/// Counts down; what reaches nothing is forgotten, for peers come and go.
fn give_back<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) {
	if let Some(count) = counts.get_mut(key) {
		*count = count.saturating_sub(1);
		if *count == 0 {
			counts.remove(key);
		}
	}
}

impl Drop for Place {
	fn drop(&mut self) {
		let mut counts = lock(&self.counts);
		counts.all = counts.all.saturating_sub(1);
		give_back(&mut counts.peers, &self.peer);
		give_back(&mut counts.hosts, &self.host);
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn host(last: u8) -> Host {
		Host::Ip(std::net::Ipv4Addr::new(192, 0, 2, last).into())
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
	fn own_machine_should_be_bounded_by_peer_and_in_all_only() {
		let places = Places::new(Bounds { all: 6, per_peer: 2, per_host: 1 });
		let taken: Vec<Place> =
			(0..10).filter_map(|_| places.take(PeerId::random(), Host::Own)).collect();
		assert_eq!(taken.len(), 6);
		drop(taken);
		let counts = lock(&places.counts);
		assert!(counts.all == 0 && counts.peers.is_empty() && counts.hosts.is_empty());
	}
}
