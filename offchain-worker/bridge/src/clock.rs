//! The current time, and when a slot begins.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use livepeer_bridge_formats::types::Network;

/// Seconds of Unix time.
pub fn now() -> u64 {
	SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

/// When a slot begins.
pub fn time_of(network: &Network, slot: u64) -> u64 {
	network.genesis_time.saturating_add(slot.saturating_mul(u64::from(network.seconds_per_slot)))
}
