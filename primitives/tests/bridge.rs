//! The bridge's leaves and trees are those that the contracts compute.
#![allow(clippy::unwrap_used, missing_docs)]

use livepeer_primitives::bridge::{
	domain, earnings_path, earnings_root, empty_root, root_of_path, root_of_waiting,
	waiting_heights, zeros, BridgedAsset, Deposit, Earning, Message, DEPTH,
};
use serde_json::Value;
use sp_core::{H160, H256};

fn vectors() -> Value {
	serde_json::from_str(include_str!("../../tests/bridge/vectors.json")).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
	hex::decode(value.as_str().unwrap().trim_start_matches("0x")).unwrap()
}

fn hash(value: &Value) -> H256 {
	H256::from_slice(&bytes(value))
}

fn hashes(value: &Value) -> Vec<H256> {
	value.as_array().unwrap().iter().map(hash).collect()
}

fn number(value: &Value) -> u128 {
	match value.as_str() {
		Some(text) => text.parse().unwrap(),
		None => value.as_u64().unwrap().into(),
	}
}

fn asset(value: &Value) -> BridgedAsset {
	BridgedAsset::ALL[number(value) as usize]
}

fn trees() -> (Value, H256) {
	let trees = vectors()["trees"].clone();
	let of = &trees["domain"];
	let computed = domain(
		&hash(&of["genesis"]),
		number(&of["chainId"]) as u64,
		&H160::from_slice(&bytes(&of["gateway"])),
	);
	assert_eq!(computed, hash(&of["domain"]));
	(trees, computed)
}

#[test]
fn empty_trees_should_be_those_of_the_contracts() {
	let (trees, _) = trees();
	assert_eq!(zeros().to_vec(), hashes(&trees["zero"]));
	assert_eq!(zeros().len(), DEPTH + 1);
}

/// Every proof leads from its leaf to the last root.
fn check_proofs(tree: &Value, leaves: &[H256]) {
	let root = hash(&tree["list"].as_array().unwrap().last().unwrap()["treeRoot"]);
	for proof in tree["proofs"].as_array().unwrap() {
		let index = number(&proof["index"]) as u32;
		let path = hashes(&proof["proof"]);
		assert_eq!(path.len(), DEPTH);
		assert_eq!(root_of_path(leaves[index as usize], index, &path), root);
	}
}

#[test]
fn subtrees_that_wait_should_give_the_root_of_the_whole_tree() {
	let (trees, _) = trees();
	let list = trees["deposits"]["list"].as_array().unwrap();
	let leaves: Vec<H256> = list.iter().map(|entry| hash(&entry["leaf"])).collect();
	for (count, entry) in (1u32..).zip(list) {
		let mut subtrees: Vec<H256> = waiting_heights(count)
			.map(|height| {
				// It begins where all that are higher end.
				let from = (count as usize >> (height + 1)) << (height + 1);
				earnings_root(leaves[from..from + (1 << height)].to_vec()).unwrap()
			})
			.collect();
		assert_eq!(root_of_waiting(count, &subtrees), Some(hash(&entry["treeRoot"])));
		subtrees.push(H256::zero());
		assert_eq!(root_of_waiting(count, &subtrees), None);
		assert_eq!(root_of_waiting(count, &subtrees[2..]), None);
	}
	assert_eq!(root_of_waiting(0, &[]), Some(empty_root()));
	assert!(root_of_waiting(u32::MAX, &[H256::repeat_byte(1); DEPTH]).is_some());
}

#[test]
fn deposits_should_be_those_of_the_contracts() {
	let (trees, domain) = trees();
	let tree = &trees["deposits"];
	let leaves: Vec<H256> = tree["list"]
		.as_array()
		.unwrap()
		.iter()
		.map(|entry| {
			let recipient: [u8; 32] = bytes(&entry["recipient"]).try_into().unwrap();
			let deposit = Deposit {
				index: number(&entry["index"]) as u32,
				asset: asset(&entry["asset"]),
				recipient: recipient.into(),
				amount: number(&entry["amount"]),
			};
			assert_eq!(deposit.leaf(&domain), hash(&entry["leaf"]));
			deposit.leaf(&domain)
		})
		.collect();
	check_proofs(tree, &leaves);
}

#[test]
fn messages_should_be_those_of_the_contracts() {
	let (trees, domain) = trees();
	let tree = &trees["messages"];
	let leaves: Vec<H256> = tree["list"]
		.as_array()
		.unwrap()
		.iter()
		.map(|entry| {
			let message = match number(&entry["kind"]) {
				0 => Message::Withdrawal {
					asset: asset(&entry["asset"]),
					recipient: H160::from_slice(&bytes(&entry["recipient"])),
					amount: number(&entry["amount"]),
					fee: number(&entry["fee"]),
				},
				_ => Message::Earnings {
					round: number(&entry["round"]) as u32,
					root: hash(&entry["root"]),
					count: number(&entry["count"]) as u32,
					lpt: number(&entry["lpt"]),
					eth: number(&entry["eth"]),
				},
			};
			let leaf = message.leaf(&domain, number(&entry["index"]) as u32);
			assert_eq!(leaf, hash(&entry["leaf"]));
			leaf
		})
		.collect();
	check_proofs(tree, &leaves);
}

#[test]
fn earnings_should_be_those_of_the_contracts() {
	let (trees, domain) = trees();
	for round in trees["earnings"].as_array().unwrap() {
		let leaves: Vec<H256> = round["leaves"]
			.as_array()
			.unwrap()
			.iter()
			.map(|entry| {
				let earning = Earning {
					asset: asset(&entry["asset"]),
					payee: H160::from_slice(&bytes(&entry["payee"])),
					amount: number(&entry["amount"]),
				};
				let (round, index) = (number(&entry["round"]), number(&entry["index"]));
				let leaf = earning.leaf(&domain, round as u32, index as u32);
				assert_eq!(leaf, hash(&entry["leaf"]));
				leaf
			})
			.collect();
		assert_eq!(earnings_root(leaves.clone()), Some(hash(&round["root"])));
		for (index, path) in round["proofs"].as_array().unwrap().iter().enumerate() {
			assert_eq!(earnings_path(leaves.clone(), index as u32), Some(hashes(path)));
		}
		assert_eq!(earnings_path(leaves.clone(), leaves.len() as u32), None);
	}
	assert_eq!(earnings_root(Vec::new()), None);
}
