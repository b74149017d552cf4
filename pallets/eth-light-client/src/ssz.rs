//! The parts of Ethereum's consensus that are hashed, and the hashing: SSZ with SHA-256.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::BoundedVec;
use scale_info::TypeInfo;
use snowbridge_milagro_bls::PublicKey;
use sp_core::{ConstU32, H256};
use sp_io::hashing::sha2_256;

/// Validators in a sync committee.
pub const COMMITTEE: u32 = 512;

/// A key of a validator, compressed.
pub type PackedKey = [u8; 48];

/// A key with both of its coordinates.
pub type UnpackedKey = [u8; 96];

/// The parent of two nodes.
pub fn pair(left: &H256, right: &H256) -> H256 {
	let mut both = [0; 64];
	both[..32].copy_from_slice(left.as_bytes());
	both[32..].copy_from_slice(right.as_bytes());
	sha2_256(&both).into()
}

/// The first 32 of `bytes`, padded with zeros.
pub fn chunk(bytes: &[u8]) -> H256 {
	let mut chunk = [0; 32];
	for (to, from) in chunk.iter_mut().zip(bytes) {
		*to = *from;
	}
	chunk.into()
}

/// A number.
pub fn number(number: u64) -> H256 {
	chunk(&number.to_le_bytes())
}

/// The root over nodes, padded with zeros to a power of two.
pub fn merkle(mut row: Vec<H256>) -> H256 {
	row.resize(row.len().next_power_of_two(), H256::zero());
	while row.len() > 1 {
		row = row.chunks(2).filter_map(|both| Some(pair(both.first()?, both.get(1)?))).collect();
	}
	row.pop().unwrap_or_default()
}

/// A beacon block's header.
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
pub struct BeaconHeader {
	/// The slot of the block.
	pub slot: u64,
	/// The index of its proposer.
	pub proposer_index: u64,
	/// The root of its parent.
	pub parent_root: H256,
	/// The root of the state after it.
	pub state_root: H256,
	/// The root of its body.
	pub body_root: H256,
}

impl BeaconHeader {
	/// Its root, which identifies the block.
	pub fn root(&self) -> H256 {
		merkle(alloc::vec![
			number(self.slot),
			number(self.proposer_index),
			self.parent_root,
			self.state_root,
			self.body_root,
		])
	}
}

/// The root of a key.
fn key_root(key: &PackedKey) -> H256 {
	pair(&chunk(&key[..32]), &chunk(&key[32..]))
}

/// A sync committee in the form of a beacon node.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct SyncCommittee {
	/// The keys of its members.
	pub keys: [PackedKey; COMMITTEE as usize],
	/// Their sum.
	pub sum: PackedKey,
}

impl SyncCommittee {
	/// Its root.
	pub fn root(&self) -> H256 {
		let keys = merkle(self.keys.iter().map(key_root).collect());
		pair(&keys, &key_root(&self.sum))
	}

	/// The committee with its keys unpacked; `None` if one of them is not a point of the curve.
	pub fn prepare(&self) -> Option<PreparedCommittee> {
		// The beacon chain has checked that they are of the right group.
		let unpack = |key: &PackedKey| -> Option<UnpackedKey> {
			Some(PublicKey::from_bytes_unchecked(key).ok()?.as_uncompressed_bytes())
		};
		let keys: Vec<UnpackedKey> = self.keys.iter().map(unpack).collect::<Option<_>>()?;
		Some(PreparedCommittee {
			root: self.root(),
			keys: keys.try_into().ok()?,
			sum: unpack(&self.sum)?,
		})
	}
}

/// A sync committee with unpacked keys. Unpacking takes longer than everything else. It is stored
/// as bytes, because a point in memory has a different form on each machine.
#[derive(Clone, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct PreparedCommittee {
	/// Its root.
	pub root: H256,
	/// The keys of its members.
	pub keys: BoundedVec<UnpackedKey, ConstU32<COMMITTEE>>,
	/// Their sum.
	pub sum: UnpackedKey,
}

/// The signers of a committee, and the signature.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct SyncAggregate {
	/// A bit for each member, the lowest of each byte first.
	pub bits: [u8; COMMITTEE as usize / 8],
	/// The sum of their signatures, compressed.
	pub signature: [u8; 96],
}
