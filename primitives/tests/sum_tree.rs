//! The Merkle-sum tree: what it proves, and every proof that must be refused.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::segment;
use livepeer_primitives::{
	domain::{tagged_hash, LEAF, NODE, ROOT},
	draw::positions,
	leaf::Leaf,
	receipt::{Output, RejectReason},
	segment::SegmentInfo,
	sum_tree::{depth, verify, Commitment, ProofError, SumNode, SumTree, TreeError},
	Hash, MAX_TREE_DEPTH,
};
use proptest::prelude::*;
use sp_core::H256;

fn transcoded(id: u64, work: u64) -> Leaf {
	let output = Output {
		hash: H256::from_low_u64_be(id + 1_000_000),
		len: 10,
		chunk_root: H256::from_low_u64_be(id + 2_000_000),
	};
	Leaf::Transcoded {
		segment: SegmentInfo { in_hash: H256::from_low_u64_be(id), ..segment() },
		outputs: vec![Some(output), None].try_into().unwrap(),
		work,
		extensions: Default::default(),
	}
}

fn leaf() -> impl Strategy<Value = Leaf> {
	prop_oneof![
		8 => (any::<u64>(), 1u64..1_000_000).prop_map(|(id, work)| transcoded(id % 1_000, work)),
		1 => Just(Leaf::Empty),
		1 => (0u64..100).prop_map(|work| Leaf::Rejected {
			segment: segment(),
			reason: RejectReason::Undecodable { reason: 3, packet: 4 },
			work,
			extensions: Default::default(),
		}),
		1 => (0u64..1_000).prop_map(|id| transcoded(id, 0)),
	]
}

fn leaves(max: usize) -> impl Strategy<Value = Vec<Leaf>> {
	prop::collection::vec(leaf(), 1..max)
}

/// Five leaves, so that padding and a promoted last leaf matter.
fn five() -> (Vec<Leaf>, SumTree) {
	let leaves: Vec<_> = (0..5).map(|i| transcoded(i, 10 + i)).collect();
	let tree = SumTree::new(&leaves).unwrap();
	(leaves, tree)
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(96))]

	#[test]
	fn every_leaf_should_verify_and_the_ranges_should_tile_the_total(leaves in leaves(70)) {
		let tree = SumTree::new(&leaves).unwrap();
		let commitment = tree.commitment();
		let mut next = 0;
		for (i, leaf) in leaves.iter().enumerate() {
			let proof = tree.proof(i as u32).unwrap();
			prop_assert_eq!(proof.len() as u32, depth(leaves.len() as u32));
			let range = verify(&commitment, i as u32, leaf, &proof).unwrap();
			prop_assert_eq!(range.start, next);
			prop_assert_eq!(range.end - range.start, leaf.work());
			next = range.end;
		}
		prop_assert_eq!(next, commitment.total_work);
		prop_assert_eq!(commitment.leaf_count as usize, leaves.len());
	}

	#[test]
	fn drawn_leaf_should_be_the_one_whose_range_holds_the_position(
		leaves in leaves(70),
		at in any::<u64>(),
	) {
		let tree = SumTree::new(&leaves).unwrap();
		let commitment = tree.commitment();
		prop_assert_eq!(tree.leaf_at(commitment.total_work), None);
		if commitment.total_work > 0 {
			let position = at % commitment.total_work;
			let index = tree.leaf_at(position).unwrap();
			let leaf = &leaves[index as usize];
			let range =
				verify(&commitment, index, leaf, &tree.proof(index).unwrap()).unwrap();
			prop_assert!(range.contains(&position));
			prop_assert!(*leaf != Leaf::Empty);
		} else {
			prop_assert_eq!(tree.leaf_at(0), None);
		}
	}

	#[test]
	fn proof_should_be_refused_at_every_other_index(leaves in leaves(40), pick in any::<u32>()) {
		let tree = SumTree::new(&leaves).unwrap();
		let commitment = tree.commitment();
		let own = pick % commitment.leaf_count;
		let proof = tree.proof(own).unwrap();
		for index in (0..commitment.leaf_count + 40).filter(|i| *i != own) {
			prop_assert!(verify(&commitment, index, &leaves[own as usize], &proof).is_err());
		}
		prop_assert_eq!(
			verify(&commitment, u32::MAX, &leaves[own as usize], &proof),
			Err(ProofError::IndexOutOfRange)
		);
	}

	#[test]
	fn every_other_leaf_should_be_refused(leaves in leaves(40), other in leaf(), pick in any::<u32>()) {
		let tree = SumTree::new(&leaves).unwrap();
		let commitment = tree.commitment();
		let index = pick % commitment.leaf_count;
		let own = &leaves[index as usize];
		prop_assume!(other != *own);
		let refused = verify(&commitment, index, &other, &tree.proof(index).unwrap());
		let expected = if other.work() == own.work() {
			ProofError::WrongRoot
		} else {
			ProofError::WrongTotal
		};
		prop_assert_eq!(refused, Err(expected));
	}

	#[test]
	fn every_other_commitment_should_be_refused(
		leaves in leaves(40),
		pick in any::<u32>(),
		total in any::<u64>(),
		count in 0u32..200,
		root in any::<[u8; 32]>(),
	) {
		let tree = SumTree::new(&leaves).unwrap();
		let own = tree.commitment();
		let index = pick % own.leaf_count;
		let proof = tree.proof(index).unwrap();
		let leaf = &leaves[index as usize];
		for other in [
			Commitment { total_work: total, ..own },
			Commitment { leaf_count: count, ..own },
			Commitment { root: Hash::from(root), ..own },
		] {
			prop_assert_eq!(verify(&other, index, leaf, &proof).is_ok(), other == own);
		}
	}

	#[test]
	fn short_and_long_proofs_should_be_refused(leaves in leaves(40), pick in any::<u32>()) {
		let tree = SumTree::new(&leaves).unwrap();
		let commitment = tree.commitment();
		let index = pick % commitment.leaf_count;
		let leaf = &leaves[index as usize];
		let proof = tree.proof(index).unwrap().into_inner();
		for len in 0..proof.len() {
			prop_assert_eq!(
				verify(&commitment, index, leaf, &proof[..len]),
				Err(ProofError::WrongLength)
			);
		}
		let mut long = proof;
		long.push(SumNode { hash: Hash::zero(), work: 0 });
		prop_assert_eq!(verify(&commitment, index, leaf, &long), Err(ProofError::WrongLength));
	}

	#[test]
	fn changed_sibling_should_be_refused(
		leaves in leaves(40),
		pick in any::<u32>(),
		at in any::<usize>(),
		byte in 0usize..32,
		work in 1u64..1_000,
	) {
		let tree = SumTree::new(&leaves).unwrap();
		let commitment = tree.commitment();
		let index = pick % commitment.leaf_count;
		let leaf = &leaves[index as usize];
		let proof = tree.proof(index).unwrap().into_inner();
		prop_assume!(!proof.is_empty());
		let at = at % proof.len();

		let mut hash = proof.clone();
		hash[at].hash.0[byte] ^= 1;
		prop_assert_eq!(verify(&commitment, index, leaf, &hash), Err(ProofError::WrongRoot));

		let mut sum = proof.clone();
		sum[at].work += work;
		prop_assert_eq!(verify(&commitment, index, leaf, &sum), Err(ProofError::WrongTotal));

		// Work moved between siblings, so that the total still fits: this would shift the ranges.
		let other = (at + 1) % proof.len();
		let mut moved = proof.clone();
		moved[at].work += work;
		if other != at && moved[other].work >= work {
			moved[other].work -= work;
			prop_assert_eq!(verify(&commitment, index, leaf, &moved), Err(ProofError::WrongRoot));
		}
	}

	#[test]
	fn overstated_work_should_be_drawn_more_often_in_proportion(
		honest in 2u32..20,
		factor in 2u64..20,
		seed in any::<[u8; 32]>(),
	) {
		let mut leaves: Vec<_> = (0..honest).map(|i| transcoded(i.into(), 1_000)).collect();
		leaves[0] = transcoded(0, 1_000 * factor);
		let tree = SumTree::new(&leaves).unwrap();
		let c = tree.commitment();
		let drawn = positions(Hash::from(seed), 1, c.root, c.total_work, 4_000);
		let hits = drawn.iter().filter(|p| tree.leaf_at(**p) == Some(0)).count() as f64;
		let p = factor as f64 / (factor as f64 + f64::from(honest) - 1.0);
		// Six standard deviations.
		let slack = 6.0 * (4_000.0 * p * (1.0 - p)).sqrt();
		prop_assert!((hits - 4_000.0 * p).abs() <= slack, "{} of 4000, expected {}", hits, p);
	}
}

/// `binary-merkle-tree` hashes an odd last leaf without a sibling and checks no length, so one
/// proof verifies at more than one index: a leaf could answer for a position that it does not hold.
/// The test shows that its proof is accepted at another index, and that ours is refused there.
#[test]
fn differs_from_binary_merkle_tree_where_one_proof_verifies_at_two_indices() {
	use sp_runtime::traits::BlakeTwo256;

	let data = [b"a".to_vec(), b"b".to_vec(), b"c".to_vec()];
	let proof = binary_merkle_tree::merkle_proof::<BlakeTwo256, _, _>(data.clone(), 2);
	for index in [1, 2] {
		assert!(binary_merkle_tree::verify_proof::<BlakeTwo256, _, _>(
			&proof.root,
			proof.proof.clone(),
			3,
			index,
			&data[2],
		));
	}

	let leaves: Vec<_> = (0..3).map(|i| transcoded(i, 10)).collect();
	let tree = SumTree::new(&leaves).unwrap();
	let commitment = tree.commitment();
	let own = tree.proof(2).unwrap();
	assert!(verify(&commitment, 2, &leaves[2], &own).is_ok());
	for index in [0, 1, 3] {
		assert!(verify(&commitment, index, &leaves[2], &own).is_err());
		assert!(verify(&commitment, index, &leaves[2], &own[1..]).is_err());
	}
	assert_eq!(verify(&commitment, 2, &leaves[2], &own[1..]), Err(ProofError::WrongLength));
}

/// The same root with another count would give a segment another meaning.
#[test]
fn differs_from_binary_merkle_tree_where_the_root_does_not_bind_the_count() {
	let (leaves, tree) = five();
	let own = tree.commitment();
	for index in 0..5u32 {
		for leaf_count in 0..=64 {
			let other = Commitment { leaf_count, ..own };
			let proof = tree.proof(index).unwrap();
			assert_eq!(
				verify(&other, index, &leaves[index as usize], &proof).is_ok(),
				leaf_count == 5
			);
		}
	}
}

/// The same leaves plus one Empty at the end are another claim, although the padded trees have the
/// same leaves.
#[test]
fn padding_should_not_be_claimable_as_a_leaf() {
	let (mut leaves, five) = five();
	leaves.push(Leaf::Empty);
	let six = SumTree::new(&leaves).unwrap();
	assert_ne!(five.commitment().root, six.commitment().root);
	assert_eq!(five.commitment().total_work, six.commitment().total_work);
	assert_eq!(five.proof(5), None);
	let proof = six.proof(5).unwrap();
	assert_eq!(
		verify(&five.commitment(), 5, &Leaf::Empty, &proof),
		Err(ProofError::IndexOutOfRange)
	);
	assert_eq!(verify(&six.commitment(), 5, &Leaf::Empty, &proof), Ok(60..60));
}

#[test]
fn repeated_leaf_should_verify_at_its_own_indices_only() {
	// The same segment twice gives two leaves with the same content. A proof for one is no proof
	// for the other.
	let leaves = vec![transcoded(1, 10); 4];
	let tree = SumTree::new(&leaves).unwrap();
	let commitment = tree.commitment();
	for a in 0..4 {
		for b in 0..4 {
			let result = verify(&commitment, b, &leaves[0], &tree.proof(a).unwrap());
			assert_eq!(result.is_ok(), a == b);
		}
	}
}

/// A node's preimage must not pass as a leaf's, or the other way round, in a shallower or deeper
/// tree.
#[test]
fn second_preimage_should_not_make_a_node_of_a_leaf() {
	let leaves: Vec<_> = (0..4).map(|i| transcoded(i, 10)).collect();
	let tree = SumTree::new(&leaves).unwrap();
	let own = tree.commitment();
	let proof = tree.proof(0).unwrap();

	// Skips the leaves: claims half as many, with the upper part of a path.
	let half = Commitment { leaf_count: 2, ..own };
	for leaf in &leaves {
		for index in 0..2 {
			assert!(verify(&half, index, leaf, &proof[1..]).is_err());
		}
	}
	// Goes deeper: presents a leaf as a node over two others.
	let twice = Commitment { leaf_count: 8, ..own };
	for sibling in tree.proof(1).unwrap() {
		let mut deeper = vec![sibling];
		deeper.extend(proof.iter().copied());
		for index in 0..8 {
			assert!(verify(&twice, index, &leaves[0], &deeper).is_err());
		}
	}
	// Only the tags keep equal bytes apart.
	let bytes = (0u32, 4u32, 10u64);
	assert_ne!(tagged_hash(LEAF, &bytes), tagged_hash(NODE, &bytes));
	assert_ne!(tagged_hash(NODE, &bytes), tagged_hash(ROOT, &bytes));
	assert_ne!(tagged_hash(LEAF, &bytes), tagged_hash(ROOT, &bytes));
}

#[test]
fn inflated_work_should_be_refused_wherever_it_is_put() {
	let (leaves, tree) = five();
	let own = tree.commitment();
	// In the leaf.
	let inflated = transcoded(2, 12_000);
	let proof = tree.proof(2).unwrap();
	assert_eq!(verify(&own, 2, &inflated, &proof), Err(ProofError::WrongTotal));
	// In the claim.
	let claim = Commitment { total_work: own.total_work + 1, ..own };
	assert_eq!(verify(&claim, 2, &leaves[2], &proof), Err(ProofError::WrongTotal));
	// In both.
	let claim = Commitment { total_work: own.total_work - 12 + 12_000, ..own };
	assert_eq!(verify(&claim, 2, &inflated, &proof), Err(ProofError::WrongRoot));
	// In a sibling that wraps around.
	let mut wrapping = proof.clone().into_inner();
	wrapping[0].work = u64::MAX;
	assert_eq!(verify(&own, 2, &leaves[2], &wrapping), Err(ProofError::WrongTotal));
}

#[test]
fn leaf_should_not_hide_work_from_the_draw() {
	// The work in a leaf's content and in its node is a single number, so there is no second one to
	// understate.
	let (leaves, tree) = five();
	let total: u64 = leaves.iter().map(Leaf::work).sum();
	assert_eq!(tree.commitment().total_work, total);
	for position in 0..total {
		assert!(tree.leaf_at(position).is_some());
	}
}

#[test]
fn largest_tree_should_be_built_and_a_larger_one_refused() {
	let leaves: Vec<_> = (0..1u64 << MAX_TREE_DEPTH).map(|i| transcoded(i, i)).collect();
	let tree = SumTree::new(&leaves).unwrap();
	let commitment = tree.commitment();
	for index in [0u32, 1, 2_047, 2_048, 4_095] {
		let proof = tree.proof(index).unwrap();
		assert_eq!(proof.len() as u32, MAX_TREE_DEPTH);
		verify(&commitment, index, &leaves[index as usize], &proof).unwrap();
	}
	let more: Vec<_> = (0..(1u64 << MAX_TREE_DEPTH) + 1).map(|i| transcoded(i, i)).collect();
	assert_eq!(SumTree::new(&more).unwrap_err(), TreeError::TooManyLeaves);
}

#[test]
fn tree_should_be_refused_when_it_is_empty_or_its_work_overflows() {
	assert_eq!(SumTree::new(&[]).unwrap_err(), TreeError::Empty);
	let huge = [transcoded(0, u64::MAX), transcoded(1, 1)];
	assert_eq!(SumTree::new(&huge).unwrap_err(), TreeError::WorkOverflow);
	let largest = [transcoded(0, u64::MAX)];
	let tree = SumTree::new(&largest).unwrap();
	assert_eq!(tree.leaf_at(u64::MAX - 1), Some(0));
	assert_eq!(tree.leaf_at(u64::MAX), None);
}

#[test]
fn single_leaf_should_have_an_empty_proof() {
	let leaves = [transcoded(7, 42)];
	let tree = SumTree::new(&leaves).unwrap();
	assert_eq!(tree.proof(0).unwrap().len(), 0);
	assert_eq!(verify(&tree.commitment(), 0, &leaves[0], &[]), Ok(0..42));
}

#[test]
fn depth_should_grow_at_powers_of_two() {
	let depths: Vec<_> = [0, 1, 2, 3, 4, 5, 8, 9, 4_096].map(depth).into();
	assert_eq!(depths, [0, 0, 1, 2, 2, 3, 3, 4, 12]);
	// Beyond any claim.
	assert_eq!(depth(u32::MAX), 32);
	let claim = Commitment { root: Hash::zero(), total_work: 0, leaf_count: u32::MAX };
	assert_eq!(verify(&claim, 0, &Leaf::Empty, &[]), Err(ProofError::WrongLength));
}
