//! The Merkle-sum tree of a claim.
//!
//! Every node carries the work below it. A position drawn uniformly in `[0, total_work)` therefore
//! lands in a leaf with a probability proportional to its work: overstated work is drawn more
//! often. A proof made for one index is never valid for another, because leaves and nodes have
//! their own tags, a leaf binds its index and the leaf count, a node binds both sums, the leaves
//! are padded with [`Leaf::Empty`] to a power of two, and a proof has exactly as many siblings as
//! the tree is deep. The root commits to the top hash, the total and the count.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::ConstU32;
use sp_runtime::BoundedVec;

use crate::{
	domain::{tagged_hash, LEAF, NODE, ROOT},
	leaf::Leaf,
	Hash, MAX_TREE_DEPTH,
};

/// A node: its hash and the work below it.
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
pub struct SumNode {
	/// Hash of the subtree.
	pub hash: Hash,
	/// Work of the subtree.
	pub work: u64,
}

/// The siblings of a leaf's path, from the leaf up.
pub type SumProof = BoundedVec<SumNode, ConstU32<MAX_TREE_DEPTH>>;

/// What a claim states about its tree.
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
pub struct Commitment {
	/// Root hash, which binds the top node and the leaf count.
	pub root: Hash,
	/// Work of all leaves.
	pub total_work: u64,
	/// Leaves of the claim, without padding.
	pub leaf_count: u32,
}

/// Why a tree cannot be built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TreeError {
	/// No leaf.
	Empty,
	/// More than 2^[`MAX_TREE_DEPTH`] leaves.
	TooManyLeaves,
	/// The work does not fit into 64 bits.
	WorkOverflow,
}

/// Why a proof is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProofError {
	/// The index is not one of the claim's leaves.
	IndexOutOfRange,
	/// The length of the proof differs from the tree's depth.
	WrongLength,
	/// The sums overflow 64 bits or differ from the total.
	WrongTotal,
	/// The path does not end in the root.
	WrongRoot,
}

/// The depth of a tree over `leaf_count` leaves.
pub fn depth(leaf_count: u32) -> u32 {
	// Above 2^31 the next power does not fit; no proof is that long.
	leaf_count.max(1).checked_next_power_of_two().map_or(32, u32::trailing_zeros)
}

/// Hash of the leaf at `index` of a tree over `leaf_count` leaves.
pub fn leaf_hash(leaf: &Leaf, index: u32, leaf_count: u32) -> Hash {
	tagged_hash(LEAF, &(index, leaf_count, leaf.work(), leaf))
}

fn leaf_node(leaf: &Leaf, index: u32, leaf_count: u32) -> SumNode {
	SumNode { hash: leaf_hash(leaf, index, leaf_count), work: leaf.work() }
}

fn parent(left: &SumNode, right: &SumNode) -> Option<SumNode> {
	let work = left.work.checked_add(right.work)?;
	Some(SumNode { hash: tagged_hash(NODE, &(left, right)), work })
}

fn root_hash(top: &SumNode, leaf_count: u32) -> Hash {
	tagged_hash(ROOT, &(top, leaf_count))
}

/// A built tree, kept by the transcoder until its claim is closed.
#[derive(Clone, Debug)]
pub struct SumTree {
	leaf_count: u32,
	/// The levels, from the padded leaves to the top node.
	levels: Vec<Vec<SumNode>>,
}

impl SumTree {
	/// Builds the tree over `leaves`.
	pub fn new(leaves: &[Leaf]) -> Result<Self, TreeError> {
		let leaf_count = u32::try_from(leaves.len()).map_err(|_| TreeError::TooManyLeaves)?;
		if leaf_count == 0 {
			return Err(TreeError::Empty);
		}
		let depth = depth(leaf_count);
		if depth > MAX_TREE_DEPTH {
			return Err(TreeError::TooManyLeaves);
		}
		let width = 1u32 << depth;
		let mut level: Vec<SumNode> = (0..width)
			.map(|i| leaf_node(leaves.get(i as usize).unwrap_or(&Leaf::Empty), i, leaf_count))
			.collect();
		let mut levels = Vec::with_capacity(depth as usize + 1);
		while level.len() > 1 {
			let next = level
				.chunks_exact(2)
				.map(|pair| parent(&pair[0], &pair[1]))
				.collect::<Option<Vec<_>>>()
				.ok_or(TreeError::WorkOverflow)?;
			levels.push(level);
			level = next;
		}
		levels.push(level);
		Ok(Self { leaf_count, levels })
	}

	fn top(&self) -> SumNode {
		// `new` ends with a level of exactly one node.
		self.levels[self.levels.len() - 1][0]
	}

	/// What a claim over this tree states.
	pub fn commitment(&self) -> Commitment {
		let top = self.top();
		Commitment {
			root: root_hash(&top, self.leaf_count),
			total_work: top.work,
			leaf_count: self.leaf_count,
		}
	}

	/// The proof of the leaf at `index`; `None` beyond the claim's leaves.
	pub fn proof(&self, index: u32) -> Option<SumProof> {
		if index >= self.leaf_count {
			return None;
		}
		let path = &self.levels[..self.levels.len() - 1];
		let siblings = path
			.iter()
			.enumerate()
			.map(|(height, level)| level[(index as usize >> height) ^ 1])
			.collect::<Vec<_>>();
		siblings.try_into().ok()
	}

	/// The index of the leaf in which `position` falls; `None` at or beyond the total.
	pub fn leaf_at(&self, position: u64) -> Option<u32> {
		if position >= self.top().work {
			return None;
		}
		let mut index = 0usize;
		let mut rest = position;
		for level in self.levels.iter().rev().skip(1) {
			index *= 2;
			if rest >= level[index].work {
				rest -= level[index].work;
				index += 1;
			}
		}
		Some(index as u32)
	}
}

/// Checks that `leaf` is the one at `index` under `commitment`, and returns the half-open range
/// `[start, start + work)` of positions that fall in it.
pub fn verify(
	commitment: &Commitment,
	index: u32,
	leaf: &Leaf,
	proof: &[SumNode],
) -> Result<core::ops::Range<u64>, ProofError> {
	if index >= commitment.leaf_count {
		return Err(ProofError::IndexOutOfRange);
	}
	if proof.len() as u64 != u64::from(depth(commitment.leaf_count)) {
		return Err(ProofError::WrongLength);
	}
	let mut node = leaf_node(leaf, index, commitment.leaf_count);
	let mut start = 0u64;
	let mut at = index;
	for sibling in proof {
		let is_right = at & 1 == 1;
		let (left, right) = if is_right { (sibling, &node) } else { (&node, sibling) };
		if is_right {
			start = start.checked_add(sibling.work).ok_or(ProofError::WrongTotal)?;
		}
		node = parent(left, right).ok_or(ProofError::WrongTotal)?;
		at >>= 1;
	}
	if node.work != commitment.total_work {
		return Err(ProofError::WrongTotal);
	}
	if root_hash(&node, commitment.leaf_count) != commitment.root {
		return Err(ProofError::WrongRoot);
	}
	// `start + work ≤ total` holds, because both are terms of the checked sum above.
	Ok(start..start.saturating_add(leaf.work()))
}
