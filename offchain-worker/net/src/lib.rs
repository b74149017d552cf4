//! # The worker's peer-to-peer side
//!
//! A libp2p swarm of its own (TCP with noise and yamux, and QUIC), apart from the node's, with one
//! stream protocol, `/livepeer/<genesis>/4`. Its messages and their limits are defined in
//! `livepeer_worker_core::ports::transport`. On the wire, per stream:
//!
//! 1. The server sends one byte, [`wire::GREETING`]. A stream that ends without it was dropped by a busy
//!    server before it was handled, and may be opened again.
//! 2. The client sends a frame: length (u32, little endian) and a SCALE `Request`.
//! 3. To a push the server answers `Continue` before the bytes are sent, so that it never has to receive
//!    unwanted bytes.
//! 4. The server answers with a frame that contains a SCALE `Reply`, and the bytes that it names.
//!
//! Each part has its own deadline, and a request takes a place only once it was read, so that silent and slow
//! strangers keep nobody out: see [`NetLimits`].
//!
//! A peer is found through a `ServiceRecord` on chain, which names its peer id: connections are made only to
//! that identity. Chunks come with their proof, which the client checks (`livepeer_worker_core::fetching`).

mod client;
mod gate;
mod hosts;
mod identity;
mod muxer;
mod places;
mod server;
mod swarm;
pub mod wire;

pub use client::Net;
pub use identity::{
	load_identity, peer_at, peer_name, reach_of, record_at, record_for, record_of, Reach,
};
pub use libp2p::{Multiaddr, PeerId};

use std::{path::PathBuf, time::Duration};

use livepeer_primitives::Hash;
use livepeer_worker_core::ports::transport::{NetError, MAX_PAYLOAD};

/// Configuration of a swarm.
#[derive(Clone, Debug)]
pub struct NetConfig {
	/// The chain's genesis hash: part of the protocol's name.
	pub genesis: Hash,
	/// File with the identity's key; created if it does not exist.
	pub identity: PathBuf,
	/// Addresses to listen at; none for a worker that only asks.
	pub listen: Vec<Multiaddr>,
	/// Addresses to publish instead of those listened on.
	pub announce: Vec<Multiaddr>,
	/// Whether to publish addresses that only this machine reaches.
	pub announce_local: bool,
	/// Whether peers are dialled at private addresses, directly or by a name: of this machine, of its
	/// network, or leading there. Otherwise the publisher of a record could make this worker call services
	/// behind its operator's router.
	pub dial_private: bool,
	/// HTTPS URL to publish.
	pub url: String,
	/// Limits.
	pub limits: NetLimits,
}

/// Limits on peers. Limits by host also apply to this machine's own addresses. All hosts of one IPv6 network
/// of 48 bits together may have one host's share and half of the rest.
#[derive(Clone, Copy, Debug)]
pub struct NetLimits {
	/// Incoming connections during their handshake, in total. One more displaces the oldest of the host that
	/// has the most.
	pub handshakes: usize,
	/// The same for one IP address, or one IPv6 network of 64 bits: one more displaces its oldest.
	pub handshakes_per_host: usize,
	/// Connections in total. An additional incoming one displaces the oldest of the host that has the most.
	pub connections: u32,
	/// Connections with one peer.
	pub connections_per_peer: u32,
	/// Connections from one IP address, or one IPv6 network of 64 bits.
	pub connections_per_host: usize,
	/// Streams of one connection, in both directions together. A peer that opens more loses the connection.
	pub streams: u32,
	/// Unread bytes of one connection, at least 256 KiB for each stream. Over TCP a dialled peer may have 32
	/// MiB more.
	pub unread_bytes: u32,
	/// Requests of this worker to one peer at a time; others wait. Even several times as many would be far
	/// below the streams of a connection.
	pub asked: usize,
	/// Streams whose request was not read yet. They cost little, so there may be many; per peer and per host
	/// as many as requests.
	pub unread: usize,
	/// Requests served at a time; 0 if only judges are served.
	pub requests: usize,
	/// Requests of one peer served at a time.
	pub requests_per_peer: usize,
	/// Requests of one IP address, or one IPv6 network of 64 bits, served at a time.
	pub requests_per_host: usize,
	/// Fetches of judges that are served in addition, if there is no other place.
	pub judges: usize,
	/// The same for one peer, so that no judge keeps the others out.
	pub judges_per_peer: usize,
	/// The same for one host.
	pub judges_per_host: usize,
	/// Bytes in memory for fetches; as many again for judges' fetches, and for pushed segments.
	pub bytes: usize,
	/// Bytes of fetches of one peer.
	pub bytes_per_peer: usize,
	/// Bytes of fetches of one IP address, or one IPv6 network of 64 bits.
	pub bytes_per_host: usize,
	/// Pushed segments that are being received, wait or are in work; the receipt frees the place. Bounds the
	/// memory for their bytes. One peer may have half of them, one host three quarters. If all are taken, one
	/// that is still being received makes room for a host that has less.
	pub pushes: usize,
	/// How long a read or write may go without progress, and how long a whole request may take to arrive.
	pub stall: Duration,
	/// The slowest rate that is served, in bytes per second: bytes must be transferred within the time at
	/// this rate, plus `stall`.
	pub slowest: u32,
	/// How long a pushed segment may take to be transcoded.
	pub patience: Duration,
}

/// 1 Mbit/s, at which the largest payload takes two minutes. A slower peer can neither follow a stream nor
/// verify in time, so a lower bound would only help attackers to hold places.
const SLOWEST: u32 = 128 * 1024;

impl Default for NetLimits {
	fn default() -> Self {
		Self {
			handshakes: 256,
			handshakes_per_host: 64,
			connections: 512,
			connections_per_peer: 4,
			connections_per_host: 32,
			streams: 24,
			unread_bytes: 8 * 1024 * 1024,
			asked: 8,
			unread: 1_024,
			requests: 256,
			requests_per_peer: 64,
			requests_per_host: 128,
			judges: 64,
			judges_per_peer: 8,
			judges_per_host: 16,
			bytes: 256 * 1024 * 1024,
			bytes_per_peer: 4 * MAX_PAYLOAD as usize,
			bytes_per_host: 6 * MAX_PAYLOAD as usize,
			pushes: 16,
			stall: Duration::from_secs(10),
			slowest: SLOWEST,
			patience: Duration::from_secs(120),
		}
	}
}

impl NetLimits {
	/// How long this many bytes may take.
	pub(crate) fn time_for(&self, bytes: usize) -> Duration {
		let ms = (bytes as u64).saturating_mul(1_000) / u64::from(self.slowest.max(1));
		self.stall.saturating_add(Duration::from_millis(ms))
	}
}

pub(crate) fn local(error: impl core::fmt::Display) -> NetError {
	NetError::Local(error.to_string())
}

#[cfg(test)]
mod tests {
	use super::*;

	/// The README's figures for what one host, and all together, can make a worker hold.
	#[test]
	fn unread_bytes_should_be_bounded_by_host() {
		let limits = NetLimits::default();
		let mib = |connections: usize| connections * limits.unread_bytes as usize / (1024 * 1024);
		assert_eq!(
			(mib(limits.connections_per_host), mib(limits.connections as usize)),
			(256, 4_096)
		);
		assert!(limits.unread_bytes >= limits.streams * 256 * 1024);
		assert!(limits.streams as usize >= 3 * limits.asked, "those that end are still counted");
	}

	#[test]
	fn slowest_peer_should_get_the_largest_payload_in_time() {
		let limits = NetLimits::default();
		let needed = u64::from(MAX_PAYLOAD / SLOWEST);
		assert_eq!(limits.time_for(MAX_PAYLOAD as usize), Duration::from_secs(10 + needed));
		assert_eq!(limits.time_for(0), limits.stall);
		let never = NetLimits { slowest: 0, ..limits };
		assert!(never.time_for(usize::MAX) > limits.stall);
	}
}
