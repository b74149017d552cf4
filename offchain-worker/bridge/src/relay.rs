//! Shared by both directions: endpoints, the operator's policy, relayers' turns, costs.

use std::{
	collections::{BTreeMap, HashMap},
	sync::{Mutex, PoisonError},
	time::{Duration, Instant},
};

use alloy_primitives::{Address, U256};
use anyhow::{bail, Result};

use crate::{
	beacon::Beacon,
	chain::{self, Call, Chain, Pending},
	ethereum::{self, Bounds, Cost, Ethereum},
	metrics::Metrics,
};

/// The longest hold after a refusal.
const LONGEST_HOLD: Duration = Duration::from_secs(3_600);
/// Failures in a row after which the hold grows no more.
const MOST_DOUBLINGS: u32 = 8;
/// The most pieces of work that are remembered.
const MOST_WORK: usize = 10_000;
/// How many times work is left to a transaction in a pool before it is sent anyway. Somebody's pending
/// transaction may look like it, or even do it, and never come into a block.
const MOST_PENDING: u32 = 4;
/// How many times a transaction is sent and reverted, at the relayer's cost, until the work is given up.
const MOST_UNDONE: u32 = 3;
/// How long it stays given up.
const GIVEN_UP: Duration = Duration::from_secs(86_400);
/// The most gas of a payment: whatever the recipient does, the contract needs less.
const PAYMENT_GAS: u64 = 800_000;
/// The most gas of any transaction: Ethereum's own limit, less what is added to an estimate.
const MOST_GAS: u64 = 13_900_000;

/// Whose earnings are claimed.
#[derive(Clone, Debug, PartialEq)]
pub enum Claims {
	/// Nobody's.
	Nobody,
	/// Everybody's.
	Everybody,
	/// Of these payees.
	Of(Vec<Address>),
}

impl Claims {
	/// Whether a payee's earnings are claimed.
	pub fn include(&self, payee: Address) -> bool {
		match self {
			Self::Nobody => false,
			Self::Everybody => true,
			Self::Of(payees) => payees.contains(&payee),
		}
	}
}

/// The operator's policy.
#[derive(Clone, Debug)]
pub struct Policy {
	/// Sends nothing, and only logs what it would send.
	pub dry_run: bool,
	/// How many relayers come before this one.
	pub rank: u32,
	/// How long each relayer has for a piece of work.
	pub turn: Duration,
	/// How old either side's knowledge of the other may get if nothing waits to pass.
	pub refresh: Duration,
	/// Whether only messages with a fee are carried to Ethereum.
	pub paid_only: bool,
	/// The least fees in LPT and in ETH; 0 for none.
	pub min_fee: [u128; 2],
	/// The value of an LPT in wei, if fees in LPT are to be compared with the cost.
	pub lpt_price: Option<u128>,
	/// Whose earnings are claimed.
	pub claims: Claims,
}

#[derive(Clone, Copy)]
struct Work {
	since: Instant,
	until: Option<Instant>,
	failures: u32,
	undone: u32,
}

/// The first failure of a step whose other parts continued.
#[derive(Default)]
pub struct Failures(Option<anyhow::Error>);

impl Failures {
	/// Returns whether a part of the step did anything; keeps the first failure.
	pub fn took(&mut self, part: Result<bool>) -> bool {
		part.unwrap_or_else(|error| {
			tracing::debug!("a part of a step: {error:#}");
			if self.0.is_none() {
				self.0 = Some(error);
			}
			false
		})
	}

	/// The step's result: its failure, unless it did something nevertheless.
	pub fn end(self, did: bool) -> Result<bool> {
		self.0.filter(|_| !did).map_or(Ok(did), Err)
	}
}

/// Why a piece of work is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
	/// It was logged in a dry run.
	Said,
	/// It was refused, at no cost.
	Refused,
	/// It was paid for, and has to be done again: it was reverted, or has come again.
	Undone,
}

/// The outcome of a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Went {
	/// It is done, by this or another relayer.
	Done,
	/// It is not done: refused, or a dry run.
	Held,
}

/// Costs and earnings since the start, by kind.
#[derive(Default, Clone, Debug)]
pub struct Costs {
	/// Count, gas and wei by kind of transaction on Ethereum.
	pub ethereum: BTreeMap<&'static str, (u64, u64, u128)>,
	/// Count and LPT by call on the chain.
	pub chain: BTreeMap<&'static str, (u64, u128)>,
	/// Fees of withdrawals, LPT and ETH.
	pub earned: [u128; 2],
}

/// Smallest units as a decimal number of LPT or ETH.
pub fn amount(units: u128) -> String {
	const UNIT: u128 = 1_000_000_000_000_000_000;
	let fraction = format!("{:018}", units % UNIT);
	let fraction = fraction.trim_end_matches('0');
	let point = if fraction.is_empty() { "" } else { "." };
	format!("{}{point}{fraction}", units / UNIT)
}

impl std::fmt::Display for Costs {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		writeln!(f, "on Ethereum:")?;
		for (what, (times, gas, wei)) in &self.ethereum {
			writeln!(f, "  {what:<12} {times:>6} × {gas:>12} gas {:>24} ETH", amount(*wei))?;
		}
		writeln!(f, "on the chain:")?;
		for (what, (times, fee)) in &self.chain {
			writeln!(f, "  {what:<12} {times:>6} × {:>41} LPT", amount(*fee))?;
		}
		let [lpt, eth] = self.earned;
		write!(f, "earned: {} LPT, {} ETH", amount(lpt), amount(eth))
	}
}

/// A relayer.
pub struct Relay {
	/// Our chain.
	pub chain: Chain,
	/// Ethereum's consensus.
	pub beacon: Beacon,
	/// Ethereum's execution and the gateway.
	pub ethereum: Ethereum,
	/// Counters.
	pub metrics: Metrics,
	/// The operator's policy.
	pub policy: Policy,
	work: Mutex<HashMap<String, Work>>,
	costs: Mutex<Costs>,
}

impl Relay {
	/// Of its parts.
	pub fn new(
		chain: Chain,
		beacon: Beacon,
		ethereum: Ethereum,
		metrics: Metrics,
		policy: Policy,
	) -> Self {
		let (work, costs) = (Mutex::default(), Mutex::default());
		Self { chain, beacon, ethereum, metrics, policy, work, costs }
	}

	/// The costs and earnings.
	pub fn costs(&self) -> Costs {
		self.costs.lock().unwrap_or_else(PoisonError::into_inner).clone()
	}

	/// Whether this relayer does a piece of work now: the relayers before it have had their turns, and it was
	/// not refused a moment ago. The first question starts the first turn.
	pub fn may(&self, work: &str) -> bool {
		may(
			&mut self.work.lock().unwrap_or_else(PoisonError::into_inner),
			work,
			self.policy.turn.saturating_mul(self.policy.rank),
			Instant::now(),
		)
	}

	/// Whether a piece of work is held because it was refused.
	pub fn is_held(&self, work: &str) -> bool {
		let all = self.work.lock().unwrap_or_else(PoisonError::into_inner);
		all.get(work).is_some_and(|entry| entry.is_held(Instant::now()))
	}

	/// Holds a piece of work that cannot be done now.
	pub fn leave(&self, work: &str) {
		self.hold(work, Why::Refused);
	}

	fn hold(&self, work: &str, why: Why) {
		hold(
			&mut self.work.lock().unwrap_or_else(PoisonError::into_inner),
			work,
			why,
			Instant::now(),
		);
	}

	/// Whether to wait longer for what looks like another relayer's transaction.
	fn may_wait(&self, work: &str) -> bool {
		may_wait(&self.work.lock().unwrap_or_else(PoisonError::into_inner), work)
	}

	fn forget(&self, work: &str) {
		self.work.lock().unwrap_or_else(PoisonError::into_inner).remove(work);
	}

	/// Sends a call to the chain, unless the same call is in its pool.
	pub async fn to_chain(&self, work: &str, call: Call) -> Result<Went> {
		let (_, name) = call.name();
		if self.policy.dry_run {
			tracing::info!("would send {name} to the chain: {work}");
			self.hold(work, Why::Said);
			return Ok(Went::Held);
		}
		let pending = self.chain.pending(&call).await;
		if is_waited_for(pending, self.may_wait(work)) {
			tracing::info!("{work}: it waits in the pool already");
			self.metrics.duplicate(name);
			self.hold(work, Why::Refused);
			return Ok(Went::Held);
		}
		match self.chain.submit(&call).await? {
			chain::Outcome::Done(fee) => {
				tracing::info!("{work}: done, for {} LPT", amount(fee));
				self.metrics.sent(name);
				self.metrics.spent_on_chain(name, fee);
				let mut costs = self.costs.lock().unwrap_or_else(PoisonError::into_inner);
				let (times, spent) = costs.chain.entry(name).or_default();
				*times += 1;
				*spent = spent.saturating_add(fee);
				drop(costs);
				self.forget(work);
				Ok(Went::Done)
			}
			chain::Outcome::Refused(reason) => {
				tracing::warn!("{work}: the chain refuses it: {reason}");
				self.metrics.refused(name);
				// Work for somebody else is not retried at one's own cost for ever.
				let given_up = matches!(call, Call::Release(_));
				self.hold(work, if given_up { Why::Undone } else { Why::Refused });
				Ok(Went::Held)
			}
		}
	}

	fn spent(&self, kind: &'static str, Cost { gas, wei }: Cost) {
		self.metrics.spent_on_ethereum(kind, gas, wei);
		let mut costs = self.costs.lock().unwrap_or_else(PoisonError::into_inner);
		let (times, all_gas, all_wei) = costs.ethereum.entry(kind).or_default();
		*times += 1;
		*all_gas = all_gas.saturating_add(gas);
		*all_wei = all_wei.saturating_add(wei);
	}

	/// Sends a transaction to the gateway if its simulation succeeds, at first after everything in the pool,
	/// and if it costs no more than it `brings`, in wei, if that is given.
	pub async fn to_ethereum(
		&self,
		kind: &'static str,
		work: &str,
		input: Vec<u8>,
		brings: Option<u128>,
	) -> Result<Went> {
		let is_finality = matches!(kind, "handover" | "commitment");
		let gas = if is_finality { MOST_GAS } else { PAYMENT_GAS };
		if self.policy.dry_run {
			let at = alloy_rpc_types_eth::BlockId::pending();
			let trial =
				self.ethereum.simulate(self.ethereum.gateway, input, U256::ZERO, at, None).await?;
			match trial {
				Ok(gas) => tracing::info!("would send {kind} to Ethereum, {gas} gas: {work}"),
				Err(refused) => tracing::info!("would be refused on Ethereum: {work}: {refused}"),
			}
			self.hold(work, Why::Said);
			return Ok(Went::Held);
		}
		let alone = !self.may_wait(work);
		match self.ethereum.send(input, Bounds { gas, brings, alone }).await? {
			ethereum::Outcome::Done(cost) => {
				tracing::info!("{work}: done, {} gas, {} ETH", cost.gas, amount(cost.wei));
				self.metrics.sent(kind);
				self.spent(kind, cost);
				// Finished work comes again only if Ethereum has dropped it, or a node lies.
				match kind {
					"withdraw" | "openRound" | "claim" => self.hold(work, Why::Undone),
					_ => self.forget(work),
				}
				Ok(Went::Done)
			}
			ethereum::Outcome::Undone(cost, hash) => {
				tracing::warn!(
					"{work}: {hash} was undone, for {} ETH: somebody else was faster, or what was tried has changed",
					amount(cost.wei)
				);
				self.metrics.refused(kind);
				self.spent(kind, cost);
				// The simulation was wrong, even if it may not be the node's fault.
				self.ethereum.pass_over();
				self.hold(work, if is_finality { Why::Refused } else { Why::Undone });
				Ok(Went::Held)
			}
			ethereum::Outcome::Refused(refused) => {
				if refused.is_duplicate() {
					tracing::info!("{work}: another relayer has done it");
					self.metrics.duplicate(kind);
				} else {
					tracing::warn!("{work}: it is not sent: {refused}");
					self.metrics.refused(kind);
				}
				// A pending transaction may still fail, and a node may refuse everything: try again later, with
				// the next node.
				self.ethereum.pass_over();
				self.hold(work, Why::Refused);
				Ok(Went::Held)
			}
		}
	}

	/// Counts the fee of a withdrawal.
	pub fn earned(&self, asset: usize, fee: u128) {
		let mut costs = self.costs.lock().unwrap_or_else(PoisonError::into_inner);
		if let Some(earned) = costs.earned.get_mut(asset) {
			*earned = earned.saturating_add(fee);
		}
		drop(costs);
		self.metrics.earned(if asset == 0 { "LPT" } else { "ETH" }, fee);
	}

	/// Fails if the endpoints belong to different bridges.
	pub async fn ensure_fits(&self) -> Result<()> {
		let network = self.chain.network().await?;
		if let Some(network) = network {
			let spec = self.beacon.spec().await?;
			if spec.network.genesis_validators_root != network.genesis_validators_root {
				bail!("the beacon nodes follow another Ethereum than the chain");
			}
		}
		let place = self.chain.gateway().await?;
		if let Some(place) = place {
			if place.address.0 != self.ethereum.gateway.into_array() {
				bail!("the chain's gateway is {:?}, not the one given", place.address);
			}
			let chain_id = self.ethereum.chain_id().await?;
			if chain_id != place.chain_id {
				bail!("the execution nodes are of chain {chain_id}, not {}", place.chain_id);
			}
			let domain = self.ethereum.read(ethereum::contract::Gateway::domainCall {}).await?;
			let ours = self.chain.bridge().await?.domain;
			chain::ensure_domain(ours, livepeer_bridge_formats::H256(domain.0))?;
		}
		Ok(())
	}
}

fn may(all: &mut HashMap<String, Work>, work: &str, wait: Duration, now: Instant) -> bool {
	if all.len() >= MOST_WORK {
		// Work that is given up is remembered longest.
		all.retain(|_, entry| entry.undone >= MOST_UNDONE && entry.is_held(now));
	}
	if all.len() >= MOST_WORK {
		all.clear();
	}
	let first = Work { since: now, until: None, failures: 0, undone: 0 };
	let entry = all.entry(work.to_owned()).or_insert(first);
	now.duration_since(entry.since) >= wait && entry.until.is_none_or(|until| now >= until)
}

/// Whether a call is left to a pending transaction. Not if the pool cannot be read: anybody can make it too
/// large to read, for free, with transactions that fit into no block.
fn is_waited_for(pending: Result<Pending>, may_wait: bool) -> bool {
	match pending {
		Ok(Pending::Ours) => true,
		Ok(Pending::Others) => may_wait,
		Ok(Pending::No) => false,
		Err(error) => {
			tracing::warn!("the pool cannot be searched: {error:#}");
			false
		}
	}
}

fn may_wait(all: &HashMap<String, Work>, work: &str) -> bool {
	all.get(work).is_none_or(|entry| entry.failures < MOST_PENDING)
}

impl Work {
	fn is_held(&self, now: Instant) -> bool {
		self.until.is_some_and(|until| now < until)
	}
}

/// Refused work is held for a second, then twice as long each time; dry-run work for an hour; work that was
/// paid for in vain three times, for a day.
fn hold(all: &mut HashMap<String, Work>, work: &str, why: Why, now: Instant) {
	let Some(entry) = all.get_mut(work) else { return };
	let doubled = Duration::from_secs(1 << entry.failures.min(MOST_DOUBLINGS));
	entry.undone = entry.undone.saturating_add(u32::from(why == Why::Undone));
	let pause = match why {
		Why::Said => LONGEST_HOLD,
		_ if entry.undone >= MOST_UNDONE => GIVEN_UP,
		_ => doubled,
	};
	entry.until = Some(now + pause);
	entry.failures = entry.failures.saturating_add(1);
}

#[cfg(test)]
mod tests {
	use super::*;
	use anyhow::anyhow;
	use std::sync::Arc;

	const SECOND: Duration = Duration::from_secs(1);

	#[test]
	fn relayers_of_lower_rank_should_have_their_turn_first() {
		let (mut all, start) = (HashMap::new(), Instant::now());
		assert!(may(&mut all, "first", Duration::ZERO, start));
		assert!(!may(&mut all, "second", SECOND * 30, start));
		assert!(!may(&mut all, "second", SECOND * 30, start + SECOND * 29));
		assert!(may(&mut all, "second", SECOND * 30, start + SECOND * 30));
	}

	#[test]
	fn refused_work_should_be_left_alone_longer_each_time() {
		let (mut all, start) = (HashMap::new(), Instant::now());
		let mut now = start;
		for pause in [1, 2, 4, 8, 16, 32, 64, 128, 256, 256] {
			assert!(may(&mut all, "it", Duration::ZERO, now));
			hold(&mut all, "it", Why::Refused, now);
			assert!(!may(&mut all, "it", Duration::ZERO, now + SECOND * (pause - 1)));
			now += SECOND * pause;
		}
		assert!(may(&mut all, "it", Duration::ZERO, now));
	}

	#[test]
	fn attack_pool_is_made_too_large_to_be_read() {
		assert!(!is_waited_for(Err(anyhow!("the answer is too large")), true));
		assert!(!is_waited_for(Ok(Pending::No), true));
		assert!(is_waited_for(Ok(Pending::Ours), false));
		assert!(is_waited_for(Ok(Pending::Others), true));
		assert!(!is_waited_for(Ok(Pending::Others), false));
	}

	#[test]
	fn attack_work_that_is_undone_is_paid_for_without_end() {
		let (mut all, start) = (HashMap::new(), Instant::now());
		for pause in [1, 2, 86_400] {
			assert!(may(&mut all, "it", Duration::ZERO, start + SECOND * 10));
			hold(&mut all, "it", Why::Undone, start);
			assert!(!may(&mut all, "it", Duration::ZERO, start + SECOND * (pause - 1)));
		}
		assert!(!may(&mut all, "it", Duration::ZERO, start + SECOND * 86_399));
		// Filling the memory with other work does not make it forgotten.
		for place in 0..2 * MOST_WORK {
			may(&mut all, &place.to_string(), Duration::ZERO, start);
		}
		assert!(!may(&mut all, "it", Duration::ZERO, start + SECOND * 86_399));
		assert!(may(&mut all, "it", Duration::ZERO, start + SECOND * 86_400));
	}

	#[test]
	fn attack_what_fails_stands_before_what_can_be_done() {
		let mut failures = Failures::default();
		assert!(!failures.took(Err(anyhow::anyhow!("its state is gone"))));
		assert!(failures.took(Ok(true)) && !failures.took(Err(anyhow::anyhow!("later"))));
		assert!(Failures(failures.0).end(true).is_ok_and(|did| did));
		let mut failures = Failures::default();
		failures.took(Err(anyhow::anyhow!("first")));
		failures.took(Err(anyhow::anyhow!("second")));
		assert!(failures.end(false).is_err_and(|error| error.to_string() == "first"));
		assert!(Failures::default().end(false).is_ok_and(|did| !did));
	}

	#[test]
	fn attack_call_that_waits_in_the_pool_for_ever_keeps_relayers_from_sending_it() {
		let (mut all, mut now) = (HashMap::new(), Instant::now());
		let start = now;
		for pause in [1, 2, 4, 8] {
			assert!(may(&mut all, "it", Duration::ZERO, now) && may_wait(&all, "it"));
			hold(&mut all, "it", Why::Refused, now);
			now += SECOND * pause;
		}
		assert!(may(&mut all, "it", Duration::ZERO, now) && !may_wait(&all, "it"));
		assert_eq!(now - start, SECOND * 15);
	}

	#[test]
	fn what_is_remembered_should_be_bounded() {
		let (mut all, now) = (HashMap::new(), Instant::now());
		for place in 0..2 * MOST_WORK {
			may(&mut all, &place.to_string(), Duration::ZERO, now);
		}
		assert!(all.len() <= MOST_WORK);
	}

	#[test]
	fn amounts_should_be_written_exactly() {
		assert_eq!(amount(0), "0");
		assert_eq!(amount(1), "0.000000000000000001");
		assert_eq!(amount(1_500_000_000_000_000_000), "1.5");
		assert_eq!(amount(u128::MAX), "340282366920938463463.374607431768211455");
	}

	/// An execution node that takes every trial, and remembers what it was asked.
	async fn execution(asked: Arc<Mutex<Vec<String>>>) -> String {
		let app = axum::Router::new().fallback(move |body: String| {
			let question: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
			let method = question["method"].as_str().unwrap_or_default().to_owned();
			asked.lock().unwrap_or_else(PoisonError::into_inner).push(method);
			let id = &question["id"];
			let answer = serde_json::json!({ "jsonrpc": "2.0", "id": id, "result": "0x15f90" });
			async move { answer.to_string() }
		});
		let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
		let address = listener.local_addr().expect("an address");
		tokio::spawn(async move { axum::serve(listener, app).await });
		format!("http://{address}")
	}

	/// A relayer with these execution nodes and no node of the chain.
	fn relayer(execution: &[String], dry_run: bool) -> Relay {
		let (metrics, nobody) = (Metrics::default(), |scheme| [format!("{scheme}://127.0.0.1:9")]);
		let key = Some(format!("{:064x}", 7).parse().expect("a key"));
		let (gateway, most) = (Address::repeat_byte(1), 10_000_000_000);
		Relay::new(
			Chain::new(&nobody("ws"), None, metrics.clone()).expect("a node"),
			Beacon::new(&nobody("http"), metrics.clone()).expect("a node"),
			Ethereum::new(execution, gateway, 0, key, most, metrics.clone()).expect("a node"),
			metrics,
			Policy {
				dry_run,
				rank: 0,
				turn: Duration::ZERO,
				refresh: Duration::ZERO,
				paid_only: false,
				min_fee: [0; 2],
				lpt_price: None,
				claims: Claims::Nobody,
			},
		)
	}

	#[tokio::test]
	async fn attack_node_refuses_every_trial() {
		let liar = ethereum::tests::node(|asked| {
			let refusal = serde_json::json!({ "code": 3, "message": "execution reverted" });
			let is_trial = asked["method"] == "eth_estimateGas";
			is_trial.then(|| serde_json::json!({ "error": refusal }))
		});
		let asked = Arc::new(Mutex::new(Vec::new()));
		let relay = relayer(&[liar.await, execution(asked.clone()).await], false);
		assert!(relay.may("message 1"));
		let tried = relay.to_ethereum("withdraw", "message 1", vec![1, 2, 3, 4], None).await;
		assert!(tried.expect("a trial") == Went::Held);
		// The next question goes to the other node.
		relay.ethereum.chain_id().await.expect("a number");
		assert_eq!(*asked.lock().unwrap_or_else(PoisonError::into_inner), ["eth_chainId"]);
	}

	#[tokio::test]
	async fn dry_run_should_try_and_say_but_send_nothing() {
		let asked = Arc::new(Mutex::new(Vec::new()));
		let relay = relayer(&[execution(asked.clone()).await], true);
		assert!(relay.may("message 1") && relay.may("deposit 1"));
		let tried = relay.to_ethereum("withdraw", "message 1", vec![1, 2, 3, 4], None).await;
		assert!(tried.expect("a trial") == Went::Held);
		// The chain, which nobody serves here, is not even asked.
		let told = relay.to_chain("deposit 1", Call::Release(1)).await;
		assert!(told.expect("nothing is asked") == Went::Held);
		assert_eq!(*asked.lock().unwrap_or_else(PoisonError::into_inner), ["eth_estimateGas"]);
		// It is said once, and counted as nothing.
		assert!(relay.is_held("message 1") && relay.is_held("deposit 1"));
		assert!(!relay.metrics.encode().contains("livepeer_bridge_sent_total{"));
	}
}
