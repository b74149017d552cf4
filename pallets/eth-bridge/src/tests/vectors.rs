//! The state of a real execution client, with the contracts deployed.

use crate::{
	trie::{self, Figures},
	EthereumAccount, GatewayPlace, GatewayProof, ProvenSubtree, TrieProof,
};
use livepeer_primitives::bridge::{domain, root_of_path, BridgedAsset, Deposit};
use serde_json::Value;
use sp_core::{H160, H256};

const VECTORS: &str = include_str!("../../../../tests/bridge/vectors.json");

fn bytes(value: &Value) -> Vec<u8> {
	hex::decode(value.as_str().unwrap().trim_start_matches("0x")).unwrap()
}

fn hash(value: &Value) -> H256 {
	H256::from_slice(&bytes(value))
}

fn quantity(value: &Value) -> u128 {
	match value.as_str() {
		Some(text) if text.starts_with("0x") => u128::from_str_radix(&text[2..], 16).unwrap(),
		Some(text) => text.parse().unwrap(),
		None => value.as_u64().unwrap().into(),
	}
}

fn word(value: &Value) -> H256 {
	let text = value.as_str().unwrap().trim_start_matches("0x");
	H256::from_slice(&hex::decode(format!("{text:0>64}")).unwrap())
}

fn proof(value: &Value) -> TrieProof {
	let nodes = value.as_array().unwrap().iter().map(|node| bytes(node).try_into().unwrap());
	nodes.collect::<Vec<_>>().try_into().unwrap()
}

fn account(value: &Value) -> EthereumAccount {
	EthereumAccount {
		nonce: quantity(&value["nonce"]) as u64,
		balance: quantity(&value["balance"]),
		storage_root: hash(&value["storageHash"]),
		code_hash: hash(&value["codeHash"]),
	}
}

#[test]
fn figures_should_be_those_that_the_contracts_have() {
	let state = &serde_json::from_str::<Value>(VECTORS).unwrap()["state"];
	let (gateway, token) = (&state["gatewayProof"], &state["tokenProof"]);
	let slots = gateway["storageProof"].as_array().unwrap();
	let numbers: Vec<u64> = slots.iter().map(|slot| hash(&slot["key"]).to_low_u64_be()).collect();
	let place = GatewayPlace {
		chain_id: state["chainId"].as_u64().unwrap(),
		address: H160::from_slice(&bytes(&state["gateway"])),
		token: H160::from_slice(&bytes(&state["token"])),
		balances_slot: state["balancesSlot"].as_u64().unwrap(),
	};
	let given = GatewayProof {
		gateway: account(gateway),
		gateway_proof: proof(&gateway["accountProof"]),
		lpt: word(&slots[0]["value"]),
		lpt_proof: proof(&slots[0]["proof"]),
		eth: word(&slots[1]["value"]),
		eth_proof: proof(&slots[1]["proof"]),
		counters: word(&slots[2]["value"]),
		counters_proof: proof(&slots[2]["proof"]),
		subtrees: slots[3..]
			.iter()
			.map(|slot| ProvenSubtree { root: word(&slot["value"]), proof: proof(&slot["proof"]) })
			.collect::<Vec<_>>()
			.try_into()
			.unwrap(),
		token: account(token),
		token_proof: proof(&token["accountProof"]),
		lpt_balance: quantity(&token["storageProof"][0]["value"]),
		lpt_balance_proof: proof(&token["storageProof"][0]["proof"]),
	};
	let Figures { lpt, eth, deposits, deposit_root } =
		trie::figures(hash(&state["stateRoot"]), &place, &given).unwrap();
	let expected = &state["expected"];
	assert_eq!(u64::from(deposits), expected["count"].as_u64().unwrap());
	assert_eq!(trie::slots(deposits), numbers);
	for (name, has) in [("lpt", lpt), ("eth", eth)] {
		let expected = &expected[name];
		assert_eq!(has.balance, quantity(&expected["balance"]), "{name}");
		assert_eq!(has.deposited, quantity(&expected["deposited"]), "{name}");
		assert_eq!(has.released, quantity(&expected["released"]), "{name}");
	}
	assert_eq!(deposit_root, hash(&expected["depositRoot"]));
	let domain = domain(&hash(&state["genesis"]), place.chain_id, &place.address);
	assert_eq!(domain, hash(&state["domain"]));
	for (index, deposit) in state["deposits"].as_array().unwrap().iter().enumerate() {
		let asset = BridgedAsset::ALL[deposit["asset"].as_u64().unwrap() as usize];
		let recipient: [u8; 32] = bytes(&deposit["recipient"]).try_into().unwrap();
		let leaf = Deposit {
			index: index as u32,
			asset,
			recipient: recipient.into(),
			amount: quantity(&deposit["amount"]),
		}
		.leaf(&domain);
		assert_eq!(leaf, hash(&deposit["leaf"]));
		let path: Vec<H256> = deposit["proof"].as_array().unwrap().iter().map(hash).collect();
		assert_eq!(root_of_path(leaf, index as u32, &path), deposit_root);
	}
}
