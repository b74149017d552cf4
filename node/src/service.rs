//! Assembles the node from its parts: network, consensus, RPC, off-chain workers.

use crate::{
	client::{Backend, Client, SelectChain, TransactionPool},
	partial::{
		new_partial, BlockImport, Consensus, GrandpaLink, InherentProviders, PartialComponents,
		JUSTIFICATION_PERIOD,
	},
	reports::{Reports, WithPool},
	rpc::{self, BeefyDeps, FullDeps, GrandpaDeps},
	twin::{self, Twin},
};
use codec::Encode;
use futures::{channel::oneshot, future::Shared, FutureExt, StreamExt};
use jsonrpsee::RpcModule;
use livepeer_primitives::offchain::{Finalized, VerifyEndpoint, FINALIZED, VERIFY_ENDPOINT};
use livepeer_runtime::opaque::{Block, Hash};
use sc_authority_discovery::WorkerConfig;
use sc_client_api::{Backend as _, BlockBackend, BlockchainEvents, HeaderBackend};
use sc_consensus_babe::{BabeLink, BabeWorkerHandle, SlotProportion};
use sc_consensus_beefy::{
	communication::request_response::BeefyJustifsRequestHandler, BeefyRPCLinks, BeefyVoterLinks,
};
use sc_consensus_grandpa::SharedVoterState;
use sc_network::{
	config::SyncMode, event::Event, service::traits::NetworkService, NetworkBackend,
	NetworkEventStream, NotificationService, ProtocolName,
};
use sc_network_sync::SyncingService;
use sc_rpc::SubscriptionTaskExecutor;
use sc_service::{
	error::Error as ServiceError, ChainSpec, Configuration, Role, TaskManager, WarpSyncConfig,
};
use sc_telemetry::{Telemetry, TelemetryHandle};
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_consensus_babe::SlotDuration;
use sp_consensus_beefy::ecdsa_crypto::AuthorityId as BeefyId;
use sp_core::offchain::OffchainStorage;
use sp_keystore::KeystorePtr;
use sp_runtime::traits::Header as _;
use std::{future::Future, sync::Arc, time::Duration};
use substrate_prometheus_endpoint::Registry;

/// The least number of blocks between two that BEEFY votes for, besides the first of each session. With
/// fewer, BEEFY would make signatures that nobody takes to Ethereum.
const BEEFY_MIN_BLOCK_DELTA: u32 = 8;

/// What the validator's off-chain worker is told at start.
#[derive(Clone, Default)]
pub struct VerifyService {
	/// The verify service, if there is one.
	pub endpoint: Option<VerifyEndpoint>,
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

/// Has a validator watch the blocks from now on for those that its keys signed elsewhere. If they did before, the
/// node signs nothing: it becomes a full node, and ends when it may be a validator again. A full node that has
/// session keys notes such blocks. `None` for a node that signs nothing.
fn watch_twin(
	config: &mut Configuration,
	tasks: &TaskManager,
	client: &Arc<Client>,
	keystore: KeystorePtr,
	slot_duration: SlotDuration,
) -> Result<Option<Twin>, ServiceError> {
	let twin = Twin::new(client.clone(), keystore.clone(), slot_duration);
	if !config.role.is_authority() {
		if twin::has_keys(&keystore) {
			tasks.spawn_handle().spawn("signed-elsewhere", None, twin.follow());
		}
		return Ok(None);
	}
	if client.info().best_number == 0 && config.network.sync_mode != SyncMode::Full {
		return Err(ServiceError::Other(
			"a validator with an empty database needs each block, to see what its keys have \
			 signed: leave out --sync, or catch up without --validator first"
				.into(),
		));
	}
	let Some(number) = twin::made_elsewhere(client)? else { return Ok(Some(twin)) };
	config.role = Role::Full;
	tasks.spawn_essential_handle().spawn("signed-elsewhere", None, twin.wait(number));
	Ok(None)
}

/// Makes the module that answers RPC.
type RpcBuilder = Box<dyn Fn(SubscriptionTaskExecutor) -> Result<RpcModule<()>, ServiceError>>;

/// A node on its network, for what runs there.
struct Running {
	client: Arc<Client>,
	backend: Arc<Backend>,
	transaction_pool: Arc<TransactionPool>,
	keystore: KeystorePtr,
	network: Arc<dyn NetworkService>,
	sync: Arc<SyncingService<Block>>,
	prometheus: Option<Registry>,
	telemetry: Option<TelemetryHandle>,
	is_validator: bool,
}

/// What a validator makes blocks with.
struct Authoring {
	select_chain: SelectChain,
	block_import: BlockImport,
	babe_link: BabeLink<Block>,
	inherents: InherentProviders,
	force: bool,
}

/// What BEEFY's voter needs.
struct Beefy {
	links: BeefyVoterLinks<Block, BeefyId>,
	notifications: Box<dyn NotificationService>,
	gossip_protocol: ProtocolName,
	justifications: BeefyJustifsRequestHandler<Block, Client>,
}

/// What GRANDPA's voter needs.
struct Grandpa {
	link: GrandpaLink,
	notifications: Box<dyn NotificationService>,
	protocol: ProtocolName,
	role: Role,
	name: String,
	state: SharedVoterState,
}

impl Running {
	/// The pool, for what the runtime submits.
	fn offchain_pool(&self) -> OffchainTransactionPoolFactory<Block> {
		OffchainTransactionPoolFactory::new(self.transaction_pool.clone())
	}

	/// The keys, if this node signs.
	fn signing_keys(&self) -> Option<KeystorePtr> {
		self.is_validator.then(|| self.keystore.clone())
	}

	/// What makes the module that answers RPC.
	fn rpc_builder(
		&self,
		chain_spec: Box<dyn ChainSpec>,
		select_chain: SelectChain,
		babe_worker_handle: BabeWorkerHandle<Block>,
		grandpa_link: &GrandpaLink,
		shared_voter_state: SharedVoterState,
		beefy_rpc_links: BeefyRPCLinks<Block, BeefyId>,
	) -> RpcBuilder {
		let client = self.client.clone();
		let pool = self.transaction_pool.clone();
		let keystore = self.keystore.clone();
		let shared_authority_set = grandpa_link.shared_authority_set().clone();
		let justification_stream = grandpa_link.justification_stream();
		let backend = self.backend.clone();
		let finality_provider = sc_consensus_grandpa::FinalityProofProvider::new_for_service(
			backend.clone(),
			Some(shared_authority_set.clone()),
		);
		Box::new(move |subscription_executor: SubscriptionTaskExecutor| {
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
	}

	/// Runs the off-chain workers after each new best block.
	fn run_offchain_workers(&self, tasks: &TaskManager) -> Result<(), ServiceError> {
		let workers = sc_offchain::OffchainWorkers::new(sc_offchain::OffchainWorkerOptions {
			runtime_api_provider: self.client.clone(),
			keystore: Some(self.keystore.clone()),
			offchain_db: self.backend.offchain_storage(),
			transaction_pool: Some(self.offchain_pool()),
			network_provider: Arc::new(self.network.clone()),
			is_validator: self.is_validator,
			enable_http_requests: true,
			custom_extensions: |_| Vec::new(),
		})?;
		tasks.spawn_handle().spawn(
			"offchain-workers-runner",
			Some("offchain-worker"),
			workers.run(self.client.clone(), tasks.spawn_handle()).boxed(),
		);
		Ok(())
	}

	/// Makes blocks, and reports validators that make two in one slot.
	fn author(&self, tasks: &TaskManager, with: Authoring) -> Result<(), ServiceError> {
		let Authoring { select_chain, block_import, babe_link, inherents, force } = with;
		let reports = Reports::new(self.client.clone(), self.offchain_pool());
		tasks.spawn_handle().spawn("reports", Some("block-authoring"), reports.watch());
		let proposer = sc_basic_authorship::ProposerFactory::new(
			tasks.spawn_handle(),
			self.client.clone(),
			self.transaction_pool.clone(),
			self.prometheus.as_ref(),
			self.telemetry.clone(),
		);
		// While it runs, the SDK makes no block in a slot that is not after the last one.
		let signed = twin::signed_slot(&self.client)?;
		let inherents = move |_: Hash, (): ()| async move {
			let made = inherents.now();
			twin::ensure_unsigned(made.0.slot(), signed)?;
			Ok::<_, Box<dyn std::error::Error + Send + Sync>>(made)
		};
		let babe = sc_consensus_babe::start_babe(sc_consensus_babe::BabeParams {
			keystore: self.keystore.clone(),
			client: self.client.clone(),
			select_chain,
			env: proposer,
			block_import,
			sync_oracle: self.sync.clone(),
			justification_sync_link: self.sync.clone(),
			create_inherent_data_providers: inherents,
			force_authoring: force,
			// The protocol's windows count blocks, so production continues when finality stalls.
			backoff_authoring_blocks: None::<()>,
			babe_link,
			block_proposal_slot_portion: SlotProportion::new(0.5),
			max_block_proposal_slot_portion: None,
			telemetry: self.telemetry.clone(),
		})?;
		tasks.spawn_essential_handle().spawn_blocking(
			"babe-proposer",
			Some("block-authoring"),
			babe,
		);
		Ok(())
	}

	/// Publishes this validator's addresses, and finds those of the others.
	fn discover(&self, tasks: &TaskManager, config: WorkerConfig) {
		let events = self.network.event_stream("authority-discovery");
		let (discovery, _) = sc_authority_discovery::new_worker_and_service_with_config(
			config,
			self.client.clone(),
			Arc::new(self.network.clone()),
			Box::pin(events.filter_map(|event| async move {
				match event {
					Event::Dht(event) => Some(event),
					_ => None,
				}
			})),
			sc_authority_discovery::Role::PublishAndDiscover(self.keystore.clone()),
			self.prometheus.clone(),
			tasks.spawn_handle(),
		);
		tasks.spawn_handle().spawn(
			"authority-discovery-worker",
			Some("networking"),
			discovery.run(),
		);
	}

	/// Runs BEEFY's voter, which signs what GRANDPA has finalised.
	fn run_beefy(&self, tasks: &TaskManager, votes: Votes, with: Beefy) {
		let Beefy { links, notifications, gossip_protocol, justifications } = with;
		let beefy = sc_consensus_beefy::start_beefy_gadget(sc_consensus_beefy::BeefyParams {
			client: self.client.clone(),
			backend: self.backend.clone(),
			payload_provider: sp_consensus_beefy::mmr::MmrRootProvider::new(self.client.clone()),
			runtime: Arc::new(WithPool::new(self.client.clone(), self.offchain_pool())),
			key_store: self.signing_keys(),
			network_params: sc_consensus_beefy::BeefyNetworkParams {
				network: Arc::new(self.network.clone()),
				sync: self.sync.clone(),
				gossip_protocol_name: gossip_protocol,
				justifications_protocol_name: justifications.protocol_name(),
				notification_service: notifications,
				_phantom: std::marker::PhantomData,
			},
			min_block_delta: BEEFY_MIN_BLOCK_DELTA,
			prometheus_registry: self.prometheus.clone(),
			links,
			on_demand_justifications_handler: justifications,
			is_authority: self.is_validator,
		});
		let beefy = voting(votes, beefy);
		tasks.spawn_essential_handle().spawn_blocking("beefy-gadget", None, beefy);
		// Leaves and nodes of the mountain range are stored outside the state, for proofs.
		tasks.spawn_essential_handle().spawn_blocking(
			"mmr-gadget",
			None,
			mmr_gadget::MmrGadget::start(
				self.client.clone(),
				self.backend.clone(),
				sp_mmr_primitives::INDEXING_PREFIX.to_vec(),
			),
		);
	}

	/// Runs GRANDPA's voter.
	fn run_grandpa(
		&self,
		tasks: &TaskManager,
		votes: Votes,
		with: Grandpa,
	) -> Result<(), ServiceError> {
		let Grandpa { link, notifications, protocol, role, name, state } = with;
		let grandpa =
			sc_consensus_grandpa::run_grandpa_voter(sc_consensus_grandpa::GrandpaParams {
				config: sc_consensus_grandpa::Config {
					gossip_duration: Duration::from_millis(333),
					justification_generation_period: JUSTIFICATION_PERIOD,
					observer_enabled: false,
					local_role: role,
					name: Some(name),
					keystore: self.signing_keys(),
					telemetry: self.telemetry.clone(),
					protocol_name: protocol,
				},
				link,
				network: self.network.clone(),
				sync: self.sync.clone(),
				notification_service: notifications,
				voting_rule: sc_consensus_grandpa::VotingRulesBuilder::default().build(),
				prometheus_registry: self.prometheus.clone(),
				shared_voter_state: state,
				telemetry: self.telemetry.clone(),
				offchain_tx_pool_factory: self.offchain_pool(),
			})?;
		let grandpa = voting(votes, grandpa);
		tasks.spawn_essential_handle().spawn_blocking("grandpa-voter", None, grandpa);
		Ok(())
	}
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

	// From before the network starts.
	let keystore = keystore_container.keystore();
	let slot_duration = inherents.slot_duration;
	let watching =
		watch_twin(&mut config, &task_manager, &client, keystore.clone(), slot_duration)?;

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

	let (network, system_rpc_tx, tx_handler_controller, sync, _) =
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
		let watch = twin.watch(open, sync.clone());
		task_manager.spawn_essential_handle().spawn("signed-elsewhere", None, watch);
	}

	let running = Running {
		client,
		backend,
		transaction_pool,
		keystore,
		network,
		sync,
		prometheus: config.prometheus_registry().cloned(),
		telemetry: telemetry.as_ref().map(Telemetry::handle),
		is_validator: config.role.is_authority(),
	};
	let feeder = feed_offchain_workers(running.client.clone(), &running.backend, verify)?;
	task_manager.spawn_handle().spawn("offchain-feeder", Some("offchain-worker"), feeder);
	if config.offchain_worker.enabled {
		running.run_offchain_workers(&task_manager)?;
	}

	let (role, force) = (config.role, config.force_authoring);
	let name = config.network.node_name.clone();
	let discovery = WorkerConfig {
		publish_non_global_ips: config.network.allow_non_globals_in_dht,
		public_addresses: config.network.public_addresses.clone(),
		persisted_cache_directory: config.network.net_config_path.clone(),
		..Default::default()
	};
	let shared_voter_state = SharedVoterState::empty();

	let rpc_builder = running.rpc_builder(
		config.chain_spec.cloned_box(),
		select_chain.clone(),
		babe_worker_handle,
		&grandpa_link,
		shared_voter_state.clone(),
		beefy_rpc_links,
	);
	sc_service::spawn_tasks(sc_service::SpawnTasksParams {
		config,
		client: running.client.clone(),
		backend: running.backend.clone(),
		task_manager: &mut task_manager,
		keystore: running.keystore.clone(),
		transaction_pool: running.transaction_pool.clone(),
		rpc_builder,
		network: running.network.clone(),
		system_rpc_tx,
		tx_handler_controller,
		sync_service: running.sync.clone(),
		telemetry: telemetry.as_mut(),
		tracing_execute_block: None,
	})?;

	if running.is_validator {
		let with = Authoring { select_chain, block_import, babe_link, inherents, force };
		running.author(&task_manager, with)?;
		running.discover(&task_manager, discovery);
	}
	if enable_grandpa {
		let with = Beefy {
			links: beefy_voter_links,
			notifications: beefy_notifications,
			gossip_protocol: beefy_gossip_protocol,
			justifications: beefy_justifications,
		};
		running.run_beefy(&task_manager, votes.clone(), with);
		let with = Grandpa {
			link: grandpa_link,
			notifications: grandpa_notifications,
			protocol: grandpa_protocol,
			role,
			name,
			state: shared_voter_state,
		};
		running.run_grandpa(&task_manager, votes, with)?;
	}
	Ok(task_manager)
}
