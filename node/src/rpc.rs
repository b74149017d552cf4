//! The node's RPC methods in addition to the SDK's standard set.

use crate::client::{Backend, Client, SelectChain, TransactionPool};
use jsonrpsee::RpcModule;
use livepeer_primitives::{AccountId, Balance, Nonce};
use livepeer_runtime::{opaque::Block, BlockNumber, Hash};
use sc_client_api::Backend as _;
use sc_consensus_babe::BabeWorkerHandle;
use sc_consensus_beefy::BeefyRPCLinks;
use sc_consensus_grandpa::{
	FinalityProofProvider, GrandpaJustificationStream, SharedAuthoritySet, SharedVoterState,
};
use sc_rpc::SubscriptionTaskExecutor;
use sp_consensus_beefy::ecdsa_crypto::AuthorityId as BeefyId;
use std::{error::Error, sync::Arc};

/// Dependencies of the GRANDPA methods.
pub struct GrandpaDeps {
	/// The state of the current vote.
	pub shared_voter_state: SharedVoterState,
	/// Who votes.
	pub shared_authority_set: SharedAuthoritySet<Hash, BlockNumber>,
	/// Justifications as they are made.
	pub justification_stream: GrandpaJustificationStream<Block>,
	/// Proofs of finality.
	pub finality_provider: Arc<FinalityProofProvider<Backend, Block>>,
	/// Runs subscriptions.
	pub subscription_executor: SubscriptionTaskExecutor,
}

/// Dependencies of the BEEFY methods.
pub struct BeefyDeps {
	/// Justifications and best blocks as the voter makes them.
	pub links: BeefyRPCLinks<Block, BeefyId>,
	/// Runs subscriptions.
	pub subscription_executor: SubscriptionTaskExecutor,
}

/// Dependencies of all methods.
pub struct FullDeps {
	/// The chain.
	pub client: Arc<Client>,
	/// The transaction pool.
	pub pool: Arc<TransactionPool>,
	/// The chain's best head.
	pub select_chain: SelectChain,
	/// The specification, for light clients.
	pub chain_spec: Box<dyn sc_chain_spec::ChainSpec>,
	/// BABE's worker.
	pub babe_worker_handle: BabeWorkerHandle<Block>,
	/// The node's keys.
	pub keystore: sp_keystore::KeystorePtr,
	/// GRANDPA.
	pub grandpa: GrandpaDeps,
	/// BEEFY.
	pub beefy: BeefyDeps,
	/// The database, which holds the nodes of the Merkle mountain range.
	pub backend: Arc<Backend>,
}

/// All methods.
pub fn create_full(deps: FullDeps) -> Result<RpcModule<()>, Box<dyn Error + Send + Sync>> {
	use mmr_rpc::{Mmr, MmrApiServer};
	use pallet_transaction_payment_rpc::{TransactionPayment, TransactionPaymentApiServer};
	use sc_consensus_babe_rpc::{Babe, BabeApiServer};
	use sc_consensus_beefy_rpc::{Beefy, BeefyApiServer};
	use sc_consensus_grandpa_rpc::{Grandpa, GrandpaApiServer};
	use sc_sync_state_rpc::{SyncState, SyncStateApiServer};
	use substrate_frame_rpc_system::{System, SystemApiServer};

	let FullDeps {
		client,
		pool,
		select_chain,
		chain_spec,
		babe_worker_handle,
		keystore,
		grandpa,
		beefy,
		backend,
	} = deps;
	let mut module = RpcModule::new(());
	module.merge(SystemApiServer::<Hash, AccountId, Nonce>::into_rpc(System::new(
		client.clone(),
		pool,
	)))?;
	module.merge(TransactionPaymentApiServer::<
		Hash,
		pallet_transaction_payment_rpc_runtime_api::RuntimeDispatchInfo<Balance>,
	>::into_rpc(TransactionPayment::new(client.clone())))?;
	module.merge(
		Babe::new(client.clone(), babe_worker_handle.clone(), keystore, select_chain).into_rpc(),
	)?;
	module.merge(
		Grandpa::new(
			grandpa.subscription_executor,
			grandpa.shared_authority_set.clone(),
			grandpa.shared_voter_state,
			grandpa.justification_stream,
			grandpa.finality_provider,
		)
		.into_rpc(),
	)?;
	module.merge(
		Beefy::<Block, BeefyId>::new(
			beefy.links.from_voter_justif_stream,
			beefy.links.from_voter_best_beefy_stream,
			beefy.subscription_executor,
		)?
		.into_rpc(),
	)?;
	let offchain = backend.offchain_storage().ok_or("the database has no off-chain part")?;
	module.merge(Mmr::<_, (Block, Hash), _>::new(client.clone(), offchain).into_rpc())?;
	module.merge(
		SyncState::new(chain_spec, client, grandpa.shared_authority_set, babe_worker_handle)?
			.into_rpc(),
	)?;
	Ok(module)
}
