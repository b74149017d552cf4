//! The parts of a node that need no network: database, client, transaction pool, import of blocks.

use crate::{
	client::{Backend, Client, Executor, HostFunctions, SelectChain, TransactionPool},
	reports::Unsealed,
};
use futures::FutureExt;
use livepeer_runtime::{
	opaque::{Block, Hash},
	RuntimeApi,
};
use sc_client_api::{Backend as _, HeaderBackend};
use sc_consensus_babe::{BabeLink, BabeWorkerHandle};
use sc_consensus_beefy::{BeefyRPCLinks, BeefyVoterLinks};
use sc_consensus_grandpa::GrandpaPruningFilter;
use sc_service::{error::Error as ServiceError, Configuration, GenesisBlockBuilder};
use sc_telemetry::{Telemetry, TelemetryWorker};
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_consensus_beefy::ecdsa_crypto::AuthorityId as BeefyId;
use sp_runtime::traits::{Block as BlockT, Hash as HashT, Header as HeaderT};
use std::sync::Arc;

type GrandpaBlockImport =
	sc_consensus_grandpa::GrandpaBlockImport<Backend, Block, Client, SelectChain>;
/// GRANDPA's voter's end of the import of blocks.
pub type GrandpaLink = sc_consensus_grandpa::LinkHalf<Block, Client, SelectChain>;
type BeefyBlockImport = sc_consensus_beefy::import::BeefyBlockImport<
	Block,
	Backend,
	Client,
	GrandpaBlockImport,
	BeefyId,
>;
/// Imports blocks.
pub type BlockImport = sc_consensus_babe::BabeBlockImport<
	Block,
	Client,
	BeefyBlockImport,
	InherentProviders,
	SelectChain,
>;

/// GRANDPA keeps a justification at least every so many blocks.
pub const JUSTIFICATION_PERIOD: u32 = 512;

/// Makes the inherents slot and time.
#[derive(Clone, Copy)]
pub struct InherentProviders {
	/// The length of a slot.
	pub slot_duration: sp_consensus_babe::SlotDuration,
}

/// What makes the inherents of one block.
pub type Inherents =
	(sp_consensus_babe::inherents::InherentDataProvider, sp_timestamp::InherentDataProvider);

impl InherentProviders {
	/// Those of a block that is made now.
	pub fn now(self) -> Inherents {
		let timestamp = sp_timestamp::InherentDataProvider::from_system_time();
		let slot =
			sp_consensus_babe::inherents::InherentDataProvider::from_timestamp_and_slot_duration(
				*timestamp,
				self.slot_duration,
			);
		(slot, timestamp)
	}
}

impl sp_inherents::CreateInherentDataProviders<Block, ()> for InherentProviders {
	type InherentDataProviders = Inherents;

	fn create_inherent_data_providers<'life0, 'async_trait>(
		&'life0 self,
		_parent: Hash,
		_: (),
	) -> std::pin::Pin<
		Box<
			dyn std::future::Future<
					Output = Result<
						Self::InherentDataProviders,
						Box<dyn std::error::Error + Send + Sync>,
					>,
				> + Send
				+ 'async_trait,
		>,
	>
	where
		'life0: 'async_trait,
		Self: 'async_trait,
	{
		futures::future::ready(Ok(self.now())).boxed()
	}
}

/// What consensus needs when the network runs.
pub struct Consensus {
	pub block_import: BlockImport,
	pub grandpa_link: GrandpaLink,
	pub beefy_voter_links: BeefyVoterLinks<Block, BeefyId>,
	pub beefy_rpc_links: BeefyRPCLinks<Block, BeefyId>,
	pub babe_link: BabeLink<Block>,
	pub babe_worker_handle: BabeWorkerHandle<Block>,
	pub inherents: InherentProviders,
	pub telemetry: Option<Telemetry>,
}

/// The parts of a node that need no network.
pub type PartialComponents = sc_service::PartialComponents<
	Client,
	Backend,
	SelectChain,
	sc_consensus::DefaultImportQueue<Block>,
	TransactionPool,
	Consensus,
>;

/// The hash of the first block over `storage`.
fn genesis_hash(
	storage: &sp_core::storage::Storage,
	executor: &Executor,
) -> Result<Hash, ServiceError> {
	type Hashing = <<Block as BlockT>::Header as HeaderT>::Hashing;
	let version = sc_service::resolve_state_version_from_wasm::<_, Hashing>(storage, executor)?;
	let root = Hashing::trie_root(
		storage.top.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
		version,
	);
	Ok(sc_service::construct_genesis_block::<Block>(root, version).hash())
}

/// Opens the database and sets up consensus.
pub fn new_partial(config: &Configuration) -> Result<PartialComponents, ServiceError> {
	let telemetry = config
		.telemetry_endpoints
		.clone()
		.filter(|endpoints| !endpoints.is_empty())
		.map(|endpoints| -> Result<_, sc_telemetry::Error> {
			let worker = TelemetryWorker::new(16)?;
			let telemetry = worker.handle().new_telemetry(endpoints);
			Ok((worker, telemetry))
		})
		.transpose()?;

	let executor = sc_service::new_wasm_executor::<HostFunctions>(&config.executor);
	let mut database = config.db_config();
	// Keeps the blocks without which a pruned node could not serve warp sync.
	database.pruning_filters = vec![Arc::new(GrandpaPruningFilter)];
	let backend = sc_service::new_db_backend::<Block>(database)?;
	let genesis =
		config.chain_spec.as_storage_builder().build_storage().map_err(|error| {
			ServiceError::Other(format!("the genesis cannot be built: {error}"))
		})?;
	let stored = backend.blockchain().info();
	if stored.finalized_state.is_some() {
		let expected = genesis_hash(&genesis, &executor)?;
		if stored.genesis_hash != expected {
			return Err(ServiceError::Other(format!(
				"the database at {} belongs to another chain (genesis {:?}, the specification's \
				 is {expected:?}): choose another --base-path or run purge-chain",
				config.database.path().unwrap_or(&config.data_path).display(),
				stored.genesis_hash,
			)));
		}
	}
	let genesis_builder = GenesisBlockBuilder::new_with_storage(
		genesis,
		!config.no_genesis(),
		backend.clone(),
		executor.clone(),
	)?;
	let (client, backend, keystore_container, task_manager) =
		sc_service::new_full_parts_with_genesis_builder::<Block, RuntimeApi, _, _>(
			config,
			telemetry.as_ref().map(|(_, telemetry)| telemetry.handle()),
			executor,
			backend,
			genesis_builder,
			false,
		)?;
	let client = Arc::new(client);
	let telemetry = telemetry.map(|(worker, telemetry)| {
		task_manager.spawn_handle().spawn("telemetry", None, worker.run());
		telemetry
	});

	let select_chain = sc_consensus::LongestChain::new(backend.clone());
	let transaction_pool = Arc::from(
		sc_transaction_pool::Builder::new(
			task_manager.spawn_essential_handle(),
			client.clone(),
			config.role.is_authority().into(),
		)
		.with_options(config.transaction_pool.clone())
		.with_prometheus(config.prometheus_registry())
		.build(),
	);

	let (grandpa_block_import, grandpa_link) = sc_consensus_grandpa::block_import(
		client.clone(),
		JUSTIFICATION_PERIOD,
		&client,
		select_chain.clone(),
		telemetry.as_ref().map(Telemetry::handle),
	)?;
	let (beefy_block_import, beefy_voter_links, beefy_rpc_links) =
		sc_consensus_beefy::beefy_block_import_and_links(
			grandpa_block_import.clone(),
			backend.clone(),
			client.clone(),
			config.prometheus_registry().cloned(),
		);
	let babe_config = sc_consensus_babe::configuration(&*client)?;
	let slot_duration = babe_config.slot_duration();
	let inherents = InherentProviders { slot_duration };
	let (block_import, babe_link) = sc_consensus_babe::block_import(
		babe_config,
		beefy_block_import,
		client.clone(),
		inherents,
		select_chain.clone(),
		OffchainTransactionPoolFactory::new(Unsealed),
	)?;
	let (import_queue, babe_worker_handle) =
		sc_consensus_babe::import_queue(sc_consensus_babe::ImportQueueParams {
			link: babe_link.clone(),
			block_import: block_import.clone(),
			justification_import: Some(Box::new(grandpa_block_import)),
			client: client.clone(),
			slot_duration,
			spawner: &task_manager.spawn_essential_handle(),
			registry: config.prometheus_registry(),
			telemetry: telemetry.as_ref().map(Telemetry::handle),
		})?;

	Ok(PartialComponents {
		client,
		backend,
		task_manager,
		import_queue,
		keystore_container,
		select_chain,
		transaction_pool,
		other: Consensus {
			block_import,
			grandpa_link,
			beefy_voter_links,
			beefy_rpc_links,
			babe_link,
			babe_worker_handle,
			inherents,
			telemetry,
		},
	})
}
