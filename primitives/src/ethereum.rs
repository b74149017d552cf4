//! The contracts between pallets about Ethereum.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::{ConstU32, H256};
use sp_runtime::{BoundedVec, DispatchError};
use sp_weights::Weight;

/// The longest branch in a proof about a beacon block or state. Gloas needs eleven nodes.
pub const MAX_BRANCH: u32 = 16;
/// The longest header of an execution block in RLP, in bytes. Those of Amsterdam have about 700.
pub const MAX_HEADER: u32 = 1_024;

/// Sibling hashes from a leaf to its root, the leaf's sibling first.
pub type Branch = BoundedVec<H256, ConstU32<MAX_BRANCH>>;

/// Proves an execution block by a finalised beacon block: the branch leads from the execution
/// block's hash to the root of the beacon block's body, and the header has that hash.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct HeaderProof {
	/// The root of a beacon block that is finalised for the light client.
	pub finalized_root: H256,
	/// The branch of the execution block's hash in the beacon block's body. From Gloas on this is
	/// the parent's hash, because the body no longer commits to its own execution block.
	pub hash_branch: Branch,
	/// The execution block's header in RLP.
	pub header: BoundedVec<u8, ConstU32<MAX_HEADER>>,
}

/// A finalised execution block.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct ExecutionBlock {
	/// Its hash.
	pub hash: H256,
	/// Its height.
	pub number: u64,
	/// Its time, in seconds of Unix time.
	pub timestamp: u64,
	/// The root of the state after it.
	pub state_root: H256,
}

/// The health of the light client.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum ClientHealth {
	/// Governance has not set a checkpoint yet.
	NotBootstrapped,
	/// Ethereum has forked at this epoch, and this chain does not know the fork's layout. Nothing
	/// is accepted until governance has set it.
	UnknownFork {
		/// The first epoch of the fork.
		epoch: u64,
	},
	/// The newest finalised block is too old to prove anything. An update solves this.
	Stale {
		/// Its age in slots.
		age: u64,
	},
	/// The newest finalised block is so old that its signers may have left with their stake, so
	/// updates prove nothing. Governance must set a new checkpoint.
	Expired {
		/// Its age in slots.
		age: u64,
	},
	/// The client follows Ethereum.
	Following,
}

/// Ethereum, as far as its light client has followed it.
pub trait EthereumChain {
	/// The execution block that `proof` proves.
	///
	/// # Errors
	///
	/// If the proof is wrong, its beacon block is not known (any more), or the client is in any
	/// state but [`ClientHealth::Following`].
	fn execution_block(proof: &HeaderProof) -> Result<ExecutionBlock, DispatchError>;
	/// The client's health.
	fn health() -> ClientHealth;
	/// The most weight that [`Self::execution_block`] takes.
	fn weight() -> Weight;
	/// For benchmarks: creates a client for which the proof is valid, and the proof, of a block
	/// with this state root.
	#[cfg(feature = "runtime-benchmarks")]
	fn make_block(number: u64, state_root: H256) -> HeaderProof;
}
