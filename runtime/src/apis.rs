//! The runtime APIs for nodes and apps.

use crate::{
	configs::{bridge::MmrLeaf, session::KeyOwners, timing, video::Services},
	constants, AuthorityDiscovery, Babe, Balance, Beacon, Beefy, BeefyMmr, Block, BlockNumber,
	ChainConfig, ChallengeLottery, EthBridge, Executive, Grandpa, Hash, Inflation, InherentDataExt,
	Jobs, LptStaking, Mmr, OperatorKeys, Rounds, Runtime, RuntimeCall, RuntimeGenesisConfig,
	SessionKeys, System, TransactionPayment, TranscoderElection, VERSION,
};
use alloc::vec::Vec;
use frame_support::{
	genesis_builder_helper::{build_state, get_preset},
	traits::{Get, KeyOwnerProofSystem},
	weights::Weight,
};
use livepeer_primitives::{
	api::{
		AssignmentView, BackingView, ChallengeView, ClaimTerms, ClockView, DelegatorView, DutyView,
		InflationView, JobView, JudgementView, KeysView, PerformanceView, PoolSeat, RetiringView,
		RoundView, SpendingView, StakeView, TermsView, TranscoderView, ValidatorView, WorkerLimits,
		YieldView,
	},
	bridge::{BridgeView, Earning, Message},
	claim::ClaimInfo,
	keys::Purpose,
	params::{ParameterError, ProtocolParameters, Timing, VerificationTerms},
	service::ServiceRecord,
	toolchain::Attestation,
	traits::{Beacon as _, Rounds as _, Seed, ServiceDirectory},
	AccountId, AssignmentIndex, ClaimId, JobId, Nonce, RoundIndex, StreamId, ToolchainId,
	WindowIndex,
};
use sp_api::impl_runtime_apis;
use sp_authority_discovery::AuthorityId as AuthorityDiscoveryId;
use sp_consensus_beefy::ecdsa_crypto::{AuthorityId as BeefyId, Signature as BeefySignature};
use sp_consensus_grandpa::{AuthorityId as GrandpaId, AuthorityList, SetId};
use sp_core::{crypto::KeyTypeId, OpaqueMetadata};
use sp_runtime::{
	traits::{Block as BlockT, Keccak256, NumberFor},
	transaction_validity::{TransactionSource, TransactionValidity},
	ApplyExtrinsicResult, ExtrinsicInclusionMode,
};
use sp_session::OpaqueGeneratedSessionKeys;
use sp_version::RuntimeVersion;

impl_runtime_apis! {
	impl sp_api::Core<Block> for Runtime {
		fn version() -> RuntimeVersion {
			VERSION
		}

		fn execute_block(block: <Block as BlockT>::LazyBlock) {
			Executive::execute_block(block);
		}

		fn initialize_block(header: &<Block as BlockT>::Header) -> ExtrinsicInclusionMode {
			Executive::initialize_block(header)
		}
	}

	impl sp_api::Metadata<Block> for Runtime {
		fn metadata() -> OpaqueMetadata {
			OpaqueMetadata::new(Runtime::metadata().into())
		}

		fn metadata_at_version(version: u32) -> Option<OpaqueMetadata> {
			Runtime::metadata_at_version(version)
		}

		fn metadata_versions() -> Vec<u32> {
			Runtime::metadata_versions()
		}
	}

	impl frame_support::view_functions::runtime_api::RuntimeViewFunction<Block> for Runtime {
		fn execute_view_function(
			id: frame_support::view_functions::ViewFunctionId,
			input: Vec<u8>,
		) -> Result<Vec<u8>, frame_support::view_functions::ViewFunctionDispatchError> {
			Runtime::execute_view_function(id, input)
		}
	}

	impl sp_block_builder::BlockBuilder<Block> for Runtime {
		fn apply_extrinsic(extrinsic: <Block as BlockT>::Extrinsic) -> ApplyExtrinsicResult {
			Executive::apply_extrinsic(extrinsic)
		}

		fn finalize_block() -> <Block as BlockT>::Header {
			Executive::finalize_block()
		}

		fn inherent_extrinsics(
			data: sp_inherents::InherentData,
		) -> Vec<<Block as BlockT>::Extrinsic> {
			data.create_extrinsics()
		}

		fn check_inherents(
			block: <Block as BlockT>::LazyBlock,
			data: sp_inherents::InherentData,
		) -> sp_inherents::CheckInherentsResult {
			data.check_extrinsics(&block)
		}
	}

	impl sp_transaction_pool::runtime_api::TaggedTransactionQueue<Block> for Runtime {
		fn validate_transaction(
			source: TransactionSource,
			tx: <Block as BlockT>::Extrinsic,
			block_hash: <Block as BlockT>::Hash,
		) -> TransactionValidity {
			Executive::validate_transaction(source, tx, block_hash)
		}
	}

	impl sp_offchain::OffchainWorkerApi<Block> for Runtime {
		fn offchain_worker(header: &<Block as BlockT>::Header) {
			Executive::offchain_worker(header)
		}
	}

	impl sp_session::SessionKeys<Block> for Runtime {
		fn generate_session_keys(
			owner: Vec<u8>,
			seed: Option<Vec<u8>>,
		) -> OpaqueGeneratedSessionKeys {
			SessionKeys::generate(&owner, seed).into()
		}

		fn decode_session_keys(encoded: Vec<u8>) -> Option<Vec<(Vec<u8>, KeyTypeId)>> {
			SessionKeys::decode_into_raw_public_keys(&encoded)
		}
	}

	impl sp_consensus_babe::BabeApi<Block> for Runtime {
		fn configuration() -> sp_consensus_babe::BabeConfiguration {
			let epoch_config = Babe::epoch_config().unwrap_or(constants::consensus::BABE_CONFIG);
			sp_consensus_babe::BabeConfiguration {
				slot_duration: Babe::slot_duration(),
				epoch_length: timing::SessionLength::get(),
				c: epoch_config.c,
				authorities: Babe::authorities().to_vec(),
				randomness: Babe::randomness(),
				allowed_slots: epoch_config.allowed_slots,
			}
		}

		fn current_epoch_start() -> sp_consensus_babe::Slot {
			Babe::current_epoch_start()
		}

		fn current_epoch() -> sp_consensus_babe::Epoch {
			Babe::current_epoch()
		}

		fn next_epoch() -> sp_consensus_babe::Epoch {
			Babe::next_epoch()
		}

		fn generate_key_ownership_proof(
			_slot: sp_consensus_babe::Slot,
			authority_id: sp_consensus_babe::AuthorityId,
		) -> Option<sp_consensus_babe::OpaqueKeyOwnershipProof> {
			use codec::Encode;
			KeyOwners::prove((sp_consensus_babe::KEY_TYPE, authority_id))
				.map(|proof| sp_consensus_babe::OpaqueKeyOwnershipProof::new(proof.encode()))
		}

		fn submit_report_equivocation_unsigned_extrinsic(
			equivocation_proof: sp_consensus_babe::EquivocationProof<<Block as BlockT>::Header>,
			key_owner_proof: sp_consensus_babe::OpaqueKeyOwnershipProof,
		) -> Option<()> {
			let key_owner_proof = key_owner_proof.decode()?;
			Babe::submit_unsigned_equivocation_report(equivocation_proof, key_owner_proof)
		}
	}

	impl sp_consensus_grandpa::GrandpaApi<Block> for Runtime {
		fn grandpa_authorities() -> AuthorityList {
			Grandpa::grandpa_authorities()
		}

		fn current_set_id() -> SetId {
			pallet_grandpa::CurrentSetId::<Runtime>::get()
		}

		fn submit_report_equivocation_unsigned_extrinsic(
			equivocation_proof: sp_consensus_grandpa::EquivocationProof<
				<Block as BlockT>::Hash,
				NumberFor<Block>,
			>,
			key_owner_proof: sp_consensus_grandpa::OpaqueKeyOwnershipProof,
		) -> Option<()> {
			let key_owner_proof = key_owner_proof.decode()?;
			Grandpa::submit_unsigned_equivocation_report(equivocation_proof, key_owner_proof)
		}

		fn generate_key_ownership_proof(
			_set_id: SetId,
			authority_id: GrandpaId,
		) -> Option<sp_consensus_grandpa::OpaqueKeyOwnershipProof> {
			use codec::Encode;
			KeyOwners::prove((sp_consensus_grandpa::KEY_TYPE, authority_id))
				.map(|proof| sp_consensus_grandpa::OpaqueKeyOwnershipProof::new(proof.encode()))
		}
	}

	#[api_version(6)]
	impl sp_consensus_beefy::BeefyApi<Block, BeefyId> for Runtime {
		fn beefy_genesis() -> Option<BlockNumber> {
			pallet_beefy::GenesisBlock::<Runtime>::get()
		}

		fn validator_set() -> Option<sp_consensus_beefy::ValidatorSet<BeefyId>> {
			Beefy::validator_set()
		}

		fn submit_report_double_voting_unsigned_extrinsic(
			equivocation_proof: sp_consensus_beefy::DoubleVotingProof<
				BlockNumber,
				BeefyId,
				BeefySignature,
			>,
			key_owner_proof: sp_consensus_beefy::OpaqueKeyOwnershipProof,
		) -> Option<()> {
			let key_owner_proof = key_owner_proof.decode()?;
			Beefy::submit_unsigned_double_voting_report(equivocation_proof, key_owner_proof)
		}

		fn submit_report_fork_voting_unsigned_extrinsic(
			equivocation_proof: sp_consensus_beefy::ForkVotingProof<
				<Block as BlockT>::Header,
				BeefyId,
				sp_runtime::OpaqueValue,
			>,
			key_owner_proof: sp_consensus_beefy::OpaqueKeyOwnershipProof,
		) -> Option<()> {
			Beefy::submit_unsigned_fork_voting_report(
				equivocation_proof.try_into()?,
				key_owner_proof.decode()?,
			)
		}

		fn submit_report_future_block_voting_unsigned_extrinsic(
			equivocation_proof: sp_consensus_beefy::FutureBlockVotingProof<BlockNumber, BeefyId>,
			key_owner_proof: sp_consensus_beefy::OpaqueKeyOwnershipProof,
		) -> Option<()> {
			let key_owner_proof = key_owner_proof.decode()?;
			Beefy::submit_unsigned_future_block_voting_report(equivocation_proof, key_owner_proof)
		}

		fn generate_key_ownership_proof(
			_set_id: sp_consensus_beefy::ValidatorSetId,
			authority_id: BeefyId,
		) -> Option<sp_consensus_beefy::OpaqueKeyOwnershipProof> {
			use codec::Encode;
			KeyOwners::prove((sp_consensus_beefy::KEY_TYPE, authority_id))
				.map(|proof| sp_consensus_beefy::OpaqueKeyOwnershipProof::new(proof.encode()))
		}
	}

	#[api_version(3)]
	impl sp_mmr_primitives::MmrApi<Block, Hash, BlockNumber> for Runtime {
		fn mmr_root() -> Result<Hash, sp_mmr_primitives::Error> {
			Ok(Mmr::mmr_root())
		}

		fn mmr_leaf_count() -> Result<sp_mmr_primitives::LeafIndex, sp_mmr_primitives::Error> {
			Ok(Mmr::mmr_leaves())
		}

		fn generate_proof(
			block_numbers: Vec<BlockNumber>,
			best_known_block_number: Option<BlockNumber>,
		) -> Result<
			(Vec<sp_mmr_primitives::EncodableOpaqueLeaf>, sp_mmr_primitives::LeafProof<Hash>),
			sp_mmr_primitives::Error,
		> {
			let (leaves, proof) = Mmr::generate_proof(block_numbers, best_known_block_number)?;
			let opaque = |leaf: MmrLeaf| sp_mmr_primitives::EncodableOpaqueLeaf::from_leaf(&leaf);
			Ok((leaves.into_iter().map(opaque).collect(), proof))
		}

		fn generate_ancestry_proof(
			prev_block_number: BlockNumber,
			best_known_block_number: Option<BlockNumber>,
		) -> Result<sp_mmr_primitives::AncestryProof<Hash>, sp_mmr_primitives::Error> {
			Mmr::generate_ancestry_proof(prev_block_number, best_known_block_number)
		}

		fn verify_proof(
			leaves: Vec<sp_mmr_primitives::EncodableOpaqueLeaf>,
			proof: sp_mmr_primitives::LeafProof<Hash>,
		) -> Result<(), sp_mmr_primitives::Error> {
			let leaves = leaves
				.into_iter()
				.map(|leaf| leaf.into_opaque_leaf().try_decode())
				.collect::<Option<Vec<MmrLeaf>>>()
				.ok_or(sp_mmr_primitives::Error::Verify)?;
			Mmr::verify_leaves(leaves, proof)
		}

		fn verify_proof_stateless(
			root: Hash,
			leaves: Vec<sp_mmr_primitives::EncodableOpaqueLeaf>,
			proof: sp_mmr_primitives::LeafProof<Hash>,
		) -> Result<(), sp_mmr_primitives::Error> {
			use sp_mmr_primitives::DataOrHash;
			let nodes = leaves
				.into_iter()
				.map(|leaf| DataOrHash::Data(leaf.into_opaque_leaf()))
				.collect();
			pallet_mmr::verify_leaves_proof::<Keccak256, _>(root, nodes, proof)
		}
	}

	impl pallet_beefy_mmr::BeefyMmrApi<Block, Hash> for Runtime {
		fn authority_set_proof() -> sp_consensus_beefy::mmr::BeefyAuthoritySet<Hash> {
			BeefyMmr::authority_set_proof()
		}

		fn next_authority_set_proof() -> sp_consensus_beefy::mmr::BeefyNextAuthoritySet<Hash> {
			BeefyMmr::next_authority_set_proof()
		}
	}

	impl sp_authority_discovery::AuthorityDiscoveryApi<Block> for Runtime {
		fn authorities() -> Vec<AuthorityDiscoveryId> {
			AuthorityDiscovery::authorities()
		}
	}

	impl frame_system_rpc_runtime_api::AccountNonceApi<Block, AccountId, Nonce> for Runtime {
		fn account_nonce(account: AccountId) -> Nonce {
			System::account_nonce(account)
		}
	}

	impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentApi<Block, Balance>
		for Runtime
	{
		fn query_info(
			uxt: <Block as BlockT>::Extrinsic,
			len: u32,
		) -> pallet_transaction_payment_rpc_runtime_api::RuntimeDispatchInfo<Balance> {
			TransactionPayment::query_info(uxt, len)
		}

		fn query_fee_details(
			uxt: <Block as BlockT>::Extrinsic,
			len: u32,
		) -> pallet_transaction_payment::FeeDetails<Balance> {
			TransactionPayment::query_fee_details(uxt, len)
		}

		fn query_weight_to_fee(weight: Weight) -> Balance {
			TransactionPayment::weight_to_fee(weight)
		}

		fn query_length_to_fee(length: u32) -> Balance {
			TransactionPayment::length_to_fee(length)
		}
	}

	impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentCallApi<
		Block,
		Balance,
		RuntimeCall,
	> for Runtime {
		fn query_call_info(
			call: RuntimeCall,
			len: u32,
		) -> pallet_transaction_payment::RuntimeDispatchInfo<Balance> {
			TransactionPayment::query_call_info(call, len)
		}

		fn query_call_fee_details(
			call: RuntimeCall,
			len: u32,
		) -> pallet_transaction_payment::FeeDetails<Balance> {
			TransactionPayment::query_call_fee_details(call, len)
		}

		fn query_weight_to_fee(weight: Weight) -> Balance {
			TransactionPayment::weight_to_fee(weight)
		}

		fn query_length_to_fee(length: u32) -> Balance {
			TransactionPayment::length_to_fee(length)
		}
	}

	impl livepeer_primitives::api::LivepeerApi<Block> for Runtime {
		fn timing() -> Timing {
			ChainConfig::timing()
		}

		fn parameters() -> ProtocolParameters {
			ChainConfig::parameters()
		}

		fn clock() -> ClockView {
			ClockView {
				block: ChainConfig::clock(),
				round: Rounds::current(),
				window: Beacon::current_window(),
			}
		}

		fn transcoders() -> Vec<TranscoderView> {
			TranscoderElection::transcoders()
		}

		fn transcoder(account: AccountId) -> Option<TranscoderView> {
			TranscoderElection::transcoder_of(account)
		}

		fn delegator(account: AccountId) -> Option<DelegatorView> {
			LptStaking::delegator(account)
		}

		fn service(account: AccountId) -> Option<ServiceRecord> {
			Services::service(&account)
		}

		fn origin(stream: StreamId) -> Option<ServiceRecord> {
			Services::origin(&stream)
		}

		fn origins() -> Vec<StreamId> {
			Jobs::origins()
		}

		fn operator_keys(account: AccountId, purpose: Purpose) -> Vec<KeysView> {
			OperatorKeys::keys_of(account, purpose)
		}

		fn spending_keys(broadcaster: AccountId) -> Vec<SpendingView> {
			Jobs::spending_keys(broadcaster)
		}

		fn worker_limits(version: u8) -> Option<WorkerLimits> {
			let parameters = ChainConfig::parameters();
			let slot_duration = ChainConfig::timing().slot_duration;
			match version {
				1 => Some(WorkerLimits::V1 {
					slot_duration,
					heartbeat_interval: parameters.election.heartbeat_interval,
					max_open_claims: parameters.jobs.max_open_claims,
					claim_grace: parameters.jobs.claim_grace,
				}),
				2 => Some(WorkerLimits::V2 {
					slot_duration,
					round_length: parameters.rounds.length,
					unbonding_period: parameters.staking.unbonding_period,
					liability_window: parameters.staking.liability_window,
					min_bond: parameters.staking.min_bond,
					min_self_bond: parameters.election.min_self_bond,
				}),
				_ => None,
			}
		}

		fn job(id: JobId) -> Option<JobView> {
			Jobs::job(id)
		}

		fn job_of_stream(stream: StreamId) -> Option<JobId> {
			Jobs::job_of_stream(stream)
		}

		fn assignments(transcoder: AccountId) -> Vec<JobId> {
			Jobs::assignments(transcoder)
		}

		fn claim(id: ClaimId) -> Option<ClaimInfo> {
			Jobs::claim(id)
		}

		fn challenge(id: ClaimId) -> Option<ChallengeView> {
			ChallengeLottery::challenge(id)
		}

		fn claims_of(transcoder: AccountId) -> Vec<ClaimId> {
			Jobs::claims_of(transcoder)
		}

		fn toolchains() -> Vec<ToolchainId> {
			ChallengeLottery::toolchains()
		}

		fn genesis() -> sp_core::H256 {
			System::block_hash(0)
		}

		fn stake(account: AccountId) -> StakeView {
			let mut stake = LptStaking::stake_of(account);
			let (now, round) = (Rounds::current(), Rounds::round());
			for lock in &mut stake.locks {
				let rounds = lock.release.saturating_sub(now);
				lock.release_block =
					round.start.saturating_add(rounds.saturating_mul(round.length));
			}
			stake
		}

		fn pool() -> Vec<PoolSeat> {
			TranscoderElection::pool()
		}

		fn inflation() -> InflationView {
			Inflation::inflation()
		}

		fn yield_of(transcoder: AccountId) -> YieldView {
			Inflation::yield_of(transcoder)
		}

		fn backing(transcoder: AccountId) -> BackingView {
			let stake = LptStaking::transcoder_stake(transcoder);
			BackingView {
				counting: stake.active,
				next_round: stake.total,
				own: stake.self_bond,
				bonds: stake.members,
				slashed: stake.slashed,
				wiped: stake.generation,
				open: stake.open_liabilities,
			}
		}

		fn validators() -> Vec<ValidatorView> {
			TranscoderElection::validator_views()
		}

		fn claim_terms(job: JobId, assignment: AssignmentIndex) -> Option<ClaimTerms> {
			Jobs::claim_terms(job, assignment)
		}

		fn job_terms() -> VerificationTerms {
			Jobs::job_terms()
		}

		fn asking(claim: ClaimId) -> Vec<AccountId> {
			ChallengeLottery::asking(claim)
		}

		fn accepted(transcoder: AccountId) -> u32 {
			ChallengeLottery::accepted(transcoder)
		}

		fn judgement(id: ClaimId) -> Option<JudgementView> {
			ChallengeLottery::judgement(id)
		}

		fn debt_of(transcoder: AccountId) -> Balance {
			Jobs::debt_of(transcoder)
		}

		fn no_shows(verifier: AccountId) -> u32 {
			ChallengeLottery::no_shows(verifier)
		}

		fn round() -> RoundView {
			let round = Rounds::round();
			RoundView {
				index: round.index,
				start: round.start,
				length: round.length,
				locked_from: round.locked_from(),
				terms_are_locked: Rounds::terms_are_locked(),
			}
		}

		fn terms_of(account: AccountId) -> Option<TermsView> {
			TranscoderElection::terms_of(account).map(|terms| TermsView {
				price: terms.price,
				reward_cut: terms.reward_cut,
				fee_share: terms.fee_share,
			})
		}

		fn open_verdicts_of(account: AccountId) -> Option<u32> {
			TranscoderElection::open_verdicts_of(account)
		}

		fn chilled_until(account: AccountId) -> Option<RoundIndex> {
			TranscoderElection::chilled_until(account)
		}

		fn offline_until(account: AccountId) -> Option<RoundIndex> {
			TranscoderElection::offline_until(account)
		}

		fn waiting() -> Vec<(AccountId, Balance)> {
			TranscoderElection::waiting()
		}

		fn assignment(job: JobId, assignment: AssignmentIndex) -> Option<AssignmentView> {
			Jobs::assignment(job, assignment)
		}

		fn successors(job: JobId) -> Vec<AccountId> {
			Jobs::successors(job)
		}

		fn retiring_toolchains() -> Vec<RetiringView> {
			let retiring = ChallengeLottery::retiring_toolchains().into_iter();
			retiring
				.map(|entry| RetiringView {
					toolchain: entry.toolchain,
					at: entry.at,
					until: entry.until,
				})
				.collect()
		}

		fn seed_of(window: WindowIndex) -> Option<Seed> {
			Beacon::seed_of(window)
		}

		fn surplus() -> (Balance, Balance) {
			let surplus = LptStaking::surplus();
			(surplus.stake, surplus.fees)
		}

		fn check(parameters: ProtocolParameters) -> Result<(), ParameterError> {
			ChainConfig::check(parameters)
		}

		fn duties(account: AccountId) -> Vec<DutyView> {
			let mut duties = Jobs::duties(account.clone());
			duties.extend(TranscoderElection::duties(account.clone()));
			duties.extend(ChallengeLottery::duties(account));
			duties.sort_by_key(|duty| duty.until);
			duties
		}

		fn attestation(verifier: AccountId) -> Option<Attestation> {
			ChallengeLottery::attestation(verifier)
		}

		fn performance(transcoder: AccountId) -> PerformanceView {
			let offers = Inflation::offers_of(transcoder.clone());
			let record = ChallengeLottery::record_of(transcoder);
			PerformanceView {
				offered: offers.offered,
				served: offers.served,
				work: record.claimed,
				judged: record.judged,
				blocks: record.blocks,
			}
		}
	}

	impl livepeer_primitives::bridge::BridgeApi<Block> for Runtime {
		fn bridge() -> BridgeView {
			EthBridge::bridge()
		}

		fn message(index: u32, count: u32) -> Option<(Message, Vec<Hash>)> {
			EthBridge::message(index, count)
		}

		fn earning(round: RoundIndex, index: u32) -> Option<(Earning, Vec<Hash>)> {
			EthBridge::earning(round, index)
		}

		fn is_credited(deposit: u32) -> bool {
			EthBridge::is_credited(deposit)
		}
	}

	impl sp_genesis_builder::GenesisBuilder<Block> for Runtime {
		fn build_state(config: Vec<u8>) -> sp_genesis_builder::Result {
			build_state::<RuntimeGenesisConfig>(config)
		}

		fn get_preset(id: &Option<sp_genesis_builder::PresetId>) -> Option<Vec<u8>> {
			get_preset::<RuntimeGenesisConfig>(id, crate::genesis_config_presets::get_preset)
		}

		fn preset_names() -> Vec<sp_genesis_builder::PresetId> {
			crate::genesis_config_presets::preset_names()
		}
	}

	#[cfg(feature = "runtime-benchmarks")]
	impl frame_benchmarking::Benchmark<Block> for Runtime {
		fn benchmark_metadata(
			extra: bool,
		) -> (Vec<frame_benchmarking::BenchmarkList>, Vec<frame_support::traits::StorageInfo>) {
			crate::benchmarks::metadata(extra)
		}

		#[allow(non_local_definitions)]
		fn dispatch_benchmark(
			config: frame_benchmarking::BenchmarkConfig,
		) -> Result<Vec<frame_benchmarking::BenchmarkBatch>, alloc::string::String> {
			crate::benchmarks::dispatch(config)
		}
	}

	#[cfg(feature = "try-runtime")]
	impl frame_try_runtime::TryRuntime<Block> for Runtime {
		fn on_runtime_upgrade(
			checks: frame_try_runtime::UpgradeCheckSelect,
		) -> (Weight, Weight) {
			let weight = Executive::try_runtime_upgrade(checks)
				.expect("a dry run that fails must stop with the reason");
			(weight, constants::block::MAXIMUM_WEIGHT)
		}

		fn execute_block(
			block: <Block as BlockT>::LazyBlock,
			state_root_check: bool,
			signature_check: bool,
			select: frame_try_runtime::TryStateSelect,
		) -> Weight {
			Executive::try_execute_block(block, state_root_check, signature_check, select)
				.expect("a dry run that fails must stop with the reason")
		}
	}
}
