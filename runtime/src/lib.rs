//! # Livepeer runtime
//!
//! The state machine of the chain. It is the only place that names two of its pallets together:
//! what one pallet needs from another is declared as a trait in `livepeer-primitives` and connected
//! in [`configs`].
//!
//! - `runtime`: the pallets and their order.
//! - [`configs`]: one file per concern.
//! - [`apis`]: the runtime APIs for nodes and apps.
//! - [`genesis_config_presets`]: how a chain begins.
//! - [`constants`]: amounts and limits.
//!
//! The timing of a chain (block time, session length) is written into its state at genesis. Nothing
//! here assumes it at compile time, so that one Wasm serves every chain.
#![cfg_attr(not(feature = "std"), no_std)]
#![recursion_limit = "512"]
// The code that FRAME's macros generate has no documentation.
#![allow(missing_docs)]

extern crate alloc;

#[cfg(feature = "std")]
include!(concat!(env!("OUT_DIR"), "/wasm_binary.rs"));

pub mod apis;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarks;
pub mod configs;
pub mod constants;
pub mod genesis_config_presets;
#[cfg(feature = "try-runtime")]
mod invariants;
#[cfg(test)]
mod tests;

use alloc::{borrow::Cow, vec::Vec};
use livepeer_primitives::{AccountId, Nonce, Signature};
use sp_runtime::{generic, impl_opaque_keys, traits::BlakeTwo256, MultiAddress};
use sp_version::RuntimeVersion;

pub use apis::{api, RuntimeApi};
use configs::priority::BelowDuties;
pub use constants::SS58_PREFIX;
pub use livepeer_primitives::{Balance, BlockNumber, Hash};

/// Blocks as the node sees them: it needs no metadata to handle the chain's transactions.
pub mod opaque {
	use super::{generic, BlakeTwo256, BlockNumber};
	pub use sp_runtime::OpaqueExtrinsic as UncheckedExtrinsic;

	/// A block header.
	pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
	/// A block of opaque transactions.
	pub type Block = generic::Block<Header, UncheckedExtrinsic>;
	/// Identifies a block.
	pub type BlockId = generic::BlockId<Block>;
	/// Identifies a block by its header's hash.
	pub type Hash = super::Hash;
}

impl_opaque_keys! {
	/// The keys of a validator.
	pub struct SessionKeys {
		/// Signs blocks.
		pub babe: Babe,
		/// Signs finality votes.
		pub grandpa: Grandpa,
		/// Signs the network addresses of the validator.
		pub authority_discovery: AuthorityDiscovery,
		/// Signs finality for Ethereum's light client.
		pub beefy: Beefy,
		/// Signs commits and verdicts.
		pub verifier: ChallengeLottery,
	}
}

/// The version of the state machine.
#[sp_version::runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
	spec_name: Cow::Borrowed("livepeer"),
	impl_name: Cow::Borrowed("livepeer-appchain"),
	authoring_version: 1,
	spec_version: 2,
	impl_version: 1,
	apis: apis::RUNTIME_API_VERSIONS,
	transaction_version: 2,
	system_version: 1,
};

/// How transactions name accounts.
pub type Address = MultiAddress<AccountId, ()>;
/// A block header.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
/// A block.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;
/// The transaction extensions, which every transaction passes in this order.
///
/// `AuthorizeCall` comes first: it gives authorized calls, which carry no account's signature,
/// their origin, so that the following checks apply to them too. `ChargeAssetTxPayment` names the
/// asset of the fee: none is LPT, 1 is ETH. Its tips never put a transaction before a duty, and it
/// refuses calls that cost nothing from accounts. With `CheckMetadataHash` enabled, a transaction is
/// signed for the runtime's metadata, which an offline signer has checked. A runtime that was built
/// without the feature `metadata-hash` does not know its own metadata hash and refuses such a
/// transaction.
pub type TxExtension = (
	frame_system::AuthorizeCall<Runtime>,
	frame_system::CheckNonZeroSender<Runtime>,
	frame_system::CheckSpecVersion<Runtime>,
	frame_system::CheckTxVersion<Runtime>,
	frame_system::CheckGenesis<Runtime>,
	frame_system::CheckEra<Runtime>,
	frame_system::CheckNonce<Runtime>,
	frame_system::CheckWeight<Runtime>,
	BelowDuties<pallet_asset_tx_payment::ChargeAssetTxPayment<Runtime>>,
	frame_metadata_hash_extension::CheckMetadataHash<Runtime>,
	frame_system::WeightReclaim<Runtime>,
);
/// A transaction in its encoded form.
pub type UncheckedExtrinsic =
	generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;
/// What a transaction's sender signs.
pub type SignedPayload = generic::SignedPayload<RuntimeCall, TxExtension>;
/// Executes blocks and transactions.
pub type Executive = frame_executive::Executive<
	Runtime,
	Block,
	frame_system::ChainContext<Runtime>,
	Runtime,
	AllPalletsWithSystem,
>;

/// The extensions of a transaction by the account whose next nonce is `nonce`, valid for `era`,
/// with a `tip` in smallest units of LPT for the block's author, paid in LPT.
pub fn tx_extension(era: generic::Era, nonce: Nonce, tip: Balance) -> TxExtension {
	(
		frame_system::AuthorizeCall::new(),
		frame_system::CheckNonZeroSender::new(),
		frame_system::CheckSpecVersion::new(),
		frame_system::CheckTxVersion::new(),
		frame_system::CheckGenesis::new(),
		frame_system::CheckEra::from(era),
		frame_system::CheckNonce::from(nonce),
		frame_system::CheckWeight::new(),
		BelowDuties(pallet_asset_tx_payment::ChargeAssetTxPayment::from(tip, None)),
		frame_metadata_hash_extension::CheckMetadataHash::new(false),
		frame_system::WeightReclaim::new(),
	)
}

/// Checks the invariants across pallets and those of every pallet at height `now`; `None` if they
/// are not built in, without the feature `try-runtime`.
pub fn check_invariants(now: BlockNumber) -> Option<Result<(), sp_runtime::TryRuntimeError>> {
	#[cfg(feature = "try-runtime")]
	{
		use frame_support::traits::{TryState, TryStateSelect};
		Some(invariants::check().and_then(|()| {
			<AllPalletsWithSystem as TryState<BlockNumber>>::try_state(now, TryStateSelect::All)
		}))
	}
	#[cfg(not(feature = "try-runtime"))]
	{
		let _ = now;
		None
	}
}

/// The pallets. The index determines the order in which hooks run and genesis is built, so it is
/// part of the protocol: timing is written before Babe reads it, the beacon folds the parent's
/// randomness before anything draws with it, and the validators are elected before Session asks for
/// them. Mmr comes after Session, because the leaf of a session's first block names the validators
/// of the session after it.
///
#[frame_support::runtime]
mod runtime {
	#[runtime::runtime]
	#[runtime::derive(
		RuntimeCall,
		RuntimeEvent,
		RuntimeError,
		RuntimeOrigin,
		RuntimeFreezeReason,
		RuntimeHoldReason,
		RuntimeSlashReason,
		RuntimeLockId,
		RuntimeTask,
		RuntimeViewFunction
	)]
	pub struct Runtime;

	#[runtime::pallet_index(0)]
	pub type System = frame_system;
	#[runtime::pallet_index(1)]
	pub type ChainConfig = pallet_chain_config;
	#[runtime::pallet_index(2)]
	pub type Timestamp = pallet_timestamp;
	#[runtime::pallet_index(3)]
	pub type Babe = pallet_babe;
	#[runtime::pallet_index(4)]
	pub type Authorship = pallet_authorship;
	#[runtime::pallet_index(5)]
	pub type Balances = pallet_balances;
	#[runtime::pallet_index(6)]
	pub type TransactionPayment = pallet_transaction_payment;
	#[runtime::pallet_index(7)]
	pub type Assets = pallet_assets;
	#[runtime::pallet_index(8)]
	pub type AssetsHolder = pallet_assets_holder;
	#[runtime::pallet_index(9)]
	pub type Beacon = pallet_beacon;
	#[runtime::pallet_index(10)]
	pub type Rounds = pallet_rounds;
	#[runtime::pallet_index(11)]
	pub type LptStaking = pallet_lpt_staking;
	#[runtime::pallet_index(12)]
	pub type Inflation = pallet_inflation;
	#[runtime::pallet_index(13)]
	pub type TranscoderElection = pallet_transcoder_election;
	#[runtime::pallet_index(14)]
	pub type Jobs = pallet_jobs;
	#[runtime::pallet_index(15)]
	pub type ChallengeLottery = pallet_challenge_lottery;
	#[runtime::pallet_index(16)]
	pub type Offences = pallet_offences;
	#[runtime::pallet_index(17)]
	pub type Historical = pallet_session::historical;
	#[runtime::pallet_index(18)]
	pub type Session = pallet_session;
	#[runtime::pallet_index(19)]
	pub type Grandpa = pallet_grandpa;
	#[runtime::pallet_index(20)]
	pub type AuthorityDiscovery = pallet_authority_discovery;
	#[runtime::pallet_index(21)]
	pub type Beefy = pallet_beefy;
	#[runtime::pallet_index(22)]
	pub type Mmr = pallet_mmr;
	#[runtime::pallet_index(23)]
	pub type BeefyMmr = pallet_beefy_mmr;
	#[runtime::pallet_index(24)]
	pub type AssetTxPayment = pallet_asset_tx_payment;
	#[runtime::pallet_index(25)]
	pub type OperatorKeys = pallet_operator_keys;
	#[runtime::pallet_index(26)]
	pub type EthLightClient = pallet_eth_light_client;
	#[runtime::pallet_index(27)]
	pub type EthBridge = pallet_eth_bridge;

	#[runtime::pallet_index(30)]
	pub type Utility = pallet_utility;
	#[runtime::pallet_index(31)]
	pub type Proxy = pallet_proxy;
	#[runtime::pallet_index(32)]
	pub type Multisig = pallet_multisig;
	#[runtime::pallet_index(33)]
	pub type Scheduler = pallet_scheduler;
	#[runtime::pallet_index(34)]
	pub type Preimage = pallet_preimage;
	#[runtime::pallet_index(35)]
	pub type Identity = pallet_identity;
	#[runtime::pallet_index(36)]
	pub type Migrations = pallet_migrations;
	#[runtime::pallet_index(37)]
	pub type Parameters = pallet_parameters;
	#[runtime::pallet_index(38)]
	pub type TxPause = pallet_tx_pause;
	#[runtime::pallet_index(39)]
	pub type SafeMode = pallet_safe_mode;
	#[runtime::pallet_index(40)]
	pub type Sudo = pallet_sudo;
}
