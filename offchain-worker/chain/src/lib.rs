//! # The chain over subxt
//!
//! [`SubxtChain`] implements [`livepeer_worker_core::ports::chain::Chain`]:
//!
//! - `runtime`: calls, reads and storage as types, generated from the checked-in metadata;
//! - `reads`: the `LivepeerApi` runtime API, decoded into the types of `livepeer-primitives`;
//! - `calls`: the role's calls, encoded by the live chain's call indices and signed by its key;
//! - `stakes`: further reads for owners of stake;
//! - `judgements`: reads for an audit;
//! - `heads`: best and finalised heads, followed across reconnections;
//! - [`metadata`]: that metadata, trimmed to what the worker uses, and its comparison with the
//!   live chain's.
//!
//! Only the types come from checked-in metadata. The parameters that a worker needs are read from the chain,
//! by a versioned call, so that a new parameter does not stop a running worker.

mod calls;
mod heads;
mod judgements;
pub mod metadata;
mod reads;
mod runtime;
mod stakes;

use std::{
	sync::{
		atomic::{AtomicU32, Ordering},
		Arc,
	},
	time::Duration,
};

use async_trait::async_trait;
use livepeer_primitives::{
	api::{
		AssignmentView, ChallengeView, ClaimTerms, JobView, KeysView, TranscoderView, WorkerLimits,
	},
	claim::ClaimInfo,
	keys::Purpose,
	params::VerificationTerms,
	service::ServiceRecord,
	AccountId, AssignmentIndex, ClaimId, Hash, JobId, StreamId, ToolchainId,
};
use livepeer_worker_core::{
	key::Key,
	ports::chain::{At, Call, Chain, ChainError, Free, Head, Limits, Wait},
};
use serde_json::value::RawValue;
use subxt::{
	backend::LegacyBackend,
	client::OnlineClientAtBlock,
	config::RpcConfigFor,
	rpcs::{
		client::{reconnecting_rpc_client::ExponentialBackoff, ReconnectingRpcClient, RpcClient},
		Error as RpcError, LegacyRpcMethods,
	},
	utils::Static,
	OnlineClient, SubstrateConfig,
};
use tokio::sync::{watch, Mutex};

use crate::runtime::api;

/// How long the first connection may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(15);

/// The version of [`WorkerLimits`] that this worker knows.
const LIMITS_VERSION: u8 = 1;

type Rpc = LegacyRpcMethods<RpcConfigFor<SubstrateConfig>>;

/// A node's refusal, as a JSON-RPC error.
#[derive(Clone, Debug)]
pub struct Refused {
	/// The kind of error.
	pub code: i32,
	/// In words.
	pub message: String,
	/// More about it.
	pub data: Option<Box<RawValue>>,
}

/// An address without user, password, path and query: keys are often in these.
fn public_name(url: &str) -> String {
	let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
	let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
	let host = host.rsplit('@').next().unwrap_or_default();
	match scheme {
		"" => host.to_owned(),
		scheme => format!("{scheme}://{host}"),
	}
}

/// The reason of a connection error, without the names of its layers.
fn without_layers(reason: &str) -> String {
	reason.trim_start_matches("RPC error: client error: ").to_owned()
}

/// A connection to one node; reconnects by itself.
pub struct SubxtChain {
	/// The node's address, without secrets.
	url: String,
	client: OnlineClient<SubstrateConfig>,
	rpc_client: RpcClient,
	rpc: Rpc,
	genesis: Hash,
	is_for_tests: bool,
	signer: Option<Key>,
	heads: watch::Receiver<Head>,
	/// Serialises the calls of the key, so that nonces follow each other.
	submitting: Mutex<()>,
	/// The newest runtime version that was compared with this worker's metadata.
	fits: AtomicU32,
}

impl SubxtChain {
	/// Connects to the node at `url` (`ws://…` or `wss://…`). `signer` signs the role's calls; `genesis` is
	/// the expected chain, if any.
	pub async fn connect(
		url: &str,
		signer: Option<Key>,
		genesis: Option<Hash>,
	) -> Result<Self, ChainError> {
		let shown = public_name(url);
		let unreachable = |reason: String| ChainError::Unreachable {
			url: shown.clone(),
			reason: without_layers(&reason),
		};
		if !["ws://", "wss://"].iter().any(|scheme| url.starts_with(scheme)) {
			return Err(ChainError::NotWebSocket { url: shown });
		}
		let rpc_client = tokio::time::timeout(CONNECT_PATIENCE, Self::rpc_client(url))
			.await
			.map_err(|_| unreachable("no answer".to_owned()))?
			.map_err(unreachable)?;
		// Only the plain methods: otherwise several would be tried one after the other, and a call that one
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
		let fits = AtomicU32::new(at.spec_version());
		let rpc = Rpc::new(rpc_client.clone());
		let kind = rpc.system_chain_type().await.map_err(|error| unreachable(error.to_string()))?;
		let heads =
			heads::follow(rpc.clone()).await.map_err(|error| unreachable(error.to_string()))?;
		Ok(Self {
			url: shown,
			client,
			rpc_client,
			rpc,
			genesis: found,
			is_for_tests: kind != "Live",
			signer,
			heads,
			submitting: Mutex::new(()),
			fits,
		})
	}

	async fn rpc_client(url: &str) -> Result<RpcClient, String> {
		// One plain attempt first, because the reconnecting client never tells why it cannot connect.
		RpcClient::from_insecure_url(url).await.map_err(|error| error.to_string())?;
		let client = ReconnectingRpcClient::builder()
			.request_timeout(Duration::from_secs(30))
			.retry_policy(ExponentialBackoff::from_millis(200).max_delay(Duration::from_secs(5)))
			.build(url)
			.await
			.map_err(|error| error.to_string())?;
		Ok(RpcClient::new(client))
	}

	/// The current client. An upgraded runtime brings its own metadata and is compared again: calls use its
	/// indices, or fail.
	pub(crate) async fn now(&self) -> Result<OnlineClientAtBlock<SubstrateConfig>, ChainError> {
		let at = self.client.at_current_block().await.map_err(|error| self.unreachable(error))?;
		let version = at.spec_version();
		if self.fits.load(Ordering::Relaxed) != version {
			metadata::ensure_fits(at.metadata_ref())?;
			tracing::info!(version, "the chain's runtime was upgraded; the worker goes on");
			self.fits.store(version, Ordering::Relaxed);
		}
		Ok(at)
	}

	/// Calls any method of the node's RPC; `params` is a JSON array. The inner error is the node's own
	/// refusal.
	pub async fn ask(
		&self,
		method: &str,
		params: Box<RawValue>,
	) -> Result<Result<Box<RawValue>, Refused>, ChainError> {
		match self.rpc_client.request_raw(method, Some(params)).await {
			Ok(answer) => Ok(Ok(answer)),
			Err(RpcError::User(error)) => {
				Ok(Err(Refused { code: error.code, message: error.message, data: error.data }))
			}
			Err(error) => Err(self.unreachable(error)),
		}
	}

	fn unreachable(&self, error: impl ToString) -> ChainError {
		let reason = without_layers(&error.to_string());
		ChainError::Unreachable { url: self.url.clone(), reason }
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

	async fn limits(&self) -> Result<Limits, ChainError> {
		let clock = self.read(At::Best, api().clock()).await?.0;
		match self.read(At::Best, api().worker_limits(LIMITS_VERSION)).await? {
			Some(Static(WorkerLimits::V1 {
				slot_duration,
				heartbeat_interval,
				max_open_claims,
				claim_grace,
			})) => Ok(Limits {
				slot_duration,
				heartbeat_interval,
				max_open_claims,
				claim_grace,
				now: clock.block,
			}),
			_ => Err(ChainError::Incompatible(format!(
				"it no longer serves version {LIMITS_VERSION} of what a worker needs to know"
			))),
		}
	}

	async fn operator_keys(
		&self,
		account: &AccountId,
		purpose: Purpose,
	) -> Result<Vec<KeysView>, ChainError> {
		let read = api().operator_keys(Static(account.clone()), Static(purpose));
		let found = self.read(At::Best, read).await?;
		Ok(found.into_iter().map(|view| view.0).collect())
	}

	async fn transcoder(&self, account: &AccountId) -> Result<Option<TranscoderView>, ChainError> {
		let found = self.read(At::Best, api().transcoder(Static(account.clone()))).await?;
		Ok(found.map(|found| found.0))
	}

	fn is_for_tests(&self) -> bool {
		self.is_for_tests
	}

	async fn free(&self, account: &AccountId) -> Result<Free, ChainError> {
		self.free_of(account).await
	}

	async fn transcoders(&self) -> Result<Vec<TranscoderView>, ChainError> {
		let found = self.read(At::Best, api().transcoders()).await?;
		Ok(found.into_iter().map(|view| view.0).collect())
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

	async fn assignment(
		&self,
		at: At,
		job: JobId,
		assignment: AssignmentIndex,
	) -> Result<Option<AssignmentView>, ChainError> {
		Ok(self.read(at, api().assignment(job, assignment)).await?.map(|found| found.0))
	}

	async fn assignments(&self, transcoder: &AccountId) -> Result<Vec<JobId>, ChainError> {
		self.read(At::Best, api().assignments(Static(transcoder.clone()))).await
	}

	async fn claim(&self, at: At, id: ClaimId) -> Result<Option<ClaimInfo>, ChainError> {
		Ok(self.read(at, api().claim(id)).await?.map(|found| found.0))
	}

	async fn challenge(&self, at: At, id: ClaimId) -> Result<Option<ChallengeView>, ChainError> {
		Ok(self.read(at, api().challenge(id)).await?.map(|found| found.0))
	}

	async fn claims_of(&self, at: At, transcoder: &AccountId) -> Result<Vec<ClaimId>, ChainError> {
		self.read(at, api().claims_of(Static(transcoder.clone()))).await
	}

	async fn claim_terms(
		&self,
		job: JobId,
		assignment: AssignmentIndex,
	) -> Result<Option<ClaimTerms>, ChainError> {
		Ok(self.read(At::Best, api().claim_terms(job, assignment)).await?.map(|found| found.0))
	}

	async fn job_terms(&self) -> Result<VerificationTerms, ChainError> {
		Ok(self.read(At::Best, api().job_terms()).await?.0)
	}

	async fn toolchains(&self) -> Result<Vec<ToolchainId>, ChainError> {
		self.read(At::Best, api().toolchains()).await
	}

	async fn origin(&self, stream: StreamId) -> Result<Option<ServiceRecord>, ChainError> {
		Ok(self.read(At::Best, api().origin(stream)).await?.map(|found| found.0))
	}

	async fn jobs_of(&self, broadcaster: &AccountId) -> Result<Vec<JobId>, ChainError> {
		self.jobs_of_account(broadcaster).await
	}

	async fn submit(&self, call: Call, wait: Wait) -> Result<(), ChainError> {
		self.send(call, wait).await
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn address_should_be_shown_without_its_secrets() {
		for (url, shown) in [
			("wss://user:secret@node.example:443/key?token=1", "wss://node.example:443"),
			("wss://node.example/v1/key", "wss://node.example"),
			("ws://127.0.0.1:9944", "ws://127.0.0.1:9944"),
			("node.example/key", "node.example"),
		] {
			assert_eq!(public_name(url), shown);
		}
	}

	#[test]
	fn reason_should_be_shown_without_the_layers_that_it_came_through() {
		let refused = "RPC error: client error: RPC error: client error: Connection refused";
		assert_eq!(without_layers(refused), "Connection refused");
		assert_eq!(without_layers("no answer"), "no answer");
	}

	#[tokio::test]
	async fn url_should_be_refused_when_it_is_no_websocket() {
		for url in ["127.0.0.1:9944", "http://127.0.0.1:9944"] {
			let refused = SubxtChain::connect(url, None, None).await.err().map(|e| e.to_string());
			assert!(refused.is_some_and(|said| said.contains("begins with ws://")), "{url}");
		}
	}
}
