//! The name of a toolchain: of what it makes, not of its binaries.

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

/// Most toolchains that a judge can lack: as many as governance can list, and as many on their way out.
pub const MAX_LACKING: u32 = 32;

/// The toolchains that a judge lacks, ascending.
pub type Lacking = BoundedVec<ToolchainId, ConstU32<MAX_LACKING>>;

/// What a judge has attested of its toolchains, and what it has yet to. Absent for one that lacks none
/// and owes nothing.
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
	/// The beacon window in which it attested last, or its word was found to be without the work: it
	/// attests again in a later one.
	pub window: WindowIndex,
	/// The toolchains that it lacks, ascending.
	pub lacking: Lacking,
	/// What keeps it from validating.
	pub owed: Option<Owed>,
}

/// What a judge has to attest before it validates again.
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
	/// The toolchains of the claims in which it had not done the work: it must lack none of them.
	pub toolchains: Lacking,
	/// The round from which on it may validate again, once it has attested.
	pub until: RoundIndex,
}

/// What the verifier key of `verifier` signs in beacon window `window`: `lacking` are the toolchains of
/// which its service does not make the golden vectors. The window is what makes it a statement of now:
/// signed in advance or shown again, it is of another one.
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
