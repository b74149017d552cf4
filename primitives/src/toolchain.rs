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
	0x5d, 0xe0, 0x9d, 0x04, 0xf6, 0x24, 0xc0, 0x06, 0xf3, 0x8c, 0xbc, 0xeb, 0x05, 0x06, 0x8e, 0xb7,
	0x75, 0xa3, 0x91, 0x6c, 0x7f, 0xeb, 0x8c, 0x48, 0x42, 0x8d, 0xe6, 0x08, 0x97, 0x87, 0x00, 0x06,
]);
