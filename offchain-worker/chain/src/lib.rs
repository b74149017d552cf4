//! # The chain over subxt
//!
//! [`SubxtChain`] implements [`livepeer_worker_core::ports::chain::Chain`]:
//!
//! - `runtime`: calls, reads and storage as types, generated from the checked-in metadata;
//! - `reads`: the `LivepeerApi` runtime API, decoded into the types of `livepeer-primitives`;
//! - `calls`: the role's calls, encoded by the live chain's call indices and signed by its key;
//! - `heads`: best and finalised heads, followed across reconnections;
//! - [`metadata`]: that metadata, trimmed to what the worker uses, and its comparison with the
//!   live chain's.
//!
//! Only shapes are taken from checked-in metadata: timing and parameters are read from the chain
//! itself.

mod calls;
mod heads;
pub mod metadata;
mod reads;
mod runtime;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use livepeer_primitives::{
	api::{ChallengeView, JobView, TranscoderView},
	params::{ProtocolParameters, Timing},
	service::ServiceRecord,
	traits::ClaimInfo,
	AccountId, ClaimId, Hash, JobId, StreamId, ToolchainId,
};
use livepeer_worker_core::{
	key::Key,
	ports::chain::{At, Call, Chain, ChainError, Head, Wait},
};
use subxt::{
	backend::LegacyBackend,
	config::RpcConfigFor,
	rpcs::{
		client::{reconnecting_rpc_client::ExponentialBackoff, ReconnectingRpcClient, RpcClient},
		LegacyRpcMethods,
	},
	utils::Static,
	OnlineClient, SubstrateConfig,
};
use tokio::sync::{watch, Mutex};

use crate::runtime::api;

/// How long the first connection may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(15);

type Rpc = LegacyRpcMethods<RpcConfigFor<SubstrateConfig>>;

/// A connection to one node; reconnects by itself.
pub struct SubxtChain {
	url: String,
	client: OnlineClient<SubstrateConfig>,
	rpc: Rpc,
	genesis: Hash,
	signer: Option<Key>,
	heads: watch::Receiver<Head>,
	/// Calls of one key go one after the other, so that nonces follow each other.
	submitting: Mutex<()>,
}

impl SubxtChain {
	/// Connects to the node at `url` (`ws://…` or `wss://…`). `signer` signs the role's calls;
	/// `genesis` is the chain that is expected, when one is.
	pub async fn connect(
		url: &str,
		signer: Option<Key>,
		genesis: Option<Hash>,
	) -> Result<Self, ChainError> {
		let unreachable = |reason: String| ChainError::Unreachable { url: url.to_owned(), reason };
		let rpc_client = tokio::time::timeout(CONNECT_PATIENCE, Self::rpc_client(url))
			.await
			.map_err(|_| unreachable("no answer".to_owned()))?
			.map_err(unreachable)?;
		// The plain methods only: the others are tried one after the other, and a call that one
		// of them refuses would be sent again by the next.
		let backend = LegacyBackend::builder().build(rpc_client.clone());
		let client = OnlineClient::from_backend(Arc::new(backend))
			.await
			.map_err(|error| unreachable(error.to_string()))?;
		let found = client.genesis_hash();
		if let Some(expected) = genesis.filter(|expected| *expected != found) {
			return Err(ChainError::WrongGenesis { expected, found });
		}
		let at = client.at_current_block().await.map_err(|error| unreachable(error.to_string()))?;
		metadata::ensure_fits(at.metadata_ref())?;
		let rpc = Rpc::new(rpc_client);
		let heads =
			heads::follow(rpc.clone()).await.map_err(|error| unreachable(error.to_string()))?;
		Ok(Self {
			url: url.to_owned(),
			client,
			rpc,
			genesis: found,
			signer,
			heads,
			submitting: Mutex::new(()),
		})
	}

	async fn rpc_client(url: &str) -> Result<RpcClient, String> {
		// One plain attempt first: the reconnecting client never says why it cannot connect.
		RpcClient::from_insecure_url(url).await.map_err(|error| error.to_string())?;
		let client = ReconnectingRpcClient::builder()
			.request_timeout(Duration::from_secs(30))
			.retry_policy(ExponentialBackoff::from_millis(200).max_delay(Duration::from_secs(5)))
			.build(url)
			.await
			.map_err(|error| error.to_string())?;
		Ok(RpcClient::new(client))
	}

	fn unreachable(&self, error: impl ToString) -> ChainError {
		ChainError::Unreachable { url: self.url.clone(), reason: error.to_string() }
	}
}

#[async_trait]
impl Chain for SubxtChain {
	fn genesis(&self) -> Hash {
		self.genesis
	}

	fn account(&self) -> Option<AccountId> {
		self.signer.as_ref().map(Key::account)
	}

	fn heads(&self) -> watch::Receiver<Head> {
		self.heads.clone()
	}

	async fn timing(&self) -> Result<Timing, ChainError> {
		Ok(self.read(At::Best, api().timing()).await?.0)
	}

	async fn parameters(&self) -> Result<ProtocolParameters, ChainError> {
		Ok(self.read(At::Best, api().parameters()).await?.0)
	}

	async fn transcoder(&self, account: &AccountId) -> Result<Option<TranscoderView>, ChainError> {
		let found = self.read(At::Best, api().transcoder(Static(account.clone()))).await?;
		Ok(found.map(|found| found.0))
	}

	async fn service(&self, account: &AccountId) -> Result<Option<ServiceRecord>, ChainError> {
		let found = self.read(At::Best, api().service(Static(account.clone()))).await?;
		Ok(found.map(|found| found.0))
	}

	async fn job(&self, at: At, id: JobId) -> Result<Option<JobView>, ChainError> {
		Ok(self.read(at, api().job(id)).await?.map(|found| found.0))
	}

	async fn job_of_stream(&self, stream: StreamId) -> Result<Option<JobId>, ChainError> {
		self.read(At::Best, api().job_of_stream(stream)).await
	}

	async fn assignments(&self, transcoder: &AccountId) -> Result<Vec<JobId>, ChainError> {
		self.read(At::Best, api().assignments(Static(transcoder.clone()))).await
	}

	async fn claim(&self, at: At, id: ClaimId) -> Result<Option<ClaimInfo>, ChainError> {
		Ok(self.read(at, api().claim(id)).await?.map(|found| found.0))
	}

	async fn challenge(&self, id: ClaimId) -> Result<Option<ChallengeView>, ChainError> {
		Ok(self.read(At::Best, api().challenge(id)).await?.map(|found| found.0))
	}

	async fn claims_of(&self, at: At, transcoder: &AccountId) -> Result<Vec<ClaimId>, ChainError> {
		self.read(at, api().claims_of(Static(transcoder.clone()))).await
	}

	async fn toolchains(&self) -> Result<Vec<ToolchainId>, ChainError> {
		self.read(At::Best, api().toolchains()).await
	}

	async fn broadcasters(&self) -> Result<Vec<AccountId>, ChainError> {
		self.accounts_with_origin().await
	}

	async fn submit(&self, call: Call, wait: Wait) -> Result<(), ChainError> {
		self.send(call, wait).await
	}
}
