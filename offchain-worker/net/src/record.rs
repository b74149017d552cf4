//! Service records: peer id and addresses in the binary form in which the chain stores them.

use libp2p::{multiaddr::Protocol, Multiaddr, PeerId};
use livepeer_primitives::service::ServiceRecord;
use livepeer_worker_core::transport::NetError;

/// The record of a peer that is reached at `addresses` (the first four count) and at `url`.
pub fn service_record(
	peer_id: PeerId,
	addresses: &[Multiaddr],
	url: &str,
) -> Result<ServiceRecord, NetError> {
	let too_long = |what: &str| NetError::Local(format!("{what} is too long for a service record"));
	let addresses = addresses
		.iter()
		.take(4)
		.map(|address| without_peer(address).to_vec().try_into().map_err(|_| too_long("an address")))
		.collect::<Result<Vec<_>, _>>()?;
	Ok(ServiceRecord {
		peer_id: peer_id.to_bytes().try_into().map_err(|_| too_long("the peer id"))?,
		addresses: addresses.try_into().map_err(|_| too_long("the list of addresses"))?,
		url: url.as_bytes().to_vec().try_into().map_err(|_| too_long("the URL"))?,
	})
}

/// Peer id and addresses of a record; an error when there is nothing to dial.
pub fn dialable(record: &ServiceRecord) -> Result<(PeerId, Vec<Multiaddr>), NetError> {
	let peer_id = PeerId::from_bytes(&record.peer_id)
		.map_err(|_| NetError::BadRecord("it has no peer id".to_owned()))?;
	let addresses: Vec<Multiaddr> = record
		.addresses
		.iter()
		.filter_map(|bytes| Multiaddr::try_from(bytes.to_vec()).ok())
		.map(|address| without_peer(&address))
		.collect();
	if addresses.is_empty() {
		return Err(NetError::BadRecord("it has no address".to_owned()));
	}
	Ok((peer_id, addresses))
}

/// The address without a peer id at its end, which the record has already.
fn without_peer(address: &Multiaddr) -> Multiaddr {
	address.iter().filter(|part| !matches!(part, Protocol::P2p(_))).collect()
}
