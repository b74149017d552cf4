//! The peer identity, and addresses as text and as bytes.

use std::{
	fs::{self, OpenOptions},
	io::{self, Write},
	net::IpAddr,
	os::unix::fs::OpenOptionsExt,
	path::Path,
};

use libp2p::{identity::Keypair, multiaddr::Protocol, Multiaddr, PeerId};
use livepeer_primitives::service::ServiceRecord;
use livepeer_worker_core::ports::transport::NetError;
use sp_runtime::BoundedVec;

use crate::local;

/// Reads the identity's key, or makes one and stores it readable only by its owner.
pub fn load_identity(path: &Path) -> Result<Keypair, NetError> {
	let unusable = |error: io::Error| local(format!("cannot use {}: {error}", path.display()));
	match fs::read(path) {
		Ok(bytes) => Keypair::from_protobuf_encoding(&bytes)
			.map_err(|_| local(format!("{} is no libp2p key", path.display()))),
		Err(error) if error.kind() == io::ErrorKind::NotFound => {
			let key = Keypair::generate_ed25519();
			let bytes = key.to_protobuf_encoding().map_err(local)?;
			// Renamed into place, so that a crash leaves no half of a key.
			let tmp = path.with_extension("tmp");
			let mut file = OpenOptions::new()
				.write(true)
				.create(true)
				.truncate(true)
				.mode(0o600)
				.open(&tmp)
				.map_err(unusable)?;
			file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(unusable)?;
			fs::rename(&tmp, path).map_err(unusable)?;
			Ok(key)
		}
		Err(error) => Err(unusable(error)),
	}
}

/// The service record of the peer with the identity at `path` and these addresses, to publish for a worker
/// that does not run yet.
pub fn record_of(
	path: &Path,
	addresses: &[Multiaddr],
	url: &str,
) -> Result<ServiceRecord, NetError> {
	record_for(load_identity(path)?.public().to_peer_id(), addresses, url)
}

/// The record of the peer at the end of an address.
pub fn record_at(address: &Multiaddr) -> Result<ServiceRecord, NetError> {
	let mut address = address.clone();
	match address.pop() {
		Some(Protocol::P2p(peer)) => record_for(peer, &[address], ""),
		_ => Err(NetError::BadRecord("the address does not end in /p2p/PEER".into())),
	}
}

/// From where an address can be reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
	/// From nowhere: it is unspecified, or has no port.
	Nobody,
	/// From the same machine.
	ThisMachine,
	/// From elsewhere, as far as the address tells.
	Others,
}

/// From where an address can be reached, as far as it tells.
pub fn reach_of(address: &Multiaddr) -> Reach {
	let mut reach = Reach::Others;
	for part in address {
		let ip: Option<IpAddr> = match part {
			Protocol::Ip4(ip) => Some(ip.into()),
			Protocol::Ip6(ip) => Some(IpAddr::V6(ip).to_canonical()),
			Protocol::Tcp(0) | Protocol::Udp(0) => return Reach::Nobody,
			_ => None,
		};
		match ip {
			Some(ip) if ip.is_unspecified() || ip.is_multicast() => return Reach::Nobody,
			Some(ip) if ip.is_loopback() => reach = Reach::ThisMachine,
			_ => {}
		}
	}
	reach
}

/// The peer id of a record as text; empty if it names none.
pub fn peer_name(record: &ServiceRecord) -> String {
	PeerId::from_bytes(&record.peer_id).map_or_else(|_| String::new(), |peer| peer.to_string())
}

/// The service record of a peer. At most four addresses fit, loopback ones last.
pub fn record_for(
	peer: PeerId,
	addresses: &[Multiaddr],
	url: &str,
) -> Result<ServiceRecord, NetError> {
	let mut addresses: Vec<&Multiaddr> = addresses.iter().collect();
	addresses.sort_by_key(|address| reach_of(address) == Reach::ThisMachine);
	let addresses: Vec<BoundedVec<u8, _>> = addresses
		.into_iter()
		.filter_map(|address| BoundedVec::try_from(address.to_vec()).ok())
		.take(4)
		.collect();
	Ok(ServiceRecord {
		peer_id: peer.to_bytes().try_into().map_err(|_| local("the peer id is too long"))?,
		addresses: addresses.try_into().map_err(|_| local("too many addresses"))?,
		url: url
			.as_bytes()
			.to_vec()
			.try_into()
			.map_err(|_| local("the URL has more than 128 bytes"))?,
	})
}

/// The peer at the end of an address, if there is one.
pub fn peer_at(address: &Multiaddr) -> Option<PeerId> {
	match address.iter().last() {
		Some(Protocol::P2p(peer)) => Some(peer),
		_ => None,
	}
}

/// The valid addresses of a record.
fn addresses(record: &ServiceRecord) -> impl Iterator<Item = Multiaddr> + '_ {
	record.addresses.iter().filter_map(|bytes| Multiaddr::try_from(bytes.to_vec()).ok())
}

/// The judge of the record's account: the other peer at the end of an address, otherwise the peer itself.
pub(crate) fn judge_of(record: &ServiceRecord) -> ServiceRecord {
	let is_another = |address: &Multiaddr| {
		peer_at(address).is_some_and(|peer| peer.to_bytes() != *record.peer_id)
	};
	let another = addresses(record).find(is_another);
	another.and_then(|address| record_at(&address).ok()).unwrap_or_else(|| record.clone())
}

/// The peer and the addresses that a record names.
pub(crate) fn dialable(record: &ServiceRecord) -> Result<(PeerId, Vec<Multiaddr>), NetError> {
	let bad = |reason: &str| NetError::BadRecord(reason.into());
	let peer = PeerId::from_bytes(&record.peer_id).map_err(|_| bad("no peer id"))?;
	let is_own = |address: &Multiaddr| peer_at(address).is_none_or(|at| at == peer);
	let addresses: Vec<Multiaddr> = addresses(record).filter(is_own).collect();
	if addresses.is_empty() {
		return Err(bad("no address"));
	}
	Ok((peer, addresses))
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;

	#[test]
	fn identity_should_be_the_same_when_it_is_read_again() {
		let dir = tempfile::tempdir().unwrap();
		let path = dir.path().join("peer.key");
		let first = load_identity(&path).unwrap().public();
		assert_eq!(load_identity(&path).unwrap().public(), first);
		use std::os::unix::fs::PermissionsExt;
		assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
		fs::write(&path, b"no key").unwrap();
		assert!(load_identity(&path).is_err());
		assert!(load_identity(&dir.path().join("none/peer.key")).is_err());
	}

	#[test]
	fn address_should_tell_whom_it_is_for() {
		for (address, reach) in [
			("/ip4/0.0.0.0/tcp/4100", Reach::Nobody),
			("/ip6/::/udp/4100/quic-v1", Reach::Nobody),
			("/ip4/192.0.2.1/tcp/0", Reach::Nobody),
			("/ip4/127.0.0.1/tcp/4100", Reach::ThisMachine),
			("/ip6/::1/tcp/4100", Reach::ThisMachine),
			("/ip6/::ffff:127.0.0.1/tcp/4100", Reach::ThisMachine),
			("/ip4/10.0.0.1/tcp/4100", Reach::Others),
			("/dns4/example.org/tcp/4100", Reach::Others),
		] {
			assert_eq!(reach_of(&address.parse().unwrap()), reach, "{address}");
		}
	}

	#[test]
	fn record_should_be_made_of_an_address_that_names_its_peer() {
		let peer = Keypair::generate_ed25519().public().to_peer_id();
		let address: Multiaddr = format!("/ip4/192.0.2.1/tcp/4100/p2p/{peer}").parse().unwrap();
		let record = record_at(&address).unwrap();
		let (found, dialled) = dialable(&record).unwrap();
		let bare: Multiaddr = "/ip4/192.0.2.1/tcp/4100".parse().unwrap();
		assert_eq!((found, dialled), (peer, vec![bare.clone()]));
		assert!(record_at(&bare).is_err());
	}

	#[test]
	fn record_should_name_the_judge_beside_its_own_peer() {
		let peer = || Keypair::generate_ed25519().public().to_peer_id();
		let (own, judge) = (peer(), peer());
		let at = |port: u16, peer: &str| -> Multiaddr {
			format!("/ip4/192.0.2.1/tcp/{port}{peer}").parse().unwrap()
		};
		let (first, second) = (at(1, ""), at(2, &format!("/p2p/{own}")));
		let third = at(3, &format!("/p2p/{judge}"));
		let plain = record_for(own, &[first.clone(), second.clone()], "").unwrap();
		assert_eq!(judge_of(&plain), plain, "who only validates");
		let record = record_for(own, &[first.clone(), second.clone(), third], "").unwrap();
		assert_eq!(
			dialable(&record).unwrap(),
			(own, vec![first, second]),
			"the judge's is not its own"
		);
		assert_eq!(dialable(&judge_of(&record)).unwrap(), (judge, vec![at(3, "")]));
		let only = record_for(own, &[at(3, &format!("/p2p/{judge}"))], "").unwrap();
		assert!(dialable(&only).is_err());
	}

	#[test]
	fn record_should_name_the_peer_and_its_addresses() {
		let peer = Keypair::generate_ed25519().public().to_peer_id();
		let addresses: Vec<Multiaddr> = ["/ip4/127.0.0.1/tcp/1", "/ip4/10.0.0.1/udp/2/quic-v1"]
			.map(|text| text.parse().unwrap())
			.to_vec();
		let record = record_for(peer, &addresses, "https://example.org").unwrap();
		let (found, dialled) = dialable(&record).unwrap();
		assert_eq!((found, &dialled[0]), (peer, &addresses[1]));
		assert_eq!(peer_name(&record), peer.to_string());
		assert!(dialable(&ServiceRecord::default()).is_err());
	}
}
