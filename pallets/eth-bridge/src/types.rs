//! What is stored, and what is proven of Ethereum.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::BoundedVec;
use livepeer_primitives::{
	bridge::{BridgedAsset, EscrowView},
	AccountId, Balance, BlockNumber, RoundIndex,
};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_core::{ConstU32, H160, H256};

/// The largest node of Ethereum's tries, in bytes: sixteen hashes and a value.
pub const MAX_NODE: u32 = 640;
/// The most nodes from a trie's root to a value.
pub const MAX_NODES: u32 = 20;
/// The most subtrees of the gateway's tree that wait for a right neighbour: one at each height.
pub const MAX_SUBTREES: u32 = 32;
/// How many proven roots of the gateway's tree are good for deposits.
pub const MAX_ROOTS: u32 = 8;
/// The most earnings in a round.
pub const MAX_EARNINGS: u32 = 4_096;
/// The most forged deposits that are undone at once.
pub const MAX_UNDONE: u32 = 256;
/// What a round's earnings of an asset stay below, for the gateway counts them in 112 bits.
pub const MAX_ROUND_SUM: Balance = 1 << 112;

/// The nodes from a trie's root to a value, or to where it would be.
pub type TrieProof = BoundedVec<BoundedVec<u8, ConstU32<MAX_NODE>>, ConstU32<MAX_NODES>>;

/// Where the gateway is.
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
	Serialize,
	Deserialize,
)]
pub struct GatewayPlace {
	/// The id of its Ethereum chain.
	pub chain_id: u64,
	/// Its address.
	pub address: H160,
	/// The address of the LPT token.
	pub token: H160,
	/// The token's storage slot of the mapping of balances: 1 in Livepeer's.
	pub balances_slot: u64,
}

/// An account of Ethereum as its state trie has it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct EthereumAccount {
	/// How many transactions it has sent, or contracts it has made.
	pub nonce: u64,
	/// Its ETH in wei.
	pub balance: Balance,
	/// The root of its storage.
	pub storage_root: H256,
	/// The hash of its code.
	pub code_hash: H256,
}

/// A complete subtree of the gateway's tree of deposits that waits for its right neighbour.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct ProvenSubtree {
	/// Its root.
	pub root: H256,
	/// Proof under the gateway's storage root.
	pub proof: TrieProof,
}

/// The gateway at an execution block: its figures, each with its proof.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct GatewayProof {
	/// Its account.
	pub gateway: EthereumAccount,
	/// Proof under the block's state root.
	pub gateway_proof: TrieProof,
	/// The word that has the released LPT in its last 14 bytes.
	pub lpt: H256,
	/// Proof under the gateway's storage root, as are the next two.
	pub lpt_proof: TrieProof,
	/// The word that has the released ETH in its last 14 bytes.
	pub eth: H256,
	/// Its proof.
	pub eth_proof: TrieProof,
	/// The word that has, from its end, the number of deposits in 4 bytes, the deposited LPT in 14 and
	/// the deposited ETH in 14.
	pub counters: H256,
	/// Its proof.
	pub counters_proof: TrieProof,
	/// What the tree of deposits has its root by: the subtrees that wait, from the lowest up, one for each
	/// 1 in the number of deposits.
	pub subtrees: BoundedVec<ProvenSubtree, ConstU32<MAX_SUBTREES>>,
	/// The account of the LPT token.
	pub token: EthereumAccount,
	/// Proof under the block's state root.
	pub token_proof: TrieProof,
	/// The gateway's LPT.
	pub lpt_balance: Balance,
	/// Proof under the token's storage root.
	pub lpt_balance_proof: TrieProof,
}

/// The LPT on Ethereum that inflation counts, as governance has said.
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
	Serialize,
	Deserialize,
)]
pub struct SupplyRule {
	/// The token's storage slot of its total supply: 0 in Livepeer's.
	pub slot: u64,
	/// The most that is counted, whatever is proven.
	pub ceiling: Balance,
}

/// The total supply of the LPT token at an execution block, with its proof.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct SupplyProof {
	/// The account of the token.
	pub token: EthereumAccount,
	/// Proof under the block's state root.
	pub token_proof: TrieProof,
	/// The total supply.
	pub supply: Balance,
	/// Proof under the token's storage root.
	pub supply_proof: TrieProof,
}

/// The total supply of the LPT token as it was proven last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct ProvenSupply {
	/// At which execution block.
	pub block: u64,
	/// When that was made, in seconds.
	pub time: u64,
	/// How much.
	pub amount: Balance,
}

/// What was proven of the gateway last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct SyncedGateway {
	/// At which execution block.
	pub block: u64,
	/// When that was made, in seconds.
	pub time: u64,
	/// How many deposits it had.
	pub deposits: u32,
	/// Its LPT.
	pub lpt: EscrowView,
	/// Its ETH.
	pub eth: EscrowView,
}

impl SyncedGateway {
	/// The figures of an asset.
	pub fn of(&self, asset: BridgedAsset) -> EscrowView {
		match asset {
			BridgedAsset::Lpt => self.lpt,
			BridgedAsset::Eth => self.eth,
		}
	}
}

/// What has passed of an asset.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Book {
	/// Deposits taken.
	pub credited: Balance,
	/// Of these, what nobody owns yet.
	pub waiting: Balance,
	/// What was sent, fees and the open round's earnings among it.
	pub sent: Balance,
}

impl Book {
	/// What can still be sent: it came from Ethereum, has an owner here and has not gone back.
	pub fn backing(&self) -> Balance {
		self.credited.saturating_sub(self.waiting).saturating_sub(self.sent)
	}
}

/// How much may pass at once, and how fast that is restored.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Default,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
pub struct Rate {
	/// The most at once.
	pub capacity: Balance,
	/// What of it each block of the protocol restores.
	pub per_block: Balance,
}

/// The limits of an asset.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Default,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
pub struct Limits {
	/// Of deposits.
	pub inbound: Rate,
	/// Of what is sent.
	pub outbound: Rate,
	/// From which amount on a deposit waits instead of counting against the limit.
	pub large: Balance,
	/// For how many blocks of the protocol.
	pub delay: BlockNumber,
}

impl Limits {
	/// Whether they bound what comes in: nothing does, or what does not wait fits into the limit and
	/// the rest waits.
	pub fn is_valid(&self) -> bool {
		self.inbound.capacity == 0 || (self.large <= self.inbound.capacity && self.delay > 0)
	}
}

/// Which way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub enum Direction {
	/// From Ethereum.
	Inbound,
	/// To Ethereum.
	Outbound,
}

/// What is left of a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Level {
	/// How much.
	pub left: Balance,
	/// As of this block.
	pub at: BlockNumber,
}

/// Until when nothing passes, by direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Stops {
	/// From Ethereum: before this block of the protocol.
	pub inbound: Option<BlockNumber>,
	/// To Ethereum.
	pub outbound: Option<BlockNumber>,
}

/// Why the bridge stops.
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
pub enum Reason {
	/// The guardian or governance said so.
	Ordered,
	/// The escrow owns less than was deposited and not released.
	EscrowShort,
	/// The escrow has released more than this chain has sent.
	ReleasedTooMuch,
	/// A figure that only grows has shrunk.
	WentBack,
	/// More was credited here than was deposited there.
	CreditedTooMuch,
	/// There is more of the asset here than stands behind it.
	IssuedTooMuch,
}

/// A deposit that has come over and that nobody owns yet.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct WaitingDeposit {
	/// What was deposited.
	pub asset: BridgedAsset,
	/// Who is to own it.
	pub recipient: AccountId,
	/// How much.
	pub amount: Balance,
	/// From which block of the protocol on.
	pub ready_at: BlockNumber,
}

/// A deposit that was taken and that nobody ever made.
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
pub struct ForgedDeposit {
	/// Its place in the gateway's tree.
	pub index: u32,
	/// What it was of.
	pub asset: BridgedAsset,
	/// How much.
	pub amount: Balance,
}

/// What an account keeps when it is paid out, and from what amount on it is.
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
pub struct PayoutRule {
	/// What stays in the account above the smallest balance.
	pub keep: Balance,
	/// The least that is paid out.
	pub minimum: Balance,
}

/// Where and how an account is paid out on Ethereum.
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
pub struct Payout {
	/// Its address there.
	pub payee: H160,
	/// Its LPT, if that is paid out.
	pub lpt: Option<PayoutRule>,
	/// Its ETH, if that is paid out.
	pub eth: Option<PayoutRule>,
}

impl Payout {
	/// The rule of an asset.
	pub fn rule(&self, asset: BridgedAsset) -> Option<PayoutRule> {
		match asset {
			BridgedAsset::Lpt => self.lpt,
			BridgedAsset::Eth => self.eth,
		}
	}
}

/// The round whose earnings are being collected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Batch {
	/// Which.
	pub round: RoundIndex,
	/// How many.
	pub count: u32,
	/// The LPT in them.
	pub lpt: Balance,
	/// The ETH in them.
	pub eth: Balance,
}
