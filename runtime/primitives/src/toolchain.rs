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
