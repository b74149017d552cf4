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
/// their variant and the probe.
pub const DEBIAN_12_V1: ToolchainId = sp_core::H256([
	0x3f, 0x44, 0xea, 0x27, 0xb6, 0xb9, 0x87, 0xe8, 0x64, 0x16, 0x63, 0x37, 0x95, 0xa5, 0x6d, 0xf7,
	0x9b, 0x81, 0xf9, 0x09, 0x18, 0x39, 0xf4, 0x0c, 0xef, 0x82, 0xea, 0xb5, 0xa2, 0x3a, 0xaa, 0x7a,
]);
