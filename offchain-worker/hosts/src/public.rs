//! Public addresses: strangers' addresses must lead nowhere else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is public: neither of this machine, nor of its network, nor leading there.
pub fn is_public(ip: IpAddr) -> bool {
	match ip {
		IpAddr::V4(ip) => is_public_v4(ip),
		IpAddr::V6(ip) => is_public_v6(ip),
	}
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
	let [a, b, c, _] = ip.octets();
	!(ip.is_loopback()
		|| ip.is_private()
		|| ip.is_link_local()
		|| ip.is_multicast()
		|| ip.is_documentation()
		|| a == 0
		// Shared address space, protocol assignments, benchmarks, reserved.
		|| (a == 100 && (64..128).contains(&b))
		|| (a == 192 && b == 0 && c == 0)
		|| (a == 198 && (b == 18 || b == 19))
		|| a >= 240)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
	let s = ip.segments();
	let within = |high: u16, low: u16| {
		let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
		is_public_v4(Ipv4Addr::new(a, b, c, d))
	};
	match s {
		// IPv4 mapped into IPv6, and through translators and relays.
		[0, 0, 0, 0, 0, 0xffff, high, low] => within(high, low),
		[0x64, 0xff9b, 0, 0, 0, 0, high, low] => within(high, low),
		[0x2002, high, low, ..] => within(high, low),
		// Unspecified, loopback and the deprecated compatible addresses.
		[0, 0, 0, 0, 0, 0, ..] => false,
		// Local translators, Teredo and documentation.
		[0x64, 0xff9b, 1, ..] | [0x2001, 0, ..] | [0x2001, 0xdb8, ..] => false,
		// Only this part of the address space is assigned.
		[first, ..] => first & 0xe000 == 0x2000,
	}
}

#[cfg(test)]
mod tests {
	#![allow(clippy::unwrap_used)]
	use super::*;

	#[test]
	fn only_addresses_of_the_internet_should_be_public() {
		for ip in ["1.1.1.1", "93.184.215.14", "100.63.0.1", "2606:4700::1111", "2002:101:101::1"] {
			assert!(is_public(ip.parse().unwrap()), "{ip}");
		}
		for ip in [
			"0.0.0.0",
			"10.1.2.3",
			"100.64.0.1",
			"127.0.0.53",
			"169.254.169.254",
			"172.31.0.1",
			"192.0.0.8",
			"192.168.1.1",
			"198.19.0.1",
			"203.0.113.9",
			"224.0.0.1",
			"255.255.255.255",
			"::",
			"::1",
			"::7f00:1",
			"::ffff:10.0.0.1",
			"64:ff9b::a00:1",
			"2002:7f00:1::",
			"2001:db8::1",
			"2001::1",
			"fc00::1",
			"fe80::1",
			"ff02::1",
		] {
			assert!(!is_public(ip.parse().unwrap()), "{ip}");
		}
	}
}
