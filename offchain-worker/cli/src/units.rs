//! Amounts and renditions as people write them.

use livepeer_primitives::{video::Rendition, Balance};

/// Reads an amount of a token with 18 decimals: `1`, `0.05`, or `50000000wei` in smallest units.
pub fn amount(text: &str) -> Result<Balance, String> {
	let wrong = || format!("{text:?} is no amount; write 0.05, or 50000000wei for smallest units");
	if let Some(smallest) = text.strip_suffix("wei") {
		return smallest.parse().map_err(|_| wrong());
	}
	let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
	let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
	if whole.is_empty() || fraction.len() > 18 || !digits(whole) || !digits(fraction) {
		return Err(wrong());
	}
	format!("{whole}{fraction:0<18}").parse().map_err(|_| wrong())
}

/// Reads a rendition: `640x360@800k`.
pub fn rendition(text: &str) -> Result<Rendition, String> {
	let wrong =
		|| format!("{text:?} is no rendition; write WIDTHxHEIGHT@KBITSk, as in 640x360@800k");
	let (size, rate) = text.split_once('@').ok_or_else(wrong)?;
	let (width, height) = size.split_once('x').ok_or_else(wrong)?;
	Ok(Rendition {
		width: width.parse().map_err(|_| wrong())?,
		height: height.parse().map_err(|_| wrong())?,
		kbps: rate.strip_suffix('k').and_then(|kbps| kbps.parse().ok()).ok_or_else(wrong)?,
	})
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn amount_should_be_exact_to_the_smallest_unit() {
		assert_eq!(amount("1"), Ok(10u128.pow(18)));
		assert_eq!(amount("0.05"), Ok(5 * 10u128.pow(16)));
		assert_eq!(amount("0.000000000000000001"), Ok(1));
		assert_eq!(amount("7wei"), Ok(7));
		for wrong in ["", ".5", "1.0000000000000000001", "-1", "1e3", "wei"] {
			assert!(amount(wrong).is_err(), "{wrong}");
		}
	}

	#[test]
	fn rendition_should_be_read_when_well_formed() {
		assert_eq!(rendition("640x360@800k"), Ok(Rendition { width: 640, height: 360, kbps: 800 }));
		for wrong in ["640x360", "640@800k", "640x360@800", "x@k"] {
			assert!(rendition(wrong).is_err(), "{wrong}");
		}
	}
}
