//! Proofs in Ethereum's tries, without storage.

use crate::types::{EthereumAccount, GatewayPlace, GatewayProof, SupplyProof, TrieProof};
use alloc::vec::Vec;
use alloy_rlp::{Encodable, Header};
use livepeer_primitives::{
	bridge::{root_of_waiting, waiting_heights, EscrowView},
	Balance,
};
use sp_core::{H160, H256};
use sp_io::hashing::keccak_256;

/// The root of a trie without entries: the hash of the empty string in RLP.
fn empty_trie() -> [u8; 32] {
	keccak_256(&[alloy_rlp::EMPTY_STRING_CODE])
}

/// An item of an RLP list.
struct Item<'a> {
	is_list: bool,
	/// The item with its header.
	whole: &'a [u8],
	payload: &'a [u8],
}

/// The first item of `bytes`, and the rest.
fn item(bytes: &[u8]) -> Option<(Item<'_>, &[u8])> {
	let mut rest = bytes;
	let header = Header::decode(&mut rest).ok()?;
	let payload = rest.get(..header.payload_length)?;
	let rest = rest.get(header.payload_length..)?;
	let whole = bytes.get(..bytes.len() - rest.len())?;
	Some((Item { is_list: header.list, whole, payload }, rest))
}

/// The items of the list that makes up all of `bytes`.
fn items(bytes: &[u8]) -> Option<Vec<Item<'_>>> {
	let (list, rest) = item(bytes)?;
	let mut left = (list.is_list && rest.is_empty()).then_some(list.payload)?;
	let mut items = Vec::new();
	while !left.is_empty() {
		let (next, rest) = item(left)?;
		items.push(next);
		left = rest;
	}
	Some(items)
}

/// The half bytes, the higher one first.
fn nibbles(bytes: &[u8]) -> Vec<u8> {
	bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect()
}

/// A part of a path as encoded in a node, and whether the node is a leaf.
fn part(bytes: &[u8]) -> Option<(Vec<u8>, bool)> {
	let all = nibbles(bytes);
	let flags = *all.first()?;
	let skipped = match flags {
		0 | 2 => 2,
		1 | 3 => 1,
		_ => return None,
	};
	Some((all.get(skipped..)?.to_vec(), flags >= 2))
}

/// The result of a step.
enum Step<'a> {
	/// To a value.
	Value(&'a [u8]),
	/// Nothing: the trie has no entry there.
	Nothing,
	/// A child, and the rest of the path.
	Child(Item<'a>, usize),
}

/// One step from `node` along `path`.
fn step<'a>(node: &'a [u8], path: &[u8]) -> Option<Step<'a>> {
	let mut items = items(node)?;
	match items.len() {
		// One child for each half byte. All paths have the same length, so there is no value in
		// between.
		17 => {
			let child = items.swap_remove(usize::from(*path.first()?));
			let empty = !child.is_list && child.payload.is_empty();
			Some(if empty { Step::Nothing } else { Step::Child(child, 1) })
		}
		2 => {
			let rest = items.pop()?;
			let (part, is_leaf) = part(items.pop().filter(|part| !part.is_list)?.payload)?;
			match (path.strip_prefix(part.as_slice()), is_leaf) {
				(Some([]), true) if !rest.is_list => Some(Step::Value(rest.payload)),
				(Some([_, ..]), false) if !part.is_empty() => Some(Step::Child(rest, part.len())),
				(None, _) | (Some([_, ..]), true) => Some(Step::Nothing),
				_ => None,
			}
		}
		_ => None,
	}
}

/// What the trie under `root` has at `path`, using exactly these nodes.
fn look_up(root: H256, path: &[u8], proof: &TrieProof) -> Option<Option<Vec<u8>>> {
	let mut nodes = proof.iter();
	let mut next = |hash: &[u8]| nodes.next().filter(|node| keccak_256(node)[..] == *hash);
	if proof.is_empty() {
		return (root.0 == empty_trie()).then_some(None);
	}
	let mut node: &[u8] = next(root.as_bytes())?;
	let mut path = path;
	let found = loop {
		match step(node, path)? {
			Step::Value(value) => break Some(value.to_vec()),
			Step::Nothing => break None,
			Step::Child(child, walked) => {
				path = path.get(walked..)?;
				// A node that is shorter than a hash is contained in its parent.
				node = match child.is_list {
					true => child.whole,
					false => next(child.payload)?,
				};
			}
		}
	};
	// Nodes to which nothing leads prove nothing, and are refused.
	nodes.next().is_none().then_some(found)
}

/// Whether the trie under `root` has `value` at the hash of `key`, or nothing if `value` is `None`.
pub fn proves(root: H256, key: &[u8], value: Option<Vec<u8>>, proof: &TrieProof) -> bool {
	look_up(root, &nibbles(&keccak_256(key)), proof) == Some(value)
}

/// A number without leading zeros.
fn trimmed(bytes: &[u8]) -> &[u8] {
	let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
	bytes.get(zeros..).unwrap_or_default()
}

/// A word in the form of storage: `None` if it is zero.
pub fn stored(word: &H256) -> Option<Vec<u8>> {
	(!word.is_zero()).then(|| alloy_rlp::encode(trimmed(word.as_bytes())))
}

/// An account in the form of the state trie.
pub fn account(account: &EthereumAccount) -> Vec<u8> {
	let EthereumAccount { nonce, balance, storage_root, code_hash } = account;
	let (nonce, balance) = (nonce.to_be_bytes(), balance.to_be_bytes());
	let fields =
		[trimmed(&nonce), trimmed(&balance), storage_root.as_bytes(), code_hash.as_bytes()];
	let payload_length = fields.iter().map(|field| field.length()).sum();
	let mut bytes = Vec::new();
	Header { list: true, payload_length }.encode(&mut bytes);
	for field in fields {
		field.encode(&mut bytes);
	}
	bytes
}

/// The storage key of a number.
fn slot(number: u64) -> [u8; 32] {
	let mut slot = [0; 32];
	slot[24..].copy_from_slice(&number.to_be_bytes());
	slot
}

/// The storage key of an address in a mapping.
fn in_mapping(address: &H160, mapping: u64) -> [u8; 32] {
	let mut both = [0; 64];
	both[12..32].copy_from_slice(address.as_bytes());
	both[32..].copy_from_slice(&slot(mapping));
	keccak_256(&both)
}

/// A word that is an amount.
fn word(amount: Balance) -> H256 {
	let mut word = [0; 32];
	word[16..].copy_from_slice(&amount.to_be_bytes());
	word.into()
}

/// The amount of 14 bytes that ends `from_end` bytes before the end of a word.
fn amount(word: &H256, from_end: usize) -> Balance {
	let mut bytes = [0; 16];
	let end = word.0.len().saturating_sub(from_end);
	let slice = word.0.get(end.saturating_sub(14)..end).unwrap_or_default();
	for (to, from) in bytes.iter_mut().skip(2).zip(slice) {
		*to = *from;
	}
	Balance::from_be_bytes(bytes)
}

/// The slots of the gateway.
const LPT: u64 = 0;
const ETH: u64 = 1;
/// The gateway's slot that counts deposits.
pub const COUNTERS: u64 = 2;
/// The subtrees of the tree of deposits: the slot of height 0, followed by those of heights 1 to
/// 31.
const SUBTREES: u64 = 3;

/// The slots by which a gateway with this many deposits is proven, in the order of
/// [`GatewayProof`]: two assets, counters, subtrees.
pub fn slots(deposits: u32) -> Vec<u64> {
	let subtrees = waiting_heights(deposits).map(|height| SUBTREES.saturating_add(height as u64));
	[LPT, ETH, COUNTERS].into_iter().chain(subtrees).collect()
}

/// The number of deposits in the word at [`COUNTERS`].
pub fn deposits(counters: &H256) -> u32 {
	let [.., a, b, c, d] = counters.0;
	u32::from_be_bytes([a, b, c, d])
}

/// The proven figures of the gateway.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Figures {
	/// Its LPT.
	pub lpt: EscrowView,
	/// Its ETH.
	pub eth: EscrowView,
	/// The number of its deposits.
	pub deposits: u32,
	/// The root of the tree of all of them.
	pub deposit_root: H256,
}

/// The figures that `proof` proves of the gateway at `place` under a state root.
pub fn figures(state_root: H256, place: &GatewayPlace, proof: &GatewayProof) -> Option<Figures> {
	let of_state = |address: &H160, value: &EthereumAccount, nodes: &TrieProof| {
		proves(state_root, address.as_bytes(), Some(account(value)), nodes)
	};
	let deposits = deposits(&proof.counters);
	let words = [
		(&proof.lpt, &proof.lpt_proof),
		(&proof.eth, &proof.eth_proof),
		(&proof.counters, &proof.counters_proof),
	];
	let words =
		words.into_iter().chain(proof.subtrees.iter().map(|tree| (&tree.root, &tree.proof)));
	let roots: Vec<H256> = proof.subtrees.iter().map(|tree| tree.root).collect();
	// There are as many as there are slots for them.
	let deposit_root = root_of_waiting(deposits, &roots)?;
	let right = of_state(&place.address, &proof.gateway, &proof.gateway_proof)
		&& slots(deposits).into_iter().zip(words).all(|(number, (word, nodes))| {
			proves(proof.gateway.storage_root, &slot(number), stored(word), nodes)
		}) && of_state(&place.token, &proof.token, &proof.token_proof)
		&& proves(
			proof.token.storage_root,
			&in_mapping(&place.address, place.balances_slot),
			stored(&word(proof.lpt_balance)),
			&proof.lpt_balance_proof,
		);
	let counters = &proof.counters;
	right.then(|| {
		let lpt = EscrowView {
			balance: proof.lpt_balance,
			deposited: amount(counters, 4),
			released: amount(&proof.lpt, 0),
		};
		let eth = EscrowView {
			balance: proof.gateway.balance,
			deposited: amount(counters, 18),
			released: amount(&proof.eth, 0),
		};
		Figures { lpt, eth, deposits, deposit_root }
	})
}

/// The total supply that `proof` proves of the token under a state root, at the storage slot `at`.
pub fn supply(
	state_root: H256,
	place: &GatewayPlace,
	at: u64,
	proof: &SupplyProof,
) -> Option<Balance> {
	let token = Some(account(&proof.token));
	let supply = stored(&word(proof.supply));
	let right = proves(state_root, place.token.as_bytes(), token, &proof.token_proof)
		&& proves(proof.token.storage_root, &slot(at), supply, &proof.supply_proof);
	right.then_some(proof.supply)
}
