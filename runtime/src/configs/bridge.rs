//! The bridge to Ethereum: finality that a contract can check (BEEFY), what it signs (MMR), a light
//! client of Ethereum, and the bridged assets.

use super::{
	consensus::MaxSetIdSessionEntries, money::CommonPool, session::KeyOwners, staking::OncePerSet,
	timing::ReportLongevity,
};
use crate::{
	constants::{consensus::MAX_AUTHORITIES, money::deposit},
	Assets, Balance, Balances, BeefyMmr, BlockNumber, ChainConfig, EthLightClient, Hash, Rounds,
	Runtime, Timestamp,
};
use frame_support::{
	parameter_types,
	traits::{ConstU32, ConstU64},
};
use livepeer_primitives::bridge::Seal;
use sp_consensus_beefy::{
	ecdsa_crypto::AuthorityId as BeefyId,
	mmr::{BeefyDataProvider, MmrLeafVersion},
};
use sp_runtime::traits::Keccak256;
use sp_session::MembershipProof;

/// A leaf of the Merkle mountain range: the parent block, the next validators, the root of
/// everything that has been sent to Ethereum up to the parent block, and its time.
pub type MmrLeaf = sp_consensus_beefy::mmr::MmrLeaf<BlockNumber, Hash, Hash, Seal>;

impl pallet_beefy::Config for Runtime {
	type AncestryHelper = BeefyMmr;
	type BeefyId = BeefyId;
	type EquivocationReportSystem =
		pallet_beefy::EquivocationReportSystem<Self, OncePerSet, KeyOwners, ReportLongevity>;
	type KeyOwnerProof = MembershipProof;
	type MaxAuthorities = ConstU32<MAX_AUTHORITIES>;
	type MaxNominators = ConstU32<0>;
	type MaxSetIdSessionEntries = MaxSetIdSessionEntries;
	type OnNewValidatorSet = BeefyMmr;
	type WeightInfo = ();
}

impl pallet_mmr::Config for Runtime {
	const INDEXING_PREFIX: &'static [u8] = sp_mmr_primitives::INDEXING_PREFIX;

	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = ();
	type BlockHashProvider = pallet_mmr::DefaultBlockHashProvider<Runtime>;
	type Hashing = Keccak256;
	type LeafData = BeefyMmr;
	type OnNewRoot = pallet_beefy_mmr::DepositBeefyDigest<Runtime>;
	type WeightInfo = ();
}

parameter_types! {
	/// The format of a leaf. Its minor part rises if fields are added at the end.
	pub LeafVersion: MmrLeafVersion = MmrLeafVersion::new(0, 0);
}

/// The bridge's part of each leaf: what was sealed at the end of the parent, because a leaf is
/// stored under its parent and must be the same for all children.
pub struct Outbound;

impl BeefyDataProvider<Seal> for Outbound {
	fn extra_data() -> Seal {
		pallet_eth_bridge::Sealed::<Runtime>::get()
	}
}

impl pallet_beefy_mmr::Config for Runtime {
	type BeefyAuthorityToMerkleLeaf = pallet_beefy_mmr::BeefyEcdsaToEthereum;
	type BeefyDataProvider = Outbound;
	type LeafExtra = Seal;
	type LeafVersion = LeafVersion;
	type WeightInfo = ();
}

/// Slots of Ethereum in an hour.
const SLOTS_PER_HOUR: u64 = 300;

impl pallet_eth_light_client::Config for Runtime {
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkTime = BenchmarkTime;
	/// One epoch.
	type FreeInterval = ConstU64<32>;
	/// A day and a half, so that a relayer that is down for a night stops nothing.
	type MaxAge = ConstU64<{ 36 * SLOTS_PER_HOUR }>;
	type Time = Timestamp;
	/// Five days. From Gloas on (EIP-8061), a tenth of Ethereum's stake can leave within seven days.
	type WeakSubjectivity = ConstU64<{ 5 * 24 * SLOTS_PER_HOUR }>;
	type WeightInfo = pallet_eth_light_client::weights::SubstrateWeight<Runtime>;
}

/// Sets the time in benchmarks.
#[cfg(feature = "runtime-benchmarks")]
pub struct BenchmarkTime;

#[cfg(feature = "runtime-benchmarks")]
impl pallet_eth_light_client::SetTime for BenchmarkTime {
	fn set_seconds(seconds: u64) {
		pallet_timestamp::Now::<Runtime>::put(seconds.saturating_mul(1_000));
	}
}

parameter_types! {
	/// What a message to Ethereum costs in addition to its transaction, because it stays in the
	/// state for ever, with about one node of the tree.
	pub const MessagePrice: Balance = deposit(2, 160);
	/// The number of blocks for which the guardian can stop the bridge: a week of six-second
	/// blocks.
	pub const StopPeriod: BlockNumber = 100_800;
}

impl pallet_eth_bridge::Config for Runtime {
	type Assets = Assets;
	type Clock = ChainConfig;
	type CommonPool = CommonPool;
	type Currency = Balances;
	type Ethereum = EthLightClient;
	type MessagePrice = MessagePrice;
	type Rounds = Rounds;
	type StopPeriod = StopPeriod;
	type Time = Timestamp;
	type WeightInfo = pallet_eth_bridge::weights::SubstrateWeight<Runtime>;
}
