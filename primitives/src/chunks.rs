//! The chunk tree: checks a segment or an output 64 KiB at a time.
//!
//! It is the Merkle tree of RFC 9162 section 2.1 over SHA-256: a chunk's node is
//! `SHA-256(0x00 ‖ chunk)`, an inner node `SHA-256(0x01 ‖ left ‖ right)`, and the left part of a
//! tree over n chunks contains the largest power of two below n. Chunks have [`CHUNK`] bytes; the
//! last one has the rest. The root of no bytes is that of one empty chunk. Browsers have everything
//! needed built in. A root does not bind the number of chunks, so it is always signed together with
//! the length.

use alloc::vec::Vec;
use sp_core::H256;
use sp_io::hashing::sha2_256;

/// Bytes of a chunk.
pub const CHUNK: usize = 64 * 1024;

/// The node of one chunk.
pub fn chunk_node(chunk: &[u8]) -> H256 {
	let mut bytes = Vec::with_capacity(1 + chunk.len());
	bytes.push(0);
	bytes.extend_from_slice(chunk);
	H256(sha2_256(&bytes))
}

fn parent(left: &H256, right: &H256) -> H256 {
	let mut bytes = [1u8; 65];
	bytes[1..33].copy_from_slice(left.as_bytes());
	bytes[33..].copy_from_slice(right.as_bytes());
	H256(sha2_256(&bytes))
}

/// Chunks of `len` bytes.
pub fn chunk_count(len: u64) -> u64 {
	len.div_ceil(CHUNK as u64).max(1)
}

/// The nodes of the chunks of `bytes`, in order.
pub fn chunk_nodes(bytes: &[u8]) -> Vec<H256> {
	if bytes.is_empty() {
		return alloc::vec![chunk_node(bytes)];
	}
	bytes.chunks(CHUNK).map(chunk_node).collect()
}

/// The root over `bytes`.
pub fn chunk_root(bytes: &[u8]) -> H256 {
	root(&chunk_nodes(bytes))
}

/// How many of `count` chunks are to the left of the first split.
fn split(count: usize) -> usize {
	count.next_power_of_two() / 2
}

/// The root over the nodes of chunks; without any, that of one empty chunk.
pub fn root(nodes: &[H256]) -> H256 {
	match nodes {
		[] => chunk_node(&[]),
		[node] => *node,
		_ => {
			let (left, right) = nodes.split_at(split(nodes.len()));
			parent(&root(left), &root(right))
		}
	}
}

/// The siblings of the path of chunk `index`, from the chunk up; `None` beyond the last chunk.
pub fn proof(nodes: &[H256], index: usize) -> Option<Vec<H256>> {
	match nodes.len() {
		count if index >= count => None,
		1 => Some(Vec::new()),
		count => {
			let (left, right) = nodes.split_at(split(count));
			let (mut path, sibling) = if index < left.len() {
				(proof(left, index)?, root(right))
			} else {
				(proof(right, index - left.len())?, root(left))
			};
			path.push(sibling);
			Some(path)
		}
	}
}

/// The proof of the chunks from `first` up to `end` together: the roots of the largest parts of the
/// tree that contain none of them, from left to right; `None` if there are no such chunks.
pub fn range_proof(nodes: &[H256], first: usize, end: usize) -> Option<Vec<H256>> {
	fn beside(nodes: &[H256], first: usize, end: usize, proof: &mut Vec<H256>) {
		if first >= nodes.len() || end == 0 {
			proof.push(root(nodes));
		} else if first > 0 || end < nodes.len() {
			let at = split(nodes.len());
			let (left, right) = nodes.split_at(at);
			beside(left, first, end.min(at), proof);
			beside(right, first.saturating_sub(at), end.saturating_sub(at), proof);
		}
	}
	if first >= end || end > nodes.len() {
		return None;
	}
	let mut proof = Vec::new();
	beside(nodes, first, end, &mut proof);
	Some(proof)
}

/// The root over `len` bytes, of which `chunks` are those from chunk `first` on and `proof` covers
/// the rest. `None` if they are not whole chunks of that many bytes, or the proof has the wrong
/// number of nodes.
pub fn range_root(len: u64, first: u64, chunks: &[u8], proof: &[H256]) -> Option<H256> {
	fn climb<'a>(
		count: usize,
		first: usize,
		end: usize,
		nodes: &mut impl Iterator<Item = &'a H256>,
		proof: &mut impl Iterator<Item = &'a H256>,
	) -> Option<H256> {
		if first >= count || end == 0 {
			return proof.next().copied();
		}
		if count == 1 {
			return nodes.next().copied();
		}
		let at = split(count);
		let left = climb(at, first, end.min(at), nodes, proof)?;
		let (first, end) = (first.saturating_sub(at), end.saturating_sub(at));
		let right = climb(count.saturating_sub(at), first, end, nodes, proof)?;
		Some(parent(&left, &right))
	}
	let left = len.checked_sub(first.checked_mul(CHUNK as u64)?)?;
	let have = chunks.len() as u64;
	let is_whole = have == left || (have < left && have.is_multiple_of(CHUNK as u64));
	if !is_whole || (have == 0 && len > 0) {
		return None;
	}
	let nodes = chunk_nodes(chunks);
	let (count, first) = (usize::try_from(chunk_count(len)).ok()?, usize::try_from(first).ok()?);
	let end = first.checked_add(nodes.len())?;
	let mut proof = proof.iter();
	let root = climb(count, first, end, &mut nodes.iter(), &mut proof)?;
	proof.next().is_none().then_some(root)
}

/// Whether `chunk` is the one at `index` of the `len` bytes under `root`. The length of each chunk
/// follows from `len`, so a truncated or extended chunk never matches.
pub fn verify(root: &H256, len: u64, index: u64, chunk: &[u8], proof: &[H256]) -> bool {
	let count = chunk_count(len);
	if index >= count {
		return false;
	}
	let expected = len.saturating_sub(index.saturating_mul(CHUNK as u64)).min(CHUNK as u64);
	if chunk.len() as u64 != expected {
		return false;
	}
	// Section 2.1.3.2 of the RFC.
	let (mut at, mut last) = (index, count - 1);
	let mut node = chunk_node(chunk);
	for sibling in proof {
		if last == 0 {
			return false;
		}
		if at & 1 == 1 || at == last {
			node = parent(sibling, &node);
			while at & 1 == 0 && at != 0 {
				at >>= 1;
				last >>= 1;
			}
		} else {
			node = parent(&node, sibling);
		}
		at >>= 1;
		last >>= 1;
	}
	last == 0 && node == *root
}
