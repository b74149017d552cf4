//! Our chain: the relayer's reads, and the calls that it signs.

use std::{sync::Arc, time::Duration};

use anyhow::{anyhow, ensure, Context, Result};
use codec::{Compact, Decode, DecodeAll, Encode};
use livepeer_bridge_formats::{
	bridge::{BridgeView, BridgedAsset, Deposit, Earning, Message},
	ethereum::HeaderProof,
	hashing::{blake2_128, twox_128, twox_64},
	types::{
		Bootstrap, FinalizedBlock, GatewayPlace, GatewayProof, Limits, Network, PreparedCommittee,
		ProvenSupply, SupplyProof, SupplyRule, Update, WaitingDeposit,
	},
	H160, H256,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use subxt::{
	backend::LegacyBackend,
	client::OnlineClientAtBlockImpl,
	config::DefaultExtrinsicParamsBuilder,
	ext::scale_encode::EncodeAsFields,
	rpcs::{client::RpcClient, rpc_params},
	tx::{StaticPayload, TransactionProgress, TransactionStatus},
	utils::Static,
	OnlineClient, SubstrateConfig,
};
use subxt_signer::sr25519::Keypair;
use tokio::sync::Mutex;

use crate::{metrics::Metrics, pool::Pool};

/// Blocks after the finalised one in which a signed call may be included: finality may be behind.
const MORTALITY: u64 = 1_024;
/// How long to wait until a call is in a block.
const PATIENCE: Duration = Duration::from_secs(55);
/// How many keys of a map are read at once, and how many times at most.
const KEYS_AT_ONCE: usize = 1_000;
const MOST_PAGES: usize = 1_000;

/// The progress of a transaction.
type Progress = TransactionProgress<SubstrateConfig, OnlineClientAtBlockImpl<SubstrateConfig>>;

/// A connection.
struct Connection {
	rpc: RpcClient,
	client: OnlineClient<SubstrateConfig>,
}

/// One node: connected with the first question, and again after an error.
pub struct ChainNode {
	url: String,
	connection: Mutex<Option<Arc<Connection>>>,
}

/// Nodes of the chain.
pub struct Chain {
	nodes: Pool<ChainNode>,
	signer: Option<Keypair>,
	/// Serialises the calls of the key.
	submitting: Mutex<()>,
}

/// A header, as far as it is used.
#[derive(Debug, Clone)]
pub struct ChainHeader {
	/// Its height.
	pub number: u32,
	/// The consensus items of its digest, encoded.
	pub digest: Vec<Vec<u8>>,
}

/// The outcome of a call.
#[derive(Debug)]
pub enum Outcome {
	/// It succeeded, for this fee in LPT.
	Done(u128),
	/// It was refused, with the names of pallet and error.
	Refused(String),
}

fn bytes(text: &str) -> Result<Vec<u8>> {
	hex::decode(text.trim_start_matches("0x")).context("not hexadecimal")
}

/// An error that says what to do about an unreachable node. Strips the names of the layers from the reason.
fn unreachable(reason: &str) -> anyhow::Error {
	let reason = reason.trim_start_matches("RPC error: client error: ");
	anyhow!("it is not reachable: {reason}; start it, or name another with --node")
}

impl ChainNode {
	fn new(url: &str) -> Self {
		Self { url: url.to_owned(), connection: Mutex::new(None) }
	}

	async fn connected(&self) -> Result<Arc<Connection>> {
		let mut connection = self.connection.lock().await;
		if let Some(connection) = &*connection {
			return Ok(connection.clone());
		}
		let connecting = RpcClient::from_insecure_url(&self.url).await;
		let rpc = connecting.map_err(|error| unreachable(&error.to_string()))?;
		let backend = LegacyBackend::builder().build(rpc.clone());
		let client = OnlineClient::from_backend(Arc::new(backend)).await?;
		let made = Arc::new(Connection { rpc, client });
		*connection = Some(made.clone());
		Ok(made)
	}

	async fn forget(&self) {
		*self.connection.lock().await = None;
	}

	async fn request<R: DeserializeOwned>(&self, method: &str, params: Vec<Value>) -> Result<R> {
		let connection = self.connected().await?;
		let mut all = rpc_params![];
		for param in params {
			all.push(param)?;
		}
		let answer = connection.rpc.request(method, all).await;
		if let Err(
			subxt::rpcs::Error::Client(_) | subxt::rpcs::Error::DisconnectedWillReconnect(_),
		) = &answer
		{
			self.forget().await;
		}
		answer.map_err(|error| anyhow!("{method}: {error}"))
	}
}

/// Whether a call waits in the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pending {
	/// It does not.
	No,
	/// Somebody else's, which looks like it.
	Others,
	/// Our own does.
	Ours,
}

/// The signer of a transaction.
fn signer_of(transaction: &[u8]) -> Option<H256> {
	let input = &mut &transaction[..];
	Compact::<u32>::decode(input).ok()?;
	// Signed, of version 4, by an account's id.
	let (version, kind, account) = <(u8, u8, H256)>::decode(input).ok()?;
	(version == 0x84 && kind == 0).then_some(account)
}

/// Whether the pool has a call with these arguments, which are the end of a transaction.
fn pending_in(pool: &[Vec<u8>], arguments: &[u8], ours: Option<H256>) -> Pending {
	let alike = || pool.iter().filter(move |one| one.ends_with(arguments));
	let is_ours = |one: &Vec<u8>| ours.is_some() && signer_of(one) == ours;
	match (alike().any(is_ours), alike().next()) {
		(true, _) => Pending::Ours,
		(false, Some(_)) => Pending::Others,
		(false, None) => Pending::No,
	}
}

/// The waiting deposits in a node's answer about storage.
fn waiting_in(answer: &Value) -> Result<Vec<(u32, WaitingDeposit)>> {
	let changes = answer.as_array().into_iter().flatten();
	let changes = changes.filter_map(|one| one["changes"].as_array()).flatten();
	let mut all = Vec::new();
	for change in changes {
		// It may be gone by now.
		let (Some(key), Some(value)) = (change[0].as_str(), change[1].as_str()) else { continue };
		let key = bytes(key)?;
		let index = key.get(40..).context("a storage key has an unexpected form")?;
		all.push((u32::decode(&mut &index[..])?, WaitingDeposit::decode(&mut &bytes(value)?[..])?));
	}
	Ok(all)
}

/// The storage key of an item.
fn storage_key(pallet: &str, item: &str) -> Vec<u8> {
	[twox_128(pallet.as_bytes()), twox_128(item.as_bytes())].concat()
}

impl Chain {
	/// The nodes at `urls`; `signer` signs calls.
	pub fn new(urls: &[String], signer: Option<Keypair>, metrics: Metrics) -> Result<Self> {
		let nodes = Pool::new("node", urls, metrics, |url| Ok(ChainNode::new(url)))?;
		Ok(Self { nodes, signer, submitting: Mutex::new(()) })
	}

	/// The next node is asked first from now on.
	pub fn pass_over(&self) {
		self.nodes.pass_over();
	}

	/// The account that signs.
	pub fn account(&self) -> Option<H256> {
		self.signer.as_ref().map(|signer| H256(signer.public_key().0))
	}

	async fn request<R: DeserializeOwned>(&self, method: &str, params: Vec<Value>) -> Result<R> {
		let params = &params;
		self.nodes
			.ask(method, |node| async move { node.client.request(method, params.clone()).await })
			.await
	}

	/// Calls a runtime API at a block, or at the best one.
	pub async fn call<R: Decode>(
		&self,
		function: &str,
		arguments: Vec<u8>,
		at: Option<H256>,
	) -> Result<R> {
		let params = vec![
			Value::from(function),
			Value::from(format!("0x{}", hex::encode(arguments))),
			at.map_or(Value::Null, |at| Value::from(format!("{at:?}"))),
		];
		let answer: String = self.request("state_call", params).await?;
		R::decode_all(&mut &bytes(&answer)?[..])
			.with_context(|| format!("the chain's answer to {function} has an unexpected form"))
	}

	async fn storage<R: Decode>(&self, key: Vec<u8>) -> Result<Option<R>> {
		self.storage_at(key, None).await
	}

	async fn storage_at<R: Decode>(&self, key: Vec<u8>, at: Option<H256>) -> Result<Option<R>> {
		let at = at.map_or(Value::Null, |at| Value::from(format!("{at:?}")));
		let params = vec![Value::from(format!("0x{}", hex::encode(&key))), at];
		let answer: Option<String> = self.request("state_getStorage", params).await?;
		let Some(answer) = answer else { return Ok(None) };
		let value = R::decode_all(&mut &bytes(&answer)?[..]);
		Ok(Some(value.context("the chain's storage has an unexpected form")?))
	}

	/// The hash of the genesis block.
	pub async fn genesis(&self) -> Result<H256> {
		self.block_hash(0).await?.context("the chain has no genesis")
	}

	/// The hash of a block of the best chain.
	pub async fn block_hash(&self, number: u32) -> Result<Option<H256>> {
		self.request("chain_getBlockHash", vec![number.into()]).await
	}

	/// The newest block that BEEFY has finalised; `None` before there is one.
	pub async fn beefy_head(&self) -> Result<Option<(u32, H256)>> {
		let answer: Result<H256> = self.request("beefy_getFinalizedHead", vec![]).await;
		let hash = match answer {
			Ok(hash) => hash,
			Err(error) if format!("{error:#}").contains("not ready") => return Ok(None),
			Err(error) => return Err(error),
		};
		Ok(Some((self.header(hash).await?.number, hash)))
	}

	/// The newest block that GRANDPA has finalised.
	pub async fn finalized_head(&self) -> Result<(u32, H256)> {
		let hash: H256 = self.request("chain_getFinalizedHead", vec![]).await?;
		Ok((self.header(hash).await?.number, hash))
	}

	/// The header of a block.
	pub async fn header(&self, hash: H256) -> Result<ChainHeader> {
		let answer: Value =
			self.request("chain_getHeader", vec![format!("{hash:?}").into()]).await?;
		let number = answer["number"].as_str().context("no such block")?;
		let number = u32::from_str_radix(number.trim_start_matches("0x"), 16)?;
		let logs = answer["digest"]["logs"].as_array().cloned().unwrap_or_default();
		let digest = logs
			.iter()
			.map(|log| bytes(log.as_str().unwrap_or_default()))
			.collect::<Result<_>>()?;
		Ok(ChainHeader { number, digest })
	}

	/// BEEFY's justification of a block, encoded, if the node has one.
	pub async fn justification(&self, hash: H256) -> Result<Option<Vec<u8>>> {
		let answer: Value =
			self.request("chain_getBlock", vec![format!("{hash:?}").into()]).await?;
		// Each is an engine id of four bytes and the proof.
		let Some(all) = answer["justifications"].as_array() else { return Ok(None) };
		let byte = |value: &Value| value.as_u64().and_then(|byte| u8::try_from(byte).ok());
		let list = |value: &Value| -> Option<Vec<u8>> {
			match value {
				Value::String(text) => bytes(text).ok(),
				_ => value.as_array()?.iter().map(byte).collect(),
			}
		};
		Ok(all.iter().find_map(|one| {
			let [engine, proof] = one.as_array()?.as_slice() else { return None };
			(list(engine)? == b"BEEF").then(|| list(proof)).flatten()
		}))
	}

	/// The leaf of a block in the mountain range that ends with it, and the proof's items.
	pub async fn mmr_proof(&self, number: u32) -> Result<(Vec<u8>, Vec<H256>)> {
		let params = vec![vec![number].into(), number.into()];
		let answer: Value = self.request("mmr_generateProof", params).await?;
		let field = |name: &str| bytes(answer[name].as_str().unwrap_or_default());
		let leaves = Vec::<Vec<u8>>::decode_all(&mut &field("leaves")?[..])?;
		let (_, _, items) = <(Vec<u64>, u64, Vec<H256>)>::decode_all(&mut &field("proof")?[..])?;
		let leaf = leaves.into_iter().next().context("a proof without a leaf")?;
		Ok((leaf, items))
	}

	/// BEEFY's keys in office at a block, from which the addresses are made, with the set's id.
	pub async fn validator_set(&self, at: H256) -> Result<(Vec<[u8; 33]>, u64)> {
		let set: Option<(Vec<[u8; 33]>, u64)> =
			self.call("BeefyApi_validator_set", vec![], Some(at)).await?;
		set.context("BEEFY has not begun")
	}

	/// The validators in office and the next ones, from which a contract starts.
	pub async fn authority_sets(&self, at: H256) -> Result<[(u64, u32, H256); 2]> {
		Ok([
			self.call("BeefyMmrApi_authority_set_proof", vec![], Some(at)).await?,
			self.call("BeefyMmrApi_next_authority_set_proof", vec![], Some(at)).await?,
		])
	}

	/// The time of a block in milliseconds; zero in the genesis block.
	pub async fn time_at(&self, at: H256) -> Result<u64> {
		Ok(self.storage_at(storage_key("Timestamp", "Now"), Some(at)).await?.unwrap_or(0))
	}

	/// The bridge's state.
	pub async fn bridge(&self) -> Result<BridgeView> {
		self.bridge_at(None).await
	}

	/// The bridge's state at a block.
	pub async fn bridge_at(&self, at: Option<H256>) -> Result<BridgeView> {
		self.call("BridgeApi_bridge", vec![], at).await
	}

	/// A message with its path in the tree of the first `count`.
	pub async fn message_at(
		&self,
		index: u32,
		count: u32,
		at: Option<H256>,
	) -> Result<(Message, Vec<H256>)> {
		self.call::<Option<_>>("BridgeApi_message", (index, count).encode(), at)
			.await?
			.with_context(|| format!("the chain has no message {index}"))
	}

	/// An earning of a closed round with its path.
	pub async fn earning(&self, round: u32, index: u32) -> Result<(Earning, Vec<H256>)> {
		self.call::<Option<_>>("BridgeApi_earning", (round, index).encode(), None)
			.await?
			.with_context(|| format!("the chain has no earning {index} of round {round}"))
	}

	/// Whether a deposit was taken at a block, or at the best one.
	pub async fn is_credited(&self, deposit: u32, at: Option<H256>) -> Result<bool> {
		self.call("BridgeApi_is_credited", deposit.encode(), at).await
	}

	/// The protocol's clock.
	pub async fn clock(&self) -> Result<u32> {
		Ok(self.call::<(u32, u32, u32)>("LivepeerApi_clock", vec![], None).await?.0)
	}

	/// Where the gateway is.
	pub async fn gateway(&self) -> Result<Option<GatewayPlace>> {
		self.storage(storage_key("EthBridge", "Gateway")).await
	}

	/// How much of the LPT on Ethereum inflation counts, and what was proven last; `None` if it counts none.
	pub async fn supply(&self) -> Result<Option<(SupplyRule, Option<ProvenSupply>)>> {
		let rule: Option<SupplyRule> =
			self.storage(storage_key("EthBridge", "CountedSupply")).await?;
		let Some(rule) = rule else { return Ok(None) };
		Ok(Some((rule, self.storage(storage_key("EthBridge", "EthereumSupply")).await?)))
	}

	/// The proven roots of the gateway's tree, the newest last.
	pub async fn roots(&self) -> Result<Vec<H256>> {
		Ok(self.storage(storage_key("EthBridge", "Roots")).await?.unwrap_or_default())
	}

	/// The limits of an asset.
	pub async fn limits(&self, asset: BridgedAsset) -> Result<Limits> {
		let mut key = storage_key("EthBridge", "Limited");
		key.extend(twox_64(&asset.encode()));
		asset.encode_to(&mut key);
		Ok(self.storage(key).await?.unwrap_or_default())
	}

	/// The waiting deposits, by their numbers.
	pub async fn waiting(&self) -> Result<Vec<(u32, WaitingDeposit)>> {
		let prefix = format!("0x{}", hex::encode(storage_key("EthBridge", "Waiting")));
		let mut all = Vec::new();
		let mut after = Value::Null;
		for _ in 0..MOST_PAGES {
			let params = vec![prefix.clone().into(), KEYS_AT_ONCE.into(), after];
			let keys: Vec<String> = self.request("state_getKeysPaged", params).await?;
			let Some(last) = keys.last().cloned() else { break };
			let is_last_page = keys.len() < KEYS_AT_ONCE;
			let answer: Value = self.request("state_queryStorageAt", vec![keys.into()]).await?;
			all.extend(waiting_in(&answer)?);
			if is_last_page {
				break;
			}
			after = last.into();
		}
		all.sort_by_key(|(index, _)| *index);
		Ok(all)
	}

	/// The existential deposits of LPT and ETH.
	pub async fn smallest_balances(&self) -> Result<[u128; 2]> {
		let lpt = self
			.nodes
			.ask("the smallest balance", |node| async move {
				let connection = node.client.connected().await?;
				let at = connection.client.at_current_block().await?;
				let constant = ("Balances", "ExistentialDeposit");
				let bytes = at.constants().entry_bytes(constant)?;
				Ok(u128::decode_all(&mut &bytes[..])?)
			})
			.await?;
		// In an asset's details four accounts, supply and deposit come before it.
		let mut key = storage_key("Assets", "Asset");
		let asset = 1u32.encode();
		key.extend(blake2_128(&asset));
		key.extend(asset);
		let params = vec![Value::from(format!("0x{}", hex::encode(key)))];
		let answer: Option<String> = self.request("state_getStorage", params).await?;
		let details = bytes(&answer.context("the chain has no ETH")?)?;
		let eth = u128::decode(&mut details.get(160..).unwrap_or_default())?;
		Ok([lpt, eth])
	}

	/// Whether an account can be credited with an amount: it exists, or the amount is enough to create it.
	pub async fn can_credit(&self, deposit: &WaitingDeposit, smallest: [u128; 2]) -> Result<bool> {
		let owned = self.balances(deposit.recipient).await?;
		let place = usize::from(deposit.asset.byte());
		let is_there = owned.get(place).is_some_and(|owned| *owned > 0);
		let is_enough = smallest.get(place).is_some_and(|smallest| deposit.amount >= *smallest);
		Ok(!deposit.recipient.is_zero() && (is_there || is_enough))
	}

	/// The committees that the light client knows: of its newest block's period and of the next one.
	pub async fn committees(&self) -> Result<[Option<PreparedCommittee>; 2]> {
		let current = self.storage(storage_key("EthLightClient", "CurrentCommittee")).await?;
		let next = self.storage(storage_key("EthLightClient", "NextCommittee")).await?;
		Ok([current, next])
	}

	/// Which Ethereum the light client follows.
	pub async fn network(&self) -> Result<Option<Network>> {
		self.storage(storage_key("EthLightClient", "Followed")).await
	}

	/// The block that governance trusts, if nobody has started from it yet.
	pub async fn checkpoint(&self) -> Result<Option<H256>> {
		self.storage(storage_key("EthLightClient", "Checkpoint")).await
	}

	/// The finalised blocks that the light client knows, ascending.
	pub async fn finalized(&self) -> Result<Vec<FinalizedBlock>> {
		Ok(self.storage(storage_key("EthLightClient", "Finalized")).await?.unwrap_or_default())
	}

	/// Whether the light client knows the next period's committee.
	pub async fn knows_next_committee(&self) -> Result<bool> {
		let key = storage_key("EthLightClient", "NextCommittee");
		let params = vec![Value::from(format!("0x{}", hex::encode(&key)))];
		let size: Option<u64> = self.request("state_getStorageSize", params).await?;
		Ok(size.is_some_and(|size| size > 0))
	}

	/// An account's free LPT and ETH.
	pub async fn balances(&self, account: H256) -> Result<[u128; 2]> {
		let mut lpt = storage_key("System", "Account");
		lpt.extend(blake2_128(&account.0));
		lpt.extend(account.0);
		let mut eth = storage_key("Assets", "Account");
		for key in [1u32.encode(), account.encode()] {
			eth.extend(blake2_128(&key));
			eth.extend(key);
		}
		// The free balance comes after the nonce and three reference counts.
		let mut found = [0; 2];
		for (found, (key, at)) in found.iter_mut().zip([(lpt, 16), (eth, 0)]) {
			let params = vec![Value::from(format!("0x{}", hex::encode(key)))];
			let answer: Option<String> = self.request("state_getStorage", params).await?;
			if let Some(answer) = answer {
				let bytes = bytes(&answer)?;
				*found = u128::decode(&mut bytes.get(at..).unwrap_or_default())?;
			}
		}
		Ok(found)
	}

	/// Signs a call and waits until it is in a block.
	async fn send<C: EncodeAsFields + Sync>(&self, call: &StaticPayload<C>) -> Result<Outcome> {
		let signer = self.signer.as_ref().context("no key is given to sign with")?;
		let _one_at_a_time = self.submitting.lock().await;
		self.nodes
			.ask("to take a call", |node| async move {
				let sent = Self::send_to(&node.client, signer, call).await;
				if sent.is_err() {
					node.client.forget().await;
				}
				sent
			})
			.await
	}

	async fn send_to<C: EncodeAsFields + Sync>(
		node: &ChainNode,
		signer: &Keypair,
		call: &StaticPayload<C>,
	) -> Result<Outcome> {
		let connection = node.connected().await?;
		let account = signer.public_key().to_account_id();
		// The next nonce by the pool's view, which counts its calls.
		let nonce: u64 =
			node.request("system_accountNextIndex", vec![account.to_string().into()]).await?;
		let at = connection.client.at_current_block().await?;
		let params = DefaultExtrinsicParamsBuilder::new()
			.nonce(nonce)
			.mortal_from_unchecked(MORTALITY, at.block_number(), at.block_hash())
			.build();
		let signed = at.transactions().create_signable_offline(call, params)?.sign(signer)?;
		let progress = signed.submit_and_watch().await?;
		// From here on no other node is asked: the outcome shows in the chain's state.
		Ok(Self::outcome(progress)
			.await
			.unwrap_or_else(|error| Outcome::Refused(format!("{error:#}"))))
	}

	async fn outcome(mut progress: Progress) -> Result<Outcome> {
		let deadline = tokio::time::Instant::now() + PATIENCE;
		loop {
			let status = tokio::time::timeout_at(deadline, progress.next())
				.await
				.context("it is in no block after a long wait")?
				.context("the node stopped reporting on it")??;
			match status {
				TransactionStatus::InBestBlock(block)
				| TransactionStatus::InFinalizedBlock(block) => {
					return match block.wait_for_success().await {
						Ok(events) => {
							let paid = events.iter().filter_map(Result::ok).find(|event| {
								event.pallet_name() == "TransactionPayment"
									&& event.event_name() == "TransactionFeePaid"
							});
							// Payer, fee and tip.
							let fee = paid.and_then(|event| {
								u128::decode(&mut event.field_bytes().get(32..)?).ok()
							});
							Ok(Outcome::Done(fee.unwrap_or(0)))
						}
						Err(subxt::error::TransactionEventsError::ExtrinsicFailed(error)) => {
							Ok(Outcome::Refused(error.to_string()))
						}
						Err(error) => Err(error.into()),
					};
				}
				TransactionStatus::Error { message }
				| TransactionStatus::Invalid { message }
				| TransactionStatus::Dropped { message } => return Err(anyhow!(message)),
				_ => {}
			}
		}
	}

	/// Whether a call with these arguments is in the pool already, and whose it is. Another account's may be
	/// any call that ends with these bytes.
	pub async fn pending(&self, call: &Call) -> Result<Pending> {
		let pending: Vec<String> = self.request("author_pendingExtrinsics", vec![]).await?;
		let pending: Vec<Vec<u8>> = pending.iter().filter_map(|one| bytes(one).ok()).collect();
		Ok(pending_in(&pending, &call.arguments(), self.account()))
	}

	/// Sends a call.
	pub async fn submit(&self, call: &Call) -> Result<Outcome> {
		let (pallet, name) = call.name();
		macro_rules! send {
			($($argument:expr),*) => {
				self.send(&StaticPayload::new(pallet, name, ($(Static($argument),)*))).await
			};
		}
		match call {
			Call::Bootstrap(bootstrap) => send!(bootstrap),
			Call::Update(update) => send!(update),
			Call::Sync(header, gateway) => send!(header, gateway),
			Call::Supply(header, supply) => send!(header, supply),
			Call::Deposit(deposit, path) => send!(deposit, path),
			Call::Release(index) => send!(index),
			Call::Withdraw { asset, recipient, amount, fee } => {
				send!(asset, recipient, amount, fee)
			}
		}
	}

	/// The encoded calls with which governance sets up the bridge.
	pub async fn governance(&self, calls: &[Governance]) -> Result<Vec<Vec<u8>>> {
		self.nodes
			.ask("its metadata", |node| async move {
				let connection = node.client.connected().await?;
				let at = connection.client.at_current_block().await?;
				let transactions = at.transactions();
				calls
					.iter()
					.map(|call| {
						let (pallet, name) = call.name();
						macro_rules! encode {
							($($argument:expr),*) => {
								transactions.call_data(&StaticPayload::new(
									pallet,
									name,
									($(Static($argument),)*),
								))
							};
						}
						Ok(match call {
							Governance::Network(network) => encode!(network),
							Governance::Checkpoint(root) => encode!(root),
							Governance::Gateway(place) => encode!(place),
							Governance::Limits(asset, limits) => encode!(asset, limits),
							Governance::Supply(rule) => encode!(Some(*rule)),
						}?)
					})
					.collect()
			})
			.await
	}

	/// Sends encoded calls as Sudo, on a test chain.
	pub async fn sudo(&self, call: Vec<u8>) -> Result<Outcome> {
		self.send(&StaticPayload::new("Sudo", "sudo", (Raw(call),))).await
	}
}

/// Already encoded bytes.
struct Raw(Vec<u8>);

impl subxt::ext::scale_encode::EncodeAsType for Raw {
	fn encode_as_type_to<R: subxt::ext::scale_encode::TypeResolver>(
		&self,
		_: R::TypeId,
		_: &R,
		out: &mut Vec<u8>,
	) -> Result<(), subxt::ext::scale_encode::Error> {
		out.extend_from_slice(&self.0);
		Ok(())
	}
}

/// Calls that are open to everybody.
pub enum Call {
	/// Starts the light client.
	Bootstrap(Box<Bootstrap>),
	/// Advances the light client.
	Update(Box<Update>),
	/// Proves the gateway's figures.
	Sync(Box<HeaderProof>, Box<GatewayProof>),
	/// Proves the total supply of the token.
	Supply(Box<HeaderProof>, Box<SupplyProof>),
	/// Takes a deposit.
	Deposit(Deposit, Box<[H256; 32]>),
	/// Credits a waiting deposit.
	Release(u32),
	/// Sends money to Ethereum.
	Withdraw {
		/// What.
		asset: BridgedAsset,
		/// To whom.
		recipient: H160,
		/// The amount, including the fee.
		amount: u128,
		/// The relayer's fee.
		fee: u128,
	},
}

impl Call {
	/// The names of pallet and call.
	pub fn name(&self) -> (&'static str, &'static str) {
		match self {
			Self::Bootstrap(_) => ("EthLightClient", "bootstrap"),
			Self::Update(_) => ("EthLightClient", "submit"),
			Self::Sync(..) => ("EthBridge", "sync"),
			Self::Supply(..) => ("EthBridge", "prove_supply"),
			Self::Deposit(..) => ("EthBridge", "deposit"),
			Self::Release(_) => ("EthBridge", "release"),
			Self::Withdraw { .. } => ("EthBridge", "withdraw"),
		}
	}

	fn arguments(&self) -> Vec<u8> {
		match self {
			Self::Bootstrap(bootstrap) => bootstrap.encode(),
			Self::Update(update) => update.encode(),
			Self::Sync(header, gateway) => (header, gateway).encode(),
			Self::Supply(header, supply) => (header, supply).encode(),
			Self::Deposit(deposit, path) => (deposit, path).encode(),
			Self::Release(index) => index.encode(),
			Self::Withdraw { asset, recipient, amount, fee } => {
				(asset, recipient, amount, fee).encode()
			}
		}
	}
}

/// Calls of governance that set up the bridge.
pub enum Governance {
	/// Sets the Ethereum network to follow.
	Network(Network),
	/// Trusts a beacon block.
	Checkpoint(H256),
	/// Sets the gateway's place.
	Gateway(GatewayPlace),
	/// Sets the limits of an asset.
	Limits(BridgedAsset, Limits),
	/// Lets inflation count LPT on Ethereum.
	Supply(SupplyRule),
}

impl Governance {
	/// The names of pallet and call.
	pub fn name(&self) -> (&'static str, &'static str) {
		match self {
			Self::Network(_) => ("EthLightClient", "set_network"),
			Self::Checkpoint(_) => ("EthLightClient", "set_checkpoint"),
			Self::Gateway(_) => ("EthBridge", "set_gateway"),
			Self::Limits(..) => ("EthBridge", "set_limits"),
			Self::Supply(_) => ("EthBridge", "set_supply_rule"),
		}
	}
}

/// Refuses a chain that is not the gateway's.
pub fn ensure_domain(ours: Option<H256>, theirs: H256) -> Result<()> {
	let ours = ours.context("governance has not said where the gateway is")?;
	ensure!(
		ours == theirs,
		"the gateway is another chain's: its domain is {theirs:?}, the chain's {ours:?}"
	);
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn attack_remark_in_the_pool_looks_like_a_call_of_ours() {
		let (ours, other) = (H256::repeat_byte(1), H256::repeat_byte(2));
		let arguments = [7u8; 40];
		let signed = |account: H256| {
			let mut inner = (0x84u8, 0u8, account, [0u8; 70]).encode();
			inner.extend(arguments);
			inner.encode()
		};
		let found = |pool: &[Vec<u8>]| pending_in(pool, &arguments, Some(ours));
		assert_eq!(found(&[]), Pending::No);
		assert_eq!(found(&[signed(other)]), Pending::Others);
		assert_eq!(found(&[signed(other), signed(ours)]), Pending::Ours);
		assert_eq!(pending_in(&[signed(ours)], &arguments, None), Pending::Others);
		assert_eq!(pending_in(&[signed(ours)], &[8; 40], Some(ours)), Pending::No);
		// What is too short to be signed, and what has no signature.
		assert_eq!(found(&[arguments.to_vec()]), Pending::Others);
		assert_eq!(signer_of(&[]), None);
	}

	#[tokio::test]
	async fn node_should_be_called_unreachable_with_what_to_do_when_nobody_listens() {
		let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
		let address = listener.local_addr().expect("it is bound");
		drop(listener);
		let node = ChainNode::new(&format!("ws://{address}"));
		let said = node.connected().await.err().map(|error| error.to_string());
		let is_right = |said: &String| {
			said.starts_with("it is not reachable: ")
				&& said.ends_with("name another with --node")
				&& !said.contains("RPC error")
		};
		assert!(said.as_ref().is_some_and(is_right), "{said:?}");
	}

	#[test]
	fn deposits_that_wait_should_be_read_and_those_that_are_gone_left_out() {
		let waiting = WaitingDeposit {
			asset: BridgedAsset::Eth,
			recipient: H256::repeat_byte(1),
			amount: 5,
			ready_at: 7,
		};
		let key = |index: u32| {
			let mut key = storage_key("EthBridge", "Waiting");
			key.extend(twox_64(&index.encode()));
			index.encode_to(&mut key);
			format!("0x{}", hex::encode(key))
		};
		let value = format!("0x{}", hex::encode(waiting.encode()));
		let answer = serde_json::json!([
			{ "block": "0x00", "changes": [[key(3), value], [key(4), null]] },
		]);
		assert_eq!(waiting_in(&answer).ok(), Some(vec![(3, waiting)]));
		assert_eq!(waiting_in(&Value::Null).ok(), Some(vec![]));
	}
}
