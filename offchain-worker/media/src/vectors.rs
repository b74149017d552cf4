//! The golden vectors: embedded clips, and the format of each one's outputs.

use livepeer_primitives::video::{
	Rendition, SourceLimits, CANONICAL_PROFILE, CAPPED_QUALITY, LONGEST_SEGMENT,
};

/// One golden vector.
#[derive(Debug)]
pub struct Vector {
	/// Its name.
	pub name: &'static str,
	/// The source segment.
	pub source: &'static [u8],
	/// What is made of it.
	pub ladder: &'static [Rendition],
}

const fn one(width: u16, height: u16, kbps: u32) -> Rendition {
	Rendition { width, height, profile: CANONICAL_PROFILE, kbps, cap_kbps: kbps }
}

const fn two(width: u16, height: u16, kbps: u32) -> Rendition {
	Rendition { profile: CAPPED_QUALITY, ..one(width, height, kbps) }
}

macro_rules! vector {
	($name:literal, $($rendition:expr),+) => {
		Vector {
			name: $name,
			source: include_bytes!(concat!("../golden/", $name, ".ts")),
			ladder: &[$($rendition),+],
		}
	};
}

/// The vectors, in order.
pub static VECTORS: [Vector; 11] = [
	vector!(
		"a-1280x720p30",
		one(854, 480, 1200),
		one(640, 360, 800),
		two(854, 480, 1200),
		two(426, 240, 400)
	),
	vector!(
		"b-640x360p25",
		one(1280, 720, 2000),
		one(256, 144, 80),
		two(1280, 720, 2000),
		two(320, 180, 300)
	),
	vector!("c-854x480p29.97", one(640, 360, 600), two(640, 360, 600), two(320, 192, 200)),
	vector!("d-270x480p60", one(180, 320, 250), two(180, 320, 250), two(256, 454, 150)),
	vector!("e-426x240p24", one(426, 240, 300), two(426, 240, 300), two(256, 144, 100)),
	vector!("f-320x180x1", one(256, 144, 100), two(256, 144, 100)),
	vector!("g-3840x2160x3", two(1920, 1080, 4000), two(2560, 1440, 6000)),
	vector!("h-720x576i25", one(640, 360, 500), two(640, 360, 500)),
	vector!("i-full-320x240", one(320, 240, 200), two(256, 192, 150)),
	vector!("j-160x90-10s", two(160, 90, 30)),
	vector!("k-10bit-320x180", two(320, 180, 100)),
];
/// The vector for variants and probes: it has motion everywhere.
pub const MOVING: usize = 1;
/// The vector of the largest pictures.
pub const LARGEST: usize = 6;
/// The vector of a single picture, whose variants all equal the plain encode.
pub const STILL: usize = 5;

/// The clip that a zygote transcodes before it forks: small, but it goes through every part of the pipeline.
pub static WARM: Vector = Vector {
	name: "warm",
	source: include_bytes!("../golden/f-320x180x1.ts"),
	ladder: &[two(64, 36, 100)],
};

/// Limits under which the vectors are made.
pub const LIMITS: SourceLimits =
	SourceLimits { longest: LONGEST_SEGMENT, shortest: 0, ..SourceLimits::new(3840, 2160, 60) };
