//! Asks peers whether they reach the addresses that a role publishes.

use livepeer_primitives::service::ServiceRecord;
use livepeer_worker_core::ports::chain::Chain;
use livepeer_worker_net::{peer_name, Multiaddr, Net, PeerId};

/// How many peers are asked at most, and how many must agree that they do not reach an address.
const ASKED: usize = 8;
const BELIEVED: usize = 2;

/// What peers say of an address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reached {
	/// This peer reaches it.
	By(String),
	/// These do not.
	NotBy(Vec<String>),
	/// No peer gave an answer; why not.
	Unknown(Vec<String>),
}

/// Asks `helpers` one after the other whether they reach `peer` at an address of this machine. One that does
/// is enough; two have to say that they do not, because one may lie.
pub async fn ask(
	net: &Net,
	helpers: &[ServiceRecord],
	peer: &PeerId,
	address: &Multiaddr,
) -> Reached {
	let (mut not_by, mut failures) = (Vec::new(), Vec::new());
	for helper in helpers.iter().take(ASKED) {
		let name = peer_name(helper);
		match net.is_reached(helper, peer, address).await {
			Ok(true) => return Reached::By(name),
			Ok(false) => not_by.push(name),
			Err(error) => failures.push(format!("{name}: {error}")),
		}
		if not_by.len() >= BELIEVED {
			break;
		}
	}
	if not_by.is_empty() {
		Reached::Unknown(failures)
	} else {
		Reached::NotBy(not_by)
	}
}

/// The transcoders on the chain, except the one with this peer id.
pub async fn helpers(chain: &dyn Chain, own: &PeerId) -> Vec<ServiceRecord> {
	let transcoders = chain.transcoders().await.unwrap_or_default();
	let own = own.to_bytes();
	let others = transcoders.into_iter().map(|view| view.service);
	others.filter(|record| !record.addresses.is_empty() && *record.peer_id != *own).collect()
}
