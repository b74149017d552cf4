//! The benchmarks of this runtime: those of our own pallets, and those of SDK pallets whose worst
//! case depends on their configuration here.

use crate::Runtime;
use alloc::{string::String, vec::Vec};
use frame_benchmarking::{define_benchmarks, BenchmarkBatch, BenchmarkConfig, BenchmarkList};
use frame_support::traits::{
	StorageInfo, StorageInfoTrait, TrackedStorageKey, WhitelistedStorageKeys,
};

impl frame_system_benchmarking::Config for Runtime {}

define_benchmarks!(
	[frame_system, frame_system_benchmarking::Pallet::<Runtime>]
	[pallet_balances, crate::Balances]
	[pallet_timestamp, crate::Timestamp]
	[pallet_utility, crate::Utility]
	[pallet_beacon, crate::Beacon]
	[pallet_chain_config, crate::ChainConfig]
	[pallet_challenge_lottery, crate::ChallengeLottery]
	[pallet_eth_bridge, crate::EthBridge]
	[pallet_eth_light_client, crate::EthLightClient]
	[pallet_inflation, crate::Inflation]
	[pallet_jobs, crate::Jobs]
	[pallet_lpt_staking, crate::LptStaking]
	[pallet_operator_keys, crate::OperatorKeys]
	[pallet_rounds, crate::Rounds]
	[pallet_transcoder_election, crate::TranscoderElection]
);

/// Lists the benchmarks, with `extra` also those that are not for weights, and the storage on which
/// they are measured.
pub fn metadata(extra: bool) -> (Vec<BenchmarkList>, Vec<StorageInfo>) {
	let mut list = Vec::<BenchmarkList>::new();
	list_benchmarks!(list, extra);
	(list, crate::AllPalletsWithSystem::storage_info())
}

/// Runs the benchmark that `config` names.
pub fn dispatch(config: BenchmarkConfig) -> Result<Vec<BenchmarkBatch>, String> {
	let whitelist: Vec<TrackedStorageKey> = crate::AllPalletsWithSystem::whitelisted_storage_keys();
	let mut batches = Vec::<BenchmarkBatch>::new();
	let params = (&config, &whitelist);
	add_benchmarks!(params, batches);
	Ok(batches)
}
