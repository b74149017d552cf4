//! Ethereum: the gateway, proofs of its state, and the transactions that the relayer sends to it.

use std::{
	sync::atomic::{AtomicUsize, Ordering},
	time::Duration,
};

use alloy_network::{
	eip2718::Encodable2718, EthereumWallet, NetworkTransactionBuilder, TransactionBuilder,
};
use alloy_primitives::{Address, Bytes, B256, U256};
use alloy_provider::{Provider, RootProvider};
use alloy_rpc_types_eth::{
	BlockId, BlockNumberOrTag, EIP1186AccountProofResponse, Filter, Log, TransactionRequest,
};
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::{SolCall, SolEvent, SolInterface};
use alloy_transport::{TransportError, TransportErrorKind};
use anyhow::{anyhow, bail, ensure, Context, Result};
use livepeer_bridge_formats::{
	bridge::{BridgedAsset, Deposit},
	hashing::keccak_256,
	trie,
	types::{EthereumAccount, GatewayPlace, GatewayProof, ProvenSubtree, SupplyProof, TrieProof},
	H256,
};
use tokio::sync::Mutex;

use crate::{http, metrics::Metrics, pool::Pool};

/// The contract, as pallets/eth-bridge/contracts has it.
#[allow(missing_docs)]
pub mod contract {
	alloy_sol_types::sol! {
		#[derive(Debug)]
		struct Withdrawal {
			uint32 index;
			uint8 asset;
			address recipient;
			uint128 amount;
			uint128 fee;
		}

		#[derive(Debug)]
		struct Round {
			uint32 index;
			uint32 round;
			bytes32 root;
			uint32 count;
			uint128 lpt;
			uint128 eth;
		}

		#[derive(Debug)]
		struct Earning {
			uint32 round;
			uint32 index;
			uint8 asset;
			address payee;
			uint128 amount;
		}

		#[derive(Debug)]
		interface Gateway {
			function submit(bytes update) external;
			function withdraw(Withdrawal w, bytes32[] proof) external;
			function openRound(Round r, bytes32[] proof) external;
			function claim(Earning e, bytes32[] proof) external;
			function release(bytes32 id) external;
			function depositLPT(bytes32 recipient, uint128 amount) external;
			function depositETH(bytes32 recipient) external payable;

			function head() external view returns (uint32 blockNumber, uint64 time, uint64 setId, uint32 currentLength, uint32 nextLength, uint8 newest);
			function setRoots(uint256 parity) external view returns (bytes32);
			function messageRoots(uint256 place) external view returns (bytes32);
			function firstBlock() external view returns (uint32);
			function expiresAt() external view returns (uint256);
			function domain() external view returns (bytes32);
			function lpt() external view returns (address);
			function deposits() external view returns (uint32 count, uint112 lpt, uint112 eth);
			function isUsed(uint32 index) external view returns (bool);
			function isClaimed(uint32 round, uint32 index) external view returns (bool);
			function rounds(uint32 round) external view returns (bytes32 root, uint112 lpt, uint112 eth, uint32 count);
			function waiting(bytes32 id) external view returns (address recipient, uint64 readyAt, uint8 asset, uint128 remaining);
			function available(uint8 asset) external view returns (uint128);
			function limits(uint256 asset) external view returns (uint96 perDay, uint96 large, uint112 cap, uint128 minimum);
			function brakes() external view returns (address guardian, uint48 depositsStoppedUntil, uint48 releasesStoppedUntil);

			event Deposited(uint32 indexed index, bytes32 indexed recipient, uint8 asset, uint128 amount, address sender);
			event Committed(uint32 indexed blockNumber, uint64 setId, bytes32 outboundRoot, uint64 time);
			event Delayed(bytes32 indexed id, uint8 asset, address indexed recipient, uint128 amount, uint64 readyAt);

			error DepositsStopped();
			error ReleasesStopped();
			error BadRecipient();
			error BadAmount();
			error BelowMinimum();
			error AboveCap();
			error TreeFull();
			error BridgeDown();
			error LimitReached(uint128 available);
			error NotWaiting();
			error NotReady(uint64 readyAt);
			error TransferFailed();
			error NotEnoughGas();
			error Expired();
			error BadPayload();
			error NotNewer();
			error UnknownValidatorSet(uint64 setId);
			error BadLength();
			error BadPadding();
			error BadSignature(uint256 index);
			error NoQuorum(uint256 votes, uint256 quorum);
			error WrongValidators();
			error BadLeafVersion();
			error OtherBlocksLeaf();
			error WrongNextSet();
			error NotInMountainRange();
			error AlreadyUsed();
			error NotProven();
			error BadMessage();
			error NoSuchRound();
			error RoundOverdrawn();
		}

		interface Token {
			function approve(address spender, uint256 amount) external returns (bool);
			function balanceOf(address owner) external view returns (uint256);
		}
	}
}

use contract::Gateway::{self, GatewayErrors};

/// The number of blocks whose events are requested at once.
const LOG_RANGE: u64 = 2_000;
/// In how many blocks events are looked for in one step: two months.
const MOST_BLOCKS: u64 = 500_000;
/// How many Ethereum blocks a reorganisation may replace.
pub const REORG: u64 = 256;
/// How long to wait until a transaction is in a block.
const PATIENCE: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(500);

/// A failure of a call to the contract.
#[derive(Debug)]
pub enum Refused {
	/// The contract refuses with its own error.
	Contract(GatewayErrors),
	/// It is refused for another reason.
	Other(String),
}

impl std::fmt::Display for Refused {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		match self {
			Self::Contract(error) => write!(f, "{error:?}"),
			Self::Other(reason) => f.write_str(reason),
		}
	}
}

impl Refused {
	/// Whether the reason is that it was done before.
	pub fn is_duplicate(&self) -> bool {
		use GatewayErrors as E;
		matches!(self, Self::Contract(E::AlreadyUsed(_) | E::NotNewer(_) | E::NotWaiting(_)))
	}
}

/// What a transaction did and cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
	/// Gas.
	pub gas: u64,
	/// Wei.
	pub wei: u128,
}

/// What a transaction may cost.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
	/// The most gas.
	pub gas: u64,
	/// What it earns in wei, if it has to pay for itself.
	pub brings: Option<u128>,
	/// Whether it is simulated on the newest block, ignoring the pool.
	pub alone: bool,
}

impl Bounds {
	/// For the sender's own transactions, at any cost.
	pub const OWN: Self = Self { gas: 10_000_000, brings: None, alone: false };

	/// Refuses a transaction that takes more gas than it may, or costs more than it brings. `price` is the
	/// highest gas price: twice the block's base fee plus the tip.
	fn check(&self, gas: u64, price: u128, tip: u128) -> Result<(), Refused> {
		if gas > self.gas {
			let most = self.gas;
			return Err(Refused::Other(format!("it takes {gas} gas, more than the {most} it may")));
		}
		let likely = price.saturating_sub(tip) / 2 + tip;
		let cost = likely.saturating_mul(gas.into());
		match self.brings {
			Some(brings) if brings < cost => {
				Err(Refused::Other(format!("it costs {cost} wei and brings {brings}")))
			}
			_ => Ok(()),
		}
	}
}

/// The outcome of a transaction.
#[derive(Debug)]
pub enum Outcome {
	/// It succeeded.
	Done(Cost),
	/// It was refused before it was sent.
	Refused(Refused),
	/// It is in a block, and was reverted there.
	Undone(Cost, B256),
}

/// The contract's head.
#[derive(Debug, Clone, Copy)]
pub struct Head {
	/// The block of the newest commitment.
	pub number: u32,
	/// When that was made, in seconds.
	pub time: u64,
	/// The validators in office.
	pub set_id: u64,
	/// The newest root of the messages' tree.
	pub message_root: H256,
	/// The root of the next validators.
	pub next_root: H256,
}

/// A delayed payment.
#[derive(Debug, Clone, Copy)]
pub struct Delayed {
	/// The time from which it can be released, in seconds.
	pub ready_at: u64,
	/// What.
	pub asset: u8,
	/// How much.
	pub remaining: u128,
}

/// Execution nodes, and the gateway on them.
pub struct Ethereum {
	nodes: Pool<RootProvider>,
	/// The contract.
	pub gateway: Address,
	/// The block from which its events are read.
	since: u64,
	wallet: Option<(EthereumWallet, Address)>,
	/// The highest price of gas that is paid, in wei.
	max_gas_price: u128,
	/// Serialises transactions; holds the last one's nonce and price, in case it is stuck.
	sending: Mutex<Option<(u64, u128)>>,
}

fn block_of(hash: H256) -> BlockId {
	BlockId::hash(B256::from(hash.0))
}

/// The asset of a byte.
pub fn asset_of(byte: u8) -> Result<BridgedAsset> {
	match byte {
		0 => Ok(BridgedAsset::Lpt),
		1 => Ok(BridgedAsset::Eth),
		other => Err(anyhow!("no asset has the byte {other}")),
	}
}

impl Ethereum {
	/// The nodes at `urls`; `key` signs transactions.
	pub fn new(
		urls: &[String],
		gateway: Address,
		since: u64,
		key: Option<PrivateKeySigner>,
		max_gas_price: u128,
		metrics: Metrics,
	) -> Result<Self> {
		let nodes = Pool::new("execution node", urls, metrics, http::provider)?;
		let wallet = key.map(|key| {
			let address = key.address();
			(EthereumWallet::from(key), address)
		});
		Ok(Self { nodes, gateway, since, wallet, max_gas_price, sending: Mutex::new(None) })
	}

	/// The next node is asked first from now on.
	pub fn pass_over(&self) {
		self.nodes.pass_over();
	}

	/// The amount above which a payment of an asset waits, and how much may leave in a day.
	pub async fn large_and_per_day(&self, asset: BridgedAsset) -> Result<(u128, u128)> {
		let asset = U256::from(asset.byte());
		let limits = self.read(Gateway::limitsCall { asset }).await?;
		Ok((limits.large.to::<u128>(), limits.perDay.to::<u128>()))
	}

	/// The account that signs transactions.
	pub fn address(&self) -> Option<Address> {
		self.wallet.as_ref().map(|(_, address)| *address)
	}

	/// The id of the chain.
	pub async fn chain_id(&self) -> Result<u64> {
		self.nodes
			.ask("the chain's id", |node| async move { Ok(node.client.get_chain_id().await?) })
			.await
	}

	/// The newest block's number and time.
	pub async fn latest(&self) -> Result<(u64, u64)> {
		self.nodes
			.ask("the newest block", |node| async move {
				let block = node.client.get_block_by_number(BlockNumberOrTag::Latest).await?;
				let header = block.context("it has no block")?.header;
				Ok((header.number, header.timestamp))
			})
			.await
	}

	/// Reads the gateway's current state.
	pub async fn read<C: SolCall>(&self, call: C) -> Result<C::Return> {
		self.read_at(call, BlockId::latest()).await
	}

	/// Reads the gateway's state in Ethereum's newest final block.
	pub async fn read_final<C: SolCall>(&self, call: C) -> Result<C::Return> {
		self.read_at(call, BlockId::finalized()).await
	}

	async fn read_at<C: SolCall>(&self, call: C, at: BlockId) -> Result<C::Return> {
		let (call, to) = (&call, self.gateway);
		self.nodes
			.ask(C::SIGNATURE, |node| async move {
				let request =
					TransactionRequest::default().with_to(to).with_input(call.abi_encode());
				let answer = node.client.call(request).block(at).await?;
				C::abi_decode_returns(&answer).context("it answers in another form")
			})
			.await
	}

	/// How many deposits there were at a block, by the node that reports the most: the proof reveals too high
	/// a number, but never one that is too low. `None` before the gateway existed.
	pub async fn deposits_at(&self, block: H256) -> Result<Option<u32>> {
		let gateway = self.gateway;
		let all = self
			.nodes
			.all("the number of deposits", |node| async move {
				let call = Gateway::depositsCall {};
				let request =
					TransactionRequest::default().with_to(gateway).with_input(call.abi_encode());
				let answer = node.client.call(request).block(block_of(block)).await?;
				if answer.is_empty() {
					return Ok(None);
				}
				let deposits = Gateway::depositsCall::abi_decode_returns(&answer);
				Ok(Some(deposits.context("it answers in another form")?.count))
			})
			.await?;
		Ok(all.into_iter().max())
	}

	/// The head of the contract.
	pub async fn head(&self) -> Result<Head> {
		let head = self.read(Gateway::headCall {}).await?;
		let place = U256::from(head.newest);
		let root = self.read(Gateway::messageRootsCall { place }).await?;
		let parity = U256::from((head.setId + 1) % 2);
		let next = self.read(Gateway::setRootsCall { parity }).await?;
		Ok(Head {
			number: head.blockNumber,
			time: head.time,
			set_id: head.setId,
			message_root: H256(root.0),
			next_root: H256(next.0),
		})
	}

	/// The header of a block in RLP.
	pub async fn header(&self, hash: H256) -> Result<Vec<u8>> {
		self.nodes
			.ask("a block's header", |node| async move {
				let block = node.client.get_block_by_hash(B256::from(hash.0)).await?;
				let block = block.context("it does not have that block")?;
				let made = alloy_rlp::encode(&block.header.inner);
				if keccak_256(&made) == hash.0 {
					return Ok(made);
				}
				// It has fields that this program does not know: ask for the node's raw header.
				let raw: Bytes = node
					.client
					.raw_request("debug_getRawHeader".into(), [format!("{hash:?}")])
					.await
					.context(
						"its header has another hash, and it does not serve debug_getRawHeader",
					)?;
				ensure!(keccak_256(&raw) == hash.0, "its header has another hash");
				Ok(raw.to_vec())
			})
			.await
	}

	/// The gateway's figures at a block, with their proofs.
	pub async fn proof(
		&self,
		place: &GatewayPlace,
		block: H256,
		state_root: H256,
	) -> Result<GatewayProof> {
		let gateway = Address::from(place.address.0);
		let token = Address::from(place.token.0);
		let mut key = [0; 64];
		key[12..32].copy_from_slice(&place.address.0);
		key[56..].copy_from_slice(&place.balances_slot.to_be_bytes());
		let balance = vec![B256::from(keccak_256(&key))];
		let balance = &balance;
		self.nodes
			.ask("proofs of the gateway's state", |node| async move {
				let at = block_of(block);
				// The slots that prove it depend on the number of deposits.
				let counters = U256::from(trie::COUNTERS);
				let counters = node.client.get_storage_at(gateway, counters).block_id(at).await?;
				let slots = trie::slots(trie::deposits(&H256(counters.to_be_bytes())));
				let slots = slots.into_iter().map(|slot| B256::from(U256::from(slot))).collect();
				let of_gateway = node.client.get_proof(gateway, slots).block_id(at).await?;
				let of_token = node.client.get_proof(token, balance.clone()).block_id(at).await?;
				let proof = gateway_proof(&of_gateway, &of_token)?;
				ensure!(
					trie::figures(state_root, place, &proof).is_some(),
					"its proofs do not lead to the block's state"
				);
				Ok(proof)
			})
			.await
	}

	/// The token's total supply in a storage slot at a block, with its proof.
	pub async fn supply(
		&self,
		place: &GatewayPlace,
		slot: u64,
		block: H256,
		state_root: H256,
	) -> Result<SupplyProof> {
		let token = Address::from(place.token.0);
		let slots = vec![B256::from(U256::from(slot))];
		let slots = &slots;
		self.nodes
			.ask("a proof of the token's supply", |node| async move {
				let at = block_of(block);
				let found = node.client.get_proof(token, slots.clone()).block_id(at).await?;
				let supply = found.storage_proof.first().context("a storage proof is missing")?;
				let proof = SupplyProof {
					token: account(&found)?,
					token_proof: trie_proof(&found.account_proof)?,
					supply: small(supply.value)?,
					supply_proof: trie_proof(&supply.proof)?,
				};
				ensure!(
					trie::supply(state_root, place, slot, &proof).is_some(),
					"its proofs do not lead to the block's state"
				);
				Ok(proof)
			})
			.await
	}

	/// The deposits from number `from` on, in the blocks `first` to `last`. Returns them with the block to
	/// continue from.
	pub async fn deposits(&self, from: u32, first: u64, last: u64) -> Result<Vec<Deposit>> {
		let mut found = Vec::new();
		let mut at = first.max(self.since);
		let filter = self.events_of::<Gateway::Deposited>();
		let filter = &filter;
		while at <= last {
			let end = last.min(at.saturating_add(LOG_RANGE - 1));
			let next = from + u32::try_from(found.len())?;
			let part = self
				.nodes
				.ask("the deposits", |node| async move {
					let logs = logs(&node.client, filter, at, end).await?;
					let mut part: Vec<Deposit> = Vec::new();
					for log in logs {
						let event = Gateway::Deposited::decode_log(&log.inner)?.data;
						let expected = next + u32::try_from(part.len())?;
						if event.index < from && part.is_empty() {
							continue;
						}
						ensure!(event.index == expected, "it leaves out deposit {expected}");
						part.push(Deposit {
							index: event.index,
							asset: asset_of(event.asset)?,
							recipient: H256(event.recipient.0),
							amount: event.amount,
						});
					}
					Ok(part)
				})
				.await?;
			found.extend(part);
			at = end + 1;
		}
		Ok(found)
	}

	/// The first and the last block of the next search for events, if all blocks before `next` were searched
	/// and `latest` is the newest one. `None` if there are no more.
	pub fn unseen(&self, next: u64, latest: u64) -> Option<(u64, u64)> {
		unseen(next.max(self.since), latest)
	}

	/// The payments that were delayed in blocks `first` to `last`.
	pub async fn delayed(&self, first: u64, last: u64) -> Result<Vec<B256>> {
		let events: Vec<Gateway::Delayed> = self.events("delayed payments", first, last).await?;
		Ok(events.into_iter().map(|event| event.id).collect())
	}

	/// The commitments in blocks `first` to `last`: the chain's block and the root of each.
	pub async fn committed(&self, first: u64, last: u64) -> Result<Vec<(u32, H256)>> {
		let events: Vec<Gateway::Committed> = self.events("commitments", first, last).await?;
		let both = |event: Gateway::Committed| (event.blockNumber, H256(event.outboundRoot.0));
		Ok(events.into_iter().map(both).collect())
	}

	/// The gateway's events of a kind.
	fn events_of<E: SolEvent>(&self) -> Filter {
		Filter::new().address(self.gateway).event_signature(E::SIGNATURE_HASH)
	}

	async fn events<E: SolEvent>(&self, question: &str, first: u64, last: u64) -> Result<Vec<E>> {
		let mut found = Vec::new();
		let mut at = first.max(self.since);
		let filter = self.events_of::<E>();
		let filter = &filter;
		while at <= last {
			let end = last.min(at.saturating_add(LOG_RANGE - 1));
			let logs = self
				.nodes
				.ask(question, |node| async move { logs(&node.client, filter, at, end).await })
				.await?;
			for log in logs {
				found.push(E::decode_log(&log.inner)?.data);
			}
			at = end + 1;
		}
		Ok(found)
	}

	/// The rest of a delayed payment.
	pub async fn waiting(&self, id: B256) -> Result<Option<Delayed>> {
		let w = self.read(Gateway::waitingCall { id }).await?;
		let (ready_at, asset, remaining) = (w.readyAt, w.asset, w.remaining);
		Ok((remaining > 0).then_some(Delayed { ready_at, asset, remaining }))
	}

	/// Simulates a transaction after everything that waits in the pool, with the price and tip that it will
	/// have, because a contract sees them too. Returns its gas.
	pub async fn simulate(
		&self,
		to: Address,
		input: Vec<u8>,
		value: U256,
		at: BlockId,
		fees: Option<(u128, u128)>,
	) -> Result<Result<u64, Refused>> {
		let from = self.address().unwrap_or_default();
		let mut request = TransactionRequest::default()
			.with_from(from)
			.with_to(to)
			.with_value(value)
			.with_input(input);
		if let Some((price, tip)) = fees {
			request = request.with_max_fee_per_gas(price).with_max_priority_fee_per_gas(tip);
		}
		let request = &request;
		self.nodes
			.ask("a trial", |node| async move {
				match node.client.estimate_gas(request.clone()).block(at).await {
					Ok(gas) => Ok(Ok(gas)),
					Err(error) => refusal(error).map(Err),
				}
			})
			.await
	}

	/// Simulates and sends a transaction, and waits until it is in a block.
	pub async fn send(&self, input: Vec<u8>, bounds: Bounds) -> Result<Outcome> {
		self.send_to(self.gateway, input, U256::ZERO, bounds).await
	}

	/// The same, to any contract and with a value.
	pub async fn send_to(
		&self,
		to: Address,
		input: Vec<u8>,
		value: U256,
		bounds: Bounds,
	) -> Result<Outcome> {
		let (wallet, from) = self.wallet.as_ref().context("no key for Ethereum is given")?;
		let mut last = self.sending.lock().await;
		let from = *from;
		let nonce = self
			.nodes
			.ask("the account's number", |node| async move {
				Ok(node.client.get_transaction_count(from).latest().await?)
			})
			.await?;
		let stuck = last.filter(|(number, _)| *number == nonce).map(|(_, price)| price);
		// Others' pending transactions count; our own stuck one will be replaced.
		let at = match stuck.is_some() || bounds.alone {
			true => BlockId::latest(),
			false => BlockId::pending(),
		};
		let (chain_id, fees) = self
			.nodes
			.ask("the price of gas", |node| async move {
				let fees = node.client.estimate_eip1559_fees().await?;
				Ok((node.client.get_chain_id().await?, fees))
			})
			.await?;
		// A node takes a replacement with the same nonce for a tenth more. A transaction that is stuck at the
		// highest price is sent again at that price: every pool may have dropped it.
		let floor = stuck.map_or(0, |price| price.saturating_add(price / 4));
		let floor = floor.min(self.max_gas_price);
		let price = fees.max_fee_per_gas.max(floor);
		if price > self.max_gas_price {
			// Only this node may think so.
			self.pass_over();
			bail!("gas costs {} gwei, more than --max-gas-price: it waits", price / 1_000_000_000);
		}
		let tip = fees.max_priority_fee_per_gas.max(floor.min(price)).min(price);
		let tried = self.simulate(to, input.clone(), value, at, Some((price, tip))).await?;
		let gas = match tried.and_then(|gas| bounds.check(gas, price, tip).map(|()| gas)) {
			Ok(gas) => gas,
			Err(refused) => return Ok(Outcome::Refused(refused)),
		};
		let request = TransactionRequest::default()
			.with_from(from)
			.with_to(to)
			.with_value(value)
			.with_input(input)
			.with_chain_id(chain_id)
			.with_nonce(nonce)
			.with_gas_limit(gas.saturating_add(gas / 5))
			.with_max_fee_per_gas(price)
			.with_max_priority_fee_per_gas(tip);
		let signed = request.build(wallet).await?;
		let (taken, is_held) = self.hand_out(&signed.encoded_2718()).await;
		// A transaction that every node has refused need not be outbid.
		if is_held {
			*last = Some((nonce, price));
		}
		if let Err(error) = taken {
			// The nonce may be wrong, so ask another node next time.
			self.pass_over();
			return Err(error);
		}
		let outcome = self.included(*signed.tx_hash()).await?;
		*last = None;
		Ok(outcome)
	}

	/// Gives a transaction to one node after the other until one takes it. Also says whether any of them may
	/// hold it.
	async fn hand_out(&self, raw: &[u8]) -> (Result<()>, bool) {
		let holders = AtomicUsize::new(0);
		let holding = &holders;
		let taken = self
			.nodes
			.ask("to take a transaction", |node| async move {
				holding.fetch_add(1, Ordering::Relaxed);
				match node.client.send_raw_transaction(raw).await {
					Ok(_) => Ok(()),
					// Another endpoint has already spread it.
					Err(error) if is_known(&error) => Ok(()),
					Err(error) => {
						if has_refused(&error) {
							holding.fetch_sub(1, Ordering::Relaxed);
						}
						Err(error.into())
					}
				}
			})
			.await;
		(taken, holders.load(Ordering::Relaxed) > 0)
	}

	/// Waits until a transaction is in a block.
	async fn included(&self, hash: B256) -> Result<Outcome> {
		let deadline = tokio::time::Instant::now() + PATIENCE;
		loop {
			let receipt = self
				.nodes
				.ask("a receipt", |node| async move {
					Ok(node.client.get_transaction_receipt(hash).await?)
				})
				.await?;
			if let Some(receipt) = receipt {
				let wei = receipt.effective_gas_price.saturating_mul(receipt.gas_used.into());
				let cost = Cost { gas: receipt.gas_used, wei };
				return Ok(match receipt.status() {
					true => Outcome::Done(cost),
					false => Outcome::Undone(cost, hash),
				});
			}
			if tokio::time::Instant::now() >= deadline {
				// The node may not have spread it.
				self.pass_over();
				bail!(
					"{hash} is in no block after {} s; it is sent again at a higher price",
					PATIENCE.as_secs()
				);
			}
			tokio::time::sleep(POLL).await;
		}
	}
}

/// See [`Ethereum::unseen`]. A node can claim any number: a number that is too large must neither cause an
/// endless search, nor hide the blocks that come later.
fn unseen(next: u64, latest: u64) -> Option<(u64, u64)> {
	let first = match next > latest.saturating_add(1) {
		true => latest.saturating_sub(REORG),
		false => next,
	};
	(first <= latest).then(|| (first, latest.min(first.saturating_add(MOST_BLOCKS - 1))))
}

/// Whether a node refuses a transaction because it holds it. Nethermind says "AlreadyKnown", Besu "Known
/// transaction", others "already known".
fn is_known(error: &TransportError) -> bool {
	let text = error.to_string().to_lowercase();
	text.contains("already") || text.contains(": known transaction")
}

/// Whether a node certainly does not hold a transaction that it was sent, nor another one with the same nonce. A
/// server error proves neither: the proxy in front of the node may fail after it has forwarded the transaction.
fn has_refused(error: &TransportError) -> bool {
	let text = error.to_string().to_lowercase();
	let status = error.as_transport_err().and_then(TransportErrorKind::as_http_error);
	!text.contains("replac")
		&& (error.is_error_resp() || status.is_some_and(|error| error.status < 500))
}

/// A node's events in blocks `first` to `last`. Nodes refuse to return too many at once, and depositors
/// decide how many there are. So a refused range is requested in halves, down to single blocks, whose gas
/// bounds the number.
async fn logs(node: &RootProvider, filter: &Filter, first: u64, last: u64) -> Result<Vec<Log>> {
	let mut found = Vec::new();
	let mut at = first;
	let mut range = last.saturating_sub(first).saturating_add(1);
	while at <= last {
		let end = last.min(at.saturating_add(range - 1));
		let part = filter.clone().from_block(at).to_block(end);
		match node.get_logs(&part).await {
			Ok(logs) => {
				found.extend(logs);
				at = end.saturating_add(1);
			}
			Err(error) if range > 1 && (error.is_error_resp() || http::is_too_long(&error)) => {
				range = range.div_ceil(2);
			}
			Err(error) => return Err(error.into()),
		}
	}
	Ok(found)
}

/// The contract's refusal, or the node's error.
fn refusal(error: TransportError) -> Result<Refused> {
	let TransportError::ErrorResp(payload) = &error else { return Err(error.into()) };
	if let Some(data) = payload.as_revert_data() {
		if let Ok(known) = GatewayErrors::abi_decode(&data) {
			return Ok(Refused::Contract(known));
		}
		return Ok(Refused::Other(format!("{} {data}", payload.message)));
	}
	if payload.message.contains("revert") {
		return Ok(Refused::Other(payload.message.to_string()));
	}
	Err(error.into())
}

fn small(value: U256) -> Result<u128> {
	value.try_into().map_err(|_| anyhow!("an amount is too large"))
}

fn trie_proof(nodes: &[Bytes]) -> Result<TrieProof> {
	// Some nodes return an empty trie as one empty node.
	let nodes = nodes.iter().filter(|node| node.as_ref() != [0x80]);
	let nodes = nodes
		.map(|node| node.to_vec().try_into().map_err(|_| anyhow!("a node of a proof is too long")))
		.collect::<Result<Vec<_>>>()?;
	nodes.try_into().map_err(|_| anyhow!("a proof has too many nodes"))
}

fn account(proof: &EIP1186AccountProofResponse) -> Result<EthereumAccount> {
	Ok(EthereumAccount {
		nonce: proof.nonce,
		balance: small(proof.balance)?,
		storage_root: H256(proof.storage_hash.0),
		code_hash: H256(proof.code_hash.0),
	})
}

/// The results of `eth_getProof` for gateway and token, in the chain's form.
fn gateway_proof(
	gateway: &EIP1186AccountProofResponse,
	token: &EIP1186AccountProofResponse,
) -> Result<GatewayProof> {
	let hash = |value: U256| H256(value.to_be_bytes());
	let mut words = gateway.storage_proof.iter();
	let mut word = || -> Result<(H256, TrieProof)> {
		let found = words.next().context("a storage proof is missing")?;
		Ok((hash(found.value), trie_proof(&found.proof)?))
	};
	let (lpt, lpt_proof) = word()?;
	let (eth, eth_proof) = word()?;
	let (counters, counters_proof) = word()?;
	let subtrees = words
		.map(|found| {
			Ok(ProvenSubtree { root: hash(found.value), proof: trie_proof(&found.proof)? })
		})
		.collect::<Result<Vec<_>>>()?;
	let balance = token.storage_proof.first().context("a storage proof is missing")?;
	Ok(GatewayProof {
		gateway: account(gateway)?,
		gateway_proof: trie_proof(&gateway.account_proof)?,
		lpt,
		lpt_proof,
		eth,
		eth_proof,
		counters,
		counters_proof,
		subtrees: subtrees
			.try_into()
			.map_err(|_| anyhow!("it gives more slots than were asked"))?,
		token: account(token)?,
		token_proof: trie_proof(&token.account_proof)?,
		lpt_balance: small(balance.value)?,
		lpt_balance_proof: trie_proof(&balance.proof)?,
	})
}

#[cfg(test)]
pub(crate) mod tests {
	use super::*;
	use crate::beacon::tests::serve;
	use alloy_json_rpc::ErrorPayload;
	use axum::Router;
	use serde_json::{json, Value};
	use std::sync::{Arc, Mutex, PoisonError};

	const GWEI: u64 = 1_000_000_000;

	/// An execution node with a gas price of three gwei. It gives a usual answer where `answer` returns `None`.
	pub(crate) async fn node<F>(answer: F) -> String
	where
		F: Fn(&Value) -> Option<Value> + Clone + Send + Sync + 'static,
	{
		let app = Router::new().fallback(move |body: String| {
			let asked: Value = serde_json::from_str(&body).expect("JSON");
			let usual = || {
				let result = match asked["method"].as_str().unwrap_or_default() {
					"eth_getTransactionCount" => json!("0x7"),
					"eth_feeHistory" => json!({
						"oldestBlock": "0x1",
						"baseFeePerGas": ["0x3b9aca00", "0x3b9aca00"],
						"gasUsedRatio": [0.5],
						"reward": [["0x3b9aca00"]],
					}),
					"eth_chainId" => json!("0x1"),
					"eth_estimateGas" => json!("0x15f90"),
					_ => Value::Null,
				};
				json!({ "result": result })
			};
			let mut said = answer(&asked).unwrap_or_else(usual);
			said["jsonrpc"] = "2.0".into();
			said["id"] = asked["id"].clone();
			async move { said.to_string() }
		});
		serve(app).await
	}

	/// Sends a transaction `times` times, for at most four gwei, to a node that always answers `said`. Returns the
	/// prices of the trials.
	async fn prices_of(times: usize, said: Value) -> Vec<u64> {
		let prices: Arc<Mutex<Vec<u64>>> = Arc::default();
		let noted = prices.clone();
		let url = node(move |asked| match asked["method"].as_str() {
			Some("eth_estimateGas") => {
				let price = asked["params"][0]["maxFeePerGas"].as_str().unwrap_or_default();
				let price = u64::from_str_radix(price.trim_start_matches("0x"), 16);
				let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
				noted.push(price.expect("a number"));
				None
			}
			Some("eth_sendRawTransaction") => Some(said.clone()),
			_ => None,
		});
		let key = format!("{:064x}", 7).parse().expect("a key");
		let (urls, most) = ([url.await], u128::from(4 * GWEI));
		let ethereum = Ethereum::new(&urls, Address::ZERO, 0, Some(key), most, Metrics::default());
		let ethereum = ethereum.expect("a node");
		for _ in 0..times {
			assert!(ethereum.send(vec![1, 2, 3, 4], Bounds::OWN).await.is_err());
		}
		let prices = prices.lock().unwrap_or_else(PoisonError::into_inner);
		prices.clone()
	}

	#[tokio::test]
	async fn attack_transaction_that_no_node_takes_is_outbid() {
		let full = json!({ "error": { "code": -32_000, "message": "txpool is full" } });
		assert_eq!(prices_of(3, full).await, [3 * GWEI; 3]);
		// If the node holds another transaction with the same nonce, the price rises.
		let other = json!({
			"error": { "code": -32_000, "message": "replacement transaction underpriced" },
		});
		assert_eq!(prices_of(2, other).await, [3 * GWEI, 3 * GWEI + 3 * GWEI / 4]);
	}

	#[tokio::test]
	async fn attack_relayer_outbids_itself_until_it_may_send_nothing_more() {
		// It is unknown whether the node holds it.
		let prices = prices_of(4, json!({ "neither": true })).await;
		assert_eq!(prices, [3 * GWEI, 3 * GWEI + 3 * GWEI / 4, 4 * GWEI, 4 * GWEI]);
	}

	#[test]
	fn transaction_should_be_known_in_the_words_of_each_client() {
		let is_known = |message: &'static str| {
			let payload = ErrorPayload { code: -32_000, message: message.into(), data: None };
			is_known(&TransportError::err_resp(payload))
		};
		assert!(is_known("already known"));
		assert!(is_known("AlreadyKnown"));
		assert!(is_known("Known transaction"));
		assert!(!is_known("unknown transaction type"));
		assert!(!is_known("nonce too low"));
	}

	#[tokio::test]
	async fn attack_node_says_that_gas_is_too_dear() {
		let dear = node(|asked| {
			let history = json!({
				"oldestBlock": "0x1",
				"baseFeePerGas": ["0x174876e800", "0x174876e800"],
				"gasUsedRatio": [0.5],
				"reward": [["0x3b9aca00"]],
			});
			let is_about_gas = asked["method"] == "eth_feeHistory";
			is_about_gas.then(|| json!({ "result": history }))
		});
		let other = node(|asked| {
			let is_about_id = asked["method"] == "eth_chainId";
			is_about_id.then(|| json!({ "result": "0x7" }))
		});
		let key = format!("{:064x}", 7).parse().expect("a key");
		let (urls, most) = ([dear.await, other.await], u128::from(4 * GWEI));
		let ethereum = Ethereum::new(&urls, Address::ZERO, 0, Some(key), most, Metrics::default());
		let ethereum = ethereum.expect("nodes");
		let refused = ethereum.send(vec![1, 2, 3, 4], Bounds::OWN).await;
		assert!(refused.is_err_and(|error| error.to_string().contains("--max-gas-price")));
		// The next question goes to the other node.
		assert_eq!(ethereum.chain_id().await.ok(), Some(7));
	}

	#[test]
	fn attack_node_says_that_there_are_more_blocks_than_there_are() {
		assert_eq!(unseen(10, 20), Some((10, 20)));
		assert_eq!(unseen(21, 20), None);
		// The search has an end.
		assert_eq!(unseen(10, u64::MAX), Some((10, 9 + MOST_BLOCKS)));
		// Later blocks are still searched.
		assert_eq!(unseen(10 + MOST_BLOCKS, 1_000), Some((1_000 - REORG, 1_000)));
		assert_eq!(unseen(u64::MAX, 5), Some((0, 5)));
	}

	fn vectors() -> Value {
		let file = include_str!("../../../tests/bridge/vectors.json");
		serde_json::from_str(file).expect("JSON")
	}

	#[test]
	fn proofs_of_a_node_should_prove_what_the_chain_reads_from_them() {
		let state = &vectors()["state"];
		let of = |name: &str| serde_json::from_value(state[name].clone()).expect("a proof");
		let proof = gateway_proof(&of("gatewayProof"), &of("tokenProof")).expect("proofs");
		let text = |name: &str| state[name].as_str().unwrap_or_default();
		let place = GatewayPlace {
			chain_id: 1,
			address: text("gateway").parse().expect("an address"),
			token: text("token").parse().expect("an address"),
			balances_slot: 0,
		};
		let root: H256 = text("stateRoot").parse().expect("a root");
		let figures = trie::figures(root, &place, &proof).expect("figures");
		let expected = |asset: &str, name: &str| {
			state["expected"][asset][name].as_str().and_then(|text| text.parse::<u128>().ok())
		};
		for (asset, view) in [("lpt", figures.lpt), ("eth", figures.eth)] {
			assert_eq!(Some(view.balance), expected(asset, "balance"));
			assert_eq!(Some(view.deposited), expected(asset, "deposited"));
			assert_eq!(Some(view.released), expected(asset, "released"));
		}
		assert_eq!(figures.deposits, 3);
		assert_eq!(
			state["expected"]["depositRoot"].as_str(),
			Some(format!("{:?}", figures.deposit_root).as_str())
		);
		// Under another state the node has lied.
		let other = H256::repeat_byte(1);
		assert!(trie::figures(other, &place, &proof).is_none());
	}

	#[test]
	fn oversized_proofs_should_be_refused() {
		assert!(trie_proof(&vec![Bytes::from(vec![1]); 21]).is_err());
		assert!(trie_proof(&[Bytes::from(vec![1; 641])]).is_err());
		assert_eq!(trie_proof(&[Bytes::from(vec![0x80])]).map(|proof| proof.len()).ok(), Some(0));
	}

	#[test]
	fn refusals_should_be_told_apart() {
		let used = Gateway::AlreadyUsed {};
		assert!(Refused::Contract(GatewayErrors::AlreadyUsed(used)).is_duplicate());
		let limit = Gateway::LimitReached { available: 5 };
		let refused = Refused::Contract(GatewayErrors::LimitReached(limit));
		assert!(!refused.is_duplicate());
		assert!(refused.to_string().contains("LimitReached"));
	}

	#[tokio::test]
	async fn attack_deposits_are_more_than_a_node_gives_at_once() {
		// Each block has a deposit with its number. At most three are returned at once, and never one of
		// block 120.
		let app = Router::new().fallback(|body: String| async move {
			let asked: Value = serde_json::from_str(&body).expect("JSON");
			let block = |name: &str| {
				let text = asked["params"][0][name].as_str().unwrap_or_default();
				u32::from_str_radix(text.trim_start_matches("0x"), 16).expect("a number")
			};
			let blocks = block("fromBlock")..=block("toBlock");
			let mut answer = json!({ "jsonrpc": "2.0", "id": asked["id"] });
			if blocks.clone().count() > 3 || blocks.contains(&120) {
				answer["error"] = json!({ "code": -32_005, "message": "too many results" });
			} else {
				answer["result"] = blocks
					.map(|index| {
						let event = Gateway::Deposited {
							index,
							recipient: B256::repeat_byte(1),
							asset: 1,
							amount: 5,
							sender: Address::ZERO,
						};
						let data = event.encode_log_data();
						json!({
							"address": Address::ZERO,
							"topics": data.topics(),
							"data": data.data,
							"blockNumber": format!("{index:#x}"),
							"blockHash": null,
							"transactionHash": null,
							"transactionIndex": null,
							"logIndex": "0x0",
							"removed": false,
						})
					})
					.collect();
			}
			answer.to_string()
		});
		let urls = [serve(app).await];
		let ethereum = Ethereum::new(&urls, Address::ZERO, 0, None, 0, Metrics::default());
		let ethereum = ethereum.expect("a node");
		let found = ethereum.deposits(0, 0, 99).await.expect("all of them");
		assert!(found.iter().map(|deposit| deposit.index).eq(0..100));
		// A refusal for a single block is an error.
		assert!(ethereum.deposits(100, 100, 120).await.is_err());
	}

	#[test]
	fn attack_recipient_has_the_relayer_pay_more_than_its_fee() {
		let (price, tip) = (21, 1);
		let bounds = Bounds { gas: 800_000, brings: Some(1_100_000), alone: false };
		assert!(bounds.check(100_000, price, tip).is_ok());
		assert!(bounds.check(100_001, price, tip).is_err());
		assert!(Bounds { brings: None, ..bounds }.check(800_000, price, tip).is_ok());
		assert!(Bounds { brings: None, ..bounds }.check(800_001, price, tip).is_err());
		assert!(Bounds { brings: Some(0), ..bounds }.check(1, price, tip).is_err());
	}

	/// The contract's own interface has every function, event and error that is used here.
	#[test]
	fn interface_should_be_that_of_the_artefact() {
		let file = include_str!("../../../pallets/eth-bridge/contracts/artifacts/Gateway.json");
		let artefact: Value = serde_json::from_str(file).expect("JSON");
		fn kind(input: &Value) -> String {
			let name = input["type"].as_str().unwrap_or_default();
			match name.strip_prefix("tuple") {
				Some(rest) => {
					let parts: Vec<String> = input["components"]
						.as_array()
						.map(|all| all.iter().map(kind).collect())
						.unwrap_or_default();
					format!("({}){rest}", parts.join(","))
				}
				None => name.to_owned(),
			}
		}
		let known: Vec<String> = artefact["abi"]
			.as_array()
			.expect("an interface")
			.iter()
			.map(|item| {
				let inputs: Vec<String> = item["inputs"]
					.as_array()
					.map(|all| all.iter().map(kind).collect())
					.unwrap_or_default();
				format!("{}({})", item["name"].as_str().unwrap_or_default(), inputs.join(","))
			})
			.collect();
		let used = [
			Gateway::submitCall::SIGNATURE,
			Gateway::withdrawCall::SIGNATURE,
			Gateway::openRoundCall::SIGNATURE,
			Gateway::claimCall::SIGNATURE,
			Gateway::releaseCall::SIGNATURE,
			Gateway::depositLPTCall::SIGNATURE,
			Gateway::depositETHCall::SIGNATURE,
			Gateway::headCall::SIGNATURE,
			Gateway::setRootsCall::SIGNATURE,
			Gateway::messageRootsCall::SIGNATURE,
			Gateway::firstBlockCall::SIGNATURE,
			Gateway::expiresAtCall::SIGNATURE,
			Gateway::domainCall::SIGNATURE,
			Gateway::lptCall::SIGNATURE,
			Gateway::depositsCall::SIGNATURE,
			Gateway::isUsedCall::SIGNATURE,
			Gateway::isClaimedCall::SIGNATURE,
			Gateway::roundsCall::SIGNATURE,
			Gateway::waitingCall::SIGNATURE,
			Gateway::availableCall::SIGNATURE,
			Gateway::limitsCall::SIGNATURE,
			Gateway::brakesCall::SIGNATURE,
			Gateway::Deposited::SIGNATURE,
			Gateway::Delayed::SIGNATURE,
			Gateway::Committed::SIGNATURE,
		];
		for signature in used {
			assert!(known.iter().any(|known| known == signature), "{signature}");
		}
		for selector in GatewayErrors::SELECTORS {
			let mut hashes = known.iter().map(|known| keccak_256(known.as_bytes()));
			assert!(hashes.any(|hash| hash[..4] == selector[..]), "{selector:?}");
		}
	}

	proptest::proptest! {
		/// Whatever a node answers in the contract's name is read or refused.
		#[test]
		fn answers_of_a_node_should_not_panic_when_they_are_anything(
			mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..500),
			topics in proptest::collection::vec(proptest::prelude::any::<[u8; 32]>(), 0..5),
			is_near in proptest::prelude::any::<bool>(),
		) {
			// The small numbers that lengths and offsets are.
			if is_near {
				for word in bytes.chunks_mut(32) {
					let upper = word.len().saturating_sub(1);
					word[..upper].fill(0);
				}
			}
			let mut topics: Vec<B256> = topics.into_iter().map(B256::from).collect();
			for signature in [
				Gateway::Deposited::SIGNATURE_HASH,
				Gateway::Committed::SIGNATURE_HASH,
				Gateway::Delayed::SIGNATURE_HASH,
			] {
				if let Some(first) = topics.first_mut() {
					*first = signature;
				}
				let data = Bytes::from(bytes.clone());
				let log = alloy_primitives::Log::new_unchecked(Address::ZERO, topics.clone(), data);
				let _ = Gateway::Deposited::decode_log(&log);
				let _ = Gateway::Committed::decode_log(&log);
				let _ = Gateway::Delayed::decode_log(&log);
			}
			let _ = Gateway::headCall::abi_decode_returns(&bytes);
			let _ = Gateway::depositsCall::abi_decode_returns(&bytes);
			let _ = Gateway::roundsCall::abi_decode_returns(&bytes);
			let _ = Gateway::waitingCall::abi_decode_returns(&bytes);
			let _ = Gateway::limitsCall::abi_decode_returns(&bytes);
			for selector in GatewayErrors::SELECTORS {
				let mut error = selector.to_vec();
				error.extend_from_slice(&bytes);
				let _ = GatewayErrors::abi_decode(&error);
			}
			// A call of ours that is cut or changed is another one or none.
			let _ = Gateway::withdrawCall::abi_decode(&bytes);
			let _ = Gateway::claimCall::abi_decode_raw(&bytes);
		}
	}
}
