//! The types that are stored, and those that are proven of Ethereum.

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
/// The most subtrees of the gateway's tree that lack their right neighbour: one at each height.
pub const MAX_SUBTREES: u32 = 32;
/// How many proven roots of the gateway's tree remain valid for deposits.
pub const MAX_ROOTS: u32 = 8;
/// The most earnings in a round.
pub const MAX_EARNINGS: u32 = 4_096;
/// The most forged deposits that are undone at once.
pub const MAX_UNDONE: u32 = 256;
/// The bound below which a round's earnings of an asset stay, because the gateway counts them in
/// 112 bits.
pub const MAX_ROUND_SUM: Balance = 1 << 112;

/// The nodes from a trie's root to a value, or to the place where it would be.
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

/// An account of Ethereum as its state trie contains it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct EthereumAccount {
	/// The number of transactions that it has sent, or of contracts that it has created.
	pub nonce: u64,
	/// Its ETH in wei.
	pub balance: Balance,
	/// The root of its storage.
	pub storage_root: H256,
	/// The hash of its code.
	pub code_hash: H256,
}

/// A complete subtree of the gateway's tree of deposits that lacks its right neighbour.
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
	/// The word with the released LPT in its last 14 bytes.
	pub lpt: H256,
	/// Its proof under the gateway's storage root, as for the next two.
	pub lpt_proof: TrieProof,
	/// The word with the released ETH in its last 14 bytes.
	pub eth: H256,
	/// Its proof.
	pub eth_proof: TrieProof,
	/// The word with, from its end, the number of deposits in 4 bytes, the deposited LPT in 14 and
	/// the deposited ETH in 14.
	pub counters: H256,
	/// Its proof.
	pub counters_proof: TrieProof,
	/// The subtrees that determine the root of the tree of deposits: those without a right
	/// neighbour, from the lowest up, one for each 1 bit in the number of deposits.
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

/// What part of the LPT on Ethereum inflation counts, as governance has set it.
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
	/// The most that is counted, even if more is proven.
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

/// The total supply of the LPT token, as last proven.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct ProvenSupply {
	/// The execution block.
	pub block: u64,
	/// The time of that block, in seconds.
	pub time: u64,
	/// The supply.
	pub amount: Balance,
}

/// What was last proven of the gateway.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct SyncedGateway {
	/// The execution block.
	pub block: u64,
	/// The time of that block, in seconds.
	pub time: u64,
	/// The number of its deposits.
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

/// The sums that have passed of an asset.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Book {
	/// Deposits taken.
	pub credited: Balance,
	/// The part of these that belongs to nobody yet.
	pub waiting: Balance,
	/// What was sent, including fees and the earnings of the open round.
	pub sent: Balance,
}

impl Book {
	/// What can still be sent: it came from Ethereum, has an owner here and has not gone back.
	pub fn backing(&self) -> Balance {
		self.credited.saturating_sub(self.waiting).saturating_sub(self.sent)
	}
}

/// How much can pass at once, and how fast that refills.
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
	/// The most that can pass at once.
	pub capacity: Balance,
	/// How much of it each block of the protocol refills.
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
	/// For deposits.
	pub inbound: Rate,
	/// For what is sent.
	pub outbound: Rate,
	/// The amount from which a deposit waits instead of counting against the limit.
	pub large: Balance,
	/// The number of protocol blocks for which it waits.
	pub delay: BlockNumber,
}

impl Limits {
	/// Whether they bound what comes in: either nothing can, or what does not wait fits into the
	/// limit and the rest waits.
	pub fn is_valid(&self) -> bool {
		self.inbound.capacity == 0 || (self.large <= self.inbound.capacity && self.delay > 0)
	}
}

/// A direction.
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
	/// The amount.
	pub left: Balance,
	/// The block as of which this holds.
	pub at: BlockNumber,
}

/// Until when nothing passes, by direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Stops {
	/// From Ethereum: until this block of the protocol, exclusively.
	pub inbound: Option<BlockNumber>,
	/// To Ethereum, in the same way.
	pub outbound: Option<BlockNumber>,
}

/// Why the bridge was stopped.
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
	/// The guardian or governance ordered it.
	Ordered,
	/// The escrow owns less than was deposited and not released.
	EscrowShort,
	/// The escrow has released more than this chain has sent.
	ReleasedTooMuch,
	/// A figure that can only grow has shrunk.
	WentBack,
	/// More was credited here than was deposited there.
	CreditedTooMuch,
	/// There is more of the asset here than is backed.
	IssuedTooMuch,
}

/// A deposit that was taken and belongs to nobody yet.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct WaitingDeposit {
	/// The asset.
	pub asset: BridgedAsset,
	/// The recipient.
	pub recipient: AccountId,
	/// The amount.
	pub amount: Balance,
	/// The first block of the protocol in which it can be released.
	pub ready_at: BlockNumber,
}

/// A deposit that was taken although nobody ever made it.
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
	/// The asset.
	pub asset: BridgedAsset,
	/// The amount.
	pub amount: Balance,
}

/// What an account keeps when it is paid out, and the least that is paid out.
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
	/// The round.
	pub round: RoundIndex,
	/// The number of earnings.
	pub count: u32,
	/// The LPT in them.
	pub lpt: Balance,
	/// The ETH in them.
	pub eth: Balance,
}
