//! A decoded picture as bytes.

use codec::{Decode, Encode};
use ffmpeg_next::frame;

use crate::{ffi, limits::Failure};

/// One decoded picture, without padding: the rows of its three planes.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Picture {
	/// Its width.
	pub width: u32,
	/// Its height.
	pub height: u32,
	/// Luma, then both chroma planes of half the width and height, rounded up.
	pub planes: Vec<u8>,
}

impl Picture {
	/// From a decoded frame; an error if it has no such planes.
	pub(crate) fn of(frame: &frame::Video) -> Result<Self, Failure> {
		let ffi::Picture { width, height, .. } = ffi::picture(frame);
		let mut planes = Vec::new();
		ffi::for_each_row(frame, |row| planes.extend_from_slice(row))
			.map_err(|e| Failure::internal("picture", e))?;
		Ok(Self { width, height, planes })
	}

	/// Whether its number of bytes fits its size.
	pub(crate) fn is_whole(&self) -> bool {
		let side = |side: u32| u64::from(side);
		let half = |side: u32| u64::from(side.div_ceil(2));
		let chroma = half(self.width) * half(self.height);
		self.planes.len() as u64 == side(self.width) * side(self.height) + 2 * chroma
	}
}
