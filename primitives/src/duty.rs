//! What a transcoder's duties key signs for the chain. Nothing else protects such a call, so each
//! object names the chain and everything that makes it unique. None can be replayed.

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

/// The most blocks by which an object can be older than the block that accepts it.
pub const DUTY_LIFE: BlockNumber = 32;

/// Shows that the signer still works.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Heartbeat {
	/// Hash of the chain's genesis block.
	pub genesis: Hash,
	/// The block at which it was made: at most [`DUTY_LIFE`] old, never in the future, and after
	/// that of the newest accepted one.
	pub at: BlockNumber,
}

/// Announces how much work the signer takes.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Availability {
	/// Hash of the chain's genesis block.
	pub genesis: Hash,
	/// As in [`Heartbeat::at`].
	pub at: BlockNumber,
	/// Work per second that the machine does; with 0 it takes no new assignment.
	pub capacity: u64,
	/// The profiles that it serves, ascending.
	pub profiles: Profiles,
}

/// Profiles, strictly ascending.
pub type Profiles = BoundedVec<ProfileId, ConstU32<MAX_PROFILES>>;

/// Accepts an assignment.
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
	/// The current generation of the signer's duties keys. Everything that it signs for this
	/// assignment is judged by it.
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
