//! An Ethereum whose state holds a gateway and its token, with real tries.

use crate::{
	trie,
	types::{EthereumAccount, GatewayPlace, GatewayProof, ProvenSubtree, SupplyProof, TrieProof},
};
use alloc::{collections::BTreeMap, vec, vec::Vec};
use alloy_rlp::Header;
use frame_support::BoundedVec;
use livepeer_primitives::{
	bridge::{node, waiting_heights, DEPTH},
	Balance,
};
use sp_core::{H160, H256};
use sp_io::hashing::keccak_256;

/// A trie, as values by the hashes of their keys.
type Entries = BTreeMap<[u8; 32], Vec<u8>>;

/// An entry: the nibbles of its hashed key, and its value.
type Entry<'a> = (Vec<u8>, &'a [u8]);

/// An RLP list of items that are already encoded.
fn list(items: &[Vec<u8>]) -> Vec<u8> {
	let mut bytes = Vec::new();
	Header { list: true, payload_length: items.iter().map(Vec::len).sum() }.encode(&mut bytes);
	for item in items {
		bytes.extend(item);
	}
	bytes
}

/// A part of a path, as nodes encode it.
fn packed(part: &[u8], is_leaf: bool) -> Vec<u8> {
	let mut all = vec![if is_leaf { 2 } else { 0 } + (part.len() % 2) as u8];
	if part.len().is_multiple_of(2) {
		all.push(0);
	}
	all.extend(part);
	let bytes: Vec<u8> = all.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
	alloy_rlp::encode(bytes.as_slice())
}

/// How a parent refers to a node.
fn named(node: Vec<u8>) -> Vec<u8> {
	if node.len() < 32 {
		node
	} else {
		alloy_rlp::encode(&keccak_256(&node)[..])
	}
}

/// How many nibbles, from `depth` on, all entries share.
fn shared(entries: &[Entry], depth: usize) -> usize {
	let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return 0 };
	first.0[depth..].iter().zip(&last.0[depth..]).take_while(|(a, b)| a == b).count()
}

/// The node over sorted entries that share their first `depth` nibbles. Adds the nodes on the way
/// to `key` to `proof`.
fn build_node(entries: &[Entry], depth: usize, key: &[u8], proof: &mut Vec<Vec<u8>>) -> Vec<u8> {
	let on_way = |part: &[u8]| key[depth..].starts_with(part);
	let mut below = Vec::new();
	let node = match entries {
		[] => vec![alloy_rlp::EMPTY_STRING_CODE],
		[(path, value)] => list(&[packed(&path[depth..], true), alloy_rlp::encode(*value)]),
		[(path, _), ..] => match shared(entries, depth) {
			0 => {
				let children = (0..16u8).map(|nibble| {
					let from = entries.partition_point(|(path, _)| path[depth] < nibble);
					let to = entries.partition_point(|(path, _)| path[depth] <= nibble);
					let mut nodes = Vec::new();
					let child = build_node(&entries[from..to], depth + 1, key, &mut nodes);
					if on_way(&[nibble]) {
						below = nodes;
					}
					named(child)
				});
				let mut children: Vec<Vec<u8>> = children.collect();
				children.push(vec![alloy_rlp::EMPTY_STRING_CODE]);
				list(&children)
			}
			count => {
				let part = &path[depth..depth + count];
				let mut nodes = Vec::new();
				let child = build_node(entries, depth + count, key, &mut nodes);
				if on_way(part) {
					below = nodes;
				}
				list(&[packed(part, false), named(child)])
			}
		},
	};
	if !entries.is_empty() && (depth == 0 || node.len() >= 32) {
		proof.push(node.clone());
	}
	proof.extend(below);
	node
}

/// The root of a trie, and a proof for each of `keys`.
fn build(entries: &Entries, keys: &[[u8; 32]]) -> (H256, Vec<TrieProof>) {
	let nibbles = |key: &[u8; 32]| -> Vec<u8> {
		key.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect()
	};
	let entries: Vec<Entry> =
		entries.iter().map(|(key, value)| (nibbles(key), value.as_slice())).collect();
	let mut root = H256::zero();
	let proofs = keys
		.iter()
		.map(|key| {
			let mut nodes = Vec::new();
			root = keccak_256(&build_node(&entries, 0, &nibbles(key), &mut nodes)).into();
			let nodes = nodes.into_iter().map(BoundedVec::truncate_from).collect();
			BoundedVec::truncate_from(nodes)
		})
		.collect();
	(root, proofs)
}

/// How much of an asset has come in and gone out.
#[derive(Clone, Copy, Default)]
pub struct Flow {
	/// The sum of all deposits.
	pub deposited: Balance,
	/// The sum of all releases.
	pub released: Balance,
}

/// The state of a gateway and its token.
#[derive(Clone)]
pub struct World {
	/// Where the gateway is.
	pub place: GatewayPlace,
	/// The subtrees of the gateway's tree of deposits, by height: at each height the newest
	/// complete one that waits, or has waited, for its right neighbour.
	pub subtrees: [H256; DEPTH],
	/// LPT that came and went.
	pub lpt: Flow,
	/// ETH that came and went.
	pub eth: Flow,
	/// The number of deposits.
	pub deposits: u32,
	/// The LPT that the gateway owns.
	pub lpt_balance: Balance,
	/// The ETH that the gateway owns.
	pub eth_balance: Balance,
	/// How many other entries each trie has.
	pub others: u32,
}

fn word(number: u128) -> H256 {
	let mut word = [0; 32];
	word[16..].copy_from_slice(&number.to_be_bytes());
	word.into()
}

/// Amounts of 14 or four bytes, one after the other from the end of a word. The bytes above them
/// belong to the contract's other fields.
fn packed_word(amounts: &[(u128, usize)], above: u8) -> H256 {
	let mut word = [0; 32];
	word[0] = above;
	let mut end = 32;
	for (amount, length) in amounts {
		word[end - length..end].copy_from_slice(&amount.to_be_bytes()[16 - length..]);
		end -= length;
	}
	word.into()
}

impl World {
	fn crowd(&self, value: impl Fn(u32) -> Vec<u8>) -> Entries {
		(0..self.others).map(|number| (keccak_256(&number.to_be_bytes()), value(number))).collect()
	}

	/// Adds the leaf of one more deposit to the tree.
	pub fn append(&mut self, leaf: H256) {
		let mut subtree = leaf;
		let mut height = 0;
		while (self.deposits >> height) & 1 == 1 {
			subtree = node(&self.subtrees[height], &subtree);
			height += 1;
		}
		self.subtrees[height] = subtree;
		self.deposits += 1;
	}

	/// The state root of a world that stores the token's total supply at `slot`, and the proof of
	/// this supply.
	pub fn prove_supply(&self, slot: u64, supply: Balance) -> (H256, SupplyProof) {
		let account = |storage_root| EthereumAccount {
			nonce: 1,
			balance: 0,
			storage_root,
			code_hash: H256::repeat_byte(5),
		};
		let key = keccak_256(word(slot.into()).as_bytes());
		let mut storage = self.crowd(|number| alloy_rlp::encode(number + 1));
		if let Some(value) = trie::stored(&word(supply)) {
			storage.insert(key, value);
		}
		let (storage_root, of_token) = build(&storage, &[key]);
		let token = account(storage_root);
		let stranger = account(H256::repeat_byte(6));
		let mut state = self.crowd(|_| trie::account(&stranger));
		let place = keccak_256(&self.place.token.0);
		state.insert(place, trie::account(&token));
		let (state_root, of_state) = build(&state, &[place]);
		let only = |proofs: Vec<TrieProof>| proofs.into_iter().next().unwrap_or_default();
		let (token_proof, supply_proof) = (only(of_state), only(of_token));
		(state_root, SupplyProof { token, token_proof, supply, supply_proof })
	}

	/// The state root, and the proof of the gateway under it.
	pub fn prove(&self) -> (H256, GatewayProof) {
		let counters = packed_word(
			&[(self.deposits.into(), 4), (self.lpt.deposited, 14), (self.eth.deposited, 14)],
			0,
		);
		// The word is written by the first release.
		let released =
			|flow: &Flow| packed_word(&[(flow.released, 14)], (flow.released > 0).into());
		let (lpt, eth) = (released(&self.lpt), released(&self.eth));
		let waiting = waiting_heights(self.deposits).map(|height| self.subtrees[height]);
		let words: Vec<H256> = [lpt, eth, counters].into_iter().chain(waiting).collect();
		let mut storage = self.crowd(|number| alloy_rlp::encode(number + 1));
		let slots: Vec<[u8; 32]> = trie::slots(self.deposits)
			.into_iter()
			.map(|slot| keccak_256(word(slot.into()).as_bytes()))
			.collect();
		for (slot, word) in slots.iter().zip(&words) {
			if let Some(value) = trie::stored(word) {
				storage.insert(*slot, value);
			}
		}
		let (storage_root, of_gateway) = build(&storage, &slots);

		let mut mapping = [0; 64];
		mapping[12..32].copy_from_slice(self.place.address.as_bytes());
		mapping[32..].copy_from_slice(word(self.place.balances_slot.into()).as_bytes());
		let balance = keccak_256(&keccak_256(&mapping));
		let mut balances = self.crowd(|number| alloy_rlp::encode(number + 1));
		if let Some(value) = trie::stored(&word(self.lpt_balance)) {
			balances.insert(balance, value);
		}
		let (balances_root, of_token) = build(&balances, &[balance]);

		let account = |nonce, balance, storage_root| EthereumAccount {
			nonce,
			balance,
			storage_root,
			code_hash: H256::repeat_byte(5),
		};
		let gateway = account(1, self.eth_balance, storage_root);
		let token = account(1, 0, balances_root);
		let stranger = account(0, 1, H256::repeat_byte(6));
		let mut state = self.crowd(|_| trie::account(&stranger));
		let keys = [self.place.address, self.place.token].map(|at: H160| keccak_256(&at.0));
		state.insert(keys[0], trie::account(&gateway));
		state.insert(keys[1], trie::account(&token));
		let (state_root, of_state) = build(&state, &keys);

		let at =
			|proofs: &[TrieProof], place: usize| proofs.get(place).cloned().unwrap_or_default();
		let subtrees = words
			.iter()
			.zip(&of_gateway)
			.skip(3)
			.map(|(root, proof)| ProvenSubtree { root: *root, proof: proof.clone() });
		let proof = GatewayProof {
			gateway,
			gateway_proof: at(&of_state, 0),
			lpt,
			lpt_proof: at(&of_gateway, 0),
			eth,
			eth_proof: at(&of_gateway, 1),
			counters,
			counters_proof: at(&of_gateway, 2),
			subtrees: BoundedVec::truncate_from(subtrees.collect()),
			token,
			token_proof: at(&of_state, 1),
			lpt_balance: self.lpt_balance,
			lpt_balance_proof: at(&of_token, 0),
		};
		(state_root, proof)
	}
}
