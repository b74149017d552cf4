//! # Livepeer primitives
//!
//! The types, formats, formulas and traits that the chain and the worker share. Everything that is
//! signed, hashed or committed to is defined here and nowhere else.
//!
//! - Formats: [`segment`], [`chunks`], [`receipt`], [`leaf`], [`sum_tree`], [`claim`], [`duty`],
//!   [`verdict`], [`evidence`], [`variant`], [`toolchain`]; all domain-separated by [`domain`] and
//!   signed as in [`keys`]. `docs/formats.md` describes them to the byte; `tests/vectors.json` has
//!   their exact bytes and hashes, for implementations in other languages.
//! - What a job demands, and can demand: [`video`], [`job_format`].
//! - Formulas: [`work`], [`draw`].
//! - Parameters: [`params`].
//! - Contracts between pallets: [`traits`]. No pallet names another pallet of ours.
//! - What the pool is told of a refused call without an account: [`refusal`].
//! - Contracts with processes outside the Wasm: [`api`] (runtime API), [`offchain`] (the node's
//!   off-chain database and the verify service).
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod agenda;
pub mod api;
pub mod bridge;
pub mod chunks;
pub mod claim;
pub mod domain;
pub mod draw;
pub mod duty;
pub mod ethereum;
pub mod evidence;
pub mod extension;
pub mod job_format;
pub mod keys;
pub mod leaf;
pub mod offchain;
pub mod params;
pub mod receipt;
pub mod refusal;
pub mod segment;
pub mod service;
pub mod sum_tree;
pub mod toolchain;
pub mod traits;
pub mod variant;
pub mod verdict;
pub mod video;
pub mod work;

use sp_runtime::{
	traits::{IdentifyAccount, Verify},
	MultiSignature,
};

/// A 256-bit hash.
pub type Hash = sp_core::H256;
/// A signature by an account.
pub type Signature = MultiSignature;
/// An account: the public key of its signer, or a hash of it.
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
/// An amount of LPT or of ETH in its smallest unit; both have 18 decimals.
pub type Balance = u128;
/// A block's height.
pub type BlockNumber = u32;
/// A count of an account's transactions.
pub type Nonce = u32;
/// The id of an asset in `pallet-assets`.
pub type AssetId = u32;

/// A job's number, assigned in order of creation and never reused.
pub type JobId = u64;
/// An assignment's number within its job, from 0.
pub type AssignmentIndex = u32;
/// A claim's number, assigned in order of claiming and never reused.
pub type ClaimId = u64;
/// A round's number.
pub type RoundIndex = u32;
/// A beacon window's number: block height divided by the window length.
pub type WindowIndex = u32;
/// A segment's number within its stream and track, ascending over all epochs.
pub type Seq = u64;
/// A stretch of a stream without restart or discontinuity.
pub type Epoch = u32;
/// A stream's track: the network transcodes track 0.
pub type Track = u8;
/// Identifies a broadcaster's stream: see [`segment::stream_id`].
pub type StreamId = Hash;
/// Identifies the exact outputs of a transcoding toolchain: see [`toolchain`].
pub type ToolchainId = Hash;

/// The asset id under which ETH is held.
pub const ETH: AssetId = 1;
/// The smallest balance of ETH that an account can have: 10^13 wei. It stays free when the rest is
/// on hold, and a claim's fee below it cannot go into escrow.
pub const ETH_MINIMUM: Balance = 10_000_000_000_000;
/// One LPT or one ETH in smallest units.
pub const UNIT: Balance = 1_000_000_000_000_000_000;

/// Largest number of renditions in a job.
pub const MAX_RENDITIONS: u32 = 8;
/// Most profiles that have a work factor.
pub const MAX_PROFILES: u32 = 8;
/// Largest number of leaves sampled in one claim.
pub const MAX_SAMPLES: u32 = 16;
/// Largest number of validators stored with a seed, and so in a dispute.
pub const MAX_VALIDATORS: u32 = 256;
/// The largest committee that parameters can set.
pub const MAX_COMMITTEE: u32 = 64;
/// The most verifiers that one challenge can penalise: its committee and its dispute's members.
pub const MAX_PENALTIES: u32 = MAX_COMMITTEE + MAX_VALIDATORS;
/// Blocks between a tranche's end and the seed of the next one, or of the dispute. The accumulator
/// then contains the VRF outputs of two authors that did not know yet that they would determine the
/// seed.
pub const DISPUTE_DELAY: BlockNumber = 2;
/// Verifiers that are penalised in one step of a decision's execution, so that no block carries a
/// whole set.
pub const PENALTIES_PER_STEP: u32 = 16;
/// How many rounds a slash reaches back, including the current one: stake that left earlier is
/// spared. Every liability window is shorter.
pub const MAX_SLASHED_ROUNDS: RoundIndex = 64;
/// Largest depth of a claim's tree, which is at most 2^12 leaves.
pub const MAX_TREE_DEPTH: u32 = 12;
