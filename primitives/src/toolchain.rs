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
	0x3f, 0x44, 0xea, 0x27, 0xb6, 0xb9, 0x87, 0xe8, 0x64, 0x16, 0x63, 0x37, 0x95, 0xa5, 0x6d, 0xf7,
	0x9b, 0x81, 0xf9, 0x09, 0x18, 0x39, 0xf4, 0x0c, 0xef, 0x82, 0xea, 0xb5, 0xa2, 0x3a, 0xaa, 0x7a,
]);
