//! Parses amounts, accounts, addresses and renditions as people write them.

use std::net::SocketAddr;

use livepeer_primitives::{
	video::{
		Rendition, CANONICAL_PROFILE, CAPPED_QUALITY, LONGEST_SEGMENT, MAX_FPS, MAX_SIDE,
		TICKS_PER_SECOND, USUAL_SHORTEST,
	},
	AccountId, Balance,
};
use livepeer_worker_media::Shape;
use livepeer_worker_net::{Multiaddr, PeerId};

/// Reads an amount of a token with 18 decimals: `1`, `0.05`, or `50000000wei` in smallest units.
pub fn amount(text: &str) -> Result<Balance, String> {
	let wrong = || {
		format!("{text:?} is not an amount; write 0.5 (not .5 or 1.), with 18 decimals at most, or 50000000wei for smallest units")
	};
	if let Some(smallest) = text.strip_suffix("wei") {
		return smallest.parse().map_err(|_| wrong());
	}
	let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
	let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
	if fraction.len() > 18 || !digits(whole) || !digits(fraction) {
		return Err(wrong());
	}
	format!("{whole}{fraction:0<18}").parse().map_err(|_| wrong())
}

/// Reads an account: its address, or its public key in hexadecimal.
pub fn account(text: &str) -> Result<AccountId, String> {
	text.parse().map_err(|_| {
		format!("{text:?} is not an account; write its address, as `livepeer-worker keys inspect` prints it, or 0x and the 64 hexadecimal digits of its public key")
	})
}

/// Reads a peer id: `12D3KooW…`.
pub fn peer(text: &str) -> Result<PeerId, String> {
	text.parse().map_err(|_| {
		format!(
			"{text:?} is not a peer id; write 12D3KooW…, as `livepeer-worker keys peer` prints it"
		)
	})
}

/// Reads an address of libp2p: `/ip4/0.0.0.0/tcp/4100`.
pub fn multiaddr(text: &str) -> Result<Multiaddr, String> {
	text.parse().map_err(|_| {
		format!(
			"{text:?} is not a multiaddress; write /ip4/ADDRESS/tcp/PORT or /dns4/NAME/tcp/PORT"
		)
	})
}

/// Reads an address and a port: `127.0.0.1:8935`.
pub fn socket(text: &str) -> Result<SocketAddr, String> {
	text.parse().map_err(|_| {
		format!("{text:?} is not an address with a port; write 127.0.0.1:8935, or 0.0.0.0:8935 for all of this machine's")
	})
}

/// Reads a rendition: `640x360@800k`, or `640x360@800k:1200k` with a cap above the target. The profile is 2,
/// or 1 if `/1` is appended.
pub fn rendition(text: &str) -> Result<Rendition, String> {
	let wrong = || {
		format!("{text:?} is not a rendition; write WIDTHxHEIGHT@KBITSk, as in 640x360@800k or 640x360@800k:1200k, with /1 appended for profile 1")
	};
	let (format, profile) = match text.split_once('/') {
		None | Some((_, "2")) => (text.trim_end_matches("/2"), CAPPED_QUALITY),
		Some((format, "1")) => (format, CANONICAL_PROFILE),
		Some(_) => return Err(wrong()),
	};
	let (size, rate) = format.split_once('@').ok_or_else(wrong)?;
	let (width, height) = size.split_once('x').ok_or_else(wrong)?;
	let (target, cap) = rate.split_once(':').unwrap_or((rate, rate));
	let kbps =
		|rate: &str| rate.strip_suffix('k').and_then(|kbps| kbps.parse().ok()).ok_or_else(wrong);
	Ok(Rendition {
		width: width.parse().map_err(|_| wrong())?,
		height: height.parse().map_err(|_| wrong())?,
		profile,
		kbps: kbps(target)?,
		cap_kbps: kbps(cap)?,
	})
}

/// Reads a source's limits: `1920x1080@60`.
pub fn shape(text: &str) -> Result<Shape, String> {
	let wrong = || {
		format!("{text:?} are not limits of a source; write WIDTHxHEIGHT@FPS, as in 1920x1080@60")
	};
	let (size, fps) = text.split_once('@').ok_or_else(wrong)?;
	let (width, height) = size.split_once('x').ok_or_else(wrong)?;
	let number = |text: &str, most: u16| {
		text.parse().ok().filter(|number| (1..=most).contains(number)).ok_or_else(wrong)
	};
	Ok(Shape {
		width: number(width, MAX_SIDE)?,
		height: number(height, MAX_SIDE)?,
		fps: number(fps, MAX_FPS)?,
	})
}

/// Reads a time in seconds, with at most one decimal; returns ticks of 1/90,000 s.
pub fn ticks(text: &str) -> Result<u32, String> {
	let wrong = || format!("{text:?} is not a time in seconds; write 2.5, at most 10");
	let (whole, tenths) = text.split_once('.').unwrap_or((text, "0"));
	let (whole, tenths) = (whole.parse::<u32>().ok(), tenths.parse::<u32>().ok());
	let (Some(whole), Some(tenths)) = (whole, tenths.filter(|tenths| *tenths < 10)) else {
		return Err(wrong());
	};
	let ticks = whole.saturating_mul(TICKS_PER_SECOND) + tenths * TICKS_PER_SECOND / 10;
	(USUAL_SHORTEST..=LONGEST_SEGMENT).contains(&ticks).then_some(ticks).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn limits_should_be_read_and_bounded() {
		assert_eq!(shape("1920x1080@60"), Ok(Shape { width: 1920, height: 1080, fps: 60 }));
		for wrong in ["1920x1080", "0x1080@60", "1920x1080@121", "5000x1080@60", "x@"] {
			assert!(shape(wrong).is_err(), "{wrong}");
		}
	}

	#[test]
	fn amount_should_be_exact_to_the_smallest_unit() {
		assert_eq!(amount("1"), Ok(10u128.pow(18)));
		assert_eq!(amount("0.05"), Ok(5 * 10u128.pow(16)));
		assert_eq!(amount("0.000000000000000001"), Ok(1));
		assert_eq!(amount("7wei"), Ok(7));
		for wrong in ["", ".", ".5", "1.", "1.0000000000000000001", "-1", "+1", "1e3", "wei"] {
			assert!(amount(wrong).is_err(), "{wrong}");
		}
	}

	#[test]
	fn address_should_be_read_or_refused_with_how_it_is_written() {
		assert!(multiaddr("/dns4/streams.example.org/tcp/4100").is_ok());
		assert!(
			multiaddr("example.org:4100").is_err_and(|said| said.contains("/dns4/NAME/tcp/PORT"))
		);
		assert!(socket("0.0.0.0:1935").is_ok());
		assert!(socket("1935").is_err_and(|said| said.contains("127.0.0.1:8935")));
	}

	#[test]
	fn account_and_peer_should_be_read_or_refused_with_how_they_are_written() {
		let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
		let key = "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";
		assert!(account(alice).is_ok());
		assert_eq!(account(alice), account(key));
		for wrong in ["alice", "0x00", &alice[1..]] {
			assert!(account(wrong).is_err_and(|said| said.contains("keys inspect")), "{wrong}");
		}
		assert!(peer("12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp").is_ok());
		assert!(peer("/p2p/x").is_err_and(|said| said.contains("keys peer")));
	}

	#[test]
	fn rendition_should_be_read_when_well_formed() {
		let plain = Rendition {
			width: 640,
			height: 360,
			profile: CAPPED_QUALITY,
			kbps: 800,
			cap_kbps: 800,
		};
		assert_eq!(rendition("640x360@800k"), Ok(plain));
		let capped = Rendition { cap_kbps: 1200, ..plain };
		assert_eq!(rendition("640x360@800k:1200k"), Ok(capped));
		assert_eq!(rendition("640x360@800k/2"), Ok(plain));
		let canonical = Rendition { profile: CANONICAL_PROFILE, ..capped };
		assert_eq!(rendition("640x360@800k:1200k/1"), Ok(canonical));
		for wrong in [
			"640x360@800k:",
			"640x360@:800k",
			"640x360",
			"640@800k",
			"640x360@800",
			"x@k",
			"640x360@800k/",
			"640x360@800k/3",
			"640x360@800k/1/2",
		] {
			assert!(rendition(wrong).is_err(), "{wrong}");
		}
	}

	#[test]
	fn ticks_should_be_those_of_the_time() {
		assert_eq!(ticks("2.5"), Ok(225_000));
		assert_eq!(ticks("10"), Ok(900_000));
		for wrong in ["", "0.9", "10.1", "2.55", "-1", "x"] {
			assert!(ticks(wrong).is_err(), "{wrong}");
		}
	}
}
