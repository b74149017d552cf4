//! # Hosts
//!
//! What counts as one host for limits, and which addresses are public. Shared by everything that answers
//! strangers or dials addresses that they name: peers, HTTP, publishers.

mod public;

pub use public::is_public;

use std::{
	collections::BTreeMap,
	net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// The host of an address, for limits: an IPv4 address, or an IPv6 network of 64 bits, because the owner of
/// one of its addresses has them all. All addresses of this machine are one host.
pub fn host(ip: IpAddr) -> IpAddr {
	match ip.to_canonical() {
		ip if ip.is_loopback() => Ipv4Addr::LOCALHOST.into(),
		IpAddr::V6(ip) => {
			let [a, b, c, d, ..] = ip.segments();
			Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
		}
		ip => ip,
	}
}

/// The network of a [`host`]. In IPv6 it has 48 bits, as given to one site, and contains 65,536 hosts. In
/// IPv4 each address is its own network.
pub fn network(host: IpAddr) -> IpAddr {
	match host {
		IpAddr::V6(ip) => {
			let [a, b, c, ..] = ip.segments();
			Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).into()
		}
		ip => ip,
	}
}

/// The limit for all hosts of a network, if one host may have `per_host` of `all`: a host's share and half of
/// the rest. So neighbours do not exclude each other, and a network does not get everything.
pub fn share_of_network(all: usize, per_host: usize) -> usize {
	per_host.saturating_add(all.saturating_sub(per_host) / 2)
}

/// The rate limit for all hosts of a network, in shares of one host.
pub const RATE_OF_NETWORK: u32 = 4;

/// The current use by the hosts of a network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network<H> {
	/// All of them together.
	pub amount: usize,
	/// The host with the most, after its amount.
	pub largest: (usize, H),
}

/// Sums up hosts' use by network; `network` maps a host to its network.
pub fn by_network<H: Copy + Ord>(
	hosts: impl IntoIterator<Item = (H, usize)>,
	network: impl Fn(H) -> H,
) -> BTreeMap<H, Network<H>> {
	let mut networks = BTreeMap::new();
	for (host, amount) in hosts {
		let of_network =
			networks.entry(network(host)).or_insert(Network { amount: 0, largest: (amount, host) });
		of_network.amount = of_network.amount.saturating_add(amount);
		of_network.largest = of_network.largest.max((amount, host));
	}
	networks
}

/// The network with the most.
pub fn largest<H: Copy>(networks: &BTreeMap<H, Network<H>>) -> Option<Network<H>> {
	networks.values().max_by_key(|network| network.amount).copied()
}

#[cfg(test)]
mod tests {
	use super::*;

	fn ip(text: &str) -> IpAddr {
		text.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
	}

	#[test]
	fn hosts_should_be_told_apart_by_what_an_attacker_has_to_pay_for() {
		assert_eq!(host(ip("2001:db8::1")), host(ip("2001:db8::ffff:2")));
		assert_ne!(host(ip("2001:db8::1")), host(ip("2001:db8:0:1::1")));
		assert_eq!(host(ip("::ffff:192.0.2.1")), ip("192.0.2.1"));
		assert_eq!(host(ip("::1")), host(ip("127.0.0.2")));
	}

	#[test]
	fn network_should_be_that_of_a_site() {
		let of = |text: &str| network(host(ip(text)));
		assert_eq!(of("2001:db8:7:1::1"), of("2001:db8:7:ffff::2"));
		assert_ne!(of("2001:db8:7::1"), of("2001:db8:8::1"));
		assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
		assert_eq!(of("::1"), of("127.0.0.1"));
	}

	#[test]
	fn what_hosts_have_should_be_summed_up_by_network() {
		let host = |text: &str| host(ip(text));
		let hosts =
			[(host("192.0.2.1"), 4), (host("2001:db8:7:1::1"), 2), (host("2001:db8:7:2::1"), 3)];
		let networks = by_network(hosts, network);
		let site = Network { amount: 5, largest: (3, host("2001:db8:7:2::1")) };
		assert_eq!((networks.len(), largest(&networks)), (2, Some(site)));
	}

	#[test]
	fn network_should_have_more_than_a_host_and_less_than_everything() {
		assert_eq!(share_of_network(256, 128), 192);
		assert_eq!(share_of_network(10, 10), 10);
		assert_eq!(share_of_network(10, 20), 20, "as behind a proxy: no limit");
	}
}
