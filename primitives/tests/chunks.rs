//! The chunk tree: RFC 9162's own numbers, and every proof that must be refused.
#![allow(missing_docs, clippy::unwrap_used)]

use livepeer_primitives::chunks::{
	chunk_count, chunk_node, chunk_nodes, chunk_root, proof, range_proof, range_root, root, verify,
	CHUNK,
};
use proptest::prelude::*;
use sp_core::H256;

/// Bytes in which all chunks differ.
fn bytes(len: usize) -> Vec<u8> {
	(0..len).map(|i| (i % 251) as u8 ^ (i / CHUNK) as u8).collect()
}

fn chunk(bytes: &[u8], index: usize) -> &[u8] {
	let end = bytes.len().min((index + 1) * CHUNK);
	&bytes[end.min(index * CHUNK)..end]
}

fn hashes(text: &[&str]) -> Vec<H256> {
	text.iter().map(|hex| H256::from_slice(&hex::decode(hex).unwrap())).collect()
}

/// The leaves, roots and paths with which Certificate Transparency logs are tested.
#[test]
fn roots_and_paths_should_be_those_of_certificate_transparency() {
	let leaves: Vec<H256> = [
		"",
		"00",
		"10",
		"2021",
		"3031",
		"40414243",
		"5051525354555657",
		"606162636465666768696a6b6c6d6e6f",
	]
	.iter()
	.map(|leaf| chunk_node(&hex::decode(leaf).unwrap()))
	.collect();
	let roots = hashes(&[
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	]);
	for (count, expected) in roots.iter().enumerate() {
		assert_eq!(root(&leaves[..=count]), *expected, "{} leaves", count + 1);
	}
	let path = |index, count| proof(&leaves[..count], index).unwrap();
	assert_eq!(
		path(0, 8),
		hashes(&[
			"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
		])
	);
	assert_eq!(
		path(5, 8),
		hashes(&[
			"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
			"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
			"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		])
	);
	assert_eq!(
		path(2, 3),
		hashes(&["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"])
	);
}

#[test]
fn no_bytes_should_be_one_empty_chunk() {
	assert_eq!(CHUNK, 65_536, "a part of the format");
	let empty = chunk_node(&[]);
	assert_eq!(chunk_root(&[]), empty);
	assert_eq!(root(&[]), empty);
	assert_eq!(chunk_nodes(&[]), [empty]);
	assert_eq!(chunk_count(0), 1);
	assert!(verify(&empty, 0, 0, &[], &[]));
	assert!(!verify(&empty, 1, 0, &[], &[]));
	assert!(!verify(&empty, 0, 1, &[], &[]));
	assert!(!verify(&empty, 0, 0, &[0], &[]));
}

#[test]
fn every_chunk_should_verify_at_its_own_place_only() {
	for count in 0..=20usize {
		// The last chunk is short, whole, or one byte long.
		for tail in [1, 1_000, CHUNK] {
			let len = count.saturating_sub(1) * CHUNK + if count == 0 { 0 } else { tail };
			let bytes = bytes(len);
			let nodes = chunk_nodes(&bytes);
			let (root, total) = (chunk_root(&bytes), len as u64);
			assert_eq!(chunk_count(total), nodes.len() as u64);
			assert_eq!(proof(&nodes, nodes.len()), None);
			for index in 0..nodes.len() {
				let path = proof(&nodes, index).unwrap();
				let own = chunk(&bytes, index);
				assert!(verify(&root, total, index as u64, own, &path), "{index} of {count}");
				for other in (0..nodes.len() as u64 + 3).filter(|at| *at != index as u64) {
					assert!(!verify(&root, total, other, own, &path), "{index} as {other}");
				}
				assert!(!verify(&root, total, u64::MAX, own, &path));
			}
		}
	}
}

#[test]
fn wrong_lengths_should_be_refused() {
	let bytes = bytes(4 * CHUNK + 1_000);
	let (nodes, root, len) = (chunk_nodes(&bytes), chunk_root(&bytes), bytes.len() as u64);
	let path = proof(&nodes, 4).unwrap();
	let last = chunk(&bytes, 4);
	assert!(verify(&root, len, 4, last, &path));
	// The chunk is shortened or extended. With the length that would fit it, the tree keeps its
	// shape and only the chunk's own hash differs.
	let grown = [last, &[0]].concat();
	for other in [&last[..999], &last[1..], &[], &grown[..]] {
		assert!(!verify(&root, len, 4, other, &path));
		let fitting = 4 * CHUNK as u64 + other.len() as u64;
		assert!(!verify(&root, fitting, 4, other, &path));
	}
	// Another total length, which determines the last chunk.
	for other in [0, 1, len - 1, len + 1, len + CHUNK as u64, 4 * CHUNK as u64, u64::MAX] {
		assert!(!verify(&root, other, 4, last, &path), "{other}");
	}
	// Proofs with one sibling too few or too many.
	for cut in 0..path.len() {
		assert!(!verify(&root, len, 4, last, &path[..cut]));
	}
	for at in 0..=path.len() {
		let mut long = path.clone();
		long.insert(at, H256::zero());
		assert!(!verify(&root, len, 4, last, &long));
	}
}

/// The bytes of chunks `first..end`.
fn range(bytes: &[u8], first: usize, end: usize) -> &[u8] {
	&bytes[first * CHUNK..bytes.len().min(end * CHUNK)]
}

#[test]
fn every_range_should_lead_to_the_root_from_its_own_place_only() {
	for count in 0..=9usize {
		for tail in [1, CHUNK] {
			let len = count.saturating_sub(1) * CHUNK + if count == 0 { 0 } else { tail };
			let bytes = bytes(len);
			let (nodes, root, total) = (chunk_nodes(&bytes), chunk_root(&bytes), len as u64);
			for first in 0..nodes.len() {
				for end in first + 1..=nodes.len() {
					let proof = range_proof(&nodes, first, end).unwrap();
					let own = range(&bytes, first, end);
					let found = |first: usize| range_root(total, first as u64, own, &proof);
					assert_eq!(found(first), Some(root), "{first}..{end} of {count}");
					for other in (0..nodes.len() + 3).filter(|at| *at != first) {
						assert_ne!(found(other), Some(root), "{first}..{end} at {other}");
					}
				}
			}
			for (first, end) in [(0, 0), (1, 1), (1, 0), (0, nodes.len() + 1), (usize::MAX, 0)] {
				assert_eq!(range_proof(&nodes, first, end), None, "{first}..{end} of {count}");
			}
		}
	}
}

#[test]
fn ranges_that_are_no_whole_chunks_should_lead_nowhere() {
	let bytes = bytes(4 * CHUNK + 1_000);
	let (nodes, root, len) = (chunk_nodes(&bytes), chunk_root(&bytes), bytes.len() as u64);
	let proof = range_proof(&nodes, 1, 3).unwrap();
	let own = range(&bytes, 1, 3);
	assert_eq!(range_root(len, 1, own, &proof), Some(root));
	let grown = [own, &[0]].concat();
	for other in [&own[1..], &own[..CHUNK + 1], &own[..0], &grown[..]] {
		assert_eq!(range_root(len, 1, other, &proof), None);
	}
	for (len, first) in [(0, 1), (len, u64::MAX), (u64::MAX, u64::MAX), (CHUNK as u64, 1)] {
		assert_eq!(range_root(len, first, own, &proof), None, "{first} of {len}");
		assert_eq!(range_root(len, first, &[], &[]), None, "{first} of {len}");
	}
	for cut in 0..proof.len() {
		assert_eq!(range_root(len, 1, own, &proof[..cut]), None);
	}
	for at in 0..=proof.len() {
		let mut long = proof.clone();
		long.insert(at, H256::zero());
		assert_ne!(range_root(len, 1, own, &long), Some(root));
	}
	// An impossible length costs no work.
	assert_eq!(range_root(u64::MAX, 0, own, &proof), None);
	assert_eq!(range_root(0, 0, &[], &[]), Some(chunk_root(&[])));
}

/// The last chunk of an odd level moves up without a sibling. Its path must not verify for the
/// place that it would have with a sibling.
#[test]
fn promoted_chunk_should_not_verify_at_an_alias() {
	let bytes = bytes(2 * CHUNK + 5);
	let (nodes, root, len) = (chunk_nodes(&bytes), chunk_root(&bytes), bytes.len() as u64);
	let path = proof(&nodes, 2).unwrap();
	assert_eq!(path.len(), 1);
	let last = chunk(&bytes, 2);
	for index in 0..64 {
		assert_eq!(verify(&root, len, index, last, &path), index == 2);
	}
	// The root alone does not bind the number of chunks, so every format that carries a root
	// carries the length too.
	assert!(verify(&root, CHUNK as u64 + 5, 1, last, &path));
}

#[test]
fn inner_node_should_not_pass_as_a_chunk() {
	// Without the byte in front, the parent of two chunks over 64 bytes would be a chunk of 64
	// bytes.
	let bytes = bytes(2 * CHUNK);
	let nodes = chunk_nodes(&bytes);
	let inner = [nodes[0].as_bytes(), nodes[1].as_bytes()].concat();
	assert!(!verify(&chunk_root(&bytes), 64, 0, &inner, &[]));
	assert_ne!(chunk_node(&inner), root(&nodes));
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(32))]

	#[test]
	fn changed_bytes_siblings_and_roots_should_be_refused(
		count in 1usize..12,
		tail in 1usize..=CHUNK,
		pick in any::<usize>(),
		at in any::<usize>(),
		bit in 0u8..8,
	) {
		let bytes = bytes((count - 1) * CHUNK + tail);
		let (nodes, root, len) = (chunk_nodes(&bytes), chunk_root(&bytes), bytes.len() as u64);
		let index = pick % nodes.len();
		let path = proof(&nodes, index).unwrap();
		let own = chunk(&bytes, index);
		prop_assert!(verify(&root, len, index as u64, own, &path));

		let mut changed = own.to_vec();
		changed[at % own.len()] ^= 1 << bit;
		prop_assert!(!verify(&root, len, index as u64, &changed, &path));

		let mut other = root;
		other.0[at % 32] ^= 1 << bit;
		prop_assert!(!verify(&other, len, index as u64, own, &path));

		for sibling in 0..path.len() {
			let mut path = path.clone();
			path[sibling].0[at % 32] ^= 1 << bit;
			prop_assert!(!verify(&root, len, index as u64, own, &path));
		}
	}

	#[test]
	fn changed_ranges_should_lead_elsewhere(
		count in 1usize..12,
		tail in 1usize..=CHUNK,
		(a, b) in any::<(usize, usize)>(),
		at in any::<usize>(),
		bit in 0u8..8,
	) {
		let bytes = bytes((count - 1) * CHUNK + tail);
		let (nodes, root, len) = (chunk_nodes(&bytes), chunk_root(&bytes), bytes.len() as u64);
		let first = a % count;
		let end = first + 1 + b % (count - first);
		let proof = range_proof(&nodes, first, end).unwrap();
		let own = range(&bytes, first, end);
		prop_assert_eq!(range_root(len, first as u64, own, &proof), Some(root));

		let mut changed = own.to_vec();
		changed[at % own.len()] ^= 1 << bit;
		prop_assert_ne!(range_root(len, first as u64, &changed, &proof), Some(root));

		for node in 0..proof.len() {
			let mut proof = proof.clone();
			proof[node].0[at % 32] ^= 1 << bit;
			prop_assert_ne!(range_root(len, first as u64, own, &proof), Some(root));
		}
	}

	#[test]
	fn random_proofs_should_answer_and_not_panic(
		root in any::<[u8; 32]>(),
		len in any::<u64>(),
		index in any::<u64>(),
		path in prop::collection::vec(any::<[u8; 32]>(), 0..80),
	) {
		let path: Vec<H256> = path.into_iter().map(H256).collect();
		let len = len.max(CHUNK as u64);
		prop_assert!(!verify(&H256(root), len, index % len, &[0; CHUNK], &path));
		for first in [index, index % (len / CHUNK as u64)] {
			prop_assert_ne!(range_root(len, first, &[0; CHUNK], &path), Some(H256(root)));
		}
	}
}
