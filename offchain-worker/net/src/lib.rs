//! # The worker's peer-to-peer side
//!
//! A libp2p swarm of its own (TCP with noise and yamux, and QUIC), apart from the node's, with one
//! stream protocol, `/livepeer/<genesis>/1`. Its messages and their limits are defined in
//! `livepeer_worker_core::transport`. On the wire, per stream:
//!
//! 1. The server sends one byte, [`wire::GREETING`]: a stream that ends without it was dropped by
//!    a busy server before anybody saw it, and may be opened again without harm.
//! 2. The client sends a frame: length (u32, little endian) and a SCALE `Request`.
//! 3. To a push the server answers `Continue` before the bytes are sent, so that nobody can make
//!    it receive bytes that it does not want.
//! 4. The server answers with a frame holding a SCALE `Reply`, and the bytes where it names some.
//!
//! A peer is found through a `ServiceRecord` on chain, which names its peer id: a connection is
//! only ever made to that identity. Every fetched byte is checked against its hash before it is
//! handed on.

mod client;
mod identity;
mod server;
mod swarm;
pub mod wire;

pub use client::Net;
pub use identity::load_identity;
pub use libp2p::{Multiaddr, PeerId};

use std::{path::PathBuf, time::Duration};

use livepeer_primitives::Hash;
use livepeer_worker_core::transport::NetError;

/// What a swarm is started with.
#[derive(Clone, Debug)]
pub struct NetConfig {
	/// The chain's genesis hash: part of the protocol's name.
	pub genesis: Hash,
	/// File with the identity's key; created if it does not exist.
	pub identity: PathBuf,
	/// Addresses to listen at; none for a worker that only asks.
	pub listen: Vec<Multiaddr>,
	/// Addresses to publish instead of those that are listened at.
	pub announce: Vec<Multiaddr>,
	/// HTTPS URL to publish.
	pub url: String,
	/// Limits.
	pub limits: NetLimits,
}

/// How much peers may use.
#[derive(Clone, Copy, Debug)]
pub struct NetLimits {
	/// Connections in all.
	pub connections: u32,
	/// Connections with one peer.
	pub connections_per_peer: u32,
	/// Requests served at a time.
	pub requests: usize,
	/// Requests of one peer served at a time.
	pub requests_per_peer: usize,
	/// Segments received at a time; bounds the memory for their bytes.
	pub pushes: usize,
	/// How long a read or write may make no progress.
	pub stall: Duration,
	/// How long a pushed segment may take to be transcoded.
	pub patience: Duration,
}

impl Default for NetLimits {
	fn default() -> Self {
		Self {
			connections: 512,
			connections_per_peer: 4,
			requests: 256,
			requests_per_peer: 64,
			pushes: 16,
			stall: Duration::from_secs(10),
			patience: Duration::from_secs(120),
		}
	}
}

pub(crate) fn local(error: impl core::fmt::Display) -> NetError {
	NetError::Local(error.to_string())
}
