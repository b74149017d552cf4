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

/// Debian 12: FFmpeg 5.1.9-0+deb12u1, libx264 164 (baee400), under profile 1.
pub const DEBIAN_12_V1: ToolchainId = sp_core::H256([
	0xf1, 0xb0, 0xf3, 0x25, 0x0d, 0xd9, 0x39, 0x16, 0x10, 0xb5, 0xc2, 0x07, 0x7a, 0x58, 0xb6, 0xf9,
	0x7c, 0x4b, 0x24, 0xb0, 0x92, 0xa0, 0x67, 0x9a, 0xbd, 0xf8, 0x17, 0xab, 0x30, 0xea, 0x42, 0x9d,
]);
