//! Assembles the node: database, consensus, network, RPC, off-chain workers.

use crate::{
	client::{Backend, Client, Executor, HostFunctions, SelectChain, TransactionPool},
	reports::{Reports, Unsealed, WithPool},
	rpc::{self, BeefyDeps, FullDeps, GrandpaDeps},
	twin::{self, Twin},
};
use codec::Encode;
use futures::{channel::oneshot, future::Shared, FutureExt, StreamExt};
use livepeer_primitives::offchain::{Finalized, VerifyEndpoint, FINALIZED, VERIFY_ENDPOINT};
use livepeer_runtime::{
	opaque::{Block, Hash},
	RuntimeApi,
};
use sc_client_api::{Backend as _, BlockBackend, BlockchainEvents, HeaderBackend};
use sc_consensus_babe::{BabeLink, BabeWorkerHandle, SlotProportion};
use sc_consensus_beefy::{
	communication::request_response::BeefyJustifsRequestHandler, BeefyRPCLinks, BeefyVoterLinks,
};
use sc_consensus_grandpa::{GrandpaPruningFilter, SharedVoterState};
use sc_network::{config::SyncMode, event::Event, NetworkBackend, NetworkEventStream};
use sc_service::{
	error::Error as ServiceError, Configuration, GenesisBlockBuilder, Role, TaskManager,
	WarpSyncConfig,
};
use sc_telemetry::{Telemetry, TelemetryWorker};
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_consensus_beefy::ecdsa_crypto::AuthorityId as BeefyId;
use sp_core::offchain::OffchainStorage;
use sp_runtime::traits::{Block as BlockT, Hash as HashT, Header as HeaderT};
use std::{future::Future, sync::Arc, time::Duration};

type GrandpaBlockImport =
	sc_consensus_grandpa::GrandpaBlockImport<Backend, Block, Client, SelectChain>;
type GrandpaLink = sc_consensus_grandpa::LinkHalf<Block, Client, SelectChain>;
type BeefyBlockImport = sc_consensus_beefy::import::BeefyBlockImport<
	Block,
	Backend,
	Client,
	GrandpaBlockImport,
	BeefyId,
>;
type BlockImport = sc_consensus_babe::BabeBlockImport<
	Block,
	Client,
	BeefyBlockImport,
	InherentProviders,
	SelectChain,
>;

/// GRANDPA keeps a justification at least every so many blocks.
const JUSTIFICATION_PERIOD: u32 = 512;

/// The least number of blocks between two that BEEFY votes for, besides the first of each session. With
/// fewer, BEEFY would make signatures that nobody takes to Ethereum.
const BEEFY_MIN_BLOCK_DELTA: u32 = 8;

/// Makes the inherents slot and time.
#[derive(Clone, Copy)]
pub struct InherentProviders {
	slot_duration: sp_consensus_babe::SlotDuration,
}

/// What makes the inherents of one block.
type Inherents =
	(sp_consensus_babe::inherents::InherentDataProvider, sp_timestamp::InherentDataProvider);

impl InherentProviders {
	/// Those of a block that is made now.
	fn now(self) -> Inherents {
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

/// What [`new_partial`] passes on to [`new_full`].
pub struct Consensus {
	block_import: BlockImport,
	grandpa_link: GrandpaLink,
	beefy_voter_links: BeefyVoterLinks<Block, BeefyId>,
	beefy_rpc_links: BeefyRPCLinks<Block, BeefyId>,
	babe_link: BabeLink<Block>,
	babe_worker_handle: BabeWorkerHandle<Block>,
	inherents: InherentProviders,
	telemetry: Option<Telemetry>,
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

/// What the validator's off-chain worker is told at start.
#[derive(Clone, Default)]
pub struct VerifyService {
	/// The verify service, if there is one.
	pub endpoint: Option<VerifyEndpoint>,
}

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

/// Writes into the off-chain workers' database what they cannot find out themselves: the verify service now,
/// and each finalised block as it comes.
fn feed_offchain_workers(
	client: Arc<Client>,
	backend: &Backend,
	verify: VerifyService,
) -> Result<impl std::future::Future<Output = ()>, ServiceError> {
	let mut storage = backend
		.offchain_storage()
		.ok_or_else(|| ServiceError::Other("the database has no off-chain part".into()))?;
	match verify.endpoint {
		Some(endpoint) => {
			storage.set(sc_offchain::STORAGE_PREFIX, VERIFY_ENDPOINT, &endpoint.encode())
		}
		// The endpoint of an earlier run must not be used any more.
		None => storage.remove(sc_offchain::STORAGE_PREFIX, VERIFY_ENDPOINT),
	}
	let mut write = move |number, hash| {
		let finalized = Finalized { number, hash };
		storage.set(sc_offchain::STORAGE_PREFIX, FINALIZED, &finalized.encode());
	};
	let mut notifications = client.finality_notification_stream();
	let info = client.info();
	write(info.finalized_number, info.finalized_hash);
	Ok(async move {
		while let Some(notification) = notifications.next().await {
			write(*notification.header.number(), notification.hash);
		}
	})
}

/// When a validator may vote; at once for a node that signs nothing.
type Votes = Option<Shared<oneshot::Receiver<()>>>;

/// Runs a voter from when it may vote.
async fn voting(votes: Votes, voter: impl Future<Output = ()>) {
	if let Some(votes) = votes {
		if votes.await.is_err() {
			// The node ends.
			std::future::pending::<()>().await;
		}
	}
	voter.await;
}

/// Starts a node on the network that `N` speaks.
pub fn new_full<N: NetworkBackend<Block, Hash>>(
	mut config: Configuration,
	verify: VerifyService,
) -> Result<TaskManager, ServiceError> {
	let PartialComponents {
		client,
		backend,
		mut task_manager,
		import_queue,
		keystore_container,
		select_chain,
		transaction_pool,
		other:
			Consensus {
				block_import,
				grandpa_link,
				beefy_voter_links,
				beefy_rpc_links,
				babe_link,
				babe_worker_handle,
				inherents,
				mut telemetry,
			},
	} = new_partial(&config)?;

	// It watches blocks from before the network starts.
	let watcher =
		|| Twin::new(client.clone(), keystore_container.keystore(), inherents.slot_duration);
	let mut watching = None;
	if config.role.is_authority() {
		if client.info().best_number == 0 && config.network.sync_mode != SyncMode::Full {
			return Err(ServiceError::Other(
				"a validator with an empty database needs each block, to see what its keys have \
				 signed: leave out --sync, or catch up without --validator first"
					.into(),
			));
		}
		let twin = watcher();
		match twin::made_elsewhere(&client)? {
			Some(number) => {
				config.role = Role::Full;
				let wait = twin.wait(number);
				task_manager.spawn_essential_handle().spawn("signed-elsewhere", None, wait);
			}
			None => watching = Some(twin),
		}
	} else if twin::has_keys(&keystore_container.keystore()) {
		let follow = watcher().follow();
		task_manager.spawn_handle().spawn("signed-elsewhere", None, follow);
	}

	let metrics = N::register_notification_metrics(config.prometheus_registry());
	let mut net_config = sc_network::config::FullNetworkConfiguration::<Block, Hash, N>::new(
		&config.network,
		config.prometheus_registry().cloned(),
	);
	let genesis_hash = client
		.block_hash(0)?
		.ok_or_else(|| ServiceError::Other("the database holds no genesis block".into()))?;
	let grandpa_protocol =
		sc_consensus_grandpa::protocol_standard_name(&genesis_hash, &config.chain_spec);
	let (grandpa_protocol_config, grandpa_notifications) =
		sc_consensus_grandpa::grandpa_peers_set_config::<_, N>(
			grandpa_protocol.clone(),
			metrics.clone(),
			net_config.peer_store_handle(),
		);
	// A registered protocol without a handler would end every connection.
	let enable_grandpa = !config.disable_grandpa;
	if enable_grandpa {
		net_config.add_notification_protocol(grandpa_protocol_config);
	}
	let fork_id = config.chain_spec.fork_id();
	let beefy_gossip_protocol = sc_consensus_beefy::gossip_protocol_name(genesis_hash, fork_id);
	let (beefy_protocol_config, beefy_notifications) =
		sc_consensus_beefy::communication::beefy_peers_set_config::<_, N>(
			beefy_gossip_protocol.clone(),
			metrics.clone(),
			net_config.peer_store_handle(),
		);
	if enable_grandpa {
		net_config.add_notification_protocol(beefy_protocol_config);
	}
	let (beefy_justifications, beefy_request_config) =
		BeefyJustifsRequestHandler::<Block, Client>::new::<_, N>(
			genesis_hash,
			fork_id,
			client.clone(),
			config.prometheus_registry().cloned(),
		);
	if enable_grandpa {
		net_config.add_request_response_protocol(beefy_request_config);
	}
	let warp_sync = Arc::new(sc_consensus_grandpa::warp_proof::NetworkProvider::new(
		backend.clone(),
		grandpa_link.shared_authority_set().clone(),
		Vec::new(),
	));

	let (network, system_rpc_tx, tx_handler_controller, sync_service, _) =
		sc_service::build_network(sc_service::BuildNetworkParams {
			config: &config,
			net_config,
			client: client.clone(),
			transaction_pool: transaction_pool.clone(),
			spawn_handle: task_manager.spawn_handle(),
			spawn_essential_handle: task_manager.spawn_essential_handle(),
			import_queue,
			block_announce_validator_builder: None,
			warp_sync_config: Some(WarpSyncConfig::WithProvider(warp_sync)),
			block_relay: None,
			metrics,
			gap_sync_body_policy: None,
		})?;

	let mut votes: Votes = None;
	if let Some(twin) = watching {
		let (open, opened) = oneshot::channel();
		votes = Some(opened.shared());
		let watch = twin.watch(open, sync_service.clone());
		task_manager.spawn_essential_handle().spawn("signed-elsewhere", None, watch);
	}

	let feeder = feed_offchain_workers(client.clone(), &backend, verify)?;
	task_manager.spawn_handle().spawn("offchain-feeder", Some("offchain-worker"), feeder);
	if config.offchain_worker.enabled {
		let workers = sc_offchain::OffchainWorkers::new(sc_offchain::OffchainWorkerOptions {
			runtime_api_provider: client.clone(),
			keystore: Some(keystore_container.keystore()),
			offchain_db: backend.offchain_storage(),
			transaction_pool: Some(OffchainTransactionPoolFactory::new(transaction_pool.clone())),
			network_provider: Arc::new(network.clone()),
			is_validator: config.role.is_authority(),
			enable_http_requests: true,
			custom_extensions: |_| Vec::new(),
		})?;
		task_manager.spawn_handle().spawn(
			"offchain-workers-runner",
			Some("offchain-worker"),
			workers.run(client.clone(), task_manager.spawn_handle()).boxed(),
		);
	}

	let role = config.role;
	let force_authoring = config.force_authoring;
	let name = config.network.node_name.clone();
	let prometheus_registry = config.prometheus_registry().cloned();
	let public_addresses = config.network.public_addresses.clone();
	let allow_non_global_ips = config.network.allow_non_globals_in_dht;
	let cache_directory = config.network.net_config_path.clone();
	let shared_voter_state = SharedVoterState::empty();

	let rpc_builder = {
		let client = client.clone();
		let pool = transaction_pool.clone();
		let select_chain = select_chain.clone();
		let chain_spec = config.chain_spec.cloned_box();
		let babe_worker_handle = babe_worker_handle.clone();
		let keystore = keystore_container.keystore();
		let shared_voter_state = shared_voter_state.clone();
		let shared_authority_set = grandpa_link.shared_authority_set().clone();
		let justification_stream = grandpa_link.justification_stream();
		let backend = backend.clone();
		let finality_provider = sc_consensus_grandpa::FinalityProofProvider::new_for_service(
			backend.clone(),
			Some(shared_authority_set.clone()),
		);
		Box::new(move |subscription_executor: sc_rpc::SubscriptionTaskExecutor| {
			rpc::create_full(FullDeps {
				client: client.clone(),
				pool: pool.clone(),
				select_chain: select_chain.clone(),
				chain_spec: chain_spec.cloned_box(),
				babe_worker_handle: babe_worker_handle.clone(),
				keystore: keystore.clone(),
				grandpa: GrandpaDeps {
					shared_voter_state: shared_voter_state.clone(),
					shared_authority_set: shared_authority_set.clone(),
					justification_stream: justification_stream.clone(),
					finality_provider: finality_provider.clone(),
					subscription_executor: subscription_executor.clone(),
				},
				beefy: BeefyDeps { links: beefy_rpc_links.clone(), subscription_executor },
				backend: backend.clone(),
			})
			.map_err(Into::into)
		})
	};
	sc_service::spawn_tasks(sc_service::SpawnTasksParams {
		config,
		client: client.clone(),
		backend: backend.clone(),
		task_manager: &mut task_manager,
		keystore: keystore_container.keystore(),
		transaction_pool: transaction_pool.clone(),
		rpc_builder,
		network: network.clone(),
		system_rpc_tx,
		tx_handler_controller,
		sync_service: sync_service.clone(),
		telemetry: telemetry.as_mut(),
		tracing_execute_block: None,
	})?;

	if role.is_authority() {
		let pool = OffchainTransactionPoolFactory::new(transaction_pool.clone());
		let reports = Reports::new(client.clone(), pool);
		task_manager.spawn_handle().spawn("reports", Some("block-authoring"), reports.watch());
		let proposer = sc_basic_authorship::ProposerFactory::new(
			task_manager.spawn_handle(),
			client.clone(),
			transaction_pool.clone(),
			prometheus_registry.as_ref(),
			telemetry.as_ref().map(Telemetry::handle),
		);
		// While it runs, the SDK makes no block in a slot that is not after the last one.
		let signed = twin::signed_slot(&client)?;
		let inherents = move |_: Hash, (): ()| async move {
			let made = inherents.now();
			twin::ensure_unsigned(made.0.slot(), signed)?;
			Ok::<_, Box<dyn std::error::Error + Send + Sync>>(made)
		};
		let babe = sc_consensus_babe::start_babe(sc_consensus_babe::BabeParams {
			keystore: keystore_container.keystore(),
			client: client.clone(),
			select_chain,
			env: proposer,
			block_import,
			sync_oracle: sync_service.clone(),
			justification_sync_link: sync_service.clone(),
			create_inherent_data_providers: inherents,
			force_authoring,
			// The protocol's windows count blocks, so production continues when finality stalls.
			backoff_authoring_blocks: None::<()>,
			babe_link,
			block_proposal_slot_portion: SlotProportion::new(0.5),
			max_block_proposal_slot_portion: None,
			telemetry: telemetry.as_ref().map(Telemetry::handle),
		})?;
		task_manager.spawn_essential_handle().spawn_blocking(
			"babe-proposer",
			Some("block-authoring"),
			babe,
		);

		let (discovery, _) = sc_authority_discovery::new_worker_and_service_with_config(
			sc_authority_discovery::WorkerConfig {
				publish_non_global_ips: allow_non_global_ips,
				public_addresses,
				persisted_cache_directory: cache_directory,
				..Default::default()
			},
			client.clone(),
			Arc::new(network.clone()),
			Box::pin(network.event_stream("authority-discovery").filter_map(|event| async move {
				match event {
					Event::Dht(event) => Some(event),
					_ => None,
				}
			})),
			sc_authority_discovery::Role::PublishAndDiscover(keystore_container.keystore()),
			prometheus_registry.clone(),
			task_manager.spawn_handle(),
		);
		task_manager.spawn_handle().spawn(
			"authority-discovery-worker",
			Some("networking"),
			discovery.run(),
		);
	}

	if enable_grandpa {
		let pool = OffchainTransactionPoolFactory::new(transaction_pool.clone());
		// BEEFY signs what GRANDPA has finalised.
		let beefy = sc_consensus_beefy::start_beefy_gadget(sc_consensus_beefy::BeefyParams {
			client: client.clone(),
			backend: backend.clone(),
			payload_provider: sp_consensus_beefy::mmr::MmrRootProvider::new(client.clone()),
			runtime: Arc::new(WithPool::new(client.clone(), pool)),
			key_store: role.is_authority().then(|| keystore_container.keystore()),
			network_params: sc_consensus_beefy::BeefyNetworkParams {
				network: Arc::new(network.clone()),
				sync: sync_service.clone(),
				gossip_protocol_name: beefy_gossip_protocol,
				justifications_protocol_name: beefy_justifications.protocol_name(),
				notification_service: beefy_notifications,
				_phantom: std::marker::PhantomData,
			},
			min_block_delta: BEEFY_MIN_BLOCK_DELTA,
			prometheus_registry: prometheus_registry.clone(),
			links: beefy_voter_links,
			on_demand_justifications_handler: beefy_justifications,
			is_authority: role.is_authority(),
		});
		let beefy = voting(votes.clone(), beefy);
		task_manager.spawn_essential_handle().spawn_blocking("beefy-gadget", None, beefy);
		// Leaves and nodes of the mountain range are stored outside the state, for proofs.
		task_manager.spawn_essential_handle().spawn_blocking(
			"mmr-gadget",
			None,
			mmr_gadget::MmrGadget::start(
				client.clone(),
				backend.clone(),
				sp_mmr_primitives::INDEXING_PREFIX.to_vec(),
			),
		);
		let grandpa =
			sc_consensus_grandpa::run_grandpa_voter(sc_consensus_grandpa::GrandpaParams {
				config: sc_consensus_grandpa::Config {
					gossip_duration: Duration::from_millis(333),
					justification_generation_period: JUSTIFICATION_PERIOD,
					observer_enabled: false,
					local_role: role,
					name: Some(name),
					keystore: role.is_authority().then(|| keystore_container.keystore()),
					telemetry: telemetry.as_ref().map(Telemetry::handle),
					protocol_name: grandpa_protocol,
				},
				link: grandpa_link,
				network,
				sync: sync_service,
				notification_service: grandpa_notifications,
				voting_rule: sc_consensus_grandpa::VotingRulesBuilder::default().build(),
				prometheus_registry,
				shared_voter_state,
				telemetry: telemetry.as_ref().map(Telemetry::handle),
				offchain_tx_pool_factory: OffchainTransactionPoolFactory::new(transaction_pool),
			})?;
		let grandpa = voting(votes, grandpa);
		task_manager.spawn_essential_handle().spawn_blocking("grandpa-voter", None, grandpa);
	}
	Ok(task_manager)
}
