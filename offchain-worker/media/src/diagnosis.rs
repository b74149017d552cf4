//! Measures how far pictures are off, in integers: to explain what is wrong with an output, and for a tier in
//! which outputs need not be equal byte for byte.
//!
//! Nothing here is part of a verdict: a judge of the exact tier never uses it. All numbers come from sums of
//! squared differences of samples, without floating point, so that every machine finds the same.
//! `docs/hardware-tier.md` says what they can be used for, and how often they are wrong.

use std::slice::ChunksExact;

use codec::{Decode, Encode};

use crate::picture::Picture;

/// Side of a luma tile in pixels; a chroma tile covers the same part of the picture. It is that of a
/// macroblock, the smallest part in which an encoder decides where its bits go. The smaller the tiles, the
/// more they differ between honest encoders; but a change of a part of the picture stands out even more. With
/// the same false rejects, tiles of 32 or 64 find less.
pub const TILE: usize = 16;

/// An invisible squared difference per sample, added to both sides of a ratio. So an encode is not rejected
/// only because the right one is nearly lossless.
const UNSEEN: u64 = 4;

/// How much more a smaller part may depart than a whole plane, because encoders spend their bits in different
/// places.
const PICTURE_ALLOWANCE: u32 = 4;
const TILE_ALLOWANCE: u32 = 6;
const SPOT_ALLOWANCE: u32 = 20;

/// The largest [`Ratios::excess`] that a tier without byte comparison would accept: twice the squared error,
/// which is 3 dB.
pub const NEAR: u32 = 200;

/// A picture by its place in the order in which they are shown, and its error.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct PictureError {
	/// Which picture.
	pub picture: u32,
	/// Mean squared difference of its luma, in thousandths.
	pub error: u64,
}

/// A tile of one picture, and its error.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct TileError {
	/// Which picture, in the order in which they are shown.
	pub picture: u32,
	/// Luma (0), blue (1) or red (2) chroma.
	pub plane: u8,
	/// Left edge, in pixels of luma.
	pub x: u32,
	/// Upper edge, in pixels of luma.
	pub y: u32,
	/// Mean squared difference of its samples, in thousandths.
	pub error: u64,
}

/// How much farther from the source an output is than the toolchain's: the largest ratios of their squared
/// errors among parts of one kind, in hundredths. 100 means equally near.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Ratios {
	/// Of a plane over the whole segment: shows bit rate, size, colours.
	pub whole: u32,
	/// Of a plane of one picture: shows frozen, exchanged and blurred pictures.
	pub picture: u32,
	/// Of a tile over the whole segment: shows permanent overlays.
	pub tile: u32,
	/// Of a tile of one picture.
	pub spot: u32,
}

impl Ratios {
	/// All four as one number: the largest, each divided by its allowance.
	pub fn excess(&self) -> u32 {
		self.whole
			.max(self.picture / PICTURE_ALLOWANCE)
			.max(self.tile / TILE_ALLOWANCE)
			.max(self.spot / SPOT_ALLOWANCE)
	}

	/// Whether the output is about as near to the source as the toolchain's.
	pub fn is_near(&self) -> bool {
		self.excess() <= NEAR
	}
}

/// How far an output is from the toolchain's, and both from the source. Errors of planes (luma, blue and red
/// chroma) are means of squared differences over all pictures, in thousandths.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Diagnosis {
	/// Pictures that were compared.
	pub pictures: u32,
	/// The output against what the toolchain makes.
	pub difference: [u64; 3],
	/// The output against the source, scaled to its size.
	pub from_source: [u64; 3],
	/// What the toolchain makes against the same.
	pub right_from_source: [u64; 3],
	/// The first picture of the largest difference.
	pub worst_picture: PictureError,
	/// The first tile of the largest difference.
	pub worst_tile: TileError,
	/// The criterion of a tier without byte comparison.
	pub ratios: Ratios,
}

/// Gathers a [`Diagnosis`], picture by picture.
pub(crate) struct Measure {
	size: (u32, u32),
	planes: [Plane; 3],
	found: Diagnosis,
}

/// The sums of one plane.
struct Plane {
	width: usize,
	height: usize,
	/// Side of its tiles.
	tile: usize,
	/// Its offset in a picture's bytes.
	start: usize,
	/// Samples of each tile, row by row.
	samples: Vec<u64>,
	/// Squared differences over all pictures: the output from what is right.
	difference: u64,
	/// By tile: what is right from the source.
	right: Vec<u64>,
	/// By tile: the output from the source.
	output: Vec<u64>,
}

impl Plane {
	fn new(width: usize, height: usize, tile: usize, start: usize) -> Self {
		let sides = |length: usize| (0..length).step_by(tile).map(move |at| tile.min(length - at));
		let samples: Vec<u64> = sides(height)
			.flat_map(|rows| sides(width).map(move |columns| (rows * columns) as u64))
			.collect();
		let none = vec![0; samples.len()];
		let (right, output) = (none.clone(), none);
		Self { width, height, tile, start, samples, difference: 0, right, output }
	}

	/// Tiles beside each other.
	fn across(&self) -> usize {
		self.width.div_ceil(self.tile)
	}

	/// Its rows in a picture of its size.
	fn rows<'a>(&self, picture: &'a Picture) -> ChunksExact<'a, u8> {
		picture.planes[self.start..][..self.width * self.height].chunks_exact(self.width)
	}

	/// Squared differences of two pictures by tile.
	fn sums(&self, one: &Picture, other: &Picture) -> Vec<u64> {
		let mut sums = vec![0u64; self.samples.len()];
		for (y, (one, other)) in self.rows(one).zip(self.rows(other)).enumerate() {
			let first = y / self.tile * self.across();
			let tiles = one.chunks(self.tile).zip(other.chunks(self.tile));
			for (sum, (one, other)) in sums[first..].iter_mut().zip(tiles) {
				let squares = one.iter().zip(other).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2));
				*sum += u64::from(squares.sum::<u32>());
			}
		}
		sums
	}
}

impl Measure {
	/// For pictures of this size, which must not be empty.
	pub(crate) fn new(width: u32, height: u32) -> Self {
		let (w, h) = (width as usize, height as usize);
		let (half_w, half_h) = (w.div_ceil(2), h.div_ceil(2));
		let chroma = |start| Plane::new(half_w, half_h, TILE / 2, start);
		Self {
			size: (width, height),
			planes: [Plane::new(w, h, TILE, 0), chroma(w * h), chroma(w * h + half_w * half_h)],
			found: Diagnosis::default(),
		}
	}

	/// Adds the next picture: the scaled source's, the right one, and the output's. Fails if they have other
	/// sizes.
	pub(crate) fn add(
		&mut self,
		source: &Picture,
		right: &Picture,
		output: &Picture,
	) -> Result<(), &'static str> {
		let is_of_size = |p: &&Picture| (p.width, p.height) == self.size && p.is_whole();
		if ![source, right, output].iter().all(is_of_size) {
			return Err("pictures of several sizes");
		}
		let found = &mut self.found;
		let picture = found.pictures;
		found.pictures += 1;
		for (number, plane) in (0u8..).zip(&mut self.planes) {
			let difference = plane.sums(right, output);
			let of_right = plane.sums(source, right);
			let of_output = plane.sums(source, output);
			let samples = total(&plane.samples);
			let error = mean(total(&difference), samples);
			if number == 0 && error > found.worst_picture.error {
				found.worst_picture = PictureError { picture, error };
			}
			let whole = ratio(total(&of_output), total(&of_right), samples);
			found.ratios.picture = found.ratios.picture.max(whole);
			for (tile, samples) in plane.samples.iter().enumerate() {
				let error = mean(difference[tile], *samples);
				if error > found.worst_tile.error {
					let edge = |place: usize| (place * TILE) as u32;
					let (x, y) = (edge(tile % plane.across()), edge(tile / plane.across()));
					found.worst_tile = TileError { picture, plane: number, x, y, error };
				}
				let spot = ratio(of_output[tile], of_right[tile], *samples);
				found.ratios.spot = found.ratios.spot.max(spot);
			}
			plane.difference = plane.difference.saturating_add(total(&difference));
			gather(&mut plane.right, &of_right);
			gather(&mut plane.output, &of_output);
		}
		Ok(())
	}

	/// The result for all pictures.
	pub(crate) fn finish(self) -> Diagnosis {
		let mut found = self.found;
		let pictures = u64::from(found.pictures);
		for (place, plane) in self.planes.iter().enumerate() {
			let samples = total(&plane.samples).saturating_mul(pictures);
			let (right, output) = (total(&plane.right), total(&plane.output));
			found.difference[place] = mean(plane.difference, samples);
			found.from_source[place] = mean(output, samples);
			found.right_from_source[place] = mean(right, samples);
			found.ratios.whole = found.ratios.whole.max(ratio(output, right, samples));
			let tiles = plane.samples.iter().zip(plane.output.iter().zip(&plane.right));
			for (samples, (output, right)) in tiles {
				let tile = ratio(*output, *right, samples.saturating_mul(pictures));
				found.ratios.tile = found.ratios.tile.max(tile);
			}
		}
		found
	}
}

fn gather(sums: &mut [u64], more: &[u64]) {
	for (sum, more) in sums.iter_mut().zip(more) {
		*sum = sum.saturating_add(*more);
	}
}

fn total(sums: &[u64]) -> u64 {
	sums.iter().fold(0, |total: u64, sum| total.saturating_add(*sum))
}

/// A mean in thousandths.
fn mean(sum: u64, samples: u64) -> u64 {
	sum.saturating_mul(1_000) / samples.max(1)
}

/// The ratio of an output's squared differences to those of the right one, in hundredths.
fn ratio(output: u64, right: u64, samples: u64) -> u32 {
	let unseen = samples.saturating_mul(UNSEEN);
	let (output, right) = (output.saturating_add(unseen), right.saturating_add(unseen));
	u32::try_from(output.saturating_mul(100) / right.max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
	use super::*;

	/// 50 pixels wide and 33 high, so that the last tiles are not whole.
	fn grey(luma: u8) -> Picture {
		let (width, height) = (50, 33);
		let mut planes = vec![luma; 50 * 33];
		planes.resize(50 * 33 + 2 * 25 * 17, 128);
		Picture { width, height, planes }
	}

	fn measured(pictures: &[[&Picture; 3]]) -> Diagnosis {
		let mut measure = Measure::new(50, 33);
		for [source, right, output] in pictures {
			measure.add(source, right, output).expect("of one size");
		}
		measure.finish()
	}

	#[test]
	fn equal_pictures_should_have_no_error_and_be_as_near() {
		let grey = grey(90);
		let found = measured(&[[&grey; 3]; 2]);
		let even = Ratios { whole: 100, picture: 100, tile: 100, spot: 100 };
		assert_eq!(found, Diagnosis { pictures: 2, ratios: even, ..Diagnosis::default() });
		assert_eq!((even.excess(), even.is_near()), (100, true));
	}

	#[test]
	fn worst_picture_and_tile_should_be_found_where_they_are() {
		let (source, right) = (grey(90), grey(92));
		let mut output = right.clone();
		// One sample of a tile of the last row, which is one pixel high.
		output.planes[32 * 50 + 40] = 101;
		let found = measured(&[[&source, &right, &right], [&source, &right, &output]]);
		// 81 in one of the two pictures, which have 1,650 samples each; the tile has 16.
		assert_eq!(found.difference, [81_000 / 3_300, 0, 0]);
		assert_eq!(found.worst_picture, PictureError { picture: 1, error: 81_000 / 1_650 });
		let tile = TileError { picture: 1, plane: 0, x: 32, y: 32, error: 81_000 / 16 };
		assert_eq!(found.worst_tile, tile);
		assert_eq!(found.right_from_source, [4_000, 0, 0]);
		// 121 instead of 4 in one sample.
		assert_eq!(found.from_source, [(2 * 1_650 * 4 + 117) * 1_000 / 3_300, 0, 0]);
		let of = |samples: u32| (8 * samples + 117) * 100 / (8 * samples);
		let expected = Ratios { whole: of(3_300), picture: of(1_650), tile: of(32), spot: of(16) };
		assert_eq!(found.ratios, expected);
	}

	#[test]
	fn chroma_should_be_measured_like_luma() {
		let right = grey(90);
		let mut output = right.clone();
		let red = 50 * 33 + 25 * 17;
		output.planes[red..].fill(138);
		let found = measured(&[[&right, &right, &output]]);
		assert_eq!(found.difference, [0, 0, 100_000]);
		assert_eq!(found.worst_picture, PictureError::default());
		let tile = TileError { picture: 0, plane: 2, x: 0, y: 0, error: 100_000 };
		assert_eq!(found.worst_tile, tile);
		// 100 and 4 in place of 4.
		assert_eq!(found.ratios.whole, 2_600);
		assert!(!found.ratios.is_near());
	}

	#[test]
	fn smaller_parts_should_be_allowed_more() {
		let near = |ratios: Ratios| ratios.is_near();
		let even = Ratios { whole: 100, picture: 100, tile: 100, spot: 100 };
		assert!(near(Ratios { whole: 200, ..even }) && !near(Ratios { whole: 201, ..even }));
		assert!(near(Ratios { picture: 800, ..even }) && !near(Ratios { picture: 804, ..even }));
		assert!(near(Ratios { tile: 1_200, ..even }) && !near(Ratios { tile: 1_206, ..even }));
		assert!(near(Ratios { spot: 4_000, ..even }) && !near(Ratios { spot: 4_020, ..even }));
	}

	#[test]
	fn pictures_of_another_size_should_be_refused() {
		let grey = grey(90);
		let mut measure = Measure::new(50, 33);
		let cut = Picture { height: 32, ..grey.clone() };
		assert!(measure.add(&grey, &grey, &cut).is_err());
		let torn = Picture { planes: vec![90; 7], ..grey.clone() };
		assert!(measure.add(&grey, &torn, &grey).is_err());
		assert_eq!(measure.finish().pictures, 0);
	}

	#[test]
	fn sums_should_stop_at_the_largest_number() {
		assert_eq!(mean(u64::MAX, 1), u64::MAX);
		assert_eq!(ratio(u64::MAX, 0, 1), u32::MAX);
		assert_eq!(ratio(u64::MAX, u64::MAX, u64::MAX), 1);
		assert_eq!(total(&[u64::MAX, 1]), u64::MAX);
	}
}
