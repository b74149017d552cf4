//! The name of a toolchain, which identifies what it makes, not its binaries.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::ConstU32;
use sp_runtime::BoundedVec;

use crate::{
	domain::{tagged_hash, ATTESTATION, TOOLCHAIN},
	AccountId, Hash, RoundIndex, ToolchainId, WindowIndex,
};

/// The canonical profile's version.
pub const PROFILE: u16 = 1;

/// The id of the toolchain whose golden vectors have this digest.
pub fn toolchain_id(profile: u16, golden_digest: Hash) -> ToolchainId {
	tagged_hash(TOOLCHAIN, &(profile, golden_digest))
}

/// Most toolchains that a judge can lack: as many as governance can list, plus as many retiring
/// ones.
pub const MAX_LACKING: u32 = 32;

/// The toolchains that a judge lacks, ascending.
pub type Lacking = BoundedVec<ToolchainId, ConstU32<MAX_LACKING>>;

/// What a judge has attested of its toolchains, and what it still has to attest. Absent for a judge
/// that lacks none and owes nothing.
#[derive(
	Clone,
	Default,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Attestation {
	/// The beacon window in which it last attested, or in which its evidence was found to be
	/// without the work. It can attest again in a later one.
	pub window: WindowIndex,
	/// The toolchains that it lacks, ascending.
	pub lacking: Lacking,
	/// What keeps it from validating.
	pub owed: Option<Owed>,
}

/// What a judge must attest before it validates again.
#[derive(
	Clone,
	Default,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Owed {
	/// The toolchains of the claims for which it had not done the work: it must lack none of them.
	pub toolchains: Lacking,
	/// The round from which it can validate again, once it has attested.
	pub until: RoundIndex,
}

/// What the verifier key of `verifier` signs in beacon window `window`. `lacking` are the
/// toolchains whose golden vectors its service does not reproduce. The window makes it a current
/// statement: if it was signed in advance or is shown again, it belongs to another window.
pub fn attestation_payload(
	genesis: Hash,
	verifier: &AccountId,
	window: WindowIndex,
	lacking: &Lacking,
) -> Hash {
	tagged_hash(ATTESTATION, &(genesis, verifier, window, lacking))
}

/// Debian 12: FFmpeg 5.1.9-0+deb12u1, libx264 164 (baee400), with profiles 1 and 2,
/// their variant and the probe.
pub const DEBIAN_12_V1: ToolchainId = sp_core::H256([
	0x8d, 0xb4, 0xa7, 0x73, 0x31, 0x17, 0x10, 0xe1, 0xca, 0x6e, 0xd7, 0xbb, 0xdf, 0x28, 0x5d, 0x37,
	0xce, 0x62, 0x1a, 0x9e, 0xfe, 0x06, 0x0c, 0x1e, 0x95, 0x83, 0x80, 0x45, 0x86, 0xd6, 0x53, 0x1c,
]);
