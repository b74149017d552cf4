//! The name of a toolchain: of what it makes, not of its binaries.

use crate::{
	domain::{tagged_hash, TOOLCHAIN},
	Hash, ToolchainId,
};

/// The canonical profile's version.
pub const PROFILE: u16 = 1;

/// The id of the toolchain whose golden vectors have this digest.
pub fn toolchain_id(profile: u16, golden_digest: Hash) -> ToolchainId {
	tagged_hash(TOOLCHAIN, &(profile, golden_digest))
}

/// Debian 12: FFmpeg 5.1.9-0+deb12u1, libx264 164 (baee400), with profiles 1 and 2,
/// the variant and the probe.
pub const DEBIAN_12_V1: ToolchainId = sp_core::H256([
	0x88, 0xfd, 0xdc, 0x08, 0x2d, 0x72, 0xe2, 0xc8, 0xf7, 0xc6, 0x8e, 0x6b, 0x27, 0xf4, 0xcb, 0xd5,
	0xc8, 0x40, 0x6e, 0x47, 0x2c, 0x78, 0xae, 0xb7, 0x08, 0x7c, 0xb0, 0x78, 0x74, 0x23, 0xe7, 0x3b,
]);
