//! What a transcoder's duties key signs for the chain. Nothing else protects such a call, so each
//! object names the chain and everything that makes it unique: none can be replayed.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::ConstU32;
use sp_runtime::BoundedVec;

use crate::{
	domain::{tagged_hash, ACCEPTANCE, AVAILABILITY, HEARTBEAT},
	keys::Generation,
	video::ProfileId,
	AssignmentIndex, BlockNumber, Hash, JobId, ToolchainId, MAX_PROFILES,
};

/// Most blocks by which an object may be older than the block that takes it.
pub const DUTY_LIFE: BlockNumber = 32;

/// The signer still works.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Heartbeat {
	/// Hash of the chain's genesis block.
	pub genesis: Hash,
	/// The block at which it was made: at most [`DUTY_LIFE`] old, never in the future, and after
	/// the newest one that was taken.
	pub at: BlockNumber,
}

/// How much work the signer takes.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Availability {
	/// Hash of the chain's genesis block.
	pub genesis: Hash,
	/// As in [`Heartbeat::at`].
	pub at: BlockNumber,
	/// Work that the machine does in a second; 0 takes no new assignment.
	pub capacity: u64,
	/// The profiles that it serves, ascending.
	pub profiles: Profiles,
}

/// Profiles, strictly ascending.
pub type Profiles = BoundedVec<ProfileId, ConstU32<MAX_PROFILES>>;

/// The signer takes an assignment.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Acceptance {
	/// Hash of the chain's genesis block.
	pub genesis: Hash,
	/// The job.
	pub job: JobId,
	/// The assignment within the job.
	pub assignment: AssignmentIndex,
	/// The current generation of the broadcaster's segment keys.
	pub broadcaster_keys: Generation,
	/// The current generation of the signer's duties keys, by which all that it signs for this
	/// assignment is judged.
	pub transcoder_keys: Generation,
	/// The toolchain with which it will work.
	pub toolchain: ToolchainId,
}

macro_rules! signed_as {
	($($object:ident: $tag:ident,)*) => {$(
		impl $object {
			/// The hash that the transcoder signs.
			pub fn hash(&self) -> Hash {
				tagged_hash($tag, self)
			}
		}
	)*};
}
signed_as! { Heartbeat: HEARTBEAT, Availability: AVAILABILITY, Acceptance: ACCEPTANCE, }
