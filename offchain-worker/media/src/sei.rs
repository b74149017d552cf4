//! H.264 with start codes: a walk over its NAL units.

/// NAL unit type: slice of a picture that does not start afresh.
const SLICE: u8 = 1;
/// NAL unit type: slice of a picture that starts afresh.
pub const IDR: u8 = 5;
/// NAL unit type: supplemental information.
pub const SEI: u8 = 6;
/// NAL unit type: sequence parameter set.
pub const SPS: u8 = 7;
/// NAL unit type: picture parameter set.
pub const PPS: u8 = 8;

/// One NAL unit with the start code in front of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nal<'a> {
	/// Start code and unit.
	pub bytes: &'a [u8],
	/// The unit's type; 0 if it is empty.
	pub kind: u8,
}

/// The NAL units of a picture; bytes before the first start code are skipped.
pub fn nals(data: &[u8]) -> impl Iterator<Item = Nal<'_>> {
	let mut rest = start_code(data, 0).map(|(at, _)| at);
	std::iter::from_fn(move || {
		let at = rest?;
		let (_, body) = start_code(data, at)?;
		rest = start_code(data, body).map(|(next, _)| next);
		let bytes = &data[at..rest.unwrap_or(data.len())];
		let kind = data.get(body).map_or(0, |byte| byte & 0x1f);
		Some(Nal { bytes, kind })
	})
}

/// Position of the first start code at or after `from`, and of the byte after it. A zero byte in front
/// belongs to it.
fn start_code(data: &[u8], from: usize) -> Option<(usize, usize)> {
	let found = data.get(from..)?.windows(3).position(|w| w == [0, 0, 1])? + from;
	let at = if found > from && data[found - 1] == 0 { found - 1 } else { found };
	Some((at, found + 3))
}

/// A picture without its SEI units.
pub fn without_sei(data: &[u8]) -> Vec<u8> {
	let mut out = Vec::with_capacity(data.len());
	for nal in nals(data).filter(|nal| nal.kind != SEI) {
		out.extend_from_slice(nal.bytes);
	}
	out
}

/// Whether a picture holds a unit of this type.
pub fn has(data: &[u8], kind: u8) -> bool {
	nals(data).any(|nal| nal.kind == kind)
}

/// Slices of a picture.
pub fn slices(data: &[u8]) -> usize {
	nals(data).filter(|nal| matches!(nal.kind, SLICE | IDR)).count()
}

/// The units of this type, with their start codes.
pub fn units(data: &[u8], kind: u8) -> Vec<u8> {
	let mut out = Vec::new();
	for nal in nals(data).filter(|nal| nal.kind == kind) {
		out.extend_from_slice(nal.bytes);
	}
	out
}

/// The first unit, its type byte first.
pub fn body(data: &[u8]) -> Option<&[u8]> {
	let nal = nals(data).next()?;
	let (_, body) = start_code(nal.bytes, 0)?;
	nal.bytes.get(body..)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn nals_should_keep_every_byte_when_joined() {
		let data =
			[0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3, 0, 0, 0, 1, 0x06, 9, 0, 0, 1, 0x65, 7];
		let kinds: Vec<u8> = nals(&data).map(|n| n.kind).collect();
		assert_eq!(kinds, [7, 8, 6, 5]);
		let joined: Vec<u8> = nals(&data).flat_map(|n| n.bytes.to_vec()).collect();
		assert_eq!(joined, data);
	}

	#[test]
	fn sei_should_be_removed_when_present() {
		let data = [0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x06, 9, 9, 0, 0, 1, 0x65, 7];
		assert_eq!(without_sei(&data), [0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x65, 7]);
		assert!(has(&data, IDR) && has(&data, SPS) && !has(&data, SLICE));
		assert_eq!(slices(&data), 1);
		assert_eq!(slices(&[0, 0, 1, 0x41, 9, 0, 0, 1, 0x01, 9, 0, 0, 1, 0x68, 9]), 2);
	}

	#[test]
	fn walk_should_end_when_there_is_no_start_code() {
		assert_eq!(nals(&[]).count(), 0);
		assert_eq!(nals(&[1, 2, 3, 4]).count(), 0);
		assert_eq!(nals(&[0, 0, 1]).map(|n| n.kind).collect::<Vec<_>>(), [0]);
	}
}
