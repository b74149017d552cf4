//! The messages between this chain and the gateway on Ethereum: leaves, trees and their proofs.
//!
//! All hashes are Keccak-256, all integers are big-endian, and nothing is padded. The first byte of
//! the hashed data distinguishes leaves from inner nodes, and the kinds of leaves from each other.
//! The contracts compute the same; `tests/bridge/vectors.json` holds both to it.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_core::{H160, H256};
use sp_io::hashing::keccak_256;

use crate::{AccountId, Balance, Hash, RoundIndex};

/// The height of the two trees that only grow.
pub const DEPTH: usize = 32;
/// An empty leaf.
pub const EMPTY_LEAF: H256 = H256::zero();

const DOMAIN_TAG: &[u8; 18] = b"livepeer-bridge-v1";
const DEPOSIT: u8 = 0;
const NODE: u8 = 1;
const MESSAGE: u8 = 2;
const EARNING: u8 = 3;

/// The assets that the bridge carries.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
pub enum BridgedAsset {
	/// The chain's own coin; an ERC-20 token on Ethereum.
	#[codec(index = 0)]
	Lpt,
	/// An asset of the chain; Ethereum's own coin.
	#[codec(index = 1)]
	Eth,
}

impl BridgedAsset {
	/// Both.
	pub const ALL: [Self; 2] = [Self::Lpt, Self::Eth];

	/// Its byte in leaves.
	pub fn byte(self) -> u8 {
		match self {
			Self::Lpt => 0,
			Self::Eth => 1,
		}
	}
}

fn keccak(parts: &[&[u8]]) -> H256 {
	H256(keccak_256(&parts.concat()))
}

/// The hash that binds every leaf to one chain and one gateway.
pub fn domain(genesis: &Hash, chain_id: u64, gateway: &H160) -> H256 {
	let mut id = [0; 32];
	id[24..].copy_from_slice(&chain_id.to_be_bytes());
	keccak(&[DOMAIN_TAG, &genesis[..], &id, &gateway[..]])
}

/// The parent of two nodes.
pub fn node(left: &H256, right: &H256) -> H256 {
	keccak(&[&[NODE], &left[..], &right[..]])
}

/// The roots of empty trees of height 0 to [`DEPTH`].
pub fn zeros() -> [H256; DEPTH + 1] {
	let mut zeros = [EMPTY_LEAF; DEPTH + 1];
	for height in 0..DEPTH {
		zeros[height + 1] = node(&zeros[height], &zeros[height]);
	}
	zeros
}

/// The root of an empty tree.
pub fn empty_root() -> H256 {
	zeros()[DEPTH]
}

/// The root to which `path`, siblings from the leaf up, leads from `leaf` at `index`.
pub fn root_of_path(leaf: H256, index: u32, path: &[H256]) -> H256 {
	let mut current = leaf;
	for (height, sibling) in path.iter().enumerate() {
		let right = height < DEPTH && (index >> height) & 1 == 1;
		current = if right { node(sibling, &current) } else { node(&current, sibling) };
	}
	current
}

/// The heights at which, in a tree of `count` leaves, a complete subtree lacks its right neighbour,
/// from the lowest up: one for each 1 bit in `count`.
pub fn waiting_heights(count: u32) -> impl Iterator<Item = usize> {
	(0..DEPTH).filter(move |height| (count >> height) & 1 == 1)
}

/// The root of the tree of `count` leaves, from its subtrees that lack a right neighbour, from the
/// lowest up; `None` if there are too few or too many of these.
pub fn root_of_waiting(count: u32, subtrees: &[H256]) -> Option<H256> {
	let mut subtrees = subtrees.iter();
	// They are the left siblings of the first empty leaf; everything to its right is empty.
	let mut path = zeros();
	for height in waiting_heights(count) {
		*path.get_mut(height)? = *subtrees.next()?;
	}
	let path = path.get(..DEPTH)?;
	subtrees.next().is_none().then(|| root_of_path(EMPTY_LEAF, count, path))
}

/// A deposit on Ethereum, to be credited here.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Deposit {
	/// Its place in the gateway's tree.
	pub index: u32,
	/// The asset.
	pub asset: BridgedAsset,
	/// The recipient here.
	pub recipient: AccountId,
	/// The amount, in units of 10^-18.
	pub amount: Balance,
}

impl Deposit {
	/// Its leaf.
	pub fn leaf(&self, domain: &H256) -> H256 {
		keccak(&[
			&[DEPOSIT],
			&domain[..],
			&self.index.to_be_bytes(),
			&[self.asset.byte()],
			self.recipient.as_ref(),
			&self.amount.to_be_bytes(),
		])
	}
}

/// A message of the chain to the gateway.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Message {
	/// Somebody withdraws money.
	#[codec(index = 0)]
	Withdrawal {
		/// The asset.
		asset: BridgedAsset,
		/// The recipient on Ethereum.
		recipient: H160,
		/// The amount, including the fee, in units of 10^-18.
		amount: Balance,
		/// The part of it that goes to whoever carries the message.
		fee: Balance,
	},
	/// What was paid out in a round, as the root over all payees.
	#[codec(index = 1)]
	Earnings {
		/// The round.
		round: RoundIndex,
		/// The root over its earnings.
		root: H256,
		/// The number of earnings.
		count: u32,
		/// The LPT in them.
		lpt: Balance,
		/// The ETH in them, in wei.
		eth: Balance,
	},
}

impl Message {
	/// Its leaf at `index`.
	pub fn leaf(&self, domain: &H256, index: u32) -> H256 {
		let index = index.to_be_bytes();
		match self {
			Self::Withdrawal { asset, recipient, amount, fee } => keccak(&[
				&[MESSAGE],
				&domain[..],
				&index,
				&[0, asset.byte()],
				&recipient[..],
				&amount.to_be_bytes(),
				&fee.to_be_bytes(),
			]),
			Self::Earnings { round, root, count, lpt, eth } => keccak(&[
				&[MESSAGE],
				&domain[..],
				&index,
				&[1],
				&round.to_be_bytes(),
				&root[..],
				&count.to_be_bytes(),
				&lpt.to_be_bytes(),
				&eth.to_be_bytes(),
			]),
		}
	}

	/// How much of `asset` leaves with it.
	pub fn amount(&self, of: BridgedAsset) -> Balance {
		match (self, of) {
			(Self::Withdrawal { asset, amount, .. }, _) if *asset == of => *amount,
			(Self::Withdrawal { .. }, _) => 0,
			(Self::Earnings { lpt, .. }, BridgedAsset::Lpt) => *lpt,
			(Self::Earnings { eth, .. }, BridgedAsset::Eth) => *eth,
		}
	}
}

/// One payee's part of a round's earnings.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Earning {
	/// The asset.
	pub asset: BridgedAsset,
	/// The payee on Ethereum.
	pub payee: H160,
	/// The amount, in units of 10^-18.
	pub amount: Balance,
}

impl Earning {
	/// Its leaf at `index` of the round's tree.
	pub fn leaf(&self, domain: &H256, round: RoundIndex, index: u32) -> H256 {
		keccak(&[
			&[EARNING],
			&domain[..],
			&round.to_be_bytes(),
			&index.to_be_bytes(),
			&[self.asset.byte()],
			&self.payee[..],
			&self.amount.to_be_bytes(),
		])
	}
}

/// The rows of the tree over `leaves`, from the leaves up, each padded to a power of two with empty
/// leaves.
fn rows(mut leaves: Vec<H256>) -> Vec<Vec<H256>> {
	leaves.resize(leaves.len().next_power_of_two(), EMPTY_LEAF);
	let mut rows = Vec::new();
	while leaves.len() > 1 {
		let above =
			leaves.chunks(2).filter_map(|pair| Some(node(pair.first()?, pair.get(1)?))).collect();
		rows.push(core::mem::replace(&mut leaves, above));
	}
	rows.push(leaves);
	rows
}

/// The root over a round's leaves; `None` if there are none.
pub fn earnings_root(leaves: Vec<H256>) -> Option<H256> {
	(!leaves.is_empty()).then(|| rows(leaves).pop()?.pop()).flatten()
}

/// The siblings, from the leaf up, by which leaf `index` is proven under [`earnings_root`].
pub fn earnings_path(leaves: Vec<H256>, index: u32) -> Option<Vec<H256>> {
	let index = usize::try_from(index).ok().filter(|index| *index < leaves.len())?;
	let mut rows = rows(leaves);
	rows.pop();
	rows.iter().enumerate().map(|(height, row)| row.get((index >> height) ^ 1).copied()).collect()
}

/// What a leaf of the Merkle mountain range contains besides its parent and the next validators. It
/// is the same for all children of a block.
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
pub struct Seal {
	/// The root of the messages' tree at the end of the parent.
	pub outbound_root: H256,
	/// The parent's time in milliseconds since 1970.
	pub time: u64,
}

impl Default for Seal {
	fn default() -> Self {
		Self { outbound_root: empty_root(), time: 0 }
	}
}

/// The bridge's figures of an asset, in units of 10^-18.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct BridgedView {
	/// The issuance on this chain.
	pub issued: Balance,
	/// Deposits taken, including those that wait.
	pub credited: Balance,
	/// Deposits taken that belong to nobody yet.
	pub waiting: Balance,
	/// What was sent to Ethereum, including fees.
	pub sent: Balance,
	/// What can still be sent, because it is backed on Ethereum.
	pub backing: Balance,
	/// The escrow at the last `sync`.
	pub escrow: Option<EscrowView>,
	/// What can be credited at once now, and what can be sent now, by the limits.
	pub limits: [Balance; 2],
}

/// The escrow's figures of an asset, as proven of Ethereum.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct EscrowView {
	/// What the gateway owns.
	pub balance: Balance,
	/// The sum of all deposits ever.
	pub deposited: Balance,
	/// The sum of everything that ever left.
	pub released: Balance,
}

/// The state of the bridge.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct BridgeView {
	/// The hash that binds its leaves; `None` before the gateway is known.
	pub domain: Option<H256>,
	/// The health of the light client.
	pub client: crate::ethereum::ClientHealth,
	/// The execution block of the last `sync`, and its time in seconds.
	pub synced: Option<(u64, u64)>,
	/// The number of the gateway's deposits.
	pub deposits: u32,
	/// The number of messages.
	pub messages: u32,
	/// Until which block of the protocol nothing comes in, and nothing goes out; the largest number
	/// stands for "until governance resumes".
	pub stopped: [Option<crate::BlockNumber>; 2],
	/// LPT.
	pub lpt: BridgedView,
	/// ETH.
	pub eth: BridgedView,
}

sp_api::decl_runtime_apis! {
	/// The bridge's reads for relayers and wallets.
	pub trait BridgeApi {
		/// The state of the bridge.
		fn bridge() -> BridgeView;
		/// A message, and the siblings, from its leaf up, in the tree of the first `count` messages.
		fn message(index: u32, count: u32) -> Option<(Message, Vec<H256>)>;
		/// An earning, and the siblings, from its leaf up, by which it is proven under its round's root.
		fn earning(round: RoundIndex, index: u32) -> Option<(Earning, Vec<H256>)>;
		/// Whether a deposit has been taken, whatever became of it.
		fn is_credited(deposit: u32) -> bool;
	}
}
