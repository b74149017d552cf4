//! Parses sequence parameter sets of H.264.

/// The fields of a sequence parameter set that the segmenter needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sps {
	/// Width in pixels, after cropping.
	pub width: u32,
	/// Height in pixels, after cropping.
	pub height: u32,
	/// Whether pictures are 8-bit 4:2:0.
	pub is_yuv420p: bool,
	/// Profile, constraints and level, in the form of playlists.
	pub profile: [u8; 3],
	/// The sample aspect ratio, width to height; 1 to 1 if it is not given.
	pub aspect: (u16, u16),
}

/// The sample aspect ratios that have a number.
const ASPECTS: [(u16, u16); 17] = [
	(1, 1),
	(1, 1),
	(12, 11),
	(10, 11),
	(16, 11),
	(40, 33),
	(24, 11),
	(20, 11),
	(32, 11),
	(80, 33),
	(18, 11),
	(15, 11),
	(64, 33),
	(160, 99),
	(4, 3),
	(3, 2),
	(2, 1),
];
/// The number for an explicit ratio.
const WRITTEN_OUT: u32 = 255;

/// A bit reader over a NAL unit without its emulation prevention bytes.
struct Bits {
	bytes: Vec<u8>,
	at: usize,
}

impl Bits {
	fn bit(&mut self) -> Option<u32> {
		let byte = self.bytes.get(self.at / 8)?;
		let bit = byte >> (7 - self.at % 8) & 1;
		self.at += 1;
		Some(bit.into())
	}

	fn bits(&mut self, count: u32) -> Option<u32> {
		(0..count).try_fold(0, |value, _| Some(value << 1 | self.bit()?))
	}

	/// An Exp-Golomb number.
	fn number(&mut self) -> Option<u32> {
		let mut zeros = 0;
		while self.bit()? == 0 {
			zeros += 1;
			if zeros > 31 {
				return None;
			}
		}
		(1u32 << zeros).checked_add(self.bits(zeros)?)?.checked_sub(1)
	}

	fn signed(&mut self) -> Option<i64> {
		let number = i64::from(self.number()?);
		Some(if number % 2 == 1 { number / 2 + 1 } else { -(number / 2) })
	}
}

/// Reads the unit behind a start code, its type byte first.
pub fn sps(unit: &[u8]) -> Option<Sps> {
	const WITH_CHROMA: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
	let mut bytes = Vec::with_capacity(unit.len());
	let mut zeros = 0;
	for byte in unit.iter().skip(1) {
		if zeros >= 2 && *byte == 3 {
			zeros = 0;
			continue;
		}
		zeros = if *byte == 0 { zeros + 1 } else { 0 };
		bytes.push(*byte);
	}
	let mut bits = Bits { bytes, at: 0 };
	let profile = bits.bits(8)?;
	let (constraints, level) = (bits.bits(8)?, bits.bits(8)?);
	bits.number()?;
	let (mut chroma, mut depth) = (1, 0);
	if WITH_CHROMA.contains(&profile) {
		chroma = bits.number()?;
		if chroma == 3 {
			bits.bit()?;
		}
		depth = bits.number()?.max(bits.number()?);
		bits.bit()?;
		if bits.bit()? == 1 {
			for list in 0..if chroma == 3 { 12 } else { 8 } {
				if bits.bit()? == 1 {
					scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
				}
			}
		}
	}
	bits.number()?;
	match bits.number()? {
		0 => {
			bits.number()?;
		}
		1 => {
			bits.bit()?;
			bits.signed()?;
			bits.signed()?;
			for _ in 0..bits.number()?.min(255) {
				bits.signed()?;
			}
		}
		_ => {}
	}
	bits.number()?;
	bits.bit()?;
	let width = bits.number()?.checked_add(1)?.checked_mul(16)?;
	let map_units = bits.number()?.checked_add(1)?;
	let frames_only = bits.bit()?;
	let height = map_units.checked_mul(16 * (2 - frames_only))?;
	if frames_only == 0 {
		bits.bit()?;
	}
	bits.bit()?;
	let (mut across, mut down) = (0u32, 0u32);
	if bits.bit()? == 1 {
		across = bits.number()?.checked_add(bits.number()?)?;
		down = bits.number()?.checked_add(bits.number()?)?;
	}
	let mut aspect = (1, 1);
	if bits.bit()? == 1 && bits.bit()? == 1 {
		aspect = match bits.bits(8)? {
			WRITTEN_OUT => (bits.bits(16)? as u16, bits.bits(16)? as u16),
			known => ASPECTS.get(known as usize).copied().unwrap_or((1, 1)),
		};
	}
	let aspect = if aspect.0 == 0 || aspect.1 == 0 { (1, 1) } else { aspect };
	let step_x = if matches!(chroma, 1 | 2) { 2 } else { 1 };
	let step_y = if chroma == 1 { 2 } else { 1 } * (2 - frames_only);
	Some(Sps {
		width: width.checked_sub(across.checked_mul(step_x)?)?,
		height: height.checked_sub(down.checked_mul(step_y)?)?,
		is_yuv420p: chroma == 1 && depth == 0,
		profile: [profile as u8, constraints as u8, level as u8],
		aspect,
	})
}

fn scaling_list(bits: &mut Bits, size: u32) -> Option<()> {
	let (mut last, mut next) = (8, 8);
	for _ in 0..size {
		if next != 0 {
			next = (last + bits.signed()? + 256).rem_euclid(256);
		}
		last = if next == 0 { last } else { next };
	}
	Some(())
}

#[cfg(test)]
mod tests {
	use super::*;

	/// As libx264 wrote them.
	const HD: [u8; 24] = [
		0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00, 0x00, 0x03,
		0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0xc0, 0xf1, 0x83,
	];

	#[test]
	fn size_should_be_read_when_it_is_cropped_and_escaped() {
		let expected = Sps {
			width: 1280,
			height: 720,
			is_yuv420p: true,
			profile: [0x64, 0, 0x1f],
			aspect: (1, 1),
		};
		assert_eq!(sps(&HD), Some(expected));
	}

	#[test]
	fn nothing_should_be_read_when_it_is_cut_off_or_noise() {
		for length in 0..10 {
			assert_eq!(sps(&HD[..length]), None);
		}
		assert_eq!(sps(&[0x67; 3]), None);
		assert_eq!(sps(&[0; 400]), None);
		// Whatever is in it, reading ends.
		let mut state = 1u32;
		for _ in 0..10_000 {
			let mut unit = HD;
			for _ in 0..3 {
				state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
				unit[(state >> 8) as usize % HD.len()] = (state >> 24) as u8;
			}
			let _ = sps(&unit);
		}
	}
}
