//! Writes two decoded pictures and their difference side by side, as a PNG without compression, which needs
//! no library.

use livepeer_worker_media::Picture;

/// Between two panels, in pixels.
const GAP: usize = 4;
/// Factor by which differences are brightened.
const GAIN: u16 = 8;

/// Red, green and blue of each pixel.
struct Rgb {
	width: usize,
	height: usize,
	pixels: Vec<[u8; 3]>,
}

impl Rgb {
	/// BT.601 in video range: good enough for viewing.
	fn of(picture: &Picture) -> Self {
		let (width, height) = (picture.width as usize, picture.height as usize);
		let half = width.div_ceil(2);
		let (luma, chroma) = picture.planes.split_at(width * height);
		let (cb, cr) = chroma.split_at(half * height.div_ceil(2));
		let pixel = |at: usize| {
			let (x, y) = (at % width, at / width);
			let c = (y / 2) * half + x / 2;
			let luma = 298 * (i32::from(luma[at]) - 16);
			let (cb, cr) = (i32::from(cb[c]) - 128, i32::from(cr[c]) - 128);
			let channel = |value: i32| ((value + 128) >> 8).clamp(0, 255) as u8;
			[
				channel(luma + 409 * cr),
				channel(luma - 100 * cb - 208 * cr),
				channel(luma + 516 * cb),
			]
		};
		Self { width, height, pixels: (0..width * height).map(pixel).collect() }
	}

	fn at(&self, x: usize, y: usize) -> Option<[u8; 3]> {
		(x < self.width && y < self.height).then(|| self.pixels[y * self.width + x])
	}
}

/// From left to right: the expected picture, the delivered one, and their difference.
pub fn side_by_side(should: &Picture, is: &Picture) -> Vec<u8> {
	let (should, is) = (Rgb::of(should), Rgb::of(is));
	let panel = should.width.max(is.width);
	let (width, height) = (3 * panel + 2 * GAP, should.height.max(is.height));
	let mut rows = Vec::with_capacity(height * (1 + 3 * width));
	for y in 0..height {
		// No filter.
		rows.push(0);
		for x in 0..width {
			let (place, x) = (x / (panel + GAP), x % (panel + GAP));
			let (a, b) = (should.at(x, y), is.at(x, y));
			let shown = match place {
				0 => a,
				1 => b,
				_ => (x < panel).then(|| difference(a, b)),
			};
			rows.extend(shown.unwrap_or([64; 3]));
		}
	}
	encode(width as u32, height as u32, &rows)
}

fn difference(a: Option<[u8; 3]>, b: Option<[u8; 3]>) -> [u8; 3] {
	let (Some(a), Some(b)) = (a, b) else { return [255; 3] };
	let channel = |i: usize| (u16::from(a[i].abs_diff(b[i])) * GAIN).min(255) as u8;
	[channel(0), channel(1), channel(2)]
}

fn encode(width: u32, height: u32, rows: &[u8]) -> Vec<u8> {
	let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
	let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
	// Eight bits of three colours, in order.
	header.extend([8, 2, 0, 0, 0]);
	chunk(&mut png, b"IHDR", &header);
	// zlib, in stored blocks.
	let mut data = vec![0x78, 0x01];
	let mut blocks = rows.chunks(usize::from(u16::MAX)).peekable();
	while let Some(block) = blocks.next() {
		data.push(u8::from(blocks.peek().is_none()));
		let length = block.len() as u16;
		data.extend(length.to_le_bytes());
		data.extend((!length).to_le_bytes());
		data.extend_from_slice(block);
	}
	data.extend(adler(rows).to_be_bytes());
	chunk(&mut png, b"IDAT", &data);
	chunk(&mut png, b"IEND", &[]);
	png
}

fn chunk(png: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
	png.extend((data.len() as u32).to_be_bytes());
	let start = png.len();
	png.extend_from_slice(name);
	png.extend_from_slice(data);
	let sum = crc(&png[start..]);
	png.extend(sum.to_be_bytes());
}

fn adler(bytes: &[u8]) -> u32 {
	let (a, b) = bytes.iter().fold((1u32, 0u32), |(a, b), byte| {
		let a = (a + u32::from(*byte)) % 65_521;
		(a, (b + a) % 65_521)
	});
	b << 16 | a
}

fn crc(bytes: &[u8]) -> u32 {
	let folded = bytes.iter().fold(u32::MAX, |sum, byte| {
		(0..8).fold(sum ^ u32::from(*byte), |sum, _| {
			sum >> 1 ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 }
		})
	});
	!folded
}

#[cfg(test)]
mod tests {
	use super::*;

	fn grey(width: u32, height: u32, luma: u8) -> Picture {
		let (pixels, half) = (width * height, width.div_ceil(2) * height.div_ceil(2));
		let mut planes = vec![luma; pixels as usize];
		planes.resize((pixels + 2 * half) as usize, 128);
		Picture { width, height, planes }
	}

	#[test]
	fn sums_should_be_those_of_the_standards() {
		assert_eq!(crc(b"123456789"), 0xcbf4_3926);
		assert_eq!(adler(b"Wikipedia"), 0x11e6_0398);
	}

	#[test]
	fn colours_should_be_those_of_the_standard() {
		assert_eq!(Rgb::of(&grey(4, 4, 16)).pixels[0], [0; 3]);
		assert_eq!(Rgb::of(&grey(4, 4, 235)).pixels[5], [255; 3]);
		let mut red = grey(2, 2, 81);
		red.planes[4] = 90;
		red.planes[5] = 240;
		let [r, g, b] = Rgb::of(&red).pixels[0];
		assert!(r > 250 && g < 5 && b < 5, "{r} {g} {b}");
	}

	#[test]
	fn panels_should_be_what_it_should_be_what_it_is_and_the_difference() {
		let png = side_by_side(&grey(4, 2, 16), &grey(4, 2, 26));
		assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
		assert_eq!(&png[16..24], &[0, 0, 0, 20, 0, 0, 0, 2]);
		// The first row behind signature, header, data's name, zlib's header and one block's.
		let row = &png[8 + 25 + 8 + 2 + 5 + 1..];
		assert_eq!(row[..3], [0; 3]);
		let is = row[3 * (4 + GAP)];
		assert!((10..14).contains(&is), "{is}");
		assert_eq!(row[3 * 2 * (4 + GAP)], is * GAIN as u8);
	}
}
